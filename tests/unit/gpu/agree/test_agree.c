// SPDX-License-Identifier: Apache-2.0
/*
 * The key agreement, both sides: the library's, and the device's in plain C. First that
 * honest runs agree, then everything an attacker between the two can change. After
 * each refusal the device's state has no keys, and the host's are zero.
 */
#include "agree.h" /* host */
#include "enrol.h"
#include "error.h"
#include "simulated.h"

#include "../../../../gpu-tee/device/agree.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

_Thread_local u32 hg_plain_group, hg_plain_groups;

/* A simulated GPU that was enrolled, shared by the tests and not changed by them. */
static struct fp_helper helper;
static struct fp_reading *reading, *foreign;
static uint8_t enrolled[4][HG_PUBLIC_SIZE];

static int enrol(void **state)
{
	struct fp_reading *r[5];
	struct hg_sim_device device, other;
	struct hg_fp_quality quality;
	struct hg_gpu_error err;
	uint8_t secret[FP_SECRET_BYTES];
	int i;

	(void)state;
	hg_sim_defaults(&device, 1);
	hg_sim_defaults(&other, 2);
	for (i = 0; i < 5; i++) {
		r[i] = calloc(1, sizeof(**r));
		assert_non_null(r[i]);
		hg_sim_read(&device, 100 + i, r[i]);
	}
	if (hg_fp_generate((const struct fp_reading *const *)r, 5, &helper, secret, &quality, &err))
		fail_msg("%s", err.text);
	for (i = 1; i <= 3; i++)
		assert_int_equal(hg_fp_public_key(secret, i, enrolled[i], &err), 0);
	reading = r[0];
	hg_sim_read(&device, 999, reading);
	foreign = r[1];
	hg_sim_read(&other, 999, foreign);
	for (i = 2; i < 5; i++)
		free(r[i]);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	free(reading);
	free(foreign);
	return 0;
}

/* One session with both its ends. */
struct pair {
	struct hg_agreement *host;
	struct hg_session_keys keys;
	struct hg_gpu_error err;
	struct agree *device;
	struct agree_wire *wire;
	struct hg_state *state;
};

static void noise_fill(struct agree *a)
{
	for (u32 i = 0; i < NOISE_GROUPS; i++) {
		RAND_bytes((uint8_t *)a->noise.group[i].stirred, sizeof(a->noise.group[i].stirred));
		a->noise.group[i].steps = 65536;
		a->noise.group[i].commonest = 16384;
	}
}

static struct hg_agree_options options(enum hg_group group, enum hg_mode mode)
{
	struct hg_agree_options o = { .group = group, .suite = HG_AES_256_GCM };

	o.anonymous = mode == HG_ANONYMOUS;
	if (!o.anonymous) {
		memcpy(o.enrolled, enrolled[group], HG_PUBLIC_SIZE);
		o.helper = (const uint8_t *)&helper;
		o.helper_size = sizeof(helper);
	}
	memset(o.cvm, 0xc7, sizeof(o.cvm));
	memset(o.gpu, 0x67, sizeof(o.gpu));
	return o;
}

static void pair_open(struct pair *p, const struct hg_agree_options *o)
{
	uint8_t program[32];

	memset(p, 0, sizeof(*p));
	memset(program, 0x55, sizeof(program));
	p->device = calloc(1, sizeof(*p->device));
	p->wire = calloc(1, sizeof(*p->wire));
	p->state = calloc(1, sizeof(*p->state));
	assert_true(p->device && p->wire && p->state);
	noise_fill(p->device);
	if (hg_agree_hello(o, program, &p->host, &p->wire->hello, &p->err))
		fail_msg("%s", p->err.text);
	if (o->helper_size)
		memcpy(p->wire->helper, o->helper, o->helper_size);
}

static void pair_close(struct pair *p)
{
	hg_agree_free(p->host);
	free(p->device);
	free(p->wire);
	free(p->state);
}

static int take_answer(struct pair *p)
{
	return hg_agree_answer(p->host, &p->wire->answer, &p->wire->finish, &p->keys, &p->err);
}

static void assert_host_empty(const struct pair *p)
{
	static const struct hg_session_keys none;
	static const struct hg_finish no_finish;

	assert_memory_equal(&p->keys, &none, sizeof(none));
	assert_memory_equal(&p->wire->finish, &no_finish, sizeof(no_finish));
}

static void assert_device_empty(const struct pair *p)
{
	static const struct hg_key none[HG_KEYS];
	static const uint8_t zero[HG_HASH_SIZE];

	assert_int_equal(p->state->installed, 0);
	assert_memory_equal(p->state->keys, none, sizeof(none));
	if (p->device->stage == AGREE_FAILED) {
		assert_memory_equal(p->device->secret, zero, sizeof(zero));
		assert_memory_equal(p->device->confirm, zero, sizeof(zero));
	}
}

/* The keys that the host would compute for a purpose, by OpenSSL. */
static void assert_same_keys(const struct pair *p)
{
	static const char *const labels[HG_KEYS] = { HG_LABEL_H2D, HG_LABEL_D2H,
						     HG_LABEL_COMMAND_H2D, HG_LABEL_COMMAND_D2H,
						     HG_LABEL_LAUNCH };
	uint8_t material[64];
	size_t n;

	for (int i = 0; i < HG_KEYS; i++) {
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

		n = HG_KEY_SIZE;
		assert_true(EVP_PKEY_derive_init(c) == 1 &&
			    EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) == 1 &&
			    EVP_PKEY_CTX_set1_hkdf_salt(c, p->keys.transcript, 32) == 1 &&
			    EVP_PKEY_CTX_set1_hkdf_key(c, p->keys.secret, 32) == 1 &&
			    EVP_PKEY_CTX_add1_hkdf_info(c, (const uint8_t *)labels[i],
							(int)strlen(labels[i])) == 1 &&
			    EVP_PKEY_derive(c, material, &n) == 1);
		assert_memory_equal(material, p->state->keys[i].key, HG_KEY_SIZE);
		EVP_PKEY_CTX_free(c);
	}
}

/* ---- Honest ---------------------------------------------------------------- */

static void honest(void **state)
{
	static const uint8_t zero[HG_HASH_SIZE];

	(void)state;
	for (int group = HG_X25519; group <= HG_SM2; group++)
		for (int mode = HG_ENROLLED; mode <= HG_ANONYMOUS; mode++) {
			struct hg_agree_options o = options(group, mode);
			struct pair p;

			o.suite = (unsigned)group;
			pair_open(&p, &o);
			agree_hello(p.device, p.wire, reading);
			assert_int_equal(p.wire->answer.status, HG_AGREE_OK);
			assert_int_equal(p.state->installed, 0);
			if (take_answer(&p))
				fail_msg("%d %d: %s", group, mode, p.err.text);
			agree_finish(p.device, p.wire, p.state);
			assert_int_equal(p.wire->status, HG_AGREE_OK);
			assert_int_equal(p.state->installed, 1);
			assert_int_equal(p.state->suite, group);
			assert_int_equal(p.state->session, p.keys.session);
			assert_same_keys(&p);
			assert_memory_equal(p.device->secret, zero, sizeof(zero));
			pair_close(&p);
		}
}

/* Two sessions with the same device have nothing in common. */
static void fresh(void **state)
{
	struct hg_agree_options o = options(HG_P256, HG_ENROLLED);
	struct pair p[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_open(&p[i], &o);
		agree_hello(p[i].device, p[i].wire, reading);
		assert_int_equal(take_answer(&p[i]), 0);
	}
	assert_memory_not_equal(p[0].keys.secret, p[1].keys.secret, 32);
	assert_memory_not_equal(p[0].wire->answer.ephemeral, p[1].wire->answer.ephemeral, 64);
	assert_memory_not_equal(p[0].wire->answer.nonce, p[1].wire->answer.nonce, 32);
	/* The other session's finish opens nothing. */
	p[0].wire->finish = p[1].wire->finish;
	agree_finish(p[0].device, p[0].wire, p[0].state);
	assert_int_equal(p[0].wire->status, HG_AGREE_SESSION);
	assert_device_empty(&p[0]);
	pair_close(&p[0]);
	pair_close(&p[1]);
}

/* ---- Messages that were changed ---------------------------------------------- */

/* Whatever byte of the hello is another, nobody gets keys. */
static void hello_changed(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ENROLLED);

	(void)state;
	for (size_t at = 0; at < sizeof(struct hg_hello); at++) {
		struct pair p;

		pair_open(&p, &o);
		((uint8_t *)&p.wire->hello)[at] ^= 1;
		agree_hello(p.device, p.wire, reading);
		assert_int_not_equal(take_answer(&p), 0);
		assert_host_empty(&p);
		assert_device_empty(&p);
		/* A finish of zeros, the best that the attacker has, opens nothing either. */
		agree_finish(p.device, p.wire, p.state);
		assert_int_not_equal(p.wire->status, HG_AGREE_OK);
		assert_device_empty(&p);
		pair_close(&p);
	}
}

static void answer_changed(void **state)
{
	(void)state;
	for (int group = HG_X25519; group <= HG_P256; group++) {
		struct hg_agree_options o = options(group, HG_ENROLLED);

		for (size_t at = 0; at < sizeof(struct hg_answer); at++) {
			struct pair p;

			pair_open(&p, &o);
			agree_hello(p.device, p.wire, reading);
			((uint8_t *)&p.wire->answer)[at] ^= 0x80;
			assert_int_not_equal(take_answer(&p), 0);
			assert_host_empty(&p);
			pair_close(&p);
		}
	}
}

static void finish_changed(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ANONYMOUS);

	(void)state;
	for (size_t at = 0; at < sizeof(struct hg_finish); at++) {
		struct pair p;

		pair_open(&p, &o);
		agree_hello(p.device, p.wire, reading);
		assert_int_equal(take_answer(&p), 0);
		((uint8_t *)&p.wire->finish)[at] ^= 4;
		agree_finish(p.device, p.wire, p.state);
		assert_int_not_equal(p.wire->status, HG_AGREE_OK);
		assert_int_equal(p.device->stage, AGREE_FAILED);
		assert_device_empty(&p);
		/* The right one comes too late. */
		((uint8_t *)&p.wire->finish)[at] ^= 4;
		agree_finish(p.device, p.wire, p.state);
		assert_int_equal(p.wire->status, HG_AGREE_STATE);
		assert_device_empty(&p);
		pair_close(&p);
	}
}

static void refused_hello(const struct hg_agree_options *o, u32 status, const struct fp_reading *r,
			  enum hg_gpu_code code, void (*change)(struct pair *))
{
	struct pair p;

	pair_open(&p, o);
	if (change)
		change(&p);
	agree_hello(p.device, p.wire, r);
	assert_int_equal(p.wire->answer.status, status);
	assert_int_not_equal(take_answer(&p), 0);
	assert_int_equal(p.err.code, code);
	assert_host_empty(&p);
	assert_device_empty(&p);
	pair_close(&p);
}

static void no_noise(struct pair *p)
{
	for (u32 i = 0; i < NOISE_GROUPS; i++)
		p->device->noise.group[i].commonest = p->device->noise.group[i].steps;
}

static void other_helper(struct pair *p)
{
	p->wire->helper[100] ^= 1;
}

/* The attacker changes helper data and their hash alike. */
static void forged_helper(struct pair *p)
{
	struct fp_helper *h = (struct fp_helper *)p->wire->helper;

	h->offset[0][0] ^= 1;
	SHA256(p->wire->helper, p->wire->hello.helper_size, p->wire->hello.helper_hash);
}

static void long_helper(struct pair *p)
{
	p->wire->hello.helper_size = HG_HELPER_MAX + 1;
}

static void point_outside(struct pair *p)
{
	p->wire->hello.ephemeral[63] ^= 1;
}

static void point_of_small_order(struct pair *p)
{
	memset(p->wire->hello.ephemeral, 0, HG_PUBLIC_SIZE);
	p->wire->hello.ephemeral[0] = 1;
}

static void point_with_tail(struct pair *p)
{
	p->wire->hello.ephemeral[40] = 1;
}

static void named_refusals(void **state)
{
	struct hg_agree_options x = options(HG_X25519, HG_ENROLLED);
	struct hg_agree_options p256 = options(HG_P256, HG_ENROLLED);
	struct hg_agree_options sm2 = options(HG_SM2, HG_ENROLLED);
	struct hg_agree_options wrong = x;

	(void)state;
	refused_hello(&x, HG_AGREE_NOISE, reading, HG_GPU_E_REFUSED, no_noise);
	refused_hello(&x, HG_AGREE_HELPER, reading, HG_GPU_E_REFUSED, other_helper);
	refused_hello(&x, HG_AGREE_FINGERPRINT, reading, HG_GPU_E_IDENTITY, forged_helper);
	refused_hello(&x, HG_AGREE_HELPER, reading, HG_GPU_E_REFUSED, long_helper);
	refused_hello(&p256, HG_AGREE_POINT, reading, HG_GPU_E_REFUSED, point_outside);
	refused_hello(&sm2, HG_AGREE_POINT, reading, HG_GPU_E_REFUSED, point_outside);
	refused_hello(&x, HG_AGREE_POINT, reading, HG_GPU_E_REFUSED, point_of_small_order);
	refused_hello(&x, HG_AGREE_POINT, reading, HG_GPU_E_REFUSED, point_with_tail);
	/* Another GPU in its place. */
	refused_hello(&x, HG_AGREE_FINGERPRINT, foreign, HG_GPU_E_IDENTITY, NULL);
	/* The right GPU, a record with somebody else's key. */
	assert_int_equal(RAND_bytes(wrong.enrolled, 32), 1);
	refused_hello(&wrong, HG_AGREE_KEY, reading, HG_GPU_E_IDENTITY, NULL);
	/* An enrolled mode without helper data. */
	wrong = x;
	wrong.helper_size = 0;
	refused_hello(&wrong, HG_AGREE_HELPER, reading, HG_GPU_E_REFUSED, NULL);
}

/* ---- States ------------------------------------------------------------------ */

static void out_of_turn(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ANONYMOUS);
	struct pair p;

	(void)state;
	/* Finish before hello. */
	pair_open(&p, &o);
	agree_finish(p.device, p.wire, p.state);
	assert_int_equal(p.wire->status, HG_AGREE_STATE);
	assert_device_empty(&p);
	/* and the session is over. */
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.wire->answer.status, HG_AGREE_STATE);
	assert_int_not_equal(take_answer(&p), 0);
	pair_close(&p);

	/* Hello twice: the first answer is worth nothing afterwards. */
	pair_open(&p, &o);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(take_answer(&p), 0);
	noise_fill(p.device);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.wire->answer.status, HG_AGREE_STATE);
	assert_int_equal(p.device->stage, AGREE_FAILED);
	assert_device_empty(&p);
	agree_finish(p.device, p.wire, p.state);
	assert_int_equal(p.wire->status, HG_AGREE_STATE);
	assert_device_empty(&p);
	/* The host takes one answer only. */
	assert_int_not_equal(take_answer(&p), 0);
	assert_host_empty(&p);
	pair_close(&p);

	/* Finish twice, and hello when it is open: the keys stay what they were. */
	pair_open(&p, &o);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(take_answer(&p), 0);
	agree_finish(p.device, p.wire, p.state);
	assert_int_equal(p.wire->status, HG_AGREE_OK);
	agree_finish(p.device, p.wire, p.state);
	assert_int_equal(p.wire->status, HG_AGREE_STATE);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.wire->answer.status, HG_AGREE_STATE);
	assert_int_equal(p.state->bad_code, HG_BAD_NONE);
	assert_same_keys(&p);
	pair_close(&p);
}

/* Noise is used once: a second session must collect its own. */
static void noise_used_once(void **state)
{
	static const uint8_t zero[HG_HASH_SIZE];
	struct hg_agree_options o = options(HG_X25519, HG_ANONYMOUS);
	struct pair p;

	(void)state;
	pair_open(&p, &o);
	no_noise(&p);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.wire->answer.status, HG_AGREE_NOISE);
	/* The same hello may be asked again, and what there was is kept, */
	for (u32 i = 0; i < NOISE_GROUPS; i++)
		p.device->noise.group[i] = (struct noise_group){ .steps = 1024, .commonest = 750 };
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.wire->answer.status, HG_AGREE_NOISE);
	assert_int_equal(p.device->bits, NOISE_GROUPS * 1024 * 24 / 64 / NOISE_SAFETY);
	/* but counted once, */
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.device->bits, NOISE_GROUPS * 1024 * 24 / 64 / NOISE_SAFETY);
	assert_int_equal(p.wire->answer.status, HG_AGREE_NOISE);
	/* and it is answered when there is enough. Then all of it is gone. */
	noise_fill(p.device);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(p.wire->answer.status, HG_AGREE_OK);
	assert_int_equal(p.device->bits, 0);
	assert_memory_equal(p.device->pool, zero, sizeof(zero));
	for (u32 i = 0; i < NOISE_GROUPS; i++)
		assert_int_equal(p.device->noise.group[i].steps, 0);
	assert_int_equal(take_answer(&p), 0);
	pair_close(&p);
}

/* Groups that run one after another show no noise, and are refused. */
static void noise_of_one_thread(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ANONYMOUS);
	struct pair p;

	(void)state;
	pair_open(&p, &o);
	hg_plain_groups = NOISE_GROUPS;
	for (hg_plain_group = 0; hg_plain_group < NOISE_GROUPS; hg_plain_group++)
		agree_launch(p.device, p.wire, reading, 4096);
	hg_plain_group = 0;
	hg_plain_groups = 1;
	assert_int_equal(p.wire->answer.status, HG_AGREE_NOISE);
	assert_int_not_equal(take_answer(&p), 0);
	assert_non_null(strstr(p.err.text, "the device shows no noise"));
	assert_device_empty(&p);
	pair_close(&p);
}

/* Memory that says that there was noise: as it is, it would do; but it is cleared first. */
static void noise_preset(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ANONYMOUS);

	(void)state;
	for (int cleared = 0; cleared < 2; cleared++) {
		struct pair p;

		pair_open(&p, &o);
		no_noise(&p);
		p.device->bits = NOISE_BITS;
		p.device->finished = NOISE_GROUPS - 1;
		memset(p.device->pool, 0x77, sizeof(p.device->pool));
		if (cleared)
			agree_reset(p.device);
		hg_plain_groups = NOISE_GROUPS;
		for (hg_plain_group = 0; hg_plain_group < NOISE_GROUPS; hg_plain_group++)
			agree_launch(p.device, p.wire, reading, 0);
		hg_plain_group = 0;
		hg_plain_groups = 1;
		assert_int_equal(p.wire->answer.status, cleared ? HG_AGREE_NOISE : HG_AGREE_OK);
		pair_close(&p);
	}
}

/* Other groups than there must be could answer before all have collected. */
static void other_groups(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ANONYMOUS);
	static const u32 wrong[] = { 1, NOISE_GROUPS - 1, NOISE_GROUPS + 1, 2 * NOISE_GROUPS };
	struct pair p;

	(void)state;
	for (u32 i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		pair_open(&p, &o);
		hg_plain_groups = wrong[i];
		for (hg_plain_group = 0; hg_plain_group < wrong[i]; hg_plain_group++)
			agree_launch(p.device, p.wire, reading, 4096);
		hg_plain_group = 0;
		hg_plain_groups = 1;
		assert_int_equal(p.wire->answer.status, HG_AGREE_LAUNCH);
		assert_int_equal(p.device->stage, AGREE_FAILED);
		assert_int_not_equal(take_answer(&p), 0);
		assert_device_empty(&p);
		pair_close(&p);
	}
	pair_open(&p, &o);
	agree_hello(p.device, p.wire, reading);
	assert_int_equal(take_answer(&p), 0);
	hg_plain_groups = 2;
	for (hg_plain_group = 0; hg_plain_group < 2; hg_plain_group++)
		agree_finish(p.device, p.wire, p.state);
	hg_plain_group = 0;
	hg_plain_groups = 1;
	assert_int_equal(p.wire->status, HG_AGREE_LAUNCH);
	assert_int_equal(p.device->stage, AGREE_FAILED);
	assert_device_empty(&p);
	pair_close(&p);
}

static void noise_counted(void **state)
{
	struct agree *a = calloc(1, sizeof(*a));

	(void)state;
	assert_non_null(a);
	assert_int_equal(noise_estimate(65536, 65536), 0);
	assert_int_equal(noise_estimate(64831, 65536), 0);
	assert_int_equal(noise_estimate(64830, 65536), 1);
	assert_int_equal(noise_estimate(32768, 65536), 64);
	assert_int_equal(noise_estimate(32769, 65536), 56);
	assert_int_equal(noise_estimate(16384, 65536), 128);
	assert_int_equal(noise_estimate(1, 65536), 128); /* never more than two bits a step */
	assert_int_equal(noise_bits((struct noise *)a), 0);
	noise_fill(a);
	assert_int_equal(noise_bits(&a->noise), NOISE_GROUPS * 65536 * 2 / NOISE_SAFETY);
	/* What no launch of ours can have left counts for nothing. */
	for (u32 i = 0; i < NOISE_GROUPS; i++)
		a->noise.group[i].commonest = a->noise.group[i].steps + 1;
	assert_int_equal(noise_bits(&a->noise), 0);
	noise_fill(a);
	for (u32 i = 0; i < NOISE_GROUPS; i++)
		a->noise.group[i].steps = NOISE_STEPS_MAX + 1;
	assert_int_equal(noise_bits(&a->noise), 0);
	free(a);
}

/* ---- An attacker in the place of the device ------------------------------------ */

/*
 * The attacker answers with a program of their own, and knows all of the device but what
 * @lacks: then confirmations must not match. With nothing lacking they do match, which
 * shows that the test would notice.
 */
enum lacks { NOTHING, STATIC_KEY, CVM_KEY };

static int impersonate(enum lacks lacks)
{
	struct hg_agree_options o = options(HG_P256, HG_ENROLLED);
	struct agree_work w;
	struct pair p;
	int rc;

	pair_open(&p, &o);
	memset(&w, 0, sizeof(w));
	w.hello = p.wire->hello;
	p.device->hash = HASH_SHA256;
	assert_int_equal(RAND_bytes(w.noise, 32), 1);
	assert_int_equal(agree_ephemeral(&w), HG_AGREE_OK);
	assert_int_equal(agree_static(p.wire, reading, &w), HG_AGREE_OK);
	if (lacks == STATIC_KEY) {
		/* A key of their own, instead of s: c S stays unknown. */
		assert_int_equal(RAND_bytes(w.s, 32), 1);
		w.s[0] = 0;
		assert_int_equal(agree_multiply(HG_P256, w.pub, w.s, w.hello.ephemeral), 0);
		memcpy(w.ikm + 32, w.pub, 32);
	}
	if (lacks == CVM_KEY) /* s S and the like, but not what needs c or d */
		assert_int_equal(RAND_bytes(w.ikm, 32), 1);
	agree_transcript(p.device, &w);
	agree_schedule(p.device, &w);
	p.wire->answer = w.answer;
	rc = take_answer(&p);
	if (rc) {
		assert_int_equal(p.err.code, HG_GPU_E_TAMPERED);
		assert_host_empty(&p);
	}
	pair_close(&p);
	return rc;
}

static void impersonated(void **state)
{
	(void)state;
	assert_int_equal(impersonate(NOTHING), 0);
	assert_int_not_equal(impersonate(STATIC_KEY), 0);
	assert_int_not_equal(impersonate(CVM_KEY), 0);
}

/* An answer of an earlier session, and the host's own hello, sent back. */
static void replayed(void **state)
{
	struct hg_agree_options o = options(HG_X25519, HG_ENROLLED);
	struct pair old, p;

	(void)state;
	pair_open(&old, &o);
	agree_hello(old.device, old.wire, reading);
	pair_open(&p, &o);
	p.wire->answer = old.wire->answer;
	assert_int_not_equal(take_answer(&p), 0);
	assert_non_null(strstr(p.err.text, "another session"));
	pair_close(&p);
	pair_open(&p, &o);
	p.wire->answer = old.wire->answer;
	p.wire->answer.session = p.wire->hello.session;
	assert_int_not_equal(take_answer(&p), 0);
	assert_host_empty(&p);
	pair_close(&p);
	pair_open(&p, &o);
	memcpy(&p.wire->answer, &p.wire->hello, sizeof(p.wire->answer));
	assert_int_not_equal(take_answer(&p), 0);
	assert_non_null(strstr(p.err.text, "no answer"));
	pair_close(&p);
	pair_close(&old);
}

static void bad_arguments(void **state)
{
	struct hg_agree_options o = options(HG_P256, HG_ENROLLED);
	struct hg_agreement *a = (void *)1;
	struct hg_hello hello;
	struct hg_gpu_error err;
	const uint8_t program[32] = { 0 };

	(void)state;
	o.enrolled[5] ^= 1;
	assert_int_equal(hg_agree_hello(&o, program, &a, &hello, &err), -1);
	assert_null(a);
	assert_int_equal(err.code, HG_GPU_E_ARGUMENT);
	o = options(HG_P256, HG_ENROLLED);
	o.helper_size = HG_HELPER_MAX + 1;
	assert_int_equal(hg_agree_hello(&o, program, &a, &hello, &err), -1);
	assert_non_null(strstr(err.text, "helper"));
	o = options(HG_P256, HG_ENROLLED);
	o.group = 4;
	assert_int_equal(hg_agree_hello(&o, program, &a, &hello, &err), -1);
	o.group = HG_P256;
	o.suite = 4;
	assert_int_equal(hg_agree_hello(&o, program, &a, &hello, &err), -1);
	assert_non_null(strstr(err.text, "suite"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest),
		cmocka_unit_test(fresh),
		cmocka_unit_test(hello_changed),
		cmocka_unit_test(answer_changed),
		cmocka_unit_test(finish_changed),
		cmocka_unit_test(named_refusals),
		cmocka_unit_test(out_of_turn),
		cmocka_unit_test(noise_used_once),
		cmocka_unit_test(noise_of_one_thread),
		cmocka_unit_test(noise_preset),
		cmocka_unit_test(other_groups),
		cmocka_unit_test(noise_counted),
		cmocka_unit_test(impersonated),
		cmocka_unit_test(replayed),
		cmocka_unit_test(bad_arguments),
	};

	hg_plain_groups = 1;
	return cmocka_run_group_tests(tests, enrol, forget);
}
