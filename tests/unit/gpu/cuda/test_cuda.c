// SPDX-License-Identifier: Apache-2.0
/*
 * The CUDA provider on the mock of libcuda: what it loads, what it refuses, that known
 * answers, the key agreement and transfers work through it. argv[1] is the mock.
 */
#include "channel.h"
#include "cuda.h"
#include "session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *mock_path;
static struct hg_cuda_api api;
static struct hg_gpu_error err;

static void says(const char *text)
{
	if (!strstr(err.text, text))
		fail_msg("'%s' does not say '%s'", err.text, text);
}

static void no_driver(void **state)
{
	struct hg_cuda_api none;

	(void)state;
	assert_int_equal(hg_cuda_load("/nonexistent/libcuda.so.1", &none, &err), -1);
	assert_int_equal(err.code, HG_GPU_E_DEVICE);
	says("no CUDA driver");
	/* A library, but not this one. */
	assert_int_equal(hg_cuda_load("libcrypto.so.3", &none, &err), -1);
	assert_int_equal(err.code, HG_GPU_E_UNSUPPORTED);
	says("lacks cuInit");
}

static void refuses(void **state)
{
	struct hg_provider *p = (void *)1;

	(void)state;
	assert_int_equal(hg_cuda_open(&api, 7, HG_AES_256_GCM, &p, &err), -1);
	says("there is no CUDA device 7: there are 1");
	assert_null(p);
	assert_int_equal(hg_cuda_open(&api, 0, 9, &p, &err), -1);
	says("suite 9");
	assert_null(p);
}

static CUresult no_image(CUmodule *module, const void *image, unsigned options, int *names,
			 void **values)
{
	(void)module;
	(void)image;
	assert_int_equal(options, 2);
	assert_int_equal(names[0], CU_JIT_ERROR_LOG_BUFFER);
	strcpy(values[0], "line 3: no such instruction");
	return 218;
}

/* The driver's own words reach the user. */
static void jit_fails(void **state)
{
	struct hg_cuda_api broken = api;
	struct hg_provider *p;

	(void)state;
	broken.cuModuleLoadDataEx = no_image;
	assert_int_equal(hg_cuda_open(&broken, 0, HG_AES_256_GCM, &p, &err), -1);
	says("line 3: no such instruction");
}

static CUresult flips(void *dst, CUdeviceptr src, size_t size, CUstream stream)
{
	CUresult rc = api.cuMemcpyDtoHAsync_v2(dst, src, size, stream);

	if (size > 100)
		((uint8_t *)dst)[100] ^= 1;
	return rc;
}

/* A device that computes wrongly is not handed any secret. */
static void wrong_answers(void **state)
{
	struct hg_cuda_api broken = api;
	struct hg_provider *p;

	(void)state;
	broken.cuMemcpyDtoHAsync_v2 = flips;
	assert_int_equal(hg_cuda_open(&broken, 0, HG_AES_256_GCM, &p, &err), -1);
	assert_int_equal(err.code, HG_GPU_E_KAT);
}

static unsigned countdown;

static CUresult runs_out(CUdeviceptr *p, size_t size)
{
	return countdown-- ? api.cuMemAlloc_v2(p, size) : CUDA_ERROR_OUT_OF_MEMORY;
}

static void out_of_memory(void **state)
{
	struct hg_cuda_api small = api;
	struct hg_provider *p = NULL;
	unsigned n;

	(void)state;
	small.cuMemAlloc_v2 = runs_out;
	for (n = 0; n < 32; n++) {
		countdown = n;
		if (!hg_cuda_open(&small, 0, HG_AES_256_GCM, &p, &err))
			break;
		assert_int_equal(err.code, HG_GPU_E_MEMORY);
		assert_null(p);
	}
	assert_true(n > 0 && n < 32);
	hg_provider_close(p);
}

static void transfers(void **state)
{
	static uint8_t text[300000], back[sizeof(text)];

	(void)state;
	for (unsigned suite = HG_AES_256_GCM; suite <= HG_SM4_CTR_HMAC_SM3; suite++) {
		struct hg_agree_options o = { .suite = suite, .anonymous = true };
		struct hg_channel_options co = { .suite = suite };
		struct hg_session_keys keys;
		struct hg_pending *pending;
		struct hg_provider *p;
		struct hg_channel *ch;
		struct hg_buffer *buffer;
		struct hg_queue *q;
		uint64_t id;

		if (hg_cuda_open(&api, 0, suite, &p, &err))
			fail_msg("%s", err.text);
		assert_string_equal(p->info.name, "mock of libcuda");
		assert_string_equal(p->info.pci, "0000:01:00.0");
		assert_int_equal(p->ops->queue_create(p, &q, &err), 0);
		if (hg_session_open(p, q, &o, NULL, &co.state, &keys, &err))
			fail_msg("%s", err.text);
		co.session = keys.session;
		memcpy(co.secret, keys.secret, sizeof(co.secret));
		memcpy(co.transcript, keys.transcript, sizeof(co.transcript));
		if (hg_channel_open(p, q, &co, &ch, &err))
			fail_msg("%s", err.text);
		assert_int_equal(p->ops->buffer_create(p, sizeof(text), &buffer, &err), 0);
		RAND_bytes(text, sizeof(text));
		if (hg_channel_bind(ch, q, buffer, sizeof(text), &id, &err) ||
		    hg_channel_write(ch, q, id, buffer, 0, text, sizeof(text), NULL, &err) ||
		    hg_channel_read(ch, q, id, buffer, 0, back, sizeof(back), &pending, &err) ||
		    hg_channel_complete(ch, pending, &err))
			fail_msg("suite %u: %s", suite, err.text);
		assert_memory_equal(text, back, sizeof(text));
		hg_channel_close(ch);
		p->ops->buffer_release(p, buffer);
		p->ops->queue_release(p, q);
		hg_provider_close(p);
		OPENSSL_cleanse(&keys, sizeof(keys));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_driver),	 cmocka_unit_test(refuses),
		cmocka_unit_test(jit_fails),	 cmocka_unit_test(wrong_answers),
		cmocka_unit_test(out_of_memory), cmocka_unit_test(transfers),
	};

	mock_path = argc > 1 ? argv[1] : "build/libcuda.so.1";
	if (hg_cuda_load(mock_path, &api, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
