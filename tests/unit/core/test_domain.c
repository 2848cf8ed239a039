// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: handles, donated frames, destruction and reclaim.
 */
#include "world.h"

static void test_create(void **state)
{
	u64 pfn = take1();
	s64 domain;

	(void)state;
	plant(pfn, 1);
	domain = call(DOMAIN_CREATE, pfn);
	assert_true(domain > 0);
	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
	assert_int_equal(record(pfn).owner, domain);
	for (u32 i = 0; i < HG_DOMAIN_STAT_COUNT; i++)
		assert_int_equal(stat_of((u64)domain, (enum hg_domain_stat)i), 0);
}

static void test_create_refusals(void **state)
{
	u64 domain = make_domain(1), page, lent = take1(), i;

	(void)state;
	make_vcpu(domain, &page);
	assert_int_equal(call(MAP, domain, 0, lent, 3, HG_PROT_ALL), HG_E_ALIGN);
	for (i = 0; i < 3; i++)
		call(DOMAIN_DONATE, domain, take1());
	assert_int_equal(call(MAP, domain, 0, lent, 1, HG_PROT_ALL), HG_OK);

	assert_refused(HG_E_FLAGS, DOMAIN_CREATE, take1(), 2);
	assert_refused(HG_E_FLAGS, DOMAIN_CREATE, take1(), 1ULL << 63);
	assert_refused(HG_E_RANGE, DOMAIN_CREATE, 2);			/* no RAM */
	assert_refused(HG_E_RANGE, DOMAIN_CREATE, world.frames);
	assert_refused(HG_E_RANGE, DOMAIN_CREATE, ~0ULL);
	assert_refused(HG_E_OWNER, DOMAIN_CREATE, WORLD_BACKEND);
	assert_refused(HG_E_OWNER, DOMAIN_CREATE, domain_of(domain)->control_pfn);
	assert_refused(HG_E_OWNER, DOMAIN_CREATE, lent);
	assert_refused(HG_E_OWNER, DOMAIN_CREATE, page);
}

static void test_limit(void **state)
{
	u64 handles[HG_MAX_DOMAINS], i, j;
	s64 again;

	(void)state;
	for (i = 0; i < HG_MAX_DOMAINS; i++) {
		handles[i] = (u64)call(DOMAIN_CREATE, take1());
		assert_true((s64)handles[i] > 0 && handles[i] >> 16 == 0);
		for (j = 0; j < i; j++)
			assert_int_not_equal(handles[i], handles[j]);
	}
	assert_refused(HG_E_LIMIT, DOMAIN_CREATE, take1());

	/* A handle that is free again has another name. */
	unmake_domain(handles[5]);
	again = call(DOMAIN_CREATE, take1());
	assert_true(again > 0);
	assert_int_not_equal(again, handles[5]);
	assert_refused(HG_E_HANDLE, DOMAIN_STAT, handles[5], 0);
}

static void test_donate(void **state)
{
	s64 domain = call(DOMAIN_CREATE, take1());
	u64 pfn = take(3, 1), i;

	(void)state;
	plant(pfn, 3);
	/* The first becomes the top table. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(call(DOMAIN_DONATE, domain, pfn + i), i);
		assert_int_equal(record(pfn + i).state, HG_FRAME_CORE);
		assert_int_equal(record(pfn + i).owner, domain);
	}
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 2);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1);
	assert_true(all_zero(pfn, 1));		/* no entry from what was there before */

	assert_refused(HG_E_OWNER, DOMAIN_DONATE, domain, pfn);
	assert_refused(HG_E_RANGE, DOMAIN_DONATE, domain, world.frames);
	assert_refused(HG_E_RANGE, DOMAIN_DONATE, domain, 1ULL << 52);
	assert_refused(HG_E_RANGE, DOMAIN_DONATE, domain, 1);
	assert_refused(HG_E_HANDLE, DOMAIN_DONATE, domain + 256, take1());
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_OK);
	assert_refused(HG_E_STATE, DOMAIN_DONATE, domain, take1());
}

/* What one domain has, another cannot be given. */
static void test_two_owners(void **state)
{
	u64 one = make_domain(2), two = make_domain(3);
	u64 pfn = take1(), page;

	(void)state;
	make_vcpu(one, &page);
	assert_int_equal(call(DOMAIN_DONATE, one, pfn), 3);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, two, pfn);
	assert_refused(HG_E_OWNER, MAP, two, 0, pfn, 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, two, page);
	assert_refused(HG_E_OWNER, MAP, two, 0, page, 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, VCPU_CREATE, two, page, take(HG_VCPU_FRAMES, 1));
	assert_refused(HG_E_OWNER, VCPU_CREATE, two, take1(), pfn);
}

static void test_reclaim_live(void **state)
{
	u64 domain = make_domain(2);
	s64 a, b;

	(void)state;
	a = call(DOMAIN_RECLAIM, domain);
	b = call(DOMAIN_RECLAIM, domain);
	assert_true(a > 0 && b > 0 && a != b);
	assert_int_equal(record((u64)a).state, HG_FRAME_HOST);
	assert_int_equal(record((u64)a).owner, 0);
	assert_refused(HG_E_ABSENT, DOMAIN_RECLAIM, domain);	/* the top table stays */
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 0);
	assert_int_equal(call(DOMAIN_DONATE, domain, a), 1);
}

static void test_destroy(void **state)
{
	u64 domain = make_domain(8), memory = take(4, 1), tables[32], count = 0, i;
	u64 control = domain_of(domain)->control_pfn;
	s64 pfn;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(call(MAP, domain, i << 18, memory + i, 1, HG_PROT_ALL),
				 i < 3 ? HG_OK : HG_E_NOMEM);
	plant(memory, 4);
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_OK);

	/* The guest's memory is the host's, untouched. */
	for (i = 0; i < 4; i++)
		assert_int_equal(record(memory + i).state, HG_FRAME_HOST);
	assert_int_equal(*(u8 *)at(memory), 0x5a);

	assert_refused(HG_E_HANDLE, DOMAIN_DESTROY, domain);
	assert_refused(HG_E_HANDLE, MAP, domain, 0, memory, 1, HG_PROT_ALL);
	assert_refused(HG_E_HANDLE, UNMAP, domain, 0, 1);
	assert_refused(HG_E_HANDLE, PROTECT, domain, 0, 1);
	assert_refused(HG_E_HANDLE, AGE, domain, 0, 1, 0);
	assert_refused(HG_E_STATE, VCPU_CREATE, domain, take1(), take(HG_VCPU_FRAMES, 1));

	/* Nine frames and then the control frame, each once, scrubbed, the host's. */
	do {
		pfn = call(DOMAIN_RECLAIM, domain);
		assert_true(pfn > 0);
		assert_true(all_zero((u64)pfn, 1));
		assert_int_equal(record((u64)pfn).state, HG_FRAME_HOST);
		for (i = 0; i < count; i++)
			assert_int_not_equal(tables[i], pfn);
		tables[count++] = (u64)pfn;
	} while ((u64)pfn != control);
	assert_int_equal(count, 10);
	assert_refused(HG_E_HANDLE, DOMAIN_RECLAIM, domain);
	assert_refused(HG_E_HANDLE, DOMAIN_STAT, domain, 0);
}

static void test_destroy_without_tables(void **state)
{
	u64 pfn = take1();
	s64 domain = call(DOMAIN_CREATE, pfn);

	(void)state;
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_OK);
	assert_int_equal(call(DOMAIN_RECLAIM, domain), pfn);
	assert_refused(HG_E_HANDLE, DOMAIN_RECLAIM, domain);
}

static void test_destroy_busy(void **state)
{
	u64 domain = make_domain(0), vcpu = make_vcpu(domain, NULL);

	(void)state;
	assert_refused(HG_E_BUSY, DOMAIN_DESTROY, domain);
	assert_int_equal(call(VCPU_DESTROY, vcpu), HG_OK);
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_OK);
}

static void test_stat(void **state)
{
	u64 domain = make_domain(5);

	(void)state;
	assert_refused(HG_E_ARG, DOMAIN_STAT, domain, HG_DOMAIN_STAT_COUNT);
	assert_refused(HG_E_ARG, DOMAIN_STAT, domain, ~0ULL);
	assert_refused(HG_E_HANDLE, DOMAIN_STAT, domain | 1 << 20, 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 5);
	make_vcpu(domain, NULL);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_VCPUS), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create), TEST(test_create_refusals), TEST(test_limit), TEST(test_donate),
		TEST(test_two_owners), TEST(test_reclaim_live), TEST(test_destroy),
		TEST(test_destroy_without_tables), TEST(test_destroy_busy), TEST(test_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
