// SPDX-License-Identifier: Apache-2.0
/* Buffers: their contents at creation, and reads and writes of them. */
#include <string.h>

#include "transfer.h"

static cl_int check_host_access(const struct mem *m, enum report_direction direction)
{
	cl_mem_flags refused = direction == REPORT_TO_DEVICE
				       ? CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS
				       : CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS;

	return m->flags & refused ? CL_INVALID_OPERATION : CL_SUCCESS;
}

/* A new buffer gets what the host pointer has. */
static cl_int fill_new(struct mem *m, const void *host_ptr)
{
	struct transfer t;

	if (!(m->flags & (CL_MEM_COPY_HOST_PTR | CL_MEM_USE_HOST_PTR)))
		return CL_SUCCESS;
	transfer_linear(&t, REPORT_TO_DEVICE, REPORT_INITIAL, m, 0, (void *)(uintptr_t)host_ptr,
			m->size);
	report_operation(REPORT_INITIAL, REPORT_TO_DEVICE, m->size);
	return transfer_now(m->context, &t);
}

static cl_mem make_buffer(struct context *c, const cl_mem_properties *properties,
			  cl_mem_flags flags, size_t size, void *host_ptr, cl_int *code)
{
	cl_mem handle;
	struct mem *m;

	if (properties && *properties) {
		/* External memory and the like. */
		*code = CL_INVALID_PROPERTY;
		return NULL;
	}
	*code = mem_flags_check(flags, host_ptr);
	if (*code)
		return NULL;
	handle = below->clCreateBuffer(c->object.handle, mem_flags_below(flags, false), size, NULL,
				       code);
	if (!handle)
		return NULL;
	m = mem_enter(c, handle, CL_MEM_OBJECT_BUFFER, flags, host_ptr);
	*code = m ? fill_new(m, host_ptr) : CL_OUT_OF_HOST_MEMORY;
	if (!*code)
		return handle;
	if (m) {
		table_release(handle, OBJECT_MEM);
		below->clReleaseMemObject(handle);
	}
	return NULL;
}

static cl_mem CL_API_CALL create_buffer_with(cl_context context,
					     const cl_mem_properties *properties,
					     cl_mem_flags flags, size_t size, void *host_ptr,
					     cl_int *errcode_ret)
{
	struct context *c = context_get(context);
	cl_int code = c ? context_state(c) : CL_INVALID_CONTEXT;
	cl_mem handle = NULL;

	if (!code)
		handle = make_buffer(c, properties, flags, size, host_ptr, &code);
	context_put(c);
	layer_code(errcode_ret, code);
	return handle;
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size,
					void *host_ptr, cl_int *errcode_ret)
{
	return create_buffer_with(context, NULL, flags, size, host_ptr, errcode_ret);
}

/* What a sub-buffer does not say of itself is its parent's. */
static cl_mem_flags inherited(cl_mem_flags flags, cl_mem_flags parent)
{
	const cl_mem_flags device = CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY;
	const cl_mem_flags host =
		CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
	const cl_mem_flags pointer =
		CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR | CL_MEM_ALLOC_HOST_PTR;

	if (!(flags & device))
		flags |= parent & device;
	if (!(flags & host))
		flags |= parent & host;
	return flags | (parent & pointer);
}

static cl_int check_sub_flags(cl_mem_flags flags, cl_mem_flags parent)
{
	if (flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR | CL_MEM_ALLOC_HOST_PTR))
		return CL_INVALID_VALUE;
	if ((parent & CL_MEM_WRITE_ONLY && flags & (CL_MEM_READ_WRITE | CL_MEM_READ_ONLY)) ||
	    (parent & CL_MEM_READ_ONLY && flags & (CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY)) ||
	    (parent & CL_MEM_HOST_WRITE_ONLY && flags & CL_MEM_HOST_READ_ONLY) ||
	    (parent & CL_MEM_HOST_READ_ONLY && flags & CL_MEM_HOST_WRITE_ONLY) ||
	    (parent & CL_MEM_HOST_NO_ACCESS &&
	     flags & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_WRITE_ONLY)))
		return CL_INVALID_VALUE;
	return CL_SUCCESS;
}

static cl_mem make_sub_buffer(struct mem *parent, cl_mem_flags flags,
			      const cl_buffer_region *region, cl_int *code)
{
	char *host = parent->host_ptr;
	cl_mem handle;
	struct mem *m;

	handle = below->clCreateSubBuffer(parent->object.handle, 0, CL_BUFFER_CREATE_TYPE_REGION,
					  region, code);
	if (!handle)
		return NULL;
	m = mem_enter(parent->context, handle, CL_MEM_OBJECT_BUFFER,
		      inherited(flags, parent->flags), host ? host + region->origin : NULL);
	if (!m) {
		*code = CL_OUT_OF_HOST_MEMORY;
		return NULL;
	}
	m->parent = parent;
	table_ref(&parent->object);
	m->origin = region->origin;
	return handle;
}

static cl_mem CL_API_CALL create_sub_buffer(cl_mem parent, cl_mem_flags flags,
					    cl_buffer_create_type type, const void *info,
					    cl_int *errcode_ret)
{
	struct mem *m = mem_get(parent);
	cl_mem handle = NULL;
	cl_buffer_region region;
	cl_int code;

	if (!m || m->type != CL_MEM_OBJECT_BUFFER || m->parent)
		code = CL_INVALID_MEM_OBJECT;
	else if (type != CL_BUFFER_CREATE_TYPE_REGION || !info)
		code = CL_INVALID_VALUE;
	else
		code = check_sub_flags(flags, m->flags);
	if (!code)
		code = context_state(m->context);
	if (!code) {
		memcpy(&region, info, sizeof(region));
		handle = make_sub_buffer(m, flags, &region, &code);
	}
	mem_put(m);
	layer_code(errcode_ret, code);
	return handle;
}

/* The buffer of a command, if the host may do that to it. */
static cl_int begin(cl_command_queue queue, cl_mem buffer, enum report_direction direction,
		    cl_uint count, const cl_event *list, struct queue **q, struct mem **m)
{
	cl_int code = transfer_begin(queue, count, list, q);

	if (code)
		return code;
	*m = mem_get(buffer);
	if (!*m || (*m)->type != CL_MEM_OBJECT_BUFFER)
		code = CL_INVALID_MEM_OBJECT;
	else if ((*m)->context != (*q)->context)
		code = CL_INVALID_CONTEXT;
	else
		code = check_host_access(*m, direction);
	if (code) {
		mem_put(*m);
		queue_put(*q);
	}
	return code;
}

static void end(struct queue *q, struct mem *m)
{
	mem_put(m);
	queue_put(q);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
				      size_t offset, size_t size, void *ptr, cl_uint count,
				      const cl_event *list, cl_event *event)
{
	struct transfer t;
	struct queue *q;
	struct mem *m;
	cl_int code = begin(queue, buffer, REPORT_TO_HOST, count, list, &q, &m);

	if (code)
		return code;
	if (!ptr || !size || size > m->size || offset > m->size - size) {
		code = CL_INVALID_VALUE;
	} else {
		transfer_linear(&t, REPORT_TO_HOST, REPORT_READ, m, offset, ptr, size);
		code = transfer_run(q, &t, blocking, count, list, event, CL_COMMAND_READ_BUFFER);
	}
	end(q, m);
	return code;
}

static cl_int CL_API_CALL write_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
				       size_t offset, size_t size, const void *ptr, cl_uint count,
				       const cl_event *list, cl_event *event)
{
	struct transfer t;
	struct queue *q;
	struct mem *m;
	cl_int code = begin(queue, buffer, REPORT_TO_DEVICE, count, list, &q, &m);

	if (code)
		return code;
	if (!ptr || !size || size > m->size || offset > m->size - size) {
		code = CL_INVALID_VALUE;
	} else {
		transfer_linear(&t, REPORT_TO_DEVICE, REPORT_WRITE, m, offset,
				(void *)(uintptr_t)ptr, size);
		code = transfer_run(q, &t, blocking, count, list, event, CL_COMMAND_WRITE_BUFFER);
	}
	end(q, m);
	return code;
}

bool box_pitches(const size_t region[3], size_t *row, size_t *slice)
{
	if (!*row)
		*row = region[0];
	if (*row < region[0] || !product(*row, region[1]))
		return false;
	if (!*slice)
		*slice = *row * region[1];
	return *slice >= *row * region[1] && *slice % *row == 0;
}

bool box_place(const size_t origin[3], const size_t region[3], size_t row, size_t slice,
		  size_t *start, size_t *end)
{
	size_t y, z, last;

	if (__builtin_mul_overflow(origin[2], slice, &z) ||
	    __builtin_mul_overflow(origin[1], row, &y) || __builtin_add_overflow(z, y, start) ||
	    __builtin_add_overflow(*start, origin[0], start) ||
	    __builtin_mul_overflow(region[2] - 1, slice, &z) ||
	    __builtin_mul_overflow(region[1] - 1, row, &y) || __builtin_add_overflow(z, y, &last) ||
	    __builtin_add_overflow(last, region[0], &last))
		return false;
	return !__builtin_add_overflow(*start, last, end);
}

static cl_int rect(struct transfer *t, enum report_direction direction, struct mem *m,
		   const size_t *buffer_origin, const size_t *host_origin, const size_t *region,
		   size_t row, size_t slice, size_t host_row, size_t host_slice, char *ptr)
{
	size_t start, last, host_start, host_last;

	if (!buffer_origin || !host_origin || !region || !ptr || !region[0] || !region[1] ||
	    !region[2] || !box_pitches(region, &row, &slice) ||
	    !box_pitches(region, &host_row, &host_slice) ||
	    !box_place(buffer_origin, region, row, slice, &start, &last) || last > m->size ||
	    !box_place(host_origin, region, host_row, host_slice, &host_start, &host_last))
		return CL_INVALID_VALUE;
	transfer_linear(t, direction, REPORT_RECT, m, start, ptr + host_start, 0);
	memcpy(t->region, region, sizeof(t->region));
	t->host_row = host_row;
	t->host_slice = host_slice;
	/* A rectangle that is one piece on the device needs no scratch buffer. */
	if ((region[1] == 1 || row == region[0]) &&
	    (region[2] == 1 || slice == region[0] * region[1]))
		return CL_SUCCESS;
	t->shape = SHAPE_RECT;
	memcpy(t->origin, buffer_origin, sizeof(t->origin));
	t->row = row;
	t->slice = slice;
	return CL_SUCCESS;
}

static cl_int CL_API_CALL read_rect(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
				    const size_t *buffer_origin, const size_t *host_origin,
				    const size_t *region, size_t row, size_t slice, size_t host_row,
				    size_t host_slice, void *ptr, cl_uint count,
				    const cl_event *list, cl_event *event)
{
	struct transfer t;
	struct queue *q;
	struct mem *m;
	cl_int code = begin(queue, buffer, REPORT_TO_HOST, count, list, &q, &m);

	if (code)
		return code;
	code = rect(&t, REPORT_TO_HOST, m, buffer_origin, host_origin, region, row, slice, host_row,
		    host_slice, ptr);
	if (!code)
		code = transfer_run(q, &t, blocking, count, list, event,
				    CL_COMMAND_READ_BUFFER_RECT);
	end(q, m);
	return code;
}

static cl_int CL_API_CALL write_rect(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
				     const size_t *buffer_origin, const size_t *host_origin,
				     const size_t *region, size_t row, size_t slice,
				     size_t host_row, size_t host_slice, const void *ptr,
				     cl_uint count, const cl_event *list, cl_event *event)
{
	struct transfer t;
	struct queue *q;
	struct mem *m;
	cl_int code = begin(queue, buffer, REPORT_TO_DEVICE, count, list, &q, &m);

	if (code)
		return code;
	code = rect(&t, REPORT_TO_DEVICE, m, buffer_origin, host_origin, region, row, slice,
		    host_row, host_slice, (void *)(uintptr_t)ptr);
	if (!code)
		code = transfer_run(q, &t, blocking, count, list, event,
				    CL_COMMAND_WRITE_BUFFER_RECT);
	end(q, m);
	return code;
}

void layer_buffers(cl_icd_dispatch *d)
{
	d->clCreateBuffer = create_buffer;
	d->clCreateBufferWithProperties = create_buffer_with;
	d->clCreateSubBuffer = create_sub_buffer;
	d->clEnqueueReadBuffer = read_buffer;
	d->clEnqueueWriteBuffer = write_buffer;
	d->clEnqueueReadBufferRect = read_rect;
	d->clEnqueueWriteBufferRect = write_rect;
}
