// SPDX-License-Identifier: Apache-2.0
/* The parts of hgverifyd by themselves: HTTP, limits, audit log, configuration, secrets. */
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- HTTP ---- */

#define HOST "Host: x\r\n"

static void request_is(const char *text, int want, const char *part)
{
	struct http_request r;
	const char *why = NULL;
	char *exact = malloc(strlen(text) ? strlen(text) : 1);
	int ret;

	/* In a block of its exact size, so that the sanitizer sees every step beyond. */
	assert_non_null(exact);
	memcpy(exact, text, strlen(text));
	ret = http_parse_request(exact, strlen(text), &r, &why);
	if (ret != want || (want > 1 && !strstr(why, part)))
		fail_msg("%s: %d, want %d: %s", text, ret, want, why ? why : "");
	free(exact);
}

static void http_good(void **state)
{
	static const char text[] = "POST /v1/verify HTTP/1.1\r\nHost: x\r\ncontent-length:  12 \r\n"
				   "Content-Type: application/json; charset=utf-8\r\n"
				   "Authorization: bearer abc\r\nX-Other: a, b\r\n\r\n{}";
	struct http_request r;
	const char *why;
	size_t i;

	(void)state;
	assert_int_equal(http_parse_request(text, sizeof(text) - 1, &r, &why), 0);
	assert_int_equal(r.method, HTTP_POST);
	assert_string_equal(r.path, "/v1/verify");
	assert_string_equal(r.bearer, "abc");
	assert_int_equal(r.body_size, 12);
	assert_int_equal(r.head_size, sizeof(text) - 1 - 2);
	assert_true(r.json && !r.close);
	/* Whatever has come so far is not enough. */
	for (i = 0; i < r.head_size; i++)
		assert_int_equal(http_parse_request(text, i, &(struct http_request){ 0 }, &why),
				 HTTP_INCOMPLETE);
	request_is("GET /metrics HTTP/1.1\r\n" HOST "\r\n", 0, "");
}

static void http_bad(void **state)
{
	static const struct {
		const char *text;
		int want;
		const char *part;
	} bad[] = {
		{ "\r\n\r\n", 400, "METHOD" },
		{ "GET\r\n\r\n", 400, "METHOD" },
		{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400, "path" },
		{ " GET / HTTP/1.1\r\n" HOST "\r\n", 400, "METHOD" },
		{ "PUT / HTTP/1.1\r\n" HOST "\r\n", 501, "GET and POST" },
		{ "get / HTTP/1.1\r\n" HOST "\r\n", 501, "GET and POST" },
		{ "GET / HTTP/1.0\r\n" HOST "\r\n", 505, "HTTP/1.1" },
		{ "GET / HTTP/2.0\r\n" HOST "\r\n", 505, "HTTP/1.1" },
		{ "GET / http/1.1\r\n" HOST "\r\n", 505, "HTTP/1.1" },
		{ "GET / HTTP/1.1 \r\n" HOST "\r\n", 505, "HTTP/1.1" },
		{ "GET /?a=b HTTP/1.1\r\n" HOST "\r\n", 400, "query" },
		{ "GET /%2e HTTP/1.1\r\n" HOST "\r\n", 400, "path" },
		{ "GET x HTTP/1.1\r\n" HOST "\r\n", 400, "path" },
		{ "GET http://x/ HTTP/1.1\r\n" HOST "\r\n", 400, "path" },
		{ "GET /0123456789012345678901234567890123456789012345678901234567890123456789 "
		  "HTTP/1.1\r\n" HOST "\r\n",
		  414, "63" },
		{ "GET / HTTP/1.1\r\n\r\n", 400, "Host" },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "Host" },
		{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, "twice" },
		{ "GET / HTTP/1.1\n" HOST "\n\r\n\r\n", 400, "line end" },
		{ "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n", 400, "line end" },
		{ "GET / HTTP/1.1\r\nHost: x\ny\r\n\r\n", 400, "line end" },
		{ "GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", 400, "control" },
		{ "GET / HTTP/1.1\r\n" HOST "A: \xff\r\n\r\n", 400, "control" },
		{ "GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400, "NAME: VALUE" },
		{ "GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400, "NAME: VALUE" },
		{ "GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400, "NAME: VALUE" },
		{ "GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", 400, "NAME: VALUE" },
		{ "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", 400, "no body" },
		{ "POST / HTTP/1.1\r\n" HOST "\r\n", 411, "missing" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400,
		  "twice" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\ncontent-length: 2\r\n\r\n", 400,
		  "twice" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1,1\r\n\r\n", 400, "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400, "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", 400, "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999\r\n\r\n", 400, "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n", 400,
		  "number" },
		{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 501, "chunks" },
		{ "POST / HTTP/1.1\r\n" HOST
		  "Content-Length: 4\r\nTransfer-Encoding: identity\r\n\r\n",
		  501, "chunks" },
		{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n",
		  417, "Expect" },
		{ "GET / HTTP/1.1\r\n" HOST "Authorization: Basic abc\r\n\r\n", 400, "Bearer" },
		{ "GET / HTTP/1.1\r\n" HOST "Authorization: Bearer\r\n\r\n", 400, "Bearer" },
		{ "GET / HTTP/1.1\r\n" HOST "Authorization: Bearer a b\r\n\r\n", 400, "token" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		request_is(bad[i].text, bad[i].want, bad[i].part);
}

static void http_bombs(void **state)
{
	char *text = calloc(1, 3 * HTTP_HEAD_MAX);
	size_t i;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', HTTP_HEAD_MAX - 1);
	request_is(text, HTTP_INCOMPLETE, "");
	text[HTTP_HEAD_MAX - 1] = 'a';
	request_is(text, 431, "8192");
	/* The end may not come later, either. */
	strcat(text, "\r\n\r\n");
	request_is(text, 431, "8192");
	strcpy(text, "GET / HTTP/1.1\r\n" HOST);
	for (i = 0; i < HTTP_FIELDS_MAX; i++)
		strcat(text, "A: b\r\n");
	strcat(text, "\r\n");
	request_is(text, 431, "32");
	strcpy(text, "GET / HTTP/1.1\r\n" HOST "Authorization: Bearer ");
	memset(text + strlen(text), 'a', HTTP_BEARER_MAX + 1);
	strcat(text, "\r\n\r\n");
	request_is(text, 400, "token");
	free(text);
}

static void http_responses(void **state)
{
	static const struct {
		const char *text;
		int want;
	} some[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 0 },
		{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", HTTP_INCOMPLETE },
		{ "HTTP/1.1 200 OK\r\n\r\n", -1 },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", -1 },
		{ "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", -1 },
		{ "HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\n", -1 },
		{ "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n", -1 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n", -1 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", -1 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
		  -1 },
		{ "<html>\r\n\r\n", -1 },
	};
	struct http_response r;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(some); i++)
		if (http_parse_response(some[i].text, strlen(some[i].text), &r, &why) !=
		    some[i].want)
			fail_msg("%s", some[i].text);
}

/* ---- Limits ---- */

static void rates(void **state)
{
	struct rates *l = rate_new(2, 3);
	struct source a = { { 1 } }, b = { { 2 } };
	struct source many = { { 3 } };
	int64_t now = 5000;
	uint32_t i;

	(void)state;
	assert_non_null(l);
	for (i = 0; i < 3; i++)
		assert_true(rate_take(l, &a, now));
	assert_false(rate_take(l, &a, now));
	assert_true(rate_take(l, &b, now));
	assert_false(rate_take(l, &a, now + 499));
	assert_true(rate_take(l, &a, now + 500));
	assert_false(rate_take(l, &a, now + 500));
	/* A clock that goes back gives nothing. */
	assert_false(rate_take(l, &a, now - 100000));
	/* After a long rest no more than the burst. */
	now += 1000000;
	for (i = 0; i < 3; i++)
		assert_true(rate_take(l, &a, now));
	assert_false(rate_take(l, &a, now));
	/* More sources than there are buckets do not free an empty one. */
	for (i = 0; i < 50000; i++) {
		memcpy(many.key + 4, &i, sizeof(i));
		rate_take(l, &many, now);
	}
	assert_false(rate_take(l, &a, now));
	rate_free(l);
}

static void sources(void **state)
{
	struct sockaddr_storage x = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&x;
	struct sockaddr_storage y = { .ss_family = AF_INET };
	struct source a, b;

	(void)state;
	in6->sin6_addr.s6_addr[0] = 0x20;
	source_of_address(&x, &a);
	in6->sin6_addr.s6_addr[15] = 7; /* in the same /56 */
	source_of_address(&x, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	in6->sin6_addr.s6_addr[7] = 1;
	source_of_address(&x, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	in6->sin6_addr.s6_addr[6] = 1;
	source_of_address(&x, &b);
	assert_memory_not_equal(&a, &b, sizeof(a));
	/* An IPv4 address is the same one in either form. */
	((struct sockaddr_in *)&y)->sin_addr.s_addr = 0x0100007f;
	source_of_address(&y, &a);
	memset(&in6->sin6_addr, 0, 16);
	memset(in6->sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(in6->sin6_addr.s6_addr + 12, "\x7f\x00\x00\x01", 4);
	source_of_address(&x, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void memory_shares(void **state)
{
	struct shares *s = shares_new(3, 100, 60);
	struct source a = { { 1 } }, b = { { 2 } }, c = { { 3 } }, d = { { 4 } };

	(void)state;
	assert_non_null(s);
	assert_false(share_take(s, &a, 61));
	assert_false(share_take(s, &a, UINT64_MAX));
	assert_true(share_take(s, &a, 40));
	assert_false(share_take(s, &a, 21));
	assert_true(share_take(s, &a, 20));
	assert_true(share_take(s, &a, 0));
	assert_false(share_take(s, &a, 1));
	/* Others have what is left, of all. */
	assert_false(share_take(s, &b, 41));
	assert_true(share_take(s, &b, 30));
	assert_true(share_take(s, &c, 9));
	assert_false(share_take(s, &c, 2));
	/* No place for a fourth, until somebody has nothing. */
	assert_false(share_take(s, &d, 1));
	share_give(s, &a, 40);
	assert_false(share_take(s, &d, 1));
	share_give(s, &a, 20);
	assert_true(share_take(s, &d, 1));
	share_give(s, &c, 9);
	share_give(s, &b, 30);
	share_give(s, &d, 1);
	assert_true(share_take(s, &d, 60));
	assert_false(share_take(s, &a, 41));
	assert_true(share_take(s, &a, 40));
	shares_free(s);
}

/* ---- Challenges ---- */

static void challenge_order(void **state)
{
	struct challenges *c = challenges_new(4, 4, 100);
	struct owner nobody = { { 0 } };
	struct source from = { { 1 } };
	uint8_t n[6][64];
	struct att_bytes payload = { 0 }, got = { 0 };
	int i;

	(void)state;
	assert_non_null(c);
	assert_int_equal(challenge_give(c, &nobody, &from, 0, n[0], 15, NULL), CHALLENGE_FAILED);
	assert_int_equal(challenge_give(c, &nobody, &from, 0, n[0], 65, NULL), CHALLENGE_FAILED);
	for (i = 0; i < 4; i++)
		assert_int_equal(challenge_give(c, &nobody, &from, i, n[i], 16, NULL),
				 CHALLENGE_OK);
	assert_int_equal(challenge_give(c, &nobody, &from, 4, n[4], 16, NULL), CHALLENGE_FULL);
	/* A prefix of a nonce is not the nonce. */
	assert_int_equal(challenge_take(c, &nobody, 4, n[1], 15, NULL), CHALLENGE_UNKNOWN);
	assert_int_equal(challenge_take(c, &nobody, 4, n[1], 64, NULL), CHALLENGE_UNKNOWN);
	/* Out of order, and the place is used again. */
	assert_int_equal(challenge_take(c, &nobody, 4, n[2], 16, NULL), CHALLENGE_OK);
	assert_int_equal(challenge_take(c, &nobody, 4, n[2], 16, NULL), CHALLENGE_UNKNOWN);
	assert_int_equal(att_bytes_set(&payload, "state", 5), 0);
	assert_int_equal(challenge_give(c, &nobody, &from, 5, n[4], 16, &payload), CHALLENGE_OK);
	assert_null(payload.data);
	/* The first two are over their time. */
	assert_int_equal(challenges_out(c, 101), 2);
	assert_int_equal(challenge_take(c, &nobody, 101, n[0], 16, NULL), CHALLENGE_UNKNOWN);
	assert_int_equal(challenge_take(c, &nobody, 101, n[4], 16, &got), CHALLENGE_OK);
	assert_memory_equal(got.data, "state", 5);
	att_bytes_free(&got);
	/* What is never fetched is freed with the table. */
	assert_int_equal(att_bytes_set(&payload, "state", 5), 0);
	assert_int_equal(challenge_give(c, &nobody, &from, 101, n[5], 64, &payload), CHALLENGE_OK);
	challenges_free(c);
}

/* ---- The audit log ---- */

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/hgverifyd-parts.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "audit", "audit.1", "conf" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

static void put_lines(int n)
{
	const struct audit_entry e = {
		.event = "verify", .remote = "x \x1b[31m \"quoted\"", .verdict = 0, .time = 7
	};
	struct att_error err = { 0 };
	struct audit *a = audit_open(path_of("audit"), 5, &err);

	if (!a)
		fail_msg("%s", err.text);
	while (n--)
		assert_int_equal(audit_write(a, &e, true, &err), 0);
	audit_close(a);
}

static size_t load_audit(char *text, size_t max)
{
	FILE *from = fopen(path_of("audit"), "r");
	size_t n;

	assert_non_null(from);
	n = fread(text, 1, max, from);
	fclose(from);
	return n;
}

static void must_break(const char *text, size_t size)
{
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };

	assert_int_equal(audit_check_text(text, size, &chain, &err), -1);
	assert_int_equal(err.code, ATT_E_FORMAT);
	assert_non_null(strstr(err.text, "line "));
}

static void audit_chain_holds(void **state)
{
	char text[8192], changed[8192], *second, *third;
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	size_t size;

	(void)state;
	put_lines(3);
	size = load_audit(text, sizeof(text));
	assert_int_equal(audit_check_text(text, size, &chain, &err), 0);
	assert_int_equal(chain.lines, 4);
	text[size] = '\0';
	/* No escape sequence gets from a client to whoever reads the log. */
	assert_null(strchr(text, 0x1b));
	second = strchr(text, '\n') + 1;
	third = strchr(second, '\n') + 1;
	/* A line that was changed. */
	memcpy(changed, text, size);
	changed[second - text + 10] ^= 1;
	must_break(changed, size);
	/* A line that was taken out, and two that were exchanged. */
	memcpy(changed, text, (size_t)(second - text));
	memcpy(changed + (second - text), third, size - (size_t)(third - text));
	must_break(changed, size - (size_t)(third - second));
	memcpy(changed, second, (size_t)(third - second));
	memcpy(changed + (third - second), text, (size_t)(second - text));
	memcpy(changed + (third - text), third, size - (size_t)(third - text));
	must_break(changed, size);
	/* A line twice. */
	memcpy(changed, text, (size_t)(third - text));
	memcpy(changed + (third - text), second, size - (size_t)(second - text));
	must_break(changed, size + (size_t)(third - second));
	must_break("{}\n", 3);
	must_break("\n", 1);
	must_break("x\n", 2);
}

static void audit_torn(void **state)
{
	char text[8192];
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	size_t size;
	int fd;

	(void)state;
	put_lines(2);
	size = load_audit(text, sizeof(text));
	/* A crash in the middle of the last line. */
	assert_int_equal(truncate(path_of("audit"), (off_t)size - 20), 0);
	put_lines(1);
	size = load_audit(text, sizeof(text));
	text[size] = '\0';
	assert_int_equal(audit_check_text(text, size, &chain, &err), 0);
	assert_int_equal(chain.lines, 4);
	assert_non_null(strstr(text, "\"cut\":"));
	/* Damage elsewhere is not repaired: it does not start. */
	fd = open(path_of("audit"), O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 30), 1);
	close(fd);
	assert_null(audit_open(path_of("audit"), 5, &err));
	assert_non_null(strstr(err.text, "line "));
}

static void audit_moved(void **state)
{
	const struct audit_entry e = { .event = "verify", .verdict = 0 };
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	struct audit *a = audit_open(path_of("audit"), 5, &err);
	char moved[96];

	(void)state;
	assert_non_null(a);
	/* Nobody else has it meanwhile. */
	assert_null(audit_open(path_of("audit"), 5, &err));
	assert_non_null(strstr(err.text, "another hgverifyd"));
	assert_int_equal(audit_write(a, &e, false, &err), 0);
	assert_int_equal(audit_reopen(a, 6, &err), 0);
	strcpy(moved, path_of("audit.1"));
	assert_int_equal(rename(path_of("audit"), moved), 0);
	assert_int_equal(audit_reopen(a, 6, &err), 0);
	assert_int_equal(audit_write(a, &e, false, &err), 0);
	audit_close(a);
	/* Both together are one chain; in the wrong order they are none. */
	assert_int_equal(audit_check(moved, &chain, &err), 0);
	assert_int_equal(audit_check(path_of("audit"), &chain, &err), 0);
	assert_int_equal(chain.lines, 4);
	assert_int_equal(chain.first, 1);
	memset(&chain, 0, sizeof(chain));
	assert_int_equal(audit_check(path_of("audit"), &chain, &err), 0);
	assert_int_equal(chain.first, 3);
	assert_int_equal(audit_check(moved, &chain, &err), -1);
}

/* After a start that cut a torn line off, the log can still be moved. */
static void audit_torn_then_moved(void **state)
{
	const struct audit_entry e = { .event = "verify", .verdict = 0 };
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	char text[8192], moved[96];
	struct audit *a;
	size_t size;

	(void)state;
	put_lines(2);
	size = load_audit(text, sizeof(text));
	assert_int_equal(truncate(path_of("audit"), (off_t)size - 20), 0);
	a = audit_open(path_of("audit"), 5, &err);
	if (!a)
		fail_msg("%s", err.text);
	strcpy(moved, path_of("audit.1"));
	assert_int_equal(rename(path_of("audit"), moved), 0);
	if (audit_reopen(a, 6, &err))
		fail_msg("%s", err.text);
	assert_int_equal(audit_write(a, &e, true, &err), 0);
	audit_close(a);
	assert_int_equal(audit_check(moved, &chain, &err), 0);
	assert_int_equal(audit_check(path_of("audit"), &chain, &err), 0);
	assert_int_equal(chain.lines, 5);
	assert_int_equal(chain.torn, 0);
}

/* In place of libc's, so that half a line cannot be taken back. */
static bool stuck;

int ftruncate(int fd, off_t size)
{
	if (!stuck)
		return (int)syscall(SYS_ftruncate, fd, size);
	errno = EIO;
	return -1;
}

/* Half a line is in the file and stays: nothing is written behind it. */
static void audit_stuck(void **state)
{
	const struct audit_entry e = { .event = "release", .secret = "s", .verdict = 0 };
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	struct audit *a = audit_open(path_of("audit"), 5, &err);
	struct rlimit limit, small;
	char before[8192], after[8192];
	size_t size;

	(void)state;
	assert_non_null(a);
	size = load_audit(before, sizeof(before));
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = size + 20;
	signal(SIGXFSZ, SIG_IGN);
	stuck = true;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(audit_write(a, &e, true, &err), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	/* There is room again, but the half line is still there. */
	assert_int_equal(audit_write(a, &e, true, &err), -1);
	assert_int_equal(err.code, ATT_E_IO);
	assert_non_null(strstr(err.text, "half a line"));
	assert_false(audit_works(a));
	assert_int_equal(load_audit(after, sizeof(after)), size + 20);
	assert_memory_equal(after, before, size);
	stuck = false;
	assert_int_equal(audit_write(a, &e, true, &err), 0);
	assert_true(audit_works(a));
	audit_close(a);
	assert_int_equal(audit_check(path_of("audit"), &chain, &err), 0);
	assert_int_equal(chain.lines, 2);
	assert_int_equal(chain.torn, 0);
}

static int until_failure;

static void *scarce(size_t size)
{
	return until_failure-- ? malloc(size) : NULL;
}

/* Wherever memory is missing, a line is whole or is not written. */
static void audit_without_memory(void **state)
{
	const struct audit_entry e = { .event = "release",
				       .request = "r",
				       .remote = "x",
				       .identity = "i",
				       .ak = "a",
				       .policy = "p",
				       .secret = "s",
				       .claim = "c",
				       .error = "e",
				       .nonce = (const uint8_t *)"n",
				       .nonce_size = 1,
				       .released = true };
	struct audit_chain chain = { 0 };
	struct att_error err = { 0 };
	struct audit *a = audit_open(path_of("audit"), 5, &err);
	char text[8192];
	int n = 0, ret;
	json_t *o;
	size_t size, first;

	(void)state;
	assert_non_null(a);
	first = load_audit(text, sizeof(text));
	do {
		until_failure = n++;
		json_set_alloc_funcs(scarce, free);
		ret = audit_write(a, &e, false, &err);
		json_set_alloc_funcs(malloc, free);
		size = load_audit(text, sizeof(text));
		assert_true(ret ? size == first && err.code == ATT_E_MEMORY : size > first);
	} while (ret);
	assert_true(n > 30);
	audit_close(a);
	o = json_loadb(text + first, size - first, 0, NULL);
	assert_int_equal(json_object_size(o), 15);
	json_decref(o);
	assert_int_equal(audit_check(path_of("audit"), &chain, &err), 0);
	assert_int_equal(chain.lines, 2);
}

static void audit_impossible(void **state)
{
	struct att_error err = { 0 };

	(void)state;
	assert_null(audit_open(folder, 5, &err));
	assert_int_equal(err.code, ATT_E_IO);
	assert_null(audit_open(path_of("none/audit"), 5, &err));
	assert_int_equal(err.code, ATT_E_IO);
	assert_null(audit_open("/dev/null", 5, &err));
	assert_int_equal(err.code, ATT_E_IO);
}

/* ---- Configuration ---- */

static void conf_is(const char *text, const char *part)
{
	struct att_error err = { 0 };
	struct config c;
	int ret;

	config_init(&c);
	ret = config_parse(&c, "conf", text, strlen(text), &err);
	if (!part && ret)
		fail_msg("%s: %s", text, err.text);
	if (part && (!ret || !strstr(err.text, part)))
		fail_msg("%s: %s", text, err.text);
	config_free(&c);
}

static void configuration(void **state)
{
	(void)state;
	conf_is("", NULL);
	conf_is("# c\n\n [limits] \n\tconnections=5\n", NULL);
	conf_is("[server]\nlisten = 1\n[verify]\ndevelopment = yes", NULL);
	conf_is("[enrol]\nadmin = 00:112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n"
		"admin = 00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n",
		NULL);
	conf_is("listen = x", "conf:1: [] has no key 'listen'");
	conf_is("[server]\nlisten", "conf:2: neither");
	conf_is("[server]\n\nlistn = x", "conf:3: [server] has no key 'listn'");
	conf_is("[limits]\nlisten = x", "conf:2: [limits] has no key");
	conf_is("[server", "conf:1: a section");
	conf_is("[server] x", "conf:1: a section");
	conf_is("[nothing]", "conf:1: there is no section");
	conf_is("[server]\nlisten =", "no value");
	conf_is("[server]\nlisten = a\nlisten = b", "conf:3: listen is there twice");
	conf_is("[server]\nsandbox = true", "yes or no");
	conf_is("[server]\nclient_certificate = yes", "required or optional");
	conf_is("[limits]\nconnections = 0", "1 to 65536");
	conf_is("[limits]\nconnections = 65537", "1 to 65536");
	conf_is("[limits]\nconnections = -1", "1 to 65536");
	conf_is("[limits]\nconnections = 99999999999999999999", "1 to 65536");
	conf_is("[limits]\nconnections = 5x", "1 to 65536");
	conf_is("[enrol]\nadmin = 0011", "64 hexadecimal");
	conf_is("[enrol]\nadmin = ", "64 hexadecimal");
	conf_is("[server]\nlisten = a\x01", "control");
}

static void configuration_whole(void **state)
{
	struct att_error err = { 0 };
	struct config c;
	struct {
		const char *add, *part;
	} more[] = {
		{ "", "[server] listen is missing" },
		{ "[server]\nlisten = a\ncertificate = b\nkey = c\n", "[verify] database" },
		{ "[verify]\ndatabase = d\near_key = e\n[audit]\nfile = f\n[enrol]\nenabled = yes\n",
		  "wants roots" },
		{ "[enrol]\nroots = r\n[server]\nclient_certificate = required\n", "client_ca" },
		{ "[limits]\nbody = 2000000\nbody_memory = 1048576\n[server]\nclient_ca = x\n",
		  "body_memory" },
	};
	size_t i;

	(void)state;
	config_init(&c);
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		assert_int_equal(config_parse(&c, "conf", more[i].add, strlen(more[i].add), &err),
				 0);
		assert_int_equal(config_check(&c, "conf", &err), -1);
		if (!strstr(err.text, more[i].part))
			fail_msg("%s", err.text);
	}
	c.body_memory = c.body;
	assert_int_equal(config_check(&c, "conf", &err), 0);
	config_free(&c);
	config_init(&c);
	assert_int_equal(config_read(&c, path_of("none"), &err), -1);
	assert_int_equal(err.code, ATT_E_IO);
	config_free(&c);
}

/* ---- Secrets ---- */

static void sealing(void **state)
{
	struct secrets_key k, other;
	struct att_bytes text, sealed, got, secret = { (uint8_t *)(uintptr_t) "abc", 3 };
	struct att_error err = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(secrets_key_new(&text, &err), 0);
	assert_int_equal(secrets_key_parse(&k, (char *)text.data, text.size, &err), 0);
	text.data[5] = text.data[5] == 'a' ? 'b' : 'a';
	assert_int_equal(secrets_key_parse(&other, (char *)text.data, text.size, &err), 0);
	assert_int_equal(secrets_key_parse(&other, (char *)text.data, 63, &err), -1);
	text.data[5] = 'x';
	assert_int_equal(secrets_key_parse(&other, (char *)text.data, text.size, &err), -1);
	att_bytes_free(&text);
	assert_int_equal(secrets_seal(&k, "n", "p", &secret, &sealed, &err), 0);
	assert_int_equal(secrets_open(&k, "n", "p", &sealed, &got, &err), 0);
	assert_memory_equal(got.data, "abc", 3);
	att_bytes_free(&got);
	assert_int_equal(secrets_open(&k, "m", "p", &sealed, &got, &err), -1);
	assert_int_equal(secrets_open(&k, "n", "q", &sealed, &got, &err), -1);
	assert_int_equal(secrets_open(&k, "np", "", &sealed, &got, &err), -1);
	other = k;
	other.id[0] ^= 1;
	assert_int_equal(secrets_open(&other, "n", "p", &sealed, &got, &err), -1);
	assert_non_null(strstr(err.text, "another key"));
	for (i = 0; i < sealed.size; i++) {
		sealed.data[i] ^= 1;
		assert_int_equal(secrets_open(&k, "n", "p", &sealed, &got, &err), -1);
		assert_null(got.data);
		sealed.data[i] ^= 1;
	}
	for (i = sealed.size; i--;) {
		sealed.size = i;
		assert_int_equal(secrets_open(&k, "n", "p", &sealed, &got, &err), -1);
	}
	att_bytes_free(&sealed);
}

int main(void)
{
#define A(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_good),
		cmocka_unit_test(http_bad),
		cmocka_unit_test(http_bombs),
		cmocka_unit_test(http_responses),
		cmocka_unit_test(rates),
		cmocka_unit_test(sources),
		cmocka_unit_test(memory_shares),
		cmocka_unit_test(challenge_order),
		A(audit_chain_holds),
		A(audit_torn),
		A(audit_moved),
		A(audit_torn_then_moved),
		A(audit_stuck),
		A(audit_without_memory),
		A(audit_impossible),
		cmocka_unit_test(configuration),
		A(configuration_whole),
		cmocka_unit_test(sealing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
