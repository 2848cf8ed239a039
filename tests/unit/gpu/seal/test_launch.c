// SPDX-License-Identifier: Apache-2.0
/*
 * Receipts of launches. The application's kernel is played by run(), which does in the
 * launch area what the prologue of a rewritten kernel does on the device.
 */
#include "../../../../gpu-tee/host/launch.h"

#include "../../../../gpu-tee/source/expect.h"
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM 0x1122334455667788ull

/* What somebody at the bus does to a launch. */
enum deed { NOTHING, DROP, TWICE, VALUE, BUFFER, GEOMETRY, OFFSET, KERNEL, ITEMS, NUMBER };

static size_t log_at(uint32_t count)
{
	return offsetof(struct hg_launch, log) +
	       count % HG_LAUNCH_SLOTS * sizeof(struct hg_launch_entry);
}

/* The device's part of a launch, as it was received. */
static void run(struct fixture *f, struct hg_buffer *area, const struct hg_launch_entry *e,
		uint32_t items)
{
	size_t at = offsetof(struct hg_launch, items) + 4 * (e->sequence % HG_LAUNCH_SLOTS);
	uint32_t count, n;

	fixture_peek(f, area, offsetof(struct hg_launch, count), &count, sizeof(count));
	fixture_poke(f, area, log_at(count), e, sizeof(*e));
	count++;
	fixture_poke(f, area, offsetof(struct hg_launch, count), &count, sizeof(count));
	fixture_peek(f, area, at, &n, sizeof(n));
	n += items;
	fixture_poke(f, area, at, &n, sizeof(n));
}

/* The device's pad takes off what the host's put on. */
static void assert_unmasks(struct fixture *f, const struct hg_launching *l, const uint8_t *masked,
			   const uint8_t *value, size_t size)
{
	uint32_t pad[HG_LAUNCH_WORDS];
	size_t i;

	fixture_peek(f, l->area,
		     offsetof(struct hg_launch, pad) + l->sequence % HG_LAUNCH_SLOTS * sizeof(pad),
		     pad, sizeof(pad));
	assert_memory_equal(pad, l->pad, sizeof(pad));
	for (i = 0; i < size; i++)
		assert_int_equal(masked[i] ^ ((const uint8_t *)pad)[i], value[i]);
}

static void spoil(struct hg_launch_entry *e, enum deed deed)
{
	if (deed == VALUE)
		e->argument[1] ^= 1;
	if (deed == BUFFER)
		e->pointer[0] += 64;
	if (deed == GEOMETRY)
		e->global_size[0] /= 2;
	if (deed == OFFSET)
		e->global_offset[1] = 3;
	if (deed == KERNEL)
		e->number++;
	if (deed == NUMBER)
		e->sequence += 5;
}

/* Begins a launch and fills in what must be logged; @e gets it. */
static void begin(struct fixture *f, struct hg_queue *queue, struct hg_launching *l,
		  struct hg_launch_entry *e)
{
	const struct hg_launch_kernel kernel = {.name = "triple", .program = PROGRAM, .number = 2,
						.masked = true};
	const size_t offset[2] = {0, 1}, global[2] = {64, 3}, local[2] = {16, 1};
	uint8_t value[16], masked[16];

	fixture_random(value, sizeof(value), 77);
	WORKS(hg_launch_begin(f->ch, queue, &kernel, l, &f->err));
	assert_int_equal(hg_expect_value(l->want, l->pad, value, sizeof(value), masked), 0);
	assert_unmasks(f, l, masked, value, sizeof(value));
	assert_int_equal(hg_expect_pointer(l->want, hg_launch_address(f->ch, f->id_a)), 0);
	assert_int_equal(hg_expect_geometry(l->want, 2, offset, global, local), 0);
	*e = *l->want;
}

static void launch(struct fixture *f, struct hg_queue *queue, enum deed deed)
{
	struct hg_launching l;
	struct hg_launch_entry e;
	uint32_t items;

	begin(f, queue, &l, &e);
	spoil(&e, deed);
	items = hg_expect_items(&e) - (deed == ITEMS);
	if (deed != DROP)
		run(f, l.area, &e, items);
	if (deed == TWICE)
		run(f, l.area, &e, items);
	hg_launch_end(f->ch, &l, true);
}

/* The driver does not take it: the number is gone all the same. */
static void launch_in_vain(struct fixture *f, struct hg_queue *queue)
{
	struct hg_launching l;
	struct hg_launch_entry e;

	begin(f, queue, &l, &e);
	hg_launch_end(f->ch, &l, false);
}

static void honest(int suite)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_options o = {.suite = suite};
	struct hg_channel_stats stats;
	uint8_t text[100], back[100];
	int i;

	fixture_open(f, &o);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	for (i = 0; i < 1100; i++) {
		launch(f, i % 3 ? f->queue : f->other, NOTHING);
		if (i % 7 == 0)
			launch_in_vain(f, f->queue);
		if (i == 500)
			WORKS(hg_channel_rekey(f->ch, f->queue, &f->err));
		if (i % 100 == 0) {
			fixture_random(text, sizeof(text), i);
			WORKS(hg_channel_write(f->ch, f->queue, f->id_b, f->b, i, text,
					       sizeof(text), NULL, &f->err));
			WORKS(fixture_read(f, f->id_b, f->b, i, back, sizeof(back)));
			assert_memory_equal(back, text, sizeof(text));
		}
	}
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	hg_channel_stats(f->ch, &stats);
	assert_int_equal(stats.kernels, 1100);
	assert_in_range(stats.folds, 12, 40);
	fixture_close(f);
}

static void test_honest(void **state)
{
	(void)state;
	honest(HG_AES_256_GCM);
	honest(HG_CHACHA20_POLY1305);
	honest(HG_SM4_CTR_HMAC_SM3);
}

/* More launches than there are slots, with no receipt: folds come by themselves. */
static void test_window(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_stats stats;
	int i;

	(void)state;
	fixture_open(f, NULL);
	for (i = 0; i < 2 * (int)HG_LAUNCH_SLOTS + 1; i++)
		launch(f, f->queue, NOTHING);
	for (i = 0; i < 2 * (int)HG_LAUNCH_SLOTS + 1; i++)
		launch_in_vain(f, f->queue);
	launch(f, f->queue, NOTHING);
	hg_channel_stats(f->ch, &stats);
	assert_int_equal(stats.folds, 4);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	fixture_close(f);
}

/* A queue that goes leaves its area to the next, whose numbers go on. */
static void test_queues(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_launching l;
	struct hg_launch_entry e;
	int i;

	(void)state;
	fixture_open(f, NULL);
	for (i = 0; i < 200; i++) {
		launch(f, i % 2 ? f->other : f->queue, NOTHING);
		hg_launch_queue_gone(f->ch, i % 2 ? f->other : f->queue);
	}
	begin(f, f->other, &l, &e);
	assert_int_equal(l.sequence, 200);
	run(f, l.area, &e, hg_expect_items(&e));
	hg_launch_end(f->ch, &l, true);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	fixture_close(f);
}

/* Of several launches the third is tampered with. */
static void tampered(enum deed deed, unsigned after, const char *text)
{
	struct fixture fixture, *f = &fixture;
	uint8_t back[64], want[64];
	unsigned i;

	fixture_open(f, NULL);
	launch(f, f->queue, NOTHING);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	launch(f, f->queue, NOTHING);
	launch(f, f->queue, deed);
	for (i = 0; i < after; i++)
		launch(f, f->queue, NOTHING);
	memset(back, 0x77, sizeof(back));
	memset(want, 0x77, sizeof(want));
	assert_int_equal(fixture_read(f, f->id_a, f->a, 0, back, sizeof(back)), -1);
	for (i = 0; i < sizeof(back); i++)
		assert_true(back[i] == 0x77 || back[i] == 0);
	if (!strstr(f->err.text, text))
		fail_msg("deed %d, %u after it: '%s', want '%s'", deed, after, f->err.text, text);
	/* For good. */
	assert_int_equal(hg_channel_sync(f->ch, f->queue, &f->err), -1);
	assert_non_null(strstr(f->err.text, text));
	fixture_close(f);
}

static void test_tampered(void **state)
{
	static const struct {
		enum deed deed;
		const char *text;
	} all[] = {
		{DROP, "launch 2 (kernel triple) was left out (dropped)"},
		{TWICE, "launch 2 (kernel triple) was done twice (repeated)"},
		{VALUE, "launch 2 (kernel triple) was altered (arguments)"},
		{BUFFER, "launch 2 (kernel triple) was altered (buffer)"},
		{GEOMETRY, "launch 2 (kernel triple) was altered (geometry)"},
		{OFFSET, "launch 2 (kernel triple) was altered (geometry)"},
		{KERNEL, "launch 2 (kernel triple) was altered (another kernel)"},
		{ITEMS, "launch 2 (kernel triple) was altered (geometry: other work-items)"},
		{NUMBER, "launch 2 (kernel triple) was left out (dropped)"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		tampered(all[i].deed, 0, all[i].text);
		tampered(all[i].deed, 3, all[i].text);
		tampered(all[i].deed, 500, all[i].text);
	}
}

/* A launch with @words of values and @pointers; the last of either is altered on its way. */
static void launch_shape(struct fixture *f, uint32_t words, uint32_t pointers, enum deed deed)
{
	const struct hg_launch_kernel kernel = {.name = "shape", .program = PROGRAM,
						.number = words, .masked = words};
	const size_t global[1] = {words + 1}, local[1] = {1};
	uint8_t value[4 * HG_LAUNCH_WORDS], masked[sizeof(value)];
	struct hg_launch_entry e;
	struct hg_launching l;
	uint32_t i;

	fixture_random(value, sizeof(value), words);
	WORKS(hg_launch_begin(f->ch, f->queue, &kernel, &l, &f->err));
	if (words) {
		assert_int_equal(hg_expect_value(l.want, l.pad, value, 4 * words, masked), 0);
		assert_unmasks(f, &l, masked, value, 4 * words);
	}
	for (i = 0; i < pointers; i++)
		assert_int_equal(hg_expect_pointer(l.want, PROGRAM + i), 0);
	assert_int_equal(hg_expect_geometry(l.want, 1, NULL, global, local), 0);
	e = *l.want;
	if (deed == VALUE)
		e.argument[words - 1] ^= 0x80000000u;
	if (deed == BUFFER)
		e.pointer[pointers - 1] ^= 1ull << 63;
	run(f, l.area, &e, hg_expect_items(&e));
	hg_launch_end(f->ch, &l, true);
}

/* Entries of all lengths are hashed side by side, in folds of any number of them. */
static void test_shapes(void **state)
{
	struct fixture fixture, *f = &fixture;
	uint32_t n, next = 1, folds = 0;

	(void)state;
	fixture_open(f, NULL);
	for (n = 0; n < 600; n++) {
		launch_shape(f, n * 7 % (HG_LAUNCH_WORDS + 1), n * 5 % (HG_LAUNCH_POINTERS + 1),
			     NOTHING);
		if (n + 1 < next)
			continue;
		WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
		next += ++folds;
	}
	fixture_close(f);
	for (n = 0; n < 20; n++) {
		enum deed deed = n % 2 ? VALUE : BUFFER;
		uint32_t i;

		fixture_open(f, NULL);
		for (i = 0; i < 20; i++)
			launch_shape(f, 1 + (i + n) * 11 % HG_LAUNCH_WORDS,
				     1 + i * 5 % HG_LAUNCH_POINTERS, i == n ? deed : NOTHING);
		assert_int_equal(hg_channel_sync(f->ch, f->queue, &f->err), -1);
		assert_non_null(strstr(f->err.text, n % 2 ? "(arguments)" : "(buffer)"));
		fixture_close(f);
	}
}

static void test_reordered(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_launch_entry first, second;
	struct hg_launching l;

	(void)state;
	fixture_open(f, NULL);
	begin(f, f->queue, &l, &first);
	hg_launch_end(f->ch, &l, true);
	begin(f, f->queue, &l, &second);
	run(f, l.area, &second, hg_expect_items(&second));
	run(f, l.area, &first, hg_expect_items(&first));
	hg_launch_end(f->ch, &l, true);
	assert_int_equal(hg_channel_sync(f->ch, f->queue, &f->err), -1);
	assert_non_null(strstr(f->err.text, "launch 0 (kernel triple) was done in another order"));
	fixture_close(f);
}

/* What is done to the kernels that keep the account. */
static bool no_fold(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)e, (void)args, (void)groups;
	return strcmp(kernel, "hg_fold") != 0;
}

static bool no_area(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)e, (void)args, (void)groups;
	return strcmp(kernel, "hg_area") != 0;
}

static bool other_area(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)groups;
	if (!strcmp(kernel, "hg_fold"))
		args[1].buffer = e->arg;
	return true;
}

static bool other_index(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)e, (void)groups;
	if (!strcmp(kernel, "hg_fold"))
		args[2].u32 = 0x40000000;
	return true;
}

static bool other_next(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)e, (void)groups;
	if (!strcmp(kernel, "hg_fold"))
		args[3].u64++;
	return true;
}

static bool other_id(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)e, (void)groups;
	if (!strcmp(kernel, "hg_area"))
		args[2].u64 = 1;
	return true;
}

static void test_account(void **state)
{
	static bool (*const deeds[])(struct evil *, const char *, struct hg_arg *, size_t *) = {
		no_fold, no_area, other_area, other_index, other_next, other_id,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		struct fixture fixture, *f = &fixture;
		const struct hg_launch_kernel kernel = {.name = "triple"};
		const size_t one = 1;
		struct hg_launching l;
		struct hg_launch_entry e;

		fixture_open(f, NULL);
		f->evil->arg = f->a;
		f->evil->on_launch = deeds[i];
		if (!hg_launch_begin(f->ch, f->queue, &kernel, &l, &f->err)) {
			assert_int_equal(hg_expect_geometry(l.want, 1, NULL, &one, &one), 0);
			e = *l.want;
			if (deeds[i] != no_area && deeds[i] != other_id)
				run(f, l.area, &e, 1);
			hg_launch_end(f->ch, &l, true);
		}
		if (!hg_channel_sync(f->ch, f->queue, &f->err))
			fail_msg("deed %zu was not noticed", i);
		assert_non_null(strstr(f->err.text, "bus: "));
		fixture_close(f);
	}
}

/* While the application holds a queue, only the queue in hand is folded. */
static void test_held(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_stats before, stats;
	unsigned int held = 1;

	(void)state;
	fixture_open(f, NULL);
	hg_launch_hold(f->ch, &held);
	launch(f, f->queue, NOTHING);
	launch(f, f->other, VALUE);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	hg_channel_stats(f->ch, &before);
	assert_int_equal(before.folds, 1);
	held = 0;
	assert_int_equal(hg_channel_sync(f->ch, f->queue, &f->err), -1);
	assert_non_null(strstr(f->err.text, "launch 0 (kernel triple) was altered (arguments)"));
	hg_channel_stats(f->ch, &stats);
	assert_int_equal(stats.folds, 2);
	fixture_close(f);
}

/* A queue that stands at a gate: what was launched before it is in the receipt, no more. */
static void gate(enum deed deed)
{
	struct fixture fixture, *f = &fixture;
	struct hg_launching l;
	struct hg_launch_entry later[3];
	struct hg_launch_mark mark;
	unsigned int held = 1, i;
	uint8_t back[64];

	fixture_open(f, NULL);
	hg_launch_hold(f->ch, &held);
	launch(f, f->other, NOTHING);
	launch(f, f->other, deed);
	WORKS(hg_launch_mark(f->ch, f->other, &mark, &f->err));
	for (i = 0; i < 3; i++) {
		begin(f, f->other, &l, &later[i]);
		hg_launch_end(f->ch, &l, true);
	}
	WORKS(hg_launch_commit(f->ch, &mark, &f->err));
	if (deed) {
		assert_int_equal(fixture_read(f, f->id_a, f->a, 0, back, sizeof(back)), -1);
		assert_non_null(strstr(f->err.text, "launch 1 (kernel triple)"));
	} else {
		WORKS(fixture_read(f, f->id_a, f->a, 0, back, sizeof(back)));
		for (i = 0; i < 3; i++)
			run(f, l.area, &later[i], hg_expect_items(&later[i]));
		held = 0;
		WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	}
	fixture_close(f);
}

static void test_gate(void **state)
{
	(void)state;
	gate(NOTHING);
	gate(VALUE);
	gate(DROP);
	gate(TWICE);
}

static bool no_commit(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups)
{
	(void)e, (void)args, (void)groups;
	return strcmp(kernel, "hg_commit") != 0;
}

static void test_no_commit(void **state)
{
	struct fixture fixture, *f = &fixture;

	(void)state;
	fixture_open(f, NULL);
	f->evil->on_launch = no_commit;
	launch(f, f->other, NOTHING);
	hg_launch_queue_gone(f->ch, f->other);
	assert_int_equal(hg_channel_sync(f->ch, f->queue, &f->err), -1);
	assert_non_null(strstr(f->err.text, "the count of launches"));
	fixture_close(f);
}

struct launcher {
	struct fixture *f;
	struct hg_queue *queue;
	pthread_t thread;
	int failed;
};

static void *launch_many(void *arg)
{
	const struct hg_launch_kernel kernel = {.name = "triple", .masked = true};
	const size_t one = 1;
	struct launcher *t = arg;
	struct hg_launching l;
	struct hg_gpu_error err;
	int i;

	for (i = 0; i < 300 && !t->failed; i++) {
		t->failed = hg_launch_begin(t->f->ch, t->queue, &kernel, &l, &err);
		if (t->failed)
			break;
		t->failed = hg_expect_geometry(l.want, 1, NULL, &one, &one);
		run(t->f, l.area, l.want, 1);
		hg_launch_end(t->f->ch, &l, true);
		if (i % 50 == 0 && hg_channel_sync(t->f->ch, t->queue, &err))
			t->failed = 1;
	}
	return NULL;
}

/* Two queues, two threads, and receipts all the while. */
static void test_threads(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct launcher t[2];
	uint8_t back[64];
	int i;

	(void)state;
	fixture_open(f, NULL);
	for (i = 0; i < 2; i++) {
		t[i] = (struct launcher){.f = f, .queue = i ? f->other : f->queue};
		assert_int_equal(pthread_create(&t[i].thread, NULL, launch_many, &t[i]), 0);
	}
	for (i = 0; i < 20; i++)
		WORKS(fixture_read(f, f->id_a, f->a, 0, back, sizeof(back)));
	for (i = 0; i < 2; i++) {
		pthread_join(t[i].thread, NULL);
		assert_int_equal(t[i].failed, 0);
	}
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	fixture_close(f);
}

static void test_limit(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_queue *queue[HG_AREAS + 1];
	const struct hg_launch_kernel kernel = {.name = "triple"};
	struct hg_launching l;
	unsigned i;

	(void)state;
	fixture_open(f, NULL);
	for (i = 0; i < HG_AREAS + 1; i++)
		WORKS(f->p->ops->queue_create(f->p, &queue[i], &f->err));
	for (i = 0; i < HG_AREAS; i++)
		launch(f, queue[i], NOTHING);
	assert_int_equal(hg_launch_begin(f->ch, queue[HG_AREAS], &kernel, &l, &f->err), -1);
	assert_int_equal(f->err.code, HG_GPU_E_LIMIT);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	hg_launch_queue_gone(f->ch, queue[0]);
	launch(f, queue[HG_AREAS], NOTHING);
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	hg_channel_close(f->ch);
	f->ch = NULL;
	for (i = 0; i < HG_AREAS + 1; i++)
		f->p->ops->queue_release(f->p, queue[i]);
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest),	  cmocka_unit_test(test_window),
		cmocka_unit_test(test_queues),	  cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_reordered), cmocka_unit_test(test_account),
		cmocka_unit_test(test_held),	  cmocka_unit_test(test_limit),
		cmocka_unit_test(test_gate),	  cmocka_unit_test(test_no_commit),
		cmocka_unit_test(test_threads),	  cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
