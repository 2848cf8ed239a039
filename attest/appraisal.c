// SPDX-License-Identifier: Apache-2.0
#include "appraisal.h"

#include <openssl/crypto.h>

#include "bytes.h"

const struct att_claim_kind claim_kind[] = {
	[C_TRUST_ROOT] = { "trust-root", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_AK] = { "ak", ATT_V_FORMAT, ATT_INSTANCE, true },
	[C_AK_ATTRIBUTES] = { "ak-attributes", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_AK_TRUSTED] = { "ak-trusted", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_EK] = { "ek-certificate", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_QUOTE] = { "quote", ATT_V_FORMAT, ATT_INSTANCE, true },
	[C_QUOTE_SIGNATURE] = { "quote-signature", ATT_V_QUOTE, ATT_INSTANCE, true },
	[C_NONCE] = { "nonce", ATT_V_FRESHNESS, ATT_INSTANCE, true },
	[C_BANK] = { "pcr-bank", ATT_V_QUOTE, ATT_EXECUTABLES, false },
	[C_SELECTION] = { "pcr-selection", ATT_V_QUOTE, ATT_EXECUTABLES, false },
	[C_PCR_VALUES] = { "pcr-values", ATT_V_QUOTE, ATT_EXECUTABLES, true },
	[C_BOOT_LOG] = { "boot-log", ATT_V_LOG, ATT_EXECUTABLES, false },
	[C_BOOT_PCR] = { "boot-pcr", ATT_V_REFERENCE, ATT_EXECUTABLES, false },
	[C_BOOT_EVENT] = { "boot-event", ATT_V_REFERENCE, ATT_EXECUTABLES, false },
	[C_L0_LOG] = { "l0-log", ATT_V_LOG, ATT_EXECUTABLES, false },
	[C_L0_EVENTS] = { "l0-events", ATT_V_LOG, ATT_EXECUTABLES, false },
	[C_L0_VALUES] = { "l0-measurement", ATT_V_REFERENCE, ATT_EXECUTABLES, false },
	[C_REPORT] = { "report", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_REPORT_KEY] = { "report-key", ATT_V_REPORT, ATT_CONFIGURATION, true },
	[C_REPORT_SIGNATURE] = { "report-signature", ATT_V_REPORT, ATT_CONFIGURATION, true },
	[C_REPORT_BOOT] = { "report-boot-id", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_REPORT_FLAGS] = { "report-flags", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_REPORT_VERSION] = { "report-l0-version", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_DIGEST] = { "launch-digest", ATT_V_LAUNCH, ATT_EXECUTABLES, false },
	[C_POLICY] = { "launch-policy", ATT_V_LAUNCH, ATT_CONFIGURATION, false },
	[C_VCPUS] = { "launch-vcpus", ATT_V_LAUNCH, ATT_CONFIGURATION, false },
	[C_LEVEL] = { "launch-level", ATT_V_LAUNCH, ATT_CONFIGURATION, false },
	[C_BINDING] = { "cvm-key", ATT_V_BINDING, ATT_CONFIGURATION, true },
};

void claim_pass(struct appraisal *a, enum claim_id id, const char *found)
{
	att_result_add(a->res, &claim_kind[id], -1, ATT_PASS, "", found, "");
}

void claim_warn(struct appraisal *a, enum claim_id id, const char *found, const char *note)
{
	att_result_add(a->res, &claim_kind[id], -1, ATT_WARN, "", found, note);
}

void claim_fail(struct appraisal *a, enum claim_id id, const char *expected, const char *found,
		const char *cause)
{
	att_result_add(a->res, &claim_kind[id], -1, ATT_FAIL, expected, found, cause);
}

void claim_unchecked(struct appraisal *a, enum claim_id id, enum claim_id ground)
{
	char cause[80];

	snprintf(cause, sizeof(cause), "rests on %s, which failed", claim_kind[ground].name);
	att_result_add(a->res, &claim_kind[id], -1, ATT_UNCHECKED, "", "", cause);
}

bool claim_same(struct appraisal *a, enum claim_id id, const uint8_t *want, const uint8_t *got,
		size_t size, const char *cause)
{
	char expected[2 * ATT_KEY_MAX + 1], found[2 * ATT_KEY_MAX + 1];
	bool equal = !CRYPTO_memcmp(want, got, size);

	att_hex(want, size, expected);
	att_hex(got, size, found);
	if (equal)
		claim_pass(a, id, found);
	else
		claim_fail(a, id, expected, found, cause);
	return equal;
}

bool claim_same_number(struct appraisal *a, enum claim_id id, uint32_t want, uint32_t got,
		       const char *cause)
{
	char expected[16], found[16];

	snprintf(expected, sizeof(expected), "%u", want);
	snprintf(found, sizeof(found), "%u", got);
	if (want == got)
		claim_pass(a, id, found);
	else
		claim_fail(a, id, expected, found, cause);
	return want == got;
}
