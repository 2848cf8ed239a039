/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: a TLS stream that requests come from, one after the other. */
#ifndef HG_CONN_H
#define HG_CONN_H

#include <openssl/ssl.h>

#include "service.h"

enum conn_state {
	CONN_FREE,
	CONN_HANDSHAKE,
	CONN_HEAD, /* waits for, or is in, a request's head */
	CONN_BODY,
	CONN_WRITE,
	CONN_DRAIN, /* answered and closed; what still comes is thrown away */
};

/* What a connection waits for next. */
enum conn_want { WANT_READ, WANT_WRITE, WANT_TURN, WANT_CLOSE };

struct conn {
	/* The server's: */
	int fd;
	uint32_t generation; /* of the slot: an old event does not meet a new connection */
	bool busy; /* a worker has it */
	/* Its own: */
	enum conn_state state;
	SSL *ssl;
	struct peer peer;
	int64_t deadline; /* by the service's clock */
	char in[HTTP_HEAD_MAX];
	size_t in_size;
	struct http_request q;
	enum endpoint endpoint;
	char *body;
	size_t body_size; /* as much as has come */
	struct answer answer;
	char head[512];
	size_t head_size, sent;
	size_t drained;
	bool close;
};

/* A connection that was just accepted. -1 without memory; @fd stays the caller's then. */
int conn_open(struct conn *c, struct service *s, SSL_CTX *tls, int fd,
	      const struct sockaddr_storage *from);
/* Does what can be done without waiting. */
enum conn_want conn_drive(struct conn *c, struct service *s, struct store *store);
/* Frees what it holds, and closes the socket. */
void conn_close(struct conn *c, struct service *s);

#endif
