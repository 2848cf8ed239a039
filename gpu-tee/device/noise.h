/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise of a device that has no random numbers: groups race for one counter, and look at
 * the clock. docs/gpu-protocol.md, "Noise". One work-item a group.
 *
 * Each group increments the shared counter, and sees how far others moved it since and how
 * many ticks that took. Both are stirred into 64 bytes, which the key agreement hashes, and
 * counted by their low four bits. The commonest bounds what an observer who guesses well
 * could know (the "most common value" estimate of SP 800-90B); the better of both counts.
 */
#ifndef HG_NOISE_H
#define HG_NOISE_H

#include "clock.h"
#include "dialect.h"

#define NOISE_GROUPS 16u
#define NOISE_WORDS  16u
/* Steps that one group may take in one launch: a time limit, in effect. */
#define NOISE_STEPS_MAX (1u << 20)
/* Entropy that is asked for, and by how much the estimate must exceed it. */
#define NOISE_BITS   256u
#define NOISE_SAFETY 64u

struct noise_group {
	u32 stirred[NOISE_WORDS];
	u32 steps;
	u32 commonest; /* how many of the steps had the commonest low bits */
};

struct noise {
	u32 counter;
	u32 pad[15]; /* the counter has a cache line of its own */
	struct noise_group group[NOISE_GROUPS];
};

HG_STATIC_ASSERT(sizeof(struct noise) == 64 + 72 * NOISE_GROUPS, "no padding");

/* Plain C is not a device, and its noise is the simulated device's business. */
#if defined(FP_CLOCK) && !defined(HG_PLAIN_C)
#define NOISE_CLOCK(t) FP_CLOCK(t)
#else
#define NOISE_CLOCK(t) ((t) = 0)
#endif

HG_FN u32 noise_commonest(const u32 *seen)
{
	u32 i, most = 0;

	for (i = 0; i < 16; i++)
		most = seen[i] > most ? seen[i] : most;
	return most;
}

HG_FN void noise_collect(HG_GLOBAL struct noise *n, u32 steps)
{
	HG_GLOBAL struct noise_group *to = &n->group[HG_GROUP];
	u32 stirred[NOISE_WORDS], moves[16], ticks[16];
	u64 before = 0, after = 0;
	u32 i, last, most, other;

	for (i = 0; i < 16; i++)
		stirred[i] = moves[i] = ticks[i] = 0;
	last = HG_ATOMIC_ADD(&n->counter, 1u);
	NOISE_CLOCK(before);
	for (i = 0; i < steps; i++) {
		u32 now = HG_ATOMIC_ADD(&n->counter, 1u), moved = now - last, w = i % NOISE_WORDS;
		u32 took;

		NOISE_CLOCK(after);
		took = (u32)(after - before);
		stirred[w] = ((stirred[w] << 5 | stirred[w] >> 27) + moved) ^ took;
		moves[moved & 15]++;
		ticks[took & 15]++;
		last = now;
		before = after;
	}
	for (i = 0; i < 16; i++)
		to->stirred[i] = stirred[i];
	most = noise_commonest(moves);
	other = noise_commonest(ticks);
	to->steps = steps;
	to->commonest = most < other ? most : other;
}

/*
 * 64ths of a bit of min-entropy that one step has at most, when @commonest of @steps
 * were alike: the largest e of the table for which commonest/steps is no more than
 * 2^(-e/64). In whole numbers, as devices round differently.
 */
#define NOISE_SHARES 16
HG_CONST u32 noise_share[NOISE_SHARES][2] = {
	/* e, 65536 * 2^(-e/64) */
	{ 1, 64830 },  { 2, 64132 },   { 4, 62757 },   { 8, 60097 },   { 16, 55109 }, { 24, 50535 },
	{ 32, 46341 }, { 40, 42495 },  { 48, 38968 },  { 56, 35734 },  { 64, 32768 }, { 80, 27554 },
	{ 96, 23170 }, { 104, 21247 }, { 112, 19484 }, { 128, 16384 },
};

HG_FN u32 noise_estimate(u32 commonest, u32 steps)
{
	u32 e = 0, i;

	for (i = 0; i < NOISE_SHARES; i++)
		if ((u64)commonest * 65536 <= (u64)steps * noise_share[i][1])
			e = noise_share[i][0];
	return e;
}

/* Bits of entropy of this launch that may be counted on, after the margin. */
HG_FN u32 noise_bits(HG_GLOBAL const struct noise *n)
{
	u64 parts = 0;
	u32 i;

	for (i = 0; i < NOISE_GROUPS; i++) {
		u32 steps = n->group[i].steps, commonest = n->group[i].commonest;

		if (steps <= NOISE_STEPS_MAX && commonest <= steps)
			parts += (u64)steps * noise_estimate(commonest, steps);
	}
	return (u32)(parts / (64 * NOISE_SAFETY));
}

#endif
