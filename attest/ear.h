/* SPDX-License-Identifier: Apache-2.0 */
/* att_result_ear() with a key that was read before: reading one takes longer than signing. */
#ifndef ATT_EAR_H
#define ATT_EAR_H

#include <openssl/evp.h>

#include "attest.h"

/* @key may be shared between threads. */
char *att_result_ear_with(const struct att_result *res, EVP_PKEY *key, struct att_error *err);

#endif
