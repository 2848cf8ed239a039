/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic modulo a prime of 255 or 256 bits, in Montgomery form, and short
 * straight-line programs of it. Part of the code for the device.
 *
 * All is constant in time: no branch and no address depends on a value. Speed
 * matters little, as a session needs a handful of multiplications of points;
 * the size of the code does, as drivers inline every function. Hence the
 * programs: a formula is a table of steps, and there is one place that
 * multiplies.
 */
#ifndef HG_FE256_H
#define HG_FE256_H

#include "dialect.h"

#define FE_WORDS 8

/* An element: value * 2^256 mod p, always less than p; least significant word first. */
struct fe {
	u32 v[FE_WORDS];
};

struct fe_prime {
	u32 p[FE_WORDS];
	u32 r2[FE_WORDS]; /* 2^512 mod p: the way into Montgomery form */
	u32 one[FE_WORDS]; /* 2^256 mod p */
	u32 n0; /* -p^-1 mod 2^32 */
};

/* a - b -> out; -> the borrow, 0 or 1. */
HG_FN u32 words_sub(u32 *out, const u32 *a, const u32 *b)
{
	u64 t = 0;
	int i;

	for (i = 0; i < FE_WORDS; i++) {
		t = (u64)a[i] - b[i] - t;
		out[i] = (u32)t;
		t = (t >> 32) & 1;
	}
	return (u32)t;
}

/* out = choose ? a : out, without a branch; @choose is 0 or 1. */
HG_FN void words_choose(u32 *out, const u32 *a, u32 choose)
{
	u32 mask = 0u - choose;
	int i;

	for (i = 0; i < FE_WORDS; i++)
		out[i] ^= (out[i] ^ a[i]) & mask;
}

/* @a with the carry @high above it, less than 2p: brings it below p. */
HG_FN void fe_reduce(struct fe *a, u32 high, HG_CPTR struct fe_prime *m)
{
	u32 p[FE_WORDS], less[FE_WORDS], borrow;
	int i;

	for (i = 0; i < FE_WORDS; i++)
		p[i] = m->p[i];
	borrow = words_sub(less, a->v, p);
	words_choose(a->v, less, high | (1u - borrow));
}

HG_FN void fe_add(struct fe *out, const struct fe *a, const struct fe *b,
		  HG_CPTR struct fe_prime *m)
{
	u64 t = 0;
	int i;

	for (i = 0; i < FE_WORDS; i++) {
		t += (u64)a->v[i] + b->v[i];
		out->v[i] = (u32)t;
		t >>= 32;
	}
	fe_reduce(out, (u32)t, m);
}

HG_FN void fe_sub(struct fe *out, const struct fe *a, const struct fe *b,
		  HG_CPTR struct fe_prime *m)
{
	u32 mask = 0u - words_sub(out->v, a->v, b->v);
	u64 t = 0;
	int i;

	for (i = 0; i < FE_WORDS; i++) {
		t += (u64)out->v[i] + (m->p[i] & mask);
		out->v[i] = (u32)t;
		t >>= 32;
	}
}

/* a * b / 2^256 mod p: word by word, each followed by one step of reduction. */
HG_FN void fe_mul(struct fe *out, const struct fe *a, const struct fe *b,
		  HG_CPTR struct fe_prime *m)
{
	u32 t[FE_WORDS + 2];
	struct fe product;
	int i, j;

	for (i = 0; i < FE_WORDS + 2; i++)
		t[i] = 0;
	for (i = 0; i < FE_WORDS; i++) {
		u64 c = 0;
		u32 q;

		for (j = 0; j < FE_WORDS; j++) {
			c += (u64)a->v[j] * b->v[i] + t[j];
			t[j] = (u32)c;
			c >>= 32;
		}
		c += t[FE_WORDS];
		t[FE_WORDS] = (u32)c;
		t[FE_WORDS + 1] = (u32)(c >> 32);

		q = t[0] * m->n0;
		c = ((u64)q * m->p[0] + t[0]) >> 32;
		for (j = 1; j < FE_WORDS; j++) {
			c += (u64)q * m->p[j] + t[j];
			t[j - 1] = (u32)c;
			c >>= 32;
		}
		c += t[FE_WORDS];
		t[FE_WORDS - 1] = (u32)c;
		t[FE_WORDS] = t[FE_WORDS + 1] + (u32)(c >> 32);
	}
	for (i = 0; i < FE_WORDS; i++)
		product.v[i] = t[i];
	fe_reduce(&product, t[FE_WORDS], m);
	*out = product;
}

/* One step of a formula: register @to = register @a, by @op, register @b. */
struct fe_step {
	u8 op, to, a, b;
};

#define FE_ADD 0
#define FE_SUB 1
#define FE_MUL 2

HG_FN void fe_run(struct fe *r, HG_CPTR struct fe_step *s, int steps, HG_CPTR struct fe_prime *m)
{
	int i;

	for (i = 0; i < steps; i++) {
		struct fe a = r[s[i].a], b = r[s[i].b], c;

		if (s[i].op == FE_MUL)
			fe_mul(&c, &a, &b, m);
		else if (s[i].op == FE_ADD)
			fe_add(&c, &a, &b, m);
		else
			fe_sub(&c, &a, &b, m);
		r[s[i].to] = c;
	}
}

/* a^(p-2), which is 1/a; 0 for 0. The exponent is no secret. */
HG_FN void fe_invert(struct fe *out, const struct fe *a, HG_CPTR struct fe_prime *m)
{
	struct fe r;
	u32 e[FE_WORDS], two[FE_WORDS];
	int i;

	for (i = 0; i < FE_WORDS; i++) {
		r.v[i] = m->one[i];
		e[i] = m->p[i];
		two[i] = i ? 0 : 2;
	}
	words_sub(e, e, two);
	for (i = 511; i >= 0; i--) {
		/* Odd i: the square; even i: times a, if the exponent's bit is set. */
		if (i & 1)
			fe_mul(&r, &r, &r, m);
		else if (e[i >> 6] >> (i >> 1 & 31) & 1)
			fe_mul(&r, &r, a, m);
	}
	*out = r;
}

HG_FN void fe_enter(struct fe *a, HG_CPTR struct fe_prime *m)
{
	struct fe r2;
	int i;

	for (i = 0; i < FE_WORDS; i++)
		r2.v[i] = m->r2[i];
	fe_mul(a, a, &r2, m);
}

HG_FN void fe_leave(struct fe *a, HG_CPTR struct fe_prime *m)
{
	struct fe one;
	int i;

	for (i = 0; i < FE_WORDS; i++)
		one.v[i] = i ? 0 : 1;
	fe_mul(a, a, &one, m);
}

/* 1 if all words are zero, without a branch. */
HG_FN u32 words_zero(const u32 *a)
{
	u32 any = 0;
	int i;

	for (i = 0; i < FE_WORDS; i++)
		any |= a[i];
	return 1u - ((any | (0u - any)) >> 31);
}

/* 1 if @a < @b, without a branch. */
HG_FN u32 words_less(const u32 *a, HG_CPTR u32 *b)
{
	u32 c[FE_WORDS], d[FE_WORDS];
	int i;

	for (i = 0; i < FE_WORDS; i++)
		c[i] = b[i];
	return words_sub(d, a, c);
}

HG_FN void words_from_be(u32 *out, const u8 *in)
{
	int i;

	for (i = 0; i < FE_WORDS; i++) {
		const u8 *p = in + 4 * (FE_WORDS - 1 - i);

		out[i] = (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
	}
}

HG_FN void words_to_be(u8 *out, const u32 *in)
{
	int i;

	for (i = 0; i < 32; i++)
		out[i] = (u8)(in[(31 - i) >> 2] >> (8 * ((31 - i) & 3)));
}

HG_FN void words_from_le(u32 *out, const u8 *in)
{
	int i;

	for (i = 0; i < FE_WORDS; i++)
		out[i] = in[4 * i] | (u32)in[4 * i + 1] << 8 | (u32)in[4 * i + 2] << 16 |
			 (u32)in[4 * i + 3] << 24;
}

HG_FN void words_to_le(u8 *out, const u32 *in)
{
	int i;

	for (i = 0; i < 32; i++)
		out[i] = (u8)(in[i >> 2] >> (8 * (i & 3)));
}

#endif
