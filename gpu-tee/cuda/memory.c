// SPDX-License-Identifier: Apache-2.0
/*
 * Memory. Host memory that the driver could map for the GPU is ordinary
 * memory here: a kernel that is handed its address faults, instead of reading it in clear. A GPU
 * that would read it all the same gets no session.
 */
#include "shim.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PAGE				4096u
#define HOST_PORTABLE			1u
#define HOST_MAPPED			2u
#define HOST_WRITE_COMBINED		4u /* of cuMemHostAlloc */
#define HOST_IO				4u /* of cuMemHostRegister */
#define HOST_READ_ONLY			8u
#define CU_POINTER_ATTRIBUTE_IS_MANAGED 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shim_block *blocks; /* by address */
static size_t count, room;

/* The first block that ends behind @at. */
static size_t place(CUdeviceptr at)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (blocks[mid].buffer.at + blocks[mid].size > at)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

int shim_find(CUcontext context, CUdeviceptr at, size_t size, struct shim_block *block)
{
	int rc = -1;
	size_t i;

	pthread_mutex_lock(&lock);
	i = place(at);
	if (i < count && at >= blocks[i].buffer.at && (!context || blocks[i].context == context) &&
	    size <= blocks[i].size - (at - blocks[i].buffer.at)) {
		*block = blocks[i];
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int insert(const struct shim_block *block)
{
	struct shim_block *more;
	size_t i;
	int rc = -1;

	pthread_mutex_lock(&lock);
	if (count == room) {
		more = realloc(blocks, (room + 64) * sizeof(*blocks));
		if (more) {
			blocks = more;
			room += 64;
		}
	}
	if (count < room) {
		i = place(block->buffer.at);
		memmove(blocks + i + 1, blocks + i, (count - i) * sizeof(*blocks));
		blocks[i] = *block;
		count++;
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static void take_place(size_t i, struct shim_block *block)
{
	*block = blocks[i];
	memmove(blocks + i, blocks + i + 1, (count - i - 1) * sizeof(*blocks));
	count--;
}

static int take(CUdeviceptr at, struct shim_block *block)
{
	int rc = -1;
	size_t i;

	pthread_mutex_lock(&lock);
	i = place(at);
	if (i < count && blocks[i].buffer.at == at) {
		take_place(i, block);
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

/* One of the globals of @module. */
static int take_global(CUmodule module, struct shim_block *block)
{
	int rc = -1;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < count && blocks[i].module != module; i++)
		;
	if (i < count) {
		take_place(i, block);
		rc = 0;
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

/* The block is no longer in the list, and its memory is about to go. */
static void forget(const struct shim_block *b)
{
	struct shim_session *s = shim_of(b->context);

	if (s)
		hg_channel_forget(shim_channel(s), b->id);
}

void shim_forget_blocks(CUcontext context)
{
	size_t i, kept = 0;

	pthread_mutex_lock(&lock);
	for (i = 0; i < count; i++)
		if (blocks[i].context != context)
			blocks[kept++] = blocks[i];
	count = kept;
	pthread_mutex_unlock(&lock);
}

CUresult shim_adopt(struct shim_session *s, CUdeviceptr at, size_t size, CUmodule module)
{
	struct shim_block old,
		b = { .context = shim_context(s), .module = module, .buffer.at = at, .size = size };
	struct hg_queue *queue = shim_queue(s, NULL);
	struct hg_gpu_error err;

	if (!shim_find(b.context, at, size, &old))
		return CUDA_SUCCESS;
	if (!queue)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (hg_channel_bind(shim_channel(s), queue, &b.buffer, size, &b.id, &err))
		return shim_broken(s, &err);
	if (!insert(&b))
		return CUDA_SUCCESS;
	hg_channel_forget(shim_channel(s), b.id);
	return CUDA_ERROR_OUT_OF_MEMORY;
}

API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t size);
API CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t size)
{
	CUresult rc;
	struct shim_session *s = shim_current(&rc);

	if (!s)
		return rc;
	rc = REAL(cuMemAlloc_v2, CUdeviceptr *, size_t)(p, size);
	if (rc != CUDA_SUCCESS)
		return rc;
	rc = shim_adopt(s, *p, size, NULL);
	if (rc != CUDA_SUCCESS) {
		REAL(cuMemFree_v2, CUdeviceptr)(*p);
		*p = 0;
	}
	return rc;
}

API CUresult cuMemAllocPitch_v2(CUdeviceptr *p, size_t *pitch, size_t width, size_t height,
				unsigned unit);
API CUresult cuMemAllocPitch_v2(CUdeviceptr *p, size_t *pitch, size_t width, size_t height,
				unsigned unit)
{
	CUdeviceptr at = 0;
	size_t apart = 0, size;
	CUresult rc;
	struct shim_session *s = shim_current(&rc);

	if (!s)
		return rc;
	if (!p || !pitch)
		return CUDA_ERROR_INVALID_VALUE;
	if (!hg_cuda_reals[HG_cuMemAllocPitch_v2])
		return CUDA_ERROR_NOT_FOUND;
	rc = REAL(cuMemAllocPitch_v2, CUdeviceptr *, size_t *, size_t, size_t,
		  unsigned)(&at, &apart, width, height, unit);
	if (rc != CUDA_SUCCESS)
		return rc;
	rc = __builtin_mul_overflow(apart, height, &size) ? CUDA_ERROR_INVALID_VALUE
							  : shim_adopt(s, at, size, NULL);
	if (rc != CUDA_SUCCESS) {
		shim_api.cuMemFree_v2(at);
		return rc;
	}
	*p = at;
	*pitch = apart;
	return CUDA_SUCCESS;
}

API CUresult cuMemFree_v2(CUdeviceptr p);
API CUresult cuMemFree_v2(CUdeviceptr p)
{
	CUresult rc = shim_ready();
	struct shim_block b;

	/* Memory can be given back whatever has happened, and whichever context is current. */
	if (!take(p, &b))
		forget(&b);
	return hg_cuda_reals[HG_cuMemFree_v2] ? REAL(cuMemFree_v2, CUdeviceptr)(p) : rc;
}

/* A __managed__ variable: the host reads it by its address, in clear. */
static bool is_managed(CUdeviceptr p)
{
	unsigned managed = 0;

	return hg_cuda_reals[HG_cuPointerGetAttribute] &&
	       REAL(cuPointerGetAttribute, void *, int,
		    CUdeviceptr)(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, p) == CUDA_SUCCESS &&
	       managed;
}

API CUresult cuModuleGetGlobal_v2(CUdeviceptr *p, size_t *size, CUmodule module, const char *name);
API CUresult cuModuleGetGlobal_v2(CUdeviceptr *p, size_t *size, CUmodule module, const char *name)
{
	CUresult rc;
	struct shim_session *s = shim_current(&rc);
	CUdeviceptr at = 0;
	size_t n = 0;

	if (!s)
		return rc;
	rc = REAL(cuModuleGetGlobal_v2, CUdeviceptr *, size_t *, CUmodule,
		  const char *)(&at, &n, module, name);
	if (rc == CUDA_SUCCESS && is_managed(at))
		return shim_refuse("cuModuleGetGlobal of a managed variable");
	if (rc == CUDA_SUCCESS)
		rc = shim_adopt(s, at, n, module);
	if (rc != CUDA_SUCCESS)
		return rc;
	if (p)
		*p = at;
	if (size)
		*size = n;
	return rc;
}

API CUresult cuModuleUnload(CUmodule module);
API CUresult cuModuleUnload(CUmodule module)
{
	CUresult rc = shim_ready();
	struct shim_block b;

	if (rc != CUDA_SUCCESS)
		return rc;
	while (module && !take_global(module, &b))
		forget(&b);
	return shim_api.cuModuleUnload(module);
}

/* ---- Host memory ---- */

API CUresult cuMemHostAlloc(void **p, size_t size, unsigned flags);
API CUresult cuMemHostAlloc(void **p, size_t size, unsigned flags)
{
	if (!p || !size || flags & ~(HOST_PORTABLE | HOST_MAPPED | HOST_WRITE_COMBINED))
		return CUDA_ERROR_INVALID_VALUE;
	/* The GPU would read and write it in clear. */
	if (flags & HOST_MAPPED)
		return shim_refuse("cuMemHostAlloc of mapped memory");
	*p = NULL;
	return posix_memalign(p, PAGE, size) ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

API CUresult cuMemAllocHost_v2(void **p, size_t size);
API CUresult cuMemAllocHost_v2(void **p, size_t size)
{
	return cuMemHostAlloc(p, size, 0);
}

API CUresult cuMemFreeHost(void *p);
API CUresult cuMemFreeHost(void *p)
{
	free(p);
	return CUDA_SUCCESS;
}

/* Registered memory would only be faster: it stays what it is. */
API CUresult cuMemHostRegister_v2(void *p, size_t size, unsigned flags);
API CUresult cuMemHostRegister_v2(void *p, size_t size, unsigned flags)
{
	if (!p || !size || flags & ~(HOST_PORTABLE | HOST_MAPPED | HOST_IO | HOST_READ_ONLY))
		return CUDA_ERROR_INVALID_VALUE;
	if (flags & (HOST_MAPPED | HOST_IO))
		return shim_refuse("cuMemHostRegister of mapped or I/O memory");
	return CUDA_SUCCESS;
}

API CUresult cuMemHostUnregister(void *p);
API CUresult cuMemHostUnregister(void *p)
{
	return p ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
