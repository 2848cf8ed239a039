// SPDX-License-Identifier: Apache-2.0
/* Enrolment over the network: who may, and the two steps of it. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "bytes.h"
#include "call.h"
#include "json.h"

#define SESSION 32u

static bool is_admin(const struct call *c)
{
	const struct config *cfg = c->s->cfg;
	size_t i;

	for (i = 0; c->peer->has_identity && i < cfg->admins; i++)
		if (!CRYPTO_memcmp(cfg->admin[i], c->peer->owner.identity, 32))
			return true;
	return false;
}

/* An admin's certificate, or a token. */
static bool may_enrol(struct call *c)
{
	struct att_error err = { 0 };

	if (!c->s->cfg->enrol) {
		call_refuse(c, 403, "enrolment-off", "enrolment over the network is switched off");
		return false;
	}
	if (is_admin(c))
		return true;
	if (!*c->q->bearer) {
		call_refuse(c, 401, "authority",
			    "an admin's certificate or a token (hgverifyd token create) is needed");
		return false;
	}
	if (!store_token_check(c->store, c->q->bearer, c->s->now(), &err))
		return true;
	if (err.code == ATT_E_REFUSED)
		call_refuse(c, 401, "authority", "%s", err.text);
	else
		call_refuse_error(c, "authority", &err);
	return false;
}

/* A member that is an object, as text for the library. */
static bool take_object(struct call *c, const char *name, struct att_bytes *text)
{
	const json_t *o = json_object_get(c->body, name);

	if (json_is_object(o) && !att_bytes_take_string(text, json_dumps(o, JSON_COMPACT)))
		return true;
	call_refuse(c, 400, "request", "\"%s\" is not an object", name);
	return false;
}

static void begin(struct call *c, const struct att_bytes *request)
{
	const struct att_bytes *crls = c->s->cfg->crls ? &c->s->crls : NULL;
	struct att_bytes challenge = { 0 }, state = { 0 };
	struct att_error err = { 0 };
	uint8_t session[SESSION];
	char text[2 * SESSION + 1];
	json_t *o;

	if (att_enrol_challenge_crls(request, &c->s->roots, crls, c->s->now(), &challenge, &state,
				     &err)) {
		call_refuse_error(c, "enrolment", &err);
		return;
	}
	if (challenge_give(c->s->sessions, &c->peer->owner, &c->peer->source, c->s->clock(),
			   session, sizeof(session), &state) != CHALLENGE_OK) {
		call_refuse(c, 503, "challenges-full", "too many enrolments were begun: wait");
	} else if (call_note(c, false)) {
		att_hex(session, sizeof(session), text);
		o = json_loadb((char *)challenge.data, challenge.size, 0, NULL);
		answer_json(c->a, 200,
			    json_pack("{s:s, s:s, s:I, s:o}", "request", c->id, "session", text,
				      "expires_in", (json_int_t)c->s->cfg->challenge_lifetime,
				      "challenge", o));
	}
	att_bytes_free(&state);
	att_bytes_free(&challenge);
}

void call_enrol_request(struct call *c)
{
	static const char *const members[] = { "request", NULL };
	struct att_bytes request = { 0 };

	if (!may_enrol(c) || !call_members(c, members) || !take_object(c, "request", &request))
		return;
	begin(c, &request);
	att_bytes_free(&request);
}

/* Noted first: a machine that is in the database is in the log. */
static void admit(struct call *c, const struct att_bytes *record, const char *label)
{
	const char *token = is_admin(c) ? NULL : c->q->bearer;
	struct att_error err = { 0 };
	json_t *o = json_loadb((char *)record->data, record->size, 0, &(json_error_t){ 0 });
	char by[80];

	c->log.ak = json_string_value(json_object_get(o, "ak_name"));
	snprintf(by, sizeof(by), "%s%s", token ? "token" : "admin ",
		 token ? "" : c->peer->identity);
	if (call_note(c, true)) {
		if (store_machine_add(c->store, record, label, by, token, c->s->now(), &err)) {
			call_refuse_error(c, "enrolment", &err);
		} else {
			c->s->metrics.enrolled++;
			answer_json(
				c->a, 200,
				json_pack("{s:s, s:s}", "request", c->id, "machine", c->log.ak));
		}
	}
	json_decref(o);
}

void call_enrol_finish(struct call *c)
{
	static const char *const members[] = { "session", "response", "label", NULL };
	struct att_bytes response = { 0 }, state = { 0 }, record = { 0 };
	struct att_error err = { 0 };
	uint8_t session[ATT_NONCE_MAX];
	const char *label;
	size_t size;

	if (!may_enrol(c) || !call_members(c, members) || !call_text(c, "label", false, &label) ||
	    !call_nonce(c, "session", session, &size) || !take_object(c, "response", &response))
		return;
	if (challenge_take(c->s->sessions, &c->peer->owner, c->s->clock(), session, size, &state) !=
	    CHALLENGE_OK)
		call_refuse(c, 403, "session", "there is no such enrolment under way: begin again");
	else if (att_enrol_finish(&state, &response, c->s->now(), &record, &err))
		call_refuse_error(c, "enrolment", &err);
	else
		admit(c, &record, label);
	att_bytes_free(&record);
	att_bytes_free(&state);
	att_bytes_free(&response);
}
