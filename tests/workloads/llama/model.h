/* SPDX-License-Identifier: Apache-2.0 */
/* What a LLaMA file says: its dimensions, and which tensor is which. */
#ifndef LLAMA_MODEL_H
#define LLAMA_MODEL_H

#include <stdint.h>

#include "err.h"
#include "gguf.h"

#define MODEL_LAYERS 512u

enum matrix { M_Q, M_K, M_V, M_O, M_GATE, M_UP, M_DOWN, M_COUNT };

struct layer {
	const struct gguf_tensor *norm1, *norm2, *m[M_COUNT];
};

struct model {
	struct gguf file;
	uint32_t vocab, dim, layers, heads, kv_heads, head, kv_dim, ffn, context, rope;
	float eps, base;
	float *frequency; /* of each of the rope / 2 rotations */
	const struct gguf_tensor *embed, *norm, *output; /* output may be embed */
	struct layer layer[MODEL_LAYERS];
	uint64_t bytes; /* of all tensors that are computed with */
};

/* The model of an open file, which is the model's from then on, also on failure. */
int model_init(struct model *m, const struct gguf *file, struct err *e);
int model_open(struct model *m, const char *path, struct err *e);
void model_close(struct model *m);

#endif
