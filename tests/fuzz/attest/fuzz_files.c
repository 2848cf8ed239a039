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
	assert(!att_cert_check(b, &roots, 0, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct att_bytes b;

	if (!size)
		return 0;
	b.size = size - 1;
	b.data = malloc(size);
	memcpy(b.data, data + 1, size - 1);
	if (data[0] % 3 == 0)
		fuzz_jwe(&b);
	else if (data[0] % 3 == 1)
		fuzz_enrol(&b);
	else
		fuzz_der(&b);
	free(b.data);
	return 0;
}
