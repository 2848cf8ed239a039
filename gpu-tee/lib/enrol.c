// SPDX-License-Identifier: Apache-2.0
/* Records of devices: made here, and read. */
#include "lib.h"

#include "pem.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <time.h>

#define READINGS     8
#define LIFETIME_MAX (36525ull * 86400)

static char *make(struct hg_gpu *gpu, const struct hg_gpu_enrol_options *o, EVP_PKEY *key,
		  struct hg_gpu_error *err)
{
	bool behaviour = !(o->flags & HG_GPU_ENROL_IDENTITY_ONLY);
	unsigned count = !behaviour ? 0 : o->readings ? o->readings : READINGS;
	struct fp_reading *readings = calloc(count ? count : 1, sizeof(*readings));
	struct hg_fp_record *r = calloc(1, sizeof(*r));
	int64_t now = time(NULL);
	char *text = NULL;

	if (!readings || !r) {
		hg_gpu_no_memory(err);
	} else {
		pthread_mutex_lock(&gpu->lock);
		if (!hg_target_enrol(&gpu->cl.target, readings, count, now,
				     o->lifetime_s ? now + (int64_t)o->lifetime_s : 0, r, err))
			text = hg_fp_record_sign(r, key, err);
		pthread_mutex_unlock(&gpu->lock);
	}
	if (readings)
		OPENSSL_cleanse(readings, count * sizeof(*readings));
	free(readings);
	free(r);
	return text;
}

static int check_enrol(const struct hg_gpu_enrol_options *o, struct hg_gpu_failure *failure)
{
	if (!o->key)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "key is NULL");
	if (o->reserved)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "reserved is not 0");
	if (o->lifetime_s > LIFETIME_MAX)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "lifetime_s: at most 100 years");
	if (o->readings && (o->readings < HG_FP_READINGS_MIN || o->readings > HG_FP_READINGS_MAX))
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "%u readings: %u to %u", o->readings,
				HG_FP_READINGS_MIN, HG_FP_READINGS_MAX);
	return HG_GPU_SUCCESS;
}

int hg_gpu_enrol(struct hg_gpu *gpu, const struct hg_gpu_enrol_options *options, char **record,
		 size_t *size, struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	EVP_PKEY *key;
	int result;

	if (!record || !size)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "%s is NULL",
				record ? "size" : "record");
	*record = NULL;
	*size = 0;
	result = lib_check_fingerprint(gpu, failure);
	if (!result)
		result = LIB_CHECK(options, options->flags, HG_GPU_ENROL_IDENTITY_ONLY, failure);
	if (!result)
		result = check_enrol(options, failure);
	if (result)
		return result;
	key = hg_pem_key(options->key, options->key_size, true);
	if (!key)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT,
				"key is no private key in PEM without a password");
	*record = make(gpu, options, key, &err);
	EVP_PKEY_free(key);
	if (!*record)
		return lib_fail_as(failure, &err);
	*size = strlen(*record);
	return lib_done(failure);
}

void hg_gpu_text_free(char *text)
{
	free(text);
}

int lib_record(const char *text, size_t size, const char *signer, size_t signer_size,
	       struct hg_fp_record **record, struct hg_gpu_failure *failure)
{
	struct hg_gpu_error err = { 0 };
	struct hg_fp_record *r;
	EVP_PKEY *key;
	int rc;

	if (!text || !signer)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "%s is NULL",
				text ? "signer" : "record");
	key = hg_pem_key(signer, signer_size, false);
	if (!key)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "signer is no public key in PEM");
	r = calloc(1, sizeof(*r));
	rc = r ? hg_fp_record_parse(text, size, key, r, &err) : hg_gpu_no_memory(&err);
	EVP_PKEY_free(key);
	if (rc) {
		free(r);
		return lib_fail_record(failure, &err);
	}
	*record = r;
	return HG_GPU_SUCCESS;
}
