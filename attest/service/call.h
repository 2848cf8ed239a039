/* SPDX-License-Identifier: Apache-2.0 */
/* One request on its way through the service, and what its handlers share. */
#ifndef HG_CALL_H
#define HG_CALL_H

#include "service.h"

struct call {
	struct service *s;
	struct store *store;
	const struct peer *peer;
	const struct http_request *q;
	json_t *body; /* an object, for POST */
	struct answer *a;
	char id[32];
	struct audit_entry log; /* what is known so far */
};

/*
 * Notes the decision, as far as @c->log has it, before it leaves. false: it could
 * not be noted, so it must not leave; the answer says so.
 */
bool call_note(struct call *c, bool durable);
/* An answer that refuses, and is noted. */
void call_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for what the library says. */
void call_refuse_error(struct call *c, const char *code, const struct att_error *err);
/* Members of the body: known ones only. false: refused. */
bool call_members(struct call *c, const char *const *names);
/* A string of the body; NULL if it is not there. */
bool call_text(struct call *c, const char *name, bool required, const char **text);
/* A name of the database's, as above. */
bool call_name(struct call *c, const char *name, bool required, const char **text);
/* The nonce in a member of the body. */
bool call_nonce(struct call *c, const char *name, uint8_t nonce[ATT_NONCE_MAX], size_t *size);

void call_challenge(struct call *c);
void call_verify(struct call *c);
void call_release(struct call *c);
void call_enrol_request(struct call *c);
void call_enrol_finish(struct call *c);

#endif
