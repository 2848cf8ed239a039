// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DIM_MAX	    65536u
#define CONTEXT_MAX (1u << 24)
#define VOCAB_MAX   (1u << 24)

static const char *const matrices[M_COUNT] = { "attn_q",   "attn_k", "attn_v",	"attn_output",
					       "ffn_gate", "ffn_up", "ffn_down" };

/* ---- Dimensions ---- */

static int dimension(const struct gguf *g, const char *key, bool required, uint32_t max,
		     uint32_t *v, struct err *e)
{
	if (gguf_u32(g, key, required, v, e))
		return -1;
	if (!*v || *v > max)
		return refuse(e, "key '%s': %u, 1 to %u are allowed", key, *v, max);
	return 0;
}

/* A key that changes what is computed may only have the value that changes nothing. */
static int only(const struct gguf *g, const char *key, uint32_t value, struct err *e)
{
	uint32_t v = value;

	if (gguf_u32(g, key, false, &v, e))
		return -1;
	if (v != value)
		return refuse(e, "key '%s': %u is not supported, %u is", key, v, value);
	return 0;
}

/* Keys of LLaMA's relatives, whose arithmetic this program does not have. */
static int refuse_others(const struct gguf *g, struct err *e)
{
	static const char *const keys[] = {
		"llama.attention.sliding_window",
		"llama.attention.clamp_kqv",
		"llama.attention.max_alibi_bias",
		"llama.attention.scale",
		"llama.logit_scale",
		"llama.residual_scale",
		"llama.embedding_scale",
		"llama.rope.scaling.attn_factor",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (gguf_find(g, keys[i]))
			return refuse(e, "key '%s': not supported", keys[i]);
	return only(g, "llama.expert_count", 0, e) || only(g, "llama.expert_used_count", 0, e);
}

static int read_heads(struct model *m, struct err *e)
{
	const struct gguf *g = &m->file;

	if (dimension(g, "llama.attention.head_count", true, DIM_MAX, &m->heads, e))
		return -1;
	m->kv_heads = m->heads;
	if (dimension(g, "llama.attention.head_count_kv", false, DIM_MAX, &m->kv_heads, e))
		return -1;
	if (m->dim % m->heads)
		return refuse(
			e,
			"key 'llama.attention.head_count': %u does not divide the %u of 'llama.embedding_length'",
			m->heads, m->dim);
	if (m->heads % m->kv_heads)
		return refuse(
			e, "key 'llama.attention.head_count_kv': %u does not divide the %u heads",
			m->kv_heads, m->heads);
	m->head = m->dim / m->heads;
	m->kv_dim = m->head * m->kv_heads;
	if (m->head % 4)
		return refuse(
			e,
			"heads of %u numbers ('llama.embedding_length' / 'llama.attention.head_count'): a multiple of 4 is wanted",
			m->head);
	m->rope = m->head;
	if (dimension(g, "llama.rope.dimension_count", false, m->head, &m->rope, e))
		return -1;
	if (m->rope % 2)
		return refuse(e, "key 'llama.rope.dimension_count': %u is odd", m->rope);
	return only(g, "llama.attention.key_length", m->head, e) ||
	       only(g, "llama.attention.value_length", m->head, e);
}

static int read_dimensions(struct model *m, struct err *e)
{
	const struct gguf *g = &m->file;
	struct gguf_string arch;

	if (gguf_string(g, "general.architecture", true, &arch, e))
		return -1;
	if (!gguf_is(arch, "llama"))
		return refuse(e, "key 'general.architecture': '%.*s' is not supported, llama is",
			      arch.len < 40 ? (int)arch.len : 40, arch.s);
	if (dimension(g, "llama.embedding_length", true, DIM_MAX, &m->dim, e) ||
	    dimension(g, "llama.block_count", true, MODEL_LAYERS, &m->layers, e) ||
	    dimension(g, "llama.feed_forward_length", true, 4 * DIM_MAX, &m->ffn, e) ||
	    dimension(g, "llama.context_length", true, CONTEXT_MAX, &m->context, e) ||
	    gguf_f32(g, "llama.attention.layer_norm_rms_epsilon", true, &m->eps, e))
		return -1;
	if (!(m->eps >= 0) || m->eps > 1)
		return refuse(
			e, "key 'llama.attention.layer_norm_rms_epsilon': %g, 0 to 1 are allowed",
			(double)m->eps);
	return read_heads(m, e) || refuse_others(g, e);
}

/* ---- Rotations ---- */

static int read_scaling(const struct gguf *g, float *factor, struct err *e)
{
	struct gguf_string type = { "none", 4 };

	*factor = 1;
	if (gguf_f32(g, "llama.rope.scale_linear", false, factor, e) ||
	    gguf_string(g, "llama.rope.scaling.type", false, &type, e))
		return -1;
	if (!gguf_is(type, "none") && !gguf_is(type, "linear"))
		return refuse(
			e,
			"key 'llama.rope.scaling.type': '%.*s' is not supported, none and linear are",
			type.len < 40 ? (int)type.len : 40, type.s);
	if (gguf_is(type, "linear") && gguf_f32(g, "llama.rope.scaling.factor", true, factor, e))
		return -1;
	if (!(*factor > 0) || isinf(*factor))
		return refuse(e, "key 'llama.rope.scaling.factor': %g is not above 0",
			      (double)*factor);
	return 0;
}

static int read_rope(struct model *m, struct err *e)
{
	const struct gguf_tensor *t = gguf_tensor(&m->file, "rope_freqs.weight");
	float factor, f;
	uint32_t i;

	m->base = 10000;
	if (gguf_f32(&m->file, "llama.rope.freq_base", false, &m->base, e) ||
	    read_scaling(&m->file, &factor, e))
		return -1;
	if (!(m->base > 0) || isinf(m->base))
		return refuse(e, "key 'llama.rope.freq_base': %g is not above 0", (double)m->base);
	if (t && (t->fmt->id != FMT_F32 || t->dims != 1 || t->ne[0] != m->rope / 2))
		return refuse(e, "tensor 'rope_freqs.weight': not %u numbers of F32", m->rope / 2);
	m->frequency = malloc(m->rope / 2 * sizeof(float));
	if (!m->frequency)
		return refuse(e, "out of memory for %u rotations", m->rope / 2);
	for (i = 0; i < m->rope / 2; i++) {
		f = 1;
		if (t)
			memcpy(&f, t->data + 4 * (size_t)i, 4);
		if (!(f > 0) || isinf(f))
			return refuse(e, "tensor 'rope_freqs.weight': number %u is not above 0", i);
		m->frequency[i] = (float)(pow((double)m->base, -2.0 * i / m->rope) / (double)f /
					  (double)factor);
	}
	return 0;
}

/* ---- Tensors ---- */

static int want(struct model *m, const char *name, uint64_t row, uint64_t rows,
		const struct gguf_tensor **out, struct err *e)
{
	const struct gguf_tensor *t = gguf_tensor(&m->file, name);

	*out = t;
	if (!t)
		return refuse(e, "tensor '%s' is missing", name);
	if (t->ne[0] != row || t->ne[1] != (rows ? rows : 1) || t->ne[2] != 1 || t->ne[3] != 1)
		return refuse(e,
			      "tensor '%s': dimensions %" PRIu64 " x %" PRIu64 ", but %" PRIu64
			      " x %" PRIu64 " are wanted",
			      name, t->ne[0], t->ne[1], row, rows ? rows : 1);
	if (!rows && t->fmt->id != FMT_F32)
		return refuse(e, "tensor '%s': of format %s, F32 is wanted", name, t->fmt->name);
	m->bytes += t->size;
	return 0;
}

static int want_layer(struct model *m, uint32_t l, struct err *e)
{
	const uint32_t in[M_COUNT] = { m->dim, m->dim, m->dim, m->dim, m->dim, m->dim, m->ffn };
	const uint32_t out[M_COUNT] = {
		m->dim, m->kv_dim, m->kv_dim, m->dim, m->ffn, m->ffn, m->dim
	};
	struct layer *y = &m->layer[l];
	char name[64];
	int i;

	snprintf(name, sizeof(name), "blk.%u.attn_norm.weight", l);
	if (want(m, name, m->dim, 0, &y->norm1, e))
		return -1;
	snprintf(name, sizeof(name), "blk.%u.ffn_norm.weight", l);
	if (want(m, name, m->dim, 0, &y->norm2, e))
		return -1;
	for (i = 0; i < M_COUNT; i++) {
		snprintf(name, sizeof(name), "blk.%u.%s.weight", l, matrices[i]);
		if (want(m, name, in[i], out[i], &y->m[i], e))
			return -1;
	}
	return 0;
}

/* A tensor that is not used, a bias say, means that something else is to be computed. */
static int refuse_unknown(const struct model *m, size_t used, struct err *e)
{
	char want_name[64], name[64];
	size_t i;

	if (used == m->file.tensors)
		return 0;
	for (i = 0; i < m->file.tensors; i++) {
		struct gguf_string s = m->file.tensor[i].name;
		unsigned int l = 0, k;
		char what[64];

		snprintf(name, sizeof(name), "%.*s", (int)s.len, s.s);
		if (!strcmp(name, "token_embd.weight") || !strcmp(name, "output.weight") ||
		    !strcmp(name, "output_norm.weight") || !strcmp(name, "rope_freqs.weight"))
			continue;
		if (sscanf(name, "blk.%u.%63s", &l, what) == 2 && l < m->layers) {
			for (k = 0; k < M_COUNT + 2; k++) {
				snprintf(want_name, sizeof(want_name), "blk.%u.%s.weight", l,
					 k < M_COUNT	? matrices[k]
					 : k == M_COUNT ? "attn_norm"
							: "ffn_norm");
				if (!strcmp(name, want_name))
					break;
			}
			if (k < M_COUNT + 2)
				continue;
		}
		return refuse(e, "tensor '%s' is not one of a LLaMA model of %u blocks", name,
			      m->layers);
	}
	return refuse(e, "the file holds tensors that are not used");
}

static int find_tensors(struct model *m, struct err *e)
{
	const struct gguf_tensor *embed = gguf_tensor(&m->file, "token_embd.weight");
	size_t used = 2 + (size_t)m->layers * (M_COUNT + 2);
	uint32_t l;

	if (!embed)
		return refuse(e, "tensor 'token_embd.weight' is missing");
	if (embed->ne[1] > VOCAB_MAX)
		return refuse(
			e, "tensor 'token_embd.weight': %" PRIu64 " tokens, at most %u are allowed",
			embed->ne[1], VOCAB_MAX);
	m->vocab = (uint32_t)embed->ne[1];
	if (want(m, "token_embd.weight", m->dim, m->vocab, &m->embed, e) ||
	    want(m, "output_norm.weight", m->dim, 0, &m->norm, e))
		return -1;
	m->output = m->embed;
	if (gguf_tensor(&m->file, "output.weight")) {
		used++;
		if (want(m, "output.weight", m->dim, m->vocab, &m->output, e))
			return -1;
	}
	used += gguf_tensor(&m->file, "rope_freqs.weight") != NULL;
	for (l = 0; l < m->layers; l++)
		if (want_layer(m, l, e))
			return -1;
	return refuse_unknown(m, used, e);
}

int model_init(struct model *m, const struct gguf *file, struct err *e)
{
	memset(m, 0, sizeof(*m));
	m->file = *file;
	if (read_dimensions(m, e) || read_rope(m, e) || find_tensors(m, e)) {
		model_close(m);
		return -1;
	}
	return 0;
}

int model_open(struct model *m, const char *path, struct err *e)
{
	struct gguf file;
	struct err why;

	memset(m, 0, sizeof(*m));
	if (gguf_open(&file, path, e))
		return -1;
	if (model_init(m, &file, &why))
		return refuse(e, "%s: %s", path, why.text);
	return 0;
}

void model_close(struct model *m)
{
	gguf_close(&m->file);
	free(m->frequency);
	m->frequency = NULL;
}
