// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit notices each kind of damage. Here the tests play the bug.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"

static u64 domain, vcpu, leaf, table;

static int setup(void **state)
{
	world_setup(state);
	domain = make_domain(6);
	vcpu = make_vcpu(domain, NULL);
	leaf = take1();
	assert_int_equal(call(MAP, domain, 0, leaf, 1, HG_PROT_ALL), HG_OK);
	table = (u64)((u8 *)walk(domain_of(domain)->root, 0).entry - world.arena) >> 12;
	hg_core_audit();
	return 0;
}

/* The world is damaged: it cannot be taken down properly. */
static int teardown(void **state)
{
	(void)state;
	memset(&hg_core, 0, sizeof(hg_core));
	munmap(world.arena, world.frames << 12);
	free(world.table);
	return 0;
}

static u64 *entry(u32 index)
{
	return (u64 *)at(table) + index;
}

static void test_whole(void **state)
{
	(void)state;
	assert_false(panics(hg_core_audit()));
}

/* A page table maps what its domain was not lent: the host's, the core's, nothing. */
static void test_maps_not_lent(void **state)
{
	static const u64 entries[] = { 0x500, 0, WORLD_BACKEND, WORLD_FRAMES, 3 };
	volatile u32 i;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(entries); i++) {
		u64 pfn;

		teardown(state);
		setup(state);
		pfn = i == 1 ? table : entries[i];
		*entry(5) = pfn << 12 | 7;
		world.table[table].maps++;
		domain_of(domain)->stat[HG_DOMAIN_STAT_MAPPED_4K]++;
		assert_true(panics(hg_core_audit()));
	}
}

static void test_maps_twice(void **state)
{
	(void)state;
	*entry(5) = leaf << 12 | 7;	/* lent once, mapped twice */
	world.table[table].maps++;
	domain_of(domain)->stat[HG_DOMAIN_STAT_MAPPED_4K]++;
	assert_true(panics(hg_core_audit()));
}

static void test_lent_unmapped(void **state)
{
	(void)state;
	world.table[leaf].maps = 2;
	assert_true(panics(hg_core_audit()));
}

static void test_lent_by_256(void **state)
{
	(void)state;
	world.table[leaf].maps = 257;	/* the mark byte alone would not tell */
	assert_true(panics(hg_core_audit()));
}

static void test_table_counter(void **state)
{
	(void)state;
	world.table[table].maps++;
	assert_true(panics(hg_core_audit()));
}

static void test_domain_counter(void **state)
{
	volatile u32 which;

	(void)state;
	/* The others only count what has happened. */
	for (which = 0; which < HG_DOMAIN_STAT_CONVERTED; which++) {
		teardown(state);
		setup(state);
		domain_of(domain)->stat[which]++;
		assert_true(panics(hg_core_audit()));
	}
}

static void test_two_uses(void **state)
{
	(void)state;
	/* The table is in the cache as well. */
	*(u64 *)at(domain_of(domain)->cache) = table << 12;
	assert_true(panics(hg_core_audit()));
}

static void test_foreign_table(void **state)
{
	(void)state;
	world.table[table].owner++;
	assert_true(panics(hg_core_audit()));
}

static void test_lost_frame(void **state)
{
	u64 pfn = take1();

	(void)state;
	world.table[pfn].state = HG_FRAME_CORE;
	world.table[pfn].owner = (u16)domain;
	assert_true(panics(hg_core_audit()));
}

static void test_stray_bits(void **state)
{
	(void)state;
	*entry(0) |= 1ULL << 58;
	assert_true(panics(hg_core_audit()));
}

static void test_stray_entry(void **state)
{
	(void)state;
	*entry(9) = 0x1000;		/* not present, but not zero */
	assert_true(panics(hg_core_audit()));
}

static void test_vcpu_frames(void **state)
{
	(void)state;
	world.table[vcpu_of(vcpu)->frame[0] + 2].state = HG_FRAME_HOST;
	assert_true(panics(hg_core_audit()));
}

static void test_control_page(void **state)
{
	(void)state;
	world.table[vcpu_of(vcpu)->page_pfn].state = HG_FRAME_HOST;
	assert_true(panics(hg_core_audit()));
}

/* After every call, without being asked. */
static void test_after_calls(void **state)
{
	(void)state;
	world.table[table].maps++;
	assert_true(panics(for (int i = 0; i < 4; i++) call(VERSION)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole), TEST(test_maps_not_lent), TEST(test_maps_twice),
		TEST(test_lent_unmapped), TEST(test_lent_by_256), TEST(test_table_counter),
		TEST(test_domain_counter), TEST(test_two_uses), TEST(test_foreign_table),
		TEST(test_lost_frame), TEST(test_stray_bits), TEST(test_stray_entry),
		TEST(test_vcpu_frames), TEST(test_control_page), TEST(test_after_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
