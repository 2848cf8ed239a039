// SPDX-License-Identifier: Apache-2.0
#include "p9.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "p9-op.h"
#include "util.h"

uint64_t p9_qid_path(uint64_t ino, uint64_t dev)
{
	return ino ^ dev << 40;
}

struct p9_qid p9_qid_of(const struct stat *st)
{
	struct p9_qid q = { .version = (uint32_t)(st->st_mtime ^ st->st_size << 8) };

	q.type = S_ISDIR(st->st_mode) ? P9_QTDIR : S_ISLNK(st->st_mode) ? P9_QTSYMLINK : P9_QTFILE;
	q.path = p9_qid_path(st->st_ino, st->st_dev);
	return q;
}

struct p9_fid *p9_get_fid(struct p9_op *op)
{
	uint32_t id = p9_u32(&op->in);

	return op->in.bad ? NULL : p9_fid_find(&op->s->fids, id);
}

int p9_join(char *out, const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name);

	return n >= PATH_MAX ? ENAMETOOLONG : 0;
}

static int op_version(struct p9_op *op)
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

static int op_attach(struct p9_op *op)
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
	p9_put_qid(&op->out, p9_qid_of(&st));
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
	err = p9_join(next, path, name);
	if (!err)
		err = -p9_fs_stat(&s->root, next, st);
	if (!err)
		strcpy(path, next);
	return err;
}

static int op_walk(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);
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
		qid[i] = p9_qid_of(&st);
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

static int op_clunk(struct p9_op *op)
{
	struct p9_fid *fid = p9_get_fid(op);

	if (!fid)
		return EBADF;
	p9_fid_del(&op->s->fids, fid);
	return 0;
}

static int op_flush(struct p9_op *op)
{
	(void)op;	/* requests are answered in order, so it is done already */
	return 0;
}

static int op_unsupported(struct p9_op *op)
{
	(void)op;
	return EOPNOTSUPP;
}

static int (*const ops[256])(struct p9_op *op) = {
	[P9_TSTATFS] = p9_op_statfs, [P9_TLOPEN] = p9_op_lopen, [P9_TLCREATE] = p9_op_lcreate,
	[P9_TSYMLINK] = p9_op_symlink, [P9_TMKNOD] = p9_op_mknod, [P9_TRENAME] = p9_op_rename,
	[P9_TREADLINK] = p9_op_readlink, [P9_TGETATTR] = p9_op_getattr,
	[P9_TSETATTR] = p9_op_setattr,
	[P9_TXATTRWALK] = op_unsupported, [P9_TXATTRCREATE] = op_unsupported,
	[P9_TREADDIR] = p9_op_readdir, [P9_TFSYNC] = p9_op_fsync, [P9_TLOCK] = p9_op_lock,
	[P9_TGETLOCK] = p9_op_getlock, [P9_TLINK] = p9_op_link, [P9_TMKDIR] = p9_op_mkdir,
	[P9_TRENAMEAT] = p9_op_renameat, [P9_TUNLINKAT] = p9_op_unlinkat,
	[P9_TVERSION] = op_version,
	[P9_TATTACH] = op_attach, [P9_TFLUSH] = op_flush, [P9_TWALK] = op_walk,
	[P9_TREAD] = p9_op_read, [P9_TWRITE] = p9_op_write, [P9_TCLUNK] = op_clunk,
	[P9_TREMOVE] = p9_op_remove,
};

static int dispatch(struct p9_op *op, uint8_t type)
{
	if (!ops[type])
		return EOPNOTSUPP;
	if (!op->s->msize && type != P9_TVERSION)
		return EPROTO;	/* the session starts with a version */
	return ops[type](op);
}

size_t p9_handle(struct p9_server *s, const uint8_t *req, size_t len, uint8_t *rep, size_t cap)
{
	struct p9_op op = { .s = s };
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
