/* SPDX-License-Identifier: Apache-2.0 */
/* hgctl status: the VMs that run on hypergpu.ko, and their counters. */
#ifndef HGCTL_STATUS_H
#define HGCTL_STATUS_H

#include "counters.h"

#include <stdio.h>

struct status_options {
	bool json;
	bool all;		/* counters that are zero, too */
	unsigned int watch;	/* seconds between looks; 0 looks once */
};

/*
 * Prints @s as tables. With @before (a look @seconds earlier) the values are
 * changes per second instead of totals, except for the module's own.
 */
void status_print(const struct snapshot *s, const struct snapshot *before, double seconds,
		  bool all, FILE *out);

/* One JSON object; with @compact on one line. 0 or -errno. */
int status_print_json(const struct snapshot *s, bool compact, FILE *out);

/* The subcommand. -> exit status: 0, or 1 with a message on standard error. */
int status_main(const char *root, const struct status_options *options);

#endif /* HGCTL_STATUS_H */
