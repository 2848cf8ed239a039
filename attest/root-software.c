// SPDX-License-Identifier: Apache-2.0
/*
 * The software root, for development without a TPM. It quotes what the logs
 * say, with a key in a file: such evidence proves nothing, and says "software".
 * Its keys do not claim to be fixed to a TPM.
 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <tss2/tss2_mu.h>

#include "bytes.h"
#include "error.h"
#include "key.h"
#include "l0.h"
#include "quote.h"
#include "root.h"
#include "tpmkey.h"

static int soft_create_ak(struct att_root *root, const char *type, struct att_ak *ak,
			  struct att_error *err)
{
	TPMT_PUBLIC pub;
	uint8_t xy[64], *der = NULL;
	EVP_PKEY *key;
	int size, ret = -1;

	if (strcmp(type, "p256"))
		return att_fail(err, ATT_E_UNSUPPORTED,
				"the software root has keys of type p256 only");
	if (att_ak_template(type, &pub, err))
		return -1;
	att_root_step(root, "make a key");
	pub.objectAttributes &= ~(uint32_t)(TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN);
	key = att_key_new("P-256", err);
	if (!key)
		return -1;
	size = i2d_PrivateKey(key, &der);
	if (size <= 0) {
		att_fail_crypto(err, "cannot write the key");
	} else if (!att_key_point(key, xy, sizeof(xy), err)) {
		pub.unique.ecc.x.size = pub.unique.ecc.y.size = 32;
		memcpy(pub.unique.ecc.x.buffer, xy, 32);
		memcpy(pub.unique.ecc.y.buffer, xy + 32, 32);
		ret = att_tpm_public_dump(&pub, &ak->public, err);
		if (!ret && att_bytes_set(&ak->private, der, (size_t)size))
			ret = att_no_memory(err);
	}
	OPENSSL_clear_free(der, size > 0 ? (size_t)size : 0);
	EVP_PKEY_free(key);
	if (ret)
		att_ak_free(ak);
	return ret;
}

/* What the PCR would hold: the firmware's events, or L0's own in PCR 13. */
static int value_of(const struct att_log *boot, const struct att_log *l0,
		    const struct att_alg *bank, uint32_t pcr, uint8_t *value, struct att_error *err)
{
	const struct att_log *log = pcr == ATT_L0_PCR ? l0 : boot;
	size_t events;

	memset(value, 0, bank->size);
	return log->banks ? att_log_replay(log, bank, pcr, value, &events, err) : 0;
}

static int set_values(const struct att_gather *g, const struct att_alg *bank,
		      struct att_evidence *ev, struct att_error *err)
{
	struct att_log boot = { 0 }, l0 = { 0 };
	uint32_t pcr;
	int ret = 0;

	if (g->boot_log.size)
		ret = att_log_parse(g->boot_log.data, g->boot_log.size, &boot, err);
	if (!ret && g->l0_log.size)
		ret = att_log_parse(g->l0_log.data, g->l0_log.size, &l0, err);
	ev->pcrs = 0;
	for (pcr = 0; pcr < ATT_PCRS && !ret; pcr++) {
		if (!(g->pcrs >> pcr & 1))
			continue;
		ret = value_of(&boot, &l0, bank, pcr, ev->pcr[ev->pcrs], err);
		ev->pcr_size[ev->pcrs++] = bank->size;
	}
	att_log_free(&boot);
	att_log_free(&l0);
	return ret;
}

static int make_message(const struct att_gather *g, const struct att_alg *bank,
			struct att_evidence *ev, struct att_error *err)
{
	TPMS_ATTEST a = { .magic = TPM2_GENERATED_VALUE, .type = TPM2_ST_ATTEST_QUOTE };
	TPMS_PCR_SELECTION *s = &a.attested.quote.pcrSelect.pcrSelections[0];
	uint8_t values[ATT_PCRS * ATT_HASH_MAX], bytes[sizeof(a)];
	size_t size = 0, i;

	for (i = 0; i < ev->pcrs; i++)
		memcpy(values + i * bank->size, ev->pcr[i], bank->size);
	a.extraData.size = (UINT16)g->nonce_size;
	memcpy(a.extraData.buffer, g->nonce, g->nonce_size);
	a.attested.quote.pcrSelect.count = 1;
	*s = (TPMS_PCR_SELECTION){ .hash = bank->id, .sizeofSelect = 3 };
	for (i = 0; i < 3; i++)
		s->pcrSelect[i] = (uint8_t)(g->pcrs >> 8 * i);
	a.attested.quote.pcrDigest.size = 32;
	if (att_sha256(values, ev->pcrs * (size_t)bank->size, a.attested.quote.pcrDigest.buffer))
		return att_fail_crypto(err, "SHA-256");
	if (Tss2_MU_TPMS_ATTEST_Marshal(&a, bytes, sizeof(bytes), &size))
		return att_fail(err, ATT_E_FORMAT, "cannot write a quote");
	return att_bytes_set(&ev->message, bytes, size) ? att_no_memory(err) : 0;
}

static int sign_message(const struct att_ak *ak, struct att_evidence *ev, struct att_error *err)
{
	TPMT_SIGNATURE s = { .sigAlg = TPM2_ALG_ECDSA };
	const uint8_t *p = ak->private.data;
	uint8_t sig[64], bytes[sizeof(s)];
	size_t size = 0;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)ak->private.size);
	int ret;

	if (!key)
		return att_fail_crypto(err, "attestation key: not a private key");
	ret = att_ecdsa_sign(key, "SHA256", ev->message.data, ev->message.size, sig, sizeof(sig),
			     err);
	EVP_PKEY_free(key);
	if (ret)
		return -1;
	s.signature.ecdsa.hash = TPM2_ALG_SHA256;
	s.signature.ecdsa.signatureR.size = s.signature.ecdsa.signatureS.size = 32;
	memcpy(s.signature.ecdsa.signatureR.buffer, sig, 32);
	memcpy(s.signature.ecdsa.signatureS.buffer, sig + 32, 32);
	if (Tss2_MU_TPMT_SIGNATURE_Marshal(&s, bytes, sizeof(bytes), &size))
		return att_fail(err, ATT_E_FORMAT, "cannot write a signature");
	return att_bytes_set(&ev->signature, bytes, size) ? att_no_memory(err) : 0;
}

static int soft_quote(struct att_root *root, const struct att_ak *ak, const struct att_gather *g,
		      struct att_evidence *ev, struct att_error *err)
{
	const struct att_alg *bank = att_alg_by_name(g->bank);

	att_root_step(root, "quote");
	return set_values(g, bank, ev, err) || make_message(g, bank, ev, err) ||
			       sign_message(ak, ev, err)
		       ? -1
		       : 0;
}

static int soft_ek(struct att_root *root, const struct att_ak *ak, struct att_bytes *certificate,
		   struct att_bytes *public, struct att_error *err)
{
	(void)root;
	(void)ak;
	(void)certificate;
	return public ? att_fail(err, ATT_E_REFUSED,
				 "the software root has no endorsement key to enrol")
		      : 0;
}

static int soft_activate(struct att_root *root, const struct att_ak *ak,
			 const struct att_bytes *blob, const struct att_bytes *seed,
			 struct att_bytes *secret, struct att_error *err)
{
	(void)blob;
	(void)seed;
	(void)secret;
	return soft_ek(root, ak, NULL, secret, err);
}

static void soft_close(struct att_root *root)
{
	free(root);
}

static const struct att_root_ops soft_ops = {
	.name = "software",
	.create_ak = soft_create_ak,
	.quote = soft_quote,
	.ek = soft_ek,
	.activate = soft_activate,
	.close = soft_close,
};

struct att_root *att_root_software(att_step *step, void *opaque, struct att_error *err)
{
	struct att_root *root = calloc(1, sizeof(*root));

	if (!root) {
		att_no_memory(err);
		return NULL;
	}
	*root = (struct att_root){ &soft_ops, step, opaque };
	return root;
}
