/* SPDX-License-Identifier: Apache-2.0 */
/* The 64-bit code that is not C: the way in, exceptions, the way out. */
#include "layout.h"

	.section .text.start, "ax"
	.code64
	.globl	start64
start64:
	lgdt	gdt_pointer64(%rip)
	lidt	idt_pointer(%rip)
	movl	$STACK_TOP, %esp
	movl	%ebp, %edi
	shlq	$32, %rdi
	call	loader_main
	ud2

	/* enter_linux(entry, boot_params) */
	.globl	enter_linux
enter_linux:
	cli
	cld
	movq	%rdi, %rax
	xorl	%ebp, %ebp
	xorl	%edi, %edi
	xorl	%ebx, %ebx
	jmp	*%rax

	/*
	 * Every exception is an error in the loader, or the host's doing. What
	 * has an error code is told apart by the alignment of the stack, which
	 * the processor makes 16 before it pushes five words or six.
	 */
	.balign	16
stubs:
	.set	vector, 0
	.rept	32
	.balign	16
	pushq	$vector
	jmp	exception
	.set	vector, vector + 1
	.endr

exception:
	popq	%rdi
	movq	%rsp, %rsi
	testl	$8, %esp
	jnz	1f			/* no error code: RIP is on top */
	addq	$8, %rsi
1:	movq	(%rsi), %rsi
	movq	%cr2, %rdx
	andq	$-16, %rsp
	call	loader_exception
	ud2

	/* Fills the IDT: it is not static data because of how gates split addresses. */
	.globl	set_gates
set_gates:
	leaq	stubs(%rip), %rax
	leaq	idt(%rip), %rdx
	movl	$32, %ecx
1:	movw	%ax, (%rdx)
	movw	$SELECTOR_CODE, 2(%rdx)
	movw	$0x8e00, 4(%rdx)
	movq	%rax, %rsi
	shrq	$16, %rsi
	movw	%si, 6(%rdx)
	addq	$16, %rax
	addq	$16, %rdx
	decl	%ecx
	jnz	1b
	ret

	.section .rodata
	.balign	8
gdt64:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
gdt64_end:
gdt_pointer64:
	.word	gdt64_end - gdt64 - 1
	.quad	gdt64
idt_pointer:
	.word	32 * 16 - 1
	.quad	idt

	.bss
	.balign	16
idt:
	.skip	32 * 16

	.section .note.GNU-stack, "", @progbits
