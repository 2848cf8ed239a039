/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on the host, by OpenSSL. A cipher is a context for one key, reused from
 * record to record without allocation; it is for one thread at a time.
 */
#ifndef HG_GPU_RECORD_H
#define HG_GPU_RECORD_H

#include "../device/record.h"
#include "error.h"

#include <stdbool.h>

#define HG_MATERIAL_SIZE (HG_KEY_SIZE + HG_SALT_SIZE)

/* All keys of an epoch. */
struct hg_record_keys {
	enum hg_suite suite;
	uint64_t session;
	uint32_t epoch;
	uint8_t material[HG_KEYS][HG_MATERIAL_SIZE];
	uint8_t chain_secret[32];
};

struct hg_record_cipher;

/* From what was agreed, and to the next epoch; the device does the same. */
int hg_record_derive(struct hg_record_keys *keys, enum hg_suite suite, uint64_t session,
		     const uint8_t secret[HG_SECRET_SIZE], const uint8_t transcript[32],
		     struct hg_gpu_error *err);
int hg_record_rekey(struct hg_record_keys *keys, struct hg_gpu_error *err);

int hg_record_cipher_new(const struct hg_record_keys *keys, enum hg_purpose purpose,
			 struct hg_record_cipher **cipher, struct hg_gpu_error *err);
void hg_record_cipher_free(struct hg_record_cipher *cipher);

/* Enciphers head->length bytes to @out, pads them by zeros to 16, and sets head->tag. */
int hg_record_seal(struct hg_record_cipher *cipher, struct hg_record *head, const void *src,
		   void *out, struct hg_gpu_error *err);
/*
 * The key streams of the data of @count records that have the numbers from @sequence on: what
 * sealing HG_STREAM_SIZE zeros would give. The cipher is of HG_KEY_LAUNCH.
 */
#define HG_STREAM_SIZE 256u
int hg_record_streams(struct hg_record_cipher *cipher, uint64_t sequence, unsigned count,
		      uint8_t (*out)[HG_STREAM_SIZE], struct hg_gpu_error *err);
/*
 * Deciphers to @dst. HG_GPU_E_TAMPERED where the tag is wrong: then @dst holds nothing
 * that may be used, and is wiped.
 */
int hg_record_open(struct hg_record_cipher *cipher, const struct hg_record *head, const void *in,
		   void *dst, struct hg_gpu_error *err);

/* The running hash of a receipt: see enum hg_chain_event. */
enum hg_chain_event {
	HG_CHAIN_OPEN = 1,
	HG_CHAIN_BIND = 2,
	HG_CHAIN_LAUNCH = 3,
	HG_CHAIN_AREA = 4
};
int hg_record_chain(uint8_t chain[32], enum hg_chain_event event, uint32_t count, const void *data,
		    size_t size, struct hg_gpu_error *err);

/* "the tag is wrong", for people. */
const char *hg_record_bad_text(uint32_t bad);
/* The suite of a name, as users write it; 0: there is none. NULL and "" are the default. */
enum hg_suite hg_record_suite(const char *name);

#endif
