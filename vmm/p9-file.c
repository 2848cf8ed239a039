// SPDX-License-Identifier: Apache-2.0
/* 9p requests on files, directories and their attributes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "p9-op.h"
#include "util.h"

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

int p9_op_lopen(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
	p9_put_qid(&op->out, p9_qid_of(&st));
	p9_put32(&op->out, iounit(op->s));
	return 0;
}

int p9_op_lcreate(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
		err = p9_join(path, fid->path, name);
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
	p9_put_qid(&op->out, p9_qid_of(&st));
	p9_put32(&op->out, iounit(op->s));
	return 0;
}

int p9_op_read(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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

int p9_op_write(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
static bool put_entry(struct p9_op *op, const struct linux_dirent *d, uint64_t dev,
		      size_t limit)
{
	struct p9_qid q = { .path = p9_qid_path(d->ino, dev) };
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
static int put_entries(struct p9_op *op, int fd, size_t count)
{
	struct stat st;
	size_t start = op->out.len;
	uint8_t buf[8192] __attribute__((aligned(8)));
	long n, at;

	if (fstat(fd, &st) < 0)
		return errno;
	for (;;) {
		n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
		if (n < 0)
			return errno;
		if (!n)
			return 0;
		for (at = 0; at < n;) {
			const struct linux_dirent *d = (const void *)(buf + at);

			/* What is left over is read again: offsets say where. */
			if (!put_entry(op, d, st.st_dev, count - (op->out.len - start)))
				return 0;
			at += d->reclen;
		}
	}
}

int p9_op_readdir(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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

int p9_op_statfs(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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

int p9_op_getattr(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
	p9_put_qid(out, p9_qid_of(&st));
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

int p9_op_setattr(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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

int p9_op_readlink(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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

int p9_op_fsync(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
int p9_op_lock(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);

	if (!fid || fid->fd < 0)
		return EBADF;
	p9_put8(&op->out, P9_LOCK_SUCCESS);
	return 0;
}

int p9_op_getlock(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
