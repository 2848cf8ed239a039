// SPDX-License-Identifier: GPL-2.0-only
/* Local APIC: register access by MMIO and MSR, base MSR transitions, ICR, ESR. */
#include "fake.h"

static struct fake_vm vm;

static int setup(void **state)
{
	(void)state;
	fake_init(&vm, 4);
	return 0;
}

static bool rdmsr(u32 cpu, u32 msr, u64 *val)
{
	return hg_lapic_msr_read(vm.lapics[cpu], msr, val);
}

static bool wrmsr(u32 cpu, u32 msr, u64 val)
{
	return hg_lapic_msr_write(vm.lapics[cpu], msr, val);
}

static void mmio_forms(void **state)
{
	struct hg_lapic *l = vm.lapics[0];
	u64 val;

	(void)state;
	fake_write(&vm, 0, HG_APIC_LDR, 0xab123456);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LDR), 0xab000000);
	assert_true(hg_lapic_mmio_read(l, HG_APIC_LDR + 3, 1, &val));
	assert_int_equal(val, 0xab);
	assert_true(hg_lapic_mmio_read(l, HG_APIC_LDR + 2, 2, &val));
	assert_int_equal(val, 0xab00);
	/* Nothing behind the first four bytes; no effect of crooked writes. */
	assert_true(hg_lapic_mmio_read(l, HG_APIC_LDR + 4, 4, &val));
	assert_int_equal(val, 0);
	assert_true(hg_lapic_mmio_write(l, HG_APIC_LDR, 1, 0));
	assert_true(hg_lapic_mmio_write(l, HG_APIC_LDR + 4, 4, 0));
	assert_int_equal(fake_read(&vm, 0, HG_APIC_LDR), 0xab000000);
	assert_false(hg_lapic_mmio_read(l, HG_APIC_MMIO_SIZE, 4, &val));

	/* Read-only and write-only registers. */
	fake_write(&vm, 0, HG_APIC_VERSION, 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_VERSION), 0x50014);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_EOI), 0);
	fake_write(&vm, 0, HG_APIC_DFR, 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_DFR), 0x0fffffff);
}

static void errors(void **state)
{
	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTERR, 0xfe);
	assert_int_equal(fake_read(&vm, 0, 0x3d0), 0);
	assert_int_equal(hg_lapic_ack(vm.lapics[0]), 0xfe);
	/* Shown only after a write, and then gone. */
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ESR), 0);
	fake_write(&vm, 0, HG_APIC_ESR, 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ESR), 0x80);
	fake_write(&vm, 0, HG_APIC_ESR, 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ESR), 0);

	fake_write(&vm, 0, HG_APIC_ICR, 0x0000000f);
	assert_int_equal(vm.ipis, 0);
	fake_write(&vm, 0, HG_APIC_ESR, 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ESR), 0x20);
	assert_int_equal(hg_lapic_post(vm.lapics[0], 15, false), HG_IRQ_MASKED);
	fake_write(&vm, 0, HG_APIC_ESR, 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ESR), 0x40);
	/* An illegal error vector does not recurse. */
	fake_write(&vm, 0, HG_APIC_LVTERR, 0x05);
	assert_int_equal(hg_lapic_post(vm.lapics[0], 3, false), HG_IRQ_MASKED);
}

static void base_transitions(void **state)
{
	const u64 page = HG_APIC_DEFAULT_BASE, en = HG_APIC_BASE_ENABLED;
	const u64 x2 = HG_APIC_BASE_X2APIC | HG_APIC_BASE_ENABLED;
	struct hg_lapic *l = vm.lapics[1];
	struct hg_lapic_config cfg;
	u64 base;

	(void)state;
	assert_false(hg_lapic_set_base(l, page | HG_APIC_BASE_X2APIC, false));
	assert_false(hg_lapic_set_base(l, page | en | 1, false));
	assert_false(hg_lapic_set_base(l, page | en | 1 << 9, false));
	assert_false(hg_lapic_set_base(l, 1ULL << 40 | en, false));
	assert_false(hg_lapic_set_base(l, 1ULL << 40 | en, true));
	assert_int_equal(l->base, page | en);

	assert_true(hg_lapic_set_base(l, 0xd0000000 | en, false));
	assert_true(hg_lapic_mmio_base(l, &base));
	assert_int_equal(base, 0xd0000000);

	assert_true(hg_lapic_set_base(l, page | x2, false));
	assert_false(hg_lapic_mmio_base(l, &base));
	assert_false(hg_lapic_mmio_read(l, HG_APIC_ID, 4, &base));
	assert_false(hg_lapic_set_base(l, page | en, false));
	assert_true(hg_lapic_set_base(l, page, false));
	assert_int_equal(hg_lapic_reg(l, HG_APIC_SVR), 0xff);
	assert_int_equal(hg_lapic_reg(l, HG_APIC_ID), 1 << 24);
	assert_int_equal(hg_lapic_reg(l, HG_APIC_LDR), 0);
	assert_false(hg_lapic_set_base(l, page | x2, false));
	assert_true(hg_lapic_accepts_pic(l));
	/* The host may go anywhere. */
	assert_true(hg_lapic_set_base(l, page | x2, true));
	assert_true(hg_lapic_set_base(l, page | en, true));
	assert_int_equal(hg_lapic_reg(l, HG_APIC_ID), 1 << 24);

	fake_config(&cfg, 1);
	cfg.x2apic = false;
	hg_lapic_set_config(l, &cfg);
	assert_false(hg_lapic_set_base(l, page | x2, false));
}

static void x2apic_faults(void **state)
{
	static const u32 none[] = { 0x800, 0x801, 0x804, 0x809, 0x80c, 0x80e, 0x831, 0x82f,
				    0x83a, 0x83d, 0x840, 0x8ff };
	static const u32 read_only[] = { 0x802, 0x803, 0x80a, 0x80d, 0x810, 0x818, 0x827, 0x839 };
	u64 val;
	u32 i;

	(void)state;
	/* Not in xAPIC mode. */
	assert_false(rdmsr(0, 0x802, &val));
	assert_false(wrmsr(0, 0x80b, 0));
	fake_x2apic(&vm, 0);
	for (i = 0; i < HG_ARRAY_SIZE(none); i++) {
		assert_false(rdmsr(0, none[i], &val));
		assert_false(wrmsr(0, none[i], 0));
	}
	for (i = 0; i < HG_ARRAY_SIZE(read_only); i++) {
		assert_true(rdmsr(0, read_only[i], &val));
		assert_false(wrmsr(0, read_only[i], 0));
	}
	/* Write-only: EOI and self IPI. */
	assert_false(rdmsr(0, 0x80b, &val));
	assert_false(rdmsr(0, 0x83f, &val));
	/* Reserved bits. */
	assert_false(wrmsr(0, 0x80b, 1));
	assert_false(wrmsr(0, 0x828, 1));
	assert_false(wrmsr(0, 0x808, 0x100));
	assert_false(wrmsr(0, 0x808, 1ULL << 32));
	assert_false(wrmsr(0, 0x80f, 0x10ff));
	assert_false(wrmsr(0, 0x832, 1 << 20));
	assert_false(wrmsr(0, 0x837, 0x400));
	assert_false(wrmsr(0, 0x83e, 4));
	assert_false(wrmsr(0, 0x838, 1ULL << 32));
	assert_false(wrmsr(0, 0x83f, 0x100));
	assert_false(wrmsr(0, 0x830, 1 << 13));
	assert_false(wrmsr(0, 0x830, 1 << 16));
	assert_false(wrmsr(0, 0x830, 1 << 20));
	/* Status bits may be written back. */
	assert_true(wrmsr(0, 0x835, 0x15700));
	assert_true(rdmsr(0, 0x835, &val));
	assert_int_equal(val, 0x10700);
	assert_true(wrmsr(0, 0x808, 0x33));
	assert_true(rdmsr(0, 0x808, &val));
	assert_int_equal(val, 0x33);
}

static void x2apic_icr(void **state)
{
	u64 val;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++)
		fake_x2apic(&vm, i);
	/* Physical. */
	assert_true(wrmsr(0, 0x830, 3ULL << 32 | 0x4044));
	assert_int_equal(hg_lapic_ack(vm.lapics[3]), 0x44);
	assert_true(rdmsr(0, 0x830, &val));
	assert_int_equal(val, 3ULL << 32 | 0x4044);
	/* Logical: members 1 and 2 of cluster 0. */
	assert_true(wrmsr(0, 0x830, 6ULL << 32 | 0x4845));
	assert_int_equal(hg_lapic_ack(vm.lapics[1]), 0x45);
	assert_int_equal(hg_lapic_ack(vm.lapics[2]), 0x45);
	assert_int_equal(hg_lapic_ack(vm.lapics[0]), -1);
	/* Broadcast. */
	assert_true(wrmsr(0, 0x830, 0xffffffffULL << 32 | 0x4055));
	for (i = 0; i < 4; i++)
		assert_int_equal(hg_lapic_ack(vm.lapics[i]), 0x55);
	/* Self. */
	assert_true(wrmsr(2, 0x83f, 0x77));
	assert_int_equal(hg_lapic_ack(vm.lapics[2]), 0x77);
	assert_int_equal(vm.ipis, 3);
}

static void icr_modes(void **state)
{
	u32 i;

	(void)state;
	/* Every delivery mode to CPU 2, physical. */
	fake_write(&vm, 0, HG_APIC_ICR2, 2U << 24);
	fake_write(&vm, 0, HG_APIC_ICR, 0x4041);
	assert_int_equal(hg_lapic_ack(vm.lapics[2]), 0x41);
	fake_write(&vm, 0, HG_APIC_ICR, 0x4151);
	assert_int_equal(hg_lapic_ack(vm.lapics[2]), 0x51);
	fake_write(&vm, 0, HG_APIC_ICR, 0x4200);
	assert_int_equal(hg_lapic_take_events(vm.lapics[2], ~0U), HG_LAPIC_EV_SMI);
	fake_write(&vm, 0, HG_APIC_ICR, 0x4400);
	assert_int_equal(hg_lapic_take_events(vm.lapics[2], ~0U), HG_LAPIC_EV_NMI);
	/* The sequence of the MP start-up algorithm. */
	fake_write(&vm, 0, HG_APIC_ICR, 0xc500);
	fake_write(&vm, 0, HG_APIC_ICR, 0x8500);
	assert_int_equal(hg_lapic_take_events(vm.lapics[2], ~0U), HG_LAPIC_EV_INIT);
	fake_write(&vm, 0, HG_APIC_ICR, 0x4699);
	assert_int_equal(hg_lapic_take_events(vm.lapics[2], ~0U), HG_LAPIC_EV_SIPI);
	assert_int_equal(hg_lapic_sipi_vector(vm.lapics[2]), 0x99);
	for (i = 0; i < 4; i++) {
		assert_int_equal(hg_lapic_peek_events(vm.lapics[i]), 0);
		assert_int_equal(hg_lapic_pending(vm.lapics[i]), -1);
	}
	/* Delivery status is never seen. */
	fake_write(&vm, 0, HG_APIC_ICR, 0x5041);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_ICR), 0x4041);

	/* Shorthands. */
	fake_write(&vm, 1, HG_APIC_ICR, 0x4c061);
	assert_int_equal(hg_lapic_ack(vm.lapics[1]), 0x61);
	fake_write(&vm, 1, HG_APIC_ICR, 0xc4062);
	assert_int_equal(hg_lapic_pending(vm.lapics[1]), -1);
	assert_int_equal(hg_lapic_ack(vm.lapics[0]), 0x62);
	assert_int_equal(hg_lapic_ack(vm.lapics[3]), 0x62);
	fake_write(&vm, 1, HG_APIC_ICR, 0x84073);
	for (i = 0; i < 4; i++)
		assert_int_equal(hg_lapic_ack(vm.lapics[i]), 0x73);
	/* An IPI is an edge even if it says level. */
	fake_write(&vm, 0, HG_APIC_ICR2, 3U << 24);
	fake_write(&vm, 0, HG_APIC_ICR, 0xc091);
	assert_int_equal(hg_lapic_ack(vm.lapics[3]), 0x91);
	hg_lapic_eoi(vm.lapics[3]);
	assert_int_equal(vm.cpu[3].eois, 0);
}

static void arbitration(void **state)
{
	(void)state;
	fake_write(&vm, 0, HG_APIC_TPR, 0x35);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_APR), 0x35);
	hg_lapic_post(vm.lapics[0], 0x61, false);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_APR), 0x60);
	hg_lapic_ack(vm.lapics[0]);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_APR), 0x60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mmio_forms, setup),
		cmocka_unit_test_setup(errors, setup),
		cmocka_unit_test_setup(base_transitions, setup),
		cmocka_unit_test_setup(x2apic_faults, setup),
		cmocka_unit_test_setup(x2apic_icr, setup),
		cmocka_unit_test_setup(icr_modes, setup),
		cmocka_unit_test_setup(arbitration, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
