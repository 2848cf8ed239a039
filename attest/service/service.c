// SPDX-License-Identifier: Apache-2.0
#include "service.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "bytes.h"
#include "call.h"
#include "error.h"
#include "json.h"
#include "key.h"
#include "keyfile.h"

#define ROOTS_MAX    (1u << 20)
#define CRLS_MAX     (8u << 20)
#define SESSIONS_MAX 256u
#define SMALL_BODY   65536u
/* Of a request; evidence has under a hundred. Each costs a few hundred bytes of memory. */
#define JSON_VALUES_MAX 4096u

/* ---- Setting up ---- */

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t now_s(void)
{
	return time(NULL);
}

static char *jwk_of(EVP_PKEY *key, struct att_error *err)
{
	const char *curve = att_key_curve(key);
	size_t half = curve && !strcmp(curve, "P-384") ? 48 : 32;
	char *x = NULL, *y = NULL, *text = NULL;
	uint8_t xy[96];

	if (!curve) {
		att_fail(err, ATT_E_UNSUPPORTED,
			 "the key that signs results is not P-256 or P-384");
		return NULL;
	}
	if (!att_key_point(key, xy, 2 * half, err)) {
		x = att_base64url(xy, half);
		y = att_base64url(xy + half, half);
		text = att_json_text(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "EC", "crv",
					       curve, "alg", half == 48 ? "ES384" : "ES256", "use",
					       "sig", "x", x, "y", y));
		if (!text)
			att_no_memory(err);
	}
	free(x);
	free(y);
	return text;
}

static int read_ear_key(struct service *s, struct att_error *err)
{
	struct att_bytes pem = { 0 };

	if (key_file_load(s->cfg->ear_key, &pem, err))
		return -1;
	s->ear_key = att_key_from_pem((char *)pem.data, pem.size, false, err);
	att_bytes_free(&pem);
	s->jwk = s->ear_key ? jwk_of(s->ear_key, err) : NULL;
	return s->jwk ? 0 : att_prefix(err, s->cfg->ear_key);
}

static int read_secrets_key(struct service *s, struct att_error *err)
{
	if (!s->cfg->secrets_key)
		return 0;
	s->has_secrets_key = !secrets_key_load(&s->secrets_key, s->cfg->secrets_key, err);
	return s->has_secrets_key ? 0 : -1;
}

static int read_vendors(struct service *s, struct att_error *err)
{
	const struct config *cfg = s->cfg;

	if (!cfg->enrol)
		return 0;
	if (file_load(cfg->roots, ROOTS_MAX, &s->roots, err))
		return -1;
	return cfg->crls ? file_load(cfg->crls, CRLS_MAX, &s->crls, err) : 0;
}

static int read_keys(struct service *s, struct att_error *err)
{
	return read_ear_key(s, err) || read_secrets_key(s, err) || read_vendors(s, err) ? -1 : 0;
}

/* An address has an eighth of the memory, or one body if that is more. */
static struct shares *share_bodies(const struct config *cfg)
{
	uint64_t each = cfg->body_memory / 8;

	if (each < cfg->body)
		each = cfg->body;
	if (each < SMALL_BODY)
		each = SMALL_BODY;
	return shares_new(cfg->connections, cfg->body_memory, each);
}

struct service *service_new(const struct config *cfg, struct att_error *err)
{
	int64_t lifetime = (int64_t)cfg->challenge_lifetime * 1000;
	struct service *s = calloc(1, sizeof(*s));

	if (!s) {
		att_no_memory(err);
		return NULL;
	}
	s->cfg = cfg;
	s->clock = clock_ms;
	s->now = now_s;
	s->nonces = challenges_new(cfg->challenges, cfg->challenges_per_address, lifetime);
	s->sessions = challenges_new(SESSIONS_MAX, SESSIONS_MAX / 4, lifetime);
	s->by_address = rate_new((double)cfg->rate, (double)cfg->burst);
	s->by_identity = rate_new((double)cfg->identity_rate, (double)cfg->identity_burst);
	s->bodies = share_bodies(cfg);
	s->policies = policies_new();
	if (!s->nonces || !s->sessions || !s->by_address || !s->by_identity || !s->bodies ||
	    !s->policies || RAND_bytes(s->run_id, sizeof(s->run_id)) != 1)
		att_no_memory(err);
	else if (!read_keys(s, err))
		return s;
	service_free(s);
	return NULL;
}

int service_open_audit(struct service *s, struct att_error *err)
{
	s->audit = audit_open(s->cfg->audit, s->now(), err);
	return s->audit ? 0 : -1;
}

void service_free(struct service *s)
{
	if (!s)
		return;
	audit_close(s->audit);
	policies_free(s->policies);
	rate_free(s->by_address);
	rate_free(s->by_identity);
	shares_free(s->bodies);
	challenges_free(s->nonces);
	challenges_free(s->sessions);
	EVP_PKEY_free(s->ear_key);
	att_bytes_free(&s->roots);
	att_bytes_free(&s->crls);
	free(s->jwk);
	OPENSSL_cleanse(&s->secrets_key, sizeof(s->secrets_key));
	free(s);
}

/* ---- What handlers share ---- */

bool call_note(struct call *c, bool durable)
{
	struct att_error err = { 0 };

	c->log.time = c->s->now();
	c->log.error = *c->a->code ? c->a->code : c->log.error;
	if (!audit_write(c->s->audit, &c->log, durable, &err))
		return true;
	c->s->metrics.audit_failures++;
	/* Said on stderr, which is the journal: the operator must look. */
	fprintf(stderr, "hgverifyd: %s\n", err.text);
	answer_error(c->a, 503, "audit", "the decision cannot be recorded, so there is none");
	return false;
}

void call_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_refusal(c->a, status, code, json_pack("{s:s}", "request", c->id), text);
	call_note(c, false);
}

void call_refuse_error(struct call *c, const char *code, const struct att_error *err)
{
	switch (err->code) {
	case ATT_E_FORMAT:
	case ATT_E_UNSUPPORTED:
		call_refuse(c, 422, code, "%s", err->text);
		break;
	case ATT_E_REFUSED:
	case ATT_E_CRYPTO:
		call_refuse(c, 403, code, "%s", err->text);
		break;
	default:
		/* Paths and the like are for the operator. */
		fprintf(stderr, "hgverifyd: %s\n", err->text);
		call_refuse(c, 503, "internal", "the verifier cannot do it now; its log says why");
	}
}

bool call_members(struct call *c, const char *const *names)
{
	struct att_error err = { 0 };

	if (!att_json_only(c->body, names, "request", &err))
		return true;
	call_refuse(c, 400, "request", "%s", err.text);
	return false;
}

bool call_text(struct call *c, const char *name, bool required, const char **text)
{
	struct att_error err = { 0 };

	if (!att_json_string(c->body, name, required, text, &err))
		return true;
	call_refuse(c, 400, "request", "%s", err.text);
	return false;
}

bool call_name(struct call *c, const char *name, bool required, const char **text)
{
	if (!call_text(c, name, required, text))
		return false;
	if (!*text || store_name_ok(*text))
		return true;
	call_refuse(c, 400, "request", "\"%s\" is no name: 1 to %u letters, digits, '.', '_', '-'",
		    name, STORE_NAME_MAX);
	return false;
}

bool call_nonce(struct call *c, const char *name, uint8_t nonce[ATT_NONCE_MAX], size_t *size)
{
	const char *text;
	int n;

	if (!call_text(c, name, true, &text))
		return false;
	n = att_unhex(text, nonce, ATT_NONCE_MAX);
	if (n >= (int)ATT_NONCE_MIN) {
		*size = (size_t)n;
		return true;
	}
	call_refuse(c, 400, "request", "\"%s\" is not %u to %u bytes in hexadecimal digits", name,
		    ATT_NONCE_MIN, ATT_NONCE_MAX);
	return false;
}

/* ---- Requests ---- */

static const struct route {
	const char *path;
	enum http_method method;
	enum endpoint endpoint;
	void (*handle)(struct call *c);
	bool appraises;
} routes[] = {
	{ "/v1/challenge", HTTP_POST, EP_CHALLENGE, call_challenge, false },
	{ "/v1/verify", HTTP_POST, EP_VERIFY, call_verify, true },
	{ "/v1/release", HTTP_POST, EP_RELEASE, call_release, true },
	{ "/v1/enrol/request", HTTP_POST, EP_ENROL_REQUEST, call_enrol_request, false },
	{ "/v1/enrol/finish", HTTP_POST, EP_ENROL_FINISH, call_enrol_finish, false },
	{ "/v1/key", HTTP_GET, EP_KEY, NULL, false },
	{ "/v1/healthz", HTTP_GET, EP_HEALTH, NULL, false },
	{ "/metrics", HTTP_GET, EP_METRICS, NULL, false },
};

static const struct route *find_route(const struct http_request *q)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(routes); i++)
		if (!strcmp(routes[i].path, q->path))
			return &routes[i];
	return NULL;
}

enum endpoint service_endpoint(const struct http_request *q)
{
	const struct route *r = find_route(q);

	return r ? r->endpoint : EP_NONE;
}

size_t service_body_max(const struct service *s, enum endpoint ep)
{
	return ep == EP_VERIFY || ep == EP_RELEASE ? s->cfg->body : SMALL_BODY;
}

bool service_admit(struct service *s, const struct peer *peer, struct answer *a)
{
	int64_t now = s->clock();
	struct source identity;

	memcpy(identity.key, peer->owner.identity, SOURCE_SIZE);
	if (rate_take(s->by_address, &peer->source, now) &&
	    (!peer->has_identity || rate_take(s->by_identity, &identity, now)))
		return true;
	s->metrics.rate_limited++;
	answer_error(a, 429, "rate", "too many requests from this %s: wait",
		     peer->has_identity ? "address or certificate" : "address");
	a->retry = 1;
	return false;
}

static void give_text(struct answer *a, char *text, bool plain)
{
	if (!text) {
		answer_error(a, 500, "memory", "out of memory");
		return;
	}
	a->status = 200;
	a->body = text;
	a->size = strlen(text);
	a->text = plain;
}

static void get_health(struct service *s, struct store *store, struct answer *a)
{
	struct att_error err = { 0 };

	if (store_generation(store, &err) < 0)
		answer_error(a, 503, "database", "the database cannot be read");
	else if (!audit_works(s->audit))
		answer_error(a, 503, "audit", "the audit log cannot be written");
	else
		answer_json(a, 200, json_pack("{s:s}", "status", "ok"));
}

static void get(struct service *s, struct store *store, enum endpoint ep, struct answer *a)
{
	int64_t now = s->clock();

	if (ep == EP_HEALTH)
		get_health(s, store, a);
	else if (ep == EP_KEY)
		give_text(a, strdup(s->jwk), false);
	else if (!s->cfg->metrics)
		answer_error(a, 404, "path", "metrics are switched off");
	else
		give_text(a,
			  metrics_text(&s->metrics, challenges_out(s->nonces, now),
				       challenges_out(s->sessions, now)),
			  true);
}

/* Appraisals take memory and time, parsing what they are of, too: only so many at once. */
static bool enter(struct call *c)
{
	int max = (int)(c->s->cfg->appraisals ? c->s->cfg->appraisals : 256);

	if (atomic_fetch_add(&c->s->appraisals, 1) < max)
		return true;
	atomic_fetch_sub(&c->s->appraisals, 1);
	/* The nonce was not looked at: the client may come again with it. */
	answer_error(c->a, 503, "busy", "too many appraisals are under way: wait");
	c->a->retry = 1;
	return false;
}

static void leave(struct call *c)
{
	atomic_fetch_sub(&c->s->appraisals, 1);
}

/* No fewer values than a parser would make of it: what opens or separates them, outside strings. */
static bool too_many_values(const char *text, size_t size)
{
	bool quoted = false;
	size_t i, n = 0;

	for (i = 0; i < size && n <= JSON_VALUES_MAX; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			i += text[i] == '\\';
		else
			n += text[i] == '{' || text[i] == '[' || text[i] == ',';
	}
	return n > JSON_VALUES_MAX;
}

static void handle(struct call *c, const struct route *r, const char *body)
{
	struct att_error err = { 0 };

	if (too_many_values(body, c->q->body_size)) {
		answer_error(c->a, 400, "json", "more than %u values in one request",
			     JSON_VALUES_MAX);
		return;
	}
	c->body = att_json_parse(body, c->q->body_size, c->s->cfg->body, &err);
	if (!c->body)
		answer_error(c->a, 400, "json", "%s", err.text);
	else
		r->handle(c);
	json_decref(c->body);
}

static void post(struct call *c, const struct route *r, const char *body)
{
	snprintf(c->id, sizeof(c->id), "%02x%02x%02x%02x%02x%02x-%" PRIxFAST64, c->s->run_id[0],
		 c->s->run_id[1], c->s->run_id[2], c->s->run_id[3], c->s->run_id[4],
		 c->s->run_id[5], ++c->s->next_request);
	c->log = (struct audit_entry){ .event = endpoint_name[r->endpoint],
				       .request = c->id,
				       .remote = c->peer->remote,
				       .identity = c->peer->identity,
				       .verdict = -1 };
	if (!c->q->json) {
		answer_error(c->a, 415, "type", "Content-Type is not application/json");
	} else if (!r->appraises) {
		handle(c, r, body);
	} else if (enter(c)) {
		handle(c, r, body);
		leave(c);
	}
}

void service_handle(struct service *s, struct store *store, const struct peer *peer,
		    const struct http_request *q, const char *body, struct answer *a)
{
	const struct route *r = find_route(q);
	struct call c = { .s = s, .store = store, .peer = peer, .q = q, .a = a };

	if (!r)
		answer_error(a, 404, "path", "there is nothing at %s", q->path);
	else if (r->method != q->method)
		answer_error(a, 405, "method", "%s wants %s", q->path,
			     r->method == HTTP_GET ? "GET" : "POST");
	else if (r->handle)
		post(&c, r, body);
	else
		get(s, store, r->endpoint, a);
}

void service_count(struct service *s, enum endpoint ep, const struct answer *a)
{
	int kind = a->status / 100;

	if (kind >= 2 && kind < 6)
		s->metrics.requests[ep][kind]++;
}
