// SPDX-License-Identifier: Apache-2.0
/* Textures: of plain memory, which is sealed like all of it. Those of arrays are not there. */
#include "abi.h"
#include "shim.h"

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
