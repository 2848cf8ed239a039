/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of OpenSSL's, made from and written as what the formats here have. */
#ifndef ATT_KEY_H
#define ATT_KEY_H

#include <openssl/evp.h>

#include "attest.h"

/* @curve "P-256" or "P-384"; @xy is X || Y. A point off the curve is refused. */
EVP_PKEY *att_key_ec(const char *curve, const uint8_t *xy, size_t size, struct att_error *err);
/* Big-endian modulus. */
EVP_PKEY *att_key_rsa(const uint8_t *n, size_t size, uint32_t e, struct att_error *err);

/* SubjectPublicKeyInfo. From DER: nothing may follow, and only RSA and P-256/384 keys. */
EVP_PKEY *att_key_from_spki(const uint8_t *der, size_t size, struct att_error *err);
int att_key_to_spki(EVP_PKEY *key, struct att_bytes *der, struct att_error *err);

/* A private key, or a public one too if @public_too. No password is asked for. */
EVP_PKEY *att_key_from_pem(const char *pem, size_t size, bool public_too, struct att_error *err);

/* "P-256", "P-384", or NULL for any other key. */
const char *att_key_curve(EVP_PKEY *key);
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

#endif
