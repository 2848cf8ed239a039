// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's own accesses to guest memory, through the VMM's mapping.
 *
 * Context of all: the VMM's process (current->mm == vm->mm), as every vCPU and
 * VM ioctl is; may sleep. They take vm->srcu themselves.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>

#include "memory.h"

/*
 * Where @gpa is in the VMM, and how many bytes from there are in the same
 * page. NULL: no memory, or not for writing. Context: vm->srcu.
 */
static void __user *locate(struct hgl_vm *vm, u64 gpa, bool write, u32 *left,
			   const struct hgl_slot **slot)
{
	u64 gfn = gpa >> PAGE_SHIFT;

	*slot = hgl_slot_find(hgl_slots_reader(vm), gfn);
	if (!*slot || (write && ((*slot)->flags & KVM_MEM_READONLY)))
		return NULL;
	*left = PAGE_SIZE - offset_in_page(gpa);
	return (void __user *)((*slot)->hva + ((gfn - (*slot)->gfn) << PAGE_SHIFT) +
			       offset_in_page(gpa));
}

/* Page-table entries and small operands come one register at a time. */
static int copy_in(void *to, const void __user *from, u32 len)
{
	switch (len) {
	case 8:
		return get_user(*(u64 *)to, (const u64 __user *)from);
	case 4:
		return get_user(*(u32 *)to, (const u32 __user *)from);
	}
	return copy_from_user(to, from, len) ? -EFAULT : 0;
}

int hgl_guest_read(struct hgl_vm *vm, u64 gpa, void *to, u32 len)
{
	int idx, ret = 0;

	idx = srcu_read_lock(&vm->srcu);
	while (len) {
		const struct hgl_slot *slot;
		const void __user *from;
		u32 left;

		from = locate(vm, gpa, false, &left, &slot);
		left = from ? min(left, len) : 0;
		if (!left || copy_in(to, from, left)) {
			ret = -EFAULT;
			break;
		}
		gpa += left;
		to += left;
		len -= left;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

int hgl_guest_write(struct hgl_vm *vm, u64 gpa, const void *from, u32 len)
{
	int idx, ret = 0;

	idx = srcu_read_lock(&vm->srcu);
	while (len) {
		const struct hgl_slot *slot;
		void __user *to;
		u32 left;

		to = locate(vm, gpa, true, &left, &slot);
		left = to ? min(left, len) : 0;
		if (!left || copy_to_user(to, from, left)) {
			ret = -EFAULT;
			break;
		}
		/* After the write: see dirty.c. */
		hgl_dirty_mark(slot, gpa >> PAGE_SHIFT);
		gpa += left;
		from += left;
		len -= left;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

/*
 * CMPXCHG16B on user memory; the kernel has helpers up to 8 bytes only.
 * 0, 1 (differed, *old updated), -EFAULT.
 */
static int cmpxchg_user_16(void __user *ptr, u64 *old, const u64 *new)
{
	int err = 0;
	bool same = false;

	if (!boot_cpu_has(X86_FEATURE_CX16) || !user_access_begin(ptr, 16))
		return -EFAULT;
	asm volatile("1:	lock cmpxchg16b %[mem]\n"
		     "	setz %[same]\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG, %[err])
		     : [mem] "+m" (*(__force struct { u64 q[2]; } *)ptr),
		       [same] "+q" (same), [err] "+r" (err),
		       "+a" (old[0]), "+d" (old[1])
		     : "b" (new[0]), "c" (new[1])
		     : "cc", "memory");
	user_access_end();
	if (err)
		return err;
	return same ? 0 : 1;
}

#define CMPXCHG_USER(type, ptr, old, new, label)			\
	__try_cmpxchg_user((type __user *)(ptr), (type *)(old), *(const type *)(new), label)

/* 0, 1 (differed, *old updated), -EFAULT: what the kernel's helper answers, too. */
static int cmpxchg_user(void __user *ptr, void *old, const void *new, u32 len)
{
	switch (len) {
	case 1:
		return CMPXCHG_USER(u8, ptr, old, new, fault_1);
	case 2:
		return CMPXCHG_USER(u16, ptr, old, new, fault_2);
	case 4:
		return CMPXCHG_USER(u32, ptr, old, new, fault_4);
	case 8:
		return CMPXCHG_USER(u64, ptr, old, new, fault_8);
	default:
		return cmpxchg_user_16(ptr, old, new);
	}
}

int hgl_guest_cmpxchg(struct hgl_vm *vm, u64 gpa, void *old, const void *new, u32 len)
{
	const struct hgl_slot *slot;
	void __user *ptr;
	int idx, ret = -EFAULT;
	u32 left;

	if (!len || len > 16 || (len & (len - 1)) || (gpa & (len - 1)))
		return -EFAULT;

	idx = srcu_read_lock(&vm->srcu);
	ptr = locate(vm, gpa, true, &left, &slot);
	if (ptr)
		ret = cmpxchg_user(ptr, old, new, len);
	/* Even a failed one is a write for the hardware, and for us. */
	if (ret >= 0)
		hgl_dirty_mark(slot, gpa >> PAGE_SHIFT);
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}
