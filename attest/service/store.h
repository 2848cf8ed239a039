/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database: machines, devices, reference values, policies, secrets, tokens.
 * SQLite with prepared statements only. One struct store is one thread's.
 */
#ifndef HG_STORE_H
#define HG_STORE_H

#include <jansson.h>

#include "attest.h"
#include "secrets.h"

struct store;

enum store_mode {
	STORE_CREATE, /* make it, or bring an older one up to date */
	STORE_ADMIN, /* read and write */
	STORE_CHECK, /* the same, after an integrity check of all of it */
};

#define STORE_NAME_MAX	64u /* letters, digits, '.', '_', '-'; no '.' or '-' in front */
#define STORE_LABEL_MAX 128u
#define STORE_TOKEN	32u

/* ATT_E_IO: the file. ATT_E_FORMAT: damaged. ATT_E_REFUSED: another program's, or other version. */
struct store *store_open(const char *path, enum store_mode mode, struct att_error *err);
void store_close(struct store *s);

/*
 * From now on what is written is authenticated with this key, and policies,
 * reference values, machines and tokens that were not are not believed: ATT_E_IO,
 * ATT_AK_UNREADABLE. An older state of a row, or its absence, is not noticed.
 */
void store_set_key(struct store *s, const struct secrets_key *key);
/* Is everything authenticated? Without a key: yes. */
int store_check_rows(struct store *s, struct att_error *err);
/* Authenticates everything that is there, because somebody looked at it. */
int store_vouch(struct store *s, struct att_error *err);

/*
 * Below: ATT_E_REFUSED when something is there already, is not there, or is in
 * use; ATT_E_FORMAT when a name or text is not what it should be.
 */
bool store_name_ok(const char *name);

/* An enrolment record; @by says whose decision it was, @token a token that is used up with it. */
int store_machine_add(struct store *s, const struct att_bytes *record, const char *label,
		      const char *by, const char *token, int64_t now, struct att_error *err);
int store_machine_revoke(struct store *s, const char *ak, bool revoked, int64_t now,
			 struct att_error *err);
int store_machine_remove(struct store *s, const char *ak, struct att_error *err);
/* An att_ak_lookup; @opaque is the store. */
enum att_ak_trust store_machine_find(void *opaque, const uint8_t *name, size_t size,
				     uint8_t ek[32]);

/* JSON that att_policy_add_reference() accepts. */
int store_reference_add(struct store *s, const char *name, const struct att_bytes *json,
			bool replace, int64_t now, struct att_error *err);
int store_reference_remove(struct store *s, const char *name, struct att_error *err);

/* JSON that att_policy_parse() accepts, with the reference values of these names. */
int store_policy_add(struct store *s, const char *name, const struct att_bytes *json,
		     const char *const *references, size_t count, bool replace, int64_t now,
		     struct att_error *err);
int store_policy_remove(struct store *s, const char *name, struct att_error *err);
/* Parsed, with its reference values; ATT_E_REFUSED: there is none of this name. */
struct att_policy *store_policy_get(struct store *s, const char *name, struct att_error *err);
/* The same with the generation that it is of. */
struct att_policy *store_policy_snapshot(struct store *s, const char *name, int64_t *generation,
					 struct att_error *err);
/* Changes whenever a policy or reference value does. -1 after an error. */
int64_t store_generation(struct store *s, struct att_error *err);

/* What GPUs were enrolled with; kept and listed only. @machine may be NULL. */
int store_device_add(struct store *s, const char *name, const char *kind,
		     const struct att_bytes *json, const char *machine, int64_t now,
		     struct att_error *err);
int store_device_remove(struct store *s, const char *name, struct att_error *err);

/* @sealed as secrets.h makes it. */
int store_secret_add(struct store *s, const char *name, const char *policy,
		     const struct att_bytes *sealed, bool replace, int64_t now,
		     struct att_error *err);
int store_secret_remove(struct store *s, const char *name, struct att_error *err);
/* @policy is a string for free(). */
int store_secret_get(struct store *s, const char *name, char **policy, struct att_bytes *sealed,
		     struct att_error *err);
/*
 * Replaces every secret by what @with makes of it, or none of them. With @new,
 * rows are authenticated by that key instead, if all were by the one before.
 */
typedef int store_reseal(void *opaque, const char *name, const char *policy,
			 const struct att_bytes *old, struct att_bytes *new, struct att_error *err);
int store_secret_reseal(struct store *s, store_reseal *with, void *opaque,
			const struct secrets_key *new, struct att_error *err);

/* Tokens that allow one enrolment. The database has their hashes only. */
int store_token_create(struct store *s, const char *label, int64_t now, int64_t expires,
		       char token[2 * STORE_TOKEN + 1], struct att_error *err);
/* 0 if it could be used now; nothing is used up. */
int store_token_check(struct store *s, const char *token, int64_t now, struct att_error *err);
int store_token_remove(struct store *s, const char *hash, struct att_error *err);

enum store_table {
	STORE_MACHINES,
	STORE_DEVICES,
	STORE_REFERENCES,
	STORE_POLICIES,
	STORE_SECRETS,
	STORE_TOKENS,
};
/* A JSON list of objects; of secrets without what is secret. */
json_t *store_list(struct store *s, enum store_table table, struct att_error *err);

#endif
