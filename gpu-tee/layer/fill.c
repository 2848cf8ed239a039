// SPDX-License-Identifier: Apache-2.0
/* Fills: the pattern crosses as data of a first piece, which the device then copies. */
#include <string.h>

#include "copier.h"
#include "image.h"
#include "pixel.h"

#define PIECE 4096u

/* Host memory of @size bytes, the pattern over and over. */
static struct shadow *patterned(const void *pattern, size_t pattern_size, size_t size)
{
	struct shadow *s = shadow_new(size);
	size_t at;

	for (at = 0; s && at < size; at += pattern_size)
		memcpy((char *)s->data + at, pattern, pattern_size);
	return s;
}

/* From the first piece on: by one copy, or the driver's, each of which doubles what is filled;
 * *event is the last one's. */
static cl_int spread(struct queue *q, struct mem *m, size_t offset, size_t have, size_t size,
		     cl_event *event)
{
	const struct copy_order order = { .queue = q->lane.queue, .event = event };
	const struct copy_place place = copy_place_of(m, offset);
	cl_mem buffer = m->object.handle;
	cl_int code = CL_SUCCESS;
	size_t n;

	if (copier_wanted(q->context))
		return copy_repeat(q->context, &order, &place, have, size);
	cross_launch(q->context->crossing, q->lane.queue);
	for (; !code && have < size; have += n) {
		n = size - have < have ? size - have : have;
		code = below->clEnqueueCopyBuffer(q->lane.queue, buffer, buffer, offset,
						  offset + have, n, 0, NULL,
						  have + n == size ? event : NULL);
	}
	return code;
}

static cl_int fill(struct queue *q, struct mem *m, const void *pattern, size_t pattern_size,
		   size_t offset, size_t size, cl_uint count, const cl_event *list, cl_event *event)
{
	size_t piece = size < PIECE ? size : PIECE;
	struct shadow *s = patterned(pattern, pattern_size, piece);
	struct transfer t;
	cl_int code;

	if (!s)
		return CL_OUT_OF_HOST_MEMORY;
	transfer_linear(&t, REPORT_TO_DEVICE, REPORT_FILL, m, offset, s->data, piece);
	t.own = s;
	code = transfer_run(q, &t, CL_FALSE, count, list, piece == size ? event : NULL,
			    CL_COMMAND_FILL_BUFFER);
	shadow_put(s);
	if (code || piece == size)
		return code;
	code = spread(q, m, offset, piece, size, event);
	table_ref(&q->object);
	return command_done(q, code, event, CL_COMMAND_FILL_BUFFER, count, list);
}

static cl_int CL_API_CALL fill_buffer(cl_command_queue queue, cl_mem buffer, const void *pattern,
				      size_t pattern_size, size_t offset, size_t size,
				      cl_uint count, const cl_event *list, cl_event *event)
{
	struct queue *q;
	struct mem *m;
	cl_int code = transfer_begin(queue, count, list, &q);

	if (code)
		return code;
	m = mem_get(buffer);
	if (!m || m->type != CL_MEM_OBJECT_BUFFER)
		code = CL_INVALID_MEM_OBJECT;
	else if (m->context != q->context)
		code = CL_INVALID_CONTEXT;
	else if (!pattern || !pattern_size || pattern_size > 128 ||
		 pattern_size & (pattern_size - 1) || offset % pattern_size ||
		 size % pattern_size || !size || size > m->size || offset > m->size - size)
		code = CL_INVALID_VALUE;
	if (!code)
		code = fill(q, m, pattern, pattern_size, offset, size, count, list, event);
	mem_put(m);
	queue_put(q);
	return code;
}

/* The driver's copies of the first row to all rows, and then of the first slice to all. */
static cl_int spread_by_driver(struct queue *q, cl_mem image, const size_t origin[3],
			       const size_t region[3], cl_event *event)
{
	size_t piece[3] = { region[0], 1, 1 }, to[3], have, axis;
	cl_int code = CL_SUCCESS;

	cross_launch(q->context->crossing, q->lane.queue);
	for (axis = 1; axis < 3; axis++) {
		for (have = 1; !code && have < region[axis]; have += piece[axis]) {
			piece[axis] = region[axis] - have < have ? region[axis] - have : have;
			memcpy(to, origin, sizeof(to));
			to[axis] += have;
			code = below->clEnqueueCopyImage(q->lane.queue, image, image, origin, to,
							 piece, 0, NULL, NULL);
		}
		piece[axis] = region[axis];
	}
	return code ? code : below->clEnqueueMarkerWithWaitList(q->lane.queue, 0, NULL, event);
}

/* The first row goes to the scratch buffer, and from there to all rows. */
static cl_int spread_rows(struct queue *q, struct mem *m, const size_t origin[3],
			  const size_t region[3], cl_event *event)
{
	const struct copy_order first = { .queue = q->lane.queue },
				last = { .queue = q->lane.queue, .event = event };
	const struct copy_place row = { .buffer = &q->lane.scratch };
	const size_t one[3] = { region[0], 1, 1 };
	cl_int code;

	pthread_mutex_lock(&q->lane.lock);
	code = lane_scratch(q->context, &q->lane, region[0] * m->element);
	if (!code)
		code = copy_image(q->context, &first, m, origin, one, &row, false);
	if (!code)
		code = copy_image(q->context, &last, m, origin, region, &row, true);
	pthread_mutex_unlock(&q->lane.lock);
	return code;
}

static cl_int spread_image(struct queue *q, struct mem *m, const size_t origin[3],
			   const size_t region[3], cl_event *event)
{
	cl_int code = CL_SUCCESS;

	if (copier_wanted(q->context)) {
		if (copier_knows(q->context, m))
			return spread_rows(q, m, origin, region, event);
		code = copy_left_alone(m, "clEnqueueFillImage");
	}
	return code ? code : spread_by_driver(q, m->object.handle, origin, region, event);
}

static cl_int fill_pixels(struct queue *q, struct mem *m, const void *colour, const size_t *origin,
			  const size_t *region, cl_uint count, const cl_event *list,
			  cl_event *event)
{
	size_t row[3] = { region[0], 1, 1 }, size;
	unsigned char pixel[PIXEL_MAX];
	struct transfer t;
	struct shadow *s;
	cl_int code;

	if (!pixel_make(&m->format, colour, pixel, &size) || size != m->element) {
		layer_say_once(
			"clEnqueueFillImage: the layer cannot make elements of format %#x/%#x",
			m->format.image_channel_order, m->format.image_channel_data_type);
		return CL_IMAGE_FORMAT_NOT_SUPPORTED;
	}
	s = patterned(pixel, size, region[0] * size);
	if (!s)
		return CL_OUT_OF_HOST_MEMORY;
	code = image_transfer(&t, REPORT_TO_DEVICE, REPORT_FILL, m, origin, row, 0, 0, s->data);
	t.own = s;
	if (!code)
		code = transfer_run(q, &t, CL_FALSE, count, list, NULL, CL_COMMAND_FILL_IMAGE);
	shadow_put(s);
	if (!code)
		code = spread_image(q, m, origin, region, event);
	table_ref(&q->object);
	return command_done(q, code, event, CL_COMMAND_FILL_IMAGE, count, list);
}

static cl_int CL_API_CALL fill_image(cl_command_queue queue, cl_mem image, const void *colour,
				     const size_t *origin, const size_t *region, cl_uint count,
				     const cl_event *list, cl_event *event)
{
	struct transfer check;
	struct queue *q;
	struct mem *m;
	cl_int code = image_begin(queue, image, count, list, &q, &m);

	if (code)
		return code;
	code = colour ? image_transfer(&check, REPORT_TO_DEVICE, REPORT_FILL, m, origin, region, 0,
				       0, q)
		      : CL_INVALID_VALUE;
	if (!code)
		code = fill_pixels(q, m, colour, origin, region, count, list, event);
	image_end(q, m);
	return code;
}

void layer_fills(cl_icd_dispatch *d)
{
	d->clEnqueueFillBuffer = fill_buffer;
	d->clEnqueueFillImage = fill_image;
}
