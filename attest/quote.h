/* SPDX-License-Identifier: Apache-2.0 */
/* A TPM's quote: what it says, and whether it is what the key signed. */
#ifndef ATT_QUOTE_H
#define ATT_QUOTE_H

#include <openssl/evp.h>

#include "alg.h"
#include "attest.h"

#define ATT_QUOTE_MAX 4096u

struct att_quote {
	const struct att_alg *bank; /* of the only selection */
	uint32_t pcrs; /* bit n: PCR n is quoted */
	unsigned int count; /* of them */
	uint8_t extra[ATT_NONCE_MAX + 2]; /* qualifying data: the nonce */
	size_t extra_size;
	uint8_t digest[ATT_HASH_MAX]; /* over the PCRs' values */
	size_t digest_size;
	uint64_t clock; /* milliseconds; of the TPM, and not secure time */
	uint32_t reset_count, restart_count;
};

/*
 * A marshalled TPMS_ATTEST that says TPM_GENERATED and is a quote over one
 * bank. ATT_E_FORMAT; ATT_E_REFUSED: an attestation, but not such a quote.
 */
int att_quote_parse(const struct att_bytes *message, struct att_quote *q, struct att_error *err);

/*
 * A marshalled TPMT_SIGNATURE over the message: RSASSA or ECDSA with SHA-256,
 * SHA-384 or SHA-512, or SM2 with SM3 or SHA-256. @hash: with which.
 * ATT_E_FORMAT, ATT_E_CRYPTO, ATT_E_UNSUPPORTED.
 */
int att_quote_verify(const struct att_bytes *message, const struct att_bytes *signature,
		     EVP_PKEY *key, const struct att_alg **hash, struct att_error *err);

/* The digest of PCR values in ascending order is the quoted one; @hash: the signature's. */
int att_quote_check_pcrs(const struct att_quote *q, const uint8_t *values, size_t size,
			 const struct att_alg *hash, struct att_error *err);

/* PCRs of a list as "0-9,13". @to has room for 80 bytes. */
const char *att_pcr_list(uint32_t pcrs, char *to, size_t size);

#endif
