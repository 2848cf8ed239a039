// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: handles, life, and the calls that change what a guest may reach.
 */
#include "core.h"

#define UNUSED3(a, b, c)	((void)(a), (void)(b), (void)(c))

/* --- handles: generation in bits 15:8, slot + 1 below; 16 bits fit a frame record --- */

static struct hg_domain_slot *slot_of(u32 handle)
{
	return &hg_core.domains[(handle & 0xff) - 1];
}

struct hg_domain *hg_domain_enter(u32 who, u64 handle)
{
	struct hg_domain_slot *slot;
	struct hg_domain *domain;

	if (HG_UNLIKELY(handle >> 16 || (handle & 0xff) - 1 >= HG_MAX_DOMAINS))
		return NULL;
	slot = slot_of((u32)handle);
	/* A guest that holds its own lock must not wait for one that is no child's of its. */
	if (HG_UNLIKELY(__atomic_load_n(&slot->parent, __ATOMIC_RELAXED) != who))
		return NULL;
	hg_lock(&slot->lock);
	domain = slot->domain;
	if (HG_LIKELY(domain && domain->handle == handle && domain->parent == who))
		return domain;
	hg_unlock(&slot->lock);
	return NULL;
}

struct hg_domain *hg_domain_child(u32 who, u32 *slot)
{
	for (; *slot < HG_MAX_DOMAINS; ++*slot) {
		struct hg_domain_slot *s = &hg_core.domains[*slot];

		if (__atomic_load_n(&s->parent, __ATOMIC_RELAXED) != who ||
		    !__atomic_load_n(&s->domain, __ATOMIC_RELAXED))
			continue;
		hg_lock(&s->lock);
		if (s->domain && s->domain->parent == who)
			return s->domain;
		hg_unlock(&s->lock);
	}
	return NULL;
}

void hg_domain_lock(struct hg_domain *domain)
{
	hg_lock(&slot_of(domain->handle)->lock);
}

void hg_domain_leave(struct hg_domain *domain)
{
	hg_unlock(&slot_of(domain->handle)->lock);
}

/* The same, but a domain that is being destroyed does not count. */
static struct hg_domain *enter_live(u32 who, u64 handle)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);

	if (HG_LIKELY(domain && domain->state == HG_DOMAIN_LIVE))
		return domain;
	if (domain)
		hg_domain_leave(domain);
	return NULL;
}

static s64 leave(struct hg_domain *domain, s64 status)
{
	hg_domain_leave(domain);
	return status;
}

/* --- life --- */

/*
 * The handles' lock is held: slots fill only under it. @away: see struct hg_domain,
 * for a caller that is a guest.
 */
static s64 create(u32 who, u64 pfn, u32 flags, u64 away)
{
	static u8 generation;
	struct hg_domain *domain;
	/* Guests' guests leave some for the host. */
	u32 end = HG_MAX_DOMAINS - (who ? HG_NEST_SPARED : 0), i, handle;
	s64 status;

	for (i = 0; i < end; i++)
		if (!__atomic_load_n(&hg_core.domains[i].domain, __ATOMIC_RELAXED))
			break;
	if (i == end)
		return HG_E_LIMIT;
	generation = (generation + 1) & 0x7f;
	handle = (u32)generation << 8 | (i + 1);
	status = hg_frames_move(pfn, 1, HG_MOVE_DONATE, handle);
	if (status)
		return status;
	domain = hg_frame_va(pfn);
	memset(domain, 0, HG_PAGE_SIZE);
	domain->handle = handle;
	domain->parent = who;
	domain->flags = flags;
	domain->away = away;
	domain->control_pfn = pfn;
	domain->state = HG_DOMAIN_LIVE;
	domain->tlb_gen = 1;	/* a new vCPU has seen 0: it flushes at its first entry */
	hg_domain_lock(domain);
	__atomic_store_n(&slot_of(handle)->parent, who, __ATOMIC_RELAXED);
	__atomic_store_n(&slot_of(handle)->domain, domain, __ATOMIC_RELAXED);
	hg_domain_leave(domain);
	return handle;
}

s64 hg_domain_create(u32 who, u64 pfn, u32 flags, u64 away)
{
	s64 status;

	hg_lock(&hg_core.handles);
	status = create(who, pfn, flags, away);
	hg_unlock(&hg_core.handles);
	return status;
}

s64 hg_do_domain_create(u32 who, u64 pfn, u64 flags, u64 a2, u64 a3, u64 a4)
{
	UNUSED3(a2, a3, a4);
	if (flags & ~(u64)HG_DOMAIN_NESTING)
		return HG_E_FLAGS;
	return hg_domain_create(who, pfn, (u32)flags, 0);
}

s64 hg_do_domain_destroy(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;

	(void)a1;
	UNUSED3(a2, a3, a4);
	domain = enter_live(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	if (domain->stat[HG_DOMAIN_STAT_VCPUS] || domain->nest.domains || domain->nest.purges)
		return leave(domain, HG_E_BUSY);
	hg_npt_destroy(domain);
	domain->state = HG_DOMAIN_DYING;
	return leave(domain, HG_OK);
}

/* The first frame ever given becomes the top table. */
static s64 donate(struct hg_domain *domain, u64 pfn)
{
	s64 status = hg_frames_move(pfn, 1, HG_MOVE_DONATE, domain->handle);

	if (status)
		return status;
	memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	hg_npt_cache_add(domain, pfn);
	if (!domain->root)
		HG_BUG_ON(hg_npt_init(domain));
	return HG_OK;
}

static s64 donate_big(struct hg_domain *domain, u64 pfn)
{
	s64 status;

	if (pfn % HG_BIG_PAGE)
		return HG_E_ALIGN;
	if (domain->nest.big)
		return HG_E_EXISTS;
	status = hg_frames_move(pfn, HG_BIG_PAGE, HG_MOVE_DONATE, domain->handle);
	if (!status)
		domain->nest.big = pfn;
	return status;
}

s64 hg_do_domain_donate(u32 who, u64 handle, u64 pfn, u64 big, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	(void)a3;
	(void)a4;
	if (big > 1)
		return HG_E_ARG;
	domain = hg_domain_enter(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	if (domain->state != HG_DOMAIN_LIVE)
		return leave(domain, HG_E_STATE);
	status = big ? donate_big(domain, pfn) : donate(domain, pfn);
	return leave(domain, status ? status : (s64)domain->stat[HG_DOMAIN_STAT_CACHE]);
}

/* The slot's lock is held. The last frame takes the handle with it. */
static s64 reclaim(struct hg_domain_slot *slot, struct hg_domain *domain)
{
	u32 owner = domain->handle;
	u64 pfn;

	hg_npt_drain_limbo(domain);
	pfn = hg_npt_cache_take(domain);
	if (!pfn && domain->state == HG_DOMAIN_DYING) {
		pfn = domain->control_pfn;
		__atomic_store_n(&slot->domain, NULL, __ATOMIC_RELAXED);
	}
	if (!pfn)
		return HG_E_ABSENT;
	memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	HG_BUG_ON(hg_frames_move(pfn, 1, HG_MOVE_RETURN, owner));
	return (s64)pfn;
}

s64 hg_do_domain_reclaim(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);
	struct hg_domain_slot *slot;
	s64 status;

	(void)a1;
	UNUSED3(a2, a3, a4);
	if (!domain)
		return HG_E_HANDLE;
	slot = slot_of((u32)handle);
	status = reclaim(slot, domain);
	hg_unlock(&slot->lock);
	return status;
}

s64 hg_do_domain_stat(u32 who, u64 handle, u64 which, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;

	UNUSED3(a2, a3, a4);
	if (which >= HG_DOMAIN_STAT_COUNT)
		return HG_E_ARG;
	domain = hg_domain_enter(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	/* Asked in order to take frames back: those count that nobody reaches any more. */
	if (which == HG_DOMAIN_STAT_CACHE)
		hg_npt_drain_limbo(domain);
	return leave(domain, (s64)domain->stat[which]);
}

/* --- what the guest may reach --- */

s64 hg_do_map(u32 who, u64 handle, u64 gfn, u64 pfn, u64 level, u64 prot)
{
	struct hg_domain *domain;

	if (level > 3)
		return HG_E_ARG;
	domain = enter_live(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	return leave(domain, hg_npt_map(domain, gfn, pfn, (u32)level, prot));
}

s64 hg_do_unmap(u32 who, u64 handle, u64 gfn, u64 count, u64 a3, u64 a4)
{
	struct hg_domain *domain;

	(void)a3;
	(void)a4;
	domain = enter_live(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	return leave(domain, hg_npt_unmap(domain, gfn, count));
}

s64 hg_do_protect(u32 who, u64 handle, u64 gfn, u64 count, u64 a3, u64 a4)
{
	struct hg_domain *domain;

	(void)a3;
	(void)a4;
	domain = enter_live(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	return leave(domain, hg_npt_protect(domain, gfn, count));
}

s64 hg_do_age(u32 who, u64 handle, u64 gfn, u64 count, u64 clear, u64 a4)
{
	struct hg_domain *domain;

	(void)a4;
	if (clear > 1)
		return HG_E_ARG;
	domain = enter_live(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	return leave(domain, hg_npt_age(domain, gfn, count, clear));
}
