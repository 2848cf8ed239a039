// SPDX-License-Identifier: Apache-2.0
/* Steps about what comes before what, while the device is busy. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#define MIB 1048576u
/* More than the staging of the layer holds at once. */
#define MANY (6 * MIB)
/* Rounds of a kernel that is still busy when much else has been enqueued. */
#define SPIN (1u << 27)

static void run_spin(cl_mem m)
{
	cl_kernel f = kernel("spin");
	cl_uint n = SPIN;
	size_t one = 1;

	TRY(clSetKernelArg(f, 0, sizeof(m), &m));
	TRY(clSetKernelArg(f, 1, sizeof(n), &n));
	TRY(clEnqueueNDRangeKernel(queue, f, 1, NULL, &one, NULL, 0, NULL, NULL));
	TRY(clReleaseKernel(f));
}

/* A buffer of @a that the device is busy with, and in @a what it will be. */
static cl_mem spinning(uint32_t *a, uint64_t seed)
{
	uint32_t *in = make(BYTES, seed), x = in[0], i;
	cl_mem m = buffer(BYTES, CL_MEM_READ_WRITE, NULL);

	TRY(clEnqueueWriteBuffer(queue, m, CL_TRUE, 0, BYTES, in, 0, NULL, NULL));
	run_spin(m);
	for (i = 0; i < SPIN; i++)
		x = x * 1664525u + 1013904223u;
	in[0] = x;
	memcpy(a, in, BYTES);
	free(in);
	return m;
}

static void check_buffer(cl_mem m, const void *want, size_t size, const char *what)
{
	void *out = calloc(size, 1);

	TRY(clEnqueueReadBuffer(queue, m, CL_TRUE, 0, size, out, 0, NULL, NULL));
	right(out, want, size, what);
	free(out);
}

/* @m is written behind the event of a read that the device is not done with. */
static void write_behind(cl_mem m, const void *in, size_t size, bool release)
{
	uint32_t *a = calloc(N, 4), *out = calloc(N, 4), *more = calloc(N, 4);
	cl_mem d = spinning(a, 120), other = d;
	cl_event r;

	TRY(clEnqueueReadBuffer(queue, d, CL_FALSE, 0, BYTES, out, 0, NULL, &r));
	if (release) {
		/* The first read is all that still needs its buffer. */
		TRY(clReleaseEvent(r));
		other = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
		TRY(clEnqueueCopyBuffer(queue, d, other, 0, 0, BYTES, 0, NULL, NULL));
		TRY(clReleaseMemObject(d));
		TRY(clEnqueueReadBuffer(queue, other, CL_FALSE, 0, BYTES, more, 0, NULL, &r));
	}
	TRY(clEnqueueWriteBuffer(queue, m, CL_FALSE, 0, size, in, 1, &r, NULL));
	TRY(clFinish(queue));
	right(out, a, BYTES, "read before a write that waits for it");
	if (release)
		right(more, a, BYTES, "second read before a write that waits for it");
	check_buffer(m, in, size, "buffer written behind a read");
	TRY(clReleaseEvent(r));
	TRY(clReleaseMemObject(other));
	free(a);
	free(out);
	free(more);
}

/* More reads than there is room for, all behind the event of the first. */
static void read_behind(void)
{
	uint32_t *a = calloc(N, 4), *first = calloc(N, 4);
	unsigned char *in = make(MIB, 122), *out = calloc(40, MIB);
	cl_mem big = buffer(MIB, CL_MEM_READ_WRITE, NULL), d;
	cl_event r;
	size_t i;

	TRY(clEnqueueWriteBuffer(queue, big, CL_TRUE, 0, MIB, in, 0, NULL, NULL));
	d = spinning(a, 121);
	TRY(clEnqueueReadBuffer(queue, d, CL_FALSE, 0, BYTES, first, 0, NULL, &r));
	for (i = 0; i < 40; i++)
		TRY(clEnqueueReadBuffer(queue, big, CL_FALSE, 0, MIB, out + i * MIB, 1, &r, NULL));
	TRY(clFinish(queue));
	right(first, a, BYTES, "read that others wait for");
	for (i = 0; i < 40; i++)
		if (memcmp(out + i * MIB, in, MIB))
			fail(3, "read %zu behind another: WRONG", i);
	TRY(clReleaseEvent(r));
	TRY(clReleaseMemObject(d));
	TRY(clReleaseMemObject(big));
	free(a);
	free(first);
	free(in);
	free(out);
}

/* Nobody waits for an event that comes only after the wait. */
void step_chain(void)
{
	unsigned char *in = make(MANY, 123);
	cl_mem big = buffer(MANY, CL_MEM_READ_WRITE, NULL),
	       small = buffer(256, CL_MEM_READ_WRITE, NULL);

	write_behind(big, in, MANY, false);
	write_behind(small, in, 256, false);
	write_behind(big, in, MANY, true);
	read_behind();
	TRY(clReleaseMemObject(big));
	TRY(clReleaseMemObject(small));
	free(in);
}

/* Writes @host, which a read that was just enqueued is to fill, into @to. */
static void bounce(cl_command_queue other, cl_mem from, cl_mem to, void *host, const uint32_t *want)
{
	cl_event r = NULL, k;

	memset(host, 0, BYTES);
	TRY(clEnqueueReadBuffer(queue, from, CL_FALSE, 0, BYTES, host, 0, NULL, other ? &r : NULL));
	if (other) {
		/* What comes between need not know of the read. */
		TRY(clFlush(queue));
		TRY(clEnqueueMarkerWithWaitList(other, 1, &r, &k));
		TRY(clReleaseEvent(r));
		TRY(clReleaseEvent(k));
	}
	TRY(clEnqueueWriteBuffer(other ? other : queue, to, CL_FALSE, 0, BYTES, host, 0, NULL,
				 NULL));
	TRY(clFinish(queue));
	if (other)
		TRY(clFinish(other));
	check_buffer(to, want, BYTES, other ? "bounced to another queue" : "bounced");
}

/* The same by a map that is not waited for: unmapping changes nothing. */
static void bounce_map(cl_mem m, const uint32_t *want)
{
	cl_int code;
	void *p = clEnqueueMapBuffer(queue, m, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 0, BYTES, 0,
				     NULL, NULL, &code);

	GOT(code, "clEnqueueMapBuffer");
	TRY(clEnqueueUnmapMemObject(queue, m, p, 0, NULL, NULL));
	check_buffer(m, want, BYTES, "mapped and unmapped");
}

/* What one command reads into host memory is what a later one writes from there. */
void step_bounce(void)
{
	uint32_t *want = calloc(N, 4), *host = calloc(N, 4), *b = make(BYTES, 132);
	cl_mem from, to = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_command_queue other;
	cl_int code;

	other = clCreateCommandQueue(context, device, 0, &code);
	GOT(code, "clCreateCommandQueue");
	/* So that it is known when it matters: that takes a wait for the device. */
	TRY(clEnqueueWriteBuffer(queue, to, CL_TRUE, 0, BYTES, b, 0, NULL, NULL));
	from = spinning(want, 130);
	bounce(NULL, from, to, host, want);
	TRY(clReleaseMemObject(from));
	from = spinning(want, 131);
	bounce(other, from, to, host, want);
	TRY(clReleaseMemObject(from));
	from = spinning(want, 133);
	bounce_map(from, want);
	/* Of two reads to one place the later counts. */
	run_spin(from);
	TRY(clEnqueueReadBuffer(queue, from, CL_FALSE, 0, BYTES, host, 0, NULL, NULL));
	TRY(clEnqueueWriteBuffer(queue, to, CL_FALSE, 0, BYTES, b, 0, NULL, NULL));
	TRY(clEnqueueReadBuffer(queue, to, CL_TRUE, 0, BYTES, host, 0, NULL, NULL));
	right(host, b, BYTES, "read over another");
	TRY(clReleaseCommandQueue(other));
	TRY(clReleaseMemObject(from));
	TRY(clReleaseMemObject(to));
	free(want);
	free(host);
	free(b);
}

/* Events outlive the application's last reference of their queue. */
void step_orphan(void)
{
	uint32_t *a = make(BYTES, 140), *out = calloc(N, 4);
	cl_mem d = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_command_queue other, of;
	cl_event r, m;
	cl_uint refs;
	cl_int code;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		other = clCreateCommandQueue(context, device, 0, &code);
		GOT(code, "clCreateCommandQueue");
		TRY(clGetCommandQueueInfo(other, CL_QUEUE_REFERENCE_COUNT, sizeof(refs), &refs,
					  NULL));
		if (refs != 1)
			fail(3, "a new queue has %u references", refs);
		TRY(clEnqueueWriteBuffer(other, d, CL_FALSE, 0, BYTES, a, 0, NULL, NULL));
		TRY(clEnqueueReadBuffer(other, d, CL_FALSE, 0, BYTES, out, 0, NULL, &r));
		TRY(clEnqueueMarkerWithWaitList(other, 0, NULL, &m));
		TRY(clReleaseCommandQueue(other));
		TRY(clGetEventInfo(r, CL_EVENT_COMMAND_QUEUE, sizeof(of), &of, NULL));
		if (of != other)
			fail(3, "an event names another queue than its own");
		TRY(clWaitForEvents(1, &m));
		TRY(clWaitForEvents(1, &r));
		right(out, a, BYTES, "read in a queue that was released");
		TRY(clReleaseEvent(m));
		TRY(clReleaseEvent(r));
	}
	TRY(clReleaseMemObject(d));
	free(a);
	free(out);
}
