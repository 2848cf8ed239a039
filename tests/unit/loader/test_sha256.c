// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include <openssl/sha.h>

#include "sha256.h"

#define LONGEST	1000

static uint8_t data[LONGEST];

static void same(const struct sha256 *so_far, size_t size)
{
	uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
	struct sha256 h = *so_far;

	sha256_end(&h, ours);
	SHA256(data, size, theirs);
	assert_memory_equal(ours, theirs, SHA256_SIZE);
}

/* Every length around the limits of blocks and of padding, at once and in pieces. */
static void lengths(void **state)
{
	size_t size, at, step;
	struct sha256 h;

	(void)state;
	for (size = 0; size <= 300; size++) {
		sha256_begin(&h);
		sha256_add(&h, data, size);
		same(&h, size);
	}
	for (step = 1; step < 200; step++) {
		sha256_begin(&h);
		for (at = 0; at + step <= LONGEST; at += step)
			sha256_add(&h, data + at, step);
		same(&h, at);
	}
}

static void random_pieces(void **state)
{
	struct sha256 h;
	size_t at, step;
	int round;

	(void)state;
	for (round = 0; round < 2000; round++) {
		sha256_begin(&h);
		for (at = 0; at < LONGEST; at += step) {
			step = (size_t)rand() % 150;
			if (step > LONGEST - at)
				step = LONGEST - at;
			sha256_add(&h, data + at, step);
		}
		same(&h, LONGEST);
	}
}

/* FIPS 180's own example, so that not all rests on the other program. */
static void example(void **state)
{
	static const uint8_t want[SHA256_SIZE] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
	};
	uint8_t digest[SHA256_SIZE];
	struct sha256 h;

	(void)state;
	sha256_begin(&h);
	sha256_add(&h, "abc", 3);
	sha256_end(&h, digest);
	assert_memory_equal(digest, want, SHA256_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example),
		cmocka_unit_test(lengths),
		cmocka_unit_test(random_pieces),
	};
	size_t i;

	srand(1);
	for (i = 0; i < LONGEST; i++)
		data[i] = (uint8_t)rand();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
