// SPDX-License-Identifier: Apache-2.0
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <linux/kvm.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

static int fail(const char *what)
{
	int err = errno;

	hg_err("%s: %s", what, strerror(err));
	return -err;
}

static int change_root(const char *dir)
{
	if (chroot(dir) < 0 || chdir("/") < 0) {
		int err = errno;

		hg_err("--chroot %s: %s", dir, strerror(err));
		return -err;
	}
	return 0;
}

static int change_user(const struct config *cfg)
{
	if (setgroups(0, NULL) < 0 || setresgid(cfg->gid, cfg->gid, cfg->gid) < 0 ||
	    setresuid(cfg->uid, cfg->uid, cfg->uid) < 0)
		return fail("--uid needs root");
	/* There must be no way back. */
	if (cfg->uid && (setuid(0) == 0 || geteuid() != cfg->uid)) {
		hg_err("--uid: root could not be given up");
		return -EPERM;
	}
	return 0;
}

/* A shared folder is served with the rights over files of whoever runs us. */
static unsigned int wanted_caps(const struct config *cfg, cap_value_t *caps)
{
	static const cap_value_t rw[] = {
		CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
	};
	unsigned int n = 0, i;
	bool writable = false;

	if (!cfg->nr_shares)
		return 0;
	caps[n++] = CAP_DAC_READ_SEARCH;
	for (i = 0; i < cfg->nr_shares; i++)
		writable |= !cfg->share[i].ro;
	for (i = 0; writable && i < ARRAY_SIZE(rw); i++)
		caps[n++] = rw[i];
	return n;
}

static int drop_caps(const struct config *cfg)
{
	cap_value_t want[8], keep[8];
	unsigned int n = wanted_caps(cfg, want), kept = 0, i;
	cap_t old = cap_get_proc(), caps = cap_init();
	cap_flag_value_t have;
	int ret = 0;
	cap_value_t c;

	if (!old || !caps)
		return fail("cap_get_proc");
	for (i = 0; i < n; i++)
		if (!cap_get_flag(old, want[i], CAP_PERMITTED, &have) && have == CAP_SET)
			keep[kept++] = want[i];
	/* The bounding set first, while we may; without the right, nothing to do. */
	for (c = 0; c <= CAP_LAST_CAP; c++)
		if (cap_get_bound(c) > 0 && cap_drop_bound(c) < 0)
			break;
	if (kept && (cap_set_flag(caps, CAP_PERMITTED, (int)kept, keep, CAP_SET) < 0 ||
		     cap_set_flag(caps, CAP_EFFECTIVE, (int)kept, keep, CAP_SET) < 0))
		ret = fail("cap_set_flag");
	if (!ret && cap_set_proc(caps) < 0)
		ret = fail("cannot drop capabilities");
	cap_free(old);
	cap_free(caps);
	return ret;
}

/* What every machine needs once it is set up. */
static const int base_calls[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(close),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev),
	SCMP_SYS(fdatasync), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(madvise),
	SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
};

/* With a status socket, a console on a socket, a socket wire or vsock. */
static const int socket_calls[] = {
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(unlinkat),
};

/* With a shared folder. */
static const int share_calls[] = {
	SCMP_SYS(openat2), SCMP_SYS(getdents64), SCMP_SYS(fstatfs), SCMP_SYS(readlinkat),
	SCMP_SYS(fsync),
};

/* With a writable one. */
static const int share_rw_calls[] = {
	SCMP_SYS(mkdirat), SCMP_SYS(symlinkat), SCMP_SYS(mknodat), SCMP_SYS(linkat),
	SCMP_SYS(renameat), SCMP_SYS(unlinkat), SCMP_SYS(fchownat), SCMP_SYS(fchmod),
	SCMP_SYS(ftruncate), SCMP_SYS(utimensat),
};

static const uint32_t ioctls[] = {
	KVM_CHECK_EXTENSION, KVM_CREATE_VM, KVM_GET_SUPPORTED_CPUID, KVM_SET_TSS_ADDR,
	KVM_CREATE_IRQCHIP, KVM_CREATE_PIT2, KVM_ENABLE_CAP, KVM_SET_USER_MEMORY_REGION,
	KVM_SET_GSI_ROUTING, KVM_IRQFD, KVM_IOEVENTFD, KVM_SIGNAL_MSI, KVM_IRQ_LINE,
	KVM_CREATE_VCPU, KVM_SET_CPUID2, KVM_SET_MSRS, KVM_GET_SREGS, KVM_SET_SREGS,
	KVM_GET_REGS, KVM_SET_REGS, KVM_GET_TSC_KHZ, KVM_MEMORY_ENCRYPT_OP, KVM_RUN, TCGETS, TCSETS,
};

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int ret = 0;

	while (n-- && !ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, *calls++, 0);
	return ret;
}

/* Allow @call when argument @arg, masked, has @value. */
static int allow_arg(scmp_filter_ctx ctx, int call, unsigned int arg, uint64_t mask,
		     uint64_t value)
{
	const struct scmp_arg_cmp cmp = {
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value,
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &cmp);
}

/* Calls that are fine with some arguments only. */
static int allow_limited(scmp_filter_ctx ctx)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(ioctls) && !ret; i++)
		ret = allow_arg(ctx, SCMP_SYS(ioctl), 1, 0xffffffff, ioctls[i]);
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
	/* Signals to ourselves: vCPU kicks. */
	if (!ret)
		ret = allow_arg(ctx, SCMP_SYS(tgkill), 0, UINT32_MAX, (uint64_t)getpid());
	if (!ret)
		ret = allow_arg(ctx, SCMP_SYS(prctl), 0, UINT32_MAX, PR_SET_NAME);
	return ret;
}

static int allow_shares(scmp_filter_ctx ctx, const struct config *cfg)
{
	bool writable = false;
	unsigned int i;
	int ret;

	if (!cfg->nr_shares)
		return 0;
	for (i = 0; i < cfg->nr_shares; i++)
		writable |= !cfg->share[i].ro;
	ret = allow(ctx, share_calls, ARRAY_SIZE(share_calls));
	if (ret || !writable)
		return ret;
	/* Only to create: paths are looked up with openat2. */
	ret = allow_arg(ctx, SCMP_SYS(openat), 2, O_CREAT | O_EXCL | O_NOFOLLOW,
				       O_CREAT | O_EXCL | O_NOFOLLOW);
	return ret ? ret : allow(ctx, share_rw_calls, ARRAY_SIZE(share_rw_calls));
}

static bool uses_sockets(const struct config *cfg)
{
	unsigned int i;

	for (i = 0; i < cfg->nr_nets; i++)
		if (cfg->net[i].kind == NET_SOCKET)
			return true;
	return cfg->status || cfg->vsock.on || cfg->serial.kind == CHARDEV_SOCKET ||
	       cfg->console.kind == CHARDEV_SOCKET;
}

static int allow_sockets(scmp_filter_ctx ctx, const struct config *cfg)
{
	int ret = 0;

	if (uses_sockets(cfg))
		ret = allow(ctx, socket_calls, ARRAY_SIZE(socket_calls));
	/* Only vsock opens new connections, and only to Unix sockets. */
	if (!ret && cfg->vsock.on)
		ret = allow_arg(ctx, SCMP_SYS(socket), 0, UINT32_MAX, AF_UNIX);
	if (!ret && cfg->vsock.on)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
	return ret;
}

static int install_filter(const struct config *cfg)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = -ENOMEM;

	if (ctx) {
		ret = allow(ctx, base_calls, ARRAY_SIZE(base_calls));
		if (!ret)
			ret = allow_limited(ctx);
		if (!ret)
			ret = allow_shares(ctx, cfg);
		if (!ret)
			ret = allow_sockets(ctx, cfg);
		if (!ret)
			ret = seccomp_load(ctx);
		seccomp_release(ctx);
	}
	if (ret)
		hg_err("cannot install the system call filter: %s; a kernel without seccomp "
		       "needs --sandbox off", strerror(-ret));
	return ret;
}

/* Libraries that open a file at their first use must do it now. */
static void warm_up(void)
{
	tzset();		/* gmtime_r() */
	json_object_seed(0);	/* jansson hashes with a random seed */
}

int sandbox_enter(const struct config *cfg)
{
	int ret = 0;

	warm_up();
	if (cfg->chroot)
		ret = change_root(cfg->chroot);
	if (!ret && cfg->has_uid)
		ret = change_user(cfg);
	if (ret || !cfg->sandbox)
		return ret;
	ret = drop_caps(cfg);
	if (ret)
		return ret;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail("PR_SET_NO_NEW_PRIVS");
	/* Guest memory is not for other processes of the same user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail("PR_SET_DUMPABLE");
	return install_filter(cfg);
}
