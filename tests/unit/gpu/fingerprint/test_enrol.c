// SPDX-License-Identifier: Apache-2.0
/* Records: made, signed, read again, changed; and devices compared with them. */
#include "check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrol.h"
#include "simulated.h"

#define NOW 1800000000

static struct hg_gpu_error err;
static EVP_PKEY *enroller, *stranger;
static struct hg_sim_device device;
static struct hg_fp_identity identity;
static struct hg_fp_record record;
static struct fp_reading readings[3], now;
static char *signed_text;

static int setup(void **state)
{
	const struct fp_reading *list[3] = { &readings[0], &readings[1], &readings[2] };

	(void)state;
	enroller = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	stranger = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	hg_sim_defaults(&device, 42);
	hg_sim_identity(&device, &identity);
	for (uint64_t i = 0; i < 3; i++)
		hg_sim_read(&device, i, &readings[i]);
	assert_int_equal(hg_fp_enrol(&identity, list, 3, NOW, NOW + 1000, &record, &err), 0);
	signed_text = hg_fp_record_sign(&record, enroller, &err);
	assert_non_null(signed_text);
	hg_sim_read(&device, 77, &now);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(signed_text);
	EVP_PKEY_free(enroller);
	EVP_PKEY_free(stranger);
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

static void expect_refused(const char *text, size_t size, EVP_PKEY *trusted, const char *why)
{
	struct hg_fp_record r;

	memset(&r, 0x55, sizeof(r));
	*err.text = '\0';
	assert_int_equal(hg_fp_record_parse(text, size, trusted, &r, &err), -1);
	if (!strstr(err.text, why))
		fail_msg("want '%s' in '%s'", why, err.text);
	assert_true(all_zero(&r, sizeof(r)));
}

static void test_round_trip(void **state)
{
	struct hg_fp_record r;

	(void)state;
	assert_int_equal(hg_fp_record_parse(signed_text, strlen(signed_text), enroller, &r, &err),
			 0);
	assert_memory_equal(&r.identity, &record.identity, sizeof(r.identity));
	assert_memory_equal(&r.helper, &record.helper, sizeof(r.helper));
	assert_memory_equal(&r.quality, &record.quality, sizeof(r.quality));
	assert_memory_equal(&r.summary, &record.summary, sizeof(r.summary));
	assert_memory_equal(r.check, record.check, 32);
	assert_memory_equal(r.x25519, record.x25519, 32);
	assert_memory_equal(r.p256, record.p256, 64);
	assert_memory_equal(r.sm2, record.sm2, 64);
	assert_memory_equal(r.signer, record.signer, 32);
	assert_true(r.simulated && r.behaviour && r.created == NOW && r.expires == NOW + 1000);
	assert_true(strstr(signed_text, "\"simulated\": true") != NULL);
}

/* Keys by OpenSSL's own ways, from the secret that the device would get. */
static void test_keys(void **state)
{
	uint8_t secret[32], key[32], public[64], info[] = "hypergpu device static\x01\x01\x01";
	size_t size = 32;
	EVP_PKEY *pair;

	(void)state;
	assert_int_equal(hg_fp_reproduce(&record.helper, &now, secret, NULL, &err), 0);
	HMAC(EVP_sha256(), secret, 32, info, sizeof(info) - 1, key, NULL);
	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, 32);
	assert_int_equal(EVP_PKEY_get_raw_public_key(pair, public, &size), 1);
	EVP_PKEY_free(pair);
	assert_memory_equal(public, record.x25519, 32);

	/* The points lie on their curves, and differ. */
	for (int i = 0; i < 2; i++) {
		uint8_t text[65] = { 4 };
		EC_GROUP *g = EC_GROUP_new_by_curve_name(i ? NID_sm2 : NID_X9_62_prime256v1);
		EC_POINT *p = EC_POINT_new(g);

		memcpy(text + 1, i ? record.sm2 : record.p256, 64);
		assert_int_equal(EC_POINT_oct2point(g, p, text, 65, NULL), 1);
		EC_POINT_free(p);
		EC_GROUP_free(g);
	}
	assert_int_equal(hg_fp_public_key(secret, HG_FP_P256, public, &err), 0);
	assert_memory_equal(public, record.p256, 64);
	secret[0] ^= 1;
	assert_int_equal(hg_fp_public_key(secret, HG_FP_P256, public, &err), 0);
	assert_memory_not_equal(public, record.p256, 64);
}

/* The record holds nothing of the secret, nor the keys' private halves. */
static void test_no_secret(void **state)
{
	uint8_t secret[32], mac[32], info[] = "hypergpu device static\x01\x01\x01";
	char hex[65];
	const uint8_t *hidden[] = { secret, mac };

	(void)state;
	assert_int_equal(hg_fp_reproduce(&record.helper, &now, secret, NULL, &err), 0);
	HMAC(EVP_sha256(), secret, 32, info, sizeof(info) - 1, mac, NULL);
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 32; i++)
			snprintf(hex + 2 * i, 3, "%02x", hidden[k][i]);
		assert_null(strstr(signed_text, hex));
		assert_null(memmem(&record, sizeof(record), hidden[k], 32));
	}
}

static void test_signature(void **state)
{
	size_t size = strlen(signed_text), refused = 0;
	EVP_PKEY *p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");

	(void)state;
	expect_refused(signed_text, size, stranger, "signed by key");
	expect_refused(signed_text, size, p384, "not on P-256");
	assert_null(hg_fp_record_sign(&record, p384, &err));
	EVP_PKEY_free(p384);
	/* One character after another; a blank may change, the meaning may not. */
	for (size_t i = 0; i < size; i += 7) {
		char *copy = strdup(signed_text);
		struct hg_fp_record r;

		copy[i] ^= 1;
		if (hg_fp_record_parse(copy, size, enroller, &r, &err)) {
			assert_true(all_zero(&r, sizeof(r)));
			refused++;
		} else {
			assert_memory_equal(&r.identity, &record.identity, sizeof(r.identity));
			assert_memory_equal(&r.helper, &record.helper, sizeof(r.helper));
		}
		free(copy);
	}
	assert_true(refused > size / 7 * 9 / 10);
	for (size_t n = 0; n < size; n += 97)
		expect_refused(signed_text, n, enroller, "record: ");
	expect_refused(signed_text, HG_FP_RECORD_MAX + 1, enroller, "at most");
}

/* Signs whatever JSON it gets, as an enroller who errs would. */
static char *sign_json(json_t *obj)
{
	char *text = json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS), *out;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const json_t *old = json_object_get(json_object_get(obj, "signature"), "key");
	unsigned char der[80], sig[64], base64[100];
	const unsigned char *p = der;
	size_t n = sizeof(der);
	json_t *key = json_incref((json_t *)old);
	ECDSA_SIG *s;

	json_object_del(obj, "signature");
	free(text);
	text = json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS);
	EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, enroller, NULL);
	EVP_DigestSign(ctx, der, &n, (unsigned char *)text, strlen(text));
	s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
	EVP_EncodeBlock(base64, sig, 64);
	json_object_set_new(
		obj, "signature",
		json_pack("{s:s,s:o,s:s}", "alg", "ES256", "key", key, "value", base64));
	out = json_dumps(obj, 0);
	ECDSA_SIG_free(s);
	EVP_MD_CTX_free(ctx);
	free(text);
	return out;
}

/* Well signed, and still not taken. @at: member, or "outer/inner". NULL value: removed. */
static void refuse_member(const char *at, json_t *value, const char *why)
{
	json_t *obj = json_loads(signed_text, 0, NULL), *in = obj;
	const char *slash = strchr(at, '/');
	char outer[40] = "", *text;

	if (slash) {
		memcpy(outer, at, (size_t)(slash - at));
		in = json_object_get(obj, outer);
		at = slash + 1;
	}
	if (value)
		json_object_set_new(in, at, value);
	else
		json_object_del(in, at);
	text = sign_json(obj);
	expect_refused(text, strlen(text), enroller, why);
	free(text);
	json_decref(obj);
}

static void test_members(void **state)
{
	char wide[HG_FP_VALUE_MAX + 10];

	(void)state;
	memset(wide, 'x', sizeof(wide));
	wide[sizeof(wide) - 1] = '\0';
	refuse_member("version", json_integer(2), "version");
	refuse_member("version", NULL, "\"version\" is missing");
	refuse_member("kind", json_string("both"), "kind");
	refuse_member("kind", json_string("identity"), "does not belong");
	refuse_member("simulated", json_integer(0), "neither true nor false");
	refuse_member("created", json_integer(-1), "created");
	refuse_member("created", json_string("today"), "created");
	refuse_member("expires", json_integer(NOW), "before \"created\"");
	refuse_member("expires", json_integer(INT64_MAX), "range");
	refuse_member("extra", json_true(), "unknown member \"extra\"");
	refuse_member("identity", json_array(), "identity");
	refuse_member("identity/cl.nme", json_string("x"), "unknown member \"cl.nme\"");
	refuse_member("identity/cl.name", json_string(wide), "cl.name");
	refuse_member("identity/cl.name", json_string("x"), "identity_hash");
	refuse_member("identity_hash", json_string("00"), "identity_hash");
	refuse_member("behaviour", NULL, "behaviour");
	refuse_member("behaviour/bits", json_integer(1), "helper data is for");
	refuse_member("behaviour/blocks", json_integer(0), "helper data is for");
	refuse_member("behaviour/units", json_integer(126), "helper data is for");
	refuse_member("behaviour/units", json_real(128), "range");
	refuse_member("behaviour/noise_ppm", json_integer(500000), "does not accept");
	refuse_member("behaviour/entropy_ppm", json_integer(1000001), "does not accept");
	refuse_member("behaviour/entropy_left", json_integer(1000), "does not accept");
	refuse_member("behaviour/readings", json_integer(1), "does not accept");
	refuse_member("behaviour/low", json_integer(4000000000), "out of order");
	refuse_member("behaviour/more", json_integer(1), "unknown member");
	refuse_member("helper", json_string(""), "base64");
	refuse_member("helper", json_string("AAAA"), "base64");
	refuse_member("helper", NULL, "\"helper\" is missing");
	refuse_member("check", json_string("zz"), "check");
	refuse_member("keys/x25519", json_string("AB"), "x25519");
	refuse_member("keys/p256", NULL, "p256");
	refuse_member("keys/rsa", json_string("00"), "unknown member");
}

static void test_helper_in_record(void **state)
{
	struct fp_helper bad = record.helper;
	char text[4 * (sizeof(bad) + 2) / 3 + 4];

	(void)state;
	bad.blocks = FP_BLOCKS_MAX + 1;
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)&bad, sizeof(bad));
	refuse_member("helper", json_string(text), "sizes do not fit");
	memset(&bad, 0, sizeof(bad));
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)&bad, sizeof(bad));
	refuse_member("helper", json_string(text), "sizes do not fit");
	/* The last digit of base64 has bits that are not used: they must be zero. */
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)&record.helper,
			sizeof(record.helper));
	assert_int_equal(text[strlen(text) - 1], '=');
	text[strlen(text) - 3]++;
	refuse_member("helper", json_string(text), "canonical base64");
	text[strlen(text) - 3] = '!';
	refuse_member("helper", json_string(text), "base64");
}

static void test_duplicates(void **state)
{
	char *text = malloc(strlen(signed_text) + 40);

	(void)state;
	strcpy(text, signed_text);
	strcpy(strrchr(text, '}'), ", \"kind\": \"behaviour\"}");
	expect_refused(text, strlen(text), enroller, "duplicate");
	strcpy(text, signed_text);
	strcat(text, "{}");
	expect_refused(text, strlen(text), enroller, "not JSON");
	expect_refused("[]", 2, enroller, "not an object");
	expect_refused("", 0, enroller, "not JSON");
	free(text);
}

static void test_identity_only(void **state)
{
	struct hg_fp_evidence e = { .identity = identity };
	struct hg_fp_record r, again;
	struct hg_fp_result result;
	char *text;

	(void)state;
	assert_int_equal(hg_fp_enrol(&identity, NULL, 0, NOW, 0, &r, &err), 0);
	text = hg_fp_record_sign(&r, enroller, &err);
	assert_null(strstr(text, "helper"));
	assert_int_equal(hg_fp_record_parse(text, strlen(text), enroller, &again, &err), 0);
	assert_false(again.behaviour);
	hg_fp_compare(&again, &e, NOW + 5, false, &result);
	assert_true(result.passed && result.score_ppm == 0);
	free(text);
	assert_int_equal(hg_fp_enrol(&identity, NULL, 0, NOW, NOW, &r, &err), -1);
}

/* ---- Comparison ---- */

static struct hg_fp_evidence good_evidence(void)
{
	struct hg_fp_evidence e = { .identity = identity, .measured = true, .differ = 765 };

	memcpy(e.check, record.check, 32);
	return e;
}

static struct hg_fp_result compare(const struct hg_fp_evidence *e, int64_t at, bool strict)
{
	struct hg_fp_result result;

	hg_fp_compare(&record, e, at, strict, &result);
	return result;
}

static void test_alike(void **state)
{
	struct hg_fp_evidence e = good_evidence();
	struct hg_fp_result r = compare(&e, NOW, true);

	(void)state;
	assert_true(r.passed && r.simulated);
	assert_int_equal(r.count, 0);
	assert_int_equal(r.members, 2);
	assert_int_equal(r.alike, 2);
	assert_int_equal(r.score_ppm,
			 (uint64_t)(record.quality.bits - 765) * 1000000 / record.quality.bits);
}

static void test_differences(void **state)
{
	struct hg_fp_evidence e = good_evidence();
	struct hg_fp_result r;

	(void)state;
	hg_fp_set(&e.identity, "simulated.serial", "another");
	r = compare(&e, NOW, false);
	assert_false(r.passed);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.difference[0].name, "simulated.serial");
	assert_string_equal(r.difference[0].found, "another");
	assert_string_equal(r.difference[0].expected, hg_fp_get(&identity, "simulated.serial"));

	memset(&e.identity.value, 0, sizeof(e.identity.value));
	r = compare(&e, NOW, false);
	assert_int_equal(r.count, 2);
	assert_string_equal(r.difference[0].found, "nothing");

	e = good_evidence();
	e.failed = true;
	r = compare(&e, NOW, false);
	assert_false(r.passed);
	assert_int_equal(r.score_ppm, 0);
	assert_string_equal(r.difference[0].name, "behaviour");
	e.failed = false;
	e.check[31] ^= 1;
	assert_false(compare(&e, NOW, false).passed);
	e.measured = false;
	assert_false(compare(&e, NOW, false).passed);

	e = good_evidence();
	e.identity.simulated = false;
	r = compare(&e, NOW, false);
	assert_false(r.passed);
	assert_string_equal(r.difference[0].name, "simulated");

	e = good_evidence();
	assert_true(compare(&e, NOW + 999, false).passed);
	assert_false(compare(&e, NOW + 1000, false).passed);
	assert_false(compare(&e, NOW - 1, false).passed);
}

/* Software and placement: named; software fails only when asked to. */
static void test_classes(void **state)
{
	struct hg_fp_evidence e = good_evidence();
	struct hg_fp_record r = record;
	struct hg_fp_result result;

	(void)state;
	hg_fp_set(&r.identity, "cl.driver", "1.0");
	hg_fp_set(&r.identity, "pci.address", "0000:01:00.0");
	hg_fp_set(&e.identity, "cl.driver", "2.0");
	hg_fp_set(&e.identity, "pci.address", "0000:02:00.0");
	hg_fp_set(&e.identity, "pci.serial", "was not enrolled");
	hg_fp_compare(&r, &e, NOW, false, &result);
	assert_true(result.passed);
	assert_int_equal(result.count, 2);
	assert_string_equal(result.difference[0].class, "software");
	assert_string_equal(result.difference[1].class, "placement");
	hg_fp_compare(&r, &e, NOW, true, &result);
	assert_false(result.passed);
	assert_true(result.difference[0].fails && !result.difference[1].fails);
	/* A record without a stable member proves nothing. */
	memset(&r.identity, 0, sizeof(r.identity));
	hg_fp_compare(&r, &e, NOW, false, &result);
	assert_false(result.passed);
}

static void test_other_device(void **state)
{
	struct hg_fp_evidence e = { .measured = true };
	struct hg_fp_result r;
	uint8_t secret[32];

	(void)state;
	device.serial = 43;
	hg_sim_identity(&device, &e.identity);
	hg_sim_read(&device, 77, &now);
	e.failed = hg_fp_reproduce(&record.helper, &now, secret, &e.differ, &err) != 0;
	r = compare(&e, NOW, false);
	assert_false(r.passed);
	assert_int_equal(r.count, 2);
	device.serial = 42;
	hg_sim_read(&device, 77, &now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_no_secret),  cmocka_unit_test(test_signature),
		cmocka_unit_test(test_members),	   cmocka_unit_test(test_helper_in_record),
		cmocka_unit_test(test_duplicates), cmocka_unit_test(test_identity_only),
		cmocka_unit_test(test_alike),	   cmocka_unit_test(test_differences),
		cmocka_unit_test(test_classes),	   cmocka_unit_test(test_other_device),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
