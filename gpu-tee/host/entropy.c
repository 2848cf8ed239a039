// SPDX-License-Identifier: Apache-2.0
/*
 * How much a reading can hide: upper bounds of how well its bits are guessed, after the most
 * common value and Markov estimates of NIST SP 800-90B, and the best of the predictors "as
 * the bit d places before" and "not as it".
 */
#include "fuzzy.h"

#include <math.h>

#define LAGS 512
/* Of the normal distribution, for one-sided 99.5 %. */
#define QUANTILE 2.5758293

/* Upper bound of a probability that was seen @hits times in @count. */
static double bound(double hits, double count)
{
	double p = hits / count;

	return fmin(1.0, p + QUANTILE * sqrt(p * (1 - p) / (count - 1)));
}

static double per_bit(double guess)
{
	return guess >= 1 ? 0 : -log2(guess);
}

static double most_common(const uint8_t *bits, size_t count)
{
	double ones = 0;

	for (size_t i = 0; i < count; i++)
		ones += bits[i];
	return per_bit(bound(fmax(ones, (double)count - ones), (double)count));
}

/* The likeliest run of 128 bits of a chain with the transitions that were seen. */
static double markov(const uint8_t *bits, size_t count)
{
	double seen[2][2] = { { 0 } }, start[2], best[2];

	for (size_t i = 1; i < count; i++)
		seen[bits[i - 1]][bits[i]]++;
	for (int from = 0; from < 2; from++) {
		double all = seen[from][0] + seen[from][1];

		start[from] = log2(fmax(all, 1) / (double)(count - 1));
		for (int to = 0; to < 2; to++)
			seen[from][to] = log2(fmax(seen[from][to], 0.5) / fmax(all, 1));
	}
	best[0] = start[0];
	best[1] = start[1];
	for (int i = 1; i < 128; i++) {
		double zero = fmax(best[0] + seen[0][0], best[1] + seen[1][0]);
		double one = fmax(best[0] + seen[0][1], best[1] + seen[1][1]);

		best[0] = zero;
		best[1] = one;
	}
	return fmax(0, fmin(1, -fmax(best[0], best[1]) / 128));
}

/* The best of many is above the mean by chance already: no bound is added. */
static double lag(const uint8_t *bits, size_t count)
{
	double worst = 0.5;

	for (size_t d = 1; d <= LAGS && d < count / 2; d++) {
		uint32_t same = 0, all = (uint32_t)(count - d);

		for (size_t i = d; i < count; i++)
			same += bits[i] == bits[i - d];
		worst = fmax(worst, (double)(same > all - same ? same : all - same) / all);
	}
	return per_bit(worst);
}

uint32_t hg_fp_entropy(const uint8_t *bits, size_t count)
{
	if (count < 2 * LAGS)
		return 0;
	return (uint32_t)(1e6 * fmin(most_common(bits, count),
				     fmin(markov(bits, count), lag(bits, count))));
}

/* A block's helper gives away its length less the code's dimension, no more. */
uint32_t hg_fp_entropy_left(uint32_t blocks, uint32_t entropy_ppm)
{
	const struct bch_code code = BCH_255_131;
	uint64_t has = (uint64_t)FP_BLOCK_BITS * blocks * entropy_ppm / 1000000;
	uint64_t lost = (uint64_t)(FP_BLOCK_BITS - code.k) * blocks;

	return has > lost ? (uint32_t)(has - lost) : 0;
}
