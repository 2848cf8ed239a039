/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of the key agreement, docs/gpu-protocol.md. One work-item runs
 * it; it takes the hello from @wire, which the bus wrote, leaves the answer there,
 * and keeps what is secret in struct agree, which nobody reads but the device.
 */
#ifndef HG_AGREE_H
#define HG_AGREE_H

#include "agreement.h"
#include "curve.h"
#include "extractor.h"
#include "hash.h"
#include "noise.h"
#include "state.h"
#include "x25519.h"

HG_CONST u8 agree_label_hello[] = HG_LABEL_HELLO;
HG_CONST u8 agree_label_answer[] = HG_LABEL_ANSWER;
HG_CONST u8 agree_label_device[] = HG_LABEL_DEVICE;
HG_CONST u8 agree_label_cvm[] = HG_LABEL_CVM;
HG_CONST u8 agree_label_session[] = HG_LABEL_SESSION;
HG_CONST u8 agree_label_nonce[] = HG_LABEL_NONCE;
HG_CONST u8 agree_label_ephemeral[] = HG_LABEL_EPHEMERAL;
HG_CONST u8 agree_label_static[] = HG_LABEL_STATIC;

/* Of messages: what the bus may see and write. */
struct agree_wire {
	struct hg_hello hello;
	struct hg_answer answer;
	struct hg_finish finish;
	u32 status; /* of the finish */
	u32 pad[3];
	u8 helper[HG_HELPER_MAX];
};

enum agree_stage { AGREE_IDLE, AGREE_ASKED, AGREE_OPEN, AGREE_FAILED };

/* What agree_reset leaves: memory that the bus wrote could say that there was noise enough. */
struct agree {
	struct noise noise;
	u32 finished; /* groups that have collected their noise */
	u32 stage;
	u32 hash; /* enum hash_name of the session */
	u32 suite;
	u64 session;
	u32 bits; /* that the pool may be counted to have, NOISE_BITS at most */
	u32 pad;
	u8 pool[HG_HASH_SIZE]; /* of noise */
	u8 transcript[HG_HASH_SIZE];
	u8 secret[HG_HASH_SIZE];
	u8 confirm[HG_HASH_SIZE]; /* that the finish must bring */
};

/* Private copies of what must not change while it is used, and the keys. */
struct agree_work {
	struct hg_hello hello;
	struct hg_answer answer;
	u8 noise[HG_HASH_SIZE];
	u8 d[HG_HASH_SIZE], s[HG_HASH_SIZE];
	u8 ikm[2 * HG_HASH_SIZE];
	u8 pub[HG_PUBLIC_SIZE];
	u8 prk[HG_HASH_SIZE], key[HG_HASH_SIZE];
	u8 th[2 * HG_HASH_SIZE]; /* th2 || confirm_d */
};

HG_FN void agree_fetch(u8 *to, HG_GLOBAL const u8 *from, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		to[i] = from[i];
}

HG_FN void agree_put(HG_GLOBAL u8 *to, const u8 *from, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		to[i] = from[i];
}

/* 1 if they are equal; the time does not tell where they differ. */
HG_FN u32 agree_equal(const u8 *a, const u8 *b, u32 size)
{
	u32 i, differ = 0;

	for (i = 0; i < size; i++)
		differ |= (u32)(a[i] ^ b[i]);
	return (differ - 1) >> 31;
}

HG_FN void agree_wipe(u8 *p, u32 size)
{
	volatile u8 *at = p;
	u32 i;

	for (i = 0; i < size; i++)
		at[i] = 0;
}

HG_FN void hash_global(struct hash *h, HG_GLOBAL const u8 *p, u32 size)
{
	u8 piece[64];
	u32 i, n;

	for (i = 0; i < size; i += n) {
		n = size - i < 64 ? size - i : 64;
		agree_fetch(piece, p + i, n);
		hash_update(h, piece, n);
	}
}

/* ---- Groups ---------------------------------------------------------------- */

/* @scalar times @point, or times the generator when that is null. 0 or -1. */
HG_FN int agree_multiply(u32 group, u8 *out, const u8 *scalar, const u8 *point)
{
	u8 result[HG_PUBLIC_SIZE];
	u32 i, stray = 0;
	int rc;

	for (i = 0; i < HG_PUBLIC_SIZE; i++)
		result[i] = 0;
	if (group != HG_X25519) {
		rc = group == HG_P256 ? curve_multiply(result, scalar, point, &curve_p256)
				      : curve_multiply(result, scalar, point, &curve_sm2);
	} else {
		for (i = X25519_SIZE; point && i < HG_PUBLIC_SIZE; i++)
			stray |= point[i];
		rc = stray ? -1 : x25519(result, scalar, point);
	}
	for (i = 0; i < HG_PUBLIC_SIZE; i++)
		out[i] = result[i];
	agree_wipe(result, sizeof(result));
	return rc;
}

/*
 * A private key out of @seed and its public half: the first of four tries that the
 * group takes. -1 if none is: as likely as 2^-128 on P-256 and on SM2's curve.
 */
HG_FN int agree_key(u32 group, const u8 *seed, HG_CPTR u8 *label, u8 *own, u8 *pub)
{
	u32 number;

	for (number = 1; number <= 4; number++) {
		mac_expand(HASH_SHA256, seed, label, group, number, own);
		if (agree_multiply(group, pub, own, 0) == 0)
			return 0;
	}
	return -1;
}

/* ---- Noise ----------------------------------------------------------------- */

/*
 * Takes what this launch collected into the pool, which launches before have filled.
 * -> bits that the pool may be counted to have.
 */
HG_FN u32 agree_noise(HG_GLOBAL struct agree *a, struct agree_work *w)
{
	u32 bits = noise_bits(&a->noise), i;
	struct hash h;

	hash_init(&h, HASH_SHA256);
	hash_global(&h, a->pool, HG_HASH_SIZE);
	hash_global(&h, (HG_GLOBAL const u8 *)a->noise.group, sizeof(a->noise.group));
	hash_update(&h, (const u8 *)&w->hello, sizeof(w->hello));
	hash_final(&h, w->noise);
	agree_put(a->pool, w->noise, HG_HASH_SIZE);
	for (i = 0; i < NOISE_GROUPS; i++)
		a->noise.group[i].steps = 0;
	a->bits = bits < NOISE_BITS - a->bits ? a->bits + bits : NOISE_BITS;
	return a->bits;
}

HG_FN void agree_noise_wipe(HG_GLOBAL struct agree *a)
{
	u32 i, k;

	for (i = 0; i < HG_HASH_SIZE; i++)
		a->pool[i] = 0;
	for (i = 0; i < NOISE_GROUPS; i++)
		for (k = 0; k < NOISE_WORDS; k++)
			a->noise.group[i].stirred[k] = 0;
	a->bits = 0;
}

/* ---- Hello ----------------------------------------------------------------- */

HG_FN u32 agree_check_hello(HG_GLOBAL const struct agree_wire *wire, struct agree_work *w)
{
	struct hg_hello *hello = &w->hello;
	u32 i, stray = 0;
	u8 digest[HG_HASH_SIZE];
	struct hash h;

	if (hello->magic != HG_HELLO_MAGIC || hello->version != HG_AGREE_VERSION)
		return HG_AGREE_MAGIC;
	for (i = 0; i < sizeof(hello->zero); i++)
		stray |= hello->zero[i];
	if (stray)
		return HG_AGREE_MAGIC;
	if (hello->group < HG_X25519 || hello->group > HG_SM2)
		return HG_AGREE_GROUP;
	if (hello->suite < HG_AES_256_GCM || hello->suite > HG_SM4_CTR_HMAC_SM3)
		return HG_AGREE_SUITE;
	if (hello->mode != HG_ENROLLED && hello->mode != HG_ANONYMOUS)
		return HG_AGREE_MODE;
	if (hello->helper_size > HG_HELPER_MAX)
		return HG_AGREE_HELPER;
	hash_init(&h, HASH_SHA256);
	hash_global(&h, wire->helper, hello->helper_size);
	hash_final(&h, digest);
	return agree_equal(digest, hello->helper_hash, HG_HASH_SIZE) ? HG_AGREE_OK
								     : HG_AGREE_HELPER;
}

/*
 * The secret that the reading gives -> s, and with it es. The helper data were hashed
 * before and are read again here: who changes them in between gets another secret
 * or none, and so another key than the enrolled one.
 */
HG_FN u32 agree_static(HG_GLOBAL const struct agree_wire *wire,
		       HG_GLOBAL const struct fp_reading *reading, struct agree_work *w)
{
	u32 status = HG_AGREE_OK;

	if (w->hello.helper_size != sizeof(struct fp_helper))
		return HG_AGREE_HELPER;
	if (fp_reproduce((HG_GLOBAL const struct fp_helper *)wire->helper, reading, w->key))
		status = HG_AGREE_FINGERPRINT;
	else if (agree_key(w->hello.group, w->key, agree_label_static, w->s, w->pub) ||
		 !agree_equal(w->pub, w->hello.enrolled, HG_PUBLIC_SIZE))
		status = HG_AGREE_KEY;
	else if (agree_multiply(w->hello.group, w->pub, w->s, w->hello.ephemeral))
		status = HG_AGREE_POINT;
	for (u32 i = 0; status == HG_AGREE_OK && i < HG_HASH_SIZE; i++)
		w->ikm[HG_HASH_SIZE + i] = w->pub[i];
	return status;
}

HG_FN u32 agree_ephemeral(struct agree_work *w)
{
	u32 group = w->hello.group, i;

	if (agree_key(group, w->noise, agree_label_ephemeral, w->d, w->answer.ephemeral))
		return HG_AGREE_NOISE;
	mac_expand(HASH_SHA256, w->noise, agree_label_nonce, 0, 0, w->answer.nonce);
	if (agree_multiply(group, w->pub, w->d, w->hello.ephemeral))
		return HG_AGREE_POINT;
	for (i = 0; i < HG_HASH_SIZE; i++)
		w->ikm[i] = w->pub[i];
	return HG_AGREE_OK;
}

/* th1 over what was checked; the helper data by the hash that stands for them. */
HG_FN void agree_transcript(HG_GLOBAL struct agree *a, struct agree_work *w)
{
	u32 hash = a->hash;
	struct hash h;

	hash_init(&h, hash);
	hash_text(&h, agree_label_hello);
	hash_update(&h, (const u8 *)&w->hello, sizeof(w->hello));
	hash_final(&h, w->th);
	w->answer.magic = HG_ANSWER_MAGIC;
	w->answer.status = HG_AGREE_OK;
	w->answer.session = w->hello.session;
	hash_init(&h, hash);
	hash_text(&h, agree_label_answer);
	hash_update(&h, w->th, HG_HASH_SIZE);
	hash_update(&h, (const u8 *)&w->answer, HG_ANSWER_SIGNED);
	hash_final(&h, w->th);
}

HG_FN void agree_schedule(HG_GLOBAL struct agree *a, struct agree_work *w)
{
	u32 hash = a->hash, i;
	struct mac m;

	mac_extract(hash, w->th, w->ikm,
		    w->hello.mode == HG_ENROLLED ? 2 * HG_HASH_SIZE : HG_HASH_SIZE, w->prk);
	mac_expand(hash, w->prk, agree_label_device, 0, 0, w->key);
	mac_init(&m, hash, w->key);
	hash_update(&m.inner, w->th, HG_HASH_SIZE);
	mac_final(&m, w->answer.confirm);
	for (i = 0; i < HG_HASH_SIZE; i++)
		w->th[HG_HASH_SIZE + i] = w->answer.confirm[i];
	mac_expand(hash, w->prk, agree_label_cvm, 0, 0, w->key);
	mac_init(&m, hash, w->key);
	hash_update(&m.inner, w->th, 2 * HG_HASH_SIZE);
	mac_final(&m, w->key);
	agree_put(a->confirm, w->key, HG_HASH_SIZE);
	mac_expand(hash, w->prk, agree_label_session, 0, 0, w->key);
	agree_put(a->secret, w->key, HG_HASH_SIZE);
	agree_put(a->transcript, w->th, HG_HASH_SIZE);
}

HG_FN u32 agree_take_hello(HG_GLOBAL struct agree *a, HG_GLOBAL struct agree_wire *wire,
			   HG_GLOBAL const struct fp_reading *reading, struct agree_work *w)
{
	u32 status, bits;

	if (a->stage != AGREE_IDLE)
		return HG_AGREE_STATE;
	agree_fetch((u8 *)&w->hello, (HG_GLOBAL const u8 *)&wire->hello, sizeof(w->hello));
	bits = agree_noise(a, w);
	status = agree_check_hello(wire, w);
	if (status == HG_AGREE_OK && bits < NOISE_BITS)
		return HG_AGREE_NOISE;
	agree_noise_wipe(a);
	if (status == HG_AGREE_OK)
		status = agree_ephemeral(w);
	if (status == HG_AGREE_OK && w->hello.mode == HG_ENROLLED)
		status = agree_static(wire, reading, w);
	if (status != HG_AGREE_OK)
		return status;
	a->hash = w->hello.group == HG_SM2 ? HASH_SM3 : HASH_SHA256;
	a->suite = w->hello.suite;
	a->session = w->hello.session;
	agree_transcript(a, w);
	agree_schedule(a, w);
	return HG_AGREE_OK;
}

HG_FN void agree_forget(HG_GLOBAL struct agree *a)
{
	u32 i;

	for (i = 0; i < HG_HASH_SIZE; i++)
		a->secret[i] = a->confirm[i] = 0;
}

/* There is no way on, and nothing left that was secret. */
HG_FN void agree_fail(HG_GLOBAL struct agree *a)
{
	a->stage = AGREE_FAILED;
	agree_noise_wipe(a);
	agree_forget(a);
}

/* An answer that gives a reason and nothing else. */
HG_FN void agree_refuse(HG_GLOBAL struct agree_wire *wire, struct agree_work *w, u32 status)
{
	u32 i;

	for (i = 0; i < sizeof(w->answer); i++)
		((u8 *)&w->answer)[i] = 0;
	w->answer.magic = HG_ANSWER_MAGIC;
	w->answer.session = w->hello.session;
	w->answer.status = status;
	agree_put((HG_GLOBAL u8 *)&wire->answer, (const u8 *)&w->answer, sizeof(w->answer));
}

/*
 * The last group to collect its noise answers. Too little noise leaves the stage as it
 * was, so that the host can ask for more with the same hello; anything else that is
 * wrong ends the session.
 */
HG_FN void agree_hello(HG_GLOBAL struct agree *a, HG_GLOBAL struct agree_wire *wire,
		       HG_GLOBAL const struct fp_reading *reading)
{
	struct agree_work w;
	u32 status, i;

	for (i = 0; i < sizeof(w); i++)
		((u8 *)&w)[i] = 0;
	status = agree_take_hello(a, wire, reading, &w);
	if (status == HG_AGREE_OK) {
		a->stage = AGREE_ASKED;
		agree_put((HG_GLOBAL u8 *)&wire->answer, (const u8 *)&w.answer, sizeof(w.answer));
	} else {
		if (status != HG_AGREE_NOISE)
			agree_fail(a);
		agree_refuse(wire, &w, status);
	}
	agree_wipe((u8 *)&w, sizeof(w));
}

HG_FN void agree_launch(HG_GLOBAL struct agree *a, HG_GLOBAL struct agree_wire *wire,
			HG_GLOBAL const struct fp_reading *reading, u32 steps)
{
	if (HG_LANE != 0)
		return;
	/* Others than these could answer before all have collected. */
	if (!launch_fits(NOISE_GROUPS)) {
		if (HG_GROUP == 0) {
			agree_fail(a);
			wire->answer.status = HG_AGREE_LAUNCH;
			wire->answer.magic = HG_ANSWER_MAGIC;
			wire->answer.session = wire->hello.session;
		}
		return;
	}
	noise_collect(&a->noise, steps < NOISE_STEPS_MAX ? steps : NOISE_STEPS_MAX);
	HG_FENCE();
	if (HG_ATOMIC_ADD(&a->finished, 1u) != NOISE_GROUPS - 1)
		return;
	a->finished = 0;
	agree_hello(a, wire, reading);
}

/* ---- Finish ---------------------------------------------------------------- */

HG_FN u32 agree_take_finish(HG_GLOBAL struct agree *a, HG_GLOBAL const struct agree_wire *wire)
{
	struct hg_finish f;
	u8 expected[HG_HASH_SIZE];

	agree_fetch((u8 *)&f, (HG_GLOBAL const u8 *)&wire->finish, sizeof(f));
	agree_fetch(expected, a->confirm, HG_HASH_SIZE);
	if (a->stage != AGREE_ASKED)
		return HG_AGREE_STATE;
	if (f.magic != HG_FINISH_MAGIC || f.zero)
		return HG_AGREE_MAGIC;
	if (f.session != a->session)
		return HG_AGREE_SESSION;
	return agree_equal(f.confirm, expected, HG_HASH_SIZE) ? HG_AGREE_OK : HG_AGREE_CONFIRM;
}

HG_FN void agree_words(u32 *words, HG_GLOBAL const u8 *bytes)
{
	u8 copy[HG_HASH_SIZE];

	agree_fetch(copy, bytes, HG_HASH_SIZE);
	words_from_le(words, copy);
	agree_wipe(copy, sizeof(copy));
}

/* Before the first hello, and when all is over. */
HG_FN void agree_reset(HG_GLOBAL struct agree *a)
{
	HG_GLOBAL u32 *word = (HG_GLOBAL u32 *)a;
	u32 i;

	if (!launch_fits(1))
		return;
	for (i = HG_LANE; i < sizeof(*a) / 4; i += HG_LANES)
		word[i] = 0;
}

/* The state begins with zeros of the device's own: what the bus wrote there is not trusted. */
HG_FN void agree_clear(HG_GLOBAL struct hg_state *state)
{
	HG_GLOBAL u32 *word = (HG_GLOBAL u32 *)state;
	u32 i, words = (sizeof(*state) - sizeof(state->scratch)) / 4;

	for (i = 0; i < words; i++)
		word[i] = 0;
}

/* Opens the session: the keys go into @state. Whatever happens, the secret is gone after. */
HG_FN void agree_finish(HG_GLOBAL struct agree *a, HG_GLOBAL struct agree_wire *wire,
			HG_GLOBAL struct hg_state *state)
{
	u32 secret[8], transcript[8], status;

	if (HG_GROUP != 0 || HG_LANE != 0)
		return;
	status = launch_fits(1) ? agree_take_finish(a, wire) : (u32)HG_AGREE_LAUNCH;
	if (status == HG_AGREE_OK) {
		agree_words(secret, a->secret);
		agree_words(transcript, a->transcript);
		agree_clear(state);
		state_keys(state, secret, transcript, a->session, a->suite);
		agree_wipe((u8 *)secret, sizeof(secret));
		agree_forget(a);
		a->stage = AGREE_OPEN;
	} else {
		agree_fail(a);
	}
	wire->status = status;
}

#endif
