// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page tables: four levels of 512 entries, in the CPU's format.
 *
 * The domain is locked around every function but hg_npt_lookup(). A table's
 * frame record counts its present entries in @maps, so that an empty one is
 * noticed at once.
 *
 * A table that was unlinked may still be walked by a CPU that runs a vCPU of
 * the domain: by its paging-structure caches, or by hg_npt_lookup(). It waits
 * in limbo until each vCPU either is not running or has entered the guest, and
 * so flushed, since.
 */
#include "core.h"

#define LEVELS		4
#define ENTRIES		512
#define GFN_LIMIT	(1ULL << (9 * LEVELS))
#define GFN_4G		(1ULL << 20)

/* What a parent may map: in a confidential domain the half without the C-bit. */
static u64 shared_limit(const struct hg_domain *domain)
{
	return domain->c_mask ? domain->c_mask >> HG_PAGE_SHIFT : GFN_LIMIT;
}

static u64 frames_of(u32 level)
{
	return 1ULL << (9 * (level - 1));
}

static u32 index_of(u64 gfn, u32 level)
{
	return (gfn >> (9 * (level - 1))) & (ENTRIES - 1);
}

static u64 *table_at(u64 pfn)
{
	return hg_frame_va(pfn);
}

static u64 entry_pfn(u64 entry)
{
	return (entry & HG_NPT_FRAME) >> HG_PAGE_SHIFT;
}

static bool present(u64 entry)
{
	return entry & hg_core.backend->npt->present;
}

static bool is_leaf(u64 entry, u32 level)
{
	return level == 1 || (entry & hg_core.backend->npt->large);
}

/* A CPU reads entries while we write them: always whole. */
static u64 get_entry(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

static void set_entry(u64 *entry, u64 value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static u32 *entries_used(u64 table_pfn)
{
	return &hg_core.frames[table_pfn].maps;
}

/* --- the cache of table frames: linked through their first word --- */

static void push(u64 *list, u64 pfn)
{
	/* A frame number in an entry's place is not present: a late walk stops there. */
	set_entry(&table_at(pfn)[0], *list << HG_PAGE_SHIFT);
	*list = pfn;
}

static u64 pop(u64 *list)
{
	u64 pfn = *list;

	if (pfn) {
		*list = table_at(pfn)[0] >> HG_PAGE_SHIFT;
		set_entry(&table_at(pfn)[0], 0);
	}
	return pfn;
}

/* --- pages that were a guest's: linked by their records, for it may write to them yet --- */

static void push_data(u64 *list, u64 pfn)
{
	hg_core.frames[pfn].maps = (u32)*list;
	*list = pfn;
}

static u64 pop_data(u64 *list)
{
	u64 pfn = *list;

	if (pfn)
		*list = hg_core.frames[pfn].maps;
	return pfn;
}

/* --- limbo --- */

/* Nobody runs who has not flushed since @gen. */
static bool quiet(const struct hg_domain *domain, u64 gen)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS; i++) {
		const struct hg_vcpu *vcpu = domain->vcpus[i];

		if (vcpu && __atomic_load_n(&vcpu->running, __ATOMIC_SEQ_CST) &&
		    __atomic_load_n(&vcpu->tlb_seen, __ATOMIC_ACQUIRE) < gen)
			return false;
	}
	return true;
}

static bool release(struct hg_domain *domain, struct hg_limbo *limbo)
{
	u64 pfn;

	if (!quiet(domain, limbo->gen))
		return false;
	while ((pfn = pop(&limbo->first)))
		hg_npt_cache_add(domain, pfn);
	while ((pfn = pop_data(&limbo->data))) {
		push_data(&domain->dirty, pfn);
		domain->stat[HG_DOMAIN_STAT_CACHE]++;
	}
	return true;
}

static bool in_use(const struct hg_limbo *limbo)
{
	return limbo->first | limbo->data;
}

/* What is fresh waits for the next generation, when limbo is free again. */
static void age_limbo(struct hg_domain *domain)
{
	domain->limbo = domain->fresh;
	domain->fresh.first = 0;
	domain->fresh.data = 0;
}

/*
 * Two lists, because a vCPU must not hold up the older one for what was freed
 * later: under a steady stream of changes neither would ever come free.
 */
void hg_npt_drain_limbo(struct hg_domain *domain)
{
	if (in_use(&domain->limbo) && !release(domain, &domain->limbo))
		return;
	if (in_use(&domain->fresh) && !release(domain, &domain->fresh))
		age_limbo(domain);
}

void hg_npt_cache_add(struct hg_domain *domain, u64 pfn)
{
	push(&domain->cache, pfn);
	domain->stat[HG_DOMAIN_STAT_CACHE]++;
}

/* A clean frame. */
u64 hg_npt_cache_take(struct hg_domain *domain)
{
	u64 pfn = pop(&domain->cache);

	if (!pfn) {
		pfn = pop_data(&domain->dirty);
		if (!pfn)
			return 0;
		memset(hg_frame_va(pfn), 0, HG_PAGE_SIZE);
	}
	domain->stat[HG_DOMAIN_STAT_CACHE]--;
	return pfn;
}

static u64 table_new(struct hg_domain *domain)
{
	u64 pfn = hg_npt_cache_take(domain);

	HG_BUG_ON(!pfn);
	domain->stat[HG_DOMAIN_STAT_TABLES]++;
	*entries_used(pfn) = 0;
	return pfn;
}

/* Empty, so nothing but late walks still knows it. */
static void table_free(struct hg_domain *domain, u64 pfn)
{
	domain->stat[HG_DOMAIN_STAT_TABLES]--;
	push(&domain->fresh.first, pfn);
	domain->fresh.gen = domain->tlb_gen + 1;	/* bump() follows */
}

/*
 * Rights were lost: every CPU must flush before it runs the domain again. Tables
 * freed at this wait for that.
 */
static void bump(struct hg_domain *domain)
{
	__atomic_add_fetch(&domain->tlb_gen, 1, __ATOMIC_SEQ_CST);
	if (in_use(&domain->fresh) && !in_use(&domain->limbo))
		age_limbo(domain);
}

/* --- life --- */

s64 hg_npt_init(struct hg_domain *domain)
{
	if (!domain->cache)
		return HG_E_NOMEM;
	domain->root = table_new(domain);
	return HG_OK;
}

/* --- map --- */

static u64 leaf_entry(u64 pfn, u32 level, u64 prot)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 entry = pfn << HG_PAGE_SHIFT | f->leaf | f->read;

	if (level > 1)
		entry |= f->large;
	if (prot & HG_PROT_WRITE)
		entry |= f->write;
	entry |= prot & HG_PROT_EXEC ? f->exec : f->noexec;
	return entry;
}

/*
 * Find the entry for @gfn at @level. *@missing: tables that would have to be
 * made on the way; then the result is the deepest present level's entry.
 * NULL if a big page is in the way.
 */
static u64 *descend(struct hg_domain *domain, u64 gfn, u32 level, u32 *missing)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 *table = table_at(domain->root), *entry;
	u32 l, shift = 9 * (LEVELS - 1);

	for (l = LEVELS; ; l--, shift -= 9) {
		entry = &table[(gfn >> shift) & (ENTRIES - 1)];
		if (l == level)
			break;
		if (!(*entry & f->present)) {
			*missing = l - level;
			return entry;
		}
		if (*entry & f->large)
			return NULL;
		table = hg_va(*entry & HG_NPT_FRAME);
	}
	*missing = 0;
	return entry;
}

static u64 table_of(const u64 *entry)
{
	return (u64)((const u8 *)entry - hg_core.va_base) >> HG_PAGE_SHIFT;
}

/* Build the tables below @entry, which is absent at level @missing + @level. */
static u64 *extend(struct hg_domain *domain, u64 *entry, u64 gfn, u32 level, u32 missing)
{
	while (missing) {
		u64 pfn = table_new(domain);

		set_entry(entry, pfn << HG_PAGE_SHIFT | hg_core.backend->npt->table);
		++*entries_used(table_of(entry));
		missing--;
		entry = &table_at(pfn)[index_of(gfn, level + missing)];
	}
	return entry;
}

bool hg_npt_cache_has(struct hg_domain *domain, u32 frames)
{
	if (HG_LIKELY(frames <= domain->stat[HG_DOMAIN_STAT_CACHE]))
		return true;
	hg_npt_drain_limbo(domain);
	return frames <= domain->stat[HG_DOMAIN_STAT_CACHE];
}

/*
 * Is something here that UNMAP leaves alone: what a guest gave away, or the core's in
 * its place? Of 1 GiB it is not looked for, but assumed.
 */
static bool stays(const struct hg_domain *domain, u64 entry, u32 level)
{
	const u64 *table;
	u32 i;

	if (HG_LIKELY(!domain->nest.away))
		return false;
	if (is_leaf(entry, level))
		return entry & HG_NPT_FIXED;
	if (level > 2)
		return true;
	table = table_at(entry_pfn(entry));
	for (i = 0; i < ENTRIES; i++) {
		u64 below = get_entry(&table[i]);

		if (below && (!present(below) || (below & HG_NPT_FIXED)))
			return true;
	}
	return false;
}

/* The same frames are mapped already: rights are added. */
static s64 remap(struct hg_domain *domain, u64 *entry, u64 pfn, u32 level, u64 prot)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 old = *entry, new = leaf_entry(pfn, level, prot);

	if (stays(domain, old, level))
		return HG_E_DENIED;
	if (!is_leaf(old, level) || entry_pfn(old) != pfn)
		return HG_E_EXISTS;
	/* Rights go by PROTECT and UNMAP only: here nobody would make a vCPU forget them. */
	new |= old & (f->accessed | f->dirty | f->write | f->exec | HG_NPT_ONWARD);
	if (!(old & f->noexec))
		new &= ~f->noexec;
	set_entry(entry, new);
	return HG_OK;
}

s64 hg_npt_map(struct hg_domain *domain, u64 gfn, u64 pfn, u32 level, u64 prot)
{
	u64 frames;
	u32 missing;
	u64 *entry;
	s64 status;

	if (level < 1 || level > hg_core.backend->npt_levels_max)
		return HG_E_ARG;
	if ((prot & ~(u64)HG_PROT_ALL) || !(prot & HG_PROT_READ))
		return HG_E_FLAGS;
	frames = frames_of(level);
	if ((gfn | pfn) & (frames - 1))
		return HG_E_ALIGN;
	if (gfn >= shared_limit(domain))
		return HG_E_RANGE;

	if (!domain->root)
		return HG_E_NOMEM;
	entry = descend(domain, gfn, level, &missing);
	if (!entry)
		return HG_E_EXISTS;
	if (!missing && *entry)
		return present(*entry) ? remap(domain, entry, pfn, level, prot) : HG_E_DENIED;
	if (missing && !hg_npt_cache_has(domain, missing))
		return HG_E_NOMEM;
	status = hg_frames_move(pfn, frames, HG_MOVE_LEND, 0);
	if (status)
		return status;

	/* Nothing can fail any more. */
	entry = extend(domain, entry, gfn, level, missing);
	set_entry(entry, leaf_entry(pfn, level, prot));
	++*entries_used(table_of(entry));
	domain->stat[HG_DOMAIN_STAT_MAPPED_4K + level - 1]++;
	return HG_OK;
}

/* --- ranges --- */

/* What to do with each leaf of a range; returns whether it counts. */
typedef bool (*leaf_fn)(struct hg_domain *domain, u64 *entry, u32 level);

struct range {
	u64 first, end;		/* gfns */
	leaf_fn leaf;
	s64 count;
	bool prune;		/* free tables that became empty */
};

static void range_table(struct hg_domain *domain, struct range *range, u64 table_pfn, u64 base,
			u32 level);

/* @entry is present. */
static void range_entry(struct hg_domain *domain, struct range *range, u64 *entry, u64 base,
			u32 level)
{
	u64 value = get_entry(entry), child;

	if (is_leaf(value, level)) {
		range->count += range->leaf(domain, entry, level);
		return;
	}
	child = entry_pfn(value);
	range_table(domain, range, child, base, level - 1);
	if (range->prune && !*entries_used(child)) {
		set_entry(entry, 0);
		--*entries_used(table_of(entry));
		table_free(domain, child);
	}
}

/* Depth is bounded by LEVELS, and absent subtrees cost one look. */
static void range_table(struct hg_domain *domain, struct range *range, u64 table_pfn, u64 base,
			u32 level)
{
	u64 i, last, present_bits = hg_core.backend->npt->present;
	u64 *table = table_at(table_pfn);
	u32 shift = 9 * (level - 1);

	i = range->first > base ? (range->first - base) >> shift : 0;
	last = (range->end - 1 - base) >> shift;
	if (last > ENTRIES - 1)
		last = ENTRIES - 1;
	for (; i <= last; i++)
		if (get_entry(&table[i]) & present_bits)
			range_entry(domain, range, &table[i], base + (i << shift), level);
}

static s64 range_run_below(struct hg_domain *domain, struct range *range, u64 gfn, u64 count,
			   u64 limit)
{
	if (gfn >= limit || count > limit - gfn)
		return HG_E_RANGE;
	range->first = gfn;
	range->end = gfn + count;
	if (count && domain->root)
		range_table(domain, range, domain->root, 0, LEVELS);
	return range->count;
}

static s64 range_run(struct hg_domain *domain, struct range *range, u64 gfn, u64 count)
{
	return range_run_below(domain, range, gfn, count, shared_limit(domain));
}

static bool unmap_leaf(struct hg_domain *domain, u64 *entry, u32 level)
{
	u64 old = get_entry(entry);

	if (HG_UNLIKELY(old & (HG_NPT_FIXED | HG_NPT_ONWARD))) {
		if (old & HG_NPT_FIXED)
			return false;
		domain->nest.lost = true;
	}
	old = __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);
	--*entries_used(table_of(entry));
	domain->stat[HG_DOMAIN_STAT_MAPPED_4K + level - 1]--;
	HG_BUG_ON(hg_frames_move(entry_pfn(old), frames_of(level), HG_MOVE_UNLEND, 0));
	return true;
}

/*
 * Pages that a guest gave away are gone from its tables, and so is what a child had
 * of a page that its parent lost; but a CPU may still have them in its TLB. Who takes the
 * frames back finds nothing to unmap; it must flush all the same.
 */
static s64 given(struct hg_domain *domain)
{
	bool was = domain->nest.given;

	domain->nest.given = false;
	return was;
}

s64 hg_npt_unmap(struct hg_domain *domain, u64 gfn, u64 count)
{
	struct range range = { .leaf = unmap_leaf, .prune = true };
	s64 removed = range_run(domain, &range, gfn, count);

	if (removed > 0)
		bump(domain);
	if (HG_UNLIKELY(domain->nest.lost))
		hg_nest_lost(domain);
	return removed < 0 ? removed : removed + given(domain);
}

void hg_npt_unmap_all(struct hg_domain *domain)
{
	hg_npt_unmap(domain, 0, shared_limit(domain));
}

static bool protect_leaf(struct hg_domain *domain, u64 *entry, u32 level)
{
	u64 write = hg_core.backend->npt->write, old;

	(void)level;
	if (HG_UNLIKELY(get_entry(entry) & HG_NPT_FIXED))
		return false;
	old = __atomic_fetch_and(entry, ~write, __ATOMIC_SEQ_CST);
	domain->nest.lost |= (old & HG_NPT_ONWARD) && (old & write);
	return old & write;
}

s64 hg_npt_protect(struct hg_domain *domain, u64 gfn, u64 count)
{
	struct range range = { .leaf = protect_leaf };
	s64 changed = range_run(domain, &range, gfn, count);

	if (changed > 0)
		bump(domain);
	if (HG_UNLIKELY(domain->nest.lost))
		hg_nest_lost(domain);
	return changed < 0 ? changed : changed + given(domain);
}

static bool young_leaf(struct hg_domain *domain, u64 *entry, u32 level)
{
	(void)domain;
	(void)level;
	return get_entry(entry) & hg_core.backend->npt->accessed;
}

static bool age_leaf(struct hg_domain *domain, u64 *entry, u32 level)
{
	u64 accessed = hg_core.backend->npt->accessed;

	(void)domain;
	(void)level;
	return __atomic_fetch_and(entry, ~accessed, __ATOMIC_RELAXED) & accessed;
}

s64 hg_npt_age(struct hg_domain *domain, u64 gfn, u64 count, bool clear)
{
	struct range range = { .leaf = clear ? age_leaf : young_leaf };

	return range_run(domain, &range, gfn, count);
}

/* --- private pages, at gfns with the C-bit --- */

static bool is_private(const struct hg_domain *domain, u64 gfn)
{
	u64 c_gfn = domain->c_mask >> HG_PAGE_SHIFT;

	return gfn >= c_gfn && gfn < 2 * c_gfn;
}

/*
 * Code that does not page cannot set the C-bit, and all it sees is private: it
 * has a root of its own, whose lowest 4 GiB (it reaches no more) are the level-2
 * tables of the private half. Those tables stay: a pin counts as an entry.
 */
s64 hg_npt_init_private(struct hg_domain *domain)
{
	u64 c_gfn = domain->c_mask >> HG_PAGE_SHIFT, table_bits = hg_core.backend->npt->table;
	struct hg_cvm *cvm = &domain->cvm;
	u32 i, missing = 0;
	u64 *entry;

	if (!domain->root || !hg_npt_cache_has(domain, HG_CVM_FRAMES))
		return HG_E_NOMEM;
	for (i = 0; i < 2; i++)
		cvm->unpaged[i] = table_new(domain);
	set_entry(&table_at(cvm->unpaged[0])[0], cvm->unpaged[1] << HG_PAGE_SHIFT | table_bits);
	for (i = 0; i < HG_ARRAY_SIZE(cvm->window); i++) {
		u64 gfn = c_gfn + i * (GFN_4G / 4);

		entry = descend(domain, gfn, 2, &missing);
		HG_BUG_ON(!entry);
		entry = extend(domain, entry, gfn, 2, missing);
		cvm->window[i] = table_of(entry);
		++*entries_used(cvm->window[i]);
		set_entry(&table_at(cvm->unpaged[1])[i],
			  cvm->window[i] << HG_PAGE_SHIFT | table_bits);
	}
	*entries_used(cvm->unpaged[0]) = 1;
	*entries_used(cvm->unpaged[1]) = HG_ARRAY_SIZE(cvm->window);
	return HG_OK;
}

s64 hg_npt_map_private(struct hg_domain *domain, u64 gfn, u64 pfn, u32 level, bool writable)
{
	u64 frames = frames_of(level), prot = HG_PROT_READ | HG_PROT_EXEC;
	u32 missing;
	u64 *entry;
	s64 status;

	if ((gfn | pfn) & (frames - 1))
		return HG_E_ALIGN;
	HG_BUG_ON(!is_private(domain, gfn));
	entry = descend(domain, gfn, level, &missing);
	if (!entry || (!missing && present(*entry)))
		return HG_E_EXISTS;
	if (!hg_npt_cache_has(domain, missing))
		return HG_E_NOMEM;
	status = hg_frames_move(pfn, frames, HG_MOVE_ENTRUST, domain->handle);
	if (status)
		return status;

	/* Nothing can fail any more. The guest must not see what was there. */
	memset(hg_frame_va(pfn), 0, frames << HG_PAGE_SHIFT);
	entry = extend(domain, entry, gfn, level, missing);
	set_entry(entry, leaf_entry(pfn, level, writable ? prot | HG_PROT_WRITE : prot));
	++*entries_used(table_of(entry));
	domain->stat[HG_DOMAIN_STAT_PRIVATE_4K + level - 1]++;
	return HG_OK;
}

static void withdraw(struct hg_domain *domain, u64 *entry, u32 level)
{
	u64 old = __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST), pfn = entry_pfn(old), i;

	--*entries_used(table_of(entry));
	domain->stat[HG_DOMAIN_STAT_PRIVATE_4K + level - 1]--;
	HG_BUG_ON(hg_frames_move(pfn, frames_of(level), HG_MOVE_WITHDRAW, domain->handle));
	for (i = 0; i < frames_of(level); i++)
		push_data(&domain->fresh.data, pfn + i);
	domain->fresh.gen = domain->tlb_gen + 1;	/* bump() follows */
}

static bool withdraw_any(struct hg_domain *domain, u64 *entry, u32 level)
{
	withdraw(domain, entry, level);
	return true;
}

static bool withdraw_writable(struct hg_domain *domain, u64 *entry, u32 level)
{
	if (!(get_entry(entry) & hg_core.backend->npt->write))
		return false;
	withdraw(domain, entry, level);
	return true;
}

/* A big page becomes 512 smaller ones: same frames, same rights. The cache has a frame. */
static void split_leaf(struct hg_domain *domain, u64 *entry, u32 level, u64 *stat_4k)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 pfn = table_new(domain), *table = table_at(pfn), old = get_entry(entry), i;

	if (level == 2)
		old &= ~f->large;
	for (i = 0; i < ENTRIES; i++)
		set_entry(&table[i], old + (i * frames_of(level - 1) << HG_PAGE_SHIFT));
	*entries_used(pfn) = ENTRIES;
	set_entry(entry, pfn << HG_PAGE_SHIFT | f->table);
	stat_4k[level - 1]--;
	stat_4k[level - 2] += ENTRIES;
}

/* The big private page in which @gfn lies, if it is one. */
static s64 split(struct hg_domain *domain, u64 gfn)
{
	u32 missing;
	u64 *entry;

	entry = descend(domain, gfn, 2, &missing);
	if (!entry || missing || !present(*entry) || !is_leaf(*entry, 2))
		return HG_OK;
	if (!hg_npt_cache_has(domain, 1))
		return HG_E_NOMEM;
	split_leaf(domain, entry, 2, &domain->stat[HG_DOMAIN_STAT_PRIVATE_4K]);
	return HG_OK;
}

s64 hg_npt_withdraw(struct hg_domain *domain, u64 gfn, u64 count)
{
	struct range range = { .leaf = withdraw_writable, .prune = true };
	u64 big = frames_of(2) - 1, before = domain->stat[HG_DOMAIN_STAT_CONVERTED], frames;
	s64 status = HG_OK;

	HG_BUG_ON(!count || !is_private(domain, gfn) || !is_private(domain, gfn + count - 1));
	if (gfn & big)
		status = split(domain, gfn);
	if (!status && ((gfn + count) & big))
		status = split(domain, gfn + count - 1);
	if (status)
		return status;
	frames = domain->stat[HG_DOMAIN_STAT_PRIVATE_4K] +
		 domain->stat[HG_DOMAIN_STAT_PRIVATE_2M] * ENTRIES;
	if (range_run_below(domain, &range, gfn, count, GFN_LIMIT) > 0)
		bump(domain);
	frames -= domain->stat[HG_DOMAIN_STAT_PRIVATE_4K] +
		  domain->stat[HG_DOMAIN_STAT_PRIVATE_2M] * ENTRIES;
	domain->stat[HG_DOMAIN_STAT_CONVERTED] = before + frames;
	return (s64)frames;
}

static void destroy_private(struct hg_domain *domain)
{
	u64 c_gfn = domain->c_mask >> HG_PAGE_SHIFT;
	struct range range = { .leaf = withdraw_any, .prune = true };
	struct hg_cvm *cvm = &domain->cvm;
	u32 i;

	if (!cvm->unpaged[0])
		return;
	for (i = 0; i < HG_ARRAY_SIZE(cvm->window); i++) {
		--*entries_used(cvm->window[i]);
		cvm->window[i] = 0;
	}
	range_run_below(domain, &range, c_gfn, c_gfn, GFN_LIMIT);
	bump(domain);
	for (i = 0; i < 2; i++) {
		memset(table_at(cvm->unpaged[i]), 0, HG_PAGE_SIZE);
		table_free(domain, cvm->unpaged[i]);
		cvm->unpaged[i] = 0;
	}
}

/* --- a guest that has guests (nest.c) --- */

/* The leaf that covers @gfn and its *@level, or the absent entry where the walk ends. */
static u64 *last_entry(const struct hg_domain *domain, u64 gfn, u32 *level)
{
	u64 *table = table_at(domain->root), *entry;
	u32 l;

	for (l = LEVELS; ; l--) {
		entry = &table[index_of(gfn, l)];
		if (!present(*entry) || is_leaf(*entry, l))
			break;
		table = hg_va(*entry & HG_NPT_FRAME);
	}
	*level = l;
	return entry;
}

s64 hg_npt_own(struct hg_domain *domain, u64 gfn, bool write, u64 *pfn, u32 *level)
{
	u64 entry;

	if (gfn >= shared_limit(domain))
		return HG_E_RANGE;
	entry = get_entry(last_entry(domain, gfn, level));
	if (!present(entry))
		return entry ? HG_E_OWNER : HG_E_ABSENT;
	if (entry & HG_NPT_FIXED)
		return HG_E_OWNER;
	if (write && !(entry & hg_core.backend->npt->write))
		return HG_E_ABSENT;
	*pfn = entry_pfn(entry) + (gfn & (frames_of(*level) - 1));
	return HG_OK;
}

bool hg_npt_is_away(const struct hg_domain *domain, u64 gfn)
{
	u64 entry;
	u32 level;

	if (gfn >= shared_limit(domain) || !domain->root)
		return false;
	entry = get_entry(last_entry(domain, gfn, &level));
	return entry && !present(entry);
}

void hg_npt_onward(struct hg_domain *domain, u64 gfn)
{
	u32 level;

	__atomic_fetch_or(last_entry(domain, gfn, &level), HG_NPT_ONWARD, __ATOMIC_RELAXED);
}

s64 hg_npt_give(struct hg_domain *domain, u64 gfn, u64 next)
{
	u64 *entry, pfn;
	u32 level;
	s64 status;

	status = hg_npt_own(domain, gfn, true, &pfn, &level);
	if (status)
		return status;
	if (hg_core.frames[pfn].maps != 1)
		return HG_E_OWNER;
	if (!hg_npt_cache_has(domain, level - 1))
		return HG_E_NOMEM;
	for (entry = last_entry(domain, gfn, &level); level > 1;
	     entry = last_entry(domain, gfn, &level))
		split_leaf(domain, entry, level, &domain->stat[HG_DOMAIN_STAT_MAPPED_4K]);
	__atomic_exchange_n(entry, HG_NPT_AWAY | next << HG_PAGE_SHIFT, __ATOMIC_SEQ_CST);
	domain->stat[HG_DOMAIN_STAT_MAPPED_4K]--;
	domain->nest.away++;
	domain->nest.given = true;
	HG_BUG_ON(hg_frames_move(pfn, 1, HG_MOVE_UNLEND, 0));
	bump(domain);
	return HG_OK;
}

void hg_npt_fix(struct hg_domain *domain, u64 gfn, u64 pfn)
{
	u32 level;
	u64 *entry = last_entry(domain, gfn, &level);

	HG_BUG_ON(level != 1 || present(*entry) || !*entry);
	set_entry(entry, leaf_entry(pfn, 1, HG_PROT_READ | HG_PROT_WRITE) | HG_NPT_FIXED);
}

static bool keep_leaf(struct hg_domain *domain, u64 *entry, u32 level)
{
	(void)domain;
	(void)entry;
	(void)level;
	return false;
}

u64 hg_npt_back(struct hg_domain *domain, u64 gfn)
{
	struct range range = { .leaf = keep_leaf, .prune = true };
	u32 level;
	u64 *entry = last_entry(domain, gfn, &level), old;

	old = __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);
	HG_BUG_ON(level != 1 || !old || (present(old) && !(old & HG_NPT_FIXED)));
	--*entries_used(table_of(entry));
	domain->nest.away--;
	range_run(domain, &range, gfn, 1);
	bump(domain);
	return present(old) ? 0 : entry_pfn(old);
}

void hg_npt_retire(struct hg_domain *domain, u64 pfn)
{
	HG_BUG_ON(hg_frames_move(pfn, 1, HG_MOVE_DONATE, domain->handle));
	push_data(&domain->fresh.data, pfn);
	domain->fresh.gen = domain->tlb_gen + 1;
	bump(domain);
}

/* No vCPU is left, so nobody walks: everything goes straight to the cache. */
void hg_npt_destroy(struct hg_domain *domain)
{
	u64 i;

	for (i = 0; domain->nest.big && i < HG_BIG_PAGE; i++) {
		push_data(&domain->dirty, domain->nest.big + i);
		domain->stat[HG_DOMAIN_STAT_CACHE]++;
	}
	domain->nest.big = 0;
	if (!domain->root)
		return;
	hg_npt_unmap_all(domain);
	destroy_private(domain);
	HG_BUG_ON(*entries_used(domain->root));
	table_free(domain, domain->root);
	domain->root = 0;
	hg_npt_drain_limbo(domain);
	HG_BUG_ON(in_use(&domain->limbo) || in_use(&domain->fresh));
}

/* --- lookup: on the path of every instruction that is decoded, so unrolled --- */

/* From the table that *@entry points to, to @gpa's entry in it. False if absent. */
static inline bool down(const u8 *base, u64 gpa, u32 shift, u64 present_bits, u64 *entry)
{
	const u64 *table = (const void *)(base + (*entry & HG_NPT_FRAME));

	*entry = get_entry(&table[(gpa >> shift) & (ENTRIES - 1)]);
	return *entry & present_bits;
}

static inline __attribute__((always_inline))
u8 *find(const struct hg_domain *domain, u64 gpa, u64 need, u64 *left)
{
	const struct hg_npt_format *f = hg_core.backend->npt;
	u64 entry = domain->root << HG_PAGE_SHIFT, mask, present_bits = f->present;
	u64 large = f->large;
	u8 *base = hg_core.va_base;

	if (HG_UNLIKELY(gpa >= GFN_LIMIT << HG_PAGE_SHIFT || !entry))
		return NULL;
	if (!down(base, gpa, 39, present_bits, &entry) ||
	    !down(base, gpa, 30, present_bits, &entry))
		return NULL;
	mask = HG_MASK(29, 0);
	if (entry & large)
		goto found;
	if (!down(base, gpa, 21, present_bits, &entry))
		return NULL;
	mask = HG_MASK(20, 0);
	if (entry & large)
		goto found;
	if (!down(base, gpa, 12, present_bits, &entry))
		return NULL;
	mask = HG_MASK(11, 0);
found:
	if ((entry & need) != need)
		return NULL;
	*left = mask + 1 - (gpa & mask);
	return base + (entry & HG_NPT_FRAME & ~mask) + (gpa & mask);
}

const void *hg_npt_lookup(const struct hg_domain *domain, u64 gpa, u64 *left)
{
	return find(domain, gpa, 0, left);
}

void *hg_npt_reach(const struct hg_domain *domain, u64 gpa, bool write, u64 *left)
{
	return find(domain, gpa, write ? hg_core.backend->npt->write : 0, left);
}
