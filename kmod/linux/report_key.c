// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report key: ECDSA (FIPS 186-5) on P-256 with SHA-256 or on P-384 with SHA-384, or SM2 with
 * SM3 (GM/T 0003).
 *
 * P-256 unless one asks for another, because every verifier has it and P-384 costs more than twice
 * as much for a margin that nothing else in the chain has: launch digests are SHA-256.
 *
 * The kernel has no interface for signing with any of them: ec.c is our own. Its hashes are used
 * but for SM3, which distributions leave out.
 *
 * Nonces are those of RFC 6979, with random bytes as the additional data of its 3.6: a bad
 * source of randomness alone does not give the key away, nor does a fault that hits one of
 * two signatures of the same message. SM2's come in the same way, by HMAC with SHA-256.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <crypto/hash.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../core/report.h"
#include "ec.h"
#include "report_key.h"
#include "sm3.h"

#define SIZE	HGL_SCALAR_SIZE

static_assert(HGL_REPORT_PUBLIC_MAX == 2 * SIZE && HGL_REPORT_SIGNATURE_MAX == 2 * SIZE);

struct hgl_report_scheme {
	const char *word, *name;
	const char *hash;	/* of the message; NULL: SM3. As long as a number of the curve's */
	const char *hmac;	/* of nonces; as long, too */
	const struct hgl_curve *curve;
	u32 algorithm;
};

static const struct hgl_report_scheme schemes[] = {
	{ "p256", "ecdsa-p256-sha256", "sha256", "hmac(sha256)", &hgl_p256, HG_REPORT_P256 },
	{ "p384", "ecdsa-p384-sha384", "sha384", "hmac(sha384)", &hgl_p384, HG_REPORT_P384 },
	{ "sm2", "sm2-sm3", NULL, "hmac(sha256)", &hgl_sm2, HG_REPORT_SM2 },
};

struct signer {
	const struct hgl_report_scheme *scheme;
	const struct hgl_curve *curve;
	u32 size;			/* bytes of a number, and of the hashes */
	struct crypto_shash *hash;	/* NULL: SM3 */
	struct crypto_shash *hmac;
	u8 public[HGL_REPORT_PUBLIC_MAX];

	struct hgl_scalar d;		/* the private key */
	struct hgl_scalar k, e;
	u8 key[SIZE], value[SIZE];	/* K and V of RFC 6979 */
	u8 seed[3 * SIZE];		/* private key, digest, random */
};

static DEFINE_MUTEX(lock);	/* @signer and all in it */
static struct signer *signer;

/* ---- which ---- */

const struct hgl_report_scheme *hgl_report_scheme(const char *word)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(schemes); i++)
		if (!strcmp(schemes[i].word, word))
			return &schemes[i];
	return NULL;
}

u32 hgl_report_scheme_algorithm(const struct hgl_report_scheme *scheme)
{
	return scheme->algorithm;
}

const char *hgl_report_scheme_name(const struct hgl_report_scheme *scheme)
{
	return scheme->name;
}

u32 hgl_report_scheme_size(const struct hgl_report_scheme *scheme)
{
	return hgl_curve_size(scheme->curve);
}

/* ---- digests ---- */

static void add_number(struct hgl_sm3 *h, const struct hgl_modulus *m, const struct hgl_scalar *a)
{
	u8 bytes[SIZE];

	hgl_scalar_put(m, a, bytes);
	hgl_sm3_add(h, bytes, hgl_modulus_size(m));
}

/* GM/T 0003.2, 5.5 and 6.1: SM3(Z || message), the id being the default of GM/T 0009. */
static void sm2_digest(const struct signer *s, const void *message, size_t length, u8 *digest)
{
	static const u8 id[] = "\x00\x80" "1234567812345678";	/* its bits before it */
	static const struct hgl_scalar three = { { 3 } }, zero;
	const struct hgl_curve *c = s->curve;
	struct hgl_scalar a;
	struct hgl_sm3 h;

	hgl_scalar_sub(&c->p, &a, &zero, &three);
	hgl_sm3_begin(&h);
	hgl_sm3_add(&h, id, sizeof(id) - 1);
	add_number(&h, &c->p, &a);
	add_number(&h, &c->p, &c->b);
	add_number(&h, &c->p, &c->x);
	add_number(&h, &c->p, &c->y);
	hgl_sm3_add(&h, s->public, hgl_curve_size(c));
	hgl_sm3_end(&h, digest);
	hgl_sm3_begin(&h);
	hgl_sm3_add(&h, digest, HGL_SM3_SIZE);
	hgl_sm3_add(&h, message, length);
	hgl_sm3_end(&h, digest);
}

/* In s->e. */
static int digest(struct signer *s, const void *message, size_t length)
{
	u8 bytes[SIZE];
	int ret = 0;

	if (s->hash)
		ret = crypto_shash_tfm_digest(s->hash, message, length, bytes);
	else
		sm2_digest(s, message, length, bytes);
	if (!ret)
		hgl_scalar_reduce(&s->curve->n, &s->e, bytes);
	return ret;
}

/* ---- nonces: RFC 6979, 3.2, with 3.6 ---- */

/* value = HMAC(key, value), or key = HMAC(key, value || @byte || @seed). */
static int mac(struct signer *s, u8 *to, const u8 *byte, size_t seed)
{
	SHASH_DESC_ON_STACK(desc, s->hmac);
	int ret;

	desc->tfm = s->hmac;
	ret = crypto_shash_setkey(s->hmac, s->key, s->size) ?:
	      crypto_shash_init(desc) ?:
	      crypto_shash_update(desc, s->value, s->size);
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

/* With as much of the seed: 2 numbers, or 3 with the random one. */
static int nonce_begin(struct signer *s, size_t seed)
{
	hgl_scalar_put(&s->curve->n, &s->d, s->seed);
	hgl_scalar_put(&s->curve->n, &s->e, s->seed + s->size);
	get_random_bytes(s->seed + 2 * s->size, s->size);
	memset(s->value, 1, s->size);
	memset(s->key, 0, s->size);
	return stir(s, 0, seed) ?: stir(s, 1, seed);
}

/* The next candidate: -EAGAIN if it is none. */
static int nonce_next(struct signer *s)
{
	int ret = mac(s, s->value, NULL, 0);

	if (ret)
		return ret;
	return hgl_scalar_get(&s->curve->n, &s->k, s->value) ? 0 : -EAGAIN;
}

/* ---- signatures ---- */

/*
 * With the nonce k; -EAGAIN: another one is needed. It is verified, too: what a fault has made of
 * the private key gives no signature that anybody sees.
 */
static int sign_with(struct signer *s, u8 *signature)
{
	u8 made[HGL_REPORT_SIGNATURE_MAX];

	switch (hgl_ec_sign(s->curve, &s->d, &s->e, &s->k, made)) {
	case HGL_EC_OK:
		break;
	case HGL_EC_AGAIN:
		return -EAGAIN;
	default:
		return -EIO;
	}
	if (!hgl_ec_verify(s->curve, s->public, &s->e, made)) {
		memzero_explicit(made, sizeof(made));
		return -EIO;
	}
	memcpy(signature, made, hgl_curve_size(s->curve));
	return 0;
}

/*
 * What signing has left on the stack below the caller: sums and products on the way. gcc's frames
 * add up to 3.2 KiB there, an interrupt's registers come on top, and the kernel wants no frame
 * above 2 KiB.
 */
#define STACK_PIECE	1280
#define STACK_PIECES	3

static noinline void wipe_stack(u32 pieces)
{
	u8 piece[STACK_PIECE];

	if (pieces > 1)
		wipe_stack(pieces - 1);
	/* After that, so that it is no jump with this frame given up. */
	hgl_wipe(piece, sizeof(piece));
}

/* All that a signature leaves behind but the key. */
static void forget(struct signer *s)
{
	memzero_explicit(&s->k, sizeof(s->k));
	memzero_explicit(s->key, sizeof(s->key));
	memzero_explicit(s->value, sizeof(s->value));
	memzero_explicit(s->seed, sizeof(s->seed));
	/* What it has made of the last K; if it fails, it has done at least that much. */
	crypto_shash_setkey(s->hmac, s->key, s->size);
	wipe_stack(STACK_PIECES);
}

#define TRIES	16	/* one is enough but for one time in 2^32 */

static int sign(struct signer *s, const void *message, size_t length, u8 *signature)
{
	int ret, tries;

	ret = digest(s, message, length) ?: nonce_begin(s, 3 * s->size);
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
	int ret = -ENOKEY;

	if (mutex_lock_killable(&lock))
		return -EINTR;
	if (signer)
		ret = sign(signer, message, length, signature) ?: hgl_curve_size(signer->curve);
	mutex_unlock(&lock);
	return ret;
}

/* ---- the key ---- */

static void free_signer(struct signer *s)
{
	if (!IS_ERR_OR_NULL(s->hash))
		crypto_free_shash(s->hash);
	/* Wipes what it holds. */
	if (!IS_ERR_OR_NULL(s->hmac))
		crypto_free_shash(s->hmac);
	kfree_sensitive(s);
}

static struct signer *alloc_signer(const struct hgl_report_scheme *scheme)
{
	struct signer *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s) {
		pr_err("no report key: no memory\n");
		return ERR_PTR(-ENOMEM);
	}
	s->scheme = scheme;
	s->curve = scheme->curve;
	s->size = hgl_modulus_size(&s->curve->n);
	if (scheme->hash)
		s->hash = crypto_alloc_shash(scheme->hash, 0, 0);
	s->hmac = crypto_alloc_shash(scheme->hmac, 0, 0);
	if (!IS_ERR(s->hash) && !IS_ERR(s->hmac) &&
	    (!s->hash || crypto_shash_digestsize(s->hash) == s->size) &&
	    crypto_shash_digestsize(s->hmac) == s->size)
		return s;
	pr_err("no report key: report_key=%s needs %s, which this kernel does not offer: see that its module can be loaded, or choose another\n",
	       scheme->word, IS_ERR(s->hash) ? scheme->hash : scheme->hmac);
	free_signer(s);
	return ERR_PTR(-ENOENT);
}

/* In s->k; what is no nonce, once in 2^32 times, can be compared all the same. */
static int test_nonce(struct signer *s, const struct hgl_scalar *d, size_t seed)
{
	int ret;

	s->d = *d;
	ret = nonce_begin(s, seed) ?: nonce_next(s);
	return ret == -EAGAIN ? 0 : ret;
}

/*
 * Of the example's key @d, and s->e: RFC 6979's own when nothing random is added; else another
 * each time, and for another key. SM2 has no example of these.
 */
static int test_nonces(struct signer *s, const struct hgl_scalar *d)
{
	static const struct hgl_scalar other = { { 1 } };
	struct hgl_scalar k, plain, random;
	int ret;

	ret = wait_for_random_bytes() ?: test_nonce(s, d, 2 * s->size);
	plain = s->k;
	if (ret || !hgl_scalar_get(&s->curve->n, &k, hgl_ec_example(s->curve)->k) ||
	    (!s->curve->sm2 && !hgl_scalar_equal(&plain, &k)))
		return ret ?: -EIO;
	ret = test_nonce(s, &other, 2 * s->size);
	if (ret || hgl_scalar_equal(&s->k, &plain))
		return ret ?: -EIO;
	ret = test_nonce(s, d, 3 * s->size);
	random = s->k;
	if (ret || hgl_scalar_equal(&random, &plain))
		return ret ?: -EIO;
	ret = test_nonce(s, d, 3 * s->size);
	return ret ?: hgl_scalar_equal(&s->k, &random) ? -EIO : 0;
}

/* The standard's own example, digest and nonce and all, comes out as it should. */
static int self_test(struct signer *s)
{
	const struct hgl_ec_example *example = hgl_ec_example(s->curve);
	struct hgl_scalar d, x, y;
	int ret;

	if (!hgl_scalar_get(&s->curve->n, &d, example->d) ||
	    !hgl_ec_multiply(s->curve, &d, &x, &y))
		return -EIO;
	hgl_scalar_put(&s->curve->p, &x, s->public);
	hgl_scalar_put(&s->curve->p, &y, s->public + s->size);
	ret = digest(s, example->message, strlen(example->message));
	if (!ret && !hgl_ec_works(s->curve, &s->e))
		ret = -EIO;
	if (!ret)
		ret = test_nonces(s, &d);
	memset(s->public, 0, sizeof(s->public));
	return ret;
}

/* Uniform in [1, order): numbers that are not are thrown away. */
static int generate(struct signer *s)
{
	struct hgl_scalar x, y, again, y_again;
	int ret, tries;

	for (tries = 0; tries < TRIES; tries++) {
		ret = get_random_bytes_wait(s->value, s->size);
		if (ret)
			return ret;
		if (!hgl_scalar_get(&s->curve->n, &s->d, s->value) ||
		    !hgl_ec_is_private(s->curve, &s->d))
			continue;
		if (!hgl_ec_multiply(s->curve, &s->d, &x, &y) ||
		    !hgl_ec_multiply(s->curve, &s->d, &again, &y_again) ||
		    !hgl_scalar_equal(&x, &again) || !hgl_scalar_equal(&y, &y_again))
			return -EIO;
		hgl_scalar_put(&s->curve->p, &x, s->public);
		hgl_scalar_put(&s->curve->p, &y, s->public + s->size);
		return 0;
	}
	return -EIO;
}

int hgl_report_key_make(const struct hgl_report_scheme *scheme, u8 *public)
{
	u8 signature[HGL_REPORT_SIGNATURE_MAX];
	struct signer *s = alloc_signer(scheme);
	int ret;

	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = self_test(s);
	if (ret) {
		pr_err("no report key: report_key=%s: %s does not give the known answer: error %d\n",
		       scheme->word, scheme->name, ret);
		free_signer(s);
		return ret;
	}
	/* A signature at once, which is verified: it shows that all of it works. */
	ret = generate(s) ?: sign(s, s->public, sizeof(s->public), signature);
	if (ret) {
		pr_err("no report key: making it failed: error %d\n", ret);
		free_signer(s);
		return ret;
	}
	memcpy(public, s->public, hgl_curve_size(s->curve));
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
