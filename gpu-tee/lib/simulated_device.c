// SPDX-License-Identifier: Apache-2.0
/* The device that is none: this process computes, and its behaviour comes out of a number. */
#include "lib.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define NOISE 0.05 /* of the bits of a reading */

static void describe(struct hg_gpu_info *info, uint64_t serial)
{
	info->struct_size = sizeof(*info);
	lib_text(info->provider, sizeof(info->provider), lib_simulated.name);
	snprintf(info->selector, sizeof(info->selector), "%llu", (unsigned long long)serial);
	lib_text(info->name, sizeof(info->name), "no device, this process computes");
	info->units = 1;
	info->simulated = 1;
	lib_describe(info);
}

static int list(struct hg_gpu_list *list, struct hg_gpu_error *err)
{
	struct hg_gpu_info info = { 0 };

	describe(&info, 1);
	return lib_list_add(list, &info, err);
}

static int open_device(struct hg_gpu *gpu, const struct hg_gpu_open_options *options,
		       struct hg_gpu_error *err)
{
	struct hg_choice *c = &gpu->cl.choice;

	if (options->flags)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "the flags are not for simulated devices");
	c->simulated = true;
	c->device = -1;
	c->serial = 1;
	if (options->selector && !lib_number(options->selector, UINT64_MAX, &c->serial))
		return hg_gpu_fail(err, LIB_NOT_FOUND,
				   "no simulated device \"%.40s\": select one by a number",
				   options->selector);
	describe(&gpu->info, c->serial);
	return lib_target_open(gpu, err);
}

static void release(struct hg_gpu *gpu)
{
	hg_target_close(&gpu->cl.target);
}

static int provider(struct hg_gpu *gpu, unsigned suite, struct hg_provider **p,
		    struct hg_gpu_error *err)
{
	(void)gpu;
	(void)suite;
	return hg_cpu_open(p, err);
}

static int put(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *to,
	       const struct fp_reading *r, struct hg_gpu_error *err)
{
	if (p->ops->write(p, queue, to, 0, r, sizeof(*r), NULL, NULL, err))
		return -1;
	return p->ops->finish(p, queue, err);
}

static int reading(struct hg_gpu *gpu, struct hg_provider *p, struct hg_queue *queue,
		   struct hg_buffer **on_device, struct hg_buffer **made, struct hg_gpu_error *err)
{
	struct fp_reading *r = calloc(1, sizeof(*r));
	int rc = r ? hg_target_read(&gpu->cl.target, r, err) : hg_gpu_no_memory(err);

	*made = NULL;
	if (!rc)
		rc = p->ops->buffer_create(p, sizeof(*r), made, err);
	if (!rc)
		rc = put(p, queue, *made, r, err);
	*on_device = *made;
	if (r)
		OPENSSL_cleanse(r, sizeof(*r));
	free(r);
	return rc;
}

const struct hg_provider_kind lib_simulated = {
	.name = "simulated",
	.fingerprint = true,
	.list = list,
	.open = open_device,
	.release = release,
	.provider = provider,
	.reading = reading,
};
