/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of HTTP/1.1 as hgverifyd and its client speak: a head with hard
 * limits, and a body whose length is told in advance. Whatever else there is in
 * RFC 9112 (chunks, folded lines, queries, bare line feeds) is refused by name.
 */
#ifndef HG_HTTP_H
#define HG_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX	8192u /* with the empty line */
#define HTTP_FIELDS_MAX 32u
#define HTTP_PATH_MAX	63u
#define HTTP_BEARER_MAX 127u
#define HTTP_INCOMPLETE 1 /* the head's end is not there yet */

enum http_method { HTTP_GET, HTTP_POST };

struct http_request {
	enum http_method method;
	char path[HTTP_PATH_MAX + 1];
	char bearer[HTTP_BEARER_MAX + 1]; /* of Authorization: Bearer; or "" */
	size_t head_size; /* with the empty line */
	size_t body_size;
	bool has_length, json, close;
};

struct http_response {
	int status;
	size_t head_size, body_size;
	bool json, close;
};

/*
 * 0, HTTP_INCOMPLETE, or a status from 400 on to answer with; @why then says what
 * was wrong. Nothing behind the head is looked at.
 */
int http_parse_request(const char *data, size_t size, struct http_request *r, const char **why);
/* 0, HTTP_INCOMPLETE, or -1 with @why. */
int http_parse_response(const char *data, size_t size, struct http_response *r, const char **why);

/* "OK", "Not Found", ... */
const char *http_reason(int status);

#endif
