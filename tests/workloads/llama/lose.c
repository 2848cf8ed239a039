// SPDX-License-Identifier: Apache-2.0
/*
 * An OpenCL layer that plays a device which fails. LOSE=CALL:N makes the Nth "launch",
 * "read" or "write" fail as a lost device does; LOSE=lie:N gives a wrong token in the
 * Nth read.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl_layer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cl_icd_dispatch *below;
static cl_icd_dispatch mine;
static char what[16];
static int left;

/* Is this call the one? */
static int hit(const char *call)
{
	return !strcmp(what, call) && --left == 0;
}

static cl_int CL_API_CALL launch(cl_command_queue q, cl_kernel k, cl_uint dims,
				 const size_t *offset, const size_t *global, const size_t *local,
				 cl_uint waits, const cl_event *wait, cl_event *event)
{
	if (hit("launch"))
		return CL_OUT_OF_RESOURCES;
	return below->clEnqueueNDRangeKernel(q, k, dims, offset, global, local, waits, wait, event);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue q, cl_mem m, cl_bool block, size_t offset,
				      size_t size, void *to, cl_uint waits, const cl_event *wait,
				      cl_event *event)
{
	cl_int rc, lie = 0x7fffffff;

	if (hit("read"))
		return CL_DEVICE_NOT_AVAILABLE;
	if (!hit("lie"))
		return below->clEnqueueReadBuffer(q, m, block, offset, size, to, waits, wait,
						  event);
	rc = below->clEnqueueReadBuffer(q, m, CL_TRUE, offset, size, to, waits, wait, event);
	memcpy(to, &lie, size < sizeof(lie) ? size : sizeof(lie));
	return rc;
}

static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool block, size_t offset,
				       size_t size, const void *from, cl_uint waits,
				       const cl_event *wait, cl_event *event)
{
	if (hit("write"))
		return CL_OUT_OF_RESOURCES;
	return below->clEnqueueWriteBuffer(q, m, block, offset, size, from, waits, wait, event);
}

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size, void *value,
					       size_t *size_ret)
{
	cl_layer_api_version version = CL_LAYER_API_VERSION_100;

	if (name != CL_LAYER_API_VERSION || (value && size < sizeof(version)))
		return CL_INVALID_VALUE;
	if (value)
		memcpy(value, &version, sizeof(version));
	if (size_ret)
		*size_ret = sizeof(version);
	return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint entries, const cl_icd_dispatch *target,
					    cl_uint *entries_ret, const cl_icd_dispatch **layer)
{
	const char *text = getenv("LOSE");

	if (entries < sizeof(mine) / sizeof(void *) || !entries_ret || !layer)
		return CL_INVALID_VALUE;
	if (!text || sscanf(text, "%15[a-z]:%d", what, &left) != 2)
		return CL_INVALID_VALUE;
	below = target;
	mine = *target;
	mine.clEnqueueNDRangeKernel = launch;
	mine.clEnqueueReadBuffer = read_buffer;
	mine.clEnqueueWriteBuffer = write_buffer;
	*entries_ret = sizeof(mine) / sizeof(void *);
	*layer = &mine;
	return CL_SUCCESS;
}
