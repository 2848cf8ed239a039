// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKETS 1024u

static struct object *bucket[BUCKETS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct object **slot(const void *handle)
{
	uint64_t h = (uint64_t)(uintptr_t)handle * 0x9e3779b97f4a7c15u;

	return &bucket[h >> 54 & (BUCKETS - 1)];
}

static struct object *find(const void *handle, enum object_kind kind)
{
	struct object *o = *slot(handle);

	while (o && (o->handle != handle || o->kind != kind))
		o = o->next;
	return o;
}

static void unlink_object(struct object *o)
{
	struct object **p = slot(o->handle);

	if (!o->entered)
		return;
	while (*p != o)
		p = &(*p)->next;
	*p = o->next;
	o->entered = false;
}

void table_enter(struct object *o, void *handle, enum object_kind kind,
		 void (*destroy)(struct object *))
{
	struct object *stale;

	o->handle = handle;
	o->kind = kind;
	o->app = o->refs = 1;
	o->destroy = destroy;
	pthread_mutex_lock(&lock);
	/* Another record may still hold that of an object which the driver has
	 * freed: its handle means the new one from here on. */
	stale = find(handle, kind);
	if (stale)
		unlink_object(stale);
	o->next = *slot(handle);
	*slot(handle) = o;
	o->entered = true;
	pthread_mutex_unlock(&lock);
}

struct object *table_get(const void *handle, enum object_kind kind)
{
	struct object *o;

	if (!handle)
		return NULL;
	pthread_mutex_lock(&lock);
	o = find(handle, kind);
	if (o)
		o->refs++;
	pthread_mutex_unlock(&lock);
	return o;
}

void table_ref(struct object *o)
{
	pthread_mutex_lock(&lock);
	o->refs++;
	pthread_mutex_unlock(&lock);
}

void table_put(struct object *o)
{
	bool last;

	if (!o)
		return;
	pthread_mutex_lock(&lock);
	last = !--o->refs;
	if (last)
		unlink_object(o);
	pthread_mutex_unlock(&lock);
	if (last)
		o->destroy(o);
}

bool table_put_early(struct object *o)
{
	bool early;

	pthread_mutex_lock(&lock);
	early = o->refs > 1;
	if (early)
		o->refs--;
	pthread_mutex_unlock(&lock);
	return early;
}

bool table_retain(const void *handle, enum object_kind kind)
{
	struct object *o;

	pthread_mutex_lock(&lock);
	o = handle ? find(handle, kind) : NULL;
	if (o) {
		o->app++;
		o->refs++;
	}
	pthread_mutex_unlock(&lock);
	return o;
}

bool table_release(const void *handle, enum object_kind kind)
{
	struct object *o;
	bool ours;

	pthread_mutex_lock(&lock);
	o = handle ? find(handle, kind) : NULL;
	ours = o && o->app;
	if (ours)
		o->app--;
	pthread_mutex_unlock(&lock);
	if (ours)
		table_put(o);
	return ours;
}
