// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_RUN: the loop around the core's run call.
 */
#include "vcpu.h"

#include <linux/context_tracking.h>
#include <linux/entry-kvm.h>
#include <linux/hw_breakpoint.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/mce.h>
#include <asm/nospec-branch.h>

#include "cvm.h"
#include "memory.h"
#include "trace.h"
#include "work.h"

/* --- waiting --- */

bool hgl_vcpu_runnable(struct hgl_vcpu *vcpu)
{
	u32 state = READ_ONCE(vcpu->mp_state);

	if (READ_ONCE(vcpu->requests) & (BIT(HGL_REQ_DEAD) | BIT(HGL_REQ_EOI_EXIT)))
		return true;
	if (hgl_irq_peek_events(vcpu))
		return true;
	if (state == KVM_MP_STATE_RUNNABLE)
		return true;
	if (state != KVM_MP_STATE_HALTED)
		return false;
	if (vcpu->exception || vcpu->interrupt || vcpu->nmi_injected)
		return true;
	if (atomic_read(&vcpu->nmi_pending) && !vcpu->page->nmi_masked)
		return true;
	if (!hgl_interrupt_allowed(vcpu))
		return false;
	return hgl_irq_pending(vcpu) >= 0 ||
	       (vcpu->external_vector >= 0 && hgl_irq_accepts_pic(vcpu));
}

static int wait(struct hgl_vcpu *vcpu)
{
	vcpu->stat.halt_waits++;
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (hgl_vcpu_runnable(vcpu) || signal_pending(current))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	return signal_pending(current) ? -EINTR : 0;
}

/*
 * Not runnable: sleep until it is. HGL_AGAIN, or -EINTR. An AP that waits for
 * its SIPI returns to the VMM with -EAGAIN once woken, as KVM's do.
 */
static int block(struct hgl_vcpu *vcpu)
{
	int ret;

	if (!hgl_vcpu_runnable(vcpu)) {
		ret = wait(vcpu);
		if (ret)
			return ret;
	}
	hgl_events_init_sipi(vcpu);
	if (vcpu->mp_state == KVM_MP_STATE_HALTED)
		WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
	return HGL_AGAIN;
}

/* --- one entry --- */

/* The vCPU that ran last on this CPU; compared only, never followed. */
static DEFINE_PER_CPU(struct hgl_vcpu *, last_vcpu);

/* PKRU is the guest's while it runs: the host's entry and exit code relies on its own. */
static void load_pkru(struct hgl_vcpu *vcpu)
{
	if (!cpu_feature_enabled(X86_FEATURE_OSPKE))
		return;
	vcpu->host_pkru = rdpkru();
	if (vcpu->guest_pkru != vcpu->host_pkru)
		wrpkru(vcpu->guest_pkru);
}

static void put_pkru(struct hgl_vcpu *vcpu)
{
	if (!cpu_feature_enabled(X86_FEATURE_OSPKE))
		return;
	vcpu->guest_pkru = rdpkru();
	if (vcpu->guest_pkru != vcpu->host_pkru)
		wrpkru(vcpu->host_pkru);
}

/*
 * A machine check hit the host in the guest's time. Handled before this CPU is
 * left, and as one of user mode: what the guest consumed costs the VMM, not the
 * machine.
 */
static void machine_check(void)
{
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
}

/* What one guest trained, another on this CPU must not run by. */
static void forget_branches(struct hgl_vcpu *vcpu)
{
	if (likely(this_cpu_read(last_vcpu) == vcpu))
		return;
	indirect_branch_prediction_barrier();
	this_cpu_write(last_vcpu, vcpu);
}

static s64 switch_to_guest(struct hgl_vcpu *vcpu)
{
	s64 status;

	forget_branches(vcpu);
	load_pkru(vcpu);
	vtime_account_guest_enter();
	/*
	 * To RCU a guest is like user space: nothing it protects is in use. It
	 * needs to hear so only once a tick has come, and that ends a run.
	 */
	if (!context_tracking_guest_enter() && vcpu->page->exit == HG_EXIT_INTR)
		rcu_virt_note_context_switch(smp_processor_id());
	/* The guest's DR0 to DR3 must not meet breakpoints that the host has armed. */
	if (unlikely(hw_breakpoint_active()))
		set_debugreg(0UL, 7);
	status = hgl_core(HG_CALL_VCPU_RUN, vcpu->handle, smp_processor_id(), 0, 0, 0);
	context_tracking_guest_exit();
	put_pkru(vcpu);
	/* The guest's exit leaves DR7 clear and DR0..DR3 possibly the guest's. */
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
	if (unlikely(status == HG_EXIT_MACHINE_CHECK))
		machine_check();
	return status;
}

/* An enum hg_exit, NOT_ENTERED if something came up first, or an hg_status. */
#define NOT_ENTERED	HG_EXIT_COUNT

static s64 enter(struct hgl_vcpu *vcpu)
{
	s64 status = NOT_ENTERED;

	preempt_disable();
	local_irq_disable();
	if (unlikely(test_thread_flag(TIF_NEED_FPU_LOAD)))
		switch_fpu_return();
	WRITE_ONCE(vcpu->cpu, smp_processor_id());
	/* Pairs with hgl_vcpu_kick() and hgl_vm_flush(): mode before requests. */
	smp_store_mb(vcpu->mode, HGL_INSIDE);
	if (unlikely(READ_ONCE(vcpu->requests) || xfer_to_guest_mode_work_pending()))
		goto out;
	trace_hg_entry(vcpu->vm->id, vcpu->id, vcpu->page->rip);
	status = switch_to_guest(vcpu);
out:
	smp_store_release(&vcpu->mode, HGL_OUTSIDE);
	/* A pending host interrupt is taken here, still counted as the guest's time. */
	local_irq_enable();
	vcpu->stat.exits++;	/* STI lets one instruction pass first */
	local_irq_disable();
	vtime_account_guest_exit();
	local_irq_enable();
	preempt_enable();
	return status;
}

/* The core refused to run: nothing of the guest has changed. */
static int refused(struct hgl_vcpu *vcpu, s64 status)
{
	pr_warn_ratelimited("hypergpu: vm %u vcpu %u: the core refused to run it: status %lld\n",
			    vcpu->vm->id, vcpu->id, status);
	vcpu->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	vcpu->run->fail_entry.hardware_entry_failure_reason = (u64)status;
	vcpu->run->fail_entry.cpu = READ_ONCE(vcpu->cpu);
	return HGL_TO_USER;
}

static u64 exit_info(const struct hg_vcpu_page *page)
{
	switch (page->exit) {
	case HG_EXIT_NPF:
		return page->npf.gpa;
	case HG_EXIT_IO:
		return page->io.port;
	case HG_EXIT_MSR_READ:
	case HG_EXIT_MSR_WRITE:
		return page->msr.index;
	}
	return 0;
}

static int once(struct hgl_vcpu *vcpu)
{
	s64 status;
	int idx, ret;

	ret = hgl_events_prepare(vcpu);
	if (unlikely(ret))
		return ret;
	if (vcpu->lapic)
		vcpu->page->cr8 = (u32)hgl_irq_get_cr8(vcpu);
	status = enter(vcpu);
	if (unlikely(status < 0))
		return refused(vcpu, status);
	if (unlikely(status == NOT_ENTERED))
		return HGL_AGAIN;
	trace_hg_exit(vcpu->vm->id, vcpu->id, status, vcpu->page->rip, exit_info(vcpu->page));
	hgl_events_collect(vcpu);
	if (vcpu->lapic)
		hgl_irq_set_cr8(vcpu, vcpu->page->cr8);
	idx = srcu_read_lock(&vcpu->vm->srcu);
	ret = hgl_exit(vcpu, status);
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	return ret;
}

/* --- requests --- */

static int take_requests(struct hgl_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int vector;

	clear_bit(HGL_REQ_FLUSH, &vcpu->requests);
	clear_bit(HGL_REQ_EVENT, &vcpu->requests);
	/* Cleared before what they announce is looked at. */
	smp_mb__after_atomic();
	if (test_bit(HGL_REQ_DEAD, &vcpu->requests))
		return -EIO;
	if (test_and_clear_bit(HGL_REQ_TRIPLE, &vcpu->requests)) {
		run->exit_reason = KVM_EXIT_SHUTDOWN;
		return HGL_TO_USER;
	}
	if (test_and_clear_bit(HGL_REQ_CLOCK, &vcpu->requests))
		hgl_kvmclock_update(vcpu);
	if (test_and_clear_bit(HGL_REQ_EOI_EXIT, &vcpu->requests)) {
		vector = hgl_irq_take_eoi_exit(vcpu);
		if (vector >= 0) {
			run->exit_reason = KVM_EXIT_IOAPIC_EOI;
			run->eoi.vector = (u8)vector;
			return HGL_TO_USER;
		}
	}
	if (hgl_irq_peek_events(vcpu))
		hgl_events_init_sipi(vcpu);
	return HGL_AGAIN;
}

/* Signals and rescheduling. */
static int host_work(struct hgl_vcpu *vcpu)
{
	int ret;

	if (likely(!__xfer_to_guest_mode_work_pending()))
		return HGL_AGAIN;
	ret = signal_pending(current) ? -EINTR : hgl_host_work();
	if (!ret)
		return HGL_AGAIN;
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	vcpu->stat.signals++;
	return ret;
}

/* Does the VMM want to hear that an interrupt could be taken? */
static bool window_open(struct hgl_vcpu *vcpu)
{
	if (vcpu->lapic && (hgl_irqchip_has_pic(vcpu->vm) || vcpu->external_vector >= 0 ||
			    !hgl_irq_accepts_pic(vcpu)))
		return false;
	return hgl_interrupt_allowed(vcpu) && !vcpu->interrupt && !vcpu->exception &&
	       !vcpu->nmi_injected;
}

static int loop(struct hgl_vcpu *vcpu)
{
	u64 lost;
	int ret;

	for (;;) {
		if (unlikely(READ_ONCE(vcpu->requests))) {
			ret = take_requests(vcpu);
			if (ret != HGL_AGAIN)
				return ret;
		}
		lost = READ_ONCE(hgl_tsc_lost);
		if (unlikely(lost != vcpu->tsc_lost))
			hgl_msr_tsc_lost(vcpu, lost);
		if (likely(READ_ONCE(vcpu->mp_state) == KVM_MP_STATE_RUNNABLE))
			ret = once(vcpu);
		else
			ret = block(vcpu);
		if (ret != HGL_AGAIN)
			return ret;
		if (unlikely(vcpu->run->request_interrupt_window) && window_open(vcpu)) {
			vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
			return HGL_TO_USER;
		}
		ret = host_work(vcpu);
		if (ret != HGL_AGAIN)
			return ret;
	}
}

/* --- KVM_RUN --- */

/* What every exit tells, whatever its reason. */
static void fill_run(struct hgl_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = (vcpu->page->rflags >> 9) & 1;
	run->flags = 0;
	run->cr8 = vcpu->lapic ? hgl_irq_get_cr8(vcpu) : vcpu->page->cr8;
	run->apic_base = vcpu->apic_base;
	run->ready_for_interrupt_injection =
		(vcpu->lapic && hgl_irqchip_has_pic(vcpu->vm)) || window_open(vcpu);
}

/*
 * An AP before its SIPI. The VMM calls again; -EAGAIN tells it that nothing
 * ran.
 */
static int wait_for_sipi(struct hgl_vcpu *vcpu)
{
	int ret = 0;

	if (vcpu->run->immediate_exit)
		return -EINTR;
	if (!hgl_vcpu_runnable(vcpu))
		ret = wait(vcpu);
	if (ret)
		vcpu->run->exit_reason = KVM_EXIT_INTR;
	else
		hgl_events_init_sipi(vcpu);
	return ret ?: -EAGAIN;
}

static int run_locked(struct hgl_vcpu *vcpu)
{
	int idx, ret;

	if (READ_ONCE(vcpu->vm->dead))
		return -EIO;
	if (unlikely(hgl_cvm(vcpu->vm))) {
		if (!hgl_cvm_running(vcpu->vm))
			return -EINVAL;	/* not before KVM_SEV_LAUNCH_FINISH */
		vcpu->cvm_ran = true;
	}
	if (unlikely(vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED))
		return wait_for_sipi(vcpu);
	if (!vcpu->lapic) {
		if (vcpu->run->cr8 > 15)
			return -EINVAL;
		vcpu->page->cr8 = (u32)vcpu->run->cr8;
	}
	if (unlikely(vcpu->cvm_wait != HGL_CVM_NOTHING)) {
		ret = hgl_cvm_io_complete(vcpu);
		if (ret != HGL_AGAIN)
			return ret;
	}
	if (hgl_io_pending(vcpu)) {
		idx = srcu_read_lock(&vcpu->vm->srcu);
		ret = hgl_io_complete(vcpu);
		srcu_read_unlock(&vcpu->vm->srcu, idx);
		if (ret != HGL_AGAIN)
			return ret;
	}
	if (READ_ONCE(vcpu->run->immediate_exit))
		return -EINTR;
	vcpu->run->exit_reason = KVM_EXIT_UNKNOWN;
	return loop(vcpu);
}

int hgl_vcpu_run(struct hgl_vcpu *vcpu)
{
	sigset_t saved;
	int ret;

	if (vcpu->run->kvm_valid_regs || vcpu->run->kvm_dirty_regs)
		return -EINVAL;	/* KVM_CAP_SYNC_REGS is not offered */
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &saved);
	fpu_swap_kvm_fpstate(&vcpu->fpu, true);

	ret = run_locked(vcpu);

	fpu_swap_kvm_fpstate(&vcpu->fpu, false);
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &saved, NULL);
	fill_run(vcpu);
	vcpu->stat.user_exits++;
	return ret;
}
