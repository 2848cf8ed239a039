// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be injected into a confidential guest.
 *
 * Its local APICs are modelled outside the core, so what they deliver is the
 * parent's word. Devices may interrupt: vectors from 32 up to HG_IRQ_SYSTEM. The
 * vectors above are the kernel's own (timer, function calls, reschedule): they
 * come only if the guest has asked, by an IPI or by its timer. Never come
 * exceptions, or 0x80, which would be a system call that nobody made.
 *
 * The core sees every access to the interrupt command register on its way to
 * the model, and keeps account of what each vCPU has coming. Where it cannot
 * tell which vCPUs a message is for, as with logical addresses, it allows them
 * all: such an interrupt is spurious, and kernels expect those.
 */
#include "core.h"
#include "arch.h"

#define HG_IRQ_INIT	HG_BIT32(31)
#define HG_IRQ_SIPI	HG_BIT32(30)

/* The local APIC's registers (SDM vol. 3, 11.4.1), as offsets in its page. */
#define APIC_PAGE	0xfee00000ULL
#define APIC_ICR	0x300u
#define APIC_ICR_HIGH	0x310u
#define APIC_LVT_TIMER	0x320u
#define MSR_X2APIC	0x800u
#define MSR_X2APIC_ICR	0x830u
#define MSR_X2APIC_TIMER 0x832u
#define MSR_X2APIC_SELF	0x83fu

#define ICR_MODE(icr)	(((icr) >> 8) & 7)
enum icr_mode {
	ICR_FIXED = 0,
	ICR_LOWEST = 1,
	ICR_INIT = 5,
	ICR_STARTUP = 6,
};
#define ICR_LOGICAL	HG_BIT32(11)
#define ICR_ASSERT	HG_BIT32(14)
#define ICR_TO(icr)	(((icr) >> 18) & 3)
enum icr_to { ICR_TO_DEST, ICR_TO_SELF, ICR_TO_ALL, ICR_TO_OTHERS };

/* Ticks of the TSC between two NMIs of the parent's: a guest must get on. */
#define NMI_INTERVAL	(1ULL << 16)

/* --- what the guest asks for --- */

/* An APIC id is what CPUID tells the guest; the table is measured. */
static bool has_id(const struct hg_vcpu *vcpu, u32 id, bool x2apic)
{
	const struct hg_cpuid *leaf = hg_cpuid_find(vcpu, 0xb, 0);

	if (x2apic && leaf && leaf->ebx)
		return leaf->edx == id;
	leaf = hg_cpuid_find(vcpu, 1, 0);
	return leaf && leaf->ebx >> 24 == id;
}

static bool is_target(const struct hg_vcpu *sender, const struct hg_vcpu *vcpu, u32 icr, u32 dest,
		      bool x2apic)
{
	switch (ICR_TO(icr)) {
	case ICR_TO_SELF:
		return vcpu == sender;
	case ICR_TO_ALL:
		return true;
	case ICR_TO_OTHERS:
		return vcpu != sender;
	}
	if ((icr & ICR_LOGICAL) || dest == (x2apic ? ~0u : 0xff))
		return true;
	return has_id(vcpu, dest, x2apic);
}

/* Add @by, 1 or -1, between 0 and all ones; false if it was at that end. */
static bool count(u16 *counter, int by)
{
	u16 old = __atomic_load_n(counter, __ATOMIC_RELAXED);

	do {
		if (old == (by < 0 ? 0 : 0xffff))
			return false;
	} while (!__atomic_compare_exchange_n(counter, &old, (u16)(old + by), false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

static void expect(struct hg_vcpu *vcpu, u32 icr)
{
	u32 vector = icr & 0xff;

	switch (ICR_MODE(icr)) {
	case ICR_FIXED:
	case ICR_LOWEST:
		if (vector >= HG_IRQ_SYSTEM)
			count(&vcpu->irq.sent[vector - HG_IRQ_SYSTEM], 1);
		break;
	case ICR_INIT:
		/* The second half of an old handshake, without a meaning today. */
		if (icr & ICR_ASSERT)
			__atomic_store_n(&vcpu->irq.startup, HG_IRQ_INIT, __ATOMIC_RELAXED);
		break;
	case ICR_STARTUP:
		if (__atomic_load_n(&vcpu->irq.startup, __ATOMIC_RELAXED) & HG_IRQ_INIT)
			__atomic_store_n(&vcpu->irq.startup, HG_IRQ_INIT | HG_IRQ_SIPI | vector,
					 __ATOMIC_RELAXED);
		break;
	}
}

/* The domain is locked, so that no vCPU goes while it is looked at. */
static void send(struct hg_vcpu *sender, u32 icr, u32 dest, bool x2apic)
{
	struct hg_domain *domain = sender->domain;
	u32 i;

	hg_domain_lock(domain);
	for (i = 0; i < HG_MAX_VCPUS; i++) {
		struct hg_vcpu *vcpu = domain->vcpus[i];

		if (vcpu && is_target(sender, vcpu, icr, dest, x2apic))
			expect(vcpu, icr);
	}
	hg_domain_leave(domain);
}

void hg_cvm_irq_mmio(struct hg_vcpu *vcpu, u64 gpa, u32 size, u64 value)
{
	if ((gpa & HG_PAGE_MASK) != APIC_PAGE || size < 4)
		return;
	switch (gpa & (HG_PAGE_SIZE - 1)) {
	case APIC_ICR_HIGH:
		vcpu->irq.icr_high = (u32)value;
		break;
	case APIC_ICR:
		send(vcpu, (u32)value, vcpu->irq.icr_high >> 24, false);
		break;
	case APIC_LVT_TIMER:
		vcpu->irq.timer = (u32)value;
		break;
	}
}

void hg_cvm_irq_msr(struct hg_vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case MSR_X2APIC_ICR:
		send(vcpu, (u32)value, (u32)(value >> 32), true);
		break;
	case MSR_X2APIC_SELF:
		expect(vcpu, value & 0xff);
		break;
	case MSR_X2APIC_TIMER:
		vcpu->irq.timer = (u32)value;
		break;
	}
}

/* --- what the parent brings --- */

/*
 * An IPI may be taken as often as it was sent. The local APIC makes one of several,
 * so that some are left over: nothing may be dropped that was sent, for the model
 * has it in service then and the guest never ends it. For the same reason the timer's
 * vector counts when it is masked: an interrupt may have been on its way.
 */
static bool asked_for(struct hg_vcpu *vcpu, u32 vector)
{
	if ((vcpu->irq.timer & 0xff) == vector)
		return true;
	return count(&vcpu->irq.sent[vector - HG_IRQ_SYSTEM], -1);
}

static enum hg_cvm_event check_irq(struct hg_vcpu *vcpu, u32 vector)
{
	if (vector < HG_IRQ_FIRST || vector == HG_IRQ_SYSCALL)
		return HG_EVENT_DROP;
	if (!(vcpu->rflags & HG_RFLAGS_IF) || vcpu->irq_shadow)
		return HG_EVENT_LATER;
	if (vector >= HG_IRQ_SYSTEM && !asked_for(vcpu, vector))
		return HG_EVENT_DROP;
	return HG_EVENT_TAKE;
}

static enum hg_cvm_event check_nmi(struct hg_vcpu *vcpu)
{
	u64 now;

	if (vcpu->nmi_masked || vcpu->irq_shadow)
		return HG_EVENT_LATER;
	now = hg_arch_rdtsc();
	if (vcpu->irq.last_nmi && now - vcpu->irq.last_nmi < NMI_INTERVAL)
		return HG_EVENT_DROP;
	vcpu->irq.last_nmi = now;
	return HG_EVENT_TAKE;
}

enum hg_cvm_event hg_cvm_event(struct hg_vcpu *vcpu, u32 event)
{
	switch (HG_EVENT_TYPE(event)) {
	case HG_EVENT_IRQ:
		/* What an exit cut short goes first. */
		return vcpu->event ? HG_EVENT_LATER : check_irq(vcpu, HG_EVENT_VECTOR(event));
	case HG_EVENT_NMI:
		return vcpu->event ? HG_EVENT_LATER : check_nmi(vcpu);
	}
	return HG_EVENT_DROP;
}

bool hg_cvm_irq_startup(struct hg_vcpu *vcpu, u32 vector)
{
	u32 want = HG_IRQ_INIT | HG_IRQ_SIPI | vector;

	return __atomic_compare_exchange_n(&vcpu->irq.startup, &want, 0, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
