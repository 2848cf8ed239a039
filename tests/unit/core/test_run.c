// SPDX-License-Identifier: GPL-2.0-only
/*
 * HG_CALL_VCPU_RUN: what it takes from the control page, which the parent may
 * change at any moment, and what it gives back.
 */
#include <string.h>

#include "world.h"

static u64 handle;
static struct hg_vcpu *vcpu;
static struct hg_vcpu_page *page;

static int setup(void **state)
{
	world_setup(state);
	handle = make_vcpu(make_domain(0), NULL);
	vcpu = vcpu_of(handle);
	page = vcpu->page;
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	return 0;
}

static void run(s64 want)
{
	assert_int_equal(call(VCPU_RUN, handle, 0), want);
}

/* Refused: the guest was not entered, and nothing was taken in. */
#define refuse(status)							\
	do {								\
		u32 enters_ = fake.enters;				\
		assert_refused(status, VCPU_RUN, handle, 0);		\
		assert_int_equal(fake.enters, enters_);			\
	} while (0)

static void test_exit(void **state)
{
	(void)state;
	vcpu->gpr[HG_RCX] = 77;
	run(HG_EXIT_HLT);
	assert_int_equal(page->exit, HG_EXIT_HLT);
	assert_int_equal(page->valid, HG_STATE_REGS | HG_STATE_EVENTS);
	assert_int_equal(page->gpr[HG_RCX], 77);
	assert_int_equal(page->stat_runs, 1);
	assert_int_equal(fake.loads, 1);
	assert_int_equal(fake.unloads, 1);
	assert_int_equal(vcpu->running, 0);
}

static void test_cpu(void **state)
{
	(void)state;
	assert_refused(HG_E_STATE, VCPU_RUN, handle, 1);		/* not online */
	assert_refused(HG_E_STATE, VCPU_RUN, handle, WORLD_CPUS);
	assert_refused(HG_E_STATE, VCPU_RUN, handle, ~0ULL);
	assert_refused(HG_E_HANDLE, VCPU_RUN, handle + 1, 0);
	assert_refused(HG_E_HANDLE, VCPU_RUN, handle + 0x10000, 0);
	run(HG_EXIT_HLT);
	assert_int_equal(hg_core_cpu_off(0), HG_OK);
	assert_refused(HG_E_STATE, VCPU_RUN, handle, 0);
}

static void test_kick(void **state)
{
	(void)state;
	page->kick = 1;
	run(HG_EXIT_KICK);
	assert_int_equal(fake.enters, 0);
	assert_int_equal(page->kick, 1);	/* the parent clears it */
	page->kick = 0;
	run(HG_EXIT_HLT);
}

static int enters_left;

static int several(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)v;
	(void)cpu;
	return enters_left-- ? -1 : HG_EXIT_PAUSE;
}

static int kicked_inside(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)cpu;
	v->page->kick = 1;
	return -1;
}

static void test_loop(void **state)
{
	(void)state;
	fake.enter = several;
	enters_left = 5;
	run(HG_EXIT_PAUSE);
	assert_int_equal(fake.enters, 6);
	assert_int_equal(page->stat_runs, 6);
	assert_int_equal(fake.loads, 1);	/* loaded once for all of them */
	fake.enter = kicked_inside;
	run(HG_EXIT_KICK);
	assert_int_equal(fake.enters, 7);
}

static void test_unknown_flags(void **state)
{
	u32 bit;

	(void)state;
	for (bit = 0; bit < 32; bit++) {
		page->run_flags = 1u << bit;
		if (!(HG_RUN_FLAGS & HG_BIT(bit))) {
			refuse(HG_E_ARG);
			continue;
		}
		run(HG_EXIT_HLT);
		assert_int_equal(fake.run_flags, 1u << bit);
	}
	page->run_flags = 0;
	for (bit = 8; bit < 32; bit++) {
		page->dirty = 1u << bit;
		refuse(HG_E_ARG);
	}
}

static bool event_legal(u32 event)
{
	u32 type = event >> 8 & 7, vector = event & 0xff;
	bool error = event >> 11 & 1;

	if (!event)
		return true;
	if (!(event >> 31) || (event & 0x7ffff000))
		return false;
	return (type == 0 && !error) || (type == 2 && vector == 2 && !error) ||
	       (type == 3 && vector < 32 && vector != 2) || (type == 4 && !error);
}

/* Every type with every vector, with and without an error code and "valid". */
static void test_inject(void **state)
{
	u32 event, n = 0;

	(void)state;
	for (event = 0; event < 0x1000; event++) {
		for (u32 valid = 0; valid < 2; valid++) {
			u32 e = event | valid << 31;
			bool ok = event_legal(e);

			page->inject = e;
			page->inject_error = 0x1234;
			page->inject_length = 2;
			assert_int_equal(call(VCPU_RUN, handle, 0), ok ? HG_EXIT_HLT : HG_E_ARG);
			assert_int_equal(page->inject, ok ? 0 : e);
			n += ok;
			if (ok && e) {
				assert_int_equal(fake.event, e);
				assert_int_equal(fake.event_error, 0x1234);
				assert_int_equal(fake.event_length, 2);
			}
		}
	}
	assert_int_equal(n, 1 + 256 + 1 + 2 * 31 + 256);
	page->inject = HG_EVENT(HG_EVENT_IRQ, 0x30) | 1u << 12;
	refuse(HG_E_ARG);
	page->inject = HG_EVENT(HG_EVENT_IRQ, 0x30) | 1u << 30;
	refuse(HG_E_ARG);
	page->inject = HG_EVENT(HG_EVENT_SOFT, 0x80);
	page->inject_length = 16;
	refuse(HG_E_ARG);
}

/* An event that the exit cut short goes back to the parent, once. */
static int cut_short(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	(void)cpu;
	v->event = fake.event;
	v->event_error = fake.event_error;
	v->event_length = fake.event_length;
	v->nmi_masked = 1;
	return HG_EXIT_NPF;
}

static void test_event_back(void **state)
{
	(void)state;
	fake.enter = cut_short;
	page->inject = HG_EVENT(HG_EVENT_FAULT, 14) | (u32)HG_EVENT_HAS_ERROR;
	page->inject_error = 6;
	run(HG_EXIT_NPF);
	assert_int_equal(page->event, HG_EVENT(HG_EVENT_FAULT, 14) | (u32)HG_EVENT_HAS_ERROR);
	assert_int_equal(page->event_error, 6);
	page->inject = HG_EVENT(HG_EVENT_NMI, 2);
	run(HG_EXIT_NPF);
	assert_int_equal(page->event, HG_EVENT(HG_EVENT_NMI, 2));
	assert_int_equal(page->nmi_masked, 0);	/* not delivered, so none is masked */
	fake.enter = NULL;
	run(HG_EXIT_HLT);
	assert_int_equal(page->event, 0);
}

static void test_groups(void **state)
{
	u32 i;

	(void)state;
	memset(page->gpr, 0xaa, sizeof(page->gpr));
	page->rip = 0x1000;
	page->rflags = 0;
	page->xcr0 = 3;
	for (i = 0; i < 4; i++)
		page->dr[i] = 0x100 + i;
	page->tsc_aux = ~0ULL;
	page->nmi_masked = 5;
	run(HG_EXIT_HLT);			/* none marked, none taken */
	assert_int_equal(vcpu->rip, 0xfff0);
	assert_int_equal(fake.put_groups, 0);
	memset(page->gpr, 0xaa, sizeof(page->gpr));
	page->rip = 0x1000;
	page->rflags = 0;
	page->nmi_masked = 5;
	page->dirty = HG_STATE_ALL;
	run(HG_EXIT_HLT);
	assert_int_equal(page->dirty, 0);
	assert_int_equal(fake.put_groups, HG_STATE_ALL & ~(HG_STATE_REGS | HG_STATE_TIME |
						    HG_STATE_EVENTS));
	assert_int_equal(vcpu->gpr[HG_R9], 0xaaaaaaaaaaaaaaaaULL);
	assert_int_equal(vcpu->rip, 0x1000);
	assert_int_equal(vcpu->rflags, 2);
	assert_int_equal(vcpu->xcr0, 3);
	assert_int_equal(vcpu->dr[3], 0x103);
	assert_int_equal(vcpu->tsc_aux, 0xffffffff);
	assert_int_equal(vcpu->nmi_masked, 1);
}

/* RIP alone: the general registers in the page are not looked at. */
static void test_rip_only(void **state)
{
	(void)state;
	run(HG_EXIT_HLT);
	memset(page->gpr, 0x55, sizeof(page->gpr));
	page->rip = 0x3000;
	page->rflags = 0x200;
	page->irq_shadow = 7;
	page->dirty = HG_STATE_RIP;
	run(HG_EXIT_HLT);
	assert_int_equal(page->dirty, 0);
	assert_int_equal(vcpu->rip, 0x3000);
	assert_int_equal(vcpu->rflags, 0x202);
	assert_int_equal(vcpu->irq_shadow, 1);
	assert_int_not_equal(vcpu->gpr[HG_R9], 0x5555555555555555ULL);
}

static void test_put_refused(void **state)
{
	(void)state;
	fake.put_control_status = HG_E_ARG;
	page->xcr0 = 3;
	page->rip = 0x2000;
	page->dirty = HG_STATE_ALL;
	refuse(HG_E_ARG);
	assert_int_equal(vcpu->rip, 0xfff0);
	assert_int_equal(page->dirty, HG_STATE_ALL);
	fake.put_control_status = HG_OK;
	run(HG_EXIT_HLT);
}

/* XCR0: legal values only (SDM vol. 1, 13.3), live in the guest, the host's after. */
static void test_xcr0(void **state)
{
	static const u64 bad[] = {
		0, 2, 4, 5, 8, 9, 0x1f, 0x21, 0xe1, 0xe7, 1ULL << 63 | 1, ~0ULL,
	};
	u32 i;

	(void)state;
	page->dirty = HG_STATE_CONTROL;
	for (i = 0; i < HG_ARRAY_SIZE(bad); i++) {
		page->xcr0 = bad[i];
		refuse(HG_E_ARG);
	}
	page->xcr0 = 3;
	run(HG_EXIT_HLT);
	assert_int_equal(vcpu->xcr0, 3);
	assert_int_equal(fake.xcr0, 7);		/* the host's is back */
	assert_int_equal(fake.xsetbvs, 2);
	page->dirty = HG_STATE_CONTROL;
	page->xcr0 = 7;
	run(HG_EXIT_HLT);
	assert_int_equal(fake.xsetbvs, 2);	/* the same as the host's: none needed */
}

static void test_xcr0_wide(void **state)
{
	struct hg_vcpu wide = { .xcr0_max = 0x600ff };

	(void)state;
	assert_true(hg_xcr0_valid(&wide, 0xe7));
	assert_true(hg_xcr0_valid(&wide, 0x1b));
	assert_true(hg_xcr0_valid(&wide, 0x60007));
	assert_false(hg_xcr0_valid(&wide, 0xe3));	/* AVX-512 without AVX */
	assert_false(hg_xcr0_valid(&wide, 0x67));	/* half of AVX-512 */
	assert_false(hg_xcr0_valid(&wide, 0xb));	/* half of MPX */
	assert_false(hg_xcr0_valid(&wide, 0x20007));	/* half of AMX */
	assert_false(hg_xcr0_valid(&wide, 0x207));	/* PKRU is not allowed here */
}

/*
 * The parent changes everything while the guest runs: what was checked is what
 * is used, until the next call looks again.
 */
static int hostile(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	struct hg_vcpu_page *p = v->page;

	(void)cpu;
	if (fake.enters > 1)
		return HG_EXIT_HLT;
	p->run_flags = ~0u;
	p->inject = ~0u;
	p->dirty = ~0u;
	p->xcr0 = ~0ULL;
	p->rip = 0xdead;
	p->exit = ~0u;
	p->valid = ~0u;
	p->nmi_masked = ~0u;
	return -1;
}

static void test_changed_meanwhile(void **state)
{
	(void)state;
	fake.enter = hostile;
	page->run_flags = HG_RUN_IRQ_WINDOW;
	run(HG_EXIT_HLT);
	assert_int_equal(fake.enters, 2);
	assert_int_equal(fake.run_flags, HG_RUN_IRQ_WINDOW);
	assert_int_equal(fake.event, 0);
	assert_int_equal(vcpu->xcr0, 1);
	assert_int_equal(vcpu->rip, 0xfff0);
	assert_int_equal(page->exit, HG_EXIT_HLT);
	assert_int_equal(page->valid, HG_STATE_REGS | HG_STATE_EVENTS);
	assert_int_equal(page->nmi_masked, 0);
	refuse(HG_E_ARG);
}

/* While the guest runs, other calls on it find it busy and change nothing. */
static u64 spare;

static int recursive(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	struct hg_vcpu before = *v;

	(void)cpu;
	assert_int_equal(v->running, 1);
	assert_int_equal(call(VCPU_RUN, handle, 0), HG_E_BUSY);
	assert_int_equal(call(VCPU_DESTROY, handle), HG_E_BUSY);
	assert_int_equal(call(VCPU_FETCH, handle, HG_STATE_ALL), HG_E_BUSY);
	assert_int_equal(call(VCPU_SET_CPUID, handle, spare, 1), HG_E_BUSY);
	assert_int_equal(call(VCPU_DUMP, handle, spare), HG_E_BUSY);
	assert_int_equal(call(DOMAIN_DESTROY, v->domain->handle), HG_E_BUSY);
	assert_memory_equal(&before, v, sizeof(before));
	return HG_EXIT_HLT;
}

static void test_busy_inside(void **state)
{
	(void)state;
	spare = take1();
	fake.enter = recursive;
	run(HG_EXIT_HLT);
	fake.enter = NULL;
	assert_int_equal(call(VCPU_DESTROY, handle), HG_OK);
}

/* Tables freed while this vCPU is inside wait until it has entered again. */
static u64 memory;

static int unmapped_inside(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	u64 domain = v->domain->handle;

	(void)cpu;
	if (fake.enters == 1) {
		assert_int_equal(call(UNMAP, domain, 0, 1), 1);
		assert_int_equal(call(MAP, domain, 0, memory, 1, HG_PROT_ALL), HG_E_NOMEM);
		return -1;
	}
	assert_int_equal(call(MAP, domain, 0, memory, 1, HG_PROT_ALL), HG_OK);
	return HG_EXIT_HLT;
}

static void test_limbo_inside(void **state)
{
	u64 domain = vcpu->domain->handle, i;

	(void)state;
	for (i = 0; i < 3; i++)
		call(DOMAIN_DONATE, domain, take1());
	memory = take1();
	assert_int_equal(call(MAP, domain, 0, memory, 1, HG_PROT_ALL), HG_OK);
	fake.enter = unmapped_inside;
	run(HG_EXIT_HLT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exit), TEST(test_cpu), TEST(test_kick), TEST(test_loop),
		TEST(test_unknown_flags), TEST(test_inject), TEST(test_event_back),
		TEST(test_groups), TEST(test_rip_only), TEST(test_put_refused), TEST(test_xcr0),
		TEST(test_xcr0_wide),
		TEST(test_changed_meanwhile), TEST(test_busy_inside), TEST(test_limbo_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
