/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader of OpenCL, opened when it is needed: the tools also work, and say so,
 * where there is none. Tests put functions of their own into the table.
 */
#ifndef HG_CLAPI_H
#define HG_CLAPI_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#endif
#include <CL/cl.h>
#include <CL/cl_ext.h>

#include "error.h"

#define HG_CLAPI(X)                                                                            \
	X(GetPlatformIDs) X(GetDeviceIDs) X(GetPlatformInfo) X(GetDeviceInfo)                  \
	X(CreateContext) X(ReleaseContext) X(CreateCommandQueue) X(ReleaseCommandQueue)        \
	X(CreateProgramWithSource) X(BuildProgram) X(GetProgramBuildInfo) X(ReleaseProgram)    \
	X(CreateKernel) X(ReleaseKernel) X(SetKernelArg) X(EnqueueNDRangeKernel)               \
	X(CreateBuffer) X(ReleaseMemObject) X(EnqueueReadBuffer) X(EnqueueWriteBuffer)         \
	X(EnqueueFillBuffer) X(Finish)

struct hg_clapi {
	void *library;
#define HG_CLAPI_MEMBER(name) __typeof__(&cl##name) name;
	HG_CLAPI(HG_CLAPI_MEMBER)
#undef HG_CLAPI_MEMBER
};

#define HG_CL_DEVICES_MAX 64

/* HG_GPU_E_UNSUPPORTED if there is no loader. */
int hg_clapi_open(struct hg_clapi *api, struct hg_gpu_error *err);
void hg_clapi_close(struct hg_clapi *api);

/* All devices of all platforms, in the loader's order. Returns how many, or -1. */
int hg_clapi_devices(const struct hg_clapi *api, cl_device_id *devices, struct hg_gpu_error *err);

#endif
