// SPDX-License-Identifier: Apache-2.0
#include "sha256.h"

#include "bytes.h"

/* FIPS 180-4, 4.2.2: from the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
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

static uint32_t rotate(uint32_t v, unsigned int by)
{
	return v >> by | v << (32 - by);
}

/* 6.2.2, steps 2 to 4; of the message schedule the last 16 words are kept. */
static void compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[16], s[8], t1, t2;
	unsigned int i;

	for (i = 0; i < 16; i++)
		w[i] = __builtin_bswap32(load32(block + 4 * i));
	for (i = 0; i < 8; i++)
		s[i] = state[i];
	for (i = 0; i < 64; i++) {
		uint32_t *x = &w[i % 16];

		if (i >= 16) {
			uint32_t a = w[(i + 1) % 16], b = w[(i + 14) % 16];

			*x += (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[(i + 9) % 16] +
			      (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
		}
		t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
		     ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + *x;
		t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
		     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		s[7] = s[6];
		s[6] = s[5];
		s[5] = s[4];
		s[4] = s[3] + t1;
		s[3] = s[2];
		s[2] = s[1];
		s[1] = s[0];
		s[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256_begin(struct sha256 *h)
{
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(h->state, start, sizeof(start));
	h->length = 0;
}

void sha256_add(struct sha256 *h, const void *data, size_t size)
{
	size_t have = h->length % SHA256_BLOCK, take;
	const uint8_t *p = data;

	h->length += size;
	if (have) {
		take = SHA256_BLOCK - have < size ? SHA256_BLOCK - have : size;
		memcpy(h->block + have, p, take);
		p += take;
		size -= take;
		if (have + take < SHA256_BLOCK)
			return;
		compress(h->state, h->block);
	}
	for (; size >= SHA256_BLOCK; p += SHA256_BLOCK, size -= SHA256_BLOCK)
		compress(h->state, p);
	if (size)
		memcpy(h->block, p, size);
}

void sha256_end(struct sha256 *h, uint8_t digest[SHA256_SIZE])
{
	uint64_t bits = __builtin_bswap64(h->length * 8);
	size_t have = h->length % SHA256_BLOCK;
	unsigned int i;

	h->block[have++] = 0x80;
	if (have > SHA256_BLOCK - 8) {
		memset(h->block + have, 0, SHA256_BLOCK - have);
		compress(h->state, h->block);
		have = 0;
	}
	memset(h->block + have, 0, SHA256_BLOCK - 8 - have);
	memcpy(h->block + SHA256_BLOCK - 8, &bits, 8);
	compress(h->state, h->block);
	for (i = 0; i < 8; i++) {
		uint32_t word = __builtin_bswap32(h->state[i]);

		memcpy(digest + 4 * i, &word, 4);
	}
}
