// SPDX-License-Identifier: Apache-2.0
/*
 * The preprocessor, with options and headers out of the input. What comes out has no macro
 * left to expand: put in again, it comes out again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct parts {
	char *options, *predefined, *header, *text; /* exact copies, for ASan */
	size_t header_size, size;
};

/* Up to the next byte 0xff; a string. */
static char *part(const uint8_t **data, size_t *left, size_t *size)
{
	const uint8_t *end = *left ? memchr(*data, 0xff, *left) : NULL;
	size_t n = end ? (size_t)(end - *data) : *left;
	char *copy = malloc(n + 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, *data, n);
	copy[n] = 0;
	*data += n + !!end;
	*left -= n + !!end;
	*size = n;
	return copy;
}

static char *include(void *context, const char *name, bool quoted, size_t *size)
{
	const struct parts *p = context;
	char *copy;

	(void)quoted;
	if (*name != 'h')
		return NULL;
	copy = malloc(p->header_size + 1);
	if (!copy)
		abort();
	memcpy(copy, p->header, p->header_size + 1);
	*size = p->header_size;
	return copy;
}

/* Lines of text: what the driver's lexer sees, whatever #line says. */
static char *without_lines(const char *text)
{
	char *out = malloc(strlen(text) + 1), *o = out;

	if (!out)
		abort();
	for (; *text; text++) {
		if (!strncmp(text, "#line ", 6) && (o == out || o[-1] == '\n'))
			text += strcspn(text, "\n");
		else if (*text != '\n' || (o > out && o[-1] != '\n'))
			*o++ = *text;
		if (!*text)
			break;
	}
	*o = 0;
	return out;
}

/* Not where a trigraph or a splice has come together out of pieces, nor a stray quote. */
static bool settled(const char *text)
{
	return !strstr(text, "??") && !strchr(text, '\\') && !strchr(text, '\'') &&
	       !strchr(text, '"') && !strstr(text, "_Pragma") && !strstr(text, "#pragma") &&
	       !strstr(text, "__");
}

static void again(const struct hg_source_output *out)
{
	struct hg_source_input in = { .text = out->text, .size = out->size };
	struct hg_source_output second;
	struct hg_source_error err;
	char *a = without_lines(out->text), *b;

	/* The name of the file has quotes: only what is without #line can be judged. */
	if (strlen(out->text) == out->size && settled(a)) {
		assert(!hg_source_preprocess(&in, &second, &err));
		b = without_lines(second.text);
		assert(!strcmp(a, b));
		free(b);
		hg_source_output_free(&second);
	}
	free(a);
}

static void probe(const struct hg_source_output *out)
{
	size_t size;
	char *text = hg_source_probe(out->question, out->questions, &size), *answer, *lines;
	struct hg_source_error err;

	assert(text);
	free(text);
	answer = calloc(1, size + 1);
	if (!answer)
		abort();
	lines = hg_source_probe_answer(out->question, out->questions, answer, size, &err);
	assert(lines && !*lines);
	free(lines);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts p;
	size_t n;
	struct hg_source_options o;
	struct hg_source_output out;
	struct hg_source_error err = { 0 };
	struct hg_source_input in = { .options = &o, .include = include, .context = &p,
				      .no_disk = true,
				      .limits = { .memory = 8 << 20, .output = 1 << 20 } };

	p.options = part(&data, &size, &n);
	p.predefined = part(&data, &size, &n);
	p.header = part(&data, &size, &p.header_size);
	p.text = part(&data, &size, &p.size);
	in.text = p.text;
	in.size = p.size;
	in.predefined = p.predefined;
	if (hg_source_options_parse(p.options, &o, &err)) {
		assert(err.code && *err.text);
	} else {
		if (hg_source_preprocess(&in, &out, &err)) {
			assert(err.code && *err.text && !out.text);
		} else {
			assert(out.text[out.size] == 0);
			again(&out);
			probe(&out);
			hg_source_output_free(&out);
		}
		hg_source_options_free(&o);
	}
	free(p.options);
	free(p.predefined);
	free(p.header);
	free(p.text);
	return 0;
}
