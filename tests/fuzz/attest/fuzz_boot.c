// SPDX-License-Identifier: Apache-2.0
/*
 * What reference values of a boot are computed from: PE images, and logs of
 * trusted firmware; and courses of events against an entry. The first byte chooses.
 */
#include "boot.h"
#include "bytes.h"
#include "fuzz.h"
#include "pe.h"
#include "policy.h"

static void fuzz_pe(const struct att_bytes *b)
{
	struct att_bytes measured = { 0 };
	struct att_error err = { 0 };

	if (att_pe_measured(b->data, b->size, &measured, &err)) {
		assert(!measured.data && err.code && *err.text);
		return;
	}
	/* The checksum, at least, is not in it. */
	assert(measured.size < b->size);
	att_bytes_free(&measured);
}

static struct att_policy *new_policy(void)
{
	static const char text[] = "{\"version\":1,\"type\":\"hypergpu-policy\",\"id\":\"fuzz\","
				   "\"boot_events\":[0,1,2,3,4,6,7]}";

	return att_policy_parse(text, strlen(text), NULL);
}

/* A log gives reference values which are accepted, and which the log itself fits. */
static void fuzz_firmware(const struct att_bytes *b)
{
	struct att_boot_files files = { .firmware_name = "fuzz", .firmware_log = *b };
	struct att_policy *policy = new_policy();
	struct att_bytes json = { 0 };
	struct att_error err = { 0 };
	struct att_boot_finding f;
	struct att_log log;
	uint32_t pcr;

	assert(policy);
	if (att_boot_reference(&files, &json, &err)) {
		assert(!json.data && err.code && *err.text);
	} else if (!att_policy_add_reference(policy, (char *)json.data, json.size, &err)) {
		assert(!att_log_parse(b->data, b->size, &log, &err));
		for (pcr = 0; pcr < 8; pcr++) {
			const struct att_alg *bank = att_alg_by_name("sha256");

			if (!(policy->boot[0].pcrs >> pcr & 1) || att_log_bank(&log, bank) < 0)
				continue;
			att_boot_appraise(&log, bank, policy->boot, policy->boots, 1u << pcr, pcr,
					  &f);
			assert(*f.found && (f.fits || (*f.expected && *f.cause)));
		}
		att_log_free(&log);
	}
	att_bytes_free(&json);
	att_policy_free(policy);
}

static void fuzz_course(const struct att_bytes *b)
{
	static const char entry[] =
		"{\"version\":1,\"type\":\"hypergpu-reference-values\",\"boot\":[{\"name\":\"x\","
		"\"events\":[{\"pcr\":4,\"event\":\"kernel\",\"sha256\":\""
		"0000000000000000000000000000000000000000000000000000000000000000\"},"
		"{\"pcr\":7,\"event\":\"separator\"}]}]}";
	struct att_policy *policy = new_policy();
	struct att_error err = { 0 };
	struct att_boot_finding f;
	struct att_log log;
	uint32_t pcr;

	assert(policy && !att_policy_add_reference(policy, entry, strlen(entry), &err));
	if (!att_log_parse(b->data, b->size, &log, &err)) {
		for (pcr = 0; pcr < ATT_PCRS; pcr++) {
			att_boot_appraise(&log, att_alg_by_name("sha256"), policy->boot,
					  policy->boots, 0xffffff, pcr, &f);
			assert(f.fits == (!*f.expected && !*f.cause) && *f.found);
			/* Nobody finds what has this digest. */
			assert(pcr != 4 || !f.fits);
		}
		att_log_free(&log);
	}
	att_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fuzz_case *const cases[FUZZ_CASES] = { fuzz_pe, fuzz_firmware, fuzz_course };

	return fuzz_one(cases, data, size);
}
