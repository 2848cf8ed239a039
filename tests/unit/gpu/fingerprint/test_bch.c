// SPDX-License-Identifier: Apache-2.0
/*
 * BCH codes against slow arithmetic of this file's own: tables of logarithms, Peterson's
 * determinants instead of Berlekamp and Massey, and for small codes the search
 * through all code words.
 */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "encoder.h"

static const struct bch_code code_15_7 = { 4, 0x13, 15, 7, 2 };
static const struct bch_code code_15_5 = { 4, 0x13, 15, 5, 3 };
static const struct bch_code code_31_16 = { 5, 0x25, 31, 16, 3 };
static const struct bch_code code_255_131 = BCH_255_131;

/* ---- The slow field ---- */

struct field {
	unsigned int n, log[256], exp[512];
};

static struct field make_field(const struct bch_code *c)
{
	struct field f = { .n = c->n };
	unsigned int v = 1;

	for (unsigned int i = 0; i < c->n; i++) {
		f.exp[i] = f.exp[i + c->n] = v;
		f.log[v] = i;
		v <<= 1;
		if (v >> c->m)
			v ^= c->poly;
	}
	return f;
}

static unsigned int times(const struct field *f, unsigned int a, unsigned int b)
{
	return a && b ? f->exp[f->log[a] + f->log[b]] : 0;
}

static unsigned int power(const struct field *f, unsigned int e)
{
	return f->exp[e % f->n];
}

static unsigned int value_at(const struct field *f, const uint32_t *word, unsigned int e)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < f->n; i++)
		if (word[i / 32] >> i % 32 & 1)
			sum ^= power(f, i * e);
	return sum;
}

/*
 * Peterson: the largest v for which the v x v matrix of syndromes can be solved
 * gives the locator. Returns the number of errors, or -1, and corrects.
 */
static int solve(const struct field *f, const unsigned int *s, int v, unsigned int *loc)
{
	unsigned int a[BCH_T_MAX][BCH_T_MAX + 1];

	for (int i = 0; i < v; i++) {
		for (int j = 0; j < v; j++)
			a[i][j] = s[i + j + 1];
		a[i][v] = s[i + v + 1];
	}
	for (int col = 0; col < v; col++) {
		int pivot = col;
		unsigned int inverse;

		while (pivot < v && !a[pivot][col])
			pivot++;
		if (pivot == v)
			return -1;
		for (int j = 0; j <= v; j++) {
			unsigned int swap = a[col][j];

			a[col][j] = a[pivot][j];
			a[pivot][j] = swap;
		}
		inverse = power(f, f->n - f->log[a[col][col]]);
		for (int j = 0; j <= v; j++)
			a[col][j] = times(f, a[col][j], inverse);
		for (int i = 0; i < v; i++) {
			unsigned int by = a[i][col];

			for (int j = 0; i != col && j <= v; j++)
				a[i][j] ^= times(f, by, a[col][j]);
		}
	}
	/* Unknowns are loc[v], loc[v - 1], ... loc[1]. */
	loc[0] = 1;
	for (int i = 0; i < v; i++)
		loc[v - i] = a[i][v];
	return 0;
}

static int slow_decode(const struct bch_code *c, uint32_t *word)
{
	struct field f = make_field(c);
	unsigned int s[2 * BCH_T_MAX + 1] = { 0 }, loc[BCH_T_MAX + 1], any = 0;
	int v = (int)c->t, found = 0;

	for (unsigned int j = 1; j <= 2 * c->t; j++)
		any |= s[j] = value_at(&f, word, j);
	if (!any)
		return 0;
	while (v && solve(&f, s, v, loc))
		v--;
	for (unsigned int i = 0; v && i < c->n; i++) {
		unsigned int sum = 0;

		for (int j = 0; j <= v; j++)
			sum ^= times(&f, loc[j], power(&f, (unsigned int)j * (c->n - i)));
		if (!sum) {
			word[i / 32] ^= 1u << i % 32;
			found++;
		}
	}
	for (unsigned int j = 1; j <= 2 * c->t; j++)
		if (value_at(&f, word, j))
			return -1;
	return found == v && v ? v : -1;
}

/* ---- Tests ---- */

static void test_field(void **state)
{
	const struct bch_code *codes[] = { &code_15_7, &code_31_16, &code_255_131 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct field f = make_field(codes[i]);

		for (unsigned int a = 0; a <= f.n; a++) {
			assert_int_equal(bch_alpha(codes[i], a), power(&f, a));
			for (unsigned int b = 0; b <= f.n; b++)
				assert_int_equal(bch_mul(codes[i], a, b), times(&f, a, b));
		}
	}
}

static void test_generator(void **state)
{
	struct bch_code wrong = code_255_131;
	uint32_t g[BCH_WORDS];

	(void)state;
	assert_int_equal(hg_bch_generator(&code_15_7, g), 0);
	assert_int_equal(g[0], 0x1d1); /* x^8 + x^7 + x^6 + x^4 + 1, as in every textbook */
	assert_int_equal(hg_bch_generator(&code_15_5, g), 0);
	assert_int_equal(g[0], 0x537);
	assert_int_equal(hg_bch_generator(&code_31_16, g), 0);
	assert_int_equal(g[0], 0107657); /* octal, as tables of BCH codes print them */
	assert_int_equal(hg_bch_generator(&code_255_131, g), 0);
	assert_int_equal(g[3] >> 28, 1);

	wrong.k = 132;
	assert_int_equal(hg_bch_generator(&wrong, g), -1);
	wrong = code_255_131;
	wrong.t = 19;
	assert_int_equal(hg_bch_generator(&wrong, g), -1);
	wrong = code_255_131;
	wrong.poly = 0x11b; /* irreducible, yet x is not primitive */
	assert_int_equal(hg_bch_generator(&wrong, g), -1);
	wrong = code_255_131;
	wrong.m = 9;
	assert_int_equal(hg_bch_generator(&wrong, g), -1);
}

/* All 2^n words of a code of length 15, against the nearest of all code words. */
static void all_words(const struct bch_code *c)
{
	static uint32_t words[1 << 7];
	uint32_t word[BCH_WORDS];
	size_t right = 0, refused = 0;

	for (uint32_t m = 0; m < 1u << c->k; m++) {
		uint8_t message[2] = { (uint8_t)m, 0 };

		assert_int_equal(hg_bch_encode(c, message, word), 0);
		assert_int_equal(word[0] >> (c->n - c->k), m);
		words[m] = word[0];
	}
	for (uint32_t w = 0; w < 1u << c->n; w++) {
		uint32_t nearest = 0, distance = 99, again[BCH_WORDS] = { w };
		int errors;

		for (uint32_t m = 0; m < 1u << c->k; m++) {
			uint32_t d = (uint32_t)__builtin_popcount(words[m] ^ w);

			if (d < distance) {
				distance = d;
				nearest = words[m];
			}
		}
		memset(word, 0, sizeof(word));
		word[0] = w;
		errors = bch_decode(c, word);
		if (distance <= c->t) {
			assert_int_equal(errors, distance);
			assert_int_equal(word[0], nearest);
			right++;
		} else {
			assert_int_equal(errors, -1);
			refused++;
		}
		assert_int_equal(slow_decode(c, again), errors);
	}
	print_message("BCH(%u,%u): %zu words corrected, %zu refused\n", c->n, c->k, right, refused);
}

static void test_all_words(void **state)
{
	(void)state;
	all_words(&code_15_7);
	all_words(&code_15_5);
}

/*
 * BCH(31,16): all 2^16 code words, and every error pattern up to weight 3 on one of them;
 * random words of the other 2^31 against the search.
 */
static void test_31_16(void **state)
{
	static uint32_t words[1 << 16];
	uint32_t word[BCH_WORDS];
	uint64_t seed = 31;
	size_t patterns = 0;

	(void)state;
	for (uint32_t m = 0; m < 1u << 16; m++) {
		uint8_t message[2] = { (uint8_t)m, (uint8_t)(m >> 8) };

		assert_int_equal(hg_bch_encode(&code_31_16, message, word), 0);
		words[m] = word[0];
		assert_true(!m || __builtin_popcount(word[0]) >= 7);
		assert_int_equal(bch_decode(&code_31_16, word), 0);
		assert_int_equal(word[0], words[m]);
	}
	for (int a = 0; a < 32; a++)
		for (int b = a; b < 32; b++)
			for (int c = b; c < 32; c++) {
				/* Place 31 is none: so fewer than three errors come, too. */
				uint32_t e = (1u << a | 1u << b | 1u << c) & 0x7fffffff;
				uint32_t sent = words[(a * 1024 + b * 32 + c) * 2 + 1];

				memset(word, 0, sizeof(word));
				word[0] = sent ^ e;
				assert_int_equal(bch_decode(&code_31_16, word),
						 __builtin_popcount(e));
				assert_int_equal(word[0], sent);
				patterns++;
			}
	assert_true(patterns > 4991); /* 1 + 31 + 465 + 4495 of them differ */
	for (int i = 0; i < 2000; i++) {
		uint32_t w = (uint32_t)next_random(&seed) & 0x7fffffff, nearest = 0;
		int distance = 99, errors;

		for (uint32_t m = 0; m < 1u << 16; m++) {
			int d = __builtin_popcount(words[m] ^ w);

			if (d < distance) {
				distance = d;
				nearest = words[m];
			}
		}
		memset(word, 0, sizeof(word));
		word[0] = w;
		errors = bch_decode(&code_31_16, word);
		assert_int_equal(errors, distance <= 3 ? distance : -1);
		assert_true(errors < 0 || word[0] == nearest);
	}
}

static void random_word(uint64_t *seed, uint32_t *word)
{
	uint8_t message[17];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)next_random(seed);
	assert_int_equal(hg_bch_encode(&code_255_131, message, word), 0);
}

/* Inverts @count different bits. */
static void damage(uint64_t *seed, uint32_t *word, unsigned int count)
{
	uint32_t hit[BCH_WORDS] = { 0 };

	while (count) {
		unsigned int i = next_random(seed) % 255;

		if (hit[i / 32] >> i % 32 & 1)
			continue;
		hit[i / 32] |= 1u << i % 32;
		word[i / 32] ^= 1u << i % 32;
		count--;
	}
}

static void test_random_errors(void **state)
{
	uint64_t seed = 255;

	(void)state;
	for (unsigned int errors = 0; errors <= 18; errors++)
		for (int i = 0; i < 40; i++) {
			uint32_t sent[BCH_WORDS], got[BCH_WORDS];

			random_word(&seed, sent);
			memcpy(got, sent, sizeof(got));
			damage(&seed, got, errors);
			assert_int_equal(bch_decode(&code_255_131, got), errors);
			assert_memory_equal(got, sent, sizeof(got));
		}
}

/* Bursts at both ends and everywhere between. */
static void test_bursts(void **state)
{
	uint64_t seed = 18;

	(void)state;
	for (unsigned int at = 0; at <= 255 - 18; at++) {
		uint32_t sent[BCH_WORDS], got[BCH_WORDS];

		random_word(&seed, sent);
		memcpy(got, sent, sizeof(got));
		for (unsigned int i = at; i < at + 18; i++)
			got[i / 32] ^= 1u << i % 32;
		assert_int_equal(bch_decode(&code_255_131, got), 18);
		assert_memory_equal(got, sent, sizeof(got));
	}
}

/*
 * Beyond t: the independent decoder agrees, word for word, and neither claims the
 * word that was sent.
 */
static void test_too_many(void **state)
{
	uint64_t seed = 19;
	int wrong = 0;

	(void)state;
	for (unsigned int errors = 19; errors <= 127; errors += errors < 24 ? 1 : 13)
		for (int i = 0; i < 60; i++) {
			uint32_t sent[BCH_WORDS], got[BCH_WORDS], slow[BCH_WORDS];
			int ret;

			random_word(&seed, sent);
			memcpy(got, sent, sizeof(got));
			damage(&seed, got, errors);
			memcpy(slow, got, sizeof(slow));
			ret = bch_decode(&code_255_131, got);
			assert_int_equal(ret, slow_decode(&code_255_131, slow));
			assert_true(ret < 0 || memcmp(got, slow, sizeof(got)) == 0);
			assert_true(ret < 0 || memcmp(got, sent, sizeof(got)) != 0);
			wrong += ret >= 0;
		}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field),	      cmocka_unit_test(test_generator),
		cmocka_unit_test(test_all_words),     cmocka_unit_test(test_31_16),
		cmocka_unit_test(test_random_errors), cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
