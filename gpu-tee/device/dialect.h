/* SPDX-License-Identifier: Apache-2.0 */
/* One source for OpenCL C, CUDA C and plain C. */
#ifndef HG_DEVICE_DIALECT_H
#define HG_DEVICE_DIALECT_H

#ifdef __OPENCL_VERSION__
#define HG_GLOBAL __global
#define HG_LOCAL  __local
#define HG_CONST  __constant
#define HG_FN     static inline
#define HG_KERNEL __kernel
#define HG_ID(d)  get_global_id(d)
#define HG_LID    get_local_id(0)
#define HG_GROUP  get_group_id(0)
#define HG_BARRIER barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
typedef uchar u8;
typedef uint u32;
typedef ulong u64;
#else
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#define HG_GLOBAL
#define HG_LOCAL
#define HG_CONST  static const
#define HG_FN     static inline
typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#endif
