/* SPDX-License-Identifier: Apache-2.0 */
/* How functions of the library fail: see attest.h. */
#ifndef ATT_ERROR_H
#define ATT_ERROR_H

#include "attest.h"

/* Fills @err unless it is NULL. Always -1, so that callers can return it. */
int att_fail(struct att_error *err, enum att_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* ATT_E_MEMORY. */
int att_no_memory(struct att_error *err);
/* ATT_E_CRYPTO: "WHAT: " and what OpenSSL's queue says, which is emptied. */
int att_fail_crypto(struct att_error *err, const char *what);
/* Puts "PREFIX: " before the text of @err. Always -1. */
int att_prefix(struct att_error *err, const char *prefix);

#endif
