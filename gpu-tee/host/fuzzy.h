/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzzy extractor, host side: enrolment makes helper data and a secret out of
 * readings of one device. device/extractor.h gets the secret back.
 */
#ifndef HG_FUZZY_H
#define HG_FUZZY_H

#include "error.h"
#include "../device/extractor.h"

/* Bits of min-entropy that must be left of a reading once the helper data is public. */
#define HG_FP_ENTROPY_NEEDED 384u
/* Readings that enrolment wants, at least and at most. */
#define HG_FP_READINGS_MIN 3u
#define HG_FP_READINGS_MAX 64u
/* Parts per million of bits that may differ between readings at enrolment. */
#define HG_FP_NOISE_MAX_PPM 100000u

/* What enrolment found out about the readings; no secret. */
struct hg_fp_quality {
	uint32_t readings;
	uint32_t tiles; /* there are */
	uint32_t bits; /* were chosen */
	uint32_t blocks;
	uint32_t entropy_ppm; /* estimated min-entropy of one chosen bit */
	uint32_t left; /* bits of min-entropy, when the helper is known */
	uint32_t noise_ppm; /* of chosen bits that differ from the mean of all readings */
};

/*
 * Estimated min-entropy per bit in millionths, of @count bits that are one to a
 * byte: the least of several estimators. It sees bias and pattern within one
 * reading, not what all devices of a model share.
 */
uint32_t hg_fp_entropy(const uint8_t *bits, size_t count);

/* Bits of min-entropy left of @blocks blocks. */
uint32_t hg_fp_entropy_left(uint32_t blocks, uint32_t entropy_ppm);

/*
 * Chooses the most reliable tiles, and as few blocks as leave enough. Fails with a reason when
 * the readings are degenerate, too noisy, too short or of different shapes; then @helper and
 * @secret are zeros.
 */
int hg_fp_generate(const struct fp_reading *const *readings, size_t count, struct fp_helper *helper,
		   uint8_t secret[FP_SECRET_BYTES], struct hg_fp_quality *quality,
		   struct hg_gpu_error *err);

/* device/extractor.h's, in C. HG_GPU_E_IDENTITY. @differ may be NULL. */
int hg_fp_reproduce(const struct fp_helper *helper, const struct fp_reading *reading,
		    uint8_t secret[FP_SECRET_BYTES], uint32_t *differ, struct hg_gpu_error *err);

/* The helper is one that the device will take. */
int hg_fp_helper_check(const struct fp_helper *helper, struct hg_gpu_error *err);

#endif
