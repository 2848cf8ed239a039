/* SPDX-License-Identifier: Apache-2.0 */
/* JWE in compact form: ECDH-ES, direct, with A256GCM (RFC 7516, RFC 7518). */
#ifndef ATT_JWE_H
#define ATT_JWE_H

#include <openssl/evp.h>

#include "attest.h"

#define ATT_JWE_MAX (2 * ATT_SECRET_MAX)

/* @nonce becomes PartyVInfo (apv): the key depends on it. -> a string for free(). */
char *att_jwe_seal(EVP_PKEY *to, const uint8_t *nonce, size_t nonce_size, const uint8_t *secret,
		   size_t size, struct att_error *err);
/* @nonce is what "apv" says, ATT_NONCE_MAX bytes at most. */
int att_jwe_open(EVP_PKEY *key, const char *jwe, size_t size, uint8_t *nonce, size_t *nonce_size,
		 struct att_bytes *secret, struct att_error *err);

#endif
