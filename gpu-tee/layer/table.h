/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer's records of OpenCL objects, found by handle. A record lives while the
 * application or another record refers to it.
 */
#ifndef LAYER_TABLE_H
#define LAYER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum object_kind {
	OBJECT_CONTEXT = 1,
	OBJECT_QUEUE,
	OBJECT_MEM,
	OBJECT_EVENT,
	OBJECT_PROGRAM,
	OBJECT_KERNEL,
	OBJECT_SAMPLER,
};

struct object {
	void *handle;
	enum object_kind kind;
	/* References of the application's, and all. */
	unsigned int app, refs;
	bool entered;
	struct object *next;
	/* Called without the table's lock, when the last reference goes. */
	void (*destroy)(struct object *);
};

/* The application has the first reference. */
void table_enter(struct object *o, void *handle, enum object_kind kind,
		 void (*destroy)(struct object *));
/* NULL if @handle is no such object; else give it back with table_put(). */
struct object *table_get(const void *handle, enum object_kind kind);
void table_ref(struct object *o);
/*
 * Never 0, and another one after a memory object was entered or went: what was found out about
 * such a handle holds as long as this stays.
 */
uint64_t table_era(void);
void table_put(struct object *o);
/* The same, unless it would be the end of @o: then false. */
bool table_put_early(struct object *o);
/* What the application's clRetain... and clRelease... do. False: no such object. */
bool table_retain(const void *handle, enum object_kind kind);
/* Call it before the driver's, which may give the handle to another object. */
bool table_release(const void *handle, enum object_kind kind);

#endif
