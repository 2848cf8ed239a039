/* SPDX-License-Identifier: Apache-2.0 */
/* The flash: the image that is copied to low RAM, and the last page, which runs where it is. */
#include "layout.h"

OUTPUT_FORMAT("elf64-x86-64")
ENTRY(start16)

SECTIONS
{
	.image IMAGE_BASE : AT(FLASH_BASE) {
		*(.text.start)
		*(.text .text.*)
		*(.rodata .rodata.*)
		*(.data .data.*)
		. = ALIGN(16);
	}
	image_end = .;
	.bss (NOLOAD) : {
		*(.bss .bss.* COMMON)
		. = ALIGN(16);
	}
	image_limit = .;

	.reset RESET_BASE : AT(RESET_BASE) { *(.reset) }
	.guided 0xffffffb4 : AT(0xffffffb4) { *(.guided) }
	.vector 0xfffffff0 : AT(0xfffffff0) { *(.vector) }

	image_source = FLASH_BASE;
	image_words = (image_end - IMAGE_BASE) / 4;
	bss_start = image_end;
	bss_words = (image_limit - image_end) / 4;
	gdt_pointer_low = gdt_pointer & 0xffff;

	/DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) *(.debug*) }
}

ASSERT(image_limit <= IMAGE_LIMIT, "the loader and its data reach its stack")
ASSERT(FLASH_BASE + (image_end - IMAGE_BASE) <= RESET_BASE, "the loader does not fit its flash")
ASSERT(start64 == IMAGE_BASE, "the image does not begin with its entry")
ASSERT(SIZEOF(.guided) == 60, "QEMU finds the table by its end: 32 bytes before the flash's")
ASSERT(SIZEOF(.vector) == 16, "the reset vector's is the last of the flash")
