// SPDX-License-Identifier: Apache-2.0
#include "ref.h"

#include <math.h>
#include <string.h>

static void norm(const struct model *m, const struct gguf_tensor *w, const float *x, float *out)
{
	const float *weight = (const float *)(const void *)w->data;
	double sum = 0;
	float scale;
	uint32_t i;

	for (i = 0; i < m->dim; i++)
		sum += (double)x[i] * (double)x[i];
	scale = 1 / sqrtf((float)(sum / m->dim) + m->eps);
	for (i = 0; i < m->dim; i++)
		out[i] = x[i] * scale * weight[i];
}

/* y (+)= W x, row by row. */
static void multiply(struct ref *r, const struct gguf_tensor *w, const float *x, float *y, bool add)
{
	size_t row, i, n = w->ne[0], size = n / w->fmt->block * w->fmt->size;

	for (row = 0; row < w->ne[1]; row++) {
		float sum = 0;

		fmt_decode(w->fmt, w->data + row * size, r->row, n);
		for (i = 0; i < n; i++)
			sum += r->row[i] * x[i];
		y[row] = add ? y[row] + sum : sum;
	}
}

static void rotate(const struct model *m, float *x, uint32_t heads, uint32_t pos)
{
	uint32_t h, i;

	for (h = 0; h < heads; h++, x += m->head)
		for (i = 0; i < m->rope / 2; i++) {
			float angle = (float)pos * m->frequency[i];
			float c = cosf(angle), s = sinf(angle), a = x[2 * i], b = x[2 * i + 1];

			x[2 * i] = a * c - b * s;
			x[2 * i + 1] = a * s + b * c;
		}
}

static void attend(struct ref *r, const float *keys, const float *values, uint32_t head,
		   uint32_t pos)
{
	const struct model *m = r->m;
	uint32_t kv = head / (m->heads / m->kv_heads) * m->head, t, i;
	const float *q = r->q + head * m->head;
	float *o = r->o + head * m->head, max = -INFINITY, sum = 0;

	for (t = 0; t <= pos; t++) {
		const float *k = keys + (size_t)t * m->kv_dim + kv;
		float dot = 0;

		for (i = 0; i < m->head; i++)
			dot += q[i] * k[i];
		r->score[t] = dot / sqrtf((float)m->head);
		max = fmaxf(max, r->score[t]);
	}
	for (t = 0; t <= pos; t++) {
		r->score[t] = expf(r->score[t] - max);
		sum += r->score[t];
	}
	memset(o, 0, m->head * sizeof(*o));
	for (t = 0; t <= pos; t++) {
		const float *v = values + (size_t)t * m->kv_dim + kv;

		for (i = 0; i < m->head; i++)
			o[i] += r->score[t] / sum * v[i];
	}
}

static void step_layer(struct ref *r, uint32_t l, uint32_t pos)
{
	const struct model *m = r->m;
	const struct layer *y = &m->layer[l];
	float *keys = r->keys + (size_t)l * r->context * m->kv_dim;
	float *values = r->values + (size_t)l * r->context * m->kv_dim;
	uint32_t i;

	norm(m, y->norm1, r->x, r->n);
	multiply(r, y->m[M_Q], r->n, r->q, false);
	multiply(r, y->m[M_K], r->n, keys + (size_t)pos * m->kv_dim, false);
	multiply(r, y->m[M_V], r->n, values + (size_t)pos * m->kv_dim, false);
	rotate(m, r->q, m->heads, pos);
	rotate(m, keys + (size_t)pos * m->kv_dim, m->kv_heads, pos);
	for (i = 0; i < m->heads; i++)
		attend(r, keys, values, i, pos);
	multiply(r, y->m[M_O], r->o, r->x, true);
	norm(m, y->norm2, r->x, r->n);
	multiply(r, y->m[M_GATE], r->n, r->gate, false);
	multiply(r, y->m[M_UP], r->n, r->up, false);
	for (i = 0; i < m->ffn; i++)
		r->gate[i] = r->gate[i] / (1 + expf(-r->gate[i])) * r->up[i];
	multiply(r, y->m[M_DOWN], r->gate, r->x, true);
}

void ref_step(struct ref *r, uint32_t token, uint32_t pos)
{
	const struct gguf_tensor *t = r->m->embed;
	size_t size = t->ne[0] / t->fmt->block * t->fmt->size;
	uint32_t l;

	fmt_decode(t->fmt, t->data + token * size, r->x, t->ne[0]);
	for (l = 0; l < r->m->layers; l++)
		step_layer(r, l, pos);
	norm(r->m, r->m->norm, r->x, r->n);
	multiply(r, r->m->output, r->n, r->logits, false);
}

int32_t ref_argmax(const float *logits, uint32_t n)
{
	float most = -INFINITY;
	int32_t best = -1;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (logits[i] > most) {
			most = logits[i];
			best = (int32_t)i;
		}
	return best;
}

int ref_init(struct ref *r, const struct model *m, uint32_t context, struct err *e)
{
	size_t cache = (size_t)m->layers * context * m->kv_dim;
	size_t widest = m->dim > m->ffn ? m->dim : m->ffn;

	memset(r, 0, sizeof(*r));
	r->m = m;
	r->context = context;
	r->keys = calloc(cache, sizeof(float));
	r->values = calloc(cache, sizeof(float));
	r->x = calloc(m->dim, sizeof(float));
	r->n = calloc(m->dim, sizeof(float));
	r->q = calloc(m->dim, sizeof(float));
	r->o = calloc(m->dim, sizeof(float));
	r->gate = calloc(m->ffn, sizeof(float));
	r->up = calloc(m->ffn, sizeof(float));
	r->row = calloc(widest, sizeof(float));
	r->score = calloc(context, sizeof(float));
	r->logits = calloc(m->vocab, sizeof(float));
	if (r->keys && r->values && r->x && r->n && r->q && r->o && r->gate && r->up && r->row &&
	    r->score && r->logits)
		return 0;
	ref_free(r);
	return refuse(e, "out of memory for a context of %u tokens", context);
}

void ref_free(struct ref *r)
{
	free(r->keys), free(r->values), free(r->x), free(r->n), free(r->q), free(r->o);
	free(r->gate), free(r->up), free(r->row), free(r->score), free(r->logits);
	memset(r, 0, sizeof(*r));
}
