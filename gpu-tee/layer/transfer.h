/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Movements of data between the host and a memory object. What does not lie in one
 * piece on the device (a rectangle, an image) goes through a scratch buffer there.
 */
#ifndef LAYER_TRANSFER_H
#define LAYER_TRANSFER_H

#include "layer.h"
#include "report.h"

/* Host memory of the layer's own that a transfer uses: the last user wipes it. */
struct shadow {
	unsigned int refs;
	size_t size;
	void *data;
};

/* NULL without memory; begins at a page. */
struct shadow *shadow_new(size_t size);
void shadow_ref(struct shadow *s);
void shadow_put(struct shadow *s);

enum shape { SHAPE_LINEAR, SHAPE_RECT, SHAPE_IMAGE };

struct transfer {
	enum report_direction direction;
	enum report_kind kind;
	struct mem *mem;
	/* On the device: where a linear one begins, or a rectangle with its pitches. */
	enum shape shape;
	size_t offset;
	size_t origin[3], row, slice;
	/* Bytes of a row, rows, slices; images also count elements. */
	size_t region[3];
	size_t elements;
	/* On the host: the first byte, and the way to the next row and slice. */
	char *host;
	size_t host_row, host_slice;
	/* What @host lies in, if it is not the application's. */
	struct shadow *own;
};

/* One piece on both sides. */
void transfer_linear(struct transfer *t, enum report_direction direction, enum report_kind kind,
		     struct mem *m, size_t offset, void *host, size_t size);
/* CL_SUCCESS, CL_OUT_OF_HOST_MEMORY or the like; a blocking one is done on return. Takes a
 * reference of t->own if it needs it for longer. */
cl_int transfer_run(struct queue *q, const struct transfer *t, cl_bool blocking, cl_uint count,
		    const cl_event *list, cl_event *event, cl_command_type type);
/* On the layer's own queue, for initial contents: done on return. */
cl_int transfer_now(struct context *c, const struct transfer *t);
/* What transfer_run() wants: the queue's record, the wait list checked. */
cl_int transfer_begin(cl_command_queue handle, cl_uint count, const cl_event *list,
		      struct queue **q);

/* An event of the application's has failed. PoCL calls no callback of a command that
 * fails for what it waited for, so the gates must be looked at. */
void gates_look_after_failure(void);

/* Waits until the reads of @q up to the one numbered @index are delivered. */
void deliver_until(struct queue *q, uint64_t index);
/* Whether they are. */
bool delivered(struct queue *q, uint64_t index);
/* A size that does not fit is 0; no true size is. */
size_t product(size_t a, size_t b);
/* With the lane's lock held: its scratch buffer has at least @size bytes after it. What was
 * enqueued with the old one keeps that. */
cl_int lane_scratch(struct context *c, struct lane *l, size_t size);

/* buffer.c: boxes of bytes. */
/* The pitches that 0 stands for; false if they are too small for @region. */
bool box_pitches(const size_t region[3], size_t *row, size_t *slice);
/* Where @origin is, and in *@end one past the last byte of @region; false if that is
 * beyond all numbers. */
bool box_place(const size_t origin[3], const size_t region[3], size_t row, size_t slice,
	       size_t *start, size_t *end);

#endif
