// SPDX-License-Identifier: Apache-2.0
/* Launches of rewritten kernels: values cross masked, and each is logged and receipted. */
#include <string.h>

#include "expect.h"
#include "report.h"
#include "rewrite.h"
/* That of the library's; the device's has the same name. */
#include "../host/launch.h"

static bool is_pointer(const struct hg_source_param *p)
{
	return p->cls == HG_PARAM_GLOBAL || p->cls == HG_PARAM_CONSTANT;
}

/* What the crossing knows of a buffer among the arguments, and where in it that begins. NULL:
 * it is no buffer any more. mem_put(*@m) when it is not used any more. */
static struct cross_mem *buffer_of(const struct kernel_arg *a, struct mem **m, size_t *origin)
{
	*m = NULL;
	*origin = 0;
	if (a->own)
		return a->own;
	*m = mem_get(a->mem);
	return *m ? &mem_root(*m, origin)->cross : NULL;
}

/* The device knows the buffer, and where it lies is noted. */
static cl_int locate(struct context *c, struct kernel_arg *a, uint64_t era)
{
	struct crossing *x = c->crossing;
	cl_int code = CL_SUCCESS;
	struct cross_mem *buffer;
	struct mem *m;
	size_t origin;

	buffer = buffer_of(a, &m, &origin);
	if (!buffer)
		return CL_INVALID_MEM_OBJECT;
	if (cross_bind(x, NULL, buffer))
		code = context_broken(c);
	a->address = code ? 0 : x->ops->address(x, buffer);
	if (a->address)
		a->address += origin;
	a->era = code ? 0 : era;
	mem_put(m);
	return code;
}

/* Eras are those of the application's handles: the layer's own buffers have none. */
static bool is_located(const struct kernel_arg *a, uint64_t era)
{
	return a->own ? false : !a->mem || a->era == era;
}

/* All arguments are set, and the device knows the buffers among them. */
static cl_int prepare(struct context *c, struct kernel *k)
{
	uint64_t era = table_era();
	cl_int code = CL_SUCCESS;
	size_t i;

	for (i = 0; i < k->row->params && !code; i++) {
		struct kernel_arg *a = &k->arg[i];

		if (!a->set)
			return CL_INVALID_KERNEL_ARGS;
		if (is_pointer(&k->row->param[i]) && !is_located(a, era))
			code = locate(c, a, era);
	}
	return code;
}

static cl_int set_arguments(struct kernel *k, struct hg_launching *l)
{
	unsigned char masked[4 * HG_LAUNCH_WORDS];
	cl_kernel handle = k->object.handle;
	cl_mem area = (cl_mem)(void *)l->area;
	cl_int code = CL_SUCCESS;
	cl_uint i;

	for (i = 0; i < k->row->params && !code; i++) {
		const struct hg_source_param *p = &k->row->param[i];
		const struct kernel_arg *a = &k->arg[i];

		if (is_pointer(p) && hg_expect_pointer(l->want, a->own || a->mem ? a->address : 0))
			code = CL_INVALID_KERNEL_ARGS;
		if (p->cls != HG_PARAM_VALUE)
			continue;
		if (hg_expect_value(l->want, l->pad, a->value, a->size, masked))
			return CL_INVALID_KERNEL_ARGS;
		code = below->clSetKernelArg(handle, i, hg_expect_size(p, a->size), masked);
	}
	if (!code && k->area != area)
		code = below->clSetKernelArg(handle, i, sizeof(area), &area);
	if (!code)
		k->area = area;
	if (!code)
		code = below->clSetKernelArg(handle, i + 1, sizeof(l->sequence), &l->sequence);
	return code;
}

/* A group that is larger than its grid is as large as that, where drivers allow it. */
static cl_int set_geometry(struct hg_launching *l, cl_uint dims, const size_t *offset,
			   const size_t *global, const size_t *local)
{
	size_t least[3] = { 1, 1, 1 };
	cl_uint i;

	for (i = 0; local && i < dims; i++)
		least[i] = local[i] < global[i] ? local[i] : global[i];
	return hg_expect_geometry(l->want, dims, offset, global, local ? least : NULL)
		       ? CL_INVALID_WORK_DIMENSION
		       : CL_SUCCESS;
}

static bool has_values(const struct hg_source_kernel *row)
{
	size_t i;

	for (i = 0; i < row->params; i++)
		if (row->param[i].cls == HG_PARAM_VALUE)
			return true;
	return false;
}

static cl_int launch(struct context *c, cl_command_queue queue, struct kernel *k, cl_uint dims,
		     const size_t *offset, const size_t *global, const size_t *local, cl_uint count,
		     const cl_event *list, cl_event *event)
{
	struct crossing *x = c->crossing;
	const struct hg_launch_kernel kernel = { .name = k->row->name,
						 .program = k->unit->id,
						 .number = k->row->number,
						 .any_local = !local,
						 .masked = has_values(k->row) };
	bool runs = global[0] && (dims < 2 || global[1]) && (dims < 3 || global[2]);
	struct hg_launching l;
	cl_int code;

	code = x->ops->launch_begin(x, queue, &kernel, &l);
	if (code)
		return code < 0 ? context_broken(c) : CL_OUT_OF_RESOURCES;
	code = set_arguments(k, &l);
	if (!code)
		code = set_geometry(&l, dims, offset, global, local);
	if (!code)
		code = below->clEnqueueNDRangeKernel(queue, k->object.handle, dims, offset, global,
						     local, count, list, event);
	x->ops->launch_end(x, &l, !code && runs);
	return code;
}

cl_int kernel_launch_locked(struct context *c, cl_command_queue queue, struct kernel *k,
			    cl_uint dims, const size_t *offset, const size_t *global,
			    const size_t *local, cl_uint count, const cl_event *list,
			    cl_event *event)
{
	cl_int code = prepare(c, k);

	return code ? code : launch(c, queue, k, dims, offset, global, local, count, list, event);
}

cl_int kernel_launch(struct queue *q, struct kernel *k, cl_uint dims, const size_t *offset,
		     const size_t *global, const size_t *local, cl_uint count,
		     const cl_event *list, cl_event *event)
{
	cl_int code;

	if (dims < 1 || dims > 3)
		return CL_INVALID_WORK_DIMENSION;
	if (!global)
		return CL_INVALID_GLOBAL_WORK_SIZE;
	pthread_mutex_lock(&k->lock);
	code = kernel_launch_locked(q->context, q->lane.queue, k, dims, offset, global, local,
				    count, list, event);
	pthread_mutex_unlock(&k->lock);
	if (!code)
		report_launch(true);
	return code;
}
