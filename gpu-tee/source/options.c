// SPDX-License-Identifier: Apache-2.0
/* Build options: what concerns the preprocessor is taken out. */
#include <stdlib.h>
#include <string.h>

#include "pool.h"

struct parse {
	struct hg_pool pool;
	struct hg_source_options *o;
	const char *at;
	struct hg_text rest;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct parse *p)
{
	while (is_blank(*p->at))
		p->at++;
}

/* One option without its quotes; p->at goes behind it. */
static char *word(struct parse *p)
{
	struct hg_text w = { 0 };
	const char *from = p->at;
	char quote = 0;

	hg_text_put(&p->pool, &w, "");
	for (; *p->at && (quote || !is_blank(*p->at)); p->at++) {
		char c = *p->at, next = p->at[1];

		if (c == quote) {
			quote = 0;
			continue;
		}
		if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (c == '\\' && quote != '\'' &&
		    (next == '"' || next == '\'' || next == '\\' || is_blank(next)))
			p->at++;
		hg_text_add(&p->pool, &w, p->at, 1);
	}
	if (quote)
		hg_pool_fail(&p->pool, HG_SOURCE_OPTION,
			     "build options: the %c of '%.80s' is not closed", quote, from);
	return w.data;
}

/* The value of -X: in the same word, or the next one. */
static const char *value(struct parse *p, const char *w)
{
	if (w[2])
		return w + 2;
	skip_blanks(p);
	if (!*p->at)
		hg_pool_fail(&p->pool, HG_SOURCE_OPTION, "build options: %.2s needs a value", w);
	return word(p);
}

static void *one_more(struct parse *p, void *array, size_t count, size_t size)
{
	void *grown = realloc(array, (count + 1) * size);

	if (!grown)
		hg_pool_fail(&p->pool, HG_SOURCE_MEMORY, "no memory for the build options");
	return grown;
}

/* "NAME=VALUE" as after #define; a lone name has the value 1. */
static void add_macro(struct parse *p, const char *text, bool undefine)
{
	struct hg_source_options *o = p->o;
	const char *equals = strchr(text, '=');
	struct hg_text t = { 0 };
	char *kept;

	hg_text_add(&p->pool, &t, text, equals ? (size_t)(equals - text) : strlen(text));
	if (!undefine) {
		hg_text_put(&p->pool, &t, " ");
		hg_text_put(&p->pool, &t, equals ? equals + 1 : "1");
	}
	o->macro = one_more(p, o->macro, o->macros, sizeof(*o->macro));
	kept = hg_keep(&p->pool, t.data, t.size);
	o->macro[o->macros++] = (struct hg_source_macro){ kept, undefine };
}

static void add_dir(struct parse *p, const char *dir)
{
	struct hg_source_options *o = p->o;

	o->dir = one_more(p, o->dir, o->dirs, sizeof(*o->dir));
	o->dir[o->dirs] = hg_keep(&p->pool, dir, strlen(dir));
	o->dirs++;
}

static void parse(struct parse *p)
{
	hg_text_put(&p->pool, &p->rest, "");
	for (skip_blanks(p); *p->at; skip_blanks(p)) {
		const char *from = p->at, *w = word(p);

		if (!strncmp(w, "-D", 2) || !strncmp(w, "-U", 2)) {
			add_macro(p, value(p, w), w[1] == 'U');
		} else if (!strncmp(w, "-I", 2)) {
			add_dir(p, value(p, w));
		} else {
			if (p->rest.size)
				hg_text_put(&p->pool, &p->rest, " ");
			hg_text_add(&p->pool, &p->rest, from, (size_t)(p->at - from));
		}
	}
	p->o->rest = hg_keep(&p->pool, p->rest.data, p->rest.size);
}

int hg_source_options_parse(const char *text, struct hg_source_options *o,
			    struct hg_source_error *err)
{
	struct parse p = { .o = o, .at = text ? text : "" };

	*o = (struct hg_source_options){ 0 };
	hg_pool_init(&p.pool, 0, err);
	if (setjmp(p.pool.failed)) {
		hg_pool_free(&p.pool);
		hg_source_options_free(o);
		return -1;
	}
	parse(&p);
	hg_pool_free(&p.pool);
	return 0;
}

void hg_source_options_free(struct hg_source_options *o)
{
	size_t i;

	for (i = 0; i < o->macros; i++)
		free(o->macro[i].text);
	for (i = 0; i < o->dirs; i++)
		free(o->dir[i]);
	free(o->macro);
	free(o->dir);
	free(o->rest);
	*o = (struct hg_source_options){ 0 };
}
