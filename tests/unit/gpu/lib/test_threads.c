// SPDX-License-Identifier: Apache-2.0
/* Threads: on sessions of their own, on one session, and one that closes it meanwhile. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>

#define ROUNDS 20
#define SIZE   70000u

struct worker {
	pthread_t thread;
	struct hg_gpu *gpu; /* a session of its own on it, or */
	struct hg_gpu_session *session; /* this one */
	unsigned seed;
	int result; /* the first that is none of success */
	int wrong; /* rounds in which something else came back */
};

/* cmocka's assertions are for the main thread: results go there. */
static int rounds(struct worker *w, struct hg_gpu_session *s)
{
	unsigned char *there = malloc(SIZE), *back = malloc(SIZE);
	hg_gpu_buffer *b = NULL;
	int result = hg_gpu_buffer_create(s, SIZE, &b, NULL);

	for (unsigned i = 0; !result && i < ROUNDS; i++) {
		fill(there, SIZE, w->seed + i);
		result = hg_gpu_buffer_write(b, 0, there, SIZE, NULL);
		if (!result)
			result = hg_gpu_buffer_write(b, i, there + i, 10, NULL);
		if (!result && i % 8 == 3)
			result = hg_gpu_session_rekey(s, NULL);
		if (!result)
			result = hg_gpu_buffer_read(b, 0, back, SIZE, NULL);
		if (!result)
			w->wrong += memcmp(there, back, SIZE) != 0;
	}
	hg_gpu_buffer_free(b);
	free(there);
	free(back);
	return result;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct hg_gpu_session_options o;
	struct hg_gpu_session *s = NULL;

	if (w->session) {
		w->result = rounds(w, w->session);
		return NULL;
	}
	hg_gpu_clear(&o);
	o.flags = HG_GPU_SESSION_ANONYMOUS;
	o.threads = 1;
	w->result = hg_gpu_session_open(w->gpu, &o, &s, NULL);
	if (!w->result)
		w->result = rounds(w, s);
	if (!w->result)
		w->result = hg_gpu_session_close(s, NULL);
	hg_gpu_session_free(s);
	return NULL;
}

static void start(struct worker *w)
{
	assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
}

static void two(struct worker a, struct worker b)
{
	struct worker w[2] = { a, b };

	w[0].seed = 1;
	w[1].seed = 1000;
	start(&w[0]);
	start(&w[1]);
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].result, HG_GPU_SUCCESS);
		assert_int_equal(w[i].wrong, 0);
	}
}

static void two_devices(void **state)
{
	struct hg_gpu *a = open_gpu(test_provider(), NULL), *b = open_gpu(test_provider(), NULL);

	(void)state;
	two((struct worker){ .gpu = a }, (struct worker){ .gpu = b });
	hg_gpu_close(a);
	hg_gpu_close(b);
}

static void two_sessions(void **state)
{
	struct fixture *f = *state;

	two((struct worker){ .gpu = f->gpu }, (struct worker){ .gpu = f->gpu });
}

static void one_session(void **state)
{
	struct fixture *f = *state;

	two((struct worker){ .session = f->session }, (struct worker){ .session = f->session });
	assert_int_equal(statistics_of(f->session).verdicts, 0);
}

/* Whoever comes after the end is told so, and nobody meets half a session. */
static void closed_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .session = f->session };

	start(&w);
	ok(hg_gpu_session_close(f->session, &f->failure), &f->failure);
	pthread_join(w.thread, NULL);
	assert_true(w.result == HG_GPU_SUCCESS || w.result == HG_GPU_FAIL_CLOSED);
	assert_int_equal(w.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(two_devices),
		cmocka_unit_test_setup_teardown(two_sessions, with_gpu, without),
		cmocka_unit_test_setup_teardown(one_session, with_session, without),
		cmocka_unit_test_setup_teardown(closed_meanwhile, with_session, without),
	};

	return cmocka_run_group_tests_name("threads", all, NULL, NULL);
}
