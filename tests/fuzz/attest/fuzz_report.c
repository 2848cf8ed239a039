// SPDX-License-Identifier: Apache-2.0
/* Reports, and L0's events with digests that fit, which fuzz_log cannot find. */
#include "alg.h"
#include "fuzz.h"
#include "l0.h"
#include "report.h"

static void fuzz_report(const uint8_t *data, size_t size)
{
	struct att_error err = { 0 };
	struct att_report rep;
	uint8_t key[ATT_KEY_MAX] = { 4 };

	if (att_report_parse(data, size, &rep, &err)) {
		assert(err.code && *err.text);
		return;
	}
	assert(size == ATT_REPORT_SIZE + rep.sig_size && rep.level >= 1 && rep.level <= 2);
	assert(att_report_verify(&rep, key, &err));
}

/* The input is cut into two events' data. */
static void fuzz_l0(const uint8_t *data, size_t size)
{
	const struct att_alg *alg = att_alg_by_name("sha256");
	size_t first = data[0] < size - 1 ? data[0] : size - 1;
	struct att_event event[2] = {
		{ .pcr = 13, .type = EV_EVENT_TAG, .data = data + 1, .size = first },
		{ .pcr = 13,
		  .type = EV_EVENT_TAG,
		  .data = data + 1 + first,
		  .size = size - 1 - first },
	};
	struct att_log log = {
		.bank = { { alg->id, alg->size, alg } }, .banks = 1, .event = event, .count = 2
	};
	uint8_t digest[2][32];
	struct att_error err = { 0 };
	struct att_l0 l0;
	int i;

	for (i = 0; i < 2; i++) {
		assert(!att_hash(alg, event[i].data, event[i].size, digest[i]));
		event[i].digest[0] = digest[i];
	}
	if (!att_l0_parse(&log, &l0, &err))
		assert(l0.key_size == att_sig_size(l0.sig_alg) && strlen(l0.version) <= 32);
	else
		assert(err.code && *err.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1) {
		/* An exact copy, so that ASan sees the first byte too many. */
		uint8_t *copy = malloc(size);

		memcpy(copy, data + 1, size - 1);
		fuzz_report(copy, size - 1);
		free(copy);
	} else if (size > 1) {
		fuzz_l0(data + 1, size - 1);
	}
	return 0;
}
