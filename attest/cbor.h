/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR (RFC 8949) in its core deterministic encoding, 4.2.1, and nothing else: definite lengths,
 * numbers as short as they can be, keys in order and once. Integers, bytes, text, arrays, maps
 * and tags: what a CoRIM needs.
 */
#ifndef ATT_CBOR_H
#define ATT_CBOR_H

#include "bytes.h"

enum att_cbor_type {
	ATT_CBOR_UINT,
	ATT_CBOR_NEGATIVE,
	ATT_CBOR_BYTES,
	ATT_CBOR_TEXT,
	ATT_CBOR_ARRAY,
	ATT_CBOR_MAP,
	ATT_CBOR_TAG,
};

/* ---- Reading: a wrong type, or another encoding, sets @r->bad, as its end does ---- */

/* What comes next; -1 at the end, or for what is none of the above. */
int att_cbor_peek(const struct att_reader *r);
int64_t att_cbor_read_int(struct att_reader *r); /* 0 if bad, as the following */
uint64_t att_cbor_read_uint(struct att_reader *r);
void att_cbor_read_tag(struct att_reader *r, uint64_t tag);
/* Members of an array, pairs of a map: not more than there are bytes for. */
size_t att_cbor_read_array(struct att_reader *r);
size_t att_cbor_read_map(struct att_reader *r);
/* Points into what is read; NULL if bad. */
const uint8_t *att_cbor_read_bytes(struct att_reader *r, size_t *size);
/* Printable ASCII, a copy of it; false if bad or too long. */
bool att_cbor_read_text(struct att_reader *r, char *to, size_t room);

/* A map's keys, which are integers. Start with zeros. */
struct att_cbor_keys {
	const uint8_t *last;
	size_t size;
};
int64_t att_cbor_read_key(struct att_reader *r, struct att_cbor_keys *keys);

/* ---- Writing: without memory @bad is set, and stays ---- */

struct att_cbor_out {
	struct att_bytes bytes;
	size_t room;
	bool bad;
};

void att_cbor_put(struct att_cbor_out *o, enum att_cbor_type type, uint64_t value);
void att_cbor_put_int(struct att_cbor_out *o, int64_t value);
void att_cbor_put_bytes(struct att_cbor_out *o, const void *data, size_t size);
void att_cbor_put_text(struct att_cbor_out *o, const char *text);
/* The bytes of another one, as a byte string; that one is emptied. */
void att_cbor_put_inner(struct att_cbor_out *o, struct att_cbor_out *inner);

#endif
