/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A LLaMA-like network that learns: forward, backward, and where its numbers are.
 * Only basic arithmetic in an order that the source fixes, so every machine and
 * compiler gets the same bits (with -ffp-contract=off).
 */
#ifndef LLAMA_NET_H
#define LLAMA_NET_H

#include <stddef.h>
#include <stdint.h>

#define NET_VOCAB  512
#define NET_DIM	   96
#define NET_LAYERS 4
#define NET_HEADS  4
#define NET_KV	   2 /* heads of keys and values */
#define NET_HEAD   (NET_DIM / NET_HEADS)
#define NET_KVDIM  (NET_KV * NET_HEAD)
#define NET_FFN	   256
#define NET_DOC	   96 /* tokens of one text, at most */
#define NET_EPS	   1e-5f
#define NET_BASE   10000.0f /* of the rotations */

/* Matrices are [out][in], as in GGUF. */
struct net_layer {
	float norm1[NET_DIM];
	float q[NET_DIM * NET_DIM], k[NET_KVDIM * NET_DIM], v[NET_KVDIM * NET_DIM];
	float o[NET_DIM * NET_DIM];
	float norm2[NET_DIM];
	float gate[NET_FFN * NET_DIM], up[NET_FFN * NET_DIM], down[NET_DIM * NET_FFN];
};

/* Nothing but floats: also the gradients, and what the optimizer remembers. */
struct net {
	float embed[NET_VOCAB * NET_DIM]; /* also the output */
	struct net_layer layer[NET_LAYERS];
	float norm[NET_DIM];
};

#define NET_PARAMS (sizeof(struct net) / sizeof(float))

struct doc {
	int32_t token[NET_DOC];
	float weight[NET_DOC]; /* of predicting token i */
	uint32_t len;
};

/* The same network with its matrices turned, for the forward pass. */
void net_turn(const struct net *n, struct net *turned);

struct net_work; /* room for one pass */
struct net_work *net_work_new(uint32_t docs);
void net_work_free(struct net_work *w);

/* Sets @grad to the gradient of the sum of weighted losses; returns that sum. */
double net_pass(const struct net *n, const struct net *turned, struct net_work *w,
		const struct doc *doc, uint32_t docs, struct net *grad);

#endif
