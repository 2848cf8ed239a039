// SPDX-License-Identifier: Apache-2.0
#include "site.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is standard error the journal's? It tells which file it gave us (systemd.exec(5)). */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

/* One line, in one write: several processes may write to one log. */
static void say(int priority, const char *fmt, va_list ap)
{
	char *text = NULL, head[8] = "";

	if (to_journal())
		snprintf(head, sizeof(head), "<%d>", priority);
	if (vasprintf(&text, fmt, ap) >= 0)
		dprintf(STDERR_FILENO, "%shgctl: %s\n", head, text);
	free(text);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(3, fmt, ap);
	va_end(ap);
}

void notice(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(5, fmt, ap);
	va_end(ap);
}

const char *site_dir(const char *dir)
{
	if (!dir)
		dir = getenv("HYPERGPU_CONFIG_DIR");
	return dir && *dir ? dir : SITE_DIR;
}

const char *site_take_dir(int *argc, char ***argv)
{
	const char *dir;

	if (*argc < 3 || strcmp((*argv)[1], "--dir"))
		return NULL;
	dir = (*argv)[2];
	*argc -= 2;
	*argv += 2;
	return dir;
}

/* The folder as others may use it that were started elsewhere. */
static int set_paths(struct site *site, const char *dir)
{
	char here[PATH_MAX / 2] = "";
	int n;

	if (*dir != '/' && !getcwd(here, sizeof(here))) {
		complain("cannot tell the working directory: %s", strerror(errno));
		return -1;
	}
	n = snprintf(site->file, PATH_MAX, "%s%s%s/" SITE_FILE, here, *here ? "/" : "", dir);
	if (n < 0 || n >= PATH_MAX) {
		complain("%.40s...: the path is too long", dir);
		return -1;
	}
	snprintf(site->definitions, PATH_MAX, "%.*s/vms", n - (int)sizeof(SITE_FILE), site->file);
	return 0;
}

int site_open(struct site *site, const char *dir)
{
	const char *path;
	int err;

	memset(site, 0, sizeof(*site));
	site->conf.rules = conf_rules;
	if (set_paths(site, site_dir(dir)))
		return -1;
	err = settings_read(&site->conf, site->file);
	if (err && err != -ENOENT) {
		complain("%s", site->conf.error);
		return -1;
	}
	path = settings_get(&site->conf, "vm", "definitions");
	if (path)
		snprintf(site->definitions, PATH_MAX, "%s", path);
	path = getenv("HYPERGPU_STATE_DIR");
	if (!path || *path != '/')
		path = settings_get(&site->conf, "vm", "state");
	snprintf(site->state, PATH_MAX, "%s", path);
	return 0;
}

void site_close(struct site *site)
{
	settings_free(&site->conf);
}

const char *site_find(const char *name, char path[PATH_MAX])
{
	static const char *const places[] = { "", "/../libexec/hypergpu" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, PATH_MAX, "%s%s/%s", self, places[i], name) < PATH_MAX &&
		    !access(path, X_OK))
			return path;
	}
	return NULL;
}

const char *site_program(const char *name, char path[PATH_MAX])
{
	if (site_find(name, path))
		return path;
	complain("there is no %s beside hgctl, nor in ../libexec/hypergpu: install it there", name);
	return NULL;
}
