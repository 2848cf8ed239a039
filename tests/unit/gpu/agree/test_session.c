// SPDX-License-Identifier: Apache-2.0
/*
 * A session on a device: the simulated one, and the first that OpenCL has (PoCL). The
 * arithmetic, the agreement and its refusals as in test_agree, but by the kernels that a GPU gets.
 */
#include "enrol.h"
#include "session.h"
#include "simulated.h"

#include "../../../../gpu-tee/device/agree.h"

#include <openssl/crypto.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

struct fixture {
	struct hg_provider *p;
	struct hg_queue *queue;
	struct hg_buffer *reading, *foreign;
	struct fp_helper helper;
	uint8_t enrolled[4][HG_PUBLIC_SIZE];
	struct hg_gpu_error err;
};

static struct hg_buffer *upload(struct fixture *f, const struct fp_reading *r)
{
	struct hg_buffer *b;

	if (f->p->ops->buffer_create(f->p, sizeof(*r), &b, &f->err) ||
	    f->p->ops->write(f->p, f->queue, b, 0, r, sizeof(*r), NULL, NULL, &f->err) ||
	    f->p->ops->finish(f->p, f->queue, &f->err))
		fail_msg("%s", f->err.text);
	return b;
}

static void enrol(struct fixture *f)
{
	static struct fp_reading r[3];
	const struct fp_reading *all[] = { &r[0], &r[1], &r[2] };
	struct hg_sim_device device;
	struct hg_fp_quality quality;
	uint8_t secret[FP_SECRET_BYTES];
	int i;

	hg_sim_defaults(&device, 1);
	for (i = 0; i < 3; i++)
		hg_sim_read(&device, (uint64_t)i, &r[i]);
	if (hg_fp_generate(all, 3, &f->helper, secret, &quality, &f->err))
		fail_msg("%s", f->err.text);
	for (i = 1; i <= 3; i++)
		assert_int_equal(hg_fp_public_key(secret, i, f->enrolled[i], &f->err), 0);
	hg_sim_read(&device, 99, &r[0]);
	f->reading = upload(f, &r[0]);
	hg_sim_defaults(&device, 2);
	hg_sim_read(&device, 99, &r[0]);
	f->foreign = upload(f, &r[0]);
}

static int on(void **state, int opencl)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int rc;

	assert_non_null(f);
	*state = f;
	rc = opencl ? hg_opencl_open(0, 0, 1 << HG_AES_256_GCM, &f->p, &f->err)
		    : hg_cpu_open(&f->p, &f->err);
	if (rc)
		fail_msg("%s", f->err.text);
	if (f->p->ops->queue_create(f->p, &f->queue, &f->err))
		fail_msg("%s", f->err.text);
	enrol(f);
	return 0;
}

static int on_cpu(void **state)
{
	return on(state, 0);
}

static int on_opencl(void **state)
{
	return on(state, 1);
}

static int off(void **state)
{
	struct fixture *f = *state;

	f->p->ops->buffer_release(f->p, f->reading);
	f->p->ops->buffer_release(f->p, f->foreign);
	f->p->ops->queue_release(f->p, f->queue);
	hg_provider_close(f->p);
	free(f);
	return 0;
}

static struct hg_agree_options options(const struct fixture *f, enum hg_group group)
{
	struct hg_agree_options o = { .group = group };

	memcpy(o.enrolled, f->enrolled[group], HG_PUBLIC_SIZE);
	o.helper = (const uint8_t *)&f->helper;
	o.helper_size = sizeof(f->helper);
	return o;
}

/* The head of the state, which only a test may read. */
static void read_state(struct fixture *f, struct hg_buffer *state, struct hg_state *copy)
{
	if (f->p->ops->read(f->p, f->queue, state, 0, copy, sizeof(*copy), NULL, NULL, &f->err) ||
	    f->p->ops->finish(f->p, f->queue, &f->err))
		fail_msg("%s", f->err.text);
}

static void opens(void **state)
{
	struct fixture *f = *state;
	struct hg_state *copy = calloc(1, sizeof(*copy));
	struct hg_buffer *device;
	struct hg_session_keys keys, last;

	assert_non_null(copy);
	memset(&last, 0, sizeof(last));
	for (int group = HG_X25519; group <= HG_SM2; group++)
		for (int anonymous = 0; anonymous < 2; anonymous++) {
			struct hg_agree_options o = options(f, group);

			o.anonymous = anonymous;
			if (anonymous)
				o.helper_size = 0;
			if (hg_session_open(f->p, f->queue, &o, anonymous ? NULL : f->reading,
					    &device, &keys, &f->err))
				fail_msg("%d %d: %s", group, anonymous, f->err.text);
			read_state(f, device, copy);
			assert_int_equal(copy->installed, 1);
			assert_int_equal(copy->session, keys.session);
			assert_memory_not_equal(keys.secret, last.secret, sizeof(keys.secret));
			last = keys;
			f->p->ops->buffer_release(f->p, device);
		}
	free(copy);
}

static void refused(struct fixture *f, const struct hg_agree_options *o, struct hg_buffer *reading,
		    enum hg_gpu_code code, const char *text)
{
	static const struct hg_session_keys none;
	struct hg_session_keys keys;
	struct hg_buffer *device = (void *)1;

	assert_int_equal(hg_session_open(f->p, f->queue, o, reading, &device, &keys, &f->err), -1);
	assert_int_equal(f->err.code, code);
	if (!strstr(f->err.text, text))
		fail_msg("'%s' does not say '%s'", f->err.text, text);
	assert_null(device);
	assert_memory_equal(&keys, &none, sizeof(none));
}

static void refuses(void **state)
{
	struct fixture *f = *state;
	struct hg_agree_options o = options(f, HG_P256);
	struct fp_helper forged = f->helper;

	refused(f, &o, f->foreign, HG_GPU_E_IDENTITY, "not that of the enrolled device");
	refused(f, &o, NULL, HG_GPU_E_ARGUMENT, "needs a reading");
	memcpy(o.enrolled, f->enrolled[HG_SM2], HG_PUBLIC_SIZE);
	refused(f, &o, f->reading, HG_GPU_E_ARGUMENT, "not a key of its group");
	o = options(f, HG_P256);
	forged.mask[1] ^= 1;
	o.helper = (const uint8_t *)&forged;
	refused(f, &o, f->reading, HG_GPU_E_IDENTITY, "not that of the enrolled device");
	o.helper_size--;
	refused(f, &o, f->reading, HG_GPU_E_REFUSED, "helper data");
	o = options(f, HG_X25519);
	memset(o.enrolled, 3, 32);
	refused(f, &o, f->reading, HG_GPU_E_IDENTITY, "another key than the enrolled one");
}

/* ---- Memory that the bus fills, and what is left in it -------------------------- */

/* The device below, for the operations that the test puts itself in front of. */
static const struct hg_provider_ops *real;
static struct hg_kernel *hello;

/* The agreement's memory says that there was noise, and is full of what the attacker knows. */
static void preset(struct hg_provider *p, struct hg_buffer *b)
{
	struct hg_queue *q;
	struct agree a;

	memset(&a, 0, sizeof(a));
	a.bits = NOISE_BITS;
	a.finished = NOISE_GROUPS - 1;
	memset(a.pool, 0x77, sizeof(a.pool));
	assert_int_equal(real->queue_create(p, &q, NULL), 0);
	assert_int_equal(real->write(p, q, b, 0, &a, sizeof(a), NULL, NULL, NULL), 0);
	assert_int_equal(real->finish(p, q, NULL), 0);
	real->queue_release(p, q);
}

static int preset_create(struct hg_provider *p, size_t size, struct hg_buffer **b,
			 struct hg_gpu_error *err)
{
	int rc = real->buffer_create(p, size, b, err);

	if (!rc && size == sizeof(struct agree))
		preset(p, *b);
	return rc;
}

static int preset_write(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *b,
			size_t offset, const void *src, size_t size, const struct hg_wait *wait,
			struct hg_event **done, struct hg_gpu_error *err)
{
	int rc = real->write(p, queue, b, offset, src, size, wait, done, err);

	if (!rc && size == sizeof(struct agree))
		preset(p, b);
	return rc;
}

static int preset_kernel(struct hg_provider *p, const char *name, struct hg_kernel **k,
			 struct hg_gpu_error *err)
{
	int rc = real->kernel(p, name, k, err);

	if (!strcmp(name, "hg_agree_hello"))
		hello = *k;
	return rc;
}

/* The hello collects nothing. */
static int preset_launch(struct hg_provider *p, struct hg_queue *queue, struct hg_kernel *kernel,
			 const struct hg_arg *args, unsigned count, size_t groups, size_t lanes,
			 const struct hg_wait *wait, struct hg_event **done,
			 struct hg_gpu_error *err)
{
	struct hg_arg copy[8];

	assert_true(count <= 8);
	memcpy(copy, args, count * sizeof(*args));
	if (kernel == hello)
		copy[3].u32 = 0;
	return real->launch(p, queue, kernel, copy, count, groups, lanes, wait, done, err);
}

/* Not on the simulated device: that makes its noise whatever it is told. */
static void no_noise_by_preset(void **state)
{
	struct fixture *f = *state;
	struct hg_agree_options o = options(f, HG_X25519);
	struct hg_provider_ops ops = *f->p->ops;

	real = f->p->ops;
	ops.buffer_create = preset_create;
	ops.write = preset_write;
	ops.kernel = preset_kernel;
	ops.launch = preset_launch;
	f->p->ops = &ops;
	refused(f, &o, f->reading, HG_GPU_E_REFUSED, "the device shows no noise");
	f->p->ops = real;
}

static struct hg_buffer *kept; /* the agreement's memory */
static bool clean;

static int keep_create(struct hg_provider *p, size_t size, struct hg_buffer **b,
		       struct hg_gpu_error *err)
{
	int rc = real->buffer_create(p, size, b, err);

	if (!rc && size == sizeof(struct agree))
		kept = *b;
	return rc;
}

static void keep_release(struct hg_provider *p, struct hg_buffer *b)
{
	static const struct agree none;
	struct hg_queue *q;
	struct agree a;

	if (b == kept) {
		assert_int_equal(real->queue_create(p, &q, NULL), 0);
		assert_int_equal(real->read(p, q, b, 0, &a, sizeof(a), NULL, NULL, NULL), 0);
		assert_int_equal(real->finish(p, q, NULL), 0);
		real->queue_release(p, q);
		clean = !memcmp(&a, &none, sizeof(a));
		kept = NULL;
	}
	real->buffer_release(p, b);
}

/* Who gets the agreement's memory next finds nothing in it, whatever came of it. */
static void nothing_left(void **state)
{
	struct fixture *f = *state;
	struct hg_agree_options o = options(f, HG_X25519);
	struct hg_provider_ops ops = *f->p->ops;
	struct hg_session_keys keys;
	struct hg_buffer *device;

	real = f->p->ops;
	ops.buffer_create = keep_create;
	ops.buffer_release = keep_release;
	f->p->ops = &ops;
	assert_int_equal(
		hg_session_open(f->p, f->queue, &o, f->reading, &device, &keys, &f->err), 0);
	assert_true(clean);
	f->p->ops->buffer_release(f->p, device);
	clean = false;
	refused(f, &o, f->foreign, HG_GPU_E_IDENTITY, "not that of the enrolled device");
	assert_true(clean);
	f->p->ops = real;
}

int main(void)
{
	const struct CMUnitTest cpu[] = { cmocka_unit_test(opens), cmocka_unit_test(refuses),
					  cmocka_unit_test(nothing_left) };
	const struct CMUnitTest opencl[] = { cmocka_unit_test(opens), cmocka_unit_test(refuses),
					     cmocka_unit_test(no_noise_by_preset),
					     cmocka_unit_test(nothing_left) };
	int failed = cmocka_run_group_tests_name("simulated", cpu, on_cpu, off);

	return failed + cmocka_run_group_tests_name("OpenCL", opencl, on_opencl, off);
}
