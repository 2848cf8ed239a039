// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on the state of an L2's CPU, by the control page and by calls. */
#include <linux/kernel.h>
#include <linux/slab.h>

#include "evil.h"

#define JUNK	0x4a4a4a4a4a4a4a4aull

static void junk_state(struct hg_vcpu_page *page)
{
	memset(page->gpr, 0x4a, sizeof(page->gpr));
	page->cr3 = JUNK & PAGE_MASK;
	memset(page->dr, 0x4a, sizeof(page->dr));
	page->lstar = page->star = page->kernel_gs_base = JUNK;
	page->tsc_offset = JUNK;
	page->nmi_masked = 1;
}

/* What may be asked of the vCPU of an ordinary L2 only. */
static int ask_state(struct l2 *l2)
{
	s64 want = l2->cvm ? HG_E_DENIED : HG_OK;
	struct page *page = l2_page();

	MUST(page);
	/* What is dirty has been taken in after this. */
	MUST(!l2_next(l2));
	memset(l2->page->gpr, 0, sizeof(l2->page->gpr));
	WANT(CALL(VCPU_FETCH, l2->vcpu, HG_STATE_ALL), want);
	MUST((l2->page->gpr[HG_RBX] == l2_secret(0)) != l2->cvm);
	MUST(!l2_has_secret(l2->page, PAGE_SIZE) == l2->cvm);
	MUST((CALL(VCPU_INSN, l2->vcpu) == HG_E_DENIED) == l2->cvm);
	/* It would tell where in the machine an L2 lies: not to L1. */
	WANT(CALL(VCPU_DUMP, l2->vcpu, pfn_of(page)), HG_E_DENIED);
	if (l2->cvm) {
		WANT(CALL(VCPU_SET_CPUID, l2->vcpu, pfn_of(page), 1), HG_E_STATE);
		WANT(CALL(VCPU_STARTUP, l2->vcpu, 0), HG_E_DENIED);
	}
	set_page_private(page, 0);
	__free_page(page);
	return 0;
}

static int watch_steps(struct l2 *l2)
{
	static const u32 flags[] = { HG_RUN_STEP, HG_RUN_TRAP_DB, HG_RUN_TRAP_BP };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(flags) && l2->cvm; i++) {
		l2->page->run_flags = flags[i];
		WANT(l2_run(l2), HG_E_DENIED);
	}
	if (!l2->cvm) {
		l2_answer(l2, GUEST_CHECK);
		l2->page->run_flags = HG_RUN_STEP;
		WANT(l2_run(l2), HG_EXIT_DEBUG);
	}
	l2->page->run_flags = 0;
	return l2_resync(l2);
}

int attack_set_registers(struct l2 *l2)
{
	if (ask_state(l2) || watch_steps(l2))
		return -1;
	if (l2->cvm) {
		junk_state(l2->page);
		l2->page->dirty = HG_STATE_ALL;
		WANT(l2_whole(l2), 1);
		junk_state(l2->page);
		l2->page->dirty = ~0u;
		WANT(l2_whole(l2), 1);
		return 0;
	}
	MUST(!l2_next(l2));
	l2->page->gpr[HG_RBX] = JUNK;
	l2->page->dirty = HG_STATE_REGS;
	WANT(l2_run(l2), HG_EXIT_IO);
	WANT(l2_whole(l2), 0);
	return 0;
}

/* ---- exits ---- */

/*
 * The guest writes its secret to RAM that it has not used yet, and L1 says that a device is
 * there: the value must not be told.
 */
static int ram_as_device(struct l2 *l2)
{
	u32 half = (u32)l2_secret(0), words[4] = { GUEST_POKE, GUEST_PAGE, half, half }, i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		MUST(!l2_next(l2));
		l2_answer(l2, words[i]);
	}
	WANT(l2_run(l2), HG_EXIT_NPF);
	MUST(l2->page->npf.access & HG_NPF_PRIVATE);
	for (i = 0; i < 20; i++) {
		l2->page->reply = i % (HG_REPLY_MMIO + 1);
		l2->page->reply_value = JUNK;
		l2->page->exit = HG_EXIT_MMIO;
		l2->page->npf.access = 0;
		WANT(l2_run(l2), HG_EXIT_NPF);
		MUST(!memchr_inv(l2->page->gpr, 0, sizeof(l2->page->gpr)));
	}
	if (l2_serve(l2) || l2_next(l2))
		return -1;
	MUST(!l2_reads_port(l2));
	return 0;
}

/* Answers to questions that the guest has not asked. */
static int false_replies(struct l2 *l2)
{
	struct hg_vcpu_page *page = l2->page;
	u32 i;

	for (i = 0; i < 100; i++) {
		MUST(!l2_next(l2));
		l2_answer(l2, l2_reads_port(l2) ? GUEST_CHECK : 0);
		/* After a read: of another kind, which makes it ask again. */
		if (i & 1)
			page->reply = i & 2 ? HG_REPLY_MMIO : HG_REPLY_FAULT;
		page->exit = i;
		page->msr.index = i;
		page->io.size = 0xff;
		page->valid = ~0u;
		page->event = HG_EVENT(HG_EVENT_FAULT, 13);
		page->insn_length = 15;
	}
	page->reply = HG_REPLY_MMIO + 1;
	WANT(l2_run(l2), HG_E_ARG);
	page->reply = HG_REPLY_NONE;
	return l2_resync(l2);
}

int attack_forge_exit(struct l2 *l2)
{
	u64 value;

	if (l2->cvm) {
		if (false_replies(l2))
			return -1;
		WANT(l2_whole(l2), 1);
		memset(l2->page->gpr, 0, sizeof(l2->page->gpr));
		return ram_as_device(l2);
	}
	/* An ordinary guest is told anything: here, what its memory has. */
	MUST(!l2_next(l2));
	l2_answer(l2, GUEST_CHECK);
	MUST(!l2_next(l2));
	MUST(!l2_reads_port(l2) && l2_port_value(l2) == 1);
	l2->page->gpr[HG_R12] = JUNK;
	l2_answer(l2, 0);
	WANT(l2_whole(l2), 0);
	return l2_peek(l2, GUEST_SECRET, &value);
}

/* ---- events ---- */

static int count_of(struct l2 *l2, u32 vector, u32 *count)
{
	u64 value;

	if (l2_peek(l2, GUEST_COUNTS + (vector & ~1u) * 4, &value))
		return -1;
	*count = (u32)(vector & 1 ? value >> 32 : value);
	return 0;
}

static const u32 error_codes = BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17);

/* What an ordinary guest's handler answers is swallowed. */
static int take_exception(struct l2 *l2, u32 event)
{
	u32 vector = HG_EVENT_VECTOR(event);

	MUST(!l2_next(l2));
	l2->page->inject = event;
	l2->page->inject_error = 0;
	MUST(!l2_next(l2));
	if (l2->cvm)
		return 0;
	MUST(!l2_reads_port(l2) && l2_port_value(l2) == (GUEST_FAULT | vector));
	l2_answer(l2, 0);
	return 0;
}

static int exceptions(struct l2 *l2)
{
	u32 vector, event, count;

	/* The last one is no exception of any CPU: it is refused before the guest runs. */
	for (vector = 0; vector < (l2->cvm ? 32 : 31); vector++) {
		event = HG_EVENT(HG_EVENT_FAULT, vector);
		if (vector == 2)
			continue;
		if (error_codes & BIT(vector))
			event |= HG_EVENT_HAS_ERROR;
		if (take_exception(l2, event) || count_of(l2, vector, &count))
			return evil_why("exception %u", vector);
		if (count != !l2->cvm)
			return evil_why("exception %u came %u times", vector, count);
	}
	return 0;
}

/* INT n: the guest would take it for its own. */
static int software(struct l2 *l2)
{
	u32 count;

	MUST(!l2_next(l2));
	l2->page->inject = HG_EVENT(HG_EVENT_SOFT, 0x80);
	/* Of no length: it returns to the port access. */
	l2->page->inject_length = 0;
	MUST(!l2_next(l2));
	if (count_of(l2, 0x80, &count))
		return -1;
	MUST(count == !l2->cvm);
	return 0;
}

static int interrupts(struct l2 *l2)
{
	static const struct {
		u32 vector;
		bool device;	/* one that a device may use */
	} sent[] = {
		{ 0x20, true }, { 0x31, true }, { 0x7f, true }, { 0x80, false }, { 0x81, true },
		{ 0xeb, true }, { 0xec, false }, { 0xef, false }, { 0xfb, false }, { 0xff, false },
		{ 0x00, false }, { 0x0e, false }, { 0x1f, false },
	};
	u32 i, before, after;

	for (i = 0; i < ARRAY_SIZE(sent) - (l2->cvm ? 0 : 3); i++) {
		if (count_of(l2, sent[i].vector, &before))
			return -1;
		MUST(!l2_next(l2));
		l2_answer(l2, GUEST_IRQS);
		if (!l2->cvm) {
			l2->page->run_flags = HG_RUN_IRQ_WINDOW;
			WANT(l2_run(l2), HG_EXIT_IRQ_WINDOW);
			l2->page->run_flags = 0;
		}
		l2->page->inject = HG_EVENT(HG_EVENT_IRQ, sent[i].vector);
		MUST(!l2_next(l2));
		l2->page->inject = 0;
		MUST(!l2_reads_port(l2));
		l2_answer(l2, 0);
		if (count_of(l2, sent[i].vector, &after))
			return -1;
		if (after - before != (sent[i].device || !l2->cvm))
			return evil_why("interrupt %#x: %u times", sent[i].vector, after - before);
	}
	return 0;
}

/* Without a pause: the guest must get on. */
static int nmi_storm(struct l2 *l2)
{
	u32 i, count;

	for (i = 0; i < 3000; i++) {
		l2->page->inject = HG_EVENT(HG_EVENT_NMI, 2);
		MUST(l2_run(l2) >= 0);
		if (l2->page->exit == HG_EXIT_IO)
			l2_answer(l2, GUEST_CHECK);
	}
	l2->page->inject = 0;
	if (l2_resync(l2) || count_of(l2, 2, &count))
		return -1;
	MUST(count > 0);
	return 0;
}

int attack_inject(struct l2 *l2)
{
	u64 denied = CALL(DOMAIN_STAT, l2->domain, HG_DOMAIN_STAT_DENIED);

	/* No such event. */
	l2->page->inject = HG_EVENT(HG_EVENT_FAULT, 32);
	WANT(l2_run(l2), HG_E_ARG);
	l2->page->inject = HG_EVENT(HG_EVENT_NMI, 13);
	WANT(l2_run(l2), HG_E_ARG);
	l2->page->inject = HG_EVENT(1, 13);
	WANT(l2_run(l2), HG_E_ARG);
	l2->page->inject = 0;
	if (exceptions(l2) || software(l2) || interrupts(l2) || nmi_storm(l2))
		return -1;
	denied = CALL(DOMAIN_STAT, l2->domain, HG_DOMAIN_STAT_DENIED) - denied;
	MUST(l2->cvm ? denied >= 31 : !denied);
	return 0;
}

/* ---- vector registers ---- */

/* The guest keeps its secret in XMM0, L1 looks there after every run. */
int attack_fpu_leak(struct l2 *l2)
{
	u32 i, seen = 0;

	for (i = 0; i < 200; i++) {
		MUST(!l2_next(l2));
		seen += l2_has_secret(l2->fpu, sizeof(l2->fpu));
		l2_answer(l2, l2_reads_port(l2) ? GUEST_CHECK : 0);
	}
	if (l2->cvm) {
		MUST(!seen);
		/* And what L1 has put there instead the guest does not use. */
		memset(&l2->fpu[160], 0x4a, 256);
		if (l2_resync(l2))
			return -1;
		WANT(l2_whole(l2), 1);
		return 0;
	}
	MUST(seen == 200);
	memset(&l2->fpu[160], 0x4a, 256);
	if (l2_resync(l2))
		return -1;
	WANT(l2_whole(l2), 0);
	return 0;
}
