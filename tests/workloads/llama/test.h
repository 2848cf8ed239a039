/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka, with what it wants in front of it, and what the tests share. */
#ifndef LLAMA_TEST_H
#define LLAMA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

/* The error's text holds @want. */
static inline void says(const struct err *e, const char *want)
{
	if (!strstr(e->text, want))
		fail_msg("'%s': want '%s'", e->text, want);
}

/* The name of a new, empty file, which the caller unlinks and frees. */
static inline char *temporary(void)
{
	char *path = need(strdup("/tmp/llama-test-XXXXXX"));
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	return path;
}

#endif
