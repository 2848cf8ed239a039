/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels' source, as a string in the program. */
	.section .rodata
	.globl kernels_source
kernels_source:
	.incbin "kernels.cl"
	.byte 0
	.section .note.GNU-stack, "", @progbits
