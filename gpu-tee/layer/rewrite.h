/* SPDX-License-Identifier: Apache-2.0 */
/* The source of a program, rewritten so that its launches are receipted: docs/gpu-kernels.md. */
#ifndef LAYER_REWRITE_H
#define LAYER_REWRITE_H

#include "layer.h"
#include "source.h"

/* One source as the driver got it; programs that are linked have several. */
struct unit {
	unsigned int refs;
	struct hg_source_program table;
	uint64_t id;
	char *rest; /* of the build options */
};

void unit_ref(struct unit *u);
void unit_put(struct unit *u);

/* Headers of clCompileProgram(). */
struct headers {
	cl_uint count;
	const cl_program *program;
	const char **name;
};

/* Whether kernels of this context are rewritten: not under the null crossing, and not
 * with HYPERGPU_REWRITE=0. */
bool rewrite_wanted(const struct context *c);
/* HYPERGPU_UNREWRITTEN=refuse: nothing may run that is not. */
bool rewrite_strict(void);
/* Whether both variables say something that is known, or nothing. */
bool rewrite_chosen(void);
/* NULL: @reason says why. */
struct unit *rewrite_source(struct context *c, const char *source, const char *options,
			    const struct headers *headers, char reason[320]);

/* The same of a text of the layer's own, for which the driver need not be asked: all that
 * decides something is in @defines, lines of #define. */
struct unit *rewrite_own(const char *source, const char *defines, char reason[320]);

/* program.c */
struct program {
	struct object object;
	struct context *context;
	char *source;  /* NULL: it was not made of one */
	char *options; /* of the last build */
	/* What the driver builds, and answers for: the handle itself, or of the rewritten text. */
	cl_program built;
	char reason[320]; /* why it was not rewritten */
	struct unit **unit;
	size_t units;
};

struct program *program_get(cl_program handle);
void program_put(struct program *p);
/* Names of the kernels, with ";" between them, for free(). */
cl_int program_kernels(struct program *p, char **names, cl_uint *count);
/* Whether the rewriter made the kernel of this name. */
bool program_hides(const struct program *p, const char *name, size_t size);

/* kernel.c */
struct kernel_arg {
	bool set, checked;
	size_t size;
	cl_mem mem;
	/* Where it lies on the device, as of that time of table_era(). */
	uint64_t era;
	uint64_t address;
	struct cross_mem *own; /* instead of @mem, in a kernel of the layer's */
	unsigned char value[256];
};

struct kernel {
	struct object object;
	struct program *program;
	struct unit *unit;		    /* NULL: not rewritten */
	const struct hg_source_kernel *row;
	pthread_mutex_t lock; /* from the first argument of a launch to its end */
	void *area;	      /* that the driver was given last */
	struct kernel_arg arg[];
};

struct kernel *kernel_get(cl_kernel handle);
void kernel_put(struct kernel *k);

/* ndrange.c: a launch of a rewritten kernel. */
cl_int kernel_launch(struct queue *q, struct kernel *k, cl_uint dims, const size_t *offset,
		     const size_t *global, const size_t *local, cl_uint count,
		     const cl_event *list, cl_event *event);
/* The same of a kernel whose lock is held; it is not counted. */
cl_int kernel_launch_locked(struct context *c, cl_command_queue queue, struct kernel *k,
			    cl_uint dims, const size_t *offset, const size_t *global,
			    const size_t *local, cl_uint count, const cl_event *list,
			    cl_event *event);

#endif
