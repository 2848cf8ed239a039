// SPDX-License-Identifier: Apache-2.0
/* Models that are wrong, though the file is not: what is missing, odd or another's. */
#include "test.h"

#include "engine.h"
#include "ggufw.h"
#include "random.h"

/* A small model with one thing changed. */
struct change {
	const char *drop; /* key or tensor */
	const char *key; /* added, or instead of the one there */
	uint32_t u32;
	const char *string;
	const char *tensor; /* of another shape or format */
	uint64_t row, rows;
	const struct fmt *fmt;
	const char *extra; /* one tensor more */
	uint32_t tokens; /* instead of 300 */
	int scores, types; /* items, -1: as many as tokens */
	int32_t bad_type;
};

static const struct change none = { .scores = -1, .types = -1, .tokens = 300 };

static int zeros(void *arg, const struct ggufw_tensor *t, FILE *f)
{
	uint64_t i;

	(void)arg;
	for (i = 0; i < t->size; i++)
		fputc(0, f);
	return 0;
}

static bool left_out(const struct change *c, const char *name)
{
	return (c->drop && !strcmp(c->drop, name)) || (c->key && !strcmp(c->key, name));
}

static void u32(struct ggufw *w, const struct change *c, const char *key, uint32_t v)
{
	if (!left_out(c, key))
		ggufw_u32(w, key, v);
}

static void tensor(struct ggufw *w, const struct change *c, const char *name, uint64_t row,
		   uint64_t rows)
{
	const struct fmt *fmt = fmt_by_id(FMT_F32);

	if (c->drop && !strcmp(c->drop, name))
		return;
	if (c->tensor && !strcmp(c->tensor, name))
		ggufw_tensor(w, name, c->row, c->rows, c->fmt ? c->fmt : fmt);
	else
		ggufw_tensor(w, name, row, rows, fmt);
}

static void tokens(struct ggufw *w, const struct change *c)
{
	const char **text = need(calloc(c->tokens + 1, sizeof(*text)));
	int32_t *type = need(calloc(c->tokens + 1, sizeof(*type)));
	float *score = need(calloc(c->tokens + 1, sizeof(*score)));
	uint32_t i;

	for (i = 0; i < c->tokens; i++) {
		text[i] = "x";
		type[i] = TOKEN_NORMAL;
	}
	if (c->bad_type)
		type[7] = c->bad_type;
	if (!left_out(c, "tokenizer.ggml.tokens"))
		ggufw_strings(w, "tokenizer.ggml.tokens", text, c->tokens);
	if (!left_out(c, "tokenizer.ggml.scores"))
		ggufw_f32s(w, "tokenizer.ggml.scores", score,
			   c->scores < 0 ? c->tokens : (size_t)c->scores);
	ggufw_i32s(w, "tokenizer.ggml.token_type", type,
		   c->types < 0 ? c->tokens : (size_t)c->types);
	free(text);
	free(type);
	free(score);
}

static void make(const struct change *c, const char *path)
{
	struct ggufw *w = need(calloc(1, sizeof(*w)));
	struct err e;

	if (!left_out(c, "general.architecture"))
		ggufw_string(w, "general.architecture", "llama");
	u32(w, c, "llama.context_length", 64);
	u32(w, c, "llama.embedding_length", 32);
	u32(w, c, "llama.block_count", 1);
	u32(w, c, "llama.feed_forward_length", 64);
	u32(w, c, "llama.attention.head_count", 4);
	u32(w, c, "llama.attention.head_count_kv", 2);
	if (!left_out(c, "llama.attention.layer_norm_rms_epsilon"))
		ggufw_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
	if (!left_out(c, "tokenizer.ggml.model"))
		ggufw_string(w, "tokenizer.ggml.model", "llama");
	u32(w, c, "tokenizer.ggml.bos_token_id", 1);
	tokens(w, c);
	if (c->key && c->string)
		ggufw_string(w, c->key, c->string);
	else if (c->key)
		ggufw_u32(w, c->key, c->u32);
	tensor(w, c, "token_embd.weight", 32, 300);
	tensor(w, c, "output_norm.weight", 32, 0);
	tensor(w, c, "blk.0.attn_norm.weight", 32, 0);
	tensor(w, c, "blk.0.ffn_norm.weight", 32, 0);
	tensor(w, c, "blk.0.attn_q.weight", 32, 32);
	tensor(w, c, "blk.0.attn_k.weight", 32, 16);
	tensor(w, c, "blk.0.attn_v.weight", 32, 16);
	tensor(w, c, "blk.0.attn_output.weight", 32, 32);
	tensor(w, c, "blk.0.ffn_gate.weight", 32, 64);
	tensor(w, c, "blk.0.ffn_up.weight", 32, 64);
	tensor(w, c, "blk.0.ffn_down.weight", 64, 32);
	if (c->extra)
		ggufw_tensor(w, c->extra, 32, 0, fmt_by_id(FMT_F32));
	assert_int_equal(ggufw_write(w, path, zeros, NULL, &e), 0);
	ggufw_free(w);
	free(w);
}

static int load(const struct change *c, struct err *e)
{
	struct engine *g = need(calloc(1, sizeof(*g)));
	char *path = temporary();
	int rc;

	make(c, path);
	e->text[0] = 0;
	rc = engine_load(g, path, e);
	if (rc)
		says(e, path);
	engine_close(g);
	unlink(path);
	free(path);
	free(g);
	return rc;
}

static void refused(struct change c, const char *want)
{
	struct err e;

	if (!load(&c, &e))
		fail_msg("accepted, want '%s'", want);
	says(&e, want);
}

static struct change with(const char *key, uint32_t v)
{
	struct change c = none;

	c.key = key;
	c.u32 = v;
	return c;
}

static struct change with_text(const char *key, const char *text)
{
	struct change c = none;

	c.key = key;
	c.string = text;
	return c;
}

static struct change with_tensor(const char *name, uint64_t row, uint64_t rows, uint32_t fmt)
{
	struct change c = none;

	c.tensor = name;
	c.row = row;
	c.rows = rows;
	c.fmt = fmt_by_id(fmt);
	return c;
}

static void good(void **state)
{
	struct change c = none;
	struct err e;

	(void)state;
	if (load(&c, &e))
		fail_msg("%s", e.text);
	c = with("llama.expert_count", 0);
	if (load(&c, &e))
		fail_msg("%s", e.text);
}

static void missing(void **state)
{
	static const char *const keys[] = {
		"general.architecture",	       "llama.context_length",
		"llama.embedding_length",      "llama.block_count",
		"llama.feed_forward_length",   "llama.attention.head_count",
		"tokenizer.ggml.model",	       "llama.attention.layer_norm_rms_epsilon",
		"tokenizer.ggml.tokens",       "tokenizer.ggml.scores",
		"tokenizer.ggml.bos_token_id",
	};
	static const char *const tensors[] = {
		"token_embd.weight",	 "output_norm.weight",	     "blk.0.attn_norm.weight",
		"blk.0.ffn_norm.weight", "blk.0.attn_q.weight",	     "blk.0.attn_k.weight",
		"blk.0.attn_v.weight",	 "blk.0.attn_output.weight", "blk.0.ffn_gate.weight",
		"blk.0.ffn_up.weight",	 "blk.0.ffn_down.weight",
	};
	struct change c = none;
	char want[96];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		c.drop = keys[i];
		snprintf(want, sizeof(want), "key '%s' is missing", keys[i]);
		refused(c, want);
	}
	for (i = 0; i < ARRAY_SIZE(tensors); i++) {
		c.drop = tensors[i];
		snprintf(want, sizeof(want), "tensor '%s' is missing", tensors[i]);
		refused(c, want);
	}
}

static void dimensions(void **state)
{
	(void)state;
	refused(with_text("general.architecture", "qwen2"), "'qwen2' is not supported, llama is");
	refused(with("llama.block_count", 0), "key 'llama.block_count': 0, 1 to 512");
	refused(with("llama.block_count", 513), "key 'llama.block_count': 513");
	refused(with("llama.block_count", 2), "tensor 'blk.1.attn_norm.weight' is missing");
	refused(with("llama.embedding_length", UINT32_MAX), "'llama.embedding_length': 4294967295");
	refused(with("llama.context_length", 0), "key 'llama.context_length': 0");
	refused(with("llama.attention.head_count", 3), "3 does not divide the 32");
	refused(with("llama.attention.head_count", 16), "heads of 2 numbers");
	refused(with("llama.attention.head_count_kv", 3), "3 does not divide the 4 heads");
	refused(with("llama.attention.head_count_kv", 1),
		"'blk.0.attn_k.weight': dimensions 32 x 16");
	refused(with("llama.rope.dimension_count", 7), "'llama.rope.dimension_count': 7 is odd");
	refused(with("llama.rope.dimension_count", 16), "16, 1 to 8 are allowed");
	refused(with("llama.attention.key_length", 16), "'llama.attention.key_length': 16 is not");
	refused(with_text("llama.attention.head_count", "4"), "not of type u32");
}

static void others(void **state)
{
	struct change c = none;

	(void)state;
	refused(with("llama.expert_count", 8), "key 'llama.expert_count': 8 is not supported");
	refused(with("llama.attention.sliding_window", 8), "'llama.attention.sliding_window'");
	refused(with_text("llama.rope.scaling.type", "yarn"), "'yarn' is not supported");
	refused(with_text("llama.rope.scaling.type", "linear"),
		"'llama.rope.scaling.factor' is missing");
	c.extra = "blk.0.attn_q.bias";
	refused(c, "tensor 'blk.0.attn_q.bias' is not one of a LLaMA model");
	c.extra = "blk.1.attn_norm.weight";
	refused(c, "tensor 'blk.1.attn_norm.weight' is not one of a LLaMA model of 1 blocks");
	c.extra = "rope_freqs.weight";
	refused(c, "tensor 'rope_freqs.weight': not 4 numbers of F32");
}

static void shapes(void **state)
{
	(void)state;
	refused(with_tensor("blk.0.attn_q.weight", 32, 31, FMT_F32),
		"tensor 'blk.0.attn_q.weight': dimensions 32 x 31, but 32 x 32 are wanted");
	refused(with_tensor("blk.0.ffn_down.weight", 32, 64, FMT_F32),
		"tensor 'blk.0.ffn_down.weight': dimensions 32 x 64, but 64 x 32");
	refused(with_tensor("token_embd.weight", 64, 300, FMT_F32), "dimensions 64 x 300");
	refused(with_tensor("output_norm.weight", 32, 0, FMT_F16),
		"tensor 'output_norm.weight': of format f16, F32 is wanted");
}

static void tokenizers(void **state)
{
	struct change c = none;

	(void)state;
	refused(with_text("tokenizer.ggml.model", "bert"),
		"'bert' is not supported: llama and gpt2");
	refused(with_text("tokenizer.ggml.model", "gpt2"),
		"key 'tokenizer.ggml.merges' is missing");
	refused(with("tokenizer.ggml.bos_token_id", 300), "token 300 of 300");
	refused(with("tokenizer.ggml.eos_token_id", 5000), "token 5000 of 300");
	c.scores = 299;
	refused(c, "key 'tokenizer.ggml.scores': 299 items for 300 tokens");
	c = none;
	c.types = 3;
	refused(c, "key 'tokenizer.ggml.token_type': 3 items for 300 tokens");
	c = none;
	c.bad_type = 9;
	refused(c, "token 7 is of type 9");
	c = none;
	c.tokens = 301;
	refused(c, "has 301 tokens, tensor 'token_embd.weight' 300");
	c.tokens = 0;
	refused(c, "key 'tokenizer.ggml.tokens': 0 of them");
}

static void limits(void **state)
{
	struct device_options o = { .name = ENGINE_REFERENCE, .context = 65 };
	struct engine *g = need(calloc(1, sizeof(*g)));
	char *path = temporary();
	struct err e;

	(void)state;
	make(&none, path);
	assert_int_equal(engine_load(g, path, &e), 0);
	assert_int_equal(engine_start(g, &o, &e), -1);
	says(&e, "65 tokens, but the model's context is 64");
	engine_close(g);
	assert_int_equal(engine_load(g, path, &e), 0);
	o.context = 4;
	assert_int_equal(engine_start(g, &o, &e), 0);
	assert_int_equal(engine_step(g, 300, 0, &e), -1);
	says(&e, "token 300 of 300");
	assert_int_equal(engine_step(g, -1, 0, &e), -1);
	assert_int_equal(engine_step(g, 1, 4, &e), -1);
	says(&e, "position 4 in a context of 4");
	assert_int_equal(engine_step(g, 1, 3, &e), 0);
	engine_close(g);
	unlink(path);
	free(path);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	  cmocka_unit_test(missing), cmocka_unit_test(dimensions),
		cmocka_unit_test(others), cmocka_unit_test(shapes),  cmocka_unit_test(tokenizers),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
