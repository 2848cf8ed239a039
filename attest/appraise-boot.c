// SPDX-License-Identifier: Apache-2.0
/* The appraisal's checks of what was measured: the boot, and L0. */
#include "appraisal.h"

#include "bytes.h"
#include "error.h"
#include "key.h"

/* ---- The boot ---- */

static bool replay_pcr(struct appraisal *a, uint32_t pcr)
{
	uint8_t value[ATT_HASH_MAX];
	char expected[2 * ATT_HASH_MAX + 16], found[2 * ATT_HASH_MAX + 16];
	size_t events;

	if (att_log_replay(&a->boot_log, a->quote.bank, pcr, value, &events, &a->err)) {
		claim_fail(a, C_BOOT_LOG, "digests of the quoted bank", a->err.text,
			   "the log lacks this bank");
		return false;
	}
	if (!memcmp(value, appraisal_quoted(a, pcr), a->quote.bank->size))
		return true;
	snprintf(expected, sizeof(expected), "PCR %u = ", pcr);
	snprintf(found, sizeof(found), "PCR %u = ", pcr);
	att_hex(appraisal_quoted(a, pcr), a->quote.bank->size, expected + strlen(expected));
	att_hex(value, a->quote.bank->size, found + strlen(found));
	claim_fail(
		a, C_BOOT_LOG, expected, found,
		events ? "the log was shortened, reordered or forged, or is of another boot or machine"
		       : "the log has no event of this PCR: it was shortened, or the running system extends the PCR (os_pcrs)");
	return false;
}

static void replay_boot_log(struct appraisal *a)
{
	uint32_t skip = a->policy->os_pcrs | 1u << ATT_L0_PCR, pcr;
	char found[48];

	for (pcr = 0; pcr < ATT_PCRS; pcr++)
		if (appraisal_quoted(a, pcr) && !(skip >> pcr & 1) && !replay_pcr(a, pcr))
			return;
	a->replayed = true;
	snprintf(found, sizeof(found), "%zu events give the quoted PCRs", a->boot_log.count);
	claim_pass(a, C_BOOT_LOG, found);
}

static void check_boot_log(struct appraisal *a)
{
	if (!a->has_values) {
		claim_unchecked(a, C_BOOT_LOG, C_PCR_VALUES);
	} else if (!a->ev->boot_log.size && a->policy->boot_log) {
		claim_fail(a, C_BOOT_LOG, "the firmware's event log", "none",
			   "hgattest was called without it, or the firmware has none");
	} else if (!a->ev->boot_log.size) {
		claim_warn(a, C_BOOT_LOG, "none", "the policy does not require one");
	} else if (att_log_parse(a->ev->boot_log.data, a->ev->boot_log.size, &a->boot_log,
				 &a->err)) {
		claim_fail(a, C_BOOT_LOG, "a log in the TCG's crypto-agile format", a->err.text,
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
	const uint8_t *value = appraisal_quoted(a, pcr);
	char expected[2 * ATT_HASH_MAX + 1], found[2 * ATT_HASH_MAX + 1];

	if (!value) {
		att_result_add(a->res, &claim_kind[C_BOOT_PCR], (int)pcr, ATT_UNCHECKED, "", "",
			       "it was not quoted, or its value is not to be believed");
		return;
	}
	att_hex(value, a->quote.bank->size, found);
	if (is_reference(a, pcr, value)) {
		att_result_add(a->res, &claim_kind[C_BOOT_PCR], (int)pcr, ATT_PASS, "", found, "");
		return;
	}
	first_reference(a, pcr, expected);
	att_result_add(a->res, &claim_kind[C_BOOT_PCR], (int)pcr, ATT_FAIL,
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
		claim_warn(a, C_BOOT_PCR, "none appraised", "so nothing is known of who loaded L0");
	}
}

static void check_boot_event(struct appraisal *a, uint32_t pcr)
{
	const struct att_policy *p = a->policy;
	struct att_boot_finding f;

	if (!a->replayed || !appraisal_quoted(a, pcr)) {
		att_result_add(a->res, &claim_kind[C_BOOT_EVENT], (int)pcr, ATT_UNCHECKED, "", "",
			       a->replayed ? "it was not quoted"
					   : "rests on boot-log, which failed");
		return;
	}
	att_boot_appraise(&a->boot_log, a->quote.bank, p->boot, p->boots, p->boot_events, pcr, &f);
	if (f.fits)
		att_result_add(a->res, &claim_kind[C_BOOT_EVENT], (int)pcr, ATT_PASS, "", f.found,
			       "");
	else
		att_result_add(a->res, &claim_kind[C_BOOT_EVENT], (int)pcr, ATT_FAIL, f.expected,
			       f.found, f.cause);
}

static void check_boot_events(struct appraisal *a)
{
	uint32_t pcr;

	for (pcr = 0; pcr < ATT_PCRS; pcr++)
		if (a->policy->boot_events >> pcr & 1)
			check_boot_event(a, pcr);
}

void appraise_boot(struct appraisal *a)
{
	check_boot_log(a);
	check_boot_pcrs(a);
	check_boot_events(a);
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
	const uint8_t *want = appraisal_quoted(a, ATT_L0_PCR);
	uint8_t value[ATT_HASH_MAX];
	size_t events;

	if (!want)
		claim_unchecked(a, C_L0_LOG, a->has_values ? C_SELECTION : C_PCR_VALUES);
	else if (att_log_replay(log, a->quote.bank, ATT_L0_PCR, value, &events, &a->err))
		claim_fail(a, C_L0_LOG, "digests of the quoted bank", a->err.text,
			   "L0 does not extend this bank");
	else
		a->has_l0 =
			claim_same(a, C_L0_LOG, want, value, a->quote.bank->size, l0_log_cause(a));
}

static void check_l0(struct appraisal *a)
{
	struct att_log log;

	if (!a->ev->l0_log.size) {
		claim_fail(a, C_L0_LOG, "L0's event log", "none",
			   "hypergpu.ko is not loaded there, or found no TPM");
		claim_unchecked(a, C_L0_EVENTS, C_L0_LOG);
		return;
	}
	if (att_log_parse(a->ev->l0_log.data, a->ev->l0_log.size, &log, &a->err)) {
		claim_fail(a, C_L0_LOG, "a log in the TCG's crypto-agile format", a->err.text,
			   "the log was damaged or made up");
		claim_unchecked(a, C_L0_EVENTS, C_L0_LOG);
		return;
	}
	replay_l0_log(a, &log);
	if (att_l0_parse(&log, &a->l0, &a->err)) {
		a->has_l0 = false;
		claim_fail(a, C_L0_EVENTS,
			   "one L0 event, then one report key event, and nothing else", a->err.text,
			   "see the event that is named");
	} else {
		claim_pass(a, C_L0_EVENTS, "L0, report key");
	}
	att_log_free(&log);
}

static void check_l0_values(struct appraisal *a)
{
	char found[160], expected[160] = "a reference value: there is none of L0", hex[65];
	size_t i;

	if (!a->has_l0) {
		claim_unchecked(a, C_L0_VALUES, C_L0_LOG);
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
			claim_pass(a, C_L0_VALUES, found);
			return;
		}
		att_hex(ref->build_id, sizeof(ref->build_id), hex);
		snprintf(expected, sizeof(expected), "%s, build id %s, srcversion %s", ref->version,
			 hex, ref->srcversion);
	}
	claim_fail(a, C_L0_VALUES, expected, found, "another build of hypergpu.ko");
}

void appraise_l0(struct appraisal *a)
{
	check_l0(a);
	check_l0_values(a);
}
