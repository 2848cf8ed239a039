// SPDX-License-Identifier: Apache-2.0
/* TPMS_ATTEST, TPMT_SIGNATURE and TPMT_PUBLIC. The first byte chooses. */
#include "bytes.h"
#include "fuzz.h"
#include "key.h"
#include "quote.h"
#include "tpmkey.h"

static void fuzz_attest(const struct att_bytes *b)
{
	struct att_error err = { 0 };
	struct att_quote q;

	if (att_quote_parse(b, &q, &err)) {
		assert(err.code && *err.text);
		return;
	}
	assert(q.bank && !(q.pcrs >> 24) && q.extra_size <= sizeof(q.extra));
}

static void fuzz_signature(const struct att_bytes *b)
{
	static EVP_PKEY *key, *sm2;
	const struct att_bytes message = { (uint8_t *)"message", 7 };
	const struct att_alg *hash;
	struct att_error err = { 0 };

	if (!key)
		key = att_key_new("P-256", &err);
	if (!sm2)
		sm2 = att_key_new("SM2", &err);
	assert(att_quote_verify(&message, b, key, &hash, &err) && err.code && *err.text);
	assert(att_quote_verify(&message, b, sm2, &hash, &err) && err.code && *err.text);
}

static void fuzz_public(const struct att_bytes *b)
{
	struct att_error err = { 0 };
	uint8_t name[ATT_NAME_MAX];
	TPMT_PUBLIC pub;
	size_t size;

	if (att_tpm_public_parse(b, &pub, &err))
		return;
	att_tpm_not_ak(&pub);
	att_tpm_name(b, &pub, name, &size, &err);
	EVP_PKEY_free(att_tpm_pkey(&pub, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static fuzz_case *const cases[FUZZ_CASES] = { fuzz_attest, fuzz_signature, fuzz_public };

	return fuzz_one(cases, data, size);
}
