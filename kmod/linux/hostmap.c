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

/* The entry's rights, for any level: x86 keeps the bits in the same place. */
static enum hgl_host_state judge(pte_t pte, bool write, struct hgl_host_page *page)
{
	/* Clear for PROT_NONE, NUMA hinting and keys that deny the VMM. */
	if (!pte_access_permitted(pte, false))
		return HGL_HOST_ABSENT;

	page->writable = pte_access_permitted(pte, true) && pte_dirty(pte);
	if (write && !page->writable)
		return HGL_HOST_ABSENT;
	return HGL_HOST_MAPPED;
}

/* Interrupts are off. */
static enum hgl_host_state walk(struct mm_struct *mm, unsigned long hva, bool write,
				struct hgl_host_page *page)
{
	enum hgl_host_state state;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	pte_t pte;

	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		return HGL_HOST_ABSENT;

	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		return HGL_HOST_ABSENT;

	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		return HGL_HOST_ABSENT;
	if (pud_leaf(pud)) {
		page->level = 3;
		page->pfn = pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
		return judge(__pte(pud_val(pud)), write, page);
	}

	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (pmd_none(pmd) || !pmd_present(pmd))
		return HGL_HOST_ABSENT;
	if (pmd_leaf(pmd)) {
		page->level = 2;
		page->pfn = pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
		return judge(__pte(pmd_val(pmd)), write, page);
	}

	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	if (pte_none(pte) || !pte_present(pte))
		return HGL_HOST_ABSENT;
	page->level = 1;
	page->pfn = pte_pfn(pte);
	state = judge(pte, write, page);
	/*
	 * Special entries map what has no struct page: device memory. The one
	 * exception is the page of zeroes behind memory only read so far.
	 */
	if (state == HGL_HOST_MAPPED && pte_special(pte) && !is_zero_pfn(page->pfn))
		return HGL_HOST_SPECIAL;
	return state;
}

enum hgl_host_state hgl_host_lookup(struct mm_struct *mm, unsigned long hva, bool write,
				    struct hgl_host_page *page)
{
	enum hgl_host_state state;
	unsigned long flags;

	local_irq_save(flags);
	state = walk(mm, hva, write, page);
	local_irq_restore(flags);
	return state;
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
