/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Linux bzImage: its header, where its parts go, and what it is told (Linux's
 * Documentation/x86/boot.rst). Before the hash is checked the header is the host's
 * word, and the functions here must withstand it.
 */
#ifndef HG_LOADER_LINUX_H
#define HG_LOADER_LINUX_H

#include <stdint.h>

#include "memmap.h"

struct boot_params;

/* Sizes in bytes. In: what fw_cfg has; out: where it goes. */
struct linux_layout {
	uint32_t setup_size, kernel_size, initrd_size, cmdline_size;
	uint64_t kernel, initrd;
};

/*
 * Check the header in @setup, of layout->setup_size bytes, and find a place for
 * kernel and initrd below @low_end. NULL, or what is wrong.
 */
const char *linux_place(struct linux_layout *layout, const uint8_t *setup, uint64_t low_end);

/*
 * Fill @bp from @setup, which linux_place() has accepted. @cmdline and @rsdp are
 * addresses.
 */
void linux_fill(struct boot_params *bp, const struct linux_layout *layout, const uint8_t *setup,
		const struct memmap *map, uint32_t cmdline, uint64_t rsdp);

/* The 32-bit entry point, with which Linux makes its own page tables. */
uint64_t linux_entry(const struct linux_layout *layout);

#endif
