// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits of a confidential vCPU that a device or the parent answers.
 *
 * The instruction is carried out here: the emulator reaches the guest's memory
 * through the nested tables, private and shared, and devices through questions
 * to the parent. A question suspends the instruction; its answer is logged
 * (struct hg_replay), and the instruction runs again from its start with the log.
 * So does one that met an absent page, once the parent has brought it.
 *
 * What the parent says is believed for devices only. That there is no memory
 * at an address it may say of shared ones; where private memory is, the
 * declared RAM tells.
 */
#include "core.h"
#include "gwalk.h"

#define VEC_DB		1
#define VEC_PF		14
#define VEC_GP		13
#define DR6_BS		HG_BIT(14)

#define ISA_HOLE	0xa0000ULL
#define ISA_HOLE_END	0x100000ULL
#define PCI_HOLE	0x80000000ULL
#define PCI_HOLE_END	0x100000000ULL

#define PIECE		8U	/* bytes of one device access */
#define NOWHERE		(~0ULL)

static bool is_private(const struct hg_vcpu *vcpu, u64 gpa)
{
	return gpa & vcpu->domain->c_mask;
}

static u64 without_c(const struct hg_vcpu *vcpu, u64 gpa)
{
	return gpa & ~vcpu->domain->c_mask;
}

/* @gpa as the nested tables know it. */
static u64 with_c(const struct hg_vcpu *vcpu, u64 efer, u64 gpa)
{
	return hg_cvm_selects(efer) ? gpa : gpa | vcpu->domain->c_mask;
}

/*
 * Where a PC has devices, and firmware that does not know better reaches them by private
 * addresses. Not elsewhere: a guest that has its memory map from the parent can be made
 * to take any place for RAM, and would tell what it means to keep to a device there.
 */
static bool may_be_device(u64 gpa)
{
	return (gpa >= ISA_HOLE && gpa < ISA_HOLE_END) || (gpa >= PCI_HOLE && gpa < PCI_HOLE_END);
}

/* Not memory: by the declared RAM, or by the parent's word for this instruction. */
static bool is_device(const struct hg_vcpu *vcpu, u64 gpa)
{
	const struct hg_cvm_io *io = &vcpu->io;

	if (is_private(vcpu, gpa)) {
		gpa = without_c(vcpu, gpa);
		return may_be_device(gpa) &&
		       !hg_cvm_is_ram(vcpu->domain, gpa >> HG_PAGE_SHIFT, 1);
	}
	gpa &= HG_PAGE_MASK;
	return gpa == io->device[0] || gpa == io->device[1];
}

/* --- exits --- */

static int tell_port(struct hg_vcpu *vcpu, u16 port, u32 size, bool in, u64 value)
{
	struct hg_vcpu_page *page = vcpu->page;

	page->io.port = port;
	page->io.size = (u8)size;
	page->io.flags = in ? HG_IO_IN : 0;
	page->io.seg = 0;
	page->io.next_rip = 0;
	page->io.value = value;
	return HG_EXIT_IO;
}

static int tell_mmio(struct hg_vcpu *vcpu, u64 gpa, u32 size, bool write, u64 value)
{
	struct hg_vcpu_page *page = vcpu->page;

	page->mmio.gpa = gpa;
	page->mmio.value = value;
	page->mmio.size = (u8)size;
	page->mmio.write = write;
	return HG_EXIT_MMIO;
}

static int tell_fault(struct hg_vcpu *vcpu, u64 gpa, u64 access)
{
	struct hg_vcpu_page *page = vcpu->page;

	access &= HG_NPF_PRESENT | HG_NPF_WRITE | HG_NPF_FETCH;
	page->npf.gpa = without_c(vcpu, gpa) & HG_PAGE_MASK;
	page->npf.access = is_private(vcpu, gpa) ? access | HG_NPF_PRIVATE : access;
	vcpu->io.wait = is_private(vcpu, gpa) ? HG_WAIT_RAM : HG_WAIT_SHARED;
	vcpu->io.gpa = gpa & HG_PAGE_MASK;
	return HG_EXIT_NPF;
}

static int undecoded(struct hg_vcpu *vcpu)
{
	hg_cvm_io_reset(vcpu);
	vcpu->page->fail.code = 0;
	vcpu->page->fail.info1 = 0;
	vcpu->page->fail.info2 = 0;
	vcpu->page->fail.bytes = 0;
	return HG_EXIT_UNDECODED;
}

/* The next write that the parent has not heard of; -1: none. */
static int tell_write(struct hg_vcpu *vcpu)
{
	struct hg_cvm_io *io = &vcpu->io;
	const struct hg_cvm_write *write;

	if (io->sent == io->writes) {
		io->sent = 0;
		io->writes = 0;
		return -1;
	}
	write = &io->write[io->sent++];
	if (write->addr & HG_CVM_PORT)
		return tell_port(vcpu, (u16)write->addr, write->size, false, write->value);
	return tell_mmio(vcpu, write->addr, write->size, true, write->value);
}

/* --- the emulator's memory --- */

static int walk_read(void *ctx, u64 gpa, u32 size, u64 *value)
{
	struct hg_vcpu *vcpu = ctx;
	const void *at;
	u64 left;

	gpa = with_c(vcpu, vcpu->io.emu.efer, gpa);
	at = hg_npt_reach(vcpu->domain, gpa, false, &left);
	if (!at || left < size)
		return -1;
	*value = size == 8 ? *(const volatile u64 *)at : *(const volatile u32 *)at;
	return 0;
}

static int walk_update(void *ctx, u64 gpa, u32 size, u64 old, u64 value)
{
	struct hg_vcpu *vcpu = ctx;
	u32 old4 = (u32)old;
	void *at;
	u64 left;

	gpa = with_c(vcpu, vcpu->io.emu.efer, gpa);
	at = hg_npt_reach(vcpu->domain, gpa, true, &left);
	if (!at || left < size)
		return -1;
	if (size == 8)
		return !__atomic_compare_exchange_n((u64 *)at, &old, value, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return !__atomic_compare_exchange_n((u32 *)at, &old4, (u32)value, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static const struct hg_gwalk_ops walk_ops = { .read = walk_read, .update = walk_update };

/* The instruction cannot go on without this page: it begins again once it is there. */
static enum hg_emu_io miss(struct hg_vcpu *vcpu, u64 gpa, u64 access)
{
	struct hg_cvm_io *io = &vcpu->io;

	io->missing = gpa;
	io->missing_access = access;
	io->answers = io->replay.count;
	return HG_EMU_IO_FAIL;
}

static enum hg_emu_io translate(struct hg_vcpu *vcpu, u64 linear, u32 access, u64 *gpa,
				struct hg_emu_fault *fault)
{
	const struct hg_cvm_io *io = &vcpu->io;
	struct hg_gwalk_result result;
	struct hg_gwalk gwalk = {
		.cr0 = io->emu.cr0, .cr3 = io->cr3, .cr4 = io->emu.cr4, .efer = io->emu.efer,
		.rflags = io->emu.rflags, .enc_mask = vcpu->domain->c_mask,
		.maxphyaddr = 52, .features = HG_GWALK_GBPAGES,
		.ops = &walk_ops, .ctx = vcpu,
	};

	/* The CPU has just walked to this very address, with all checks. */
	if ((access & HG_ACC_SOLE) && io->exit_gpa != NOWHERE &&
	    !((io->exit_gpa ^ linear) & ~HG_PAGE_MASK) &&
	    (!(access & (HG_ACC_WRITE | HG_ACC_RMW)) || (io->exit_access & HG_NPF_WRITE))) {
		*gpa = io->exit_gpa;
		return HG_EMU_IO_OK;
	}
	switch (hg_gwalk(&gwalk, linear, access, &result)) {
	case HG_GWALK_OK:
		*gpa = with_c(vcpu, io->emu.efer, result.gpa);
		return HG_EMU_IO_OK;
	case HG_GWALK_FAULT:
		*fault = (struct hg_emu_fault){
			.vector = HG_VEC_PF, .has_error = true,
			.error_code = result.error_code, .cr2 = linear,
		};
		return HG_EMU_IO_FAULT;
	case HG_GWALK_NONCANONICAL:
		*fault = (struct hg_emu_fault){ .vector = HG_VEC_GP, .has_error = true };
		return HG_EMU_IO_FAULT;
	case HG_GWALK_UNREADABLE:
		*gpa = with_c(vcpu, io->emu.efer, result.table_gpa);
		if (!is_device(vcpu, *gpa))
			return miss(vcpu, *gpa, HG_NPF_WRITE);
		break;
	case HG_GWALK_RETRY:
		break;
	}
	return HG_EMU_IO_FAIL;
}

static void emu_seg(void *ctx, enum hg_seg seg, struct hg_segment *out)
{
	hg_core.backend->vcpu_segment(ctx, seg, out);
}

static enum hg_emu_io emu_fetch(void *ctx, u64 linear, void *buf, u32 len, u32 access,
				struct hg_emu_fault *fault)
{
	struct hg_vcpu *vcpu = ctx;
	enum hg_emu_io answer;
	const void *from;
	u64 gpa, left;

	answer = translate(vcpu, linear, access & ~HG_ACC_SOLE, &gpa, fault);
	if (answer != HG_EMU_IO_OK)
		return answer;
	from = hg_npt_reach(vcpu->domain, gpa, false, &left);
	if (!from)
		return is_device(vcpu, gpa) ? HG_EMU_IO_FAIL : miss(vcpu, gpa, HG_NPF_FETCH);
	memcpy(buf, from, len);
	return HG_EMU_IO_OK;
}

/* One piece, of at most PIECE bytes: logged, or to be asked for. */
static enum hg_emu_io ask_mmio(struct hg_vcpu *vcpu, u64 gpa, void *buf, u32 len)
{
	struct hg_cvm_io *io = &vcpu->io;

	if (hg_replay_get(&io->replay, gpa, buf, len))
		return HG_EMU_IO_OK;
	if (!hg_replay_ask(&io->replay, gpa, len))
		return HG_EMU_IO_FAIL;
	io->wait = HG_WAIT_MMIO;
	io->gpa = gpa;
	io->size = len;
	return HG_EMU_IO_PENDING;
}

static enum hg_emu_io emu_read(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			       struct hg_emu_fault *fault)
{
	bool write = access & (HG_ACC_WRITE | HG_ACC_RMW);
	struct hg_vcpu *vcpu = ctx;
	enum hg_emu_io answer;
	const void *from;
	u32 done, piece;
	u64 gpa, left;

	answer = translate(vcpu, linear, access, &gpa, fault);
	if (answer != HG_EMU_IO_OK)
		return answer;
	/* A private page that is read-only drops what is written; a shared one is asked for. */
	from = hg_npt_reach(vcpu->domain, gpa, write && !is_private(vcpu, gpa), &left);
	if (from) {
		if (!(access & HG_ACC_PROBE))
			memcpy(buf, from, len);
		return HG_EMU_IO_OK;
	}
	if (!is_device(vcpu, gpa))
		return miss(vcpu, gpa, write ? HG_NPF_WRITE : 0);
	if (access & HG_ACC_PROBE)
		return HG_EMU_IO_POSTED;
	for (done = 0; done < len; done += piece) {
		piece = len - done < PIECE ? len - done : PIECE;
		answer = ask_mmio(vcpu, without_c(vcpu, gpa) + done, (u8 *)buf + done, piece);
		if (answer != HG_EMU_IO_OK)
			return answer;
	}
	return HG_EMU_IO_OK;
}

static enum hg_emu_io post(struct hg_vcpu *vcpu, u64 addr, const void *buf, u32 len)
{
	struct hg_cvm_io *io = &vcpu->io;
	struct hg_cvm_write *write;

	if (io->writes == HG_CVM_WRITES)
		return HG_EMU_IO_FAIL;
	write = &io->write[io->writes++];
	write->addr = addr;
	write->size = (u8)len;
	write->value = 0;
	memcpy(&write->value, buf, len);
	if (!(addr & HG_CVM_PORT))
		hg_cvm_irq_mmio(vcpu, addr, len, write->value);
	return HG_EMU_IO_POSTED;
}

static enum hg_emu_io post_pieces(struct hg_vcpu *vcpu, u64 gpa, const u8 *buf, u32 len)
{
	enum hg_emu_io answer = HG_EMU_IO_POSTED;
	u32 done, piece;

	for (done = 0; done < len && answer == HG_EMU_IO_POSTED; done += piece) {
		piece = len - done < PIECE ? len - done : PIECE;
		answer = post(vcpu, without_c(vcpu, gpa) + done, buf + done, piece);
	}
	return answer;
}

/* Where a write to @gpa goes: OK and *@to (NULL: nowhere), POSTED: to a device, or FAIL. */
static enum hg_emu_io writable(struct hg_vcpu *vcpu, u64 gpa, void **to)
{
	u64 left;

	*to = hg_npt_reach(vcpu->domain, gpa, true, &left);
	if (*to)
		return HG_EMU_IO_OK;
	if (is_private(vcpu, gpa) && hg_npt_reach(vcpu->domain, gpa, false, &left))
		return HG_EMU_IO_OK;
	return is_device(vcpu, gpa) ? HG_EMU_IO_POSTED : miss(vcpu, gpa, HG_NPF_WRITE);
}

static enum hg_emu_io emu_write(void *ctx, u64 linear, const void *buf, u32 len, u32 access,
				struct hg_emu_fault *fault)
{
	struct hg_vcpu *vcpu = ctx;
	enum hg_emu_io answer;
	void *to;
	u64 gpa;

	answer = translate(vcpu, linear, access, &gpa, fault);
	if (answer != HG_EMU_IO_OK)
		return answer;
	answer = writable(vcpu, gpa, &to);
	if (answer == HG_EMU_IO_POSTED)
		return post_pieces(vcpu, gpa, buf, len);
	if (answer == HG_EMU_IO_OK && to)
		memcpy(to, buf, len);
	return answer;
}

static bool compare_exchange(void *at, const void *old, const void *new, u32 len)
{
	u64 o = 0, n = 0;

	memcpy(&o, old, len);
	memcpy(&n, new, len);
	switch (len) {
	case 1: {
		u8 was = (u8)o;

		return __atomic_compare_exchange_n((u8 *)at, &was, (u8)n, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	case 2: {
		u16 was = (u16)o;

		return __atomic_compare_exchange_n((u16 *)at, &was, (u16)n, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	case 4: {
		u32 was = (u32)o;

		return __atomic_compare_exchange_n((u32 *)at, &was, (u32)n, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	}
	return __atomic_compare_exchange_n((u64 *)at, &o, n, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static enum hg_emu_io emu_cmpxchg(void *ctx, u64 linear, const void *old, const void *new,
				  u32 len, u32 access, struct hg_emu_fault *fault)
{
	struct hg_vcpu *vcpu = ctx;
	enum hg_emu_io answer;
	void *at;
	u64 gpa;

	answer = translate(vcpu, linear, access, &gpa, fault);
	if (answer != HG_EMU_IO_OK)
		return answer;
	answer = writable(vcpu, gpa, &at);
	if (answer == HG_EMU_IO_POSTED)
		return post_pieces(vcpu, gpa, new, len);
	if (answer != HG_EMU_IO_OK || !at)
		return answer;
	if (len > 8 || ((u64)at & (len - 1)))
		return HG_EMU_IO_FAIL;
	return compare_exchange(at, old, new, len) ? HG_EMU_IO_OK : HG_EMU_IO_LOST;
}

/* No bulk area is given to the emulator, so @count is 1. */
static enum hg_emu_io emu_pio_in(void *ctx, u16 port, u32 size, u32 count, void *buf)
{
	struct hg_vcpu *vcpu = ctx;
	struct hg_cvm_io *io = &vcpu->io;
	u64 addr = HG_CVM_PORT | port;

	if (count != 1)
		return HG_EMU_IO_FAIL;
	if (hg_replay_get(&io->replay, addr, buf, size))
		return HG_EMU_IO_OK;
	if (!hg_replay_ask(&io->replay, addr, size))
		return HG_EMU_IO_FAIL;
	io->wait = HG_WAIT_PORT_EMU;
	io->gpa = addr;
	io->size = size;
	return HG_EMU_IO_PENDING;
}

static enum hg_emu_io emu_pio_out(void *ctx, u16 port, u32 size, u32 count, const void *buf)
{
	return count == 1 ? post(ctx, HG_CVM_PORT | port, buf, size) : HG_EMU_IO_FAIL;
}

static const struct hg_emu_ops emu_ops = {
	.seg = emu_seg,
	.fetch = emu_fetch,
	.read = emu_read,
	.write = emu_write,
	.cmpxchg = emu_cmpxchg,
	.pio_in = emu_pio_in,
	.pio_out = emu_pio_out,
};

/* --- one instruction --- */

static enum hg_mode code_mode(struct hg_vcpu *vcpu, u64 efer)
{
	struct hg_segment cs;

	hg_core.backend->vcpu_segment(vcpu, HG_SEG_CS, &cs);
	if ((efer & HG_EFER_LMA) && (cs.attr & HG_SEG_L))
		return HG_MODE_64;
	return cs.attr & HG_SEG_DB ? HG_MODE_32 : HG_MODE_16;
}

static void finished(struct hg_cvm_io *io)
{
	io->emulating = 0;
	io->device[0] = NOWHERE;
	io->device[1] = NOWHERE;
	hg_replay_reset(&io->replay);
}

static void commit(struct hg_vcpu *vcpu)
{
	const struct hg_emu *emu = &vcpu->io.emu;

	vcpu->rip = emu->rip;
	vcpu->rflags = emu->rflags | HG_RFLAGS_FIXED;
	vcpu->irq_shadow = !!(emu->out_flags & HG_EMU_OUT_SHADOW);
	if (emu->out_flags & HG_EMU_OUT_TRAP) {
		u64 dr6, dr7;

		hg_core.backend->vcpu_debug(vcpu, &dr6, &dr7, false);
		dr6 |= DR6_BS;
		hg_core.backend->vcpu_debug(vcpu, &dr6, &dr7, true);
		hg_vcpu_raise(vcpu, VEC_DB, false, 0);
	}
}

static void raise(struct hg_vcpu *vcpu, const struct hg_emu_fault *fault)
{
	if (fault->vector == VEC_PF)
		hg_core.backend->vcpu_set_cr2(vcpu, fault->cr2);
	hg_vcpu_raise(vcpu, fault->vector, fault->has_error, fault->error_code);
}

/* The page that stopped it: bring it, and the same instruction goes on. */
static int tell_missing(struct hg_vcpu *vcpu)
{
	struct hg_cvm_io *io = &vcpu->io;

	io->writes = 0;		/* it will make them again */
	io->replay.count = io->answers;
	return tell_fault(vcpu, io->missing, io->missing_access);
}

static int run_emulator(struct hg_vcpu *vcpu)
{
	struct hg_cvm_io *io = &vcpu->io;
	struct hg_emu *emu = &io->emu;
	enum hg_emu_result result;

	io->missing = NOWHERE;
	io->wait = HG_WAIT_NOTHING;
	io->emulating = 1;
	result = hg_emulate(emu);
	if (result == HG_EMU_DONE || result == HG_EMU_REPEAT ||
	    (emu->out_flags & HG_EMU_OUT_PROGRESS))
		commit(vcpu);
	switch (result) {
	case HG_EMU_FAULT:
		raise(vcpu, &emu->fault);
		__attribute__((__fallthrough__));
	case HG_EMU_DONE:
	case HG_EMU_REPEAT:
		finished(io);
		return tell_write(vcpu);
	case HG_EMU_IO:
		if (io->wait == HG_WAIT_PORT_EMU)
			return tell_port(vcpu, (u16)io->gpa, io->size, true, 0);
		return tell_mmio(vcpu, io->gpa, io->size, false, 0);
	case HG_EMU_UNSUPPORTED:
		break;
	}
	return io->missing != NOWHERE ? tell_missing(vcpu) : undecoded(vcpu);
}

/* @gpa: where the CPU stopped, NOWHERE if it was no fault. */
static int emulate(struct hg_vcpu *vcpu, u64 gpa, u64 access)
{
	struct hg_cvm_io *io = &vcpu->io;
	struct hg_emu *emu = &io->emu;
	struct hg_fetch fetch;
	u64 missing;

	/* The instruction at RIP is not what touched the address. */
	if (vcpu->event)
		return undecoded(vcpu);
	hg_core.backend->vcpu_code(vcpu, &fetch);
	io->exit_gpa = access & HG_NPF_FINAL ? gpa : NOWHERE;
	io->exit_access = access;
	io->cr3 = fetch.cr3;
	io->writes = 0;
	io->sent = 0;
	emu->gpr = vcpu->gpr;
	emu->rip = vcpu->rip;
	emu->rflags = vcpu->rflags;
	emu->cr0 = fetch.cr0;
	emu->cr4 = fetch.cr4;
	emu->efer = fetch.efer;
	emu->xcr0 = vcpu->xcr0;
	emu->mode = code_mode(vcpu, fetch.efer);
	emu->cpl = (u8)fetch.cpl;
	emu->in_flags = gpa == NOWHERE ? HG_EMU_IN_IO_CHECKED : 0;
	emu->ops = &emu_ops;
	emu->ctx = vcpu;
	emu->replay = &io->replay;
	emu->bulk = NULL;
	emu->bulk_size = 0;
	hg_replay_reset(&io->replay);
	/* What is absent here, the emulator's own fetch will find out and report. */
	emu->nr_bytes = (u8)hg_fetch_insn(vcpu, &fetch, emu->bytes, HG_INSN_MAX_LEN, &missing);
	return run_emulator(vcpu);
}

/* --- the exits --- */

int hg_cvm_io_port(struct hg_vcpu *vcpu, u16 port, u32 size, bool in, bool string, u32 length)
{
	struct hg_cvm_io *io = &vcpu->io;

	if (string)
		return emulate(vcpu, NOWHERE, 0);
	if (in) {
		io->wait = HG_WAIT_PORT;
		io->length = length;
		io->size = size;
		return tell_port(vcpu, port, size, true, 0);
	}
	hg_core.backend->vcpu_skip(vcpu, length);
	return tell_port(vcpu, port, size, false, vcpu->gpr[HG_RAX] & HG_MASK(size * 8 - 1, 0));
}

int hg_cvm_io_msr(struct hg_vcpu *vcpu, bool write, u32 length)
{
	u64 value = write ? (u32)vcpu->gpr[HG_RAX] | vcpu->gpr[HG_RDX] << 32 : 0;
	struct hg_vcpu_page *page = vcpu->page;
	u32 index = (u32)vcpu->gpr[HG_RCX];

	if (write)
		hg_cvm_irq_msr(vcpu, index, value);
	vcpu->io.wait = write ? HG_WAIT_MSR_WRITE : HG_WAIT_MSR_READ;
	vcpu->io.length = length;
	page->msr.index = index;
	page->msr.reserved = 0;
	page->msr.value = value;
	return write ? HG_EXIT_MSR_WRITE : HG_EXIT_MSR_READ;
}

int hg_cvm_io_fault(struct hg_vcpu *vcpu, u64 gpa, u64 access)
{
	const struct hg_domain *domain = vcpu->domain;
	struct hg_fetch fetch;
	u64 left;

	hg_core.backend->vcpu_code(vcpu, &fetch);
	gpa = with_c(vcpu, fetch.efer, gpa);
	if (without_c(vcpu, gpa) >= domain->c_mask)
		return undecoded(vcpu);	/* beyond the width that CPUID tells it */
	vcpu->io.exit_gpa = gpa;
	vcpu->io.exit_access = access;
	vcpu->io.emulating = 0;
	if (!is_private(vcpu, gpa))
		return tell_fault(vcpu, gpa, access);
	if (hg_npt_reach(domain, gpa, access & HG_NPF_WRITE, &left))
		return -1;	/* another vCPU was faster */
	if (hg_npt_reach(domain, gpa, false, &left) || is_device(vcpu, gpa))
		return emulate(vcpu, gpa, access);
	return tell_fault(vcpu, gpa, access);
}

/* --- the parent's answers --- */

static void set_rax(struct hg_vcpu *vcpu, u64 value, u32 size)
{
	u64 *rax = &vcpu->gpr[HG_RAX];

	if (size == 4)
		*rax = (u32)value;	/* a 32-bit result clears the upper half */
	else
		memcpy(rax, &value, size);
}

static int finish_port(struct hg_vcpu *vcpu, u64 value)
{
	set_rax(vcpu, value, vcpu->io.size);
	hg_core.backend->vcpu_skip(vcpu, vcpu->io.length);
	return -1;
}

static int finish_msr(struct hg_vcpu *vcpu, bool read, u32 reply, u64 value)
{
	if (reply == HG_REPLY_FAULT) {
		hg_vcpu_raise(vcpu, VEC_GP, true, 0);
		return -1;
	}
	if (read) {
		vcpu->gpr[HG_RAX] = (u32)value;
		vcpu->gpr[HG_RDX] = value >> 32;
	}
	hg_core.backend->vcpu_skip(vcpu, vcpu->io.length);
	return -1;
}

/* A shared address without memory behind it, the parent says. */
static int answer_shared(struct hg_vcpu *vcpu, u32 reply)
{
	struct hg_cvm_io *io = &vcpu->io;

	if (reply == HG_REPLY_MMIO) {
		io->device[1] = io->device[0];
		io->device[0] = io->gpa;
	}
	if (io->emulating)
		return run_emulator(vcpu);
	return reply == HG_REPLY_MMIO ? emulate(vcpu, io->exit_gpa, io->exit_access) : -1;
}

static int answer(struct hg_vcpu *vcpu, u32 wait, u32 reply, u64 value)
{
	struct hg_cvm_io *io = &vcpu->io;

	switch (wait) {
	case HG_WAIT_PORT:
		return reply == HG_REPLY_VALUE ? finish_port(vcpu, value) : -1;
	case HG_WAIT_PORT_EMU:
	case HG_WAIT_MMIO:
		if (reply == HG_REPLY_VALUE && hg_replay_answer(&io->replay, &value, io->size))
			return run_emulator(vcpu);
		finished(io);
		return -1;
	case HG_WAIT_MSR_READ:
	case HG_WAIT_MSR_WRITE:
		if (reply != HG_REPLY_VALUE && reply != HG_REPLY_FAULT)
			return -1;
		return finish_msr(vcpu, wait == HG_WAIT_MSR_READ, reply, value);
	case HG_WAIT_SHARED:
		return answer_shared(vcpu, reply);
	case HG_WAIT_RAM:
		return io->emulating ? run_emulator(vcpu) : -1;
	}
	return tell_write(vcpu);
}

int hg_cvm_io_reply(struct hg_vcpu *vcpu, u32 reply, u64 value)
{
	u32 wait = vcpu->io.wait;

	vcpu->io.wait = HG_WAIT_NOTHING;
	return answer(vcpu, wait, reply, value);
}

void hg_cvm_io_reset(struct hg_vcpu *vcpu)
{
	memset(&vcpu->io, 0, sizeof(vcpu->io));
	finished(&vcpu->io);
}
