/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzzy extractor's half that runs on the device: a noisy reading of its
 * latencies and public helper data give the secret that enrolment saw, or nothing.
 * docs/gpu-fingerprint.md has the arithmetic. Shared dialect.
 *
 * A bit is the sign of a contrast: of the four cells where two neighbouring units
 * meet two neighbouring regions of memory, whether one diagonal is slower than the other.
 * Whatever a unit or a region adds to all its cells drops out.
 */
#ifndef HG_DEVICE_EXTRACTOR_H
#define HG_DEVICE_EXTRACTOR_H

#include "bch.h"
#include "dialect.h"
#include "sha256.h"

#define FP_MAGIC	0x31465048 /* "HPF1" */
#define FP_CELLS_MAX	65536
#define FP_TILES_MAX	(FP_CELLS_MAX / 4)
#define FP_MASK_WORDS	(FP_TILES_MAX / 32)
#define FP_REPEAT	5
#define FP_BLOCK_BITS	(BCH_N_MAX * FP_REPEAT)
#define FP_BLOCK_WORDS	40
#define FP_BLOCKS_MAX	12
#define FP_SECRET_BYTES 32
#define FP_UNITS_MAX	1024

/* Cycles, or whatever clock there is; @cell[unit * regions + region]. */
struct fp_reading {
	u32 units;
	u32 regions;
	u32 cell[FP_CELLS_MAX];
};

/* All of it is public, and all of it is covered by the tag. Words are little-endian. */
struct fp_helper {
	u32 magic;
	u32 blocks;
	u32 units;
	u32 regions;
	u32 salt[8];
	u32 tag[8];
	u32 mask[FP_MASK_WORDS]; /* which tiles are read; blocks * FP_BLOCK_BITS of them */
	u32 offset[FP_BLOCKS_MAX][FP_BLOCK_WORDS]; /* what was read ^ code word, repeated */
};

enum fp_label { FP_LABEL_SECRET, FP_LABEL_HELPER, FP_LABEL_CHECK };
#define FP_LABEL_MAX 32
HG_CONST u8 fp_labels[3][FP_LABEL_MAX] = {
	"hypergpu fingerprint secret",
	"hypergpu fingerprint helper",
	"hypergpu fingerprint check",
};

HG_FN void fp_wipe(u32 *p, u32 words)
{
	volatile u32 *at = p;

	for (u32 i = 0; i < words; i++)
		at[i] = 0;
}

HG_FN u32 fp_bits_of(u32 v)
{
	v = v - (v >> 1 & 0x55555555);
	v = (v & 0x33333333) + (v >> 2 & 0x33333333);
	return (((v + (v >> 4)) & 0x0f0f0f0f) * 0x01010101) >> 24;
}

HG_FN u32 fp_tiles(u32 units, u32 regions)
{
	return (units / 2) * (regions / 2);
}

/* The shape of a reading, before its cells are touched. */
HG_FN int fp_shape_ok(u32 units, u32 regions)
{
	return units >= 2 && units <= FP_UNITS_MAX && !(units & 1) && regions >= 2 &&
	       !(regions & 1) && regions <= FP_CELLS_MAX / units;
}

/* Negative where the diagonal is faster. */
HG_FN int fp_contrast(HG_GLOBAL const struct fp_reading *r, u32 regions, u32 tile)
{
	u32 across = regions / 2;
	u32 at = tile / across * 2 * regions + tile % across * 2;

	return (int)(r->cell[at] - r->cell[at + 1] - r->cell[at + regions] +
		     r->cell[at + regions + 1]);
}

HG_FN u32 fp_bit(HG_GLOBAL const struct fp_reading *r, u32 regions, u32 tile)
{
	return (0u - (u32)fp_contrast(r, regions, tile)) >> 31;
}

/*
 * A private copy: what was checked and is covered by the tag is what gets used, even if the
 * bus writes to the original meanwhile.
 */
HG_FN void fp_fetch(struct fp_helper *to, HG_GLOBAL const struct fp_helper *from)
{
	to->magic = from->magic;
	to->blocks = from->blocks;
	to->units = from->units;
	to->regions = from->regions;
	for (u32 i = 0; i < 8; i++) {
		to->salt[i] = from->salt[i];
		to->tag[i] = from->tag[i];
	}
	for (u32 i = 0; i < FP_MASK_WORDS; i++)
		to->mask[i] = from->mask[i];
	for (u32 b = 0; b < FP_BLOCKS_MAX; b++)
		for (u32 i = 0; i < FP_BLOCK_WORDS; i++)
			to->offset[b][i] = from->offset[b][i];
}

/* Its sizes fit together, and nothing hides where nothing is. */
HG_FN int fp_helper_ok(const struct fp_helper *h)
{
	u32 chosen = 0, tiles, stray = 0;

	if (h->magic != FP_MAGIC || !h->blocks || h->blocks > FP_BLOCKS_MAX ||
	    !fp_shape_ok(h->units, h->regions))
		return 0;
	tiles = fp_tiles(h->units, h->regions);
	for (u32 i = 0; i < FP_MASK_WORDS; i++) {
		u32 inside = i * 32 < tiles ? tiles - i * 32 : 0;

		chosen += fp_bits_of(h->mask[i]);
		stray |= inside < 32 ? h->mask[i] >> inside : 0;
	}
	for (u32 b = 0; b < FP_BLOCKS_MAX; b++)
		for (u32 i = 0; i < FP_BLOCK_WORDS; i++) {
			u32 inside = b < h->blocks ? FP_BLOCK_BITS - i * 32 : 0;

			stray |= inside < 32 ? h->offset[b][i] >> inside : 0;
		}
	return !stray && chosen == h->blocks * FP_BLOCK_BITS;
}

/* Bit i of the code word is bits i, i + 255, ... of the block; most of them win. */
HG_FN void fp_majority(const u32 *block, u32 *word)
{
	for (u32 i = 0; i < BCH_WORDS; i++)
		word[i] = 0;
	for (u32 i = 0; i < BCH_N_MAX; i++) {
		u32 ones = 0;

		for (u32 r = 0; r < FP_REPEAT; r++)
			ones += bch_bit(block, r * BCH_N_MAX + i);
		word[i >> 5] |= (FP_REPEAT / 2 - ones) >> 31 << (i & 31);
	}
}

HG_FN void fp_repeat(const u32 *word, u32 *block)
{
	for (u32 i = 0; i < FP_BLOCK_WORDS; i++)
		block[i] = 0;
	for (u32 i = 0; i < FP_BLOCK_BITS; i++)
		block[i >> 5] |= bch_bit(word, i % BCH_N_MAX) << (i & 31);
}

/*
 * @block: what was read now; becomes what was read at enrolment. Returns all ones if
 * that failed, and adds to @differ how many bits were another.
 */
HG_FN u32 fp_restore(const u32 *offset, u32 *block, u32 *differ)
{
	const struct bch_code code = BCH_255_131;
	u32 word[BCH_WORDS], now[FP_BLOCK_WORDS];
	int errors;

	for (u32 i = 0; i < FP_BLOCK_WORDS; i++) {
		now[i] = block[i];
		block[i] ^= offset[i];
	}
	fp_majority(block, word);
	errors = bch_decode(&code, word);
	fp_repeat(word, block);
	for (u32 i = 0; i < FP_BLOCK_WORDS; i++) {
		block[i] ^= offset[i];
		*differ += fp_bits_of(block[i] ^ now[i]);
	}
	fp_wipe(now, FP_BLOCK_WORDS);
	fp_wipe(word, BCH_WORDS);
	return 0u - ((u32)errors >> 31);
}

/* HKDF-Expand to its first block: HMAC(prk, label || 1). */
HG_FN void fp_expand(const u32 *prk, enum fp_label label, u32 *out)
{
	struct sha256 s;

	hmac_start(&s, prk, HMAC_INNER);
	for (u32 i = 0; i < FP_LABEL_MAX && fp_labels[label][i]; i++)
		sha256_byte(&s, fp_labels[label][i]);
	sha256_byte(&s, 1);
	hmac_final(&s, prk, out);
}

/* Of the helper but for its tag, in the order of its members. */
HG_FN void fp_helper_tag(const u32 *prk, const struct fp_helper *h, u32 *tag)
{
	u32 key[8];
	struct sha256 s;

	fp_expand(prk, FP_LABEL_HELPER, key);
	hmac_start(&s, key, HMAC_INNER);
	sha256_word(&s, h->magic);
	sha256_word(&s, h->blocks);
	sha256_word(&s, h->units);
	sha256_word(&s, h->regions);
	sha256_words(&s, h->salt, 8);
	sha256_words(&s, h->mask, FP_MASK_WORDS);
	for (u32 b = 0; b < FP_BLOCKS_MAX; b++)
		sha256_words(&s, h->offset[b], FP_BLOCK_WORDS);
	hmac_final(&s, key, tag);
	fp_wipe(key, 8);
}

/* The extractor proper: HKDF-Extract, salted, over what enrolment read. All ones is failure. */
HG_FN u32 fp_extract(const struct fp_helper *h, HG_GLOBAL const struct fp_reading *r, u32 *prk,
		     u32 *differ)
{
	u32 block[FP_BLOCK_WORDS], filled = 0, b = 0, bad = 0;
	u32 tiles = fp_tiles(h->units, h->regions);
	struct sha256 s;

	hmac_start(&s, h->salt, HMAC_INNER);
	for (u32 i = 0; i < FP_BLOCK_WORDS; i++)
		block[i] = 0;
	for (u32 tile = 0; tile < tiles; tile++) {
		if (!(h->mask[tile >> 5] >> (tile & 31) & 1))
			continue;
		block[filled >> 5] |= fp_bit(r, h->regions, tile) << (filled & 31);
		if (++filled < FP_BLOCK_BITS)
			continue;
		bad |= fp_restore(h->offset[b++], block, differ);
		sha256_words(&s, block, FP_BLOCK_WORDS);
		for (u32 i = 0; i < FP_BLOCK_WORDS; i++)
			block[i] = 0;
		filled = 0;
	}
	hmac_final(&s, h->salt, prk);
	fp_wipe(block, FP_BLOCK_WORDS);
	return bad;
}

HG_FN u32 fp_reproduce_copy(const struct fp_helper *h, HG_GLOBAL const struct fp_reading *reading,
			    u8 *secret, u32 *differ)
{
	u32 prk[8], out[8], bad, wrong = 0, count = 0;

	bad = fp_extract(h, reading, prk, &count);
	fp_helper_tag(prk, h, out);
	for (u32 i = 0; i < 8; i++)
		wrong |= out[i] ^ h->tag[i];
	bad |= ~bch_if_zero((wrong | wrong >> 16) & 0xffff);
	fp_expand(prk, FP_LABEL_SECRET, out);
	for (u32 i = 0; i < FP_SECRET_BYTES; i++)
		secret[i] = (u8)((out[i / 4] & ~bad) >> 8 * (i % 4));
	*differ = count & ~bad;
	fp_wipe(prk, 8);
	fp_wipe(out, 8);
	return bad;
}

/*
 * The secret, or -1 and zeros: for a foreign device, too much noise and a helper that
 * was tampered with alike, so that whoever tampers learns nothing from how it failed. After a
 * success @differ is how many of the bits were another one than at enrolment.
 */
HG_FN int fp_reproduce_score(HG_GLOBAL const struct fp_helper *helper,
			     HG_GLOBAL const struct fp_reading *reading, u8 *secret, u32 *differ)
{
	struct fp_helper copy;

	*differ = 0;
	for (u32 i = 0; i < FP_SECRET_BYTES; i++)
		secret[i] = 0;
	fp_fetch(&copy, helper);
	if (!fp_helper_ok(&copy) || reading->units != copy.units ||
	    reading->regions != copy.regions)
		return -1;
	return (int)fp_reproduce_copy(&copy, reading, secret, differ);
}

HG_FN int fp_reproduce(HG_GLOBAL const struct fp_helper *helper,
		       HG_GLOBAL const struct fp_reading *reading, u8 *secret)
{
	u32 differ;

	return fp_reproduce_score(helper, reading, secret, &differ);
}

/* What a record has of a secret, so that a probe can tell that it came out again. */
HG_FN void fp_check_value(const u8 *secret, u32 *check)
{
	u32 key[8];

	for (u32 i = 0; i < 8; i++)
		key[i] = secret[4 * i] | (u32)secret[4 * i + 1] << 8 |
			 (u32)secret[4 * i + 2] << 16 | (u32)secret[4 * i + 3] << 24;
	fp_expand(key, FP_LABEL_CHECK, check);
	fp_wipe(key, 8);
}

#endif
