// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void full_path(const struct tree *t, const char *path, char *full)
{
	must(snprintf(full, PATH_MAX, "%s%s", t->root, path) < PATH_MAX, path);
}

/* Makes the directories above the last component of @full. */
static void make_parents(char *full)
{
	for (char *p = full + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		must(mkdir(full, 0755) == 0 || errno == EEXIST, full);
		*p = '/';
	}
}

void tree_make(struct tree *t)
{
	strcpy(t->root, "/tmp/hgctl-test-XXXXXX");
	must(mkdtemp(t->root) != NULL, t->root);
}

void tree_put(const struct tree *t, const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	full_path(t, path, full);
	make_parents(full);
	f = fopen(full, "w");
	must(f != NULL, full);
	must(fputs(text, f) >= 0 && fclose(f) == 0, full);
}

void tree_dir(const struct tree *t, const char *path)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	make_parents(full);
	must(mkdir(full, 0755) == 0 || errno == EEXIST, full);
}

void tree_link(const struct tree *t, const char *path, const char *target)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	make_parents(full);
	must(symlink(target, full) == 0, full);
}

static int drop_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_drop(const struct tree *t, const char *path)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	must(nftw(full, drop_one, 16, FTW_DEPTH | FTW_PHYS) == 0, full);
}

void tree_remove(struct tree *t)
{
	tree_drop(t, "");
}
