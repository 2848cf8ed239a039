// SPDX-License-Identifier: Apache-2.0
/* The crossing that seals: a channel (host/channel.h) on the driver below the layer. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "../host/launch.h"
#include "gpu.h"
#include "layer.h"
#include "record.h"

struct seal {
	struct hg_provider *provider;
	struct hg_queue *queue;
	struct hg_channel *channel;
};

struct sealed_read {
	struct cross_read read;
	struct hg_pending *pending;
};

static struct seal *seal_of(struct crossing *x)
{
	return x->private;
}

static int open_channel(struct crossing *x, struct seal *s)
{
	struct hg_channel_options options = {
		.suite = hg_record_suite(getenv("HYPERGPU_SUITE")), .threads = 1
	};
	struct hg_gpu_error err = { 0 };
	int ret;

	if (!options.suite)
		return cross_fail(
			x,
			"HYPERGPU_SUITE is none of aes-256-gcm, chacha20-poly1305, sm4-ctr-hmac-sm3");
	if (hg_opencl_attach_suites(below, x->context, x->device, 0, 1u << options.suite,
				    &s->provider, &err) ||
	    s->provider->ops->queue_create(s->provider, &s->queue, &err))
		return cross_fail(x, "%s", err.text);
	ret = gpu_session(s->provider, s->queue, x->context, x->device, &options, &err);
	if (!ret)
		ret = hg_channel_open(s->provider, s->queue, &options, &s->channel, &err);
	OPENSSL_cleanse(&options, sizeof(options));
	return ret ? cross_fail(x, "%s", err.text) : 0;
}

static void sealed_close(struct crossing *x)
{
	struct seal *s = seal_of(x);

	if (s->channel)
		hg_channel_close(s->channel);
	if (s->queue)
		s->provider->ops->queue_release(s->provider, s->queue);
	hg_provider_close(s->provider);
	free(s);
}

static int sealed_open(struct crossing *x)
{
	x->private = calloc(1, sizeof(struct seal));
	if (!x->private)
		return cross_fail(x, "out of memory");
	if (!open_channel(x, seal_of(x)))
		return 0;
	sealed_close(x);
	return -1;
}

static int sealed_bind(struct crossing *x, cl_command_queue queue, struct cross_mem *m)
{
	struct hg_gpu_error err = { 0 };

	if (hg_channel_bind(seal_of(x)->channel, queue ? HG_QUEUE(queue) : seal_of(x)->queue,
			    HG_BUFFER(m->handle), m->size, &m->id, &err))
		return cross_fail(x, "%s", err.text);
	return 0;
}

static void sealed_forget(struct crossing *x, struct cross_mem *m)
{
	hg_channel_forget(seal_of(x)->channel, m->id);
}

static int sealed_write(struct crossing *x, cl_command_queue queue, struct cross_mem *m,
			size_t offset, const void *src, size_t size, bool stays, cl_event *done)
{
	struct hg_gpu_error err = { 0 };
	struct hg_event *event = NULL;

	(void)stays;
	if (hg_channel_write(seal_of(x)->channel, HG_QUEUE(queue), m->id, HG_BUFFER(m->handle),
			     offset, src, size, done ? &event : NULL, &err))
		return cross_fail(x, "%s", err.text);
	if (done)
		*done = (cl_event)(void *)event;
	return 0;
}

static int sealed_read(struct crossing *x, cl_command_queue queue, struct cross_mem *m,
		       size_t offset, void *dst, size_t size, struct cross_read **pending)
{
	struct sealed_read *r = calloc(1, sizeof(*r));
	struct hg_gpu_error err = { 0 };

	if (!r)
		return cross_fail(x, "out of memory");
	r->read.crossing = x;
	if (hg_channel_read(seal_of(x)->channel, HG_QUEUE(queue), m->id, HG_BUFFER(m->handle),
			    offset, dst, size, &r->pending, &err)) {
		free(r);
		return cross_fail(x, "%s", err.text);
	}
	*pending = &r->read;
	return 0;
}

static int sealed_complete(struct cross_read *read)
{
	struct sealed_read *r = (struct sealed_read *)read;
	struct crossing *x = read->crossing;
	struct hg_gpu_error err = { 0 };
	int ret = hg_channel_complete(seal_of(x)->channel, r->pending, &err);

	free(r);
	return ret ? cross_fail(x, "%s", err.text) : 0;
}

static void sealed_launch(struct crossing *x, cl_command_queue queue)
{
	struct hg_gpu_error err = { 0 };

	if (hg_channel_flush(seal_of(x)->channel, HG_QUEUE(queue), &err))
		cross_fail(x, "%s", err.text);
}

static int sealed_sync(struct crossing *x, cl_command_queue queue)
{
	struct hg_gpu_error err = { 0 };

	if (hg_channel_sync(seal_of(x)->channel, HG_QUEUE(queue), &err))
		return cross_fail(x, "%s", err.text);
	return 0;
}

static int sealed_launch_begin(struct crossing *x, cl_command_queue queue,
			       const struct hg_launch_kernel *kernel, struct hg_launching *l)
{
	struct hg_gpu_error err = { 0 };

	if (!hg_launch_begin(seal_of(x)->channel, HG_QUEUE(queue), kernel, l, &err))
		return 0;
	if (err.code != HG_GPU_E_LIMIT)
		return cross_fail(x, "%s", err.text);
	layer_say_once("a launch was refused: %s", err.text);
	return 1;
}

static void sealed_launch_end(struct crossing *x, struct hg_launching *l, bool enqueued)
{
	hg_launch_end(seal_of(x)->channel, l, enqueued);
}

static uint64_t sealed_address(struct crossing *x, const struct cross_mem *m)
{
	return hg_launch_address(seal_of(x)->channel, m->id);
}

static void sealed_queue_gone(struct crossing *x, cl_command_queue queue)
{
	hg_launch_queue_gone(seal_of(x)->channel, HG_QUEUE(queue));
}

static int sealed_mark(struct crossing *x, cl_command_queue queue, struct hg_launch_mark *mark)
{
	struct hg_gpu_error err = { 0 };

	if (hg_launch_mark(seal_of(x)->channel, HG_QUEUE(queue), mark, &err))
		return cross_fail(x, "%s", err.text);
	return 0;
}

static int sealed_commit(struct crossing *x, const struct hg_launch_mark *mark)
{
	struct hg_gpu_error err = { 0 };

	if (hg_launch_commit(seal_of(x)->channel, mark, &err))
		return cross_fail(x, "%s", err.text);
	return 0;
}

static void sealed_hold(struct crossing *x, const unsigned int *held)
{
	hg_launch_hold(seal_of(x)->channel, held);
}

const struct crossing_ops crossing_sealed = {
	.name = "sealed",
	.open = sealed_open,
	.close = sealed_close,
	.bind = sealed_bind,
	.forget = sealed_forget,
	.write = sealed_write,
	.read = sealed_read,
	.complete = sealed_complete,
	.launch = sealed_launch,
	.sync = sealed_sync,
	.launch_begin = sealed_launch_begin,
	.launch_end = sealed_launch_end,
	.address = sealed_address,
	.queue_gone = sealed_queue_gone,
	.mark = sealed_mark,
	.commit = sealed_commit,
	.hold = sealed_hold,
};
