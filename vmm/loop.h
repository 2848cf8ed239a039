/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O loop: one thread (the main one) waits in epoll and calls handlers.
 * Handlers may be added and removed from that thread and, before it runs, by
 * the code that assembles the machine. A handler may remove itself.
 */
#ifndef HGVMM_LOOP_H
#define HGVMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop_fd {
	int fd;			/* -1 when not registered */
	uint32_t events;	/* EPOLLIN, EPOLLOUT ... as last set */
	void (*fn)(void *opaque, uint32_t events);
	void *opaque;
};

/* Both return NULL / a negative errno after a message. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/*
 * Watch @fd. @h stays the caller's and must live until loop_del(). Returns 0
 * or a negative errno (-EPERM: the file cannot be polled, e.g. a plain file).
 */
int loop_add(struct loop *loop, struct loop_fd *h, int fd, uint32_t events,
	     void (*fn)(void *opaque, uint32_t events), void *opaque);
int loop_mod(struct loop *loop, struct loop_fd *h, uint32_t events);
void loop_del(struct loop *loop, struct loop_fd *h);

/* Wait up to @timeout_ms (-1: for ever) and run the handlers that are due. */
int loop_run_once(struct loop *loop, int timeout_ms);

#endif
