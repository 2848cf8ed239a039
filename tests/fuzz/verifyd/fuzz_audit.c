// SPDX-License-Identifier: Apache-2.0
/* Audit logs that somebody else may have written. */
#include <stdlib.h>
#include <string.h>

#include "audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	uint64_t lines = 0;
	size_t i;

	if (audit_check_text((const char *)data, size, &chain, &err)) {
		if (strncmp(err.text, "line ", 5))
			abort();
		return 0;
	}
	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (chain.lines != lines || chain.torn > size)
		abort();
	return 0;
}
