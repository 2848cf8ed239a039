/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, HMAC and HKDF for keys and the chain of a receipt: short messages, one lane. */
#ifndef HG_SHA256_H
#define HG_SHA256_H

#include "dialect.h"
#include "record.h"

HG_CONST u32 sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

struct sha256 {
	u32 h[8];
	u32 block[16]; /* big-endian words */
	u32 total;
};

/* The functions of FIPS 180-4, 4.1.2, of words and of vectors of them. */
#define SHA256_ROR(x, n)    (((x) >> (n)) | ((x) << (32 - (n))))
#define SHA256_SMALL_0(x)   (SHA256_ROR(x, 7) ^ SHA256_ROR(x, 18) ^ ((x) >> 3))
#define SHA256_SMALL_1(x)   (SHA256_ROR(x, 17) ^ SHA256_ROR(x, 19) ^ ((x) >> 10))
#define SHA256_BIG_0(x)	    (SHA256_ROR(x, 2) ^ SHA256_ROR(x, 13) ^ SHA256_ROR(x, 22))
#define SHA256_BIG_1(x)	    (SHA256_ROR(x, 6) ^ SHA256_ROR(x, 11) ^ SHA256_ROR(x, 25))
#define SHA256_CH(x, y, z)  (((x) & (y)) ^ (~(x) & (z)))
#define SHA256_MAJ(x, y, z) (((x) & (y)) ^ ((x) & (z)) ^ ((y) & (z)))

HG_FN void sha256_compress(u32 *h, u32 *w)
{
	u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7], i;

	for (i = 0; i < 64; i++) {
		u32 t1, t2;

		if (i >= 16) {
			u32 x = w[(i + 1) % 16], y = w[(i + 14) % 16];

			w[i % 16] += SHA256_SMALL_0(x) + w[(i + 9) % 16] + SHA256_SMALL_1(y);
		}
		t1 = k + SHA256_BIG_1(e) + SHA256_CH(e, f, g) + sha256_k[i] + w[i % 16];
		t2 = SHA256_BIG_0(a) + SHA256_MAJ(a, b, c);
		k = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
	h[5] += f;
	h[6] += g;
	h[7] += k;
}

HG_FN void sha256_init(struct sha256 *s)
{
	u32 i;

	s->h[0] = 0x6a09e667;
	s->h[1] = 0xbb67ae85;
	s->h[2] = 0x3c6ef372;
	s->h[3] = 0xa54ff53a;
	s->h[4] = 0x510e527f;
	s->h[5] = 0x9b05688c;
	s->h[6] = 0x1f83d9ab;
	s->h[7] = 0x5be0cd19;
	for (i = 0; i < 16; i++)
		s->block[i] = 0;
	s->total = 0;
}

HG_CALL void sha256_byte(struct sha256 *s, u32 byte)
{
	u32 at = s->total % 64, i;

	s->block[at / 4] |= byte << (24 - 8 * (at % 4));
	s->total++;
	if (at == 63) {
		sha256_compress(s->h, s->block);
		for (i = 0; i < 16; i++)
			s->block[i] = 0;
	}
}

/* A word as it lies in memory: low byte first. */
HG_CALL void sha256_word(struct sha256 *s, u32 word)
{
	u32 at = s->total % 64, i;

	if (at % 4 == 0) {
		s->block[at / 4] = (word << 24) | ((word << 8) & 0xff0000u) |
				   ((word >> 8) & 0xff00u) | (word >> 24);
		s->total += 4;
		if (at < 60)
			return;
		sha256_compress(s->h, s->block);
		for (i = 0; i < 16; i++)
			s->block[i] = 0;
		return;
	}
	for (i = 0; i < 32; i += 8)
		sha256_byte(s, (word >> i) & 255);
}

HG_FN void sha256_words(struct sha256 *s, const u32 *words, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		sha256_word(s, words[i]);
}

/* @out: 8 words of memory. */
HG_CALL void sha256_final(struct sha256 *s, u32 *out)
{
	u32 bits = s->total * 8, i;

	sha256_byte(s, 0x80);
	while (s->total % 64 != 56)
		sha256_byte(s, 0);
	s->block[15] = bits;
	sha256_compress(s->h, s->block);
	for (i = 0; i < 8; i++)
		out[i] = (s->h[i] << 24) | ((s->h[i] << 8) & 0xff0000u) |
			 ((s->h[i] >> 8) & 0xff00u) | (s->h[i] >> 24);
}

/* HMAC with a key of 8 words: the hash's state after the inner, or outer, pad. */
HG_CALL void hmac_start(struct sha256 *s, const u32 *key, u32 pad)
{
	u32 i;

	sha256_init(s);
	for (i = 0; i < 16; i++)
		sha256_word(s, (i < 8 ? key[i] : 0) ^ pad);
}

HG_CALL void hmac_final(struct sha256 *s, const u32 *key, u32 *out)
{
	u32 inner[8];

	sha256_final(s, inner);
	hmac_start(s, key, 0x5c5c5c5cu);
	sha256_words(s, inner, 8);
	sha256_final(s, out);
}

#define HMAC_INNER 0x36363636u

/* HKDF-Extract of 32 bytes with a salt of 32 bytes. */
HG_FN void hkdf_extract(u32 *prk, const u32 *salt, const u32 *secret)
{
	struct sha256 s;

	hmac_start(&s, salt, HMAC_INNER);
	sha256_words(&s, secret, 8);
	hmac_final(&s, salt, prk);
}

/*
 * HKDF-Expand to 16 words. The info is @label, a number that says which of the labels
 * of record.h, and for HKDF_REKEY four more bytes: @extra.
 */
enum hkdf_label {
	HKDF_H2D,
	HKDF_D2H,
	HKDF_COMMAND_H2D,
	HKDF_COMMAND_D2H,
	HKDF_LAUNCH,
	HKDF_CHAIN,
	HKDF_REKEY
};

HG_CONST u8 hkdf_labels[7][24] = {
	HG_LABEL_H2D, HG_LABEL_D2H, HG_LABEL_COMMAND_H2D, HG_LABEL_COMMAND_D2H, HG_LABEL_LAUNCH,
	HG_LABEL_CHAIN, HG_LABEL_REKEY,
};

HG_CALL void hkdf_expand(u32 *out, const u32 *prk, u32 label, u32 extra)
{
	struct sha256 s;
	u32 n, i;

	for (n = 0; n < 2; n++) {
		hmac_start(&s, prk, HMAC_INNER);
		if (n)
			sha256_words(&s, out, 8);
		for (i = 0; hkdf_labels[label][i]; i++)
			sha256_byte(&s, hkdf_labels[label][i]);
		if (label == HKDF_REKEY)
			sha256_word(&s, extra);
		sha256_byte(&s, n + 1);
		hmac_final(&s, prk, out + 8 * n);
	}
}

#endif
