// SPDX-License-Identifier: Apache-2.0
/*
 * Events. Most are the driver's. One of a read that does not block is a user event,
 * set when the data has been delivered; no event of a later command in the queue may
 * be seen complete before that: its frontier says which deliveries it waits for.
 */
#include <stdlib.h>

#include "transfer.h"
#include "work.h"

struct event *event_get(cl_event handle)
{
	return (struct event *)table_get(handle, OBJECT_EVENT);
}

void event_put(struct event *e)
{
	if (e)
		table_put(&e->object);
}

cl_int wait_list_check(cl_uint count, const cl_event *list)
{
	cl_int code = CL_SUCCESS;
	struct event *e;
	cl_uint i;

	if (!count != !list)
		return CL_INVALID_EVENT_WAIT_LIST;
	for (i = 0; i < count; i++) {
		e = event_get(list[i]);
		if (!e)
			return CL_INVALID_EVENT_WAIT_LIST;
		if (__atomic_load_n(&e->failed, __ATOMIC_ACQUIRE))
			code = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
		event_put(e);
	}
	return code;
}

static void event_destroy(struct object *o)
{
	struct event *e = (struct event *)o;
	unsigned int i;

	for (i = 0; i < e->frontiers; i++)
		queue_put(e->frontier[i].queue);
	if (e->timed)
		below->clReleaseEvent(e->timed);
	if (e->began)
		below->clReleaseEvent(e->began);
	/* Never set, and now nobody can. */
	if (e->user && !e->set)
		context_open(e->context, -1);
	queue_put(e->queue);
	context_put(e->context);
	free(e);
}

static void add_frontier(struct event *e, struct queue *q, uint64_t index)
{
	unsigned int i;

	if (delivered(q, index))
		return;
	for (i = 0; i < e->frontiers; i++) {
		if (e->frontier[i].queue != q)
			continue;
		if (e->frontier[i].index < index)
			e->frontier[i].index = index;
		return;
	}
	table_ref(&q->object);
	e->frontier[e->frontiers].queue = q;
	e->frontier[e->frontiers++].index = index;
}

static uint64_t issued(struct queue *q)
{
	uint64_t n;

	pthread_mutex_lock(&q->lock);
	n = q->issued;
	pthread_mutex_unlock(&q->lock);
	return n;
}

static size_t count_frontiers(cl_uint count, const cl_event *list)
{
	struct event *e;
	size_t n = 1;
	cl_uint i;

	for (i = 0; i < count; i++) {
		e = event_get(list[i]);
		if (e)
			n += e->frontiers;
		event_put(e);
	}
	return n;
}

struct event *event_enter(struct queue *q, cl_event handle, cl_command_type type, cl_uint count,
			  const cl_event *list)
{
	size_t room = count_frontiers(count, list);
	struct event *e = calloc(1, sizeof(*e) + room * sizeof(e->frontier[0])), *other;
	unsigned int j;
	cl_uint i;

	if (!e)
		return NULL;
	e->context = q->context;
	table_ref(&q->context->object);
	e->queue = q;
	table_ref(&q->object);
	e->type = type;
	add_frontier(e, q, issued(q));
	for (i = 0; i < count; i++) {
		other = event_get(list[i]);
		for (j = 0; other && j < other->frontiers && e->frontiers < room; j++)
			add_frontier(e, other->frontier[j].queue, other->frontier[j].index);
		event_put(other);
	}
	table_enter(&e->object, handle, OBJECT_EVENT, event_destroy);
	return e;
}

static bool reached(const struct event *e)
{
	unsigned int i;

	for (i = 0; i < e->frontiers; i++)
		if (!delivered(e->frontier[i].queue, e->frontier[i].index))
			return false;
	return true;
}

static void reach(const struct event *e)
{
	unsigned int i;

	for (i = 0; i < e->frontiers; i++)
		deliver_until(e->frontier[i].queue, e->frontier[i].index);
}

static cl_event CL_API_CALL create_user_event(cl_context context, cl_int *errcode_ret)
{
	struct context *c = context_get(context);
	cl_int code = c ? context_state(c) : CL_INVALID_CONTEXT;
	struct event *e = code ? NULL : calloc(1, sizeof(*e));
	cl_event handle = NULL;

	if (!code && !e)
		code = CL_OUT_OF_HOST_MEMORY;
	if (e)
		handle = below->clCreateUserEvent(context, &code);
	if (handle) {
		e->context = c;
		e->user = true;
		e->type = CL_COMMAND_USER;
		context_open(c, 1);
		table_enter(&e->object, handle, OBJECT_EVENT, event_destroy);
	} else {
		free(e);
		context_put(c);
	}
	layer_code(errcode_ret, code);
	return handle;
}

static cl_int CL_API_CALL set_user_event(cl_event handle, cl_int status)
{
	struct event *e = event_get(handle);
	cl_int code;

	/* One of the layer's own is not the application's to set. */
	if (!e || !e->user) {
		event_put(e);
		return CL_INVALID_EVENT;
	}
	code = below->clSetUserEventStatus(handle, status);
	if (!code && status < 0)
		__atomic_store_n(&e->failed, true, __ATOMIC_RELEASE);
	if (!code && !__atomic_exchange_n(&e->set, true, __ATOMIC_ACQ_REL))
		context_open(e->context, -1);
	if (!code && status < 0)
		gates_look_after_failure();
	event_put(e);
	return code;
}

static cl_int CL_API_CALL retain_event(cl_event handle)
{
	cl_int code = below->clRetainEvent(handle);

	if (!code)
		table_retain(handle, OBJECT_EVENT);
	return code;
}

static cl_int CL_API_CALL release_event(cl_event handle)
{
	if (!table_release(handle, OBJECT_EVENT))
		return CL_INVALID_EVENT;
	return below->clReleaseEvent(handle);
}

static cl_int CL_API_CALL wait_for_events(cl_uint count, const cl_event *list)
{
	struct event *e;
	cl_int state = CL_SUCCESS, code;
	cl_uint i;

	if (!count || !list)
		return CL_INVALID_VALUE;
	for (i = 0; i < count; i++) {
		e = event_get(list[i]);
		if (!e)
			return CL_INVALID_EVENT;
		if (e->queue) {
			cross_launch(e->context->crossing, e->queue->lane.queue);
			if (e->frontiers)
				below->clFlush(e->queue->lane.queue);
		}
		event_put(e);
	}
	code = below->clWaitForEvents(count, list);
	for (i = 0; i < count; i++) {
		e = event_get(list[i]);
		if (!e)
			continue;
		reach(e);
		if (!state)
			state = context_state(e->context);
		event_put(e);
	}
	return state ? state : code;
}

static cl_int event_status(struct event *e, size_t room, void *value, size_t *size_ret)
{
	cl_int status = context_state(e->context), code;

	/* After a verdict against the bus nothing is complete. */
	if (status)
		return layer_answer(&status, sizeof(status), room, value, size_ret);
	code = below->clGetEventInfo(e->object.handle, CL_EVENT_COMMAND_EXECUTION_STATUS,
				     sizeof(status), &status, NULL);
	if (code)
		return code;
	if (status == CL_COMPLETE && !reached(e))
		status = CL_RUNNING;
	return layer_answer(&status, sizeof(status), room, value, size_ret);
}

static cl_int CL_API_CALL event_info(cl_event handle, cl_event_info name, size_t room, void *value,
				     size_t *size_ret)
{
	struct event *e = event_get(handle);
	cl_command_queue queue;
	cl_int code;

	if (!e)
		return CL_INVALID_EVENT;
	switch (name) {
	case CL_EVENT_COMMAND_TYPE:
		code = layer_answer(&e->type, sizeof(e->type), room, value, size_ret);
		break;
	case CL_EVENT_COMMAND_QUEUE:
		queue = e->queue ? e->queue->lane.queue : NULL;
		code = layer_answer(&queue, sizeof(queue), room, value, size_ret);
		break;
	case CL_EVENT_COMMAND_EXECUTION_STATUS:
		code = event_status(e, room, value, size_ret);
		break;
	default:
		code = below->clGetEventInfo(handle, name, room, value, size_ret);
	}
	event_put(e);
	return code;
}

static cl_int CL_API_CALL profiling_info(cl_event handle, cl_profiling_info name, size_t room,
					 void *value, size_t *size_ret)
{
	struct event *e = event_get(handle);
	cl_event from = handle;
	cl_int code;

	if (!e)
		return CL_INVALID_EVENT;
	/* The call has returned: for the application the command is done. */
	if (e->blocking)
		below->clWaitForEvents(1, &handle);
	if (e->timed)
		from = e->timed;
	if (e->began && name != CL_PROFILING_COMMAND_END && name != CL_PROFILING_COMMAND_COMPLETE)
		from = e->began;
	code = e->user || !reached(e)
		       ? CL_PROFILING_INFO_NOT_AVAILABLE
		       : below->clGetEventProfilingInfo(from, name, room, value, size_ret);
	event_put(e);
	return code;
}

typedef void(CL_CALLBACK *event_notify)(cl_event, cl_int, void *);

struct callback {
	struct work work;
	struct event *event;
	cl_event handle;
	cl_int status;
	event_notify notify;
	void *data;
};

static void callback_end(struct work *w)
{
	struct callback *cb = (struct callback *)w;

	event_put(cb->event);
	free(cb);
}

static void callback_run(struct work *w)
{
	struct callback *cb = (struct callback *)w;
	cl_int state;

	reach(cb->event);
	state = context_state(cb->event->context);
	cb->notify(cb->handle, state ? state : cb->status, cb->data);
	/* This may be a thread of the driver's. */
	if (table_put_early(&cb->event->object)) {
		free(cb);
		return;
	}
	cb->work.run = callback_end;
	work_later(&cb->work);
}

static void CL_CALLBACK callback_reached(cl_event handle, cl_int status, void *data)
{
	struct callback *cb = data;

	(void)handle;
	cb->status = status;
	if (cb->event->frontiers)
		work_later(&cb->work);
	else
		callback_run(&cb->work);
}

/* The application hears of it after the deliveries, for which the driver's thread must
 * not wait. */
static cl_int set_late_callback(struct event *e, cl_int type, event_notify notify, void *data)
{
	struct callback *cb = calloc(1, sizeof(*cb));
	cl_int code;

	if (!cb)
		return CL_OUT_OF_HOST_MEMORY;
	cb->work.run = callback_run;
	cb->event = e;
	table_ref(&e->object);
	cb->handle = e->object.handle;
	cb->notify = notify;
	cb->data = data;
	code = below->clSetEventCallback(cb->handle, type, callback_reached, cb);
	if (code) {
		event_put(e);
		free(cb);
	}
	return code;
}

static cl_int CL_API_CALL set_event_callback(cl_event handle, cl_int type, event_notify notify,
					     void *data)
{
	struct event *e = event_get(handle);
	cl_int code;

	if (!e)
		return CL_INVALID_EVENT;
	if (!notify || (type != CL_COMPLETE && type != CL_RUNNING && type != CL_SUBMITTED))
		code = CL_INVALID_VALUE;
	else if (type == CL_COMPLETE)
		code = set_late_callback(e, type, notify, data);
	else
		code = below->clSetEventCallback(handle, type, notify, data);
	event_put(e);
	return code;
}

void layer_events(cl_icd_dispatch *d)
{
	d->clCreateUserEvent = create_user_event;
	d->clSetUserEventStatus = set_user_event;
	d->clRetainEvent = retain_event;
	d->clReleaseEvent = release_event;
	d->clWaitForEvents = wait_for_events;
	d->clGetEventInfo = event_info;
	d->clGetEventProfilingInfo = profiling_info;
	d->clSetEventCallback = set_event_callback;
}
