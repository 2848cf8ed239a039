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

/* All arguments are set, and the device knows the buffers among them. */
static cl_int prepare(struct context *c, struct kernel *k)
{
	struct cross_mem *buffer;
	struct mem *m;
	size_t i, origin;
	cl_int code = CL_SUCCESS;

	for (i = 0; i < k->row->params && !code; i++) {
		if (!k->arg[i].set)
			return CL_INVALID_KERNEL_ARGS;
		if (!is_pointer(&k->row->param[i]) || (!k->arg[i].mem && !k->arg[i].own))
			continue;
		buffer = buffer_of(&k->arg[i], &m, &origin);
		if (!buffer)
			return CL_INVALID_MEM_OBJECT;
		if (cross_bind(c->crossing, NULL, buffer))
			code = context_broken(c);
		mem_put(m);
	}
	return code;
}

static int expect_pointer(struct crossing *x, const struct kernel_arg *a,
			  struct hg_launch_entry *want)
{
	size_t origin;
	struct mem *m;
	const struct cross_mem *buffer = buffer_of(a, &m, &origin);
	uint64_t address = buffer ? x->ops->address(x, buffer) : 0;

	mem_put(m);
	return hg_expect_pointer(want, address ? address + origin : 0);
}

static cl_int set_arguments(struct crossing *x, struct kernel *k, struct hg_launching *l)
{
	unsigned char masked[4 * HG_LAUNCH_WORDS];
	cl_kernel handle = k->object.handle;
	cl_mem area = (cl_mem)(void *)l->area;
	cl_int code = CL_SUCCESS;
	cl_uint i;

	for (i = 0; i < k->row->params && !code; i++) {
		const struct hg_source_param *p = &k->row->param[i];
		const struct kernel_arg *a = &k->arg[i];

		if (is_pointer(p) && expect_pointer(x, a, l->want))
			code = CL_INVALID_KERNEL_ARGS;
		if (p->cls != HG_PARAM_VALUE)
			continue;
		if (hg_expect_value(l->want, l->pad, a->value, a->size, masked))
			return CL_INVALID_KERNEL_ARGS;
		code = below->clSetKernelArg(handle, i, hg_expect_size(p, a->size), masked);
	}
	if (!code)
		code = below->clSetKernelArg(handle, i, sizeof(area), &area);
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
	code = set_arguments(x, k, &l);
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
