// SPDX-License-Identifier: Apache-2.0
/* Devices: what there is, and one that is held. */
#include "lib.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hg_provider_kind *const kinds[] = { &lib_opencl, &lib_cuda, &lib_simulated };

#define KINDS (sizeof(kinds) / sizeof(*kinds))

const struct hg_provider_kind *lib_kind(const char *name)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

static int no_provider(const char *name, struct hg_gpu_failure *failure)
{
	return lib_fail(failure, HG_GPU_FAIL_NOT_FOUND,
			"no provider \"%.40s\": there are opencl, cuda, simulated", name);
}

bool lib_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return n <= max;
}

void lib_describe(struct hg_gpu_info *info)
{
	snprintf(info->description, sizeof(info->description), "%s%s %s: %s%s%s",
		 info->simulated ? "SIMULATED, proves nothing and keeps no secret: " : "",
		 info->provider, info->selector, info->name, *info->pci ? " at " : "", info->pci);
}

/* ---- The list ---- */

int lib_list_add(struct hg_gpu_list *list, const struct hg_gpu_info *info, struct hg_gpu_error *err)
{
	struct hg_gpu_info *grown =
		reallocarray(list->info, list->count + 1, sizeof(*list->info));

	if (!grown)
		return hg_gpu_no_memory(err);
	list->info = grown;
	list->info[list->count++] = *info;
	return 0;
}

int hg_gpu_list_create(const char *provider, struct hg_gpu_list **list,
		       struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	struct hg_gpu_list *l;
	size_t i;

	if (!list)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "list is NULL");
	*list = NULL;
	if (provider && !lib_kind(provider))
		return no_provider(provider, failure);
	l = calloc(1, sizeof(*l));
	if (!l)
		return lib_fail_memory(failure);
	for (i = 0; i < KINDS; i++) {
		if ((provider && kinds[i] != lib_kind(provider)) || !kinds[i]->list(l, &err))
			continue;
		/* Of all providers, one without a driver has no devices. */
		if (provider || err.code == HG_GPU_E_MEMORY) {
			hg_gpu_list_free(l);
			return lib_fail_as(failure, &err);
		}
	}
	*list = l;
	return lib_done(failure);
}

size_t hg_gpu_list_count(const struct hg_gpu_list *list)
{
	return list ? list->count : 0;
}

int hg_gpu_list_at(const struct hg_gpu_list *list, size_t index, struct hg_gpu_info *info,
		   struct hg_gpu_failure *failure)
{
	int result = LIB_CHECK_OUT(info, failure);

	if (result)
		return result;
	if (!list)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "list is NULL");
	if (index >= list->count)
		return lib_fail(failure, HG_GPU_FAIL_RANGE, "no device %zu in a list of %zu", index,
				list->count);
	*info = list->info[index];
	return lib_done(failure);
}

void hg_gpu_list_free(struct hg_gpu_list *list)
{
	if (!list)
		return;
	free(list->info);
	free(list);
}

/* ---- A device ---- */

static void gpu_put(struct hg_gpu *gpu)
{
	size_t i;

	if (__atomic_sub_fetch(&gpu->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (i = 0; i < LIB_SUITES; i++)
		hg_provider_close(gpu->provider[i]);
	gpu->kind->release(gpu);
	pthread_mutex_destroy(&gpu->lock);
	free(gpu);
}

void lib_gpu_hold(struct hg_gpu *gpu)
{
	__atomic_add_fetch(&gpu->refs, 1, __ATOMIC_RELAXED);
}

int lib_gpu_provider(struct hg_gpu *gpu, unsigned suite, struct hg_provider **p,
		     struct hg_gpu_error *err)
{
	if (!gpu->provider[suite] &&
	    gpu->kind->provider(gpu, suite, &gpu->provider[suite], err))
		return -1;
	*p = gpu->provider[suite];
	return 0;
}

int hg_gpu_open(const struct hg_gpu_open_options *options, struct hg_gpu **gpu,
		struct hg_gpu_failure *failure)
{
	const uint64_t known = HG_GPU_OPEN_ROM | HG_GPU_OPEN_SIMULATED_BEHAVIOUR;
	const struct hg_provider_kind *kind;
	struct hg_gpu_error err = { 0 };
	struct hg_gpu *g;
	int result;

	if (!gpu)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "gpu is NULL");
	*gpu = NULL;
	result = LIB_CHECK(options, options->flags, known, failure);
	if (result)
		return result;
	if (!options->provider)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "provider is NULL");
	kind = lib_kind(options->provider);
	if (!kind)
		return no_provider(options->provider, failure);
	if (options->serial && !(options->flags & HG_GPU_OPEN_SIMULATED_BEHAVIOUR))
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT,
				"serial without HG_GPU_OPEN_SIMULATED_BEHAVIOUR");
	g = calloc(1, sizeof(*g));
	if (!g)
		return lib_fail_memory(failure);
	g->refs = 1;
	g->kind = kind;
	g->info.struct_size = sizeof(g->info);
	pthread_mutex_init(&g->lock, NULL);
	lib_text(g->info.provider, sizeof(g->info.provider), kind->name);
	if (kind->open(g, options, &err)) {
		gpu_put(g);
		return lib_fail_as(failure, &err);
	}
	lib_describe(&g->info);
	*gpu = g;
	return lib_done(failure);
}

void hg_gpu_close(struct hg_gpu *gpu)
{
	if (gpu)
		gpu_put(gpu);
}

int hg_gpu_get_info(const struct hg_gpu *gpu, struct hg_gpu_info *info,
		    struct hg_gpu_failure *failure)
{
	int result = LIB_CHECK_OUT(info, failure);

	if (result)
		return result;
	if (!gpu)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "gpu is NULL");
	*info = gpu->info;
	return lib_done(failure);
}
