// SPDX-License-Identifier: Apache-2.0
/* What is neither memory nor handed on: waits, the flags and ends of contexts, and names. */
#include "abi.h"
#include "shim.h"

#include <pthread.h>
#include <string.h>

#define DEVICES_MAX 64

API CUresult cuInit(unsigned flags);
API CUresult cuInit(unsigned flags)
{
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	shim_started();
	return shim_api.cuInit(flags);
}

/*
 * Needs no cuInit(). Without a driver the answer is that of one which finds no device: programs
 * take an error here for a broken one, and do not go on to OpenCL.
 */
API CUresult cuDriverGetVersion(int *version);
API CUresult cuDriverGetVersion(int *version)
{
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	if (hg_cuda_reals[HG_cuDriverGetVersion])
		return REAL(cuDriverGetVersion, int *)(version);
	*version = 12000;
	return CUDA_SUCCESS;
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

	return rc == CUDA_SUCCESS ? shim_api.cuStreamSynchronize(shim_stream(stream)) : rc;
}

API CUresult cuCtxSynchronize(void);
API CUresult cuCtxSynchronize(void)
{
	CUresult rc = receipt(NULL);

	return rc == CUDA_SUCCESS ? REAL(cuCtxSynchronize, void)() : rc;
}

API CUresult cuCtxSynchronize_v2(CUcontext context);
API CUresult cuCtxSynchronize_v2(CUcontext context)
{
	CUcontext before;
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	if (!context)
		return cuCtxSynchronize();
	rc = shim_api.cuCtxPushCurrent_v2(context);
	if (rc != CUDA_SUCCESS)
		return rc;
	rc = cuCtxSynchronize();
	shim_api.cuCtxPopCurrent_v2(&before);
	return rc;
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

/* ---- Contexts: none that dumps its memory ---- */

#define DUMPS	    0x60u /* CU_CTX_COREDUMP_ENABLE, CU_CTX_USER_COREDUMP_ENABLE */
#define FLAGS_KNOWN 0xffu

static CUresult check_flags(const char *function, unsigned flags)
{
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	if (!hg_cuda_reals[HG_cuCtxCreate_v2])
		return CUDA_ERROR_NOT_FOUND;
	if (flags & DUMPS)
		return shim_refuse(function);
	return flags & ~FLAGS_KNOWN ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

API CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device);
API CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
	CUresult rc = check_flags("cuCtxCreate with dumps", flags);

	return rc == CUDA_SUCCESS ? REAL(cuCtxCreate_v2, CUcontext *, unsigned,
					 CUdevice)(context, flags, device)
				  : rc;
}

API CUresult cuCtxCreate_v3(CUcontext *context, void *affinity, int count, unsigned flags,
			    CUdevice device);
API CUresult cuCtxCreate_v3(CUcontext *context, void *affinity, int count, unsigned flags,
			    CUdevice device)
{
	CUresult rc = check_flags("cuCtxCreate with dumps", flags);

	if (rc != CUDA_SUCCESS || !hg_cuda_reals[HG_cuCtxCreate_v3])
		return rc == CUDA_SUCCESS ? CUDA_ERROR_NOT_FOUND : rc;
	return REAL(cuCtxCreate_v3, CUcontext *, void *, int, unsigned,
		    CUdevice)(context, affinity, count, flags, device);
}

API CUresult cuCtxCreate_v4(CUcontext *context, const struct context_params *params, unsigned flags,
			    CUdevice device);
API CUresult cuCtxCreate_v4(CUcontext *context, const struct context_params *params, unsigned flags,
			    CUdevice device)
{
	struct context_params copy = { 0 };
	CUresult rc = check_flags("cuCtxCreate with dumps", flags);

	if (rc != CUDA_SUCCESS || !hg_cuda_reals[HG_cuCtxCreate_v4])
		return rc == CUDA_SUCCESS ? CUDA_ERROR_NOT_FOUND : rc;
	if (params)
		copy = *params;
	if (copy.graphics)
		return shim_refuse("cuCtxCreate shared with graphics");
	return REAL(cuCtxCreate_v4, CUcontext *, const struct context_params *, unsigned,
		    CUdevice)(context, params ? &copy : NULL, flags, device);
}

API CUresult cuCtxSetFlags(unsigned flags);
API CUresult cuCtxSetFlags(unsigned flags)
{
	CUresult rc = check_flags("cuCtxSetFlags with dumps", flags);

	if (rc != CUDA_SUCCESS || !hg_cuda_reals[HG_cuCtxSetFlags])
		return rc == CUDA_SUCCESS ? CUDA_ERROR_NOT_FOUND : rc;
	return REAL(cuCtxSetFlags, unsigned)(flags);
}

API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags);
API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags)
{
	CUresult rc = check_flags("cuDevicePrimaryCtxSetFlags with dumps", flags);

	if (rc != CUDA_SUCCESS || !hg_cuda_reals[HG_cuDevicePrimaryCtxSetFlags_v2])
		return rc == CUDA_SUCCESS ? CUDA_ERROR_NOT_FOUND : rc;
	return REAL(cuDevicePrimaryCtxSetFlags_v2, CUdevice, unsigned)(device, flags);
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

/* Whether @have is @name, or a later form of it. */
static bool is_form_of(const char *have, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(have, name, n) &&
	       (!have[n] || (!strncmp(have + n, "_v", 2) && have[n + 2] && !have[n + 3]));
}

/* cuMemAlloc is asked for by this name and means the newest that @version of CUDA had. */
static const struct hg_cuda_name *find_name(const char *name, int version)
{
	const struct hg_cuda_name *found = NULL;
	int i;

	for (i = 0; i < HG_CUDA_NAMES; i++) {
		const struct hg_cuda_name *have = &hg_cuda_names[i];

		if (have->since <= version && (!found || have->since >= found->since) &&
		    is_form_of(have->name, name))
			found = have;
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
	/* Bit 1: functions whose stream 0 is the thread's own. They are the same here. */
	if (flags & ~3ull || flags == 3)
		return CUDA_ERROR_NOT_SUPPORTED;
	found = find_name(name, version);
	if (!found || version < 3020 ||
	    (found->how == HG_CUDA_FORWARD && !hg_cuda_reals[found - hg_cuda_names]))
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
	return shim_refuse("cuGetExportTable");
}
