// SPDX-License-Identifier: Apache-2.0
/* Formats: halves exactly, quantized numbers within half a step. */
#include "test.h"

#include <math.h>

#include "quant.h"
#include "rng.h"

static void halves(void **state)
{
	uint32_t h;

	(void)state;
	for (h = 0; h < 0x10000; h++) {
		float f = half_to_float((uint16_t)h);

		if (isnan(f))
			assert_true((h & 0x7c00) == 0x7c00 && (h & 0x3ff));
		else
			assert_int_equal(float_to_half(f), h);
	}
	assert_true(half_to_float(0x3c00) == 1.0f && half_to_float(0xc000) == -2.0f);
	assert_true(half_to_float(1) == 0x1p-24f && half_to_float(0x7bff) == 65504.0f);
	/* To the nearest, ties to even. */
	assert_int_equal(float_to_half(1.0f + 0x1p-11f), 0x3c00);
	assert_int_equal(float_to_half(1.0f + 3 * 0x1p-11f), 0x3c02);
	assert_int_equal(float_to_half(1.0f + 0x1.1p-11f), 0x3c01);
	assert_int_equal(float_to_half(65519.0f), 0x7bff);
	assert_int_equal(float_to_half(65520.0f), 0x7c00);
	assert_int_equal(float_to_half(-1e30f), 0xfc00);
	assert_true(isnan(half_to_float(float_to_half(NAN))));
}

static void round_trip(void **state)
{
	static const struct {
		uint32_t id;
		float step; /* of the greatest number */
	} all[] = { { FMT_F32, 0 },
		    { FMT_F16, 0x1p-11f },
		    { FMT_Q8_0, 0.5f / 127 },
		    { FMT_Q4_0, 1.01f / 8 } };
	float in[256], out[256];
	uint8_t bytes[1024];
	struct rng r = { 7 };
	size_t f, i;
	int times;

	(void)state;
	for (f = 0; f < ARRAY_SIZE(all); f++)
		for (times = 0; times < 100; times++) {
			const struct fmt *fmt = fmt_by_id(all[f].id);
			float scale = powf(2, (float)rng_below(&r, 12) - 6);

			for (i = 0; i < 256; i++)
				in[i] = (rng_float(&r) * 2 - 1) * scale;
			assert_true(fmt_encode(fmt, in, bytes, 256));
			fmt_decode(fmt, bytes, out, 256);
			for (i = 0; i < 256; i++)
				if (fabsf(in[i] - out[i]) > all[f].step * scale * 1.01f)
					fail_msg("%s: %g became %g", fmt->name, (double)in[i],
						 (double)out[i]);
		}
	assert_false(fmt_encode(fmt_by_id(FMT_Q6_K), in, bytes, 256));
}

/* By hand: the number at each of the places that share bytes. */
static void six_bits(void **state)
{
	uint8_t b[210] = { 0 };
	float out[256];

	(void)state;
	b[208] = 0x00, b[209] = 0x3c; /* d = 1 */
	b[192 + 0] = 1; /* scales of numbers 0.., 32.., 64.., 96.. and 240.. */
	b[192 + 2] = 2;
	b[192 + 4] = (uint8_t)-3;
	b[192 + 6] = 4;
	b[192 + 15] = 5;
	b[0] = 0x5a; /* low halves of 0 and 64 */
	b[32] = 0xc3; /* of 32 and 96 */
	b[128] = 0xe4; /* high bits of 0, 32, 64, 96: 0, 1, 2, 3 */
	b[64 + 32 + 31] = 0xf0; /* of 159 + .. and 255 */
	b[128 + 32 + 31] = 0xc0;
	fmt_decode(fmt_by_id(FMT_Q6_K), b, out, 256);
	assert_true(out[0] == 1 * (0xa - 32));
	assert_true(out[32] == 2 * (0x13 - 32));
	assert_true(out[64] == -3 * (0x25 - 32));
	assert_true(out[96] == 4 * (0x3c - 32));
	assert_true(out[255] == 5 * (0x3f - 32));
	assert_true(out[1] == -32 && out[16] == 0);
}

static void names(void **state)
{
	(void)state;
	assert_ptr_equal(fmt_by_name("Q8_0"), fmt_by_id(FMT_Q8_0));
	assert_null(fmt_by_name("q8"));
	assert_null(fmt_by_id(3));
	assert_string_equal(fmt_title(12), "Q4_K");
	assert_string_equal(fmt_title(30), "BF16");
	assert_string_equal(fmt_title(4), "unknown");
	assert_string_equal(fmt_title(UINT32_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(six_bits),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
