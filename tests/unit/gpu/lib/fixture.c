// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

const char *test_provider(void)
{
	const char *name = getenv("HG_TEST_PROVIDER");

	return name ? name : "simulated";
}

void ok(int result, const struct hg_gpu_failure *failure)
{
	if (result != HG_GPU_SUCCESS)
		fail_msg("%s: %s", hg_gpu_result_name(result), failure->text);
	assert_int_equal(failure->code, HG_GPU_SUCCESS);
	assert_string_equal(failure->text, "");
}

void fails(int result, int want, const struct hg_gpu_failure *failure)
{
	if (result != want)
		fail_msg("%s, not %s: %s", hg_gpu_result_name(result), hg_gpu_result_name(want),
			 failure->text);
	assert_int_equal(failure->code, want);
	assert_string_not_equal(failure->text, "");
}

struct hg_gpu *open_gpu(const char *provider, const char *selector)
{
	struct hg_gpu_open_options options;
	struct hg_gpu_failure f;
	struct hg_gpu *gpu = NULL;

	hg_gpu_clear(&options);
	options.provider = provider;
	options.selector = selector;
	ok(hg_gpu_open(&options, &gpu, &f), &f);
	assert_non_null(gpu);
	return gpu;
}

struct hg_gpu_session *open_session(struct hg_gpu *gpu, uint32_t suite)
{
	struct hg_gpu_session_options options;
	struct hg_gpu_session *session = NULL;
	struct hg_gpu_failure f;

	hg_gpu_clear(&options);
	options.flags = HG_GPU_SESSION_ANONYMOUS;
	options.suite = suite;
	ok(hg_gpu_session_open(gpu, &options, &session, &f), &f);
	assert_non_null(session);
	return session;
}

struct hg_gpu_statistics statistics_of(struct hg_gpu_session *session)
{
	struct hg_gpu_statistics s;
	struct hg_gpu_failure f;

	hg_gpu_clear(&s);
	ok(hg_gpu_session_statistics(session, &s, &f), &f);
	return s;
}

int with_gpu(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->gpu = open_gpu(test_provider(), NULL);
	return 0;
}

int with_session(void **state)
{
	struct fixture *f;

	with_gpu(state);
	f = *state;
	f->session = open_session(f->gpu, HG_GPU_SUITE_DEFAULT);
	return 0;
}

int without(void **state)
{
	struct fixture *f = *state;

	hg_gpu_session_free(f->session);
	hg_gpu_close(f->gpu);
	free(f);
	return 0;
}

static char *text_of(BIO *bio)
{
	char *data, *text;
	long size = BIO_get_mem_data(bio, &data);

	assert_true(size > 0);
	text = strndup(data, (size_t)size);
	BIO_free(bio);
	assert_non_null(text);
	return text;
}

void new_keys(char **private, char **public)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	BIO *a = BIO_new(BIO_s_mem()), *b = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(a, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(PEM_write_bio_PUBKEY(b, key), 1);
	*private = text_of(a);
	*public = text_of(b);
	EVP_PKEY_free(key);
}

char *new_record(struct hg_gpu *gpu, const char *private, uint64_t flags, size_t *size)
{
	struct hg_gpu_enrol_options o;
	struct hg_gpu_failure f;
	char *record = NULL;

	hg_gpu_clear(&o);
	o.flags = flags;
	o.key = private;
	o.key_size = strlen(private);
	o.readings = 3;
	ok(hg_gpu_enrol(gpu, &o, &record, size, &f), &f);
	assert_int_equal(strlen(record), *size);
	return record;
}

void fill(unsigned char *to, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)((i * 2654435761u + seed) >> 11);
}
