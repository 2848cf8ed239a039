// SPDX-License-Identifier: Apache-2.0
/*
 * The kernels against the reference: each format, with rows for one work-item and for
 * several, on small models of odd shapes. Logits agree within a tolerance, and so do
 * the tokens chosen, unless the reference's two best are as near as the tolerance.
 */
#include "test.h"

#include <math.h>

#include "engine.h"
#include "random.h"
#include "rng.h"

#define STEPS	  24u
#define TOLERANCE 2e-4f /* of the greatest logit */

static struct shape shape(uint32_t fmt, bool tied)
{
	struct shape s = {
		.vocab = 301,
		.dim = 96,
		.layers = 2,
		.heads = 6,
		.kv_heads = 2,
		.ffn = 160,
		.context = STEPS,
		.tied = tied,
		.fmt = fmt_by_id(fmt),
		.seed = 1 + fmt,
	};

	if (fmt == FMT_Q6_K) {
		s.dim = s.ffn = 256;
		s.heads = 4;
	} else if (fmt == FMT_F32 || fmt == FMT_F16) {
		/* No blocks: rows that no vector divides. */
		s.dim = 84;
		s.heads = 3;
		s.kv_heads = 3;
		s.ffn = 101;
	}
	return s;
}

static void open_both(struct engine *dev, struct engine *ref, const struct shape *s, uint32_t lanes)
{
	struct device_options o = { .lanes = lanes, .context = STEPS };
	char *path = temporary();
	struct err e;

	if (random_write(s, path, &e) || engine_load(dev, path, &e) || engine_start(dev, &o, &e))
		fail_msg("%s", e.text);
	o.name = ENGINE_REFERENCE;
	o.lanes = 0;
	if (engine_load(ref, path, &e) || engine_start(ref, &o, &e))
		fail_msg("%s", e.text);
	unlink(path);
	free(path);
}

/* How far the logits are apart, in parts of the greatest. */
static float apart(const struct engine *a, const struct engine *b)
{
	float most = 0, far = 0;
	uint32_t i;

	for (i = 0; i < a->model.vocab; i++) {
		assert_true(isfinite(a->logits[i]));
		most = fmaxf(most, fabsf(b->logits[i]));
		far = fmaxf(far, fabsf(a->logits[i] - b->logits[i]));
	}
	assert_true(most > 0.1f);
	return far / most;
}

/* The token the device chose is its own greatest; and the reference's, or a tie there. */
static void same_choice(struct engine *dev, const struct engine *ref, float scale)
{
	int32_t chosen, want = ref_argmax(ref->logits, ref->model.vocab);
	struct err e;

	if (engine_best(dev, &chosen, &e))
		fail_msg("%s", e.text);
	assert_int_equal(chosen, ref_argmax(dev->logits, dev->model.vocab));
	if (chosen != want && ref->logits[want] - ref->logits[chosen] > 2 * TOLERANCE * scale)
		fail_msg("token %d, the reference has %d", chosen, want);
}

static void compare(const struct shape *s, uint32_t lanes)
{
	struct engine *both = need(calloc(2, sizeof(*both)));
	struct engine *dev = &both[0], *ref = &both[1];
	struct rng r = { 99 };
	uint32_t pos;
	struct err e;

	open_both(dev, ref, s, lanes);
	assert_int_equal(device_lanes(dev->device), lanes);
	for (pos = 0; pos < STEPS; pos++) {
		int32_t token = (int32_t)rng_below(&r, s->vocab);
		float far;

		if (engine_step(dev, token, pos, &e) || engine_step(ref, token, pos, &e) ||
		    engine_logits(dev, &e) || engine_logits(ref, &e))
			fail_msg("%s", e.text);
		far = apart(dev, ref);
		if (far > TOLERANCE)
			fail_msg("%s, %u lanes, position %u: logits differ by %g", s->fmt->name,
				 lanes, pos, (double)far);
		same_choice(dev, ref, fabsf(ref->logits[ref_argmax(ref->logits, s->vocab)]));
	}
	engine_close(dev);
	engine_close(ref);
	free(both);
}

static void formats(void **state)
{
	static const uint32_t all[] = { FMT_F32, FMT_F16, FMT_Q8_0, FMT_Q4_0, FMT_Q6_K };
	static const uint32_t lanes[] = { 1, 8, 64 };
	size_t f, l;

	(void)state;
	for (f = 0; f < ARRAY_SIZE(all); f++)
		for (l = 0; l < ARRAY_SIZE(lanes); l++) {
			struct shape s = shape(all[f], f % 2);

			compare(&s, lanes[l]);
		}
}

/* What was put in at a position counts, and what was there before does not. */
static void again(void **state)
{
	struct engine *both = need(calloc(2, sizeof(*both)));
	struct shape s = shape(FMT_Q8_0, false);
	float *first = need(malloc(s.vocab * sizeof(*first)));
	struct err e;
	int round, i;

	(void)state;
	open_both(&both[0], &both[1], &s, 1);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++)
			assert_int_equal(
				engine_step(&both[0], round == 1 ? 7 : 5 + i, (uint32_t)i, &e), 0);
		assert_int_equal(engine_logits(&both[0], &e), 0);
		if (!round)
			memcpy(first, both[0].logits, s.vocab * sizeof(*first));
		else
			assert_int_equal(!memcmp(first, both[0].logits, s.vocab * sizeof(*first)),
					 round == 2);
	}
	engine_close(&both[0]);
	engine_close(&both[1]);
	free(first);
	free(both);
}

/* One small write and one small read for each token, and each counted. */
static void crossings(void **state)
{
	struct engine *both = need(calloc(2, sizeof(*both)));
	struct shape s = shape(FMT_Q8_0, false);
	struct crossings a, b;
	struct err e;
	int32_t token;

	(void)state;
	open_both(&both[0], &both[1], &s, 1);
	a = *device_crossings(both[0].device);
	/* Every tensor and the frequencies once, and a token to warm up. */
	assert_int_equal(a.writes, both[0].model.file.tensors + 2);
	assert_int_equal(a.written, both[0].model.bytes + 8 * sizeof(float) + 8);
	assert_int_equal(a.reads, 1);
	assert_int_equal(engine_step(&both[0], 5, 0, &e), 0);
	assert_int_equal(engine_best(&both[0], &token, &e), 0);
	b = *device_crossings(both[0].device);
	assert_int_equal(b.writes - a.writes, 1);
	assert_int_equal(b.written - a.written, 8);
	assert_int_equal(b.reads - a.reads, 1);
	assert_int_equal(b.read - a.read, 4);
	assert_int_equal(engine_logits(&both[0], &e), 0);
	a = *device_crossings(both[0].device);
	assert_int_equal(a.read - b.read, s.vocab * sizeof(float));
	engine_close(&both[0]);
	engine_close(&both[1]);
	free(both);
}

static void refusals(void **state)
{
	struct device_options o = { .name = "no such device", .context = STEPS };
	struct engine *g = need(calloc(1, sizeof(*g)));
	struct shape s = shape(FMT_F32, true);
	char *path = temporary();
	struct err e;
	int i;

	(void)state;
	assert_int_equal(random_write(&s, path, &e), 0);
	for (i = 0; i < 3; i++) {
		static const char *const want[] = { "no device 'no such device': llama --list",
						    "no device '77:0'", "compute units" };

		o.name = i == 0 ? "no such device" : i == 1 ? "77:0" : NULL;
		o.threads = i == 2 ? 4096 : 0;
		assert_int_equal(engine_load(g, path, &e), 0);
		assert_int_equal(engine_start(g, &o, &e), -1);
		says(&e, want[i]);
		assert_null(g->device);
		engine_close(g);
	}
	o.threads = 0;
	assert_int_equal(engine_load(g, path, &e), 0);
	assert_int_equal(engine_start(g, &o, &e), 0);
	assert_int_equal(engine_step(g, 301, 0, &e), -1);
	says(&e, "of 301");
	assert_int_equal(engine_step(g, 1, STEPS, &e), -1);
	says(&e, "position 24 in a context of 24");
	engine_close(g);
	unlink(path);
	free(path);
	free(g);
}

/* Logits that are no numbers do not become a token. */
static void not_a_number(void **state)
{
	struct device_options o = { .context = STEPS };
	struct engine *g = need(calloc(1, sizeof(*g)));
	struct shape s = shape(FMT_F32, true);
	static const uint8_t nan[] = { 0, 0, 0xc0, 0x7f };
	char *path = temporary();
	long at, size;
	struct err e;
	FILE *f;

	(void)state;
	assert_int_equal(random_write(&s, path, &e), 0);
	f = fopen(path, "r+b");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	/* The last tensor is the last norm, of 84 numbers. */
	for (at = size - 384; at < size; at += 4) {
		fseek(f, at, SEEK_SET);
		fwrite(nan, 1, sizeof(nan), f);
	}
	fclose(f);
	assert_int_equal(engine_load(g, path, &e), 0);
	assert_int_equal(engine_start(g, &o, &e), -1);
	says(&e, "its logits are no numbers");
	engine_close(g);
	unlink(path);
	free(path);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),	cmocka_unit_test(again),
		cmocka_unit_test(crossings),	cmocka_unit_test(refusals),
		cmocka_unit_test(not_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
