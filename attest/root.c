// SPDX-License-Identifier: Apache-2.0
#include "root.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "json.h"
#include "key.h"
#include "quote.h"
#include "report.h"
#include "tpmkey.h"

void att_root_free(struct att_root *root)
{
	if (root)
		root->ops->close(root);
}

static void template_rsa(TPMT_PUBLIC *pub, uint16_t bits)
{
	pub->type = TPM2_ALG_RSA;
	pub->parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
	pub->parameters.rsaDetail.scheme.scheme = TPM2_ALG_RSASSA;
	pub->parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
	pub->parameters.rsaDetail.keyBits = bits;
}

static void template_ecc(TPMT_PUBLIC *pub, uint16_t curve, uint16_t scheme, uint16_t hash)
{
	pub->type = TPM2_ALG_ECC;
	pub->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
	pub->parameters.eccDetail.scheme.scheme = scheme;
	pub->parameters.eccDetail.scheme.details.anySig.hashAlg = hash;
	pub->parameters.eccDetail.curveID = curve;
	pub->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
}

int att_ak_template(const char *type, TPMT_PUBLIC *pub, struct att_error *err)
{
	memset(pub, 0, sizeof(*pub));
	pub->nameAlg = TPM2_ALG_SHA256;
	pub->objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT |
				TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
				TPMA_OBJECT_NODA;
	if (!strcmp(type, "rsa2048"))
		template_rsa(pub, 2048);
	else if (!strcmp(type, "rsa3072"))
		template_rsa(pub, 3072);
	else if (!strcmp(type, "p256"))
		template_ecc(pub, TPM2_ECC_NIST_P256, TPM2_ALG_ECDSA, TPM2_ALG_SHA256);
	else if (!strcmp(type, "p384"))
		template_ecc(pub, TPM2_ECC_NIST_P384, TPM2_ALG_ECDSA, TPM2_ALG_SHA384);
	else if (!strcmp(type, "sm2"))
		template_ecc(pub, TPM2_ECC_SM2_P256, TPM2_ALG_SM2, TPM2_ALG_SM3_256);
	else if (!strcmp(type, "sm2-sha256"))
		template_ecc(pub, TPM2_ECC_SM2_P256, TPM2_ALG_SM2, TPM2_ALG_SHA256);
	else
		return att_fail(
			err, ATT_E_UNSUPPORTED,
			"a key of type '%.20s': known are rsa2048, rsa3072, p256, p384, sm2 and sm2-sha256",
			type);
	return 0;
}

int att_root_auth(struct att_root *root, const char *hierarchy, const uint8_t *auth, size_t size,
		  struct att_error *err)
{
	if (!root->ops->auth)
		return att_fail(err, ATT_E_REFUSED, "a root of kind '%s' has no passwords",
				root->ops->name);
	return root->ops->auth(root, hierarchy, auth, size, err);
}

int att_ak_create(struct att_root *root, const char *type, const char *ek, struct att_bytes *text,
		  struct att_error *err)
{
	struct att_ak ak = { 0 };
	TPMT_PUBLIC pub;
	uint8_t name[ATT_NAME_MAX];
	size_t size;
	json_t *o;
	int bad;

	if (ek && !att_ek_by_name(ek))
		return att_fail(err, ATT_E_UNSUPPORTED,
				"an endorsement key '%.20s': known are l-1, l-2, h-1, h-2 and h-3",
				ek);
	if (root->ops->create_ak(root, type, &ak, err))
		return -1;
	if (att_tpm_public_parse(&ak.public, &pub, err) ||
	    att_tpm_name(&ak.public, &pub, name, &size, err)) {
		att_ak_free(&ak);
		return -1;
	}
	o = json_pack("{s:i, s:s, s:s}", "version", 1, "type", "hypergpu-ak", "trust_root",
		      root->ops->name);
	bad = ek ? json_object_set_new(o, "ek", json_string(ek)) : 0;
	bad |= att_json_set_hex(o, "name", name, size);
	bad |= att_json_set_bytes(o, "public", &ak.public);
	bad |= att_json_set_bytes(o, "private", &ak.private);
	att_ak_free(&ak);
	if (!bad)
		return att_bytes_take_string(text, att_json_text(o)) ? att_no_memory(err) : 0;
	json_decref(o);
	return att_no_memory(err);
}

static int parse_ak(const struct att_root *root, const json_t *o, struct att_ak *ak,
		    struct att_error *err)
{
	static const char *const members[] = { "version", "type",    "trust_root", "name",
					       "public",  "private", "ek",	   NULL };
	const char *type, *of, *ek = NULL;

	if (att_json_only(o, members, "the key's file", err) ||
	    att_json_version(o, "the key's file", err) ||
	    att_json_string(o, "type", true, &type, err) ||
	    att_json_string(o, "trust_root", true, &of, err) ||
	    att_json_string(o, "ek", false, &ek, err))
		return -1;
	ak->ek = ek ? att_ek_by_name(ek) : NULL;
	if (ek && !ak->ek)
		return att_fail(err, ATT_E_FORMAT, "\"ek\": '%.20s' is not known", ek);
	if (strcmp(type, "hypergpu-ak"))
		return att_fail(err, ATT_E_FORMAT, "\"type\" is not \"hypergpu-ak\"");
	if (strcmp(of, root->ops->name))
		return att_fail(err, ATT_E_REFUSED,
				"the key is of a root of kind '%.20s', not '%s'", of,
				root->ops->name);
	return att_json_bytes(o, "public", 4096, true, &ak->public, err) ||
			       att_json_bytes(o, "private", 8192, true, &ak->private, err)
		       ? -1
		       : 0;
}

int att_ak_parse(const struct att_root *root, const struct att_bytes *text, struct att_ak *ak,
		 struct att_error *err)
{
	json_t *o = att_json_parse((const char *)text->data, text->size, 65536, err);
	int ret = o ? parse_ak(root, o, ak, err) : -1;

	json_decref(o);
	if (ret) {
		att_ak_free(ak);
		return att_prefix(err, "attestation key");
	}
	return 0;
}

void att_ak_free(struct att_ak *ak)
{
	att_bytes_free(&ak->public);
	att_bytes_free(&ak->private);
}

/* ---- Gathering ---- */

static int set_public(const struct att_ak *ak, struct att_evidence *ev, struct att_error *err)
{
	TPMT_PUBLIC pub;
	EVP_PKEY *key;
	int ret;

	if (att_tpm_public_parse(&ak->public, &pub, err))
		return -1;
	key = att_tpm_pkey(&pub, err);
	if (!key)
		return -1;
	ret = att_key_to_spki(key, &ev->ak_public, err);
	EVP_PKEY_free(key);
	if (ret)
		return -1;
	return att_bytes_set(&ev->ak_tpm_public, ak->public.data, ak->public.size)
		       ? att_no_memory(err)
		       : 0;
}

static int set_copy(struct att_bytes *to, const struct att_bytes *from, size_t max,
		    const char *what, struct att_error *err)
{
	if (!from->size)
		return 0;
	if (from->size > max)
		return att_fail(err, ATT_E_FORMAT, "%s: %zu bytes, at most %zu are allowed", what,
				from->size, max);
	return att_bytes_set(to, from->data, from->size) ? att_no_memory(err) : 0;
}

/* The report must be for this nonce and this key: better to say so here than at the verifier. */
static int set_cvm(const struct att_gather *g, struct att_evidence *ev, struct att_error *err)
{
	uint8_t want[ATT_REPORT_DATA];
	struct att_report rep;
	EVP_PKEY *key;
	int ret;

	if (!g->report.size && !g->cvm_key.size)
		return 0;
	if (!g->report.size || !g->cvm_key.size)
		return att_fail(err, ATT_E_REFUSED,
				"a report and the CVM's key come together or not at all");
	if (att_report_parse(g->report.data, g->report.size, &rep, err) ||
	    att_report_data(g->nonce, g->nonce_size, (char *)g->cvm_key.data, g->cvm_key.size, want,
			    err))
		return -1;
	if (memcmp(want, rep.report_data, sizeof(want)))
		return att_fail(err, ATT_E_REFUSED,
				"the report is for another nonce or another CVM key");
	key = att_key_from_pem((char *)g->cvm_key.data, g->cvm_key.size, true, err);
	if (!key)
		return -1;
	ret = att_key_to_spki(key, &ev->cvm_key, err);
	EVP_PKEY_free(key);
	return ret ? -1 : set_copy(&ev->report, &g->report, ATT_REPORT_MAX, "report", err);
}

static int check_gather(const struct att_gather *g, struct att_error *err)
{
	const struct att_alg *bank = att_alg_by_name(g->bank);

	if (g->nonce_size < ATT_NONCE_MIN || g->nonce_size > ATT_NONCE_MAX)
		return att_fail(err, ATT_E_REFUSED, "a nonce has %u to %u bytes, not %zu",
				ATT_NONCE_MIN, ATT_NONCE_MAX, g->nonce_size);
	if (!bank)
		return att_fail(err, ATT_E_UNSUPPORTED, "'%.20s' is no PCR bank that is known",
				g->bank);
	if (!g->pcrs || g->pcrs >> ATT_PCRS)
		return att_fail(err, ATT_E_REFUSED, "no PCR to quote");
	return 0;
}

struct att_evidence *att_gather(struct att_root *root, const struct att_gather *g,
				struct att_error *err)
{
	struct att_evidence *ev;
	struct att_ak ak = { 0 };
	int bad;

	if (check_gather(g, err) || att_ak_parse(root, &g->ak, &ak, err))
		return NULL;
	ev = calloc(1, sizeof(*ev));
	if (!ev) {
		att_ak_free(&ak);
		att_no_memory(err);
		return NULL;
	}
	ev->software = !strcmp(root->ops->name, "software");
	bad = set_public(&ak, ev, err) ||
	      set_copy(&ev->boot_log, &g->boot_log, ATT_LOG_MAX, "the firmware's log", err) ||
	      set_copy(&ev->l0_log, &g->l0_log, ATT_LOG_MAX, "L0's log", err) ||
	      set_cvm(g, ev, err) || root->ops->quote(root, &ak, g, ev, err) ||
	      root->ops->ek(root, &ak, &ev->ek_certificate, NULL, err);
	att_ak_free(&ak);
	if (!bad)
		return ev;
	att_evidence_free(ev);
	return NULL;
}
