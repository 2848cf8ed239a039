/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the measured guest: QEMU's -kernel loads it by the Multiboot 0.6.96
 * header, in flat 32-bit protected mode without paging. Also the start of the
 * second processor and the interrupt stubs.
 */
	.set	MB_MAGIC, 0x1badb002
	.set	MB_FLAGS, 0

	.section .multiboot, "a"
	.balign	4
	.long	MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)

	.text
	.code32
	.global	_start
_start:
	cli
	movl	$stack0_top, %esp
	lgdt	gdt_ptr
	ljmp	$8, $1f
1:	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	call	bench_main
2:	hlt
	jmp	2b

	/*
	 * The second processor starts here in real mode after being copied to
	 * AP_BASE by bench_main; every address is relative to that.
	 */
	.set	AP_BASE, 0x8000
	.global	ap_start, ap_start_end
	.code16
ap_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	AP_BASE + (ap_gdt_ptr - ap_start)
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$8, $ap_flat
	.balign	4
ap_gdt_ptr:
	.word	23
	.long	gdt
ap_start_end:

	.code32
ap_flat:
	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$stack1_top, %esp
	call	ap_main
1:	hlt
	jmp	1b

	/* The time stamp is read first, before registers are saved. */
	.global	timer_stub, ipi_stub, ping_stub, spurious_stub
timer_stub:
	pushl	%eax
	pushl	%edx
	rdtsc
	movl	%eax, timer_tsc
	movl	%edx, timer_tsc + 4
	incl	timer_count
	movl	$0, 0xfee000b0
	popl	%edx
	popl	%eax
	iretl
ipi_stub:
	incl	ipi_count
	movl	$0, 0xfee000b0
	iretl
	/* On the second processor: answer to the first. */
ping_stub:
	movl	$0, 0xfee000b0
	movl	$0, 0xfee00310
	movl	$0x4041, 0xfee00300
	iretl
spurious_stub:
	iretl

	.data
	.balign	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_ptr:
	.word	23
	.long	gdt

	.bss
	.balign	16
	.skip	8192
stack0_top:
	.skip	4096
stack1_top:
	.section .note.GNU-stack, "", @progbits
