/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory map: QEMU's list of RAM, checked, and from it the table for Linux.
 *
 * The list is the host's word. In a confidential VM it decides where the guest
 * puts its secrets, and where there is no RAM the host sees what is put. So the
 * core has to confirm each range.
 */
#ifndef HG_LOADER_MEMMAP_H
#define HG_LOADER_MEMMAP_H

#include <stdbool.h>
#include <stdint.h>

#define MEMMAP_RAM	1u
#define MEMMAP_RESERVED	2u
#define MEMMAP_ACPI	3u

#define MEMMAP_ENTRY	20u	/* bytes of an entry in the list: base, size, type */
#define MEMMAP_LIST_MAX	32u	/* entries of the list */
#define MEMMAP_MAX	(MEMMAP_LIST_MAX + 4)

struct memrange {
	uint64_t base, size;
	uint32_t type;
};

struct memmap {
	struct memrange range[MEMMAP_MAX];
	unsigned int count;
	uint64_t low_end;	/* RAM reaches from 1 MiB to here, below the devices */
};

/*
 * Make @map of the list at @raw, of @size bytes. @confirm tells whether all of
 * [@base, @base + @size) is RAM. NULL, or what is wrong: ranges that are empty,
 * wrap, overlap, are no whole pages, lie where devices are, or are not confirmed; or
 * too little RAM below 4 GiB.
 */
const char *memmap_build(struct memmap *map, const uint8_t *raw, uint32_t size,
			 bool (*confirm)(uint64_t base, uint64_t size));

#endif
