// SPDX-License-Identifier: Apache-2.0
/*
 * All workers wait at one epoll. A connection is armed for one event, so that
 * one worker at a time has it; a slow client costs a slot, not a thread.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "error.h"
#include "tls.h"

#define EVENT_LISTEN UINT64_MAX
#define EVENT_STOP   (UINT64_MAX - 1)
#define WORKERS_MAX  256u

struct worker {
	struct server *srv;
	struct store *store;
	pthread_t thread;
	bool running;
};

struct server {
	const struct config *cfg;
	struct service *s;
	SSL_CTX *tls;
	int listener, epoll, stop;
	char address[80];
	pthread_mutex_t lock; /* slots: state, busy, generation */
	struct conn *conn;
	uint32_t conns;
	struct worker worker[WORKERS_MAX];
	size_t workers;
};

/* ---- Listening ---- */

/* ADDRESS:PORT or [ADDRESS]:PORT, numbers only. */
static struct addrinfo *resolve(const char *text, struct att_error *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found = NULL;
	char host[64] = "";
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n > 1 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n && n < sizeof(host))
		memcpy(host, text, n);
	if (!*host || getaddrinfo(host, colon + 1, &hints, &found))
		att_fail(err, ATT_E_FORMAT,
			 "listen wants ADDRESS:PORT or [ADDRESS]:PORT, not '%.60s'", text);
	return found;
}

static void note_address(struct server *srv)
{
	struct sockaddr_storage at;
	socklen_t size = sizeof(at);
	char host[64] = "?", port[8] = "?";

	if (!getsockname(srv->listener, (struct sockaddr *)&at, &size))
		getnameinfo((struct sockaddr *)&at, size, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(srv->address, sizeof(srv->address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
		 port);
}

static int listen_at(struct server *srv, const char *text, struct att_error *err)
{
	struct addrinfo *at = resolve(text, err);
	int one = 1, fd;

	if (!at)
		return -1;
	fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	srv->listener = fd;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, 256)) {
		freeaddrinfo(at);
		return att_fail(err, ATT_E_IO, "cannot listen at %s: %s", text, strerror(errno));
	}
	freeaddrinfo(at);
	note_address(srv);
	return 0;
}

static int add_event(struct server *srv, int fd, uint32_t events, uint64_t what)
{
	struct epoll_event ev = { .events = events, .data.u64 = what };

	return epoll_ctl(srv->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* One file a connection, and some for the databases. */
static void raise_files(const struct config *cfg)
{
	rlim_t want = cfg->connections + 8 * WORKERS_MAX;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct server *server_new(const struct config *cfg, struct att_error *err)
{
	struct server *srv = calloc(1, sizeof(*srv));
	uint32_t i;

	if (!srv) {
		att_no_memory(err);
		return NULL;
	}
	srv->cfg = cfg;
	srv->listener = -1;
	srv->epoll = epoll_create1(EPOLL_CLOEXEC);
	srv->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	srv->conns = (uint32_t)cfg->connections;
	srv->conn = calloc(srv->conns, sizeof(*srv->conn));
	pthread_mutex_init(&srv->lock, NULL);
	raise_files(cfg);
	if (!srv->conn || srv->epoll < 0 || srv->stop < 0) {
		att_no_memory(err);
		server_free(srv);
		return NULL;
	}
	for (i = 0; i < srv->conns; i++)
		srv->conn[i].fd = -1;
	srv->tls =
		tls_server(cfg->certificate, cfg->key, cfg->client_ca, cfg->client_required, err);
	if (srv->tls && !listen_at(srv, cfg->listen, err))
		return srv;
	server_free(srv);
	return NULL;
}

const char *server_address(const struct server *srv)
{
	return srv->address;
}

/* ---- Connections ---- */

/* Under the lock. */
static void drop(struct server *srv, struct conn *c)
{
	conn_close(c, srv->s);
	c->generation++;
	c->busy = false;
	srv->s->metrics.connections--;
}

/* A free slot, busy; NULL if there is none, or too many are of this address. */
static struct conn *take_slot(struct server *srv, const struct source *from)
{
	struct conn *slot = NULL;
	uint64_t same = 0;
	uint32_t i;

	pthread_mutex_lock(&srv->lock);
	for (i = 0; i < srv->conns; i++) {
		struct conn *c = &srv->conn[i];

		if (!c->busy && c->state == CONN_FREE)
			slot = slot ? slot : c;
		else
			same += !memcmp(c->peer.source.key, from->key, SOURCE_SIZE);
	}
	if (same >= srv->cfg->connections_per_address)
		slot = NULL;
	if (slot) {
		slot->busy = true;
		slot->peer.source = *from;
	}
	pthread_mutex_unlock(&srv->lock);
	return slot;
}

static uint64_t event_of(const struct server *srv, const struct conn *c)
{
	return (uint64_t)c->generation << 32 | (uint64_t)(c - srv->conn);
}

static void arm(struct server *srv, struct conn *c, enum conn_want want, int op)
{
	/* Whoever gave up its turn comes again at once: a socket is nearly always writable. */
	struct epoll_event ev = {
		.events = (want == WANT_READ ? EPOLLIN | EPOLLRDHUP : EPOLLOUT) | EPOLLONESHOT,
		.data.u64 = event_of(srv, c),
	};

	pthread_mutex_lock(&srv->lock);
	c->busy = false;
	if (want == WANT_CLOSE || epoll_ctl(srv->epoll, op, c->fd, &ev))
		drop(srv, c);
	pthread_mutex_unlock(&srv->lock);
}

static void take_connection(struct server *srv, int fd, const struct sockaddr_storage *from)
{
	struct source source;
	struct conn *c;
	int one = 1;

	source_of_address(from, &source);
	/* A handshake costs as much as a request, so it counts as one. */
	c = rate_take(srv->s->by_address, &source, srv->s->clock()) ? take_slot(srv, &source)
								    : NULL;
	if (!c || conn_open(c, srv->s, srv->tls, fd, from)) {
		srv->s->metrics.refused_connections++;
		if (c) {
			pthread_mutex_lock(&srv->lock);
			c->busy = false;
			pthread_mutex_unlock(&srv->lock);
		}
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	srv->s->metrics.connections++;
	srv->s->metrics.connections_total++;
	arm(srv, c, WANT_READ, EPOLL_CTL_ADD);
}

static void take_connections(struct server *srv)
{
	struct sockaddr_storage from;
	socklen_t size;
	int fd, i;

	for (i = 0; i < 16; i++) {
		size = sizeof(from);
		fd = accept4(srv->listener, (struct sockaddr *)&from, &size,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			take_connection(srv, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			usleep(10000); /* until somebody goes */
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* The connection of an event, for this worker alone; NULL if it is gone, or another's. */
static struct conn *claim(struct server *srv, uint64_t event)
{
	uint32_t index = (uint32_t)event;
	struct conn *c = NULL;

	pthread_mutex_lock(&srv->lock);
	if (index < srv->conns && !srv->conn[index].busy && srv->conn[index].state != CONN_FREE &&
	    srv->conn[index].generation == event >> 32) {
		c = &srv->conn[index];
		c->busy = true;
	}
	pthread_mutex_unlock(&srv->lock);
	return c;
}

static void *work(void *opaque)
{
	struct worker *w = opaque;
	struct server *srv = w->srv;
	struct epoll_event ev;
	struct conn *c;
	int n;

	for (;;) {
		n = epoll_wait(srv->epoll, &ev, 1, -1);
		if (n < 0 && errno != EINTR)
			return NULL;
		if (n < 1)
			continue;
		if (ev.data.u64 == EVENT_STOP)
			return NULL;
		if (ev.data.u64 == EVENT_LISTEN) {
			take_connections(srv);
			continue;
		}
		c = claim(srv, ev.data.u64);
		if (c)
			arm(srv, c, conn_drive(c, srv->s, w->store), EPOLL_CTL_MOD);
	}
}

static size_t count_workers(const struct config *cfg)
{
	long n = cfg->workers ? (long)cfg->workers : sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > (long)WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

static int start_worker(struct server *srv, struct worker *w, struct att_error *err)
{
	w->srv = srv;
	w->store = store_open(srv->cfg->database, STORE_ADMIN, err);
	if (!w->store)
		return -1;
	if (srv->s->has_secrets_key)
		store_set_key(w->store, &srv->s->secrets_key);
	if (pthread_create(&w->thread, NULL, work, w))
		return att_fail(err, ATT_E_MEMORY, "cannot start a thread");
	w->running = true;
	return 0;
}

int server_start(struct server *srv, struct service *s, struct att_error *err)
{
	size_t n = count_workers(srv->cfg);

	srv->s = s;
	/* Connections that break are noticed by what write() says. */
	signal(SIGPIPE, SIG_IGN);
	if (add_event(srv, srv->stop, EPOLLIN, EVENT_STOP) ||
	    add_event(srv, srv->listener, EPOLLIN | EPOLLEXCLUSIVE, EVENT_LISTEN))
		return att_fail(err, ATT_E_IO, "epoll: %s", strerror(errno));
	while (srv->workers < n)
		if (start_worker(srv, &srv->worker[srv->workers++], err))
			return -1;
	return 0;
}

void server_tick(struct server *srv)
{
	int64_t now = srv->s->clock();
	uint32_t i;

	pthread_mutex_lock(&srv->lock);
	for (i = 0; i < srv->conns; i++) {
		struct conn *c = &srv->conn[i];

		if (c->busy || c->state == CONN_FREE || now < c->deadline)
			continue;
		srv->s->metrics.timeouts += c->state != CONN_DRAIN;
		drop(srv, c);
	}
	pthread_mutex_unlock(&srv->lock);
}

void server_stop(struct server *srv)
{
	uint64_t one = 1;
	size_t i;

	/* A level that stays: every worker sees it. */
	if (write(srv->stop, &one, sizeof(one)) != sizeof(one))
		abort();
	for (i = 0; i < srv->workers; i++)
		if (srv->worker[i].running)
			pthread_join(srv->worker[i].thread, NULL);
	for (i = 0; i < srv->workers; i++)
		store_close(srv->worker[i].store);
	srv->workers = 0;
	for (i = 0; i < srv->conns; i++)
		if (srv->conn[i].state != CONN_FREE)
			drop(srv, &srv->conn[i]);
}

void server_free(struct server *srv)
{
	if (!srv)
		return;
	if (srv->listener >= 0)
		close(srv->listener);
	if (srv->epoll >= 0)
		close(srv->epoll);
	if (srv->stop >= 0)
		close(srv->stop);
	SSL_CTX_free(srv->tls);
	free(srv->conn);
	pthread_mutex_destroy(&srv->lock);
	free(srv);
}
