// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pem.h"

void complain(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

char *file_text(const char *path, size_t max, size_t *size)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(max + 2) : NULL;

	*size = text ? fread(text, 1, max + 1, f) : 0;
	if (!text || ferror(f)) {
		complain("%s: %s", path, strerror(errno));
	} else if (*size > max) {
		complain("%s: larger than %zu bytes", path, max);
	} else {
		text[*size] = '\0';
		fclose(f);
		return text;
	}
	free(text);
	if (f)
		fclose(f);
	return NULL;
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

static int write_beside(const char *path, const char *text)
{
	char *temp = NULL;
	int fd, ret = -1;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd >= 0) {
		ret = write_all(fd, text) || fchmod(fd, 0644) || fsync(fd) ? -1 : 0;
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
static int write_through(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = write_all(fd, text);
	return close(fd) ? -1 : ret;
}

int file_write(const char *path, const char *text)
{
	struct stat st;
	int ret;

	if (!strcmp(path, "-"))
		ret = write_all(STDOUT_FILENO, text);
	else if (!stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		ret = write_through(path, text);
	else
		ret = write_beside(path, text);
	if (ret)
		complain("cannot write %s: %s", path, strerror(errno));
	return ret;
}

EVP_PKEY *file_key(const char *path, bool private)
{
	size_t size;
	char *text = file_text(path, 65536, &size);
	EVP_PKEY *key = text ? hg_pem_key(text, size, private) : NULL;

	if (text && !key)
		complain("%s: not a %s key in PEM without a password", path,
			 private ? "private" : "public");
	if (text)
		OPENSSL_cleanse(text, size);
	free(text);
	return key;
}
