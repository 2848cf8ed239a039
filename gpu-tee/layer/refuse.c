// SPDX-License-Identifier: Apache-2.0
/* Entry points that would carry data past the layer: each fails as if the device could not. */
#include "layer.h"

#include "report.h"

#define REFUSED_CODE(name, parameters)                      \
	static cl_int CL_API_CALL refused_##name parameters \
	{                                                   \
		report_refused(#name);                      \
		return CL_INVALID_OPERATION;                \
	}

#define REFUSED_OBJECT(type, name, parameters)                 \
	static type CL_API_CALL refused_##name parameters      \
	{                                                      \
		report_refused(#name);                         \
		layer_code(errcode_ret, CL_INVALID_OPERATION); \
		return NULL;                                   \
	}

/* The parameters are the refused call's, and none is looked at. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

REFUSED_CODE(clEnqueueNativeKernel,
	     (cl_command_queue queue, void(CL_CALLBACK *function)(void *), void *args, size_t size,
	      cl_uint mems, const cl_mem *list_of, const void **places, cl_uint count,
	      const cl_event *list, cl_event *event))
REFUSED_CODE(clSetDefaultDeviceCommandQueue,
	     (cl_context context, cl_device_id device, cl_command_queue queue))

REFUSED_OBJECT(cl_mem, clCreateFromGLBuffer,
	       (cl_context context, cl_mem_flags flags, cl_GLuint object, int *errcode_ret))
REFUSED_OBJECT(cl_mem, clCreateFromGLTexture,
	       (cl_context context, cl_mem_flags flags, cl_GLenum target, cl_GLint level,
		cl_GLuint texture, cl_int *errcode_ret))
REFUSED_OBJECT(cl_mem, clCreateFromGLRenderbuffer,
	       (cl_context context, cl_mem_flags flags, cl_GLuint object, cl_int *errcode_ret))
REFUSED_CODE(clGetGLObjectInfo, (cl_mem object, cl_gl_object_type *type, cl_GLuint *name))
REFUSED_CODE(clGetGLTextureInfo,
	     (cl_mem object, cl_gl_texture_info name, size_t room, void *value, size_t *size_ret))
REFUSED_CODE(clEnqueueAcquireGLObjects,
	     (cl_command_queue queue, cl_uint mems, const cl_mem *list_of, cl_uint count,
	      const cl_event *list, cl_event *event))
REFUSED_CODE(clGetGLContextInfoKHR,
	     (const cl_context_properties *properties, cl_gl_context_info name, size_t room,
	      void *value, size_t *size_ret))
REFUSED_OBJECT(cl_event, clCreateEventFromGLsyncKHR,
	       (cl_context context, cl_GLsync sync, cl_int *errcode_ret))
REFUSED_OBJECT(cl_mem, clCreateFromEGLImageKHR,
	       (cl_context context, CLeglDisplayKHR display, CLeglImageKHR image,
		cl_mem_flags flags, const cl_egl_image_properties_khr *properties,
		cl_int *errcode_ret))
REFUSED_OBJECT(cl_event, clCreateEventFromEGLSyncKHR,
	       (cl_context context, CLeglSyncKHR sync, CLeglDisplayKHR display,
		cl_int *errcode_ret))
REFUSED_CODE(clCreateSubDevicesEXT,
	     (cl_device_id device, const cl_device_partition_property_ext *properties, cl_uint room,
	      cl_device_id *devices, cl_uint *count_ret))
REFUSED_CODE(clDeviceEXT, (cl_device_id device))

/* Sharing with Direct3D and DX9 media has no types here: the calls cannot be made. */
REFUSED_CODE(sharing, (void))

/* Shared virtual memory is read and written without any call. */
static void *CL_API_CALL svm_alloc(cl_context context, cl_svm_mem_flags flags, size_t size,
				   cl_uint alignment)
{
	report_refused("clSVMAlloc");
	return NULL;
}

static void CL_API_CALL svm_free(cl_context context, void *pointer)
{
}

REFUSED_CODE(clEnqueueSVMFree,
	     (cl_command_queue queue, cl_uint pointers, void *list_of[],
	      void(CL_CALLBACK *notify)(cl_command_queue, cl_uint, void *[], void *), void *data,
	      cl_uint count, const cl_event *list, cl_event *event))
REFUSED_CODE(clEnqueueSVMMemcpy,
	     (cl_command_queue queue, cl_bool blocking, void *dst, const void *src, size_t size,
	      cl_uint count, const cl_event *list, cl_event *event))
REFUSED_CODE(clEnqueueSVMMemFill,
	     (cl_command_queue queue, void *pointer, const void *pattern, size_t pattern_size,
	      size_t size, cl_uint count, const cl_event *list, cl_event *event))
REFUSED_CODE(clEnqueueSVMMap,
	     (cl_command_queue queue, cl_bool blocking, cl_map_flags flags, void *pointer,
	      size_t size, cl_uint count, const cl_event *list, cl_event *event))
REFUSED_CODE(clEnqueueSVMUnmap, (cl_command_queue queue, void *pointer, cl_uint count,
				 const cl_event *list, cl_event *event))
REFUSED_CODE(clEnqueueSVMMigrateMem,
	     (cl_command_queue queue, cl_uint pointers, const void **list_of, const size_t *sizes,
	      cl_mem_migration_flags flags, cl_uint count, const cl_event *list, cl_event *event))

static cl_mem CL_API_CALL create_pipe(cl_context context, cl_mem_flags flags, cl_uint packet,
				      cl_uint packets, const cl_pipe_properties *properties,
				      cl_int *errcode_ret)
{
	struct context *c = context_get(context);
	cl_int code = c ? context_state(c) : CL_INVALID_CONTEXT;
	cl_mem handle = NULL;

	/* Kernels alone read and write it. */
	if (!code)
		handle = below->clCreatePipe(context, flags, packet, packets, properties, &code);
	if (handle && !mem_enter(c, handle, CL_MEM_OBJECT_PIPE, flags, NULL)) {
		handle = NULL;
		code = CL_OUT_OF_HOST_MEMORY;
	}
	context_put(c);
	layer_code(errcode_ret, code);
	return handle;
}

static void refuse_sharing(cl_icd_dispatch *d)
{
	void *code = (void *)(uintptr_t)refused_sharing;

	d->clCreateFromGLBuffer = refused_clCreateFromGLBuffer;
	d->clCreateFromGLTexture = refused_clCreateFromGLTexture;
	d->clCreateFromGLTexture2D = refused_clCreateFromGLTexture;
	d->clCreateFromGLTexture3D = refused_clCreateFromGLTexture;
	d->clCreateFromGLRenderbuffer = refused_clCreateFromGLRenderbuffer;
	d->clGetGLObjectInfo = refused_clGetGLObjectInfo;
	d->clGetGLTextureInfo = refused_clGetGLTextureInfo;
	d->clEnqueueAcquireGLObjects = refused_clEnqueueAcquireGLObjects;
	d->clEnqueueReleaseGLObjects = refused_clEnqueueAcquireGLObjects;
	d->clGetGLContextInfoKHR = refused_clGetGLContextInfoKHR;
	d->clCreateEventFromGLsyncKHR = refused_clCreateEventFromGLsyncKHR;
	d->clCreateFromEGLImageKHR = refused_clCreateFromEGLImageKHR;
	d->clEnqueueAcquireEGLObjectsKHR = refused_clEnqueueAcquireGLObjects;
	d->clEnqueueReleaseEGLObjectsKHR = refused_clEnqueueAcquireGLObjects;
	d->clCreateEventFromEGLSyncKHR = refused_clCreateEventFromEGLSyncKHR;
	d->clGetDeviceIDsFromD3D10KHR = code;
	d->clCreateFromD3D10BufferKHR = code;
	d->clCreateFromD3D10Texture2DKHR = code;
	d->clCreateFromD3D10Texture3DKHR = code;
	d->clEnqueueAcquireD3D10ObjectsKHR = code;
	d->clEnqueueReleaseD3D10ObjectsKHR = code;
	d->clGetDeviceIDsFromD3D11KHR = code;
	d->clCreateFromD3D11BufferKHR = code;
	d->clCreateFromD3D11Texture2DKHR = code;
	d->clCreateFromD3D11Texture3DKHR = code;
	d->clCreateFromDX9MediaSurfaceKHR = code;
	d->clEnqueueAcquireD3D11ObjectsKHR = code;
	d->clEnqueueReleaseD3D11ObjectsKHR = code;
	d->clGetDeviceIDsFromDX9MediaAdapterKHR = code;
	d->clEnqueueAcquireDX9MediaSurfacesKHR = code;
	d->clEnqueueReleaseDX9MediaSurfacesKHR = code;
}

void layer_refusals(cl_icd_dispatch *d)
{
	refuse_sharing(d);
	d->clEnqueueNativeKernel = refused_clEnqueueNativeKernel;
	d->clSetDefaultDeviceCommandQueue = refused_clSetDefaultDeviceCommandQueue;
	d->clCreateSubDevicesEXT = refused_clCreateSubDevicesEXT;
	d->clRetainDeviceEXT = refused_clDeviceEXT;
	d->clReleaseDeviceEXT = refused_clDeviceEXT;
	d->clSVMAlloc = svm_alloc;
	d->clSVMFree = svm_free;
	d->clEnqueueSVMFree = refused_clEnqueueSVMFree;
	d->clEnqueueSVMMemcpy = refused_clEnqueueSVMMemcpy;
	d->clEnqueueSVMMemFill = refused_clEnqueueSVMMemFill;
	d->clEnqueueSVMMap = refused_clEnqueueSVMMap;
	d->clEnqueueSVMUnmap = refused_clEnqueueSVMUnmap;
	d->clEnqueueSVMMigrateMem = refused_clEnqueueSVMMigrateMem;
	d->clCreatePipe = create_pipe;
	d->clGetPipeInfo = below->clGetPipeInfo;
}
