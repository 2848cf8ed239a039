/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one call uses, and gives back at its end: memory from one pool with a
 * limit, and one place where every failure goes. Code below an entry point
 * allocates and fails without a return value to check; the entry point says
 *
 *	if (setjmp(pool.failed)) { hg_pool_free(&pool); return -1; }
 */
#ifndef HG_SOURCE_POOL_H
#define HG_SOURCE_POOL_H

#include <setjmp.h>

#include "source.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct hg_block;

struct hg_pool {
	struct hg_block *block;
	size_t used, limit;
	struct hg_source_error *err;
	jmp_buf failed;
};

/* @err may be NULL. */
void hg_pool_init(struct hg_pool *pool, size_t limit, struct hg_source_error *err);
void hg_pool_free(struct hg_pool *pool);
/* Zeroed, aligned for anything. */
void *hg_pool_get(struct hg_pool *pool, size_t size);
char *hg_pool_copy(struct hg_pool *pool, const char *text, size_t size);
/* An array that must hold one more: grown to twice its size when it is full. */
void *hg_pool_grow(struct hg_pool *pool, void *array, size_t used, size_t *room, size_t each);

_Noreturn void hg_pool_fail(struct hg_pool *pool, enum hg_source_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Text that grows; in the pool. */
struct hg_text {
	char *data;
	size_t size, room;
};

void hg_text_add(struct hg_pool *pool, struct hg_text *t, const char *data, size_t size);
void hg_text_put(struct hg_pool *pool, struct hg_text *t, const char *string);
void hg_text_format(struct hg_pool *pool, struct hg_text *t, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* For what outlives the call: from malloc(), or the pool fails. */
char *hg_keep(struct hg_pool *pool, const char *text, size_t size);

#endif
