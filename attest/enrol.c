// SPDX-License-Identifier: Apache-2.0
/*
 * Enrolment: an attestation key becomes trusted because a TPM whose
 * endorsement key a vendor certified has shown that it holds this key, too.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "alg.h"
#include "bytes.h"
#include "cert.h"
#include "credential.h"
#include "error.h"
#include "json.h"
#include "root.h"
#include "tpmkey.h"

#define FILE_MAX 65536u
#define CERT_MAX 8192u
#define KEY_MAX	 4096u

/* An object of this "type", version 1, with these members. */
static json_t *parse(const struct att_bytes *text, const char *type, const char *const *members,
		     struct att_error *err)
{
	json_t *o = att_json_parse((const char *)text->data, text->size, FILE_MAX, err);
	const char *found;

	if (!o)
		return NULL;
	if (att_json_only(o, members, type, err) || att_json_version(o, type, err) ||
	    att_json_string(o, "type", true, &found, err)) {
		json_decref(o);
		return NULL;
	}
	if (strcmp(found, type)) {
		att_fail(err, ATT_E_FORMAT, "\"type\" is \"%.40s\", not \"%s\"", found, type);
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *start(const char *type)
{
	return json_pack("{s:i, s:s}", "version", 1, "type", type);
}

/* Takes @o. */
static int finish(json_t *o, int bad, struct att_bytes *to, struct att_error *err)
{
	if (bad || !o) {
		json_decref(o);
		return att_no_memory(err);
	}
	return att_bytes_take_string(to, att_json_text(o)) ? att_no_memory(err) : 0;
}

static void no_certificate(const struct att_ak *ak, struct att_error *err)
{
	if (ak->ek)
		att_fail(err, ATT_E_REFUSED,
			 "the TPM has no EK certificate of template %s (NV index 0x%x)",
			 ak->ek->name, ak->ek->certificate);
	else
		att_fail(
			err, ATT_E_REFUSED,
			"the TPM has no EK certificate of template L-1, L-2, H-1, H-2 or H-3 (NV indices 0x1c00002, 0x1c0000a, 0x1c00012, 0x1c00014, 0x1c00016)");
}

int att_enrol_request(struct att_root *root, const struct att_bytes *ak_file,
		      struct att_bytes *request, struct att_error *err)
{
	struct att_bytes cert = { 0 }, ek = { 0 };
	struct att_ak ak = { 0 };
	json_t *o;
	int ret = -1, bad;

	if (att_ak_parse(root, ak_file, &ak, err))
		return -1;
	if (!root->ops->ek(root, &ak, &cert, &ek, err)) {
		if (!cert.size) {
			no_certificate(&ak, err);
		} else {
			o = start("hypergpu-enrol-request");
			bad = att_json_set_bytes(o, "ek_certificate", &cert);
			bad |= att_json_set_bytes(o, "ek_public", &ek);
			bad |= att_json_set_bytes(o, "ak_public", &ak.public);
			ret = finish(o, bad, request, err);
		}
	}
	att_bytes_free(&cert);
	att_bytes_free(&ek);
	att_ak_free(&ak);
	return ret;
}

struct request {
	struct att_bytes cert, ek_bytes, ak_bytes;
	TPMT_PUBLIC ek, ak;
	uint8_t name[ATT_NAME_MAX];
	size_t name_size;
};

static void free_request(struct request *q)
{
	att_bytes_free(&q->cert);
	att_bytes_free(&q->ek_bytes);
	att_bytes_free(&q->ak_bytes);
}

static int parse_request(const struct att_bytes *text, struct request *q, struct att_error *err)
{
	static const char *const members[] = { "version",   "type",	 "ek_certificate",
					       "ek_public", "ak_public", NULL };
	json_t *o = parse(text, "hypergpu-enrol-request", members, err);
	int bad;

	if (!o)
		return -1;
	bad = att_json_bytes(o, "ek_certificate", CERT_MAX, true, &q->cert, err) ||
	      att_json_bytes(o, "ek_public", KEY_MAX, true, &q->ek_bytes, err) ||
	      att_json_bytes(o, "ak_public", KEY_MAX, true, &q->ak_bytes, err) ||
	      att_tpm_public_parse(&q->ek_bytes, &q->ek, err) ||
	      att_tpm_public_parse(&q->ak_bytes, &q->ak, err) ||
	      att_tpm_name(&q->ak_bytes, &q->ak, q->name, &q->name_size, err);
	json_decref(o);
	return bad ? -1 : 0;
}

/* The attributes: without them an activation would prove less than it seems to. */
static int check_keys(const struct request *q, struct att_error *err)
{
	const char *wrong = att_tpm_not_ak(&q->ak);
	EVP_PKEY *key;

	if (wrong)
		return att_fail(err, ATT_E_REFUSED, "attestation key: %s", wrong);
	wrong = att_tpm_not_ek(&q->ek);
	if (wrong)
		return att_fail(err, ATT_E_REFUSED, "endorsement key: %s", wrong);
	key = att_tpm_pkey(&q->ak, err);
	EVP_PKEY_free(key);
	return key ? 0 : att_prefix(err, "attestation key");
}

static int check_certificate(const struct request *q, const struct att_bytes *roots,
			     const struct att_bytes *crls, int64_t now, struct att_error *err)
{
	EVP_PKEY *certified = att_cert_check(&q->cert, roots, crls, now, err), *ek;
	int equal;

	if (!certified)
		return -1;
	ek = att_tpm_pkey(&q->ek, err);
	equal = ek && EVP_PKEY_eq(ek, certified) == 1;
	EVP_PKEY_free(certified);
	if (!ek)
		return att_prefix(err, "endorsement key");
	EVP_PKEY_free(ek);
	return equal ? 0
		     : att_fail(
			       err, ATT_E_REFUSED,
			       "EK certificate: it is of another endorsement key than the request's");
}

static int make_state(const struct request *q, const uint8_t *secret, struct att_bytes *state,
		      struct att_error *err)
{
	json_t *o = start("hypergpu-enrol-state");
	uint8_t digest[32];
	int bad = att_sha256(q->cert.data, q->cert.size, digest);

	bad |= att_json_set_hex(o, "ak_name", q->name, q->name_size);
	bad |= att_json_set_hex(o, "ek_certificate_sha256", digest, sizeof(digest));
	bad |= att_json_set_hex(o, "secret", secret, ATT_CREDENTIAL);
	return finish(o, bad, state, err);
}

static int make_challenge(const struct request *q, const uint8_t *secret,
			  struct att_bytes *challenge, struct att_error *err)
{
	struct att_bytes blob = { 0 }, seed = { 0 };
	json_t *o;
	int bad;

	if (att_credential_make(&q->ek, q->name, q->name_size, secret, &blob, &seed, err))
		return -1;
	o = start("hypergpu-enrol-challenge");
	bad = att_json_set_bytes(o, "credential_blob", &blob);
	bad |= att_json_set_bytes(o, "encrypted_seed", &seed);
	att_bytes_free(&blob);
	att_bytes_free(&seed);
	return finish(o, bad, challenge, err);
}

int att_enrol_challenge(const struct att_bytes *request, const struct att_bytes *roots, int64_t now,
			struct att_bytes *challenge, struct att_bytes *state, struct att_error *err)
{
	return att_enrol_challenge_crls(request, roots, NULL, now, challenge, state, err);
}

int att_enrol_challenge_crls(const struct att_bytes *request, const struct att_bytes *roots,
			     const struct att_bytes *crls, int64_t now, struct att_bytes *challenge,
			     struct att_bytes *state, struct att_error *err)
{
	uint8_t secret[ATT_CREDENTIAL];
	struct request q = { 0 };
	int ret = -1;

	memset(challenge, 0, sizeof(*challenge));
	if (!parse_request(request, &q, err) && !check_keys(&q, err) &&
	    !check_certificate(&q, roots, crls, now, err)) {
		if (RAND_bytes(secret, sizeof(secret)) != 1)
			att_fail_crypto(err, "no random numbers");
		else if (!make_challenge(&q, secret, challenge, err))
			ret = make_state(&q, secret, state, err);
		if (ret)
			att_bytes_free(challenge);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	free_request(&q);
	return ret;
}

int att_enrol_activate(struct att_root *root, const struct att_bytes *ak_file,
		       const struct att_bytes *challenge, struct att_bytes *response,
		       struct att_error *err)
{
	static const char *const members[] = { "version", "type", "credential_blob",
					       "encrypted_seed", NULL };
	struct att_bytes blob = { 0 }, seed = { 0 }, secret = { 0 };
	struct att_ak ak = { 0 };
	json_t *o = parse(challenge, "hypergpu-enrol-challenge", members, err);
	int ret = -1, bad;

	if (!o)
		return -1;
	bad = att_json_bytes(o, "credential_blob", 512, true, &blob, err) ||
	      att_json_bytes(o, "encrypted_seed", 512, true, &seed, err) ||
	      att_ak_parse(root, ak_file, &ak, err) ||
	      root->ops->activate(root, &ak, &blob, &seed, &secret, err);
	json_decref(o);
	if (!bad) {
		o = start("hypergpu-enrol-response");
		bad = att_json_set_hex(o, "secret", secret.data, secret.size);
		ret = finish(o, bad, response, err);
	}
	att_bytes_free(&blob);
	att_bytes_free(&seed);
	att_bytes_free(&secret);
	att_ak_free(&ak);
	return ret;
}

struct state {
	uint8_t name[ATT_NAME_MAX], ek[32], secret[ATT_CREDENTIAL];
	size_t name_size;
};

static int parse_state(const struct att_bytes *text, struct state *s, struct att_error *err)
{
	static const char *const members[] = { "version", "type",
					       "ak_name", "ek_certificate_sha256",
					       "secret",  NULL };
	json_t *o = parse(text, "hypergpu-enrol-state", members, err);
	const char *name;
	int n = -1, bad;

	if (!o)
		return -1;
	bad = att_json_string(o, "ak_name", true, &name, err) ||
	      att_json_hex(o, "ek_certificate_sha256", s->ek, sizeof(s->ek), err) ||
	      att_json_hex(o, "secret", s->secret, sizeof(s->secret), err);
	if (!bad) {
		n = att_unhex(name, s->name, sizeof(s->name));
		if (n < 34)
			bad = att_fail(err, ATT_E_FORMAT, "\"ak_name\" is not a TPM name");
	}
	s->name_size = n < 0 ? 0 : (size_t)n;
	json_decref(o);
	return bad ? -1 : 0;
}

static int check_response(const struct att_bytes *text, const struct state *s,
			  struct att_error *err)
{
	static const char *const members[] = { "version", "type", "secret", NULL };
	json_t *o = parse(text, "hypergpu-enrol-response", members, err);
	uint8_t secret[ATT_CREDENTIAL];
	int ret;

	if (!o)
		return -1;
	ret = att_json_hex(o, "secret", secret, sizeof(secret), err);
	json_decref(o);
	if (!ret && CRYPTO_memcmp(secret, s->secret, sizeof(secret)))
		ret = att_fail(
			err, ATT_E_REFUSED,
			"the answer is wrong: the TPM does not hold both keys, or it is of another challenge");
	OPENSSL_cleanse(secret, sizeof(secret));
	return ret;
}

int att_enrol_finish(const struct att_bytes *state, const struct att_bytes *response, int64_t now,
		     struct att_bytes *record, struct att_error *err)
{
	struct state s = { 0 };
	int ret = -1, bad;
	json_t *o;

	if (!parse_state(state, &s, err) && !check_response(response, &s, err)) {
		o = start("hypergpu-enrolment");
		bad = att_json_set_hex(o, "ak_name", s.name, s.name_size);
		bad |= att_json_set_hex(o, "ek_certificate_sha256", s.ek, sizeof(s.ek));
		bad |= json_object_set_new(o, "enrolled", json_integer(now));
		ret = finish(o, bad, record, err);
	}
	OPENSSL_cleanse(&s, sizeof(s));
	return ret;
}
