// SPDX-License-Identifier: Apache-2.0
/*
 * An OpenCL layer for tests: programs of unmodified applications are rewritten, their values
 * cross masked, and after each launch the log is compared with what was expected. At the end
 * it writes to the file HG_LAYER_REPORT: how many launches were logged, how many kernels were
 * left alone. It waits for each launch: it is not the layer that people use.
 */
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

#define ARGS_MAX 64u
#define ROUNDS	 8u
#define PARTS_MAX 8u

struct program {
	struct program *next;
	cl_program app, ours;
	char *source;
	struct hg_source_program table;
	uint64_t id;
	bool rewritten;
	const struct program *part[PARTS_MAX]; /* of a linked program */
	cl_uint parts;
};

struct arg {
	unsigned char value[256];
	size_t size;
};

struct kernel {
	struct kernel *next;
	cl_kernel cl;
	cl_context context;
	const struct program *program;
	const struct hg_source_kernel *row;
	struct arg arg[ARGS_MAX];
};

struct area {
	struct area *next;
	cl_context context;
	cl_mem mem;
	uint64_t number, entries;
	uint32_t pad[HG_LAUNCH_SLOTS][HG_LAUNCH_WORDS];
};

struct address {
	struct address *next;
	cl_mem mem;
	uint64_t at;
};

static struct _cl_icd_dispatch slots;
static const struct _cl_icd_dispatch *below;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct program *programs;
static struct kernel *kernels;
static struct area *areas;
static struct address *addresses;
static unsigned long launches, wrong, plain, refused, built;

static void report(void)
{
	const char *path = getenv("HG_LAYER_REPORT");
	FILE *f = path ? fopen(path, "a") : stderr;

	if (!f)
		return;
	fprintf(f, "programs %lu refused %lu launches %lu plain %lu wrong %lu\n", built, refused,
		launches, plain, wrong);
	if (f != stderr)
		fclose(f);
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "test layer: %s\n", what);
	abort();
}

static struct area *area_of(cl_context context)
{
	struct area *a;
	uint32_t x = 12345;
	size_t i;

	for (a = areas; a; a = a->next)
		if (a->context == context)
			return a;
	a = calloc(1, sizeof(*a));
	must(a, "memory");
	a->context = context;
	a->mem = below->clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof(struct hg_launch), NULL,
				       NULL);
	must(a->mem, "clCreateBuffer");
	for (i = 0; i < HG_LAUNCH_SLOTS * HG_LAUNCH_WORDS; i++)
		(&a->pad[0][0])[i] = x = x * 1664525 + 1013904223;
	a->number = (uint64_t)-1; /* not written yet: see ready() */
	a->next = areas;
	areas = a;
	return a;
}

/* Pads, and an empty log. */
static void ready(struct area *a, cl_command_queue queue)
{
	struct hg_launch *all;

	if (a->number != (uint64_t)-1)
		return;
	a->number = 0;
	all = calloc(1, sizeof(*all));
	must(all, "memory");
	memcpy(all->pad, a->pad, sizeof(all->pad));
	must(!below->clEnqueueWriteBuffer(queue, a->mem, CL_TRUE, 0, sizeof(*all), all, 0, NULL,
					  NULL), "clEnqueueWriteBuffer");
	free(all);
}

static cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char **text,
					     const size_t *length, cl_int *status)
{
	cl_program app = below->clCreateProgramWithSource(context, count, text, length, status);
	struct program *p;
	size_t size = 0;
	cl_uint i;
	FILE *f;

	if (!app)
		return NULL;
	p = calloc(1, sizeof(*p));
	must(p, "memory");
	p->app = app;
	f = open_memstream(&p->source, &size);
	must(f, "memory");
	for (i = 0; i < count; i++)
		fwrite(text[i], 1, length && length[i] ? length[i] : strlen(text[i]), f);
	fclose(f);
	pthread_mutex_lock(&lock);
	p->next = programs;
	programs = p;
	pthread_mutex_unlock(&lock);
	return app;
}

/* The driver's answers to the questions. -> lines of #define. */
static char *ask(cl_context context, cl_device_id device, const struct hg_source_output *out,
		 const char *rest)
{
	size_t size, one = 1;
	char *text = hg_source_probe(out->question, out->questions, &size), *lines;
	unsigned char *answer = calloc(1, size + 1);
	cl_command_queue q = below->clCreateCommandQueue(context, device, 0, NULL);
	cl_program p = below->clCreateProgramWithSource(context, 1, (const char **)&text, NULL,
							NULL);
	cl_mem mem = below->clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, size,
					   answer, NULL);
	struct hg_source_error err;
	cl_kernel k;

	must(q && p && mem, "probe");
	must(!below->clBuildProgram(p, 1, &device, rest, NULL, NULL), "probe: build");
	k = below->clCreateKernel(p, "hg_probe", NULL);
	must(k && !below->clSetKernelArg(k, 0, sizeof(mem), &mem), "probe: kernel");
	must(!below->clEnqueueNDRangeKernel(q, k, 1, NULL, &one, NULL, 0, NULL, NULL) &&
		     !below->clEnqueueReadBuffer(q, mem, CL_TRUE, 0, size, answer, 0, NULL, NULL),
	     "probe: run");
	lines = hg_source_probe_answer(out->question, out->questions, answer, size, &err);
	must(lines, err.text);
	below->clReleaseKernel(k);
	below->clReleaseProgram(p);
	below->clReleaseMemObject(mem);
	below->clReleaseCommandQueue(q);
	free(answer);
	free(text);
	return lines;
}

/* Preprocesses until no answer is new. */
static bool preprocess(struct program *p, cl_context context, cl_device_id device,
		       const struct hg_source_options *o, struct hg_source_output *out)
{
	struct hg_source_input in = { .text = p->source, .size = strlen(p->source), .options = o };
	struct hg_source_error err;
	char *known = calloc(1, 1), *more = NULL;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		in.predefined = known;
		if (hg_source_preprocess(&in, out, &err)) {
			fprintf(stderr, "test layer: %s\n", err.text);
			free(known);
			return false;
		}
		if (!out->questions)
			break;
		more = ask(context, device, out, o->rest);
		if (!*more)
			break;
		known = realloc(known, strlen(known) + strlen(more) + 1);
		must(known, "memory");
		strcat(known, more);
		free(more);
		more = NULL;
		hg_source_output_free(out);
	}
	free(more);
	free(known);
	return i < ROUNDS;
}

static void rewrite(struct program *p, cl_context context, cl_device_id device, const char *options,
		    bool compile)
{
	struct hg_source_options o;
	struct hg_source_output out;
	struct hg_source_error err;
	const char *text;
	size_t i;

	must(!hg_source_options_parse(options, &o, &err), err.text);
	must(preprocess(p, context, device, &o, &out), "the program cannot be preprocessed");
	p->id = (uint64_t)out.size * 0x9e3779b97f4a7c15ull;
	must(!hg_source_rewrite(out.text, out.size, p->id, NULL, &p->table, &err), err.text);
	for (i = 0; i < p->table.kernels; i++)
		refused += p->table.kernel[i].refused != NULL;
	text = p->table.text;
	p->ours = below->clCreateProgramWithSource(context, 1, &text, NULL, NULL);
	must(!(compile ? below->clCompileProgram(p->ours, 1, &device, o.rest, 0, NULL, NULL, NULL,
						 NULL) :
			 below->clBuildProgram(p->ours, 1, &device, o.rest, NULL, NULL)),
	     "the rewritten program does not build");
	p->rewritten = true;
	built++;
	hg_source_output_free(&out);
	hg_source_options_free(&o);
}

static struct program *find_program(cl_program app)
{
	struct program *p;

	for (p = programs; p && p->app != app; p = p->next)
		;
	return p;
}

static void rewrite_app(cl_program app, const cl_device_id *device, const char *options,
			bool compile)
{
	struct program *p;
	cl_context context;
	cl_device_id first;

	pthread_mutex_lock(&lock);
	p = find_program(app);
	if (p && !p->rewritten) {
		below->clGetProgramInfo(app, CL_PROGRAM_CONTEXT, sizeof(context), &context, NULL);
		below->clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof(first), &first, NULL);
		rewrite(p, context, device ? *device : first, options, compile);
	}
	pthread_mutex_unlock(&lock);
}

static cl_int CL_API_CALL build(cl_program app, cl_uint devices, const cl_device_id *device,
				const char *options, void(CL_CALLBACK *done)(cl_program, void *),
				void *data)
{
	cl_int ret = below->clBuildProgram(app, devices, device, options, NULL, NULL);

	if (!ret)
		rewrite_app(app, device, options, false);
	if (done)
		done(app, data);
	return ret;
}

static cl_int CL_API_CALL compile(cl_program app, cl_uint devices, const cl_device_id *device,
				  const char *options, cl_uint headers, const cl_program *header,
				  const char **name, void(CL_CALLBACK *done)(cl_program, void *),
				  void *data)
{
	cl_int ret = below->clCompileProgram(app, devices, device, options, headers, header, name,
					     NULL, NULL);

	if (!ret && !headers)
		rewrite_app(app, device, options, true);
	if (done)
		done(app, data);
	return ret;
}

/* Linked from programs that were rewritten, all of them. */
static void link_ours(cl_program app, cl_context context, cl_uint devices,
		      const cl_device_id *device, const char *options, cl_uint count,
		      const cl_program *part)
{
	struct program *p = calloc(1, sizeof(*p));
	cl_program ours[PARTS_MAX];
	cl_uint i;

	must(p, "memory");
	for (i = 0; i < count && i < PARTS_MAX; i++) {
		const struct program *one = find_program(part[i]);

		if (!one || !one->rewritten) {
			free(p);
			return;
		}
		p->part[i] = one;
		ours[i] = one->ours;
	}
	p->parts = i;
	p->app = app;
	p->ours = below->clLinkProgram(context, devices, device, options, i, ours, NULL, NULL,
				       NULL);
	must(p->ours, "the rewritten programs do not link");
	p->rewritten = true;
	p->next = programs;
	programs = p;
}

static cl_program CL_API_CALL link_program(cl_context context, cl_uint devices,
					   const cl_device_id *device, const char *options,
					   cl_uint count, const cl_program *part,
					   void(CL_CALLBACK *done)(cl_program, void *), void *data,
					   cl_int *status)
{
	cl_program app = below->clLinkProgram(context, devices, device, options, count, part, NULL,
					      NULL, status);

	if (app) {
		pthread_mutex_lock(&lock);
		link_ours(app, context, devices, device, options, count, part);
		pthread_mutex_unlock(&lock);
	}
	if (done)
		done(app, data);
	return app;
}

/* The row of the table, and in @p the program that it is in. */
static const struct hg_source_kernel *find_row(const struct program **p, const char *name)
{
	const struct program *all = *p;
	size_t i;
	cl_uint k;

	for (k = 0; k < (all->parts ? all->parts : 1); k++) {
		*p = all->parts ? all->part[k] : all;
		for (i = 0; i < (*p)->table.kernels; i++)
			if (!strcmp((*p)->table.kernel[i].name, name) &&
			    (*p)->table.kernel[i].defined)
				return &(*p)->table.kernel[i];
	}
	return NULL;
}

static cl_kernel CL_API_CALL create_kernel(cl_program app, const char *name, cl_int *status)
{
	struct program *p = find_program(app);
	struct kernel *k;

	if (!p || !p->rewritten)
		return below->clCreateKernel(app, name, status);
	k = calloc(1, sizeof(*k));
	must(k, "memory");
	k->cl = below->clCreateKernel(p->ours, name, status);
	if (!k->cl) {
		free(k);
		return NULL;
	}
	k->program = p;
	below->clGetProgramInfo(app, CL_PROGRAM_CONTEXT, sizeof(k->context), &k->context, NULL);
	k->row = find_row(&k->program, name);
	must(k->row, "a kernel that is not in the table");
	must(k->row->params <= ARGS_MAX, "a kernel with too many arguments");
	pthread_mutex_lock(&lock);
	k->next = kernels;
	kernels = k;
	pthread_mutex_unlock(&lock);
	return k->cl;
}

/* The latest: the driver may use an address again. */
static struct kernel *find_kernel(cl_kernel cl)
{
	struct kernel *k;

	for (k = kernels; k && k->cl != cl; k = k->next)
		;
	return k && !k->row->refused ? k : NULL;
}

static cl_int CL_API_CALL set_arg(cl_kernel cl, cl_uint index, size_t size, const void *value)
{
	struct kernel *k = find_kernel(cl);

	if (!k || index >= k->row->params)
		return below->clSetKernelArg(cl, index, size, value);
	if (value && size <= sizeof(k->arg[index].value)) {
		memcpy(k->arg[index].value, value, size);
		k->arg[index].size = size;
	}
	if (k->row->param[index].cls == HG_PARAM_VALUE)
		return value ? CL_SUCCESS : CL_INVALID_ARG_VALUE;
	if (!value)
		memset(&k->arg[index], 0, sizeof(k->arg[index]));
	return below->clSetKernelArg(cl, index, size, value);
}

static cl_int mask(struct kernel *k, struct area *a, struct hg_launch_entry *want)
{
	unsigned char masked[256];
	cl_int ret = CL_SUCCESS;
	size_t i;

	for (i = 0; i < k->row->params && !ret; i++) {
		const struct hg_source_param *p = &k->row->param[i];

		if (p->cls != HG_PARAM_VALUE)
			continue;
		if (hg_expect_value(want, a->pad[a->number % HG_LAUNCH_SLOTS], k->arg[i].value,
				    k->arg[i].size, masked))
			return CL_INVALID_KERNEL_ARGS;
		ret = below->clSetKernelArg(k->cl, (cl_uint)i, hg_expect_size(p, k->arg[i].size),
					    masked);
	}
	if (!ret)
		ret = below->clSetKernelArg(k->cl, (cl_uint)i++, sizeof(a->mem), &a->mem);
	return ret ? ret : below->clSetKernelArg(k->cl, (cl_uint)i, 8, &want->sequence);
}

/* An address must stay what it was when the buffer was first seen. */
static void pointers(const struct kernel *k, const struct hg_launch_entry *got,
		     struct hg_launch_entry *want)
{
	struct address *a;
	cl_mem mem;
	size_t i;

	for (i = 0; i < k->row->params; i++) {
		const struct hg_source_param *p = &k->row->param[i];

		if (p->cls != HG_PARAM_GLOBAL && p->cls != HG_PARAM_CONSTANT)
			continue;
		memcpy(&mem, k->arg[i].value, sizeof(mem));
		for (a = addresses; a && a->mem != mem; a = a->next)
			;
		if (!a) {
			a = calloc(1, sizeof(*a));
			must(a, "memory");
			a->mem = mem;
			a->at = mem ? got->pointer[p->pointer] : 0;
			a->next = addresses;
			addresses = a;
		}
		hg_expect_pointer(want, a->at);
	}
}

static void check(const struct kernel *k, struct area *a, cl_command_queue queue,
		  struct hg_launch_entry *want)
{
	struct hg_launch_entry got;
	uint32_t items, count, slot = (uint32_t)(want->sequence % HG_LAUNCH_SLOTS), zero = 0;
	const char *what;

	must(!below->clEnqueueReadBuffer(queue, a->mem, CL_TRUE,
					 offsetof(struct hg_launch, log) +
						 a->entries % HG_LAUNCH_SLOTS * sizeof(got),
					 sizeof(got), &got, 0, NULL, NULL) &&
		     !below->clEnqueueReadBuffer(queue, a->mem, CL_TRUE, 0, 4, &count, 0, NULL,
						 NULL) &&
		     !below->clEnqueueReadBuffer(queue, a->mem, CL_TRUE,
						 offsetof(struct hg_launch, items) + 4 * slot, 4,
						 &items, 0, NULL, NULL) &&
		     !below->clEnqueueWriteBuffer(queue, a->mem, CL_TRUE,
						  offsetof(struct hg_launch, items) + 4 * slot, 4,
						  &zero, 0, NULL, NULL),
	     "reading the log");
	a->entries++;
	pointers(k, &got, want);
	what = hg_expect_differs(want, &got);
	if (!what && (count != a->entries || items != hg_expect_items(want)))
		what = "the number of launches or work-items";
	if (what)
		fprintf(stderr, "test layer: %s: %s differs\n", k->row->name, what);
	wrong += what != NULL;
}

/* A buffer's address may be used again once it is gone. */
static cl_int CL_API_CALL release_mem(cl_mem mem)
{
	struct address *a;

	pthread_mutex_lock(&lock);
	for (a = addresses; a; a = a->next)
		if (a->mem == mem)
			a->mem = (cl_mem)(uintptr_t)-1;
	pthread_mutex_unlock(&lock);
	return below->clReleaseMemObject(mem);
}

static cl_int CL_API_CALL launch(cl_command_queue queue, cl_kernel cl, cl_uint dimensions,
				 const size_t *offset, const size_t *global, const size_t *local,
				 cl_uint waits, const cl_event *wait, cl_event *event)
{
	struct hg_launch_entry want;
	struct kernel *k;
	struct area *a;
	cl_int ret;

	pthread_mutex_lock(&lock);
	k = find_kernel(cl);
	if (!k) {
		plain++;
		pthread_mutex_unlock(&lock);
		return below->clEnqueueNDRangeKernel(queue, cl, dimensions, offset, global, local,
						     waits, wait, event);
	}
	a = area_of(k->context);
	ready(a, queue);
	hg_expect_begin(&want, a->number | (local ? 0 : HG_LAUNCH_ANY_LOCAL), k->program->id,
			k->row->number);
	ret = hg_expect_geometry(&want, dimensions, offset, global, local) ?
		      CL_INVALID_WORK_DIMENSION : mask(k, a, &want);
	if (!ret)
		ret = below->clEnqueueNDRangeKernel(queue, cl, dimensions, offset, global, local,
						    waits, wait, event);
	if (!ret) {
		a->number++;
		launches++;
		below->clFinish(queue);
		check(k, a, queue, &want);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size, void *value,
					       size_t *got)
{
	const cl_layer_api_version version = CL_LAYER_API_VERSION_100;

	if (name != CL_LAYER_API_VERSION || (value && size < sizeof(version)))
		return CL_INVALID_VALUE;
	if (value)
		memcpy(value, &version, sizeof(version));
	if (got)
		*got = sizeof(version);
	return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint entries, const struct _cl_icd_dispatch *target,
					    cl_uint *count, const struct _cl_icd_dispatch **layer)
{
	if (entries < sizeof(slots) / sizeof(void *))
		return CL_INVALID_VALUE;
	below = target;
	slots = *target;
	slots.clCreateProgramWithSource = create_program;
	slots.clBuildProgram = build;
	slots.clCompileProgram = compile;
	slots.clLinkProgram = link_program;
	slots.clCreateKernel = create_kernel;
	slots.clSetKernelArg = set_arg;
	slots.clEnqueueNDRangeKernel = launch;
	slots.clReleaseMemObject = release_mem;
	*layer = &slots;
	*count = sizeof(slots) / sizeof(void *);
	atexit(report);
	return CL_SUCCESS;
}
