// SPDX-License-Identifier: Apache-2.0
/*
 * What a transfer takes an OpenCL program, by size: written and there (the queue is empty),
 * read, and as one of several writes that are waited for together. It knows nothing of what may
 * lie below.
 * One JSON object a size, the median of its calls in microseconds. What is read must be what was
 * written.
 *
 * Usage: crossing [MAX-BYTES [MILLISECONDS]]: of each kind and size, at least so long
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES	     2000
#define TOGETHER     16
#define LARGE	     ((size_t)4 << 20) /* from here on few calls will do */
#define LARGEST	     ((size_t)64 << 20)

struct bench {
	cl_context context;
	cl_command_queue queue;
	cl_mem buffer;
	uint8_t *data, *back;
	double seconds; /* of each kind and size */
};

static void need(cl_int rc, const char *what)
{
	if (rc == CL_SUCCESS)
		return;
	fprintf(stderr, "crossing: %s: error %d\n", what, rc);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void write_one(struct bench *b, size_t size)
{
	need(clEnqueueWriteBuffer(b->queue, b->buffer, CL_TRUE, 0, size, b->data, 0, NULL, NULL),
	     "clEnqueueWriteBuffer");
	need(clFinish(b->queue), "clFinish");
}

static void read_one(struct bench *b, size_t size)
{
	need(clEnqueueReadBuffer(b->queue, b->buffer, CL_TRUE, 0, size, b->back, 0, NULL, NULL),
	     "clEnqueueReadBuffer");
}

static size_t together(size_t size)
{
	return size * TOGETHER > LARGEST ? LARGEST / size : TOGETHER;
}

static void write_many(struct bench *b, size_t size)
{
	size_t i;

	for (i = 0; i < together(size); i++)
		need(clEnqueueWriteBuffer(b->queue, b->buffer, CL_FALSE, i * size, size,
					  b->data + i * size, 0, NULL, NULL),
		     "clEnqueueWriteBuffer");
	need(clFinish(b->queue), "clFinish");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Microseconds, the median of as many calls as there is time for. */
static double median_of(struct bench *b, void (*call)(struct bench *b, size_t size), size_t size)
{
	static double took[SAMPLES];
	int n = 0, least = size < LARGE ? 9 : 3;
	double end = now() + b->seconds, start;

	call(b, size);
	do {
		start = now();
		call(b, size);
		took[n++] = now() - start;
	} while (n < SAMPLES && (n < least || now() < end));
	qsort(took, (size_t)n, sizeof(*took), compare);
	return 1e6 * (n % 2 ? took[n / 2] : (took[n / 2 - 1] + took[n / 2]) / 2);
}

/* What crosses differs from size to size: a read that brings nothing shows. */
static void fill(struct bench *b, size_t size)
{
	uint64_t x = 88172645463325252u + size;
	size_t i;

	for (i = 0; i < size; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		b->data[i] = (uint8_t)(x >> 56);
	}
	memset(b->back, 0, size);
}

static void measure(struct bench *b, size_t size)
{
	double written, read, many;

	fill(b, size);
	written = median_of(b, write_one, size);
	read = median_of(b, read_one, size);
	if (memcmp(b->data, b->back, size)) {
		fprintf(stderr, "crossing: %zu bytes came back as others\n", size);
		exit(1);
	}
	many = median_of(b, write_many, size) / (double)together(size);
	printf("{\"size\": %zu, \"write_us\": %.3f, \"read_us\": %.3f, ", size, written, read);
	printf("\"together\": %zu, \"write_together_us\": %.3f}\n", together(size), many);
	fflush(stdout);
}

static void open_device(struct bench *b, size_t room)
{
	cl_platform_id platform;
	cl_device_id device;
	cl_int rc;

	need(clGetPlatformIDs(1, &platform, NULL), "clGetPlatformIDs");
	need(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL), "clGetDeviceIDs");
	b->context = clCreateContext(NULL, 1, &device, NULL, NULL, &rc);
	need(rc, "clCreateContext");
	b->queue = clCreateCommandQueue(b->context, device, 0, &rc);
	need(rc, "clCreateCommandQueue");
	b->buffer = clCreateBuffer(b->context, CL_MEM_READ_WRITE, room, NULL, &rc);
	need(rc, "clCreateBuffer");
}

/* A number from @min to @max, or the end. */
static unsigned long number(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (end != text && !*end && *text != '-' && v >= min && v <= max)
		return v;
	fprintf(stderr, "crossing: '%s' is not a number from %lu to %lu\n", text, min, max);
	exit(2);
}

int main(int argc, char **argv)
{
	size_t largest = argc > 1 ? number(argv[1], 16, LARGEST) : LARGEST, size;
	struct bench b = { .seconds = 1e-3 * (double)(argc > 2 ? number(argv[2], 0, 10000) : 20) };
	size_t room = largest * TOGETHER > LARGEST ? LARGEST : largest * TOGETHER;

	b.data = malloc(room);
	b.back = malloc(largest);
	if (!b.data || !b.back) {
		fputs("crossing: out of memory\n", stderr);
		return 1;
	}
	memset(b.data, 1, room);
	open_device(&b, room);
	for (size = 16; size <= largest; size *= 4)
		measure(&b, size);
	clReleaseMemObject(b.buffer);
	clReleaseCommandQueue(b.queue);
	clReleaseContext(b.context);
	free(b.data);
	free(b.back);
	return 0;
}
