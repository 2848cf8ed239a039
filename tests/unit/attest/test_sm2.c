// SPDX-License-Identifier: Apache-2.0
/*
 * SM2 and SM3: the standard's own example, a machine that has nothing else, and attacks that
 * mix up what is signed, with what, and by which kind of key.
 */
#include "check.h"
#include "world.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <tss2/tss2_mu.h>

#include "json.h"
#include "key.h"
#include "quote.h"
#include "tpmkey.h"

/* GM/T 0003.5-2012, A.2: the key, "message digest" by it, and the digest with Z. */
static const char key_text[] = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
			       "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
static const char sig_text[] = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
			       "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";
static const char e_text[] = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640";
static const uint8_t message[] = "message digest";

static void known(void **state)
{
	uint8_t xy[64], sig[64], e[32], plain[32];
	struct att_error err = { 0 };
	EVP_PKEY *key;
	size_t i;

	(void)state;
	assert_int_equal(att_unhex(key_text, xy, 64), 64);
	assert_int_equal(att_unhex(sig_text, sig, 64), 64);
	assert_int_equal(att_unhex(e_text, e, 32), 32);
	key = att_key_ec("SM2", xy, 64, &err);
	assert_non_null(key);
	assert_string_equal(att_key_kind(key), "SM2");
	assert_null(att_key_curve(key));
	assert_int_equal(att_sm2_verify(key, message, 14, sig, &err), 0);
	assert_int_equal(att_sm2_verify_digest(key, e, sig, &err), 0);
	assert_int_equal(att_sm2_verify(key, message, 13, sig, &err), -1);
	assert_int_equal(err.code, ATT_E_CRYPTO);
	/* The digest without Z is another. */
	assert_int_equal(att_hash(att_alg_by_name("sm3_256"), message, 14, plain), 0);
	assert_int_equal(att_sm2_verify_digest(key, plain, sig, &err), -1);
	for (i = 0; i < 64; i++) {
		sig[i] ^= 1;
		assert_int_equal(att_sm2_verify(key, message, 14, sig, &err), -1);
		sig[i] ^= 1;
	}
	EVP_PKEY_free(key);
	xy[63] ^= 1;
	assert_null(att_key_ec("SM2", xy, 64, &err));
	assert_null(att_key_ec("SM2", xy, 63, &err));
}

/* r and s at the edges of their range: nothing verifies. */
static void edges(void **state)
{
	static const char order[] =
		"fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
	struct att_error err = { 0 };
	uint8_t edge[4][32] = { { 0 }, { [31] = 1 } }, sig[64], digest[32] = { 0 };
	EVP_PKEY *key = att_key_new("SM2", &err);
	size_t i, j;

	(void)state;
	assert_int_equal(att_unhex(order, edge[2], 32), 32);
	memcpy(edge[3], edge[2], 32);
	edge[3][31]--;
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4; j++) {
			memcpy(sig, edge[i], 32);
			memcpy(sig + 32, edge[j], 32);
			assert_int_equal(att_sm2_verify(key, message, 14, sig, &err), -1);
			assert_int_equal(att_sm2_verify_digest(key, digest, sig, &err), -1);
		}
	}
	EVP_PKEY_free(key);
}

static void untampered(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);

	must_pass(w, ev);
	att_evidence_free(ev);
}

/* What a verifier accepts by default are the banks that every TPM has. */
static void bank(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);
	struct att_error err = { 0 };
	char *text = world_policy_text(&w->a, "");

	must_pass(w, ev);
	machine_quote(&w->a, "sha256", 0xffff, w->nonce, sizeof(w->nonce), ev);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-bank");
	att_evidence_free(ev);
	ev = world_evidence(w);
	att_policy_free(w->policy);
	w->policy = att_policy_parse(text, strlen(text), &err);
	assert_non_null(w->policy);
	free(text);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-bank");
	att_evidence_free(ev);
}

static void set_signature(struct att_evidence *ev, uint16_t scheme, uint16_t hash,
			  const uint8_t sig[64])
{
	TPMT_SIGNATURE s = { .sigAlg = scheme };
	uint8_t bytes[sizeof(s)];
	size_t n = 0;

	s.signature.sm2.hash = hash;
	s.signature.sm2.signatureR.size = s.signature.sm2.signatureS.size = 32;
	memcpy(s.signature.sm2.signatureR.buffer, sig, 32);
	memcpy(s.signature.sm2.signatureS.buffer, sig + 32, 32);
	assert_int_equal(Tss2_MU_TPMT_SIGNATURE_Marshal(&s, bytes, sizeof(bytes), &n), 0);
	set_bytes(&ev->signature, bytes, n);
}

static void quote_schemes(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);
	struct att_error err = { 0 };
	TPMT_SIGNATURE s = { 0 };
	uint8_t sig[64];
	size_t at = 0;

	must_pass(w, ev);
	assert_int_equal(
		Tss2_MU_TPMT_SIGNATURE_Unmarshal(ev->signature.data, ev->signature.size, &at, &s),
		0);
	memcpy(sig, s.signature.sm2.signatureR.buffer, 32);
	memcpy(sig + 32, s.signature.sm2.signatureS.buffer, 32);
	/* The same numbers under other names. */
	set_signature(ev, TPM2_ALG_ECDSA, TPM2_ALG_SM3_256, sig);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	set_signature(ev, TPM2_ALG_ECDSA, TPM2_ALG_SHA256, sig);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	set_signature(ev, TPM2_ALG_SM2, TPM2_ALG_SHA256, sig);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	set_signature(ev, TPM2_ALG_SM2, TPM2_ALG_SHA384, sig);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	set_signature(ev, TPM2_ALG_SM2, TPM2_ALG_SHA1, sig);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	/* By this key, over the same message, but with Z: no TPM signs a quote so. */
	assert_int_equal(att_sm2_sign(w->a.ak, ev->message.data, ev->message.size, sig, &err), 0);
	set_signature(ev, TPM2_ALG_SM2, TPM2_ALG_SM3_256, sig);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	/* By another key. */
	machine_sign(w->b.ak, att_alg_by_name("sm3_256"), ev);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	machine_sign(w->a.ak, att_alg_by_name("sm3_256"), ev);
	must_pass(w, ev);
	att_evidence_free(ev);
}

/* An SM2 signature does not go with a P-256 key, nor ECDSA with an SM2 key. */
static void quote_keys(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);
	const struct att_alg *hash;
	struct att_error err = { 0 };
	EVP_PKEY *p256 = att_key_new("P-256", &err);

	assert_int_equal(att_quote_verify(&ev->message, &ev->signature, w->a.ak, &hash, &err), 0);
	assert_int_equal(att_quote_verify(&ev->message, &ev->signature, p256, &hash, &err), -1);
	assert_non_null(strstr(err.text, "not an SM2 key"));
	machine_sign(p256, att_alg_by_name("sha256"), ev);
	assert_int_equal(att_quote_verify(&ev->message, &ev->signature, p256, &hash, &err), 0);
	assert_int_equal(att_quote_verify(&ev->message, &ev->signature, w->a.ak, &hash, &err), -1);
	assert_non_null(strstr(err.text, "not of P-256 or P-384"));
	EVP_PKEY_free(p256);
	att_evidence_free(ev);
}

static void report(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);
	struct att_error err = { 0 };
	uint8_t *sig = ev->report.data + ATT_REPORT_SIZE, was[64];
	uint8_t digest[32], der[80];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, w->a.report_key, NULL);
	size_t i, n = sizeof(der);

	must_pass(w, ev);
	memcpy(was, sig, 64);
	for (i = 0; i < 64; i += 9) {
		sig[i] ^= 0x10;
		must_fail(w, ev, ATT_V_REPORT, "report-signature");
		sig[i] ^= 0x10;
	}
	ev->report.data[8] = ATT_SIG_P256;
	must_fail(w, ev, ATT_V_REPORT, "report-key");
	ev->report.data[8] = ATT_SIG_SM2;
	must_pass(w, ev);
	/* The digest alone, as a TPM would sign: a report is signed with Z. */
	assert_int_equal(
		att_hash(att_alg_by_name("sm3_256"), ev->report.data, ATT_REPORT_SIZE, digest), 0);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, der, &n, digest, 32), 1);
	assert_int_equal(der[0], 0x30);
	memcpy(sig, der + 5 - (der[4] ? 1 : 0), 32);
	must_fail(w, ev, ATT_V_REPORT, "report-signature");
	assert_int_equal(att_sm2_sign(w->b.report_key, ev->report.data, ATT_REPORT_SIZE, sig, &err),
			 0);
	must_fail(w, ev, ATT_V_REPORT, "report-signature");
	memcpy(sig, was, 64);
	must_pass(w, ev);
	EVP_PKEY_CTX_free(ctx);
	att_evidence_free(ev);
}

/* One spelling of it, and never one of type "EC", which would sign with ECDSA. */
static void spki(void **state)
{
	struct world *w = *state;
	struct att_error err = { 0 };
	struct att_bytes der = { 0 }, again = { 0 };
	uint8_t xy[64], back[64];
	EVP_PKEY *key;
	size_t i;

	assert_int_equal(att_key_to_spki(w->a.ak, &der, &err), 0);
	assert_int_equal(der.size, 91);
	key = att_key_from_spki(der.data, der.size, &err);
	assert_non_null(key);
	assert_true(att_key_is_sm2(key) && EVP_PKEY_eq(key, w->a.ak) == 1);
	assert_int_equal(att_key_point(w->a.ak, xy, 64, &err), 0);
	assert_int_equal(att_key_point(key, back, 64, &err), 0);
	assert_memory_equal(xy, back, 64);
	assert_int_equal(att_key_to_spki(key, &again, &err), 0);
	assert_int_equal(again.size, der.size);
	assert_memory_equal(again.data, der.data, der.size);
	EVP_PKEY_free(key);
	for (i = 0; i < der.size; i++) {
		der.data[i] ^= 1;
		key = att_key_from_spki(der.data, der.size, &err);
		assert_null(key);
		der.data[i] ^= 1;
	}
	att_bytes_free(&der);
	att_bytes_free(&again);
}

/* Secrets go to keys of P-256 and P-384: a JWE has no SM2. */
static void cvm_key(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = world_evidence(w);
	struct att_error err = { 0 };
	struct att_bytes der = { 0 };

	must_pass(w, ev);
	assert_int_equal(att_key_to_spki(w->a.report_key, &der, &err), 0);
	set_bytes(&ev->cvm_key, der.data, der.size);
	must_fail(w, ev, ATT_V_BINDING, "cvm-key");
	att_bytes_free(&der);
	att_evidence_free(ev);
}

static void member(const json_t *o, const char *name, struct att_bytes *b)
{
	struct att_error err = { 0 };

	assert_int_equal(att_json_bytes(o, name, 4096, true, b, &err), 0);
}

/* A quote that a TPM made with SM2 and SHA-256 (libtpms 0.9), kept. */
static void kept(void **state)
{
	struct att_bytes spki_der = { 0 }, public = { 0 }, quote = { 0 }, sig = { 0 };
	json_t *o = json_load_file("vectors/quote-sm2.json", 0, NULL);
	struct att_error err = { 0 };
	const struct att_alg *hash;
	EVP_PKEY *key, *tpm;
	TPMT_PUBLIC pub;
	size_t i;

	(void)state;
	assert_non_null(o);
	member(o, "ak_public", &spki_der);
	member(o, "ak_tpm_public", &public);
	member(o, "message", &quote);
	member(o, "signature", &sig);
	json_decref(o);
	key = att_key_from_spki(spki_der.data, spki_der.size, &err);
	assert_int_equal(att_tpm_public_parse(&public, &pub, &err), 0);
	tpm = att_tpm_pkey(&pub, &err);
	assert_true(key && tpm && att_key_is_sm2(key) && EVP_PKEY_eq(key, tpm) == 1);
	assert_int_equal(att_quote_verify(&quote, &sig, key, &hash, &err), 0);
	assert_string_equal(hash->name, "sha256");
	for (i = 0; i < quote.size; i += 5) {
		quote.data[i] ^= 1;
		assert_int_equal(att_quote_verify(&quote, &sig, key, &hash, &err), -1);
		quote.data[i] ^= 1;
	}
	EVP_PKEY_free(key);
	EVP_PKEY_free(tpm);
	att_bytes_free(&spki_der);
	att_bytes_free(&public);
	att_bytes_free(&quote);
	att_bytes_free(&sig);
}

static int setup(void **state)
{
	*state = world_new(ATT_SIG_SM2);
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
		T(known),      T(edges),  T(untampered), T(bank),    T(quote_schemes),
		T(quote_keys), T(report), T(spki),	 T(cvm_key), T(kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
