// SPDX-License-Identifier: Apache-2.0
/*
 * A session on a device: the simulated one, and the first that OpenCL has (PoCL). The
 * arithmetic, the agreement and its refusals as in test_agree, but by the kernels that a GPU gets.
 */
#include "enrol.h"
#include "session.h"
#include "simulated.h"

#include "../../../../gpu-tee/device/state.h"

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

int main(void)
{
	const struct CMUnitTest cpu[] = { cmocka_unit_test(opens), cmocka_unit_test(refuses) };
	int failed = cmocka_run_group_tests_name("simulated", cpu, on_cpu, off);

	return failed + cmocka_run_group_tests_name("OpenCL", cpu, on_opencl, off);
}
