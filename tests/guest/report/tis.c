// SPDX-License-Identifier: Apache-2.0
/*
 * "tis take" has locality 1 of the TPM taken, so that commands of the kernel's, which come
 * by locality 0, fail; "tis leave" gives it up. Needs a kernel booted with iomem=relaxed.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* PC Client Platform TPM Profile, 6.5.2: the register TPM_ACCESS of each locality. */
#define TIS		0xfed40000
#define LOCALITY	0x1000
#define ACTIVE		0x20	/* write 1: give it up */
#define REQUEST		0x02

int main(int argc, char **argv)
{
	int take = argc == 2 && !strcmp(argv[1], "take"), i;
	volatile uint8_t *access;
	int fd;

	if (!take && (argc != 2 || strcmp(argv[1], "leave"))) {
		fprintf(stderr, "usage: tis take|leave\n");
		return 2;
	}
	fd = open("/dev/mem", O_RDWR | O_SYNC);
	if (fd < 0) {
		perror("tis: /dev/mem");
		return 1;
	}
	access = mmap(NULL, LOCALITY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, TIS + LOCALITY);
	if (access == MAP_FAILED) {
		perror("tis: mmap");
		return 1;
	}
	*access = take ? REQUEST : ACTIVE;
	for (i = 0; i < 100; i++) {
		if (!(*access & ACTIVE) == !take)
			return 0;
		usleep(10000);
	}
	fprintf(stderr, "tis: locality 1: access is %#x\n", *access);
	return 1;
}
