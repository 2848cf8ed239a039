// SPDX-License-Identifier: Apache-2.0
#include "error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts quote what came from a driver: no escape sequence gets to a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

int hg_gpu_fail(struct hg_gpu_error *err, enum hg_gpu_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	make_printable(err->text);
	return -1;
}

int hg_gpu_no_memory(struct hg_gpu_error *err)
{
	return hg_gpu_fail(err, HG_GPU_E_MEMORY, "out of memory");
}

int hg_gpu_fail_crypto(struct hg_gpu_error *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	hg_gpu_fail(err, HG_GPU_E_CRYPTO, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
	ERR_clear_error();
	return -1;
}

int hg_gpu_prefix(struct hg_gpu_error *err, const char *prefix)
{
	char text[sizeof(err->text)];

	if (!err)
		return -1;
	memcpy(text, err->text, sizeof(text));
	if (snprintf(err->text, sizeof(err->text), "%s: %s", prefix, text) < 0)
		err->text[0] = '\0';
	return -1;
}

const char *hg_gpu_code_name(enum hg_gpu_code code)
{
	static const char *const names[] = {
		[HG_GPU_OK] = "ok",
		[HG_GPU_E_MEMORY] = "memory",
		[HG_GPU_E_ARGUMENT] = "argument",
		[HG_GPU_E_DEVICE] = "device",
		[HG_GPU_E_KAT] = "known-answer",
		[HG_GPU_E_CRYPTO] = "crypto",
		[HG_GPU_E_TAMPERED] = "tampered",
		[HG_GPU_E_REFUSED] = "refused",
		[HG_GPU_E_IDENTITY] = "identity",
		[HG_GPU_E_LIMIT] = "limit",
		[HG_GPU_E_UNSUPPORTED] = "unsupported",
	};

	return (unsigned)code < sizeof(names) / sizeof(*names) ? names[code] : "unknown";
}
