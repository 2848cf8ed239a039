// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: why the guest stopped, in terms that know no vendor.
 *
 * Every handler returns -1 to go on in the guest, or an enum hg_exit whose
 * details it has written to the control page.
 */
#include "svm.h"
#include "../core/insn.h"

#define VEC_DB	1
#define VEC_UD	6
#define VEC_GP	13
#define VEC_AC	17

#define DR6_BS	HG_BIT(14)

/* --- instructions --- */

static enum hg_mode code_mode(const struct vmcb *vmcb)
{
	if ((vmcb->efer & HG_EFER_LMA) && (vmcb->cs.attr & HG_SEG_L))
		return HG_MODE_64;
	return vmcb->cs.attr & HG_SEG_DB ? HG_MODE_32 : HG_MODE_16;
}

/* Where the guest's instructions come from. */
void svm_vcpu_code(struct hg_vcpu *vcpu, struct hg_fetch *fetch)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);

	*fetch = (struct hg_fetch){
		.linear = code_mode(vmcb) == HG_MODE_64 ? vcpu->rip :
			  (u32)(vmcb->cs.base + vcpu->rip),
		.cr0 = vmcb->cr0, .cr3 = vmcb->cr3, .cr4 = vmcb->cr4,
		.efer = vmcb->efer, .rflags = vcpu->rflags, .cpl = vmcb->cpl,
	};
}

void svm_vcpu_skip(struct hg_vcpu *vcpu, u32 length)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	vcpu->rip += length;
	if (code_mode(vmcb) != HG_MODE_64)
		vcpu->rip = (u32)vcpu->rip;
	vcpu->irq_shadow = 0;
	vcpu->backend[SVM_SKIPPED] = 1;
	vcpu->rflags &= ~HG_RFLAGS_RF;
	if (HG_UNLIKELY(vcpu->rflags & HG_RFLAGS_TF) && !vcpu->event) {
		vmcb->dr6 |= DR6_BS;
		hg_vcpu_raise(vcpu, VEC_DB, false, 0);
	}
}

static int undecoded(struct hg_vcpu *vcpu, const struct vmcb *vmcb, const u8 *bytes, u32 count)
{
	struct hg_vcpu_page *page = vcpu->page;

	page->fail.code = vmcb->exit_code;
	if (hg_confidential(vcpu))
		return HG_EXIT_UNDECODED;
	page->fail.info1 = vmcb->exit_info1;
	page->fail.info2 = vmcb->exit_info2;
	page->fail.bytes = count;
	memcpy(page->fail.insn, bytes, count);
	return HG_EXIT_UNDECODED;
}

/* One attempt: 0, or -1 (not there now), or what the exit handler has to return. */
static int decode_once(struct hg_vcpu *vcpu, const struct vmcb *vmcb, enum hg_skip_kind kind,
		       enum hg_skip_kind other, struct hg_skip *skip, u8 *bytes, u32 *count)
{
	struct hg_fetch fetch;
	u64 gpa = ~0ULL;
	int status;

	svm_vcpu_code(vcpu, &fetch);
	*count = hg_fetch_insn(vcpu, &fetch, bytes, HG_INSN_MAX_LEN, &gpa);
	status = *count ? hg_insn_skip(skip, bytes, *count, code_mode(vmcb)) : HG_INSN_MORE;
	if (status > 0 && (skip->kind == kind || skip->kind == other))
		return 0;
	if (status == HG_INSN_MORE && *count < HG_INSN_MAX_LEN && gpa != ~0ULL) {
		if (hg_confidential(vcpu))
			return hg_cvm_io_fault(vcpu, gpa, HG_NPF_FETCH | HG_NPF_USER);
		vcpu->page->npf.gpa = gpa;
		vcpu->page->npf.access = HG_NPF_FETCH | HG_NPF_USER;
		return HG_EXIT_NPF;
	}
	return -1;
}

/* Exits in a row whose bytes were another instruction's before we give up. */
#define MISDECODED_MAX	100

/*
 * Read and decode the instruction that exited; it must be of @kind or @other.
 * Returns 0, or what the exit handler has to return. The guest may have changed
 * the code since, or what is mapped there: then it runs once more, and stops
 * again if it must. Only a guest that never stops doing so, or an instruction
 * that the decoder does not know, is given up.
 */
static int decode(struct hg_vcpu *vcpu, const struct vmcb *vmcb, enum hg_skip_kind kind,
		  enum hg_skip_kind other, struct hg_skip *skip)
{
	u8 bytes[HG_INSN_MAX_LEN];
	u32 count;
	int status;

	status = decode_once(vcpu, vmcb, kind, other, skip, bytes, &count);
	if (HG_UNLIKELY(status < 0)) {
		/* The cached page may be of an older mapping. */
		vcpu->fetch_page = NULL;
		status = decode_once(vcpu, vmcb, kind, other, skip, bytes, &count);
	}
	if (HG_LIKELY(status >= 0)) {
		vcpu->backend[SVM_MISDECODED] = 0;
		return status;
	}
	if (++vcpu->backend[SVM_MISDECODED] <= MISDECODED_MAX)
		return -1;
	vcpu->backend[SVM_MISDECODED] = 0;
	return undecoded(vcpu, vmcb, bytes, count);
}

/* The length of the instruction that exited: 0 and *@length, or as decode(). */
static int insn_length(struct hg_vcpu *vcpu, const struct vmcb *vmcb, enum hg_skip_kind kind,
		       enum hg_skip_kind other, u32 *length)
{
	struct hg_skip skip;
	int status;

	if (svm_machine.features & SVM_FEATURE_NRIPS) {
		u64 bytes = vmcb->next_rip - vcpu->rip;

		if (bytes - 1 < HG_INSN_MAX_LEN) {
			*length = (u32)bytes;
			return 0;
		}
	}
	status = decode(vcpu, vmcb, kind, other, &skip);
	*length = skip.len;
	return status;
}

/* --- handlers --- */

static int exit_cpuid(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	u32 length;
	int status = insn_length(vcpu, vmcb, HG_SKIP_CPUID, HG_SKIP_CPUID, &length);

	return status ? status : hg_trap_cpuid(vcpu, length, vmcb->cr4);
}

static int exit_xsetbv(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	u32 length;
	int status;

	if (vmcb->cpl || !(vmcb->cr4 & HG_CR4_OSXSAVE)) {
		hg_vcpu_raise(vcpu, vmcb->cpl ? VEC_GP : VEC_UD, vmcb->cpl, 0);
		return -1;
	}
	status = insn_length(vcpu, vmcb, HG_SKIP_XSETBV, HG_SKIP_XSETBV, &length);
	return status ? status : hg_trap_xsetbv(vcpu, length);
}

/* HLT, VMMCALL, PAUSE: the parent's business, with RIP already past them. */
static int exit_past(struct hg_vcpu *vcpu, struct vmcb *vmcb, enum hg_skip_kind kind,
		     enum hg_exit exit)
{
	u32 length;
	int status = insn_length(vcpu, vmcb, kind, kind, &length);

	if (status)
		return status;
	svm_vcpu_skip(vcpu, length);
	vcpu->page->insn_length = length;
	return exit;
}

/* A hypercall: the parent's, or the core's: a confidential guest's, or an L1 kernel's. */
static int exit_vmmcall(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	u32 length;
	int status;

	if (!hg_confidential(vcpu) && !hg_nest_is_call(vcpu))
		return exit_past(vcpu, vmcb, HG_SKIP_VMMCALL, HG_EXIT_HYPERCALL);
	status = insn_length(vcpu, vmcb, HG_SKIP_VMMCALL, HG_SKIP_VMMCALL, &length);
	if (status)
		return status;
	return hg_confidential(vcpu) ? hg_cvm_hypercall(vcpu, length) : hg_nest_call(vcpu, length);
}

/* WBINVD, INVD: guest memory is coherent, so there is nothing to write back. */
static int exit_nothing(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	u32 length;
	/* Either: QEMU reports INVD as WBINVD. */
	int status = insn_length(vcpu, vmcb, HG_SKIP_WBINVD, HG_SKIP_INVD, &length);

	if (status)
		return status;
	vcpu->page->stat_other++;
	svm_vcpu_skip(vcpu, length);
	return -1;
}

static int exit_fault(struct hg_vcpu *vcpu, u32 vector, bool has_error)
{
	vcpu->page->stat_other++;
	hg_vcpu_raise(vcpu, vector, has_error, 0);
	return -1;
}

static int exit_dr(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	bool write = vmcb->exit_code >= SVM_EXIT_WRITE_DR0;
	enum hg_skip_kind kind;
	struct hg_skip skip;
	int status;

	kind = write ? HG_SKIP_WRITE_DR : HG_SKIP_READ_DR;
	status = decode(vcpu, vmcb, kind, kind, &skip);
	if (status)
		return status;
	status = hg_trap_dr(vcpu, skip.len, write, skip.number, skip.gpr, skip.opsize == 8,
			    vmcb->cr4);
	/* Breakpoints switched on from now: the addresses must reach the CPU. */
	if ((vmcb->dr7 & 0xff) && write) {
		vcpu->page->insn_length = 0;
		return HG_EXIT_KICK;
	}
	return status;
}

static struct hg_mode_state mode_state(const struct hg_vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);

	return (struct hg_mode_state){
		.cr0 = vmcb->cr0, .cr3 = vmcb->cr3, .cr4 = svm_guest_cr4(vcpu),
		.efer = vmcb->efer,
		.cs_long = code_mode(vmcb) == HG_MODE_64,
	};
}

/* A move of control register ; another one by now means: run it again. */
static int decode_cr(struct hg_vcpu *vcpu, const struct vmcb *vmcb, enum hg_skip_kind kind,
		     u8 number, struct hg_skip *skip)
{
	int status = decode(vcpu, vmcb, kind, kind, skip);

	return !status && skip->number != number ? -1 : status;
}

static u64 cr_source(const struct hg_vcpu *vcpu, const struct hg_skip *skip)
{
	u64 value = vcpu->gpr[skip->gpr & 15];

	return skip->opsize == 8 ? value : (u32)value;
}

static int exit_cr8(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	struct hg_skip skip;
	int status = decode_cr(vcpu, vmcb, HG_SKIP_WRITE_CR, 8, &skip);
	u64 value;

	if (status)
		return status;
	value = cr_source(vcpu, &skip);
	if (value & ~15ULL) {
		hg_vcpu_raise(vcpu, VEC_GP, true, 0);
		return -1;
	}
	vcpu->page->stat_cr++;
	vmcb->vintr = (vmcb->vintr & ~SVM_VINTR_TPR) | value;
	svm_vcpu_skip(vcpu, skip.len);
	return HG_EXIT_CR8;
}

static int exit_cr4(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	struct hg_mode_state now = mode_state(vcpu);
	struct hg_skip skip;
	int status = decode_cr(vcpu, vmcb, HG_SKIP_WRITE_CR, 4, &skip);

	if (status)
		return status;
	return hg_trap_cr4(vcpu, skip.len, cr_source(vcpu, &skip), &now);
}

/* Only while the guest's CR4.MCE is not what is in the CPU. */
static int exit_read_cr4(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	struct hg_skip skip;
	int status = decode_cr(vcpu, vmcb, HG_SKIP_READ_CR, 4, &skip);

	if (status)
		return status;
	vcpu->page->stat_cr++;
	vcpu->gpr[skip.gpr & 15] = svm_guest_cr4(vcpu);
	svm_vcpu_skip(vcpu, skip.len);
	return -1;
}

/* Only in a confidential VM, and only until its guest is known to set the C-bit. */
static int exit_cr3(struct hg_vcpu *vcpu, struct vmcb *vmcb, bool write)
{
	struct hg_mode_state now = mode_state(vcpu);
	struct hg_skip skip;
	int status = decode_cr(vcpu, vmcb, write ? HG_SKIP_WRITE_CR : HG_SKIP_READ_CR, 3, &skip);

	return status ? status : hg_cvm_cr3(vcpu, skip.len, write, skip.gpr, &now);
}

/* MOV to CR0, or LMSW from a register: the low four bits, and PE is never cleared. */
static int exit_cr0(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	struct hg_mode_state now = mode_state(vcpu);
	struct hg_skip skip;
	int status = decode(vcpu, vmcb, HG_SKIP_WRITE_CR, HG_SKIP_LMSW, &skip);
	u64 value;

	if (status)
		return status;
	if (skip.kind == HG_SKIP_WRITE_CR)
		return skip.number ? -1 : hg_trap_cr0(vcpu, skip.len, cr_source(vcpu, &skip), &now);
	if (skip.insn.flags & HG_INSN_MEM)
		return undecoded(vcpu, vmcb, &skip.insn.opcode, 1);
	value = (now.cr0 & ~14ULL) | (vcpu->gpr[skip.insn.rm & 15] & 15);
	return hg_trap_cr0(vcpu, skip.len, value, &now);
}

static int exit_msr(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	bool write = vmcb->exit_info1 & 1;
	enum hg_skip_kind kind;
	struct hg_vcpu_page *page = vcpu->page;
	u32 length;
	int status;

	kind = write ? HG_SKIP_WRMSR : HG_SKIP_RDMSR;
	status = insn_length(vcpu, vmcb, kind, kind, &length);
	if (status)
		return status;
	if (hg_confidential(vcpu)) {
		struct hg_mode_state now = mode_state(vcpu);

		return hg_cvm_msr(vcpu, length, write, &now);
	}
	page->insn_length = length;
	page->msr.index = (u32)vcpu->gpr[HG_RCX];
	page->msr.value = (u32)vcpu->gpr[HG_RAX] | vcpu->gpr[HG_RDX] << 32;
	return write ? HG_EXIT_MSR_WRITE : HG_EXIT_MSR_READ;
}

static int exit_io(struct hg_vcpu *vcpu, const struct vmcb *vmcb)
{
	struct hg_vcpu_page *page = vcpu->page;
	u64 info = vmcb->exit_info1;

	if (HG_UNLIKELY(hg_confidential(vcpu)))
		return hg_cvm_io_port(vcpu, SVM_IOIO_PORT(info), SVM_IOIO_SIZE(info),
				      info & SVM_IOIO_IN, info & SVM_IOIO_STR,
				      (u32)(vmcb->exit_info2 - vcpu->rip) & 15);
	page->io.port = SVM_IOIO_PORT(info);
	page->io.size = SVM_IOIO_SIZE(info);
	page->io.flags = (u8)((info & SVM_IOIO_IN ? HG_IO_IN : 0) |
			      (info & SVM_IOIO_STR ? HG_IO_STRING : 0) |
			      (info & SVM_IOIO_REP ? HG_IO_REP : 0));
	page->io.seg = (u8)SVM_IOIO_SEG(info);
	page->io.next_rip = vmcb->exit_info2;
	page->insn_length = (u32)(vmcb->exit_info2 - vcpu->rip) & 15;
	return HG_EXIT_IO;
}

/*
 * After a shutdown the control block is undefined (15.14.3): back to reset. The
 * time offset is the parent's setting, not the guest's state.
 */
static int exit_shutdown(struct hg_vcpu *vcpu)
{
	u64 offset = svm_vmcb(vcpu)->tsc_offset;

	svm_vcpu_init(vcpu);
	svm_vmcb(vcpu)->tsc_offset = offset;
	vcpu->event = 0;
	vcpu->nmi_masked = 0;
	vcpu->nmi_iret = 0;
	return HG_EXIT_SHUTDOWN;
}

static int exit_npf(struct hg_vcpu *vcpu, const struct vmcb *vmcb)
{
	int away;

	if (HG_UNLIKELY(hg_confidential(vcpu)))
		return hg_cvm_io_fault(vcpu, vmcb->exit_info2, vmcb->exit_info1);
	away = hg_nest_fault(vcpu, vmcb->exit_info2);
	if (HG_UNLIKELY(away != HG_NEST_NOT_MINE))
		return away == HG_EXIT_SHUTDOWN ? exit_shutdown(vcpu) : away;
	vcpu->page->npf.gpa = vmcb->exit_info2;
	vcpu->page->npf.access = vmcb->exit_info1;	/* the same bits (15.25.6) */
	return HG_EXIT_NPF;
}

/* A step asked for by the parent, over an instruction that the core completed. */
int svm_stepped(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	struct hg_vcpu_page *page = vcpu->page;

	page->debug.vector = VEC_DB;
	page->debug.dr6 = vmcb->dr6 | DR6_BS;
	page->debug.dr7 = vmcb->dr7;
	return HG_EXIT_DEBUG;
}

/*
 * Was it the step that opens the NMI window, and nothing else? DR6.B0 to B3 are
 * sticky, so they count only when a breakpoint is armed.
 */
static bool nmi_step(const struct hg_vcpu *vcpu, const struct vmcb *vmcb)
{
	if (!(vcpu->step & SVM_STEP_NMI) || !(vmcb->dr6 & DR6_BS))
		return false;
	return !(vmcb->dr7 & 0xff) || !(vmcb->dr6 & 0xf);
}

static int exit_debug(struct hg_vcpu *vcpu, struct vmcb *vmcb, u32 vector)
{
	struct hg_vcpu_page *page = vcpu->page;

	if (vector == VEC_DB && nmi_step(vcpu, vmcb)) {
		vcpu->nmi_masked = 0;
		vcpu->nmi_iret = 0;
		if (!vcpu->backend[SVM_GUEST_TF] && !(vcpu->step & SVM_STEP_DEBUG)) {
			vmcb->dr6 &= ~DR6_BS;
			return HG_EXIT_NMI_WINDOW;
		}
	}
	if (vcpu->run_flags & (vector == VEC_DB ? HG_RUN_STEP | HG_RUN_TRAP_DB : HG_RUN_TRAP_BP)) {
		page->debug.vector = vector;
		page->debug.dr6 = vmcb->dr6;
		page->debug.dr7 = vmcb->dr7;
		return HG_EXIT_DEBUG;
	}
	hg_vcpu_raise(vcpu, vector, false, 0);
	return -1;
}

static int exit_iret(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	vmcb->intercept3 &= ~SVM_INTERCEPT_IRET;
	vcpu->nmi_iret = 1;
	vcpu->nmi_iret_rip = vcpu->rip;
	if (vcpu->run_flags & HG_RUN_NMI_WINDOW)
		vcpu->step |= SVM_STEP_NMI;
	return -1;
}

static int exit_invalid(struct hg_vcpu *vcpu, const struct vmcb *vmcb)
{
	vcpu->page->fail.code = vmcb->exit_code;
	if (hg_confidential(vcpu))
		return HG_EXIT_INVALID;
	vcpu->page->fail.info1 = vmcb->exit_info1;
	vcpu->page->fail.info2 = vmcb->exit_info2;
	vcpu->page->fail.bytes = 0;
	return HG_EXIT_INVALID;
}

static int exit_rare(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	u64 code = vmcb->exit_code;

	if (code >= SVM_EXIT_READ_DR0 && code <= SVM_EXIT_WRITE_DR15)
		return exit_dr(vcpu, vmcb);
	switch (code) {
	case SVM_EXIT_CR0_SEL_WRITE:
		return exit_cr0(vcpu, vmcb);
	case SVM_EXIT_READ_CR3:
		return exit_cr3(vcpu, vmcb, false);
	case SVM_EXIT_WRITE_CR3:
		return exit_cr3(vcpu, vmcb, true);
	case SVM_EXIT_READ_CR4:
		return exit_read_cr4(vcpu, vmcb);
	case SVM_EXIT_WRITE_CR4:
		return exit_cr4(vcpu, vmcb);
	case SVM_EXIT_WRITE_CR8:
		return exit_cr8(vcpu, vmcb);
	case SVM_EXIT_EXCP(1):
		return exit_debug(vcpu, vmcb, 1);
	case SVM_EXIT_EXCP(3):
		return exit_debug(vcpu, vmcb, 3);
	case SVM_EXIT_EXCP(17):
		return exit_fault(vcpu, VEC_AC, true);
	case SVM_EXIT_EXCP(18):
		return HG_EXIT_MACHINE_CHECK;
	case SVM_EXIT_XSETBV:
		return exit_xsetbv(vcpu, vmcb);
	case SVM_EXIT_IRET:
		return exit_iret(vcpu, vmcb);
	case SVM_EXIT_WBINVD:
		return exit_nothing(vcpu, vmcb);
	case SVM_EXIT_INVD:
		return exit_nothing(vcpu, vmcb);
	case SVM_EXIT_RDPMC:
		return exit_fault(vcpu, VEC_GP, true);
	case SVM_EXIT_RSM:
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_MONITOR:
	case SVM_EXIT_MWAIT:
	case SVM_EXIT_MWAIT_ARMED:
	case SVM_EXIT_RDPRU:
		return exit_fault(vcpu, VEC_UD, false);
	case SVM_EXIT_FERR_FREEZE:
		return -1;
	case SVM_EXIT_SHUTDOWN:
		return exit_shutdown(vcpu);
	}
	return exit_invalid(vcpu, vmcb);	/* SVM_EXIT_INVALID, and what we never asked for */
}

int svm_exit(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	switch (vmcb->exit_code) {
	case SVM_EXIT_INTR:
	case SVM_EXIT_INIT:
		return HG_EXIT_INTR;
	case SVM_EXIT_CPUID:
		return exit_cpuid(vcpu, vmcb);
	case SVM_EXIT_IOIO:
		return exit_io(vcpu, vmcb);
	case SVM_EXIT_NPF:
		return exit_npf(vcpu, vmcb);
	case SVM_EXIT_MSR:
		return exit_msr(vcpu, vmcb);
	case SVM_EXIT_HLT:
		return exit_past(vcpu, vmcb, HG_SKIP_HLT, HG_EXIT_HLT);
	case SVM_EXIT_VINTR:
		return HG_EXIT_IRQ_WINDOW;
	case SVM_EXIT_NMI:
		return HG_EXIT_NMI;
	case SVM_EXIT_VMMCALL:
		return exit_vmmcall(vcpu, vmcb);
	case SVM_EXIT_PAUSE:
		return exit_past(vcpu, vmcb, HG_SKIP_PAUSE, HG_EXIT_PAUSE);
	}
	return exit_rare(vcpu, vmcb);
}
