/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct kernel boot: Linux bzImage by the 64-bit boot protocol, or an ELF
 * kernel with a PVH entry note. Fills guest memory and describes the first
 * instruction. No KVM call is made here, so it is tested without a VM.
 */
#ifndef HGVMM_BOOT_H
#define HGVMM_BOOT_H

#include <stdint.h>

#include "image.h"
#include "memory.h"
#include "vcpu.h"

/* Fixed places below 1 MiB. */
#define BOOT_GDT	UINT64_C(0x500)
#define BOOT_PARAMS	UINT64_C(0x7000)
#define BOOT_PVH_INFO	UINT64_C(0x8000)
#define BOOT_PAGETABLE	UINT64_C(0x9000)	/* 6 pages */
#define BOOT_CMDLINE	UINT64_C(0x20000)
#define BOOT_CMDLINE_MAX 4096u
#define BOOT_LOW_END	UINT64_C(0x9fc00)
#define BOOT_ACPI	UINT64_C(0xe0000)
#define BOOT_ACPI_SIZE	UINT64_C(0x20000)
#define BOOT_HIGH	UINT64_C(0x100000)

struct boot_source {
	const struct image *kernel, *initrd;	/* initrd->data may be NULL */
	const char *cmdline;
	uint64_t rsdp;				/* guest address of the ACPI root */
};

/*
 * Returns 0 with @entry filled, or after a message: -ENOEXEC (not a kernel we
 * know), -E2BIG (does not fit the guest's memory), -EINVAL (damaged).
 */
int boot_load(const struct guest_mem *mem, const struct boot_source *src,
	      struct boot_entry *entry);

struct boot_range {
	uint64_t base, size;
	uint32_t type;		/* E820 type: 1 RAM, 2 reserved, 3 ACPI */
};

#define BOOT_RANGES_MAX 6
/* The memory map handed to the guest. Returns the number of entries. */
unsigned int boot_memory_map(const struct guest_mem *mem, struct boot_range *map);

/* boot-elf.c. -ENOEXEC without a message when the image is no ELF file. */
int boot_load_elf(const struct guest_mem *mem, const struct boot_source *src,
		  struct boot_entry *entry);
/* Copies to the top of low memory, below @max. Returns 0 or -E2BIG. */
int boot_place_initrd(const struct guest_mem *mem, const struct image *initrd, uint64_t floor,
		      uint64_t max, uint64_t *addr);
int boot_place_cmdline(const struct guest_mem *mem, const char *cmdline, uint32_t max);

#endif
