// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks on evidence. Each begins with evidence that passes, changes what its
 * name says, and must be refused by the claim that is named.
 */
#include "check.h"
#include "world.h"

#include <stdlib.h>

#include "key.h"
#include "tpmkey.h"

static int setup(void **state)
{
	*state = world_new(ATT_SIG_P256);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* Evidence that passes, to be changed. */
static struct att_evidence *good(const struct world *w)
{
	struct att_evidence *ev = world_evidence(w);

	must_pass(w, ev);
	return ev;
}

static void quote(const struct machine *m, const struct world *w, const char *bank, uint32_t pcrs,
		  struct att_evidence *ev)
{
	machine_quote(m, bank, pcrs, w->nonce, sizeof(w->nonce), ev);
}

static void replace_log(struct att_bytes *log, const struct writer *w)
{
	set_bytes(log, w->data, w->size);
}

static void swap_policy(struct world *w, const struct machine *m, const char *extra)
{
	char *text = world_policy_text(m, extra);
	struct att_error err = { 0 };

	att_policy_free(w->policy);
	w->policy = att_policy_parse(text, strlen(text), &err);
	if (!w->policy)
		fail_msg("policy: %s", err.text);
	free(text);
}

static void untampered(void **state)
{
	struct world *w = *state, *p384 = world_new(ATT_SIG_P384);
	struct att_evidence *ev = good(w);

	quote(&w->a, w, "sha384", 0xffff, ev);
	must_pass(w, ev);
	quote(&w->a, w, "sha256", WORLD_PCRS | 1u << 13, ev);
	must_pass(w, ev);
	att_evidence_free(ev);
	ev = good(p384);
	att_evidence_free(ev);
	world_free(p384);
}

static void replayed(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	memcpy(w->nonce, w->other_nonce, sizeof(w->nonce));
	must_fail(w, ev, ATT_V_FRESHNESS, "nonce");
	/* A fresh quote does not make an old report fresh. */
	quote(&w->a, w, "sha256", 0xffff, ev);
	must_fail(w, ev, ATT_V_BINDING, "cvm-key");
	att_evidence_free(ev);
}

static void nonce_size(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct att_error err = { 0 };

	machine_quote(&w->a, "sha256", 0xffff, w->nonce, 31, ev);
	must_fail(w, ev, ATT_V_FRESHNESS, "nonce");
	machine_quote(&w->a, "sha256", 0xffff, w->nonce, 0, ev);
	must_fail(w, ev, ATT_V_FRESHNESS, "nonce");
	assert_null(att_appraise(ev, w->policy, w->nonce, 15, 0, &err));
	assert_int_equal(err.code, ATT_E_REFUSED);
	assert_null(att_appraise(ev, w->policy, w->nonce, 65, 0, &err));
	att_evidence_free(ev);
}

static void other_tpm(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w), *other;

	quote(&w->b, w, "sha256", 0xffff, ev);
	must_fail(w, ev, ATT_V_TRUST_ROOT, "ak-trusted");
	/* The other TPM's quote under this one's key. */
	other = world_evidence(w);
	set_bytes(&ev->ak_public, other->ak_public.data, other->ak_public.size);
	set_bytes(&ev->ak_tpm_public, other->ak_tpm_public.data, other->ak_tpm_public.size);
	must_fail(w, ev, ATT_V_QUOTE, "quote-signature");
	att_evidence_free(other);
	att_evidence_free(ev);
}

static void two_keys(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w), *other = good(w);

	quote(&w->b, w, "sha256", 0xffff, other);
	set_bytes(&ev->ak_public, other->ak_public.data, other->ak_public.size);
	must_fail(w, ev, ATT_V_FORMAT, "ak");
	att_evidence_free(other);
	att_evidence_free(ev);
}

/* A key with one attribute less is refused even if somebody trusted it. */
static void ak_attributes(void **state)
{
	static const uint32_t wanted[] = {
		TPMA_OBJECT_RESTRICTED,		 TPMA_OBJECT_FIXEDTPM,	   TPMA_OBJECT_FIXEDPARENT,
		TPMA_OBJECT_SENSITIVEDATAORIGIN, TPMA_OBJECT_SIGN_ENCRYPT,
	};
	struct world *w = *state;
	struct att_error err = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct att_bytes real = w->a.ak_public;
		struct att_evidence *ev = good(w);
		TPMT_PUBLIC pub;

		assert_int_equal(att_tpm_public_parse(&real, &pub, &err), 0);
		pub.objectAttributes &= ~wanted[i];
		w->a.ak_public = (struct att_bytes){ 0 };
		assert_int_equal(att_tpm_public_dump(&pub, &w->a.ak_public, &err), 0);
		quote(&w->a, w, "sha256", 0xffff, ev);
		must_fail(w, ev, ATT_V_TRUST_ROOT, "ak-attributes");
		swap_policy(w, &w->a, "");
		must_fail(w, ev, ATT_V_TRUST_ROOT, "ak-attributes");
		att_evidence_free(ev);
		att_bytes_free(&w->a.ak_public);
		w->a.ak_public = real;
		swap_policy(w, &w->a, "");
	}
}

static void not_a_quote(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	ev->message.data[0] ^= 1; /* TPM_GENERATED */
	must_fail(w, ev, ATT_V_FORMAT, "quote");
	ev->message.data[0] ^= 1;
	ev->message.data[5] ^= 1; /* the type */
	must_fail(w, ev, ATT_V_FORMAT, "quote");
	ev->message.data[5] ^= 1;
	ev->message.size--;
	must_fail(w, ev, ATT_V_FORMAT, "quote");
	att_evidence_free(ev);
}

static void bank_downgrade(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	quote(&w->a, w, "sha1", 0xffff, ev);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-bank");
	swap_policy(w, &w->a, "\"banks\": [\"sha384\"],");
	quote(&w->a, w, "sha256", 0xffff, ev);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-bank");
	quote(&w->a, w, "sha384", 0xffff, ev);
	must_pass(w, ev);
	att_evidence_free(ev);
}

static void fewer_pcrs(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	quote(&w->a, w, "sha256", 0xffff & ~(1u << 13), ev);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-selection");
	quote(&w->a, w, "sha256", 0xffff & ~(1u << 4), ev);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-selection");
	quote(&w->a, w, "sha256", 0, ev);
	must_fail(w, ev, ATT_V_QUOTE, "pcr-selection");
	att_evidence_free(ev);
}

static void changed_values(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	ev->pcr[4][0] ^= 1;
	must_fail(w, ev, ATT_V_QUOTE, "pcr-values");
	ev->pcr[4][0] ^= 1;
	ev->pcrs--;
	must_fail(w, ev, ATT_V_QUOTE, "pcr-values");
	ev->pcrs++;
	ev->pcr_size[3] = 20;
	must_fail(w, ev, ATT_V_QUOTE, "pcr-values");
	att_evidence_free(ev);
}

/* Where the events of a log begin: "offset[0]" is behind the Spec ID event. */
static size_t offsets(const struct writer *log, size_t *offset, size_t max)
{
	struct att_reader r = { log->data, log->size, false };
	size_t n = 0;

	att_read(&r, 28);
	att_read(&r, att_read_u32(&r));
	for (; r.left && n < max; n++) {
		offset[n] = log->size - r.left;
		att_read(&r, 8 + 4 + 2 + 20 + 2 + 32 + 2 + 48);
		att_read(&r, att_read_u32(&r));
	}
	assert_false(r.bad);
	offset[n] = log->size;
	return n;
}

static void truncated_log(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	size_t offset[64], n = offsets(&w->a.boot_log, offset, 63), i;

	/* Whole events are missing at the end. */
	for (i = 0; i < n; i++) {
		set_bytes(&ev->boot_log, w->a.boot_log.data, offset[i]);
		must_fail(w, ev, ATT_V_LOG, "boot-log");
	}
	/* The cut goes through an event. */
	for (i = 1; i < 60; i += 7) {
		set_bytes(&ev->boot_log, w->a.boot_log.data, offset[n - 1] + i);
		must_fail(w, ev, ATT_V_LOG, "boot-log");
	}
	att_bytes_free(&ev->boot_log);
	must_fail(w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
}

static void forged_log(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	size_t offset[64], n = offsets(&w->a.boot_log, offset, 63), i;

	for (i = 1; i < n; i++) {
		/* the digest of SHA-256 */
		size_t at = offset[i] + 8 + 4 + 2 + 20 + 2;

		ev->boot_log.data[at] ^= 0x80;
		must_fail(w, ev, ATT_V_LOG, "boot-log");
		ev->boot_log.data[at] ^= 0x80;
	}
	/* An event more. */
	log_add(&w->a, &w->a.boot_log, 4, 0xd, "x", 1);
	replace_log(&ev->boot_log, &w->a.boot_log);
	must_fail(w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
}

static void reordered_log(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	size_t offset[64], first, second;
	struct writer log = { .size = 0 };

	offsets(&w->a.boot_log, offset, 63);
	/* Events 1 and 2 are both of PCR 0. */
	first = offset[2] - offset[1];
	second = offset[3] - offset[2];
	put(&log, w->a.boot_log.data, offset[1]);
	put(&log, w->a.boot_log.data + offset[2], second);
	put(&log, w->a.boot_log.data + offset[1], first);
	put(&log, w->a.boot_log.data + offset[3], w->a.boot_log.size - offset[3]);
	replace_log(&ev->boot_log, &log);
	must_fail(w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
}

static void other_boot(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	/* Another kernel: log, PCRs and quote agree with each other. */
	log_add(&w->a, &w->a.boot_log, 9, 0xd, "rootkit", 7);
	replace_log(&ev->boot_log, &w->a.boot_log);
	quote(&w->a, w, "sha256", 0xffff, ev);
	must_fail(w, ev, ATT_V_REFERENCE, "boot-pcr 9");
	att_evidence_free(ev);
}

static void os_extends(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	unsigned int i;

	/* IMA, in PCR 10, has no part in the firmware's log. */
	for (i = 0; i < BANKS; i++)
		w->a.pcr[i][10][0] = 1;
	quote(&w->a, w, "sha256", 0xffff, ev);
	must_pass(w, ev);
	w->a.pcr[1][14][0] = 1;
	quote(&w->a, w, "sha256", 0xffff, ev);
	must_fail(w, ev, ATT_V_LOG, "boot-log");
	att_evidence_free(ev);
}

/* L0's log and PCR 13 anew, by @fill. */
static struct att_evidence *with_l0(struct world *w, void (*fill)(struct machine *m))
{
	struct att_evidence *ev;
	unsigned int i;

	for (i = 0; i < BANKS; i++)
		memset(w->a.pcr[i][13], 0, ATT_HASH_MAX);
	log_start(&w->a, &w->a.l0_log);
	fill(&w->a);
	ev = world_evidence(w);
	return ev;
}

static void fill_nothing(struct machine *m)
{
	(void)m;
}

static void fill_good(struct machine *m)
{
	tag_l0(m);
	tag_key(m);
}

static void fill_unloaded(struct machine *m)
{
	fill_good(m);
	tag_unloaded(m);
}

static void fill_twice(struct machine *m)
{
	fill_good(m);
	fill_good(m);
}

static void fill_second_key(struct machine *m)
{
	fill_good(m);
	tag_key(m);
}

static void fill_key_first(struct machine *m)
{
	tag_key(m);
	tag_l0(m);
}

static void fill_no_key(struct machine *m)
{
	tag_l0(m);
}

static void fill_foreign(struct machine *m)
{
	fill_good(m);
	log_add(m, &m->l0_log, 13, 0xd, "sysext", 6);
}

static void fill_other_pcr(struct machine *m)
{
	fill_good(m);
	log_add(m, &m->l0_log, 14, EV_EVENT_TAG, "\1\0\0\0\0\0\0\0", 8);
}

static void fill_unknown_tag(struct machine *m)
{
	fill_good(m);
	log_add(m, &m->l0_log, 13, EV_EVENT_TAG, "\1\0\0\0\0\0\0\0", 8);
}

static void l0_events(void **state)
{
	static void (*const bad[])(struct machine *) = {
		fill_nothing, fill_unloaded, fill_twice,     fill_second_key,  fill_key_first,
		fill_no_key,  fill_foreign,  fill_other_pcr, fill_unknown_tag,
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct att_evidence *ev = with_l0(w, fill_good);

		must_pass(w, ev);
		att_evidence_free(ev);
		ev = with_l0(w, bad[i]);
		must_fail(w, ev, ATT_V_LOG, "l0-events");
		att_evidence_free(ev);
		memset(w->a.pcr[1][14], 0, ATT_HASH_MAX);
	}
}

/* The log says less than the PCR has, or another boot's. */
static void l0_log(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	tag_unloaded(&w->a);
	quote(&w->a, w, "sha256", 0xffff, ev);
	must_fail(w, ev, ATT_V_LOG, "l0-log");
	att_evidence_free(ev);

	ev = with_l0(w, fill_good);
	must_pass(w, ev);
	replace_log(&ev->l0_log, &w->b.l0_log);
	must_fail(w, ev, ATT_V_LOG, "l0-log");
	att_bytes_free(&ev->l0_log);
	must_fail(w, ev, ATT_V_LOG, "l0-log");
	att_evidence_free(ev);

	/* systemd-stub was there first. */
	log_add(&w->a, &w->a.boot_log, 13, 0xd, "sysext", 6);
	ev = world_evidence(w);
	must_fail(w, ev, ATT_V_LOG, "l0-log");
	att_evidence_free(ev);
}

/* Digests that were extended, with other data beside them. */
static void l0_data(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	size_t offset[8], n = offsets(&w->a.l0_log, offset, 7), i;

	assert_int_equal(n, 2);
	for (i = offset[0]; i < w->a.l0_log.size; i++) {
		ev->l0_log.data[i] ^= 0x10;
		must_fail(w, ev, ATT_V_LOG, NULL);
		ev->l0_log.data[i] ^= 0x10;
	}
	must_pass(w, ev);
	att_evidence_free(ev);
}

static void other_l0(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	att_evidence_free(ev);
	w->a.build_id[0] ^= 1;
	ev = with_l0(w, fill_good);
	must_fail(w, ev, ATT_V_REFERENCE, "l0-measurement");
	att_evidence_free(ev);
}

/* A report signed by @key, for the right nonce and the right CVM key. */
static void set_report(const struct world *w, const struct machine *m, EVP_PKEY *key,
		       struct att_evidence *ev)
{
	uint8_t data[ATT_REPORT_DATA], report[ATT_REPORT_MAX];
	struct att_error err = { 0 };

	assert_int_equal(att_report_data(w->nonce, sizeof(w->nonce), (char *)w->key.data,
					 w->key.size, data, &err),
			 0);
	set_bytes(&ev->report, report, machine_report(m, key, data, report));
}

static void report_of_other_boot(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct machine now;

	/* The same TPM after a reboot: another report key, another boot id. */
	machine_boot(&now, "machine a, boot 2", ATT_SIG_P256);
	machine_free(&now);
	now.ak = w->a.ak;
	now.ak_public = w->a.ak_public;
	now.report_key = w->b.report_key;
	memset(now.pcr[1][13], 0, 32);
	log_start(&now, &now.l0_log);
	tag_l0(&now);
	tag_key(&now);
	quote(&now, w, "sha256", 0xffff, ev);
	replace_log(&ev->l0_log, &now.l0_log);
	must_fail(w, ev, ATT_V_REPORT, "report-key");
	must_fail(w, ev, ATT_V_REPORT, "report-boot-id");
	/* With the report of this boot all is well again. */
	set_report(w, &now, now.report_key, ev);
	must_pass(w, ev);
	/* The right key, but a report that says another boot. */
	set_report(w, &w->a, now.report_key, ev);
	must_fail(w, ev, ATT_V_REPORT, "report-boot-id");
	att_evidence_free(ev);
}

static void report_key_swapped(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	set_report(w, &w->a, w->b.report_key, ev);
	must_fail(w, ev, ATT_V_REPORT, "report-key");
	must_fail(w, ev, ATT_V_REPORT, "report-signature");
	/* The attacker's signature under the name of the measured key. */
	set_report(w, &w->a, w->a.report_key, ev);
	must_pass(w, ev);
	{
		struct att_evidence *forged = world_evidence(w);
		uint8_t sig[64];
		struct att_error err = { 0 };

		assert_int_equal(att_ecdsa_sign(w->b.report_key, "SHA256", forged->report.data,
						ATT_REPORT_SIZE, sig, sizeof(sig), &err),
				 0);
		memcpy(forged->report.data + ATT_REPORT_SIZE, sig, sizeof(sig));
		must_fail(w, forged, ATT_V_REPORT, "report-signature");
		att_evidence_free(forged);
	}
	att_evidence_free(ev);
}

/* Whatever byte of the report is changed, it is refused. */
static void report_bytes(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	size_t i, size = ev->report.size;

	for (i = 0; i < size; i++) {
		ev->report.data[i] ^= 0x40;
		must_fail(w, ev, ATT_V_REPORT, NULL);
		ev->report.data[i] ^= 0x40;
	}
	for (i = 0; i < size; i += 13) {
		ev->report.size = i;
		must_fail(w, ev, ATT_V_REPORT, "report");
	}
	ev->report.size = size;
	must_pass(w, ev);
	att_bytes_free(&ev->report);
	must_fail(w, ev, ATT_V_REPORT, "report");
	att_evidence_free(ev);
}

static void two_machines(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w), *other;

	other = machine_evidence(&w->b, w->nonce, sizeof(w->nonce), &w->key);
	set_bytes(&ev->report, other->report.data, other->report.size);
	must_fail(w, ev, ATT_V_REPORT, "report-key");
	set_bytes(&ev->l0_log, other->l0_log.data, other->l0_log.size);
	must_fail(w, ev, ATT_V_LOG, "l0-log");
	att_evidence_free(other);
	att_evidence_free(ev);
}

static void other_launch(void **state)
{
	struct world *w = *state;
	struct machine *m = &w->a;
	struct att_evidence *ev = good(w);

	m->launch_digest[0] ^= 1;
	set_report(w, m, m->report_key, ev);
	must_fail(w, ev, ATT_V_LAUNCH, "launch-digest");
	m->launch_digest[0] ^= 1;
	m->policy = 0;
	set_report(w, m, m->report_key, ev);
	must_fail(w, ev, ATT_V_LAUNCH, "launch-policy");
	m->policy = 1;
	m->vcpus = 3;
	set_report(w, m, m->report_key, ev);
	must_fail(w, ev, ATT_V_LAUNCH, "launch-vcpus");
	m->vcpus = 2;
	m->level = 2;
	set_report(w, m, m->report_key, ev);
	must_fail(w, ev, ATT_V_LAUNCH, "launch-level");
	att_evidence_free(ev);
}

static void key_exchanged(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct att_error err = { 0 };
	EVP_PKEY *key = att_key_from_pem((char *)w->other_key.data, w->other_key.size, false, &err);

	att_bytes_free(&ev->cvm_key);
	assert_int_equal(att_key_to_spki(key, &ev->cvm_key, &err), 0);
	must_fail(w, ev, ATT_V_BINDING, "cvm-key");
	ev->cvm_key.data[0] ^= 1;
	must_fail(w, ev, ATT_V_BINDING, "cvm-key");
	EVP_PKEY_free(key);
	att_evidence_free(ev);
}

static void opened_by_other(void **state)
{
	static const uint8_t secret[] = "for one CVM only";
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct att_bytes got = { 0 };
	struct att_error err = { 0 };
	struct att_result *res = att_appraise(ev, w->policy, w->nonce, sizeof(w->nonce), 0, &err);
	char *jwe = att_release(res, secret, sizeof(secret), &err);

	assert_non_null(jwe);
	assert_int_equal(att_open(jwe, strlen(jwe), (char *)w->other_key.data, w->other_key.size,
				  NULL, 0, &got, &err),
			 -1);
	assert_int_equal(err.code, ATT_E_CRYPTO);
	assert_null(got.data);
	assert_int_equal(att_open(jwe, strlen(jwe), (char *)w->key.data, w->key.size,
				  w->other_nonce, sizeof(w->other_nonce), &got, &err),
			 -1);
	assert_int_equal(err.code, ATT_E_REFUSED);
	assert_null(got.data);
	free(jwe);
	att_result_free(res);
	att_evidence_free(ev);
}

static void development(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);

	ev->software = true;
	must_fail(w, ev, ATT_V_TRUST_ROOT, "trust-root");
	ev->software = false;
	w->a.flags = ATT_REPORT_DEVELOPMENT;
	set_report(w, &w->a, w->a.report_key, ev);
	must_fail(w, ev, ATT_V_REPORT, "report-flags");
	ev->software = true;
	swap_policy(w, &w->a, "\"development\": true,");
	must_pass(w, ev);
	att_evidence_free(ev);
}

static void other_ek(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct att_error err = { 0 };
	char name[2 * ATT_NAME_MAX + 1], text[512];
	uint8_t bytes[ATT_NAME_MAX];
	TPMT_PUBLIC pub;
	size_t size;

	assert_int_equal(att_tpm_public_parse(&w->a.ak_public, &pub, &err), 0);
	assert_int_equal(att_tpm_name(&w->a.ak_public, &pub, bytes, &size, &err), 0);
	att_hex(bytes, size, name);
	swap_policy(w, &w->b, "");
	must_fail(w, ev, ATT_V_TRUST_ROOT, "ak-trusted");
	/* SHA-256 of "ek" */
	snprintf(
		text, sizeof(text),
		"{\"version\":1,\"type\":\"hypergpu-enrolment\",\"ak_name\":\"%s\","
		"\"ek_certificate_sha256\":"
		"\"73c9dc4c0a9d4cb8bebe0ef94e94de70dbb3a3a10ba30ddd6ed00ee0b2b03ce6\","
		"\"enrolled\":1}",
		name);
	assert_int_equal(att_policy_add_enrolled(w->policy, text, strlen(text), &err), 0);
	must_pass(w, ev);
	set_bytes(&ev->ek_certificate, "another", 7);
	must_fail(w, ev, ATT_V_TRUST_ROOT, "ek-certificate");
	att_evidence_free(ev);
}

/* No byte of what was signed, nor of a key or signature, can be changed. */
static void any_byte(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct att_bytes *part[] = { &ev->message, &ev->signature, &ev->ak_public,
				     &ev->ak_tpm_public, &ev->cvm_key };
	size_t p, i;

	for (p = 0; p < ARRAY_SIZE(part); p++) {
		for (i = 0; i < part[p]->size; i++) {
			struct att_error err = { 0 };
			struct att_result *res;

			part[p]->data[i] ^= 0x04;
			res = att_appraise(ev, w->policy, w->nonce, sizeof(w->nonce), 0, &err);
			assert_non_null(res);
			if (!att_result_verdict(res))
				fail_msg("part %zu of %zu bytes passes with byte %zu changed", p,
					 part[p]->size, i);
			assert_null(att_release(res, (const uint8_t *)"s", 1, &err));
			att_result_free(res);
			part[p]->data[i] ^= 0x04;
		}
	}
	must_pass(w, ev);
	att_evidence_free(ev);
}

static void without_cvm(void **state)
{
	struct world *w = *state;
	struct att_evidence *ev = good(w);
	struct att_error err = { 0 };
	struct att_result *res;

	att_bytes_free(&ev->report);
	att_bytes_free(&ev->cvm_key);
	must_fail(w, ev, ATT_V_REPORT, "report");
	swap_policy(w, &w->a, "\"require_cvm\": false,");
	res = att_appraise(ev, w->policy, w->nonce, sizeof(w->nonce), 0, &err);
	assert_int_equal(att_result_verdict(res), ATT_V_PASS);
	/* The machine is as expected, but there is nobody to give a secret to. */
	assert_null(att_release(res, (const uint8_t *)"s", 1, &err));
	assert_int_equal(err.code, ATT_E_REFUSED);
	att_result_free(res);
	att_evidence_free(ev);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(untampered),
		T(replayed),
		T(nonce_size),
		T(other_tpm),
		T(two_keys),
		T(ak_attributes),
		T(not_a_quote),
		T(bank_downgrade),
		T(fewer_pcrs),
		T(changed_values),
		T(truncated_log),
		T(forged_log),
		T(reordered_log),
		T(other_boot),
		T(os_extends),
		T(l0_events),
		T(l0_log),
		T(l0_data),
		T(other_l0),
		T(report_of_other_boot),
		T(report_key_swapped),
		T(report_bytes),
		T(two_machines),
		T(other_launch),
		T(key_exchanged),
		T(opened_by_other),
		T(development),
		T(other_ek),
		T(any_byte),
		T(without_cvm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
