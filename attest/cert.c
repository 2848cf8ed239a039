// SPDX-License-Identifier: Apache-2.0
#include "cert.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "error.h"

#define ROOTS_MAX (1u << 20)
#define CRLS_MAX  (8u << 20)
#define EK_USAGE  "2.23.133.8.1" /* tcg-kp-EKCertificate */

struct anchors {
	X509_STORE *store;
	STACK_OF(X509) * between;
	unsigned int roots;
};

static void free_anchors(struct anchors *a)
{
	X509_STORE_free(a->store);
	sk_X509_pop_free(a->between, X509_free);
}

static int add(struct anchors *a, X509 *cert)
{
	if (X509_check_issued(cert, cert) != X509_V_OK)
		return sk_X509_push(a->between, cert) > 0 ? 0 : -1;
	a->roots++;
	if (X509_STORE_add_cert(a->store, cert) != 1)
		return -1;
	X509_free(cert); /* the store has a reference of its own */
	return 0;
}

static int read_anchors(const struct att_bytes *pem, struct anchors *a, struct att_error *err)
{
	BIO *bio = pem->size && pem->size <= ROOTS_MAX ? BIO_new_mem_buf(pem->data, (int)pem->size)
						       : NULL;
	X509 *cert;

	a->store = X509_STORE_new();
	a->between = sk_X509_new_null();
	while (bio && a->store && a->between && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (add(a, cert)) {
			X509_free(cert);
			break;
		}
	}
	BIO_free(bio);
	if (!a->roots)
		return att_fail_crypto(err,
				       "the vendors' roots: no self-signed certificate in PEM");
	/* The end of the file is noted as an error of PEM's. */
	ERR_clear_error();
	return 0;
}

/* A list that cannot be read must not pass for one that is not there: the end is the file's end. */
static int read_crls(const struct att_bytes *pem, X509_STORE *store, struct att_error *err)
{
	BIO *bio = pem->size && pem->size <= CRLS_MAX ? BIO_new_mem_buf(pem->data, (int)pem->size)
						      : NULL;
	unsigned int count = 0;
	bool added = true;
	X509_CRL *crl;

	ERR_clear_error();
	while (bio && added && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		added = X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
		count += added;
	}
	BIO_free(bio);
	if (added && count && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return 0;
	}
	return att_fail_crypto(err, count ? "the CRLs: one of them cannot be read"
					  : "the CRLs: no certificate revocation list in PEM");
}

static void name_text(const X509_NAME *name, char *to, int size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio && name && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE) >= 0)
		n = BIO_read(bio, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

/* OpenSSL says what is wrong; of what it is, too, is what one needs to know. */
static int refuse_chain(X509_STORE_CTX *ctx, struct att_error *err)
{
	int why = X509_STORE_CTX_get_error(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	char name[160] = "", issuer[160] = "";

	if (cert) {
		name_text(X509_get_subject_name(cert), name, sizeof(name));
		name_text(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	}
	ERR_clear_error();
	switch (why) {
	case X509_V_ERR_CERT_REVOKED:
		return att_fail(err, ATT_E_REFUSED,
				"EK certificate: %s has revoked the certificate of %s", issuer,
				X509_STORE_CTX_get_error_depth(ctx) ? name : "this EK");
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return att_fail(err, ATT_E_REFUSED,
				"EK certificate: there is no CRL of %s among those given", issuer);
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
		return att_fail(err, ATT_E_REFUSED, "EK certificate: the CRL of %s: %s", issuer,
				X509_verify_cert_error_string(why));
	default:
		return att_fail(err, ATT_E_REFUSED, "EK certificate: %s",
				X509_verify_cert_error_string(why));
	}
}

static int check_chain(X509 *cert, const struct anchors *a, bool crls, int64_t now,
		       struct att_error *err)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int ret = -1;

	if (!ctx || !X509_STORE_CTX_init(ctx, a->store, cert, a->between)) {
		X509_STORE_CTX_free(ctx);
		return att_fail_crypto(err, "EK certificate");
	}
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	if (crls)
		X509_VERIFY_PARAM_set_flags(param,
					    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	ret = X509_verify_cert(ctx) == 1 ? 0 : refuse_chain(ctx, err);
	X509_STORE_CTX_free(ctx);
	return ret;
}

/* A certificate that says what it is for must say this. */
static bool is_for_ek(X509 *cert)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	char oid[80];
	bool found = !usage;
	int i;

	for (i = 0; usage && i < sk_ASN1_OBJECT_num(usage); i++)
		if (OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1) > 0 &&
		    !strcmp(oid, EK_USAGE))
			found = true;
	EXTENDED_KEY_USAGE_free(usage);
	return found && !X509_check_ca(cert);
}

EVP_PKEY *att_cert_check(const struct att_bytes *der, const struct att_bytes *roots,
			 const struct att_bytes *crls, int64_t now, struct att_error *err)
{
	const uint8_t *p = der->data;
	struct anchors a = { 0 };
	EVP_PKEY *key = NULL;
	X509 *cert;

	cert = der->size ? d2i_X509(NULL, &p, (long)der->size) : NULL;
	if (!cert || p != der->data + der->size) {
		att_fail_crypto(err, "EK certificate: not one certificate in DER");
	} else if (!is_for_ek(cert)) {
		att_fail(err, ATT_E_REFUSED, "EK certificate: it is not for an endorsement key");
	} else if (!read_anchors(roots, &a, err) && (!crls || !read_crls(crls, a.store, err)) &&
		   !check_chain(cert, &a, crls, now, err)) {
		key = X509_get_pubkey(cert);
		if (!key)
			att_fail_crypto(err, "EK certificate: its key");
	}
	free_anchors(&a);
	X509_free(cert);
	return key;
}
