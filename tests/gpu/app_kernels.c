// SPDX-License-Identifier: Apache-2.0
/* Steps of the test program that are about programs, kernels and their launches. */
#include "app.h"

#include <stdlib.h>
#include <string.h>

#define KERNELS 7u

/* What the application may ask of its own text and kernels. */
static void check_kernels(cl_kernel f)
{
	cl_kernel all[KERNELS + 1];
	char text[4096], name[64];
	cl_uint n = 0, i;
	cl_program of;

	TRY(clGetProgramInfo(program, CL_PROGRAM_SOURCE, sizeof(text), text, NULL));
	if (strcmp(text, source))
		fail(3, "the program's source is another");
	TRY(clCreateKernelsInProgram(program, KERNELS + 1, all, &n));
	for (i = 0; i < n; i++)
		TRY(clReleaseKernel(all[i]));
	if (n != KERNELS)
		fail(3, "%u kernels in the program, want %u", n, KERNELS);
	TRY(clGetKernelInfo(f, CL_KERNEL_NUM_ARGS, sizeof(n), &n, NULL));
	TRY(clGetKernelInfo(f, CL_KERNEL_PROGRAM, sizeof(of), &of, NULL));
	TRY(clGetKernelInfo(f, CL_KERNEL_FUNCTION_NAME, sizeof(name), name, NULL));
	if (n != 4 || of != program || strcmp(name, "blend"))
		fail(3, "kernel %s has %u arguments, or another program", name, n);
}

/* The parameters as the program's text has them, where the driver tells at all. */
static void check_arguments(cl_kernel f)
{
	static const struct {
		const char *type, *name;
	} want[] = {
		{ "uint*", "a" }, { "struct mixing", "m" }, { "uint*", "b" }, { "uint", "k" }
	};
	char type[64], name[64];
	cl_uint i;
	cl_int code;

	for (i = 0; i < 4; i++) {
		code = clGetKernelArgInfo(f, i, CL_KERNEL_ARG_TYPE_NAME, sizeof(type), type, NULL);
		if (code == CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
			return;
		GOT(code, "clGetKernelArgInfo");
		TRY(clGetKernelArgInfo(f, i, CL_KERNEL_ARG_NAME, sizeof(name), name, NULL));
		if (strcmp(type, want[i].type) || strcmp(name, want[i].name))
			fail(3, "argument %u is %s %s", i, type, name);
	}
	if (clGetKernelArgInfo(f, 4, CL_KERNEL_ARG_NAME, sizeof(name), name, NULL) !=
	    CL_INVALID_ARG_INDEX)
		fail(3, "there is an argument too many");
}

struct mixing {
	cl_uint a, b;
	cl_ushort c;
	cl_uchar d[6];
};

static void cpu_mix(uint32_t *a, const struct mixing *m, const uint32_t *b, uint32_t k, size_t from,
		    size_t n)
{
	size_t i;

	for (i = from; i < from + n; i++)
		a[i] = (a[i] ^ m->a) + (b[i] ^ m->b) * k + m->c + m->d[i % 6];
}

/* Structs by value, sub-buffers, offsets, launches that fail, and more than a window of them. */
void step_launch(void)
{
	const size_t from = 256, n = 1024, local = 64, huge = (size_t)1 << 40, few = 64;
	uint32_t *a = make(BYTES, 110), *b = make(BYTES, 111), *out = calloc(N, 4), k = 11;
	cl_buffer_region region = { 4096, 8192 };
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL), sub;
	cl_kernel f = kernel("blend"), g = kernel("outer");
	struct mixing *m = make(3 * sizeof(*m), 112);
	cl_uint i;
	cl_int code;

	check_kernels(f);
	check_arguments(f);
	sub = clCreateSubBuffer(db, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
	GOT(code, "clCreateSubBuffer");
	TRY(clEnqueueWriteBuffer(queue, da, CL_FALSE, 0, BYTES, a, 0, NULL, NULL));
	TRY(clEnqueueWriteBuffer(queue, db, CL_TRUE, 0, BYTES, b, 0, NULL, NULL));
	if (clSetKernelArg(f, 4, 4, &k) != CL_INVALID_ARG_INDEX)
		fail(3, "an argument too many was taken");
	if (clSetKernelArg(f, 3, 8, m) != CL_INVALID_ARG_SIZE)
		fail(3, "a value of another size was taken");
	TRY(clSetKernelArg(f, 0, sizeof(da), &da));
	TRY(clSetKernelArg(f, 2, sizeof(sub), &sub));
	TRY(clSetKernelArg(f, 3, sizeof(k), &k));
	if (clEnqueueNDRangeKernel(queue, f, 1, NULL, &n, NULL, 0, NULL, NULL) !=
	    CL_INVALID_KERNEL_ARGS)
		fail(3, "a kernel was launched without an argument");
	for (i = 0; i < 3; i++) {
		TRY(clSetKernelArg(f, 1, sizeof(*m), m + i));
		if (!clEnqueueNDRangeKernel(queue, f, 1, NULL, &n, &huge, 0, NULL, NULL))
			fail(3, "a huge work-group was taken");
		TRY(clEnqueueNDRangeKernel(queue, f, 1, &from, &n, i ? &local : NULL, 0, NULL,
					   NULL));
		cpu_mix(a, m + i, b + 1024, k, from, n);
	}
	TRY(clSetKernelArg(g, 0, sizeof(da), &da));
	for (k = 0; k < 2500; k++) {
		TRY(clSetKernelArg(g, 1, sizeof(k), &k));
		TRY(clEnqueueNDRangeKernel(queue, g, 1, NULL, &few, &few, 0, NULL, NULL));
		for (i = 0; i < few; i++)
			a[i] += k + 1;
	}
	TRY(clEnqueueReadBuffer(queue, da, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	right(out, a, BYTES, "launches");
	TRY(clReleaseKernel(f));
	TRY(clReleaseKernel(g));
	TRY(clReleaseMemObject(sub));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(m);
	free(a);
	free(b);
	free(out);
}

/* A clone has the values that were set before it was made, and lives on without the first. */
void step_clone(void)
{
	const size_t n = 512;
	uint32_t *a = make(BYTES, 130), *b = make(BYTES, 131), *out = calloc(N, 4), k = 5,
		 other = 77;
	struct mixing *m = make(2 * sizeof(*m), 132);
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_kernel f = kernel("blend"), clone;
	cl_int code;

	TRY(clEnqueueWriteBuffer(queue, da, CL_TRUE, 0, BYTES, a, 0, NULL, NULL));
	TRY(clEnqueueWriteBuffer(queue, db, CL_TRUE, 0, BYTES, b, 0, NULL, NULL));
	TRY(clSetKernelArg(f, 0, sizeof(da), &da));
	TRY(clSetKernelArg(f, 1, sizeof(*m), m));
	TRY(clSetKernelArg(f, 2, sizeof(db), &db));
	TRY(clSetKernelArg(f, 3, sizeof(k), &k));
	clone = clCloneKernel(f, &code);
	GOT(code, "clCloneKernel");
	TRY(clSetKernelArg(f, 1, sizeof(*m), m + 1));
	TRY(clSetKernelArg(f, 3, sizeof(other), &other));
	TRY(clEnqueueNDRangeKernel(queue, f, 1, NULL, &n, NULL, 0, NULL, NULL));
	cpu_mix(a, m + 1, b, other, 0, n);
	TRY(clReleaseKernel(f));
	TRY(clEnqueueNDRangeKernel(queue, clone, 1, NULL, &n, NULL, 0, NULL, NULL));
	cpu_mix(a, m, b, k, 0, n);
	TRY(clSetKernelArg(clone, 3, sizeof(other), &other));
	TRY(clEnqueueNDRangeKernel(queue, clone, 1, NULL, &n, NULL, 0, NULL, NULL));
	cpu_mix(a, m, b, other, 0, n);
	TRY(clEnqueueReadBuffer(queue, da, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	right(out, a, BYTES, "a kernel and its clone");
	if (clCloneKernel(NULL, &code) || code != CL_INVALID_KERNEL)
		fail(3, "a clone of no kernel: %d", code);
	TRY(clReleaseKernel(clone));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(m);
	free(a);
	free(b);
	free(out);
}

/*
 * A launch and a read wait for an event of the application's, with more launches behind them
 * than a window has; the other queue goes on meanwhile.
 */
void step_gate(void)
{
	uint32_t *a = make(BYTES, 120), *b = make(BYTES, 121), *out = calloc(N, 4),
		 *end = calloc(N, 4);
	cl_mem da = buffer(BYTES, CL_MEM_READ_WRITE, NULL),
	       db = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	cl_command_queue other;
	cl_event user, r;
	cl_int code;
	int i;

	other = clCreateCommandQueue(context, device, 0, &code);
	GOT(code, "clCreateCommandQueue");
	TRY(clEnqueueWriteBuffer(queue, da, CL_TRUE, 0, BYTES, a, 0, NULL, NULL));
	TRY(clEnqueueWriteBuffer(queue, db, CL_TRUE, 0, BYTES, b, 0, NULL, NULL));
	user = clCreateUserEvent(context, &code);
	GOT(code, "clCreateUserEvent");
	run_scale(queue, da, db, 7, N, 1, &user, NULL);
	TRY(clEnqueueReadBuffer(queue, da, CL_FALSE, 0, BYTES, out, 0, NULL, &r));
	for (i = 0; i < 1100; i++)
		run_scale(queue, da, db, 9, 64, 0, NULL, NULL);
	vector(other, 122, N);
	TRY(clSetUserEventStatus(user, CL_COMPLETE));
	TRY(clWaitForEvents(1, &r));
	cpu_scale(a, b, 7, N);
	right(out, a, BYTES, "a read behind a launch that waits");
	TRY(clEnqueueReadBuffer(queue, da, CL_TRUE, 0, BYTES, end, 0, NULL, NULL));
	for (i = 0; i < 1100; i++)
		cpu_scale(a, b, 9, 64);
	right(end, a, BYTES, "launches behind it");
	TRY(clReleaseEvent(user));
	TRY(clReleaseEvent(r));
	TRY(clReleaseCommandQueue(other));
	TRY(clReleaseMemObject(da));
	TRY(clReleaseMemObject(db));
	free(a);
	free(b);
	free(out);
	free(end);
}

static cl_program text_program(const char *text)
{
	cl_int code;
	cl_program p = clCreateProgramWithSource(context, 1, &text, NULL, &code);

	GOT(code, "clCreateProgramWithSource");
	return p;
}

/* Runs kernel @name(a, k) of @p; each element must become @want. */
static void run_one(cl_program p, const char *name, uint32_t k, uint32_t want)
{
	cl_mem d = buffer(BYTES, CL_MEM_READ_WRITE, NULL);
	uint32_t *out = calloc(N, 4), *all = calloc(N, 4);
	const size_t n = N;
	cl_int code;
	cl_kernel f = clCreateKernel(p, name, &code);
	size_t i;

	GOT(code, "clCreateKernel");
	TRY(clSetKernelArg(f, 0, sizeof(d), &d));
	TRY(clSetKernelArg(f, 1, sizeof(k), &k));
	TRY(clEnqueueNDRangeKernel(queue, f, 1, NULL, &n, NULL, 0, NULL, NULL));
	TRY(clEnqueueReadBuffer(queue, d, CL_TRUE, 0, BYTES, out, 0, NULL, NULL));
	for (i = 0; i < N; i++)
		all[i] = want;
	right(out, all, BYTES, name);
	TRY(clReleaseKernel(f));
	TRY(clReleaseMemObject(d));
	free(out);
	free(all);
}

static bool built_wrong(const char *text, const char *want)
{
	cl_program p = text_program(text);
	char log[4096] = "";
	cl_int code = clBuildProgram(p, 1, &device, "-DNEVER=0", NULL, NULL);

	TRY(clGetProgramBuildInfo(p, device, CL_PROGRAM_BUILD_LOG, sizeof(log), log, NULL));
	TRY(clReleaseProgram(p));
	return code == CL_BUILD_PROGRAM_FAILURE && strstr(log, want);
}

/* Compiled with a header and options, linked, and once more from the binary. */
void step_build(void)
{
	const char *header_name = "factor.h";
	cl_program header = text_program("#define FACTOR WIDE\n"), linked, again,
		   part[2] = { text_program(
				       "#include \"factor.h\"\n"
				       "#if __OPENCL_VERSION__ >= 110 && !defined(NOBODY_KNOWS)\n"
				       "uint helper(uint k);\n"
				       "kernel void product(global uint *a, const uint k)\n"
				       "{ a[get_global_id(0)] = helper(k) * FACTOR; }\n"
				       "#endif\n"),
			       text_program("uint helper(uint k) { return k + ADDED; }\n") };
	unsigned char *binary;
	size_t size = 0;
	cl_int code;

	TRY(clCompileProgram(part[0], 1, &device, "-D WIDE=3 -DADDED=5", 1, &header, &header_name,
			     NULL, NULL));
	TRY(clCompileProgram(part[1], 1, &device, "-D WIDE=3 -DADDED=5", 0, NULL, NULL, NULL,
			     NULL));
	linked = clLinkProgram(context, 1, &device, "", 2, part, NULL, NULL, &code);
	GOT(code, "clLinkProgram");
	run_one(linked, "product", 9, 42);
	TRY(clGetProgramInfo(linked, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL));
	binary = malloc(size);
	TRY(clGetProgramInfo(linked, CL_PROGRAM_BINARIES, sizeof(binary), &binary, NULL));
	again = clCreateProgramWithBinary(context, 1, &device, &size,
					  (const unsigned char **)(uintptr_t)&binary, NULL, &code);
	GOT(code, "clCreateProgramWithBinary");
	TRY(clBuildProgram(again, 1, &device, "", NULL, NULL));
	run_one(again, "product", 9, 42);
	if (!built_wrong("kernel void f(global int *a)\n{\n\ta[0] = nowhere;\n}\n", "nowhere"))
		fail(3, "an error of the program is not told");
	TRY(clReleaseProgram(again));
	TRY(clReleaseProgram(linked));
	TRY(clReleaseProgram(header));
	TRY(clReleaseProgram(part[0]));
	TRY(clReleaseProgram(part[1]));
	free(binary);
}

/* A kernel that cannot be rewritten: it assigns nothing to its parameter, whose type says so. */
void step_odd(void)
{
	cl_program p = text_program("typedef const uint fixed_uint;\n"
				    "kernel void odd(global uint *a, fixed_uint k)\n"
				    "{ a[get_global_id(0)] = k; }\n");

	TRY(clBuildProgram(p, 1, &device, "", NULL, NULL));
	run_one(p, "odd", 9, 9);
	TRY(clReleaseProgram(p));
}
