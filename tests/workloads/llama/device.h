/* SPDX-License-Identifier: Apache-2.0 */
/* The model on an OpenCL device. */
#ifndef LLAMA_DEVICE_H
#define LLAMA_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "model.h"

struct device_options {
	const char *name; /* part of the device's or platform's name, or PLATFORM:DEVICE */
	uint32_t threads; /* of a CPU's device: compute units to use, 0: all */
	uint32_t lanes; /* work-items that share a row, 0: as suits the device */
	uint32_t context;
};

/* What crossed between the program and the device. */
struct crossings {
	uint64_t writes, reads, written, read; /* calls, bytes */
	uint64_t launches;
};

struct device;

/* Builds the kernels, then sends the weights. */
int device_open(struct device **d, const struct model *m, const struct device_options *o,
		struct err *e);
void device_close(struct device *d);
/* The platforms and devices there are. */
int device_list(FILE *f, struct err *e);

/* Puts @token at @pos, behind those before it. Asks for nothing back. */
int device_step(struct device *d, uint32_t token, uint32_t pos, struct err *e);
/* After a step: the token that is most likely next, or all the logits. */
int device_best(struct device *d, int32_t *token, struct err *e);
int device_logits(struct device *d, float *logits, struct err *e);

const char *device_name(const struct device *d);
const char *device_platform(const struct device *d);
uint32_t device_lanes(const struct device *d);
double device_build_seconds(const struct device *d);
const struct crossings *device_crossings(const struct device *d);

#endif
