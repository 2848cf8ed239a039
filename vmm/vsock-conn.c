// SPDX-License-Identifier: Apache-2.0
#include "vsock-conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

int vsock_conn_init(struct vsock_conn *c, struct loop *loop, int fd,
		    void (*fn)(void *conn, uint32_t events), void *owner)
{
	int ret;

	memset(c, 0, sizeof(*c));
	c->handler.fd = -1;
	c->loop = loop;
	c->owner = owner;
	c->fd = fd;
	c->buf = malloc(VSOCK_BUFFER);
	ret = c->buf ? loop_add(loop, &c->handler, fd, EPOLLIN, fn, c) : -ENOMEM;
	if (ret) {
		free(c->buf);
		c->buf = NULL;
		close(fd);
		c->fd = -1;
	}
	return ret;
}

static void close_host(struct vsock_conn *c)
{
	loop_del(c->loop, &c->handler);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buf);
	c->buf = NULL;
	c->fill = 0;
}

void vsock_conn_close(struct vsock_conn *c)
{
	close_host(c);
	c->state = VSOCK_FREE;
	c->owed = 0;
}

void vsock_conn_kill(struct vsock_conn *c)
{
	close_host(c);
	c->state = VSOCK_DEAD;
	c->owed = VSOCK_OWE_RESET;
}

uint32_t vsock_conn_window(const struct vsock_conn *c)
{
	/* Modulo 2^32 by the specification; a guest that lies gets nothing. */
	uint32_t in_flight = c->tx_cnt - c->peer_fwd_cnt;

	return in_flight < c->peer_buf_alloc ? c->peer_buf_alloc - in_flight : 0;
}

int vsock_conn_push(struct vsock_conn *c, const uint8_t *data, uint32_t len)
{
	uint32_t at, part;

	if (len > VSOCK_BUFFER - c->fill)
		return -ENOBUFS;
	while (len) {
		at = (c->head + c->fill) % VSOCK_BUFFER;
		part = VSOCK_BUFFER - at < len ? VSOCK_BUFFER - at : len;
		memcpy(c->buf + at, data, part);
		c->fill += part;
		data += part;
		len -= part;
	}
	return vsock_conn_flush(c);
}

int vsock_conn_flush(struct vsock_conn *c)
{
	while (c->fill) {
		uint32_t part = VSOCK_BUFFER - c->head < c->fill ? VSOCK_BUFFER - c->head : c->fill;
		ssize_t n = send(c->fd, c->buf + c->head, part, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0)
			return -EPIPE;
		c->head = (c->head + (uint32_t)n) % VSOCK_BUFFER;
		c->fill -= (uint32_t)n;
		c->fwd_cnt += (uint32_t)n;
	}
	/* Tell the guest before it runs dry, but not for every byte. */
	if (c->fwd_cnt - c->told_fwd_cnt >= VSOCK_BUFFER / 2)
		c->owed |= VSOCK_OWE_CREDIT;
	if (!c->fill && c->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND && !c->wr_shut) {
		shutdown(c->fd, SHUT_WR);
		c->wr_shut = true;
	}
	return 0;
}

void vsock_conn_watch(struct vsock_conn *c, bool guest_room)
{
	uint32_t want = 0;

	if (c->fd < 0)
		return;
	if (c->state == VSOCK_GREETING)
		want = EPOLLIN;
	else if (c->state == VSOCK_LIVE && guest_room && !c->host_eof && vsock_conn_window(c))
		want = EPOLLIN;
	if (c->fill)
		want |= EPOLLOUT;
	/* Not watched at all rather than with no events: hang-ups always fire. */
	if (!want)
		loop_del(c->loop, &c->handler);
	else if (c->handler.fd >= 0)
		loop_mod(c->loop, &c->handler, want);
	else if (loop_add(c->loop, &c->handler, c->fd, want, c->handler.fn, c))
		vsock_conn_kill(c);
}

int vsock_conn_greeting(struct vsock_conn *c, uint32_t *port)
{
	unsigned long v;
	char *end;

	for (;;) {
		char b;
		ssize_t n = recv(c->fd, &b, 1, MSG_DONTWAIT);

		/* Byte by byte: what follows the line belongs to the stream. */
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0 || c->line_len == VSOCK_LINE_MAX - 1)
			return -EPROTO;
		if (b == '\n')
			break;
		c->line[c->line_len++] = b;
	}
	c->line[c->line_len] = '\0';
	if (strncmp(c->line, "CONNECT ", 8) || c->line[8] < '0' || c->line[8] > '9')
		return -EPROTO;
	errno = 0;
	v = strtoul(c->line + 8, &end, 10);
	if (errno || *end || v > UINT32_MAX)
		return -EPROTO;
	*port = (uint32_t)v;
	return 1;
}
