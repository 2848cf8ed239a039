/* SPDX-License-Identifier: Apache-2.0 */
/* The number formats of tensors: how many bytes, and to float and back. */
#ifndef LLAMA_QUANT_H
#define LLAMA_QUANT_H

#include <stddef.h>
#include <stdint.h>

/* GGUF's numbers. */
#define FMT_F32	 0u
#define FMT_F16	 1u
#define FMT_Q4_0 2u
#define FMT_Q8_0 8u
#define FMT_Q6_K 14u

struct fmt {
	const char *name;
	uint32_t id;
	uint32_t block; /* numbers */
	uint32_t size; /* bytes of a block */
};

/* NULL when the program cannot compute with it. */
const struct fmt *fmt_by_id(uint32_t id);
const struct fmt *fmt_by_name(const char *name);
/* What GGUF calls it, also when the program cannot compute with it. */
const char *fmt_title(uint32_t id);

float half_to_float(uint16_t h);
uint16_t float_to_half(float f);

/* @n is a multiple of the block. */
void fmt_decode(const struct fmt *f, const uint8_t *src, float *dst, size_t n);
/* Not to Q6_K, which is only read: false. */
_Bool fmt_encode(const struct fmt *f, const float *src, uint8_t *dst, size_t n);

#endif
