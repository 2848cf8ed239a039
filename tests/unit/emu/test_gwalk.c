// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page walker against a reference: for every paging mode, tables with
 * random permission, reserved and page-size bits are walked with every kind
 * of access under random control bits, and an independent, table-by-table
 * transcription of the manuals must agree on address, fault and error code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "machine.h"

#define FRAMES	16

enum paging { UNPAGED, LEGACY, PAE, FOUR, FIVE, NR_PAGING };

struct guest {
	u64 table[FRAMES][512];
	bool unreadable[FRAMES];
	u32 reads, updates;
	u32 races;		/* updates to refuse because "it changed" */
	bool update_fails;
};

static struct guest g;
static u64 seed = 0xdeadbeefcafef00dull;

static u64 rnd(u64 n)
{
	return (test_random(&seed) >> 20) % n;
}

static int op_read(void *ctx, u64 gpa, u32 size, u64 *value)
{
	struct guest *guest = ctx;
	u64 frame = gpa / 4096;

	assert_true(size == 4 || size == 8);
	assert_int_equal(gpa % size, 0);
	guest->reads++;
	if (frame >= FRAMES || guest->unreadable[frame])
		return -1;
	*value = 0;
	memcpy(value, (u8 *)guest->table[frame] + gpa % 4096, size);
	return 0;
}

static int op_update(void *ctx, u64 gpa, u32 size, u64 old, u64 value)
{
	struct guest *guest = ctx;
	u8 *p = (u8 *)guest->table[gpa / 4096] + gpa % 4096;

	guest->updates++;
	if (guest->update_fails)
		return -1;
	if (guest->races) {
		guest->races--;
		return 1;
	}
	if (memcmp(p, &old, size))
		return 1;
	memcpy(p, &value, size);
	return 0;
}

static const struct hg_gwalk_ops ops = { op_read, op_update };

static struct hg_gwalk walker(enum paging mode)
{
	struct hg_gwalk w = {
		.cr0 = mode == UNPAGED ? 1 : 0x80000001,
		.maxphyaddr = 40,
		.features = HG_GWALK_GBPAGES,
		.ops = &ops,
		.ctx = &g,
	};

	if (mode >= PAE)
		w.cr4 |= 1 << 5;
	if (mode >= FOUR)
		w.efer = 0x500;
	if (mode == FIVE)
		w.cr4 |= 1 << 12;
	return w;
}

/* One step of the reference: level, entry, is it a large page? */
struct ref_step {
	u64 entry;
	u64 gpa;
	int level;
	bool leaf;
};

struct ref {
	enum hg_gwalk_status status;
	u32 error;
	u64 gpa;
	int shift;
	bool w, u, x;
	struct ref_step step[5];
	int steps;
};

static bool bit(u64 v, int n)
{
	return (v >> n) & 1;
}

/* Any of bits hi..lo set? */
static bool any(u64 v, int hi, int lo)
{
	int i;

	for (i = lo; i <= hi; i++)
		if (bit(v, i))
			return true;
	return false;
}

static bool ref_reserved(const struct hg_gwalk *w, enum paging mode, int level, u64 e, bool leaf)
{
	int maxphy = w->maxphyaddr;

	if (mode == LEGACY) {
		if (!leaf || level == 1)
			return false;
		/* PSE-36: 20:13 are 39:32 */
		return bit(e, 21) || (maxphy < 40 && any(e, 20, maxphy - 19));
	}
	if (maxphy < 52 && any(e & ~w->enc_mask, 51, maxphy))
		return true;
	if (!bit(w->efer, 11) && bit(e, 63))
		return true;
	if (mode == PAE) {
		if (any(e, 62, 52))
			return true;
		if (level == 3)
			return bit(e, 63) || any(e, 2, 1) || any(e, 8, 5);
	}
	if (level >= 4)
		return bit(e, 7) || ((w->features & HG_GWALK_BIT8_MBZ) && bit(e, 8));
	if (level == 3 && !leaf)
		return (w->features & HG_GWALK_BIT8_MBZ) && bit(e, 8);
	if (level == 3)
		return any(e, 29, 13) || !(w->features & HG_GWALK_GBPAGES);
	if (level == 2 && leaf)
		return any(e, 20, 13);
	return false;
}

static bool ref_leaf(const struct hg_gwalk *w, enum paging mode, int level, u64 e)
{
	switch (level) {
	case 1:
		return true;
	case 2:
		return bit(e, 7) && (mode != LEGACY || bit(w->cr4, 4));
	case 3:
		return bit(e, 7) && mode != PAE;
	default:
		return false;
	}
}

static void ref_fault(const struct hg_gwalk *w, u32 access, u32 cause, struct ref *r)
{
	bool user = (access & HG_ACC_USER) && !(access & HG_ACC_IMPLICIT);
	bool write = access & (HG_ACC_WRITE | HG_ACC_RMW);

	r->status = HG_GWALK_FAULT;
	r->error = cause | (write ? 2 : 0) | (user ? 4 : 0);
	if ((access & HG_ACC_FETCH) &&
	    ((bit(w->cr4, 5) && bit(w->efer, 11)) || bit(w->cr4, 20)))
		r->error |= 16;
}

static void ref_permissions(const struct hg_gwalk *w, enum paging mode, u32 access, struct ref *r,
			    u64 leaf)
{
	bool user = (access & HG_ACC_USER) && !(access & HG_ACC_IMPLICIT);
	bool write = access & (HG_ACC_WRITE | HG_ACC_RMW), fetch = access & HG_ACC_FETCH;
	bool wp = bit(w->cr0, 16), deny = false, pk = false;

	/* SDM 4.6.1, in its order: supervisor first. */
	if (!user) {
		if (!fetch && r->u && bit(w->cr4, 21) &&
		    ((access & HG_ACC_IMPLICIT) || !bit(w->rflags, 18)))
			deny = true;
		if (write && !r->w && wp)
			deny = true;
		if (fetch && (!r->x || (r->u && bit(w->cr4, 20))))
			deny = true;
	} else {
		if (!r->u || (write && !r->w) || (fetch && !r->x))
			deny = true;
	}
	/* SDM 4.6.2, protection keys */
	if (bit(w->cr4, 22) && mode >= FOUR && r->u && !fetch) {
		int key = (leaf >> 59) & 15;

		if (bit(w->pkru, 2 * key))
			pk = true;
		if (write && bit(w->pkru, 2 * key + 1) && (user || wp))
			pk = true;
	}
	if (deny || pk)
		ref_fault(w, access, 1 | (pk ? 0x20 : 0), r);
}

static void ref_walk(const struct hg_gwalk *w, enum paging mode, u64 linear, u32 access,
		     struct ref *r)
{
	static const int top[] = { 0, 2, 3, 4, 5 };
	int level, index_bits = mode == LEGACY ? 10 : 9, size = mode == LEGACY ? 4 : 8;
	u64 table, phys = (1ull << w->maxphyaddr) - 1, entry = 0;

	memset(r, 0, sizeof(*r));
	if (mode < FOUR)
		linear &= 0xffffffff;
	r->w = r->u = r->x = true;
	if (mode == UNPAGED) {
		r->gpa = linear;
		r->shift = 63;
		return;
	}
	if (mode >= FOUR) {
		int va = mode == FIVE ? 57 : 48, i;

		for (i = va; i < 64; i++)
			if (bit(linear, i) != bit(linear, va - 1)) {
				r->status = HG_GWALK_NONCANONICAL;
				return;
			}
	}
	table = mode == LEGACY ? w->cr3 & 0xfffff000 : mode == PAE ? w->cr3 & 0xffffffe0 :
		w->cr3 & (phys | w->enc_mask) & 0xffffffffff000ull;
	for (level = top[mode]; ; level--) {
		int shift = 12 + index_bits * (level - 1);
		u64 index = (linear >> shift) & ((1 << index_bits) - 1);
		struct ref_step *s = &r->step[r->steps++];
		bool leaf;

		if (mode == PAE && level == 3)
			index &= 3;
		s->gpa = table + index * size;
		s->level = level;
		if (s->gpa / 4096 >= FRAMES || g.unreadable[s->gpa / 4096]) {
			r->status = HG_GWALK_UNREADABLE;
			r->gpa = s->gpa;
			return;
		}
		entry = 0;
		memcpy(&entry, (u8 *)g.table[s->gpa / 4096] + s->gpa % 4096, size);
		s->entry = entry;
		if (!bit(entry, 0)) {
			ref_fault(w, access, 0, r);
			return;
		}
		leaf = s->leaf = ref_leaf(w, mode, level, entry);
		if (ref_reserved(w, mode, level, entry, leaf)) {
			ref_fault(w, access, 1 | 8, r);
			return;
		}
		if (!(mode == PAE && level == 3)) {
			r->w &= bit(entry, 1);
			r->u &= bit(entry, 2);
			if (mode != LEGACY)
				r->x &= !bit(entry, 63);
		}
		if (leaf) {
			u64 base = entry & (phys | w->enc_mask) & 0xffffffffff000ull;

			if (mode == LEGACY)
				base = entry & 0xfffff000;
			if (mode == LEGACY && level == 2)
				base = (entry & 0xffc00000) | ((entry >> 13) & 0xff) << 32;
			r->shift = shift;
			base &= ~((1ull << shift) - 1);
			r->gpa = base | (linear & ((1ull << shift) - 1));
			break;
		}
		table = mode == LEGACY ? entry & 0xfffff000 :
			entry & (phys | w->enc_mask) & 0xffffffffff000ull;
	}
	ref_permissions(w, mode, access, r, entry);
}

/* Mostly sane entries, each oddity with a small chance. */
static u64 random_entry(enum paging mode, int level)
{
	u64 e = 1 | 2 | 4 | rnd(FRAMES) << 12;

	if (level == 1 || rnd(4) == 0)
		e |= rnd(1 << 20) << 12;
	if (rnd(8) == 0)
		e &= ~2ull;
	if (rnd(8) == 0)
		e &= ~4ull;
	if (rnd(25) == 0)
		e &= ~1ull;
	if (level >= 2 && rnd(level > 3 ? 30 : 4) == 0) {
		e |= 0x80;
		if (rnd(3)) {
			int shift = mode == LEGACY ? 22 : level == 2 ? 21 : 30;

			e &= ~(((1ull << shift) - 1) & ~0xfffull);
			e |= rnd(64) << shift;
		}
	}
	e |= rnd(2) << 5 | rnd(2) << 6;
	if (rnd(20) == 0)
		e |= 0x100;
	if (mode == LEGACY)
		return (u32)e;
	if (mode == PAE && level == 3 && rnd(20))
		e &= ~0x1e6ull;
	if (rnd(10) == 0)
		e |= 1ull << 63;
	if (rnd(30) == 0)
		e |= 1ull << (36 + rnd(16));
	if (rnd(mode == PAE ? 30 : 5) == 0)
		e |= 1ull << (52 + rnd(11));
	if (rnd(3) == 0 && mode >= FOUR)
		e |= rnd(16) << 59;
	return e;
}

static void check_ad(enum paging mode, const struct ref *r, u32 access, bool allowed, int size)
{
	int i, j;

	for (i = 0; i < r->steps; i++) {
		u64 now = 0, want = r->step[i].entry;

		memcpy(&now, (u8 *)g.table[r->step[i].gpa / 4096] + r->step[i].gpa % 4096, size);
		/* Tables that point at themselves use an entry at two levels. */
		for (j = 0; j < r->steps; j++) {
			const struct ref_step *s = &r->step[j];

			if (!allowed || s->gpa != r->step[i].gpa || (mode == PAE && s->level == 3))
				continue;
			want |= 0x20;
			if (s->leaf && (access & HG_ACC_WRITE))
				want |= 0x40;
		}
		assert_int_equal(now, want);
	}
}

static u32 seen[NR_PAGING][5];

static void one_random(enum paging mode)
{
	static const u32 kinds[] = {
		0, HG_ACC_WRITE, HG_ACC_RMW, HG_ACC_FETCH,
	};
	struct hg_gwalk w = walker(mode);
	struct hg_gwalk_result res;
	enum hg_gwalk_status status;
	u64 linear, canon = 0;
	struct ref r;
	u32 access;
	int i, j;

	/* A few entries per table; the address picks among them. */
	for (i = 0; i < FRAMES; i++) {
		g.unreadable[i] = rnd(40) == 0;
		for (j = 0; j < 512; j++)
			g.table[i][j] = 0;
	}
	w.cr3 = rnd(FRAMES) << 12;
	if (rnd(10) == 0)
		w.cr3 |= 0x18;		/* PCD, PWT: not part of the address */
	if (mode == PAE && rnd(2))
		w.cr3 |= rnd(128) << 5;
	if (rnd(3))
		w.efer |= 0x800;
	if (rnd(2))
		w.cr0 |= 1 << 16;
	w.cr4 |= rnd(2) << 4 | rnd(2) << 20 | rnd(2) << 21 | (rnd(3) == 0 ? 1 << 22 : 0);
	w.rflags = rnd(2) << 18;
	w.pkru = (u32)test_random(&seed);
	w.maxphyaddr = 36 + (u8)rnd(17);
	w.features = (u8)rnd(4);
	if (rnd(4) == 0)
		w.enc_mask = 1ull << 47;
	access = kinds[rnd(4)] | (rnd(2) ? HG_ACC_USER : 0) | (rnd(5) ? 0 : HG_ACC_IMPLICIT);

	linear = test_random(&seed);
	if (mode >= FOUR && rnd(20)) {
		int unused = mode == FIVE ? 7 : 16;

		linear = (u64)((s64)(linear << unused) >> unused);
	}
	canon = mode < FOUR ? (u32)linear : linear;
	/* Fill the entry that each table would be asked for at each level. */
	for (i = 0; i < FRAMES; i++) {
		int level;

		for (level = 1; level <= 5; level++) {
			int bits = mode == LEGACY ? 10 : 9, shift = 12 + bits * (level - 1);
			u64 index = (canon >> shift) & ((1 << bits) - 1), e;

			if (mode == PAE && level == 3)
				index = (index & 3) + (w.cr3 & 0xfe0) / 8;
			e = random_entry(mode, level);
			if (mode == LEGACY)
				((u32 *)g.table[i])[index] = (u32)e;
			else
				g.table[i][index % 512] = e;
		}
	}

	ref_walk(&w, mode, linear, access, &r);
	status = hg_gwalk(&w, linear, access, &res);
	assert_int_equal(status, r.status);
	seen[mode][status]++;
	switch (status) {
	case HG_GWALK_OK:
		assert_int_equal(res.gpa, r.gpa);
		assert_int_equal(res.page_shift, r.shift);
		assert_int_equal(res.perms, (r.w ? HG_PERM_W : 0) | (r.u ? HG_PERM_U : 0) |
				 (r.x ? HG_PERM_X : 0));
		break;
	case HG_GWALK_FAULT:
		assert_int_equal(res.error_code, r.error);
		break;
	case HG_GWALK_UNREADABLE:
		assert_int_equal(res.table_gpa, r.gpa);
		break;
	default:
		break;
	}
	if (status != HG_GWALK_UNREADABLE)
		check_ad(mode, &r, access, status == HG_GWALK_OK, mode == LEGACY ? 4 : 8);
}

static u32 rounds = 10000;

static void test_reference(void **state)
{
	u32 mode, i;

	(void)state;
	for (mode = 0; mode < NR_PAGING; mode++)
		for (i = 0; i < rounds; i++)
			one_random(mode);
	/* The oracle is worth nothing if hardly anything got through. */
	for (mode = LEGACY; mode < NR_PAGING; mode++) {
		assert_true(seen[mode][HG_GWALK_OK] > rounds / 50);
		assert_true(seen[mode][HG_GWALK_FAULT] > rounds / 10);
		assert_true(seen[mode][HG_GWALK_UNREADABLE] > rounds / 200);
	}
}

/* A 4-level mapping of linear address 0 with the given leaf. */
static struct hg_gwalk simple(u64 leaf)
{
	memset(&g, 0, sizeof(g));
	g.table[0][0] = 0x1027;
	g.table[1][0] = 0x2027;
	g.table[2][0] = 0x3027;
	g.table[3][0] = leaf;
	return walker(FOUR);
}

static void test_dirty_only_for_writes(void **state)
{
	struct hg_gwalk w = simple(0xabcd007);
	struct hg_gwalk_result res;

	(void)state;
	assert_int_equal(hg_gwalk(&w, 0x123, HG_ACC_READ, &res), HG_GWALK_OK);
	assert_int_equal(res.gpa, 0xabcd123);
	assert_int_equal(g.table[3][0], 0xabcd027);
	assert_int_equal(hg_gwalk(&w, 0x123, HG_ACC_RMW, &res), HG_GWALK_OK);
	assert_int_equal(g.table[3][0], 0xabcd027);
	assert_int_equal(hg_gwalk(&w, 0x123, HG_ACC_WRITE, &res), HG_GWALK_OK);
	assert_int_equal(g.table[3][0], 0xabcd067);
	assert_int_equal(g.updates, 2);
	/* All set: the tables are left alone. */
	assert_int_equal(hg_gwalk(&w, 0x123, HG_ACC_WRITE, &res), HG_GWALK_OK);
	assert_int_equal(g.updates, 2);
}

static void test_no_ad(void **state)
{
	static const struct hg_gwalk_ops readonly = { op_read, NULL };
	struct hg_gwalk w = simple(0xabcd007);
	struct hg_gwalk_result res;

	(void)state;
	w.features |= HG_GWALK_NO_AD;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_WRITE, &res), HG_GWALK_OK);
	assert_int_equal(g.table[3][0], 0xabcd007);
	w.features &= ~HG_GWALK_NO_AD;
	w.ops = &readonly;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_WRITE, &res), HG_GWALK_OK);
	assert_int_equal(g.table[3][0], 0xabcd007);
	assert_int_equal(g.updates, 0);
}

static void test_fault_leaves_no_trace(void **state)
{
	struct hg_gwalk w = simple(0xabcd003);	/* supervisor */
	struct hg_gwalk_result res;

	(void)state;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_USER | HG_ACC_WRITE, &res), HG_GWALK_FAULT);
	assert_int_equal(res.error_code, HG_PFEC_P | HG_PFEC_U | HG_PFEC_W);
	assert_int_equal(g.updates, 0);
	assert_int_equal(g.table[3][0], 0xabcd003);
}

static void test_races(void **state)
{
	struct hg_gwalk w = simple(0xabcd007);
	struct hg_gwalk_result res;

	(void)state;
	g.races = 2;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_READ, &res), HG_GWALK_OK);
	assert_int_equal(g.table[3][0], 0xabcd027);
	g.table[3][0] = 0xabcd007;
	g.races = 1000;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_READ, &res), HG_GWALK_RETRY);
	assert_true(g.updates < 20);
	g.races = 0;
	g.update_fails = true;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_READ, &res), HG_GWALK_UNREADABLE);
	assert_int_equal(res.table_gpa, 0x3000);
}

static void test_unreadable_table(void **state)
{
	struct hg_gwalk w = simple(0xabcd007);
	struct hg_gwalk_result res;

	(void)state;
	g.unreadable[2] = true;
	assert_int_equal(hg_gwalk(&w, 0, HG_ACC_READ, &res), HG_GWALK_UNREADABLE);
	assert_int_equal(res.table_gpa, 0x2000);
	assert_int_equal(res.level, 2);
}

static void test_encryption_bit_is_kept(void **state)
{
	struct hg_gwalk w = simple(1ull << 47 | 0xabcd067);
	struct hg_gwalk_result res;

	(void)state;
	assert_int_equal(hg_gwalk(&w, 0x10, HG_ACC_READ, &res), HG_GWALK_FAULT);
	assert_int_equal(res.error_code, HG_PFEC_P | HG_PFEC_RSVD);
	w.enc_mask = 1ull << 47;
	assert_int_equal(hg_gwalk(&w, 0x10, HG_ACC_READ, &res), HG_GWALK_OK);
	assert_int_equal(res.gpa, 1ull << 47 | 0xabcd010);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_dirty_only_for_writes),
		cmocka_unit_test(test_no_ad),
		cmocka_unit_test(test_fault_leaves_no_trace),
		cmocka_unit_test(test_races),
		cmocka_unit_test(test_unreadable_table),
		cmocka_unit_test(test_encryption_bit_is_kept),
	};

	if (argc > 1)
		rounds = (u32)strtoul(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
