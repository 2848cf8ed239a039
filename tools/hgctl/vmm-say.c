// SPDX-License-Identifier: Apache-2.0
#include "vmm-say.h"

#include "../../vmm/config.h"
#include "../../vmm/util.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Where a message goes while hgvmm's parser is asked; NULL: to standard error. */
static char *heard;
static size_t room;

void hg_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (heard) {
		vsnprintf(heard, room, fmt, ap);
	} else {
		fputs("hgctl: ", stderr);
		vfprintf(stderr, fmt, ap);
		fputc('\n', stderr);
	}
	va_end(ap);
}

bool vmm_takes(const char *option, const char *value, char *why, size_t size)
{
	char *copy = strdup(value), *name = strdup(option);
	char program[] = "hgvmm", kernel[] = "--kernel", file[] = "/";
	char *argv[] = { program, kernel, file, name, copy, NULL };
	struct config cfg;
	bool takes = false;

	snprintf(why, size, "out of memory");
	heard = why;
	room = size;
	optind = 0;	/* getopt starts anew */
	if (copy && name)
		takes = config_parse(&cfg, 5, argv) == CONFIG_RUN;
	optind = 0;
	heard = NULL;
	free(copy);
	free(name);
	return takes;
}
