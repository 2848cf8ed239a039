// SPDX-License-Identifier: Apache-2.0
/* The public interface as it is meant to be used, on the provider of HG_TEST_PROVIDER. */
#include "fixture.h"

#include <stdlib.h>

#define LARGE 2500003u

static void names(void **state)
{
	(void)state;
	assert_string_equal(hg_gpu_version(), HG_GPU_VERSION);
	assert_string_equal(hg_gpu_result_name(HG_GPU_SUCCESS), "ok");
	assert_string_equal(hg_gpu_result_name(HG_GPU_FAIL_RANGE), "range");
	assert_string_equal(hg_gpu_result_name(HG_GPU_FAIL_VERSION), "version");
	assert_string_equal(hg_gpu_result_name(HG_GPU_FAIL_VERSION + 1), "unknown");
	assert_string_equal(hg_gpu_result_name(-1), "unknown");
}

/* Every device of the list can be opened by what the list says of it. */
static void list(void **state)
{
	struct hg_gpu_info info, again;
	struct hg_gpu_list *l = NULL;
	struct hg_gpu_failure f;
	struct hg_gpu *gpu;

	(void)state;
	ok(hg_gpu_list_create(test_provider(), &l, &f), &f);
	assert_true(hg_gpu_list_count(l) >= 1);
	for (size_t i = 0; i < hg_gpu_list_count(l); i++) {
		hg_gpu_clear(&info);
		ok(hg_gpu_list_at(l, i, &info, &f), &f);
		assert_string_equal(info.provider, test_provider());
		gpu = open_gpu(info.provider, info.selector);
		hg_gpu_clear(&again);
		ok(hg_gpu_get_info(gpu, &again, &f), &f);
		assert_memory_equal(&info, &again, sizeof(info));
		hg_gpu_close(gpu);
	}
	fails(hg_gpu_list_at(l, hg_gpu_list_count(l), &info, &f), HG_GPU_FAIL_RANGE, &f);
	hg_gpu_list_free(l);
	ok(hg_gpu_list_create(NULL, &l, &f), &f);
	assert_true(hg_gpu_list_count(l) >= 1);
	hg_gpu_list_free(l);
}

/* One that is simulated says so wherever it can. */
static void says_simulated(void **state)
{
	struct fixture *f = *state;
	struct hg_gpu_info info;
	int simulated = !strcmp(test_provider(), "simulated");

	hg_gpu_clear(&info);
	ok(hg_gpu_get_info(f->gpu, &info, &f->failure), &f->failure);
	assert_int_equal(info.simulated, simulated);
	assert_int_equal(strncmp(info.description, "SIMULATED", 9) == 0, simulated);
	assert_int_equal(statistics_of(f->session).simulated, simulated);
}

static void back_and_forth(struct hg_gpu_session *s, size_t size, size_t offset, size_t length)
{
	unsigned char *there = malloc(size), *back = malloc(size);
	hg_gpu_buffer *b = NULL;
	struct hg_gpu_failure f;

	fill(there, size, (unsigned)size);
	ok(hg_gpu_buffer_create(s, size, &b, &f), &f);
	assert_int_equal(hg_gpu_buffer_size(b), size);
	ok(hg_gpu_buffer_write(b, 0, there, size, &f), &f);
	fill(there + offset, length, 1);
	ok(hg_gpu_buffer_write(b, offset, there + offset, length, &f), &f);
	memset(back, 0, size);
	ok(hg_gpu_buffer_read(b, 0, back, size, &f), &f);
	assert_memory_equal(there, back, size);
	memset(back, 0, size);
	ok(hg_gpu_buffer_read(b, offset, back, length, &f), &f);
	assert_memory_equal(there + offset, back, length);
	hg_gpu_buffer_free(b);
	free(there);
	free(back);
}

static void transfers(void **state)
{
	struct fixture *f = *state;

	back_and_forth(f->session, 1, 0, 1);
	back_and_forth(f->session, 100, 17, 3);
	back_and_forth(f->session, 65536, 1, 65535);
	back_and_forth(f->session, LARGE, 1048575, 1048578);
}

static void of_a_suite(uint32_t suite)
{
	struct hg_gpu *gpu = open_gpu(test_provider(), NULL);
	struct hg_gpu_session *s = open_session(gpu, suite);
	struct hg_gpu_failure f;

	/* The session holds the device. */
	hg_gpu_close(gpu);
	back_and_forth(s, 100000, 5, 99990);
	ok(hg_gpu_session_rekey(s, &f), &f);
	back_and_forth(s, 100000, 5, 99990);
	ok(hg_gpu_session_close(s, &f), &f);
	assert_int_equal(statistics_of(s).rekeys, 1);
	hg_gpu_session_free(s);
}

static void aes(void **state)
{
	(void)state;
	of_a_suite(HG_GPU_SUITE_AES_256_GCM);
}

static void chacha(void **state)
{
	(void)state;
	of_a_suite(HG_GPU_SUITE_CHACHA20_POLY1305);
}

static void sm4(void **state)
{
	(void)state;
	of_a_suite(HG_GPU_SUITE_SM4_CTR_HMAC_SM3);
}

/* Nothing is written without reaching the device, also what is small and waits. */
static void counts(void **state)
{
	struct fixture *f = *state;
	struct hg_gpu_statistics s;
	unsigned char data[20000];
	hg_gpu_buffer *b = NULL;

	fill(data, sizeof(data), 3);
	ok(hg_gpu_buffer_create(f->session, 100000, &b, &f->failure), &f->failure);
	s = statistics_of(f->session);
	assert_int_equal(s.writes + s.reads + s.bytes_written + s.bytes_read, 0);
	for (int i = 0; i < 10; i++)
		ok(hg_gpu_buffer_write(b, (size_t)i * 100, data, 100, &f->failure), &f->failure);
	assert_int_equal(statistics_of(f->session).records_sent, 0);
	ok(hg_gpu_session_sync(f->session, &f->failure), &f->failure);
	s = statistics_of(f->session);
	assert_int_equal(s.records_sent, 10);
	assert_int_equal(s.coalesced, 10);
	assert_int_equal(s.syncs, 1);
	ok(hg_gpu_buffer_write(b, 0, data, 20000, &f->failure), &f->failure);
	ok(hg_gpu_buffer_read(b, 0, data, 20000, &f->failure), &f->failure);
	/* Nothing is also fine. */
	ok(hg_gpu_buffer_write(b, 100000, NULL, 0, &f->failure), &f->failure);
	ok(hg_gpu_buffer_read(b, 0, NULL, 0, &f->failure), &f->failure);
	s = statistics_of(f->session);
	assert_int_equal(s.bytes_written, 21000);
	assert_int_equal(s.bytes_read, 20000);
	assert_true(s.receipts >= 2 && s.crossings > 4 && s.launches > 2);
	assert_true(s.bus_bytes_sent > 21000 && s.bus_bytes_received > 20000);
	assert_true(s.seal_ns > 0 && s.open_ns > 0);
	assert_int_equal(s.verdicts, 0);
	assert_int_equal(s.result, HG_GPU_SUCCESS);
	hg_gpu_buffer_free(b);
}

static void at_once(void **state)
{
	struct fixture *f = *state;
	struct hg_gpu_session_options o;
	struct hg_gpu_session *s = NULL;
	uint8_t cvm[32] = { 1 };
	hg_gpu_buffer *b = NULL;

	hg_gpu_clear(&o);
	o.flags = HG_GPU_SESSION_ANONYMOUS | HG_GPU_SESSION_NO_COALESCING;
	o.threads = 2;
	o.cvm = cvm;
	o.curve = HG_GPU_CURVE_P256;
	o.rekey_bytes = 100000;
	ok(hg_gpu_session_open(f->gpu, &o, &s, &f->failure), &f->failure);
	ok(hg_gpu_buffer_create(s, 1000, &b, &f->failure), &f->failure);
	ok(hg_gpu_buffer_write(b, 0, cvm, 32, &f->failure), &f->failure);
	assert_int_equal(statistics_of(s).records_sent, 1);
	hg_gpu_buffer_free(b);
	back_and_forth(s, LARGE, 100, 1000000);
	assert_true(statistics_of(s).rekeys > 1);
	hg_gpu_session_free(s);
}

/* In whatever order, what is still needed stays. */
static void order_of_freeing(void **state)
{
	struct hg_gpu *gpu = open_gpu(test_provider(), NULL);
	struct hg_gpu_session *s = open_session(gpu, 0);
	struct hg_gpu_failure f;
	hg_gpu_buffer *b = NULL;
	char byte = 7;

	(void)state;
	ok(hg_gpu_buffer_create(s, 100, &b, &f), &f);
	hg_gpu_close(gpu);
	ok(hg_gpu_buffer_write(b, 0, &byte, 1, &f), &f);
	hg_gpu_session_free(s);
	fails(hg_gpu_buffer_write(b, 0, &byte, 1, &f), HG_GPU_FAIL_CLOSED, &f);
	hg_gpu_buffer_free(b);
	hg_gpu_close(NULL);
	hg_gpu_session_free(NULL);
	hg_gpu_buffer_free(NULL);
	hg_gpu_list_free(NULL);
	hg_gpu_fingerprint_free(NULL);
	hg_gpu_verdict_free(NULL);
	hg_gpu_text_free(NULL);
}

static void fingerprint(void **state)
{
	struct fixture *f = *state;
	struct hg_gpu_fingerprint *fp = NULL;
	struct hg_gpu_member m;
	uint8_t hash[32] = { 0 }, zero[32] = { 0 };
	size_t stable = 0;

	ok(hg_gpu_fingerprint_collect(f->gpu, &fp, &f->failure), &f->failure);
	assert_true(hg_gpu_fingerprint_count(fp) > 0);
	for (size_t i = 0; i < hg_gpu_fingerprint_count(fp); i++) {
		hg_gpu_clear(&m);
		ok(hg_gpu_fingerprint_at(fp, i, &m, &f->failure), &f->failure);
		assert_true(*m.name && *m.value);
		stable += !strcmp(m.kind, "stable");
	}
	assert_true(stable > 0);
	fails(hg_gpu_fingerprint_at(fp, hg_gpu_fingerprint_count(fp), &m, &f->failure),
	      HG_GPU_FAIL_RANGE, &f->failure);
	ok(hg_gpu_fingerprint_hash(fp, hash, &f->failure), &f->failure);
	assert_memory_not_equal(hash, zero, 32);
	hg_gpu_fingerprint_free(fp);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(list),
		cmocka_unit_test_setup_teardown(says_simulated, with_session, without),
		cmocka_unit_test_setup_teardown(transfers, with_session, without),
		cmocka_unit_test(aes),
		cmocka_unit_test(chacha),
		cmocka_unit_test(sm4),
		cmocka_unit_test_setup_teardown(counts, with_session, without),
		cmocka_unit_test_setup_teardown(at_once, with_gpu, without),
		cmocka_unit_test(order_of_freeing),
	};
	const struct CMUnitTest known[] = {
		cmocka_unit_test_setup_teardown(fingerprint, with_gpu, without),
	};
	int failed = cmocka_run_group_tests_name(test_provider(), all, NULL, NULL);

	/* Devices of CUDA's have none. */
	if (strcmp(test_provider(), "cuda"))
		failed += cmocka_run_group_tests_name("fingerprint", known, NULL, NULL);
	return failed;
}
