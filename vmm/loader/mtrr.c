// SPDX-License-Identifier: Apache-2.0
#include "mtrr.h"

#include <stdint.h>

#include "layout.h"

#define MSR_BASE(n)	(0x200u + 2 * (n))
#define MSR_MASK(n)	(0x201u + 2 * (n))
#define MSR_DEFAULT	0x2ffu
#define TYPE_UC		0u
#define TYPE_WB		6u
#define MASK_VALID	0x800u
#define DEFAULT_ENABLE	0x800u

static void write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* The bits of an address that the processor has: CPUID 8000_0008h, EAX 7:0. */
static uint64_t address_mask(void)
{
	uint32_t eax = 0x80000008, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return (1ULL << (eax & 63)) - 1;
}

static void uncached(unsigned int n, uint64_t base, uint64_t size)
{
	write_msr(MSR_BASE(n), base | TYPE_UC);
	write_msr(MSR_MASK(n), (~(size - 1) & address_mask()) | MASK_VALID);
}

void mtrr_init(void)
{
	/* A range is a power of two, and begins at a multiple of itself. */
	uncached(0, DEVICES_BASE, 0x10000000);
	uncached(1, 0xc0000000, 0x40000000);
	write_msr(MSR_DEFAULT, DEFAULT_ENABLE | TYPE_WB);
}
