/* SPDX-License-Identifier: Apache-2.0 */
	.section .rodata
	.balign	4096
	.globl	guest_rom
guest_rom:
	.incbin	"build/guest.bin"
	.section .note.GNU-stack, "", @progbits
