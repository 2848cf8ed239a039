// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(void)
{
	fputs("hgctl: out of memory\n", stderr);
	exit(2);
}

static char *format(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		out_of_memory();
	return text;
}

void report_add(struct report *r, struct check check, const char *detail, ...)
{
	struct finding *f;
	va_list ap;

	if (r->count == r->room) {
		r->room = r->room ? 2 * r->room : 32;
		r->finding = reallocarray(r->finding, r->room, sizeof(*r->finding));
		if (!r->finding)
			out_of_memory();
	}
	va_start(ap, detail);
	f = &r->finding[r->count++];
	f->check = check;
	f->detail = format(detail, ap);
	va_end(ap);
	f->remedy = NULL;
}

void report_remedy(struct report *r, const char *remedy, ...)
{
	struct finding *f = &r->finding[r->count - 1];
	va_list ap;

	free(f->remedy);
	va_start(ap, remedy);
	f->remedy = format(remedy, ap);
	va_end(ap);
}

const struct finding *report_find(const struct report *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (!strcmp(r->finding[i].check.id, id))
			return &r->finding[i];
	return NULL;
}

static size_t required_missing(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->finding[i].check.need == REQUIRED &&
		     r->finding[i].check.level == LEVEL_MISSING;
	return n;
}

bool report_ready(const struct report *r)
{
	return required_missing(r) == 0;
}

const char *level_name(enum level level)
{
	static const char *const name[] = {
		[LEVEL_OK] = "ok", [LEVEL_WARN] = "warn", [LEVEL_MISSING] = "missing",
	};

	return name[level];
}

static void print_finding(const struct finding *f, FILE *out, bool colour)
{
	static const char *const paint[] = {
		[LEVEL_OK] = "\033[32m", [LEVEL_WARN] = "\033[33m", [LEVEL_MISSING] = "\033[31m",
	};
	int pad = 8 - (int)strlen(level_name(f->check.level));

	fprintf(out, "  %s%s%s%*s %-22s %s\n", colour ? paint[f->check.level] : "",
		level_name(f->check.level), colour ? "\033[0m" : "", pad, "", f->check.title,
		f->detail);
	if (f->remedy)
		fprintf(out, "  %-8s %-22s %s-> %s%s\n", "", "", colour ? "\033[1m" : "",
			f->remedy, colour ? "\033[0m" : "");
}

int report_print(const struct report *r, FILE *out, bool colour)
{
	const char *group = "";
	size_t missing = required_missing(r);

	for (size_t i = 0; i < r->count; i++) {
		const struct finding *f = &r->finding[i];

		if (strcmp(group, f->check.group)) {
			fprintf(out, "%s%s\n", i ? "\n" : "", f->check.group);
			group = f->check.group;
		}
		print_finding(f, out, colour);
	}
	if (!missing)
		fputs("\nReady: hypergpu.ko has what it needs on this machine.\n", out);
	else
		fprintf(out, "\nNot ready: %zu required item%s missing.\n", missing,
			missing == 1 ? " is" : "s are");
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int report_print_json(const struct report *r, FILE *out)
{
	json_t *checks = json_array();
	json_t *top;
	int rc;

	for (size_t i = 0; i < r->count; i++) {
		const struct finding *f = &r->finding[i];

		json_array_append_new(checks, json_pack("{ss ss ss ss sb ss ss?}",
			"id", f->check.id, "group", f->check.group, "title", f->check.title,
			"status", level_name(f->check.level), "required", f->check.need == REQUIRED,
			"detail", f->detail, "remedy", f->remedy));
	}
	top = json_pack("{si sb so}", "version", 1, "ready", report_ready(r), "checks", checks);
	if (!top)
		out_of_memory();
	rc = json_dumpf(top, out, JSON_INDENT(2));
	json_decref(top);
	if (rc || fputc('\n', out) == EOF || fflush(out))
		return -EIO;
	return 0;
}

void report_free(struct report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->finding[i].detail);
		free(r->finding[i].remedy);
	}
	free(r->finding);
	memset(r, 0, sizeof(*r));
}
