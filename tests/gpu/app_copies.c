// SPDX-License-Identifier: Apache-2.0
/* Steps of the test program that are about copies on the device. */
#include "app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Buffers on the device and what they must hold. */
struct pair {
	cl_mem mem;
	unsigned char *want;
	size_t size;
};

static struct pair pair(size_t size, uint64_t seed)
{
	struct pair p = { buffer(size, CL_MEM_READ_WRITE, NULL), make(size, seed), size };

	TRY(clEnqueueWriteBuffer(queue, p.mem, CL_TRUE, 0, size, p.want, 0, NULL, NULL));
	return p;
}

static void pair_check(const struct pair *p, const char *what)
{
	unsigned char *out = calloc(1, p->size);

	TRY(clEnqueueReadBuffer(queue, p->mem, CL_TRUE, 0, p->size, out, 0, NULL, NULL));
	right(out, p->want, p->size, what);
	free(out);
}

static void pair_end(struct pair *p)
{
	TRY(clReleaseMemObject(p->mem));
	free(p->want);
}

static void copy(const struct pair *src, struct pair *dst, size_t from, size_t to, size_t size)
{
	TRY(clEnqueueCopyBuffer(queue, src->mem, dst->mem, from, to, size, 0, NULL, NULL));
	memmove(dst->want + to, src->want + from, size);
}

static void box_expect(const struct pair *src, struct pair *dst, const size_t from[3],
		       const size_t to[3], const size_t region[3], size_t src_row, size_t src_slice,
		       size_t dst_row, size_t dst_slice)
{
	size_t y, z;

	for (z = 0; z < region[2]; z++)
		for (y = 0; y < region[1]; y++)
			memcpy(dst->want + (to[2] + z) * dst_slice + (to[1] + y) * dst_row + to[0],
			       src->want + (from[2] + z) * src_slice + (from[1] + y) * src_row +
				       from[0],
			       region[0]);
}

static void box(const struct pair *src, struct pair *dst, const size_t from[3], const size_t to[3],
		const size_t region[3], size_t src_row, size_t src_slice, size_t dst_row,
		size_t dst_slice)
{
	TRY(clEnqueueCopyBufferRect(queue, src->mem, dst->mem, from, to, region, src_row, src_slice,
				    dst_row, dst_slice, 0, NULL, NULL));
	box_expect(src, dst, from, to, region, src_row, src_slice, dst_row, dst_slice);
}

static cl_mem picture(cl_mem_object_type type, cl_channel_order order, cl_channel_type channel,
		      const size_t extent[3], cl_int *code)
{
	bool lines = type == CL_MEM_OBJECT_IMAGE1D_ARRAY;
	cl_image_format format = { order, channel };
	cl_image_desc desc = { .image_type = type,
			       .image_width = extent[0],
			       .image_height = extent[1],
			       .image_depth = extent[2],
			       .image_array_size = extent[lines ? 1 : 2] };

	return clCreateImage(context, CL_MEM_READ_WRITE, &format, &desc, NULL, code);
}

/* One of each kind of copy, each of which the result depends on: for the attacker. */
void step_moves(void)
{
	const size_t row = 256, zero[3] = { 0 }, at[3] = { 16, 3, 0 }, to[3] = { 32, 5, 0 },
		     part[3] = { 96, 40, 1 }, extent[3] = { 64, 32, 1 }, few[3] = { 16, 8, 1 };
	const uint32_t pattern[4] = { 0x600dcafe, 0x12345678, 0xfeedbeef, 0x0badf00d };
	const cl_uint colour[4] = { 7, 100, 31, 250 };
	struct pair a = pair(BYTES, 200), b = pair(BYTES, 201), c = pair(BYTES, 202);
	cl_int code, other;
	cl_mem one = picture(CL_MEM_OBJECT_IMAGE2D, CL_RGBA, CL_UNSIGNED_INT8, extent, &code),
	       two = picture(CL_MEM_OBJECT_IMAGE2D, CL_RGBA, CL_UNSIGNED_INT8, extent, &other);
	size_t i;

	GOT(code ? code : other, "clCreateImage");
	copy(&a, &b, 0, 0, BYTES);
	copy(&c, &b, 512, 1024, 2048);
	run_scale(queue, b.mem, c.mem, 7, N, 0, NULL, NULL);
	cpu_scale((uint32_t *)(void *)b.want, (const uint32_t *)(const void *)c.want, 7, N);
	box(&a, &b, at, to, part, row, row * 64, row, row * 64);
	TRY(clEnqueueFillBuffer(queue, b.mem, pattern, 16, 4096, 8192, 0, NULL, NULL));
	for (i = 4096; i < 4096 + 8192; i += 16)
		memcpy(b.want + i, pattern, 16);
	TRY(clEnqueueCopyBufferToImage(queue, a.mem, one, 0, zero, extent, 0, NULL, NULL));
	TRY(clEnqueueCopyImage(queue, one, two, zero, zero, extent, 0, NULL, NULL));
	TRY(clEnqueueFillImage(queue, two, colour, zero, few, 0, NULL, NULL));
	TRY(clEnqueueCopyImageToBuffer(queue, two, c.mem, zero, extent, 4096, 0, NULL, NULL));
	memcpy(c.want + 4096, a.want, 64 * 32 * 4);
	for (i = 0; i < 16 * 8 * 4; i++)
		c.want[4096 + i / 64 * 256 + i % 64] = (unsigned char)colour[i % 4];
	pair_check(&b, "a buffer that was copied to");
	pair_check(&c, "a buffer that an image was copied to");
	TRY(clReleaseMemObject(one));
	TRY(clReleaseMemObject(two));
	pair_end(&a);
	pair_end(&b);
	pair_end(&c);
}

#define WANT(call, want)                                                      \
	do {                                                                  \
		cl_int want_code = (call);                                    \
		if (want_code != (want))                                      \
			fail(3, "%s: %d, want %d", #call, want_code, (want)); \
	} while (0)

static void check_refusals(const struct pair *a, const struct pair *b, cl_mem sub, cl_mem next)
{
	cl_event none = NULL;

	WANT(clEnqueueCopyBuffer(queue, a->mem, a->mem, 0, 64, 65, 0, NULL, NULL),
	     CL_MEM_COPY_OVERLAP);
	WANT(clEnqueueCopyBuffer(queue, a->mem, a->mem, 64, 0, 65, 0, NULL, NULL),
	     CL_MEM_COPY_OVERLAP);
	WANT(clEnqueueCopyBuffer(queue, sub, next, 2048, 0, 64, 0, NULL, NULL),
	     CL_MEM_COPY_OVERLAP);
	WANT(clEnqueueCopyBuffer(queue, a->mem, b->mem, a->size - 63, 0, 64, 0, NULL, NULL),
	     CL_INVALID_VALUE);
	WANT(clEnqueueCopyBuffer(queue, a->mem, b->mem, 0, (size_t)-1, 64, 0, NULL, NULL),
	     CL_INVALID_VALUE);
	WANT(clEnqueueCopyBuffer(queue, NULL, b->mem, 0, 0, 64, 0, NULL, NULL),
	     CL_INVALID_MEM_OBJECT);
	WANT(clEnqueueCopyBuffer(NULL, a->mem, b->mem, 0, 0, 64, 0, NULL, NULL),
	     CL_INVALID_COMMAND_QUEUE);
	WANT(clEnqueueCopyBuffer(queue, a->mem, b->mem, 0, 0, 64, 1, &none, NULL),
	     CL_INVALID_EVENT_WAIT_LIST);
	WANT(clEnqueueCopyBuffer(queue, a->mem, b->mem, 0, 0, 64, 1, NULL, NULL),
	     CL_INVALID_EVENT_WAIT_LIST);
}

/* Any alignment, sub-buffers, one buffer to itself, waiting for an event, and refusals. */
void step_copies(void)
{
	static const size_t odd[][3] = { { 3, 1, 1001 },    { 1, 17, 4097 }, { 16, 32, 4096 },
					 { 5, 5, 100000 },  { 0, 1, 1 },     { 7, 200000, 65536 },
					 { 64, 0, 262144 }, { 15, 31, 15 } };
	cl_buffer_region region = { 4096, 8192 }, behind = { 6144, 8192 };
	struct pair a = pair(1 << 20, 210), b = pair(1 << 20, 211);
	cl_mem sub, next, far;
	cl_event e, f;
	cl_command_type type;
	cl_int code, other, third;
	size_t i;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		copy(&a, &b, odd[i][0], odd[i][1], odd[i][2]);
	copy(&b, &b, 0, 1 << 19, 100001);
	copy(&b, &b, 700001, 3, 5000);
	sub = clCreateSubBuffer(a.mem, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
	next = clCreateSubBuffer(a.mem, 0, CL_BUFFER_CREATE_TYPE_REGION, &behind, &other);
	far = clCreateSubBuffer(b.mem, 0, CL_BUFFER_CREATE_TYPE_REGION, &behind, &third);
	GOT(code ? code : other ? other : third, "clCreateSubBuffer");
	TRY(clEnqueueCopyBuffer(queue, sub, far, 5, 100, 3000, 0, NULL, &e));
	memcpy(b.want + 6144 + 100, a.want + 4096 + 5, 3000);
	TRY(clEnqueueCopyBuffer(queue, sub, next, 0, 4096, 2048, 1, &e, &f));
	memcpy(a.want + 6144 + 4096, a.want + 4096, 2048);
	TRY(clWaitForEvents(1, &f));
	TRY(clGetEventInfo(f, CL_EVENT_COMMAND_TYPE, sizeof(type), &type, NULL));
	if (type != CL_COMMAND_COPY_BUFFER)
		fail(3, "the event of a copy has type %#x", type);
	check_refusals(&a, &b, sub, next);
	pair_check(&b, "a buffer after copies");
	pair_check(&a, "a buffer after a copy to itself");
	TRY(clReleaseEvent(e));
	TRY(clReleaseEvent(f));
	TRY(clReleaseMemObject(sub));
	TRY(clReleaseMemObject(next));
	TRY(clReleaseMemObject(far));
	pair_end(&a);
	pair_end(&b);
}

/* A box, and where its pitches make it lie. */
struct laid {
	size_t origin[3], row, slice;
};

/* Within a buffer, by other pitches there than here. Drivers may refuse that; then by another. */
static void box_within(struct pair *p, const struct laid *from, const struct laid *to,
		       const size_t region[3])
{
	struct pair between = pair(p->size, 222);
	cl_int code;

	box(p, &between, from->origin, from->origin, region, from->row, from->slice, from->row,
	    from->slice);
	code = clEnqueueCopyBufferRect(queue, p->mem, p->mem, from->origin, to->origin, region,
				       from->row, from->slice, to->row, to->slice, 0, NULL, NULL);
	if (code != CL_SUCCESS && code != CL_INVALID_VALUE)
		GOT(code, "clEnqueueCopyBufferRect within a buffer");
	if (code)
		puts("other pitches within a buffer are refused");
	if (code)
		box(&between, p, from->origin, to->origin, region, from->row, from->slice, to->row,
		    to->slice);
	else
		box_expect(&between, p, from->origin, to->origin, region, from->row, from->slice,
			   to->row, to->slice);
	pair_end(&between);
}

/* What needs no second pitch, or lies in the gaps of the other: no byte is in both. */
static void boxes_within(struct pair *p)
{
	static const struct {
		struct laid from, to;
		size_t region[3];
	} c[] = {
		{ { { 0, 0, 0 }, 100, 1000 }, { { 50, 0, 0 }, 100, 2000 }, { 40, 10, 1 } },
		{ { { 0, 0, 0 }, 100, 0 }, { { 40, 3, 0 }, 100, 4000 }, { 40, 12, 1 } },
		{ { { 0, 0, 0 }, 100, 2000 }, { { 40, 0, 0 }, 200, 2000 }, { 40, 6, 3 } },
		{ { { 0, 0, 0 }, 100, 3000 }, { { 0, 10, 0 }, 100, 2900 }, { 90, 8, 3 } },
	};
	static const size_t over[3] = { 41, 10, 1 }, here[3] = { 0 }, there[3] = { 40, 2, 0 };
	cl_int code;
	size_t i;

	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		box_within(p, &c[i].from, &c[i].to, c[i].region);
	code = clEnqueueCopyBufferRect(queue, p->mem, p->mem, here, there, over, 100, 1000, 100,
				       2000, 0, NULL, NULL);
	if (code != CL_MEM_COPY_OVERLAP && code != CL_INVALID_VALUE)
		fail(3, "boxes that overlap: %d", code);
	WANT(clEnqueueCopyBufferRect(queue, p->mem, p->mem, here, there, over, 100, 1000, 200, 2000,
				     0, NULL, NULL),
	     CL_INVALID_VALUE);
}

/* Boxes in three dimensions, fills that are not aligned, and refusals. */
void step_boxes(void)
{
	const size_t from[3] = { 3, 2, 1 }, to[3] = { 9, 1, 3 }, region[3] = { 41, 5, 4 },
		     beside[3] = { 44, 2, 1 }, zero[3] = { 0 }, wide[3] = { 256, 8, 2 },
		     huge[3] = { 16, 8, 1000 };
	struct pair a = pair(65536, 220), b = pair(65536, 221);
	const unsigned char pattern[4] = { 0xc5, 0x3a, 0x7e, 0x11 };
	size_t i;

	box(&a, &b, from, to, region, 100, 1000, 120, 1200);
	box(&b, &b, from, beside, region, 100, 1000, 100, 1000);
	box(&a, &b, zero, zero, wide, 256, 256 * 8, 300, 2400);
	TRY(clEnqueueFillBuffer(queue, b.mem, pattern, 1, 30003, 20001, 0, NULL, NULL));
	memset(b.want + 30003, pattern[0], 20001);
	TRY(clEnqueueFillBuffer(queue, a.mem, pattern, 4, 4, 50000, 0, NULL, NULL));
	for (i = 4; i < 50004; i += 4)
		memcpy(a.want + i, pattern, 4);
	WANT(clEnqueueCopyBufferRect(queue, a.mem, a.mem, from, to, region, 100, 1000, 100, 1000, 0,
				     NULL, NULL),
	     CL_MEM_COPY_OVERLAP);
	WANT(clEnqueueCopyBufferRect(queue, a.mem, b.mem, from, to, huge, 100, 1000, 100, 1000, 0,
				     NULL, NULL),
	     CL_INVALID_VALUE);
	WANT(clEnqueueCopyBufferRect(queue, a.mem, b.mem, from, to, region, 40, 1000, 100, 1000, 0,
				     NULL, NULL),
	     CL_INVALID_VALUE);
	boxes_within(&b);
	pair_check(&a, "a filled buffer");
	pair_check(&b, "boxes");
	pair_end(&a);
	pair_end(&b);
}

static bool has_format(cl_mem_object_type type, cl_channel_order order, cl_channel_type channel)
{
	cl_image_format format[512];
	cl_uint n = 0, i;

	TRY(clGetSupportedImageFormats(context, CL_MEM_READ_WRITE, type, 512, format, &n));
	for (i = 0; i < n && i < 512; i++)
		if (format[i].image_channel_order == order &&
		    format[i].image_channel_data_type == channel)
			return true;
	return false;
}

/* In from a buffer, on to another image and within that, and out again. */
static void pass_through(cl_mem_object_type type, cl_channel_order order, cl_channel_type channel,
			 size_t element, const size_t extent[3], struct pair *a, struct pair *b)
{
	size_t zero[3] = { 0 }, part[3], to[3] = { 0 };
	size_t size = element * extent[0] * extent[1] * extent[2];
	size_t x, y, z, line = element * extent[0], plane = line * extent[1];
	unsigned char *all = malloc(size);
	cl_int code, other;
	cl_mem one, two;

	if (!has_format(type, order, channel)) {
		free(all);
		return;
	}
	one = picture(type, order, channel, extent, &code);
	two = picture(type, order, channel, extent, &other);
	GOT(code ? code : other, "clCreateImage");
	memcpy(part, extent, sizeof(part));
	part[0] = extent[0] / 2;
	to[0] = extent[0] - part[0];
	TRY(clEnqueueCopyBufferToImage(queue, a->mem, one, 8, zero, extent, 0, NULL, NULL));
	TRY(clEnqueueCopyImage(queue, one, two, zero, zero, extent, 0, NULL, NULL));
	TRY(clEnqueueCopyImage(queue, two, two, zero, to, part, 0, NULL, NULL));
	TRY(clEnqueueCopyImageToBuffer(queue, two, b->mem, zero, extent, 16, 0, NULL, NULL));
	memcpy(all, a->want + 8, size);
	for (z = 0; z < extent[2]; z++)
		for (y = 0; y < extent[1]; y++)
			for (x = 0; x < part[0] * element; x++)
				all[z * plane + y * line + to[0] * element + x] =
					a->want[8 + z * plane + y * line + x];
	memcpy(b->want + 16, all, size);
	pair_check(b, "a buffer that images were copied to");
	TRY(clReleaseMemObject(one));
	TRY(clReleaseMemObject(two));
	free(all);
}

void step_pictures(void)
{
	static const struct {
		cl_channel_order order;
		cl_channel_type channel;
		size_t element;
	} format[] = {
		{ CL_RGBA, CL_UNSIGNED_INT8, 4 },   { CL_RGBA, CL_SIGNED_INT16, 8 },
		{ CL_RGBA, CL_UNSIGNED_INT32, 16 }, { CL_RGBA, CL_UNORM_INT8, 4 },
		{ CL_BGRA, CL_UNORM_INT8, 4 },	    { CL_R, CL_UNSIGNED_INT16, 2 },
		{ CL_RG, CL_SIGNED_INT8, 2 },	    { CL_R, CL_UNORM_INT16, 2 },
		{ CL_A, CL_UNORM_INT8, 1 },	    { CL_RGBA, CL_SNORM_INT8, 4 },
		{ CL_RGBA, CL_HALF_FLOAT, 8 },	    { CL_RGBA, CL_FLOAT, 16 },
	};
	static const struct {
		cl_mem_object_type type;
		size_t extent[3];
	} shape[] = {
		{ CL_MEM_OBJECT_IMAGE2D, { 37, 20, 1 } },
		{ CL_MEM_OBJECT_IMAGE3D, { 9, 6, 5 } },
		{ CL_MEM_OBJECT_IMAGE2D_ARRAY, { 9, 6, 5 } },
		{ CL_MEM_OBJECT_IMAGE1D, { 50, 1, 1 } },
		{ CL_MEM_OBJECT_IMAGE1D_ARRAY, { 20, 7, 1 } },
	};
	struct pair a = pair(BYTES, 230), b = pair(BYTES, 231);
	size_t i, k;

	for (k = 0; k < sizeof(shape) / sizeof(shape[0]); k++)
		for (i = 0; i < sizeof(format) / sizeof(format[0]); i++)
			pass_through(shape[k].type, format[i].order, format[i].channel,
				     format[i].element, shape[k].extent, &a, &b);
	pair_end(&a);
	pair_end(&b);
}
