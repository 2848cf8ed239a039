// SPDX-License-Identifier: Apache-2.0
#include "chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "charsock.h"
#include "loop.h"
#include "util.h"
#include "vm.h"

#define ESCAPE	0x01	/* Ctrl-A, as in other VMMs */

struct chardev {
	struct vm *vm;
	const char *name;
	struct charsock *sock;		/* instead of all that follows; else NULL */
	int in, out;			/* -1: none */
	int pty_slave;			/* kept open so that the master never hangs up */
	bool close_fds;
	bool is_tty, saved;
	bool escaped;			/* the last key was ESCAPE */
	struct termios old;
	struct loop_fd handler;
	pthread_mutex_t lock;		/* handler, in_dead, grown; not held in space() */
	bool in_dead;			/* end of input, or nothing to poll */
	uint64_t grown;			/* how often space() has */
	_Atomic bool out_dead;
	const struct chardev_ops *ops;
	void *dev;
};

static void raw_mode(struct chardev *cd)
{
	struct termios t;

	if (tcgetattr(cd->in, &cd->old) < 0)
		return;
	t = cd->old;
	t.c_iflag &= (tcflag_t)~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_lflag &= (tcflag_t)~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	if (tcsetattr(cd->in, TCSANOW, &t) == 0)
		cd->saved = true;
}

static int open_stdio(struct chardev *cd)
{
	cd->in = STDIN_FILENO;
	cd->out = STDOUT_FILENO;
	cd->is_tty = isatty(cd->in);
	if (cd->is_tty)
		raw_mode(cd);
	return 0;
}

static int open_pty(struct chardev *cd)
{
	char slave[64];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 ||
	    ptsname_r(fd, slave, sizeof(slave))) {
		hg_err("no pseudo-terminal for the %s: %s", cd->name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	cd->in = cd->out = fd;
	cd->close_fds = true;
	cd->pty_slave = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (cd->pty_slave >= 0 && tcgetattr(cd->pty_slave, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(cd->pty_slave, TCSANOW, &t);
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fprintf(stderr, "hgvmm: %s on %s\n", cd->name, slave);
	return 0;
}

static int open_file(struct chardev *cd, const char *path)
{
	cd->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	if (cd->out < 0) {
		hg_err("--%s file:%s: %s", cd->name, path, strerror(errno));
		return -errno;
	}
	cd->close_fds = true;
	return 0;
}

struct chardev *chardev_new(struct vm *vm, const struct cfg_char *cfg, const char *name)
{
	struct chardev *cd = calloc(1, sizeof(*cd));
	int ret = 0;

	if (!cd)
		return NULL;
	cd->vm = vm;
	cd->name = name;
	cd->in = cd->out = cd->pty_slave = -1;
	cd->handler.fd = -1;
	pthread_mutex_init(&cd->lock, NULL);
	switch (cfg->kind) {
	case CHARDEV_STDIO: ret = open_stdio(cd); break;
	case CHARDEV_PTY: ret = open_pty(cd); break;
	case CHARDEV_FILE: ret = open_file(cd, cfg->path); break;
	case CHARDEV_SOCKET:
		cd->sock = charsock_new(vm->loop, name, cfg->path);
		ret = cd->sock ? 0 : -EADDRINUSE;
		break;
	case CHARDEV_NONE: break;
	}
	if (ret) {
		chardev_free(cd);
		return NULL;
	}
	return cd;
}

void chardev_free(struct chardev *cd)
{
	if (!cd)
		return;
	charsock_free(cd->sock);
	loop_del(cd->vm->loop, &cd->handler);
	if (cd->saved)
		tcsetattr(cd->in, TCSANOW, &cd->old);
	if (cd->close_fds) {
		if (cd->in >= 0 && cd->in != cd->out)
			close(cd->in);
		if (cd->out >= 0)
			close(cd->out);
	}
	if (cd->pty_slave >= 0)
		close(cd->pty_slave);
	pthread_mutex_destroy(&cd->lock);
	free(cd);
}

/* Take Ctrl-A commands out of what was typed. Returns the bytes left. */
static size_t filter_keys(struct chardev *cd, uint8_t *buf, size_t len)
{
	size_t i, out = 0;

	for (i = 0; i < len; i++) {
		if (cd->escaped) {
			cd->escaped = false;
			if (buf[i] == 'x') {
				vm_ask(cd->vm, REQ_STOP);
				continue;
			}
			buf[out++] = buf[i];	/* Ctrl-A twice sends one */
		} else if (buf[i] == ESCAPE) {
			cd->escaped = true;
		} else {
			buf[out++] = buf[i];
		}
	}
	return out;
}

/* -> how many bytes may be read now. With none, input is not watched for until ready. */
static size_t input_room(struct chardev *cd)
{
	uint64_t grown;
	size_t room;

	pthread_mutex_lock(&cd->lock);
	grown = cd->grown;
	pthread_mutex_unlock(&cd->lock);
	room = cd->ops->space(cd->dev);
	if (room)
		return room;
	pthread_mutex_lock(&cd->lock);
	if (cd->grown == grown)	/* not masked but removed: a hang-up cannot be masked */
		loop_del(cd->vm->loop, &cd->handler);
	pthread_mutex_unlock(&cd->lock);
	return 0;
}

static void on_input(void *opaque, uint32_t events)
{
	struct chardev *cd = opaque;
	size_t room = input_room(cd);
	uint8_t buf[256];
	ssize_t n;

	(void)events;
	if (!room)
		return;
	n = read(cd->in, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		pthread_mutex_lock(&cd->lock);
		cd->in_dead = true;
		loop_del(cd->vm->loop, &cd->handler);
		pthread_mutex_unlock(&cd->lock);
		return;
	}
	if (cd->is_tty)
		n = (ssize_t)filter_keys(cd, buf, (size_t)n);
	if (n)
		cd->ops->receive(cd->dev, buf, (size_t)n);
}

int chardev_attach(struct chardev *cd, const struct chardev_ops *ops, void *dev)
{
	int ret;

	if (cd->sock)
		return charsock_attach(cd->sock, ops, dev);
	cd->ops = ops;
	cd->dev = dev;
	if (cd->in < 0) {
		cd->in_dead = true;
		return 0;
	}
	ret = loop_add(cd->vm->loop, &cd->handler, cd->in, EPOLLIN, on_input, cd);
	/* A plain file or /dev/null on stdin cannot be polled: no input then. */
	if (ret == -EPERM) {
		cd->in_dead = true;
		return 0;
	}
	return ret;
}

void chardev_write(struct chardev *cd, const uint8_t *data, size_t len)
{
	if (cd->sock)
		charsock_write(cd->sock, data, len);
	while (len && cd->out >= 0 && !cd->out_dead) {
		ssize_t n = write(cd->out, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				cd->out_dead = true;
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

void chardev_ready(struct chardev *cd)
{
	if (cd->sock) {
		charsock_ready(cd->sock);
		return;
	}
	pthread_mutex_lock(&cd->lock);
	cd->grown++;
	if (cd->handler.fd < 0 && !cd->in_dead &&
	    loop_add(cd->vm->loop, &cd->handler, cd->in, EPOLLIN, on_input, cd))
		hg_warn("%s: input is lost: %s", cd->name, strerror(errno));
	pthread_mutex_unlock(&cd->lock);
}
