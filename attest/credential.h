/* SPDX-License-Identifier: Apache-2.0 */
/* Making a credential without a TPM: the verifier's half of its activation. */
#ifndef ATT_CREDENTIAL_H
#define ATT_CREDENTIAL_H

#include <tss2/tss2_tpm2_types.h>

#include "attest.h"

#define ATT_CREDENTIAL 32u /* bytes of the secret */

/*
 * Wraps @secret so that only the TPM with the endorsement key @ek (RSA, P-256, P-384) gets it
 * back, and only if it also has the key of that @name. -> TPM2B_ID_OBJECT's and
 * TPM2B_ENCRYPTED_SECRET's contents. ATT_E_UNSUPPORTED, ATT_E_CRYPTO.
 */
int att_credential_make(const TPMT_PUBLIC *ek, const uint8_t *name, size_t name_size,
			const uint8_t secret[ATT_CREDENTIAL], struct att_bytes *blob,
			struct att_bytes *seed, struct att_error *err);

#endif
