// SPDX-License-Identifier: Apache-2.0
/* The database: what it refuses, and that a refusal changes nothing. */
#include "site.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
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

static size_t rows(struct site *t, enum store_table table)
{
	struct att_error err = { 0 };
	json_t *list = store_list(t->store, table, &err);
	size_t n;

	if (!list)
		fail_msg("%s", err.text);
	n = json_array_size(list);
	json_decref(list);
	return n;
}

static struct att_bytes text_bytes(const char *text)
{
	return (struct att_bytes){ (uint8_t *)(uintptr_t)text, strlen(text) };
}

static void must(int ret, const struct att_error *err)
{
	if (ret)
		fail_msg("%s", err->text);
}

static void must_not(int ret, const struct att_error *err, enum att_code code, const char *part)
{
	if (!ret || err->code != code || !strstr(err->text, part))
		fail_msg("%d, code %d: %s", ret, err->code, err->text);
}

static void exec_raw(const struct site *t, const char *name, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(site_path(t, name), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refuses_file(const struct site *t, const char *name, enum store_mode mode,
			 enum att_code code, const char *part)
{
	struct att_error err = { 0 };
	struct store *s = store_open(site_path(t, name), mode, &err);

	if (s || err.code != code || !strstr(err.text, part))
		fail_msg("%s: code %d: %s", name, err.code, err.text);
}

/* Another hexadecimal digit; twice gives the first. */
static void other_digit(char *digit)
{
	static const char digits[] = "0123456789abcdef";

	*digit = digits[(strchr(digits, *digit) - digits) ^ 1];
}

static void machines(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct att_bytes record, bad = text_bytes("{}");
	char ak[2 * ATT_NAME_MAX + 1];
	json_t *list;

	site_record(&t->w->a, &record, ak);
	must_not(store_machine_add(t->store, &record, "again", "test", NULL, 1, &err), &err,
		 ATT_E_REFUSED, "already");
	att_bytes_free(&record);
	must_not(store_machine_add(t->store, &bad, "", "test", NULL, 1, &err), &err, ATT_E_FORMAT,
		 "");
	site_record(&t->w->b, &record, ak);
	must_not(store_machine_add(t->store, &record, "a\nb", "test", NULL, 1, &err), &err,
		 ATT_E_FORMAT, "control");
	/* What a terminal takes for commands, in UTF-8 or bare. */
	must_not(store_machine_add(t->store, &record,
				   "a\xc2\x9b"
				   "31m",
				   "test", NULL, 1, &err),
		 &err, ATT_E_FORMAT, "control");
	must_not(store_machine_add(t->store, &record, "\xc2\x80", "test", NULL, 1, &err), &err,
		 ATT_E_FORMAT, "control");
	must_not(store_machine_add(t->store, &record,
				   "a\x9b"
				   "31m",
				   "test", NULL, 1, &err),
		 &err, ATT_E_FORMAT, "UTF-8");
	must_not(store_machine_add(t->store, &record, "a\xc2", "test", NULL, 1, &err), &err,
		 ATT_E_FORMAT, "");
	assert_int_equal(rows(t, STORE_MACHINES), 1);
	/* A label is free text: it comes back as it was. */
	must(store_machine_add(t->store, &record, "x'); DROP TABLE machines; --", "test", NULL, 2,
			       &err),
	     &err);
	list = store_list(t->store, STORE_MACHINES, &err);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "label")),
			    "x'); DROP TABLE machines; --");
	json_decref(list);
	att_bytes_free(&record);
	must_not(store_machine_revoke(t->store, "' OR 1=1", true, 1, &err), &err, ATT_E_FORMAT,
		 "not the TPM name");
	other_digit(&ak[10]);
	must_not(store_machine_revoke(t->store, ak, true, 1, &err), &err, ATT_E_REFUSED,
		 "there is no machine");
	must_not(store_machine_remove(t->store, ak, &err), &err, ATT_E_REFUSED,
		 "there is no machine");
	other_digit(&ak[10]);
	must(store_machine_remove(t->store, ak, &err), &err);
	assert_int_equal(rows(t, STORE_MACHINES), 1);
}

static void found_by_key(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	uint8_t name[ATT_NAME_MAX], ek[32];
	int size = att_unhex(t->ak, name, sizeof(name));

	assert_int_equal(store_machine_find(t->store, name, (size_t)size, ek), ATT_AK_TRUSTED);
	assert_memory_equal(ek, t->w->a.boot_id, 32);
	assert_int_equal(store_machine_find(t->store, name, (size_t)size - 1, ek), ATT_AK_UNKNOWN);
	assert_int_equal(store_machine_find(t->store, name, 0, ek), ATT_AK_UNKNOWN);
	name[5] ^= 1;
	assert_int_equal(store_machine_find(t->store, name, (size_t)size, ek), ATT_AK_UNKNOWN);
	name[5] ^= 1;
	must(store_machine_revoke(t->store, t->ak, true, 9, &err), &err);
	assert_int_equal(store_machine_find(t->store, name, (size_t)size, ek), ATT_AK_REVOKED);
}

static void devices(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct att_bytes json = text_bytes("{\"vbios\":\"x\"}"), bad = text_bytes("[1]");
	char ak[2 * ATT_NAME_MAX + 1];

	must(store_device_add(t->store, "gpu0", "gpu", &json, t->ak, 1, &err), &err);
	must_not(store_device_add(t->store, "gpu0", "gpu", &json, NULL, 1, &err), &err,
		 ATT_E_REFUSED, "already");
	must_not(store_device_add(t->store, "gpu1", "gpu", &bad, NULL, 1, &err), &err, ATT_E_FORMAT,
		 "object");
	must_not(store_device_add(t->store, "g;1", "gpu", &json, NULL, 1, &err), &err, ATT_E_FORMAT,
		 "no name");
	strcpy(ak, t->ak);
	other_digit(&ak[8]);
	must_not(store_device_add(t->store, "gpu1", "gpu", &json, ak, 1, &err), &err, ATT_E_REFUSED,
		 "machine is not");
	/* A machine with devices stays. */
	must_not(store_machine_remove(t->store, t->ak, &err), &err, ATT_E_REFUSED, "has devices");
	assert_int_equal(rows(t, STORE_DEVICES), 1);
	must(store_device_remove(t->store, "gpu0", &err), &err);
	must_not(store_device_remove(t->store, "gpu0", &err), &err, ATT_E_REFUSED, "there is no");
}

static const char reference[] =
	"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"l0\": [ ] }";
static const char policy[] =
	"{ \"version\": 1, \"type\": \"hypergpu-policy\", \"id\": \"p\", \"pcrs\": [0] }";

static void policies(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct att_bytes ref = text_bytes(reference), pol = text_bytes(policy),
			 bad = text_bytes("{\"version\": 1}");
	const char *const names[] = { "boot", "boot" };
	int64_t before = store_generation(t->store, &err);

	must_not(store_policy_add(t->store, "p", &bad, NULL, 0, false, 1, &err), &err, ATT_E_FORMAT,
		 "");
	must_not(store_policy_add(t->store, "p", &pol, names, 1, false, 1, &err), &err,
		 ATT_E_REFUSED, "no reference values 'boot'");
	must_not(store_reference_add(t->store, "boot", &bad, false, 1, &err), &err, ATT_E_FORMAT,
		 "");
	assert_int_equal(rows(t, STORE_POLICIES), 2);
	assert_int_equal(store_generation(t->store, &err), before);
	must(store_reference_add(t->store, "boot", &ref, false, 1, &err), &err);
	must_not(store_reference_add(t->store, "boot", &ref, false, 1, &err), &err, ATT_E_REFUSED,
		 "already");
	must_not(store_reference_add(t->store, "else", &ref, true, 1, &err), &err, ATT_E_REFUSED,
		 "there is no");
	must_not(store_policy_add(t->store, "p", &pol, names, 2, false, 1, &err), &err,
		 ATT_E_REFUSED, "named twice");
	must(store_policy_add(t->store, "p", &pol, names, 1, false, 1, &err), &err);
	assert_true(store_generation(t->store, &err) > before);
	must_not(store_reference_remove(t->store, "boot", &err), &err, ATT_E_REFUSED, "policy's");
	/* Replaced without it, the reference values are free. */
	must(store_policy_add(t->store, "p", &pol, NULL, 0, true, 1, &err), &err);
	must(store_reference_remove(t->store, "boot", &err), &err);
	must_not(store_policy_remove(t->store, "main", &err), &err, ATT_E_REFUSED, "a secret's");
	must(store_policy_remove(t->store, "p", &err), &err);
	must_not(store_policy_remove(t->store, "p", &err), &err, ATT_E_REFUSED, "there is no");
}

static void secrets(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct att_bytes sealed = text_bytes("sealed"), got = { 0 };
	char *rule = NULL;

	must_not(store_secret_add(t->store, "model", "main", &sealed, false, 1, &err), &err,
		 ATT_E_REFUSED, "already");
	must_not(store_secret_add(t->store, "new", "none", &sealed, false, 1, &err), &err,
		 ATT_E_REFUSED, "policy is not");
	must_not(store_secret_add(t->store, "model", "none", &sealed, true, 1, &err), &err,
		 ATT_E_REFUSED, "policy is not");
	must_not(store_secret_get(t->store, "none", &rule, &got, &err), &err, ATT_E_REFUSED,
		 "there is no");
	must(store_secret_get(t->store, "model", &rule, &got, &err), &err);
	assert_string_equal(rule, "main");
	free(rule);
	att_bytes_free(&got);
	assert_int_equal(rows(t, STORE_SECRETS), 2);
}

static int fail_second(void *opaque, const char *name, const char *rule,
		       const struct att_bytes *old, struct att_bytes *new, struct att_error *err)
{
	int *calls = opaque;

	(void)name;
	(void)rule;
	(void)old;
	err->code = ATT_E_CRYPTO;
	return (*calls)++ ? -1 : att_bytes_set(new, "new", 3);
}

static void reseal_whole(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct att_bytes before = { 0 }, after = { 0 };
	char *rule = NULL;
	int calls = 0;

	must(store_secret_get(t->store, "model", &rule, &before, &err), &err);
	free(rule);
	assert_int_equal(store_secret_reseal(t->store, fail_second, &calls, NULL, &err), -1);
	assert_int_equal(calls, 2);
	must(store_secret_get(t->store, "model", &rule, &after, &err), &err);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.data, after.data, before.size);
	free(rule);
	att_bytes_free(&before);
	att_bytes_free(&after);
}

static int same(void *opaque, const char *name, const char *rule, const struct att_bytes *old,
		struct att_bytes *new, struct att_error *err)
{
	(void)opaque;
	(void)name;
	(void)rule;
	(void)err;
	return att_bytes_set(new, old->data, old->size);
}

/* All under one key or all under the other; what was forged does not become right by it. */
static void rekeyed(void **state)
{
	struct site *t = *state;
	struct secrets_key new = t->s->secrets_key;
	struct att_error err = { 0 };
	char token[2 * STORE_TOKEN + 1];

	must(store_token_create(t->store, "x", 10, 20, token, &err), &err);
	must(store_machine_revoke(t->store, t->ak, true, 9, &err), &err);
	must(store_check_rows(t->store, &err), &err);
	new.mac[0] ^= 1;
	must(store_secret_reseal(t->store, same, NULL, &new, &err), &err);
	/* It was the old key's store. */
	must_not(store_check_rows(t->store, &err), &err, ATT_E_IO, "vouch");
	store_set_key(t->store, &new);
	must(store_check_rows(t->store, &err), &err);
	must(store_token_check(t->store, token, 15, &err), &err);
	exec_raw(t, "db", "UPDATE policies SET json = json || ' ' WHERE name = 'other'");
	must_not(store_secret_reseal(t->store, same, NULL, &t->s->secrets_key, &err), &err,
		 ATT_E_IO, "policy 'other'");
	must_not(store_check_rows(t->store, &err), &err, ATT_E_IO, "policy 'other'");
	must(store_machine_revoke(t->store, t->ak, false, 9, &err), &err);
}

/* A database of before: nothing in it is believed, until somebody has looked at it. */
static void migrated(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };

	store_close(t->store);
	t->store = NULL;
	exec_raw(t, "db", "DROP TABLE macs; PRAGMA user_version = 1");
	refuses_file(t, "db", STORE_ADMIN, ATT_E_REFUSED, "hgverifyd init");
	t->store = store_open(t->cfg.database, STORE_CREATE, &err);
	assert_non_null(t->store);
	must(store_check_rows(t->store, &err), &err);
	store_set_key(t->store, &t->s->secrets_key);
	must_not(store_check_rows(t->store, &err), &err, ATT_E_IO, "vouch");
	assert_null(store_policy_get(t->store, "main", &err));
	must(store_vouch(t->store, &err), &err);
	must(store_check_rows(t->store, &err), &err);
	assert_int_equal(rows(t, STORE_MACHINES), 1);
	assert_int_equal(rows(t, STORE_SECRETS), 2);
}

static void tokens(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	char token[2 * STORE_TOKEN + 1], ak[2 * ATT_NAME_MAX + 1];
	struct att_bytes record;
	FILE *db;
	char *text = calloc(1, 1u << 20);
	size_t size;

	must(store_token_create(t->store, "rack 1", 10, 20, token, &err), &err);
	must(store_token_check(t->store, token, 19, &err), &err);
	must_not(store_token_check(t->store, token, 20, &err), &err, ATT_E_REFUSED, "expired");
	must_not(store_token_check(t->store, "zz", 15, &err), &err, ATT_E_REFUSED, "not one");
	/* The database does not hold it, only its hash. */
	store_close(t->store);
	t->store = store_open(t->cfg.database, STORE_ADMIN, &err);
	db = fopen(site_path(t, "db"), "r");
	assert_true(db && text);
	size = fread(text, 1, 1u << 20, db);
	fclose(db);
	assert_null(memmem(text, size, token, 64));
	free(text);
	/* Good once; a machine that is not added does not use it up. */
	site_record(&t->w->a, &record, ak);
	must_not(store_machine_add(t->store, &record, "", "token", token, 15, &err), &err,
		 ATT_E_REFUSED, "already");
	att_bytes_free(&record);
	must(store_token_check(t->store, token, 15, &err), &err);
	site_record(&t->w->b, &record, ak);
	must_not(store_machine_add(t->store, &record, "", "token", token, 25, &err), &err,
		 ATT_E_REFUSED, "expired");
	assert_int_equal(rows(t, STORE_MACHINES), 1);
	must(store_machine_add(t->store, &record, "", "token", token, 15, &err), &err);
	must_not(store_token_check(t->store, token, 15, &err), &err, ATT_E_REFUSED, "used");
	must(store_machine_remove(t->store, ak, &err), &err);
	must_not(store_machine_add(t->store, &record, "", "token", token, 15, &err), &err,
		 ATT_E_REFUSED, "used");
	att_bytes_free(&record);
}

static void names(void **state)
{
	static const char *const bad[] = { "",	  "-x",	  ".x", "a b", "a'b",	  "a;b",
					   "a/b", "a\"b", "%",	"*",   "\xc3\xa4" };
	char longest[STORE_NAME_MAX + 2];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(store_name_ok(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[STORE_NAME_MAX] = '\0';
	assert_true(store_name_ok(longest));
	longest[STORE_NAME_MAX] = 'a';
	longest[STORE_NAME_MAX + 1] = '\0';
	assert_false(store_name_ok(longest));
	assert_true(store_name_ok("A-1_b.c"));
}

/* ---- The file ---- */

static void other_files(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct store *s;

	refuses_file(t, "none", STORE_ADMIN, ATT_E_IO, "unable to open");
	site_write(t, "text",
		   "this is no database, and longer than the head of one would be, "
		   "which has a hundred bytes; so there are some more of them here");
	refuses_file(t, "text", STORE_ADMIN, ATT_E_FORMAT, "not a database");
	refuses_file(t, "text", STORE_CREATE, ATT_E_FORMAT, "not a database");
	exec_raw(t, "foreign", "CREATE TABLE x (y); PRAGMA user_version = 0");
	refuses_file(t, "foreign", STORE_CREATE, ATT_E_REFUSED, "another program's");
	exec_raw(t, "foreign2", "CREATE TABLE x (y); PRAGMA application_id = 77");
	refuses_file(t, "foreign2", STORE_CREATE, ATT_E_REFUSED, "another program's");
	/* Empty: an older one, which only init may touch. */
	site_write(t, "empty", "");
	refuses_file(t, "empty", STORE_ADMIN, ATT_E_REFUSED, "hgverifyd init");
	s = store_open(site_path(t, "empty"), STORE_CREATE, &err);
	assert_non_null(s);
	store_close(s);
	s = store_open(site_path(t, "empty"), STORE_CHECK, &err);
	assert_non_null(s);
	store_close(s);
	exec_raw(t, "empty", "PRAGMA user_version = 99");
	refuses_file(t, "empty", STORE_ADMIN, ATT_E_REFUSED, "newer hgverifyd");
	refuses_file(t, "empty", STORE_CREATE, ATT_E_REFUSED, "newer hgverifyd");
}

static void must_link(const struct site *t, const char *to, const char *name)
{
	assert_int_equal(symlink(to, site_path(t, name)), 0);
}

/* Its folder may be another user's, who puts a link where root makes a file or opens one. */
static void links(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	struct store *s;
	struct stat st;

	must_link(t, site_path(t, "victim"), "new");
	refuses_file(t, "new", STORE_CREATE, ATT_E_IO, "symbolic link");
	assert_int_equal(lstat(site_path(t, "victim"), &st), -1);
	must_link(t, site_path(t, "db"), "other");
	refuses_file(t, "other", STORE_CREATE, ATT_E_IO, "symbolic link");
	refuses_file(t, "other", STORE_ADMIN, ATT_E_IO, "symbolic link");
	refuses_file(t, "other", STORE_CHECK, ATT_E_IO, "symbolic link");
	/* A link to the folder is the operator's. */
	must_link(t, t->dir, "folder");
	s = store_open(site_path(t, "folder/db"), STORE_ADMIN, &err);
	if (!s)
		fail_msg("%s", err.text);
	store_close(s);
}

static void private_file(void **state)
{
	struct site *t = *state;
	struct stat st;

	assert_int_equal(stat(site_path(t, "db"), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

static void damaged(void **state)
{
	struct site *t = *state;
	struct att_error err = { 0 };
	uint8_t junk[512];
	char *body;
	int fd, status;
	json_t *o;
	off_t at;

	/* All into the one file, then junk over its rows. */
	store_close(t->store);
	t->store = NULL;
	memset(junk, 0x5a, sizeof(junk));
	fd = open(site_path(t, "db"), O_RDWR);
	assert_true(fd >= 0);
	for (at = 4096; at < 4096 * 4; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
	refuses_file(t, "db", STORE_CHECK, ATT_E_FORMAT, "");
	/* A worker that has it open already gives no secret, and says so. */
	t->store = store_open(t->cfg.database, STORE_ADMIN, &err);
	if (!t->store)
		return;
	body = site_request("0000000000000000000000000000000000", "{}", "");
	o = site_ask(t, "/v1/verify", body, &status);
	assert_true(status >= 400);
	json_decref(o);
	free(body);
	site_nothing_released(t);
}

/* As another user, for root may write everything. */
static void read_only(void **state)
{
	struct site *t = *state;

	assert_int_equal(chmod(t->dir, 0755), 0);
	assert_int_equal(chmod(site_path(t, "db"), 0444), 0);
	if (!geteuid())
		assert_int_equal(seteuid(65534), 0);
	refuses_file(t, "db", STORE_ADMIN, ATT_E_IO, "cannot be written");
	if (geteuid() == 65534)
		assert_int_equal(seteuid(0), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(machines),	 T(found_by_key), T(devices),	   T(policies), T(secrets),
		T(reseal_whole), T(rekeyed),	  T(migrated),	   T(tokens),	T(names),
		T(other_files),	 T(links),	  T(private_file), T(damaged),	T(read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
