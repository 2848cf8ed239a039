// SPDX-License-Identifier: Apache-2.0
/*
 * The fingerprint's program on every OpenCL device there is: what it computes is what plain C
 * computes, and it refuses what plain C refuses. Nothing here looks at how long anything takes.
 */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "behaviour.h"
#include "probe.h"
#include "simulated.h"

static struct hg_gpu_error err;
static struct hg_clapi api;
static cl_device_id devices[HG_CL_DEVICES_MAX];
static int count;

static struct fp_reading enrolled[3], now, back;
static struct fp_helper helper;
static uint8_t secret[32], check[32];

static void enrol(void)
{
	const struct fp_reading *list[3] = { &enrolled[0], &enrolled[1], &enrolled[2] };
	struct hg_sim_device d;
	uint32_t words[8];

	hg_sim_defaults(&d, 5);
	for (uint64_t i = 0; i < 3; i++)
		hg_sim_read(&d, i, &enrolled[i]);
	assert_int_equal(hg_fp_generate(list, 3, &helper, secret, NULL, &err), 0);
	fp_check_value(secret, words);
	memcpy(check, words, 32);
	d.noise = hg_sim_noise(d.spread, 0.18);
	hg_sim_read(&d, 9, &now);
}

static int setup(void **state)
{
	(void)state;
	if (!hg_clapi_open(&api, &err))
		count = hg_clapi_devices(&api, devices, &err);
	enrol();
	return 0;
}

static struct hg_fp_evidence verify(struct hg_probe *p, const struct fp_helper *h,
				    const struct fp_reading *r)
{
	struct hg_fp_evidence e = { .differ = 99 };

	assert_int_equal(hg_probe_put(p, r, &err), 0);
	assert_int_equal(hg_probe_verify(p, h, &e, &err), 0);
	assert_true(e.measured);
	return e;
}

static void expect_refusal(struct hg_probe *p, const struct fp_helper *h,
			   const struct fp_reading *r)
{
	static const uint8_t zero[32];
	struct hg_fp_evidence e = verify(p, h, r);

	assert_true(e.failed);
	assert_int_equal(e.differ, 0);
	assert_memory_equal(e.check, zero, 32);
}

static void test_secret(void **state)
{
	(void)state;
	if (count < 1)
		skip();
	for (int i = 0; i < count; i++) {
		struct hg_fp_evidence e;
		struct hg_probe *p;
		uint32_t differ;
		uint8_t out[32];

		assert_int_equal(hg_probe_open(&api, devices[i], &p, &err), 0);
		e = verify(p, &helper, &now);
		assert_false(e.failed);
		assert_memory_equal(e.check, check, 32);
		assert_int_equal(hg_fp_reproduce(&helper, &now, out, &differ, &err), 0);
		assert_int_equal(e.differ, differ);
		assert_true(differ > 0);
		hg_probe_close(p);
	}
}

static void test_refusals(void **state)
{
	struct hg_sim_device d;

	(void)state;
	if (count < 1)
		skip();
	for (int i = 0; i < count; i++) {
		struct fp_helper bad;
		struct hg_probe *p;

		assert_int_equal(hg_probe_open(&api, devices[i], &p, &err), 0);
		for (size_t bit = 0; bit < 8 * sizeof(bad); bit += 617) {
			bad = helper;
			((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			expect_refusal(p, &bad, &now);
		}
		memset(&bad, 0xff, sizeof(bad));
		expect_refusal(p, &bad, &now);
		memset(&bad, 0, sizeof(bad));
		expect_refusal(p, &bad, &now);
		bad = helper;
		bad.units = 0x80000000;
		expect_refusal(p, &bad, &now);
		hg_sim_defaults(&d, 6);
		hg_sim_read(&d, 1, &back);
		expect_refusal(p, &helper, &back);
		back.units = 0xfffffffe;
		expect_refusal(p, &helper, &back);
		/* And the right ones still do. */
		assert_false(verify(p, &helper, &now).failed);
		hg_probe_close(p);
	}
}

/* A reading of the device's own has every cell, and gives nothing for a foreign helper. */
static void test_measure(void **state)
{
	(void)state;
	if (count < 1)
		skip();
	for (int i = 0; i < count; i++) {
		struct hg_fp_evidence e = { .failed = false };
		struct hg_fp_summary s;
		struct hg_probe *p;

		assert_int_equal(hg_probe_open(&api, devices[i], &p, &err), 0);
		if (hg_probe_measure(p, &err)) {
			assert_non_null(strstr(err.text, "no clock"));
		} else {
			assert_int_equal(hg_probe_fetch(p, &back, &err), 0);
			assert_true(fp_shape_ok(back.units, back.regions));
			hg_fp_summarize(&back, &s);
			assert_true(s.low <= s.median && s.median <= s.high);
			assert_int_equal(hg_probe_verify(p, &helper, &e, &err), 0);
			assert_true(e.failed);
		}
		hg_probe_close(p);
	}
}

/* What comes back from the device is looked at before it is enrolled. */
static void test_fetch(void **state)
{
	struct hg_probe *p;

	(void)state;
	if (count < 1)
		skip();
	assert_int_equal(hg_probe_open(&api, devices[0], &p, &err), 0);
	if (!hg_probe_measure(p, &err) && !hg_probe_fetch(p, &back, &err)) {
		back.cell[3] = FP_UNSEEN;
		assert_int_equal(hg_probe_put(p, &back, &err), 0);
		assert_int_equal(hg_probe_fetch(p, &back, &err), -1);
		assert_non_null(strstr(err.text, "unit 0 of the device ran no group"));
		back.units = 0xfffffffe;
		assert_int_equal(hg_probe_put(p, &back, &err), 0);
		assert_int_equal(hg_probe_fetch(p, &back, &err), -1);
		assert_non_null(strstr(err.text, "4294967294 units"));
	}
	hg_probe_close(p);
}

static cl_int CL_API_CALL build_without_clock(cl_program program, cl_uint n,
					      const cl_device_id *list, const char *options,
					      void(CL_CALLBACK *notify)(cl_program, void *),
					      void *data)
{
	return *options ? api.BuildProgram(program, n, list, options, notify, data)
			: CL_BUILD_PROGRAM_FAILURE;
}

/* A compiler that cannot read a clock: no readings, said so; the rest works. */
static void test_no_clock(void **state)
{
	struct hg_clapi other = api;
	struct hg_probe *p;

	(void)state;
	if (count < 1)
		skip();
	other.BuildProgram = build_without_clock;
	assert_int_equal(hg_probe_open(&other, devices[0], &p, &err), 0);
	assert_int_equal(hg_probe_measure(p, &err), -1);
	assert_int_equal(err.code, HG_GPU_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "no clock"));
	assert_false(verify(p, &helper, &now).failed);
	hg_probe_close(p);
}

static cl_command_queue queue_seen;
static cl_mem reading_seen;

static cl_command_queue CL_API_CALL see_queue(cl_context context, cl_device_id device,
					      cl_command_queue_properties properties, cl_int *ret)
{
	return queue_seen = api.CreateCommandQueue(context, device, properties, ret);
}

static cl_int CL_API_CALL see_release(cl_mem mem)
{
	if (mem == reading_seen) {
		assert_int_equal(api.EnqueueReadBuffer(queue_seen, mem, CL_TRUE, 0, sizeof(back),
						       &back, 0, NULL, NULL),
				 0);
		reading_seen = NULL;
	}
	return api.ReleaseMemObject(mem);
}

/* Who gets the reading's memory next does not find it there. */
static void test_nothing_left(void **state)
{
	struct hg_clapi other = api;
	struct hg_probe *p;

	(void)state;
	if (count < 1)
		skip();
	other.CreateCommandQueue = see_queue;
	other.ReleaseMemObject = see_release;
	assert_int_equal(hg_probe_open(&other, devices[0], &p, &err), 0);
	assert_int_equal(hg_probe_put(p, &now, &err), 0);
	reading_seen = hg_probe_reading(p);
	memcpy(&back, &now, sizeof(back));
	hg_probe_close(p);
	assert_null(reading_seen);
	for (size_t i = 0; i < sizeof(back); i++)
		assert_int_equal(((uint8_t *)&back)[i], 0);
}

/* Functions of a driver that fail: an error with a reason, and nothing is leaked (ASan looks). */
static cl_int CL_API_CALL no_launch(cl_command_queue queue, cl_kernel kernel, cl_uint dim,
				    const size_t *offset, const size_t *global, const size_t *local,
				    cl_uint waits, const cl_event *wait, cl_event *event)
{
	(void)queue, (void)kernel, (void)dim, (void)offset, (void)global, (void)local;
	(void)waits, (void)wait, (void)event;
	return CL_OUT_OF_RESOURCES;
}

static cl_mem CL_API_CALL no_buffer(cl_context context, cl_mem_flags flags, size_t size, void *ptr,
				    cl_int *ret)
{
	(void)context, (void)flags, (void)size, (void)ptr;
	*ret = CL_MEM_OBJECT_ALLOCATION_FAILURE;
	return NULL;
}

static void test_failing_driver(void **state)
{
	struct hg_clapi broken = api;
	struct hg_probe *p;

	(void)state;
	if (count < 1)
		skip();
	broken.EnqueueNDRangeKernel = no_launch;
	assert_int_equal(hg_probe_open(&broken, devices[0], &p, &err), -1);
	assert_null(p);
	assert_non_null(strstr(err.text, "OpenCL"));
	broken = api;
	broken.CreateBuffer = no_buffer;
	assert_int_equal(hg_probe_open(&broken, devices[0], &p, &err), -1);
	assert_non_null(strstr(err.text, "no memory on the device"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),	 cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_measure),	 cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_no_clock), cmocka_unit_test(test_nothing_left),
		cmocka_unit_test(test_failing_driver),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
