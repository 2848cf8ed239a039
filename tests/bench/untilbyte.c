// SPDX-License-Identifier: Apache-2.0
/*
 * untilbyte COMMAND [ARG...]: run COMMAND, print how many counts of the time
 * stamp counter pass until it writes its first byte to standard output, then
 * kill and reap it. Exit status 1 if it ends without writing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

int main(int argc, char **argv)
{
	unsigned long long start, end;
	int p[2];
	pid_t pid;
	ssize_t n;
	char c;

	if (argc < 2) {
		fprintf(stderr, "usage: untilbyte COMMAND [ARG...]\n");
		return 2;
	}
	if (pipe(p)) {
		fprintf(stderr, "untilbyte: pipe: %s\n", strerror(errno));
		return 2;
	}
	start = __rdtsc();
	pid = fork();
	if (pid < 0) {
		fprintf(stderr, "untilbyte: fork: %s\n", strerror(errno));
		return 2;
	}
	if (!pid) {
		dup2(p[1], STDOUT_FILENO);
		close(p[0]);
		close(p[1]);
		execvp(argv[1], argv + 1);
		fprintf(stderr, "untilbyte: %s: %s\n", argv[1], strerror(errno));
		_exit(127);
	}
	close(p[1]);
	do {
		n = read(p[0], &c, 1);
	} while (n < 0 && errno == EINTR);
	end = __rdtsc();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (n != 1) {
		fprintf(stderr, "untilbyte: %s ended without output\n", argv[1]);
		return 1;
	}
	printf("%llu\n", end - start);
	return 0;
}
