// SPDX-License-Identifier: Apache-2.0
/* The appraisal's checks of the CVM: its report, its launch, its key. */
#include "appraisal.h"

#include <openssl/crypto.h>

#include "bytes.h"
#include "error.h"
#include "key.h"

static void check_report_flags(struct appraisal *a)
{
	if (!(a->report.flags & ATT_REPORT_DEVELOPMENT)) {
		claim_pass(a, C_REPORT_FLAGS, "none");
	} else if (a->policy->development) {
		a->res->development = true;
		claim_warn(a, C_REPORT_FLAGS, "development", "no TPM stands behind the report key");
	} else {
		claim_fail(a, C_REPORT_FLAGS, "none", "development",
			   "hypergpu.ko was told to do without a TPM");
	}
}

static void check_report_key(struct appraisal *a)
{
	uint8_t id[32];

	if (!a->has_l0) {
		claim_unchecked(a, C_REPORT_KEY, C_L0_LOG);
		claim_unchecked(a, C_REPORT_SIGNATURE, C_L0_LOG);
		return;
	}
	if (att_sha256(a->l0.key, a->l0.key_size, id))
		memset(id, 0, sizeof(id));
	if (a->report.sig_alg != a->l0.sig_alg) {
		claim_fail(a, C_REPORT_KEY, "a key of the algorithm that L0 measured",
			   "another algorithm",
			   "the report is not of this machine, or was made up");
		claim_unchecked(a, C_REPORT_SIGNATURE, C_REPORT_KEY);
		return;
	}
	claim_same(a, C_REPORT_KEY, id, a->report.key_id, sizeof(id),
		   "the report is of another machine or boot, or was made up");
	if (att_report_verify(&a->report, a->l0.key, &a->err))
		claim_fail(a, C_REPORT_SIGNATURE, "a signature by the report key in PCR 13",
			   a->err.text, "the report was changed, or is of another machine or boot");
	else
		claim_pass(a, C_REPORT_SIGNATURE, att_report_algorithm(a->report.sig_alg));
}

static void check_report_boot(struct appraisal *a)
{
	if (!a->has_l0) {
		claim_unchecked(a, C_REPORT_BOOT, C_L0_LOG);
		claim_unchecked(a, C_REPORT_VERSION, C_L0_LOG);
		return;
	}
	claim_same(a, C_REPORT_BOOT, a->l0.boot_id, a->report.boot_id, sizeof(a->l0.boot_id),
		   "the report was made before the last reboot, or on another machine");
	if (!strcmp(a->l0.version, a->report.l0_version))
		claim_pass(a, C_REPORT_VERSION, a->report.l0_version);
	else
		claim_fail(a, C_REPORT_VERSION, a->l0.version, a->report.l0_version,
			   "the report was made by another build of hypergpu.ko");
}

static void check_report(struct appraisal *a)
{
	static const enum claim_id rest[] = {
		C_REPORT_KEY, C_REPORT_SIGNATURE, C_REPORT_BOOT, C_REPORT_VERSION, C_REPORT_FLAGS,
	};
	size_t i;

	if (att_report_parse(a->ev->report.data, a->ev->report.size, &a->report, &a->err)) {
		claim_fail(a, C_REPORT, "a report of version 1", a->err.text,
			   "it was damaged or made up");
		for (i = 0; i < ARRAY_SIZE(rest); i++)
			claim_unchecked(a, rest[i], C_REPORT);
		return;
	}
	a->has_report = true;
	claim_pass(a, C_REPORT, "version 1");
	check_report_key(a);
	check_report_boot(a);
	check_report_flags(a);
}

/* The entry that fits best: all of it, or the digest alone, or none. */
static const struct att_ref_launch *find_launch(const struct appraisal *a)
{
	const struct att_ref_launch *near = NULL;
	size_t i;

	for (i = 0; i < a->policy->launches; i++) {
		const struct att_ref_launch *l = &a->policy->launch[i];

		if (memcmp(l->digest, a->report.launch_digest, sizeof(l->digest)))
			continue;
		if (l->policy == a->report.policy && l->vcpus == a->report.vcpus &&
		    l->levels >> a->report.level & 1)
			return l;
		near = l;
	}
	return near;
}

static void check_level(struct appraisal *a, uint32_t levels)
{
	const char *expected = levels == 2   ? "1, on the machine itself"
			       : levels == 4 ? "2, in a VM"
					     : "1 or 2";
	const char *found = a->report.level == 1 ? "1, on the machine itself" : "2, in a VM";

	if (levels >> a->report.level & 1)
		claim_pass(a, C_LEVEL, found);
	else
		claim_fail(a, C_LEVEL, expected, found, "the CVM was started at another level");
}

static void no_launch(struct appraisal *a)
{
	static const enum claim_id rest[] = { C_POLICY, C_VCPUS, C_LEVEL };
	char found[65], expected[65] = "a reference value: there is none of a launch";
	size_t i;

	if (a->has_report) {
		att_hex(a->report.launch_digest, 32, found);
		if (a->policy->launches)
			att_hex(a->policy->launch[0].digest, 32, expected);
		claim_fail(a, C_DIGEST, expected, found,
			   "another kernel, initrd, command line, memory, vCPUs or CPUID");
	} else {
		claim_unchecked(a, C_DIGEST, C_REPORT);
	}
	for (i = 0; i < ARRAY_SIZE(rest); i++)
		claim_unchecked(a, rest[i], a->has_report ? C_DIGEST : C_REPORT);
}

static void check_launch(struct appraisal *a)
{
	const struct att_ref_launch *l = a->has_report ? find_launch(a) : NULL;
	char found[65];

	if (!l) {
		no_launch(a);
		return;
	}
	att_hex(l->digest, sizeof(l->digest), found);
	claim_pass(a, C_DIGEST, found);
	claim_same_number(a, C_POLICY, l->policy, a->report.policy,
			  "the CVM was started with another policy");
	claim_same_number(a, C_VCPUS, l->vcpus, a->report.vcpus,
			  "the CVM was started with other vCPUs");
	check_level(a, l->levels);
}

static void check_binding(struct appraisal *a)
{
	const struct att_bytes *key = &a->ev->cvm_key;
	uint8_t want[ATT_REPORT_DATA];
	EVP_PKEY *pkey;

	if (!a->has_report) {
		claim_unchecked(a, C_BINDING, C_REPORT);
		return;
	}
	pkey = att_key_from_spki(key->data, key->size, &a->err);
	if (!pkey || !att_key_curve(pkey)) {
		claim_fail(a, C_BINDING, "a key of P-256 or P-384",
			   pkey ? att_key_kind(pkey) : a->err.text,
			   "the evidence was damaged or made up");
	} else if (att_report_bind(a->res->nonce, a->res->nonce_size, key->data, key->size, want)) {
		claim_fail(a, C_BINDING, "a digest", "none", "the library cannot compute SHA-512");
	} else {
		claim_same(a, C_BINDING, want, a->report.report_data, sizeof(want),
			   "the key was exchanged, or the report was made for another nonce");
	}
	EVP_PKEY_free(pkey);
}

void appraise_cvm(struct appraisal *a)
{
	if (!a->ev->report.size && !a->policy->cvm)
		return;
	if (!a->ev->report.size) {
		claim_fail(a, C_REPORT, "a CVM's report", "none",
			   "hgattest was called without --report");
		return;
	}
	check_report(a);
	check_launch(a);
	check_binding(a);
}
