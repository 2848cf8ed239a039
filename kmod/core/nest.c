// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nesting: what the kernel of a guest, the parent here, asks of the core (nest.h).
 *
 * The calls are those of the host; this file says what they mean in the mouth of a
 * guest, whom the core does not trust. It sees frame numbers of its own, so each is
 * looked up in its tables first:
 *
 * - What it lends to a child is what it was lent itself. When it loses such a page, or
 *   the right to write to it, all its children lose what they were lent, and fault it
 *   in again through their parent: hg_nest_lost().
 * - What it gives away leaves it: another frame, the host's, which no process of the
 *   host has mapped, takes its place. That frame is the core's or the child's; the
 *   parent finds nothing there until it has its page back. So neither the parent nor
 *   the process that runs it ever sees what is in it, nor can take it away.
 * - A control page is a frame of the core's, too, that the parent sees at the place of
 *   the page that it gave for it. Nothing else is ever shared with it.
 *
 * Frames come from the parent's own cache. Where one is missing, or a page is not there
 * now, L0 is asked by an exit, with RIP still on the VMMCALL, and all begins anew.
 */
#include "core.h"

#define VEC_DF		8
#define VEC_GP		13
#define DOUBLE_FAULT	(HG_EVENT(HG_EVENT_FAULT, VEC_DF) | (u32)HG_EVENT_HAS_ERROR)

/* Frames of ours that a parent's cache may keep; more are offered to L0. */
#define CACHE_ENOUGH	1024
/* Frames that one DOMAIN_PURGE of a guest's scrubs: interrupts are off meanwhile. */
#define PURGE_MOST	1024
/* Tables that it takes to give one page away: a page of 1 GiB is split twice. */
#define SPLIT_TABLES	2

struct call {
	struct hg_vcpu *vcpu;
	struct hg_domain *domain;	/* whose kernel calls */
	u32 who;			/* its handle */
	u32 reply;			/* enum hg_reply: L0's answer, if it was asked before */
	int exit;			/* >= 0: L0 has to do something first */
	bool released;			/* when it is over, all vCPUs leave the guest once */
	u64 nr;				/* enum hg_call_nr */
	u64 arg[5];
};

/* --- asking L0: the status does not count then --- */

static s64 ask_frames(struct call *c, u32 count, bool big)
{
	struct hg_vcpu_page *page = c->vcpu->page;

	if (c->reply == HG_REPLY_FAULT)
		return HG_E_LIMIT;
	page->frames.count = count;
	page->frames.big = big;
	c->exit = HG_EXIT_FRAMES;
	return HG_E_NOMEM;
}

static s64 ask_page(struct call *c, u64 gfn, bool write)
{
	struct hg_vcpu_page *page = c->vcpu->page;

	if (c->reply == HG_REPLY_MMIO && c->vcpu->asked == gfn + 1)
		return HG_E_RANGE;
	c->vcpu->asked = gfn + 1;
	page->npf.gpa = gfn << HG_PAGE_SHIFT;
	page->npf.access = HG_NPF_CALL | HG_NPF_USER | (write ? HG_NPF_WRITE : 0);
	c->exit = HG_EXIT_NPF;
	return HG_E_ABSENT;
}

/* --- frames and pages; the caller's domain is locked --- */

/* @count frames, and what it takes to give a page away. */
static s64 reserve(struct call *c, u32 count)
{
	count += SPLIT_TABLES;
	return hg_npt_cache_has(c->domain, count) ? HG_OK : ask_frames(c, count, false);
}

/* A clean frame of the cache, nobody's for now. */
static u64 frame_out(struct hg_domain *domain)
{
	u64 pfn = hg_npt_cache_take(domain);

	HG_BUG_ON(!pfn);
	HG_BUG_ON(hg_frames_move(pfn, 1, HG_MOVE_RETURN, domain->handle));
	return pfn;
}

/* It is clean again. */
static void frame_in(struct hg_domain *domain, u64 pfn)
{
	HG_BUG_ON(hg_frames_move(pfn, 1, HG_MOVE_DONATE, domain->handle));
	hg_npt_cache_add(domain, pfn);
}

static s64 own(struct call *c, u64 gfn, bool write, u64 *pfn, u32 *level)
{
	s64 status = hg_npt_own(c->domain, gfn, write, pfn, level);

	return status == HG_E_ABSENT ? ask_page(c, gfn, write) : status;
}

static s64 give(struct call *c, u64 gfn, u64 next)
{
	s64 status = hg_npt_give(c->domain, gfn, next);

	if (status == HG_E_ABSENT)
		return ask_page(c, gfn, true);
	return status == HG_E_NOMEM ? ask_frames(c, SPLIT_TABLES, false) : status;
}

/* [gfn, gfn + count), all or none; each is linked to the one before it, the first to @next. */
static s64 give_range(struct call *c, u64 gfn, u64 count, u64 next)
{
	u64 i, pfn;
	u32 level;
	s64 status;

	for (i = 0; i < count; i++) {
		status = own(c, gfn + i, true, &pfn, &level);
		if (status)
			return status;
	}
	for (i = 0; i < count; i++) {
		status = give(c, gfn + i, i ? gfn + i : next);
		if (!status)
			continue;
		while (i--)
			hg_npt_back(c->domain, gfn + i);
		return status;
	}
	return HG_OK;
}

static void lock(struct call *c)
{
	hg_domain_lock(c->domain);
}

static s64 leave(struct call *c, s64 status)
{
	hg_domain_leave(c->domain);
	return status;
}

/* --- domains --- */

static s64 call_domain_create(struct call *c)
{
	struct hg_nest *nest = &c->domain->nest;
	u64 gfn = c->arg[0], pfn;
	s64 status;

	if (c->arg[1])
		return HG_E_FLAGS;
	lock(c);
	status = nest->domains < HG_NEST_DOMAINS ? reserve(c, 1) : HG_E_LIMIT;
	if (!status)
		status = give(c, gfn, 0);
	if (status)
		return leave(c, status);
	pfn = frame_out(c->domain);
	nest->domains++;
	leave(c, 0);

	status = hg_domain_create(c->who, pfn, 0, gfn + 1);
	if (status >= 0)
		return status;
	lock(c);
	nest->domains--;
	hg_npt_back(c->domain, gfn);
	frame_in(c->domain, pfn);
	return leave(c, status);
}

/* The child behind @handle. It stays as long as its parent, which is locked, and so does @away. */
static struct hg_domain *child_of(u32 who, u64 handle)
{
	struct hg_domain *child = hg_domain_enter(who, handle);

	if (child)
		hg_domain_leave(child);
	return child;
}

/* Calls that give a child one page: @arg is where the page is among the arguments. */
static s64 give_to_child(struct call *c, u32 arg)
{
	u64 forward[5], gfn = c->arg[arg];
	struct hg_domain *child;
	s64 status;

	lock(c);
	child = child_of(c->who, c->arg[0]);
	if (!child)
		return leave(c, HG_E_HANDLE);
	status = reserve(c, 1);
	if (!status)
		status = give(c, gfn, child->away);
	if (status)
		return leave(c, status);
	memcpy(forward, c->arg, sizeof(forward));
	forward[arg] = frame_out(c->domain);
	status = hg_call_as(c->who, c->nr, forward);
	if (status < 0) {
		hg_npt_back(c->domain, gfn);
		frame_in(c->domain, forward[arg]);
	} else {
		child->away = gfn + 1;
	}
	return leave(c, status);
}

static s64 call_domain_donate(struct call *c)
{
	return c->arg[2] ? HG_E_ARG : give_to_child(c, 1);
}

/* A frame of the child's becomes the parent's page again. @domain, its parent, is locked. */
static s64 take_back(struct hg_domain *domain, u64 handle)
{
	struct hg_domain *child = child_of(domain->handle, handle);
	u64 first, next;
	s64 pfn;

	if (!child)
		return HG_E_HANDLE;
	first = child->away;
	pfn = hg_do_domain_reclaim(domain->handle, handle, 0, 0, 0, 0);
	if (pfn < 0)
		return pfn;
	HG_BUG_ON(!first);	/* each frame of a child's was given for a page */
	frame_in(domain, (u64)pfn);
	next = hg_npt_back(domain, first - 1);
	/* The last frame was the child itself. */
	if (child_of(domain->handle, handle))
		child->away = next;
	else
		domain->nest.domains--;
	return (s64)(first - 1);
}

static s64 call_domain_reclaim(struct call *c)
{
	s64 gfn;

	lock(c);
	gfn = take_back(c->domain, c->arg[0]);
	c->released |= c->domain->stat[HG_DOMAIN_STAT_CACHE] > CACHE_ENOUGH;
	return leave(c, gfn);
}

/* --- lending --- */

/* The parent's page is smaller than what it wants mapped: piece by piece. */
static s64 map_pieces(struct call *c)
{
	u64 gfn = c->arg[1], from = c->arg[2], prot = c->arg[4], i, pfn;
	bool write = prot & HG_PROT_WRITE;
	s64 status;
	u32 level;

	for (i = 0; i < HG_BIG_PAGE; i++) {
		status = own(c, from + i, write, &pfn, &level);
		if (status)
			return status;
		status = hg_do_map(c->who, c->arg[0], gfn + i, pfn, 1, prot);
		if (status)
			return status;
		hg_npt_onward(c->domain, from + i);
	}
	return HG_OK;
}

static s64 map(struct call *c)
{
	u64 from = c->arg[2], want = c->arg[3], prot = c->arg[4], pfn;
	s64 status;
	u32 level;

	/* A child of 1 GiB pages is not worth the work here. */
	if (want < 1 || want > 2 || want > hg_core.backend->npt_levels_max)
		return HG_E_ARG;
	if (want == 2 && ((c->arg[1] | from) % HG_BIG_PAGE))
		return HG_E_ALIGN;
	status = own(c, from, prot & HG_PROT_WRITE, &pfn, &level);
	if (status)
		return status;
	if (level < want || (want == 2 && pfn % HG_BIG_PAGE))
		return map_pieces(c);
	status = hg_do_map(c->who, c->arg[0], c->arg[1], pfn, want, prot);
	if (!status)
		hg_npt_onward(c->domain, from);
	return status;
}

static s64 call_map(struct call *c)
{
	lock(c);
	return leave(c, map(c));
}

/* UNMAP, PROTECT, AGE. */
static s64 call_range(struct call *c)
{
	return c->arg[2] > HG_NEST_RANGE ? HG_E_LIMIT : hg_call_as(c->who, c->nr, c->arg);
}

void hg_nest_lost(struct hg_domain *domain)
{
	struct hg_domain *child;
	u32 slot;

	domain->nest.lost = false;
	if (!domain->nest.domains)
		return;
	for (slot = 0; (child = hg_domain_child(domain->handle, &slot)); slot++) {
		hg_npt_unmap_all(child);
		child->nest.given = true;
		hg_domain_leave(child);
	}
}

/* --- data that a call reads or writes: by a frame that only the core knows --- */

static s64 bounce(struct call *c, u64 gfn, bool write, u64 *pfn)
{
	s64 status;
	u32 level;
	u64 from;

	lock(c);
	status = reserve(c, 1);
	if (!status)
		status = own(c, gfn, write, &from, &level);
	if (!status) {
		*pfn = frame_out(c->domain);
		if (!write)
			memcpy(hg_frame_va(*pfn), hg_frame_va(from), HG_PAGE_SIZE);
	}
	return leave(c, status);
}

/* @bytes of the frame are for the parent. Its page may have gone meanwhile. */
static s64 bounce_back(struct call *c, u64 gfn, u64 pfn, s64 bytes)
{
	s64 status = bytes;
	u32 level;
	u64 to;

	lock(c);
	if (bytes > 0) {
		status = own(c, gfn, true, &to, &level);
		if (!status) {
			memcpy(hg_frame_va(to), hg_frame_va(pfn), (u64)bytes);
			status = bytes;
		}
	}
	memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	frame_in(c->domain, pfn);
	return leave(c, status);
}

static s64 call_vcpu_set_cpuid(struct call *c)
{
	s64 status;
	u64 pfn;

	status = bounce(c, c->arg[1], false, &pfn);
	if (status)
		return status;
	status = hg_do_vcpu_set_cpuid(c->who, c->arg[0], pfn, c->arg[2], 0, 0);
	return bounce_back(c, 0, pfn, status);
}

static s64 call_cvm_load(struct call *c)
{
	s64 status;
	u64 pfn;

	/* Not before there is a session between the guest and whose secret it is. */
	if (c->arg[4] == HG_LOAD_SECRET)
		return HG_E_DENIED;
	status = bounce(c, c->arg[2], false, &pfn);
	if (status)
		return status;
	status = hg_do_cvm_load(c->who, c->arg[0], c->arg[1], pfn, c->arg[3], c->arg[4]);
	return bounce_back(c, 0, pfn, status);
}

static s64 call_cvm_report(struct call *c)
{
	s64 status;
	u64 pfn;

	status = bounce(c, c->arg[1], true, &pfn);
	if (status)
		return status;
	status = hg_do_cvm_report(c->who, c->arg[0], pfn, 0, 0, 0);
	return bounce_back(c, c->arg[1], pfn, status);
}

/* --- private pages --- */

/* 2 MiB at once: 512 pages of the parent's for 512 frames in a row. */
static s64 add_big(struct call *c)
{
	struct hg_nest *nest = &c->domain->nest;
	struct hg_domain *child = child_of(c->who, c->arg[0]);
	u64 gfn = c->arg[2], pfn = nest->big, i;
	s64 status;

	if (gfn % HG_BIG_PAGE)
		return HG_E_ALIGN;
	if (!child)
		return HG_E_HANDLE;
	if (!pfn)
		return ask_frames(c, HG_BIG_PAGE, true);
	status = reserve(c, 0);
	if (!status)
		status = give_range(c, gfn, HG_BIG_PAGE, child->away);
	if (status)
		return status;
	HG_BUG_ON(hg_frames_move(pfn, HG_BIG_PAGE, HG_MOVE_RETURN, c->who));
	nest->big = 0;
	status = hg_do_cvm_add(c->who, c->arg[0], c->arg[1], pfn, 2, c->arg[4]);
	if (!status) {
		child->away = gfn + HG_BIG_PAGE;
		return HG_OK;
	}
	HG_BUG_ON(hg_frames_move(pfn, HG_BIG_PAGE, HG_MOVE_DONATE, c->who));
	nest->big = pfn;
	for (i = 0; i < HG_BIG_PAGE; i++)
		hg_npt_back(c->domain, gfn + i);
	return status;
}

static s64 call_cvm_add(struct call *c)
{
	if (c->arg[3] != 2)
		return give_to_child(c, 2);
	lock(c);
	return leave(c, add_big(c));
}

/* --- vCPUs --- */

/* What the parent gave for them is its own again. It is locked. */
static void return_pages(struct hg_domain *domain, const struct hg_vcpu_frames *frames)
{
	u32 i;

	for (i = 0; i < HG_VCPU_FRAMES; i++) {
		hg_npt_back(domain, frames->away[i]);
		frame_in(domain, frames->frame[i]);
	}
	hg_npt_back(domain, frames->page_gfn);
	domain->nest.vcpus--;
}

static s64 give_vcpu(struct call *c, struct hg_vcpu_frames *frames)
{
	u32 i, level;
	s64 status;
	u64 pfn;

	status = c->domain->nest.vcpus < HG_NEST_VCPUS ? reserve(c, HG_VCPU_FRAMES + 1) :
							  HG_E_LIMIT;
	/* Before anything is given: what is asked for later would have to be undone again. */
	if (!status)
		status = own(c, c->arg[1], true, &pfn, &level);
	if (!status)
		status = give_range(c, c->arg[2], HG_VCPU_FRAMES, 0);
	if (status)
		return status;
	status = give(c, c->arg[1], 0);
	if (!status && !hg_npt_cache_has(c->domain, HG_VCPU_FRAMES + 1)) {
		hg_npt_back(c->domain, c->arg[1]);
		status = ask_frames(c, HG_VCPU_FRAMES + 1 + SPLIT_TABLES, false);
	}
	for (i = 0; status && i < HG_VCPU_FRAMES; i++)
		hg_npt_back(c->domain, c->arg[2] + i);
	if (status)
		return status;
	c->domain->nest.vcpus++;
	frames->page = frame_out(c->domain);
	frames->page_gfn = c->arg[1];
	for (i = 0; i < HG_VCPU_FRAMES; i++) {
		frames->frame[i] = frame_out(c->domain);
		frames->away[i] = c->arg[2] + i;
	}
	return HG_OK;
}

static s64 call_vcpu_create(struct call *c)
{
	struct hg_vcpu_frames frames;
	s64 status;

	lock(c);
	status = leave(c, give_vcpu(c, &frames));
	if (status)
		return status;
	/* At once: as soon as it has a handle, another of the caller's vCPUs may destroy it. */
	hg_lock(&hg_core.handles);
	lock(c);
	status = hg_vcpu_create(c->who, c->arg[0], &frames);
	if (status < 0) {
		return_pages(c->domain, &frames);
		frame_in(c->domain, frames.page);
	} else {
		hg_npt_fix(c->domain, frames.page_gfn, frames.page);
		/* Whoever has seen the old page there must see the control page. */
		c->released = true;
	}
	leave(c, 0);
	hg_unlock(&hg_core.handles);
	return status;
}

/* The control page is still in the parent's tables, and may be in TLBs. */
static s64 destroy_vcpu(struct hg_domain *domain, u64 handle)
{
	struct hg_vcpu_frames frames;
	s64 status;

	status = hg_vcpu_destroy(domain->handle, handle, &frames);
	if (status)
		return status;
	hg_domain_lock(domain);
	return_pages(domain, &frames);
	HG_BUG_ON(hg_frames_move(frames.page, 1, HG_MOVE_UNCONTROL,
				 hg_core.frames[frames.page].owner));
	hg_npt_retire(domain, frames.page);
	hg_domain_leave(domain);
	return HG_OK;
}

static s64 call_vcpu_destroy(struct call *c)
{
	return destroy_vcpu(c->domain, c->arg[0]);
}

static s64 call_vcpu_run(struct call *c)
{
	return c->arg[1] ? HG_E_ARG : hg_vcpu_run_child(c->vcpu, c->arg[0], &c->exit);
}

/* --- the end of children --- */

/* All vCPUs of one child, by handle; it is locked. */
static u32 vcpus_of(const struct hg_domain *child, u32 *handles)
{
	u32 i, count = 0;

	for (i = 0; i < HG_MAX_VCPUS; i++)
		if (child->vcpus[i])
			handles[count++] = child->vcpus[i]->handle;
	return count;
}

static s64 kill_child(struct hg_domain *domain, u32 handle, const u32 *vcpus, u32 count,
		      u64 *frames)
{
	s64 status = HG_OK;
	u32 i;

	for (i = 0; i < count; i++) {
		status = destroy_vcpu(domain, vcpus[i]);
		/* Its parent may be destroying it, too. */
		if (status && status != HG_E_HANDLE)
			return status;
	}
	hg_do_domain_destroy(domain->handle, handle, 0, 0, 0, 0);
	for (; *frames; --*frames) {
		hg_domain_lock(domain);
		status = take_back(domain, handle);
		hg_domain_leave(domain);
		if (status < 0)
			return HG_OK;
	}
	return HG_OK;
}

static s64 purge(struct hg_domain *domain, u64 frames)
{
	u32 slot, handle, count, vcpus[HG_MAX_VCPUS];
	struct hg_domain *child;
	s64 status;

	for (slot = 0; frames && (child = hg_domain_child(domain->handle, &slot)); slot++) {
		handle = child->handle;
		count = vcpus_of(child, vcpus);
		hg_domain_leave(child);
		status = kill_child(domain, handle, vcpus, count, &frames);
		if (status)
			return status;
	}
	hg_domain_lock(domain);
	status = domain->nest.domains;
	hg_domain_leave(domain);
	return status;
}

s64 hg_do_domain_purge(u32 who, u64 handle, u64 frames, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);
	bool live = domain && domain->state == HG_DOMAIN_LIVE;
	s64 left;

	(void)a2;
	(void)a3;
	(void)a4;
	if (!domain)
		return HG_E_HANDLE;
	domain->nest.purges += live;
	hg_domain_leave(domain);
	if (!live)
		return HG_E_HANDLE;
	left = frames ? purge(domain, frames) : HG_E_ARG;
	hg_domain_lock(domain);
	domain->nest.purges--;
	hg_domain_leave(domain);
	return left;
}

static s64 call_domain_purge(struct call *c)
{
	u64 frames = c->arg[1] < PURGE_MOST ? c->arg[1] : PURGE_MOST;
	s64 left;

	if (c->arg[0])
		return HG_E_HANDLE;
	left = c->arg[1] ? purge(c->domain, frames) : HG_E_ARG;
	lock(c);
	c->released |= c->domain->stat[HG_DOMAIN_STAT_CACHE] > CACHE_ENOUGH;
	return leave(c, left);
}

/* --- what is told of --- */

static s64 call_frame_stat(struct call *c)
{
	u64 private = 0, lent = 0;
	struct hg_domain *child;
	u32 slot;

	lock(c);
	for (slot = 0; (child = hg_domain_child(c->who, &slot)); slot++) {
		const u64 *stat = child->stat;

		private += stat[HG_DOMAIN_STAT_PRIVATE_4K] +
			   stat[HG_DOMAIN_STAT_PRIVATE_2M] * HG_BIG_PAGE;
		lent += stat[HG_DOMAIN_STAT_MAPPED_4K] +
			stat[HG_DOMAIN_STAT_MAPPED_2M] * HG_BIG_PAGE;
		hg_domain_leave(child);
	}
	switch (c->arg[0]) {
	case HG_FRAME_LENT:
		return leave(c, (s64)lent);
	case HG_FRAME_CONTROL:
		return leave(c, c->domain->nest.vcpus);
	case HG_FRAME_CORE:
		return leave(c, (s64)(c->domain->nest.away - c->domain->nest.vcpus - private));
	case HG_FRAME_PRIVATE:
		return leave(c, (s64)private);
	case HG_FRAME_HOST:
	case HG_FRAME_DEVICE:
		return leave(c, 0);
	}
	return leave(c, HG_E_ARG);
}

static s64 call_denied(struct call *c)
{
	(void)c;
	return HG_E_DENIED;
}

/* --- the door --- */

/* What is not here means the same in a guest's mouth: handles are its own. */
static s64 (*const calls[HG_CALL_COUNT])(struct call *c) = {
	[HG_CALL_DOMAIN_CREATE]	 = call_domain_create,
	[HG_CALL_DOMAIN_DONATE]	 = call_domain_donate,
	[HG_CALL_DOMAIN_RECLAIM] = call_domain_reclaim,
	[HG_CALL_MAP]		 = call_map,
	[HG_CALL_UNMAP]		 = call_range,
	[HG_CALL_PROTECT]	 = call_range,
	[HG_CALL_AGE]		 = call_range,
	[HG_CALL_VCPU_CREATE]	 = call_vcpu_create,
	[HG_CALL_VCPU_DESTROY]	 = call_vcpu_destroy,
	[HG_CALL_VCPU_RUN]	 = call_vcpu_run,
	[HG_CALL_VCPU_SET_CPUID] = call_vcpu_set_cpuid,
	[HG_CALL_VCPU_DUMP]	 = call_denied,	/* it would tell addresses of the machine's */
	[HG_CALL_FRAME_STAT]	 = call_frame_stat,
	[HG_CALL_CVM_ADD]	 = call_cvm_add,
	[HG_CALL_CVM_LOAD]	 = call_cvm_load,
	[HG_CALL_CVM_REPORT]	 = call_cvm_report,
	[HG_CALL_DOMAIN_PURGE]	 = call_domain_purge,
};

static s64 dispatch(struct call *c)
{
	s64 status = hg_call_check(&c->nr, c->arg);

	if (status)
		return status;
	return calls[c->nr] ? calls[c->nr](c) : hg_call_as(c->who, c->nr, c->arg);
}

bool hg_nest_is_call(const struct hg_vcpu *vcpu)
{
	return (vcpu->domain->flags & HG_DOMAIN_NESTING) &&
	       (vcpu->gpr[HG_RAX] & HG_NEST_CALL_MASK) == HG_NEST_CALL;
}

/* In 64-bit code at CPL 0? */
static bool allowed(struct hg_vcpu *vcpu)
{
	struct hg_segment cs;
	struct hg_fetch now;

	hg_core.backend->vcpu_code(vcpu, &now);
	hg_core.backend->vcpu_segment(vcpu, HG_SEG_CS, &cs);
	return !now.cpl && (now.efer & HG_EFER_LMA) && (cs.attr & HG_SEG_L);
}

int hg_nest_call(struct hg_vcpu *vcpu, u32 length)
{
	struct call c = {
		.vcpu = vcpu, .domain = vcpu->domain, .who = vcpu->domain->handle, .exit = -1,
		.nr = vcpu->gpr[HG_RAX] & ~HG_NEST_CALL_MASK,
		.arg = { vcpu->gpr[HG_RBX], vcpu->gpr[HG_RCX], vcpu->gpr[HG_RDX],
			 vcpu->gpr[HG_RSI], vcpu->gpr[HG_RDI] },
	};
	s64 status = HG_E_DENIED;

	c.reply = HG_READ_ONCE(vcpu->page->reply);
	HG_WRITE_ONCE(vcpu->page->reply, HG_REPLY_NONE);
	if (allowed(vcpu))
		status = dispatch(&c);
#ifdef HG_DEBUG
	hg_core_audit_some();
#endif
	if (c.exit >= 0)
		return c.exit;
	vcpu->asked = 0;
	vcpu->gpr[HG_RAX] = (u64)status;
	hg_core.backend->vcpu_skip(vcpu, length);
	return c.released ? HG_EXIT_RELEASED : -1;
}

/*
 * The parent touches what it has given away: #GP, which its kernel can survive. Not if
 * the delivery of an event needs the page: that is a double fault, and then the end.
 */
int hg_nest_fault(struct hg_vcpu *vcpu, u64 gpa)
{
	struct hg_domain *domain = vcpu->domain;
	bool away;

	if (HG_LIKELY(!domain->nest.away))
		return HG_NEST_NOT_MINE;
	hg_domain_lock(domain);
	away = hg_npt_is_away(domain, gpa >> HG_PAGE_SHIFT);
	hg_domain_leave(domain);
	if (!away)
		return HG_NEST_NOT_MINE;
	if (vcpu->event == DOUBLE_FAULT)
		return HG_EXIT_SHUTDOWN;
	hg_vcpu_raise(vcpu, vcpu->event ? VEC_DF : VEC_GP, true, 0);
	return -1;
}
