// SPDX-License-Identifier: Apache-2.0
#include "quant.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "err.h"

static const struct fmt formats[] = {
	{ "f32", FMT_F32, 1, 4 },	{ "f16", FMT_F16, 1, 2 },
	{ "q4_0", FMT_Q4_0, 32, 18 }, /* half scale, 32 nibbles */
	{ "q8_0", FMT_Q8_0, 32, 34 }, /* half scale, 32 bytes */
	{ "q6_k", FMT_Q6_K, 256, 210 }, /* 256 x 4 bits, x 2 bits, 16 scales, half scale */
};

const struct fmt *fmt_by_id(uint32_t id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].id == id)
			return &formats[i];
	return NULL;
}

const struct fmt *fmt_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcasecmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

const char *fmt_title(uint32_t id)
{
	static const char *const titles[] = {
		"F32",	"F16",	"Q4_0", "Q4_1", NULL,	NULL,	"Q5_0", "Q5_1",
		"Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K",
	};

	if (id == 30)
		return "BF16";
	return id < ARRAY_SIZE(titles) && titles[id] ? titles[id] : "unknown";
}

float half_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, mantissa = h & 0x3ff, exponent = h >> 10 & 31;
	uint32_t bits;
	float f;

	if (!exponent) {
		f = (float)mantissa * 0x1p-24f;
		return sign ? -f : f;
	}
	bits = sign | mantissa << 13 | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23);
	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* To the nearest, ties to even; what is too large becomes infinite. */
uint16_t float_to_half(float f)
{
	uint32_t bits, sign, round;

	memcpy(&bits, &f, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	bits &= 0x7fffffff;
	if (bits > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (bits >= 0x477ff000)
		return (uint16_t)(sign | 0x7c00);
	if (bits < 0x38800000) /* denormal */
		return (uint16_t)(sign | (uint32_t)lrintf(fabsf(f) * 0x1p24f));
	round = (bits & 0x1fff) + (bits >> 13 & 1) > 0x1000;
	return (uint16_t)(sign | ((bits >> 13) - (112 << 10) + round));
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void decode_q8_0(const uint8_t *p, float *dst)
{
	float d = half_to_float(get16(p));
	int i;

	for (i = 0; i < 32; i++)
		dst[i] = d * (float)(int8_t)p[2 + i];
}

static void decode_q4_0(const uint8_t *p, float *dst)
{
	float d = half_to_float(get16(p));
	int i;

	for (i = 0; i < 16; i++) {
		dst[i] = d * (float)((p[2 + i] & 15) - 8);
		dst[i + 16] = d * (float)((p[2 + i] >> 4) - 8);
	}
}

/* Halves of 128: four runs of 32 share the bytes of ql (nibbles) and qh (2 bits). */
static void decode_q6_k(const uint8_t *p, float *dst)
{
	const uint8_t *ql = p, *qh = p + 128;
	const int8_t *scale = (const int8_t *)p + 192;
	float d = half_to_float(get16(p + 208));
	int half, i;

	for (half = 0; half < 2; half++, ql += 64, qh += 32, scale += 8, dst += 128)
		for (i = 0; i < 32; i++) {
			int s = i / 16;

			dst[i] = d * scale[s] * (float)(((ql[i] & 15) | (qh[i] & 3) << 4) - 32);
			dst[i + 32] = d * scale[s + 2] *
				      (float)(((ql[i + 32] & 15) | (qh[i] >> 2 & 3) << 4) - 32);
			dst[i + 64] = d * scale[s + 4] *
				      (float)((ql[i] >> 4 | (qh[i] >> 4 & 3) << 4) - 32);
			dst[i + 96] = d * scale[s + 6] *
				      (float)((ql[i + 32] >> 4 | (qh[i] >> 6 & 3) << 4) - 32);
		}
}

void fmt_decode(const struct fmt *f, const uint8_t *src, float *dst, size_t n)
{
	size_t i;

	switch (f->id) {
	case FMT_F32:
		memcpy(dst, src, n * 4);
		return;
	case FMT_F16:
		for (i = 0; i < n; i++)
			dst[i] = half_to_float(get16(src + 2 * i));
		return;
	}
	for (i = 0; i < n; i += f->block, src += f->size, dst += f->block) {
		if (f->id == FMT_Q8_0)
			decode_q8_0(src, dst);
		else if (f->id == FMT_Q4_0)
			decode_q4_0(src, dst);
		else
			decode_q6_k(src, dst);
	}
}

static void encode_q8_0(const float *src, uint8_t *p)
{
	float max = 0, d;
	int i;

	for (i = 0; i < 32; i++)
		max = fmaxf(max, fabsf(src[i]));
	put16(p, float_to_half(max / 127));
	d = half_to_float(get16(p));
	for (i = 0; i < 32; i++) {
		long q = d > 0 ? lrintf(src[i] / d) : 0;

		p[2 + i] = (uint8_t)(int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
	}
}

/* The number farthest from zero becomes -8, the only side that has a ninth step. */
static void encode_q4_0(const float *src, uint8_t *p)
{
	float far = 0, d;
	int i;

	for (i = 0; i < 32; i++)
		if (fabsf(src[i]) > fabsf(far))
			far = src[i];
	put16(p, float_to_half(far / -8));
	d = half_to_float(get16(p));
	memset(p + 2, 0, 16);
	for (i = 0; i < 32; i++) {
		long q = d != 0 ? lrintf(src[i] / d) + 8 : 8;

		q = q > 15 ? 15 : q < 0 ? 0 : q;
		p[2 + i % 16] |= (uint8_t)(i < 16 ? q : q << 4);
	}
}

_Bool fmt_encode(const struct fmt *f, const float *src, uint8_t *dst, size_t n)
{
	size_t i;

	switch (f->id) {
	case FMT_F32:
		memcpy(dst, src, n * 4);
		return 1;
	case FMT_F16:
		for (i = 0; i < n; i++)
			put16(dst + 2 * i, float_to_half(src[i]));
		return 1;
	case FMT_Q8_0:
	case FMT_Q4_0:
		for (i = 0; i < n; i += 32, src += 32, dst += f->size)
			if (f->id == FMT_Q8_0)
				encode_q8_0(src, dst);
			else
				encode_q4_0(src, dst);
		return 1;
	}
	return 0;
}
