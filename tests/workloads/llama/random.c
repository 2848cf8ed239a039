// SPDX-License-Identifier: Apache-2.0
#include "random.h"

#include <math.h>
#include <string.h>

#include "ggufw.h"
#include "rng.h"
#include "words.h"

#define HEAD   64u
#define BUFFER 65536u

static uint64_t layer_params(const struct shape *s)
{
	uint64_t kv = (uint64_t)s->dim / s->heads * s->kv_heads;

	return 2ull * s->dim * s->dim + 2 * s->dim * kv + 3ull * s->dim * s->ffn + 2 * s->dim;
}

uint64_t random_params(const struct shape *s)
{
	return s->layers * layer_params(s) + (s->tied ? 1ull : 2ull) * s->vocab * s->dim + s->dim;
}

/* The shape whose depth is nearest to what models of that width have. */
int random_fit(struct shape *s, uint64_t params, struct err *e)
{
	struct shape best = *s, t = *s;
	uint32_t step = s->fmt->block > 2 * HEAD ? s->fmt->block : 2 * HEAD;
	double least = 1e30;

	for (t.dim = 4 * HEAD; t.dim <= 16384; t.dim += step) {
		uint64_t rest;
		double far;

		t.heads = t.dim / HEAD;
		t.kv_heads = t.heads % 4 ? t.heads % 2 ? t.heads : t.heads / 2 : t.heads / 4;
		t.ffn = (t.dim * 8 / 3 + 255) / 256 * 256;
		t.layers = 0;
		rest = random_params(&t);
		if (rest >= params)
			break;
		t.layers = (uint32_t)((double)(params - rest) / (double)layer_params(&t) + 0.5);
		far = fabs(log2((t.layers + 0.01) / (t.dim / 64.0)));
		if (t.layers && t.layers <= 512 && far < least) {
			least = far;
			best = t;
		}
	}
	if (least >= 1e30)
		return refuse(e, "a vocabulary of %u leaves nothing of %llu parameters for blocks",
			      s->vocab, (unsigned long long)params);
	*s = best;
	return 0;
}

/* ---- Numbers ---- */

struct writer {
	struct rng rng;
};

static void put_half(uint8_t *p, float f)
{
	uint16_t h = float_to_half(f);

	p[0] = (uint8_t)h;
	p[1] = (uint8_t)(h >> 8);
}

/* The block's bytes are random already; what must not be is set. */
static void fix_block(const struct fmt *f, uint8_t *p, float deviation)
{
	int i;

	switch (f->id) {
	case FMT_Q8_0:
		put_half(p, deviation / 73.9f);
		break;
	case FMT_Q4_0:
		/* Either way, since the mean of -8 to 7 is not 0. */
		put_half(p, (p[0] & 1 ? 1 : -1) * deviation / 4.61f);
		break;
	case FMT_Q6_K:
		for (i = 192; i < 208; i++)
			p[i] = (uint8_t)(int8_t)((p[i] & 1 ? 1 : -1) * (32 + (p[i] >> 3)));
		put_half(p + 208, deviation / (18.5f * 48));
		break;
	}
}

static void numbers(struct writer *w, const struct fmt *f, uint8_t *p, size_t blocks,
		    float deviation, float mean)
{
	size_t i, size = blocks * f->size;

	if (f->block == 1) {
		for (i = 0; i < blocks; i++) {
			float v = (rng_float(&w->rng) - 0.5f) * 3.4641016f * deviation + mean;

			fmt_encode(f, &v, p + i * f->size, 1);
		}
		return;
	}
	for (i = 0; i < size; i += 8) {
		uint64_t r = rng_next(&w->rng);

		memcpy(p + i, &r, size - i < 8 ? size - i : 8);
	}
	for (i = 0; i < blocks; i++)
		fix_block(f, p + i * f->size, deviation);
}

static int write_tensor(void *arg, const struct ggufw_tensor *t, FILE *f)
{
	uint64_t left = t->size / t->fmt->size;
	float deviation = t->dims == 1 ? 0.1f : 1 / sqrtf((float)t->ne[0]);
	uint8_t *buf = need(malloc(BUFFER));
	int bad = 0;

	while (left && !bad) {
		size_t n = BUFFER / t->fmt->size;

		n = n < left ? n : left;
		numbers(arg, t->fmt, buf, n, deviation, t->dims == 1);
		bad = fwrite(buf, t->fmt->size, n, f) != n;
		left -= n;
	}
	free(buf);
	return bad;
}

/* ---- The file ---- */

static void add_tensors(struct ggufw *w, const struct shape *s)
{
	const uint32_t kv = s->dim / s->heads * s->kv_heads;
	const struct {
		const char *name;
		uint32_t in, out;
	} parts[] = {
		{ "attn_norm", s->dim, 0 },	   { "attn_q", s->dim, s->dim },
		{ "attn_k", s->dim, kv },	   { "attn_v", s->dim, kv },
		{ "attn_output", s->dim, s->dim }, { "ffn_norm", s->dim, 0 },
		{ "ffn_gate", s->dim, s->ffn },	   { "ffn_up", s->dim, s->ffn },
		{ "ffn_down", s->ffn, s->dim },
	};
	const struct fmt *f32 = fmt_by_id(FMT_F32);
	char name[64];
	uint32_t l;
	size_t i;

	ggufw_tensor(w, "token_embd.weight", s->dim, s->vocab, s->fmt);
	for (l = 0; l < s->layers; l++)
		for (i = 0; i < ARRAY_SIZE(parts); i++) {
			snprintf(name, sizeof(name), "blk.%u.%s.weight", l, parts[i].name);
			ggufw_tensor(w, name, parts[i].in, parts[i].out,
				     parts[i].out ? s->fmt : f32);
		}
	ggufw_tensor(w, "output_norm.weight", s->dim, 0, f32);
	if (!s->tied)
		ggufw_tensor(w, "output.weight", s->dim, s->vocab, s->fmt);
}

/* The bytes, and as many words as are missing. */
static void add_tokens(struct ggufw *w, const struct shape *s)
{
	struct piece *piece = need(calloc(s->vocab, sizeof(*piece)));
	const char **text = need(calloc(s->vocab, sizeof(*text)));
	int32_t *type = need(calloc(s->vocab, sizeof(*type)));
	float *score = need(calloc(s->vocab, sizeof(*score)));
	char name[24];
	uint32_t i;

	words_bytes(piece);
	for (i = WORDS_FIRST; i < s->vocab; i++) {
		snprintf(name, sizeof(name), "\xe2\x96\x81w%u", i);
		piece[i].s = need(strdup(name));
		piece[i].type = TOKEN_NORMAL;
		piece[i].score = -(float)i;
	}
	for (i = 0; i < s->vocab; i++) {
		text[i] = piece[i].s;
		type[i] = piece[i].type;
		score[i] = piece[i].score;
	}
	ggufw_string(w, "tokenizer.ggml.model", "llama");
	ggufw_strings(w, "tokenizer.ggml.tokens", text, s->vocab);
	ggufw_f32s(w, "tokenizer.ggml.scores", score, s->vocab);
	ggufw_i32s(w, "tokenizer.ggml.token_type", type, s->vocab);
	ggufw_u32(w, "tokenizer.ggml.bos_token_id", WORDS_BOS);
	ggufw_u32(w, "tokenizer.ggml.eos_token_id", WORDS_EOS);
	ggufw_u32(w, "tokenizer.ggml.unknown_token_id", 0);
	for (i = 0; i < s->vocab; i++)
		free(piece[i].s);
	free(piece);
	free(text);
	free(type);
	free(score);
}

int random_write(const struct shape *s, const char *path, struct err *e)
{
	struct writer writer = { { s->seed } };
	struct ggufw *w;
	int rc;

	if (s->vocab < WORDS_FIRST + 1)
		return refuse(e, "a vocabulary of %u, at least %u are needed", s->vocab,
			      WORDS_FIRST + 1);
	if (s->dim % s->fmt->block || s->ffn % s->fmt->block)
		return refuse(e, "widths %u and %u are not multiples of %s's %u", s->dim, s->ffn,
			      s->fmt->name, s->fmt->block);
	w = need(calloc(1, sizeof(*w)));
	ggufw_string(w, "general.architecture", "llama");
	ggufw_string(w, "general.name", "random weights");
	ggufw_u32(w, "llama.context_length", s->context);
	ggufw_u32(w, "llama.embedding_length", s->dim);
	ggufw_u32(w, "llama.block_count", s->layers);
	ggufw_u32(w, "llama.feed_forward_length", s->ffn);
	ggufw_u32(w, "llama.attention.head_count", s->heads);
	ggufw_u32(w, "llama.attention.head_count_kv", s->kv_heads);
	ggufw_u32(w, "llama.rope.dimension_count", s->dim / s->heads);
	ggufw_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	add_tokens(w, s);
	add_tensors(w, s);
	rc = ggufw_write(w, path, write_tensor, &writer, e);
	ggufw_free(w);
	free(w);
	return rc;
}
