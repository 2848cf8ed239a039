/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the test program share: app.c, app_kernels.c (launches), app_copies.c,
 * order.c. */
#ifndef APP_H
#define APP_H

#define CL_TARGET_OPENCL_VERSION 210 /* for clCloneKernel */
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define N     4096u
#define BYTES (N * sizeof(uint32_t))

extern cl_context context;
extern cl_device_id device;
extern cl_command_queue queue;
extern cl_program program;
extern const char source[];
extern const size_t source_size;

/* Ends the program: 2 OpenCL gave an error, 3 a wrong result. */
void fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
/* Random words, which are noted as plaintext. */
void *make(size_t size, uint64_t seed);
void right(const void *got, const void *want, size_t size, const char *what);
cl_mem buffer(size_t size, cl_mem_flags flags, void *host);
cl_kernel kernel(const char *name);
void run_scale(cl_command_queue q, cl_mem a, cl_mem b, uint32_t k, size_t n, cl_uint waits,
	       const cl_event *list, cl_event *event);
void cpu_scale(uint32_t *a, const uint32_t *b, uint32_t k, size_t n);
void vector(cl_command_queue q, uint64_t seed, size_t n);

void step_launch(void);
void step_clone(void);
void step_gate(void);
void step_build(void);
void step_odd(void);
/* app_copies.c */
void step_moves(void);
void step_copies(void);
void step_boxes(void);
void step_pictures(void);
/* order.c */
void step_chain(void);
void step_bounce(void);
void step_orphan(void);

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

#endif
