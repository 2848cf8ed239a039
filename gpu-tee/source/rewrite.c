// SPDX-License-Identifier: Apache-2.0
/*
 * Gives kernels masked arguments and an entry in the launch log. Text is only put
 * between tokens, or in the place of one, and never a newline: lines keep their
 * numbers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../device/launch.h"
#include "kernel.h"

/* At a token: what comes before it, and whether it goes. */
struct edit {
	struct hg_text before;
	bool gone;
	bool inner; /* the name of a kernel: that of its inner function instead */
};

struct kernel {
	struct kernel *next;
	const struct hg_token *name;
	const char *refused;
	struct hg_decl *decl; /* the definition, or the first declaration */
	uint32_t number;
	bool called;	/* by other code: an inner function remains */
	bool has_local; /* the body has variables in local memory: that must be a kernel */
	bool packs_told; /* the types of packed parameters are in the text */
};

struct rewrite {
	struct hg_parse p;
	uint64_t id;
	struct edit *edit;
	struct kernel *kernel, **last;
	size_t kernels;
	bool changed;
};

#define NAME(t) ((int)(t)->size), (t)->text

static struct hg_text *before(struct rewrite *r, size_t i)
{
	return &r->edit[i].before;
}

static struct kernel *find(const struct rewrite *r, const struct hg_token *name)
{
	struct kernel *k;

	for (k = r->kernel; k; k = k->next)
		if (k->name->size == name->size && !memcmp(k->name->text, name->text, name->size))
			return k;
	return NULL;
}

/* How many words the parameters take at least, and how many pointers there are. */
static const char *count(struct rewrite *r, const struct hg_decl *d)
{
	unsigned int words = 0, pointers = 0;
	struct hg_text why = { 0 };
	size_t i;

	for (i = 0; i < d->params; i++) {
		const struct hg_decl_param *a = &d->param[i];

		if (a->cls == HG_PARAM_VALUE)
			words += a->type.size ? HG_LAUNCH_WORDS_OF(a->type.size) : 1;
		pointers += a->cls == HG_PARAM_GLOBAL || a->cls == HG_PARAM_CONSTANT;
	}
	if (words > HG_LAUNCH_WORDS)
		hg_text_format(&r->p.pool, &why,
			       "its values have at least %u bytes, and a pad has %u", 4 * words,
			       4 * HG_LAUNCH_WORDS);
	else if (pointers > HG_LAUNCH_POINTERS)
		hg_text_format(&r->p.pool, &why, "it has %u pointers, and the log takes %u",
			       pointers, HG_LAUNCH_POINTERS);
	return why.data;
}

/* One kernel for all declarations of a name. */
static void gather(struct rewrite *r)
{
	struct hg_decl *d;
	struct kernel *k;

	r->last = &r->kernel;
	for (d = r->p.decl; d; d = d->next) {
		k = find(r, &r->p.t[d->name]);
		if (!k) {
			k = hg_pool_get(&r->p.pool, sizeof(*k));
			k->name = &r->p.t[d->name];
			k->number = (uint32_t)r->kernels++;
			k->decl = d;
			*r->last = k;
			r->last = &k->next;
		}
		if (d->body_end) {
			if (k->decl->body_end && k->decl != d)
				d->refused = "it is defined twice";
			k->decl = d;
		}
		if (!d->refused)
			d->refused = count(r, d);
		if (d->refused && !k->refused)
			k->refused = d->refused;
	}
}

static bool declares(const struct rewrite *r, size_t i)
{
	const struct hg_decl *d;

	for (d = r->p.decl; d; d = d->next)
		if (d->name == i)
			return true;
	return false;
}

/* Calls of kernels go to the inner functions. */
static void find_calls(struct rewrite *r)
{
	struct hg_parse *p = &r->p;
	struct kernel *k;
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->t[i].kind != HG_IDENT || !hg_is(&p->t[i + 1], '(') ||
		    (i && (hg_is(&p->t[i - 1], '.') || hg_is(&p->t[i - 1], HG_P2('-', '>')))))
			continue;
		k = find(r, &p->t[i]);
		if (!k || k->refused || declares(r, i))
			continue;
		k->called = true;
		r->edit[i].inner = true;
	}
}

static void note_local(struct rewrite *r, struct kernel *k)
{
	size_t i;

	for (i = k->decl->tail; k->decl->body_end && i < k->decl->body_end; i++)
		if (hg_space_of(&r->p.t[i]) == HG_SPACE_LOCAL)
			k->has_local = true;
}

static bool is_packed(const struct hg_decl_param *a)
{
	return a->cls == HG_PARAM_VALUE && !a->type.plain;
}

/* Names and types that the text gets for parameter @i. */
static void put_name(struct rewrite *r, struct hg_text *t, const struct hg_decl_param *a, size_t i)
{
	if (a->name)
		hg_text_format(&r->p.pool, t, "%.*s", NAME(&r->p.t[a->name]));
	else
		hg_text_format(&r->p.pool, t, "hg_a%zu", i);
}

static void put_packed(struct rewrite *r, struct hg_text *t, const struct kernel *k, size_t i)
{
	hg_text_format(&r->p.pool, t, "hg_t%zu_%.*s", i, NAME(k->name));
}

/* The parameter as the new kernel has it, in one line. */
static void put_param(struct rewrite *r, struct hg_text *t, const struct kernel *k,
		      const struct hg_decl_param *a, size_t i)
{
	size_t n;

	if (is_packed(a)) {
		put_packed(r, t, k, i);
		hg_text_format(&r->p.pool, t, " hg_a%zu", i);
		return;
	}
	for (n = a->first; n < a->end; n++)
		if (a->cls != HG_PARAM_VALUE || !hg_is_const(&r->p.t[n]))
			hg_text_format(&r->p.pool, t, "%s%.*s", n > a->first ? " " : "",
				       NAME(&r->p.t[n]));
	if (!a->name)
		hg_text_format(&r->p.pool, t, " hg_a%zu", i);
}

static const char hidden[] = "__global struct hg_launch *hg_l, ulong hg_seq";

/* The same, token by token where it is. */
static void edit_params(struct rewrite *r, const struct kernel *k, const struct hg_decl *d)
{
	struct hg_parse *p = &r->p;
	size_t i, n;

	for (i = 0; i < d->params; i++) {
		const struct hg_decl_param *a = &d->param[i];

		for (n = a->first; n < a->end; n++)
			r->edit[n].gone = is_packed(a) || (a->cls == HG_PARAM_VALUE &&
							   hg_is_const(&p->t[n]));
		if (is_packed(a))
			put_param(r, before(r, a->first), k, a, i);
		else if (!a->name)
			hg_text_format(&p->pool, before(r, a->end), " hg_a%zu", i);
	}
	for (n = d->open + 1; !d->params && n < d->close; n++)
		r->edit[n].gone = true;
	hg_text_format(&p->pool, before(r, d->close), "%s%s", d->params ? ", " : "", hidden);
}

/* Where a value lies in the pad, in words: an expression. */
static void add_words(struct rewrite *r, const struct hg_type *type, unsigned int *known,
		      struct hg_text *open)
{
	if (type->size)
		*known += HG_LAUNCH_WORDS_OF(type->size);
	else
		hg_text_format(&r->p.pool, open, "+HG_WORDS(%s)", type->text.data);
}

/* Unmasking and logging, for the start of a kernel's body. */
static void put_prologue(struct rewrite *r, struct hg_text *t, const struct kernel *k,
			 const struct hg_decl *d)
{
	unsigned int known = 0, pointers = 0;
	struct hg_pool *pool = &r->p.pool;
	struct hg_text open = { 0 }, body = { 0 };
	size_t i;

	hg_text_put(pool, &open, "");
	hg_text_put(pool, &body, "");
	for (i = 0; i < d->params; i++) {
		const struct hg_decl_param *a = &d->param[i];
		const char *type = a->type.text.data;

		if (a->cls == HG_PARAM_GLOBAL || a->cls == HG_PARAM_CONSTANT) {
			hg_text_put(pool, &body, " HG_POINTER(");
			put_name(r, &body, a, i);
			hg_text_format(pool, &body, ", %u)", pointers++);
		}
		if (a->cls != HG_PARAM_VALUE)
			continue;
		if (is_packed(a)) {
			hg_text_format(pool, t, " %s ", type);
			put_name(r, t, a, i);
			if (!a->name)
				hg_text_put(pool, t, "_");
			hg_text_put(pool, t, ";");
		}
		hg_text_format(pool, &body, " %s(%s, ", is_packed(a) ? "HG_PACKED" : "HG_VALUE",
			       type);
		put_name(r, &body, a, i);
		if (is_packed(a))
			hg_text_format(pool, &body, "%s, hg_a%zu", a->name ? "" : "_", i);
		hg_text_format(pool, &body, ", %u%s)", known, open.data);
		add_words(r, &a->type, &known, &open);
	}
	hg_text_format(pool, t, " { HG_ENTER(0x%" PRIx64 "UL, %uu, %uu%s, %uu)%s }", r->id,
		       k->number, known, open.data, pointers, body.data);
}

/* The types of packed parameters, before the first declaration. */
static void put_packs(struct rewrite *r, struct kernel *k, const struct hg_decl *d)
{
	struct hg_text *t = before(r, d->start);
	size_t i;

	if (k->packs_told)
		return;
	k->packs_told = true;
	for (i = 0; i < d->params; i++)
		if (is_packed(&d->param[i])) {
			hg_text_format(&r->p.pool, t, "HG_PACK(%s, ", d->param[i].type.text.data);
			put_packed(r, t, k, i);
			hg_text_put(&r->p.pool, t, "); ");
		}
}

/* "__kernel void NAME(...)" with attributes, in one line. */
static void put_head(struct rewrite *r, struct hg_text *t, const struct kernel *k,
		     const struct hg_decl *d)
{
	size_t i;

	for (i = d->start; i <= d->open; i++)
		hg_text_format(&r->p.pool, t, "%.*s ", NAME(&r->p.t[i]));
	for (i = 0; i < d->params; i++) {
		put_param(r, t, k, &d->param[i], i);
		hg_text_put(&r->p.pool, t, ", ");
	}
	hg_text_format(&r->p.pool, t, "%s)", hidden);
	for (i = d->close + 1; i < d->tail; i++)
		hg_text_format(&r->p.pool, t, " %.*s", NAME(&r->p.t[i]));
}

/* What was the kernel becomes the inner function, and loses what only a kernel has. */
static void make_inner(struct rewrite *r, const struct kernel *k, const struct hg_decl *d)
{
	size_t i, n, next;

	r->edit[d->name].inner = true;
	for (i = 0; d->body_end && i < d->params; i++)
		if (!d->param[i].name)
			hg_text_format(&r->p.pool, before(r, d->param[i].end), " hg_a%zu", i);
	for (i = d->start; i < d->tail; i++) {
		next = hg_skip_attributes(&r->p, i);
		for (n = i; n < next; n++)
			r->edit[n].gone = true;
		if (next > i)
			i = next - 1;
		else if (i >= d->name)
			i = i < d->close ? d->close : i;
		else if (hg_is_kernel(&r->p.t[i]) && !k->has_local)
			r->edit[i].gone = true;
	}
}

/* A kernel that others call: the inner function, and a kernel that calls it. */
static void rewrite_called(struct rewrite *r, struct kernel *k, const struct hg_decl *d)
{
	struct hg_pool *pool = &r->p.pool;
	struct hg_text *t = before(r, (d->body_end ? d->body_end : d->tail) + 1);
	size_t i;

	make_inner(r, k, d);
	hg_text_put(pool, t, " ");
	put_head(r, t, k, d);
	if (!d->body_end) {
		hg_text_put(pool, t, "; ");
		return;
	}
	hg_text_put(pool, t, " {");
	put_prologue(r, t, k, d);
	hg_text_format(pool, t, " hg_inner_%.*s(", NAME(k->name));
	for (i = 0; i < d->params; i++) {
		if (i)
			hg_text_put(pool, t, ", ");
		put_name(r, t, &d->param[i], i);
		if (is_packed(&d->param[i]) && !d->param[i].name)
			hg_text_put(pool, t, "_");
	}
	hg_text_put(pool, t, "); } ");
}

static void rewrite_kernels(struct rewrite *r)
{
	struct hg_decl *d;
	struct kernel *k;

	for (k = r->kernel; k; k = k->next)
		note_local(r, k);
	for (d = r->p.decl; d; d = d->next) {
		k = find(r, &r->p.t[d->name]);
		if (k->refused)
			continue;
		r->changed = true;
		put_packs(r, k, d);
		if (k->called) {
			rewrite_called(r, k, d);
			continue;
		}
		edit_params(r, k, d);
		if (d->body_end)
			put_prologue(r, before(r, d->tail + 1), k, d);
	}
}

/* The new text: everything between tokens stays. */
static struct hg_text render(struct rewrite *r)
{
	struct hg_parse *p = &r->p;
	struct hg_text out = { 0 };
	const char *at = p->start;
	size_t i;

	hg_text_put(&p->pool, &out, "");
	if (r->changed) {
		hg_text_put(&p->pool, &out, hg_source_prelude);
		hg_text_put(&p->pool, &out, "#line 1 \"<kernel>\"\n");
	}
	for (i = 0; i <= p->n; i++) {
		const struct hg_token *t = &p->t[i];
		const struct edit *e = &r->edit[i];

		hg_text_add(&p->pool, &out, at, (size_t)(t->text - at));
		if (e->before.size)
			hg_text_add(&p->pool, &out, e->before.data, e->before.size);
		if (e->inner)
			hg_text_put(&p->pool, &out, "hg_inner_");
		if (!e->gone)
			hg_text_add(&p->pool, &out, t->text, t->size);
		at = t->text + t->size;
	}
	return out;
}

/* Names that the prelude and this file use. */
static void check_names(struct rewrite *r)
{
	size_t i;

	for (i = 0; i < r->p.n; i++) {
		const struct hg_token *t = &r->p.t[i];

		if (t->kind == HG_IDENT && t->size > 3 &&
		    (!memcmp(t->text, "hg_", 3) || !memcmp(t->text, "HG_", 3)))
			hg_pool_fail(&r->p.pool, HG_SOURCE_SYNTAX,
				     "the program has the name %.*s: names that start with hg_ or "
				     "HG_ belong to HyperGPU there; choose another",
				     HG_SHOW(t));
	}
}

static void keep_param(struct rewrite *r, const struct hg_decl_param *a, unsigned int *pointers,
		       struct hg_source_param *out)
{
	struct hg_pool *pool = &r->p.pool;

	out->cls = a->cls;
	out->type = hg_keep(pool, a->type.text.data, a->type.text.size);
	out->name = hg_keep(pool, a->name ? r->p.t[a->name].text : "",
			    a->name ? r->p.t[a->name].size : 0);
	out->size = a->cls == HG_PARAM_VALUE ? a->type.size : 0;
	out->packed = is_packed(a);
	if (a->cls == HG_PARAM_GLOBAL || a->cls == HG_PARAM_CONSTANT)
		out->pointer = (*pointers)++;
}

static void keep_kernel(struct rewrite *r, const struct kernel *k, struct hg_source_kernel *out)
{
	struct hg_pool *pool = &r->p.pool;
	const struct hg_decl *d = k->decl;
	struct hg_text inner = { 0 };
	unsigned int pointers = 0;
	size_t i;

	hg_text_put(pool, &inner, "");
	if (k->called && k->has_local)
		hg_text_format(pool, &inner, "hg_inner_%.*s", NAME(k->name));
	out->name = hg_keep(pool, k->name->text, k->name->size);
	out->inner = hg_keep(pool, inner.data, inner.size);
	out->number = k->number;
	out->defined = d->body_end;
	if (k->refused)
		out->refused = hg_keep(pool, k->refused, strlen(k->refused));
	out->param = calloc(d->params + 1, sizeof(*out->param));
	if (!out->param)
		hg_pool_fail(pool, HG_SOURCE_MEMORY, "no memory for the program's source");
	for (i = 0; i < d->params && !k->refused; i++) {
		out->params = i + 1;
		keep_param(r, &d->param[i], &pointers, &out->param[i]);
	}
	out->pointers = pointers;
}

static void run(struct rewrite *r, const char *text, size_t size, struct hg_source_program *p)
{
	const struct kernel *k;
	struct hg_text out;

	hg_parse_text(&r->p, text, size);
	r->edit = hg_pool_get(&r->p.pool, (r->p.n + 2) * sizeof(*r->edit));
	if (r->p.decl)
		check_names(r);
	gather(r);
	find_calls(r);
	rewrite_kernels(r);
	out = render(r);
	p->text = hg_keep(&r->p.pool, out.data, out.size);
	p->size = out.size;
	p->kernel = calloc(r->kernels + 1, sizeof(*p->kernel));
	if (!p->kernel)
		hg_pool_fail(&r->p.pool, HG_SOURCE_MEMORY, "no memory for the program's source");
	for (k = r->kernel; k; k = k->next)
		keep_kernel(r, k, &p->kernel[p->kernels++]);
}

int hg_source_rewrite(const char *text, size_t size, uint64_t id,
		      const struct hg_source_limits *limits, struct hg_source_program *p,
		      struct hg_source_error *err)
{
	struct rewrite *r = calloc(1, sizeof(*r));

	*p = (struct hg_source_program){ 0 };
	if (!r) {
		if (err)
			*err = (struct hg_source_error){ HG_SOURCE_MEMORY,
							 "no memory for the program's source" };
		return -1;
	}
	r->id = id;
	hg_pool_init(&r->p.pool, limits ? limits->memory : 0, err);
	if (setjmp(r->p.pool.failed)) {
		hg_pool_free(&r->p.pool);
		free(r);
		hg_source_program_free(p);
		return -1;
	}
	run(r, text, size, p);
	hg_pool_free(&r->p.pool);
	free(r);
	return 0;
}

void hg_source_program_free(struct hg_source_program *p)
{
	size_t i, k;

	for (i = 0; i < p->kernels; i++) {
		struct hg_source_kernel *kern = &p->kernel[i];

		for (k = 0; k < kern->params; k++) {
			free(kern->param[k].type);
			free(kern->param[k].name);
		}
		free(kern->param);
		free(kern->name);
		free(kern->refused);
		free(kern->inner);
	}
	free(p->kernel);
	free(p->text);
	*p = (struct hg_source_program){ 0 };
}

const char *hg_source_class_name(enum hg_source_class cls)
{
	static const char *const name[] = { "value", "global", "constant", "local",
					    "image", "sampler", "pipe", "opaque" };

	return (size_t)cls < ARRAY_SIZE(name) ? name[cls] : "unknown";
}
