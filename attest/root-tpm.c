// SPDX-License-Identifier: Apache-2.0
/* The trust root that counts: a TPM 2.0, through tpm2-tss' ESAPI. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "bytes.h"
#include "ek.h"
#include "error.h"
#include "quote.h"
#include "root.h"
#include "tpmkey.h"

#define NV_CHUNK    512u
#define CERT_MAX    8192u
#define QUOTE_TRIES 5

struct tpm_root {
	struct att_root root;
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

static struct tpm_root *to_tpm(struct att_root *root)
{
	return (struct tpm_root *)root;
}

static int tpm_fail(struct att_error *err, const char *step, TSS2_RC rc)
{
	return att_fail(err, ATT_E_TPM, "the TPM: %s: %s (0x%x)", step, Tss2_RC_Decode(rc), rc);
}

/* Where the TPM wants another password, say how to give it one. */
static int hierarchy_fail(struct att_error *err, const char *step, const char *option, TSS2_RC rc)
{
	char text[120];

	/* A format-one code: whose session or parameter it is does not matter. */
	if ((rc & 0xbf) != TPM2_RC_BAD_AUTH)
		return tpm_fail(err, step, rc);
	snprintf(text, sizeof(text), "%s: it has another password; give it by %s", step, option);
	return tpm_fail(err, text, rc);
}

/* Flushing may fail when the TPM is gone: whatever failed before is the message. */
static void flush(struct tpm_root *t, ESYS_TR *handle)
{
	if (*handle != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, *handle);
	*handle = ESYS_TR_NONE;
}

/* The storage root key, by the TCG's template for P-256: the parent of attestation keys. */
static int create_srk(struct tpm_root *t, ESYS_TR *srk, struct att_error *err)
{
	TPM2B_PUBLIC in = { .publicArea = {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
				    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
				    TPMA_OBJECT_NODA,
		.parameters.eccDetail = {
			.symmetric = { TPM2_ALG_AES, { 128 }, { TPM2_ALG_CFB } },
			.scheme.scheme = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	} };
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_DATA outside = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TSS2_RC rc;

	att_root_step(&t->root, "create the storage root key");
	rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &sensitive, &in, &outside, &none, srk, NULL, NULL,
				NULL, NULL);
	return rc ? hierarchy_fail(err, "create the storage root key", "--owner-auth", rc) : 0;
}

/* Does the TPM have this algorithm, or this curve? 1, 0, or -1. */
static int offers(struct tpm_root *t, TPM2_CAP capability, uint32_t what, struct att_error *err)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc;
	int yes;

	att_root_step(&t->root, "ask what the TPM offers");
	rc = Esys_GetCapability(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, capability, what,
				1, &more, &data);
	if (rc)
		return tpm_fail(err, "ask what the TPM offers", rc);
	/* It answers with the first that is not below what was asked for. */
	if (data->capability != capability ||
	    (capability == TPM2_CAP_ALGS && !data->data.algorithms.count))
		yes = att_fail(err, ATT_E_TPM, "the TPM: ask what it offers: a short answer");
	else if (capability == TPM2_CAP_ECC_CURVES)
		yes = data->data.eccCurves.count && data->data.eccCurves.eccCurves[0] == what;
	else
		yes = data->data.algorithms.algProperties[0].alg == what;
	Esys_Free(data);
	return yes;
}

/* A TPM's own answer to what it lacks is "value is out of range": say what it is instead. */
static int check_offer(struct tpm_root *t, const char *type, const TPMT_PUBLIC *pub,
		       struct att_error *err)
{
	const TPMS_ECC_PARMS *ecc = &pub->parameters.eccDetail;
	const struct att_alg *hash;
	char text[80];
	int yes;

	if (pub->type != TPM2_ALG_ECC)
		return 0;
	hash = att_alg_by_id(ecc->scheme.details.anySig.hashAlg);
	snprintf(text, sizeof(text), "the TPM has no curve for keys of type %s", type);
	yes = offers(t, TPM2_CAP_ECC_CURVES, ecc->curveID, err);
	if (yes > 0 && ecc->scheme.scheme == TPM2_ALG_SM2) {
		snprintf(text, sizeof(text), "the TPM does not sign with SM2");
		yes = offers(t, TPM2_CAP_ALGS, TPM2_ALG_SM2, err);
	}
	if (yes > 0) {
		snprintf(text, sizeof(text), "the TPM has no %s, which keys of type %s sign with%s",
			 hash->name, type, strcmp(type, "sm2") ? "" : "; try sm2-sha256");
		yes = offers(t, TPM2_CAP_ALGS, hash->id, err);
	}
	return yes ? (yes < 0 ? -1 : 0) : att_fail(err, ATT_E_UNSUPPORTED, "%s", text);
}

static int create_under(struct tpm_root *t, ESYS_TR srk, const TPMT_PUBLIC *template,
			struct att_ak *ak, struct att_error *err)
{
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_DATA outside = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TPM2B_PUBLIC in = { .publicArea = *template }, *pub = NULL;
	TPM2B_PRIVATE *priv = NULL;
	TSS2_RC rc;
	int ret;

	att_root_step(&t->root, "create the attestation key");
	rc = Esys_Create(t->esys, srk, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
			 &in, &outside, &none, &priv, &pub, NULL, NULL, NULL);
	if (rc)
		return tpm_fail(err, "create the attestation key", rc);
	ret = att_tpm_public_dump(&pub->publicArea, &ak->public, err);
	if (!ret && att_bytes_set(&ak->private, priv->buffer, priv->size))
		ret = att_no_memory(err);
	Esys_Free(pub);
	Esys_Free(priv);
	return ret;
}

static int tpm_create_ak(struct att_root *root, const char *type, struct att_ak *ak,
			 struct att_error *err)
{
	struct tpm_root *t = to_tpm(root);
	ESYS_TR srk = ESYS_TR_NONE;
	TPMT_PUBLIC template;
	int ret;

	if (att_ak_template(type, &template, err) || check_offer(t, type, &template, err) ||
	    create_srk(t, &srk, err))
		return -1;
	ret = create_under(t, srk, &template, ak, err);
	flush(t, &srk);
	if (ret)
		att_ak_free(ak);
	return ret;
}

static int load_ak(struct tpm_root *t, const struct att_ak *ak, ESYS_TR *handle,
		   struct att_error *err)
{
	TPM2B_PUBLIC pub = { 0 };
	TPM2B_PRIVATE priv = { .size = (UINT16)ak->private.size };
	ESYS_TR srk = ESYS_TR_NONE;
	TSS2_RC rc;

	if (att_tpm_public_parse(&ak->public, &pub.publicArea, err))
		return -1;
	if (ak->private.size > sizeof(priv.buffer))
		return att_fail(err, ATT_E_FORMAT, "attestation key: its private part is too long");
	memcpy(priv.buffer, ak->private.data, ak->private.size);
	if (create_srk(t, &srk, err))
		return -1;
	att_root_step(&t->root, "load the attestation key");
	rc = Esys_Load(t->esys, srk, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &priv, &pub,
		       handle);
	flush(t, &srk);
	return rc ? tpm_fail(err, "load the attestation key (is it this TPM's?)", rc) : 0;
}

static void selection(TPML_PCR_SELECTION *list, const struct att_alg *bank, uint32_t pcrs)
{
	TPMS_PCR_SELECTION *s = &list->pcrSelections[0];

	memset(list, 0, sizeof(*list));
	list->count = 1;
	s->hash = bank->id;
	s->sizeofSelect = 3;
	s->pcrSelect[0] = (uint8_t)pcrs;
	s->pcrSelect[1] = (uint8_t)(pcrs >> 8);
	s->pcrSelect[2] = (uint8_t)(pcrs >> 16);
}

/* What one answer holds: some of the PCRs, as the TPM likes. -> the PCRs read, or 0. */
static uint32_t take_values(const TPML_PCR_SELECTION *got, const TPML_DIGEST *values,
			    const struct att_alg *bank, uint32_t left, struct att_evidence *ev)
{
	const TPMS_PCR_SELECTION *s = &got->pcrSelections[0];
	uint32_t bits = 0;
	unsigned int i, k = 0;

	if (got->count != 1 || s->hash != bank->id || s->sizeofSelect != 3)
		return 0;
	for (i = 0; i < 3; i++)
		bits |= (uint32_t)s->pcrSelect[i] << 8 * i;
	if (bits & ~left || (unsigned int)__builtin_popcount(bits) != values->count)
		return 0;
	for (i = 0; i < ATT_PCRS; i++) {
		if (!(bits >> i & 1))
			continue;
		if (values->digests[k].size != bank->size)
			return 0;
		/* By number for now; pack_values() closes the gaps. */
		memcpy(ev->pcr[i], values->digests[k].buffer, bank->size);
		ev->pcr_size[i] = bank->size;
		k++;
	}
	return bits;
}

/* Values in ascending order, without those that were not asked for. */
static void pack_values(struct att_evidence *ev, uint32_t pcrs)
{
	unsigned int i;

	ev->pcrs = 0;
	for (i = 0; i < ATT_PCRS; i++) {
		if (!(pcrs >> i & 1))
			continue;
		if (ev->pcrs != i) {
			memcpy(ev->pcr[ev->pcrs], ev->pcr[i], ATT_HASH_MAX);
			ev->pcr_size[ev->pcrs] = ev->pcr_size[i];
		}
		ev->pcrs++;
	}
}

static int read_pcrs(struct tpm_root *t, const struct att_alg *bank, uint32_t pcrs,
		     struct att_evidence *ev, struct att_error *err)
{
	uint32_t left = pcrs;

	while (left) {
		TPML_PCR_SELECTION want, *got = NULL;
		TPML_DIGEST *values = NULL;
		uint32_t bits, counter;
		TSS2_RC rc;

		selection(&want, bank, left);
		att_root_step(&t->root, "read the PCRs");
		rc = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want,
				   &counter, &got, &values);
		if (rc)
			return tpm_fail(err, "read the PCRs", rc);
		bits = take_values(got, values, bank, left, ev);
		Esys_Free(got);
		Esys_Free(values);
		if (!bits)
			return att_fail(err, ATT_E_TPM,
					"the TPM has no PCRs in its %s bank, or no such bank",
					bank->name);
		left &= ~bits;
	}
	pack_values(ev, pcrs);
	return 0;
}

static int dump_signature(const TPMT_SIGNATURE *s, struct att_bytes *b, struct att_error *err)
{
	uint8_t bytes[sizeof(*s)];
	size_t size = 0;

	if (Tss2_MU_TPMT_SIGNATURE_Marshal(s, bytes, sizeof(bytes), &size))
		return att_fail(err, ATT_E_TPM, "the TPM's signature makes no sense");
	return att_bytes_set(b, bytes, size) ? att_no_memory(err) : 0;
}

static int quote_once(struct tpm_root *t, ESYS_TR ak, const struct att_gather *g,
		      const struct att_alg *bank, struct att_evidence *ev, struct att_error *err)
{
	TPM2B_DATA nonce = { .size = (UINT16)g->nonce_size };
	TPMT_SIG_SCHEME scheme = { 0 };
	TPML_PCR_SELECTION pcrs;
	TPM2B_ATTEST *quoted = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TSS2_RC rc;
	int ret = 0;

	att_bytes_free(&ev->message);
	att_bytes_free(&ev->signature);
	scheme.scheme = TPM2_ALG_NULL; /* the key's own */
	memcpy(nonce.buffer, g->nonce, g->nonce_size);
	selection(&pcrs, bank, g->pcrs);
	att_root_step(&t->root, "quote");
	rc = Esys_Quote(t->esys, ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &nonce, &scheme,
			&pcrs, &quoted, &signature);
	if (rc)
		return tpm_fail(err, "quote", rc);
	if (att_bytes_set(&ev->message, quoted->attestationData, quoted->size))
		ret = att_no_memory(err);
	if (!ret)
		ret = dump_signature(signature, &ev->signature, err);
	Esys_Free(quoted);
	Esys_Free(signature);
	return ret;
}

/* 0: the values are those of the quote; 1: a PCR changed in between; -1: an error. */
static int quote_fits(const struct att_evidence *ev, const TPMT_PUBLIC *ak,
		      const struct att_gather *g, const struct att_alg *bank, struct att_error *err)
{
	/* RSA's and ECC's schemes begin with the hash, which is the quote's, too. */
	const struct att_alg *hash = att_alg_by_id(
		ak->type == TPM2_ALG_RSA ? ak->parameters.rsaDetail.scheme.details.anySig.hashAlg
					 : ak->parameters.eccDetail.scheme.details.anySig.hashAlg);
	uint8_t values[ATT_PCRS * ATT_HASH_MAX];
	struct att_quote q;
	unsigned int i;

	if (!hash || att_quote_parse(&ev->message, &q, err))
		return att_prefix(err, "the TPM answered nonsense");
	if (q.bank != bank || q.pcrs != g->pcrs)
		return att_fail(err, ATT_E_TPM, "the TPM quoted other PCRs than it was asked for");
	for (i = 0; i < ev->pcrs; i++)
		memcpy(values + (size_t)i * bank->size, ev->pcr[i], bank->size);
	return att_quote_check_pcrs(&q, values, (size_t)ev->pcrs * bank->size, hash, err) ? 1 : 0;
}

static int tpm_quote(struct att_root *root, const struct att_ak *ak, const struct att_gather *g,
		     struct att_evidence *ev, struct att_error *err)
{
	const struct att_alg *bank = att_alg_by_name(g->bank);
	struct tpm_root *t = to_tpm(root);
	ESYS_TR handle = ESYS_TR_NONE;
	TPMT_PUBLIC pub;
	int i, ret = 1;

	if (att_tpm_public_parse(&ak->public, &pub, err) || load_ak(t, ak, &handle, err))
		return -1;
	for (i = 0; i < QUOTE_TRIES && ret == 1; i++) {
		ret = read_pcrs(t, bank, g->pcrs, ev, err) ||
				      quote_once(t, handle, g, bank, ev, err)
			      ? -1
			      : quote_fits(ev, &pub, g, bank, err);
	}
	flush(t, &handle);
	if (ret == 1)
		return att_fail(err, ATT_E_TPM,
				"PCRs changed between reading and quoting, %d times; quote fewer",
				QUOTE_TRIES);
	return ret;
}

/* ---- The endorsement key ---- */

static int read_nv(struct tpm_root *t, ESYS_TR index, size_t size, struct att_bytes *b,
		   struct att_error *err)
{
	uint8_t data[CERT_MAX];
	size_t at = 0;

	while (at < size) {
		size_t n = size - at < NV_CHUNK ? size - at : NV_CHUNK;
		TPM2B_MAX_NV_BUFFER *part = NULL;
		TSS2_RC rc;

		att_root_step(&t->root, "read the EK certificate");
		rc = Esys_NV_Read(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				  ESYS_TR_NONE, (UINT16)n, (UINT16)at, &part);
		if (rc)
			return tpm_fail(err, "read the EK certificate", rc);
		if (part->size != n) {
			Esys_Free(part);
			return att_fail(err, ATT_E_TPM,
					"the TPM: read the EK certificate: a short answer");
		}
		memcpy(data + at, part->buffer, n);
		at += n;
		Esys_Free(part);
	}
	return att_bytes_set(b, data, size) ? att_no_memory(err) : 0;
}

/* Vendors reserve more room than the certificate needs: DER says where it ends. */
static void trim_der(struct att_bytes *b)
{
	size_t size;

	if (b->size < 4 || b->data[0] != 0x30 || b->data[1] != 0x82)
		return;
	size = 4u + ((size_t)b->data[2] << 8 | b->data[3]);
	if (size < b->size)
		b->size = size;
}

static int read_certificate(struct tpm_root *t, const struct att_ek *kind, struct att_bytes *cert,
			    struct att_error *err)
{
	ESYS_TR index = ESYS_TR_NONE;
	TPM2B_NV_PUBLIC *pub = NULL;
	size_t size;
	TSS2_RC rc;
	int ret;

	att_root_step(&t->root, "find the EK certificate");
	rc = Esys_TR_FromTPMPublic(t->esys, kind->certificate, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, &index);
	if ((rc & 0xfff) == (TPM2_RC_HANDLE | TPM2_RC_1))
		return 0; /* there is none: an enrolment will miss it */
	if (rc)
		return tpm_fail(err, "find the EK certificate", rc);
	rc = Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &pub,
				NULL);
	if (rc) {
		Esys_TR_Close(t->esys, &index);
		return tpm_fail(err, "find the EK certificate", rc);
	}
	size = pub->nvPublic.dataSize;
	Esys_Free(pub);
	ret = size && size <= CERT_MAX
		      ? read_nv(t, index, size, cert, err)
		      : att_fail(err, ATT_E_TPM, "the TPM: an EK certificate of %zu bytes", size);
	Esys_TR_Close(t->esys, &index);
	if (!ret)
		trim_der(cert);
	return ret;
}

static int create_ek(struct tpm_root *t, const struct att_ek *kind, ESYS_TR *ek,
		     struct att_bytes *public, struct att_error *err)
{
	TPM2B_PUBLIC in = { 0 }, *out = NULL;
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPM2B_DATA outside = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TSS2_RC rc;
	int ret;

	att_ek_template(kind, &in.publicArea);
	att_root_step(&t->root, "create the endorsement key");
	rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &sensitive, &in, &outside, &none, ek, &out, NULL,
				NULL, NULL);
	if (rc)
		return hierarchy_fail(err, "create the endorsement key", "--endorsement-auth", rc);
	ret = public ? att_tpm_public_dump(&out->publicArea, public, err) : 0;
	Esys_Free(out);
	if (ret)
		flush(t, ek);
	return ret;
}

/* The one that the AK's file names, or the first that has a certificate. */
static int find_ek(struct tpm_root *t, const struct att_ak *ak, const struct att_ek **kind,
		   struct att_bytes *cert, struct att_error *err)
{
	size_t i;

	memset(cert, 0, sizeof(*cert));
	for (i = 0; i < ATT_EKS && !cert->size; i++) {
		*kind = &att_eks[i];
		if (ak->ek && ak->ek != *kind)
			continue;
		if (read_certificate(t, *kind, cert, err))
			return -1;
	}
	return 0;
}

static int tpm_ek(struct att_root *root, const struct att_ak *ak, struct att_bytes *certificate,
		  struct att_bytes *public, struct att_error *err)
{
	struct tpm_root *t = to_tpm(root);
	const struct att_ek *kind = NULL;
	ESYS_TR ek = ESYS_TR_NONE;

	if (find_ek(t, ak, &kind, certificate, err))
		return -1;
	if (public && certificate->size && create_ek(t, kind, &ek, public, err)) {
		att_bytes_free(certificate);
		return -1;
	}
	flush(t, &ek);
	return 0;
}

/* The session that the endorsement key's policy wants. */
static int start_policy(struct tpm_root *t, ESYS_TR *session, struct att_error *err)
{
	TPMT_SYM_DEF sym = { .algorithm = TPM2_ALG_NULL };
	TSS2_RC rc;

	att_root_step(&t->root, "start a session");
	rc = Esys_StartAuthSession(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &sym, TPM2_ALG_SHA256,
				   session);
	if (rc)
		return tpm_fail(err, "start a session", rc);
	rc = Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
	if (!rc)
		return 0;
	flush(t, session);
	return hierarchy_fail(err, "use the endorsement hierarchy", "--endorsement-auth", rc);
}

/* @session: by which the endorsement key may be used. */
static int activate_with(struct tpm_root *t, ESYS_TR ak, ESYS_TR ek, ESYS_TR session,
			 const TPM2B_ID_OBJECT *blob, const TPM2B_ENCRYPTED_SECRET *seed,
			 struct att_bytes *secret, struct att_error *err)
{
	TPM2B_DIGEST *got = NULL;
	TSS2_RC rc;
	int ret;

	att_root_step(&t->root, "activate the credential");
	rc = Esys_ActivateCredential(t->esys, ak, ek, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, blob,
				     seed, &got);
	if (rc)
		return tpm_fail(err,
				"activate the credential (was it made for this TPM and this key?)",
				rc);
	ret = att_bytes_set(secret, got->buffer, got->size) ? att_no_memory(err) : 0;
	Esys_Free(got);
	return ret;
}

/* By the policy of the low range, or by the empty password of the high range. */
static int activate(struct tpm_root *t, const struct att_ek *kind, ESYS_TR ak,
		    const TPM2B_ID_OBJECT *blob, const TPM2B_ENCRYPTED_SECRET *seed,
		    struct att_bytes *secret, struct att_error *err)
{
	ESYS_TR ek = ESYS_TR_NONE, session = ESYS_TR_NONE;
	int ret = create_ek(t, kind, &ek, NULL, err);

	if (!ret && !kind->high)
		ret = start_policy(t, &session, err);
	if (!ret)
		ret = activate_with(t, ak, ek, kind->high ? ESYS_TR_PASSWORD : session, blob, seed,
				    secret, err);
	flush(t, &session);
	flush(t, &ek);
	return ret;
}

static int tpm_activate(struct att_root *root, const struct att_ak *ak,
			const struct att_bytes *blob, const struct att_bytes *seed,
			struct att_bytes *secret, struct att_error *err)
{
	struct tpm_root *t = to_tpm(root);
	TPM2B_ID_OBJECT id = { .size = (UINT16)blob->size };
	TPM2B_ENCRYPTED_SECRET enc = { .size = (UINT16)seed->size };
	const struct att_ek *kind = NULL;
	struct att_bytes cert = { 0 };
	ESYS_TR handle = ESYS_TR_NONE;
	int ret;

	if (blob->size > sizeof(id.credential) || seed->size > sizeof(enc.secret))
		return att_fail(err, ATT_E_FORMAT, "the challenge is too long");
	memcpy(id.credential, blob->data, blob->size);
	memcpy(enc.secret, seed->data, seed->size);
	if (find_ek(t, ak, &kind, &cert, err))
		return -1;
	if (!cert.size)
		return att_fail(err, ATT_E_REFUSED, "the TPM has no EK certificate");
	att_bytes_free(&cert);
	if (load_ak(t, ak, &handle, err))
		return -1;
	ret = activate(t, kind, handle, &id, &enc, secret, err);
	flush(t, &handle);
	return ret;
}

static int tpm_auth(struct att_root *root, const char *hierarchy, const uint8_t *auth, size_t size,
		    struct att_error *err)
{
	ESYS_TR handle = strcmp(hierarchy, "owner") ? ESYS_TR_RH_ENDORSEMENT : ESYS_TR_RH_OWNER;
	TPM2B_AUTH value = { .size = (UINT16)size };
	TSS2_RC rc;

	if (size > sizeof(value.buffer))
		return att_fail(err, ATT_E_FORMAT,
				"a password of %zu bytes, a TPM's have %zu at most", size,
				sizeof(value.buffer));
	memcpy(value.buffer, auth, size);
	rc = Esys_TR_SetAuth(to_tpm(root)->esys, handle, &value);
	OPENSSL_cleanse(&value, sizeof(value));
	return rc ? tpm_fail(err, "take a password", rc) : 0;
}

static void tpm_close(struct att_root *root)
{
	struct tpm_root *t = to_tpm(root);

	Esys_Finalize(&t->esys);
	Tss2_TctiLdr_Finalize(&t->tcti);
	free(t);
}

static const struct att_root_ops tpm_ops = {
	.name = "tpm",
	.create_ak = tpm_create_ak,
	.quote = tpm_quote,
	.ek = tpm_ek,
	.activate = tpm_activate,
	.auth = tpm_auth,
	.close = tpm_close,
};

struct att_root *att_root_tpm(const char *tcti, att_step *step, void *opaque, struct att_error *err)
{
	struct tpm_root *t = calloc(1, sizeof(*t));
	TSS2_RC rc;

	if (!t) {
		att_no_memory(err);
		return NULL;
	}
	t->root = (struct att_root){ &tpm_ops, step, opaque };
	att_root_step(&t->root, "connect");
	rc = Tss2_TctiLdr_Initialize(tcti, &t->tcti);
	if (rc) {
		tpm_fail(err, "connect", rc);
		free(t);
		return NULL;
	}
	rc = Esys_Initialize(&t->esys, t->tcti, NULL);
	if (rc) {
		tpm_fail(err, "connect", rc);
		tpm_close(&t->root);
		return NULL;
	}
	return &t->root;
}
