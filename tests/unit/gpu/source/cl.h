/* SPDX-License-Identifier: Apache-2.0 */
/* The little of OpenCL that the tests need; every failure ends the program. */
#ifndef TEST_CL_H
#define TEST_CL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct cl {
	cl_platform_id platform;
	cl_device_id device;
	cl_context context;
	cl_command_queue queue;
};

static inline void cl_must(cl_int status, const char *what)
{
	if (status == CL_SUCCESS)
		return;
	fprintf(stderr, "%s: OpenCL error %d\n", what, status);
	exit(1);
}

/* The first device. -> false: there is none. */
static inline bool cl_open(struct cl *cl)
{
	cl_int status;

	if (clGetPlatformIDs(1, &cl->platform, NULL) ||
	    clGetDeviceIDs(cl->platform, CL_DEVICE_TYPE_ALL, 1, &cl->device, NULL))
		return false;
	cl->context = clCreateContext(NULL, 1, &cl->device, NULL, NULL, &status);
	cl_must(status, "clCreateContext");
	cl->queue = clCreateCommandQueue(cl->context, cl->device, CL_QUEUE_PROFILING_ENABLE,
					 &status);
	cl_must(status, "clCreateCommandQueue");
	return true;
}

static inline void cl_close(struct cl *cl)
{
	clReleaseCommandQueue(cl->queue);
	clReleaseContext(cl->context);
}

static inline cl_program cl_build(struct cl *cl, const char *text, const char *options)
{
	static char log[16384];
	cl_int status;
	cl_program p = clCreateProgramWithSource(cl->context, 1, &text, NULL, &status);

	cl_must(status, "clCreateProgramWithSource");
	if (clBuildProgram(p, 1, &cl->device, options, NULL, NULL)) {
		clGetProgramBuildInfo(p, cl->device, CL_PROGRAM_BUILD_LOG, sizeof(log), log, NULL);
		fprintf(stderr, "%s\n", log);
		exit(1);
	}
	return p;
}

static inline cl_mem cl_buffer(struct cl *cl, size_t size, const void *data)
{
	cl_int status;
	cl_mem m = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, size, NULL, &status);

	cl_must(status, "clCreateBuffer");
	cl_must(clEnqueueWriteBuffer(cl->queue, m, CL_TRUE, 0, size, data, 0, NULL, NULL),
		"clEnqueueWriteBuffer");
	return m;
}

static inline void cl_fetch(struct cl *cl, cl_mem m, size_t size, void *to)
{
	cl_must(clEnqueueReadBuffer(cl->queue, m, CL_TRUE, 0, size, to, 0, NULL, NULL),
		"clEnqueueReadBuffer");
}

#endif
