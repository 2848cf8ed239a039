// SPDX-License-Identifier: Apache-2.0
/*
 * dump PID >FILE: all memory of a process that another one of the host can read, but for pages of
 * zeros. A page that cannot be read is passed over. On stderr: how many bytes could be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256u << 10)
#define PAGE  4096u

static uint8_t buffer[CHUNK];
static uint64_t total;

/* Where plaintext goes on over the end of a page, no page between is all zeros. */
static bool write_pages(const uint8_t *p, size_t size)
{
	static const uint8_t zeros[PAGE];

	for (total += size; size; p += PAGE) {
		size_t n = size < PAGE ? size : PAGE;

		if (memcmp(p, zeros, n) && fwrite(p, 1, n, stdout) != n)
			return false;
		size -= n;
	}
	return true;
}

static bool dump_range(int mem, uint64_t first, uint64_t end)
{
	while (first < end) {
		size_t size = end - first < CHUNK ? (size_t)(end - first) : CHUNK;
		ssize_t got = pread(mem, buffer, size, (off_t)first);

		if (got <= 0)
			got = PAGE;
		else if (!write_pages(buffer, (size_t)got))
			return false;
		first += (uint64_t)got;
	}
	return true;
}

int main(int argc, char **argv)
{
	char path[64], line[512];
	uint64_t first, end;
	FILE *maps;
	int mem;

	if (argc != 2) {
		fprintf(stderr, "usage: dump PID >FILE\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", atoi(argv[1]));
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", atoi(argv[1]));
	maps = fopen(path, "re");
	if (mem < 0 || !maps) {
		fprintf(stderr, "dump: %s: %s\n", path, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " r", &first, &end) != 2 ||
		    strstr(line, "[v"))
			continue;
		if (!dump_range(mem, first, end)) {
			fprintf(stderr, "dump: cannot write: %s\n", strerror(errno));
			return 1;
		}
	}
	fclose(maps);
	close(mem);
	fprintf(stderr, "%" PRIu64 "\n", total);
	return total && !fflush(stdout) ? 0 : 1;
}
