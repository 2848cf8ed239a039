// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells evil.ko to attack, attack by attack, and attacks from ring 3 itself. Prints a line
 * for each: "ok NAME" or "FAILED NAME: why". With arguments: only those.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "evil-ioctl.h"
#include "nest.h"

static int dev, failed;
static struct timespec begun;

static void tell(const char *name, const char *why)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (why)
		printf("FAILED %s: %s\n", name, why);
	else
		printf("ok %s (%ld ms)\n", name, (now.tv_sec - begun.tv_sec) * 1000 +
		       (now.tv_nsec - begun.tv_nsec) / 1000000);
	fflush(stdout);
	failed |= !!why;
}

static int64_t call(uint64_t number)
{
	uint64_t rax = HG_NEST_CALL | number;

	__asm__ volatile("vmmcall" : "+a" (rax) : "b" (0ul), "c" (0ul), "d" (0ul), "S" (0ul),
			 "D" (0ul) : "memory");
	return (int64_t)rax;
}

/* Every call, by a program: it is not even told how many arguments there are. */
static const char *user_calls(void)
{
	uint64_t number;

	for (number = 0; number < HG_CALL_COUNT + 8; number++)
		if (call(number) != HG_E_DENIED)
			return "a call from ring 3 was not denied";
	return NULL;
}

static void caught(int number)
{
	_exit(number);
}

/*
 * The signal that a child got which reads, or writes, the page: 0 for none. The child
 * catches it, for the kernel logs those that kill.
 */
static int touch(volatile uint64_t *page, int write)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, caught);
		signal(SIGBUS, caught);
		if (write)
			page[1] = 1;
		else
			(void)page[0];
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A program that has the page mapped when its kernel gives it away. */
static const char *user_page(void)
{
	volatile uint64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, dev, 0);
	static const int ways[] = { EVIL_PAGE_PRIVATE, EVIL_PAGE_TABLE };
	unsigned int i;

	if (page == MAP_FAILED)
		return "mmap";
	for (i = 0; i < 2; i++) {
		page[0] = 1;
		if (touch(page, 0) || touch(page, 1))
			return "the page cannot be touched when it is ours";
		if (ioctl(dev, EVIL_PAGE, ways[i]))
			return "the page could not be given";
		if (touch(page, 0) != SIGSEGV)
			return "a read of the given page: no signal";
		if (touch(page, 1) != SIGSEGV)
			return "a write to the given page: no signal";
		/* The kernel, on the program's behalf. */
		if (write(STDERR_FILENO, (const void *)page, 0) != 0)
			return "write";
		if (ioctl(dev, EVIL_PAGE, EVIL_PAGE_BACK))
			return "the page did not come back";
	}
	if (touch(page, 0) || touch(page, 1))
		return "the page cannot be touched after it came back";
	return NULL;
}

static int chosen(const char *name, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct evil_attack attack = { 0 };
	cpu_set_t first;

	(void)argc;
	/* The attacks use another CPU beside this one. */
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	dev = open("/dev/evil", O_RDWR);
	if (dev < 0) {
		perror("/dev/evil");
		return 2;
	}
	for (; !ioctl(dev, EVIL_NAME, &attack); attack.index++) {
		if (!chosen(attack.name, argv + 1))
			continue;
		clock_gettime(CLOCK_MONOTONIC, &begun);
		if (ioctl(dev, EVIL_RUN, &attack)) {
			tell(attack.name, "EVIL_RUN");
			continue;
		}
		if (!attack.failed && !strcmp(attack.name, "user_mode"))
			tell(attack.name, user_calls());
		else
			tell(attack.name, attack.failed ? attack.why : NULL);
	}
	if (chosen("user_page", argv + 1)) {
		clock_gettime(CLOCK_MONOTONIC, &begun);
		tell("user_page", user_page());
	}
	return failed;
}
