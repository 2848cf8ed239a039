// SPDX-License-Identifier: GPL-2.0-only
/* Destination map: agrees with hg_irq_match() whatever the guest does. */
#include <stdlib.h>

#include "fake.h"

static struct fake_vm vm;
static struct hg_apicmap *map;
static u32 seed;

/* xorshift32: the same run every time. */
static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static int setup(void **state)
{
	(void)state;
	fake_init(&vm, FAKE_MAX);
	map = malloc(hg_apicmap_size(HG_APICMAP_MAX_ID));
	seed = 2463534242U;
	return map ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(map);
	return 0;
}

static u64 fast(const struct hg_irq *irq, const struct hg_lapic *sender)
{
	struct hg_apicmap_set set;
	u32 count = hg_apicmap_targets(map, irq, sender, &set);
	u32 i;

	assert_int_equal(count, __builtin_popcountll(set.bits[0]));
	for (i = 1; i < HG_ARRAY_SIZE(set.bits); i++)
		assert_int_equal(set.bits[i], 0);
	return set.bits[0];
}

static u64 slow(const struct hg_irq *irq, const struct hg_lapic *sender)
{
	u64 bits = 0;
	u32 i;

	for (i = 0; i < vm.nr; i++)
		if (vm.lapics[i] && hg_lapic_hw_enabled(vm.lapics[i]) &&
		    hg_irq_match(vm.lapics[i], irq, sender))
			bits |= 1ULL << i;
	return bits;
}

static void check_agreement(void)
{
	struct hg_irq irq = {
		.dest = rnd(2) ? rnd(16) : rnd(8) ? rnd(256) : rnd(2) ? 0xff : 0xffffffff,
		.logical = rnd(2),
		.dest32 = rnd(2),
		.shorthand = rnd(8) ? 0 : (u8)rnd(4),
		.vector = 0x40,
	};
	const struct hg_lapic *sender = rnd(2) ? vm.lapics[rnd(vm.nr)] : NULL;
	u64 want;
	int one;

	if (irq.dest32 && rnd(2))
		irq.dest |= rnd(20) << 16;
	if (!sender)
		irq.shorthand = 0;
	want = slow(&irq, sender);
	assert_int_equal(fast(&irq, sender), want);
	one = hg_apicmap_one(map, &irq);
	if (one == HG_APICMAP_NONE)
		assert_int_equal(want, 0);
	else if (one >= 0)
		assert_int_equal(want, 1ULL << one);
}

static void configure(u32 mode)
{
	struct hg_lapic_config cfg;
	u32 i, ldr;

	for (i = 0; i < vm.nr; i++) {
		if (!rnd(4))
			ldr = rnd(256);
		else
			ldr = mode == 1 ? 1U << (i & 3) | (i >> 2) << 4 : 1U << i;
		vm.lapics[i] = &vm.cpu[i].lapic;
		fake_config(&cfg, rnd(3) ? i : rnd(2) ? 250 + i : i * 37);
		cfg.no_bcast_quirk = rnd(2);
		hg_lapic_init(vm.lapics[i], &cfg, &fake_ops, &vm.cpu[i]);
		hg_lapic_mmio_write(vm.lapics[i], HG_APIC_SVR, 4, rnd(8) ? 0x1ff : 0xff);
		if (mode == 1 || (mode == 3 && rnd(2)))
			hg_lapic_mmio_write(vm.lapics[i], HG_APIC_DFR, 4, 0);
		hg_lapic_mmio_write(vm.lapics[i], HG_APIC_LDR, 4, ldr << 24);
		if (!rnd(16))
			hg_lapic_mmio_write(vm.lapics[i], HG_APIC_ID, 4, rnd(256) << 24);
		if (mode == 2 || (mode == 3 && rnd(2)))
			fake_x2apic(&vm, i);
		if (!rnd(32))
			hg_lapic_set_base(vm.lapics[i], HG_APIC_DEFAULT_BASE, false);
		if (!rnd(32))
			vm.lapics[i] = &vm.cpu[0].lapic;
	}
	for (i = 1; i < vm.nr; i++)
		if (vm.lapics[i] == vm.lapics[0])
			vm.lapics[i] = NULL;
}

static void agrees_with_matching(void **state)
{
	u32 round, i;

	(void)state;
	for (round = 0; round < 4000; round++) {
		configure(round % 4);
		assert_true(hg_apicmap_build(map, vm.lapics, vm.nr, rnd(2) ? 300 : 8));
		for (i = 0; i < 50; i++)
			check_agreement();
	}
}

static void single_targets_are_found(void **state)
{
	struct hg_irq irq = { .dest = 3 };
	u32 i;

	(void)state;
	/* The tables do serve the usual cases, or they were no use. */
	for (i = 0; i < vm.nr; i++)
		hg_lapic_mmio_write(vm.lapics[i], HG_APIC_LDR, 4, 1U << (24 + i));
	assert_true(hg_apicmap_build(map, vm.lapics, vm.nr, vm.nr - 1));
	assert_int_equal(hg_apicmap_one(map, &irq), 3);
	irq.logical = true;
	irq.dest = 0x40;
	assert_int_equal(hg_apicmap_one(map, &irq), 6);
	irq.dest = 0x41;
	assert_int_equal(hg_apicmap_one(map, &irq), -1);
	for (i = 0; i < vm.nr; i++)
		fake_x2apic(&vm, i);
	assert_true(hg_apicmap_build(map, vm.lapics, vm.nr, vm.nr - 1));
	irq = (struct hg_irq){ .dest = 5, .dest32 = true };
	assert_int_equal(hg_apicmap_one(map, &irq), 5);
	irq = (struct hg_irq){ .dest = 1 << 5, .logical = true, .dest32 = true };
	assert_int_equal(hg_apicmap_one(map, &irq), 5);
	irq.dest = 1 << 16 | 1;
	assert_int_equal(hg_apicmap_one(map, &irq), HG_APICMAP_NONE);
}

static void delivery(void **state)
{
	struct hg_irq irq = { .dest = 0xff, .vector = 0x50 };
	u32 turn = 0, i, took[FAKE_MAX] = { 0 };

	(void)state;
	assert_true(hg_apicmap_build(map, vm.lapics, vm.nr, vm.nr - 1));
	assert_int_equal(hg_apicmap_deliver(map, &irq, NULL, &turn), FAKE_MAX);
	assert_int_equal(hg_apicmap_deliver(map, &irq, NULL, &turn), HG_IRQ_COALESCED);
	irq.dest = 77;
	assert_int_equal(hg_apicmap_deliver(map, &irq, NULL, &turn), HG_IRQ_MASKED);
	for (i = 0; i < vm.nr; i++)
		assert_int_equal(hg_lapic_ack(vm.lapics[i]), 0x50);

	/* Lowest priority: one target a time, everyone in turn, none disabled. */
	irq = (struct hg_irq){ .dest = 0xff, .vector = 0x90, .mode = HG_IRQ_LOWEST };
	hg_lapic_mmio_write(vm.lapics[2], HG_APIC_SVR, 4, 0xff);
	for (i = 0; i < 70; i++)
		hg_apicmap_deliver(map, &irq, NULL, &turn);
	for (i = 0; i < vm.nr; i++)
		took[i] = hg_lapic_ack(vm.lapics[i]) == 0x90;
	assert_int_equal(took[2], 0);
	for (i = 0; i < vm.nr; i++)
		assert_int_equal(took[i], i != 2);
	assert_int_equal(turn, 70);
}

static void limits(void **state)
{
	(void)state;
	assert_false(hg_apicmap_build(map, vm.lapics, HG_APICMAP_MAX_VCPUS + 1, 8));
	assert_false(hg_apicmap_build(map, vm.lapics, vm.nr, HG_APICMAP_MAX_ID + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(agrees_with_matching, setup, teardown),
		cmocka_unit_test_setup_teardown(single_targets_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(delivery, setup, teardown),
		cmocka_unit_test_setup_teardown(limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
