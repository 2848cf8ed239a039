/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256 in counter mode, bitsliced: a v16 holds one bit of the state for 32 blocks,
 * one component for each of the 16 positions of a byte in a block. So SubBytes
 * is a circuit of Boolean operations, and ShiftRows and MixColumns move components.
 * No table, no branch and no address depends on a secret.
 */
#ifndef HG_AES_H
#define HG_AES_H

#include "dialect.h"

#define AES_ROUNDS   14u
#define AES_RK_WORDS (15u * 8u * 16u)
/* Bytes of key stream that one call makes. */
#define AES_GROUP 512u

/* The circuit of Boyar and Peralta for the S-box; q[0] is the lowest bit. */
HG_FN void aes_sub_bytes(v16 *q)
{
	v16 x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4], x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];
	v16 y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5, t0 = x1 ^ x2;
	v16 y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6, y3 = y5 ^ y8;
	v16 t1 = x4 ^ y12, y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ t0;
	v16 y11 = y20 ^ y9, y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11;
	v16 y21 = y13 ^ y16, y18 = x0 ^ y16;
	v16 t2 = y12 & y15, t3 = y3 & y6, t4 = t3 ^ t2, t5 = y4 & x7, t6 = t5 ^ t2;
	v16 t7 = y13 & y16, t8 = y5 & y1, t9 = t8 ^ t7, t10 = y2 & y7, t11 = t10 ^ t7;
	v16 t12 = y9 & y11, t13 = y14 & y17, t14 = t13 ^ t12, t15 = y8 & y10, t16 = t15 ^ t12;
	v16 t17 = t4 ^ t14, t18 = t6 ^ t16, t19 = t9 ^ t14, t20 = t11 ^ t16;
	v16 t21 = t17 ^ y20, t22 = t18 ^ y19, t23 = t19 ^ y21, t24 = t20 ^ y18;
	v16 t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26, t28 = t25 & t27, t29 = t28 ^ t22;
	v16 t30 = t23 ^ t24, t31 = t22 ^ t26, t32 = t31 & t30, t33 = t32 ^ t24, t34 = t23 ^ t33;
	v16 t35 = t27 ^ t33, t36 = t24 & t35, t37 = t36 ^ t34, t38 = t27 ^ t36, t39 = t29 & t38;
	v16 t40 = t25 ^ t39, t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37;
	v16 t45 = t42 ^ t41;
	v16 z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1;
	v16 z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12;
	v16 z10 = t37 & y3, z11 = t33 & y4, z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2;
	v16 z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;
	v16 t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10, t50 = z2 ^ z12;
	v16 t51 = z2 ^ z5, t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7, t55 = z16 ^ z17;
	v16 t56 = z12 ^ t48, t57 = t50 ^ t53, t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57;
	v16 t61 = z14 ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58, t64 = z4 ^ t59, t65 = t61 ^ t62;
	v16 t66 = z1 ^ t63, s3 = t53 ^ t66, t67 = t64 ^ t65;

	q[7] = t59 ^ t63;
	q[1] = ~(t56 ^ t62);
	q[0] = ~(t48 ^ t60);
	q[4] = s3;
	q[3] = t51 ^ t66;
	q[2] = t47 ^ t65;
	q[6] = ~(t64 ^ s3);
	q[5] = ~(t55 ^ t67);
}

#define AES_SHIFT_ROWS(x) HG_SHUFFLE(x, 0, 5, a, f, 4, 9, e, 3, 8, d, 2, 7, c, 1, 6, b)
/* ShiftRows, and each column turned by one. */
#define AES_SHIFT_TURN(x) HG_SHUFFLE(x, 5, a, f, 0, 9, e, 3, 4, d, 2, 7, 8, 1, 6, b, c)
#define AES_TURN_TWO(x)	  HG_SHUFFLE(x, 2, 3, 0, 1, 6, 7, 4, 5, a, b, 8, 9, e, f, c, d)

/* ShiftRows, MixColumns and the round key. With t = a ^ a1: 2t ^ a1 ^ (t turned by two). */
HG_FN void aes_mix(v16 *q, HG_GLOBAL const u32 *rk)
{
	v16 t[8], r[8];
	int i;

	for (i = 0; i < 8; i++) {
		r[i] = AES_SHIFT_TURN(q[i]);
		t[i] = AES_SHIFT_ROWS(q[i]) ^ r[i];
		r[i] = r[i] ^ AES_TURN_TWO(t[i]) ^ HG_LOAD16(rk + 16 * i);
	}
	q[0] = r[0] ^ t[7];
	q[1] = r[1] ^ t[0] ^ t[7];
	q[2] = r[2] ^ t[1];
	q[3] = r[3] ^ t[2] ^ t[7];
	q[4] = r[4] ^ t[3] ^ t[7];
	q[5] = r[5] ^ t[4];
	q[6] = r[6] ^ t[5];
	q[7] = r[7] ^ t[6];
}

/* Swaps the bits of @b under @mask with those of @a @n places higher. */
#define AES_SWAP(a, b, n, mask) \
	do { \
		v16 swap_ = (((a) >> n) ^ (b)) & HG_SPLAT(mask); \
		(b) = (b) ^ swap_; \
		(a) = (a) ^ (swap_ << n); \
	} while (0)

/*
 * From planes to blocks: q[i] becomes the blocks 4i to 4i+3, as they lie in memory.
 * Bit 8b+i of each word of a plane belongs to block 4i+b.
 */
HG_FN void aes_gather(v16 *q)
{
	const v16 even = HG_V16(~0u, 0, ~0u, 0, ~0u, 0, ~0u, 0, ~0u, 0, ~0u, 0, ~0u, 0, ~0u, 0);
	const v16 low = HG_V16(~0u, ~0u, 0, 0, ~0u, ~0u, 0, 0, ~0u, ~0u, 0, 0, ~0u, ~0u, 0, 0);
	int i;

	for (i = 0; i < 8; i += 2)
		AES_SWAP(q[i], q[i + 1], 1, 0x55555555u);
	for (i = 0; i < 8; i += 4) {
		AES_SWAP(q[i], q[i + 2], 2, 0x33333333u);
		AES_SWAP(q[i + 1], q[i + 3], 2, 0x33333333u);
	}
	for (i = 0; i < 4; i++)
		AES_SWAP(q[i], q[i + 4], 4, 0x0f0f0f0fu);
	/* Now byte b of component j is byte j of block b: transpose each 4 by 4 bytes. */
	for (i = 0; i < 8; i++) {
		v16 x = q[i];
		v16 y = HG_SHUFFLE(x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, b, a, d, c, f, e);

		x = (even & ((x & HG_SPLAT(0x00ff00ffu)) | ((y & HG_SPLAT(0x00ff00ffu)) << 8))) |
		    (~even & ((x & HG_SPLAT(0xff00ff00u)) | ((y & HG_SPLAT(0xff00ff00u)) >> 8)));
		y = HG_SHUFFLE(x, 2, 3, 0, 1, 6, 7, 4, 5, a, b, 8, 9, e, f, c, d);
		x = (low & ((x & HG_SPLAT(0x0000ffffu)) | (y << 16))) |
		    (~low & ((x & HG_SPLAT(0xffff0000u)) | (y >> 16)));
		q[i] = HG_SHUFFLE(x, 0, 4, 8, c, 1, 5, 9, d, 2, 6, a, e, 3, 7, b, f);
	}
}

/* 32 blocks as planes, the first round key on them, become ciphertext in the order of memory. */
HG_CALL void aes_rounds(v16 *q, HG_GLOBAL const u32 *rk)
{
	u32 round;
	int i;

	for (round = 1; round < AES_ROUNDS; round++) {
		aes_sub_bytes(q);
		aes_mix(q, rk + 128 * round);
	}
	aes_sub_bytes(q);
	for (i = 0; i < 8; i++)
		q[i] = AES_SHIFT_ROWS(q[i]) ^ HG_LOAD16(rk + 128 * AES_ROUNDS + 16 * i);
	aes_gather(q);
}

/* A block of 16 bytes, each a component; and plane @i of many such blocks. */
#define AES_BLOCK(n0, n1, n2, n3) \
	HG_V16(n0, n0 >> 8, n0 >> 16, n0 >> 24, n1, n1 >> 8, n1 >> 16, n1 >> 24, \
	       n2, n2 >> 8, n2 >> 16, n2 >> 24, (n3) >> 24, (n3) >> 16, (n3) >> 8, n3)
#define AES_PLANE(bytes, i) (HG_SPLAT(0) - (((bytes) >> i) & HG_SPLAT(1)))
/* Of the counters' lowest bytes. */
#define AES_COUNT(mask) HG_V16(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, mask)

/*
 * The key stream of the blocks whose counters are 32 * @group to 32 * @group + 31, in
 * the order of memory. @n0 to @n2 are the nonce, as words of memory.
 */
HG_CALL void aes_keystream(v16 *q, HG_GLOBAL const u32 *rk, u32 n0, u32 n1, u32 n2, u32 group)
{
	v16 bytes = AES_BLOCK(n0, n1, n2, group << 5);
	int i;

	for (i = 0; i < 8; i++)
		q[i] = AES_PLANE(bytes, i) ^ HG_LOAD16(rk + 16 * i);
	q[0] = q[0] ^ AES_COUNT(0xff00ff00u);
	q[1] = q[1] ^ AES_COUNT(0xffff0000u);
	q[2] = q[2] ^ AES_COUNT(0xaaaaaaaau);
	q[3] = q[3] ^ AES_COUNT(0xccccccccu);
	q[4] = q[4] ^ AES_COUNT(0xf0f0f0f0u);
	aes_rounds(q, rk);
}

/*
 * Two key streams from counter 2 on, where data starts: 16 blocks of the nonce @n0, @a1, @a2, then
 * 16 of @n0, @b1, @b2.
 */
HG_CALL void aes_two_streams(v16 *q, HG_GLOBAL const u32 *rk, u32 n0, u32 a1, u32 a2, u32 b1,
			     u32 b2)
{
	v16 a = AES_BLOCK(n0, a1, a2, 0u), b = AES_BLOCK(n0, b1, b2, 0u);
	int i;

	for (i = 0; i < 8; i++)
		q[i] = ((AES_PLANE(a, i) & HG_SPLAT(0x0f0f0f0fu)) |
			(AES_PLANE(b, i) & HG_SPLAT(0xf0f0f0f0u))) ^
		       HG_LOAD16(rk + 16 * i);
	q[0] = q[0] ^ AES_COUNT(0xff00ff00u);
	q[1] = q[1] ^ AES_COUNT(0x0000ffffu);
	q[2] = q[2] ^ AES_COUNT(0x5555aaaau);
	q[3] = q[3] ^ AES_COUNT(0x6666ccccu);
	q[4] = q[4] ^ AES_COUNT(0x88880000u);
	aes_rounds(q, rk);
}

/* SubBytes of the four bytes of a word. */
HG_CALL u32 aes_sub_word(u32 w)
{
	v16 q[8];
	u32 r = 0, j;
	int i;

	for (i = 0; i < 8; i++)
		q[i] = (HG_V16(w, w >> 8, w >> 16, w >> 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) >>
			i) &
		       HG_SPLAT(1);
	aes_sub_bytes(q);
	for (i = 0; i < 8; i++)
		for (j = 0; j < 4; j++)
			r |= (HG_GET(q[i], j) & 1) << (8 * j + i);
	return r;
}

/* @key: 8 words as they lie in memory. @rk: AES_RK_WORDS, each all ones or all zeros. */
HG_CALL void aes_expand(HG_GLOBAL u32 *rk, const u32 *key)
{
	u32 w[60], i, p, rcon = 1;

	for (i = 0; i < 8; i++)
		w[i] = key[i];
	for (i = 8; i < 60; i++) {
		u32 t = w[i - 1];

		if (i % 8 == 0) {
			t = aes_sub_word((t >> 8) | (t << 24)) ^ rcon;
			rcon <<= 1;
		} else if (i % 8 == 4) {
			t = aes_sub_word(t);
		}
		w[i] = w[i - 8] ^ t;
	}
	for (i = 0; i < 240; i++)
		for (p = 0; p < 8; p++)
			rk[128 * (i / 16) + 16 * p + i % 16] =
				0u - ((w[i / 4] >> (8 * (i % 4) + p)) & 1);
}

#endif
