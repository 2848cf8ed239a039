// SPDX-License-Identifier: Apache-2.0
#include "p9-wire.h"

#include "util.h"

const uint8_t *p9_take(struct p9_in *in, size_t len)
{
	const uint8_t *p = in->p + in->off;

	if (in->bad || len > in->len - in->off) {
		in->bad = true;
		return NULL;
	}
	in->off += len;
	return p;
}

uint16_t p9_u16(struct p9_in *in)
{
	const uint8_t *p = p9_take(in, 2);

	return p ? get_le16(p) : 0;
}

uint32_t p9_u32(struct p9_in *in)
{
	const uint8_t *p = p9_take(in, 4);

	return p ? get_le32(p) : 0;
}

uint64_t p9_u64(struct p9_in *in)
{
	const uint8_t *p = p9_take(in, 8);

	return p ? get_le64(p) : 0;
}

void p9_str(struct p9_in *in, char *buf, size_t size)
{
	uint16_t len = p9_u16(in);
	const uint8_t *p = p9_take(in, len);

	buf[0] = '\0';
	if (!p || len >= size || memchr(p, 0, len)) {
		in->bad = true;
		return;
	}
	memcpy(buf, p, len);
	buf[len] = '\0';
}

size_t p9_room(const struct p9_out *out)
{
	return out->full ? 0 : out->cap - out->len;
}

uint8_t *p9_reserve(struct p9_out *out, size_t len)
{
	uint8_t *p = out->p + out->len;

	if (out->full || len > out->cap - out->len) {
		out->full = true;
		return NULL;
	}
	out->len += len;
	return p;
}

void p9_truncate(struct p9_out *out, size_t len)
{
	if (!out->full && len <= out->len)
		out->len = len;
}

void p9_put8(struct p9_out *out, uint8_t v)
{
	uint8_t *p = p9_reserve(out, 1);

	if (p)
		*p = v;
}

void p9_put16(struct p9_out *out, uint16_t v)
{
	uint8_t *p = p9_reserve(out, 2);

	if (p)
		put_le16(p, v);
}

void p9_put32(struct p9_out *out, uint32_t v)
{
	uint8_t *p = p9_reserve(out, 4);

	if (p)
		put_le32(p, v);
}

void p9_put64(struct p9_out *out, uint64_t v)
{
	uint8_t *p = p9_reserve(out, 8);

	if (p)
		put_le64(p, v);
}

void p9_put_str(struct p9_out *out, const char *s)
{
	size_t len = strlen(s);
	uint8_t *p;

	p9_put16(out, (uint16_t)len);
	p = p9_reserve(out, len);
	if (p)
		memcpy(p, s, len);
}

void p9_put_qid(struct p9_out *out, struct p9_qid q)
{
	p9_put8(out, q.type);
	p9_put32(out, q.version);
	p9_put64(out, q.path);
}
