/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the mock have in common. See mock.c. */
#ifndef TEST_CUDA_MOCK_H
#define TEST_CUDA_MOCK_H

#include "cuda.h"

#include <stdlib.h>
#include <string.h>

#define API		    __attribute__((visibility("default")))
#define ERROR_INVALID_VALUE 1
#define ERROR_NO_CONTEXT    201
#define ERROR_BAD_HANDLE    400
#define STREAM_MAGIC	    0x5742

struct CUstream_st {
	int magic;
};

/* Whether this thread has a context. */
bool mock_current(void);
/* Whether [p, p + size) lies in one block. */
bool mock_inside(CUdeviceptr p, size_t size);
/* A command has been started, that somebody may wait for. */
void mock_work(void);
/* A copy over the bus, on which the attacker is. It is a command, too. */
void mock_cross(void *to, const void *from, size_t size, bool back);
/* What all functions that a shim refuses are here: something of theirs crosses. See leaks.sh. */
API CUresult mock_leak(const char *name);
API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t size);
API CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t size);
API CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t size);
API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream s);

#endif
