/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider: one device in one context, as the channel and the fingerprint see
 * it. Handles are opaque; for the OpenCL provider a queue is a cl_command_queue, a
 * buffer a cl_mem and an event a cl_event, cast by the macros below.
 *
 * Queues run in order. Kernels are those of the session program (device/session.cl).
 */
#ifndef HG_GPU_DEVICE_H
#define HG_GPU_DEVICE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_queue;
struct hg_buffer;
struct hg_event;
struct hg_kernel;
struct hg_provider;

#define HG_QUEUE(handle)  ((struct hg_queue *)(void *)(handle))
#define HG_BUFFER(handle) ((struct hg_buffer *)(void *)(handle))
#define HG_EVENT(handle)  ((struct hg_event *)(void *)(handle))

enum hg_arg_type { HG_ARG_BUFFER, HG_ARG_U32, HG_ARG_U64 };

struct hg_arg {
	enum hg_arg_type type;
	union {
		struct hg_buffer *buffer; /* NULL is the null pointer on the device */
		uint32_t u32;
		uint64_t u64;
	};
};

/* What an operation waits for, besides what precedes it in its queue. */
struct hg_wait {
	struct hg_event *const *events;
	unsigned count;
};

struct hg_device_info {
	char name[128];
	char vendor[128];
	char driver[64];
	uint8_t uuid[16];
	bool has_uuid;
	char pci[16]; /* "0000:01:00.0", or empty */
	uint32_t vendor_id;
	uint32_t units;
	uint32_t lanes;	 /* that the session program was built for */
	uint32_t suites; /* bit HG_...: that it was built for */
	uint64_t memory;
};

/*
 * @wait may be NULL and so may @done; else *@done is the caller's to release.
 * Memory of the host that @write and @read were given stays valid until the event.
 * Each returns 0 or -1.
 */
struct hg_provider_ops {
	const char *name;
	bool simulated; /* not a device of its own: no claim of secrecy is made for it */
	int (*buffer_create)(struct hg_provider *p, size_t size, struct hg_buffer **buffer,
			     struct hg_gpu_error *err);
	void (*buffer_release)(struct hg_provider *p, struct hg_buffer *buffer);
	/* A queue of the provider's own, for tools and tests. */
	int (*queue_create)(struct hg_provider *p, struct hg_queue **queue,
			    struct hg_gpu_error *err);
	void (*queue_release)(struct hg_provider *p, struct hg_queue *queue);
	int (*write)(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		     size_t offset, const void *src, size_t size, const struct hg_wait *wait,
		     struct hg_event **done, struct hg_gpu_error *err);
	int (*read)(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		    size_t offset, void *dst, size_t size, const struct hg_wait *wait,
		    struct hg_event **done, struct hg_gpu_error *err);
	/* Kernels are made once and live as long as the provider. */
	int (*kernel)(struct hg_provider *p, const char *name, struct hg_kernel **kernel,
		      struct hg_gpu_error *err);
	/* @groups work-groups of @lanes work-items, one dimension. */
	int (*launch)(struct hg_provider *p, struct hg_queue *queue, struct hg_kernel *kernel,
		      const struct hg_arg *args, unsigned count, size_t groups, size_t lanes,
		      const struct hg_wait *wait, struct hg_event **done, struct hg_gpu_error *err);
	int (*event_wait)(struct hg_provider *p, struct hg_event *event, struct hg_gpu_error *err);
	void (*event_retain)(struct hg_provider *p, struct hg_event *event);
	void (*event_release)(struct hg_provider *p, struct hg_event *event);
	int (*flush)(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err);
	int (*finish)(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err);
	void (*close)(struct hg_provider *p);
};

struct hg_provider {
	const struct hg_provider_ops *ops;
	struct hg_device_info info;
};

/* The host dialect: the session program compiled into the library. Simulated. */
int hg_cpu_open(struct hg_provider **p, struct hg_gpu_error *err);

/*
 * OpenCL. @dispatch is the table to call through (struct _cl_icd_dispatch of
 * CL/cl_icd.h), @context and @device a cl_context and a cl_device_id; they stay the
 * caller's and are retained. Builds the session program and runs its known-answer
 * tests. @lanes 0 lets the provider choose. @suites is a mask of 1 << enum hg_suite; for
 * one alone the program compiles in a third of the time. hg_opencl_attach: AES-256-GCM.
 */
struct _cl_icd_dispatch;
int hg_opencl_attach_suites(const struct _cl_icd_dispatch *dispatch, void *context, void *device,
			    unsigned lanes, unsigned suites, struct hg_provider **p,
			    struct hg_gpu_error *err);
int hg_opencl_attach(const struct _cl_icd_dispatch *dispatch, void *context, void *device,
		     unsigned lanes, struct hg_provider **p, struct hg_gpu_error *err);
/* What the plain loader has, for hg_opencl_attach. NULL, HG_GPU_E_UNSUPPORTED: there is none. */
const struct _cl_icd_dispatch *hg_opencl_dispatch(struct hg_gpu_error *err);
/* The same on the plain loader, for tools and tests: device @index of all there are. */
int hg_opencl_open(unsigned index, unsigned lanes, unsigned suites, struct hg_provider **p,
		   struct hg_gpu_error *err);

/* Runs the known-answer tests of the session program on the device. */
int hg_kat_run(struct hg_provider *p, struct hg_gpu_error *err);

static inline void hg_provider_close(struct hg_provider *p)
{
	if (p)
		p->ops->close(p);
}

#endif
