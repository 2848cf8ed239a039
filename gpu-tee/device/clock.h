/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's clock: FP_CLOCK(t), and the unit that a work-group runs on: FP_UNIT(u), where
 * they are. What the host can time from outside is its own driver.
 */
#ifndef HG_CLOCK_H
#define HG_CLOCK_H

#include "dialect.h"

#if defined(__OPENCL_VERSION__)
#if defined(FP_NO_CLOCK)
/* The host's second try, after a compiler that has a counter and cannot use it. */
#elif defined(__opencl_c_kernel_clock_scope_device)
#define FP_CLOCK(t) ((t) = clock_read_device())
#elif defined(__NV_CL_C_VERSION)
#define FP_CLOCK(t) __asm__ volatile("mov.u64 %0, %%clock64;" : "=l"(t) : : "memory")
#define FP_UNIT(u)  __asm__ volatile("mov.u32 %0, %%smid;" : "=r"(u))
#elif defined(__has_builtin)
#if __has_builtin(__builtin_readcyclecounter)
/* As an initializer or an assignment only: in an expression PoCL's compiler breaks on it. */
#define FP_CLOCK(t) ((t) = __builtin_readcyclecounter())
#endif
#endif
#elif defined(__CUDACC__) || defined(__CUDA__)
#define FP_CLOCK(t)  ((t) = (u64)clock64())
#define FP_UNIT(u)   asm volatile("mov.u32 %0, %%smid;" : "=r"(u))
#else
#include <time.h>
#define FP_CLOCK(t)                                                                            \
	do {                                                                                   \
		struct timespec fp_now;                                                        \
		clock_gettime(CLOCK_MONOTONIC, &fp_now);                                       \
		(t) = (u64)fp_now.tv_sec * 1000000000u + (u64)fp_now.tv_nsec;                  \
	} while (0)
#endif

#endif
