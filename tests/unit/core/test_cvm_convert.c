// SPDX-License-Identifier: GPL-2.0-only
/*
 * A confidential guest makes private pages shared: what the parent gets is
 * scrubbed, and not before the guest can no longer write to it.
 */
#include "cvm_guest.h"

#define EINVAL_	(-22LL)
#define EPERM_	(-1LL)
#define ENOSYS_	(-1000LL)

/* Answered at once with @error, and nothing of the guest's has changed. */
static void hostile(s64 error, u64 gpa, u64 count, u64 attributes)
{
	u64 own = own_frames(), tables = stat_of(domain, HG_DOMAIN_STAT_TABLES), nr = hc.nr;

	guest_asks(gpa, count, attributes);
	hc.nr = nr;
	run(HG_EXIT_HLT);
	assert_true(hc.done);
	assert_int_equal((s64)vcpu->gpr[HG_RAX], error);
	assert_int_equal(own_frames(), own);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), tables);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), 0);
	assert_int_equal(vcpu->convert.count, 0);
}

static void test_hostile_hypercalls(void **state)
{
	u64 c = domain_of(domain)->c_mask;

	(void)state;
	add_page(domain, 0, 0);
	add_page(domain, 5, 0);
	hc.nr = 12;
	hostile(EINVAL_, 0x5001, 1, 0);
	hostile(EINVAL_, 0x5000, 0, 0);
	hostile(EINVAL_, 0x5000 | c, 1, 0);
	hostile(EINVAL_, c, 1, 0);
	hostile(EINVAL_, c - 0x1000, 2, 0);
	hostile(EINVAL_, 0, (c >> 12) + 1, 0);
	hostile(EINVAL_, 0, ~0ULL, 0);
	hostile(EINVAL_, 0x1000, ~0ULL, 0);
	hostile(EINVAL_, ~0xfffULL, 1, 0);
	hostile(EINVAL_, ~0xfffULL, 2, 0);
	hostile(EINVAL_, 0x5000, 1, 1 << 5);
	hostile(EINVAL_, 0x5000, 1, ~0ULL);
	hostile(EINVAL_, 0x5000, 1, 1ULL << 63);
	hostile(0, 0x5000, 1, 1 << 4);		/* private: it is */
	hostile(0, 0, RAM_PAGES, 1 << 4);
	hostile(EINVAL_, 0, RAM_PAGES + 1, 1 << 4);	/* no RAM there, so it never will be */
	hostile(EINVAL_, (u64)RAM_PAGES << 12, 1, 1 << 4);
	hostile(EINVAL_, c - 0x1000, 1, 1 << 4);
	hostile(0, 0x6000, 1, 0);		/* nothing is there */
	for (hc.nr = 0; hc.nr < 32; hc.nr++)
		if (hc.nr != 12)
			hostile(ENOSYS_, 0x5000, 1, 0);
	hc.nr = 12 | 1ULL << 32;
	hostile(ENOSYS_, 0x5000, 1, 0);
	hc.nr = 12;
	fake.guest.cpl = 3;			/* a process of the guest's */
	hostile(EPERM_, 0x5000, 1, 0);
	fake.guest.cpl = 0;
	fake.guest.efer = 0;
	hostile(ENOSYS_, 0x5000, 1, 0);
}

static void check_converted(u64 gfn, u64 count)
{
	assert_int_equal(page->convert.gfn, gfn);
	assert_int_equal(page->convert.count, count);
	assert_int_equal(page->convert.shared, 1);
}

/* The frame is out of reach of everyone until no CPU may write to it. */
static void in_limbo(u64 pfn)
{
	u64 plain = make_domain(4), second = launch_cvm(4);

	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
	assert_int_equal(record(pfn).owner, domain);
	assert_refused(HG_E_OWNER, MAP, plain, 1, pfn, 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, CVM_ADD, second, 1, pfn, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 1, pfn, 1, 0);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, plain, pfn);
	assert_refused(HG_E_OWNER, CVM_REPORT, second, pfn);
}

/* The second vCPU is on another CPU, in the guest, since generation @seen. */
static void other_inside(u64 seen)
{
	other->running = 1;
	other->tlb_seen = seen;
}

static void test_withdraw(void **state)
{
	u64 pfn = add_page(domain, 5, 0), gen = domain_of(domain)->tlb_gen, back;

	(void)state;
	add_page(domain, 6, 0);		/* keeps the table */
	drain_cache();
	memset(at(pfn), 0x77, HG_PAGE_SIZE);	/* the guest's */
	other_inside(gen);
	guest_asks(0x5000, 1, 0);
	hc.reclaim = 1;
	run(HG_EXIT_CONVERTED);
	check_converted(5, 1);
	assert_int_equal(vcpu->gpr[HG_RAX], 0);
	assert_true(domain_of(domain)->tlb_gen > gen);
	assert_int_equal(walk_private(domain, 5).level, 0);
	assert_int_equal(walk_unpaged(domain, 5).level, 0);
	assert_int_equal(walk_private(domain, 6).level, 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), 1);
	in_limbo(pfn);
	assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 0);
	*(u8 *)at(pfn) = 0x78;		/* the other CPU still writes */
	other->tlb_seen = domain_of(domain)->tlb_gen;
	/* Whoever asks how many there are is told of it. */
	assert_int_equal(call(DOMAIN_STAT, domain, HG_DOMAIN_STAT_CACHE), 1);
	back = (u64)call(DOMAIN_RECLAIM, domain);
	assert_int_equal(back, pfn);
	assert_true(all_zero(pfn, 1));
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	other->running = 0;
	/* The address is private and empty again once the parent brings a page. */
	assert_true(all_zero(add_page(domain, 5, 0), 1));
}

/* A page that the guest gave up serves as a table: without what was in it. */
static void test_withdrawn_as_table(void **state)
{
	u64 pfn[3], i;

	(void)state;
	for (i = 0; i < 3; i++) {
		pfn[i] = add_page(domain, 5 + i, 0);
		memset(at(pfn[i]), 0xff, HG_PAGE_SIZE);	/* present entries, all over memory */
	}
	add_page(domain, 8, 0);
	drain_cache();
	guest_asks(0x5000, 3, 0);
	run(HG_EXIT_CONVERTED);
	assert_int_equal(call(MAP, domain, 77 << 18, take1(), 1, HG_PROT_ALL), HG_OK);
	hg_core_audit();
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 3 -
			 (stat_of(domain, HG_DOMAIN_STAT_TABLES) - HG_CVM_FRAMES - 2));
	for (i = 0; i < 512; i++)
		assert_int_equal(walk(domain_of(domain)->root, (77 << 18) + i).level, !i);
}

static void test_readonly_stays(void **state)
{
	u64 rom, pfn;

	(void)state;
	rom = add_page(domain, 5, HG_CVM_READONLY);
	load_bytes(domain, 0x5000, 0x11, 4096, HG_LOAD_MEASURED);
	pfn = add_page(domain, 6, 0);
	start(domain);
	guest_asks(0x4000, 8, 0);
	run(HG_EXIT_CONVERTED);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), 1);
	assert_int_equal(record(rom).state, HG_FRAME_PRIVATE);
	assert_int_equal(*(u8 *)at(rom), 0x11);
	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
}

/* --- big pages --- */

static void check_split(u64 gfn, u64 pfn, u64 i)
{
	struct walk w = walk_private(domain, gfn + i);

	assert_int_equal(w.level, 1);
	assert_int_equal(w.pfn, pfn + i);
	assert_true(w.write && w.exec);
	assert_int_equal(*(u64 *)at(pfn + i), SECRET + i);
	assert_int_equal(record(pfn + i).state, HG_FRAME_PRIVATE);
}

static void test_split(void **state)
{
	u64 pfn = add_big_page(domain, 512, 0), i;

	(void)state;
	mark_frames(pfn);
	drain_cache();
	guest_asks(700 << 12, 1, 0);
	run(HG_EXIT_FRAMES);		/* without a table it waits, unharmed */
	assert_false(hc.done);
	assert_int_equal(walk_private(domain, 700).level, 2);
	assert_int_equal(own_frames(), 512);
	run(HG_EXIT_FRAMES);
	donate(domain, 1);
	run(HG_EXIT_CONVERTED);
	check_converted(700, 1);
	assert_true(hc.done);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_2M), 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_4K), 511);
	for (i = 0; i < 512; i++)
		if (i != 700 - 512)
			check_split(512, pfn, i);
	assert_int_equal(walk_private(domain, 700).level, 0);
	assert_int_equal(call(DOMAIN_RECLAIM, domain), pfn + 700 - 512);
}

/* Part of one big page and part of the next: two tables are needed. */
static void test_split_two(void **state)
{
	u64 first = add_big_page(domain, 512, 0), second = add_big_page(domain, 1024, 0);

	(void)state;
	mark_frames(first);
	mark_frames(second);
	drain_cache();
	donate(domain, 1);
	guest_asks(600 << 12, 900, 0);
	run(HG_EXIT_FRAMES);
	assert_int_equal(own_frames(), 1024);		/* nothing is gone */
	donate(domain, 1);
	run(HG_EXIT_CONVERTED);
	check_converted(600, 900);
	assert_int_equal(own_frames(), 124);
	check_split(512, first, 0);
	check_split(512, first, 87);
	check_split(1024, second, 476);
	check_split(1024, second, 511);
	assert_int_equal(walk_private(domain, 600).level, 0);
	assert_int_equal(walk_private(domain, 1499).level, 0);
}

/* A whole big page needs no table, and gives all its frames. */
static void test_whole_big(void **state)
{
	u64 pfn = add_big_page(domain, 512, 0), host = hg_frames_count(HG_FRAME_HOST), i;

	(void)state;
	mark_frames(pfn);
	drain_cache();
	host = hg_frames_count(HG_FRAME_HOST);
	guest_asks(512 << 12, 512, 0);
	run(HG_EXIT_CONVERTED);
	assert_int_equal(own_frames(), 0);
	for (i = 0; i < 512; i++) {
		s64 back = call(DOMAIN_RECLAIM, domain);

		assert_true(back >= (s64)pfn && back < (s64)pfn + 512);
		assert_true(all_zero((u64)back, 1));
	}
	assert_int_equal(call(DOMAIN_RECLAIM, domain), HG_E_ABSENT);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host + 512);
}

/* More than is done in one go: the parent hears how far it is, and may stop it meanwhile. */
static void test_long(void **state)
{
	static const u64 gfns[] = { 3, 2047, 2048, 4095, 4096, RAM_PAGES - 1 };
	/* To where a big page ends, then 2048 each; in the one after 6144 there is the last. */
	static const u64 done[] = { 2045, 4093, 6141, RAM_PAGES - 3 };
	u32 i;

	(void)state;
	donate(domain, 4);
	for (i = 0; i < HG_ARRAY_SIZE(gfns); i++)
		add_page(domain, gfns[i], 0);
	add_big_page(domain, 512, 0);
	guest_asks(0x3000, 1ULL << 20, 0);
	for (i = 0; i < HG_ARRAY_SIZE(done); i++) {
		assert_true(own_frames() > 0);
		run(HG_EXIT_CONVERTED);
		check_converted(3, done[i]);
		assert_false(hc.done);
		page->convert.count = 7;	/* the parent's word counts for nothing */
	}
	assert_int_equal(own_frames(), 0);
	run(HG_EXIT_HLT);
	assert_true(hc.done);
	assert_int_equal(vcpu->gpr[HG_RAX], 0);
	assert_true(fake.enters >= (1 << 20) / 2048);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CONVERTED), HG_ARRAY_SIZE(gfns) + 512);
}

/* Interrupted between two steps, the guest asks for another range: all of that is done. */
static void test_other_range(void **state)
{
	u64 count = 2500;

	(void)state;
	donate(domain, 4);
	add_page(domain, 3, 0);
	add_page(domain, 2502, 0);
	add_page(domain, 4096, 0);
	add_page(domain, 4096 + 2499, 0);
	guest_asks(0x3000, count, 0);
	run(HG_EXIT_CONVERTED);
	check_converted(3, 2045);
	guest_asks(4096 << 12, count, 0);
	run(HG_EXIT_CONVERTED);
	check_converted(4096, 2048);
	run(HG_EXIT_CONVERTED);
	check_converted(4096, count);
	assert_true(hc.done);
	guest_asks(0x3000, count, 0);
	run(HG_EXIT_CONVERTED);
	check_converted(3, count);
	assert_int_equal(own_frames(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
#define UNSTARTED(name) cmocka_unit_test_setup_teardown(name, setup_unstarted, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hostile_hypercalls), TEST(test_withdraw), TEST(test_withdrawn_as_table),
		UNSTARTED(test_readonly_stays), TEST(test_split), TEST(test_split_two),
		TEST(test_whole_big), TEST(test_long), TEST(test_other_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
