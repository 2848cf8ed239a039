// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "p9.h"
#include "p9-wire.h"
#include "util.h"

#define NOFID UINT32_MAX

struct fixture {
	char dir[64];
	struct p9_server *s;
	uint8_t req[8192], rep[8192];
	struct p9_out out;	/* the request being built */
	struct p9_in in;	/* the answer being read */
};

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *in_dir(const char *dir, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* dir/secret is outside of the share dir/root; links in it point there. */
static void make_tree(struct fixture *f)
{
	char root[128];

	strcpy(f->dir, "/tmp/hgvmm-p9-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	put_file(f->dir, "secret", "secret");
	assert_int_equal(mkdir(in_dir(f->dir, "root"), 0755), 0);
	snprintf(root, sizeof(root), "%s/root", f->dir);
	put_file(root, "hello", "hello world");
	assert_int_equal(mkdir(in_dir(root, "sub"), 0755), 0);
	put_file(root, "sub/deep", "deep");
	assert_int_equal(symlink("../secret", in_dir(root, "out")), 0);
	assert_int_equal(symlink("..", in_dir(root, "up")), 0);
	assert_int_equal(symlink("sub", in_dir(root, "in")), 0);
	assert_int_equal(mkfifo(in_dir(root, "fifo"), 0644), 0);
}

static struct fixture *start(bool ro)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char root[128];

	make_tree(f);
	snprintf(root, sizeof(root), "%s/root", f->dir);
	f->s = p9_new(root, ro, false);
	assert_non_null(f->s);
	return f;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	p9_free(f->s);
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct p9_out *begin(struct fixture *f, uint8_t type)
{
	f->out = (struct p9_out){ .p = f->req, .cap = sizeof(f->req), .len = P9_HDR };
	f->req[4] = type;
	put_le16(f->req + 5, 0x55);
	return &f->out;
}

/* Returns 0 or the errno of the answer; f->in stands behind its header. */
static int call(struct fixture *f)
{
	size_t len;

	put_le32(f->req, (uint32_t)f->out.len);
	len = p9_handle(f->s, f->req, f->out.len, f->rep, sizeof(f->rep));
	assert_true(len >= P9_HDR);
	assert_int_equal(get_le32(f->rep), len);
	assert_int_equal(get_le16(f->rep + 5), 0x55);
	f->in = (struct p9_in){ .p = f->rep, .len = len, .off = P9_HDR };
	if (f->rep[4] == P9_RLERROR)
		return (int)p9_u32(&f->in);
	assert_int_equal(f->rep[4], f->req[4] + 1);
	return 0;
}

static void session(struct fixture *f)
{
	struct p9_out *o = begin(f, P9_TVERSION);

	p9_put32(o, 8192);
	p9_put_str(o, "9P2000.L");
	assert_int_equal(call(f), 0);
	assert_int_equal(p9_u32(&f->in), 8192);
	o = begin(f, P9_TATTACH);
	p9_put32(o, 0);
	p9_put32(o, NOFID);
	p9_put_str(o, "root");
	p9_put_str(o, "");
	p9_put32(o, geteuid());
	assert_int_equal(call(f), 0);
}

static int setup_rw(void **state)
{
	*state = start(false);
	session(*state);
	return 0;
}

static int setup_ro(void **state)
{
	*state = start(true);
	session(*state);
	return 0;
}

/* Walk from @fid by a path with slashes. */
static int walk(struct fixture *f, uint32_t fid, uint32_t newfid, const char *path)
{
	struct p9_out *o = begin(f, P9_TWALK);
	char copy[512], *name, *save = NULL;
	uint16_t n = 0;
	int ret;

	p9_put32(o, fid);
	p9_put32(o, newfid);
	p9_put16(o, 0);
	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save), n++)
		p9_put_str(o, name);
	put_le16(f->req + P9_HDR + 8, n);
	ret = call(f);
	/* A short answer means that a later name was not there. */
	return ret ? ret : p9_u16(&f->in) == n ? 0 : ENOENT;
}

static int lopen(struct fixture *f, uint32_t fid, uint32_t flags)
{
	struct p9_out *o = begin(f, P9_TLOPEN);

	p9_put32(o, fid);
	p9_put32(o, flags);
	return call(f);
}

static int rd(struct fixture *f, uint8_t type, uint32_t fid, uint64_t off, uint32_t count)
{
	struct p9_out *o = begin(f, type);

	p9_put32(o, fid);
	p9_put64(o, off);
	p9_put32(o, count);
	return call(f);
}

static int wr(struct fixture *f, uint32_t fid, uint64_t off, const char *text)
{
	struct p9_out *o = begin(f, P9_TWRITE);

	p9_put32(o, fid);
	p9_put64(o, off);
	p9_put32(o, (uint32_t)strlen(text));
	memcpy(p9_reserve(o, strlen(text)), text, strlen(text));
	return call(f);
}

static int one_fid(struct fixture *f, uint8_t type, uint32_t fid)
{
	p9_put32(begin(f, type), fid);
	return call(f);
}

static int create(struct fixture *f, uint32_t fid, const char *name, uint32_t flags)
{
	struct p9_out *o = begin(f, P9_TLCREATE);

	p9_put32(o, fid);
	p9_put_str(o, name);
	p9_put32(o, flags);
	p9_put32(o, 0640);
	p9_put32(o, getegid());
	return call(f);
}

static int mk_dir(struct fixture *f, uint32_t fid, const char *name)
{
	struct p9_out *o = begin(f, P9_TMKDIR);

	p9_put32(o, fid);
	p9_put_str(o, name);
	p9_put32(o, 0755);
	p9_put32(o, getegid());
	return call(f);
}

static int unlink_at(struct fixture *f, uint32_t fid, const char *name, uint32_t flags)
{
	struct p9_out *o = begin(f, P9_TUNLINKAT);

	p9_put32(o, fid);
	p9_put_str(o, name);
	p9_put32(o, flags);
	return call(f);
}

static int rename_at(struct fixture *f, uint32_t from, const char *old, uint32_t to,
		     const char *new)
{
	struct p9_out *o = begin(f, P9_TRENAMEAT);

	p9_put32(o, from);
	p9_put_str(o, old);
	p9_put32(o, to);
	p9_put_str(o, new);
	return call(f);
}

static int symlink_at(struct fixture *f, uint32_t fid, const char *name, const char *target)
{
	struct p9_out *o = begin(f, P9_TSYMLINK);

	p9_put32(o, fid);
	p9_put_str(o, name);
	p9_put_str(o, target);
	p9_put32(o, getegid());
	return call(f);
}

static int mknod_at(struct fixture *f, uint32_t fid, const char *name, uint32_t mode)
{
	struct p9_out *o = begin(f, P9_TMKNOD);

	p9_put32(o, fid);
	p9_put_str(o, name);
	p9_put32(o, mode);
	p9_put32(o, 1);
	p9_put32(o, 3);
	p9_put32(o, getegid());
	return call(f);
}

static int set_size(struct fixture *f, uint32_t fid, uint64_t size)
{
	struct p9_out *o = begin(f, P9_TSETATTR);

	p9_put32(o, fid);
	p9_put32(o, 8);
	p9_put32(o, 0);
	p9_put32(o, 0);
	p9_put32(o, 0);
	p9_put64(o, size);
	p9_put64(o, 0);
	p9_put64(o, 0);
	p9_put64(o, 0);
	p9_put64(o, 0);
	return call(f);
}

static bool on_host(const struct fixture *f, const char *name)
{
	struct stat st;
	char path[256];

	snprintf(path, sizeof(path), "%s/root/%s", f->dir, name);
	return lstat(path, &st) == 0;
}

static void read_a_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(walk(f, 0, 1, "sub/deep"), 0);
	assert_int_equal(rd(f, P9_TREAD, 1, 0, 100), EBADF);	/* not open yet */
	assert_int_equal(lopen(f, 1, O_RDONLY), 0);
	assert_int_equal(lopen(f, 1, O_RDONLY), EBADF);		/* twice */
	assert_int_equal(rd(f, P9_TREAD, 1, 1, 100), 0);
	assert_int_equal(p9_u32(&f->in), 3);
	assert_memory_equal(p9_take(&f->in, 3), "eep", 3);
	/* More than fits the answer is cut, past the end is empty. */
	assert_int_equal(rd(f, P9_TREAD, 1, 0, UINT32_MAX), 0);
	assert_int_equal(p9_u32(&f->in), 4);
	assert_int_equal(rd(f, P9_TREAD, 1, 1000, 10), 0);
	assert_int_equal(p9_u32(&f->in), 0);
	assert_int_equal(rd(f, P9_TREAD, 1, UINT64_MAX, 10), EINVAL);
	assert_int_equal(one_fid(f, P9_TCLUNK, 1), 0);
	assert_int_equal(one_fid(f, P9_TCLUNK, 1), EBADF);
	assert_int_equal(p9_stats(f->s).read_bytes, 7);
}

static void list_a_directory(void **state)
{
	struct fixture *f = *state;
	unsigned int n = 0, rounds = 0;
	char name[256];
	uint64_t off = 0;

	assert_int_equal(walk(f, 0, 1, ""), 0);
	assert_int_equal(lopen(f, 1, O_RDONLY | O_DIRECTORY), 0);
	/* A small count forces several rounds; no entry is lost or repeated. */
	for (;;) {
		uint32_t len;

		assert_int_equal(rd(f, P9_TREADDIR, 1, off, 80), 0);
		len = p9_u32(&f->in);
		if (!len)
			break;
		assert_true(len <= 80);
		rounds++;
		while (f->in.off < f->in.len) {
			p9_take(&f->in, P9_QID_SIZE);
			off = p9_u64(&f->in);
			p9_take(&f->in, 1);
			p9_str(&f->in, name, sizeof(name));
			assert_false(f->in.bad);
			n++;
		}
	}
	assert_int_equal(n, 8);		/* . .. hello sub out up in fifo */
	assert_true(rounds > 2);
}

static void no_escape(void **state)
{
	struct fixture *f = *state;
	struct p9_out *o;
	char target[64];

	/* Dot-dot stops at the root. */
	assert_int_equal(walk(f, 0, 1, "../../.."), 0);
	assert_int_equal(walk(f, 1, 2, "secret"), ENOENT);
	assert_int_equal(walk(f, 1, 2, "hello"), 0);
	one_fid(f, P9_TCLUNK, 2);
	assert_int_equal(walk(f, 0, 2, "sub/../../secret"), ENOENT);

	/* Links are seen, not followed: neither out of the share nor within. */
	assert_int_equal(walk(f, 0, 3, "out"), 0);
	assert_int_equal(lopen(f, 3, O_RDONLY), ELOOP);
	assert_int_equal(set_size(f, 3, 0), ELOOP);
	assert_int_equal(walk(f, 0, 4, "up/secret"), ENOENT);
	assert_int_equal(walk(f, 0, 4, "in/deep"), ENOENT);
	assert_int_equal(one_fid(f, P9_TREADLINK, 3), 0);
	p9_str(&f->in, target, sizeof(target));
	assert_string_equal(target, "../secret");

	/* Names that are paths. */
	o = begin(f, P9_TWALK);
	p9_put32(o, 0);
	p9_put32(o, 5);
	p9_put16(o, 1);
	p9_put_str(o, "../secret");
	assert_int_equal(call(f), ENOENT);
	assert_int_equal(create(f, 1, "../evil", O_WRONLY), EINVAL);
	assert_int_equal(mk_dir(f, 0, ".."), EINVAL);
	assert_int_equal(mk_dir(f, 0, ""), EINVAL);
	assert_int_equal(unlink_at(f, 0, "../secret", 0), EINVAL);
	assert_int_equal(rename_at(f, 0, "hello", 0, "../hello"), EINVAL);
	assert_int_equal(rename_at(f, 0, "../secret", 0, "mine"), EINVAL);
	assert_true(access(in_dir(f->dir, "secret"), F_OK) == 0);
	assert_true(on_host(f, "hello"));
	assert_int_equal(access(in_dir(f->dir, "evil"), F_OK), -1);
}

/* A directory that becomes a link out of the share behind the fid's back. */
static void swapped_for_a_link(void **state)
{
	struct fixture *f = *state;
	char sub[128];

	assert_int_equal(walk(f, 0, 1, "sub"), 0);
	snprintf(sub, sizeof(sub), "%s/root/sub", f->dir);
	assert_int_equal(rename(sub, in_dir(f->dir, "moved")), 0);
	assert_int_equal(symlink("..", sub), 0);
	assert_int_equal(walk(f, 1, 2, "secret"), ELOOP);
	assert_int_equal(create(f, 1, "evil", O_WRONLY), ENOTDIR);
	assert_int_equal(mk_dir(f, 1, "evil"), ENOTDIR);
	assert_int_equal(unlink_at(f, 1, "secret", 0), ENOTDIR);
	assert_int_equal(access(in_dir(f->dir, "secret"), F_OK), 0);
	assert_int_equal(access(in_dir(f->dir, "evil"), F_OK), -1);
}

static void special_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(walk(f, 0, 1, "fifo"), 0);
	assert_int_equal(lopen(f, 1, O_RDONLY), EPERM);	/* and does not hang */
	assert_int_equal(mknod_at(f, 0, "null", S_IFCHR | 0666), EPERM);
	assert_int_equal(mknod_at(f, 0, "disk", S_IFBLK | 0666), EPERM);
	assert_false(on_host(f, "null"));
	assert_false(on_host(f, "disk"));
	assert_int_equal(mknod_at(f, 0, "pipe", S_IFIFO | 0600), 0);
	assert_true(on_host(f, "pipe"));
}

static void write_and_truncate(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(walk(f, 0, 1, ""), 0);
	assert_int_equal(create(f, 1, "new", O_RDWR | O_TRUNC), 0);
	assert_int_equal(wr(f, 1, 3, "abc"), 0);
	assert_int_equal(p9_u32(&f->in), 3);
	assert_int_equal(stat(in_dir(f->dir, "root/new"), &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(set_size(f, 1, 2), 0);
	stat(in_dir(f->dir, "root/new"), &st);
	assert_int_equal(st.st_size, 2);
	assert_int_equal(set_size(f, 1, UINT64_MAX), EFBIG);
	/* It exists now; and unknown flags are refused. */
	assert_int_equal(walk(f, 0, 2, ""), 0);
	assert_int_equal(create(f, 2, "new", O_RDWR), EEXIST);
	assert_int_equal(create(f, 2, "flags", 1u << 30), EINVAL);
	assert_false(on_host(f, "flags"));
}

static void rename_carries_fids(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(walk(f, 0, 1, "sub/deep"), 0);
	assert_int_equal(rename_at(f, 0, "sub", 0, "other"), 0);
	assert_true(on_host(f, "other/deep"));
	assert_int_equal(lopen(f, 1, O_RDONLY), 0);	/* at its new path */
	/* A name that only begins alike is another file. */
	assert_int_equal(mk_dir(f, 0, "otherwise"), 0);
	assert_int_equal(walk(f, 0, 2, "otherwise"), 0);
	assert_int_equal(rename_at(f, 0, "other", 0, "sub"), 0);
	assert_int_equal(lopen(f, 2, O_RDONLY), 0);
}

static void remove_things(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unlink_at(f, 0, "sub", 0), EISDIR);
	assert_int_equal(unlink_at(f, 0, "sub", 0x200), ENOTEMPTY);
	assert_int_equal(unlink_at(f, 0, "hello", 0x400), EINVAL);
	assert_int_equal(unlink_at(f, 0, "hello", 0), 0);
	assert_false(on_host(f, "hello"));
	assert_int_equal(walk(f, 0, 1, "sub/deep"), 0);
	assert_int_equal(one_fid(f, P9_TREMOVE, 1), 0);
	assert_false(on_host(f, "sub/deep"));
	assert_int_equal(one_fid(f, P9_TCLUNK, 1), EBADF);
	/* The root stays, its fid goes. */
	assert_int_equal(one_fid(f, P9_TREMOVE, 0), EBUSY);
	assert_true(on_host(f, "."));
}

/* Every change is refused, and nothing has changed. */
static void read_only(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;

	assert_int_equal(stat(in_dir(f->dir, "root"), &before), 0);
	assert_int_equal(walk(f, 0, 1, "hello"), 0);
	assert_int_equal(lopen(f, 1, O_RDWR), EROFS);
	assert_int_equal(lopen(f, 1, O_WRONLY), EROFS);
	assert_int_equal(lopen(f, 1, O_RDONLY | O_TRUNC), EROFS);
	assert_int_equal(set_size(f, 1, 0), EROFS);
	assert_int_equal(walk(f, 0, 2, ""), 0);
	assert_int_equal(create(f, 2, "new", O_RDONLY), EROFS);
	assert_int_equal(mk_dir(f, 0, "new"), EROFS);
	assert_int_equal(symlink_at(f, 0, "new", "x"), EROFS);
	assert_int_equal(mknod_at(f, 0, "new", S_IFIFO | 0600), EROFS);
	assert_int_equal(unlink_at(f, 0, "hello", 0), EROFS);
	assert_int_equal(rename_at(f, 0, "hello", 0, "new"), EROFS);
	assert_int_equal(lopen(f, 1, O_RDONLY), 0);
	assert_int_equal(wr(f, 1, 0, "x"), EROFS);
	assert_int_equal(stat(in_dir(f->dir, "root"), &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(stat(in_dir(f->dir, "root/hello"), &after), 0);
	assert_int_equal(after.st_size, 11);
	assert_int_equal(rd(f, P9_TREAD, 1, 0, 5), 0);
}

static void fids(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(walk(f, 0, 0, "sub"), 0);		/* in place */
	assert_int_equal(walk(f, 0, 1, "deep"), 0);
	assert_int_equal(walk(f, 0, 1, "deep"), EEXIST);
	assert_int_equal(walk(f, 0, NOFID, "deep"), EINVAL);
	assert_int_equal(walk(f, 77, 78, ""), EBADF);
	assert_int_equal(one_fid(f, P9_TSTATFS, 1), 0);
	assert_int_equal(p9_stats(f->s).fids, 2);
	/* A new version starts over. */
	session(f);
	assert_int_equal(p9_stats(f->s).fids, 1);
	assert_int_equal(one_fid(f, P9_TCLUNK, 1), EBADF);
}

static void no_session(void **state)
{
	struct fixture *f = *state;

	p9_reset(f->s);
	assert_int_equal(walk(f, 0, 1, ""), EPROTO);
	assert_int_equal(one_fid(f, P9_TCLUNK, 0), EPROTO);
	p9_put32(begin(f, P9_TVERSION), 100);		/* msize too small */
	p9_put_str(&f->out, "9P2000.L");
	assert_int_equal(call(f), EINVAL);
	assert_int_equal(walk(f, 0, 1, ""), EPROTO);
}

static void malformed(void **state)
{
	struct fixture *f = *state;
	struct p9_out *o;
	unsigned int type;

	/* No message at all. */
	assert_int_equal(p9_handle(f->s, f->req, 6, f->rep, sizeof(f->rep)), 0);
	begin(f, P9_TCLUNK);
	put_le32(f->req, 12);
	assert_int_equal(p9_handle(f->s, f->req, 11, f->rep, sizeof(f->rep)), 0);
	put_le32(f->req, 11);
	assert_int_equal(p9_handle(f->s, f->req, 11, f->rep, 10), 0);

	/* Every type with an empty body answers, with an error but for a flush. */
	for (type = 0; type < 256; type++) {
		if (type == P9_TFLUSH)
			continue;
		begin(f, (uint8_t)type);
		assert_int_not_equal(call(f), 0);
	}

	/* A string longer than its message, one with a NUL, one too long. */
	o = begin(f, P9_TMKDIR);
	p9_put32(o, 0);
	p9_put16(o, 500);
	p9_put32(o, 0);
	assert_int_equal(call(f), EINVAL);
	o = begin(f, P9_TMKDIR);
	p9_put32(o, 0);
	p9_put16(o, 3);
	memcpy(p9_reserve(o, 3), "a\0b", 3);
	p9_put64(o, 0);
	assert_int_equal(call(f), EINVAL);
	assert_false(on_host(f, "a"));
	o = begin(f, P9_TMKDIR);
	p9_put32(o, 0);
	p9_put16(o, 256);
	memset(p9_reserve(o, 256), 'a', 256);
	p9_put64(o, 0);
	assert_int_equal(call(f), EINVAL);

	/* A write that claims more than it brings. */
	assert_int_equal(walk(f, 0, 1, "hello"), 0);
	assert_int_equal(lopen(f, 1, O_RDWR), 0);
	o = begin(f, P9_TWRITE);
	p9_put32(o, 1);
	p9_put64(o, 0);
	p9_put32(o, 100);
	assert_int_equal(call(f), EINVAL);
	/* Too many names. */
	o = begin(f, P9_TWALK);
	p9_put32(o, 0);
	p9_put32(o, 9);
	p9_put16(o, 17);
	assert_int_equal(call(f), EINVAL);
}

static void bad_folder(void **state)
{
	(void)state;
	assert_null(p9_new("/nonexistent/folder", true, false));
	assert_null(p9_new("/dev/null", true, false));
}

#define RW(fn) cmocka_unit_test_setup_teardown(fn, setup_rw, teardown)
#define RO(fn) cmocka_unit_test_setup_teardown(fn, setup_ro, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RW(read_a_file), RW(list_a_directory), RW(no_escape), RW(swapped_for_a_link),
		RW(special_files), RW(write_and_truncate), RW(rename_carries_fids),
		RW(remove_things), RO(read_only), RW(fids), RW(no_session), RW(malformed),
		cmocka_unit_test(bad_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
