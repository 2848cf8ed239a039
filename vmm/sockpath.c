// SPDX-License-Identifier: Apache-2.0
#include "sockpath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

int sockpath_addr(struct sockaddr_un *sa, const char *opt, const char *path)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sa->sun_path)) {
		hg_err("--%s %s: a socket path has at most %zu bytes", opt, path,
		       sizeof(sa->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Split @path into an open directory and a last component. */
static int keep_dir(struct sockpath *sp, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[sizeof(sp->name)];

	if (!slash) {
		snprintf(dir, sizeof(dir), ".");
		slash = path - 1;
	} else if (slash == path) {
		snprintf(dir, sizeof(dir), "/");
	} else {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	}
	snprintf(sp->name, sizeof(sp->name), "%s", slash + 1);
	sp->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return sp->dir < 0 ? -errno : 0;
}

int sockpath_listen(struct sockpath *sp, int type, const struct sockaddr_un *sa)
{
	int ret;

	sp->dir = -1;
	sp->fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sp->fd < 0)
		return -errno;
	if (bind(sp->fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0) {
		ret = -errno;
		close(sp->fd);
		sp->fd = -1;
		return ret;
	}
	ret = keep_dir(sp, sa->sun_path);
	if (!ret && listen(sp->fd, 16) < 0)
		ret = -errno;
	if (ret)
		sockpath_close(sp);
	return ret;
}

/* Does anybody listen there? */
static bool answers(int type, const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool dead;

	if (fd < 0)
		return true;
	dead = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return !dead;
}

int sockpath_claim(struct sockpath *sp, int type, const char *opt, const char *path)
{
	struct sockaddr_un sa;
	int ret = sockpath_addr(&sa, opt, path);

	sp->fd = sp->dir = -1;
	if (ret)
		return ret;
	ret = sockpath_listen(sp, type, &sa);
	if (ret == -EADDRINUSE && !answers(type, &sa)) {
		unlink(path);
		ret = sockpath_listen(sp, type, &sa);
	}
	if (ret == -EADDRINUSE)
		hg_err("--%s %s: the name is taken; choose another, or stop who uses it", opt, path);
	else if (ret)
		hg_err("--%s %s: %s", opt, path, strerror(-ret));
	return ret;
}

void sockpath_close(struct sockpath *sp)
{
	if (sp->fd < 0)
		return;
	if (sp->dir >= 0) {
		unlinkat(sp->dir, sp->name, 0);
		close(sp->dir);
	}
	close(sp->fd);
	sp->fd = sp->dir = -1;
}
