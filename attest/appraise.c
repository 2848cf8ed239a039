// SPDX-License-Identifier: Apache-2.0
/*
 * The appraisal: each check notes one claim. A check whose ground is missing,
 * because an earlier one failed, notes "unchecked": a result passes only when
 * nothing failed and nothing was left unchecked. Here: the trust root and the quote.
 */
#include "appraisal.h"

#include "bytes.h"
#include "error.h"
#include "key.h"

/* ---- The trust root and its key ---- */

static void check_trust_root(struct appraisal *a)
{
	if (!a->ev->software) {
		claim_pass(a, C_TRUST_ROOT, "a TPM");
	} else if (a->policy->development) {
		a->res->development = true;
		claim_warn(a, C_TRUST_ROOT, "software",
			   "a key in a file: anybody can make such evidence");
	} else {
		claim_fail(a, C_TRUST_ROOT, "a TPM", "the software root for development",
			   "the machine has no TPM, or hgattest was called with --root software");
	}
}

/* Both forms of the key are the same key. */
static void check_ak(struct appraisal *a)
{
	EVP_PKEY *spki = NULL, *tpm = NULL;

	if (att_tpm_public_parse(&a->ev->ak_tpm_public, &a->ak_public, &a->err) ||
	    att_tpm_name(&a->ev->ak_tpm_public, &a->ak_public, a->res->evidence_ak,
			 &a->res->evidence_ak_size, &a->err) ||
	    !(tpm = att_tpm_pkey(&a->ak_public, &a->err)) ||
	    !(spki = att_key_from_spki(a->ev->ak_public.data, a->ev->ak_public.size, &a->err))) {
		claim_fail(a, C_AK, "a public key", a->err.text,
			   "the evidence was damaged or made up");
	} else if (EVP_PKEY_eq(spki, tpm) != 1) {
		claim_fail(a, C_AK, "one key", "ak_public and ak_tpm_public are two keys",
			   "evidence of two machines was mixed");
	} else {
		a->ak = tpm;
		tpm = NULL;
		claim_pass(a, C_AK, att_key_kind(a->ak));
	}
	EVP_PKEY_free(tpm);
	EVP_PKEY_free(spki);
}

static void check_ak_attributes(struct appraisal *a)
{
	const char *wrong;

	if (!a->ak) {
		claim_unchecked(a, C_AK_ATTRIBUTES, C_AK);
		return;
	}
	wrong = att_tpm_not_ak(&a->ak_public);
	if (!wrong)
		claim_pass(a, C_AK_ATTRIBUTES, "restricted, fixed to its TPM");
	else if (a->ev->software && a->policy->development)
		claim_warn(a, C_AK_ATTRIBUTES, wrong, "as a software root's must be");
	else
		claim_fail(a, C_AK_ATTRIBUTES, "a restricted signing key, fixed to its TPM", wrong,
			   "not a key that hgattest ak made");
}

static const struct att_trusted_ak *find_ak(const struct appraisal *a)
{
	size_t i;

	for (i = 0; i < a->policy->aks; i++)
		if (a->policy->ak[i].size == a->res->evidence_ak_size &&
		    !memcmp(a->policy->ak[i].name, a->res->evidence_ak, a->res->evidence_ak_size))
			return &a->policy->ak[i];
	return NULL;
}

static void check_ek(struct appraisal *a, const struct att_trusted_ak *ak)
{
	uint8_t digest[32];

	if (!ak || !ak->has_ek || !a->ev->ek_certificate.size)
		return;
	if (att_sha256(a->ev->ek_certificate.data, a->ev->ek_certificate.size, digest))
		memset(digest, 0, sizeof(digest));
	claim_same(a, C_EK, ak->ek, digest, sizeof(digest),
		   "the certificate is not that of the machine that was enrolled with this key");
}

/* Asks the caller's lookup. -> false: it has said no, and the claim is noted. */
static bool ask_lookup(struct appraisal *a, const char *name, struct att_trusted_ak *found,
		       enum att_ak_trust *said)
{
	*said = ATT_AK_UNKNOWN;
	if (!a->lookup)
		return true;
	*said = a->lookup(a->opaque, a->res->evidence_ak, a->res->evidence_ak_size, found->ek);
	found->has_ek = true;
	if (*said == ATT_AK_REVOKED)
		claim_fail(a, C_AK_TRUSTED, "a key that is not revoked", name,
			   "the enrolment of this machine was revoked");
	else if (*said == ATT_AK_UNREADABLE)
		claim_fail(a, C_AK_TRUSTED, "an enrolment", name,
			   "the verifier cannot read its list of machines");
	return *said == ATT_AK_TRUSTED || *said == ATT_AK_UNKNOWN;
}

static void check_ak_trusted(struct appraisal *a)
{
	struct att_trusted_ak enrolled = { 0 };
	const struct att_trusted_ak *ak;
	char name[2 * ATT_NAME_MAX + 1];
	enum att_ak_trust said;

	if (!a->ak) {
		claim_unchecked(a, C_AK_TRUSTED, C_AK);
		return;
	}
	att_hex(a->res->evidence_ak, a->res->evidence_ak_size, name);
	if (!ask_lookup(a, name, &enrolled, &said))
		return;
	ak = said == ATT_AK_TRUSTED ? &enrolled : find_ak(a);
	if (ak)
		claim_pass(a, C_AK_TRUSTED, name);
	else
		claim_fail(a, C_AK_TRUSTED,
			   a->policy->aks || a->lookup
				   ? "a key of the policy or of an enrolment"
				   : "a trusted key, but there is none in the policy",
			   name,
			   "another TPM, a new attestation key, or the machine was not enrolled");
	check_ek(a, ak);
}

/* ---- The quote ---- */

static void check_quote(struct appraisal *a)
{
	if (att_quote_parse(&a->ev->message, &a->quote, &a->err)) {
		claim_fail(a, C_QUOTE, "a quote over one bank", a->err.text,
			   "the evidence was damaged or made up");
		return;
	}
	a->has_quote = true;
	claim_pass(a, C_QUOTE, "made by a TPM");
}

static void check_signature(struct appraisal *a)
{
	if (!a->ak) {
		claim_unchecked(a, C_QUOTE_SIGNATURE, C_AK);
		return;
	}
	if (att_quote_verify(&a->ev->message, &a->ev->signature, a->ak, &a->hash, &a->err)) {
		a->hash = NULL;
		claim_fail(a, C_QUOTE_SIGNATURE, "a signature by the attestation key", a->err.text,
			   "the quote was changed, or another TPM made it");
		return;
	}
	claim_pass(a, C_QUOTE_SIGNATURE, a->hash->name);
}

static void check_nonce(struct appraisal *a)
{
	const struct att_result *res = a->res;
	char expected[2 * ATT_NONCE_MAX + 1], found[2 * sizeof(a->quote.extra) + 1];

	if (!a->has_quote) {
		claim_unchecked(a, C_NONCE, C_QUOTE);
		return;
	}
	att_hex(res->nonce, res->nonce_size, expected);
	att_hex(a->quote.extra, a->quote.extra_size, found);
	if (a->quote.extra_size == res->nonce_size &&
	    !CRYPTO_memcmp(a->quote.extra, res->nonce, res->nonce_size))
		claim_pass(a, C_NONCE, found);
	else
		claim_fail(a, C_NONCE, expected, *found ? found : "none",
			   "evidence of an earlier request was sent again");
}

static void check_bank(struct appraisal *a)
{
	char expected[64] = "";
	unsigned int i;

	if (!a->has_quote) {
		claim_unchecked(a, C_BANK, C_QUOTE);
		return;
	}
	for (i = 0; i < a->policy->banks; i++) {
		size_t used = strlen(expected);

		a->has_bank |= a->policy->bank[i] == a->quote.bank;
		snprintf(expected + used, sizeof(expected) - used, "%s%s", i ? " or " : "",
			 a->policy->bank[i]->name);
	}
	if (a->has_bank)
		claim_pass(a, C_BANK, a->quote.bank->name);
	else
		claim_fail(a, C_BANK, expected, a->quote.bank->name,
			   "a weaker bank was quoted than the policy accepts");
}

static void check_selection(struct appraisal *a)
{
	uint32_t want = a->policy->pcrs | a->policy->boot_events | 1u << ATT_L0_PCR;
	char expected[96], found[96];
	const char *list;

	if (!a->has_quote) {
		claim_unchecked(a, C_SELECTION, C_QUOTE);
		return;
	}
	list = att_pcr_list(a->quote.pcrs, found, sizeof(found));
	if (!(want & ~a->quote.pcrs))
		claim_pass(a, C_SELECTION, list);
	else
		claim_fail(a, C_SELECTION, att_pcr_list(want, expected, sizeof(expected)), list,
			   "hgattest quoted fewer PCRs than the policy appraises");
}

/* Brings the values into one row; false if one has not its bank's size. */
static bool row_of_values(struct appraisal *a)
{
	unsigned int i;

	if (a->ev->pcrs != a->quote.count)
		return false;
	for (i = 0; i < a->ev->pcrs; i++) {
		if (a->ev->pcr_size[i] != a->quote.bank->size)
			return false;
		memcpy(a->values + i * a->quote.bank->size, a->ev->pcr[i], a->quote.bank->size);
	}
	return true;
}

static void check_values(struct appraisal *a)
{
	static const char expected[] = "one value of its bank's size for each quoted PCR";

	if (!a->has_quote || !a->hash) {
		claim_unchecked(a, C_PCR_VALUES, a->has_quote ? C_QUOTE_SIGNATURE : C_QUOTE);
	} else if (!row_of_values(a)) {
		claim_fail(a, C_PCR_VALUES, expected, "other values",
			   "the evidence was damaged or made up");
	} else if (att_quote_check_pcrs(&a->quote, a->values,
					(size_t)a->quote.count * a->quote.bank->size, a->hash,
					&a->err)) {
		claim_fail(a, C_PCR_VALUES, "the values that were quoted", a->err.text,
			   "the values were changed after the quote");
	} else {
		a->has_values = true;
		claim_pass(a, C_PCR_VALUES, "as quoted");
	}
}

const uint8_t *appraisal_quoted(const struct appraisal *a, uint32_t pcr)
{
	uint32_t below = a->quote.pcrs & ((1u << pcr) - 1);

	if (!a->has_values || !(a->quote.pcrs >> pcr & 1))
		return NULL;
	return a->values + (size_t)__builtin_popcount(below) * a->quote.bank->size;
}

static void appraise(struct appraisal *a)
{
	check_trust_root(a);
	check_ak(a);
	check_ak_attributes(a);
	check_ak_trusted(a);
	check_quote(a);
	check_signature(a);
	check_nonce(a);
	check_bank(a);
	check_selection(a);
	check_values(a);
	appraise_boot(a);
	appraise_l0(a);
	appraise_cvm(a);
	a->res->complete = true;
}

/* What an EAR and a release need of it. */
static int keep(struct appraisal *a)
{
	struct att_result *res = a->res;

	memcpy(res->policy_id, a->policy->id, sizeof(res->policy_id));
	memcpy(res->policy_digest, a->policy->digest, sizeof(res->policy_digest));
	res->has_report = a->has_report;
	res->report = a->report;
	res->report.bytes = NULL;
	if (!a->has_report)
		return 0;
	return att_bytes_set(&res->cvm_key, a->ev->cvm_key.data, a->ev->cvm_key.size);
}

struct att_result *att_appraise(const struct att_evidence *ev, const struct att_policy *policy,
				const uint8_t *nonce, size_t nonce_size, int64_t now,
				struct att_error *err)
{
	return att_appraise_with(ev, policy, NULL, NULL, nonce, nonce_size, now, err);
}

struct att_result *att_appraise_with(const struct att_evidence *ev, const struct att_policy *policy,
				     att_ak_lookup *lookup, void *opaque, const uint8_t *nonce,
				     size_t nonce_size, int64_t now, struct att_error *err)
{
	struct appraisal a = { .ev = ev, .policy = policy, .lookup = lookup, .opaque = opaque };

	if (nonce_size < ATT_NONCE_MIN || nonce_size > ATT_NONCE_MAX) {
		att_fail(err, ATT_E_REFUSED, "a nonce of %zu bytes: %u to %u are allowed",
			 nonce_size, ATT_NONCE_MIN, ATT_NONCE_MAX);
		return NULL;
	}
	a.res = att_result_new();
	if (!a.res) {
		att_no_memory(err);
		return NULL;
	}
	memcpy(a.res->nonce, nonce, nonce_size);
	a.res->nonce_size = nonce_size;
	a.res->now = now;
	appraise(&a);
	if (keep(&a) || a.res->failed_memory) {
		att_result_free(a.res);
		a.res = NULL;
		att_no_memory(err);
	}
	att_log_free(&a.boot_log);
	EVP_PKEY_free(a.ak);
	return a.res;
}
