// SPDX-License-Identifier: Apache-2.0
/*
 * A small OpenCL program that knows every result: the tests run it plain, through the
 * layer, and under attack.
 *
 *   app [--step NAME]... [--dump FILE] [--list] [--source]
 *
 * Exit status: 0 all results right, 1 usage or no device, 2 OpenCL gave an error, 3 a
 * wrong result was returned. --dump writes every plaintext that goes to the device or
 * comes back. The last line is a digest of all results.
 */
#include "app.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE (3u * 1048576 + 4096)
/* Seconds for a step: whoever needs longer waits for itself. */
#define LIMIT 120
#define W     64u
#define H     32u

cl_context context;
cl_device_id device;
cl_command_queue queue;
cl_program program;
static FILE *dump;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t digest = 0xcbf29ce484222325u;
static const char *step_name;

const char source[] =
	"kernel void scale(global uint *a, global const uint *b, uint k)\n"
	"{ size_t i = get_global_id(0); a[i] = a[i] * 3u + b[i] * k; }\n"
	"kernel void unscale(global uint *a, global const uint *b, uint k)\n"
	"{ size_t i = get_global_id(0); a[i] = a[i] * 5u - b[i] * k; }\n"
	"struct mixing { uint a, b; ushort c; uchar d[6]; };\n"
	"kernel void blend(global uint *a, struct mixing m, global const uint *b, uint k)\n"
	"{ size_t i = get_global_id(0);\n"
	"  a[i] = (a[i] ^ m.a) + (b[i] ^ m.b) * k + m.c + m.d[i % 6]; }\n"
	"kernel void inner(global uint *a, uint k)\n"
	"{ local uint x; if (!get_local_id(0)) x = k; barrier(CLK_LOCAL_MEM_FENCE);\n"
	"  a[get_global_id(0)] += x; }\n"
	"kernel void outer(global uint *a, uint k) { inner(a, k + 1); }\n"
	"kernel void spin(global uint *a, uint n)\n"
	"{ uint x = a[0], i; for (i = 0; i < n; i++) x = x * 1664525u + 1013904223u; a[0] = x; }\n"
	"kernel void invert(read_only image2d_t in, write_only image2d_t out)\n"
	"{ const sampler_t s = CLK_NORMALIZED_COORDS_FALSE | CLK_ADDRESS_NONE | CLK_FILTER_NEAREST;\n"
	"  int2 p = (int2)(get_global_id(0), get_global_id(1));\n"
	"  write_imageui(out, p, 255u - read_imageui(in, s, p)); }\n";

const size_t source_size = sizeof(source);

void fail(int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "app: step %s: ", step_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(NULL);
	/* Other threads are in the driver: nothing of it may be torn down. */
	_exit(status);
}

static uint32_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 16);
}

static void plain(const void *data, size_t size)
{
	pthread_mutex_lock(&lock);
	if (dump)
		fwrite(data, 1, size, dump);
	pthread_mutex_unlock(&lock);
}

void *make(size_t size, uint64_t seed)
{
	uint32_t *p = malloc(size);
	size_t i;

	seed = seed * 0x9e3779b97f4a7c15u + 1;
	for (i = 0; i < size / 4; i++)
		p[i] = random_next(&seed);
	plain(p, size);
	return p;
}

void right(const void *got, const void *want, size_t size, const char *what)
{
	const unsigned char *g = got, *w = want;
	size_t i;

	for (i = 0; i < size; i++)
		if (g[i] != w[i])
			fail(3, "%s: WRONG at byte %zu of %zu: %#x, want %#x", what, i, size, g[i],
			     w[i]);
	plain(got, size);
	pthread_mutex_lock(&lock);
	for (i = 0; i < size; i++)
		digest = (digest ^ g[i]) * 0x100000001b3u;
	pthread_mutex_unlock(&lock);
}

cl_mem buffer(size_t size, cl_mem_flags flags, void *host)
{
	cl_int code;
	cl_mem m = clCreateBuffer(context, flags, size, host, &code);

	GOT(code, "clCreateBuffer");
	return m;
}

cl_kernel kernel(const char *name)
{
	cl_int code;
	cl_kernel k = clCreateKernel(program, name, &code);

	GOT(code, "clCreateKernel");
	return k;
}

void run_scale(cl_command_queue q, cl_mem a, cl_mem b, uint32_t k, size_t n, cl_uint waits,
	       const cl_event *list, cl_event *event)
{
	cl_kernel f = kernel("scale");

	TRY(clSetKernelArg(f, 0, sizeof(a), &a));
	TRY(clSetKernelArg(f, 1, sizeof(b), &b));
	TRY(clSetKernelArg(f, 2, sizeof(k), &k));
	TRY(clEnqueueNDRangeKernel(q, f, 1, NULL, &n, NULL, waits, list, event));
	TRY(clReleaseKernel(f));
}

void cpu_scale(uint32_t *a, const uint32_t *b, uint32_t k, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		a[i] = a[i] * 3u + b[i] * k;
}

void vector(cl_command_queue q, uint64_t seed, size_t n)
{
	uint32_t *a = make(n * 4, seed), *b = make(n * 4, seed + 1), *out = calloc(n, 4);
	cl_mem da = buffer(n * 4, CL_MEM_READ_WRITE, NULL),
	       db = buffer(n * 4, CL_MEM_READ_ONLY, NULL);

	TRY(clEnqueueWriteBuffer(q, da, CL_FALSE, 0, n * 4, a, 0, NULL, NULL));
	TRY(clEnqueueWriteBuffer(q, db, CL_TRUE, 0, n * 4, b, 0, NULL, NULL));
	run_scale(q, da, db, 7, n, 0, NULL, NULL);
	run_scale(q, da, db, 9, n, 0, NULL, NULL);
	TRY(clEnqueueReadBuffer(q, da, CL_TRUE, 0, n * 4, out, 0, NULL, NULL));
	cpu_scale(a, b, 7, n);
	cpu_scale(a, b, 9, n);
	right(out, a, n * 4, "vector");
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(b);
	free(out);
}

static void step_vector(void)
{
	vector(queue, 1, N);
}

static void step_large(void)
{
	vector(queue, 3, LARGE / 4);
}

/* Small writes one after the other, each over a part of the last. */
static void step_small(void)
{
	uint32_t *want = calloc(N, 4), *out = calloc(N, 4), *part;
	cl_mem d = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	unsigned int i;

	TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, 0, BYTES, want, 0, NULL, NULL));
	for (i = 0; i < 24; i++) {
		part = make(256, 100 + i);
		TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, i * 128, 256, part, 0, NULL, NULL));
		memcpy((char *)want + i * 128, part, 256);
		free(part);
	}
	TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	right(out, want, BYTES, "small writes");
	for (i = 0; i < 8; i++) {
		TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, i * 64, 64, out, 0, NULL, NULL));
		right(out, (char *)want + i * 64, 64, "small reads");
	}
	TRY(clReleaseMemObject(d));
	free(want);
	free(out);
}

static void step_rect(void)
{
	const size_t row = 256, rows = 64, origin[3] = { 16, 3, 0 }, region[3] = { 96, 40, 1 };
	const size_t host_origin[3] = { 32, 5, 0 }, zero[3] = { 0 };
	unsigned char *base = make(row * rows, 10), *in = make(row * rows, 11),
		      *out = calloc(row, rows);
	cl_mem d = buffer(row * rows, CL_MEM_READ_WRITE, NULL);
	size_t y;

	TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, 0, row * rows, base, 0, NULL, NULL));
	TRY(clEnqueueWriteBufferRect(queue, d, CL_FALSE, origin, host_origin, region, row, 0, row,
				     0, in, 0, NULL, NULL));
	for (y = 0; y < region[1]; y++)
		memcpy(base + (y + 3) * row + 16, in + (y + 5) * row + 32, 96);
	TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, row * rows, out, 0, NULL, NULL));
	right(out, base, row * rows, "buffer after a rectangle");
	memset(out, 0, row * rows);
	TRY(clEnqueueReadBufferRect(queue, d, CL_TRUE, origin, zero, region, row, 0, 128, 0, out, 0,
				    NULL, NULL));
	for (y = 0; y < region[1]; y++)
		right(out + y * 128, base + (y + 3) * row + 16, 96, "rectangle");
	TRY(clReleaseMemObject(d));
	free(base);
	free(in);
	free(out);
}

static cl_mem image(cl_mem_flags flags, size_t width, size_t height, size_t row, void *host)
{
	cl_image_format format = { CL_RGBA, CL_UNSIGNED_INT8 };
	cl_image_desc desc = { .image_type = CL_MEM_OBJECT_IMAGE2D,
			       .image_width = width,
			       .image_height = height,
			       .image_row_pitch = row };
	cl_int code;
	cl_mem m = clCreateImage(context, flags, &format, &desc, host, &code);

	GOT(code, "clCreateImage");
	return m;
}

static void step_image(void)
{
	const size_t zero[3] = { 0 }, all[3] = { W, H, 1 }, at[3] = { 8, 4, 0 },
		     part[3] = { 16, 8, 1 };
	unsigned char *in = make(W * H * 4, 20), *patch = make(16 * 8 * 4, 21),
		      *out = calloc(W * 4, H);
	cl_mem a = image(CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, W, H, W * 4, in);
	cl_mem b = image(CL_MEM_WRITE_ONLY, W, H, 0, NULL);
	cl_kernel f = kernel("invert");
	size_t i, y;

	TRY(clEnqueueWriteImage(queue, a, CL_FALSE, at, part, 0, 0, patch, 0, NULL, NULL));
	TRY(clSetKernelArg(f, 0, sizeof(a), &a));
	TRY(clSetKernelArg(f, 1, sizeof(b), &b));
	TRY(clEnqueueNDRangeKernel(queue, f, 2, NULL, all, NULL, 0, NULL, NULL));
	TRY(clEnqueueReadImage(queue, b, CL_TRUE, zero, all, 0, 0, out, 0, NULL, NULL));
	for (y = 0; y < 8; y++)
		memcpy(in + ((y + 4) * W + 8) * 4, patch + y * 64, 64);
	for (i = 0; i < W * H * 4; i++)
		in[i] = 255 - in[i];
	right(out, in, W * H * 4, "image");
	memset(out, 0, W * H * 4);
	TRY(clEnqueueReadImage(queue, b, CL_TRUE, at, part, 80, 0, out, 0, NULL, NULL));
	for (y = 0; y < 8; y++)
		right(out + y * 80, in + ((y + 4) * W + 8) * 4, 64, "part of an image");
	TRY(clReleaseKernel(f));
	TRY(clReleaseMemObject(a));
	TRY(clReleaseMemObject(b));
	free(in);
	free(patch);
	free(out);
}

static void step_map(void)
{
	uint32_t *a = make(BYTES, 30), *b = make(BYTES, 31), *p;
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, NULL);
	cl_mem db = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_event event;
	cl_int code;

	p = clEnqueueMapBuffer(queue, da, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0, BYTES, 0,
			       NULL, NULL, &code);
	GOT(code, "clEnqueueMapBuffer");
	memcpy(p, a, BYTES);
	TRY(clEnqueueUnmapMemObject(queue, da, p, 0, NULL, NULL));
	TRY(clEnqueueWriteBuffer(queue, db, CL_FALSE, 0, BYTES, b, 0, NULL, NULL));
	/* Half of it, and the rest stays. */
	p = clEnqueueMapBuffer(queue, db, CL_TRUE, CL_MAP_WRITE, 0, BYTES, 0, NULL, NULL, &code);
	GOT(code, "clEnqueueMapBuffer");
	memcpy(p, a, BYTES / 2);
	memcpy(b, a, BYTES / 2);
	TRY(clEnqueueUnmapMemObject(queue, db, p, 0, NULL, NULL));
	run_scale(queue, da, db, 5, N, 0, NULL, NULL);
	p = clEnqueueMapBuffer(queue, da, CL_FALSE, CL_MAP_READ, 1024, BYTES - 1024, 0, NULL,
			       &event, &code);
	GOT(code, "clEnqueueMapBuffer");
	TRY(clWaitForEvents(1, &event));
	TRY(clReleaseEvent(event));
	cpu_scale(a, b, 5, N);
	right(p, a + 256, BYTES - 1024, "mapped buffer");
	TRY(clEnqueueUnmapMemObject(queue, da, p, 0, NULL, &event));
	TRY(clWaitForEvents(1, &event));
	TRY(clReleaseEvent(event));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(b);
}

static void step_map_image(void)
{
	const size_t zero[3] = { 0 }, all[3] = { W, H, 1 }, at[3] = { 4, 2, 0 },
		     part[3] = { 8, 4, 1 };
	unsigned char *in = make(W * H * 4, 40), *p;
	cl_mem a = image(CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, W, H, 0, in);
	size_t row, slice, y;
	cl_int code;

	p = clEnqueueMapImage(queue, a, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, at, part, &row, &slice,
			      0, NULL, NULL, &code);
	GOT(code, "clEnqueueMapImage");
	for (y = 0; y < 4; y++) {
		right(p + y * row, in + ((y + 2) * W + 4) * 4, 32, "mapped part of an image");
		memset(p + y * row, (int)(y + 1), 32);
		memset(in + ((y + 2) * W + 4) * 4, (int)(y + 1), 32);
	}
	TRY(clEnqueueUnmapMemObject(queue, a, p, 0, NULL, NULL));
	p = clEnqueueMapImage(queue, a, CL_TRUE, CL_MAP_READ, zero, all, &row, NULL, 0, NULL, NULL,
			      &code);
	GOT(code, "clEnqueueMapImage");
	for (y = 0; y < H; y++)
		right(p + y * row, in + y * W * 4, W * 4, "mapped image");
	TRY(clEnqueueUnmapMemObject(queue, a, p, 0, NULL, NULL));
	TRY(clFinish(queue));
	TRY(clReleaseMemObject(a));
	free(in);
}

static void step_host(void)
{
	uint32_t *a = make(BYTES, 50), *b = make(BYTES, 51), *want = malloc(BYTES), *use = NULL, *p;
	cl_mem da, db;
	cl_int code;

	if (posix_memalign((void **)&use, 4096, BYTES))
		exit(1);
	memcpy(use, a, BYTES);
	memcpy(want, a, BYTES);
	da = buffer(BYTES, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, use);
	db = buffer(BYTES, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, b);
	run_scale(queue, da, db, 11, N, 0, NULL, NULL);
	cpu_scale(want, b, 11, N);
	p = clEnqueueMapBuffer(queue, da, CL_TRUE, CL_MAP_READ, 0, BYTES, 0, NULL, NULL, &code);
	GOT(code, "clEnqueueMapBuffer");
	if (p != use)
		fail(3, "a map of the application's memory is elsewhere");
	right(use, want, BYTES, "the application's memory");
	TRY(clEnqueueUnmapMemObject(queue, da, p, 0, NULL, NULL));
	TRY(clFinish(queue));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(b);
	free(want);
	free(use);
}

static void step_fill(void)
{
	const uint32_t pattern[4] = { 0x5eed5eed, 0xfeedbeef, 0x0badcafe, 0x12345678 };
	const cl_uint colour[4] = { 9, 200, 31, 77 };
	const size_t at[3] = { 3, 2, 0 }, part[3] = { 40, 20, 1 }, zero[3] = { 0 },
		     all[3] = { W, H, 1 };
	uint32_t *want = calloc(1, 65536), *out = calloc(1, 65536);
	cl_mem d = buffer(65536, CL_MEM_READ_WRITE, NULL), im;
	unsigned char *pixels = make(W * H * 4, 60), *got = calloc(W * 4, H);
	size_t i, x, y;
	cl_event event;

	plain(pattern, sizeof(pattern));
	TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, 0, 65536, want, 0, NULL, NULL));
	TRY(clEnqueueFillBuffer(queue, d, pattern, 16, 32, 65536 - 64, 0, NULL, &event));
	TRY(clWaitForEvents(1, &event));
	TRY(clReleaseEvent(event));
	for (i = 32; i < 65536 - 32; i += 16)
		memcpy((char *)want + i, pattern, 16);
	TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, 65536, out, 0, NULL, NULL));
	right(out, want, 65536, "filled buffer");
	TRY(clReleaseMemObject(d));
	im = image(CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, W, H, 0, pixels);
	TRY(clEnqueueFillImage(queue, im, colour, at, part, 0, NULL, NULL));
	for (y = 0; y < part[1]; y++)
		for (x = 0; x < part[0]; x++)
			for (i = 0; i < 4; i++)
				pixels[((y + 2) * W + x + 3) * 4 + i] = (unsigned char)colour[i];
	TRY(clEnqueueReadImage(queue, im, CL_TRUE, zero, all, 0, 0, got, 0, NULL, NULL));
	right(got, pixels, W * H * 4, "filled image");
	TRY(clReleaseMemObject(im));
	free(want);
	free(out);
	free(pixels);
	free(got);
}

static void step_copy(void)
{
	uint32_t *a = make(BYTES, 70), *out = calloc(N, 4);
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL), sub;
	cl_buffer_region region = { 4096, 4096 };
	cl_int code;

	TRY(clEnqueueWriteBuffer(queue, da, CL_TRUE, 0, BYTES, a, 0, NULL, NULL));
	TRY(clEnqueueCopyBuffer(queue, da, db, 0, 0, BYTES, 0, NULL, NULL));
	sub = clCreateSubBuffer(db, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
	GOT(code, "clCreateSubBuffer");
	TRY(clEnqueueReadBuffer(queue, sub, CL_TRUE, 256, 1024, out, 0, NULL, NULL));
	right(out, (char *)a + 4096 + 256, 1024, "sub-buffer");
	TRY(clEnqueueWriteBuffer(queue, sub, CL_TRUE, 512, 2048, a, 0, NULL, NULL));
	TRY(clEnqueueReadBuffer(queue, db, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	memmove((char *)a + 4096 + 512, a, 2048);
	right(out, a, BYTES, "parent of a sub-buffer");
	TRY(clReleaseMemObject(sub));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(out);
}

struct heard {
	const uint32_t *data, *want;
	int done;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static void CL_CALLBACK hear(cl_event event, cl_int status, void *data)
{
	struct heard *h = data;

	(void)event;
	pthread_mutex_lock(&h->lock);
	h->done = status == CL_COMPLETE ? memcmp(h->data, h->want, BYTES) ? 3 : 1 : 2;
	pthread_cond_signal(&h->cond);
	pthread_mutex_unlock(&h->lock);
}

static void check_event(cl_event event, cl_command_type want)
{
	cl_command_type type;
	cl_command_queue of;
	cl_ulong begun, ended;

	TRY(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof(type), &type, NULL));
	TRY(clGetEventInfo(event, CL_EVENT_COMMAND_QUEUE, sizeof(of), &of, NULL));
	if (type != want || of != queue)
		fail(3, "an event of command %#x says that it is %#x", want, type);
	TRY(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof(begun), &begun,
				    NULL));
	TRY(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(ended), &ended, NULL));
	if (ended < begun)
		fail(3, "an event ended before it began");
}

/* The callback of a marker after a read that does not block finds the data there. */
static void step_events(void)
{
	uint32_t *a = make(BYTES, 80), *b = make(BYTES, 81), *out = calloc(N, 4),
		 *later = calloc(N, 4);
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	uint32_t *want = malloc(BYTES);
	struct heard h = { out, want, 0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER };
	cl_event w, r, k, m;

	/* The writes below may read @a until they are complete. */
	memcpy(want, a, BYTES);
	cpu_scale(want, b, 13, N);
	TRY(clEnqueueWriteBuffer(queue, da, CL_FALSE, 0, BYTES, a, 0, NULL, &w));
	TRY(clEnqueueWriteBuffer(queue, db, CL_FALSE, 0, BYTES, b, 1, &w, NULL));
	run_scale(queue, da, db, 13, N, 1, &w, &k);
	TRY(clEnqueueReadBuffer(queue, da, CL_FALSE, 0, BYTES, out, 1, &k, &r));
	TRY(clEnqueueReadBuffer(queue, db, CL_FALSE, 0, BYTES, later, 0, NULL, NULL));
	TRY(clEnqueueMarkerWithWaitList(queue, 0, NULL, &m));
	TRY(clSetEventCallback(m, CL_COMPLETE, hear, &h));
	TRY(clFlush(queue));
	pthread_mutex_lock(&h.lock);
	while (!h.done)
		pthread_cond_wait(&h.cond, &h.lock);
	pthread_mutex_unlock(&h.lock);
	if (h.done != 1)
		fail(h.done, "the callback of a marker: %d", h.done);
	right(out, want, BYTES, "read that does not block");
	TRY(clWaitForEvents(1, &r));
	TRY(clFinish(queue));
	right(later, b, BYTES, "read without an event");
	check_event(w, CL_COMMAND_WRITE_BUFFER);
	check_event(r, CL_COMMAND_READ_BUFFER);
	check_event(k, CL_COMMAND_NDRANGE_KERNEL);
	TRY(clReleaseEvent(w));
	TRY(clReleaseEvent(r));
	TRY(clReleaseEvent(k));
	TRY(clReleaseEvent(m));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(want);
	free(b);
	free(out);
	free(later);
}

/* Transfers wait for an event of the application's, while another queue goes on. */
static void step_user(void)
{
	uint32_t *a = make(BYTES, 90), *b = make(BYTES, 91), *out = calloc(N, 4);
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_event user, r;
	cl_command_queue other;
	cl_int code, status;

	other = clCreateCommandQueue(context, device, 0, &code);
	GOT(code, "clCreateCommandQueue");
	TRY(clEnqueueWriteBuffer(queue, db, CL_TRUE, 0, BYTES, b, 0, NULL, NULL));
	TRY(clFinish(queue));
	user = clCreateUserEvent(context, &code);
	GOT(code, "clCreateUserEvent");
	TRY(clEnqueueWriteBuffer(queue, da, CL_FALSE, 0, BYTES, a, 1, &user, NULL));
	run_scale(queue, da, db, 17, N, 0, NULL, NULL);
	TRY(clEnqueueReadBuffer(queue, da, CL_FALSE, 0, BYTES, out, 0, NULL, &r));
	TRY(clFlush(queue));
	vector(other, 92, N);
	TRY(clGetEventInfo(r, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status, NULL));
	if (status == CL_COMPLETE)
		fail(3, "a read is complete before what it waits for");
	TRY(clSetUserEventStatus(user, CL_COMPLETE));
	TRY(clWaitForEvents(1, &r));
	cpu_scale(a, b, 17, N);
	right(out, a, BYTES, "read behind a user event");
	TRY(clReleaseEvent(user));
	TRY(clReleaseEvent(r));
	TRY(clReleaseCommandQueue(other));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(b);
	free(out);
}

/* Buffers that are released before a read of them is done, and others in their place. */
static void step_reuse(void)
{
	uint32_t *a = make(BYTES, 97), *out = calloc(N, 4);
	unsigned int i;
	cl_event r;
	cl_mem d;

	for (i = 0; i < 64; i++) {
		d = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
		a[0] = i;
		TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, 0, BYTES, a, 0, NULL, NULL));
		TRY(clEnqueueReadBuffer(queue, d, CL_FALSE, 0, BYTES, out, 0, NULL, &r));
		if (i % 2)
			TRY(clReleaseMemObject(d));
		TRY(clWaitForEvents(1, &r));
		TRY(clReleaseEvent(r));
		if (!(i % 2))
			TRY(clReleaseMemObject(d));
		right(out, a, BYTES, "buffer in another's place");
	}
	free(a);
	free(out);
}

/* What waits for an event that fails does not happen, and fails too. */
static void step_failed(void)
{
	uint32_t *a = make(BYTES, 95), *b = make(BYTES, 96), *out = calloc(N, 4);
	cl_mem d = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_command_queue other;
	cl_event user, w;
	cl_int code, status;

	other = clCreateCommandQueue(context, device, 0, &code);
	GOT(code, "clCreateCommandQueue");
	TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, 0, BYTES, a, 0, NULL, NULL));
	TRY(clFinish(queue));
	user = clCreateUserEvent(context, &code);
	GOT(code, "clCreateUserEvent");
	TRY(clEnqueueWriteBuffer(other, d, CL_FALSE, 0, BYTES, b, 1, &user, &w));
	TRY(clFlush(other));
	TRY(clSetUserEventStatus(user, -77));
	if (clWaitForEvents(1, &w) != CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
		fail(3, "a write that waited for a failed event did not fail");
	TRY(clGetEventInfo(w, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status, NULL));
	if (status >= 0)
		fail(3, "a write that waited for a failed event has status %d", status);
	TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	right(out, a, BYTES, "buffer after a write that failed");
	TRY(clReleaseEvent(user));
	TRY(clReleaseEvent(w));
	TRY(clReleaseCommandQueue(other));
	TRY(clReleaseMemObject(d));
	free(a);
	free(b);
	free(out);
}

/* Whether that is refused, as it waits for an event that has failed. */
static bool refused(cl_int code, const char *what)
{
	if (code && code != CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
		fail(3, "%s that waits for what has failed: %d", what, code);
	return code;
}

/* The same where the event has failed before. Some drivers take the command and never end it, so
 * nobody waits for that queue. */
static void step_doomed(void)
{
	const size_t n = 64, from[3] = { 0 }, to[3] = { 4096, 0, 0 }, box[3] = { 64, 2, 1 };
	uint32_t *a = make(BYTES, 97), *out = calloc(N, 4), k = 7;
	cl_mem d = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_kernel f = kernel("scale");
	cl_command_queue other;
	bool all = true;
	cl_event user;
	cl_int code;

	other = clCreateCommandQueue(context, device, 0, &code);
	GOT(code, "clCreateCommandQueue");
	TRY(clEnqueueWriteBuffer(queue, d, CL_TRUE, 0, BYTES, a, 0, NULL, NULL));
	user = clCreateUserEvent(context, &code);
	GOT(code, "clCreateUserEvent");
	TRY(clSetUserEventStatus(user, -77));
	TRY(clSetKernelArg(f, 0, sizeof(d), &d));
	TRY(clSetKernelArg(f, 1, sizeof(d), &d));
	TRY(clSetKernelArg(f, 2, sizeof(k), &k));
	all &= refused(clEnqueueNDRangeKernel(other, f, 1, NULL, &n, NULL, 1, &user, NULL),
		       "a launch");
	all &= refused(clEnqueueCopyBuffer(other, d, d, 0, 4096, 64, 1, &user, NULL), "a copy");
	all &= refused(
		clEnqueueCopyBufferRect(other, d, d, from, to, box, 64, 0, 64, 0, 1, &user, NULL),
		"a box");
	all &= refused(clEnqueueFillBuffer(other, d, &k, 4, 0, 64, 1, &user, NULL), "a fill");
	all &= refused(clEnqueueWriteBuffer(other, d, CL_FALSE, 64, 64, &k, 1, &user, NULL),
		       "a write");
	all &= refused(clEnqueueReadBuffer(other, d, CL_FALSE, 0, 64, out, 1, &user, NULL),
		       "a read");
	if (!all)
		puts("what waits for an event that has failed is taken");
	TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	right(out, a, BYTES, "buffer after commands that were refused");
	TRY(clReleaseEvent(user));
	TRY(clReleaseKernel(f));
	if (!all)
		return;
	TRY(clReleaseCommandQueue(other));
	TRY(clReleaseMemObject(d));
	free(a);
	free(out);
}

static void step_queues(void)
{
	uint32_t *a = make(BYTES, 93), *b = make(BYTES, 94), *out = calloc(N, 4);
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_command_queue other;
	cl_event w[2], k;
	cl_int code;
	int i;

	other = clCreateCommandQueue(context, device, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE,
				     &code);
	GOT(code, "clCreateCommandQueue");
	for (i = 0; i < 4; i++) {
		TRY(clEnqueueWriteBuffer(queue, da, CL_FALSE, 0, BYTES, a, 0, NULL, &w[0]));
		TRY(clEnqueueWriteBuffer(other, db, CL_FALSE, 0, BYTES, b, 0, NULL, &w[1]));
		TRY(clFlush(queue));
		TRY(clFlush(other));
		run_scale(other, da, db, 19, N, 2, w, &k);
		TRY(clFlush(other));
		TRY(clEnqueueReadBuffer(queue, da, CL_TRUE, 0, BYTES, out, 1, &k, NULL));
		cpu_scale(a, b, 19, N);
		right(out, a, BYTES, "two queues");
		TRY(clFinish(other));
		TRY(clReleaseEvent(w[0]));
		TRY(clReleaseEvent(w[1]));
		TRY(clReleaseEvent(k));
	}
	TRY(clReleaseCommandQueue(other));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(b);
	free(out);
}

static void *thread_run(void *arg)
{
	cl_int code;
	cl_command_queue q = clCreateCommandQueue(context, device, 0, &code);
	unsigned int i;

	GOT(code, "clCreateCommandQueue");
	(void)arg;
	/* The same in each thread: the digest does not depend on their order. */
	for (i = 0; i < 4; i++)
		vector(q, 200, 2048);
	TRY(clReleaseCommandQueue(q));
	return NULL;
}

static void step_threads(void)
{
	pthread_t thread[4];
	size_t i;

	for (i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, thread_run, (void *)i))
			exit(1);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

/* What OpenCL says must fail does, and carries nothing. */
static void step_errors(void)
{
	cl_mem d = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       w = buffer(BYTES, CL_MEM_HOST_WRITE_ONLY, NULL);
	unsigned char out[64];
	cl_event none = NULL;
	cl_int code;

#define WANT(call, want)                                               \
	do {                                                           \
		code = (call);                                         \
		if (code != (want))                                    \
			fail(3, "%s: %d, want %d", #call, code, want); \
	} while (0)
	memset(out, 0xa5, sizeof(out));
	WANT(clEnqueueReadBuffer(queue, d, CL_TRUE, BYTES - 63, 64, out, 0, NULL, NULL),
	     CL_INVALID_VALUE);
	WANT(clEnqueueReadBuffer(queue, d, CL_TRUE, (size_t)-1, 64, out, 0, NULL, NULL),
	     CL_INVALID_VALUE);
	WANT(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, 64, NULL, 0, NULL, NULL), CL_INVALID_VALUE);
	WANT(clEnqueueReadBuffer(NULL, d, CL_TRUE, 0, 64, out, 0, NULL, NULL),
	     CL_INVALID_COMMAND_QUEUE);
	WANT(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, 64, out, 1, NULL, NULL),
	     CL_INVALID_EVENT_WAIT_LIST);
	WANT(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, 64, out, 1, &none, NULL),
	     CL_INVALID_EVENT_WAIT_LIST);
	WANT(clEnqueueReadBuffer(queue, w, CL_TRUE, 0, 64, out, 0, NULL, NULL),
	     CL_INVALID_OPERATION);
	WANT(clEnqueueFillBuffer(queue, d, out, 3, 0, 66, 0, NULL, NULL), CL_INVALID_VALUE);
	WANT(clEnqueueUnmapMemObject(queue, d, out, 0, NULL, NULL), CL_INVALID_VALUE);
	clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 64, NULL, &code);
	if (code != CL_INVALID_HOST_PTR)
		fail(3, "clCreateBuffer without a host pointer: %d", code);
	for (size_t i = 0; i < sizeof(out); i++)
		if (out[i] != 0xa5)
			fail(3, "a refused read wrote");
	TRY(clReleaseMemObject(d));
	TRY(clReleaseMemObject(w));
}

static const struct {
	const char *name;
	void (*run)(void);
} steps[] = {
	{ "vector", step_vector },   { "small", step_small },	    { "rect", step_rect },
	{ "image", step_image },     { "map", step_map },	    { "map-image", step_map_image },
	{ "host", step_host },	     { "fill", step_fill },	    { "copy", step_copy },
	{ "events", step_events },   { "user", step_user },	    { "failed", step_failed },
	{ "doomed", step_doomed },   { "reuse", step_reuse },	    { "queues", step_queues },
	{ "threads", step_threads }, { "large", step_large },	    { "launch", step_launch },
	{ "clone", step_clone },     { "gate", step_gate },	    { "build", step_build },
	{ "odd", step_odd },	     { "chain", step_chain },	    { "bounce", step_bounce },
	{ "orphan", step_orphan },   { "moves", step_moves },	    { "copies", step_copies },
	{ "boxes", step_boxes },     { "pictures", step_pictures }, { "errors", step_errors },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void set_up(void)
{
	cl_platform_id platform;
	const char *text = source;
	cl_int code;

	step_name = "set-up";
	if (clGetPlatformIDs(1, &platform, NULL) ||
	    clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL)) {
		fputs("app: no OpenCL device\n", stderr);
		exit(1);
	}
	context = clCreateContext(NULL, 1, &device, NULL, NULL, &code);
	GOT(code, "clCreateContext");
	queue = clCreateCommandQueue(context, device, CL_QUEUE_PROFILING_ENABLE, &code);
	GOT(code, "clCreateCommandQueue");
	program = clCreateProgramWithSource(context, 1, &text, NULL, &code);
	GOT(code, "clCreateProgramWithSource");
	TRY(clBuildProgram(program, 1, &device, "", NULL, NULL));
}

static void run_step(const char *name)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		if (strcmp(name, "all") && strcmp(name, steps[i].name))
			continue;
		step_name = steps[i].name;
		alarm(LIMIT);
		steps[i].run();
		alarm(0);
		printf("%s: right\n", step_name);
		fflush(stdout);
		if (strcmp(name, "all"))
			return;
	}
	if (strcmp(name, "all")) {
		fprintf(stderr, "app: no step '%s'\n", name);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	bool any = false;
	size_t k;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list")) {
			for (k = 0; k < STEPS; k++)
				puts(steps[k].name);
			return 0;
		}
		if (!strcmp(argv[i], "--source")) {
			fputs(source, stdout);
			return 0;
		}
		if (i + 1 < argc && !strcmp(argv[i], "--dump")) {
			dump = fopen(argv[++i], "wb");
			if (!dump)
				return 1;
		} else if (i + 1 >= argc || strcmp(argv[i++], "--step")) {
			fputs("usage: app [--step NAME]... [--dump FILE] [--list]\n", stderr);
			return 1;
		}
	}
	set_up();
	for (i = 1; i + 1 < argc; i += 2)
		if (!strcmp(argv[i], "--step")) {
			any = true;
			run_step(argv[i + 1]);
		}
	if (!any)
		run_step("all");
	step_name = "tear-down";
	TRY(clFinish(queue));
	TRY(clReleaseProgram(program));
	TRY(clReleaseCommandQueue(queue));
	TRY(clReleaseContext(context));
	printf("digest %016llx\n", (unsigned long long)digest);
	if (dump && fclose(dump))
		return 1;
	return 0;
}
