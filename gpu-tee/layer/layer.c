// SPDX-License-Identifier: Apache-2.0
/* How the ICD loader gets to the layer: the two functions that cl_layer.h names. */
#include "rewrite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES (sizeof(cl_icd_dispatch) / sizeof(void *))
#define EXPORT	__attribute__((visibility("default")))

const cl_icd_dispatch *below;
static cl_icd_dispatch above;

void layer_say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "hypergpu: %s\n", line);
}

static bool is_one(const char *name)
{
	const char *value = getenv(name);

	return value && !strcmp(value, "1");
}

bool layer_allows_binaries(void)
{
	return is_one("HYPERGPU_ALLOW_BINARIES");
}

bool layer_verbose(void)
{
	return is_one("HYPERGPU_VERBOSE");
}

cl_int layer_answer(const void *value, size_t size, size_t room, void *out, size_t *size_ret)
{
	if (out && room < size)
		return CL_INVALID_VALUE;
	if (out && size)
		memcpy(out, value, size);
	if (size_ret)
		*size_ret = size;
	return CL_SUCCESS;
}

/* A loader that cannot load a layer goes on without it, and all would cross in clear. */
#define give_up(...)                    \
	do {                            \
		layer_say(__VA_ARGS__); \
		_exit(EXIT_FAILURE);    \
	} while (0)

/* An entry point that nothing was decided about would be a NULL pointer. */
static void check_complete(void)
{
	void *entry[ENTRIES];
	size_t i;

	memcpy(entry, &above, sizeof(entry));
	for (i = 0; i < ENTRIES; i++)
		if (!entry[i])
			give_up("entry point %zu of OpenCL is not handled: a fault of the layer",
				i);
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t room, void *value,
						      size_t *size_ret)
{
	static const char text[] = "HyperGPU encrypted bus";
	const cl_layer_api_version version = CL_LAYER_API_VERSION_100;

	switch (name) {
	case CL_LAYER_API_VERSION:
		return layer_answer(&version, sizeof(version), room, value, size_ret);
	case CL_LAYER_NAME:
		return layer_answer(text, sizeof(text), room, value, size_ret);
	default:
		return CL_INVALID_VALUE;
	}
}

EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch *target,
						   cl_uint *count_ret,
						   const cl_icd_dispatch **layer_ret)
{
	if (!target || !count_ret || !layer_ret)
		return CL_INVALID_VALUE;
	/* An entry that this layer does not know would be a way around it, and one that
	 * the loader lacks is one that it may call. */
	if (count != ENTRIES)
		give_up("the OpenCL loader has %u entry points, this layer was built for %zu: build it against the loader's headers",
			count, ENTRIES);
	if (!rewrite_chosen())
		give_up("HYPERGPU_UNREWRITTEN is neither refuse nor clear, or HYPERGPU_REWRITE neither 0 nor 1");
	if (!crossing_chosen())
		give_up("HYPERGPU_CROSSING is neither sealed nor null");
	below = target;
	memset(&above, 0, sizeof(above));
	layer_refusals(&above);
	layer_contexts(&above);
	layer_queues(&above);
	layer_events(&above);
	layer_mems(&above);
	layer_buffers(&above);
	layer_images(&above);
	layer_maps(&above);
	layer_fills(&above);
	layer_commands(&above);
	layer_copies(&above);
	layer_programs(&above);
	layer_kernels(&above);
	layer_info(&above);
	check_complete();
	*count_ret = ENTRIES;
	*layer_ret = &above;
	return CL_SUCCESS;
}
