/* SPDX-License-Identifier: Apache-2.0 */
/* How functions of the program fail: -1 and a text that says what was wrong. */
#ifndef LLAMA_ERR_H
#define LLAMA_ERR_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct err {
	char text[320];
};

/* Always -1, so that callers can return it. */
static inline int __attribute__((format(printf, 2, 3))) refuse(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

/* For programs that have nothing to save when memory ends. */
static inline void *need(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

#endif
