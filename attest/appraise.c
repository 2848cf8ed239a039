// SPDX-License-Identifier: Apache-2.0
/*
 * The appraisal: each check notes one claim. A check whose ground is missing,
 * because an earlier one failed, notes "unchecked": a result passes only when
 * nothing failed and nothing was left unchecked.
 */
#include <openssl/crypto.h>

#include "bytes.h"
#include "error.h"
#include "evidence.h"
#include "key.h"
#include "l0.h"
#include "policy.h"
#include "quote.h"
#include "result.h"

enum claim_id {
	C_TRUST_ROOT,
	C_AK,
	C_AK_ATTRIBUTES,
	C_AK_TRUSTED,
	C_EK,
	C_QUOTE,
	C_QUOTE_SIGNATURE,
	C_NONCE,
	C_BANK,
	C_SELECTION,
	C_PCR_VALUES,
	C_BOOT_LOG,
	C_BOOT_PCR,
	C_BOOT_EVENT,
	C_L0_LOG,
	C_L0_EVENTS,
	C_L0_VALUES,
	C_REPORT,
	C_REPORT_KEY,
	C_REPORT_SIGNATURE,
	C_REPORT_BOOT,
	C_REPORT_FLAGS,
	C_REPORT_VERSION,
	C_DIGEST,
	C_POLICY,
	C_VCPUS,
	C_LEVEL,
	C_BINDING,
};

static const struct att_claim_kind kind[] = {
	[C_TRUST_ROOT] = { "trust-root", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_AK] = { "ak", ATT_V_FORMAT, ATT_INSTANCE, true },
	[C_AK_ATTRIBUTES] = { "ak-attributes", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_AK_TRUSTED] = { "ak-trusted", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_EK] = { "ek-certificate", ATT_V_TRUST_ROOT, ATT_INSTANCE, false },
	[C_QUOTE] = { "quote", ATT_V_FORMAT, ATT_INSTANCE, true },
	[C_QUOTE_SIGNATURE] = { "quote-signature", ATT_V_QUOTE, ATT_INSTANCE, true },
	[C_NONCE] = { "nonce", ATT_V_FRESHNESS, ATT_INSTANCE, true },
	[C_BANK] = { "pcr-bank", ATT_V_QUOTE, ATT_EXECUTABLES, false },
	[C_SELECTION] = { "pcr-selection", ATT_V_QUOTE, ATT_EXECUTABLES, false },
	[C_PCR_VALUES] = { "pcr-values", ATT_V_QUOTE, ATT_EXECUTABLES, true },
	[C_BOOT_LOG] = { "boot-log", ATT_V_LOG, ATT_EXECUTABLES, false },
	[C_BOOT_PCR] = { "boot-pcr", ATT_V_REFERENCE, ATT_EXECUTABLES, false },
	[C_BOOT_EVENT] = { "boot-event", ATT_V_REFERENCE, ATT_EXECUTABLES, false },
	[C_L0_LOG] = { "l0-log", ATT_V_LOG, ATT_EXECUTABLES, false },
	[C_L0_EVENTS] = { "l0-events", ATT_V_LOG, ATT_EXECUTABLES, false },
	[C_L0_VALUES] = { "l0-measurement", ATT_V_REFERENCE, ATT_EXECUTABLES, false },
	[C_REPORT] = { "report", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_REPORT_KEY] = { "report-key", ATT_V_REPORT, ATT_CONFIGURATION, true },
	[C_REPORT_SIGNATURE] = { "report-signature", ATT_V_REPORT, ATT_CONFIGURATION, true },
	[C_REPORT_BOOT] = { "report-boot-id", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_REPORT_FLAGS] = { "report-flags", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_REPORT_VERSION] = { "report-l0-version", ATT_V_REPORT, ATT_CONFIGURATION, false },
	[C_DIGEST] = { "launch-digest", ATT_V_LAUNCH, ATT_EXECUTABLES, false },
	[C_POLICY] = { "launch-policy", ATT_V_LAUNCH, ATT_CONFIGURATION, false },
	[C_VCPUS] = { "launch-vcpus", ATT_V_LAUNCH, ATT_CONFIGURATION, false },
	[C_LEVEL] = { "launch-level", ATT_V_LAUNCH, ATT_CONFIGURATION, false },
	[C_BINDING] = { "cvm-key", ATT_V_BINDING, ATT_CONFIGURATION, true },
};

struct appraisal {
	const struct att_evidence *ev;
	const struct att_policy *policy;
	att_ak_lookup *lookup; /* may be NULL */
	void *opaque;
	struct att_result *res;
	struct att_error err;

	TPMT_PUBLIC ak_public;
	EVP_PKEY *ak; /* NULL: none that can be used */
	struct att_quote quote;
	bool has_quote, has_bank, has_values, has_l0, has_report, has_digest;
	const struct att_alg *hash; /* of the quote's signature */
	uint8_t values[ATT_PCRS * ATT_HASH_MAX]; /* as they were quoted, ascending */
	struct att_log boot_log;
	bool has_boot_log, replayed; /* the latter: and it gives the quoted PCRs */
	struct att_l0 l0;
	struct att_report report;
};

static void pass(struct appraisal *a, enum claim_id id, const char *found)
{
	att_result_add(a->res, &kind[id], -1, ATT_PASS, "", found, "");
}

static void warn(struct appraisal *a, enum claim_id id, const char *found, const char *note)
{
	att_result_add(a->res, &kind[id], -1, ATT_WARN, "", found, note);
}

static void fail(struct appraisal *a, enum claim_id id, const char *expected, const char *found,
		 const char *cause)
{
	att_result_add(a->res, &kind[id], -1, ATT_FAIL, expected, found, cause);
}

static void unchecked(struct appraisal *a, enum claim_id id, enum claim_id ground)
{
	char cause[80];

	snprintf(cause, sizeof(cause), "rests on %s, which failed", kind[ground].name);
	att_result_add(a->res, &kind[id], -1, ATT_UNCHECKED, "", "", cause);
}

/* Notes equality of two byte strings. */
static bool same(struct appraisal *a, enum claim_id id, const uint8_t *want, const uint8_t *got,
		 size_t size, const char *cause)
{
	char expected[2 * ATT_KEY_MAX + 1], found[2 * ATT_KEY_MAX + 1];
	bool equal = !CRYPTO_memcmp(want, got, size);

	att_hex(want, size, expected);
	att_hex(got, size, found);
	if (equal)
		pass(a, id, found);
	else
		fail(a, id, expected, found, cause);
	return equal;
}

static bool same_number(struct appraisal *a, enum claim_id id, uint32_t want, uint32_t got,
			const char *cause)
{
	char expected[16], found[16];

	snprintf(expected, sizeof(expected), "%u", want);
	snprintf(found, sizeof(found), "%u", got);
	if (want == got)
		pass(a, id, found);
	else
		fail(a, id, expected, found, cause);
	return want == got;
}

/* ---- The trust root and its key ---- */

static void check_trust_root(struct appraisal *a)
{
	if (!a->ev->software) {
		pass(a, C_TRUST_ROOT, "a TPM");
	} else if (a->policy->development) {
		a->res->development = true;
		warn(a, C_TRUST_ROOT, "software",
		     "a key in a file: anybody can make such evidence");
	} else {
		fail(a, C_TRUST_ROOT, "a TPM", "the software root for development",
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
		fail(a, C_AK, "a public key", a->err.text, "the evidence was damaged or made up");
	} else if (EVP_PKEY_eq(spki, tpm) != 1) {
		fail(a, C_AK, "one key", "ak_public and ak_tpm_public are two keys",
		     "evidence of two machines was mixed");
	} else {
		a->ak = tpm;
		tpm = NULL;
		pass(a, C_AK, att_key_kind(a->ak));
	}
	EVP_PKEY_free(tpm);
	EVP_PKEY_free(spki);
}

static void check_ak_attributes(struct appraisal *a)
{
	const char *wrong;

	if (!a->ak) {
		unchecked(a, C_AK_ATTRIBUTES, C_AK);
		return;
	}
	wrong = att_tpm_not_ak(&a->ak_public);
	if (!wrong)
		pass(a, C_AK_ATTRIBUTES, "restricted, fixed to its TPM");
	else if (a->ev->software && a->policy->development)
		warn(a, C_AK_ATTRIBUTES, wrong, "as a software root's must be");
	else
		fail(a, C_AK_ATTRIBUTES, "a restricted signing key, fixed to its TPM", wrong,
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
	same(a, C_EK, ak->ek, digest, sizeof(digest),
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
		fail(a, C_AK_TRUSTED, "a key that is not revoked", name,
		     "the enrolment of this machine was revoked");
	else if (*said == ATT_AK_UNREADABLE)
		fail(a, C_AK_TRUSTED, "an enrolment", name,
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
		unchecked(a, C_AK_TRUSTED, C_AK);
		return;
	}
	att_hex(a->res->evidence_ak, a->res->evidence_ak_size, name);
	if (!ask_lookup(a, name, &enrolled, &said))
		return;
	ak = said == ATT_AK_TRUSTED ? &enrolled : find_ak(a);
	if (ak)
		pass(a, C_AK_TRUSTED, name);
	else
		fail(a, C_AK_TRUSTED,
		     a->policy->aks || a->lookup
			     ? "a key of the policy or of an enrolment"
			     : "a trusted key, but there is none in the policy",
		     name, "another TPM, a new attestation key, or the machine was not enrolled");
	check_ek(a, ak);
}

/* ---- The quote ---- */

static void check_quote(struct appraisal *a)
{
	if (att_quote_parse(&a->ev->message, &a->quote, &a->err)) {
		fail(a, C_QUOTE, "a quote over one bank", a->err.text,
		     "the evidence was damaged or made up");
		return;
	}
	a->has_quote = true;
	pass(a, C_QUOTE, "made by a TPM");
}

static void check_signature(struct appraisal *a)
{
	if (!a->ak) {
		unchecked(a, C_QUOTE_SIGNATURE, C_AK);
		return;
	}
	if (att_quote_verify(&a->ev->message, &a->ev->signature, a->ak, &a->hash, &a->err)) {
		a->hash = NULL;
		fail(a, C_QUOTE_SIGNATURE, "a signature by the attestation key", a->err.text,
		     "the quote was changed, or another TPM made it");
		return;
	}
	pass(a, C_QUOTE_SIGNATURE, a->hash->name);
}

static void check_nonce(struct appraisal *a)
{
	const struct att_result *res = a->res;
	char expected[2 * ATT_NONCE_MAX + 1], found[2 * sizeof(a->quote.extra) + 1];

	if (!a->has_quote) {
		unchecked(a, C_NONCE, C_QUOTE);
		return;
	}
	att_hex(res->nonce, res->nonce_size, expected);
	att_hex(a->quote.extra, a->quote.extra_size, found);
	if (a->quote.extra_size == res->nonce_size &&
	    !CRYPTO_memcmp(a->quote.extra, res->nonce, res->nonce_size))
		pass(a, C_NONCE, found);
	else
		fail(a, C_NONCE, expected, *found ? found : "none",
		     "evidence of an earlier request was sent again");
}

static void check_bank(struct appraisal *a)
{
	char expected[64] = "";
	unsigned int i;

	if (!a->has_quote) {
		unchecked(a, C_BANK, C_QUOTE);
		return;
	}
	for (i = 0; i < a->policy->banks; i++) {
		size_t used = strlen(expected);

		a->has_bank |= a->policy->bank[i] == a->quote.bank;
		snprintf(expected + used, sizeof(expected) - used, "%s%s", i ? " or " : "",
			 a->policy->bank[i]->name);
	}
	if (a->has_bank)
		pass(a, C_BANK, a->quote.bank->name);
	else
		fail(a, C_BANK, expected, a->quote.bank->name,
		     "a weaker bank was quoted than the policy accepts");
}

static void check_selection(struct appraisal *a)
{
	uint32_t want = a->policy->pcrs | a->policy->boot_events | 1u << ATT_L0_PCR;
	char expected[96], found[96];
	const char *list;

	if (!a->has_quote) {
		unchecked(a, C_SELECTION, C_QUOTE);
		return;
	}
	list = att_pcr_list(a->quote.pcrs, found, sizeof(found));
	if (!(want & ~a->quote.pcrs))
		pass(a, C_SELECTION, list);
	else
		fail(a, C_SELECTION, att_pcr_list(want, expected, sizeof(expected)), list,
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
		unchecked(a, C_PCR_VALUES, a->has_quote ? C_QUOTE_SIGNATURE : C_QUOTE);
	} else if (!row_of_values(a)) {
		fail(a, C_PCR_VALUES, expected, "other values",
		     "the evidence was damaged or made up");
	} else if (att_quote_check_pcrs(&a->quote, a->values,
					(size_t)a->quote.count * a->quote.bank->size, a->hash,
					&a->err)) {
		fail(a, C_PCR_VALUES, "the values that were quoted", a->err.text,
		     "the values were changed after the quote");
	} else {
		a->has_values = true;
		pass(a, C_PCR_VALUES, "as quoted");
	}
}

/* The value of a PCR that is quoted; NULL if it is not, or values are wrong. */
static const uint8_t *quoted(const struct appraisal *a, uint32_t pcr)
{
	uint32_t below = a->quote.pcrs & ((1u << pcr) - 1);

	if (!a->has_values || !(a->quote.pcrs >> pcr & 1))
		return NULL;
	return a->values + (size_t)__builtin_popcount(below) * a->quote.bank->size;
}

/* ---- The boot ---- */

static bool replay_pcr(struct appraisal *a, uint32_t pcr)
{
	uint8_t value[ATT_HASH_MAX];
	char expected[2 * ATT_HASH_MAX + 16], found[2 * ATT_HASH_MAX + 16];
	size_t events;

	if (att_log_replay(&a->boot_log, a->quote.bank, pcr, value, &events, &a->err)) {
		fail(a, C_BOOT_LOG, "digests of the quoted bank", a->err.text,
		     "the log lacks this bank");
		return false;
	}
	if (!memcmp(value, quoted(a, pcr), a->quote.bank->size))
		return true;
	snprintf(expected, sizeof(expected), "PCR %u = ", pcr);
	snprintf(found, sizeof(found), "PCR %u = ", pcr);
	att_hex(quoted(a, pcr), a->quote.bank->size, expected + strlen(expected));
	att_hex(value, a->quote.bank->size, found + strlen(found));
	fail(a, C_BOOT_LOG, expected, found,
	     events ? "the log was shortened, reordered or forged, or is of another boot or machine"
		    : "the log has no event of this PCR: it was shortened, or the running system extends the PCR (os_pcrs)");
	return false;
}

static void replay_boot_log(struct appraisal *a)
{
	uint32_t skip = a->policy->os_pcrs | 1u << ATT_L0_PCR, pcr;
	char found[48];

	for (pcr = 0; pcr < ATT_PCRS; pcr++)
		if (quoted(a, pcr) && !(skip >> pcr & 1) && !replay_pcr(a, pcr))
			return;
	a->replayed = true;
	snprintf(found, sizeof(found), "%zu events give the quoted PCRs", a->boot_log.count);
	pass(a, C_BOOT_LOG, found);
}

static void check_boot_log(struct appraisal *a)
{
	if (!a->has_values) {
		unchecked(a, C_BOOT_LOG, C_PCR_VALUES);
	} else if (!a->ev->boot_log.size && a->policy->boot_log) {
		fail(a, C_BOOT_LOG, "the firmware's event log", "none",
		     "hgattest was called without it, or the firmware has none");
	} else if (!a->ev->boot_log.size) {
		warn(a, C_BOOT_LOG, "none", "the policy does not require one");
	} else if (att_log_parse(a->ev->boot_log.data, a->ev->boot_log.size, &a->boot_log,
				 &a->err)) {
		fail(a, C_BOOT_LOG, "a log in the TCG's crypto-agile format", a->err.text,
		     "the log was damaged or made up");
	} else {
		a->has_boot_log = true;
		replay_boot_log(a);
	}
}

static const char *pcr_cause(uint32_t pcr)
{
	static const char *const cause[] = {
		[0] = "another firmware",
		[1] = "another firmware configuration",
		[2] = "another option ROM",
		[3] = "another option ROM's configuration",
		[4] = "another boot loader or EFI kernel",
		[5] = "another partition table",
		[6] = "an event of the platform's maker",
		[7] = "another Secure Boot state or keys",
		[8] = "another kernel command line or boot script",
		[9] = "another kernel or initrd, read by the boot loader",
		[11] = "another unified kernel image",
		[12] = "another command line or credential",
		[14] = "another machine owner key",
	};

	return pcr < ARRAY_SIZE(cause) && cause[pcr] ? cause[pcr] : "something else was measured";
}

static bool is_reference(const struct appraisal *a, uint32_t pcr, const uint8_t *value)
{
	size_t i;

	for (i = 0; i < a->policy->refs; i++) {
		const struct att_ref_pcr *ref = &a->policy->pcr[i];

		if (ref->bank == a->quote.bank && ref->pcr == pcr &&
		    !memcmp(ref->value, value, a->quote.bank->size))
			return true;
	}
	return false;
}

/* The first reference value, for the message; "" if there is none. */
static void first_reference(const struct appraisal *a, uint32_t pcr, char *text)
{
	size_t i;

	*text = '\0';
	for (i = 0; i < a->policy->refs && !*text; i++)
		if (a->policy->pcr[i].bank == a->quote.bank && a->policy->pcr[i].pcr == pcr)
			att_hex(a->policy->pcr[i].value, a->quote.bank->size, text);
}

static void check_boot_pcr(struct appraisal *a, uint32_t pcr)
{
	const uint8_t *value = quoted(a, pcr);
	char expected[2 * ATT_HASH_MAX + 1], found[2 * ATT_HASH_MAX + 1];

	if (!value) {
		att_result_add(a->res, &kind[C_BOOT_PCR], (int)pcr, ATT_UNCHECKED, "", "",
			       "it was not quoted, or its value is not to be believed");
		return;
	}
	att_hex(value, a->quote.bank->size, found);
	if (is_reference(a, pcr, value)) {
		att_result_add(a->res, &kind[C_BOOT_PCR], (int)pcr, ATT_PASS, "", found, "");
		return;
	}
	first_reference(a, pcr, expected);
	att_result_add(a->res, &kind[C_BOOT_PCR], (int)pcr, ATT_FAIL,
		       *expected ? expected
				 : "a reference value: there is none of this PCR and bank",
		       found, *expected ? pcr_cause(pcr) : "incomplete reference values");
}

static void check_boot_pcrs(struct appraisal *a)
{
	uint32_t pcr;

	for (pcr = 0; pcr < ATT_PCRS; pcr++)
		if (a->policy->pcrs >> pcr & 1)
			check_boot_pcr(a, pcr);
	if (!a->policy->pcrs && !a->policy->boot_events) {
		a->res->development = true;
		warn(a, C_BOOT_PCR, "none appraised", "so nothing is known of who loaded L0");
	}
}

static void check_boot_event(struct appraisal *a, uint32_t pcr)
{
	const struct att_policy *p = a->policy;
	struct att_boot_finding f;

	if (!a->replayed || !quoted(a, pcr)) {
		att_result_add(a->res, &kind[C_BOOT_EVENT], (int)pcr, ATT_UNCHECKED, "", "",
			       a->replayed ? "it was not quoted"
					   : "rests on boot-log, which failed");
		return;
	}
	att_boot_appraise(&a->boot_log, a->quote.bank, p->boot, p->boots, p->boot_events, pcr, &f);
	if (f.fits)
		att_result_add(a->res, &kind[C_BOOT_EVENT], (int)pcr, ATT_PASS, "", f.found, "");
	else
		att_result_add(a->res, &kind[C_BOOT_EVENT], (int)pcr, ATT_FAIL, f.expected, f.found,
			       f.cause);
}

static void check_boot_events(struct appraisal *a)
{
	uint32_t pcr;

	for (pcr = 0; pcr < ATT_PCRS; pcr++)
		if (a->policy->boot_events >> pcr & 1)
			check_boot_event(a, pcr);
}

/* ---- L0 ---- */

static const char *l0_log_cause(const struct appraisal *a)
{
	size_t i;

	for (i = 0; a->has_boot_log && i < a->boot_log.count; i++)
		if (a->boot_log.event[i].pcr == ATT_L0_PCR &&
		    a->boot_log.event[i].type != EV_NO_ACTION)
			return "the boot measured into PCR 13, too (systemd-stub does for system extensions): L0 needs it alone";
	return "the log was shortened, reordered or forged, is of another boot or machine, or somebody else extended PCR 13";
}

static void replay_l0_log(struct appraisal *a, const struct att_log *log)
{
	const uint8_t *want = quoted(a, ATT_L0_PCR);
	uint8_t value[ATT_HASH_MAX];
	size_t events;

	if (!want)
		unchecked(a, C_L0_LOG, a->has_values ? C_SELECTION : C_PCR_VALUES);
	else if (att_log_replay(log, a->quote.bank, ATT_L0_PCR, value, &events, &a->err))
		fail(a, C_L0_LOG, "digests of the quoted bank", a->err.text,
		     "L0 does not extend this bank");
	else
		a->has_l0 = same(a, C_L0_LOG, want, value, a->quote.bank->size, l0_log_cause(a));
}

static void check_l0(struct appraisal *a)
{
	struct att_log log;

	if (!a->ev->l0_log.size) {
		fail(a, C_L0_LOG, "L0's event log", "none",
		     "hypergpu.ko is not loaded there, or found no TPM");
		unchecked(a, C_L0_EVENTS, C_L0_LOG);
		return;
	}
	if (att_log_parse(a->ev->l0_log.data, a->ev->l0_log.size, &log, &a->err)) {
		fail(a, C_L0_LOG, "a log in the TCG's crypto-agile format", a->err.text,
		     "the log was damaged or made up");
		unchecked(a, C_L0_EVENTS, C_L0_LOG);
		return;
	}
	replay_l0_log(a, &log);
	if (att_l0_parse(&log, &a->l0, &a->err)) {
		a->has_l0 = false;
		fail(a, C_L0_EVENTS, "one L0 event, then one report key event, and nothing else",
		     a->err.text, "see the event that is named");
	} else {
		pass(a, C_L0_EVENTS, "L0, report key");
	}
	att_log_free(&log);
}

static void check_l0_values(struct appraisal *a)
{
	char found[160], expected[160] = "a reference value: there is none of L0", hex[65];
	size_t i;

	if (!a->has_l0) {
		unchecked(a, C_L0_VALUES, C_L0_LOG);
		return;
	}
	att_hex(a->l0.build_id, sizeof(a->l0.build_id), hex);
	snprintf(found, sizeof(found), "%s, build id %s, srcversion %s", a->l0.version, hex,
		 a->l0.srcversion);
	for (i = 0; i < a->policy->l0s; i++) {
		const struct att_ref_l0 *ref = &a->policy->l0[i];

		if (!strcmp(ref->version, a->l0.version) &&
		    !strcmp(ref->srcversion, a->l0.srcversion) &&
		    !memcmp(ref->build_id, a->l0.build_id, sizeof(ref->build_id))) {
			pass(a, C_L0_VALUES, found);
			return;
		}
		att_hex(ref->build_id, sizeof(ref->build_id), hex);
		snprintf(expected, sizeof(expected), "%s, build id %s, srcversion %s", ref->version,
			 hex, ref->srcversion);
	}
	fail(a, C_L0_VALUES, expected, found, "another build of hypergpu.ko");
}

/* ---- The report ---- */

static void check_report_flags(struct appraisal *a)
{
	if (!(a->report.flags & ATT_REPORT_DEVELOPMENT)) {
		pass(a, C_REPORT_FLAGS, "none");
	} else if (a->policy->development) {
		a->res->development = true;
		warn(a, C_REPORT_FLAGS, "development", "no TPM stands behind the report key");
	} else {
		fail(a, C_REPORT_FLAGS, "none", "development",
		     "hypergpu.ko was told to do without a TPM");
	}
}

static void check_report_key(struct appraisal *a)
{
	uint8_t id[32];

	if (!a->has_l0) {
		unchecked(a, C_REPORT_KEY, C_L0_LOG);
		unchecked(a, C_REPORT_SIGNATURE, C_L0_LOG);
		return;
	}
	if (att_sha256(a->l0.key, a->l0.key_size, id))
		memset(id, 0, sizeof(id));
	if (a->report.sig_alg != a->l0.sig_alg) {
		fail(a, C_REPORT_KEY, "a key of the algorithm that L0 measured",
		     "another algorithm", "the report is not of this machine, or was made up");
		unchecked(a, C_REPORT_SIGNATURE, C_REPORT_KEY);
		return;
	}
	same(a, C_REPORT_KEY, id, a->report.key_id, sizeof(id),
	     "the report is of another machine or boot, or was made up");
	if (att_report_verify(&a->report, a->l0.key, &a->err))
		fail(a, C_REPORT_SIGNATURE, "a signature by the report key in PCR 13", a->err.text,
		     "the report was changed, or is of another machine or boot");
	else
		pass(a, C_REPORT_SIGNATURE, att_report_algorithm(a->report.sig_alg));
}

static void check_report_boot(struct appraisal *a)
{
	if (!a->has_l0) {
		unchecked(a, C_REPORT_BOOT, C_L0_LOG);
		unchecked(a, C_REPORT_VERSION, C_L0_LOG);
		return;
	}
	same(a, C_REPORT_BOOT, a->l0.boot_id, a->report.boot_id, sizeof(a->l0.boot_id),
	     "the report was made before the last reboot, or on another machine");
	if (!strcmp(a->l0.version, a->report.l0_version))
		pass(a, C_REPORT_VERSION, a->report.l0_version);
	else
		fail(a, C_REPORT_VERSION, a->l0.version, a->report.l0_version,
		     "the report was made by another build of hypergpu.ko");
}

static void check_report(struct appraisal *a)
{
	static const enum claim_id rest[] = {
		C_REPORT_KEY, C_REPORT_SIGNATURE, C_REPORT_BOOT, C_REPORT_VERSION, C_REPORT_FLAGS,
	};
	size_t i;

	if (att_report_parse(a->ev->report.data, a->ev->report.size, &a->report, &a->err)) {
		fail(a, C_REPORT, "a report of version 1", a->err.text,
		     "it was damaged or made up");
		for (i = 0; i < ARRAY_SIZE(rest); i++)
			unchecked(a, rest[i], C_REPORT);
		return;
	}
	a->has_report = true;
	pass(a, C_REPORT, "version 1");
	check_report_key(a);
	check_report_boot(a);
	check_report_flags(a);
}

/* The entry that fits best: all of it, or the digest alone, or none. */
static const struct att_ref_launch *find_launch(const struct appraisal *a)
{
	const struct att_ref_launch *near = NULL;
	size_t i;

	for (i = 0; i < a->policy->launches; i++) {
		const struct att_ref_launch *l = &a->policy->launch[i];

		if (memcmp(l->digest, a->report.launch_digest, sizeof(l->digest)))
			continue;
		if (l->policy == a->report.policy && l->vcpus == a->report.vcpus &&
		    l->levels >> a->report.level & 1)
			return l;
		near = l;
	}
	return near;
}

static void check_level(struct appraisal *a, uint32_t levels)
{
	const char *expected = levels == 2   ? "1, on the machine itself"
			       : levels == 4 ? "2, in a VM"
					     : "1 or 2";
	const char *found = a->report.level == 1 ? "1, on the machine itself" : "2, in a VM";

	if (levels >> a->report.level & 1)
		pass(a, C_LEVEL, found);
	else
		fail(a, C_LEVEL, expected, found, "the CVM was started at another level");
}

static void no_launch(struct appraisal *a)
{
	static const enum claim_id rest[] = { C_POLICY, C_VCPUS, C_LEVEL };
	char found[65], expected[65] = "a reference value: there is none of a launch";
	size_t i;

	if (a->has_report) {
		att_hex(a->report.launch_digest, 32, found);
		if (a->policy->launches)
			att_hex(a->policy->launch[0].digest, 32, expected);
		fail(a, C_DIGEST, expected, found,
		     "another kernel, initrd, command line, memory, vCPUs or CPUID");
	} else {
		unchecked(a, C_DIGEST, C_REPORT);
	}
	for (i = 0; i < ARRAY_SIZE(rest); i++)
		unchecked(a, rest[i], a->has_report ? C_DIGEST : C_REPORT);
}

static void check_launch(struct appraisal *a)
{
	const struct att_ref_launch *l = a->has_report ? find_launch(a) : NULL;
	char found[65];

	if (!l) {
		no_launch(a);
		return;
	}
	att_hex(l->digest, sizeof(l->digest), found);
	pass(a, C_DIGEST, found);
	same_number(a, C_POLICY, l->policy, a->report.policy,
		    "the CVM was started with another policy");
	same_number(a, C_VCPUS, l->vcpus, a->report.vcpus, "the CVM was started with other vCPUs");
	check_level(a, l->levels);
}

static void check_binding(struct appraisal *a)
{
	const struct att_bytes *key = &a->ev->cvm_key;
	uint8_t want[ATT_REPORT_DATA];
	EVP_PKEY *pkey;

	if (!a->has_report) {
		unchecked(a, C_BINDING, C_REPORT);
		return;
	}
	pkey = att_key_from_spki(key->data, key->size, &a->err);
	if (!pkey || !att_key_curve(pkey)) {
		fail(a, C_BINDING, "a key of P-256 or P-384",
		     pkey ? att_key_kind(pkey) : a->err.text,
		     "the evidence was damaged or made up");
	} else if (att_report_bind(a->res->nonce, a->res->nonce_size, key->data, key->size, want)) {
		fail(a, C_BINDING, "a digest", "none", "the library cannot compute SHA-512");
	} else {
		same(a, C_BINDING, want, a->report.report_data, sizeof(want),
		     "the key was exchanged, or the report was made for another nonce");
	}
	EVP_PKEY_free(pkey);
}

static void check_cvm(struct appraisal *a)
{
	if (!a->ev->report.size && !a->policy->cvm)
		return;
	if (!a->ev->report.size) {
		fail(a, C_REPORT, "a CVM's report", "none", "hgattest was called without --report");
		return;
	}
	check_report(a);
	check_launch(a);
	check_binding(a);
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
	check_boot_log(a);
	check_boot_pcrs(a);
	check_boot_events(a);
	check_l0(a);
	check_l0_values(a);
	check_cvm(a);
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
	struct appraisal a = {
		.ev = ev, .policy = policy, .lookup = lookup, .opaque = opaque
	};

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
