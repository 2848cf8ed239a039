/* SPDX-License-Identifier: Apache-2.0 */
/* The 64-bit code that is not C: the way in and the way out. */
#include "layout.h"

#define KVM_HC_MAP_GPA_RANGE	12
#define KVM_MAP_GPA_ENCRYPTED	0x10

#define MSR_EFER	0xc0000080
#define CR0_PG		0x80000000
#define EFER_LME	0x100

	.section .text.start, "ax"
	.code64
	.globl	start64
start64:
	/*
	 * %ebp: the upper half of the C-bit's mask. If there is one, the low
	 * memory must be RAM by the core's word before there is a stack in it:
	 * where none is, the host would answer for it. This very page is RAM,
	 * as the core runs no code from elsewhere, and it holds all of this.
	 */
	testl	%ebp, %ebp
	jz	1f
	movl	$KVM_HC_MAP_GPA_RANGE, %eax
	xorl	%ebx, %ebx
	movl	$LOW_RAM_PAGES, %ecx
	movl	$KVM_MAP_GPA_ENCRYPTED, %edx
	vmmcall
	testq	%rax, %rax
	jnz	hang
1:	movl	$STACK_TOP, %esp
	movl	%ebp, %edi
	shlq	$32, %rdi
	xorl	%ebp, %ebp
	call	loader_main
hang:
	cli
	hlt
	jmp	hang

	/* void enter_linux(uint64_t entry, void *boot_params), both below 4 GiB */
	.text
	.globl	enter_linux
	.type	enter_linux, @function
enter_linux:
	cli
	cld
	movl	%edi, %edi
	lgdt	linux_gdt_pointer(%rip)
	pushq	$SELECTOR_CODE32
	pushq	$compatible
	lretq

	.code32
compatible:
	movl	$SELECTOR_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	%cr0, %eax
	andl	$~CR0_PG, %eax
	movl	%eax, %cr0
	movl	$MSR_EFER, %ecx
	rdmsr
	andl	$~EFER_LME, %eax
	wrmsr
	xorl	%eax, %eax
	movl	%eax, %cr4
	movl	%edi, %eax
	xorl	%ebp, %ebp
	xorl	%edi, %edi
	xorl	%ebx, %ebx
	ljmp	$SELECTOR_LINUX, $1f
1:	jmp	*%eax
	.code64
	.size	enter_linux, . - enter_linux

	.section .rodata
	.balign	8
linux_gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* SELECTOR_CODE32 */
	.quad	0x00cf9b000000ffff	/* SELECTOR_LINUX */
	.quad	0x00cf93000000ffff	/* SELECTOR_DATA */
linux_gdt_pointer:
	.word	. - linux_gdt - 1
	.quad	linux_gdt

	.section .note.GNU-stack, "", @progbits
