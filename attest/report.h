/* SPDX-License-Identifier: Apache-2.0 */
/* The report that L0 signs for a CVM: docs/report.md. */
#ifndef ATT_REPORT_H
#define ATT_REPORT_H

#include "attest.h"
#include "bytes.h"

#define ATT_REPORT_SIZE 304u /* what is signed */
#define ATT_REPORT_MAX	(ATT_REPORT_SIZE + ATT_KEY_MAX)
#define ATT_KEY_MAX	96u /* X || Y, as big as a signature */

enum att_sig_alg {
	ATT_SIG_P256 = 1, /* ECDSA with SHA-256 */
	ATT_SIG_P384 = 2, /* ECDSA with SHA-384 */
	ATT_SIG_SM2 = 3, /* SM2 with SM3, id ATT_SM2_ID */
};

#define ATT_REPORT_DEVELOPMENT 1u /* flag: no TPM stands behind the key */

struct att_report {
	uint32_t sig_alg, flags;
	uint64_t cvm_id;
	uint32_t policy, vcpus, level;
	uint8_t launch_digest[32];
	uint8_t report_data[ATT_REPORT_DATA];
	uint8_t boot_id[32];
	char l0_version[33];
	uint8_t key_id[32];
	uint32_t devices;
	const uint8_t *bytes; /* ATT_REPORT_SIZE and the signature: of who parsed */
	size_t sig_size;
};

/* Bytes of a signature, and of a key as X || Y; 0 when there is no such algorithm. */
static inline size_t att_sig_size(uint32_t sig_alg)
{
	return sig_alg == ATT_SIG_P256 || sig_alg == ATT_SIG_SM2 ? 64
	       : sig_alg == ATT_SIG_P384			 ? 96
								 : 0;
}

/* 32 bytes of printable ASCII, padded with zeros; -1 if they are not. */
int att_read_text(struct att_reader *r, char to[33]);

/* ATT_E_FORMAT. Whatever is reserved must be zero. */
int att_report_parse(const uint8_t *data, size_t size, struct att_report *rep,
		     struct att_error *err);

/* For people. */
const char *att_report_algorithm(uint32_t sig_alg);

/* ATT_E_CRYPTO. @key: X || Y of att_sig_size() bytes. */
int att_report_verify(const struct att_report *rep, const uint8_t *key, struct att_error *err);

/* report_data for a nonce and a key as SubjectPublicKeyInfo (DER). */
int att_report_bind(const uint8_t *nonce, size_t nonce_size, const uint8_t *spki, size_t spki_size,
		    uint8_t out[ATT_REPORT_DATA]);

#endif
