// SPDX-License-Identifier: Apache-2.0
/*
 * The OpenCL provider on the system's loader, for tools and tests. The loader is opened
 * when it is wanted: nothing that links the library needs it.
 */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_icd.h>

#include "device.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define LOADER	      "libOpenCL.so.1"
#define PLATFORMS_MAX 16
#define DEVICES_MAX   64

/* What the provider calls, and where it looks for it. */
static const struct {
	const char *name;
	size_t at;
} functions[] = {
	{"clCreateBuffer", offsetof(struct _cl_icd_dispatch, clCreateBuffer)},
	{"clReleaseMemObject", offsetof(struct _cl_icd_dispatch, clReleaseMemObject)},
	{"clCreateCommandQueue", offsetof(struct _cl_icd_dispatch, clCreateCommandQueue)},
	{"clReleaseCommandQueue", offsetof(struct _cl_icd_dispatch, clReleaseCommandQueue)},
	{"clEnqueueWriteBuffer", offsetof(struct _cl_icd_dispatch, clEnqueueWriteBuffer)},
	{"clEnqueueReadBuffer", offsetof(struct _cl_icd_dispatch, clEnqueueReadBuffer)},
	{"clCreateKernel", offsetof(struct _cl_icd_dispatch, clCreateKernel)},
	{"clSetKernelArg", offsetof(struct _cl_icd_dispatch, clSetKernelArg)},
	{"clEnqueueNDRangeKernel", offsetof(struct _cl_icd_dispatch, clEnqueueNDRangeKernel)},
	{"clWaitForEvents", offsetof(struct _cl_icd_dispatch, clWaitForEvents)},
	{"clRetainEvent", offsetof(struct _cl_icd_dispatch, clRetainEvent)},
	{"clReleaseEvent", offsetof(struct _cl_icd_dispatch, clReleaseEvent)},
	{"clFlush", offsetof(struct _cl_icd_dispatch, clFlush)},
	{"clFinish", offsetof(struct _cl_icd_dispatch, clFinish)},
	{"clReleaseKernel", offsetof(struct _cl_icd_dispatch, clReleaseKernel)},
	{"clReleaseProgram", offsetof(struct _cl_icd_dispatch, clReleaseProgram)},
	{"clCreateContext", offsetof(struct _cl_icd_dispatch, clCreateContext)},
	{"clRetainContext", offsetof(struct _cl_icd_dispatch, clRetainContext)},
	{"clReleaseContext", offsetof(struct _cl_icd_dispatch, clReleaseContext)},
	{"clGetPlatformIDs", offsetof(struct _cl_icd_dispatch, clGetPlatformIDs)},
	{"clGetDeviceIDs", offsetof(struct _cl_icd_dispatch, clGetDeviceIDs)},
	{"clGetDeviceInfo", offsetof(struct _cl_icd_dispatch, clGetDeviceInfo)},
	{"clCreateProgramWithSource", offsetof(struct _cl_icd_dispatch, clCreateProgramWithSource)},
	{"clBuildProgram", offsetof(struct _cl_icd_dispatch, clBuildProgram)},
	{"clGetProgramBuildInfo", offsetof(struct _cl_icd_dispatch, clGetProgramBuildInfo)},
};

static struct _cl_icd_dispatch table;
static const char *missing; /* what the loader lacks, or LOADER */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The loader stays: drivers leave threads behind that would lose their code. */
static void load(void)
{
	void *loader = dlopen(LOADER, RTLD_NOW | RTLD_LOCAL);
	size_t i;

	missing = loader ? NULL : LOADER;
	for (i = 0; loader && i < sizeof(functions) / sizeof(*functions); i++) {
		void *f = dlsym(loader, functions[i].name);

		if (!f)
			missing = functions[i].name;
		memcpy((char *)&table + functions[i].at, &f, sizeof(f));
	}
}

const struct _cl_icd_dispatch *hg_opencl_dispatch(struct hg_gpu_error *err)
{
	pthread_once(&once, load);
	if (!missing)
		return &table;
	hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED,
		    "%s is not there: install an OpenCL loader (ocl-icd-libopencl1)", missing);
	return NULL;
}

/* Device @index, counted over all platforms. */
static cl_device_id find_device(unsigned index)
{
	cl_platform_id platforms[PLATFORMS_MAX];
	cl_device_id devices[DEVICES_MAX];
	cl_uint n = 0, m, i;

	if (table.clGetPlatformIDs(PLATFORMS_MAX, platforms, &n) != CL_SUCCESS)
		return NULL;
	for (i = 0; i < n && i < PLATFORMS_MAX; i++) {
		if (table.clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, DEVICES_MAX, devices,
					 &m) != CL_SUCCESS)
			continue;
		if (index < m)
			return index < DEVICES_MAX ? devices[index] : NULL;
		index -= m;
	}
	return NULL;
}

int hg_opencl_open(unsigned index, unsigned lanes, unsigned suites, struct hg_provider **p,
		   struct hg_gpu_error *err)
{
	cl_device_id device;
	cl_context context;
	cl_int rc;
	int r;

	*p = NULL;
	if (!hg_opencl_dispatch(err))
		return -1;
	device = find_device(index);
	if (!device)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "there is no OpenCL device %u: see what clinfo -l lists", index);
	context = table.clCreateContext(NULL, 1, &device, NULL, NULL, &rc);
	if (!context)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "the OpenCL driver failed: clCreateContext: error %d", rc);
	r = hg_opencl_attach_suites(&table, context, device, lanes, suites, p, err);
	table.clReleaseContext(context);
	return r;
}
