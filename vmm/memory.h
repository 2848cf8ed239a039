/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory. guest_ptr() is the only place where a guest-physical address
 * becomes a host pointer, and it always takes a length.
 */
#ifndef HGVMM_MEMORY_H
#define HGVMM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* RAM below 4 GiB ends here at the latest; above lies the PCI window. */
#define MEM_LOW_LIMIT	UINT64_C(0xc0000000)
#define MEM_HIGH_BASE	UINT64_C(0x100000000)
#define PCI_MMIO_BASE	UINT64_C(0xc0000000)
#define PCI_MMIO_SIZE	UINT64_C(0x3e000000)

#define GUEST_MEM_REGIONS 2

struct guest_region {
	uint64_t gpa;	/* first guest-physical address */
	uint64_t size;	/* bytes */
	uint8_t *host;	/* where it is mapped in this process */
};

struct guest_mem {
	unsigned int nr;
	struct guest_region region[GUEST_MEM_REGIONS];
	uint8_t *map;		/* the whole mapping, or NULL when not ours */
	uint64_t map_size;
};

/*
 * Allocate @size bytes of guest RAM (a multiple of 2 MiB), the part that does
 * not fit under MEM_LOW_LIMIT at MEM_HIGH_BASE. With @hugetlb the memory comes
 * from the 2 MiB huge page pool, otherwise transparent huge pages are asked
 * for. Returns 0, or -ENOMEM / -EINVAL after a message.
 */
int guest_mem_create(struct guest_mem *mem, uint64_t size, bool hugetlb);

/* Give every page back to the host; the guest then reads zeros. */
int guest_mem_clear(struct guest_mem *mem);

void guest_mem_destroy(struct guest_mem *mem);

/*
 * Host pointer for [gpa, gpa + len). NULL when @len is 0 or any byte of the
 * range is not RAM. The pointer is valid until guest_mem_destroy().
 */
void *guest_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len);

/* Bytes of RAM below 4 GiB. */
uint64_t guest_mem_low_size(const struct guest_mem *mem);

#endif
