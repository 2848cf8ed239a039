// SPDX-License-Identifier: Apache-2.0
/* Textures: of plain memory, which is sealed like all of it. Those of arrays are not there. */
#include "shim.h"

enum resource { RESOURCE_ARRAY, RESOURCE_MIPMAP, RESOURCE_LINEAR, RESOURCE_PITCH };

/* CUDA_RESOURCE_DESC. */
struct resource_desc {
	int type;
	CUdeviceptr at;
	uint64_t rest[15];
	unsigned flags;
};

_Static_assert(sizeof(struct resource_desc) == 144, "as in cuda.h");

API CUresult cuTexObjectCreate(unsigned long long *texture, const struct resource_desc *resource,
			       const void *sampling, const void *view);
API CUresult cuTexObjectCreate(unsigned long long *texture, const struct resource_desc *resource,
			       const void *sampling, const void *view)
{
	struct resource_desc copy;
	struct shim_target t;
	CUresult rc;

	if (!shim_current(&rc))
		return rc;
	if (!resource)
		return CUDA_ERROR_INVALID_VALUE;
	copy = *resource;
	if (copy.type != RESOURCE_LINEAR && copy.type != RESOURCE_PITCH)
		return shim_refuse("cuTexObjectCreate of an array");
	rc = shim_target(copy.at, 1, NULL, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	if (!hg_cuda_reals[HG_cuTexObjectCreate])
		return CUDA_ERROR_NOT_FOUND;
	return REAL(cuTexObjectCreate, unsigned long long *, const struct resource_desc *,
		    const void *, const void *)(texture, &copy, sampling, view);
}
