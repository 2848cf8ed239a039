// SPDX-License-Identifier: Apache-2.0
/* 9p requests that change the tree: make, link, rename, remove. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "p9-op.h"
#include "util.h"

/* The qid of a new object, which is first given to its owner. */
static int finish_new(struct p9_op *op, const struct p9_fid *dir, const char *name, uint32_t gid)
{
	char path[PATH_MAX];
	struct stat st;
	int err = p9_join(path, dir->path, name);

	p9_fs_own(&op->s->root, dir->path, name, dir->uid, gid);
	if (!err)
		err = -p9_fs_stat(&op->s->root, path, &st);
	if (!err)
		p9_put_qid(&op->out, p9_qid_of(&st));
	return err;
}

int p9_op_mkdir(struct p9_op *op)
{
	struct p9_fid *dir = p9_get_fid(op);
	char name[P9_NAME_SIZE];
	uint32_t mode, gid;
	int err;

	p9_str(&op->in, name, sizeof(name));
	mode = p9_u32(&op->in);
	gid = p9_u32(&op->in);
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	if (!dir)
		return EBADF;
	err = -p9_fs_mkdir(&op->s->root, dir->path, name, mode);
	return err ? err : finish_new(op, dir, name, gid);
}

int p9_op_symlink(struct p9_op *op)
{
	struct p9_fid *dir = p9_get_fid(op);
	char name[P9_NAME_SIZE], target[PATH_MAX];
	uint32_t gid;
	int err;

	p9_str(&op->in, name, sizeof(name));
	p9_str(&op->in, target, sizeof(target));
	gid = p9_u32(&op->in);
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	if (!dir)
		return EBADF;
	err = -p9_fs_symlink(&op->s->root, dir->path, name, target);
	return err ? err : finish_new(op, dir, name, gid);
}

int p9_op_mknod(struct p9_op *op)
{
	struct p9_fid *dir = p9_get_fid(op);
	char name[P9_NAME_SIZE];
	uint32_t mode, gid;
	int err;

	p9_str(&op->in, name, sizeof(name));
	mode = p9_u32(&op->in);
	p9_u64(&op->in);	/* device number: nodes are not made */
	gid = p9_u32(&op->in);
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	if (!dir)
		return EBADF;
	err = -p9_fs_mknod(&op->s->root, dir->path, name, mode);
	return err ? err : finish_new(op, dir, name, gid);
}

int p9_op_link(struct p9_op *op)
{
	struct p9_fid *dir = p9_get_fid(op), *fid = p9_get_fid(op);
	char name[P9_NAME_SIZE];

	p9_str(&op->in, name, sizeof(name));
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	return dir && fid ? -p9_fs_link(&op->s->root, fid->path, dir->path, name) : EBADF;
}

/* Directory and last component of a fid's path. */
static int split_path(const struct p9_fid *fid, char *dir, const char **name)
{
	const char *slash = strrchr(fid->path, '/');

	if (!*fid->path)
		return EBUSY;	/* the root itself */
	snprintf(dir, PATH_MAX, "%.*s", slash ? (int)(slash - fid->path) : 0, fid->path);
	*name = slash ? slash + 1 : fid->path;
	return 0;
}

/* Rename and let the fids follow. */
static int do_rename(struct p9_op *op, const char *olddir, const char *oldname, const char *newdir,
		     const char *newname)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err = p9_join(from, olddir, oldname);

	if (!err)
		err = p9_join(to, newdir, newname);
	if (!err)
		err = -p9_fs_rename(&op->s->root, olddir, oldname, newdir, newname);
	if (!err)
		p9_fid_renamed(&op->s->fids, from, to);
	return err;
}

int p9_op_rename(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op), *dir = p9_get_fid(op);
	char name[P9_NAME_SIZE], olddir[PATH_MAX];
	const char *oldname;
	char old[P9_NAME_SIZE];
	int err;

	p9_str(&op->in, name, sizeof(name));
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	if (!fid || !dir)
		return EBADF;
	err = split_path(fid, olddir, &oldname);
	if (err)
		return err;
	/* The fid's path, which oldname points into, is about to change. */
	snprintf(old, sizeof(old), "%s", oldname);
	return do_rename(op, olddir, old, dir->path, name);
}

int p9_op_renameat(struct p9_op *op)
{
	char oldname[P9_NAME_SIZE], newname[P9_NAME_SIZE], olddir[PATH_MAX], newdir[PATH_MAX];
	struct p9_fid *from = p9_get_fid(op), *to;

	p9_str(&op->in, oldname, sizeof(oldname));
	to = p9_get_fid(op);
	p9_str(&op->in, newname, sizeof(newname));
	if (op->in.bad || !p9_name_ok(oldname) || !p9_name_ok(newname))
		return EINVAL;
	if (!from || !to)
		return EBADF;
	snprintf(olddir, sizeof(olddir), "%s", from->path);
	snprintf(newdir, sizeof(newdir), "%s", to->path);
	return do_rename(op, olddir, oldname, newdir, newname);
}

int p9_op_remove(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
	char dir[PATH_MAX];
	const char *name;
	struct stat st;
	int err;

	if (!fid)
		return EBADF;
	err = split_path(fid, dir, &name);
	if (!err)
		err = -p9_fs_stat(&op->s->root, fid->path, &st);
	if (!err)
		err = -p9_fs_unlink(&op->s->root, dir, name,
				    S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	p9_fid_del(&op->s->fids, fid);	/* even when the removal failed */
	return err;
}

int p9_op_unlinkat(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
	char name[P9_NAME_SIZE];
	uint32_t flags;

	p9_str(&op->in, name, sizeof(name));
	flags = p9_u32(&op->in);
	if (op->in.bad || !p9_name_ok(name) || flags & ~(uint32_t)AT_REMOVEDIR)
		return EINVAL;
	if (!fid)
		return EBADF;
	return -p9_fs_unlink(&op->s->root, fid->path, name, (int)flags);
}
