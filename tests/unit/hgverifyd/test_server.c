// SPDX-License-Identifier: Apache-2.0
/*
 * hgverifyd on the network: what a hostile client gets.
 * Time stands still unless a test lets it pass.
 */
#include "net.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));

	n->t = site_new();
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	if (n->srv)
		net_stop(n);
	site_free(n->t);
	free(n);
	return 0;
}

/* ---- Raw connections ---- */

static int dial_from(const struct net *n, const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(n->port) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &from.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int dial(const struct net *n)
{
	return dial_from(n, "127.0.0.1");
}

struct line {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static struct line raw_open_from(const struct net *n, const char *address)
{
	struct att_error err = { 0 };
	struct line l = { tls_client(site_path(n->t, "server.crt"), NULL, NULL, &err), NULL, -1 };

	assert_non_null(l.ctx);
	l.fd = dial_from(n, address);
	l.ssl = SSL_new(l.ctx);
	SSL_set_fd(l.ssl, l.fd);
	assert_int_equal(SSL_connect(l.ssl), 1);
	return l;
}

static struct line raw_open(const struct net *n)
{
	return raw_open_from(n, "127.0.0.1");
}

static void raw_close(struct line *l)
{
	SSL_free(l->ssl);
	SSL_CTX_free(l->ctx);
	close(l->fd);
}

static void raw_send(struct line *l, const char *data, size_t size)
{
	assert_int_equal(SSL_write(l->ssl, data, (int)size), (int)size);
}

static void raw_say(struct line *l, const char *text)
{
	raw_send(l, text, strlen(text));
}

/* Everything until the server closes. */
static char *raw_rest(struct line *l)
{
	char *text = calloc(1, 1u << 20);
	size_t got = 0;
	int n;

	while ((n = SSL_read(l->ssl, text + got, (int)((1u << 20) - 1 - got))) > 0)
		got += (size_t)n;
	return text;
}

/* Sends bytes and wants this status, this code, and a closed connection. */
static void raw_refused(const struct net *n, const char *data, size_t size, int status,
			const char *code)
{
	struct line l = raw_open(n);
	char *text, head[64], name[64];

	raw_send(&l, data, size);
	text = raw_rest(&l);
	snprintf(head, sizeof(head), "HTTP/1.1 %d ", status);
	snprintf(name, sizeof(name), "\"error\":\"%s\"", code);
	if (strncmp(text, head, strlen(head)) || !strstr(text, name) ||
	    !strstr(text, "Connection: close\r\n"))
		fail_msg("%.60s: %s", data, text);
	free(text);
	raw_close(&l);
}

#define POST "POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

static void hostile_requests(void **state)
{
	static const struct {
		const char *text;
		int status;
		const char *code;
	} bad[] = {
		{ "\x16\x03\x01\r\n\r\n", 400, "http" },
		{ "GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505, "http" },
		{ POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 501, "http" },
		{ POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, "http" },
		{ POST "Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}", 400, "http" },
		{ POST "Content-Length: 99999999\r\n\r\n{", 413, "size" },
		{ "POST /v1/challenge HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413,
		  "size" },
		{ "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", 413, "size" },
	};
	struct net *n = *state;
	char *bomb = malloc(HTTP_HEAD_MAX + 100);
	size_t i;

	net_start(n);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		raw_refused(n, bad[i].text, strlen(bad[i].text), bad[i].status, bad[i].code);
	memset(bomb, 'a', HTTP_HEAD_MAX + 100);
	raw_refused(n, bomb, HTTP_HEAD_MAX + 100, 431, "http");
	free(bomb);
	site_nothing_released(n->t);
}

/* A request that is smuggled behind a refused one is not answered. */
static void smuggled(void **state)
{
	static const char text[] = POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"
					"GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	struct net *n = *state;
	struct line l;
	char *answer;

	net_start(n);
	l = raw_open(n);
	raw_send(&l, text, sizeof(text) - 1);
	answer = raw_rest(&l);
	assert_non_null(strstr(answer, "501"));
	assert_null(strstr(answer, "200 OK"));
	free(answer);
	raw_close(&l);
}

static void keeps_alive(void **state)
{
	static const char two[] = "GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n"
				  "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"
				  "POST /v1/challenge HTTP/1.1\r\nHost: x\r\n"
				  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
				  "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct net *n = *state;
	struct line l;
	char *answer;

	net_start(n);
	l = raw_open(n);
	raw_send(&l, two, sizeof(two) - 1);
	answer = raw_rest(&l);
	assert_non_null(strstr(answer, "{\"status\":\"ok\"}"));
	assert_non_null(strstr(answer, "\"error\":\"path\""));
	assert_non_null(strstr(answer, "\"expires_in\":300"));
	assert_non_null(strstr(answer, "hgverifyd_connections 1\n"));
	free(answer);
	raw_close(&l);
}

/* The server closes; nothing is answered. */
static void ends(struct line *l)
{
	char *text = raw_rest(l);

	assert_string_equal(text, "");
	free(text);
}

/* The same once enough time has passed; bytes that drip in meanwhile do not help. */
static void ends_in_time(struct line *l, const char *drip)
{
	const struct timeval wait = { .tv_usec = 5000 };
	char byte;
	int ret;

	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	while ((ret = SSL_read(l->ssl, &byte, 1)) <= 0 &&
	       SSL_get_error(l->ssl, ret) == SSL_ERROR_WANT_READ) {
		site_pass(4000);
		if (*drip)
			SSL_write(l->ssl, drip, 1);
	}
	assert_true(ret <= 0);
}

static void wait_for(atomic_uint_fast64_t *counter, uint64_t value)
{
	while (*counter < value)
		usleep(1000);
}

/* A client may take its time for each step, but no more. */
static void slow_clients(void **state)
{
	struct net *n = *state;
	struct metrics *m = &n->t->s->metrics;
	struct line l;
	char byte;
	int fd;

	net_start(n);
	signal(SIGPIPE, SIG_IGN);
	/* Says nothing at all. */
	fd = dial(n);
	wait_for(&m->connections_total, 1);
	site_pass(10000);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	/* A head that never ends; each byte does not start the time anew. */
	l = raw_open(n);
	raw_say(&l, "GET /v1");
	ends_in_time(&l, "/");
	raw_close(&l);
	/* A body that never comes. */
	l = raw_open(n);
	raw_say(&l, POST "Content-Length: 1000\r\n\r\n{");
	while (!m->body_bytes)
		usleep(1000);
	ends_in_time(&l, "");
	raw_close(&l);
	while (m->body_bytes)
		usleep(1000);
	assert_int_equal(m->body_bytes, 0);
	site_nothing_released(n->t);
}

/* The client closes its half in the middle of a body, or after a whole request. */
static void half_closed(void **state)
{
	struct net *n = *state;
	struct line l;
	char *text;

	net_start(n);
	l = raw_open(n);
	raw_say(&l, POST "Content-Length: 1000\r\n\r\n{");
	shutdown(l.fd, SHUT_WR);
	ends(&l);
	raw_close(&l);
	l = raw_open(n);
	raw_say(&l, "GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	shutdown(l.fd, SHUT_WR);
	text = raw_rest(&l);
	assert_non_null(strstr(text, "200 OK"));
	free(text);
	raw_close(&l);
	while (n->t->s->metrics.connections)
		usleep(1000);
	assert_int_equal(n->t->s->metrics.body_bytes, 0);
}

static void too_many_connections(void **state)
{
	struct net *n = *state;
	char byte;
	int fd[4], i;

	n->t->cfg.connections_per_address = 3;
	net_start(n);
	for (i = 0; i < 3; i++)
		fd[i] = dial(n);
	wait_for(&n->t->s->metrics.connections_total, 3);
	fd[3] = dial(n);
	assert_true(recv(fd[3], &byte, 1, 0) <= 0);
	assert_int_equal(n->t->s->metrics.refused_connections, 1);
	for (i = 0; i < 4; i++)
		close(fd[i]);
}

static void rate_limited(void **state)
{
	struct net *n = *state;
	struct line l;
	char *text;
	int i;

	n->t->cfg.rate = 1;
	n->t->cfg.burst = 4;
	site_restart(n->t);
	net_start(n);
	l = raw_open(n);
	for (i = 0; i < 4; i++)
		raw_say(&l, "GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	text = raw_rest(&l);
	/* One went for the handshake. */
	assert_non_null(strstr(text, "HTTP/1.1 429 Too Many Requests"));
	assert_non_null(strstr(text, "Retry-After: 1\r\n"));
	assert_non_null(strstr(text, "\"error\":\"rate\""));
	free(text);
	raw_close(&l);
	/* And no handshake more, until time has passed. */
	i = dial(n);
	assert_true(recv(i, &(char){ 0 }, 1, 0) <= 0);
	close(i);
	site_pass(5000);
	l = raw_open(n);
	raw_close(&l);
}

static void wait_bodies(struct net *n, int64_t size)
{
	while (n->t->s->metrics.body_bytes != size)
		usleep(1000);
}

/* Heads cost a client nothing: it gets its share of the memory for them, and others theirs. */
static void body_memory(void **state)
{
	static const char large[] = POST "Content-Length: 700000\r\n\r\n{";
	static const char small[] = "POST /v1/challenge HTTP/1.1\r\nHost: x\r\n"
				    "Content-Type: application/json\r\nConnection: close\r\n"
				    "Content-Length: 2\r\n\r\n{}";
	struct net *n = *state;
	struct line l, other;
	char *text;
	int i;

	n->t->cfg.body = 700000;
	n->t->cfg.body_memory = 8u << 20; /* an eighth: one of these, and a bit */
	site_restart(n->t);
	net_start(n);
	l = raw_open(n);
	raw_say(&l, large);
	wait_bodies(n, 700000);
	for (i = 0; i < 16; i++)
		raw_refused(n, large, strlen(large), 503, "memory");
	assert_int_equal(n->t->s->metrics.body_bytes, 700000);
	/* Another address is not starved. */
	other = raw_open_from(n, "127.0.0.2");
	raw_say(&other, large);
	wait_bodies(n, 1400000);
	raw_close(&other);
	wait_bodies(n, 700000);
	other = raw_open_from(n, "127.0.0.2");
	raw_say(&other, small);
	text = raw_rest(&other);
	assert_non_null(strstr(text, "200 OK"));
	free(text);
	raw_close(&other);
	raw_close(&l);
	wait_bodies(n, 0);
	/* What is given back can be had again. */
	l = raw_open(n);
	raw_say(&l, large);
	wait_bodies(n, 700000);
	raw_close(&l);
	wait_bodies(n, 0);
}

/* All addresses together have no more than there is. */
static void body_memory_of_all(void **state)
{
	static const char large[] = POST "Content-Length: 700000\r\n\r\n{";
	struct net *n = *state;
	struct line l, other;
	char *text;

	n->t->cfg.body = 700000;
	n->t->cfg.body_memory = 1u << 20;
	site_restart(n->t);
	net_start(n);
	l = raw_open(n);
	raw_say(&l, large);
	wait_bodies(n, 700000);
	other = raw_open_from(n, "127.0.0.2");
	raw_say(&other, large);
	text = raw_rest(&other);
	assert_non_null(strstr(text, "\"error\":\"memory\""));
	free(text);
	raw_close(&other);
	raw_close(&l);
	wait_bodies(n, 0);
}

/* ---- TLS ---- */

/* A handshake that must not come to be. */
static void no_handshake(const struct net *n, int max, const char *list)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = dial(n);
	SSL *ssl;

	SSL_CTX_set_max_proto_version(ctx, max);
	if (list)
		SSL_CTX_set_ciphersuites(ctx, list);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	assert_int_not_equal(SSL_connect(ssl), 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

static void old_tls(void **state)
{
	struct net *n = *state;
	char text[] = "GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n", byte;
	int fd;

	net_start(n);
	no_handshake(n, TLS1_2_VERSION, NULL);
	no_handshake(n, TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256");
	/* No TLS at all. */
	fd = dial(n);
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	while (recv(fd, &byte, 1, 0) > 0)
		assert_int_not_equal(byte, 'H');
	close(fd);
	wait_for(&n->t->s->metrics.handshakes_failed, 3);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(hostile_requests), T(smuggled),    T(keeps_alive),
		T(slow_clients),     T(half_closed), T(too_many_connections),
		T(rate_limited),     T(body_memory), T(body_memory_of_all),
		T(old_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
