// SPDX-License-Identifier: Apache-2.0
/* Heads of requests and answers: whatever is accepted is within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *why = NULL;
	struct http_request q, again;
	struct http_response r;
	int ret = http_parse_request(text, size, &q, &why);

	must(ret == 0 || ret == HTTP_INCOMPLETE || (ret >= 400 && ret < 600 && why));
	if (!ret) {
		must(q.head_size <= size && q.head_size <= HTTP_HEAD_MAX);
		must(!memcmp(text + q.head_size - 4, "\r\n\r\n", 4));
		must(strlen(q.path) <= HTTP_PATH_MAX && q.path[0] == '/');
		must(q.method == HTTP_POST ? q.has_length : !q.body_size);
		/* What follows does not change what the head says. */
		must(!http_parse_request(text, q.head_size, &again, &why));
		must(again.body_size == q.body_size && !strcmp(again.path, q.path));
	}
	if (!http_parse_response(text, size, &r, &why))
		must(r.head_size <= size && r.status >= 200 && r.status <= 599);
	return 0;
}
