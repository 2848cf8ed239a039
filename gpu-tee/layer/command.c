// SPDX-License-Identifier: Apache-2.0
/* Commands that carry no data: they go to the driver, and their events are entered. */
#include "layer.h"

#include "report.h"
#include "rewrite.h"

cl_int command_begin(cl_command_queue handle, struct queue **q)
{
	cl_int code;

	*q = queue_get(handle);
	if (!*q)
		return CL_INVALID_COMMAND_QUEUE;
	code = context_state((*q)->context);
	if (code) {
		queue_put(*q);
		return code;
	}
	cross_launch((*q)->context->crossing, handle);
	return CL_SUCCESS;
}

cl_int command_done(struct queue *q, cl_int code, cl_event *event, cl_command_type type,
		    cl_uint count, const cl_event *list)
{
	if (!code && event && !event_enter(q, *event, type, count, list)) {
		below->clReleaseEvent(*event);
		code = CL_OUT_OF_HOST_MEMORY;
	}
	queue_put(q);
	return code;
}

/* A kernel that was not rewritten runs as it is: docs/gpu-layer.md says what that means. */
static cl_int launch(struct queue *q, cl_kernel handle, cl_uint dims, const size_t *offset,
		     const size_t *global, const size_t *local, cl_uint count, const cl_event *list,
		     cl_event *event)
{
	cl_int code = wait_list_check(count, list);
	struct kernel *k;

	if (code)
		return code;
	k = kernel_get(handle);
	report_in_clear(CLEAR_LAUNCH, dims * 3 * sizeof(size_t));
	if (k && k->row) {
		code = kernel_launch(q, k, dims, offset, global, local, count, list, event);
	} else {
		code = below->clEnqueueNDRangeKernel(q->lane.queue, handle, dims, offset, global,
						     local, count, list, event);
		if (!code)
			report_launch(false);
	}
	kernel_put(k);
	return code;
}

static cl_int CL_API_CALL ndrange(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
				  const size_t *offset, const size_t *global, const size_t *local,
				  cl_uint count, const cl_event *list, cl_event *event)
{
	struct queue *q;
	cl_int code = command_begin(queue, &q);

	if (code)
		return code;
	code = launch(q, kernel, dims, offset, global, local, count, list, event);
	return command_done(q, code, event, CL_COMMAND_NDRANGE_KERNEL, count, list);
}

static cl_int CL_API_CALL task(cl_command_queue queue, cl_kernel kernel, cl_uint count,
			       const cl_event *list, cl_event *event)
{
	const size_t one = 1;
	struct queue *q;
	cl_int code = command_begin(queue, &q);

	if (code)
		return code;
	code = launch(q, kernel, 1, NULL, &one, &one, count, list, event);
	return command_done(q, code, event, CL_COMMAND_TASK, count, list);
}

/* NAME(PARAMETERS), the last three of which are the wait list and the event. */
#define COMMAND(name, type, entry, parameters, arguments) \
	static cl_int CL_API_CALL name parameters \
	{ \
		struct queue *q; \
		cl_int code = command_begin(queue, &q); \
		if (code) \
			return code; \
		code = below->entry arguments; \
		return command_done(q, code, event, type, count, list); \
	}

COMMAND(marker_with, CL_COMMAND_MARKER, clEnqueueMarkerWithWaitList,
	(cl_command_queue queue, cl_uint count, const cl_event *list, cl_event *event),
	(queue, count, list, event))

COMMAND(barrier_with, CL_COMMAND_BARRIER, clEnqueueBarrierWithWaitList,
	(cl_command_queue queue, cl_uint count, const cl_event *list, cl_event *event),
	(queue, count, list, event))

static cl_int CL_API_CALL marker(cl_command_queue queue, cl_event *event)
{
	struct queue *q;
	cl_int code = command_begin(queue, &q);

	if (code)
		return code;
	code = below->clEnqueueMarker(queue, event);
	return command_done(q, code, event, CL_COMMAND_MARKER, 0, NULL);
}

static cl_int CL_API_CALL wait_in_queue(cl_command_queue queue, cl_uint count, const cl_event *list)
{
	struct queue *q;
	cl_int code = command_begin(queue, &q);

	if (code)
		return code;
	code = below->clEnqueueWaitForEvents(queue, count, list);
	return command_done(q, code, NULL, 0, 0, NULL);
}

static cl_int CL_API_CALL barrier(cl_command_queue queue)
{
	struct queue *q;
	cl_int code = command_begin(queue, &q);

	if (code)
		return code;
	code = below->clEnqueueBarrier(queue);
	return command_done(q, code, NULL, 0, 0, NULL);
}

/* The contents go nowhere: a context has one device, and the host gets no copy. */
static cl_int CL_API_CALL migrate(cl_command_queue queue, cl_uint mems, const cl_mem *list_of,
				  cl_mem_migration_flags flags, cl_uint count, const cl_event *list,
				  cl_event *event)
{
	struct queue *q;
	struct mem *m;
	cl_int code = command_begin(queue, &q);
	cl_uint i;

	if (code)
		return code;
	if (!mems || !list_of ||
	    flags & ~(cl_mem_migration_flags)(CL_MIGRATE_MEM_OBJECT_HOST |
					      CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED))
		code = CL_INVALID_VALUE;
	for (i = 0; !code && i < mems; i++) {
		m = mem_get(list_of[i]);
		if (!m)
			code = CL_INVALID_MEM_OBJECT;
		mem_put(m);
	}
	/* To the host would be across the bus in clear, so a marker stands for it. */
	if (!code)
		code = below->clEnqueueMarkerWithWaitList(queue, count, list, event);
	return command_done(q, code, event, CL_COMMAND_MIGRATE_MEM_OBJECTS, count, list);
}

void layer_commands(cl_icd_dispatch *d)
{
	d->clEnqueueNDRangeKernel = ndrange;
	d->clEnqueueTask = task;
	d->clEnqueueMarkerWithWaitList = marker_with;
	d->clEnqueueBarrierWithWaitList = barrier_with;
	d->clEnqueueMarker = marker;
	d->clEnqueueWaitForEvents = wait_in_queue;
	d->clEnqueueBarrier = barrier;
	d->clEnqueueMigrateMemObjects = migrate;
}
