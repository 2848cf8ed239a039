// SPDX-License-Identifier: Apache-2.0
#include "ek.h"

#include "bytes.h"

const struct att_ek att_eks[ATT_EKS] = {
	{ "l-1", 0x01c00002, TPM2_ALG_RSA, 2048, TPM2_ALG_SHA256, 128, false },
	{ "l-2", 0x01c0000a, TPM2_ALG_ECC, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, 128, false },
	{ "h-1", 0x01c00012, TPM2_ALG_RSA, 2048, TPM2_ALG_SHA256, 128, true },
	{ "h-2", 0x01c00014, TPM2_ALG_ECC, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, 128, true },
	{ "h-3", 0x01c00016, TPM2_ALG_ECC, TPM2_ECC_NIST_P384, TPM2_ALG_SHA384, 256, true },
};

/* The low range's policy: PolicySecret of the endorsement hierarchy. */
static const uint8_t policy_a[32] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
	0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
	0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};
/* The high range's: that one, or what an NV index of the vendor's authorizes. */
static const uint8_t policy_b_sha256[32] = {
	0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34,
	0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd,
	0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0,
};
static const uint8_t policy_b_sha384[48] = {
	0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc,
	0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4,
	0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09,
	0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12,
};

const struct att_ek *att_ek_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ATT_EKS; i++)
		if (!strcmp(att_eks[i].name, name))
			return &att_eks[i];
	return NULL;
}

static void set_policy(const struct att_ek *ek, TPM2B_DIGEST *policy)
{
	const uint8_t *bytes = !ek->high		     ? policy_a
			       : ek->hash == TPM2_ALG_SHA384 ? policy_b_sha384
							     : policy_b_sha256;

	policy->size = ek->hash == TPM2_ALG_SHA384 ? 48 : 32;
	memcpy(policy->buffer, bytes, policy->size);
}

void att_ek_template(const struct att_ek *ek, TPMT_PUBLIC *pub)
{
	const TPMT_SYM_DEF_OBJECT aes = { TPM2_ALG_AES, { ek->aes }, { TPM2_ALG_CFB } };
	TPMS_RSA_PARMS *rsa = &pub->parameters.rsaDetail;
	TPMS_ECC_PARMS *ecc = &pub->parameters.eccDetail;

	memset(pub, 0, sizeof(*pub));
	pub->type = ek->type;
	pub->nameAlg = ek->hash;
	pub->objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
				TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
				(ek->high ? TPMA_OBJECT_USERWITHAUTH : 0);
	set_policy(ek, &pub->authPolicy);
	if (ek->type == TPM2_ALG_RSA) {
		rsa->symmetric = aes;
		rsa->scheme.scheme = TPM2_ALG_NULL;
		rsa->keyBits = ek->size;
		/* The low range's templates have zeros here, the high range's nothing. */
		pub->unique.rsa.size = ek->high ? 0 : 256;
	} else {
		ecc->symmetric = aes;
		ecc->scheme.scheme = TPM2_ALG_NULL;
		ecc->curveID = ek->size;
		ecc->kdf.scheme = TPM2_ALG_NULL;
		pub->unique.ecc.x.size = pub->unique.ecc.y.size = ek->high ? 0 : 32;
	}
}
