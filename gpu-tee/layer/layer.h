/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the layer share. The layer hands the driver's own handles to
 * the application and keeps a record of each beside them: see table.h.
 */
#ifndef LAYER_LAYER_H
#define LAYER_LAYER_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crossing.h"
#include "table.h"

/* The driver's entry points, or those of the layer below this one. */
extern const cl_icd_dispatch *below;

/* Each file puts its entry points into the table that the application calls. */
void layer_contexts(cl_icd_dispatch *d);
void layer_queues(cl_icd_dispatch *d);
void layer_events(cl_icd_dispatch *d);
void layer_mems(cl_icd_dispatch *d);
void layer_buffers(cl_icd_dispatch *d);
void layer_images(cl_icd_dispatch *d);
void layer_maps(cl_icd_dispatch *d);
void layer_fills(cl_icd_dispatch *d);
void layer_commands(cl_icd_dispatch *d);
void layer_copies(cl_icd_dispatch *d);
void layer_programs(cl_icd_dispatch *d);
void layer_kernels(cl_icd_dispatch *d);
void layer_info(cl_icd_dispatch *d);
void layer_refusals(cl_icd_dispatch *d);

/* One line to stderr, "hypergpu: " before it. */
void layer_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, once for each place that calls it. */
#define layer_say_once(...)                                              \
	do {                                                             \
		static bool said;                                        \
		if (!__atomic_exchange_n(&said, true, __ATOMIC_RELAXED)) \
			layer_say(__VA_ARGS__);                          \
	} while (0)
/* HYPERGPU_ALLOW_BINARIES=1: program binaries, IL and built-in kernels. */
bool layer_allows_binaries(void);
/* HYPERGPU_VERBOSE=1 */
bool layer_verbose(void);

/* Fills what an ...Info call asks for, by OpenCL's rules for size and NULL. */
cl_int layer_answer(const void *value, size_t size, size_t room, void *out, size_t *size_ret);
/* Stores @code where the application wants it. */
static inline void layer_code(cl_int *errcode_ret, cl_int code)
{
	if (errcode_ret)
		*errcode_ret = code;
}

/* A queue of the driver's and the scratch buffer that its commands share. */
struct lane {
	cl_command_queue queue;
	/* From a transfer's first command to its last. */
	pthread_mutex_t lock;
	struct cross_mem scratch;
};

struct context {
	struct object object;
	cl_device_id device;
	struct crossing *crossing;
	/* For what has no queue of the application's: initial contents, gates. */
	struct lane inner;
	struct copier *copier; /* copier.c: made at first use */
	/* Events of the application's that it has yet to set, and transfers that wait
	 * in a gate: while there are any, a command may wait for long. */
	unsigned int open;
};

struct queue {
	struct object object;
	struct context *context;
	struct lane lane;
	cl_command_queue_properties properties;
	cl_queue_properties *array;
	size_t array_size;
	/* Reads that were enqueued, and how many of these have delivered. */
	pthread_mutex_t lock;
	pthread_cond_t delivered;
	struct pending *first, **last;
	uint64_t issued, done;
};

/* Deliveries that an event must not overtake. */
struct frontier {
	struct queue *queue;
	uint64_t index;
};

struct event {
	struct object object;
	struct context *context;
	struct queue *queue;
	cl_command_type type;
	/* The driver's events that tell when it began and ended, if not the handle itself. */
	cl_event began, timed;
	bool user, set, blocking;
	bool failed; /* by the application, which set it to an error */
	unsigned int frontiers;
	struct frontier frontier[];
};

struct mem {
	struct object object;
	struct context *context;
	/* The buffer that this sub-buffer or image is made of. */
	struct mem *parent;
	/* A sub-buffer's place in its parent. */
	size_t origin;
	size_t size;
	cl_mem_flags flags;
	void *host_ptr;
	cl_mem_object_type type;
	/* Images: bytes of an element, the extent, the host pointer's pitches. */
	size_t element, extent[3];
	size_t host_row, host_slice;
	cl_image_format format;
	bool one_way; /* kernels may read it only, or write it only */
	struct cross_mem cross;
	pthread_mutex_t lock;
	struct map *maps;
};

static inline bool mem_is_image(const struct mem *m)
{
	return m->type != CL_MEM_OBJECT_BUFFER && m->type != CL_MEM_OBJECT_PIPE;
}

/* context.c */
struct context *context_get(cl_context handle);
void context_put(struct context *c);
/* Its crossing's error, for which every call fails: CL_SUCCESS while there is none. */
cl_int context_state(struct context *c);
/* The record of @c's crossing broke: says so, once. Returns CL_OUT_OF_RESOURCES. */
cl_int context_broken(struct context *c);
/* The queue of the layer's own, made at first use. */
cl_int context_inner(struct context *c);
void context_open(struct context *c, int by);

/* queue.c */
struct queue *queue_get(cl_command_queue handle);
void queue_put(struct queue *q);

/* mem.c */
struct mem *mem_get(cl_mem handle);
void mem_put(struct mem *m);
/* The buffer below @m and where in it @m begins. */
struct mem *mem_root(struct mem *m, size_t *origin);
/* Enters a new object; NULL and the handle is released when there is no memory. */
struct mem *mem_enter(struct context *c, cl_mem handle, cl_mem_object_type type, cl_mem_flags flags,
		      void *host_ptr);
/* The application's flags as the driver gets them. */
cl_mem_flags mem_flags_below(cl_mem_flags flags, bool image);
/* CL_SUCCESS, or why @flags and @host_ptr do not go together. */
cl_int mem_flags_check(cl_mem_flags flags, const void *host_ptr);

/* event.c */
/* CL_SUCCESS, or CL_INVALID_EVENT_WAIT_LIST; CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST if the
 * application itself has failed one of them. What the driver says of events does not count. */
cl_int wait_list_check(cl_uint count, const cl_event *list);
/* A record for the event that @handle is; NULL without memory. */
struct event *event_enter(struct queue *q, cl_event handle, cl_command_type type, cl_uint count,
			  const cl_event *list);
struct event *event_get(cl_event handle);
void event_put(struct event *e);

/* Where every command that carries no data ends: enters its event. */
cl_int command_done(struct queue *q, cl_int code, cl_event *event, cl_command_type type,
		    cl_uint count, const cl_event *list);
/* The record of @handle if commands may be enqueued: else CL_INVALID_COMMAND_QUEUE or
 * what context_state() says. */
cl_int command_begin(cl_command_queue handle, struct queue **q);

#endif
