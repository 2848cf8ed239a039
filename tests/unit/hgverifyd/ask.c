// SPDX-License-Identifier: Apache-2.0
#include "ask.h"

#include <sqlite3.h>
#include <stdlib.h>

const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

/* What is in the database, as text. */
static char *contents(struct site *t)
{
	struct att_error err = { 0 };
	json_t *all = json_array();
	char *text;
	int i;

	for (i = STORE_MACHINES; i <= STORE_TOKENS; i++)
		json_array_append_new(all, store_list(t->store, (enum store_table)i, &err));
	text = json_dumps(all, JSON_SORT_KEYS);
	json_decref(all);
	assert_non_null(text);
	return text;
}

/* A request that must be refused so, and change nothing. */
void refused_as(struct site *t, const struct peer *peer, const char *path, const char *body,
		const char *token, int want, const char *code)
{
	char *before = contents(t), *after;
	json_t *o;
	int status;

	o = site_ask_as(t, peer, path, body, token, &status);
	if (status != want || strcmp(text_of(o, "error"), code))
		fail_msg("%s: %d %s: %s", path, status, text_of(o, "error"), text_of(o, "message"));
	json_decref(o);
	after = contents(t);
	assert_string_equal(before, after);
	free(before);
	free(after);
	site_nothing_released(t);
}

void refused(struct site *t, const char *path, const char *body, int want, const char *code)
{
	refused_as(t, &t->peer, path, body, "", want, code);
}

/* The last line says so. */
void audited(struct site *t, const char *event, int verdict, const char *error)
{
	size_t lines;
	json_t *o = site_audit(t, &lines);

	assert_string_equal(text_of(o, "event"), event);
	assert_string_equal(text_of(o, "error"), error);
	if (verdict >= 0)
		assert_int_equal(json_integer_value(json_object_get(o, "verdict")), verdict);
	else
		assert_null(json_object_get(o, "verdict"));
	json_decref(o);
}

/* Evidence of @m for a new nonce of @peer's. */
char *fresh(struct site *t, const struct peer *peer, const struct machine *m, const char *more)
{
	char nonce[2 * ATT_NONCE_MAX + 1], *evidence, *body;

	site_nonce(t, peer, nonce);
	evidence = site_evidence(t, m, nonce);
	body = site_request(nonce, evidence, more);
	free(evidence);
	return body;
}

void opens_to(const struct site *t, const json_t *answer, const char *secret)
{
	const char *jwe = text_of(answer, "jwe");
	struct att_bytes got = { 0 };
	struct att_error err = { 0 };

	if (att_open(jwe, strlen(jwe), (char *)t->w->key.data, t->w->key.size, NULL, 0, &got, &err))
		fail_msg("%s", err.text);
	assert_int_equal(got.size, strlen(secret));
	assert_memory_equal(got.data, secret, got.size);
	att_bytes_free(&got);
}

/* What somebody does who can write the database, and has no key. */
void forge(const struct site *t, const char *fmt, const char *text)
{
	char *sql = NULL, *why = NULL;
	sqlite3 *db;

	assert_true(asprintf(&sql, fmt, text) > 0);
	assert_int_equal(sqlite3_open(site_path(t, "db"), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_exec(db, sql, NULL, NULL, &why))
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
	free(sql);
}
