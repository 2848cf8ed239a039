// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic modulo the orders and fields of the three curves against OpenSSL's: at the edges, and
 * at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <string.h>

#include "ec.h"

#define ROUNDS	1000

static const struct hgl_modulus *modulus;
static BIGNUM *order;
static BN_CTX *context;
static u32 size;

static const struct hgl_modulus *const moduli[] = {
	&hgl_p256.p, &hgl_p256.n, &hgl_p384.p, &hgl_p384.n, &hgl_sm2.p, &hgl_sm2.n,
};

static void choose(const struct hgl_modulus *m)
{
	u8 bytes[HGL_SCALAR_SIZE];

	modulus = m;
	size = hgl_modulus_size(m);
	hgl_scalar_put(m, &m->value, bytes);
	assert_non_null(BN_bin2bn(bytes, (int)size, order));
	assert_int_equal(BN_check_prime(order, context, NULL), 1);
}

static int setup(void **state)
{
	(void)state;
	context = BN_CTX_new();
	order = BN_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	BN_free(order);
	BN_CTX_free(context);
	return 0;
}

static void bytes_of(const BIGNUM *n, u8 *bytes)
{
	assert_int_equal(BN_bn2binpad(n, bytes, (int)size), size);
}

/* Around what carries: 0, 1, 2^64 - 1, the order, 2^size - 1; later ones are random. */
static void number(u32 i, u8 *bytes)
{
	BIGNUM *n = BN_new();

	if (i < 16) {
		assert_true(BN_copy(n, order));
		assert_int_equal(i < 8 ? BN_sub_word(n, i) : BN_add_word(n, i - 8), 1);
	} else if (i < 48) {
		assert_int_equal(BN_set_bit(n, (int)((i - 16) / 2 * 17 % (8 * size))), 1);
		assert_int_equal(i & 1 ? BN_sub_word(n, 1) : BN_add_word(n, 1), 1);
	} else if (i == 48) {
		memset(bytes, 0xff, size);
		BN_free(n);
		return;
	} else if (i > 52) {
		assert_int_equal(BN_rand(n, (int)size * 8, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
	} else {
		assert_int_equal(BN_set_word(n, i - 49), 1);
	}
	bytes_of(n, bytes);
	BN_free(n);
}

static BIGNUM *reduced(const u8 *bytes)
{
	BIGNUM *n = BN_bin2bn(bytes, (int)size, NULL), *r = BN_new();

	assert_int_equal(BN_mod(r, n, order, context), 1);
	BN_free(n);
	return r;
}

static void same(const struct hgl_scalar *a, const BIGNUM *want)
{
	u8 got[HGL_SCALAR_SIZE], expected[HGL_SCALAR_SIZE];

	hgl_scalar_put(modulus, a, got);
	bytes_of(want, expected);
	assert_memory_equal(got, expected, size);
	if (size == 32)
		assert_int_equal(a->limb[4] | a->limb[5], 0);
}

static void all_get(void)
{
	struct hgl_scalar a;
	u8 bytes[HGL_SCALAR_SIZE];
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		BIGNUM *n, *r;

		number(i, bytes);
		n = BN_bin2bn(bytes, (int)size, NULL);
		r = reduced(bytes);
		hgl_scalar_reduce(modulus, &a, bytes);
		same(&a, r);
		assert_int_equal(hgl_scalar_is_zero(&a), BN_is_zero(r));
		assert_int_equal(hgl_scalar_get(modulus, &a, bytes),
				 !BN_is_zero(n) && BN_cmp(n, order) < 0);
		BN_free(n);
		BN_free(r);
	}
}

static void two(u32 i, u32 j)
{
	struct hgl_scalar a, b, r;
	BIGNUM *x, *y, *z = BN_new();
	u8 bytes[2][HGL_SCALAR_SIZE];

	number(i, bytes[0]);
	number(j, bytes[1]);
	hgl_scalar_reduce(modulus, &a, bytes[0]);
	hgl_scalar_reduce(modulus, &b, bytes[1]);
	x = reduced(bytes[0]);
	y = reduced(bytes[1]);
	hgl_scalar_add(modulus, &r, &a, &b);
	assert_int_equal(BN_mod_add(z, x, y, order, context), 1);
	same(&r, z);
	hgl_scalar_sub(modulus, &r, &a, &b);
	assert_int_equal(BN_mod_sub(z, x, y, order, context), 1);
	same(&r, z);
	assert_int_equal(hgl_scalar_equal(&a, &b), !BN_cmp(x, y));
	hgl_scalar_mul(modulus, &r, &a, &b);
	assert_int_equal(BN_mod_mul(z, x, y, order, context), 1);
	same(&r, z);
	hgl_scalar_mul(modulus, &a, &a, &b);	/* in place */
	same(&a, z);
	BN_free(x);
	BN_free(y);
	BN_free(z);
}

static void all_two(void)
{
	u32 i, j;

	for (i = 0; i < 54; i++)
		for (j = 0; j < 54; j++)
			two(i, j);
	for (i = 0; i < ROUNDS; i++)
		two(100, 100);
}

static void all_invert(void)
{
	struct hgl_scalar a, r;
	u8 bytes[HGL_SCALAR_SIZE];
	u32 i;

	for (i = 0; i < 200; i++) {
		BIGNUM *x, *z = BN_new();

		number(i, bytes);
		x = reduced(bytes);
		hgl_scalar_reduce(modulus, &a, bytes);
		hgl_scalar_invert(modulus, &r, &a);
		if (BN_is_zero(x))
			BN_zero(z);
		else
			assert_non_null(BN_mod_inverse(z, x, order, context));
		same(&r, z);
		hgl_scalar_mul(modulus, &r, &r, &a);
		assert_int_equal(BN_set_word(z, !BN_is_zero(x)), 1);
		same(&r, z);
		BN_free(x);
		BN_free(z);
	}
}

static void each(void (*test)(void))
{
	u32 i;

	for (i = 0; i < HG_ARRAY_SIZE(moduli); i++) {
		choose(moduli[i]);
		test();
	}
}

static void test_get(void **state)
{
	(void)state;
	each(all_get);
}

static void test_two(void **state)
{
	(void)state;
	each(all_two);
}

static void test_invert(void **state)
{
	(void)state;
	each(all_invert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get), cmocka_unit_test(test_two),
		cmocka_unit_test(test_invert),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
