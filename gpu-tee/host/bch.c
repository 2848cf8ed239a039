// SPDX-License-Identifier: Apache-2.0
#include "encoder.h"

#include <stdbool.h>
#include <string.h>

/* The polynomial is primitive: the powers of x are all of the field. */
static bool is_known(const struct bch_code *c)
{
	uint32_t e = 1;

	if (c->m < 2 || c->m > 8 || c->poly >> c->m != 1 || c->n != (1u << c->m) - 1 || !c->k ||
	    c->k >= c->n || !c->t || c->t > BCH_T_MAX || 2 * c->t >= c->n)
		return false;
	while (e < c->n && bch_alpha(c, e) != 1)
		e++;
	return e == c->n;
}

/* @poly *= x + @root, over the field; returns the new degree. */
static uint32_t multiply_root(const struct bch_code *c, uint8_t *poly, uint32_t degree,
			      uint32_t root)
{
	poly[degree + 1] = 0;
	for (uint32_t i = degree + 2; i-- > 0;)
		poly[i] = (uint8_t)((i ? poly[i - 1] : 0) ^ bch_mul(c, poly[i], root));
	return degree + 1;
}

int hg_bch_generator(const struct bch_code *c, uint32_t generator[BCH_WORDS])
{
	uint8_t poly[BCH_N_MAX + 2] = { 1 };
	bool seen[BCH_N_MAX] = { false };
	uint32_t degree = 0;

	if (!is_known(c))
		return -1;
	/* Each class of conjugates of alpha^1 ... alpha^2t once: then the coefficients are bits. */
	for (uint32_t j = 1; j <= 2 * c->t; j++)
		for (uint32_t e = j; !seen[e]; e = 2 * e % c->n) {
			seen[e] = true;
			degree = multiply_root(c, poly, degree, bch_alpha(c, e));
		}
	if (degree != c->n - c->k)
		return -1;
	memset(generator, 0, BCH_WORDS * sizeof(*generator));
	for (uint32_t i = 0; i <= degree; i++) {
		if (poly[i] > 1)
			return -1;
		generator[i >> 5] |= (uint32_t)poly[i] << (i & 31);
	}
	return 0;
}

/* The remainder of message * x^(n-k) goes below it. The message is secret: no branches. */
int hg_bch_encode(const struct bch_code *c, const uint8_t *message, uint32_t word[BCH_WORDS])
{
	uint32_t generator[BCH_WORDS], parity = c->n - c->k, rest[BCH_WORDS] = { 0 };

	if (hg_bch_generator(c, generator))
		return -1;
	memset(word, 0, BCH_WORDS * sizeof(*word));
	for (uint32_t i = 0; i < c->k; i++)
		word[(i + parity) >> 5] |= (uint32_t)(message[i >> 3] >> (i & 7) & 1)
					   << ((i + parity) & 31);
	memcpy(rest, word, sizeof(rest));
	for (uint32_t i = c->n; i-- > parity;) {
		uint32_t lead = 0u - bch_bit(rest, i), shift = i - parity;

		for (uint32_t j = 0; j <= parity; j++)
			rest[(j + shift) >> 5] ^= (bch_bit(generator, j) & lead)
						  << ((j + shift) & 31);
	}
	for (uint32_t i = 0; i < BCH_WORDS; i++)
		word[i] ^= rest[i];
	return 0;
}
