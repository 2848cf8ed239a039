// SPDX-License-Identifier: Apache-2.0
/*
 * hgctl cvm run and start: a supervisor that holds the VM's lock, starts hgvmm, tells when
 * it runs and how it ended. systemd is one's parent, or nobody is.
 */
#include "cvm.h"
#include "cvm-def.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 50

/* What a supervisor tells cvm_start(): a letter, and for SAY_RUNS the digest. */
enum { SAY_RUNS = 'R', SAY_BUSY = 'B', SAY_FAILED = 'F' };

struct run {
	const struct site *site;
	const char *name;
	int ready;		/* -1: nobody waits */
	int lock, signals;
	pid_t vmm;
	bool told;		/* that it runs */
};

static void tell(struct run *r, char what, const char *text)
{
	if (r->ready < 0)
		return;
	if (dprintf(r->ready, "%c%s\n", what, text) < 0)
		complain("%s: who started it does not listen any more", r->name);
	close(r->ready);
	r->ready = -1;
}

/* sd_notify(3)'s protocol: a datagram to the socket that systemd names. */
static void tell_systemd(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(sa.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(sa.sun_path, path, n);
	if (*path == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		complain("systemd was not told: %s", strerror(errno));
	close(fd);
}

static void __attribute__((noreturn)) become_vmm(char **command)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* It keeps the lock's descriptor: as long as it lives, the VM runs. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	execv(command[0], command);
	complain("%s: %s", command[0], strerror(errno));
	_exit(CVM_FAILED);
}

static void look(struct run *r)
{
	json_t *status = vm_ask(r->site, r->name, "status");
	const char *digest;

	if (!status)
		return;
	digest = vm_digest(status);
	r->told = true;
	if (digest)
		notice("%s runs, process %d, launch digest %s", r->name, (int)r->vmm, digest);
	else
		notice("%s runs, process %d", r->name, (int)r->vmm);
	tell(r, SAY_RUNS, digest ? digest : "");
	tell_systemd("READY=1");
	json_decref(status);
}

static void end_vmm(struct run *r, int signal)
{
	if (kill(r->vmm, signal))
		complain("%s: process %d: %s", r->name, (int)r->vmm, strerror(errno));
}

/* Passes on what we are asked to end by; a child's end is seen by waitpid(). */
static void take_signal(struct run *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info) || info.ssi_signo == SIGCHLD)
		return;
	notice("%s: signal %u", r->name, info.ssi_signo);
	end_vmm(r, SIGTERM);
}

/* Until hgvmm has ended. -> its wait status. */
static int watch(struct run *r)
{
	uint64_t limit = settings_number(&r->site->conf, "vm", "start_timeout") * 1000;
	uint64_t end = clock_ms() + limit;
	struct pollfd p = { .fd = r->signals, .events = POLLIN };
	bool late = false;
	int status;

	while (waitpid(r->vmm, &status, WNOHANG) != r->vmm) {
		if (poll(&p, 1, r->told || late ? -1 : LOOK_MS) > 0)
			take_signal(r);
		else if (!r->told)
			look(r);
		if (r->told || late || clock_ms() < end)
			continue;
		late = true;
		complain("%s: does not run after %llu s: see start_timeout", r->name,
			 (unsigned long long)(limit / 1000));
		end_vmm(r, SIGKILL);
	}
	return status;
}

static int tell_end(struct run *r, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	char text[16];

	if (WIFSIGNALED(status))
		complain("%s: hgvmm was ended by signal %d", r->name, WTERMSIG(status));
	else if (code)
		complain("%s: hgvmm ended with status %d, see hgvmm(1)", r->name, code);
	else
		notice("%s ended", r->name);
	if (vm_set_last(r->site, r->name, code))
		complain("%s: its exit status could not be kept", r->name);
	vm_set_pid(r->site, r->name, 0);
	snprintf(text, sizeof(text), "%d", code);
	tell(r, SAY_FAILED, text);
	return code;
}

/* Signals come to a descriptor from now on. 0, or -1 after a message. */
static int take_signals(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals >= 0)
		return 0;
	complain("cannot take signals: %s", strerror(errno));
	return -1;
}

static int run_vmm(struct run *r, char **command)
{
	int err;

	fflush(NULL);
	r->vmm = fork();
	if (r->vmm < 0) {
		complain("%s: no process: %s", r->name, strerror(errno));
		tell(r, SAY_FAILED, "4");
		return CVM_FAILED;
	}
	if (!r->vmm)
		become_vmm(command);
	err = vm_set_pid(r->site, r->name, r->vmm);
	if (err && err != -ESRCH) {
		/* Nobody could stop what nobody can name. */
		complain("%s: its process cannot be written down: %s", r->name, strerror(-err));
		end_vmm(r, SIGKILL);
	}
	return tell_end(r, watch(r));
}

/* With the lock held: nobody else writes to the log, or reads what is not of this run. */
static int open_log(struct run *r)
{
	char path[PATH_MAX];
	int fd;

	if (!vm_path(r->site, r->name, "log", path))
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	close(fd);
	return 0;
}

/* hgvmm's sockets of a run that crashed: so that nobody takes an old one for the new one. */
static void clear_sockets(struct run *r)
{
	char path[PATH_MAX];

	if (vm_path(r->site, r->name, "control", path))
		unlink(path);
	if (vm_path(r->site, r->name, "console", path))
		unlink(path);
}

static int supervise(struct run *r, char **command)
{
	int ret = CVM_FAILED;

	r->lock = vm_lock(r->site, r->name);
	if (r->lock == -EBUSY) {
		complain("%s runs already, or another command is at it", r->name);
		tell(r, SAY_BUSY, "");
	}
	if (r->lock < 0)
		return CVM_FAILED;
	clear_sockets(r);
	/* Until one is known, no older process or status passes for this run's. */
	if (vm_set_pid(r->site, r->name, 0) || vm_set_last(r->site, r->name, -1))
		complain("%s: its state cannot be written in %s", r->name, r->site->state);
	else if ((r->ready < 0 || !open_log(r)) && !take_signals(r))
		ret = run_vmm(r, command);
	if (r->signals >= 0)
		close(r->signals);
	close(r->lock);
	return ret;
}

/* The definition, and the command line of it; NULL after a message. */
static char **prepare(const struct site *site, const char *name)
{
	struct settings def;
	char **command = NULL;
	int err = def_read(site, name, &def);

	if (err == -ENOENT)
		complain("there is no VM '%s': hgctl cvm create", name);
	else if (err)
		complain("%s", def.error);
	else
		command = def_command(site, name, &def);
	settings_free(&def);
	return command;
}

int cvm_run(const struct site *site, const char *name, int ready)
{
	struct run r = { .site = site, .name = name, .ready = ready, .lock = -1, .signals = -1 };
	char **command = prepare(site, name);
	int ret = command ? supervise(&r, command) : CVM_FAILED;

	free_strings(command);
	return ret;
}

/* ---- start ---- */

/* In the supervisor: away from the terminal and the folder of who starts it. */
static void __attribute__((noreturn)) child(const struct site *site, const char *name, int ready)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/"))
		complain("/: %s", strerror(errno));
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	_exit(cvm_run(site, name, ready));
}

static int report(const struct site *site, const char *name, const char *said)
{
	char path[PATH_MAX];

	if (said[0] == SAY_RUNS) {
		printf("%s runs%s%s", name, said[1] == '\n' ? "" : ", launch digest ", said + 1);
		return fflush(stdout) ? CVM_FAILED : CVM_DONE;
	}
	if (said[0] == SAY_FAILED) {
		complain("%s did not start; %s ends with:", name,
			 vm_path(site, name, "log", path) ? path : "its log");
		vm_log_tail(site, name, stderr);
	}
	return CVM_FAILED;	/* it has told why already */
}

static int start_here(const struct site *site, const char *name)
{
	char said[128] = "";
	size_t got = 0;
	int both[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(both, O_CLOEXEC)) {
		complain("no pipe: %s", strerror(errno));
		return CVM_FAILED;
	}
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(both[0]);
		child(site, name, both[1]);
	}
	close(both[1]);
	/* Its end, too, ends this: nobody else has the other end. */
	while (pid > 0 && got < sizeof(said) - 1 && !strchr(said, '\n')) {
		n = read(both[0], said + got, sizeof(said) - 1 - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
		said[got] = '\0';
	}
	close(both[0]);
	if (pid < 0)
		complain("no process: %s", strerror(errno));
	return report(site, name, said);
}

/*
 * systemd runs, and has the unit: then the VM is its child, and not that of a terminal. The
 * unit knows the machine's own hypergpu.conf alone: VMs of another folder are none of its.
 */
static bool has_unit(const struct site *site, const char *root)
{
	static const char *const places[] = { "/etc", "/usr/local/lib", "/usr/lib", "/lib" };
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s" SITE_DIR "/" SITE_FILE, root);
	if (geteuid() || strcmp(site->file, path) || getenv("HYPERGPU_STATE_DIR"))
		return false;
	snprintf(path, sizeof(path), "%s/run/systemd/system", root);
	if (stat(path, &st))
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s%s/systemd/system/hypergpu-vm@.service", root,
			 places[i]);
		if (!stat(path, &st))
			return true;
	}
	return false;
}

static int start_unit(const struct site *site, const char *name, const char *root)
{
	char unit[64], path[PATH_MAX];
	char *argv[] = { path, (char *)"start", unit, NULL };
	bool held = false;
	int status = -1;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/usr/bin/systemctl", root);
	snprintf(unit, sizeof(unit), "hypergpu-vm@%s.service", name);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		execv(path, argv);
		complain("%s: %s", path, strerror(errno));
		_exit(CVM_FAILED);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* systemd is content with a unit that it skips, or that ended meanwhile. */
	if (!status && !vm_held(site, name, &held, &pid) && held) {
		printf("%s runs, as %s\n", name, unit);
		return fflush(stdout) ? CVM_FAILED : CVM_DONE;
	}
	complain("%s did not start: journalctl -u %s -n 20", name, unit);
	return CVM_FAILED;
}

int cvm_start(const struct site *site, const char *name, const char *root)
{
	char **command = prepare(site, name);	/* what is wrong is told here, and not in a log */
	bool held = false;
	pid_t pid;
	int err;

	if (!command)
		return CVM_FAILED;
	free_strings(command);
	err = vm_held(site, name, &held, &pid);
	if (err || held) {
		if (err)
			complain("%s: %s", site->state, strerror(-err));
		else
			complain("%s runs already%s", name, pid ? "" : ", or is about to");
		return CVM_FAILED;
	}
	return has_unit(site, root) ? start_unit(site, name, root) : start_here(site, name);
}
