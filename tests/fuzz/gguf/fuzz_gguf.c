// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a model. What is accepted must hold what its loaders promise: every
 * byte of every tensor can be read, every token decoded, and a step of the model stays
 * within its memory.
 */
#include <assert.h>
#include <string.h>

#include "ref.h"
#include "token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COST (1u << 20) /* numbers; a step of a greater model is too slow here */

static void walk_tensors(const struct gguf *g)
{
	uint8_t ends[2];
	size_t i;

	for (i = 0; i < g->tensors; i++) {
		const struct gguf_tensor *t = &g->tensor[i];

		assert(t->size && t->size <= g->size);
		memcpy(&ends[0], t->data, 1);
		memcpy(&ends[1], t->data + t->size - 1, 1);
		assert(ends[0] + ends[1] <= 510);
		assert(gguf_tensor(g, "token_embd.weight") != t ||
		       gguf_is(t->name, "token_embd.weight"));
	}
}

static void speak(const struct gguf *g)
{
	static const char *const texts[] = { "", "a",
					     "Hello  world, it's 12345!\n\n \xc3\xa4\xff" };
	struct err e = { "" };
	struct vocab v;
	char buf[64];
	size_t i, k;

	if (vocab_load(&v, g, &e)) {
		assert(*e.text);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		int32_t *token;
		size_t count;

		if (vocab_encode(&v, texts[i], &token, &count, &e))
			continue;
		for (k = 0; k < count; k++)
			assert(token[k] >= 0 && (uint32_t)token[k] < v.count);
		free(token);
	}
	for (i = 0; i < v.count; i++)
		assert(vocab_decode(&v, (int32_t)i, i & 1, buf, sizeof(buf)) <= sizeof(buf));
	vocab_free(&v);
}

/* Takes the file along. */
static void compute(const struct gguf *g)
{
	struct model *m = malloc(sizeof(*m));
	struct err e = { "" };
	struct ref r;

	if (model_init(m, g, &e)) {
		assert(*e.text);
		free(m);
		return;
	}
	assert(m->bytes);
	if (m->bytes < COST && (uint64_t)m->dim * m->layers < COST && !ref_init(&r, m, 2, &e)) {
		ref_step(&r, 0, 0);
		ref_step(&r, m->vocab - 1, 1);
		assert(ref_argmax(r.logits, m->vocab) < (int32_t)m->vocab);
		ref_free(&r);
	}
	model_close(m);
	free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct err e = { "" };
	struct gguf g;

	/* An exact copy, for ASan. */
	memcpy(copy, data, size);
	if (gguf_parse(&g, copy, size, &e)) {
		assert(*e.text && !g.kv && !g.tensor);
	} else {
		walk_tensors(&g);
		speak(&g);
		compute(&g);
	}
	free(copy);
	return 0;
}
