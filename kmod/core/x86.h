/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of the architecture that several parts of the core share.
 */
#ifndef HG_CORE_X86_H
#define HG_CORE_X86_H

#include "types.h"

#define HG_BIT32(n)		(1U << (n))

/* General registers, in the order of their encoding. */
enum hg_gpr {
	HG_RAX, HG_RCX, HG_RDX, HG_RBX, HG_RSP, HG_RBP, HG_RSI, HG_RDI,
	HG_R8, HG_R9, HG_R10, HG_R11, HG_R12, HG_R13, HG_R14, HG_R15,
	HG_NR_GPRS,
};

/* Segment registers in the order of their encoding, then system segments. */
enum hg_seg {
	HG_SEG_ES, HG_SEG_CS, HG_SEG_SS, HG_SEG_DS, HG_SEG_FS, HG_SEG_GS,
	HG_SEG_TR, HG_SEG_LDTR, HG_SEG_GDTR, HG_SEG_IDTR,
	HG_NR_SEGS,
};

/* A segment's attributes, in the packed form of the VMCB (APM vol. 2, 15.5). */
#define HG_SEG_TYPE(a)		((a) & 0xf)
#define HG_SEG_TYPE_CODE	(1u << 3)
#define HG_SEG_TYPE_DOWN	(1u << 2)	/* data: expand-down */
#define HG_SEG_TYPE_RW		(1u << 1)	/* data: write, code: read */
#define HG_SEG_S		(1u << 4)
#define HG_SEG_DPL(a)		(((a) >> 5) & 3)
#define HG_SEG_P		(1u << 7)
#define HG_SEG_AVL		(1u << 8)
#define HG_SEG_L		(1u << 9)
#define HG_SEG_DB		(1u << 10)
#define HG_SEG_G		(1u << 11)

/* A segment register as loaded. The same layout as in the VMCB. */
struct hg_segment {
	u16 selector;
	u16 attr;
	u32 limit;		/* in bytes, granularity applied */
	u64 base;
};
HG_STATIC_ASSERT(sizeof(struct hg_segment) == 16);

#define HG_CR0_PE		HG_BIT(0)
#define HG_CR0_MP		HG_BIT(1)
#define HG_CR0_EM		HG_BIT(2)
#define HG_CR0_TS		HG_BIT(3)
#define HG_CR0_ET		HG_BIT(4)
#define HG_CR0_NE		HG_BIT(5)
#define HG_CR0_WP		HG_BIT(16)
#define HG_CR0_AM		HG_BIT(18)
#define HG_CR0_NW		HG_BIT(29)
#define HG_CR0_CD		HG_BIT(30)
#define HG_CR0_PG		HG_BIT(31)

#define HG_CR4_DE		HG_BIT(3)
#define HG_CR4_PSE		HG_BIT(4)
#define HG_CR4_PAE		HG_BIT(5)
#define HG_CR4_MCE		HG_BIT(6)
#define HG_CR4_LA57		HG_BIT(12)
#define HG_CR4_UMIP		HG_BIT(11)
#define HG_CR4_FSGSBASE		HG_BIT(16)
#define HG_CR4_PCIDE		HG_BIT(17)
#define HG_CR4_OSXSAVE		HG_BIT(18)
#define HG_CR4_SMEP		HG_BIT(20)
#define HG_CR4_SMAP		HG_BIT(21)
#define HG_CR4_PKE		HG_BIT(22)

#define HG_EFER_SCE		HG_BIT(0)
#define HG_EFER_LME		HG_BIT(8)
#define HG_EFER_LMA		HG_BIT(10)
#define HG_EFER_NXE		HG_BIT(11)
#define HG_EFER_SVME		HG_BIT(12)
#define HG_EFER_LMSLE		HG_BIT(13)
#define HG_EFER_FFXSR		HG_BIT(14)
#define HG_EFER_TCE		HG_BIT(15)

#define HG_RFLAGS_FIXED		HG_BIT(1)	/* reads as one */
#define HG_RFLAGS_TF		HG_BIT(8)
#define HG_RFLAGS_IF		HG_BIT(9)
#define HG_RFLAGS_RF		HG_BIT(16)
#define HG_RFLAGS_VM		HG_BIT(17)

#endif /* HG_CORE_X86_H */
