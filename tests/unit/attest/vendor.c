// SPDX-License-Identifier: Apache-2.0
#include "vendor.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "check.h"
#include "ek.h"
#include "json.h"
#include "key.h"
#include "root.h"
#include "tpmkey.h"

#define DAY 86400

static X509 *certify(const char *name, long serial, EVP_PKEY *key, const struct vendor_ca *by,
		     bool is_ca)
{
	X509 *c = X509_new();
	X509_NAME *n = X509_get_subject_name(c);
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	assert_int_equal(X509_set_version(c, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(c, by->cert ? X509_get_subject_name(by->cert) : n);
	ASN1_TIME_set(X509_getm_notBefore(c), VENDOR_NOW - 300 * DAY);
	ASN1_TIME_set(X509_getm_notAfter(c), VENDOR_NOW + 300 * DAY);
	X509_set_pubkey(c, key);
	X509V3_set_ctx(&ctx, by->cert ? by->cert : c, c, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
				  is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	assert_int_equal(X509_add_ext(c, ext, -1), 1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(c, by->key, EVP_sha256()) > 0);
	return c;
}

static void make_ca(struct vendor_ca *ca, const char *name, long serial, const struct vendor_ca *by)
{
	struct vendor_ca self = { NULL, NULL };

	ca->key = att_key_new("P-256", NULL);
	assert_non_null(ca->key);
	self.key = ca->key;
	ca->cert = certify(name, serial, ca->key, by ? by : &self, true);
}

static void free_ca(struct vendor_ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
}

void vendor_crl(BIO *to, const struct vendor_ca *ca, long revoked, long from, long until)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, VENDOR_NOW + from * DAY);

	assert_int_equal(X509_CRL_set_version(crl, 1), 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_set(t, VENDOR_NOW + until * DAY);
	X509_CRL_set1_nextUpdate(crl, t);
	if (revoked) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, revoked);
		X509_REVOKED_set_serialNumber(r, serial);
		ASN1_TIME_set(t, VENDOR_NOW - DAY);
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

void vendor_bytes(BIO *bio, struct att_bytes *b)
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

struct vendor *vendor_new(void)
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
	vendor_bytes(bio, &v->roots);
	EVP_PKEY_free(ek);
	return v;
}

void vendor_free(struct vendor *v)
{
	free_ca(&v->root);
	free_ca(&v->middle);
	free_ca(&v->stranger);
	X509_free(v->ek);
	att_bytes_free(&v->request);
	att_bytes_free(&v->roots);
	free(v);
}

BIO *vendor_lists(const struct vendor *v, long by_root, long by_middle)
{
	BIO *bio = BIO_new(BIO_s_mem());

	vendor_crl(bio, &v->root, by_root, -1, 1);
	vendor_crl(bio, &v->middle, by_middle, -1, 1);
	return bio;
}
