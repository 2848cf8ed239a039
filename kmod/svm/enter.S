/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch (AMD APM vol. 2, 15.5).
 *
 * void hg_svm_enter(struct hg_vcpu *vcpu)
 *
 * Interrupts are off on entry and on return. In between they are on, but with
 * the global interrupt flag clear: a pending host interrupt then ends the
 * VMRUN at once instead of being taken here (15.21.1). Nothing may touch GS
 * between the two VMLOADs: it is the guest's.
 *
 * QEMU's emulation does not load the interrupt shadow of the control block, but lets
 * that of a host's STI right before VMRUN reach into the guest. So there is one if
 * the guest is in a shadow, else an interrupt could come between its STI and HLT and
 * it would sleep through it; and none if not, or its own STI would cast no shadow.
 *
 * RAX and RSP travel in the control block. Every other guest register is
 * saved and then cleared, so that no guest value is left for speculation.
 * The host's own patching decides which predictors are flushed; that is the only
 * thing here that comes from its headers, and a build without them leaves it out.
 */

#ifdef __KERNEL__
#include <asm/asm.h>
#include <asm/nospec-branch.h>
#endif

#define VCPU_CONTROL_PA	128	/* struct hg_vcpu; asserted in svm.c */
#define VCPU_HOST_PA	136
#define VCPU_IRQ_SHADOW	339

	.text
	.globl	hg_svm_enter
	.type	hg_svm_enter, @function
	.balign	16
hg_svm_enter:
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi

	cmpb	$0, VCPU_IRQ_SHADOW(%rdi)	/* ZF lasts until JZ below */
	mov	VCPU_CONTROL_PA(%rdi), %rax
	mov	0x08(%rdi), %rcx
	mov	0x10(%rdi), %rdx
	mov	0x18(%rdi), %rbx
	mov	0x28(%rdi), %rbp
	mov	0x30(%rdi), %rsi
	mov	0x40(%rdi), %r8
	mov	0x48(%rdi), %r9
	mov	0x50(%rdi), %r10
	mov	0x58(%rdi), %r11
	mov	0x60(%rdi), %r12
	mov	0x68(%rdi), %r13
	mov	0x70(%rdi), %r14
	mov	0x78(%rdi), %r15
	mov	0x38(%rdi), %rdi

	clgi
	sti
	vmload	%rax
	jz	1f
	sti
1:	vmrun	%rax
	vmsave	%rax

	mov	(%rsp), %rax
	mov	%rcx, 0x08(%rax)
	mov	%rdx, 0x10(%rax)
	mov	%rbx, 0x18(%rax)
	mov	%rbp, 0x28(%rax)
	mov	%rsi, 0x30(%rax)
	mov	%rdi, 0x38(%rax)
	mov	%r8,  0x40(%rax)
	mov	%r9,  0x48(%rax)
	mov	%r10, 0x50(%rax)
	mov	%r11, 0x58(%rax)
	mov	%r12, 0x60(%rax)
	mov	%r13, 0x68(%rax)
	mov	%r14, 0x70(%rax)
	mov	%r15, 0x78(%rax)
	mov	VCPU_HOST_PA(%rax), %rax
	vmload	%rax

#ifdef __KERNEL__
	/* No return here may run by what the guest trained: before the first one. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RETPOLINE
	UNTRAIN_RET
#endif
	cli
	stgi

	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d

	pop	%rdi
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
#ifdef CONFIG_RETHUNK
	jmp	__x86_return_thunk
#else
	ret
	int3
#endif
	.size	hg_svm_enter, . - hg_svm_enter

	.section .note.GNU-stack, "", @progbits
