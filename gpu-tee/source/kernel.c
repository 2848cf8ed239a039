// SPDX-License-Identifier: Apache-2.0
/* Finds the kernels among the declarations of a preprocessed program. */
#include "kernel.h"

#include <stdio.h>
#include <string.h>

static void read_tokens(struct hg_parse *p, const char *text, size_t size)
{
	struct hg_lexer l;
	size_t room = 0;
	struct hg_token t;

	hg_lex_open(&p->pool, &l, text, size, "<kernel>");
	p->start = l.start;
	for (;;) {
		hg_lex(&l, &t);
		if (t.kind == HG_NEWLINE)
			continue;
		if (hg_is(&t, '#') && (t.flags & HG_FIRST)) {
			hg_lex_skip_line(&l);
			continue;
		}
		p->t = hg_pool_grow(&p->pool, p->t, p->n, &room, sizeof(t));
		p->t[p->n] = t;
		if (t.kind == HG_END)
			break;
		p->n++;
	}
	/* A second end, so that t[i + 1] is always there. */
	p->t = hg_pool_grow(&p->pool, p->t, p->n + 1, &room, sizeof(t));
	p->t[p->n + 1] = t;
}

static uint32_t closing(uint32_t open)
{
	return open == '(' ? ')' : open == '[' ? ']' : '}';
}

/* Brackets that do not fit: the driver will say so; here they match nothing. */
static void match_brackets(struct hg_parse *p)
{
	size_t *open = hg_pool_get(&p->pool, (p->n + 1) * sizeof(*open)), depth = 0, i;

	p->match = hg_pool_get(&p->pool, (p->n + 2) * sizeof(*p->match));
	for (i = 0; i <= p->n + 1; i++)
		p->match[i] = p->n;
	for (i = 0; i < p->n; i++) {
		const struct hg_token *t = &p->t[i];

		if (hg_is(t, '(') || hg_is(t, '[') || hg_is(t, '{'))
			open[depth++] = i;
		else if (depth && t->kind == HG_PUNCT &&
			 t->punct == closing(p->t[open[depth - 1]].punct))
			p->match[open[--depth]] = i;
	}
}

/*
 * An external declaration from @i: -> its last token, ; or }. @body: the { of a
 * function, or 0; @kernel: the first kernel qualifier outside brackets, or 0.
 */
static size_t declaration_end(const struct hg_parse *p, size_t i, size_t *body, size_t *kernel,
			      bool *is_kernel)
{
	bool value = false, tag = false;

	*body = 0;
	*is_kernel = false;
	for (; i < p->n; i++) {
		const struct hg_token *t = &p->t[i];

		if (hg_is(t, ';'))
			return i;
		if (hg_is_kernel(t) && !*is_kernel) {
			*is_kernel = true;
			*kernel = i;
		}
		value |= hg_is(t, '=');
		if (hg_is_name(t, "struct") || hg_is_name(t, "union") || hg_is_name(t, "enum"))
			tag = true;
		if (hg_is(t, '{') && !value && !tag) {
			*body = i;
			return p->match[i];
		}
		if (hg_is(t, '(') && hg_skip_attributes(p, i - !!i) <= i)
			tag = false;
		if (hg_is(t, '{'))
			tag = false;
		if (hg_is(t, '(') || hg_is(t, '[') || hg_is(t, '{'))
			i = p->match[i];
	}
	return p->n;
}

static const char *reason(struct hg_parse *p, const char *fmt, size_t index,
			  const struct hg_text *type)
{
	struct hg_text text = { 0 };

	hg_text_format(&p->pool, &text, fmt, index + 1,
		       type && type->data ? type->data : "nothing");
	return text.data;
}

static enum hg_source_class pointer_class(enum hg_space space)
{
	switch (space) {
	case HG_SPACE_GLOBAL:
		return HG_PARAM_GLOBAL;
	case HG_SPACE_CONSTANT:
		return HG_PARAM_CONSTANT;
	default:
		return HG_PARAM_LOCAL;
	}
}

/* -> NULL, or why the parameter cannot be dealt with. */
static const char *classify(struct hg_parse *p, struct hg_decl_param *param, size_t index)
{
	const struct hg_type *type = &param->type;
	enum hg_space space = type->kind == HG_TYPE_ARRAY ? type->space : type->pointee;

	switch (type->kind) {
	case HG_TYPE_VALUE:
		param->cls = HG_PARAM_VALUE;
		if (type->space && type->space != HG_SPACE_PRIVATE)
			return reason(p, "parameter %zu (%s) is a value, but not in private memory",
				      index, &type->text);
		return NULL;
	case HG_TYPE_POINTER:
	case HG_TYPE_ARRAY:
		param->cls = pointer_class(space);
		if (space == HG_SPACE_NONE || space == HG_SPACE_PRIVATE ||
		    space == HG_SPACE_GENERIC)
			return reason(p,
				      "parameter %zu (%s) points to none of global, constant and "
				      "local memory",
				      index, &type->text);
		return NULL;
	case HG_TYPE_IMAGE:
		param->cls = HG_PARAM_IMAGE;
		return NULL;
	case HG_TYPE_SAMPLER:
		param->cls = HG_PARAM_SAMPLER;
		return NULL;
	case HG_TYPE_PIPE:
		param->cls = HG_PARAM_PIPE;
		return NULL;
	case HG_TYPE_OPAQUE:
		param->cls = HG_PARAM_OPAQUE;
		return NULL;
	default:
		return reason(p, "parameter %zu has the type %s, which the program does not explain",
			      index, &type->text);
	}
}

static const char *parse_param(struct hg_parse *p, struct hg_decl_param *param, size_t index)
{
	size_t i = hg_parse_specifiers(p, param->first, &param->type);
	bool array = false, own_const = param->type.is_const;

	i = hg_parse_pointers(p, i, &param->type);
	if (p->t[i].kind == HG_IDENT)
		param->name = i++;
	for (; i < param->end; i++) {
		size_t next = hg_skip_attributes(p, i);

		if (next > i) {
			i = next - 1;
		} else if (hg_is(&p->t[i], '[')) {
			array = true;
			i = p->match[i];
		} else {
			return reason(p, "parameter %zu is declared in a way that is not understood",
				      index, NULL);
		}
	}
	if (array) {
		if (param->type.kind == HG_TYPE_POINTER)
			return reason(p, "parameter %zu is an array of pointers", index, NULL);
		param->type.kind = HG_TYPE_ARRAY;
		hg_text_put(&p->pool, &param->type.text, "*");
	}
	if (!param->name && array)
		return reason(p, "parameter %zu is an array without a name", index, NULL);
	param->type.is_const = own_const;
	return classify(p, param, index);
}

/* The parameters between d->open and d->close. */
static const char *parse_params(struct hg_parse *p, struct hg_decl *d)
{
	size_t i = d->open + 1, from = i, room = 0;
	const char *why = NULL, *one;

	if (i == d->close || (hg_is_name(&p->t[i], "void") && i + 1 == d->close))
		return NULL;
	for (; i <= d->close; i++) {
		if (hg_is(&p->t[i], '(') || hg_is(&p->t[i], '[') || hg_is(&p->t[i], '{')) {
			i = p->match[i];
			continue;
		}
		if (i < d->close && !hg_is(&p->t[i], ','))
			continue;
		if (d->params == HG_PARAMS_MAX)
			return "it has more than 256 parameters";
		if (from == i)
			return reason(p, "parameter %zu is missing", d->params, NULL);
		d->param = hg_pool_grow(&p->pool, d->param, d->params, &room, sizeof(*d->param));
		memset(&d->param[d->params], 0, sizeof(*d->param));
		d->param[d->params].first = from;
		d->param[d->params].end = i;
		one = parse_param(p, &d->param[d->params], d->params);
		why = why ? why : one;
		d->params++;
		from = i + 1;
	}
	return why;
}

/* A pointer that hides behind a typedef's const, or a value that cannot be written. */
static const char *check_params(struct hg_parse *p, const struct hg_decl *d)
{
	size_t i, k;

	for (i = 0; i < d->params; i++) {
		const struct hg_decl_param *a = &d->param[i];
		bool token = false;

		for (k = a->first; k < a->end; k++)
			token |= hg_is_const(&p->t[k]);
		if (a->cls == HG_PARAM_VALUE && a->type.is_const && !token)
			return reason(p, "parameter %zu has the constant type %s", i,
				      &a->type.text);
		if (a->cls == HG_PARAM_VALUE && (!strcmp(a->type.text.data, "struct") ||
						 !strcmp(a->type.text.data, "union")))
			return reason(p, "parameter %zu is of a %s without a name", i,
				      &a->type.text);
		for (k = 0; k < i && a->name; k++) {
			const struct hg_token *x = &p->t[a->name], *y = &p->t[d->param[k].name];

			if (d->param[k].name && x->size == y->size &&
			    !memcmp(x->text, y->text, x->size))
				return reason(p, "parameter %zu has the name of one before it", i,
					      NULL);
		}
	}
	return NULL;
}

static void parse_kernel(struct hg_parse *p, size_t start, size_t end, size_t kernel, size_t body)
{
	struct hg_decl *d;
	struct hg_type result;
	size_t i = hg_parse_specifiers(p, start, &result);

	/* Not a function: kernel, as a plain word, may be the name of something. */
	if (p->t[i].kind != HG_IDENT || !hg_is(&p->t[i + 1], '(') || p->match[i + 1] >= p->n)
		return;
	d = hg_pool_get(&p->pool, sizeof(*d));
	d->start = start;
	d->kernel = kernel;
	d->name = i;
	d->open = i + 1;
	d->close = p->match[i + 1];
	d->tail = hg_skip_attributes(p, d->close + 1);
	d->body_end = body ? end : 0;
	if (result.kind != HG_TYPE_VOID)
		d->refused = "it does not return void";
	else if (d->tail != (body ? body : end) || end >= p->n)
		d->refused = "its declaration is not of the common form";
	else
		d->refused = parse_params(p, d);
	if (!d->refused)
		d->refused = check_params(p, d);
	*p->last = d;
	p->last = &d->next;
}

void hg_parse_text(struct hg_parse *p, const char *text, size_t size)
{
	size_t i, end, body, kernel = 0;
	bool is_kernel;

	p->last = &p->decl;
	read_tokens(p, text, size);
	match_brackets(p);
	for (i = 0; i < p->n; i = end + 1) {
		end = declaration_end(p, i, &body, &kernel, &is_kernel);
		if (hg_is_name(&p->t[i], "typedef") && !body)
			hg_parse_typedef(p, i, end);
		else if (is_kernel)
			parse_kernel(p, i, end, kernel, body);
	}
}
