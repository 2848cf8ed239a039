// SPDX-License-Identifier: Apache-2.0
/* The CVM's side of the key agreement, by OpenSSL. docs/gpu-protocol.md. */
#include "agree.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

#define X25519_SIZE 32u

enum agree_state { ASKED, CONFIRMED, FAILED };

struct hg_agreement {
	enum agree_state state;
	struct hg_hello hello;
	uint8_t th1[HG_HASH_SIZE];
	EVP_PKEY *key; /* c */
};

/* What group, hash and encoding belong together. */
struct group_ops {
	const char *curve; /* NULL: X25519 */
	const char *hash;
};

static const struct group_ops groups[] = {
	[HG_X25519] = { NULL, "SHA256" },
	[HG_P256] = { "P-256", "SHA256" },
	[HG_SM2] = { "SM2", "SM3" },
};

static const struct group_ops *group_of(const struct hg_hello *hello)
{
	return &groups[hello->group];
}

const char *hg_agree_status_name(uint32_t status)
{
	static const char *const names[HG_AGREE_STATUSES] = {
		[HG_AGREE_OK] = "ok",
		[HG_AGREE_MAGIC] = "it was sent no message that it knows",
		[HG_AGREE_GROUP] = "it does not know the group",
		[HG_AGREE_SUITE] = "it does not know the suite",
		[HG_AGREE_MODE] = "it does not know the mode",
		[HG_AGREE_HELPER] = "the helper data are not those that the hello names",
		[HG_AGREE_POINT] = "a public key is not on its curve",
		[HG_AGREE_NOISE] = "the device shows no noise",
		[HG_AGREE_FINGERPRINT] = "its behaviour is not that of the enrolled device",
		[HG_AGREE_KEY] = "its behaviour gives another key than the enrolled one",
		[HG_AGREE_STATE] = "this message is not its turn",
		[HG_AGREE_SESSION] = "the message is of another session",
		[HG_AGREE_CONFIRM] = "the confirmation is wrong",
		[HG_AGREE_LAUNCH] = "the program was started with another size",
	};

	return status < HG_AGREE_STATUSES ? names[status] : "unknown reason";
}

/* ---- Hashes --------------------------------------------------------------- */

struct piece {
	const void *data;
	size_t size;
};

static int hash_pieces(const char *name, const struct piece *p, unsigned count,
		       uint8_t out[HG_HASH_SIZE], struct hg_gpu_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
	unsigned i, size = 0;
	int ok = ctx && md && EVP_DigestInit_ex2(ctx, md, NULL);

	for (i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(ctx, p[i].data, p[i].size);
	ok = ok && EVP_DigestFinal_ex(ctx, out, &size) && size == HG_HASH_SIZE;
	EVP_MD_free(md);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : hg_gpu_fail_crypto(err, name);
}

static int hkdf(const char *hash, int mode, const void *key, size_t key_size, const void *salt,
		const char *info, uint8_t out[HG_HASH_SIZE], struct hg_gpu_error *err)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[6], *p = params;
	int ok;

	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)hash, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_size);
	if (salt)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt,
							 HG_HASH_SIZE);
	if (info)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info,
							 strlen(info));
	*p = OSSL_PARAM_construct_end();
	ok = ctx && EVP_KDF_derive(ctx, out, HG_HASH_SIZE, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : hg_gpu_fail_crypto(err, "HKDF");
}

static int expand(const char *hash, const uint8_t prk[HG_HASH_SIZE], const char *label,
		  uint8_t out[HG_HASH_SIZE], struct hg_gpu_error *err)
{
	return hkdf(hash, EVP_KDF_HKDF_MODE_EXPAND_ONLY, prk, HG_HASH_SIZE, NULL, label, out, err);
}

static int hmac(const char *hash, const uint8_t key[HG_HASH_SIZE], const void *data, size_t size,
		uint8_t out[HG_HASH_SIZE], struct hg_gpu_error *err)
{
	size_t n = 0;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, hash, NULL, key, HG_HASH_SIZE, data, size, out,
		       HG_HASH_SIZE, &n) ||
	    n != HG_HASH_SIZE)
		return hg_gpu_fail_crypto(err, "HMAC");
	return 0;
}

/* ---- Groups --------------------------------------------------------------- */

static EVP_PKEY *key_new(const struct group_ops *g)
{
	return g->curve ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", g->curve)
			: EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
}

static int key_public(const struct group_ops *g, EVP_PKEY *key, uint8_t out[HG_PUBLIC_SIZE],
		      struct hg_gpu_error *err)
{
	uint8_t point[1 + HG_PUBLIC_SIZE];
	size_t n = sizeof(point);

	memset(out, 0, HG_PUBLIC_SIZE);
	if (!g->curve) {
		n = X25519_SIZE;
		if (EVP_PKEY_get_raw_public_key(key, out, &n) && n == X25519_SIZE)
			return 0;
		return hg_gpu_fail_crypto(err, "public key");
	}
	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					     &n) ||
	    n != sizeof(point) || point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return hg_gpu_fail_crypto(err, "public key");
	memcpy(out, point + 1, HG_PUBLIC_SIZE);
	return 0;
}

/*
 * NULL when @public is no key of the group; OpenSSL checks that a point is on its curve.
 * The parameters come from @own: OpenSSL 3.0 makes no EC key on SM2's curve out of a
 * name, and an SM2 key does no Diffie-Hellman.
 */
static EVP_PKEY *key_from_public(const struct group_ops *g, EVP_PKEY *own,
				 const uint8_t public[HG_PUBLIC_SIZE])
{
	static const uint8_t zero[HG_PUBLIC_SIZE - X25519_SIZE];
	uint8_t point[1 + HG_PUBLIC_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
	EVP_PKEY *key;

	if (!g->curve) {
		if (memcmp(public + X25519_SIZE, zero, sizeof(zero)) != 0)
			return NULL;
		return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, public, X25519_SIZE);
	}
	memcpy(point + 1, public, HG_PUBLIC_SIZE);
	key = EVP_PKEY_new();
	if (key && EVP_PKEY_copy_parameters(key, own) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(key, point, sizeof(point)) == 1)
		return key;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return NULL;
}

/* 0, or -1: no shared secret comes of these (a point of small order). */
static int key_derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t out[HG_HASH_SIZE])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t n = HG_HASH_SIZE;
	int ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		 EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, &n) == 1 &&
		 n == HG_HASH_SIZE;

	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		ERR_clear_error();
	return ok ? 0 : -1;
}

/* ---- Hello ---------------------------------------------------------------- */

static int check_options(const struct hg_agree_options *o, struct hg_gpu_error *err)
{
	if (o->group > HG_SM2)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "key agreement: group %d is unknown",
				   (int)o->group);
	if (o->suite > 3)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "key agreement: suite %u is unknown",
				   o->suite);
	if (o->helper_size > HG_HELPER_MAX)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "key agreement: %zu bytes of helper data, more than %u",
				   o->helper_size, HG_HELPER_MAX);
	return 0;
}

static int check_enrolled(const struct hg_agreement *a, struct hg_gpu_error *err)
{
	EVP_PKEY *key = key_from_public(group_of(&a->hello), a->key, a->hello.enrolled);

	if (!key)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "key agreement: the enrolled key is not a key of its group");
	EVP_PKEY_free(key);
	return 0;
}

static int fill_hello(struct hg_agreement *a, const struct hg_agree_options *o,
		      const uint8_t program[32], struct hg_gpu_error *err)
{
	struct hg_hello *h = &a->hello;
	const struct piece helper = { o->helper, o->helper_size };
	const struct piece all[] = { { HG_LABEL_HELLO, sizeof(HG_LABEL_HELLO) - 1 },
				     { h, sizeof(*h) } };

	h->magic = HG_HELLO_MAGIC;
	h->version = HG_AGREE_VERSION;
	h->group = o->group ? o->group : HG_X25519;
	h->suite = o->suite ? o->suite : 1;
	h->mode = o->anonymous ? HG_ANONYMOUS : HG_ENROLLED;
	if (RAND_bytes((uint8_t *)&h->session, sizeof(h->session)) != 1 ||
	    RAND_bytes(h->nonce, sizeof(h->nonce)) != 1)
		return hg_gpu_fail_crypto(err, "random numbers");
	memcpy(h->cvm, o->cvm, sizeof(h->cvm));
	memcpy(h->gpu, o->gpu, sizeof(h->gpu));
	memcpy(h->program, program, sizeof(h->program));
	if (!o->anonymous)
		memcpy(h->enrolled, o->enrolled, sizeof(h->enrolled));
	h->helper_size = (uint32_t)o->helper_size;

	a->key = key_new(group_of(h));
	if (!a->key)
		return hg_gpu_fail_crypto(err, "new key");
	if (!o->anonymous && check_enrolled(a, err))
		return -1;
	if (key_public(group_of(h), a->key, h->ephemeral, err) ||
	    hash_pieces("SHA256", &helper, 1, h->helper_hash, err))
		return -1;
	return hash_pieces(group_of(h)->hash, all, 2, a->th1, err);
}

int hg_agree_hello(const struct hg_agree_options *options, const uint8_t program[32],
		   struct hg_agreement **out, struct hg_hello *hello, struct hg_gpu_error *err)
{
	struct hg_agreement *a;

	*out = NULL;
	if (check_options(options, err))
		return -1;
	a = calloc(1, sizeof(*a));
	if (!a)
		return hg_gpu_no_memory(err);
	if (fill_hello(a, options, program, err)) {
		hg_agree_free(a);
		return -1;
	}
	*hello = a->hello;
	*out = a;
	return 0;
}

/* ---- Answer --------------------------------------------------------------- */

/* ee || es -> @ikm; es only when the device is enrolled. -> its size, or 0. */
static size_t shared_secrets(const struct hg_agreement *a, const struct hg_answer *answer,
			     uint8_t ikm[2 * HG_HASH_SIZE])
{
	const struct group_ops *g = group_of(&a->hello);
	EVP_PKEY *d = key_from_public(g, a->key, answer->ephemeral), *s = NULL;
	size_t size = 0;

	if (d && key_derive(a->key, d, ikm) == 0)
		size = HG_HASH_SIZE;
	if (size && a->hello.mode == HG_ENROLLED) {
		s = key_from_public(g, a->key, a->hello.enrolled);
		size = s && key_derive(a->key, s, ikm + HG_HASH_SIZE) == 0 ? 2 * HG_HASH_SIZE : 0;
	}
	EVP_PKEY_free(d);
	EVP_PKEY_free(s);
	return size;
}

/* What both sides compute of the transcript. */
struct schedule {
	uint8_t prk[HG_HASH_SIZE], key[HG_HASH_SIZE];
	uint8_t confirm_d[HG_HASH_SIZE];
	uint8_t last[2 * HG_HASH_SIZE]; /* th2 || confirm_d */
};

static int schedule(const struct hg_agreement *a, const struct hg_answer *answer,
		    const uint8_t *ikm, size_t ikm_size, struct schedule *s,
		    struct hg_finish *finish, struct hg_session_keys *keys,
		    struct hg_gpu_error *err)
{
	const char *hash = group_of(&a->hello)->hash;
	const struct piece all[] = { { HG_LABEL_ANSWER, sizeof(HG_LABEL_ANSWER) - 1 },
				     { a->th1, HG_HASH_SIZE },
				     { answer, HG_ANSWER_SIGNED } };

	if (hash_pieces(hash, all, 3, keys->transcript, err) ||
	    hkdf(hash, EVP_KDF_HKDF_MODE_EXTRACT_ONLY, ikm, ikm_size, keys->transcript, NULL,
		 s->prk, err) ||
	    expand(hash, s->prk, HG_LABEL_DEVICE, s->key, err) ||
	    hmac(hash, s->key, keys->transcript, HG_HASH_SIZE, s->confirm_d, err))
		return -1;
	memcpy(s->last, keys->transcript, HG_HASH_SIZE);
	memcpy(s->last + HG_HASH_SIZE, s->confirm_d, HG_HASH_SIZE);
	if (expand(hash, s->prk, HG_LABEL_CVM, s->key, err) ||
	    hmac(hash, s->key, s->last, sizeof(s->last), finish->confirm, err) ||
	    expand(hash, s->prk, HG_LABEL_SESSION, keys->secret, err))
		return -1;
	return 0;
}

static int check_answer(const struct hg_agreement *a, const struct hg_answer *answer,
			struct hg_gpu_error *err)
{
	if (answer->magic != HG_ANSWER_MAGIC)
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
				   "key agreement: what came back is no answer (magic %08x)",
				   answer->magic);
	if (answer->session != a->hello.session)
		return hg_gpu_fail(err, HG_GPU_E_TAMPERED,
				   "key agreement: the answer is of another session");
	if (answer->status != HG_AGREE_OK)
		return hg_gpu_fail(err,
				   answer->status == HG_AGREE_FINGERPRINT ||
						   answer->status == HG_AGREE_KEY
					   ? HG_GPU_E_IDENTITY
					   : HG_GPU_E_REFUSED,
				   "key agreement: the device refused: %s",
				   hg_agree_status_name(answer->status));
	return 0;
}

static int take_answer(const struct hg_agreement *a, const struct hg_answer *answer,
		       struct hg_finish *finish, struct hg_session_keys *keys,
		       struct hg_gpu_error *err)
{
	uint8_t ikm[2 * HG_HASH_SIZE];
	struct schedule s;
	size_t size;
	int rc = -1;

	if (check_answer(a, answer, err))
		return -1;
	size = shared_secrets(a, answer, ikm);
	if (!size)
		hg_gpu_fail(err, HG_GPU_E_TAMPERED,
			    "key agreement: the answer's key is not a key of its group");
	else if (!schedule(a, answer, ikm, size, &s, finish, keys, err))
		rc = CRYPTO_memcmp(s.confirm_d, answer->confirm, HG_HASH_SIZE)
			     ? hg_gpu_fail(
				       err, HG_GPU_E_TAMPERED,
				       "key agreement: the device's confirmation is wrong: "
				       "a message was altered, or it is not the enrolled device")
			     : 0;
	OPENSSL_cleanse(ikm, sizeof(ikm));
	OPENSSL_cleanse(&s, sizeof(s));
	return rc;
}

int hg_agree_answer(struct hg_agreement *a, const struct hg_answer *answer,
		    struct hg_finish *finish, struct hg_session_keys *keys,
		    struct hg_gpu_error *err)
{
	memset(finish, 0, sizeof(*finish));
	memset(keys, 0, sizeof(*keys));
	if (a->state != ASKED)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "key agreement: an answer was taken already");
	a->state = FAILED;
	if (take_answer(a, answer, finish, keys, err)) {
		OPENSSL_cleanse(finish, sizeof(*finish));
		OPENSSL_cleanse(keys, sizeof(*keys));
	} else {
		finish->magic = HG_FINISH_MAGIC;
		finish->session = keys->session = a->hello.session;
		a->state = CONFIRMED;
	}
	EVP_PKEY_free(a->key);
	a->key = NULL;
	return a->state == CONFIRMED ? 0 : -1;
}

void hg_agree_free(struct hg_agreement *a)
{
	if (!a)
		return;
	EVP_PKEY_free(a->key);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}
