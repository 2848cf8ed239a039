// SPDX-License-Identifier: Apache-2.0
#include "linux.h"

#include <asm/bootparam.h>

#include "bytes.h"
#include "layout.h"

#define SECTOR		512u
#define HEADER_OFFSET	0x1f1u
#define HEADER_MAGIC	0x53726448u	/* "HdrS" */
#define JUMP_END	0x202u		/* of the jump at 0x200, which goes over the header */
#define VERSION_64	0x20cu		/* the first with a 64-bit entry */
#define KERNEL_MIN	0x1000u		/* no kernel is that short: its second entry is at 0x200 */
#define LOADER_OTHER	0xff
#define PAGE		0x1000u
#define ALIGN_MAX	0x40000000u

/* As long as the kernel says it is; the rest is zero. */
static void read_header(struct setup_header *header, const uint8_t *setup)
{
	uint32_t length = JUMP_END - HEADER_OFFSET + setup[JUMP_END - 1];

	memset(header, 0, sizeof(*header));
	memcpy(header, setup + HEADER_OFFSET,
	       length < sizeof(*header) ? length : sizeof(*header));
}

static const char *check_header(const struct setup_header *h, const struct linux_layout *layout)
{
	uint32_t sectors = h->setup_sects ? h->setup_sects : 4;

	if (h->header != HEADER_MAGIC || h->version < VERSION_64 ||
	    !(h->xloadflags & XLF_KERNEL_64) || !(h->loadflags & LOADED_HIGH))
		return "the kernel is not a 64-bit Linux bzImage";
	/*
	 * The hash is over both parts together. If the host could choose where the
	 * one ends, it could choose where the other begins, and what is run.
	 */
	if (layout->setup_size != (sectors + 1) * SECTOR)
		return "the kernel's first part has a wrong length";
	if (!is_power_of_two(h->kernel_alignment) || h->kernel_alignment < PAGE ||
	    h->kernel_alignment > ALIGN_MAX)
		return "the kernel asks for a wrong alignment";
	if (!layout->cmdline_size || layout->cmdline_size - 1 > h->cmdline_size)
		return "the command line is too long for this kernel";
	return NULL;
}

static const char *place_kernel(struct linux_layout *layout, const struct setup_header *h,
				uint64_t low_end, uint64_t *end)
{
	uint64_t span = h->init_size, at = h->pref_address;

	if (span < layout->kernel_size)
		span = layout->kernel_size;
	if (at < HIGH_BASE || !inside(at, span, low_end)) {
		if (!h->relocatable_kernel)
			return "there is too little memory for the kernel";
		at = (HIGH_BASE + h->kernel_alignment - 1) & ~((uint64_t)h->kernel_alignment - 1);
	}
	if (!inside(at, span, low_end))
		return "there is too little memory for the kernel";
	layout->kernel = at;
	*end = at + span;
	return NULL;
}

const char *linux_place(struct linux_layout *layout, const uint8_t *setup, uint64_t low_end)
{
	struct setup_header h;
	const char *wrong;
	uint64_t end, top;

	if (layout->setup_size < 2 * SECTOR || layout->kernel_size < KERNEL_MIN)
		return "there is no kernel: QEMU wants -kernel";
	read_header(&h, setup);
	wrong = check_header(&h, layout);
	if (!wrong)
		wrong = place_kernel(layout, &h, low_end, &end);
	if (wrong)
		return wrong;
	top = (uint64_t)h.initrd_addr_max + 1;
	if (top > low_end)
		top = low_end;
	layout->initrd = 0;
	if (!layout->initrd_size)
		return NULL;
	if (layout->initrd_size > top || ((top - layout->initrd_size) & ~(PAGE - 1ULL)) < end)
		return "there is too little memory for the initrd";
	layout->initrd = (top - layout->initrd_size) & ~(PAGE - 1ULL);
	return NULL;
}

static void fill_map(struct boot_params *bp, const struct memmap *map)
{
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		bp->e820_table[i].addr = map->range[i].base;
		bp->e820_table[i].size = map->range[i].size;
		bp->e820_table[i].type = map->range[i].type;
	}
	bp->e820_entries = (uint8_t)map->count;
}

void linux_fill(struct boot_params *bp, const struct linux_layout *layout, const uint8_t *setup,
		const struct memmap *map, uint32_t cmdline, uint64_t rsdp)
{
	memset(bp, 0, sizeof(*bp));
	read_header(&bp->hdr, setup);
	/* What QEMU has patched into an ordinary VM's header is for its own firmware. */
	bp->hdr.type_of_loader = LOADER_OTHER;
	bp->hdr.ext_loader_type = 0;
	bp->hdr.ext_loader_ver = 0;
	bp->hdr.loadflags = LOADED_HIGH | (bp->hdr.loadflags & QUIET_FLAG);
	bp->hdr.heap_end_ptr = 0;
	bp->hdr.setup_data = 0;
	bp->hdr.code32_start = (uint32_t)layout->kernel;
	bp->hdr.cmd_line_ptr = cmdline;
	bp->hdr.ramdisk_image = (uint32_t)layout->initrd;
	bp->hdr.ramdisk_size = layout->initrd_size;
	bp->acpi_rsdp_addr = rsdp;
	fill_map(bp, map);
}

uint64_t linux_entry(const struct linux_layout *layout)
{
	return layout->kernel;
}
