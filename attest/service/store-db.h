/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the database share. */
#ifndef HG_STORE_DB_H
#define HG_STORE_DB_H

#include <openssl/evp.h>
#include <sqlite3.h>

#include "store.h"

enum statement {
	ST_MACHINE_ADD,
	ST_MACHINE_REVOKE,
	ST_MACHINE_REMOVE,
	ST_MACHINE_FIND,
	ST_REFERENCE_ADD,
	ST_REFERENCE_REPLACE,
	ST_REFERENCE_REMOVE,
	ST_POLICY_ADD,
	ST_POLICY_REPLACE,
	ST_POLICY_REMOVE,
	ST_POLICY_UNLINK,
	ST_POLICY_LINK,
	ST_POLICY_GET,
	ST_POLICY_REFERENCES,
	ST_GENERATION,
	ST_DEVICE_ADD,
	ST_DEVICE_REMOVE,
	ST_SECRET_ADD,
	ST_SECRET_REPLACE,
	ST_SECRET_REMOVE,
	ST_SECRET_GET,
	ST_SECRET_ALL,
	ST_SECRET_SEALED,
	ST_TOKEN_ADD,
	ST_TOKEN_USE,
	ST_TOKEN_REMOVE,
	ST_TOKEN_ROW,
	ST_REFERENCE_GET,
	ST_POLICY_NAMES,
	ST_MAC_PUT,
	ST_MAC_GET,
	ST_MAC_DROP,
	STATEMENTS,
};

struct store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statement[STATEMENTS];
	bool keyed;
	uint8_t mac_key[32];
};

#define STORE_MAC 32u

/* The HMAC of a row in the making: the parts of it, each with its length. */
struct row_mac {
	const char *kind; /* "policy", ... */
	const void *key; /* of the row; stays the caller's */
	size_t size;
	EVP_MAC_CTX *ctx; /* NULL: the store has no key */
	bool bad;
};

void row_mac_start(struct row_mac *m, const struct store *s, const char *kind, const void *key,
		   size_t size);
void row_mac_add(struct row_mac *m, const void *data, size_t size);
/* Each ends it. The first two do nothing in a store without a key. */
int row_mac_put(struct row_mac *m, struct store *s, struct att_error *err);
int row_mac_check(struct row_mac *m, struct store *s, const char *name, struct att_error *err);
void row_mac_end(struct row_mac *m);
int row_mac_drop(struct store *s, const char *kind, const void *key, size_t size,
		 struct att_error *err);

/* One row is authentic, or is made so. */
int store_reference_check(struct store *s, const void *name, size_t size, struct att_error *err);
int store_reference_vouch(struct store *s, const void *name, size_t size, struct att_error *err);
int store_policy_vouch(struct store *s, const void *name, size_t size, struct att_error *err);
int store_machine_check(struct store *s, const void *ak, size_t size, struct att_error *err);
int store_machine_vouch(struct store *s, const void *ak, size_t size, struct att_error *err);
int store_token_authentic(struct store *s, const void *hash, size_t size, struct att_error *err);
int store_token_vouch(struct store *s, const void *hash, size_t size, struct att_error *err);
/* In the caller's transaction. */
int store_rekey_rows(struct store *s, const struct secrets_key *new, struct att_error *err);

#define STORE_CONSTRAINT (-2) /* of store_run(): unique, foreign key, check */

/* Always -1; @err says what SQLite says. */
int store_fail(struct store *s, struct att_error *err);
/* The statement, ready for binding; made at its first use. NULL after a message. */
sqlite3_stmt *store_prepare(struct store *s, enum statement which, const char *sql,
			    struct att_error *err);
void store_bind_text(sqlite3_stmt *st, int index, const char *text);
void store_bind_bytes(sqlite3_stmt *st, int index, const void *data, size_t size);
/* -> number of changed rows, -1, or STORE_CONSTRAINT. */
int store_run(struct store *s, sqlite3_stmt *st, struct att_error *err);
int store_exec(struct store *s, const char *sql, struct att_error *err);
/* store_end() commits if @ret is 0, and takes back otherwise. */
int store_begin(struct store *s, struct att_error *err);
int store_end(struct store *s, int ret, struct att_error *err);

int store_check_name(const char *what, const char *name, struct att_error *err);
int store_check_label(const char *label, struct att_error *err);
int store_outcome(int changed, const char *what, const char *name, const char *constraint,
		  struct att_error *err);

#endif
