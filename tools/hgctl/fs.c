// SPDX-License-Identifier: Apache-2.0
#include "fs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLURP_MAX (1U << 20)

/* -> whether the whole path fitted @buf, which has PATH_MAX bytes. */
static bool fs_path(const struct fs *fs, const char *path, char *buf)
{
	int n = snprintf(buf, PATH_MAX, "%s%s", fs->root, path);

	return n > 0 && n < PATH_MAX;
}

bool fs_exists(const struct fs *fs, const char *path)
{
	return fs_access(fs, path, F_OK) == 0;
}

int fs_access(const struct fs *fs, const char *path, int mode)
{
	char full[PATH_MAX];

	if (!fs_path(fs, path, full))
		return -ENAMETOOLONG;
	return access(full, mode) ? -errno : 0;
}

static int fs_open(const struct fs *fs, const char *path, int flags)
{
	char full[PATH_MAX];
	int fd;

	if (!fs_path(fs, path, full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Reads until the end or until @size bytes are there. -> bytes or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, buf + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += n;
	}
	return got;
}

int fs_read(const struct fs *fs, const char *path, char *buf, size_t size)
{
	ssize_t n;
	int fd = fs_open(fs, path, O_RDONLY);

	if (fd < 0)
		return fd;
	n = read_all(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return n;
	while (n > 0 && isspace((unsigned char)buf[n - 1]))
		n--;
	buf[n] = '\0';
	return n;
}

char *fs_slurp(const struct fs *fs, const char *path)
{
	int fd = fs_open(fs, path, O_RDONLY);
	char *text;
	ssize_t n;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	text = malloc(SLURP_MAX + 1);
	if (!text) {
		close(fd);
		return NULL;
	}
	n = read_all(fd, text, SLURP_MAX + 1);
	close(fd);
	if (n < 0 || n > SLURP_MAX) {
		free(text);
		errno = n < 0 ? -n : EFBIG;
		return NULL;
	}
	text[n] = '\0';
	return text;
}

int fs_number(const struct fs *fs, const char *path, uint64_t *value)
{
	char buf[32], *end;
	unsigned long long v;
	int n = fs_read(fs, path, buf, sizeof(buf));

	if (n < 0)
		return n;
	if (!isdigit((unsigned char)buf[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(buf, &end, 10);
	if (errno || *end)
		return -EINVAL;
	*value = v;
	return 0;
}

static int not_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

int fs_list(const struct fs *fs, const char *path, struct names *names)
{
	char full[PATH_MAX];
	struct dirent **list;
	int n;

	names->name = NULL;
	names->count = 0;
	if (!fs_path(fs, path, full))
		return -ENAMETOOLONG;
	n = scandir(full, &list, not_dots, versionsort);
	if (n < 0)
		return -errno;
	names->name = calloc(n ? n : 1, sizeof(*names->name));
	for (int i = 0; i < n; i++) {
		char *name = names->name ? strdup(list[i]->d_name) : NULL;

		if (name)
			names->name[names->count++] = name;
		free(list[i]);
	}
	free(list);
	if (names->count != (size_t)n || !names->name) {
		names_free(names);
		return -ENOMEM;
	}
	return 0;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	names->name = NULL;
	names->count = 0;
}

int fs_link_name(const struct fs *fs, const char *path, char *buf, size_t size)
{
	char full[PATH_MAX], target[PATH_MAX], *base;
	ssize_t n;

	if (!fs_path(fs, path, full))
		return -ENAMETOOLONG;
	n = readlink(full, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (strlen(base) >= size)
		return -ENAMETOOLONG;
	memcpy(buf, base, strlen(base) + 1);
	return 0;
}
