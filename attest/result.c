// SPDX-License-Identifier: Apache-2.0
#include "result.h"

#include <stdlib.h>

#include "bytes.h"
#include "json.h"

static const char *const status_name[] = {
	[ATT_PASS] = "pass",
	[ATT_FAIL] = "fail",
	[ATT_UNCHECKED] = "unchecked",
	[ATT_WARN] = "warn",
};

struct att_result *att_result_new(void)
{
	return calloc(1, sizeof(struct att_result));
}

void att_result_free(struct att_result *res)
{
	size_t i;

	if (!res)
		return;
	for (i = 0; i < res->count; i++) {
		free((char *)res->claim[i].claim.name);
		free((char *)res->claim[i].claim.expected);
		free((char *)res->claim[i].claim.found);
		free((char *)res->claim[i].claim.cause);
	}
	free(res->claim);
	att_bytes_free(&res->cvm_key);
	free(res);
}

static char *claim_name(const struct att_claim_kind *kind, int pcr)
{
	char name[64];

	snprintf(name, sizeof(name), pcr < 0 ? "%s" : "%s %d", kind->name, pcr);
	return strdup(name);
}

void att_result_add(struct att_result *res, const struct att_claim_kind *kind, int pcr,
		    enum att_status status, const char *expected, const char *found,
		    const char *cause)
{
	struct att_result_claim *grown = realloc(res->claim, (res->count + 1) * sizeof(*grown));
	struct att_claim *c;

	if (!grown) {
		res->failed_memory = true;
		return;
	}
	res->claim = grown;
	grown += res->count++;
	grown->kind = kind;
	c = &grown->claim;
	c->status = status;
	c->name = claim_name(kind, pcr);
	c->expected = strdup(expected);
	c->found = strdup(found);
	c->cause = strdup(cause);
	if (!c->name || !c->expected || !c->found || !c->cause)
		res->failed_memory = true;
}

enum att_verdict att_result_verdict(const struct att_result *res)
{
	size_t i;

	for (i = 0; i < res->count; i++)
		if (res->claim[i].claim.status == ATT_FAIL)
			return res->claim[i].kind->verdict;
	/* Nothing failed: but did everything pass that there is to pass? */
	if (!res->complete || res->failed_memory || !res->count)
		return ATT_V_FORMAT;
	for (i = 0; i < res->count; i++)
		if (res->claim[i].claim.status == ATT_UNCHECKED)
			return ATT_V_FORMAT;
	return ATT_V_PASS;
}

size_t att_result_count(const struct att_result *res)
{
	return res->failed_memory ? 0 : res->count;
}

const struct att_claim *att_result_claim(const struct att_result *res, size_t index)
{
	return index < att_result_count(res) ? &res->claim[index].claim : NULL;
}

int att_result_element(const struct att_result *res, enum att_element element)
{
	int value = 0;
	size_t i;

	for (i = 0; i < res->count; i++) {
		const struct att_result_claim *c = &res->claim[i];

		if (c->kind->element != element || value == 99)
			continue;
		if (c->claim.status == ATT_FAIL)
			value = c->kind->crypto ? 99 : element == ATT_INSTANCE ? 97 : 96;
		else if (c->claim.status == ATT_PASS && !value)
			value = 2;
	}
	/* What was not looked at to its end, or by lax rules only, is not affirmed. */
	if (value == 2 &&
	    (att_result_verdict(res) || (res->development && element == ATT_INSTANCE)))
		return 0;
	return value;
}

/* Long values in a table are cut; JSON has them whole. */
static void cell(FILE *to, const char *label, const char *text)
{
	fprintf(to, "           %-9s %s\n", label, *text ? text : "-");
}

void att_result_table(const struct att_result *res, FILE *to)
{
	enum att_verdict verdict = att_result_verdict(res);
	size_t i;

	for (i = 0; i < att_result_count(res); i++) {
		const struct att_claim *c = &res->claim[i].claim;

		fprintf(to, "%-9s  %-18s %s\n", status_name[c->status], c->name,
			c->status == ATT_PASS || c->status == ATT_WARN ? c->found : "");
		if (c->status == ATT_FAIL) {
			cell(to, "expected", c->expected);
			cell(to, "found", c->found);
		}
		if (*c->cause)
			cell(to, c->status == ATT_WARN ? "note" : "cause", c->cause);
	}
	if (verdict)
		fprintf(to, "\nREFUSED (%d): nothing may be released to this machine.\n", verdict);
	else
		fprintf(to, "\n%s\n",
			res->development
				? "PASSED, for development only: this says nothing about the machine."
				: "PASSED");
}

static json_t *claim_list(const struct att_result *res)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < att_result_count(res); i++) {
		const struct att_claim *c = &res->claim[i].claim;

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s, s:s}", "claim", c->name,
						"status", status_name[c->status], "expected",
						c->expected, "found", c->found, "cause", c->cause));
	}
	return list;
}

json_t *att_result_object(const struct att_result *res)
{
	enum att_verdict verdict = att_result_verdict(res);

	return json_pack("{s:i, s:b, s:i, s:b, s:s, s:o}", "version", 1, "passed", !verdict,
			 "verdict", verdict, "development", res->development, "policy",
			 res->policy_id, "claims", claim_list(res));
}

char *att_result_json(const struct att_result *res)
{
	return att_json_text(att_result_object(res));
}
