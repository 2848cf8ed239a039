// SPDX-License-Identifier: Apache-2.0
#include "quote.h"

#include <tss2/tss2_mu.h>

#include "bytes.h"
#include "error.h"
#include "key.h"
#include "log.h"

static int parse_selection(const TPML_PCR_SELECTION *list, struct att_quote *q,
			   struct att_error *err)
{
	const TPMS_PCR_SELECTION *s = &list->pcrSelections[0];
	unsigned int i;

	if (list->count != 1)
		return att_fail(err, ATT_E_REFUSED,
				"a quote over %u banks: exactly one is expected", list->count);
	q->bank = att_alg_by_id(s->hash);
	if (!q->bank)
		return att_fail(err, ATT_E_REFUSED, "a quote over the unknown bank 0x%x", s->hash);
	if (s->sizeofSelect > 4)
		return att_fail(err, ATT_E_FORMAT, "a selection of %u bytes", s->sizeofSelect);
	for (i = 0; i < s->sizeofSelect; i++)
		q->pcrs |= (uint32_t)s->pcrSelect[i] << 8 * i;
	if (q->pcrs >> ATT_PCRS)
		return att_fail(err, ATT_E_FORMAT, "a quote over PCRs beyond %u", ATT_PCRS - 1);
	q->count = (unsigned int)__builtin_popcount(q->pcrs);
	return 0;
}

int att_quote_parse(const struct att_bytes *message, struct att_quote *q, struct att_error *err)
{
	TPMS_ATTEST a = { 0 };
	size_t offset = 0;

	memset(q, 0, sizeof(*q));
	if (Tss2_MU_TPMS_ATTEST_Unmarshal(message->data, message->size, &offset, &a) ||
	    offset != message->size)
		return att_fail(err, ATT_E_FORMAT, "not an attestation of a TPM (TPMS_ATTEST)");
	if (a.magic != TPM2_GENERATED_VALUE)
		return att_fail(err, ATT_E_REFUSED, "its magic is 0x%x: no TPM made it", a.magic);
	if (a.type != TPM2_ST_ATTEST_QUOTE)
		return att_fail(err, ATT_E_REFUSED,
				"an attestation of type 0x%x, which is not a quote", a.type);
	if (a.extraData.size > sizeof(q->extra) ||
	    a.attested.quote.pcrDigest.size > sizeof(q->digest))
		return att_fail(err, ATT_E_FORMAT, "a field of the quote is too long");
	memcpy(q->extra, a.extraData.buffer, a.extraData.size);
	q->extra_size = a.extraData.size;
	memcpy(q->digest, a.attested.quote.pcrDigest.buffer, a.attested.quote.pcrDigest.size);
	q->digest_size = a.attested.quote.pcrDigest.size;
	q->clock = a.clockInfo.clock;
	q->reset_count = a.clockInfo.resetCount;
	q->restart_count = a.clockInfo.restartCount;
	return parse_selection(&a.attested.quote.pcrSelect, q, err);
}

/* TPMS_SIGNATURE_ECC as r || s, each of @half bytes: TPMs may leave out zeros in front. */
static int join(const TPMS_SIGNATURE_ECC *s, size_t half, uint8_t sig[96], struct att_error *err)
{
	memset(sig, 0, 96);
	if (s->signatureR.size > half || s->signatureS.size > half)
		return att_fail(err, ATT_E_FORMAT, "a signature that is too large for its curve");
	memcpy(sig + half - s->signatureR.size, s->signatureR.buffer, s->signatureR.size);
	memcpy(sig + 2 * half - s->signatureS.size, s->signatureS.buffer, s->signatureS.size);
	return 0;
}

static int verify_ecdsa(const TPMS_SIGNATURE_ECC *s, EVP_PKEY *key, const struct att_alg *hash,
			const struct att_bytes *message, struct att_error *err)
{
	const char *curve = att_key_curve(key);
	size_t half = curve && !strcmp(curve, "P-384") ? 48 : 32;
	uint8_t sig[96];

	if (!curve)
		return att_fail(err, ATT_E_CRYPTO,
				"an ECDSA signature, but the key is not of P-256 or P-384");
	if (join(s, half, sig, err))
		return -1;
	return att_ecdsa_verify(key, hash->evp, message->data, message->size, sig, 2 * half, err);
}

/* A TPM signs the digest of the message, without the Z of the standard: see key.h. */
static int verify_sm2(const TPMS_SIGNATURE_ECC *s, EVP_PKEY *key, const struct att_alg *hash,
		      const struct att_bytes *message, struct att_error *err)
{
	uint8_t sig[96], digest[ATT_HASH_MAX];

	if (!att_key_is_sm2(key))
		return att_fail(err, ATT_E_CRYPTO,
				"an SM2 signature, but the key is not an SM2 key");
	if (join(s, 32, sig, err))
		return -1;
	if (att_hash(hash, message->data, message->size, digest))
		return att_fail_crypto(err, hash->name);
	return att_sm2_verify_digest(key, digest, sig, err);
}

/* SM2 goes with SM3 by the standard; a TPM that has no SM3 signs with SHA-256. */
static bool goes_with(uint16_t scheme, const struct att_alg *hash)
{
	if (!hash || hash->size < 32)
		return false;
	if (scheme == TPM2_ALG_SM2)
		return hash->id == TPM2_ALG_SM3_256 || hash->id == TPM2_ALG_SHA256;
	return hash->id != TPM2_ALG_SM3_256;
}

int att_quote_verify(const struct att_bytes *message, const struct att_bytes *signature,
		     EVP_PKEY *key, const struct att_alg **hash, struct att_error *err)
{
	TPMT_SIGNATURE s = { 0 };
	size_t offset = 0;

	if (Tss2_MU_TPMT_SIGNATURE_Unmarshal(signature->data, signature->size, &offset, &s) ||
	    offset != signature->size)
		return att_fail(err, ATT_E_FORMAT, "not a signature of a TPM (TPMT_SIGNATURE)");
	if (s.sigAlg != TPM2_ALG_RSASSA && s.sigAlg != TPM2_ALG_ECDSA && s.sigAlg != TPM2_ALG_SM2)
		return att_fail(err, ATT_E_UNSUPPORTED,
				"signature scheme 0x%x: known are RSASSA, ECDSA and SM2", s.sigAlg);
	/* All schemes' structures begin with the hash. */
	*hash = att_alg_by_id(s.signature.any.hashAlg);
	if (!goes_with(s.sigAlg, *hash))
		return att_fail(err, ATT_E_UNSUPPORTED, "signed with hash 0x%x: known are %s",
				s.signature.any.hashAlg,
				s.sigAlg == TPM2_ALG_SM2 ? "SM3 and SHA-256 with SM2"
							 : "SHA-256, SHA-384 and SHA-512");
	if (s.sigAlg == TPM2_ALG_SM2)
		return verify_sm2(&s.signature.sm2, key, *hash, message, err);
	if (s.sigAlg == TPM2_ALG_ECDSA)
		return verify_ecdsa(&s.signature.ecdsa, key, *hash, message, err);
	if (!EVP_PKEY_is_a(key, "RSA"))
		return att_fail(err, ATT_E_CRYPTO,
				"an RSA signature, but the key is not an RSA key");
	return att_rsassa_verify(key, (*hash)->evp, message->data, message->size,
				 s.signature.rsassa.sig.buffer, s.signature.rsassa.sig.size, err);
}

int att_quote_check_pcrs(const struct att_quote *q, const uint8_t *values, size_t size,
			 const struct att_alg *hash, struct att_error *err)
{
	uint8_t digest[ATT_HASH_MAX];

	if (size != (size_t)q->count * q->bank->size)
		return att_fail(err, ATT_E_FORMAT,
				"%zu bytes of PCR values, the quote is over %u of %u bytes", size,
				q->count, q->bank->size);
	if (att_hash(hash, values, size, digest))
		return att_fail_crypto(err, hash->name);
	if (q->digest_size != hash->size || memcmp(digest, q->digest, hash->size))
		return att_fail(err, ATT_E_REFUSED,
				"the PCR values are not those that were quoted");
	return 0;
}

const char *att_pcr_list(uint32_t pcrs, char *to, size_t size)
{
	unsigned int i, last;
	size_t used = 0;

	*to = '\0';
	for (i = 0; i < ATT_PCRS && used < size; i = last + 1) {
		last = i;
		if (!(pcrs >> i & 1))
			continue;
		while (last + 1 < ATT_PCRS && pcrs >> (last + 1) & 1)
			last++;
		used += (size_t)snprintf(to + used, size - used, last > i ? "%s%u-%u" : "%s%u",
					 used ? "," : "", i, last);
	}
	return *to ? to : "none";
}
