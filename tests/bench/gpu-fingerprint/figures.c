// SPDX-License-Identifier: Apache-2.0
/*
 * Error rates of the fingerprint, as tables in Markdown: figures DEVICES [PART]. Simulated
 * devices as a population, of models that share something, and after changes; then how well
 * readings of the first OpenCL device repeat, and how long things take there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity_cl.h"
#include "probe.h"
#include "simulated.h"

#define READINGS  4
#define IMPOSTORS 5
#define RUNS	  60
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

static struct hg_gpu_error err;
static struct fp_reading enrolled[READINGS], now;
static struct fp_helper helper;
static struct hg_fp_quality quality;
static uint8_t secret[32];
static uint64_t random_state = 1;

static void stop(const char *what)
{
	fprintf(stderr, "figures: %s: %s\n", what, err.text);
	exit(1);
}

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int enrol(const struct hg_sim_device *d)
{
	const struct fp_reading *list[READINGS];

	for (int i = 0; i < READINGS; i++) {
		hg_sim_read(d, next_random(), &enrolled[i]);
		list[i] = &enrolled[i];
	}
	return hg_fp_generate(list, READINGS, &helper, secret, &quality, &err);
}

static int reproduces(const struct fp_reading *r)
{
	uint8_t out[32];

	return !hg_fp_reproduce(&helper, r, out, NULL, NULL) && !memcmp(out, secret, 32);
}

static int is_chosen(uint32_t tile)
{
	return helper.mask[tile / 32] >> tile % 32 & 1;
}

/* The bit that enrolment saw: of the sum of its readings. */
static uint32_t enrolled_bit(uint32_t tile)
{
	int64_t sum = 0;

	for (int i = 0; i < READINGS; i++)
		sum += fp_contrast(&enrolled[i], helper.regions, tile);
	return sum > 0;
}

/* Part of the chosen bits of @r that are not as enrolled. */
static double distance(const struct fp_reading *r)
{
	uint32_t differ = 0, tiles = fp_tiles(helper.units, helper.regions);

	for (uint32_t t = 0; t < tiles; t++)
		if (is_chosen(t))
			differ += fp_bit(r, helper.regions, t) != enrolled_bit(t);
	return (double)differ / (helper.blocks * FP_BLOCK_BITS);
}

/* A reading in which each bit is inverted with probability @p, whatever its strength. */
static void flip(double p)
{
	uint32_t tiles = fp_tiles(helper.units, helper.regions), regions = helper.regions;

	now.units = helper.units;
	now.regions = regions;
	for (uint32_t t = 0; t < tiles; t++) {
		if (!is_chosen(t))
			continue;
		uint32_t at = t / (regions / 2) * 2 * regions + t % (regions / 2) * 2;
		uint32_t wrong = (double)(next_random() >> 11) / 9007199254740992.0 < p;
		uint32_t high = 100 + (enrolled_bit(t) ^ wrong);

		now.cell[at] = high;
		now.cell[at + 1] = now.cell[at + regions] = now.cell[at + regions + 1] = 100;
		now.cell[at + 1] += high == 100; /* never a tie */
	}
}

/* ---- Simulated devices ---- */

static const double rates[] = { 0.02, 0.04, 0.06, 0.08, 0.10, 0.12, 0.14, 0.15, 0.16, 0.18, 0.20 };
static const double noises[] = { 0.05, 0.10, 0.15, 0.20, 0.25, 0.30 };
static const double thresholds[] = { 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.47, 0.48 };

struct tally {
	uint32_t devices, refused, blocks;
	double left, entropy;
	uint32_t rejected[COUNT(rates)];
	uint32_t noisy_rejected[COUNT(noises)];
	double noisy_distance[COUNT(noises)];
	uint32_t foreign, accepted;
	double nearest, farthest, sum;
	uint32_t below[COUNT(thresholds)]; /* foreign readings within it */
	uint32_t above[2][COUNT(thresholds)]; /* own ones beyond it, at 10 % and 20 % */
};

static void try_rates(struct tally *t)
{
	for (size_t i = 0; i < COUNT(rates); i++) {
		double d;

		flip(rates[i]);
		t->rejected[i] += !reproduces(&now);
		if (rates[i] != 0.10 && rates[i] != 0.20)
			continue;
		d = distance(&now);
		for (size_t j = 0; j < COUNT(thresholds); j++)
			t->above[rates[i] == 0.20][j] += d > thresholds[j];
	}
}

static void try_noises(struct tally *t, struct hg_sim_device d)
{
	for (size_t i = 0; i < COUNT(noises); i++) {
		d.noise = hg_sim_noise(d.spread, noises[i]);
		hg_sim_read(&d, next_random(), &now);
		t->noisy_rejected[i] += !reproduces(&now);
		t->noisy_distance[i] += distance(&now);
	}
}

static void try_foreign(struct tally *t, struct hg_sim_device d, uint32_t count)
{
	uint64_t own = d.serial;

	for (uint32_t i = 0; i < count; i++) {
		double x;

		d.serial = own + 1 + next_random() % 1000000;
		hg_sim_read(&d, next_random(), &now);
		x = distance(&now);
		t->foreign++;
		t->accepted += (uint32_t)reproduces(&now);
		t->sum += x;
		t->nearest = x < t->nearest ? x : t->nearest;
		t->farthest = x > t->farthest ? x : t->farthest;
		for (size_t j = 0; j < COUNT(thresholds); j++)
			t->below[j] += x <= thresholds[j];
	}
}

static void population(uint32_t devices)
{
	struct tally t = { .nearest = 1 };

	for (uint32_t i = 0; i < devices; i++) {
		struct hg_sim_device d;

		hg_sim_defaults(&d, 1 + i);
		if (enrol(&d)) {
			t.refused++;
			continue;
		}
		t.devices++;
		t.left += quality.left;
		t.entropy += quality.entropy_ppm;
		t.blocks += quality.blocks;
		try_rates(&t);
		try_noises(&t, d);
		try_foreign(&t, d, IMPOSTORS);
	}
	printf("%u simulated devices enrolled, %u refused; blocks %.2f, entropy of a bit %.4f, bits left %.0f (means)\n\n",
	       t.devices, t.refused, (double)t.blocks / t.devices, t.entropy / t.devices / 1e6,
	       t.left / t.devices);
	puts("| bits inverted, any | false reject |\n| --- | --- |");
	for (size_t i = 0; i < COUNT(rates); i++)
		printf("| %.0f %% | %u of %u |\n", rates[i] * 100, t.rejected[i], t.devices);
	puts("\n| noise: of all bits | of the chosen bits | false reject |\n| --- | --- | --- |");
	for (size_t i = 0; i < COUNT(noises); i++)
		printf("| %.0f %% | %.3f %% | %u of %u |\n", noises[i] * 100,
		       t.noisy_distance[i] / t.devices * 100, t.noisy_rejected[i], t.devices);
	printf("\nForeign devices accepted: %u of %u; distance %.4f to %.4f, mean %.4f\n\n",
	       t.accepted, t.foreign, t.nearest, t.farthest, t.sum / t.foreign);
	puts("| threshold of distance | false accept | false reject at 10 % | at 20 % |\n| --- | --- | --- | --- |");
	for (size_t j = 0; j < COUNT(thresholds); j++)
		printf("| %.2f | %u of %u | %u of %u | %u of %u |\n", thresholds[j], t.below[j],
		       t.foreign, t.above[0][j], t.devices, t.above[1][j], t.devices);
}

/* What devices of a model have in common makes them alike. */
static void shared_part(uint32_t devices)
{
	static const double parts[] = { 0, 0.5, 1, 1.5, 2, 3 };

	puts("\n| shared part : own part | distance of foreign devices, mean | false accept |\n| --- | --- | --- |");
	for (size_t i = 0; i < COUNT(parts); i++) {
		struct tally t = { .nearest = 1 };

		for (uint32_t k = 0; k < devices; k++) {
			struct hg_sim_device d;

			hg_sim_defaults(&d, 100000 + k);
			d.shared = parts[i];
			if (enrol(&d))
				continue;
			try_foreign(&t, d, 3);
		}
		printf("| %.1f | %.3f | %u of %u |\n", parts[i], t.sum / t.foreign, t.accepted,
		       t.foreign);
	}
}

static void changes(uint32_t devices)
{
	static const struct {
		const char *name;
		double temperature, drift;
	} cases[] = { { "none", 50, 0 },       { "20 degrees", 70, 0 },
		      { "40 degrees", 90, 0 }, { "drift of 0.25 of the own part", 50, 0.25 },
		      { "0.5", 50, 0.5 },      { "1.0", 50, 1 },
		      { "1.5", 50, 1.5 } };
	double sum[COUNT(cases)] = { 0 };
	uint32_t rejected[COUNT(cases)] = { 0 }, count = 0;

	for (uint32_t k = 0; k < devices; k++) {
		struct hg_sim_device d;

		hg_sim_defaults(&d, 200000 + k);
		if (enrol(&d))
			continue;
		count++;
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct hg_sim_device later = d;

			later.temperature = cases[i].temperature;
			later.drift = cases[i].drift;
			hg_sim_read(&later, next_random(), &now);
			sum[i] += distance(&now);
			rejected[i] += !reproduces(&now);
		}
	}
	puts("\n| change since enrolment | chosen bits that differ | false reject |\n| --- | --- | --- |");
	for (size_t i = 0; i < COUNT(cases); i++)
		printf("| %s | %.3f %% | %u of %u |\n", cases[i].name, sum[i] / count * 100,
		       rejected[i], count);
}

/* ---- The device at hand ---- */

static double clock_ms(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double milliseconds(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* Of all threads: what another program's load does not lengthen. */
static double worked;

static void work_starts(void)
{
	worked = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void times(const char *what, double *ms, size_t count)
{
	worked = (clock_ms(CLOCK_PROCESS_CPUTIME_ID) - worked) / (double)count;
	qsort(ms, count, sizeof(*ms), ascending);
	printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", what, ms[0], ms[count / 2], ms[count - 1],
	       worked);
}

static void repeatability(const struct fp_reading *r)
{
	uint32_t tiles = fp_tiles(r->units, r->regions), ties = 0;
	double sum = 0, least = 1, most = 0;
	const struct fp_reading *list[8];

	for (int i = 8; i < RUNS; i++) {
		uint32_t differ = 0;
		double x;

		for (uint32_t t = 0; t < tiles; t++) {
			int64_t mean = 0;

			for (int k = 0; k < 8; k++)
				mean += fp_contrast(&r[k], r->regions, t);
			differ += fp_bit(&r[i], r->regions, t) != (mean > 0);
			ties += !fp_contrast(&r[i], r->regions, t);
		}
		x = (double)differ / tiles;
		sum += x;
		least = x < least ? x : least;
		most = x > most ? x : most;
	}
	printf("\n%u contrasts in %d readings, against the first 8: %.3f to %.3f differ, mean %.3f; ties %.3f\n",
	       tiles, RUNS - 8, least, most, sum / (RUNS - 8), (double)ties / (RUNS - 8) / tiles);
	for (int i = 0; i < 8; i++)
		list[i] = &r[i];
	printf("enrolment: %s\n",
	       hg_fp_generate(list, 8, &helper, secret, &quality, &err) ? err.text : "accepted");
}

static void measure(struct hg_probe *p)
{
	struct fp_reading *r = calloc(RUNS, sizeof(*r));
	double ms[RUNS];

	if (!r)
		exit(1);
	work_starts();
	for (int i = 0; i < RUNS; i++) {
		double start = milliseconds();

		if (hg_probe_measure(p, &err)) {
			printf("\nno readings: %s\n", err.text);
			free(r);
			return;
		}
		ms[i] = milliseconds() - start;
		if (hg_probe_fetch(p, &r[i], &err))
			stop("reading");
	}
	times("measure", ms, RUNS);
	repeatability(r);
	free(r);
}

static void device_at_hand(void)
{
	cl_device_id devices[HG_CL_DEVICES_MAX];
	struct hg_fp_identity id = { 0 };
	struct hg_sim_device d;
	struct hg_fp_evidence e;
	struct hg_clapi api;
	struct hg_probe *p;
	double ms[RUNS], start = milliseconds();

	if (hg_clapi_open(&api, &err) || hg_clapi_devices(&api, devices, &err) < 1)
		stop("no OpenCL device");
	printf("\nfirst contact with the driver: %.0f ms\n", milliseconds() - start);
	start = milliseconds();
	if (hg_probe_open(&api, devices[0], &p, &err))
		stop("probe");
	printf("building the program: %.0f ms\n\n", milliseconds() - start);
	puts("| ms | least | median | most | of processor, mean |\n| --- | --- | --- | --- | --- |");
	work_starts();
	for (int i = 0; i < RUNS; i++) {
		start = milliseconds();
		if (hg_cl_identity(&api, devices[0], &id, &err))
			stop("identity");
		ms[i] = milliseconds() - start;
	}
	times("identity", ms, RUNS);
	hg_sim_defaults(&d, 1);
	if (enrol(&d))
		stop("enrolment");
	d.noise = hg_sim_noise(d.spread, 0.10);
	hg_sim_read(&d, 5, &now);
	work_starts();
	for (int i = 0; i < RUNS; i++) {
		start = milliseconds();
		if (hg_probe_put(p, &now, &err) || hg_probe_verify(p, &helper, &e, &err) ||
		    e.failed)
			stop("verify");
		ms[i] = milliseconds() - start;
	}
	times("reproduce on the device", ms, RUNS);
	work_starts();
	for (int i = 0; i < RUNS; i++) {
		start = milliseconds();
		if (!reproduces(&now))
			stop("reproduce");
		ms[i] = milliseconds() - start;
	}
	times("reproduce in C", ms, RUNS);
	measure(p);
	hg_probe_close(p);
}

/* Part @name, or all. */
static int wants(int argc, char **argv, const char *name)
{
	return argc < 3 || !strcmp(argv[2], name);
}

int main(int argc, char **argv)
{
	uint32_t devices = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	if (devices < 1 || devices > 100000) {
		fputs("usage: figures DEVICES [population|shared|changes|device]\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (wants(argc, argv, "population"))
		population(devices);
	if (wants(argc, argv, "shared"))
		shared_part(devices / 5 + 1);
	if (wants(argc, argv, "changes"))
		changes(devices / 5 + 1);
	if (wants(argc, argv, "device"))
		device_at_hand();
	return 0;
}
