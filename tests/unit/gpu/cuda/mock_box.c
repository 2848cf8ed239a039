// SPDX-License-Identifier: Apache-2.0
/* The mock's copies of two and three dimensions, fills, textures and functions of the host. */
#include "../../../../gpu-tee/cuda/abi.h"
#include "mock.h"

/* ---- Copies of two and three dimensions, in one crossing each ---- */

static unsigned char *row_of(const struct side3 *s, size_t y, size_t z)
{
	uint64_t base = s->type == TYPE_HOST ? s->host : s->device;

	return (unsigned char *)(uintptr_t)base + ((s->z + z) * s->height + s->y + y) * s->pitch +
	       s->x;
}

/* Rows of @c to or from @packed. */
static void pack(const struct copy3 *c, const struct side3 *s, unsigned char *packed, bool out)
{
	for (size_t z = 0; z < c->depth; z++)
		for (size_t y = 0; y < c->height; y++, packed += c->width)
			memcpy(out ? row_of(s, y, z) : packed, out ? packed : row_of(s, y, z),
			       c->width);
}

static bool side_is_right(const struct copy3 *c, const struct side3 *s)
{
	size_t slice = s->height * s->pitch;

	if (s->lod || s->x + c->width > s->pitch || (c->depth > 1 && s->y + c->height > s->height))
		return false;
	if (s->type == TYPE_HOST)
		return true;
	return s->type == TYPE_DEVICE &&
	       mock_inside((CUdeviceptr)(uintptr_t)row_of(s, 0, 0),
			   (c->depth - 1) * slice + (c->height - 1) * s->pitch + c->width);
}

static CUresult copy_box(const struct copy3 *c, CUstream stream)
{
	size_t size = c->width * c->height * c->depth;
	unsigned char *here, *there;

	if (!mock_current())
		return ERROR_NO_CONTEXT;
	if ((stream && stream->magic != STREAM_MAGIC) || !side_is_right(c, &c->from) ||
	    !side_is_right(c, &c->to))
		return ERROR_INVALID_VALUE;
	here = malloc(size);
	there = calloc(1, size);
	if (!here || !there)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pack(c, &c->from, here, false);
	if (c->from.type == c->to.type)
		memcpy(there, here, size);
	else
		mock_cross(there, here, size, c->to.type == TYPE_HOST);
	pack(c, &c->to, there, true);
	free(here);
	free(there);
	return CUDA_SUCCESS;
}

static void widen(struct side3 *to, const struct side2 *from, size_t width)
{
	*to = (struct side3){ .x = from->x,
			      .y = from->y,
			      .type = from->type,
			      .host = from->host,
			      .device = from->device,
			      .pitch = from->pitch ? from->pitch : width };
	if (to->type != TYPE_UNIFIED)
		return;
	to->type = mock_inside(from->device, 1) ? TYPE_DEVICE : TYPE_HOST;
	to->host = from->device;
}

API CUresult cuMemcpy2DAsync_v2(const struct copy2 *c, CUstream stream);
API CUresult cuMemcpy2DAsync_v2(const struct copy2 *c, CUstream stream)
{
	struct copy3 wide = { .width = c->width, .height = c->height, .depth = 1 };

	widen(&wide.from, &c->from, c->from.x + c->width);
	widen(&wide.to, &c->to, c->to.x + c->width);
	return copy_box(&wide, stream);
}

API CUresult cuMemcpy2D_v2(const struct copy2 *c);
API CUresult cuMemcpy2D_v2(const struct copy2 *c)
{
	return cuMemcpy2DAsync_v2(c, NULL);
}

API CUresult cuMemcpy2DUnaligned_v2(const struct copy2 *c);
API CUresult cuMemcpy2DUnaligned_v2(const struct copy2 *c)
{
	return cuMemcpy2DAsync_v2(c, NULL);
}

API CUresult cuMemcpy3DAsync_v2(const struct copy3 *c, CUstream stream);
API CUresult cuMemcpy3DAsync_v2(const struct copy3 *c, CUstream stream)
{
	return copy_box(c, stream);
}

API CUresult cuMemcpy3D_v2(const struct copy3 *c);
API CUresult cuMemcpy3D_v2(const struct copy3 *c)
{
	return copy_box(c, NULL);
}

/* With one space of addresses. */
API CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t size);
API CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t size)
{
	if (mock_inside(dst, size))
		return mock_inside(src, size) ? cuMemcpyDtoDAsync_v2(dst, src, size, NULL)
					      : cuMemcpyHtoD_v2(dst, (void *)(uintptr_t)src, size);
	return cuMemcpyDtoH_v2((void *)(uintptr_t)dst, src, size);
}

API CUresult cuMemAllocPitch_v2(CUdeviceptr *p, size_t *pitch, size_t width, size_t height,
				unsigned unit);
API CUresult cuMemAllocPitch_v2(CUdeviceptr *p, size_t *pitch, size_t width, size_t height,
				unsigned unit)
{
	if (unit != 4 && unit != 8 && unit != 16)
		return ERROR_INVALID_VALUE;
	*pitch = (width + 511) / 512 * 512;
	return cuMemAlloc_v2(p, *pitch * height);
}

/* ---- Fills ---- */

static CUresult fill(CUdeviceptr at, size_t pitch, const void *value, size_t unit, size_t width,
		     size_t height)
{
	if (!mock_current())
		return ERROR_NO_CONTEXT;
	if (at % unit || !mock_inside(at, (height - 1) * pitch + width * unit))
		return ERROR_INVALID_VALUE;
	mock_work();
	for (size_t y = 0; y < height; y++)
		for (size_t x = 0; x < width; x++)
			memcpy((unsigned char *)(uintptr_t)at + y * pitch + x * unit, value, unit);
	return CUDA_SUCCESS;
}

#define FILLS(bits, type)                                                                       \
	API CUresult cuMemsetD##bits##_v2(CUdeviceptr at, type value, size_t count);            \
	API CUresult cuMemsetD##bits##_v2(CUdeviceptr at, type value, size_t count)             \
	{                                                                                       \
		return fill(at, 0, &value, sizeof(value), count, 1);                            \
	}                                                                                       \
	API CUresult cuMemsetD2D##bits##_v2(CUdeviceptr at, size_t pitch, type value, size_t w, \
					    size_t h);                                          \
	API CUresult cuMemsetD2D##bits##_v2(CUdeviceptr at, size_t pitch, type value, size_t w, \
					    size_t h)                                           \
	{                                                                                       \
		return fill(at, pitch, &value, sizeof(value), w, h);                            \
	}

FILLS(8, uint8_t)
FILLS(16, uint16_t)
FILLS(32, uint32_t)

/* ---- Pointers, textures, functions of the host ---- */

#define POINTER_MEMORY_TYPE 2
#define POINTER_IS_MANAGED  8

API CUresult cuPointerGetAttribute(void *value, int attribute, CUdeviceptr p);
API CUresult cuPointerGetAttribute(void *value, int attribute, CUdeviceptr p)
{
	if (!mock_inside(p, 1))
		return ERROR_INVALID_VALUE;
	if (attribute == POINTER_MEMORY_TYPE)
		*(unsigned *)value = TYPE_DEVICE;
	else if (attribute == POINTER_IS_MANAGED)
		*(unsigned *)value = getenv("MOCK_MANAGED") != NULL;
	else
		*(uint64_t *)value = 1;
	return CUDA_SUCCESS;
}

API CUresult cuTexObjectCreate(unsigned long long *texture, const struct resource_desc *resource,
			       const void *sampling, const void *view);
API CUresult cuTexObjectCreate(unsigned long long *texture, const struct resource_desc *resource,
			       const void *sampling, const void *view)
{
	(void)sampling;
	(void)view;
	*texture = resource->at;
	return CUDA_SUCCESS;
}

API CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void *), void *data);
API CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void *), void *data)
{
	if (stream && stream->magic != STREAM_MAGIC)
		return ERROR_BAD_HANDLE;
	function(data);
	return CUDA_SUCCESS;
}

API CUresult cuStreamAddCallback(CUstream stream, void (*function)(CUstream, CUresult, void *),
				 void *data, unsigned flags);
API CUresult cuStreamAddCallback(CUstream stream, void (*function)(CUstream, CUresult, void *),
				 void *data, unsigned flags)
{
	if ((stream && stream->magic != STREAM_MAGIC) || flags)
		return ERROR_BAD_HANDLE;
	function(stream, CUDA_SUCCESS, data);
	return CUDA_SUCCESS;
}
