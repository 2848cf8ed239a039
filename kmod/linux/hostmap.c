// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which host frame is behind an address of the VMM.
 *
 * The page tables themselves are read, with interrupts off, instead of asking
 * for page references: one walk tells the frame, the size of the mapping and
 * whether it may be written, which is all a nested fault needs. No reference
 * is needed because nothing is used before hgl_notifier_stale() has said,
 * under the lock, that the host has not touched the mapping since; and from
 * then on the host must call the notifier before it takes the frame back.
 *
 * Interrupts off keep the tables alive: the host frees a page table only after
 * every CPU has taken an interrupt, or after an RCU grace period.
 *
 * Dirty state. A frame counts as writable only if the host's own entry is
 * writable *and* dirty. The host can then clear neither without the notifier,
 * so what the guest writes is never lost, and nobody has to mark the frame
 * dirty when the guest's mapping goes: the host's entry says so already.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <asm/pkru.h>

#include "memory.h"

/*
 * x86 page tables have one format at every level (APM vol. 2, 5.3), so the
 * walk is a loop over raw entries; the kernel's accessors by level would ask
 * the same questions anew at each, and this path is walked twice a fault. Under
 * a paravirtual MMU entries look different, but there is no SVM or VMX either.
 */
#define TABLE_BITS	9
#define TABLE_MASK	(BIT(TABLE_BITS) - 1)

/*
 * The entry that maps @hva, or 0. Entries that are not present - none, swapped,
 * migrating, PROT_NONE, NUMA hinting - all have bit 0 clear. Interrupts are off.
 */
static u64 find_leaf(struct mm_struct *mm, unsigned long hva, u32 *level)
{
	u32 l = pgtable_l5_enabled() ? 5 : 4;
	u32 shift = PAGE_SHIFT + (l - 1) * TABLE_BITS;
	const u64 *table = (const u64 *)mm->pgd;

	for (;; l--, shift -= TABLE_BITS) {
		u64 entry = READ_ONCE(table[(hva >> shift) & TABLE_MASK]);

		if (!(entry & _PAGE_PRESENT))
			return 0;
		if (l == 1 || (entry & _PAGE_PSE)) {
			*level = l;
			return entry;
		}
		table = __va(entry & PTE_PFN_MASK);
	}
}

/* What the process's protection keys forbid it at this entry: PKRU_*_BIT. */
static u32 key_denies(u64 entry)
{
	u32 key = (entry & _PAGE_PKEY_MASK) >> _PAGE_BIT_PKEY_BIT0;

	if (!cpu_feature_enabled(X86_FEATURE_OSPKE))
		return 0;
	return rdpkru() >> (key * PKRU_BITS_PER_PKEY);
}

/* The frame behind @hva itself, inside a big page, too. */
static u64 frame_at(u64 entry, u32 level, unsigned long hva)
{
	u64 frame = (entry & PTE_PFN_MASK) >> PAGE_SHIFT;
	u64 below;

	if (likely(level == 1))
		return frame;
	below = BIT((level - 1) * TABLE_BITS) - 1;
	return (frame & ~below) | ((hva >> PAGE_SHIFT) & below);
}

enum hgl_host_state hgl_host_lookup(struct mm_struct *mm, unsigned long hva, bool write,
				    struct hgl_host_page *page)
{
	const u64 dirty = _PAGE_RW | _PAGE_DIRTY;
	u32 denied, level;
	u64 entry;

	local_irq_disable();
	entry = find_leaf(mm, hva, &level);
	local_irq_enable();

	if (!(entry & _PAGE_USER))
		return HGL_HOST_ABSENT;
	denied = key_denies(entry);
	if (denied & PKRU_AD_BIT)
		return HGL_HOST_ABSENT;
	page->writable = (entry & dirty) == dirty && !(denied & PKRU_WD_BIT);
	if (write && !page->writable)
		return HGL_HOST_ABSENT;

	page->level = level;
	page->pfn = frame_at(entry, level, hva);
	/*
	 * Special entries map what has no struct page: device memory. The one
	 * exception is the page of zeroes behind memory only read so far. At
	 * higher levels the bit has other uses.
	 */
	if (unlikely(entry & _PAGE_SPECIAL) && level == 1 && !is_zero_pfn(page->pfn))
		return HGL_HOST_SPECIAL;
	return HGL_HOST_MAPPED;
}

/* Tell a broken frame from a missing mapping; the fault itself does not. */
static bool poisoned(unsigned long hva, bool write)
{
	unsigned int flags = FOLL_HWPOISON | (write ? FOLL_WRITE : 0);

	return get_user_pages_unlocked(hva, 1, NULL, flags) == -EHWPOISON;
}

int hgl_host_fault(struct mm_struct *mm, unsigned long hva, bool write)
{
	bool unlocked = false;
	int ret;

	ret = mmap_read_lock_killable(mm);
	if (ret)
		return ret;
	ret = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
	mmap_read_unlock(mm);

	if (unlikely(ret == -EFAULT) && poisoned(hva, write))
		return -EHWPOISON;
	return ret;
}
