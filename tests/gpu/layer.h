/* SPDX-License-Identifier: Apache-2.0 */
/* What the test's layers, which stand for the bus, have in common. */
#ifndef TEST_GPU_LAYER_H
#define TEST_GPU_LAYER_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl_layer.h>
#include <stdlib.h>
#include <string.h>

static cl_icd_dispatch above;
static const cl_icd_dispatch *below;

/* Puts the entry points of the layer into @above. */
void test_layer_take(cl_icd_dispatch *d);

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t room, void *value,
					       size_t *size_ret)
{
	static const char text[] = "test of HyperGPU";
	cl_layer_api_version version = CL_LAYER_API_VERSION_100;
	size_t size = name == CL_LAYER_NAME ? sizeof(text) : sizeof(version);

	if ((name != CL_LAYER_NAME && name != CL_LAYER_API_VERSION) || (value && room < size))
		return CL_INVALID_VALUE;
	if (value)
		memcpy(value, name == CL_LAYER_NAME ? (const void *)text : &version, size);
	if (size_ret)
		*size_ret = size;
	return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count, const cl_icd_dispatch *target,
					    cl_uint *count_ret, const cl_icd_dispatch **layer_ret)
{
	if (count < sizeof(above) / sizeof(void *))
		return CL_INVALID_VALUE;
	below = target;
	above = *target;
	test_layer_take(&above);
	*count_ret = sizeof(above) / sizeof(void *);
	*layer_ret = &above;
	return CL_SUCCESS;
}

static inline size_t image_element(cl_mem image)
{
	size_t size = 0;

	below->clGetImageInfo(image, CL_IMAGE_ELEMENT_SIZE, sizeof(size), &size, NULL);
	return size;
}

#endif
