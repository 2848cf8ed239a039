// SPDX-License-Identifier: Apache-2.0
#include "p9.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "p9-fid.h"
#include "p9-fs.h"
#include "p9-wire.h"
#include "util.h"

struct p9_server {
	struct p9_root root;
	struct p9_fids fids;
	uint32_t msize;		/* negotiated, 0: no session yet */
	_Atomic uint64_t requests, errors, rd_bytes, wr_bytes;
	_Atomic unsigned int nr_fids;
};

/* One request in work. Handlers return 0 or a positive errno. */
struct op {
	struct p9_server *s;
	struct p9_in in;
	struct p9_out out;
};

static struct p9_qid qid_of(const struct stat *st)
{
	struct p9_qid q = { .version = (uint32_t)(st->st_mtime ^ st->st_size << 8) };

	q.type = S_ISDIR(st->st_mode) ? P9_QTDIR : S_ISLNK(st->st_mode) ? P9_QTSYMLINK : P9_QTFILE;
	/* Inode numbers repeat across file systems (xdev): mix the device in. */
	q.path = st->st_ino ^ (uint64_t)st->st_dev << 40;
	return q;
}

static struct p9_fid *get_fid(struct op *op)
{
	uint32_t id = p9_u32(&op->in);

	return op->in.bad ? NULL : p9_fid_find(&op->s->fids, id);
}

/* dir + "/" + name into a PATH_MAX buffer. */
static int join(char *out, const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name);

	return n >= PATH_MAX ? ENAMETOOLONG : 0;
}

static int op_version(struct op *op)
{
	uint32_t msize = p9_u32(&op->in);
	char version[P9_NAME_SIZE];

	p9_str(&op->in, version, sizeof(version));
	if (op->in.bad || msize < P9_MSIZE_MIN)
		return EINVAL;
	p9_reset(op->s);
	if (msize > P9_MSIZE_MAX)
		msize = P9_MSIZE_MAX;
	op->s->msize = msize;
	p9_put32(&op->out, msize);
	p9_put_str(&op->out, strcmp(version, "9P2000.L") ? "unknown" : "9P2000.L");
	return 0;
}

static int op_attach(struct op *op)
{
	uint32_t id = p9_u32(&op->in), afid = p9_u32(&op->in), uid;
	char uname[P9_NAME_SIZE], aname[P9_NAME_SIZE];
	struct stat st;
	int err;

	p9_str(&op->in, uname, sizeof(uname));
	p9_str(&op->in, aname, sizeof(aname));
	uid = p9_u32(&op->in);
	if (op->in.bad || afid != P9_NOFID)
		return EINVAL;
	/* One folder per server: a subfolder cannot be asked for here. */
	if (*aname && strcmp(aname, "/"))
		return ENOENT;
	err = -p9_fs_stat(&op->s->root, "", &st);
	if (err)
		return err;
	if (!p9_fid_add(&op->s->fids, id, "", uid, &err))
		return err;
	p9_put_qid(&op->out, qid_of(&st));
	return 0;
}

/* One step of a walk: @path becomes the path of @name in it. */
static int step(struct p9_server *s, char *path, const char *name, struct stat *st)
{
	char next[PATH_MAX], *slash;
	int err;

	if (!strcmp(name, "..")) {
		/* The parent by the path we walked; above the root is the root. */
		slash = strrchr(path, '/');
		*(slash ? slash : path) = '\0';
		return -p9_fs_stat(&s->root, path, st);
	}
	if (!p9_name_ok(name))
		return ENOENT;
	err = join(next, path, name);
	if (!err)
		err = -p9_fs_stat(&s->root, next, st);
	if (!err)
		strcpy(path, next);
	return err;
}

static int op_walk(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	uint32_t newid = p9_u32(&op->in);
	uint16_t n = p9_u16(&op->in), i;
	struct p9_qid qid[P9_WALK_MAX];
	char path[PATH_MAX], name[P9_NAME_SIZE];
	struct stat st;
	int err = 0;

	if (op->in.bad || n > P9_WALK_MAX)
		return EINVAL;
	if (!fid)
		return EBADF;
	snprintf(path, sizeof(path), "%s", fid->path);
	for (i = 0; i < n; i++) {
		p9_str(&op->in, name, sizeof(name));
		err = op->in.bad ? EINVAL : step(op->s, path, name, &st);
		if (err)
			break;
		qid[i] = qid_of(&st);
	}
	/* Failing at the first name is an error, later a short answer. */
	if (err && (!i || op->in.bad))
		return err;
	if (i == n) {
		if (newid == fid->id)
			err = fid->fd >= 0 ? EBADF : -p9_fid_set_path(fid, path);
		else
			p9_fid_add(&op->s->fids, newid, path, fid->uid, &err);
		if (err)
			return err;
	}
	p9_put16(&op->out, i);
	for (n = 0; n < i; n++)
		p9_put_qid(&op->out, qid[n]);
	return 0;
}

/* Client flags have x86 Linux values. Those it handles itself are dropped. */
static int open_flags(uint32_t flags, int *out)
{
	const uint32_t known = 07777777;
	const uint32_t pass = O_ACCMODE | O_TRUNC | O_APPEND | O_DSYNC | 04000000 | O_DIRECTORY;

	if (flags & ~known)
		return EINVAL;
	*out = (int)(flags & pass);
	return 0;
}

static uint32_t iounit(const struct p9_server *s)
{
	return s->msize - P9_IOHDR;
}

static int op_lopen(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	uint32_t raw = p9_u32(&op->in);
	struct stat st;
	int flags, err;

	if (op->in.bad)
		return EINVAL;
	if (!fid || fid->fd >= 0)
		return EBADF;
	err = open_flags(raw, &flags);
	if (err)
		return err;
	fid->fd = p9_fs_open(&op->s->root, fid->path, flags);
	if (fid->fd < 0) {
		err = -fid->fd;
		fid->fd = -1;
		return err;
	}
	if (fstat(fid->fd, &st) < 0)
		return errno;
	p9_put_qid(&op->out, qid_of(&st));
	p9_put32(&op->out, iounit(op->s));
	return 0;
}

static int op_lcreate(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	char name[P9_NAME_SIZE], path[PATH_MAX];
	uint32_t raw, mode, gid;
	struct stat st;
	int flags, err, fd;

	p9_str(&op->in, name, sizeof(name));
	raw = p9_u32(&op->in);
	mode = p9_u32(&op->in);
	gid = p9_u32(&op->in);
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	if (!fid || fid->fd >= 0)
		return EBADF;
	err = open_flags(raw, &flags);
	if (!err)
		err = join(path, fid->path, name);
	if (err)
		return err;
	fd = p9_fs_create(&op->s->root, fid->path, name, flags & ~(O_TRUNC | O_DIRECTORY), mode);
	if (fd < 0)
		return -fd;
	p9_fs_own(&op->s->root, fid->path, name, fid->uid, gid);
	err = -p9_fid_set_path(fid, path);
	if (!err && fstat(fd, &st) < 0)
		err = errno;
	if (err) {
		close(fd);
		return err;
	}
	fid->fd = fd;
	p9_put_qid(&op->out, qid_of(&st));
	p9_put32(&op->out, iounit(op->s));
	return 0;
}

static int op_read(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	uint64_t off = p9_u64(&op->in);
	uint32_t count = p9_u32(&op->in);
	size_t at = op->out.len;
	uint8_t *buf;
	ssize_t n;

	if (op->in.bad || off > INT64_MAX)
		return EINVAL;
	if (!fid || fid->fd < 0)
		return EBADF;
	p9_put32(&op->out, 0);
	if (count > p9_room(&op->out))
		count = (uint32_t)p9_room(&op->out);
	buf = p9_reserve(&op->out, count);
	if (!buf)
		return EMSGSIZE;
	n = pread(fid->fd, buf, count, (off_t)off);
	if (n < 0)
		return errno;
	p9_truncate(&op->out, at + 4 + (size_t)n);
	put_le32(op->out.p + at, (uint32_t)n);
	op->s->rd_bytes += (uint64_t)n;
	return 0;
}

static int op_write(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	uint64_t off = p9_u64(&op->in);
	uint32_t count = p9_u32(&op->in);
	const uint8_t *data = p9_take(&op->in, count);
	ssize_t n;

	if (op->in.bad || off > INT64_MAX)
		return EINVAL;
	if (!fid || fid->fd < 0)
		return EBADF;
	if (op->s->root.ro)
		return EROFS;
	n = pwrite(fid->fd, data, count, (off_t)off);
	if (n < 0)
		return errno;
	op->s->wr_bytes += (uint64_t)n;
	p9_put32(&op->out, (uint32_t)n);
	return 0;
}

struct linux_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* Append the entry. False when the answer is full. */
static bool put_entry(struct op *op, const struct linux_dirent *d, size_t limit)
{
	struct p9_qid q = { .path = d->ino };
	size_t name = strlen(d->name);

	if (P9_QID_SIZE + 8 + 1 + 2 + name > limit)
		return false;
	q.type = d->type == DT_DIR ? P9_QTDIR : d->type == DT_LNK ? P9_QTSYMLINK : P9_QTFILE;
	p9_put_qid(&op->out, q);
	p9_put64(&op->out, (uint64_t)d->off);
	p9_put8(&op->out, d->type);
	p9_put_str(&op->out, d->name);
	return true;
}

/* Fill up to @count bytes with entries from the directory's current position. */
static int put_entries(struct op *op, int fd, size_t count)
{
	size_t start = op->out.len;
	uint8_t buf[8192] __attribute__((aligned(8)));
	long n, at;

	for (;;) {
		n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
		if (n < 0)
			return errno;
		if (!n)
			return 0;
		for (at = 0; at < n;) {
			const struct linux_dirent *d = (const void *)(buf + at);

			/* What is left over is read again: offsets say where. */
			if (!put_entry(op, d, count - (op->out.len - start)))
				return 0;
			at += d->reclen;
		}
	}
}

static int op_readdir(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	uint64_t off = p9_u64(&op->in);
	uint32_t count = p9_u32(&op->in);
	size_t at = op->out.len;
	int err;

	if (op->in.bad || off > INT64_MAX)
		return EINVAL;
	if (!fid || fid->fd < 0)
		return EBADF;
	p9_put32(&op->out, 0);
	if (count > p9_room(&op->out))
		count = (uint32_t)p9_room(&op->out);
	if (lseek(fid->fd, (off_t)off, SEEK_SET) < 0)
		return errno;
	err = put_entries(op, fid->fd, count);
	if (err)
		return err;
	put_le32(op->out.p + at, (uint32_t)(op->out.len - at - 4));
	return 0;
}

static int op_clunk(struct op *op)
{
	struct p9_fid *fid = get_fid(op);

	if (!fid)
		return EBADF;
	p9_fid_del(&op->s->fids, fid);
	return 0;
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

static int op_remove(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
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

static int op_unlinkat(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
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

static int op_statfs(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	struct statfs fs;
	int fd, err;

	if (!fid)
		return EBADF;
	fd = p9_fs_path(&op->s->root, fid->path);
	if (fd < 0)
		return -fd;
	err = fstatfs(fd, &fs) < 0 ? errno : 0;
	close(fd);
	if (err)
		return err;
	p9_put32(&op->out, (uint32_t)fs.f_type);
	p9_put32(&op->out, (uint32_t)fs.f_bsize);
	p9_put64(&op->out, fs.f_blocks);
	p9_put64(&op->out, fs.f_bfree);
	p9_put64(&op->out, fs.f_bavail);
	p9_put64(&op->out, fs.f_files);
	p9_put64(&op->out, fs.f_ffree);
	p9_put64(&op->out, (uint64_t)(uint32_t)fs.f_fsid.__val[1] << 32 |
			   (uint32_t)fs.f_fsid.__val[0]);
	p9_put32(&op->out, (uint32_t)fs.f_namelen);
	return 0;
}

static void put_time(struct p9_out *out, struct timespec t)
{
	p9_put64(out, (uint64_t)t.tv_sec);
	p9_put64(out, (uint64_t)t.tv_nsec);
}

static int op_getattr(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	struct p9_out *out = &op->out;
	struct stat st;
	int err;

	p9_u64(&op->in);	/* the wanted fields: we give the basic ones */
	if (op->in.bad)
		return EINVAL;
	if (!fid)
		return EBADF;
	if (fid->fd >= 0)
		err = fstat(fid->fd, &st) < 0 ? errno : 0;
	else
		err = -p9_fs_stat(&op->s->root, fid->path, &st);
	if (err)
		return err;
	p9_put64(out, P9_STATS_BASIC);
	p9_put_qid(out, qid_of(&st));
	p9_put32(out, st.st_mode);
	p9_put32(out, st.st_uid);
	p9_put32(out, st.st_gid);
	p9_put64(out, st.st_nlink);
	p9_put64(out, st.st_rdev);
	p9_put64(out, (uint64_t)st.st_size);
	p9_put64(out, (uint64_t)st.st_blksize);
	p9_put64(out, (uint64_t)st.st_blocks);
	put_time(out, st.st_atim);
	put_time(out, st.st_mtim);
	put_time(out, st.st_ctim);
	put_time(out, (struct timespec){ 0 });	/* birth time, not in the mask */
	p9_put64(out, 0);
	p9_put64(out, 0);
	return 0;
}

static int op_setattr(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	struct p9_setattr a = { .valid = p9_u32(&op->in) };

	a.mode = p9_u32(&op->in);
	a.uid = p9_u32(&op->in);
	a.gid = p9_u32(&op->in);
	a.size = p9_u64(&op->in);
	a.atime.tv_sec = (time_t)p9_u64(&op->in);
	a.atime.tv_nsec = (long)p9_u64(&op->in);
	a.mtime.tv_sec = (time_t)p9_u64(&op->in);
	a.mtime.tv_nsec = (long)p9_u64(&op->in);
	if (op->in.bad)
		return EINVAL;
	return fid ? -p9_fs_setattr(&op->s->root, fid->path, &a) : EBADF;
}

static int op_readlink(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	char target[PATH_MAX];
	int n;

	if (!fid)
		return EBADF;
	n = p9_fs_readlink(&op->s->root, fid->path, target, sizeof(target) - 1);
	if (n < 0)
		return -n;
	target[n] = '\0';
	p9_put_str(&op->out, target);
	return 0;
}

/* The qid of a new object, which is first given to its owner. */
static int finish_new(struct op *op, const struct p9_fid *dir, const char *name, uint32_t gid)
{
	char path[PATH_MAX];
	struct stat st;
	int err = join(path, dir->path, name);

	p9_fs_own(&op->s->root, dir->path, name, dir->uid, gid);
	if (!err)
		err = -p9_fs_stat(&op->s->root, path, &st);
	if (!err)
		p9_put_qid(&op->out, qid_of(&st));
	return err;
}

static int op_mkdir(struct op *op)
{
	struct p9_fid *dir = get_fid(op);
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

static int op_symlink(struct op *op)
{
	struct p9_fid *dir = get_fid(op);
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

static int op_mknod(struct op *op)
{
	struct p9_fid *dir = get_fid(op);
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

static int op_link(struct op *op)
{
	struct p9_fid *dir = get_fid(op), *fid = get_fid(op);
	char name[P9_NAME_SIZE];

	p9_str(&op->in, name, sizeof(name));
	if (op->in.bad || !p9_name_ok(name))
		return EINVAL;
	return dir && fid ? -p9_fs_link(&op->s->root, fid->path, dir->path, name) : EBADF;
}

/* Rename and let the fids follow. */
static int do_rename(struct op *op, const char *olddir, const char *oldname, const char *newdir,
		     const char *newname)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err = join(from, olddir, oldname);

	if (!err)
		err = join(to, newdir, newname);
	if (!err)
		err = -p9_fs_rename(&op->s->root, olddir, oldname, newdir, newname);
	if (!err)
		p9_fid_renamed(&op->s->fids, from, to);
	return err;
}

static int op_rename(struct op *op)
{
	struct p9_fid *fid = get_fid(op), *dir = get_fid(op);
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

static int op_renameat(struct op *op)
{
	char oldname[P9_NAME_SIZE], newname[P9_NAME_SIZE], olddir[PATH_MAX], newdir[PATH_MAX];
	struct p9_fid *from = get_fid(op), *to;

	p9_str(&op->in, oldname, sizeof(oldname));
	to = get_fid(op);
	p9_str(&op->in, newname, sizeof(newname));
	if (op->in.bad || !p9_name_ok(oldname) || !p9_name_ok(newname))
		return EINVAL;
	if (!from || !to)
		return EBADF;
	snprintf(olddir, sizeof(olddir), "%s", from->path);
	snprintf(newdir, sizeof(newdir), "%s", to->path);
	return do_rename(op, olddir, oldname, newdir, newname);
}

static int op_fsync(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	uint32_t data = 0;

	/* Older clients leave the second field out. */
	if (!op->in.bad && op->in.len - op->in.off >= 4)
		data = p9_u32(&op->in);
	if (!fid || fid->fd < 0)
		return EBADF;
	return (data ? fdatasync(fid->fd) : fsync(fid->fd)) < 0 ? errno : 0;
}

/*
 * The guest's kernel settles locks among its own processes before it asks; they
 * are not carried to the host, where other machines would see them. The manual
 * page says so.
 */
static int op_lock(struct op *op)
{
	struct p9_fid *fid = get_fid(op);

	if (!fid || fid->fd < 0)
		return EBADF;
	p9_put8(&op->out, P9_LOCK_SUCCESS);
	return 0;
}

static int op_getlock(struct op *op)
{
	struct p9_fid *fid = get_fid(op);
	char client[P9_NAME_SIZE];
	uint64_t start, length;
	uint32_t pid;

	p9_take(&op->in, 1);	/* the type asked about: nothing conflicts */
	start = p9_u64(&op->in);
	length = p9_u64(&op->in);
	pid = p9_u32(&op->in);
	p9_str(&op->in, client, sizeof(client));
	if (op->in.bad)
		return EINVAL;
	if (!fid)
		return EBADF;
	p9_put8(&op->out, P9_LOCK_UNLOCKED);
	p9_put64(&op->out, start);
	p9_put64(&op->out, length);
	p9_put32(&op->out, pid);
	p9_put_str(&op->out, client);
	return 0;
}

static int op_flush(struct op *op)
{
	(void)op;	/* requests are answered in order, so it is done already */
	return 0;
}

static int op_unsupported(struct op *op)
{
	(void)op;
	return EOPNOTSUPP;
}

static int (*const ops[256])(struct op *op) = {
	[P9_TSTATFS] = op_statfs, [P9_TLOPEN] = op_lopen, [P9_TLCREATE] = op_lcreate,
	[P9_TSYMLINK] = op_symlink, [P9_TMKNOD] = op_mknod, [P9_TRENAME] = op_rename,
	[P9_TREADLINK] = op_readlink, [P9_TGETATTR] = op_getattr, [P9_TSETATTR] = op_setattr,
	[P9_TXATTRWALK] = op_unsupported, [P9_TXATTRCREATE] = op_unsupported,
	[P9_TREADDIR] = op_readdir, [P9_TFSYNC] = op_fsync, [P9_TLOCK] = op_lock,
	[P9_TGETLOCK] = op_getlock, [P9_TLINK] = op_link, [P9_TMKDIR] = op_mkdir,
	[P9_TRENAMEAT] = op_renameat, [P9_TUNLINKAT] = op_unlinkat, [P9_TVERSION] = op_version,
	[P9_TATTACH] = op_attach, [P9_TFLUSH] = op_flush, [P9_TWALK] = op_walk,
	[P9_TREAD] = op_read, [P9_TWRITE] = op_write, [P9_TCLUNK] = op_clunk,
	[P9_TREMOVE] = op_remove,
};

static int dispatch(struct op *op, uint8_t type)
{
	if (!ops[type])
		return EOPNOTSUPP;
	if (!op->s->msize && type != P9_TVERSION)
		return EPROTO;	/* the session starts with a version */
	return ops[type](op);
}

size_t p9_handle(struct p9_server *s, const uint8_t *req, size_t len, uint8_t *rep, size_t cap)
{
	struct op op = { .s = s };
	uint8_t type;
	uint16_t tag;
	int err;

	if (len < P9_HDR || get_le32(req) != len || cap < P9_HDR + 4)
		return 0;
	type = req[4];
	tag = get_le16(req + 5);
	op.in = (struct p9_in){ .p = req, .len = len, .off = P9_HDR };
	if (s->msize && cap > s->msize)
		cap = s->msize;
	op.out = (struct p9_out){ .p = rep, .cap = cap, .len = P9_HDR };

	s->requests++;
	err = dispatch(&op, type);
	if (!err && op.out.full)
		err = EMSGSIZE;
	if (err) {
		s->errors++;
		op.out = (struct p9_out){ .p = rep, .cap = cap, .len = P9_HDR };
		p9_put32(&op.out, (uint32_t)err);
		type = P9_RLERROR - 1;
	}
	s->nr_fids = s->fids.nr;
	put_le32(rep, (uint32_t)op.out.len);
	rep[4] = (uint8_t)(type + 1);
	put_le16(rep + 5, tag);
	return op.out.len;
}

void p9_reset(struct p9_server *s)
{
	p9_fid_clear(&s->fids);
	s->nr_fids = 0;
	s->msize = 0;
}

struct p9_server *p9_new(const char *path, bool ro, bool xdev)
{
	struct p9_server *s = calloc(1, sizeof(*s));
	struct stat st;
	int err;

	if (!s)
		return NULL;
	s->root.ro = ro;
	s->root.xdev = xdev;
	s->root.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root.fd < 0) {
		hg_err("--share path=%s: %s", path, strerror(errno));
		free(s);
		return NULL;
	}
	err = -p9_fs_stat(&s->root, "", &st);
	if (err) {
		hg_err("--share path=%s: %s%s", path, strerror(err),
		       err == ENOSYS ? "; the kernel must have openat2 (Linux 5.6)" : "");
		p9_free(s);
		return NULL;
	}
	return s;
}

void p9_free(struct p9_server *s)
{
	if (!s)
		return;
	p9_reset(s);
	close(s->root.fd);
	free(s);
}

struct p9_stats p9_stats(const struct p9_server *s)
{
	return (struct p9_stats){
		.requests = s->requests, .errors = s->errors, .read_bytes = s->rd_bytes,
		.written_bytes = s->wr_bytes, .fids = s->nr_fids,
	};
}
