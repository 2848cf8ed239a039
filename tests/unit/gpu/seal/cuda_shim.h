/* SPDX-License-Identifier: Apache-2.0 */
/* What the session program needs of CUDA's headers, for a parser that has none. */
#ifndef CUDA_SHIM_H
#define CUDA_SHIM_H

#if defined(__CUDA__)
#define __global__   __attribute__((global))
#define __device__   __attribute__((device))
#define __shared__   __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __noinline__ __attribute__((noinline))

typedef __SIZE_TYPE__ size_t;

struct shim_place {
	unsigned x, y, z;
};

extern __device__ const shim_place blockIdx, threadIdx, blockDim, gridDim;
__device__ void __syncthreads();
__device__ void __threadfence();
__device__ unsigned atomicAdd(unsigned *, unsigned);
__device__ unsigned atomicCAS(unsigned *, unsigned, unsigned);
#endif

#endif
