// SPDX-License-Identifier: Apache-2.0
/* Kernels, their arguments, and samplers, which are arguments too. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "report.h"
#include "rewrite.h"

static void plain_destroy(struct object *o)
{
	free(o);
}

static int enter(void *handle, enum object_kind kind)
{
	struct object *o = calloc(1, sizeof(*o));

	if (!o)
		return -1;
	table_enter(o, handle, kind, plain_destroy);
	return 0;
}

struct kernel *kernel_get(cl_kernel handle)
{
	return (struct kernel *)table_get(handle, OBJECT_KERNEL);
}

void kernel_put(struct kernel *k)
{
	if (k)
		table_put(&k->object);
}

static void kernel_destroy(struct object *o)
{
	struct kernel *k = (struct kernel *)o;
	size_t size = sizeof(*k) + (k->row ? k->row->params : 0) * sizeof(k->arg[0]);

	pthread_mutex_destroy(&k->lock);
	unit_put(k->unit);
	program_put(k->program);
	explicit_bzero(k, size);
	free(k);
}

/* The kernel in the tables of its program; *@reason: why it is not to be had. */
static const struct hg_source_kernel *find_row(const struct program *p, const char *name,
					       struct unit **unit, const char **reason)
{
	size_t i, n;

	*reason = *p->reason ? p->reason : "the program is not a source that was rewritten";
	for (i = 0; i < p->units; i++)
		for (n = 0; n < p->unit[i]->table.kernels; n++) {
			const struct hg_source_kernel *row = &p->unit[i]->table.kernel[n];

			if (!row->defined || strcmp(row->name, name) != 0)
				continue;
			*unit = p->unit[i];
			*reason = row->refused;
			return row->refused ? NULL : row;
		}
	return NULL;
}

/* A kernel that runs as it is, if it may. */
static cl_int left_alone(const struct program *p, const char *name, const char *reason)
{
	if (!rewrite_wanted(p->context))
		return CL_SUCCESS;
	if (rewrite_strict()) {
		layer_say("kernel %s was refused: it cannot be rewritten: %s", name, reason);
		report_refused(name);
		return CL_INVALID_KERNEL_DEFINITION;
	}
	layer_say_once("kernel %s is not rewritten: what it is told crosses in clear, without receipt: %s",
		       name, reason);
	report_unrewritten(name, reason);
	return CL_SUCCESS;
}

/* Enters the driver's @handle; with an error it is released. */
static cl_int enter_kernel(struct program *p, cl_kernel handle, const char *name)
{
	const struct hg_source_kernel *row;
	struct unit *unit = NULL;
	const char *reason = NULL;
	struct kernel *k;
	cl_int code;

	row = find_row(p, name, &unit, &reason);
	code = row ? CL_SUCCESS : left_alone(p, name, reason);
	k = code ? NULL : calloc(1, sizeof(*k) + (row ? row->params : 0) * sizeof(k->arg[0]));
	if (!k) {
		below->clReleaseKernel(handle);
		return code ? code : CL_OUT_OF_HOST_MEMORY;
	}
	pthread_mutex_init(&k->lock, NULL);
	k->row = row;
	if (row) {
		k->unit = unit;
		unit_ref(unit);
	}
	k->program = p;
	table_ref(&p->object);
	table_enter(&k->object, handle, OBJECT_KERNEL, kernel_destroy);
	return CL_SUCCESS;
}

static cl_kernel CL_API_CALL create_kernel(cl_program program, const char *name,
					   cl_int *errcode_ret)
{
	struct program *p = program_get(program);
	cl_int code = p ? name ? CL_SUCCESS : CL_INVALID_VALUE : CL_INVALID_PROGRAM;
	cl_kernel handle = NULL;

	if (!code && program_hides(p, name, strlen(name)))
		code = CL_INVALID_KERNEL_NAME;
	if (!code)
		handle = below->clCreateKernel(p->built, name, &code);
	if (handle)
		code = enter_kernel(p, handle, name);
	program_put(p);
	layer_code(errcode_ret, code);
	return code ? NULL : handle;
}

static cl_kernel CL_API_CALL clone_kernel(cl_kernel kernel, cl_int *errcode_ret)
{
	struct kernel *k = kernel_get(kernel), *copy;
	cl_int code = k ? CL_SUCCESS : CL_INVALID_KERNEL;
	char name[256] = "";
	cl_kernel handle = NULL;

	if (!code)
		handle = below->clCloneKernel(kernel, &code);
	if (handle && !k->row)
		code = below->clGetKernelInfo(handle, CL_KERNEL_FUNCTION_NAME, sizeof(name), name,
					      NULL);
	if (handle && code)
		below->clReleaseKernel(handle);
	if (handle && !code)
		code = enter_kernel(k->program, handle, k->row ? k->row->name : name);
	if (handle && !code && k->row) {
		copy = kernel_get(handle);
		pthread_mutex_lock(&k->lock);
		memcpy(copy->arg, k->arg, k->row->params * sizeof(k->arg[0]));
		pthread_mutex_unlock(&k->lock);
		kernel_put(copy);
	}
	kernel_put(k);
	layer_code(errcode_ret, code);
	return code ? NULL : handle;
}

static cl_int create_all(struct program *p, char *names, cl_kernel *kernels)
{
	cl_uint n = 0;
	cl_int code = CL_SUCCESS;
	char *name, *next = names;

	while (!code && (name = strsep(&next, ";")) && *name) {
		kernels[n] = below->clCreateKernel(p->built, name, &code);
		if (!code)
			code = enter_kernel(p, kernels[n], name);
		n += !code;
	}
	while (code && n--) {
		table_release(kernels[n], OBJECT_KERNEL);
		below->clReleaseKernel(kernels[n]);
	}
	return code;
}

/* Less those that the rewriter made. */
static cl_int CL_API_CALL create_kernels(cl_program program, cl_uint room, cl_kernel *kernels,
					 cl_uint *count_ret)
{
	struct program *p = program_get(program);
	cl_int code = p ? CL_SUCCESS : CL_INVALID_PROGRAM;
	char *names = NULL;
	cl_uint count = 0;

	if (!code)
		code = program_kernels(p, &names, &count);
	if (!code && kernels && room < count)
		code = CL_INVALID_VALUE;
	if (!code && kernels)
		code = create_all(p, names, kernels);
	if (!code && count_ret)
		*count_ret = count;
	free(names);
	program_put(p);
	return code;
}

static cl_int CL_API_CALL retain_kernel(cl_kernel handle)
{
	cl_int code = below->clRetainKernel(handle);

	if (!code)
		table_retain(handle, OBJECT_KERNEL);
	return code;
}

static cl_int CL_API_CALL release_kernel(cl_kernel handle)
{
	if (!table_release(handle, OBJECT_KERNEL))
		return CL_INVALID_KERNEL;
	return below->clReleaseKernel(handle);
}

/* Whether what @value points to is a handle: then no data crosses. */
static bool is_handle(size_t size, const void *value)
{
	struct object *o;

	if (!value)
		return true;
	if (size != sizeof(void *))
		return false;
	o = table_get(*(void *const *)value, OBJECT_MEM);
	if (!o)
		o = table_get(*(void *const *)value, OBJECT_SAMPLER);
	table_put(o);
	return o;
}

/* A value stays here: the device gets it at the launch, masked. */
static cl_int keep_value(struct kernel *k, cl_uint index, size_t size, const void *value)
{
	static const unsigned char zeros[sizeof(k->arg[0].value)];
	const struct hg_source_param *p = &k->row->param[index];
	struct kernel_arg *a = &k->arg[index];
	cl_int code = CL_SUCCESS;

	if (!value)
		return CL_INVALID_ARG_VALUE;
	if (!size || size > sizeof(a->value) || (p->size && size != p->size))
		return CL_INVALID_ARG_SIZE;
	/* The driver knows the size of a struct; it is asked once. */
	if (!a->checked || a->size != size)
		code = below->clSetKernelArg(k->object.handle, index, hg_expect_size(p, size),
					     zeros);
	if (code)
		return code;
	memcpy(a->value, value, size);
	a->size = size;
	a->set = a->checked = true;
	return CL_SUCCESS;
}

static cl_int keep_arg(struct kernel *k, cl_uint index, size_t size, const void *value)
{
	struct kernel_arg *a = &k->arg[index];
	enum hg_source_class cls = k->row->param[index].cls;
	cl_mem mem = NULL;
	cl_int code;

	if (cls == HG_PARAM_VALUE)
		return keep_value(k, index, size, value);
	code = below->clSetKernelArg(k->object.handle, index, size, value);
	if (code)
		return code;
	if ((cls == HG_PARAM_GLOBAL || cls == HG_PARAM_CONSTANT) && value)
		memcpy(&mem, value, sizeof(mem));
	a->mem = mem;
	a->era = 0;
	a->set = true;
	return CL_SUCCESS;
}

static cl_int CL_API_CALL set_arg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
	struct kernel *k = kernel_get(kernel);
	cl_int code;

	if (!k)
		return CL_INVALID_KERNEL;
	if (!k->row) {
		if (!is_handle(size, value))
			report_in_clear(CLEAR_ARGUMENT, size);
		code = below->clSetKernelArg(kernel, index, size, value);
	} else if (index >= k->row->params) {
		code = CL_INVALID_ARG_INDEX;
	} else {
		pthread_mutex_lock(&k->lock);
		code = keep_arg(k, index, size, value);
		pthread_mutex_unlock(&k->lock);
	}
	kernel_put(k);
	return code;
}

/* The application's parameters, not the two that follow them. */
static cl_int CL_API_CALL kernel_info(cl_kernel kernel, cl_kernel_info name, size_t room,
				      void *value, size_t *size_ret)
{
	struct kernel *k = kernel_get(kernel);
	cl_program program;
	cl_uint count;
	cl_int code;

	if (!k)
		return CL_INVALID_KERNEL;
	if (name == CL_KERNEL_PROGRAM) {
		program = k->program->object.handle;
		code = layer_answer(&program, sizeof(program), room, value, size_ret);
	} else if (name == CL_KERNEL_NUM_ARGS && k->row) {
		count = (cl_uint)k->row->params;
		code = layer_answer(&count, sizeof(count), room, value, size_ret);
	} else {
		code = below->clGetKernelInfo(kernel, name, room, value, size_ret);
	}
	kernel_put(k);
	return code;
}

static cl_int CL_API_CALL kernel_arg_info(cl_kernel kernel, cl_uint index, cl_kernel_arg_info name,
					  size_t room, void *value, size_t *size_ret)
{
	struct kernel *k = kernel_get(kernel);
	const char *text = NULL;
	cl_int code;

	if (!k)
		return CL_INVALID_KERNEL;
	if (k->row && index >= k->row->params)
		code = CL_INVALID_ARG_INDEX;
	else
		code = below->clGetKernelArgInfo(kernel, index, name, 0, NULL, NULL);
	if (!code && k->row && name == CL_KERNEL_ARG_TYPE_NAME)
		text = k->row->param[index].type;
	if (!code && k->row && name == CL_KERNEL_ARG_NAME)
		text = k->row->param[index].name;
	if (text)
		code = layer_answer(text, strlen(text) + 1, room, value, size_ret);
	else if (!code)
		code = below->clGetKernelArgInfo(kernel, index, name, room, value, size_ret);
	kernel_put(k);
	return code;
}

static cl_int CL_API_CALL set_svm_arg(cl_kernel kernel, cl_uint index, const void *value)
{
	(void)kernel, (void)index, (void)value;
	report_refused("clSetKernelArgSVMPointer");
	return CL_INVALID_OPERATION;
}

/* All that OpenCL lets one say here is about shared virtual memory. */
static cl_int CL_API_CALL set_exec_info(cl_kernel kernel, cl_kernel_exec_info name, size_t size,
					const void *value)
{
	(void)kernel, (void)name, (void)size, (void)value;
	report_refused("clSetKernelExecInfo");
	return CL_INVALID_OPERATION;
}

static cl_sampler entered_sampler(cl_sampler handle, cl_int code, cl_int *errcode_ret)
{
	if (handle && enter(handle, OBJECT_SAMPLER)) {
		below->clReleaseSampler(handle);
		handle = NULL;
		code = CL_OUT_OF_HOST_MEMORY;
	}
	layer_code(errcode_ret, code);
	return handle;
}

static cl_sampler CL_API_CALL create_sampler(cl_context context, cl_bool normalized,
					     cl_addressing_mode addressing, cl_filter_mode filter,
					     cl_int *errcode_ret)
{
	cl_int code = CL_SUCCESS;
	cl_sampler handle = below->clCreateSampler(context, normalized, addressing, filter, &code);

	return entered_sampler(handle, code, errcode_ret);
}

static cl_sampler CL_API_CALL create_sampler_with(cl_context context,
						  const cl_sampler_properties *properties,
						  cl_int *errcode_ret)
{
	cl_int code = CL_SUCCESS;
	cl_sampler handle = below->clCreateSamplerWithProperties(context, properties, &code);

	return entered_sampler(handle, code, errcode_ret);
}

static cl_int CL_API_CALL retain_sampler(cl_sampler handle)
{
	cl_int code = below->clRetainSampler(handle);

	if (!code)
		table_retain(handle, OBJECT_SAMPLER);
	return code;
}

static cl_int CL_API_CALL release_sampler(cl_sampler handle)
{
	if (!table_release(handle, OBJECT_SAMPLER))
		return CL_INVALID_SAMPLER;
	return below->clReleaseSampler(handle);
}

void layer_kernels(cl_icd_dispatch *d)
{
	d->clCreateKernel = create_kernel;
	d->clCreateKernelsInProgram = create_kernels;
	d->clCloneKernel = clone_kernel;
	d->clRetainKernel = retain_kernel;
	d->clReleaseKernel = release_kernel;
	d->clSetKernelArg = set_arg;
	d->clSetKernelArgSVMPointer = set_svm_arg;
	d->clSetKernelExecInfo = set_exec_info;
	d->clGetKernelInfo = kernel_info;
	d->clGetKernelArgInfo = kernel_arg_info;
	d->clGetKernelWorkGroupInfo = below->clGetKernelWorkGroupInfo;
	d->clGetKernelSubGroupInfo = below->clGetKernelSubGroupInfo;
	d->clGetKernelSubGroupInfoKHR = below->clGetKernelSubGroupInfoKHR;
	d->clCreateSampler = create_sampler;
	d->clCreateSamplerWithProperties = create_sampler_with;
	d->clRetainSampler = retain_sampler;
	d->clReleaseSampler = release_sampler;
	d->clGetSamplerInfo = below->clGetSamplerInfo;
}
