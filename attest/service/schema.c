// SPDX-License-Identifier: Apache-2.0
#include "schema.h"

static const char version_1[] =
	/* The key is the name that the TPM gives the attestation key. */
	"CREATE TABLE machines ("
	" ak BLOB PRIMARY KEY CHECK (length(ak) BETWEEN 34 AND 66),"
	" ek BLOB NOT NULL CHECK (length(ek) = 32),"
	" record TEXT NOT NULL,"
	" label TEXT NOT NULL,"
	" enrolled INTEGER NOT NULL,"
	" enrolled_by TEXT NOT NULL,"
	" revoked INTEGER"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE devices ("
	" name TEXT NOT NULL PRIMARY KEY,"
	" kind TEXT NOT NULL,"
	" json TEXT NOT NULL,"
	" machine BLOB REFERENCES machines (ak) ON DELETE RESTRICT,"
	" added INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX devices_machine ON devices (machine);"

	"CREATE TABLE reference_values ("
	" name TEXT NOT NULL PRIMARY KEY,"
	" json TEXT NOT NULL,"
	" added INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE policies ("
	" name TEXT NOT NULL PRIMARY KEY,"
	" json TEXT NOT NULL,"
	" added INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE policy_references ("
	" policy TEXT NOT NULL REFERENCES policies (name) ON DELETE CASCADE,"
	" reference TEXT NOT NULL REFERENCES reference_values (name) ON DELETE RESTRICT,"
	" PRIMARY KEY (policy, reference)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX policy_references_reference ON policy_references (reference);"

	"CREATE TABLE secrets ("
	" name TEXT NOT NULL PRIMARY KEY,"
	" policy TEXT NOT NULL REFERENCES policies (name) ON DELETE RESTRICT,"
	" sealed BLOB NOT NULL,"
	" added INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX secrets_policy ON secrets (policy);"

	"CREATE TABLE tokens ("
	" hash BLOB PRIMARY KEY CHECK (length(hash) = 32),"
	" label TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL,"
	" used INTEGER"
	") STRICT, WITHOUT ROWID;"

	/* Tells a running server when to read its policies again. */
	"CREATE TABLE generation ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" n INTEGER NOT NULL"
	") STRICT;"
	"INSERT INTO generation VALUES (1, 1);"
	"CREATE TRIGGER policies_i AFTER INSERT ON policies"
	" BEGIN UPDATE generation SET n = n + 1; END;"
	"CREATE TRIGGER policies_u AFTER UPDATE ON policies"
	" BEGIN UPDATE generation SET n = n + 1; END;"
	"CREATE TRIGGER policies_d AFTER DELETE ON policies"
	" BEGIN UPDATE generation SET n = n + 1; END;"
	"CREATE TRIGGER references_u AFTER UPDATE ON reference_values"
	" BEGIN UPDATE generation SET n = n + 1; END;"
	"CREATE TRIGGER links_i AFTER INSERT ON policy_references"
	" BEGIN UPDATE generation SET n = n + 1; END;"
	"CREATE TRIGGER links_d AFTER DELETE ON policy_references"
	" BEGIN UPDATE generation SET n = n + 1; END;";

/* See store-mac.c; the key is that of the other table, a name or bytes. */
static const char version_2[] = "CREATE TABLE macs ("
				" kind TEXT NOT NULL,"
				" key BLOB NOT NULL,"
				" mac BLOB NOT NULL CHECK (length(mac) = 32),"
				" PRIMARY KEY (kind, key)"
				") STRICT, WITHOUT ROWID;";

const char *const schema_steps[SCHEMA_VERSION] = { version_1, version_2 };
