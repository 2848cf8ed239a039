/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaves of a fold: the SHA-256 of what counts of each entry of the log, which
 * hg_entry_first() in source/expect.h tells. Of many lanes each takes an entry; a single one
 * takes 16 at a time, in the components of its vectors.
 */
#ifndef HG_LEAF_H
#define HG_LEAF_H

#include "state.h"

/* Words of an entry that count, at most, with those that end a message; in whole blocks. */
#define LEAF_HEAD   26u
#define LEAF_BLOCKS ((LEAF_HEAD + HG_LAUNCH_WORDS + 2u * HG_LAUNCH_POINTERS + 3u + 15u) / 16u)
/* Messages side by side: word k of message i is m[LEAF_SIDE * k + i]. */
#if HG_LANES == 1
#define LEAF_SIDE 16u
#else
#define LEAF_SIDE 1u
#endif

HG_FN void leaf_long(u32 *m, u32 k, u64 x)
{
	m[LEAF_SIDE * k] = (u32)x;
	m[LEAF_SIDE * (k + 1)] = (u32)(x >> 32);
}

/* The entry as a message, with its end; @m is zero before. -> blocks */
HG_FN u32 leaf_message(u32 *m, HG_GLOBAL const struct hg_launch_entry *e)
{
	u32 words = e->words, pointers = e->pointers, all, blocks, i;

	words = words < HG_LAUNCH_WORDS ? words : HG_LAUNCH_WORDS;
	pointers = pointers < HG_LAUNCH_POINTERS ? pointers : HG_LAUNCH_POINTERS;
	leaf_long(m, 0, e->sequence);
	leaf_long(m, 2, e->program);
	leaf_long(m, 4, e->number | (u64)e->dimensions << 32);
	for (i = 0; i < 3; i++) {
		leaf_long(m, 6 + 2 * i, e->global_size[i]);
		leaf_long(m, 12 + 2 * i, e->global_offset[i]);
		leaf_long(m, 18 + 2 * i, e->local_size[i]);
	}
	leaf_long(m, 24, words | (u64)pointers << 32);
	for (i = 0; i < words; i++)
		m[LEAF_SIDE * (LEAF_HEAD + i)] = e->argument[i];
	for (i = 0; i < pointers; i++)
		leaf_long(m, LEAF_HEAD + words + 2 * i, e->pointer[i]);
	all = LEAF_HEAD + words + 2 * pointers;
	blocks = (all + 3 + 15) / 16;
	m[LEAF_SIDE * all] = 0x80;
	m[LEAF_SIDE * (16 * blocks - 1)] = ghash_swap(32 * all);
	return blocks;
}

#if HG_LANES == 1

/* sha256_compress() of 16 messages; @w are words as they lie in memory. */
HG_CALL void leaf_compress(v16 *h, const u32 *m)
{
	v16 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
	v16 w[16];
	u32 r, i;

	for (i = 0; i < 16; i++)
		w[i] = ghash_swap16(HG_LOAD16(m + 16 * i));
	for (r = 0; r < 64; r += 16) {
		HG_UNROLL
		for (i = 0; i < 16; i++) {
			v16 t1, t2;

			if (r) {
				v16 x = w[(i + 1) % 16], y = w[(i + 14) % 16];

				w[i] = w[i] + SHA256_SMALL_0(x) + w[(i + 9) % 16] +
				       SHA256_SMALL_1(y);
			}
			t1 = k + SHA256_BIG_1(e) + SHA256_CH(e, f, g) +
			     HG_SPLAT(sha256_k[r + i]) + w[i];
			t2 = SHA256_BIG_0(a) + SHA256_MAJ(a, b, c);
			k = g;
			g = f;
			f = e;
			e = d + t1;
			d = c;
			c = b;
			b = a;
			a = t1 + t2;
		}
	}
	h[0] = h[0] + a;
	h[1] = h[1] + b;
	h[2] = h[2] + c;
	h[3] = h[3] + d;
	h[4] = h[4] + e;
	h[5] = h[5] + f;
	h[6] = h[6] + g;
	h[7] = h[7] + k;
}

/* Of @count entries, 16 at most, from number @first of the log on. */
HG_FN void leaf_some(HG_GLOBAL const struct hg_launch *l, u32 first, u32 count,
		     HG_GLOBAL u32 (*leaf)[HG_LEAF_WORDS])
{
	u32 m[16 * 16 * LEAF_BLOCKS], live[16], blocks[16], most = 0, b, i, k;
	struct sha256 start;
	v16 h[8], old[8];

	sha256_init(&start);
	for (k = 0; k < 8; k++)
		h[k] = HG_SPLAT(start.h[k]);
	for (i = 0; i < 16 * LEAF_BLOCKS; i++)
		HG_STORE16(HG_SPLAT(0), m + 16 * i);
	for (i = 0; i < 16; i++) {
		blocks[i] = i < count ? leaf_message(m + i, &l->log[(first + i) % HG_LAUNCH_SLOTS])
				      : 0;
		most = most < blocks[i] ? blocks[i] : most;
	}
	for (b = 0; b < most; b++) {
		v16 mask;

		for (i = 0; i < 16; i++)
			live[i] = b < blocks[i] ? 0xffffffffu : 0;
		mask = HG_LOAD16(live);
		for (k = 0; k < 8; k++)
			old[k] = h[k];
		leaf_compress(h, m + 16 * 16 * b);
		for (k = 0; k < 8; k++)
			h[k] = (h[k] & mask) | (old[k] & ~mask);
	}
	for (k = 0; k < HG_LEAF_WORDS; k++) {
		HG_STORE16(ghash_swap16(h[k]), m + 16 * k);
		for (i = 0; i < count; i++)
			leaf[i][k] = m[16 * k + i];
	}
}

/* Of @count entries from number @first of the log on, by all lanes of a group. */
HG_FN void leaves(HG_GLOBAL const struct hg_launch *l, u32 first, u32 count,
		  HG_GLOBAL u32 (*leaf)[HG_LEAF_WORDS])
{
	u32 i;

	for (i = 0; i < count; i += 16)
		leaf_some(l, first + i, count - i < 16 ? count - i : 16, leaf + i);
}

#else

HG_FN void leaf_one(HG_GLOBAL const struct hg_launch_entry *e, HG_GLOBAL u32 *leaf)
{
	u32 m[16 * LEAF_BLOCKS], w[16], blocks, b, i;
	struct sha256 s;

	for (i = 0; i < 16 * LEAF_BLOCKS; i++)
		m[i] = 0;
	blocks = leaf_message(m, e);
	sha256_init(&s);
	for (b = 0; b < blocks; b++) {
		for (i = 0; i < 16; i++)
			w[i] = ghash_swap(m[16 * b + i]);
		sha256_compress(s.h, w);
	}
	for (i = 0; i < HG_LEAF_WORDS; i++)
		leaf[i] = ghash_swap(s.h[i]);
}

HG_FN void leaves(HG_GLOBAL const struct hg_launch *l, u32 first, u32 count,
		  HG_GLOBAL u32 (*leaf)[HG_LEAF_WORDS])
{
	u32 i;

	for (i = HG_LANE; i < count; i += HG_LANES)
		leaf_one(&l->log[(first + i) % HG_LAUNCH_SLOTS], leaf[i]);
}

#endif

#endif
