// SPDX-License-Identifier: GPL-2.0-only
/* Local APIC timer under a clock that we move. */
#include "fake.h"

#define VECTOR		0xec
#define PERIODIC	(1U << 17)
#define DEADLINE	(2U << 17)
#define DIV1		0xbU
#define DIV2		0x0U
#define DIV16		0x3U

static struct fake_vm vm;

static int setup(void **state)
{
	(void)state;
	fake_init(&vm, 1);
	fake_write(&vm, 0, HG_APIC_TDCR, DIV1);
	return 0;
}

static struct hg_lapic *lapic(void)
{
	return vm.lapics[0];
}

static u32 current_count(void)
{
	return fake_read(&vm, 0, HG_APIC_TMCCT);
}

/* Did it tick? Takes the interrupt. */
static bool ticked(void)
{
	if (hg_lapic_ack(lapic()) != VECTOR)
		return false;
	hg_lapic_eoi(lapic());
	return true;
}

static void one_shot(void **state)
{
	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	assert_int_equal(current_count(), 1000);
	fake_run(&vm, 999);
	assert_int_equal(current_count(), 1);
	assert_false(ticked());
	fake_run(&vm, 1);
	assert_true(ticked());
	assert_int_equal(current_count(), 0);
	fake_run(&vm, 100000);
	assert_false(ticked());
	/* Writing 0 stops. */
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	fake_write(&vm, 0, HG_APIC_TMICT, 0);
	assert_int_equal(vm.cpu[0].deadline, 0);
	fake_run(&vm, 2000);
	assert_false(ticked());
}

static void masked_timer_counts(void **state)
{
	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | HG_APIC_LVT_MASKED);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	fake_run(&vm, 300);
	assert_int_equal(current_count(), 700);
	fake_run(&vm, 700);
	assert_false(ticked());
	assert_int_equal(current_count(), 0);
}

static void divisors(void **state)
{
	static const struct {
		u32 tdcr, divide;
	} map[] = { { 0, 2 },  { 1, 4 },   { 2, 8 },   { 3, 16 },
		    { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
	u32 i;

	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR);
	for (i = 0; i < HG_ARRAY_SIZE(map); i++) {
		fake_write(&vm, 0, HG_APIC_TDCR, map[i].tdcr);
		fake_write(&vm, 0, HG_APIC_TMICT, 100);
		assert_int_equal(vm.cpu[0].deadline, vm.now + 100 * map[i].divide);
		fake_run(&vm, 60 * map[i].divide);
		assert_int_equal(current_count(), 40);
	}
}

static void divide_change_while_running(void **state)
{
	u64 start = vm.now;

	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	fake_run(&vm, 400);
	fake_write(&vm, 0, HG_APIC_TDCR, DIV16);
	assert_int_equal(current_count(), 600);
	assert_int_equal(vm.cpu[0].deadline, start + 400 + 600 * 16);
	fake_run(&vm, 16 * 100);
	assert_int_equal(current_count(), 500);
	fake_write(&vm, 0, HG_APIC_TDCR, DIV2);
	assert_int_equal(current_count(), 500);
	fake_run(&vm, 999);
	assert_false(ticked());
	fake_run(&vm, 1);
	assert_true(ticked());
}

static void periodic_does_not_drift(void **state)
{
	u64 start = vm.now;
	u32 i;

	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | PERIODIC);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	for (i = 1; i <= 1000; i++) {
		/* Every callback comes late by a different amount. */
		vm.now = start + i * 1000 + i % 700;
		vm.cpu[0].deadline = 0;
		hg_lapic_timer_expired(lapic());
		assert_true(ticked());
		assert_int_equal(vm.cpu[0].deadline, start + (i + 1) * 1000);
	}
	/* Far too late: one interrupt, and the phase is kept. */
	vm.now = start + 1005 * 1000 + 123;
	hg_lapic_timer_expired(lapic());
	assert_true(ticked());
	assert_false(ticked());
	assert_int_equal(vm.cpu[0].deadline, start + 1006 * 1000);
	assert_int_equal(current_count(), 1000 - 123);
}

static void late_callback_still_counts(void **state)
{
	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | PERIODIC);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	vm.now += 2300;
	assert_int_equal(current_count(), 700);
	/* An early callback only arms again. */
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	vm.cpu[0].deadline = 0;
	hg_lapic_timer_expired(lapic());
	assert_false(ticked());
	assert_int_equal(vm.cpu[0].deadline, vm.now + 1000);
}

static void period_floor(void **state)
{
	struct hg_lapic_config cfg;

	(void)state;
	fake_config(&cfg, 0);
	cfg.min_period_ns = 200000;
	hg_lapic_set_config(lapic(), &cfg);
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | PERIODIC);
	fake_write(&vm, 0, HG_APIC_TMICT, 10);
	fake_run(&vm, 10);
	assert_true(ticked());
	assert_int_equal(vm.cpu[0].deadline, vm.now + 200000);
	assert_true(current_count() <= 10);
}

static void mode_change_while_running(void **state)
{
	u64 start = vm.now;

	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	fake_run(&vm, 500);
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | PERIODIC);
	assert_int_equal(vm.cpu[0].deadline, start + 1000);
	fake_run(&vm, 500);
	assert_true(ticked());
	assert_int_equal(vm.cpu[0].deadline, start + 2000);
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR);
	fake_run(&vm, 1000);
	assert_true(ticked());
	assert_int_equal(vm.cpu[0].deadline, 0);

	/* Deadline mode disarms, both ways. */
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | DEADLINE);
	assert_int_equal(vm.cpu[0].deadline, 0);
	assert_int_equal(current_count(), 0);
	hg_lapic_set_tsc_deadline(lapic(), fake_tsc(&vm.cpu[0]) + 1000);
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR);
	assert_int_equal(vm.cpu[0].deadline, 0);
	assert_int_equal(hg_lapic_get_tsc_deadline(lapic()), 0);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_TMICT), 0);
}

static void tsc_deadline(void **state)
{
	u64 tsc = fake_tsc(&vm.cpu[0]);

	(void)state;
	/* Ignored outside its mode. */
	hg_lapic_set_tsc_deadline(lapic(), tsc + 1000);
	assert_int_equal(vm.cpu[0].deadline, 0);

	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | DEADLINE);
	hg_lapic_set_tsc_deadline(lapic(), tsc + 1001);
	assert_int_equal(hg_lapic_get_tsc_deadline(lapic()), tsc + 1001);
	/* 500.5 ns: rounded up, never early. */
	assert_int_equal(vm.cpu[0].deadline, vm.now + 501);
	fake_run(&vm, 500);
	assert_false(ticked());
	fake_run(&vm, 1);
	assert_true(ticked());
	assert_int_equal(hg_lapic_get_tsc_deadline(lapic()), 0);

	/* In the past, and exactly now: at once, without a timer. */
	vm.cpu[0].arms = 0;
	hg_lapic_set_tsc_deadline(lapic(), 1);
	assert_true(ticked());
	hg_lapic_set_tsc_deadline(lapic(), fake_tsc(&vm.cpu[0]));
	assert_true(ticked());
	assert_int_equal(vm.cpu[0].arms, 0);
	assert_int_equal(hg_lapic_get_tsc_deadline(lapic()), 0);

	/* 0 disarms; the end of time does not overflow. */
	hg_lapic_set_tsc_deadline(lapic(), tsc + (1ULL << 40));
	hg_lapic_set_tsc_deadline(lapic(), 0);
	assert_int_equal(vm.cpu[0].deadline, 0);
	hg_lapic_set_tsc_deadline(lapic(), ~0ULL);
	assert_true(vm.cpu[0].deadline > vm.now + (1ULL << 61));
	fake_write(&vm, 0, HG_APIC_TMICT, 5);
	assert_int_equal(fake_read(&vm, 0, HG_APIC_TMICT), 0);
}

static void tsc_frequency_change(void **state)
{
	u64 tsc = fake_tsc(&vm.cpu[0]);

	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | DEADLINE);
	hg_lapic_set_tsc_deadline(lapic(), tsc + 4000);
	assert_int_equal(vm.cpu[0].deadline, vm.now + 2000);
	hg_lapic_tsc_changed(lapic(), FAKE_TSC_KHZ / 2);
	assert_int_equal(vm.cpu[0].deadline, vm.now + 4000);
	/* 1 kHz: the conversion stays in range. */
	hg_lapic_set_tsc_deadline(lapic(), 0);
	hg_lapic_tsc_changed(lapic(), 1);
	hg_lapic_set_tsc_deadline(lapic(), fake_tsc(&vm.cpu[0]) + 3);
	assert_int_equal(vm.cpu[0].deadline, vm.now + 3000000);
}

static void reset_and_stop(void **state)
{
	(void)state;
	fake_write(&vm, 0, HG_APIC_LVTT, VECTOR | PERIODIC);
	fake_write(&vm, 0, HG_APIC_TMICT, 1000);
	hg_lapic_reset(lapic(), true);
	assert_int_equal(vm.cpu[0].deadline, 0);
	/* A callback that was on its way does nothing. */
	hg_lapic_timer_expired(lapic());
	assert_int_equal(vm.cpu[0].deadline, 0);
	assert_int_equal(current_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_shot, setup),
		cmocka_unit_test_setup(masked_timer_counts, setup),
		cmocka_unit_test_setup(divisors, setup),
		cmocka_unit_test_setup(divide_change_while_running, setup),
		cmocka_unit_test_setup(periodic_does_not_drift, setup),
		cmocka_unit_test_setup(late_callback_still_counts, setup),
		cmocka_unit_test_setup(period_floor, setup),
		cmocka_unit_test_setup(mode_change_while_running, setup),
		cmocka_unit_test_setup(tsc_deadline, setup),
		cmocka_unit_test_setup(tsc_frequency_change, setup),
		cmocka_unit_test_setup(reset_and_stop, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
