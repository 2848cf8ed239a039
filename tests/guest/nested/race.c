// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by two CPUs of L1 at once. */
#include <linux/kernel.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>

#include "evil.h"

/* ---- taking away what is running ---- */

struct runner {
	struct l2 *l2;
	bool gone;		/* there is no such vCPU */
	bool bad;
	s64 exit;		/* the last one, and what the guest said last */
	u32 said;
	unsigned long checks;
};

/*
 * When the vCPU is gone the control page is what it was before: the port, which is looked
 * at last, tells which it is.
 */
static void take_answer(struct runner *r)
{
	const struct l2 *l2 = r->l2;
	u32 said = l2_port_value(l2);

	smp_rmb();
	if (READ_ONCE(l2->page->io.port) != GUEST_PORT_OUT)
		return;
	r->said = said;
	r->checks++;
	if (said != 1)
		r->bad = true;
}

/* One exit; the guest says again and again whether its secret is whole. */
static void run_checks(void *data)
{
	struct runner *r = data;
	struct l2 *l2 = r->l2;
	s64 exit;

	if (r->gone || r->bad)
		return;
	exit = l2_run(l2);
	r->exit = exit;
	if (exit == HG_E_HANDLE) {
		WRITE_ONCE(r->gone, true);
	} else if (exit == HG_E_BUSY) {
		return;
	} else if (exit == HG_EXIT_IO) {
		take_answer(r);
		l2_answer(l2, GUEST_CHECK);
	} else if (exit < 0 || l2_serve(l2)) {
		r->bad = true;
	}
}

/* What a live domain gives back are frames that it does not use. */
static int reclaim_one(const struct l2 *l2)
{
	s64 gfn = CALL(DOMAIN_RECLAIM, l2->domain);
	u64 value;

	if (gfn == HG_E_ABSENT)
		return 0;
	MUST(gfn > 0);
	MUST(evil_read(page_address(pfn_to_page(gfn)), &value));
	MUST(!l2_has_secret(page_address(pfn_to_page(gfn)), PAGE_SIZE));
	MUST(CALL(DOMAIN_DONATE, l2->domain, gfn) > 0);
	return 0;
}

static int take_away(struct l2 *l2)
{
	u32 i, busy = 0, unmapped = 0;
	s64 status;

	/* So often at least, and until it was caught in the guest. */
	for (i = 0; i < 500 || (!busy && i < 50000); i++) {
		WANT(CALL(DOMAIN_DESTROY, l2->domain), HG_E_BUSY);
		if (reclaim_one(l2))
			return -1;
		status = CALL(UNMAP, l2->domain, 0, L2_RAM_PAGES);
		MUST(status >= 0);
		/* One more than it removed, perhaps (call.h): nothing of a confidential one. */
		unmapped += status > 1;
		status = CALL(VCPU_FETCH, l2->vcpu, 0);
		busy += status == HG_E_BUSY;
		MUST(status == HG_E_BUSY || status == (l2->cvm ? HG_E_DENIED : HG_OK));
		cond_resched();
	}
	MUST(busy);
	MUST(l2->cvm ? !unmapped : unmapped);
	do
		status = CALL(VCPU_DESTROY, l2->vcpu);
	while (status == HG_E_BUSY);
	WANT(status, HG_OK);
	return 0;
}

int attack_reclaim_running(struct l2 *l2)
{
	struct runner r = { .l2 = l2 };
	struct helper helper;
	int bad;

	if (helper_start(&helper, run_checks, &r))
		return -1;
	while (READ_ONCE(r.checks) < 3 && !READ_ONCE(r.bad))
		cond_resched();
	bad = take_away(l2);
	while (!bad && !READ_ONCE(r.gone) && !READ_ONCE(r.bad))
		cond_resched();
	helper_stop(&helper);
	if (bad)
		return -1;
	if (r.bad)
		return evil_why("exit %lld, said %#x after %lu checks", r.exit, r.said, r.checks);
	MUST(!l2->leaked);
	WANT(l2_run_once(l2), HG_E_HANDLE);
	WANT(CALL(VCPU_DESTROY, l2->vcpu), HG_E_HANDLE);
	l2->vcpu = 0;
	return 0;
}

/* ---- the control page changes while the core reads it ---- */

#define WORDS		(PAGE_SIZE / sizeof(u32))
#define WORD_OF(field)	(offsetof(struct hg_vcpu_page, field) / sizeof(u32))

struct scribbler {
	struct hg_vcpu_page *page;
	struct rnd_state random;
};

/* Something that the field may well have, so that what follows is looked at, too. */
static u32 plausible(u32 word, u32 random)
{
	switch (word) {
	case WORD_OF(kick):
		return !(random & 0xf0);
	case WORD_OF(run_flags):
		return random & 0xf0 ? 0 : random >> 8 & HG_RUN_FLAGS;
	case WORD_OF(dirty):
		return random & 0xf0 ? HG_STATE_REGS : random >> 8 & 0xff;
	case WORD_OF(inject):
		if (random & 0xf0)
			return 0;
		return HG_EVENT((random >> 16) & 7, (random >> 8) & 0xff) |
		       (random & HG_EVENT_HAS_ERROR);
	case WORD_OF(inject_length):
		return random >> 8 & 15;
	case WORD_OF(reply):
		return (random >> 8) % (HG_REPLY_MMIO + 1);
	}
	return random;
}

static void scribble(void *data)
{
	struct scribbler *s = data;
	u32 *words = (u32 *)s->page, i, random, word;

	for (i = 0; i < 1000; i++) {
		random = prandom_u32_state(&s->random);
		word = (random & 1 ? random >> 1 : (random >> 1) % 10) % WORDS;
		random = prandom_u32_state(&s->random);
		/* No command of the guest's: that one is L1's to give. */
		if (word == WORD_OF(reply_value))
			random |= BIT(31);
		WRITE_ONCE(words[word], random & 15 ? plausible(word, random) : random);
	}
}

/* Nothing of the scribble stays that the core would take. */
static void calm(struct hg_vcpu_page *page)
{
	memset(page, 0, offsetof(struct hg_vcpu_page, exit));
}

int attack_control_race(struct l2 *l2)
{
	struct scribbler s = { .page = l2->page };
	u32 i, ran = 0, refused = 0;
	struct helper helper;
	s64 status;

	prandom_seed_state(&s.random, 47);
	/* The guest waits for a command: an ordinary one has nothing left to be taken in. */
	MUST(!l2_next(l2));
	if (helper_start(&helper, scribble, &s))
		return -1;
	for (i = 0; i < 4000; i++) {
		status = l2_run_once(l2);
		ran += status >= 0;
		refused += status == HG_E_ARG;
		if (status < 0 && status != HG_E_ARG && status != HG_E_DENIED)
			break;
		WRITE_ONCE(l2->page->kick, 0);
		cond_resched();
	}
	helper_stop(&helper);
	calm(l2->page);
	if (i < 4000)
		return evil_why("VCPU_RUN: %lld", status);
	MUST(ran && refused);
	if (l2->cvm)
		return l2_resync(l2);
	WANT(CALL(VCPU_FETCH, l2->vcpu, HG_STATE_ALL), HG_OK);
	MUST(l2->page->gpr[HG_RBX] != l2_secret(0));
	return 0;
}

/* ---- one vCPU on two CPUs ---- */

struct twin {
	struct l2 l2;
	unsigned long busy, ran, other;
};

/* Answers nothing, so that a port access begins anew. */
static void run_twin(void *data)
{
	struct twin *t = data;
	s64 status = l2_run_once(&t->l2);

	if (status == HG_E_BUSY)
		t->busy++;
	else if (status >= 0)
		t->ran++;
	else
		t->other++;
}

int attack_run_twice(struct l2 *l2)
{
	static struct twin t;
	u32 i, busy = 0, ran = 0, other = 0;
	struct helper helper;
	s64 status;

	memset(&t, 0, sizeof(t));
	t.l2 = *l2;
	if (helper_start(&helper, run_twin, &t))
		return -1;
	for (i = 0; i < 200000 && !(busy && ran && READ_ONCE(t.busy) && i > 2000); i++) {
		status = l2_run_once(l2);
		busy += status == HG_E_BUSY;
		ran += status >= 0;
		other += status < 0 && status != HG_E_BUSY;
		cond_resched();
	}
	helper_stop(&helper);
	MUST(busy && ran && t.busy);
	MUST(!other && !t.other);
	l2->leaked |= t.l2.leaked;
	calm(l2->page);
	return l2->cvm ? l2_resync(l2) : 0;
}
