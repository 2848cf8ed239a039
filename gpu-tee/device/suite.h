/* SPDX-License-Identifier: Apache-2.0 */
/* The suites behind two functions: a lane's part of a stream, and a group's tag. */
#ifndef HG_SUITE_H
#define HG_SUITE_H

#include "state.h"

/* The stream starts so many bytes before the data: blocks that make tags. */
#define SUITE_LEAD(suite)  ((suite) == HG_CHACHA20_POLY1305 ? 64u : 32u)
#define SUITE_GROUP(suite) \
	((suite) == HG_CHACHA20_POLY1305 ? CHACHA_GROUP : \
	 (suite) == HG_SM4_CTR_HMAC_SM3 ? SM4_GROUP : AES_GROUP)
#define SUITE_WORDS (SM4_GROUP / 4) /* the largest */

/* Second and third word of the nonce of @sequence; the first is the salt. */
#define NONCE_1(sequence) ghash_swap((u32)((sequence) >> 32))
#define NONCE_2(sequence) ghash_swap((u32)(sequence))

HG_FN u32 suite_groups(u32 suite, u32 length)
{
	return (length + SUITE_LEAD(suite) + SUITE_GROUP(suite) - 1) / SUITE_GROUP(suite);
}

/* Bytes @from to @to - 1 of the stream @words onto the data, of which @at is byte @from's place. */
HG_FN void suite_apply(HG_GLOBAL u8 *dst, HG_GLOBAL const u8 *src, const u32 *words, u32 from,
		       u32 to)
{
	u32 i = from;

	if (((HG_ADDRESS(dst) | HG_ADDRESS(src) | from) & 3) == 0)
		for (; i + 4 <= to; i += 4)
			*(HG_GLOBAL u32 *)(dst + i - from) =
				*(HG_GLOBAL const u32 *)(src + i - from) ^ words[i / 4];
	for (; i < to; i++)
		dst[i - from] = src[i - from] ^ (u8)(words[i / 4] >> (8 * (i % 4)));
}

/* The data that one group of the stream covers: @src under the stream goes to @dst. */
HG_FN void suite_xor(HG_GLOBAL const struct hg_key *key, u32 suite, u64 sequence,
		     HG_GLOBAL u8 *dst, HG_GLOBAL const u8 *src, u32 length, u32 group)
{
	u32 lead = SUITE_LEAD(suite), size = SUITE_GROUP(suite), i;
	/* What of the group is data: the first has the lead, the last may be cut short. */
	u32 from = group ? 0 : lead;
	u32 at = group * size + from - lead;
	u32 to = length - at < size - from ? from + length - at : size;
	u32 n0 = key->salt, n1 = NONCE_1(sequence), n2 = NONCE_2(sequence);
	u32 words[SUITE_WORDS];

	if (suite == HG_CHACHA20_POLY1305) {
		chacha_keystream(words, key->key, n0, n1, n2, group);
	} else if (suite == HG_SM4_CTR_HMAC_SM3) {
		sm4_keystream(words, &key->sm, n0, n1, n2, group);
	} else {
		v16 q[8];

		aes_keystream(q, key->rk, n0, n1, n2, group);
		if (to - from == AES_GROUP && ((HG_ADDRESS(dst) | HG_ADDRESS(src)) & 3) == 0) {
			HG_GLOBAL u32 *d = (HG_GLOBAL u32 *)(dst + at);
			HG_GLOBAL const u32 *s = (HG_GLOBAL const u32 *)(src + at);

			for (i = 0; i < 8; i++)
				HG_STORE16(q[i] ^ HG_LOAD16(s + 16 * i), d + 16 * i);
			return;
		}
		for (i = 0; i < AES_GROUP / 4; i++)
			words[i] = HG_GET(q[i / 16], i % 16);
	}
	suite_apply(dst + at, src + at, words, from, to);
}

/*
 * The tag over a header and ciphertext that is padded by zeros, by all lanes of a group.
 * @sum is local memory of 5 * HG_LANES words. The lanes must meet before; after, lane 0
 * has the tag.
 */
HG_FN void suite_tag(u32 *tag, HG_GLOBAL const struct hg_key *key, u32 suite, const u32 *head,
		     HG_GLOBAL const u32 *data, u32 length, HG_LOCAL u32 *sum)
{
	u64 sequence = head[4] | (u64)head[5] << 32;
	u32 n0 = key->salt, n1 = NONCE_1(sequence), n2 = NONCE_2(sequence);
	u32 part[5], block[16], i, k;

	if (suite == HG_CHACHA20_POLY1305) {
		u64 total[5] = {0, 0, 0, 0, 0};

		chacha_block0(block, key->key, n0, n1, n2);
		poly_lane(part, block, head, data, length, HG_LANE);
		for (i = 0; i < 5; i++)
			sum[5 * HG_LANE + i] = part[i];
		HG_BARRIER();
		if (HG_LANE == 0) {
			for (k = 0; k < HG_LANES; k++)
				for (i = 0; i < 5; i++)
					total[i] += sum[5 * k + i];
			poly_tag(tag, total, block);
		}
	} else if (suite == HG_SM4_CTR_HMAC_SM3) {
		if (HG_LANE == 0)
			sm_tag(tag, &key->sm, head, data, length);
		HG_BARRIER();
	} else {
		ghash_lane(part, &key->ghash, head, data, length, HG_LANE);
		for (i = 0; i < 4; i++)
			sum[5 * HG_LANE + i] = part[i];
		HG_BARRIER();
		if (HG_LANE == 0) {
			v16 q[8];

			aes_keystream(q, key->rk, n0, n1, n2, 0);
			for (i = 0; i < 4; i++)
				tag[i] = HG_GET(q[0], 4 + i);
			for (k = 0; k < HG_LANES; k++)
				for (i = 0; i < 4; i++)
					tag[i] ^= sum[5 * k + i];
		}
	}
	HG_BARRIER();
}

#endif
