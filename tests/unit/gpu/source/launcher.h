/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layer and the session's kernels do around launches, in the plain: pads and
 * log are in a buffer that the test reads. One launcher for each device.
 */
#ifndef TEST_LAUNCHER_H
#define TEST_LAUNCHER_H

#include "cl.h"
#include "expect.h"

#define IMAGE_SIDE  16u
#define BUFFER	    4096u
#define ARGS_MAX    40u
#define PROGRAM_ID  0x1234567890abcdefull

struct launcher {
	struct cl cl;
	struct hg_launch *area; /* the test's copy */
	cl_mem area_mem;
	cl_sampler sampler;
	uint64_t next; /* launch number */
};

/* The objects that one run of a kernel gets. */
struct run {
	const struct hg_source_kernel *kernel;
	cl_kernel cl;
	cl_mem mem[ARGS_MAX];
	bool masked;
	unsigned int dimensions;
	size_t global[3], local[3];
	bool any_local;
	struct hg_launch_entry want;
};

bool launcher_open(struct launcher *l);
void launcher_close(struct launcher *l);
/* Writes the area: fresh pads, no log. */
void launcher_reset(struct launcher *l);
/* What every buffer holds before a run: BUFFER bytes. */
const void *launcher_contents(void);
/* Reads the area. */
void launcher_fetch(struct launcher *l);

/* @program was rewritten if @masked. The table tells the parameters either way. */
void run_open(struct launcher *l, struct run *r, const struct hg_source_kernel *k,
	      cl_program program, bool masked);
/* Sets the arguments, for the launch number l->next. */
void run_prepare(struct launcher *l, struct run *r);
/* Starts it, with the number that run_prepare() took, and waits. */
void run_launch(struct launcher *l, struct run *r);
void run_close(struct run *r);
/* Bytes and contents of a value of the test's types. */
size_t value_of(const struct hg_source_param *p, unsigned char *bytes);

#endif
