// SPDX-License-Identifier: GPL-2.0-only
/*
 * See scalar.h. Multiplication is Montgomery's, one limb of the second factor at a time;
 * inversion is a power, by Fermat's theorem.
 */
#ifdef __KERNEL__
#include <linux/types.h>
#endif
#include "scalar.h"

#define LIMBS	HGL_SCALAR_LIMBS

typedef unsigned __int128 wide;

static const struct hgl_scalar zero, one = { { 1 } };

/*
 * The loops are written for any number of limbs, and compiled for 4 and for 6: unrolled, they cost
 * a third.
 */
#ifdef __clang__
#define UNROLL	/* it does so by itself */
#else
#define UNROLL	_Pragma("GCC unroll 6")
#endif
#define INLINE	static inline __attribute__((always_inline))
#define FOR(m, f, ...) \
	((m)->limbs == 4 ? f(m, __VA_ARGS__, 4) : f(m, __VA_ARGS__, 6))

/* r = a - b; returns the borrow. */
INLINE u64 subtract(u64 *r, const u64 *a, const u64 *b, u32 limbs)
{
	u64 borrow = 0;
	u32 i;

	UNROLL
	for (i = 0; i < limbs; i++) {
		wide difference = (wide)a[i] - b[i] - borrow;

		r[i] = (u64)difference;
		borrow = (u64)(difference >> 64) & 1;
	}
	return borrow;
}

/* @a, with the bit above its limbs in @carry, is below twice the modulus: into its range. */
INLINE void settle(const struct hgl_modulus *m, struct hgl_scalar *r, const u64 *a, u64 carry,
		   u32 limbs)
{
	u64 less[LIMBS], keep;
	u32 i;

	/* All ones if @a was below the modulus: then it stays. */
	keep = carry - subtract(less, a, m->value.limb, limbs);
	keep = 0 - (keep >> 63);
	UNROLL
	for (i = 0; i < limbs; i++)
		r->limb[i] = (a[i] & keep) | (less[i] & ~keep);
	for (; i < LIMBS; i++)
		r->limb[i] = 0;
}

INLINE void add(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		const struct hgl_scalar *b, u32 limbs)
{
	u64 sum[LIMBS], carry = 0;
	u32 i;

	UNROLL
	for (i = 0; i < limbs; i++) {
		wide next = (wide)a->limb[i] + b->limb[i] + carry;

		sum[i] = (u64)next;
		carry = (u64)(next >> 64);
	}
	settle(m, r, sum, carry, limbs);
}

void hgl_scalar_add(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		    const struct hgl_scalar *b)
{
	FOR(m, add, r, a, b);
}

INLINE void sub(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		const struct hgl_scalar *b, u32 limbs)
{
	u64 less[LIMBS], carry = 0, mask;
	u32 i;

	/* All ones if it went below 0: then the modulus is added. */
	mask = 0 - subtract(less, a->limb, b->limb, limbs);
	UNROLL
	for (i = 0; i < limbs; i++) {
		wide next = (wide)less[i] + (m->value.limb[i] & mask) + carry;

		r->limb[i] = (u64)next;
		carry = (u64)(next >> 64);
	}
	for (; i < LIMBS; i++)
		r->limb[i] = 0;
}

void hgl_scalar_sub(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		    const struct hgl_scalar *b)
{
	FOR(m, sub, r, a, b);
}

/* t += a * b; t has two limbs more than a, the last of them 0. */
INLINE void accumulate(u64 *t, const u64 *a, u64 b, u32 limbs)
{
	wide next = 0;
	u32 i;

	UNROLL
	for (i = 0; i < limbs; i++) {
		next += (wide)a[i] * b + t[i];
		t[i] = (u64)next;
		next >>= 64;
	}
	next += t[limbs];
	t[limbs] = (u64)next;
	t[limbs + 1] = (u64)(next >> 64);
}

/* t = (t + the multiple of the modulus that ends with t's lowest limb negated) / 2^64 */
INLINE void fold(const struct hgl_modulus *m, u64 *t, u32 limbs)
{
	u64 factor = t[0] * m->inverse;
	wide next = (wide)m->value.limb[0] * factor + t[0];
	u32 i;

	next >>= 64;
	UNROLL
	for (i = 1; i < limbs; i++) {
		next += (wide)m->value.limb[i] * factor + t[i];
		t[i - 1] = (u64)next;
		next >>= 64;
	}
	next += t[limbs];
	t[limbs - 1] = (u64)next;
	t[limbs] = t[limbs + 1] + (u64)(next >> 64);
}

INLINE void montgomery(const struct hgl_modulus *m, struct hgl_scalar *r,
		       const struct hgl_scalar *a, const struct hgl_scalar *b, u32 limbs)
{
	u64 t[LIMBS + 2] = { 0 };
	u32 i;

	UNROLL
	for (i = 0; i < limbs; i++) {
		accumulate(t, a->limb, b->limb[i], limbs);
		fold(m, t, limbs);
	}
	settle(m, r, t, t[limbs], limbs);
}

void hgl_scalar_montgomery(const struct hgl_modulus *m, struct hgl_scalar *r,
			   const struct hgl_scalar *a, const struct hgl_scalar *b)
{
	FOR(m, montgomery, r, a, b);
}

void hgl_scalar_mul(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		    const struct hgl_scalar *b)
{
	struct hgl_scalar form;

	hgl_scalar_montgomery(m, &form, a, &m->square);
	hgl_scalar_montgomery(m, r, &form, b);
	hgl_wipe(&form, sizeof(form));
}

void hgl_scalar_invert(const struct hgl_modulus *m, struct hgl_scalar *r,
		       const struct hgl_scalar *a)
{
	struct hgl_scalar base, power, exponent = m->value;	/* less 2: no secret */
	u32 i;

	exponent.limb[0] -= 2;
	hgl_scalar_montgomery(m, &base, a, &m->square);
	hgl_scalar_montgomery(m, &power, &one, &m->square);
	for (i = 64 * m->limbs; i--; ) {
		hgl_scalar_montgomery(m, &power, &power, &power);
		if (exponent.limb[i / 64] >> i % 64 & 1)
			hgl_scalar_montgomery(m, &power, &power, &base);
	}
	hgl_scalar_montgomery(m, r, &power, &one);
	hgl_wipe(&base, sizeof(base));
	hgl_wipe(&power, sizeof(power));
}

void hgl_scalar_select(struct hgl_scalar *r, const struct hgl_scalar *a, u64 mask)
{
	u32 i;

	for (i = 0; i < LIMBS; i++)
		r->limb[i] = (a->limb[i] & mask) | (r->limb[i] & ~mask);
}

static void from_bytes(u64 *limb, const u8 *bytes, u32 limbs)
{
	u32 i;

	for (i = 0; i < LIMBS; i++)
		limb[i] = 0;
	for (i = 0; i < 8 * limbs; i++)
		limb[limbs - 1 - i / 8] = limb[limbs - 1 - i / 8] << 8 | bytes[i];
}

void hgl_scalar_reduce(const struct hgl_modulus *m, struct hgl_scalar *a, const u8 *bytes)
{
	u64 limb[LIMBS];

	from_bytes(limb, bytes, m->limbs);
	settle(m, a, limb, 0, m->limbs);
}

bool hgl_scalar_get(const struct hgl_modulus *m, struct hgl_scalar *a, const u8 *bytes)
{
	u64 ignored[LIMBS];

	from_bytes(a->limb, bytes, m->limbs);
	return subtract(ignored, a->limb, m->value.limb, m->limbs) && !hgl_scalar_is_zero(a);
}

void hgl_scalar_put(const struct hgl_modulus *m, const struct hgl_scalar *a, u8 *bytes)
{
	u32 i;

	for (i = 0; i < 8 * m->limbs; i++)
		bytes[i] = (u8)(a->limb[m->limbs - 1 - i / 8] >> (56 - i % 8 * 8));
}

bool hgl_scalar_equal(const struct hgl_scalar *a, const struct hgl_scalar *b)
{
	u64 differ = 0;
	u32 i;

	for (i = 0; i < LIMBS; i++)
		differ |= a->limb[i] ^ b->limb[i];
	return !differ;
}

bool hgl_scalar_is_zero(const struct hgl_scalar *a)
{
	return hgl_scalar_equal(a, &zero);
}
