// SPDX-License-Identifier: Apache-2.0
/*
 * What else comes from afar: enrolment requests and answers, certificates, keys
 * in DER, released secrets. The first byte chooses.
 */
#include "bytes.h"
#include "cert.h"
#include "fuzz.h"
#include "key.h"

static void fuzz_jwe(const struct att_bytes *b)
{
	static struct att_bytes pem;
	struct att_bytes secret = { 0 };
	struct att_error err = { 0 };

	if (!pem.data)
		att_cvm_key(&pem, &err);
	assert(att_open((char *)b->data, b->size, (char *)pem.data, pem.size, NULL, 0, &secret,
			&err));
	assert(!secret.data && err.code && *err.text);
}

static void fuzz_enrol(const struct att_bytes *b)
{
	struct att_bytes roots = { (uint8_t *)"", 0 }, challenge = { 0 }, state = { 0 };
	struct att_error err = { 0 };

	assert(att_enrol_challenge(b, &roots, 0, &challenge, &state, &err));
	assert(!challenge.data && !state.data && err.code && *err.text);
	assert(att_enrol_finish(b, b, 0, &challenge, &err));
	assert(!challenge.data);
}

static void fuzz_der(const struct att_bytes *b)
{
	struct att_bytes roots = { (uint8_t *)"", 0 };
	struct att_error err = { 0 };

	EVP_PKEY_free(att_key_from_spki(b->data, b->size, &err));
	assert(!att_cert_check(b, &roots, NULL, 0, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fuzz_case *const cases[FUZZ_CASES] = { fuzz_jwe, fuzz_enrol, fuzz_der };

	return fuzz_one(cases, data, size);
}
