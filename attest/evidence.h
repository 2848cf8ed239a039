/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence as it is in its JSON file: parts, not yet believed. */
#ifndef ATT_EVIDENCE_H
#define ATT_EVIDENCE_H

#include <jansson.h>

#include "attest.h"
#include "log.h"

struct att_evidence {
	bool software; /* trust_root: "software", else "tpm" */
	struct att_bytes ak_public; /* SubjectPublicKeyInfo */
	struct att_bytes ak_tpm_public; /* TPMT_PUBLIC of the same key */
	struct att_bytes ek_certificate; /* DER; may be empty */
	struct att_bytes signature; /* TPMT_SIGNATURE */
	struct att_bytes message; /* TPMS_ATTEST */
	uint8_t pcr[ATT_PCRS][ATT_HASH_MAX]; /* values in ascending order of the PCRs */
	size_t pcr_size[ATT_PCRS];
	unsigned int pcrs;
	struct att_bytes boot_log; /* may be empty */
	struct att_bytes l0_log; /* may be empty */
	struct att_bytes report; /* may be empty */
	struct att_bytes cvm_key; /* SubjectPublicKeyInfo; there if the report is */
};

/* att_evidence_parse() of JSON that is a part of something else. */
struct att_evidence *att_evidence_from(const json_t *top, struct att_error *err);

#endif
