// SPDX-License-Identifier: Apache-2.0
#include "cbor.h"

#include <stdlib.h>

/* ---- Reading ---- */

/* The first bytes of an item: its type and its number, in the shortest form. */
static uint64_t read_head(struct att_reader *r, int *type)
{
	static const uint64_t least[] = { 24, 0x100, 0x10000, 0x100000000 };
	uint8_t first = att_read_u8(r), size;
	uint64_t value = 0;
	unsigned int i;

	*type = r->bad ? -1 : first >> 5;
	first &= 31;
	if (first < 24)
		return first;
	if (first > 27) {
		r->bad = true;
		return 0;
	}
	size = (uint8_t)(1u << (first - 24));
	for (i = 0; i < size; i++)
		value = value << 8 | att_read_u8(r);
	if (value < least[first - 24])
		r->bad = true;
	return r->bad ? 0 : value;
}

static uint64_t expect(struct att_reader *r, enum att_cbor_type want)
{
	int type;
	uint64_t value = read_head(r, &type);

	if (type != (int)want)
		r->bad = true;
	return r->bad ? 0 : value;
}

int att_cbor_peek(const struct att_reader *r)
{
	return r->bad || !r->left || *r->next >> 5 > ATT_CBOR_TAG ? -1 : *r->next >> 5;
}

int64_t att_cbor_read_int(struct att_reader *r)
{
	int type;
	uint64_t value = read_head(r, &type);

	if ((type != ATT_CBOR_UINT && type != ATT_CBOR_NEGATIVE) || value > INT64_MAX)
		r->bad = true;
	if (r->bad)
		return 0;
	return type == ATT_CBOR_UINT ? (int64_t)value : -1 - (int64_t)value;
}

uint64_t att_cbor_read_uint(struct att_reader *r)
{
	return expect(r, ATT_CBOR_UINT);
}

void att_cbor_read_tag(struct att_reader *r, uint64_t tag)
{
	if (expect(r, ATT_CBOR_TAG) != tag)
		r->bad = true;
}

/* Each member has one byte at least: so a count cannot make anybody reserve much for little. */
static size_t read_count(struct att_reader *r, enum att_cbor_type type, unsigned int each)
{
	uint64_t count = expect(r, type);

	if (count > r->left / each)
		r->bad = true;
	return r->bad ? 0 : (size_t)count;
}

size_t att_cbor_read_array(struct att_reader *r)
{
	return read_count(r, ATT_CBOR_ARRAY, 1);
}

size_t att_cbor_read_map(struct att_reader *r)
{
	return read_count(r, ATT_CBOR_MAP, 2);
}

const uint8_t *att_cbor_read_bytes(struct att_reader *r, size_t *size)
{
	*size = read_count(r, ATT_CBOR_BYTES, 1);
	return r->bad ? NULL : att_read(r, *size);
}

bool att_cbor_read_text(struct att_reader *r, char *to, size_t room)
{
	size_t size = read_count(r, ATT_CBOR_TEXT, 1), i;
	const uint8_t *p = r->bad ? NULL : att_read(r, size);

	*to = '\0';
	if (p && size >= room)
		r->bad = true;
	for (i = 0; p && i < size && !r->bad; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			r->bad = true;
	if (!p || r->bad)
		return false;
	memcpy(to, p, size);
	to[size] = '\0';
	return true;
}

int64_t att_cbor_read_key(struct att_reader *r, struct att_cbor_keys *keys)
{
	const uint8_t *begin = r->next;
	int64_t key = att_cbor_read_int(r);
	size_t size = (size_t)(r->next - begin), less;
	int order;

	if (r->bad)
		return 0;
	less = size < keys->size ? size : keys->size;
	order = less ? memcmp(keys->last, begin, less) : -1;
	/* Of two different keys none is the beginning of the other. */
	if (order >= 0)
		r->bad = true;
	keys->last = begin;
	keys->size = size;
	return r->bad ? 0 : key;
}

/* ---- Writing ---- */

static void append(struct att_cbor_out *o, const void *data, size_t size)
{
	uint8_t *grown;

	if (o->bad || !size)
		return;
	if (size > o->room - o->bytes.size) {
		size_t room = o->bytes.size + size + 4096;

		grown = realloc(o->bytes.data, room);
		if (!grown) {
			o->bad = true;
			return;
		}
		o->bytes.data = grown;
		o->room = room;
	}
	memcpy(o->bytes.data + o->bytes.size, data, size);
	o->bytes.size += size;
}

void att_cbor_put(struct att_cbor_out *o, enum att_cbor_type type, uint64_t value)
{
	uint8_t head[9];
	unsigned int size = value < 24		  ? 0
			    : value < 0x100	  ? 1
			    : value < 0x10000	  ? 2
			    : value < 0x100000000 ? 4
						  : 8;
	unsigned int i;

	head[0] = (uint8_t)(type << 5);
	head[0] |= (uint8_t)(!size ? value : 24u + (unsigned int)__builtin_ctz(size));
	for (i = 0; i < size; i++)
		head[1 + i] = (uint8_t)(value >> 8 * (size - 1 - i));
	append(o, head, 1 + size);
}

void att_cbor_put_int(struct att_cbor_out *o, int64_t value)
{
	if (value < 0)
		att_cbor_put(o, ATT_CBOR_NEGATIVE, (uint64_t)(-1 - value));
	else
		att_cbor_put(o, ATT_CBOR_UINT, (uint64_t)value);
}

void att_cbor_put_bytes(struct att_cbor_out *o, const void *data, size_t size)
{
	att_cbor_put(o, ATT_CBOR_BYTES, size);
	append(o, data, size);
}

void att_cbor_put_text(struct att_cbor_out *o, const char *text)
{
	att_cbor_put(o, ATT_CBOR_TEXT, strlen(text));
	append(o, text, strlen(text));
}

void att_cbor_put_inner(struct att_cbor_out *o, struct att_cbor_out *inner)
{
	o->bad |= inner->bad;
	att_cbor_put_bytes(o, inner->bytes.data, inner->bytes.size);
	att_bytes_free(&inner->bytes);
	inner->room = 0;
}
