// SPDX-License-Identifier: Apache-2.0
#include "admin.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "bytes.h"
#include "file.h"
#include "sandbox.h"
#include "secrets.h"
#include "store.h"

#define JSON_FILE_MAX (4u << 20)

int admin_failed(const struct att_error *err)
{
	complain("%s", err->text);
	return err->code == ATT_E_FORMAT ? ADMIN_DAMAGED : ADMIN_FAILED;
}

/* ---- Lists ---- */

static void put_time(const json_t *v)
{
	time_t t = (time_t)json_integer_value(v);
	char text[32];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(text, "?");
	printf("%s", text);
}

/* One line an object; what is long or not set is left out. */
static void put_row(json_t *row)
{
	const char *name, *sep = "";
	json_t *v;

	json_object_foreach(row, name, v) {
		if (json_is_null(v) || !strcmp(name, "json"))
			continue;
		printf("%s%s=", sep, name);
		if (json_is_integer(v))
			put_time(v);
		else
			printf("%s", json_string_value(v));
		sep = "  ";
	}
	putchar('\n');
}

static int show_list(const struct admin *a, struct store *s, enum store_table table)
{
	struct att_error err = { 0 };
	json_t *list = store_list(s, table, &err), *row;
	size_t i;

	if (!list)
		return admin_failed(&err);
	if (a->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		json_array_foreach(list, i, row) {
			put_row(row);
		}
	}
	json_decref(list);
	return fflush(stdout) ? ADMIN_FAILED : ADMIN_DONE;
}

static int list_machines(struct admin *a, struct store *s)
{
	return show_list(a, s, STORE_MACHINES);
}

static int list_devices(struct admin *a, struct store *s)
{
	return show_list(a, s, STORE_DEVICES);
}

static int list_references(struct admin *a, struct store *s)
{
	return show_list(a, s, STORE_REFERENCES);
}

static int list_policies(struct admin *a, struct store *s)
{
	return show_list(a, s, STORE_POLICIES);
}

static int list_secrets(struct admin *a, struct store *s)
{
	return show_list(a, s, STORE_SECRETS);
}

static int list_tokens(struct admin *a, struct store *s)
{
	return show_list(a, s, STORE_TOKENS);
}

/* ---- Changes ---- */

static int done(int ret, const struct att_error *err)
{
	if (!ret)
		return ADMIN_DONE;
	complain("%s", err->text);
	return ADMIN_FAILED;
}

static int add_machine(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };
	struct att_bytes record;
	int ret;

	if (file_read(a->word[2], 65536, &record))
		return ADMIN_FAILED;
	ret = store_machine_add(s, &record, a->label, "hgverifyd machine add", NULL, a->now, &err);
	att_bytes_free(&record);
	return done(ret, &err);
}

static int revoke_machine(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_machine_revoke(s, a->word[2], true, a->now, &err), &err);
}

static int restore_machine(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_machine_revoke(s, a->word[2], false, a->now, &err), &err);
}

static int remove_machine(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_machine_remove(s, a->word[2], &err), &err);
}

static int add_reference(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };
	struct att_bytes json;
	int ret;

	if (file_read(a->word[3], JSON_FILE_MAX, &json))
		return ADMIN_FAILED;
	ret = store_reference_add(s, a->word[2], &json, a->replace, a->now, &err);
	att_bytes_free(&json);
	return done(ret, &err);
}

static int remove_reference(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_reference_remove(s, a->word[2], &err), &err);
}

static int add_policy(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };
	struct att_bytes json;
	int ret;

	if (file_read(a->word[3], JSON_FILE_MAX, &json))
		return ADMIN_FAILED;
	ret = store_policy_add(s, a->word[2], &json, a->reference, a->references, a->replace,
			       a->now, &err);
	att_bytes_free(&json);
	return done(ret, &err);
}

static int remove_policy(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_policy_remove(s, a->word[2], &err), &err);
}

static int add_device(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };
	struct att_bytes json;
	int ret;

	if (!a->kind) {
		complain("device add wants --kind");
		return ADMIN_USAGE;
	}
	if (file_read(a->word[3], JSON_FILE_MAX, &json))
		return ADMIN_FAILED;
	ret = store_device_add(s, a->word[2], a->kind, &json, a->machine, a->now, &err);
	att_bytes_free(&json);
	return done(ret, &err);
}

static int remove_device(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_device_remove(s, a->word[2], &err), &err);
}

static int create_token(struct admin *a, struct store *s)
{
	char token[2 * STORE_TOKEN + 1];
	struct att_error err = { 0 };

	if (store_token_create(s, a->label ? a->label : "", a->now, a->now + a->days * 86400ll,
			       token, &err))
		return done(-1, &err);
	if (a->json)
		printf("{ \"token\": \"%s\" }\n", token);
	else
		puts(token);
	OPENSSL_cleanse(token, sizeof(token));
	return fflush(stdout) ? ADMIN_FAILED : ADMIN_DONE;
}

static int remove_token(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_token_remove(s, a->word[2], &err), &err);
}

/* ---- Secrets ---- */

static int read_secrets_key(const char *path, struct secrets_key *key)
{
	struct att_error err = { 0 };

	if (!path) {
		complain("[verify] secrets_key is missing in the configuration");
		return -1;
	}
	if (!secrets_key_load(key, path, &err))
		return 0;
	complain("%s", err.text);
	return -1;
}

static int add_secret(struct admin *a, struct store *s)
{
	struct att_bytes secret, sealed = { 0 };
	struct att_error err = { 0 };
	struct secrets_key key;
	int ret;

	if (!a->policy) {
		complain("secret add wants --policy, the rule by which it is released");
		return ADMIN_USAGE;
	}
	if (read_secrets_key(a->cfg->secrets_key, &key) ||
	    file_read(a->word[3], ATT_SECRET_MAX, &secret))
		return ADMIN_FAILED;
	ret = secrets_seal(&key, a->word[2], a->policy, &secret, &sealed, &err);
	att_bytes_free(&secret);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!ret)
		ret = store_secret_add(s, a->word[2], a->policy, &sealed, a->replace, a->now, &err);
	att_bytes_free(&sealed);
	return done(ret, &err);
}

static int remove_secret(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };

	return done(store_secret_remove(s, a->word[2], &err), &err);
}

/* As root, a key that is made becomes the service's own. */
static int write_key(const struct config *cfg, const char *path, const struct att_bytes *text)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	const struct passwd *pw;

	if (cfg->user && !geteuid()) {
		pw = getpwnam(cfg->user);
		if (!pw) {
			complain("there is no user '%s': useradd --system %s", cfg->user,
				 cfg->user);
			return -1;
		}
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	if (file_write_for(path, text->data, text->size, 0600, uid, gid))
		return -1;
	printf("hgverifyd: made %s\n", path);
	return 0;
}

/* A file with a new key, unless it is there. */
static int make_secrets_key(const struct config *cfg, const char *path)
{
	struct att_error err = { 0 };
	struct att_bytes text;
	int ret;

	if (!access(path, F_OK))
		return 0;
	if (secrets_key_new(&text, &err)) {
		complain("%s", err.text);
		return -1;
	}
	ret = write_key(cfg, path, &text);
	att_bytes_free(&text);
	return ret;
}

struct rekey {
	struct secrets_key old, new;
};

static int reseal(void *opaque, const char *name, const char *policy, const struct att_bytes *old,
		  struct att_bytes *new, struct att_error *err)
{
	const struct rekey *r = opaque;
	struct att_bytes secret;
	int ret;

	if (secrets_open(&r->old, name, policy, old, &secret, err))
		return -1;
	ret = secrets_seal(&r->new, name, policy, &secret, new, err);
	att_bytes_free(&secret);
	return ret;
}

static int rekey_secrets(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };
	struct rekey r;
	int ret = ADMIN_FAILED;

	if (!make_secrets_key(a->cfg, a->word[2]) &&
	    !read_secrets_key(a->cfg->secrets_key, &r.old) &&
	    !read_secrets_key(a->word[2], &r.new)) {
		store_set_key(s, &r.old);
		ret = done(store_secret_reseal(s, reseal, &r, &r.new, &err), &err);
		if (!ret)
			printf("hgverifyd: now set secrets_key = %s, and restart\n", a->word[2]);
	}
	OPENSSL_cleanse(&r, sizeof(r));
	return ret;
}

/* ---- init ---- */

static int make_ear_key(const struct config *cfg, const char *path)
{
	struct att_error err = { 0 };
	struct att_bytes pem;
	int ret;

	if (!access(path, F_OK))
		return 0;
	if (att_cvm_key(&pem, &err)) {
		complain("%s", err.text);
		return -1;
	}
	ret = write_key(cfg, path, &pem);
	att_bytes_free(&pem);
	return ret;
}

static int init(struct admin *a)
{
	struct att_error err = { 0 };
	struct store *s;

	if (make_ear_key(a->cfg, a->cfg->ear_key) ||
	    (a->cfg->secrets_key && make_secrets_key(a->cfg, a->cfg->secrets_key)))
		return ADMIN_FAILED;
	/* The database's folder is the service's: root has no business there. */
	if (a->cfg->user && !geteuid() && sandbox_become(a->cfg->user, &err))
		return admin_failed(&err);
	s = store_open(a->cfg->database, STORE_CREATE, &err);
	if (!s)
		return admin_failed(&err);
	store_close(s);
	printf("hgverifyd: database %s is ready\n", a->cfg->database);
	return ADMIN_DONE;
}

/* ---- Which command ---- */

static const struct command {
	const char *noun, *verb;
	int words; /* behind them */
	int (*run)(struct admin *a, struct store *s);
	bool keyed; /* changes what the secrets' key authenticates */
} commands[] = {
	{ "machine", "add", 1, add_machine, true },
	{ "machine", "list", 0, list_machines, false },
	{ "machine", "revoke", 1, revoke_machine, true },
	{ "machine", "restore", 1, restore_machine, true },
	{ "machine", "remove", 1, remove_machine, true },
	{ "reference", "add", 2, add_reference, true },
	{ "reference", "list", 0, list_references, false },
	{ "reference", "remove", 1, remove_reference, true },
	{ "policy", "add", 2, add_policy, true },
	{ "policy", "list", 0, list_policies, false },
	{ "policy", "remove", 1, remove_policy, true },
	{ "secret", "add", 2, add_secret, false },
	{ "secret", "list", 0, list_secrets, false },
	{ "secret", "remove", 1, remove_secret, false },
	{ "secret", "rekey", 1, rekey_secrets, false },
	{ "device", "add", 2, add_device, false },
	{ "device", "list", 0, list_devices, false },
	{ "device", "remove", 1, remove_device, false },
	{ "token", "create", 0, create_token, true },
	{ "token", "list", 0, list_tokens, false },
	{ "token", "remove", 1, remove_token, true },
};

static const struct command *find(const struct admin *a)
{
	size_t i;

	for (i = 0; a->words > 1 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].noun, a->word[0]) && !strcmp(commands[i].verb, a->word[1]))
			return &commands[i];
	return NULL;
}

int admin_known(const struct admin *a)
{
	static const char *const alone[] = { "serve", "check", "init", "vouch" };
	const struct command *c = find(a);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(alone); i++) {
		if (strcmp(a->word[0], alone[i]))
			continue;
		if (a->words == 1)
			return 0;
		complain("%s wants nothing behind it", alone[i]);
		return ADMIN_USAGE;
	}
	if (c && a->words == c->words + 2)
		return 0;
	if (c)
		complain("%s %s wants %d more, not %d: see hgverifyd --help", c->noun, c->verb,
			 c->words, a->words - 2);
	else
		complain("there is no command '%s%s%s': see hgverifyd --help", a->word[0],
			 a->words > 1 ? " " : "", a->words > 1 ? a->word[1] : "");
	return ADMIN_USAGE;
}

static int use_key(const struct config *cfg, struct store *s)
{
	struct secrets_key key;
	int ret = cfg->secrets_key ? read_secrets_key(cfg->secrets_key, &key) : 0;

	if (!ret && cfg->secrets_key)
		store_set_key(s, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	return ret;
}

static int vouch(struct admin *a, struct store *s)
{
	struct att_error err = { 0 };
	int ret;

	if (!a->cfg->secrets_key) {
		complain("[verify] secrets_key is missing in the configuration");
		return ADMIN_FAILED;
	}
	ret = done(store_vouch(s, &err), &err);
	if (!ret)
		printf("hgverifyd: database %s is vouched for\n", a->cfg->database);
	return ret;
}

int admin_run(struct admin *a, const struct config *cfg)
{
	const struct command *c = find(a);
	struct att_error err = { 0 };
	struct store *s;
	int ret;

	a->cfg = cfg;
	if (!strcmp(a->word[0], "init"))
		return init(a);
	s = store_open(cfg->database, STORE_ADMIN, &err);
	if (!s)
		return admin_failed(&err);
	if ((!c || c->keyed) && use_key(cfg, s))
		ret = ADMIN_FAILED;
	else
		ret = c ? c->run(a, s) : vouch(a, s);
	store_close(s);
	return ret;
}

int admin_audit(struct admin *a)
{
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	char hash[2 * AUDIT_HASH + 1];
	int i;

	if (a->words < 3 || strcmp(a->word[1], "check")) {
		complain("audit check wants the files, the oldest first");
		return ADMIN_USAGE;
	}
	for (i = 2; i < a->words; i++)
		if (audit_check(a->word[i], &chain, &err))
			return admin_failed(&err);
	att_hex(chain.hash, sizeof(chain.hash), hash);
	if (a->json)
		printf("{ \"lines\": %" PRIu64 ", \"first\": %" PRIu64 ", \"last\": %" PRIu64
		       ", \"hash\": \"%s\", \"unfinished\": %" PRIu64 " }\n",
		       chain.lines, chain.first, chain.next ? chain.next - 1 : 0, hash, chain.torn);
	else
		printf("%" PRIu64 " lines, the first is number %" PRIu64
		       ", the last is number %" PRIu64 " with hash %s\n",
		       chain.lines, chain.first, chain.next ? chain.next - 1 : 0, hash);
	if (chain.first > 1)
		complain("the %" PRIu64 " lines before number %" PRIu64 " are not in these files",
			 chain.first - 1, chain.first);
	return ADMIN_DONE;
}
