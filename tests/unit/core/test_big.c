// SPDX-License-Identifier: GPL-2.0-only
/*
 * Big pages: 2 MiB and 1 GiB. The arena is address space; little of it is
 * touched.
 */
#include "world.h"

#define MB2	512ULL			/* in frames */
#define GB1	(512ULL * 512)
#define FRAMES	(3 * GB1)

static u64 root(u64 domain)
{
	return domain_of(domain)->root;
}

static void map(u64 domain, u64 gfn, u64 pfn, u32 level)
{
	assert_int_equal(call(MAP, domain, gfn, pfn, level, HG_PROT_ALL), HG_OK);
}

/* No snapshots here: 3 GiB would be compared. */
static void refuse(s64 status, u64 domain, u64 gfn, u64 pfn, u32 level)
{
	u64 lent = hg_frames_count(HG_FRAME_LENT), cache = stat_of(domain, HG_DOMAIN_STAT_CACHE);
	u64 gen = domain_of(domain)->tlb_gen;
	struct walk before = walk(root(domain), gfn & (GB1 * 512 * 512 - 1)), after;

	assert_int_equal(call(MAP, domain, gfn, pfn, level, HG_PROT_ALL), status);
	after = walk(root(domain), gfn & (GB1 * 512 * 512 - 1));
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), lent);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), cache);
	assert_int_equal(domain_of(domain)->tlb_gen, gen);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_map(void **state)
{
	u64 domain = make_domain(4), i;
	struct walk w;

	(void)state;
	map(domain, 0, GB1, 3);
	map(domain, GB1, MB2, 2);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_MAPPED_1G), 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_MAPPED_2M), 1);
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), GB1 + MB2);
	for (i = 0; i < GB1; i += 4095) {
		w = walk(root(domain), i);
		assert_int_equal(w.level, 3);
		assert_int_equal(w.pfn, GB1 + i);
		assert_int_equal(record(GB1 + i).maps, 1);
	}
	for (i = 0; i < MB2; i++) {
		w = walk(root(domain), GB1 + i);
		assert_int_equal(w.level, 2);
		assert_int_equal(w.pfn, MB2 + i);
	}
	/* Needed: one table of level 3 (shared), one of level 2. */
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 3);
}

static void test_refusals(void **state)
{
	u64 domain = make_domain(6);

	(void)state;
	refuse(HG_E_ALIGN, domain, 1, MB2, 2);
	refuse(HG_E_ALIGN, domain, 0, MB2 + 1, 2);
	refuse(HG_E_ALIGN, domain, MB2, GB1, 3);
	refuse(HG_E_ALIGN, domain, 0, MB2, 3);
	refuse(HG_E_RANGE, domain, 0, FRAMES, 2);
	refuse(HG_E_RANGE, domain, 0, FRAMES - MB2, 2);		/* its last frames are no RAM */
	refuse(HG_E_RANGE, domain, 0, 2 * GB1, 3);
	refuse(HG_E_RANGE, domain, 0, 0, 2);			/* nor are the first */
	/* One frame of the core's among them. */
	assert_int_equal(call(DOMAIN_DONATE, domain, 5 * MB2 + 511), 7);
	refuse(HG_E_OWNER, domain, 0, 5 * MB2, 2);
	assert_int_equal(record(5 * MB2).state, HG_FRAME_HOST);
	assert_int_equal(record(5 * MB2 + 510).state, HG_FRAME_HOST);
}

static void test_exists(void **state)
{
	u64 domain = make_domain(6), pfn = 6 * MB2;

	(void)state;
	map(domain, 0, MB2, 2);
	refuse(HG_E_EXISTS, domain, 0, pfn, 2);
	refuse(HG_E_EXISTS, domain, 0, MB2, 1);		/* a big page is in the way */
	refuse(HG_E_EXISTS, domain, 511, pfn, 1);
	refuse(HG_E_EXISTS, domain, 0, GB1, 3);		/* a smaller table is */
	map(domain, MB2, pfn, 1);
	refuse(HG_E_EXISTS, domain, MB2, pfn, 2);
	map(domain, 0, MB2, 2);				/* the same again */
	assert_int_equal(record(MB2).maps, 1);
	assert_int_equal(call(UNMAP, domain, MB2, 1), 1);
	map(domain, MB2, pfn, 2);			/* the table is gone */
	assert_int_equal(walk(root(domain), MB2).level, 2);
}

/* A range that touches a big page means the whole of it. */
static void test_ranges(void **state)
{
	u64 domain = make_domain(6);

	(void)state;
	map(domain, 0, MB2, 2);
	map(domain, MB2, 2 * MB2, 2);
	map(domain, GB1, GB1, 3);
	assert_int_equal(call(PROTECT, domain, 511, 1), 1);
	assert_false(walk(root(domain), 0).write);
	assert_true(walk(root(domain), MB2).write);
	assert_int_equal(call(PROTECT, domain, GB1 + 12345, 1), 1);
	*walk(root(domain), 600).entry |= hg_core.backend->npt->accessed;
	assert_int_equal(call(AGE, domain, 1023, 1, 1), 1);
	assert_int_equal(call(AGE, domain, 600, 1, 1), 0);
	assert_int_equal(call(UNMAP, domain, 511, 1), 1);
	assert_int_equal(walk(root(domain), 0).level, 0);
	assert_int_equal(record(MB2).state, HG_FRAME_HOST);
	assert_int_equal(record(2 * MB2 - 1).state, HG_FRAME_HOST);
	assert_int_equal(call(UNMAP, domain, GB1 - 1, 2), 1);
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), MB2);
	assert_int_equal(call(UNMAP, domain, 0, GB1), 1);
	assert_int_equal(hg_frames_count(HG_FRAME_LENT), 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1);
}

static void test_lookup(void **state)
{
	u64 domain = make_domain(4), left = 0;
	const struct hg_domain *d = domain_of(domain);

	(void)state;
	map(domain, 0, MB2, 2);
	map(domain, GB1, GB1, 3);
	assert_ptr_equal(hg_npt_lookup(d, 0x1234, &left), (u8 *)at(MB2) + 0x1234);
	assert_int_equal(left, (2 << 20) - 0x1234);
	assert_ptr_equal(hg_npt_lookup(d, (GB1 << 12) + 0x3fffffff, &left),
			 (u8 *)at(GB1) + 0x3fffffff);
	assert_int_equal(left, 1);
}

/* The backend says how big a page may be. */
static void test_levels_max(void **state)
{
	static struct hg_backend small;
	u64 domain = make_domain(4);

	(void)state;
	small = *hg_core.backend;
	small.npt_levels_max = 2;
	hg_core.backend = &small;
	refuse(HG_E_ARG, domain, 0, GB1, 3);
	map(domain, 0, MB2, 2);
	hg_core.backend = &fake_backend_npt;
}

static int setup(void **state)
{
	(void)state;
	world_start(FRAMES, WORLD_NPT);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_map), TEST(test_refusals), TEST(test_exists), TEST(test_ranges),
		TEST(test_lookup), TEST(test_levels_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
