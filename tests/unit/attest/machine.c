// SPDX-License-Identifier: Apache-2.0
#include "machine.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <tss2/tss2_mu.h>

#include "key.h"
#include "root.h"
#include "tpmkey.h"

static const char *const bank_name[BANKS] = { "sha1", "sha256", "sha384", "sm3_256" };

void put(struct writer *w, const void *data, size_t size)
{
	assert(size <= sizeof(w->data) - w->size);
	memcpy(w->data + w->size, data, size);
	w->size += size;
}

void put_le(struct writer *w, uint64_t v, unsigned int size)
{
	for (; size--; v >>= 8)
		put(w, &(uint8_t){ (uint8_t)v }, 1);
}

static void put_padded(struct writer *w, const char *text, size_t size)
{
	char field[64] = "";

	memcpy(field, text, strlen(text));
	put(w, field, size);
}

void set_bytes(struct att_bytes *b, const void *data, size_t size)
{
	att_bytes_free(b);
	assert(!att_bytes_set(b, data, size));
}

void log_start(const struct machine *m, struct writer *w)
{
	static const uint8_t zero[20];
	unsigned int i;

	w->size = 0;
	put_le(w, 0, 4);
	put_le(w, EV_NO_ACTION, 4);
	put(w, zero, 20);
	put_le(w, 16 + 4 + 4 + 4 + m->banks * 4 + 1, 4);
	put(w, "Spec ID Event03", 16);
	put_le(w, 0, 4);
	put(w, "\x00\x02\x00\x02", 4);
	put_le(w, m->banks, 4);
	for (i = 0; i < m->banks; i++) {
		put_le(w, att_alg_by_name(bank_name[i])->id, 2);
		put_le(w, att_alg_by_name(bank_name[i])->size, 2);
	}
	put_le(w, 0, 1);
}

void log_measure(struct machine *m, struct writer *w, uint32_t pcr, uint32_t type,
		 const void *measured, size_t measured_size, const void *data, size_t size)
{
	uint8_t digest[ATT_HASH_MAX];
	unsigned int i;

	put_le(w, pcr, 4);
	put_le(w, type, 4);
	put_le(w, m->banks, 4);
	for (i = 0; i < m->banks; i++) {
		const struct att_alg *alg = att_alg_by_name(bank_name[i]);
		uint8_t *value = m->pcr[i][pcr];

		assert(!att_hash(alg, measured, measured_size, digest));
		put_le(w, alg->id, 2);
		put(w, digest, alg->size);
		if (type != EV_NO_ACTION)
			assert(!att_hash2(alg, value, alg->size, digest, alg->size, value));
	}
	put_le(w, size, 4);
	put(w, data, size);
}

void log_add(struct machine *m, struct writer *w, uint32_t pcr, uint32_t type, const void *data,
	     size_t size)
{
	log_measure(m, w, pcr, type, data, size, data, size);
}

static void add_tag(struct machine *m, uint32_t id, const struct writer *data)
{
	struct writer w = { .size = 0 };

	put_le(&w, id, 4);
	put_le(&w, data->size, 4);
	put(&w, data->data, data->size);
	log_add(m, &m->l0_log, ATT_L0_PCR, EV_EVENT_TAG, w.data, w.size);
}

void tag_l0(struct machine *m)
{
	struct writer w = { .size = 0 };

	put_le(&w, 1, 4);
	put_padded(&w, L0_VERSION, 32);
	put(&w, m->build_id, 32);
	put_padded(&w, L0_SRCVERSION, 32);
	add_tag(m, ATT_TAG_L0, &w);
}

void tag_key(struct machine *m)
{
	struct writer w = { .size = 0 };
	struct att_error err = { 0 };
	uint8_t xy[ATT_KEY_MAX];

	assert(!att_key_point(m->report_key, xy, att_sig_size(m->sig_alg), &err));
	put_le(&w, 1, 4);
	put_le(&w, m->sig_alg, 4);
	put(&w, m->boot_id, 32);
	put_le(&w, att_sig_size(m->sig_alg), 4);
	put(&w, xy, att_sig_size(m->sig_alg));
	add_tag(m, ATT_TAG_REPORT_KEY, &w);
}

void tag_unloaded(struct machine *m)
{
	struct writer w = { .size = 0 };

	put_le(&w, 1, 4);
	put(&w, m->boot_id, 32);
	add_tag(m, ATT_TAG_UNLOADED, &w);
}

static void boot(struct machine *m)
{
	static const char *const what[] = {
		"firmware",   "setup", "option ROM",  "ROM setup",    "boot loader",
		"partitions", "maker", "secure boot", "command line", "kernel, initrd",
	};
	uint32_t i;

	log_start(m, &m->boot_log);
	log_add(m, &m->boot_log, 0, EV_NO_ACTION, "StartupLocality\0\0", 17);
	for (i = 0; i < ARRAY_SIZE(what); i++) {
		log_add(m, &m->boot_log, i, 0xd, what[i], strlen(what[i]));
		log_add(m, &m->boot_log, i, 4, "\0\0\0\0", 4);
	}
}

static void make_ak(struct machine *m)
{
	bool sm2 = m->sig_alg == ATT_SIG_SM2;
	struct att_error err = { 0 };
	TPMT_PUBLIC pub;
	uint8_t xy[64];

	m->ak = att_key_new(sm2 ? "SM2" : "P-256", &err);
	assert(m->ak && !att_key_point(m->ak, xy, sizeof(xy), &err));
	assert(!att_ak_template(sm2 ? "sm2" : "p256", &pub, &err));
	pub.unique.ecc.x.size = pub.unique.ecc.y.size = 32;
	memcpy(pub.unique.ecc.x.buffer, xy, 32);
	memcpy(pub.unique.ecc.y.buffer, xy + 32, 32);
	assert(!att_tpm_public_dump(&pub, &m->ak_public, &err));
}

static const char *curve_of(uint32_t sig_alg)
{
	return sig_alg == ATT_SIG_SM2 ? "SM2" : sig_alg == ATT_SIG_P384 ? "P-384" : "P-256";
}

void machine_boot(struct machine *m, const char *name, uint32_t sig_alg)
{
	struct att_error err = { 0 };

	memset(m, 0, sizeof(*m));
	m->sig_alg = sig_alg;
	m->banks = sig_alg == ATT_SIG_SM2 ? BANKS : BANKS - 1;
	m->level = 1;
	m->vcpus = 2;
	m->policy = 1;
	memset(m->build_id, 0xb1, 20);
	assert(!att_sha256("launch", 6, m->launch_digest));
	assert(!att_sha256(name, strlen(name), m->boot_id));
	make_ak(m);
	m->report_key = att_key_new(curve_of(sig_alg), &err);
	assert(m->report_key);
	boot(m);
	log_start(m, &m->l0_log);
	tag_l0(m);
	tag_key(m);
}

void machine_free(struct machine *m)
{
	EVP_PKEY_free(m->ak);
	EVP_PKEY_free(m->report_key);
	att_bytes_free(&m->ak_public);
}

size_t machine_report(const struct machine *m, EVP_PKEY *key,
		      const uint8_t report_data[ATT_REPORT_DATA], uint8_t out[ATT_REPORT_MAX])
{
	static const uint8_t zero[64];
	struct writer w = { .size = 0 };
	struct att_error err = { 0 };
	size_t sig_size = att_sig_size(m->sig_alg);
	uint8_t xy[ATT_KEY_MAX], id[32];

	assert(!att_key_point(key, xy, sig_size, &err) && !att_sha256(xy, sig_size, id));
	put(&w, "HGRP", 4);
	put_le(&w, 1, 2);
	put_le(&w, ATT_REPORT_SIZE, 2);
	put_le(&w, m->sig_alg, 4);
	put_le(&w, m->flags, 4);
	put_le(&w, 7, 8);
	put_le(&w, m->policy, 4);
	put_le(&w, m->vcpus, 4);
	put_le(&w, m->level, 4);
	put_le(&w, 1, 4);
	put(&w, m->launch_digest, 32);
	put(&w, zero, 32);
	put(&w, report_data, ATT_REPORT_DATA);
	put(&w, m->boot_id, 32);
	put_padded(&w, L0_VERSION, 32);
	put(&w, id, 32);
	put_le(&w, 0, 8);
	put(&w, zero, 32);
	assert(w.size == ATT_REPORT_SIZE);
	memcpy(out, w.data, w.size);
	if (m->sig_alg == ATT_SIG_SM2)
		assert(!att_sm2_sign(key, out, w.size, out + w.size, &err));
	else
		assert(!att_ecdsa_sign(key, m->sig_alg == ATT_SIG_P384 ? "SHA384" : "SHA256", out,
				       w.size, out + w.size, sig_size, &err));
	return w.size + sig_size;
}

static void make_message(const uint8_t *values, size_t size, const struct att_alg *bank,
			 const struct att_alg *hash, uint32_t pcrs, const uint8_t *nonce,
			 size_t nonce_size, struct att_evidence *ev)
{
	TPMS_ATTEST a = { .magic = TPM2_GENERATED_VALUE, .type = TPM2_ST_ATTEST_QUOTE };
	uint8_t bytes[sizeof(a)];
	size_t n = 0;

	a.extraData.size = (UINT16)nonce_size;
	memcpy(a.extraData.buffer, nonce, nonce_size);
	a.attested.quote.pcrSelect.count = 1;
	a.attested.quote.pcrSelect.pcrSelections[0] = (TPMS_PCR_SELECTION){
		.hash = bank->id,
		.sizeofSelect = 3,
		.pcrSelect = { (BYTE)pcrs, (BYTE)(pcrs >> 8), (BYTE)(pcrs >> 16) },
	};
	a.attested.quote.pcrDigest.size = 32;
	assert(!att_hash(hash, values, size, a.attested.quote.pcrDigest.buffer));
	assert(!Tss2_MU_TPMS_ATTEST_Marshal(&a, bytes, sizeof(bytes), &n));
	set_bytes(&ev->message, bytes, n);
}

/* As a TPM does: the digest alone, without the Z of the standard. */
static void sign_sm2(EVP_PKEY *ak, const struct att_alg *hash, const struct att_bytes *message,
		     uint8_t sig[64])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ak, NULL);
	uint8_t digest[32], der[80];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	ECDSA_SIG *s;

	assert(!att_hash(hash, message->data, message->size, digest));
	assert(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &n, digest, 32) == 1);
	s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	assert(BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32);
	assert(BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32);
	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(ctx);
}

void machine_sign(EVP_PKEY *ak, const struct att_alg *hash, struct att_evidence *ev)
{
	bool sm2 = att_key_is_sm2(ak);
	TPMT_SIGNATURE s = { .sigAlg = sm2 ? TPM2_ALG_SM2 : TPM2_ALG_ECDSA };
	struct att_error err = { 0 };
	uint8_t sig[64], bytes[sizeof(s)];
	size_t n = 0;

	if (sm2)
		sign_sm2(ak, hash, &ev->message, sig);
	else
		assert(!att_ecdsa_sign(ak, hash->evp, ev->message.data, ev->message.size, sig, 64,
				       &err));
	s.signature.ecdsa.hash = hash->id;
	s.signature.ecdsa.signatureR.size = s.signature.ecdsa.signatureS.size = 32;
	memcpy(s.signature.ecdsa.signatureR.buffer, sig, 32);
	memcpy(s.signature.ecdsa.signatureS.buffer, sig + 32, 32);
	assert(!Tss2_MU_TPMT_SIGNATURE_Marshal(&s, bytes, sizeof(bytes), &n));
	set_bytes(&ev->signature, bytes, n);
}

void machine_quote(const struct machine *m, const char *bank, uint32_t pcrs, const uint8_t *nonce,
		   size_t nonce_size, struct att_evidence *ev)
{
	const struct att_alg *alg = att_alg_by_name(bank);
	const struct att_alg *hash = att_alg_by_name(att_key_is_sm2(m->ak) ? "sm3_256" : "sha256");
	struct att_error err = { 0 };
	struct writer values = { .size = 0 };
	unsigned int b = 0, i;

	while (strcmp(bank_name[b], bank))
		b++;
	ev->pcrs = 0;
	for (i = 0; i < ATT_PCRS; i++) {
		if (!(pcrs >> i & 1))
			continue;
		memcpy(ev->pcr[ev->pcrs], m->pcr[b][i], alg->size);
		ev->pcr_size[ev->pcrs++] = alg->size;
		put(&values, m->pcr[b][i], alg->size);
	}
	make_message(values.data, values.size, alg, hash, pcrs, nonce, nonce_size, ev);
	machine_sign(m->ak, hash, ev);
	set_bytes(&ev->ak_tpm_public, m->ak_public.data, m->ak_public.size);
	att_bytes_free(&ev->ak_public);
	assert(!att_key_to_spki(m->ak, &ev->ak_public, &err));
}

struct att_evidence *machine_evidence(const struct machine *m, const uint8_t *nonce,
				      size_t nonce_size, const struct att_bytes *cvm_key)
{
	struct att_evidence *ev = calloc(1, sizeof(*ev));
	uint8_t data[ATT_REPORT_DATA], report[ATT_REPORT_MAX];
	struct att_error err = { 0 };
	EVP_PKEY *key;

	assert(ev);
	machine_quote(m, m->sig_alg == ATT_SIG_SM2 ? "sm3_256" : "sha256", 0xffff, nonce,
		      nonce_size, ev);
	set_bytes(&ev->boot_log, m->boot_log.data, m->boot_log.size);
	set_bytes(&ev->l0_log, m->l0_log.data, m->l0_log.size);
	assert(!att_report_data(nonce, nonce_size, (char *)cvm_key->data, cvm_key->size, data,
				&err));
	set_bytes(&ev->report, report, machine_report(m, m->report_key, data, report));
	key = att_key_from_pem((char *)cvm_key->data, cvm_key->size, true, &err);
	assert(key && !att_key_to_spki(key, &ev->cvm_key, &err));
	EVP_PKEY_free(key);
	return ev;
}
