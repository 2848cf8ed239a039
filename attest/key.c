// SPDX-License-Identifier: Apache-2.0
#include "key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "bytes.h"
#include "error.h"

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool is_valid(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = ctx && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

EVP_PKEY *att_key_ec(const char *curve, const uint8_t *xy, size_t size, struct att_error *err)
{
	uint8_t point[1 + 96] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key = NULL;

	if (size != (strcmp(curve, "P-384") ? 64 : 96)) {
		att_fail(err, ATT_E_FORMAT, "a point of %zu bytes does not belong to %s", size,
			 curve);
		return NULL;
	}
	memcpy(point + 1, xy, size);
	bld = OSSL_PARAM_BLD_new();
	if (bld && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, size + 1))
		key = from_params(strcmp(curve, "SM2") ? "EC" : "SM2", bld);
	OSSL_PARAM_BLD_free(bld);
	if (key && !is_valid(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	if (!key)
		att_fail_crypto(err, "not a point of the curve");
	return key;
}

EVP_PKEY *att_key_rsa(const uint8_t *n, size_t size, uint32_t e, struct att_error *err)
{
	BIGNUM *bn_n = BN_bin2bn(n, (int)size, NULL), *bn_e = BN_new();
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;

	if (bn_n && bn_e && bld && BN_set_word(bn_e, e) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e))
		key = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn_n);
	BN_free(bn_e);
	if (!key)
		att_fail_crypto(err, "not an RSA key");
	return key;
}

/* OpenSSL's name of the curve; "" for keys that have none. */
static void group_name(EVP_PKEY *key, char *name, size_t size)
{
	*name = '\0';
	if ((EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "SM2")) &&
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, size, NULL))
		*name = '\0';
}

const char *att_key_curve(EVP_PKEY *key)
{
	char name[40];

	group_name(key, name, sizeof(name));
	if (!strcmp(name, "P-256") || !strcmp(name, "prime256v1"))
		return "P-256";
	if (!strcmp(name, "P-384") || !strcmp(name, "secp384r1"))
		return "P-384";
	return NULL;
}

bool att_key_is_sm2(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "SM2");
}

const char *att_key_kind(EVP_PKEY *key)
{
	const char *curve = att_key_curve(key);

	return curve ? curve : att_key_is_sm2(key) ? "SM2" : "RSA";
}

/* One spelling of a key only: keys are named by hashes of it. */
static bool is_canonical(EVP_PKEY *key, const uint8_t *der, size_t size)
{
	unsigned char *again = NULL;
	int n = i2d_PUBKEY(key, &again);
	bool same = n > 0 && (size_t)n == size && !memcmp(again, der, size);

	OPENSSL_free(again);
	return same;
}

EVP_PKEY *att_key_from_spki(const uint8_t *der, size_t size, struct att_error *err)
{
	const uint8_t *p = der;
	EVP_PKEY *key = size > 4096 ? NULL : d2i_PUBKEY(NULL, &p, (long)size);

	if (!key || p != der + size || !is_canonical(key, der, size)) {
		EVP_PKEY_free(key);
		att_fail_crypto(err, "not one public key in canonical DER (SubjectPublicKeyInfo)");
		return NULL;
	}
	/* A key on SM2's curve is of type "SM2": one of type "EC", for ECDSA, has no curve here. */
	if (!EVP_PKEY_is_a(key, "RSA") &&
	    ((!att_key_curve(key) && !att_key_is_sm2(key)) || !is_valid(key))) {
		EVP_PKEY_free(key);
		att_fail(err, ATT_E_UNSUPPORTED,
			 "a public key that is neither RSA nor P-256 nor P-384 nor SM2");
		return NULL;
	}
	return key;
}

int att_key_to_spki(EVP_PKEY *key, struct att_bytes *der, struct att_error *err)
{
	unsigned char *p = NULL;
	int size = i2d_PUBKEY(key, &p), ret;

	if (size <= 0)
		return att_fail_crypto(err, "cannot write the public key");
	ret = att_bytes_set(der, p, (size_t)size);
	OPENSSL_free(p);
	return ret ? att_no_memory(err) : 0;
}

/* Instead of OpenSSL's, which would ask at the terminal. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

EVP_PKEY *att_key_from_pem(const char *pem, size_t size, bool public_too, struct att_error *err)
{
	EVP_PKEY *key = NULL;
	BIO *bio;

	bio = size > 65536 ? NULL : BIO_new_mem_buf(pem, (int)size);
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!key && public_too && bio && BIO_reset(bio) >= 0)
		key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!key)
		att_fail_crypto(err, public_too ? "not a key in PEM"
						: "not a private key in PEM without a password");
	return key;
}

int att_key_point(EVP_PKEY *key, uint8_t *xy, size_t size, struct att_error *err)
{
	uint8_t point[1 + 96];
	size_t got = 0;

	if (size > 96 ||
	    !EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
					     sizeof(point), &got) ||
	    got != size + 1 || point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return att_fail_crypto(err, "not a public key of this curve");
	memcpy(xy, point + 1, size);
	return 0;
}

EVP_PKEY *att_key_new(const char *curve, struct att_error *err)
{
	EVP_PKEY *key = strcmp(curve, "SM2") ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve)
					     : EVP_PKEY_Q_keygen(NULL, NULL, "SM2");

	if (!key)
		att_fail_crypto(err, "cannot make a key");
	return key;
}

/* r || s to DER; NULL without memory. */
static unsigned char *to_der(const uint8_t *sig, size_t size, size_t *der_size)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r_bn = BN_bin2bn(sig, (int)(size / 2), NULL);
	BIGNUM *s_bn = BN_bin2bn(sig + size / 2, (int)(size / 2), NULL);
	unsigned char *der = NULL;
	int n;

	if (!s || !r_bn || !s_bn || !ECDSA_SIG_set0(s, r_bn, s_bn)) {
		BN_free(r_bn);
		BN_free(s_bn);
		ECDSA_SIG_free(s);
		return NULL;
	}
	n = i2d_ECDSA_SIG(s, &der);
	ECDSA_SIG_free(s);
	*der_size = n > 0 ? (size_t)n : 0;
	return n > 0 ? der : NULL;
}

static int verify(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size,
		  const uint8_t *sig, size_t sig_size, struct att_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
		 EVP_DigestVerify(ctx, sig, sig_size, data, size) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : att_fail_crypto(err, "the signature does not verify");
}

int att_ecdsa_verify(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size,
		     const uint8_t *sig, size_t sig_size, struct att_error *err)
{
	size_t der_size = 0;
	unsigned char *der = to_der(sig, sig_size, &der_size);
	int ret;

	if (!der)
		return att_no_memory(err);
	ret = verify(key, hash, data, size, der, der_size, err);
	OPENSSL_free(der);
	return ret;
}

int att_rsassa_verify(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size,
		      const uint8_t *sig, size_t sig_size, struct att_error *err)
{
	return verify(key, hash, data, size, sig, sig_size, err);
}

/* DER to r || s; 0 or -1. */
static int from_der(const unsigned char *der, size_t n, uint8_t *sig, size_t sig_size)
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)n);
	int half = (int)(sig_size / 2), ok;

	ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, half) == half &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + half, half) == half;
	ECDSA_SIG_free(s);
	return ok ? 0 : -1;
}

int att_ecdsa_sign(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size, uint8_t *sig,
		   size_t sig_size, struct att_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[160];
	size_t n = sizeof(der);
	int ok;

	ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
	     EVP_DigestSign(ctx, der, &n, data, size) == 1 && !from_der(der, n, sig, sig_size);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : att_fail_crypto(err, "cannot sign");
}

/* ---- SM2 ---- */

/* After the init, which OpenSSL 3.0 does not take the id with; without one, it would be empty. */
static bool set_id(EVP_PKEY_CTX *ctx)
{
	OSSL_PARAM params[2] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID, (void *)ATT_SM2_ID,
						  sizeof(ATT_SM2_ID) - 1),
		OSSL_PARAM_construct_end(),
	};

	return EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

int att_sm2_verify(EVP_PKEY *key, const uint8_t *data, size_t size, const uint8_t *sig,
		   struct att_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t der_size = 0;
	unsigned char *der = to_der(sig, 64, &der_size);
	EVP_PKEY_CTX *sm2 = NULL;
	int ok;

	ok = ctx && der && att_key_is_sm2(key) &&
	     EVP_DigestVerifyInit_ex(ctx, &sm2, "SM3", NULL, NULL, key, NULL) == 1 && set_id(sm2) &&
	     EVP_DigestVerify(ctx, der, der_size, data, size) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : att_fail_crypto(err, "the signature does not verify");
}

int att_sm2_verify_digest(EVP_PKEY *key, const uint8_t digest[32], const uint8_t *sig,
			  struct att_error *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t der_size = 0;
	unsigned char *der = to_der(sig, 64, &der_size);
	int ok;

	ok = ctx && der && att_key_is_sm2(key) && EVP_PKEY_verify_init(ctx) == 1 &&
	     EVP_PKEY_verify(ctx, der, der_size, digest, 32) == 1;
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : att_fail_crypto(err, "the signature does not verify");
}

int att_sm2_sign(EVP_PKEY *key, const uint8_t *data, size_t size, uint8_t *sig,
		 struct att_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[160];
	size_t n = sizeof(der);
	EVP_PKEY_CTX *sm2 = NULL;
	int ok;

	ok = ctx && att_key_is_sm2(key) &&
	     EVP_DigestSignInit_ex(ctx, &sm2, "SM3", NULL, NULL, key, NULL) == 1 && set_id(sm2) &&
	     EVP_DigestSign(ctx, der, &n, data, size) == 1 && !from_der(der, n, sig, 64);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : att_fail_crypto(err, "cannot sign");
}
