// SPDX-License-Identifier: Apache-2.0
/* The client: with a server, and with hostile ones. */
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

static char *own(const char *text)
{
	return strdup(text);
}

/* ---- The client ---- */

static struct att_client *client(const struct net *n, const char *name)
{
	char cert[140], key[140];
	struct att_server server = { .url = n->url, .ca = site_path(n->t, "server.crt") };
	struct att_error err = { 0 };
	struct att_client *c;

	if (name) {
		snprintf(cert, sizeof(cert), "%s/%s.crt", n->t->dir, name);
		snprintf(key, sizeof(key), "%s/%s.key", n->t->dir, name);
		server.certificate = cert;
		server.key = key;
	}
	c = att_client_new(&server, &err);
	if (!c)
		fail_msg("%s", err.text);
	return c;
}

static void submit(const struct net *n, struct att_client *c, const uint8_t nonce[32],
		   const char *secret, struct att_answer *answer, struct att_error *err, int want)
{
	char hex[65], *text;
	struct att_bytes evidence;

	att_hex(nonce, 32, hex);
	text = site_evidence(n->t, &n->t->w->a, hex);
	evidence = (struct att_bytes){ (uint8_t *)text, strlen(text) };
	if (att_client_submit(c, nonce, 32, NULL, secret, &evidence, answer, err) != want)
		fail_msg("%s", err->text);
	free(text);
}

static void client_works(void **state)
{
	struct net *n = *state;
	struct att_answer answer;
	struct att_error err = { 0 };
	struct att_bytes got = { 0 };
	struct att_client *c;
	unsigned int seconds;
	uint8_t nonce[32];

	net_start(n);
	c = client(n, NULL);
	if (att_client_challenge(c, nonce, 32, &seconds, &err))
		fail_msg("%s", err.text);
	assert_int_equal(seconds, 300);
	/* What another use of OpenSSL left behind is not the connection's. */
	ERR_raise(ERR_LIB_USER, ERR_R_UNSUPPORTED);
	submit(n, c, nonce, "model", &answer, &err, 0);
	assert_int_equal(answer.verdict, 0);
	assert_int_equal(att_open(answer.jwe, strlen(answer.jwe), (char *)n->t->w->key.data,
				  n->t->w->key.size, nonce, 32, &got, &err),
			 0);
	assert_memory_equal(got.data, MODEL_KEY, strlen(MODEL_KEY));
	att_bytes_free(&got);
	att_answer_free(&answer);
	/* Again: refused, with the server's reason. */
	submit(n, c, nonce, "model", &answer, &err, -1);
	assert_int_equal(err.code, ATT_E_REFUSED);
	assert_non_null(strstr(err.text, "403 nonce"));
	/* Evidence that is refused is an answer. */
	n->t->w->a.launch_digest[3] ^= 1;
	assert_int_equal(att_client_challenge(c, nonce, 32, &seconds, &err), 0);
	submit(n, c, nonce, "model", &answer, &err, 0);
	assert_int_equal(answer.verdict, ATT_V_LAUNCH);
	assert_null(answer.jwe);
	att_answer_free(&answer);
	att_client_free(c);
	/* A server that is gone. */
	net_stop(n);
	c = client(n, NULL);
	assert_int_equal(att_client_challenge(c, nonce, 32, &seconds, &err), -1);
	assert_int_equal(err.code, ATT_E_IO);
	att_client_free(c);
}

static void client_certificates(void **state)
{
	struct net *n = *state;
	struct att_error err = { 0 };
	struct att_answer answer;
	struct att_client *c, *bob;
	unsigned int seconds;
	uint8_t nonce[32], digest[32];
	char hex[65];
	json_t *line;
	size_t lines;

	n->t->cfg.client_ca = own(site_path(n->t, "clients.crt"));
	n->t->cfg.client_required = true;
	site_certificate(n->t, "strangers", NULL);
	site_certificate(n->t, "mallory", "strangers");
	net_start(n);
	c = client(n, NULL);
	assert_int_equal(att_client_challenge(c, nonce, 32, &seconds, &err), -1);
	att_client_free(c);
	c = client(n, "mallory");
	assert_int_equal(att_client_challenge(c, nonce, 32, &seconds, &err), -1);
	att_client_free(c);
	assert_int_equal(challenges_out(n->t->s->nonces, n->t->s->clock()), 0);
	/* Alice's nonce is not Bob's. */
	c = client(n, "alice");
	bob = client(n, "bob");
	if (att_client_challenge(c, nonce, 32, &seconds, &err))
		fail_msg("%s", err.text);
	submit(n, bob, nonce, "model", &answer, &err, -1);
	assert_non_null(strstr(err.text, "403 nonce-owner"));
	site_nothing_released(n->t);
	submit(n, c, nonce, "model", &answer, &err, 0);
	att_answer_free(&answer);
	line = site_audit(n->t, &lines);
	site_digest(n->t, "alice", digest);
	att_hex(digest, 32, hex);
	assert_string_equal(json_string_value(json_object_get(line, "identity")), hex);
	json_decref(line);
	att_client_free(c);
	att_client_free(bob);
}

/* A request larger than the server takes: the answer says so, rather than a reset. */
static void client_oversized(void **state)
{
	struct net *n = *state;
	struct att_error err = { 0 };
	struct att_answer answer;
	struct att_client *c;
	unsigned int seconds;
	uint8_t nonce[32];

	n->t->cfg.body = 1024;
	net_start(n);
	c = client(n, NULL);
	assert_int_equal(att_client_challenge(c, nonce, 32, &seconds, &err), 0);
	submit(n, c, nonce, NULL, &answer, &err, -1);
	assert_non_null(strstr(err.text, "413 size"));
	att_client_free(c);
	assert_int_equal(challenges_out(n->t->s->nonces, n->t->s->clock()), 1);
}

/* A name that JSON cannot say is not left out: another policy would be asked for. */
static void client_names(void **state)
{
	const struct att_bytes empty = { (uint8_t *)(uintptr_t) "{}", 2 };
	struct net *n = *state;
	struct att_error err = { 0 };
	struct att_answer answer;
	struct att_client *c;
	unsigned int seconds;
	uint8_t nonce[32];
	char *machine = NULL;

	net_start(n);
	c = client(n, NULL);
	assert_int_equal(att_client_challenge(c, nonce, 32, &seconds, &err), 0);
	assert_int_equal(att_client_submit(c, nonce, 32, "\xff", NULL, &empty, &answer, &err), -1);
	assert_non_null(strstr(err.text, "UTF-8"));
	assert_int_equal(att_client_submit(c, nonce, 32, NULL, "\xff", &empty, &answer, &err), -1);
	assert_non_null(strstr(err.text, "UTF-8"));
	assert_int_equal(att_client_enrol_finish(c, "00", &empty, "\xff", &machine, &err), -1);
	assert_non_null(strstr(err.text, "UTF-8"));
	assert_int_equal(challenges_out(n->t->s->nonces, n->t->s->clock()), 1);
	att_client_free(c);
}

static void client_urls(void **state)
{
	static const char *const bad[] = {
		"http://x",    "https://",    "https://x:",   "https://x:y",
		"https://x/y", "https://u@x", "https://[::1", "https://[::1]x",
		"https://x?y", "x",	      "https://:1",   "https://x y",
	};
	static const char *const good[] = { "https://x", "https://x/", "https://x:1",
					    "https://[::1]:1", "https://[::1]" };
	struct net *n = *state;
	struct att_server server = { .ca = site_path(n->t, "server.crt") };
	struct att_error err = { 0 };
	struct att_client *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		server.url = bad[i];
		if (att_client_new(&server, &err))
			fail_msg("%s", bad[i]);
		assert_int_equal(err.code, ATT_E_FORMAT);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		server.url = good[i];
		c = att_client_new(&server, &err);
		if (!c)
			fail_msg("%s: %s", good[i], err.text);
		att_client_free(c);
	}
	server.token = "a\r\nX: y";
	assert_null(att_client_new(&server, &err));
	server.token = NULL;
	server.ca = site_path(n->t, "ear.pem");
	assert_null(att_client_new(&server, &err));
}

/* ---- A hostile server ---- */

struct impostor {
	const struct net *n;
	const char *certificate, *key; /* names */
	const char *answer; /* NULL: says nothing */
	int max; /* of TLS */
	int listener;
	uint16_t port;
};

static void *impose(void *opaque)
{
	struct impostor *p = opaque;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char cert[160], key[160], waste[65536];
	int fd = accept(p->listener, NULL, NULL);
	SSL *ssl;

	snprintf(cert, sizeof(cert), "%s/%s", p->n->t->dir, p->certificate);
	snprintf(key, sizeof(key), "%s/%s", p->n->t->dir, p->key);
	SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM);
	SSL_CTX_set_max_proto_version(ctx, p->max);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, waste, sizeof(waste)) > 0 && p->answer) {
		SSL_write(ssl, p->answer, (int)strlen(p->answer));
		SSL_shutdown(ssl);
		shutdown(fd, SHUT_WR);
	}
	/* Until the client goes: a reset would take the answer away from it. */
	while (recv(fd, waste, sizeof(waste), 0) > 0)
		;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return NULL;
}

/* Each asks for something; whatever the answer, nothing stays behind after an error. */
static int ask_challenge(struct att_client *c, struct att_error *err)
{
	uint8_t nonce[32] = { 0 };
	unsigned int seconds;

	return att_client_challenge(c, nonce, 32, &seconds, err);
}

static int ask_submit(struct att_client *c, struct att_error *err)
{
	const struct att_bytes evidence = { (uint8_t *)(uintptr_t) "{}", 2 };
	static const uint8_t nonce[32];
	struct att_answer answer;
	int ret = att_client_submit(c, nonce, 32, "p", "s", &evidence, &answer, err);

	if (ret)
		assert_true(!answer.result && !answer.ear && !answer.jwe);
	return ret;
}

static int ask_enrol(struct att_client *c, struct att_error *err)
{
	const struct att_bytes request = { (uint8_t *)(uintptr_t) "{}", 2 };
	struct att_bytes challenge = { 0 };
	char *session = NULL;
	int ret = att_client_enrol(c, &request, &session, &challenge, err);

	/* As callers do it: a session that was freed already would be freed again. */
	if (ret)
		assert_true(!session && !challenge.data);
	free(session);
	att_bytes_free(&challenge);
	return ret;
}

static int ask_finish(struct att_client *c, struct att_error *err)
{
	const struct att_bytes response = { (uint8_t *)(uintptr_t) "{}", 2 };
	char *machine = NULL;
	int ret = att_client_enrol_finish(c, "00", &response, "label", &machine, err);

	if (ret)
		assert_null(machine);
	free(machine);
	return ret;
}

typedef int ask_for(struct att_client *c, struct att_error *err);

/* A client that meets this server gets nothing from it but an error. */
static void meets_with(struct impostor *p, ask_for *ask, const char *host, enum att_code code,
		       const char *part)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	struct att_server server = { .ca = site_path(p->n->t, "server.crt"), .timeout = 1 };
	struct att_error err = { 0 };
	struct att_client *c;
	pthread_t thread;
	char url[80];

	/* Whatever the client takes for its host. */
	at.sin_addr.s_addr = htonl(INADDR_ANY);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	getsockname(p->listener, (struct sockaddr *)&at, &size);
	assert_int_equal(pthread_create(&thread, NULL, impose, p), 0);
	snprintf(url, sizeof(url), "https://%s:%u", host, ntohs(at.sin_port));
	server.url = url;
	c = att_client_new(&server, &err);
	assert_non_null(c);
	if (!ask(c, &err) || err.code != code || !strstr(err.text, part))
		fail_msg("%s: code %d: %s", p->answer ? p->answer : "", err.code, err.text);
	att_client_free(c);
	pthread_join(thread, NULL);
	close(p->listener);
}

static void meets(struct impostor *p, const char *host, enum att_code code, const char *part)
{
	meets_with(p, ask_challenge, host, code, part);
}

static void hostile_servers(void **state)
{
	static const struct {
		const char *answer;
		enum att_code code;
		const char *part;
	} bad[] = {
		{ "garbage\r\n\r\n", ATT_E_FORMAT, "status line" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ATT_E_FORMAT, "chunks" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", ATT_E_FORMAT,
		  "more than" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", ATT_E_FORMAT, "not JSON" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}x",
		  ATT_E_FORMAT, "more than its length" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		  ATT_E_FORMAT, "nonce" },
		{ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{}",
		  ATT_E_IO, "receiving" },
	};
	struct net *n = *state;
	struct impostor p = {
		.n = n, .certificate = "server.crt", .key = "server.key", .max = TLS1_3_VERSION
	};
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		p.answer = bad[i].answer;
		meets(&p, "127.0.0.1", bad[i].code, bad[i].part);
	}
	/* An older TLS, another certificate, another name. */
	p.max = TLS1_2_VERSION;
	meets(&p, "127.0.0.1", ATT_E_CRYPTO, "TLS");
	p.max = TLS1_3_VERSION;
	meets(&p, "127.0.0.2", ATT_E_CRYPTO, "certificate");
	p.certificate = "clients.crt";
	p.key = "clients.key";
	meets(&p, "127.0.0.1", ATT_E_CRYPTO, "certificate");
	p.certificate = "alice.crt";
	p.key = "alice.key";
	meets(&p, "127.0.0.1", ATT_E_CRYPTO, "certificate");
}

/* Answers of the right form that lack a member, contradict themselves, or are too much. */
static void hostile_answers(void **state)
{
	static const struct {
		ask_for *ask;
		const char *body, *part;
	} bad[] = {
		{ ask_enrol, "{}", "\"session\"" },
		{ ask_enrol, "{\"session\":7}", "\"session\"" },
		{ ask_enrol, "{\"session\":\"00\"}", "no challenge" },
		{ ask_enrol, "{\"session\":\"00\",\"challenge\":7}", "no challenge" },
		{ ask_finish, "{}", "\"machine\"" },
		{ ask_finish, "{\"machine\":\"\"}", "\"machine\"" },
		{ ask_submit, "{}", "no verdict" },
		{ ask_submit, "{\"verdict\":256,\"result\":{},\"ear\":\"e\"}", "no verdict" },
		{ ask_submit, "{\"verdict\":0,\"result\":{}}", "no verdict" },
		{ ask_submit, "{\"verdict\":0,\"result\":{},\"ear\":\"e\"}", "contradicts" },
		{ ask_submit, "{\"verdict\":3,\"passed\":true,\"result\":{},\"ear\":\"e\"}",
		  "contradicts" },
		{ ask_submit,
		  "{\"verdict\":0,\"passed\":true,\"result\":{\"passed\":true},\"ear\":\"e\"}",
		  "\"jwe\"" },
	};
	struct net *n = *state;
	struct impostor p = {
		.n = n, .certificate = "server.crt", .key = "server.key", .max = TLS1_3_VERSION
	};
	char answer[400];
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	p.answer = answer;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(answer, sizeof(answer),
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 strlen(bad[i].body), bad[i].body);
		meets_with(&p, bad[i].ask, "127.0.0.1", ATT_E_FORMAT, bad[i].part);
	}
}

/* A server that says nothing: the client's own time limit ends it. */
static void silent_server(void **state)
{
	struct net *n = *state;
	struct impostor p = {
		.n = n, .certificate = "server.crt", .key = "server.key", .max = TLS1_3_VERSION
	};

	meets(&p, "127.0.0.1", ATT_E_IO, "in time");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(client_works), T(client_certificates), T(client_oversized), T(client_names),
		T(client_urls),	 T(hostile_servers),	 T(hostile_answers),  T(silent_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
