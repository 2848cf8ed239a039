// SPDX-License-Identifier: Apache-2.0
/*
 * untilbyte SECONDS COMMAND [ARG...]: run COMMAND until it writes its first byte
 * to standard output; print how many counts of the time stamp counter passed
 * and how many nanoseconds of processor time COMMAND used, all its threads and
 * its guests included; then kill and reap it. Exit status 1 if it ends, or
 * SECONDS pass, without a byte.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static void on_alarm(int sig)
{
	(void)sig;	/* it only interrupts read() */
}

/* Processor time that the process has used, in nanoseconds; 0 if unknown. */
static unsigned long long cpu_time(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

static pid_t start_command(char **argv, int *out)
{
	int p[2];
	pid_t pid;

	if (pipe(p))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(p[1], STDOUT_FILENO);
		close(p[0]);
		close(p[1]);
		execvp(argv[0], argv);
		fprintf(stderr, "untilbyte: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(p[1]);
	*out = p[0];
	return pid;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	unsigned int seconds = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	unsigned long long start, end, cpu;
	pid_t pid;
	ssize_t n;
	int out = -1;
	char c;

	if (argc < 3 || !seconds) {
		fprintf(stderr, "usage: untilbyte SECONDS COMMAND [ARG...]\n");
		return 2;
	}
	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds);
	start = __rdtsc();
	pid = start_command(argv + 2, &out);
	if (pid < 0) {
		fprintf(stderr, "untilbyte: cannot start: %s\n", strerror(errno));
		return 2;
	}
	n = read(out, &c, 1);
	end = __rdtsc();
	cpu = cpu_time(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (n != 1) {
		fprintf(stderr, "untilbyte: %s: %s\n", argv[2],
			n < 0 ? "no output in time" : "ended without output");
		return 1;
	}
	printf("%llu %llu\n", end - start, cpu);
	return 0;
}
