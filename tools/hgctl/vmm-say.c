// SPDX-License-Identifier: Apache-2.0
/* What hgvmm's files that are linked here, too, have to say. */
#include "../../vmm/util.h"

#include <stdarg.h>
#include <stdio.h>

void hg_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("hgctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}
