/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verifier for tests: a folder with keys, certificates, a database that knows
 * one machine of a made-up world, two policies and two secrets.
 */
#ifndef TEST_SITE_H
#define TEST_SITE_H

#include "check.h"

#include "server.h"
#include "tpmkey.h"
#include "world.h"

#define MODEL_KEY "a model's key"
#define OTHER_KEY "another secret"

struct site {
	char dir[64];
	struct world *w;
	struct config cfg;
	struct service *s;
	struct store *store; /* the test's own look at the database */
	struct peer peer; /* without a certificate */
	char ak[2 * ATT_NAME_MAX + 1]; /* machine A's name */
};

/* Everything but a server; the clock stands still: see site_pass(). */
struct site *site_new(void);
void site_free(struct site *t);
/* A file of the folder; one name at a time. */
const char *site_path(const struct site *t, const char *name);
void site_write(const struct site *t, const char *name, const char *text);
/* Lets so much time pass, by the service's clock. */
void site_pass(int64_t ms);
/* Opens service and audit log anew, as after a restart. */
void site_restart(struct site *t);

/* Makes a key and a certificate for @name; signed by itself, or by @ca (its name here). */
void site_certificate(const struct site *t, const char *name, const char *ca);
/* SHA-256 of a certificate. */
void site_digest(const struct site *t, const char *name, uint8_t digest[32]);

/* Evidence of machine @m for this nonce and the world's first key, as JSON. */
char *site_evidence(const struct site *t, const struct machine *m, const char *nonce);
/* An enrolment record of machine @m. */
void site_record(const struct machine *m, struct att_bytes *record, char ak[2 * ATT_NAME_MAX + 1]);

/* The last line of the audit log, and how many there are; the chain is checked. */
json_t *site_audit(const struct site *t, size_t *lines);
/* The audit log says nowhere that a secret was released. */
void site_nothing_released(const struct site *t);

/* One request to the service, without a network. -> the answer's object; *status. */
json_t *site_ask_as(struct site *t, const struct peer *peer, const char *path, const char *body,
		    const char *token, int *status);
json_t *site_ask(struct site *t, const char *path, const char *body, int *status);
/* A nonce for @peer, in hexadecimal digits. */
void site_nonce(struct site *t, const struct peer *peer, char nonce[2 * ATT_NONCE_MAX + 1]);
/* The body of a request for that evidence; @more are members with a comma in front, or "". */
char *site_request(const char *nonce, const char *evidence, const char *more);

#endif
