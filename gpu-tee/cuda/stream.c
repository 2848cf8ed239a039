// SPDX-License-Identifier: Apache-2.0
/*
 * What streams do besides copies and launches. A function of the host's comes after the copies
 * before it: those to the host have been verified when they return.
 */
#include "shim.h"

API CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void *), void *data);
API CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void *), void *data)
{
	CUresult rc;

	if (!shim_current(&rc))
		return rc;
	if (!hg_cuda_reals[HG_cuLaunchHostFunc])
		return CUDA_ERROR_NOT_FOUND;
	return REAL(cuLaunchHostFunc, CUstream, void (*)(void *), void *)(shim_stream(stream),
									  function, data);
}

typedef void stream_callback(CUstream, CUresult, void *);

API CUresult cuStreamAddCallback(CUstream stream, stream_callback *function, void *data,
				 unsigned flags);
API CUresult cuStreamAddCallback(CUstream stream, stream_callback *function, void *data,
				 unsigned flags)
{
	CUresult rc;

	if (!shim_current(&rc))
		return rc;
	if (!hg_cuda_reals[HG_cuStreamAddCallback])
		return CUDA_ERROR_NOT_FOUND;
	return REAL(cuStreamAddCallback, CUstream, stream_callback *, void *,
		    unsigned)(shim_stream(stream), function, data, flags);
}

/* Nothing is ever captured, as no capture begins. */
API CUresult cuStreamIsCapturing(CUstream stream, int *status);
API CUresult cuStreamIsCapturing(CUstream stream, int *status)
{
	(void)stream;
	if (!status)
		return CUDA_ERROR_INVALID_VALUE;
	*status = 0;
	return shim_ready();
}
