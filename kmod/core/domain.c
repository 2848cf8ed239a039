// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: handles, life, and the calls that change what a guest may reach.
 */
#include "core.h"

#define UNUSED3(a, b, c)	((void)(a), (void)(b), (void)(c))

/* --- handles: generation in bits 15:8, slot + 1 below; 16 bits fit a frame record --- */

struct hg_domain *hg_domain_get(u64 handle)
{
	u64 index = (handle & 0xff) - 1;
	struct hg_domain *domain;

	if (handle >> 16 || index >= HG_MAX_DOMAINS)
		return NULL;
	domain = __atomic_load_n(&hg_core.domains[index], __ATOMIC_ACQUIRE);
	return domain && domain->handle == handle ? domain : NULL;
}

/*
 * The domain behind a handle, locked and alive. The handles' lock is held
 * across the look and the taking of the domain's, so that the control frame
 * cannot go away in between.
 */
static s64 domain_lock(u64 handle, struct hg_domain **out)
{
	struct hg_domain *domain;

	hg_lock(&hg_core.handles);
	domain = hg_domain_get(handle);
	if (domain)
		hg_lock(&domain->lock);
	hg_unlock(&hg_core.handles);
	if (!domain)
		return HG_E_HANDLE;
	*out = domain;
	return HG_OK;
}

static s64 live_domain_lock(u64 handle, struct hg_domain **out)
{
	s64 status = domain_lock(handle, out);

	if (!status && (*out)->state != HG_DOMAIN_LIVE) {
		hg_unlock(&(*out)->lock);
		return HG_E_HANDLE;
	}
	return status;
}

static s64 domain_unlock(struct hg_domain *domain, s64 status)
{
	hg_unlock(&domain->lock);
	return status;
}

/* --- life --- */

static s64 create(u64 pfn)
{
	static u8 generation;
	struct hg_domain *domain;
	u32 i, handle;
	s64 status;

	for (i = 0; i < HG_MAX_DOMAINS && hg_core.domains[i]; i++)
		;
	if (i == HG_MAX_DOMAINS)
		return HG_E_LIMIT;
	generation = (generation + 1) & 0x7f;
	handle = (u32)generation << 8 | (i + 1);
	status = hg_frames_move(pfn, 1, HG_MOVE_DONATE, handle);
	if (status)
		return status;
	domain = hg_frame_va(pfn);
	memset(domain, 0, HG_PAGE_SIZE);
	domain->handle = handle;
	domain->control_pfn = pfn;
	domain->state = HG_DOMAIN_LIVE;
	domain->tlb_gen = 1;	/* a new vCPU has seen 0: it flushes at its first entry */
	__atomic_store_n(&hg_core.domains[i], domain, __ATOMIC_RELEASE);
	return handle;
}

s64 hg_do_domain_create(u64 pfn, u64 flags, u64 a2, u64 a3, u64 a4)
{
	s64 status;

	UNUSED3(a2, a3, a4);
	if (flags)
		return HG_E_FLAGS;
	hg_lock(&hg_core.handles);
	status = create(pfn);
	hg_unlock(&hg_core.handles);
	return status;
}

s64 hg_do_domain_destroy(u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	(void)a1;
	UNUSED3(a2, a3, a4);
	status = live_domain_lock(handle, &domain);
	if (status)
		return status;
	if (domain->stat[HG_DOMAIN_STAT_VCPUS])
		return domain_unlock(domain, HG_E_BUSY);
	hg_npt_destroy(domain);
	domain->state = HG_DOMAIN_DYING;
	return domain_unlock(domain, HG_OK);
}

/* The first frame ever given becomes the top table. */
s64 hg_do_domain_donate(u64 handle, u64 pfn, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	UNUSED3(a2, a3, a4);
	status = domain_lock(handle, &domain);
	if (status)
		return status;
	if (domain->state != HG_DOMAIN_LIVE)
		return domain_unlock(domain, HG_E_STATE);
	status = hg_frames_move(pfn, 1, HG_MOVE_DONATE, domain->handle);
	if (status)
		return domain_unlock(domain, status);
	memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	hg_npt_cache_add(domain, pfn);
	if (!domain->root)
		HG_BUG_ON(hg_npt_init(domain));
	return domain_unlock(domain, (s64)domain->stat[HG_DOMAIN_STAT_CACHE]);
}

/* The handles' lock is held: the last frame takes the handle with it. */
static s64 reclaim(struct hg_domain *domain)
{
	u32 owner = domain->handle;
	u64 pfn;

	hg_lock(&domain->lock);
	hg_npt_drain_limbo(domain);
	pfn = hg_npt_cache_take(domain);
	if (!pfn && domain->state == HG_DOMAIN_DYING) {
		pfn = domain->control_pfn;
		__atomic_store_n(&hg_core.domains[(owner & 0xff) - 1], NULL, __ATOMIC_RELEASE);
	}
	hg_unlock(&domain->lock);
	if (!pfn)
		return HG_E_ABSENT;
	memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	HG_BUG_ON(hg_frames_move(pfn, 1, HG_MOVE_RETURN, owner));
	return (s64)pfn;
}

s64 hg_do_domain_reclaim(u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	(void)a1;
	UNUSED3(a2, a3, a4);
	hg_lock(&hg_core.handles);
	domain = hg_domain_get(handle);
	status = domain ? reclaim(domain) : HG_E_HANDLE;
	hg_unlock(&hg_core.handles);
	return status;
}

s64 hg_do_domain_stat(u64 handle, u64 which, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	UNUSED3(a2, a3, a4);
	if (which >= HG_DOMAIN_STAT_COUNT)
		return HG_E_ARG;
	status = domain_lock(handle, &domain);
	if (status)
		return status;
	return domain_unlock(domain, (s64)domain->stat[which]);
}

/* --- what the guest may reach --- */

s64 hg_do_map(u64 handle, u64 gfn, u64 pfn, u64 level, u64 prot)
{
	struct hg_domain *domain;
	s64 status;

	if (level > 3)
		return HG_E_ARG;
	status = live_domain_lock(handle, &domain);
	if (status)
		return status;
	return domain_unlock(domain, hg_npt_map(domain, gfn, pfn, (u32)level, prot));
}

s64 hg_do_unmap(u64 handle, u64 gfn, u64 count, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	(void)a3;
	(void)a4;
	status = live_domain_lock(handle, &domain);
	if (status)
		return status;
	return domain_unlock(domain, hg_npt_unmap(domain, gfn, count));
}

s64 hg_do_protect(u64 handle, u64 gfn, u64 count, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	(void)a3;
	(void)a4;
	status = live_domain_lock(handle, &domain);
	if (status)
		return status;
	return domain_unlock(domain, hg_npt_protect(domain, gfn, count));
}

s64 hg_do_age(u64 handle, u64 gfn, u64 count, u64 clear, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	(void)a4;
	if (clear > 1)
		return HG_E_ARG;
	status = live_domain_lock(handle, &domain);
	if (status)
		return status;
	return domain_unlock(domain, hg_npt_age(domain, gfn, count, clear));
}
