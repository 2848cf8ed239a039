/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim: a libcuda.so.1 in front of the driver's. What carries data it does itself,
 * by the sealed channel; the rest of names.list it hands on; nothing else exists.
 */
#ifndef HG_CUDA_SHIM_H
#define HG_CUDA_SHIM_H

#include "channel.h"
#include "cuda.h"
#include "shim_names.h"

#include "../layer/report.h"

#define API			   __attribute__((visibility("default")))

#define CUDA_ERROR_INVALID_VALUE   1
#define CUDA_ERROR_NOT_INITIALIZED 3
#define CUDA_ERROR_NO_DEVICE	   100
#define CUDA_ERROR_FILE_NOT_FOUND  301
#define CUDA_ERROR_NOT_FOUND	   500
#define CU_ATTRIBUTE_PAGEABLE	   88
#define CUDA_ERROR_LAUNCH_FAILED   719 /* sticky, as what it stands for here */
#define CUDA_ERROR_NOT_SUPPORTED   801

/* ---- driver.c: the driver's library ----------------------------------------------- */

/* By the numbers of shim_names.h; NULL: the driver does not have it. */
extern void *hg_cuda_reals[HG_CUDA_NAMES];
/* For the provider, which calls the driver itself. Valid when shim_ready(). */
extern struct hg_cuda_api shim_api;
#define REAL(name, ...) ((CUresult(*)(__VA_ARGS__))hg_cuda_reals[HG_##name])

/* 0, or the error for the application, after a message the first time. */
CUresult shim_ready(void);
/* The program uses CUDA from now on: the report is about it. */
void shim_started(void);
/* One line to stderr. */
void shim_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- refuse.c ---- */

/*
 * -> CUDA_ERROR_NOT_SUPPORTED. Counts @name, a function or what of it, and names the first on
 * stderr. The functions of names.list that are refused come here.
 */
CUresult shim_refuse(const char *name);

/* ---- launch.c ---- */

/* Whether HYPERGPU_UNREWRITTEN is one of its values. */
bool shim_policy_known(void);

/* ---- session.c: a channel for each context ------------------------------------------- */

struct shim_session;

/* That of the current context; opens it. NULL and @rc: what to answer. */
struct shim_session *shim_current(CUresult *rc);
/* That of @context, if it has been opened. */
struct shim_session *shim_of(CUcontext context);
CUcontext shim_context(struct shim_session *s);
/* The context is about to go. */
void shim_forget(CUcontext context);
/* Says what happened, once; -> CUDA_ERROR_LAUNCH_FAILED, from now on always. */
CUresult shim_broken(struct shim_session *s, const struct hg_gpu_error *err);
/* The first error, or CUDA_SUCCESS. */
CUresult shim_state(struct shim_session *s);
struct hg_channel *shim_channel(struct shim_session *s);
struct hg_provider *shim_provider(struct shim_session *s);
/* Stream 1 is 0 by another name. 2, the thread's own, becomes 0: it would wait for that anyway. */
CUstream shim_stream(CUstream stream);
/*
 * A stream as a queue: one object for each handle, as the channel knows queues by their
 * addresses. Lives as long as the session. NULL without memory.
 */
struct hg_queue *shim_queue(struct shim_session *s, CUstream stream);

/* ---- memory.c: what the application has allocated -------------------------------------- */

struct shim_block {
	CUcontext context;
	CUmodule module; /* whose global it is, or NULL */
	struct hg_buffer buffer;
	size_t size;
	uint64_t id; /* of the channel of that context */
};

/*
 * Copies the block that [at, at + size) lies in. 0 or -1. That of another context than
 * @context is not found, as its id means nothing there; NULL: of whichever.
 */
int shim_find(CUcontext context, CUdeviceptr at, size_t size, struct shim_block *block);
/* Binds memory that the driver gave. */
CUresult shim_adopt(struct shim_session *s, CUdeviceptr at, size_t size, CUmodule module);
void shim_forget_blocks(CUcontext context);

/* ---- copy.c: sealed copies ------------------------------------------------------------------ */

/* Memory on the GPU, and the stream in which something happens to it. */
struct shim_target {
	struct shim_session *session;
	struct hg_queue *queue;
	struct shim_block block;
};

/* CUDA_ERROR_INVALID_VALUE: not all of [at, at + size) is in one block of the current context. */
CUresult shim_target(CUdeviceptr at, size_t size, CUstream stream, struct shim_target *t);
/*
 * @src has been read on return. @done, unless NULL, is for shim_arrived(); else the last of several
 * is followed by shim_leave(). The bytes are in the block of @t.
 */
CUresult shim_write(struct shim_target *t, CUdeviceptr at, const void *src, size_t size,
		    struct hg_event **done);
CUresult shim_leave(struct shim_target *t);
CUresult shim_arrived(struct shim_target *t, struct hg_event *done);
/* Waits: @dst holds nothing that was not verified. Wiped where a later piece fails. */
CUresult shim_read(struct shim_target *t, void *dst, CUdeviceptr at, size_t size);

/* ---- box.c: copies of two and three dimensions ----------------------------------------------- */

/* Rows of @width bytes, the same each, to @at, @pitch apart. In bytes; checked as a copy is. */
CUresult shim_repeat(CUdeviceptr at, size_t pitch, const void *row, size_t width, size_t height,
		     CUstream stream);

#endif
