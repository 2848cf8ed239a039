// SPDX-License-Identifier: Apache-2.0
/* hgctl cvm console: the VM's console on this terminal, until Ctrl-]. */
#include "cvm.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define ESCAPE 0x1d	/* Ctrl-], as virsh and telnet have it */

static int write_all(int fd, const char *text, size_t left)
{
	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* From the terminal to the VM. -> whether to go on. @p is not asked again after its end. */
static bool typed(int fd, struct pollfd *p, bool tty)
{
	char buf[256], *escape;
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		p->fd = -1;
		return !tty;	/* a script's input may end before what it waits for is there */
	}
	escape = tty ? memchr(buf, ESCAPE, (size_t)n) : NULL;
	if (escape)
		n = escape - buf;
	return !write_all(fd, buf, (size_t)n) && !escape;
}

static bool shown(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && !write_all(STDOUT_FILENO, buf, (size_t)n);
}

static void relay(int fd, bool tty)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = STDIN_FILENO, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents && !shown(fd))
			return;
		if (p[1].revents && !typed(fd, &p[1], tty))
			return;
	}
}

int cvm_console(const struct site *site, const char *name)
{
	int fd = vm_connect(site, name, "console");
	struct termios old, raw;
	bool tty;

	if (fd < 0) {
		if (fd == -ENOENT || fd == -ECONNREFUSED)
			complain("%s does not run: hgctl cvm start %s", name, name);
		else
			complain("%s: its console: %s", name, strerror(-fd));
		return CVM_FAILED;
	}
	tty = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &old);
	if (tty) {
		notice("the console of %s; Ctrl-] leaves it", name);
		raw = old;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	relay(fd, tty);
	if (tty)
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
	close(fd);
	return CVM_DONE;
}
