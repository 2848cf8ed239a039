// SPDX-License-Identifier: Apache-2.0
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cvm.h"

#define CHUNK	(1u << 20)

/* By its first byte alone: what is looked for must not be here to be found. */
static unsigned int scan_half(const uint8_t *p, size_t size, unsigned int half)
{
	const uint8_t first = (uint8_t)cvm_secret(half);
	const uint8_t *end = p + size;
	unsigned int found = 0;

	while (end - p >= 8 && (p = memchr(p, first, (size_t)(end - p) - 7))) {
		uint64_t word;

		memcpy(&word, p++, sizeof(word));
		found += word == cvm_secret(half);
	}
	return found;
}

unsigned int scan_bytes(const void *data, size_t size)
{
	return scan_half(data, size, 0) + scan_half(data, size, 1);
}

static ssize_t read_at(pid_t pid, int mem, enum scan_way way, void *to, uint64_t from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)(uintptr_t)from, size };

	if (way == SCAN_READV)
		return process_vm_readv(pid, &local, 1, &remote, 1, 0);
	return pread(mem, to, size, (off_t)from);
}

static int scan_range(pid_t pid, int mem, enum scan_way way, uint64_t first, uint64_t end,
		      uint64_t *total)
{
	uint8_t *buffer = malloc(CHUNK);
	int found = 0;

	while (buffer && first < end) {
		size_t size = end - first < CHUNK ? end - first : CHUNK;
		ssize_t got = read_at(pid, mem, way, buffer, first, size);

		if (got <= 0) {
			first += 4096;	/* a hole, or a page that cannot be read */
			continue;
		}
		found += (int)scan_bytes(buffer, (size_t)got);
		*total += (uint64_t)got;
		first += (uint64_t)got;
	}
	free(buffer);
	return found;
}

static int scan_maps(pid_t pid, enum scan_way way)
{
	char path[64], line[512];
	uint64_t first, end, total = 0;
	int mem, found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (mem < 0 || !maps)
		return -errno;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " r", &first, &end) == 2 &&
		    !strstr(line, "[vsyscall]"))
			found += scan_range(pid, mem, way, first, end, &total);
	fclose(maps);
	close(mem);
	return total ? found : -EIO;
}

static int scan_in_child(pid_t pid, enum scan_way way)
{
	int found, status;

	if (way != SCAN_PTRACE)
		return scan_maps(pid, way);
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
		return -errno;
	found = scan_maps(pid, SCAN_PROC_MEM);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return found;
}

int scan_process(pid_t pid, enum scan_way way)
{
	int pipefd[2], found = -EIO;
	pid_t child;

	if (pipe(pipefd))
		return -errno;
	child = fork();
	if (!child) {
		found = scan_in_child(pid, way);
		_exit(write(pipefd[1], &found, sizeof(found)) == sizeof(found) ? 0 : 1);
	}
	close(pipefd[1]);
	/* EINTR: a tracer has stopped us. */
	while (read(pipefd[0], &found, sizeof(found)) < 0 && errno == EINTR)
		;
	close(pipefd[0]);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return found;
}

int scan_file(const char *path)
{
	uint8_t *buffer = malloc(CHUNK);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), found = 0;
	size_t kept = 0;
	ssize_t got;

	if (fd < 0 || !buffer) {
		free(buffer);
		return -errno;
	}
	/* Seven bytes stay, for what lies across two reads. */
	while ((got = read(fd, buffer + kept, CHUNK - kept)) > 0) {
		size_t size = kept + (size_t)got;

		found += (int)scan_bytes(buffer, size);
		kept = size < 7 ? size : 7;
		memmove(buffer, buffer + size - kept, kept);
	}
	close(fd);
	free(buffer);
	return found;
}

static int tree_found;

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	int found;

	(void)where;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	found = scan_file(path);
	if (found > 0)
		tree_found += found;
	return 0;
}

int scan_tree(const char *dir)
{
	tree_found = 0;
	return nftw(dir, visit, 16, FTW_PHYS) ? -errno : tree_found;
}
