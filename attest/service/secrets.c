// SPDX-License-Identifier: Apache-2.0
#include "secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "alg.h"
#include "bytes.h"
#include "error.h"
#include "keyfile.h"

#define FORMAT 1
#define ID     8u
#define IV     12u
#define TAG    16u
#define HEAD   (1 + ID + IV + TAG)

int secrets_key_parse(struct secrets_key *k, const char *text, size_t size, struct att_error *err)
{
	static const char label[] = "hgverifyd-database-v1";
	char hex[65] = "";
	uint8_t digest[32];
	size_t size_of_mac;
	int ret = 0;

	memset(k, 0, sizeof(*k));
	if ((size == 64 || (size == 65 && text[64] == '\n')) && memcpy(hex, text, 64) &&
	    att_unhex(hex, k->key, sizeof(k->key)) == 32 &&
	    !att_sha256(k->key, sizeof(k->key), digest) &&
	    EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, k->key, sizeof(k->key),
		      (const uint8_t *)label, sizeof(label), k->mac, sizeof(k->mac), &size_of_mac))
		memcpy(k->id, digest, sizeof(k->id));
	else
		ret = att_fail(err, ATT_E_FORMAT,
			       "the key of the secrets is not 64 hexadecimal digits");
	OPENSSL_cleanse(hex, sizeof(hex));
	return ret;
}

int secrets_key_load(struct secrets_key *k, const char *path, struct att_error *err)
{
	struct att_bytes text = { 0 };
	int ret;

	if (key_file_load(path, &text, err))
		return -1;
	ret = secrets_key_parse(k, (char *)text.data, text.size, err);
	att_bytes_free(&text);
	return ret ? att_prefix(err, path) : 0;
}

int secrets_key_new(struct att_bytes *text, struct att_error *err)
{
	uint8_t key[32];
	char hex[66];
	int ret;

	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return att_fail_crypto(err, "no random numbers");
	att_hex(key, sizeof(key), hex);
	hex[64] = '\n';
	ret = att_bytes_set(text, hex, 65) ? att_no_memory(err) : 0;
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(hex, sizeof(hex));
	return ret;
}

static int add_context(EVP_CIPHER_CTX *ctx, const char *name, const char *policy)
{
	static const char label[] = "hgverifyd-secret-v1";
	int n;

	/* With their zeros, so that no two pairs look alike. */
	return EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)label, sizeof(label)) &&
	       EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)name, (int)strlen(name) + 1) &&
	       EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)policy, (int)strlen(policy) + 1);
}

int secrets_seal(const struct secrets_key *k, const char *name, const char *policy,
		 const struct att_bytes *secret, struct att_bytes *sealed, struct att_error *err)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t head[HEAD] = { FORMAT }, *iv = head + 1 + ID, *to;
	int n, ok;

	sealed->data = NULL;
	if (secret->size > ATT_SECRET_MAX) {
		EVP_CIPHER_CTX_free(ctx);
		return att_fail(err, ATT_E_FORMAT, "a secret of more than %u bytes",
				ATT_SECRET_MAX);
	}
	memcpy(head + 1, k->id, ID);
	sealed->size = HEAD + secret->size;
	ok = ctx && RAND_bytes(iv, IV) == 1 && (sealed->data = calloc(1, sealed->size + 1));
	to = sealed->data;
	ok = ok && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, k->key, iv) &&
	     add_context(ctx, name, policy) &&
	     EVP_EncryptUpdate(ctx, to + HEAD, &n, secret->data, (int)secret->size) &&
	     EVP_EncryptFinal_ex(ctx, to + sealed->size, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, head + HEAD - TAG);
	EVP_CIPHER_CTX_free(ctx);
	if (ok) {
		memcpy(to, head, HEAD);
		return 0;
	}
	att_bytes_free(sealed);
	return att_fail_crypto(err, "the secret cannot be sealed");
}

int secrets_open(const struct secrets_key *k, const char *name, const char *policy,
		 const struct att_bytes *sealed, struct att_bytes *secret, struct att_error *err)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t tag[TAG];
	int n, ok;

	secret->data = NULL;
	secret->size = 0;
	if (sealed->size < HEAD || sealed->data[0] != FORMAT)
		return att_fail(err, ATT_E_FORMAT, "secret '%.64s' is damaged", name);
	if (memcmp(sealed->data + 1, k->id, ID))
		return att_fail(err, ATT_E_REFUSED, "secret '%.64s' was sealed with another key",
				name);
	memcpy(tag, sealed->data + HEAD - TAG, TAG);
	ctx = EVP_CIPHER_CTX_new();
	secret->size = sealed->size - HEAD;
	secret->data = calloc(1, secret->size + 1);
	ok = ctx && secret->data &&
	     EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, k->key, sealed->data + 1 + ID) &&
	     add_context(ctx, name, policy) &&
	     EVP_DecryptUpdate(ctx, secret->data, &n, sealed->data + HEAD, (int)secret->size) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) &&
	     EVP_DecryptFinal_ex(ctx, secret->data + secret->size, &n);
	EVP_CIPHER_CTX_free(ctx);
	if (ok)
		return 0;
	att_bytes_free(secret);
	return att_fail(err, ATT_E_CRYPTO,
			"secret '%.64s' was changed, or is of another name or policy", name);
}
