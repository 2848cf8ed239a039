/* SPDX-License-Identifier: Apache-2.0 */
/* The 64-bit code that is not C: the way in and the way out. */
#include "layout.h"

#define KVM_HC_MAP_GPA_RANGE	12
#define KVM_MAP_GPA_ENCRYPTED	0x10

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

	/* void enter_linux(uint64_t entry, void *boot_params) */
	.text
	.globl	enter_linux
	.type	enter_linux, @function
enter_linux:
	cli
	cld
	movq	%rdi, %rax
	xorl	%ebp, %ebp
	xorl	%edi, %edi
	xorl	%ebx, %ebx
	jmp	*%rax
	.size	enter_linux, . - enter_linux

	.section .note.GNU-stack, "", @progbits
