// SPDX-License-Identifier: Apache-2.0
/*
 * What authenticates rows: an HMAC over each policy, with the names of its
 * reference values, over each reference values, machine and token. The key is of
 * the secrets' key, so that whoever can only write the database cannot make one.
 * Without that key there are none, and none is looked at.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "bytes.h"
#include "error.h"
#include "policy.h"
#include "store-db.h"

void store_set_key(struct store *s, const struct secrets_key *key)
{
	memcpy(s->mac_key, key->mac, sizeof(s->mac_key));
	s->keyed = true;
}

void row_mac_add(struct row_mac *m, const void *data, size_t size)
{
	uint8_t length[8];
	size_t i;

	/* With its length, so that no two rows look alike. */
	for (i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)size >> (8 * i));
	if (m->ctx && (EVP_MAC_update(m->ctx, length, sizeof(length)) != 1 ||
		       (size && EVP_MAC_update(m->ctx, data, size) != 1)))
		m->bad = true;
}

void row_mac_start(struct row_mac *m, const struct store *s, const char *kind, const void *key,
		   size_t size)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac;

	*m = (struct row_mac){ .kind = kind, .key = key, .size = size };
	if (!s->keyed)
		return;
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	m->ctx = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	m->bad = !m->ctx || EVP_MAC_init(m->ctx, s->mac_key, sizeof(s->mac_key), params) != 1;
	row_mac_add(m, kind, strlen(kind));
	row_mac_add(m, key, size);
}

/* Ends it, in any case. */
static int make(struct row_mac *m, uint8_t mac[STORE_MAC], struct att_error *err)
{
	size_t size = 0;
	bool bad = m->bad || EVP_MAC_final(m->ctx, mac, &size, STORE_MAC) != 1 || size != STORE_MAC;

	row_mac_end(m);
	return bad ? att_fail_crypto(err, "HMAC") : 0;
}

void row_mac_end(struct row_mac *m)
{
	EVP_MAC_CTX_free(m->ctx);
	m->ctx = NULL;
}

int row_mac_put(struct row_mac *m, struct store *s, struct att_error *err)
{
	uint8_t mac[STORE_MAC];
	sqlite3_stmt *st;

	if (!s->keyed)
		return 0;
	if (make(m, mac, err))
		return -1;
	st = store_prepare(s, ST_MAC_PUT, "INSERT OR REPLACE INTO macs VALUES (?, ?, ?)", err);
	if (!st)
		return -1;
	store_bind_text(st, 1, m->kind);
	store_bind_bytes(st, 2, m->key, m->size);
	store_bind_bytes(st, 3, mac, sizeof(mac));
	return store_run(s, st, err) < 0 ? -1 : 0;
}

int row_mac_drop(struct store *s, const char *kind, const void *key, size_t size,
		 struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_MAC_DROP, "DELETE FROM macs WHERE kind = ? AND key = ?", err);

	if (!st)
		return -1;
	store_bind_text(st, 1, kind);
	store_bind_bytes(st, 2, key, size);
	return store_run(s, st, err) < 0 ? -1 : 0;
}

int row_mac_check(struct row_mac *m, struct store *s, const char *name, struct att_error *err)
{
	uint8_t mac[STORE_MAC];
	sqlite3_stmt *st;
	bool equal;
	int step;

	if (!s->keyed)
		return 0;
	if (make(m, mac, err))
		return -1;
	st = store_prepare(s, ST_MAC_GET, "SELECT mac FROM macs WHERE kind = ? AND key = ?", err);
	if (!st)
		return -1;
	store_bind_text(st, 1, m->kind);
	store_bind_bytes(st, 2, m->key, m->size);
	step = sqlite3_step(st);
	equal = step == SQLITE_ROW && sqlite3_column_bytes(st, 0) == STORE_MAC &&
		!CRYPTO_memcmp(sqlite3_column_blob(st, 0), mac, STORE_MAC);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_fail(s, err);
	else if (!equal)
		att_fail(err, ATT_E_IO,
			 "database %s: %s '%.140s' was not written with the key of the secrets: "
			 "look at it, then hgverifyd vouch",
			 s->path, m->kind, name);
	sqlite3_reset(st);
	return equal ? 0 : -1;
}

/* ---- All rows ---- */

typedef int each_row(struct store *s, const void *key, size_t size, struct att_error *err);

/* @sql gives one key a row. They are fetched first: @with changes what it reads. */
static int for_each(struct store *s, const char *sql, each_row *with, struct att_error *err)
{
	json_t *keys = json_array(), *k;
	uint8_t key[ATT_NAME_MAX + STORE_NAME_MAX];
	sqlite3_stmt *st = NULL;
	int ret = 0, step, n;
	size_t i;

	if (!keys || sqlite3_prepare_v2(s->db, sql, -1, &st, NULL)) {
		json_decref(keys);
		return keys ? store_fail(s, err) : att_no_memory(err);
	}
	while (!ret && (step = sqlite3_step(st)) == SQLITE_ROW)
		ret = json_array_append_new(keys,
					    json_string((const char *)sqlite3_column_text(st, 0)));
	if (ret)
		att_no_memory(err);
	else if (step != SQLITE_DONE)
		ret = store_fail(s, err);
	sqlite3_finalize(st);
	for (i = 0; !ret && i < json_array_size(keys); i++) {
		k = json_array_get(keys, i);
		n = att_unhex(json_string_value(k), key, sizeof(key) - 1);
		if (n < 1) {
			ret = att_fail(err, ATT_E_FORMAT, "database %s: a row without a name",
				       s->path);
		} else {
			key[n] = 0; /* a name is a string, too */
			ret = with(s, key, (size_t)n, err);
		}
	}
	json_decref(keys);
	return ret;
}

static int check_policy(struct store *s, const void *name, size_t size, struct att_error *err)
{
	struct att_policy *policy = store_policy_get(s, name, err);

	(void)size;
	att_policy_free(policy);
	return policy ? 0 : -1;
}

#define EACH(table, column) "SELECT lower(hex(" column ")) FROM " table " ORDER BY 1"

/* In one state of the database. */
static int check_rows(struct store *s, struct att_error *err)
{
	return for_each(s, EACH("policies", "name"), check_policy, err) ||
			       for_each(s, EACH("reference_values", "name"), store_reference_check,
					err) ||
			       for_each(s, EACH("machines", "ak"), store_machine_check, err) ||
			       for_each(s, EACH("tokens WHERE used IS NULL", "hash"),
					store_token_authentic, err)
		       ? -1
		       : 0;
}

static int vouch_rows(struct store *s, struct att_error *err)
{
	return for_each(s, EACH("policies", "name"), store_policy_vouch, err) ||
			       for_each(s, EACH("reference_values", "name"), store_reference_vouch,
					err) ||
			       for_each(s, EACH("machines", "ak"), store_machine_vouch, err) ||
			       for_each(s, EACH("tokens WHERE used IS NULL", "hash"),
					store_token_vouch, err)
		       ? -1
		       : 0;
}

int store_check_rows(struct store *s, struct att_error *err)
{
	int ret;

	if (!s->keyed)
		return 0;
	if (store_exec(s, "BEGIN", err))
		return -1;
	ret = check_rows(s, err);
	store_exec(s, "COMMIT", NULL);
	return ret;
}

int store_vouch(struct store *s, struct att_error *err)
{
	return store_begin(s, err) ? -1 : store_end(s, vouch_rows(s, err), err);
}

int store_rekey_rows(struct store *s, const struct secrets_key *new, struct att_error *err)
{
	uint8_t old[sizeof(s->mac_key)];
	int ret = check_rows(s, err);

	if (ret)
		return -1;
	memcpy(old, s->mac_key, sizeof(old));
	store_set_key(s, new);
	ret = vouch_rows(s, err);
	memcpy(s->mac_key, old, sizeof(old));
	OPENSSL_cleanse(old, sizeof(old));
	return ret;
}
