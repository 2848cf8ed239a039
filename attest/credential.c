// SPDX-License-Identifier: Apache-2.0
/* TPM 2.0 Library, Part 1, "Credential Protection", for an EK of template L-1. */
#include "credential.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "bytes.h"
#include "error.h"
#include "tpmkey.h"

#define HASH_SIZE 32u /* the EK's name algorithm is SHA-256 */
#define KEY_SIZE  16u /* and its cipher AES-128 */

/* KDFa: SP 800-108 in counter mode. */
static int kdfa(const uint8_t seed[HASH_SIZE], const char *label, const uint8_t *context,
		size_t context_size, uint8_t *out, size_t size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter", 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)seed, HASH_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)label,
						  strlen(label)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)context,
						  context_size),
		OSSL_PARAM_construct_end(),
	};
	int ok;

	if (!context_size)
		params[5] = OSSL_PARAM_construct_end();
	ok = ctx && EVP_KDF_derive(ctx, out, size, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

static int cfb(const uint8_t key[KEY_SIZE], const uint8_t *in, size_t size, uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-CFB", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	ok = cipher && ctx && EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) &&
	     EVP_EncryptUpdate(ctx, out, &n, in, (int)size) && (size_t)n == size;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok ? 0 : -1;
}

/* outerHMAC, encIdentity: the contents of a TPM2B_ID_OBJECT. */
static int protect(const uint8_t seed[HASH_SIZE], const uint8_t *name, size_t name_size,
		   const uint8_t secret[ATT_CREDENTIAL], uint8_t *out, size_t *out_size)
{
	uint8_t plain[2 + ATT_CREDENTIAL] = { 0, ATT_CREDENTIAL };
	uint8_t key[KEY_SIZE], mac_key[HASH_SIZE], text[sizeof(plain) + ATT_NAME_MAX];
	uint8_t *mac = out + 2;
	size_t mac_size = 0;
	int bad;

	memcpy(plain + 2, secret, ATT_CREDENTIAL);
	bad = kdfa(seed, "STORAGE", name, name_size, key, sizeof(key)) ||
	      kdfa(seed, "INTEGRITY", NULL, 0, mac_key, sizeof(mac_key)) ||
	      cfb(key, plain, sizeof(plain), text);
	memcpy(text + sizeof(plain), name, name_size);
	bad = bad || !EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key, sizeof(mac_key), text,
				sizeof(plain) + name_size, mac, HASH_SIZE, &mac_size);
	out[0] = 0;
	out[1] = HASH_SIZE;
	memcpy(out + 2 + HASH_SIZE, text, sizeof(plain));
	*out_size = 2 + HASH_SIZE + sizeof(plain);
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
	return bad ? -1 : 0;
}

/* RSAES-OAEP with SHA-256 and the label IDENTITY, its zero included. */
static int encrypt_seed(EVP_PKEY *ek, const uint8_t seed[HASH_SIZE], uint8_t *out, size_t *size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
	char label[] = "IDENTITY";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, (char *)"oaep",
						 0),
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
						 (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, label,
						  sizeof(label)),
		OSSL_PARAM_construct_end(),
	};
	int ok = ctx && EVP_PKEY_encrypt_init_ex(ctx, params) > 0 &&
		 EVP_PKEY_encrypt(ctx, out, size, seed, HASH_SIZE) > 0;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}

static int make(EVP_PKEY *key, const uint8_t *name, size_t name_size, const uint8_t *secret,
		struct att_bytes *blob, struct att_bytes *seed, struct att_error *err)
{
	uint8_t plain[HASH_SIZE], enc[384], id[2 + HASH_SIZE + 2 + ATT_CREDENTIAL];
	size_t enc_size = sizeof(enc), id_size = 0;
	int bad = RAND_bytes(plain, sizeof(plain)) != 1 ||
		  encrypt_seed(key, plain, enc, &enc_size) ||
		  protect(plain, name, name_size, secret, id, &id_size);

	OPENSSL_cleanse(plain, sizeof(plain));
	if (bad)
		return att_fail_crypto(err, "cannot make the credential");
	if (att_bytes_set(blob, id, id_size))
		return att_no_memory(err);
	if (att_bytes_set(seed, enc, enc_size)) {
		att_bytes_free(blob);
		return att_no_memory(err);
	}
	return 0;
}

int att_credential_make(const TPMT_PUBLIC *ek, const uint8_t *name, size_t name_size,
			const uint8_t secret[ATT_CREDENTIAL], struct att_bytes *blob,
			struct att_bytes *seed, struct att_error *err)
{
	const TPMT_SYM_DEF_OBJECT *sym = &ek->parameters.rsaDetail.symmetric;
	EVP_PKEY *key;
	int ret;

	if (ek->type != TPM2_ALG_RSA || ek->nameAlg != TPM2_ALG_SHA256 ||
	    sym->algorithm != TPM2_ALG_AES || sym->keyBits.aes != 128 ||
	    sym->mode.aes != TPM2_ALG_CFB || name_size > ATT_NAME_MAX)
		return att_fail(
			err, ATT_E_UNSUPPORTED,
			"an endorsement key that is not of the TCG's template L-1 (RSA-2048)");
	key = att_tpm_pkey(ek, err);
	if (!key)
		return -1;
	ret = make(key, name, name_size, secret, blob, seed, err);
	EVP_PKEY_free(key);
	return ret;
}
