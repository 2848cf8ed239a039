/* SPDX-License-Identifier: Apache-2.0 */
/* A TPM vendor: a root, a CA below it, an endorsement key, and their revocation lists. */
#ifndef TEST_VENDOR_H
#define TEST_VENDOR_H

#include <openssl/bio.h>
#include <openssl/x509.h>

#include "attest.h"

#define VENDOR_NOW 1700000000 /* all of it is valid then */

struct vendor_ca {
	EVP_PKEY *key;
	X509 *cert;
};

struct vendor {
	struct vendor_ca root, middle, stranger; /* serial numbers 1, 2 and 1 */
	X509 *ek; /* 3, by the middle one */
	struct att_bytes request; /* of a machine with that key, to be enrolled */
	struct att_bytes roots; /* PEM */
};

struct vendor *vendor_new(void);
void vendor_free(struct vendor *v);
/*
 * A list in PEM behind what is there: @revoked is a serial number, or 0; good from so many days
 * after VENDOR_NOW until so many.
 */
void vendor_crl(BIO *to, const struct vendor_ca *ca, long revoked, long from, long until);
/* One of each CA, which may revoke a serial number. */
BIO *vendor_lists(const struct vendor *v, long by_root, long by_middle);
/* Takes the memory of @bio. */
void vendor_bytes(BIO *bio, struct att_bytes *b);

#endif
