// SPDX-License-Identifier: Apache-2.0
/* The database's machines, their devices, and the tokens that let one in. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "alg.h"
#include "bytes.h"
#include "error.h"
#include "json.h"
#include "policy.h"
#include "store-db.h"

/* The name in hexadecimal digits. */
static int parse_ak(const char *text, uint8_t ak[ATT_NAME_MAX], size_t *size, struct att_error *err)
{
	int n = att_unhex(text, ak, ATT_NAME_MAX);

	if (n < 34)
		return att_fail(err, ATT_E_FORMAT,
				"'%.140s' is not the TPM name of an attestation key", text);
	*size = (size_t)n;
	return 0;
}

/* The library's own reader says whether the record is one. */
static int parse_record(const struct att_bytes *record, struct att_trusted_ak *ak,
			struct att_error *err)
{
	struct att_policy scratch = { 0 };

	if (att_policy_add_enrolled(&scratch, (const char *)record->data, record->size, err))
		return -1;
	*ak = scratch.ak[0];
	free(scratch.ak);
	return 0;
}

static int use_token(struct store *s, const char *token, int64_t now, struct att_error *err);

static int add_machine(struct store *s, const struct att_trusted_ak *ak,
		       const struct att_bytes *record, const char *label, const char *by,
		       int64_t now, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_MACHINE_ADD, "INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, NULL)", err);
	char name[2 * ATT_NAME_MAX + 1];

	if (!st)
		return -1;
	store_bind_bytes(st, 1, ak->name, ak->size);
	store_bind_bytes(st, 2, ak->ek, sizeof(ak->ek));
	sqlite3_bind_text(st, 3, (const char *)record->data, (int)record->size, SQLITE_TRANSIENT);
	store_bind_text(st, 4, label ? label : "");
	sqlite3_bind_int64(st, 5, now);
	store_bind_text(st, 6, by);
	att_hex(ak->name, ak->size, name);
	return store_outcome(store_run(s, st, err), "machine", name, "is enrolled already", err);
}

int store_machine_add(struct store *s, const struct att_bytes *record, const char *label,
		      const char *by, const char *token, int64_t now, struct att_error *err)
{
	struct att_trusted_ak ak;
	int ret;

	if (parse_record(record, &ak, err) || store_check_label(label, err) || store_begin(s, err))
		return -1;
	ret = token ? use_token(s, token, now, err) : 0;
	if (!ret)
		ret = add_machine(s, &ak, record, label, by, now, err);
	return store_end(s, ret, err);
}

int store_machine_revoke(struct store *s, const char *text, bool revoked, int64_t now,
			 struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_MACHINE_REVOKE,
					 "UPDATE machines SET revoked = ? WHERE ak = ?", err);
	uint8_t ak[ATT_NAME_MAX];
	size_t size = 0;

	if (!st || parse_ak(text, ak, &size, err))
		return -1;
	if (revoked)
		sqlite3_bind_int64(st, 1, now);
	else
		sqlite3_bind_null(st, 1);
	store_bind_bytes(st, 2, ak, size);
	return store_outcome(store_run(s, st, err), "machine", text, "", err);
}

int store_machine_remove(struct store *s, const char *text, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_MACHINE_REMOVE, "DELETE FROM machines WHERE ak = ?", err);
	uint8_t ak[ATT_NAME_MAX];
	size_t size = 0;

	if (!st || parse_ak(text, ak, &size, err))
		return -1;
	store_bind_bytes(st, 1, ak, size);
	return store_outcome(store_run(s, st, err), "machine", text,
			     "has devices: remove them first", err);
}

enum att_ak_trust store_machine_find(void *opaque, const uint8_t *name, size_t size, uint8_t ek[32])
{
	struct store *s = opaque;
	sqlite3_stmt *st = store_prepare(s, ST_MACHINE_FIND,
					 "SELECT ek, revoked FROM machines WHERE ak = ?", NULL);
	enum att_ak_trust ret = ATT_AK_UNREADABLE;
	int step;

	if (!st)
		return ret;
	store_bind_bytes(st, 1, name, size);
	step = sqlite3_step(st);
	if (step == SQLITE_DONE) {
		ret = ATT_AK_UNKNOWN;
	} else if (step == SQLITE_ROW && sqlite3_column_bytes(st, 0) == 32) {
		memcpy(ek, sqlite3_column_blob(st, 0), 32);
		ret = sqlite3_column_type(st, 1) == SQLITE_NULL ? ATT_AK_TRUSTED : ATT_AK_REVOKED;
	}
	sqlite3_reset(st);
	return ret;
}

/* ---- Devices ---- */

int store_device_add(struct store *s, const char *name, const char *kind,
		     const struct att_bytes *json, const char *machine, int64_t now,
		     struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_DEVICE_ADD, "INSERT INTO devices VALUES (?, ?, ?, ?, ?)", err);
	uint8_t ak[ATT_NAME_MAX];
	size_t size = 0;
	json_t *o;

	if (!st || store_check_name("device", name, err) || store_check_name("kind", kind, err) ||
	    (machine && parse_ak(machine, ak, &size, err)))
		return -1;
	o = att_json_parse((const char *)json->data, json->size, 1u << 20, err);
	json_decref(o);
	if (!o)
		return -1;
	store_bind_text(st, 1, name);
	store_bind_text(st, 2, kind);
	sqlite3_bind_text(st, 3, (const char *)json->data, (int)json->size, SQLITE_TRANSIENT);
	if (machine)
		store_bind_bytes(st, 4, ak, size);
	sqlite3_bind_int64(st, 5, now);
	return store_outcome(store_run(s, st, err), "device", name,
			     "is there already, or its machine is not", err);
}

int store_device_remove(struct store *s, const char *name, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_DEVICE_REMOVE, "DELETE FROM devices WHERE name = ?", err);

	if (!st)
		return -1;
	store_bind_text(st, 1, name);
	return store_outcome(store_run(s, st, err), "device", name, "", err);
}

/* ---- Tokens ---- */

/* A token is random, so that a plain hash keeps it as well as a slow one. */
static int hash_token(const char *token, uint8_t hash[32], struct att_error *err)
{
	uint8_t bytes[STORE_TOKEN];
	int ret = 0;

	if (att_unhex(token, bytes, sizeof(bytes)) != (int)sizeof(bytes))
		ret = att_fail(err, ATT_E_REFUSED, "the token is not one of hgverifyd's");
	else if (att_sha256(bytes, sizeof(bytes), hash))
		ret = att_fail_crypto(err, "SHA-256");
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return ret;
}

int store_token_create(struct store *s, const char *label, int64_t now, int64_t expires,
		       char token[2 * STORE_TOKEN + 1], struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_TOKEN_ADD, "INSERT INTO tokens VALUES (?, ?, ?, ?, NULL)", err);
	uint8_t bytes[STORE_TOKEN], hash[32];

	if (!st || store_check_label(label, err))
		return -1;
	if (RAND_bytes(bytes, sizeof(bytes)) != 1 || att_sha256(bytes, sizeof(bytes), hash))
		return att_fail_crypto(err, "no random numbers");
	store_bind_bytes(st, 1, hash, sizeof(hash));
	store_bind_text(st, 2, label);
	sqlite3_bind_int64(st, 3, now);
	sqlite3_bind_int64(st, 4, expires);
	if (store_run(s, st, err) < 0)
		return -1;
	att_hex(bytes, sizeof(bytes), token);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

int store_token_check(struct store *s, const char *token, int64_t now, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_TOKEN_CHECK,
		"SELECT 1 FROM tokens WHERE hash = ? AND used IS NULL AND expires > ?", err);
	uint8_t hash[32];
	int step;

	if (!st || hash_token(token, hash, err))
		return -1;
	store_bind_bytes(st, 1, hash, sizeof(hash));
	sqlite3_bind_int64(st, 2, now);
	step = sqlite3_step(st);
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_fail(s, err);
	sqlite3_reset(st);
	if (step == SQLITE_DONE)
		att_fail(err, ATT_E_REFUSED, "the token was used, has expired, or is unknown");
	return step == SQLITE_ROW ? 0 : -1;
}

static int use_token(struct store *s, const char *token, int64_t now, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_TOKEN_USE,
		"UPDATE tokens SET used = ?1 WHERE hash = ?2 AND used IS NULL AND expires > ?1",
		err);
	uint8_t hash[32];
	int changed;

	if (!st || hash_token(token, hash, err))
		return -1;
	sqlite3_bind_int64(st, 1, now);
	store_bind_bytes(st, 2, hash, sizeof(hash));
	changed = store_run(s, st, err);
	if (!changed)
		att_fail(err, ATT_E_REFUSED, "the token was used, has expired, or is unknown");
	return changed == 1 ? 0 : -1;
}

int store_token_remove(struct store *s, const char *text, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_TOKEN_REMOVE, "DELETE FROM tokens WHERE hash = ?", err);
	uint8_t hash[32];

	if (!st)
		return -1;
	if (att_unhex(text, hash, sizeof(hash)) != 32)
		return att_fail(err, ATT_E_FORMAT, "'%.70s' is not the hash of a token", text);
	store_bind_bytes(st, 1, hash, sizeof(hash));
	return store_outcome(store_run(s, st, err), "token", text, "", err);
}
