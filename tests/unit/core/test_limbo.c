// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limbo: a table that was unlinked is not used for anything else while a CPU
 * may still walk it, which is until each vCPU that runs has flushed.
 */
#include "world.h"

static u64 domain, vcpu_handle, other_handle;

/* A vCPU that is in the guest since generation @seen. */
static void in_guest(u64 handle, u64 seen)
{
	struct hg_vcpu *vcpu = vcpu_of(handle);

	vcpu->running = 1;
	vcpu->tlb_seen = seen;
}

static void outside(u64 handle)
{
	vcpu_of(handle)->running = 0;
}

static u64 gen(void)
{
	return domain_of(domain)->tlb_gen;
}

static u64 limbo(void)
{
	return domain_of(domain)->limbo.first;
}

static int setup(void **state)
{
	world_setup(state);
	domain = make_domain(3);
	vcpu_handle = make_vcpu(domain, NULL);
	other_handle = make_vcpu(domain, NULL);
	return 0;
}

static int teardown(void **state)
{
	outside(vcpu_handle);
	outside(other_handle);
	return world_teardown(state);
}

/* One page is mapped and unmapped: three tables are freed. */
static void free_tables(u64 pfn)
{
	assert_int_equal(call(MAP, domain, 0, pfn, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(call(UNMAP, domain, 0, 1), 1);
}

static void test_nobody_runs(void **state)
{
	u64 pfn = take1();

	(void)state;
	free_tables(pfn);
	free_tables(pfn);	/* the same three frames serve again */
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1);
}

static void test_waits(void **state)
{
	u64 pfn = take1(), cached;

	(void)state;
	in_guest(vcpu_handle, gen());
	free_tables(pfn);
	assert_true(limbo() != 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 0);
	assert_refused(HG_E_NOMEM, MAP, domain, 0, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_ABSENT, DOMAIN_RECLAIM, domain);

	/* A late walk of such a table finds nothing. */
	for (cached = limbo(); cached; cached = *(u64 *)at(cached) >> 12)
		for (u32 i = 0; i < 512; i++)
			assert_int_equal(((u64 *)at(cached))[i] & 0xfff, 0);

	/* It has entered again, and flushed at that. */
	in_guest(vcpu_handle, gen());
	assert_int_equal(call(MAP, domain, 0, pfn, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(limbo(), 0);
}

static void test_each_vcpu_counts(void **state)
{
	u64 pfn = take1();

	(void)state;
	in_guest(vcpu_handle, gen());
	in_guest(other_handle, gen());
	free_tables(pfn);
	in_guest(vcpu_handle, gen());
	assert_refused(HG_E_NOMEM, MAP, domain, 0, pfn, 1, HG_PROT_ALL);
	outside(other_handle);
	assert_true(call(DOMAIN_RECLAIM, domain) > 0);
	assert_int_equal(limbo(), 0);
}

/*
 * A vCPU that has flushed after the first change, but not after the second,
 * holds up only what the second freed.
 */
static void test_two_generations(void **state)
{
	u64 pfn = take1(), i;

	(void)state;
	in_guest(vcpu_handle, gen());
	free_tables(pfn);
	in_guest(vcpu_handle, gen());
	for (i = 0; i < 3; i++)
		call(DOMAIN_DONATE, domain, take1());
	free_tables(pfn);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1);
	for (i = 0; i < 3; i++)
		assert_true(call(DOMAIN_RECLAIM, domain) > 0);
	assert_refused(HG_E_ABSENT, DOMAIN_RECLAIM, domain);
	in_guest(vcpu_handle, gen());
	for (i = 0; i < 3; i++)
		assert_true(call(DOMAIN_RECLAIM, domain) > 0);
}

/* A vCPU of another domain does not matter. */
static void test_other_domain(void **state)
{
	u64 other = make_domain(0), pfn = take1(), stranger = make_vcpu(other, NULL);

	(void)state;
	in_guest(stranger, 0);
	free_tables(pfn);
	free_tables(pfn);
	outside(stranger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_runs), TEST(test_waits), TEST(test_each_vcpu_counts),
		TEST(test_two_generations), TEST(test_other_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
