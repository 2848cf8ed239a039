// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into a vCPU: exceptions, NMIs, interrupts, INIT, SIPI.
 *
 * What waits is kept in struct hgl_vcpu. Each entry hands at most one event to
 * the core (page->inject) and asks for a window for the next one. What the
 * core could not deliver comes back in page->event.
 */
#include "vcpu.h"

#include <linux/uaccess.h>

#include "../irqchip/lapic.h"
#include "cvm.h"
#include "memory.h"
#include "trace.h"

#define VEC_DF	8
#define VEC_PF	14

#define RFLAGS_IF	HG_BIT(9)

/* Contributory exceptions (APM vol. 2, 8.2.9); a page fault is its own class. */
static bool contributory(u32 vector)
{
	return vector == 0 || (vector >= 10 && vector <= 13);
}

void hgl_queue_exception(struct hgl_vcpu *vcpu, u32 vector, bool has_error, u32 error)
{
	if (vcpu->exception) {
		u32 first = HG_EVENT_VECTOR(vcpu->exception);

		if (first == VEC_DF) {
			vcpu->exception = 0;
			hgl_vcpu_request(vcpu, HGL_REQ_TRIPLE);
			return;
		}
		if ((contributory(first) && contributory(vector)) ||
		    (first == VEC_PF && (contributory(vector) || vector == VEC_PF))) {
			vector = VEC_DF;
			has_error = true;
			error = 0;
		}
	}
	vcpu->exception = HG_EVENT(HG_EVENT_FAULT, vector);
	if (has_error)
		vcpu->exception |= (u32)HG_EVENT_HAS_ERROR;
	vcpu->exception_error = error;
}

void hgl_queue_page_fault(struct hgl_vcpu *vcpu, u64 cr2, u32 error)
{
	hgl_state_need(vcpu, HG_STATE_CONTROL);
	vcpu->page->cr2 = cr2;
	hgl_state_dirty(vcpu, HG_STATE_CONTROL);
	hgl_queue_exception(vcpu, VEC_PF, true, error);
}

bool hgl_interrupt_allowed(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;

	return (page->rflags & RFLAGS_IF) && !page->irq_shadow;
}

/* A vector from the VMM's PIC (split) first, then the in-kernel controllers. */
static int next_interrupt(struct hgl_vcpu *vcpu)
{
	if (unlikely(vcpu->external_vector >= 0) && hgl_irq_accepts_pic(vcpu))
		return vcpu->external_vector;
	return hgl_irq_pending(vcpu);
}

static int take_interrupt(struct hgl_vcpu *vcpu)
{
	int vector;

	if (unlikely(vcpu->external_vector >= 0) && hgl_irq_accepts_pic(vcpu)) {
		vector = vcpu->external_vector;
		vcpu->external_vector = -1;
		return vector;
	}
	return hgl_irq_ack(vcpu);
}

static void inject(struct hgl_vcpu *vcpu, u32 event, u32 error, u32 length)
{
	struct hg_vcpu_page *page = vcpu->page;

	page->inject = event;
	page->inject_error = error;
	page->inject_length = length;
	trace_hg_inject(vcpu->vm->id, vcpu->id, event, error);
}

/* Only for a VMM that has an interrupt to give: its own local APIC, or PIC (split). */
static bool wants_window(struct hgl_vcpu *vcpu)
{
	if (likely(!vcpu->run->request_interrupt_window))
		return false;
	return !vcpu->lapic || (!hgl_irqchip_has_pic(vcpu->vm) && hgl_irq_accepts_pic(vcpu));
}

static bool nmi_allowed(const struct hgl_vcpu *vcpu)
{
	return !vcpu->page->nmi_masked && !vcpu->page->irq_shadow;
}

/* Nothing to inject and nothing to wait for: nearly every entry. */
static bool quiet(struct hgl_vcpu *vcpu)
{
	return !(vcpu->exception | vcpu->interrupt | vcpu->nmi_injected |
		 atomic_read(&vcpu->nmi_pending) | vcpu->run->request_interrupt_window |
		 vcpu->guest_debug) &&
	       vcpu->external_vector < 0 && !hgl_irq_busy(vcpu);
}

/* One event for this entry, by priority (APM vol. 2, 8.5); windows for the rest. */
int hgl_events_prepare(struct hgl_vcpu *vcpu)
{
	struct hg_vcpu_page *page = vcpu->page;
	u32 flags = 0;
	int vector;

	page->inject = 0;
	if (likely(quiet(vcpu))) {
		page->run_flags = 0;
		return 0;
	}
	if (unlikely(atomic_read(&vcpu->nmi_pending) && !vcpu->nmi_injected && !vcpu->exception &&
		     !vcpu->interrupt && nmi_allowed(vcpu))) {
		atomic_dec(&vcpu->nmi_pending);
		vcpu->nmi_injected = 1;
		vcpu->stat.nmi_injected++;
	}
	vector = next_interrupt(vcpu);
	if (unlikely(vector >= 0) && !vcpu->interrupt && !vcpu->exception && !vcpu->nmi_injected &&
	    hgl_interrupt_allowed(vcpu)) {
		vector = take_interrupt(vcpu);
		if (vector >= 0) {
			vcpu->interrupt = HG_EVENT(HG_EVENT_IRQ, vector);
			vcpu->event_length = 0;
			vcpu->stat.irq_injected++;
		}
		vector = next_interrupt(vcpu);
	}

	if (vcpu->exception) {
		inject(vcpu, vcpu->exception, vcpu->exception_error, 0);
		vcpu->stat.exception_injected++;
	} else if (vcpu->nmi_injected) {
		inject(vcpu, HG_EVENT(HG_EVENT_NMI, 2), 0, 0);
	} else if (vcpu->interrupt) {
		inject(vcpu, vcpu->interrupt, 0, vcpu->event_length);
	}

	if (unlikely(vector >= 0 || wants_window(vcpu)))
		flags |= HG_RUN_IRQ_WINDOW;
	if (unlikely(atomic_read(&vcpu->nmi_pending)))
		flags |= HG_RUN_NMI_WINDOW;
	if (unlikely(hgl_irq_wants_cr8(vcpu)))
		flags |= HG_RUN_CR8_EXIT;
	if (unlikely(vcpu->guest_debug & KVM_GUESTDBG_ENABLE)) {
		flags |= HG_RUN_TRAP_DB;
		if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP)
			flags |= HG_RUN_TRAP_BP;
		if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
			flags |= HG_RUN_STEP;
	}
	page->run_flags = flags;
	return 0;
}

void hgl_events_collect(struct hgl_vcpu *vcpu)
{
	const struct hg_vcpu_page *page = vcpu->page;
	u32 event = page->event;

	/* A CVM's core could not take it now: it is offered again. */
	if (unlikely(page->inject))
		return;
	/* Only what hgl_events_prepare() chose has gone in. */
	if (vcpu->exception)
		vcpu->exception = 0;
	else if (vcpu->nmi_injected)
		vcpu->nmi_injected = 0;
	else
		vcpu->interrupt = 0;
	if (likely(!event))
		return;
	switch (HG_EVENT_TYPE(event)) {
	case HG_EVENT_IRQ:
	case HG_EVENT_SOFT:
		vcpu->interrupt = event;
		vcpu->event_length = page->event_length;
		break;
	case HG_EVENT_NMI:
		vcpu->nmi_injected = 1;
		break;
	case HG_EVENT_FAULT:
		vcpu->exception = event;
		vcpu->exception_error = page->event_error;
		break;
	}
}

/* --- INIT and SIPI --- */

/* The state after INIT (APM vol. 2, table 14-1); RESET also clears the rest. */
void hgl_vcpu_reset_state(struct hgl_vcpu *vcpu, bool init)
{
	static const struct hg_segment data = { .attr = 0x93, .limit = 0xffff };
	struct hg_vcpu_page *page = vcpu->page;
	int i;

	hgl_state_need(vcpu, HG_STATE_ALL);
	memset(page->gpr, 0, sizeof(page->gpr));
	page->gpr[HG_RDX] = 0x600;
	page->rip = 0xfff0;
	page->rflags = 2;
	page->irq_shadow = 0;
	page->cr0 = 0x10 | (init ? page->cr0 & 0x60000000 : 0x60000000);
	page->cr2 = 0;
	page->cr3 = 0;
	page->cr4 = 0;
	page->efer = 0;
	if (!init)
		page->xcr0 = 1;
	for (i = HG_SEG_ES; i <= HG_SEG_GS; i++)
		page->seg[i] = data;
	page->seg[HG_SEG_CS] = (struct hg_segment){ 0xf000, 0x9b, 0xffff, 0xffff0000 };
	page->seg[HG_SEG_TR] = (struct hg_segment){ 0, 0x8b, 0xffff, 0 };
	page->seg[HG_SEG_LDTR] = (struct hg_segment){ 0, 0x82, 0xffff, 0 };
	page->seg[HG_SEG_GDTR] = (struct hg_segment){ .limit = 0xffff };
	page->seg[HG_SEG_IDTR] = (struct hg_segment){ .limit = 0xffff };
	page->cpl = 0;
	memset(page->dr, 0, sizeof(page->dr));
	page->dr6 = 0xffff0ff0;
	page->dr7 = 0x400;
	page->nmi_masked = 0;
	hgl_state_dirty(vcpu, HG_STATE_ALL & ~(HG_STATE_TIME | HG_STATE_MSRS));

	vcpu->exception = 0;
	vcpu->interrupt = 0;
	vcpu->nmi_injected = 0;
	atomic_set(&vcpu->nmi_pending, 0);
	hgl_io_cancel(vcpu);
}

/*
 * A CPU latches one NMI while another is handled. While none is, two may come
 * at once: the first is taken and masks the second.
 */
static void queue_nmi(struct hgl_vcpu *vcpu)
{
	int most;

	hgl_state_need(vcpu, HG_STATE_EVENTS);
	most = vcpu->page->nmi_masked || vcpu->nmi_injected ? 1 : 2;
	if (atomic_read(&vcpu->nmi_pending) < most)
		atomic_inc(&vcpu->nmi_pending);
}

void hgl_events_init_sipi(struct hgl_vcpu *vcpu)
{
	u32 events = hgl_irq_take_events(vcpu, HG_LAPIC_EV_INIT | HG_LAPIC_EV_SIPI |
					       HG_LAPIC_EV_NMI | HG_LAPIC_EV_SMI);
	struct hg_vcpu_page *page = vcpu->page;

	if (events & HG_LAPIC_EV_INIT) {
		hgl_vcpu_reset_state(vcpu, true);
		hgl_irq_reset(vcpu, true);
		WRITE_ONCE(vcpu->mp_state, vcpu->id == vcpu->vm->boot_cpu_id ?
			   KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED);
	}
	if ((events & HG_LAPIC_EV_SIPI) && vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		u8 vector = hgl_irq_sipi_vector(vcpu);

		if (hgl_cvm_running(vcpu->vm)) {
			/* Whether the guest has asked for this, the core knows. */
			if (hgl_call(HG_CALL_VCPU_STARTUP, vcpu->handle, vector) == HG_OK)
				WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
			goto nmi;
		}
		hgl_state_need(vcpu, HG_STATE_SEGMENTS | HG_STATE_REGS);
		page->seg[HG_SEG_CS].selector = (u16)(vector << 8);
		page->seg[HG_SEG_CS].base = (u64)vector << 12;
		page->rip = 0;
		hgl_state_dirty(vcpu, HG_STATE_SEGMENTS | HG_STATE_REGS);
		WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
	}
nmi:
	if (events & HG_LAPIC_EV_NMI)
		queue_nmi(vcpu);
	/* SMIs: there is no SMM here (KVM_CAP_X86_SMM is not offered), so they are lost. */
}

/* --- ioctls --- */

/*
 * KVM_INTERRUPT: -EINVAL (vector), -ENXIO (the PIC is in the kernel), -EEXIST
 * (split: one waits already).
 */
static int set_interrupt(struct hgl_vcpu *vcpu, const struct kvm_interrupt *irq)
{
	if (irq->irq >= 256)
		return -EINVAL;
	if (!vcpu->lapic) {
		vcpu->interrupt = HG_EVENT(HG_EVENT_IRQ, irq->irq);
		vcpu->event_length = 0;
		vcpu->stat.irq_injected++;
		return 0;
	}
	if (hgl_irqchip_has_pic(vcpu->vm))
		return -ENXIO;
	if (vcpu->external_vector >= 0)
		return -EEXIST;
	vcpu->external_vector = (s32)irq->irq;
	hgl_vcpu_request(vcpu, HGL_REQ_EVENT);
	return 0;
}

static void get_events(struct hgl_vcpu *vcpu, struct kvm_vcpu_events *events)
{
	memset(events, 0, sizeof(*events));
	hgl_state_need(vcpu, HG_STATE_REGS | HG_STATE_EVENTS);
	events->exception.injected = vcpu->exception != 0;
	events->exception.nr = HG_EVENT_VECTOR(vcpu->exception);
	events->exception.has_error_code = !!(vcpu->exception & HG_EVENT_HAS_ERROR);
	events->exception.error_code = vcpu->exception_error;
	events->interrupt.injected = vcpu->interrupt != 0;
	events->interrupt.nr = HG_EVENT_VECTOR(vcpu->interrupt);
	events->interrupt.soft = vcpu->interrupt && HG_EVENT_TYPE(vcpu->interrupt) == HG_EVENT_SOFT;
	events->interrupt.shadow = vcpu->page->irq_shadow ? KVM_X86_SHADOW_INT_STI : 0;
	events->nmi.injected = vcpu->nmi_injected;
	events->nmi.pending = atomic_read(&vcpu->nmi_pending) != 0;
	events->nmi.masked = vcpu->page->nmi_masked != 0;
	events->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
}

/*
 * KVM_SET_VCPU_EVENTS: -EINVAL for an unknown flag, for SMM, payloads or a
 * triple fault (none of these capabilities is offered), for an impossible
 * vector.
 */
static int set_events(struct hgl_vcpu *vcpu, const struct kvm_vcpu_events *events)
{
	const u32 known = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			  KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;

	if (events->flags & ~known)
		return -EINVAL;
	if ((events->flags & KVM_VCPUEVENT_VALID_SMM) &&
	    (events->smi.smm || events->smi.pending || events->smi.smm_inside_nmi))
		return -EINVAL;
	if (events->exception.injected && (events->exception.nr > 31 || events->exception.nr == 2))
		return -EINVAL;

	hgl_state_need(vcpu, HG_STATE_REGS | HG_STATE_EVENTS);
	vcpu->exception = 0;
	if (events->exception.injected) {
		vcpu->exception = HG_EVENT(HG_EVENT_FAULT, events->exception.nr);
		if (events->exception.has_error_code)
			vcpu->exception |= (u32)HG_EVENT_HAS_ERROR;
		vcpu->exception_error = events->exception.error_code;
	}
	vcpu->interrupt = 0;
	if (events->interrupt.injected) {
		vcpu->interrupt = HG_EVENT(events->interrupt.soft ? HG_EVENT_SOFT : HG_EVENT_IRQ,
					   events->interrupt.nr);
		vcpu->event_length = 0;
	}
	if (events->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		vcpu->page->irq_shadow = events->interrupt.shadow != 0;
		hgl_state_dirty(vcpu, HG_STATE_REGS);
	}
	vcpu->nmi_injected = events->nmi.injected != 0;
	if (events->flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
		atomic_set(&vcpu->nmi_pending, events->nmi.pending != 0);
	vcpu->page->nmi_masked = events->nmi.masked != 0;
	hgl_state_dirty(vcpu, HG_STATE_EVENTS);
	if (events->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR)
		vcpu->sipi_vector = events->sipi_vector;
	hgl_vcpu_request(vcpu, HGL_REQ_EVENT);
	return 0;
}

static int set_mp_state(struct hgl_vcpu *vcpu, const struct kvm_mp_state *state)
{
	switch (state->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		if (!vcpu->lapic)
			return -EINVAL;
		break;
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (!vcpu->lapic)
			return -EINVAL;
		WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_INIT_RECEIVED);
		return 0;
	default:
		return -EINVAL;
	}
	WRITE_ONCE(vcpu->mp_state, state->mp_state);
	hgl_vcpu_request(vcpu, HGL_REQ_EVENT);
	return 0;
}

/* KVM_INTERRUPT, KVM_NMI, KVM_{GET,SET}_{VCPU_EVENTS,MP_STATE}. */
long hgl_events_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KVM_INTERRUPT: {
		struct kvm_interrupt irq;

		if (copy_from_user(&irq, user, sizeof(irq)))
			return -EFAULT;
		return set_interrupt(vcpu, &irq);
	}
	case KVM_NMI:
		queue_nmi(vcpu);
		hgl_vcpu_request(vcpu, HGL_REQ_EVENT);
		return 0;
	case KVM_GET_VCPU_EVENTS: {
		struct kvm_vcpu_events events;

		get_events(vcpu, &events);
		return copy_to_user(user, &events, sizeof(events)) ? -EFAULT : 0;
	}
	case KVM_SET_VCPU_EVENTS: {
		struct kvm_vcpu_events events;

		if (copy_from_user(&events, user, sizeof(events)))
			return -EFAULT;
		return set_events(vcpu, &events);
	}
	case KVM_GET_MP_STATE: {
		struct kvm_mp_state state = { .mp_state = vcpu->mp_state };

		return copy_to_user(user, &state, sizeof(state)) ? -EFAULT : 0;
	}
	case KVM_SET_MP_STATE: {
		struct kvm_mp_state state;

		if (copy_from_user(&state, user, sizeof(state)))
			return -EFAULT;
		return set_mp_state(vcpu, &state);
	}
	}
	return -ENOTTY;
}
