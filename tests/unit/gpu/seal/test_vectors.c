// SPDX-License-Identifier: Apache-2.0
/*
 * The device's primitives in plain C: published vectors, and OpenSSL for sizes at
 * random. What the known-answer tests do for the whole on a device, this does for parts.
 */
#include "state.h"
#include "suite.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void hex(void *out, const char *text)
{
	uint8_t *p = out;
	unsigned byte;

	for (; *text; text += 2) {
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		*p++ = byte;
	}
}

static uint32_t word_at(const void *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
	return w;
}

/* FIPS 197, C.3. */
static void test_aes_block(void **state)
{
	/* Counter mode with the plaintext as counter block: 12 bytes of nonce, then 4. */
	static u32 rk[AES_RK_WORDS];
	uint8_t key[32], in[16], want[16];
	uint32_t k[8], counter;
	v16 q[8];
	uint8_t stream[512];

	(void)state;
	hex(key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	hex(in, "00112233445566778899aabbccddeeff");
	hex(want, "8ea2b7ca516745bfeafc49904b496089");
	memcpy(k, key, 32);
	aes_expand(rk, k);
	counter = ghash_swap(word_at(in + 12));
	aes_keystream(q, rk, word_at(in), word_at(in + 4), word_at(in + 8), counter / 32);
	memcpy(stream, q, 512);
	assert_memory_equal(stream + 16 * (counter % 32), want, 16);
}

/* Every byte through the S-box, against the definition: the inverse, and an affine map. */
static uint8_t field_multiply(uint8_t a, uint8_t b)
{
	uint8_t r = 0;

	for (; b; b >>= 1, a = (a << 1) ^ (a >> 7 ? 0x1b : 0))
		if (b & 1)
			r ^= a;
	return r;
}

static void test_sbox(void **state)
{
	int x, i;

	(void)state;
	for (x = 0; x < 256; x++) {
		uint8_t inverse = 1, s;

		for (i = 0; i < 254; i++)
			inverse = field_multiply(inverse, x);
		s = 0x63;
		for (i = 0; i < 5; i++)
			s ^= (uint8_t)(inverse << i | inverse >> (8 - i));
		assert_int_equal(aes_sub_word(x * 0x01010101u), s * 0x01010101u);
	}
}

/* GHASH alone, from the definition, bit by bit. */
static void ghash_reference(uint8_t y[16], const uint8_t h[16], const uint8_t *data, size_t blocks)
{
	memset(y, 0, 16);
	for (; blocks; blocks--, data += 16) {
		uint8_t z[16] = {0}, v[16];
		int i, k;

		memcpy(v, h, 16);
		for (i = 0; i < 16; i++)
			y[i] ^= data[i];
		for (i = 0; i < 128; i++) {
			int low = v[15] & 1;

			if (y[i / 8] >> (7 - i % 8) & 1)
				for (k = 0; k < 16; k++)
					z[k] ^= v[k];
			for (k = 15; k; k--)
				v[k] = v[k] >> 1 | v[k - 1] << 7;
			v[0] = v[0] >> 1 ^ (low ? 0xe1 : 0);
		}
		memcpy(y, z, 16);
	}
}

static void random_bytes(void *p, size_t size)
{
	uint8_t *b = p;

	while (size--)
		*b++ = rand() >> 7;
}

static void test_ghash(void **state)
{
	static struct ghash_key key;
	static uint32_t data[512];
	uint8_t message[48 + 2048 + 16], want[16];
	uint32_t h[4], aad[12], sum[4], length;

	(void)state;
	for (length = 0; length < 2000; length += 1 + rand() % 70) {
		uint32_t blocks = (length + 15) / 16;
		/* Edges: H of zeros, of ones, of a single bit. */
		int edge = length % 5;

		memset(h, edge == 1 ? 0 : 0xff, 16);
		if (edge == 3)
			memset(h, 0, 16), h[3] = 0x01000000;
		if (edge == 4)
			random_bytes(h, 16);
		random_bytes(aad, sizeof(aad));
		memset(data, 0, sizeof(data));
		random_bytes(data, length);
		memcpy(message, aad, 48);
		memcpy(message + 48, data, 16 * blocks);
		memset(message + 48 + 16 * blocks, 0, 16);
		message[48 + 16 * blocks + 6] = 48 * 8 >> 8;
		message[48 + 16 * blocks + 7] = (uint8_t)(48 * 8);
		message[48 + 16 * blocks + 14] = length * 8 >> 8;
		message[48 + 16 * blocks + 15] = length * 8;
		message[48 + 16 * blocks + 13] = length * 8 >> 16;
		ghash_reference(want, (uint8_t *)h, message, 4 + blocks);
		ghash_init(&key, h);
		ghash_lane(sum, &key, aad, data, length, 0);
		assert_memory_equal(sum, want, 16);
	}
}

/* NIST's GCM test case 13: the zero key, no data; only the tag's mask shows. */
static void test_gcm_mask(void **state)
{
	static struct hg_key key;
	static uint32_t zero[12];
	uint8_t want[16];
	v16 q[8];

	(void)state;
	hex(want, "530f8afbc74536b9a963b4f1c4cb738b");
	aes_expand(key.rk, zero);
	aes_keystream(q, key.rk, 0, 0, 0, 0);
	assert_memory_equal((uint8_t *)q + 16, want, 16);
	/* Test case 14: one block of zeros. */
	hex(want, "cea7403d4d606b6e074ec5d3baf39d18");
	assert_memory_equal((uint8_t *)q + 32, want, 16);
}

/* FIPS 180-4's "abc" and the message of two blocks; RFC 4231's case 4; RFC 5869 has other sizes. */
static void test_sha256(void **state)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct sha256 s;
	uint8_t want[32];
	uint32_t out[8];
	size_t i;

	(void)state;
	hex(want, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_init(&s);
	for (i = 0; i < 3; i++)
		sha256_byte(&s, "abc"[i]);
	sha256_final(&s, out);
	assert_memory_equal(out, want, 32);
	hex(want, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	sha256_init(&s);
	for (i = 0; two[i]; i++)
		sha256_byte(&s, two[i]);
	sha256_final(&s, out);
	assert_memory_equal(out, want, 32);
}

static void test_hmac(void **state)
{
	uint8_t key[32], text[300];
	uint32_t k[8], out[8];
	unsigned char want[32];
	struct sha256 s;
	int n, i;

	(void)state;
	for (n = 0; n < 300; n += 7) {
		random_bytes(key, 32);
		random_bytes(text, n);
		memcpy(k, key, 32);
		hmac_start(&s, k, HMAC_INNER);
		for (i = 0; i < n; i++)
			sha256_byte(&s, text[i]);
		hmac_final(&s, k, out);
		HMAC(EVP_sha256(), key, 32, text, n, want, NULL);
		assert_memory_equal(out, want, 32);
	}
}

/* RFC 8439, 2.3.2: a block of ChaCha20. */
static void test_chacha_block(void **state)
{
	uint8_t key[32], want[64], nonce[12];
	uint32_t k[8], out[256], i;

	(void)state;
	for (i = 0; i < 32; i++)
		key[i] = i;
	memcpy(k, key, 32);
	hex(nonce, "000000090000004a00000000");
	hex(want, "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
		  "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
	chacha_keystream(out, k, word_at(nonce), word_at(nonce + 4), word_at(nonce + 8), 0);
	assert_memory_equal((uint8_t *)out + 64, want, 64);
	/* 2.6.2: the key of Poly1305 is the first half of block 0. */
	for (i = 0; i < 32; i++)
		key[i] = 0x80 + i;
	memcpy(k, key, 32);
	hex(nonce, "000000000001020304050607");
	hex(want, "8ad5a08b905f81cc815040274ab29471a833b637e3fd0da508dbb8e2fdd1a646");
	chacha_block0(out, k, word_at(nonce), word_at(nonce + 4), word_at(nonce + 8));
	assert_memory_equal(out, want, 32);
}

/*
 * Poly1305 where carries matter: r and s chosen, blocks of ones. OpenSSL's Poly1305 is the
 * reference; RFC 8439's A.3 vectors 7 to 11 are about the same carries.
 */
static void test_poly(void **state)
{
	static uint32_t data[64];
	uint32_t key[8], aad[12], part[5], tag[4], i, round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		uint32_t length = round % 200 + 1, blocks = (length + 15) / 16;
		uint8_t message[48 + 256 + 16];
		unsigned char want[16];
		size_t size;
		u64 sum[5];
		EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
		EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

		random_bytes(key, sizeof(key));
		if (round % 3 == 1)
			memset(key, 0xff, sizeof(key));
		if (round % 3 == 2)
			for (i = 0; i < 8; i++)
				key[i] = i == 0 ? round % 5 : i >= 4 ? 0xffffffff : 0;
		memset(aad, round % 2 ? 0xff : 0, sizeof(aad));
		memset(data, 0, sizeof(data));
		memset(data, round % 2 ? 0xff : 0xfb, length);
		if (round % 7 == 0)
			random_bytes(data, length);
		memcpy(message, aad, 48);
		memcpy(message + 48, data, 16 * blocks);
		memset(message + 48 + 16 * blocks, 0, 16);
		message[48 + 16 * blocks] = 48;
		message[48 + 16 * blocks + 8] = length;
		assert_int_equal(EVP_MAC_init(ctx, (uint8_t *)key, 32, NULL), 1);
		EVP_MAC_update(ctx, message, 64 + 16 * blocks);
		EVP_MAC_final(ctx, want, &size, 16);
		EVP_MAC_CTX_free(ctx);
		EVP_MAC_free(mac);
		poly_lane(part, key, aad, data, length, 0);
		for (i = 0; i < 5; i++)
			sum[i] = part[i];
		poly_tag(tag, sum, key);
		assert_memory_equal(tag, want, 16);
	}
}

/* GM/T 0002: the example of SM4; GM/T 0004: "abc" of SM3, through the compression alone. */
static void test_sm(void **state)
{
	static struct sm_key key;
	uint8_t k[32] = {0}, in[16], want[32], out[16];
	uint32_t material[8], stream[512], counter, v[8] = {
		0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
		0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e}, w[16] = {0x61626380};
	int i;

	(void)state;
	hex(k, "0123456789abcdeffedcba9876543210");
	hex(want, "681edf34d206965e86b3e94f536e4246");
	memcpy(in, k, 16);
	memcpy(material, k, 32);
	sm_key_set(&key, material);
	counter = ghash_swap(word_at(in + 12));
	sm4_keystream(stream, &key, word_at(in), word_at(in + 4), word_at(in + 8), counter / 128);
	memcpy(out, stream + 4 * (counter % 128), 16);
	assert_memory_equal(out, want, 16);

	hex(want, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	w[15] = 24;
	sm3_compress(v, w);
	for (i = 0; i < 8; i++)
		v[i] = ghash_swap(v[i]);
	assert_memory_equal(v, want, 32);
}

/* Whole suites at random sizes, alignments and nonces, against OpenSSL. */
static void compare(enum hg_suite suite)
{
	static struct hg_key key;
	static uint8_t text[70000], out[70000], want[70016];
	static uint32_t padded[70016 / 4];
	int round;

	for (round = 0; round < 60; round++) {
		uint32_t length = 1 + (uint32_t)rand() % (round < 40 ? 3000 : HG_RECORD_DATA), g;
		uint32_t from = rand() % 8, to = rand() % 8, material[16], head[12], tag[4], sum[5];
		uint64_t sequence = (uint64_t)rand() << 20 ^ rand();
		uint8_t nonce[16], expected[32];
		EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
		int n;

		random_bytes(material, sizeof(material));
		random_bytes(head, sizeof(head));
		random_bytes(text, sizeof(text));
		head[4] = (uint32_t)sequence;
		head[5] = sequence >> 32;
		key_set(&key, suite, material);
		memcpy(nonce, &material[8], 4);
		for (n = 0; n < 8; n++)
			nonce[4 + n] = sequence >> (56 - 8 * n);
		memset(nonce + 12, 0, 4);
		nonce[15] = 2;
		EVP_EncryptInit_ex(c, suite == HG_AES_256_GCM ? EVP_aes_256_gcm() :
				   suite == HG_CHACHA20_POLY1305 ? EVP_chacha20_poly1305() :
				   EVP_sm4_ctr(), NULL, (uint8_t *)material, nonce);
		if (suite != HG_SM4_CTR_HMAC_SM3)
			EVP_EncryptUpdate(c, NULL, &n, (uint8_t *)head, 48);
		EVP_EncryptUpdate(c, want, &n, text + from, length);
		EVP_EncryptFinal_ex(c, want + n, &n);
		if (suite == HG_SM4_CTR_HMAC_SM3) {
			uint8_t *message = malloc(48 + length);

			memcpy(message, head, 48);
			memcpy(message + 48, want, length);
			HMAC(EVP_sm3(), &material[4], 16, message, 48 + length, expected, NULL);
			free(message);
		} else {
			EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, expected);
		}
		EVP_CIPHER_CTX_free(c);
		memset(out, 0xee, sizeof(out));
		for (g = 0; g < suite_groups(suite, length); g++)
			suite_xor(&key, suite, sequence, out + to, text + from, length, g);
		assert_memory_equal(out + to, want, length);
		assert_int_equal(out[to + length], 0xee);
		assert_true(!to || out[to - 1] == 0xee);
		memset(padded, 0, sizeof(padded));
		memcpy(padded, want, length);
		suite_tag(tag, &key, suite, head, padded, length, sum);
		assert_memory_equal(tag, expected, 16);
	}
}

static void test_random_aes(void **state)
{
	(void)state;
	compare(HG_AES_256_GCM);
}

static void test_random_chacha(void **state)
{
	(void)state;
	compare(HG_CHACHA20_POLY1305);
}

static void test_random_sm4(void **state)
{
	(void)state;
	compare(HG_SM4_CTR_HMAC_SM3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aes_block),
		cmocka_unit_test(test_sbox),
		cmocka_unit_test(test_ghash),
		cmocka_unit_test(test_gcm_mask),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_chacha_block),
		cmocka_unit_test(test_poly),
		cmocka_unit_test(test_sm),
		cmocka_unit_test(test_random_aes),
		cmocka_unit_test(test_random_chacha),
		cmocka_unit_test(test_random_sm4),
	};

	srand(1);
	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
