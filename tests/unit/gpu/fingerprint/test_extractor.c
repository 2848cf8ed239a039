// SPDX-License-Identifier: Apache-2.0
/* The fuzzy extractor on simulated devices: what it gives back, and all that it must refuse. */
#include "check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulated.h"

#define READINGS 4

static struct hg_gpu_error err;
static struct fp_reading enrolled[READINGS], now;
static struct fp_helper helper;
static uint8_t secret[32];
static struct hg_fp_quality quality;

static int enrol_device(const struct hg_sim_device *d, struct fp_helper *h, uint8_t *s,
			struct hg_fp_quality *q)
{
	const struct fp_reading *list[READINGS];

	for (int i = 0; i < READINGS; i++) {
		hg_sim_read(d, 1000 * d->serial + (uint64_t)i, &enrolled[i]);
		list[i] = &enrolled[i];
	}
	return hg_fp_generate(list, READINGS, h, s, q, &err);
}

static int setup(void **state)
{
	struct hg_sim_device d;

	(void)state;
	hg_sim_defaults(&d, 1);
	assert_int_equal(enrol_device(&d, &helper, secret, &quality), 0);
	d.noise = hg_sim_noise(d.spread, 0.18);
	hg_sim_read(&d, 5, &now);
	return 0;
}

static bool all_zero(const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size--)
		if (p[size])
			return false;
	return true;
}

/* The reading must not give the secret with this helper, and nothing may be left in its place. */
static void expect_refusal(const struct fp_helper *h, const struct fp_reading *r)
{
	uint8_t out[32];
	uint32_t differ = 7;

	memset(out, 0x55, sizeof(out));
	assert_int_equal(hg_fp_reproduce(h, r, out, &differ, &err), -1);
	assert_true(all_zero(out, sizeof(out)));
	assert_true(*err.text);
}

static void test_round_trip(void **state)
{
	uint8_t out[32];
	uint32_t differ;

	(void)state;
	print_message("blocks %u, bits %u, entropy %u ppm, left %u, noise %u ppm\n", quality.blocks,
		      quality.bits, quality.entropy_ppm, quality.left, quality.noise_ppm);
	assert_true(quality.left >= HG_FP_ENTROPY_NEEDED);
	assert_int_equal(quality.bits, quality.blocks * 1275);
	assert_false(all_zero(secret, 32));
	assert_int_equal(hg_fp_reproduce(&helper, &now, out, &differ, &err), 0);
	assert_memory_equal(out, secret, 32);
	assert_true(differ > 0 && differ < quality.bits / 8);
	/* The very readings of enrolment, and the secret again and again. */
	for (int i = 0; i < READINGS; i++) {
		assert_int_equal(hg_fp_reproduce(&helper, &enrolled[i], out, &differ, &err), 0);
		assert_memory_equal(out, secret, 32);
	}
}

/* An enrolment's secret is new each time: the salt is. */
static void test_new_each_time(void **state)
{
	struct hg_sim_device d;
	struct fp_helper again;
	uint8_t other[32];

	(void)state;
	hg_sim_defaults(&d, 1);
	assert_int_equal(enrol_device(&d, &again, other, NULL), 0);
	assert_memory_not_equal(other, secret, 32);
	assert_memory_not_equal(&again.offset, &helper.offset, sizeof(helper.offset));
}

/* Secret and tag by OpenSSL alone, from the reading of enrolment that has no noise. */
static void test_by_openssl(void **state)
{
	static uint8_t text[sizeof(struct fp_helper)];
	struct hg_sim_device d;
	struct fp_helper h;
	uint8_t out[32], prk[32], key[32], tag[32], w[FP_BLOCKS_MAX * 160] = { 0 };
	const uint8_t label_tag[] = "hypergpu fingerprint helper\x01";
	const uint8_t label[] = "hypergpu fingerprint secret\x01";
	size_t n = 0;

	(void)state;
	hg_sim_defaults(&d, 2);
	d.noise = 0;
	assert_int_equal(enrol_device(&d, &h, out, NULL), 0);
	for (uint32_t tile = 0; tile < 64 * 256; tile++) {
		uint32_t at = tile / 256 * 2 * 512 + tile % 256 * 2;
		const uint32_t *c = enrolled[0].cell;
		int64_t contrast = (int64_t)c[at] - c[at + 1] - c[at + 512] + c[at + 513];
		size_t bit = n % 1275;

		if (!(h.mask[tile / 32] >> tile % 32 & 1))
			continue;
		w[n / 1275 * 160 + bit / 8] |= (uint8_t)((contrast > 0) << bit % 8);
		n++;
	}
	HMAC(EVP_sha256(), h.salt, 32, w, n / 1275 * 160, prk, NULL);
	HMAC(EVP_sha256(), prk, 32, label, sizeof(label) - 1, key, NULL);
	assert_memory_equal(key, out, 32);
	HMAC(EVP_sha256(), prk, 32, label_tag, sizeof(label_tag) - 1, key, NULL);
	memcpy(text, &h, 48);
	memcpy(text + 48, h.mask, sizeof(h) - 80);
	HMAC(EVP_sha256(), key, 32, text, sizeof(h) - 32, tag, NULL);
	assert_memory_equal(tag, h.tag, 32);
}

static void test_other_devices(void **state)
{
	(void)state;
	for (uint64_t serial = 100; serial < 120; serial++) {
		struct hg_sim_device d;

		hg_sim_defaults(&d, serial);
		hg_sim_read(&d, 9, &now);
		expect_refusal(&helper, &now);
	}
	setup(NULL);
}

static void test_other_helper(void **state)
{
	struct hg_sim_device d;
	struct fp_helper other;
	uint8_t s[32];

	(void)state;
	hg_sim_defaults(&d, 3);
	assert_int_equal(enrol_device(&d, &other, s, NULL), 0);
	expect_refusal(&other, &now);
	/* Parts of it in ours. */
	memcpy(other.offset, helper.offset, sizeof(other.offset));
	expect_refusal(&other, &now);
	other = helper;
	memcpy(other.salt, "another salt, of thirty-two byte", 32);
	expect_refusal(&other, &now);
}

/* Every member, and of the long ones bits all over. */
static void test_flipped_bits(void **state)
{
	size_t bits = 8 * sizeof(helper), tried = 0;

	(void)state;
	for (size_t bit = 0; bit < bits; bit += bit < 8 * 80 ? 1 : 61) {
		struct fp_helper bad = helper;

		((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_refusal(&bad, &now);
		tried++;
	}
	assert_true(tried > 1000);
}

/*
 * Changes that leave the code word as it is: a repetition group whose majority stays, a
 * tile replaced by another that was chosen, two blocks exchanged.
 */
static void test_careful_changes(void **state)
{
	struct fp_helper bad = helper;
	uint32_t swap[FP_BLOCK_WORDS];
	uint32_t i = 0;

	(void)state;
	bad.offset[0][0] ^= 1;
	bad.offset[0][255 / 32] ^= 1u << 255 % 32;
	expect_refusal(&bad, &now);
	bad = helper;
	while (!(bad.mask[i / 32] >> i % 32 & 1))
		i++;
	bad.mask[i / 32] ^= 1u << i % 32;
	while (bad.mask[i / 32] >> i % 32 & 1 || helper.mask[i / 32] >> i % 32 & 1)
		i++;
	bad.mask[i / 32] |= 1u << i % 32;
	expect_refusal(&bad, &now);
	bad = helper;
	memcpy(swap, bad.offset[0], sizeof(swap));
	memcpy(bad.offset[0], bad.offset[1], sizeof(swap));
	memcpy(bad.offset[1], swap, sizeof(swap));
	expect_refusal(&bad, &now);
}

/* Sizes that would lead out of the arrays: refused before anything is read. */
static void test_malformed_helper(void **state)
{
	struct fp_helper bad = { 0 };

	(void)state;
	expect_refusal(&bad, &now);
	assert_non_null(strstr(err.text, "sizes do not fit"));
	memset(&bad, 0xff, sizeof(bad));
	expect_refusal(&bad, &now);
	for (int i = 0; i < 11; i++) {
		bad = helper;
		switch (i) {
		case 0:
			bad.blocks = 0;
			break;
		case 1:
			bad.blocks = FP_BLOCKS_MAX + 1;
			break;
		case 2:
			bad.blocks--;
			break;
		case 3:
			bad.units = 0;
			break;
		case 4:
			bad.units = 0x80000000u;
			break;
		case 5:
			bad.regions = 0x40000000u;
			break;
		case 6:
			bad.regions = 511;
			break;
		case 7:
			bad.units = 2;
			break; /* mask bits beyond its tiles */
		case 8:
			bad.offset[0][FP_BLOCK_WORDS - 1] |= 1u << 31;
			break;
		case 9:
			bad.offset[FP_BLOCKS_MAX - 1][0] |= helper.blocks < FP_BLOCKS_MAX;
			break;
		default:
			memset(bad.mask, 0xff, sizeof(bad.mask));
			break;
		}
		expect_refusal(&bad, &now);
		assert_non_null(strstr(err.text, "sizes do not fit"));
	}
	now.units = 64;
	expect_refusal(&helper, &now);
	now.units = 128;
	now.regions = 0xfffffffe;
	expect_refusal(&helper, &now);
	now.regions = 512;
}

/* ---- Readings that must not be enrolled ---- */

static void expect_no_enrolment(const char *why, size_t count)
{
	const struct fp_reading *list[READINGS] = { &enrolled[0], &enrolled[1], &enrolled[2],
						    &enrolled[3] };
	struct fp_helper h;
	uint8_t s[32];

	memset(&h, 0x55, sizeof(h));
	memset(s, 0x55, sizeof(s));
	assert_int_equal(hg_fp_generate(list, count, &h, s, NULL, &err), -1);
	assert_non_null(strstr(err.text, why));
	assert_true(all_zero(&h, sizeof(h)) && all_zero(s, sizeof(s)));
}

static void shape(uint32_t units, uint32_t regions)
{
	for (int i = 0; i < READINGS; i++) {
		enrolled[i].units = units;
		enrolled[i].regions = regions;
	}
}

typedef uint32_t cell_of(uint32_t unit, uint32_t region, uint64_t *seed);

static void fill(cell_of *cell)
{
	shape(128, 512);
	for (int i = 0; i < READINGS; i++) {
		uint64_t seed = 4;

		for (uint32_t u = 0; u < 128; u++)
			for (uint32_t r = 0; r < 512; r++)
				enrolled[i].cell[u * 512 + r] = cell(u, r, &seed);
	}
}

static uint32_t zero(uint32_t unit, uint32_t region, uint64_t *seed)
{
	(void)unit;
	(void)region;
	(void)seed;
	return 0;
}

static uint32_t constant(uint32_t unit, uint32_t region, uint64_t *seed)
{
	return zero(unit, region, seed) + 431;
}

/* Large, yet only what units and regions add: contrasts are all zero. */
static uint32_t additive(uint32_t unit, uint32_t region, uint64_t *seed)
{
	(void)seed;
	return 400 + unit * unit % 97 + region * region % 89;
}

/* All signs alike. */
static uint32_t one_sign(uint32_t unit, uint32_t region, uint64_t *seed)
{
	return 400 + ((unit ^ region) & 1 ? 0 : 3) + (uint32_t)(next_random(seed) & 1);
}

/* Signs that alternate: balanced, and no secret. */
static uint32_t pattern(uint32_t unit, uint32_t region, uint64_t *seed)
{
	(void)seed;
	return 400 + ((unit ^ region ^ region >> 1) & 1);
}

/* 65 % of the signs alike. */
static uint32_t biased(uint32_t unit, uint32_t region, uint64_t *seed)
{
	if (unit & 1 || region & 1)
		return 400;
	return next_random(seed) % 100 < 65 ? 410 : 390;
}

/* Fair, and enough of it: the counterpart of the ones above. */
static uint32_t fair(uint32_t unit, uint32_t region, uint64_t *seed)
{
	(void)unit;
	(void)region;
	return 400 + (uint32_t)(next_random(seed) % 1000);
}

static void test_degenerate(void **state)
{
	const struct fp_reading *list[READINGS] = { &enrolled[0], &enrolled[1], &enrolled[2],
						    &enrolled[3] };
	struct fp_helper h;
	uint8_t s[32];

	(void)state;
	fill(zero);
	expect_no_enrolment("degenerate", READINGS);
	fill(constant);
	expect_no_enrolment("degenerate", READINGS);
	fill(additive);
	expect_no_enrolment("degenerate", READINGS);
	fill(one_sign);
	expect_no_enrolment("too little entropy", READINGS);
	fill(pattern);
	expect_no_enrolment("too little entropy", READINGS);
	fill(biased);
	expect_no_enrolment("too little entropy", READINGS);
	fill(fair);
	expect_no_enrolment("3 to 64 readings", 2);
	expect_no_enrolment("3 to 64 readings", 1);
	assert_int_equal(hg_fp_generate(list, READINGS, &h, s, NULL, &err), 0);
}

static void test_short_and_odd(void **state)
{
	(void)state;
	fill(fair);
	shape(2, 2);
	expect_no_enrolment("too short", READINGS);
	shape(32, 64);
	expect_no_enrolment("too short", READINGS);
	shape(127, 512);
	expect_no_enrolment("must be even", READINGS);
	shape(128, 514);
	expect_no_enrolment("must be even", READINGS);
	shape(0, 0);
	expect_no_enrolment("must be even", READINGS);
	shape(0xfffffffe, 0xfffffffe);
	expect_no_enrolment("must be even", READINGS);
	shape(128, 512);
	enrolled[2].regions = 510;
	expect_no_enrolment("another shape", READINGS);
}

static void test_noise_only(void **state)
{
	struct hg_sim_device d;
	struct fp_helper h;
	uint8_t s[32];

	(void)state;
	hg_sim_defaults(&d, 4);
	d.spread = 0.01;
	d.noise = 5;
	assert_int_equal(enrol_device(&d, &h, s, NULL), -1);
	assert_non_null(strstr(err.text, "do not repeat"));
	assert_true(all_zero(&h, sizeof(h)) && all_zero(s, sizeof(s)));
}

/* ---- Estimates ---- */

static void test_entropy(void **state)
{
	static uint8_t bits[16384];
	uint64_t seed = 77;

	(void)state;
	memset(bits, 0, sizeof(bits));
	assert_int_equal(hg_fp_entropy(bits, sizeof(bits)), 0);
	memset(bits, 1, sizeof(bits));
	assert_int_equal(hg_fp_entropy(bits, sizeof(bits)), 0);
	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = i & 1;
	assert_true(hg_fp_entropy(bits, sizeof(bits)) < 10000);
	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = i < 300 ? next_random(&seed) & 1 : bits[i - 300];
	assert_true(hg_fp_entropy(bits, sizeof(bits)) < 10000);
	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = next_random(&seed) & 1;
	assert_in_range(hg_fp_entropy(bits, sizeof(bits)), 930000, 999999);
	/* -log2(0.75) = 0.415 */
	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = (next_random(&seed) & 3) != 0;
	assert_in_range(hg_fp_entropy(bits, sizeof(bits)), 380000, 415500);
	assert_int_equal(hg_fp_entropy(bits, 1000), 0);

	assert_int_equal(hg_fp_entropy_left(1, 1000000), 131);
	assert_int_equal(hg_fp_entropy_left(12, 1000000), 1572);
	assert_int_equal(hg_fp_entropy_left(12, 897254), 0);
	assert_int_equal(hg_fp_entropy_left(8, 950000), 9690 - 9152);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	cmocka_unit_test(test_new_each_time),
		cmocka_unit_test(test_by_openssl),	cmocka_unit_test(test_other_devices),
		cmocka_unit_test(test_other_helper),	cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_careful_changes), cmocka_unit_test(test_malformed_helper),
		cmocka_unit_test(test_degenerate),	cmocka_unit_test(test_short_and_odd),
		cmocka_unit_test(test_noise_only),	cmocka_unit_test(test_entropy),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
