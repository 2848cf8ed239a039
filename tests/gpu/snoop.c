// SPDX-License-Identifier: Apache-2.0
/*
 * A layer that writes down every byte which the driver is handed, or hands out, to
 * SNOOP_FILE: what somebody at the bus reads.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "layer.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *file;

/* A gap between two pieces, so that no run of bytes spans both. */
static void note(const void *data, size_t size)
{
	static const char gap[16] = "\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\xff\0\xff";
	const char *name = getenv("SNOOP_FILE");

	if (!data || !size)
		return;
	pthread_mutex_lock(&lock);
	if (!file && name)
		file = fopen(name, "wb");
	if (!file) {
		fputs("snoop: cannot write SNOOP_FILE\n", stderr);
		abort();
	}
	fwrite(data, 1, size, file);
	fwrite(gap, 1, sizeof(gap), file);
	pthread_mutex_unlock(&lock);
}

static void note_rows(const char *data, size_t bytes, size_t rows, size_t slices, size_t row,
		      size_t slice)
{
	size_t y, z;

	for (z = 0; z < slices; z++)
		for (y = 0; y < rows; y++)
			note(data + z * slice + y * row, bytes);
}

/* What arrives later is noted when it is there. */
struct arrival {
	const char *data;
	size_t bytes, rows, slices, row, slice;
};

static void CL_CALLBACK arrived(cl_event event, cl_int status, void *data)
{
	struct arrival *a = data;

	(void)event;
	if (status == CL_COMPLETE)
		note_rows(a->data, a->bytes, a->rows, a->slices, a->row, a->slice);
	free(a);
}

static void note_later(cl_event event, const void *data, size_t bytes, size_t rows, size_t slices,
		       size_t row, size_t slice)
{
	struct arrival *a = malloc(sizeof(*a));

	if (!a)
		abort();
	*a = (struct arrival){ data, bytes, rows, slices, row, slice };
	if (below->clSetEventCallback(event, CL_COMPLETE, arrived, a))
		abort();
}

static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				       size_t offset, size_t size, const void *ptr, cl_uint n,
				       const cl_event *list, cl_event *event)
{
	note(ptr, size);
	return below->clEnqueueWriteBuffer(q, m, blocking, offset, size, ptr, n, list, event);
}

/* The driver's event, the application's or our own. */
#define WITH_EVENT(call, ...)                                   \
	do {                                                    \
		cl_event own = NULL, *e = event ? event : &own; \
		cl_int code = call;                             \
		if (!code)                                      \
			note_later(*e, __VA_ARGS__);            \
		if (own)                                        \
			below->clReleaseEvent(own);             \
		return code;                                    \
	} while (0)

static cl_int CL_API_CALL read_buffer(cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset,
				      size_t size, void *ptr, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	WITH_EVENT(below->clEnqueueReadBuffer(q, m, blocking, offset, size, ptr, n, list, e), ptr,
		   size, 1, 1, 0, 0);
}

static size_t or_else(size_t pitch, size_t otherwise)
{
	return pitch ? pitch : otherwise;
}

static const char *place(const void *ptr, const size_t *o, size_t row, size_t slice)
{
	return (const char *)ptr + o[0] + o[1] * row + o[2] * slice;
}

static cl_int CL_API_CALL write_rect(cl_command_queue q, cl_mem m, cl_bool blocking,
				     const size_t *bo, const size_t *ho, const size_t *region,
				     size_t brow, size_t bslice, size_t hrow, size_t hslice,
				     const void *ptr, cl_uint n, const cl_event *list,
				     cl_event *event)
{
	size_t row = or_else(hrow, region[0]), slice = or_else(hslice, row * region[1]);

	note_rows(place(ptr, ho, row, slice), region[0], region[1], region[2], row, slice);
	return below->clEnqueueWriteBufferRect(q, m, blocking, bo, ho, region, brow, bslice, hrow,
					       hslice, ptr, n, list, event);
}

static cl_int CL_API_CALL read_rect(cl_command_queue q, cl_mem m, cl_bool blocking,
				    const size_t *bo, const size_t *ho, const size_t *region,
				    size_t brow, size_t bslice, size_t hrow, size_t hslice,
				    void *ptr, cl_uint n, const cl_event *list, cl_event *event)
{
	size_t row = or_else(hrow, region[0]), slice = or_else(hslice, row * region[1]);

	WITH_EVENT(below->clEnqueueReadBufferRect(q, m, blocking, bo, ho, region, brow, bslice,
						  hrow, hslice, ptr, n, list, e),
		   place(ptr, ho, row, slice), region[0], region[1], region[2], row, slice);
}

static cl_int CL_API_CALL write_image(cl_command_queue q, cl_mem m, cl_bool blocking,
				      const size_t *o, const size_t *region, size_t r, size_t s,
				      const void *ptr, cl_uint n, const cl_event *list,
				      cl_event *event)
{
	size_t bytes = region[0] * image_element(m), row = or_else(r, bytes);

	note_rows(ptr, bytes, region[1], region[2], row, or_else(s, row * region[1]));
	return below->clEnqueueWriteImage(q, m, blocking, o, region, r, s, ptr, n, list, event);
}

static cl_int CL_API_CALL read_image(cl_command_queue q, cl_mem m, cl_bool blocking,
				     const size_t *o, const size_t *region, size_t r, size_t s,
				     void *ptr, cl_uint n, const cl_event *list, cl_event *event)
{
	size_t bytes = region[0] * image_element(m), row = or_else(r, bytes);

	WITH_EVENT(below->clEnqueueReadImage(q, m, blocking, o, region, r, s, ptr, n, list, e), ptr,
		   bytes, region[1], region[2], row, or_else(s, row * region[1]));
}

/* Maps: known by pointer until they are unmapped. */
struct map {
	const char *ptr;
	size_t bytes, rows, slices, row, slice;
	struct map *next;
};

static struct map *maps;

static void enter_map(const void *ptr, size_t bytes, size_t rows, size_t slices, size_t row,
		      size_t slice)
{
	struct map *m = malloc(sizeof(*m));

	if (!m)
		abort();
	pthread_mutex_lock(&lock);
	*m = (struct map){ ptr, bytes, rows, slices, row, slice, maps };
	maps = m;
	pthread_mutex_unlock(&lock);
}

static void *CL_API_CALL map_buffer(cl_command_queue q, cl_mem m, cl_bool blocking,
				    cl_map_flags flags, size_t offset, size_t size, cl_uint n,
				    const cl_event *list, cl_event *event, cl_int *code)
{
	cl_event own = NULL, *e = event ? event : &own;
	void *p = below->clEnqueueMapBuffer(q, m, blocking, flags, offset, size, n, list, e, code);

	if (p) {
		note_later(*e, p, size, 1, 1, 0, 0);
		enter_map(p, size, 1, 1, 0, 0);
	}
	if (own)
		below->clReleaseEvent(own);
	return p;
}

static void *CL_API_CALL map_image(cl_command_queue q, cl_mem m, cl_bool blocking,
				   cl_map_flags flags, const size_t *o, const size_t *region,
				   size_t *row, size_t *slice, cl_uint n, const cl_event *list,
				   cl_event *event, cl_int *code)
{
	cl_event own = NULL, *e = event ? event : &own;
	void *p = below->clEnqueueMapImage(q, m, blocking, flags, o, region, row, slice, n, list, e,
					   code);
	size_t bytes = region[0] * image_element(m), s = slice ? *slice : 0;

	if (p) {
		note_later(*e, p, bytes, region[1], region[2], *row, s);
		enter_map(p, bytes, region[1], region[2], *row, s);
	}
	if (own)
		below->clReleaseEvent(own);
	return p;
}

static cl_int CL_API_CALL unmap(cl_command_queue q, cl_mem m, void *ptr, cl_uint n,
				const cl_event *list, cl_event *event)
{
	struct map **at, *p;

	pthread_mutex_lock(&lock);
	for (at = &maps; *at && (*at)->ptr != ptr; at = &(*at)->next)
		;
	p = *at;
	if (p)
		*at = p->next;
	pthread_mutex_unlock(&lock);
	if (p)
		note_rows(p->ptr, p->bytes, p->rows, p->slices, p->row, p->slice);
	free(p);
	return below->clEnqueueUnmapMemObject(q, m, ptr, n, list, event);
}

static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags flags, size_t size, void *host,
					cl_int *code)
{
	note(host, size);
	return below->clCreateBuffer(c, flags, size, host, code);
}

static cl_mem CL_API_CALL create_image(cl_context c, cl_mem_flags flags,
				       const cl_image_format *format, const cl_image_desc *d,
				       void *host, cl_int *code)
{
	cl_mem m = below->clCreateImage(c, flags, format, d, host, code);
	size_t row;

	if (m && host) {
		row = or_else(d->image_row_pitch, d->image_width * image_element(m));
		note(host, row * (d->image_height ? d->image_height : 1) *
				   (d->image_depth ? d->image_depth : 1));
	}
	return m;
}

static cl_int CL_API_CALL fill_buffer(cl_command_queue q, cl_mem m, const void *pattern,
				      size_t pattern_size, size_t offset, size_t size, cl_uint n,
				      const cl_event *list, cl_event *event)
{
	note(pattern, pattern_size);
	return below->clEnqueueFillBuffer(q, m, pattern, pattern_size, offset, size, n, list,
					  event);
}

static cl_int CL_API_CALL fill_image(cl_command_queue q, cl_mem m, const void *colour,
				     const size_t *o, const size_t *region, cl_uint n,
				     const cl_event *list, cl_event *event)
{
	note(colour, 16);
	return below->clEnqueueFillImage(q, m, colour, o, region, n, list, event);
}

static cl_int CL_API_CALL set_arg(cl_kernel k, cl_uint index, size_t size, const void *value)
{
	note(value, size);
	return below->clSetKernelArg(k, index, size, value);
}

static cl_program CL_API_CALL with_source(cl_context c, cl_uint count, const char **strings,
					  const size_t *lengths, cl_int *code)
{
	cl_uint i;

	for (i = 0; i < count; i++)
		note(strings[i], lengths && lengths[i] ? lengths[i] : strlen(strings[i]));
	return below->clCreateProgramWithSource(c, count, strings, lengths, code);
}

static cl_int CL_API_CALL svm_memcpy(cl_command_queue q, cl_bool blocking, void *dst,
				     const void *src, size_t size, cl_uint n, const cl_event *list,
				     cl_event *event)
{
	note(src, size);
	return below->clEnqueueSVMMemcpy(q, blocking, dst, src, size, n, list, event);
}

void test_layer_take(cl_icd_dispatch *d)
{
	d->clEnqueueWriteBuffer = write_buffer;
	d->clEnqueueReadBuffer = read_buffer;
	d->clEnqueueWriteBufferRect = write_rect;
	d->clEnqueueReadBufferRect = read_rect;
	d->clEnqueueWriteImage = write_image;
	d->clEnqueueReadImage = read_image;
	d->clEnqueueMapBuffer = map_buffer;
	d->clEnqueueMapImage = map_image;
	d->clEnqueueUnmapMemObject = unmap;
	d->clCreateBuffer = create_buffer;
	d->clCreateImage = create_image;
	d->clEnqueueFillBuffer = fill_buffer;
	d->clEnqueueFillImage = fill_image;
	d->clSetKernelArg = set_arg;
	d->clCreateProgramWithSource = with_source;
	d->clEnqueueSVMMemcpy = svm_memcpy;
}

__attribute__((destructor)) static void done(void)
{
	pthread_mutex_lock(&lock);
	if (file)
		fflush(file);
	pthread_mutex_unlock(&lock);
}
