// SPDX-License-Identifier: Apache-2.0
/*
 * Fills. The value crosses sealed, as the first piece of what is filled; the GPU copies it on from
 * there. Like the driver's they do not wait.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 4096u

static void repeat(uint8_t *to, size_t size, const void *value, size_t unit)
{
	size_t i;

	for (i = 0; i < size; i += unit)
		memcpy(to + i, value, unit);
}

/* The first @have bytes of [at, at + size) over all of it. */
static CUresult spread(CUdeviceptr at, size_t have, size_t size, CUstream stream)
{
	CUresult rc = CUDA_SUCCESS;

	while (rc == CUDA_SUCCESS && have < size) {
		size_t n = have < size - have ? have : size - have;

		report_in_clear(CLEAR_COPY, 0);
		rc = REAL(cuMemcpyDtoDAsync_v2, CUdeviceptr, CUdeviceptr, size_t,
			  CUstream)(at + have, at, n, shim_stream(stream));
		have += n;
	}
	return rc;
}

static CUresult fill(CUdeviceptr at, const void *value, size_t unit, size_t count, CUstream stream)
{
	uint8_t piece[PIECE];
	struct shim_target t;
	size_t size, first;
	CUresult rc;

	if (at % unit || __builtin_mul_overflow(count, unit, &size))
		return CUDA_ERROR_INVALID_VALUE;
	if (!size) {
		shim_current(&rc);
		return rc;
	}
	if (!hg_cuda_reals[HG_cuMemcpyDtoDAsync_v2])
		return CUDA_ERROR_NOT_FOUND;
	rc = shim_target(at, size, stream, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	report_operation(REPORT_FILL, REPORT_TO_DEVICE, size);
	first = size < PIECE ? size : PIECE;
	repeat(piece, first, value, unit);
	rc = shim_write(&t, at, piece, first, NULL);
	if (rc == CUDA_SUCCESS)
		rc = shim_leave(&t);
	return rc == CUDA_SUCCESS ? spread(at, first, size, stream) : rc;
}

/* Each row crosses, as rows need not follow each other. */
static CUresult fill_rows(CUdeviceptr at, size_t pitch, const void *value, size_t unit,
			  size_t width, size_t height, CUstream stream)
{
	uint8_t *row;
	size_t size;
	CUresult rc;

	if (at % unit || pitch % unit || __builtin_mul_overflow(width, unit, &size))
		return CUDA_ERROR_INVALID_VALUE;
	if (size > pitch && height > 1)
		return CUDA_ERROR_INVALID_VALUE;
	if (height == 1 || !size || !height)
		return fill(at, value, unit, height ? width : 0, stream);
	row = malloc(size);
	if (!row)
		return CUDA_ERROR_OUT_OF_MEMORY;
	repeat(row, size, value, unit);
	rc = shim_repeat(at, pitch, row, size, height, stream);
	free(row);
	return rc;
}

#define FILLS(bits, type)                                                                    \
	API CUresult cuMemsetD##bits##_v2(CUdeviceptr at, type value, size_t count);         \
	API CUresult cuMemsetD##bits##_v2(CUdeviceptr at, type value, size_t count)          \
	{                                                                                    \
		return fill(at, &value, sizeof(value), count, NULL);                         \
	}                                                                                    \
	API CUresult cuMemsetD##bits##Async(CUdeviceptr at, type value, size_t count,        \
					    CUstream stream);                                \
	API CUresult cuMemsetD##bits##Async(CUdeviceptr at, type value, size_t count,        \
					    CUstream stream)                                 \
	{                                                                                    \
		return fill(at, &value, sizeof(value), count, stream);                       \
	}                                                                                    \
	API CUresult cuMemsetD2D##bits##_v2(CUdeviceptr at, size_t pitch, type value,        \
					    size_t width, size_t height);                    \
	API CUresult cuMemsetD2D##bits##_v2(CUdeviceptr at, size_t pitch, type value,        \
					    size_t width, size_t height)                     \
	{                                                                                    \
		return fill_rows(at, pitch, &value, sizeof(value), width, height, NULL);     \
	}                                                                                    \
	API CUresult cuMemsetD2D##bits##Async(CUdeviceptr at, size_t pitch, type value,      \
					      size_t width, size_t height, CUstream stream); \
	API CUresult cuMemsetD2D##bits##Async(CUdeviceptr at, size_t pitch, type value,      \
					      size_t width, size_t height, CUstream stream)  \
	{                                                                                    \
		return fill_rows(at, pitch, &value, sizeof(value), width, height, stream);   \
	}

FILLS(8, uint8_t)
FILLS(16, uint16_t)
FILLS(32, uint32_t)
