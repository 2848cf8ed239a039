// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

/* Sixteen lanes whatever the machine has: lanes do not touch each other. */
typedef float lanes __attribute__((vector_size(64), aligned(4)));

#define LANES 16

struct kept { /* of one layer, for the way back */
	float *x, *mid; /* the stream before each half */
	float *n1, *n2; /* normalized */
	float *r1, *r2; /* one over the root mean square */
	float *q, *k, *v, *o;
	float *p; /* [row][head][NET_DOC]: attention */
	float *gate, *up, *h;
};

struct net_work {
	uint32_t rows;
	struct kept layer[NET_LAYERS];
	float *x, *n, *r, *logits;
	float *dx, *dn, *dq, *dk, *dv, *dgate, *dup, *dh;
	float *cosine, *sine; /* [NET_DOC][NET_HEAD / 2] */
};

/* C[rows][cols] (+)= A[rows][depth] B[depth][cols]; A by its two strides. */
static void block4(const float *a, size_t ai, size_t ak, const float *b, size_t cols, size_t depth,
		   float *c, bool add)
{
	lanes s00 = { 0 }, s01 = { 0 }, s10 = { 0 }, s11 = { 0 };
	lanes s20 = { 0 }, s21 = { 0 }, s30 = { 0 }, s31 = { 0 };
	size_t k;

	for (k = 0; k < depth; k++, a += ak, b += cols) {
		lanes b0 = *(const lanes *)b, b1 = *(const lanes *)(b + LANES);

		s00 += a[0] * b0;
		s01 += a[0] * b1;
		s10 += a[ai] * b0;
		s11 += a[ai] * b1;
		s20 += a[2 * ai] * b0;
		s21 += a[2 * ai] * b1;
		s30 += a[3 * ai] * b0;
		s31 += a[3 * ai] * b1;
	}
#define PUT(row, col, s) \
	(*(lanes *)(c + (row)*cols + (col)) = add ? *(lanes *)(c + (row)*cols + (col)) + (s) : (s))
	PUT(0, 0, s00);
	PUT(0, LANES, s01);
	PUT(1, 0, s10);
	PUT(1, LANES, s11);
	PUT(2, 0, s20);
	PUT(2, LANES, s21);
	PUT(3, 0, s30);
	PUT(3, LANES, s31);
#undef PUT
}

static void block1(const float *a, size_t ak, const float *b, size_t cols, size_t depth, float *c,
		   bool add)
{
	lanes s = { 0 };
	size_t k;

	for (k = 0; k < depth; k++, a += ak, b += cols)
		s += *a * *(const lanes *)b;
	*(lanes *)c = add ? *(lanes *)c + s : s;
}

/* Up to @cols columns, which are a multiple of LANES, of the rows that block4 leaves. */
static void few(uint32_t rows, size_t cols, size_t depth, const float *a, size_t ai, size_t ak,
		const float *b, size_t width, float *c, bool add)
{
	uint32_t i;
	size_t j;

	for (i = 0; i < rows; i++)
		for (j = 0; j < width; j += LANES)
			block1(a + i * ai, ak, b + j, cols, depth, c + i * cols + j, add);
}

static void multiply(uint32_t rows, size_t cols, size_t depth, const float *a, size_t ai, size_t ak,
		     const float *b, float *c, bool add)
{
	uint32_t i, fours = rows / 4 * 4;
	size_t j;

	for (j = 0; j + 2 * LANES <= cols; j += 2 * LANES) {
		for (i = 0; i < fours; i += 4)
			block4(a + i * ai, ai, ak, b + j, cols, depth, c + i * cols + j, add);
		few(rows % 4, cols, depth, a + fours * ai, ai, ak, b + j, 2 * LANES,
		    c + fours * cols + j, add);
	}
	few(rows, cols, depth, a, ai, ak, b + j, cols - j, c + j, add);
}

/* y = x W, with W turned to [in][out]. */
static void forward(uint32_t rows, const float *x, uint32_t in, const float *turned, uint32_t out,
		    float *y, bool add)
{
	multiply(rows, out, in, x, in, 1, turned, y, add);
}

/* dx (+)= dy W and dw += dy' x, with W as it is, [out][in]. */
static void backward(uint32_t rows, const float *dy, uint32_t out, const float *w, const float *x,
		     uint32_t in, float *dx, bool add, float *dw)
{
	multiply(rows, in, out, dy, out, 1, w, dx, add);
	multiply(out, in, rows, dy, 1, out, x, dw, true);
}

static void turn(const float *w, size_t out, size_t in, float *t)
{
	size_t i, j;

	for (i = 0; i < out; i++)
		for (j = 0; j < in; j++)
			t[j * out + i] = w[i * in + j];
}

void net_turn(const struct net *n, struct net *t)
{
	int l;

	turn(n->embed, NET_VOCAB, NET_DIM, t->embed);
	for (l = 0; l < NET_LAYERS; l++) {
		const struct net_layer *a = &n->layer[l];
		struct net_layer *b = &t->layer[l];

		turn(a->q, NET_DIM, NET_DIM, b->q);
		turn(a->k, NET_KVDIM, NET_DIM, b->k);
		turn(a->v, NET_KVDIM, NET_DIM, b->v);
		turn(a->o, NET_DIM, NET_DIM, b->o);
		turn(a->gate, NET_FFN, NET_DIM, b->gate);
		turn(a->up, NET_FFN, NET_DIM, b->up);
		turn(a->down, NET_DIM, NET_FFN, b->down);
	}
}

/* e to the power of x, to about 1e-7: the C library's bits depend on the machine. */
static inline float power_e(float x)
{
	union {
		float f;
		int32_t i;
	} scale;
	float n, r;

	x = x < -87.0f ? -87.0f : x > 87.0f ? 87.0f : x;
	n = x * 1.44269504f + 12582912.0f;
	n -= 12582912.0f; /* rounded */
	r = x - n * 0.693359375f;
	r -= n * -2.12194440e-4f;
	scale.i = ((int32_t)n + 127) << 23;
	return scale.f *
	       (1.0f +
		r * (1.0f + r * (0.5f + r * (0.166666657f +
					     r * (4.16695364e-2f +
						  r * (8.37312452e-3f + r * 1.37805939e-3f))))));
}

static void norm(uint32_t rows, const float *x, const float *w, float *r, float *out)
{
	uint32_t t;
	int i;

	for (t = 0; t < rows; t++, x += NET_DIM, out += NET_DIM) {
		float sum = 0;

		for (i = 0; i < NET_DIM; i++)
			sum += x[i] * x[i];
		r[t] = 1.0f / sqrtf(sum / NET_DIM + NET_EPS);
		for (i = 0; i < NET_DIM; i++)
			out[i] = x[i] * r[t] * w[i];
	}
}

/* dx += what comes back through the norm. */
static void norm_back(uint32_t rows, const float *x, const float *w, const float *r,
		      const float *dn, float *dx, float *dw)
{
	uint32_t t;
	int i;

	for (t = 0; t < rows; t++, x += NET_DIM, dn += NET_DIM, dx += NET_DIM) {
		float dot = 0, c;

		for (i = 0; i < NET_DIM; i++) {
			dot += dn[i] * w[i] * x[i];
			dw[i] += dn[i] * x[i] * r[t];
		}
		c = dot * r[t] * r[t] * r[t] / NET_DIM;
		for (i = 0; i < NET_DIM; i++)
			dx[i] += dn[i] * w[i] * r[t] - x[i] * c;
	}
}

/* Turns pairs by their position; @back turns the other way. */
static void rotate(const struct net_work *w, float *x, uint32_t heads, uint32_t pos, float back)
{
	const float *c = w->cosine + pos * (NET_HEAD / 2), *s = w->sine + pos * (NET_HEAD / 2);
	uint32_t h;
	int i;

	for (h = 0; h < heads; h++, x += NET_HEAD)
		for (i = 0; i < NET_HEAD / 2; i++) {
			float a = x[2 * i], b = x[2 * i + 1], sine = s[i] * back;

			x[2 * i] = a * c[i] - b * sine;
			x[2 * i + 1] = a * sine + b * c[i];
		}
}

static void rotate_docs(const struct net_work *w, const struct doc *doc, uint32_t docs, float *q,
			float *k, float back)
{
	uint32_t d, i;

	for (d = 0; d < docs; d++)
		for (i = 0; i < doc[d].len; i++, q += NET_DIM, k += NET_KVDIM) {
			rotate(w, q, NET_HEADS, i, back);
			rotate(w, k, NET_KV, i, back);
		}
}

static void attend(const struct kept *s, uint32_t row, uint32_t len, uint32_t head)
{
	const float scale = 1.0f / sqrtf(NET_HEAD);
	uint32_t kv = head / (NET_HEADS / NET_KV) * NET_HEAD, i, j;
	int c;

	for (i = 0; i < len; i++) {
		const float *q = s->q + (row + i) * NET_DIM + head * NET_HEAD;
		float *p = s->p + ((row + i) * NET_HEADS + head) * NET_DOC;
		float *o = s->o + (row + i) * NET_DIM + head * NET_HEAD;
		float max = -1e30f, sum = 0;

		for (j = 0; j <= i; j++) {
			const float *k = s->k + (row + j) * NET_KVDIM + kv;
			float dot = 0;

			for (c = 0; c < NET_HEAD; c++)
				dot += q[c] * k[c];
			p[j] = dot * scale;
			max = p[j] > max ? p[j] : max;
		}
		for (j = 0; j <= i; j++)
			p[j] = power_e(p[j] - max);
		for (j = 0; j <= i; j++)
			sum += p[j];
		memset(o, 0, NET_HEAD * sizeof(*o));
		for (j = 0; j <= i; j++) {
			const float *v = s->v + (row + j) * NET_KVDIM + kv;

			p[j] /= sum;
			for (c = 0; c < NET_HEAD; c++)
				o[c] += p[j] * v[c];
		}
	}
}

/* From the gradient of o, in w->dn, to those of q, k and v. */
static void attend_back(const struct net_work *w, const struct kept *s, uint32_t row, uint32_t len,
			uint32_t head)
{
	const float scale = 1.0f / sqrtf(NET_HEAD);
	uint32_t kv = head / (NET_HEADS / NET_KV) * NET_HEAD, i, j;
	float dp[NET_DOC];
	int c;

	for (i = 0; i < len; i++) {
		const float *q = s->q + (row + i) * NET_DIM + head * NET_HEAD;
		const float *p = s->p + ((row + i) * NET_HEADS + head) * NET_DOC;
		const float *od = w->dn + (row + i) * NET_DIM + head * NET_HEAD;
		float *dq = w->dq + (row + i) * NET_DIM + head * NET_HEAD, sum = 0;

		for (j = 0; j <= i; j++) {
			const float *v = s->v + (row + j) * NET_KVDIM + kv;
			float *dv = w->dv + (row + j) * NET_KVDIM + kv, dot = 0;

			for (c = 0; c < NET_HEAD; c++) {
				dot += od[c] * v[c];
				dv[c] += p[j] * od[c];
			}
			dp[j] = dot;
			sum += dot * p[j];
		}
		for (j = 0; j <= i; j++) {
			const float *k = s->k + (row + j) * NET_KVDIM + kv;
			float *dk = w->dk + (row + j) * NET_KVDIM + kv;
			float ds = p[j] * (dp[j] - sum) * scale;

			for (c = 0; c < NET_HEAD; c++) {
				dq[c] += ds * k[c];
				dk[c] += ds * q[c];
			}
		}
	}
}

static void layer_forward(const struct net *n, const struct net *t, struct net_work *w, int l,
			  const struct doc *doc, uint32_t docs, float *out)
{
	const struct net_layer *m = &t->layer[l];
	struct kept *s = &w->layer[l];
	uint32_t d, h, row;
	size_t i;

	norm(w->rows, s->x, n->layer[l].norm1, s->r1, s->n1);
	forward(w->rows, s->n1, NET_DIM, m->q, NET_DIM, s->q, false);
	forward(w->rows, s->n1, NET_DIM, m->k, NET_KVDIM, s->k, false);
	forward(w->rows, s->n1, NET_DIM, m->v, NET_KVDIM, s->v, false);
	rotate_docs(w, doc, docs, s->q, s->k, 1);
	for (d = 0, row = 0; d < docs; row += doc[d++].len)
		for (h = 0; h < NET_HEADS; h++)
			attend(s, row, doc[d].len, h);
	memcpy(s->mid, s->x, w->rows * NET_DIM * sizeof(float));
	forward(w->rows, s->o, NET_DIM, m->o, NET_DIM, s->mid, true);
	norm(w->rows, s->mid, n->layer[l].norm2, s->r2, s->n2);
	forward(w->rows, s->n2, NET_DIM, m->gate, NET_FFN, s->gate, false);
	forward(w->rows, s->n2, NET_DIM, m->up, NET_FFN, s->up, false);
	for (i = 0; i < (size_t)w->rows * NET_FFN; i++)
		s->h[i] = s->gate[i] / (1.0f + power_e(-s->gate[i])) * s->up[i];
	memcpy(out, s->mid, w->rows * NET_DIM * sizeof(float));
	forward(w->rows, s->h, NET_FFN, m->down, NET_DIM, out, true);
}

/* w->dx: the stream's gradient behind the layer, then before it. */
static void layer_backward(const struct net *n, struct net_work *w, int l, const struct doc *doc,
			   uint32_t docs, struct net_layer *g)
{
	const struct net_layer *m = &n->layer[l];
	struct kept *s = &w->layer[l];
	uint32_t d, h, row;
	size_t i;

	backward(w->rows, w->dx, NET_DIM, m->down, s->h, NET_FFN, w->dh, false, g->down);
	for (i = 0; i < (size_t)w->rows * NET_FFN; i++) {
		float y = 1.0f / (1.0f + power_e(-s->gate[i])), silu = s->gate[i] * y;

		w->dup[i] = w->dh[i] * silu;
		w->dgate[i] = w->dh[i] * s->up[i] * (y + silu * (1.0f - y));
	}
	backward(w->rows, w->dgate, NET_FFN, m->gate, s->n2, NET_DIM, w->dn, false, g->gate);
	backward(w->rows, w->dup, NET_FFN, m->up, s->n2, NET_DIM, w->dn, true, g->up);
	norm_back(w->rows, s->mid, m->norm2, s->r2, w->dn, w->dx, g->norm2);
	backward(w->rows, w->dx, NET_DIM, m->o, s->o, NET_DIM, w->dn, false, g->o);
	memset(w->dq, 0, w->rows * NET_DIM * sizeof(float));
	memset(w->dk, 0, w->rows * NET_KVDIM * sizeof(float));
	memset(w->dv, 0, w->rows * NET_KVDIM * sizeof(float));
	for (d = 0, row = 0; d < docs; row += doc[d++].len)
		for (h = 0; h < NET_HEADS; h++)
			attend_back(w, s, row, doc[d].len, h);
	rotate_docs(w, doc, docs, w->dq, w->dk, -1);
	backward(w->rows, w->dq, NET_DIM, m->q, s->n1, NET_DIM, w->dn, false, g->q);
	backward(w->rows, w->dk, NET_KVDIM, m->k, s->n1, NET_DIM, w->dn, true, g->k);
	backward(w->rows, w->dv, NET_KVDIM, m->v, s->n1, NET_DIM, w->dn, true, g->v);
	norm_back(w->rows, s->x, m->norm1, s->r1, w->dn, w->dx, g->norm1);
}

/* Logits become the gradient of the loss; returns the loss of the row. */
static double cross_entropy(float *logits, int32_t want, float weight)
{
	float max = logits[0], sum = 0;
	double loss;
	int i;

	for (i = 1; i < NET_VOCAB; i++)
		max = logits[i] > max ? logits[i] : max;
	for (i = 0; i < NET_VOCAB; i++)
		logits[i] = power_e(logits[i] - max);
	for (i = 0; i < NET_VOCAB; i++)
		sum += logits[i];
	loss = -log((double)(logits[want] / sum) + 1e-30);
	for (i = 0; i < NET_VOCAB; i++)
		logits[i] *= weight / sum;
	logits[want] -= weight;
	return loss * weight;
}

static void embed(const struct net *n, struct net_work *w, const struct doc *doc, uint32_t docs)
{
	float *x = w->layer[0].x;
	uint32_t d, i;

	for (d = 0; d < docs; d++)
		for (i = 0; i < doc[d].len; i++, x += NET_DIM)
			memcpy(x, n->embed + (size_t)doc[d].token[i] * NET_DIM,
			       NET_DIM * sizeof(float));
}

static double losses(struct net_work *w, const struct doc *doc, uint32_t docs)
{
	float *logits = w->logits;
	double loss = 0;
	uint32_t d, i;

	for (d = 0; d < docs; d++)
		for (i = 0; i < doc[d].len; i++, logits += NET_VOCAB) {
			if (i + 1 < doc[d].len)
				loss += cross_entropy(logits, doc[d].token[i + 1],
						      doc[d].weight[i + 1]);
			else
				memset(logits, 0, NET_VOCAB * sizeof(float));
		}
	return loss;
}

double net_pass(const struct net *n, const struct net *t, struct net_work *w, const struct doc *doc,
		uint32_t docs, struct net *grad)
{
	uint32_t d, i, row;
	double loss;
	int l, c;

	for (w->rows = d = 0; d < docs; d++)
		w->rows += doc[d].len;
	memset(grad, 0, sizeof(*grad));
	embed(n, w, doc, docs);
	for (l = 0; l < NET_LAYERS; l++)
		layer_forward(n, t, w, l, doc, docs, l + 1 < NET_LAYERS ? w->layer[l + 1].x : w->x);
	norm(w->rows, w->x, n->norm, w->r, w->n);
	forward(w->rows, w->n, NET_DIM, t->embed, NET_VOCAB, w->logits, false);
	loss = losses(w, doc, docs);

	backward(w->rows, w->logits, NET_VOCAB, n->embed, w->n, NET_DIM, w->dn, false, grad->embed);
	memset(w->dx, 0, w->rows * NET_DIM * sizeof(float));
	norm_back(w->rows, w->x, n->norm, w->r, w->dn, w->dx, grad->norm);
	for (l = NET_LAYERS - 1; l >= 0; l--)
		layer_backward(n, w, l, doc, docs, &grad->layer[l]);
	for (d = 0, row = 0; d < docs; d++)
		for (i = 0; i < doc[d].len; i++, row++)
			for (c = 0; c < NET_DIM; c++)
				grad->embed[(size_t)doc[d].token[i] * NET_DIM + c] +=
					w->dx[row * NET_DIM + c];
	return loss;
}

static float *room(size_t rows, size_t cols)
{
	return need(calloc(rows * cols, sizeof(float)));
}

struct net_work *net_work_new(uint32_t docs)
{
	struct net_work *w = need(calloc(1, sizeof(*w)));
	size_t rows = (size_t)docs * NET_DOC;
	int l, i, pos;

	for (l = 0; l < NET_LAYERS; l++)
		w->layer[l] = (struct kept){
			room(rows, NET_DIM),
			room(rows, NET_DIM),
			room(rows, NET_DIM),
			room(rows, NET_DIM),
			room(rows, 1),
			room(rows, 1),
			room(rows, NET_DIM),
			room(rows, NET_KVDIM),
			room(rows, NET_KVDIM),
			room(rows, NET_DIM),
			room(rows, NET_HEADS * NET_DOC),
			room(rows, NET_FFN),
			room(rows, NET_FFN),
			room(rows, NET_FFN),
		};
	w->x = room(rows, NET_DIM);
	w->n = room(rows, NET_DIM);
	w->r = room(rows, 1);
	w->logits = room(rows, NET_VOCAB);
	w->dx = room(rows, NET_DIM);
	w->dn = room(rows, NET_DIM);
	w->dq = room(rows, NET_DIM);
	w->dk = room(rows, NET_KVDIM);
	w->dv = room(rows, NET_KVDIM);
	w->dgate = room(rows, NET_FFN);
	w->dup = room(rows, NET_FFN);
	w->dh = room(rows, NET_FFN);
	w->cosine = room(NET_DOC, NET_HEAD / 2);
	w->sine = room(NET_DOC, NET_HEAD / 2);
	for (pos = 0; pos < NET_DOC; pos++)
		for (i = 0; i < NET_HEAD / 2; i++) {
			double a = pos * pow((double)NET_BASE, -2.0 * i / NET_HEAD);

			/* Rounded to float, which hides the C library's last bits. */
			w->cosine[pos * (NET_HEAD / 2) + i] = (float)cos(a);
			w->sine[pos * (NET_HEAD / 2) + i] = (float)sin(a);
		}
	return w;
}

void net_work_free(struct net_work *w)
{
	int l;

	for (l = 0; l < NET_LAYERS; l++) {
		struct kept *s = &w->layer[l];

		free(s->x), free(s->mid), free(s->n1), free(s->n2), free(s->r1), free(s->r2);
		free(s->q), free(s->k), free(s->v), free(s->o), free(s->p);
		free(s->gate), free(s->up), free(s->h);
	}
	free(w->x), free(w->n), free(w->r), free(w->logits);
	free(w->dx), free(w->dn), free(w->dq), free(w->dk), free(w->dv);
	free(w->dgate), free(w->dup), free(w->dh), free(w->cosine), free(w->sine);
	free(w);
}
