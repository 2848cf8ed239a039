/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Destination map of a VM: from an interrupt message to the vCPUs it names,
 * without asking every local APIC.
 *
 * The map is built from scratch when ops->map_changed says so, and is
 * read-only after that: publish it with RCU or the like. Its caller provides
 * the memory. The vCPU index is the position in the array given to
 * hg_apicmap_build().
 */
#ifndef HG_IRQCHIP_APICMAP_H
#define HG_IRQCHIP_APICMAP_H

#include "lapic.h"

#define HG_APICMAP_MAX_VCPUS	256U
#define HG_APICMAP_MAX_ID	1023U	/* largest physical ID */
#define HG_APICMAP_NONE		0xffffU
#define HG_APICMAP_CLUSTERS	(HG_APICMAP_MAX_ID / 16 + 1)

struct hg_apicmap_set {
	u64 bits[HG_APICMAP_MAX_VCPUS / 64];
};

enum hg_apicmap_logical {
	HG_APICMAP_EMPTY,	/* no local APIC takes logical messages yet */
	HG_APICMAP_FLAT,
	HG_APICMAP_CLUSTER,	/* xAPIC cluster model */
	HG_APICMAP_X2APIC,
	HG_APICMAP_MIXED,	/* modes differ: ask every local APIC */
};

struct hg_apicmap {
	struct hg_lapic *const *lapics;	/* by index; entries may be NULL */
	u32 nr;
	u32 logical;			/* enum hg_apicmap_logical */
	bool slow;			/* duplicate IDs: ask every local APIC */
	u16 logical_to[HG_APICMAP_CLUSTERS][16];
	u32 max_id;			/* last valid index into phys */
	u16 phys[];
};

/* Bytes a map needs when max_id is the largest physical ID of the VM. */
u64 hg_apicmap_size(u32 max_id);

/*
 * Build. `lapics` (nr entries, NULL where no vCPU) must outlive the map.
 * Returns false, map unusable, if nr or max_id is over its limit.
 */
bool hg_apicmap_build(struct hg_apicmap *map, struct hg_lapic *const *lapics, u32 nr, u32 max_id);

/*
 * Single target without a bitmap: the index, HG_APICMAP_NONE if nobody, or -1
 * if the message may have several targets (use hg_apicmap_targets).
 */
int hg_apicmap_one(const struct hg_apicmap *map, const struct hg_irq *irq);

/* All targets; returns how many. `sender` as for hg_irq_match(). */
u32 hg_apicmap_targets(const struct hg_apicmap *map, const struct hg_irq *irq,
		       const struct hg_lapic *sender, struct hg_apicmap_set *set);

/*
 * Deliver to every target; lowest-priority messages go to one of them. The
 * choice is round robin over the enabled targets, starting after `*turn` (a
 * per-VM counter, shared by all CPUs, updated atomically): fair, and it needs
 * no look at priorities that change while we look. Any CPU. Returns enum
 * hg_irq_result, or the number of local APICs that took it.
 */
int hg_apicmap_deliver(const struct hg_apicmap *map, const struct hg_irq *irq,
		       const struct hg_lapic *sender, u32 *turn);

#endif /* HG_IRQCHIP_APICMAP_H */
