/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's own spinlock: a ticket lock on compiler atomics.
 *
 * Callers run with preemption off and never from interrupts (call.h), so no
 * holder can be interrupted by another contender on its CPU. The lock order is
 * that of the enum: a lock may be taken under those that stand before it.
 */
#ifndef HG_CORE_LOCK_H
#define HG_CORE_LOCK_H

#include "types.h"

enum hg_lock_rank {
	HG_LOCK_HANDLES = 1,	/* the tables of domains and vCPUs */
	HG_LOCK_DOMAIN,		/* a domain's tables and counters; a parent's before its child's */
};

struct hg_lock {
	u16 next;
	u16 owner;
};

static inline void hg_pause(void)
{
	__builtin_ia32_pause();
}

static inline void hg_lock(struct hg_lock *lock)
{
	u16 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket)
		hg_pause();
}

static inline bool hg_trylock(struct hg_lock *lock)
{
	u16 owner = __atomic_load_n(&lock->owner, __ATOMIC_RELAXED), ticket = owner;

	return __atomic_compare_exchange_n(&lock->next, &ticket, (u16)(owner + 1), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void hg_unlock(struct hg_lock *lock)
{
	__atomic_store_n(&lock->owner, (u16)(lock->owner + 1), __ATOMIC_RELEASE);
}

#endif /* HG_CORE_LOCK_H */
