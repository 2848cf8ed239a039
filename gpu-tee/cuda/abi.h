/* SPDX-License-Identifier: Apache-2.0 */
/* Structures that programs hand to the driver API, as cuda.h lays them out. */
#ifndef HG_CUDA_SHIM_ABI_H
#define HG_CUDA_SHIM_ABI_H

#include "cuda.h"

enum memory_type { TYPE_HOST = 1, TYPE_DEVICE, TYPE_ARRAY, TYPE_UNIFIED };

/* CUDA_MEMCPY2D and CUDA_MEMCPY3D: two sides each. */
struct side2 {
	size_t x, y;
	int type;
	uint64_t host;
	CUdeviceptr device;
	void *array;
	size_t pitch;
};

struct copy2 {
	struct side2 from, to;
	size_t width, height;
};

struct side3 {
	size_t x, y, z, lod;
	int type;
	uint64_t host;
	CUdeviceptr device;
	void *array, *reserved;
	size_t pitch, height;
};

struct copy3 {
	struct side3 from, to;
	size_t width, height, depth;
};

_Static_assert(sizeof(struct copy2) == 128 && sizeof(struct copy3) == 200, "as in cuda.h");

/* CUctxCreateParams. */
struct context_params {
	void *affinity;
	int count;
	void *graphics;
};

/* CUlaunchConfig. */
struct launch_config {
	unsigned groups[3], lanes[3], shared;
	CUstream stream;
	void *attributes;
	unsigned count;
};

enum resource { RESOURCE_ARRAY, RESOURCE_MIPMAP, RESOURCE_LINEAR, RESOURCE_PITCH };

/* CUDA_RESOURCE_DESC. */
struct resource_desc {
	int type;
	CUdeviceptr at;
	uint64_t rest[15];
	unsigned flags;
};

_Static_assert(sizeof(struct resource_desc) == 144, "as in cuda.h");

#endif
