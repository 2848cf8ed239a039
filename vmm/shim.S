/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first page that a confidential VM runs: the last one below 4 GiB. From the
 * reset vector it goes to the kernel's 32-bit entry (Documentation/x86/boot.rst,
 * "32-bit boot protocol"): flat segments at 0x10 and 0x18, paging off, ESI at
 * struct boot_params. There is no stack, and nothing is written: the page is
 * read-only to the guest. Its only variables, the two addresses at cvm_shim_args,
 * are filled in by cvm-image.c before the page is measured.
 */
#define BASE	0xfffff000

	.section .rodata
	.balign	4096
	.globl	cvm_shim, cvm_shim_args
	.type	cvm_shim, @object
cvm_shim:
	.code16
real:
	cli
	/* CS.base is 0xffff0000, and the page's offset in the segment 0xf000. */
	lgdtl	%cs:(0xf000 + gdtr - cvm_shim)
	mov	$0x11, %eax		/* PE, ET; caches on */
	mov	%eax, %cr0
	ljmpl	$0x10, $(BASE + protected - cvm_shim)

	.code32
protected:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ss
	mov	(BASE + cvm_shim_args - cvm_shim), %eax
	mov	(BASE + cvm_shim_args - cvm_shim + 4), %esi
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%edi, %edi
	jmp	*%eax

	/* Accessed bits are set: the CPU must not want to. */
	.balign	8
gdt:
	.quad	0, 0
	.quad	0x00cf9b000000ffff	/* 0x10: code */
	.quad	0x00cf93000000ffff	/* 0x18: data */
gdtr:
	.word	. - gdt - 1
	.long	BASE + gdt - cvm_shim
	.balign	8
cvm_shim_args:
	.long	0			/* the kernel's 32-bit entry */
	.long	0			/* struct boot_params */

	.org	cvm_shim + 0xff0
	.code16
	jmp	real
	.org	cvm_shim + 0x1000
	.size	cvm_shim, . - cvm_shim
	.code64
	.section .note.GNU-stack, "", @progbits
