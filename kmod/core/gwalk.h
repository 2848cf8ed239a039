/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest page-table walker: linear address to guest-physical address, by the
 * guest's own tables and with the checks of AMD APM vol. 2, 5 and Intel SDM
 * vol. 3, 4. Unpaged, 32-bit, PAE, 4-level and 5-level.
 */
#ifndef HG_CORE_GWALK_H
#define HG_CORE_GWALK_H

#include "types.h"

/*
 * What an access is. The low bits are those of a page-fault error code. They
 * are shared with the emulator's memory callbacks, which may pass their
 * access argument to hg_gwalk() as it is.
 */
#define HG_ACC_READ		0u
#define HG_ACC_WRITE		(1u << 1)
#define HG_ACC_USER		(1u << 2)	/* made at CPL 3, not implicit */
#define HG_ACC_FETCH		(1u << 4)	/* of an instruction */
#define HG_ACC_IMPLICIT		(1u << 8)	/* supervisor, whatever the CPL */
#define HG_ACC_PROBE		(1u << 9)	/* translate only, move no data */
#define HG_ACC_RMW		(1u << 10)	/* a read that will be written back */
#define HG_ACC_SOLE		(1u << 11)	/* the insn's one and only data access */

/* Bits of a page-fault error code. */
#define HG_PFEC_P		(1u << 0)
#define HG_PFEC_W		(1u << 1)
#define HG_PFEC_U		(1u << 2)
#define HG_PFEC_RSVD		(1u << 3)
#define HG_PFEC_I		(1u << 4)
#define HG_PFEC_PK		(1u << 5)

/* Bits of hg_gwalk.features. */
#define HG_GWALK_GBPAGES	(1u << 0)	/* CPUID 8000_0001h EDX[26] */
#define HG_GWALK_BIT8_MBZ	(1u << 1)	/* AMD: bit 8 of PML4E, PDPE is MBZ */
#define HG_GWALK_NO_AD		(1u << 2)	/* leave accessed and dirty alone */

struct hg_gwalk_ops {
	/*
	 * Read the size (4 or 8) bytes at guest-physical gpa, aligned to size,
	 * in one access. Returns 0, or anything else if it cannot: no memory
	 * there.
	 */
	int (*read)(void *ctx, u64 gpa, u32 size, u64 *value);
	/*
	 * Atomically replace old by new. Returns 0, or 1 if the entry no longer
	 * holds old, or a negative value if it cannot be written. NULL acts
	 * as HG_GWALK_NO_AD.
	 */
	int (*update)(void *ctx, u64 gpa, u32 size, u64 old, u64 value);
};

/* The state that decides a walk. Fill it once; it is not modified. */
struct hg_gwalk {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;		/* AC counts, for SMAP */
	u64 enc_mask;		/* address bits that are attributes (C-bit), or 0 */
	u32 pkru;		/* counts if CR4.PKE */
	u8 maxphyaddr;		/* 32 to 52 */
	u8 features;
	const struct hg_gwalk_ops *ops;
	void *ctx;
};

enum hg_gwalk_status {
	HG_GWALK_OK		= 0,
	HG_GWALK_FAULT		= 1,	/* inject #PF with error_code */
	HG_GWALK_UNREADABLE	= 2,	/* a callback failed on table_gpa */
	HG_GWALK_RETRY		= 3,	/* the tables kept changing underneath */
	HG_GWALK_NONCANONICAL	= 4,	/* #GP or #SS: the caller knows which */
};

/* Bits of hg_gwalk_result.perms: what the tables allow, levels merged. */
#define HG_PERM_W		(1u << 0)
#define HG_PERM_U		(1u << 1)
#define HG_PERM_X		(1u << 2)

struct hg_gwalk_result {
	u64 gpa;		/* OK: of the byte; bits of enc_mask are kept */
	u64 table_gpa;		/* UNREADABLE: the entry in question */
	u32 error_code;		/* FAULT: HG_PFEC_* */
	u8 page_shift;		/* OK: 12, 21, 22 or 30; 63 when unpaged */
	u8 perms;		/* OK: HG_PERM_* */
	u8 level;		/* level of the last entry read, 1 = PTE */
};

/*
 * Translate one byte. access is HG_ACC_WRITE, USER, FETCH, IMPLICIT and RMW;
 * other bits are ignored. With paging off the address is cut to 32 bits and
 * may be anything. Accessed and dirty bits are set only when the access is
 * allowed, and the dirty bit only for HG_ACC_WRITE.
 */
enum hg_gwalk_status hg_gwalk(const struct hg_gwalk *walk, u64 linear,
			      u32 access, struct hg_gwalk_result *res);

#endif /* HG_CORE_GWALK_H */
