// SPDX-License-Identifier: Apache-2.0
/*
 * The OpenCL provider. It calls through a dispatch table: the layer hands it the one
 * below itself, so that its own calls are not caught; tools take the loader's functions.
 */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_icd.h>

#include "device.h"
#include "../device/record.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char hg_device_source[];

#define GPU_LANES   64
#define KERNELS_MAX 32
#define KERNEL_NAME 32

struct opencl_kernel {
	cl_kernel handle;
	char name[KERNEL_NAME];
};

struct opencl {
	struct hg_provider base;
	struct _cl_icd_dispatch cl;
	cl_context context;
	cl_device_id device;
	cl_program program;
	/* Arguments belong to the kernel object: setting them and the launch are one step. */
	pthread_mutex_t lock;
	struct opencl_kernel kernels[KERNELS_MAX];
	unsigned kernel_count;
};

static struct opencl *opencl_of(struct hg_provider *p)
{
	return (struct opencl *)p;
}

static int opencl_fail(struct hg_gpu_error *err, const char *call, cl_int rc)
{
	if (rc == CL_OUT_OF_HOST_MEMORY)
		return hg_gpu_no_memory(err);
	return hg_gpu_fail(err, HG_GPU_E_DEVICE, "the OpenCL driver failed: %s: error %d", call,
			   rc);
}

static int opencl_buffer_create(struct hg_provider *p, size_t size, struct hg_buffer **buffer,
				struct hg_gpu_error *err)
{
	struct opencl *o = opencl_of(p);
	cl_int rc;
	cl_mem mem = o->cl.clCreateBuffer(o->context, CL_MEM_READ_WRITE, size, NULL, &rc);

	if (!mem)
		return opencl_fail(err, "clCreateBuffer", rc);
	*buffer = HG_BUFFER(mem);
	return 0;
}

static void opencl_buffer_release(struct hg_provider *p, struct hg_buffer *buffer)
{
	if (buffer)
		opencl_of(p)->cl.clReleaseMemObject((cl_mem)buffer);
}

static int opencl_queue_create(struct hg_provider *p, struct hg_queue **queue,
			       struct hg_gpu_error *err)
{
	struct opencl *o = opencl_of(p);
	cl_int rc;
	cl_command_queue q = o->cl.clCreateCommandQueue(o->context, o->device, 0, &rc);

	if (!q)
		return opencl_fail(err, "clCreateCommandQueue", rc);
	*queue = HG_QUEUE(q);
	return 0;
}

static void opencl_queue_release(struct hg_provider *p, struct hg_queue *queue)
{
	if (queue)
		opencl_of(p)->cl.clReleaseCommandQueue((cl_command_queue)queue);
}

/* A wait list of none is NULL: 0 events by an address is an error of OpenCL. */
static cl_uint wait_count(const struct hg_wait *wait)
{
	return wait ? wait->count : 0;
}

static const cl_event *wait_list(const struct hg_wait *wait)
{
	return wait_count(wait) ? (const cl_event *)wait->events : NULL;
}

static int opencl_write(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
			size_t offset, const void *src, size_t size, const struct hg_wait *wait,
			struct hg_event **done, struct hg_gpu_error *err)
{
	cl_int rc = opencl_of(p)->cl.clEnqueueWriteBuffer(
		(cl_command_queue)queue, (cl_mem)buffer, CL_FALSE, offset, size, src,
		wait_count(wait), wait_list(wait), (cl_event *)done);

	return rc == CL_SUCCESS ? 0 : opencl_fail(err, "clEnqueueWriteBuffer", rc);
}

static int opencl_read(struct hg_provider *p, struct hg_queue *queue, struct hg_buffer *buffer,
		       size_t offset, void *dst, size_t size, const struct hg_wait *wait,
		       struct hg_event **done, struct hg_gpu_error *err)
{
	cl_int rc = opencl_of(p)->cl.clEnqueueReadBuffer(
		(cl_command_queue)queue, (cl_mem)buffer, CL_FALSE, offset, size, dst,
		wait_count(wait), wait_list(wait), (cl_event *)done);

	return rc == CL_SUCCESS ? 0 : opencl_fail(err, "clEnqueueReadBuffer", rc);
}

static int opencl_kernel(struct hg_provider *p, const char *name, struct hg_kernel **kernel,
			 struct hg_gpu_error *err)
{
	struct opencl *o = opencl_of(p);
	struct opencl_kernel *k;
	int r = -1;
	unsigned i;
	cl_int rc;

	*kernel = NULL;
	pthread_mutex_lock(&o->lock);
	for (i = 0; i < o->kernel_count; i++)
		if (!strcmp(o->kernels[i].name, name))
			*kernel = (struct hg_kernel *)&o->kernels[i];
	if (*kernel) {
		r = 0;
	} else if (o->kernel_count == KERNELS_MAX || strlen(name) >= KERNEL_NAME) {
		hg_gpu_fail(err, HG_GPU_E_LIMIT, "no room for the kernel %s", name);
	} else {
		k = &o->kernels[o->kernel_count];
		k->handle = o->cl.clCreateKernel(o->program, name, &rc);
		if (!k->handle) {
			opencl_fail(err, name, rc);
		} else {
			memcpy(k->name, name, strlen(name) + 1);
			o->kernel_count++;
			*kernel = (struct hg_kernel *)k;
			r = 0;
		}
	}
	pthread_mutex_unlock(&o->lock);
	return r;
}

static cl_int set_arg(struct opencl *o, cl_kernel kernel, cl_uint i, const struct hg_arg *arg)
{
	cl_mem mem;

	switch (arg->type) {
	case HG_ARG_BUFFER:
		mem = (cl_mem)arg->buffer;
		return o->cl.clSetKernelArg(kernel, i, sizeof(mem), mem ? &mem : NULL);
	case HG_ARG_U32:
		return o->cl.clSetKernelArg(kernel, i, sizeof(arg->u32), &arg->u32);
	case HG_ARG_U64:
		return o->cl.clSetKernelArg(kernel, i, sizeof(arg->u64), &arg->u64);
	}
	return CL_INVALID_ARG_VALUE;
}

static int opencl_launch(struct hg_provider *p, struct hg_queue *queue, struct hg_kernel *kernel,
			 const struct hg_arg *args, unsigned count, size_t groups, size_t lanes,
			 const struct hg_wait *wait, struct hg_event **done,
			 struct hg_gpu_error *err)
{
	struct opencl *o = opencl_of(p);
	struct opencl_kernel *k = (struct opencl_kernel *)kernel;
	size_t global = groups * lanes;
	cl_int rc = CL_SUCCESS;
	unsigned i;

	pthread_mutex_lock(&o->lock);
	for (i = 0; i < count && rc == CL_SUCCESS; i++)
		rc = set_arg(o, k->handle, i, &args[i]);
	if (rc == CL_SUCCESS)
		rc = o->cl.clEnqueueNDRangeKernel((cl_command_queue)queue, k->handle, 1, NULL,
						  &global, &lanes, wait_count(wait),
						  wait_list(wait), (cl_event *)done);
	pthread_mutex_unlock(&o->lock);
	return rc == CL_SUCCESS ? 0 : opencl_fail(err, k->name, rc);
}

static int opencl_event_wait(struct hg_provider *p, struct hg_event *event,
			     struct hg_gpu_error *err)
{
	cl_event e = (cl_event)event;
	cl_int rc = opencl_of(p)->cl.clWaitForEvents(1, &e);

	return rc == CL_SUCCESS ? 0 : opencl_fail(err, "clWaitForEvents", rc);
}

static void opencl_event_retain(struct hg_provider *p, struct hg_event *event)
{
	opencl_of(p)->cl.clRetainEvent((cl_event)event);
}

static void opencl_event_release(struct hg_provider *p, struct hg_event *event)
{
	if (event)
		opencl_of(p)->cl.clReleaseEvent((cl_event)event);
}

static int opencl_flush(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	cl_int rc = opencl_of(p)->cl.clFlush((cl_command_queue)queue);

	return rc == CL_SUCCESS ? 0 : opencl_fail(err, "clFlush", rc);
}

static int opencl_finish(struct hg_provider *p, struct hg_queue *queue, struct hg_gpu_error *err)
{
	cl_int rc = opencl_of(p)->cl.clFinish((cl_command_queue)queue);

	return rc == CL_SUCCESS ? 0 : opencl_fail(err, "clFinish", rc);
}

static void opencl_close(struct hg_provider *p)
{
	struct opencl *o = opencl_of(p);
	unsigned i;

	for (i = 0; i < o->kernel_count; i++)
		o->cl.clReleaseKernel(o->kernels[i].handle);
	if (o->program)
		o->cl.clReleaseProgram(o->program);
	if (o->context)
		o->cl.clReleaseContext(o->context);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static const struct hg_provider_ops opencl_ops = {
	.name = "opencl",
	.buffer_create = opencl_buffer_create,
	.buffer_release = opencl_buffer_release,
	.queue_create = opencl_queue_create,
	.queue_release = opencl_queue_release,
	.write = opencl_write,
	.read = opencl_read,
	.kernel = opencl_kernel,
	.launch = opencl_launch,
	.event_wait = opencl_event_wait,
	.event_retain = opencl_event_retain,
	.event_release = opencl_event_release,
	.flush = opencl_flush,
	.finish = opencl_finish,
	.close = opencl_close,
};

static void get_text(struct opencl *o, cl_device_info what, char *text, size_t size)
{
	size_t got = 0;

	if (o->cl.clGetDeviceInfo(o->device, what, size - 1, text, &got) != CL_SUCCESS || !got)
		got = 1;
	text[got - 1] = '\0';
	text[size - 1] = '\0';
}

static void get_info(struct opencl *o, unsigned lanes)
{
	struct hg_device_info *info = &o->base.info;
	cl_device_pci_bus_info_khr pci;
	cl_device_type type = 0;
	cl_ulong memory = 0;
	cl_uint n = 0;

	get_text(o, CL_DEVICE_NAME, info->name, sizeof(info->name));
	get_text(o, CL_DEVICE_VENDOR, info->vendor, sizeof(info->vendor));
	get_text(o, CL_DRIVER_VERSION, info->driver, sizeof(info->driver));
	o->cl.clGetDeviceInfo(o->device, CL_DEVICE_VENDOR_ID, sizeof(n), &n, NULL);
	info->vendor_id = n;
	o->cl.clGetDeviceInfo(o->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(n), &n, NULL);
	info->units = n;
	o->cl.clGetDeviceInfo(o->device, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(memory), &memory, NULL);
	info->memory = memory;
	info->has_uuid = o->cl.clGetDeviceInfo(o->device, CL_DEVICE_UUID_KHR, sizeof(info->uuid),
					       info->uuid, NULL) == CL_SUCCESS;
	if (o->cl.clGetDeviceInfo(o->device, CL_DEVICE_PCI_BUS_INFO_KHR, sizeof(pci), &pci,
				  NULL) == CL_SUCCESS)
		snprintf(info->pci, sizeof(info->pci), "%04x:%02x:%02x.%x", pci.pci_domain & 0xffff,
			 pci.pci_bus & 0xff, pci.pci_device & 0xff, pci.pci_function & 0xf);
	o->cl.clGetDeviceInfo(o->device, CL_DEVICE_TYPE, sizeof(type), &type, NULL);
	info->lanes = lanes ? lanes : type & CL_DEVICE_TYPE_CPU ? 1 : GPU_LANES;
}

static int build(struct opencl *o, struct hg_gpu_error *err)
{
	const char *source = hg_device_source;
	unsigned suites = o->base.info.suites;
	char options[96], log[200] = "";
	cl_int rc;

	o->program = o->cl.clCreateProgramWithSource(o->context, 1, &source, NULL, &rc);
	if (!o->program)
		return opencl_fail(err, "clCreateProgramWithSource", rc);
	snprintf(options, sizeof(options), "-cl-std=CL1.2 -DHG_LANES=%uu", o->base.info.lanes);
	/* One suite alone: its number. */
	if (!(suites & (suites - 1)))
		snprintf(options + strlen(options), sizeof(options) - strlen(options),
			 " -DHG_SUITE=%d", __builtin_ctz(suites));
	rc = o->cl.clBuildProgram(o->program, 1, &o->device, options, NULL, NULL);
	if (rc == CL_SUCCESS)
		return 0;
	o->cl.clGetProgramBuildInfo(o->program, o->device, CL_PROGRAM_BUILD_LOG, sizeof(log) - 1,
				    log, NULL);
	return hg_gpu_fail(err, HG_GPU_E_DEVICE,
			   "%s cannot compile the session program (error %d): %.180s",
			   o->base.info.name, rc, log);
}

int hg_opencl_attach_suites(const struct _cl_icd_dispatch *dispatch, void *context, void *device,
			    unsigned lanes, unsigned suites, struct hg_provider **p,
			    struct hg_gpu_error *err)
{
	struct opencl *o;

	*p = NULL;
	if (lanes > 256 || (lanes & (lanes - 1)))
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "%u lanes: want a power of two, at most 256", lanes);
	if (!suites || suites & ~HG_SUITES_ALL)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "%#x is no set of suites", suites);
	o = calloc(1, sizeof(*o));
	if (!o)
		return hg_gpu_no_memory(err);
	o->base.info.suites = suites;
	o->base.ops = &opencl_ops;
	o->cl = *dispatch;
	o->context = context;
	o->device = device;
	pthread_mutex_init(&o->lock, NULL);
	o->cl.clRetainContext(o->context);
	get_info(o, lanes);
	if (build(o, err) || hg_kat_run(&o->base, err)) {
		opencl_close(&o->base);
		return -1;
	}
	*p = &o->base;
	return 0;
}

int hg_opencl_attach(const struct _cl_icd_dispatch *dispatch, void *context, void *device,
		     unsigned lanes, struct hg_provider **p, struct hg_gpu_error *err)
{
	return hg_opencl_attach_suites(dispatch, context, device, lanes, 1 << HG_AES_256_GCM, p,
				       err);
}
