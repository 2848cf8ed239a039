/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the reset vector to 64-bit code, and what QEMU looks for at the end of the
 * flash.
 *
 * Without paging every access of a confidential VM is private. With paging the
 * C-bit of the page tables decides, so they carry it in every entry but that of
 * the bounce buffer.
 */
#include "layout.h"

#define MSR_EFER	0xc0000080
#define MSR_SEV_STATUS	0xc0010131
#define CPUID_SEV	0x8000001f

#define CR0_PE		0x1
#define CR0_ET		0x10
#define CR0_PG		0x80000000
#define CR4_PAE		0x20
#define EFER_LME	0x100
#define PTE_TABLE	0x3		/* present, writable */
#define PTE_2M		0x83

	.section .reset, "ax"
	.code16
	.globl	start16
start16:
	cli
	cld
	/* The code segment's base is 0xffff0000, so 16 bits of the address do. */
	lgdtl	%cs:gdt_pointer_low
	movl	$(CR0_PE | CR0_ET), %eax	/* and the caches are on */
	movl	%eax, %cr0
	ljmpl	$SELECTOR_CODE32, $start32

	.code32
start32:
	movl	$SELECTOR_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss

	movl	$image_source, %esi
	movl	$IMAGE_BASE, %edi
	movl	$image_words, %ecx
	rep movsl
	/* After a reboot of an ordinary VM the memory is not zero. */
	xorl	%eax, %eax
	movl	$bss_start, %edi
	movl	$bss_words, %ecx
	rep stosl
	movl	$PAGE_TABLES, %edi
	movl	$(PAGE_TABLES_SIZE / 4), %ecx
	rep stosl

	/* %ebp: the upper half of the C-bit's mask; zero if there is none. */
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
	jb	hang			/* these tables have no place for it */
	movl	$1, %ebp
	shll	%cl, %ebp

tables:
	movl	$(PDPT | PTE_TABLE), PML4
	movl	%ebp, PML4 + 4
	xorl	%ecx, %ecx
	movl	$(DIRECTORIES | PTE_TABLE), %eax
1:	movl	%eax, PDPT(, %ecx, 8)
	movl	%ebp, PDPT + 4(, %ecx, 8)
	addl	$0x1000, %eax
	incl	%ecx
	cmpl	$5, %ecx		/* the fifth is DIRECTORY_SHARED */
	jb	1b
	xorl	%ecx, %ecx
	movl	$PTE_2M, %eax
2:	movl	%eax, DIRECTORIES(, %ecx, 8)
	movl	%ebp, DIRECTORIES + 4(, %ecx, 8)
	addl	$0x200000, %eax
	incl	%ecx
	cmpl	$2048, %ecx
	jb	2b
	movl	$(BOUNCE_BASE | PTE_2M), DIRECTORY_SHARED

	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	ljmp	$SELECTOR_CODE, $start64

hang:
	cli
	hlt
	jmp	hang

	/* Accessed bits are set: the CPU must not want to. */
	.balign 8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* SELECTOR_CODE32 */
	.quad	0x00af9b000000ffff	/* SELECTOR_CODE */
	.quad	0x00cf93000000ffff	/* SELECTOR_DATA */
gdt_end:
	.globl	gdt_pointer
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt

	/*
	 * What QEMU reads from the end of the flash: entries of data, length
	 * and GUID, then the length of all of them and the GUID of the table
	 * itself, which ends 32 bytes before the flash does. GUIDs have their
	 * first three fields little-endian.
	 */
	.section .guided, "a"
guided:
	.long	HASHES_BASE, HASHES_SIZE
	.word	1f - guided + 16
1:	.long	0x7255371f		/* the area for the table of hashes */
	.word	0x3a3b, 0x4b04
	.byte	0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54
	.word	2f - guided + 16
2:	.long	0x96b582de		/* the table's footer */
	.word	0x1fb2, 0x45f7
	.byte	0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d
	.fill	16, 1, 0

	.section .vector, "ax"
	.code16
	jmp	start16
	.balign	16

	.section .note.GNU-stack, "", @progbits
