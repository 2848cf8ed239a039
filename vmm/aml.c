// SPDX-License-Identifier: Apache-2.0
#include "aml.h"

#include <string.h>

#include "util.h"

enum {
	OP_ZERO = 0x00, OP_ONE = 0x01, OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD = 0x0b,
	OP_DWORD = 0x0c, OP_SCOPE = 0x10, OP_BUFFER = 0x11, OP_PACKAGE = 0x12,
	OP_EXT = 0x5b, OP_EXT_DEVICE = 0x82,
};

/* PkgLength in its three-byte form: two more bytes, up to 1 MiB. */
#define PKGLEN_BYTES 3

void aml_bytes(struct aml *a, const void *data, size_t len)
{
	if (a->overflow || len > a->cap - a->len) {
		a->overflow = true;
		return;
	}
	memcpy(a->buf + a->len, data, len);
	a->len += len;
}

void aml_byte(struct aml *a, uint8_t b)
{
	aml_bytes(a, &b, 1);
}

static size_t open_length(struct aml *a)
{
	size_t mark = a->len;

	aml_bytes(a, (const uint8_t[PKGLEN_BYTES]){ 0 }, PKGLEN_BYTES);
	return mark;
}

void aml_end(struct aml *a, size_t mark)
{
	size_t len = a->len - mark;

	if (a->overflow)
		return;
	a->buf[mark] = (uint8_t)(0x80 | (len & 0xf));
	a->buf[mark + 1] = (uint8_t)(len >> 4);
	a->buf[mark + 2] = (uint8_t)(len >> 12);
}

size_t aml_scope(struct aml *a, const char *name)
{
	size_t mark;

	aml_byte(a, OP_SCOPE);
	mark = open_length(a);
	aml_bytes(a, name, strlen(name));
	return mark;
}

size_t aml_device(struct aml *a, const char *name)
{
	size_t mark;

	aml_byte(a, OP_EXT);
	aml_byte(a, OP_EXT_DEVICE);
	mark = open_length(a);
	aml_bytes(a, name, 4);
	return mark;
}

size_t aml_package(struct aml *a, uint8_t elements)
{
	size_t mark;

	aml_byte(a, OP_PACKAGE);
	mark = open_length(a);
	aml_byte(a, elements);
	return mark;
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, OP_NAME);
	aml_bytes(a, name, 4);
}

void aml_int(struct aml *a, uint32_t v)
{
	if (v <= 1) {
		aml_byte(a, v ? OP_ONE : OP_ZERO);
	} else if (v <= 0xff) {
		aml_byte(a, OP_BYTE);
		aml_byte(a, (uint8_t)v);
	} else if (v <= 0xffff) {
		uint16_t w = (uint16_t)v;

		aml_byte(a, OP_WORD);
		aml_bytes(a, &w, 2);
	} else {
		aml_byte(a, OP_DWORD);
		aml_bytes(a, &v, 4);
	}
}

static unsigned int hex(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'A' + 10);
}

void aml_eisaid(struct aml *a, const char *id)
{
	/* Three letters of five bits, four hex digits, stored big-endian. */
	uint32_t v = (uint32_t)(id[0] - 0x40) << 26 | (uint32_t)(id[1] - 0x40) << 21 |
		     (uint32_t)(id[2] - 0x40) << 16 | hex(id[3]) << 12 | hex(id[4]) << 8 |
		     hex(id[5]) << 4 | hex(id[6]);

	v = __builtin_bswap32(v);
	aml_byte(a, OP_DWORD);
	aml_bytes(a, &v, 4);
}

void aml_resources(struct aml *a, const uint8_t *res, size_t len)
{
	static const uint8_t end_tag[2] = { 0x79, 0 };
	size_t mark;

	aml_byte(a, OP_BUFFER);
	mark = open_length(a);
	aml_int(a, (uint32_t)(len + sizeof(end_tag)));
	aml_bytes(a, res, len);
	aml_bytes(a, end_tag, sizeof(end_tag));
	aml_end(a, mark);
}
