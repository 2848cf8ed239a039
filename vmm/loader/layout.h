/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are. Numbers only: the assembler and the linker read this, too.
 *
 * The loader runs from low RAM, where it copies itself. In a confidential VM all
 * of it is private but the bounce buffer's second mapping.
 */
#ifndef HG_LOADER_LAYOUT_H
#define HG_LOADER_LAYOUT_H

#define FLASH_SIZE		0x10000
#define FLASH_BASE		0xffff0000
#define RESET_BASE		0xfffff000	/* the code that copies the rest */

/* QEMU puts the table of hashes here; the flash's last page tells it so. */
#define HASHES_BASE		0x1000
#define HASHES_SIZE		0x1000

/* One PML4, one PDPT, four page directories; one for the bounce buffer. */
#define PAGE_TABLES		0x2000
#define PAGE_TABLES_SIZE	0x7000
#define PML4			0x2000
#define PDPT			0x3000
#define DIRECTORIES		0x4000
#define DIRECTORY_SHARED	0x8000

#define IMAGE_BASE		0x10000
#define IMAGE_LIMIT		0x40000
#define STACK_TOP		0x50000

#define SETUP_BASE		0x50000		/* the kernel's first sectors: 256 at most */
#define SETUP_LIMIT		0x20000
#define CMDLINE_BASE		0x70000
#define CMDLINE_LIMIT		0x10000
#define BOOT_PARAMS		0x90000
#define LOW_RAM_END		0x9fc00		/* as a PC's: what follows is the BIOS's */
#define LOW_RAM_PAGES		0xa0

#define ACPI_BASE		0x100000
#define ACPI_SIZE		0x100000

/* The pages that QEMU reads and writes; mapped a second time, without the C-bit. */
#define BOUNCE_BASE		0x200000
#define BOUNCE_SIZE		0x200000
#define BOUNCE_VIRTUAL		0x100000000

/* From here on memory is the kernel's and the initrd's. */
#define HIGH_BASE		0x400000

/* Where the q35 has devices below 4 GiB; the first 256 MiB are PCIe's registers. */
#define DEVICES_BASE		0xb0000000
#define MMCONFIG_SIZE		0x10000000

/* Selectors; Linux asks for the last two, of 32 bits. */
#define SELECTOR_CODE32		0x08
#define SELECTOR_CODE		0x10
#define SELECTOR_LINUX		0x10
#define SELECTOR_DATA		0x18

#endif
