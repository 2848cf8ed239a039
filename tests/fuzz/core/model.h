/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of the core that its random calls are compared with: what
 * fuzz-core.c (frames, ordinary domains, vCPUs) and fuzz-cvm.c (confidential
 * ones) share.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

#define FRAMES		2048
#define DOMAINS		4
#define LEAVES		256
#define VCPUS		6
#define BLOCK		256	/* bytes that are measured or not */

/* PIN: no page, but what keeps a table of a confidential domain's. */
enum kind { LENT, OWN, PIN };

struct leaf {
	u64 gfn, pfn;		/* @gfn with the C-bit for OWN */
	u32 level, prot;
	bool young;
	enum kind kind;
	bool split;		/* OWN, level 2: in 512 small ones, without those in @gone */
	u8 gone[512];
};

struct ram {
	u64 gfn, count;
};

struct domain {
	s64 handle;		/* 0: none */
	bool dying;
	u64 control;
	u64 donated;		/* frames, the top table too */
	struct leaf leaf[LEAVES];
	u32 leaves;
	u32 cvm;		/* enum hg_cvm_state */
	u64 c;			/* C-bit of a gfn; 0: an ordinary domain */
	struct ram ram[HG_CVM_RANGES];
	u32 ranges;
	u64 changeable;		/* measured, and writable by the guest */
};

struct vcpu {
	s64 handle;
	struct domain *domain;
	u64 page, pfn;
	u32 index;
	bool parked;
	bool reported;		/* a report can be read, */
	u64 data;		/* on these 64 bytes, each word one more than the one before */
};

struct model {
	bool key;		/* reports can be signed */
	u8 state[FRAMES];
	u16 measured[FRAMES];	/* blocks, of a confidential domain's frame */
	u32 maps[FRAMES];
	struct domain domain[DOMAINS];
	struct vcpu vcpu[VCPUS];
};
extern struct model model;

#define EXPECT(got, want)						\
	do {								\
		s64 got_ = (s64)(got), want_ = (s64)(want);		\
		if (got_ != want_) {					\
			fprintf(stderr, "%s:%d: %s is %lld, the model says %lld\n", \
				__FILE__, __LINE__, #got, got_, want_);	\
			abort();					\
		}							\
	} while (0)

/* ---- fuzz-core.c ---- */
/* A call, and the audit after it. */
s64 enter(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e);
/* What the bytes choose: mostly sensible, sometimes anything. */
u64 wild(void);
u64 some_pfn(u32 level);
u64 some_gfn(u32 level);
struct domain *some_domain(u64 *handle);
struct vcpu *some_vcpu(u64 *handle);
/* Frames and leaves of the model. */
s64 frames_status(u64 pfn, u64 count, u8 state, u8 too);
void set_frames(u64 pfn, u64 count, u8 state);
u64 frames_of(u32 level);
struct leaf *leaf_over(struct domain *d, u64 gfn);
bool table_exists(const struct domain *d, u64 gfn, u32 level);
u64 tables_missing(const struct domain *d, u64 gfn, u32 level);
u64 spare_frames(const struct domain *d);
bool has_vcpu(const struct domain *d);
void give_up(struct domain *d, u64 pfn);
void drop_own(struct domain *d, const struct leaf *l);
/* Calls, and what they must answer. */
void create(u64 pfn, u64 flags);
void donate(struct domain *d, u64 handle, u64 pfn);
void vcpu_create(struct domain *d, u64 handle, u64 page, u64 pfn);

/* ---- fuzz-cvm.c ---- */
void op_cvm_life(void);
void op_cvm_ram(void);
void op_cvm_add(void);
void op_cvm_load(void);
void op_cvm_report(void);
void op_convert(void);
void op_startup(void);
void op_report(void);
/* A confidential domain that has come as far as @state, and calls that find it there. */
void prelude(u32 state);

#endif
