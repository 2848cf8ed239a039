/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of CUDA's driver API as the provider calls. Declared here, as headers of
 * NVIDIA's are not there when this is built; the library is found at run time. Names
 * and values are those of CUDA's documentation; a handle is a pointer to nothing that we know.
 */
#ifndef HG_GPU_CUDA_H
#define HG_GPU_CUDA_H

#include "device.h"

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;

struct CUuuid_st {
	char bytes[16];
};

#define CUDA_SUCCESS		    0
#define CUDA_ERROR_OUT_OF_MEMORY    2
#define CU_STREAM_NON_BLOCKING	    1
#define CU_EVENT_DISABLE_TIMING	    2
#define CU_JIT_ERROR_LOG_BUFFER	    5
#define CU_JIT_ERROR_LOG_SIZE_BYTES 6
#define CU_ATTRIBUTE_UNITS	    16
#define CU_ATTRIBUTE_PCI_BUS	    33
#define CU_ATTRIBUTE_PCI_DEVICE	    34
#define CU_ATTRIBUTE_PCI_DOMAIN	    50

/* Members are named like the functions, by the symbols that libcuda exports. */
struct hg_cuda_api {
	CUresult (*cuInit)(unsigned flags);
	CUresult (*cuDriverGetVersion)(int *version);
	CUresult (*cuDeviceGet)(CUdevice *device, int ordinal);
	CUresult (*cuDeviceGetCount)(int *count);
	CUresult (*cuDeviceGetName)(char *name, int size, CUdevice device);
	CUresult (*cuDeviceGetUuid)(struct CUuuid_st *uuid, CUdevice device);
	CUresult (*cuDeviceGetAttribute)(int *value, int attribute, CUdevice device);
	CUresult (*cuDeviceTotalMem_v2)(size_t *bytes, CUdevice device);
	CUresult (*cuDevicePrimaryCtxRetain)(CUcontext *context, CUdevice device);
	CUresult (*cuDevicePrimaryCtxRelease_v2)(CUdevice device);
	CUresult (*cuCtxPushCurrent_v2)(CUcontext context);
	CUresult (*cuCtxPopCurrent_v2)(CUcontext *context);
	CUresult (*cuModuleLoadDataEx)(CUmodule *module, const void *image, unsigned options,
				       int *names, void **values);
	CUresult (*cuModuleUnload)(CUmodule module);
	CUresult (*cuModuleGetFunction)(CUfunction *function, CUmodule module, const char *name);
	CUresult (*cuModuleGetGlobal_v2)(CUdeviceptr *p, size_t *size, CUmodule module,
					 const char *name);
	CUresult (*cuMemAlloc_v2)(CUdeviceptr *p, size_t size);
	CUresult (*cuMemFree_v2)(CUdeviceptr p);
	CUresult (*cuMemcpyDtoH_v2)(void *dst, CUdeviceptr src, size_t size);
	CUresult (*cuMemcpyHtoDAsync_v2)(CUdeviceptr dst, const void *src, size_t size,
					 CUstream stream);
	CUresult (*cuMemcpyDtoHAsync_v2)(void *dst, CUdeviceptr src, size_t size, CUstream stream);
	CUresult (*cuStreamCreate)(CUstream *stream, unsigned flags);
	CUresult (*cuStreamDestroy_v2)(CUstream stream);
	CUresult (*cuStreamSynchronize)(CUstream stream);
	CUresult (*cuStreamWaitEvent)(CUstream stream, CUevent event, unsigned flags);
	CUresult (*cuEventCreate)(CUevent *event, unsigned flags);
	CUresult (*cuEventRecord)(CUevent event, CUstream stream);
	CUresult (*cuEventSynchronize)(CUevent event);
	CUresult (*cuEventDestroy_v2)(CUevent event);
	CUresult (*cuLaunchKernel)(CUfunction function, unsigned groups_x, unsigned groups_y,
				   unsigned groups_z, unsigned lanes_x, unsigned lanes_y,
				   unsigned lanes_z, unsigned shared, CUstream stream, void **args,
				   void **extra);
};

/*
 * Fills @api from the library at @path ("libcuda.so.1"), which stays loaded.
 * HG_GPU_E_DEVICE: it is not there; HG_GPU_E_UNSUPPORTED: it lacks a function, by name.
 */
int hg_cuda_load(const char *path, struct hg_cuda_api *api, struct hg_gpu_error *err);

/*
 * Device @index. Loads the session program's PTX, which the driver compiles, and runs its
 * known-answer tests. @suite: one of enum hg_suite. @api is copied.
 */
int hg_cuda_open(const struct hg_cuda_api *api, unsigned index, unsigned suite,
		 struct hg_provider **p, struct hg_gpu_error *err);
/* The same in a context that is the caller's and outlives the provider. */
int hg_cuda_attach(const struct hg_cuda_api *api, CUdevice device, CUcontext context,
		   unsigned suite, struct hg_provider **p, struct hg_gpu_error *err);

/* What a queue and a buffer are here, for who has a stream or memory of its own. */
struct hg_buffer {
	CUdeviceptr at;
};

struct hg_queue {
	CUstream stream;
};

#endif
