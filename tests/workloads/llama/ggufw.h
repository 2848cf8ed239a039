/* SPDX-License-Identifier: Apache-2.0 */
/* Writes GGUF files: for models that the project makes itself, and for tests. */
#ifndef LLAMA_GGUFW_H
#define LLAMA_GGUFW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "quant.h"

#define GGUFW_TENSORS 2048

struct ggufw_tensor {
	char name[64];
	uint32_t dims;
	uint64_t ne[2]; /* ne[0]: the length of a row */
	const struct fmt *fmt;
	uint64_t size, offset;
};

struct ggufw {
	uint8_t *kv;
	size_t kv_size, kv_room;
	uint64_t kv_count;
	struct ggufw_tensor tensor[GGUFW_TENSORS];
	size_t tensors;
	uint64_t data; /* bytes of all tensors, padded */
};

void ggufw_free(struct ggufw *w);
void ggufw_u32(struct ggufw *w, const char *key, uint32_t v);
void ggufw_f32(struct ggufw *w, const char *key, float v);
void ggufw_bool(struct ggufw *w, const char *key, bool v);
void ggufw_string(struct ggufw *w, const char *key, const char *v);
void ggufw_strings(struct ggufw *w, const char *key, const char *const *v, size_t n);
void ggufw_f32s(struct ggufw *w, const char *key, const float *v, size_t n);
void ggufw_i32s(struct ggufw *w, const char *key, const int32_t *v, size_t n);
/* @rows is 0 for a vector. */
void ggufw_tensor(struct ggufw *w, const char *name, uint64_t row, uint64_t rows,
		  const struct fmt *fmt);
/* @fill writes the bytes of tensor @i; not 0 when it could not. */
int ggufw_write(const struct ggufw *w, const char *path,
		int (*fill)(void *arg, const struct ggufw_tensor *t, FILE *f), void *arg,
		struct err *e);

#endif
