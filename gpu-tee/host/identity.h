/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device says of itself, through PCI and through OpenCL: named members,
 * each a short text. What a device says can be copied; docs/gpu-fingerprint.md.
 */
#ifndef HG_IDENTITY_H
#define HG_IDENTITY_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it means when a member is another one than at enrolment. */
enum hg_fp_class {
	HG_FP_STABLE, /* another device, or its firmware was changed: fails */
	HG_FP_SOFTWARE, /* a driver was changed: named, fails only when asked to */
	HG_FP_PLACEMENT /* it sits elsewhere: named */
};

#define HG_FP_VALUE_MAX	  160
#define HG_FP_MEMBERS_MAX 40

struct hg_fp_member_kind {
	const char *name;
	enum hg_fp_class class;
};

/* The members there are, sorted by name; one without a name ends the table. */
extern const struct hg_fp_member_kind hg_fp_members[];

struct hg_fp_identity {
	char value[HG_FP_MEMBERS_MAX][HG_FP_VALUE_MAX]; /* by place in the table; "" is absent */
	bool simulated;
};

/* -1 if there is no such member. */
int hg_fp_member(const char *name);
const char *hg_fp_class_name(enum hg_fp_class class);
/* "" if it is absent. The member must be one of the table. */
const char *hg_fp_get(const struct hg_fp_identity *id, const char *name);
/* Cuts what is too long, and replaces what is not printable ASCII. */
void hg_fp_set(struct hg_fp_identity *id, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* { NAME: VALUE, ... } with what is there. NULL without memory. */
json_t *hg_fp_identity_json(const struct hg_fp_identity *id);
/* Strict; the simulated flag is not part of it. */
int hg_fp_identity_parse(const json_t *obj, struct hg_fp_identity *id, struct hg_gpu_error *err);
/* SHA-256 of the stable members as canonical JSON: sorted, no blanks. */
int hg_fp_identity_hash(const struct hg_fp_identity *id, uint8_t hash[32],
			struct hg_gpu_error *err);

#endif
