/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChaCha20 and Poly1305 (RFC 8439). The stream is made by lanes, on a vector of
 * blocks where there is one lane. Poly1305 is dealt to strands, one a lane, as GHASH is.
 */
#ifndef HG_CHACHA_H
#define HG_CHACHA_H

#include "dialect.h"

#if HG_LANES == 1
typedef v16 cvec;
#define CHACHA_WIDTH 16u
#define CHACHA_SPLAT(x) HG_SPLAT(x)
#else
typedef u32 cvec;
#define CHACHA_WIDTH 1u
#define CHACHA_SPLAT(x) (x)
#endif
#define CHACHA_GROUP (64u * CHACHA_WIDTH)

#define CHACHA_ROL(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define CHACHA_QUARTER(a, b, c, d) \
	do { \
		a = a + b; \
		d = d ^ a; \
		d = CHACHA_ROL(d, 16); \
		c = c + d; \
		b = b ^ c; \
		b = CHACHA_ROL(b, 12); \
		a = a + b; \
		d = d ^ a; \
		d = CHACHA_ROL(d, 8); \
		c = c + d; \
		b = b ^ c; \
		b = CHACHA_ROL(b, 7); \
	} while (0)
#define CHACHA_TWO_ROUNDS(x) \
	do { \
		CHACHA_QUARTER(x[0], x[4], x[8], x[12]); \
		CHACHA_QUARTER(x[1], x[5], x[9], x[13]); \
		CHACHA_QUARTER(x[2], x[6], x[10], x[14]); \
		CHACHA_QUARTER(x[3], x[7], x[11], x[15]); \
		CHACHA_QUARTER(x[0], x[5], x[10], x[15]); \
		CHACHA_QUARTER(x[1], x[6], x[11], x[12]); \
		CHACHA_QUARTER(x[2], x[7], x[8], x[13]); \
		CHACHA_QUARTER(x[3], x[4], x[9], x[14]); \
	} while (0)

/* The words that a block starts from. */
HG_FN u32 chacha_word(HG_GLOBAL const u32 *key, u32 n0, u32 n1, u32 n2, u32 counter, u32 i)
{
	if (i >= 4 && i < 12)
		return key[i - 4];
	switch (i) {
	case 0:
		return 0x61707865u;
	case 1:
		return 0x3320646eu;
	case 2:
		return 0x79622d32u;
	case 3:
		return 0x6b206574u;
	case 12:
		return counter;
	case 13:
		return n0;
	case 14:
		return n1;
	default:
		return n2;
	}
}

/* The first block: its first half is the key of Poly1305. */
HG_CALL void chacha_block0(u32 *out, HG_GLOBAL const u32 *key, u32 n0, u32 n1, u32 n2)
{
	u32 i;

	for (i = 0; i < 16; i++)
		out[i] = chacha_word(key, n0, n1, n2, 0, i);
	for (i = 0; i < 10; i++)
		CHACHA_TWO_ROUNDS(out);
	for (i = 0; i < 16; i++)
		out[i] += chacha_word(key, n0, n1, n2, 0, i);
}

/* CHACHA_GROUP bytes of the stream, from block @group * CHACHA_WIDTH on. */
HG_CALL void chacha_keystream(u32 *out, HG_GLOBAL const u32 *key, u32 n0, u32 n1, u32 n2, u32 group)
{
	cvec x[16];
	u32 i;
#if HG_LANES == 1
	const v16 blocks = HG_V16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	u32 b;
#endif

	for (i = 0; i < 16; i++)
		x[i] = CHACHA_SPLAT(chacha_word(key, n0, n1, n2, group * CHACHA_WIDTH, i));
#if HG_LANES == 1
	x[12] = x[12] + blocks;
#endif
	for (i = 0; i < 10; i++)
		CHACHA_TWO_ROUNDS(x);
	for (i = 0; i < 16; i++)
		x[i] = x[i] + CHACHA_SPLAT(chacha_word(key, n0, n1, n2, group * CHACHA_WIDTH, i));
#if HG_LANES == 1
	x[12] = x[12] + blocks;
	for (i = 0; i < 16; i++)
		for (b = 0; b < 16; b++)
			out[16 * b + i] = HG_GET(x[i], b);
#else
	for (i = 0; i < 16; i++)
		out[i] = x[i];
#endif
}

/* Numbers modulo 2^130 - 5, as five limbs of 26 bits. */
#define POLY_MASK 0x3ffffffu

HG_FN void poly_carry(u32 *h, u64 *d)
{
	u64 c = 0;
	u32 i;

	for (i = 0; i < 5; i++) {
		d[i] += c;
		c = d[i] >> 26;
		h[i] = (u32)d[i] & POLY_MASK;
	}
	c = h[0] + c * 5;
	h[0] = (u32)c & POLY_MASK;
	h[1] += (u32)(c >> 26);
}

HG_FN void poly_multiply(u32 *h, const u32 *r)
{
	u32 s1 = 5 * r[1], s2 = 5 * r[2], s3 = 5 * r[3], s4 = 5 * r[4];
	u64 h0 = h[0], h1 = h[1], h2 = h[2], h3 = h[3], h4 = h[4], d[5];

	d[0] = h0 * r[0] + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
	d[1] = h0 * r[1] + h1 * r[0] + h2 * s4 + h3 * s3 + h4 * s2;
	d[2] = h0 * r[2] + h1 * r[1] + h2 * r[0] + h3 * s4 + h4 * s3;
	d[3] = h0 * r[3] + h1 * r[2] + h2 * r[1] + h3 * r[0] + h4 * s4;
	d[4] = h0 * r[4] + h1 * r[3] + h2 * r[2] + h3 * r[1] + h4 * r[0];
	poly_carry(h, d);
}

/* r, clamped, from the first four words of the key. */
HG_FN void poly_r(u32 *r, const u32 *key)
{
	u32 t0 = key[0] & 0x0fffffffu, t1 = key[1] & 0x0ffffffcu, t2 = key[2] & 0x0ffffffcu,
	    t3 = key[3] & 0x0ffffffcu;

	r[0] = t0 & POLY_MASK;
	r[1] = ((t0 >> 26) | (t1 << 6)) & POLY_MASK;
	r[2] = ((t1 >> 20) | (t2 << 12)) & POLY_MASK;
	r[3] = ((t2 >> 14) | (t3 << 18)) & POLY_MASK;
	r[4] = t3 >> 8;
}

HG_CALL void poly_power(u32 *out, const u32 *r, u32 n)
{
	u32 i, bit;

	for (i = 0; i < 5; i++)
		out[i] = i == 0;
	for (bit = 256; bit; bit >>= 1) {
		poly_multiply(out, out);
		if (n & bit)
			poly_multiply(out, r);
	}
}

/*
 * One lane's part of the sum over a header of 12 words, @length bytes of data padded by
 * zeros, and the lengths. To be added to the other lanes' limb by limb.
 */
HG_CALL void poly_lane(u32 *h, const u32 *key, const u32 *aad, HG_GLOBAL const u32 *data,
		       u32 length, u32 lane)
{
	u32 blocks = (length + 15) / 16, total = 3 + blocks + 1;
	u32 pad = (HG_LANES - total % HG_LANES) % HG_LANES, rows = (total + pad) / HG_LANES;
	u32 r[5], step[5], last[5], i, row;

	poly_r(r, key);
	poly_power(step, r, HG_LANES);
	poly_power(last, r, HG_LANES - lane);
	for (i = 0; i < 5; i++)
		h[i] = 0;
	for (row = 0; row < rows; row++) {
		int b = (int)(row * HG_LANES + lane) - (int)pad;
		u32 w[4];

		if (row)
			poly_multiply(h, step);
		if (b < 0)
			continue;
		if (b < 3) {
			for (i = 0; i < 4; i++)
				w[i] = aad[4 * b + (int)i];
		} else if ((u32)b - 3 < blocks) {
			for (i = 0; i < 4; i++)
				w[i] = data[4 * ((u32)b - 3) + i];
		} else {
			w[0] = 48;
			w[1] = 0;
			w[2] = length;
			w[3] = 0;
		}
		h[0] += w[0] & POLY_MASK;
		h[1] += ((w[0] >> 26) | (w[1] << 6)) & POLY_MASK;
		h[2] += ((w[1] >> 20) | (w[2] << 12)) & POLY_MASK;
		h[3] += ((w[2] >> 14) | (w[3] << 18)) & POLY_MASK;
		h[4] += (w[3] >> 8) | (1u << 24);
	}
	poly_multiply(h, last);
}

/* The tag from the sum of all lanes: reduced, plus the second half of the key. */
HG_CALL void poly_tag(u32 *tag, const u64 *sum, const u32 *key)
{
	u64 d[5], c;
	u32 h[5], g[5], mask, i, k;

	for (i = 0; i < 5; i++)
		d[i] = sum[i];
	for (k = 0; k < 3; k++) {
		poly_carry(h, d);
		for (i = 0; i < 5; i++)
			d[i] = h[i];
	}
	c = 5;
	for (i = 0; i < 5; i++) {
		c += h[i];
		g[i] = (u32)c & POLY_MASK;
		c >>= 26;
	}
	mask = 0u - (u32)(c != 0);
	for (i = 0; i < 5; i++)
		h[i] = (h[i] & ~mask) | (g[i] & mask);
	c = (u64)(h[0] | (h[1] << 26)) + key[4];
	tag[0] = (u32)c;
	c = (c >> 32) + ((h[1] >> 6) | (h[2] << 20)) + (u64)key[5];
	tag[1] = (u32)c;
	c = (c >> 32) + ((h[2] >> 12) | (h[3] << 14)) + (u64)key[6];
	tag[2] = (u32)c;
	c = (c >> 32) + ((h[3] >> 18) | (h[4] << 8)) + (u64)key[7];
	tag[3] = (u32)c;
}

#endif
