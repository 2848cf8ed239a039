// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's exit needs done, when the core could not finish it.
 */
#include "vcpu.h"

#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "../irqchip/lapic.h"
#include "core_start.h"
#include "cvm.h"
#include "dump.h"
#include "memory.h"
#include "nest.h"
#include "trace.h"

#define VEC_UD	6
#define VEC_GP	13

/* Hypercalls that a Linux guest tries: none is offered, so -KVM_ENOSYS. */
#define KVM_ENOSYS	1000

int hgl_internal_error(struct hgl_vcpu *vcpu, u32 suberror)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 0;
	return HGL_TO_USER;
}

/*
 * A fault while an event was being delivered and with no memory behind it: the
 * instruction at RIP is not the one that faulted, so nothing can be emulated.
 */
static int delivery_error(struct hgl_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	hgl_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV);
	run->internal.ndata = 3;
	run->internal.data[0] = vcpu->page->event;
	run->internal.data[1] = vcpu->page->exit;
	run->internal.data[2] = vcpu->page->npf.gpa;
	return HGL_TO_USER;
}

static int exit_npf(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;
	u64 gpa = page->npf.gpa;
	int ret;

	vcpu->stat.exit_npf++;
	ret = hgl_mmu_fault(vcpu, gpa, page->npf.access);
	if (likely(ret == HGL_FAULT_DONE))
		return HGL_AGAIN;
	if (ret < 0)
		return ret;
	if (unlikely(page->npf.access & HG_NPF_CALL)) {
		vcpu->page->reply = HG_REPLY_MMIO;
		return HGL_AGAIN;
	}
	if (vcpu->exception || vcpu->interrupt || vcpu->nmi_injected)
		return delivery_error(vcpu);
	vcpu->stat.exit_mmio++;
	return hgl_emulate(vcpu, gpa);
}

static int exit_io(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;

	vcpu->stat.exit_io++;
	if (unlikely(page->io.flags & HG_IO_STRING))
		return hgl_emulate(vcpu, ~0ULL);
	return hgl_port_io(vcpu, page->io.port, page->io.size, page->io.flags & HG_IO_IN,
			   page->io.next_rip);
}

static int exit_msr(struct hgl_vcpu *vcpu, bool write)
{
	struct hg_vcpu_page *page = vcpu->page;
	u32 index = page->msr.index;
	u64 value = page->msr.value;
	int fault;

	vcpu->stat.exit_msr++;
	fault = write ? hgl_msr_write(vcpu, index, value, false) :
			hgl_msr_read(vcpu, index, &value, false);
	trace_hg_msr(vcpu->vm->id, vcpu->id, write, index, value, fault);
	if (fault) {
		hgl_queue_exception(vcpu, VEC_GP, true, 0);
		return HGL_AGAIN;
	}
	if (!write) {
		page->gpr[HG_RAX] = (u32)value;
		page->gpr[HG_RDX] = value >> 32;
		hgl_state_dirty(vcpu, HG_STATE_REGS);
	}
	hgl_skip(vcpu, page->insn_length);
	return HGL_AGAIN;
}

static int exit_hlt(struct hgl_vcpu *vcpu)
{
	vcpu->stat.exit_hlt++;
	if (!vcpu->lapic) {
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return HGL_TO_USER;
	}
	WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_HALTED);
	return HGL_AGAIN;
}

static int exit_hypercall(struct hgl_vcpu *vcpu)
{
	vcpu->stat.exit_hypercall++;
	vcpu->page->gpr[HG_RAX] = (u64)-KVM_ENOSYS;
	hgl_state_dirty(vcpu, HG_STATE_REGS);
	return HGL_AGAIN;
}

static int exit_debug(struct hgl_vcpu *vcpu)
{
	struct kvm_debug_exit_arch *debug = &vcpu->run->debug.arch;
	const struct hg_vcpu_page *page = vcpu->page;

	hgl_state_need(vcpu, HG_STATE_SEGMENTS);
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	debug->exception = page->debug.vector;
	debug->pad = 0;
	debug->pc = page->seg[HG_SEG_CS].base + page->rip;
	debug->dr6 = page->debug.dr6;
	debug->dr7 = page->debug.dr7;
	return HGL_TO_USER;
}

static int exit_undecoded(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;
	u32 bytes = min_t(u32, page->fail.bytes, sizeof(page->fail.insn));
	struct kvm_run *run = vcpu->run;

	pr_warn_ratelimited("hypergpu: vm %u vcpu %u: exit %#llx at rip %#llx: not understood: %*ph\n",
			    vcpu->vm->id, vcpu->id, page->fail.code, page->rip, (int)bytes,
			    page->fail.insn);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = (u8)bytes;
	memset(run->emulation_failure.insn_bytes, 0x90, sizeof(run->emulation_failure.insn_bytes));
	memcpy(run->emulation_failure.insn_bytes, page->fail.insn, bytes);
	return HGL_TO_USER;
}

/* The CPU refused the guest's state: say what it was. */
static int exit_invalid(struct hgl_vcpu *vcpu)
{
	hgl_dump_vcpu(vcpu);
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = vcpu->page->fail.code;
	vcpu->run->fail_entry.cpu = READ_ONCE(vcpu->cpu);
	return HGL_TO_USER;
}

static int exit_pause(struct hgl_vcpu *vcpu)
{
	vcpu->stat.exit_other++;
	/* It waits for another vCPU: let that one run if it shares our CPU. */
	yield();
	return HGL_AGAIN;
}

/* It, or a guest of its own, waits for a signature. */
static int exit_report(struct hgl_vcpu *vcpu)
{
	s64 status;

	vcpu->stat.exit_other++;
	status = hg_core_sign(vcpu->handle);
	if (likely(!status))
		return HGL_AGAIN;
	return hgl_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
}

int hgl_exit(struct hgl_vcpu *vcpu, enum hg_exit exit)
{
	if (unlikely(hgl_cvm(vcpu->vm))) {
		int ret = hgl_cvm_exit(vcpu, exit);

		if (ret != HGL_NOT_MINE)
			return ret;
	}
	switch (exit) {
	case HG_EXIT_INTR:
		vcpu->stat.exit_intr++;
		return HGL_AGAIN;
	case HG_EXIT_NPF:
		return exit_npf(vcpu);
	case HG_EXIT_IO:
		return exit_io(vcpu);
	case HG_EXIT_MSR_READ:
		return exit_msr(vcpu, false);
	case HG_EXIT_MSR_WRITE:
		return exit_msr(vcpu, true);
	case HG_EXIT_HLT:
		return exit_hlt(vcpu);
	case HG_EXIT_HYPERCALL:
		return exit_hypercall(vcpu);
	case HG_EXIT_IRQ_WINDOW:
		vcpu->stat.exit_irq_window++;
		return HGL_AGAIN;
	case HG_EXIT_NMI:
		vcpu->stat.exit_nmi++;
		return HGL_AGAIN;
	case HG_EXIT_PAUSE:
		return exit_pause(vcpu);
	case HG_EXIT_DEBUG:
		return exit_debug(vcpu);
	case HG_EXIT_CR8:
		if (vcpu->lapic)
			return HGL_AGAIN;
		vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
		return HGL_TO_USER;
	case HG_EXIT_SHUTDOWN:
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return HGL_TO_USER;
	case HG_EXIT_MACHINE_CHECK:
		vcpu->stat.exit_other++;	/* run.c has handled it */
		return HGL_AGAIN;
	case HG_EXIT_UNDECODED:
		return exit_undecoded(vcpu);
	case HG_EXIT_INVALID:
		return exit_invalid(vcpu);
	case HG_EXIT_KICK:
	case HG_EXIT_NMI_WINDOW:
		vcpu->stat.exit_other++;
		return HGL_AGAIN;
	case HG_EXIT_FRAMES:
		vcpu->stat.exit_other++;
		hgl_nest_frames(vcpu);
		return HGL_AGAIN;
	case HG_EXIT_RELEASED:
		vcpu->stat.exit_other++;
		hgl_cvm_reclaim(vcpu->vm);
		return HGL_AGAIN;
	case HG_EXIT_REPORT:
		return exit_report(vcpu);
	case HG_EXIT_MMIO:
	case HG_EXIT_CONVERTED:
	case HG_EXIT_COUNT:
		break;
	}
	return hgl_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON);
}
