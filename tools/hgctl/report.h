/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the doctor found: one finding a line, each with its remedy.
 */
#ifndef HGCTL_REPORT_H
#define HGCTL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum level {
	LEVEL_OK,	/* it is there and usable */
	LEVEL_WARN,	/* works without it, or with a restriction */
	LEVEL_MISSING,	/* it is not there, or cannot be used */
};

/* Whether hypergpu.ko can run VMs here without it. */
enum need { OPTIONAL, REQUIRED };

/* What was looked at, and the verdict. The strings must outlive the report. */
struct check {
	const char *group;	/* heading, such as "CPU" */
	const char *id;		/* stable name for --json, such as "cpu.npt" */
	const char *title;
	enum level level;
	enum need need;
};

struct finding {
	struct check check;
	char *detail;		/* what was found */
	char *remedy;		/* what to do about it; NULL when nothing is owed */
};

struct report {
	struct finding *finding;
	size_t count;
	size_t room;
};

/*
 * Adds a finding whose text is formatted from the arguments. Out of memory ends
 * the program: it reports, and holds nothing worth saving.
 */
void report_add(struct report *r, struct check check, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));

/* Sets the remedy of the finding that was added last. */
void report_remedy(struct report *r, const char *remedy, ...)
	__attribute__((format(printf, 2, 3)));

/* The finding with that id, or NULL. */
const struct finding *report_find(const struct report *r, const char *id);

/* Whether nothing that is required is missing. */
bool report_ready(const struct report *r);

const char *level_name(enum level level);

/* Print to @out; -> 0 or -errno of the stream. */
int report_print(const struct report *r, FILE *out, bool colour);
int report_print_json(const struct report *r, FILE *out);

void report_free(struct report *r);

#endif /* HGCTL_REPORT_H */
