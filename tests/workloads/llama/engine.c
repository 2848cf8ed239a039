// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <string.h>

int engine_load(struct engine *g, const char *path, struct err *e)
{
	struct err why;

	memset(g, 0, sizeof(*g));
	if (model_open(&g->model, path, e))
		return -1;
	if (vocab_load(&g->vocab, &g->model.file, &why)) {
		engine_close(g);
		return refuse(e, "%s: %s", path, why.text);
	}
	if (g->vocab.count > g->model.vocab) {
		uint32_t tokens = g->vocab.count, rows = g->model.vocab;

		engine_close(g);
		return refuse(
			e,
			"%s: key 'tokenizer.ggml.tokens' has %u tokens, tensor 'token_embd.weight' %u",
			path, tokens, rows);
	}
	return 0;
}

int engine_start(struct engine *g, const struct device_options *o, struct err *e)
{
	if (o->context > g->model.context)
		return refuse(e, "%u tokens, but the model's context is %u", o->context,
			      g->model.context);
	g->logits = malloc(g->model.vocab * sizeof(*g->logits));
	if (!g->logits)
		return refuse(e, "out of memory for %u logits", g->model.vocab);
	if (o->name && !strcmp(o->name, ENGINE_REFERENCE)) {
		if (o->threads || o->lanes)
			return refuse(e, "--threads and --lanes: the reference has none");
		return ref_init(&g->ref, &g->model, o->context, e);
	}
	return device_open(&g->device, &g->model, o, e);
}

void engine_close(struct engine *g)
{
	device_close(g->device);
	ref_free(&g->ref);
	vocab_free(&g->vocab);
	model_close(&g->model);
	free(g->logits);
	memset(g, 0, sizeof(*g));
}

int engine_step(struct engine *g, int32_t token, uint32_t pos, struct err *e)
{
	if (g->device)
		return device_step(g->device, (uint32_t)token, pos, e);
	if (token < 0 || (uint32_t)token >= g->model.vocab)
		return refuse(e, "token %d of %u", token, g->model.vocab);
	if (pos >= g->ref.context)
		return refuse(e, "position %u in a context of %u", pos, g->ref.context);
	ref_step(&g->ref, (uint32_t)token, pos);
	return 0;
}

int engine_best(struct engine *g, int32_t *token, struct err *e)
{
	if (g->device)
		return device_best(g->device, token, e);
	*token = ref_argmax(g->ref.logits, g->model.vocab);
	return *token < 0 ? refuse(e, "the logits are no numbers") : 0;
}

int engine_logits(struct engine *g, struct err *e)
{
	if (g->device)
		return device_logits(g->device, g->logits, e);
	memcpy(g->logits, g->ref.logits, g->model.vocab * sizeof(*g->logits));
	return 0;
}
