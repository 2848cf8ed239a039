// SPDX-License-Identifier: Apache-2.0
/* Copies of one piece, as records. */
#include "shim.h"

#include <string.h>

CUresult shim_target(CUdeviceptr at, size_t size, CUstream stream, struct shim_target *t)
{
	CUresult rc;

	t->session = shim_current(&rc);
	if (!t->session)
		return rc;
	if (shim_find(shim_context(t->session), at, size, &t->block))
		return CUDA_ERROR_INVALID_VALUE;
	t->queue = shim_queue(t->session, stream);
	return t->queue ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult shim_write(struct shim_target *t, CUdeviceptr at, const void *src, size_t size,
		    struct hg_event **done)
{
	struct hg_buffer *buffer = &t->block.buffer;
	struct hg_gpu_error err;

	if (hg_channel_write(shim_channel(t->session), t->queue, t->block.id, buffer,
			     at - buffer->at, src, size, done, &err))
		return shim_broken(t->session, &err);
	report_crossing(REPORT_TO_DEVICE, size);
	return CUDA_SUCCESS;
}

CUresult shim_leave(struct shim_target *t)
{
	struct hg_gpu_error err;

	return hg_channel_flush(shim_channel(t->session), t->queue, &err)
		       ? shim_broken(t->session, &err)
		       : CUDA_SUCCESS;
}

CUresult shim_arrived(struct shim_target *t, struct hg_event *done)
{
	struct hg_provider *p = shim_provider(t->session);
	struct hg_gpu_error err;
	int rc = p->ops->event_wait(p, done, &err);

	p->ops->event_release(p, done);
	return rc ? shim_broken(t->session, &err) : CUDA_SUCCESS;
}

CUresult shim_read(struct shim_target *t, void *dst, CUdeviceptr at, size_t size)
{
	struct hg_buffer *buffer = &t->block.buffer;
	struct hg_pending *pending;
	struct hg_gpu_error err;

	if (hg_channel_read(shim_channel(t->session), t->queue, t->block.id, buffer,
			    at - buffer->at, dst, size, &pending, &err) ||
	    hg_channel_complete(shim_channel(t->session), pending, &err))
		return shim_broken(t->session, &err);
	report_crossing(REPORT_TO_HOST, size);
	return CUDA_SUCCESS;
}

static CUresult usable(void)
{
	CUresult rc;

	shim_current(&rc);
	return rc;
}

/* @src has been read on return; with @wait the data has also arrived. */
static CUresult to_device(CUdeviceptr dst, const void *src, size_t size, CUstream stream, bool wait)
{
	struct hg_event *done = NULL;
	struct shim_target t;
	CUresult rc;

	if (!size)
		return usable();
	rc = shim_target(dst, size, stream, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	report_operation(REPORT_WRITE, REPORT_TO_DEVICE, size);
	rc = shim_write(&t, dst, src, size, wait ? &done : NULL);
	if (rc != CUDA_SUCCESS)
		return rc;
	return done ? shim_arrived(&t, done) : shim_leave(&t);
}

/* Waits, as it may: @dst holds nothing that was not verified, and nothing half. */
static CUresult to_host(void *dst, CUdeviceptr src, size_t size, CUstream stream)
{
	struct shim_target t;
	CUresult rc;

	if (!size)
		return usable();
	rc = shim_target(src, size, stream, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	report_operation(REPORT_READ, REPORT_TO_HOST, size);
	return shim_read(&t, dst, src, size);
}

/* Stays on the device: between contexts, which may be of two, it would cross in clear. */
static CUresult on_device(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream)
{
	struct shim_target t;
	CUresult rc;

	if (!size)
		return usable();
	rc = shim_target(dst, size, stream, &t);
	if (rc == CUDA_SUCCESS)
		rc = shim_target(src, size, stream, &t);
	if (rc != CUDA_SUCCESS)
		return rc;
	report_in_clear(CLEAR_COPY, 0);
	return REAL(cuMemcpyDtoDAsync_v2, CUdeviceptr, CUdeviceptr, size_t,
		    CUstream)(dst, src, size, shim_stream(stream));
}

/* With one space of addresses, who is who follows from what was allocated. */
static CUresult anywhere(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream, bool wait)
{
	struct shim_block b;
	int to = !shim_find(NULL, dst, 1, &b), from = !shim_find(NULL, src, 1, &b);

	if (to && from)
		return on_device(dst, src, size, stream);
	if (to)
		return to_device(dst, (const void *)(uintptr_t)src, size, stream, wait);
	if (from)
		return to_host((void *)(uintptr_t)dst, src, size, stream);
	if (size)
		memcpy((void *)(uintptr_t)dst, (const void *)(uintptr_t)src, size);
	return CUDA_SUCCESS;
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t size);
API CUresult cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t size)
{
	return to_device(dst, src, size, NULL, true);
}

API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t size, CUstream stream);
API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t size, CUstream stream)
{
	return to_device(dst, src, size, stream, false);
}

API CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t size);
API CUresult cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t size)
{
	return to_host(dst, src, size, NULL);
}

API CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t size, CUstream stream);
API CUresult cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t size, CUstream stream)
{
	return to_host(dst, src, size, stream);
}

API CUresult cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t size);
API CUresult cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t size)
{
	return on_device(dst, src, size, NULL);
}

API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream);
API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream)
{
	return on_device(dst, src, size, stream);
}

API CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t size);
API CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t size)
{
	return anywhere(dst, src, size, NULL, true);
}

API CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream);
API CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t size, CUstream stream)
{
	return anywhere(dst, src, size, stream, false);
}
