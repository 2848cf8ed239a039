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

/* A machine as it counts: revoked or not is a part of it. */
static void machine_mac(struct row_mac *m, const struct store *s, const void *ak, size_t size,
			const uint8_t ek[32], bool revoked)
{
	row_mac_start(m, s, "machine", ak, size);
	row_mac_add(m, ek, 32);
	row_mac_add(m, revoked ? "revoked" : "trusted", 7);
}

static int authenticate_machine(struct store *s, const void *ak, size_t size, const uint8_t ek[32],
				bool revoked, struct att_error *err)
{
	struct row_mac m;

	machine_mac(&m, s, ak, size, ek, revoked);
	return row_mac_put(&m, s, err);
}

static int check_machine_mac(struct store *s, const void *ak, size_t size, const uint8_t ek[32],
			     bool revoked, struct att_error *err)
{
	char name[2 * ATT_NAME_MAX + 1];
	struct row_mac m;

	att_hex(ak, size, name);
	machine_mac(&m, s, ak, size, ek, revoked);
	return row_mac_check(&m, s, name, err);
}

/* 1: there is no such machine. */
static int get_machine(struct store *s, const void *ak, size_t size, uint8_t ek[32], bool *revoked,
		       struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_MACHINE_FIND,
					 "SELECT ek, revoked FROM machines WHERE ak = ?", err);
	int step, ret = 0;

	if (!st)
		return -1;
	store_bind_bytes(st, 1, ak, size);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW && sqlite3_column_bytes(st, 0) == 32) {
		memcpy(ek, sqlite3_column_blob(st, 0), 32);
		*revoked = sqlite3_column_type(st, 1) != SQLITE_NULL;
	} else {
		ret = step == SQLITE_DONE ? 1 : store_fail(s, err);
	}
	sqlite3_reset(st);
	return ret;
}

int store_machine_check(struct store *s, const void *ak, size_t size, struct att_error *err)
{
	uint8_t ek[32];
	bool revoked;

	return get_machine(s, ak, size, ek, &revoked, err)
		       ? -1
		       : check_machine_mac(s, ak, size, ek, revoked, err);
}

int store_machine_vouch(struct store *s, const void *ak, size_t size, struct att_error *err)
{
	uint8_t ek[32];
	bool revoked;

	return get_machine(s, ak, size, ek, &revoked, err)
		       ? -1
		       : authenticate_machine(s, ak, size, ek, revoked, err);
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
	if (!ret)
		ret = authenticate_machine(s, ak.name, ak.size, ak.ek, false, err);
	return store_end(s, ret, err);
}

static int set_revoked(struct store *s, const char *text, const void *ak, size_t size, bool revoked,
		       int64_t now, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(s, ST_MACHINE_REVOKE,
					 "UPDATE machines SET revoked = ? WHERE ak = ?", err);

	if (!st)
		return -1;
	if (revoked)
		sqlite3_bind_int64(st, 1, now);
	else
		sqlite3_bind_null(st, 1);
	store_bind_bytes(st, 2, ak, size);
	return store_outcome(store_run(s, st, err), "machine", text, "", err);
}

/* What was not authentic can be revoked, and does not become authentic by it. */
static int change_machine(struct store *s, const char *text, const void *ak, size_t size,
			  bool revoked, int64_t now, struct att_error *err)
{
	struct att_error why = { 0 };
	bool was = false, authentic;
	uint8_t ek[32] = { 0 };
	int ret;

	ret = get_machine(s, ak, size, ek, &was, err);
	if (ret < 0)
		return -1;
	if (ret)
		return att_fail(err, ATT_E_REFUSED, "there is no machine '%.140s'", text);
	authentic = !check_machine_mac(s, ak, size, ek, was, &why);
	if (!authentic && !revoked) {
		*err = why;
		return -1;
	}
	if (set_revoked(s, text, ak, size, revoked, now, err))
		return -1;
	return authentic ? authenticate_machine(s, ak, size, ek, revoked, err) : 0;
}

int store_machine_revoke(struct store *s, const char *text, bool revoked, int64_t now,
			 struct att_error *err)
{
	uint8_t ak[ATT_NAME_MAX];
	size_t size = 0;

	if (parse_ak(text, ak, &size, err) || store_begin(s, err))
		return -1;
	return store_end(s, change_machine(s, text, ak, size, revoked, now, err), err);
}

int store_machine_remove(struct store *s, const char *text, struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_MACHINE_REMOVE, "DELETE FROM machines WHERE ak = ?", err);
	uint8_t ak[ATT_NAME_MAX];
	size_t size = 0;
	int ret;

	if (!st || parse_ak(text, ak, &size, err) || store_begin(s, err))
		return -1;
	store_bind_bytes(st, 1, ak, size);
	ret = store_outcome(store_run(s, st, err), "machine", text,
			    "has devices: remove them first", err);
	if (!ret)
		ret = row_mac_drop(s, "machine", ak, size, err);
	return store_end(s, ret, err);
}

enum att_ak_trust store_machine_find(void *opaque, const uint8_t *name, size_t size, uint8_t ek[32])
{
	struct store *s = opaque;
	bool revoked = false;
	int ret = get_machine(s, name, size, ek, &revoked, NULL);

	if (ret)
		return ret > 0 ? ATT_AK_UNKNOWN : ATT_AK_UNREADABLE;
	if (revoked)
		return ATT_AK_REVOKED;
	return check_machine_mac(s, name, size, ek, false, NULL) ? ATT_AK_UNREADABLE
								 : ATT_AK_TRUSTED;
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

static int authenticate_token(struct store *s, const void *hash, int64_t expires,
			      struct att_error *err)
{
	struct row_mac m;

	row_mac_start(&m, s, "token", hash, 32);
	row_mac_add(&m, &expires, sizeof(expires));
	return row_mac_put(&m, s, err);
}

static int check_token_mac(struct store *s, const void *hash, int64_t expires,
			   struct att_error *err)
{
	char name[65];
	struct row_mac m;

	att_hex(hash, 32, name);
	row_mac_start(&m, s, "token", hash, 32);
	row_mac_add(&m, &expires, sizeof(expires));
	return row_mac_check(&m, s, name, err);
}

/* When an unused token expires; 1: there is none. */
static int get_token(struct store *s, const void *hash, int64_t *expires, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_TOKEN_ROW, "SELECT expires FROM tokens WHERE hash = ? AND used IS NULL", err);
	int step;

	if (!st)
		return -1;
	store_bind_bytes(st, 1, hash, 32);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW)
		*expires = sqlite3_column_int64(st, 0);
	else if (step != SQLITE_DONE)
		store_fail(s, err);
	sqlite3_reset(st);
	return step == SQLITE_ROW ? 0 : step == SQLITE_DONE ? 1 : -1;
}

int store_token_authentic(struct store *s, const void *hash, size_t size, struct att_error *err)
{
	int64_t expires;

	return size != 32 || get_token(s, hash, &expires, err)
		       ? -1
		       : check_token_mac(s, hash, expires, err);
}

int store_token_vouch(struct store *s, const void *hash, size_t size, struct att_error *err)
{
	int64_t expires;

	return size != 32 || get_token(s, hash, &expires, err)
		       ? -1
		       : authenticate_token(s, hash, expires, err);
}

int store_token_create(struct store *s, const char *label, int64_t now, int64_t expires,
		       char token[2 * STORE_TOKEN + 1], struct att_error *err)
{
	sqlite3_stmt *st =
		store_prepare(s, ST_TOKEN_ADD, "INSERT INTO tokens VALUES (?, ?, ?, ?, NULL)", err);
	uint8_t bytes[STORE_TOKEN], hash[32];
	int ret;

	if (!st || store_check_label(label, err))
		return -1;
	if (RAND_bytes(bytes, sizeof(bytes)) != 1 || att_sha256(bytes, sizeof(bytes), hash))
		return att_fail_crypto(err, "no random numbers");
	if (store_begin(s, err))
		return -1;
	store_bind_bytes(st, 1, hash, sizeof(hash));
	store_bind_text(st, 2, label);
	sqlite3_bind_int64(st, 3, now);
	sqlite3_bind_int64(st, 4, expires);
	ret = store_run(s, st, err) < 0 ? -1 : authenticate_token(s, hash, expires, err);
	if (store_end(s, ret, err))
		return -1;
	att_hex(bytes, sizeof(bytes), token);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return 0;
}

/* @hash becomes the token's. */
static int may_use(struct store *s, const char *token, int64_t now, uint8_t hash[32],
		   struct att_error *err)
{
	int64_t expires = 0;
	int ret = hash_token(token, hash, err) ? -1 : get_token(s, hash, &expires, err);

	if (ret > 0 || (!ret && expires <= now))
		return att_fail(err, ATT_E_REFUSED,
				"the token was used, has expired, or is unknown");
	return ret ? -1 : check_token_mac(s, hash, expires, err);
}

int store_token_check(struct store *s, const char *token, int64_t now, struct att_error *err)
{
	uint8_t hash[32];

	return may_use(s, token, now, hash, err);
}

/* In a transaction. */
static int use_token(struct store *s, const char *token, int64_t now, struct att_error *err)
{
	sqlite3_stmt *st = store_prepare(
		s, ST_TOKEN_USE, "UPDATE tokens SET used = ? WHERE hash = ? AND used IS NULL", err);
	uint8_t hash[32];

	if (!st || may_use(s, token, now, hash, err))
		return -1;
	sqlite3_bind_int64(st, 1, now);
	store_bind_bytes(st, 2, hash, sizeof(hash));
	/* Whoever makes it look unused again does not make it authentic. */
	return store_run(s, st, err) == 1 ? row_mac_drop(s, "token", hash, sizeof(hash), err) : -1;
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
