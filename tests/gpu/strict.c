// SPDX-License-Identifier: Apache-2.0
/*
 * A layer that stands for a driver which forgives nothing: it ends the program where a
 * queue is used that nobody holds a reference of.
 */
#include <pthread.h>
#include <stdio.h>

#include "layer.h"

#define QUEUES 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	cl_command_queue handle;
	int refs;
} queues[QUEUES];

/* The references of @q after @by more. A new one takes the place of what had its handle. */
static int count(cl_command_queue q, int by, int new)
{
	int i, refs = 0;

	pthread_mutex_lock(&lock);
	for (i = 0; i < QUEUES && queues[i].handle && queues[i].handle != q; i++)
		;
	if (i == QUEUES) {
		fputs("strict: too many queues\n", stderr);
		abort();
	}
	queues[i].handle = q;
	if (new)
		queues[i].refs = 0;
	refs = queues[i].refs += by;
	pthread_mutex_unlock(&lock);
	return refs;
}

static void used(cl_command_queue q, const char *by)
{
	/* None at all is an error that the driver knows. */
	if (!q || count(q, 0, 0) > 0)
		return;
	fprintf(stderr, "strict: %s of a queue that is gone\n", by);
	_Exit(70);
}

static cl_command_queue CL_API_CALL create(cl_context c, cl_device_id d,
					   cl_command_queue_properties p, cl_int *code)
{
	cl_command_queue q = below->clCreateCommandQueue(c, d, p, code);

	if (q)
		count(q, 1, 1);
	return q;
}

static cl_command_queue CL_API_CALL create_with(cl_context c, cl_device_id d,
						const cl_queue_properties *p, cl_int *code)
{
	cl_command_queue q = below->clCreateCommandQueueWithProperties(c, d, p, code);

	if (q)
		count(q, 1, 1);
	return q;
}

static cl_int CL_API_CALL retain(cl_command_queue q)
{
	used(q, "clRetainCommandQueue");
	count(q, 1, 0);
	return below->clRetainCommandQueue(q);
}

static cl_int CL_API_CALL release(cl_command_queue q)
{
	used(q, "clReleaseCommandQueue");
	count(q, -1, 0);
	return below->clReleaseCommandQueue(q);
}

static cl_int CL_API_CALL flush(cl_command_queue q)
{
	used(q, "clFlush");
	return below->clFlush(q);
}

static cl_int CL_API_CALL finish(cl_command_queue q)
{
	used(q, "clFinish");
	return below->clFinish(q);
}

static cl_int CL_API_CALL info(cl_command_queue q, cl_command_queue_info name, size_t room,
			       void *value, size_t *size)
{
	used(q, "clGetCommandQueueInfo");
	return below->clGetCommandQueueInfo(q, name, room, value, size);
}

static cl_int CL_API_CALL marker(cl_command_queue q, cl_uint n, const cl_event *list,
				 cl_event *event)
{
	used(q, "clEnqueueMarkerWithWaitList");
	return below->clEnqueueMarkerWithWaitList(q, n, list, event);
}

static cl_int CL_API_CALL barrier(cl_command_queue q, cl_uint n, const cl_event *list,
				  cl_event *event)
{
	used(q, "clEnqueueBarrierWithWaitList");
	return below->clEnqueueBarrierWithWaitList(q, n, list, event);
}

static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				       size_t offset, size_t size, const void *src, cl_uint n,
				       const cl_event *list, cl_event *event)
{
	used(q, "clEnqueueWriteBuffer");
	return below->clEnqueueWriteBuffer(q, m, blocking, offset, size, src, n, list, event);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
				      size_t size, void *dst, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	used(q, "clEnqueueReadBuffer");
	return below->clEnqueueReadBuffer(q, m, blocking, offset, size, dst, n, list, event);
}

static cl_int CL_API_CALL launch(cl_command_queue q, cl_kernel k, cl_uint dims,
				 const size_t *offset, const size_t *global, const size_t *local,
				 cl_uint n, const cl_event *list, cl_event *event)
{
	used(q, "clEnqueueNDRangeKernel");
	return below->clEnqueueNDRangeKernel(q, k, dims, offset, global, local, n, list, event);
}

void test_layer_take(cl_icd_dispatch *d)
{
	d->clCreateCommandQueue = create;
	d->clCreateCommandQueueWithProperties = create_with;
	d->clRetainCommandQueue = retain;
	d->clReleaseCommandQueue = release;
	d->clFlush = flush;
	d->clFinish = finish;
	d->clGetCommandQueueInfo = info;
	d->clEnqueueMarkerWithWaitList = marker;
	d->clEnqueueBarrierWithWaitList = barrier;
	d->clEnqueueWriteBuffer = write_buffer;
	d->clEnqueueReadBuffer = read_buffer;
	d->clEnqueueNDRangeKernel = launch;
}
