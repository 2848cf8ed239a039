// SPDX-License-Identifier: Apache-2.0
#include "bytes.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "error.h"

static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void att_bytes_free(struct att_bytes *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->size);
	free(b->data);
	b->data = NULL;
	b->size = 0;
}

int att_bytes_set(struct att_bytes *b, const void *data, size_t size)
{
	b->data = malloc(size + 1);
	if (!b->data)
		return -1;
	if (size)
		memcpy(b->data, data, size);
	b->data[size] = 0;
	b->size = size;
	return 0;
}

int att_bytes_take_string(struct att_bytes *b, char *text)
{
	if (!text)
		return -1;
	b->data = (uint8_t *)text;
	b->size = strlen(text);
	return 0;
}

void att_read_copy(struct att_reader *r, void *to, size_t size)
{
	const uint8_t *p = att_read(r, size);

	if (p)
		memcpy(to, p, size);
	else
		memset(to, 0, size);
}

bool att_all_zero(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (data[i])
			return false;
	return true;
}

void att_hex(const uint8_t *data, size_t size, char *to)
{
	static const char digit[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < size; i++) {
		*to++ = digit[data[i] >> 4];
		*to++ = digit[data[i] & 15];
	}
	*to = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int att_unhex(const char *text, uint8_t *to, size_t max)
{
	size_t length = strlen(text), i;

	if (length % 2 || length / 2 > max)
		return -1;
	for (i = 0; i < length / 2; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(length / 2);
}

static char *encode(const uint8_t *data, size_t size, const char *digits, bool pad)
{
	char *text, *to;
	size_t i;

	if (size > SIZE_MAX / 2)
		return NULL;
	text = calloc(1, (size + 2) / 3 * 4 + 1);
	if (!text)
		return NULL;
	to = text;
	for (i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t v = (uint32_t)data[i] << 16;

		v |= n > 1 ? (uint32_t)data[i + 1] << 8 : 0;
		v |= n > 2 ? data[i + 2] : 0;
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		if (n > 1)
			*to++ = digits[v >> 6 & 63];
		if (n > 2)
			*to++ = digits[v & 63];
		for (; pad && n < 3; n++)
			*to++ = '=';
	}
	*to = '\0';
	return text;
}

char *att_base64(const uint8_t *data, size_t size)
{
	return encode(data, size, std_digits, true);
}

char *att_base64url(const uint8_t *data, size_t size)
{
	return encode(data, size, url_digits, false);
}

static int digit_value(const char *digits, char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* @length digits without padding, 1 modulo 4 excluded. -1 at a foreign or unused bit. */
static int decode(const char *text, size_t length, const char *digits, uint8_t *to)
{
	uint32_t v = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		int d = digit_value(digits, text[i]);

		if (d < 0)
			return -1;
		v = v << 6 | (uint32_t)d;
		if (i % 4)
			*to++ = (uint8_t)(v >> (6 - 2 * (i % 4)));
	}
	/* Bits that are left over are zero, so that there is one spelling only. */
	if (length % 4 == 2 && (v & 15))
		return -1;
	return length % 4 == 3 && (v & 3) ? -1 : 0;
}

static int unbase64(const char *text, size_t length, const char *digits, size_t max,
		    struct att_bytes *b, const char *what, struct att_error *err)
{
	size_t size = length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0);

	b->data = NULL;
	b->size = 0;
	if (length % 4 == 1)
		return att_fail(err, ATT_E_FORMAT, "%s: base64 of an impossible length", what);
	if (size > max)
		return att_fail(err, ATT_E_FORMAT, "%s: %zu bytes, at most %zu are allowed", what,
				size, max);
	b->data = malloc(size + 1);
	if (!b->data)
		return att_no_memory(err);
	b->size = size;
	if (decode(text, length, digits, b->data)) {
		att_bytes_free(b);
		return att_fail(err, ATT_E_FORMAT, "%s: not base64%s", what,
				digits == url_digits ? "url" : "");
	}
	b->data[size] = 0;
	return 0;
}

int att_unbase64(const char *text, size_t length, size_t max, struct att_bytes *b, const char *what,
		 struct att_error *err)
{
	size_t pad = 0;

	b->data = NULL;
	b->size = 0;
	if (length % 4)
		return att_fail(err, ATT_E_FORMAT, "%s: base64 without its padding", what);
	while (pad < 2 && pad < length && text[length - 1 - pad] == '=')
		pad++;
	return unbase64(text, length - pad, std_digits, max, b, what, err);
}

int att_unbase64url(const char *text, size_t length, size_t max, struct att_bytes *b,
		    const char *what, struct att_error *err)
{
	return unbase64(text, length, url_digits, max, b, what, err);
}
