// SPDX-License-Identifier: Apache-2.0
/* The result as an EAT Attestation Result (EAR) in a JSON Web Token. */
#include <jansson.h>
#include <stdlib.h>

#include "bytes.h"
#include "ear.h"
#include "error.h"
#include "key.h"
#include "result.h"

#define PROFILE "tag:github.com,2023:veraison/ear"
#define BUILD	"hgverify " ATT_VERSION

static const char *const element_name[ATT_ELEMENTS] = {
	[ATT_INSTANCE] = "instance-identity",
	[ATT_EXECUTABLES] = "executables",
	[ATT_CONFIGURATION] = "configuration",
};

static void set_hex(json_t *obj, const char *name, const uint8_t *data, size_t size)
{
	char text[2 * 128 + 1];

	att_hex(data, size < 128 ? size : 128, text);
	json_object_set_new(obj, name, json_string(text));
}

static json_t *vector(const struct att_result *res)
{
	json_t *v = json_object();
	int i, value;

	for (i = 0; i < ATT_ELEMENTS; i++) {
		value = att_result_element(res, (enum att_element)i);
		if (value)
			json_object_set_new(v, element_name[i], json_integer(value));
	}
	return v;
}

/* What HyperGPU says beyond EAR; only of evidence that passed. */
static json_t *details(const struct att_result *res)
{
	const struct att_report *rep = &res->report;
	json_t *d = json_object();

	set_hex(d, "ak_name", res->evidence_ak, res->evidence_ak_size);
	json_object_set_new(d, "development", json_boolean(res->development));
	if (!res->has_report)
		return d;
	set_hex(d, "launch_digest", rep->launch_digest, sizeof(rep->launch_digest));
	set_hex(d, "boot_id", rep->boot_id, sizeof(rep->boot_id));
	json_object_set_new(d, "cvm_id", json_integer((json_int_t)rep->cvm_id));
	json_object_set_new(d, "launch_policy", json_integer(rep->policy));
	json_object_set_new(d, "vcpus", json_integer(rep->vcpus));
	json_object_set_new(d, "level", json_integer(rep->level));
	json_object_set_new(d, "l0_version", json_string(rep->l0_version));
	return d;
}

static json_t *first_failures(const struct att_result *res)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < res->count; i++)
		if (res->claim[i].claim.status == ATT_FAIL)
			json_array_append_new(list, json_string(res->claim[i].claim.name));
	return list;
}

static json_t *submodule(const struct att_result *res)
{
	bool passed = !att_result_verdict(res);
	json_t *sub = json_object();
	char policy[128];

	snprintf(policy, sizeof(policy), "%s#sha256:", res->policy_id);
	att_hex(res->policy_digest, sizeof(res->policy_digest), policy + strlen(policy));
	json_object_set_new(sub, "ear.status",
			    json_string(!passed		   ? "contraindicated"
					: res->development ? "warning"
							   : "affirming"));
	json_object_set_new(sub, "ear.trustworthiness-vector", vector(res));
	json_object_set_new(sub, "ear.appraisal-policy-id", json_string(policy));
	if (passed)
		json_object_set_new(sub, "hypergpu.claims", details(res));
	else
		json_object_set_new(sub, "hypergpu.failed", first_failures(res));
	return sub;
}

static json_t *payload(const struct att_result *res)
{
	char *nonce = att_base64url(res->nonce, res->nonce_size);
	json_t *p = json_object(), *subs = json_object();

	json_object_set_new(p, "eat_profile", json_string(PROFILE));
	json_object_set_new(p, "iat", json_integer(res->now));
	json_object_set_new(p, "eat_nonce", json_string(nonce ? nonce : ""));
	json_object_set_new(p, "ear.verifier-id",
			    json_pack("{s:s, s:s}", "developer", "HyperGPU", "build", BUILD));
	json_object_set_new(subs, "cpu0", submodule(res));
	json_object_set_new(p, "submods", subs);
	free(nonce);
	return p;
}

/* Takes @obj. -> base64url of its compact text, or NULL. */
static char *part(json_t *obj)
{
	char *text = json_dumps(obj, JSON_COMPACT), *b64;

	json_decref(obj);
	b64 = text ? att_base64url((uint8_t *)text, strlen(text)) : NULL;
	free(text);
	return b64;
}

static char *sign(EVP_PKEY *key, const char *curve, char *input, struct att_error *err)
{
	bool p384 = !strcmp(curve, "P-384");
	size_t size = p384 ? 96 : 64;
	char *token = NULL, *b64;
	uint8_t sig[96];

	if (att_ecdsa_sign(key, p384 ? "SHA384" : "SHA256", (uint8_t *)input, strlen(input), sig,
			   size, err))
		return NULL;
	b64 = att_base64url(sig, size);
	if (!b64 || asprintf(&token, "%s.%s", input, b64) < 0) {
		token = NULL;
		att_no_memory(err);
	}
	free(b64);
	return token;
}

char *att_result_ear_with(const struct att_result *res, EVP_PKEY *key, struct att_error *err)
{
	const char *curve = att_key_curve(key);
	char *head, *body, *input = NULL, *token = NULL;

	if (!curve) {
		att_fail(err, ATT_E_UNSUPPORTED, "a signing key of P-256 or P-384 is needed");
		return NULL;
	}
	head = part(json_pack("{s:s, s:s}", "alg", strcmp(curve, "P-384") ? "ES256" : "ES384",
			      "typ", "JWT"));
	body = part(payload(res));
	if (!head || !body || asprintf(&input, "%s.%s", head, body) < 0) {
		input = NULL;
		att_no_memory(err);
	} else {
		token = sign(key, curve, input, err);
	}
	free(input);
	free(head);
	free(body);
	return token;
}

char *att_result_ear(const struct att_result *res, const char *pem, size_t pem_size,
		     struct att_error *err)
{
	EVP_PKEY *key = att_key_from_pem(pem, pem_size, false, err);
	char *token = key ? att_result_ear_with(res, key, err) : NULL;

	EVP_PKEY_free(key);
	return token;
}
