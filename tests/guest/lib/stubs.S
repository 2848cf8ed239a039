/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt stubs that run inside the guest, in 64-bit mode, copied to
 * HGT_STUBS. Sixteen bytes each, so that the IDT can be filled by arithmetic.
 */
#include "layout.h"

	.section .rodata
	.balign	4096
	.global	hgt_stubs, hgt_stubs_end
	.code64
hgt_stubs:
	.set	vec, 0
	.rept	256
	.balign	16
	/* Vectors for which the CPU pushes an error code (AMD APM 2, 8.2). */
	.if	(vec == 8) || ((vec >= 10) && (vec <= 14)) || (vec == 17) || (vec == 21)
	.else
	pushq	$0
	.endif
	pushq	$vec
	jmp	common
	.set	vec, vec + 1
	.endr

	.balign	16
common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	movq	24(%rsp), %rcx		/* vector */
	cmpl	$2, %ecx
	je	count
	cmpl	$32, %ecx
	jae	count

	movq	%rcx, HGT_FAULT
	movq	32(%rsp), %rax
	movq	%rax, HGT_FAULT + 8
	movq	40(%rsp), %rax
	movq	%rax, HGT_FAULT + 16
	movq	48(%rsp), %rax
	movq	%rax, HGT_FAULT + 24
	movq	56(%rsp), %rax
	movq	%rax, HGT_FAULT + 32
	movq	%cr2, %rax
	movq	%rax, HGT_FAULT + 40
	leaq	40(%rsp), %rax
	movq	%rax, HGT_FAULT + 48
	movl	%ecx, %eax
	outl	%eax, $HGT_PORT_FAULT
	jmp	leave

count:
	lock incl HGT_IRQ_COUNT(, %rcx, 4)
	cmpl	$2, %ecx
	je	leave
	movl	HGT_EOI_MODE, %ecx
	testl	$HGT_EOI_XAPIC, %ecx
	jz	1f
	movl	$0xfee000b0, %edx
	movl	$0, (%rdx)
1:	testl	$HGT_EOI_PIC, %ecx
	jz	2f
	movb	$0x20, %al
	outb	%al, $0xa0
	outb	%al, $0x20
2:	testl	$HGT_EOI_X2APIC, %ecx
	jz	leave
	movl	$0x80b, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr

leave:
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp
	iretq
hgt_stubs_end:
	.section .note.GNU-stack, "", @progbits
