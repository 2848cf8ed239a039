// SPDX-License-Identifier: Apache-2.0
#include "memmap.h"

#include "bytes.h"
#include "layout.h"

#define PAGE		0x1000u
#define FOUR_GIB	0x100000000ULL
#define HIGHEST		(1ULL << 52)

static bool overlap(const struct memrange *a, const struct memrange *b)
{
	return a->base < b->base + b->size && b->base < a->base + a->size;
}

static const char *check_range(const struct memrange *r)
{
	if (!r->size || !inside(r->base, r->size, HIGHEST))
		return "a range of the memory map is empty or too high";
	if (r->type != MEMMAP_RAM)
		return NULL;
	if (r->base % PAGE || r->size % PAGE)
		return "RAM in the memory map does not consist of pages";
	if (r->base < FOUR_GIB && r->base + r->size > DEVICES_BASE)
		return "the memory map has RAM where devices are";
	return NULL;
}

static const char *read_list(struct memrange *list, const uint8_t *raw, unsigned int count)
{
	const char *wrong;
	unsigned int i, j;

	for (i = 0; i < count; i++, raw += MEMMAP_ENTRY) {
		list[i].base = load64(raw);
		list[i].size = load64(raw + 8);
		list[i].type = load32(raw + 16) == MEMMAP_RAM ? MEMMAP_RAM : MEMMAP_RESERVED;
		wrong = check_range(&list[i]);
		if (wrong)
			return wrong;
		for (j = 0; j < i; j++)
			if (overlap(&list[i], &list[j]))
				return "ranges of the memory map overlap";
	}
	return NULL;
}

static void add(struct memmap *map, uint64_t base, uint64_t end, uint32_t type)
{
	if (base < end)
		map->range[map->count++] = (struct memrange){ base, end - base, type };
}

/* A PC has RAM from 0 to 640 KiB and from 1 MiB on, whatever the list says in one range. */
static bool confirm_range(const struct memrange *r, bool (*confirm)(uint64_t base, uint64_t size))
{
	if (r->base)
		return confirm(r->base, r->size);
	return r->size > ACPI_BASE && confirm(0, LOW_RAM_PAGES * PAGE) &&
	       confirm(ACPI_BASE, r->size - ACPI_BASE);
}

/* The RAM from 0 on, without the hole below 1 MiB. */
static void add_low(struct memmap *map, uint64_t end)
{
	add(map, 0, LOW_RAM_END, MEMMAP_RAM);
	add(map, ACPI_BASE, ACPI_BASE + ACPI_SIZE, MEMMAP_ACPI);
	add(map, ACPI_BASE + ACPI_SIZE, end, MEMMAP_RAM);
	add(map, DEVICES_BASE, DEVICES_BASE + MMCONFIG_SIZE, MEMMAP_RESERVED);
	map->low_end = end;
}

const char *memmap_build(struct memmap *map, const uint8_t *raw, uint32_t size,
			 bool (*confirm)(uint64_t base, uint64_t size))
{
	struct memrange list[MEMMAP_LIST_MAX];
	unsigned int count = size / MEMMAP_ENTRY, i;
	const char *wrong;

	map->count = 0;
	map->low_end = 0;
	if (size % MEMMAP_ENTRY || count > MEMMAP_LIST_MAX)
		return "the memory map has a wrong length";
	wrong = read_list(list, raw, count);
	if (wrong)
		return wrong;
	for (i = 0; i < count; i++) {
		const struct memrange *r = &list[i];

		if (r->type == MEMMAP_RAM && !confirm_range(r, confirm))
			return "the memory map has RAM that the VM does not have";
		if (r->type == MEMMAP_RAM && !r->base)
			add_low(map, r->size);
		else
			add(map, r->base, r->base + r->size, r->type);
	}
	if (map->low_end < HIGH_BASE)
		return "there is too little memory";
	return NULL;
}
