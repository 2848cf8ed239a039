// SPDX-License-Identifier: Apache-2.0
/* Records as JSON: canonical bytes, ES256 over them, and a reader that takes nothing else. */
#include "enrol.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define VERSION	   1
#define CANONICAL  (JSON_COMPACT | JSON_SORT_KEYS)
#define TIME_MAX   253402300799 /* the year 9999 */
#define HELPER_B64 (4 * ((sizeof(struct fp_helper) + 2) / 3))

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "helper data is little-endian");
_Static_assert(sizeof(struct fp_helper) == 80 + 2048 + 1920, "no padding");

static json_t *hex(const uint8_t *data, size_t size)
{
	char text[2 * 64 + 1];

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	return json_string(text);
}

static json_t *base64(const void *data, size_t size)
{
	char text[HELPER_B64 + 1];

	EVP_EncodeBlock((unsigned char *)text, data, (int)size);
	return json_string(text);
}

static json_t *behaviour_json(const struct hg_fp_record *r)
{
	const struct hg_fp_quality *q = &r->quality;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "units",
			 (json_int_t)r->helper.units, "regions", (json_int_t)r->helper.regions,
			 "readings", (json_int_t)q->readings, "tiles", (json_int_t)q->tiles, "bits",
			 (json_int_t)q->bits, "blocks", (json_int_t)q->blocks, "entropy_ppm",
			 (json_int_t)q->entropy_ppm, "entropy_left", (json_int_t)q->left,
			 "noise_ppm", (json_int_t)q->noise_ppm, "low", (json_int_t)r->summary.low,
			 "median", (json_int_t)r->summary.median, "high",
			 (json_int_t)r->summary.high);
}

/* Without the signature. */
static json_t *to_json(const struct hg_fp_record *r, struct hg_gpu_error *err)
{
	uint8_t hash[32];
	json_t *obj;
	int bad;

	if (hg_fp_identity_hash(&r->identity, hash, err))
		return NULL;
	obj = json_pack("{s:i, s:s, s:b, s:I, s:o, s:o}", "version", VERSION, "kind",
			r->behaviour ? "behaviour" : "identity", "simulated", r->simulated,
			"created", (json_int_t)r->created, "identity",
			hg_fp_identity_json(&r->identity), "identity_hash", hex(hash, 32));
	bad = !obj;
	if (!bad && r->expires)
		bad = json_object_set_new(obj, "expires", json_integer((json_int_t)r->expires));
	if (!bad && r->behaviour)
		bad = json_object_set_new(obj, "behaviour", behaviour_json(r)) ||
		      json_object_set_new(obj, "helper", base64(&r->helper, sizeof(r->helper))) ||
		      json_object_set_new(obj, "check", hex(r->check, 32)) ||
		      json_object_set_new(obj, "keys",
					  json_pack("{s:o, s:o, s:o}", "x25519", hex(r->x25519, 32),
						    "p256", hex(r->p256, 64), "sm2",
						    hex(r->sm2, 64)));
	if (!bad)
		return obj;
	json_decref(obj);
	hg_gpu_no_memory(err);
	return NULL;
}

/* ---- Signature ---- */

static int key_hash(EVP_PKEY *key, uint8_t hash[32], struct hg_gpu_error *err)
{
	char curve[32] = "";
	unsigned char *der = NULL;
	int size, ok;

	EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), NULL);
	if (!EVP_PKEY_is_a(key, "EC") || (strcmp(curve, "prime256v1") && strcmp(curve, "P-256")))
		return hg_gpu_fail(
			err, HG_GPU_E_ARGUMENT,
			"the enroller's key is not on P-256: make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
	size = i2d_PUBKEY(key, &der);
	ok = size > 0 && EVP_Digest(der, (size_t)size, hash, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok ? 0 : hg_gpu_fail_crypto(err, "cannot write the enroller's public key");
}

static int sign(EVP_PKEY *key, const char *text, uint8_t sig[64], struct hg_gpu_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[80];
	const unsigned char *p = der;
	size_t n = sizeof(der);
	ECDSA_SIG *s = NULL;
	bool ok;

	ok = ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	     EVP_DigestSign(ctx, der, &n, (const unsigned char *)text, strlen(text)) == 1 &&
	     (s = d2i_ECDSA_SIG(NULL, &p, (long)n)) &&
	     BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;
	ECDSA_SIG_free(s);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : hg_gpu_fail_crypto(err, "cannot sign: is this a private key?");
}

static bool verify(EVP_PKEY *key, const char *text, const uint8_t sig[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r_bn = BN_bin2bn(sig, 32, NULL), *s_bn = BN_bin2bn(sig + 32, 32, NULL);
	unsigned char *der = NULL;
	bool ok = false;
	int size;

	if (ctx && s && r_bn && s_bn && ECDSA_SIG_set0(s, r_bn, s_bn)) {
		r_bn = s_bn = NULL;
		size = i2d_ECDSA_SIG(s, &der);
		ok = size > 0 &&
		     EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
		     EVP_DigestVerify(ctx, der, (size_t)size, (const unsigned char *)text,
				      strlen(text)) == 1;
	}
	BN_free(r_bn);
	BN_free(s_bn);
	OPENSSL_free(der);
	ECDSA_SIG_free(s);
	EVP_MD_CTX_free(ctx);
	return ok;
}

char *hg_fp_record_sign(struct hg_fp_record *r, EVP_PKEY *key, struct hg_gpu_error *err)
{
	json_t *obj = key_hash(key, r->signer, err) ? NULL : to_json(r, err);
	char *text = obj ? json_dumps(obj, CANONICAL) : NULL, *out = NULL;
	uint8_t sig[64];

	if (text && !sign(key, text, sig, err)) {
		json_t *s = json_pack("{s:s, s:o, s:o}", "alg", "ES256", "key", hex(r->signer, 32),
				      "value", base64(sig, sizeof(sig)));

		if (!json_object_set_new(obj, "signature", s))
			out = json_dumps(obj, JSON_INDENT(2) | JSON_SORT_KEYS);
		if (!out)
			hg_gpu_no_memory(err);
	}
	free(text);
	json_decref(obj);
	return out;
}

/* ---- Reading ---- */

static int bad(struct hg_gpu_error *err, const char *name, const char *what)
{
	return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "record: \"%s\" %s", name, what);
}

static int only(const json_t *obj, const char *const *names, const char *what,
		struct hg_gpu_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return bad(err, what, "is not an object");
	json_object_foreach((json_t *)obj, key, value) {
		size_t i = 0;

		while (names[i] && strcmp(names[i], key))
			i++;
		if (!names[i])
			return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
					   "record: unknown member \"%.40s\" in \"%s\"", key, what);
	}
	return 0;
}

/* A text without a zero in it. NULL after an error. */
static const char *string(const json_t *obj, const char *name, struct hg_gpu_error *err)
{
	const json_t *v = json_object_get(obj, name);
	const char *text = json_string_value(v);

	if (text && strlen(text) == json_string_length(v))
		return text;
	bad(err, name, v ? "is not a text" : "is missing");
	return NULL;
}

static int unhex(const json_t *obj, const char *name, uint8_t *to, size_t size,
		 struct hg_gpu_error *err)
{
	static const char digits[] = "0123456789abcdef";
	const char *text = string(obj, name, err);

	if (!text)
		return -1;
	if (strlen(text) != 2 * size || strspn(text, digits) != 2 * size)
		return bad(err, name,
			   "has not the right number of hexadecimal digits, in lower case");
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
				  (strchr(digits, text[2 * i + 1]) - digits));
	return 0;
}

/* One spelling only: what is read must be what would be written. */
static int unbase64(const json_t *obj, const char *name, void *to, size_t size,
		    struct hg_gpu_error *err)
{
	unsigned char data[HELPER_B64];
	char again[HELPER_B64 + 1];
	const char *text = string(obj, name, err);
	size_t want = 4 * ((size + 2) / 3);

	if (!text)
		return -1;
	if (strlen(text) != want ||
	    EVP_DecodeBlock(data, (const unsigned char *)text, (int)want) < 0)
		return bad(err, name, "is not base64 of the right size");
	EVP_EncodeBlock((unsigned char *)again, data, (int)size);
	if (strcmp(again, text))
		return bad(err, name, "is not canonical base64");
	memcpy(to, data, size);
	return 0;
}

static int integer(const json_t *obj, const char *name, int64_t max, int64_t *to,
		   struct hg_gpu_error *err)
{
	const json_t *v = json_object_get(obj, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
		return bad(err, name, v ? "is not an integer of its range" : "is missing");
	*to = json_integer_value(v);
	return 0;
}

static int number(const json_t *obj, const char *name, uint32_t *to, struct hg_gpu_error *err)
{
	int64_t v;

	if (integer(obj, name, UINT32_MAX, &v, err))
		return -1;
	*to = (uint32_t)v;
	return 0;
}

/* What the summary says must be what the helper data is. */
static int check_behaviour(const struct hg_fp_record *r, uint32_t units, uint32_t regions,
			   struct hg_gpu_error *err)
{
	const struct hg_fp_quality *q = &r->quality;

	if (hg_fp_helper_check(&r->helper, err))
		return hg_gpu_prefix(err, "record: \"helper\"");
	if (units != r->helper.units || regions != r->helper.regions ||
	    q->blocks != r->helper.blocks || q->bits != q->blocks * FP_BLOCK_BITS ||
	    q->tiles != fp_tiles(units, regions))
		return bad(err, "behaviour", "is not what the helper data is for");
	if (q->entropy_ppm > 1000000 || q->left != hg_fp_entropy_left(q->blocks, q->entropy_ppm) ||
	    q->left < HG_FP_ENTROPY_NEEDED || q->noise_ppm > HG_FP_NOISE_MAX_PPM ||
	    q->readings < HG_FP_READINGS_MIN || q->readings > HG_FP_READINGS_MAX)
		return bad(err, "behaviour", "has readings that enrolment does not accept");
	if (r->summary.low > r->summary.median || r->summary.median > r->summary.high)
		return bad(err, "behaviour", "has a summary out of order");
	return 0;
}

static int parse_behaviour(const json_t *obj, struct hg_fp_record *r, struct hg_gpu_error *err)
{
	static const char *const names[] = { "units",	  "regions", "readings",    "tiles",
					     "bits",	  "blocks",  "entropy_ppm", "entropy_left",
					     "noise_ppm", "low",     "median",	    "high",
					     NULL };
	static const char *const key_names[] = { "x25519", "p256", "sm2", NULL };
	const json_t *b = json_object_get(obj, "behaviour"), *k = json_object_get(obj, "keys");
	struct hg_fp_quality *q = &r->quality;
	uint32_t units, regions;

	if (only(b, names, "behaviour", err) || number(b, "units", &units, err) ||
	    number(b, "regions", &regions, err) || number(b, "readings", &q->readings, err) ||
	    number(b, "tiles", &q->tiles, err) || number(b, "bits", &q->bits, err) ||
	    number(b, "blocks", &q->blocks, err) ||
	    number(b, "entropy_ppm", &q->entropy_ppm, err) ||
	    number(b, "entropy_left", &q->left, err) ||
	    number(b, "noise_ppm", &q->noise_ppm, err) || number(b, "low", &r->summary.low, err) ||
	    number(b, "median", &r->summary.median, err) ||
	    number(b, "high", &r->summary.high, err))
		return -1;
	if (unbase64(obj, "helper", &r->helper, sizeof(r->helper), err) ||
	    unhex(obj, "check", r->check, 32, err) || only(k, key_names, "keys", err) ||
	    unhex(k, "x25519", r->x25519, 32, err) || unhex(k, "p256", r->p256, 64, err) ||
	    unhex(k, "sm2", r->sm2, 64, err))
		return -1;
	return check_behaviour(r, units, regions, err);
}

static int parse_kind(const json_t *obj, struct hg_fp_record *r, struct hg_gpu_error *err)
{
	static const char *const extra[] = { "behaviour", "helper", "check", "keys" };
	const char *kind = string(obj, "kind", err);

	if (!kind)
		return -1;
	r->behaviour = !strcmp(kind, "behaviour");
	if (r->behaviour)
		return parse_behaviour(obj, r, err);
	if (strcmp(kind, "identity"))
		return bad(err, "kind", "is neither \"behaviour\" nor \"identity\"");
	for (size_t i = 0; i < sizeof(extra) / sizeof(*extra); i++)
		if (json_object_get(obj, extra[i]))
			return bad(err, extra[i],
				   "does not belong into a record of kind \"identity\"");
	return 0;
}

static int parse_members(const json_t *obj, struct hg_fp_record *r, struct hg_gpu_error *err)
{
	uint8_t hash[32], want[32];
	int64_t version;

	if (integer(obj, "version", INT32_MAX, &version, err))
		return -1;
	if (version != VERSION)
		return bad(err, "version", "is not 1: another version of hggpu wrote it");
	if (!json_is_boolean(json_object_get(obj, "simulated")))
		return bad(err, "simulated", "is neither true nor false");
	r->simulated = json_is_true(json_object_get(obj, "simulated"));
	if (integer(obj, "created", TIME_MAX, &r->created, err) ||
	    (json_object_get(obj, "expires") &&
	     integer(obj, "expires", TIME_MAX, &r->expires, err)))
		return -1;
	if (json_object_get(obj, "expires") && r->expires <= r->created)
		return bad(err, "expires", "is before \"created\"");
	if (hg_fp_identity_parse(json_object_get(obj, "identity"), &r->identity, err) ||
	    unhex(obj, "identity_hash", hash, 32, err) ||
	    hg_fp_identity_hash(&r->identity, want, err))
		return -1;
	r->identity.simulated = r->simulated;
	if (memcmp(hash, want, 32))
		return bad(err, "identity_hash", "is not the hash of the stable members");
	return parse_kind(obj, r, err);
}

/* Over the members as they were read: so whatever else the text had is not signed, nor used. */
static int check_signature(json_t *obj, EVP_PKEY *trusted, struct hg_fp_record *r,
			   struct hg_gpu_error *err)
{
	static const char *const names[] = { "alg", "key", "value", NULL };
	const json_t *s = json_object_get(obj, "signature");
	uint8_t sig[64], key[32];
	const char *alg;
	char *text;
	bool ok;

	if (only(s, names, "signature", err) || !(alg = string(s, "alg", err)) ||
	    unhex(s, "key", r->signer, 32, err) || unbase64(s, "value", sig, 64, err) ||
	    key_hash(trusted, key, err))
		return -1;
	if (strcmp(alg, "ES256"))
		return bad(err, "alg", "is not \"ES256\"");
	if (memcmp(key, r->signer, 32))
		return hg_gpu_fail(
			err, HG_GPU_E_IDENTITY,
			"record: signed by key %02x%02x%02x%02x..., trusted is %02x%02x%02x%02x...: give the public key of whoever enrolled this device",
			r->signer[0], r->signer[1], r->signer[2], r->signer[3], key[0], key[1],
			key[2], key[3]);
	json_object_del(obj, "signature");
	text = json_dumps(obj, CANONICAL);
	if (!text)
		return hg_gpu_no_memory(err);
	ok = verify(trusted, text, sig);
	free(text);
	return ok ? 0
		  : hg_gpu_fail(
			    err, HG_GPU_E_TAMPERED,
			    "record: the signature does not verify: it was changed since enrolment");
}

static int parse(json_t *obj, EVP_PKEY *trusted, struct hg_fp_record *r, struct hg_gpu_error *err)
{
	static const char *const names[] = { "version", "kind",	    "simulated",     "created",
					     "expires", "identity", "identity_hash", "behaviour",
					     "helper",	"check",    "keys",	     "signature",
					     NULL };

	if (only(obj, names, "record", err) || check_signature(obj, trusted, r, err))
		return -1;
	return parse_members(obj, r, err);
}

int hg_fp_record_parse(const char *text, size_t size, EVP_PKEY *trusted, struct hg_fp_record *r,
		       struct hg_gpu_error *err)
{
	json_error_t why;
	json_t *obj;
	int ret;

	memset(r, 0, sizeof(*r));
	if (size > HG_FP_RECORD_MAX)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "record: %zu bytes, at most %u are allowed", size,
				   HG_FP_RECORD_MAX);
	obj = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	if (!obj)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT, "record: not JSON: line %d: %s",
				   why.line, why.text);
	ret = parse(obj, trusted, r, err);
	json_decref(obj);
	if (ret)
		memset(r, 0, sizeof(*r));
	return ret;
}
