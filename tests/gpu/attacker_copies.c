// SPDX-License-Identifier: Apache-2.0
/* Attacks on what the driver is told to copy or to fill on the device. */
#include <CL/cl_layer.h>
#include <string.h>

#include "attacker.h"

static const cl_icd_dispatch *below;

/* A copy that was kept: for after the next launch, or the next copy. */
static struct {
	cl_mem src, dst;
	size_t from, to, size;
} kept;

static void keep_copy(cl_mem src, cl_mem dst, size_t from, size_t to, size_t size)
{
	below->clRetainMemObject(src);
	below->clRetainMemObject(dst);
	kept.src = src;
	kept.dst = dst;
	kept.from = from;
	kept.to = to;
	kept.size = size;
}

void copy_kept(cl_command_queue q)
{
	if (!kept.src)
		return;
	struck();
	below->clEnqueueCopyBuffer(q, kept.src, kept.dst, kept.from, kept.to, kept.size, 0, NULL,
				   NULL);
	below->clReleaseMemObject(kept.src);
	below->clReleaseMemObject(kept.dst);
	kept.src = NULL;
}

static cl_int CL_API_CALL copy_buffer(cl_command_queue q, cl_mem src, cl_mem dst, size_t from,
				      size_t to, size_t size, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	bool now = hit_copy();
	cl_int code;

	if (now && attack == DROP_COPY)
		return nothing(q, n, list, event);
	if (now && attack == REORDER_COPY) {
		keep_copy(src, dst, from, to, size);
		return below->clEnqueueMarkerWithWaitList(q, n, list, event);
	}
	if (now && attack == SHIFT_COPY)
		from += 16;
	if (now && attack == MOVE_COPY)
		to += 16;
	if (now && attack == SWAP_COPY && other_than(src, dst))
		src = other_than(src, dst);
	if (now && attack >= SHIFT_COPY)
		struck();
	code = below->clEnqueueCopyBuffer(q, src, dst, from, to, size, n, list, event);
	if (attack == REORDER_COPY)
		copy_kept(q);
	if (now && attack == REPLAY_COPY)
		keep_copy(src, dst, from, to, size);
	return code;
}

static cl_int CL_API_CALL copy_rect(cl_command_queue q, cl_mem src, cl_mem dst, const size_t *from,
				    const size_t *to, const size_t *region, size_t src_row,
				    size_t src_slice, size_t dst_row, size_t dst_slice, cl_uint n,
				    const cl_event *list, cl_event *event)
{
	bool now = hit_copy();
	size_t moved[3];

	if (now && attack == DROP_COPY)
		return nothing(q, n, list, event);
	memcpy(moved, attack == MOVE_COPY ? to : from, sizeof(moved));
	moved[0] += 16;
	if (now && attack == SHIFT_COPY)
		from = moved;
	if (now && attack == MOVE_COPY)
		to = moved;
	if (now && (attack == SHIFT_COPY || attack == MOVE_COPY))
		struck();
	return below->clEnqueueCopyBufferRect(q, src, dst, from, to, region, src_row, src_slice,
					      dst_row, dst_slice, n, list, event);
}

static cl_int CL_API_CALL copy_image(cl_command_queue q, cl_mem src, cl_mem dst, const size_t *from,
				     const size_t *to, const size_t *region, cl_uint n,
				     const cl_event *list, cl_event *event)
{
	if (hit_copy() && attack == DROP_COPY)
		return nothing(q, n, list, event);
	return below->clEnqueueCopyImage(q, src, dst, from, to, region, n, list, event);
}

static cl_int CL_API_CALL copy_to_image(cl_command_queue q, cl_mem src, cl_mem dst, size_t from,
					const size_t *to, const size_t *region, cl_uint n,
					const cl_event *list, cl_event *event)
{
	if (hit_copy() && attack == DROP_COPY)
		return nothing(q, n, list, event);
	return below->clEnqueueCopyBufferToImage(q, src, dst, from, to, region, n, list, event);
}

static cl_int CL_API_CALL copy_from_image(cl_command_queue q, cl_mem src, cl_mem dst,
					  const size_t *from, const size_t *region, size_t to,
					  cl_uint n, const cl_event *list, cl_event *event)
{
	if (hit_copy() && attack == DROP_COPY)
		return nothing(q, n, list, event);
	return below->clEnqueueCopyImageToBuffer(q, src, dst, from, region, to, n, list, event);
}

static cl_int CL_API_CALL fill_buffer(cl_command_queue q, cl_mem m, const void *what,
				      size_t what_size, size_t offset, size_t size, cl_uint n,
				      const cl_event *list, cl_event *event)
{
	if (hit_copy() && attack == DROP_COPY)
		return nothing(q, n, list, event);
	return below->clEnqueueFillBuffer(q, m, what, what_size, offset, size, n, list, event);
}

static cl_int CL_API_CALL fill_image(cl_command_queue q, cl_mem m, const void *colour,
				     const size_t *origin, const size_t *region, cl_uint n,
				     const cl_event *list, cl_event *event)
{
	if (hit_copy() && attack == DROP_COPY)
		return nothing(q, n, list, event);
	return below->clEnqueueFillImage(q, m, colour, origin, region, n, list, event);
}

void attacker_take_copies(cl_icd_dispatch *d, const cl_icd_dispatch *target)
{
	below = target;
	d->clEnqueueCopyBuffer = copy_buffer;
	d->clEnqueueCopyBufferRect = copy_rect;
	d->clEnqueueCopyImage = copy_image;
	d->clEnqueueCopyBufferToImage = copy_to_image;
	d->clEnqueueCopyImageToBuffer = copy_from_image;
	d->clEnqueueFillBuffer = fill_buffer;
	d->clEnqueueFillImage = fill_image;
}
