// SPDX-License-Identifier: Apache-2.0
#include "metrics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void out_of_memory(void)
{
	complain("out of memory");
	exit(1);
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static struct family *find(struct metrics *m, const char *name, bool counter, const char *help)
{
	char full[sizeof(m->family->name)];
	struct family *f;

	snprintf(full, sizeof(full), "hypergpu_%.70s%s", name, counter ? "_total" : "");
	for (char *c = full; *c; c++)
		if (!name_char(*c))
			*c = '_';
	for (size_t i = 0; i < m->count; i++)
		if (!strcmp(m->family[i].name, full))
			return &m->family[i];
	f = reallocarray(m->family, m->count + 1, sizeof(*f));
	if (!f)
		out_of_memory();
	m->family = f;
	f = &m->family[m->count++];
	*f = (struct family){ .help = help, .counter = counter };
	memcpy(f->name, full, sizeof(full));
	return f;
}

static void append(struct family *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void append(struct family *f, const char *fmt, ...)
{
	char *line, *grown;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	n = strlen(line);
	grown = realloc(f->text, f->size + n + 1);
	if (!grown)
		out_of_memory();
	memcpy(grown + f->size, line, n + 1);
	f->text = grown;
	f->size += n;
	free(line);
}

void metrics_add(struct metrics *m, const char *name, bool counter, const char *help,
		 const char *labels, double value)
{
	struct family *f = find(m, name, counter, help);

	append(f, "%s%s%s%s %.17g\n", f->name, *labels ? "{" : "", labels, *labels ? "}" : "",
	       value);
}

void metrics_label(char *labels, size_t size, const char *name, const char *value)
{
	size_t n = strlen(labels);

	/* Room for the name, an escaped byte and the end; what does not fit is left out whole. */
	if (n + strlen(name) + 8 > size)
		return;
	n += (size_t)snprintf(labels + n, size - n, "%s%s=\"", n ? "," : "", name);
	for (; *value && n + 4 < size; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\' || c == '\n')
			labels[n++] = '\\';
		/* Labels are UTF-8, and a program may have named itself otherwise. */
		labels[n++] = c == '\n' ? 'n' : c < 0x20 || c > 0x7e ? '?' : (char)c;
	}
	labels[n++] = '"';
	labels[n] = '\0';
}

int metrics_print(struct metrics *m, FILE *out)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct family *f = &m->family[i];

		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s", f->name, f->help, f->name,
			f->counter ? "counter" : "gauge", f->text);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}

void metrics_free(struct metrics *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->family[i].text);
	free(m->family);
	*m = (struct metrics){ 0 };
}

/* ---- the command ---- */

static const char usage[] =
	"Usage: hgctl metrics [--dir DIR] [--root DIR] [--out FILE]\n"
	"Print counters of hypergpu.ko, the states of VMs and what hgrun reported, in\n"
	"Prometheus' text format; --out: to FILE, which is there as a whole or not at all,\n"
	"as node_exporter's textfile collector wants it.\n";

/* Readers see the old file or the new one. */
static int write_file(struct metrics *m, const char *path)
{
	char temp[PATH_MAX];
	FILE *to = NULL;
	int fd, err = 0;

	/* The collector reads *.prom: this is none. */
	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = mkstemp(temp);
	if (fd < 0)
		return -errno;
	if (!fchmod(fd, 0644))
		to = fdopen(fd, "w");
	if (!to) {
		err = -errno;
		close(fd);
	} else {
		err = metrics_print(m, to);
		if (fclose(to) && !err)
			err = -errno;
	}
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		unlink(temp);
	return err;
}

int metrics_main(int argc, char **argv)
{
	const char *root = getenv("HGCTL_ROOT"), *dir = NULL, *out = NULL;
	struct metrics m = { 0 };
	struct site site;
	struct fs fs;
	int err;

	for (int i = 1; i < argc; i += 2) {
		const char **to = !strcmp(argv[i], "--dir") ? &dir :
				  !strcmp(argv[i], "--root") ? &root :
				  !strcmp(argv[i], "--out") ? &out : NULL;

		if (!strcmp(argv[i], "--help"))
			return fputs(usage, stdout) == EOF;
		if (!to || i + 1 == argc) {
			complain("metrics: %s %s; hgctl metrics --help", argv[i],
				 to ? "needs a value" : "is not an option");
			return 2;
		}
		*to = argv[i + 1];
	}
	if (site_open(&site, dir)) {
		site_close(&site);
		return 1;
	}
	fs.root = root && strcmp(root, "/") ? root : "";
	metrics_module(&m, &fs);
	metrics_vms(&m, &site);
	metrics_gpu(&m, &site);
	err = out ? write_file(&m, out) : metrics_print(&m, stdout);
	if (err)
		complain("%s: %s", out ? out : "standard output", strerror(-err));
	metrics_free(&m);
	site_close(&site);
	return err ? 1 : 0;
}
