// SPDX-License-Identifier: Apache-2.0
#include "policy.h"

#include <stdlib.h>

#include "bytes.h"
#include "error.h"
#include "json.h"
#include "l0.h"

#define POLICY_MAX (4u << 20)

static const char *const policy_members[] = {
	"version",	    "type",	   "id",   "development", "require_cvm",
	"require_boot_log", "banks",	   "pcrs", "os_pcrs",	  "trusted_aks",
	"reference_values", "boot_events", NULL
};
static const char *const reference_members[] = { "version", "type", "pcrs", "l0",
						 "launch",  "boot", NULL };
static const char *const l0_members[] = { "version", "build_id", "srcversion", NULL };
static const char *const launch_members[] = { "digest", "policy", "vcpus", "levels", NULL };

/* Room for one more; the entry is zeros. NULL after a message. */
static void *more(void **list, size_t *count, size_t size, const char *what, struct att_error *err)
{
	uint8_t *grown;

	if (*count >= ATT_REF_MAX) {
		att_fail(err, ATT_E_FORMAT, "%s: more than %u entries", what, ATT_REF_MAX);
		return NULL;
	}
	grown = realloc(*list, (*count + 1) * size);
	if (!grown) {
		att_no_memory(err);
		return NULL;
	}
	*list = grown;
	grown += (*count)++ * size;
	memset(grown, 0, size);
	return grown;
}

/* A list of PCR numbers as bits. Absent: @bits stays. */
static int parse_pcr_set(const json_t *obj, const char *name, uint32_t *bits, struct att_error *err)
{
	const json_t *list = json_object_get(obj, name);
	size_t i;

	if (!list)
		return 0;
	*bits = 0;
	for (i = 0; json_is_array(list) && i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;

		if (n < 0 || n >= ATT_PCRS)
			return att_fail(err, ATT_E_FORMAT, "\"%s\": not a PCR from 0 to %u", name,
					ATT_PCRS - 1);
		*bits |= 1u << n;
	}
	return json_is_array(list) ? 0 : att_fail(err, ATT_E_FORMAT, "\"%s\" is not a list", name);
}

/* SHA-1 is never accepted: that is what a downgrade would ask for. */
static int parse_banks(const json_t *obj, struct att_policy *p, struct att_error *err)
{
	const json_t *list = json_object_get(obj, "banks");
	size_t i;

	if (!list) {
		p->bank[p->banks++] = att_alg_by_name("sha256");
		p->bank[p->banks++] = att_alg_by_name("sha384");
		return 0;
	}
	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > ARRAY_SIZE(p->bank))
		return att_fail(err, ATT_E_FORMAT, "\"banks\" is not a list of 1 to 4 names");
	for (i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		const struct att_alg *alg = name ? att_alg_by_name(name) : NULL;

		if (!alg)
			return att_fail(err, ATT_E_FORMAT, "\"banks\": unknown algorithm");
		if (alg->size < 32)
			return att_fail(err, ATT_E_REFUSED,
					"\"banks\": %s is too weak for evidence", name);
		p->bank[p->banks++] = alg;
	}
	return 0;
}

static int parse_aks(const json_t *obj, struct att_policy *p, struct att_error *err)
{
	const json_t *list = json_object_get(obj, "trusted_aks");
	size_t i;

	if (list && !json_is_array(list))
		return att_fail(err, ATT_E_FORMAT, "\"trusted_aks\" is not a list");
	for (i = 0; list && i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct att_trusted_ak *ak =
			more((void **)&p->ak, &p->aks, sizeof(*ak), "\"trusted_aks\"", err);
		int size;

		if (!ak)
			return -1;
		size = text ? att_unhex(text, ak->name, sizeof(ak->name)) : -1;
		if (size < 34)
			return att_fail(
				err, ATT_E_FORMAT,
				"\"trusted_aks\": entry %zu is not a TPM name in hexadecimal", i);
		ak->size = (size_t)size;
	}
	return 0;
}

static int parse_ref_value(const struct att_alg *bank, uint32_t pcr, const json_t *v,
			   struct att_policy *p, struct att_error *err)
{
	const char *text = json_string_value(v);
	struct att_ref_pcr *ref = more((void **)&p->pcr, &p->refs, sizeof(*ref), "\"pcrs\"", err);

	if (!ref)
		return -1;
	if (!text || att_unhex(text, ref->value, bank->size) != bank->size)
		return att_fail(err, ATT_E_FORMAT,
				"\"pcrs\": a value of PCR %u is not %u hexadecimal digits", pcr,
				2u * bank->size);
	ref->bank = bank;
	ref->pcr = pcr;
	return 0;
}

/* { "0": [VALUE, ...], ... } of one bank. */
static int parse_ref_bank(const struct att_alg *bank, const json_t *pcrs, struct att_policy *p,
			  struct att_error *err)
{
	const char *key;
	json_t *list;

	json_object_foreach((json_t *)pcrs, key, list) {
		unsigned int pcr = 0;
		size_t i, length = strlen(key);

		if (length < 1 || length > 2 || strspn(key, "0123456789") != length ||
		    (pcr = (unsigned int)atoi(key)) >= ATT_PCRS)
			return att_fail(err, ATT_E_FORMAT, "\"pcrs\": \"%.20s\" is not a PCR", key);
		if (!json_is_array(list))
			return att_fail(err, ATT_E_FORMAT, "\"pcrs\": \"%s\" is not a list", key);
		for (i = 0; i < json_array_size(list); i++)
			if (parse_ref_value(bank, pcr, json_array_get(list, i), p, err))
				return -1;
	}
	return 0;
}

static int parse_ref_pcrs(const json_t *ref, struct att_policy *p, struct att_error *err)
{
	const json_t *banks = json_object_get(ref, "pcrs");
	const char *key;
	json_t *pcrs;

	if (banks && !json_is_object(banks))
		return att_fail(err, ATT_E_FORMAT, "\"pcrs\" is not an object");
	json_object_foreach((json_t *)banks, key, pcrs) {
		const struct att_alg *bank = att_alg_by_name(key);

		if (!bank || bank->size < 32 || !json_is_object(pcrs))
			return att_fail(err, ATT_E_FORMAT, "\"pcrs\": \"%.20s\" is not a bank",
					key);
		if (parse_ref_bank(bank, pcrs, p, err))
			return -1;
	}
	return 0;
}

static int parse_text(const json_t *obj, const char *name, char to[33], struct att_error *err)
{
	const char *text;

	if (att_json_string(obj, name, true, &text, err))
		return -1;
	if (strlen(text) > 32)
		return att_fail(err, ATT_E_FORMAT, "\"%s\" is longer than 32 bytes", name);
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

/* A build id is shorter than its field, which is filled up with zeros. */
static int parse_build_id(const json_t *obj, uint8_t to[32], struct att_error *err)
{
	const char *text;

	if (att_json_string(obj, "build_id", true, &text, err))
		return -1;
	if (att_unhex(text, to, 32) <= 0)
		return att_fail(err, ATT_E_FORMAT,
				"\"build_id\" is not 2 to 64 hexadecimal digits");
	return 0;
}

static int parse_ref_l0(const json_t *ref, struct att_policy *p, struct att_error *err)
{
	const json_t *list = json_object_get(ref, "l0");
	size_t i;

	if (list && !json_is_array(list))
		return att_fail(err, ATT_E_FORMAT, "\"l0\" is not a list");
	for (i = 0; list && i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct att_ref_l0 *l0 = more((void **)&p->l0, &p->l0s, sizeof(*l0), "\"l0\"", err);

		if (!l0 || att_json_only(o, l0_members, "\"l0\"", err) ||
		    parse_text(o, "version", l0->version, err) ||
		    parse_build_id(o, l0->build_id, err) ||
		    parse_text(o, "srcversion", l0->srcversion, err))
			return -1;
	}
	return 0;
}

static int parse_levels(const json_t *obj, uint32_t *levels, struct att_error *err)
{
	const json_t *list = json_object_get(obj, "levels");
	size_t i;

	*levels = 0;
	for (i = 0; json_is_array(list) && i < json_array_size(list); i++) {
		json_int_t n = json_integer_value(json_array_get(list, i));

		if (n != 1 && n != 2)
			return att_fail(err, ATT_E_FORMAT, "\"levels\": there are 1 and 2");
		*levels |= 1u << n;
	}
	return *levels ? 0 : att_fail(err, ATT_E_FORMAT, "\"levels\" is not a list of levels");
}

static int parse_ref_launch(const json_t *ref, struct att_policy *p, struct att_error *err)
{
	const json_t *list = json_object_get(ref, "launch");
	uint64_t policy, vcpus;
	size_t i;

	if (list && !json_is_array(list))
		return att_fail(err, ATT_E_FORMAT, "\"launch\" is not a list");
	for (i = 0; list && i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct att_ref_launch *l =
			more((void **)&p->launch, &p->launches, sizeof(*l), "\"launch\"", err);

		if (!l || att_json_only(o, launch_members, "\"launch\"", err) ||
		    att_json_hex(o, "digest", l->digest, sizeof(l->digest), err) ||
		    att_json_uint(o, "policy", UINT32_MAX, &policy, err) ||
		    att_json_uint(o, "vcpus", UINT32_MAX, &vcpus, err) ||
		    parse_levels(o, &l->levels, err))
			return -1;
		l->policy = (uint32_t)policy;
		l->vcpus = (uint32_t)vcpus;
	}
	return 0;
}

static int parse_reference(const json_t *ref, struct att_policy *p, struct att_error *err)
{
	const char *type;

	if (att_json_only(ref, reference_members, "reference values", err) ||
	    att_json_version(ref, "reference values", err) ||
	    att_json_string(ref, "type", true, &type, err))
		return -1;
	if (strcmp(type, "hypergpu-reference-values"))
		return att_fail(err, ATT_E_FORMAT, "\"type\" is not \"hypergpu-reference-values\"");
	return parse_ref_pcrs(ref, p, err) || parse_ref_l0(ref, p, err) ||
			       parse_ref_launch(ref, p, err) ||
			       att_boot_parse(ref, &p->boot, &p->boots, err)
		       ? -1
		       : 0;
}

/* Events are worth what the quote says of them, by the log's replay. */
static int check_boot_events(const struct att_policy *p, struct att_error *err)
{
	if (p->boot_events && !p->boot_log)
		return att_fail(err, ATT_E_REFUSED,
				"\"boot_events\" needs the firmware's log: \"require_boot_log\"");
	if (p->boot_events & p->os_pcrs)
		return att_fail(
			err, ATT_E_REFUSED,
			"\"boot_events\" and \"os_pcrs\" name the same PCR, of which the log does not tell all");
	return 0;
}

/* Rules under which nothing of the boot would be looked at are for development only. */
static int check_rules(const json_t *top, struct att_policy *p, struct att_error *err)
{
	if (!json_object_get(top, "pcrs") && !json_object_get(top, "boot_events"))
		return att_fail(err, ATT_E_FORMAT,
				"\"pcrs\" is missing: which boot PCRs are to be appraised?");
	if (!p->pcrs && !p->boot_events && !p->development)
		return att_fail(
			err, ATT_E_REFUSED,
			"\"pcrs\" is empty: L0 measures itself, which proves nothing without what loaded it");
	if ((p->pcrs | p->boot_events) & 1u << ATT_L0_PCR)
		return att_fail(
			err, ATT_E_REFUSED,
			"\"%s\" names PCR 13: it holds a random key, so it has no reference value",
			p->pcrs & 1u << ATT_L0_PCR ? "pcrs" : "boot_events");
	return check_boot_events(p, err);
}

static int parse_policy(const json_t *top, struct att_policy *p, struct att_error *err)
{
	const json_t *ref = json_object_get(top, "reference_values");
	const char *type;

	p->cvm = p->boot_log = true;
	p->os_pcrs = 1u << 10 | 1u << 11 | 1u << 12 | 1u << 15 | 1u << 16 | 1u << 23;
	if (att_json_only(top, policy_members, "policy", err) ||
	    att_json_version(top, "policy", err) ||
	    att_json_string(top, "type", true, &type, err) || parse_text(top, "id", p->id, err) ||
	    att_json_bool(top, "development", &p->development, err) ||
	    att_json_bool(top, "require_cvm", &p->cvm, err) ||
	    att_json_bool(top, "require_boot_log", &p->boot_log, err) || parse_banks(top, p, err) ||
	    parse_pcr_set(top, "pcrs", &p->pcrs, err) ||
	    parse_pcr_set(top, "boot_events", &p->boot_events, err) ||
	    parse_pcr_set(top, "os_pcrs", &p->os_pcrs, err) || parse_aks(top, p, err))
		return -1;
	if (strcmp(type, "hypergpu-policy"))
		return att_fail(err, ATT_E_FORMAT, "\"type\" is not \"hypergpu-policy\"");
	return check_rules(top, p, err) || (ref && parse_reference(ref, p, err)) ? -1 : 0;
}

struct att_policy *att_policy_parse(const char *text, size_t size, struct att_error *err)
{
	json_t *top = att_json_parse(text, size, POLICY_MAX, err);
	struct att_policy *p;

	if (!top)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p) {
		att_no_memory(err);
	} else if (att_sha256(text, size, p->digest)) {
		att_fail_crypto(err, "SHA-256");
	} else if (!parse_policy(top, p, err)) {
		json_decref(top);
		return p;
	}
	att_policy_free(p);
	json_decref(top);
	return NULL;
}

int att_policy_add_reference(struct att_policy *policy, const char *text, size_t size,
			     struct att_error *err)
{
	size_t refs = policy->refs, l0s = policy->l0s, launches = policy->launches;
	size_t boots = policy->boots;
	json_t *top = att_json_parse(text, size, POLICY_MAX, err);
	int ret;

	if (!top)
		return -1;
	ret = parse_reference(top, policy, err);
	json_decref(top);
	if (ret) {
		policy->refs = refs;
		policy->l0s = l0s;
		policy->launches = launches;
		att_boot_drop(policy->boot, &policy->boots, boots);
	}
	return ret;
}

int att_policy_add_enrolled(struct att_policy *policy, const char *text, size_t size,
			    struct att_error *err)
{
	static const char *const members[] = { "version",  "type",
					       "ak_name",  "ek_certificate_sha256",
					       "enrolled", NULL };
	json_t *top = att_json_parse(text, size, 65536, err);
	struct att_trusted_ak ak = { .has_ek = true }, *slot;
	const char *type = "", *name = "";
	int bad, n = -1;

	if (!top)
		return -1;
	bad = att_json_only(top, members, "enrolment record", err) ||
	      att_json_version(top, "enrolment record", err) ||
	      att_json_string(top, "type", true, &type, err) ||
	      att_json_string(top, "ak_name", true, &name, err) ||
	      att_json_hex(top, "ek_certificate_sha256", ak.ek, sizeof(ak.ek), err);
	if (!bad) {
		n = att_unhex(name, ak.name, sizeof(ak.name));
		if (strcmp(type, "hypergpu-enrolment") || n < 34)
			bad = att_fail(err, ATT_E_FORMAT, "not an enrolment record");
	}
	json_decref(top);
	if (bad)
		return -1;
	ak.size = (size_t)n;
	slot = more((void **)&policy->ak, &policy->aks, sizeof(ak), "attestation keys", err);
	if (!slot)
		return -1;
	*slot = ak;
	return 0;
}

void att_policy_free(struct att_policy *policy)
{
	if (!policy)
		return;
	free(policy->ak);
	free(policy->pcr);
	free(policy->l0);
	free(policy->launch);
	att_boot_drop(policy->boot, &policy->boots, 0);
	free(policy->boot);
	free(policy);
}
