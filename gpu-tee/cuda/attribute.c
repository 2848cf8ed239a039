// SPDX-License-Identifier: Apache-2.0
/* What the GPU and pointers are said to be able to. */
#include "shim.h"

/*
 * Attributes that promise what would cross in clear, or what is not there: no, to each. Where
 * 88 is true there is no session: see session.c. Names are those of cuda.h.
 */
static const int hidden[] = {
	19, /* CAN_MAP_HOST_MEMORY */
	83, /* MANAGED_MEMORY */
	CU_ATTRIBUTE_PAGEABLE, /* PAGEABLE_MEMORY_ACCESS */
	89, /* CONCURRENT_MANAGED_ACCESS */
	91, /* CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM */
	92, /* CAN_USE_STREAM_MEM_OPS_V1 */
	93, /* CAN_USE_64_BIT_STREAM_MEM_OPS_V1 */
	94, /* CAN_USE_STREAM_WAIT_VALUE_NOR_V1 */
	96, /* COOPERATIVE_MULTI_DEVICE_LAUNCH */
	98, /* CAN_FLUSH_REMOTE_WRITES */
	100, /* PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES */
	101, /* DIRECT_MANAGED_MEM_ACCESS_FROM_HOST */
	102, /* VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED */
	103, /* HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED */
	104, /* HANDLE_TYPE_WIN32_HANDLE_SUPPORTED */
	105, /* HANDLE_TYPE_WIN32_KMT_HANDLE_SUPPORTED */
	110, /* GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED */
	112, /* SPARSE_CUDA_ARRAY_SUPPORTED */
	114, /* TIMELINE_SEMAPHORE_INTEROP_SUPPORTED */
	115, /* MEMORY_POOLS_SUPPORTED */
	116, /* GPU_DIRECT_RDMA_SUPPORTED */
	117, /* GPU_DIRECT_RDMA_FLUSH_WRITES_OPTIONS */
	119, /* MEMPOOL_SUPPORTED_HANDLE_TYPES */
	121, /* DEFERRED_MAPPING_CUDA_ARRAY_SUPPORTED */
	122, /* CAN_USE_64_BIT_STREAM_MEM_OPS */
	123, /* CAN_USE_STREAM_WAIT_VALUE_NOR */
	124, /* DMA_BUF_SUPPORTED */
	125, /* IPC_EVENT_SUPPORTED */
	128, /* HANDLE_TYPE_FABRIC_SUPPORTED */
	132, /* MULTICAST_SUPPORTED */
	135, /* D3D12_CIG_SUPPORTED */
	136, /* MEM_DECOMPRESS_ALGORITHM_MASK */
	138, /* VULKAN_CIG_SUPPORTED */
	141, /* HOST_NUMA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED */
	142, /* HOST_NUMA_MEMORY_POOLS_SUPPORTED */
	143, /* HOST_NUMA_MULTINODE_IPC_SUPPORTED */
	144, /* HOST_MEMORY_POOLS_SUPPORTED */
	145, /* HOST_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED */
	146, /* HOST_ALLOC_DMA_BUF_SUPPORTED */
};

/* Of a pointer: where it is, and how large. The others are handles for sharing it. */
static const int told[] = {
	1, /* CONTEXT */
	2, /* MEMORY_TYPE */
	3, /* DEVICE_POINTER */
	4, /* HOST_POINTER */
	6, /* SYNC_MEMOPS */
	7, /* BUFFER_ID */
	8, /* IS_MANAGED */
	9, /* DEVICE_ORDINAL */
	11, /* RANGE_START_ADDR */
	12, /* RANGE_SIZE */
	13, /* MAPPED */
	16, /* ACCESS_FLAGS */
	18, /* MAPPING_SIZE */
	19, /* MAPPING_BASE_ADDR */
	20, /* MEMORY_BLOCK_ID */
};

static bool is_in(int attribute, const int *list, size_t count)
{
	size_t i;

	for (i = 0; i < count && list[i] != attribute; i++)
		;
	return i < count;
}

API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device);
API CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device)
{
	CUresult rc = shim_ready();

	if (rc != CUDA_SUCCESS)
		return rc;
	rc = shim_api.cuDeviceGetAttribute(value, attribute, device);
	if (rc == CUDA_SUCCESS && is_in(attribute, hidden, sizeof(hidden) / sizeof(hidden[0])))
		*value = 0;
	return rc;
}

/* Between devices data would cross in clear. */
API CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer);
API CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer)
{
	CUresult rc = shim_ready();

	(void)device;
	(void)peer;
	if (rc != CUDA_SUCCESS || !can)
		return rc != CUDA_SUCCESS ? rc : CUDA_ERROR_INVALID_VALUE;
	*can = 0;
	return CUDA_SUCCESS;
}

API CUresult cuDeviceGetP2PAttribute(int *value, int attribute, CUdevice from, CUdevice to);
API CUresult cuDeviceGetP2PAttribute(int *value, int attribute, CUdevice from, CUdevice to)
{
	(void)attribute;
	return cuDeviceCanAccessPeer(value, from, to);
}

API CUresult cuPointerGetAttribute(void *value, int attribute, CUdeviceptr p);
API CUresult cuPointerGetAttribute(void *value, int attribute, CUdeviceptr p)
{
	if (!hg_cuda_reals[HG_cuPointerGetAttribute])
		return CUDA_ERROR_NOT_FOUND;
	if (!is_in(attribute, told, sizeof(told) / sizeof(told[0])))
		return shim_refuse("cuPointerGetAttribute of a handle");
	return REAL(cuPointerGetAttribute, void *, int, CUdeviceptr)(value, attribute, p);
}

API CUresult cuPointerGetAttributes(unsigned count, const int *attributes, void **values,
				    CUdeviceptr p);
API CUresult cuPointerGetAttributes(unsigned count, const int *attributes, void **values,
				    CUdeviceptr p)
{
	int copy[sizeof(told) / sizeof(told[0])];
	unsigned i;

	if (!hg_cuda_reals[HG_cuPointerGetAttributes])
		return CUDA_ERROR_NOT_FOUND;
	if (!attributes || !values || count > sizeof(copy) / sizeof(copy[0]))
		return CUDA_ERROR_INVALID_VALUE;
	for (i = 0; i < count; i++) {
		copy[i] = attributes[i];
		if (!is_in(copy[i], told, sizeof(told) / sizeof(told[0])))
			return shim_refuse("cuPointerGetAttribute of a handle");
	}
	return REAL(cuPointerGetAttributes, unsigned, const int *, void **,
		    CUdeviceptr)(count, copy, values, p);
}
