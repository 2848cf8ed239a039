/* SPDX-License-Identifier: Apache-2.0 */
/* The same arithmetic in plain C: what the kernels are compared with. */
#ifndef LLAMA_REF_H
#define LLAMA_REF_H

#include "model.h"

struct ref {
	const struct model *m;
	uint32_t context;
	float *keys, *values; /* [layer][position][kv_dim] */
	float *x, *n, *q, *o, *gate, *up, *row, *score, *logits;
};

int ref_init(struct ref *r, const struct model *m, uint32_t context, struct err *e);
void ref_free(struct ref *r);
/* Puts @token at @pos, behind those before it; the logits are in r->logits. */
void ref_step(struct ref *r, uint32_t token, uint32_t pos);
/* The greatest, the first of equals; -1 when none is a number. */
int32_t ref_argmax(const float *logits, uint32_t n);

#endif
