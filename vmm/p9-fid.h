/* SPDX-License-Identifier: Apache-2.0 */
/* The fids of a 9p session: handles that a client gives to paths and files. */
#ifndef HGVMM_P9_FID_H
#define HGVMM_P9_FID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define P9_FIDS_MAX	65536u
#define P9_NOFID	UINT32_MAX

struct p9_fid {
	struct p9_fid *next;	/* hash chain */
	uint32_t id;
	uid_t uid;		/* who attached */
	int fd;			/* -1: not open */
	char *path;		/* relative to the root, "" for the root itself */
};

struct p9_fids {
	unsigned int nr;
	struct p9_fid *bucket[256];
};

struct p9_fid *p9_fid_find(struct p9_fids *t, uint32_t id);
/*
 * Add @id for @path. NULL with *err = EEXIST (in use), EMFILE (too many),
 * EINVAL (P9_NOFID) or ENOMEM.
 */
struct p9_fid *p9_fid_add(struct p9_fids *t, uint32_t id, const char *path, uid_t uid, int *err);
void p9_fid_del(struct p9_fids *t, struct p9_fid *fid);
void p9_fid_clear(struct p9_fids *t);
/* 0 or -ENOMEM. */
int p9_fid_set_path(struct p9_fid *fid, const char *path);
/* @from was renamed to @to: fids at or below it follow. */
void p9_fid_renamed(struct p9_fids *t, const char *from, const char *to);

#endif
