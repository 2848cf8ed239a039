// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report key: ECDSA (FIPS 186-5) on P-256 with SHA-256.
 *
 * P-256, because every verifier has it and P-384 would cost three times as much for
 * a margin that nothing else in the chain has: launch digests are SHA-256.
 *
 * The kernel has no interface for signing with ECDSA. It has one for multiplying points, ECDH
 * by crypto_kpp: the "public key" of a secret k is k*G. What is left of ECDSA is arithmetic
 * modulo the order, in scalar.c.
 *
 * Nonces are those of RFC 6979, with 32 random bytes as the additional data of its 3.6: a bad
 * source of randomness alone does not give the key away, nor does a fault that hits one of
 * two signatures of the same message.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <crypto/hash.h>
#include <crypto/kpp.h>
#include <crypto/sha2.h>
#include <linux/err.h>
#include <linux/kmod.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "report_key.h"
#include "scalar.h"

#define SIZE	HGL_SCALAR_SIZE
#define ECDH	"ecdh-nist-p256-generic"

/* What crypto_kpp takes as an ECDH secret: <crypto/ecdh.h>, without a module for ten lines. */
struct ecdh_secret {
	struct kpp_secret head;
	u16 size;
	u8 key[SIZE];
} __packed;

/* Where points come from and go to: in memory that a scatterlist can name. */
struct signer {
	struct crypto_kpp *ecdh;
	struct crypto_shash *hmac;
	struct ecdh_secret secret;
	u8 point[2 * SIZE];
	u8 twice[2 * SIZE];

	struct hgl_scalar d;		/* the private key */
	struct hgl_scalar k, e, r, s, t;
	u8 key[SIZE], value[SIZE];	/* K and V of RFC 6979 */
	u8 seed[3 * SIZE];		/* private key, digest, random */
};

static DEFINE_MUTEX(lock);	/* @signer and all in it */
static struct signer *signer;

/* ---- points ---- */

static int set_secret(struct signer *s, const struct hgl_scalar *scalar)
{
	s->secret.head.type = CRYPTO_KPP_SECRET_TYPE_ECDH;
	s->secret.head.len = sizeof(s->secret);
	s->secret.size = SIZE;
	hgl_scalar_put(scalar, s->secret.key);
	return crypto_kpp_set_secret(s->ecdh, &s->secret, sizeof(s->secret));
}

/* @point becomes @scalar * G. */
static int multiply(struct signer *s, const struct hgl_scalar *scalar)
{
	struct kpp_request *request;
	struct scatterlist to;
	DECLARE_CRYPTO_WAIT(wait);
	int ret;

	ret = set_secret(s, scalar);
	if (ret)
		return ret;
	request = kpp_request_alloc(s->ecdh, GFP_KERNEL);
	if (!request)
		return -ENOMEM;
	sg_init_one(&to, s->point, sizeof(s->point));
	kpp_request_set_input(request, NULL, 0);
	kpp_request_set_output(request, &to, sizeof(s->point));
	kpp_request_set_callback(request, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				 crypto_req_done, &wait);
	ret = crypto_wait_req(crypto_kpp_generate_public_key(request), &wait);
	kpp_request_free(request);
	return ret;
}

/* ---- nonces: RFC 6979, 3.2, with 3.6 ---- */

/* value = HMAC(key, value), or key = HMAC(key, value || @byte || @seed). */
static int mac(struct signer *s, u8 *to, const u8 *byte, size_t seed)
{
	SHASH_DESC_ON_STACK(desc, s->hmac);
	int ret;

	desc->tfm = s->hmac;
	ret = crypto_shash_setkey(s->hmac, s->key, SIZE) ?:
	      crypto_shash_init(desc) ?:
	      crypto_shash_update(desc, s->value, SIZE);
	if (!ret && byte)
		ret = crypto_shash_update(desc, byte, 1) ?:
		      crypto_shash_update(desc, s->seed, seed);
	if (!ret)
		ret = crypto_shash_final(desc, to);
	shash_desc_zero(desc);
	return ret;
}

static int stir(struct signer *s, u8 byte, size_t seed)
{
	return mac(s, s->key, &byte, seed) ?: mac(s, s->value, NULL, 0);
}

static int nonce_begin(struct signer *s)
{
	hgl_scalar_put(&s->d, s->seed);
	hgl_scalar_put(&s->e, s->seed + SIZE);
	get_random_bytes(s->seed + 2 * SIZE, SIZE);
	memset(s->value, 1, SIZE);
	memset(s->key, 0, SIZE);
	return stir(s, 0, sizeof(s->seed)) ?: stir(s, 1, sizeof(s->seed));
}

/* The next candidate: -EAGAIN if it is none. */
static int nonce_next(struct signer *s)
{
	int ret = mac(s, s->value, NULL, 0);

	if (ret)
		return ret;
	return hgl_scalar_get(&s->k, s->value) ? 0 : -EAGAIN;
}

/* ---- signatures ---- */

/*
 * The nonce's point, computed twice: from a wrong one, by a fault, and a signature made with it
 * the key could be told.
 */
static int nonce_point(struct signer *s)
{
	int ret = multiply(s, &s->k);

	if (ret)
		return ret;
	memcpy(s->twice, s->point, sizeof(s->twice));
	ret = multiply(s, &s->k);
	if (ret)
		return ret;
	return memcmp(s->twice, s->point, sizeof(s->twice)) ? -EIO : 0;
}

/* With the nonce k; -EAGAIN: another one is needed. */
static int sign_with(struct signer *s, u8 *signature)
{
	struct hgl_scalar back;
	int ret = nonce_point(s);

	/* The kernel's ECDH refuses a few secrets that ECDSA could use. */
	if (ret)
		return ret == -EINVAL ? -EAGAIN : ret;
	hgl_scalar_reduce(&s->r, s->point);
	hgl_scalar_mul(&s->t, &s->r, &s->d);
	hgl_scalar_add(&s->t, &s->t, &s->e);
	hgl_scalar_invert(&s->s, &s->k);
	hgl_scalar_mul(&s->s, &s->s, &s->t);
	if (hgl_scalar_is_zero(&s->r) || hgl_scalar_is_zero(&s->s))
		return -EAGAIN;
	hgl_scalar_mul(&back, &s->s, &s->k);
	if (memcmp(&back, &s->t, sizeof(back)))
		return -EIO;
	/* The last secret that the tfm keeps is one that everyone sees. */
	ret = set_secret(s, &s->s);
	if (ret)
		return ret == -EINVAL ? -EAGAIN : ret;
	hgl_scalar_put(&s->r, signature);
	hgl_scalar_put(&s->s, signature + SIZE);
	memzero_explicit(&back, sizeof(back));
	return 0;
}

/* All that a signature leaves behind but the key. */
static void forget(struct signer *s)
{
	memzero_explicit(&s->secret, sizeof(s->secret));
	memzero_explicit(s->point, sizeof(s->point));
	memzero_explicit(s->twice, sizeof(s->twice));
	memzero_explicit(&s->k, sizeof(s->k));
	memzero_explicit(&s->t, sizeof(s->t));
	memzero_explicit(s->key, sizeof(s->key));
	memzero_explicit(s->value, sizeof(s->value));
	memzero_explicit(s->seed, sizeof(s->seed));
}

#define TRIES	16	/* one is enough but for one time in 2^32 */

static int sign(struct signer *s, const void *message, size_t length, u8 *signature)
{
	u8 digest[SHA256_DIGEST_SIZE];
	int ret, tries;

	sha256(message, length, digest);
	hgl_scalar_reduce(&s->e, digest);
	ret = nonce_begin(s);
	for (tries = 0; !ret && tries < TRIES; tries++) {
		ret = nonce_next(s);
		if (!ret)
			ret = sign_with(s, signature);
		if (ret != -EAGAIN)
			break;
		ret = stir(s, 0, 0);
	}
	forget(s);
	return tries == TRIES ? -EIO : ret;
}

int hgl_report_key_sign(const void *message, size_t length, u8 *signature)
{
	int ret;

	if (mutex_lock_killable(&lock))
		return -EINTR;
	ret = signer ? sign(signer, message, length, signature) : -ENOKEY;
	mutex_unlock(&lock);
	return ret;
}

/* ---- the key ---- */

static void free_signer(struct signer *s)
{
	/* Both wipe what they hold. */
	if (!IS_ERR_OR_NULL(s->ecdh))
		crypto_free_kpp(s->ecdh);
	if (!IS_ERR_OR_NULL(s->hmac))
		crypto_free_shash(s->hmac);
	kfree_sensitive(s);
}

static struct signer *alloc_signer(void)
{
	struct signer *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	/* Its module has an alias for "ecdh", but not for the curve. */
	request_module("crypto-ecdh");
	/* By the name of the implementation: an accelerator, on PCIe, shall not have the key. */
	s->ecdh = crypto_alloc_kpp(ECDH, 0, 0);
	s->hmac = crypto_alloc_shash("hmac(sha256)", 0, 0);
	if (!IS_ERR(s->ecdh) && !IS_ERR(s->hmac))
		return s;
	pr_err("no report key: this kernel offers no %s: build it with CONFIG_CRYPTO_%s, or see that its module can be loaded\n",
	       IS_ERR(s->ecdh) ? ECDH : "hmac(sha256)",
	       IS_ERR(s->ecdh) ? "ECDH" : "HMAC");
	free_signer(s);
	return NULL;
}

/* Uniform in [1, order): numbers that are not are thrown away. */
static int generate(struct signer *s, u8 *public)
{
	int ret, tries;

	for (tries = 0; tries < TRIES; tries++) {
		ret = get_random_bytes_wait(s->value, SIZE);
		if (ret)
			return ret;
		if (!hgl_scalar_get(&s->d, s->value))
			continue;
		ret = multiply(s, &s->d);
		if (ret == -EINVAL)
			continue;
		if (!ret)
			memcpy(public, s->point, 2 * SIZE);
		return ret;
	}
	return -EIO;
}

int hgl_report_key_make(u8 *public)
{
	u8 signature[HGL_REPORT_SIGNATURE_SIZE];
	struct signer *s = alloc_signer();
	int ret;

	if (!s)
		return -ENOENT;
	/* A signature at once: it shows that all of it works, and the tfm forgets the key. */
	ret = generate(s, public) ?: sign(s, public, HGL_REPORT_PUBLIC_SIZE, signature);
	if (ret) {
		pr_err("no report key: making it failed: error %d\n", ret);
		free_signer(s);
		return ret;
	}
	mutex_lock(&lock);
	signer = s;
	mutex_unlock(&lock);
	return 0;
}

void hgl_report_key_wipe(void)
{
	struct signer *s;

	mutex_lock(&lock);
	s = signer;
	signer = NULL;
	mutex_unlock(&lock);
	if (s)
		free_signer(s);
}
