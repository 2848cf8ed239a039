// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the CPU cannot be asked from user space: privilege, faults and their
 * priority, the flags that the caller gets, and the contract with callbacks.
 */
#include "one.h"

static void test_rf_and_rip(void **state)
{
	(void)state;
	m.emu.rflags |= 1 << 16;
	m.gpr[HG_RBX] = MEM;
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_DONE);		/* mov [rbx], eax */
	assert_int_equal(m.emu.rflags, 2);
	assert_int_equal(m.emu.rip, MACHINE_CODE + 2);
	assert_int_equal(m.emu.out_flags, 0);
}

static void test_trap_flag(void **state)
{
	(void)state;
	m.emu.rflags |= 0x100;
	m.gpr[HG_RBX] = MEM;
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_DONE);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_TRAP);
	/* Each iteration traps. */
	m.gpr[HG_RDI] = MEM;
	m.gpr[HG_RCX] = 3;
	assert_int_equal(RUN(0xf3, 0xaa), HG_EMU_REPEAT);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_TRAP);
	assert_int_equal(m.gpr[HG_RCX], 2);
}

static void test_segment_loads(void **state)
{
	(void)state;
	m.emu.rflags |= 0x100;
	m.gpr[HG_RBX] = MEM;
	poke(MEM, 0x1234, 2);
	assert_int_equal(RUN(0x8e, 0x13), HG_EMU_DONE);		/* mov ss, [rbx] */
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_SHADOW);
	assert_int_equal(m.loaded_seg, HG_SEG_SS);
	assert_int_equal(m.loaded_selector, 0x1234);
	assert_int_equal(RUN(0x8e, 0x1b), HG_EMU_DONE);		/* mov ds, [rbx] */
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_TRAP);
	assert_int_equal(m.loaded_seg, HG_SEG_DS);
	assert_int_equal(RUN(0x8e, 0x0b), HG_EMU_FAULT);	/* mov cs: none */
	assert_fault(HG_VEC_UD, -1);
	assert_int_equal(RUN(0x8e, 0x33), HG_EMU_FAULT);	/* sreg 6 */
	assert_fault(HG_VEC_UD, -1);

	/* The load faults: rSP must not have moved. */
	poke(MEM, 0xbad8, 2);
	m.gpr[HG_RSP] = MEM;
	assert_int_equal(RUN(0x0f, 0xa1), HG_EMU_FAULT);	/* pop fs */
	assert_fault(HG_VEC_GP, 0xbad8);
	assert_int_equal(m.gpr[HG_RSP], MEM);
	assert_int_equal(m.emu.out_flags, 0);
	poke(MEM, 0x77, 2);
	assert_int_equal(RUN(0x0f, 0xa1), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RSP], MEM + 8);
	assert_int_equal(m.loaded_seg, HG_SEG_FS);

	m.seg[HG_SEG_GS].selector = 0xabcd;
	assert_int_equal(RUN(0x8c, 0x2b), HG_EMU_DONE);		/* mov [rbx], gs */
	assert_int_equal(peek(MEM, 4), 0xabcd);
	m.gpr[HG_RAX] = ~0ull;
	assert_int_equal(RUN(0x8c, 0xe8), HG_EMU_DONE);		/* mov eax, gs */
	assert_int_equal(m.gpr[HG_RAX], 0xabcd);
}

static void test_canonical(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = 0x800000000000ull;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.gpr[HG_RBP] = 0x7ffffffffffdull;
	assert_int_equal(RUN(0x8b, 0x45, 0x00), HG_EMU_FAULT);	/* [rbp]: stack */
	assert_fault(HG_VEC_SS, 0);
	m.gpr[HG_RBX] = 0x7ffffffffffcull;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);	/* canonical, absent */
	assert_int_equal(m.emu.fault.vector, HG_VEC_PF);
	m.emu.cr4 |= 1 << 12;
	m.gpr[HG_RBX] = 0x800000000000ull;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);
	assert_int_equal(m.emu.fault.vector, HG_VEC_PF);
	m.emu.cr4 &= ~(1ull << 12);
	m.gpr[HG_RBX] = MEM;
	poke(MEM, 0x800000000000ull, 8);
	assert_int_equal(RUN(0xff, 0x23), HG_EMU_FAULT);	/* jmp [rbx] */
	assert_fault(HG_VEC_GP, 0);
}

static void test_fs_gs_base(void **state)
{
	(void)state;
	m.seg[HG_SEG_GS].base = MEM;
	m.seg[HG_SEG_ES].base = 0x5555;
	m.gpr[HG_RBX] = 0x10;
	poke(MEM + 0x10, 0x11223344, 4);
	assert_int_equal(RUN(0x65, 0x8b, 0x03), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RAX], 0x11223344);
	m.gpr[HG_RBX] = MEM + 0x10;
	m.gpr[HG_RAX] = 0;
	assert_int_equal(RUN(0x26, 0x8b, 0x03), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RAX], 0x11223344);
}

static void test_call_and_jump(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = MEM;
	m.gpr[HG_RSP] = MEM + 0x100;
	poke(MEM, 0xffff800000001234ull, 8);
	assert_int_equal(RUN(0xff, 0x13), HG_EMU_DONE);		/* call [rbx] */
	assert_int_equal(m.emu.rip, 0xffff800000001234ull);
	assert_int_equal(m.gpr[HG_RSP], MEM + 0xf8);
	assert_int_equal(peek(MEM + 0xf8, 8), MACHINE_CODE + 2);
	assert_int_equal(RUN(0xff, 0x23), HG_EMU_DONE);		/* jmp [rbx] */
	assert_int_equal(m.emu.rip, 0xffff800000001234ull);
	assert_int_equal(RUN(0xff, 0x2b), HG_EMU_UNSUPPORTED);	/* jmp far */
	assert_int_equal(m.emu.reason, HG_EMU_R_OPCODE);

	/* The stack is not there: nothing moves. */
	m.gpr[HG_RSP] = 0x1000;
	assert_int_equal(RUN(0xff, 0x13), HG_EMU_FAULT);
	assert_fault(HG_VEC_PF, HG_PFEC_W);
	assert_int_equal(m.gpr[HG_RSP], 0x1000);
}

static void test_lock(void **state)
{
	static const u8 bad[][4] = {
		{ 0xf0, 0x89, 0x03 },		/* mov */
		{ 0xf0, 0x01, 0xd8 },		/* add reg, reg */
		{ 0xf0, 0x03, 0x03 },		/* add reg, mem */
		{ 0xf0, 0x39, 0x03 },		/* cmp */
		{ 0xf0, 0x83, 0x3b, 0x01 },	/* cmp mem, imm */
		{ 0xf0, 0x0f, 0xa3, 0x03 },	/* bt */
		{ 0xf0, 0xf7, 0x23 },		/* mul */
		{ 0xf0, 0xff, 0x33 },		/* push */
		{ 0xf0, 0xa4 },			/* movs */
		{ 0xf0, 0xe6, 0x80 },		/* out */
	};
	u32 i;

	(void)state;
	m.gpr[HG_RBX] = MEM;
	for (i = 0; i < HG_ARRAY_SIZE(bad); i++) {
		assert_int_equal(one_run(bad[i], 4), HG_EMU_FAULT);
		assert_fault(HG_VEC_UD, -1);
	}
	m.gpr[HG_RAX] = 5;
	poke(MEM, 7, 4);
	assert_int_equal(RUN(0xf0, 0x01, 0x03), HG_EMU_DONE);
	assert_int_equal(m.exchanges, 1);
	assert_int_equal(m.writes, 0);
	assert_int_equal(peek(MEM, 4), 12);
	/* XCHG locks by itself. */
	assert_int_equal(RUN(0x87, 0x03), HG_EMU_DONE);
	assert_int_equal(m.exchanges, 2);
	assert_int_equal(m.gpr[HG_RAX], 12);
}

static void test_lock_lost(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = MEM;
	m.gpr[HG_RAX] = 1;
	m.lose = 1;
	poke(MEM, 0x10, 4);
	assert_int_equal(RUN(0xf0, 0x0f, 0xc1, 0x03), HG_EMU_REPEAT);	/* xadd */
	assert_int_equal(m.gpr[HG_RAX], 1);
	assert_int_equal(m.emu.rip, MACHINE_CODE);
	assert_int_equal(m.emu.rflags, 2);
	assert_int_equal(machine_run(&m), HG_EMU_DONE);
	/* The value that the other CPU put there is the one that counts. */
	assert_int_equal(m.gpr[HG_RAX], 0x10 ^ 0x55);
	assert_int_equal(peek(MEM, 4), (0x10 ^ 0x55) + 1);
}

static void test_cmpxchg16b(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = 1;
	m.gpr[HG_RCX] = 2;
	m.gpr[HG_RSI] = MEM + 8;
	assert_int_equal(RUN(0x48, 0x0f, 0xc7, 0x0e), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.gpr[HG_RSI] = MEM;
	poke(MEM, 3, 8);
	poke(MEM + 8, 4, 8);
	assert_int_equal(RUN(0xf0, 0x48, 0x0f, 0xc7, 0x0e), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RAX], 3);
	assert_int_equal(m.gpr[HG_RDX], 4);
	assert_false(m.emu.rflags & 0x40);
	assert_int_equal(RUN(0xf0, 0x48, 0x0f, 0xc7, 0x0e), HG_EMU_DONE);
	assert_true(m.emu.rflags & 0x40);
	assert_int_equal(peek(MEM, 8), 1);
	assert_int_equal(peek(MEM + 8, 8), 2);
}

/* Quotients at the edge, which chance does not find. */
static void test_divide_edges(void **state)
{
	static const struct {
		u64 rdx, rax, divisor;
		bool byte, fits;
		u64 quotient, remainder;
	} c[] = {
		{ 0, 0xff80, 1, true, true, 0x80, 0 },		/* -128 / 1 */
		{ 0, 0x0080, 1, true, false, 0, 0 },		/* 128 / 1 */
		{ 0, 0x0080, 0xff, true, true, 0x80, 0 },	/* 128 / -1 */
		{ 0, 0xff7f, 1, true, false, 0, 0 },		/* -129 / 1 */
		{ 0, 0x0007, 0, true, false, 0, 0 },
		{ 0, 0xfff9, 2, true, true, 0xfd, 0xff },	/* -7 / 2 = -3, -1 */
		{ ~0ull, 1ull << 63, 1, false, true, 1ull << 63, 0 },
		{ 0, 1ull << 63, 1, false, false, 0, 0 },
		{ 0, 1ull << 63, ~0ull, false, true, 1ull << 63, 0 },
		{ ~0ull, 1ull << 63, ~0ull, false, false, 0, 0 },
		{ 1ull << 63, 0, 1ull << 63, false, false, 0, 0 },
		{ ~0ull, ~0ull, 2, false, true, 0, ~0ull },
	};
	u32 i;

	(void)state;
	m.gpr[HG_RBX] = MEM;
	for (i = 0; i < HG_ARRAY_SIZE(c); i++) {
		enum hg_emu_result ret;

		m.gpr[HG_RAX] = c[i].rax;
		m.gpr[HG_RDX] = c[i].rdx;
		poke(MEM, c[i].divisor, 8);
		ret = c[i].byte ? RUN(0xf6, 0x3b) : RUN(0x48, 0xf7, 0x3b);	/* idiv */
		if (!c[i].fits) {
			assert_int_equal(ret, HG_EMU_FAULT);
			assert_fault(HG_VEC_DE, -1);
			continue;
		}
		assert_int_equal(ret, HG_EMU_DONE);
		if (c[i].byte) {
			assert_int_equal(m.gpr[HG_RAX], c[i].remainder << 8 | c[i].quotient);
		} else {
			assert_int_equal(m.gpr[HG_RAX], c[i].quotient);
			assert_int_equal(m.gpr[HG_RDX], c[i].remainder);
		}
	}
}

static void test_access_flags(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = MEM;
	RUN(0x8b, 0x03);
	assert_int_equal(m.last_access, HG_ACC_SOLE);
	m.emu.cpl = 3;
	RUN(0x8b, 0x03);
	assert_int_equal(m.last_access, HG_ACC_SOLE | HG_ACC_USER);
	RUN(0x01, 0x03);
	assert_int_equal(m.last_access, HG_ACC_SOLE | HG_ACC_USER | HG_ACC_WRITE);
	/* Two pages, two operands, or a stack beside it: not the sole one. */
	m.sole = 0;
	m.gpr[HG_RBX] = MEM + 4094;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_DONE);
	m.gpr[HG_RSI] = MEM;
	m.gpr[HG_RDI] = MEM + 64;
	assert_int_equal(RUN(0xa4), HG_EMU_DONE);
	m.gpr[HG_RSP] = MEM + 0x100;
	m.gpr[HG_RBX] = MEM;
	assert_int_equal(RUN(0xff, 0x33), HG_EMU_DONE);
	assert_int_equal(RUN(0x8f, 0x03), HG_EMU_DONE);
	assert_int_equal(m.sole, 0);
	/* Only the first iteration is where the CPU stopped. */
	m.gpr[HG_RDI] = MEM;
	m.gpr[HG_RCX] = 5;
	assert_int_equal(RUN(0xf3, 0xaa), HG_EMU_DONE);
	assert_int_equal(m.sole, 1);
}

static void test_rmw_faults_as_write(void **state)
{
	(void)state;
	m.page[0] = PAGE_RO;
	m.gpr[HG_RBX] = MEM;
	assert_int_equal(RUN(0x01, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_PF, HG_PFEC_P | HG_PFEC_W);
	assert_int_equal(m.emu.fault.cr2, MEM);
	assert_int_equal(RUN(0x3b, 0x03), HG_EMU_DONE);		/* cmp reads */
	assert_int_equal(m.writes, 0);
}

static void test_store_across_pages_is_whole(void **state)
{
	(void)state;
	m.page[1] = PAGE_RO;
	m.gpr[HG_RBX] = MEM + 4094;
	m.gpr[HG_RAX] = 0x11223344;
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_PF, HG_PFEC_P | HG_PFEC_W);
	assert_int_equal(m.emu.fault.cr2, MEM + 4096);
	assert_int_equal(m.writes, 0);
	m.page[1] = PAGE_DEVICE;
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_DONE);
	assert_int_equal(peek(MEM + 4094, 4), 0x11223344);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_POSTED);
}

/* The instruction ends before a page that is not there. */
static void test_fetch_stops_at_page(void **state)
{
	static const u8 mov[] = { 0x8b, 0x03 };
	static const u8 split[] = { 0x8b, 0x83, 0x10, 0, 0, 0 };

	(void)state;
	m.code_page[1] = PAGE_NONE;
	m.gpr[HG_RBX] = MEM;
	machine_code(&m, 4094, mov, 2);
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.fetches, 1);
	assert_int_equal(m.emu.nr_bytes, 2);

	m.emu.cpl = 3;
	machine_code(&m, 4093, split, 6);
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_FAULT);
	assert_int_equal(m.emu.fault.vector, HG_VEC_PF);
	assert_int_equal(m.emu.fault.error_code, HG_PFEC_I | HG_PFEC_U);
	assert_int_equal(m.emu.fault.cr2, MACHINE_CODE + 4096);
	m.code_page[1] = PAGE_RAM;
	m.emu.nr_bytes = 0;
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.emu.rip, MACHINE_CODE + 4099);
}

/* Bytes that the CPU delivered are used, the missing ones fetched. */
static void test_known_bytes(void **state)
{
	static const u8 add[] = { 0x81, 0x03, 1, 0, 0, 0 };

	(void)state;
	m.gpr[HG_RBX] = MEM;
	machine_code(&m, 0, add, 6);
	memcpy(m.emu.bytes, add, 6);
	m.emu.nr_bytes = 6;
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.fetches, 0);
	machine_code(&m, 0, add, 6);
	memcpy(m.emu.bytes, add, 3);
	m.emu.nr_bytes = 3;
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.fetches, 1);
	assert_int_equal(peek(MEM, 4), 2);
}

static void test_refusals(void **state)
{
	struct hg_emu_ops none;

	(void)state;
	assert_int_equal(RUN(0x0f, 0x0b), HG_EMU_UNSUPPORTED);	/* ud2 decodes */
	assert_int_equal(m.emu.reason, HG_EMU_R_OPCODE);
	assert_int_equal(m.emu.insn.len, 2);
	assert_int_equal(RUN(0x0f, 0x04), HG_EMU_FAULT);
	assert_fault(HG_VEC_UD, -1);
	assert_int_equal(RUN(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_EVEX);
	assert_int_equal(RUN(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			     0x66, 0x66, 0x66, 0x66, 0x90), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x0f, 0xae, 0x03), HG_EMU_UNSUPPORTED);	/* fxsave */
	assert_int_equal(m.emu.reason, HG_EMU_R_OPCODE);
	assert_int_equal(RUN(0xc7, 0xf8, 0, 0, 0, 0), HG_EMU_UNSUPPORTED);	/* xbegin */

	m.page[0] = PAGE_FAIL;
	m.gpr[HG_RBX] = MEM;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_CALLBACK);

	none = *m.emu.ops;
	none.cmpxchg = NULL;
	none.get_vec = NULL;
	none.load_seg = NULL;
	m.emu.ops = &none;
	m.page[0] = PAGE_RAM;
	assert_int_equal(RUN(0xf0, 0x01, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_NO_CALLBACK);
	assert_int_equal(RUN(0x0f, 0x10, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_NO_CALLBACK);
	assert_int_equal(RUN(0x8e, 0x1b), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_NO_CALLBACK);

	m.emu.mode = 3;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_STATE);
}

static enum hg_emu_io answer;

static enum hg_emu_io any_read(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			       struct hg_emu_fault *f)
{
	(void)ctx; (void)linear; (void)len; (void)access; (void)f;
	if (buf)
		memset(buf, 0, len);
	return answer;
}

static enum hg_emu_io any_write(void *ctx, u64 linear, const void *buf, u32 len, u32 access,
				struct hg_emu_fault *f)
{
	(void)ctx; (void)linear; (void)buf; (void)len; (void)access; (void)f;
	return answer;
}

/* Answers that the contract does not allow are not obeyed. */
static void test_protocol(void **state)
{
	struct hg_emu_ops ops = *m.emu.ops;

	(void)state;
	ops.read = any_read;
	ops.write = any_write;
	m.emu.ops = &ops;
	answer = HG_EMU_IO_POSTED;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_PROTOCOL);
	assert_int_equal(RUN(0x03, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_PROTOCOL);
	answer = HG_EMU_IO_PENDING;
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_PROTOCOL);
	assert_int_equal(RUN(0xc6, 0x03, 0x00), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_PROTOCOL);
	answer = 99;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_PROTOCOL);
	answer = HG_EMU_IO_LOST;
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_UNSUPPORTED);
	assert_int_equal(m.emu.reason, HG_EMU_R_PROTOCOL);
	assert_int_equal(m.emu.rip, MACHINE_CODE);
}

static void test_vector_state(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = MEM;
	m.emu.cr0 |= 1 << 3;					/* TS */
	assert_int_equal(RUN(0x0f, 0x10, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_NM, -1);
	assert_int_equal(RUN(0xc5, 0xf8, 0x10, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_NM, -1);
	m.emu.cr0 |= 1 << 2;					/* EM */
	assert_int_equal(RUN(0x0f, 0x10, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_UD, -1);
	m.emu.cr0 &= ~0xcull;
	m.emu.cr4 &= ~(1ull << 9);				/* OSFXSR */
	assert_int_equal(RUN(0x0f, 0x10, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_UD, -1);
	assert_int_equal(RUN(0x0f, 0x6f, 0x03), HG_EMU_DONE);	/* MMX is without */
	m.emu.xcr0 = 3;
	assert_int_equal(RUN(0xc5, 0xf8, 0x10, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_UD, -1);
	m.emu.xcr0 = 7;
	m.emu.cr4 &= ~(1ull << 18);
	assert_int_equal(RUN(0xc5, 0xf8, 0x10, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_UD, -1);
	m.emu.cr4 |= 1 << 18;
	assert_int_equal(RUN(0xc5, 0xf8, 0x10, 0x03), HG_EMU_DONE);
	assert_int_equal(RUN(0xc5, 0xf0, 0x10, 0x03), HG_EMU_FAULT);	/* vvvv */
	assert_fault(HG_VEC_UD, -1);
	assert_int_equal(RUN(0xc5, 0xfc, 0x12, 0x03), HG_EMU_FAULT);	/* L */
	assert_fault(HG_VEC_UD, -1);
	assert_int_equal(RUN(0xc5, 0xf8, 0x6f, 0x03), HG_EMU_FAULT);	/* no MMX */
	assert_fault(HG_VEC_UD, -1);
	assert_int_equal(RUN(0x0f, 0x2b, 0xc0), HG_EMU_FAULT);	/* movntps reg */
	assert_fault(HG_VEC_UD, -1);
}

static void test_string_zero_count(void **state)
{
	(void)state;
	m.gpr[HG_RSI] = 0;
	m.gpr[HG_RDI] = 0;
	m.gpr[HG_RCX] = 0xffffffff00000000ull;
	assert_int_equal(RUN(0x67, 0xf3, 0xa4), HG_EMU_DONE);
	assert_int_equal(m.emu.rip, MACHINE_CODE + 3);
	assert_int_equal(m.gpr[HG_RCX], 0xffffffff00000000ull);
	assert_int_equal(m.reads + m.writes, 0);
}

static void test_string_batch(void **state)
{
	(void)state;
	m.gpr[HG_RDI] = MEM;
	m.gpr[HG_RCX] = 6000;
	m.gpr[HG_RAX] = 0x41;
	assert_int_equal(RUN(0xf3, 0xaa), HG_EMU_REPEAT);
	assert_int_equal(m.gpr[HG_RCX], 6000 - 4096);
	assert_int_equal(m.emu.rip, MACHINE_CODE);
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RCX], 0);
	assert_int_equal(m.gpr[HG_RDI], MEM + 6000);
	/* A posted write ends the batch. */
	m.page[0] = PAGE_DEVICE;
	m.gpr[HG_RDI] = MEM;
	m.gpr[HG_RCX] = 3;
	assert_int_equal(RUN(0xf3, 0xaa), HG_EMU_REPEAT);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_POSTED);
	assert_int_equal(m.gpr[HG_RCX], 2);
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_REPEAT);
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_POSTED);
}

static void test_replay_log(void **state)
{
	struct hg_replay r;
	u8 buf[32];
	u32 i;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_false(hg_replay_get(&r, 1, buf, 4));
	assert_false(hg_replay_answer(&r, buf, 4));
	assert_false(hg_replay_ask(&r, 1, 0));
	assert_false(hg_replay_ask(&r, 1, HG_REPLAY_DATA + 1));
	assert_true(hg_replay_ask(&r, 0x1000, 4));
	assert_false(hg_replay_get(&r, 0x1000, buf, 4));
	assert_false(hg_replay_answer(&r, "abc", 3));
	assert_true(hg_replay_answer(&r, "abcd", 4));
	assert_false(hg_replay_answer(&r, "efgh", 4));
	assert_false(hg_replay_get(&r, 0x1001, buf, 4));
	assert_false(hg_replay_get(&r, 0x1000, buf, 2));
	assert_true(hg_replay_get(&r, 0x1000, buf, 4));
	assert_memory_equal(buf, "abcd", 4);
	assert_false(hg_replay_get(&r, 0x1000, buf, 4));
	hg_replay_reset(&r);
	for (i = 0; i < HG_REPLAY_MAX; i++) {
		assert_true(hg_replay_ask(&r, i, 1));
		assert_true(hg_replay_answer(&r, "x", 1));
		assert_true(hg_replay_get(&r, i, buf, 1));
	}
	assert_false(hg_replay_ask(&r, i, 1));
	/* Asked otherwise the second time: what followed is forgotten. */
	r.next = 2;
	assert_true(hg_replay_ask(&r, 99, 1));
	assert_int_equal(r.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T64(test_rf_and_rip), T64(test_trap_flag), T64(test_segment_loads),
		T64(test_canonical), T64(test_fs_gs_base), T64(test_call_and_jump),
		T64(test_lock), T64(test_lock_lost), T64(test_cmpxchg16b),
		T64(test_divide_edges), T64(test_access_flags), T64(test_rmw_faults_as_write),
		T64(test_store_across_pages_is_whole), T64(test_fetch_stops_at_page),
		T64(test_known_bytes), T64(test_refusals), T64(test_protocol),
		T64(test_vector_state), T64(test_string_zero_count), T64(test_string_batch),
		T64(test_replay_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
