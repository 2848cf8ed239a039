// SPDX-License-Identifier: Apache-2.0
/* What platforms and devices say of themselves, less what the layer does not let through. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

/* Extensions that need no entry point of their own and let no data by. */
static const char *const known[] = {
	"cl_khr_icd",
	"cl_khr_byte_addressable_store",
	"cl_khr_global_int32_base_atomics",
	"cl_khr_global_int32_extended_atomics",
	"cl_khr_local_int32_base_atomics",
	"cl_khr_local_int32_extended_atomics",
	"cl_khr_int64_base_atomics",
	"cl_khr_int64_extended_atomics",
	"cl_khr_fp16",
	"cl_khr_fp64",
	"cl_khr_3d_image_writes",
	"cl_khr_depth_images",
	"cl_khr_image2d_from_buffer",
	"cl_khr_select_fprounding_mode",
	"cl_khr_select_rounding_mode",
	"cl_khr_device_uuid",
	"cl_khr_pci_bus_info",
	"cl_khr_extended_versioning",
	"cl_khr_expect_assume",
	"cl_khr_extended_bit_ops",
	"cl_khr_integer_dot_product",
	"cl_khr_subgroup_ballot",
	"cl_khr_subgroup_clustered_reduce",
	"cl_khr_subgroup_extended_types",
	"cl_khr_subgroup_non_uniform_arithmetic",
	"cl_khr_subgroup_non_uniform_vote",
	"cl_khr_subgroup_rotate",
	"cl_khr_subgroup_shuffle",
	"cl_khr_subgroup_shuffle_relative",
	"cl_khr_subgroup_named_barrier",
	"cl_khr_subgroups",
	"cl_khr_throttle_hints",
	"cl_khr_priority_hints",
	"cl_khr_work_group_uniform_arithmetic",
	"cl_nv_compiler_options",
	"cl_nv_device_attribute_query",
	"cl_nv_pragma_unroll",
	"cl_amd_device_attribute_query",
	"cl_amd_media_ops",
	"cl_amd_media_ops2",
	"cl_amd_fp64",
	"cl_amd_popcnt",
	"cl_amd_vec3",
	"cl_ext_float_atomics",
	"cl_intel_subgroups",
	"cl_intel_subgroups_short",
	"cl_intel_subgroups_char",
	"cl_intel_subgroups_long",
	"cl_intel_required_subgroup_size",
	"cl_intel_subgroup_local_block_io",
	"cl_intel_device_attribute_query",
	"cl_pocl_content_size",
	NULL,
};

static bool is_known(const char *name, size_t size)
{
	size_t i;

	for (i = 0; known[i]; i++)
		if (strlen(known[i]) == size && !memcmp(known[i], name, size))
			return true;
	return false;
}

/* Leaves the known names in @list, one blank between them. */
static void strip(char *list)
{
	char *from = list, *to = list;
	size_t n;

	for (; *from; from += n) {
		from += strspn(from, " ");
		n = strcspn(from, " ");
		if (!n || !is_known(from, n))
			continue;
		if (to != list)
			*to++ = ' ';
		memmove(to, from, n);
		to += n;
	}
	*to = '\0';
}

static size_t strip_versions(cl_name_version *list, size_t count)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++)
		if (is_known(list[i].name, strnlen(list[i].name, sizeof(list[i].name))))
			list[kept++] = list[i];
	return kept;
}

typedef cl_int (*query)(void *object, cl_uint name, size_t room, void *value, size_t *size_ret);

static cl_int query_platform(void *object, cl_uint name, size_t room, void *value, size_t *size_ret)
{
	return below->clGetPlatformInfo(object, name, room, value, size_ret);
}

static cl_int query_device(void *object, cl_uint name, size_t room, void *value, size_t *size_ret)
{
	return below->clGetDeviceInfo(object, name, room, value, size_ret);
}

/* The answer to a query, less what is not known. */
static cl_int stripped(query ask, void *object, cl_uint name, bool versions, size_t room,
		       void *value, size_t *size_ret)
{
	size_t size = 0;
	char *text;
	cl_int code = ask(object, name, 0, NULL, &size);

	if (code)
		return code;
	text = calloc(1, size + 1);
	if (!text)
		return CL_OUT_OF_HOST_MEMORY;
	code = ask(object, name, size, text, NULL);
	if (!code && versions)
		size = sizeof(cl_name_version) * strip_versions((cl_name_version *)(void *)text,
								size / sizeof(cl_name_version));
	if (!code && !versions) {
		strip(text);
		size = strlen(text) + 1;
	}
	if (!code)
		code = layer_answer(text, size, room, value, size_ret);
	free(text);
	return code;
}

static cl_int CL_API_CALL platform_info(cl_platform_id platform, cl_platform_info name, size_t room,
					void *value, size_t *size_ret)
{
	if (name == CL_PLATFORM_EXTENSIONS || name == CL_PLATFORM_EXTENSIONS_WITH_VERSION)
		return stripped(query_platform, platform, name, name != CL_PLATFORM_EXTENSIONS,
				room, value, size_ret);
	return below->clGetPlatformInfo(platform, name, room, value, size_ret);
}

/* Fails where the driver does: the query may be newer than the device. */
static cl_int zero(cl_device_id device, cl_device_info name, size_t room, void *value,
		   size_t *size_ret)
{
	static const unsigned char nothing[16];
	size_t size = 0;
	cl_int code = below->clGetDeviceInfo(device, name, 0, NULL, &size);

	if (code || size > sizeof(nothing))
		return code ? code : CL_INVALID_VALUE;
	return layer_answer(nothing, size, room, value, size_ret);
}

static cl_int execution(cl_device_id device, size_t room, void *value, size_t *size_ret)
{
	cl_device_exec_capabilities can;
	cl_int code = below->clGetDeviceInfo(device, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof(can),
					     &can, NULL);

	can &= ~(cl_device_exec_capabilities)CL_EXEC_NATIVE_KERNEL;
	return code ? code : layer_answer(&can, sizeof(can), room, value, size_ret);
}

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info name, size_t room,
				      void *value, size_t *size_ret)
{
	switch (name) {
	case CL_DEVICE_EXTENSIONS:
		return stripped(query_device, device, name, false, room, value, size_ret);
	case CL_DEVICE_EXTENSIONS_WITH_VERSION:
		return stripped(query_device, device, name, true, room, value, size_ret);
	case CL_DEVICE_EXECUTION_CAPABILITIES:
		return execution(device, room, value, size_ret);
	case CL_DEVICE_SVM_CAPABILITIES:
	case CL_DEVICE_HOST_UNIFIED_MEMORY:
	case CL_DEVICE_DEVICE_ENQUEUE_CAPABILITIES:
	case CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES:
	case CL_DEVICE_QUEUE_ON_DEVICE_MAX_SIZE:
	case CL_DEVICE_QUEUE_ON_DEVICE_PREFERRED_SIZE:
	case CL_DEVICE_MAX_ON_DEVICE_QUEUES:
	case CL_DEVICE_MAX_ON_DEVICE_EVENTS:
		return zero(device, name, room, value, size_ret);
	case CL_DEVICE_IL_VERSION:
	case CL_DEVICE_BUILT_IN_KERNELS:
		return layer_allows_binaries()
			       ? below->clGetDeviceInfo(device, name, room, value, size_ret)
			       : layer_answer("", 1, room, value, size_ret);
	case CL_DEVICE_ILS_WITH_VERSION:
	case CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION:
		return layer_allows_binaries()
			       ? below->clGetDeviceInfo(device, name, room, value, size_ret)
			       : layer_answer("", 0, room, value, size_ret);
	default:
		return below->clGetDeviceInfo(device, name, room, value, size_ret);
	}
}

static void *CL_API_CALL extension_address(const char *name)
{
	(void)name;
	return NULL;
}

static void *CL_API_CALL platform_extension_address(cl_platform_id platform, const char *name)
{
	(void)platform, (void)name;
	return NULL;
}

void layer_info(cl_icd_dispatch *d)
{
	d->clGetPlatformIDs = below->clGetPlatformIDs;
	d->clGetPlatformInfo = platform_info;
	d->clGetDeviceIDs = below->clGetDeviceIDs;
	d->clGetDeviceInfo = device_info;
	d->clCreateSubDevices = below->clCreateSubDevices;
	d->clRetainDevice = below->clRetainDevice;
	d->clReleaseDevice = below->clReleaseDevice;
	d->clGetDeviceAndHostTimer = below->clGetDeviceAndHostTimer;
	d->clGetHostTimer = below->clGetHostTimer;
	d->clGetExtensionFunctionAddress = extension_address;
	d->clGetExtensionFunctionAddressForPlatform = platform_extension_address;
}
