// SPDX-License-Identifier: Apache-2.0
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "tls.h"

#define DRAIN_MAX (1u << 20)
#define DRAIN_MS  2000

static void limit(struct conn *c, const struct service *s, uint64_t seconds)
{
	c->deadline = s->clock() + (int64_t)seconds * 1000;
}

static void name_peer(struct peer *p, const struct sockaddr_storage *from)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	char text[INET6_ADDRSTRLEN] = "";

	/* Its source is there already: it was counted. */
	p->has_identity = false;
	p->identity[0] = '\0';
	memset(&p->owner, 0, sizeof(p->owner));
	if (from->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		snprintf(p->remote, sizeof(p->remote), "%s:%u", text, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		snprintf(p->remote, sizeof(p->remote), "[%s]:%u", text, ntohs(in6->sin6_port));
	}
}

int conn_open(struct conn *c, struct service *s, SSL_CTX *tls, int fd,
	      const struct sockaddr_storage *from)
{
	c->ssl = SSL_new(tls);
	if (!c->ssl || !SSL_set_fd(c->ssl, fd)) {
		SSL_free(c->ssl);
		c->ssl = NULL;
		ERR_clear_error();
		return -1;
	}
	name_peer(&c->peer, from);
	c->fd = fd;
	c->in_size = c->drained = 0;
	c->close = false;
	c->state = CONN_HANDSHAKE;
	limit(c, s, s->cfg->handshake_timeout);
	return 0;
}

static void free_body(struct conn *c, struct service *s)
{
	if (!c->body)
		return;
	/* It may hold the answer to an enrolment's challenge. */
	OPENSSL_cleanse(c->body, c->q.body_size);
	free(c->body);
	c->body = NULL;
	share_give(s->bodies, &c->peer.source, c->q.body_size);
	s->metrics.body_bytes -= (int64_t)c->q.body_size;
}

void conn_close(struct conn *c, struct service *s)
{
	free_body(c, s);
	answer_free(&c->answer);
	/* A token may be anywhere in it, from an earlier request, too. */
	OPENSSL_cleanse(c->in, sizeof(c->in));
	OPENSSL_cleanse(&c->q, sizeof(c->q));
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
	c->state = CONN_FREE;
	ERR_clear_error();
}

/* What OpenSSL said: wait, or give up. */
static enum conn_want after(struct conn *c, int ret)
{
	switch (SSL_get_error(c->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return WANT_WRITE;
	default:
		ERR_clear_error();
		return WANT_CLOSE;
	}
}

static enum conn_want handshake(struct conn *c, struct service *s)
{
	int ret = SSL_accept(c->ssl);
	enum conn_want want;

	if (ret != 1) {
		want = after(c, ret);
		s->metrics.handshakes_failed += want == WANT_CLOSE;
		return want;
	}
	c->peer.has_identity = tls_peer(c->ssl, c->peer.owner.identity);
	if (c->peer.has_identity)
		att_hex(c->peer.owner.identity, 32, c->peer.identity);
	c->state = CONN_HEAD;
	limit(c, s, s->cfg->header_timeout);
	return WANT_TURN;
}

/* The answer is there: it goes out next. */
static enum conn_want start_answer(struct conn *c, struct service *s)
{
	free_body(c, s);
	c->close |= c->q.close || c->answer.close;
	service_count(s, c->endpoint, &c->answer);
	c->head_size = answer_head(&c->answer, c->close, c->head, sizeof(c->head));
	c->sent = 0;
	c->state = CONN_WRITE;
	limit(c, s, s->cfg->write_timeout);
	return WANT_TURN;
}

/* A request whose rest is not read: nothing on this connection can be believed after it. */
static enum conn_want cut_off(struct conn *c, struct service *s)
{
	c->close = true;
	return start_answer(c, s);
}

static bool reserve(struct conn *c, struct service *s)
{
	if (!share_take(s->bodies, &c->peer.source, c->q.body_size))
		return false;
	c->body = calloc(1, c->q.body_size + 1);
	if (c->body)
		s->metrics.body_bytes += (int64_t)c->q.body_size;
	else
		share_give(s->bodies, &c->peer.source, c->q.body_size);
	return c->body;
}

/* The head is whole and right: is the body to be taken? */
static enum conn_want start_body(struct conn *c, struct service *s)
{
	size_t max, had = c->in_size, rest = c->in_size - c->q.head_size;

	c->endpoint = service_endpoint(&c->q);
	max = service_body_max(s, c->endpoint);
	if (!service_admit(s, &c->peer, &c->answer))
		return cut_off(c, s);
	if (c->q.body_size > max) {
		answer_error(&c->answer, 413, "size",
			     "a body of %zu bytes: at most %zu are allowed", c->q.body_size, max);
		return cut_off(c, s);
	}
	if (!reserve(c, s)) {
		answer_error(&c->answer, 503, "memory",
			     "too many large requests are under way: wait");
		c->answer.retry = 1;
		return cut_off(c, s);
	}
	if (rest > c->q.body_size)
		rest = c->q.body_size;
	memcpy(c->body, c->in + c->q.head_size, rest);
	c->body_size = rest;
	c->in_size -= c->q.head_size + rest;
	memmove(c->in, c->in + c->q.head_size + rest, c->in_size);
	OPENSSL_cleanse(c->in + c->in_size, had - c->in_size);
	c->state = CONN_BODY;
	limit(c, s, s->cfg->body_timeout);
	return WANT_TURN;
}

static enum conn_want read_head(struct conn *c, struct service *s)
{
	bool idle = !c->in_size;
	const char *why;
	int ret = idle ? HTTP_INCOMPLETE : http_parse_request(c->in, c->in_size, &c->q, &why);

	if (!ret)
		return start_body(c, s);
	if (ret != HTTP_INCOMPLETE) {
		c->endpoint = EP_NONE;
		answer_error(&c->answer, ret, "http", "%s", why);
		c->q.body_size = 0;
		return cut_off(c, s);
	}
	ret = SSL_read(c->ssl, c->in + c->in_size, (int)(sizeof(c->in) - c->in_size));
	if (ret <= 0)
		return after(c, ret);
	c->in_size += (size_t)ret;
	if (idle)
		limit(c, s, s->cfg->header_timeout);
	return WANT_TURN;
}

static enum conn_want read_body(struct conn *c, struct service *s, struct store *store)
{
	size_t left = c->q.body_size - c->body_size;
	int ret;

	if (left) {
		ret = SSL_read(c->ssl, c->body + c->body_size, (int)left);
		if (ret <= 0)
			return after(c, ret);
		c->body_size += (size_t)ret;
		return WANT_TURN;
	}
	service_handle(s, store, &c->peer, &c->q, c->body, &c->answer);
	return start_answer(c, s);
}

/* An answer that came before the request's end would be lost in a reset without this. */
static enum conn_want start_drain(struct conn *c, struct service *s)
{
	SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(c->fd, SHUT_WR);
	c->state = CONN_DRAIN;
	c->deadline = s->clock() + DRAIN_MS;
	return WANT_TURN;
}

static enum conn_want write_answer(struct conn *c, struct service *s)
{
	size_t all = c->head_size + c->answer.size;
	const char *from;
	size_t left;
	int ret;

	if (c->sent < all) {
		bool head = c->sent < c->head_size;

		from = head ? c->head + c->sent : c->answer.body + (c->sent - c->head_size);
		left = head ? c->head_size - c->sent : all - c->sent;
		ret = SSL_write(c->ssl, from, (int)left);
		if (ret <= 0)
			return after(c, ret);
		c->sent += (size_t)ret;
		return WANT_TURN;
	}
	answer_free(&c->answer);
	OPENSSL_cleanse(&c->q, sizeof(c->q));
	if (c->close)
		return start_drain(c, s);
	c->state = CONN_HEAD;
	limit(c, s, s->cfg->idle_timeout);
	return WANT_TURN;
}

static enum conn_want drain(struct conn *c)
{
	char waste[4096];
	ssize_t n = recv(c->fd, waste, sizeof(waste), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return WANT_READ;
	c->drained += n > 0 ? (size_t)n : 0;
	return n <= 0 || c->drained > DRAIN_MAX ? WANT_CLOSE : WANT_TURN;
}

static enum conn_want step(struct conn *c, struct service *s, struct store *store)
{
	switch (c->state) {
	case CONN_HANDSHAKE:
		return handshake(c, s);
	case CONN_HEAD:
		return read_head(c, s);
	case CONN_BODY:
		return read_body(c, s, store);
	case CONN_WRITE:
		return write_answer(c, s);
	case CONN_DRAIN:
		return drain(c);
	default:
		return WANT_CLOSE;
	}
}

enum conn_want conn_drive(struct conn *c, struct service *s, struct store *store)
{
	enum conn_want want = WANT_TURN;
	unsigned int turns;
	enum conn_state before;

	for (turns = 0; want == WANT_TURN; turns++) {
		/* What is left in OpenSSL's queue would be taken for the connection's error. */
		ERR_clear_error();
		before = c->state;
		want = step(c, s, store);
		/* After each request others have their turn. */
		if (want == WANT_TURN &&
		    (turns > 1024 || (before == CONN_WRITE && c->state == CONN_HEAD && c->in_size)))
			break;
	}
	return want;
}
