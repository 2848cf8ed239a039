// SPDX-License-Identifier: Apache-2.0
/* Results of the public interface, and what they are inside. */
#include "lib.h"

#include <stdarg.h>
#include <stdio.h>

_Static_assert((int)HG_GPU_FAIL_MEMORY == (int)HG_GPU_E_MEMORY &&
		       (int)HG_GPU_FAIL_ARGUMENT == (int)HG_GPU_E_ARGUMENT &&
		       (int)HG_GPU_FAIL_DEVICE == (int)HG_GPU_E_DEVICE &&
		       (int)HG_GPU_FAIL_KNOWN_ANSWER == (int)HG_GPU_E_KAT &&
		       (int)HG_GPU_FAIL_CRYPTO == (int)HG_GPU_E_CRYPTO &&
		       (int)HG_GPU_FAIL_TAMPERED == (int)HG_GPU_E_TAMPERED &&
		       (int)HG_GPU_FAIL_REFUSED == (int)HG_GPU_E_REFUSED &&
		       (int)HG_GPU_FAIL_IDENTITY == (int)HG_GPU_E_IDENTITY &&
		       (int)HG_GPU_FAIL_LIMIT == (int)HG_GPU_E_LIMIT &&
		       (int)HG_GPU_FAIL_UNSUPPORTED == (int)HG_GPU_E_UNSUPPORTED,
	       "the public results begin as the library's own");

const char *hg_gpu_version(void)
{
	return HG_GPU_VERSION;
}

const char *hg_gpu_result_name(int code)
{
	static const char *const own[] = {
		"range", "closed", "record", "not found", "version",
	};

	if (code >= HG_GPU_FAIL_RANGE && code <= HG_GPU_FAIL_VERSION)
		return own[code - HG_GPU_FAIL_RANGE];
	return hg_gpu_code_name((enum hg_gpu_code)code);
}

int lib_done(struct hg_gpu_failure *failure)
{
	if (failure) {
		failure->code = HG_GPU_SUCCESS;
		failure->text[0] = '\0';
	}
	return HG_GPU_SUCCESS;
}

int lib_fail(struct hg_gpu_failure *failure, int result, const char *fmt, ...)
{
	char text[sizeof(failure->text)];
	struct hg_gpu_error err;
	va_list ap;

	if (!failure)
		return result;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* What the caller passed may be in it: printable as all texts are. */
	hg_gpu_fail(&err, HG_GPU_OK, "%s", text);
	failure->code = result;
	lib_text(failure->text, sizeof(failure->text), err.text);
	return result;
}

int lib_fail_closed(struct hg_gpu_failure *failure)
{
	return lib_fail(failure, HG_GPU_FAIL_CLOSED, "the session is closed");
}

int lib_fail_memory(struct hg_gpu_failure *failure)
{
	return lib_fail(failure, HG_GPU_FAIL_MEMORY, "out of memory");
}

int lib_fail_as(struct hg_gpu_failure *failure, const struct hg_gpu_error *err)
{
	return lib_fail(failure, (int)err->code, "%s", err->text);
}

int lib_fail_record(struct hg_gpu_failure *failure, const struct hg_gpu_error *err)
{
	bool own = err->code == HG_GPU_E_MEMORY || err->code == HG_GPU_E_CRYPTO;

	return lib_fail(failure, own ? (int)err->code : HG_GPU_FAIL_RECORD, "%s", err->text);
}

int lib_check_options(const void *options, size_t have, size_t want, uint64_t flags, uint64_t known,
		      struct hg_gpu_failure *failure)
{
	if (!options)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "a structure is NULL");
	if (have != want)
		return lib_fail(failure, HG_GPU_FAIL_VERSION,
				"struct_size is %zu, this version has %zu: use hg_gpu_clear()",
				have, want);
	if (flags & ~known)
		return lib_fail(failure, HG_GPU_FAIL_ARGUMENT, "unknown flags %#llx",
				(unsigned long long)(flags & ~known));
	return HG_GPU_SUCCESS;
}

void lib_text(char *to, size_t size, const char *from)
{
	size_t n = strnlen(from, size - 1);

	memcpy(to, from, n);
	to[n] = '\0';
}
