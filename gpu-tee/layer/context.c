// SPDX-License-Identifier: Apache-2.0
/* Contexts: one device each, and the crossing to it. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

#include "copier.h"
#include "report.h"

struct context *context_get(cl_context handle)
{
	return (struct context *)table_get(handle, OBJECT_CONTEXT);
}

void context_put(struct context *c)
{
	if (c)
		table_put(&c->object);
}

cl_int context_broken(struct context *c)
{
	static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
	const char *text = c->crossing->text;

	/* Nobody returns before it is told: the program may end at once. */
	pthread_mutex_lock(&telling);
	if (!c->crossing->told) {
		c->crossing->told = true;
		layer_say("%s%s", strncmp(text, "bus: ", 5) ? "bus: " : "", text);
		report_failure(text);
	}
	pthread_mutex_unlock(&telling);
	return CL_OUT_OF_RESOURCES;
}

cl_int context_state(struct context *c)
{
	return __atomic_load_n(&c->crossing->broken, __ATOMIC_ACQUIRE) ? context_broken(c)
								       : CL_SUCCESS;
}

void context_open(struct context *c, int by)
{
	__atomic_fetch_add(&c->open, (unsigned int)by, __ATOMIC_ACQ_REL);
}

cl_int context_inner(struct context *c)
{
	cl_int code = CL_SUCCESS;

	pthread_mutex_lock(&c->inner.lock);
	if (!c->inner.queue)
		c->inner.queue = below->clCreateCommandQueue(c->object.handle, c->device, 0, &code);
	pthread_mutex_unlock(&c->inner.lock);
	return code;
}

static void context_destroy(struct object *o)
{
	struct context *c = (struct context *)o;

	cross_forget(c->crossing, &c->inner.scratch);
	if (c->inner.scratch.handle)
		below->clReleaseMemObject(c->inner.scratch.handle);
	copier_free(c);
	cross_close(c->crossing);
	if (c->inner.queue)
		below->clReleaseCommandQueue(c->inner.queue);
	pthread_mutex_destroy(&c->inner.lock);
	free(c);
	report_write();
}

/* Sharing with a graphics library would let data in and out beside the layer. */
static cl_int check_properties(const cl_context_properties *p)
{
	for (; p && *p; p += 2)
		if (*p != CL_CONTEXT_PLATFORM && *p != CL_CONTEXT_INTEROP_USER_SYNC) {
			layer_say_once("a context that shares with another library was refused");
			report_refused("clCreateContext");
			return CL_INVALID_PROPERTY;
		}
	return CL_SUCCESS;
}

static cl_int refuse_devices(cl_uint count)
{
	if (!count)
		return CL_DEVICE_NOT_FOUND;
	/* A driver moves buffers between devices by itself, below the layer. */
	layer_say_once(
		"a context of %u devices was refused: the bus of only one can be sealed; choose a device",
		count);
	report_refused("clCreateContext");
	return CL_INVALID_DEVICE;
}

static cl_int enter_context(cl_context handle, cl_device_id device)
{
	struct context *c = calloc(1, sizeof(*c));
	char text[320] = "out of memory";

	if (!c)
		return CL_OUT_OF_HOST_MEMORY;
	c->device = device;
	c->crossing = cross_open(handle, device, text);
	if (!c->crossing) {
		layer_say("no sealed bus: %s", text);
		report_failure(text);
		free(c);
		return CL_OUT_OF_RESOURCES;
	}
	if (c->crossing->ops->hold)
		c->crossing->ops->hold(c->crossing, &c->open);
	if (layer_verbose())
		layer_say("a context whose bus is %s", c->crossing->ops->name);
	pthread_mutex_init(&c->inner.lock, NULL);
	table_enter(&c->object, handle, OBJECT_CONTEXT, context_destroy);
	return CL_SUCCESS;
}

/* The context that the driver made, or NULL and it is released. */
static cl_context finish_context(cl_context handle, cl_int *errcode_ret)
{
	cl_device_id device;
	cl_uint count = 0;
	cl_int code;

	code = below->clGetContextInfo(handle, CL_CONTEXT_NUM_DEVICES, sizeof(count), &count, NULL);
	if (!code && count != 1)
		code = refuse_devices(count);
	if (!code)
		code = below->clGetContextInfo(handle, CL_CONTEXT_DEVICES, sizeof(device), &device,
					       NULL);
	if (!code)
		code = enter_context(handle, device);
	if (code)
		below->clReleaseContext(handle);
	layer_code(errcode_ret, code);
	return code ? NULL : handle;
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint count,
					     const cl_device_id *devices,
					     void(CL_CALLBACK *notify)(const char *, const void *,
								       size_t, void *),
					     void *data, cl_int *errcode_ret)
{
	cl_int code = check_properties(properties);
	cl_context handle = NULL;

	if (!code && count > 1)
		code = refuse_devices(count);
	if (!code)
		handle = below->clCreateContext(properties, count, devices, notify, data, &code);
	if (handle)
		return finish_context(handle, errcode_ret);
	layer_code(errcode_ret, code);
	return NULL;
}

static cl_context CL_API_CALL
create_context_from_type(const cl_context_properties *properties, cl_device_type type,
			 void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
			 void *data, cl_int *errcode_ret)
{
	cl_int code = check_properties(properties);
	cl_context handle = NULL;

	if (!code)
		handle = below->clCreateContextFromType(properties, type, notify, data, &code);
	if (handle)
		return finish_context(handle, errcode_ret);
	layer_code(errcode_ret, code);
	return NULL;
}

static cl_int CL_API_CALL retain_context(cl_context handle)
{
	cl_int code = below->clRetainContext(handle);

	if (!code)
		table_retain(handle, OBJECT_CONTEXT);
	return code;
}

static cl_int CL_API_CALL release_context(cl_context handle)
{
	if (!table_release(handle, OBJECT_CONTEXT))
		return CL_INVALID_CONTEXT;
	return below->clReleaseContext(handle);
}

void layer_contexts(cl_icd_dispatch *d)
{
	d->clCreateContext = create_context;
	d->clCreateContextFromType = create_context_from_type;
	d->clRetainContext = retain_context;
	d->clReleaseContext = release_context;
	d->clGetContextInfo = below->clGetContextInfo;
	d->clSetContextDestructorCallback = below->clSetContextDestructorCallback;
}
