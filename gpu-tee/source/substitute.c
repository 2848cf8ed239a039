// SPDX-License-Identifier: Apache-2.0
/* Arguments go into a macro's replacement: #, ## and expanded arguments. */
#include <string.h>

#include "cpp.h"

struct list {
	struct hg_token *token;
	size_t count, room;
};

static void add(struct hg_cpp *c, struct list *l, const struct hg_token *t)
{
	l->token = hg_pool_grow(&c->pool, l->token, l->count, &l->room, sizeof(*t));
	l->token[l->count++] = *t;
}

static void add_place(struct hg_cpp *c, struct list *l, uint8_t space)
{
	struct hg_token place = { .kind = HG_PLACE, .text = "", .flags = space };

	add(c, l, &place);
}

/* # before a parameter. */
static struct hg_token quote(struct hg_cpp *c, const struct hg_arg *arg, const struct hg_token *at)
{
	struct hg_text text = { 0 };
	size_t i, k;

	hg_text_put(&c->pool, &text, "\"");
	for (i = 0; i < arg->count; i++) {
		const struct hg_token *t = &arg->token[i];
		bool escape = t->kind == HG_STRING || t->kind == HG_CHAR || t->kind == HG_OTHER;

		if (i && (t->flags & (HG_SPACE | HG_FIRST)))
			hg_text_put(&c->pool, &text, " ");
		for (k = 0; k < t->size; k++) {
			if (escape && (t->text[k] == '"' || (t->text[k] == '\\' && t->size > 1)))
				hg_text_put(&c->pool, &text, "\\");
			hg_text_add(&c->pool, &text, t->text + k, 1);
		}
	}
	/* A lone backslash at the end would take the quote away: compilers leave it out. */
	for (i = text.size; i > 1 && text.data[i - 1] == '\\'; i--)
		;
	text.size -= (text.size - i) % 2;
	hg_text_put(&c->pool, &text, "\"");
	return (struct hg_token){ .text = text.data, .size = (uint32_t)text.size, .file = at->file,
				  .line = at->line, .kind = HG_STRING,
				  .flags = at->flags & HG_SPACE };
}

/* left ## right, into @left. */
static void paste(struct hg_cpp *c, struct hg_token *left, const struct hg_token *right,
		  const struct hg_token *name)
{
	struct hg_lexer l;
	struct hg_token made, more;
	uint8_t space = left->flags & HG_SPACE;
	size_t size = (size_t)left->size + right->size;
	char *text;

	if (left->kind == HG_PLACE) {
		*left = *right;
	} else if (right->kind != HG_PLACE) {
		text = hg_pool_get(&c->pool, size + 1);
		memcpy(text, left->text, left->size);
		memcpy(text + left->size, right->text, right->size);
		hg_lex_open(&c->pool, &l, text, size, name->file);
		hg_lex(&l, &made);
		hg_lex(&l, &more);
		if (made.size != size || more.kind != HG_END || made.kind == HG_OTHER)
			hg_cpp_fail(c, name, HG_SOURCE_SYNTAX,
				    "in macro %.*s: '%.*s' ## '%.*s' is no token", HG_SHOW(name),
				    HG_SHOW(left), HG_SHOW(right));
		made.line = left->line;
		made.flags = 0;
		*left = made;
	}
	left->flags = (uint8_t)((left->flags & ~HG_SPACE) | space);
}

static void need_expanded(struct hg_cpp *c, struct hg_arg *arg)
{
	if (!arg->expanded)
		arg->expanded = hg_cpp_expand(c, arg->token, arg->count, &arg->expanded_count);
}

/* The argument's tokens; the first takes the parameter's white space. */
static void add_all(struct hg_cpp *c, struct list *l, const struct hg_token *t, size_t n,
		    uint8_t space)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct hg_token copy = t[i];

		if (copy.flags & HG_FIRST)
			copy.flags |= HG_SPACE;
		copy.flags &= (uint8_t)~(HG_RAW | HG_FIRST);
		if (!i)
			copy.flags = (uint8_t)((copy.flags & ~HG_SPACE) | space);
		add(c, l, &copy);
	}
}

/* ", ## __VA_ARGS__": -> true when it was one, and has been dealt with. */
static bool comma_paste(struct hg_cpp *c, const struct hg_macro *m, size_t i,
			const struct hg_arg *arg, bool elided, struct list *l)
{
	const struct hg_token *t = &m->body[i];
	struct hg_token *last = l->count ? &l->token[l->count - 1] : NULL;

	if (!m->variadic || t->index != m->params - 1 || i < 2 || !hg_is(&m->body[i - 2], ',') ||
	    !last || !hg_is(last, ','))
		return false;
	if (elided && m->params > 1)
		*last = (struct hg_token){ .kind = HG_PLACE, .text = "",
					   .flags = last->flags & HG_SPACE };
	else
		add_all(c, l, arg->token, arg->count,
			arg->count && (arg->token[0].flags & (HG_SPACE | HG_FIRST)) ? HG_SPACE : 0);
	return true;
}

static void add_param(struct hg_cpp *c, const struct hg_macro *m, const struct hg_token *name,
		      size_t i, struct hg_arg *arg, bool elided, struct list *l)
{
	const struct hg_token *t = &m->body[i];
	bool before = i && m->body[i - 1].kind == HG_PASTE;
	bool after = i + 1 < m->count && m->body[i + 1].kind == HG_PASTE;
	uint8_t space = t->flags & HG_SPACE;
	struct hg_token first;

	if (!before && !after) {
		need_expanded(c, arg);
		if (!arg->expanded_count)
			add_place(c, l, space);
		add_all(c, l, arg->expanded, arg->expanded_count, space);
		return;
	}
	if (before && comma_paste(c, m, i, arg, elided, l))
		return;
	if (!before) {
		if (!arg->count)
			add_place(c, l, space);
		add_all(c, l, arg->token, arg->count, space);
		return;
	}
	first = arg->count ? arg->token[0] : (struct hg_token){ .kind = HG_PLACE, .text = "" };
	first.flags &= (uint8_t)~(HG_RAW | HG_FIRST);
	paste(c, &l->token[l->count - 1], &first, name);
	if (arg->count > 1)
		add_all(c, l, arg->token + 1, arg->count - 1,
			arg->token[1].flags & (HG_SPACE | HG_FIRST) ? HG_SPACE : 0);
}

/* Placemarkers go; white space before them passes on to the next token. */
static void finish(struct list *l, const struct hg_token *name)
{
	size_t i, n = 0;
	uint8_t space = 0;

	for (i = 0; i < l->count; i++) {
		struct hg_token *t = &l->token[i];

		t->flags |= space;
		space = t->kind == HG_PLACE ? t->flags & HG_SPACE : 0;
		if (t->kind == HG_PLACE)
			continue;
		t->line = name->line;
		t->file = name->file;
		l->token[n++] = *t;
	}
	l->count = n;
	if (n)
		l->token[0].flags = (uint8_t)((l->token[0].flags & ~(HG_SPACE | HG_FIRST)) |
					      (name->flags & (HG_SPACE | HG_FIRST)));
}

struct hg_token *hg_cpp_substitute(struct hg_cpp *c, const struct hg_macro *m,
				   const struct hg_token *name, struct hg_arg *arg, bool elided,
				   size_t *count)
{
	struct list l = { 0 };
	struct hg_token t;
	size_t i;

	for (i = 0; i < m->count; i++) {
		t = m->body[i];
		if (t.kind == HG_PASTE)
			continue;
		if ((t.flags & HG_PARAM) && !(t.flags & HG_QUOTE)) {
			add_param(c, m, name, i, &arg[t.index], elided, &l);
			continue;
		}
		if (t.flags & HG_QUOTE)
			t = quote(c, &arg[t.index], &t);
		if (i && m->body[i - 1].kind == HG_PASTE)
			paste(c, &l.token[l.count - 1], &t, name);
		else
			add(c, &l, &t);
	}
	finish(&l, name);
	*count = l.count;
	return l.token;
}
