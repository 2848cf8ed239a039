// SPDX-License-Identifier: Apache-2.0
/*
 * The tokens as text again. Lines stay where they were, with #line where they
 * move, so that what the driver says names the application's files and lines.
 */
#include <string.h>

#include "cpp.h"

#define OUTPUT	  ((size_t)64 << 20)
#define GAP	  8u /* lines that are left empty rather than told by #line */

static void put(struct hg_cpp *c, const char *text, size_t size)
{
	size_t limit = c->limits.output ? c->limits.output : OUTPUT;

	if (size > limit || c->out.size > limit - size)
		hg_pool_fail(&c->pool, HG_SOURCE_LIMIT,
			     "the preprocessed program has more than %zu bytes", limit);
	hg_text_add(&c->pool, &c->out, text, size);
}

static void end_line(struct hg_cpp *c)
{
	if (c->out_empty)
		return;
	put(c, "\n", 1);
	c->out_line++;
	c->out_empty = true;
}

static void move_to(struct hg_cpp *c, const char *file, uint32_t line)
{
	bool same = c->out_file && (c->out_file == file || !strcmp(c->out_file, file));
	struct hg_text marker = { 0 };

	end_line(c);
	if (!same || line < c->out_line || line - c->out_line > GAP) {
		hg_text_format(&c->pool, &marker, "#line %u \"%s\"\n", line, file);
		put(c, marker.data, marker.size);
	} else {
		for (; c->out_line < line; c->out_line++)
			put(c, "\n", 1);
	}
	c->out_file = file;
	c->out_line = line;
}

static void print_pragma(struct hg_cpp *c, const struct hg_token *t)
{
	move_to(c, t->file, t->line);
	put(c, "#pragma ", 8);
	put(c, t->text, t->size);
	c->out_empty = false;
	end_line(c);
}

void hg_cpp_print(struct hg_cpp *c, const struct hg_token *t)
{
	bool same = c->out_file && (c->out_file == t->file || !strcmp(c->out_file, t->file));

	if (t->kind == HG_PRAGMA) {
		print_pragma(c, t);
		return;
	}
	if (!same || t->line != c->out_line)
		move_to(c, t->file, t->line);
	if (c->out_empty && hg_is(t, '#'))
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "a '#' out of a macro starts a line");
	if (!c->out_empty && ((t->flags & HG_SPACE) || hg_would_join(&c->last, t)))
		put(c, " ", 1);
	put(c, t->text, t->size);
	c->out_empty = false;
	c->last = *t;
}

void hg_cpp_print_end(struct hg_cpp *c)
{
	end_line(c);
	put(c, "", 0);
}
