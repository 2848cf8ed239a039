// SPDX-License-Identifier: Apache-2.0
#include "pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK  65536u
#define ALIGN  16u
#define MEMORY ((size_t)512 << 20)

struct hg_block {
	struct hg_block *next;
	size_t used, size;
	_Alignas(ALIGN) char data[];
};

void hg_pool_init(struct hg_pool *pool, size_t limit, struct hg_source_error *err)
{
	pool->block = NULL;
	pool->used = 0;
	pool->limit = limit ? limit : MEMORY;
	pool->err = err;
	if (err)
		*err = (struct hg_source_error){ 0 };
}

void hg_pool_free(struct hg_pool *pool)
{
	while (pool->block) {
		struct hg_block *next = pool->block->next;

		free(pool->block);
		pool->block = next;
	}
}

void hg_pool_fail(struct hg_pool *pool, enum hg_source_code code, const char *fmt, ...)
{
	va_list args;

	if (pool->err) {
		pool->err->code = code;
		va_start(args, fmt);
		vsnprintf(pool->err->text, sizeof(pool->err->text), fmt, args);
		va_end(args);
	}
	longjmp(pool->failed, 1);
}

static struct hg_block *new_block(struct hg_pool *pool, size_t size)
{
	size_t room = size > BLOCK / 4 ? size : BLOCK;
	struct hg_block *b;

	if (room > pool->limit || pool->used > pool->limit - room)
		hg_pool_fail(pool, HG_SOURCE_LIMIT,
			     "the program needs more than %zu bytes while it is preprocessed: "
			     "a macro may expand without end",
			     pool->limit);
	b = calloc(1, sizeof(*b) + room);
	if (!b)
		hg_pool_fail(pool, HG_SOURCE_MEMORY, "no memory for the program's source");
	b->size = room;
	pool->used += room;
	/* A large piece has its own block, behind the one that is being filled. */
	if (room != BLOCK && pool->block) {
		b->next = pool->block->next;
		pool->block->next = b;
	} else {
		b->next = pool->block;
		pool->block = b;
	}
	return b;
}

void *hg_pool_get(struct hg_pool *pool, size_t size)
{
	struct hg_block *b = pool->block;
	void *at;

	if (size > pool->limit)
		size = pool->limit + 1;
	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (!b || size > b->size - b->used)
		b = new_block(pool, size);
	at = b->data + b->used;
	b->used += size;
	return at;
}

char *hg_pool_copy(struct hg_pool *pool, const char *text, size_t size)
{
	char *copy = hg_pool_get(pool, size + 1);

	if (size)
		memcpy(copy, text, size);
	return copy;
}

void *hg_pool_grow(struct hg_pool *pool, void *array, size_t used, size_t *room, size_t each)
{
	size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (used < *room)
		return array;
	if (more > pool->limit / each)
		more = pool->limit / each + 1;
	grown = hg_pool_get(pool, more * each);
	if (used)
		memcpy(grown, array, used * each);
	*room = more;
	return grown;
}

void hg_text_add(struct hg_pool *pool, struct hg_text *t, const char *data, size_t size)
{
	if (size >= t->room - t->size || !t->room) {
		size_t room = 2 * t->size + size + 256;
		char *grown = hg_pool_get(pool, room);

		if (t->size)
			memcpy(grown, t->data, t->size);
		t->data = grown;
		t->room = room;
	}
	if (size)
		memcpy(t->data + t->size, data, size);
	t->size += size;
	t->data[t->size] = 0;
}

void hg_text_put(struct hg_pool *pool, struct hg_text *t, const char *string)
{
	hg_text_add(pool, t, string, strlen(string));
}

void hg_text_format(struct hg_pool *pool, struct hg_text *t, const char *fmt, ...)
{
	char small[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(small, sizeof(small), fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		hg_text_add(pool, t, small, (size_t)n);
	} else if (n > 0) {
		char *large = hg_pool_get(pool, (size_t)n + 1);

		va_start(args, fmt);
		vsnprintf(large, (size_t)n + 1, fmt, args);
		va_end(args);
		hg_text_add(pool, t, large, (size_t)n);
	}
}

char *hg_keep(struct hg_pool *pool, const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		hg_pool_fail(pool, HG_SOURCE_MEMORY, "no memory for the program's source");
	if (size)
		memcpy(copy, text, size);
	copy[size] = 0;
	return copy;
}
