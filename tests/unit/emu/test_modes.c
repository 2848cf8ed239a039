// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulator's ports and their permission, segmentation, and the 16- and
 * 32-bit modes.
 */
#include "one.h"

static void test_ports(void **state)
{
	(void)state;
	m.gpr[HG_RAX] = 0x1122334455667788ull;
	m.gpr[HG_RDX] = 0xffff0cf8;
	m.in_next = 0x10;
	assert_int_equal(RUN(0xe4, 0x70), HG_EMU_DONE);
	assert_int_equal(m.last_port, 0x70);
	assert_int_equal(m.gpr[HG_RAX], 0x1122334455667710ull);
	assert_int_equal(RUN(0xed), HG_EMU_DONE);
	assert_int_equal(m.last_port, 0xcf8);
	assert_int_equal(m.gpr[HG_RAX], 0x14131211);
	assert_int_equal(RUN(0x48, 0xed), HG_EMU_DONE);		/* still 32 bits */
	assert_int_equal(m.gpr[HG_RAX], 0x18171615);
	assert_int_equal(RUN(0x66, 0xe7, 0xff), HG_EMU_DONE);
	assert_int_equal(m.last_port, 0xff);
	assert_int_equal(m.out_len, 2);
	assert_memory_equal(m.out_log, "\x15\x16", 2);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_POSTED);
	m.gpr[HG_RDX] = 0xdead;
	assert_int_equal(RUN(0xec), HG_EMU_UNSUPPORTED);
}

static void test_ins_bulk(void **state)
{
	u32 i;

	(void)state;
	m.gpr[HG_RDX] = 0x1f0;
	m.gpr[HG_RDI] = MEM + 100;
	m.gpr[HG_RCX] = 256;
	assert_int_equal(RUN(0x66, 0xf3, 0x6d), HG_EMU_DONE);	/* rep insw */
	assert_int_equal(m.last_count, 256);
	assert_int_equal(m.gpr[HG_RDI], MEM + 612);
	for (i = 0; i < 512; i++)
		assert_int_equal(m.mem[100 + i], i & 0xff);

	/* Split where the page ends, one element across it. */
	m.gpr[HG_RDI] = MEM + 4096 - 7;
	m.gpr[HG_RCX] = 10;
	assert_int_equal(RUN(0x66, 0xf3, 0x6d), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RDI], MEM + 4096 + 13);
	for (i = 0; i < 20; i++)
		assert_int_equal(m.mem[4096 - 7 + i], i & 0xff);

	/* A bad page behind: the good part is done, its input not lost. */
	m.page[1] = PAGE_NONE;
	m.in_next = 0;
	m.gpr[HG_RDI] = MEM + 4096 - 8;
	m.gpr[HG_RCX] = 100;
	assert_int_equal(RUN(0xf3, 0x6c), HG_EMU_FAULT);
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_PROGRESS);
	assert_int_equal(m.gpr[HG_RCX], 92);
	assert_int_equal(m.in_next, 8);
	assert_int_equal(m.emu.fault.cr2, MEM + 4096);

	/* To a device, or backward: one by one. */
	m.page[0] = PAGE_DEVICE;
	m.gpr[HG_RDI] = MEM;
	m.gpr[HG_RCX] = 4;
	assert_int_equal(RUN(0xf3, 0x6c), HG_EMU_REPEAT);
	assert_int_equal(m.gpr[HG_RCX], 3);
	m.page[0] = PAGE_RAM;
	m.emu.rflags |= 0x400;
	m.gpr[HG_RDI] = MEM + 3;
	m.gpr[HG_RCX] = 4;
	m.in_next = 0x30;
	assert_int_equal(RUN(0xf3, 0x6c), HG_EMU_DONE);
	assert_memory_equal(m.mem, "\x33\x32\x31\x30", 4);
	assert_int_equal(m.last_count, 1);
}

static void test_ins_waits(void **state)
{
	(void)state;
	m.gpr[HG_RDX] = 0x1f0;
	m.gpr[HG_RDI] = MEM;
	m.gpr[HG_RCX] = 64;
	m.pend = 256;
	assert_int_equal(RUN(0xf3, 0x6c), HG_EMU_IO);
	assert_int_equal(m.gpr[HG_RCX], 64);
	assert_int_equal(m.in_next, 0);
	assert_int_equal(hg_emulate(&m.emu), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RCX], 0);
	assert_int_equal(m.in_next, 64);
}

static void test_outs_bulk(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 8192; i++)
		m.mem[i] = (u8)(i * 7);
	m.gpr[HG_RDX] = 0x3f8;
	m.gpr[HG_RSI] = MEM + 5;
	m.gpr[HG_RCX] = 1500;
	assert_int_equal(RUN(0xf3, 0x6f), HG_EMU_REPEAT);	/* rep outsd */
	assert_int_equal(m.emu.out_flags, HG_EMU_OUT_POSTED);
	assert_int_equal(m.last_count, 1022);
	assert_int_equal(machine_run(&m), HG_EMU_DONE);
	assert_int_equal(m.out_len, 6000);
	assert_memory_equal(m.out_log, m.mem + 5, 6000);
	assert_int_equal(m.gpr[HG_RSI], MEM + 6005);
	/* Without a work area it still goes, element by element. */
	m.emu.bulk = NULL;
	m.out_len = 0;
	m.gpr[HG_RSI] = MEM;
	m.gpr[HG_RCX] = 5;
	assert_int_equal(RUN(0xf3, 0x6e), HG_EMU_REPEAT);
	assert_int_equal(m.last_count, 1);
	assert_int_equal(machine_run(&m), HG_EMU_DONE);
	assert_memory_equal(m.out_log, m.mem, 5);
}

static void test_port_permission(void **state)
{
	(void)state;
	with_tss(104, 104 + 0x20);
	poke(MEM + 0x4000 + 104 + 0x70 / 8, 0x02, 1);		/* 0x71 denied */
	assert_int_equal(RUN(0xe4, 0x70), HG_EMU_DONE);
	assert_int_equal(RUN(0xe4, 0x71), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x66, 0xe5, 0x70), HG_EMU_FAULT);	/* two ports */
	assert_fault(HG_VEC_GP, 0);
	m.gpr[HG_RDX] = 0x3f8;					/* beyond the limit */
	assert_int_equal(RUN(0xec), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x6c), HG_EMU_FAULT);		/* ins */
	assert_fault(HG_VEC_GP, 0);
	m.emu.rflags |= 3 << 12;				/* IOPL 3 */
	assert_int_equal(RUN(0xec), HG_EMU_DONE);
	m.emu.rflags = 2;
	m.emu.in_flags = HG_EMU_IN_IO_CHECKED;
	assert_int_equal(RUN(0xec), HG_EMU_DONE);
	m.emu.in_flags = 0;
	m.seg[HG_SEG_TR].attr = HG_SEG_P | 3;			/* a 16-bit TSS */
	assert_int_equal(RUN(0xe4, 0x70), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	/* The map is read as the CPU does, not as the user. */
	m.seg[HG_SEG_TR].attr = HG_SEG_P | 11;
	m.page[4] = PAGE_NONE;
	assert_int_equal(RUN(0xe4, 0x70), HG_EMU_FAULT);
	assert_int_equal(m.emu.fault.vector, HG_VEC_PF);
	assert_int_equal(m.emu.fault.error_code, 0);
}

static void test_protected_segments(void **state)
{
	(void)state;
	m.gpr[HG_RBX] = MEM;
	m.seg[HG_SEG_DS].limit = MEM + 3;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_DONE);
	m.seg[HG_SEG_DS].limit = MEM + 2;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x8a, 0x03), HG_EMU_DONE);
	m.seg[HG_SEG_DS].limit = 0xffffffff;
	m.seg[HG_SEG_DS].attr &= ~HG_SEG_TYPE_RW;		/* read-only */
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_DONE);
	assert_int_equal(RUN(0x89, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x01, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x2e, 0x8b, 0x03), HG_EMU_DONE);	/* cs: readable */
	assert_int_equal(RUN(0x2e, 0x89, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.seg[HG_SEG_CS].attr &= ~HG_SEG_TYPE_RW;		/* execute-only */
	assert_int_equal(RUN(0x2e, 0x8b, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.seg[HG_SEG_ES].attr = 0;				/* null selector */
	assert_int_equal(RUN(0x26, 0x8b, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.seg[HG_SEG_SS].limit = 0xfff;
	m.gpr[HG_RBP] = MEM;
	assert_int_equal(RUN(0x8b, 0x45, 0x00), HG_EMU_FAULT);
	assert_fault(HG_VEC_SS, 0);
	m.gpr[HG_RSP] = MEM + 8;
	assert_int_equal(RUN(0x50), HG_EMU_FAULT);
	assert_fault(HG_VEC_SS, 0);
	m.seg[HG_SEG_CS].limit = MACHINE_CODE;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);	/* 2nd byte beyond */
	assert_fault(HG_VEC_GP, 0);
}

static void test_expand_down(void **state)
{
	(void)state;
	m.seg[HG_SEG_DS].attr |= HG_SEG_TYPE_DOWN;
	m.seg[HG_SEG_DS].limit = MEM;
	m.gpr[HG_RBX] = MEM;
	assert_int_equal(RUN(0x8a, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.gpr[HG_RBX] = MEM + 1;
	assert_int_equal(RUN(0x8a, 0x03), HG_EMU_DONE);
	m.gpr[HG_RBX] = 0xfffffffd;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	m.seg[HG_SEG_DS].attr &= ~HG_SEG_DB;			/* upper end 0xffff */
	m.seg[HG_SEG_DS].base = MEM;
	m.seg[HG_SEG_DS].limit = 0xfff;
	m.gpr[HG_RBX] = 0x1000;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_DONE);
	m.gpr[HG_RBX] = 0xfffd;
	assert_int_equal(RUN(0x8b, 0x03), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
}

static void test_32_bit_code(void **state)
{
	(void)state;
	m.gpr[HG_RAX] = 0xffffffff;
	assert_int_equal(RUN(0x40), HG_EMU_DONE);		/* inc eax */
	assert_int_equal(m.gpr[HG_RAX], 0);
	assert_true(m.emu.rflags & 0x40);
	m.gpr[HG_RSP] = MEM + 0x100;
	m.gpr[HG_RAX] = 0x12345678;
	assert_int_equal(RUN(0x50), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RSP], MEM + 0xfc);
	assert_int_equal(peek(MEM + 0xfc, 4), 0x12345678);
	assert_int_equal(RUN(0x66, 0x5b), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RBX], 0x5678);
	assert_int_equal(m.gpr[HG_RSP], MEM + 0xfe);
	m.seg[HG_SEG_SS].attr &= ~HG_SEG_DB;			/* 16-bit stack */
	m.seg[HG_SEG_SS].base = MEM;
	m.gpr[HG_RSP] = 0xabcd0002;
	assert_int_equal(RUN(0x66, 0x50), HG_EMU_DONE);
	assert_int_equal(m.gpr[HG_RSP], 0xabcd0000);
	assert_int_equal(peek(MEM, 2), 0x5678);
	/* Linear addresses wrap at 4 GiB. */
	m.seg[HG_SEG_DS].base = 0xffffffff;
	m.gpr[HG_RBX] = MEM + 1;
	assert_int_equal(RUN(0x8b, 0x0b), HG_EMU_DONE);
	assert_int_equal((u16)m.gpr[HG_RCX], 0x5678);
	assert_int_equal(RUN(0xff, 0xe0), HG_EMU_DONE);		/* jmp eax */
	assert_int_equal(m.emu.rip, 0x12345678);
	m.seg[HG_SEG_CS].limit = 0x12345677 | MACHINE_CODE;
	m.gpr[HG_RAX] = 0xf0000000;
	assert_int_equal(RUN(0xff, 0xe0), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0x63, 0xc3), HG_EMU_UNSUPPORTED);	/* arpl */
}

static void test_real_mode(void **state)
{
	(void)state;
	m.gpr[HG_RAX] = 0xaaaa1234;
	m.gpr[HG_RBX] = 0xffff1000;
	m.gpr[HG_RSI] = 0x0010;
	assert_int_equal(RUN(0x89, 0x40, 0x02), HG_EMU_DONE);	/* mov [bx+si+2], ax */
	assert_int_equal(peek(MEM + 0x1012, 2), 0x1234);
	assert_int_equal(m.emu.rip, 3);
	/* Offsets wrap at 64 KiB, accesses do not. */
	m.gpr[HG_RBX] = 0xffff;
	m.gpr[HG_RSI] = 1;
	assert_int_equal(RUN(0x8b, 0x00), HG_EMU_DONE);
	assert_int_equal(RUN(0x8b, 0x07), HG_EMU_FAULT);	/* [bx]: 2 at ffff */
	assert_fault(HG_VEC_GP, 0);
	m.gpr[HG_RBP] = 0xffff;
	assert_int_equal(RUN(0x8b, 0x46, 0x00), HG_EMU_FAULT);
	assert_fault(HG_VEC_SS, 0);
	m.gpr[HG_RBX] = 0x2000;
	assert_int_equal(RUN(0x66, 0x67, 0x89, 0x03), HG_EMU_DONE);
	m.gpr[HG_RAX] = 0x1234;
	m.gpr[HG_RBX] = 0x1000;
	assert_int_equal(RUN(0x2e, 0x89, 0x07), HG_EMU_DONE);	/* no type checks */
	assert_int_equal(m.code[0x1000], 0x34);
	/* VEX is not for real mode. */
	assert_int_equal(RUN(0xc5, 0xf8, 0x10, 0xc1), HG_EMU_FAULT);
	assert_fault(HG_VEC_UD, -1);
	m.gpr[HG_RCX] = 0xffff0003;
	m.gpr[HG_RDI] = 0xdddd7ffe;
	m.gpr[HG_RAX] = 0x41;
	assert_int_equal(RUN(0xf3, 0xaa), HG_EMU_FAULT);	/* memory ends at 8000 */
	assert_int_equal(m.gpr[HG_RCX], 0xffff0001);
	assert_int_equal(m.gpr[HG_RDI], 0xdddd8000);
}

static void test_virtual_8086(void **state)
{
	(void)state;
	m.emu.cr0 |= 1;
	m.emu.rflags |= 1 << 17;
	with_tss(104, 104 + 0x20);
	m.emu.rflags |= 3 << 12;	/* IOPL does not help in virtual-8086 */
	poke(MEM + 0x4000 + 104 + 0x70 / 8, 0x02, 1);
	assert_int_equal(RUN(0xe4, 0x71), HG_EMU_FAULT);
	assert_fault(HG_VEC_GP, 0);
	assert_int_equal(RUN(0xe4, 0x70), HG_EMU_DONE);
	m.gpr[HG_RBX] = 0x100;
	assert_int_equal(RUN(0x2e, 0x89, 0x07), HG_EMU_DONE);	/* no type checks */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T64(test_ports), T64(test_ins_bulk), T64(test_ins_waits), T64(test_outs_bulk),
		T64(test_port_permission), T32(test_protected_segments), T32(test_expand_down),
		T32(test_32_bit_code), T16(test_real_mode), T16(test_virtual_8086),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
