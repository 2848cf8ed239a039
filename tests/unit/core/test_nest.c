// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's kernel asks of the core: each call as it is meant. Refusals and
 * attacks are test_nest_attack.c's, runs and confidential children test_nest_run.c's.
 */
#include "nest_world.h"

/* --- how it finds the core, and the door --- */

static void cpuid(struct hg_vcpu *v, u32 function)
{
	v->gpr[HG_RAX] = function;
	v->gpr[HG_RCX] = 0;
	assert_int_equal(hg_trap_cpuid(v, 2, 0), -1);
}

static void test_cpuid(void **state)
{
	struct hg_vcpu *v = one.vcpu, *other;
	u64 pfn = take1();
	struct hg_cpuid *table = at(pfn);

	(void)state;
	table->function = HG_NEST_LEAF;		/* the VMM's word does not count */
	table->eax = 1;
	assert_int_equal(call(VCPU_SET_CPUID, one.handle, pfn, 1), HG_OK);
	cpuid(v, HG_NEST_LEAF);
	assert_int_equal(v->gpr[HG_RAX], HG_NEST_LEAF + 1);
	assert_memory_equal(&v->gpr[HG_RBX], "Hype", 4);
	assert_memory_equal(&v->gpr[HG_RCX], "rGPU", 4);
	assert_memory_equal(&v->gpr[HG_RDX], "Core", 4);
	cpuid(v, HG_NEST_LEAF + 1);
	assert_int_equal(v->gpr[HG_RAX], HG_CALL_ABI);
	assert_int_equal(v->gpr[HG_RBX], 1);
	assert_int_equal(v->gpr[HG_RCX], HG_CALL_COUNT);
	assert_int_equal(v->gpr[HG_RDX], 0);
	cpuid(v, HG_NEST_LEAF + 2);
	assert_int_equal(v->gpr[HG_RAX], 0);
	cpuid(v, HG_NEST_LEAF - 1);
	assert_int_equal(v->gpr[HG_RAX], 0);
	/* Neither an ordinary guest nor a guest's guest finds it. */
	other = vcpu_of(make_vcpu(make_domain(0), NULL));
	cpuid(other, HG_NEST_LEAF);
	assert_int_equal(other->gpr[HG_RAX], 0);
	other = vcpu_of(make_child_vcpu(&one, make_child(&one, 0), NULL));
	cpuid(other, HG_NEST_LEAF);
	assert_int_equal(other->gpr[HG_RAX], 0);
}

/* Its VMMCALL has another meaning. */
static void test_cpuid_confidential(void **state)
{
	s64 domain = call(DOMAIN_CREATE, take1(), HG_DOMAIN_NESTING);
	struct hg_vcpu *v;
	u32 i;

	(void)state;
	for (i = 0; i <= HG_CVM_FRAMES; i++)
		assert_int_equal(call(DOMAIN_DONATE, domain, take1()), i);
	assert_true(call(CVM_INIT, domain) > 0);
	v = vcpu_of(make_vcpu((u64)domain, NULL));
	cpuid(v, HG_NEST_LEAF);
	assert_int_equal(v->gpr[HG_RAX], 0);
	assert_int_equal(v->gpr[HG_RBX], 0);
}

static void test_is_call(void **state)
{
	struct hg_vcpu *v = one.vcpu;

	(void)state;
	v->gpr[HG_RAX] = HG_NEST_CALL | 0xffff;
	assert_true(hg_nest_is_call(v));
	v->gpr[HG_RAX] = HG_NEST_CALL - 1;
	assert_false(hg_nest_is_call(v));
	v->gpr[HG_RAX] = HG_NEST_CALL + 0x10000;
	assert_false(hg_nest_is_call(v));
	v->gpr[HG_RAX] = HG_NEST_CALL | 1ULL << 32;
	assert_false(hg_nest_is_call(v));
	v = vcpu_of(make_vcpu(make_domain(0), NULL));
	v->gpr[HG_RAX] = HG_NEST_CALL;
	assert_false(hg_nest_is_call(v));
}

static void test_door(void **state)
{
	u64 child = make_child(&one, 0);

	(void)state;
	assert_int_equal(nest(&one, VERSION), HG_CALL_ABI);
	fake.guest.cpl = 3;
	refused(&one, HG_E_DENIED, VERSION);
	refused(&one, HG_E_DENIED, DOMAIN_DESTROY, child);
	fake.guest.cpl = 0;
	fake.segment[HG_SEG_CS].attr = 0;
	refused(&one, HG_E_DENIED, DOMAIN_DESTROY, child);
	fake.segment[HG_SEG_CS].attr = HG_SEG_L;
	fake.guest.efer = HG_EFER_LME;
	refused(&one, HG_E_DENIED, DOMAIN_DESTROY, child);
	fake.guest.efer = HG_EFER_LME | HG_EFER_LMA;
	refused(&one, HG_E_ARG, VERSION, 1);
	refused(&one, HG_E_ARG, DOMAIN_DESTROY, child, 0, 0, 0, 1);
	assert_int_equal(nest_call(&one, HG_CALL_COUNT, 0, 0, 0, 0, 0), HG_E_CALL);
	assert_int_equal(nest_call(&one, 0xffff, 0, 0, 0, 0, 0), HG_E_CALL);
	assert_int_equal(nest(&one, DOMAIN_DESTROY, child), HG_OK);
}

/* --- a page that is given away --- */

static bool faults(struct l1 *l1, u64 gfn)
{
	int fault;

	l1->vcpu->event = 0;
	fault = hg_nest_fault(l1->vcpu, gfn << HG_PAGE_SHIFT | 0x123);
	if (fault == -1) {
		assert_int_equal(l1->vcpu->event,
				 HG_EVENT(HG_EVENT_FAULT, 13) | HG_EVENT_HAS_ERROR);
		assert_int_equal(l1->vcpu->event_error, 0);
	}
	l1->vcpu->event = 0;
	return fault != HG_NEST_NOT_MINE;
}

/* What nobody but the core or a child may reach from here. */
static void check_gone(struct l1 *l1, u64 gfn)
{
	u64 before;

	assert_int_equal(l1_walk(l1, gfn).level, 0);
	assert_true(is_away(l1, gfn));
	assert_true(faults(l1, gfn));
	before = nest_hash(l1);
	assert_int_equal(call(MAP, l1->domain, gfn, l1->base + gfn, 1, HG_PROT_ALL), HG_E_DENIED);
	assert_int_equal(call(MAP, l1->domain, gfn, take1(), 1, HG_PROT_READ), HG_E_DENIED);
	assert_int_equal(call(MAP, l1->domain, gfn & ~511ULL, l1->base + (gfn & ~511ULL), 2,
			      HG_PROT_ALL), HG_E_DENIED);
	call(UNMAP, l1->domain, gfn, 1);
	assert_int_equal(call(PROTECT, l1->domain, gfn, 1), 0);
	assert_int_equal(call(AGE, l1->domain, gfn, 1, 1), 0);
	assert_true(before == nest_hash(l1));
}

static void test_create(void **state)
{
	u64 gfn = page1(&one);
	s64 child;

	(void)state;
	assert_false(faults(&one, gfn));
	child = nest(&one, DOMAIN_CREATE, gfn, 0);
	assert_true(child > 0);
	assert_int_equal(l0.pages, 1);
	assert_int_equal(l0.last_gfn, gfn);
	assert_int_equal(domain_of((u64)child)->parent, one.domain);
	assert_int_equal(domain_of((u64)child)->flags, 0);
	check_gone(&one, gfn);
	assert_int_equal(away(&one), 1);
	/* The host's page is not what the core uses: it is the host's alone. */
	assert_int_equal(record(one.base + gfn).state, HG_FRAME_HOST);
	assert_int_not_equal(domain_of((u64)child)->control_pfn, one.base + gfn);
	/* The neighbours are not touched. */
	assert_false(is_away(&one, gfn + 1));
	assert_false(faults(&one, gfn + 1));
}

static void test_donate(void **state)
{
	s64 child = nest(&one, DOMAIN_CREATE, page1(&one), 0);
	u64 gfn, i;

	(void)state;
	for (i = 0; i < 5; i++) {
		gfn = page1(&one);
		assert_int_equal(nest(&one, DOMAIN_DONATE, child, gfn), i);
		check_gone(&one, gfn);
		assert_int_equal(away(&one), i + 2);
		assert_int_equal(domain_of((u64)child)->away, gfn + 1);
	}
	assert_int_equal(nest(&one, DOMAIN_STAT, child, HG_DOMAIN_STAT_CACHE), 4);
	assert_int_equal(nest(&one, DOMAIN_STAT, child, HG_DOMAIN_STAT_TABLES), 1);
}

/* A page that was part of a big one. */
static void test_split(void **state)
{
	u64 gfn = pages(&one, 512, 512), i;

	(void)state;
	one.level = 2;
	assert_int_equal(l0_map(&one, gfn, HG_PROT_ALL), HG_OK);
	assert_int_equal(l1_walk(&one, gfn).level, 2);
	assert_true(nest(&one, DOMAIN_CREATE, gfn + 77, 0) > 0);
	check_gone(&one, gfn + 77);
	for (i = 0; i < 512; i++) {
		if (i == 77)
			continue;
		assert_int_equal(l1_walk(&one, gfn + i).level, 1);
		assert_int_equal(l1_walk(&one, gfn + i).pfn, one.base + gfn + i);
		assert_true(l1_walk(&one, gfn + i).write);
	}
	assert_int_equal(stat_of(one.domain, HG_DOMAIN_STAT_MAPPED_4K), 511);
	assert_int_equal(stat_of(one.domain, HG_DOMAIN_STAT_MAPPED_2M), 0);
}

/* Each page once, none that was not given; each can be used again. */
static void reclaim_all(u64 child, u64 first, u64 count, u64 control)
{
	bool *seen = calloc(count, sizeof(*seen));
	u64 i, before = away(&one);
	s64 gfn;

	assert_non_null(seen);
	for (i = 0; i < count; i++) {
		assert_int_equal(domain_of(child)->handle, child);
		gfn = nest(&one, DOMAIN_RECLAIM, child);
		assert_in_range(gfn, first, first + count - 1);
		assert_false(seen[gfn - (s64)first]);
		seen[gfn - (s64)first] = true;
		assert_false(is_away(&one, (u64)gfn));
		assert_false(faults(&one, (u64)gfn));
		assert_int_equal(l0_map(&one, (u64)gfn, HG_PROT_ALL), HG_OK);
		assert_true(gfn != (s64)control || i == count - 1);
	}
	free(seen);
	assert_int_equal(away(&one), before - count);
	refused(&one, HG_E_HANDLE, DOMAIN_RECLAIM, child);
	refused(&one, HG_E_HANDLE, DOMAIN_STAT, child, 0);
}

static void test_reclaim(void **state)
{
	u64 first = one.next, child = make_child(&one, 8), from = page1(&one);

	(void)state;
	/* Alive: what its cache has, no more. */
	assert_int_equal(nest(&one, MAP, child, 0, from, 1, HG_PROT_ALL), HG_OK);
	for (;;) {
		s64 gfn = nest(&one, DOMAIN_RECLAIM, child);

		if (gfn < 0) {
			assert_int_equal(gfn, HG_E_ABSENT);
			break;
		}
		assert_false(is_away(&one, (u64)gfn));
	}
	assert_int_equal(away(&one), 5);	/* control frame, four tables */
	assert_int_equal(nest(&one, DOMAIN_DESTROY, child), HG_OK);
	refused(&one, HG_E_HANDLE, MAP, child, 0, from, 1, HG_PROT_ALL);
	refused(&one, HG_E_STATE, DOMAIN_DONATE, child, from);
	reclaim_all(child, first, 5, first);
	assert_int_equal(domain_of(one.domain)->nest.domains, 0);
}

/* A child of pages of its own: all come back. */
static void test_reclaim_all(void **state)
{
	u64 first = one.next, child = make_child(&one, 30);

	(void)state;
	assert_int_equal(nest(&one, DOMAIN_DESTROY, child), HG_OK);
	reclaim_all(child, first, 32, first);
	/* And once more with the same pages. */
	one.next = first;
	child = make_child(&one, 30);
	assert_int_equal(nest(&one, DOMAIN_DESTROY, child), HG_OK);
	reclaim_all(child, first, 32, first);
}

/* What the parent's cache has too much of is offered to the host. */
static void test_released(void **state)
{
	u64 child = make_child(&one, 1100), i;

	(void)state;
	assert_int_equal(nest(&one, DOMAIN_DESTROY, child), HG_OK);
	for (i = 0; i < 1102; i++)
		assert_true(nest(&one, DOMAIN_RECLAIM, child) >= 0);
	assert_true(l0.released > 0);
	assert_true(stat_of(one.domain, HG_DOMAIN_STAT_CACHE) > 1024);
	for (i = 0; call(DOMAIN_RECLAIM, one.domain) > 0; i++)
		;
	assert_true(i > 1024);
}

/* --- lending --- */

static void test_map(void **state)
{
	u64 child = make_child(&one, 6), from = page1(&one);
	struct walk w;

	(void)state;
	assert_int_equal(nest(&one, MAP, child, 5, from, 1, HG_PROT_ALL), HG_OK);
	w = walk(domain_of(child)->root, 5);
	assert_int_equal(w.pfn, one.base + from);
	assert_true(w.write && w.exec);
	assert_int_equal(record(one.base + from).maps, 2);
	assert_false(is_away(&one, from));
	/* Again, with fewer rights: it keeps what it has. */
	assert_int_equal(nest(&one, MAP, child, 5, from, 1, HG_PROT_READ), HG_OK);
	w = walk(domain_of(child)->root, 5);
	assert_true(w.level && w.write && w.exec);
	assert_int_equal(nest(&one, MAP, child, 6, from, 1, HG_PROT_READ), HG_OK);
	assert_int_equal(nest(&one, AGE, child, 0, 16, 0), 0);
	assert_int_equal(nest(&one, MAP, child, 5, from, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(nest(&one, PROTECT, child, 0, 16), 1);
	assert_int_equal(nest(&one, UNMAP, child, 0, 16), 2);
	assert_int_equal(record(one.base + from).maps, 1);
}

/* The parent may read only: it is asked for more when the child is to write. */
static void test_map_readonly(void **state)
{
	u64 child = make_child(&one, 6), from = page1(&one);

	(void)state;
	assert_int_equal(l0_map(&one, from, HG_PROT_READ), HG_OK);
	l0.pages = 0;
	assert_int_equal(nest(&one, MAP, child, 0, from, 1, HG_PROT_READ | HG_PROT_EXEC), HG_OK);
	assert_int_equal(l0.pages, 0);
	assert_int_equal(nest(&one, MAP, child, 0, from, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(l0.pages, 1);
	assert_true(l1_walk(&one, from).write);
	assert_true(walk(domain_of(child)->root, 0).write);
}

static void test_map_big(void **state)
{
	u64 child = make_child(&one, 8), small = pages(&one, 512, 512), big = pages(&one, 512, 512);
	u64 i;

	(void)state;
	/* Piece by piece, because the parent's pages are small. */
	assert_int_equal(nest(&one, MAP, child, 512, small, 2, HG_PROT_ALL), HG_OK);
	for (i = 0; i < 512; i++) {
		struct walk w = walk(domain_of(child)->root, 512 + i);

		assert_int_equal(w.level, 1);
		assert_int_equal(w.pfn, one.base + small + i);
	}
	one.level = 2;
	assert_int_equal(nest(&one, MAP, child, 1024, big, 2, HG_PROT_ALL), HG_OK);
	assert_int_equal(walk(domain_of(child)->root, 1024).level, 2);
	assert_int_equal(walk(domain_of(child)->root, 1025).pfn, one.base + big + 1);
	assert_int_equal(record(one.base + big + 511).maps, 2);
	/* A small one out of the parent's big one. */
	assert_int_equal(nest(&one, MAP, child, 0, big + 3, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(walk(domain_of(child)->root, 0).pfn, one.base + big + 3);
	/* Lost as a whole. */
	assert_int_equal(call(UNMAP, one.domain, big + 500, 1), 1 + 1);	/* pages were given, too */
	assert_int_equal(walk(domain_of(child)->root, 1024).level, 0);
	assert_int_equal(walk(domain_of(child)->root, 0).level, 0);
	assert_int_equal(walk(domain_of(child)->root, 512).level, 0);
}

/* --- what the parent loses, its children lose --- */

static u64 kids[2], lent;

static void lend_to_two(u64 prot)
{
	u32 i;

	if (!kids[0]) {
		kids[0] = make_child(&one, 8);
		kids[1] = make_child(&one, 8);
		lent = page1(&one);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(nest(&one, MAP, kids[i], 9 + i, lent, 1, prot), HG_OK);
		assert_int_equal(walk(domain_of(kids[i])->root, 9 + i).level, 1);
	}
}

static bool both_lost(void)
{
	return !walk(domain_of(kids[0])->root, 9).level &&
	       !walk(domain_of(kids[1])->root, 10).level;
}

static void test_lost(void **state)
{
	u64 other, gen;

	(void)state;
	kids[0] = 0;
	lend_to_two(HG_PROT_ALL);
	call(UNMAP, one.domain, lent + 1, 1);		/* pages were given: told once */
	assert_int_equal(call(UNMAP, one.domain, lent + 1, 1), 0);
	assert_false(both_lost());
	gen = domain_of(kids[1])->tlb_gen;
	assert_int_equal(call(UNMAP, one.domain, lent, 1), 1);
	assert_true(both_lost());
	assert_true(domain_of(kids[1])->tlb_gen > gen);
	assert_int_equal(record(one.base + lent).state, HG_FRAME_HOST);

	lend_to_two(HG_PROT_ALL);
	assert_int_equal(call(PROTECT, one.domain, lent, 1), 1);
	assert_true(both_lost());
	assert_int_equal(record(one.base + lent).maps, 1);

	lend_to_two(HG_PROT_READ);
	assert_int_equal(call(PROTECT, one.domain, lent, 1), 0);	/* it could not write */
	assert_false(both_lost());

	/* Another page of the parent's, or of another's: nothing happens. */
	lend_to_two(HG_PROT_ALL);
	other = page1(&one);
	assert_int_equal(l0_map(&one, other, HG_PROT_ALL), HG_OK);
	assert_int_equal(call(UNMAP, one.domain, other, 1), 1);
	assert_int_equal(l0_map(&two, lent, HG_PROT_ALL), HG_OK);
	assert_int_equal(call(UNMAP, two.domain, lent, 1), 1);
	assert_false(both_lost());
}

/* CPUs may have the page in their TLB yet: who unmaps it is told that there was one. */
static void test_given_told(void **state)
{
	u64 gfn = page1(&one);

	(void)state;
	assert_int_equal(call(UNMAP, one.domain, 0, one.pages), 0);
	assert_true(nest(&one, DOMAIN_CREATE, gfn, 0) > 0);
	assert_int_equal(call(UNMAP, one.domain, 0, 1ULL << 40), HG_E_RANGE);
	assert_int_equal(call(UNMAP, two.domain, 0, two.pages), 0);
	assert_int_equal(call(UNMAP, one.domain, gfn, 1), 1);
	assert_int_equal(call(UNMAP, one.domain, gfn, 1), 0);
}

/* --- vCPUs --- */

static void check_fixed(u64 gfn, u64 vcpu)
{
	struct walk w = l1_walk(&one, gfn);
	u64 before = nest_hash(&one);

	assert_int_equal(w.level, 1);
	assert_int_equal(w.pfn, vcpu_of(vcpu)->page_pfn);
	assert_true(w.write && !w.exec);
	assert_int_equal(record(w.pfn).state, HG_FRAME_CONTROL);
	assert_int_not_equal(w.pfn, one.base + gfn);
	assert_false(faults(&one, gfn));
	call(UNMAP, one.domain, 0, one.pages);
	assert_int_equal(call(PROTECT, one.domain, gfn, 1), 0);
	assert_int_equal(call(MAP, one.domain, gfn, w.pfn, 1, HG_PROT_READ), HG_E_DENIED);
	assert_int_equal(call(MAP, one.domain, gfn, one.base + gfn, 1, HG_PROT_ALL), HG_E_DENIED);
	assert_int_equal(call(DOMAIN_DONATE, one.domain, w.pfn), HG_E_OWNER);
	assert_true(before == nest_hash(&one));
	assert_true(l1_walk(&one, gfn).write);
}

static void test_vcpu(void **state)
{
	u64 child = make_child(&one, 0), page_gfn, vcpu, gfn, i, before;

	(void)state;
	before = away(&one);
	vcpu = make_child_vcpu(&one, child, &page_gfn);
	gfn = page_gfn + 1;
	assert_true(l0.released);		/* another CPU may see the old page there */
	assert_int_equal(away(&one), before + 1 + HG_VCPU_FRAMES);
	assert_int_equal(domain_of(one.domain)->nest.vcpus, 1);
	for (i = 0; i < HG_VCPU_FRAMES; i++)
		check_gone(&one, gfn + i);
	check_fixed(page_gfn, vcpu);
	refused(&one, HG_E_BUSY, DOMAIN_DESTROY, child);
	memset(vcpu_of(vcpu)->page, 0x33, 64);	/* left there; nobody may find it */

	assert_int_equal(nest(&one, VCPU_DESTROY, vcpu), HG_OK);
	assert_int_equal(away(&one), before);
	assert_int_equal(domain_of(one.domain)->nest.vcpus, 0);
	for (i = 0; i < 1 + HG_VCPU_FRAMES; i++) {
		assert_false(is_away(&one, page_gfn + i));
		assert_int_equal(l1_walk(&one, page_gfn + i).level, 0);
		assert_int_equal(l0_map(&one, page_gfn + i, HG_PROT_ALL), HG_OK);
	}
	refused(&one, HG_E_HANDLE, VCPU_DESTROY, vcpu);
	for (;;) {
		s64 pfn = call(DOMAIN_RECLAIM, one.domain);

		if (pfn < 0)
			break;
		assert_true(all_zero((u64)pfn, 1));
	}
}

/* The control page is in TLBs of other CPUs until they flush. */
static void test_vcpu_limbo(void **state)
{
	u64 child = make_child(&one, 0), vcpu = make_child_vcpu(&one, child, NULL);
	u64 second = make_vcpu(one.domain, NULL), pfn = vcpu_of(vcpu)->page_pfn, i;
	s64 got;

	(void)state;
	vcpu_of(second)->running = 1;
	vcpu_of(second)->tlb_seen = domain_of(one.domain)->tlb_gen;
	assert_int_equal(nest(&one, VCPU_DESTROY, vcpu), HG_OK);
	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
	while ((got = call(DOMAIN_RECLAIM, one.domain)) > 0)
		assert_int_not_equal(got, pfn);
	vcpu_of(second)->tlb_seen = domain_of(one.domain)->tlb_gen;
	for (i = 0; (got = call(DOMAIN_RECLAIM, one.domain)) > 0; )
		i += (u64)got == pfn;
	assert_int_equal(i, 1);
	vcpu_of(second)->running = 0;
}

/* Pages from two big ones, a cache that is always too small. */
static void test_vcpu_across(void **state)
{
	u64 child = make_child(&one, 0), page = page1(&one), gfn;

	(void)state;
	gfn = pages(&one, 1024, 512) + 509;
	one.level = 2;
	l0.step = 1;
	while (call(DOMAIN_RECLAIM, one.domain) > 0)
		;
	assert_true(nest(&one, VCPU_CREATE, child, page, gfn) > 0);
	assert_true(is_away(&one, gfn) && is_away(&one, gfn + 5));
	assert_true(l0.frames > 1);
}

/* --- what is told of --- */

static void test_frame_stat(void **state)
{
	u64 child, from;

	(void)state;
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_CORE), 0);
	child = make_child(&one, 4);
	from = page1(&one);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_CORE), 6);
	make_child_vcpu(&one, child, NULL);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_CORE), 6 + HG_VCPU_FRAMES);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_CONTROL), 1);
	assert_int_equal(nest(&one, MAP, child, 0, from, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_LENT), 1);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_PRIVATE), 0);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_HOST), 0);
	assert_int_equal(nest(&one, FRAME_STAT, HG_FRAME_DEVICE), 0);
	refused(&one, HG_E_ARG, FRAME_STAT, HG_FRAME_STATES);
	/* Of its own only. */
	assert_int_equal(nest(&two, FRAME_STAT, HG_FRAME_CORE), 0);
	assert_int_equal(nest(&two, FRAME_STAT, HG_FRAME_CONTROL), 0);
	assert_int_equal(nest(&two, FRAME_STAT, HG_FRAME_LENT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEST_TEST(test_cpuid), NEST_TEST(test_cpuid_confidential),
		NEST_TEST(test_is_call), NEST_TEST(test_door), NEST_TEST(test_create),
		NEST_TEST(test_donate), NEST_TEST(test_split), NEST_TEST(test_reclaim),
		NEST_TEST(test_reclaim_all), NEST_TEST(test_released), NEST_TEST(test_map),
		NEST_TEST(test_map_readonly), NEST_TEST(test_map_big), NEST_TEST(test_lost),
		NEST_TEST(test_given_told), NEST_TEST(test_vcpu), NEST_TEST(test_vcpu_limbo),
		NEST_TEST(test_vcpu_across), NEST_TEST(test_frame_stat),
	};

	return nest_run(tests);
}
