// SPDX-License-Identifier: Apache-2.0
/*
 * Launches that overlap. The channel never starts two at a time, but whoever is on the bus
 * sets the order. Each lane is a thread; a launch is halted at one of its barriers, another
 * runs from start to end, then the first goes on. So every place where groups meet is tried.
 */
#include "record.h" /* host */

#include "../../../../gpu-tee/device/transfer.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define ID	(1u << HG_BOUND_BITS | 1)
#define SESSION 0x1234u
#define SIZE	(HG_RECORD_DATA + 4096)
#define ROW	(4 * HG_RECORD_SPACE(HG_RECORD_DATA))
#define LARGE	(HG_RECORD_DATA + 100) /* two records */

_Thread_local u32 hg_plain_group, hg_plain_groups, hg_plain_lane;

struct launch {
	void (*run)(struct launch *l);
	u32 groups, stop, met;
	bool over;
	HG_LOCAL u32 sum[5 * HG_LANES + 2];
	u32 *records, *out;
	u8 *buffer;
	u32 count, length;
	pthread_barrier_t meet;
	sem_t halted, go;
	pthread_t thread[HG_LANES];
};

struct lane {
	struct launch *launch;
	u32 lane;
};

static _Thread_local struct launch *mine;

void hg_plain_barrier(void)
{
	pthread_barrier_wait(&mine->meet);
	if (hg_plain_lane == 0 && ++mine->met == mine->stop) {
		sem_post(&mine->halted);
		sem_wait(&mine->go);
	}
	pthread_barrier_wait(&mine->meet);
}

static void *run_lane(void *arg)
{
	struct lane lane = *(struct lane *)arg;

	free(arg);
	mine = lane.launch;
	hg_plain_lane = lane.lane;
	hg_plain_groups = mine->groups;
	for (hg_plain_group = 0; hg_plain_group < hg_plain_groups; hg_plain_group++) {
		mine->run(mine);
		pthread_barrier_wait(&mine->meet);
	}
	if (hg_plain_lane == 0) {
		mine->over = true;
		sem_post(&mine->halted);
	}
	return NULL;
}

/* Until it halts, or is through: -> whether it halted. */
static bool start(struct launch *l, u32 stop)
{
	u32 i;

	l->stop = stop;
	l->met = 0;
	l->over = false;
	pthread_barrier_init(&l->meet, NULL, HG_LANES);
	sem_init(&l->halted, 0, 0);
	sem_init(&l->go, 0, 0);
	for (i = 0; i < HG_LANES; i++) {
		struct lane *lane = malloc(sizeof(*lane));

		assert_non_null(lane);
		*lane = (struct lane){l, i};
		assert_int_equal(pthread_create(&l->thread[i], NULL, run_lane, lane), 0);
	}
	sem_wait(&l->halted);
	return !l->over;
}

static void end(struct launch *l)
{
	u32 i;

	sem_post(&l->go);
	for (i = 0; i < HG_LANES; i++)
		pthread_join(l->thread[i], NULL);
	pthread_barrier_destroy(&l->meet);
}

static void whole(struct launch *l)
{
	start(l, 0);
	end(l);
}

/* ---- A session --------------------------------------------------------------- */

static struct hg_state *state;
static struct hg_record_keys keys, next;
static u8 *buffer, *text;
static u32 *row, *forged, *out[3];

static void session(void)
{
	u8 secret[32], transcript[32];
	u32 s[8], t[8], i;
	struct hg_gpu_error err;

	memset(secret, 0x31, sizeof(secret));
	memset(transcript, 0x13, sizeof(transcript));
	memcpy(s, secret, 32);
	memcpy(t, transcript, 32);
	memset(state, 0, offsetof(struct hg_state, scratch));
	state_keys(state, s, t, SESSION, HG_AES_256_GCM);
	state->bound[1] = (struct hg_bound){.id = ID, .address = HG_ADDRESS(buffer), .size = SIZE};
	assert_int_equal(hg_record_derive(&keys, HG_AES_256_GCM, SESSION, secret, transcript, &err),
			 0);
	next = keys;
	assert_int_equal(hg_record_rekey(&next, &err), 0);
	memset(buffer, 0x5a, SIZE);
	for (i = 0; i < 3; i++)
		memset(out[i], 0, ROW);
}

/* A row as the host sends it, and one with the same headers whose data is another. */
static void make_row(u32 size, u32 kind)
{
	static const struct hg_command_rekey command = {.command = HG_COMMAND_REKEY, .epoch = 1};
	u32 count = (size + HG_RECORD_DATA - 1) / HG_RECORD_DATA, i, k;
	struct hg_record_cipher *c;
	struct hg_gpu_error err;

	assert_int_equal(hg_record_cipher_new(&keys, kind == HG_DATA ? HG_KEY_H2D :
					      HG_KEY_COMMAND_H2D, &c, &err), 0);
	for (i = 0; i < count; i++) {
		u8 *at = (u8 *)row + i * HG_RECORD_SPACE(HG_RECORD_DATA);
		struct hg_record h = {
			.magic = HG_RECORD_MAGIC,
			.kind = kind,
			.suite = HG_AES_256_GCM,
			.direction = HG_H2D,
			.session = SESSION,
			.sequence = i,
			.buffer = kind == HG_DATA ? ID : 0,
			.offset = (u64)i * HG_RECORD_DATA,
			.length = i + 1 < count ? HG_RECORD_DATA : size - i * HG_RECORD_DATA,
			.more = count - 1 - i,
		};

		assert_int_equal(hg_record_seal(c, &h, kind == HG_DATA ? text + h.offset :
						(const u8 *)&command, at + sizeof(h), &err), 0);
		memcpy(at, &h, sizeof(h));
	}
	hg_record_cipher_free(c);
	memcpy(forged, row, ROW);
	for (i = 0; i < count; i++)
		for (k = 16; k < RECORD_WORDS(HG_RECORD_DATA); k++)
			forged[i * RECORD_WORDS(HG_RECORD_DATA) + k] ^= 0xffffffff;
}

/* Each byte is what it was, or what the host sent. */
static void assert_not_forged(u32 size)
{
	u32 i;

	for (i = 0; i < SIZE; i++)
		assert_true(buffer[i] == 0x5a || (i < size && buffer[i] == text[i]));
}

static void run_seal(struct launch *l)
{
	seal_launch(state, buffer, l->out, ID, 0, l->length, l->sum);
}

static void run_receipt(struct launch *l)
{
	seal_receipt(state, l->out, l->sum);
}

static void run_small(struct launch *l)
{
	open_small(state, l->records, l->buffer, NULL, NULL, NULL, l->count, l->sum);
}

static void run_check(struct launch *l)
{
	check_launch(state, l->records, HG_ADDRESS(buffer), l->count, l->sum);
}

static void run_open(struct launch *l)
{
	open_launch(state, buffer, l->count, l->sum + 5 * HG_LANES);
}

/* ---- Numbers ------------------------------------------------------------------ */

/*
 * What was sealed: each opens with the key of its epoch, and no number of a key is there
 * twice, nor will the device give it out again.
 */
static u32 assert_nonces(u32 length)
{
	static u8 plain[HG_RECORD_DATA];
	struct hg_record h[6];
	struct hg_gpu_error err;
	u32 found = 0, i, k;

	for (i = 0; i < 6; i++) {
		u8 *at = (u8 *)out[i / 2] + (i & 1 ? HG_RECORD_SPACE(length) : 0);
		struct hg_record_cipher *c;

		memcpy(&h[found], at, sizeof(*h));
		if (h[found].magic != HG_RECORD_MAGIC)
			continue;
		assert_int_equal(hg_record_cipher_new(h[found].epoch ? &next : &keys, HG_KEY_D2H,
						      &c, &err), 0);
		assert_int_equal(hg_record_open(c, &h[found], at + sizeof(*h), plain, &err), 0);
		hg_record_cipher_free(c);
		if (h[found].epoch == state->epoch)
			assert_true(h[found].sequence < state->sealed);
		else
			assert_true(h[found].epoch < state->epoch);
		for (k = 0; k < found; k++)
			assert_false(h[k].epoch == h[found].epoch &&
				     h[k].sequence == h[found].sequence);
		found++;
	}
	return found;
}

static void two_seals(void **unused)
{
	struct launch a = {.run = run_seal, .groups = 1, .out = out[0], .length = 1000};
	struct launch b = {.run = run_seal, .groups = 1, .out = out[1], .length = 1000};
	bool halted = true;
	u32 k;

	(void)unused;
	for (k = 1; halted; k++) {
		session();
		halted = start(&a, k);
		whole(&b);
		end(&a);
		assert_true(assert_nonces(1000) >= 2);
		assert_true(state->bad_code == HG_BAD_NONE || state->bad_code == HG_BAD_LAUNCH);
	}
	assert_true(k > 8);
}

static void seal_and_receipt(void **unused)
{
	struct launch a = {.run = run_seal, .groups = 1, .out = out[0], .length = 1000};
	struct launch b = {.run = run_receipt, .groups = 1, .out = out[1]};
	bool halted = true;
	u32 k;

	(void)unused;
	for (k = 1; halted; k++) {
		session();
		halted = start(&a, k);
		whole(&b);
		end(&a);
		assert_nonces(1000);
		session();
		halted |= start(&b, k);
		whole(&a);
		end(&b);
		assert_nonces(1000);
	}
	assert_true(k > 8);
}

/* A number of the old key must not be used with the new one, which will give it out again. */
static void seal_and_rekey(void **unused)
{
	struct launch a = {.run = run_seal, .groups = 1, .out = out[0], .length = 1000};
	struct launch b = {.run = run_small, .groups = 1, .records = row, .count = 1};
	struct launch c = {.run = run_seal, .groups = 1, .out = out[1], .length = 1000};
	bool halted = true;
	u32 k, changed = 0;

	(void)unused;
	make_row(8, HG_COMMAND);
	for (k = 1; halted; k++) {
		session();
		halted = start(&a, k);
		whole(&b);
		end(&a);
		assert_nonces(1000);
		whole(&c);
		assert_nonces(1000);
		changed += state->epoch;
		session();
		halted |= start(&b, k);
		whole(&a);
		end(&b);
		whole(&c);
		assert_nonces(1000);
	}
	assert_true(k > 8 && changed > 0);
}

/* ---- What was checked is what is opened ---------------------------------------- */

static void check_beside_open(void **unused)
{
	struct launch check = {.run = run_check, .groups = 2, .records = row, .count = 2};
	struct launch open = {.run = run_open, .groups = 2 * HG_PARTS, .count = 2};
	struct launch evil = {.run = run_check, .groups = 2, .records = forged, .count = 2};
	bool halted = true;
	u32 k;

	(void)unused;
	make_row(LARGE, HG_DATA);
	for (k = 1; halted; k += 3) {
		session();
		whole(&check);
		halted = start(&open, k);
		whole(&evil);
		end(&open);
		assert_not_forged(LARGE);
		/* Nor does anything go on from there. */
		whole(&open);
		assert_not_forged(LARGE);
		assert_int_not_equal(state->bad_code, HG_BAD_NONE);
	}
	assert_true(k > 2 * HG_PARTS);
}

/* The first of two launches that open is not through when the second says that all is. */
static void two_opens(void **unused)
{
	struct launch check = {.run = run_check, .groups = 2, .records = row, .count = 2};
	struct launch open = {.run = run_open, .groups = 2 * HG_PARTS, .count = 2};
	struct launch again = {.run = run_open, .groups = 2 * HG_PARTS, .count = 2};
	struct launch evil = {.run = run_check, .groups = 2, .records = forged, .count = 2};
	bool halted = true, second;
	u32 k, m, i;

	(void)unused;
	make_row(LARGE, HG_DATA);
	for (i = 0; i < 2; i++) {
		struct hg_record h;

		memcpy(&h, forged + i * RECORD_WORDS(HG_RECORD_DATA), sizeof(h));
		h.sequence += 2;
		memcpy(forged + i * RECORD_WORDS(HG_RECORD_DATA), &h, sizeof(h));
	}
	for (k = 1; halted; k += 17)
		for (second = true, m = 1; second; m += 5) {
			session();
			whole(&check);
			halted = start(&open, k);
			second = start(&again, m);
			whole(&evil);
			end(&open);
			end(&again);
			assert_not_forged(LARGE);
			/* Either none says that the row is there, or it is. */
			if (state->opened)
				assert_memory_equal(buffer, text, LARGE);
		}
}

static void check_beside_small(void **unused)
{
	struct launch small = {.run = run_small, .groups = 1, .records = row, .count = 1};
	struct launch evil = {.run = run_check, .groups = 1, .records = forged, .count = 1};
	bool halted = true;
	u32 k;

	(void)unused;
	small.buffer = buffer;
	make_row(5000, HG_DATA);
	for (k = 1; halted; k++) {
		session();
		halted = start(&small, k);
		whole(&evil);
		end(&small);
		assert_not_forged(5000);
		session();
		halted |= start(&evil, k);
		whole(&small);
		end(&evil);
		assert_not_forged(5000);
		assert_true(state->bad_code || !memcmp(buffer, text, 5000));
	}
	assert_true(k > 4);
}

static int make(void **unused)
{
	u32 i;

	(void)unused;
	alarm(100); /* lanes that no longer meet would wait for ever */
	state = aligned_alloc(64, (sizeof(*state) + 63) & ~(size_t)63);
	buffer = aligned_alloc(64, SIZE);
	text = malloc(SIZE);
	row = aligned_alloc(64, ROW);
	forged = aligned_alloc(64, ROW);
	for (i = 0; i < 3; i++)
		out[i] = aligned_alloc(64, ROW);
	if (!state || !buffer || !text || !row || !forged || !out[0] || !out[1] || !out[2])
		return -1;
	for (i = 0; i < SIZE; i++)
		text[i] = (u8)(i * 13 + i / 256);
	memset(row, 0, ROW);
	return 0;
}

static int unmake(void **unused)
{
	u32 i;

	(void)unused;
	free(state);
	free(buffer);
	free(text);
	free(row);
	free(forged);
	for (i = 0; i < 3; i++)
		free(out[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_seals),	     cmocka_unit_test(seal_and_receipt),
		cmocka_unit_test(seal_and_rekey),    cmocka_unit_test(check_beside_open),
		cmocka_unit_test(two_opens),	     cmocka_unit_test(check_beside_small),
	};

	return cmocka_run_group_tests_name("overlap", tests, make, unmake);
}
