// SPDX-License-Identifier: Apache-2.0
/*
 * Records. As they come, and, as nothing would get past the signature so, with
 * a good one: an enroller who signs anything.
 */
#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#include "enrol.h"
#include "fuzz.h"
#include "simulated.h"

static EVP_PKEY *key;
static struct hg_fp_record record;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct fp_reading readings[3];
	const struct fp_reading *list[3] = { &readings[0], &readings[1], &readings[2] };
	struct hg_fp_identity id = { 0 };
	struct hg_gpu_error err;
	struct hg_sim_device d;
	char *text;

	(void)argc, (void)argv;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	hg_sim_defaults(&d, 1);
	hg_sim_identity(&d, &id);
	for (uint64_t i = 0; i < 3; i++)
		hg_sim_read(&d, i, &readings[i]);
	CHECK(!hg_fp_enrol(&id, list, 3, 1000, 2000, &record, &err));
	CHECK((text = hg_fp_record_sign(&record, key, &err)) != NULL);
	write_seed("behaviour", text, strlen(text));
	free(text);
	CHECK(!hg_fp_enrol(&id, NULL, 0, 1000, 0, &record, &err));
	CHECK((text = hg_fp_record_sign(&record, key, &err)) != NULL);
	write_seed("identity", text, strlen(text));
	free(text);
	return 0;
}

static void parse(const char *text, size_t size)
{
	struct hg_gpu_error err = { 0 };
	static const struct hg_fp_record zero;
	static struct hg_fp_record r;
	char *again;

	if (hg_fp_record_parse(text, size, key, &r, &err)) {
		CHECK(err.code && *err.text && !memcmp(&r, &zero, sizeof(r)));
		return;
	}
	/* What was taken is something that enrolment could have written. */
	CHECK(!r.behaviour || !hg_fp_helper_check(&r.helper, &err));
	CHECK((again = hg_fp_record_sign(&r, key, &err)) != NULL);
	CHECK(!hg_fp_record_parse(again, strlen(again), key, &r, &err));
	free(again);
}

/* "key" and "value" of the signature, made good. */
static void sign(json_t *obj)
{
	unsigned char der[200], sig[64], base64[100], hash[32], *spki = NULL;
	const unsigned char *p = der;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof(der);
	char hex[65], *text;
	ECDSA_SIG *s;
	int size;

	json_object_del(obj, "signature");
	text = json_dumps(obj, JSON_COMPACT | JSON_SORT_KEYS);
	if (text) {
		EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL);
		CHECK(EVP_DigestSign(ctx, der, &n, (unsigned char *)text, strlen(text)) == 1);
		s = d2i_ECDSA_SIG(NULL, &p, (long)n);
		BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
		ECDSA_SIG_free(s);
		EVP_EncodeBlock(base64, sig, 64);
		size = i2d_PUBKEY(key, &spki);
		EVP_Digest(spki, (size_t)size, hash, NULL, EVP_sha256(), NULL);
		OPENSSL_free(spki);
		for (int i = 0; i < 32; i++)
			snprintf(hex + 2 * i, 3, "%02x", hash[i]);
		json_object_set_new(
			obj, "signature",
			json_pack("{s:s,s:s,s:s}", "alg", "ES256", "key", hex, "value", base64));
	}
	free(text);
	EVP_MD_CTX_free(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size + 1), *text;
	json_t *obj;

	memcpy(exact, data, size);
	parse(exact, size);
	obj = json_loadb(exact, size, 0, NULL);
	free(exact);
	if (json_is_object(obj)) {
		sign(obj);
		text = json_dumps(obj, 0);
		if (text)
			parse(text, strlen(text));
		free(text);
	}
	json_decref(obj);
	return 0;
}
