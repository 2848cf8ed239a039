// SPDX-License-Identifier: Apache-2.0
/* Images: the driver lays them out, so their contents go through a scratch buffer. */
#include "image.h"

#include <string.h>

#include "copier.h"

static cl_int learn(struct mem *m)
{
	cl_mem handle = m->object.handle;
	size_t depth = 0, layers = 0;

	if (below->clGetImageInfo(handle, CL_IMAGE_ELEMENT_SIZE, sizeof(size_t), &m->element,
				  NULL) ||
	    below->clGetImageInfo(handle, CL_IMAGE_WIDTH, sizeof(size_t), &m->extent[0], NULL) ||
	    below->clGetImageInfo(handle, CL_IMAGE_HEIGHT, sizeof(size_t), &m->extent[1], NULL) ||
	    below->clGetImageInfo(handle, CL_IMAGE_DEPTH, sizeof(size_t), &depth, NULL) ||
	    below->clGetImageInfo(handle, CL_IMAGE_ARRAY_SIZE, sizeof(size_t), &layers, NULL))
		return CL_OUT_OF_RESOURCES;
	switch (m->type) {
	case CL_MEM_OBJECT_IMAGE1D:
	case CL_MEM_OBJECT_IMAGE1D_BUFFER:
		m->extent[1] = m->extent[2] = 1;
		break;
	case CL_MEM_OBJECT_IMAGE1D_ARRAY:
		m->extent[1] = layers;
		m->extent[2] = 1;
		break;
	case CL_MEM_OBJECT_IMAGE2D:
		m->extent[2] = 1;
		break;
	case CL_MEM_OBJECT_IMAGE2D_ARRAY:
		m->extent[2] = layers;
		break;
	default:
		m->extent[2] = depth;
	}
	return CL_SUCCESS;
}

bool image_has(const struct mem *m, const size_t *origin, const size_t *region)
{
	size_t i;

	for (i = 0; i < 3; i++)
		if (!region[i] || region[i] > m->extent[i] || origin[i] > m->extent[i] - region[i])
			return false;
	return true;
}

cl_int image_transfer(struct transfer *t, enum report_direction direction, enum report_kind kind,
		      struct mem *m, const size_t *origin, const size_t *region, size_t row,
		      size_t slice, void *host)
{
	size_t bytes;

	if (!origin || !region || !host || !image_has(m, origin, region))
		return CL_INVALID_VALUE;
	bytes = region[0] * m->element;
	/* The rows of an array of lines are its slices. */
	if (m->type == CL_MEM_OBJECT_IMAGE1D_ARRAY && slice) {
		row = slice;
		slice = 0;
	}
	if (!row)
		row = bytes;
	if (row < bytes || !product(row, region[1]))
		return CL_INVALID_VALUE;
	if (!slice)
		slice = row * region[1];
	if (slice < row * region[1])
		return CL_INVALID_VALUE;
	transfer_linear(t, direction, kind, m, 0, host, bytes);
	t->shape = SHAPE_IMAGE;
	memcpy(t->origin, origin, sizeof(t->origin));
	t->elements = region[0];
	t->region[1] = region[1];
	t->region[2] = region[2];
	t->host_row = row;
	t->host_slice = slice;
	return CL_SUCCESS;
}

static cl_int fill_new(struct mem *m, void *host_ptr)
{
	static const size_t zero[3];
	struct transfer t;
	cl_int code;

	if (!(m->flags & (CL_MEM_COPY_HOST_PTR | CL_MEM_USE_HOST_PTR)) || !host_ptr)
		return CL_SUCCESS;
	code = image_transfer(&t, REPORT_TO_DEVICE, REPORT_INITIAL, m, zero, m->extent, m->host_row,
			      m->host_slice, host_ptr);
	if (code)
		return CL_INVALID_IMAGE_DESCRIPTOR;
	report_operation(REPORT_INITIAL, REPORT_TO_DEVICE, t.region[0] * t.region[1] * t.region[2]);
	return transfer_now(m->context, &t);
}

/* The layer's copies read images and write them, whatever the application's kernels do. */
static cl_mem create_below(struct context *c, cl_mem_flags flags, const cl_image_format *format,
			   const cl_image_desc *d, bool *one_way, cl_int *code)
{
	const cl_mem_flags ways = CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY | CL_MEM_READ_WRITE;
	cl_mem_flags told = mem_flags_below(flags, true);
	cl_mem handle;

	*one_way = told & (CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY);
	if (*one_way && copier_wanted(c)) {
		handle = below->clCreateImage(c->object.handle, (told & ~ways) | CL_MEM_READ_WRITE,
					      format, d, NULL, code);
		if (handle) {
			*one_way = false;
			return handle;
		}
	}
	return below->clCreateImage(c->object.handle, told, format, d, NULL, code);
}

/* The pitches are of the host pointer, except for an image over a buffer. */
static cl_int enter_image(struct context *c, cl_mem handle, cl_mem_flags flags, bool one_way,
			  void *host_ptr, const cl_image_format *format, const cl_image_desc *desc)
{
	struct mem *m = mem_enter(c, handle, desc->image_type, flags, host_ptr);
	cl_int code;

	if (!m)
		return CL_OUT_OF_HOST_MEMORY;
	m->format = *format;
	m->one_way = one_way;
	m->parent = mem_get(desc->mem_object);
	if (!m->parent) {
		m->host_row = desc->image_row_pitch;
		m->host_slice = desc->image_slice_pitch;
	}
	code = learn(m);
	if (!code)
		code = fill_new(m, host_ptr);
	if (code) {
		table_release(handle, OBJECT_MEM);
		below->clReleaseMemObject(handle);
	}
	return code;
}

static cl_mem make_image(struct context *c, const cl_mem_properties *properties, cl_mem_flags flags,
			 const cl_image_format *format, const cl_image_desc *desc, void *host_ptr,
			 cl_int *code)
{
	cl_image_desc d;
	bool one_way;
	cl_mem handle;

	*code = properties && *properties ? CL_INVALID_PROPERTY : CL_SUCCESS;
	if (!*code && !format)
		*code = CL_INVALID_IMAGE_FORMAT_DESCRIPTOR;
	if (!*code && !desc)
		*code = CL_INVALID_IMAGE_DESCRIPTOR;
	if (!*code)
		*code = mem_flags_check(flags, host_ptr);
	if (*code)
		return NULL;
	d = *desc;
	if (!d.mem_object)
		d.image_row_pitch = d.image_slice_pitch = 0;
	handle = create_below(c, flags, format, &d, &one_way, code);
	if (!handle)
		return NULL;
	*code = enter_image(c, handle, flags, one_way, host_ptr, format, desc);
	return *code ? NULL : handle;
}

static cl_mem CL_API_CALL create_image_with(cl_context context, const cl_mem_properties *properties,
					    cl_mem_flags flags, const cl_image_format *format,
					    const cl_image_desc *desc, void *host_ptr,
					    cl_int *errcode_ret)
{
	struct context *c = context_get(context);
	cl_int code = c ? context_state(c) : CL_INVALID_CONTEXT;
	cl_mem handle = NULL;

	if (!code)
		handle = make_image(c, properties, flags, format, desc, host_ptr, &code);
	context_put(c);
	layer_code(errcode_ret, code);
	return handle;
}

static cl_mem CL_API_CALL create_image(cl_context context, cl_mem_flags flags,
				       const cl_image_format *format, const cl_image_desc *desc,
				       void *host_ptr, cl_int *errcode_ret)
{
	return create_image_with(context, NULL, flags, format, desc, host_ptr, errcode_ret);
}

static cl_mem CL_API_CALL create_image_2d(cl_context context, cl_mem_flags flags,
					  const cl_image_format *format, size_t width,
					  size_t height, size_t row, void *host_ptr,
					  cl_int *errcode_ret)
{
	cl_image_desc d = { .image_type = CL_MEM_OBJECT_IMAGE2D,
			    .image_width = width,
			    .image_height = height,
			    .image_row_pitch = row };

	return create_image_with(context, NULL, flags, format, &d, host_ptr, errcode_ret);
}

static cl_mem CL_API_CALL create_image_3d(cl_context context, cl_mem_flags flags,
					  const cl_image_format *format, size_t width,
					  size_t height, size_t depth, size_t row, size_t slice,
					  void *host_ptr, cl_int *errcode_ret)
{
	cl_image_desc d = { .image_type = CL_MEM_OBJECT_IMAGE3D,
			    .image_width = width,
			    .image_height = height,
			    .image_depth = depth,
			    .image_row_pitch = row,
			    .image_slice_pitch = slice };

	return create_image_with(context, NULL, flags, format, &d, host_ptr, errcode_ret);
}

cl_int image_begin(cl_command_queue queue, cl_mem image, cl_uint count, const cl_event *list,
		   struct queue **q, struct mem **m)
{
	cl_int code = transfer_begin(queue, count, list, q);

	if (code)
		return code;
	*m = mem_get(image);
	if (!*m || !mem_is_image(*m))
		code = CL_INVALID_MEM_OBJECT;
	else if ((*m)->context != (*q)->context)
		code = CL_INVALID_CONTEXT;
	if (code)
		image_end(*q, *m);
	return code;
}

void image_end(struct queue *q, struct mem *m)
{
	mem_put(m);
	queue_put(q);
}

static cl_int CL_API_CALL read_image(cl_command_queue queue, cl_mem image, cl_bool blocking,
				     const size_t *origin, const size_t *region, size_t row,
				     size_t slice, void *ptr, cl_uint count, const cl_event *list,
				     cl_event *event)
{
	struct transfer t;
	struct queue *q;
	struct mem *m;
	cl_int code = image_begin(queue, image, count, list, &q, &m);

	if (code)
		return code;
	if (m->flags & (CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS))
		code = CL_INVALID_OPERATION;
	else
		code = image_transfer(&t, REPORT_TO_HOST, REPORT_IMAGE, m, origin, region, row,
				      slice, ptr);
	if (!code)
		code = transfer_run(q, &t, blocking, count, list, event, CL_COMMAND_READ_IMAGE);
	image_end(q, m);
	return code;
}

static cl_int CL_API_CALL write_image(cl_command_queue queue, cl_mem image, cl_bool blocking,
				      const size_t *origin, const size_t *region, size_t row,
				      size_t slice, const void *ptr, cl_uint count,
				      const cl_event *list, cl_event *event)
{
	struct transfer t;
	struct queue *q;
	struct mem *m;
	cl_int code = image_begin(queue, image, count, list, &q, &m);

	if (code)
		return code;
	if (m->flags & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS))
		code = CL_INVALID_OPERATION;
	else
		code = image_transfer(&t, REPORT_TO_DEVICE, REPORT_IMAGE, m, origin, region, row,
				      slice, (void *)(uintptr_t)ptr);
	if (!code)
		code = transfer_run(q, &t, blocking, count, list, event, CL_COMMAND_WRITE_IMAGE);
	image_end(q, m);
	return code;
}

void layer_images(cl_icd_dispatch *d)
{
	d->clCreateImage = create_image;
	d->clCreateImageWithProperties = create_image_with;
	d->clCreateImage2D = create_image_2d;
	d->clCreateImage3D = create_image_3d;
	d->clEnqueueReadImage = read_image;
	d->clEnqueueWriteImage = write_image;
	d->clGetImageInfo = below->clGetImageInfo;
	d->clGetSupportedImageFormats = below->clGetSupportedImageFormats;
}
