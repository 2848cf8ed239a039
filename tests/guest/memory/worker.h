/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU that works on a window of guest memory in a thread of its own, while
 * the test does things to the memory behind the window.
 */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>

#include "hgt.h"

#define PAGE		4096ul
#define MIB		(1ul << 20)
#define WINDOW		0x40000000ul	/* where tests put slot 1; 1 GiB aligned */

/* Where guest and host talk, in slot 0: for vCPU 0; TALK_SIZE more for each other. */
#define TALK_SIZE	64
#define TALK_STOP	HGT_DATA		/* host: end at the next page */
#define TALK_PASS	(HGT_DATA + 8)		/* guest: passes completed */
#define TALK_ZERO	(HGT_DATA + 16)		/* guest: values found to be 0 */
#define TALK_BAD	(HGT_DATA + 24)		/* guest: address of a wrong value */
#define TALK_GOT	(HGT_DATA + 32)		/* guest: that value */

/* What the guest does with each page, pass after pass. */
enum work {
	WORK_STAMP,	/* write the number of the pass, starting with 1 */
	WORK_CHECK,	/* the same, read it back: must be it or 0 */
	WORK_KEEP,	/* count up what is there: it must be the last value */
	WORK_READ,	/* read: must be the page's number + 1, or 0 */
};

struct worker {
	struct hgt_vcpu *vcpu;
	pthread_t thread;
	int error;		/* of KVM_RUN, when it ended */
	bool started;
};

/*
 * The same in two steps, for several vCPUs: all must be prepared before the
 * first goes, as they share code and page tables.
 */
void worker_prepare(struct worker *w, struct hgt_vcpu *vcpu, enum work work, uint64_t gpa,
		    uint64_t pages);
void worker_go(struct worker *w);
/* Start on @pages pages from guest-physical @gpa. */
void worker_start(struct worker *w, struct hgt_vcpu *vcpu, enum work work, uint64_t gpa,
		  uint64_t pages);
/* Wait until the guest has completed @passes more passes; fails after a while. */
void worker_wait(struct worker *w, unsigned int passes);
/* Make it end, and assert that it found nothing wrong. */
void worker_stop(struct worker *w);
/* Wait for it to end by itself; what KVM_RUN returned. */
int worker_join(struct worker *w);

/* Private anonymous memory, aligned to @align. Freed with munmap. */
uint8_t *aligned_pages(size_t size, size_t align);
/* One line of a file as a number; -1 if it cannot be read. */
long read_number(const char *path);
int write_number(const char *path, long value);
/* A counter of the only VM there is, under debugfs; -1 if there is none. */
long vm_counter(const char *name);

#endif /* WORKER_H */
