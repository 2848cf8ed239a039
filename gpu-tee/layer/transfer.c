// SPDX-License-Identifier: Apache-2.0
#include "transfer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "../host/launch.h"
#include "copier.h"
#include "work.h"

#define SCRATCH_MIN 65536u

/* A read that has been enqueued and not been delivered. */
struct pending {
	struct work work;
	/* The queue's list has one, the worker's work another. */
	unsigned int refs;
	struct transfer transfer;
	struct queue *queue;
	uint64_t index;
	void *packed;
	struct cross_read *read;
	/* The application's event; NULL if it wants none. */
	cl_event event;
	bool claimed;
	struct pending *next;
	TAILQ_ENTRY(pending) under_way;
};

/* A transfer that waits for events of the application's. */
struct gate {
	struct work work;
	struct transfer transfer;
	struct queue *queue;
	cl_event marker, event, barrier;
	/* What was launched before: a read must not be believed without. */
	struct hg_launch_mark mark;
	cl_int status;
	/* The run has one reference, the driver's callback another. */
	unsigned int refs;
	bool reached;
	struct gate *next;
};

/* The reads of all queues that have not landed, oldest first. */
static TAILQ_HEAD(reads, pending) under_way = TAILQ_HEAD_INITIALIZER(under_way);
static pthread_mutex_t under_way_lock = PTHREAD_MUTEX_INITIALIZER;

static struct gate *gates;
static pthread_mutex_t gates_lock = PTHREAD_MUTEX_INITIALIZER;

size_t product(size_t a, size_t b)
{
	size_t p;

	return __builtin_mul_overflow(a, b, &p) ? 0 : p;
}

struct shadow *shadow_new(size_t size)
{
	struct shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->size = size;
	if (!posix_memalign(&s->data, 4096, size))
		return s;
	free(s);
	return NULL;
}

void shadow_ref(struct shadow *s)
{
	if (s)
		__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

void shadow_put(struct shadow *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	explicit_bzero(s->data, s->size);
	free(s->data);
	free(s);
}

static size_t size_of(const struct transfer *t)
{
	return product(product(t->region[0], t->region[1]), t->region[2]);
}

/* From the first byte on the host to the last. */
static size_t span(const struct transfer *t)
{
	return (t->region[2] - 1) * t->host_slice + (t->region[1] - 1) * t->host_row + t->region[0];
}

void transfer_linear(struct transfer *t, enum report_direction direction, enum report_kind kind,
		     struct mem *m, size_t offset, void *host, size_t size)
{
	memset(t, 0, sizeof(*t));
	t->direction = direction;
	t->kind = kind;
	t->mem = m;
	t->offset = offset;
	t->host = host;
	t->region[0] = size;
	t->region[1] = t->region[2] = 1;
	t->host_row = t->host_slice = size;
}

/* Whether the host's memory lies in one piece. */
static bool is_packed(const struct transfer *t)
{
	return (t->region[1] == 1 || t->host_row == t->region[0]) &&
	       (t->region[2] == 1 || t->host_slice == t->region[0] * t->region[1]);
}

static void pack(const struct transfer *t, char *packed)
{
	size_t y, z;

	for (z = 0; z < t->region[2]; z++)
		for (y = 0; y < t->region[1]; y++, packed += t->region[0])
			memcpy(packed, t->host + z * t->host_slice + y * t->host_row, t->region[0]);
}

static void unpack(const struct transfer *t, const char *packed)
{
	size_t y, z;

	for (z = 0; z < t->region[2]; z++)
		for (y = 0; y < t->region[1]; y++, packed += t->region[0])
			memcpy(t->host + z * t->host_slice + y * t->host_row, packed, t->region[0]);
}

cl_int lane_scratch(struct context *c, struct lane *l, size_t size)
{
	size_t room = SCRATCH_MIN;
	cl_mem handle;
	cl_int code;

	if (l->scratch.handle && l->scratch.size >= size)
		return CL_SUCCESS;
	while (room < size)
		room = product(room, 2) ? room * 2 : size;
	handle = below->clCreateBuffer(c->object.handle, CL_MEM_READ_WRITE, room, NULL, &code);
	if (!handle)
		return code;
	cross_forget(c->crossing, &l->scratch);
	if (l->scratch.handle)
		below->clReleaseMemObject(l->scratch.handle);
	memset(&l->scratch, 0, sizeof(l->scratch));
	l->scratch.handle = handle;
	l->scratch.size = room;
	return CL_SUCCESS;
}

/* A rectangle by the driver's command. */
static cl_int driver_rect(struct lane *l, const struct transfer *t, cl_event *event)
{
	static const size_t zero[3];
	size_t packed = t->region[0] * t->region[1];
	cl_mem handle = t->mem->object.handle;

	return t->direction == REPORT_TO_DEVICE
		       ? below->clEnqueueCopyBufferRect(l->queue, l->scratch.handle, handle, zero,
							t->origin, t->region, t->region[0], packed,
							t->row, t->slice, 0, NULL, event)
		       : below->clEnqueueCopyBufferRect(l->queue, handle, l->scratch.handle,
							t->origin, zero, t->region, t->row,
							t->slice, t->region[0], packed, 0, NULL,
							event);
}

/* The device's own copy between the scratch buffer and the object. */
static cl_int copy_scratch(struct context *c, struct lane *l, const struct transfer *t,
			   cl_event *event)
{
	const struct copy_order order = { .queue = l->queue, .event = event };
	const struct copy_place packed = { .buffer = &l->scratch,
					   .row = t->region[0],
					   .slice = t->region[0] * t->region[1] };
	const size_t region[3] = { t->elements, t->region[1], t->region[2] };
	bool to = t->direction == REPORT_TO_DEVICE;
	struct copy_place place;

	if (t->shape == SHAPE_IMAGE)
		return copy_image(c, &order, t->mem, t->origin, region, &packed, to);
	if (!copier_wanted(c))
		return driver_rect(l, t, event);
	place = copy_place_of(t->mem, t->offset);
	place.row = t->row;
	place.slice = t->slice;
	return copy_box(c, &order, to ? &place : &packed, to ? &packed : &place, t->region);
}

static cl_int write_packed(struct context *c, struct lane *l, const struct transfer *t,
			   const void *data, bool stays, cl_event *done)
{
	size_t origin, size = size_of(t);
	struct mem *root;
	cl_int code;

	if (t->shape == SHAPE_LINEAR) {
		root = mem_root(t->mem, &origin);
		return cross_write(c->crossing, l->queue, &root->cross, origin + t->offset, data,
				   size, stays, done)
			       ? context_broken(c)
			       : CL_SUCCESS;
	}
	code = lane_scratch(c, l, size);
	if (code)
		return code;
	if (cross_write(c->crossing, l->queue, &l->scratch, 0, data, size, stays, NULL))
		return context_broken(c);
	cross_launch(c->crossing, l->queue);
	return copy_scratch(c, l, t, done);
}

static cl_int lane_write(struct context *c, struct lane *l, const struct transfer *t, bool stays,
			 cl_event *done)
{
	void *packed = NULL;
	cl_int code;

	if (!is_packed(t)) {
		packed = malloc(size_of(t));
		if (!packed)
			return CL_OUT_OF_HOST_MEMORY;
		pack(t, packed);
	}
	pthread_mutex_lock(&l->lock);
	code = write_packed(c, l, t, packed ? packed : t->host, stays && !packed, done);
	pthread_mutex_unlock(&l->lock);
	if (packed)
		explicit_bzero(packed, size_of(t));
	free(packed);
	return code;
}

static cl_int read_packed(struct context *c, struct lane *l, const struct transfer *t, void *to,
			  struct cross_read **read)
{
	size_t origin, size = size_of(t);
	struct cross_mem *from = &l->scratch;
	struct mem *root;
	cl_int code;

	if (t->shape == SHAPE_LINEAR) {
		root = mem_root(t->mem, &origin);
		origin += t->offset;
		from = &root->cross;
	} else {
		origin = 0;
		cross_launch(c->crossing, l->queue);
		code = lane_scratch(c, l, size);
		if (!code)
			code = copy_scratch(c, l, t, NULL);
		if (code)
			return code;
	}
	return cross_read(c->crossing, l->queue, from, origin, to, size, read) ? context_broken(c)
									       : CL_SUCCESS;
}

/* *@packed is where the data lands before unpack(), or NULL. */
static cl_int lane_read(struct context *c, struct lane *l, const struct transfer *t, void **packed,
			struct cross_read **read)
{
	cl_int code;

	*packed = NULL;
	if (!is_packed(t)) {
		*packed = malloc(size_of(t));
		if (!*packed)
			return CL_OUT_OF_HOST_MEMORY;
	}
	pthread_mutex_lock(&l->lock);
	code = read_packed(c, l, t, *packed ? *packed : t->host, read);
	pthread_mutex_unlock(&l->lock);
	if (code) {
		free(*packed);
		*packed = NULL;
	}
	return code;
}

/* Waits for the data, and lets it out if the verdict is good. */
static cl_int land(struct context *c, const struct transfer *t, void *packed,
		   struct cross_read *read)
{
	cl_int code = cross_complete(read) ? context_broken(c) : CL_SUCCESS;

	if (!code && packed)
		unpack(t, packed);
	if (packed)
		explicit_bzero(packed, size_of(t));
	free(packed);
	return code;
}

/* While the record lives so must the memory: the driver may not give it to another
 * object before the crossing has forgotten this one. */
static void hold(struct mem *m)
{
	table_ref(&m->object);
	below->clRetainMemObject(m->object.handle);
}

static void let_go(struct mem *m)
{
	cl_mem handle = m->object.handle;

	mem_put(m);
	below->clReleaseMemObject(handle);
}

/* The same, unless it would be the end of @m: the crossing would have to forget it, and
 * may be waiting for what this thread has yet to deliver. */
static bool let_go_early(struct mem *m)
{
	cl_mem handle = m->object.handle;

	if (!table_put_early(&m->object))
		return false;
	below->clReleaseMemObject(handle);
	return true;
}

static void pending_end(struct work *w)
{
	struct pending *p = (struct pending *)w;

	if (p->transfer.mem)
		let_go(p->transfer.mem);
	queue_put(p->queue);
	free(p);
}

static void pending_put(struct pending *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (!p->transfer.mem && table_put_early(&p->queue->object)) {
		free(p);
		return;
	}
	p->work.run = pending_end;
	work_later(&p->work);
}

static void deliver(struct pending *p)
{
	land(p->queue->context, &p->transfer, p->packed, p->read);
	pthread_mutex_lock(&under_way_lock);
	TAILQ_REMOVE(&under_way, p, under_way);
	pthread_mutex_unlock(&under_way_lock);
	if (let_go_early(p->transfer.mem))
		p->transfer.mem = NULL;
	/* Also when it failed: then the context is broken, and the layer answers for its
	 * events. Drivers are not at their best with events that fail. */
	if (p->event) {
		below->clSetUserEventStatus(p->event, CL_COMPLETE);
		below->clReleaseEvent(p->event);
	}
	shadow_put(p->transfer.own);
}

void deliver_until(struct queue *q, uint64_t index)
{
	struct pending *p;

	pthread_mutex_lock(&q->lock);
	while ((p = q->first) && p->index <= index) {
		if (p->claimed) {
			pthread_cond_wait(&q->delivered, &q->lock);
			continue;
		}
		p->claimed = true;
		pthread_mutex_unlock(&q->lock);
		deliver(p);
		pthread_mutex_lock(&q->lock);
		q->first = p->next;
		if (!q->first)
			q->last = &q->first;
		q->done = p->index;
		pthread_cond_broadcast(&q->delivered);
		pthread_mutex_unlock(&q->lock);
		pending_put(p);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
}

bool delivered(struct queue *q, uint64_t index)
{
	bool yes;

	pthread_mutex_lock(&q->lock);
	yes = q->done >= index;
	pthread_mutex_unlock(&q->lock);
	return yes;
}

static void deliver_work(struct work *w)
{
	struct pending *p = (struct pending *)w;

	deliver_until(p->queue, p->index);
	pending_put(p);
}

static void enter_pending(struct queue *q, struct pending *p)
{
	pthread_mutex_lock(&q->lock);
	p->index = ++q->issued;
	*q->last = p;
	q->last = &p->next;
	/* Before anybody can deliver it. */
	pthread_mutex_lock(&under_way_lock);
	TAILQ_INSERT_TAIL(&under_way, p, under_way);
	pthread_mutex_unlock(&under_way_lock);
	pthread_mutex_unlock(&q->lock);
	work_add(&p->work);
}

/* Whether the host's memory of both has a byte in common. */
static bool overlaps(const struct transfer *a, const struct transfer *b)
{
	return a->host < b->host + span(b) && b->host < a->host + span(a);
}

/*
 * A write takes its data from the host at once, while the device has its order by the
 * queues: what is yet to be read into that memory must land first. No read that is under
 * way can wait for this write, so it is no matter which of them the write is behind.
 */
static void settle(const struct transfer *t)
{
	struct pending *p;
	struct queue *q;
	uint64_t index;

	for (;;) {
		pthread_mutex_lock(&under_way_lock);
		p = TAILQ_FIRST(&under_way);
		while (p && !overlaps(&p->transfer, t))
			p = TAILQ_NEXT(p, under_way);
		if (p) {
			q = p->queue;
			index = p->index;
			table_ref(&q->object);
		}
		pthread_mutex_unlock(&under_way_lock);
		if (!p)
			return;
		deliver_until(q, index);
		queue_put(q);
	}
}

/* Gives the application its event, with the driver's own for the times. */
static cl_int give_event(struct queue *q, cl_event handle, cl_event timed, bool blocking,
			 cl_command_type type, cl_uint count, const cl_event *list, cl_event *event)
{
	struct event *e;

	if (!event)
		return CL_SUCCESS;
	e = event_enter(q, handle, type, count, list);
	if (!e)
		return CL_OUT_OF_HOST_MEMORY;
	e->blocking = blocking;
	if (timed && !below->clRetainEvent(timed))
		e->timed = timed;
	*event = handle;
	return CL_SUCCESS;
}

/* A marker, where the application will ask for times and the crossing has no event. */
static cl_event mark_time(struct queue *q, cl_event *event)
{
	cl_event marker = NULL;

	if (event && q->properties & CL_QUEUE_PROFILING_ENABLE &&
	    below->clEnqueueMarkerWithWaitList(q->lane.queue, 0, NULL, &marker))
		marker = NULL;
	return marker;
}

/* The driver's event of a read: another reference. */
static cl_event time_of(struct queue *q, const struct cross_read *read, cl_event *event)
{
	if (!read->event)
		return mark_time(q, event);
	return below->clRetainEvent(read->event) ? NULL : read->event;
}

/* @began becomes the event's, which has just been entered. */
static bool note_beginning(cl_event handle, cl_event began)
{
	struct event *e = event_get(handle);

	if (e)
		e->began = began;
	event_put(e);
	return e;
}

static cl_int read_blocking(struct queue *q, const struct transfer *t, cl_event *event,
			    cl_command_type type)
{
	struct cross_read *read;
	cl_event timed = NULL;
	void *packed;
	cl_int code = lane_read(q->context, &q->lane, t, &packed, &read);

	if (code)
		return code;
	if (event)
		timed = time_of(q, read, event);
	/* The queue is in order: what was read before has arrived too, and lands before. */
	deliver_until(q, UINT64_MAX);
	code = land(q->context, t, packed, read);
	if (!code && event && !timed) {
		timed = below->clCreateUserEvent(q->context->object.handle, &code);
		if (timed)
			below->clSetUserEventStatus(timed, CL_COMPLETE);
	}
	if (!code)
		code = give_event(q, timed, NULL, true, type, 0, NULL, event);
	if (code && timed)
		below->clReleaseEvent(timed);
	return code;
}

static cl_int read_later(struct queue *q, const struct transfer *t, cl_uint count,
			 const cl_event *list, cl_event *event, cl_command_type type)
{
	struct pending *p = calloc(1, sizeof(*p));
	cl_int code = CL_SUCCESS;
	cl_event timed;

	if (!p)
		return CL_OUT_OF_HOST_MEMORY;
	p->work.run = deliver_work;
	p->refs = 2;
	p->transfer = *t;
	if (event)
		p->event = below->clCreateUserEvent(q->context->object.handle, &code);
	if (!code)
		code = lane_read(q->context, &q->lane, t, &p->packed, &p->read);
	if (code) {
		if (p->event)
			below->clReleaseEvent(p->event);
		free(p);
		return code;
	}
	p->queue = q;
	shadow_ref(t->own);
	table_ref(&q->object);
	hold(t->mem);
	timed = time_of(q, p->read, event);
	/* One reference is the application's, one deliver()'s. */
	if (p->event) {
		below->clRetainEvent(p->event);
		code = give_event(q, p->event, timed, false, type, count, list, event);
	}
	enter_pending(q, p);
	if (timed)
		below->clReleaseEvent(timed);
	return code;
}

static cl_int write_direct(struct queue *q, const struct transfer *t, cl_bool blocking,
			   cl_uint count, const cl_event *list, cl_event *event,
			   cl_command_type type)
{
	cl_event done = NULL;
	cl_int code =
		lane_write(q->context, &q->lane, t, !blocking && !t->own, event ? &done : NULL);

	if (!code && event)
		code = give_event(q, done, NULL, blocking, type, count, list, event);
	if (code && done)
		below->clReleaseEvent(done);
	return code;
}

cl_int transfer_now(struct context *c, const struct transfer *t)
{
	struct cross_read *read;
	cl_event done = NULL;
	void *packed;
	cl_int code = context_inner(c);

	if (code)
		return code;
	if (t->direction == REPORT_TO_HOST) {
		code = lane_read(c, &c->inner, t, &packed, &read);
		return code ? code : land(c, t, packed, read);
	}
	code = lane_write(c, &c->inner, t, true, &done);
	if (!code)
		code = below->clWaitForEvents(1, &done);
	if (done)
		below->clReleaseEvent(done);
	return code;
}

static void enter_gate(struct gate *g)
{
	g->refs = 2;
	pthread_mutex_lock(&gates_lock);
	g->next = gates;
	gates = g;
	pthread_mutex_unlock(&gates_lock);
}

/* A gate that the driver never calls back for stays in the list. */
static void gate_put(struct gate *g)
{
	struct gate **at;

	pthread_mutex_lock(&gates_lock);
	if (!--g->refs) {
		for (at = &gates; *at != g; at = &(*at)->next)
			;
		*at = g->next;
		free(g);
	}
	pthread_mutex_unlock(&gates_lock);
}

static void gate_end(struct work *w)
{
	struct gate *g = (struct gate *)w;

	if (g->transfer.mem)
		let_go(g->transfer.mem);
	queue_put(g->queue);
	gate_put(g);
}

static void gate_run(struct work *w)
{
	struct gate *g = (struct gate *)w;
	struct context *c = g->queue->context;
	cl_int code = g->status < 0 ? g->status : context_state(c);

	if (!code && g->mark.set && c->crossing->ops->commit(c->crossing, &g->mark))
		code = context_broken(c);
	if (!code)
		code = transfer_now(c, &g->transfer);
	if (let_go_early(g->transfer.mem))
		g->transfer.mem = NULL;
	below->clSetUserEventStatus(g->event, code && !context_state(c) ? code : CL_COMPLETE);
	context_open(c, -1);
	below->clReleaseEvent(g->event);
	below->clReleaseEvent(g->barrier);
	below->clReleaseEvent(g->marker);
	shadow_put(g->transfer.own);
	if (!g->transfer.mem && table_put_early(&g->queue->object)) {
		gate_put(g);
		return;
	}
	g->work.run = gate_end;
	work_later(&g->work);
}

static void open_gate(struct gate *g, cl_int status)
{
	if (__atomic_exchange_n(&g->reached, true, __ATOMIC_ACQ_REL))
		return;
	g->status = status;
	work_add(&g->work);
}

static void CL_CALLBACK gate_reached(cl_event event, cl_int status, void *data)
{
	struct gate *g = data;

	(void)event;
	open_gate(g, status);
	gate_put(g);
}

/* The number of gates that nothing has reached yet; those whose wait failed are opened. */
static unsigned int sweep_gates(void)
{
	unsigned int closed = 0;
	struct gate *g;
	cl_int status;

	pthread_mutex_lock(&gates_lock);
	for (g = gates; g; g = g->next) {
		if (__atomic_load_n(&g->reached, __ATOMIC_ACQUIRE))
			continue;
		closed++;
		if (!below->clGetEventInfo(g->marker, CL_EVENT_COMMAND_EXECUTION_STATUS,
					   sizeof(status), &status, NULL) &&
		    status < 0)
			open_gate(g, status);
	}
	pthread_mutex_unlock(&gates_lock);
	return closed;
}

void gates_look_after_failure(void)
{
	unsigned int i;

	/* How long a driver takes to pass a failure on is its own affair. */
	for (i = 0; i < 50 && sweep_gates(); i++)
		usleep(1000);
}

/* The gate's place in the queue: a marker before it, a barrier that it holds. */
static cl_int place_gate(struct gate *g, cl_uint count, const cl_event *list)
{
	cl_command_queue handle = g->queue->lane.queue;
	cl_int code;

	struct crossing *x = g->queue->context->crossing;

	if (g->transfer.direction == REPORT_TO_HOST && x->ops->mark &&
	    x->ops->mark(x, handle, &g->mark))
		return context_broken(g->queue->context);
	g->event = below->clCreateUserEvent(g->queue->context->object.handle, &code);
	if (!g->event)
		return code;
	code = below->clEnqueueMarkerWithWaitList(handle, count, list, &g->marker);
	if (code) {
		below->clReleaseEvent(g->event);
		return code;
	}
	code = below->clEnqueueBarrierWithWaitList(handle, 1, &g->event, &g->barrier);
	if (code) {
		below->clSetUserEventStatus(g->event, code);
		below->clReleaseEvent(g->event);
		below->clReleaseEvent(g->marker);
	}
	return code;
}

/* A transfer that waits for what the application does later must not hold up others:
 * the records of all queues are in one order. It crosses when its turn has come. */
static cl_int through_gate(struct queue *q, const struct transfer *t, cl_bool blocking,
			   cl_uint count, const cl_event *list, cl_event *event,
			   cl_command_type type)
{
	struct gate *g = calloc(1, sizeof(*g));
	cl_event handle, marker;
	cl_int code;

	if (!g)
		return CL_OUT_OF_HOST_MEMORY;
	g->work.run = gate_run;
	g->transfer = *t;
	g->queue = q;
	cross_launch(q->context->crossing, q->lane.queue);
	code = place_gate(g, count, list);
	if (code) {
		free(g);
		return code;
	}
	shadow_ref(t->own);
	table_ref(&q->object);
	hold(t->mem);
	context_open(q->context, 1);
	enter_gate(g);
	handle = g->event;
	marker = g->marker;
	below->clRetainEvent(handle);
	below->clRetainEvent(marker);
	if (event)
		code = give_event(q, handle, marker, blocking, type, count, list, event);
	if (below->clSetEventCallback(marker, CL_COMPLETE, gate_reached, g))
		gate_reached(marker, CL_OUT_OF_RESOURCES, g);
	below->clFlush(q->lane.queue);
	if (blocking && below->clWaitForEvents(1, &handle))
		code = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
	if (blocking && context_state(q->context))
		code = CL_OUT_OF_RESOURCES;
	below->clReleaseEvent(marker);
	if (!event)
		below->clReleaseEvent(handle);
	return code;
}

cl_int transfer_begin(cl_command_queue handle, cl_uint count, const cl_event *list,
		      struct queue **q)
{
	cl_int code;

	*q = queue_get(handle);
	if (!*q)
		return CL_INVALID_COMMAND_QUEUE;
	code = context_state((*q)->context);
	if (!code)
		code = wait_list_check(count, list);
	if (code)
		queue_put(*q);
	return code;
}

cl_int transfer_run(struct queue *q, const struct transfer *t, cl_bool blocking, cl_uint count,
		    const cl_event *list, cl_event *event, cl_command_type type)
{
	cl_event began;
	cl_int code;

	report_operation(t->kind, t->direction, size_of(t));
	if (__atomic_load_n(&q->context->open, __ATOMIC_ACQUIRE))
		return through_gate(q, t, blocking, count, list, event, type);
	if (count) {
		cross_launch(q->context->crossing, q->lane.queue);
		code = below->clEnqueueBarrierWithWaitList(q->lane.queue, count, list, NULL);
		if (code)
			return code;
	}
	if (t->direction == REPORT_TO_DEVICE)
		settle(t);
	began = mark_time(q, event);
	if (t->direction == REPORT_TO_DEVICE)
		code = write_direct(q, t, blocking, count, list, event, type);
	else
		code = blocking ? read_blocking(q, t, event, type)
				: read_later(q, t, count, list, event, type);
	if (began && (code || !note_beginning(*event, began)))
		below->clReleaseEvent(began);
	return code;
}
