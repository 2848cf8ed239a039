/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A made-up machine for tests: a TPM of OpenSSL's, what a boot measures, and
 * an L0 that measures itself and signs reports as docs/attestation.md says.
 */
#ifndef TEST_MACHINE_H
#define TEST_MACHINE_H

#include <openssl/evp.h>

#include "bytes.h"
#include "evidence.h"
#include "l0.h"

#define BANKS 4 /* SHA-1, SHA-256, SHA-384; with SM2 also SM3 */

struct writer {
	uint8_t data[16384];
	size_t size;
};

void put(struct writer *w, const void *data, size_t size);
void put_le(struct writer *w, uint64_t v, unsigned int size);

struct machine {
	uint8_t pcr[BANKS][ATT_PCRS][ATT_HASH_MAX];
	struct writer boot_log, l0_log;
	EVP_PKEY *ak, *report_key;
	struct att_bytes ak_public; /* TPMT_PUBLIC */
	unsigned int banks; /* of bank_name[] */
	uint8_t boot_id[32], build_id[32];
	uint8_t launch_digest[32];
	uint32_t sig_alg, level, vcpus, policy, flags;
};

#define L0_VERSION    "0.1"
#define L0_SRCVERSION "533BB7E5866E52F63B9ACCB"

/* Booted, with L0 loaded. @name makes it another machine. */
void machine_boot(struct machine *m, const char *name, uint32_t sig_alg);
void machine_free(struct machine *m);

/* Logs. The event's digests are of its data, and the PCR is extended. */
void log_start(const struct machine *m, struct writer *w);
void log_add(struct machine *m, struct writer *w, uint32_t pcr, uint32_t type, const void *data,
	     size_t size);
/* Its digests are of something else than its data. */
void log_measure(struct machine *m, struct writer *w, uint32_t pcr, uint32_t type,
		 const void *measured, size_t measured_size, const void *data, size_t size);
void tag_l0(struct machine *m);
void tag_key(struct machine *m);
void tag_unloaded(struct machine *m);

/* A report with its signature by @key. -> its size. */
size_t machine_report(const struct machine *m, EVP_PKEY *key,
		      const uint8_t report_data[ATT_REPORT_DATA], uint8_t out[ATT_REPORT_MAX]);

/* The TPM's quote over @pcrs of the bank, into @ev, with values and AK. */
void machine_quote(const struct machine *m, const char *bank, uint32_t pcrs, const uint8_t *nonce,
		   size_t nonce_size, struct att_evidence *ev);
/* The message of @ev anew signed: by an SM2 key as a TPM does. */
void machine_sign(EVP_PKEY *ak, const struct att_alg *hash, struct att_evidence *ev);
/* Everything, for the CVM's key (PEM). */
struct att_evidence *machine_evidence(const struct machine *m, const uint8_t *nonce,
				      size_t nonce_size, const struct att_bytes *cvm_key);
void set_bytes(struct att_bytes *b, const void *data, size_t size);

#endif
