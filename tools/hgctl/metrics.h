/* SPDX-License-Identifier: Apache-2.0 */
/* hgctl metrics: counters and states as Prometheus' text format has them. */
#ifndef HGCTL_METRICS_H
#define HGCTL_METRICS_H

#include "fs.h"
#include "site.h"

#include <stdbool.h>
#include <stdio.h>

/* One family: all samples of one name, with one help and one type. */
struct family {
	char name[96];		/* hypergpu_... */
	const char *help;
	bool counter;		/* else a gauge */
	char *text;		/* the sample lines; @size bytes */
	size_t size;
};

struct metrics {
	struct family *family;
	size_t count;
};

/*
 * Adds one sample. @name gets the prefix hypergpu_, and _total if it is a counter; what may not
 * be in a name becomes _. @labels: as metrics_label() makes them, "" for none.
 */
void metrics_add(struct metrics *m, const char *name, bool counter, const char *help,
		 const char *labels, double value);

/* Appends NAME="VALUE" to @labels, of @size bytes; VALUE is escaped, and cut if too long. */
void metrics_label(char *labels, size_t size, const char *name, const char *value);

/* Writes all. 0 or -errno of the stream. */
int metrics_print(struct metrics *m, FILE *out);
void metrics_free(struct metrics *m);

/* What there is to tell; what cannot be read is told as a sample of its own. */
void metrics_module(struct metrics *m, const struct fs *fs);
void metrics_vms(struct metrics *m, const struct site *site);
void metrics_gpu(struct metrics *m, const struct site *site);

/* The subcommand. -> exit status. */
int metrics_main(int argc, char **argv);

#endif /* HGCTL_METRICS_H */
