// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"

int sandbox_become(const char *user, struct att_error *err)
{
	const struct passwd *pw;

	if (user) {
		errno = 0;
		pw = getpwnam(user);
		if (!pw)
			return att_fail(err, ATT_E_REFUSED, "there is no user '%.40s'", user);
		if (geteuid() && geteuid() != pw->pw_uid)
			return att_fail(err, ATT_E_REFUSED,
					"only root can become '%.40s': start as root, or remove user",
					user);
		if (!geteuid() && (setgroups(0, NULL) ||
				   setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
				   setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid)))
			return att_fail(err, ATT_E_REFUSED, "cannot become '%.40s': %s", user,
					strerror(errno));
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return att_fail(err, ATT_E_REFUSED, "no_new_privs: %s", strerror(errno));
	return 0;
}

/* Sockets, epoll, memory, threads; files for SQLite and the audit log. */
static const int calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(close),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstatfs), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(fcntl), SCMP_SYS(flock), SCMP_SYS(fchmod), SCMP_SYS(fchown),
	SCMP_SYS(geteuid), SCMP_SYS(getuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(uname), SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64), SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(shutdown), SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(futex),
	SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(mlock),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sysinfo), SCMP_SYS(tgkill),
};

/* Allow @call when argument @arg, masked, has @value. */
static int allow_arg(scmp_filter_ctx ctx, int call, unsigned int arg, uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp cmp = {
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &cmp);
}

static int fill(scmp_filter_ctx ctx)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls) && !ret; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	/* No new code: memory is never made executable. */
	if (!ret)
		ret = allow_arg(ctx, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	if (!ret)
		ret = allow_arg(ctx, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	/* Threads, not processes. clone3 hides its flags: glibc then uses clone. */
	if (!ret)
		ret = allow_arg(ctx, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (!ret)
		ret = allow_arg(ctx, SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_NAME);
	return ret;
}

int sandbox_filter(struct att_error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = -ENOMEM;

	/* Libraries that open a file at their first use do it now. */
	tzset();
	json_object_seed(0);
	if (ctx) {
		ret = fill(ctx);
		if (!ret)
			ret = seccomp_load(ctx);
		seccomp_release(ctx);
	}
	return ret ? att_fail(err, ATT_E_IO,
			      "cannot install the system call filter: %s; a kernel without seccomp needs sandbox = no",
			      strerror(-ret))
		   : 0;
}
