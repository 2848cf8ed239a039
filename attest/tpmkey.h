/* SPDX-License-Identifier: Apache-2.0 */
/* Public areas of a TPM's keys: what they are, their names, OpenSSL's form. */
#ifndef ATT_TPMKEY_H
#define ATT_TPMKEY_H

#include <openssl/evp.h>
#include <tss2/tss2_tpm2_types.h>

#include "attest.h"

#define ATT_NAME_MAX 66u /* algorithm, and the longest hash */

/* A marshalled TPMT_PUBLIC and nothing else. ATT_E_FORMAT. */
int att_tpm_public_parse(const struct att_bytes *b, TPMT_PUBLIC *pub, struct att_error *err);
int att_tpm_public_dump(const TPMT_PUBLIC *pub, struct att_bytes *b, struct att_error *err);
/* The TPM's name of the key: its hash algorithm and the hash of its public area. */
int att_tpm_name(const struct att_bytes *b, const TPMT_PUBLIC *pub, uint8_t *name, size_t *size,
		 struct att_error *err);
/* RSA-2048/3072 with exponent 65537, P-256, P-384, SM2. ATT_E_UNSUPPORTED, ATT_E_CRYPTO. */
EVP_PKEY *att_tpm_pkey(const TPMT_PUBLIC *pub, struct att_error *err);

/*
 * NULL when the attributes are those of an attestation key: made by a TPM, never
 * to leave it, and signing nothing that pretends to be the TPM's word. Else
 * what is wrong.
 */
const char *att_tpm_not_ak(const TPMT_PUBLIC *pub);
/* The same of an endorsement key: a storage key that cannot leave its TPM. */
const char *att_tpm_not_ek(const TPMT_PUBLIC *pub);

#endif
