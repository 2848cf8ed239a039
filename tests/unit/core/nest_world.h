/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests that have guests, for tests: an L1 whose kernel calls the core from inside
 * vcpu_enter(), and L0's Linux half, which gives what the core asks for.
 */
#ifndef TEST_NEST_WORLD_H
#define TEST_NEST_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "world.h"

#define L1_PAGES	1536ULL		/* it has RAM at [0, L1_PAGES), in frames from @base */
#define NEST_FRAMES	8192ULL

struct l1 {
	u64 domain, handle;	/* @handle: its vCPU's */
	struct hg_vcpu *vcpu;
	struct hg_vcpu_page *page;
	u64 base, pages;
	u64 next;		/* for pages() */
	u32 level;		/* of what L0 maps */
};
static struct l1 one, two;

/* The call that is made. */
static struct {
	u64 nr, arg[5];
	bool done;
	s64 result;
} asked;

/* What L0 was asked for, and what it does then. */
static struct {
	u32 frames, big, pages, released, stops, reports;
	bool no_frames;
	u64 last_gfn;
	u32 step;		/* frames given at once; 0: as many as asked for */
	void (*stopped)(struct l1 *l1);
	void (*reported)(struct l1 *l1);	/* before it is signed */
} l0;

static int (*child_enter)(struct hg_vcpu *vcpu, struct hg_cpu *cpu);

/* --- L1's kernel --- */

static inline int play(struct hg_vcpu *v, struct hg_cpu *cpu)
{
	static const u8 reg[5] = { HG_RBX, HG_RCX, HG_RDX, HG_RSI, HG_RDI };
	u64 rip = v->rip, rax = HG_NEST_CALL | asked.nr;
	int exit, i;

	if (v->domain->parent)
		return child_enter ? child_enter(v, cpu) : HG_EXIT_HLT;
	if (asked.done)
		return HG_EXIT_HLT;
	v->gpr[HG_RAX] = rax;
	for (i = 0; i < 5; i++)
		v->gpr[reg[i]] = asked.arg[i];
	assert_true(hg_nest_is_call(v));
	exit = hg_nest_call(v, 3);
	for (i = 0; i < 5; i++)
		assert_int_equal(v->gpr[reg[i]], asked.arg[i]);
	asked.done = v->rip == rip + 3;
	if (asked.done) {
		asked.result = (s64)v->gpr[HG_RAX];
		assert_true(exit == -1 || exit == HG_EXIT_RELEASED);
	} else {
		assert_int_equal(v->rip, rip);
		assert_int_equal(v->gpr[HG_RAX], rax);
		assert_true(exit >= 0 && exit != HG_EXIT_RELEASED);
	}
	return exit;
}

/* --- L0 --- */

static inline void l0_donate(struct l1 *l1, u32 count)
{
	while (count--)
		assert_true(call(DOMAIN_DONATE, l1->domain, take1()) > 0);
}

/* The page that covers @gfn comes in, as an access would have it. */
static inline s64 l0_map(struct l1 *l1, u64 gfn, u64 prot)
{
	u64 first = l1->level == 2 ? gfn & ~511ULL : gfn;
	s64 status;

	status = call(MAP, l1->domain, first, l1->base + first, l1->level, prot);
	if ((status == HG_E_EXISTS || status == HG_E_DENIED) && l1->level == 2)
		status = call(MAP, l1->domain, gfn, l1->base + gfn, 1, prot);
	if (status != HG_E_NOMEM)
		return status;
	l0_donate(l1, HG_MAP_TABLES);
	return l0_map(l1, gfn, prot);
}

static inline void l0_frames(struct l1 *l1)
{
	l0.frames++;
	if (l0.no_frames) {
		l1->page->reply = HG_REPLY_FAULT;
	} else if (l1->page->frames.big) {
		l0.big++;
		assert_int_equal(l1->page->frames.count, HG_BIG_PAGE);
		assert_true(call(DOMAIN_DONATE, l1->domain, take(512, 512), 1) >= 0);
	} else {
		l0_donate(l1, l0.step ? l0.step : l1->page->frames.count);
	}
}

static inline void l0_page(struct l1 *l1)
{
	u64 gfn = l1->page->npf.gpa >> HG_PAGE_SHIFT;

	l0.pages++;
	l0.last_gfn = gfn;
	assert_true(l1->page->npf.access & HG_NPF_CALL);
	if (gfn < l1->pages)
		assert_int_equal(l0_map(l1, gfn, HG_PROT_ALL), HG_OK);
	else
		l1->page->reply = HG_REPLY_MMIO;
}

/* False: the guest has nothing more to do. */
static inline bool l0_serve(struct l1 *l1, s64 exit)
{
	switch (exit) {
	case HG_EXIT_FRAMES:
		l0_frames(l1);
		return true;
	case HG_EXIT_NPF:
		l0_page(l1);
		return true;
	case HG_EXIT_RELEASED:
		l0.released++;
		return true;
	case HG_EXIT_REPORT:
		l0.reports++;
		if (l0.reported)
			l0.reported(l1);
		assert_int_equal(hg_core_sign(l1->handle), HG_OK);
		return true;
	case HG_EXIT_INTR:
	case HG_EXIT_NMI:
		l0.stops++;
		if (l0.stopped)
			l0.stopped(l1);
		return true;
	}
	assert_int_equal(exit, HG_EXIT_HLT);
	return false;
}

static inline s64 nest_call(struct l1 *l1, u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	u64 limit = 8192;

	memset(&asked, 0, sizeof(asked));
	asked.nr = nr;
	asked.arg[0] = a;
	asked.arg[1] = b;
	asked.arg[2] = c;
	asked.arg[3] = d;
	asked.arg[4] = e;
	fake.enter = play;
	while (l0_serve(l1, call(VCPU_RUN, l1->handle, 0)))
		assert_true(limit--);	/* it must end */
	assert_true(asked.done);
	return asked.result;
}
#define nest(l1, ...) nest_(l1, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define nest_(l1, nr, a, b, c, d, e, ...) \
	nest_call(l1, HG_CALL_##nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e))

/* --- what a refused call must not change --- */

static inline u64 mix(u64 hash, u64 value)
{
	return (hash ^ value) * 0x100000001b3ULL;
}

static inline u64 child_hash(const struct hg_domain *child)
{
	u64 hash = child->handle, i, j;

	for (i = 0; i < world.frames; i++) {
		struct hg_frame frame = record(i);
		const u64 *words = at(i);

		if (frame.owner != child->handle)
			continue;
		hash = mix(mix(mix(hash, i), frame.state), frame.maps);
		for (j = 0; j < 512 && frame.state != HG_FRAME_CONTROL; j++)
			hash = mix(hash, words[j]);
	}
	return hash;
}

/*
 * The children with all they have, and what their parent gave for it. Not what the
 * parent has: pages come when they are asked for, frames for its cache, too.
 */
static inline u64 nest_hash(const struct l1 *l1)
{
	const struct hg_domain *parent = domain_of(l1->domain);
	u64 hash = mix(mix(mix(1, parent->nest.domains), parent->nest.vcpus), parent->nest.away);
	u64 gfn, i;

	for (gfn = 0; gfn < l1->pages + 64; gfn++) {
		const u64 *table = at(parent->root);
		u64 entry = 0;
		u32 level;

		for (level = 4; level; level--) {
			entry = table[gfn >> (9 * (level - 1)) & 511];
			if (!(entry & hg_core.backend->npt->present) || level == 1 || entry & 0x80)
				break;
			table = hg_va(entry & HG_NPT_FRAME);
		}
		if (entry & HG_NPT_FIXED || (entry && !(entry & hg_core.backend->npt->present)))
			hash = mix(mix(hash, gfn), entry);
	}
	for (i = 0; i < HG_MAX_DOMAINS; i++) {
		const struct hg_domain *child = hg_core.domains[i].domain;

		if (child && child->parent == parent->handle)
			hash = mix(hash, child_hash(child));
	}
	return hash;
}

#define refused(l1, status, ...)					\
	do {								\
		u64 one_ = nest_hash(&one), two_ = nest_hash(&two);	\
		assert_int_equal(nest(l1, __VA_ARGS__), status);	\
		assert_true(one_ == nest_hash(&one) && two_ == nest_hash(&two)); \
	} while (0)

/* --- making things --- */

/* @count pages of the L1's that no test has used. */
static inline u64 pages(struct l1 *l1, u64 count, u64 align)
{
	u64 gfn = (l1->next + align - 1) / align * align;

	l1->next = gfn + count;
	assert_true(l1->next <= l1->pages);
	return gfn;
}

static inline u64 page1(struct l1 *l1)
{
	return pages(l1, 1, 1);
}

/* With a top table, and @cache frames more. */
static inline u64 make_child(struct l1 *l1, u32 cache)
{
	s64 child = nest(l1, DOMAIN_CREATE, page1(l1), 0);
	u32 i;

	assert_true(child > 0);
	for (i = 0; i <= cache; i++)
		assert_int_equal(nest(l1, DOMAIN_DONATE, child, page1(l1)), i);
	return (u64)child;
}

static inline u64 make_child_vcpu(struct l1 *l1, u64 child, u64 *page_gfn)
{
	u64 page = page1(l1), gfn = pages(l1, HG_VCPU_FRAMES, 1);
	s64 vcpu = nest(l1, VCPU_CREATE, child, page, gfn);

	assert_true(vcpu > 0);
	if (page_gfn)
		*page_gfn = page;
	return (u64)vcpu;
}

static inline bool is_away(const struct l1 *l1, u64 gfn)
{
	return hg_npt_is_away(domain_of(l1->domain), gfn);
}

static inline struct walk l1_walk(const struct l1 *l1, u64 gfn)
{
	return walk(domain_of(l1->domain)->root, gfn);
}

static inline u64 away(const struct l1 *l1)
{
	return domain_of(l1->domain)->nest.away;
}

static inline void make_l1(struct l1 *l1, u64 page_count)
{
	s64 domain = call(DOMAIN_CREATE, take1(), HG_DOMAIN_NESTING);

	assert_true(domain > 0);
	memset(l1, 0, sizeof(*l1));
	l1->domain = (u64)domain;
	assert_int_equal(call(DOMAIN_DONATE, domain, take1()), 0);
	l1->handle = make_vcpu(l1->domain, NULL);
	l1->vcpu = vcpu_of(l1->handle);
	l1->page = l1->vcpu->page;
	l1->base = take(page_count, 512);
	l1->pages = page_count;
	l1->level = 1;
}

static inline void purge_l1(const struct l1 *l1)
{
	s64 left;

	do
		left = call(DOMAIN_PURGE, l1->domain, 64);
	while (left > 0);
	assert_int_equal(left, 0);
	assert_int_equal(away(l1), 0);
	assert_int_equal(domain_of(l1->domain)->nest.domains, 0);
	assert_int_equal(domain_of(l1->domain)->nest.vcpus, 0);
}

static enum world_format nest_format;

static inline int nest_setup_of(u64 frames, u64 page_count)
{
	world_start(frames, nest_format);
	memset(&l0, 0, sizeof(l0));
	child_enter = NULL;
	fake_fpu = 0;
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	fake.guest.efer = HG_EFER_LMA | HG_EFER_LME;
	fake.segment[HG_SEG_CS].attr = HG_SEG_L;
	make_l1(&one, page_count);
	make_l1(&two, 512);
	return 0;
}

static inline int nest_setup(void **state)
{
	(void)state;
	return nest_setup_of(NEST_FRAMES, L1_PAGES);
}

/* What is left of the children goes, and then every frame is the host's again. */
static inline int nest_teardown(void **state)
{
	(void)state;
	purge_l1(&one);
	purge_l1(&two);
	world_stop();
	return 0;
}

#define NEST_TEST(name) cmocka_unit_test_setup_teardown(name, nest_setup, nest_teardown)

/* With the tables of either vendor. */
#define nest_run(tests)							\
	({								\
		int failed_;						\
		nest_format = WORLD_NPT;				\
		failed_ = cmocka_run_group_tests(tests, NULL, NULL);	\
		nest_format = WORLD_EPT;				\
		failed_ + cmocka_run_group_tests(tests, NULL, NULL);	\
	})

#endif /* TEST_NEST_WORLD_H */
