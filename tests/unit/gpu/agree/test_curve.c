// SPDX-License-Identifier: Apache-2.0
/*
 * Diffie-Hellman of the device, in plain C: against OpenSSL, the vectors of RFC 7748,
 * and the inputs that an attacker would choose.
 */
#include "curve.h"
#include "x25519.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void hex(u8 *out, const char *text)
{
	for (size_t i = 0; text[2 * i]; i++)
		assert_int_equal(sscanf(text + 2 * i, "%2hhx", &out[i]), 1);
}

/* ---- The curves ---------------------------------------------------------------- */

struct oracle {
	EC_GROUP *group;
	EC_POINT *p, *q;
	BIGNUM *k;
};

static void oracle_open(struct oracle *o, int nid)
{
	o->group = EC_GROUP_new_by_curve_name(nid);
	assert_non_null(o->group);
	o->p = EC_POINT_new(o->group);
	o->q = EC_POINT_new(o->group);
	o->k = BN_new();
}

static void oracle_close(struct oracle *o)
{
	EC_POINT_free(o->p);
	EC_POINT_free(o->q);
	BN_free(o->k);
	EC_GROUP_free(o->group);
}

static void oracle_multiply(struct oracle *o, u8 out[64], const u8 *scalar, const u8 *point)
{
	u8 text[65] = { 4 };

	assert_non_null(BN_bin2bn(scalar, 32, o->k));
	if (point) {
		memcpy(text + 1, point, 64);
		assert_int_equal(EC_POINT_oct2point(o->group, o->p, text, 65, NULL), 1);
	}
	assert_int_equal(EC_POINT_mul(o->group, o->q, point ? NULL : o->k, point ? o->p : NULL,
				      point ? o->k : NULL, NULL),
			 1);
	assert_int_equal(
		EC_POINT_point2oct(o->group, o->q, POINT_CONVERSION_UNCOMPRESSED, text, 65, NULL),
		65);
	memcpy(out, text + 1, 64);
}

static void compare_curve(const struct curve *c, int nid)
{
	u8 k[32], p[64], q[64], expected[64];
	struct oracle o;

	oracle_open(&o, nid);
	for (int i = 0; i < 100; i++) {
		RAND_bytes(k, 32);
		k[0] &= 0x7f;
		if (i < 16) /* small ones, and so sums of equal points and of the neutral one */
			memset(k, 0, 31), k[31] = (u8)(i + 1);
		assert_int_equal(curve_multiply(p, k, NULL, c), 0);
		oracle_multiply(&o, expected, k, NULL);
		assert_memory_equal(p, expected, 64);
		RAND_bytes(k, 32);
		k[0] &= 0x7f;
		assert_int_equal(curve_multiply(q, k, p, c), 0);
		oracle_multiply(&o, expected, k, p);
		assert_memory_equal(q, expected, 64);
	}
	/* n - 1 gives the generator's negative. */
	words_to_be(k, c->n);
	k[31]--;
	assert_int_equal(curve_multiply(p, k, NULL, c), 0);
	oracle_multiply(&o, expected, k, NULL);
	assert_memory_equal(p, expected, 64);
	oracle_close(&o);
}

static void against_openssl(void **state)
{
	(void)state;
	compare_curve(&curve_p256, NID_X9_62_prime256v1);
	compare_curve(&curve_sm2, NID_sm2);
}

static void refused(const u8 *scalar, const u8 *point, const struct curve *c)
{
	static const u8 zero[64];
	u8 out[64];

	memset(out, 0xaa, sizeof(out));
	assert_int_equal(curve_multiply(out, scalar, point, c), -1);
	assert_memory_equal(out, zero, 64);
}

static void bad_points(void **state)
{
	static const struct curve *const curves[] = { &curve_p256, &curve_sm2 };

	(void)state;
	for (int which = 0; which < 2; which++) {
		const struct curve *c = curves[which];
		u8 one[32] = { [31] = 1 }, k[32], p[64], bad[64];

		assert_int_equal(curve_multiply(p, one, NULL, c), 0);
		for (int i = 0; i < 64; i++) {
			memcpy(bad, p, 64);
			bad[i] ^= 1;
			refused(one, bad, c);
		}
		memset(bad, 0, 64);
		refused(one, bad, c);
		/* Coordinates that are not reduced: p itself, and all ones. */
		memcpy(bad, p, 64);
		words_to_be(bad, c->p.p);
		refused(one, bad, c);
		memset(bad, 0xff, 32);
		refused(one, bad, c);
		/* Each other curve's generator. */
		assert_int_equal(curve_multiply(bad, one, NULL, curves[!which]), 0);
		refused(one, bad, c);
		/* Scalars 0, n and beyond. */
		memset(k, 0, 32);
		refused(k, NULL, c);
		words_to_be(k, c->n);
		refused(k, NULL, c);
		memset(k, 0xff, 32);
		refused(k, NULL, c);
	}
}

/* ---- X25519 --------------------------------------------------------------------- */

static void rfc7748(void **state)
{
	u8 k[32], u[32], out[32], expected[32];

	(void)state;
	hex(k, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
	hex(u, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
	hex(expected, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	assert_int_equal(x25519(out, k, u), 0);
	assert_memory_equal(out, expected, 32);
	hex(k, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
	hex(u, "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
	hex(expected, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
	assert_int_equal(x25519(out, k, u), 0);
	assert_memory_equal(out, expected, 32);
	/* Once, and a thousand times over. */
	memset(k, 0, 32);
	k[0] = 9;
	memcpy(u, k, 32);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(x25519(out, k, u), 0);
		memcpy(u, k, 32);
		memcpy(k, out, 32);
		if (i)
			continue;
		hex(expected, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
		assert_memory_equal(out, expected, 32);
	}
	hex(expected, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
	assert_memory_equal(k, expected, 32);
}

static void x25519_against_openssl(void **state)
{
	u8 k[32], u[32], out[32], expected[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		EVP_PKEY *own, *peer;
		EVP_PKEY_CTX *ctx;
		size_t n = 32;

		RAND_bytes(k, 32);
		RAND_bytes(u, 32);
		own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k, 32);
		peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, u, 32);
		assert_int_equal(EVP_PKEY_get_raw_public_key(own, expected, &n), 1);
		assert_int_equal(x25519(out, k, NULL), 0);
		assert_memory_equal(out, expected, 32);
		ctx = EVP_PKEY_CTX_new(own, NULL);
		assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
		assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
		assert_int_equal(EVP_PKEY_derive(ctx, expected, &n), 1);
		assert_int_equal(x25519(out, k, u), 0);
		assert_memory_equal(out, expected, 32);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(own);
		EVP_PKEY_free(peer);
	}
}

/* Points of small order, and what is congruent to them, give zero: refused. */
static void small_order(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	static const u8 zero[32];
	u8 k[32], u[32], out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		RAND_bytes(k, 32);
		hex(u, points[i]);
		memset(out, 0xaa, sizeof(out));
		assert_int_equal(x25519(out, k, u), -1);
		assert_memory_equal(out, zero, 32);
	}
}

/* ---- Arithmetic ------------------------------------------------------------------- */

/* fe_mul, fe_add, fe_sub and fe_invert against OpenSSL's numbers, edges included. */
static void field(const struct fe_prime *m)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = BN_new(), *x = BN_new(), *y = BN_new(), *z = BN_new();
	u8 bytes[32], expected[32];

	words_to_be(bytes, m->p);
	BN_bin2bn(bytes, 32, p);
	for (int i = 0; i < 300; i++) {
		struct fe a, b, c;

		BN_rand_range(x, p);
		BN_rand_range(y, p);
		if (i < 9) {
			BN_set_word(x, (BN_ULONG)(i % 3));
			BN_set_word(y, (BN_ULONG)(i / 3));
		} else if (i < 18) {
			BN_sub(x, p, BN_value_one());
			BN_set_word(y, (BN_ULONG)(i - 9));
		}
		BN_bn2binpad(x, bytes, 32);
		words_from_be(a.v, bytes);
		fe_enter(&a, m);
		BN_bn2binpad(y, bytes, 32);
		words_from_be(b.v, bytes);
		fe_enter(&b, m);
		for (int op = 0; op < 4; op++) {
			if (op == 0)
				BN_mod_mul(z, x, y, p, ctx), fe_mul(&c, &a, &b, m);
			else if (op == 1)
				BN_mod_add(z, x, y, p, ctx), fe_add(&c, &a, &b, m);
			else if (op == 2)
				BN_mod_sub(z, x, y, p, ctx), fe_sub(&c, &a, &b, m);
			else if (BN_is_zero(x))
				BN_zero(z), fe_invert(&c, &a, m);
			else
				BN_mod_inverse(z, x, p, ctx), fe_invert(&c, &a, m);
			fe_leave(&c, m);
			words_to_be(bytes, c.v);
			BN_bn2binpad(z, expected, 32);
			assert_memory_equal(bytes, expected, 32);
		}
	}
	BN_free(p);
	BN_free(x);
	BN_free(y);
	BN_free(z);
	BN_CTX_free(ctx);
}

static void fields(void **state)
{
	(void)state;
	field(&curve_p256.p);
	field(&curve_sm2.p);
	field(&x25519_prime);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(against_openssl),
		cmocka_unit_test(bad_points),
		cmocka_unit_test(rfc7748),
		cmocka_unit_test(x25519_against_openssl),
		cmocka_unit_test(small_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
