// SPDX-License-Identifier: Apache-2.0
/* Linux x86 boot protocol (Documentation/x86/boot.rst), 64-bit entry point. */
#include "boot.h"

#include <asm/bootparam.h>
#include <errno.h>

#include "util.h"

#define HDR_OFFSET	0x1f1u
#define HDR_MAGIC	0x53726448u	/* "HdrS" */
#define ENTRY64		0x200u		/* 64-bit entry, from the start of the image */
#define LOADER_OTHER	0xff

#define PTE_P	UINT64_C(0x1)
#define PTE_W	UINT64_C(0x2)
#define PTE_PS	UINT64_C(0x80)

#define E820_RAM	1
#define E820_ACPI	3

unsigned int boot_memory_map(const struct guest_mem *mem, struct boot_range *map)
{
	unsigned int n = 0, i;

	map[n++] = (struct boot_range){ 0, BOOT_LOW_END, E820_RAM };
	/* Not "reserved": a confidential Linux would take that for shared. */
	map[n++] = (struct boot_range){ BOOT_ACPI, BOOT_ACPI_SIZE, E820_ACPI };
	for (i = 0; i < mem->nr; i++) {
		uint64_t base = mem->region[i].gpa, size = mem->region[i].size;

		if (base == 0) {
			base = BOOT_HIGH;
			size -= BOOT_HIGH;
		}
		map[n++] = (struct boot_range){ base, size, E820_RAM };
	}
	return n;
}

/* Flat code and data at the selectors 0x10 and 0x18, a TSS at 0x20. */
static int write_gdt(const struct guest_mem *mem, bool long_mode)
{
	const uint64_t gdt[5] = {
		0, 0,
		long_mode ? UINT64_C(0x00af9b000000ffff) : UINT64_C(0x00cf9b000000ffff),
		UINT64_C(0x00cf93000000ffff),
		UINT64_C(0x00008b0000000067),
	};
	void *p = guest_ptr(mem, BOOT_GDT, sizeof(gdt));

	if (!p)
		return -E2BIG;
	memcpy(p, gdt, sizeof(gdt));
	return 0;
}

/* Identity map of the first 4 GiB with 2 MiB pages. */
static int write_pagetable(const struct guest_mem *mem)
{
	uint64_t *pt = guest_ptr(mem, BOOT_PAGETABLE, 6 * 4096);
	unsigned int i;

	if (!pt)
		return -E2BIG;
	memset(pt, 0, 6 * 4096);
	pt[0] = (BOOT_PAGETABLE + 4096) | PTE_P | PTE_W;
	for (i = 0; i < 4; i++)
		pt[512 + i] = (BOOT_PAGETABLE + (2 + i) * 4096) | PTE_P | PTE_W;
	for (i = 0; i < 4 * 512; i++)
		pt[1024 + i] = (uint64_t)i << 21 | PTE_P | PTE_W | PTE_PS;
	return 0;
}

int boot_place_cmdline(const struct guest_mem *mem, const char *cmdline, uint32_t max)
{
	size_t len = strlen(cmdline) + 1;
	char *p;

	if (max >= BOOT_CMDLINE_MAX)
		max = BOOT_CMDLINE_MAX - 1;
	if (len - 1 > max) {
		hg_err("the kernel command line has %zu bytes, this kernel takes %u", len - 1, max);
		return -E2BIG;
	}
	p = guest_ptr(mem, BOOT_CMDLINE, len);
	if (!p)
		return -E2BIG;
	memcpy(p, cmdline, len);
	return 0;
}

int boot_place_initrd(const struct guest_mem *mem, const struct image *initrd, uint64_t floor,
		      uint64_t max, uint64_t *addr)
{
	uint64_t top = guest_mem_low_size(mem);
	void *p;

	if (max < top)
		top = max;
	if (initrd->size > top || align_down(top - initrd->size, 4096) < floor) {
		hg_err("the initrd (%zu MiB) does not fit beside the kernel; raise --mem",
		       initrd->size >> 20);
		return -E2BIG;
	}
	*addr = align_down(top - initrd->size, 4096);
	p = guest_ptr(mem, *addr, initrd->size);
	if (!p)
		return -E2BIG;
	memcpy(p, initrd->data, initrd->size);
	return 0;
}

static void fill_e820(const struct guest_mem *mem, struct boot_params *bp)
{
	struct boot_range map[BOOT_RANGES_MAX];
	unsigned int n = boot_memory_map(mem, map), i;

	for (i = 0; i < n; i++) {
		bp->e820_table[i].addr = map[i].base;
		bp->e820_table[i].size = map[i].size;
		bp->e820_table[i].type = map[i].type;
	}
	bp->e820_entries = (uint8_t)n;
}

/* Check the header; on success @hdr is a copy of it. */
static int read_header(const struct image *k, struct setup_header *hdr)
{
	size_t hdr_len;

	if (k->size < 0x1000 || get_le32(k->data + 0x202) != HDR_MAGIC) {
		/* offset 0x202 is the "HdrS" of the setup header */
		hg_err("the kernel is neither a Linux bzImage nor an ELF file");
		return -ENOEXEC;
	}
	/* The header ends where the jump at 0x200 lands: 0x202 + the byte at 0x201. */
	hdr_len = 0x202u + k->data[0x201] - HDR_OFFSET;
	if (hdr_len > sizeof(*hdr))
		hdr_len = sizeof(*hdr);
	memset(hdr, 0, sizeof(*hdr));
	memcpy(hdr, k->data + HDR_OFFSET, hdr_len);
	if (hdr->version < 0x20c || !(hdr->xloadflags & XLF_KERNEL_64)) {
		hg_err("the kernel has no 64-bit entry point (boot protocol %u.%02u); "
		       "it must be a 64-bit Linux 3.8 or later", hdr->version >> 8,
		       hdr->version & 0xff);
		return -ENOEXEC;
	}
	return 0;
}

/* Where the protected-mode part goes: its preferred address, else 1 MiB. */
static int place_kernel(const struct guest_mem *mem, const struct setup_header *hdr,
			size_t payload, uint64_t *addr)
{
	uint64_t low = guest_mem_low_size(mem), span = hdr->init_size;

	if (span < payload)
		span = payload;
	*addr = hdr->pref_address;
	if (*addr < BOOT_HIGH || *addr > low || span > low - *addr) {
		if (!hdr->relocatable_kernel) {
			hg_err("the kernel must lie at 0x%llx; raise --mem",
			       (unsigned long long)hdr->pref_address);
			return -E2BIG;
		}
		*addr = align_up(BOOT_HIGH, hdr->kernel_alignment ? hdr->kernel_alignment : 4096);
	}
	if (*addr > low || span > low - *addr) {
		hg_err("the kernel needs %llu MiB of memory to start; raise --mem",
		       (unsigned long long)((*addr + span) >> 20));
		return -E2BIG;
	}
	return 0;
}

static int load_bzimage(const struct guest_mem *mem, const struct boot_source *src,
			struct boot_entry *entry)
{
	const struct image *k = src->kernel;
	struct setup_header hdr;
	struct boot_params *bp;
	uint64_t addr, initrd = 0;
	size_t setup, payload;
	void *dst;
	int ret = read_header(k, &hdr);

	if (ret)
		return ret;
	setup = ((size_t)(hdr.setup_sects ? hdr.setup_sects : 4) + 1) * 512;
	if (setup >= k->size) {
		hg_err("the kernel image is cut short");
		return -EINVAL;
	}
	payload = k->size - setup;
	ret = place_kernel(mem, &hdr, payload, &addr);
	if (ret)
		return ret;
	dst = guest_ptr(mem, addr, payload);
	bp = guest_ptr(mem, BOOT_PARAMS, sizeof(*bp));
	if (!dst || !bp || write_gdt(mem, true) || write_pagetable(mem))
		return -E2BIG;
	memcpy(dst, k->data + setup, payload);

	ret = boot_place_cmdline(mem, src->cmdline, hdr.cmdline_size);
	if (!ret && src->initrd->data)
		ret = boot_place_initrd(mem, src->initrd, addr + hdr.init_size,
					(uint64_t)hdr.initrd_addr_max + 1, &initrd);
	if (ret)
		return ret;

	memset(bp, 0, sizeof(*bp));
	bp->hdr = hdr;
	bp->hdr.type_of_loader = LOADER_OTHER;
	bp->hdr.code32_start = (uint32_t)addr;
	bp->hdr.cmd_line_ptr = (uint32_t)BOOT_CMDLINE;
	bp->hdr.ramdisk_image = (uint32_t)initrd;
	bp->hdr.ramdisk_size = (uint32_t)src->initrd->size;
	bp->acpi_rsdp_addr = src->rsdp;
	fill_e820(mem, bp);

	*entry = (struct boot_entry){
		.mode = BOOT_LINUX64, .rip = addr + ENTRY64, .arg = BOOT_PARAMS,
		.cr3 = BOOT_PAGETABLE, .gdt = BOOT_GDT,
	};
	return 0;
}

int boot_load(const struct guest_mem *mem, const struct boot_source *src,
	      struct boot_entry *entry)
{
	int ret;

	if (src->kernel->size >= 4 && !memcmp(src->kernel->data, "\177ELF", 4)) {
		ret = boot_load_elf(mem, src, entry);
		return ret ? ret : write_gdt(mem, false);
	}
	return load_bzimage(mem, src, entry);
}
