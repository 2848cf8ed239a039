// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which guest frames exist, and where the VMM has them.
 *
 * The slots of a VM are one array, sorted by guest frame, that is never changed
 * once it is published: a change builds another. Readers (faults, emulation)
 * hold vm->srcu, because they sleep; the notifier holds vm->mmu_lock, under
 * which arrays are exchanged.
 *
 * Taking frames away, in this order:
 *	1. under mmu_lock: publish the new array, note the old slot in
 *	   vm->leaving, so that the notifier still finds its mappings;
 *	2. wait for the readers of the old array: afterwards nobody can map a
 *	   frame of the slot any more;
 *	3. under mmu_lock: unmap it and make all vCPUs forget it; clear leaving.
 * Only then the ioctl returns and the VMM may reuse the memory.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>

#include "cvm.h"
#include "memory.h"

/* What the nested page tables span: four levels (APM vol. 2, 15.25.5). */
#define MAX_GUEST_BITS	48

struct hgl_slots *hgl_slots_alloc(u32 count)
{
	struct hgl_slots *slots;

	slots = kvzalloc(struct_size(slots, slot, count), GFP_KERNEL_ACCOUNT);
	if (slots)
		slots->count = count;
	return slots;
}

void hgl_slots_destroy(struct hgl_vm *vm)
{
	struct hgl_slots *slots = rcu_dereference_protected(vm->slots, true);
	u32 i;

	for (i = 0; i < slots->count; i++)
		hgl_dirty_free(slots->slot[i].dirty);
	RCU_INIT_POINTER(vm->slots, NULL);
	kvfree(slots);
}

/* The last slot that begins at or before @gfn, if @gfn is in it. */
const struct hgl_slot *hgl_slot_find(const struct hgl_slots *slots, u64 gfn)
{
	u32 low = 0, high = slots->count;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (slots->slot[mid].gfn <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || gfn - slots->slot[low - 1].gfn >= slots->slot[low - 1].pages)
		return NULL;
	return &slots->slot[low - 1];
}

struct hgl_slot *hgl_slot_by_id(struct hgl_slots *slots, u32 id)
{
	u32 i;

	for (i = 0; i < slots->count; i++)
		if (slots->slot[i].id == id)
			return &slots->slot[i];
	return NULL;
}

/* First frame that no guest can have on this machine. */
static u64 gfn_limit(void)
{
	return 1ULL << (min_t(u32, MAX_GUEST_BITS, boot_cpu_data.x86_phys_bits) - PAGE_SHIFT);
}

/* Check all that can be checked without looking at the other slots. */
static int parse_region(const struct kvm_userspace_memory_region *region, struct hgl_slot *slot)
{
	u64 size = region->memory_size, gpa = region->guest_phys_addr;
	u64 hva = region->userspace_addr;

	if (region->flags & ~(u32)(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	/* The upper half would name another address space (SMM): none here. */
	if (region->slot >= HGL_MAX_SLOTS)
		return -EINVAL;
	if (((size | gpa | hva) & ~PAGE_MASK) || size >> PAGE_SHIFT > HGL_MAX_SLOT_PAGES)
		return -EINVAL;
	if (size > U64_MAX - gpa)
		return -EINVAL;
	/* Slot memory is accessed like user memory; no address tags here. */
	if (size > TASK_SIZE_MAX || hva > TASK_SIZE_MAX - size ||
	    !access_ok((void __user *)(unsigned long)hva, size))
		return -EINVAL;

	*slot = (struct hgl_slot){
		.gfn = gpa >> PAGE_SHIFT,
		.pages = size >> PAGE_SHIFT,
		.hva = hva,
		.flags = region->flags,
		.id = region->slot,
	};
	return 0;
}

static bool overlaps_other(const struct hgl_slots *slots, const struct hgl_slot *slot)
{
	u32 i;

	for (i = 0; i < slots->count; i++) {
		const struct hgl_slot *other = &slots->slot[i];

		if (other->id != slot->id && slot->gfn < other->gfn + other->pages &&
		    other->gfn < slot->gfn + slot->pages)
			return true;
	}
	return false;
}

/* A copy of @old without the slot @remove (or NULL) and with @add (or NULL). */
static struct hgl_slots *build(const struct hgl_slots *old, const struct hgl_slot *remove,
			       const struct hgl_slot *add)
{
	struct hgl_slots *slots;
	u32 from, to = 0;

	slots = hgl_slots_alloc(old->count - !!remove + !!add);
	if (!slots)
		return NULL;
	slots->generation = old->generation + 1;

	for (from = 0; from < old->count; from++) {
		if (&old->slot[from] == remove)
			continue;
		if (add && add->gfn < old->slot[from].gfn) {
			slots->slot[to++] = *add;
			add = NULL;
		}
		slots->slot[to++] = old->slot[from];
	}
	if (add)
		slots->slot[to++] = *add;
	return slots;
}

/* What a change does to the frames that the old slot had. */
enum change {
	SLOT_CREATE,
	SLOT_DELETE,
	SLOT_MOVE,
	SLOT_FLAGS,
};

/* Steps 1 and 2 of the head comment, and step 3 up to the bitmaps. */
static void commit(struct hgl_vm *vm, enum change change, const struct hgl_slot *old_slot,
		   struct hgl_slots *new)
{
	bool leaves = change == SLOT_DELETE || change == SLOT_MOVE;

	spin_lock(&vm->mmu_lock);
	if (leaves)
		vm->leaving = *old_slot;
	rcu_assign_pointer(vm->slots, new);
	spin_unlock(&vm->mmu_lock);

	synchronize_srcu_expedited(&vm->srcu);

	if (leaves) {
		spin_lock(&vm->mmu_lock);
		hgl_mmu_unmap(vm, old_slot->gfn, old_slot->pages, true);
		vm->leaving.pages = 0;
		spin_unlock(&vm->mmu_lock);
	}
}

/*
 * Logging was switched on or off. On: whatever is mapped writable must fault
 * once, unless the VMM wants to begin with everything dirty. Off: let go of
 * the small mappings, so that big ones can come back.
 */
static void commit_logging(struct hgl_vm *vm, const struct hgl_slot *slot)
{
	spin_lock(&vm->mmu_lock);
	if (!slot->dirty)
		hgl_mmu_unmap(vm, slot->gfn, slot->pages, true);
	else if (!(vm->manual_dirty & KVM_DIRTY_LOG_INITIALLY_SET))
		hgl_mmu_protect(vm, slot->gfn, slot->pages, true);
	spin_unlock(&vm->mmu_lock);
}

/* Publish the change of @old_slot (or NULL) to @slot (or NULL). */
static int apply(struct hgl_vm *vm, enum change change, struct hgl_slot *old_slot,
		 struct hgl_slot *slot)
{
	struct hgl_slots *old = hgl_slots_locked(vm);
	unsigned long *old_dirty = old_slot ? old_slot->dirty : NULL;
	struct hgl_slots *new;

	if (slot && (slot->flags & KVM_MEM_LOG_DIRTY_PAGES)) {
		slot->dirty = old_dirty;
		if (!slot->dirty)
			slot->dirty = hgl_dirty_alloc(slot->pages, vm->manual_dirty &
						      KVM_DIRTY_LOG_INITIALLY_SET);
		if (!slot->dirty)
			return -ENOMEM;
	}

	new = build(old, old_slot, slot);
	if (!new) {
		if (slot && slot->dirty != old_dirty)
			hgl_dirty_free(slot->dirty);
		return -ENOMEM;
	}

	commit(vm, change, old_slot, new);
	if (change == SLOT_FLAGS)
		commit_logging(vm, slot);

	/* No reader has the old array any more, hence none the bitmap. */
	if (old_dirty && !(slot && slot->dirty == old_dirty))
		hgl_dirty_free(old_dirty);
	kvfree(old);
	return 0;
}

static int delete_locked(struct hgl_vm *vm, struct hgl_slot *old)
{
	struct hgl_slot gone = *old;
	int ret;

	if (!hgl_cvm_slot_may_go(vm, old))
		return -EBUSY;
	ret = apply(vm, SLOT_DELETE, old, NULL);
	if (!ret)
		hgl_cvm_slot_gone(vm, &gone);
	return ret;
}

static int set_locked(struct hgl_vm *vm, struct hgl_slot *slot)
{
	struct hgl_slots *slots = hgl_slots_locked(vm);
	struct hgl_slot *old = hgl_slot_by_id(slots, slot->id);
	enum change change;
	int ret;

	if (!slot->pages) {
		return old ? delete_locked(vm, old) : -EINVAL;
	}

	if (!old) {
		change = SLOT_CREATE;
	} else {
		if (slot->hva != old->hva || slot->pages != old->pages ||
		    ((slot->flags ^ old->flags) & KVM_MEM_READONLY))
			return -EINVAL;
		if (slot->gfn == old->gfn && slot->flags == old->flags)
			return 0;
		change = slot->gfn == old->gfn ? SLOT_FLAGS : SLOT_MOVE;
		if (change == SLOT_MOVE && hgl_cvm_slot_pinned(vm, old))
			return -EBUSY;
	}

	if (change != SLOT_FLAGS) {
		u64 limit = gfn_limit();

		if (overlaps_other(slots, slot))
			return -EEXIST;
		if (slot->gfn >= limit || slot->pages > limit - slot->gfn)
			return -EINVAL;
	}
	ret = apply(vm, change, old, slot);
	if (!ret && change != SLOT_FLAGS)
		hgl_cvm_slot_came(vm, slot);
	return ret;
}

/*
 * KVM_SET_USER_MEMORY_REGION. Creates, deletes (size 0), moves or changes the
 * flags of a slot. 0; -EINVAL (flags, alignment, wrap, size, an address that
 * is not user memory, no such slot to delete, a change the ABI has no way
 * for), -EEXIST (overlap), -EBUSY (it has a CVM's private pages and would go or
 * move), -ENOMEM. A refusal changes nothing.
 */
int hgl_slots_set(struct hgl_vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct hgl_slot slot;
	int ret;

	ret = parse_region(region, &slot);
	if (ret)
		return ret;

	mutex_lock(&vm->slots_lock);
	ret = set_locked(vm, &slot);
	mutex_unlock(&vm->slots_lock);
	return ret;
}
