/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the test's OpenCL program share. */
#ifndef TEST_GPU_APP_H
#define TEST_GPU_APP_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stddef.h>
#include <stdint.h>

#define N     4096u
#define BYTES (N * sizeof(uint32_t))

extern cl_context context;
extern cl_device_id device;
extern cl_command_queue queue;

/* Ends the program: 2 OpenCL gave an error, 3 something came out wrong. */
void fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define TRY(call)                                                 \
	do {                                                      \
		cl_int try_code = (call);                         \
		if (try_code)                                     \
			fail(2, "%s: error %d", #call, try_code); \
	} while (0)
#define GOT(code, what)                                      \
	do {                                                 \
		if (code)                                    \
			fail(2, "%s: error %d", what, code); \
	} while (0)

/* Data that depends on @seed alone; to be freed. */
void *make(size_t size, uint64_t seed);
/* Both are the same, and count for the digest. */
void right(const void *got, const void *want, size_t size, const char *what);
cl_mem buffer(size_t size, cl_mem_flags flags, void *host);
cl_kernel kernel(const char *name);

/* order.c */
void step_chain(void);
void step_bounce(void);
void step_orphan(void);

#endif
