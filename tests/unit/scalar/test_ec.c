// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points and signatures of the three curves, and SM3, against OpenSSL's: the standards' examples,
 * the edges, and at random, in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

#include "ec.h"
#include "sm3.h"

static const struct curve {
	const struct hgl_curve *ours;
	const char *type, *group, *hash;
	int nid;
} curves[] = {
	{ &hgl_p256, "EC", "P-256", "SHA256", NID_X9_62_prime256v1 },
	{ &hgl_p384, "EC", "P-384", "SHA384", NID_secp384r1 },
	{ &hgl_sm2, "SM2", "SM2", "SM3", NID_sm2 },
};

#define MAX	HGL_SCALAR_SIZE

static u32 half_of(const struct curve *c)
{
	return hgl_modulus_size(&c->ours->p);
}

static void random_scalar(const struct curve *c, struct hgl_scalar *k)
{
	u8 bytes[MAX];

	do
		assert_int_equal(RAND_bytes(bytes, (int)half_of(c)), 1);
	while (!hgl_scalar_get(&c->ours->n, k, bytes));
}

static void small(const struct curve *c, struct hgl_scalar *k, u32 n, bool from_order)
{
	struct hgl_scalar value = { { n } }, zero = { { 0 } };

	*k = value;
	if (from_order)
		hgl_scalar_sub(&c->ours->n, k, &zero, &value);
}

/* The constants are those of OpenSSL's curve, of the same name. */
static void test_constants(void **state)
{
	u32 i, j;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		const struct hgl_curve *c = curves[i].ours;
		EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[i].nid);
		const struct hgl_scalar *ours[] = { &c->p.value, &c->b, &c->n.value, &c->x, &c->y };
		BIGNUM *n[6], *want, *got = BN_new();
		u8 bytes[MAX];

		for (j = 0; j < 6; j++)
			n[j] = BN_new();
		assert_int_equal(EC_GROUP_get_curve(group, n[0], n[5], n[1], NULL), 1);
		assert_int_equal(EC_GROUP_get_order(group, n[2], NULL), 1);
		assert_int_equal(EC_POINT_get_affine_coordinates(
					 group, EC_GROUP_get0_generator(group), n[3], n[4], NULL),
				 1);
		for (j = 0; j < 5; j++) {
			hgl_scalar_put(&c->p, ours[j], bytes);
			assert_non_null(BN_bin2bn(bytes, (int)half_of(&curves[i]), got));
			assert_int_equal(BN_cmp(got, n[j]), 0);
		}
		/* a = p - 3, which the formulas rest on; and one, the cofactor. */
		want = BN_dup(n[0]);
		assert_true(BN_sub_word(want, 3));
		assert_int_equal(BN_cmp(want, n[5]), 0);
		assert_int_equal(EC_GROUP_get_cofactor(group, got, NULL), 1);
		assert_true(BN_is_one(got));
		for (j = 0; j < 6; j++)
			BN_free(n[j]);
		BN_free(want);
		BN_free(got);
		EC_GROUP_free(group);
	}
}

static void same_point(const struct curve *c, const struct hgl_scalar *k)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(c->nid);
	EC_POINT *point = EC_POINT_new(group);
	BIGNUM *n, *x = BN_new(), *y = BN_new();
	u32 half = half_of(c);
	struct hgl_scalar ox, oy;
	u8 got[2 * MAX], want[2 * MAX];

	hgl_scalar_put(&c->ours->n, k, got);
	n = BN_bin2bn(got, (int)half, NULL);
	assert_int_equal(EC_POINT_mul(group, point, n, NULL, NULL, NULL), 1);
	assert_int_equal(EC_POINT_get_affine_coordinates(group, point, x, y, NULL), 1);
	assert_int_equal(BN_bn2binpad(x, want, (int)half), half);
	assert_int_equal(BN_bn2binpad(y, want + half, (int)half), half);
	assert_true(hgl_ec_multiply(c->ours, k, &ox, &oy));
	hgl_scalar_put(&c->ours->p, &ox, got);
	hgl_scalar_put(&c->ours->p, &oy, got + half);
	assert_memory_equal(got, want, 2 * half);
	BN_free(n);
	BN_free(x);
	BN_free(y);
	EC_POINT_free(point);
	EC_GROUP_free(group);
}

static void test_multiply(void **state)
{
	struct hgl_scalar k, x, y, zero = { { 0 } };
	u32 i, j;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		for (j = 1; j < 20; j++) {
			small(&curves[i], &k, j, false);
			same_point(&curves[i], &k);
			small(&curves[i], &k, j, true);
			same_point(&curves[i], &k);
		}
		for (j = 0; j < 30; j++) {
			random_scalar(&curves[i], &k);
			same_point(&curves[i], &k);
		}
		/* One bit, and all below it. */
		for (j = 1; j < 8 * half_of(&curves[i]) - 1; j += 31) {
			k = zero;
			k.limb[j / 64] = 1ULL << j % 64;
			same_point(&curves[i], &k);
			k.limb[0] |= 0xffffffff;
			same_point(&curves[i], &k);
		}
		assert_false(hgl_ec_multiply(curves[i].ours, &zero, &x, &y));
		assert_false(hgl_ec_multiply(curves[i].ours, &curves[i].ours->n.value, &x, &y));
	}
}

/* ---- SM3 ---- */

static void sm3(const u8 *data, size_t size, size_t cut, u8 *digest)
{
	struct hgl_sm3 h;

	hgl_sm3_begin(&h);
	hgl_sm3_add(&h, data, cut);
	hgl_sm3_add(&h, data + cut, size - cut);
	hgl_sm3_end(&h, digest);
}

static void test_sm3(void **state)
{
	u8 data[300], got[32], want[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (u8)(i * 7 + 1);
	for (i = 0; i <= sizeof(data); i++) {
		assert_int_equal(EVP_Digest(data, i, want, NULL, EVP_sm3(), NULL), 1);
		sm3(data, i, i / 3, got);
		assert_memory_equal(got, want, 32);
	}
	/* GM/T 0004, A.1. */
	sm3((const u8 *)"abc", 3, 1, got);
	assert_memory_equal(got, "\x66\xc7\xf0\xf4\x62\xee\xed\xd9\xd1\xf2\xd4\x6b\xdc\x10\xe4\xe2"
			    "\x41\x67\xc4\x87\x5c\xf2\xf7\xa2\x29\x7d\xa0\x2b\x8f\x4b\xa8\xe0", 32);
}

/* ---- signatures ---- */

/* Of what is signed: for SM2 as a digest, so that it is here as there without Z. */
static void hash(const struct curve *c, const char *message, u8 *digest)
{
	const EVP_MD *md = EVP_get_digestbyname(c->hash);

	assert_int_equal(EVP_Digest(message, strlen(message), digest, NULL, md, NULL), 1);
}

static EVP_PKEY *theirs(const struct curve *c, const u8 *public, const struct hgl_scalar *d)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, c->type, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	u8 point[1 + 2 * MAX] = { 4 }, private[MAX];
	u32 half = half_of(c);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	BIGNUM *n;

	memcpy(point + 1, public, 2 * half);
	hgl_scalar_put(&c->ours->n, d, private);
	n = BN_bin2bn(private, (int)half, NULL);
	assert_true(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, c->group,
						    0));
	assert_true(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
						     1 + 2 * half));
	assert_true(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, n));
	params = OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
	assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	BN_free(n);
	return key;
}

static bool they_verify(const struct curve *c, EVP_PKEY *key, const u8 *digest, const u8 *signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	u32 half = half_of(c);
	u8 *der = NULL;
	int size, good;

	assert_true(ECDSA_SIG_set0(sig, BN_bin2bn(signature, (int)half, NULL),
				   BN_bin2bn(signature + half, (int)half, NULL)));
	size = i2d_ECDSA_SIG(sig, &der);
	assert_int_equal(EVP_PKEY_verify_init(context), 1);
	good = EVP_PKEY_verify(context, der, (size_t)size, digest, half);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(context);
	return good == 1;
}

static void they_sign(const struct curve *c, EVP_PKEY *key, const u8 *digest, u8 *signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	u32 half = half_of(c);
	u8 der[160];
	const u8 *p = der;
	size_t size = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_PKEY_sign_init(context), 1);
	assert_int_equal(EVP_PKEY_sign(context, der, &size, digest, half), 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)size);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, (int)half), half);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + half, (int)half), half);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(context);
}

static void make_public(const struct curve *c, const struct hgl_scalar *d, u8 *public)
{
	struct hgl_scalar x, y;

	assert_true(hgl_ec_multiply(c->ours, d, &x, &y));
	hgl_scalar_put(&c->ours->p, &x, public);
	hgl_scalar_put(&c->ours->p, &y, public + half_of(c));
}

static void both_ways(const struct curve *c, const struct hgl_scalar *d, const u8 *digest)
{
	u8 public[2 * MAX], signature[2 * MAX], other[2 * MAX];
	struct hgl_scalar e, k;
	EVP_PKEY *key;
	u32 i;

	make_public(c, d, public);
	key = theirs(c, public, d);
	hgl_scalar_reduce(&c->ours->n, &e, digest);
	random_scalar(c, &k);
	assert_int_equal(hgl_ec_sign(c->ours, d, &e, &k, signature), HGL_EC_OK);
	assert_true(hgl_ec_verify(c->ours, public, &e, signature));
	assert_true(they_verify(c, key, digest, signature));
	they_sign(c, key, digest, other);
	assert_true(hgl_ec_verify(c->ours, public, &e, other));
	/* No bit of it may change, nor of the key. */
	for (i = 0; i < 2 * half_of(c); i += 5) {
		other[i] ^= 1 << i % 8;
		assert_false(hgl_ec_verify(c->ours, public, &e, other));
		other[i] ^= 1 << i % 8;
		public[i] ^= 1 << i % 8;
		assert_false(hgl_ec_verify(c->ours, public, &e, other));
		public[i] ^= 1 << i % 8;
	}
	EVP_PKEY_free(key);
}

static void test_sign(void **state)
{
	u8 digest[MAX];
	struct hgl_scalar d;
	u32 i, j;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		for (j = 0; j < 4; j++) {
			random_scalar(&curves[i], &d);
			assert_int_equal(RAND_bytes(digest, MAX), 1);
			both_ways(&curves[i], &d, digest);
		}
		/* Private keys and digests at the edges: 1, the last; 0, all ones. */
		small(&curves[i], &d, 1, false);
		memset(digest, 0xff, MAX);
		both_ways(&curves[i], &d, digest);
		small(&curves[i], &d, 2, true);
		both_ways(&curves[i], &d, digest);
		memset(digest, 0, MAX);
		both_ways(&curves[i], &d, digest);
	}
}

static void test_private(void **state)
{
	struct hgl_scalar d, zero = { { 0 } };
	u32 i;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		assert_false(hgl_ec_is_private(curves[i].ours, &zero));
		small(&curves[i], &d, 1, false);
		assert_true(hgl_ec_is_private(curves[i].ours, &d));
		small(&curves[i], &d, 2, true);
		assert_true(hgl_ec_is_private(curves[i].ours, &d));
		/* The last: SM2 would have to divide by 0. */
		small(&curves[i], &d, 1, true);
		assert_int_equal(hgl_ec_is_private(curves[i].ours, &d), !curves[i].ours->sm2);
	}
}

/* Nonces that give no signature ask for another; they are found by solving for them. */
static void test_again(void **state)
{
	u8 signature[2 * MAX], before[2 * MAX];
	struct hgl_scalar d, e, k, x, y, zero = { { 0 } };
	u32 i;

	(void)state;
	memset(before, 0xa5, sizeof(before));
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		const struct hgl_curve *c = curves[i].ours;
		u8 bytes[MAX];

		memcpy(signature, before, sizeof(before));
		random_scalar(&curves[i], &d);
		random_scalar(&curves[i], &k);
		assert_true(hgl_ec_multiply(c, &k, &x, &y));
		hgl_scalar_put(&c->p, &x, bytes);
		hgl_scalar_reduce(&c->n, &x, bytes);
		if (c->sm2) {
			/* r = 0, then r + k = 0 */
			hgl_scalar_sub(&c->n, &e, &zero, &x);
			assert_int_equal(hgl_ec_sign(c, &d, &e, &k, signature), HGL_EC_AGAIN);
			hgl_scalar_sub(&c->n, &e, &e, &k);
		} else {
			/* s = 0: e = - r d */
			hgl_scalar_mul(&c->n, &e, &x, &d);
			hgl_scalar_sub(&c->n, &e, &zero, &e);
		}
		assert_int_equal(hgl_ec_sign(c, &d, &e, &k, signature), HGL_EC_AGAIN);
		assert_memory_equal(signature, before, sizeof(before));
	}
}

/* r and s out of range, and keys that are no points, are no signatures. */
static void test_range(void **state)
{
	struct hgl_scalar d, k, e;
	u8 public[2 * MAX], signature[2 * MAX], changed[2 * MAX], other[2 * MAX];
	u32 i, j;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		const struct hgl_curve *c = curves[i].ours;
		u32 half = half_of(&curves[i]);

		random_scalar(&curves[i], &d);
		random_scalar(&curves[i], &k);
		random_scalar(&curves[i], &e);
		make_public(&curves[i], &d, public);
		assert_int_equal(hgl_ec_sign(c, &d, &e, &k, signature), HGL_EC_OK);
		for (j = 0; j < 2; j++) {
			memcpy(changed, signature, sizeof(changed));
			memset(changed + j * half, 0, half);
			assert_false(hgl_ec_verify(c, public, &e, changed));
			hgl_scalar_put(&c->n, &c->n.value, changed + j * half);
			assert_false(hgl_ec_verify(c, public, &e, changed));
			memset(changed + j * half, 0xff, half);
			assert_false(hgl_ec_verify(c, public, &e, changed));
			memcpy(other, public, sizeof(other));
			memset(other + j * half, 0, half);
			assert_false(hgl_ec_verify(c, other, &e, signature));
			memset(other + j * half, 0xff, half);
			assert_false(hgl_ec_verify(c, other, &e, signature));
		}
		assert_true(hgl_ec_verify(c, public, &e, signature));
		/* Another digest, another key. */
		random_scalar(&curves[i], &k);
		assert_false(hgl_ec_verify(c, public, &k, signature));
		make_public(&curves[i], &k, public);
		assert_false(hgl_ec_verify(c, public, &e, signature));
	}
}

static void test_examples(void **state)
{
	/* SM3(Z || "message digest"), from the standard. */
	static const u8 sm2[] = {
		0xf0, 0xb4, 0x3e, 0x94, 0xba, 0x45, 0xac, 0xca, 0xac, 0xe6, 0x92, 0xed, 0x53, 0x43,
		0x82, 0xeb, 0x17, 0xe6, 0xab, 0x5a, 0x19, 0xce, 0x7b, 0x31, 0xf4, 0x48, 0x6f, 0xdf,
		0xc0, 0xd2, 0x86, 0x40,
	};
	struct hgl_scalar e, one = { { 1 } };
	u8 digest[64];
	u32 i;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(curves); i++) {
		const struct hgl_curve *c = curves[i].ours;

		if (c->sm2)
			memcpy(digest, sm2, sizeof(sm2));
		else
			hash(&curves[i], hgl_ec_example(c)->message, digest);
		hgl_scalar_reduce(&c->n, &e, digest);
		assert_true(hgl_ec_works(c, &e));
		hgl_scalar_add(&c->n, &e, &e, &one);
		assert_false(hgl_ec_works(c, &e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constants), cmocka_unit_test(test_multiply),
		cmocka_unit_test(test_sm3), cmocka_unit_test(test_sign),
		cmocka_unit_test(test_private), cmocka_unit_test(test_again),
		cmocka_unit_test(test_range), cmocka_unit_test(test_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
