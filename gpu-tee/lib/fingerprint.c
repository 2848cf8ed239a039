// SPDX-License-Identifier: Apache-2.0
/* What a device says of itself. */
#include "lib.h"

#include <stdlib.h>

struct hg_gpu_fingerprint {
	struct hg_fp_identity identity;
	uint8_t hash[32];
	size_t count;
	int member[HG_FP_MEMBERS_MAX]; /* those that are there */
};

/* libpci has one thread in it at a time. */
static pthread_mutex_t pci = PTHREAD_MUTEX_INITIALIZER;

int lib_target_open(struct hg_gpu *gpu, struct hg_gpu_error *err)
{
	int rc;

	pthread_mutex_lock(&pci);
	rc = hg_target_open(&gpu->cl.target, &gpu->cl.choice, err);
	pthread_mutex_unlock(&pci);
	return rc;
}

int lib_check_fingerprint(const struct hg_gpu *gpu, struct hg_gpu_failure *failure)
{
	if (!gpu)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "gpu is NULL");
	if (!gpu->kind->fingerprint)
		return lib_fail(failure, HG_GPU_FAIL_UNSUPPORTED,
				"no fingerprint is taken through %s: open the device by OpenCL",
				gpu->kind->name);
	return HG_GPU_SUCCESS;
}

int hg_gpu_fingerprint_collect(struct hg_gpu *gpu, struct hg_gpu_fingerprint **fingerprint,
			       struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	struct hg_gpu_fingerprint *f;
	int result;

	if (!fingerprint)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "fingerprint is NULL");
	*fingerprint = NULL;
	result = lib_check_fingerprint(gpu, failure);
	if (result)
		return result;
	f = calloc(1, sizeof(*f));
	if (!f)
		return lib_fail_memory(failure);
	/* The identity is what it was when the device was opened: no lock. */
	f->identity = gpu->cl.target.identity;
	if (hg_fp_identity_hash(&f->identity, f->hash, &err)) {
		free(f);
		return lib_fail_as(failure, &err);
	}
	for (int i = 0; hg_fp_members[i].name; i++)
		if (*f->identity.value[i])
			f->member[f->count++] = i;
	*fingerprint = f;
	return lib_done(failure);
}

size_t hg_gpu_fingerprint_count(const struct hg_gpu_fingerprint *fingerprint)
{
	return fingerprint ? fingerprint->count : 0;
}

int hg_gpu_fingerprint_at(const struct hg_gpu_fingerprint *fingerprint, size_t index,
			  struct hg_gpu_member *member, struct hg_gpu_failure *failure)
{
	int i, result = LIB_CHECK_OUT(member, failure);

	if (result)
		return result;
	if (!fingerprint)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "fingerprint is NULL");
	if (index >= fingerprint->count)
		return lib_fail(failure, HG_GPU_FAIL_RANGE, "no member %zu among %zu", index,
				fingerprint->count);
	i = fingerprint->member[index];
	lib_text(member->name, sizeof(member->name), hg_fp_members[i].name);
	lib_text(member->kind, sizeof(member->kind), hg_fp_class_name(hg_fp_members[i].class));
	lib_text(member->value, sizeof(member->value), fingerprint->identity.value[i]);
	return lib_done(failure);
}

int hg_gpu_fingerprint_hash(const struct hg_gpu_fingerprint *fingerprint, uint8_t hash[32],
			    struct hg_gpu_failure *failure)
{
	if (!fingerprint || !hash)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "%s is NULL",
				fingerprint ? "hash" : "fingerprint");
	memcpy(hash, fingerprint->hash, sizeof(fingerprint->hash));
	return lib_done(failure);
}

void hg_gpu_fingerprint_free(struct hg_gpu_fingerprint *fingerprint)
{
	free(fingerprint);
}
