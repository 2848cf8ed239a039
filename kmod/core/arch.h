/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few privileged instructions that shared code of the core executes.
 * User-space tests supply their own (HG_USERSPACE).
 */
#ifndef HG_CORE_ARCH_H
#define HG_CORE_ARCH_H

#include "types.h"

#ifdef HG_USERSPACE
void hg_arch_xsetbv(u64 xcr0);
u64 hg_arch_xgetbv(void);
#else
static inline void hg_arch_xsetbv(u64 xcr0)
{
	__asm__ volatile("xsetbv" : : "c" (0), "a" ((u32)xcr0), "d" ((u32)(xcr0 >> 32)));
}

static inline u64 hg_arch_xgetbv(void)
{
	u32 low, high;

	__asm__ volatile("xgetbv" : "=a" (low), "=d" (high) : "c" (0));
	return (u64)high << 32 | low;
}
#endif

#endif /* HG_CORE_ARCH_H */
