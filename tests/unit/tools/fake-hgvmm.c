// SPDX-License-Identifier: Apache-2.0
/*
 * Stands in for hgvmm where nothing can run a VM: it has the sockets and the manners of one.
 * --append says which: runs, deaf (to the power button), stubborn (to all but SIGKILL), fails
 * (before it runs), hangs (before it runs), crashes (at the power button), drips (answers a
 * byte now and then, and stays), liar (whom its guest took over: it writes into what it has
 * open that $VICTIM, "PID START", is hgvmm, and tells a launch digest that is none).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 8
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char *value(int argc, char **argv, const char *option)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], option))
			return argv[i + 1];
	return "";
}

static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 4)) {
		fprintf(stderr, "hgvmm: error: %s: %s\n", path, strerror(errno));
		exit(4);
	}
	return fd;
}

/* One vCPU's table for each of --smp, of two leaves. */
static int dump_cpuid(const char *path, unsigned long smp)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return 4;
	fputs("{\"c_bit\":47,\"vcpus\":[", f);
	for (unsigned long i = 0; i < smp; i++)
		fprintf(f, "%s[[0,0,0,13,1,2,3],[1,0,0,4,5,6,7]]", i ? "," : "");
	fputs("]}\n", f);
	return fclose(f) ? 4 : 0;
}

/* An answer without an end, of one who only SIGKILL ends. */
static void __attribute__((noreturn)) drip(int fd)
{
	signal(SIGTERM, SIG_IGN);
	for (;;) {
		poll(NULL, 0, 100);
		if (write(fd, " ", 1) < 0)
			poll(NULL, 0, 1000);
	}
}

/* The files that came with it, which are its supervisor's. */
static void lie(void)
{
	const char *victim = getenv("VICTIM");
	char path[64], to[PATH_MAX];

	for (int fd = 3; victim && fd < 64; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof(to) - 1);
		if (n <= 0 || strncmp(to, "/", 1) || ftruncate(fd, 0) ||
		    pwrite(fd, victim, strlen(victim), 0) < 0)
			continue;
		to[n] = '\0';
		fprintf(stderr, "hgvmm: lied in %s\n", to);
	}
}

/* What it does at a command. -> false: no answer. */
static bool obey(int fd, const char *manner, const char *line, bool *leave)
{
	if (!strcmp(line, "status"))
		return true;
	if (!strcmp(manner, "stubborn"))
		return false;
	if (!strcmp(manner, "drips"))
		drip(fd);
	if (!strcmp(line, "powerdown") && !strcmp(manner, "crashes"))
		abort();
	if (!strcmp(line, "stop") || (!strcmp(line, "powerdown") && strcmp(manner, "deaf")))
		*leave = true;
	return true;
}

static void answer(int fd, const char *manner)
{
	char line[128];
	bool leave = false;
	ssize_t n = read(fd, line, sizeof(line) - 1);

	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!obey(fd, manner, line, &leave))
		return;
	if (!strcmp(line, "status"))
		dprintf(fd, "{\"ok\":true,\"state\":\"running\",\"uptime_ms\":1500,\"boots\":1,"
			"\"launch_digest\":\"%s\"}\n",
			strcmp(manner, "liar") ? DIGEST : "\\u001b[31m" DIGEST);
	else
		dprintf(fd, "{\"ok\":true}\n");
	if (leave)
		exit(0);
}

static void serve(int control, int console, const char *manner)
{
	struct pollfd p[2] = { { .fd = control, .events = POLLIN },
			       { .fd = console, .events = POLLIN } };

	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		if (p[0].revents & POLLIN) {
			int fd = accept(control, NULL, NULL);

			answer(fd, manner);
			close(fd);
		}
		if (p[1].revents & POLLIN) {	/* says who it is, repeats one line, and hangs up */
			int fd = accept(console, NULL, NULL);
			char buf[64];
			ssize_t n;

			dprintf(fd, "console of %d: ", (int)getpid());
			n = read(fd, buf, sizeof(buf));
			if (n > 0 && write(fd, buf, (size_t)n) < 0)
				return;
			close(fd);
		}
	}
}

static void on_signal(int signal)
{
	(void)signal;
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *manner = value(argc, argv, "--append"), *serial = value(argc, argv, "--serial");
	const char *dump = value(argc, argv, "--dump-cpuid");
	int control, console;

	if (*dump)
		return dump_cpuid(dump, strtoul(value(argc, argv, "--smp"), NULL, 10));
	signal(SIGTERM, strcmp(manner, "stubborn") ? on_signal : SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	fputs("hgvmm: warning: this is none\n", stderr);
	if (!strcmp(manner, "fails")) {
		fputs("hgvmm: error: the host \033[31mlacks something\n", stderr);
		return 4;
	}
	if (!strcmp(manner, "hangs"))
		pause();
	if (!strcmp(manner, "liar"))
		lie();
	console = listen_at(strncmp(serial, "socket:", 7) ? "/nowhere/" : serial + 7);
	control = listen_at(value(argc, argv, "--status"));
	serve(control, console, manner);
	return 6;
}
