// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: what happens around each VMRUN.
 */
#include "svm.h"

/* --- address-space tags --- */

/*
 * Give the vCPU a tag on @cpu, and have its translations forgotten if its
 * domain lost rights since the last entry. Tags are per CPU and start over,
 * all flushed, when they run out (15.16).
 */
static void tag(struct hg_vcpu *vcpu, struct hg_cpu *cpu, struct vmcb *vmcb)
{
	/*
	 * Read before the entry: a change after this point finds the vCPU
	 * running, and its maker interrupts this CPU.
	 */
	u64 gen = __atomic_load_n(&vcpu->domain->tlb_gen, __ATOMIC_ACQUIRE);
	bool stale = gen != vcpu->tlb_seen;

	if (HG_LIKELY(vcpu->last_cpu == cpu && vcpu->asid_epoch == cpu->asid_epoch && !stale))
		return;
	if (stale && vcpu->last_cpu == cpu && vcpu->asid_epoch == cpu->asid_epoch &&
	    (svm_machine.features & SVM_FEATURE_FLUSH_BY_ASID)) {
		vmcb->tlb_control = SVM_TLB_FLUSH_ASID;
	} else {
		if (cpu->asid_next >= svm_machine.asids) {
			cpu->asid_next = 1;
			cpu->asid_epoch++;
			vmcb->tlb_control = SVM_TLB_FLUSH_ALL;
		}
		vmcb->asid = (u32)cpu->asid_next++;
		vcpu->asid_epoch = cpu->asid_epoch;
		vcpu->last_cpu = cpu;
	}
	__atomic_store_n(&vcpu->tlb_seen, gen, __ATOMIC_RELEASE);
}

/* --- debug registers: the control block holds only DR6 and DR7 --- */

static void load_debug(struct hg_vcpu *vcpu)
{
	/* The host's breakpoints are off before the guest's addresses are in. */
	__asm__ volatile("mov %0, %%db7" : : "r" (0ULL));
	__asm__ volatile("mov %0, %%db0" : : "r" (vcpu->dr[0]));
	__asm__ volatile("mov %0, %%db1" : : "r" (vcpu->dr[1]));
	__asm__ volatile("mov %0, %%db2" : : "r" (vcpu->dr[2]));
	__asm__ volatile("mov %0, %%db3" : : "r" (vcpu->dr[3]));
}

/* --- load, unload: once per HG_CALL_VCPU_RUN --- */

/* NMIs: masked until IRET, which is caught to learn of it (15.20.2 has no virtual NMI). */
static u32 intercepts(const struct hg_vcpu *vcpu, u32 word)
{
	word &= ~(SVM_INTERCEPT_VINTR | SVM_INTERCEPT_IRET);
	if (vcpu->run_flags & HG_RUN_IRQ_WINDOW)
		word |= SVM_INTERCEPT_VINTR;
	if (vcpu->nmi_masked && !vcpu->nmi_iret)
		word |= SVM_INTERCEPT_IRET;
	return word;
}

/* The IRET after an NMI has completed once RIP has moved on. */
static void settle_nmi(struct hg_vcpu *vcpu)
{
	if (vcpu->nmi_iret && vcpu->rip != vcpu->nmi_iret_rip) {
		vcpu->nmi_iret = 0;
		vcpu->nmi_masked = 0;
	}
}

/*
 * A single step opens the NMI window when nothing else would report it: over
 * an interrupt shadow, or over the IRET itself.
 */
static void arm_step(struct hg_vcpu *vcpu)
{
	bool window = (vcpu->run_flags & HG_RUN_NMI_WINDOW) &&
		      (!vcpu->nmi_masked || vcpu->nmi_iret);

	vcpu->step = 0;
	if (vcpu->run_flags & HG_RUN_STEP)
		vcpu->step |= SVM_STEP_DEBUG;
	if (window)
		vcpu->step |= SVM_STEP_NMI;
}

s64 svm_vcpu_load(struct hg_vcpu *vcpu, struct hg_cpu *cpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	(void)cpu;
	settle_nmi(vcpu);
	arm_step(vcpu);
	vmcb->intercept3 = intercepts(vcpu, vmcb->intercept3);
	vmcb->intercept_cr = SVM_CR4_WRITE | svm_watch_cr3(vcpu);
	if (!vcpu->backend[SVM_GUEST_MCE])
		vmcb->intercept_cr |= SVM_CR4_READ;
	/* With a virtual interrupt waiting, QEMU 7.2 aborts over a CR8 write that it does. */
	if (vcpu->run_flags & (HG_RUN_CR8_EXIT | HG_RUN_IRQ_WINDOW))
		vmcb->intercept_cr |= SVM_CR8_WRITE;
	vmcb->intercept_exception &= ~HG_BIT32(3);
	if (vcpu->run_flags & HG_RUN_TRAP_BP)
		vmcb->intercept_exception |= HG_BIT32(3);

	/* The virtual interrupt exists only for its exit: highest priority, any TPR. */
	vmcb->vintr = SVM_VINTR_MASKING | (HG_READ_ONCE(vcpu->page->cr8) & 15);
	if (vcpu->run_flags & HG_RUN_IRQ_WINDOW)
		vmcb->vintr |= SVM_VINTR_IRQ | SVM_VINTR_IGN_TPR | 15ULL << SVM_VINTR_PRIO_SHIFT;

	if (svm_machine.tsc_aux) {
		vcpu->backend[SVM_HOST_TSC_AUX] = svm_rdmsr(MSR_TSC_AUX);
		if (vcpu->backend[SVM_HOST_TSC_AUX] != vcpu->tsc_aux)
			svm_wrmsr(MSR_TSC_AUX, vcpu->tsc_aux);
	}
	vcpu->backend[SVM_DR_LIVE] = vmcb->dr7 & 0xff;
	if (HG_UNLIKELY(vcpu->backend[SVM_DR_LIVE]))
		load_debug(vcpu);
	/* FS, GS, TR, LDTR and the SYSCALL MSRs: VMRUN does not save the host's. */
	__asm__ volatile("vmsave %0" : : "a" (vcpu->host_pa) : "memory");
	return HG_OK;
}

void svm_vcpu_unload(struct hg_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	vcpu->page->cr8 = vmcb->vintr & 15;
	if (svm_machine.tsc_aux && vcpu->backend[SVM_HOST_TSC_AUX] != vcpu->tsc_aux)
		svm_wrmsr(MSR_TSC_AUX, vcpu->backend[SVM_HOST_TSC_AUX]);
}

/* --- one entry --- */

static u64 event_inject(struct hg_vcpu *vcpu, struct vmcb *vmcb)
{
	u64 event = vcpu->event;

	if (event & HG_EVENT_HAS_ERROR)
		event |= (u64)vcpu->event_error << SVM_EVENT_ERROR_SHIFT;
	switch (HG_EVENT_TYPE(vcpu->event)) {
	case HG_EVENT_NMI:
		vcpu->nmi_masked = 1;
		vcpu->nmi_iret = 0;
		vmcb->intercept3 |= SVM_INTERCEPT_IRET;
		break;
	case HG_EVENT_SOFT:
		/* The return address is the next instruction's (15.20). */
		vmcb->rip += vcpu->event_length;
		vmcb->next_rip = vmcb->rip;
		vcpu->backend[SVM_SOFT_LENGTH] = vcpu->event_length;
		break;
	}
	vcpu->event = 0;
	return event;
}

/*
 * An exit may come in the middle of delivering an event. Software interrupts
 * and the traps of INT3 and INTO are not delivered again: RIP is still on the
 * instruction, which will raise them once more. One that
 * the parent asked for has no such instruction and is handed back.
 */
static void cut_short(struct hg_vcpu *vcpu, const struct vmcb *vmcb)
{
	u32 event = (u32)vmcb->exit_int_info, type = HG_EVENT_TYPE(event);
	u32 vector = HG_EVENT_VECTOR(event);

	if (type == HG_EVENT_SOFT && vcpu->backend[SVM_SOFT_LENGTH]) {
		vcpu->rip -= vcpu->backend[SVM_SOFT_LENGTH];
		vcpu->event = event & ((u32)HG_EVENT_VALID | 0x7ff);
		vcpu->event_length = (u32)vcpu->backend[SVM_SOFT_LENGTH];
		return;
	}
	if (type == HG_EVENT_SOFT || (type == HG_EVENT_FAULT && (vector == 3 || vector == 4)))
		return;
	vcpu->event = event & ((u32)HG_EVENT_VALID | (u32)HG_EVENT_HAS_ERROR | 0x7ff);
	vcpu->event_error = (u32)(vmcb->exit_int_info >> SVM_EVENT_ERROR_SHIFT);
	vcpu->event_length = 0;
}

/*
 * VMRUN refused the state. Whether it flushed before it looked is nowhere said,
 * so nothing counts as flushed, for no vCPU of this CPU. What was to be injected
 * is lost with the entry, and EXITINTINFO is of an older one.
 */
static void entry_refused(struct hg_vcpu *vcpu, struct hg_cpu *cpu, struct vmcb *vmcb)
{
	vcpu->last_cpu = NULL;
	__atomic_store_n(&vcpu->tlb_seen, 0, __ATOMIC_RELEASE);
	cpu->asid_next = svm_machine.asids;
	vmcb->exit_int_info = 0;
	if (HG_EVENT_TYPE((u32)vmcb->event_inject) == HG_EVENT_NMI)
		vcpu->nmi_masked = 0;
}

/*
 * TF for a step of ours. Not while an event is delivered whose frame would keep
 * it; the window can wait for the next exit.
 */
static bool step_now(const struct hg_vcpu *vcpu)
{
	return vcpu->step && !(vcpu->event && vcpu->step == SVM_STEP_NMI);
}

/* An IRET that was stepped over has loaded RFLAGS: TF in it is the guest's. */
static bool tf_is_ours(const struct hg_vcpu *vcpu, const struct vmcb *vmcb)
{
	return !(vcpu->rflags & HG_RFLAGS_TF) &&
	       !(vcpu->nmi_iret && vmcb->rip != vcpu->nmi_iret_rip);
}

int svm_vcpu_enter(struct hg_vcpu *vcpu, struct hg_cpu *cpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	bool step;
	int exit;

	tag(vcpu, cpu, vmcb);
	vmcb->rax = vcpu->gpr[HG_RAX];
	vmcb->rsp = vcpu->gpr[HG_RSP];
	vmcb->rip = vcpu->rip;
	vmcb->rflags = vcpu->rflags;
	vmcb->interrupt_shadow = vcpu->irq_shadow;
	step = false;
	if (HG_UNLIKELY(vcpu->step)) {
		step = step_now(vcpu);
		vcpu->backend[SVM_GUEST_TF] = vcpu->rflags & HG_RFLAGS_TF;
		vcpu->backend[SVM_SKIPPED] = 0;
		if (step)
			vmcb->rflags |= HG_RFLAGS_TF;
	}
	vcpu->backend[SVM_SOFT_LENGTH] = 0;
	vmcb->event_inject = vcpu->event ? event_inject(vcpu, vmcb) : 0;

	hg_svm_enter(vcpu);

	vmcb->tlb_control = SVM_TLB_NOTHING;
	vcpu->gpr[HG_RAX] = vmcb->rax;
	vcpu->gpr[HG_RSP] = vmcb->rsp;
	if (HG_UNLIKELY(vmcb->exit_code == SVM_EXIT_INVALID))
		entry_refused(vcpu, cpu, vmcb);
	if (HG_UNLIKELY(step) && tf_is_ours(vcpu, vmcb))
		vmcb->rflags &= ~HG_RFLAGS_TF;
	vcpu->rip = vmcb->rip;
	vcpu->rflags = vmcb->rflags;
	vcpu->irq_shadow = vmcb->interrupt_shadow & 1;
	if (HG_UNLIKELY(vmcb->exit_int_info & HG_EVENT_VALID))
		cut_short(vcpu, vmcb);
	exit = svm_exit(vcpu, vmcb);
	if (HG_UNLIKELY(exit < 0 && (vcpu->step & SVM_STEP_DEBUG) && vcpu->backend[SVM_SKIPPED]))
		return svm_stepped(vcpu, vmcb);
	return exit;
}
