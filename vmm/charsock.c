// SPDX-License-Identifier: Apache-2.0
#include "charsock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "sockpath.h"
#include "util.h"

/*
 * A device may hold its own lock when it writes or says that it is ready, and takes it in
 * space(): so space() is called without ours. Only the I/O thread accepts and drops clients.
 */
struct charsock {
	struct loop *loop;
	struct sockpath listener;
	struct loop_fd listen_handler;
	const struct chardev_ops *ops;
	void *dev;
	pthread_mutex_t lock;		/* what follows */
	struct loop_fd handler;
	int client;			/* -1: none */
	bool want_in, want_out;
	uint64_t grown;			/* how often space() has */
	uint64_t written, sent;		/* bytes since the start; sent: to this client */
	uint8_t kept[CHARSOCK_KEPT];	/* byte n is at n modulo its size */
};

/* Caller holds lock. */
static void watch(struct charsock *cs)
{
	if (cs->client >= 0)
		loop_mod(cs->loop, &cs->handler,
			 (cs->want_in ? EPOLLIN : 0u) | (cs->want_out ? EPOLLOUT : 0u));
}

/* Caller holds lock. An error shows as a hang-up, which the I/O thread sees. */
static void flush(struct charsock *cs)
{
	if (cs->client < 0)
		return;
	if (cs->written - cs->sent > CHARSOCK_KEPT)
		cs->sent = cs->written - CHARSOCK_KEPT;
	while (cs->sent < cs->written) {
		size_t at = cs->sent % CHARSOCK_KEPT, len = CHARSOCK_KEPT - at;
		ssize_t n;

		if (len > cs->written - cs->sent)
			len = cs->written - cs->sent;
		n = send(cs->client, cs->kept + at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		cs->sent += (uint64_t)n;
	}
	cs->want_out = cs->sent < cs->written;
	watch(cs);
}

/* I/O thread. */
static void drop(struct charsock *cs)
{
	pthread_mutex_lock(&cs->lock);
	loop_del(cs->loop, &cs->handler);
	close(cs->client);
	cs->client = -1;
	pthread_mutex_unlock(&cs->lock);
}

/*
 * -> how many bytes may be read now. With none, input is not watched for until ready; which
 * may have come since space() was called.
 */
static size_t room(struct charsock *cs)
{
	uint64_t grown;
	size_t n;

	pthread_mutex_lock(&cs->lock);
	grown = cs->grown;
	pthread_mutex_unlock(&cs->lock);
	n = cs->ops->space(cs->dev);
	pthread_mutex_lock(&cs->lock);
	cs->want_in = n > 0 || cs->grown != grown;
	watch(cs);
	pthread_mutex_unlock(&cs->lock);
	return n;
}

static void on_client(void *opaque, uint32_t events)
{
	struct charsock *cs = opaque;
	uint8_t buf[256];
	size_t space;
	ssize_t n;

	if (events & EPOLLOUT) {
		pthread_mutex_lock(&cs->lock);
		flush(cs);
		pthread_mutex_unlock(&cs->lock);
	}
	space = room(cs);
	if (!space) {
		if (events & (EPOLLHUP | EPOLLERR))
			drop(cs);
		return;
	}
	n = recv(cs->client, buf, space < sizeof(buf) ? space : sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		drop(cs);
	else
		cs->ops->receive(cs->dev, buf, (size_t)n);
}

static void refuse(int fd)
{
	static const char text[] = "hgvmm: another client has this console\n";

	if (send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		hg_warn("a second client of a console could not be told so");
	close(fd);
}

static void on_listen(void *opaque, uint32_t events)
{
	struct charsock *cs = opaque;
	int fd = accept4(cs->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	if (cs->client >= 0) {
		refuse(fd);
		return;
	}
	pthread_mutex_lock(&cs->lock);
	if (loop_add(cs->loop, &cs->handler, fd, EPOLLIN, on_client, cs)) {
		close(fd);
	} else {
		cs->client = fd;
		cs->want_in = true;	/* the first event finds out */
		cs->sent = 0;
		flush(cs);
	}
	pthread_mutex_unlock(&cs->lock);
}

struct charsock *charsock_new(struct loop *loop, const char *name, const char *path)
{
	struct charsock *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return NULL;
	cs->loop = loop;
	cs->client = cs->handler.fd = cs->listen_handler.fd = -1;
	pthread_mutex_init(&cs->lock, NULL);
	if (sockpath_claim(&cs->listener, SOCK_STREAM, name, path)) {
		charsock_free(cs);
		return NULL;
	}
	return cs;
}

void charsock_free(struct charsock *cs)
{
	if (!cs)
		return;
	if (cs->client >= 0)
		drop(cs);
	loop_del(cs->loop, &cs->listen_handler);
	sockpath_close(&cs->listener);
	pthread_mutex_destroy(&cs->lock);
	free(cs);
}

int charsock_attach(struct charsock *cs, const struct chardev_ops *ops, void *dev)
{
	cs->ops = ops;
	cs->dev = dev;
	return loop_add(cs->loop, &cs->listen_handler, cs->listener.fd, EPOLLIN, on_listen, cs);
}

void charsock_write(struct charsock *cs, const uint8_t *data, size_t len)
{
	pthread_mutex_lock(&cs->lock);
	while (len) {
		size_t at = cs->written % CHARSOCK_KEPT, n = CHARSOCK_KEPT - at;

		if (n > len)
			n = len;
		memcpy(cs->kept + at, data, n);
		cs->written += n;
		data += n;
		len -= n;
	}
	flush(cs);
	pthread_mutex_unlock(&cs->lock);
}

void charsock_ready(struct charsock *cs)
{
	pthread_mutex_lock(&cs->lock);
	cs->grown++;
	cs->want_in = true;
	watch(cs);
	pthread_mutex_unlock(&cs->lock);
}
