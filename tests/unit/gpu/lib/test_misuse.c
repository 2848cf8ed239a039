// SPDX-License-Identifier: Apache-2.0
/* What callers do wrong: each has its result, and changes nothing. */
#include "fixture.h"

#include <stdlib.h>

#define SIZE 1000u

struct open_buffer {
	struct fixture *f;
	hg_gpu_buffer *b;
	unsigned char data[SIZE];
	struct hg_gpu_statistics before;
};

/* A buffer with known contents, which has arrived. */
static struct open_buffer written(struct fixture *f)
{
	struct open_buffer o = { .f = f };

	fill(o.data, SIZE, 5);
	ok(hg_gpu_buffer_create(f->session, SIZE, &o.b, &f->failure), &f->failure);
	ok(hg_gpu_buffer_write(o.b, 0, o.data, SIZE, &f->failure), &f->failure);
	ok(hg_gpu_session_sync(f->session, &f->failure), &f->failure);
	o.before = statistics_of(f->session);
	return o;
}

/* Nothing crossed, the session is good, the buffer has what it had. */
static void unchanged(struct open_buffer *o)
{
	struct hg_gpu_statistics now = statistics_of(o->f->session);
	unsigned char back[SIZE] = { 0 };

	assert_memory_equal(&now, &o->before, sizeof(now));
	ok(hg_gpu_buffer_read(o->b, 0, back, SIZE, &o->f->failure), &o->f->failure);
	assert_memory_equal(back, o->data, SIZE);
	hg_gpu_buffer_free(o->b);
}

static void outside(void **state)
{
	static const struct {
		size_t offset, size;
	} bad[] = {
		{ 0, SIZE + 1 },    { SIZE, 1 },	{ SIZE + 1, 0 },   { 1, SIZE },
		{ SIZE_MAX, 1 },    { 1, SIZE_MAX },	{ SIZE_MAX, SIZE_MAX }, { SIZE - 1, 2 },
		{ SIZE, SIZE_MAX }, { SIZE_MAX - 1, 2 }, { SIZE_MAX, 0 },
	};
	struct open_buffer o = written(*state);
	struct hg_gpu_failure *f = &o.f->failure;
	unsigned char memory[SIZE + 1], same[SIZE + 1];

	memset(memory, 0xa5, sizeof(memory));
	memcpy(same, memory, sizeof(same));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fails(hg_gpu_buffer_write(o.b, bad[i].offset, memory, bad[i].size, f),
		      HG_GPU_FAIL_RANGE, f);
		fails(hg_gpu_buffer_read(o.b, bad[i].offset, memory, bad[i].size, f),
		      HG_GPU_FAIL_RANGE, f);
	}
	assert_memory_equal(memory, same, sizeof(same));
	unchanged(&o);
}

static void null_arguments(void **state)
{
	struct open_buffer o = written(*state);
	struct hg_gpu_failure *f = &o.f->failure;
	hg_gpu_buffer *none = (hg_gpu_buffer *)1;
	unsigned char byte = 1;

	fails(hg_gpu_buffer_write(NULL, 0, &byte, 1, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_buffer_read(NULL, 0, &byte, 1, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_buffer_write(o.b, 0, NULL, 1, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_buffer_read(o.b, 0, NULL, 1, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_buffer_create(NULL, 1, &none, f), HG_GPU_FAIL_ARGUMENT, f);
	assert_null(none);
	fails(hg_gpu_buffer_create(o.f->session, 0, &none, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_buffer_create(o.f->session, 1, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_buffer_create(o.f->session, SIZE_MAX, &none, f), HG_GPU_FAIL_LIMIT, f);
	assert_null(none);
	fails(hg_gpu_session_sync(NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_session_rekey(NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_session_close(NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	/* Without anyone who wants the text. */
	assert_int_equal(hg_gpu_buffer_write(NULL, 0, &byte, 1, NULL), HG_GPU_FAIL_ARGUMENT);
	assert_int_equal(hg_gpu_buffer_write(o.b, SIZE, &byte, 1, NULL), HG_GPU_FAIL_RANGE);
	assert_int_equal(hg_gpu_buffer_size(NULL), 0);
	unchanged(&o);
}

static void null_outputs(void **state)
{
	struct fixture *fx = *state;
	struct hg_gpu_failure *f = &fx->failure;
	struct hg_gpu_open_options open;
	struct hg_gpu_info info;
	struct hg_gpu_statistics s;
	struct hg_gpu *gpu = (struct hg_gpu *)1;
	struct hg_gpu_list *list = NULL;

	hg_gpu_clear(&open);
	hg_gpu_clear(&info);
	hg_gpu_clear(&s);
	fails(hg_gpu_list_create(NULL, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_open(&open, &gpu, f), HG_GPU_FAIL_ARGUMENT, f);
	assert_null(gpu);
	fails(hg_gpu_open(NULL, &gpu, f), HG_GPU_FAIL_ARGUMENT, f);
	open.provider = "simulated";
	fails(hg_gpu_open(&open, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_get_info(NULL, &info, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_get_info(fx->gpu, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_list_at(NULL, 0, &info, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_session_statistics(NULL, &s, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_session_statistics(fx->session, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_fingerprint_collect(NULL, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_fingerprint_collect(fx->gpu, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_fingerprint_hash(NULL, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_enrol(fx->gpu, NULL, NULL, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_verify(fx->gpu, NULL, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	fails(hg_gpu_session_open(NULL, NULL, NULL, f), HG_GPU_FAIL_ARGUMENT, f);
	assert_int_equal(hg_gpu_list_count(list), 0);
	assert_int_equal(hg_gpu_fingerprint_count(NULL), 0);
	assert_int_equal(hg_gpu_verdict_count(NULL), 0);
}

static void no_device(const char *provider, const char *selector, int want)
{
	struct hg_gpu_open_options o;
	struct hg_gpu *gpu = (struct hg_gpu *)1;
	struct hg_gpu_failure f;

	hg_gpu_clear(&o);
	o.provider = provider;
	o.selector = selector;
	fails(hg_gpu_open(&o, &gpu, &f), want, &f);
	assert_null(gpu);
}

static void unknown_devices(void **state)
{
	struct hg_gpu_list *list = (struct hg_gpu_list *)1;
	struct hg_gpu_failure f;

	(void)state;
	no_device("vulkan", NULL, HG_GPU_FAIL_NOT_FOUND);
	no_device("", NULL, HG_GPU_FAIL_NOT_FOUND);
	/* What comes from the caller is printable in the text. */
	no_device("\033[31m", NULL, HG_GPU_FAIL_NOT_FOUND);
	no_device("simulated", "one", HG_GPU_FAIL_NOT_FOUND);
	no_device("simulated", "", HG_GPU_FAIL_NOT_FOUND);
	no_device("simulated", "-1", HG_GPU_FAIL_NOT_FOUND);
	no_device("simulated", "18446744073709551616", HG_GPU_FAIL_NOT_FOUND);
	hg_gpu_close(open_gpu("simulated", "18446744073709551615"));
	fails(hg_gpu_list_create("vulkan", &list, &f), HG_GPU_FAIL_NOT_FOUND, &f);
	assert_null(list);
	assert_null(strchr(f.text, '\033'));
}

static void open_options(void **state)
{
	struct hg_gpu_open_options good, o;
	struct hg_gpu *gpu = NULL;
	struct hg_gpu_failure f;

	(void)state;
	hg_gpu_clear(&good);
	good.provider = "simulated";
	for (int bit = 0; bit < 64; bit++) {
		o = good;
		o.flags = UINT64_C(1) << bit;
		fails(hg_gpu_open(&o, &gpu, &f), HG_GPU_FAIL_ARGUMENT, &f);
	}
	o = good;
	o.serial = 1;
	fails(hg_gpu_open(&o, &gpu, &f), HG_GPU_FAIL_ARGUMENT, &f);
	for (size_t size = 0; size < 2 * sizeof(o); size++) {
		o = good;
		o.struct_size = size;
		if (size != sizeof(o))
			fails(hg_gpu_open(&o, &gpu, &f), HG_GPU_FAIL_VERSION, &f);
		assert_null(gpu);
	}
	o.struct_size = SIZE_MAX;
	fails(hg_gpu_open(&o, &gpu, &f), HG_GPU_FAIL_VERSION, &f);
}

static void refuse_session(struct fixture *f, const struct hg_gpu_session_options *o, int want)
{
	struct hg_gpu_session *s = (struct hg_gpu_session *)1;

	fails(hg_gpu_session_open(f->gpu, o, &s, &f->failure), want, &f->failure);
	assert_null(s);
}

static void session_options(void **state)
{
	struct open_buffer b = written(*state);
	struct hg_gpu_session_options good, o;

	hg_gpu_clear(&good);
	good.flags = HG_GPU_SESSION_ANONYMOUS;
	for (int bit = 3; bit < 64; bit++) {
		o = good;
		o.flags |= UINT64_C(1) << bit;
		refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	}
	for (size_t size = 0; size < 2 * sizeof(o); size++) {
		o = good;
		o.struct_size = size;
		if (size != sizeof(o))
			refuse_session(b.f, &o, HG_GPU_FAIL_VERSION);
	}
	o = good;
	o.flags = 0;
	refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.suite = 4;
	refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.curve = 4;
	refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.threads = 17;
	refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.reserved = 1;
	refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.rekey_bytes = (UINT64_C(1) << 36) + 1;
	refuse_session(b.f, &o, HG_GPU_FAIL_ARGUMENT);
	unchanged(&b);
}

/* Structures to be filled are left as they are where their size is wrong. */
static void sizes_of_outputs(void **state)
{
	struct fixture *fx = *state;
	struct hg_gpu_failure *f = &fx->failure;
	struct hg_gpu_statistics s, s0;
	struct hg_gpu_info info, info0;

	memset(&s, 0x5a, sizeof(s));
	s.struct_size = sizeof(s) - 8;
	s0 = s;
	fails(hg_gpu_session_statistics(fx->session, &s, f), HG_GPU_FAIL_VERSION, f);
	assert_memory_equal(&s, &s0, sizeof(s));
	memset(&info, 0x5a, sizeof(info));
	info0 = info;
	fails(hg_gpu_get_info(fx->gpu, &info, f), HG_GPU_FAIL_VERSION, f);
	assert_memory_equal(&info, &info0, sizeof(info));
}

static void closed(void **state)
{
	struct open_buffer o = written(*state);
	struct hg_gpu_session *s = o.f->session;
	struct hg_gpu_failure *f = &o.f->failure;
	unsigned char back[SIZE], same[SIZE];
	hg_gpu_buffer *b = NULL;
	struct hg_gpu_statistics after;

	memset(back, 0xa5, SIZE);
	memcpy(same, back, SIZE);
	ok(hg_gpu_session_close(s, f), f);
	after = statistics_of(s);
	assert_int_equal(after.bytes_written, o.before.bytes_written);
	assert_int_equal(after.result, HG_GPU_SUCCESS);
	fails(hg_gpu_session_close(s, f), HG_GPU_FAIL_CLOSED, f);
	fails(hg_gpu_session_sync(s, f), HG_GPU_FAIL_CLOSED, f);
	fails(hg_gpu_session_rekey(s, f), HG_GPU_FAIL_CLOSED, f);
	fails(hg_gpu_buffer_create(s, 1, &b, f), HG_GPU_FAIL_CLOSED, f);
	assert_null(b);
	fails(hg_gpu_buffer_write(o.b, 0, back, SIZE, f), HG_GPU_FAIL_CLOSED, f);
	fails(hg_gpu_buffer_read(o.b, 0, back, SIZE, f), HG_GPU_FAIL_CLOSED, f);
	assert_memory_equal(back, same, SIZE);
	/* What is wrong on top of that is said first. */
	fails(hg_gpu_buffer_read(o.b, 1, back, SIZE, f), HG_GPU_FAIL_RANGE, f);
	o.before = statistics_of(s);
	assert_memory_equal(&o.before, &after, sizeof(after));
	hg_gpu_buffer_free(o.b);
	/* The device takes another session. */
	o.f->session = open_session(o.f->gpu, 0);
	hg_gpu_session_free(s);
}

static void too_many(void **state)
{
	struct fixture *f = *state;
	static hg_gpu_buffer *b[4096];
	unsigned char there = 9, back = 0;
	size_t n = 0;

	while (n < 4095)
		ok(hg_gpu_buffer_create(f->session, 1, &b[n++], &f->failure), &f->failure);
	fails(hg_gpu_buffer_create(f->session, 1, &b[n], &f->failure), HG_GPU_FAIL_LIMIT,
	      &f->failure);
	assert_null(b[n]);
	hg_gpu_buffer_free(b[17]);
	ok(hg_gpu_buffer_create(f->session, 1, &b[17], &f->failure), &f->failure);
	ok(hg_gpu_buffer_write(b[17], 0, &there, 1, &f->failure), &f->failure);
	ok(hg_gpu_buffer_read(b[17], 0, &back, 1, &f->failure), &f->failure);
	assert_int_equal(back, there);
	while (n--)
		hg_gpu_buffer_free(b[n]);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(outside, with_session, without),
		cmocka_unit_test_setup_teardown(null_arguments, with_session, without),
		cmocka_unit_test_setup_teardown(null_outputs, with_session, without),
		cmocka_unit_test(unknown_devices),
		cmocka_unit_test(open_options),
		cmocka_unit_test_setup_teardown(session_options, with_session, without),
		cmocka_unit_test_setup_teardown(sizes_of_outputs, with_session, without),
		cmocka_unit_test_setup_teardown(closed, with_session, without),
		cmocka_unit_test_setup_teardown(too_many, with_session, without),
	};

	return cmocka_run_group_tests_name("misuse", all, NULL, NULL);
}
