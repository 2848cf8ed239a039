/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

OUTPUT_FORMAT("elf64-x86-64")
ENTRY(start64)

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
	.guided 0xffffffe0 - SIZEOF(.guided) + 16 :
		AT(0xffffffe0 - SIZEOF(.guided) + 16) { *(.guided) }
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
