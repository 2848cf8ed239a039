// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest page-table walker.
 *
 * One loop serves every format. What differs between them (entry size, bits
 * of index, number of levels, reserved bits) is gathered in struct shape
 * first; the format is part of the guest's state and changes rarely.
 */
#include "gwalk.h"

#define CR0_WP		HG_BIT(16)
#define CR0_PG		HG_BIT(31)
#define CR4_PSE		HG_BIT(4)
#define CR4_PAE		HG_BIT(5)
#define CR4_LA57	HG_BIT(12)
#define CR4_SMEP	HG_BIT(20)
#define CR4_SMAP	HG_BIT(21)
#define CR4_PKE		HG_BIT(22)
#define EFER_LMA	HG_BIT(10)
#define EFER_NXE	HG_BIT(11)
#define RFLAGS_AC	HG_BIT(18)

#define PT_P		HG_BIT(0)
#define PT_W		HG_BIT(1)
#define PT_U		HG_BIT(2)
#define PT_A		HG_BIT(5)
#define PT_D		HG_BIT(6)
#define PT_PS		HG_BIT(7)
#define PT_BIT8		HG_BIT(8)
#define PT_NX		HG_BIT(63)
#define PT_PKEY_SHIFT	59

#define MAX_LEVELS	5

/* How often tables that change during a walk are walked again. */
#define MAX_TRIES	4

struct shape {
	u64 root;
	u64 addr_mask;		/* of the address in an entry */
	u64 rsvd;		/* reserved in an entry of any level */
	u32 index_bits;
	u32 entry_size;
	u32 levels;
	bool legacy;		/* 32-bit paging, entries of 4 bytes */
	bool pae;		/* PAE outside long mode */
};

/* The entries of one walk; [0] belongs to level 1. */
struct trail {
	u64 gpa[MAX_LEVELS];
	u64 entry[MAX_LEVELS];
};

static void shape_of(const struct hg_gwalk *w, struct shape *s)
{
	u64 phys = HG_BIT(w->maxphyaddr) - 1;

	s->legacy = false;
	s->pae = false;
	s->index_bits = 9;
	s->entry_size = 8;
	s->addr_mask = ((phys | w->enc_mask) & HG_MASK(51, 12));
	s->rsvd = HG_MASK(51, 12) & ~s->addr_mask;
	if (!(w->efer & EFER_NXE))
		s->rsvd |= PT_NX;

	if (HG_LIKELY(w->efer & EFER_LMA)) {
		s->levels = (w->cr4 & CR4_LA57) ? 5 : 4;
		s->root = w->cr3 & s->addr_mask;
	} else if (w->cr4 & CR4_PAE) {
		s->pae = true;
		s->levels = 3;
		s->root = w->cr3 & 0xffffffe0;
		/* Bits 62:52 are not ignored outside long mode (APM 5.2.3). */
		s->rsvd |= HG_MASK(62, 52);
	} else {
		s->legacy = true;
		s->levels = 2;
		s->index_bits = 10;
		s->entry_size = 4;
		s->root = w->cr3 & 0xfffff000;
		s->addr_mask = 0xfffff000;
		s->rsvd = 0;
	}
}

/* Does an entry of this level end the walk? */
static bool is_leaf(const struct hg_gwalk *w, const struct shape *s,
		    u32 level, u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PT_PS))
		return false;
	if (s->legacy)
		return w->cr4 & CR4_PSE;
	return level == 2 || (level == 3 && !s->pae);
}

/*
 * Reserved bits beyond those common to all levels. Manuals: APM vol. 2,
 * figures 5-18 to 5-33; SDM vol. 3, tables 4-4 to 4-20.
 */
static u64 rsvd_of(const struct hg_gwalk *w, const struct shape *s,
		   u32 level, bool leaf)
{
	if (level == 1)
		return 0;
	if (s->legacy) {
		u32 bits;

		if (!leaf)
			return 0;
		/* Bits 20:13 are address bits 39:32 (PSE-36). */
		bits = w->maxphyaddr < 40 ? w->maxphyaddr : 40;
		return HG_BIT(21) | (bits < 40 ? HG_MASK(20, bits - 19) : 0);
	}
	if (s->pae && level == 3)
		return HG_MASK(2, 1) | HG_MASK(8, 5) | PT_NX;
	if (leaf) {
		if (level == 2)
			return HG_MASK(20, 13);
		return HG_MASK(29, 13) |
		       (w->features & HG_GWALK_GBPAGES ? 0 : PT_PS);
	}
	if (level >= 4)
		return PT_PS | (w->features & HG_GWALK_BIT8_MBZ ? PT_BIT8 : 0);
	if (level == 3 && (w->features & HG_GWALK_BIT8_MBZ))
		return PT_BIT8;
	return 0;
}

static enum hg_gwalk_status fault(const struct hg_gwalk *w, u32 access,
				  u32 cause, struct hg_gwalk_result *res)
{
	u32 code = cause;

	if (access & (HG_ACC_WRITE | HG_ACC_RMW))
		code |= HG_PFEC_W;
	if ((access & HG_ACC_USER) && !(access & HG_ACC_IMPLICIT))
		code |= HG_PFEC_U;
	/* I/D is reported only where fetches can fault for themselves. */
	if ((access & HG_ACC_FETCH) &&
	    (((w->cr4 & CR4_PAE) && (w->efer & EFER_NXE)) ||
	     (w->cr4 & CR4_SMEP)))
		code |= HG_PFEC_I;
	res->error_code = code;
	return HG_GWALK_FAULT;
}

/* Protection keys: returns true if they forbid the data access. */
static bool pkey_denies(const struct hg_gwalk *w, u64 leaf, bool write,
			bool user)
{
	u32 key = (leaf >> PT_PKEY_SHIFT) & 0xf;
	u32 bits = (w->pkru >> (2 * key)) & 3;

	if (bits & 1)
		return true;
	return write && (bits & 2) && (user || (w->cr0 & CR0_WP));
}

/* Zero if allowed, else the cause bits of the error code. */
static u32 check(const struct hg_gwalk *w, u32 access, u32 perms, u64 leaf)
{
	bool user = (access & HG_ACC_USER) && !(access & HG_ACC_IMPLICIT);
	bool write = access & (HG_ACC_WRITE | HG_ACC_RMW);
	bool fetch = access & HG_ACC_FETCH;
	u32 cause = 0;

	if (fetch && !(perms & HG_PERM_X))
		return HG_PFEC_P;
	if (write && !(perms & HG_PERM_W) && (user || (w->cr0 & CR0_WP)))
		cause = HG_PFEC_P;
	if (!(perms & HG_PERM_U))
		return user ? HG_PFEC_P : cause;
	if (!user) {
		if (fetch && (w->cr4 & CR4_SMEP))
			return HG_PFEC_P;
		/* AC lifts SMAP for explicit accesses only (SDM 4.6.1). */
		if (!fetch && (w->cr4 & CR4_SMAP) &&
		    (!(w->rflags & RFLAGS_AC) || (access & HG_ACC_IMPLICIT)))
			cause = HG_PFEC_P;
	}
	if (HG_UNLIKELY(w->cr4 & CR4_PKE) && (w->efer & EFER_LMA) && !fetch &&
	    pkey_denies(w, leaf, write, user))
		cause = HG_PFEC_P | HG_PFEC_PK;
	return cause;
}

/* Set accessed bits, and the dirty bit of the leaf for a write. */
static enum hg_gwalk_status set_ad(const struct hg_gwalk *w,
				   const struct shape *s,
				   const struct trail *trail, u32 leaf_level,
				   bool write, struct hg_gwalk_result *res)
{
	u32 level;

	if (!w->ops->update || (w->features & HG_GWALK_NO_AD))
		return HG_GWALK_OK;

	for (level = s->levels; level >= leaf_level; level--) {
		u64 old = trail->entry[level - 1];
		u64 new = old | PT_A;
		int ret;

		/* PDPTEs outside long mode have no accessed bit. */
		if (s->pae && level == 3)
			continue;
		if (level == leaf_level && write)
			new |= PT_D;
		if (new == old)
			continue;
		ret = w->ops->update(w->ctx, trail->gpa[level - 1],
				     s->entry_size, old, new);
		if (ret > 0)
			return HG_GWALK_RETRY;
		if (ret < 0) {
			res->table_gpa = trail->gpa[level - 1];
			res->level = level;
			return HG_GWALK_UNREADABLE;
		}
	}
	return HG_GWALK_OK;
}

static u64 leaf_base(const struct shape *s, u32 shift, u64 entry)
{
	if (s->legacy && shift == 22)
		return (entry & 0xffc00000) | ((entry & 0x1fe000) << 19);
	return entry & s->addr_mask & ~(HG_BIT(shift) - 1);
}

static enum hg_gwalk_status
walk_once(const struct hg_gwalk *w, const struct shape *s, u64 linear,
	  u32 access, struct hg_gwalk_result *res)
{
	u32 shift = 12 + s->index_bits * (s->levels - 1);
	bool write = access & HG_ACC_WRITE;
	u64 table = s->root, allow = PT_W | PT_U, used = PT_A, nx = 0;
	u32 level = s->levels, perms, cause;
	struct trail trail;
	u64 entry;

	for (;;) {
		u64 index = (linear >> shift) & (HG_BIT(s->index_bits) - 1);
		u64 gpa = table + index * s->entry_size;
		bool leaf;

		if (s->pae && level == 3)
			gpa = table + (index & 3) * 8;
		res->level = level;
		trail.gpa[level - 1] = gpa;
		if (w->ops->read(w->ctx, gpa, s->entry_size, &entry)) {
			res->table_gpa = gpa;
			return HG_GWALK_UNREADABLE;
		}
		trail.entry[level - 1] = entry;
		if (!(entry & PT_P))
			return fault(w, access, 0, res);
		leaf = is_leaf(w, s, level, entry);
		if (entry & (s->rsvd | rsvd_of(w, s, level, leaf)))
			return fault(w, access, HG_PFEC_P | HG_PFEC_RSVD, res);
		if (!(s->pae && level == 3)) {
			allow &= entry;
			used &= entry;
			nx |= entry;
		}
		if (leaf)
			break;
		table = entry & s->addr_mask;
		shift -= s->index_bits;
		level--;
	}

	/* PT_W and PT_U are one above HG_PERM_W and HG_PERM_U. */
	perms = (u32)(allow >> 1);
	if (!(nx & PT_NX) || s->legacy)
		perms |= HG_PERM_X;
	cause = check(w, access, perms, entry);
	if (cause)
		return fault(w, access, cause, res);

	if (HG_UNLIKELY(!used || (write && !(entry & PT_D)))) {
		enum hg_gwalk_status ret;

		ret = set_ad(w, s, &trail, level, write, res);
		if (ret != HG_GWALK_OK)
			return ret;
	}

	res->gpa = leaf_base(s, shift, entry) | (linear & (HG_BIT(shift) - 1));
	res->page_shift = shift;
	res->perms = perms;
	return HG_GWALK_OK;
}

HG_STATIC_ASSERT(PT_W >> 1 == HG_PERM_W && PT_U >> 1 == HG_PERM_U);

/*
 * The walk as it nearly always is: long mode, everything present, accessed
 * and allowed. False for anything else, and then walk_any() decides; nothing
 * was changed.
 */
static inline __attribute__((always_inline)) bool
walk_fast(const struct hg_gwalk *w, u64 linear, u32 access,
	  struct hg_gwalk_result *res)
{
	u64 addr_mask = (HG_BIT(w->maxphyaddr) - 1) | w->enc_mask;
	u64 allow = PT_W | PT_U | PT_NX, bad, table, entry;
	u32 shift = w->cr4 & CR4_LA57 ? 48 : 39, unused = 55 - shift, perms;

	if ((u64)((s64)(linear << unused) >> unused) != linear)
		return false;
	addr_mask &= HG_MASK(51, 12);
	bad = addr_mask ^ HG_MASK(51, 12);
	if (!(w->efer & EFER_NXE))
		bad |= PT_NX;

	table = w->cr3 & addr_mask;
	for (;;) {
		u64 gpa = table + ((linear >> (shift - 3)) & 0xff8);

		if (w->ops->read(w->ctx, gpa, 8, &entry))
			return false;
		if ((entry & (bad | PT_P | PT_A)) != (PT_P | PT_A))
			return false;
		allow &= entry ^ PT_NX;
		if (shift == 12)
			break;
		if (HG_UNLIKELY(entry & (PT_PS | PT_BIT8))) {
			if (shift != 21 || !(entry & PT_PS) ||
			    (entry & HG_MASK(20, 13)))
				return false;
			break;
		}
		table = entry & addr_mask;
		shift -= 9;
	}

	perms = (u32)(allow & (PT_W | PT_U)) >> 1;
	if (allow & PT_NX)
		perms |= HG_PERM_X;
	if ((access & HG_ACC_WRITE) && !(entry & PT_D))
		return false;
	if (check(w, access, perms, entry))
		return false;
	bad = HG_BIT(shift) - 1;
	res->gpa = (entry & addr_mask & ~bad) | (linear & bad);
	res->table_gpa = 0;
	res->error_code = 0;
	res->page_shift = shift;
	res->perms = perms;
	res->level = shift == 12 ? 1 : 2;
	return true;
}

static __attribute__((__noinline__)) enum hg_gwalk_status
walk_any(const struct hg_gwalk *walk, u64 linear, u32 access,
	 struct hg_gwalk_result *res)
{
	enum hg_gwalk_status ret;
	struct shape shape;
	u32 tries, unused;

	res->error_code = 0;
	res->table_gpa = 0;
	if (!(walk->cr0 & CR0_PG)) {
		res->gpa = (u32)linear;
		res->page_shift = 63;
		res->perms = HG_PERM_W | HG_PERM_U | HG_PERM_X;
		res->level = 0;
		return HG_GWALK_OK;
	}

	shape_of(walk, &shape);
	if (walk->efer & EFER_LMA) {
		unused = shape.levels == 5 ? 64 - 57 : 64 - 48;
		if ((u64)((s64)(linear << unused) >> unused) != linear)
			return HG_GWALK_NONCANONICAL;
	} else {
		linear = (u32)linear;
	}

	for (tries = 0; tries < MAX_TRIES; tries++) {
		ret = walk_once(walk, &shape, linear, access, res);
		if (ret != HG_GWALK_RETRY)
			break;
	}
	return ret;
}

enum hg_gwalk_status hg_gwalk(const struct hg_gwalk *walk, u64 linear,
			      u32 access, struct hg_gwalk_result *res)
{
	if (HG_LIKELY((walk->efer & EFER_LMA) && (walk->cr0 & CR0_PG)) &&
	    HG_LIKELY(walk_fast(walk, linear, access, res)))
		return HG_GWALK_OK;
	return walk_any(walk, linear, access, res);
}
