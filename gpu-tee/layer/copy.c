// SPDX-License-Identifier: Apache-2.0
/* The application's copies between buffers and images on the device. */
#include <string.h>

#include "copier.h"
#include "image.h"
#include "report.h"

/* Begun, with both objects, or with neither. */
struct copying {
	struct queue *q;
	struct mem *src, *dst;
	struct copy_order order;
};

static void end(struct copying *y)
{
	mem_put(y->src);
	mem_put(y->dst);
}

static cl_int begin(struct copying *y, cl_command_queue queue, cl_mem src, cl_mem dst,
		    cl_uint count, const cl_event *list, cl_event *event)
{
	cl_int code;

	*y = (struct copying){ .order = { queue, count, list, event } };
	code = command_begin(queue, &y->q);
	if (code)
		return code;
	code = wait_list_check(count, list);
	y->src = code ? NULL : mem_get(src);
	y->dst = code ? NULL : mem_get(dst);
	if (!code && (!y->src || !y->dst))
		code = CL_INVALID_MEM_OBJECT;
	if (!code && (y->src->context != y->q->context || y->dst->context != y->q->context))
		code = CL_INVALID_CONTEXT;
	if (!code)
		return CL_SUCCESS;
	end(y);
	queue_put(y->q);
	return code;
}

static cl_int done(struct copying *y, cl_int code, cl_command_type type)
{
	end(y);
	return command_done(y->q, code, y->order.event, type, y->order.count, y->order.list);
}

static bool is_buffer(const struct mem *m)
{
	return m->type == CL_MEM_OBJECT_BUFFER;
}

static bool fits(const struct mem *m, size_t at, size_t size)
{
	return size <= m->size && at <= m->size - size;
}

/* Whether both places, of @size bytes each, have a byte in common. */
static bool ranges_meet(const struct copy_place *a, const struct copy_place *b, size_t size)
{
	return a->buffer == b->buffer &&
	       (a->at < b->at ? b->at - a->at < size : a->at - b->at < size);
}

static cl_int copy_linear(struct copying *y, size_t from, size_t to, size_t size)
{
	const size_t region[3] = { size, 1, 1 };
	struct copy_place src, dst;

	if (!is_buffer(y->src) || !is_buffer(y->dst))
		return CL_INVALID_MEM_OBJECT;
	if (!fits(y->src, from, size) || !fits(y->dst, to, size))
		return CL_INVALID_VALUE;
	src = copy_place_of(y->src, from);
	dst = copy_place_of(y->dst, to);
	if (ranges_meet(&src, &dst, size))
		return CL_MEM_COPY_OVERLAP;
	return copy_box(y->q->context, &y->order, &dst, &src, region);
}

static cl_int CL_API_CALL copy_buffer(cl_command_queue queue, cl_mem src, cl_mem dst, size_t from,
				      size_t to, size_t size, cl_uint count, const cl_event *list,
				      cl_event *event)
{
	struct copying y;
	cl_int code = begin(&y, queue, src, dst, count, list, event);

	if (code)
		return code;
	/* Of nothing: what that is, an error or not, the driver says. */
	if (copier_wanted(y.q->context) && size) {
		code = copy_linear(&y, from, to, size);
	} else {
		code = below->clEnqueueCopyBuffer(queue, src, dst, from, to, size, count, list,
						  event);
		if (!code && size)
			report_copy(false);
	}
	return done(&y, code, CL_COMMAND_COPY_BUFFER);
}

/* The lines of a box one after the other, in the order in which they lie in the buffer. */
struct lines {
	size_t at, row, skip; /* @skip: from the last line of a slice to the next slice */
	size_t y, left; /* lines left of the slice, and of all */
};

static struct lines lines_of(const struct copy_place *p, const size_t region[3])
{
	return (struct lines){ .at = p->at,
			       .row = p->row,
			       .skip = p->slice - (region[1] - 1) * p->row,
			       .y = region[1],
			       .left = region[1] * region[2] };
}

static void next_line(struct lines *l, const size_t region[3])
{
	l->left--;
	l->at += --l->y ? l->row : l->skip;
	if (!l->y)
		l->y = region[1];
}

/* Whether two boxes of @region in one buffer have a byte in common. Lines of one do not overlap. */
static bool boxes_meet(const struct copy_place *one, const struct copy_place *two,
		       const size_t region[3])
{
	struct lines a = lines_of(one, region), b = lines_of(two, region);

	while (a.left && b.left) {
		if (a.at < b.at ? b.at - a.at < region[0] : a.at - b.at < region[0])
			return true;
		next_line(a.at < b.at ? &a : &b, region);
	}
	return false;
}

/* Of a rectangle on one side, with the pitches that 0 stands for; *@span: to its last byte. */
static bool box_side(struct mem *m, const size_t *origin, const size_t region[3], size_t row,
		     size_t slice, struct copy_place *place, size_t *span)
{
	size_t start, last;

	if (!origin || !box_pitches(region, &row, &slice) ||
	    !box_place(origin, region, row, slice, &start, &last) || last > m->size)
		return false;
	*place = copy_place_of(m, start);
	place->row = row;
	place->slice = slice;
	*span = last - start;
	return true;
}

/*
 * As OpenCL has it, pitches within a buffer may differ, but not both of them. Its appendix counts
 * as an overlap also what has no byte in common; that is let through here.
 */
static cl_int check_overlap(const struct copying *y, const struct copy_place *src,
			    const struct copy_place *dst, const size_t region[3], size_t span)
{
	if (y->src == y->dst && src->row != dst->row && src->slice != dst->slice)
		return CL_INVALID_VALUE;
	return ranges_meet(src, dst, span) && boxes_meet(src, dst, region) ? CL_MEM_COPY_OVERLAP
									   : CL_SUCCESS;
}

struct box_pitch {
	const size_t *origin;
	size_t row, slice;
};

static cl_int copy_rect(struct copying *y, const struct box_pitch *from, const struct box_pitch *to,
			const size_t region[3])
{
	struct copy_place src, dst;
	size_t a, b;
	cl_int code;

	if (!is_buffer(y->src) || !is_buffer(y->dst))
		return CL_INVALID_MEM_OBJECT;
	if (!box_side(y->src, from->origin, region, from->row, from->slice, &src, &a) ||
	    !box_side(y->dst, to->origin, region, to->row, to->slice, &dst, &b))
		return CL_INVALID_VALUE;
	code = check_overlap(y, &src, &dst, region, a > b ? a : b);
	return code ? code : copy_box(y->q->context, &y->order, &dst, &src, region);
}

static cl_int CL_API_CALL copy_buffer_rect(cl_command_queue queue, cl_mem src, cl_mem dst,
					   const size_t *src_origin, const size_t *dst_origin,
					   const size_t *region, size_t src_row, size_t src_slice,
					   size_t dst_row, size_t dst_slice, cl_uint count,
					   const cl_event *list, cl_event *event)
{
	const struct box_pitch from = { src_origin, src_row, src_slice },
			       to = { dst_origin, dst_row, dst_slice };
	struct copying y;
	cl_int code = begin(&y, queue, src, dst, count, list, event);
	bool some = region && region[0] && region[1] && region[2];

	if (code)
		return code;
	if (copier_wanted(y.q->context) && some) {
		code = copy_rect(&y, &from, &to, region);
	} else {
		code = below->clEnqueueCopyBufferRect(queue, src, dst, src_origin, dst_origin,
						      region, src_row, src_slice, dst_row,
						      dst_slice, count, list, event);
		if (!code && some)
			report_copy(false);
	}
	return done(&y, code, CL_COMMAND_COPY_BUFFER_RECT);
}

/* ---- Images ------------------------------------------------------------------------ */

static bool regions_meet(const size_t a[3], const size_t b[3], const size_t region[3])
{
	size_t i;

	for (i = 0; i < 3; i++)
		if (a[i] < b[i] ? b[i] - a[i] >= region[i] : a[i] - b[i] >= region[i])
			return false;
	return true;
}

/* Out of the one into the scratch buffer, and from there to the other: in one image, a kernel
 * could not do both. */
static cl_int copy_images(struct copying *y, const size_t from[3], const size_t to[3],
			  const size_t region[3])
{
	struct copy_order first = y->order, last = y->order;
	struct lane *l = &y->q->lane;
	const struct copy_place packed = { .buffer = &l->scratch,
					   .row = region[0] * y->src->element,
					   .slice = region[0] * region[1] * y->src->element };
	cl_int code;

	first.event = NULL;
	last.count = 0;
	last.list = NULL;
	pthread_mutex_lock(&l->lock);
	code = lane_scratch(y->q->context, l, packed.slice * region[2]);
	if (!code)
		code = copy_image(y->q->context, &first, y->src, from, region, &packed, false);
	if (!code)
		code = copy_image(y->q->context, &last, y->dst, to, region, &packed, true);
	pthread_mutex_unlock(&l->lock);
	return code;
}

static cl_int check_images(const struct copying *y, const size_t *from, const size_t *to,
			   const size_t *region)
{
	const cl_image_format *a = &y->src->format, *b = &y->dst->format;

	if (!mem_is_image(y->src) || !mem_is_image(y->dst))
		return CL_INVALID_MEM_OBJECT;
	if (a->image_channel_order != b->image_channel_order ||
	    a->image_channel_data_type != b->image_channel_data_type)
		return CL_IMAGE_FORMAT_MISMATCH;
	if (!from || !to || !region || !image_has(y->src, from, region) ||
	    !image_has(y->dst, to, region))
		return CL_INVALID_VALUE;
	return y->src == y->dst && regions_meet(from, to, region) ? CL_MEM_COPY_OVERLAP
								  : CL_SUCCESS;
}

static cl_int CL_API_CALL copy_image_to_image(cl_command_queue queue, cl_mem src, cl_mem dst,
					      const size_t *from, const size_t *to,
					      const size_t *region, cl_uint count,
					      const cl_event *list, cl_event *event)
{
	struct copying y;
	cl_int code = begin(&y, queue, src, dst, count, list, event);
	bool ours;

	if (code)
		return code;
	code = check_images(&y, from, to, region);
	ours = !code && copier_wanted(y.q->context);
	if (ours && !(copier_knows(y.q->context, y.src) && copier_knows(y.q->context, y.dst))) {
		code = copy_left_alone(copier_knows(y.q->context, y.src) ? y.dst : y.src,
				       "clEnqueueCopyImage");
		ours = false;
	}
	if (ours) {
		code = copy_images(&y, from, to, region);
	} else if (!code) {
		code = below->clEnqueueCopyImage(queue, src, dst, from, to, region, count, list,
						 event);
		if (!code)
			report_copy(false);
	}
	return done(&y, code, CL_COMMAND_COPY_IMAGE);
}

/* Between an image and what lies in one piece from @at on in a buffer. */
static cl_int copy_packed(struct copying *y, struct mem *image, struct mem *buffer,
			  const size_t *origin, const size_t *region, size_t at, bool to_image)
{
	struct copy_place place;
	size_t line;

	if (!mem_is_image(image) || !is_buffer(buffer))
		return CL_INVALID_MEM_OBJECT;
	if (!origin || !region || !image_has(image, origin, region))
		return CL_INVALID_VALUE;
	line = region[0] * image->element;
	if (!fits(buffer, at, line * region[1] * region[2]))
		return CL_INVALID_VALUE;
	place = copy_place_of(buffer, at);
	place.row = line;
	place.slice = line * region[1];
	return copy_image(y->q->context, &y->order, image, origin, region, &place, to_image);
}

static cl_int CL_API_CALL copy_image_to_buffer(cl_command_queue queue, cl_mem src, cl_mem dst,
					       const size_t *origin, const size_t *region,
					       size_t offset, cl_uint count, const cl_event *list,
					       cl_event *event)
{
	struct copying y;
	cl_int code = begin(&y, queue, src, dst, count, list, event);

	if (code)
		return code;
	code = copy_packed(&y, y.src, y.dst, origin, region, offset, false);
	return done(&y, code, CL_COMMAND_COPY_IMAGE_TO_BUFFER);
}

static cl_int CL_API_CALL copy_buffer_to_image(cl_command_queue queue, cl_mem src, cl_mem dst,
					       size_t offset, const size_t *origin,
					       const size_t *region, cl_uint count,
					       const cl_event *list, cl_event *event)
{
	struct copying y;
	cl_int code = begin(&y, queue, src, dst, count, list, event);

	if (code)
		return code;
	code = copy_packed(&y, y.dst, y.src, origin, region, offset, true);
	return done(&y, code, CL_COMMAND_COPY_BUFFER_TO_IMAGE);
}

void layer_copies(cl_icd_dispatch *d)
{
	d->clEnqueueCopyBuffer = copy_buffer;
	d->clEnqueueCopyBufferRect = copy_buffer_rect;
	d->clEnqueueCopyImage = copy_image_to_image;
	d->clEnqueueCopyImageToBuffer = copy_image_to_buffer;
	d->clEnqueueCopyBufferToImage = copy_buffer_to_image;
}
