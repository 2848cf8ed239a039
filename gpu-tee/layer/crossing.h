/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where data leaves for the device and comes back. What every entry
 * point of the layer does ends here; null.c passes it through, sealed.c makes
 * records of it. A crossing belongs to one context and its device; commands go to
 * the queue that is named, in its order.
 */
#ifndef LAYER_CROSSING_H
#define LAYER_CROSSING_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A buffer as a crossing knows it: zeroed, then filled by cross_bind(). */
struct cross_mem {
	cl_mem handle;
	size_t size;
	uint64_t id;
	bool bound;
};

struct crossing;
struct cross_read;
struct hg_launch_kernel;
struct hg_launch_mark;
struct hg_launching;

struct crossing_ops {
	const char *name;
	int (*open)(struct crossing *x);
	void (*close)(struct crossing *x);
	int (*bind)(struct crossing *x, cl_command_queue queue, struct cross_mem *m);
	void (*forget)(struct crossing *x, struct cross_mem *m);
	int (*write)(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
		     const void *src, size_t size, bool stays, cl_event *done);
	int (*read)(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
		    void *dst, size_t size, struct cross_read **pending);
	int (*complete)(struct cross_read *pending);
	void (*launch)(struct crossing *x, cl_command_queue queue);
	int (*sync)(struct crossing *x, cl_command_queue queue);
	/*
	 * Launches of rewritten kernels, as in host/launch.h; NULL where there is no session
	 * that could receipt them. launch_begin: 1 if there are too many queues.
	 */
	int (*launch_begin)(struct crossing *x, cl_command_queue queue,
			    const struct hg_launch_kernel *kernel, struct hg_launching *l);
	void (*launch_end)(struct crossing *x, struct hg_launching *l, bool enqueued);
	uint64_t (*address)(struct crossing *x, const struct cross_mem *m);
	void (*queue_gone)(struct crossing *x, cl_command_queue queue);
	int (*mark)(struct crossing *x, cl_command_queue queue, struct hg_launch_mark *mark);
	int (*commit)(struct crossing *x, const struct hg_launch_mark *mark);
	void (*hold)(struct crossing *x, const unsigned int *held);
};

struct crossing {
	const struct crossing_ops *ops;
	cl_context context;
	cl_device_id device;
	pthread_mutex_t binding;
	/* Set once, by the first failure; text says what was found. */
	bool broken, told;
	char text[320];
	/* Of the kind of crossing. */
	void *private;
};

extern const struct crossing_ops crossing_null, crossing_sealed;

/* NULL: *text says why. HYPERGPU_CROSSING=null chooses the one that seals nothing. */
struct crossing *cross_open(cl_context context, cl_device_id device, char text[320]);
void cross_close(struct crossing *x);
const struct crossing_ops *crossing_chosen(void);

/* The queue is about to be released. */
void cross_queue_gone(struct crossing *x, cl_command_queue queue);
/* Makes the buffer known; does nothing if it is. @queue NULL: any. */
int cross_bind(struct crossing *x, cl_command_queue queue, struct cross_mem *m);
void cross_forget(struct crossing *x, struct cross_mem *m);
/* @src has been read on return, unless it @stays as it is until @done (which may be
 * NULL) is complete. */
int cross_write(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
		const void *src, size_t size, bool stays, cl_event *done);
/* Nothing is in @dst before cross_complete() has returned 0; it frees *@pending. */
int cross_read(struct crossing *x, cl_command_queue queue, struct cross_mem *m, size_t offset,
	       void *dst, size_t size, struct cross_read **pending);
int cross_complete(struct cross_read *pending);
/* A kernel is about to be enqueued: what waits to be sent goes first. */
void cross_launch(struct crossing *x, cl_command_queue queue);
/* All commands of the queue are done, and the device has found nothing wrong. */
int cross_sync(struct crossing *x, cl_command_queue queue);

/* For the kinds of crossing: always -1. The first text stays. */
int cross_fail(struct crossing *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Every pending read begins with this. */
struct cross_read {
	struct crossing *crossing;
	/* The driver's command, for its times; may be NULL. */
	cl_event event;
};

#endif
