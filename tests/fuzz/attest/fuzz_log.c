// SPDX-License-Identifier: Apache-2.0
/* Event logs. Behind a right Spec ID event unless the first byte says otherwise. */
#include "fuzz.h"
#include "l0.h"

static const uint8_t head[] = {
	0,   0,	  0,   0,   3,	 0,   0,   0,	0,   0,	  0,   0,   0,	 0, 0, 0,   0,
	0,   0,	  0,   0,   0,	 0,   0,   0,	0,   0,	  0,   33,  0,	 0, 0, 'S', 'p',
	'e', 'c', ' ', 'I', 'D', ' ', 'E', 'v', 'e', 'n', 't', '0', '3', 0, 0, 0,   0,
	0,   0,	  2,   0,   2,	 1,   0,   0,	0,   0xb, 0,   32,  0,	 0,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct att_error err = { 0 };
	uint8_t *text, value[ATT_HASH_MAX];
	size_t skip, events, used;
	struct att_log log;
	struct att_l0 l0;
	uint32_t pcr;

	if (!size)
		return 0;
	skip = data[0] & 1 ? 0 : sizeof(head);
	used = skip + size - 1;
	text = malloc(used ? used : 1);
	memcpy(text, head, skip);
	memcpy(text + skip, data + 1, size - 1);
	if (!att_log_parse(text, used, &log, &err)) {
		for (pcr = 0; pcr < ATT_PCRS; pcr++)
			att_log_replay(&log, att_alg_by_name("sha256"), pcr, value, &events, &err);
		/* Its digests would have to be right: a hash keeps the fuzzer out. */
		if (!att_l0_parse(&log, &l0, &err))
			assert(log.count == 2);
		att_log_free(&log);
	} else {
		assert(err.code && *err.text);
	}
	free(text);
	return 0;
}
