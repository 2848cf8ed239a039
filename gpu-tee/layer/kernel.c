// SPDX-License-Identifier: Apache-2.0
/* Kernels, their arguments, and samplers, which are arguments too. */
#include "layer.h"

#include <stdlib.h>

#include "report.h"

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

static cl_kernel entered(cl_kernel handle, cl_int code, cl_int *errcode_ret)
{
	if (handle && enter(handle, OBJECT_KERNEL)) {
		below->clReleaseKernel(handle);
		handle = NULL;
		code = CL_OUT_OF_HOST_MEMORY;
	}
	layer_code(errcode_ret, code);
	return handle;
}

static cl_kernel CL_API_CALL create_kernel(cl_program program, const char *name,
					   cl_int *errcode_ret)
{
	cl_int code = CL_SUCCESS;
	cl_kernel handle = below->clCreateKernel(program, name, &code);

	return entered(handle, code, errcode_ret);
}

static cl_kernel CL_API_CALL clone_kernel(cl_kernel kernel, cl_int *errcode_ret)
{
	cl_int code = CL_SUCCESS;
	cl_kernel handle = below->clCloneKernel(kernel, &code);

	return entered(handle, code, errcode_ret);
}

static cl_int CL_API_CALL create_kernels(cl_program program, cl_uint room, cl_kernel *kernels,
					 cl_uint *count_ret)
{
	cl_uint count = 0, i;
	cl_int code = below->clCreateKernelsInProgram(program, room, kernels, &count);

	for (i = 0; !code && kernels && i < count; i++)
		if (enter(kernels[i], OBJECT_KERNEL))
			code = CL_OUT_OF_HOST_MEMORY;
	if (count_ret)
		*count_ret = count;
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

static cl_int CL_API_CALL set_arg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
	if (!is_handle(size, value))
		report_in_clear(CLEAR_ARGUMENT, size);
	return below->clSetKernelArg(kernel, index, size, value);
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
	d->clGetKernelInfo = below->clGetKernelInfo;
	d->clGetKernelArgInfo = below->clGetKernelArgInfo;
	d->clGetKernelWorkGroupInfo = below->clGetKernelWorkGroupInfo;
	d->clGetKernelSubGroupInfo = below->clGetKernelSubGroupInfo;
	d->clGetKernelSubGroupInfoKHR = below->clGetKernelSubGroupInfoKHR;
	d->clCreateSampler = create_sampler;
	d->clCreateSamplerWithProperties = create_sampler_with;
	d->clRetainSampler = retain_sampler;
	d->clReleaseSampler = release_sampler;
	d->clGetSamplerInfo = below->clGetSamplerInfo;
}
