// SPDX-License-Identifier: Apache-2.0
#include "tpmkey.h"

#include <tss2/tss2_mu.h>

#include "alg.h"
#include "bytes.h"
#include "error.h"
#include "key.h"

#define STAYS                                                                               \
	(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | \
	 TPMA_OBJECT_RESTRICTED)

int att_tpm_public_parse(const struct att_bytes *b, TPMT_PUBLIC *pub, struct att_error *err)
{
	size_t offset = 0, again = 0;
	uint8_t copy[sizeof(TPMT_PUBLIC)];

	memset(pub, 0, sizeof(*pub));
	if (Tss2_MU_TPMT_PUBLIC_Unmarshal(b->data, b->size, &offset, pub) || offset != b->size)
		return att_fail(err, ATT_E_FORMAT, "not a TPM's public area (TPMT_PUBLIC)");
	/* One spelling only: names are hashes of it. */
	if (Tss2_MU_TPMT_PUBLIC_Marshal(pub, copy, sizeof(copy), &again) || again != b->size ||
	    memcmp(copy, b->data, again))
		return att_fail(err, ATT_E_FORMAT,
				"a public area that is not in its canonical form");
	return 0;
}

int att_tpm_public_dump(const TPMT_PUBLIC *pub, struct att_bytes *b, struct att_error *err)
{
	uint8_t bytes[sizeof(TPMT_PUBLIC)];
	size_t size = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(pub, bytes, sizeof(bytes), &size))
		return att_fail(err, ATT_E_FORMAT, "cannot write the TPM's public area");
	return att_bytes_set(b, bytes, size) ? att_no_memory(err) : 0;
}

int att_tpm_name(const struct att_bytes *b, const TPMT_PUBLIC *pub, uint8_t *name, size_t *size,
		 struct att_error *err)
{
	const struct att_alg *alg = att_alg_by_id(pub->nameAlg);

	if (!alg || alg->size < 32)
		return att_fail(err, ATT_E_UNSUPPORTED, "name algorithm 0x%x", pub->nameAlg);
	name[0] = (uint8_t)(alg->id >> 8);
	name[1] = (uint8_t)alg->id;
	if (att_hash(alg, b->data, b->size, name + 2))
		return att_fail_crypto(err, alg->name);
	*size = 2u + alg->size;
	return 0;
}

static const struct curve {
	uint16_t id, half;
	const char *name;
} curves[] = {
	{ TPM2_ECC_NIST_P256, 32, "P-256" },
	{ TPM2_ECC_NIST_P384, 48, "P-384" },
	{ TPM2_ECC_SM2_P256, 32, "SM2" },
};

static EVP_PKEY *ec_pkey(const TPMT_PUBLIC *pub, struct att_error *err)
{
	const TPMS_ECC_POINT *p = &pub->unique.ecc;
	const struct curve *c = curves;
	uint8_t xy[96] = { 0 };

	while (c < curves + ARRAY_SIZE(curves) && c->id != pub->parameters.eccDetail.curveID)
		c++;
	if (c == curves + ARRAY_SIZE(curves)) {
		att_fail(err, ATT_E_UNSUPPORTED,
			 "a key on curve 0x%x: known are P-256, P-384 and SM2",
			 pub->parameters.eccDetail.curveID);
		return NULL;
	}
	if (p->x.size > c->half || p->y.size > c->half) {
		att_fail(err, ATT_E_FORMAT, "a point that is too large for its curve");
		return NULL;
	}
	/* TPMs may leave out zeros in front. */
	memcpy(xy + c->half - p->x.size, p->x.buffer, p->x.size);
	memcpy(xy + 2 * c->half - p->y.size, p->y.buffer, p->y.size);
	return att_key_ec(c->name, xy, 2u * c->half, err);
}

EVP_PKEY *att_tpm_pkey(const TPMT_PUBLIC *pub, struct att_error *err)
{
	const TPMS_RSA_PARMS *rsa = &pub->parameters.rsaDetail;

	if (pub->type == TPM2_ALG_ECC)
		return ec_pkey(pub, err);
	if (pub->type != TPM2_ALG_RSA) {
		att_fail(err, ATT_E_UNSUPPORTED, "a key of type 0x%x: known are RSA and ECC",
			 pub->type);
		return NULL;
	}
	if ((rsa->keyBits != 2048 && rsa->keyBits != 3072) ||
	    pub->unique.rsa.size != rsa->keyBits / 8 || (rsa->exponent && rsa->exponent != 65537)) {
		att_fail(err, ATT_E_UNSUPPORTED,
			 "an RSA key of %u bits: known are 2048 and 3072 with exponent 65537",
			 rsa->keyBits);
		return NULL;
	}
	return att_key_rsa(pub->unique.rsa.buffer, pub->unique.rsa.size, 65537, err);
}

const char *att_tpm_not_ak(const TPMT_PUBLIC *pub)
{
	uint32_t a = pub->objectAttributes;

	if (!(a & TPMA_OBJECT_RESTRICTED))
		return "not restricted: it may sign forged quotes";
	if (!(a & TPMA_OBJECT_FIXEDTPM) || !(a & TPMA_OBJECT_FIXEDPARENT))
		return "not fixed to its TPM: copies of it may be elsewhere";
	if ((a & STAYS) != STAYS)
		return "not made by the TPM: its maker may have kept a copy";
	if (!(a & TPMA_OBJECT_SIGN_ENCRYPT) || (a & TPMA_OBJECT_DECRYPT))
		return "not a signing key alone";
	return NULL;
}

const char *att_tpm_not_ek(const TPMT_PUBLIC *pub)
{
	uint32_t a = pub->objectAttributes;

	if ((a & STAYS) != STAYS)
		return "not a restricted key that stays in its TPM";
	if (!(a & TPMA_OBJECT_DECRYPT) || (a & TPMA_OBJECT_SIGN_ENCRYPT))
		return "not a decryption key alone";
	return NULL;
}
