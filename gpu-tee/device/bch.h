/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary BCH codes (narrow sense, primitive) of length up to 255, for a host and
 * for the device: shared dialect, no table. What is decoded is secret: the way
 * through decoding and the addresses it touches do not depend on it.
 *
 * A word is an array of BCH_WORDS u32; bit i is the coefficient of x^i.
 */
#ifndef HG_DEVICE_BCH_H
#define HG_DEVICE_BCH_H

#include "dialect.h"

#define BCH_N_MAX 255
#define BCH_T_MAX 18
#define BCH_WORDS 8

struct bch_code {
	u32 m; /* GF(2^m), n = 2^m - 1 */
	u32 poly; /* of the field, primitive, with its x^m */
	u32 n;
	u32 k;
	u32 t; /* errors that are corrected */
};

#define BCH_255_131                    \
	{                              \
		8, 0x11d, 255, 131, 18 \
	}

/* All ones if @v is zero. @v is below 2^31. */
HG_FN u32 bch_if_zero(u32 v)
{
	return 0u - ((v - 1) >> 31);
}

HG_FN u32 bch_mul(const struct bch_code *c, u32 a, u32 b)
{
	u32 product = 0;

	for (u32 i = 0; i < c->m; i++) {
		product ^= a & (0u - (b >> i & 1));
		a = a << 1 ^ (c->poly & (0u - (a >> (c->m - 1) & 1)));
	}
	return product;
}

/* alpha^e; @e is public. */
HG_FN u32 bch_alpha(const struct bch_code *c, u32 e)
{
	u32 v = 1;

	for (u32 i = 0; i < e % c->n; i++)
		v = v << 1 ^ (c->poly & (0u - (v >> (c->m - 1) & 1)));
	return v;
}

HG_FN u32 bch_bit(const u32 *word, u32 i)
{
	return word[i >> 5] >> (i & 31) & 1;
}

/* s[j] = word(alpha^j) for j from 1 to 2t. */
HG_FN void bch_syndromes(const struct bch_code *c, const u32 *word, u32 *s)
{
	for (u32 j = 1; j < 2 * c->t; j += 2) {
		u32 at = bch_alpha(c, j), sum = 0;

		for (u32 i = c->n; i-- > 0;)
			sum = bch_mul(c, sum, at) ^ bch_bit(word, i);
		s[j] = sum;
	}
	for (u32 j = 2; j <= 2 * c->t; j += 2)
		s[j] = bch_mul(c, s[j / 2], s[j / 2]);
}

/*
 * Berlekamp and Massey without inversions; branches became masks. @loc gets the
 * polynomial whose roots are the inverses of the places of errors. Returns the number
 * of errors it stands for; more than t means nothing. What a shift drops has a
 * degree above t, and matters only in that case.
 */
HG_FN u32 bch_locator(const struct bch_code *c, const u32 *s, u32 *loc)
{
	u32 before[BCH_T_MAX + 1], gamma = 1, length = 0;

	for (u32 i = 0; i <= c->t; i++)
		loc[i] = before[i] = i == 0;
	for (u32 step = 0; step < 2 * c->t; step++) {
		u32 d = 0, take;

		for (u32 i = 0; i <= c->t && i <= step; i++)
			d ^= bch_mul(c, loc[i], s[step + 1 - i]);
		/* d != 0 and 2 * length <= step */
		take = ~bch_if_zero(d) & (0u - ((2 * length - step - 1) >> 31));
		for (u32 i = c->t + 1; i-- > 0;) {
			u32 shifted = i ? before[i - 1] : 0, old = loc[i];

			loc[i] = bch_mul(c, gamma, old) ^ bch_mul(c, d, shifted);
			before[i] = (old & take) | (shifted & ~take);
		}
		gamma = (d & take) | (gamma & ~take);
		length = ((step + 1 - length) & take) | (length & ~take);
	}
	return length;
}

/* Chien's search: inverts the bits of @word at the roots, and counts them. */
HG_FN u32 bch_correct(const struct bch_code *c, const u32 *loc, u32 *word)
{
	u32 term[BCH_T_MAX + 1], step[BCH_T_MAX + 1], found = 0;

	for (u32 j = 0; j <= c->t; j++) {
		term[j] = loc[j];
		step[j] = bch_alpha(c, j ? c->n - j : 0);
	}
	for (u32 i = 0; i < c->n; i++) {
		u32 sum = 0, root;

		for (u32 j = 0; j <= c->t; j++) {
			sum ^= term[j];
			term[j] = bch_mul(c, term[j], step[j]);
		}
		root = bch_if_zero(sum) & 1;
		word[i >> 5] ^= root << (i & 31);
		found += root;
	}
	return found;
}

/*
 * Makes @word the code word within t errors. Returns how many there were, or -1 when
 * there is none so near; @word then is of no use. Further errors than t may end
 * at a foreign code word: whoever must know asks a tag.
 */
HG_FN int bch_decode(const struct bch_code *c, u32 *word)
{
	u32 s[2 * BCH_T_MAX + 1], loc[BCH_T_MAX + 1], length, found, bad;

	bch_syndromes(c, word, s);
	length = bch_locator(c, s, loc);
	found = bch_correct(c, loc, word);
	bad = ~bch_if_zero(found ^ length) | (0u - ((c->t - length) >> 31));
	return (int)(found | bad);
}

#endif
