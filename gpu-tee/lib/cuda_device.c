// SPDX-License-Identifier: Apache-2.0
/* Devices of NVIDIA's driver. No fingerprint is taken there: sessions are anonymous. */
#include "lib.h"

#include <stdio.h>

#define DRIVER "libcuda.so.1"

static int driver_failed(const char *what, CUresult rc, struct hg_gpu_error *err)
{
	return hg_gpu_fail(err, HG_GPU_E_DEVICE, "the CUDA driver failed: %s: error %d", what, rc);
}

/* The driver, and how many devices it has; -1. */
static int start(struct hg_cuda_api *api, struct hg_gpu_error *err)
{
	int count = 0;
	CUresult rc;

	if (hg_cuda_load(DRIVER, api, err)) {
		/* Not there, which is no device's fault. */
		if (err->code == HG_GPU_E_DEVICE)
			err->code = HG_GPU_E_UNSUPPORTED;
		return -1;
	}
	rc = api->cuInit(0);
	if (rc != CUDA_SUCCESS)
		return driver_failed("cuInit", rc, err);
	rc = api->cuDeviceGetCount(&count);
	if (rc != CUDA_SUCCESS || count < 0)
		return driver_failed("cuDeviceGetCount", rc, err);
	return count;
}

static int inspect(const struct hg_cuda_api *api, int index, struct hg_gpu_info *info,
		   struct hg_gpu_error *err)
{
	CUdevice device;
	size_t memory = 0;
	int units = 0;
	CUresult rc = api->cuDeviceGet(&device, index);

	if (rc != CUDA_SUCCESS)
		return driver_failed("cuDeviceGet", rc, err);
	info->struct_size = sizeof(*info);
	lib_text(info->provider, sizeof(info->provider), lib_cuda.name);
	snprintf(info->selector, sizeof(info->selector), "%d", index);
	rc = api->cuDeviceGetName(info->name, sizeof(info->name), device);
	if (rc != CUDA_SUCCESS)
		return driver_failed("cuDeviceGetName", rc, err);
	info->name[sizeof(info->name) - 1] = '\0';
	if (api->cuDeviceTotalMem_v2(&memory, device) == CUDA_SUCCESS)
		info->memory = memory;
	if (api->cuDeviceGetAttribute(&units, CU_ATTRIBUTE_UNITS, device) == CUDA_SUCCESS)
		info->units = (uint32_t)units;
	lib_describe(info);
	return 0;
}

static int list(struct hg_gpu_list *list, struct hg_gpu_error *err)
{
	struct hg_cuda_api api;
	int count = start(&api, err);

	for (int i = 0; i < count; i++) {
		struct hg_gpu_info info = { 0 };

		if (!inspect(&api, i, &info, err) && lib_list_add(list, &info, err))
			return -1;
	}
	return count < 0 ? -1 : 0;
}

static int open_device(struct hg_gpu *gpu, const struct hg_gpu_open_options *options,
		       struct hg_gpu_error *err)
{
	uint64_t index = 0;
	int count;

	if (options->flags)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "the flags are not for CUDA devices");
	count = start(&gpu->cuda.api, err);
	if (count < 0)
		return -1;
	if (!count)
		return hg_gpu_fail(err, LIB_NOT_FOUND, "the CUDA driver has no device");
	if (!options->selector && count > 1)
		return hg_gpu_fail(err, LIB_NOT_FOUND, "%d CUDA devices: select one", count);
	if (options->selector && !lib_number(options->selector, (uint64_t)count - 1, &index))
		return hg_gpu_fail(err, LIB_NOT_FOUND, "no CUDA device \"%.40s\" among %d",
				   options->selector, count);
	gpu->cuda.index = (unsigned)index;
	return inspect(&gpu->cuda.api, (int)index, &gpu->info, err);
}

/* The driver's library stays. */
static void release(struct hg_gpu *gpu)
{
	(void)gpu;
}

static int provider(struct hg_gpu *gpu, unsigned suite, struct hg_provider **p,
		    struct hg_gpu_error *err)
{
	return hg_cuda_open(&gpu->cuda.api, gpu->cuda.index, suite, p, err);
}

const struct hg_provider_kind lib_cuda = {
	.name = "cuda",
	.list = list,
	.open = open_device,
	.release = release,
	.provider = provider,
};
