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

#include "memory.h"

/*
 * x86 page tables have one format at every level (APM vol. 2, 5.3), so the
 * walk is a loop over raw entries; the kernel's accessors by level would ask
 * the same questions anew at each, and this path is walked twice a fault. Under
 * a paravirtual MMU entries look different, but there is no SVM or VMX either.
 */
#define TABLE_BITS	9
#define TABLE_MASK	(BIT(TABLE_BITS) - 1)

static inline u64 entry_frame(u64 entry)
{
	return (entry & PTE_PFN_MASK) >> PAGE_SHIFT;
}

/*
 * The entry that maps @hva, or 0. Entries that are not present - none, swapped,
 * migrating, PROT_NONE, NUMA hinting - all have bit 0 clear. Interrupts are off.
 */
static u64 find_leaf(struct mm_struct *mm, unsigned long hva, u32 *level)
{
	const u64 *table = (const u64 *)mm->pgd;
	u32 l = pgtable_l5_enabled() ? 5 : 4;

	for (;; l--) {
		u32 shift = PAGE_SHIFT + (l - 1) * TABLE_BITS;
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

enum hgl_host_state hgl_host_lookup(struct mm_struct *mm, unsigned long hva, bool write,
				    struct hgl_host_page *page)
{
	u64 entry, below;
	u16 key;

	local_irq_disable();
	entry = find_leaf(mm, hva, &page->level);
	local_irq_enable();

	key = (entry & _PAGE_PKEY_MASK) >> _PAGE_BIT_PKEY_BIT0;
	if (!(entry & _PAGE_USER) || !__pkru_allows_pkey(key, false))
		return HGL_HOST_ABSENT;
	page->writable = (entry & _PAGE_RW) && (entry & _PAGE_DIRTY) &&
			 __pkru_allows_pkey(key, true);
	if (write && !page->writable)
		return HGL_HOST_ABSENT;

	/* The host's frame for this very address, inside a big page, too. */
	below = BIT((page->level - 1) * TABLE_BITS) - 1;
	page->pfn = (entry_frame(entry) & ~below) | ((hva >> PAGE_SHIFT) & below);

	/*
	 * Special entries map what has no struct page: device memory. The one
	 * exception is the page of zeroes behind memory only read so far. At
	 * higher levels the bit has other uses.
	 */
	if (page->level == 1 && (entry & _PAGE_SPECIAL) && !is_zero_pfn(page->pfn))
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
