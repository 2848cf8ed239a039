/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Confidential VMs: what a parent may know of one, and how its launch is
 * measured (docs/launch-digest.md).
 *
 * One bit of the guest-physical address, the C-bit, tells a private page from
 * a shared one. Private pages are frames that the guest owns: nobody else maps
 * them, and they are scrubbed before anyone else gets them. Shared addresses
 * work as in an ordinary VM. With paging off every access is private, and the
 * top of the guest's page tables always is; below it the tables say themselves.
 *
 *	CREATED --CVM_LAUNCH--> LAUNCHING --CVM_SEAL--> SEALED --CVM_START--> RUNNING
 *
 * RUNNING lasts until the domain is destroyed; CVM_RESET begins it anew.
 */
#ifndef HG_CORE_CVM_H
#define HG_CORE_CVM_H

#include "types.h"

enum hg_cvm_state {
	HG_CVM_NONE,		/* an ordinary domain */
	HG_CVM_CREATED,
	HG_CVM_LAUNCHING,	/* pages are loaded and measured; vCPUs are made */
	HG_CVM_SEALED,		/* the digest is final; a secret may be put in */
	HG_CVM_RUNNING,
};

/* HG_CALL_CVM_ADD @flags. */
#define HG_CVM_READONLY		1U

/* HG_CALL_CVM_LOAD @type. */
#define HG_LOAD_MEASURED	0U
#define HG_LOAD_SECRET		1U

/* Vectors that devices may use; what the guest sends itself goes beyond (cvm_irq.c). */
#define HG_IRQ_FIRST		0x20u
#define HG_IRQ_SYSCALL		0x80u
#define HG_IRQ_SYSTEM		0xecu	/* Linux' FIRST_SYSTEM_VECTOR */

#define HG_CVM_FRAMES		7	/* see hg_npt_init_private() */
#define HG_CVM_RANGES		32	/* of RAM */

#define HG_DIGEST_SIZE		32	/* SHA-256 (FIPS 180-4) */

/*
 * What is hashed, little-endian, without padding. The three digests are of
 * independent things, so that a verifier can tell what differs:
 *
 * pages   starts as 32 zero bytes; each CVM_LOAD makes it
 *	   SHA-256(pages || struct hg_measured_page), in the order of the calls
 * ranges  the same over struct hg_measured_range, for each CVM_RAM
 * cpus    the same over struct hg_measured_cpu, for each vCPU by index
 * launch  SHA-256(struct hg_measured_launch)
 */
struct hg_measured_page {
	u64 gpa;
	u32 length;
	u32 flags;		/* HG_CVM_READONLY */
	u8 content[HG_DIGEST_SIZE];	/* SHA-256 of the bytes */
};

struct hg_measured_range {
	u64 gfn;
	u64 count;
};

struct hg_measured_cpu {
	u32 index;
	u32 entries;
	u8 cpuid[HG_DIGEST_SIZE];	/* SHA-256 of its struct hg_cpuid, sanitised and sorted */
};

#define HG_MEASURED_MAGIC	0x31304d5643544748ULL	/* "HGTCVM01" */
struct hg_measured_launch {
	u64 magic;
	u32 policy;
	u32 c_bit;
	u32 vcpus;
	u32 reserved;
	u8 pages[HG_DIGEST_SIZE];
	u8 ranges[HG_DIGEST_SIZE];
	u8 cpus[HG_DIGEST_SIZE];
};

/* HG_CALL_CVM_REPORT. */
struct hg_cvm_report {
	u32 state;		/* enum hg_cvm_state */
	u32 handle;
	struct hg_measured_launch parts;	/* so far, if not yet SEALED */
	u8 launch[HG_DIGEST_SIZE];		/* zero until SEALED */
};

#endif /* HG_CORE_CVM_H */
