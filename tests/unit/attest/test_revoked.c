// SPDX-License-Identifier: Apache-2.0
/*
 * Enrolment with revocation lists: a vendor's root, a CA below it, an endorsement key; and lists
 * that name one of them, are stale, are missing, or are of somebody else.
 */
#include "check.h"

#include <openssl/pem.h>
#include <string.h>

#include "vendor.h"

#define DAY 86400

static int setup(void **state)
{
	*state = vendor_new();
	return 0;
}

static int teardown(void **state)
{
	vendor_free(*state);
	return 0;
}

/* Takes @bio. NULL @says: a challenge comes out; else nothing does, and the message has it. */
static void enrol_at(const struct vendor *v, BIO *bio, int64_t now, const char *says)
{
	struct att_bytes crls = { 0 }, challenge = { 0 }, secret = { 0 };
	struct att_error err = { 0 };
	int ret;

	vendor_bytes(bio, &crls);
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
	enrol_at(v, bio, VENDOR_NOW, says);
}

static void good(void **state)
{
	struct vendor *v = *state;
	struct att_bytes challenge = { 0 }, secret = { 0 };
	struct att_error err = { 0 };
	BIO *bio;

	enrol(v, vendor_lists(v, 0, 0), NULL);
	/* Other serial numbers, and lists of others, do not matter. */
	enrol(v, vendor_lists(v, 3, 2), NULL);
	bio = vendor_lists(v, 0, 0);
	vendor_crl(bio, &v->stranger, 2, -1, 1);
	enrol(v, bio, NULL);
	/* Without lists nobody looks. */
	assert_int_equal(
		att_enrol_challenge(&v->request, &v->roots, VENDOR_NOW, &challenge, &secret, &err),
		0);
	att_bytes_free(&challenge);
	att_bytes_free(&secret);
}

static void revoked(void **state)
{
	struct vendor *v = *state;
	BIO *bio;

	enrol(v, vendor_lists(v, 0, 3), "CN = vendor CA has revoked the certificate of this EK");
	enrol(v, vendor_lists(v, 2, 0),
	      "CN = vendor root has revoked the certificate of CN = vendor CA");
	enrol(v, vendor_lists(v, 2, 3), "has revoked");
	/* Two lists of one CA: the newer one counts. */
	bio = vendor_lists(v, 0, 3);
	vendor_crl(bio, &v->middle, 0, -3, 1);
	enrol(v, bio, "has revoked");
}

static void stale(void **state)
{
	struct vendor *v = *state;
	BIO *bio = BIO_new(BIO_s_mem());

	vendor_crl(bio, &v->root, 0, -1, 1);
	vendor_crl(bio, &v->middle, 0, -20, -10);
	enrol(v, bio, "the CRL of CN = vendor CA: CRL has expired");
	bio = BIO_new(BIO_s_mem());
	vendor_crl(bio, &v->root, 0, -20, -10);
	vendor_crl(bio, &v->middle, 0, -1, 1);
	enrol(v, bio, "the CRL of CN = vendor root: CRL has expired");
	bio = BIO_new(BIO_s_mem());
	vendor_crl(bio, &v->root, 0, -1, 1);
	vendor_crl(bio, &v->middle, 0, 10, 20);
	enrol(v, bio, "the CRL of CN = vendor CA: CRL is not yet valid");
	enrol_at(v, vendor_lists(v, 0, 0), VENDOR_NOW + 2 * DAY, "CRL has expired");
	/* A stale one that revokes is no better. */
	bio = BIO_new(BIO_s_mem());
	vendor_crl(bio, &v->root, 0, -1, 1);
	vendor_crl(bio, &v->middle, 3, -20, -10);
	enrol(v, bio, "EK certificate: ");
	/* Nor does a fresh one's company make it fresh. */
	bio = vendor_lists(v, 0, 0);
	vendor_crl(bio, &v->middle, 0, -20, -10);
	enrol(v, bio, NULL);
}

static void missing(void **state)
{
	struct vendor *v = *state;
	BIO *bio = BIO_new(BIO_s_mem());

	vendor_crl(bio, &v->root, 0, -1, 1);
	enrol(v, bio, "there is no CRL of CN = vendor CA");
	bio = BIO_new(BIO_s_mem());
	vendor_crl(bio, &v->middle, 0, -1, 1);
	enrol(v, bio, "there is no CRL of CN = vendor root");
	bio = BIO_new(BIO_s_mem());
	vendor_crl(bio, &v->stranger, 0, -1, 1);
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
	struct vendor_ca liar = { v->stranger.key, v->middle.cert };
	BIO *bio = BIO_new(BIO_s_mem());

	vendor_crl(bio, &v->root, 0, -1, 1);
	vendor_crl(bio, &liar, 0, -1, 1);
	enrol(v, bio, "the CRL of CN = vendor CA: CRL signature failure");
}

/* One that is damaged is not one that is not there. */
static void damaged(void **state)
{
	struct vendor *v = *state;
	struct att_bytes text = { 0 };
	char *second;
	BIO *bio;

	vendor_bytes(vendor_lists(v, 0, 0), &text);
	second = strstr((char *)text.data + 30, "-----BEGIN");
	assert_non_null(second);
	second[40] = '!';
	bio = BIO_new(BIO_s_mem());
	BIO_write(bio, text.data, (int)text.size);
	vendor_crl(bio, &v->middle, 0, -1, 1);
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
