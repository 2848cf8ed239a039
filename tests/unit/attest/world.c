// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <assert.h>
#include <stdlib.h>

#include "check.h"
#include "tpmkey.h"

static const char secret[] = "a model's key";

/* Members of "reference_values"' "pcrs", for one bank. */
static void put_pcrs(const struct machine *m, unsigned int bank, size_t size, FILE *to)
{
	char text[2 * ATT_HASH_MAX + 1];
	uint32_t i;
	bool first = true;

	for (i = 0; i < ATT_PCRS; i++) {
		if (!(WORLD_PCRS >> i & 1))
			continue;
		att_hex(m->pcr[bank][i], size, text);
		fprintf(to, "%s\"%u\": [\"%s\"]", first ? "" : ", ", i, text);
		first = false;
	}
}

char *world_policy_text(const struct machine *m, const char *extra)
{
	char name_text[2 * ATT_NAME_MAX + 1], build_id[65], digest[65], *text = NULL;
	struct att_error err = { 0 };
	uint8_t name[ATT_NAME_MAX];
	TPMT_PUBLIC pub;
	size_t size = 0, name_size;
	FILE *to = open_memstream(&text, &size);

	assert(to && !att_tpm_public_parse(&m->ak_public, &pub, &err));
	assert(!att_tpm_name(&m->ak_public, &pub, name, &name_size, &err));
	att_hex(name, name_size, name_text);
	att_hex(m->build_id, 20, build_id);
	att_hex(m->launch_digest, 32, digest);
	fprintf(to, "{ \"version\": 1, \"type\": \"hypergpu-policy\", \"id\": \"test\", %s\n",
		extra);
	fprintf(to, "\"pcrs\": [0, 2, 4, 7, 8, 9], \"trusted_aks\": [\"%s\"],\n", name_text);
	fprintf(to,
		"\"reference_values\": { \"version\": 1, "
		"\"type\": \"hypergpu-reference-values\",\n");
	fprintf(to, "\"pcrs\": { \"sha256\": { ");
	put_pcrs(m, 1, 32, to);
	fprintf(to, " },\n\"sha384\": { ");
	put_pcrs(m, 2, 48, to);
	fprintf(to, " },\n\"sm3_256\": { ");
	put_pcrs(m, 3, 32, to);
	fprintf(to,
		" } },\n\"l0\": [ { \"version\": \"%s\", \"build_id\": \"%s\", "
		"\"srcversion\": \"%s\" } ],\n",
		L0_VERSION, build_id, L0_SRCVERSION);
	fprintf(to,
		"\"launch\": [ { \"digest\": \"%s\", \"policy\": 1, "
		"\"vcpus\": 2, \"levels\": [1] } ] } }\n",
		digest);
	fclose(to);
	return text;
}

struct world *world_new(uint32_t sig_alg)
{
	struct world *w = calloc(1, sizeof(*w));
	struct att_error err = { 0 };
	char *text;

	assert(w);
	machine_boot(&w->a, "machine a, boot 1", sig_alg);
	machine_boot(&w->b, "machine b, boot 1", sig_alg);
	assert(!att_cvm_key(&w->key, &err) && !att_cvm_key(&w->other_key, &err));
	memset(w->nonce, 0x11, sizeof(w->nonce));
	memset(w->other_nonce, 0x22, sizeof(w->other_nonce));
	text = world_policy_text(
		&w->a, sig_alg == ATT_SIG_SM2 ? "\"banks\": [\"sm3_256\"]," : "");
	w->policy = att_policy_parse(text, strlen(text), &err);
	if (!w->policy)
		fail_msg("policy: %s", err.text);
	free(text);
	return w;
}

void world_free(struct world *w)
{
	machine_free(&w->a);
	machine_free(&w->b);
	att_bytes_free(&w->key);
	att_bytes_free(&w->other_key);
	att_policy_free(w->policy);
	free(w);
}

struct att_evidence *world_evidence(const struct world *w)
{
	return machine_evidence(&w->a, w->nonce, sizeof(w->nonce), &w->key);
}

static struct att_result *appraise(const struct world *w, const struct att_evidence *ev)
{
	struct att_error err = { 0 };
	struct att_result *res =
		att_appraise(ev, w->policy, w->nonce, sizeof(w->nonce), 1000, &err);

	if (!res)
		fail_msg("no result: %s", err.text);
	return res;
}

void must_pass(const struct world *w, const struct att_evidence *ev)
{
	struct att_result *res = appraise(w, ev);
	struct att_bytes got = { 0 };
	struct att_error err = { 0 };
	char *jwe;

	if (att_result_verdict(res))
		att_result_table(res, stderr);
	assert_int_equal(att_result_verdict(res), ATT_V_PASS);
	jwe = att_release(res, (const uint8_t *)secret, sizeof(secret), &err);
	assert_non_null(jwe);
	assert_int_equal(att_open(jwe, strlen(jwe), (char *)w->key.data, w->key.size, w->nonce,
				  sizeof(w->nonce), &got, &err),
			 0);
	assert_int_equal(got.size, sizeof(secret));
	assert_memory_equal(got.data, secret, sizeof(secret));
	att_bytes_free(&got);
	free(jwe);
	att_result_free(res);
}

static const struct att_claim *first_failure(const struct att_result *res, const char *name)
{
	size_t i;

	for (i = 0; i < att_result_count(res); i++) {
		const struct att_claim *c = att_result_claim(res, i);

		if (c->status == ATT_FAIL && (!name || !strcmp(c->name, name)))
			return c;
	}
	return NULL;
}

void must_fail(const struct world *w, const struct att_evidence *ev, enum att_verdict verdict,
	       const char *claim)
{
	struct att_result *res = appraise(w, ev);
	const struct att_claim *c = first_failure(res, claim);
	struct att_error err = { 0 };

	if (att_result_verdict(res) != verdict || !c)
		att_result_table(res, stderr);
	assert_int_equal(att_result_verdict(res), verdict);
	assert_non_null(c);
	/* It says what it wanted, what it found, and why that may be. */
	assert_true(*c->expected && *c->found && *c->cause);
	assert_null(att_release(res, (const uint8_t *)secret, sizeof(secret), &err));
	assert_int_equal(err.code, ATT_E_REFUSED);
	att_result_free(res);
}
