// SPDX-License-Identifier: Apache-2.0
/*
 * The rewriter on any text. Lines keep their numbers; what has no kernel, or only kernels
 * that are left alone, stays as it is; what was rewritten has names that are not taken again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lines(const char *text, size_t size)
{
	size_t n = 0;

	while (size--)
		n += *text++ == '\n';
	return n;
}

/* A text that the lexer takes as it is. */
static bool simple(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (text[i] == '\\' || text[i] == '\r' || text[i] == '?')
			return false;
	return true;
}

static void check(const char *text, size_t size, const struct hg_source_program *p)
{
	static const char mark[] = "#line 1 \"<kernel>\"\n";
	const char *body = p->text;
	struct hg_source_program again;
	bool changed = false;
	size_t i, k;

	for (i = 0; i < p->kernels; i++) {
		const struct hg_source_kernel *kern = &p->kernel[i];

		changed |= !kern->refused;
		assert(*kern->name && kern->number == i && (!kern->refused || !kern->params));
		for (k = 0; k < kern->params; k++)
			assert(kern->param[k].type && kern->param[k].name);
	}
	if (!simple(text, size))
		return;
	if (!changed) {
		assert(p->size == size && !memcmp(p->text, text, size));
		return;
	}
	assert(!memcmp(p->text, hg_source_prelude, strlen(hg_source_prelude)));
	body += strlen(hg_source_prelude);
	assert(!strncmp(body, mark, strlen(mark)));
	body += strlen(mark);
	assert(lines(body, p->size - (size_t)(body - p->text)) == lines(text, size));
	assert(hg_source_rewrite(p->text, p->size, 1, NULL, &again, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hg_source_limits limits = { .memory = 64 << 20 };
	struct hg_source_program p;
	struct hg_source_error err = { 0 };
	char *text = malloc(size + !size);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	if (hg_source_rewrite(text, size, 1, &limits, &p, &err)) {
		assert(err.code && *err.text && !p.text);
	} else {
		check(text, size, &p);
		hg_source_program_free(&p);
	}
	free(text);
	return 0;
}
