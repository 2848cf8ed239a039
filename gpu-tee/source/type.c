// SPDX-License-Identifier: Apache-2.0
/* Types, as far as a kernel's parameters need them. */
#include <string.h>

#include "kernel.h"

static unsigned int bucket(const struct hg_token *t)
{
	uint32_t h = 0, i;

	for (i = 0; i < t->size; i++)
		h = h * 31 + (unsigned char)t->text[i];
	return h % HG_BUCKETS;
}

static const struct hg_type *find_type(const struct hg_parse *p, const struct hg_token *t)
{
	const struct hg_typedef *d;

	for (d = p->types[bucket(t)]; d; d = d->next)
		if (d->name->size == t->size && !memcmp(d->name->text, t->text, t->size))
			return &d->type;
	return NULL;
}

enum hg_space hg_space_of(const struct hg_token *t)
{
	static const struct {
		const char *name;
		enum hg_space space;
	} list[] = {
		{ "__global", HG_SPACE_GLOBAL },     { "global", HG_SPACE_GLOBAL },
		{ "__constant", HG_SPACE_CONSTANT }, { "constant", HG_SPACE_CONSTANT },
		{ "__local", HG_SPACE_LOCAL },	     { "local", HG_SPACE_LOCAL },
		{ "__private", HG_SPACE_PRIVATE },   { "private", HG_SPACE_PRIVATE },
		{ "__generic", HG_SPACE_GENERIC },   { "generic", HG_SPACE_GENERIC },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		if (hg_is_name(t, list[i].name))
			return list[i].space;
	return HG_SPACE_NONE;
}

bool hg_is_const(const struct hg_token *t)
{
	static const char *const list[] = { "const", "__const", "__const__", NULL };

	return hg_word_of(t, list);
}

bool hg_is_kernel(const struct hg_token *t)
{
	return hg_is_name(t, "__kernel") || hg_is_name(t, "kernel");
}

bool hg_is_qualifier(const struct hg_token *t)
{
	static const char *const list[] = {
		"volatile",	"__volatile",  "__volatile__", "restrict",   "__restrict",
		"__restrict__", "static",      "extern",       "inline",     "__inline",
		"__inline__",	"register",    "auto",	       "typedef",    "read_only",
		"__read_only",	"write_only",  "__write_only", "read_write", "__read_write",
		"__extension__", "_Noreturn",  NULL,
	};

	return hg_is_const(t) || hg_is_kernel(t) || hg_space_of(t) || hg_word_of(t, list);
}

static bool is_attribute(const struct hg_token *t)
{
	return hg_is_name(t, "__attribute__") || hg_is_name(t, "__attribute");
}

size_t hg_skip_attributes(const struct hg_parse *p, size_t i)
{
	while (is_attribute(&p->t[i]) && hg_is(&p->t[i + 1], '(') && p->match[i + 1] < p->n)
		i = p->match[i + 1] + 1;
	return i;
}

/* "float4": the scalar's size, and the elements in @n; 0 if it is neither. */
static unsigned int scalar_size(const struct hg_token *t, unsigned int *n)
{
	static const struct {
		const char *name;
		unsigned int size;
	} list[] = {
		{ "char", 1 },	{ "uchar", 1 }, { "short", 2 }, { "ushort", 2 }, { "int", 4 },
		{ "uint", 4 },	{ "long", 8 },	{ "ulong", 8 }, { "half", 2 },	 { "float", 4 },
		{ "double", 8 },
	};
	static const struct {
		const char *text;
		unsigned int n;
	} width[] = { { "", 1 }, { "2", 2 }, { "3", 3 }, { "4", 4 }, { "8", 8 }, { "16", 16 } };
	size_t i, k, length;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		length = strlen(list[i].name);
		if (t->size < length || memcmp(t->text, list[i].name, length))
			continue;
		for (k = 0; k < ARRAY_SIZE(width); k++)
			if (t->size == length + strlen(width[k].text) &&
			    !memcmp(t->text + length, width[k].text, t->size - length)) {
				*n = width[k].n;
				return list[i].size;
			}
	}
	return 0;
}

static bool starts_with(const struct hg_token *t, const char *s)
{
	return t->size >= strlen(s) && !memcmp(t->text, s, strlen(s));
}

static bool ends_with(const struct hg_token *t, const char *s)
{
	size_t n = strlen(s);

	return t->size >= n && !memcmp(t->text + t->size - n, s, n);
}

static void set_value(struct hg_type *type, unsigned int size, bool plain)
{
	type->kind = HG_TYPE_VALUE;
	type->size = size;
	type->plain = plain;
}

/* One of the words that int, long and such are made of. */
static bool basic_word(struct hg_type *type, const struct hg_token *t)
{
	unsigned int n, size = scalar_size(t, &n);

	if (size) {
		/* "long int" stays a long, "short int" a short; "unsigned char" is a char. */
		if (type->kind == HG_TYPE_VALUE && hg_is_name(t, "int") && type->size != 4)
			return true;
		set_value(type, n == 3 ? 4 * size : n * size, n != 3);
		return true;
	}
	if (hg_is_name(t, "unsigned") || hg_is_name(t, "signed") || hg_is_name(t, "__signed__")) {
		if (type->kind != HG_TYPE_VALUE)
			set_value(type, 4, true);
		return true;
	}
	if (hg_is_name(t, "bool") || hg_is_name(t, "_Bool")) {
		set_value(type, 1, true);
		return true;
	}
	return false;
}

/* A type of one word. */
static bool named_type(const struct hg_parse *p, struct hg_type *type, const struct hg_token *t)
{
	static const char *const opaque[] = { "event_t",   "clk_event_t", "queue_t",
					      "ndrange_t", "reserve_id_t", NULL };
	static const char *const size[] = { "size_t", "ptrdiff_t", "intptr_t", "uintptr_t", NULL };
	const struct hg_type *known = find_type(p, t);

	if (known) {
		bool is_const = type->is_const;
		enum hg_space space = type->space;
		struct hg_text text = type->text;

		*type = *known;
		type->is_const |= is_const;
		type->text = text;
		if (space)
			type->space = space;
	} else if (hg_is_name(t, "void")) {
		type->kind = HG_TYPE_VOID;
	} else if (starts_with(t, "image") && ends_with(t, "_t")) {
		type->kind = HG_TYPE_IMAGE;
	} else if (hg_is_name(t, "sampler_t")) {
		type->kind = HG_TYPE_SAMPLER;
	} else if (hg_word_of(t, opaque)) {
		type->kind = HG_TYPE_OPAQUE;
	} else if (hg_word_of(t, size)) {
		set_value(type, 0, true);
	} else if (starts_with(t, "cl_mem_fence_flags")) {
		set_value(type, 4, true);
	} else {
		type->kind = HG_TYPE_UNKNOWN;
	}
	return true;
}

static void add_text(struct hg_parse *p, struct hg_type *type, const struct hg_token *t)
{
	if (type->text.size)
		hg_text_put(&p->pool, &type->text, " ");
	hg_text_add(&p->pool, &type->text, t->text, t->size);
}

/* struct, union or enum, with a tag or a body. -> the token behind. */
static size_t tagged(struct hg_parse *p, size_t i, struct hg_type *type)
{
	bool is_enum = hg_is_name(&p->t[i], "enum");

	add_text(p, type, &p->t[i]);
	i = hg_skip_attributes(p, i + 1);
	if (p->t[i].kind == HG_IDENT)
		add_text(p, type, &p->t[i++]);
	i = hg_skip_attributes(p, i);
	if (hg_is(&p->t[i], '{'))
		i = p->match[i] < p->n ? p->match[i] + 1 : p->n;
	if (is_enum)
		set_value(type, 4, true);
	else
		set_value(type, 0, false);
	return i;
}

size_t hg_parse_specifiers(struct hg_parse *p, size_t i, struct hg_type *type)
{
	static const char *const tags[] = { "struct", "union", "enum", NULL };
	static const char *const typeofs[] = { "typeof", "__typeof__", "__typeof",
					       "_Atomic", NULL };
	bool pipe = false;
	size_t next;

	*type = (struct hg_type){ 0 };
	for (;; i++) {
		const struct hg_token *t = &p->t[i];

		next = hg_skip_attributes(p, i);
		if (next > i) {
			i = next - 1;
		} else if (hg_is_qualifier(t)) {
			type->is_const |= hg_is_const(t);
			if (hg_space_of(t))
				type->space = hg_space_of(t);
		} else if (hg_is_name(t, "pipe") || hg_is_name(t, "__pipe")) {
			pipe = true;
		} else if (hg_word_of(t, tags)) {
			i = tagged(p, i, type) - 1;
		} else if (hg_word_of(t, typeofs)) {
			type->kind = HG_TYPE_UNKNOWN;
			add_text(p, type, t);
			if (hg_is(t + 1, '(') && p->match[i + 1] < p->n)
				i = p->match[i + 1];
		} else if (t->kind == HG_IDENT && basic_word(type, t)) {
			add_text(p, type, t);
		} else if (t->kind == HG_IDENT && type->kind == HG_TYPE_NONE) {
			named_type(p, type, t);
			add_text(p, type, t);
		} else {
			break;
		}
	}
	if (pipe)
		type->kind = HG_TYPE_PIPE;
	return i;
}

size_t hg_parse_pointers(struct hg_parse *p, size_t i, struct hg_type *type)
{
	for (;; i++) {
		size_t next = hg_skip_attributes(p, i);

		if (next > i) {
			i = next - 1;
		} else if (hg_is(&p->t[i], '*')) {
			type->kind = HG_TYPE_POINTER;
			type->pointee = type->space;
			type->space = HG_SPACE_NONE;
			type->is_const = false;
			hg_text_put(&p->pool, &type->text, "*");
		} else if (hg_is_qualifier(&p->t[i])) {
			type->is_const |= hg_is_const(&p->t[i]);
			if (hg_space_of(&p->t[i]))
				type->space = hg_space_of(&p->t[i]);
		} else {
			return i;
		}
	}
}

static void add_typedef(struct hg_parse *p, const struct hg_token *name, const struct hg_type *type)
{
	struct hg_typedef *d = hg_pool_get(&p->pool, sizeof(*d));
	unsigned int b = bucket(name);

	d->name = name;
	d->type = *type;
	d->type.text = (struct hg_text){ 0 };
	d->next = p->types[b];
	p->types[b] = d;
}

/* One declarator of a typedef. -> the comma or semicolon behind it. */
static size_t declarator(struct hg_parse *p, size_t i, size_t end, struct hg_type type)
{
	const struct hg_token *name = NULL;

	type.text = (struct hg_text){ 0 };
	i = hg_parse_pointers(p, i, &type);
	if (p->t[i].kind == HG_IDENT)
		name = &p->t[i++];
	for (; i < end && !hg_is(&p->t[i], ','); i++) {
		if (hg_skip_attributes(p, i) > i) {
			/* It may make a vector of it, or align it: size and padding are open. */
			i = hg_skip_attributes(p, i) - 1;
			if (type.kind == HG_TYPE_VALUE)
				set_value(&type, 0, false);
		} else if (hg_is(&p->t[i], '[')) {
			type.kind = HG_TYPE_ARRAY;
			i = p->match[i];
		} else if (hg_is(&p->t[i], '(')) {
			/* A function, or a pointer to one: no parameter of a kernel. */
			type.kind = HG_TYPE_UNKNOWN;
			i = p->match[i];
		}
	}
	if (name)
		add_typedef(p, name, &type);
	return i;
}

void hg_parse_typedef(struct hg_parse *p, size_t first, size_t end)
{
	struct hg_type type;
	size_t i = hg_parse_specifiers(p, first, &type);

	while (i < end) {
		i = declarator(p, i, end, type);
		if (i < end)
			i++;
	}
}
