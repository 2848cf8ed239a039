// SPDX-License-Identifier: GPL-2.0-only
/*
 * A confidential VM's private memory: frames that this half brings, and that
 * are the core's until the guest gives them up or ends.
 *
 * Private pages have nothing to do with what the VMM has mapped: the host's
 * memory management never sees them, so they are neither swapped nor moved. They
 * are accounted to the VMM's memory cgroup, as its page tables are.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "cvm.h"
#include "memory.h"
#include "vcpu.h"

#define BIG_ORDER	9
#define BIG_PAGES	(1ULL << BIG_ORDER)
/* Small pages brought at a fault, naturally aligned: the neighbours come next. */
#define AROUND		16ULL
/* Frames that stay in the domain's cache, for tables to come. */
#define CACHE_KEEP	64

static int errno_of(s64 status)
{
	switch (status) {
	case HG_OK:
		return 0;
	case HG_E_EXISTS:
		return -EEXIST;
	case HG_E_DENIED:
		return -EPERM;
	case HG_E_ABSENT:
		return -ENOENT;
	case HG_E_BUSY:
		return -EBUSY;
	}
	return -EFAULT;
}

/* CVM_ADD, donating tables as it asks for them. An hg_status, or -ENOMEM as HG_E_NOMEM. */
static s64 add(struct hgl_vm *vm, u64 gfn, struct page *page, u32 level, u32 flags)
{
	s64 status;

	do {
		status = hgl_call(HG_CALL_CVM_ADD, vm->domain, gfn, page_to_pfn(page), level,
				  flags);
	} while (status == HG_E_NOMEM && !hgl_mmu_donate(vm));
	return status;
}

/* 0, -EEXIST, -EPERM (no RAM there), -ENOMEM, -EFAULT. */
static int add_small(struct hgl_vm *vm, u64 gfn, u32 flags)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
	s64 status;

	if (!page)
		return -ENOMEM;
	status = add(vm, gfn, page, 1, flags);
	if (status == HG_OK)
		return 0;
	__free_page(page);
	return status == HG_E_NOMEM ? -ENOMEM : errno_of(status);
}

struct page *hgl_big_alloc(void)
{
	struct page *page;

	page = alloc_pages(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_NORETRY, BIG_ORDER);
	if (page)
		split_page(page, BIG_ORDER);
	return page;
}

void hgl_big_free(struct page *page)
{
	u32 i;

	for (i = 0; i < BIG_PAGES; i++)
		__free_page(page + i);
}

static int add_big(struct hgl_vm *vm, u64 gfn)
{
	struct page *page = hgl_big_alloc();
	s64 status;

	if (!page)
		return -ENOMEM;
	status = add(vm, gfn, page, 2, 0);
	if (status == HG_OK)
		return 0;
	hgl_big_free(page);
	return errno_of(status);
}

int hgl_cvm_populate(struct hgl_vm *vm, u64 gfn, u64 pages, u32 flags)
{
	int ret;

	for (; pages; gfn++, pages--) {
		ret = add_small(vm, gfn, flags);
		if (ret && ret != -EEXIST)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Is [gfn, gfn + pages) all in the slot? */
static bool inside(const struct hgl_slot *slot, u64 gfn, u64 pages)
{
	return gfn >= slot->gfn && pages <= slot->pages && gfn - slot->gfn <= slot->pages - pages;
}

static int fault_around(struct hgl_vm *vm, const struct hgl_slot *slot, u64 gfn)
{
	u64 first = gfn & ~(AROUND - 1), i;
	int ret;

	ret = add_small(vm, gfn, 0);
	if (ret)
		return ret;
	for (i = first; i < first + AROUND; i++)
		if (i != gfn && inside(slot, i, 1) && add_small(vm, i, 0) == -ENOMEM)
			break;
	return 0;
}

int hgl_cvm_fault(struct hgl_vcpu *vcpu, u64 gpa)
{
	u64 gfn = gpa >> PAGE_SHIFT, big = gfn & ~(BIG_PAGES - 1);
	struct hgl_vm *vm = vcpu->vm;
	const struct hgl_slot *slot;
	int ret;

	slot = hgl_slot_find(hgl_slots_reader(vm), gfn);
	/* Firmware may have made it read-only (PAM): of the shared view. It is RAM still. */
	if (!slot || (slot->flags & KVM_MEM_READONLY)) {
		ret = add_small(vm, gfn, 0);
		return ret && ret != -EEXIST ? ret : HGL_FAULT_DONE;
	}
	set_bit(slot->id, vm->cvm_slots);
	/* Where a big page did not go once, it will not: something smaller is there. */
	if (inside(slot, big, BIG_PAGES) && READ_ONCE(vm->cvm_small) != big) {
		ret = add_big(vm, big);
		if (!ret)
			return HGL_FAULT_DONE;
		WRITE_ONCE(vm->cvm_small, big);
	}
	ret = fault_around(vm, slot, gfn);
	return ret && ret != -EEXIST ? ret : HGL_FAULT_DONE;
}

static int load_piece(struct hgl_vm *vm, u64 gpa, unsigned long hva, u32 length, u32 type)
{
	u64 where = offset_in_page(hva) | (u64)length << 16;
	struct page *page;
	s64 status;
	int ret;

	ret = get_user_pages_fast(hva & PAGE_MASK, 1, 0, &page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	status = hgl_call(HG_CALL_CVM_LOAD, vm->domain, gpa, page_to_pfn(page), where, type);
	put_page(page);
	return errno_of(status);
}

int hgl_cvm_load(struct hgl_vm *vm, u64 gpa, unsigned long hva, u32 length, u32 type)
{
	int ret;

	while (length) {
		/* To the end of a page, there and here. */
		u32 piece = min3(length, (u32)(PAGE_SIZE - offset_in_page(gpa)),
				 (u32)(PAGE_SIZE - offset_in_page(hva)));

		ret = load_piece(vm, gpa, hva, piece, type);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		gpa += piece;
		hva += piece;
		length -= piece;
		cond_resched();
	}
	return 0;
}

/*
 * What the guest gave up is free once every vCPU has left it behind, which the
 * flush makes it do.
 */
void hgl_cvm_reclaim(struct hgl_vm *vm)
{
	s64 pfn;

	spin_lock(&vm->mmu_lock);
	hgl_vm_flush(vm);
	spin_unlock(&vm->mmu_lock);
	while (hgl_call(HG_CALL_DOMAIN_STAT, vm->domain, HG_DOMAIN_STAT_CACHE) > CACHE_KEEP) {
		pfn = hgl_call(HG_CALL_DOMAIN_RECLAIM, vm->domain);
		if (pfn < 0)
			return;
		__free_page(pfn_to_page(pfn));
		cond_resched();
	}
}

bool hgl_cvm_slot_pinned(struct hgl_vm *vm, const struct hgl_slot *slot)
{
	return hgl_cvm(vm) && test_bit(slot->id, vm->cvm_slots);
}

/*
 * QEMU loads the table of hashes, and has all measured, before the first reset of its
 * chipset. Until then all RAM below 4 GiB is one slot; the chipset cuts it. Private pages
 * stay where they are meanwhile, for they are the core's. One range will do: what lies
 * within it may be cut again.
 */
bool hgl_cvm_slot_may_go(struct hgl_vm *vm, const struct hgl_slot *slot)
{
	u64 gfn = vm->cvm_gone_gfn, pages = vm->cvm_gone_pages;

	lockdep_assert_held(&vm->slots_lock);
	if (!hgl_cvm_slot_pinned(vm, slot))
		return true;
	if (smp_load_acquire(&vm->cvm) > HG_CVM_SEALED)
		return false;
	return !pages || (slot->gfn >= gfn && slot->gfn + slot->pages <= gfn + pages);
}

void hgl_cvm_slot_gone(struct hgl_vm *vm, const struct hgl_slot *slot)
{
	lockdep_assert_held(&vm->slots_lock);
	if (!hgl_cvm_slot_pinned(vm, slot))
		return;
	clear_bit(slot->id, vm->cvm_slots);
	if (!vm->cvm_gone_pages) {
		vm->cvm_gone_gfn = slot->gfn;
		vm->cvm_gone_pages = slot->pages;
	}
}

void hgl_cvm_slot_came(struct hgl_vm *vm, const struct hgl_slot *slot)
{
	u64 gfn = vm->cvm_gone_gfn, pages = vm->cvm_gone_pages;

	lockdep_assert_held(&vm->slots_lock);
	if (pages && slot->gfn < gfn + pages && gfn < slot->gfn + slot->pages)
		set_bit(slot->id, vm->cvm_slots);
}
