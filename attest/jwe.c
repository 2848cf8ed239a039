// SPDX-License-Identifier: Apache-2.0
#include "jwe.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "json.h"
#include "key.h"

#define ALG	 "ECDH-ES"
#define ENC	   "A256GCM"
#define IV_SIZE	   12
#define TAG_SIZE   16
#define HEADER_MAX 2048u

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* RFC 7518, 4.6.2: algorithm, no PartyUInfo, the nonce as PartyVInfo, 256 bits. */
static size_t other_info(const uint8_t *nonce, size_t nonce_size, uint8_t *to)
{
	uint8_t *p = to;

	put_be32(p, sizeof(ENC) - 1);
	memcpy(p + 4, ENC, sizeof(ENC) - 1);
	p += 4 + sizeof(ENC) - 1;
	put_be32(p, 0);
	put_be32(p + 4, (uint32_t)nonce_size);
	memcpy(p + 8, nonce, nonce_size);
	p += 8 + nonce_size;
	put_be32(p, 256);
	return (size_t)(p + 4 - to);
}

static int concat_kdf(const uint8_t *z, size_t z_size, const uint8_t *nonce, size_t nonce_size,
		      uint8_t key[32])
{
	uint8_t info[64 + ATT_NONCE_MAX];
	size_t size = other_info(nonce, nonce_size, info);
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)z, z_size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, size),
		OSSL_PARAM_construct_end(),
	};
	int ok = ctx && EVP_KDF_derive(ctx, key, 32, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

/* The content key of a private and a public key. */
static int agree(EVP_PKEY *mine, EVP_PKEY *theirs, const uint8_t *nonce, size_t nonce_size,
		 uint8_t key[32], struct att_error *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	uint8_t z[66];
	size_t size = sizeof(z);
	int ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
		 EVP_PKEY_derive_set_peer(ctx, theirs) > 0 && EVP_PKEY_derive(ctx, z, &size) > 0 &&
		 !concat_kdf(z, size, nonce, nonce_size, key);

	EVP_PKEY_CTX_free(ctx);
	OPENSSL_cleanse(z, sizeof(z));
	return ok ? 0 : att_fail_crypto(err, "cannot agree on a key");
}

/* The protected header in base64url; NULL after a message. */
static char *make_header(EVP_PKEY *ephemeral, const char *curve, const uint8_t *nonce,
			 size_t nonce_size, struct att_error *err)
{
	size_t half = strcmp(curve, "P-384") ? 32 : 48;
	char *x, *y, *apv, *text = NULL, *header = NULL;
	json_t *h = NULL;
	uint8_t xy[96];

	if (att_key_point(ephemeral, xy, 2 * half, err))
		return NULL;
	x = att_base64url(xy, half);
	y = att_base64url(xy + half, half);
	apv = att_base64url(nonce, nonce_size);
	if (x && y && apv)
		h = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "alg", ALG, "enc", ENC, "apv",
			      apv, "epk", "kty", "EC", "crv", curve, "x", x, "y", y);
	if (h)
		text = json_dumps(h, JSON_COMPACT);
	if (text)
		header = att_base64url((uint8_t *)text, strlen(text));
	json_decref(h);
	free(text);
	free(x);
	free(y);
	free(apv);
	if (!header)
		att_no_memory(err);
	return header;
}

static int encrypt(const uint8_t key[32], const char *aad, const uint8_t *iv, const uint8_t *in,
		   size_t size, uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = gcm && ctx && EVP_EncryptInit_ex2(ctx, gcm, key, iv, NULL) &&
	     EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)aad, (int)strlen(aad)) &&
	     EVP_EncryptUpdate(ctx, out, &n, in, (int)size) && (size_t)n == size &&
	     EVP_EncryptFinal_ex(ctx, out + n, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) > 0;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(gcm);
	return ok ? 0 : -1;
}

static int decrypt(const uint8_t key[32], const char *aad, size_t aad_size, const uint8_t *iv,
		   const struct att_bytes *in, uint8_t *tag, uint8_t *out)
{
	EVP_CIPHER *gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	ok = gcm && ctx && EVP_DecryptInit_ex2(ctx, gcm, key, iv, NULL) &&
	     EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)aad, (int)aad_size) &&
	     EVP_DecryptUpdate(ctx, out, &n, in->data, (int)in->size) && (size_t)n == in->size &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) > 0 &&
	     EVP_DecryptFinal_ex(ctx, out + n, &n) > 0;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(gcm);
	return ok ? 0 : -1;
}

/* header..iv.ciphertext.tag: nothing between the first dots, for the key is agreed on. */
static char *compact(const char *header, const uint8_t *iv, const uint8_t *text, size_t size,
		     const uint8_t *tag)
{
	char *i = att_base64url(iv, IV_SIZE), *c = att_base64url(text, size);
	char *t = att_base64url(tag, TAG_SIZE), *jwe = NULL;

	if (!i || !c || !t || asprintf(&jwe, "%s..%s.%s.%s", header, i, c, t) < 0)
		jwe = NULL;
	free(i);
	free(c);
	free(t);
	return jwe;
}

static char *seal_with(const uint8_t key[32], const char *header, const uint8_t *secret,
		       size_t size, struct att_error *err)
{
	uint8_t iv[IV_SIZE], tag[TAG_SIZE], *text = malloc(size + 1);
	char *jwe = NULL;

	if (!text) {
		att_no_memory(err);
		return NULL;
	}
	if (RAND_bytes(iv, sizeof(iv)) != 1 || encrypt(key, header, iv, secret, size, text, tag)) {
		att_fail_crypto(err, "cannot encrypt");
	} else {
		jwe = compact(header, iv, text, size, tag);
		if (!jwe)
			att_no_memory(err);
	}
	free(text);
	return jwe;
}

char *att_jwe_seal(EVP_PKEY *to, const uint8_t *nonce, size_t nonce_size, const uint8_t *secret,
		   size_t size, struct att_error *err)
{
	const char *curve = att_key_curve(to);
	EVP_PKEY *ephemeral;
	char *header, *jwe = NULL;
	uint8_t key[32];

	if (!curve || nonce_size > ATT_NONCE_MAX || size > ATT_SECRET_MAX) {
		att_fail(err, ATT_E_UNSUPPORTED,
			 !curve ? "the CVM's key is not of P-256 or P-384"
				: "a secret has 65536 bytes at most");
		return NULL;
	}
	ephemeral = att_key_new(curve, err);
	if (!ephemeral)
		return NULL;
	header = make_header(ephemeral, curve, nonce, nonce_size, err);
	if (header && !agree(ephemeral, to, nonce, nonce_size, key, err))
		jwe = seal_with(key, header, secret, size, err);
	OPENSSL_cleanse(key, sizeof(key));
	free(header);
	EVP_PKEY_free(ephemeral);
	return jwe;
}

/* ---- Opening ---- */

struct parts {
	const char *at[5];
	size_t size[5];
};

static int split(const char *jwe, size_t size, struct parts *p, struct att_error *err)
{
	const char *end = jwe + size;
	unsigned int i;

	while (size && (end[-1] == '\n' || end[-1] == '\r')) {
		end--;
		size--;
	}
	for (i = 0; i < 5; i++) {
		const char *dot = memchr(jwe, '.', (size_t)(end - jwe));

		if (!dot != (i == 4))
			return att_fail(err, ATT_E_FORMAT, "not a JWE: it has not five parts");
		p->at[i] = jwe;
		p->size[i] = (size_t)((dot ? dot : end) - jwe);
		jwe = dot ? dot + 1 : end;
	}
	if (p->size[1])
		return att_fail(err, ATT_E_UNSUPPORTED,
				"a JWE with an encrypted key: ECDH-ES has none");
	return 0;
}

/* One coordinate of the ephemeral key. */
static int coordinate(const json_t *epk, const char *name, uint8_t *to, size_t size,
		      struct att_error *err)
{
	const char *text;
	struct att_bytes b = { 0 };
	int ret = 0;

	if (att_json_string(epk, name, true, &text, err) ||
	    att_unbase64url(text, strlen(text), size, &b, name, err))
		return -1;
	if (b.size == size)
		memcpy(to, b.data, size);
	else
		ret = att_fail(err, ATT_E_FORMAT, "\"%s\" has not the size of its curve", name);
	att_bytes_free(&b);
	return ret;
}

static EVP_PKEY *parse_epk(const json_t *epk, const char *curve, struct att_error *err)
{
	static const char *const members[] = { "kty", "crv", "x", "y", NULL };
	size_t half = strcmp(curve, "P-384") ? 32 : 48;
	const char *kty, *crv;
	uint8_t xy[96];

	if (att_json_only(epk, members, "\"epk\"", err) ||
	    att_json_string(epk, "kty", true, &kty, err) ||
	    att_json_string(epk, "crv", true, &crv, err))
		return NULL;
	if (strcmp(kty, "EC") || strcmp(crv, curve)) {
		att_fail(err, ATT_E_REFUSED, "sealed for a key of another curve");
		return NULL;
	}
	if (coordinate(epk, "x", xy, half, err) || coordinate(epk, "y", xy + half, half, err))
		return NULL;
	return att_key_ec(curve, xy, 2 * half, err);
}

static EVP_PKEY *parse_header(const json_t *h, const char *curve, uint8_t *nonce,
			      size_t *nonce_size, struct att_error *err)
{
	static const char *const members[] = { "alg", "enc", "apv", "epk", NULL };
	const char *alg, *enc, *apv;
	struct att_bytes b = { 0 };

	if (att_json_only(h, members, "the header", err) ||
	    att_json_string(h, "alg", true, &alg, err) ||
	    att_json_string(h, "enc", true, &enc, err) ||
	    att_json_string(h, "apv", true, &apv, err))
		return NULL;
	if (strcmp(alg, ALG) || strcmp(enc, ENC)) {
		att_fail(err, ATT_E_UNSUPPORTED, "%.20s with %.20s: known is " ALG " with " ENC,
			 alg, enc);
		return NULL;
	}
	if (att_unbase64url(apv, strlen(apv), ATT_NONCE_MAX, &b, "apv", err))
		return NULL;
	memcpy(nonce, b.data, b.size);
	*nonce_size = b.size;
	att_bytes_free(&b);
	return parse_epk(json_object_get(h, "epk"), curve, err);
}

static EVP_PKEY *open_header(const struct parts *p, const char *curve, uint8_t *nonce,
			     size_t *nonce_size, struct att_error *err)
{
	struct att_bytes b = { 0 };
	EVP_PKEY *epk = NULL;
	json_t *h;

	if (att_unbase64url(p->at[0], p->size[0], HEADER_MAX, &b, "the header", err))
		return NULL;
	h = att_json_parse((char *)b.data, b.size, HEADER_MAX, err);
	if (h)
		epk = parse_header(h, curve, nonce, nonce_size, err);
	json_decref(h);
	att_bytes_free(&b);
	return epk;
}

static int open_with(const uint8_t key[32], const struct parts *p, struct att_bytes *secret,
		     struct att_error *err)
{
	struct att_bytes iv = { 0 }, text = { 0 }, tag = { 0 };
	int ret = -1;

	if (att_unbase64url(p->at[2], p->size[2], IV_SIZE, &iv, "iv", err) ||
	    att_unbase64url(p->at[3], p->size[3], ATT_SECRET_MAX, &text, "ciphertext", err) ||
	    att_unbase64url(p->at[4], p->size[4], TAG_SIZE, &tag, "tag", err))
		goto out;
	if (iv.size != IV_SIZE || tag.size != TAG_SIZE) {
		att_fail(err, ATT_E_FORMAT, "iv or tag has not its size");
		goto out;
	}
	/* OpenSSL compares the tag in constant time. */
	if (att_bytes_set(secret, text.data, text.size)) {
		att_no_memory(err);
	} else if (decrypt(key, p->at[0], p->size[0], iv.data, &text, tag.data, secret->data)) {
		att_bytes_free(secret);
		att_fail_crypto(err, "it was sealed for another key, or changed");
	} else {
		ret = 0;
	}
out:
	att_bytes_free(&iv);
	att_bytes_free(&text);
	att_bytes_free(&tag);
	return ret;
}

int att_jwe_open(EVP_PKEY *key, const char *jwe, size_t size, uint8_t *nonce, size_t *nonce_size,
		 struct att_bytes *secret, struct att_error *err)
{
	const char *curve = att_key_curve(key);
	uint8_t content_key[32];
	struct parts p;
	EVP_PKEY *epk;
	int ret = -1;

	secret->data = NULL;
	secret->size = 0;
	if (!curve)
		return att_fail(err, ATT_E_UNSUPPORTED, "the CVM's key is not of P-256 or P-384");
	if (size > ATT_JWE_MAX)
		return att_fail(err, ATT_E_FORMAT, "%zu bytes: a JWE has %u at most", size,
				ATT_JWE_MAX);
	if (split(jwe, size, &p, err))
		return -1;
	epk = open_header(&p, curve, nonce, nonce_size, err);
	if (epk && !agree(key, epk, nonce, *nonce_size, content_key, err))
		ret = open_with(content_key, &p, secret, err);
	OPENSSL_cleanse(content_key, sizeof(content_key));
	EVP_PKEY_free(epk);
	return ret;
}
