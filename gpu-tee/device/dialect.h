/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One source for three languages: OpenCL C, CUDA C and plain C.
 *
 * A kernel is written for a work-group of HG_LANES work-items that share their
 * work by HG_LANE and meet at HG_BARRIER(). HG_WIDE devices (CPUs) take one lane
 * that computes on vectors of 16; GPUs take many lanes and let the compiler take the
 * vectors apart. Plain C is one lane: there a barrier is nothing, and the host
 * starts the groups in a loop.
 */
#ifndef HG_DIALECT_H
#define HG_DIALECT_H

/* Lanes of a work-group, chosen when the program is built. */
#ifndef HG_LANES
#define HG_LANES 1
#endif

#if defined(__OPENCL_VERSION__)

typedef uchar u8;
typedef ushort u16;
typedef uint u32;
typedef ulong u64;
typedef uint16 v16;

#define HG_GLOBAL __global
#define HG_LOCAL  __local /* of pointers */
#define HG_SHARED __local /* of arrays in kernels */
#define HG_CONST  __constant
#define HG_FN	  static
#define HG_CALL	  static __attribute__((noinline)) /* large, and called in many places */
#define HG_UNROLL _Pragma("unroll 8")
#define HG_KERNEL __kernel __attribute__((reqd_work_group_size(HG_LANES, 1, 1))) void
#define HG_GROUP  ((u32)get_group_id(0))
#define HG_GROUPS ((u32)get_num_groups(0))
#define HG_LANE	  ((u32)get_local_id(0))
/* As it was started, not as it should have been. */
#define HG_STARTED_LANES ((u32)(get_local_size(0) * get_local_size(1) * get_local_size(2)))
#define HG_STARTED_FLAT                                                                            \
	(get_num_groups(1) == 1 && get_num_groups(2) == 1 && get_local_size(1) == 1 &&             \
	 get_local_size(2) == 1)
/* One lane meets nobody, and PoCL cuts kernels into loops at each barrier, not always rightly. */
#if HG_LANES == 1
#define HG_BARRIER() mem_fence(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#else
#define HG_BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#endif
#define HG_FENCE()	 mem_fence(CLK_GLOBAL_MEM_FENCE)
#define HG_ATOMIC_ADD(p, n)	atomic_add((volatile __global u32 *)(p), (n))
#define HG_ATOMIC_CAS(p, c, n)	atomic_cmpxchg((volatile __global u32 *)(p), (c), (n))
#define HG_STATIC_ASSERT(c, text)
#define HG_ADDRESS(p) ((u64)(size_t)(p))
#define HG_SPLAT(x)   ((v16)(x))
#define HG_SHUFFLE(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
	((x).s##a##b##c##d##e##f##g##h##i##j##k##l##m##n##o##p)
#define HG_V16(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
	((v16)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p))
#define HG_LOAD16(p)	 vload16(0, (p))
#define HG_STORE16(v, p) vstore16((v), 0, (p))
#define HG_GET(v, i)	 (((const u32 *)&(v))[i])
#define HG_SIGN(v)	 as_uint16(as_int16(v) >> 31)
/* Word i of each of the 16 blocks of 4 words that lie in a, b, c, d. */
#define HG_DEAL(a, b, c, d, i, j, k, l) \
	((v16)((a).s##i##j##k##l, (b).s##i##j##k##l, (c).s##i##j##k##l, (d).s##i##j##k##l))

#elif defined(__CUDACC__) || defined(__CUDA__)

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define HG_GLOBAL
#define HG_LOCAL
#define HG_SHARED __shared__
#define HG_CONST __constant__
#define HG_FN	 static __device__
#define HG_CALL	 static __device__ __noinline__
#define HG_UNROLL _Pragma("unroll 8")
#define HG_KERNEL extern "C" __global__ void
#define HG_GROUP  ((u32)blockIdx.x)
#define HG_GROUPS ((u32)gridDim.x)
#define HG_LANE	  ((u32)threadIdx.x)
#define HG_STARTED_LANES ((u32)(blockDim.x * blockDim.y * blockDim.z))
/* In a block of 1 by 64 all are lane 0. */
#define HG_STARTED_FLAT (gridDim.y == 1 && gridDim.z == 1 && blockDim.y == 1 && blockDim.z == 1)
#define HG_BARRIER()	 __syncthreads()
#define HG_FENCE()	 __threadfence()
#define HG_ATOMIC_ADD(p, n)	atomicAdd((u32 *)(p), (u32)(n))
#define HG_ATOMIC_CAS(p, c, n)	atomicCAS((u32 *)(p), (u32)(c), (u32)(n))
#define HG_STATIC_ASSERT(c, text) static_assert(c, text)
#define HG_ADDRESS(p) ((u64)(size_t)(p))

struct v16 {
	u32 s[16];
};
#define HG_EACH(expr)                                                   \
	v16 r;                                                          \
	_Pragma("unroll") for (int i = 0; i < 16; i++) r.s[i] = (expr); \
	return r
HG_FN v16 operator^(v16 a, v16 b) { HG_EACH(a.s[i] ^ b.s[i]); }
HG_FN v16 operator&(v16 a, v16 b) { HG_EACH(a.s[i] & b.s[i]); }
HG_FN v16 operator|(v16 a, v16 b) { HG_EACH(a.s[i] | b.s[i]); }
HG_FN v16 operator+(v16 a, v16 b) { HG_EACH(a.s[i] + b.s[i]); }
HG_FN v16 operator-(v16 a, v16 b) { HG_EACH(a.s[i] - b.s[i]); }
HG_FN v16 operator~(v16 a) { HG_EACH(~a.s[i]); }
HG_FN v16 operator<<(v16 a, int n) { HG_EACH(a.s[i] << n); }
HG_FN v16 operator>>(v16 a, int n) { HG_EACH(a.s[i] >> n); }
HG_FN v16 HG_SPLAT(u32 x) { HG_EACH(x); }
HG_FN v16 HG_LOAD16(const u32 *p) { HG_EACH(p[i]); }
HG_FN void HG_STORE16(v16 v, u32 *p)
{
#pragma unroll
	for (int i = 0; i < 16; i++)
		p[i] = v.s[i];
}
HG_FN v16 hg_shuffle(v16 x, const u8 (&at)[16]) { HG_EACH(x.s[at[i]]); }
#define HG_HEX(d) HG_HEX_CAT(0x, d)
#define HG_HEX_CAT(a, b) a##b
#define HG_SHUFFLE(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
	hg_shuffle((x), {HG_HEX(a), HG_HEX(b), HG_HEX(c), HG_HEX(d), HG_HEX(e), HG_HEX(f), \
			 HG_HEX(g), HG_HEX(h), HG_HEX(i), HG_HEX(j), HG_HEX(k), HG_HEX(l), \
			 HG_HEX(m), HG_HEX(n), HG_HEX(o), HG_HEX(p)})
#define HG_V16(...) (v16{{__VA_ARGS__}})
#define HG_GET(v, i) ((v).s[i])
HG_FN v16 HG_SIGN(v16 a) { HG_EACH((u32)((int)a.s[i] >> 31)); }
#define HG_DEAL(a, b, c, d, i, j, k, l) hg_deal((a), (b), (c), (d), HG_HEX(i))
HG_FN v16 hg_deal(v16 a, v16 b, v16 c, v16 d, u32 w)
{
	HG_EACH((i < 4 ? a : i < 8 ? b : i < 12 ? c : d).s[4 * (i & 3) + w]);
}

#else

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u32 v16 __attribute__((vector_size(64)));

#define HG_PLAIN_C 1
#define HG_GLOBAL
#define HG_LOCAL
#define HG_CONST static const
/* Vectors are passed among static functions only: there is no ABI to change. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define HG_FN	  static inline __attribute__((unused))
#define HG_CALL	  static __attribute__((unused))
#define HG_UNROLL
#define HG_KERNEL static void
#define HG_STATIC_ASSERT(c, text) _Static_assert(c, text)
#define HG_GROUP  hg_plain_group
#define HG_GROUPS hg_plain_groups
#define HG_STARTED_LANES HG_LANES
#define HG_STARTED_FLAT	 1
#if HG_LANES == 1
#define HG_LANE	     0u
#define HG_SHARED
#define HG_BARRIER() ((void)0)
#else
/* Lanes are threads: slow, but it is the program that GPUs run. */
#define HG_LANE	     hg_plain_lane
#define HG_SHARED    static
#define HG_BARRIER() hg_plain_barrier()
extern _Thread_local u32 hg_plain_lane;
void hg_plain_barrier(void);
#endif
#define HG_FENCE()	 __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define HG_ATOMIC_ADD(p, n) __atomic_fetch_add((p), (n), __ATOMIC_SEQ_CST)
#define HG_ATOMIC_CAS(p, c, n) hg_plain_cas((p), (c), (n))
#define HG_ADDRESS(p)	 ((u64)(uintptr_t)(p))
#define HG_SPLAT(x)	 ((v16){0} + (u32)(x))
#define HG_HEX_CAT(a, b) a##b
#define HG_HEX(d)	 HG_HEX_CAT(0x, d)
#define HG_SHUFFLE(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
	__builtin_shufflevector((x), (x), HG_HEX(a), HG_HEX(b), HG_HEX(c), HG_HEX(d), HG_HEX(e), \
				HG_HEX(f), HG_HEX(g), HG_HEX(h), HG_HEX(i), HG_HEX(j), HG_HEX(k), \
				HG_HEX(l), HG_HEX(m), HG_HEX(n), HG_HEX(o), HG_HEX(p))
#define HG_V16(...)	 ((v16){__VA_ARGS__})
#define HG_GET(v, i)	 ((v)[i])
#define HG_SIGN(v)	 (HG_SPLAT(0) - ((v) >> 31))
#define HG_DEAL(a, b, c, d, i, j, k, l) \
	HG_V16((a)[HG_HEX(i)], (a)[HG_HEX(j)], (a)[HG_HEX(k)], (a)[HG_HEX(l)], \
	       (b)[HG_HEX(i)], (b)[HG_HEX(j)], (b)[HG_HEX(k)], (b)[HG_HEX(l)], \
	       (c)[HG_HEX(i)], (c)[HG_HEX(j)], (c)[HG_HEX(k)], (c)[HG_HEX(l)], \
	       (d)[HG_HEX(i)], (d)[HG_HEX(j)], (d)[HG_HEX(k)], (d)[HG_HEX(l)])

/* Set by whoever starts groups in a loop. */
extern _Thread_local u32 hg_plain_group, hg_plain_groups;

HG_FN v16 HG_LOAD16(const u32 *p)
{
	v16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

HG_FN void HG_STORE16(v16 v, u32 *p)
{
	memcpy(p, &v, sizeof(v));
}

HG_FN u32 hg_plain_cas(u32 *p, u32 expected, u32 value)
{
	__atomic_compare_exchange_n(p, &expected, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return expected;
}

#endif

/* What a pointer to a HG_CONST table points to. */
#if defined(__OPENCL_VERSION__)
#define HG_CPTR __constant const
#else
#define HG_CPTR const
#endif

#endif
