/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An appraisal under way: what its checks share. Each check notes one claim; one whose
 * ground is missing, because an earlier one failed, notes "unchecked".
 */
#ifndef ATT_APPRAISAL_H
#define ATT_APPRAISAL_H

#include "evidence.h"
#include "l0.h"
#include "policy.h"
#include "quote.h"
#include "result.h"

enum claim_id {
	C_TRUST_ROOT,
	C_AK,
	C_AK_ATTRIBUTES,
	C_AK_TRUSTED,
	C_EK,
	C_QUOTE,
	C_QUOTE_SIGNATURE,
	C_NONCE,
	C_BANK,
	C_SELECTION,
	C_PCR_VALUES,
	C_BOOT_LOG,
	C_BOOT_PCR,
	C_BOOT_EVENT,
	C_L0_LOG,
	C_L0_EVENTS,
	C_L0_VALUES,
	C_REPORT,
	C_REPORT_KEY,
	C_REPORT_SIGNATURE,
	C_REPORT_BOOT,
	C_REPORT_FLAGS,
	C_REPORT_VERSION,
	C_DIGEST,
	C_POLICY,
	C_VCPUS,
	C_LEVEL,
	C_BINDING,
};

struct appraisal {
	const struct att_evidence *ev;
	const struct att_policy *policy;
	att_ak_lookup *lookup; /* may be NULL */
	void *opaque;
	struct att_result *res;
	struct att_error err;

	TPMT_PUBLIC ak_public;
	EVP_PKEY *ak; /* NULL: none that can be used */
	struct att_quote quote;
	bool has_quote, has_bank, has_values, has_l0, has_report, has_digest;
	const struct att_alg *hash; /* of the quote's signature */
	uint8_t values[ATT_PCRS * ATT_HASH_MAX]; /* as they were quoted, ascending */
	struct att_log boot_log;
	bool has_boot_log, replayed; /* the latter: and it gives the quoted PCRs */
	struct att_l0 l0;
	struct att_report report;
};

/* ---- appraisal.c: claims ---- */

extern const struct att_claim_kind claim_kind[];

void claim_pass(struct appraisal *a, enum claim_id id, const char *found);
void claim_warn(struct appraisal *a, enum claim_id id, const char *found, const char *note);
void claim_fail(struct appraisal *a, enum claim_id id, const char *expected, const char *found,
		const char *cause);
void claim_unchecked(struct appraisal *a, enum claim_id id, enum claim_id ground);
/* Notes equality of two byte strings, or numbers. */
bool claim_same(struct appraisal *a, enum claim_id id, const uint8_t *want, const uint8_t *got,
		size_t size, const char *cause);
bool claim_same_number(struct appraisal *a, enum claim_id id, uint32_t want, uint32_t got,
		       const char *cause);

/* ---- The checks, in the order of their calls ---- */

/* appraise.c. The value of a PCR that is quoted; NULL if it is not, or values are wrong. */
const uint8_t *appraisal_quoted(const struct appraisal *a, uint32_t pcr);
/* appraise-boot.c: the firmware's log, its PCRs and events; L0's log and what it says. */
void appraise_boot(struct appraisal *a);
void appraise_l0(struct appraisal *a);
/* appraise-report.c: the report, the launch, the CVM's key. */
void appraise_cvm(struct appraisal *a);

#endif
