/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in PEM. */
#ifndef HG_PEM_H
#define HG_PEM_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A key without a password; NULL if it is none. Of a private key's text the public half will do,
 * too, where @private is false. Leaves nothing in OpenSSL's queue of errors.
 */
EVP_PKEY *hg_pem_key(const char *text, size_t size, bool private);

#endif
