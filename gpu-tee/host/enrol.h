/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of an enrolment: what a device said of itself, helper data and public keys of its
 * behaviour, signed by whoever enrolled it. And whether a device is the one of a record.
 */
#ifndef HG_ENROL_H
#define HG_ENROL_H

#include <openssl/evp.h>

#include "fuzzy.h"
#include "identity.h"

struct hg_agree_options; /* agree.h */

#define HG_FP_RECORD_MAX 65536u

/* Of all cells of the readings; coarse, as it is public. */
struct hg_fp_summary {
	uint32_t low, median, high; /* first percentile, half, last percentile */
};

struct hg_fp_record {
	int64_t created; /* seconds since 1970 */
	int64_t expires; /* 0: never */
	bool simulated;
	bool behaviour; /* what follows identity is there */
	struct hg_fp_identity identity;
	struct hg_fp_summary summary;
	struct hg_fp_quality quality;
	struct fp_helper helper;
	uint8_t check[32]; /* fp_check_value() of the secret */
	uint8_t x25519[32];
	uint8_t p256[64]; /* x || y */
	uint8_t sm2[64];
	uint8_t signer[32]; /* SHA-256 of the signer's public key in DER */
};

/* The device's private key for a group of device/agreement.h, and its public half. */
enum hg_fp_group { HG_FP_X25519 = 1, HG_FP_P256 = 2, HG_FP_SM2 = 3 };
int hg_fp_public_key(const uint8_t secret[FP_SECRET_BYTES], enum hg_fp_group group,
		     uint8_t public[64], struct hg_gpu_error *err);

void hg_fp_summarize(const struct fp_reading *reading, struct hg_fp_summary *summary);

/*
 * Fills @r. Without readings (@count 0) it has the identity only. The secret is made, used for
 * the keys, and wiped.
 */
int hg_fp_enrol(const struct hg_fp_identity *id, const struct fp_reading *const *readings,
		size_t count, int64_t now, int64_t expires, struct hg_fp_record *r,
		struct hg_gpu_error *err);

/* Signed JSON, for free(); @key is a private key on P-256. Sets @r->signer. */
char *hg_fp_record_sign(struct hg_fp_record *r, EVP_PKEY *key, struct hg_gpu_error *err);

/* Strict. @trusted: the signer's public key, P-256. */
int hg_fp_record_parse(const char *text, size_t size, EVP_PKEY *trusted, struct hg_fp_record *r,
		       struct hg_gpu_error *err);

/* What a verification found out on the device. */
struct hg_fp_evidence {
	struct hg_fp_identity identity;
	bool measured; /* its behaviour; what follows is there */
	bool failed; /* the secret did not come out */
	uint32_t differ; /* bits */
	uint8_t check[32];
};

#define HG_FP_DIFFERENCES_MAX (HG_FP_MEMBERS_MAX + 6)

struct hg_fp_difference {
	const char *name;
	const char *class; /* "stable", "software", "placement", "behaviour", "record" */
	bool fails;
	char expected[HG_FP_VALUE_MAX], found[HG_FP_VALUE_MAX];
};

struct hg_fp_result {
	bool passed;
	bool simulated;
	uint32_t members, alike; /* stable members of the record, and those found alike */
	uint32_t score_ppm; /* bits of the behaviour that were as enrolled; 0 if it failed */
	size_t count;
	struct hg_fp_difference difference[HG_FP_DIFFERENCES_MAX];
};

/* @strict: a difference of software fails, too. */
void hg_fp_compare(const struct hg_fp_record *r, const struct hg_fp_evidence *e, int64_t now,
		   bool strict, struct hg_fp_result *result);

/* HG_GPU_E_IDENTITY, with the first difference that fails. Always -1. */
int hg_fp_name_difference(const struct hg_fp_result *result, struct hg_gpu_error *err);

/*
 * What an agreement needs of a record: the key for @options->group, the helper data, and the
 * identity's hash. @r must outlive the agreement. Where it has no behaviour, or @options->anonymous
 * is set, there is no key in it, and the session is anonymous.
 */
int hg_fp_agreement(const struct hg_fp_record *r, struct hg_agree_options *options,
		    struct hg_gpu_error *err);

#endif
