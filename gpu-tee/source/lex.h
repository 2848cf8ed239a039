/* SPDX-License-Identifier: Apache-2.0 */
/* Preprocessing tokens of one file. */
#ifndef HG_SOURCE_LEX_H
#define HG_SOURCE_LEX_H

#include "pool.h"

enum hg_kind {
	HG_END, /* of the file, or of a list of tokens */
	HG_NEWLINE,
	HG_IDENT,
	HG_NUMBER,
	HG_CHAR,
	HG_STRING,
	HG_PUNCT,
	HG_OTHER,
	HG_PRAGMA, /* a whole directive, or a _Pragma: text is what follows "#pragma " */
	HG_PASTE,  /* ## in the replacement of a macro */
	HG_PLACE,  /* an empty argument beside ## */
};

/* Flags */
#define HG_SPACE 1u   /* white space before it */
#define HG_FIRST 2u   /* first of its line */
#define HG_BLUE	 4u   /* the name of a macro inside its own expansion: never expanded */
#define HG_RAW	 8u   /* read from a file, not out of an expansion */
#define HG_PARAM 16u  /* in a replacement: a parameter, of this index */
#define HG_QUOTE 32u  /* in a replacement: # before a parameter */

struct hg_token {
	const char *text;
	const char *file; /* as __FILE__ says, without quotes, escaped */
	uint32_t size;
	uint32_t line;
	uint8_t kind;
	uint8_t flags;
	uint16_t index; /* of the parameter */
	uint32_t punct; /* its characters, the last one lowest; a digraph's are those it means */
};

#define HG_P1(a)       ((uint32_t)(a))
#define HG_P2(a, b)    (HG_P1(a) << 8 | HG_P1(b))
#define HG_P3(a, b, c) (HG_P2(a, b) << 8 | HG_P1(c))

struct hg_lexer {
	const char *at, *end; /* *end is 0 */
	const char *file;
	uint32_t line; /* presumed: as #line says */
	const uint32_t *splice; /* offsets of removed newlines, ends with UINT32_MAX */
	const char *start;
	bool first; /* at the start of a line */
};

/*
 * Phases 1 and 2: trigraphs, and newlines behind a backslash. The lexer gets a
 * copy in the pool. @size is at most HG_FILE_MAX.
 */
#define HG_FILE_MAX ((size_t)1 << 30)
void hg_lex_open(struct hg_pool *pool, struct hg_lexer *l, const char *text, size_t size,
		 const char *name);
void hg_lex(struct hg_lexer *l, struct hg_token *t);
/* <...> or "..." after #include, up to the end of the line: false if there is none. */
bool hg_lex_header(struct hg_lexer *l, struct hg_token *t);
/* Is the next token, over newlines and comments, a parenthesis? */
bool hg_lex_paren_follows(const struct hg_lexer *l);
/* Goes on behind the newline. */
void hg_lex_skip_line(struct hg_lexer *l);

static inline bool hg_is(const struct hg_token *t, uint32_t punct)
{
	return t->kind == HG_PUNCT && t->punct == punct;
}

bool hg_is_name(const struct hg_token *t, const char *name);
/* Would the two be read as something else without white space between them? */
bool hg_would_join(const struct hg_token *a, const struct hg_token *b);

#endif
