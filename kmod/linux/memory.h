/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the memory files of the Linux half share: slots.c (which guest frames
 * exist), dirty.c (which were written), guestmem.c (access from the kernel),
 * hostmap.c (which host frame is behind an address), mmu.c (faults) and
 * notifier.c (the host takes frames back).
 */
#ifndef HGL_MEMORY_H
#define HGL_MEMORY_H

#include "nest.h"
#include "vm.h"

/*
 * hgl_call - enter the core from process context, with preemption off as
 * call.h asks. Missing arguments are zero.
 */
#define HGL_CALL_PAD(nr, a, b, c, d, e, ...)	hgl_core(nr, a, b, c, d, e)
#define hgl_call(...)							\
({									\
	s64 hgl_status;							\
									\
	preempt_disable();						\
	hgl_status = HGL_CALL_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0);	\
	preempt_enable();						\
	hgl_status;							\
})

/* ---- slots.c ---- */
/* An empty set of slots; NULL without memory. */
struct hgl_slots *hgl_slots_alloc(u32 count);
/* The last one's end: frees the slots and their bitmaps. No reader remains. */
void hgl_slots_destroy(struct hgl_vm *vm);
/* The slot that the VMM calls @id, or NULL. Linear: not for the fault path. */
struct hgl_slot *hgl_slot_by_id(struct hgl_slots *slots, u32 id);
/* The slots, for who holds vm->slots_lock. */
#define hgl_slots_locked(vm)						\
	rcu_dereference_protected((vm)->slots, lockdep_is_held(&(vm)->slots_lock))
/* The slots, for who holds vm->srcu (they may sleep). */
#define hgl_slots_reader(vm)	srcu_dereference((vm)->slots, &(vm)->srcu)

/* ---- dirty.c ---- */
/* Two bitmaps in one: @slot->dirty, and behind it room for a snapshot. */
unsigned long *hgl_dirty_alloc(u64 pages, bool all_set);
void hgl_dirty_free(unsigned long *dirty);
static inline void hgl_dirty_mark(const struct hgl_slot *slot, u64 gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->gfn, slot->dirty);
}

/* ---- hostmap.c ---- */
enum hgl_host_state {
	HGL_HOST_ABSENT,	/* not mapped, or not with the rights asked for */
	HGL_HOST_SPECIAL,	/* mapped, but no ordinary memory */
	HGL_HOST_MAPPED,
};

struct hgl_host_page {
	u64 pfn;		/* the 4 KiB frame of the address itself */
	u32 level;		/* size of the host's own mapping: 1..3 */
	bool writable;		/* and already counted as dirty by the host */
};

/*
 * What the page tables of the current process map at @hva. Takes no reference:
 * the answer holds only as long as no notifier speaks (see hgl_mmu_fault()).
 */
enum hgl_host_state hgl_host_lookup(struct mm_struct *mm, unsigned long hva, bool write,
				    struct hgl_host_page *page);
/*
 * Have the host map @hva with the rights asked for. 0, -EFAULT, -ENOMEM, or
 * -EINTR when the caller was killed; -EHWPOISON when the frame is broken.
 */
int hgl_host_fault(struct mm_struct *mm, unsigned long hva, bool write);

/* ---- mmu.c ---- */
/*
 * Give the domain a batch of frames for page tables. 0 if at least one came;
 * -ENOMEM, -EFAULT (the core refuses). May sleep.
 */
int hgl_mmu_donate(struct hgl_vm *vm);
/*
 * Remove all mappings of [gfn, gfn + pages), and make every vCPU forget them.
 * With @yield the lock is dropped now and then; nothing outside the range may
 * then be taken for unchanged. Context: vm->mmu_lock.
 */
void hgl_mmu_unmap(struct hgl_vm *vm, u64 gfn, u64 pages, bool yield);
/* The same, but take only write permission. */
void hgl_mmu_protect(struct hgl_vm *vm, u64 gfn, u64 pages, bool yield);
s64 hgl_mmu_age(struct hgl_vm *vm, u64 gfn, u64 pages, bool clear);

/* ---- notifier.c ---- */
extern const struct mmu_notifier_ops hgl_notifier_ops;
/*
 * Did the host change its mind about [start, end) since @seq was read?
 * Context: vm->mmu_lock.
 */
bool hgl_notifier_stale(struct hgl_vm *vm, unsigned long seq, unsigned long start,
			unsigned long end);

#endif /* HGL_MEMORY_H */
