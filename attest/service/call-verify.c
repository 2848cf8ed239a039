// SPDX-License-Identifier: Apache-2.0
/* Challenges, appraisals, and secrets. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "bytes.h"
#include "call.h"
#include "ear.h"
#include "evidence.h"
#include "json.h"
#include "policy.h"
#include "result.h"

/* ---- Challenges ---- */

static void refuse_challenge(struct call *c, enum challenge_answer why)
{
	switch (why) {
	case CHALLENGE_FULL:
		answer_error(c->a, 503, "challenges-full", "too many challenges are out: wait");
		break;
	case CHALLENGE_SOURCE_FULL:
		answer_error(c->a, 429, "challenges-full",
			     "too many challenges of this address are out: answer them, or wait");
		break;
	default:
		answer_error(c->a, 503, "internal", "no challenge can be made now");
	}
	c->a->retry = c->a->status == 503 || c->a->status == 429;
}

void call_challenge(struct call *c)
{
	static const char *const members[] = { "bytes", NULL };
	uint8_t nonce[ATT_NONCE_MAX];
	char text[2 * ATT_NONCE_MAX + 1];
	struct att_error err = { 0 };
	enum challenge_answer given;
	uint64_t size = 32;

	if (!call_members(c, members))
		return;
	if (json_object_get(c->body, "bytes") &&
	    (att_json_uint(c->body, "bytes", ATT_NONCE_MAX, &size, &err) || size < ATT_NONCE_MIN)) {
		answer_error(c->a, 400, "request", "\"bytes\" is not an integer from %u to %u",
			     ATT_NONCE_MIN, ATT_NONCE_MAX);
		return;
	}
	given = challenge_give(c->s->nonces, &c->peer->owner, &c->peer->source, c->s->clock(),
			       nonce, size, NULL);
	if (given != CHALLENGE_OK) {
		refuse_challenge(c, given);
		return;
	}
	att_hex(nonce, size, text);
	answer_json(c->a, 200,
		    json_pack("{s:s, s:I}", "nonce", text, "expires_in",
			      (json_int_t)c->s->cfg->challenge_lifetime));
}

/* ---- Appraisals ---- */

/* All that one appraisal has in its hands. */
struct appraisal {
	struct call *c;
	uint8_t nonce[ATT_NONCE_MAX];
	size_t nonce_size;
	struct policy_ref *policy;
	struct att_evidence *ev;
	struct att_result *res;
	char ak[2 * ATT_NAME_MAX + 1];
	char *secret_policy;
	struct att_bytes sealed;
};

static void finish(struct appraisal *p)
{
	if (p->policy)
		policies_put(p->c->s->policies, p->policy);
	att_evidence_free(p->ev);
	att_result_free(p->res);
	att_bytes_free(&p->sealed);
	free(p->secret_policy);
}

static bool use_nonce(struct appraisal *p)
{
	struct call *c = p->c;

	if (!call_nonce(c, "nonce", p->nonce, &p->nonce_size))
		return false;
	c->log.nonce = p->nonce;
	c->log.nonce_size = p->nonce_size;
	switch (challenge_take(c->s->nonces, &c->peer->owner, c->s->clock(), p->nonce,
			       p->nonce_size, NULL)) {
	case CHALLENGE_OK:
		return true;
	case CHALLENGE_OTHER_OWNER:
		call_refuse(
			c, 403, "nonce-owner",
			"the nonce was given to a client with another certificate, or with none");
		return false;
	default:
		c->log.verdict = ATT_V_FRESHNESS;
		call_refuse(
			c, 403, "nonce",
			"the nonce is not out: used before, expired, or never given out by this verifier since its start");
		return false;
	}
}

static bool take_policy(struct appraisal *p, const char *name)
{
	struct att_error err = { 0 };
	struct call *c = p->c;

	c->log.policy = name;
	p->policy = policies_get(c->s->policies, c->store, name, &err);
	if (!p->policy && err.code == ATT_E_REFUSED) {
		call_refuse(c, 404, "policy", "%s", err.text);
		return false;
	}
	if (!p->policy) {
		call_refuse_error(c, "policy", &err);
		return false;
	}
	if (!policy_of(p->policy)->development || c->s->cfg->development)
		return true;
	call_refuse(c, 403, "policy", "policy '%s' is for development, which is switched off here",
		    name);
	return false;
}

static void note_result(struct appraisal *p)
{
	struct audit_entry *log = &p->c->log;
	size_t i;

	log->verdict = (int)att_result_verdict(p->res);
	for (i = 0; !log->claim && i < att_result_count(p->res); i++) {
		const struct att_claim *claim = att_result_claim(p->res, i);

		if (claim->status == ATT_FAIL)
			log->claim = claim->name;
	}
	att_hex(p->res->evidence_ak, p->res->evidence_ak_size, p->ak);
	log->ak = p->ak;
	if (log->verdict < 32)
		p->c->s->metrics.verdicts[log->verdict]++;
}

static bool appraise(struct appraisal *p)
{
	struct att_error err = { 0 };
	struct call *c = p->c;
	int64_t start = c->s->clock();

	p->ev = att_evidence_from(json_object_get(c->body, "evidence"), &err);
	if (!p->ev) {
		c->log.verdict = ATT_V_FORMAT;
		c->s->metrics.verdicts[ATT_V_FORMAT]++;
		call_refuse_error(c, "evidence", &err);
		return false;
	}
	p->res = att_appraise_with(p->ev, policy_of(p->policy), store_machine_find, c->store,
				   p->nonce, p->nonce_size, c->s->now(), &err);
	c->s->metrics.appraise_us += (uint64_t)(c->s->clock() - start) * 1000;
	if (!p->res) {
		call_refuse_error(c, "evidence", &err);
		return false;
	}
	note_result(p);
	return true;
}

/* -> the answer's object, or NULL after an answer. */
static json_t *conclude(struct appraisal *p)
{
	struct att_error err = { 0 };
	struct service *s = p->c->s;
	char *ear = att_result_ear_with(p->res, s->ear_key, &err);
	json_t *o;

	if (!ear) {
		err.code = ATT_E_MEMORY; /* it is our key, not the client's fault */
		call_refuse_error(p->c, "internal", &err);
		return NULL;
	}
	o = json_pack("{s:s, s:i, s:b, s:o, s:s}", "request", p->c->id, "verdict",
		      p->c->log.verdict, "passed", !p->c->log.verdict, "result",
		      att_result_object(p->res), "ear", ear);
	free(ear);
	if (!o)
		answer_error(p->c->a, 500, "memory", "out of memory");
	return o;
}

static void verify(struct appraisal *p)
{
	static const char *const members[] = { "nonce", "policy", "evidence", NULL };
	struct call *c = p->c;
	const char *policy;
	json_t *o;

	if (!call_members(c, members) || !call_name(c, "policy", false, &policy) || !use_nonce(p))
		return;
	if (!policy)
		policy = c->s->cfg->policy;
	if (!policy) {
		call_refuse(c, 400, "policy", "which policy? The verifier has no usual one");
		return;
	}
	if (!take_policy(p, policy) || !appraise(p))
		return;
	o = conclude(p);
	if (o && call_note(c, false))
		answer_json(c->a, 200, o);
	else
		json_decref(o);
}

void call_verify(struct call *c)
{
	struct appraisal p = { .c = c };

	verify(&p);
	finish(&p);
}

/* ---- Secrets ---- */

/*
 * The secret's rule chooses the policy. One answer for a secret that is not there
 * and for one of another policy. That does not hide its name: whoever names no
 * policy sees whether evidence is looked at.
 */
static bool find_secret(struct appraisal *p, const char *name, const char *policy)
{
	struct att_error err = { 0 };
	struct call *c = p->c;
	int ret;

	c->log.secret = name;
	ret = store_secret_get(c->store, name, &p->secret_policy, &p->sealed, &err);
	if (ret && err.code != ATT_E_REFUSED) {
		call_refuse_error(c, "internal", &err);
		return false;
	}
	if (!ret && (!policy || !strcmp(policy, p->secret_policy)))
		return true;
	call_refuse(c, 403, "secret", "there is no secret '%s' for this policy", name);
	return false;
}

/* -> the sealed secret, or NULL after an answer. */
static char *seal(struct appraisal *p, const char *name)
{
	struct att_bytes secret = { 0 };
	struct att_error err = { 0 };
	struct call *c = p->c;
	char *jwe = NULL;

	if (!c->s->has_secrets_key) {
		call_refuse(c, 503, "internal", "the verifier has no key for its secrets");
		return NULL;
	}
	if (secrets_open(&c->s->secrets_key, name, p->secret_policy, &p->sealed, &secret, &err)) {
		err.code = ATT_E_IO; /* the operator's to look at */
		call_refuse_error(c, "internal", &err);
		return NULL;
	}
	jwe = att_release(p->res, secret.data, secret.size, &err);
	att_bytes_free(&secret);
	if (!jwe)
		call_refuse_error(c, "refused", &err);
	return jwe;
}

static void give_secret(struct appraisal *p, const char *name, json_t *o)
{
	struct call *c = p->c;
	char *jwe = seal(p, name);

	c->log.released = jwe;
	/* On the disk before it leaves: what is not noted was not released. */
	if (jwe && call_note(c, true)) {
		json_object_set_new(o, "jwe", json_string(jwe));
		answer_json(c->a, 200, o);
		c->s->metrics.released += c->a->status == 200;
	} else {
		json_decref(o);
	}
	free(jwe);
}

static void release(struct appraisal *p)
{
	static const char *const members[] = { "nonce", "policy", "evidence", "secret", NULL };
	struct call *c = p->c;
	const char *policy, *secret;
	json_t *o;

	if (!call_members(c, members) || !call_name(c, "policy", false, &policy) ||
	    !call_name(c, "secret", true, &secret) || !use_nonce(p) ||
	    !find_secret(p, secret, policy) || !take_policy(p, p->secret_policy) || !appraise(p))
		return;
	o = conclude(p);
	if (!o)
		return;
	if (!c->log.verdict) {
		give_secret(p, secret, o);
		return;
	}
	answer_refusal(c->a, 403, "refused", o, "the evidence did not pass: nothing is released");
	call_note(c, false);
}

void call_release(struct call *c)
{
	struct appraisal p = { .c = c };

	release(&p);
	finish(&p);
}
