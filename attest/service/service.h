/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verifier answers, without the network: requests in, answers out.
 * A struct service is shared by all workers; a struct store is one worker's.
 */
#ifndef HG_SERVICE_H
#define HG_SERVICE_H

#include <openssl/evp.h>

#include "answer.h"
#include "audit.h"
#include "challenge.h"
#include "conf.h"
#include "http.h"
#include "metrics.h"
#include "policies.h"
#include "secrets.h"
#include "share.h"
#include "store.h"

struct service {
	const struct config *cfg;
	struct challenges *nonces;
	struct challenges *sessions; /* enrolments that were begun; their states */
	struct rates *by_address, *by_identity;
	struct shares *bodies; /* memory for them */
	struct audit *audit;
	struct policies *policies;
	EVP_PKEY *ear_key;
	char *jwk; /* its public half */
	struct att_bytes roots, crls; /* PEM */
	struct secrets_key secrets_key;
	bool has_secrets_key;
	uint8_t run_id[6]; /* of this start, in the ids of requests */
	atomic_uint_fast64_t next_request;
	atomic_int appraisals;
	struct metrics metrics;
	int64_t (*clock)(void); /* milliseconds that never go back */
	int64_t (*now)(void); /* seconds since 1970 */
};

/* Who asks. */
struct peer {
	char remote[64]; /* ADDRESS:PORT */
	struct source source;
	bool has_identity;
	struct owner owner; /* SHA-256 of its certificate, or zeros */
	char identity[65]; /* the same as text, or "" */
};

/*
 * Reads the keys that @cfg names: as root, before privileges are dropped. The
 * audit log and the database are opened later. @cfg stays in use.
 */
struct service *service_new(const struct config *cfg, struct att_error *err);
int service_open_audit(struct service *s, struct att_error *err);
void service_free(struct service *s);

/* Which endpoint a request is for, for limits before its body was read. */
enum endpoint service_endpoint(const struct http_request *q);
/* How large a body it may have. */
size_t service_body_max(const struct service *s, enum endpoint ep);
/* false: over a limit, and @a says so. */
bool service_admit(struct service *s, const struct peer *peer, struct answer *a);
/* @body is not written to, and not kept. */
void service_handle(struct service *s, struct store *store, const struct peer *peer,
		    const struct http_request *q, const char *body, struct answer *a);
/* Counts an answer. */
void service_count(struct service *s, enum endpoint ep, const struct answer *a);

#endif
