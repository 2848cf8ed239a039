// SPDX-License-Identifier: Apache-2.0
/* Reference values from and to CoRIM, by way of our JSON, which has all the checks. */
#include <stdlib.h>

#include "bytes.h"
#include "corim.h"
#include "error.h"
#include "json.h"
#include "policy.h"

/* The first byte of COSE_Sign1's tag. JSON begins with no such byte, nor does tag 501. */
#define SIGNED 0xd2u

bool att_is_corim(const void *data, size_t size)
{
	const uint8_t *p = data;

	return size && (*p == SIGNED || *p == 0xd9);
}

static int add(struct att_policy *policy, const uint8_t *corim, size_t size, struct att_error *err)
{
	json_t *top = att_corim_read(corim, size, err);
	char *text;
	int ret;

	if (!top)
		return -1;
	text = att_json_text(top);
	if (!text)
		return att_no_memory(err);
	ret = att_policy_add_reference(policy, text, strlen(text), err);
	free(text);
	return ret ? att_prefix(err, "CoRIM") : 0;
}

int att_policy_add_corim(struct att_policy *policy, const void *data, size_t size,
			 const struct att_bytes *key_pem, struct att_error *err)
{
	const uint8_t *payload = data;
	size_t payload_size = size;

	if (!key_pem && size && *payload == SIGNED)
		return att_fail(err, ATT_E_REFUSED,
				"a signed CoRIM, but there is no key to check it with");
	if (key_pem && (!size || *payload != SIGNED))
		return att_fail(err, ATT_E_REFUSED,
				"not a signed CoRIM: with a key for them nothing else is taken");
	if (key_pem && att_corim_open(data, size, key_pem, &payload, &payload_size, err))
		return -1;
	return add(policy, payload, payload_size, err);
}

/* What CoRIM has no place for must not get lost. */
static int check_members(const char *text, size_t size, struct att_error *err)
{
	static const char *const members[] = { "version", "type", "pcrs", "l0", "launch", NULL };
	json_t *top = att_json_parse(text, size, ATT_CORIM_MAX, err);
	int ret = top ? att_json_only(top, members, "CoRIM", err) : -1;

	json_decref(top);
	return ret;
}

int att_reference_to_corim(const char *text, size_t size, const struct att_bytes *key_pem,
			   const char *signer, struct att_bytes *corim, struct att_error *err)
{
	struct att_policy *values = calloc(1, sizeof(*values));
	struct att_bytes plain = { 0 };
	int ret = -1;

	memset(corim, 0, sizeof(*corim));
	if (!values)
		return att_no_memory(err);
	if (!check_members(text, size, err) && !att_policy_add_reference(values, text, size, err))
		ret = att_corim_write(values, &plain, err);
	att_policy_free(values);
	if (!ret && key_pem) {
		ret = att_corim_sign(&plain, key_pem, signer, corim, err);
		att_bytes_free(&plain);
	} else if (!ret) {
		*corim = plain;
	}
	return ret;
}
