// SPDX-License-Identifier: Apache-2.0
/* Finds the driver's libcuda.so.1, which has the shim's own name. */
#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *hg_cuda_reals[HG_CUDA_NAMES];
struct hg_cuda_api shim_api;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool there, said;
static struct hg_gpu_error missing; /* why it is not there */

void shim_say(const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "hypergpu: %s\n", line);
}

/* Absolute paths, as the name alone would find the shim. */
static const char *const places[] = {
	"/usr/lib/x86_64-linux-gnu/libcuda.so.1",
	"/usr/lib64/libcuda.so.1",
	"/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1",
	"/usr/local/cuda/compat/libcuda.so.1",
};

static bool load_from(const char *path, struct hg_gpu_error *err)
{
	void *library;
	int i;

	if (hg_cuda_load(path, &shim_api, err))
		return false;
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library || dlsym(library, "hg_cuda_shim")) {
		hg_gpu_fail(err, HG_GPU_E_DEVICE, "%s is the shim itself", path);
		return false;
	}
	for (i = 0; i < HG_CUDA_NAMES; i++)
		if (hg_cuda_names[i].how != HG_CUDA_REFUSE)
			hg_cuda_reals[i] = dlsym(library, hg_cuda_names[i].name);
	return true;
}

static void load(void)
{
	const char *chosen = getenv("HYPERGPU_CUDA_DRIVER");
	size_t i;

	if (chosen && *chosen) {
		if (*chosen != '/')
			hg_gpu_fail(&missing, HG_GPU_E_ARGUMENT,
				    "HYPERGPU_CUDA_DRIVER must be an absolute path");
		else
			there = load_from(chosen, &missing);
	}
	for (i = 0; !(chosen && *chosen) && !there && i < sizeof(places) / sizeof(places[0]); i++)
		there = load_from(places[i], &missing);
}

/* Before any trampoline is called. */
__attribute__((constructor)) static void load_early(void)
{
	pthread_once(&once, load);
}

static bool started;

void shim_started(void)
{
	__atomic_store_n(&started, true, __ATOMIC_SEQ_CST);
}

const char *report_crossing_name(void)
{
	return __atomic_load_n(&started, __ATOMIC_SEQ_CST) ? "sealed" : NULL;
}

/* By which the shim knows itself. */
API extern const char hg_cuda_shim[];
const char hg_cuda_shim[] = HG_GPU_VERSION;

/* What is refused altogether, or NULL. */
static const char *refusal(void)
{
	const char *anonymous = getenv("HYPERGPU_ANONYMOUS"),
		   *record = getenv("HYPERGPU_GPU_RECORD"),
		   *dump = getenv("CUDA_ENABLE_COREDUMP_ON_EXCEPTION");

	if (!there)
		return missing.text;
	if (record && *record)
		return "CUDA: a GPU cannot be told by its record here yet: unset "
		       "HYPERGPU_GPU_RECORD";
	if (!anonymous || strcmp(anonymous, "1") != 0)
		return "CUDA: an enrolled GPU cannot be told by its behaviour here yet; set "
		       "HYPERGPU_ANONYMOUS=1 to go without knowing which GPU it is";
	if (!shim_policy_known())
		return "HYPERGPU_UNREWRITTEN is neither refuse nor clear";
	if ((dump && *dump) || getenv("CUDA_ENABLE_USER_TRIGGERED_COREDUMP"))
		return "CUDA: a dump of the GPU's memory would cross in clear: unset "
		       "CUDA_ENABLE_COREDUMP_ON_EXCEPTION and CUDA_ENABLE_USER_TRIGGERED_COREDUMP";
	return NULL;
}

CUresult shim_ready(void)
{
	const char *why;

	pthread_once(&once, load);
	why = refusal();
	if (!why)
		return CUDA_SUCCESS;
	if (!__atomic_exchange_n(&said, true, __ATOMIC_SEQ_CST))
		shim_say("%s", why);
	return CUDA_ERROR_NO_DEVICE;
}
