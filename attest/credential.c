// SPDX-License-Identifier: Apache-2.0
/* TPM 2.0 Library, Part 1, "Credential Protection", and how ECC and RSA keys share a seed. */
#include "credential.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "alg.h"
#include "bytes.h"
#include "error.h"
#include "key.h"
#include "tpmkey.h"

#define SEED_MAX 48u /* as long as the hash of the endorsement key's name */
#define AES_MAX	 32u
#define ENC_MAX	 384u

/* What the endorsement key's public area asks for. */
struct method {
	const struct att_alg *hash;
	size_t key; /* of AES, in bytes */
	const char *cipher;
};

/* KDFa: SP 800-108 in counter mode. */
static int kdfa(const struct method *m, const uint8_t *seed, const char *label,
		const uint8_t *context, size_t context_size, uint8_t *out, size_t size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"counter", 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char *)"HMAC", 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)m->hash->evp, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)seed, m->hash->size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)label,
						  strlen(label)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)context,
						  context_size),
		OSSL_PARAM_construct_end(),
	};
	int ok;

	if (!context_size)
		params[5] = OSSL_PARAM_construct_end();
	ok = ctx && EVP_KDF_derive(ctx, out, size, params) > 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

/*
 * KDFe: SP 800-56A's, for as many bits as one digest has. @z: the x coordinate that was agreed on;
 * @u, @v: those of the ephemeral key and of the endorsement key.
 */
static int kdfe(const struct method *m, const uint8_t *z, const uint8_t *u, const uint8_t *v,
		size_t half, uint8_t *seed)
{
	static const uint8_t counter[4] = { 0, 0, 0, 1 };
	static const char label[] = "IDENTITY"; /* with its zero */
	uint8_t text[sizeof(counter) + sizeof(label) + 3 * SEED_MAX], *p = text;
	int ret;

	memcpy(p, counter, sizeof(counter));
	p += sizeof(counter);
	memcpy(p, z, half);
	p += half;
	memcpy(p, label, sizeof(label));
	p += sizeof(label);
	memcpy(p, u, half);
	p += half;
	memcpy(p, v, half);
	p += half;
	ret = att_hash(m->hash, text, (size_t)(p - text), seed);
	OPENSSL_cleanse(text, sizeof(text));
	return ret;
}

static int cfb(const struct method *m, const uint8_t *key, const uint8_t *in, size_t size,
	       uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, m->cipher, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, ok;

	ok = cipher && ctx && EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) &&
	     EVP_EncryptUpdate(ctx, out, &n, in, (int)size) && (size_t)n == size;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok ? 0 : -1;
}

/* outerHMAC, encIdentity: the contents of a TPM2B_ID_OBJECT. */
static int protect(const struct method *m, const uint8_t *seed, const uint8_t *name,
		   size_t name_size, const uint8_t secret[ATT_CREDENTIAL], uint8_t *out,
		   size_t *out_size)
{
	uint8_t plain[2 + ATT_CREDENTIAL] = { 0, ATT_CREDENTIAL };
	uint8_t key[AES_MAX], mac_key[SEED_MAX], text[sizeof(plain) + ATT_NAME_MAX];
	uint8_t *mac = out + 2;
	size_t mac_size = 0, hash = m->hash->size;
	int bad;

	memcpy(plain + 2, secret, ATT_CREDENTIAL);
	bad = kdfa(m, seed, "STORAGE", name, name_size, key, m->key) ||
	      kdfa(m, seed, "INTEGRITY", NULL, 0, mac_key, hash) ||
	      cfb(m, key, plain, sizeof(plain), text);
	memcpy(text + sizeof(plain), name, name_size);
	bad = bad || !EVP_Q_mac(NULL, "HMAC", NULL, m->hash->evp, NULL, mac_key, hash, text,
				sizeof(plain) + name_size, mac, hash, &mac_size);
	out[0] = 0;
	out[1] = (uint8_t)hash;
	memcpy(out + 2 + hash, text, sizeof(plain));
	*out_size = 2 + hash + sizeof(plain);
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
	return bad ? -1 : 0;
}

/* A new seed by RSAES-OAEP, with the name's hash and the label IDENTITY, its zero included. */
static int share_rsa(const struct method *m, EVP_PKEY *ek, uint8_t *seed, uint8_t *out,
		     size_t *size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ek, NULL);
	char label[] = "IDENTITY";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, (char *)"oaep",
						 0),
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
						 (char *)m->hash->evp, 0),
		OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, label,
						  sizeof(label)),
		OSSL_PARAM_construct_end(),
	};
	int ok = RAND_bytes(seed, m->hash->size) == 1 && ctx &&
		 EVP_PKEY_encrypt_init_ex(ctx, params) > 0 &&
		 EVP_PKEY_encrypt(ctx, out, size, seed, m->hash->size) > 0;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}

/* The x coordinate of the product, with all its bytes. */
static int agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *z, size_t half)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t size = half;
	int ok = ctx && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		 EVP_PKEY_derive(ctx, z, &size) > 0 && size == half;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -1;
}

/* A new seed by ECDH with a key for once, whose point goes to the TPM (TPMS_ECC_POINT). */
static int share_ecc(const struct method *m, EVP_PKEY *ek, uint8_t *seed, uint8_t *out,
		     size_t *size)
{
	const char *curve = att_key_curve(ek);
	size_t half = curve && !strcmp(curve, "P-384") ? 48 : 32;
	EVP_PKEY *once = curve ? att_key_new(curve, NULL) : NULL;
	uint8_t z[SEED_MAX], u[2 * SEED_MAX], v[2 * SEED_MAX];
	int bad = !once || att_key_point(once, u, 2 * half, NULL) ||
		  att_key_point(ek, v, 2 * half, NULL) || agree(once, ek, z, half) ||
		  kdfe(m, z, u, v, half, seed);

	if (!bad) {
		out[0] = out[2 + half] = 0;
		out[1] = out[3 + half] = (uint8_t)half;
		memcpy(out + 2, u, half);
		memcpy(out + 4 + half, u + half, half);
		*size = 4 + 2 * half;
	}
	EVP_PKEY_free(once);
	OPENSSL_cleanse(z, sizeof(z));
	return bad ? -1 : 0;
}

static int make(const struct method *m, EVP_PKEY *key, const uint8_t *name, size_t name_size,
		const uint8_t *secret, struct att_bytes *blob, struct att_bytes *seed,
		struct att_error *err)
{
	uint8_t plain[SEED_MAX], enc[ENC_MAX], id[2 + SEED_MAX + 2 + ATT_CREDENTIAL];
	size_t enc_size = sizeof(enc), id_size = 0;
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	int bad = (rsa ? share_rsa : share_ecc)(m, key, plain, enc, &enc_size) ||
		  protect(m, plain, name, name_size, secret, id, &id_size);

	OPENSSL_cleanse(plain, sizeof(plain));
	if (bad)
		return att_fail_crypto(err, "cannot make the credential");
	if (att_bytes_set(blob, id, id_size))
		return att_no_memory(err);
	if (att_bytes_set(seed, enc, enc_size)) {
		att_bytes_free(blob);
		return att_no_memory(err);
	}
	return 0;
}

/* SHA-256 goes with AES-128, SHA-384 with AES-256: so it is in all templates that are known. */
static bool find_method(const TPMT_PUBLIC *ek, struct method *m)
{
	/* RSA's and ECC's parameters begin with it. */
	const TPMT_SYM_DEF_OBJECT *sym = &ek->parameters.asymDetail.symmetric;
	bool large = ek->nameAlg == TPM2_ALG_SHA384;

	m->hash = att_alg_by_id(ek->nameAlg);
	m->key = large ? 32 : 16;
	m->cipher = large ? "AES-256-CFB" : "AES-128-CFB";
	return (large || ek->nameAlg == TPM2_ALG_SHA256) && sym->algorithm == TPM2_ALG_AES &&
	       sym->keyBits.aes == 8 * m->key && sym->mode.aes == TPM2_ALG_CFB;
}

int att_credential_make(const TPMT_PUBLIC *ek, const uint8_t *name, size_t name_size,
			const uint8_t secret[ATT_CREDENTIAL], struct att_bytes *blob,
			struct att_bytes *seed, struct att_error *err)
{
	struct method m;
	EVP_PKEY *key;
	int ret;

	if (!find_method(ek, &m) || name_size > ATT_NAME_MAX)
		return att_fail(
			err, ATT_E_UNSUPPORTED,
			"an endorsement key of no template that is known: AES-128 with SHA-256, or AES-256 with SHA-384");
	key = att_tpm_pkey(ek, err);
	if (!key)
		return -1;
	if (att_key_is_sm2(key))
		ret = att_fail(err, ATT_E_UNSUPPORTED, "an endorsement key on the curve of SM2");
	else
		ret = make(&m, key, name, name_size, secret, blob, seed, err);
	EVP_PKEY_free(key);
	return ret;
}
