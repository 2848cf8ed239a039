/* SPDX-License-Identifier: Apache-2.0 */
/* Endorsement keys by the TCG's templates (EK Credential Profile 2.5, B.3 and B.4). */
#ifndef ATT_EK_H
#define ATT_EK_H

#include <tss2/tss2_tpm2_types.h>

#include "attest.h"

struct att_ek {
	const char *name; /* as the option --ek has it */
	uint32_t certificate; /* NV index */
	uint16_t type, size; /* RSA and its bits, or ECC and its curve */
	uint16_t hash; /* of its name, and of what is derived from its seeds */
	uint16_t aes; /* bits */
	bool high; /* the high range: used with the (empty) password, not by a policy */
};

#define ATT_EKS 5u
extern const struct att_ek att_eks[ATT_EKS];

/* NULL when there is no such template here. */
const struct att_ek *att_ek_by_name(const char *name);
/* The public area that the TPM makes the key by. */
void att_ek_template(const struct att_ek *ek, TPMT_PUBLIC *pub);

#endif
