/* SPDX-License-Identifier: Apache-2.0 */
/* Hash algorithms by the TPM's numbers. */
#ifndef ATT_ALG_H
#define ATT_ALG_H

#include <stddef.h>
#include <stdint.h>

#define ATT_HASH_MAX 64u

struct att_alg {
	uint16_t id; /* TPM2_ALG_ID */
	uint16_t size;
	const char *name; /* as tpm2-tools and the policy spell it */
	const char *evp; /* OpenSSL's name */
};

/* NULL when there is no such algorithm here. */
const struct att_alg *att_alg_by_id(uint16_t id);
const struct att_alg *att_alg_by_name(const char *name);

/* out = H(a || b); either may be empty. 0, or -1 if OpenSSL has no such hash. */
int att_hash2(const struct att_alg *alg, const void *a, size_t a_size, const void *b, size_t b_size,
	      uint8_t *out);
static inline int att_hash(const struct att_alg *alg, const void *a, size_t size, uint8_t *out)
{
	return att_hash2(alg, a, size, NULL, 0, out);
}

int att_sha256(const void *a, size_t size, uint8_t out[32]);

#endif
