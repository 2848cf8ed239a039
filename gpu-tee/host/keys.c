// SPDX-License-Identifier: Apache-2.0
/* Keys of the device, out of the secret of its behaviour. docs/gpu-fingerprint.md. */
#include "enrol.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>

#define LABEL "hypergpu device static"
#define TRIES 4

/* HKDF-Expand(secret, LABEL || group || try, 32) */
static int expand(const uint8_t *secret, enum hg_fp_group group, uint8_t try, uint8_t key[32])
{
	uint8_t info[sizeof(LABEL) + 2] = LABEL;

	info[sizeof(LABEL) - 1] = (uint8_t)group;
	info[sizeof(LABEL)] = try;
	info[sizeof(LABEL) + 1] = 1;
	return HMAC(EVP_sha256(), secret, FP_SECRET_BYTES, info, sizeof(info), key, NULL) ? 0 : -1;
}

static int x25519_public(const uint8_t key[32], uint8_t public[32])
{
	EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, 32);
	size_t size = 32;
	int ok = pair && EVP_PKEY_get_raw_public_key(pair, public, &size) == 1 && size == 32;

	EVP_PKEY_free(pair);
	return ok ? 0 : -1;
}

/* 1 if @key is no number from 1 to the order less 1; -1 if OpenSSL failed. */
static int curve_public(int nid, const uint8_t key[32], uint8_t public[64])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
	BIGNUM *d = BN_secure_new();
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	uint8_t text[65];
	int ret = -1;

	if (d && point && BN_bin2bn(key, 32, d)) {
		BN_set_flags(d, BN_FLG_CONSTTIME);
		if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0)
			ret = 1;
		else if (EC_POINT_mul(group, point, d, NULL, NULL, NULL) == 1 &&
			 EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, text,
					    sizeof(text), NULL) == sizeof(text))
			ret = 0;
	}
	if (!ret)
		memcpy(public, text + 1, 64);
	BN_clear_free(d);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return ret;
}

int hg_fp_public_key(const uint8_t secret[FP_SECRET_BYTES], enum hg_fp_group group,
		     uint8_t public[64], struct hg_gpu_error *err)
{
	uint8_t key[32];
	int ret = 1;

	memset(public, 0, 64);
	for (uint8_t try = 1; ret == 1 && try <= TRIES; try++) {
		ret = expand(secret, group, try, key);
		if (!ret && group == HG_FP_X25519)
			ret = x25519_public(key, public);
		else if (!ret)
			ret = curve_public(group == HG_FP_P256 ? NID_X9_62_prime256v1 : NID_sm2,
					   key, public);
	}
	OPENSSL_cleanse(key, sizeof(key));
	return ret ? hg_gpu_fail_crypto(err, "cannot make the device's key") : 0;
}
