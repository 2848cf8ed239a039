// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's kernel that asks for what it must not have, an L0 that answers oddly, limits,
 * and the end of children: after every refusal the children are as they were.
 */
#include "nest_world.h"

/* --- handles --- */

static void bad_domain(u64 h)
{
	u64 gfn = page1(&one);

	one.next--;
	refused(&one, HG_E_HANDLE, DOMAIN_DESTROY, h);
	refused(&one, HG_E_HANDLE, DOMAIN_DONATE, h, gfn);
	refused(&one, HG_E_HANDLE, DOMAIN_RECLAIM, h);
	refused(&one, HG_E_HANDLE, DOMAIN_STAT, h, 0);
	refused(&one, HG_E_HANDLE, MAP, h, 0, gfn, 1, HG_PROT_ALL);
	refused(&one, HG_E_HANDLE, UNMAP, h, 0, 1);
	refused(&one, HG_E_HANDLE, PROTECT, h, 0, 1);
	refused(&one, HG_E_HANDLE, AGE, h, 0, 1, 0);
	refused(&one, HG_E_HANDLE, VCPU_CREATE, h, gfn, gfn + 1);
	refused(&one, HG_E_HANDLE, CVM_INIT, h);
	refused(&one, HG_E_HANDLE, CVM_LAUNCH, h, 0);
	refused(&one, HG_E_HANDLE, CVM_RAM, h, 0, 1);
	refused(&one, HG_E_HANDLE, CVM_ADD, h, 0, gfn, 1, 0);
	refused(&one, HG_E_HANDLE, CVM_ADD, h, 0, 0, 2, 0);
	refused(&one, HG_E_HANDLE, CVM_LOAD, h, 0, gfn, 1 << 16, 0);
	refused(&one, HG_E_HANDLE, CVM_SEAL, h);
	refused(&one, HG_E_HANDLE, CVM_START, h);
	refused(&one, HG_E_HANDLE, CVM_REPORT, h, gfn);
	refused(&one, HG_E_HANDLE, CVM_RESET, h);
	if (h)
		refused(&one, HG_E_HANDLE, DOMAIN_PURGE, h, 1);
}

static void bad_vcpu(u64 h)
{
	u64 gfn = page1(&one);

	one.next--;
	refused(&one, HG_E_HANDLE, VCPU_DESTROY, h);
	refused(&one, HG_E_HANDLE, VCPU_RUN, h, 0);
	refused(&one, HG_E_HANDLE, VCPU_FETCH, h, 1);
	refused(&one, HG_E_HANDLE, VCPU_SET_CPUID, h, gfn, 1);
	refused(&one, HG_E_HANDLE, VCPU_INSN, h);
	refused(&one, HG_E_HANDLE, VCPU_STARTUP, h, 1);
	refused(&one, HG_E_DENIED, VCPU_DUMP, h, gfn);
}

static void test_domain_handles(void **state)
{
	u64 mine = make_child(&one, 0), theirs = make_child(&two, 0), host = make_domain(0), i;

	(void)state;
	bad_domain(0);
	bad_domain(one.domain);
	bad_domain(two.domain);
	bad_domain(theirs);
	bad_domain(host);
	bad_domain(mine + 0x100);
	bad_domain(mine | 1ULL << 32);
	bad_domain(~0ULL);
	for (i = 0; i < 300; i++)
		if (i != mine)
			refused(&one, HG_E_HANDLE, DOMAIN_STAT, i, 0);
	/* The host does not reach over the parent's head. */
	assert_int_equal(call(DOMAIN_DESTROY, mine), HG_E_HANDLE);
	assert_int_equal(call(DOMAIN_RECLAIM, mine), HG_E_HANDLE);
	assert_int_equal(call(DOMAIN_DONATE, mine, take1()), HG_E_HANDLE);
	assert_int_equal(call(DOMAIN_PURGE, mine, 1), HG_E_HANDLE);
	assert_int_equal(call(MAP, mine, 0, take1(), 1, HG_PROT_ALL), HG_E_HANDLE);
	/* Dead: it was one once. */
	assert_int_equal(nest(&one, DOMAIN_DESTROY, mine), HG_OK);
	while (nest(&one, DOMAIN_RECLAIM, mine) >= 0)
		;
	bad_domain(mine);
	refused(&two, HG_E_HANDLE, DOMAIN_STAT, mine, 0);
}

static void test_vcpu_handles(void **state)
{
	u64 mine = make_child_vcpu(&one, make_child(&one, 0), NULL);
	u64 theirs = make_child_vcpu(&two, make_child(&two, 0), NULL);

	(void)state;
	bad_vcpu(0);
	bad_vcpu(one.handle);		/* it runs, and asks */
	bad_vcpu(two.handle);
	bad_vcpu(theirs);
	bad_vcpu(mine + 0x10000);
	bad_vcpu(mine | 1ULL << 32);
	bad_vcpu(~0ULL);
	assert_int_equal(call(VCPU_RUN, mine, 0), HG_E_HANDLE);
	assert_int_equal(call(VCPU_DESTROY, mine), HG_E_HANDLE);
	assert_int_equal(nest(&one, VCPU_DESTROY, mine), HG_OK);
	bad_vcpu(mine);
}

/* What is not its own is not touched: not even for so long as to see whose it is. */
static void test_no_claim(void **state)
{
	struct hg_vcpu_slot *slot = &hg_core.vcpus[(two.handle & 0xffff) - 1];

	(void)state;
	slot->claim = 1;
	bad_vcpu(two.handle);
	assert_int_equal(slot->claim, 1);
	slot->claim = 0;
	bad_vcpu(two.handle);
	assert_int_equal(slot->claim, 0);
}

/* --- pages --- */

/* Every call that names a page of the caller's: none takes this one. */
static void bad_page(u64 child, u64 vcpu, u64 gfn, s64 status)
{
	u64 good = page1(&one);
	u64 six = pages(&one, HG_VCPU_FRAMES, 1);

	refused(&one, status, DOMAIN_CREATE, gfn, 0);
	refused(&one, status, DOMAIN_DONATE, child, gfn);
	refused(&one, status, MAP, child, 0, gfn, 1, HG_PROT_ALL);
	refused(&one, status, MAP, child, 0, gfn, 1, HG_PROT_READ);
	refused(&one, status, VCPU_CREATE, child, gfn, six);
	refused(&one, status, VCPU_CREATE, child, good, gfn);
	refused(&one, status, VCPU_CREATE, child, good, gfn - HG_VCPU_FRAMES + 1);
	refused(&one, status, VCPU_SET_CPUID, vcpu, gfn, 1);
	refused(&one, status, CVM_ADD, child, 0, gfn, 1, 0);
	refused(&one, status, CVM_LOAD, child, 0, gfn, 1 << 16, 0);
	refused(&one, status, CVM_REPORT, child, gfn);
	one.next -= 1 + HG_VCPU_FRAMES;
}

static void test_given_pages(void **state)
{
	u64 child = make_child(&one, 4), gone, page, vcpu;

	(void)state;
	pages(&one, 8, 1);
	gone = page1(&one);
	pages(&one, 8, 1);
	assert_true(nest(&one, DOMAIN_DONATE, child, gone) > 0);
	pages(&one, 8, 1);
	vcpu = make_child_vcpu(&one, child, &page);
	bad_page(child, vcpu, gone, HG_E_OWNER);
	bad_page(child, vcpu, page, HG_E_OWNER);	/* the control page */
	assert_int_equal(domain_of(one.domain)->nest.vcpus, 1);
}

static void test_no_memory(void **state)
{
	u64 child = make_child(&one, 4), vcpu = make_child_vcpu(&one, child, NULL);

	(void)state;
	bad_page(child, vcpu, one.pages + 10, HG_E_RANGE);
	bad_page(child, vcpu, (1ULL << 36) - 1, HG_E_RANGE);
	bad_page(child, vcpu, 1ULL << 36, HG_E_RANGE);
	bad_page(child, vcpu, 1ULL << 52, HG_E_RANGE);
	bad_page(child, vcpu, ~0ULL, HG_E_RANGE);
	bad_page(child, vcpu, ~0ULL - 2, HG_E_RANGE);
}

/* Lent to a child, or by the host to somebody: it cannot be given as well. */
static void test_lent_pages(void **state)
{
	u64 child = make_child(&one, 4), lent = page1(&one), other = make_domain(3);
	u64 good = page1(&one), six = pages(&one, HG_VCPU_FRAMES, 1);

	(void)state;
	assert_int_equal(nest(&one, MAP, child, 3, lent, 1, HG_PROT_READ), HG_OK);
	refused(&one, HG_E_OWNER, DOMAIN_CREATE, lent, 0);
	refused(&one, HG_E_OWNER, DOMAIN_DONATE, child, lent);
	refused(&one, HG_E_OWNER, VCPU_CREATE, child, lent, six);
	refused(&one, HG_E_OWNER, CVM_ADD, child, 0, lent, 1, 0);
	assert_int_equal(nest(&one, UNMAP, child, 3, 1), 1);
	assert_int_equal(nest(&one, DOMAIN_DONATE, child, lent), 2);

	assert_int_equal(l0_map(&one, six + 3, HG_PROT_ALL), HG_OK);
	assert_int_equal(call(MAP, other, 0, one.base + six + 3, 1, HG_PROT_READ), HG_OK);
	refused(&one, HG_E_OWNER, VCPU_CREATE, child, good, six);
	refused(&one, HG_E_OWNER, DOMAIN_CREATE, six + 3, 0);
	assert_int_equal(call(UNMAP, other, 0, 1), 1);
	assert_true(nest(&one, VCPU_CREATE, child, good, six) > 0);
}

static void test_arguments(void **state)
{
	u64 child = make_child(&one, 4), gfn = page1(&one), six = pages(&one, 8, 1);
	u64 vcpu = make_child_vcpu(&one, child, NULL), naked;

	(void)state;
	refused(&one, HG_E_FLAGS, DOMAIN_CREATE, gfn, HG_DOMAIN_NESTING);
	refused(&one, HG_E_FLAGS, DOMAIN_CREATE, gfn, ~0ULL);
	refused(&one, HG_E_ARG, DOMAIN_DONATE, child, gfn, 1);
	refused(&one, HG_E_ARG, MAP, child, 0, gfn, 0, HG_PROT_ALL);
	refused(&one, HG_E_ARG, MAP, child, 0, gfn, 3, HG_PROT_ALL);
	refused(&one, HG_E_ARG, MAP, child, 0, gfn, ~0ULL, HG_PROT_ALL);
	refused(&one, HG_E_ALIGN, MAP, child, 0, 1, 2, HG_PROT_ALL);
	refused(&one, HG_E_ALIGN, MAP, child, 1, 0, 2, HG_PROT_ALL);
	refused(&one, HG_E_FLAGS, MAP, child, 0, gfn, 1, HG_PROT_WRITE);
	refused(&one, HG_E_FLAGS, MAP, child, 0, gfn, 1, 8 | HG_PROT_READ);
	refused(&one, HG_E_RANGE, MAP, child, 1ULL << 36, gfn, 1, HG_PROT_ALL);
	refused(&one, HG_E_LIMIT, UNMAP, child, 0, HG_NEST_RANGE + 1);
	refused(&one, HG_E_LIMIT, PROTECT, child, 0, ~0ULL);
	refused(&one, HG_E_LIMIT, AGE, child, 0, HG_NEST_RANGE + 1, 0);
	refused(&one, HG_E_ARG, VCPU_RUN, vcpu, 1);
	refused(&one, HG_E_LIMIT, VCPU_SET_CPUID, vcpu, gfn, HG_MAX_CPUID + 1);
	refused(&one, HG_E_OWNER, VCPU_CREATE, child, six + 3, six);	/* twice the same page */
	refused(&one, HG_E_ARG, DOMAIN_PURGE, 0, 0);
	refused(&one, HG_E_STATE, CVM_REPORT, child, gfn);
	refused(&one, HG_E_STATE, CVM_ADD, child, 0, gfn, 1, 0);
	refused(&one, HG_E_ARG, CVM_ADD, child, 0, gfn, 3, 0);
	refused(&one, HG_E_ALIGN, CVM_ADD, child, 0, 1, 2, 0);
	/* No top table: as for the host. */
	naked = (u64)nest(&one, DOMAIN_CREATE, page1(&one), 0);
	refused(&one, HG_E_STATE, VCPU_CREATE, naked, gfn, six);
	refused(&one, HG_E_NOMEM, MAP, naked, 0, gfn, 1, HG_PROT_ALL);
	assert_true(nest(&one, VCPU_CREATE, child, gfn, six) > 0);
}

/* --- L0 --- */

static void empty_cache(void)
{
	while (call(DOMAIN_RECLAIM, one.domain) > 0)
		;
}

/* L0 has no frames to give: the caller is told, and has everything as before. */
static void test_no_frames(void **state)
{
	u64 child = make_child(&one, 4), gfn = page1(&one), six = pages(&one, 8, 1), i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(l0_map(&one, six + i, HG_PROT_ALL), HG_OK);
	assert_int_equal(l0_map(&one, gfn, HG_PROT_ALL), HG_OK);
	empty_cache();
	l0.no_frames = true;
	refused(&one, HG_E_LIMIT, DOMAIN_CREATE, gfn, 0);
	refused(&one, HG_E_LIMIT, DOMAIN_DONATE, child, gfn);
	refused(&one, HG_E_LIMIT, VCPU_CREATE, child, gfn, six);
	refused(&one, HG_E_LIMIT, CVM_ADD, child, 0, 512, 2, 0);
	refused(&one, HG_E_LIMIT, CVM_REPORT, child, gfn);
	assert_int_equal(l1_walk(&one, gfn).pfn, one.base + gfn);	/* not even asked for */
	l0.no_frames = false;
	assert_true(nest(&one, VCPU_CREATE, child, gfn, six) > 0);
}

static u32 odd_step;

/* Answers that fit nothing: the core asks again, and believes none of it. */
static bool odd_l0(s64 exit)
{
	u64 gfn = one.page->npf.gpa >> HG_PAGE_SHIFT;

	one.page->reply_value = ~0ULL;
	switch (odd_step++ % 6) {
	case 0:
		return true;				/* nothing at all */
	case 1:
		one.page->reply = HG_REPLY_VALUE;
		return true;
	case 2:
		one.page->reply = 0x77777777;
		return true;
	case 3:						/* another page */
		if (exit == HG_EXIT_NPF)
			l0_map(&one, (gfn + 1) % one.pages, HG_PROT_ALL);
		return true;
	case 4:						/* may not be written */
		if (exit == HG_EXIT_NPF)
			l0_map(&one, gfn, HG_PROT_READ);
		return true;
	}
	return l0_serve(&one, exit);
}

static void test_odd_l0(void **state)
{
	u64 child = make_child(&one, 4), gfn = page1(&one), six = pages(&one, 8, 1);
	u64 limit = 4096;
	s64 exit;

	(void)state;
	empty_cache();
	memset(&asked, 0, sizeof(asked));
	asked.nr = HG_CALL_VCPU_CREATE;
	asked.arg[0] = child;
	asked.arg[1] = gfn;
	asked.arg[2] = six;
	while ((exit = call(VCPU_RUN, one.handle, 0)) != HG_EXIT_HLT) {
		assert_true(limit--);
		odd_l0(exit);
	}
	assert_true(asked.done && asked.result > 0);
}

/* "No memory" for one page does not count for another. */
static void test_reply_for_another(void **state)
{
	u64 a = page1(&one), b = page1(&one);

	(void)state;
	memset(&asked, 0, sizeof(asked));
	fake.enter = play;
	asked.nr = HG_CALL_DOMAIN_CREATE;
	asked.arg[0] = a;
	l0_donate(&one, 8);
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_NPF);
	one.page->reply = HG_REPLY_MMIO;
	asked.arg[0] = b;			/* an interrupt came between; its handler calls */
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_NPF);
	assert_int_equal(one.page->npf.gpa, b << HG_PAGE_SHIFT);
	assert_int_equal(one.page->npf.access, HG_NPF_CALL | HG_NPF_USER | HG_NPF_WRITE);
	assert_int_equal(one.page->reply, HG_REPLY_NONE);
	l0_page(&one);
	assert_int_equal(call(VCPU_RUN, one.handle, 0), HG_EXIT_HLT);
	assert_true(asked.done && asked.result > 0);
}

/* --- limits --- */

static void test_domain_limit(void **state)
{
	u64 i, gfn = page1(&one);
	s64 first = 0;

	(void)state;
	for (i = 0; i < HG_NEST_DOMAINS; i++) {
		s64 child = nest(&one, DOMAIN_CREATE, page1(&one), 0);

		assert_true(child > 0);
		first = first ? first : child;
	}
	refused(&one, HG_E_LIMIT, DOMAIN_CREATE, gfn, 0);
	assert_int_equal(nest(&one, DOMAIN_DESTROY, first), HG_OK);
	refused(&one, HG_E_LIMIT, DOMAIN_CREATE, gfn, 0);
	assert_true(nest(&one, DOMAIN_RECLAIM, first) >= 0);
	assert_true(nest(&one, DOMAIN_CREATE, gfn, 0) > 0);
	/* The machine's: what was given comes back. */
	while (call(DOMAIN_CREATE, take1()) > 0)
		;
	refused(&two, HG_E_LIMIT, DOMAIN_CREATE, page1(&two), 0);
	assert_int_equal(domain_of(two.domain)->nest.domains, 0);
}

static int setup_many(void **state)
{
	(void)state;
	return nest_setup_of(16384, 4096);
}

static void test_vcpu_limits(void **state)
{
	u64 child[5], gfn = page1(&one), six = pages(&one, 6, 1), i, last = 0;

	(void)state;
	for (i = 0; i < 5; i++)
		child[i] = make_child(&one, 0);
	for (i = 0; i < HG_NEST_VCPUS; i++) {
		if (i == HG_MAX_VCPUS)
			refused(&one, HG_E_LIMIT, VCPU_CREATE, child[0], gfn, six);
		last = make_child_vcpu(&one, child[i / HG_MAX_VCPUS], NULL);
	}
	refused(&one, HG_E_LIMIT, VCPU_CREATE, child[4], gfn, six);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_CONTROL), HG_NEST_VCPUS);
	assert_int_equal(nest(&one, VCPU_DESTROY, last), HG_OK);
	assert_true(nest(&one, VCPU_CREATE, child[4], gfn, six) > 0);
}

/* --- the end of children --- */

static u64 grown(u64 *vcpu)
{
	u64 child = make_child(&one, 6), from = page1(&one);

	*vcpu = make_child_vcpu(&one, child, NULL);
	make_child_vcpu(&one, child, NULL);
	assert_int_equal(nest(&one, MAP, child, 7, from, 1, HG_PROT_ALL), HG_OK);
	return child;
}

static void test_purge_by_host(void **state)
{
	u64 child, vcpu, steps = 0, before;
	s64 left;

	(void)state;
	assert_int_equal(call(DOMAIN_PURGE, one.domain, 1), 0);
	assert_int_equal(call(DOMAIN_PURGE, one.domain, 0), HG_E_ARG);
	assert_int_equal(call(DOMAIN_PURGE, 0, 1), HG_E_HANDLE);
	child = grown(&vcpu);
	make_child(&one, 3);
	make_child(&two, 0);
	before = nest_hash(&one);
	hg_core.vcpus[(vcpu & 0xffff) - 1].claim = 1;	/* it runs */
	assert_int_equal(call(DOMAIN_PURGE, one.domain, 100), HG_E_BUSY);
	assert_true(before == nest_hash(&one));
	hg_core.vcpus[(vcpu & 0xffff) - 1].claim = 0;
	assert_int_equal(call(DOMAIN_DESTROY, one.domain), HG_E_BUSY);	/* it has a vCPU */
	do {
		left = call(DOMAIN_PURGE, one.domain, 1);
		assert_in_range(left, 0, 2);
		steps++;
	} while (left);
	assert_true(steps >= 8);
	assert_int_equal(away(&one), 0);
	assert_int_equal(nest(&one, DOMAIN_STAT, child, 0), HG_E_HANDLE);
	assert_int_equal(domain_of(two.domain)->nest.domains, 1);
}

static void test_purge_by_guest(void **state)
{
	u64 vcpu, i;
	s64 left;

	(void)state;
	assert_int_equal(nest(&one, DOMAIN_PURGE, 0, 1), 0);
	for (i = 0; i < 3; i++)
		grown(&vcpu);
	make_child(&two, 0);
	hg_core.vcpus[(vcpu & 0xffff) - 1].claim = 1;
	assert_int_equal(nest(&one, DOMAIN_PURGE, 0, 1000), HG_E_BUSY);
	assert_int_equal(domain_of(one.domain)->nest.domains, 1);
	hg_core.vcpus[(vcpu & 0xffff) - 1].claim = 0;
	do
		left = nest(&one, DOMAIN_PURGE, 0, 3);
	while (left > 0);
	assert_int_equal(left, 0);
	assert_int_equal(away(&one), 0);
	assert_int_equal(domain_of(two.domain)->nest.domains, 1);
}

/* One call holds a CPU only so long, whatever the guest asks for. */
static void test_purge_bounded(void **state)
{
	(void)state;
	make_child(&one, 1200);
	assert_int_equal(nest(&one, DOMAIN_PURGE, 0, ~0ULL), 1);
	assert_true(away(&one) > 0);
	assert_int_equal(nest(&one, DOMAIN_PURGE, 0, ~0ULL), 0);
}

/* A domain goes after its children. */
static void test_destroy_parent(void **state)
{
	s64 status;

	(void)state;
	make_child(&one, 2);
	assert_int_equal(call(VCPU_DESTROY, one.handle), HG_OK);
	assert_int_equal(call(DOMAIN_DESTROY, one.domain), HG_E_BUSY);
	do {
		status = call(DOMAIN_PURGE, one.domain, 1);
		assert_int_equal(call(DOMAIN_DESTROY, one.domain), status ? HG_E_BUSY : HG_OK);
	} while (status > 0);
	assert_int_equal(call(DOMAIN_PURGE, one.domain, 1), HG_E_HANDLE);
	unmake_domain(one.domain);
}

static int teardown_two(void **state)
{
	(void)state;
	purge_l1(&two);
	world_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEST_TEST(test_domain_handles), NEST_TEST(test_vcpu_handles),
		NEST_TEST(test_no_claim), NEST_TEST(test_given_pages), NEST_TEST(test_no_memory),
		NEST_TEST(test_lent_pages), NEST_TEST(test_arguments), NEST_TEST(test_no_frames),
		NEST_TEST(test_odd_l0), NEST_TEST(test_reply_for_another),
		NEST_TEST(test_domain_limit), NEST_TEST(test_purge_by_host),
		NEST_TEST(test_purge_by_guest), NEST_TEST(test_purge_bounded),
		cmocka_unit_test_setup_teardown(test_vcpu_limits, setup_many, nest_teardown),
		cmocka_unit_test_setup_teardown(test_destroy_parent, nest_setup, teardown_two),
	};

	return nest_run(tests);
}
