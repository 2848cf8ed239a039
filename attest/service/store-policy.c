// SPDX-License-Identifier: Apache-2.0
/* The database's reference values, policies and secrets. */
#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "policy.h"
#include "store-db.h"

static const char exists[] = "is there already (--replace)";

static void bind_json(sqlite3_stmt *st, int index, const struct att_bytes *json)
{
	sqlite3_bind_text(st, index, (const char *)json->data, (int)json->size, SQLITE_TRANSIENT);
}

/* ---- Reference values ---- */

static int check_reference(const struct att_bytes *json, struct att_error *err)
{
	struct att_policy *scratch = calloc(1, sizeof(*scratch));
	int ret;

	if (!scratch)
		return att_no_memory(err);
	ret = att_policy_add_reference(scratch, (const char *)json->data, json->size, err);
	att_policy_free(scratch);
	return ret;
}

static int authenticate_reference(struct store *s, const char *name, const struct att_bytes *json,
				  struct att_error *err)
{
	struct row_mac m;

	row_mac_start(&m, s, "reference values", name, strlen(name));
	row_mac_add(&m, json->data, json->size);
	return row_mac_put(&m, s, err);
}

/* Its text stays SQLite's, until the statement is reset. */
static sqlite3_stmt *get_reference(struct store *s, const char *name, struct att_bytes *json,
				   struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_REFERENCE_GET,
					 "SELECT json FROM reference_values WHERE name = ?", err);
	const char *text;

	if (!st)
		return NULL;
	store_bind_text(st, 1, name);
	text = sqlite3_step(st) == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (!text) {
		store_fail(s, err);
		sqlite3_reset(st);
		return NULL;
	}
	*json = (struct att_bytes){ (uint8_t *)(uintptr_t)text,
				    (size_t)sqlite3_column_bytes(st, 0) };
	return st;
}

static int check_reference_mac(struct store *s, const char *name, const void *json, size_t size,
			       struct att_error *err)
{
	struct row_mac m;

	row_mac_start(&m, s, "reference values", name, strlen(name));
	row_mac_add(&m, json, size);
	return row_mac_check(&m, s, name, err);
}

int store_reference_check(struct store *s, const void *name, size_t size, struct att_error *err)
{
	struct att_bytes json;
	sqlite3_stmt *st = get_reference(s, name, &json, err);
	int ret = st ? check_reference_mac(s, name, json.data, json.size, err) : -1;

	(void)size;
	sqlite3_reset(st);
	return ret;
}

int store_reference_vouch(struct store *s, const void *name, size_t size, struct att_error *err)
{
	struct att_bytes json;
	sqlite3_stmt *st = get_reference(s, name, &json, err);
	int ret = st ? authenticate_reference(s, name, &json, err) : -1;

	(void)size;
	sqlite3_reset(st);
	return ret;
}

int store_reference_add(struct store *s, const char *name, const struct att_bytes *json,
			bool replace, int64_t now, struct att_error *err)
{
	sqlite3_stmt *st;
	int ret;

	if (store_check_name("reference values", name, err) || check_reference(json, err))
		return -1;
	st = replace ? store_prepare(s, ST_REFERENCE_REPLACE,
				     "UPDATE reference_values SET json = ?2, added = ?3 "
				     "WHERE name = ?1",
				     err)
		     : store_prepare(s, ST_REFERENCE_ADD,
				     "INSERT INTO reference_values VALUES (?1, ?2, ?3)", err);
	if (!st || store_begin(s, err))
		return -1;
	store_bind_text(st, 1, name);
	bind_json(st, 2, json);
	sqlite3_bind_int64(st, 3, now);
	ret = store_outcome(store_run(s, st, err), "reference values", name, exists, err);
	if (!ret)
		ret = authenticate_reference(s, name, json, err);
	return store_end(s, ret, err);
}

int store_reference_remove(struct store *s, const char *name, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_REFERENCE_REMOVE,
					 "DELETE FROM reference_values WHERE name = ?", err);
	int ret;

	if (!st || store_begin(s, err))
		return -1;
	store_bind_text(st, 1, name);
	ret = store_outcome(store_run(s, st, err), "reference values", name,
			    "are a policy's: remove or replace that first", err);
	if (!ret)
		ret = row_mac_drop(s, "reference values", name, strlen(name), err);
	return store_end(s, ret, err);
}

/* ---- Policies ---- */

static int link_reference(struct store *s, const char *policy, const char *reference,
			  struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_POLICY_LINK,
					 "INSERT INTO policy_references VALUES (?, ?)", err);
	int changed;

	if (!st)
		return -1;
	store_bind_text(st, 1, policy);
	store_bind_text(st, 2, reference);
	changed = store_run(s, st, err);
	if (changed == STORE_CONSTRAINT)
		att_fail(err, ATT_E_REFUSED,
			 "there are no reference values '%.64s', or they are named twice",
			 reference);
	return changed < 0 ? -1 : 0;
}

static int unlink_references(struct store *s, const char *policy, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_POLICY_UNLINK,
					 "DELETE FROM policy_references WHERE policy = ?", err);

	if (!st)
		return -1;
	store_bind_text(st, 1, policy);
	return store_run(s, st, err) < 0 ? -1 : 0;
}

static int put_policy(struct store *s, const char *name, const struct att_bytes *json, bool replace,
		      int64_t now, struct att_error *err)
{
	sqlite3_stmt *st =
		replace ? store_prepare(s, ST_POLICY_REPLACE,
					"UPDATE policies SET json = ?2, added = ?3 WHERE name = ?1",
					err)
			: store_prepare(s, ST_POLICY_ADD,
					"INSERT INTO policies VALUES (?1, ?2, ?3)", err);

	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	bind_json(st, 2, json);
	sqlite3_bind_int64(st, 3, now);
	return store_outcome(store_run(s, st, err), "policy", name, exists, err);
}

/* The names of its reference values, in their order. */
static int add_names(struct store *s, const char *policy, struct row_mac *m, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_POLICY_NAMES,
		"SELECT reference FROM policy_references WHERE policy = ? ORDER BY reference", err);
	int step;

	if (!st)
		return -1;
	store_bind_text(st, 1, policy);
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		row_mac_add(m, sqlite3_column_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	if (step != SQLITE_DONE)
		store_fail(s, err);
	sqlite3_reset(st);
	return step == SQLITE_DONE ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What was asked for, whatever the database made of it. */
static int authenticate_new(struct store *s, const char *name, const struct att_bytes *json,
			    const char *const *references, size_t count, struct att_error *err)
{
	const char **sorted = calloc(count + 1, sizeof(*sorted));
	struct row_mac m;
	size_t i;

	if (!sorted)
		return att_no_memory(err);
	for (i = 0; i < count; i++)
		sorted[i] = references[i];
	qsort(sorted, count, sizeof(*sorted), by_name);
	row_mac_start(&m, s, "policy", name, strlen(name));
	row_mac_add(&m, json->data, json->size);
	for (i = 0; i < count; i++)
		row_mac_add(&m, sorted[i], strlen(sorted[i]));
	free(sorted);
	return row_mac_put(&m, s, err);
}

static int authenticate_policy(struct store *s, const char *name, const void *json, size_t size,
			       struct att_error *err)
{
	struct row_mac m;

	row_mac_start(&m, s, "policy", name, strlen(name));
	row_mac_add(&m, json, size);
	if (!add_names(s, name, &m, err))
		return row_mac_put(&m, s, err);
	row_mac_end(&m);
	return -1;
}

int store_policy_vouch(struct store *s, const void *name, size_t size, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_POLICY_GET, "SELECT json FROM policies WHERE name = ?", err);
	const void *text;
	int ret;

	(void)size;
	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	text = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
	ret = text ? authenticate_policy(s, name, text, (size_t)sqlite3_column_bytes(st, 0), err)
		   : store_fail(s, err);
	sqlite3_reset(st);
	return ret;
}

int store_policy_add(struct store *s, const char *name, const struct att_bytes *json,
		     const char *const *references, size_t count, bool replace, int64_t now,
		     struct att_error *err)
{
	struct att_policy *policy;
	size_t i;
	int ret;

	if (store_check_name("policy", name, err))
		return -1;
	policy = att_policy_parse((const char *)json->data, json->size, err);
	if (!policy)
		return -1;
	att_policy_free(policy);
	if (store_begin(s, err))
		return -1;
	ret = put_policy(s, name, json, replace, now, err);
	if (!ret)
		ret = unlink_references(s, name, err);
	for (i = 0; i < count && !ret; i++)
		ret = link_reference(s, name, references[i], err);
	if (!ret)
		ret = authenticate_new(s, name, json, references, count, err);
	/* What the server will make of it must work, too: limits hold for the whole. */
	if (!ret) {
		policy = store_policy_get(s, name, err);
		ret = policy ? 0 : -1;
		att_policy_free(policy);
	}
	return store_end(s, ret, err);
}

int store_policy_remove(struct store *s, const char *name, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_POLICY_REMOVE, "DELETE FROM policies WHERE name = ?", err);
	int ret;

	if (!st || store_begin(s, err))
		return -1;
	store_bind_text(st, 1, name);
	ret = store_outcome(store_run(s, st, err), "policy", name,
			    "is a secret's: remove or replace that first", err);
	if (!ret)
		ret = row_mac_drop(s, "policy", name, strlen(name), err);
	return store_end(s, ret, err);
}

/* What is checked is what is used: the same text. */
static int take_reference(struct store *s, sqlite3_stmt *st, struct att_policy *policy,
			  struct row_mac *m, struct att_error *err)
{
	const char *json = (const char *)sqlite3_column_text(st, 0);
	size_t size = (size_t)sqlite3_column_bytes(st, 0);
	const char *name = (const char *)sqlite3_column_text(st, 1);

	if (!json || !name)
		return att_no_memory(err);
	row_mac_add(m, name, strlen(name));
	return check_reference_mac(s, name, json, size, err) ||
			       att_policy_add_reference(policy, json, size, err)
		       ? -1
		       : 0;
}

static int add_references(struct store *s, const char *name, struct att_policy *policy,
			  struct row_mac *m, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_POLICY_REFERENCES,
		"SELECT r.json, r.name FROM policy_references p JOIN reference_values r ON r.name = p.reference "
		"WHERE p.policy = ? ORDER BY r.name",
		err);
	int step = SQLITE_DONE, ret = 0;

	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	while (!ret && (step = sqlite3_step(st)) == SQLITE_ROW)
		ret = take_reference(s, st, policy, m, err);
	if (!ret && step != SQLITE_DONE)
		ret = store_fail(s, err);
	sqlite3_reset(st);
	return ret;
}

struct att_policy *store_policy_get(struct store *s, const char *name, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_POLICY_GET, "SELECT json FROM policies WHERE name = ?", err);
	struct att_policy *policy = NULL;
	const char *json = NULL;
	struct row_mac m;
	int step;

	if (!st)
		return NULL;
	store_bind_text(st, 1, name);
	step = sqlite3_step(st);
	row_mac_start(&m, s, "policy", name, strlen(name));
	if (step == SQLITE_ROW) {
		json = (const char *)sqlite3_column_text(st, 0);
		row_mac_add(&m, json, json ? (size_t)sqlite3_column_bytes(st, 0) : 0);
		policy =
			att_policy_parse(json, json ? (size_t)sqlite3_column_bytes(st, 0) : 0, err);
	} else if (step == SQLITE_DONE) {
		att_fail(err, ATT_E_REFUSED, "there is no policy '%.64s'", name);
	} else {
		store_fail(s, err);
	}
	sqlite3_reset(st);
	if (policy &&
	    (add_references(s, name, policy, &m, err) || row_mac_check(&m, s, name, err))) {
		att_policy_free(policy);
		policy = NULL;
	}
	row_mac_end(&m);
	return policy;
}

int64_t store_generation(struct store *s, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_GENERATION, "SELECT n FROM generation", err);
	int64_t n = -1;

	if (!st)
		return -1;
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	else
		store_fail(s, err);
	sqlite3_reset(st);
	return n;
}

struct att_policy *store_policy_snapshot(struct store *s, const char *name, int64_t *generation,
					 struct att_error *err)
{
	struct att_policy *policy = NULL;

	/* Both are read in one state of the database. */
	if (store_exec(s, "BEGIN", err))
		return NULL;
	*generation = store_generation(s, err);
	if (*generation >= 0)
		policy = store_policy_get(s, name, err);
	store_exec(s, "COMMIT", NULL);
	return policy;
}

/* ---- Secrets ---- */

int store_secret_add(struct store *s, const char *name, const char *policy,
		     const struct att_bytes *sealed, bool replace, int64_t now,
		     struct att_error *err)
{
	sqlite3_stmt *st;

	if (store_check_name("secret", name, err) || store_check_name("policy", policy, err))
		return -1;
	st = replace ? store_prepare(s, ST_SECRET_REPLACE,
				     "UPDATE secrets SET policy = ?2, sealed = ?3, added = ?4 "
				     "WHERE name = ?1",
				     err)
		     : store_prepare(s, ST_SECRET_ADD,
				     "INSERT INTO secrets VALUES (?1, ?2, ?3, ?4)", err);
	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	store_bind_text(st, 2, policy);
	store_bind_bytes(st, 3, sealed->data, sealed->size);
	sqlite3_bind_int64(st, 4, now);
	return store_outcome(store_run(s, st, err), "secret", name,
			     "is there already (--replace), or its policy is not", err);
}

int store_secret_remove(struct store *s, const char *name, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_SECRET_REMOVE, "DELETE FROM secrets WHERE name = ?", err);

	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	return store_outcome(store_run(s, st, err), "secret", name, "", err);
}

/* Both columns, or neither; SQLite has no text for a column when memory is short. */
static int copy_secret(sqlite3_stmt *st, char **policy, struct att_bytes *sealed,
		       struct att_error *err)
{
	const char *text = (const char *)sqlite3_column_text(st, 0);
	char *copy = text ? strdup(text) : NULL;

	if (!copy || att_bytes_set(sealed, sqlite3_column_blob(st, 1),
				   (size_t)sqlite3_column_bytes(st, 1))) {
		free(copy);
		return att_no_memory(err);
	}
	*policy = copy;
	return 0;
}

int store_secret_get(struct store *s, const char *name, char **policy, struct att_bytes *sealed,
		     struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_SECRET_GET,
					 "SELECT policy, sealed FROM secrets WHERE name = ?", err);
	int step, ret = -1;

	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	step = sqlite3_step(st);
	if (step == SQLITE_DONE) {
		att_fail(err, ATT_E_REFUSED, "there is no secret '%.64s'", name);
	} else if (step != SQLITE_ROW) {
		store_fail(s, err);
	} else {
		ret = copy_secret(st, policy, sealed, err);
	}
	sqlite3_reset(st);
	return ret;
}

static int reseal_row(struct store *s, sqlite3_stmt *row, store_reseal *with, void *opaque,
		      struct att_error *err)
{
	const char *name = (const char *)sqlite3_column_text(row, 0);
	const char *policy = (const char *)sqlite3_column_text(row, 1);
	struct att_bytes old = { 0 }, new = { 0 };
	sqlite3_stmt *st = store_prepare(s, ST_SECRET_SEALED,
					 "UPDATE secrets SET sealed = ? WHERE name = ?", err);
	int ret;

	if (!st)
		return -1;
	if (!name || !policy ||
	    att_bytes_set(&old, sqlite3_column_blob(row, 2), (size_t)sqlite3_column_bytes(row, 2)))
		return att_no_memory(err);
	ret = with(opaque, name, policy, &old, &new, err);
	att_bytes_free(&old);
	if (ret)
		return -1;
	store_bind_bytes(st, 1, new.data, new.size);
	store_bind_text(st, 2, name);
	att_bytes_free(&new);
	return store_run(s, st, err) == 1 ? 0 : -1;
}

int store_secret_reseal(struct store *s, store_reseal *with, void *opaque,
			const struct secrets_key *new, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_SECRET_ALL, "SELECT name, policy, sealed FROM secrets ORDER BY name", err);
	int step = SQLITE_DONE, ret;

	if (!st || store_begin(s, err))
		return -1;
	ret = 0;
	while (!ret && (step = sqlite3_step(st)) == SQLITE_ROW)
		ret = reseal_row(s, st, with, opaque, err);
	if (!ret && step != SQLITE_DONE)
		ret = store_fail(s, err);
	sqlite3_reset(st);
	if (!ret && new)
		ret = store_rekey_rows(s, new, err);
	return store_end(s, ret, err);
}
