// SPDX-License-Identifier: Apache-2.0
#include "pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/* Instead of OpenSSL's, which would ask at the terminal. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf, (void)size, (void)rwflag, (void)u;
	return -1;
}

EVP_PKEY *hg_pem_key(const char *text, size_t size, bool private)
{
	BIO *bio = size <= INT_MAX ? BIO_new_mem_buf(text, (int)size) : NULL;
	EVP_PKEY *key = NULL;

	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (!key && bio && !private && BIO_reset(bio) >= 0)
		key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	ERR_clear_error();
	BIO_free(bio);
	return key;
}
