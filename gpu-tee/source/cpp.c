// SPDX-License-Identifier: Apache-2.0
/* The preprocessor's entry. */
#include "cpp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hg_cpp_fail(struct hg_cpp *c, const struct hg_token *at, enum hg_source_code code,
		 const char *fmt, ...)
{
	char what[240];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	hg_pool_fail(&c->pool, code, "%.70s:%u: %s", at->file ? at->file : "<build options>",
		     at->line, what);
}

/* A text that holds directives alone. */
static void read_predefined(struct hg_cpp *c, const char *text)
{
	struct hg_token t;

	hg_cpp_enter(c, text, strlen(text), "<predefined>", NULL);
	hg_cpp_raw(c, &t);
	if (t.kind != HG_END)
		hg_cpp_fail(c, &t, HG_SOURCE_SYNTAX, "'%.*s' is no directive", HG_SHOW(&t));
	hg_cpp_leave(c);
}

static void read_options(struct hg_cpp *c, const struct hg_source_options *o)
{
	struct hg_lexer l;
	struct hg_token *line;
	size_t i, n;

	for (i = 0; i < o->macros; i++) {
		const struct hg_source_macro *m = &o->macro[i];

		hg_lex_open(&c->pool, &l, m->text, strlen(m->text), "<build options>");
		line = hg_cpp_line(c, &l, &n);
		if (!m->undefine)
			hg_cpp_define(c, line);
		else if (n == 1 && line->kind == HG_IDENT)
			hg_macro_undefine(&c->macros, line);
		else
			hg_cpp_fail(c, line, HG_SOURCE_OPTION, "-U %s: not a name", m->text);
	}
}

/* Nothing that was defined before the program is a question. */
static void run(struct hg_cpp *c)
{
	const struct hg_source_input *in = c->in;
	struct hg_token t;

	hg_cpp_builtins(c);
	if (in->predefined)
		read_predefined(c, in->predefined);
	if (in->options)
		read_options(c, in->options);
	memset(&c->asked, 0, sizeof(c->asked));
	c->questions = 0;
	hg_cpp_enter(c, in->text, in->size,
		     hg_cpp_escape(c, in->name ? in->name : "<kernel>"), NULL);
	c->out_empty = true;
	for (;;) {
		hg_cpp_next(c, &t);
		if (t.kind == HG_END)
			break;
		hg_cpp_print(c, &t);
	}
	hg_cpp_leave(c);
	hg_cpp_print_end(c);
}

static void keep(struct hg_cpp *c, struct hg_source_output *out)
{
	size_t i;

	out->text = hg_keep(&c->pool, c->out.data, c->out.size);
	out->size = c->out.size;
	out->question = calloc(c->questions + 1, sizeof(*out->question));
	if (!out->question)
		hg_pool_fail(&c->pool, HG_SOURCE_MEMORY, "no memory for the program's source");
	for (i = 0; i < c->questions; i++) {
		out->question[i] = hg_keep(&c->pool, c->question[i], strlen(c->question[i]));
		out->questions++;
	}
}

int hg_source_preprocess(const struct hg_source_input *in, struct hg_source_output *out,
			 struct hg_source_error *err)
{
	struct hg_cpp *c = calloc(1, sizeof(*c));

	*out = (struct hg_source_output){ 0 };
	if (!c) {
		if (err)
			*err = (struct hg_source_error){ HG_SOURCE_MEMORY,
							 "no memory for the program's source" };
		return -1;
	}
	c->in = in;
	c->limits = in->limits;
	hg_pool_init(&c->pool, in->limits.memory, err);
	if (setjmp(c->pool.failed)) {
		free(c->foreign);
		hg_pool_free(&c->pool);
		free(c);
		hg_source_output_free(out);
		return -1;
	}
	run(c);
	keep(c, out);
	hg_pool_free(&c->pool);
	free(c);
	return 0;
}

void hg_source_output_free(struct hg_source_output *out)
{
	size_t i;

	for (i = 0; i < out->questions; i++)
		free(out->question[i]);
	free(out->question);
	free(out->text);
	*out = (struct hg_source_output){ 0 };
}
