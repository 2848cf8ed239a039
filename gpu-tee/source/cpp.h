/* SPDX-License-Identifier: Apache-2.0 */
/* State of one run of the preprocessor, and what its parts call in each other. */
#ifndef HG_SOURCE_CPP_H
#define HG_SOURCE_CPP_H

#include "lex.h"

#define HG_PARAMS_MAX 256u

enum hg_builtin {
	HG_NOT_BUILTIN,
	HG_BUILTIN_LINE,
	HG_BUILTIN_FILE,
	HG_BUILTIN_COUNTER,
	HG_BUILTIN_LEVEL,
	HG_BUILTIN_PRAGMA, /* _Pragma: an operator, not a macro */
};

struct hg_macro {
	struct hg_macro *next; /* of the same hash */
	const char *name;
	uint32_t size;
	enum hg_builtin builtin;
	bool function, variadic;
	unsigned int params; /* the variadic one, too */
	const struct hg_token *param;
	const struct hg_token *body;
	size_t count;
	unsigned int busy; /* its expansion is being read: not expanded again */
};

#define HG_BUCKETS 4096u

struct hg_macros {
	struct hg_macro *bucket[HG_BUCKETS];
	size_t count;
};

struct hg_macro *hg_macro_find(const struct hg_macros *m, const struct hg_token *name);
struct hg_macro *hg_macro_new(struct hg_pool *pool, struct hg_macros *m,
			      const struct hg_token *name);
void hg_macro_undefine(struct hg_macros *m, const struct hg_token *name);

/* A condition that is open: #if ... */
struct hg_condition {
	struct hg_condition *up;
	uint32_t line;
	bool taken; /* a group of it was read */
	bool other; /* #else was there */
};

struct hg_once {
	struct hg_once *next;
	const char *name;
};

/* A file that is being read. */
struct hg_file {
	struct hg_file *up;
	struct hg_lexer lexer;
	struct hg_condition *condition;
	const char *name, *dir; /* of a file from disk: for what it includes; or NULL */
};

/* Tokens that are read before the file goes on. */
struct hg_context {
	struct hg_context *up;
	const struct hg_token *token;
	size_t count, next;
	struct hg_macro *macro;	 /* busy until they are read, or NULL */
	bool wall;		 /* reading ends here */
};

struct hg_cpp {
	struct hg_pool pool;
	const struct hg_source_input *in;
	struct hg_source_limits limits;
	struct hg_macros macros;
	struct hg_file *file;
	struct hg_context *context, *spare;
	unsigned int files, depth;
	struct hg_once *once; /* files that are not to be read again */
	char *foreign;	      /* from malloc(): a file on its way in */
	unsigned int collecting; /* arguments of calls that are open */
	uint32_t call_line;	 /* where the outermost call ended: __LINE__ in it */
	unsigned int counter;
	bool in_condition;	 /* of #if: "defined" keeps its operand */
	struct hg_macros asked; /* names that were asked for and not defined */
	const char **question;
	size_t questions, question_room;

	/* Output: the place where the next token would be. */
	struct hg_text out;
	const char *out_file;
	uint32_t out_line;
	bool out_empty; /* nothing in this line yet */
	struct hg_token last;
};

_Noreturn void hg_cpp_fail(struct hg_cpp *c, const struct hg_token *at, enum hg_source_code code,
			   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The width of a token in messages: "%.*s". */
#define HG_SHOW(t) ((int)((t)->size > 60 ? 60 : (t)->size)), (t)->text

/* define.c: what follows "#define "; @line has the tokens, an HG_END at the end. */
void hg_cpp_define(struct hg_cpp *c, const struct hg_token *line);
void hg_cpp_builtins(struct hg_cpp *c);

/* expand.c */
void hg_cpp_push(struct hg_cpp *c, const struct hg_token *token, size_t count);
/* The next token, not expanded; directives have been obeyed. */
void hg_cpp_raw(struct hg_cpp *c, struct hg_token *t);
/* The next token after expansion. */
void hg_cpp_next(struct hg_cpp *c, struct hg_token *t);
/* All of @list, expanded, with an HG_END; @count without it. */
struct hg_token *hg_cpp_expand(struct hg_cpp *c, const struct hg_token *list, size_t n,
			       size_t *count);

/* substitute.c: the replacement of a call. @arg: raw arguments. */
struct hg_arg {
	const struct hg_token *token;
	size_t count;
	const struct hg_token *expanded; /* NULL: not yet */
	size_t expanded_count;
};
struct hg_token *hg_cpp_substitute(struct hg_cpp *c, const struct hg_macro *m,
				   const struct hg_token *name, struct hg_arg *arg, bool elided,
				   size_t *count);

/* directive.c: a # starts the line. */
void hg_cpp_directive(struct hg_cpp *c);
/* The end of the innermost file: its conditions are closed. */
void hg_cpp_leave(struct hg_cpp *c);
/* @name is escaped. */
void hg_cpp_enter(struct hg_cpp *c, const char *text, size_t size, const char *name,
		  const char *dir);
/* All tokens up to the end of the line, and an HG_END. */
struct hg_token *hg_cpp_line(struct hg_cpp *c, struct hg_lexer *l, size_t *count);
/* What follows #pragma, as one token that will be read next. */
void hg_cpp_pragma(struct hg_cpp *c, const struct hg_token *at, const struct hg_token *list);
void hg_cpp_pragma_string(struct hg_cpp *c, const struct hg_token *at,
			  const struct hg_token *string);
/* Notes that nobody defined the name that decides here. */
void hg_cpp_ask(struct hg_cpp *c, const struct hg_token *name);

/* expr.c: the value of a condition. The list ends in HG_END. */
bool hg_cpp_condition(struct hg_cpp *c, const struct hg_token *at, const struct hg_token *list,
		      size_t n);

/* include.c: a file is found, and read from now on. */
const char *hg_cpp_escape(struct hg_cpp *c, const char *name);
void hg_cpp_include(struct hg_cpp *c, const struct hg_token *at, const char *name, bool quoted);

/* print.c */
void hg_cpp_print(struct hg_cpp *c, const struct hg_token *t);
void hg_cpp_print_end(struct hg_cpp *c);

#endif
