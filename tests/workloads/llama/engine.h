/* SPDX-License-Identifier: Apache-2.0 */
/* A model that runs: on a device, or by the reference in C. */
#ifndef LLAMA_ENGINE_H
#define LLAMA_ENGINE_H

#include "device.h"
#include "ref.h"
#include "token.h"

#define ENGINE_REFERENCE "reference" /* instead of a device's name */

struct engine {
	struct model model;
	struct vocab vocab;
	struct device *device; /* NULL: the reference */
	struct ref ref;
	float *logits; /* room for them */
};

/* Reads the file; nothing runs yet. */
int engine_load(struct engine *g, const char *path, struct err *e);
/* @o->context: tokens that will be put in, at most. */
int engine_start(struct engine *g, const struct device_options *o, struct err *e);
void engine_close(struct engine *g);

int engine_step(struct engine *g, int32_t token, uint32_t pos, struct err *e);
/* After a step. */
int engine_best(struct engine *g, int32_t *token, struct err *e);
int engine_logits(struct engine *g, struct err *e); /* to g->logits */

#endif
