/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that share the records of a transfer with whoever called. */
#ifndef HG_GPU_POOL_H
#define HG_GPU_POOL_H

#include "error.h"

struct hg_pool;

/* @threads may be 0: then the caller does all. */
int hg_pool_new(unsigned threads, struct hg_pool **pool, struct hg_gpu_error *err);
void hg_pool_close(struct hg_pool *pool);
/*
 * Calls @work(@arg, i) for each i below @count, once, and returns when all are through.
 * While another thread uses the pool the caller does all of its own.
 */
void hg_pool_run(struct hg_pool *pool, void (*work)(void *arg, unsigned i), void *arg,
		 unsigned count);

#endif
