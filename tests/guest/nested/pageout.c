// SPDX-License-Identifier: GPL-2.0-only
/*
 * pageout PID: the host's kernel is told to put all memory of a process into swap, as it
 * would by itself if it had too little. Prints how many MiB it was told of.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SMALL	(1UL << 20)	/* regions below are no guest's memory */

static int pidfd;

static unsigned long page_out(unsigned long begin, unsigned long end)
{
	struct iovec range = { (void *)begin, end - begin };

	if (syscall(SYS_process_madvise, pidfd, &range, 1UL, MADV_PAGEOUT, 0UL) < 0) {
		perror("pageout: process_madvise");
		exit(1);
	}
	return (end - begin) >> 20;
}

int main(int argc, char **argv)
{
	unsigned long begin, end, total = 0;
	char path[64], line[512];
	FILE *maps;

	if (argc != 2) {
		fprintf(stderr, "usage: pageout PID\n");
		return 2;
	}
	pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	snprintf(path, sizeof(path), "/proc/%s/maps", argv[1]);
	maps = fopen(path, "r");
	if (pidfd < 0 || !maps) {
		fprintf(stderr, "pageout: process %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx rw", &begin, &end) == 2 && end - begin > SMALL)
			total += page_out(begin, end);
	printf("%lu\n", total);
	return 0;
}
