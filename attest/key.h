/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of OpenSSL's, made from and written as what the formats here have. */
#ifndef ATT_KEY_H
#define ATT_KEY_H

#include <openssl/evp.h>

#include "attest.h"

/* @curve "P-256", "P-384" or "SM2"; @xy is X || Y. A point off the curve is refused. */
EVP_PKEY *att_key_ec(const char *curve, const uint8_t *xy, size_t size, struct att_error *err);
/* Big-endian modulus. */
EVP_PKEY *att_key_rsa(const uint8_t *n, size_t size, uint32_t e, struct att_error *err);

/* SubjectPublicKeyInfo. From DER: nothing may follow, and only RSA, P-256/384 and SM2 keys. */
EVP_PKEY *att_key_from_spki(const uint8_t *der, size_t size, struct att_error *err);
int att_key_to_spki(EVP_PKEY *key, struct att_bytes *der, struct att_error *err);

/* A private key, or a public one too if @public_too. No password is asked for. */
EVP_PKEY *att_key_from_pem(const char *pem, size_t size, bool public_too, struct att_error *err);

/* "P-256", "P-384", or NULL for any other key: SM2 keys sign otherwise, and agree on none here. */
const char *att_key_curve(EVP_PKEY *key);
bool att_key_is_sm2(EVP_PKEY *key);
/* For people: "RSA", "P-256", "P-384", "SM2". */
const char *att_key_kind(EVP_PKEY *key);
/* The public point as X || Y; @size is what the caller expects of the curve. */
int att_key_point(EVP_PKEY *key, uint8_t *xy, size_t size, struct att_error *err);
/* A new EC key. */
EVP_PKEY *att_key_new(const char *curve, struct att_error *err);

/* A signature as r || s, each of half of @size. */
int att_ecdsa_verify(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size,
		     const uint8_t *sig, size_t sig_size, struct att_error *err);
int att_ecdsa_sign(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size, uint8_t *sig,
		   size_t sig_size, struct att_error *err);
int att_rsassa_verify(EVP_PKEY *key, const char *hash, const uint8_t *data, size_t size,
		      const uint8_t *sig, size_t sig_size, struct att_error *err);

/*
 * SM2 (GM/T 0003.2). A message is signed with SM3 over Z || message, where Z is made of
 * the key and the id of who signs: always the default of GM/T 0009. A digest is signed as it is,
 * without Z: that is what a TPM does. @sig: r || s, 64 bytes.
 */
#define ATT_SM2_ID "1234567812345678"
int att_sm2_verify(EVP_PKEY *key, const uint8_t *data, size_t size, const uint8_t *sig,
		   struct att_error *err);
int att_sm2_verify_digest(EVP_PKEY *key, const uint8_t digest[32], const uint8_t *sig,
			  struct att_error *err);
int att_sm2_sign(EVP_PKEY *key, const uint8_t *data, size_t size, uint8_t *sig,
		 struct att_error *err);

#endif
