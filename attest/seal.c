// SPDX-License-Identifier: Apache-2.0
#include "seal.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"

#define MAGIC	  "HGSEAL01"
#define SUITE	  1u /* AES-256-GCM, keys by HKDF with SHA-256 */
#define LABEL	  "hypergpu-seal-v1"
#define SALT_AT	  24u
#define SALT_SIZE 32u
#define IV_SIZE	  12u

struct sealer {
	EVP_CIPHER *gcm;
	EVP_CIPHER_CTX *ctx;
	uint8_t key[32];
	uint8_t *buffer; /* a piece and its tag */
	uint64_t piece; /* the next one's number */
};

static void put_le(uint8_t *p, uint64_t v, unsigned int size)
{
	for (; size--; v >>= 8)
		*p++ = (uint8_t)v;
}

/* Of this file alone: header and context go in. */
static int derive(const uint8_t key[ATT_SEAL_KEY], const uint8_t *header, const char *context,
		  uint8_t out[32])
{
	uint8_t info[sizeof(LABEL) + ATT_SEAL_HEADER + ATT_SEAL_CONTEXT_MAX];
	size_t size = strlen(context);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, ATT_SEAL_KEY),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(header + SALT_AT),
						  SALT_SIZE),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info,
						  sizeof(LABEL) + ATT_SEAL_HEADER + size),
		OSSL_PARAM_construct_end(),
	};
	int ok;

	memcpy(info, LABEL, sizeof(LABEL));
	memcpy(info + sizeof(LABEL), header, ATT_SEAL_HEADER);
	memcpy(info + sizeof(LABEL) + ATT_SEAL_HEADER, context, size);
	ok = ctx && EVP_KDF_derive(ctx, out, 32, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

static void stop(struct sealer *s)
{
	if (s->buffer)
		OPENSSL_cleanse(s->buffer, ATT_SEAL_PIECE + ATT_SEAL_TAG);
	free(s->buffer);
	EVP_CIPHER_CTX_free(s->ctx);
	EVP_CIPHER_free(s->gcm);
	OPENSSL_cleanse(s, sizeof(*s));
}

static int start(struct sealer *s, const uint8_t key[ATT_SEAL_KEY], const uint8_t *header,
		 const char *context, struct att_error *err)
{
	memset(s, 0, sizeof(*s));
	s->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	s->ctx = EVP_CIPHER_CTX_new();
	s->buffer = malloc(ATT_SEAL_PIECE + ATT_SEAL_TAG);
	if (!s->buffer)
		return att_no_memory(err);
	if (!s->gcm || !s->ctx || derive(key, header, context, s->key))
		return att_fail_crypto(err, "no key for the file");
	return 0;
}

static void next_iv(struct sealer *s, uint8_t iv[IV_SIZE])
{
	memset(iv, 0, IV_SIZE);
	put_le(iv + 4, s->piece++, 8);
}

/* @size bytes of the buffer, in place; the tag goes behind them. */
static int encrypt(struct sealer *s, int size)
{
	uint8_t iv[IV_SIZE];
	int n = 0;

	next_iv(s, iv);
	return EVP_EncryptInit_ex2(s->ctx, s->gcm, s->key, iv, NULL) > 0 &&
			       EVP_EncryptUpdate(s->ctx, s->buffer, &n, s->buffer, size) > 0 &&
			       EVP_EncryptFinal_ex(s->ctx, s->buffer + n, &n) > 0 &&
			       EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, ATT_SEAL_TAG,
						   s->buffer + size) > 0
		       ? 0
		       : -1;
}

static int decrypt(struct sealer *s, int size)
{
	uint8_t iv[IV_SIZE];
	int n = 0;

	next_iv(s, iv);
	return EVP_DecryptInit_ex2(s->ctx, s->gcm, s->key, iv, NULL) > 0 &&
			       EVP_DecryptUpdate(s->ctx, s->buffer, &n, s->buffer, size) > 0 &&
			       EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, ATT_SEAL_TAG,
						   s->buffer + size) > 0 &&
			       EVP_DecryptFinal_ex(s->ctx, s->buffer + n, &n) > 0
		       ? 0
		       : -1;
}

static int read_exactly(int fd, void *to, size_t size, struct att_error *err)
{
	uint8_t *p = to;

	while (size) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return att_fail(err, ATT_E_IO, "cannot read: %s", strerror(errno));
		if (!n)
			return att_fail(err, ATT_E_FORMAT, "it ends too early");
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_exactly(int fd, const uint8_t *p, size_t size, struct att_error *err)
{
	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return att_fail(err, ATT_E_IO, "cannot write: %s", strerror(errno));
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

static int check_context(const char *context, struct att_error *err)
{
	size_t size = strlen(context);

	if (size && size <= ATT_SEAL_CONTEXT_MAX)
		return 0;
	return att_fail(err, ATT_E_REFUSED, "a context has 1 to %u bytes", ATT_SEAL_CONTEXT_MAX);
}

static int seal_pieces(struct sealer *s, int in, uint64_t size, int out, struct att_error *err)
{
	do {
		size_t n = size < ATT_SEAL_PIECE ? (size_t)size : ATT_SEAL_PIECE;

		if (read_exactly(in, s->buffer, n, err))
			return -1;
		if (encrypt(s, (int)n))
			return att_fail_crypto(err, "cannot encrypt");
		if (write_exactly(out, s->buffer, n + ATT_SEAL_TAG, err))
			return -1;
		size -= n;
	} while (size);
	return 0;
}

static int open_pieces(struct sealer *s, int in, uint64_t size, int out, struct att_error *err)
{
	do {
		size_t n = size < ATT_SEAL_PIECE ? (size_t)size : ATT_SEAL_PIECE;

		if (read_exactly(in, s->buffer, n + ATT_SEAL_TAG, err))
			return -1;
		if (decrypt(s, (int)n))
			return att_fail(err, ATT_E_CRYPTO,
					"it was altered, or sealed with another key or context");
		if (write_exactly(out, s->buffer, n, err))
			return -1;
		size -= n;
	} while (size);
	return 0;
}

int att_seal(const uint8_t key[ATT_SEAL_KEY], const char *context, int in, uint64_t size, int out,
	     struct att_error *err)
{
	uint8_t header[ATT_SEAL_HEADER] = MAGIC;
	struct sealer s;
	int ret;

	if (check_context(context, err))
		return -1;
	if (size > ATT_SEAL_MAX)
		return att_fail(err, ATT_E_REFUSED, "the file is too large");
	put_le(header + 8, SUITE, 4);
	put_le(header + 12, ATT_SEAL_PIECE, 4);
	put_le(header + 16, size, 8);
	if (RAND_bytes(header + SALT_AT, SALT_SIZE) != 1)
		return att_fail_crypto(err, "no random bytes");
	ret = start(&s, key, header, context, err);
	if (!ret)
		ret = write_exactly(out, header, sizeof(header), err);
	if (!ret)
		ret = seal_pieces(&s, in, size, out, err);
	stop(&s);
	return ret;
}

/* -> the plaintext's size. Whatever else is in the header, the key depends on it. */
static int check_header(const uint8_t *header, uint64_t *size, struct att_error *err)
{
	struct att_reader r = { header + 8, SALT_AT - 8, false };
	uint32_t suite = att_read_u32(&r), piece = att_read_u32(&r);

	*size = att_read_u64(&r);
	if (memcmp(header, MAGIC, 8))
		return att_fail(err, ATT_E_FORMAT, "it is not a sealed file");
	if (suite != SUITE || piece != ATT_SEAL_PIECE ||
	    !att_all_zero(header + SALT_AT + SALT_SIZE, ATT_SEAL_HEADER - SALT_AT - SALT_SIZE))
		return att_fail(err, ATT_E_UNSUPPORTED, "it is sealed in a way that is not known here");
	if (*size > ATT_SEAL_MAX)
		return att_fail(err, ATT_E_FORMAT, "it says an impossible size");
	return 0;
}

int att_unseal(const uint8_t key[ATT_SEAL_KEY], const char *context, int in, int out,
	       struct att_error *err)
{
	uint8_t header[ATT_SEAL_HEADER];
	struct sealer s;
	uint64_t size;
	int ret;

	if (check_context(context, err) || read_exactly(in, header, sizeof(header), err) ||
	    check_header(header, &size, err))
		return -1;
	ret = start(&s, key, header, context, err);
	if (!ret)
		ret = open_pieces(&s, in, size, out, err);
	stop(&s);
	return ret;
}
