// SPDX-License-Identifier: Apache-2.0
/* What is neither memory nor handed on: launches, waits, the ends of contexts, and names. */
#include "shim.h"

#include <pthread.h>
#include <string.h>

#define DEVICES_MAX 64

/* Attributes that promise what would cross in clear, or what is not there: no, to each. Where
 * 88 is true there is no session: see session.c. */
static const int hidden[] = {
	19, /* CAN_MAP_HOST_MEMORY */
	83, /* MANAGED_MEMORY */
	CU_ATTRIBUTE_PAGEABLE, /* PAGEABLE_MEMORY_ACCESS */
	89, /* CONCURRENT_MANAGED_ACCESS */
	91, /* CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM */
	100, /* PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES */
	101, /* DIRECT_MANAGED_MEM_ACCESS_FROM_HOST */
	102, /* VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED */
	115, /* MEMORY_POOLS_SUPPORTED */
	116, /* GPU_DIRECT_RDMA_SUPPORTED */
};

API CUresult cuInit(unsigned flags);
API CUresult cuInit(unsigned flags)
{
	CUresult rc = shim_ready();

	return rc == CUDA_SUCCESS ? shim_api.cuInit(flags) : rc;
}

API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device);
API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
	CUresult rc = shim_ready();
	size_t i;

	if (rc != CUDA_SUCCESS)
		return rc;
	rc = shim_api.cuDeviceGetAttribute(value, attribute, device);
	for (i = 0; rc == CUDA_SUCCESS && i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (attribute == hidden[i])
			*value = 0;
	return rc;
}

/* ---- Launches ---- */

API CUresult cuLaunchKernel(CUfunction function, unsigned groups_x, unsigned groups_y,
			    unsigned groups_z, unsigned lanes_x, unsigned lanes_y, unsigned lanes_z,
			    unsigned shared, CUstream stream, void **args, void **extra);
API CUresult cuLaunchKernel(CUfunction function, unsigned groups_x, unsigned groups_y,
			    unsigned groups_z, unsigned lanes_x, unsigned lanes_y, unsigned lanes_z,
			    unsigned shared, CUstream stream, void **args, void **extra)
{
	CUresult rc;

	/* Nothing is started in a session in which something was altered. */
	if (!shim_current(&rc))
		return rc;
	return shim_api.cuLaunchKernel(function, groups_x, groups_y, groups_z, lanes_x, lanes_y,
				       lanes_z, shared, stream, args, extra);
}

/* ---- Waits: a receipt for each ---- */

static CUresult receipt(CUstream stream)
{
	struct hg_queue *queue;
	struct hg_gpu_error err;
	struct shim_session *s;
	CUresult rc;

	s = shim_current(&rc);
	if (!s)
		return rc;
	queue = shim_queue(s, stream);
	if (!queue)
		return CUDA_ERROR_OUT_OF_MEMORY;
	return hg_channel_sync(shim_channel(s), queue, &err) ? shim_broken(s, &err) : CUDA_SUCCESS;
}

API CUresult cuStreamSynchronize(CUstream stream);
API CUresult cuStreamSynchronize(CUstream stream)
{
	CUresult rc = receipt(stream);

	return rc == CUDA_SUCCESS ? shim_api.cuStreamSynchronize(stream) : rc;
}

API CUresult cuCtxSynchronize(void);
API CUresult cuCtxSynchronize(void)
{
	CUresult rc = receipt(NULL);

	return rc == CUDA_SUCCESS ? REAL(cuCtxSynchronize, void)() : rc;
}

API CUresult cuEventSynchronize(CUevent event);
API CUresult cuEventSynchronize(CUevent event)
{
	CUresult rc = shim_ready();

	if (rc == CUDA_SUCCESS)
		rc = shim_api.cuEventSynchronize(event);
	return rc == CUDA_SUCCESS ? receipt(NULL) : rc;
}

/* A handle may come back for another stream: nothing of the old one is left then. */
API CUresult cuStreamDestroy_v2(CUstream stream);
API CUresult cuStreamDestroy_v2(CUstream stream)
{
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	shim_api.cuStreamSynchronize(stream);
	return shim_api.cuStreamDestroy_v2(stream);
}

/* ---- The end of contexts ---- */

API CUresult cuCtxDestroy_v2(CUcontext context);
API CUresult cuCtxDestroy_v2(CUcontext context)
{
	if (!hg_cuda_reals[HG_cuCtxDestroy_v2])
		return CUDA_ERROR_NOT_FOUND;
	shim_forget(context);
	return REAL(cuCtxDestroy_v2, CUcontext)(context);
}

/* Who uses the primary context of a device: the session goes before the last of them. */
static struct primary {
	CUdevice device;
	CUcontext context;
	unsigned users;
} primaries[DEVICES_MAX];
static unsigned primary_count;
static pthread_mutex_t primary_lock = PTHREAD_MUTEX_INITIALIZER;

/* NULL where it has never been retained. With the lock held. */
static struct primary *primary_of(CUdevice device)
{
	unsigned i;

	for (i = 0; i < primary_count && primaries[i].device != device; i++)
		;
	return i < primary_count ? &primaries[i] : NULL;
}

static CUresult retain_primary(CUcontext *context, CUdevice device)
{
	struct primary *p = primary_of(device);
	CUresult rc;

	if (!p && primary_count == DEVICES_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	rc = shim_api.cuDevicePrimaryCtxRetain(context, device);
	if (rc != CUDA_SUCCESS)
		return rc;
	if (!p) {
		p = &primaries[primary_count++];
		p->device = device;
	}
	p->context = *context;
	p->users++;
	return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device);
API CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	if (!context)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&primary_lock);
	rc = retain_primary(context, device);
	pthread_mutex_unlock(&primary_lock);
	return rc;
}

API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
	CUresult rc = shim_ready();
	struct primary *p;

	if (rc != CUDA_SUCCESS)
		return rc;
	pthread_mutex_lock(&primary_lock);
	p = primary_of(device);
	if (p && p->users == 1)
		shim_forget(p->context);
	rc = shim_api.cuDevicePrimaryCtxRelease_v2(device);
	if (rc == CUDA_SUCCESS && p && p->users)
		p->users--;
	pthread_mutex_unlock(&primary_lock);
	return rc;
}

/* All that is in the context goes, and its users stay. */
API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device);
API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device)
{
	struct primary *p;
	CUresult rc;

	if (!hg_cuda_reals[HG_cuDevicePrimaryCtxReset_v2])
		return CUDA_ERROR_NOT_FOUND;
	pthread_mutex_lock(&primary_lock);
	p = primary_of(device);
	if (p)
		shim_forget(p->context);
	rc = REAL(cuDevicePrimaryCtxReset_v2, CUdevice)(device);
	pthread_mutex_unlock(&primary_lock);
	return rc;
}

/* ---- Names ---- */

/* cuMemAlloc is asked for by this name and means the newest that is here. */
static const struct hg_cuda_name *find_name(const char *name)
{
	const struct hg_cuda_name *found = NULL;
	size_t n = strlen(name);
	int i;

	for (i = 0; i < HG_CUDA_NAMES; i++) {
		const char *have = hg_cuda_names[i].name;

		if (!strncmp(have, name, n) && (!have[n] || !strcmp(have + n, "_v2")))
			found = &hg_cuda_names[i];
	}
	return found;
}

static CUresult find_function(const char *name, void **function, int version,
			      unsigned long long flags)
{
	const struct hg_cuda_name *found;

	if (!name || !function)
		return CUDA_ERROR_INVALID_VALUE;
	*function = NULL;
	/* Bit 1: functions whose stream 0 is the thread's own. They are others, and not here. */
	if (flags & ~1ull)
		return CUDA_ERROR_NOT_SUPPORTED;
	found = find_name(name);
	if (!found || (!found->own && !hg_cuda_reals[found - hg_cuda_names]) || version < 3020)
		return CUDA_ERROR_NOT_FOUND;
	*function = found->function;
	return CUDA_SUCCESS;
}

API CUresult cuGetProcAddress(const char *name, void **function, int version,
			      unsigned long long flags);
API CUresult cuGetProcAddress(const char *name, void **function, int version,
			      unsigned long long flags)
{
	return find_function(name, function, version, flags);
}

/* @status: 0 found, 1 no such function. */
API CUresult cuGetProcAddress_v2(const char *name, void **function, int version,
				 unsigned long long flags, int *status);
API CUresult cuGetProcAddress_v2(const char *name, void **function, int version,
				 unsigned long long flags, int *status)
{
	CUresult rc = find_function(name, function, version, flags);

	if (status)
		*status = rc != CUDA_SUCCESS;
	return rc;
}

/* Tables of functions that nobody has documented: what they carry cannot be known. */
API CUresult cuGetExportTable(const void **table, const void *id);
API CUresult cuGetExportTable(const void **table, const void *id)
{
	(void)id;
	if (table)
		*table = NULL;
	return CUDA_ERROR_NOT_SUPPORTED;
}
