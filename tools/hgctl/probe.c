// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int probe_read(int fd, char *text, size_t size, int seconds)
{
	long end = now_ms() + seconds * 1000L;
	size_t got = 0;
	char more[256];

	text[0] = '\0';
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		size_t room = size - 1 - got;
		long left = end - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
		n = room ? read(fd, text + got, room) : read(fd, more, sizeof(more));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		got += room ? (size_t)n : 0;
		text[got] = '\0';
	}
}

static void __attribute__((noreturn)) child(const char *const *argv, int fd)
{
	int null = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Leaves of @text the last line, without what a terminal would obey. */
static void keep_last_line(char *text)
{
	size_t n = strlen(text);
	char *line;

	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	line = strrchr(text, '\n');
	if (line)
		memmove(text, line + 1, strlen(line));
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int probe_run(const char *const *argv, char *text, size_t size, int seconds)
{
	int pipefd[2], err, status = 0;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(argv, pipefd[1]);
	err = pid < 0 ? -errno : 0;
	close(pipefd[1]);
	if (!err)
		err = probe_read(pipefd[0], text, size, seconds);
	close(pipefd[0]);
	if (pid > 0 && err && kill(-pid, SIGKILL))
		kill(pid, SIGKILL);	/* it has not come to be a group's leader yet */
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	keep_last_line(text);
	if (err)
		return err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}
