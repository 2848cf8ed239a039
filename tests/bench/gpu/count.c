// SPDX-License-Identifier: Apache-2.0
/*
 * A layer that counts what the driver is asked to do, as the bus sees it, and writes that to
 * COUNT_FILE when the process ends. Buffers only: what else carries data ends the process.
 */
#include "layer.h"

#include <stdio.h>

struct count {
	unsigned long long times, bytes;
};

static struct count writes, reads, copies, launches;

static void count(struct count *c, size_t bytes)
{
	__atomic_fetch_add(&c->times, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->bytes, bytes, __ATOMIC_RELAXED);
}

static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				       size_t offset, size_t size, const void *ptr, cl_uint n,
				       const cl_event *list, cl_event *event)
{
	count(&writes, size);
	return below->clEnqueueWriteBuffer(q, m, blocking, offset, size, ptr, n, list, event);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
				      size_t size, void *ptr, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	count(&reads, size);
	return below->clEnqueueReadBuffer(q, m, blocking, offset, size, ptr, n, list, event);
}

static cl_int CL_API_CALL copy_buffer(cl_command_queue q, cl_mem from, cl_mem to, size_t at,
				      size_t offset, size_t size, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	count(&copies, size);
	return below->clEnqueueCopyBuffer(q, from, to, at, offset, size, n, list, event);
}

static cl_int CL_API_CALL launch(cl_command_queue q, cl_kernel k, cl_uint dim, const size_t *offset,
				 const size_t *global, const size_t *local, cl_uint n,
				 const cl_event *list, cl_event *event)
{
	count(&launches, 0);
	return below->clEnqueueNDRangeKernel(q, k, dim, offset, global, local, n, list, event);
}

static void *CL_API_CALL map_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				    cl_map_flags flags, size_t offset, size_t size, cl_uint n,
				    const cl_event *list, cl_event *event, cl_int *code)
{
	(void)q, (void)m, (void)blocking, (void)flags, (void)offset, (void)size;
	(void)n, (void)list, (void)event, (void)code;
	fputs("count: a buffer is mapped, which is not counted\n", stderr);
	abort();
}

void test_layer_take(cl_icd_dispatch *d)
{
	d->clEnqueueWriteBuffer = write_buffer;
	d->clEnqueueReadBuffer = read_buffer;
	d->clEnqueueCopyBuffer = copy_buffer;
	d->clEnqueueNDRangeKernel = launch;
	d->clEnqueueMapBuffer = map_buffer;
}

__attribute__((destructor)) static void done(void)
{
	const char *name = getenv("COUNT_FILE");
	FILE *f = name ? fopen(name, "w") : NULL;

	if (!f) {
		fputs("count: cannot write COUNT_FILE\n", stderr);
		return;
	}
	fprintf(f, "{\"writes\": %llu, \"written_bytes\": %llu, ", writes.times, writes.bytes);
	fprintf(f, "\"reads\": %llu, \"read_bytes\": %llu, ", reads.times, reads.bytes);
	fprintf(f, "\"copies\": %llu, \"launches\": %llu}\n", copies.times, launches.times);
	fclose(f);
}
