// SPDX-License-Identifier: Apache-2.0
/*
 * Each format by itself: what is right is read, what is wrong is refused with a
 * message that names it, and nothing comes back then.
 */
#include "check.h"
#include "world.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "error.h"
#include "json.h"
#include "jwe.h"
#include "key.h"
#include "policy.h"
#include "quote.h"

static void says(const struct att_error *err, enum att_code code, const char *text)
{
	if (err->code != code || !strstr(err->text, text))
		fail_msg("code %d, '%s': want code %d, '%s'", err->code, err->text, code, text);
}

/* ---- Bytes ---- */

static void base64(void **state)
{
	static const char *const good[] = { "",		"Zg==",	    "Zm8=",    "Zm9v",
					    "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const bad[] = { "Z",	   "Zg",   "Zg=",      "Zh==",	 "Zm9=", "Z===",
					   "Zm 9", "Zm-v", "Zg==Zg==", "Zm9v\n", "====" };
	struct att_error err = { 0 };
	struct att_bytes b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		char *again;

		assert_int_equal(att_unbase64(good[i], strlen(good[i]), 16, &b, "x", &err), 0);
		assert_int_equal(b.size, i);
		assert_memory_equal(b.data, "foobar", i);
		again = att_base64(b.data, b.size);
		assert_string_equal(again, good[i]);
		free(again);
		att_bytes_free(&b);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(att_unbase64(bad[i], strlen(bad[i]), 16, &b, "x", &err), -1);
		assert_null(b.data);
		says(&err, ATT_E_FORMAT, "x: ");
	}
	assert_int_equal(att_unbase64("Zm9v", 4, 2, &b, "x", &err), -1);
	says(&err, ATT_E_FORMAT, "at most 2");
	assert_int_equal(att_unbase64url("-_8", 3, 16, &b, "x", &err), 0);
	assert_memory_equal(b.data, "\xfb\xff", 2);
	att_bytes_free(&b);
	assert_int_equal(att_unbase64url("+/8", 3, 16, &b, "x", &err), -1);
	assert_int_equal(att_unbase64url("Zg==", 4, 16, &b, "x", &err), -1);
}

static void hexadecimal(void **state)
{
	uint8_t to[4];

	(void)state;
	assert_int_equal(att_unhex("00fFa0", to, 4), 3);
	assert_memory_equal(to, "\x00\xff\xa0", 3);
	assert_int_equal(att_unhex("", to, 4), 0);
	assert_int_equal(att_unhex("0", to, 4), -1);
	assert_int_equal(att_unhex("0g", to, 4), -1);
	assert_int_equal(att_unhex("0x00", to, 4), -1);
	assert_int_equal(att_unhex("0011223344", to, 4), -1);
}

static void reader(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct att_reader r = { data, sizeof(data), false };

	(void)state;
	assert_int_equal(att_read_u16(&r), 0x201);
	assert_int_equal(att_read_u8(&r), 3);
	assert_null(att_read(&r, SIZE_MAX));
	assert_true(r.bad);
	/* And it stays so. */
	assert_int_equal(att_read_u8(&r), 0);
	assert_null(att_read(&r, 0));
	assert_int_equal(r.left, 5);
}

/* ---- Logs ---- */

static int parse_log(const uint8_t *data, size_t size, struct att_error *err)
{
	/* An exact copy, so that ASan sees the first byte too many. */
	uint8_t *copy = malloc(size ? size : 1);
	struct att_log log;
	int ret;

	memcpy(copy, data, size);
	ret = att_log_parse(copy, size, &log, err);
	if (!ret)
		att_log_free(&log);
	free(copy);
	return ret;
}

static void log_cut(void **state)
{
	struct world *w = *state;
	struct att_error err = { 0 };
	size_t i, whole = 0;

	for (i = 0; i <= w->a.l0_log.size; i++)
		whole += !parse_log(w->a.l0_log.data, i, &err);
	/* After the Spec ID event, and after each of the two events. */
	assert_int_equal(whole, 3);
}

static void log_head(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *says;
	} bad[] = {
		{ 0, 1, "does not begin with a Spec ID" }, /* PCR */
		{ 4, 1, "does not begin with a Spec ID" }, /* type */
		{ 31, 0x7f, "ends inside its first event" }, /* size */
		{ 32, 'X', "TPM 1.2" },
		{ 56, 0, "0 algorithms" },
		{ 56, 9, "9 algorithms" },
		{ 56, 4, "not that of its contents" },
		{ 62, 21, "algorithm 0x4 with digests of 21 bytes" },
		{ 62, 0, "digests of 0 bytes" },
		{ 64, 4, "algorithm 0x4 with digests of 32" },
		{ 72, 1, "not that of its contents" }, /* vendor's information */
	};
	struct world *w = *state;
	struct writer *log = &w->a.boot_log;
	struct att_error err = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t was = log->data[bad[i].at];

		log->data[bad[i].at] = bad[i].value;
		assert_int_equal(parse_log(log->data, log->size, &err), -1);
		says(&err, ATT_E_FORMAT, bad[i].says);
		log->data[bad[i].at] = was;
	}
	assert_int_equal(parse_log(log->data, log->size, &err), 0);
}

static void log_event(void **state)
{
	struct world *w = *state;
	struct writer *log = &w->a.l0_log;
	const size_t event = 73; /* behind the Spec ID event of three banks */
	struct att_error err = { 0 };

	log->data[event] = 24;
	assert_int_equal(parse_log(log->data, log->size, &err), -1);
	says(&err, ATT_E_FORMAT, "event 1: PCR 24");
	log->data[event] = 13;
	log->data[event + 8] = 2;
	assert_int_equal(parse_log(log->data, log->size, &err), -1);
	says(&err, ATT_E_FORMAT, "event 1: 2 digests, but the log has 3 banks");
	log->data[event + 8] = 3;
	log->data[event + 12] = 0x0b;
	assert_int_equal(parse_log(log->data, log->size, &err), -1);
	log->data[event + 12] = 0x0d;
	assert_int_equal(parse_log(log->data, log->size, &err), -1);
	says(&err, ATT_E_FORMAT, "no bank of the log");
	log->data[event + 12] = 4;
	memset(log->data + event + 12 + 22 + 34 + 50, 0xff, 4); /* the event's size */
	assert_int_equal(parse_log(log->data, log->size, &err), -1);
	says(&err, ATT_E_FORMAT, "ends inside the event");
}

static void log_locality(void **state)
{
	struct world *w = *state;
	struct machine *m = &w->a;
	uint8_t value[ATT_HASH_MAX], want[32] = { 0 };
	struct att_error err = { 0 };
	struct writer log;
	struct att_log parsed;
	size_t events;

	log_start(&w->a, &log);
	log_add(m, &log, 0, EV_NO_ACTION, "StartupLocality\0\3", 17);
	log_add(m, &log, 0, 8, "v", 1);
	assert_int_equal(att_log_parse(log.data, log.size, &parsed, &err), 0);
	assert_int_equal(
		att_log_replay(&parsed, att_alg_by_name("sha256"), 0, value, &events, &err), 0);
	assert_int_equal(events, 1);
	want[31] = 3;
	assert_int_equal(
		att_hash2(att_alg_by_name("sha256"), want, 32, parsed.event[1].digest[1], 32, want),
		0);
	assert_memory_equal(value, want, 32);
	assert_int_equal(
		att_log_replay(&parsed, att_alg_by_name("sha512"), 0, value, &events, &err), -1);
	says(&err, ATT_E_FORMAT, "no digests of sha512");
	att_log_free(&parsed);
}

/* ---- The report ---- */

static void report_fields(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *says;
	} bad[] = {
		{ 0, 'X', "HGRP" },
		{ 4, 2, "version 2" },
		{ 6, 49, "305 signed" },
		{ 8, 0, "algorithm 0" },
		{ 8, 4, "algorithm 4" },
		{ 8, 2, "400 with its signature" },
		{ 12, 2, "flags 0x2" },
		{ 15, 0x80, "flags 0x80000000" },
		{ 32, 0, "level 0" },
		{ 32, 3, "level 3" },
		{ 36, 2, "digest algorithm 2" },
		{ 72, 1, "longer than 32" },
		{ 103, 1, "longer than 32" },
		{ 200, 0x1f, "not text" },
		{ 231, 'x', "not text" },
		{ 264, 1, "1 bound devices" },
		{ 268, 1, "reserved" },
		{ 272, 1, "bound devices" },
		{ 303, 1, "bound devices" },
	};
	struct world *w = *state;
	uint8_t data[ATT_REPORT_DATA] = { 0 }, bytes[ATT_REPORT_MAX];
	size_t size = machine_report(&w->a, w->a.report_key, data, bytes), i;
	struct att_error err = { 0 };
	struct att_report rep;

	assert_int_equal(size, 368);
	assert_int_equal(att_report_parse(bytes, size, &rep, &err), 0);
	assert_int_equal(rep.cvm_id, 7);
	assert_int_equal(rep.vcpus, 2);
	assert_string_equal(rep.l0_version, L0_VERSION);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t was = bytes[bad[i].at];

		bytes[bad[i].at] = bad[i].value;
		assert_int_equal(att_report_parse(bytes, size, &rep, &err), -1);
		says(&err, ATT_E_FORMAT, bad[i].says);
		bytes[bad[i].at] = was;
	}
	for (i = 0; i < size; i++)
		assert_int_equal(att_report_parse(bytes, i, &rep, &err), -1);
}

/* Computed with another program: it is in docs/attestation.md, "Report data". */
static void report_data_known(void **state)
{
	static const char want[] =
		"ec5e9e5e677e0f1845b6c6b568c664b2e4fc05b67c55f6cd4e346e899e9be71a736bcabdee45b07dceed602a692cb6929542c5fef22687177083cdaa370ab6f8";
	uint8_t nonce[16], spki[] = "0123456789", out[ATT_REPORT_DATA];
	char text[2 * ATT_REPORT_DATA + 1];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)i;
	assert_int_equal(att_report_bind(nonce, sizeof(nonce), spki, 10, out), 0);
	att_hex(out, sizeof(out), text);
	assert_string_equal(text, want);
}

/* ---- Evidence and policy ---- */

static char *replaced(const char *text, const char *what, const char *with)
{
	const char *at = strstr(text, what);
	char *out = NULL;

	if (!at)
		fail_msg("no '%s' in the text", what);
	assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what)) >
		    0);
	return out;
}

struct change {
	const char *what, *with, *says;
};

static void evidence_json(void **state)
{
	static const struct change bad[] = {
		{ "\"version\": 1", "\"version\": 2", "\"version\" is not 1" },
		{ "\"version\": 1", "\"version\": \"1\"", "\"version\" is not 1" },
		{ "\"version\": 1", "\"version\": 1, \"version\": 1", "not JSON" },
		{ "hypergpu-evidence", "something", "\"type\" is not" },
		{ "\"trust_root\": \"tpm\"", "\"trust_root\": \"TPM\"",
		  "\"trust_root\" is neither" },
		{ "\"trust_root\": \"tpm\"", "\"trust_root\": 1",
		  "\"trust_root\" is not a string" },
		{ "\"trust_root\": \"tpm\",", "", "\"trust_root\" is missing" },
		{ "\"trust_root\": \"tpm\"", "\"trust_root\": \"tpm\\u0000\"", "not JSON" },
		{ "\"tpm\": {", "\"tpm\": [], \"x\": {", "unknown member \"x\"" },
		{ "\"ak_public\": \"", "\"ak_public\": \"*", "ak_public: " },
		{ "\"pcrs\": [", "\"pcrs\": [1,", "value 0 is not hexadecimal" },
		{ "\"pcrs\": [", "\"pcrs\": [\"\",", "value 0 is not hexadecimal" },
		{ "\"report\":", "\"reports\":", "unknown member" },
		{ "\"cvm_key\": \"", "\"cvm_key\": \"\", \"x\": \"", "unknown member" },
	};
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w), *again;
	char *text = att_evidence_dump(ev), *changed;
	struct att_error err = { 0 };
	size_t i;

	again = att_evidence_parse(text, strlen(text), &err);
	assert_non_null(again);
	must_pass(w, again);
	att_evidence_free(again);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		changed = replaced(text, bad[i].what, bad[i].with);
		assert_null(att_evidence_parse(changed, strlen(changed), &err));
		says(&err, ATT_E_FORMAT, bad[i].says);
		free(changed);
	}
	for (i = 0; i + 2 < strlen(text); i += 11)
		assert_null(att_evidence_parse(text, i, &err));
	assert_null(att_evidence_parse(text, ATT_EVIDENCE_MAX + 1, &err));
	says(&err, ATT_E_FORMAT, "at most");
	att_bytes_free(&ev->cvm_key);
	free(text);
	text = att_evidence_dump(ev);
	assert_null(att_evidence_parse(text, strlen(text), &err));
	says(&err, ATT_E_FORMAT, "come together");
	free(text);
	att_evidence_free(ev);
}

/* What a message quotes cannot move a terminal's cursor. */
static void messages(void **state)
{
	static const char text[] = "{\"version\": 1, \"a\\u001b[2Jb\\u009bc\": 1}";
	static const char garbage[] = "{\"\x1b]0;x\x07";
	struct att_error err = { 0 };
	const char *p;

	(void)state;
	assert_null(att_evidence_parse(text, strlen(text), &err));
	says(&err, ATT_E_FORMAT, "a?[2Jb??c");
	assert_null(att_evidence_parse(garbage, strlen(garbage), &err));
	for (p = err.text; *p; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
}

static void evidence_deep(void **state)
{
	size_t size = 100000;
	char *text = malloc(size);
	struct att_error err = { 0 };

	(void)state;
	memset(text, '[', size);
	assert_null(att_evidence_parse(text, size, &err));
	says(&err, ATT_E_FORMAT, "not JSON");
	free(text);
}

static void policy_json(void **state)
{
	static const struct change bad[] = {
		{ "\"version\": 1", "\"version\": 0", "\"version\" is not 1" },
		{ "\"id\": \"test\"", "\"id\": \"a name that is longer than 32 bytes\"",
		  "longer than 32" },
		{ "\"id\": \"test\"", "\"id\": \"test\", \"pcr\": []", "unknown member \"pcr\"" },
		{ "\"id\": \"test\"", "\"id\": \"test\", \"development\": 1",
		  "neither true nor false" },
		{ "\"id\": \"test\"", "\"id\": \"test\", \"banks\": []", "\"banks\" is not" },
		{ "\"id\": \"test\"", "\"id\": \"test\", \"banks\": [\"md5\"]",
		  "unknown algorithm" },
		{ "[0, 2, 4, 7, 8, 9]", "[24]", "not a PCR" },
		{ "[0, 2, 4, 7, 8, 9]", "[-1]", "not a PCR" },
		{ "[0, 2, 4, 7, 8, 9]", "[\"0\"]", "not a PCR" },
		{ "[0, 2, 4, 7, 8, 9]", "0", "is not a list" },
		{ "\"pcrs\": [0, 2, 4, 7, 8, 9],", "", "which boot PCRs" },
		{ "\"trusted_aks\": [\"000b", "\"trusted_aks\": [\"", "not a TPM name" },
		{ "\"0\": [", "\"00a\": [", "is not a PCR" },
		{ "\"0\": [", "\"24\": [", "is not a PCR" },
		{ "\"0\": [", "\"0\": [\"00\", ", "not 64 hexadecimal" },
		{ "\"sha256\": {", "\"sha1\": {", "is not a bank" },
		{ "\"build_id\": \"b1", "\"build_id\": \"b", "\"build_id\"" },
		{ "\"levels\": [1]", "\"levels\": []", "\"levels\"" },
		{ "\"levels\": [1]", "\"levels\": [3]", "\"levels\"" },
		{ "\"vcpus\": 2", "\"vcpus\": 4294967296", "\"vcpus\"" },
		{ "\"vcpus\": 2", "\"vcpus\": -1", "\"vcpus\"" },
		{ "\"digest\": \"", "\"digest\": \"00", "\"digest\"" },
	};
	static const struct change refused[] = {
		{ "\"id\": \"test\"", "\"id\": \"test\", \"banks\": [\"sha256\", \"sha1\"]",
		  "too weak" },
		{ "[0, 2, 4, 7, 8, 9]", "[]", "proves nothing" },
		{ "[0, 2, 4, 7, 8, 9]", "[4, 13]", "PCR 13" },
	};
	struct world *w = *state;
	char *text = world_policy_text(&w->a, ""), *changed;
	struct att_error err = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		changed = replaced(text, bad[i].what, bad[i].with);
		assert_null(att_policy_parse(changed, strlen(changed), &err));
		says(&err, ATT_E_FORMAT, bad[i].says);
		free(changed);
	}
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		changed = replaced(text, refused[i].what, refused[i].with);
		assert_null(att_policy_parse(changed, strlen(changed), &err));
		says(&err, ATT_E_REFUSED, refused[i].says);
		free(changed);
	}
	free(text);
}

/* A file of reference values that is wrong at its end adds nothing. */
static void reference_all_or_nothing(void **state)
{
	static const char bad[] =
		"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", "
		"\"l0\": [ { \"version\": \"x\","
		" \"build_id\": \"00\", \"srcversion\": \"y\" } ], \"launch\": [ {} ] }";
	struct world *w = *state;
	size_t l0s = w->policy->l0s, launches = w->policy->launches;
	struct att_error err = { 0 };

	assert_int_equal(att_policy_add_reference(w->policy, bad, strlen(bad), &err), -1);
	says(&err, ATT_E_FORMAT, "\"digest\"");
	assert_int_equal(w->policy->l0s, l0s);
	assert_int_equal(w->policy->launches, launches);
	assert_int_equal(att_policy_add_enrolled(w->policy, "{}", 2, &err), -1);
	assert_int_equal(w->policy->aks, 1);
}

/* ---- Secrets ---- */

static char *seal(const struct world *w, const char *secret)
{
	struct att_error err = { 0 };
	EVP_PKEY *key = att_key_from_pem((char *)w->key.data, w->key.size, false, &err);
	char *jwe = att_jwe_seal(key, w->nonce, sizeof(w->nonce), (const uint8_t *)secret,
				 strlen(secret), &err);

	EVP_PKEY_free(key);
	assert_non_null(jwe);
	return jwe;
}

static int open_jwe(const struct world *w, const char *jwe, size_t size, struct att_bytes *b,
		    struct att_error *err)
{
	return att_open(jwe, size, (char *)w->key.data, w->key.size, NULL, 0, b, err);
}

static void jwe_bytes(void **state)
{
	struct world *w = *state;
	char *jwe = seal(w, "secret");
	size_t size = strlen(jwe), i;
	struct att_error err = { 0 };
	struct att_bytes b;

	assert_int_equal(open_jwe(w, jwe, size, &b, &err), 0);
	assert_int_equal(b.size, 6);
	att_bytes_free(&b);
	/* No character can be another one. */
	for (i = 0; i < size; i++) {
		char was = jwe[i];

		jwe[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(open_jwe(w, jwe, size, &b, &err), -1);
		assert_null(b.data);
		jwe[i] = was;
	}
	for (i = 0; i < size; i++)
		assert_int_equal(open_jwe(w, jwe, i, &b, &err), -1);
	assert_int_equal(open_jwe(w, jwe, size, &b, &err), 0);
	att_bytes_free(&b);
	free(jwe);
}

static void jwe_sizes(void **state)
{
	struct world *w = *state;
	struct att_error err = { 0 };
	EVP_PKEY *key = att_key_new("P-384", &err);
	uint8_t *large = calloc(1, ATT_SECRET_MAX + 1), nonce[ATT_NONCE_MAX];
	struct att_bytes b;
	size_t nonce_size;
	char *jwe;

	(void)w;
	assert_null(att_jwe_seal(key, NULL, 0, large, ATT_SECRET_MAX + 1, &err));
	jwe = att_jwe_seal(key, (const uint8_t *)"", 0, large, ATT_SECRET_MAX, &err);
	assert_non_null(jwe);
	assert_int_equal(att_jwe_open(key, jwe, strlen(jwe), nonce, &nonce_size, &b, &err), 0);
	assert_int_equal(b.size, ATT_SECRET_MAX);
	assert_int_equal(nonce_size, 0);
	att_bytes_free(&b);
	free(jwe);
	jwe = att_jwe_seal(key, (const uint8_t *)"", 0, large, 0, &err);
	assert_int_equal(att_jwe_open(key, jwe, strlen(jwe), nonce, &nonce_size, &b, &err), 0);
	assert_int_equal(b.size, 0);
	att_bytes_free(&b);
	free(jwe);
	free(large);
	EVP_PKEY_free(key);
}

#define HEAD "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"apv\":\"\""
#define ONE  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"

/* Headers of other algorithms are refused before anything is computed. */
static void jwe_header(void **state)
{
	static const struct {
		const char *text;
		enum att_code code;
		const char *says;
	} bad[] = {
		{ "{\"alg\":\"none\",\"enc\":\"A256GCM\",\"apv\":\"\",\"epk\":{}}",
		  ATT_E_UNSUPPORTED, "none" },
		{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"apv\":\"\",\"epk\":{}}",
		  ATT_E_UNSUPPORTED, "A128GCM" },
		{ HEAD ",\"zip\":\"DEF\",\"epk\":{}}", ATT_E_FORMAT, "zip" },
		{ HEAD "}", ATT_E_FORMAT, "epk" },
		{ HEAD ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-384\"}}", ATT_E_REFUSED,
		  "another curve" },
		{ HEAD ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
		       "\"x\":\"AA\",\"y\":\"AA\"}}",
		  ATT_E_FORMAT, "not the size" },
		/* a point that is not on the curve */
		{ HEAD ",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
		       "\"x\":\"" ONE "\",\"y\":\"" ONE "\"}}",
		  ATT_E_CRYPTO, "not a point" },
	};
	struct world *w = *state;
	struct att_error err = { 0 };
	struct att_bytes b;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		char *head = att_base64url((const uint8_t *)bad[i].text, strlen(bad[i].text)), *jwe;

		assert_true(asprintf(&jwe, "%s..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA", head) >
			    0);
		assert_int_equal(open_jwe(w, jwe, strlen(jwe), &b, &err), -1);
		says(&err, bad[i].code, bad[i].says);
		free(jwe);
		free(head);
	}
}

/* ---- Keys ---- */

static void spki(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);
	struct att_bytes *key = &ev->cvm_key;
	struct att_error err = { 0 };
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	size_t i;

	for (i = 0; i < key->size; i++)
		assert_null(att_key_from_spki(key->data, i, &err));
	/* A key is refused with bytes behind it, and in another spelling. */
	assert_null(att_key_from_spki(key->data, key->size + 1, &err));
	att_bytes_free(key);
	assert_int_equal(att_key_to_spki(other, key, &err), 0);
	assert_null(att_key_from_spki(key->data, key->size, &err));
	says(&err, ATT_E_UNSUPPORTED, "neither RSA nor");
	EVP_PKEY_free(other);
	att_evidence_free(ev);
}

static void pcr_list(void **state)
{
	char text[96];

	(void)state;
	assert_string_equal(att_pcr_list(0, text, sizeof(text)), "none");
	assert_string_equal(att_pcr_list(1, text, sizeof(text)), "0");
	assert_string_equal(att_pcr_list(0x2393, text, sizeof(text)), "0-1,4,7-9,13");
	assert_string_equal(att_pcr_list(0xffffff, text, sizeof(text)), "0-23");
	assert_string_equal(att_pcr_list(0x555555, text, sizeof(text)),
			    "0,2,4,6,8,10,12,14,16,18,20,22");
}

/* Evidence that was kept: what passed once passes in every later version. */
static char *slurp(const char *path)
{
	FILE *from = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!from)
		fail_msg("%s cannot be read", path);
	assert_true(getdelim(&text, &size, '\0', from) > 0);
	fclose(from);
	return text;
}

static void kept_evidence(void **state)
{
	char *text = slurp("vectors/evidence.json"), *rules = slurp("vectors/policy.json");
	char *values = slurp("vectors/reference.json"), *record = slurp("vectors/enrolled.json");
	struct att_error err = { 0 };
	struct att_evidence *ev = att_evidence_parse(text, strlen(text), &err);
	struct att_policy *policy = att_policy_parse(rules, strlen(rules), &err);
	uint8_t nonce[32] = { 0 };
	struct att_result *res;

	(void)state;
	assert_true(ev && policy);
	assert_int_equal(att_policy_add_reference(policy, values, strlen(values), &err), 0);
	assert_int_equal(att_policy_add_enrolled(policy, record, strlen(record), &err), 0);
	nonce[31] = 7;
	res = att_appraise(ev, policy, nonce, sizeof(nonce), 0, &err);
	if (att_result_verdict(res))
		att_result_table(res, stderr);
	assert_int_equal(att_result_verdict(res), ATT_V_PASS);
	att_result_free(res);
	nonce[31] = 8;
	res = att_appraise(ev, policy, nonce, sizeof(nonce), 0, &err);
	assert_int_equal(att_result_verdict(res), ATT_V_FRESHNESS);
	att_result_free(res);
	att_policy_free(policy);
	att_evidence_free(ev);
	free(text);
	free(rules);
	free(values);
	free(record);
}

/* Another program's JWE opens: the key derivation is that of RFC 7518. */
static void kept_jwe(void **state)
{
	char *text = slurp("vectors/jwe.json");
	json_t *o = json_loads(text, 0, NULL);
	const char *jwe = json_string_value(json_object_get(o, "jwe"));
	const char *key = json_string_value(json_object_get(o, "key"));
	const char *secret = json_string_value(json_object_get(o, "secret"));
	uint8_t nonce[32] = { [31] = 7 };
	struct att_error err = { 0 };
	struct att_bytes b;

	(void)state;
	assert_true(jwe && key && secret);
	assert_int_equal(
		att_open(jwe, strlen(jwe), key, strlen(key), nonce, sizeof(nonce), &b, &err), 0);
	assert_int_equal(b.size, strlen(secret));
	assert_memory_equal(b.data, secret, b.size);
	att_bytes_free(&b);
	json_decref(o);
	free(text);
}

/* ---- Where there is no L0 to ask ---- */

static void own_handler(int signal)
{
	(void)signal;
}

/* It fails, says so, and leaves everything as it was: twice, as a handler that stays would not. */
static void report_elsewhere(void **state)
{
	struct sigaction mine = { .sa_handler = own_handler }, now;
	static const int signals[] = { SIGILL, SIGSEGV };
	const uint8_t data[ATT_REPORT_DATA] = { 1 };
	struct sigaction before[ARRAY_SIZE(signals)];
	struct att_bytes report = { 0 };
	struct att_error err;
	cpu_set_t cpus, cpus_now;
	sigset_t mask;
	size_t i, n;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(sigaction(signals[i], &mine, &before[i]), 0);
	for (n = 0; n < 2; n++) {
		err = (struct att_error){ 0 };
		assert_int_equal(att_guest_report(data, &report, &err), -1);
		says(&err, ATT_E_UNSUPPORTED, "this is no confidential VM of HyperGPU: ");
		assert_null(report.data);
		assert_int_equal(att_guest_report(data, &report, NULL), -1);
	}
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		assert_int_equal(sigaction(signals[i], &before[i], &now), 0);
		assert_ptr_equal(now.sa_handler, own_handler);
		assert_int_equal(sigismember(&mask, signals[i]), 0);
	}
	assert_int_equal(sched_getaffinity(0, sizeof(cpus_now), &cpus_now), 0);
	assert_true(CPU_EQUAL(&cpus, &cpus_now));
}

static int setup(void **state)
{
	*state = world_new(ATT_SIG_P256);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(base64),
		T(hexadecimal),
		T(reader),
		T(log_cut),
		T(log_head),
		T(log_event),
		T(log_locality),
		T(report_fields),
		T(report_data_known),
		T(evidence_json),
		T(messages),
		T(evidence_deep),
		T(policy_json),
		T(reference_all_or_nothing),
		T(jwe_bytes),
		T(jwe_sizes),
		T(jwe_header),
		T(spki),
		T(pcr_list),
		T(kept_evidence),
		T(kept_jwe),
		T(report_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
