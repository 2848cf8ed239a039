// SPDX-License-Identifier: Apache-2.0
#include "evil.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct hg_kernel {
	struct hg_kernel *below;
	char name[24];
};

/* What the test still owns of the kernels that were asked for. */
#define KERNELS 24
struct owner {
	struct evil evil;
	struct hg_kernel kernels[KERNELS];
	unsigned count;
	/* Copies of what was written live until the end: the queue may run late. */
	void *copies[65536];
	atomic_uint copy_count;
};

static struct evil *of(struct hg_provider *p)
{
	return (struct evil *)p;
}

static int fails(struct evil *e, struct hg_gpu_error *err)
{
	if (atomic_fetch_add(&e->calls, 1) != e->fail_at)
		return 0;
	return hg_gpu_fail(err, HG_GPU_E_DEVICE, "a fault that the test injected");
}

static void look(struct evil *e, const void *data, size_t size)
{
	if (e->secret && memmem(data, size, e->secret, e->secret_size))
		e->leaked = true;
}

static int evil_buffer_create(struct hg_provider *p, size_t size, struct hg_buffer **buffer,
			      struct hg_gpu_error *err)
{
	if (fails(of(p), err))
		return -1;
	return of(p)->below->ops->buffer_create(of(p)->below, size, buffer, err);
}

static void evil_buffer_release(struct hg_provider *p, struct hg_buffer *buffer)
{
	if (of(p)->on_release)
		of(p)->on_release(of(p), buffer);
	of(p)->below->ops->buffer_release(of(p)->below, buffer);
}

static int evil_queue_create(struct hg_provider *p, struct hg_queue **queue,
			     struct hg_gpu_error *err)
{
	return of(p)->below->ops->queue_create(of(p)->below, queue, err);
}

static void evil_queue_release(struct hg_provider *p, struct hg_queue *queue)
{
	of(p)->below->ops->queue_release(of(p)->below, queue);
}

static int evil_write(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		      size_t offset, const void *src, size_t size, const struct hg_wait *wait,
		      struct hg_event **done, struct hg_gpu_error *err)
{
	struct evil *e = of(p);
	struct owner *o = (struct owner *)e;
	uint8_t *copy;

	if (fails(e, err))
		return -1;
	look(e, src, size);
	e->writes++;
	if (!e->on_write)
		return e->below->ops->write(e->below, queue, buffer, offset, src, size, wait, done,
					    err);
	copy = malloc(size);
	assert(copy && o->copy_count < 65536);
	o->copies[atomic_fetch_add(&o->copy_count, 1)] = copy;
	memcpy(copy, src, size);
	e->on_write(e, copy, size);
	return e->below->ops->write(e->below, queue, buffer, offset, copy, size, wait, done, err);
}

static int evil_read(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		     size_t offset, void *dst, size_t size, const struct hg_wait *wait,
		     struct hg_event **done, struct hg_gpu_error *err)
{
	struct evil *e = of(p);
	int r;

	if (fails(e, err))
		return -1;
	e->reads++;
	r = e->below->ops->read(e->below, queue, buffer, offset, dst, size, wait, done, err);
	if (!r && (e->on_read || e->secret)) {
		e->below->ops->finish(e->below, queue, NULL);
		look(e, dst, size);
		if (e->on_read)
			e->on_read(e, dst, size);
	}
	return r;
}

static int evil_kernel(struct hg_provider *p, const char *name, struct hg_kernel **kernel,
		       struct hg_gpu_error *err)
{
	struct owner *o = (struct owner *)p;
	struct hg_kernel *k;
	unsigned i;

	if (fails(of(p), err))
		return -1;
	for (i = 0; i < o->count && strcmp(o->kernels[i].name, name); i++)
		;
	assert(i < KERNELS);
	k = &o->kernels[i];
	if (of(p)->below->ops->kernel(of(p)->below, name, &k->below, err))
		return -1;
	strcpy(k->name, name);
	o->count += i == o->count;
	*kernel = k;
	return 0;
}

static int evil_launch(struct hg_provider *p, struct hg_queue *queue, struct hg_kernel *kernel,
		       const struct hg_arg *args, unsigned count, size_t groups, size_t lanes,
		       const struct hg_wait *wait, struct hg_event **done, struct hg_gpu_error *err)
{
	struct evil *e = of(p);
	static uint8_t byte; /* read into when this has returned */
	struct hg_arg copy[16];

	if (fails(e, err))
		return -1;
	e->launches++;
	memcpy(copy, args, count * sizeof(*args));
	if (e->on_launch && !e->on_launch(e, kernel->name, copy, &groups))
		/* Left out: but there must be an event. */
		return e->below->ops->read(e->below, queue, args[0].buffer, 0, &byte, 1, wait, done,
					   err);
	return e->below->ops->launch(e->below, queue, kernel->below, copy, count, groups, lanes,
				     wait, done, err);
}

static int evil_event_wait(struct hg_provider *p, struct hg_event *event, struct hg_gpu_error *err)
{
	int r = of(p)->below->ops->event_wait(of(p)->below, event, err);

	/* It fails after the device is through with the memory. */
	return fails(of(p), err) ? -1 : r;
}

static void evil_event_retain(struct hg_provider *p, struct hg_event *event)
{
	of(p)->below->ops->event_retain(of(p)->below, event);
}

static void evil_event_release(struct hg_provider *p, struct hg_event *event)
{
	of(p)->below->ops->event_release(of(p)->below, event);
}

static int evil_flush(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	return fails(of(p), err) ? -1 : of(p)->below->ops->flush(of(p)->below, queue, err);
}

static int evil_finish(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	int r = of(p)->below->ops->finish(of(p)->below, queue, err);

	return fails(of(p), err) ? -1 : r;
}

void evil_forget(struct evil *e)
{
	struct owner *o = (struct owner *)e;
	unsigned i;

	for (i = 0; i < o->copy_count; i++)
		free(o->copies[i]);
	o->copy_count = 0;
}

static void evil_close(struct hg_provider *p)
{
	evil_forget(of(p));
	free(p);
}

static const struct hg_provider_ops evil_ops = {
	.name = "evil",
	.buffer_create = evil_buffer_create,
	.buffer_release = evil_buffer_release,
	.queue_create = evil_queue_create,
	.queue_release = evil_queue_release,
	.write = evil_write,
	.read = evil_read,
	.kernel = evil_kernel,
	.launch = evil_launch,
	.event_wait = evil_event_wait,
	.event_retain = evil_event_retain,
	.event_release = evil_event_release,
	.flush = evil_flush,
	.finish = evil_finish,
	.close = evil_close,
};

struct evil *evil_new(struct hg_provider *below)
{
	struct owner *o = calloc(1, sizeof(*o));

	assert(o);
	o->evil.base.ops = &evil_ops;
	o->evil.base.info = below->info;
	o->evil.below = below;
	o->evil.fail_at = -1;
	return &o->evil;
}
