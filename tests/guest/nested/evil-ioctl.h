/* SPDX-License-Identifier: GPL-2.0-only */
/* Between evil.ko, which attacks, and the program that tells it what to do: /dev/evil. */
#ifndef EVIL_IOCTL_H
#define EVIL_IOCTL_H

#include <linux/ioctl.h>

struct evil_attack {
	unsigned int index;	/* in */
	int failed;
	char name[32];
	char why[216];		/* if it failed */
};

#define EVIL_NAME	_IOWR('e', 0, struct evil_attack)	/* ENOENT: no more */
#define EVIL_RUN	_IOWR('e', 1, struct evil_attack)

/*
 * The page that mmap() at offset 0 shows: it is given to a domain, as one of its
 * private pages or as a table, or taken back.
 */
#define EVIL_PAGE	_IO('e', 2)
#define EVIL_PAGE_BACK		0
#define EVIL_PAGE_PRIVATE	1
#define EVIL_PAGE_TABLE		2

#endif /* EVIL_IOCTL_H */
