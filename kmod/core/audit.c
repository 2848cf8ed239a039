// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit: does every frame's record agree with everything that refers to
 * the frame? Only in builds with HG_DEBUG, and in user-space tests.
 *
 * What must hold (docs/page-states.md):
 *	- a frame of the core's is referred to exactly once: as a table, in a
 *	  cache or limbo, as a control frame or as a part of a vCPU;
 *	- a leaf maps frames that are lent, and a frame is lent exactly as often
 *	  as leaves of all domains map it;
 *	- a leaf of the private half of a confidential domain maps frames that are
 *	  its own, and each such frame has one;
 *	- a table's record counts its present entries, a domain's counters its
 *	  tables and leaves.
 *
 * Every lock of every domain is held meanwhile, so nothing moves but frames
 * that no domain owns. The frames' @mark bytes, zero otherwise, say what was
 * met; they are bytes, so the count of mappings is compared modulo 256 by
 * frame and exactly in the sum.
 */
#include "core.h"

#ifdef HG_DEBUG

#define LEVELS		4
#define ENTRIES		512

struct audit {
	const struct hg_domain *domain;
	u64 tables;
	u64 leaves[3], own[3];
	u64 away;		/* pages that the domain gave away */
	u64 lent;		/* frames mapped, over all leaves and domains */
};

static struct hg_frame *frame_of(u64 pfn)
{
	HG_BUG_ON(pfn >= hg_core.frame_count);
	return &hg_core.frames[pfn];
}

/* @pfn is the domain's, and nobody has claimed it before. */
static void own(const struct hg_domain *domain, u64 pfn)
{
	struct hg_frame *frame = frame_of(pfn);

	HG_BUG_ON(frame->state != HG_FRAME_CORE);
	HG_BUG_ON(frame->owner != domain->handle);
	HG_BUG_ON(frame->mark);		/* a frame with two owners or two uses */
	frame->mark = 1;
}

static void audit_list(const struct hg_domain *domain, u64 pfn, u64 *count)
{
	for (*count = 0; pfn; ++*count) {
		own(domain, pfn);
		pfn = *(const u64 *)hg_frame_va(pfn) >> HG_PAGE_SHIFT;
	}
}

/* Frames that the guest gave up; linked by their records. */
static void audit_data(const struct hg_domain *domain, u64 pfn, u64 *count)
{
	for (*count = 0; pfn; ++*count) {
		own(domain, pfn);
		pfn = hg_core.frames[pfn].maps;
	}
}

static void audit_own(struct audit *audit, u64 entry, u32 level)
{
	u64 pfn = (entry & HG_NPT_FRAME) >> HG_PAGE_SHIFT, frames = 1ULL << (9 * (level - 1)), i;

	HG_BUG_ON(level > 2 || pfn & (frames - 1));
	for (i = 0; i < frames; i++) {
		struct hg_frame *frame = frame_of(pfn + i);

		HG_BUG_ON(frame->state != HG_FRAME_PRIVATE);
		HG_BUG_ON(frame->owner != audit->domain->handle || frame->mark);
		frame->mark = 1;
	}
	audit->own[level - 1]++;
}

static void audit_leaf(struct audit *audit, u64 entry, u32 level)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 pfn = (entry & HG_NPT_FRAME) >> HG_PAGE_SHIFT, frames = 1ULL << (9 * (level - 1)), i;
	u64 known = HG_NPT_FRAME | HG_NPT_ONWARD | f->leaf | f->read | f->write | f->exec |
		    f->noexec |
		    f->accessed | f->dirty | (level > 1 ? f->large : 0);

	HG_BUG_ON(level > hg_core.backend->npt_levels_max);
	HG_BUG_ON(entry & ~known);
	HG_BUG_ON(pfn & (frames - 1));
	for (i = 0; i < frames; i++) {
		struct hg_frame *frame = frame_of(pfn + i);

		HG_BUG_ON(frame->state != HG_FRAME_LENT);	/* maps what was not lent */
		frame->mark++;
	}
	audit->leaves[level - 1]++;
	audit->lent += frames;
}

/* Pins that keep a table though it is empty. */
static u32 pins(const struct hg_domain *domain, u64 table)
{
	u32 i, count = 0;

	for (i = 0; i < HG_ARRAY_SIZE(domain->cvm.window); i++)
		count += domain->cvm.window[i] == table;
	return count;
}

/* The root of code that does not page: nothing but the window. */
static void audit_unpaged(const struct hg_domain *domain)
{
	const struct hg_cvm *cvm = &domain->cvm;
	const u64 *top = hg_frame_va(cvm->unpaged[0]), *third = hg_frame_va(cvm->unpaged[1]);
	u32 i;

	own(domain, cvm->unpaged[0]);
	own(domain, cvm->unpaged[1]);
	for (i = 0; i < ENTRIES; i++) {
		u64 below = i < HG_ARRAY_SIZE(cvm->window) ? cvm->window[i] : 0;

		HG_BUG_ON((top[i] & HG_NPT_FRAME) >> HG_PAGE_SHIFT != (i ? 0 : cvm->unpaged[1]));
		HG_BUG_ON((third[i] & HG_NPT_FRAME) >> HG_PAGE_SHIFT != below);
	}
}

/* A page that the guest gave away, or the core's in its place. */
static bool audit_nest(struct audit *audit, u64 entry, u32 level)
{
	bool present = entry & hg_core.backend->npt->present;

	if (present && !(entry & HG_NPT_FIXED))
		return false;
	HG_BUG_ON(level != 1 || audit->domain->parent);
	HG_BUG_ON(!present && (entry & ~(HG_NPT_FRAME | HG_NPT_AWAY)));
	/* HOST for a moment, when the vCPU has just gone. */
	HG_BUG_ON(present &&
		  frame_of((entry & HG_NPT_FRAME) >> HG_PAGE_SHIFT)->state == HG_FRAME_LENT);
	audit->away++;
	return true;
}

/* @base: the first gfn below the table. */
static void audit_table(struct audit *audit, u64 table, u32 level, u64 base)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 c_gfn = audit->domain->c_mask >> HG_PAGE_SHIFT, gfn;
	u32 i, used = pins(audit->domain, table);

	own(audit->domain, table);
	audit->tables++;
	for (i = 0; i < ENTRIES; i++) {
		u64 entry = __atomic_load_n((const u64 *)hg_frame_va(table) + i, __ATOMIC_RELAXED);

		if (!entry)
			continue;
		used++;
		if (audit_nest(audit, entry, level))
			continue;
		gfn = base + ((u64)i << (9 * (level - 1)));
		if (level == 1 || (entry & f->large)) {
			if (c_gfn && gfn >= c_gfn)
				audit_own(audit, entry, level);
			else
				audit_leaf(audit, entry, level);
			continue;
		}
		HG_BUG_ON(entry & ~(HG_NPT_FRAME | f->table | f->accessed));
		audit_table(audit, (entry & HG_NPT_FRAME) >> HG_PAGE_SHIFT, level - 1, gfn);
	}
	HG_BUG_ON(frame_of(table)->maps != used);
	HG_BUG_ON(level < LEVELS && !used);	/* an empty table should be gone */
}

static void audit_vcpu(const struct hg_domain *domain, u32 index)
{
	const struct hg_vcpu *vcpu = domain->vcpus[index];
	struct hg_frame *page;
	u32 i;

	for (i = 0; i < HG_VCPU_FRAMES; i++)
		own(domain, vcpu->frame[i]);
	HG_BUG_ON(hg_frame_va(vcpu->frame[0]) != (const void *)vcpu);
	HG_BUG_ON(vcpu->domain != domain || vcpu->index != index);
	page = frame_of(vcpu->page_pfn);
	HG_BUG_ON(page->state != HG_FRAME_CONTROL || page->owner != domain->handle || page->mark);
	page->mark = 1;
}

static void audit_domain(struct audit *audit, const struct hg_domain *domain)
{
	u64 cache, dirty, limbo, fresh, limbo_data, fresh_data, vcpus = 0;
	u32 i;

	audit->domain = domain;
	audit->tables = 0;
	memset(audit->leaves, 0, sizeof(audit->leaves));
	memset(audit->own, 0, sizeof(audit->own));
	audit->away = 0;
	own(domain, domain->control_pfn);
	HG_BUG_ON(hg_frame_va(domain->control_pfn) != (const void *)domain);
	audit_list(domain, domain->cache, &cache);
	audit_list(domain, domain->limbo.first, &limbo);
	audit_list(domain, domain->fresh.first, &fresh);
	audit_data(domain, domain->dirty, &dirty);
	audit_data(domain, domain->limbo.data, &limbo_data);
	audit_data(domain, domain->fresh.data, &fresh_data);
	if (domain->root)
		audit_table(audit, domain->root, LEVELS, 0);
	HG_BUG_ON(audit->away != domain->nest.away);
	for (i = 0; domain->nest.big && i < HG_BIG_PAGE; i++)
		own(domain, domain->nest.big + i);
	if (domain->cvm.unpaged[0]) {
		audit_unpaged(domain);
		audit->tables += HG_ARRAY_SIZE(domain->cvm.unpaged);
	}
	for (i = 0; i < HG_MAX_VCPUS; i++)
		if (domain->vcpus[i]) {
			audit_vcpu(domain, i);
			vcpus++;
		}
	HG_BUG_ON(domain->stat[HG_DOMAIN_STAT_CACHE] != cache + dirty);
	HG_BUG_ON(domain->stat[HG_DOMAIN_STAT_TABLES] != audit->tables);
	HG_BUG_ON(domain->stat[HG_DOMAIN_STAT_VCPUS] != vcpus);
	for (i = 0; i < 3; i++)
		HG_BUG_ON(domain->stat[HG_DOMAIN_STAT_MAPPED_4K + i] != audit->leaves[i]);
	for (i = 0; i < 2; i++)
		HG_BUG_ON(domain->stat[HG_DOMAIN_STAT_PRIVATE_4K + i] != audit->own[i]);
	HG_BUG_ON(domain->state == HG_DOMAIN_DYING &&
		  (domain->root || limbo || fresh || limbo_data || fresh_data || vcpus));
}

/* Compares each record with its mark, and clears the mark. */
static void audit_frames(const struct audit *audit)
{
	u64 i, maps = 0;

	for (i = 0; i < hg_core.frame_count; i++) {
		struct hg_frame *frame = &hg_core.frames[i];
		u8 mark = frame->mark;

		if (frame->state == HG_FRAME_LENT) {
			HG_BUG_ON(!frame->maps || mark != (u8)frame->maps || frame->owner);
			maps += frame->maps;
		} else if (frame->state == HG_FRAME_PRIVATE ||
			   (frame->state == HG_FRAME_CORE && frame->owner)) {
			HG_BUG_ON(mark != 1);	/* a frame that nothing refers to: lost */
		}
		frame->mark = 0;
	}
	HG_BUG_ON(maps != audit->lent);
}

/* Not in the order of parents and children, so without waiting: false if one is taken. */
static bool lock_domains(void)
{
	u32 i;

	for (i = 0; i < HG_MAX_DOMAINS; i++) {
		if (hg_trylock(&hg_core.domains[i].lock))
			continue;
		while (i--)
			hg_unlock(&hg_core.domains[i].lock);
		return false;
	}
	return true;
}

void hg_core_audit(void)
{
	struct audit audit = { .lent = 0 };
	u32 i;

	if (!hg_core.backend)
		return;
	/* Nobody takes the handles' lock inside a domain's: see lock.h. */
	hg_lock(&hg_core.handles);
	if (!lock_domains()) {
		hg_unlock(&hg_core.handles);
		return;
	}
	for (i = 0; i < HG_MAX_DOMAINS; i++)
		if (hg_core.domains[i].domain)
			audit_domain(&audit, hg_core.domains[i].domain);
	audit_frames(&audit);
	for (i = 0; i < HG_MAX_DOMAINS; i++)
		hg_unlock(&hg_core.domains[i].lock);
	hg_unlock(&hg_core.handles);
}

/*
 * After each call: the audit looks at the whole machine, so that its cost is
 * spread over so many calls that none is dearer than COST frames on average. A
 * small machine, as in tests, is audited every time.
 */
#define COST	4096

void hg_core_audit_some(void)
{
	static u32 calls;

	if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % (hg_core.frame_count / COST + 1) == 0)
		hg_core_audit();
}
#endif /* HG_DEBUG */
