// SPDX-License-Identifier: Apache-2.0
/* Attacks on enrolment over the network: who may, with which TPM, with whose session. */
#include "ask.h"

#include <stdlib.h>
#include <unistd.h>

#include "alg.h"
#include "vendor.h"

static int setup(void **state)
{
	*state = site_new();
	return 0;
}

static int teardown(void **state)
{
	site_free(*state);
	return 0;
}

static const char request[] = "{\"request\":{}}";

/* ---- Who may ---- */

static void enrolment_off(void **state)
{
	refused(*state, "/v1/enrol/request", request, 403, "enrolment-off");
	refused(*state, "/v1/enrol/finish", "{}", 403, "enrolment-off");
}

static void enrolment_authority(void **state)
{
	struct site *t = *state;
	struct peer alice = t->peer;
	struct att_error err = { 0 };
	char token[2 * STORE_TOKEN + 1];

	t->cfg.enrol = true;
	refused(t, "/v1/enrol/request", request, 401, "authority");
	refused_as(t, &t->peer, "/v1/enrol/request", request, "abc", 401, "authority");
	alice.has_identity = true;
	memset(alice.owner.identity, 0xaa, 32);
	refused_as(t, &alice, "/v1/enrol/request", request, "", 401, "authority");
	memset(t->cfg.admin[0], 0xaa, 32);
	t->cfg.admins = 1;
	refused_as(t, &alice, "/v1/enrol/request", request, "", 422, "enrolment");
	/* Nobody without a certificate is the admin whose hash is zeros. */
	memset(t->cfg.admin[0], 0, 32);
	refused(t, "/v1/enrol/request", request, 401, "authority");
	assert_int_equal(
		store_token_create(t->store, "x", t->s->now(), t->s->now() + 60, token, &err), 0);
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 422, "enrolment");
	token[5] ^= 1;
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 401, "authority");
	token[5] ^= 1;
	site_pass(60000);
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 401, "authority");
}

static void enrolment_session(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	char token[2 * STORE_TOKEN + 1], body[200], nonce[2 * ATT_NONCE_MAX + 1];

	t->cfg.enrol = true;
	assert_int_equal(
		store_token_create(t->store, "x", t->s->now(), t->s->now() + 60, token, &err), 0);
	snprintf(body, sizeof(body), "{\"session\":\"%064d\",\"response\":{}}", 7);
	refused_as(t, &t->peer, "/v1/enrol/finish", body, token, 403, "session");
	audited(t, "enrol-finish", -1, "session");
	/* A nonce of an appraisal is no session, and stays what it is. */
	site_nonce(t, &t->peer, nonce);
	snprintf(body, sizeof(body), "{\"session\":\"%s\",\"response\":{}}", nonce);
	refused_as(t, &t->peer, "/v1/enrol/finish", body, token, 403, "session");
	assert_int_equal(challenges_out(t->s->nonces, t->s->clock()), 1);
}

/* They make a token, or one that was used new. */
static void token_forged(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	char token[2 * STORE_TOKEN + 1], ak[2 * ATT_NAME_MAX + 1], hex[65];
	struct att_bytes record;
	uint8_t hash[32];

	t->cfg.enrol = true;
	memset(token, '7', 64);
	token[64] = '\0';
	memset(hash, 0x77, sizeof(hash));
	assert_int_equal(att_sha256(hash, sizeof(hash), hash), 0);
	att_hex(hash, sizeof(hash), hex);
	forge(t, "INSERT INTO tokens VALUES (x'%s', '', 1, 99999999999, NULL)", hex);
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 503, "internal");
	assert_int_equal(
		store_token_create(t->store, "x", t->s->now(), t->s->now() + 60, token, &err), 0);
	forge(t, "UPDATE tokens SET expires = %s", "99999999998");
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 503, "internal");
	assert_int_equal(
		store_token_create(t->store, "x", t->s->now(), t->s->now() + 60, token, &err), 0);
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 422, "enrolment");
	site_record(&t->w->b, &record, ak);
	if (store_machine_add(t->store, &record, "", "test", token, t->s->now(), &err))
		fail_msg("%s", err.text);
	att_bytes_free(&record);
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 401, "authority");
	forge(t, "UPDATE tokens SET used = %s", "NULL");
	refused_as(t, &t->peer, "/v1/enrol/request", request, token, 503, "internal");
}

/* ---- With a vendor and a TPM ---- */

static int64_t vendor_now(void)
{
	return VENDOR_NOW;
}

/* Starts anew with the vendor's roots, and these lists; takes @crls. */
static void trust_vendor(struct site *t, const struct vendor *v, BIO *crls)
{
	struct att_bytes pem = { 0 };

	site_write(t, "roots.pem", (char *)v->roots.data);
	t->cfg.enrol = true;
	free(t->cfg.roots);
	t->cfg.roots = strdup(site_path(t, "roots.pem"));
	free(t->cfg.crls);
	t->cfg.crls = NULL;
	if (crls) {
		vendor_bytes(crls, &pem);
		site_write(t, "crls.pem", (char *)pem.data);
		t->cfg.crls = strdup(site_path(t, "crls.pem"));
		att_bytes_free(&pem);
	}
	site_restart(t);
	t->s->now = vendor_now;
}

static void new_token(struct site *t, char token[2 * STORE_TOKEN + 1])
{
	struct att_error err = { 0 };

	assert_int_equal(
		store_token_create(t->store, "x", t->s->now(), t->s->now() + 60, token, &err), 0);
}

/* A TPM whose certificate was revoked gets no challenge. */
static void enrolment_revoked(void **state)
{
	struct site *t = *state;
	struct vendor *v = vendor_new();
	struct att_error err = { 0 };
	BIO *stale = BIO_new(BIO_s_mem());
	char *body = NULL, token[2 * STORE_TOKEN + 1];
	json_t *o;
	int status;

	assert_true(asprintf(&body, "{\"request\":%s}", (char *)v->request.data) > 0);
	trust_vendor(t, v, vendor_lists(v, 0, 0));
	new_token(t, token);
	o = site_ask_as(t, &t->peer, "/v1/enrol/request", body, token, &status);
	assert_int_equal(status, 200);
	assert_int_equal(strlen(text_of(o, "session")), 64);
	json_decref(o);
	trust_vendor(t, v, vendor_lists(v, 0, 3));
	refused_as(t, &t->peer, "/v1/enrol/request", body, token, 403, "enrolment");
	audited(t, "enrol-request", -1, "enrolment");
	trust_vendor(t, v, vendor_lists(v, 2, 0));
	refused_as(t, &t->peer, "/v1/enrol/request", body, token, 403, "enrolment");
	vendor_crl(stale, &v->root, 0, -1, 1);
	vendor_crl(stale, &v->middle, 0, -20, -10);
	trust_vendor(t, v, stale);
	refused_as(t, &t->peer, "/v1/enrol/request", body, token, 403, "enrolment");
	assert_int_equal(challenges_out(t->s->sessions, t->s->clock()), 0);
	/* Lists that are configured are not missing for a while: it does not start. */
	unlink(site_path(t, "crls.pem"));
	assert_null(service_new(&t->cfg, &err));
	assert_non_null(strstr(err.text, "crls.pem"));
	vendor_free(v);
	free(body);
}

/* An enrolment of @ak that @by began; the TPM would find @secret in its challenge. */
static void begun(struct site *t, const struct peer *by, const char *ak, uint8_t secret,
		  char session[65])
{
	struct att_bytes payload;
	char hex[65], ek[65], *text = NULL;
	uint8_t bytes[32];

	memset(bytes, secret, sizeof(bytes));
	att_hex(bytes, sizeof(bytes), hex);
	att_hex(t->w->b.boot_id, 32, ek);
	assert_true(asprintf(&text,
			     "{\"version\":1,\"type\":\"hypergpu-enrol-state\",\"ak_name\":\"%s\","
			     "\"ek_certificate_sha256\":\"%s\",\"secret\":\"%s\"}",
			     ak, ek, hex) > 0);
	assert_int_equal(att_bytes_take_string(&payload, text), 0);
	assert_int_equal(challenge_give(t->s->sessions, &by->owner, &by->source, t->s->clock(),
					bytes, 32, &payload),
			 CHALLENGE_OK);
	att_hex(bytes, sizeof(bytes), session);
}

static char *finish_with(const char *session, uint8_t secret)
{
	uint8_t bytes[32];
	char hex[65], *text = NULL;

	memset(bytes, secret, sizeof(bytes));
	att_hex(bytes, sizeof(bytes), hex);
	assert_true(asprintf(&text,
			     "{\"session\":\"%s\",\"response\":{\"version\":1,"
			     "\"type\":\"hypergpu-enrol-response\",\"secret\":\"%s\"}}",
			     session, hex) > 0);
	return text;
}

/* A live session: only its owner, with what the TPM says, and once. */
static void enrolment_finish(void **state)
{
	struct site *t = *state;
	struct peer alice = t->peer, bob = t->peer;
	char ak[2 * ATT_NAME_MAX + 1], session[65], *good, *bad;
	struct att_bytes record;
	json_t *o;
	int status;

	t->cfg.enrol = true;
	alice.has_identity = bob.has_identity = true;
	memset(alice.owner.identity, 0xaa, 32);
	memset(bob.owner.identity, 0xbb, 32);
	memset(t->cfg.admin[0], 0xaa, 32);
	memset(t->cfg.admin[1], 0xbb, 32);
	t->cfg.admins = 2;
	site_record(&t->w->b, &record, ak);
	att_bytes_free(&record);
	/* What is no TPM's answer ends the session. */
	begun(t, &alice, ak, 0x11, session);
	bad = finish_with(session, 0x12);
	good = finish_with(session, 0x11);
	refused_as(t, &alice, "/v1/enrol/finish", bad, "", 403, "enrolment");
	audited(t, "enrol-finish", -1, "enrolment");
	refused_as(t, &alice, "/v1/enrol/finish", good, "", 403, "session");
	free(good);
	free(bad);
	begun(t, &alice, ak, 0x11, session);
	good = finish_with(session, 0x11);
	/* Another admin's session, and that of nobody. */
	refused_as(t, &bob, "/v1/enrol/finish", good, "", 403, "session");
	refused(t, "/v1/enrol/finish", good, 401, "authority");
	/* It stays good for the one who began. */
	assert_int_equal(challenges_out(t->s->sessions, t->s->clock()), 1);
	o = site_ask_as(t, &alice, "/v1/enrol/finish", good, "", &status);
	assert_int_equal(status, 200);
	assert_string_equal(text_of(o, "machine"), ak);
	json_decref(o);
	/* Once. */
	refused_as(t, &alice, "/v1/enrol/finish", good, "", 403, "session");
	free(good);
	/* Without certificates all are one owner: the session and a token are needed. */
	begun(t, &t->peer, ak, 0x13, session);
	good = finish_with(session, 0x13);
	refused_as(t, &alice, "/v1/enrol/finish", good, "", 403, "session");
	site_pass(300000);
	refused_as(t, &alice, "/v1/enrol/finish", good, "", 403, "session");
	free(good);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(token_forged),      T(enrolment_off),	    T(enrolment_authority),
		T(enrolment_session), T(enrolment_revoked), T(enrolment_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
