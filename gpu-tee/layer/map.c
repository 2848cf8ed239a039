// SPDX-License-Identifier: Apache-2.0
/*
 * Mapped memory is the layer's, or what the application gave with
 * CL_MEM_USE_HOST_PTR: mapping reads the region into it, unmapping writes it back.
 */
#include "map.h"

#include <stdlib.h>
#include <string.h>

#include "image.h"

#define MAP_WRITES (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)

struct map {
	cl_map_flags flags;
	struct transfer transfer;
	struct map *next;
};

static void map_free(struct map *p)
{
	shadow_put(p->transfer.own);
	free(p);
}

void maps_free(struct mem *m)
{
	struct map *p, *next;

	for (p = m->maps; p; p = next) {
		next = p->next;
		map_free(p);
	}
	m->maps = NULL;
}

cl_uint maps_count(struct mem *m)
{
	const struct map *p;
	cl_uint n = 0;

	pthread_mutex_lock(&m->lock);
	for (p = m->maps; p; p = p->next)
		n++;
	pthread_mutex_unlock(&m->lock);
	return n;
}

static void enter_map(struct mem *m, struct map *p)
{
	pthread_mutex_lock(&m->lock);
	p->next = m->maps;
	m->maps = p;
	pthread_mutex_unlock(&m->lock);
}

/* The map that begins at @ptr, no longer in the list. */
static struct map *take_map(struct mem *m, const void *ptr)
{
	struct map **at, *p;

	pthread_mutex_lock(&m->lock);
	for (at = &m->maps; *at && (*at)->transfer.host != ptr; at = &(*at)->next)
		;
	p = *at;
	if (p)
		*at = p->next;
	pthread_mutex_unlock(&m->lock);
	return p;
}

static cl_int check_flags(const struct mem *m, cl_map_flags flags)
{
	if (flags & ~(cl_map_flags)(CL_MAP_READ | MAP_WRITES) ||
	    (flags & CL_MAP_WRITE_INVALIDATE_REGION && flags & (CL_MAP_READ | CL_MAP_WRITE)))
		return CL_INVALID_VALUE;
	if (flags & CL_MAP_READ && m->flags & (CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS))
		return CL_INVALID_OPERATION;
	if (flags & MAP_WRITES && m->flags & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS))
		return CL_INVALID_OPERATION;
	return CL_SUCCESS;
}

/* No data: a marker has the place, the waits and the event. */
static cl_int mark(struct queue *q, cl_bool blocking, cl_uint count, const cl_event *list,
		   cl_event *event, cl_command_type type)
{
	cl_event own = NULL;
	cl_int code;

	cross_launch(q->context->crossing, q->lane.queue);
	code = below->clEnqueueMarkerWithWaitList(q->lane.queue, count, list,
						  event || blocking ? &own : NULL);
	if (!code && blocking) {
		code = below->clWaitForEvents(1, &own);
		deliver_until(q, UINT64_MAX);
	}
	if (!code && event) {
		if (event_enter(q, own, type, count, list)) {
			*event = own;
			return CL_SUCCESS;
		}
		code = CL_OUT_OF_HOST_MEMORY;
	}
	if (own)
		below->clReleaseEvent(own);
	return code;
}

static cl_int start_map(struct queue *q, struct map *p, cl_bool blocking, cl_uint count,
			const cl_event *list, cl_event *event, cl_command_type type)
{
	if (p->flags & CL_MAP_WRITE_INVALIDATE_REGION)
		return mark(q, blocking, count, list, event, type);
	/* Also before writing: what the application leaves alone must stay. */
	return transfer_run(q, &p->transfer, blocking, count, list, event, type);
}

/* Where the application finds the data, or NULL and *code. @p is consumed. */
static void *finish_map(struct queue *q, struct mem *m, struct map *p, cl_bool blocking,
			cl_uint count, const cl_event *list, cl_event *event, cl_command_type type,
			cl_int *code)
{
	void *ptr = p->transfer.host;

	*code = start_map(q, p, blocking, count, list, event, type);
	if (!*code) {
		enter_map(m, p);
		return ptr;
	}
	map_free(p);
	return NULL;
}

static void *map_region(struct queue *q, struct mem *m, cl_bool blocking, cl_map_flags flags,
			size_t offset, size_t size, cl_uint count, const cl_event *list,
			cl_event *event, cl_int *code)
{
	struct map *p = calloc(1, sizeof(*p));
	char *host = m->host_ptr;

	*code = CL_OUT_OF_HOST_MEMORY;
	if (!p)
		return NULL;
	p->flags = flags;
	transfer_linear(&p->transfer, REPORT_TO_HOST, REPORT_MAP, m, offset,
			host ? host + offset : NULL, size);
	if (!host) {
		p->transfer.own = shadow_new(size);
		if (!p->transfer.own) {
			free(p);
			return NULL;
		}
		p->transfer.host = p->transfer.own->data;
	}
	return finish_map(q, m, p, blocking, count, list, event, CL_COMMAND_MAP_BUFFER, code);
}

static void *CL_API_CALL map_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
				    cl_map_flags flags, size_t offset, size_t size, cl_uint count,
				    const cl_event *list, cl_event *event, cl_int *errcode_ret)
{
	void *ptr = NULL;
	struct queue *q;
	struct mem *m;
	cl_int code = transfer_begin(queue, count, list, &q);

	if (code) {
		layer_code(errcode_ret, code);
		return NULL;
	}
	m = mem_get(buffer);
	if (!m || m->type != CL_MEM_OBJECT_BUFFER)
		code = CL_INVALID_MEM_OBJECT;
	else if (m->context != q->context)
		code = CL_INVALID_CONTEXT;
	else if (!size || size > m->size || offset > m->size - size)
		code = CL_INVALID_VALUE;
	else
		code = check_flags(m, flags);
	if (!code)
		ptr = map_region(q, m, blocking, flags, offset, size, count, list, event, &code);
	mem_put(m);
	queue_put(q);
	layer_code(errcode_ret, code);
	return ptr;
}

/* The host pointer's place for @origin, and its pitches; or shadow memory. */
static cl_int image_memory(struct mem *m, struct map *p, const size_t *origin, const size_t *region,
			   size_t *row, size_t *slice)
{
	size_t bytes = region[0] * m->element;
	bool lines = m->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
	char *host = m->host_ptr;

	if (host) {
		*row = m->host_row ? m->host_row : m->extent[0] * m->element;
		*slice = m->host_slice ? m->host_slice : *row * (lines ? 1 : m->extent[1]);
		host += origin[0] * m->element + origin[1] * (lines ? *slice : *row) +
			origin[2] * *slice;
	} else {
		*row = bytes;
		*slice = bytes * (lines ? 1 : region[1]);
		p->transfer.own = shadow_new(bytes * region[1] * region[2]);
		if (!p->transfer.own)
			return CL_OUT_OF_HOST_MEMORY;
		host = p->transfer.own->data;
	}
	p->transfer.host = host;
	return CL_SUCCESS;
}

static void *map_pixels(struct queue *q, struct mem *m, cl_bool blocking, cl_map_flags flags,
			const size_t *origin, const size_t *region, size_t *row, size_t *slice,
			cl_uint count, const cl_event *list, cl_event *event, cl_int *code)
{
	struct map *p = calloc(1, sizeof(*p));
	struct shadow *own;
	char *host;

	*code = CL_OUT_OF_HOST_MEMORY;
	if (!p)
		return NULL;
	p->flags = flags;
	/* Checks the region, before its size is used. */
	*code = image_transfer(&p->transfer, REPORT_TO_HOST, REPORT_MAP, m, origin, region, 0, 0,
			       p);
	if (!*code)
		*code = image_memory(m, p, origin, region, row, slice);
	own = p->transfer.own;
	host = p->transfer.host;
	if (!*code)
		*code = image_transfer(&p->transfer, REPORT_TO_HOST, REPORT_MAP, m, origin, region,
				       *row, *slice, host);
	p->transfer.own = own;
	if (*code) {
		map_free(p);
		return NULL;
	}
	return finish_map(q, m, p, blocking, count, list, event, CL_COMMAND_MAP_IMAGE, code);
}

static bool has_slices(const struct mem *m)
{
	return m->type == CL_MEM_OBJECT_IMAGE3D || m->type == CL_MEM_OBJECT_IMAGE2D_ARRAY ||
	       m->type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
}

static void *CL_API_CALL map_image(cl_command_queue queue, cl_mem image, cl_bool blocking,
				   cl_map_flags flags, const size_t *origin, const size_t *region,
				   size_t *row_ret, size_t *slice_ret, cl_uint count,
				   const cl_event *list, cl_event *event, cl_int *errcode_ret)
{
	size_t row = 0, slice = 0;
	void *ptr = NULL;
	struct queue *q;
	struct mem *m;
	cl_int code = image_begin(queue, image, count, list, &q, &m);

	if (code) {
		layer_code(errcode_ret, code);
		return NULL;
	}
	if (!origin || !region || !row_ret || (has_slices(m) && !slice_ret))
		code = CL_INVALID_VALUE;
	else
		code = check_flags(m, flags);
	if (!code)
		ptr = map_pixels(q, m, blocking, flags, origin, region, &row, &slice, count, list,
				 event, &code);
	if (!code) {
		*row_ret = row;
		if (slice_ret)
			*slice_ret = has_slices(m) ? slice : 0;
	}
	image_end(q, m);
	layer_code(errcode_ret, code);
	return ptr;
}

static cl_int CL_API_CALL unmap(cl_command_queue queue, cl_mem mem, void *ptr, cl_uint count,
				const cl_event *list, cl_event *event)
{
	struct map *p = NULL;
	struct queue *q;
	struct mem *m;
	cl_int code = transfer_begin(queue, count, list, &q);

	if (code)
		return code;
	m = mem_get(mem);
	if (!m)
		code = CL_INVALID_MEM_OBJECT;
	else if (m->context != q->context)
		code = CL_INVALID_CONTEXT;
	if (!code) {
		p = take_map(m, ptr);
		code = p ? CL_SUCCESS : CL_INVALID_VALUE;
	}
	if (p && p->flags & MAP_WRITES) {
		p->transfer.direction = REPORT_TO_DEVICE;
		p->transfer.kind = REPORT_UNMAP;
		code = transfer_run(q, &p->transfer, CL_FALSE, count, list, event,
				    CL_COMMAND_UNMAP_MEM_OBJECT);
	} else if (p) {
		code = mark(q, CL_FALSE, count, list, event, CL_COMMAND_UNMAP_MEM_OBJECT);
	}
	if (p)
		map_free(p);
	mem_put(m);
	queue_put(q);
	return code;
}

void layer_maps(cl_icd_dispatch *d)
{
	d->clEnqueueMapBuffer = map_buffer;
	d->clEnqueueMapImage = map_image;
	d->clEnqueueUnmapMemObject = unmap;
}
