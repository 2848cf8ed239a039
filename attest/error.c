// SPDX-License-Identifier: Apache-2.0
#include "error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <string.h>

/* Texts quote what came from afar: no escape sequence gets to a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

int att_fail(struct att_error *err, enum att_code code, const char *fmt, ...)
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

int att_no_memory(struct att_error *err)
{
	return att_fail(err, ATT_E_MEMORY, "out of memory");
}

int att_fail_crypto(struct att_error *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	att_fail(err, ATT_E_CRYPTO, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
	ERR_clear_error();
	return -1;
}

int att_prefix(struct att_error *err, const char *prefix)
{
	char text[sizeof(err->text)];

	if (!err)
		return -1;
	memcpy(text, err->text, sizeof(text));
	if (snprintf(err->text, sizeof(err->text), "%s: %s", prefix, text) < 0)
		err->text[0] = '\0';
	return -1;
}
