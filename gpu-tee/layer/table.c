// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKETS 1024u

static struct object *bucket[BUCKETS];
static uint64_t era = 1;
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

/* A handle may mean something else from here on. */
static void next_era(enum object_kind kind)
{
	if (kind == OBJECT_MEM)
		__atomic_fetch_add(&era, 1, __ATOMIC_RELEASE);
}

uint64_t table_era(void)
{
	return __atomic_load_n(&era, __ATOMIC_ACQUIRE);
}

static void refer(struct object *o)
{
	__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
}

/* Gives a reference back unless it is the last, which goes with the lock held. */
static bool put_early(struct object *o)
{
	unsigned int refs = __atomic_load_n(&o->refs, __ATOMIC_RELAXED);

	while (refs > 1)
		if (__atomic_compare_exchange_n(&o->refs, &refs, refs - 1, true, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static void unlink_object(struct object *o)
{
	struct object **p = slot(o->handle);

	if (!o->entered)
		return;
	next_era(o->kind);
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
	next_era(kind);
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
		refer(o);
	pthread_mutex_unlock(&lock);
	return o;
}

void table_ref(struct object *o)
{
	refer(o);
}

void table_put(struct object *o)
{
	bool last;

	if (!o || put_early(o))
		return;
	pthread_mutex_lock(&lock);
	last = !__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL);
	if (last)
		unlink_object(o);
	pthread_mutex_unlock(&lock);
	if (last)
		o->destroy(o);
}

bool table_put_early(struct object *o)
{
	return put_early(o);
}

bool table_retain(const void *handle, enum object_kind kind)
{
	struct object *o;

	pthread_mutex_lock(&lock);
	o = handle ? find(handle, kind) : NULL;
	if (o) {
		o->app++;
		refer(o);
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
