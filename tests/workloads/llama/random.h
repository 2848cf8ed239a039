/* SPDX-License-Identifier: Apache-2.0 */
/* Models of random weights, of any size: the same seed gives the same file. */
#ifndef LLAMA_RANDOM_H
#define LLAMA_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "quant.h"

struct shape {
	uint32_t vocab, dim, layers, heads, kv_heads, ffn, context;
	bool tied; /* the embeddings are the output, too */
	const struct fmt *fmt;
	uint64_t seed;
};

uint64_t random_params(const struct shape *s);
/* Sets all but vocab, context, tied, fmt and seed, for about @params numbers. */
int random_fit(struct shape *s, uint64_t params, struct err *e);
int random_write(const struct shape *s, const char *path, struct err *e);

#endif
