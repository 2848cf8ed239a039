// SPDX-License-Identifier: Apache-2.0
#include "clapi.h"

#include <dlfcn.h>
#include <string.h>

int hg_clapi_open(struct hg_clapi *api, struct hg_gpu_error *err)
{
	memset(api, 0, sizeof(*api));
	api->library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!api->library)
		return hg_gpu_fail(
			err, HG_GPU_E_UNSUPPORTED,
			"no OpenCL loader (libOpenCL.so.1): install ocl-icd-libopencl1 and the driver of the GPU");
#define HG_CLAPI_LOAD(name)                                              \
	*(void **)&api->name = dlsym(api->library, "cl" #name);          \
	if (!api->name) {                                                \
		hg_clapi_close(api);                                     \
		return hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED,            \
				   "the OpenCL loader has no cl" #name); \
	}
	HG_CLAPI(HG_CLAPI_LOAD)
#undef HG_CLAPI_LOAD
	return 0;
}

/* The library stays: drivers do not like to be unloaded, and leave threads behind. */
void hg_clapi_close(struct hg_clapi *api)
{
	memset(api, 0, sizeof(*api));
}

int hg_clapi_devices(const struct hg_clapi *api, cl_device_id *devices, struct hg_gpu_error *err)
{
	cl_platform_id platforms[16];
	cl_uint count = 0, found = 0;
	cl_int ret = api->GetPlatformIDs(16, platforms, &count);

	/* -1001: the ICD loader's word for "no platform". */
	if (ret == -1001)
		return 0;
	if (ret)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "OpenCL: no list of platforms (%d)", ret);
	for (cl_uint i = 0; i < count && i < 16 && found < HG_CL_DEVICES_MAX; i++) {
		cl_uint n = 0;

		if (api->GetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, HG_CL_DEVICES_MAX - found,
				      devices + found, &n))
			continue;
		found += n < HG_CL_DEVICES_MAX - found ? n : HG_CL_DEVICES_MAX - found;
	}
	return (int)found;
}
