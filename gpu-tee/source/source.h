/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCL C source: a preprocessor, and a rewriter that gives every kernel masked
 * arguments and an entry in the launch log (../device/launch.h). The layer passes
 * a program through here before the driver sees it:
 *
 *   options   hg_source_options_parse()   -D, -U and -I are taken out
 *   text      hg_source_preprocess()      names that nobody defined are listed
 *   questions hg_source_probe()           a kernel that asks the driver about them
 *   kernels   hg_source_rewrite()         new text, and a table of the kernels
 *
 * Nothing here uses OpenCL, keeps state between calls or writes anywhere. A
 * function returns 0, or -1 with the reason in the struct hg_source_error.
 */
#ifndef HG_SOURCE_H
#define HG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hg_source_code {
	HG_SOURCE_OK,
	HG_SOURCE_MEMORY, /* malloc() failed */
	HG_SOURCE_LIMIT,  /* a limit of struct hg_source_limits was reached */
	HG_SOURCE_OPTION, /* the build options */
	HG_SOURCE_SYNTAX, /* the program */
	HG_SOURCE_FILE,   /* a file to include is not there */
	HG_SOURCE_STOP,   /* #error */
};

struct hg_source_error {
	enum hg_source_code code;
	char text[320]; /* "FILE:LINE: what is wrong" */
};

/* Zero takes the default. */
struct hg_source_limits {
	size_t memory;      /* bytes for everything in one call: 512 MiB */
	size_t output;      /* bytes of text: 64 MiB */
	unsigned int depth; /* of #include, and of macro calls in arguments: 64, 400 */
	unsigned int macros;
};

/* Build options */

struct hg_source_macro {
	char *text; /* "NAME VALUE" as after #define, or the name for -U */
	bool undefine;
};

struct hg_source_options {
	struct hg_source_macro *macro; /* in the order of the options */
	size_t macros;
	char **dir; /* -I */
	size_t dirs;
	char *rest; /* what is left for the driver, as it was written */
};

/*
 * Options are separated by blanks. Inside '' or "" a blank counts as a letter;
 * a backslash takes the special meaning from a quote, a blank or a backslash.
 */
int hg_source_options_parse(const char *text, struct hg_source_options *o,
			    struct hg_source_error *err);
void hg_source_options_free(struct hg_source_options *o);

/* Preprocessor */

/*
 * A file that the program includes. -> its text for free(), with its length in
 * @size, or NULL: there is none of that name. Asked before the directories are.
 */
typedef char *hg_source_include(void *context, const char *name, bool quoted, size_t *size);

struct hg_source_input {
	const char *text;
	size_t size;
	const char *name; /* in messages and __FILE__; NULL: "<kernel>" */
	/*
	 * What the compiler defines by itself, as lines of #define. A name that is
	 * neither here nor in the program counts as not defined, and is listed in
	 * the output's questions.
	 */
	const char *predefined;
	const struct hg_source_options *options; /* may be NULL */
	hg_source_include *include;		 /* may be NULL */
	void *context;
	bool no_disk; /* look into no directory */
	struct hg_source_limits limits;
};

struct hg_source_output {
	char *text; /* with #line where lines move; ends in a zero */
	size_t size;
	char **question; /* names that decided something, which nobody defined */
	size_t questions;
};

int hg_source_preprocess(const struct hg_source_input *in, struct hg_source_output *out,
			 struct hg_source_error *err);
void hg_source_output_free(struct hg_source_output *out);

/*
 * Asking the driver about names: hg_source_probe() writes a program with a kernel
 * `hg_probe(__global uchar *out)`. The layer builds it with the rest of the
 * options, runs one work-item with a zeroed buffer of *size bytes, and hands what
 * it reads to hg_source_probe_answer(), which makes lines of #define. Names that
 * the driver does not know get none.
 */
char *hg_source_probe(char *const *name, size_t names, size_t *size);
char *hg_source_probe_answer(char *const *name, size_t names, const void *answer, size_t size,
			     struct hg_source_error *err);

/* Rewriter */

enum hg_source_class {
	HG_PARAM_VALUE,	  /* by value: masked */
	HG_PARAM_GLOBAL,  /* pointer: its address is logged */
	HG_PARAM_CONSTANT, /* the same */
	HG_PARAM_LOCAL,	  /* pointer to local memory: only its size crosses, in clear */
	HG_PARAM_IMAGE,
	HG_PARAM_SAMPLER,
	HG_PARAM_PIPE,
	HG_PARAM_OPAQUE, /* a queue, an event: a handle of the driver's */
};

struct hg_source_param {
	enum hg_source_class cls;
	char *type; /* as clGetKernelArgInfo() tells it: without qualifiers */
	char *name; /* may be "" in a kernel that was left alone */
	/* VALUE: bytes of the argument, or 0: known only when it is set. */
	unsigned int size;
	/* VALUE: it crosses as whole 32-bit words, so the size is rounded up to 4. */
	bool packed;
	/* GLOBAL, CONSTANT: index among the entry's pointers. */
	unsigned int pointer;
};

struct hg_source_kernel {
	char *name;
	char *refused; /* NULL, or why the kernel was left as it was */
	uint32_t number; /* its number in the launch log */
	struct hg_source_param *param;
	size_t params; /* hg_l and hg_seq follow them, unless refused */
	size_t pointers;
	bool defined; /* false: only declared */
	/* "", or the name of one more kernel in the text, which the application must not see */
	char *inner;
};

struct hg_source_program {
	char *text;
	size_t size;
	struct hg_source_kernel *kernel;
	size_t kernels;
};

/*
 * @text has been preprocessed. @id names the program in the launch log: take the
 * first 8 bytes of a digest of the text and the remaining options.
 */
int hg_source_rewrite(const char *text, size_t size, uint64_t id,
		      const struct hg_source_limits *limits, struct hg_source_program *p,
		      struct hg_source_error *err);
void hg_source_program_free(struct hg_source_program *p);

/* The definitions that rewritten programs start with: launch.h. */
extern const char hg_source_prelude[];

const char *hg_source_class_name(enum hg_source_class cls);

#endif
