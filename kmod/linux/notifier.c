// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host takes memory back: what the mmu notifier says becomes UNMAP and AGE.
 *
 * Reclaim, swap, KSM, compaction, NUMA balancing, fork, mprotect, munmap and
 * the VMM's death all arrive here; nothing else of the module knows of them.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "memory.h"

static inline struct hgl_vm *to_vm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct hgl_vm, notifier);
}

/* The part of a slot that [start, end) covers, in guest frames. */
static bool slot_overlap(const struct hgl_slot *slot, unsigned long start, unsigned long end,
			 u64 *gfn, u64 *pages)
{
	unsigned long slot_end = slot->hva + (slot->pages << PAGE_SHIFT);
	unsigned long from = max(start, slot->hva);
	unsigned long to = min(PAGE_ALIGN(end), slot_end);

	if (from >= to)
		return false;
	*gfn = slot->gfn + ((from - slot->hva) >> PAGE_SHIFT);
	*pages = PAGE_ALIGN(to - (from & PAGE_MASK)) >> PAGE_SHIFT;
	return true;
}

static void unmap_slot(struct hgl_vm *vm, const struct hgl_slot *slot, unsigned long start,
		       unsigned long end, bool yield)
{
	u64 gfn, pages;

	if (slot_overlap(slot, start, end, &gfn, &pages))
		hgl_mmu_unmap(vm, gfn, pages, yield);
}

/*
 * Unmap all that is behind [start, end). Context: vm->mmu_lock; with @yield
 * also vm->srcu, which then keeps the slots: one that is added meanwhile is
 * guarded by the open invalidation, one that is removed is unmapped by its
 * remover.
 */
static void unmap_hva(struct hgl_vm *vm, unsigned long start, unsigned long end, bool yield)
{
	const struct hgl_slots *slots = srcu_dereference_check(vm->slots, &vm->srcu,
							       lockdep_is_held(&vm->mmu_lock));
	u32 i;

	/* First, and without a pause: it may be gone after one. */
	if (vm->leaving.pages)
		unmap_slot(vm, &vm->leaving, start, end, false);
	for (i = 0; i < slots->count; i++)
		unmap_slot(vm, &slots->slot[i], start, end, yield);
}

static int range_start(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct hgl_vm *vm = to_vm(notifier);
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	spin_lock(&vm->mmu_lock);
	vm->stat.invalidations++;
	/* Ranges may be open on several CPUs at once: keep their hull. */
	if (vm->invalidating++) {
		vm->invalidate_start = min(vm->invalidate_start, range->start);
		vm->invalidate_end = max(vm->invalidate_end, range->end);
	} else {
		vm->invalidate_start = range->start;
		vm->invalidate_end = range->end;
	}
	unmap_hva(vm, range->start, range->end, mmu_notifier_range_blockable(range));
	spin_unlock(&vm->mmu_lock);
	srcu_read_unlock(&vm->srcu, idx);
	return 0;
}

static void range_end(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct hgl_vm *vm = to_vm(notifier);

	spin_lock(&vm->mmu_lock);
	/*
	 * The host's tables are as they will be: a fault that read them before
	 * must not see this number, so it goes first, then the count.
	 */
	smp_store_release(&vm->invalidate_seq, vm->invalidate_seq + 1);
	vm->invalidating--;
	WARN_ON_ONCE(vm->invalidating < 0);
	spin_unlock(&vm->mmu_lock);
}

bool hgl_notifier_stale(struct hgl_vm *vm, unsigned long seq, unsigned long start,
			unsigned long end)
{
	lockdep_assert_held(&vm->mmu_lock);

	if (unlikely(vm->invalidating) && start < vm->invalidate_end &&
	    end > vm->invalidate_start)
		return true;
	return vm->invalidate_seq != seq;
}

/* How many mappings behind [start, end) were used lately. */
static s64 age_hva(struct hgl_vm *vm, unsigned long start, unsigned long end, bool clear,
		   bool flush)
{
	const struct hgl_slots *slots;
	s64 young = 0;
	u32 i;

	spin_lock(&vm->mmu_lock);
	slots = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->mmu_lock));
	for (i = 0; i < slots->count; i++) {
		u64 gfn, pages;

		if (slot_overlap(&slots->slot[i], start, end, &gfn, &pages))
			young += hgl_mmu_age(vm, gfn, pages, clear);
	}
	if (young && flush)
		hgl_vm_flush(vm);
	spin_unlock(&vm->mmu_lock);
	return young;
}

static int clear_flush_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			     unsigned long start, unsigned long end)
{
	return age_hva(to_vm(notifier), start, end, true, true) > 0;
}

/* A stale TLB may hide the next use for a while; the caller can live with it. */
static int clear_young(struct mmu_notifier *notifier, struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	return age_hva(to_vm(notifier), start, end, true, false) > 0;
}

static int test_young(struct mmu_notifier *notifier, struct mm_struct *mm, unsigned long address)
{
	return age_hva(to_vm(notifier), address, address + PAGE_SIZE, false, false) > 0;
}

/*
 * The address space goes away, or hgl_mmu_stop() was called. In the first case
 * its threads are gone, too, so no vCPU can be in the guest: KVM_RUN is only
 * taken from that address space. Requests make sure that none enters again.
 */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct hgl_vm *vm = to_vm(notifier);
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	spin_lock(&vm->mmu_lock);
	WRITE_ONCE(vm->dead, true);
	unmap_hva(vm, 0, TASK_SIZE_MAX, true);
	spin_unlock(&vm->mmu_lock);
	srcu_read_unlock(&vm->srcu, idx);
	hgl_vm_stop(vm);
}

/*
 * change_pte is left out: the host announces those changes as a range, too,
 * and the next fault finds the new frame. invalidate_range as well: the guest
 * does not share the host's page tables.
 */
const struct mmu_notifier_ops hgl_notifier_ops = {
	.invalidate_range_start	= range_start,
	.invalidate_range_end	= range_end,
	.clear_flush_young	= clear_flush_young,
	.clear_young		= clear_young,
	.test_young		= test_young,
	.release		= release,
};
