/* SPDX-License-Identifier: Apache-2.0 */
/* What an appraisal found, claim by claim. */
#ifndef ATT_RESULT_H
#define ATT_RESULT_H

#include <jansson.h>

#include "attest.h"
#include "report.h"

/* The parts of EAR's trustworthiness vector that HyperGPU makes claims about. */
enum att_element {
	ATT_INSTANCE, /* instance-identity: which TPM, which machine */
	ATT_EXECUTABLES, /* executables: firmware, kernel, L0, the CVM's image */
	ATT_CONFIGURATION, /* configuration: how the CVM was launched */
	ATT_ELEMENTS,
};

struct att_claim_kind {
	const char *name;
	enum att_verdict verdict; /* when it fails */
	enum att_element element;
	bool crypto; /* its failure is one of cryptography: EAR's 99 */
};

struct att_result_claim {
	struct att_claim claim; /* its strings are owned */
	const struct att_claim_kind *kind;
};

struct att_result {
	struct att_result_claim *claim;
	size_t count;
	bool complete; /* the appraisal came to its end */
	bool failed_memory; /* a claim could not be noted: nothing passes */
	bool development; /* passed by rules for development only */

	uint8_t nonce[ATT_NONCE_MAX];
	size_t nonce_size;
	int64_t now;
	char policy_id[33];
	uint8_t policy_digest[32];
	uint8_t evidence_ak[66]; /* name of the attestation key */
	size_t evidence_ak_size;

	bool has_report;
	struct att_report report; /* its bytes pointer is not kept */
	struct att_bytes cvm_key; /* SubjectPublicKeyInfo */
};

struct att_result *att_result_new(void);
/* The texts are copied. @pcr is put behind the name, unless it is negative. */
void att_result_add(struct att_result *res, const struct att_claim_kind *kind, int pcr,
		    enum att_status status, const char *expected, const char *found,
		    const char *cause);
/* EAR's value of an element: 0 no claim, 2 affirming, 96 to 99 contraindicated. */
int att_result_element(const struct att_result *res, enum att_element element);
/* What att_result_json() writes. NULL without memory. */
json_t *att_result_object(const struct att_result *res);

#endif
