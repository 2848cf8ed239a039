// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a parent may inject into a confidential guest: devices' interrupts, and
 * those above that the guest has asked for itself.
 */
#include "cvm_guest.h"
#include "arch.h"

/* --- events --- */

static enum hg_cvm_event event(enum hg_event_type type, u32 vector)
{
	return hg_cvm_event(vcpu, HG_EVENT(type, vector));
}

static void test_vectors(void **state)
{
	u32 v;

	(void)state;
	vcpu->rflags |= HG_RFLAGS_IF;
	for (v = 0; v < 256; v++) {
		bool device = v >= 0x20 && v != 0x80 && v < 0xec;

		assert_int_equal(event(HG_EVENT_IRQ, v), device ? HG_EVENT_TAKE : HG_EVENT_DROP);
		assert_int_equal(event(HG_EVENT_FAULT, v), HG_EVENT_DROP);
		assert_int_equal(event(HG_EVENT_SOFT, v), HG_EVENT_DROP);
		assert_int_equal(event(1, v), HG_EVENT_DROP);
		assert_int_equal(event(7, v), HG_EVENT_DROP);
	}
}

/* What cannot be taken now does not use up what was asked for. */
static void test_later(void **state)
{
	(void)state;
	vcpu->irq.sent[0xfd - HG_IRQ_SYSTEM] = 1;
	assert_int_equal(event(HG_EVENT_IRQ, 0x41), HG_EVENT_LATER);
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_LATER);
	vcpu->rflags |= HG_RFLAGS_IF;
	vcpu->irq_shadow = 1;
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_LATER);
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_LATER);
	vcpu->irq_shadow = 0;
	vcpu->event = HG_EVENT(HG_EVENT_FAULT, 13);
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_LATER);
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_LATER);
	vcpu->event = 0;
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_TAKE);
	assert_int_equal(event(HG_EVENT_IRQ, 0xfd), HG_EVENT_DROP);
}

static void test_nmi(void **state)
{
	u32 i, dropped = 0;

	(void)state;
	vcpu->nmi_masked = 1;
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_LATER);
	vcpu->nmi_masked = 0;
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_TAKE);
	/* Not in a flood; a test that is preempted at the wrong moment tries again. */
	for (i = 0; i < 1000; i++) {
		vcpu->irq.last_nmi = hg_arch_rdtsc();
		dropped += event(HG_EVENT_NMI, 2) == HG_EVENT_DROP;
	}
	assert_true(dropped > 500);
	vcpu->irq.last_nmi = hg_arch_rdtsc() - (1 << 20);
	assert_int_equal(event(HG_EVENT_NMI, 2), HG_EVENT_TAKE);
}

/* Through the control page, as the parent does it. */
static void inject(u32 what, u32 delivered, bool denied)
{
	u64 before = stat_of(domain, HG_DOMAIN_STAT_DENIED);

	page->inject = what;
	page->inject_error = 0x1234;
	page->inject_length = 2;
	run(HG_EXIT_HLT);
	assert_int_equal(fake.event, delivered);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_DENIED), before + denied);
	page->inject_length = 0;
}

static void test_inject(void **state)
{
	u32 irq = HG_EVENT(HG_EVENT_IRQ, 0x41), v;

	(void)state;
	inject(irq, 0, false);			/* IF is clear */
	assert_int_equal(page->inject, irq);
	assert_int_equal(fake.run_flags, HG_RUN_IRQ_WINDOW);
	vcpu->rflags |= HG_RFLAGS_IF;
	inject(irq, irq, false);
	assert_int_equal(page->inject, 0);
	assert_int_equal(fake.event_error, 0);	/* no value of the parent's goes with it */
	assert_int_equal(fake.event_length, 0);
	inject(HG_EVENT(HG_EVENT_IRQ, 0x80), 0, true);
	assert_int_equal(page->inject, 0);
	inject(HG_EVENT(HG_EVENT_IRQ, 0xfd), 0, true);
	for (v = 0; v < 32; v++) {
		inject(HG_EVENT(HG_EVENT_IRQ, v), 0, true);
		if (v != 2)
			inject(HG_EVENT(HG_EVENT_FAULT, v), 0, true);
		inject(HG_EVENT(HG_EVENT_SOFT, v), 0, true);
	}
	inject(HG_EVENT(HG_EVENT_FAULT, 14) | (u32)HG_EVENT_HAS_ERROR, 0, true);
	inject(HG_EVENT(HG_EVENT_SOFT, 0x80), 0, true);
	page->inject = HG_EVENT(HG_EVENT_IRQ, 0x41) | 1u << 12;
	assert_refused(HG_E_ARG, VCPU_RUN, handle, 0);
}

/* --- what the guest asks for --- */

/* Whom the IPI allows; each only once. */
static void expect_ipi(u32 vector, bool self, bool to_other)
{
	assert_int_equal(expects(vcpu, vector), self);
	assert_int_equal(expects(other, vector), to_other);
	assert_false(expects(vcpu, vector));
	assert_false(expects(other, vector));
}

static void test_ipi(void **state)
{
	(void)state;
	xapic(FIXED(0xfd), 0x22);
	expect_ipi(0xfd, false, true);
	xapic(FIXED(0xfd), 0x11);
	expect_ipi(0xfd, true, false);
	xapic(FIXED(0xfd), 0x33);		/* nobody */
	expect_ipi(0xfd, false, false);
	xapic(FIXED(0xfb) | 1 << 18, 0x22);	/* self */
	expect_ipi(0xfb, true, false);
	xapic(FIXED(0xfb) | 2 << 18, 0);
	expect_ipi(0xfb, true, true);
	xapic(FIXED(0xfb) | 3 << 18, 0);
	expect_ipi(0xfb, false, true);
	xapic(FIXED(0xff) | 1 << 11, 1);	/* logical: cannot be told */
	expect_ipi(0xff, true, true);
	xapic(FIXED(0xff), 0xff);		/* broadcast */
	expect_ipi(0xff, true, true);
	xapic(FIXED(0xff) | 4 << 8, 0x22);	/* an NMI allows no vector */
	expect_ipi(0xff, false, false);
	/* One vector asked for, no other. */
	xapic(FIXED(0xfd), 0x22);
	assert_false(expects(other, 0xfc));
	assert_false(expects(other, 0xfe));
	expect_ipi(0xfd, false, true);
	/* Not even the guest may make 0x80 or an exception. */
	xapic(FIXED(0x80) | 2 << 18, 0);
	expect_ipi(0x80, false, false);
	xapic(FIXED(0x0e) | 2 << 18, 0);
	expect_ipi(0x0e, false, false);
}

static void test_ipi_x2apic(void **state)
{
	(void)state;
	hg_cvm_irq_msr(vcpu, 0x830, 0x2222ULL << 32 | FIXED(0xfd));
	expect_ipi(0xfd, false, true);
	hg_cvm_irq_msr(vcpu, 0x830, 0x22ULL << 32 | FIXED(0xfd));
	expect_ipi(0xfd, false, false);
	hg_cvm_irq_msr(vcpu, 0x830, 0xffffffffULL << 32 | FIXED(0xfd));
	expect_ipi(0xfd, true, true);
	hg_cvm_irq_msr(vcpu, 0x83f, 0xf6);
	expect_ipi(0xf6, true, false);
	hg_cvm_irq_msr(vcpu, 0x831, FIXED(0xfd));
	expect_ipi(0xfd, false, false);
}

/* Accesses that look like it, elsewhere or too narrow, allow nothing. */
static void test_ipi_not(void **state)
{
	(void)state;
	hg_cvm_irq_mmio(vcpu, APIC + 0x1300, 4, FIXED(0xfd) | 2 << 18);
	hg_cvm_irq_mmio(vcpu, APIC + 0x304, 4, FIXED(0xfd) | 2 << 18);
	hg_cvm_irq_mmio(vcpu, APIC + 0x300, 2, FIXED(0xfd) | 2 << 18);
	hg_cvm_irq_mmio(vcpu, 0x300, 4, FIXED(0xfd) | 2 << 18);
	expect_ipi(0xfd, false, false);
}

/* The second is sent before the first is taken: both come, and no third. */
static void test_two_ipis(void **state)
{
	(void)state;
	xapic(FIXED(0xfd) | 2 << 18, 0);
	xapic(FIXED(0xfd) | 2 << 18, 0);
	assert_true(expects(vcpu, 0xfd));
	assert_true(expects(vcpu, 0xfd));
	assert_false(expects(vcpu, 0xfd));
}

static void test_timer(void **state)
{
	(void)state;
	assert_false(expects(vcpu, 0xec));
	hg_cvm_irq_mmio(vcpu, APIC + 0x320, 4, 0x200ec);	/* periodic */
	assert_true(expects(vcpu, 0xec));
	assert_true(expects(vcpu, 0xec));		/* as often as it likes */
	assert_false(expects(vcpu, 0xed));
	assert_false(expects(other, 0xec));
	hg_cvm_irq_mmio(vcpu, APIC + 0x320, 4, 0x300ec);	/* masked: one was on its way */
	assert_true(expects(vcpu, 0xec));
	hg_cvm_irq_msr(vcpu, 0x832, 0xee);
	assert_true(expects(vcpu, 0xee));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vectors), TEST(test_later), TEST(test_nmi), TEST(test_inject),
		TEST(test_ipi), TEST(test_ipi_x2apic), TEST(test_ipi_not), TEST(test_two_ipis),
		TEST(test_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
