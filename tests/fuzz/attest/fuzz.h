/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FUZZ_H
#define FUZZ_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CASES 3u
typedef void fuzz_case(const struct att_bytes *b);

/* The first byte chooses a case; it gets an exact copy of the rest, for ASan. */
static inline int fuzz_one(fuzz_case *const cases[FUZZ_CASES], const uint8_t *data, size_t size)
{
	struct att_bytes b;

	if (!size)
		return 0;
	b.size = size - 1;
	b.data = malloc(size);
	memcpy(b.data, data + 1, size - 1);
	cases[data[0] % FUZZ_CASES](&b);
	free(b.data);
	return 0;
}

#endif
