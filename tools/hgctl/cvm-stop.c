// SPDX-License-Identifier: Apache-2.0
/* hgctl cvm stop: the power button; and if that is not enough and may be, the plug. */
#include "cvm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FORCE_SECONDS 5

/* Waits until hgvmm's process has ended. -> whether it has. */
static bool ended(int pidfd, long seconds)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	uint64_t now = clock_ms(), end = now + (uint64_t)seconds * 1000;

	for (;;) {
		if (poll(&p, 1, now < end ? (int)(end - now) : 0) > 0)
			return true;
		now = clock_ms();
		if (now >= end)
			return false;
	}
}

/* The supervisor writes down how it ended before it lets go of the lock. */
static bool released(const struct site *site, const char *name)
{
	const struct timespec ms20 = { 0, 20000000 };
	bool held = true;
	pid_t pid;

	for (int i = 0; i < FORCE_SECONDS * 50; i++) {
		if (vm_held(site, name, &held, &pid) || !held)
			break;
		nanosleep(&ms20, NULL);
	}
	return !held;
}

static bool ask(const struct site *site, const char *name, const char *command)
{
	json_t *answer = vm_ask(site, name, command);
	bool ok = answer;

	json_decref(answer);
	return ok;
}

/* -> whether it has ended, be it by itself before the signal came. */
static bool end_by(int pidfd, int signal)
{
	syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
	return ended(pidfd, FORCE_SECONDS);
}

/* What the guest has no say in. -> whether it has ended. */
static bool force(const struct site *site, const char *name, int pidfd)
{
	if (ask(site, name, "stop") && ended(pidfd, FORCE_SECONDS))
		return true;
	return end_by(pidfd, SIGTERM) || end_by(pidfd, SIGKILL);
}

static int stop(const struct site *site, const char *name, int pidfd, long seconds, bool forced)
{
	bool asked = ask(site, name, "powerdown");

	/* Who does not answer may have ended at that: a moment tells. */
	if (ended(pidfd, asked ? seconds : 1) || (forced && force(site, name, pidfd))) {
		if (released(site, name)) {
			printf("%s stopped\n", name);
			return fflush(stdout) ? CVM_FAILED : CVM_DONE;
		}
		complain("%s: hgvmm ended, but not its supervisor", name);
	} else if (forced) {
		complain("%s: hgvmm cannot be ended", name);
	} else if (!asked) {
		complain("%s: hgvmm does not answer; --force ends it", name);
	} else {
		complain("%s: the guest did not power off in %ld s; --force ends it", name, seconds);
	}
	return CVM_FAILED;
}

int cvm_stop(const struct site *site, const char *name, long seconds, bool forced)
{
	bool held;
	pid_t pid;
	int fd, ret, err = vm_held(site, name, &held, &pid);

	if (!err && !held) {
		notice("%s does not run", name);
		return CVM_DONE;
	}
	fd = err ? err : vm_pidfd(site, name);
	if (fd < 0) {
		complain("%s: %s", name, fd == -ESRCH ? "its process is about to start or to end" :
			 strerror(-fd));
		return CVM_FAILED;
	}
	if (seconds < 0)
		seconds = (long)settings_number(&site->conf, "vm", "stop_timeout");
	ret = stop(site, name, fd, seconds, forced);
	close(fd);
	return ret;
}
