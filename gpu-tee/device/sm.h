/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4 in counter mode and HMAC-SM3 (GM/T 0002, 0004). SM4's S-box is that of AES
 * between two linear maps, so the bitsliced circuit serves; planes are those of aes.h, but
 * the 16 components are four sets of 32 blocks with the four bytes of one word each.
 */
#ifndef HG_SM_H
#define HG_SM_H

#include "aes.h"

/* Bytes of key stream that one call makes: 128 blocks. */
#define SM4_GROUP 2048u

struct sm_key {
	u32 rk[32];
	u32 mac[4]; /* words of memory */
};

HG_FN void sm4_sub_bytes(v16 *q)
{
	v16 t[8];

	t[0] = ~(q[1] ^ q[2]);
	t[1] = ~(q[0] ^ q[1] ^ q[2] ^ q[4]);
	t[2] = q[1] ^ q[3];
	t[3] = q[0] ^ q[2] ^ q[4] ^ q[5];
	t[4] = q[1] ^ q[3] ^ q[4] ^ q[5];
	t[5] = ~(q[1] ^ q[4] ^ q[5] ^ q[6]);
	t[6] = q[0] ^ q[1] ^ q[3] ^ q[4] ^ q[7];
	t[7] = q[0] ^ q[2] ^ q[3];
	aes_sub_bytes(t);
	q[0] = ~(t[2] ^ t[3] ^ t[4] ^ t[7]);
	q[1] = ~(t[1] ^ t[3] ^ t[4] ^ t[5]);
	q[2] = t[2] ^ t[3] ^ t[7];
	q[3] = ~(t[2] ^ t[6] ^ t[7]);
	q[4] = ~(t[2] ^ t[4] ^ t[5] ^ t[6]);
	q[5] = ~(t[0] ^ t[1] ^ t[6] ^ t[7]);
	q[6] = t[0] ^ t[5] ^ t[6];
	q[7] = t[3] ^ t[5] ^ t[7];
}

#define SM_ROL(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define SM4_BYTES(w) \
	HG_V16((w) >> 24, (w) >> 16, (w) >> 8, (w), (w) >> 24, (w) >> 16, (w) >> 8, (w), \
	       (w) >> 24, (w) >> 16, (w) >> 8, (w), (w) >> 24, (w) >> 16, (w) >> 8, (w))
/* Each word turned left by 8, 16, 24 bits. */
#define SM4_TURN1(x) HG_SHUFFLE(x, 1, 2, 3, 0, 5, 6, 7, 4, 9, a, b, 8, d, e, f, c)
#define SM4_TURN2(x) HG_SHUFFLE(x, 2, 3, 0, 1, 6, 7, 4, 5, a, b, 8, 9, e, f, c, d)
#define SM4_TURN3(x) HG_SHUFFLE(x, 3, 0, 1, 2, 7, 4, 5, 6, b, 8, 9, a, f, c, d, e)

HG_FN u32 sm4_sub_word(u32 w)
{
	v16 q[8], bytes = SM4_BYTES(w);
	u32 r = 0, j;
	int i;

	for (i = 0; i < 8; i++)
		q[i] = (bytes >> i) & HG_SPLAT(1);
	sm4_sub_bytes(q);
	for (i = 0; i < 8; i++)
		for (j = 0; j < 4; j++)
			r |= (HG_GET(q[i], j) & 1) << (24 - 8 * j + (u32)i);
	return r;
}

HG_FN u32 sm_swap(u32 x)
{
	return (x << 24) | ((x << 8) & 0xff0000u) | ((x >> 8) & 0xff00u) | (x >> 24);
}

/* @material: four words of SM4's key, four of the HMAC's. */
HG_CALL void sm_key_set(HG_GLOBAL struct sm_key *key, const u32 *material)
{
	u32 k[4], i, j;

	k[0] = sm_swap(material[0]) ^ 0xa3b1bac6u;
	k[1] = sm_swap(material[1]) ^ 0x56aa3350u;
	k[2] = sm_swap(material[2]) ^ 0x677d9197u;
	k[3] = sm_swap(material[3]) ^ 0xb27022dcu;
	for (i = 0; i < 32; i++) {
		u32 ck = 0, t;

		for (j = 0; j < 4; j++)
			ck = (ck << 8) | (((4 * i + j) * 7) & 255);
		t = sm4_sub_word(k[1] ^ k[2] ^ k[3] ^ ck);
		t = k[0] ^ t ^ SM_ROL(t, 13) ^ SM_ROL(t, 23);
		k[0] = k[1];
		k[1] = k[2];
		k[2] = k[3];
		k[3] = key->rk[i] = t;
	}
	for (i = 0; i < 4; i++)
		key->mac[i] = material[4 + i];
}

/* The key stream of counters 128 * @group on: 512 words. */
HG_CALL void sm4_keystream(u32 *out, HG_GLOBAL const struct sm_key *key, u32 n0, u32 n1, u32 n2,
			 u32 group)
{
	const v16 sets = HG_V16(0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 64, 0, 0, 0, 96);
	const v16 low = HG_V16(0, 0, 0, ~0u, 0, 0, 0, ~0u, 0, 0, 0, ~0u, 0, 0, 0, ~0u);
	v16 x[4][8], bytes[4];
	u32 round, w, s, b;
	int i;

	bytes[0] = SM4_BYTES(sm_swap(n0));
	bytes[1] = SM4_BYTES(sm_swap(n1));
	bytes[2] = SM4_BYTES(sm_swap(n2));
	bytes[3] = SM4_BYTES(group << 7) | sets;
	for (w = 0; w < 4; w++)
		for (i = 0; i < 8; i++)
			x[w][i] = HG_SPLAT(0) - ((bytes[w] >> i) & HG_SPLAT(1));
	/* Bit 8b+i of a word of a plane is block 4i+b of its set. */
	x[3][0] = x[3][0] ^ (low & HG_SPLAT(0xff00ff00u));
	x[3][1] = x[3][1] ^ (low & HG_SPLAT(0xffff0000u));
	x[3][2] = x[3][2] ^ (low & HG_SPLAT(0xaaaaaaaau));
	x[3][3] = x[3][3] ^ (low & HG_SPLAT(0xccccccccu));
	x[3][4] = x[3][4] ^ (low & HG_SPLAT(0xf0f0f0f0u));
	for (round = 0; round < 32; round++) {
		v16 t[8], two, rk = SM4_BYTES(key->rk[round]);

		for (i = 0; i < 8; i++)
			t[i] = x[1][i] ^ x[2][i] ^ x[3][i] ^
			       (HG_SPLAT(0) - ((rk >> i) & HG_SPLAT(1)));
		sm4_sub_bytes(t);
		for (i = 0; i < 8; i++) {
			two = i >= 2 ? t[i - 2] : SM4_TURN1(t[i + 6]);
			two = x[0][i] ^ t[i] ^ SM4_TURN3(t[i]) ^ two ^ SM4_TURN1(two) ^
			      SM4_TURN2(two);
			x[0][i] = x[1][i];
			x[1][i] = x[2][i];
			x[2][i] = x[3][i];
			x[3][i] = two;
		}
	}
	for (w = 0; w < 4; w++) {
		aes_gather(x[3 - w]);
		for (i = 0; i < 8; i++)
			for (s = 0; s < 4; s++)
				for (b = 0; b < 4; b++)
					out[4 * (32 * s + 4 * (u32)i + b) + w] =
						HG_GET(x[3 - w][i], 4 * b + s);
	}
}

HG_CALL void sm3_compress(u32 *v, u32 *w)
{
	u32 a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7], j;

	for (j = 0; j < 64; j++) {
		u32 t = j < 16 ? 0x79cc4519u : 0x7a879d8au, turn = j % 32;
		u32 r12 = SM_ROL(a, 12), word = w[j % 16], four, ss1, tt1, tt2, next;

		/* w[j % 16] is used for the last time; word j + 16 takes its place. */
		next = word ^ w[(j + 7) % 16] ^ SM_ROL(w[(j + 13) % 16], 15);
		next = next ^ SM_ROL(next, 15) ^ SM_ROL(next, 23);
		next ^= SM_ROL(w[(j + 3) % 16], 7) ^ w[(j + 10) % 16];
		four = w[(j + 4) % 16];
		w[j % 16] = next;
		t = turn ? SM_ROL(t, turn) : t;
		ss1 = r12 + e + t;
		ss1 = SM_ROL(ss1, 7);
		tt1 = (j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c)) + d + (ss1 ^ r12) +
		      (word ^ four);
		tt2 = (j < 16 ? e ^ f ^ g : (e & f) | (~e & g)) + h + ss1 + word;
		d = c;
		c = SM_ROL(b, 9);
		b = a;
		a = tt1;
		h = g;
		g = SM_ROL(f, 19);
		f = e;
		e = tt2 ^ SM_ROL(tt2, 9) ^ SM_ROL(tt2, 17);
	}
	v[0] ^= a;
	v[1] ^= b;
	v[2] ^= c;
	v[3] ^= d;
	v[4] ^= e;
	v[5] ^= f;
	v[6] ^= g;
	v[7] ^= h;
}

HG_FN void sm3_start(u32 *v, HG_GLOBAL const struct sm_key *key, u32 pad)
{
	u32 w[16], i;

	v[0] = 0x7380166f;
	v[1] = 0x4914b2b9;
	v[2] = 0x172442d7;
	v[3] = 0xda8a0600;
	v[4] = 0xa96f30bc;
	v[5] = 0x163138aa;
	v[6] = 0xe38dee4d;
	v[7] = 0xb0fb0e4e;
	for (i = 0; i < 16; i++)
		w[i] = (i < 4 ? sm_swap(key->mac[i]) : 0) ^ pad;
	sm3_compress(v, w);
}

/* HMAC-SM3 over 12 words of header and @length bytes, cut to 16 bytes. @data is padded by zeros. */
HG_CALL void sm_tag(u32 *tag, HG_GLOBAL const struct sm_key *key, const u32 *head,
		  HG_GLOBAL const u32 *data, u32 length)
{
	u32 v[8], o[8], w[16], total = 48 + length, blocks = (total + 9 + 63) / 64, b, i;

	sm3_start(v, key, 0x36363636u);
	for (b = 0; b < blocks; b++) {
		for (i = 0; i < 16; i++) {
			u32 at = 16 * b + i;

			w[i] = at < 12 ? sm_swap(head[at]) :
			       4 * at < total ? sm_swap(data[at - 12]) : 0;
			if (at == total / 4)
				w[i] |= 0x80000000u >> (8 * (total % 4));
		}
		if (b == blocks - 1)
			w[15] = (64 + total) * 8;
		sm3_compress(v, w);
	}
	sm3_start(o, key, 0x5c5c5c5cu);
	for (i = 0; i < 16; i++)
		w[i] = i < 8 ? v[i] : 0;
	w[8] = 0x80000000u;
	w[15] = (64 + 32) * 8;
	sm3_compress(o, w);
	for (i = 0; i < 4; i++)
		tag[i] = sm_swap(o[i]);
}

#endif
