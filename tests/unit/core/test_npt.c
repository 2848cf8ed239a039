// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables, pages of 4 KiB: what the calls promise, looked up in the
 * tables the way the CPU does. Every test runs with NPT's and with EPT's bits.
 */
#include <stdlib.h>

#include "world.h"

static u64 root(u64 domain)
{
	return domain_of(domain)->root;
}

static u64 gen(u64 domain)
{
	return domain_of(domain)->tlb_gen;
}

static void map(u64 domain, u64 gfn, u64 pfn, u32 prot)
{
	assert_int_equal(call(MAP, domain, gfn, pfn, 1, prot), HG_OK);
}

static void test_map(void **state)
{
	static const u64 gfns[] = {
		0, 1, 511, 512, 1ULL << 18, (1ULL << 27) - 1, (1ULL << 36) - 1,
	};
	u64 domain = make_domain(16), pfn = take(HG_ARRAY_SIZE(gfns), 1), i;
	struct walk w;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(gfns); i++) {
		assert_int_equal(walk(root(domain), gfns[i]).level, 0);
		map(domain, gfns[i], pfn + i, HG_PROT_ALL);
	}
	for (i = 0; i < HG_ARRAY_SIZE(gfns); i++) {
		w = walk(root(domain), gfns[i]);
		assert_int_equal(w.level, 1);
		assert_int_equal(w.pfn, pfn + i);
		assert_true(w.write && w.exec);
		assert_int_equal(record(pfn + i).state, HG_FRAME_LENT);
		assert_int_equal(record(pfn + i).maps, 1);
	}
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_MAPPED_4K), HG_ARRAY_SIZE(gfns));
	assert_int_equal(walk(root(domain), 2).level, 0);
	assert_int_equal(walk(root(domain), 510).level, 0);
	assert_int_equal(walk(root(domain), 513).level, 0);
}

static void test_rights(void **state)
{
	u64 domain = make_domain(3), pfn = take(8, 1), prot;
	struct walk w;

	(void)state;
	for (prot = 0; prot < 8; prot++) {
		if (!(prot & HG_PROT_READ)) {
			assert_refused(HG_E_FLAGS, MAP, domain, prot, pfn + prot, 1, prot);
			continue;
		}
		map(domain, prot, pfn + prot, (u32)prot);
		w = walk(root(domain), prot);
		assert_int_equal(w.level, 1);
		assert_int_equal(w.write, !!(prot & HG_PROT_WRITE));
		assert_int_equal(w.exec, !!(prot & HG_PROT_EXEC));
	}
}

static void test_map_refusals(void **state)
{
	u64 domain = make_domain(3), pfn = take(2, 1), control = domain_of(domain)->control_pfn;

	(void)state;
	assert_refused(HG_E_ARG, MAP, domain, 0, pfn, 0, HG_PROT_ALL);
	assert_refused(HG_E_ARG, MAP, domain, 0, pfn, 4, HG_PROT_ALL);
	assert_refused(HG_E_ARG, MAP, domain, 0, pfn, (1ULL << 32) + 1, HG_PROT_ALL);
	assert_refused(HG_E_FLAGS, MAP, domain, 0, pfn, 1, HG_PROT_ALL | 8);
	assert_refused(HG_E_FLAGS, MAP, domain, 0, pfn, 1, HG_PROT_ALL | 1ULL << 32);
	assert_refused(HG_E_RANGE, MAP, domain, 1ULL << 36, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, ~0ULL, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, 0, world.frames, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, 0, ~0ULL, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, 0, 1ULL << 52, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, 0, 3, 1, HG_PROT_ALL);		/* no RAM */
	assert_refused(HG_E_OWNER, MAP, domain, 0, control, 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, MAP, domain, 0, root(domain), 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, MAP, domain, 0, WORLD_BACKEND, 1, HG_PROT_READ);
	assert_refused(HG_E_HANDLE, MAP, domain + 1, 0, pfn, 1, HG_PROT_ALL);

	map(domain, 7, pfn, HG_PROT_READ);
	assert_refused(HG_E_EXISTS, MAP, domain, 7, pfn + 1, 1, HG_PROT_READ);
}

/* A domain needs at most HG_MAP_TABLES frames for one page; short of one, nothing changes. */
static void test_nomem(void **state)
{
	u64 domain = make_domain(HG_MAP_TABLES - 1), pfn = take(3, 1);

	(void)state;
	assert_refused(HG_E_NOMEM, MAP, domain, 0, pfn, 1, HG_PROT_ALL);
	assert_int_equal(call(DOMAIN_DONATE, domain, take1()), HG_MAP_TABLES);
	map(domain, 0, pfn, HG_PROT_ALL);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1 + HG_MAP_TABLES);
	map(domain, 1, pfn + 1, HG_PROT_ALL);		/* needs none */
	assert_refused(HG_E_NOMEM, MAP, domain, 512, pfn + 2, 1, HG_PROT_ALL);
}

static void test_no_root(void **state)
{
	s64 domain = call(DOMAIN_CREATE, take1());

	(void)state;
	assert_refused(HG_E_NOMEM, MAP, domain, 0, take1(), 1, HG_PROT_ALL);
	assert_refused(0, UNMAP, domain, 0, 1ULL << 36);
	assert_refused(0, PROTECT, domain, 0, 1ULL << 36);
	assert_refused(0, AGE, domain, 0, 1ULL << 36, 1);
}

/* The same frame again: rights are added. They go by PROTECT and UNMAP, which tell of it. */
static void test_remap(void **state)
{
	u64 domain = make_domain(3), pfn = take1(), before;
	struct walk w;

	(void)state;
	map(domain, 5, pfn, HG_PROT_READ);
	before = gen(domain);
	map(domain, 5, pfn, HG_PROT_READ | HG_PROT_WRITE);
	map(domain, 5, pfn, HG_PROT_ALL);
	map(domain, 5, pfn, HG_PROT_ALL);
	assert_int_equal(gen(domain), before);
	assert_int_equal(record(pfn).maps, 1);
	w = walk(root(domain), 5);
	assert_true(w.write && w.exec);

	/* What the CPU has noted stays. */
	*w.entry |= hg_core.backend->npt->accessed | hg_core.backend->npt->dirty;
	map(domain, 5, pfn, HG_PROT_READ);
	assert_int_equal(gen(domain), before);
	w = walk(root(domain), 5);
	assert_true(w.write && w.exec && w.accessed && w.dirty);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_MAPPED_4K), 1);
}

/* One frame in two domains, and twice in one: counted, given back by the last. */
static void test_shared(void **state)
{
	u64 one = make_domain(3), two = make_domain(3), pfn = take1();

	(void)state;
	map(one, 0, pfn, HG_PROT_ALL);
	map(one, 9, pfn, HG_PROT_READ);
	map(two, 0, pfn, HG_PROT_READ);
	assert_int_equal(record(pfn).maps, 3);
	assert_int_equal(call(UNMAP, one, 0, 1), 1);
	assert_int_equal(call(DOMAIN_DESTROY, two), HG_OK);
	assert_int_equal(record(pfn).state, HG_FRAME_LENT);
	assert_int_equal(record(pfn).maps, 1);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, one, pfn);
	assert_int_equal(call(UNMAP, one, 9, 1), 1);
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	assert_true(call(DOMAIN_DONATE, one, pfn) > 0);
}

static void test_unmap(void **state)
{
	u64 domain = make_domain(6), pfn = take(4, 1), before;

	(void)state;
	map(domain, 10, pfn, HG_PROT_ALL);
	map(domain, 11, pfn + 1, HG_PROT_ALL);
	map(domain, 12, pfn + 2, HG_PROT_ALL);
	map(domain, 1000, pfn + 3, HG_PROT_ALL);
	before = gen(domain);
	assert_refused(0, UNMAP, domain, 0, 10);
	assert_refused(0, UNMAP, domain, 13, 987);
	assert_refused(0, UNMAP, domain, 11, 0);
	assert_int_equal(gen(domain), before);		/* nothing lost, no flush */

	assert_int_equal(call(UNMAP, domain, 11, 1), 1);
	assert_int_equal(gen(domain), before + 1);
	assert_int_equal(walk(root(domain), 11).level, 0);
	assert_int_equal(walk(root(domain), 10).pfn, pfn);
	assert_int_equal(walk(root(domain), 12).pfn, pfn + 2);
	assert_int_equal(record(pfn + 1).state, HG_FRAME_HOST);
	assert_int_equal(call(UNMAP, domain, 0, 1ULL << 36), 3);
	assert_int_equal(gen(domain), before + 2);	/* one flush for a range */
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_MAPPED_4K), 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1);
}

static void test_ranges_refused(void **state)
{
	static const struct {
		u64 gfn, count;
	} bad[] = {
		{ 1ULL << 36, 0 }, { 1ULL << 36, 1 }, { (1ULL << 36) - 1, 2 },
		{ 0, (1ULL << 36) + 1 },
		{ ~0ULL, 1 }, { 1, ~0ULL }, { ~0ULL, ~0ULL }, { 1ULL << 52, 1 },
	};
	u64 domain = make_domain(3), i;

	(void)state;
	map(domain, 0, take1(), HG_PROT_ALL);
	for (i = 0; i < HG_ARRAY_SIZE(bad); i++) {
		assert_refused(HG_E_RANGE, UNMAP, domain, bad[i].gfn, bad[i].count);
		assert_refused(HG_E_RANGE, PROTECT, domain, bad[i].gfn, bad[i].count);
		assert_refused(HG_E_RANGE, AGE, domain, bad[i].gfn, bad[i].count, 1);
	}
	assert_refused(HG_E_ARG, AGE, domain, 0, 1, 2);
	assert_refused(HG_E_ARG, AGE, domain, 0, 1, 1ULL << 32);
	assert_refused(HG_E_HANDLE, UNMAP, 0, 0, 1);
}

static void test_protect(void **state)
{
	u64 domain = make_domain(4), pfn = take(3, 1), before;

	(void)state;
	map(domain, 20, pfn, HG_PROT_ALL);
	map(domain, 21, pfn + 1, HG_PROT_READ);
	map(domain, 600, pfn + 2, HG_PROT_ALL);
	before = gen(domain);
	assert_int_equal(call(PROTECT, domain, 20, 2), 1);
	assert_int_equal(gen(domain), before + 1);
	assert_false(walk(root(domain), 20).write);
	assert_true(walk(root(domain), 20).exec);
	assert_true(walk(root(domain), 600).write);
	assert_refused(0, PROTECT, domain, 0, 100);	/* none is left there */
	map(domain, 20, pfn, HG_PROT_ALL);
	assert_int_equal(call(PROTECT, domain, 0, 1ULL << 36), 2);
	assert_int_equal(record(pfn).state, HG_FRAME_LENT);
}

static void test_age(void **state)
{
	u64 domain = make_domain(4), pfn = take(3, 1), accessed = hg_core.backend->npt->accessed;
	u64 before;

	(void)state;
	map(domain, 0, pfn, HG_PROT_ALL);
	map(domain, 1, pfn + 1, HG_PROT_ALL);
	map(domain, 700, pfn + 2, HG_PROT_ALL);
	call(AGE, domain, 0, 1024, 1);
	before = gen(domain);
	assert_int_equal(call(AGE, domain, 0, 1024, 0), 0);
	*walk(root(domain), 0).entry |= accessed;
	*walk(root(domain), 700).entry |= accessed;
	assert_refused(2, AGE, domain, 0, 1024, 0);	/* only looks */
	assert_refused(1, AGE, domain, 0, 512, 0);
	assert_refused(0, AGE, domain, 1, 512, 0);
	assert_int_equal(call(AGE, domain, 0, 2, 1), 1);
	assert_int_equal(call(AGE, domain, 0, 1024, 0), 1);
	assert_false(walk(root(domain), 0).accessed);
	assert_true(walk(root(domain), 700).accessed);
	assert_int_equal(gen(domain), before);
}

/* Tables that became empty are gone at once, those above them too. */
static void test_tables_freed(void **state)
{
	u64 domain = make_domain(6), pfn = take(2, 1);

	(void)state;
	map(domain, 0, pfn, HG_PROT_ALL);
	map(domain, 512, pfn + 1, HG_PROT_ALL);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 5);
	assert_int_equal(call(UNMAP, domain, 0, 1), 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 4);
	assert_int_equal(call(UNMAP, domain, 512, 1), 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1);
	assert_int_equal(walk(root(domain), 0).level, 0);
	map(domain, 512, pfn + 1, HG_PROT_ALL);
	assert_int_equal(walk(root(domain), 512).pfn, pfn + 1);
	assert_int_equal(walk(root(domain), 0).level, 0);	/* a used table starts clean */
}

static void test_lookup(void **state)
{
	u64 domain = make_domain(6), pfn = take(2, 1), left = 0;
	const struct hg_domain *d = domain_of(domain);

	(void)state;
	map(domain, 3, pfn, HG_PROT_READ);
	map(domain, (1ULL << 36) - 1, pfn + 1, HG_PROT_ALL);
	assert_ptr_equal(hg_npt_lookup(d, 0x3000, &left), at(pfn));
	assert_int_equal(left, 4096);
	assert_ptr_equal(hg_npt_lookup(d, 0x3ff8, &left), (u8 *)at(pfn) + 0xff8);
	assert_int_equal(left, 8);
	assert_ptr_equal(hg_npt_lookup(d, (1ULL << 48) - 1, &left), (u8 *)at(pfn + 1) + 0xfff);
	assert_int_equal(left, 1);
	assert_null(hg_npt_lookup(d, 0x2fff, &left));
	assert_null(hg_npt_lookup(d, 0x4000, &left));
	assert_null(hg_npt_lookup(d, 1ULL << 48, &left));
	assert_null(hg_npt_lookup(d, ~0ULL, &left));
	call(UNMAP, domain, 3, 1);
	assert_null(hg_npt_lookup(d, 0x3000, &left));
}

/* Thousands of random changes, beside an array that says what should be there. */
static void test_random(void **state)
{
	enum { GFNS = 600, STEPS = 3000 };
	static u64 shadow[GFNS];	/* pfn, or 0 */
	u64 domain = make_domain(8), pfn = take(GFNS, 1), g, n, i, step;

	(void)state;
	srand(1);
	for (g = 0; g < GFNS; g++)
		shadow[g] = 0;
	for (step = 0; step < STEPS; step++) {
		g = (u64)rand() % GFNS;
		if (rand() % 3) {
			u64 p = pfn + (u64)rand() % GFNS;
			s64 want = shadow[g] && shadow[g] != p ? HG_E_EXISTS : HG_OK;

			assert_int_equal(call(MAP, domain, g, p, 1, HG_PROT_ALL), want);
			if (!want)
				shadow[g] = p;
		} else {
			s64 want = 0;

			n = (u64)rand() % 20;
			for (i = g; i < g + n && i < GFNS; i++) {
				want += shadow[i] != 0;
				shadow[i] = 0;
			}
			assert_int_equal(call(UNMAP, domain, g, n), want);
		}
	}
	for (g = 0; g < GFNS; g++)
		assert_int_equal(walk(root(domain), g).pfn, shadow[g]);
}

static int setup_ept(void **state)
{
	(void)state;
	world_start(WORLD_FRAMES, WORLD_EPT);
	return 0;
}

#define BOTH(name)							\
	cmocka_unit_test_setup_teardown(name, world_setup, world_teardown), \
	{ #name " (EPT)", name, setup_ept, world_teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_map), BOTH(test_rights), BOTH(test_map_refusals), BOTH(test_nomem),
		BOTH(test_no_root), BOTH(test_remap), BOTH(test_shared), BOTH(test_unmap),
		BOTH(test_ranges_refused), BOTH(test_protect), BOTH(test_age),
		BOTH(test_tables_freed), BOTH(test_lookup), BOTH(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
