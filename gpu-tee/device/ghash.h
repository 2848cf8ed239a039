/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GHASH in parallel. The blocks are dealt to HG_STRANDS strands; each runs Horner's
 * rule with H^HG_STRANDS, and at the end multiplies by the power of H that its
 * place in the last row still lacks. Zero blocks in front, which change nothing, make
 * the number of blocks a multiple. A product by a fixed element is the sum of its
 * rows under masks: only shifts, AND and XOR, and every address is public.
 *
 * Elements are four words, the first holds the coefficients of x^0 (top bit) to x^31.
 */
#ifndef HG_GHASH_H
#define HG_GHASH_H

#include "dialect.h"

/* One lane computes on vectors; with many lanes each has a strand. */
#if HG_LANES == 1
typedef v16 gvec;
#define GHASH_WIDTH 16u
#define GHASH_SPLAT(x) HG_SPLAT(x)
#define GHASH_SIGN(x)  HG_SIGN(x)
#else
typedef u32 gvec;
#define GHASH_WIDTH 1u
#define GHASH_SPLAT(x) (x)
#define GHASH_SIGN(x)  (0u - ((u32)(x) >> 31))
#endif
#define HG_STRANDS (GHASH_WIDTH * HG_LANES)
/* Strands of any build: it bounds the state's size. */
#define HG_STRANDS_MAX 256u
/* Blocks of a header that are hashed before the data. */
#define GHASH_AAD 3u

struct ghash_key {
	u32 row[128 * 4];		/* H^HG_STRANDS times x^i */
	u32 power[4 * HG_STRANDS_MAX];	/* word w of H^(HG_STRANDS - s) at w * HG_STRANDS + s */
};

HG_FN u32 ghash_swap(u32 x)
{
	return (x << 24) | ((x << 8) & 0xff0000u) | ((x >> 8) & 0xff00u) | (x >> 24);
}

#if HG_LANES == 1
HG_FN v16 ghash_swap16(v16 x)
{
	return (x << 24) | ((x << 8) & HG_SPLAT(0xff0000u)) | ((x >> 8) & HG_SPLAT(0xff00u)) |
	       (x >> 24);
}
#endif

/* v = v * x */
#define GHASH_SHIFT(v, splat, sign) \
	do { \
		(v)[4] = sign((v)[3] << 31) & splat(0xe1000000u); \
		(v)[3] = ((v)[3] >> 1) | ((v)[2] << 31); \
		(v)[2] = ((v)[2] >> 1) | ((v)[1] << 31); \
		(v)[1] = ((v)[1] >> 1) | ((v)[0] << 31); \
		(v)[0] = ((v)[0] >> 1) ^ (v)[4]; \
	} while (0)

/* @a * @b, each component for itself. */
HG_FN void ghash_multiply(gvec *a, const gvec *b)
{
	gvec v[5], z[4];
	u32 i, k, w;

	for (w = 0; w < 4; w++) {
		v[w] = b[w];
		z[w] = GHASH_SPLAT(0);
	}
	for (i = 0; i < 4; i++) {
		gvec bits = a[i];

		for (k = 0; k < 32; k++) {
			gvec mask = GHASH_SIGN(bits);

			bits = bits << 1;
			for (w = 0; w < 4; w++)
				z[w] = z[w] ^ (mask & v[w]);
			GHASH_SHIFT(v, GHASH_SPLAT, GHASH_SIGN);
		}
	}
	for (w = 0; w < 4; w++)
		a[w] = z[w];
}

/* @a times the element whose rows are @row. */
HG_FN void ghash_step(gvec *a, HG_GLOBAL const u32 *row)
{
	gvec z0 = GHASH_SPLAT(0), z1 = z0, z2 = z0, z3 = z0;
	u32 i, k;

	for (i = 0; i < 4; i++) {
		gvec bits = a[i];

		HG_UNROLL
		for (k = 0; k < 32; k++) {
			gvec mask = GHASH_SIGN(bits);

			bits = bits << 1;
			z0 = z0 ^ (mask & GHASH_SPLAT(row[0]));
			z1 = z1 ^ (mask & GHASH_SPLAT(row[1]));
			z2 = z2 ^ (mask & GHASH_SPLAT(row[2]));
			z3 = z3 ^ (mask & GHASH_SPLAT(row[3]));
			row += 4;
		}
	}
	a[0] = z0;
	a[1] = z1;
	a[2] = z2;
	a[3] = z3;
}

#define GHASH_SCALAR(x) (x)
#define GHASH_SCALAR_SIGN(x) (0u - ((u32)(x) >> 31))

HG_FN void ghash_multiply1(u32 *a, const u32 *b)
{
	u32 v[5], z[4] = {0, 0, 0, 0}, i, w;

	for (w = 0; w < 4; w++)
		v[w] = b[w];
	for (i = 0; i < 128; i++) {
		u32 mask = GHASH_SCALAR_SIGN(a[i / 32] << (i % 32));

		for (w = 0; w < 4; w++)
			z[w] ^= mask & v[w];
		GHASH_SHIFT(v, GHASH_SCALAR, GHASH_SCALAR_SIGN);
	}
	for (w = 0; w < 4; w++)
		a[w] = z[w];
}

/* @h: H as four words of memory. */
HG_CALL void ghash_init(HG_GLOBAL struct ghash_key *key, const u32 *h)
{
	u32 base[4], v[5], w, i;

	for (w = 0; w < 4; w++)
		v[w] = base[w] = ghash_swap(h[w]);
	for (i = 1; i <= HG_STRANDS; i++) {
		for (w = 0; w < 4; w++)
			key->power[w * HG_STRANDS + HG_STRANDS - i] = v[w];
		if (i < HG_STRANDS)
			ghash_multiply1(v, base);
	}
	for (i = 0; i < 128; i++) {
		for (w = 0; w < 4; w++)
			key->row[4 * i + w] = v[w];
		GHASH_SHIFT(v, GHASH_SCALAR, GHASH_SCALAR_SIGN);
	}
}

/* Word @w of block @i of a header, of @length bytes of data padded by zeros, and of the lengths. */
HG_FN u32 ghash_word(const u32 *aad, HG_GLOBAL const u32 *data, u32 blocks, u32 length, u32 i,
		     u32 w)
{
	if (i < GHASH_AAD)
		return ghash_swap(aad[4 * i + w]);
	i -= GHASH_AAD;
	if (i < blocks)
		return ghash_swap(data[4 * i + w]);
	return w == 1 ? 8 * 16 * GHASH_AAD : w == 3 ? 8 * length : 0;
}

/*
 * One lane's part of the hash, to be added to those of the others: four words, as in
 * memory. @aad are 12 words, @data is padded by zeros to whole blocks.
 */
HG_CALL void ghash_lane(u32 *sum, HG_GLOBAL const struct ghash_key *key, const u32 *aad,
		      HG_GLOBAL const u32 *data, u32 length, u32 lane)
{
	u32 blocks = (length + 15) / 16, total = GHASH_AAD + blocks + 1;
	u32 pad = (HG_STRANDS - total % HG_STRANDS) % HG_STRANDS, rows = (total + pad) / HG_STRANDS;
	u32 r, w;
	gvec a[4], b[4];
#if HG_LANES == 1
	u32 s;
#endif

	for (w = 0; w < 4; w++)
		a[w] = GHASH_SPLAT(0);
	for (r = 0; r < rows; r++) {
		/* Of this lane's first block in the row; below zero where zeros are in front. */
		int first = (int)(r * HG_STRANDS + lane * GHASH_WIDTH) - (int)pad;

#if HG_LANES == 1
		if (first >= (int)GHASH_AAD && (u32)first + 16 <= GHASH_AAD + blocks) {
			HG_GLOBAL const u32 *p = data + 4 * ((u32)first - GHASH_AAD);
			v16 x0 = HG_LOAD16(p), x1 = HG_LOAD16(p + 16), x2 = HG_LOAD16(p + 32),
			    x3 = HG_LOAD16(p + 48);

			a[0] = a[0] ^ ghash_swap16(HG_DEAL(x0, x1, x2, x3, 0, 4, 8, c));
			a[1] = a[1] ^ ghash_swap16(HG_DEAL(x0, x1, x2, x3, 1, 5, 9, d));
			a[2] = a[2] ^ ghash_swap16(HG_DEAL(x0, x1, x2, x3, 2, 6, a, e));
			a[3] = a[3] ^ ghash_swap16(HG_DEAL(x0, x1, x2, x3, 3, 7, b, f));
		} else {
			for (w = 0; w < 4; w++) {
				u32 x[16];

				for (s = 0; s < 16; s++)
					x[s] = first + (int)s < 0
						       ? 0
						       : ghash_word(aad, data, blocks, length,
								    (u32)first + s, w);
				a[w] = a[w] ^ HG_V16(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7],
						     x[8], x[9], x[10], x[11], x[12], x[13], x[14],
						     x[15]);
			}
		}
#else
		if (first >= 0)
			for (w = 0; w < 4; w++)
				a[w] ^= ghash_word(aad, data, blocks, length, (u32)first, w);
#endif
		if (r + 1 < rows)
			ghash_step(a, key->row);
	}
	for (w = 0; w < 4; w++) {
#if HG_LANES == 1
		b[w] = HG_LOAD16(key->power + 16 * w);
#else
		b[w] = key->power[w * HG_STRANDS + lane];
#endif
	}
	ghash_multiply(a, b);
	for (w = 0; w < 4; w++) {
#if HG_LANES == 1
		u32 x = 0;

		for (s = 0; s < 16; s++)
			x ^= HG_GET(a[w], s);
		sum[w] = ghash_swap(x);
#else
		sum[w] = ghash_swap(a[w]);
#endif
	}
}

#endif
