// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <string.h>
#include <strings.h>

/* Fields that count; every other one is checked for its form only. */
enum field {
	F_HOST,
	F_LENGTH,
	F_TYPE,
	F_AUTHORIZATION,
	F_CONNECTION,
	F_ENCODING,
	F_EXPECT,
	FIELDS
};

static const char *const field_name[FIELDS] = {
	[F_HOST] = "Host",
	[F_LENGTH] = "Content-Length",
	[F_TYPE] = "Content-Type",
	[F_AUTHORIZATION] = "Authorization",
	[F_CONNECTION] = "Connection",
	[F_ENCODING] = "Transfer-Encoding",
	[F_EXPECT] = "Expect",
};

struct text {
	const char *at;
	size_t size;
};

struct head {
	struct text first; /* the first line */
	struct text field[FIELDS]; /* at is NULL: not there */
	size_t size;
	const char *why;
	int status; /* of a refusal */
};

static int refuse(struct head *h, int status, const char *why)
{
	h->status = status;
	h->why = why;
	return status;
}

static bool equal(struct text t, const char *to)
{
	return t.size == strlen(to) && !strncasecmp(t.at, to, t.size);
}

static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* The next line of @left, without its end. false: no line, or a bare CR, LF or other control. */
static bool next_line(struct text *left, struct text *line)
{
	size_t i;

	for (i = 0; i < left->size; i++) {
		unsigned char c = (unsigned char)left->at[i];

		if (c == '\r')
			break;
		if ((c < 0x20 && c != '\t') || c >= 0x7f)
			return false;
	}
	if (left->size - i < 2 || left->at[i + 1] != '\n')
		return false;
	*line = (struct text){ left->at, i };
	left->at += i + 2;
	left->size -= i + 2;
	return true;
}

static struct text trimmed(struct text t)
{
	while (t.size && (*t.at == ' ' || *t.at == '\t')) {
		t.at++;
		t.size--;
	}
	while (t.size && (t.at[t.size - 1] == ' ' || t.at[t.size - 1] == '\t'))
		t.size--;
	return t;
}

static int parse_field(struct head *h, struct text line)
{
	struct text name = { line.at, 0 }, value;
	int i;

	while (name.size < line.size && is_token(line.at[name.size]))
		name.size++;
	if (!name.size || name.size == line.size || line.at[name.size] != ':')
		return refuse(h, 400, "a header line is not NAME: VALUE");
	value = trimmed((struct text){ line.at + name.size + 1, line.size - name.size - 1 });
	for (i = 0; i < FIELDS; i++) {
		if (!equal(name, field_name[i]))
			continue;
		/* Twice is refused even if both agree: the next reader may take the other. */
		if (h->field[i].at)
			return refuse(h, 400,
				      i == F_LENGTH ? "Content-Length is there twice"
						    : "a header field is there twice");
		h->field[i] = value;
	}
	return 0;
}

/* Looks for the end and takes the head apart. 0, HTTP_INCOMPLETE, or a status. */
static int parse_head(const char *data, size_t size, struct head *h)
{
	size_t seen = size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX;
	const char *end = seen ? memmem(data, seen, "\r\n\r\n", 4) : NULL;
	struct text left, line;
	unsigned int fields = 0;
	int ret;

	memset(h, 0, sizeof(*h));
	if (!end && size >= HTTP_HEAD_MAX)
		return refuse(h, 431, "the head is larger than 8192 bytes");
	if (!end)
		return HTTP_INCOMPLETE;
	h->size = (size_t)(end - data) + 4;
	left = (struct text){ data, h->size - 2 };
	if (!next_line(&left, &h->first))
		return refuse(h, 400, "the first line has a control character or a bare line end");
	while (left.size) {
		if (!next_line(&left, &line))
			return refuse(h, 400,
				      "a header line has a control character or a bare line end");
		if (++fields > HTTP_FIELDS_MAX)
			return refuse(h, 431, "more than 32 header fields");
		ret = parse_field(h, line);
		if (ret)
			return ret;
	}
	return 0;
}

/* Decimal digits only, no sign, no blanks, nothing that overflows. */
static bool parse_length(struct text t, size_t *value)
{
	size_t i;

	*value = 0;
	if (!t.size || t.size > 10)
		return false;
	for (i = 0; i < t.size; i++) {
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
		*value = *value * 10 + (size_t)(t.at[i] - '0');
	}
	return true;
}

static bool is_json(struct text t)
{
	static const char json[] = "application/json";

	if (!t.at || t.size < sizeof(json) - 1 || strncasecmp(t.at, json, sizeof(json) - 1))
		return false;
	t.at += sizeof(json) - 1;
	t.size -= sizeof(json) - 1;
	return !t.size || equal(t, "; charset=utf-8") || equal(t, ";charset=utf-8");
}

static int parse_method(struct head *h, struct http_request *r, struct text *line)
{
	static const struct {
		const char *name;
		enum http_method method;
	} known[] = { { "GET ", HTTP_GET }, { "POST ", HTTP_POST } };
	size_t i, n;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		n = strlen(known[i].name);
		if (line->size < n || memcmp(line->at, known[i].name, n))
			continue;
		r->method = known[i].method;
		line->at += n;
		line->size -= n;
		return 0;
	}
	for (i = 0; i < line->size && is_token(line->at[i]); i++)
		;
	if (!i || i == line->size || line->at[i] != ' ')
		return refuse(h, 400, "the first line is not METHOD PATH HTTP/1.1");
	return refuse(h, 501, "there are only GET and POST");
}

static bool is_path(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("/._-", c));
}

static int parse_first(struct head *h, struct http_request *r)
{
	static const char version[] = " HTTP/1.1";
	struct text line = h->first;
	size_t n = 0;
	int ret = parse_method(h, r, &line);

	if (ret)
		return ret;
	while (n < line.size && is_path(line.at[n]))
		n++;
	if (n < line.size && line.at[n] == '?')
		return refuse(h, 400, "a query in the path: there are none here");
	if (!n || line.at[0] != '/' || n == line.size || line.at[n] != ' ')
		return refuse(h, 400, "the path is not / and letters, digits, '.', '_' or '-'");
	if (n > HTTP_PATH_MAX)
		return refuse(h, 414, "the path is longer than 63 bytes");
	memcpy(r->path, line.at, n);
	r->path[n] = '\0';
	line.at += n;
	line.size -= n;
	if (!equal(line, version) || memcmp(line.at, version, line.size))
		return refuse(h, 505, "the protocol is not HTTP/1.1");
	return 0;
}

static int parse_bearer(struct head *h, struct http_request *r)
{
	struct text t = h->field[F_AUTHORIZATION];
	size_t i;

	if (!t.at)
		return 0;
	if (t.size < 7 || strncasecmp(t.at, "Bearer ", 7))
		return refuse(h, 400, "Authorization is not Bearer TOKEN");
	t = trimmed((struct text){ t.at + 7, t.size - 7 });
	for (i = 0; i < t.size && is_token(t.at[i]); i++)
		;
	if (!t.size || i < t.size || t.size > HTTP_BEARER_MAX)
		return refuse(h, 400, "Authorization has no token of 1 to 127 characters");
	memcpy(r->bearer, t.at, t.size);
	r->bearer[t.size] = '\0';
	return 0;
}

static int parse_body(struct head *h, struct http_request *r)
{
	if (h->field[F_ENCODING].at)
		return refuse(h, 501, "Transfer-Encoding (chunks) is refused: send Content-Length");
	if (h->field[F_EXPECT].at)
		return refuse(h, 417, "Expect is refused: send the body at once");
	r->has_length = h->field[F_LENGTH].at;
	if (r->has_length && !parse_length(h->field[F_LENGTH], &r->body_size))
		return refuse(h, 400, "Content-Length is not a number of at most ten digits");
	if (r->method == HTTP_GET && r->body_size)
		return refuse(h, 400, "GET has no body");
	if (r->method == HTTP_POST && !r->has_length)
		return refuse(h, 411, "Content-Length is missing");
	r->json = is_json(h->field[F_TYPE]);
	return 0;
}

int http_parse_request(const char *data, size_t size, struct http_request *r, const char **why)
{
	struct head h;
	int ret = parse_head(data, size, &h);

	memset(r, 0, sizeof(*r));
	if (!ret)
		ret = parse_first(&h, r);
	if (!ret && (!h.field[F_HOST].at || !h.field[F_HOST].size))
		ret = refuse(&h, 400, "Host is missing");
	if (!ret)
		ret = parse_bearer(&h, r);
	if (!ret)
		ret = parse_body(&h, r);
	r->head_size = h.size;
	r->close = h.field[F_CONNECTION].at && equal(h.field[F_CONNECTION], "close");
	*why = h.why;
	return ret;
}

int http_parse_response(const char *data, size_t size, struct http_response *r, const char **why)
{
	static const char version[] = "HTTP/1.1 ";
	struct head h;
	int ret = parse_head(data, size, &h), i;
	const char *at = h.first.at;

	memset(r, 0, sizeof(*r));
	*why = h.why;
	if (ret)
		return ret == HTTP_INCOMPLETE ? ret : -1;
	*why = "the status line is not HTTP/1.1 STATUS";
	if (h.first.size < 13 || memcmp(at, version, 9) || at[12] != ' ')
		return -1;
	for (i = 9; i < 12; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		r->status = r->status * 10 + at[i] - '0';
	}
	if (r->status < 200 || r->status > 599)
		return -1;
	*why = "chunks, where a Content-Length was wanted";
	if (h.field[F_ENCODING].at)
		return -1;
	*why = "Content-Length is missing or is no number";
	if (!h.field[F_LENGTH].at || !parse_length(h.field[F_LENGTH], &r->body_size))
		return -1;
	r->head_size = h.size;
	r->json = is_json(h.field[F_TYPE]);
	r->close = h.field[F_CONNECTION].at && equal(h.field[F_CONNECTION], "close");
	*why = NULL;
	return 0;
}

const char *http_reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 411:
		return "Length Required";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 417:
		return "Expectation Failed";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Status";
	}
}
