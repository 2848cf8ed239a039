// SPDX-License-Identifier: GPL-2.0-only
/*
 * See scalar.h. Multiplication is Montgomery's, one limb of the second factor at a time;
 * inversion is a power, by Fermat's theorem.
 */
#ifdef __KERNEL__
#include <linux/types.h>
#endif
#include "scalar.h"

#define LIMBS	4

typedef unsigned __int128 wide;

static const struct hgl_scalar order = { {
	0xf3b9cac2fc632551ULL, 0xbce6faada7179e84ULL, 0xffffffffffffffffULL, 0xffffffff00000000ULL,
} };

/* -1 / order modulo 2^64. */
#define ORDER_INVERSE	0xccd1c8aaee00bc4fULL

/* 2^512 modulo the order: takes a number into Montgomery's form. */
static const struct hgl_scalar square = { {
	0x83244c95be79eea2ULL, 0x4699799c49bd6fa6ULL, 0x2845b2392b6bec59ULL, 0x66e12d94f3d95620ULL,
} };

static const struct hgl_scalar one = { { 1 } };

/* r = a - b; returns the borrow. */
static u64 subtract(u64 *r, const u64 *a, const u64 *b)
{
	u64 borrow = 0;
	u32 i;

	for (i = 0; i < LIMBS; i++) {
		wide difference = (wide)a[i] - b[i] - borrow;

		r[i] = (u64)difference;
		borrow = (u64)(difference >> 64) & 1;
	}
	return borrow;
}

/* @a, with bit 256 in @carry, is below twice the order: into its range. */
static void settle(struct hgl_scalar *r, const u64 *a, u64 carry)
{
	u64 less[LIMBS], keep;
	u32 i;

	/* All ones if @a was below the order: then it stays. */
	keep = carry - subtract(less, a, order.limb);
	keep = 0 - (keep >> 63);
	for (i = 0; i < LIMBS; i++)
		r->limb[i] = (a[i] & keep) | (less[i] & ~keep);
}

void hgl_scalar_add(struct hgl_scalar *r, const struct hgl_scalar *a, const struct hgl_scalar *b)
{
	u64 sum[LIMBS], carry = 0;
	u32 i;

	for (i = 0; i < LIMBS; i++) {
		wide next = (wide)a->limb[i] + b->limb[i] + carry;

		sum[i] = (u64)next;
		carry = (u64)(next >> 64);
	}
	settle(r, sum, carry);
}

/* t += a * b; t has two limbs more than a. */
static void accumulate(u64 *t, const u64 *a, u64 b)
{
	wide next = 0;
	u32 i;

	for (i = 0; i < LIMBS; i++) {
		next += (wide)a[i] * b + t[i];
		t[i] = (u64)next;
		next >>= 64;
	}
	next += t[LIMBS];
	t[LIMBS] = (u64)next;
	t[LIMBS + 1] += (u64)(next >> 64);
}

/* a * b / 2^256 */
static void montgomery(struct hgl_scalar *r, const struct hgl_scalar *a,
		       const struct hgl_scalar *b)
{
	u64 t[LIMBS + 2] = { 0 };
	u32 i, j;

	for (i = 0; i < LIMBS; i++) {
		accumulate(t, a->limb, b->limb[i]);
		accumulate(t, order.limb, t[0] * ORDER_INVERSE);
		/* The lowest limb is zero now. */
		for (j = 0; j <= LIMBS; j++)
			t[j] = t[j + 1];
		t[LIMBS + 1] = 0;
	}
	settle(r, t, t[LIMBS]);
}

void hgl_scalar_mul(struct hgl_scalar *r, const struct hgl_scalar *a, const struct hgl_scalar *b)
{
	struct hgl_scalar form;

	montgomery(&form, a, &square);
	montgomery(r, &form, b);
}

void hgl_scalar_invert(struct hgl_scalar *r, const struct hgl_scalar *a)
{
	struct hgl_scalar base, power;
	struct hgl_scalar exponent = order;	/* less 2: no secret */
	u32 i;

	exponent.limb[0] -= 2;
	montgomery(&base, a, &square);
	montgomery(&power, &one, &square);
	for (i = 64 * LIMBS; i--; ) {
		montgomery(&power, &power, &power);
		if (exponent.limb[i / 64] >> i % 64 & 1)
			montgomery(&power, &power, &base);
	}
	montgomery(r, &power, &one);
}

static void from_bytes(u64 *limb, const u8 *bytes)
{
	u32 i;

	for (i = 0; i < LIMBS; i++)
		limb[i] = 0;
	for (i = 0; i < HGL_SCALAR_SIZE; i++)
		limb[LIMBS - 1 - i / 8] = limb[LIMBS - 1 - i / 8] << 8 | bytes[i];
}

void hgl_scalar_reduce(struct hgl_scalar *a, const u8 *bytes)
{
	u64 limb[LIMBS];

	from_bytes(limb, bytes);
	settle(a, limb, 0);
}

bool hgl_scalar_get(struct hgl_scalar *a, const u8 *bytes)
{
	u64 ignored[LIMBS];

	from_bytes(a->limb, bytes);
	return subtract(ignored, a->limb, order.limb) && !hgl_scalar_is_zero(a);
}

void hgl_scalar_put(const struct hgl_scalar *a, u8 *bytes)
{
	u32 i;

	for (i = 0; i < HGL_SCALAR_SIZE; i++)
		bytes[i] = (u8)(a->limb[LIMBS - 1 - i / 8] >> (56 - i % 8 * 8));
}

bool hgl_scalar_is_zero(const struct hgl_scalar *a)
{
	return !(a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]);
}
