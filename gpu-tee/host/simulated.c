// SPDX-License-Identifier: Apache-2.0
#include "simulated.h"

#include <math.h>

/* One cycle, in the units of a cell: clocks count whole cycles, sums of walks do not. */
#define CELL_SCALE 64.0
#define BASE	   400.0
#define WARMTH	   2e-4 /* relative change of latency for a degree */
#define UNEVEN	   0.05 /* of which this part differs from cell to cell */

/* splitmix64, of a place and a seed: any cell without those before it. */
static uint64_t mix(uint64_t seed, uint64_t stream, uint64_t place)
{
	uint64_t z = seed + stream * 0xd1342543de82ef95u + (place + 1) * 0x9e3779b97f4a7c15u;

	for (int i = 0; i < 2; i++) {
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		z ^= z >> 31;
	}
	return z;
}

/*
 * The sum of four even distributions has nearly the normal shape, and a contrast, of
 * four cells, more nearly so. It costs no logarithm.
 */
static double gauss(uint64_t seed, uint64_t stream, uint64_t place)
{
	uint64_t z = mix(seed, stream, place);
	uint32_t sum =
		(uint32_t)((z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48));

	return ((double)sum - 2 * 65535.0) / 65536.0 * 1.7320508;
}

/* What a unit or a region adds to all its cells: contrasts do not see it. */
static double offset(uint64_t seed, uint64_t stream, uint64_t place)
{
	return (double)(mix(seed, stream, place) >> 40) / (1 << 24) * 40;
}

enum stream { OWN = 1, MODEL, UNIT, REGION, NOISE, DRIFT, HEAT };

void hg_sim_defaults(struct hg_sim_device *d, uint64_t serial)
{
	*d = (struct hg_sim_device){
		.serial = serial,
		.model = 1,
		.units = 128,
		.regions = 512,
		.spread = 1,
		.temperature = 50,
	};
	d->noise = hg_sim_noise(d->spread, 0.05);
}

/* Truth and truth + noise are two Gaussians whose signs differ so often. */
double hg_sim_noise(double spread, double bit_errors)
{
	return spread * tan(M_PI * bit_errors);
}

void hg_sim_read(const struct hg_sim_device *d, uint64_t seed, struct fp_reading *reading)
{
	double warm = WARMTH * (d->temperature - 50);

	reading->units = d->units;
	reading->regions = d->regions;
	for (uint32_t u = 0; u < d->units; u++)
		for (uint32_t r = 0; r < d->regions; r++) {
			uint32_t at = u * d->regions + r;
			double c = BASE + offset(d->model, UNIT, u) + offset(d->model, REGION, r) +
				   d->spread * gauss(d->serial, OWN, at);

			if (d->shared > 0)
				c += d->shared * gauss(d->model, MODEL, at);
			if (d->drift > 0)
				c += d->drift * gauss(d->serial, DRIFT, at);
			if (warm != 0)
				c *= 1 + warm * (1 + UNEVEN * gauss(d->serial, HEAT, at));
			if (d->noise > 0)
				c += d->noise * gauss(seed, NOISE, at);
			reading->cell[at] = (uint32_t)(fmax(c, 1) * CELL_SCALE);
		}
}

void hg_sim_identity(const struct hg_sim_device *d, struct hg_fp_identity *id)
{
	id->simulated = true;
	hg_fp_set(id, "simulated.model", "simulated, model %llu, %u units, %u regions",
		  (unsigned long long)d->model, d->units, d->regions);
	hg_fp_set(id, "simulated.serial", "%016llx",
		  (unsigned long long)mix(d->serial, OWN, UINT64_MAX - 1));
}
