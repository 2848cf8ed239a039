/* SPDX-License-Identifier: GPL-2.0-only */
	.section .rodata
	.balign	4096
	.globl	guest_rom
guest_rom:
	.incbin	"guest.bin"
	.section .note.GNU-stack, "", @progbits
