/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading: how long each unit takes to reach each region of memory, measured by
 * the device's own clock. Shared dialect; device/fingerprint.cl has the kernels.
 *
 * The arena is one buffer, cut into regions. In each a chain of words is laid, one
 * to a line of FP_LINE words: each holds the place of the next, so that loads
 * cannot overlap. A cell is the shortest of several walks along the chain.
 */
#ifndef HG_DEVICE_BEHAVIOUR_H
#define HG_DEVICE_BEHAVIOUR_H

#include "clock.h"
#include "dialect.h"
#include "extractor.h"

#define FP_LINE	    32 /* words: 128 bytes, a line or a sector pair everywhere */
#define FP_CHAIN    8 /* lines of a region */
#define FP_REGION   (FP_LINE * FP_CHAIN) /* words */
#define FP_UNSEEN   0xffffffffu
#define FP_CELL_TOP 0x0fffffffu /* so that contrasts stay within an int */

#if defined(__OPENCL_VERSION__)
#define FP_MIN(p, v) atomic_min((volatile __global u32 *)(p), (v))
#elif defined(__CUDACC__) || defined(__CUDA__)
#define FP_MIN(p, v) atomicMin((p), (v))
#else
#define FP_MIN(p, v) (*(p) = *(p) < (v) ? *(p) : (v))
#endif

/* Kinds of clock, for the host to ask. */
#define FP_CLOCK_NONE  0
#define FP_CLOCK_UNITS 1 /* and the unit that a work-group runs on is known */
#define FP_CLOCK_ONLY  2

HG_FN u32 fp_clock_kind(void)
{
#if !defined(FP_CLOCK)
	return FP_CLOCK_NONE;
#elif defined(FP_UNIT)
	return FP_CLOCK_UNITS;
#else
	return FP_CLOCK_ONLY;
#endif
}

/* Lays the chain of @region. The order of its lines is the same in each, and no stride. */
HG_FN void fp_lay(HG_GLOBAL u32 *arena, u32 region)
{
	u32 base = region * FP_REGION;

	for (u32 i = 0; i < FP_CHAIN; i++) {
		u32 from = i * 5 % FP_CHAIN, to = (i + 1) * 5 % FP_CHAIN;

		arena[base + from * FP_LINE] = base + to * FP_LINE;
	}
}

HG_FN void fp_clear(HG_GLOBAL struct fp_reading *r, u32 units, u32 regions, u32 first, u32 step)
{
	if (!first) {
		r->units = units;
		r->regions = regions;
	}
	for (u32 i = first; i < units * regions && i < FP_CELLS_MAX; i += step)
		r->cell[i] = FP_UNSEEN;
}

#if defined(FP_CLOCK)
/*
 * One walk: clock, loads of which each needs the one before, clock. The store is
 * there to be waited for: no clock is read before the last load is done.
 */
HG_FN u32 fp_walk(HG_GLOBAL const volatile u32 *arena, u32 at, HG_GLOBAL volatile u32 *sink)
{
	u64 start, end;
	u32 steps = FP_CHAIN;

	FP_CLOCK(start);
	while (steps--)
		at = arena[at];
	*sink = at;
	FP_CLOCK(end);
	end -= start;
	return end < FP_CELL_TOP ? (u32)end : FP_CELL_TOP;
}
#endif

/*
 * All regions, from the unit that runs this; @group stands for it where the hardware does not
 * tell. @sink has a word for each group.
 */
HG_FN void fp_measure_unit(HG_GLOBAL const volatile u32 *arena, HG_GLOBAL struct fp_reading *r,
			   u32 group, u32 walks, HG_GLOBAL volatile u32 *sink)
{
#if defined(FP_CLOCK)
	u32 unit = group, regions = r->regions;

#if defined(FP_UNIT)
	FP_UNIT(unit);
#endif
	if (unit >= r->units || !fp_shape_ok(r->units, regions))
		return;
	for (u32 region = 0; region < regions; region++) {
		u32 least = FP_CELL_TOP;

		for (u32 i = 0; i < walks; i++) {
			u32 took = fp_walk(arena, region * FP_REGION, sink + group);

			least = took < least ? took : least;
		}
		FP_MIN(&r->cell[unit * regions + region], least);
	}
#else
	(void)arena;
	(void)r;
	(void)group;
	(void)walks;
	(void)sink;
#endif
}

#endif
