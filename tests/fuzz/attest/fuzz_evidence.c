// SPDX-License-Identifier: Apache-2.0
/*
 * Evidence, policies, reference values and enrolment records as JSON; evidence
 * that parses is appraised and must not pass. The first byte chooses.
 */
#include "fuzz.h"
#include "policy.h"

static const char accepts_nothing[] =
	"{\"version\":1,\"type\":\"hypergpu-policy\",\"id\":\"fuzz\",\"development\":true,"
	"\"pcrs\":[],"
	"\"require_boot_log\":false}";

static void fuzz_evidence(const char *text, size_t size)
{
	static const uint8_t nonce[16];
	static struct att_policy *policy;
	struct att_error err = { 0 };
	struct att_evidence *ev = att_evidence_parse(text, size, &err);
	struct att_result *res;

	if (!ev) {
		assert(err.code && *err.text);
		return;
	}
	if (!policy)
		policy = att_policy_parse(accepts_nothing, strlen(accepts_nothing), &err);
	res = att_appraise(ev, policy, nonce, sizeof(nonce), 0, &err);
	assert(res && att_result_verdict(res));
	assert(!att_release(res, nonce, 1, &err));
	free(att_result_json(res));
	att_result_free(res);
	free(att_evidence_dump(ev));
	att_evidence_free(ev);
}

static void fuzz_policy(const char *text, size_t size, unsigned int kind)
{
	struct att_error err = { 0 };
	struct att_policy *policy;
	size_t aks;

	if (kind == 1) {
		policy = att_policy_parse(text, size, &err);
		assert(policy || (err.code && *err.text));
		att_policy_free(policy);
		return;
	}
	policy = att_policy_parse(accepts_nothing, strlen(accepts_nothing), &err);
	assert(policy);
	aks = policy->aks;
	if (kind == 2 && att_policy_add_reference(policy, text, size, &err))
		assert(!policy->refs && !policy->l0s && !policy->launches && !policy->boots);
	if (kind == 3 && att_policy_add_enrolled(policy, text, size, &err))
		assert(policy->aks == aks);
	att_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	if (data[0] % 4 == 0)
		fuzz_evidence(text, size - 1);
	else
		fuzz_policy(text, size - 1, data[0] % 4);
	free(text);
	return 0;
}
