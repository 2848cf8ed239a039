// SPDX-License-Identifier: Apache-2.0
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "util.h"

#define LOOP_BATCH 16

struct loop {
	int epfd;
	/* Events fetched but not yet handled, so that loop_del() can void them. */
	struct epoll_event batch[LOOP_BATCH];
	int nr, next;
};

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0) {
		hg_err("epoll_create1: %s", strerror(errno));
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epfd);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_fd *h, int fd, uint32_t events,
	     void (*fn)(void *opaque, uint32_t events), void *opaque)
{
	struct epoll_event ev = { .events = events, .data.ptr = h };

	h->fd = fd;
	h->events = events;
	h->fn = fn;
	h->opaque = opaque;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		h->fd = -1;
		return -errno;
	}
	return 0;
}

int loop_mod(struct loop *loop, struct loop_fd *h, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = h };

	if (h->events == events)
		return 0;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_MOD, h->fd, &ev) < 0)
		return -errno;
	h->events = events;
	return 0;
}

void loop_del(struct loop *loop, struct loop_fd *h)
{
	int i;

	if (h->fd < 0)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, h->fd, NULL);
	h->fd = -1;
	for (i = loop->next; i < loop->nr; i++)
		if (loop->batch[i].data.ptr == h)
			loop->batch[i].data.ptr = NULL;
}

int loop_run_once(struct loop *loop, int timeout_ms)
{
	loop->next = 0;
	loop->nr = epoll_wait(loop->epfd, loop->batch, LOOP_BATCH, timeout_ms);
	if (loop->nr < 0) {
		loop->nr = 0;
		return errno == EINTR ? 0 : -errno;
	}
	while (loop->next < loop->nr) {
		struct epoll_event *ev = &loop->batch[loop->next++];
		struct loop_fd *h = ev->data.ptr;

		if (h)
			h->fn(h->opaque, ev->events);
	}
	return 0;
}
