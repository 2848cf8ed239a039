/* SPDX-License-Identifier: Apache-2.0 */
/* Endorsement key certificates, and the vendors' roots. */
#ifndef ATT_CERT_H
#define ATT_CERT_H

#include <openssl/evp.h>

#include "attest.h"

/*
 * The DER certificate is one of an endorsement key, is valid at time @now, and
 * leads to a self-signed certificate in @roots (PEM; other certificates there
 * may lie between). With @crls (PEM; NULL: nothing is known of revocations), each
 * CA of the chain has a list there that is valid at @now, and none names a certificate
 * of the chain. -> its key. NULL: ATT_E_CRYPTO, ATT_E_REFUSED.
 */
EVP_PKEY *att_cert_check(const struct att_bytes *der, const struct att_bytes *roots,
			 const struct att_bytes *crls, int64_t now, struct att_error *err);

#endif
