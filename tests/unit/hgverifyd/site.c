// SPDX-License-Identifier: Apache-2.0
#include "site.h"

#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "tpmkey.h"

static int64_t time_ms = 1000000;

static int64_t site_clock(void)
{
	return __atomic_load_n(&time_ms, __ATOMIC_SEQ_CST);
}

static int64_t site_now(void)
{
	return 1800000000 + site_clock() / 1000;
}

void site_pass(int64_t ms)
{
	__atomic_add_fetch(&time_ms, ms, __ATOMIC_SEQ_CST);
}

const char *site_path(const struct site *t, const char *name)
{
	static _Thread_local char path[8][128];
	static _Thread_local unsigned int next;
	char *at = path[next++ % 8];

	snprintf(at, sizeof(path[0]), "%s/%s", t->dir, name);
	return at;
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_int_equal(fwrite(data, 1, size, to), size);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

void site_write(const struct site *t, const char *name, const char *text)
{
	write_file(site_path(t, name), text, strlen(text));
}

/* ---- Certificates ---- */

static EVP_PKEY *load_key(const char *path)
{
	FILE *from = fopen(path, "r");
	EVP_PKEY *key;

	assert_non_null(from);
	key = PEM_read_PrivateKey(from, NULL, NULL, NULL);
	fclose(from);
	assert_non_null(key);
	return key;
}

static X509 *load_certificate(const char *path)
{
	FILE *from = fopen(path, "r");
	X509 *cert;

	assert_non_null(from);
	cert = PEM_read_X509(from, NULL, NULL, NULL);
	fclose(from);
	assert_non_null(cert);
	return cert;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

void site_certificate(const struct site *t, const char *name, const char *ca)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), *by = key;
	X509 *cert = X509_new(), *issuer = NULL;
	X509_NAME *subject = X509_get_subject_name(cert);
	char file[64];
	FILE *to;

	assert_non_null(key);
	if (ca) {
		snprintf(file, sizeof(file), "%s.key", ca);
		by = load_key(site_path(t, file));
		snprintf(file, sizeof(file), "%s.crt", ca);
		issuer = load_certificate(site_path(t, file));
	}
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(cert, key);
	add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	if (!ca)
		add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(cert, by, EVP_sha256()) > 0);
	snprintf(file, sizeof(file), "%s.crt", name);
	to = fopen(site_path(t, file), "w");
	assert_true(to && PEM_write_X509(to, cert) == 1 && !fclose(to));
	snprintf(file, sizeof(file), "%s.key", name);
	to = fopen(site_path(t, file), "w");
	assert_true(to && PEM_write_PrivateKey(to, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		    !fclose(to));
	if (ca)
		EVP_PKEY_free(by);
	EVP_PKEY_free(key);
	X509_free(cert);
	X509_free(issuer);
}

void site_digest(const struct site *t, const char *name, uint8_t digest[32])
{
	unsigned int size = 32;
	char file[64];
	X509 *cert;

	snprintf(file, sizeof(file), "%s.crt", name);
	cert = load_certificate(site_path(t, file));
	assert_int_equal(X509_digest(cert, EVP_sha256(), digest, &size), 1);
	X509_free(cert);
}

/* ---- The database ---- */

void site_record(const struct machine *m, struct att_bytes *record, char ak[2 * ATT_NAME_MAX + 1])
{
	struct att_error err = { 0 };
	uint8_t name[ATT_NAME_MAX];
	char ek[65], text[400];
	TPMT_PUBLIC pub;
	size_t size;

	assert_int_equal(att_tpm_public_parse(&m->ak_public, &pub, &err), 0);
	assert_int_equal(att_tpm_name(&m->ak_public, &pub, name, &size, &err), 0);
	att_hex(name, size, ak);
	att_hex(m->boot_id, 32, ek); /* stands for the hash of its EK certificate */
	snprintf(text, sizeof(text),
		 "{ \"version\": 1, \"type\": \"hypergpu-enrolment\", \"ak_name\": \"%s\", "
		 "\"ek_certificate_sha256\": \"%s\", \"enrolled\": 1 }",
		 ak, ek);
	assert_int_equal(att_bytes_set(record, text, strlen(text)), 0);
}

/* The world's policy without its list of keys: those are the database's. */
static void policy_text(const struct world *w, struct att_bytes *json)
{
	struct att_error err = { 0 };
	char *text = world_policy_text(&w->a, "");
	json_t *o = att_json_parse(text, strlen(text), 65536, &err);

	assert_non_null(o);
	json_object_set_new(o, "trusted_aks", json_array());
	free(text);
	assert_int_equal(att_bytes_take_string(json, json_dumps(o, 0)), 0);
	json_decref(o);
}

static void add_secret(struct site *t, const char *name, const char *policy, const char *text)
{
	struct att_bytes secret = { (uint8_t *)(uintptr_t)text, strlen(text) }, sealed;
	struct att_error err = { 0 };

	assert_int_equal(secrets_seal(&t->s->secrets_key, name, policy, &secret, &sealed, &err), 0);
	if (store_secret_add(t->store, name, policy, &sealed, false, 1, &err))
		fail_msg("%s", err.text);
	att_bytes_free(&sealed);
}

static void fill(struct site *t)
{
	struct att_bytes record, json;
	struct att_error err = { 0 };

	site_record(&t->w->a, &record, t->ak);
	if (store_machine_add(t->store, &record, "machine a", "test", NULL, 1, &err))
		fail_msg("%s", err.text);
	att_bytes_free(&record);
	policy_text(t->w, &json);
	if (store_policy_add(t->store, "main", &json, NULL, 0, false, 1, &err) ||
	    store_policy_add(t->store, "other", &json, NULL, 0, false, 1, &err))
		fail_msg("%s", err.text);
	att_bytes_free(&json);
	add_secret(t, "model", "main", MODEL_KEY);
	add_secret(t, "spare", "other", OTHER_KEY);
}

/* ---- All of it ---- */

static char *copy(const char *text)
{
	char *c = strdup(text);

	assert_non_null(c);
	return c;
}

static void open_service(struct site *t)
{
	struct att_error err = { 0 };

	t->s = service_new(&t->cfg, &err);
	if (!t->s)
		fail_msg("%s", err.text);
	t->s->clock = site_clock;
	t->s->now = site_now;
	if (service_open_audit(t->s, &err))
		fail_msg("%s", err.text);
	store_set_key(t->store, &t->s->secrets_key);
}

void site_restart(struct site *t)
{
	service_free(t->s);
	open_service(t);
}

struct site *site_new(void)
{
	struct site *t = calloc(1, sizeof(*t));
	struct att_error err = { 0 };
	struct att_bytes text;

	assert_non_null(t);
	strcpy(t->dir, "/tmp/hgverifyd-test.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->w = world_new(ATT_SIG_P256);
	site_certificate(t, "server", NULL);
	site_certificate(t, "clients", NULL);
	site_certificate(t, "alice", "clients");
	site_certificate(t, "bob", "clients");
	assert_int_equal(att_cvm_key(&text, &err), 0);
	write_file(site_path(t, "ear.pem"), text.data, text.size);
	att_bytes_free(&text);
	site_write(t, "secrets.key",
		   "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
	config_init(&t->cfg);
	t->cfg.listen = copy("127.0.0.1:0");
	t->cfg.certificate = copy(site_path(t, "server.crt"));
	t->cfg.key = copy(site_path(t, "server.key"));
	t->cfg.database = copy(site_path(t, "db"));
	t->cfg.ear_key = copy(site_path(t, "ear.pem"));
	t->cfg.secrets_key = copy(site_path(t, "secrets.key"));
	t->cfg.audit = copy(site_path(t, "audit"));
	t->cfg.policy = copy("main");
	t->cfg.workers = 2;
	t->cfg.rate = t->cfg.identity_rate = 1000000;
	t->cfg.burst = t->cfg.identity_burst = 1000000;
	t->store = store_open(t->cfg.database, STORE_CREATE, &err);
	if (!t->store)
		fail_msg("%s", err.text);
	open_service(t);
	fill(t);
	strcpy(t->peer.remote, "192.0.2.1:1234");
	t->peer.source.key[0] = 4;
	return t;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void site_free(struct site *t)
{
	service_free(t->s);
	store_close(t->store);
	config_free(&t->cfg);
	world_free(t->w);
	assert_int_equal(nftw(t->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(t);
}

/* ---- Asking ---- */

char *site_evidence(const struct site *t, const struct machine *m, const char *nonce)
{
	uint8_t bytes[ATT_NONCE_MAX];
	int size = att_unhex(nonce, bytes, sizeof(bytes));
	struct att_evidence *ev;
	char *text;

	assert_true(size > 0);
	ev = machine_evidence(m, bytes, (size_t)size, &t->w->key);
	text = att_evidence_dump(ev);
	att_evidence_free(ev);
	assert_non_null(text);
	return text;
}

char *site_request(const char *nonce, const char *evidence, const char *more)
{
	char *text = NULL;

	assert_true(asprintf(&text, "{\"nonce\":\"%s\",\"evidence\":%s%s}", nonce, evidence, more) >
		    0);
	return text;
}

json_t *site_ask_as(struct site *t, const struct peer *peer, const char *path, const char *body,
		    const char *token, int *status)
{
	struct http_request q = { .method = HTTP_POST, .json = true, .has_length = true };
	struct answer a = { 0 };
	json_t *o;

	q.body_size = strlen(body);
	snprintf(q.path, sizeof(q.path), "%s", path);
	snprintf(q.bearer, sizeof(q.bearer), "%s", token);
	service_handle(t->s, t->store, peer, &q, body, &a);
	*status = a.status;
	o = json_loadb(a.body, a.size, 0, NULL);
	assert_non_null(o);
	/* Every refusal is named, and says something. */
	if (a.status != 200) {
		assert_non_null(json_string_value(json_object_get(o, "error")));
		assert_true(strlen(json_string_value(json_object_get(o, "message"))) > 5);
		assert_null(json_object_get(o, "jwe"));
	}
	answer_free(&a);
	return o;
}

json_t *site_ask(struct site *t, const char *path, const char *body, int *status)
{
	return site_ask_as(t, &t->peer, path, body, "", status);
}

void site_nonce(struct site *t, const struct peer *peer, char nonce[2 * ATT_NONCE_MAX + 1])
{
	int status;
	json_t *o = site_ask_as(t, peer, "/v1/challenge", "{}", "", &status);

	assert_int_equal(status, 200);
	strcpy(nonce, json_string_value(json_object_get(o, "nonce")));
	json_decref(o);
}

/* ---- The audit log ---- */

static char *read_audit(const struct site *t, size_t *size)
{
	FILE *from = fopen(site_path(t, "audit"), "r");
	char *text = calloc(1, 1u << 20);

	assert_true(from && text);
	*size = fread(text, 1, (1u << 20) - 1, from);
	fclose(from);
	return text;
}

json_t *site_audit(const struct site *t, size_t *lines)
{
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	size_t size, at;
	char *text = read_audit(t, &size);
	json_t *o;

	if (audit_check_text(text, size, &chain, &err))
		fail_msg("%s", err.text);
	assert_int_equal(chain.torn, 0);
	*lines = (size_t)chain.lines;
	for (at = size - 1; at && text[at - 1] != '\n'; at--)
		;
	o = json_loadb(text + at, size - at, 0, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

void site_nothing_released(const struct site *t)
{
	size_t size;
	char *text = read_audit(t, &size);

	assert_null(strstr(text, "\"released\":true"));
	assert_int_equal(t->s->metrics.released, 0);
	free(text);
}
