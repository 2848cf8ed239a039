// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <openssl/evp.h>

#include "alg.h"
#include "error.h"
#include "key.h"

int att_read_text(struct att_reader *r, char to[33])
{
	const uint8_t *p = att_read(r, 32);
	size_t i, length;

	memset(to, 0, 33);
	if (!p)
		return -1;
	length = strnlen((const char *)p, 32);
	for (i = 0; i < length; i++)
		if (p[i] < 0x21 || p[i] > 0x7e)
			return -1;
	memcpy(to, p, length);
	return att_all_zero(p + length, 32 - length) ? 0 : -1;
}

/* Offsets 0 to 15, and the size that follows from them. */
static int parse_head(struct att_reader *r, struct att_report *rep, struct att_error *err)
{
	const uint8_t *magic = att_read(r, 4);
	uint16_t version = att_read_u16(r), size = att_read_u16(r);
	size_t whole = r->left + 8;

	if (!magic || memcmp(magic, "HGRP", 4))
		return att_fail(err, ATT_E_FORMAT, "not a report: it does not begin with HGRP");
	if (version != 1 || size != ATT_REPORT_SIZE)
		return att_fail(err, ATT_E_FORMAT,
				"version %u with %u signed bytes; known is version 1 with %u",
				version, size, ATT_REPORT_SIZE);
	rep->sig_alg = att_read_u32(r);
	rep->flags = att_read_u32(r);
	rep->sig_size = att_sig_size(rep->sig_alg);
	if (!rep->sig_size)
		return att_fail(err, ATT_E_FORMAT, "signature algorithm %u is unknown",
				rep->sig_alg);
	if (whole != ATT_REPORT_SIZE + rep->sig_size)
		return att_fail(err, ATT_E_FORMAT, "%zu bytes, %zu with its signature are due",
				whole, ATT_REPORT_SIZE + rep->sig_size);
	if (rep->flags & ~ATT_REPORT_DEVELOPMENT)
		return att_fail(err, ATT_E_FORMAT, "flags 0x%x, known is 0x%x", rep->flags,
				ATT_REPORT_DEVELOPMENT);
	return 0;
}

/* Offsets 16 to 103. */
static int parse_launch(struct att_reader *r, struct att_report *rep, struct att_error *err)
{
	uint32_t alg;
	const uint8_t *rest;

	rep->cvm_id = att_read_u64(r);
	rep->policy = att_read_u32(r);
	rep->vcpus = att_read_u32(r);
	rep->level = att_read_u32(r);
	alg = att_read_u32(r);
	att_read_copy(r, rep->launch_digest, sizeof(rep->launch_digest));
	rest = att_read(r, 32);
	if (alg != 1)
		return att_fail(err, ATT_E_FORMAT, "digest algorithm %u, known is 1 (SHA-256)",
				alg);
	if (rep->level != 1 && rep->level != 2)
		return att_fail(err, ATT_E_FORMAT, "level %u, there are 1 and 2", rep->level);
	if (!rest || !att_all_zero(rest, 32))
		return att_fail(err, ATT_E_FORMAT,
				"a SHA-256 launch digest that is longer than 32 bytes");
	return 0;
}

static int parse_devices(struct att_reader *r, struct att_report *rep, struct att_error *err)
{
	uint32_t reserved;
	const uint8_t *digest;

	rep->devices = att_read_u32(r);
	reserved = att_read_u32(r);
	digest = att_read(r, 32);
	if (reserved)
		return att_fail(err, ATT_E_FORMAT, "reserved bytes are not zero");
	if (rep->devices || !digest || !att_all_zero(digest, 32))
		return att_fail(err, ATT_E_FORMAT,
				"%u bound devices: version 1 of this verifier knows none",
				rep->devices);
	return 0;
}

int att_report_parse(const uint8_t *data, size_t size, struct att_report *rep,
		     struct att_error *err)
{
	struct att_reader r = { data, size, false };

	memset(rep, 0, sizeof(*rep));
	rep->bytes = data;
	if (parse_head(&r, rep, err) || parse_launch(&r, rep, err))
		return -1;
	att_read_copy(&r, rep->report_data, sizeof(rep->report_data));
	att_read_copy(&r, rep->boot_id, sizeof(rep->boot_id));
	if (att_read_text(&r, rep->l0_version))
		return att_fail(err, ATT_E_FORMAT, "L0's version is not text padded with zeros");
	att_read_copy(&r, rep->key_id, sizeof(rep->key_id));
	return parse_devices(&r, rep, err);
}

const char *att_report_algorithm(uint32_t sig_alg)
{
	return sig_alg == ATT_SIG_SM2	 ? "SM2"
	       : sig_alg == ATT_SIG_P384 ? "ECDSA P-384"
					 : "ECDSA P-256";
}

static int verify(const struct att_report *rep, EVP_PKEY *key, struct att_error *err)
{
	const uint8_t *sig = rep->bytes + ATT_REPORT_SIZE;

	if (rep->sig_alg == ATT_SIG_SM2)
		return att_sm2_verify(key, rep->bytes, ATT_REPORT_SIZE, sig, err);
	return att_ecdsa_verify(key, rep->sig_alg == ATT_SIG_P384 ? "SHA384" : "SHA256", rep->bytes,
				ATT_REPORT_SIZE, sig, rep->sig_size, err);
}

int att_report_verify(const struct att_report *rep, const uint8_t *key, struct att_error *err)
{
	const char *curve = rep->sig_alg == ATT_SIG_SM2	   ? "SM2"
			    : rep->sig_alg == ATT_SIG_P384 ? "P-384"
							   : "P-256";
	EVP_PKEY *pkey = att_key_ec(curve, key, rep->sig_size, err);
	int ret;

	if (!pkey)
		return att_prefix(err, "the report key");
	ret = verify(rep, pkey, err);
	EVP_PKEY_free(pkey);
	return ret;
}

int att_report_bind(const uint8_t *nonce, size_t nonce_size, const uint8_t *spki, size_t spki_size,
		    uint8_t out[ATT_REPORT_DATA])
{
	static const char label[] = "hypergpu-report-data-v1"; /* with its zero */
	uint8_t text[sizeof(label) + 2 + ATT_NONCE_MAX + 32], *p = text;

	if (nonce_size > ATT_NONCE_MAX)
		return -1;
	memcpy(p, label, sizeof(label));
	p += sizeof(label);
	*p++ = (uint8_t)nonce_size;
	*p++ = (uint8_t)(nonce_size >> 8);
	memcpy(p, nonce, nonce_size);
	p += nonce_size;
	if (att_sha256(spki, spki_size, p))
		return -1;
	p += 32;
	return att_hash(att_alg_by_name("sha512"), text, (size_t)(p - text), out);
}
