/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A confidential VM that runs, and its guest, which is played inside vcpu_enter().
 */
#ifndef TEST_CVM_GUEST_H
#define TEST_CVM_GUEST_H

#include "cvm_world.h"

#define SECRET	0x5ec4e7ab0de1f00dULL

static u64 domain, handle, other_handle;
static struct hg_vcpu *vcpu, *other;
static struct hg_vcpu_page *page;

/* APIC ids are what CPUID tells: 0x11 and 0x22 there, 0x1111 and 0x2222 by x2APIC. */
static inline void give_ids(u64 h, u32 id)
{
	u64 pfn = take1();
	struct hg_cpuid *table = at(pfn);

	memset(table, 0, HG_PAGE_SIZE);
	table[0].function = 1;
	table[0].ebx = id << 24;
	table[1].function = 0xb;
	table[1].ebx = 1;
	table[1].edx = id << 8 | id;
	assert_int_equal(call(VCPU_SET_CPUID, h, pfn, 2), HG_OK);
}

/* LAUNCHING: what is loaded is up to the test. The guest will page, in long mode. */
static inline void prepare(u32 cache)
{
	domain = launch_cvm(cache);
	handle = make_vcpu(domain, NULL);
	other_handle = make_vcpu(domain, NULL);
	give_ids(handle, 0x11);
	give_ids(other_handle, 0x22);
	vcpu = vcpu_of(handle);
	other = vcpu_of(other_handle);
	page = vcpu->page;
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	fake.guest.efer = HG_EFER_LMA | HG_EFER_LME;
}

static inline int setup(void **state)
{
	world_setup(state);
	prepare(4);
	start(domain);
	return 0;
}

static inline int setup_unstarted(void **state)
{
	world_setup(state);
	prepare(4);
	return 0;
}

static inline void run(s64 want)
{
	assert_int_equal(call(VCPU_RUN, handle, 0), want);
}

/* --- the hypercall --- */

static struct {
	u64 nr, gpa, count, attributes;
	bool done;		/* the instruction is behind it */
	u64 reclaim;		/* 1: the parent tries inside */
} hc;

/* VMMCALL: the backend has it from the core, and enters again as long as that says so. */
static inline int hypercall(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u64 rip = v->rip;
	int exit;

	(void)cpu;
	if (hc.done)
		return HG_EXIT_HLT;
	v->gpr[HG_RAX] = hc.nr;
	v->gpr[HG_RBX] = hc.gpa;
	v->gpr[HG_RCX] = hc.count;
	v->gpr[HG_RDX] = hc.attributes;
	exit = hg_cvm_hypercall(v, 3);
	hc.done = v->rip == rip + 3;
	assert_true(hc.done || v->rip == rip);
	if (hc.reclaim && exit == HG_EXIT_CONVERTED)
		assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	return exit;
}

static inline void guest_asks(u64 gpa, u64 count, u64 attributes)
{
	hc.nr = 12;
	hc.gpa = gpa;
	hc.count = count;
	hc.attributes = attributes;
	hc.done = false;
	hc.reclaim = 0;
	fake.enter = hypercall;
}

static inline u64 own_frames(void)
{
	return stat_of(domain, HG_DOMAIN_STAT_PRIVATE_4K) +
	       512 * stat_of(domain, HG_DOMAIN_STAT_PRIVATE_2M);
}

static inline void drain_cache(void)
{
	while (call(DOMAIN_RECLAIM, domain) > 0)
		;
}

/* Each frame has its own mark. */
static inline void mark_frames(u64 pfn)
{
	u64 i;

	for (i = 0; i < 512; i++)
		*(u64 *)at(pfn + i) = SECRET + i;
}

/* --- the local APIC --- */

#define APIC		0xfee00000ULL
#define FIXED(vector)	(1u << 14 | (vector))

static inline bool expects(struct hg_vcpu *v, u32 vector)
{
	v->rflags |= HG_RFLAGS_IF;
	return hg_cvm_event(v, HG_EVENT(HG_EVENT_IRQ, vector)) == HG_EVENT_TAKE;
}

static inline void xapic(u32 icr, u32 dest)
{
	hg_cvm_irq_mmio(vcpu, APIC + 0x310, 4, (u64)dest << 24);
	hg_cvm_irq_mmio(vcpu, APIC + 0x300, 4, icr);
}

static inline void start_up(u32 mode, u32 vector)
{
	xapic(1u << 14 | mode << 8 | vector, 0x22);
}

#endif /* TEST_CVM_GUEST_H */
