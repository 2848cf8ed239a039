// SPDX-License-Identifier: Apache-2.0
/* Records: enrolment, verification, sessions that need them, and what is refused. */
#include "fixture.h"

#include <stdlib.h>

struct records {
	struct hg_gpu *gpu, *other;
	char *private, *public, *other_private, *other_public;
	char *record, *identity;
	size_t size, identity_size;
	struct hg_gpu_failure f;
};

static struct records r;

static struct hg_gpu *open_serial(const char *serial)
{
	struct hg_gpu_open_options o;
	struct hg_gpu *gpu = NULL;

	if (!strcmp(test_provider(), "simulated"))
		return open_gpu("simulated", serial);
	/* PoCL has no clock: its behaviour is a simulated device's, its arithmetic PoCL's. */
	hg_gpu_clear(&o);
	o.provider = test_provider();
	o.flags = HG_GPU_OPEN_SIMULATED_BEHAVIOUR;
	o.serial = strtoull(serial, NULL, 10);
	ok(hg_gpu_open(&o, &gpu, &r.f), &r.f);
	return gpu;
}

static int set_up(void **state)
{
	(void)state;
	r.gpu = open_serial("7");
	r.other = open_serial("8");
	new_keys(&r.private, &r.public);
	new_keys(&r.other_private, &r.other_public);
	r.record = new_record(r.gpu, r.private, 0, &r.size);
	r.identity = new_record(r.gpu, r.private, HG_GPU_ENROL_IDENTITY_ONLY, &r.identity_size);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hg_gpu_close(r.gpu);
	hg_gpu_close(r.other);
	free(r.private);
	free(r.public);
	free(r.other_private);
	free(r.other_public);
	hg_gpu_text_free(r.record);
	hg_gpu_text_free(r.identity);
	return 0;
}

static struct hg_gpu_verify_options to_verify(const char *record, size_t size, const char *signer)
{
	struct hg_gpu_verify_options o;

	hg_gpu_clear(&o);
	o.record = record;
	o.record_size = size;
	o.signer = signer;
	o.signer_size = signer ? strlen(signer) : 0;
	return o;
}

static void passes(void **state)
{
	struct hg_gpu_verify_options o = to_verify(r.record, r.size, r.public);
	struct hg_gpu_verdict_info v;
	struct hg_gpu_verdict *verdict = NULL;

	(void)state;
	assert_non_null(strstr(r.record, "\"simulated\": true"));
	ok(hg_gpu_verify(r.gpu, &o, &verdict, &r.f), &r.f);
	hg_gpu_clear(&v);
	ok(hg_gpu_verdict_get(verdict, &v, &r.f), &r.f);
	assert_int_equal(v.passed, 1);
	assert_int_equal(v.simulated, 1);
	assert_int_equal(v.behaviour, 1);
	assert_int_equal(v.alike, v.members);
	assert_true(v.score_ppm > 900000 && v.score_ppm <= 1000000);
	assert_int_equal(hg_gpu_verdict_count(verdict), 0);
	hg_gpu_verdict_free(verdict);
}

static void another_device(void **state)
{
	struct hg_gpu_verify_options o = to_verify(r.record, r.size, r.public);
	struct hg_gpu_verdict_info v;
	struct hg_gpu_verdict *verdict = NULL;
	struct hg_gpu_difference d;
	int named = 0;

	(void)state;
	ok(hg_gpu_verify(r.other, &o, &verdict, &r.f), &r.f);
	hg_gpu_clear(&v);
	ok(hg_gpu_verdict_get(verdict, &v, &r.f), &r.f);
	assert_int_equal(v.passed, 0);
	assert_int_equal(v.score_ppm, 0);
	for (size_t i = 0; i < hg_gpu_verdict_count(verdict); i++) {
		hg_gpu_clear(&d);
		ok(hg_gpu_verdict_at(verdict, i, &d, &r.f), &r.f);
		assert_int_equal(d.fails, 1);
		assert_string_not_equal(d.expected, d.found);
		named |= !strcmp(d.name, "simulated.serial") && !strcmp(d.kind, "stable") ? 1 : 0;
		named |= !strcmp(d.name, "behaviour") && !strcmp(d.kind, "behaviour") ? 2 : 0;
	}
	assert_int_equal(named, 3);
	fails(hg_gpu_verdict_at(verdict, hg_gpu_verdict_count(verdict), &d, &r.f),
	      HG_GPU_FAIL_RANGE, &r.f);
	hg_gpu_verdict_free(verdict);
}

static void refused(const char *record, size_t size, const char *signer, int want)
{
	struct hg_gpu_verify_options o = to_verify(record, size, signer);
	struct hg_gpu_verdict *verdict = (struct hg_gpu_verdict *)1;

	fails(hg_gpu_verify(r.gpu, &o, &verdict, &r.f), want, &r.f);
	assert_null(verdict);
}

static void bad_records(void **state)
{
	char *forged = strdup(r.record), *at = strstr(forged, "\"created\": 1");

	(void)state;
	assert_non_null(at);
	at[11] = '2';
	refused(forged, r.size, r.public, HG_GPU_FAIL_RECORD);
	refused(r.record, r.size, r.other_public, HG_GPU_FAIL_RECORD);
	refused(r.record, r.size - 1, r.public, HG_GPU_FAIL_RECORD);
	refused("", 0, r.public, HG_GPU_FAIL_RECORD);
	refused(r.record, SIZE_MAX, r.public, HG_GPU_FAIL_RECORD);
	refused(NULL, 0, r.public, HG_GPU_FAIL_ARGUMENT);
	refused(r.record, r.size, NULL, HG_GPU_FAIL_ARGUMENT);
	refused(r.record, r.size, "no key", HG_GPU_FAIL_ARGUMENT);
	free(forged);
}

static struct hg_gpu_session_options to_open(const char *record, size_t size, const char *signer)
{
	struct hg_gpu_session_options o;

	hg_gpu_clear(&o);
	o.record = record;
	o.record_size = size;
	o.signer = signer;
	o.signer_size = signer ? strlen(signer) : 0;
	return o;
}

static void session(void **state)
{
	struct hg_gpu_session_options o = to_open(r.record, r.size, r.public);
	struct hg_gpu_session *s = NULL;
	hg_gpu_buffer *b = NULL;
	char there[] = "what is secret", back[sizeof(there)] = "";

	(void)state;
	for (uint32_t curve = 0; curve <= HG_GPU_CURVE_SM2; curve++) {
		o.curve = curve;
		ok(hg_gpu_session_open(r.gpu, &o, &s, &r.f), &r.f);
		ok(hg_gpu_buffer_create(s, sizeof(there), &b, &r.f), &r.f);
		ok(hg_gpu_buffer_write(b, 0, there, sizeof(there), &r.f), &r.f);
		ok(hg_gpu_buffer_read(b, 0, back, sizeof(back), &r.f), &r.f);
		assert_string_equal(back, there);
		hg_gpu_buffer_free(b);
		ok(hg_gpu_session_close(s, &r.f), &r.f);
		hg_gpu_session_free(s);
	}
}

static void no_session(struct hg_gpu *gpu, struct hg_gpu_session_options o, int want)
{
	struct hg_gpu_session *s = (struct hg_gpu_session *)1;

	fails(hg_gpu_session_open(gpu, &o, &s, &r.f), want, &r.f);
	assert_null(s);
}

static void sessions_refused(void **state)
{
	struct hg_gpu_session_options o = to_open(r.record, r.size, r.public);
	struct hg_gpu_session *s = NULL;

	(void)state;
	no_session(r.other, o, HG_GPU_FAIL_IDENTITY);
	assert_non_null(strstr(r.f.text, "simulated.serial"));
	/* Without a key, too, where a record says which it must be. */
	o.flags = HG_GPU_SESSION_ANONYMOUS;
	no_session(r.other, o, HG_GPU_FAIL_IDENTITY);
	no_session(r.gpu, to_open(r.record, r.size, r.other_public), HG_GPU_FAIL_RECORD);
	no_session(r.gpu, to_open(r.record, r.size, NULL), HG_GPU_FAIL_ARGUMENT);
	no_session(r.gpu, to_open(NULL, 0, r.public), HG_GPU_FAIL_ARGUMENT);
	no_session(r.gpu, to_open(NULL, 0, NULL), HG_GPU_FAIL_ARGUMENT);
	/* An identity has no key. */
	o = to_open(r.identity, r.identity_size, r.public);
	no_session(r.gpu, o, HG_GPU_FAIL_RECORD);
	o.flags = HG_GPU_SESSION_ANONYMOUS;
	no_session(r.other, o, HG_GPU_FAIL_IDENTITY);
	ok(hg_gpu_session_open(r.gpu, &o, &s, &r.f), &r.f);
	hg_gpu_session_free(s);
}

static void enrolment_refused(struct hg_gpu_enrol_options *o, int want)
{
	char *record = (char *)1;
	size_t size = 1;

	fails(hg_gpu_enrol(r.gpu, o, &record, &size, &r.f), want, &r.f);
	assert_null(record);
	assert_int_equal(size, 0);
}

static void bad_enrolments(void **state)
{
	struct hg_gpu_enrol_options good, o;

	(void)state;
	hg_gpu_clear(&good);
	good.key = r.private;
	good.key_size = strlen(r.private);
	good.flags = HG_GPU_ENROL_IDENTITY_ONLY;
	o = good;
	o.flags |= 2;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.struct_size++;
	enrolment_refused(&o, HG_GPU_FAIL_VERSION);
	o = good;
	o.reserved = 1;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.readings = 2;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	o.readings = 65;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.lifetime_s = UINT64_MAX;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.key = NULL;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	/* The public half signs nothing. */
	o.key = r.public;
	o.key_size = strlen(r.public);
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	o = good;
	o.key_size = (size_t)INT32_MAX + 1;
	enrolment_refused(&o, HG_GPU_FAIL_ARGUMENT);
	enrolment_refused(NULL, HG_GPU_FAIL_ARGUMENT);
}

/* Kernels may have a clock; where they have none, the library says so. */
static void enrol_behaviour(struct hg_gpu *gpu)
{
	struct hg_gpu_enrol_options o;
	char *record = NULL;
	size_t size;
	int result;

	hg_gpu_clear(&o);
	o.key = r.private;
	o.key_size = strlen(r.private);
	o.readings = 3;
	result = hg_gpu_enrol(gpu, &o, &record, &size, &r.f);
	if (result)
		fails(result, HG_GPU_FAIL_UNSUPPORTED, &r.f);
	hg_gpu_text_free(record);
}

/* What PoCL is says itself: no simulated device, a record of the identity alone. */
static void plain_opencl(void **state)
{
	struct hg_gpu *gpu = open_gpu("opencl", NULL);
	struct hg_gpu_session *s = NULL;
	struct hg_gpu_session_options o;
	size_t size;
	char *record = new_record(gpu, r.private, HG_GPU_ENROL_IDENTITY_ONLY, &size);

	(void)state;
	assert_non_null(strstr(record, "\"simulated\": false"));
	o = to_open(record, size, r.public);
	o.flags = HG_GPU_SESSION_ANONYMOUS | HG_GPU_SESSION_STRICT;
	ok(hg_gpu_session_open(gpu, &o, &s, &r.f), &r.f);
	hg_gpu_session_free(s);
	enrol_behaviour(gpu);
	/* The simulated one's record is not for hardware. */
	no_session(gpu, to_open(r.record, r.size, r.public), HG_GPU_FAIL_IDENTITY);
	no_session(r.gpu, o, HG_GPU_FAIL_IDENTITY);
	hg_gpu_text_free(record);
	hg_gpu_close(gpu);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(passes),
		cmocka_unit_test(another_device),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(session),
		cmocka_unit_test(sessions_refused),
		cmocka_unit_test(bad_enrolments),
		cmocka_unit_test(plain_opencl),
	};

	return _cmocka_run_group_tests("records", all,
				       sizeof(all) / sizeof(*all) -
					       (strcmp(test_provider(), "opencl") != 0),
				       set_up, tear_down);
}
