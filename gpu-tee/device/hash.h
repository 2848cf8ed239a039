/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and SM3 behind one interface, with HMAC and HKDF (RFC 2104, 5869), for
 * the key agreement and the fingerprint: messages of bytes, one lane, not fast.
 */
#ifndef HG_HASH_H
#define HG_HASH_H

#include "sha256.h"
#include "sm.h"

#define HASH_SIZE 32u

enum hash_name { HASH_SHA256, HASH_SM3 };

struct hash {
	u32 name;
	u32 h[8];
	u32 block[16]; /* big-endian words */
	u32 total; /* bytes */
};

HG_CONST u32 hash_start[2][8] = {
	{ 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
	  0x5be0cd19 },
	{ 0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d,
	  0xb0fb0e4e },
};

HG_FN void hash_init(struct hash *s, u32 name)
{
	u32 i;

	s->name = name;
	for (i = 0; i < 8; i++)
		s->h[i] = hash_start[name][i];
	for (i = 0; i < 16; i++)
		s->block[i] = 0;
	s->total = 0;
}

HG_FN void hash_byte(struct hash *s, u32 byte)
{
	u32 at = s->total % 64, i;

	s->block[at / 4] |= byte << (24 - 8 * (at % 4));
	s->total++;
	if (at < 63)
		return;
	if (s->name == HASH_SM3)
		sm3_compress(s->h, s->block);
	else
		sha256_compress(s->h, s->block);
	for (i = 0; i < 16; i++)
		s->block[i] = 0;
}

HG_FN void hash_update(struct hash *s, const u8 *p, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		hash_byte(s, p[i]);
}

/* A text of a table, up to its zero. */
HG_FN void hash_text(struct hash *s, HG_CPTR u8 *text)
{
	u32 i;

	for (i = 0; text[i]; i++)
		hash_byte(s, text[i]);
}

HG_FN void hash_final(struct hash *s, u8 *out)
{
	u32 total = s->total, i;

	hash_byte(s, 0x80);
	while (s->total % 64 != 56)
		hash_byte(s, 0);
	for (i = 0; i < 8; i++)
		hash_byte(s, i < 3    ? 0
			     : i == 3 ? total >> 29
				      : (total << 3) >> (8 * (7 - i)) & 255);
	for (i = 0; i < HASH_SIZE; i++)
		out[i] = (u8)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

/* HMAC; a key has 32 bytes. */
struct mac {
	struct hash inner;
	u8 key[HASH_SIZE];
};

HG_FN void mac_pad(struct hash *s, u32 name, const u8 *key, u32 pad)
{
	u32 i;

	hash_init(s, name);
	for (i = 0; i < 64; i++)
		hash_byte(s, (i < HASH_SIZE ? key[i] : 0) ^ pad);
}

HG_FN void mac_init(struct mac *m, u32 name, const u8 *key)
{
	u32 i;

	for (i = 0; i < HASH_SIZE; i++)
		m->key[i] = key[i];
	mac_pad(&m->inner, name, key, 0x36);
}

HG_FN void mac_final(struct mac *m, u8 *out)
{
	u32 name = m->inner.name, i;
	u8 digest[HASH_SIZE];

	hash_final(&m->inner, digest);
	mac_pad(&m->inner, name, m->key, 0x5c);
	hash_update(&m->inner, digest, HASH_SIZE);
	hash_final(&m->inner, out);
	for (i = 0; i < HASH_SIZE; i++)
		((volatile u8 *)m->key)[i] = 0;
}

/* HKDF-Extract: HMAC(salt, ikm). */
HG_FN void mac_extract(u32 name, const u8 *salt, const u8 *ikm, u32 size, u8 *prk)
{
	struct mac m;

	mac_init(&m, name, salt);
	hash_update(&m.inner, ikm, size);
	mac_final(&m, prk);
}

/* HKDF-Expand to one block. The info is @label and, where @group is not 0, @group and @number. */
HG_FN void mac_expand(u32 name, const u8 *prk, HG_CPTR u8 *label, u32 group, u32 number, u8 *out)
{
	struct mac m;

	mac_init(&m, name, prk);
	hash_text(&m.inner, label);
	if (group) {
		hash_byte(&m.inner, group);
		hash_byte(&m.inner, number);
	}
	hash_byte(&m.inner, 1);
	mac_final(&m, out);
}

#endif
