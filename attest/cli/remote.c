// SPDX-License-Identifier: Apache-2.0
#include "remote.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"

#define TOKEN_MAX 256u

/* One line of text. */
static char *read_token(const char *path)
{
	struct att_bytes text;
	char *token;

	if (file_read(path, TOKEN_MAX, &text))
		return NULL;
	token = strndup((char *)text.data, strcspn((char *)text.data, "\r\n"));
	att_bytes_free(&text);
	return token;
}

struct att_client *remote_open(const struct remote *r)
{
	struct att_server server = {
		.url = r->server,
		.ca = r->ca,
		.certificate = r->certificate,
		.key = r->certificate_key,
	};
	struct att_error err = { 0 };
	struct att_client *c;
	char *token = NULL;

	signal(SIGPIPE, SIG_IGN);
	if (r->token) {
		token = read_token(r->token);
		if (!token)
			return NULL;
	}
	server.token = token;
	c = att_client_new(&server, &err);
	if (!c)
		complain("%s", err.text);
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
	return c;
}

int remote_challenge(struct att_client *c, uint8_t *nonce, size_t size)
{
	struct att_error err = { 0 };
	unsigned int expires;

	if (!att_client_challenge(c, nonce, size, &expires, &err))
		return 0;
	complain("%s", err.text);
	return -1;
}

/* ---- What the verifier said ---- */

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

/* It came over the network: no escape sequence gets to the terminal. */
static void put(FILE *to, const char *text)
{
	for (; *text; text++)
		fputc(*text < 0x20 || *text > 0x7e ? '?' : *text, to);
}

static void put_cell(FILE *to, const char *label, const char *text)
{
	fprintf(to, "           %-9s ", label);
	put(to, *text ? text : "-");
	fputc('\n', to);
}

static void put_claim(FILE *to, const json_t *claim)
{
	const char *status = text_of(claim, "status"), *name = text_of(claim, "claim");
	const char *cause = text_of(claim, "cause");
	bool failed = !strcmp(status, "fail");

	put(to, status);
	fprintf(to, "%*s", strlen(status) < 11 ? 11 - (int)strlen(status) : 1, "");
	put(to, name);
	fprintf(to, "%*s", strlen(name) < 19 ? 19 - (int)strlen(name) : 1, "");
	put(to, failed ? "" : text_of(claim, "found"));
	fputc('\n', to);
	if (failed) {
		put_cell(to, "expected", text_of(claim, "expected"));
		put_cell(to, "found", text_of(claim, "found"));
	}
	if (*cause)
		put_cell(to, strcmp(status, "warn") ? "cause" : "note", cause);
}

static void put_table(FILE *to, const struct att_answer *answer)
{
	json_t *o = json_loads(answer->result, 0, NULL), *claim;
	size_t i;

	json_array_foreach(json_object_get(o, "claims"), i, claim) {
		put_claim(to, claim);
	}
	json_decref(o);
	if (answer->verdict)
		fprintf(to, "\nREFUSED (%d) by the verifier, as request ", answer->verdict);
	else
		fprintf(to, "\nPASSED, says the verifier, as request ");
	put(to, answer->request);
	fputc('\n', to);
}

/* The table goes to stderr when something else goes to standard output. */
static int show(const struct remote *r, const struct att_answer *answer)
{
	bool taken = (r->out && !strcmp(r->out, "-")) || (r->ear && !strcmp(r->ear, "-"));
	FILE *to = taken ? stderr : stdout;

	if (r->json)
		fprintf(to, "%s\n", answer->result);
	else
		put_table(to, answer);
	return fflush(to) ? -1 : 0;
}

/* Opened with the CVM's key, if that is here; sealed as it came, else. */
static int write_secret(const struct remote *r, const uint8_t *nonce, size_t size, const char *jwe)
{
	struct att_bytes pem, secret = { 0 };
	struct att_error err = { 0 };
	int ret;

	if (!r->key)
		return file_write(r->out, jwe, strlen(jwe), 0600);
	if (file_read(r->key, 65536, &pem))
		return -1;
	ret = att_open(jwe, strlen(jwe), (char *)pem.data, pem.size, nonce, size, &secret, &err);
	att_bytes_free(&pem);
	if (ret)
		complain("%s", err.text);
	else
		ret = file_write(r->out, secret.data, secret.size, 0600);
	att_bytes_free(&secret);
	return ret;
}

int remote_submit(struct att_client *c, const struct remote *r, const uint8_t *nonce, size_t size,
		  const struct att_bytes *evidence)
{
	struct att_error err = { 0 };
	struct att_answer answer;
	int ret;

	if (att_client_submit(c, nonce, size, r->policy, r->secret, evidence, &answer, &err)) {
		complain("%s", err.text);
		return 1;
	}
	ret = show(r, &answer);
	if (!ret && r->ear)
		ret = file_write(r->ear, answer.ear, strlen(answer.ear), 0644);
	if (!ret && answer.jwe)
		ret = write_secret(r, nonce, size, answer.jwe);
	ret = answer.verdict ? (int)answer.verdict : ret ? 1 : 0;
	att_answer_free(&answer);
	return ret;
}

/* ---- The CVM ---- */

int remote_ask_cvm(const char *with, const uint8_t *nonce, size_t size, const char *report,
		   const char *key)
{
	char hex[2 * ATT_NONCE_MAX + 1];
	int status;
	pid_t pid;

	att_hex(nonce, size, hex);
	pid = fork();
	if (!pid) {
		execlp(with, with, hex, report, key, (char *)NULL);
		complain("%s: %s", with, strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			pid = -1;
	if (pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	complain("%s did not get the CVM's report", with);
	return -1;
}
