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
void hg_arch_xsave(u8 *area, u64 components);
void hg_arch_xrstor(const u8 *area, u64 components);
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

/* Standard format, so that each component has its place (SDM vol. 1, 13.4). */
static inline void hg_arch_xsave(u8 *area, u64 components)
{
	__asm__ volatile("xsave64 %0" : "+m" (*(u8 (*)[4096])area)
			 : "a" ((u32)components), "d" ((u32)(components >> 32)));
}

static inline void hg_arch_xrstor(const u8 *area, u64 components)
{
	__asm__ volatile("xrstor64 %0" : : "m" (*(const u8 (*)[4096])area),
			 "a" ((u32)components), "d" ((u32)(components >> 32)) : "memory");
}
#endif

/* --- not privileged: the same in user space --- */

static inline u64 hg_arch_rdtsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a" (low), "=d" (high));
	return (u64)high << 32 | low;
}

struct hg_arch_cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct hg_arch_cpuid hg_arch_cpuid(u32 leaf)
{
	struct hg_arch_cpuid r;

	__asm__ volatile("cpuid" : "=a" (r.eax), "=b" (r.ebx), "=c" (r.ecx), "=d" (r.edx)
			 : "a" (leaf), "c" (0));
	return r;
}

/* MAXPHYADDR of this CPU. */
static inline u32 hg_arch_physical_bits(void)
{
	if (hg_arch_cpuid(0x80000000).eax < 0x80000008)
		return 36;
	return hg_arch_cpuid(0x80000008).eax & 0xff;
}

#endif /* HG_CORE_ARCH_H */
