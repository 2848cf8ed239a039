/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax of HyperGPU's configuration files: sections, KEY = VALUE, and comments
 * after #. What sections and keys there are is the caller's. hgverifyd and hgctl share it.
 */
#ifndef HG_INI_H
#define HG_INI_H

#include <stddef.h>

#define INI_FILE_MAX	65536u	/* bytes of a file */
#define INI_LINE_MAX	1023u	/* bytes of a line, its end left out */
#define INI_SECTION_MAX 31u	/* bytes of a section's name */

/* Where something stands in the file: both from 1, columns in bytes. */
struct ini_place {
	unsigned int line, column;
};

/* A key and its value, or the begin of a section: then @key is NULL. Good during the call only. */
struct ini_item {
	const char *section; /* "" before the first one */
	const char *key, *value;
	struct ini_place at, value_at;
};

struct ini_reader {
	/* 0 goes on; anything else ends the reading and is its result. */
	int (*item)(void *ctx, const struct ini_item *item);
	/* What is no item; @text says why. Its result is that of the reading: not 0. */
	int (*wrong)(void *ctx, struct ini_place at, const char *text);
	void *ctx;
};

int ini_parse(const struct ini_reader *r, const char *text, size_t size);

#endif
