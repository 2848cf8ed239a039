// SPDX-License-Identifier: Apache-2.0
/*
 * Enrolment with revocation lists: a vendor's root, a CA below it, an endorsement key; and lists
 * that name one of them, are stale, are missing, or are of somebody else.
 */
#include "check.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ek.h"
#include "json.h"
#include "key.h"
#include "root.h"
#include "tpmkey.h"

#define NOW 1700000000
#define DAY 86400

struct ca {
	EVP_PKEY *key;
	X509 *cert;
};

struct vendor {
	struct ca root, middle, stranger;
	X509 *ek;
	struct att_bytes request, roots;
};

static X509 *certify(const char *name, long serial, EVP_PKEY *key, const struct ca *by, bool is_ca)
{
	X509 *c = X509_new();
	X509_NAME *n = X509_get_subject_name(c);
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	assert_int_equal(X509_set_version(c, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(c, by->cert ? X509_get_subject_name(by->cert) : n);
	ASN1_TIME_set(X509_getm_notBefore(c), NOW - 300 * DAY);
	ASN1_TIME_set(X509_getm_notAfter(c), NOW + 300 * DAY);
	X509_set_pubkey(c, key);
	X509V3_set_ctx(&ctx, by->cert ? by->cert : c, c, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
				  is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	assert_int_equal(X509_add_ext(c, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(c, by->key, EVP_sha256()) > 0);
	return c;
}

static void make_ca(struct ca *ca, const char *name, long serial, const struct ca *by)
{
	struct ca self = { NULL, NULL };

	ca->key = att_key_new("P-256", NULL);
	assert_non_null(ca->key);
	self.key = ca->key;
	ca->cert = certify(name, serial, ca->key, by ? by : &self, true);
}

static void free_ca(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

/* @revoked: a serial number, or 0. In PEM, behind what is there. */
static void add_crl(BIO *to, const struct ca *ca, long revoked, long from, long until)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW + from * DAY);

	assert_int_equal(X509_CRL_set_version(crl, 1), 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_set(t, NOW + until * DAY);
	X509_CRL_set1_nextUpdate(crl, t);
	if (revoked) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, revoked);
		X509_REVOKED_set_serialNumber(r, serial);
		ASN1_TIME_set(t, NOW - DAY);
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(crl, r);
		ASN1_INTEGER_free(serial);
	}
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_CRL(to, crl), 1);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
}

static void take(BIO *bio, struct att_bytes *b)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	assert_int_equal(att_bytes_set(b, p, (size_t)n), 0);
	BIO_free(bio);
}

/* Public areas of keys that no TPM has. */
static void public_of(TPMT_PUBLIC *pub, EVP_PKEY *key, struct att_bytes *b)
{
	size_t half = strcmp(att_key_curve(key), "P-384") ? 32 : 48;
	struct att_error err = { 0 };
	uint8_t xy[96];

	assert_int_equal(att_key_point(key, xy, 2 * half, &err), 0);
	pub->unique.ecc.x.size = pub->unique.ecc.y.size = (UINT16)half;
	memcpy(pub->unique.ecc.x.buffer, xy, half);
	memcpy(pub->unique.ecc.y.buffer, xy + half, half);
	assert_int_equal(att_tpm_public_dump(pub, b, &err), 0);
}

static void make_request(struct vendor *v, EVP_PKEY *ek, const char *kind)
{
	struct att_bytes ek_bytes = { 0 }, ak_bytes = { 0 }, cert = { 0 };
	EVP_PKEY *ak = att_key_new("P-256", NULL);
	struct att_error err = { 0 };
	uint8_t *der = NULL;
	int n = i2d_X509(v->ek, &der);
	TPMT_PUBLIC pub;
	json_t *o;

	assert_true(n > 0 && !att_bytes_set(&cert, der, (size_t)n));
	OPENSSL_free(der);
	att_ek_template(att_ek_by_name(kind), &pub);
	public_of(&pub, ek, &ek_bytes);
	assert_int_equal(att_ak_template("p256", &pub, &err), 0);
	public_of(&pub, ak, &ak_bytes);
	o = json_pack("{s:i, s:s}", "version", 1, "type", "hypergpu-enrol-request");
	assert_int_equal(att_json_set_bytes(o, "ek_certificate", &cert) |
				 att_json_set_bytes(o, "ek_public", &ek_bytes) |
				 att_json_set_bytes(o, "ak_public", &ak_bytes),
			 0);
	assert_int_equal(att_bytes_take_string(&v->request, att_json_text(o)), 0);
	att_bytes_free(&cert);
	att_bytes_free(&ek_bytes);
	att_bytes_free(&ak_bytes);
	EVP_PKEY_free(ak);
}

static int setup(void **state)
{
	struct vendor *v = calloc(1, sizeof(*v));
	EVP_PKEY *ek = att_key_new("P-384", NULL);
	BIO *bio = BIO_new(BIO_s_mem());

	make_ca(&v->root, "vendor root", 1, NULL);
	make_ca(&v->middle, "vendor CA", 2, &v->root);
	make_ca(&v->stranger, "somebody else", 1, NULL);
	v->ek = certify("an endorsement key", 3, ek, &v->middle, false);
	make_request(v, ek, "h-3");
	PEM_write_bio_X509(bio, v->root.cert);
	PEM_write_bio_X509(bio, v->middle.cert);
	take(bio, &v->roots);
	EVP_PKEY_free(ek);
	*state = v;
	return 0;
}

static int teardown(void **state)
{
	struct vendor *v = *state;

	free_ca(&v->root);
	free_ca(&v->middle);
	free_ca(&v->stranger);
	X509_free(v->ek);
	att_bytes_free(&v->request);
	att_bytes_free(&v->roots);
	free(v);
	return 0;
}

/* Takes @bio. NULL @says: a challenge comes out; else nothing does, and the message has it. */
static void enrol_at(const struct vendor *v, BIO *bio, int64_t now, const char *says)
{
	struct att_bytes crls = { 0 }, challenge = { 0 }, secret = { 0 };
	struct att_error err = { 0 };
	int ret;

	take(bio, &crls);
	ret = att_enrol_challenge_crls(&v->request, &v->roots, &crls, now, &challenge, &secret,
				       &err);
	if (says && (!ret || !strstr(err.text, says)))
		fail_msg("%d '%s': want '%s'", ret, err.text, says);
	if (!says && ret)
		fail_msg("refused: %s", err.text);
	assert_int_equal(!ret, challenge.data && secret.data);
	att_bytes_free(&crls);
	att_bytes_free(&challenge);
	att_bytes_free(&secret);
}

static void enrol(const struct vendor *v, BIO *bio, const char *says)
{
	enrol_at(v, bio, NOW, says);
}

/* One list of each CA, which may revoke a serial number. */
static BIO *lists(const struct vendor *v, long by_root, long by_middle)
{
	BIO *bio = BIO_new(BIO_s_mem());

	add_crl(bio, &v->root, by_root, -1, 1);
	add_crl(bio, &v->middle, by_middle, -1, 1);
	return bio;
}

static void good(void **state)
{
	struct vendor *v = *state;
	struct att_bytes challenge = { 0 }, secret = { 0 };
	struct att_error err = { 0 };
	BIO *bio;

	enrol(v, lists(v, 0, 0), NULL);
	/* Other serial numbers, and lists of others, do not matter. */
	enrol(v, lists(v, 3, 2), NULL);
	bio = lists(v, 0, 0);
	add_crl(bio, &v->stranger, 2, -1, 1);
	enrol(v, bio, NULL);
	/* Without lists nobody looks. */
	assert_int_equal(
		att_enrol_challenge(&v->request, &v->roots, NOW, &challenge, &secret, &err), 0);
	att_bytes_free(&challenge);
	att_bytes_free(&secret);
}

static void revoked(void **state)
{
	struct vendor *v = *state;
	BIO *bio;

	enrol(v, lists(v, 0, 3), "CN = vendor CA has revoked the certificate of this EK");
	enrol(v, lists(v, 2, 0), "CN = vendor root has revoked the certificate of CN = vendor CA");
	enrol(v, lists(v, 2, 3), "has revoked");
	/* Two lists of one CA: the newer one counts. */
	bio = lists(v, 0, 3);
	add_crl(bio, &v->middle, 0, -3, 1);
	enrol(v, bio, "has revoked");
}

static void stale(void **state)
{
	struct vendor *v = *state;
	BIO *bio = BIO_new(BIO_s_mem());

	add_crl(bio, &v->root, 0, -1, 1);
	add_crl(bio, &v->middle, 0, -20, -10);
	enrol(v, bio, "the CRL of CN = vendor CA: CRL has expired");
	bio = BIO_new(BIO_s_mem());
	add_crl(bio, &v->root, 0, -20, -10);
	add_crl(bio, &v->middle, 0, -1, 1);
	enrol(v, bio, "the CRL of CN = vendor root: CRL has expired");
	bio = BIO_new(BIO_s_mem());
	add_crl(bio, &v->root, 0, -1, 1);
	add_crl(bio, &v->middle, 0, 10, 20);
	enrol(v, bio, "the CRL of CN = vendor CA: CRL is not yet valid");
	enrol_at(v, lists(v, 0, 0), NOW + 2 * DAY, "CRL has expired");
	/* A stale one that revokes is no better. */
	bio = BIO_new(BIO_s_mem());
	add_crl(bio, &v->root, 0, -1, 1);
	add_crl(bio, &v->middle, 3, -20, -10);
	enrol(v, bio, "EK certificate: ");
	/* Nor does a fresh one's company make it fresh. */
	bio = lists(v, 0, 0);
	add_crl(bio, &v->middle, 0, -20, -10);
	enrol(v, bio, NULL);
}

static void missing(void **state)
{
	struct vendor *v = *state;
	BIO *bio = BIO_new(BIO_s_mem());

	add_crl(bio, &v->root, 0, -1, 1);
	enrol(v, bio, "there is no CRL of CN = vendor CA");
	bio = BIO_new(BIO_s_mem());
	add_crl(bio, &v->middle, 0, -1, 1);
	enrol(v, bio, "there is no CRL of CN = vendor root");
	bio = BIO_new(BIO_s_mem());
	add_crl(bio, &v->stranger, 0, -1, 1);
	enrol(v, bio, "there is no CRL of CN = vendor CA");
	enrol(v, BIO_new(BIO_s_mem()), "no certificate revocation list");
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, v->root.cert);
	enrol(v, bio, "no certificate revocation list");
}

/* A list in the CA's name, signed by somebody else. */
static void forged(void **state)
{
	struct vendor *v = *state;
	struct ca liar = { v->stranger.key, v->middle.cert };
	BIO *bio = BIO_new(BIO_s_mem());

	add_crl(bio, &v->root, 0, -1, 1);
	add_crl(bio, &liar, 0, -1, 1);
	enrol(v, bio, "the CRL of CN = vendor CA: CRL signature failure");
}

/* One that is damaged is not one that is not there. */
static void damaged(void **state)
{
	struct vendor *v = *state;
	struct att_bytes text = { 0 };
	char *second;
	BIO *bio;

	take(lists(v, 0, 0), &text);
	second = strstr((char *)text.data + 30, "-----BEGIN");
	assert_non_null(second);
	second[40] = '!';
	bio = BIO_new(BIO_s_mem());
	BIO_write(bio, text.data, (int)text.size);
	add_crl(bio, &v->middle, 0, -1, 1);
	enrol(v, bio, "one of them cannot be read");
	/* Cut off. */
	bio = BIO_new(BIO_s_mem());
	BIO_write(bio, text.data, (int)(second - (char *)text.data) + 60);
	enrol(v, bio, "the CRLs: ");
	att_bytes_free(&text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(good), T(revoked), T(stale), T(missing), T(forged), T(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
