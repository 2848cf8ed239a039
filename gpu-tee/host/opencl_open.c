// SPDX-License-Identifier: Apache-2.0
/*
 * The OpenCL provider on the plain loader, for tools and tests. Apart from opencl.c, so
 * that the layer, which has no loader above it, needs none to be linked.
 */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_icd.h>

#include "device.h"

#define DEVICES_MAX 64

static const struct _cl_icd_dispatch loader = {
	.clCreateBuffer = clCreateBuffer,
	.clReleaseMemObject = clReleaseMemObject,
	.clCreateCommandQueue = clCreateCommandQueue,
	.clReleaseCommandQueue = clReleaseCommandQueue,
	.clEnqueueWriteBuffer = clEnqueueWriteBuffer,
	.clEnqueueReadBuffer = clEnqueueReadBuffer,
	.clCreateKernel = clCreateKernel,
	.clSetKernelArg = clSetKernelArg,
	.clEnqueueNDRangeKernel = clEnqueueNDRangeKernel,
	.clWaitForEvents = clWaitForEvents,
	.clRetainEvent = clRetainEvent,
	.clReleaseEvent = clReleaseEvent,
	.clFlush = clFlush,
	.clFinish = clFinish,
	.clReleaseKernel = clReleaseKernel,
	.clReleaseProgram = clReleaseProgram,
	.clRetainContext = clRetainContext,
	.clReleaseContext = clReleaseContext,
	.clGetDeviceInfo = clGetDeviceInfo,
	.clCreateProgramWithSource = clCreateProgramWithSource,
	.clBuildProgram = clBuildProgram,
	.clGetProgramBuildInfo = clGetProgramBuildInfo,
};

/* Device @index, counted over all platforms. */
static cl_device_id find_device(unsigned index)
{
	cl_platform_id platforms[16];
	cl_device_id devices[DEVICES_MAX];
	cl_uint n = 0, m, i;

	if (clGetPlatformIDs(16, platforms, &n) != CL_SUCCESS)
		return NULL;
	for (i = 0; i < n && i < 16; i++) {
		if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, DEVICES_MAX, devices, &m) !=
		    CL_SUCCESS)
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
	cl_device_id device = find_device(index);
	cl_context context;
	cl_int rc;
	int r;

	*p = NULL;
	if (!device)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "there is no OpenCL device %u: see what clinfo -l lists", index);
	context = clCreateContext(NULL, 1, &device, NULL, NULL, &rc);
	if (!context)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "clCreateContext: OpenCL error %d", rc);
	r = hg_opencl_attach_suites(&loader, context, device, lanes, suites, p, err);
	clReleaseContext(context);
	return r;
}
