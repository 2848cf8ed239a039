/* SPDX-License-Identifier: Apache-2.0 */
/* How functions of the library fail: -1, and an error that names what failed. */
#ifndef HG_GPU_ERROR_H
#define HG_GPU_ERROR_H

enum hg_gpu_code {
	HG_GPU_OK = 0,
	HG_GPU_E_MEMORY,
	HG_GPU_E_ARGUMENT,  /* the caller asked for what cannot be */
	HG_GPU_E_DEVICE,    /* the driver or the device failed */
	HG_GPU_E_KAT,	    /* the device computes wrongly */
	HG_GPU_E_CRYPTO,    /* OpenSSL failed */
	HG_GPU_E_TAMPERED,  /* what came over the bus is not what was sent */
	HG_GPU_E_REFUSED,   /* the device refused what it got; its reason is in the text */
	HG_GPU_E_IDENTITY,  /* not the device that was enrolled */
	HG_GPU_E_LIMIT,	    /* too much, or too often */
	HG_GPU_E_UNSUPPORTED
};

struct hg_gpu_error {
	enum hg_gpu_code code;
	char text[320];
};

/* Fills @err unless it is NULL. Always -1, so that callers can return it. */
int hg_gpu_fail(struct hg_gpu_error *err, enum hg_gpu_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* HG_GPU_E_MEMORY. */
int hg_gpu_no_memory(struct hg_gpu_error *err);
/* HG_GPU_E_CRYPTO: "WHAT: " and what OpenSSL's queue says, which is emptied. */
int hg_gpu_fail_crypto(struct hg_gpu_error *err, const char *what);
/* Puts "PREFIX: " before the text of @err. Always -1. */
int hg_gpu_prefix(struct hg_gpu_error *err, const char *prefix);
const char *hg_gpu_code_name(enum hg_gpu_code code);

#endif
