/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key agreement with the code on a device: the CVM's side, docs/gpu-protocol.md.
 * One struct hg_agreement is one session and one thread's at a time; a failure is final.
 */
#ifndef HG_GPU_AGREE_H
#define HG_GPU_AGREE_H

#include "../device/agreement.h"
#include "device.h"

struct hg_agree_options {
	enum hg_group group; /* 0: X25519 */
	unsigned suite; /* of the records: enum hg_suite; 0: AES-256-GCM */
	/* Nobody vouches for the device: only who listens is kept out. @enrolled is not used. */
	bool anonymous;
	uint8_t cvm[32]; /* identity of the CVM, or zeros */
	uint8_t gpu[32]; /* hash of the stable identity of the enrolled GPU, or zeros */
	uint8_t enrolled[HG_PUBLIC_SIZE]; /* of the enrolment record, whose signature was checked */
	const uint8_t *helper; /* of the enrolment record; read during the call only */
	size_t helper_size;
};

struct hg_session_keys {
	uint64_t session;
	uint8_t secret[HG_HASH_SIZE];
	uint8_t transcript[HG_HASH_SIZE];
};

struct hg_agreement;

/*
 * A new session: fills @hello, which is sent together with the helper data.
 * @program is the SHA-256 of the session program. HG_GPU_E_ARGUMENT: an enrolled
 * key that is none, too much helper data. HG_GPU_E_CRYPTO, HG_GPU_E_MEMORY.
 */
int hg_agree_hello(const struct hg_agree_options *options, const uint8_t program[32],
		   struct hg_agreement **a, struct hg_hello *hello, struct hg_gpu_error *err);
/*
 * Takes the answer; fills @finish, to be sent, and @keys. HG_GPU_E_REFUSED: the
 * device gives none, the text says why. HG_GPU_E_TAMPERED: it does not fit the hello.
 */
int hg_agree_answer(struct hg_agreement *a, const struct hg_answer *answer,
		    struct hg_finish *finish, struct hg_session_keys *keys,
		    struct hg_gpu_error *err);
/* Wipes. NULL is allowed. */
void hg_agree_free(struct hg_agreement *a);

/* "no noise" and the like. */
const char *hg_agree_status_name(uint32_t status);

#endif
