/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider between the channel and another one: the bus, and whoever is on it. It can
 * alter what crosses, launch otherwise, fail, and look for what should not be there.
 */
#ifndef EVIL_H
#define EVIL_H

#include "device.h"

#include <stdatomic.h>

struct evil {
	struct hg_provider base;
	struct hg_provider *below;
	/* Called on a private copy of what is written; on what was read, before it is handed up. */
	void (*on_write)(struct evil *e, uint8_t *data, size_t size);
	void (*on_read)(struct evil *e, uint8_t *data, size_t size);
	/* May change a launch; returns false to leave it out. */
	bool (*on_launch)(struct evil *e, const char *kernel, struct hg_arg *args, size_t *groups);
	/* Before a buffer is released: who gets its memory next sees what is in it. */
	void (*on_release)(struct evil *e, struct hg_buffer *buffer);
	void *arg;
	unsigned writes, reads, launches; /* that went by */
	long fail_at;			  /* this call of an operation fails; -1 for none */
	atomic_long calls;
	/* If set: this must not occur in what crosses. */
	const uint8_t *secret;
	size_t secret_size;
	bool leaked;
};

/* @below stays the caller's. */
struct evil *evil_new(struct hg_provider *below);
/* Frees the copies of what was written; the queue is idle. */
void evil_forget(struct evil *e);

#endif
