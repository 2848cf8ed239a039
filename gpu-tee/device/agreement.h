/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the key agreement, shared by host and device.
 * docs/gpu-protocol.md explains. All integers are little-endian.
 */
#ifndef HG_AGREEMENT_H
#define HG_AGREEMENT_H

#include "dialect.h"

#define HG_HELLO_MAGIC	 0x31414748u /* "HGA1" */
#define HG_ANSWER_MAGIC	 0x32414748u
#define HG_FINISH_MAGIC	 0x33414748u
#define HG_AGREE_VERSION 1
#define HG_HASH_SIZE	 32u
#define HG_PUBLIC_SIZE	 64u
/* Helper data of the fingerprint, at most. */
#define HG_HELPER_MAX 8192u

enum hg_group { HG_X25519 = 1, HG_P256 = 2, HG_SM2 = 3 };
enum hg_mode { HG_ENROLLED = 1, HG_ANONYMOUS = 2 };

/* Why the device gives no answer, or does not open. */
enum hg_agree_status {
	HG_AGREE_OK = 0,
	HG_AGREE_MAGIC, /* no message of this kind and version */
	HG_AGREE_GROUP,
	HG_AGREE_SUITE,
	HG_AGREE_MODE,
	HG_AGREE_HELPER, /* too long, or its hash is another */
	HG_AGREE_POINT, /* a public key that is none */
	HG_AGREE_NOISE, /* too little noise */
	HG_AGREE_FINGERPRINT, /* the reading does not give the enrolled secret */
	HG_AGREE_KEY, /* the secret's public key is not the enrolled one */
	HG_AGREE_STATE, /* not the message's turn */
	HG_AGREE_SESSION, /* another session's message */
	HG_AGREE_CONFIRM, /* the confirmation is wrong */
	HG_AGREE_LAUNCH, /* started with other groups than it must be */
	HG_AGREE_STATUSES
};

struct hg_hello {
	u32 magic;
	u8 version;
	u8 group;
	u8 suite;
	u8 mode;
	u64 session;
	u8 nonce[32];
	u8 cvm[32];
	u8 gpu[32];
	u8 program[32];
	u8 helper_hash[32];
	u8 enrolled[HG_PUBLIC_SIZE];
	u8 ephemeral[HG_PUBLIC_SIZE];
	u32 helper_size;
	u8 zero[28];
};

struct hg_answer {
	u32 magic;
	u32 status;
	u64 session;
	u8 nonce[32];
	u8 ephemeral[HG_PUBLIC_SIZE];
	u8 confirm[HG_HASH_SIZE];
};

struct hg_finish {
	u32 magic;
	u32 zero;
	u64 session;
	u8 confirm[HG_HASH_SIZE];
};

#define HG_ANSWER_SIGNED 112u /* bytes of an answer that enter the transcript */

HG_STATIC_ASSERT(sizeof(struct hg_hello) == 336, "hello");
HG_STATIC_ASSERT(sizeof(struct hg_answer) == 144, "answer");
HG_STATIC_ASSERT(sizeof(struct hg_finish) == 48, "finish");

#define HG_LABEL_HELLO	   "hypergpu gpu-tee 1 hello"
#define HG_LABEL_ANSWER	   "hypergpu gpu-tee 1 answer"
#define HG_LABEL_DEVICE	   "hypergpu confirm device"
#define HG_LABEL_CVM	   "hypergpu confirm cvm"
#define HG_LABEL_SESSION   "hypergpu session"
#define HG_LABEL_EPHEMERAL "hypergpu device ephemeral"
#define HG_LABEL_NONCE	   "hypergpu device nonce"
#define HG_LABEL_STATIC	   "hypergpu device static" /* as host/keys.c has it */

#endif
