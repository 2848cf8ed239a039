// SPDX-License-Identifier: Apache-2.0
#include "p9-fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

bool p9_name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len <= NAME_MAX && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..");
}

/*
 * The one place where a path of the guest meets the host's file system. With
 * O_PATH and O_NOFOLLOW a link as the last component is named, not followed,
 * in spite of RESOLVE_NO_SYMLINKS (openat2(2)).
 */
static int resolve(const struct p9_root *root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (!root->xdev)
		how.resolve |= RESOLVE_NO_XDEV;
	fd = syscall(SYS_openat2, root->fd, *path ? path : ".", &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

int p9_fs_path(const struct p9_root *root, const char *path)
{
	return resolve(root, path, O_PATH, 0);
}

/* The directory @path, for an *at() call on one of its entries. */
static int open_dir(const struct p9_root *root, const char *path)
{
	return resolve(root, path, O_PATH | O_DIRECTORY, 0);
}

int p9_fs_stat(const struct p9_root *root, const char *path, struct stat *st)
{
	int fd = p9_fs_path(root, path), ret;

	if (fd < 0)
		return fd;
	ret = fstat(fd, st) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static bool may_open(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode);
}

int p9_fs_open(const struct p9_root *root, const char *path, int flags)
{
	struct stat st;
	int ret, fd;

	if (root->ro && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
		return -EROFS;
	ret = p9_fs_stat(root, path, &st);
	if (ret)
		return ret;
	/* Opening a device can have effects of its own: look before. */
	if (!may_open(&st))
		return S_ISLNK(st.st_mode) ? -ELOOP : -EPERM;
	/* And after, should it have been swapped; O_NONBLOCK for a FIFO's sake. */
	fd = resolve(root, path, flags | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !may_open(&st)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

int p9_fs_create(const struct p9_root *root, const char *dir, const char *name, int flags,
		 mode_t mode)
{
	int dfd, fd;

	if (root->ro)
		return -EROFS;
	dfd = open_dir(root, dir);
	if (dfd < 0)
		return dfd;
	/* O_EXCL: never follows a link nor opens what is already there. */
	fd = openat(dfd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
		    mode & 07777);
	if (fd < 0)
		fd = -errno;
	close(dfd);
	return fd;
}

int p9_fs_mkdir(const struct p9_root *root, const char *dir, const char *name, mode_t mode)
{
	int dfd, ret;

	if (root->ro)
		return -EROFS;
	dfd = open_dir(root, dir);
	if (dfd < 0)
		return dfd;
	ret = mkdirat(dfd, name, mode & 07777) < 0 ? -errno : 0;
	close(dfd);
	return ret;
}

int p9_fs_symlink(const struct p9_root *root, const char *dir, const char *name,
		  const char *target)
{
	int dfd, ret;

	if (root->ro)
		return -EROFS;
	dfd = open_dir(root, dir);
	if (dfd < 0)
		return dfd;
	ret = symlinkat(target, dfd, name) < 0 ? -errno : 0;
	close(dfd);
	return ret;
}

int p9_fs_mknod(const struct p9_root *root, const char *dir, const char *name, mode_t mode)
{
	int dfd, ret;

	if (root->ro)
		return -EROFS;
	if (!S_ISFIFO(mode) && !S_ISSOCK(mode))
		return -EPERM;
	dfd = open_dir(root, dir);
	if (dfd < 0)
		return dfd;
	ret = mknodat(dfd, name, mode & (S_IFMT | 07777), 0) < 0 ? -errno : 0;
	close(dfd);
	return ret;
}

/* Split "a/b/c" into the directory "a/b" and a pointer to "c". */
static const char *split(const char *path, char *dir, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(dir, size, "%.*s", slash ? (int)(slash - path) : 0, path);
	return slash ? slash + 1 : path;
}

int p9_fs_link(const struct p9_root *root, const char *path, const char *dir, const char *name)
{
	char olddir[PATH_MAX];
	const char *oldname = split(path, olddir, sizeof(olddir));
	int from, to, ret;

	if (root->ro)
		return -EROFS;
	if (!*path)
		return -EPERM;
	from = open_dir(root, olddir);
	if (from < 0)
		return from;
	to = open_dir(root, dir);
	if (to < 0) {
		close(from);
		return to;
	}
	ret = linkat(from, oldname, to, name, 0) < 0 ? -errno : 0;
	close(to);
	close(from);
	return ret;
}

int p9_fs_unlink(const struct p9_root *root, const char *dir, const char *name, int flags)
{
	int dfd, ret;

	if (root->ro)
		return -EROFS;
	dfd = open_dir(root, dir);
	if (dfd < 0)
		return dfd;
	ret = unlinkat(dfd, name, flags & AT_REMOVEDIR) < 0 ? -errno : 0;
	close(dfd);
	return ret;
}

int p9_fs_rename(const struct p9_root *root, const char *olddir, const char *oldname,
		 const char *newdir, const char *newname)
{
	int from, to, ret;

	if (root->ro)
		return -EROFS;
	from = open_dir(root, olddir);
	if (from < 0)
		return from;
	to = open_dir(root, newdir);
	if (to < 0) {
		close(from);
		return to;
	}
	ret = renameat(from, oldname, to, newname) < 0 ? -errno : 0;
	close(to);
	close(from);
	return ret;
}

int p9_fs_readlink(const struct p9_root *root, const char *path, char *buf, size_t size)
{
	int fd = p9_fs_path(root, path), ret;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", buf, size);
	ret = n < 0 ? -errno : (int)n;
	close(fd);
	/* An object that is no link answers ENOENT here. */
	return ret == -ENOENT ? -EINVAL : ret;
}

void p9_fs_own(const struct p9_root *root, const char *dir, const char *name, uid_t uid,
	       gid_t gid)
{
	int dfd = open_dir(root, dir);

	if (dfd < 0)
		return;
	/* Without the right to chown, files belong to whoever runs hgvmm. */
	if (fchownat(dfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		errno = 0;
	close(dfd);
}

static int set_owner(int fd, const struct p9_setattr *a)
{
	uid_t uid = a->valid & P9_SET_UID ? a->uid : (uid_t)-1;
	gid_t gid = a->valid & P9_SET_GID ? a->gid : (gid_t)-1;

	if (!(a->valid & (P9_SET_UID | P9_SET_GID)))
		return 0;
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static struct timespec one_time(const struct p9_setattr *a, uint32_t bit, uint32_t to,
				struct timespec value)
{
	if (!(a->valid & bit))
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return a->valid & to ? value : (struct timespec){ .tv_nsec = UTIME_NOW };
}

static int set_times(int fd, const struct p9_setattr *a)
{
	struct timespec ts[2] = {
		one_time(a, P9_SET_ATIME, P9_SET_ATIME_TO, a->atime),
		one_time(a, P9_SET_MTIME, P9_SET_MTIME_TO, a->mtime),
	};

	if (!(a->valid & (P9_SET_ATIME | P9_SET_MTIME)))
		return 0;
	return utimensat(fd, "", ts, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* What needs a real descriptor: the mode and the size. */
static int set_contents(const struct p9_root *root, const char *path,
			const struct p9_setattr *a)
{
	int fd, ret = 0;

	if (!(a->valid & (P9_SET_MODE | P9_SET_SIZE)))
		return 0;
	if (a->valid & P9_SET_SIZE && a->size > INT64_MAX)
		return -EFBIG;
	fd = p9_fs_open(root, path, a->valid & P9_SET_SIZE ? O_WRONLY : O_RDONLY);
	if (fd < 0)
		return fd;
	if (a->valid & P9_SET_SIZE && ftruncate(fd, (off_t)a->size) < 0)
		ret = -errno;
	if (!ret && a->valid & P9_SET_MODE && fchmod(fd, a->mode & 07777) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int p9_fs_setattr(const struct p9_root *root, const char *path, const struct p9_setattr *a)
{
	int fd, ret;

	if (root->ro)
		return -EROFS;
	if (a->valid & ~P9_SET_ALL)
		return -EINVAL;
	fd = p9_fs_path(root, path);
	if (fd < 0)
		return fd;
	/* The owner first: chown clears set-id bits that the mode may set. */
	ret = set_owner(fd, a);
	if (!ret)
		ret = set_contents(root, path, a);
	if (!ret)
		ret = set_times(fd, a);
	close(fd);
	return ret;
}
