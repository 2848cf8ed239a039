/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: owned ones, a bounded reader of foreign ones, and their text forms. */
#ifndef ATT_BYTES_H
#define ATT_BYTES_H

#include <string.h>

#include "attest.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A copy of @data in @b; 0 or -1 without memory. An empty copy is valid. */
int att_bytes_set(struct att_bytes *b, const void *data, size_t size);
/* Takes a string from malloc(), without its zero. NULL is a lack of memory: -1. */
int att_bytes_take_string(struct att_bytes *b, char *text);

/*
 * A reader never goes past its end: a read that does not fit returns zeros (or
 * NULL), and @bad stays set. So a parser may read on and ask once.
 */
struct att_reader {
	const uint8_t *next;
	size_t left;
	bool bad;
};

static inline const uint8_t *att_read(struct att_reader *r, size_t size)
{
	const uint8_t *at = r->next;

	if (r->bad || size > r->left) {
		r->bad = true;
		return NULL;
	}
	r->next += size;
	r->left -= size;
	return at;
}

static inline uint64_t att_read_le(struct att_reader *r, unsigned int size)
{
	const uint8_t *p = att_read(r, size);
	uint64_t v = 0;

	while (p && size--)
		v = v << 8 | p[size];
	return v;
}

static inline uint8_t att_read_u8(struct att_reader *r)
{
	return (uint8_t)att_read_le(r, 1);
}

static inline uint16_t att_read_u16(struct att_reader *r)
{
	return (uint16_t)att_read_le(r, 2);
}

static inline uint32_t att_read_u32(struct att_reader *r)
{
	return (uint32_t)att_read_le(r, 4);
}

static inline uint64_t att_read_u64(struct att_reader *r)
{
	return att_read_le(r, 8);
}

/* Copies @size bytes, or zeros. */
void att_read_copy(struct att_reader *r, void *to, size_t size);
bool att_all_zero(const uint8_t *data, size_t size);

/* Lower-case hexadecimal, ended with a zero: @to has room for 2 * size + 1. */
void att_hex(const uint8_t *data, size_t size, char *to);
/* Exactly hexadecimal digits, an even number of them, @max bytes at most. -> size, or -1. */
int att_unhex(const char *text, uint8_t *to, size_t max);

/* Base64, with padding, and base64url, without. -> a string for free(), or NULL. */
char *att_base64(const uint8_t *data, size_t size);
char *att_base64url(const uint8_t *data, size_t size);
/*
 * Strict: no blanks, canonical ends. @err gets ATT_E_FORMAT with @what in front.
 */
int att_unbase64(const char *text, size_t length, size_t max, struct att_bytes *b, const char *what,
		 struct att_error *err);
int att_unbase64url(const char *text, size_t length, size_t max, struct att_bytes *b,
		    const char *what, struct att_error *err);

#endif
