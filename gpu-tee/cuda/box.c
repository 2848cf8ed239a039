// SPDX-License-Identifier: Apache-2.0
/*
 * Copies of two and three dimensions. Rows go to the GPU each as it is, many in a record. What
 * comes back is read in one piece with what lies between the rows, if that is not much; and the
 * program sees nothing before all of it has been verified.
 */
#include "abi.h"
#include "shim.h"

#include <stdlib.h>
#include <string.h>

/* A side that has been understood: where its first row is, and how far the others are. */
struct layout {
	bool gpu;
	uint64_t first;
	size_t row, slice;
	size_t span; /* from the first byte to the last */
};

/* In bytes, rows and slices. */
struct extent {
	size_t width, height, depth;
};

static CUresult where(const struct side3 *s, struct layout *l, uint64_t *base)
{
	struct shim_block b;

	*base = s->type == TYPE_HOST ? s->host : s->device;
	switch (s->type) {
	case TYPE_HOST:
	case TYPE_DEVICE:
		l->gpu = s->type == TYPE_DEVICE;
		return CUDA_SUCCESS;
	case TYPE_UNIFIED:
		l->gpu = !shim_find(NULL, *base, 1, &b);
		return CUDA_SUCCESS;
	case TYPE_ARRAY:
		return shim_refuse("a copy of an array");
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

static bool fits(size_t at, size_t size, size_t all)
{
	return size <= all && at <= all - size;
}

static CUresult lay_out(const struct side3 *s, const struct extent *e, struct layout *l)
{
	size_t rows = s->height, offset, part;
	uint64_t base, end;
	CUresult rc = where(s, l, &base);

	if (rc != CUDA_SUCCESS)
		return rc;
	l->row = s->pitch;
	if (!l->row && e->height == 1 && e->depth == 1 && !s->y && !s->z &&
	    __builtin_add_overflow(s->x, e->width, &l->row))
		return CUDA_ERROR_INVALID_VALUE;
	if (!rows && e->depth == 1 && !s->z && __builtin_add_overflow(s->y, e->height, &rows))
		return CUDA_ERROR_INVALID_VALUE;
	if (s->lod || !fits(s->x, e->width, l->row) || !fits(s->y, e->height, rows) ||
	    __builtin_mul_overflow(rows, l->row, &l->slice) ||
	    __builtin_mul_overflow(s->z, l->slice, &offset) ||
	    __builtin_mul_overflow(s->y, l->row, &part) ||
	    __builtin_add_overflow(offset, part, &offset) ||
	    __builtin_add_overflow(offset, s->x, &offset) ||
	    __builtin_mul_overflow(e->depth - 1, l->slice, &l->span) ||
	    __builtin_add_overflow(l->span, (e->height - 1) * l->row, &l->span) ||
	    __builtin_add_overflow(l->span, e->width, &l->span) ||
	    __builtin_add_overflow(base, offset, &l->first) ||
	    __builtin_add_overflow(l->first, l->span, &end))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* Rows that follow each other on both sides are one. */
static void collapse(struct extent *e, struct layout *a, struct layout *b)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (e->height != 1 && (a->row != e->width || b->row != e->width))
			return;
		e->width *= e->height;
		e->height = e->depth;
		e->depth = 1;
		a->row = a->slice;
		b->row = b->slice;
	}
}

static size_t rows_of(const struct extent *e)
{
	return e->height * e->depth;
}

static uint64_t row_at(const struct layout *l, const struct extent *e, size_t i)
{
	return l->first + i / e->height * l->slice + i % e->height * l->row;
}

static CUresult write_rows(struct shim_target *t, const struct extent *e, const struct layout *from,
			   const struct layout *to, bool wait)
{
	struct hg_event *done = NULL;
	size_t i, count = rows_of(e);
	CUresult rc = CUDA_SUCCESS;

	for (i = 0; rc == CUDA_SUCCESS && i < count; i++)
		rc = shim_write(t, row_at(to, e, i), (const void *)row_at(from, e, i), e->width,
				wait && i == count - 1 ? &done : NULL);
	if (rc != CUDA_SUCCESS)
		return rc;
	return done ? shim_arrived(t, done) : shim_leave(t);
}

/* @from becomes the layout of what was read. @copy is the caller's to free, whatever happens. */
static CUresult fetch(struct shim_target *t, const struct extent *e, struct layout *from,
		      void **copy)
{
	struct layout packed = { .row = e->width, .slice = e->width * e->height };
	size_t i, size = packed.slice * e->depth, all = from->span / 2 <= size ? from->span : size;
	CUresult rc = CUDA_SUCCESS;

	*copy = malloc(all);
	if (!*copy)
		return CUDA_ERROR_OUT_OF_MEMORY;
	packed.first = (uintptr_t)*copy;
	if (all == from->span)
		rc = shim_read(t, *copy, from->first, all);
	for (i = 0; all != from->span && rc == CUDA_SUCCESS && i < rows_of(e); i++)
		rc = shim_read(t, (void *)row_at(&packed, e, i), row_at(from, e, i), e->width);
	if (all == from->span)
		from->first = packed.first;
	else
		*from = packed;
	return rc;
}

static void move_rows(const struct extent *e, const struct layout *from, const struct layout *to)
{
	size_t i;

	for (i = 0; i < rows_of(e); i++)
		memmove((void *)row_at(to, e, i), (const void *)row_at(from, e, i), e->width);
}

static CUresult read_rows(struct shim_target *t, const struct extent *e, struct layout *from,
			  const struct layout *to)
{
	void *copy = NULL;
	CUresult rc;

	if (rows_of(e) == 1)
		return shim_read(t, (void *)to->first, from->first, e->width);
	rc = fetch(t, e, from, &copy);
	if (rc == CUDA_SUCCESS)
		move_rows(e, from, to);
	free(copy);
	return rc;
}

static CUresult within_gpu(const struct layout *from, const struct layout *to, CUstream stream)
{
	struct shim_target t;
	CUresult rc = shim_target(from->first, from->span, stream, &t);

	if (rc == CUDA_SUCCESS)
		rc = shim_target(to->first, to->span, stream, &t);
	if (rc == CUDA_SUCCESS)
		report_in_clear(CLEAR_COPY, 0);
	return rc;
}

/* With @gpu set nothing was copied: both sides are on the GPU, and the driver may. */
static CUresult copy_box(const struct copy3 *c, CUstream stream, bool wait, bool *gpu)
{
	struct extent e = { c->width, c->height, c->depth };
	struct layout from, to;
	struct shim_target t;
	CUresult rc;

	*gpu = false;
	if (!shim_current(&rc))
		return rc;
	if (c->from.type == TYPE_ARRAY || c->to.type == TYPE_ARRAY)
		return shim_refuse("a copy of an array");
	if (!e.width || !e.height || !e.depth)
		return CUDA_SUCCESS;
	rc = lay_out(&c->from, &e, &from);
	if (rc == CUDA_SUCCESS)
		rc = lay_out(&c->to, &e, &to);
	if (rc != CUDA_SUCCESS)
		return rc;
	*gpu = from.gpu && to.gpu;
	if (*gpu)
		return within_gpu(&from, &to, stream);
	collapse(&e, &from, &to);
	if (!from.gpu && !to.gpu) {
		move_rows(&e, &from, &to);
		return CUDA_SUCCESS;
	}
	rc = shim_target(to.gpu ? to.first : from.first, to.gpu ? to.span : from.span, stream, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	report_operation(REPORT_RECT, to.gpu ? REPORT_TO_DEVICE : REPORT_TO_HOST,
			 e.width * rows_of(&e));
	return to.gpu ? write_rows(&t, &e, &from, &to, wait) : read_rows(&t, &e, &from, &to);
}

CUresult shim_repeat(CUdeviceptr at, size_t pitch, const void *row, size_t width, size_t height,
		     CUstream stream)
{
	struct side3 side = { .type = TYPE_DEVICE, .device = at, .pitch = pitch };
	struct extent e = { width, height, 1 };
	struct layout to, from = { .first = (uintptr_t)row };
	struct shim_target t;
	CUresult rc = lay_out(&side, &e, &to);

	if (rc == CUDA_SUCCESS)
		rc = shim_target(to.first, to.span, stream, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	report_operation(REPORT_FILL, REPORT_TO_DEVICE, width * height);
	return write_rows(&t, &e, &from, &to, false);
}

static void widen_side(struct side3 *to, const struct side2 *from)
{
	*to = (struct side3){
		.x = from->x,
		.y = from->y,
		.type = from->type,
		.host = from->host,
		.device = from->device,
		.array = from->array,
		.pitch = from->pitch,
	};
}

/* @real: the driver's function of the same name, for a copy within the GPU. */
static CUresult copy_2d(const struct copy2 *given, CUstream stream, bool wait, int real)
{
	struct copy3 wide = { .depth = 1 };
	struct copy2 c;
	CUresult rc;
	bool gpu;

	if (!given)
		return CUDA_ERROR_INVALID_VALUE;
	c = *given;
	widen_side(&wide.from, &c.from);
	widen_side(&wide.to, &c.to);
	wide.width = c.width;
	wide.height = c.height;
	rc = copy_box(&wide, stream, wait, &gpu);
	if (rc != CUDA_SUCCESS || !gpu)
		return rc;
	if (!hg_cuda_reals[real])
		return CUDA_ERROR_NOT_FOUND;
	return ((CUresult(*)(const struct copy2 *, CUstream))hg_cuda_reals[real])(
		&c, shim_stream(stream));
}

static CUresult copy_3d(const struct copy3 *given, CUstream stream, bool wait, int real)
{
	struct copy3 c;
	CUresult rc;
	bool gpu;

	if (!given)
		return CUDA_ERROR_INVALID_VALUE;
	c = *given;
	rc = copy_box(&c, stream, wait, &gpu);
	if (rc != CUDA_SUCCESS || !gpu)
		return rc;
	if (!hg_cuda_reals[real])
		return CUDA_ERROR_NOT_FOUND;
	return ((CUresult(*)(const struct copy3 *, CUstream))hg_cuda_reals[real])(
		&c, shim_stream(stream));
}

API CUresult cuMemcpy2D_v2(const struct copy2 *copy);
API CUresult cuMemcpy2D_v2(const struct copy2 *copy)
{
	return copy_2d(copy, NULL, true, HG_cuMemcpy2D_v2);
}

API CUresult cuMemcpy2DUnaligned_v2(const struct copy2 *copy);
API CUresult cuMemcpy2DUnaligned_v2(const struct copy2 *copy)
{
	return copy_2d(copy, NULL, true, HG_cuMemcpy2DUnaligned_v2);
}

API CUresult cuMemcpy2DAsync_v2(const struct copy2 *copy, CUstream stream);
API CUresult cuMemcpy2DAsync_v2(const struct copy2 *copy, CUstream stream)
{
	return copy_2d(copy, stream, false, HG_cuMemcpy2DAsync_v2);
}

API CUresult cuMemcpy3D_v2(const struct copy3 *copy);
API CUresult cuMemcpy3D_v2(const struct copy3 *copy)
{
	return copy_3d(copy, NULL, true, HG_cuMemcpy3D_v2);
}

API CUresult cuMemcpy3DAsync_v2(const struct copy3 *copy, CUstream stream);
API CUresult cuMemcpy3DAsync_v2(const struct copy3 *copy, CUstream stream)
{
	return copy_3d(copy, stream, false, HG_cuMemcpy3DAsync_v2);
}
