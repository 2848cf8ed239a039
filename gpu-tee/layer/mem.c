// SPDX-License-Identifier: Apache-2.0
/* Memory objects: what the application said of them, and what the driver was told. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "report.h"

#define HOST_ACCESS (CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS)
#define HOST_PTR    (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR | CL_MEM_ALLOC_HOST_PTR)

struct mem *mem_get(cl_mem handle)
{
	return (struct mem *)table_get(handle, OBJECT_MEM);
}

void mem_put(struct mem *m)
{
	if (m)
		table_put(&m->object);
}

struct mem *mem_root(struct mem *m, size_t *origin)
{
	*origin = 0;
	while (m->parent && m->type == CL_MEM_OBJECT_BUFFER) {
		*origin += m->origin;
		m = m->parent;
	}
	return m;
}

static void mem_destroy(struct object *o)
{
	struct mem *m = (struct mem *)o;

	maps_free(m);
	cross_forget(m->context->crossing, &m->cross);
	mem_put(m->parent);
	context_put(m->context);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct mem *mem_enter(struct context *c, cl_mem handle, cl_mem_object_type type, cl_mem_flags flags,
		      void *host_ptr)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (!m) {
		below->clReleaseMemObject(handle);
		return NULL;
	}
	m->context = c;
	table_ref(&c->object);
	m->type = type;
	m->flags = flags;
	m->host_ptr = flags & CL_MEM_USE_HOST_PTR ? host_ptr : NULL;
	m->cross.handle = handle;
	pthread_mutex_init(&m->lock, NULL);
	if (!below->clGetMemObjectInfo(handle, CL_MEM_SIZE, sizeof(m->size), &m->size, NULL))
		m->cross.size = m->size;
	table_enter(&m->object, handle, OBJECT_MEM, mem_destroy);
	return m;
}

cl_mem_flags mem_flags_below(cl_mem_flags flags, bool image)
{
	/* The device writes every buffer that the application fills. */
	if (!image)
		return CL_MEM_READ_WRITE;
	return flags & ~(cl_mem_flags)(HOST_ACCESS | HOST_PTR);
}

static bool one_of(cl_mem_flags flags, cl_mem_flags set)
{
	flags &= set;
	return !(flags & (flags - 1));
}

cl_int mem_flags_check(cl_mem_flags flags, const void *host_ptr)
{
	bool needs = flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR);

	if (!one_of(flags, CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY) ||
	    !one_of(flags, HOST_ACCESS) ||
	    !one_of(flags, CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) ||
	    !one_of(flags, CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR))
		return CL_INVALID_VALUE;
	return needs == !host_ptr ? CL_INVALID_HOST_PTR : CL_SUCCESS;
}

static cl_int CL_API_CALL retain_mem(cl_mem handle)
{
	cl_int code = below->clRetainMemObject(handle);

	if (!code)
		table_retain(handle, OBJECT_MEM);
	return code;
}

static cl_int CL_API_CALL release_mem(cl_mem handle)
{
	if (!table_release(handle, OBJECT_MEM))
		return CL_INVALID_MEM_OBJECT;
	return below->clReleaseMemObject(handle);
}

static cl_int CL_API_CALL mem_info(cl_mem handle, cl_mem_info name, size_t room, void *value,
				   size_t *size_ret)
{
	struct mem *m = mem_get(handle);
	cl_bool no = CL_FALSE;
	cl_uint count;
	cl_int code;

	if (!m)
		return CL_INVALID_MEM_OBJECT;
	switch (name) {
	case CL_MEM_FLAGS:
		code = layer_answer(&m->flags, sizeof(m->flags), room, value, size_ret);
		break;
	case CL_MEM_HOST_PTR:
		code = layer_answer(&m->host_ptr, sizeof(m->host_ptr), room, value, size_ret);
		break;
	case CL_MEM_MAP_COUNT:
		count = maps_count(m);
		code = layer_answer(&count, sizeof(count), room, value, size_ret);
		break;
	case CL_MEM_REFERENCE_COUNT:
		count = m->object.app;
		code = layer_answer(&count, sizeof(count), room, value, size_ret);
		break;
	case CL_MEM_USES_SVM_POINTER:
		code = layer_answer(&no, sizeof(no), room, value, size_ret);
		break;
	default:
		code = below->clGetMemObjectInfo(handle, name, room, value, size_ret);
	}
	mem_put(m);
	return code;
}

void layer_mems(cl_icd_dispatch *d)
{
	d->clRetainMemObject = retain_mem;
	d->clReleaseMemObject = release_mem;
	d->clGetMemObjectInfo = mem_info;
	d->clSetMemObjectDestructorCallback = below->clSetMemObjectDestructorCallback;
}
