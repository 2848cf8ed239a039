// SPDX-License-Identifier: Apache-2.0
/* Reference values as CoRIM, signed ones, and our JSON on its way there. The first byte chooses. */
#include "bytes.h"
#include "corim.h"
#include "fuzz.h"
#include "json.h"
#include "policy.h"

/* What is read can be written, and what is written is read as the same. */
static void again(const char *text, size_t size)
{
	struct att_policy *p = calloc(1, sizeof(*p));
	struct att_bytes corim = { 0 };
	struct att_error err = { 0 };

	if (att_reference_to_corim(text, size, NULL, NULL, &corim, &err)) {
		assert(!corim.data && err.code && *err.text);
	} else {
		assert(!att_policy_add_corim(p, corim.data, corim.size, NULL, &err));
		assert(p->refs + p->l0s + p->launches);
	}
	att_bytes_free(&corim);
	att_policy_free(p);
}

static void fuzz_unsigned(const struct att_bytes *b)
{
	struct att_policy *p = calloc(1, sizeof(*p));
	struct att_error err = { 0 };
	json_t *top = att_corim_read(b->data, b->size, &err);
	char *text;

	if (!top) {
		assert(err.code && *err.text);
		assert(att_policy_add_corim(p, b->data, b->size, NULL, &err));
		assert(!p->refs && !p->l0s && !p->launches);
	} else {
		text = att_json_text(top);
		again(text, strlen(text));
		free(text);
	}
	att_policy_free(p);
}

static void fuzz_signed(const struct att_bytes *b)
{
	static struct att_bytes private, public;
	const uint8_t *payload = NULL;
	struct att_error err = { 0 };
	size_t size;

	if (!private.data)
		assert(!att_cvm_key(&private, &err) && !att_cvm_public(&private, &public, &err));
	assert(att_corim_open(b->data, b->size, &public, &payload, &size, &err));
	assert(!payload && err.code && *err.text);
}

static void fuzz_json(const struct att_bytes *b)
{
	again((const char *)b->data, b->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fuzz_case *const cases[FUZZ_CASES] = { fuzz_unsigned, fuzz_signed, fuzz_json };

	return fuzz_one(cases, data, size);
}
