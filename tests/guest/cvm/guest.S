/* SPDX-License-Identifier: Apache-2.0 */
/* See guest.h. Linked at GUEST_ROM, which is read-only to the guest. */
#include "guest.h"

#define CODE32	0x08
#define CODE64	0x10
#define DATA	0x18

#define CR0_PE	0x1
#define CR0_ET	0x10
#define CR0_PG	0x80000000
#define CR4	0x620			/* PAE, OSFXSR, OSXMMEXCPT */
#define MSR_EFER	0xc0000080
#define MSR_SEV_STATUS	0xc0010131
#define EFER_LME	0x100
#define CPUID_SEV	0x8000001f
#define PTE_TABLE	0x3
#define PTE_2M		0x83

#define HC_MAP_GPA_RANGE	12
#define MAP_GPA_PRIVATE		(1 << 4)

#define MSR_APIC_BASE	0x1b
#define APIC_ON_X2	0xc00
#define MSR_X2APIC_EOI	0x80b
#define MSR_X2APIC_SVR	0x80f

	.text
	.globl	_start
_start:
	.code32
start32:
	movl	$DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	$GUEST_STACK, %esp

	/* %ebp: the upper half of the C-bit's mask, 0 in an ordinary VM. */
	xorl	%ebp, %ebp
	movl	$0x80000000, %eax
	cpuid
	cmpl	$CPUID_SEV, %eax
	jb	tables
	movl	$CPUID_SEV, %eax
	xorl	%ecx, %ecx
	cpuid
	testl	$2, %eax
	jz	tables
	movl	$MSR_SEV_STATUS, %ecx
	rdmsr
	testl	$1, %eax
	jz	tables
	movl	%ebx, %ecx
	andl	$63, %ecx
	subl	$32, %ecx
	movl	$1, %ebp
	shll	%cl, %ebp

tables:
	xorl	%eax, %eax
	movl	$GUEST_PML4, %edi
	movl	$(0x6000 / 4), %ecx
	rep stosl
	movl	$(GUEST_PDPT | PTE_TABLE), GUEST_PML4
	movl	%ebp, GUEST_PML4 + 4
	movl	$(GUEST_PD_LOW | PTE_TABLE), GUEST_PDPT
	movl	$(GUEST_PD_ALIAS | PTE_TABLE), GUEST_PDPT + 8
	movl	$(GUEST_PD_DEVICE | PTE_TABLE), GUEST_PDPT + 16
	movl	$(GUEST_PD_ROM | PTE_TABLE), GUEST_PDPT + 24
	movl	%ebp, GUEST_PDPT + 4
	movl	%ebp, GUEST_PDPT + 12
	movl	%ebp, GUEST_PDPT + 20
	movl	%ebp, GUEST_PDPT + 28
	xorl	%ecx, %ecx
	movl	$PTE_2M, %eax
1:	movl	%eax, GUEST_PD_LOW(, %ecx, 8)
	movl	%ebp, GUEST_PD_LOW + 4(, %ecx, 8)
	movl	%eax, GUEST_PD_ALIAS(, %ecx, 8)
	leal	0xc0000000(%eax), %edx
	movl	%edx, GUEST_PD_DEVICE(, %ecx, 8)
	movl	%edx, GUEST_PD_ROM(, %ecx, 8)
	movl	%ebp, GUEST_PD_ROM + 4(, %ecx, 8)
	addl	$0x200000, %eax
	incl	%ecx
	cmpl	$512, %ecx
	jb	1b

	movl	$CR4, %eax
	movl	%eax, %cr4
	movl	$GUEST_PML4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	ljmp	$CODE64, $start64

	.code64
start64:
	/* All gates lead to 16-byte stubs. */
	leaq	stubs(%rip), %rax
	movl	$GUEST_IDT, %edi
	movl	$256, %ecx
1:	movw	%ax, (%rdi)
	movw	$CODE64, 2(%rdi)
	movl	$0x8e00, 4(%rdi)
	movq	%rax, %rdx
	shrq	$16, %rdx
	movw	%dx, 6(%rdi)
	movq	$0, 8(%rdi)
	shrq	$16, %rdx
	movl	%edx, 8(%rdi)
	addq	$16, %rax
	addq	$16, %rdi
	decl	%ecx
	jnz	1b
	lidt	idt_pointer(%rip)
	xorl	%eax, %eax
	movl	$GUEST_COUNTS, %edi
	movl	$256, %ecx
	rep stosl

	/* The local APIC, so that messages arrive. */
	movl	$MSR_APIC_BASE, %ecx
	rdmsr
	orl	$APIC_ON_X2, %eax
	wrmsr
	movl	$MSR_X2APIC_SVR, %ecx
	movl	$0x1ff, %eax
	xorl	%edx, %edx
	wrmsr

	/* The secret: RBX, R12, R14 and RBP, R13, R15; XMM0; memory. */
	movabsq	$GUEST_SECRET_A, %rbx
	movabsq	$GUEST_SECRET_B, %rax
	xorq	%rax, %rbx
	movabsq	$GUEST_SECRET_C, %rbp
	movabsq	$GUEST_SECRET_D, %rax
	xorq	%rax, %rbp
	movq	%rbx, %r12
	movq	%rbx, %r14
	movq	%rbp, %r13
	movq	%rbp, %r15
	movq	%rbx, GUEST_SECRET
	movq	%rbp, GUEST_SECRET + 8
	movdqu	GUEST_SECRET, %xmm0
	xorl	%eax, %eax
	movl	$GUEST_READY, %eax

	/* From here on only RAX, RCX, RDX, RSI, RDI and R8 to R11 are ours. */
answer:
	movl	$GUEST_PORT_OUT, %edx
	outl	%eax, %dx
next:
	movl	$GUEST_STACK, %esp
	call	argument
	cmpl	$GUEST_COMMANDS, %eax
	jae	next
	leaq	commands(%rip), %rdx
	movslq	(%rdx, %rax, 4), %rax
	addq	%rdx, %rax
	jmp	*%rax

	/* The next word, in RAX. */
argument:
	movl	$GUEST_PORT_IN, %edx
	inl	%dx, %eax
	ret

	/* The next two words, in RAX. */
argument64:
	call	argument
	movq	%rax, %rdi
	call	argument
	shlq	$32, %rax
	orq	%rdi, %rax
	ret

	/* R8: low half, then the high one by `answer`. */
answer64:
	movl	$GUEST_PORT_OUT, %edx
	movl	%r8d, %eax
	outl	%eax, %dx
	movq	%r8, %rax
	shrq	$32, %rax
	jmp	answer

peek:
	call	argument
	movq	(%rax), %r8
	jmp	answer64

poke:
	call	argument
	movq	%rax, %r8
	call	argument64
	movq	%rax, (%r8)
	xorl	%eax, %eax
	jmp	answer

call_host:
	call	argument64
	movq	%rax, %r8
	call	argument64
	movq	%rax, %r9
	call	argument64
	movq	%rax, %rsi
	call	argument64
	movq	%rax, %rdx
	movq	%rsi, %rcx
	movq	%r8, %rax
	pushq	%rbx
	movq	%r9, %rbx
	vmmcall
	popq	%rbx
	movq	%rax, %r8
	jmp	answer64

identify:
	call	argument
	movl	%eax, %r8d
	call	argument
	movl	%eax, %ecx
	movl	%r8d, %eax
	pushq	%rbx
	cpuid
	movl	%ebx, %r9d
	popq	%rbx
	movl	%edx, %r10d
	movl	$GUEST_PORT_OUT, %edx
	outl	%eax, %dx
	movl	%r9d, %eax
	outl	%eax, %dx
	movl	%ecx, %eax
	outl	%eax, %dx
	movl	%r10d, %eax
	jmp	answer

check:
	movabsq	$GUEST_SECRET_A, %rax
	movabsq	$GUEST_SECRET_B, %rcx
	xorq	%rcx, %rax
	movabsq	$GUEST_SECRET_C, %rdx
	movabsq	$GUEST_SECRET_D, %rcx
	xorq	%rcx, %rdx
	xorl	%esi, %esi
	cmpq	%rax, %rbx
	jne	1f
	cmpq	%rax, %r12
	jne	1f
	cmpq	%rax, %r14
	jne	1f
	cmpq	%rdx, %rbp
	jne	1f
	cmpq	%rdx, %r13
	jne	1f
	cmpq	%rdx, %r15
	jne	1f
	cmpq	%rax, GUEST_SECRET
	jne	1f
	cmpq	%rdx, GUEST_SECRET + 8
	jne	1f
	movq	%xmm0, %rcx
	cmpq	%rax, %rcx
	jne	1f
	incl	%esi
1:	movl	%esi, %eax
	jmp	answer

read_msr:
	call	argument
	movl	%eax, %ecx
	rdmsr
	shlq	$32, %rdx
	movl	%eax, %r8d
	orq	%rdx, %r8
	jmp	answer64

write_msr:
	call	argument
	movl	%eax, %r8d
	call	argument64
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	%r8d, %ecx
	wrmsr
	xorl	%eax, %eax
	jmp	answer

take_irqs:
	sti
	movl	$10000, %ecx
1:	decl	%ecx
	jnz	1b
	cli
	xorl	%eax, %eax
	jmp	answer

write_cr3:
	call	argument64
	movq	%rax, %cr3
	xorl	%eax, %eax
	jmp	answer

	/* RBX is kept in R11. The memory is private. */
call_registers:
	movl	$GUEST_REGS, %esi
	movl	$9, %ecx
1:	call	argument64
	movq	%rax, (%rsi)
	addq	$8, %rsi
	decl	%ecx
	jnz	1b
	movq	%rbx, %r11
	movq	GUEST_REGS, %rax
	movq	GUEST_REGS + 8, %rbx
	movq	GUEST_REGS + 16, %rcx
	movq	GUEST_REGS + 24, %rdx
	movq	GUEST_REGS + 32, %rsi
	movq	GUEST_REGS + 40, %rdi
	movq	GUEST_REGS + 48, %r8
	movq	GUEST_REGS + 56, %r9
	movq	GUEST_REGS + 64, %r10
	vmmcall
	movq	%rax, GUEST_REGS
	movq	%rbx, GUEST_REGS + 8
	movq	%rcx, GUEST_REGS + 16
	movq	%rdx, GUEST_REGS + 24
	movq	%rsi, GUEST_REGS + 32
	movq	%rdi, GUEST_REGS + 40
	movq	%r8, GUEST_REGS + 48
	movq	%r9, GUEST_REGS + 56
	movq	%r10, GUEST_REGS + 64
	movq	%r11, %rbx
	movl	$GUEST_REGS, %esi
	movl	$18, %ecx
	movl	$GUEST_PORT_OUT, %edx
2:	movl	(%rsi), %eax
	outl	%eax, %dx
	addq	$4, %rsi
	decl	%ecx
	jnz	2b
	jmp	next

	/* RSI: when it began; R9, R10: the arguments; RBX is kept in R11. */
take_time:
	call	argument
	cmpl	$GUEST_TIME_KINDS, %eax
	jae	next
	leaq	kinds(%rip), %rdx
	movslq	(%rdx, %rax, 4), %r8
	addq	%rdx, %r8
	call	argument64
	movq	%rax, %r9
	call	argument64
	movq	%rax, %r10
	movq	%rbx, %r11
	rdtsc
	shlq	$32, %rdx
	leaq	(%rdx, %rax), %rsi
	jmp	*%r8

time_cpuid:
	xorl	%eax, %eax
	cpuid
	jmp	timed
time_out:
	movl	$GUEST_PORT_OUT, %edx
	xorl	%eax, %eax
	outl	%eax, %dx
	jmp	timed
time_read:
	movl	(%r9), %eax
	jmp	timed
time_write:
	movl	%eax, (%r9)
	jmp	timed
time_cr3:
	movq	%cr3, %rax
	movq	%rax, %cr3
	jmp	timed
time_share:
	xorl	%edx, %edx
	jmp	convert
time_unshare:
	movl	$MAP_GPA_PRIVATE, %edx
convert:
	movl	$HC_MAP_GPA_RANGE, %eax
	movq	%r9, %rbx
	movq	%r10, %rcx
	vmmcall
timed:
	rdtsc
	shlq	$32, %rdx
	orq	%rax, %rdx
	subq	%rsi, %rdx
	movq	%rdx, %r8
	movq	%r11, %rbx
	jmp	answer64

	.balign	4
kinds:
	.long	timed - kinds, time_cpuid - kinds, time_out - kinds, time_read - kinds
	.long	time_write - kinds, time_cr3 - kinds, time_share - kinds, time_unshare - kinds

	.balign	4
commands:
	.long	next - commands, peek - commands, poke - commands, call_host - commands
	.long	identify - commands, check - commands, read_msr - commands
	.long	write_msr - commands, take_irqs - commands, write_cr3 - commands
	.long	take_time - commands, call_registers - commands

	/* Interrupts: counted. Exceptions: told, and the command is given up. */
	.balign	16
stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	pushq	$vector
	jmp	arrived
	.set	vector, vector + 1
	.endr

arrived:
	pushq	%rax
	movl	8(%rsp), %eax
	incl	GUEST_COUNTS(, %rax, 4)
	cmpl	$2, %eax
	je	1f
	cmpl	$32, %eax
	jb	fault
	pushq	%rcx
	pushq	%rdx
	movl	$MSR_X2APIC_EOI, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	popq	%rdx
	popq	%rcx
1:	popq	%rax
	addq	$8, %rsp
	iretq
fault:
	orl	$GUEST_FAULT, %eax
	jmp	answer

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00af9b000000ffff	/* CODE64 */
	.quad	0x00cf93000000ffff	/* DATA */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
idt_pointer:
	.word	256 * 16 - 1
	.quad	GUEST_IDT

	.org	GUEST_ROM_SIZE - 0x40
	.code16
start16:
	cli
	cld
	/* The code segment's base is 0xffff0000; 16 bits of the address do. */
	lgdtl	%cs:(gdt_pointer - GUEST_ROM + 0xc000)
	movl	$(CR0_PE | CR0_ET), %eax
	movl	%eax, %cr0
	ljmpl	$CODE32, $start32

	.org	GUEST_ROM_SIZE - 0x10
	jmp	start16
	.org	GUEST_ROM_SIZE
