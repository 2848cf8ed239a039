// SPDX-License-Identifier: Apache-2.0
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"

void complain(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Files of securityfs do not tell their size: read until there is no more. */
static int read_all(int fd, size_t max, struct att_bytes *b)
{
	size_t room = 4096;
	uint8_t *grown;
	ssize_t n;

	b->size = 0;
	b->data = malloc(room);
	while (b->data) {
		n = read(fd, b->data + b->size, room - b->size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		b->size += (size_t)n;
		if (b->size > max)
			return -EFBIG;
		if (b->size < room - 1)
			continue;
		room *= 2;
		grown = malloc(room);
		if (!grown)
			return -ENOMEM;
		memcpy(grown, b->data, b->size);
		/* Not realloc(): it may leave a secret behind. */
		explicit_bzero(b->data, b->size);
		free(b->data);
		b->data = grown;
	}
	if (!b->data)
		return -ENOMEM;
	b->data[b->size] = 0;
	return 0;
}

int file_read(const char *path, size_t max, struct att_bytes *b)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), ret;

	memset(b, 0, sizeof(*b));
	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	ret = read_all(fd, max, b);
	if (!standard)
		close(fd);
	if (!ret)
		return 0;
	att_bytes_free(b);
	if (ret == -EFBIG)
		complain("%s: larger than %zu bytes", path, max);
	else
		complain("%s: %s", path, strerror(-ret));
	errno = -ret;
	return -1;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The name of the folder that @path is in. */
static void sync_folder(const char *path)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	int fd;

	if (slash)
		slash[slash == folder] = '\0';
	fd = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		/* Some file systems cannot: the file itself is safe. */
		if (fsync(fd))
			errno = 0;
		close(fd);
	}
	free(folder);
}

static int write_beside(const char *path, const void *data, size_t size, unsigned int mode,
			uid_t uid, gid_t gid)
{
	char *temp = NULL;
	int fd, ret = -1;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd >= 0) {
		ret = write_all(fd, data, size) || fchmod(fd, mode) || fchown(fd, uid, gid) ||
				      fsync(fd)
			      ? -1
			      : 0;
		if (close(fd))
			ret = -1;
		if (!ret)
			ret = rename(temp, path);
		if (ret) {
			int saved = errno;

			unlink(temp);
			errno = saved;
		}
	}
	free(temp);
	return ret;
}

/* Devices and pipes are written to: a file must not take their place. */
static int write_through(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write_all(fd, data, size);
	if (close(fd))
		ret = -1;
	return ret;
}

static bool is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int file_write(const char *path, const void *data, size_t size, unsigned int mode)
{
	int ret;

	if (!strcmp(path, "-")) {
		ret = write_all(STDOUT_FILENO, data, size);
	} else if (is_special(path)) {
		ret = write_through(path, data, size);
	} else {
		ret = write_beside(path, data, size, mode, (uid_t)-1, (gid_t)-1);
		if (!ret)
			sync_folder(path);
	}
	if (ret)
		complain("cannot write %s: %s", path, strerror(errno));
	return ret;
}

int file_write_for(const char *path, const void *data, size_t size, unsigned int mode, uid_t uid,
		   gid_t gid)
{
	if (write_beside(path, data, size, mode, uid, gid)) {
		complain("cannot write %s: %s", path, strerror(errno));
		return -1;
	}
	sync_folder(path);
	return 0;
}

int file_nonce(const char *text, uint8_t nonce[ATT_NONCE_MAX], size_t *size)
{
	int n = att_unhex(text, nonce, ATT_NONCE_MAX);

	if (n < (int)ATT_NONCE_MIN) {
		complain("--nonce wants %u to %u bytes in hexadecimal digits", ATT_NONCE_MIN,
			 ATT_NONCE_MAX);
		return -1;
	}
	*size = (size_t)n;
	return 0;
}
