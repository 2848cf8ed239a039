/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of hgrun have in common. */
#ifndef HG_CLI_HGRUN_H
#define HG_CLI_HGRUN_H

#include <limits.h>
#include <stdbool.h>

/* One line to stderr. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * @name in one of @places (two folders, each with / around it), from the folder that hgrun is in.
 * false: it is in neither; nothing was said. @path is absolute and has no links.
 */
bool find_beside(const char *const places[2], const char *name, char path[PATH_MAX]);

/* ---- elf.c ---- */

struct program_elf {
	char interpreter[PATH_MAX]; /* empty: linked statically */
	char rpath[PATH_MAX]; /* DT_RPATH, which comes before LD_LIBRARY_PATH; or empty */
};

/*
 * Of a 64-bit little-endian ELF file. -1 where a table in it does not lie in the file, or a string
 * is too long: nothing is known of it then.
 */
int elf_read(int fd, struct program_elf *elf);

/* ---- cuda.c: the shim before the driver's libcuda.so.1 ---- */

enum cuda_use {
	CUDA_MAY, /* the program may use it: then through the shim */
	CUDA_MUST, /* there has to be a GPU */
	CUDA_LEFT, /* leave libcuda.so.1 alone */
};

/*
 * Sets the environment so that libcuda.so.1 is the shim, and checks that a program gets it.
 * @driver: the driver's library, or NULL: what the loader finds. false after a message.
 */
bool cuda_set_up(enum cuda_use use, const char *driver);
/* Whether the program at @path, of which @elf was read, gets the shim. false after a message. */
bool cuda_check_program(const char *path, const struct program_elf *elf);
/* hgrun calls itself by this name to see what the loader of a new process finds. */
#define CUDA_PROBE "hgrun: probe of CUDA"
int cuda_probe(const char *shim, bool must);

#endif
