/* SPDX-License-Identifier: Apache-2.0 */
/* So much of CUDA as the device's code needs to be compiled without its SDK. */
#ifndef CUDA_STUB_H
#define CUDA_STUB_H

#ifdef __cplusplus
#define __device__   __attribute__((device))
#define __global__   __attribute__((global))
#define __constant__ __attribute__((constant))
#define __shared__   __attribute__((shared))

struct dim {
	unsigned int x, y, z;
};

extern __device__ const dim threadIdx, blockIdx, blockDim, gridDim;
extern "C" __device__ long long clock64();
extern "C" __device__ unsigned int atomicMin(unsigned int *, unsigned int);
extern "C" __device__ unsigned int atomicAdd(unsigned int *, unsigned int);
extern "C" __device__ unsigned int atomicCAS(unsigned int *, unsigned int, unsigned int);
extern "C" __device__ void __threadfence();
#endif

#endif
