// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: which frames of a slot were written since the last look.
 *
 * Frames of a logged slot are mapped writable only by a write fault, which
 * sets the bit under vm->mmu_lock together with the mapping. A harvest takes
 * the bit and the write permission, again under that lock, and hands the bits
 * out only after every vCPU has forgotten the permission. So a write either
 * was seen in this harvest or sets the bit for the next one. Writes of the
 * module itself (guestmem.c) write first and mark afterwards: at worst the
 * next harvest tells of them again.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "memory.h"

/* Words handled at a time before the lock may be yielded: 128 MiB of guest. */
#define HARVEST_BATCH	512

unsigned long *hgl_dirty_alloc(u64 pages, bool all_set)
{
	u64 words = BITS_TO_LONGS(pages);
	unsigned long *dirty;

	dirty = kvcalloc(words, 2 * sizeof(*dirty), GFP_KERNEL_ACCOUNT);
	if (dirty && all_set)
		bitmap_set(dirty, 0, pages);
	return dirty;
}

void hgl_dirty_free(unsigned long *dirty)
{
	kvfree(dirty);
}

/* The second half of the allocation; @slots_lock guards it. */
static unsigned long *snapshot_of(const struct hgl_slot *slot)
{
	return slot->dirty + BITS_TO_LONGS(slot->pages);
}

/* The slot that a log call names. ERR_PTR: -EINVAL (id), -ENOENT (no log). */
static struct hgl_slot *logged_slot(struct hgl_vm *vm, u32 id)
{
	struct hgl_slot *slot;

	if (id >= HGL_MAX_SLOTS)
		return ERR_PTR(-EINVAL);
	slot = hgl_slot_by_id(hgl_slots_locked(vm), id);
	if (!slot || !slot->dirty)
		return ERR_PTR(-ENOENT);
	return slot;
}

/*
 * Take write permission from the frames between the first and the last of
 * @bits. Those between are clean, and so protected already, or stay dirty and
 * only fault once more. Returns whether anything changed.
 */
static bool protect_word(struct hgl_vm *vm, u64 gfn, unsigned long bits)
{
	unsigned long first = __ffs(bits);
	s64 changed = hgl_core(HG_CALL_PROTECT, vm->domain, gfn + first,
			      __fls(bits) - first + 1, 0, 0);

	return !hgl_vm_failed(changed) && changed;
}

/*
 * For each word of [first, first + count): take the bits that @take has (all,
 * if NULL) out of the log, protect their frames, and leave them in @out.
 * Yielding before the flush is harmless: the bits are not handed out yet, and
 * whoever changes other mappings meanwhile flushes for himself.
 */
static void harvest(struct hgl_vm *vm, const struct hgl_slot *slot, u64 first, u64 count,
		    const unsigned long *take, unsigned long *out)
{
	bool flush = false;
	u64 i;

	spin_lock(&vm->mmu_lock);
	for (i = 0; i < count; i++) {
		atomic_long_t *word = (atomic_long_t *)&slot->dirty[first + i];
		unsigned long bits = 0, mask = take ? take[i] : ~0UL;

		if (mask && atomic_long_read(word))
			bits = atomic_long_fetch_andnot(mask, word) & mask;
		if (bits) {
			/*
			 * A right that is gone from the table already, by a read
			 * fault beside the write, may still be in a TLB.
			 */
			protect_word(vm, slot->gfn + (first + i) * BITS_PER_LONG, bits);
			flush = true;
		}
		if (out)
			out[i] = bits;
		if (i % HARVEST_BATCH == HARVEST_BATCH - 1)
			cond_resched_lock(&vm->mmu_lock);
	}
	if (flush)
		hgl_vm_flush(vm);
	spin_unlock(&vm->mmu_lock);
}

static int get_log(struct hgl_vm *vm, const struct kvm_dirty_log *log)
{
	const struct hgl_slot *slot = logged_slot(vm, log->slot);
	const unsigned long *bits;
	u64 words;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	words = BITS_TO_LONGS(slot->pages);

	if (vm->manual_dirty) {
		/* Only looks; KVM_CLEAR_DIRTY_LOG takes. */
		bits = slot->dirty;
	} else {
		harvest(vm, slot, 0, words, NULL, snapshot_of(slot));
		bits = snapshot_of(slot);
	}
	return copy_to_user(log->dirty_bitmap, bits, words * sizeof(*bits)) ? -EFAULT : 0;
}

/*
 * KVM_GET_DIRTY_LOG. One bit a page, to a buffer of whole 64-bit words.
 * 0; -EINVAL (slot number), -ENOENT (no such slot, or it has no log), -EFAULT
 * (the log is lost then, as on KVM).
 */
int hgl_slots_dirty_log(struct hgl_vm *vm, const struct kvm_dirty_log *log)
{
	int ret;

	mutex_lock(&vm->slots_lock);
	ret = get_log(vm, log);
	mutex_unlock(&vm->slots_lock);
	return ret;
}

static int clear_log(struct hgl_vm *vm, const struct kvm_clear_dirty_log *log)
{
	const struct hgl_slot *slot = logged_slot(vm, log->slot);
	unsigned long *take;
	u64 left, words;

	if (IS_ERR(slot))
		return PTR_ERR(slot);

	/* Whole words, but for the end of the slot. */
	if (log->first_page % BITS_PER_LONG || log->first_page > slot->pages)
		return -EINVAL;
	left = slot->pages - log->first_page;
	if (log->num_pages > left || (log->num_pages < left && log->num_pages % BITS_PER_LONG))
		return -EINVAL;

	words = BITS_TO_LONGS(log->num_pages);
	take = snapshot_of(slot);
	if (copy_from_user(take, log->dirty_bitmap, words * sizeof(*take)))
		return -EFAULT;
	harvest(vm, slot, log->first_page / BITS_PER_LONG, words, take, NULL);
	return 0;
}

/*
 * KVM_CLEAR_DIRTY_LOG: take the given bits out of the log and watch their
 * frames again. 0; -EINVAL (slot number, range), -ENOENT, -EFAULT (nothing is
 * cleared).
 */
int hgl_slots_clear_dirty(struct hgl_vm *vm, const struct kvm_clear_dirty_log *log)
{
	int ret;

	mutex_lock(&vm->slots_lock);
	ret = clear_log(vm, log);
	mutex_unlock(&vm->slots_lock);
	return ret;
}
