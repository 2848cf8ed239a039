/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels in preprocessed text: what the rewriter must know of C's declarations. */
#ifndef HG_SOURCE_KERNEL_H
#define HG_SOURCE_KERNEL_H

#include "cpp.h"

enum hg_type_kind {
	HG_TYPE_NONE,
	HG_TYPE_VOID,
	HG_TYPE_VALUE,
	HG_TYPE_POINTER,
	HG_TYPE_ARRAY,
	HG_TYPE_IMAGE,
	HG_TYPE_SAMPLER,
	HG_TYPE_PIPE,
	HG_TYPE_OPAQUE,
	HG_TYPE_UNKNOWN, /* a name that the text does not explain */
};

enum hg_space { HG_SPACE_NONE, HG_SPACE_GLOBAL, HG_SPACE_CONSTANT, HG_SPACE_LOCAL, HG_SPACE_PRIVATE,
		HG_SPACE_GENERIC };

struct hg_type {
	enum hg_type_kind kind;
	enum hg_space space;   /* of the object */
	enum hg_space pointee; /* of what a pointer leads to */
	unsigned int size;     /* of a value; 0: the text does not tell */
	bool plain;	       /* a scalar or a vector, without padding */
	bool is_const;
	struct hg_text text; /* without qualifiers */
};

/* A parameter: tokens first .. end - 1. */
struct hg_decl_param {
	size_t first, end;
	size_t name; /* token, or 0 */
	struct hg_type type;
	enum hg_source_class cls;
};

/* A declaration or definition of a kernel. All are token numbers. */
struct hg_decl {
	struct hg_decl *next;
	size_t start, kernel, name, open, close;
	size_t tail;		   /* behind the attributes: ; or { */
	size_t body_end;	   /* the }, or 0: only declared */
	struct hg_decl_param *param;
	size_t params;
	const char *refused;
};

struct hg_typedef {
	struct hg_typedef *next;
	const struct hg_token *name;
	struct hg_type type;
};

struct hg_parse {
	struct hg_pool pool;
	const char *start; /* of the text that the tokens are in */
	struct hg_token *t;
	size_t n; /* t[n] is HG_END */
	size_t *match; /* of each opening bracket: the closing one; n if there is none */
	struct hg_typedef *types[HG_BUCKETS];
	struct hg_decl *decl, **last;
};

/* type.c */
/* Specifiers from token @i. -> the token behind them. */
size_t hg_parse_specifiers(struct hg_parse *p, size_t i, struct hg_type *type);
/* Attributes, if any are here. */
size_t hg_skip_attributes(const struct hg_parse *p, size_t i);
enum hg_space hg_space_of(const struct hg_token *t);
bool hg_is_qualifier(const struct hg_token *t);
bool hg_is_const(const struct hg_token *t);
bool hg_is_kernel(const struct hg_token *t);
/* * and what belongs to it. -> the token behind, @type has become a pointer. */
size_t hg_parse_pointers(struct hg_parse *p, size_t i, struct hg_type *type);
/* "typedef ... ;" from its first token. */
void hg_parse_typedef(struct hg_parse *p, size_t first, size_t end);

/* kernel.c: tokens, brackets, declarations. */
void hg_parse_text(struct hg_parse *p, const char *text, size_t size);

static inline bool hg_word_of(const struct hg_token *t, const char *const *list)
{
	for (; *list; list++)
		if (hg_is_name(t, *list))
			return true;
	return false;
}

#endif
