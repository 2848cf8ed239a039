// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks on what hgverifyd answers. Each is refused by name, is in the audit log,
 * and leaves database and secrets as they were.
 */
#include "ask.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* ---- What works ---- */

static void passes(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, "");
	size_t lines;
	json_t *o, *line;
	int status;

	o = site_ask(t, "/v1/verify", body, &status);
	assert_int_equal(status, 200);
	assert_true(json_is_true(json_object_get(o, "passed")));
	assert_int_equal(json_integer_value(json_object_get(o, "verdict")), 0);
	assert_non_null(strchr(text_of(o, "ear"), '.'));
	assert_true(json_array_size(json_object_get(json_object_get(o, "result"), "claims")) > 20);
	assert_null(json_object_get(o, "jwe"));
	line = site_audit(t, &lines);
	assert_int_equal(lines, 2);
	assert_string_equal(text_of(line, "ak"), t->ak);
	assert_string_equal(text_of(line, "policy"), "main");
	assert_string_equal(text_of(line, "request"), text_of(o, "request"));
	assert_string_equal(text_of(line, "remote"), "192.0.2.1:1234");
	assert_null(json_object_get(line, "released"));
	json_decref(line);
	json_decref(o);
	free(body);
}

static void releases(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	size_t lines;
	json_t *o, *line;
	int status;

	o = site_ask(t, "/v1/release", body, &status);
	assert_int_equal(status, 200);
	opens_to(t, o, MODEL_KEY);
	line = site_audit(t, &lines);
	assert_true(json_is_true(json_object_get(line, "released")));
	assert_string_equal(text_of(line, "secret"), "model");
	json_decref(line);
	json_decref(o);
	free(body);
}

static void nonce_sizes(void **state)
{
	struct site *t = *state;
	int status;
	json_t *o = site_ask(t, "/v1/challenge", "{\"bytes\":64}", &status);

	assert_int_equal(strlen(text_of(o, "nonce")), 128);
	json_decref(o);
	refused(t, "/v1/challenge", "{\"bytes\":15}", 400, "request");
	refused(t, "/v1/challenge", "{\"bytes\":65}", 400, "request");
	refused(t, "/v1/challenge", "{\"bytes\":-1}", 400, "request");
	refused(t, "/v1/challenge", "{\"bytes\":\"32\"}", 400, "request");
	refused(t, "/v1/challenge", "{\"size\":32}", 400, "request");
	refused(t, "/v1/challenge", "[]", 400, "json");
	refused(t, "/v1/challenge", "", 400, "json");
}

/* ---- Nonces ---- */

static void replayed(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, "");
	int status;

	json_decref(site_ask(t, "/v1/verify", body, &status));
	assert_int_equal(status, 200);
	refused(t, "/v1/verify", body, 403, "nonce");
	audited(t, "verify", ATT_V_FRESHNESS, "nonce");
	free(body);
}

/* A nonce is used up by evidence that fails, too. */
static void replayed_after_failure(void **state)
{
	struct site *t = *state;
	char nonce[2 * ATT_NONCE_MAX + 1], *evidence, *body;

	site_nonce(t, &t->peer, nonce);
	body = site_request(nonce, "{\"version\":1}", ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 422, "evidence");
	free(body);
	evidence = site_evidence(t, &t->w->a, nonce);
	body = site_request(nonce, evidence, ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 403, "nonce");
	free(evidence);
	free(body);
}

static void invented(void **state)
{
	struct site *t = *state;
	char nonce[65], *evidence, *body;

	memset(nonce, '7', 64);
	nonce[64] = '\0';
	evidence = site_evidence(t, &t->w->a, nonce);
	body = site_request(nonce, evidence, ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 403, "nonce");
	audited(t, "release", ATT_V_FRESHNESS, "nonce");
	free(evidence);
	free(body);
	refused(t, "/v1/verify", "{\"nonce\":\"00\",\"evidence\":{}}", 400, "request");
	refused(t, "/v1/verify", "{\"nonce\":7,\"evidence\":{}}", 400, "request");
	refused(t, "/v1/verify", "{\"evidence\":{}}", 400, "request");
}

static void expired(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");

	site_pass(300000);
	refused(t, "/v1/release", body, 403, "nonce");
	free(body);
	body = fresh(t, &t->peer, &t->w->a, "");
	site_pass(299999);
	json_decref(site_ask(t, "/v1/verify", body, &(int){ 0 }));
	assert_int_equal(challenges_out(t->s->nonces, t->s->clock()), 0);
	audited(t, "verify", 0, "");
	free(body);
}

static void restarted(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	size_t lines;
	json_t *line;

	site_restart(t);
	refused(t, "/v1/release", body, 403, "nonce");
	line = site_audit(t, &lines);
	/* Two starts and the refusal: one chain. */
	assert_int_equal(lines, 3);
	json_decref(line);
	free(body);
}

/* With a certificate, from another, and without one. */
static void other_identity(void **state)
{
	struct site *t = *state;
	struct peer alice = t->peer, bob = t->peer;
	char *body;
	json_t *o;
	int status;

	alice.has_identity = bob.has_identity = true;
	memset(alice.owner.identity, 0xaa, 32);
	memset(bob.owner.identity, 0xbb, 32);
	body = fresh(t, &alice, &t->w->a, ",\"secret\":\"model\"");
	refused_as(t, &bob, "/v1/release", body, "", 403, "nonce-owner");
	audited(t, "release", -1, "nonce-owner");
	refused(t, "/v1/release", body, 403, "nonce-owner");
	/* It stays good for the one who asked for it. */
	o = site_ask_as(t, &alice, "/v1/release", body, "", &status);
	assert_int_equal(status, 200);
	json_decref(o);
	free(body);
}

/* Of many that come with one nonce at once, exactly one gets the secret. */
struct race {
	struct site *t;
	const char *body;
	pthread_barrier_t *start;
	int status;
};

static void *run_race(void *opaque)
{
	struct race *r = opaque;
	struct http_request q = { .method = HTTP_POST, .json = true };
	struct att_error err = { 0 };
	struct store *store = store_open(r->t->cfg.database, STORE_ADMIN, &err);
	struct answer a = { 0 };

	q.body_size = strlen(r->body);
	strcpy(q.path, "/v1/release");
	pthread_barrier_wait(r->start);
	store_set_key(store, &r->t->s->secrets_key);
	if (store)
		service_handle(r->t->s, store, &r->t->peer, &q, r->body, &a);
	r->status = a.status;
	answer_free(&a);
	store_close(store);
	return NULL;
}

static void concurrent(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	pthread_barrier_t start;
	struct race race[8];
	pthread_t thread[8];
	int won = 0, i;

	pthread_barrier_init(&start, NULL, 8);
	for (i = 0; i < 8; i++) {
		race[i] = (struct race){ t, body, &start, 0 };
		assert_int_equal(pthread_create(&thread[i], NULL, run_race, &race[i]), 0);
	}
	for (i = 0; i < 8; i++) {
		pthread_join(thread[i], NULL);
		assert_true(race[i].status == 200 || race[i].status == 403);
		won += race[i].status == 200;
	}
	assert_int_equal(won, 1);
	assert_int_equal(t->s->metrics.released, 1);
	pthread_barrier_destroy(&start);
	free(body);
}

static void table_full(void **state)
{
	struct site *t = *state;
	char nonce[2 * ATT_NONCE_MAX + 1];
	struct peer other = t->peer;
	uint64_t i;

	for (i = 0; i < t->cfg.challenges_per_address; i++)
		site_nonce(t, &t->peer, nonce);
	refused(t, "/v1/challenge", "{}", 429, "challenges-full");
	/* Another address still gets one. */
	other.source.key[1] = 1;
	site_nonce(t, &other, nonce);
	for (i = 1; i < t->cfg.challenges - t->cfg.challenges_per_address; i++) {
		other.source.key[1] = (uint8_t)(1 + i / t->cfg.challenges_per_address);
		site_nonce(t, &other, nonce);
	}
	other.source.key[1] = 0xff;
	refused_as(t, &other, "/v1/challenge", "{}", "", 503, "challenges-full");
	site_pass(300000);
	site_nonce(t, &t->peer, nonce);
}

/* Too many at a time: the nonce is not used up, so that the client may come again. */
static void busy(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	json_t *o;
	int status;

	t->cfg.appraisals = 1;
	t->s->appraisals = 1;
	refused(t, "/v1/release", body, 503, "busy");
	assert_int_equal(t->s->appraisals, 1);
	t->s->appraisals = 0;
	o = site_ask(t, "/v1/release", body, &status);
	assert_int_equal(status, 200);
	assert_int_equal(t->s->appraisals, 0);
	json_decref(o);
	free(body);
}

/* Before a body is looked at, too. */
static void busy_before_parsing(void **state)
{
	struct site *t = *state;

	t->cfg.appraisals = 1;
	t->s->appraisals = 1;
	refused(t, "/v1/verify", "{", 503, "busy");
	refused(t, "/v1/release", "{", 503, "busy");
	/* Not of these. */
	refused(t, "/v1/challenge", "{", 400, "json");
	t->s->appraisals = 0;
	refused(t, "/v1/verify", "{", 400, "json");
	assert_int_equal(t->s->appraisals, 0);
}

static size_t parsed;

static void *count_memory(size_t size)
{
	parsed += size;
	return malloc(size);
}

/* A body of @unit again and again between @head and @tail. */
static char *bomb(const char *head, const char *unit, const char *tail, size_t size)
{
	size_t n = strlen(unit), at = strlen(head);
	char *text = calloc(1, at + size + n + strlen(tail) + 1);

	assert_non_null(text);
	memcpy(text, head, at);
	for (; size > n; size -= n, at += n)
		memcpy(text + at, unit, n);
	strcpy(text + at, tail);
	return text;
}

/* Few bytes for many values: refused before memory is spent on them. */
static void json_bombs(void **state)
{
	static const struct {
		const char *head, *unit, *tail;
	} bad[] = {
		{ "{\"evidence\":[{}", ",{}", "]}" }, { "{\"evidence\":[0", ",0", "]}" },
		{ "{\"evidence\":[[", "],[", "]]}" }, { "{\"\\\\\":[\"\\\"\"", ",\"\\\\\"", "]}" },
		{ "{\"evidence\":", "[", "" },	      { "{\"evidence\":", "{\"\":", "" },
		{ "{\"a\":0", ",\"b\":0", "}" },
	};
	struct site *t = *state;
	json_t *o;
	size_t i;
	int status;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		char *body = bomb(bad[i].head, bad[i].unit, bad[i].tail, 4u << 20);

		parsed = 0;
		json_set_alloc_funcs(count_memory, free);
		o = site_ask(t, "/v1/verify", body, &status);
		json_set_alloc_funcs(malloc, free);
		assert_int_equal(status, 400);
		assert_string_equal(text_of(o, "error"), "json");
		if (parsed > 16384)
			fail_msg("%s: %zu bytes", bad[i].head, parsed);
		json_decref(o);
		free(body);
	}
	site_nothing_released(t);
}

/* What is in strings does not count. */
static void json_in_strings(void **state)
{
	struct site *t = *state;
	char *more = bomb(",\"secret\":\"\\\"", "{[,", "\"", 30000);
	char *body = fresh(t, &t->peer, &t->w->a, more);

	refused(t, "/v1/release", body, 400, "request");
	free(body);
	free(more);
}

/* ---- Evidence ---- */

/* Appraised and refused: the verdict, no secret. */
static void refused_evidence(struct site *t, const struct machine *m, enum att_verdict verdict,
			     const char *claim)
{
	char *body = fresh(t, &t->peer, m, "");
	json_t *o, *line;
	size_t lines;
	int status;

	o = site_ask(t, "/v1/verify", body, &status);
	assert_int_equal(status, 200);
	assert_int_equal(json_integer_value(json_object_get(o, "verdict")), verdict);
	json_decref(o);
	free(body);
	body = fresh(t, &t->peer, m, ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 403, "refused");
	line = site_audit(t, &lines);
	assert_string_equal(text_of(line, "claim"), claim);
	assert_true(json_is_false(json_object_get(line, "released")));
	json_decref(line);
	free(body);
}

static void unknown_machine(void **state)
{
	struct site *t = *state;

	refused_evidence(t, &t->w->b, ATT_V_TRUST_ROOT, "ak-trusted");
}

static void revoked_machine(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	char *body, *before;
	json_t *o;
	int status;

	assert_int_equal(store_machine_revoke(t->store, t->ak, true, 5, &err), 0);
	refused_evidence(t, &t->w->a, ATT_V_TRUST_ROOT, "ak-trusted");
	/* Even if the policy names it. */
	before = world_policy_text(&t->w->a, "");
	assert_int_equal(store_policy_add(t->store, "main",
					  &(struct att_bytes){ (uint8_t *)before, strlen(before) },
					  NULL, 0, true, 1, &err),
			 0);
	free(before);
	refused_evidence(t, &t->w->a, ATT_V_TRUST_ROOT, "ak-trusted");
	assert_int_equal(store_machine_revoke(t->store, t->ak, false, 5, &err), 0);
	body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	o = site_ask(t, "/v1/release", body, &status);
	assert_int_equal(status, 200);
	json_decref(o);
	free(body);
}

static void removed_machine(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };

	assert_int_equal(store_machine_remove(t->store, t->ak, &err), 0);
	refused_evidence(t, &t->w->a, ATT_V_TRUST_ROOT, "ak-trusted");
}

static void other_nonce(void **state)
{
	struct site *t = *state;
	char nonce[2 * ATT_NONCE_MAX + 1], later[2 * ATT_NONCE_MAX + 1], *evidence, *body;
	json_t *line;
	size_t lines;

	site_nonce(t, &t->peer, nonce);
	site_nonce(t, &t->peer, later);
	evidence = site_evidence(t, &t->w->a, nonce);
	body = site_request(later, evidence, ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 403, "refused");
	line = site_audit(t, &lines);
	assert_int_equal(json_integer_value(json_object_get(line, "verdict")), ATT_V_FRESHNESS);
	json_decref(line);
	free(evidence);
	free(body);
}

static void other_launch(void **state)
{
	struct site *t = *state;

	t->w->a.launch_digest[0] ^= 1;
	refused_evidence(t, &t->w->a, ATT_V_LAUNCH, "launch-digest");
}

static void development(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	char *text = world_policy_text(&t->w->a, "\"development\": true, "), *body;

	assert_int_equal(store_policy_add(t->store, "lax",
					  &(struct att_bytes){ (uint8_t *)text, strlen(text) },
					  NULL, 0, false, 1, &err),
			 0);
	free(text);
	body = fresh(t, &t->peer, &t->w->a, ",\"policy\":\"lax\"");
	refused(t, "/v1/verify", body, 403, "policy");
	free(body);
}

/* ---- Secrets and names ---- */

static void other_policy(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"spare\",\"policy\":\"main\"");
	json_t *here, *missing;
	int status;

	here = site_ask(t, "/v1/release", body, &status);
	assert_int_equal(status, 403);
	assert_string_equal(text_of(here, "error"), "secret");
	free(body);
	/* Not told apart from one that is not there. */
	body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"xpare\",\"policy\":\"main\"");
	missing = site_ask(t, "/v1/release", body, &status);
	assert_int_equal(status, 403);
	assert_string_equal(text_of(missing, "error"), "secret");
	assert_int_equal(strlen(text_of(here, "message")), strlen(text_of(missing, "message")));
	json_decref(here);
	json_decref(missing);
	free(body);
	site_nothing_released(t);
}

/* They put a secret under a policy of their own. */
static void secret_moved(void **state)
{
	struct site *t = *state;
	char *body;

	forge(t, "UPDATE secrets SET policy = '%s' WHERE name = 'model'", "other");
	body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 503, "internal");
	audited(t, "release", 0, "internal");
	free(body);
}

static void release_is(struct site *t, const struct machine *m, int want, const char *code)
{
	char *body = fresh(t, &t->peer, m, ",\"secret\":\"model\"");
	json_t *o;
	int status;

	if (want != 200) {
		refused(t, "/v1/release", body, want, code);
	} else {
		o = site_ask(t, "/v1/release", body, &status);
		assert_int_equal(status, 200);
		opens_to(t, o, MODEL_KEY);
		json_decref(o);
	}
	free(body);
}

static void vouch(struct site *t)
{
	struct att_error err = { 0 };

	assert_int_equal(store_check_rows(t->store, &err), -1);
	assert_non_null(strstr(err.text, "vouch"));
	if (store_vouch(t->store, &err) || store_check_rows(t->store, &err))
		fail_msg("%s", err.text);
}

/* They change the policy itself, or give it what authenticates another. */
static void policy_forged(void **state)
{
	struct site *t = *state;
	char *body, *text;

	/* One that accepts another launch. */
	t->w->a.launch_digest[0] ^= 1;
	text = world_policy_text(&t->w->a, "");
	forge(t, "UPDATE policies SET json = '%s' WHERE name = 'main'", text);
	free(text);
	release_is(t, &t->w->a, 503, "internal");
	audited(t, "release", -1, "internal");
	body = fresh(t, &t->peer, &t->w->a, "");
	refused(t, "/v1/verify", body, 503, "internal");
	free(body);
	forge(t,
	      "UPDATE macs SET mac = (SELECT mac FROM macs WHERE kind = 'policy' AND "
	      "key = CAST('%s' AS BLOB)) WHERE kind = 'policy'",
	      "other");
	release_is(t, &t->w->a, 503, "internal");
	forge(t, "DELETE FROM macs WHERE kind = '%s'", "policy");
	release_is(t, &t->w->a, 503, "internal");
	/* Whoever has the key may say that it is right. */
	vouch(t);
	release_is(t, &t->w->a, 200, NULL);
}

/* Its reference values: their text, and which there are. */
static void references_forged(void **state)
{
	static const char some[] =
		"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"l0\": [ ] }";
	const char *const names[] = { "r" }, *const both[] = { "r", "q" };
	struct att_bytes json = { (uint8_t *)(uintptr_t)some, sizeof(some) - 1 }, policy;
	struct site *t = *state;
	struct att_error err = { 0 };
	char *text = world_policy_text(&t->w->a, "");

	policy = (struct att_bytes){ (uint8_t *)text, strlen(text) };
	if (store_reference_add(t->store, "r", &json, false, 1, &err) ||
	    store_reference_add(t->store, "q", &json, false, 1, &err) ||
	    store_policy_add(t->store, "main", &policy, names, 1, true, 1, &err))
		fail_msg("%s", err.text);
	assert_int_equal(store_check_rows(t->store, &err), 0);
	if (store_policy_add(t->store, "main", &policy, both, 2, true, 1, &err) ||
	    store_check_rows(t->store, &err) ||
	    store_policy_add(t->store, "main", &policy, names, 1, true, 1, &err))
		fail_msg("%s", err.text);
	/* A trigger of theirs links another when the policy is written: it is not stored so. */
	forge(t,
	      "CREATE TRIGGER evil AFTER INSERT ON policy_references WHEN NEW.reference = '%s' "
	      "BEGIN INSERT INTO policy_references VALUES (NEW.policy, 'q'); END",
	      "r");
	assert_int_equal(store_policy_add(t->store, "main", &policy, names, 1, true, 1, &err), -1);
	forge(t, "DROP TRIGGER %s", "evil");
	free(text);
	assert_int_equal(store_check_rows(t->store, &err), 0);
	forge(t, "UPDATE reference_values SET json = json || '%s' WHERE name = 'r'", " ");
	release_is(t, &t->w->a, 503, "internal");
	vouch(t);
	forge(t, "INSERT INTO policy_references VALUES ('main', '%s')", "q");
	release_is(t, &t->w->a, 503, "internal");
	forge(t, "DELETE FROM policy_references WHERE reference = '%s'", "r");
	release_is(t, &t->w->a, 503, "internal");
	forge(t, "DELETE FROM policy_references WHERE policy = '%s'", "main");
	release_is(t, &t->w->a, 503, "internal");
	vouch(t);
	release_is(t, &t->w->a, 200, NULL);
}

/* They enrol a machine, or take a revocation back. */
static void machine_forged(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct att_bytes record;
	char ak[2 * ATT_NAME_MAX + 1];

	site_record(&t->w->b, &record, ak);
	att_bytes_free(&record);
	forge(t,
	      "INSERT INTO machines SELECT x'%s', ek, record, label, enrolled, enrolled_by, "
	      "NULL FROM machines",
	      ak);
	forge(t, "INSERT INTO macs SELECT kind, x'%s', mac FROM macs WHERE kind = 'machine'", ak);
	release_is(t, &t->w->b, 403, "refused");
	audited(t, "release", ATT_V_TRUST_ROOT, "refused");
	/* To restore it is not to vouch for it; to revoke it is always possible. */
	assert_int_equal(store_machine_revoke(t->store, ak, true, 5, &err), 0);
	assert_int_equal(store_machine_revoke(t->store, ak, false, 5, &err), -1);
	assert_int_equal(store_machine_remove(t->store, ak, &err), 0);
	assert_int_equal(store_check_rows(t->store, &err), 0);
	assert_int_equal(store_machine_revoke(t->store, t->ak, true, 5, &err), 0);
	forge(t, "UPDATE machines SET revoked = %s", "NULL");
	release_is(t, &t->w->a, 403, "refused");
	assert_int_equal(store_machine_revoke(t->store, t->ak, false, 5, &err), -1);
	forge(t, "UPDATE machines SET revoked = %s", "7");
	assert_int_equal(store_machine_revoke(t->store, t->ak, false, 5, &err), 0);
	release_is(t, &t->w->a, 200, NULL);
}

static void other_secrets_key(void **state)
{
	struct site *t = *state;
	char *body = NULL;

	site_write(t, "secrets.key",
		   "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
	site_restart(t);
	body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	refused(t, "/v1/release", body, 503, "internal");
	free(body);
}

static void metacharacters(void **state)
{
	static const char *const bad[] = {
		"x' OR '1'='1",
		"model;DROP TABLE secrets",
		"..",
		"-h",
		"a b",
		"%",
		"",
		"mod*",
		"\\u0000",
		"a\\\\b",
	};
	struct site *t = *state;
	char more[160];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		char *body;

		snprintf(more, sizeof(more), ",\"secret\":\"%s\"", bad[i]);
		body = fresh(t, &t->peer, &t->w->a, more);
		refused(t, "/v1/release", body, 400, strstr(bad[i], "u0000") ? "json" : "request");
		free(body);
		snprintf(more, sizeof(more), ",\"policy\":\"%s\"", bad[i]);
		body = fresh(t, &t->peer, &t->w->a, more);
		refused(t, "/v1/verify", body, 400, strstr(bad[i], "u0000") ? "json" : "request");
		free(body);
	}
}

static void unknown_policy(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"policy\":\"none\"");

	refused(t, "/v1/verify", body, 404, "policy");
	free(body);
	free(t->cfg.policy);
	t->cfg.policy = NULL;
	body = fresh(t, &t->peer, &t->w->a, "");
	refused(t, "/v1/verify", body, 400, "policy");
	free(body);
}

static void unknown_member(void **state)
{
	struct site *t = *state;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");

	refused(t, "/v1/verify", body, 400, "request");
	free(body);
	refused(t, "/v1/verify", "{\"nonce\":\"a\",\"nonce\":\"b\"}", 400, "json");
	refused(t, "/v1/nothing", "{}", 404, "path");
	refused(t, "/v1/key", "{}", 405, "method");
}

/* A policy that is replaced is the one that counts, at once. */
static void policy_replaced(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	char *text, *body = fresh(t, &t->peer, &t->w->a, "");
	json_t *o;
	int status;

	json_decref(site_ask(t, "/v1/verify", body, &status));
	free(body);
	t->w->a.launch_digest[0] ^= 1;
	text = world_policy_text(&t->w->a, "");
	assert_int_equal(store_policy_add(t->store, "main",
					  &(struct att_bytes){ (uint8_t *)text, strlen(text) },
					  NULL, 0, true, 1, &err),
			 0);
	free(text);
	t->w->a.launch_digest[0] ^= 1;
	body = fresh(t, &t->peer, &t->w->a, "");
	o = site_ask(t, "/v1/verify", body, &status);
	assert_int_equal(json_integer_value(json_object_get(o, "verdict")), ATT_V_LAUNCH);
	json_decref(o);
	free(body);
}

/* ---- The audit log ---- */

/* Without room for a line nothing leaves, and the file stays as it was. */
static void audit_full(void **state)
{
	struct site *t = *state;
	struct rlimit limit, small;
	char *body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	char *plain = fresh(t, &t->peer, &t->w->a, "");
	size_t before, after;
	json_t *o;
	int status;

	json_decref(site_audit(t, &before));
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 150; /* in the middle of the second line */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	o = site_ask(t, "/v1/release", body, &status);
	assert_int_equal(status, 503);
	assert_string_equal(text_of(o, "error"), "audit");
	assert_null(json_object_get(o, "ear"));
	json_decref(o);
	o = site_ask(t, "/v1/verify", plain, &status);
	assert_int_equal(status, 503);
	assert_null(json_object_get(o, "ear"));
	json_decref(o);
	assert_false(audit_works(t->s->audit));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	json_decref(site_audit(t, &after));
	assert_int_equal(after, before);
	site_nothing_released(t);
	free(body);
	free(plain);
	/* With room again, it goes on in the same chain. */
	body = fresh(t, &t->peer, &t->w->a, ",\"secret\":\"model\"");
	json_decref(site_ask(t, "/v1/release", body, &status));
	assert_int_equal(status, 200);
	json_decref(site_audit(t, &after));
	assert_int_equal(after, before + 1);
	free(body);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(passes),
		T(releases),
		T(nonce_sizes),
		T(replayed),
		T(replayed_after_failure),
		T(invented),
		T(expired),
		T(restarted),
		T(other_identity),
		T(concurrent),
		T(table_full),
		T(unknown_machine),
		T(revoked_machine),
		T(removed_machine),
		T(other_nonce),
		T(other_launch),
		T(development),
		T(other_policy),
		T(secret_moved),
		T(policy_forged),
		T(references_forged),
		T(machine_forged),
		T(other_secrets_key),
		T(metacharacters),
		T(unknown_policy),
		T(unknown_member),
		T(policy_replaced),
		T(audit_full),
		T(busy),
		T(busy_before_parsing),
		T(json_bombs),
		T(json_in_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
