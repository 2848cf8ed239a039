/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device remembers of a session: one buffer, which the host never reads.
 * Whoever makes it fills it with zeros first. The layout is the same everywhere, so that the
 * host knows its size; only the device's own build of HG_LANES fills it.
 */
#ifndef HG_STATE_H
#define HG_STATE_H

#include "aes.h"
#include "chacha.h"
#include "ghash.h"
#include "launch.h"
#include "record.h"
#include "sha256.h"
#include "sm.h"

/* The records of a launch, and the receipt. */
#define HG_SLOTS      (HG_BATCH_MAX + 1)
#define HG_SLOT_WORDS (HG_RECORD_DATA / 4)

struct hg_key {
	u32 rk[AES_RK_WORDS];
	struct ghash_key ghash;
	struct sm_key sm;
	u32 key[8];
	u32 salt;
	u32 unused[3];
};

struct hg_bound {
	u64 id;
	u64 address;
	u64 size;
};

/* A launch area: bound buffer @id. */
struct hg_area {
	u64 id;
	u64 next;   /* launch number; there are pads for the next HG_LAUNCH_SLOTS */
	u32 logged; /* entries of the log that were folded */
	u32 since;  /* and how many since the last commit */
	u32 chain[8];
};

/* A record that hg_check has looked at. */
struct hg_checked {
	u64 sequence;
	u64 buffer;
	u64 address; /* of the buffer */
	u64 offset;
	u32 length;
	u32 kind;
	u32 verdict;
	u32 row; /* records of the launch of hg_check */
};

/* A program may be built for one suite: it compiles in a third of the time. */
#ifdef HG_SUITE
#define SUITE_OF(state) ((u32)HG_SUITE)
#else
#define SUITE_OF(state) ((state)->suite)
#endif

/* Values of a verdict; any other is HG_VERDICT_BAD plus the reason. */
#define HG_VERDICT_NONE 0u
#define HG_VERDICT_GOOD 1u
#define HG_VERDICT_BUSY 2u /* somebody works in this slot */
#define HG_VERDICT_BAD	0x100u

struct hg_state {
	u32 installed;
	u32 suite;
	u64 session;
	u32 epoch;
	u32 bad_code;
	u64 bad_sequence;
	u64 opened;
	u64 launches;
	u64 binds;
	u64 bind_id;
	u64 bind_address;
	u32 sealed;  /* given out one by one: no number is used twice, whatever is started */
	u32 done;    /* work-groups of this launch that are through */
	u32 parts;   /* of the row that are open */
	u32 unused;
	u32 chain[8];
	u32 chain_secret[8];
	u32 plain[24]; /* the receipt before it is sealed */
	struct hg_key keys[HG_KEYS];
	struct hg_checked records[HG_SLOTS];
	u32 taken[HG_BATCH_MAX][HG_PARTS_MAX]; /* 1: a group opens this part, or has */
	u32 heads[HG_SLOTS][16];
	struct hg_bound bound[HG_BOUND_MAX];
	struct hg_area area[HG_AREAS];
	/* Copies of ciphertext: what was checked is what is used. */
	u32 scratch[HG_SLOTS][HG_SLOT_WORDS];
	/* Digests of the entries that are being folded. */
	u32 leaf[HG_AREAS][HG_LAUNCH_SLOTS][HG_LEAF_WORDS];
};

/* Whether a group is one of ours: one dimension, and as many lanes as the program is for. */
HG_FN u32 group_fits(void)
{
	return HG_STARTED_LANES == HG_LANES && HG_STARTED_FLAT;
}

/* Whether the launch is: as many groups as it takes. */
HG_FN u32 launch_fits(u32 groups)
{
	return group_fits() && HG_GROUPS == groups;
}

/* Whether there are keys, and nothing has been refused. */
HG_FN u32 state_ready(HG_GLOBAL const struct hg_state *state)
{
	return state->installed && !state->bad_code;
}

/* Sets @state bad for the first reason. One lane only. */
HG_FN void state_refuse(HG_GLOBAL struct hg_state *state, u32 code, u64 sequence)
{
	if (!state->bad_code) {
		state->bad_code = code;
		state->bad_sequence = sequence;
	}
}

HG_FN void key_set(HG_GLOBAL struct hg_key *key, u32 suite, const u32 *material)
{
	u32 h[4], i;
	v16 q[8];

	for (i = 0; i < 8; i++)
		key->key[i] = material[i];
	key->salt = material[8];
	if (suite == HG_AES_256_GCM) {
		aes_expand(key->rk, material);
		/* H is the block of zeros, enciphered: counter 0 of the nonce of zeros. */
		aes_keystream(q, key->rk, 0, 0, 0, 0);
		for (i = 0; i < 4; i++)
			h[i] = HG_GET(q[0], i);
		ghash_init(&key->ghash, h);
	} else if (suite == HG_SM4_CTR_HMAC_SM3) {
		sm_key_set(&key->sm, material);
	}
}

/* All keys of an epoch from the pseudo-random key @prk. */
HG_FN void state_expand(HG_GLOBAL struct hg_state *state, const u32 *prk)
{
	u32 material[16], purpose, i;

	for (purpose = 0; purpose < HG_KEYS; purpose++) {
		/* Pads that lie ready must stay what the host takes them for. */
		if (purpose == HG_KEY_LAUNCH && state->epoch)
			continue;
		hkdf_expand(material, prk, HKDF_H2D + purpose, 0);
		key_set(&state->keys[purpose], SUITE_OF(state), material);
	}
	hkdf_expand(material, prk, HKDF_CHAIN, 0);
	for (i = 0; i < 8; i++)
		state->chain_secret[i] = material[i];
	for (i = 0; i < 16; i++)
		material[i] = 0;
}

/*
 * The keys of a session, from what was agreed: @secret and the hash of the
 * @transcript, 8 words of memory each. Refuses a state that has keys. One lane only.
 */
HG_FN void state_keys(HG_GLOBAL struct hg_state *state, const u32 *secret, const u32 *transcript,
		      u64 session, u32 suite)
{
	u32 prk[8], i;

#ifdef HG_SUITE
	if (suite != HG_SUITE) {
		state_refuse(state, HG_BAD_SUITE, 0);
		return;
	}
#endif
	if (state->installed || suite < HG_AES_256_GCM || suite > HG_SM4_CTR_HMAC_SM3) {
		state_refuse(state, HG_BAD_STATE, 0);
		return;
	}
	state->suite = suite;
	hkdf_extract(prk, transcript, secret);
	state_expand(state, prk);
	for (i = 0; i < 8; i++)
		prk[i] = 0;
	state->session = session;
	state->installed = 1;
}

/* The next epoch: keys from the chain secret, numbers from 0. */
HG_FN void state_rekey(HG_GLOBAL struct hg_state *state)
{
	u32 secret[8], next[16], i;

	for (i = 0; i < 8; i++)
		secret[i] = state->chain_secret[i];
	state->epoch++;
	hkdf_expand(next, secret, HKDF_REKEY, state->epoch);
	state_expand(state, next);
	for (i = 0; i < 8; i++)
		secret[i] = next[i] = 0;
	state->opened = 0;
	state->sealed = 0;
}

/*
 * What the chain takes up: CHAIN_OPEN with tags, CHAIN_BIND with id and size, CHAIN_LAUNCH
 * with an area's number and chain, CHAIN_AREA with its number and id.
 */
enum chain_event { CHAIN_OPEN = 1, CHAIN_BIND = 2, CHAIN_LAUNCH = 3, CHAIN_AREA = 4 };

HG_FN void chain_start(HG_GLOBAL struct hg_state *state, struct sha256 *s, u32 event, u32 count)
{
	u32 i;

	sha256_init(s);
	for (i = 0; i < 8; i++)
		sha256_word(s, state->chain[i]);
	sha256_word(s, event);
	sha256_word(s, count);
}

HG_FN void chain_end(HG_GLOBAL struct hg_state *state, struct sha256 *s)
{
	u32 chain[8], i;

	sha256_final(s, chain);
	for (i = 0; i < 8; i++)
		state->chain[i] = chain[i];
}

#endif
