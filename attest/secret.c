// SPDX-License-Identifier: Apache-2.0
/* The CVM's key, and secrets that go to it. */
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "jwe.h"
#include "key.h"
#include "result.h"

char *att_release(const struct att_result *res, const uint8_t *secret, size_t secret_size,
		  struct att_error *err)
{
	EVP_PKEY *key;
	char *jwe;

	if (att_result_verdict(res)) {
		att_fail(err, ATT_E_REFUSED, "the evidence did not pass: nothing is released");
		return NULL;
	}
	if (!res->has_report) {
		att_fail(err, ATT_E_REFUSED, "the evidence has no CVM to release a secret to");
		return NULL;
	}
	key = att_key_from_spki(res->cvm_key.data, res->cvm_key.size, err);
	if (!key)
		return NULL;
	jwe = att_jwe_seal(key, res->nonce, res->nonce_size, secret, secret_size, err);
	EVP_PKEY_free(key);
	return jwe;
}

int att_open(const char *jwe, size_t size, const char *pem, size_t pem_size, const uint8_t *nonce,
	     size_t nonce_size, struct att_bytes *secret, struct att_error *err)
{
	EVP_PKEY *key = att_key_from_pem(pem, pem_size, false, err);
	uint8_t sealed[ATT_NONCE_MAX];
	size_t sealed_size = 0;
	int ret;

	if (!key)
		return -1;
	ret = att_jwe_open(key, jwe, size, sealed, &sealed_size, secret, err);
	EVP_PKEY_free(key);
	if (ret || !nonce)
		return ret;
	if (nonce_size == sealed_size && !CRYPTO_memcmp(nonce, sealed, sealed_size))
		return 0;
	att_bytes_free(secret);
	return att_fail(err, ATT_E_REFUSED, "it was released for another nonce");
}

/* One half of @key, as PEM. */
static int write_pem(EVP_PKEY *key, bool private, struct att_bytes *pem, struct att_error *err)
{
	BIO *bio = BIO_new(private ? BIO_s_secmem() : BIO_s_mem());
	char *data = NULL;
	long size = 0;
	int ret = 0;

	if (bio && (private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
			    : PEM_write_bio_PUBKEY(bio, key)) == 1)
		size = BIO_get_mem_data(bio, &data);
	if (size <= 0 || att_bytes_set(pem, data, (size_t)size))
		ret = att_fail_crypto(err, "cannot write the key");
	BIO_free(bio);
	return ret;
}

int att_cvm_key(struct att_bytes *pem, struct att_error *err)
{
	EVP_PKEY *key = att_key_new("P-256", err);
	int ret;

	if (!key)
		return -1;
	ret = write_pem(key, true, pem, err);
	EVP_PKEY_free(key);
	return ret;
}

int att_cvm_public(const struct att_bytes *pem, struct att_bytes *public, struct att_error *err)
{
	EVP_PKEY *key = att_key_from_pem((const char *)pem->data, pem->size, true, err);
	int ret;

	if (!key)
		return -1;
	ret = write_pem(key, false, public, err);
	EVP_PKEY_free(key);
	return ret;
}

int att_report_data(const uint8_t *nonce, size_t nonce_size, const char *pem, size_t pem_size,
		    uint8_t out[ATT_REPORT_DATA], struct att_error *err)
{
	EVP_PKEY *key = att_key_from_pem(pem, pem_size, true, err);
	struct att_bytes spki = { 0 };
	int ret;

	if (!key)
		return -1;
	ret = att_key_to_spki(key, &spki, err);
	EVP_PKEY_free(key);
	if (ret)
		return -1;
	if (nonce_size < ATT_NONCE_MIN ||
	    att_report_bind(nonce, nonce_size, spki.data, spki.size, out))
		ret = att_fail(err, ATT_E_REFUSED, "a nonce has %u to %u bytes", ATT_NONCE_MIN,
			       ATT_NONCE_MAX);
	att_bytes_free(&spki);
	return ret;
}
