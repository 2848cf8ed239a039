// SPDX-License-Identifier: Apache-2.0
#include "pixel.h"

#include <math.h>
#include <string.h>

int pixel_order(cl_channel_order order, int component[4])
{
	static const struct {
		cl_channel_order order;
		int count, component[4];
	} known[] = {
		{ CL_R, 1, { 0 } },
		{ CL_A, 1, { 3 } },
		{ CL_INTENSITY, 1, { 0 } },
		{ CL_LUMINANCE, 1, { 0 } },
		{ CL_DEPTH, 1, { 0 } },
		{ CL_RG, 2, { 0, 1 } },
		{ CL_RA, 2, { 0, 3 } },
		{ CL_RGBA, 4, { 0, 1, 2, 3 } },
		{ CL_BGRA, 4, { 2, 1, 0, 3 } },
		{ CL_ARGB, 4, { 3, 0, 1, 2 } },
		{ CL_ABGR, 4, { 3, 2, 1, 0 } },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].order == order) {
			memcpy(component, known[i].component, sizeof(known[i].component));
			return known[i].count;
		}
	return 0;
}

/* To the nearest, ties to even; too small becomes 0 or a denormal, too large infinity. */
static uint16_t half_of(float f)
{
	uint32_t bits, sign, mantissa, rest, shift;
	int exponent;

	memcpy(&bits, &f, sizeof(bits));
	sign = bits >> 16 & 0x8000u;
	exponent = (int)(bits >> 23 & 0xff) - 112;
	mantissa = bits & 0x7fffffu;
	if (exponent == 143)
		return (uint16_t)(sign | 0x7c00u | (mantissa ? 0x200u : 0));
	if (exponent >= 31)
		return (uint16_t)(sign | 0x7c00u);
	if (exponent < -10)
		return (uint16_t)sign;
	shift = 13;
	if (exponent <= 0) {
		mantissa |= 0x800000u;
		shift = (uint32_t)(14 - exponent);
		exponent = 0;
	}
	rest = mantissa & ((1u << shift) - 1);
	mantissa >>= shift;
	if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && mantissa & 1))
		mantissa++;
	return (uint16_t)(sign | (((uint32_t)exponent << 10) + mantissa));
}

static int32_t scaled(float f, float low, float scale)
{
	float v = f < low ? low : f > 1.0f ? 1.0f : f;

	return isnan(f) ? 0 : (int32_t)lrintf(v * scale);
}

static int64_t limited(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* Writes the component at @out; its bytes, or 0. */
static size_t put(cl_channel_type type, float f, int32_t i, uint32_t u, unsigned char *out)
{
	uint32_t v;
	size_t size;

	switch (type) {
	case CL_UNORM_INT8:
		v = (uint32_t)scaled(f, 0.0f, 255.0f), size = 1;
		break;
	case CL_UNORM_INT16:
		v = (uint32_t)scaled(f, 0.0f, 65535.0f), size = 2;
		break;
	case CL_SNORM_INT8:
		v = (uint32_t)scaled(f, -1.0f, 127.0f), size = 1;
		break;
	case CL_SNORM_INT16:
		v = (uint32_t)scaled(f, -1.0f, 32767.0f), size = 2;
		break;
	case CL_SIGNED_INT8:
		v = (uint32_t)limited(i, INT8_MIN, INT8_MAX), size = 1;
		break;
	case CL_SIGNED_INT16:
		v = (uint32_t)limited(i, INT16_MIN, INT16_MAX), size = 2;
		break;
	case CL_SIGNED_INT32:
		v = (uint32_t)i, size = 4;
		break;
	case CL_UNSIGNED_INT8:
		v = (uint32_t)limited(u, 0, UINT8_MAX), size = 1;
		break;
	case CL_UNSIGNED_INT16:
		v = (uint32_t)limited(u, 0, UINT16_MAX), size = 2;
		break;
	case CL_UNSIGNED_INT32:
		v = u, size = 4;
		break;
	case CL_HALF_FLOAT:
		v = half_of(f), size = 2;
		break;
	case CL_FLOAT:
		memcpy(&v, &f, sizeof(v)), size = 4;
		break;
	default:
		return 0;
	}
	memcpy(out, &v, size);
	return size;
}

bool pixel_make(const cl_image_format *format, const void *colour, unsigned char pixel[PIXEL_MAX],
		size_t *size)
{
	bool depth = format->image_channel_order == CL_DEPTH;
	float f[4] = { 0 };
	int32_t i[4] = { 0 };
	uint32_t u[4] = { 0 };
	int component[4], count = pixel_order(format->image_channel_order, component), k;
	size_t n;

	memcpy(f, colour, depth ? sizeof(f[0]) : sizeof(f));
	if (!depth) {
		memcpy(i, colour, sizeof(i));
		memcpy(u, colour, sizeof(u));
	}
	*size = 0;
	for (k = 0; k < count; k++) {
		n = put(format->image_channel_data_type, f[component[k]], i[component[k]],
			u[component[k]], pixel + *size);
		if (!n)
			return false;
		*size += n;
	}
	return count > 0;
}
