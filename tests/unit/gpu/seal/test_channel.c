// SPDX-License-Identifier: Apache-2.0
/* The channel as it should work: every way through it, in every suite. */
#include "channel_impl.h"
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = {1,     15,	16,	 17,	  479,	   480,	    481,
			       4096,  16384,	16385,	 65535,	  65536,   65537,   131072,
			       700001, 1048576, 1048577, 2600003};

static void trip(struct fixture *f, uint64_t seed)
{
	uint8_t *text = malloc(SIZE), *back = malloc(SIZE);
	size_t i;

	assert_true(text && back);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i], offset = seed * i * 7 % (SIZE - size);

		fixture_random(text, size, seed + i);
		WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, offset, text, size, NULL,
				       &f->err));
		memset(back, 0, size);
		WORKS(fixture_read(f, f->id_a, f->a, offset, back, size));
		assert_memory_equal(text, back, size);
	}
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	free(text);
	free(back);
}

static void trips(int suite)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_options o = {.suite = suite, .threads = suite % 2 ? 2 : 0,
				       .no_coalescing = suite == 2};

	fixture_open(f, &o);
	trip(f, 1);
	trip(f, 16);
	WORKS(hg_channel_rekey(f->ch, f->queue, &f->err));
	trip(f, 33);
	fixture_close(f);
}

/* Seals @length bytes at @offset of a buffer as a row at its start. -> the state's reason */
static uint32_t seal_within(uint32_t length, uint64_t offset)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_options o = {.suite = HG_AES_256_GCM};
	struct hg_kernel *seal;
	uint32_t bad;

	fixture_open(f, &o);
	WORKS(f->p->ops->kernel(f->p, "hg_seal", &seal, &f->err));
	{
		struct hg_arg args[] = {
			{.type = HG_ARG_BUFFER, .buffer = hg_channel_state(f->ch)},
			{.type = HG_ARG_BUFFER, .buffer = f->a},
			{.type = HG_ARG_BUFFER, .buffer = f->a},
			{.type = HG_ARG_U64, .u64 = f->id_a},
			{.type = HG_ARG_U64, .u64 = offset},
			{.type = HG_ARG_U32, .u32 = length},
		};
		size_t groups = (length + HG_RECORD_DATA - 1) / HG_RECORD_DATA;

		WORKS(f->p->ops->launch(f->p, f->queue, seal, args, 6, groups, f->p->info.lanes,
					NULL, NULL, &f->err));
		WORKS(f->p->ops->finish(f->p, f->queue, &f->err));
	}
	fixture_peek(f, hg_channel_state(f->ch), offsetof(struct hg_state, bad_code), &bad,
		     sizeof(bad));
	fixture_close(f);
	return bad;
}

/* A row may end where its source begins, as drivers lay buffers side by side. */
static void test_seal_beside(void **state)
{
	static const uint32_t lengths[] = {1, 1000, HG_RECORD_DATA, HG_RECORD_DATA + 1000};
	uint32_t rest;
	size_t i, row;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		/* Whole records, the rest, and the receipt. */
		rest = lengths[i] % HG_RECORD_DATA;
		row = lengths[i] / HG_RECORD_DATA * HG_RECORD_SPACE(HG_RECORD_DATA) +
		      (rest ? HG_RECORD_SPACE(rest) : 0) + HG_RECORD_SPACE(96);
		assert_int_equal(seal_within(lengths[i], row), 0);
		assert_int_equal(seal_within(lengths[i], row - 1), HG_BAD_BUFFER);
	}
}

static void test_aes(void **state)
{
	(void)state;
	trips(HG_AES_256_GCM);
}

static void test_chacha(void **state)
{
	(void)state;
	trips(HG_CHACHA20_POLY1305);
}

static void test_sm4(void **state)
{
	(void)state;
	trips(HG_SM4_CTR_HMAC_SM3);
}

/* Small writes to several buffers leave together, in order, and overlap as written. */
static void test_coalescing(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_stats stats;
	uint8_t back[64], want[64];
	int i;

	(void)state;
	fixture_open(f, NULL);
	memset(want, 0x5a, sizeof(want));
	for (i = 0; i < 40; i++) {
		uint8_t byte[3] = {i, i + 1, i + 2};

		WORKS(hg_channel_write(f->ch, f->queue, i & 1 ? f->id_a : f->id_b,
				       i & 1 ? f->a : f->b, i, byte, 3, NULL, &f->err));
		if (i & 1)
			memcpy(want + i, byte, 3);
	}
	WORKS(fixture_read(f, f->id_a, f->a, 0, back, sizeof(back)));
	assert_memory_equal(back, want, sizeof(back));
	hg_channel_stats(f->ch, &stats);
	assert_int_equal(stats.coalesced, 40);
	assert_int_equal(stats.writes, 40);
	/* Three rows of at most 16, and two bindings, installation, one read. */
	assert_int_equal(stats.launches, 3 + 2 + 1 + 1);
	fixture_close(f);
}

/* What waits on the host reaches the device at a flush and with an event. */
static void test_flush(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_event *done;
	uint8_t byte = 7;

	(void)state;
	fixture_open(f, NULL);
	WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, "x", 1, NULL, &f->err));
	fixture_peek(f, f->a, 0, &byte, 1);
	assert_int_equal(byte, 0x5a);
	WORKS(hg_channel_flush(f->ch, f->queue, &f->err));
	fixture_peek(f, f->a, 0, &byte, 1);
	assert_int_equal(byte, 'x');
	WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, "y", 1, &done, &f->err));
	WORKS(f->p->ops->event_wait(f->p, done, &f->err));
	f->p->ops->event_release(f->p, done);
	fixture_peek(f, f->a, 0, &byte, 1);
	assert_int_equal(byte, 'y');
	fixture_close(f);
}

/* Many reads under way, more than there are slots; completed in another order. */
static void test_many_reads(void **state)
{
	enum { READS = 50 };
	struct fixture fixture, *f = &fixture;
	struct hg_pending *pending[READS];
	uint8_t *text = malloc(SIZE), *back = calloc(READS, 1000);
	int i;

	(void)state;
	fixture_open(f, NULL);
	fixture_random(text, SIZE, 5);
	WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, text, SIZE, NULL, &f->err));
	for (i = 0; i < READS; i++)
		WORKS(hg_channel_read(f->ch, i & 1 ? f->queue : f->other, f->id_a, f->a, 999 * i,
				      back + 1000 * i, 1000, &pending[i], &f->err));
	for (i = READS - 1; i >= 0; i--) {
		WORKS(hg_channel_complete(f->ch, pending[i], &f->err));
		assert_memory_equal(back + 1000 * i, text + 999 * i, 1000);
	}
	/* One that is never completed is abandoned at the end. */
	WORKS(hg_channel_read(f->ch, f->queue, f->id_a, f->a, 0, back, 1000, &pending[0], &f->err));
	fixture_close(f);
	free(text);
	free(back);
}

static void test_rekey(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_options o = {.rekey_bytes = 100000};
	struct hg_channel_stats stats;
	uint8_t *text = malloc(SIZE), *back = malloc(SIZE);
	int i;

	(void)state;
	fixture_open(f, &o);
	for (i = 0; i < 8; i++) {
		fixture_random(text, SIZE, i);
		WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, text, SIZE, NULL,
				       &f->err));
		WORKS(fixture_read(f, f->id_a, f->a, 0, back, SIZE));
		assert_memory_equal(text, back, SIZE);
	}
	hg_channel_stats(f->ch, &stats);
	assert_true(stats.rekeys >= 40);
	/* The number on the wire is one byte: past its end keys still differ. */
	for (i = 0; i < 300; i++)
		WORKS(hg_channel_rekey(f->ch, f->queue, &f->err));
	WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, "abc", 3, NULL, &f->err));
	WORKS(fixture_read(f, f->id_a, f->a, 0, back, 3));
	assert_memory_equal(back, "abc", 3);
	fixture_close(f);
	free(text);
	free(back);
}

/* Ids are not used twice, and an old one is of no use; all places can be filled. */
static void test_bind(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_pending *pending;
	uint64_t id, old;
	uint8_t byte;

	(void)state;
	fixture_open(f, NULL);
	old = f->id_b;
	hg_channel_forget(f->ch, old);
	WORKS(hg_channel_bind(f->ch, f->queue, f->b, 100, &id, &f->err));
	assert_int_not_equal(id, old);
	assert_int_equal(hg_channel_write(f->ch, f->queue, old, f->b, 0, "x", 1, NULL, &f->err),
			 -1);
	assert_int_equal(f->err.code, HG_GPU_E_ARGUMENT);
	assert_int_equal(hg_channel_write(f->ch, f->queue, id, f->b, 100, "x", 1, NULL, &f->err),
			 -1);
	assert_int_equal(
		hg_channel_write(f->ch, f->queue, id, f->b, UINT64_MAX, "x", 1, NULL, &f->err), -1);
	assert_int_equal(
		hg_channel_read(f->ch, f->queue, id, f->b, 99, &byte, 2, &pending, &f->err), -1);
	assert_int_equal(hg_channel_bind(f->ch, f->queue, f->b, 0, &id, &f->err), -1);
	/* Mistakes of the caller do not end the channel. */
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	assert_int_equal(hg_channel_error(f->ch, &f->err), 0);
	fixture_close(f);
}

static void test_options(void **state)
{
	static const struct hg_channel_options bad[] = {
		{.suite = 4}, {.threads = 17}, {.slots = 1}, {.slots = 17},
		{.rekey_bytes = HG_REKEY_BYTES + 1},
	};
	struct fixture fixture, *f = &fixture;
	struct hg_channel *ch;
	size_t i;

	(void)state;
	fixture_open(f, NULL);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(hg_channel_open(f->p, f->queue, &bad[i], &ch, &f->err), -1);
		assert_int_equal(f->err.code, HG_GPU_E_ARGUMENT);
		assert_null(ch);
	}
	fixture_close(f);
}

/* Nothing of the application's crosses as it is. */
static void test_no_plaintext(void **state)
{
	struct fixture fixture, *f = &fixture;
	uint8_t secret[16], *text = malloc(SIZE), *back = malloc(SIZE);
	size_t i;

	(void)state;
	fixture_open(f, NULL);
	fixture_random(secret, sizeof(secret), 99);
	for (i = 0; i < SIZE; i++)
		text[i] = secret[i % 16];
	f->evil->secret = secret;
	f->evil->secret_size = sizeof(secret);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		WORKS(hg_channel_write(f->ch, f->queue, f->id_a, f->a, 0, text, sizes[i], NULL,
				       &f->err));
		WORKS(fixture_read(f, f->id_a, f->a, 0, back, sizes[i]));
		assert_memory_equal(text, back, sizes[i]);
	}
	assert_false(f->evil->leaked);
	/* The test would have seen it. */
	WORKS(f->p->ops->write(f->p, f->queue, f->a, 0, text, 100, NULL, NULL, &f->err));
	assert_true(f->evil->leaked);
	fixture_close(f);
	free(text);
	free(back);
}

struct hammer {
	struct fixture *f;
	pthread_t thread;
	unsigned i;
	int failed;
};

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct fixture *f = h->f;
	struct hg_gpu_error err;
	uint8_t *text = malloc(300000), *back = malloc(300000);
	size_t base = (SIZE / 4) * h->i, round;

	for (round = 0; round < 60 && !h->failed; round++) {
		size_t size = (round * 7919 + h->i * 131) % (round % 5 ? 9000 : 300000) + 1;
		struct hg_queue *q = round & 1 ? f->queue : f->other;
		struct hg_pending *pending;

		fixture_random(text, size, round * 4 + h->i);
		if (hg_channel_write(f->ch, q, f->id_a, f->a, base, text, size, NULL, &err) ||
		    hg_channel_read(f->ch, q, f->id_a, f->a, base, back, size, &pending, &err) ||
		    hg_channel_complete(f->ch, pending, &err) || memcmp(text, back, size))
			h->failed = 1;
		if (round % 16 == 3 && hg_channel_rekey(f->ch, q, &err))
			h->failed = 1;
		if (round % 8 == 5 && hg_channel_sync(f->ch, q, &err))
			h->failed = 1;
	}
	free(text);
	free(back);
	return NULL;
}

static void test_threads(void **state)
{
	struct fixture fixture, *f = &fixture;
	struct hg_channel_options o = {.threads = 2};
	struct hammer h[4];
	unsigned i;

	(void)state;
	fixture_open(f, &o);
	for (i = 0; i < 4; i++) {
		h[i] = (struct hammer){.f = f, .i = i};
		assert_int_equal(pthread_create(&h[i].thread, NULL, hammer, &h[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(h[i].thread, NULL);
		assert_int_equal(h[i].failed, 0);
	}
	WORKS(hg_channel_sync(f->ch, f->queue, &f->err));
	fixture_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal_beside),
		cmocka_unit_test(test_aes),
		cmocka_unit_test(test_chacha),
		cmocka_unit_test(test_sm4),
		cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_many_reads),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_no_plaintext),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
