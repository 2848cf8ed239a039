// SPDX-License-Identifier: Apache-2.0
#include "cvm-state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX	(256u << 10)
#define ANSWER_MS	5000
#define TAIL_BYTES	2000
#define DIGEST_DIGITS	64	/* SHA-256, in hexadecimal */

bool vm_name_good(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(name);

	return n && n <= VM_NAME_MAX && strspn(name, letters) == n && !strchr("._-", name[0]);
}

int vm_name_check(const char *name)
{
	if (vm_name_good(name))
		return 0;
	complain("'%.40s' is no name for a VM: 1 to %d letters, digits, and after the first . _ -",
		 name, VM_NAME_MAX);
	return -EINVAL;
}

const char *vm_path(const struct site *site, const char *name, const char *leaf,
		    char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/vms/%s%s%s", site->state, name, *leaf ? "/" : "",
			 leaf);

	if (n > 0 && n < PATH_MAX)
		return path;
	complain("%.40s...: the path is too long", site->state);
	return NULL;
}

/* ---- the lock ---- */

static int make_folders(const struct site *site, const char *name)
{
	char path[PATH_MAX];
	const char *made;

	if (!vm_path(site, name, "", path))
		return -ENAMETOOLONG;
	for (char *at = path + 1;; at++) {
		char was = *at;

		if (was && was != '/')
			continue;
		*at = '\0';
		made = path;
		if (mkdir(path, 0700) && errno != EEXIST) {
			complain("%s: %s", made, strerror(errno));
			return -errno;
		}
		*at = was;
		if (!was)
			return 0;
	}
}

/* Was the file that we locked deleted meanwhile? Then another one may be locked by others. */
static bool still_there(int fd, const char *path)
{
	struct stat ours, theirs;

	return !fstat(fd, &ours) && !stat(path, &theirs) && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

int vm_lock(const struct site *site, const char *name)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int err = make_folders(site, name), fd;

	if (err)
		return err;
	if (!vm_path(site, name, "lock", path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0) {
		err = -errno;
		complain("%s: %s", path, strerror(errno));
		return err;
	}
	if (fcntl(fd, F_OFD_SETLK, &whole) || !still_there(fd, path)) {
		close(fd);
		return -EBUSY;
	}
	return fd;
}

/* When a process began, in ticks since boot: field 22 of stat. 0 or -errno. */
static int start_time(pid_t pid, unsigned long long *ticks)
{
	char path[64], text[1024], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The second field is a name in parentheses, in which anything may be. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, "%llu", ticks) == 1 ? 0 : -ESRCH;
}

int vm_set_pid(const struct site *site, const char *name, pid_t pid)
{
	unsigned long long ticks = 0;
	int err = pid ? start_time(pid, &ticks) : 0, fd;
	char path[PATH_MAX];

	if (err)
		return err;
	if (!vm_path(site, name, "process", path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	if (pid && dprintf(fd, "%d %llu\n", (int)pid, ticks) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* -> the process that was written down, and when it began; 0: none was. */
static pid_t written_pid(const struct site *site, const char *name, unsigned long long *ticks)
{
	char path[PATH_MAX], text[64], rest;
	ssize_t n;
	int pid, fd;

	if (!vm_path(site, name, "process", path))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return sscanf(text, "%d %llu %c", &pid, ticks, &rest) == 2 && pid > 0 ? pid : 0;
}

/* As written_pid(), but only if that process runs. */
static pid_t true_pid(const struct site *site, const char *name)
{
	unsigned long long ticks, now;
	pid_t pid = written_pid(site, name, &ticks);

	return pid && !start_time(pid, &now) && now == ticks ? pid : 0;
}

int vm_held(const struct site *site, const char *name, bool *held, pid_t *pid)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd, err;

	*held = false;
	*pid = 0;
	if (!vm_path(site, name, "lock", path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = fcntl(fd, F_OFD_GETLK, &whole) ? -errno : 0;
	close(fd);
	*held = !err && whole.l_type != F_UNLCK;
	if (*held)
		*pid = true_pid(site, name);
	return err;
}

int vm_pidfd(const struct site *site, const char *name)
{
	bool held;
	pid_t pid, again;
	int fd, err = vm_held(site, name, &held, &pid);

	if (err || !pid)
		return err ? err : -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	/* Asked again once the descriptor is there: so it is that process's and no later one's. */
	if (vm_held(site, name, &held, &again) || again != pid) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

/* ---- sockets ---- */

uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int vm_connect(const struct site *site, const char *name, const char *leaf)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	int fd, err;

	if (!vm_path(site, name, leaf, path) || strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A listener whose queue is full does not hold us: EAGAIN. */
	if (!connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) && !fcntl(fd, F_SETFL, 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Reads up to the end of a line, until @end. -> bytes, or -1 with errno. */
static ssize_t read_line(int fd, char *text, size_t size, uint64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0;

	while (got < size) {
		uint64_t now = clock_ms();
		/* Not asked again at the end: who goes on and on would be heard for ever. */
		ssize_t n = now < end ? poll(&p, 1, (int)(end - now)) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : ETIMEDOUT;
			return -1;
		}
		n = recv(fd, text + got, size - got, MSG_DONTWAIT);
		if (n <= 0) {
			errno = n ? errno : ECONNRESET;
			return -1;
		}
		got += (size_t)n;
		if (memchr(text + got - n, '\n', (size_t)n))
			return (ssize_t)got;
	}
	errno = EMSGSIZE;
	return -1;
}

json_t *vm_ask(const struct site *site, const char *name, const char *command)
{
	uint64_t end = clock_ms() + ANSWER_MS;
	char line[32], *text = malloc(ANSWER_MAX);
	int fd = text ? vm_connect(site, name, "control") : -ENOMEM, err = fd < 0 ? -fd : 0;
	json_t *answer = NULL;
	ssize_t n;

	snprintf(line, sizeof(line), "%s\n", command);
	if (!err && send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)strlen(line))
		err = EPIPE;
	if (!err) {
		n = read_line(fd, text, ANSWER_MAX, end);
		err = n < 0 ? errno : 0;
		answer = err ? NULL : json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
		if (!err && !json_is_true(json_object_get(answer, "ok"))) {
			json_decref(answer);
			answer = NULL;
			err = EPROTO;
		}
	}
	if (fd >= 0)
		close(fd);
	free(text);
	errno = err;
	return answer;
}

const char *vm_digest(const json_t *status)
{
	const char *digest = json_string_value(json_object_get(status, "launch_digest"));
	size_t n = digest ? strlen(digest) : 0;

	return n == DIGEST_DIGITS && strspn(digest, "0123456789abcdef") == n ? digest : NULL;
}

/* ---- what stays ---- */

int vm_last(const struct site *site, const char *name, int *status)
{
	char path[PATH_MAX], text[32] = "", rest;
	int fd, n;

	if (!vm_path(site, name, "last", path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1) > 0 && sscanf(text, "%d %c", status, &rest) == 1;
	close(fd);
	return n ? 0 : -EINVAL;
}

int vm_set_last(const struct site *site, const char *name, int status)
{
	char path[PATH_MAX];
	int fd, err = 0;

	if (!vm_path(site, name, "last", path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (status >= 0 && dprintf(fd, "%d\n", status) < 0)
		err = -errno;
	close(fd);
	return err;
}

void vm_log_tail(const struct site *site, const char *name, FILE *out)
{
	char path[PATH_MAX], text[TAIL_BYTES + 1], *line, *save;
	ssize_t n = 0;
	off_t size;
	int fd;

	if (!vm_path(site, name, "log", path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	size = lseek(fd, 0, SEEK_END);
	n = pread(fd, text, TAIL_BYTES, size > TAIL_BYTES ? size - TAIL_BYTES : 0);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = size > TAIL_BYTES && strchr(text, '\n') ? strchr(text, '\n') : text;
	for (line = strtok_r(line, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		for (char *c = line; *c; c++)	/* a guest may have a say in it */
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				*c = '?';
		fprintf(out, "  %s\n", line);
	}
}
