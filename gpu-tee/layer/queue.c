// SPDX-License-Identifier: Apache-2.0
/* Command queues: in order below, whatever the application asked for. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "transfer.h"

struct queue *queue_get(cl_command_queue handle)
{
	return (struct queue *)table_get(handle, OBJECT_QUEUE);
}

void queue_put(struct queue *q)
{
	if (q)
		table_put(&q->object);
}

static void queue_destroy(struct object *o)
{
	struct queue *q = (struct queue *)o;

	cross_forget(q->context->crossing, &q->lane.scratch);
	if (q->lane.scratch.handle)
		below->clReleaseMemObject(q->lane.scratch.handle);
	pthread_mutex_destroy(&q->lane.lock);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->delivered);
	/* The driver's queue keeps the driver's context: it goes last. */
	context_put(q->context);
	below->clReleaseCommandQueue(q->lane.queue);
	free(q->array);
	free(q);
}

static cl_int enter_queue(struct context *c, cl_command_queue handle,
			  cl_command_queue_properties properties, const cl_queue_properties *array,
			  size_t array_size)
{
	struct queue *q = calloc(1, sizeof(*q));
	cl_int code;

	if (!q)
		return CL_OUT_OF_HOST_MEMORY;
	if (array_size) {
		q->array = malloc(array_size);
		if (!q->array) {
			free(q);
			return CL_OUT_OF_HOST_MEMORY;
		}
		memcpy(q->array, array, array_size);
		q->array_size = array_size;
	}
	/* Events name their queue when the application has long released it. */
	code = below->clRetainCommandQueue(handle);
	if (code) {
		free(q->array);
		free(q);
		return code;
	}
	q->context = c;
	table_ref(&c->object);
	q->lane.queue = handle;
	q->properties = properties;
	q->last = &q->first;
	pthread_mutex_init(&q->lane.lock, NULL);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->delivered, NULL);
	table_enter(&q->object, handle, OBJECT_QUEUE, queue_destroy);
	return CL_SUCCESS;
}

static cl_int check_queue(struct context *c, cl_device_id device, cl_command_queue_properties p)
{
	if (!c)
		return CL_INVALID_CONTEXT;
	if (device != c->device)
		return CL_INVALID_DEVICE;
	if (p & ~(cl_command_queue_properties)(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE |
					       CL_QUEUE_PROFILING_ENABLE))
		return CL_INVALID_QUEUE_PROPERTIES;
	return context_state(c);
}

static cl_command_queue finish_queue(struct context *c, cl_command_queue handle, cl_int code,
				     cl_command_queue_properties properties,
				     const cl_queue_properties *array, size_t size,
				     cl_int *errcode_ret)
{
	if (!code && handle)
		code = enter_queue(c, handle, properties, array, size);
	if (code && handle)
		below->clReleaseCommandQueue(handle);
	context_put(c);
	layer_code(errcode_ret, code);
	return code ? NULL : handle;
}

static cl_command_queue CL_API_CALL create_queue(cl_context context, cl_device_id device,
						 cl_command_queue_properties properties,
						 cl_int *errcode_ret)
{
	struct context *c = context_get(context);
	cl_int code = check_queue(c, device, properties);
	cl_command_queue handle = NULL;

	if (!code)
		handle = below->clCreateCommandQueue(context, device,
						     properties & CL_QUEUE_PROFILING_ENABLE, &code);
	return finish_queue(c, handle, code, properties, NULL, 0, errcode_ret);
}

#define QUEUE_PROPERTIES 8u

/* Copies @from as the driver gets it; the flags are also in @flags. Returns the bytes
 * of @from, its 0 included, or 0. */
static size_t copy_properties(const cl_queue_properties *from,
			      cl_queue_properties to[2 * QUEUE_PROPERTIES + 1],
			      cl_command_queue_properties *flags)
{
	size_t n = 0;

	*flags = 0;
	for (; from[n]; n += 2) {
		if (n == 2 * QUEUE_PROPERTIES)
			return 0;
		to[n] = from[n];
		to[n + 1] = from[n + 1];
		if (from[n] != CL_QUEUE_PROPERTIES)
			continue;
		*flags = (cl_command_queue_properties)from[n + 1];
		to[n + 1] =
			from[n + 1] & ~(cl_queue_properties)CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE;
	}
	to[n] = 0;
	return (n + 1) * sizeof(*from);
}

static cl_command_queue CL_API_CALL create_queue_with(cl_context context, cl_device_id device,
						      const cl_queue_properties *properties,
						      cl_int *errcode_ret)
{
	cl_queue_properties to[2 * QUEUE_PROPERTIES + 1];
	struct context *c = context_get(context);
	cl_command_queue_properties flags = 0;
	cl_command_queue handle = NULL;
	size_t size = 0;
	cl_int code;

	if (properties)
		size = copy_properties(properties, to, &flags);
	code = properties && !size ? CL_INVALID_QUEUE_PROPERTIES : check_queue(c, device, flags);
	if (!code)
		handle = below->clCreateCommandQueueWithProperties(context, device,
								   properties ? to : NULL, &code);
	return finish_queue(c, handle, code, flags, properties, size, errcode_ret);
}

static cl_int CL_API_CALL retain_queue(cl_command_queue handle)
{
	cl_int code = below->clRetainCommandQueue(handle);

	if (!code)
		table_retain(handle, OBJECT_QUEUE);
	return code;
}

static cl_int CL_API_CALL release_queue(cl_command_queue handle)
{
	struct queue *q = queue_get(handle);
	bool held;

	if (!q)
		return CL_INVALID_COMMAND_QUEUE;
	cross_launch(q->context->crossing, handle);
	/* A driver flushes when the last reference goes, which may be ours, and late. */
	below->clFlush(handle);
	deliver_until(q, UINT64_MAX);
	if (q->object.app == 1)
		cross_queue_gone(q->context->crossing, handle);
	held = table_release(handle, OBJECT_QUEUE);
	queue_put(q);
	return held ? below->clReleaseCommandQueue(handle) : CL_INVALID_COMMAND_QUEUE;
}

static cl_int CL_API_CALL queue_info(cl_command_queue handle, cl_command_queue_info name,
				     size_t room, void *value, size_t *size_ret)
{
	struct queue *q = queue_get(handle);
	cl_uint count;
	cl_int code;

	if (!q)
		return CL_INVALID_COMMAND_QUEUE;
	count = q->object.app;
	if (name == CL_QUEUE_REFERENCE_COUNT)
		code = layer_answer(&count, sizeof(count), room, value, size_ret);
	else if (name == CL_QUEUE_PROPERTIES)
		code = layer_answer(&q->properties, sizeof(q->properties), room, value, size_ret);
	else if (name == CL_QUEUE_PROPERTIES_ARRAY)
		code = layer_answer(q->array, q->array_size, room, value, size_ret);
	else
		code = below->clGetCommandQueueInfo(handle, name, room, value, size_ret);
	queue_put(q);
	return code;
}

static cl_int CL_API_CALL flush_queue(cl_command_queue handle)
{
	struct queue *q;
	cl_int code = command_begin(handle, &q);

	if (code)
		return code;
	cross_launch(q->context->crossing, handle);
	code = below->clFlush(handle);
	queue_put(q);
	return code;
}

static cl_int CL_API_CALL finish_commands(cl_command_queue handle)
{
	struct queue *q;
	cl_int code = command_begin(handle, &q);

	if (code)
		return code;
	cross_launch(q->context->crossing, handle);
	deliver_until(q, UINT64_MAX);
	/* A gate opens only after the application's own events are set: the driver can
	 * wait for that, the crossing need not. */
	code = below->clFinish(handle);
	if (cross_sync(q->context->crossing, handle))
		code = context_broken(q->context);
	queue_put(q);
	return code;
}

static cl_int CL_API_CALL set_property(cl_command_queue handle,
				       cl_command_queue_properties properties, cl_bool enable,
				       cl_command_queue_properties *old)
{
	(void)handle, (void)properties, (void)enable, (void)old;
	/* Deprecated since OpenCL 1.1, which lets it fail. */
	return CL_INVALID_OPERATION;
}

void layer_queues(cl_icd_dispatch *d)
{
	d->clCreateCommandQueue = create_queue;
	d->clCreateCommandQueueWithProperties = create_queue_with;
	d->clRetainCommandQueue = retain_queue;
	d->clReleaseCommandQueue = release_queue;
	d->clGetCommandQueueInfo = queue_info;
	d->clSetCommandQueueProperty = set_property;
	d->clFlush = flush_queue;
	d->clFinish = finish_commands;
}
