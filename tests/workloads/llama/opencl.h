/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a device, and saying what went wrong. */
#ifndef LLAMA_OPENCL_H
#define LLAMA_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct opencl {
	cl_device_id device;
	bool sub; /* a part of a device, to be released */
	bool cpu;
	cl_context context;
	cl_command_queue queue;
	char name[128], platform[128];
};

/* "WHAT: CL_NAME (number)" and what can be done about it. Always -1. */
int opencl_fail(struct err *e, const char *what, cl_int rc);
/* @name: see device_options. @threads: 0 for all. */
int opencl_open(struct opencl *cl, const char *name, uint32_t threads, struct err *e);
void opencl_close(struct opencl *cl);
int opencl_build(struct opencl *cl, const char *source, const char *options, cl_program *program,
		 struct err *e);
int opencl_list(FILE *f, struct err *e);

#endif
