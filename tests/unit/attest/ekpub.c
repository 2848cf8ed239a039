// SPDX-License-Identifier: Apache-2.0
/* Prints a TPM's endorsement key by one of our templates, as PEM: for who plays its vendor. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "ek.h"
#include "tpmkey.h"

int main(int argc, char **argv)
{
	const struct att_ek *kind = argc == 3 ? att_ek_by_name(argv[2]) : NULL;
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_PUBLIC in = { 0 }, *out = NULL;
	TPML_PCR_SELECTION none = { 0 };
	TSS2_TCTI_CONTEXT *tcti = NULL;
	ESYS_CONTEXT *esys = NULL;
	TPM2B_DATA outside = { 0 };
	struct att_error err;
	ESYS_TR handle;
	EVP_PKEY *key;

	if (!kind || Tss2_TctiLdr_Initialize(argv[1], &tcti) || Esys_Initialize(&esys, tcti, NULL))
		return 2;
	att_ek_template(kind, &in.publicArea);
	if (Esys_CreatePrimary(esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			       ESYS_TR_NONE, &sensitive, &in, &outside, &none, &handle, &out, NULL,
			       NULL, NULL))
		return 1;
	Esys_FlushContext(esys, handle);
	key = att_tpm_pkey(&out->publicArea, &err);
	if (!key || PEM_write_PUBKEY(stdout, key) != 1)
		return 1;
	EVP_PKEY_free(key);
	Esys_Free(out);
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&tcti);
	return fflush(stdout) ? 1 : 0;
}
