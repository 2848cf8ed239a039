// SPDX-License-Identifier: Apache-2.0
/*
 * Launches. Kernels come here compiled, so they cannot be rewritten as those of OpenCL are: what
 * they are given crosses in clear, and nothing receipts a launch. It is counted, and refused on
 * demand.
 */
#include "abi.h"
#include "shim.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_NAME    64
#define PARAMETERS_MAX 4096 /* of a kernel, as the driver has it */
#define GEOMETRY       28 /* bytes: seven numbers */
#define WHY \
	"CUDA kernels are compiled: what it is given crosses in clear, and no launch has a receipt"

struct kernel {
	struct kernel *next;
	CUfunction handle;
	size_t size; /* of its parameters; 0 where the driver does not say it */
	char name[KERNEL_NAME];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kernel *kernels;

bool shim_policy_known(void)
{
	const char *value = getenv("HYPERGPU_UNREWRITTEN");

	return !value || !*value || !strcmp(value, "refuse") || !strcmp(value, "clear");
}

static bool strict(void)
{
	const char *value = getenv("HYPERGPU_UNREWRITTEN");

	return value && !strcmp(value, "refuse");
}

static size_t size_of_parameters(CUfunction function)
{
	size_t offset, size, end = 0, i;

	if (!hg_cuda_reals[HG_cuFuncGetParamInfo])
		return 0;
	for (i = 0; i < PARAMETERS_MAX; i++) {
		if (REAL(cuFuncGetParamInfo, CUfunction, size_t, size_t *,
			 size_t *)(function, i, &offset, &size) != CUDA_SUCCESS)
			break;
		end = offset + size;
	}
	return end;
}

/* A handle that comes again is another kernel's. Without memory a kernel has no name. */
static void remember(CUfunction function, const char *name)
{
	struct kernel *k;

	pthread_mutex_lock(&lock);
	for (k = kernels; k && k->handle != function; k = k->next)
		;
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (k) {
			k->next = kernels;
			kernels = k;
		}
	}
	if (k) {
		k->handle = function;
		k->size = size_of_parameters(function);
		snprintf(k->name, sizeof(k->name), "%s", name);
	}
	pthread_mutex_unlock(&lock);
}

static void recall(CUfunction function, struct kernel *copy)
{
	struct kernel *k;

	*copy = (struct kernel){ .name = "?" };
	pthread_mutex_lock(&lock);
	for (k = kernels; k && k->handle != function; k = k->next)
		;
	if (k)
		*copy = *k;
	pthread_mutex_unlock(&lock);
}

API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name);
API CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
	CUfunction found = NULL;
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	if (!function || !name)
		return CUDA_ERROR_INVALID_VALUE;
	rc = shim_api.cuModuleGetFunction(&found, module, name);
	if (rc != CUDA_SUCCESS)
		return rc;
	remember(found, name);
	*function = found;
	return CUDA_SUCCESS;
}

/* Of the list that a launch may have instead of addresses: pairs, up to a NULL. */
static size_t size_of_extra(void **extra)
{
	size_t i;

	for (i = 0; i < 8 && extra && extra[i]; i += 2)
		if (extra[i] == (void *)2 && extra[i + 1])
			return *(size_t *)extra[i + 1];
	return 0;
}

/* Nothing is started in a session in which something was altered. */
static CUresult admit(CUfunction function, void **extra)
{
	static bool said;
	struct kernel k;
	CUresult rc;

	if (!shim_current(&rc))
		return rc;
	recall(function, &k);
	if (!__atomic_exchange_n(&said, true, __ATOMIC_SEQ_CST))
		shim_say("CUDA: kernel %s %s: it is compiled, so what it is given crosses in clear "
			 "and no launch has a receipt",
			 k.name, strict() ? "was refused" : "runs as it is");
	report_unrewritten(k.name, WHY);
	if (strict()) {
		report_refused("launch");
		return CUDA_ERROR_NOT_SUPPORTED;
	}
	report_launch(false);
	report_in_clear(CLEAR_LAUNCH, GEOMETRY);
	report_in_clear(CLEAR_ARGUMENT, extra ? size_of_extra(extra) : k.size);
	return CUDA_SUCCESS;
}

API CUresult cuLaunchKernel(CUfunction function, unsigned groups_x, unsigned groups_y,
			    unsigned groups_z, unsigned lanes_x, unsigned lanes_y, unsigned lanes_z,
			    unsigned shared, CUstream stream, void **args, void **extra);
API CUresult cuLaunchKernel(CUfunction function, unsigned groups_x, unsigned groups_y,
			    unsigned groups_z, unsigned lanes_x, unsigned lanes_y, unsigned lanes_z,
			    unsigned shared, CUstream stream, void **args, void **extra)
{
	CUresult rc = admit(function, extra);

	if (rc != CUDA_SUCCESS)
		return rc;
	return shim_api.cuLaunchKernel(function, groups_x, groups_y, groups_z, lanes_x, lanes_y,
				       lanes_z, shared, shim_stream(stream), args, extra);
}

API CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned groups_x, unsigned groups_y,
				       unsigned groups_z, unsigned lanes_x, unsigned lanes_y,
				       unsigned lanes_z, unsigned shared, CUstream stream,
				       void **args);
API CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned groups_x, unsigned groups_y,
				       unsigned groups_z, unsigned lanes_x, unsigned lanes_y,
				       unsigned lanes_z, unsigned shared, CUstream stream,
				       void **args)
{
	CUresult rc = admit(function, NULL);

	if (rc != CUDA_SUCCESS)
		return rc;
	if (!hg_cuda_reals[HG_cuLaunchCooperativeKernel])
		return CUDA_ERROR_NOT_FOUND;
	return REAL(cuLaunchCooperativeKernel, CUfunction, unsigned, unsigned, unsigned, unsigned,
		    unsigned, unsigned, unsigned, CUstream,
		    void **)(function, groups_x, groups_y, groups_z, lanes_x, lanes_y, lanes_z,
			     shared, shim_stream(stream), args);
}

API CUresult cuLaunchKernelEx(const struct launch_config *config, CUfunction function, void **args,
			      void **extra);
API CUresult cuLaunchKernelEx(const struct launch_config *config, CUfunction function, void **args,
			      void **extra)
{
	struct launch_config copy;
	CUresult rc;

	if (!config)
		return CUDA_ERROR_INVALID_VALUE;
	copy = *config;
	copy.stream = shim_stream(copy.stream);
	rc = admit(function, extra);
	if (rc != CUDA_SUCCESS)
		return rc;
	if (!hg_cuda_reals[HG_cuLaunchKernelEx])
		return CUDA_ERROR_NOT_FOUND;
	return REAL(cuLaunchKernelEx, const struct launch_config *, CUfunction, void **,
		    void **)(&copy, function, args, extra);
}
