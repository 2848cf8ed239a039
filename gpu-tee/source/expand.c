// SPDX-License-Identifier: Apache-2.0
/*
 * Reading tokens through the stack of expansions. A macro is busy while its
 * replacement is on the stack; its name, met meanwhile, is painted blue and stays
 * so. That is the rule of hide sets, in the reading that all common compilers
 * have where the standard leaves a choice.
 */
#include <stdio.h>
#include <string.h>

#include "cpp.h"

#define DEPTH 400u

static void push(struct hg_cpp *c, const struct hg_token *token, size_t count,
		 struct hg_macro *macro, bool wall)
{
	struct hg_context *x = c->spare;

	if (x)
		c->spare = x->up;
	else
		x = hg_pool_get(&c->pool, sizeof(*x));
	*x = (struct hg_context){ c->context, token, count, 0, macro, wall };
	c->context = x;
	if (macro)
		macro->busy++;
}

void hg_cpp_push(struct hg_cpp *c, const struct hg_token *token, size_t count)
{
	push(c, token, count, NULL, false);
}

static void pop(struct hg_cpp *c)
{
	struct hg_context *x = c->context;

	if (x->macro)
		x->macro->busy--;
	c->context = x->up;
	x->up = c->spare;
	c->spare = x;
}

/* From the file: -> false at the end of all of it. */
static bool read_file(struct hg_cpp *c, struct hg_token *t)
{
	for (;;) {
		hg_lex(&c->file->lexer, t);
		if (t->kind == HG_NEWLINE)
			continue;
		if (t->kind == HG_END) {
			if (c->collecting || !c->file->up)
				return false;
			hg_cpp_leave(c);
		} else if (hg_is(t, '#') && (t->flags & HG_FIRST)) {
			struct hg_context *before = c->context;

			hg_cpp_directive(c);
			if (c->context != before) /* a #pragma */
				return false;
		} else {
			return true;
		}
	}
}

void hg_cpp_raw(struct hg_cpp *c, struct hg_token *t)
{
	for (;;) {
		struct hg_context *x = c->context;

		if (!x) {
			if (read_file(c, t) || !c->context)
				return;
		} else if (x->next < x->count) {
			*t = x->token[x->next++];
			return;
		} else if (x->wall) {
			*t = (struct hg_token){ .kind = HG_END, .text = "" };
			return;
		} else {
			pop(c);
		}
	}
}

static bool paren_follows(const struct hg_cpp *c)
{
	const struct hg_context *x;

	for (x = c->context; x; x = x->up) {
		if (x->next < x->count)
			return hg_is(&x->token[x->next], '(');
		if (x->wall)
			return false;
	}
	return hg_lex_paren_follows(&c->file->lexer);
}

struct call {
	struct hg_arg *arg;
	unsigned int args, room;
	bool elided;
};

static void paint(const struct hg_cpp *c, struct hg_token *t)
{
	const struct hg_macro *m = t->kind == HG_IDENT ? hg_macro_find(&c->macros, t) : NULL;

	if (m && m->busy)
		t->flags |= HG_BLUE;
}

static struct hg_token *one_argument(struct hg_cpp *c, const struct hg_token *name, bool rest,
				     size_t *count, bool *last)
{
	struct hg_token *list = NULL, t;
	size_t n = 0, room = 0;
	unsigned int open = 0;

	for (;;) {
		hg_cpp_raw(c, &t);
		if (t.kind == HG_END)
			hg_cpp_fail(c, name, HG_SOURCE_SYNTAX,
				    "the call of macro %.*s has no ')'", HG_SHOW(name));
		if (!open && (hg_is(&t, ')') || (!rest && hg_is(&t, ','))))
			break;
		open += hg_is(&t, '(') ? 1 : 0;
		open -= hg_is(&t, ')') ? 1 : 0;
		list = hg_pool_grow(&c->pool, list, n, &room, sizeof(t));
		/* Reading on may end the expansion that forbids this name: it stays forbidden. */
		paint(c, &t);
		list[n++] = t;
	}
	*last = hg_is(&t, ')');
	*count = n;
	if (t.flags & HG_RAW)
		c->call_line = t.line;
	return list;
}

/* The arguments, as many as there are parameters. */
static void collect(struct hg_cpp *c, const struct hg_macro *m, const struct hg_token *name,
		    struct call *call)
{
	bool last = false;
	unsigned int n = 0, args = m->params;
	struct hg_token t;

	call->arg = hg_pool_get(&c->pool, (args + 1) * sizeof(*call->arg));
	c->collecting++;
	hg_cpp_raw(c, &t); /* ( */
	for (; !last; n++) {
		struct hg_arg a = { 0 };
		bool rest = m->variadic && n + 1 == args;

		a.token = one_argument(c, name, rest, &a.count, &last);
		if (n < args)
			call->arg[n] = a;
		else if (n || a.count || !last)
			hg_cpp_fail(c, name, HG_SOURCE_SYNTAX,
				    "macro %.*s takes %u arguments, and gets more", HG_SHOW(name),
				    args);
	}
	c->collecting--;
	call->elided = m->variadic && n + 1 == args;
	if (n < args && !call->elided)
		hg_cpp_fail(c, name, HG_SOURCE_SYNTAX, "macro %.*s takes %u arguments, and gets %u",
			    HG_SHOW(name), args, n);
}

static void put_text(struct hg_cpp *c, const struct hg_token *name, enum hg_kind kind,
		     const char *text)
{
	struct hg_token *t = hg_pool_get(&c->pool, sizeof(*t));

	*t = *name;
	t->text = hg_pool_copy(&c->pool, text, strlen(text));
	t->size = (uint32_t)strlen(text);
	t->kind = (uint8_t)kind;
	hg_cpp_push(c, t, 1);
}

/* _Pragma ( "..." ) */
static void pragma_operator(struct hg_cpp *c, const struct hg_token *name)
{
	struct hg_token open, text, close;

	if (!paren_follows(c))
		hg_cpp_fail(c, name, HG_SOURCE_SYNTAX, "_Pragma takes a string in parentheses");
	hg_cpp_raw(c, &open);
	hg_cpp_raw(c, &text);
	hg_cpp_raw(c, &close);
	if (text.kind != HG_STRING || !hg_is(&close, ')'))
		hg_cpp_fail(c, name, HG_SOURCE_SYNTAX, "_Pragma takes a string in parentheses");
	hg_cpp_pragma_string(c, name, &text);
}

static void builtin(struct hg_cpp *c, const struct hg_macro *m, const struct hg_token *name)
{
	struct hg_text text = { 0 };

	switch (m->builtin) {
	case HG_BUILTIN_LINE:
		hg_text_format(&c->pool, &text, "%u",
			       name->flags & HG_RAW ? name->line : c->call_line);
		break;
	case HG_BUILTIN_FILE:
		hg_text_format(&c->pool, &text, "\"%s\"", c->file->lexer.file);
		put_text(c, name, HG_STRING, text.data);
		return;
	case HG_BUILTIN_COUNTER:
		hg_text_format(&c->pool, &text, "%u", c->counter++);
		break;
	case HG_BUILTIN_LEVEL:
		hg_text_format(&c->pool, &text, "%u", c->files - 1);
		break;
	default:
		pragma_operator(c, name);
		return;
	}
	put_text(c, name, HG_NUMBER, text.data);
}

/* -> false: the name stays as it is. */
static bool expand_name(struct hg_cpp *c, struct hg_token *t)
{
	struct hg_macro *m = hg_macro_find(&c->macros, t);
	struct call call = { 0 };
	struct hg_token *body;
	size_t count;

	if (!m)
		return false;
	if (m->busy) {
		t->flags |= HG_BLUE;
		return false;
	}
	if (m->builtin) {
		builtin(c, m, t);
		return true;
	}
	if (m->function && !paren_follows(c))
		return false;
	if (c->depth++ >= (c->limits.depth ? c->limits.depth : DEPTH))
		hg_cpp_fail(c, t, HG_SOURCE_LIMIT, "macro calls are nested more than %u deep",
			    c->depth - 1);
	if (t->flags & HG_RAW)
		c->call_line = t->line;
	if (m->function)
		collect(c, m, t, &call);
	body = hg_cpp_substitute(c, m, t, call.arg, call.elided, &count);
	c->depth--;
	push(c, body, count, m, false);
	return true;
}

void hg_cpp_next(struct hg_cpp *c, struct hg_token *t)
{
	uint8_t space = 0;

	for (;;) {
		hg_cpp_raw(c, t);
		t->flags |= space;
		if (t->kind != HG_IDENT || (t->flags & HG_BLUE) || !expand_name(c, t))
			return;
		/* An empty expansion leaves its white space to what follows. */
		space = t->flags & (HG_SPACE | HG_FIRST) ? HG_SPACE : 0;
		if (c->context && c->context->next < c->context->count)
			space = 0;
	}
}

/* In a condition: what "defined" asks about is not expanded. */
static void add_operand(struct hg_cpp *c, struct hg_token **list, size_t *used, size_t *room)
{
	struct hg_token t;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		*list = hg_pool_grow(&c->pool, *list, *used, room, sizeof(t));
		hg_cpp_raw(c, &t);
		if (t.kind == HG_END)
			return;
		(*list)[(*used)++] = t;
		if (!hg_is(&t, '('))
			return;
	}
}

struct hg_token *hg_cpp_expand(struct hg_cpp *c, const struct hg_token *list, size_t n,
			       size_t *count)
{
	struct hg_token *out = NULL;
	size_t used = 0, room = 0;
	unsigned int collecting = c->collecting;
	uint32_t call_line = c->call_line;

	push(c, list, n, NULL, true);
	c->collecting = 0;
	for (;;) {
		out = hg_pool_grow(&c->pool, out, used, &room, sizeof(*out));
		hg_cpp_next(c, &out[used]);
		if (out[used].kind == HG_END)
			break;
		if (hg_is_name(&out[used++], "defined") && c->in_condition)
			add_operand(c, &out, &used, &room);
	}
	c->collecting = collecting;
	c->call_line = call_line;
	pop(c);
	*count = used;
	return out;
}
