// SPDX-License-Identifier: Apache-2.0
/* Lines that start with #. */
#include <stdlib.h>
#include <string.h>

#include "cpp.h"

struct hg_token *hg_cpp_line(struct hg_cpp *c, struct hg_lexer *l, size_t *count)
{
	struct hg_token *list = NULL;
	size_t n = 0, room = 0;

	for (;; n++) {
		list = hg_pool_grow(&c->pool, list, n, &room, sizeof(*list));
		hg_lex(l, &list[n]);
		if (list[n].kind == HG_NEWLINE || list[n].kind == HG_END)
			break;
	}
	list[n].kind = HG_END;
	list[n].text = "";
	list[n].size = 0;
	if (count)
		*count = n;
	return list;
}

/* Tokens as text, with single blanks where there was white space. */
static struct hg_text text_of(struct hg_cpp *c, const struct hg_token *t)
{
	struct hg_text text = { 0 };
	const struct hg_token *last = NULL;

	hg_text_put(&c->pool, &text, "");
	for (; t->kind != HG_END; last = t++) {
		if (last && ((t->flags & HG_SPACE) || hg_would_join(last, t)))
			hg_text_put(&c->pool, &text, " ");
		hg_text_add(&c->pool, &text, t->text, t->size);
	}
	return text;
}

void hg_cpp_pragma(struct hg_cpp *c, const struct hg_token *at, const struct hg_token *list)
{
	struct hg_token *t = hg_pool_get(&c->pool, sizeof(*t)), *whole;
	size_t n = 0, count;
	struct hg_text text;

	while (list[n].kind != HG_END)
		n++;
	/*
	 * A number behind "unroll" may be a macro; the driver would expand it, but it
	 * will not know the macro any more.
	 */
	if (n > 1 && !hg_is_name(list, "OPENCL") && !hg_is_name(list, "STDC")) {
		struct hg_token *rest = hg_cpp_expand(c, list + 1, n - 1, &count);

		whole = hg_pool_get(&c->pool, (count + 2) * sizeof(*whole));
		whole[0] = list[0];
		memcpy(whole + 1, rest, (count + 1) * sizeof(*whole));
		list = whole;
	}
	text = text_of(c, list);
	*t = *at;
	t->kind = HG_PRAGMA;
	t->text = text.data;
	t->size = (uint32_t)text.size;
	hg_cpp_push(c, t, 1);
}

void hg_cpp_pragma_string(struct hg_cpp *c, const struct hg_token *at,
			  const struct hg_token *string)
{
	size_t size = string->size - 2, i, n = 0;
	const char *from = string->text + 1;
	struct hg_lexer l;
	char *text;

	if (string->text[0] == 'L') {
		from++;
		size--;
	}
	text = hg_pool_get(&c->pool, size + 1);
	for (i = 0; i < size; i++) {
		if (from[i] == '\\' && i + 1 < size && (from[i + 1] == '"' || from[i + 1] == '\\'))
			i++;
		text[n++] = from[i];
	}
	hg_lex_open(&c->pool, &l, text, n, at->file);
	hg_cpp_pragma(c, at, hg_cpp_line(c, &l, NULL));
}

void hg_cpp_ask(struct hg_cpp *c, const struct hg_token *name)
{
	if (hg_macro_find(&c->asked, name))
		return;
	hg_macro_new(&c->pool, &c->asked, name);
	c->question = hg_pool_grow(&c->pool, c->question, c->questions, &c->question_room,
				   sizeof(*c->question));
	c->question[c->questions++] = hg_pool_copy(&c->pool, name->text, name->size);
}

static bool is_defined(struct hg_cpp *c, const struct hg_token *at, const struct hg_token *name)
{
	if (name->kind != HG_IDENT)
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "#%.*s needs a name", HG_SHOW(at));
	if (hg_macro_find(&c->macros, name))
		return true;
	hg_cpp_ask(c, name);
	return false;
}

/* The rest of the line decides. @t: if, ifdef, ifndef or elif. */
static bool condition(struct hg_cpp *c, const struct hg_token *t)
{
	struct hg_lexer *l = &c->file->lexer;
	size_t n;
	struct hg_token *list = hg_cpp_line(c, l, &n);

	if (hg_is_name(t, "ifdef"))
		return is_defined(c, t, list);
	if (hg_is_name(t, "ifndef"))
		return !is_defined(c, t, list);
	return hg_cpp_condition(c, t, list, n);
}

static void close_condition(struct hg_cpp *c, const struct hg_token *t)
{
	if (!c->file->condition)
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "#endif without #if");
	c->file->condition = c->file->condition->up;
}

/* #else or #elif: does the group that follows count? */
static bool next_group(struct hg_cpp *c, const struct hg_token *t)
{
	struct hg_condition *cond = c->file->condition;
	bool plain = hg_is_name(t, "else");

	if (!cond)
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "#%.*s without #if", HG_SHOW(t));
	/* cppcheck-suppress nullPointerRedundantCheck ; hg_cpp_fail() does not return */
	if (cond->other)
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "#%.*s behind the #else of line %u",
			    HG_SHOW(t), cond->line);
	cond->other = plain;
	if (plain)
		cond->line = t->line;
	if (cond->taken)
		return false;
	return cond->taken = plain || condition(c, t);
}

static bool starts_condition(const struct hg_token *t)
{
	return hg_is_name(t, "if") || hg_is_name(t, "ifdef") || hg_is_name(t, "ifndef");
}

/* Up to the group that counts, or behind the #endif. */
static void skip_groups(struct hg_cpp *c)
{
	struct hg_lexer *l = &c->file->lexer;
	unsigned int nested = 0;
	struct hg_token t;

	for (;;) {
		hg_lex_skip_line(l);
		hg_lex(l, &t);
		if (t.kind == HG_END)
			hg_cpp_fail(c, &t, HG_SOURCE_SYNTAX, "the #if of line %u has no #endif",
				    c->file->condition->line);
		if (!hg_is(&t, '#'))
			continue;
		hg_lex(l, &t);
		if (starts_condition(&t)) {
			nested++;
		} else if (hg_is_name(&t, "endif")) {
			if (!nested--) {
				close_condition(c, &t);
				hg_lex_skip_line(l);
				return;
			}
		} else if (!nested && (hg_is_name(&t, "else") || hg_is_name(&t, "elif"))) {
			if (next_group(c, &t)) {
				hg_lex_skip_line(l);
				return;
			}
		}
	}
}

static void open_condition(struct hg_cpp *c, const struct hg_token *t)
{
	struct hg_condition *cond = hg_pool_get(&c->pool, sizeof(*cond));

	cond->up = c->file->condition;
	cond->line = t->line;
	c->file->condition = cond;
	cond->taken = condition(c, t);
	if (!cond->taken)
		skip_groups(c);
}

static void line_directive(struct hg_cpp *c, const struct hg_token *at, struct hg_token *list,
			   size_t n)
{
	struct hg_lexer *l = &c->file->lexer;
	unsigned long line = 0;
	uint32_t i;

	if (!(n && list[0].kind == HG_NUMBER))
		list = hg_cpp_expand(c, list, n, &n);
	if (!n || list[0].kind != HG_NUMBER)
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "#line needs a number");
	for (i = 0; i < list[0].size; i++) {
		if (list[0].text[i] < '0' || list[0].text[i] > '9' || line > 214748364ul)
			hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "'%.*s' is not the number of a line",
				    HG_SHOW(list));
		line = 10 * line + (unsigned long)(list[0].text[i] - '0');
	}
	if (list[1].kind != HG_END && (list[1].kind != HG_STRING || list[1].text[0] == 'L'))
		list = hg_cpp_expand(c, list, n, &n);
	if (n > 1 && (list[1].kind != HG_STRING || list[1].text[0] == 'L'))
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "the name of a file in #line is a string");
	l->line = (uint32_t)line;
	if (n > 1)
		l->file = hg_pool_copy(&c->pool, list[1].text + 1, list[1].size - 2);
}

static void include_directive(struct hg_cpp *c, const struct hg_token *at)
{
	struct hg_lexer *l = &c->file->lexer;
	struct hg_token header, *list;
	struct hg_text text = { 0 };
	size_t n;

	if (c->collecting)
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "#include inside the arguments of a macro");
	if (hg_lex_header(l, &header)) {
		hg_lex_skip_line(l);
		hg_text_add(&c->pool, &text, header.text, header.size);
	} else {
		list = hg_cpp_line(c, l, &n);
		list = hg_cpp_expand(c, list, n, &n);
		if (n && list[0].kind == HG_STRING)
			list[1].kind = HG_END;
		else if (!n || !hg_is(&list[0], '<') || !hg_is(&list[n - 1], '>'))
			hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "#include needs \"FILE\" or <FILE>");
		text = text_of(c, list);
	}
	if (text.size < 3)
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "#include with an empty name");
	hg_cpp_include(c, at, hg_pool_copy(&c->pool, text.data + 1, text.size - 2),
		       text.data[0] == '"');
}

static void pragma_directive(struct hg_cpp *c, const struct hg_token *at)
{
	struct hg_token *list = hg_cpp_line(c, &c->file->lexer, NULL);

	if (hg_is_name(list, "once")) {
		struct hg_once *once = hg_pool_get(&c->pool, sizeof(*once));

		once->name = c->file->name;
		once->next = c->once;
		c->once = once;
		return;
	}
	hg_cpp_pragma(c, at, list);
}

static void undef(struct hg_cpp *c, const struct hg_token *at)
{
	struct hg_token *list = hg_cpp_line(c, &c->file->lexer, NULL);

	if (list->kind != HG_IDENT)
		hg_cpp_fail(c, at, HG_SOURCE_SYNTAX, "#undef needs a name");
	hg_macro_undefine(&c->macros, list);
}

static void obey(struct hg_cpp *c, const struct hg_token *t)
{
	struct hg_lexer *l = &c->file->lexer;
	struct hg_token *list;
	size_t n;

	if (starts_condition(t)) {
		open_condition(c, t);
	} else if (hg_is_name(t, "elif") || hg_is_name(t, "else")) {
		/* The group before counted, so this one does not. */
		if (c->file->condition)
			c->file->condition->taken = true;
		next_group(c, t);
		skip_groups(c);
	} else if (hg_is_name(t, "endif")) {
		close_condition(c, t);
		hg_lex_skip_line(l);
	} else if (hg_is_name(t, "define")) {
		hg_cpp_define(c, hg_cpp_line(c, l, NULL));
	} else if (hg_is_name(t, "undef")) {
		undef(c, t);
	} else if (hg_is_name(t, "include")) {
		include_directive(c, t);
	} else if (hg_is_name(t, "pragma")) {
		pragma_directive(c, t);
	} else if (hg_is_name(t, "line") || t->kind == HG_NUMBER) {
		list = hg_cpp_line(c, l, &n);
		if (t->kind == HG_NUMBER) {
			struct hg_token *more = hg_pool_get(&c->pool, (n + 2) * sizeof(*more));

			more[0] = *t;
			memcpy(more + 1, list, (n + 1) * sizeof(*more));
			list = more;
			n++;
		}
		line_directive(c, t, list, n);
	} else if (hg_is_name(t, "error")) {
		hg_cpp_fail(c, t, HG_SOURCE_STOP, "#error %s",
			    text_of(c, hg_cpp_line(c, l, NULL)).data);
	} else if (hg_is_name(t, "warning") || hg_is_name(t, "ident")) {
		hg_lex_skip_line(l);
	} else {
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "there is no directive #%.*s", HG_SHOW(t));
	}
}

void hg_cpp_directive(struct hg_cpp *c)
{
	struct hg_token t;

	hg_lex(&c->file->lexer, &t);
	if (t.kind != HG_NEWLINE && t.kind != HG_END)
		obey(c, &t);
}

void hg_cpp_leave(struct hg_cpp *c)
{
	if (c->file->condition) {
		struct hg_token at = { .file = c->file->lexer.file,
				       .line = c->file->condition->line };

		hg_cpp_fail(c, &at, HG_SOURCE_SYNTAX, "this #if has no #endif");
	}
	c->file = c->file->up;
	c->files--;
}
