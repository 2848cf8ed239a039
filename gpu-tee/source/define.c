// SPDX-License-Identifier: Apache-2.0
/* The table of macros, and #define. */
#include <string.h>

#include "cpp.h"

#define MACROS_MAX 200000u

static unsigned int hash(const char *text, uint32_t size)
{
	uint32_t h = 2166136261u;

	while (size--)
		h = (h ^ (unsigned char)*text++) * 16777619u;
	return (h ^ h >> 15) % HG_BUCKETS;
}

static struct hg_macro **find(const struct hg_macros *m, const struct hg_token *name)
{
	struct hg_macro *const *p = &m->bucket[hash(name->text, name->size)];

	while (*p && ((*p)->size != name->size || memcmp((*p)->name, name->text, name->size)))
		p = &(*p)->next;
	return (struct hg_macro **)(uintptr_t)p;
}

struct hg_macro *hg_macro_find(const struct hg_macros *m, const struct hg_token *name)
{
	return *find(m, name);
}

struct hg_macro *hg_macro_new(struct hg_pool *pool, struct hg_macros *m,
			      const struct hg_token *name)
{
	struct hg_macro **p = &m->bucket[hash(name->text, name->size)];
	struct hg_macro *new = hg_pool_get(pool, sizeof(*new));

	new->name = name->text;
	new->size = name->size;
	new->next = *p;
	*p = new;
	m->count++;
	return new;
}

/* The macro itself stays: its expansion may be being read. */
void hg_macro_undefine(struct hg_macros *m, const struct hg_token *name)
{
	struct hg_macro **p = find(m, name);

	if (*p) {
		*p = (*p)->next;
		m->count--;
	}
}

static const struct hg_token *parse_params(struct hg_cpp *c, struct hg_macro *m,
					   const struct hg_token *t)
{
	static const struct hg_token va_args = { .text = "__VA_ARGS__", .size = 11,
						 .kind = HG_IDENT };
	struct hg_token *param = hg_pool_get(&c->pool, (HG_PARAMS_MAX + 1) * sizeof(*param));
	unsigned int n = 0, i;

	m->function = true;
	m->param = param;
	if (hg_is(t, ')'))
		return t + 1;
	for (;; t++) {
		if (n == HG_PARAMS_MAX)
			hg_cpp_fail(c, t, HG_SOURCE_LIMIT, "macro %.*s has more than %u parameters",
				    (int)m->size, m->name, HG_PARAMS_MAX);
		if (hg_is(t, HG_P3('.', '.', '.'))) {
			param[n++] = va_args;
			m->variadic = true;
		} else if (t->kind == HG_IDENT && !hg_is_name(t, "__VA_ARGS__")) {
			for (i = 0; i < n; i++)
				if (t->size == param[i].size &&
				    !memcmp(t->text, param[i].text, t->size))
					hg_cpp_fail(c, t, HG_SOURCE_SYNTAX,
						    "parameter %.*s is there twice", HG_SHOW(t));
			param[n++] = *t;
			if (hg_is(t + 1, HG_P3('.', '.', '.'))) {
				m->variadic = true;
				t++;
			}
		} else {
			hg_cpp_fail(c, t, HG_SOURCE_SYNTAX,
				    "'%.*s' is not a parameter of macro %.*s", HG_SHOW(t),
				    (int)m->size, m->name);
		}
		t++;
		m->params = n;
		if (hg_is(t, ')'))
			return t + 1;
		if (m->variadic || !hg_is(t, ','))
			hg_cpp_fail(c, t, HG_SOURCE_SYNTAX,
				    "the parameters of macro %.*s do not end in ')'", (int)m->size,
				    m->name);
	}
}

static int param_index(const struct hg_macro *m, const struct hg_token *t)
{
	unsigned int i;

	if (t->kind != HG_IDENT)
		return -1;
	for (i = 0; i < m->params; i++)
		if (t->size == m->param[i].size && !memcmp(t->text, m->param[i].text, t->size))
			return (int)i;
	return -1;
}

/* The replacement list: parameters become indices, and the operators are marked. */
static void parse_body(struct hg_cpp *c, struct hg_macro *m, const struct hg_token *t)
{
	const struct hg_token *end = t;
	struct hg_token *body;
	size_t n = 0;
	int index;

	while (end->kind != HG_END)
		end++;
	body = hg_pool_get(&c->pool, (size_t)(end - t + 1) * sizeof(*body));
	m->body = body;
	for (; t < end; t++) {
		uint8_t flags = t->flags & HG_SPACE;
		bool quote = m->function && hg_is(t, '#');

		t += quote;
		index = param_index(m, t);
		if (quote && index < 0)
			hg_cpp_fail(c, t, HG_SOURCE_SYNTAX,
				    "# in macro %.*s does not stand before a parameter",
				    (int)m->size, m->name);
		body[n] = *t;
		body[n].flags = quote ? flags | HG_QUOTE : (t->flags & HG_SPACE);
		if (index >= 0) {
			body[n].flags |= HG_PARAM;
			body[n].index = (uint16_t)index;
		} else if (hg_is(t, HG_P2('#', '#'))) {
			body[n].kind = HG_PASTE;
		}
		n++;
	}
	m->count = n;
	if (n)
		body[0].flags &= (uint8_t)~HG_SPACE;
	if (n && (body[0].kind == HG_PASTE || body[n - 1].kind == HG_PASTE))
		hg_cpp_fail(c, &body[0], HG_SOURCE_SYNTAX, "## stands at an end of macro %.*s",
			    (int)m->size, m->name);
}

static bool same(const struct hg_macro *a, const struct hg_macro *b)
{
	size_t i;

	if (a->function != b->function || a->variadic != b->variadic || a->params != b->params ||
	    a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		const struct hg_token *x = &a->body[i], *y = &b->body[i];

		if (x->size != y->size || memcmp(x->text, y->text, x->size) ||
		    x->flags != y->flags || x->index != y->index)
			return false;
	}
	return true;
}

void hg_cpp_define(struct hg_cpp *c, const struct hg_token *t)
{
	struct hg_macro m = { 0 }, *old, *new;
	const struct hg_token *name = t;

	if (t->kind != HG_IDENT)
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "a macro cannot have the name '%.*s'",
			    HG_SHOW(t));
	if (hg_is_name(t, "defined") || hg_is_name(t, "__VA_ARGS__"))
		hg_cpp_fail(c, t, HG_SOURCE_SYNTAX, "'%.*s' cannot be defined", HG_SHOW(t));
	m.name = t->text;
	m.size = t->size;
	t++;
	if (hg_is(t, '(') && !(t->flags & HG_SPACE))
		t = parse_params(c, &m, t + 1);
	parse_body(c, &m, t);

	/* Compilers warn when it differs, and take the new one: so the program was built. */
	old = hg_macro_find(&c->macros, name);
	if (old && !old->builtin && same(old, &m))
		return;
	if (old)
		hg_macro_undefine(&c->macros, name);
	if (c->macros.count >= (c->limits.macros ? c->limits.macros : MACROS_MAX))
		hg_cpp_fail(c, name, HG_SOURCE_LIMIT, "there are more than %zu macros",
			    c->macros.count);
	new = hg_macro_new(&c->pool, &c->macros, name);
	m.next = new->next;
	*new = m;
}

void hg_cpp_builtins(struct hg_cpp *c)
{
	static const struct {
		const char *name;
		enum hg_builtin builtin;
	} list[] = {
		{ "__LINE__", HG_BUILTIN_LINE },	   { "__FILE__", HG_BUILTIN_FILE },
		{ "__COUNTER__", HG_BUILTIN_COUNTER }, { "__INCLUDE_LEVEL__", HG_BUILTIN_LEVEL },
		{ "_Pragma", HG_BUILTIN_PRAGMA },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		struct hg_token name = { .text = list[i].name,
					 .size = (uint32_t)strlen(list[i].name) };

		hg_macro_new(&c->pool, &c->macros, &name)->builtin = list[i].builtin;
	}
}
