// SPDX-License-Identifier: Apache-2.0
/* The crossing that seals nothing: to see what the layer itself costs, and for its tests. */
#include <stdlib.h>

#include "layer.h"

static int null_open(struct crossing *x)
{
	(void)x;
	layer_say_once("HYPERGPU_CROSSING=null: nothing that crosses the bus is sealed");
	return 0;
}

static void null_close(struct crossing *x)
{
	(void)x;
}

static int null_bind(struct crossing *x, cl_command_queue queue, struct cross_mem *m)
{
	(void)x, (void)queue, (void)m;
	return 0;
}

static void null_forget(struct crossing *x, struct cross_mem *m)
{
	(void)x, (void)m;
}

static int null_write(struct crossing *x, cl_command_queue queue, struct cross_mem *m,
		      size_t offset, const void *src, size_t size, bool stays, cl_event *done)
{
	cl_int code = below->clEnqueueWriteBuffer(queue, m->handle, stays ? CL_FALSE : CL_TRUE,
						  offset, size, src, 0, NULL, done);

	return code ? cross_fail(x, "the driver refused a write: error %d", code) : 0;
}

static int null_read(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
		     void *dst, size_t size, struct cross_read **pending)
{
	struct cross_read *r = calloc(1, sizeof(*r));
	cl_int code = CL_OUT_OF_HOST_MEMORY;

	if (r) {
		r->crossing = x;
		code = below->clEnqueueReadBuffer(queue, m->handle, CL_FALSE, offset, size, dst, 0,
						  NULL, &r->event);
	}
	if (code) {
		free(r);
		return cross_fail(x, "the driver refused a read: error %d", code);
	}
	below->clFlush(queue);
	*pending = r;
	return 0;
}

static int null_complete(struct cross_read *r)
{
	cl_int code = below->clWaitForEvents(1, &r->event);
	int ret = code ? cross_fail(r->crossing, "the driver's read failed: error %d", code) : 0;

	below->clReleaseEvent(r->event);
	free(r);
	return ret;
}

static int null_sync(struct crossing *x, cl_command_queue queue)
{
	cl_int code = below->clFinish(queue);

	return code ? cross_fail(x, "the driver's clFinish failed: error %d", code) : 0;
}

const struct crossing_ops crossing_null = {
	.name = "null",
	.open = null_open,
	.close = null_close,
	.bind = null_bind,
	.forget = null_forget,
	.write = null_write,
	.read = null_read,
	.complete = null_complete,
	.sync = null_sync,
};
