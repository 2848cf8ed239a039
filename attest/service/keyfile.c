// SPDX-License-Identifier: Apache-2.0
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"

/* A key that others may read is refused: then it is theirs, too. */
static int load(const char *path, size_t max, bool secret, struct att_bytes *b,
		struct att_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 || fstat(fd, &st)) {
		att_fail(err, ATT_E_IO, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (size_t)st.st_size > max) {
		att_fail(err, ATT_E_IO, "%s: not a file of at most %zu bytes", path, max);
	} else if (secret && (st.st_mode & 077)) {
		att_fail(err, ATT_E_REFUSED, "%s: others may read it: chmod 600", path);
	} else {
		b->data = calloc(1, (size_t)st.st_size + 1);
		b->size = (size_t)st.st_size;
		n = b->data ? read(fd, b->data, b->size) : -1;
		if (n != (ssize_t)b->size) {
			att_bytes_free(b);
			n = -1;
			att_fail(err, ATT_E_IO, "%s: cannot be read", path);
		}
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

int file_load(const char *path, size_t max, struct att_bytes *b, struct att_error *err)
{
	return load(path, max, false, b, err);
}

int key_file_load(const char *path, struct att_bytes *b, struct att_error *err)
{
	return load(path, KEY_FILE_MAX, true, b, err);
}
