/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File operations below one root directory. Paths are relative, made only of
 * components that p9_name_ok() accepts; "" is the root. Every function returns
 * a negative errno on failure.
 */
#ifndef HGVMM_P9_FS_H
#define HGVMM_P9_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct p9_root {
	int fd;
	bool ro, xdev;
};

/* One path component: not empty, ".", "..", longer than 255 or with a slash. */
bool p9_name_ok(const char *name);

/* A descriptor for the object itself (O_PATH), symlinks not followed. */
int p9_fs_path(const struct p9_root *root, const char *path);
int p9_fs_stat(const struct p9_root *root, const char *path, struct stat *st);
/* Open a regular file or directory; other kinds are refused with -EPERM. */
int p9_fs_open(const struct p9_root *root, const char *path, int flags);
/* Create a regular file that must not exist; returns it open. */
int p9_fs_create(const struct p9_root *root, const char *dir, const char *name, int flags,
		 mode_t mode);
int p9_fs_mkdir(const struct p9_root *root, const char *dir, const char *name, mode_t mode);
int p9_fs_symlink(const struct p9_root *root, const char *dir, const char *name,
		  const char *target);
/* FIFOs and sockets only: -EPERM for device nodes. */
int p9_fs_mknod(const struct p9_root *root, const char *dir, const char *name, mode_t mode);
int p9_fs_link(const struct p9_root *root, const char *path, const char *dir, const char *name);
int p9_fs_unlink(const struct p9_root *root, const char *dir, const char *name, int flags);
int p9_fs_rename(const struct p9_root *root, const char *olddir, const char *oldname,
		 const char *newdir, const char *newname);
/* Bytes stored in @buf, without a terminator. */
int p9_fs_readlink(const struct p9_root *root, const char *path, char *buf, size_t size);
/* Best effort: give a new object to the guest's user. */
void p9_fs_own(const struct p9_root *root, const char *dir, const char *name, uid_t uid,
	       gid_t gid);

struct p9_setattr {
	uint32_t valid;		/* P9_ATTR_* */
	uint32_t mode, uid, gid;
	uint64_t size;
	struct timespec atime, mtime;
};

#define P9_SET_MODE	0x001u
#define P9_SET_UID	0x002u
#define P9_SET_GID	0x004u
#define P9_SET_SIZE	0x008u
#define P9_SET_ATIME	0x010u
#define P9_SET_MTIME	0x020u
#define P9_SET_CTIME	0x040u
#define P9_SET_ATIME_TO	0x080u
#define P9_SET_MTIME_TO	0x100u
#define P9_SET_ALL	0x1ffu

int p9_fs_setattr(const struct p9_root *root, const char *path, const struct p9_setattr *a);

#endif
