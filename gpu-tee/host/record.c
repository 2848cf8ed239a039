// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

struct hg_record_cipher {
	enum hg_suite suite;
	EVP_CIPHER_CTX *ctx;
	EVP_CIPHER_CTX *blocks; /* AES alone, for hg_record_streams */
	EVP_MAC_CTX *mac;
	bool opens;
	uint8_t salt[HG_SALT_SIZE];
};

/* HKDF-Expand (RFC 5869) with SHA-256. */
static int expand(const uint8_t prk[32], const char *label, const uint8_t *extra, size_t extra_size,
		  uint8_t *out, size_t size, struct hg_gpu_error *err)
{
	uint8_t block[32 + 32 + 8], t[32];
	size_t have = 0, n = strlen(label);
	unsigned char i;
	int r = 0;

	for (i = 1; have < size && !r; i++) {
		size_t at = 0, part = size - have < 32 ? size - have : 32;

		if (i > 1) {
			memcpy(block, t, 32);
			at = 32;
		}
		memcpy(block + at, label, n);
		at += n;
		if (extra_size)
			memcpy(block + at, extra, extra_size);
		at += extra_size;
		block[at++] = i;
		if (!HMAC(EVP_sha256(), prk, 32, block, at, t, NULL))
			r = hg_gpu_fail_crypto(err, "HMAC-SHA256");
		else
			memcpy(out + have, t, part);
		have += part;
	}
	OPENSSL_cleanse(t, sizeof(t));
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

static int expand_all(struct hg_record_keys *keys, const uint8_t prk[32], bool first,
		      struct hg_gpu_error *err)
{
	static const char *const labels[HG_KEYS] = {
		[HG_KEY_H2D] = HG_LABEL_H2D,
		[HG_KEY_D2H] = HG_LABEL_D2H,
		[HG_KEY_COMMAND_H2D] = HG_LABEL_COMMAND_H2D,
		[HG_KEY_COMMAND_D2H] = HG_LABEL_COMMAND_D2H,
		[HG_KEY_LAUNCH] = HG_LABEL_LAUNCH,
	};
	int i;

	for (i = 0; i < HG_KEYS; i++)
		/* The key of the launches' pads stays. */
		if ((first || i != HG_KEY_LAUNCH) &&
		    expand(prk, labels[i], NULL, 0, keys->material[i], HG_MATERIAL_SIZE, err))
			return -1;
	return expand(prk, HG_LABEL_CHAIN, NULL, 0, keys->chain_secret, 32, err);
}

int hg_record_derive(struct hg_record_keys *keys, enum hg_suite suite, uint64_t session,
		     const uint8_t secret[HG_SECRET_SIZE], const uint8_t transcript[32],
		     struct hg_gpu_error *err)
{
	uint8_t prk[32];
	int r;

	memset(keys, 0, sizeof(*keys));
	keys->suite = suite;
	keys->session = session;
	if (!HMAC(EVP_sha256(), transcript, 32, secret, HG_SECRET_SIZE, prk, NULL))
		return hg_gpu_fail_crypto(err, "HMAC-SHA256");
	r = expand_all(keys, prk, true, err);
	OPENSSL_cleanse(prk, sizeof(prk));
	return r;
}

int hg_record_rekey(struct hg_record_keys *keys, struct hg_gpu_error *err)
{
	uint32_t epoch = keys->epoch + 1;
	uint8_t prk[32],
		number[4] = { epoch & 255, epoch >> 8 & 255, epoch >> 16 & 255, epoch >> 24 };
	int r = expand(keys->chain_secret, HG_LABEL_REKEY, number, 4, prk, 32, err);

	if (!r)
		r = expand_all(keys, prk, false, err);
	if (!r)
		keys->epoch = epoch;
	OPENSSL_cleanse(prk, sizeof(prk));
	return r;
}

void hg_record_cipher_free(struct hg_record_cipher *cipher)
{
	if (!cipher)
		return;
	EVP_CIPHER_CTX_free(cipher->ctx);
	EVP_CIPHER_CTX_free(cipher->blocks);
	EVP_MAC_CTX_free(cipher->mac);
	free(cipher);
}

static int make_mac(struct hg_record_cipher *c, const uint8_t *key)
{
	OSSL_PARAM params[2] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SM3", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	int ok;

	c->mac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	ok = c->mac && EVP_MAC_init(c->mac, key, 16, params);
	EVP_MAC_free(mac);
	return ok;
}

static int make_blocks(struct hg_record_cipher *c, const uint8_t *key)
{
	c->blocks = EVP_CIPHER_CTX_new();
	return c->blocks && EVP_EncryptInit_ex(c->blocks, EVP_aes_256_ecb(), NULL, key, NULL) &&
	       EVP_CIPHER_CTX_set_padding(c->blocks, 0);
}

int hg_record_cipher_new(const struct hg_record_keys *keys, enum hg_purpose purpose,
			 struct hg_record_cipher **cipher, struct hg_gpu_error *err)
{
	const uint8_t *key = keys->material[purpose];
	bool opens = purpose == HG_KEY_D2H || purpose == HG_KEY_COMMAND_D2H;
	const EVP_CIPHER *type = keys->suite == HG_AES_256_GCM ? EVP_aes_256_gcm() :
				 keys->suite == HG_CHACHA20_POLY1305 ? EVP_chacha20_poly1305() :
				 EVP_sm4_ctr();
	struct hg_record_cipher *c = calloc(1, sizeof(*c));

	*cipher = NULL;
	if (!c)
		return hg_gpu_no_memory(err);
	c->suite = keys->suite;
	c->opens = opens;
	memcpy(c->salt, key + HG_KEY_SIZE, HG_SALT_SIZE);
	c->ctx = EVP_CIPHER_CTX_new();
	if (!c->ctx || !EVP_CipherInit_ex(c->ctx, type, NULL, key, NULL, !opens) ||
	    (keys->suite == HG_SM4_CTR_HMAC_SM3 && !make_mac(c, key + 16)) ||
	    (keys->suite == HG_AES_256_GCM && purpose == HG_KEY_LAUNCH && !make_blocks(c, key))) {
		hg_record_cipher_free(c);
		return hg_gpu_fail_crypto(err, "cannot make a cipher");
	}
	*cipher = c;
	return 0;
}

/* Salt, number, and for SM4 the counter, which starts at 2 as in GCM. */
static void make_nonce(const struct hg_record_cipher *c, uint64_t sequence, uint8_t nonce[16])
{
	int i;

	memcpy(nonce, c->salt, HG_SALT_SIZE);
	for (i = 0; i < 8; i++)
		nonce[HG_SALT_SIZE + i] = sequence >> (56 - 8 * i);
	memset(nonce + 12, 0, 4);
	nonce[15] = 2;
}

static int sm_mac(struct hg_record_cipher *c, const struct hg_record *head, const void *text,
		  uint8_t tag[32])
{
	size_t size;

	return EVP_MAC_init(c->mac, NULL, 0, NULL) &&
	       EVP_MAC_update(c->mac, (const uint8_t *)head, HG_HEADER_AAD) &&
	       EVP_MAC_update(c->mac, text, head->length) &&
	       EVP_MAC_final(c->mac, tag, &size, 32);
}

int hg_record_seal(struct hg_record_cipher *c, struct hg_record *head, const void *src, void *out,
		   struct hg_gpu_error *err)
{
	uint8_t nonce[16], tag[32];
	uint32_t length = head->length;
	int n, ok;

	make_nonce(c, head->sequence, nonce);
	ok = EVP_CipherInit_ex(c->ctx, NULL, NULL, NULL, nonce, -1);
	if (c->suite == HG_SM4_CTR_HMAC_SM3) {
		ok = ok && EVP_CipherUpdate(c->ctx, out, &n, src, (int)length) &&
		     sm_mac(c, head, out, tag);
	} else {
		ok = ok &&
		     EVP_CipherUpdate(c->ctx, NULL, &n, (const uint8_t *)head, HG_HEADER_AAD) &&
		     EVP_CipherUpdate(c->ctx, out, &n, src, (int)length) &&
		     EVP_CipherFinal_ex(c->ctx, (uint8_t *)out + n, &n) &&
		     EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, HG_TAG_SIZE, tag);
	}
	if (!ok)
		return hg_gpu_fail_crypto(err, "cannot seal a record");
	memset((uint8_t *)out + length, 0, -length & 15);
	memcpy(head->tag, tag, HG_TAG_SIZE);
	return 0;
}

/* Without AES-GCM's own mode: it would make a tag for each, and take one number at a time. */
static int aes_streams(struct hg_record_cipher *c, uint64_t sequence, unsigned count,
		       uint8_t (*out)[HG_STREAM_SIZE], struct hg_gpu_error *err)
{
	uint8_t nonce[16];
	unsigned i, k;
	int n;

	for (i = 0; i < count; i++) {
		make_nonce(c, sequence + i, nonce);
		for (k = 0; k < HG_STREAM_SIZE / 16; k++) {
			nonce[15] = 2 + k;
			memcpy(out[i] + 16 * k, nonce, 16);
		}
	}
	if (!EVP_EncryptUpdate(c->blocks, out[0], &n, out[0], (int)(count * HG_STREAM_SIZE)))
		return hg_gpu_fail_crypto(err, "cannot make a key stream");
	return 0;
}

int hg_record_streams(struct hg_record_cipher *c, uint64_t sequence, unsigned count,
		      uint8_t (*out)[HG_STREAM_SIZE], struct hg_gpu_error *err)
{
	static const uint8_t zeros[HG_STREAM_SIZE];
	unsigned i;

	if (c->blocks)
		return aes_streams(c, sequence, count, out, err);
	for (i = 0; i < count; i++) {
		struct hg_record head = {.sequence = sequence + i, .length = HG_STREAM_SIZE};

		if (hg_record_seal(c, &head, zeros, out[i], err))
			return -1;
	}
	return 0;
}

int hg_record_open(struct hg_record_cipher *c, const struct hg_record *head, const void *in,
		   void *dst, struct hg_gpu_error *err)
{
	uint8_t nonce[16], tag[32];
	int n, ok, good;

	make_nonce(c, head->sequence, nonce);
	ok = EVP_CipherInit_ex(c->ctx, NULL, NULL, NULL, nonce, -1);
	if (c->suite == HG_SM4_CTR_HMAC_SM3) {
		ok = ok && sm_mac(c, head, in, tag);
		good = ok && !CRYPTO_memcmp(tag, head->tag, HG_TAG_SIZE);
		if (good)
			ok = good = EVP_CipherUpdate(c->ctx, dst, &n, in, (int)head->length);
	} else {
		memcpy(tag, head->tag, HG_TAG_SIZE);
		ok = ok &&
		     EVP_CipherUpdate(c->ctx, NULL, &n, (const uint8_t *)head, HG_HEADER_AAD) &&
		     EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, HG_TAG_SIZE, tag) &&
		     EVP_CipherUpdate(c->ctx, dst, &n, in, (int)head->length);
		good = ok && EVP_CipherFinal_ex(c->ctx, tag, &n) > 0;
	}
	if (!ok) {
		OPENSSL_cleanse(dst, head->length);
		return hg_gpu_fail_crypto(err, "cannot open a record");
	}
	if (!good) {
		OPENSSL_cleanse(dst, head->length);
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED, "the tag is wrong");
	}
	return 0;
}

int hg_record_chain(uint8_t chain[32], enum hg_chain_event event, uint32_t count, const void *data,
		    size_t size, struct hg_gpu_error *err)
{
	uint8_t message[32 + 8 + HG_BATCH_MAX * HG_TAG_SIZE];
	uint32_t head[2] = {event, count};

	if (size > sizeof(message) - 40)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "too much for a link of the chain");
	memcpy(message, chain, 32);
	memcpy(message + 32, head, 8);
	memcpy(message + 40, data, size);
	SHA256(message, 40 + size, chain);
	return 0;
}

enum hg_suite hg_record_suite(const char *name)
{
	if (!name || !*name || !strcmp(name, "aes-256-gcm"))
		return HG_AES_256_GCM;
	if (!strcmp(name, "chacha20-poly1305"))
		return HG_CHACHA20_POLY1305;
	return !strcmp(name, "sm4-ctr-hmac-sm3") ? HG_SM4_CTR_HMAC_SM3 : 0;
}

const char *hg_record_bad_text(uint32_t bad)
{
	static const char *const text[HG_BADS] = {
		[HG_BAD_NONE] = "nothing is wrong",
		[HG_BAD_MAGIC] = "it is no record (magic)",
		[HG_BAD_KIND] = "a record of another kind (kind)",
		[HG_BAD_SUITE] = "a record of another suite (suite)",
		[HG_BAD_DIRECTION] = "a record of the other direction was sent back (direction)",
		[HG_BAD_EPOCH] = "a record from before the last change of keys (epoch)",
		[HG_BAD_SESSION] = "a record of another session (session)",
		[HG_BAD_SEQUENCE] = "a record was replayed, left out or reordered (sequence)",
		[HG_BAD_BUFFER] = "a record for another buffer than the one that is there (buffer)",
		[HG_BAD_RANGE] = "a record reaches out of its buffer (range)",
		[HG_BAD_MORE] = "a row of records was cut or extended (more)",
		[HG_BAD_TAG] = "a record was altered (tag)",
		[HG_BAD_LAUNCH] = "a kernel was started with other arguments (launch)",
		[HG_BAD_BIND] = "a buffer was announced twice (bind)",
		[HG_BAD_COMMAND] = "an unknown command (command)",
		[HG_BAD_COUNTER] = "the numbers of this key are used up (counter)",
		[HG_BAD_STATE] = "keys were to be installed twice (state)",
		[HG_BAD_AREA] = "a launch area was swapped (area)",
		[HG_BAD_ORDER] = "a launch was repeated or reordered (order)",
		[HG_BAD_ITEMS] = "a launch had another size (items)",
	};

	return bad < HG_BADS ? text[bad] : "a reason that is not known";
}
