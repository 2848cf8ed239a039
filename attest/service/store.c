// SPDX-License-Identifier: Apache-2.0
#include "store-db.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "schema.h"

#define APPLICATION 0x48475644 /* "HGVD" */
#define BUSY_MS	    5000

/* ---- Statements ---- */

int store_fail(struct store *s, struct att_error *err)
{
	int code = sqlite3_errcode(s->db);
	enum att_code kind = ATT_E_IO;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		kind = ATT_E_FORMAT;
	else if (code == SQLITE_CONSTRAINT)
		kind = ATT_E_REFUSED;
	else if (code == SQLITE_NOMEM)
		kind = ATT_E_MEMORY;
	return att_fail(err, kind, "database %s: %s", s->path, sqlite3_errmsg(s->db));
}

sqlite3_stmt *store_prepare(struct store *s, enum statement which, const char *sql,
			    struct att_error *err)
{
	sqlite3_stmt **st = &s->statement[which];

	if (*st) {
		sqlite3_reset(*st);
		sqlite3_clear_bindings(*st);
		return *st;
	}
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL)) {
		store_fail(s, err);
		return NULL;
	}
	return *st;
}

/* A failed bind leaves NULL there, which every column that matters refuses. */
void store_bind_text(sqlite3_stmt *st, int index, const char *text)
{
	if (text)
		sqlite3_bind_text(st, index, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(st, index);
}

void store_bind_bytes(sqlite3_stmt *st, int index, const void *data, size_t size)
{
	sqlite3_bind_blob64(st, index, size ? data : "", size, SQLITE_TRANSIENT);
}

int store_run(struct store *s, sqlite3_stmt *st, struct att_error *err)
{
	int ret = sqlite3_step(st), code;

	/* The reset keeps the message, but only until the next call. */
	if (ret == SQLITE_DONE || ret == SQLITE_ROW) {
		sqlite3_reset(st);
		return sqlite3_changes(s->db);
	}
	code = sqlite3_errcode(s->db);
	store_fail(s, err);
	sqlite3_reset(st);
	return code == SQLITE_CONSTRAINT ? STORE_CONSTRAINT : -1;
}

int store_exec(struct store *s, const char *sql, struct att_error *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? store_fail(s, err) : 0;
}

/* Writers queue at the start, so that none fails in the middle. */
int store_begin(struct store *s, struct att_error *err)
{
	return store_exec(s, "BEGIN IMMEDIATE", err);
}

int store_end(struct store *s, int ret, struct att_error *err)
{
	if (!ret && store_exec(s, "COMMIT", err))
		ret = -1;
	if (ret)
		store_exec(s, "ROLLBACK", NULL);
	return ret;
}

/* ---- Opening ---- */

/* What a pragma or count says: -1 after a message. */
static int64_t ask_number(struct store *s, const char *sql, struct att_error *err)
{
	sqlite3_stmt *st = NULL;
	int64_t n = -1;

	if (!sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	else
		store_fail(s, err);
	sqlite3_finalize(st);
	return n;
}

static int check_integrity(struct store *s, struct att_error *err)
{
	sqlite3_stmt *st = NULL;
	const char *said = NULL;
	int ret = -1;

	if (!sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &st, NULL) &&
	    sqlite3_step(st) == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(st, 0);
	if (said && !strcmp(said, "ok"))
		ret = 0;
	else if (said)
		att_fail(err, ATT_E_FORMAT, "database %s is damaged: %.200s", s->path, said);
	else
		store_fail(s, err);
	sqlite3_finalize(st);
	if (ret)
		return -1;
	if (ask_number(s, "SELECT count(*) FROM pragma_foreign_key_check", err) == 0)
		return 0;
	return att_fail(err, ATT_E_FORMAT, "database %s is damaged: rows refer to missing ones",
			s->path);
}

static int migrate(struct store *s, int64_t from, struct att_error *err)
{
	char sql[80];
	int ret = store_begin(s, err);

	if (ret)
		return -1;
	for (; !ret && from < SCHEMA_VERSION; from++)
		ret = store_exec(s, schema_steps[from], err);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION, SCHEMA_VERSION);
	return store_end(s, ret ? ret : store_exec(s, sql, err), err);
}

static int check_version(struct store *s, enum store_mode mode, struct att_error *err)
{
	int64_t application = ask_number(s, "PRAGMA application_id", err), version, tables;

	if (application < 0)
		return -1;
	version = ask_number(s, "PRAGMA user_version", err);
	tables = ask_number(s, "SELECT count(*) FROM sqlite_schema", err);
	if (version < 0 || tables < 0)
		return -1;
	if (application != APPLICATION && (application || version || tables))
		return att_fail(err, ATT_E_REFUSED, "%s is another program's database", s->path);
	if (version > SCHEMA_VERSION)
		return att_fail(
			err, ATT_E_REFUSED,
			"database %s is of a newer hgverifyd: version %d, this one knows %d",
			s->path, (int)version, SCHEMA_VERSION);
	if (version == SCHEMA_VERSION)
		return 0;
	if (mode != STORE_CREATE)
		return att_fail(
			err, ATT_E_REFUSED,
			"database %s has version %d, %d is needed: make a copy, then run hgverifyd init",
			s->path, (int)version, SCHEMA_VERSION);
	return migrate(s, version, err);
}

/*
 * Links to folders are followed here, once, for SQLite would refuse them. One in
 * the file's own place is not: whoever owns the folder may have put it there for
 * root to follow.
 */
static char *real_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder, *real, *full = NULL;

	folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	real = folder ? realpath(folder, NULL) : NULL;
	if (!real)
		full = strdup(path);
	else if (asprintf(&full, "%s/%s", strcmp(real, "/") ? real : "", slash ? slash + 1 : path) <
		 0)
		full = NULL;
	free(folder);
	free(real);
	return full;
}

static int open_file(struct store *s, enum store_mode mode, struct att_error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, fd;
	struct stat st;

	if (!lstat(s->path, &st) && S_ISLNK(st.st_mode))
		return att_fail(err, ATT_E_IO,
				"database %s is a symbolic link: name the file itself", s->path);
	/* It holds who may do what: no one else reads it, not even for a moment. */
	if (mode == STORE_CREATE) {
		fd = open(s->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return att_fail(err, ATT_E_IO, "database %s: %s", s->path, strerror(errno));
		close(fd);
	}
	if (sqlite3_open_v2(s->path, &s->db, flags, NULL))
		return store_fail(s, err);
	/* SQLite would quietly open it for reading only. */
	if (sqlite3_db_readonly(s->db, "main") == 1)
		return att_fail(err, ATT_E_IO, "database %s cannot be written", s->path);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_extended_result_codes(s->db, 0);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return 0;
}

struct store *store_open(const char *path, enum store_mode mode, struct att_error *err)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s)
		s->path = real_path(path);
	if (!s || !s->path) {
		free(s);
		att_no_memory(err);
		return NULL;
	}
	if (!open_file(s, mode, err) && !check_version(s, mode, err) &&
	    !store_exec(s,
			"PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; "
			"PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON",
			err) &&
	    (mode == STORE_ADMIN || !check_integrity(s, err)))
		return s;
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->db);
	OPENSSL_cleanse(s->mac_key, sizeof(s->mac_key));
	free(s->path);
	free(s);
}

/* ---- Names and texts ---- */

bool store_name_ok(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t n = strlen(name);

	return n && n <= STORE_NAME_MAX && strspn(name, allowed) == n && *name != '.' &&
	       *name != '-';
}

int store_check_name(const char *what, const char *name, struct att_error *err)
{
	if (store_name_ok(name))
		return 0;
	return att_fail(err, ATT_E_FORMAT,
			"%s: '%.64s' is no name: 1 to %u letters, digits, '.', '_', '-'", what,
			name, STORE_NAME_MAX);
}

int store_check_label(const char *label, struct att_error *err)
{
	const unsigned char *p = (const unsigned char *)label;
	json_t *text;

	if (!label)
		return 0;
	if (strlen(label) > STORE_LABEL_MAX)
		return att_fail(err, ATT_E_FORMAT, "a label of more than %u bytes",
				STORE_LABEL_MAX);
	/* Lists print it: neither a terminal's commands of one byte nor those of two. */
	for (; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0))
			return att_fail(err, ATT_E_FORMAT, "a label with control characters");
	text = json_string(label);
	json_decref(text);
	return text ? 0 : att_fail(err, ATT_E_FORMAT, "a label that is not UTF-8");
}

/* Says what a constraint meant, or that there was no such row. */
int store_outcome(int changed, const char *what, const char *name, const char *constraint,
		  struct att_error *err)
{
	if (changed == STORE_CONSTRAINT)
		return att_fail(err, ATT_E_REFUSED, "%s '%.140s' %s", what, name, constraint);
	if (changed < 0)
		return -1;
	if (!changed)
		return att_fail(err, ATT_E_REFUSED, "there is no %s '%.140s'", what, name);
	return 0;
}

/* ---- Lists ---- */

static void add_column(json_t *row, sqlite3_stmt *st, int i)
{
	const char *name = sqlite3_column_name(st, i);

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		json_object_set_new(row, name, json_integer(sqlite3_column_int64(st, i)));
		break;
	case SQLITE_TEXT:
		json_object_set_new(row, name,
				    json_string((const char *)sqlite3_column_text(st, i)));
		break;
	default:
		json_object_set_new(row, name, json_null());
	}
}

json_t *store_list(struct store *s, enum store_table table, struct att_error *err)
{
	static const char *const sql[] = {
		[STORE_MACHINES] = "SELECT lower(hex(ak)) AS ak, label, enrolled, enrolled_by, "
				   "revoked, lower(hex(ek)) AS ek_certificate_sha256 "
				   "FROM machines ORDER BY enrolled, ak",
		[STORE_DEVICES] = "SELECT name, kind, lower(hex(machine)) AS machine, added, json "
				  "FROM devices ORDER BY name",
		[STORE_REFERENCES] = "SELECT name, added, json FROM reference_values ORDER BY name",
		[STORE_POLICIES] = "SELECT name, added, json, "
				   "(SELECT group_concat(reference, ' ') FROM policy_references "
				   "WHERE policy = name) AS \"references\" "
				   "FROM policies ORDER BY name",
		[STORE_SECRETS] = "SELECT name, policy, added FROM secrets ORDER BY name",
		[STORE_TOKENS] = "SELECT lower(hex(hash)) AS hash, label, created, expires, used "
				 "FROM tokens ORDER BY created, hash",
	};
	json_t *list = json_array(), *row;
	sqlite3_stmt *st = NULL;
	int ret = sqlite3_prepare_v2(s->db, sql[table], -1, &st, NULL), i;

	while (!ret && list && (ret = sqlite3_step(st)) == SQLITE_ROW) {
		row = json_object();
		for (i = 0; i < sqlite3_column_count(st); i++)
			add_column(row, st, i);
		ret = json_array_append_new(list, row);
	}
	if (ret != SQLITE_DONE) {
		store_fail(s, err);
		json_decref(list);
		list = NULL;
	}
	sqlite3_finalize(st);
	return list;
}
