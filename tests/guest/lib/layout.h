/* SPDX-License-Identifier: Apache-2.0 */
/* Guest-physical layout and guest-to-host conventions; also for assembler. */
#ifndef HGT_LAYOUT_H
#define HGT_LAYOUT_H

#define HGT_RAM		0x400000
#define HGT_GDT		0x1000
#define HGT_IDT		0x2000
#define HGT_PML4	0x3000
#define HGT_PDPT	0x4000
#define HGT_PD		0x5000	/* four pages: 4 GiB of 2 MiB entries */
#define HGT_PT		0x9000	/* first 2 MiB by 4 KiB entries */
#define HGT_TSS		0xa000
#define HGT_STUBS	0xb000	/* two pages of interrupt stubs */
#define HGT_FAULT	0xd000	/* struct hgt_fault */
#define HGT_IRQ_COUNT	0xd400	/* 256 32-bit counters */
#define HGT_EOI_MODE	0xd800	/* HGT_EOI_*, 32 bits */
#define HGT_CODE	0x10000
#define HGT_STACKS	0x20000	/* one page for each of 32 vCPUs */
#define HGT_DATA	0x40000	/* free for tests up to HGT_RAM */
#define HGT_MMIO	0xd0000000	/* no memory here */

#define HGT_PORT_DONE	0xf4
#define HGT_PORT_FAULT	0xf5

/* How the stubs acknowledge an interrupt: bits. */
#define HGT_EOI_PIC	1
#define HGT_EOI_XAPIC	2
#define HGT_EOI_X2APIC	4

/* Selectors in the GDT, all flat. */
#define HGT_CS64	0x08
#define HGT_DS		0x10
#define HGT_CS32	0x18
#define HGT_TR		0x20	/* 16 bytes */
#define HGT_UCS32	0x30
#define HGT_UDS		0x38
#define HGT_UCS64	0x40

#ifndef __ASSEMBLER__
#include <stdint.h>

struct hgt_fault {
	uint64_t vector;
	uint64_t error;		/* 0 if the exception has none */
	uint64_t rip;
	uint64_t cs;
	uint64_t rflags;
	uint64_t cr2;
	uint64_t frame;		/* address of the saved RIP on the stack */
};
#endif

#endif /* HGT_LAYOUT_H */
