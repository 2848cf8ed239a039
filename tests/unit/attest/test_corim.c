// SPDX-License-Identifier: Apache-2.0
/*
 * CBOR in one encoding only; reference values to CoRIM and back; CoRIMs that say more, less or
 * something else; and signatures around them. A policy is as it was after each refusal.
 */
#include "check.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "cbor.h"
#include "corim.h"
#include "json.h"
#include "key.h"
#include "policy.h"

/* ---- CBOR ---- */

static struct att_reader over(const uint8_t *data, size_t size)
{
	return (struct att_reader){ data, size, false };
}

static void integers(void **state)
{
	/* RFC 8949, appendix A, and around the lengths. */
	static const struct {
		int64_t value;
		const char *hex;
	} known[] = {
		{ 0, "00" },
		{ 1, "01" },
		{ 10, "0a" },
		{ 23, "17" },
		{ 24, "1818" },
		{ 100, "1864" },
		{ 255, "18ff" },
		{ 256, "190100" },
		{ 1000, "1903e8" },
		{ 65535, "19ffff" },
		{ 65536, "1a00010000" },
		{ 1000000, "1a000f4240" },
		{ 4294967295, "1affffffff" },
		{ 4294967296, "1b0000000100000000" },
		{ 1000000000000, "1b000000e8d4a51000" },
		{ INT64_MAX, "1b7fffffffffffffff" },
		{ -1, "20" },
		{ -10, "29" },
		{ -24, "37" },
		{ -25, "3818" },
		{ -100, "3863" },
		{ -1000, "3903e7" },
		{ INT64_MIN, "3b7fffffffffffffff" },
	};
	uint8_t bytes[9];
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct att_cbor_out o = { 0 };
		size_t size = (size_t)att_unhex(known[i].hex, bytes, sizeof(bytes));
		struct att_reader r = over(bytes, size);

		assert_int_equal(att_cbor_read_int(&r), known[i].value);
		assert_true(!r.bad && !r.left);
		att_cbor_put_int(&o, known[i].value);
		assert_int_equal(o.bytes.size, size);
		assert_memory_equal(o.bytes.data, bytes, size);
		att_bytes_free(&o.bytes);
		for (j = 0; j < size; j++) {
			uint8_t *cut = malloc(j + 1);

			memcpy(cut, bytes, j);
			r = over(cut, j);
			att_cbor_read_int(&r);
			assert_true(r.bad);
			free(cut);
		}
	}
}

/* Other encodings of what there is one encoding of; and what no CoRIM of ours has. */
static void not_deterministic(void **state)
{
	static const char *const bad[] = {
		"1800",
		"1817",
		"190000",
		"1900ff",
		"1a0000ffff",
		"1b00000000ffffffff",
		"3817",
		"1c",
		"1f",
		"3b8000000000000000",
		"1b8000000000000000",
		"f90000",
		"fb0000000000000000",
		"f4",
		"f6",
		"f7",
		"ff",
		"5f4101ff",
		"7f6161ff",
	};
	uint8_t bytes[16];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t size = (size_t)att_unhex(bad[i], bytes, sizeof(bytes)), n;
		struct att_reader r = over(bytes, size);
		char text[8];

		att_cbor_read_int(&r);
		assert_true(r.bad);
		r = over(bytes, size);
		assert_null(att_cbor_read_bytes(&r, &n));
		assert_true(r.bad);
		r = over(bytes, size);
		assert_false(att_cbor_read_text(&r, text, sizeof(text)));
		r = over(bytes, size);
		att_cbor_read_array(&r);
		assert_true(r.bad);
	}
}

/* More members or bytes than there can be are refused before anybody counts on them. */
static void counts(void **state)
{
	static const char *const bad[] = {
		"81",	"9a7fffffff",	     "9bffffffffffffffff", "a100", "bb7fffffffffffffff",
		"4201", "5bffffffffffffffff"
	};
	uint8_t bytes[16];
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t size = (size_t)att_unhex(bad[i], bytes, sizeof(bytes));
		struct att_reader r = over(bytes, size);

		assert_int_equal(att_cbor_read_array(&r), 0);
		assert_true(r.bad);
		r = over(bytes, size);
		assert_int_equal(att_cbor_read_map(&r), 0);
		assert_true(r.bad);
		r = over(bytes, size);
		assert_null(att_cbor_read_bytes(&r, &n));
		assert_int_equal(n, 0);
	}
}

static void keys(void **state)
{
	static const struct {
		const char *hex;
		bool good;
	} maps[] = {
		{ "000102", true }, { "0a186420", true },  { "202122", true }, { "02202122", true },
		{ "0000", false },  { "0100", false },	   { "2000", false },  { "186417", false },
		{ "2221", false },  { "18641864", false }, { "6100", false },
	};
	uint8_t bytes[16];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		size_t size = (size_t)att_unhex(maps[i].hex, bytes, sizeof(bytes));
		struct att_reader r = over(bytes, size);
		struct att_cbor_keys k = { 0 };

		while (r.left && !r.bad)
			att_cbor_read_key(&r, &k);
		assert_int_equal(!r.bad, maps[i].good);
	}
}

/* ---- Reference values ---- */

static char *slurp(const char *path, size_t *size)
{
	FILE *from = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_true(from && text);
	*size = fread(text, 1, 65535, from);
	fclose(from);
	return text;
}

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
static const char much[] =
	"{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"pcrs\": { \"sha256\": {"
	" \"4\": [\"" A "\", \"" B "\", \"" C "\"], \"0\": [\"" B "\"] },"
	" \"sm3_256\": { \"4\": [\"" C "\"], \"23\": [\"" A "\", \"" A "\"] },"
	" \"sha384\": { \"7\": [\"" A "00112233445566778899aabbccddeeff\"] } },"
	" \"l0\": [ { \"version\": \"0.1\", \"build_id\": \"b1b2\", \"srcversion\": \"S1\" },"
	" { \"version\": \"0.2\", \"build_id\": \"" A "\", \"srcversion\": \"S2\" } ],"
	" \"launch\": [ { \"digest\": \"" A
	"\", \"policy\": 4294967295, \"vcpus\": 1, \"levels\": [1] },"
	" { \"digest\": \"" B "\", \"policy\": 0, \"vcpus\": 300, \"levels\": [2, 1] } ] }";

static const struct {
	const char *name, *text;
} examples[] = {
	{ "all of it", much },
	{ "L0 alone", "{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"l0\": [ {"
		      " \"version\": \"0.1\", \"build_id\": \"00\", \"srcversion\": \"S\" } ] }" },
	{ "one PCR", "{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"pcrs\": {"
		     " \"sha256\": { \"9\": [\"" A "\"] } } }" },
};

static bool same_pcr(const struct att_ref_pcr *a, const struct att_ref_pcr *b)
{
	return a->bank == b->bank && a->pcr == b->pcr && !memcmp(a->value, b->value, a->bank->size);
}

/* The same values; those of PCRs in any order. */
static void same(const struct att_policy *a, const struct att_policy *b)
{
	size_t i, j;

	assert_int_equal(a->refs, b->refs);
	for (i = 0; i < a->refs; i++) {
		for (j = 0; j < b->refs && !same_pcr(&a->pcr[i], &b->pcr[j]); j++)
			;
		assert_true(j < b->refs);
	}
	assert_int_equal(a->l0s, b->l0s);
	for (i = 0; i < a->l0s; i++) {
		assert_string_equal(a->l0[i].version, b->l0[i].version);
		assert_string_equal(a->l0[i].srcversion, b->l0[i].srcversion);
		assert_memory_equal(a->l0[i].build_id, b->l0[i].build_id, 32);
	}
	assert_int_equal(a->launches, b->launches);
	for (i = 0; i < a->launches; i++) {
		assert_memory_equal(a->launch[i].digest, b->launch[i].digest, 32);
		assert_int_equal(a->launch[i].policy, b->launch[i].policy);
		assert_int_equal(a->launch[i].vcpus, b->launch[i].vcpus);
		assert_int_equal(a->launch[i].levels, b->launch[i].levels);
	}
}

static struct att_policy *from_json(const char *text)
{
	struct att_policy *p = calloc(1, sizeof(*p));
	struct att_error err = { 0 };

	if (att_policy_add_reference(p, text, strlen(text), &err))
		fail_msg("%s", err.text);
	return p;
}

static void to_corim(const char *text, struct att_bytes *corim)
{
	struct att_error err = { 0 };

	if (att_reference_to_corim(text, strlen(text), NULL, NULL, corim, &err))
		fail_msg("%s", err.text);
}

/* @key NULL: unsigned. Refused, with this in the message, and the policy stays. */
static void refused(const struct att_bytes *corim, const struct att_bytes *key, const char *says)
{
	struct att_policy *p = from_json(much), *q = from_json(much);
	/* An exact copy, so that ASan sees the first byte too many. */
	uint8_t *copy = malloc(corim->size ? corim->size : 1);
	struct att_error err = { 0 };

	if (corim->size)
		memcpy(copy, corim->data, corim->size);
	assert_int_equal(att_policy_add_corim(p, copy, corim->size, key, &err), -1);
	if (!strstr(err.text, says))
		fail_msg("'%s': want '%s'", err.text, says);
	same(p, q);
	free(copy);
	att_policy_free(p);
	att_policy_free(q);
}

static void round_trip(void **state)
{
	struct att_error err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		struct att_policy *p = from_json(examples[i].text), *q = calloc(1, sizeof(*q));
		struct att_bytes corim, again;

		to_corim(examples[i].text, &corim);
		assert_true(att_is_corim(corim.data, corim.size));
		if (att_policy_add_corim(q, corim.data, corim.size, NULL, &err))
			fail_msg("%s: %s", examples[i].name, err.text);
		same(p, q);
		/* One spelling. */
		to_corim(examples[i].text, &again);
		assert_int_equal(corim.size, again.size);
		assert_memory_equal(corim.data, again.data, corim.size);
		att_bytes_free(&corim);
		att_bytes_free(&again);
		att_policy_free(p);
		att_policy_free(q);
	}
	assert_false(att_is_corim("{", 1));
	assert_false(att_is_corim(" ", 1));
	assert_false(att_is_corim("", 0));
}

static void not_written(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "{ \"version\": 1, \"type\": \"hypergpu-reference-values\" }",
		  "no reference values" },
		{ "{ \"version\": 1, \"type\": \"hypergpu-reference-values\", \"more\": 1 }",
		  "unknown member" },
		{ "{ \"version\": 1, \"type\": \"hypergpu-policy\" }", "is not" },
		{ "[]", "" },
	};
	struct att_error err = { 0 };
	struct att_bytes corim;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(att_reference_to_corim(bad[i].text, strlen(bad[i].text), NULL,
							NULL, &corim, &err),
				 -1);
		assert_null(corim.data);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s': want '%s'", err.text, bad[i].says);
	}
}

static void cut(void **state)
{
	struct att_bytes corim, part;
	size_t i;

	(void)state;
	to_corim(much, &corim);
	part = corim;
	for (i = 0; i < corim.size; i++) {
		part.size = i;
		refused(&part, NULL, "CoRIM");
	}
	att_bytes_free(&corim);
}

/* Any bit: refused, or it was in a value or a name, and then the value is another one. */
static void any_bit(void **state)
{
	struct att_policy *p = from_json(much);
	struct att_bytes corim;
	size_t i, refusals = 0;

	(void)state;
	to_corim(much, &corim);
	for (i = 0; i < 8 * corim.size; i++) {
		struct att_policy *q = calloc(1, sizeof(*q));
		struct att_error err = { 0 };

		corim.data[i / 8] ^= 1 << i % 8;
		if (att_policy_add_corim(q, corim.data, corim.size, NULL, &err)) {
			assert_true(err.code && *err.text);
			assert_int_equal(q->refs + q->l0s + q->launches, 0);
			refusals++;
		} else {
			assert_int_equal(q->refs, p->refs);
			assert_int_equal(q->l0s, p->l0s);
			assert_int_equal(q->launches, p->launches);
		}
		corim.data[i / 8] ^= 1 << i % 8;
		att_policy_free(q);
	}
	assert_true(refusals > 1000);
	att_bytes_free(&corim);
	att_policy_free(p);
}

/* @at: bytes that stand once in the example; @with: what takes their place. */
static void replaced(const char *text, const char *at, const char *with, const char *says)
{
	struct att_bytes corim, changed = { 0 };
	uint8_t from[64], to[64];
	size_t from_size = (size_t)att_unhex(at, from, 64),
	       to_size = (size_t)att_unhex(with, to, 64);
	uint8_t *found, *out;

	to_corim(text, &corim);
	found = memmem(corim.data, corim.size, from, from_size);
	assert_non_null(found);
	out = malloc(corim.size + to_size);
	changed.size = (size_t)(found - corim.data);
	memcpy(out, corim.data, changed.size);
	memcpy(out + changed.size, to, to_size);
	memcpy(out + changed.size + to_size, found + from_size,
	       corim.size - changed.size - from_size);
	changed.size = corim.size + to_size - from_size;
	changed.data = out;
	refused(&changed, NULL, says);
	att_bytes_free(&changed);
	att_bytes_free(&corim);
}

static void says_something_else(void **state)
{
	static const struct {
		const char *at, *with, *says;
	} odd[] = {
		{ "d901f5", "d901f6", "no unsigned CoRIM" },
		{ "d901fa", "d901f9", "a tag that is not a CoMID" },
		{ "03d820782d", "04d820782d", "corim-map: key 4 is not understood" },
		{ "75726e3a", "75726e3b", "profile is 'urn;" },
		{ "a201a10078", "a202a10078", "concise-mid-tag: key 2" },
		{ "04a10081", "05a10081", "concise-mid-tag: key 5" },
		{ "04a10081", "04a10181", "triples-map: key 1" },
		{ "8182a100a2", "8182a101a2", "environment-map: key 1" },
		{ "a2016848", "a2006848", "class-map: key 0" },
		{ "487970657247505502", "487970657247505602", "vendor is 'HyperGPV'" },
		{ "64626f6f74", "64626f6f75", "model 'boou' is none" },
		{ "81a101a10e", "81a100a10e", "measurement-map: key 0" },
		{ "a10ea1", "a10fa1", "the boot's measurement values: key 15" },
		{ "a10ea1", "a100a1", "the boot's measurement values: key 0" },
		{ "a109818201", "a120818201", "integrity-registers" },
		{ "8182015820", "8182025820", "integrity-registers" },
		{ "8182015820", "8183015820", "integrity-registers" },
		/* The same number, as it would be of SHA-384: the size does not fit. */
		{ "8182015820", "8182075820", "PCR 9 is not 96" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		replaced(examples[2].text, odd[i].at, odd[i].with, odd[i].says);
	/* Of L0 and of launches: what is missing or too much. */
	replaced(examples[1].text, "81a101a300", "81a101a306", "CoRIM");
	replaced(examples[1].text, "04d9023041", "05d9023041", "L0's measurement values: key 5");
	replaced(examples[1].text, "04d9023041", "04d9023141", "build_id");
	replaced(much, "201affffffff", "241affffffff", "a launch's measurement values: key -5");
}

/* Bytes behind it, and a map where something stands twice. */
static void too_much(void **state)
{
	struct att_bytes corim, more = { 0 };

	(void)state;
	to_corim(much, &corim);
	assert_int_equal(att_bytes_set(&more, corim.data, corim.size), 0);
	more.size++; /* the zero that att_bytes_set() puts there */
	refused(&more, NULL, "bytes behind it");
	more.size--;
	att_bytes_free(&more);
	att_bytes_free(&corim);
}

/* ---- Signed ones ---- */

static void pem_of(EVP_PKEY *key, bool private, struct att_bytes *b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (private)
		assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	else
		assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	n = BIO_get_mem_data(bio, &p);
	assert_int_equal(att_bytes_set(b, p, (size_t)n), 0);
	BIO_free(bio);
}

struct signer {
	EVP_PKEY *key;
	struct att_bytes private, public;
};

static void make_signer(struct signer *s, const char *curve)
{
	s->key = att_key_new(curve, NULL);
	assert_non_null(s->key);
	pem_of(s->key, true, &s->private);
	pem_of(s->key, false, &s->public);
}

static void free_signer(struct signer *s)
{
	EVP_PKEY_free(s->key);
	att_bytes_free(&s->private);
	att_bytes_free(&s->public);
}

static void signed_by(const struct signer *s, struct att_bytes *corim)
{
	struct att_error err = { 0 };

	if (att_reference_to_corim(much, strlen(much), &s->private, "a vendor", corim, &err))
		fail_msg("%s", err.text);
}

static void good_signatures(void **state)
{
	static const char *const curves[] = { "P-256", "P-384" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		struct att_policy *p = from_json(much), *q = calloc(1, sizeof(*q));
		struct signer s, other, other_curve;
		struct att_error err = { 0 };
		struct att_bytes corim;

		make_signer(&s, curves[i]);
		make_signer(&other, curves[i]);
		make_signer(&other_curve, curves[1 - i]);
		signed_by(&s, &corim);
		assert_true(att_is_corim(corim.data, corim.size));
		if (att_policy_add_corim(q, corim.data, corim.size, &s.public, &err))
			fail_msg("%s", err.text);
		same(p, q);
		refused(&corim, NULL, "no key to check it with");
		refused(&corim, &other.public, "does not verify");
		refused(&corim, &other_curve.public, "but the key is of");
		att_bytes_free(&corim);
		free_signer(&s);
		free_signer(&other);
		free_signer(&other_curve);
		att_policy_free(p);
		att_policy_free(q);
	}
}

static void unsigned_with_key(void **state)
{
	struct att_bytes corim, json = { (uint8_t *)much, sizeof(much) - 1 }, empty = { 0 };
	struct signer s;

	(void)state;
	make_signer(&s, "P-256");
	to_corim(much, &corim);
	refused(&corim, &s.public, "nothing else is taken");
	refused(&json, &s.public, "nothing else is taken");
	refused(&empty, &s.public, "nothing else is taken");
	att_bytes_free(&corim);
	free_signer(&s);
}

static void any_signed_bit(void **state)
{
	struct att_bytes corim, part;
	struct signer s;
	size_t i;

	(void)state;
	make_signer(&s, "P-256");
	signed_by(&s, &corim);
	for (i = 0; i < 8 * corim.size; i += 3) {
		corim.data[i / 8] ^= 1 << i % 8;
		refused(&corim, &s.public, "");
		corim.data[i / 8] ^= 1 << i % 8;
	}
	part = corim;
	for (i = 0; i < corim.size; i += 7) {
		part.size = i;
		refused(&part, &s.public, "");
	}
	att_bytes_free(&corim);
	free_signer(&s);
}

/* COSE_Sign1 with a good signature around what is given in hexadecimal digits. */
static void odd(const struct signer *s, const char *header_hex, const char *unprotected_hex,
		const char *payload_hex, const char *says)
{
	uint8_t header[128], unprotected[32], payload[512], sig[64];
	size_t header_size = (size_t)att_unhex(header_hex, header, sizeof(header));
	size_t unprotected_size = (size_t)att_unhex(unprotected_hex, unprotected, 32);
	struct att_bytes inner = { 0 };
	struct att_cbor_out text = { 0 }, o = { 0 };
	struct att_error err = { 0 };
	size_t i;

	if (payload_hex)
		assert_int_equal(att_bytes_set(&inner, payload,
					       (size_t)att_unhex(payload_hex, payload, 512)),
				 0);
	else
		to_corim(examples[1].text, &inner);
	att_cbor_put(&text, ATT_CBOR_ARRAY, 4);
	att_cbor_put_text(&text, "Signature1");
	att_cbor_put_bytes(&text, header, header_size);
	att_cbor_put_bytes(&text, NULL, 0);
	att_cbor_put_bytes(&text, inner.data, inner.size);
	assert_int_equal(
		att_ecdsa_sign(s->key, "SHA256", text.bytes.data, text.bytes.size, sig, 64, &err),
		0);
	att_cbor_put(&o, ATT_CBOR_TAG, 18);
	att_cbor_put(&o, ATT_CBOR_ARRAY, 4);
	att_cbor_put_bytes(&o, header, header_size);
	/* Item by item: they are small integers, and a map of them. */
	for (i = 0; i < unprotected_size; i++)
		att_cbor_put(&o, unprotected[i] >> 5, unprotected[i] & 31);
	att_cbor_put_bytes(&o, inner.data, inner.size);
	att_cbor_put_bytes(&o, sig, 64);
	if (says) {
		refused(&o.bytes, &s->public, says);
	} else {
		struct att_policy *q = calloc(1, sizeof(*q));

		if (att_policy_add_corim(q, o.bytes.data, o.bytes.size, &s->public, &err))
			fail_msg("%s", err.text);
		assert_int_equal(q->l0s, 1);
		att_policy_free(q);
	}
	att_bytes_free(&inner);
	att_bytes_free(&text.bytes);
	att_bytes_free(&o.bytes);
}

#define TYPE "746170706c69636174696f6e2f72696d2b63626f72" /* "application/rim+cbor" */

static void odd_headers(void **state)
{
	struct signer s;

	(void)state;
	make_signer(&s, "P-256");
	odd(&s, "a2012603" TYPE, "a0", NULL, NULL);
	odd(&s, "a3012603" TYPE "044101", "a0", NULL, NULL);
	odd(&s, "a3012603" TYPE "0847a100a100626d65", "a0", NULL, NULL);
	odd(&s, "a2012603" TYPE, "a10101", NULL, "an unprotected header");
	odd(&s, "a0", "a0", NULL, "no algorithm or no content type");
	odd(&s, "a10126", "a0", NULL, "no algorithm or no content type");
	odd(&s, "a103" TYPE, "a0", NULL, "no algorithm or no content type");
	odd(&s, "", "a0", NULL, "the protected header");
	odd(&s, "a2013903e703" TYPE, "a0", NULL, "algorithm -1000");
	odd(&s, "a201382203" TYPE, "a0", NULL, "algorithm -35");
	odd(&s, "a2010703" TYPE, "a0", NULL, "algorithm 7");
	/* "crit", which says that one must understand more. */
	odd(&s,
	    "a30126028110"
	    "03" TYPE,
	    "a0", NULL, "key 2 of the protected header");
	odd(&s,
	    "a201260374"
	    "6170706c69636174696f6e2f72696d2b63626f73",
	    "a0", NULL, "key 3");
	odd(&s, "a203" TYPE "0126", "a0", NULL, "protected header");
	odd(&s, "a3012603" TYPE "0841a0", "a0", NULL, "key 8");
	odd(&s, "a2012603" TYPE "00", "a0", NULL, "the protected header");
	/* Signed, but no CoRIM, or one that is signed once more. */
	odd(&s, "a2012603" TYPE, "a0", "", "CoRIM");
	odd(&s, "a2012603" TYPE, "a0", "7b7d", "no unsigned CoRIM");
	odd(&s, "a2012603" TYPE, "a0", "d28440a04040", "no unsigned CoRIM");
	free_signer(&s);
}

static void keys_of_signers(void **state)
{
	struct att_bytes corim, junk = { (uint8_t *)"junk", 4 };
	struct att_error err = { 0 };
	struct signer s, sm2;

	(void)state;
	make_signer(&s, "P-256");
	make_signer(&sm2, "SM2");
	signed_by(&s, &corim);
	refused(&corim, &junk, "the key of signed CoRIMs");
	refused(&corim, &sm2.public, "neither of P-256 nor of P-384");
	att_bytes_free(&corim);
	assert_int_equal(att_reference_to_corim(much, strlen(much), &s.public, "x", &corim, &err),
			 -1);
	assert_null(corim.data);
	assert_int_equal(
		att_reference_to_corim(much, strlen(much), &sm2.private, "x", &corim, &err), -1);
	assert_null(corim.data);
	free_signer(&s);
	free_signer(&sm2);
}

/* Files that were kept: what was read once must be read for ever, and as the same. */
static void kept(void **state)
{
	struct att_error err = { 0 };
	struct att_bytes key, corim, fresh;
	size_t size;
	char *json = slurp("vectors/reference.json", &size);
	struct att_policy *p = from_json(json), *q = calloc(1, sizeof(*q)),
			  *r = calloc(1, sizeof(*r));

	(void)state;
	corim.data = (uint8_t *)slurp("vectors/reference.corim", &corim.size);
	assert_int_equal(att_policy_add_corim(q, corim.data, corim.size, NULL, &err), 0);
	same(p, q);
	to_corim(json, &fresh);
	assert_int_equal(fresh.size, corim.size);
	assert_memory_equal(fresh.data, corim.data, fresh.size);
	att_bytes_free(&corim);
	att_bytes_free(&fresh);
	key.data = (uint8_t *)slurp("vectors/reference-key.pem", &key.size);
	corim.data = (uint8_t *)slurp("vectors/reference-signed.corim", &corim.size);
	if (att_policy_add_corim(r, corim.data, corim.size, &key, &err))
		fail_msg("%s", err.text);
	same(p, r);
	att_bytes_free(&key);
	att_bytes_free(&corim);
	att_policy_free(p);
	att_policy_free(q);
	att_policy_free(r);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(not_deterministic),
		cmocka_unit_test(counts),
		cmocka_unit_test(keys),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(not_written),
		cmocka_unit_test(cut),
		cmocka_unit_test(any_bit),
		cmocka_unit_test(says_something_else),
		cmocka_unit_test(too_much),
		cmocka_unit_test(good_signatures),
		cmocka_unit_test(unsigned_with_key),
		cmocka_unit_test(any_signed_bit),
		cmocka_unit_test(odd_headers),
		cmocka_unit_test(keys_of_signers),
		cmocka_unit_test(kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
