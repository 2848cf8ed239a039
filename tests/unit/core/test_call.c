// SPDX-License-Identifier: GPL-2.0-only
/*
 * The call table: numbers, surplus arguments, and the calls without an object.
 */
#include "world.h"

/* How many arguments call.h gives each call. */
static const struct {
	const char *name;
	u32 args;
} calls[] = {
	{ "VERSION", 0 }, { "DOMAIN_CREATE", 2 }, { "DOMAIN_DESTROY", 1 },
	{ "DOMAIN_DONATE", 3 }, { "DOMAIN_RECLAIM", 1 }, { "DOMAIN_STAT", 2 },
	{ "MAP", 5 }, { "UNMAP", 3 }, { "PROTECT", 3 }, { "AGE", 4 },
	{ "VCPU_CREATE", 3 }, { "VCPU_DESTROY", 1 }, { "VCPU_RUN", 2 }, { "VCPU_FETCH", 2 },
	{ "VCPU_SET_CPUID", 3 }, { "VCPU_DUMP", 2 }, { "FRAME_STAT", 1 }, { "VCPU_INSN", 2 },
	{ "CVM_INIT", 1 }, { "CVM_LAUNCH", 2 }, { "CVM_RAM", 3 }, { "CVM_ADD", 5 },
	{ "CVM_LOAD", 5 }, { "CVM_SEAL", 1 }, { "CVM_START", 1 }, { "CVM_REPORT", 2 },
	{ "CVM_RESET", 1 }, { "VCPU_STARTUP", 2 }, { "DOMAIN_PURGE", 2 },
};

static void test_numbers(void **state)
{
	static const u64 bad[] = {
		HG_CALL_COUNT, HG_CALL_COUNT + 1, 255, 256, 1ULL << 32, ~0ULL, 1ULL << 63,
		(1ULL << 32) | HG_CALL_VERSION,
	};
	u32 i;

	(void)state;
	assert_int_equal(HG_ARRAY_SIZE(calls), HG_CALL_COUNT);
	for (i = 0; i < HG_ARRAY_SIZE(bad); i++)
		assert_int_equal(hg_call(bad[i], 0, 0, 0, 0, 0), HG_E_CALL);
}

/* An argument that a call does not take must be zero: any bit of it counts. */
static void test_surplus(void **state)
{
	u32 nr, arg, bit;

	(void)state;
	make_domain(1);
	for (nr = 0; nr < HG_CALL_COUNT; nr++) {
		struct snapshot *before = snapshot_take();

		for (arg = calls[nr].args; arg < 5; arg++)
			for (bit = 0; bit < 64; bit += 21) {
				u64 a[5] = { 0 };

				a[arg] = 1ULL << bit;
				if (hg_call(nr, a[0], a[1], a[2], a[3], a[4]) != HG_E_ARG)
					fail_msg("%s takes argument %u", calls[nr].name, arg);
			}
		snapshot_check(before, __FILE__, __LINE__);
	}
}

/* Every call that names an object refuses what is no handle. */
static void test_handles(void **state)
{
	static const u64 bad[] = { 0, 1, 255, 256, 0xffff, 0x10000, 0x10001, 1ULL << 32, ~0ULL };
	struct snapshot *before;
	u32 nr, i;

	(void)state;
	make_domain(1);
	before = snapshot_take();
	for (nr = HG_CALL_DOMAIN_DESTROY; nr <= HG_CALL_VCPU_DUMP; nr++)
		for (i = 0; i < HG_ARRAY_SIZE(bad); i++) {
			s64 status = hg_call(nr, bad[i], 0, 0, 0, 0);

			/* A CPU that is not online is noticed first. */
			if (status != (nr == HG_CALL_VCPU_RUN ? HG_E_STATE : HG_E_HANDLE))
				fail_msg("%s(%llx) answers %lld", calls[nr].name, bad[i], status);
		}
	snapshot_check(before, __FILE__, __LINE__);
}

static void test_version(void **state)
{
	(void)state;
	assert_int_equal(call(VERSION), HG_CALL_ABI);
}

static void test_frame_stat(void **state)
{
	u64 host = world.frames - 2 * WORLD_RAM - HG_BACKEND_FRAMES, domain;

	(void)state;
	assert_int_equal(call(FRAME_STAT, HG_FRAME_HOST), host);
	assert_int_equal(call(FRAME_STAT, HG_FRAME_DEVICE), 2 * WORLD_RAM);
	assert_int_equal(call(FRAME_STAT, HG_FRAME_STATES), HG_E_ARG);
	assert_int_equal(call(FRAME_STAT, ~0ULL), HG_E_ARG);
	assert_int_equal(call(FRAME_STAT, 1ULL << 32), HG_E_ARG);

	domain = make_domain(3);	/* control, top table, 3 in the cache */
	assert_int_equal(call(MAP, domain, 0, take1(), 1, HG_PROT_ALL), HG_OK);
	make_vcpu(domain, NULL);
	assert_int_equal(call(FRAME_STAT, HG_FRAME_CORE), HG_BACKEND_FRAMES + 5 + HG_VCPU_FRAMES);
	assert_int_equal(call(FRAME_STAT, HG_FRAME_LENT), 1);
	assert_int_equal(call(FRAME_STAT, HG_FRAME_CONTROL), 1);
	assert_int_equal(call(FRAME_STAT, HG_FRAME_HOST), host - 5 - HG_VCPU_FRAMES - 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers), TEST(test_surplus), TEST(test_handles), TEST(test_version),
		TEST(test_frame_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
