// SPDX-License-Identifier: Apache-2.0
/*
 * A stream of 9p messages against a real folder. A canary lies beside it: no
 * message may read, change or remove it. The input is cut into messages by two
 * length bytes; type and fid come from small sets so that they mean something.
 */
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "p9.h"
#include "p9-wire.h"
#include "util.h"

#define CANARY "canary-7f3a9c51"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[64], root[80];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	return ftw->level ? remove(path) : 0;
}

static void fill(void)
{
	char path[128];
	int fd, n;

	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (n = 0; n < 3; n++) {
		snprintf(path, sizeof(path), "%s/%c", root, 'a' + n);
		fd = open(path, O_CREAT | O_RDWR, 0600);
		if (write(fd, "text", 4) != 4)
			abort();
		close(fd);
	}
	snprintf(path, sizeof(path), "%s/d", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/l", root);
	if (symlink("../canary", path))
		abort();
}

static void cleanup(void)
{
	char path[128];

	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(root);
	snprintf(path, sizeof(path), "%s/canary", top);
	unlink(path);
	rmdir(top);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[128];
	int fd;

	(void)argc;
	(void)argv;
	strcpy(top, "/tmp/hgvmm-fuzz-XXXXXX");
	if (!mkdtemp(top))
		abort();
	snprintf(root, sizeof(root), "%s/root", top);
	mkdir(root, 0700);
	snprintf(path, sizeof(path), "%s/canary", top);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	if (write(fd, CANARY, sizeof(CANARY)) != sizeof(CANARY))
		abort();
	close(fd);
	atexit(cleanup);
	return 0;
}

static void check_canary(void)
{
	char path[128], buf[64];
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/canary", top);
	fd = open(path, O_RDONLY);
	assert(fd >= 0);
	n = read(fd, buf, sizeof(buf));
	assert(n == sizeof(CANARY) && !memcmp(buf, CANARY, sizeof(CANARY)));
	assert(!fstat(fd, &st) && (st.st_mode & 0777) == 0600 && st.st_nlink == 1);
	close(fd);
	assert(!stat(top, &st) && st.st_nlink == 3);
}

/* The message's type and first fid, mostly from what the server knows. */
static size_t shape(uint8_t *msg, const uint8_t *in, size_t len)
{
	static const uint8_t types[] = {
		P9_TSTATFS, P9_TLOPEN, P9_TLCREATE, P9_TSYMLINK, P9_TMKNOD, P9_TRENAME,
		P9_TREADLINK, P9_TGETATTR, P9_TSETATTR, P9_TREADDIR, P9_TFSYNC, P9_TLOCK,
		P9_TGETLOCK, P9_TLINK, P9_TMKDIR, P9_TRENAMEAT, P9_TUNLINKAT, P9_TWALK, P9_TREAD,
		P9_TWRITE, P9_TCLUNK, P9_TREMOVE, P9_TATTACH, P9_TVERSION,
	};

	put_le32(msg, (uint32_t)(P9_HDR + len));
	msg[4] = in[0] & 0x80 ? in[0] : types[in[0] % sizeof(types)];
	put_le16(msg + 5, 1);
	memcpy(msg + P9_HDR, in, len);
	if (len >= 4)
		put_le32(msg + P9_HDR, in[0] >> 5);
	return P9_HDR + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t version[] = {
		21, 0, 0, 0, P9_TVERSION, 0, 0, 0, 32, 0, 0, 8, 0,
		'9', 'P', '2', '0', '0', '0', '.', 'L',
	};
	static const uint8_t attach[] = {
		23, 0, 0, 0, P9_TATTACH, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
		0, 0, 0, 0,
	};
	static uint8_t msg[1024], rep[8192];
	static unsigned int count;
	struct p9_server *s;
	size_t n;

	if (count++ % 64 == 0)
		fill();
	s = p9_new(root, size && data[0] & 1, false);
	assert(s);
	assert(p9_handle(s, version, sizeof(version), rep, sizeof(rep)));
	assert(rep[4] == P9_TVERSION + 1);
	assert(p9_handle(s, attach, sizeof(attach), rep, sizeof(rep)));
	while (size > 2) {
		size_t len = data[0] % 96, cap = data[1] & 1 ? sizeof(rep) : 11u + data[1];
		uint8_t *exact;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		if (!len)
			continue;
		n = shape(msg, data, len);
		/* An exact copy, so that ASan sees the first byte too many. */
		exact = malloc(n);
		memcpy(exact, msg, n);
		n = p9_handle(s, exact, n, rep, cap);
		assert(n <= cap && (!n || get_le32(rep) == n));
		free(exact);
		data += len;
		size -= len;
	}
	p9_free(s);
	check_canary();
	return 0;
}
