// SPDX-License-Identifier: Apache-2.0
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define IMAGE_MAX (4 * GiB)

static int read_all(int fd, uint8_t *buf, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, buf + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;	/* the file shrank */
		done += (size_t)n;
	}
	return 0;
}

int image_load(struct image *img, const char *what, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;
	struct stat st;

	img->data = NULL;
	img->size = 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		ret = -errno;
		hg_err("--%s %s: %s", what, path, strerror(-ret));
		goto out;
	}
	ret = -EINVAL;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > IMAGE_MAX) {
		hg_err("--%s %s: not a regular file, empty, or larger than 4 GiB", what, path);
		goto out;
	}
	img->data = malloc((size_t)st.st_size);
	ret = img->data ? read_all(fd, img->data, (size_t)st.st_size) : -ENOMEM;
	if (ret) {
		hg_err("--%s %s: %s", what, path, strerror(-ret));
		image_free(img);
		goto out;
	}
	img->size = (size_t)st.st_size;
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

void image_free(struct image *img)
{
	free(img->data);
	img->data = NULL;
	img->size = 0;
}
