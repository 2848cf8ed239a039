/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 (RFC 7748) for the device. Scalars and coordinates are little-endian, 32 bytes. */
#ifndef HG_X25519_H
#define HG_X25519_H

#include "fe256.h"

#define X25519_SIZE 32

HG_CONST struct fe_prime x25519_prime = {
	{ 0xffffffed, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
	  0x7fffffff },
	{ 0x000005a4, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
	  0x00000000 },
	{ 0x00000026, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
	  0x00000000 },
	0x286bca1b,
};

/* Registers, by the names of RFC 7748. */
#define RX1		 0
#define RX2		 1
#define RZ2		 2
#define RX3		 3
#define RZ3		 4
#define RA		 5
#define RAA		 6
#define RB		 7
#define RBB		 8
#define RE		 9
#define RC		 10
#define RD		 11
#define R24		 12 /* 121665 */
#define X25519_REGISTERS 13

/* DA ends in RD, CB in RC. */
HG_CONST struct fe_step x25519_step[] = {
	{ FE_ADD, RA, RX2, RZ2 },  { FE_MUL, RAA, RA, RA },   { FE_SUB, RB, RX2, RZ2 },
	{ FE_MUL, RBB, RB, RB },   { FE_SUB, RE, RAA, RBB },  { FE_ADD, RC, RX3, RZ3 },
	{ FE_SUB, RD, RX3, RZ3 },  { FE_MUL, RD, RD, RA },    { FE_MUL, RC, RC, RB },
	{ FE_ADD, RX3, RD, RC },   { FE_MUL, RX3, RX3, RX3 }, { FE_SUB, RZ3, RD, RC },
	{ FE_MUL, RZ3, RZ3, RZ3 }, { FE_MUL, RZ3, RX1, RZ3 }, { FE_MUL, RX2, RAA, RBB },
	{ FE_MUL, RZ2, R24, RE },  { FE_ADD, RZ2, RAA, RZ2 }, { FE_MUL, RZ2, RE, RZ2 },
};

HG_FN void fe_swap(struct fe *a, struct fe *b, u32 swap)
{
	u32 mask = 0u - swap;
	int i;

	for (i = 0; i < FE_WORDS; i++) {
		u32 t = (a->v[i] ^ b->v[i]) & mask;

		a->v[i] ^= t;
		b->v[i] ^= t;
	}
}

/*
 * @scalar times @point, or times the base point when @point is null -> @out.
 * -> 0, or -1 when the result is zero: @point had a small order, and nothing
 * that is derived of it is secret (RFC 7748, section 6.1).
 */
HG_FN int x25519(u8 *out, const u8 *scalar, const u8 *point)
{
	struct fe r[X25519_REGISTERS];
	u32 k[FE_WORDS], swap = 0;
	int i;

	words_from_le(k, scalar);
	k[0] &= 0xfffffff8;
	k[7] = (k[7] & 0x7fffffff) | 0x40000000;

	for (i = 0; i < FE_WORDS; i++) {
		r[RX1].v[i] = i ? 0 : 9;
		r[R24].v[i] = i ? 0 : 121665;
	}
	if (point)
		words_from_le(r[RX1].v, point);
	r[RX1].v[7] &= 0x7fffffff;
	fe_reduce(&r[RX1], 0, &x25519_prime);
	fe_enter(&r[RX1], &x25519_prime);
	fe_enter(&r[R24], &x25519_prime);
	for (i = 0; i < FE_WORDS; i++) {
		r[RX2].v[i] = r[RZ3].v[i] = x25519_prime.one[i];
		r[RZ2].v[i] = 0;
	}
	r[RX3] = r[RX1];
	for (i = 254; i >= 0; i--) {
		u32 bit = k[i >> 5] >> (i & 31) & 1;

		fe_swap(&r[RX2], &r[RX3], swap ^ bit);
		fe_swap(&r[RZ2], &r[RZ3], swap ^ bit);
		swap = bit;
		fe_run(r, x25519_step, (int)(sizeof(x25519_step) / sizeof(x25519_step[0])),
		       &x25519_prime);
	}
	fe_swap(&r[RX2], &r[RX3], swap);
	fe_swap(&r[RZ2], &r[RZ3], swap);
	fe_invert(&r[RZ2], &r[RZ2], &x25519_prime);
	fe_mul(&r[RX2], &r[RX2], &r[RZ2], &x25519_prime);
	fe_leave(&r[RX2], &x25519_prime);
	words_to_le(out, r[RX2].v);
	for (i = 0; i < FE_WORDS; i++)
		k[i] = 0;
	return 0 - (int)words_zero(r[RX2].v);
}

#undef RX1
#undef RX2
#undef RZ2
#undef RX3
#undef RZ3
#undef RA
#undef RAA
#undef RB
#undef RBB
#undef RE
#undef RC
#undef RD
#undef R24

#endif
