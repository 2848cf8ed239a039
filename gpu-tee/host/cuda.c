// SPDX-License-Identifier: Apache-2.0
/*
 * The CUDA provider, on the driver API. The session program is PTX that was made when
 * the library was built; the driver compiles it for the GPU that is there.
 */
#include "cuda.h"

#include "../device/record.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of device_ptx.S, which the Makefile writes: an image for each suite, empty without a compiler. */
extern const char hg_ptx_1[], hg_ptx_2[], hg_ptx_3[];

#define LANES_MAX   1024
#define KERNELS_MAX 32
#define KERNEL_NAME 32
#define ARGS_MAX    16

struct hg_event {
	CUevent handle;
	int refs;
};

struct hg_kernel {
	CUfunction handle;
	char name[KERNEL_NAME];
};

struct cuda {
	struct hg_provider base;
	struct hg_cuda_api api;
	CUdevice device;
	CUcontext context;
	bool retained; /* the context is ours to give back */
	CUmodule module;
	pthread_mutex_t lock; /* of the kernels' table */
	struct hg_kernel kernels[KERNELS_MAX];
	unsigned kernel_count;
};

static struct cuda *cuda_of(struct hg_provider *p)
{
	return (struct cuda *)p;
}

static int cuda_fail(struct hg_gpu_error *err, const char *call, CUresult rc)
{
	if (rc == CUDA_ERROR_OUT_OF_MEMORY)
		return hg_gpu_fail(err, HG_GPU_E_MEMORY, "the GPU has no memory left: %s", call);
	return hg_gpu_fail(err, HG_GPU_E_DEVICE, "the CUDA driver failed: %s: error %d", call, rc);
}

/* The context is current during a call of ours, and the application's is after. */
static int enter(struct cuda *c, struct hg_gpu_error *err)
{
	CUresult rc = c->api.cuCtxPushCurrent_v2(c->context);

	return rc == CUDA_SUCCESS ? 0 : cuda_fail(err, "cuCtxPushCurrent", rc);
}

static int leave(struct cuda *c, const char *call, CUresult rc, struct hg_gpu_error *err)
{
	CUcontext ours;

	c->api.cuCtxPopCurrent_v2(&ours);
	return rc == CUDA_SUCCESS ? 0 : cuda_fail(err, call, rc);
}

/* ---- Memory and queues ---- */

static int cuda_buffer_create(struct hg_provider *p, size_t size, struct hg_buffer **buffer,
			      struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);
	struct hg_buffer *b = malloc(sizeof(*b));

	if (!b)
		return hg_gpu_no_memory(err);
	if (enter(c, err) || leave(c, "cuMemAlloc", c->api.cuMemAlloc_v2(&b->at, size), err)) {
		free(b);
		return -1;
	}
	*buffer = b;
	return 0;
}

static void cuda_buffer_release(struct hg_provider *p, struct hg_buffer *buffer)
{
	struct cuda *c = cuda_of(p);

	if (!buffer)
		return;
	if (!enter(c, NULL))
		leave(c, "cuMemFree", c->api.cuMemFree_v2(buffer->at), NULL);
	free(buffer);
}

static int cuda_queue_create(struct hg_provider *p, struct hg_queue **queue,
			     struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);
	struct hg_queue *q = malloc(sizeof(*q));

	if (!q)
		return hg_gpu_no_memory(err);
	if (enter(c, err) ||
	    leave(c, "cuStreamCreate", c->api.cuStreamCreate(&q->stream, CU_STREAM_NON_BLOCKING),
		  err)) {
		free(q);
		return -1;
	}
	*queue = q;
	return 0;
}

static void cuda_queue_release(struct hg_provider *p, struct hg_queue *queue)
{
	struct cuda *c = cuda_of(p);

	if (!queue)
		return;
	if (!enter(c, NULL))
		leave(c, "cuStreamDestroy", c->api.cuStreamDestroy_v2(queue->stream), NULL);
	free(queue);
}

/* ---- Events ---- */

static void cuda_event_retain(struct hg_provider *p, struct hg_event *event)
{
	(void)p;
	__atomic_fetch_add(&event->refs, 1, __ATOMIC_SEQ_CST);
}

static void cuda_event_release(struct hg_provider *p, struct hg_event *event)
{
	struct cuda *c = cuda_of(p);

	if (!event || __atomic_fetch_sub(&event->refs, 1, __ATOMIC_SEQ_CST) != 1)
		return;
	if (!enter(c, NULL))
		leave(c, "cuEventDestroy", c->api.cuEventDestroy_v2(event->handle), NULL);
	free(event);
}

static int cuda_event_wait(struct hg_provider *p, struct hg_event *event, struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);

	if (enter(c, err))
		return -1;
	return leave(c, "cuEventSynchronize", c->api.cuEventSynchronize(event->handle), err);
}

static CUresult wait_for(struct cuda *c, CUstream stream, const struct hg_wait *wait)
{
	CUresult rc = CUDA_SUCCESS;
	unsigned i;

	for (i = 0; wait && i < wait->count && rc == CUDA_SUCCESS; i++)
		rc = c->api.cuStreamWaitEvent(stream, wait->events[i]->handle, 0);
	return rc;
}

/* An event that follows what is in the queue. The context is current. */
static CUresult mark(struct cuda *c, struct hg_queue *queue, struct hg_event **done)
{
	struct hg_event *e;
	CUresult rc;

	if (!done)
		return CUDA_SUCCESS;
	e = malloc(sizeof(*e));
	if (!e)
		return CUDA_ERROR_OUT_OF_MEMORY;
	e->refs = 1;
	rc = c->api.cuEventCreate(&e->handle, CU_EVENT_DISABLE_TIMING);
	if (rc == CUDA_SUCCESS) {
		rc = c->api.cuEventRecord(e->handle, queue->stream);
		if (rc == CUDA_SUCCESS) {
			*done = e;
			return rc;
		}
		c->api.cuEventDestroy_v2(e->handle);
	}
	free(e);
	return rc;
}

/* ---- Transfers and launches ---- */

static int cuda_write(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		      size_t offset, const void *src, size_t size, const struct hg_wait *wait,
		      struct hg_event **done, struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);
	CUresult rc;

	if (enter(c, err))
		return -1;
	rc = wait_for(c, queue->stream, wait);
	if (rc == CUDA_SUCCESS)
		rc = c->api.cuMemcpyHtoDAsync_v2(buffer->at + offset, src, size, queue->stream);
	if (rc == CUDA_SUCCESS)
		rc = mark(c, queue, done);
	return leave(c, "cuMemcpyHtoDAsync", rc, err);
}

static int cuda_read(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		     size_t offset, void *dst, size_t size, const struct hg_wait *wait,
		     struct hg_event **done, struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);
	CUresult rc;

	if (enter(c, err))
		return -1;
	rc = wait_for(c, queue->stream, wait);
	if (rc == CUDA_SUCCESS)
		rc = c->api.cuMemcpyDtoHAsync_v2(dst, buffer->at + offset, size, queue->stream);
	if (rc == CUDA_SUCCESS)
		rc = mark(c, queue, done);
	return leave(c, "cuMemcpyDtoHAsync", rc, err);
}

static int find_kernel(struct cuda *c, const char *name, struct hg_kernel **kernel,
		       struct hg_gpu_error *err)
{
	struct hg_kernel *k;
	unsigned i;

	for (i = 0; i < c->kernel_count; i++)
		if (!strcmp(c->kernels[i].name, name)) {
			*kernel = &c->kernels[i];
			return 0;
		}
	if (c->kernel_count == KERNELS_MAX || strlen(name) >= KERNEL_NAME)
		return hg_gpu_fail(err, HG_GPU_E_LIMIT, "no room for the kernel %s", name);
	k = &c->kernels[c->kernel_count];
	if (enter(c, err) ||
	    leave(c, name, c->api.cuModuleGetFunction(&k->handle, c->module, name), err))
		return -1;
	memcpy(k->name, name, strlen(name) + 1);
	c->kernel_count++;
	*kernel = k;
	return 0;
}

static int cuda_kernel(struct hg_provider *p, const char *name, struct hg_kernel **kernel,
		       struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);
	int rc;

	*kernel = NULL;
	pthread_mutex_lock(&c->lock);
	rc = find_kernel(c, name, kernel, err);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* What the driver takes: the address of each argument. Both are read during the call only. */
static void pack(const struct hg_arg *args, unsigned count, CUdeviceptr at[ARGS_MAX],
		 void *out[ARGS_MAX])
{
	unsigned i;

	for (i = 0; i < count; i++) {
		if (args[i].type == HG_ARG_BUFFER) {
			at[i] = args[i].buffer ? args[i].buffer->at : 0;
			out[i] = &at[i];
		} else {
			out[i] = args[i].type == HG_ARG_U32 ? (void *)&args[i].u32
							    : (void *)&args[i].u64;
		}
	}
}

static int cuda_launch(struct hg_provider *p, struct hg_queue *queue, struct hg_kernel *kernel,
		       const struct hg_arg *args, unsigned count, size_t groups, size_t lanes,
		       const struct hg_wait *wait, struct hg_event **done, struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);
	CUdeviceptr at[ARGS_MAX];
	void *out[ARGS_MAX];
	CUresult rc;

	if (count > ARGS_MAX || !groups || groups > 0x7fffffff || lanes > 1024)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "%s: %u arguments, %zu groups of %zu",
				   kernel->name, count, groups, lanes);
	pack(args, count, at, out);
	if (enter(c, err))
		return -1;
	rc = wait_for(c, queue->stream, wait);
	if (rc == CUDA_SUCCESS)
		rc = c->api.cuLaunchKernel(kernel->handle, (unsigned)groups, 1, 1, (unsigned)lanes,
					   1, 1, 0, queue->stream, out, NULL);
	if (rc == CUDA_SUCCESS)
		rc = mark(c, queue, done);
	return leave(c, kernel->name, rc, err);
}

/* Streams go ahead by themselves. */
static int cuda_flush(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	(void)p;
	(void)queue;
	(void)err;
	return 0;
}

static int cuda_finish(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	struct cuda *c = cuda_of(p);

	if (enter(c, err))
		return -1;
	return leave(c, "cuStreamSynchronize", c->api.cuStreamSynchronize(queue->stream), err);
}

static void cuda_close(struct hg_provider *p)
{
	struct cuda *c = cuda_of(p);

	if (c->module && !enter(c, NULL))
		leave(c, "cuModuleUnload", c->api.cuModuleUnload(c->module), NULL);
	if (c->retained)
		c->api.cuDevicePrimaryCtxRelease_v2(c->device);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static const struct hg_provider_ops cuda_ops = {
	.name = "cuda",
	.buffer_create = cuda_buffer_create,
	.buffer_release = cuda_buffer_release,
	.queue_create = cuda_queue_create,
	.queue_release = cuda_queue_release,
	.write = cuda_write,
	.read = cuda_read,
	.kernel = cuda_kernel,
	.launch = cuda_launch,
	.event_wait = cuda_event_wait,
	.event_retain = cuda_event_retain,
	.event_release = cuda_event_release,
	.flush = cuda_flush,
	.finish = cuda_finish,
	.close = cuda_close,
};

/* ---- Opening ---- */

static void get_info(struct cuda *c)
{
	struct hg_device_info *info = &c->base.info;
	struct CUuuid_st uuid;
	int value = 0, domain = 0, bus = 0, slot = 0;
	size_t memory = 0;

	if (c->api.cuDeviceGetName(info->name, sizeof(info->name), c->device) != CUDA_SUCCESS)
		info->name[0] = '\0';
	info->name[sizeof(info->name) - 1] = '\0';
	snprintf(info->vendor, sizeof(info->vendor), "NVIDIA");
	info->vendor_id = 0x10de;
	if (c->api.cuDriverGetVersion(&value) == CUDA_SUCCESS)
		snprintf(info->driver, sizeof(info->driver), "CUDA %d.%d", value / 1000,
			 value % 1000 / 10);
	info->has_uuid = c->api.cuDeviceGetUuid(&uuid, c->device) == CUDA_SUCCESS;
	if (info->has_uuid)
		memcpy(info->uuid, uuid.bytes, sizeof(info->uuid));
	if (c->api.cuDeviceGetAttribute(&value, CU_ATTRIBUTE_UNITS, c->device) == CUDA_SUCCESS)
		info->units = (uint32_t)value;
	if (c->api.cuDeviceTotalMem_v2(&memory, c->device) == CUDA_SUCCESS)
		info->memory = memory;
	if (c->api.cuDeviceGetAttribute(&domain, CU_ATTRIBUTE_PCI_DOMAIN, c->device) ==
		    CUDA_SUCCESS &&
	    c->api.cuDeviceGetAttribute(&bus, CU_ATTRIBUTE_PCI_BUS, c->device) == CUDA_SUCCESS &&
	    c->api.cuDeviceGetAttribute(&slot, CU_ATTRIBUTE_PCI_DEVICE, c->device) == CUDA_SUCCESS)
		snprintf(info->pci, sizeof(info->pci), "%04x:%02x:%02x.0", domain & 0xffff,
			 bus & 0xff, slot & 0xff);
}

static const char *image_of(unsigned suite)
{
	return suite == HG_AES_256_GCM	       ? hg_ptx_1
	       : suite == HG_CHACHA20_POLY1305 ? hg_ptx_2
					       : hg_ptx_3;
}

/* Work-items of a group, as the image was built. */
static int get_lanes(struct cuda *c, struct hg_gpu_error *err)
{
	CUdeviceptr at = 0;
	size_t size = 0;
	uint32_t lanes = 0;
	CUresult rc;

	if (enter(c, err))
		return -1;
	rc = c->api.cuModuleGetGlobal_v2(&at, &size, c->module, "hg_lanes");
	if (rc == CUDA_SUCCESS && size == sizeof(lanes))
		rc = c->api.cuMemcpyDtoH_v2(&lanes, at, sizeof(lanes));
	if (leave(c, "cuModuleGetGlobal", rc, err))
		return -1;
	if (!lanes || lanes > LANES_MAX)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE,
				   "the session program says that its groups have %u work-items",
				   lanes);
	c->base.info.lanes = lanes;
	return 0;
}

static int load_program(struct cuda *c, unsigned suite, struct hg_gpu_error *err)
{
	const char *image = image_of(suite);
	char log[200] = "";
	int names[] = { CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_SIZE_BYTES };
	void *values[] = { log, (void *)(size_t)(sizeof(log) - 1) };
	CUresult rc;

	if (!*image)
		return hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED,
				   "this build has no program for CUDA: clang was not there when "
				   "it was made");
	if (enter(c, err))
		return -1;
	rc = c->api.cuModuleLoadDataEx(&c->module, image, 2, names, values);
	if (!leave(c, "cuModuleLoadDataEx", rc, err))
		return get_lanes(c, err);
	if (*log)
		hg_gpu_fail(err, HG_GPU_E_DEVICE,
			    "the CUDA driver cannot compile the session program (error %d): %.180s",
			    rc, log);
	return -1;
}

static int open_device(struct cuda *c, unsigned index, struct hg_gpu_error *err)
{
	int count = 0;
	CUresult rc = c->api.cuInit(0);

	if (rc == CUDA_SUCCESS)
		rc = c->api.cuDeviceGetCount(&count);
	if (rc != CUDA_SUCCESS)
		return cuda_fail(err, "cuInit", rc);
	if (count < 0 || index >= (unsigned)count)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "there is no CUDA device %u: there are %d",
				   index, count);
	rc = c->api.cuDeviceGet(&c->device, (int)index);
	if (rc == CUDA_SUCCESS)
		rc = c->api.cuDevicePrimaryCtxRetain(&c->context, c->device);
	c->retained = rc == CUDA_SUCCESS;
	return rc == CUDA_SUCCESS ? 0 : cuda_fail(err, "cuDevicePrimaryCtxRetain", rc);
}

static struct cuda *new_cuda(const struct hg_cuda_api *api, unsigned suite,
			     struct hg_gpu_error *err)
{
	struct cuda *c;

	if (suite < HG_AES_256_GCM || suite > HG_SM4_CTR_HMAC_SM3) {
		hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "suite %u is unknown", suite);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		hg_gpu_no_memory(err);
		return NULL;
	}
	c->base.ops = &cuda_ops;
	c->base.info.suites = 1u << suite;
	c->api = *api;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static int set_up(struct cuda *c, unsigned suite, struct hg_provider **p, struct hg_gpu_error *err)
{
	get_info(c);
	if (load_program(c, suite, err) || hg_kat_run(&c->base, err)) {
		cuda_close(&c->base);
		return -1;
	}
	*p = &c->base;
	return 0;
}

int hg_cuda_attach(const struct hg_cuda_api *api, CUdevice device, CUcontext context,
		   unsigned suite, struct hg_provider **p, struct hg_gpu_error *err)
{
	struct cuda *c = new_cuda(api, suite, err);

	*p = NULL;
	if (!c)
		return -1;
	c->device = device;
	c->context = context;
	return set_up(c, suite, p, err);
}

int hg_cuda_open(const struct hg_cuda_api *api, unsigned index, unsigned suite,
		 struct hg_provider **p, struct hg_gpu_error *err)
{
	struct cuda *c = new_cuda(api, suite, err);

	*p = NULL;
	if (!c)
		return -1;
	if (open_device(c, index, err)) {
		cuda_close(&c->base);
		return -1;
	}
	return set_up(c, suite, p, err);
}

int hg_cuda_load(const char *path, struct hg_cuda_api *api, struct hg_gpu_error *err)
{
	static const char *const names[] = {
		"cuInit",
		"cuDriverGetVersion",
		"cuDeviceGet",
		"cuDeviceGetCount",
		"cuDeviceGetName",
		"cuDeviceGetUuid",
		"cuDeviceGetAttribute",
		"cuDeviceTotalMem_v2",
		"cuDevicePrimaryCtxRetain",
		"cuDevicePrimaryCtxRelease_v2",
		"cuCtxPushCurrent_v2",
		"cuCtxPopCurrent_v2",
		"cuModuleLoadDataEx",
		"cuModuleUnload",
		"cuModuleGetFunction",
		"cuModuleGetGlobal_v2",
		"cuMemAlloc_v2",
		"cuMemFree_v2",
		"cuMemcpyDtoH_v2",
		"cuMemcpyHtoDAsync_v2",
		"cuMemcpyDtoHAsync_v2",
		"cuStreamCreate",
		"cuStreamDestroy_v2",
		"cuStreamSynchronize",
		"cuStreamWaitEvent",
		"cuEventCreate",
		"cuEventRecord",
		"cuEventSynchronize",
		"cuEventDestroy_v2",
		"cuLaunchKernel",
	};
	void **slot = (void **)api;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	size_t i;

	_Static_assert(sizeof(*api) == sizeof(names), "a name for each member, in their order");
	if (!library)
		return hg_gpu_fail(err, HG_GPU_E_DEVICE, "no CUDA driver: %s", dlerror());
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		slot[i] = dlsym(library, names[i]);
		if (!slot[i])
			return hg_gpu_fail(err, HG_GPU_E_UNSUPPORTED,
					   "%s lacks %s: it is too old, or no CUDA driver", path,
					   names[i]);
	}
	return 0;
}
