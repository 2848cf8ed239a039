/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CUDA C has built in, for clang without the CUDA toolkit: it compiles the
 * dialect to PTX with nothing of NVIDIA's installed. nvcc does not need this file.
 */
#ifndef HG_CUDA_CLANG_H
#define HG_CUDA_CLANG_H

#define __global__	__attribute__((global))
#define __device__	__attribute__((device))
#define __shared__	__attribute__((shared))
#define __constant__	__attribute__((constant))
#define __noinline__	__attribute__((noinline))
#define __forceinline__ __attribute__((always_inline))

typedef __SIZE_TYPE__ size_t;

struct hg_dim {
	int x, y, z;
};

#define HG_SREG(what)                                                                  \
	(hg_dim{ __nvvm_read_ptx_sreg_##what##_x(), __nvvm_read_ptx_sreg_##what##_y(), \
		 __nvvm_read_ptx_sreg_##what##_z() })
#define threadIdx HG_SREG(tid)
#define blockIdx  HG_SREG(ctaid)
#define blockDim  HG_SREG(ntid)
#define gridDim	  HG_SREG(nctaid)

static __device__ inline void __threadfence()
{
	__nvvm_membar_gl();
}

static __device__ inline unsigned atomicAdd(unsigned *p, unsigned n)
{
	return (unsigned)__nvvm_atom_add_gen_i((int *)p, (int)n);
}

static __device__ inline unsigned atomicCAS(unsigned *p, unsigned expected, unsigned n)
{
	return (unsigned)__nvvm_atom_cas_gen_i((int *)p, (int)expected, (int)n);
}

static __device__ inline unsigned atomicMin(unsigned *p, unsigned n)
{
	return __nvvm_atom_min_gen_ui(p, n);
}

static __device__ inline long long clock64()
{
	return __nvvm_read_ptx_sreg_clock64();
}

#endif
