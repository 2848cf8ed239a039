// SPDX-License-Identifier: Apache-2.0
/* Whether a device is the one of a record. */
#include "lib.h"

#include <stdlib.h>
#include <time.h>

struct hg_gpu_verdict {
	bool behaviour;
	struct hg_fp_result result;
};

int hg_gpu_verify(struct hg_gpu *gpu, const struct hg_gpu_verify_options *options,
		  struct hg_gpu_verdict **verdict, struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	struct hg_fp_record *r = NULL;
	struct hg_gpu_verdict *v;
	int rc = -1, result;

	if (!verdict)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "verdict is NULL");
	*verdict = NULL;
	result = lib_check_fingerprint(gpu, failure);
	if (!result)
		result = LIB_CHECK(options, options->flags, HG_GPU_VERIFY_STRICT, failure);
	if (!result)
		result = lib_record(options->record, options->record_size, options->signer,
				    options->signer_size, &r, failure);
	if (result)
		return result;
	v = calloc(1, sizeof(*v));
	if (!v) {
		hg_gpu_no_memory(&err);
	} else {
		v->behaviour = r->behaviour;
		pthread_mutex_lock(&gpu->lock);
		rc = hg_target_compare(&gpu->cl.target, r, time(NULL),
				       options->flags & HG_GPU_VERIFY_STRICT, &v->result, &err);
		pthread_mutex_unlock(&gpu->lock);
	}
	free(r);
	if (rc) {
		free(v);
		return lib_fail_as(failure, &err);
	}
	*verdict = v;
	return lib_done(failure);
}

int hg_gpu_verdict_get(const struct hg_gpu_verdict *verdict, struct hg_gpu_verdict_info *info,
		       struct hg_gpu_failure *failure)
{
	int result = LIB_CHECK_OUT(info, failure);

	if (result)
		return result;
	if (!verdict)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "verdict is NULL");
	*info = (struct hg_gpu_verdict_info){
		.struct_size = sizeof(*info),
		.passed = verdict->result.passed,
		.simulated = verdict->result.simulated,
		.behaviour = verdict->behaviour,
		.members = verdict->result.members,
		.alike = verdict->result.alike,
		.score_ppm = verdict->result.score_ppm,
	};
	return lib_done(failure);
}

size_t hg_gpu_verdict_count(const struct hg_gpu_verdict *verdict)
{
	return verdict ? verdict->result.count : 0;
}

int hg_gpu_verdict_at(const struct hg_gpu_verdict *verdict, size_t index,
		      struct hg_gpu_difference *difference, struct hg_gpu_failure *failure)
{
	const struct hg_fp_difference *d;
	int result = LIB_CHECK_OUT(difference, failure);

	if (result)
		return result;
	if (!verdict)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "verdict is NULL");
	if (index >= verdict->result.count)
		return lib_fail(failure, HG_GPU_FAIL_RANGE, "no difference %zu among %zu", index,
				verdict->result.count);
	d = &verdict->result.difference[index];
	lib_text(difference->name, sizeof(difference->name), d->name);
	lib_text(difference->kind, sizeof(difference->kind), d->class);
	lib_text(difference->expected, sizeof(difference->expected), d->expected);
	lib_text(difference->found, sizeof(difference->found), d->found);
	difference->fails = d->fails;
	difference->reserved = 0;
	return lib_done(failure);
}

void hg_gpu_verdict_free(struct hg_gpu_verdict *verdict)
{
	free(verdict);
}
