/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the public interface share. Names of the host's side are in ../host. */
#ifndef HG_LIB_H
#define HG_LIB_H

#include <hypergpu/hypergpu.h>

#include "channel.h"
#include "cuda.h"
#include "target.h"

#include <pthread.h>
#include <stdbool.h>

struct hg_opencl_device {
	struct hg_choice choice; /* the target keeps its address */
	struct hg_target target;
	cl_context context;
};

struct hg_cuda_device {
	struct hg_cuda_api api;
	unsigned index;
};

struct hg_provider_kind {
	const char *name;
	bool fingerprint; /* target and identity are there */
	/* Appends what there is; HG_GPU_E_UNSUPPORTED: no driver. */
	int (*list)(struct hg_gpu_list *list, struct hg_gpu_error *err);
	/* Fills what the device needs, and its info. Released on failure, too. */
	int (*open)(struct hg_gpu *gpu, const struct hg_gpu_open_options *options,
		    struct hg_gpu_error *err);
	void (*release)(struct hg_gpu *gpu);
	/* A provider with the session program for @suite. */
	int (*provider)(struct hg_gpu *gpu, unsigned suite, struct hg_provider **p,
			struct hg_gpu_error *err);
	/*
	 * After a comparison: a reading of the behaviour, on the device, for the agreement. *@made
	 * is to be released after that, unless it is NULL.
	 */
	int (*reading)(struct hg_gpu *gpu, struct hg_provider *p, struct hg_queue *queue,
		       struct hg_buffer **reading, struct hg_buffer **made,
		       struct hg_gpu_error *err);
};

extern const struct hg_provider_kind lib_opencl, lib_cuda, lib_simulated;

#define LIB_SUITES 4 /* by enum hg_suite; 0 is unused */

struct hg_gpu {
	unsigned refs; /* atomic: the caller's, and one of each session */
	const struct hg_provider_kind *kind;
	struct hg_gpu_info info;
	pthread_mutex_t lock; /* all that follows */
	struct hg_provider *provider[LIB_SUITES];
	struct hg_opencl_device cl; /* of "simulated", too, without a context */
	struct hg_cuda_device cuda;
};

/*
 * Lock order: the session's, then the channel's own. Calls hold it for reading, closing for
 * writing.
 */
struct hg_gpu_session {
	unsigned refs; /* atomic: the caller's, and one of each buffer */
	struct hg_gpu *gpu;
	struct hg_provider *provider; /* the gpu's */
	struct hg_queue *queue;
	pthread_rwlock_t lock;
	struct hg_channel *channel; /* NULL: closed */
	struct hg_channel_stats stats; /* once it is closed */
	int result;
};

struct hg_gpu_buffer {
	struct hg_gpu_session *session;
	struct hg_buffer *memory;
	uint64_t id;
	size_t size;
};

struct hg_gpu_list {
	size_t count;
	struct hg_gpu_info *info;
};

/* For providers: a result that is not one of the library's own. */
#define LIB_NOT_FOUND ((enum hg_gpu_code)HG_GPU_FAIL_NOT_FOUND)

/* Each ends a public function: fills @failure, which may be NULL, and returns the result. */
int lib_done(struct hg_gpu_failure *failure);
int lib_fail(struct hg_gpu_failure *failure, int result, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int lib_fail_memory(struct hg_gpu_failure *failure);
int lib_fail_closed(struct hg_gpu_failure *failure);
int lib_fail_as(struct hg_gpu_failure *failure, const struct hg_gpu_error *err);
/* The same for what went wrong with a record. */
int lib_fail_record(struct hg_gpu_failure *failure, const struct hg_gpu_error *err);

/*
 * Options, and structures to fill: HG_GPU_SUCCESS if their size is known. @known: flags, of
 * which @flags may have no other. @options NULL is an argument that is wrong.
 */
int lib_check_options(const void *options, size_t have, size_t want, uint64_t flags, uint64_t known,
		      struct hg_gpu_failure *failure);
#define LIB_CHECK(s, flags, known, failure)                                                 \
	lib_check_options((s), (s) ? (s)->struct_size : 0, sizeof(*(s)), (s) ? (flags) : 0, \
			  (known), (failure))
/* The same for a structure that is filled. */
#define LIB_CHECK_OUT(s, failure) LIB_CHECK(s, 0, 0, failure)

/* Copies what fits. */
void lib_text(char *to, size_t size, const char *from);

/* -1: HG_GPU_E_MEMORY. */
int lib_list_add(struct hg_gpu_list *list, const struct hg_gpu_info *info,
		 struct hg_gpu_error *err);
/* NULL: no such provider. */
const struct hg_provider_kind *lib_kind(const char *name);
/* A decimal number that all of @text is, not above @max; else false. */
bool lib_number(const char *text, uint64_t max, uint64_t *number);
/* The description of @info out of the rest. */
void lib_describe(struct hg_gpu_info *info);

void lib_gpu_hold(struct hg_gpu *gpu);
/* With its lock held. */
int lib_gpu_provider(struct hg_gpu *gpu, unsigned suite, struct hg_provider **p,
		     struct hg_gpu_error *err);
/* Opens the target on its choice. */
int lib_target_open(struct hg_gpu *gpu, struct hg_gpu_error *err);
/* The device is there and has a fingerprint. */
int lib_check_fingerprint(const struct hg_gpu *gpu, struct hg_gpu_failure *failure);

/* Reads a record that @signer signed; for free(). */
int lib_record(const char *text, size_t size, const char *signer, size_t signer_size,
	       struct hg_fp_record **record, struct hg_gpu_failure *failure);

void lib_session_put(struct hg_gpu_session *session);

#endif
