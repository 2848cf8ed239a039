/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions; no other file asks for the version.
 *
 * The oldest kernel is 6.1. Each wrapper has the name and the contract of the
 * newest kernel's function, with the prefix hgl_.
 */
#ifndef HGL_COMPAT_H
#define HGL_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "HyperGPU needs Linux 6.1 or newer"
#endif

/* vma->vm_flags became read-only in 6.3. Context: mmap_lock held for writing. */
static inline void hgl_vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

/* hrtimer_init() and the assignment of ->function became one call in 6.13. */
static inline void hgl_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*function)(struct hrtimer *),
				     clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

#endif /* HGL_COMPAT_H */
