/* SPDX-License-Identifier: Apache-2.0 */
/* A small generator of numbers that are the same on every machine (splitmix64). */
#ifndef LLAMA_RNG_H
#define LLAMA_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Below @n; the bias of the remainder does not matter for what is small. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) % n);
}

/* In [0, 1). */
static inline float rng_float(struct rng *r)
{
	return (float)(rng_next(r) >> 40) * 0x1p-24f;
}

#endif
