// SPDX-License-Identifier: GPL-2.0-only
/*
 * See sm3.h.
 */
#ifdef __KERNEL__
#include <linux/types.h>
#endif
#include "sm3.h"

static u32 rotate(u32 x, u32 n)
{
	n %= 32;
	return n ? x << n | x >> (32 - n) : x;
}

static u32 load(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void store(u8 *p, u32 x)
{
	p[0] = (u8)(x >> 24);
	p[1] = (u8)(x >> 16);
	p[2] = (u8)(x >> 8);
	p[3] = (u8)x;
}

/* The message's 16 words become 68. */
static void expand(u32 *w, const u8 *block)
{
	u32 i, x;

	for (i = 0; i < 16; i++)
		w[i] = load(block + 4 * i);
	for (; i < 68; i++) {
		x = w[i - 16] ^ w[i - 9] ^ rotate(w[i - 3], 15);
		x ^= rotate(x, 15) ^ rotate(x, 23);
		w[i] = x ^ rotate(w[i - 13], 7) ^ w[i - 6];
	}
}

/* One of 64 rounds: @v is A to H. */
static void step(u32 *v, const u32 *w, u32 j)
{
	u32 first = rotate(v[0], 12) + v[4] + rotate(j < 16 ? 0x79cc4519 : 0x7a879d8a, j);
	u32 both, choice, t1, t2;

	first = rotate(first, 7);
	if (j < 16) {
		both = v[0] ^ v[1] ^ v[2];
		choice = v[4] ^ v[5] ^ v[6];
	} else {
		both = (v[0] & v[1]) | (v[0] & v[2]) | (v[1] & v[2]);
		choice = (v[4] & v[5]) | (~v[4] & v[6]);
	}
	t1 = both + v[3] + (first ^ rotate(v[0], 12)) + (w[j] ^ w[j + 4]);
	t2 = choice + v[7] + first + w[j];
	v[3] = v[2];
	v[2] = rotate(v[1], 9);
	v[1] = v[0];
	v[0] = t1;
	v[7] = v[6];
	v[6] = rotate(v[5], 19);
	v[5] = v[4];
	v[4] = t2 ^ rotate(t2, 9) ^ rotate(t2, 17);
}

static void compress(struct hgl_sm3 *h)
{
	u32 w[68], v[8], i;

	expand(w, h->block);
	for (i = 0; i < 8; i++)
		v[i] = h->state[i];
	for (i = 0; i < 64; i++)
		step(v, w, i);
	for (i = 0; i < 8; i++)
		h->state[i] ^= v[i];
}

void hgl_sm3_begin(struct hgl_sm3 *h)
{
	static const u32 start[8] = {
		0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
		0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
	};
	u32 i;

	for (i = 0; i < 8; i++)
		h->state[i] = start[i];
	h->length = 0;
}

void hgl_sm3_add(struct hgl_sm3 *h, const void *data, __SIZE_TYPE__ size)
{
	const u8 *byte = data;

	while (size--) {
		h->block[h->length++ % 64] = *byte++;
		if (!(h->length % 64))
			compress(h);
	}
}

void hgl_sm3_end(struct hgl_sm3 *h, u8 *digest)
{
	static const u8 first = 0x80, zero;
	u64 bits = 8 * h->length;
	u8 length[8];
	u32 i;

	store(length, (u32)(bits >> 32));
	store(length + 4, (u32)bits);
	hgl_sm3_add(h, &first, 1);
	while (h->length % 64 != 56)
		hgl_sm3_add(h, &zero, 1);
	hgl_sm3_add(h, length, 8);
	for (i = 0; i < 8; i++)
		store(digest + 4 * i, h->state[i]);
}
