// SPDX-License-Identifier: Apache-2.0
#include "answer.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

void answer_json(struct answer *a, int status, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	answer_free(a);
	a->status = text ? status : 500;
	a->body = text ? text : strdup("{\"error\":\"memory\",\"message\":\"out of memory\"}");
	a->size = a->body ? strlen(a->body) : 0;
}

void answer_refusal(struct answer *a, int status, const char *code, json_t *o, const char *message)
{
	json_t *text = json_string(message);

	json_object_set_new(o, "error", json_string(code));
	/* Not UTF-8: it quotes what came in. */
	json_object_set_new(o, "message", text ? text : json_string("unreadable"));
	answer_json(a, status, o);
	strncpy(a->code, code, sizeof(a->code) - 1);
}

void answer_error(struct answer *a, int status, const char *code, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer_refusal(a, status, code, json_object(), text);
}

void answer_free(struct answer *a)
{
	if (a->body)
		OPENSSL_cleanse(a->body, a->size);
	free(a->body);
	memset(a, 0, sizeof(*a));
}

size_t answer_head(const struct answer *a, bool close, char *to, size_t max)
{
	char retry[48] = "";
	int n;

	if (a->retry)
		snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", a->retry);
	n = snprintf(to, max,
		     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		     "Cache-Control: no-store\r\n%s%s\r\n",
		     a->status, http_reason(a->status),
		     a->text ? "text/plain; version=0.0.4" : "application/json", a->size, retry,
		     close ? "Connection: close\r\n" : "");
	return n > 0 && (size_t)n < max ? (size_t)n : 0;
}
