// SPDX-License-Identifier: Apache-2.0
#include "p9-fid.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util.h"

static struct p9_fid **slot(struct p9_fids *t, uint32_t id)
{
	return &t->bucket[(id ^ id >> 8) % ARRAY_SIZE(t->bucket)];
}

struct p9_fid *p9_fid_find(struct p9_fids *t, uint32_t id)
{
	struct p9_fid *f;

	for (f = *slot(t, id); f; f = f->next)
		if (f->id == id)
			return f;
	return NULL;
}

struct p9_fid *p9_fid_add(struct p9_fids *t, uint32_t id, const char *path, uid_t uid, int *err)
{
	struct p9_fid *f;

	*err = id == P9_NOFID ? EINVAL : p9_fid_find(t, id) ? EEXIST :
	       t->nr >= P9_FIDS_MAX ? EMFILE : 0;
	if (*err)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (f)
		f->path = strdup(path);
	if (!f || !f->path) {
		free(f);
		*err = ENOMEM;
		return NULL;
	}
	f->id = id;
	f->uid = uid;
	f->fd = -1;
	f->next = *slot(t, id);
	*slot(t, id) = f;
	t->nr++;
	return f;
}

static void destroy(struct p9_fid *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

void p9_fid_del(struct p9_fids *t, struct p9_fid *fid)
{
	struct p9_fid **p = slot(t, fid->id);

	while (*p != fid)
		p = &(*p)->next;
	*p = fid->next;
	t->nr--;
	destroy(fid);
}

void p9_fid_clear(struct p9_fids *t)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(t->bucket); i++) {
		while (t->bucket[i]) {
			struct p9_fid *f = t->bucket[i];

			t->bucket[i] = f->next;
			destroy(f);
		}
	}
	t->nr = 0;
}

int p9_fid_set_path(struct p9_fid *fid, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(fid->path);
	fid->path = copy;
	return 0;
}

void p9_fid_renamed(struct p9_fids *t, const char *from, const char *to)
{
	size_t len = strlen(from);
	char path[PATH_MAX];
	unsigned int i;
	struct p9_fid *f;

	for (i = 0; i < ARRAY_SIZE(t->bucket); i++) {
		for (f = t->bucket[i]; f; f = f->next) {
			if (strncmp(f->path, from, len) || (f->path[len] && f->path[len] != '/'))
				continue;
			/* Too long or no memory: the old path then finds nothing. */
			if ((size_t)snprintf(path, sizeof(path), "%s%s", to, f->path + len) <
			    sizeof(path))
				p9_fid_set_path(f, path);
		}
	}
}
