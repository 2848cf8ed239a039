// SPDX-License-Identifier: Apache-2.0
/*
 * Elements of images that clEnqueueFillImage makes (gpu-tee/layer/pixel.c): every half
 * against the compiler's own, and some of each format by hand.
 */
#include "../../gpu-tee/layer/pixel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int failed;

static void is(cl_channel_order order, cl_channel_type type, const void *colour, const void *want,
	       size_t want_size)
{
	cl_image_format format = { order, type };
	unsigned char got[PIXEL_MAX];
	size_t size;

	if (pixel_make(&format, colour, got, &size) && size == want_size &&
	    !memcmp(got, want, size))
		return;
	printf("FAIL: element of format %#x/%#x\n", order, type);
	failed = 1;
}

/* Not every compiler has halves of its own on every machine. */
#ifdef __FLT16_MAX__
static void halves(void)
{
	cl_image_format format = { CL_R, CL_HALF_FLOAT };
	unsigned char got[PIXEL_MAX];
	float colour[4] = { 0 };
	_Float16 want;
	uint32_t bits;
	uint64_t i;
	size_t size;

	for (i = 0; i <= UINT32_MAX; i += 251) {
		bits = (uint32_t)i;
		memcpy(&colour[0], &bits, sizeof(bits));
		if (isnan(colour[0]))
			continue;
		want = (_Float16)colour[0];
		if (!pixel_make(&format, colour, got, &size) || size != 2 ||
		    memcmp(got, &want, 2)) {
			printf("FAIL: half of %#x\n", bits);
			failed = 1;
			return;
		}
	}
}
#else
static void halves(void)
{
}
#endif

int main(void)
{
	const float f[4] = { 1.0f, -0.5f, 0.25f, 2.0f }, depth[1] = { 0.5f };
	const int32_t s[4] = { -1, 300, -70000, 5 };
	const uint32_t u[4] = { 1, 300, 70000, 5 };
	cl_image_format packed = { CL_RGB, CL_UNORM_SHORT_565 };
	unsigned char got[PIXEL_MAX];
	size_t size;

	halves();
	is(CL_RGBA, CL_UNORM_INT8, f, (unsigned char[]){ 255, 0, 64, 255 }, 4);
	is(CL_BGRA, CL_UNORM_INT8, f, (unsigned char[]){ 64, 0, 255, 255 }, 4);
	is(CL_ARGB, CL_UNORM_INT8, f, (unsigned char[]){ 255, 255, 0, 64 }, 4);
	is(CL_RG, CL_SNORM_INT8, f, (int8_t[]){ 127, -64 }, 2);
	is(CL_RA, CL_UNORM_INT16, f, (uint16_t[]){ 65535, 65535 }, 4);
	is(CL_RGBA, CL_SNORM_INT16, f, (int16_t[]){ 32767, -16384, 8192, 32767 }, 8);
	is(CL_RGBA, CL_FLOAT, f, f, 16);
	is(CL_DEPTH, CL_FLOAT, depth, depth, 4);
	is(CL_DEPTH, CL_UNORM_INT16, depth, (uint16_t[]){ 32768 }, 2);
	is(CL_RGBA, CL_SIGNED_INT8, s, (int8_t[]){ -1, 127, -128, 5 }, 4);
	is(CL_RGBA, CL_SIGNED_INT16, s, (int16_t[]){ -1, 300, -32768, 5 }, 8);
	is(CL_RGBA, CL_SIGNED_INT32, s, s, 16);
	is(CL_RGBA, CL_UNSIGNED_INT8, u, (uint8_t[]){ 1, 255, 255, 5 }, 4);
	is(CL_A, CL_UNSIGNED_INT16, u, (uint16_t[]){ 5 }, 2);
	is(CL_RGBA, CL_UNSIGNED_INT32, u, u, 16);
	if (pixel_make(&packed, f, got, &size)) {
		puts("FAIL: a packed format was made");
		failed = 1;
	}
	return failed;
}
