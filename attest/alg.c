// SPDX-License-Identifier: Apache-2.0
#include "alg.h"

#include <openssl/evp.h>
#include <string.h>

#include "bytes.h"

/* clang-format off */
static const struct att_alg algs[] = {
	{ 0x0004, 20, "sha1", "SHA1" },
	{ 0x000b, 32, "sha256", "SHA256" },
	{ 0x000c, 48, "sha384", "SHA384" },
	{ 0x000d, 64, "sha512", "SHA512" },
	{ 0x0012, 32, "sm3_256", "SM3" },
};
/* clang-format on */

const struct att_alg *att_alg_by_id(uint16_t id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algs); i++)
		if (algs[i].id == id)
			return &algs[i];
	return NULL;
}

const struct att_alg *att_alg_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algs); i++)
		if (!strcmp(algs[i].name, name))
			return &algs[i];
	return NULL;
}

int att_hash2(const struct att_alg *alg, const void *a, size_t a_size, const void *b, size_t b_size,
	      uint8_t *out)
{
	EVP_MD *md = EVP_MD_fetch(NULL, alg->evp, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned int size = 0;
	int ok;

	ok = md && ctx && EVP_DigestInit_ex2(ctx, md, NULL) &&
	     (!a_size || EVP_DigestUpdate(ctx, a, a_size)) &&
	     (!b_size || EVP_DigestUpdate(ctx, b, b_size)) && EVP_MD_get_size(md) == alg->size &&
	     EVP_DigestFinal_ex(ctx, out, &size);
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok && size == alg->size ? 0 : -1;
}

int att_sha256(const void *a, size_t size, uint8_t out[32])
{
	return att_hash(&algs[1], a, size, out);
}
