// SPDX-License-Identifier: Apache-2.0
/*
 * What a verification costs, step by step, and what hgverifyd does under load.
 *
 *   attest-bench steps DIR             microseconds of each step, one a line
 *   attest-bench prepare DIR N         a database of N machines, one of which load plays
 *   attest-bench load URL DIR SECONDS  how many verifications were answered, in what time
 *
 * DIR has server.crt and server.key. The machine is the tests' made-up one.
 */
#include <assert.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "ear.h"
#include "key.h"
#include "machine.h"
#include "quote.h"
#include "report.h"
#include "store.h"
#include "tls.h"
#include "tpmkey.h"

#define RUNS_MIN 30
#define TIME_MIN 0.4 /* s */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct bench {
	struct machine m;
	struct att_bytes cvm, evidence;
	EVP_PKEY *ear;
	struct att_evidence *ev;
	struct att_policy *policy;
	struct att_result *res;
	uint8_t nonce[32], name[ATT_NAME_MAX];
	size_t name_size;
	struct store *store;
	struct audit *audit;
	SSL_CTX *server, *client;
	EVP_PKEY *ak;
};

/* ---- The machine ---- */

static void name_of(const struct machine *m, uint8_t name[ATT_NAME_MAX], size_t *size)
{
	struct att_error err;
	TPMT_PUBLIC pub;

	if (att_tpm_public_parse(&m->ak_public, &pub, &err) ||
	    att_tpm_name(&m->ak_public, &pub, name, size, &err))
		abort();
}

static char *reference_of(const struct machine *m)
{
	static const uint32_t pcrs[] = { 0, 2, 4, 7, 8, 9 };
	char hex[2 * ATT_HASH_MAX + 1], *text = NULL;
	size_t size, i;
	FILE *to = open_memstream(&text, &size);

	fprintf(to, "{ \"version\": 1, \"type\": \"hypergpu-reference-values\", "
		    "\"pcrs\": { \"sha256\": {");
	for (i = 0; i < ARRAY_SIZE(pcrs); i++) {
		att_hex(m->pcr[1][pcrs[i]], 32, hex);
		fprintf(to, "%s \"%u\": [\"%s\"]", i ? "," : "", pcrs[i], hex);
	}
	att_hex(m->build_id, 20, hex);
	fprintf(to,
		" } }, \"l0\": [ { \"version\": \"%s\", \"build_id\": \"%s\", "
		"\"srcversion\": \"%s\" } ],",
		L0_VERSION, hex, L0_SRCVERSION);
	att_hex(m->launch_digest, 32, hex);
	fprintf(to,
		"\"launch\": [ { \"digest\": \"%s\", \"policy\": 1, \"vcpus\": 2, "
		"\"levels\": [1] } ] }",
		hex);
	fclose(to);
	return text;
}

static const char policy_text[] =
	"{ \"version\": 1, \"type\": \"hypergpu-policy\", \"id\": \"bench\", "
	"\"pcrs\": [0, 2, 4, 7, 8, 9] }";

static char *record_of(const struct machine *m)
{
	char hex[2 * ATT_NAME_MAX + 1], *text = NULL;
	uint8_t name[ATT_NAME_MAX];
	size_t size;

	name_of(m, name, &size);
	att_hex(name, size, hex);
	if (asprintf(&text,
		     "{ \"version\": 1, \"type\": \"hypergpu-enrolment\", \"ak_name\": \"%s\", "
		     "\"ek_certificate_sha256\": \"%064d\", \"enrolled\": 1 }",
		     hex, 0) < 0)
		abort();
	return text;
}

/* Takes the attestation key of a file in place of the new one. */
static void use_key(struct machine *m, const char *path)
{
	FILE *from = fopen(path, "r");
	struct att_error err;
	TPMT_PUBLIC pub;
	uint8_t xy[64];

	if (!from || att_tpm_public_parse(&m->ak_public, &pub, &err))
		abort();
	EVP_PKEY_free(m->ak);
	m->ak = PEM_read_PrivateKey(from, NULL, NULL, NULL);
	fclose(from);
	if (!m->ak || att_key_point(m->ak, xy, sizeof(xy), &err))
		abort();
	memcpy(pub.unique.ecc.x.buffer, xy, 32);
	memcpy(pub.unique.ecc.y.buffer, xy + 32, 32);
	att_bytes_free(&m->ak_public);
	if (att_tpm_public_dump(&pub, &m->ak_public, &err))
		abort();
}

/* ---- Steps ---- */

static void do_parse(struct bench *b)
{
	struct att_error err;

	att_evidence_free(att_evidence_parse((char *)b->evidence.data, b->evidence.size, &err));
}

static void do_replay(struct bench *b)
{
	const struct att_alg *bank = att_alg_by_name("sha256");
	uint8_t value[ATT_HASH_MAX];
	struct att_error err;
	struct att_log log;
	size_t events;
	uint32_t pcr;

	if (att_log_parse(b->ev->boot_log.data, b->ev->boot_log.size, &log, &err))
		abort();
	for (pcr = 0; pcr < 10; pcr++)
		att_log_replay(&log, bank, pcr, value, &events, &err);
	att_log_free(&log);
}

static void do_quote(struct bench *b)
{
	const struct att_alg *hash;
	struct att_error err;

	if (att_quote_verify(&b->ev->message, &b->ev->signature, b->ak, &hash, &err))
		abort();
}

static void do_report(struct bench *b)
{
	uint8_t xy[ATT_KEY_MAX];
	struct att_report rep;
	struct att_error err;

	if (att_key_point(b->m.report_key, xy, 64, &err) ||
	    att_report_parse(b->ev->report.data, b->ev->report.size, &rep, &err) ||
	    att_report_verify(&rep, xy, &err))
		abort();
}

static void do_appraise(struct bench *b)
{
	struct att_error err;
	struct att_result *res = att_appraise_with(b->ev, b->policy, store_machine_find, b->store,
						   b->nonce, 32, 1, &err);

	if (!res || att_result_verdict(res))
		abort();
	att_result_free(res);
}

static void do_ear(struct bench *b)
{
	struct att_error err;

	free(att_result_ear_with(b->res, b->ear, &err));
}

static void do_release(struct bench *b)
{
	struct att_error err;

	free(att_release(b->res, (const uint8_t *)"0123456789abcdef0123456789abcdef", 32, &err));
}

static void do_lookup(struct bench *b)
{
	uint8_t ek[32];

	if (store_machine_find(b->store, b->name, b->name_size, ek) != ATT_AK_TRUSTED)
		abort();
}

static void do_generation(struct bench *b)
{
	struct att_error err;

	store_generation(b->store, &err);
}

static void note(struct bench *b, bool durable)
{
	const struct audit_entry e = { .event = "verify",
				       .request = "0123456789ab-1",
				       .remote = "127.0.0.1:1234",
				       .policy = "bench",
				       .nonce = b->nonce,
				       .nonce_size = 32 };
	struct att_error err;

	if (audit_write(b->audit, &e, durable, &err))
		abort();
}

static void do_note(struct bench *b)
{
	note(b, false);
}

static void do_note_durable(struct bench *b)
{
	note(b, true);
}

/* Both ends of a handshake, in memory. */
static void do_handshake(struct bench *b)
{
	SSL *server = SSL_new(b->server), *client = SSL_new(b->client);
	BIO *one, *other;

	BIO_new_bio_pair(&one, 0, &other, 0);
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, other, other);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	while (SSL_do_handshake(client) != 1 || SSL_do_handshake(server) != 1)
		SSL_do_handshake(server);
	SSL_free(client);
	SSL_free(server);
}

/* The peer: what no verifier of a quote and a report can do without, by OpenSSL alone. */
static void do_peer(struct bench *b)
{
	static uint8_t sig[64];
	static bool signed_once;
	struct att_error err;

	if (!signed_once && att_ecdsa_sign(b->ak, "SHA256", b->nonce, 32, sig, 64, &err))
		abort();
	signed_once = true;
	if (att_ecdsa_verify(b->ak, "SHA256", b->nonce, 32, sig, 64, &err))
		abort();
}

/* The median of what one call takes, in microseconds. */
static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure(struct bench *b, const char *name, void (*step)(struct bench *b))
{
	static double took[100000];
	double start = now();
	size_t n = 0;

	step(b);
	while (n < ARRAY_SIZE(took) && (n < RUNS_MIN || now() - start < TIME_MIN)) {
		double before = now();

		step(b);
		took[n++] = now() - before;
	}
	qsort(took, n, sizeof(*took), compare);
	printf("%s %.1f\n", name, took[n / 2] * 1e6);
	fflush(stdout);
}

static const char *in(const char *dir, const char *name)
{
	static char path[4][300];
	static unsigned int next;

	snprintf(path[next % 4], sizeof(path[0]), "%s/%s", dir, name);
	return path[next++ % 4];
}

static void fill(const char *db, const char *count, const struct machine *m)
{
	char sql[400], *record = record_of(m);
	struct att_bytes text = { (uint8_t *)record, strlen(record) };
	struct att_error err = { 0 };
	struct store *s = store_open(db, STORE_CREATE, &err);
	sqlite3 *raw;

	if (!s || store_machine_add(s, &text, "bench", "bench", NULL, 1, &err)) {
		fprintf(stderr, "attest-bench: %s\n", err.text);
		exit(1);
	}
	store_close(s);
	snprintf(
		sql, sizeof(sql),
		"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		"INSERT INTO machines SELECT CAST(X'000b' || randomblob(32) AS BLOB), randomblob(32), "
		"'{}', 'made up', 1, 'bench', NULL FROM n",
		atoi(count));
	if (sqlite3_open(db, &raw) ||
	    (atoi(count) > 1 && sqlite3_exec(raw, sql, NULL, NULL, NULL))) {
		fprintf(stderr, "attest-bench: %s\n", sqlite3_errmsg(raw));
		exit(1);
	}
	sqlite3_close(raw);
	free(record);
}

static void prepare(struct bench *b, const char *dir)
{
	char *reference, *text;
	struct att_error err = { 0 };

	machine_boot(&b->m, "bench", ATT_SIG_P256);
	name_of(&b->m, b->name, &b->name_size);
	memset(b->nonce, 0x5a, sizeof(b->nonce));
	b->ear = att_key_new("P-256", &err);
	if (att_cvm_key(&b->cvm, &err) || !b->ear)
		abort();
	b->ev = machine_evidence(&b->m, b->nonce, 32, &b->cvm);
	text = att_evidence_dump(b->ev);
	b->evidence = (struct att_bytes){ (uint8_t *)text, strlen(text) };
	b->policy = att_policy_parse(policy_text, sizeof(policy_text) - 1, &err);
	reference = reference_of(&b->m);
	if (!b->policy || att_policy_add_reference(b->policy, reference, strlen(reference), &err))
		abort();
	free(reference);
	b->ak = b->m.ak;
	b->audit = audit_open(in(dir, "steps.audit"), 1, &err);
	b->server = tls_server(in(dir, "server.crt"), in(dir, "server.key"), NULL, false, &err);
	b->client = tls_client(in(dir, "server.crt"), NULL, NULL, &err);
	if (!b->audit || !b->server || !b->client) {
		fprintf(stderr, "attest-bench: %s\n", err.text);
		exit(1);
	}
}

static int steps(const char *dir)
{
	static const char *const counts[] = { "10", "1000", "10000" };
	struct att_error err = { 0 };
	struct bench b = { 0 };
	char name[40];
	size_t i;

	prepare(&b, dir);
	printf("evidence-bytes %zu\n", b.evidence.size);
	measure(&b, "p256-verify", do_peer);
	measure(&b, "parse", do_parse);
	measure(&b, "log-replay", do_replay);
	measure(&b, "quote-signature", do_quote);
	measure(&b, "report-signature", do_report);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		snprintf(name, sizeof(name), "steps-%s.db", counts[i]);
		fill(in(dir, name), counts[i], &b.m);
		store_close(b.store);
		b.store = store_open(in(dir, name), STORE_ADMIN, &err);
		if (!b.store)
			abort();
		snprintf(name, sizeof(name), "lookup-%s", counts[i]);
		measure(&b, name, do_lookup);
	}
	measure(&b, "policy-generation", do_generation);
	measure(&b, "appraisal", do_appraise);
	b.res = att_appraise_with(b.ev, b.policy, store_machine_find, b.store, b.nonce, 32, 1,
				  &err);
	measure(&b, "ear", do_ear);
	measure(&b, "release", do_release);
	measure(&b, "audit-line", do_note);
	measure(&b, "audit-line-on-disk", do_note_durable);
	measure(&b, "tls-handshake-both-ends", do_handshake);
	return 0;
}

/* ---- Load ---- */

struct load {
	const char *url, *ca, *dir;
	double end;
	uint64_t done;
	bool failed;
	pthread_t thread;
};

static bool verify_once(struct att_client *c, const struct machine *m, const struct att_bytes *cvm,
			struct att_error *err)
{
	struct att_answer answer;
	struct att_evidence *ev;
	struct att_bytes text;
	unsigned int seconds;
	uint8_t nonce[32];
	bool ok;

	if (att_client_challenge(c, nonce, 32, &seconds, err))
		return false;
	ev = machine_evidence(m, nonce, 32, cvm);
	text.data = (uint8_t *)att_evidence_dump(ev);
	text.size = strlen((char *)text.data);
	att_evidence_free(ev);
	ok = !att_client_submit(c, nonce, 32, NULL, NULL, &text, &answer, err);
	att_bytes_free(&text);
	if (ok && answer.verdict) {
		snprintf(err->text, sizeof(err->text), "%.400s", answer.result);
		ok = false;
	}
	if (ok)
		att_answer_free(&answer);
	return ok;
}

static void *run_load(void *opaque)
{
	struct load *l = opaque;
	struct att_server server = { .url = l->url, .ca = l->ca };
	struct att_error err = { 0 };
	struct att_bytes cvm;
	struct att_client *c = att_client_new(&server, &err);
	struct machine m;

	machine_boot(&m, "bench", ATT_SIG_P256);
	use_key(&m, in(l->dir, "ak.pem"));
	if (att_cvm_key(&cvm, &err))
		abort();
	while (c && now() < l->end && !l->failed) {
		l->failed = !verify_once(c, &m, &cvm, &err);
		l->done += !l->failed;
	}
	if (!c || l->failed) {
		fprintf(stderr, "attest-bench: %s\n", err.text);
		l->failed = true;
	}
	att_client_free(c);
	return NULL;
}

static int load(const char *url, const char *dir, const char *seconds)
{
	struct load l[2] = { { 0 } };
	double start = now();
	uint64_t done = 0;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_SIZE(l); i++) {
		l[i] = (struct load){ .url = url,
				      .ca = in(dir, "server.crt"),
				      .dir = dir,
				      .end = start + atof(seconds) };
		pthread_create(&l[i].thread, NULL, run_load, &l[i]);
	}
	for (i = 0; i < ARRAY_SIZE(l); i++) {
		pthread_join(l[i].thread, NULL);
		done += l[i].done;
		if (l[i].failed)
			return 1;
	}
	printf("%llu %.3f\n", (unsigned long long)done, now() - start);
	return 0;
}

/* The machine that load() plays: its key, its record in the database, its reference values. */
static int prepare_load(const char *dir, const char *count)
{
	char *reference;
	struct machine m;
	FILE *to;

	machine_boot(&m, "bench", ATT_SIG_P256);
	to = fopen(in(dir, "ak.pem"), "w");
	if (!to || !PEM_write_PrivateKey(to, m.ak, NULL, NULL, 0, NULL, NULL) || fclose(to))
		abort();
	fill(in(dir, "db"), count, &m);
	reference = reference_of(&m);
	to = fopen(in(dir, "reference.json"), "w");
	if (!to || fputs(reference, to) < 0 || fclose(to))
		abort();
	to = fopen(in(dir, "policy.json"), "w");
	if (!to || fputs(policy_text, to) < 0 || fclose(to))
		abort();
	free(reference);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "steps"))
		return steps(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "prepare"))
		return prepare_load(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: attest-bench steps DIR | prepare DIR N | load URL DIR SECONDS\n");
	return 2;
}
