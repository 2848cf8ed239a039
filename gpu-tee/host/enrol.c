// SPDX-License-Identifier: Apache-2.0
#include "enrol.h"

#include "agree.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void hg_fp_summarize(const struct fp_reading *reading, struct hg_fp_summary *summary)
{
	size_t count = (size_t)reading->units * reading->regions;
	uint32_t *cells;

	memset(summary, 0, sizeof(*summary));
	if (!fp_shape_ok(reading->units, reading->regions))
		return;
	cells = malloc(count * sizeof(*cells));
	if (!cells)
		return;
	memcpy(cells, reading->cell, count * sizeof(*cells));
	qsort(cells, count, sizeof(*cells), ascending);
	summary->low = cells[count / 100];
	summary->median = cells[count / 2];
	summary->high = cells[count - 1 - count / 100];
	OPENSSL_cleanse(cells, count * sizeof(*cells));
	free(cells);
}

static int make_keys(const uint8_t *secret, struct hg_fp_record *r, struct hg_gpu_error *err)
{
	uint8_t public[64];
	uint32_t check[8];

	fp_check_value(secret, check);
	for (size_t i = 0; i < 32; i++)
		r->check[i] = (uint8_t)(check[i / 4] >> 8 * (i % 4));
	if (hg_fp_public_key(secret, HG_FP_X25519, public, err))
		return -1;
	memcpy(r->x25519, public, 32);
	return hg_fp_public_key(secret, HG_FP_P256, r->p256, err) ||
			       hg_fp_public_key(secret, HG_FP_SM2, r->sm2, err)
		       ? -1
		       : 0;
}

static int add_behaviour(const struct fp_reading *const *readings, size_t count,
			 struct hg_fp_record *r, struct hg_gpu_error *err)
{
	uint8_t secret[FP_SECRET_BYTES];
	int ret = hg_fp_generate(readings, count, &r->helper, secret, &r->quality, err);

	if (!ret)
		ret = make_keys(secret, r, err);
	OPENSSL_cleanse(secret, sizeof(secret));
	hg_fp_summarize(readings[0], &r->summary);
	r->behaviour = true;
	return ret;
}

int hg_fp_enrol(const struct hg_fp_identity *id, const struct fp_reading *const *readings,
		size_t count, int64_t now, int64_t expires, struct hg_fp_record *r,
		struct hg_gpu_error *err)
{
	memset(r, 0, sizeof(*r));
	if (expires && expires <= now)
		return hg_gpu_fail(err, HG_GPU_E_ARGUMENT,
				   "the record would be out of date at once");
	r->created = now;
	r->expires = expires;
	r->identity = *id;
	r->simulated = id->simulated;
	if (count && add_behaviour(readings, count, r, err)) {
		memset(r, 0, sizeof(*r));
		return -1;
	}
	return 0;
}

/* ---- Comparison ---- */

static struct hg_fp_difference *add(struct hg_fp_result *result, const char *name,
				    const char *class, bool fails)
{
	struct hg_fp_difference *d = &result->difference[result->count++];

	d->name = name;
	d->class = class;
	d->fails = fails;
	result->passed &= !fails;
	return d;
}

#define SAY(to, ...) snprintf((to), sizeof(to), __VA_ARGS__)

static void compare_members(const struct hg_fp_record *r, const struct hg_fp_evidence *e,
			    bool strict, struct hg_fp_result *result)
{
	for (int i = 0; hg_fp_members[i].name; i++) {
		enum hg_fp_class class = hg_fp_members[i].class;
		const char *want = r->identity.value[i], *have = e->identity.value[i];
		struct hg_fp_difference *d;

		/* What enrolment did not see, a driver may have learned to tell since. */
		if (!*want)
			continue;
		result->members += class == HG_FP_STABLE;
		if (!strcmp(want, have)) {
			result->alike += class == HG_FP_STABLE;
			continue;
		}
		d = add(result, hg_fp_members[i].name, hg_fp_class_name(class),
			class == HG_FP_STABLE || (strict && class == HG_FP_SOFTWARE));
		SAY(d->expected, "%s", want);
		SAY(d->found, "%s", *have ? have : "nothing");
	}
}

static void compare_behaviour(const struct hg_fp_record *r, const struct hg_fp_evidence *e,
			      struct hg_fp_result *result)
{
	struct hg_fp_difference *d;

	if (!r->behaviour)
		return;
	if (!e->measured) {
		d = add(result, "behaviour", "behaviour", true);
		SAY(d->expected, "the enrolled behaviour");
		SAY(d->found, "not measured");
	} else if (e->failed || CRYPTO_memcmp(e->check, r->check, sizeof(e->check))) {
		d = add(result, "behaviour", "behaviour", true);
		SAY(d->expected, "the secret of %u contrasts", r->quality.bits);
		SAY(d->found, "%s",
		    e->failed ? "another device, too much noise, or changed helper data"
			      : "another secret");
	} else {
		uint32_t bits = r->quality.bits;

		result->score_ppm =
			(uint32_t)((uint64_t)(bits - (e->differ < bits ? e->differ : bits)) *
				   1000000 / bits);
	}
}

static void compare_record(const struct hg_fp_record *r, const struct hg_fp_evidence *e,
			   int64_t now, struct hg_fp_result *result)
{
	struct hg_fp_difference *d;

	if (r->simulated != e->identity.simulated) {
		d = add(result, "simulated", "record", true);
		SAY(d->expected, "%s", r->simulated ? "a simulated device" : "hardware");
		SAY(d->found, "%s", e->identity.simulated ? "a simulated device" : "hardware");
	}
	if (r->expires && now >= r->expires) {
		d = add(result, "expires", "record", true);
		SAY(d->expected, "a record for after %lld", (long long)now);
		SAY(d->found, "one until %lld", (long long)r->expires);
	}
	if (now < r->created) {
		d = add(result, "created", "record", true);
		SAY(d->expected, "a record from before %lld", (long long)now);
		SAY(d->found, "one from %lld", (long long)r->created);
	}
}

void hg_fp_compare(const struct hg_fp_record *r, const struct hg_fp_evidence *e, int64_t now,
		   bool strict, struct hg_fp_result *result)
{
	memset(result, 0, sizeof(*result));
	result->passed = true;
	result->simulated = r->simulated || e->identity.simulated;
	compare_record(r, e, now, result);
	compare_members(r, e, strict, result);
	compare_behaviour(r, e, result);
	if (!result->members) {
		struct hg_fp_difference *d = add(result, "identity", "record", true);

		SAY(d->expected, "stable members");
		SAY(d->found, "none in the record");
	}
}

int hg_fp_name_difference(const struct hg_fp_result *result, struct hg_gpu_error *err)
{
	size_t i;

	for (i = 0; i < result->count; i++) {
		const struct hg_fp_difference *d = &result->difference[i];

		if (d->fails)
			return hg_gpu_fail(
				err, HG_GPU_E_IDENTITY,
				"this is not the enrolled GPU: %s is %.80s, expected %.80s",
				d->name, d->found, d->expected);
	}
	return hg_gpu_fail(err, HG_GPU_E_IDENTITY, "this is not the enrolled GPU");
}

int hg_fp_agreement(const struct hg_fp_record *r, struct hg_agree_options *o,
		    struct hg_gpu_error *err)
{
	o->anonymous |= !r->behaviour;
	if (!o->anonymous) {
		if (o->group == HG_SM2)
			memcpy(o->enrolled, r->sm2, sizeof(r->sm2));
		else if (o->group == HG_P256)
			memcpy(o->enrolled, r->p256, sizeof(r->p256));
		else
			memcpy(o->enrolled, r->x25519, sizeof(r->x25519));
		o->helper = (const uint8_t *)&r->helper;
		o->helper_size = sizeof(r->helper);
	}
	return hg_fp_identity_hash(&r->identity, o->gpu, err);
}
