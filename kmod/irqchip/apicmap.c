// SPDX-License-Identifier: GPL-2.0-only
/*
 * Destination map: see apicmap.h. Whatever the tables cannot express exactly
 * (duplicate or guest-chosen IDs, mixed logical modes, broadcasts) falls back
 * to hg_irq_match(), so that the tables are an optimisation and nothing else.
 */
#include "apicmap.h"

u64 hg_apicmap_size(u32 max_id)
{
	return sizeof(struct hg_apicmap) + ((u64)max_id + 1) * sizeof(u16);
}

static void set_bit(struct hg_apicmap_set *set, u32 index)
{
	set->bits[index / 64] |= 1ULL << (index % 64);
}

/* ---- building ---------------------------------------------------------- */

static void add_physical(struct hg_apicmap *map, const struct hg_lapic *lapic, u32 index)
{
	u32 id = lapic->cfg.id;

	if (!hg_lapic_x2apic(lapic) && id <= 0xff)
		id = hg_lapic_reg(lapic, HG_APIC_ID) >> 24;
	if (id > map->max_id || map->phys[id] != HG_APICMAP_NONE)
		map->slow = true;
	else
		map->phys[id] = (u16)index;
}

/* Where a logical ID goes: false if it has none. */
static bool logical_place(const struct hg_lapic *lapic, u32 *mode, u32 *cluster, u32 *members)
{
	u32 ldr = hg_lapic_reg(lapic, HG_APIC_LDR);

	if (hg_lapic_x2apic(lapic)) {
		*mode = HG_APICMAP_X2APIC;
		*cluster = ldr >> 16;
		*members = ldr & 0xffff;
		return true;
	}
	ldr >>= 24;
	if (hg_lapic_reg(lapic, HG_APIC_DFR) == HG_APIC_DFR_FLAT) {
		*mode = HG_APICMAP_FLAT;
		*cluster = 0;
		*members = ldr;
	} else {
		*mode = HG_APICMAP_CLUSTER;
		*cluster = ldr >> 4;
		*members = ldr & 0xf;
	}
	return *members;
}

static void add_logical(struct hg_apicmap *map, const struct hg_lapic *lapic, u32 index)
{
	u32 mode, cluster, members, slot;

	if (!logical_place(lapic, &mode, &cluster, &members))
		return;
	slot = (u32)__builtin_ctz(members);
	if (map->logical == HG_APICMAP_EMPTY)
		map->logical = mode;
	if (map->logical != mode || cluster >= HG_APICMAP_CLUSTERS ||
	    (members & (members - 1)) || map->logical_to[cluster][slot] != HG_APICMAP_NONE)
		map->logical = HG_APICMAP_MIXED;
	else
		map->logical_to[cluster][slot] = (u16)index;
}

bool hg_apicmap_build(struct hg_apicmap *map, struct hg_lapic *const *lapics, u32 nr, u32 max_id)
{
	u32 i, j;

	if (nr > HG_APICMAP_MAX_VCPUS || max_id > HG_APICMAP_MAX_ID)
		return false;
	map->lapics = lapics;
	map->nr = nr;
	map->logical = HG_APICMAP_EMPTY;
	map->slow = false;
	map->max_id = max_id;
	for (i = 0; i < HG_APICMAP_CLUSTERS; i++)
		for (j = 0; j < 16; j++)
			map->logical_to[i][j] = HG_APICMAP_NONE;
	for (i = 0; i <= max_id; i++)
		map->phys[i] = HG_APICMAP_NONE;

	for (i = 0; i < nr; i++) {
		if (!lapics[i] || !hg_lapic_hw_enabled(lapics[i]))
			continue;
		add_physical(map, lapics[i], i);
		if (map->logical != HG_APICMAP_MIXED)
			add_logical(map, lapics[i], i);
	}
	return true;
}

/* ---- looking up -------------------------------------------------------- */

static u32 dest_of(const struct hg_irq *irq)
{
	return irq->dest32 ? irq->dest : irq->dest & 0xff;
}

/* Messages that name one place in the tables, and no broadcast. */
static bool is_plain(const struct hg_apicmap *map, const struct hg_irq *irq)
{
	if (map->slow || irq->shorthand != HG_IRQ_TO_DEST)
		return false;
	return dest_of(irq) != (irq->dest32 ? HG_IRQ_BROADCAST_32 : HG_IRQ_BROADCAST_8);
}

static u16 physical_target(const struct hg_apicmap *map, const struct hg_irq *irq)
{
	u32 dest = dest_of(irq);

	return dest <= map->max_id ? map->phys[dest] : HG_APICMAP_NONE;
}

/* The cluster a logical destination names, NULL if none; its members. */
static const u16 *logical_cluster(const struct hg_apicmap *map, const struct hg_irq *irq,
				  u32 *members)
{
	u32 dest = dest_of(irq);
	u32 cluster = 0;

	switch (map->logical) {
	case HG_APICMAP_X2APIC:
		cluster = dest >> 16;
		*members = dest & 0xffff;
		break;
	case HG_APICMAP_CLUSTER:
		cluster = dest >> 4;
		*members = dest & 0xf;
		break;
	default:
		*members = dest;
		break;
	}
	if (map->logical != HG_APICMAP_X2APIC && dest > 0xff)
		return NULL;
	return cluster < HG_APICMAP_CLUSTERS ? map->logical_to[cluster] : NULL;
}

int hg_apicmap_one(const struct hg_apicmap *map, const struct hg_irq *irq)
{
	const u16 *cluster;
	u32 members;

	if (!is_plain(map, irq))
		return -1;
	if (!irq->logical)
		return physical_target(map, irq);
	if (map->logical == HG_APICMAP_MIXED)
		return -1;
	cluster = logical_cluster(map, irq, &members);
	if (!cluster || !members)
		return HG_APICMAP_NONE;
	return members & (members - 1) ? -1 : cluster[__builtin_ctz(members)];
}

static u32 targets_slow(const struct hg_apicmap *map, const struct hg_irq *irq,
			const struct hg_lapic *sender, struct hg_apicmap_set *set)
{
	u32 i, count = 0;

	for (i = 0; i < map->nr; i++) {
		const struct hg_lapic *lapic = map->lapics[i];

		if (!lapic || !hg_lapic_hw_enabled(lapic) || !hg_irq_match(lapic, irq, sender))
			continue;
		set_bit(set, i);
		count++;
	}
	return count;
}

u32 hg_apicmap_targets(const struct hg_apicmap *map, const struct hg_irq *irq,
		       const struct hg_lapic *sender, struct hg_apicmap_set *set)
{
	const u16 *cluster;
	u32 members, count = 0;
	u16 target;

	memset(set, 0, sizeof(*set));
	if (!is_plain(map, irq) || (irq->logical && map->logical == HG_APICMAP_MIXED))
		return targets_slow(map, irq, sender, set);
	if (!irq->logical) {
		target = physical_target(map, irq);
		if (target == HG_APICMAP_NONE)
			return 0;
		set_bit(set, target);
		return 1;
	}
	cluster = logical_cluster(map, irq, &members);
	for (; cluster && members; members &= members - 1) {
		target = cluster[__builtin_ctz(members)];
		if (target == HG_APICMAP_NONE)
			continue;
		set_bit(set, target);
		count++;
	}
	return count;
}

/* ---- delivering -------------------------------------------------------- */

static struct hg_lapic *next_target(const struct hg_apicmap *map, struct hg_apicmap_set *set,
				    u32 *word)
{
	for (; *word < HG_ARRAY_SIZE(set->bits); (*word)++) {
		u64 bits = set->bits[*word];

		if (!bits)
			continue;
		set->bits[*word] = bits & (bits - 1);
		return map->lapics[*word * 64 + (u32)__builtin_ctzll(bits)];
	}
	return NULL;
}

static int deliver_lowest(const struct hg_apicmap *map, const struct hg_irq *irq,
			  struct hg_apicmap_set *set, u32 *turn)
{
	struct hg_apicmap_set again = *set;
	struct hg_lapic *lapic;
	u32 enabled = 0, word = 0, skip;

	while ((lapic = next_target(map, &again, &word)))
		enabled += hg_lapic_enabled(lapic);
	if (!enabled)
		return HG_IRQ_MASKED;
	skip = __atomic_fetch_add(turn, 1, __ATOMIC_RELAXED) % enabled;
	word = 0;
	while ((lapic = next_target(map, set, &word)))
		if (hg_lapic_enabled(lapic) && !skip--)
			return hg_lapic_deliver(lapic, irq);
	/* The chosen one was disabled between the two looks. */
	return HG_IRQ_MASKED;
}

int hg_apicmap_deliver(const struct hg_apicmap *map, const struct hg_irq *irq,
		       const struct hg_lapic *sender, u32 *turn)
{
	struct hg_apicmap_set set;
	struct hg_lapic *lapic;
	int result = HG_IRQ_MASKED;
	u32 word = 0;
	int one;

	one = hg_apicmap_one(map, irq);
	if (one == HG_APICMAP_NONE)
		return HG_IRQ_MASKED;
	if (one >= 0)
		return hg_lapic_deliver(map->lapics[one], irq);

	if (!hg_apicmap_targets(map, irq, sender, &set))
		return HG_IRQ_MASKED;
	if (irq->mode == HG_IRQ_LOWEST)
		return deliver_lowest(map, irq, &set, turn);
	while ((lapic = next_target(map, &set, &word))) {
		int r = hg_lapic_deliver(lapic, irq);

		if (r > 0)
			result = result > 0 ? result + r : r;
		else if (r > result)
			result = r;
	}
	return result;
}
