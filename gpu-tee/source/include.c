// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpp.h"

#define DEPTH 64u

const char *hg_cpp_escape(struct hg_cpp *c, const char *name)
{
	struct hg_text text = { 0 };

	hg_text_put(&c->pool, &text, "");
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			hg_text_put(&c->pool, &text, "\\");
		hg_text_add(&c->pool, &text, *name == '\n' ? " " : name, 1);
	}
	return text.data;
}

void hg_cpp_enter(struct hg_cpp *c, const char *text, size_t size, const char *name,
		  const char *dir)
{
	struct hg_file *f = hg_pool_get(&c->pool, sizeof(*f));

	hg_lex_open(&c->pool, &f->lexer, text, size, name);
	f->name = name;
	f->dir = dir;
	f->up = c->file;
	c->file = f;
	c->files++;
}

static bool wanted_once(const struct hg_cpp *c, const char *name)
{
	const struct hg_once *o;

	for (o = c->once; o; o = o->next)
		if (!strcmp(o->name, name))
			return true;
	return false;
}

/* The whole of a regular file, from malloc(); or NULL. */
static char *read_path(const char *path, size_t *size)
{
	/* A pipe of that name must not make anybody wait. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	    (uint64_t)st.st_size < HG_FILE_MAX)
		text = malloc((size_t)st.st_size + 1);
	for (*size = 0; text && *size < (size_t)st.st_size; *size += (size_t)n) {
		n = read(fd, text + *size, (size_t)st.st_size - *size);
		if (n <= 0)
			break;
	}
	close(fd);
	return text;
}

/* c->foreign is freed when the run fails, or here. */
static void enter_foreign(struct hg_cpp *c, size_t size, const char *path, const char *dir)
{
	const char *name = hg_cpp_escape(c, path);

	if (!wanted_once(c, name))
		hg_cpp_enter(c, c->foreign, size, name, dir);
	free(c->foreign);
	c->foreign = NULL;
}

static bool enter_path(struct hg_cpp *c, const char *dir, const char *name)
{
	struct hg_text path = { 0 };
	const char *slash;
	size_t size = 0;

	if (*dir)
		hg_text_format(&c->pool, &path, "%s%s", dir,
			       dir[strlen(dir) - 1] == '/' ? "" : "/");
	hg_text_put(&c->pool, &path, name);
	c->foreign = read_path(path.data, &size);
	if (!c->foreign)
		return false;
	slash = strrchr(path.data, '/');
	enter_foreign(c, size, path.data,
		      slash ? hg_pool_copy(&c->pool, path.data, (size_t)(slash - path.data)) : "");
	return true;
}

static bool find(struct hg_cpp *c, const char *name, bool quoted)
{
	const struct hg_source_options *o = c->in->options;
	size_t i, size = 0;

	if (c->in->include) {
		c->foreign = c->in->include(c->in->context, name, quoted, &size);
		if (c->foreign) {
			enter_foreign(c, size, name, NULL);
			return true;
		}
	}
	if (c->in->no_disk)
		return false;
	if (*name == '/')
		return enter_path(c, "", name);
	if (quoted && c->file->dir && enter_path(c, c->file->dir, name))
		return true;
	for (i = 0; o && i < o->dirs; i++)
		if (enter_path(c, o->dir[i], name))
			return true;
	return false;
}

void hg_cpp_include(struct hg_cpp *c, const struct hg_token *at, const char *name, bool quoted)
{
	unsigned int depth = c->limits.depth ? c->limits.depth : DEPTH;

	if (c->files > depth)
		hg_cpp_fail(c, at, HG_SOURCE_LIMIT, "files are included more than %u deep", depth);
	if (!find(c, name, quoted))
		hg_cpp_fail(c, at, HG_SOURCE_FILE,
			    "'%.100s' is in none of the %zu directories of -I%s", name,
			    c->in->options ? c->in->options->dirs : 0,
			    c->in->include ? ", nor among the headers given" : "");
}
