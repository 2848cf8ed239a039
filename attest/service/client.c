// SPDX-License-Identifier: Apache-2.0
/* The client's end of hgverifyd: one connection, one request at a time. */
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "http.h"
#include "json.h"
#include "jwe.h"
#include "tls.h"

#define RESPONSE_MAX (1u << 20)
#define IDLE_MS	     5000 /* a connection that rested longer may be closed at the other end */
#define TIMEOUT	     30u

struct att_client {
	char *host, *port;
	char authority[300]; /* for Host */
	char *token;
	unsigned int timeout;
	SSL_CTX *tls;
	SSL *ssl; /* NULL: not connected */
	int fd;
	int64_t deadline, last;
};

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- Setting up ---- */

/* https://HOST, https://HOST:PORT, https://[ADDRESS]:PORT; a slash may follow. */
static int parse_url(struct att_client *c, const char *url, struct att_error *err)
{
	static const char scheme[] = "https://";
	const char *host = url + sizeof(scheme) - 1, *end, *port;
	size_t n;

	if (strncmp(url, scheme, sizeof(scheme) - 1))
		return att_fail(err, ATT_E_FORMAT, "'%.100s' does not begin with https://", url);
	n = strcspn(host, "/");
	if (host[n] && host[n + 1])
		return att_fail(err, ATT_E_FORMAT, "'%.100s' has a path behind HOST:PORT", url);
	if (!n || n >= 256 || strcspn(host, "@?# \t\r\n\\") < n)
		return att_fail(err, ATT_E_FORMAT, "'%.100s' is not https://HOST:PORT", url);
	snprintf(c->authority, sizeof(c->authority), "%.*s", (int)n, host);
	end = *host == '[' ? memchr(host, ']', n) : memchr(host, ':', n);
	if (*host == '[' && !end)
		return att_fail(err, ATT_E_FORMAT, "'%.100s' has no ]", url);
	if (!end)
		end = host + n;
	port = end + (*host == '[');
	c->host = strndup(host + (*host == '['), (size_t)(end - host) - (*host == '['));
	c->port =
		port == host + n ? strdup("443") : strndup(port + 1, (size_t)(host + n - port - 1));
	if (!c->host || !c->port)
		return att_no_memory(err);
	if (!*c->host || (port < host + n && *port != ':') || !*c->port ||
	    strspn(c->port, "0123456789") != strlen(c->port))
		return att_fail(err, ATT_E_FORMAT, "'%.100s' is not https://HOST:PORT", url);
	return 0;
}

static bool token_ok(const char *token)
{
	return !token || (*token && strlen(token) <= HTTP_BEARER_MAX &&
			  strspn(token, "0123456789abcdefABCDEF") == strlen(token));
}

struct att_client *att_client_new(const struct att_server *server, struct att_error *err)
{
	struct att_client *c = calloc(1, sizeof(*c));

	if (!c) {
		att_no_memory(err);
		return NULL;
	}
	c->fd = -1;
	c->timeout = server->timeout ? server->timeout : TIMEOUT;
	if (!server->certificate != !server->key)
		att_fail(err, ATT_E_FORMAT, "a client's certificate and its key come together");
	else if (!token_ok(server->token))
		att_fail(err, ATT_E_FORMAT, "the token is not hexadecimal digits");
	else if (!parse_url(c, server->url, err) &&
		 (c->tls = tls_client(server->ca, server->certificate, server->key, err))) {
		c->token = server->token ? strdup(server->token) : NULL;
		if (!server->token || c->token)
			return c;
		att_no_memory(err);
	}
	att_client_free(c);
	return NULL;
}

static void hang_up(struct att_client *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void att_client_free(struct att_client *c)
{
	if (!c)
		return;
	hang_up(c);
	SSL_CTX_free(c->tls);
	free(c->host);
	free(c->port);
	if (c->token)
		explicit_bzero(c->token, strlen(c->token));
	free(c->token);
	free(c);
}

/* ---- The connection ---- */

static int wait_for(struct att_client *c, short events, const char *what, struct att_error *err)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int64_t left;
	int ret;

	do {
		left = c->deadline - clock_ms();
		ret = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (ret < 0 && errno == EINTR);
	if (ret > 0)
		return 0;
	return att_fail(err, ATT_E_IO, "%s: %s", what,
			ret ? strerror(errno) : "the verifier did not answer in time");
}

/* 0: once more. */
static int after(struct att_client *c, int ret, const char *what, struct att_error *err)
{
	switch (SSL_get_error(c->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(c, POLLIN, what, err);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(c, POLLOUT, what, err);
	default:
		return tls_fail(c->ssl, what, err);
	}
}

static int connect_to(struct att_client *c, const struct addrinfo *at, struct att_error *err)
{
	socklen_t size = sizeof(int);
	int why = 0, one = 1;

	c->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return att_fail(err, ATT_E_IO, "socket: %s", strerror(errno));
	if (connect(c->fd, at->ai_addr, at->ai_addrlen) && errno == EINPROGRESS) {
		if (wait_for(c, POLLOUT, "connect", err))
			return -1;
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &why, &size);
	} else if (errno) {
		why = errno;
	}
	if (why)
		return att_fail(err, ATT_E_IO, "%s: %s", c->authority, strerror(why));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}

static int reach(struct att_client *c, struct att_error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *at;
	int ret = getaddrinfo(c->host, c->port, &hints, &list);

	if (ret)
		return att_fail(err, ATT_E_IO, "%s: %s", c->authority, gai_strerror(ret));
	for (at = list, ret = -1; at && ret; at = at->ai_next) {
		errno = 0;
		ret = connect_to(c, at, err);
		if (ret)
			hang_up(c);
	}
	freeaddrinfo(list);
	return ret;
}

static int shake_hands(struct att_client *c, struct att_error *err)
{
	int ret;

	c->ssl = SSL_new(c->tls);
	if (!c->ssl || !SSL_set_fd(c->ssl, c->fd))
		return att_fail_crypto(err, "TLS");
	if (tls_expect(c->ssl, c->host, err))
		return -1;
	do {
		ERR_clear_error();
		ret = SSL_connect(c->ssl);
	} while (ret != 1 && !after(c, ret, "TLS with the verifier", err));
	return ret == 1 ? 0 : -1;
}

static int be_connected(struct att_client *c, struct att_error *err)
{
	if (c->ssl && clock_ms() - c->last > IDLE_MS)
		hang_up(c);
	if (c->ssl)
		return 0;
	if (!reach(c, err) && !shake_hands(c, err))
		return 0;
	hang_up(c);
	return -1;
}

static int send_all(struct att_client *c, const char *data, size_t size, struct att_error *err)
{
	while (size) {
		int n;

		/* What others left in OpenSSL's queue would be taken for this connection's. */
		ERR_clear_error();
		n = SSL_write(c->ssl, data, size < 65536 ? (int)size : 65536);
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		} else if (after(c, n, "sending", err)) {
			return -1;
		}
	}
	return 0;
}

static int receive(struct att_client *c, char *to, size_t size, size_t *got, struct att_error *err)
{
	int n;

	do {
		ERR_clear_error();
		n = SSL_read(c->ssl, to, (int)size);
	} while (n <= 0 && !after(c, n, "receiving", err));
	*got += n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -1;
}

static int receive_head(struct att_client *c, char *in, size_t *got, struct http_response *r,
			struct att_error *err)
{
	const char *why = "";
	int ret;

	while ((ret = http_parse_response(in, *got, r, &why)) == HTTP_INCOMPLETE)
		if (receive(c, in + *got, HTTP_HEAD_MAX - *got, got, err))
			return -1;
	if (ret)
		return att_fail(err, ATT_E_FORMAT, "the verifier's answer: %s", why);
	if (r->body_size > RESPONSE_MAX)
		return att_fail(err, ATT_E_FORMAT, "the verifier's answer: more than %u bytes",
				RESPONSE_MAX);
	if (*got - r->head_size > r->body_size)
		return att_fail(err, ATT_E_FORMAT, "the verifier's answer: more than its length");
	return 0;
}

static int receive_answer(struct att_client *c, struct http_response *r, struct att_bytes *body,
			  struct att_error *err)
{
	char in[HTTP_HEAD_MAX];
	size_t got = 0;

	if (receive_head(c, in, &got, r, err))
		return -1;
	body->data = calloc(1, r->body_size + 1);
	if (!body->data)
		return att_no_memory(err);
	body->size = got - r->head_size;
	memcpy(body->data, in + r->head_size, body->size);
	while (body->size < r->body_size)
		if (receive(c, (char *)body->data + body->size, r->body_size - body->size,
			    &body->size, err))
			return -1;
	return 0;
}

static int exchange(struct att_client *c, const char *path, const char *body,
		    struct http_response *r, struct att_bytes *answer, struct att_error *err)
{
	size_t size = strlen(body);
	char *head = NULL;
	bool broken = false;
	int ret;

	if (asprintf(&head,
		     "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
		     "Content-Length: %zu\r\n%s%s%s\r\n",
		     path, c->authority, size, c->token ? "Authorization: Bearer " : "",
		     c->token ? c->token : "", c->token ? "\r\n" : "") < 0)
		return att_no_memory(err);
	c->deadline = clock_ms() + (int64_t)c->timeout * 1000;
	ret = be_connected(c, err);
	if (!ret) {
		/* It may answer, and close, before it has read all: what it says counts. */
		broken = send_all(c, head, strlen(head), err) || send_all(c, body, size, err);
		ret = receive_answer(c, r, answer, err);
	}
	if (ret || broken || r->close)
		hang_up(c);
	c->last = clock_ms();
	explicit_bzero(head, strlen(head));
	free(head);
	return ret;
}

/* ---- Requests ---- */

static json_t *read_answer(const struct http_response *r, const struct att_bytes *text,
			   struct att_error *err)
{
	json_t *o = NULL;

	if (!r->json)
		att_fail(err, ATT_E_FORMAT, "the verifier's answer (%d) is not JSON", r->status);
	else
		o = att_json_parse((char *)text->data, text->size, RESPONSE_MAX, err);
	return o;
}

/* Takes @request. -> the answer's object, if it is no refusal or has a result. */
static json_t *ask(struct att_client *c, const char *path, json_t *request, struct att_error *err)
{
	char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
	struct att_bytes text = { 0 };
	struct http_response r = { 0 };
	const char *code, *message;
	json_t *o = NULL;

	json_decref(request);
	if (!body)
		att_no_memory(err);
	else if (!exchange(c, path, body, &r, &text, err))
		o = read_answer(&r, &text, err);
	if (body)
		explicit_bzero(body, strlen(body));
	free(body);
	att_bytes_free(&text);
	if (!o || r.status == 200 || json_object_get(o, "result"))
		return o;
	code = json_string_value(json_object_get(o, "error"));
	message = json_string_value(json_object_get(o, "message"));
	att_fail(err, r.status >= 500 ? ATT_E_IO : ATT_E_REFUSED,
		 "the verifier refused (%d %.40s): %.300s", r.status, code ? code : "?",
		 message ? message : "it does not say why");
	json_decref(o);
	return NULL;
}

/* A member that must be a string, as a copy. */
static int take(const json_t *o, const char *name, size_t max, char **to, struct att_error *err)
{
	const char *text = json_string_value(json_object_get(o, name));

	if (!text || !*text || strlen(text) > max)
		return att_fail(err, ATT_E_FORMAT,
				"the verifier's answer: \"%s\" is missing or too long", name);
	*to = strdup(text);
	return *to ? 0 : att_no_memory(err);
}

int att_client_challenge(struct att_client *c, uint8_t *nonce, size_t size,
			 unsigned int *expires_in, struct att_error *err)
{
	json_t *o;
	uint64_t seconds;
	int ret;

	if (size < ATT_NONCE_MIN || size > ATT_NONCE_MAX)
		return att_fail(err, ATT_E_REFUSED, "a nonce has %u to %u bytes", ATT_NONCE_MIN,
				ATT_NONCE_MAX);
	o = ask(c, "/v1/challenge", json_pack("{s:I}", "bytes", (json_int_t)size), err);
	if (!o)
		return -1;
	ret = att_json_hex(o, "nonce", nonce, size, err) ||
	      att_json_uint(o, "expires_in", UINT32_MAX, &seconds, err);
	json_decref(o);
	if (ret)
		return att_prefix(err, "the verifier's answer");
	*expires_in = (unsigned int)seconds;
	return 0;
}

static int read_verdict(const json_t *o, bool secret, struct att_answer *a, struct att_error *err)
{
	const char *request = json_string_value(json_object_get(o, "request"));
	const json_t *result = json_object_get(o, "result");
	uint64_t verdict;

	if (att_json_uint(o, "verdict", 255, &verdict, err) || !json_is_object(result) ||
	    take(o, "ear", RESPONSE_MAX, &a->ear, err))
		return att_fail(err, ATT_E_FORMAT,
				"the verifier's answer has no verdict, result or EAR");
	a->verdict = (enum att_verdict)verdict;
	if (json_is_true(json_object_get(o, "passed")) != !verdict ||
	    json_is_true(json_object_get(result, "passed")) != !verdict)
		return att_fail(err, ATT_E_FORMAT, "the verifier's answer contradicts itself");
	snprintf(a->request, sizeof(a->request), "%s", request ? request : "");
	a->result = json_dumps(result, JSON_INDENT(2));
	if (!a->result)
		return att_no_memory(err);
	return secret && !verdict ? take(o, "jwe", ATT_JWE_MAX, &a->jwe, err) : 0;
}

/* Nothing if there is nothing. */
static int set(json_t *o, const char *name, const char *text)
{
	return text ? json_object_set_new(o, name, json_string(text)) : 0;
}

int att_client_submit(struct att_client *c, const uint8_t *nonce, size_t nonce_size,
		      const char *policy, const char *secret, const struct att_bytes *evidence,
		      struct att_answer *answer, struct att_error *err)
{
	json_t *q = json_object(), *o;
	int ret;

	memset(answer, 0, sizeof(*answer));
	o = att_json_parse((char *)evidence->data, evidence->size, ATT_EVIDENCE_MAX, err);
	if (!o) {
		json_decref(q);
		return att_prefix(err, "evidence");
	}
	ret = json_object_set_new(q, "evidence", o) ||
	      att_json_set_hex(q, "nonce", nonce, nonce_size) || set(q, "policy", policy) ||
	      set(q, "secret", secret);
	/* Without the policy's name it would be asked for another one. */
	if (ret) {
		json_decref(q);
		return att_fail(err, ATT_E_FORMAT,
				"the request cannot be made: a name is not UTF-8, or no memory");
	}
	o = ask(c, secret ? "/v1/release" : "/v1/verify", q, err);
	if (!o)
		return -1;
	ret = read_verdict(o, secret, answer, err);
	json_decref(o);
	if (ret)
		att_answer_free(answer);
	return ret;
}

void att_answer_free(struct att_answer *answer)
{
	free(answer->result);
	free(answer->ear);
	free(answer->jwe);
	memset(answer, 0, sizeof(*answer));
}

int att_client_enrol(struct att_client *c, const struct att_bytes *request, char **session,
		     struct att_bytes *challenge, struct att_error *err)
{
	json_t *q = att_json_parse((char *)request->data, request->size, 65536, err), *o;
	int ret;

	if (!q)
		return -1;
	o = ask(c, "/v1/enrol/request", json_pack("{s:o}", "request", q), err);
	if (!o)
		return -1;
	ret = take(o, "session", 128, session, err);
	if (!ret && att_bytes_take_string(
			    challenge, json_dumps(json_object_get(o, "challenge"), JSON_COMPACT))) {
		free(*session);
		*session = NULL;
		ret = att_fail(err, ATT_E_FORMAT, "the verifier's answer has no challenge");
	}
	json_decref(o);
	return ret;
}

int att_client_enrol_finish(struct att_client *c, const char *session,
			    const struct att_bytes *response, const char *label, char **machine,
			    struct att_error *err)
{
	json_t *q, *o = att_json_parse((char *)response->data, response->size, 65536, err);
	int ret;

	if (!o)
		return -1;
	q = json_pack("{s:s, s:o}", "session", session, "response", o);
	if (set(q, "label", label)) {
		json_decref(q);
		return att_fail(err, ATT_E_FORMAT, "the label is not UTF-8");
	}
	o = ask(c, "/v1/enrol/finish", q, err);
	if (!o)
		return -1;
	ret = take(o, "machine", 256, machine, err);
	json_decref(o);
	return ret;
}
