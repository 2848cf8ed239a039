// SPDX-License-Identifier: Apache-2.0
/* Sealed files: what comes back, and what does not once somebody had them in hand. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seal.h"

#define PIECE ((size_t)ATT_SEAL_PIECE)
#define SEALED(n) (ATT_SEAL_HEADER + (n) + ((n) ? ((n) + PIECE - 1) / PIECE : 1) * ATT_SEAL_TAG)
#define LARGEST	  (3 * PIECE)

static const uint8_t key[ATT_SEAL_KEY] = "a key that is for this test only";
static const uint8_t other_key[ATT_SEAL_KEY] = "another key for the same purpose";
static uint8_t plain[LARGEST], sealed[SEALED(LARGEST)], got[LARGEST + 1];
static struct att_error err;

/* A file without a name that holds these bytes, at its beginning. */
static int file_of(const void *data, size_t size)
{
	FILE *f = tmpfile();
	int fd;

	assert_non_null(f);
	fd = dup(fileno(f));
	fclose(f);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static size_t contents(int fd, void *to, size_t max)
{
	ssize_t n = pread(fd, to, max, 0);

	assert_true(n >= 0);
	close(fd);
	return (size_t)n;
}

static void seal(size_t size, const char *context)
{
	int in = file_of(plain, size), out = file_of("", 0);

	assert_int_equal(att_seal(key, context, in, size, out, &err), 0);
	close(in);
	assert_int_equal(contents(out, sealed, sizeof(sealed)), SEALED(size));
}

/* -> what att_unseal() gave; @size is how many bytes came out. */
static int unseal(const uint8_t *with, const char *context, size_t of, size_t *size)
{
	int in = file_of(sealed, of), out = file_of("", 0);
	int ret = att_unseal(with, context, in, out, &err);

	close(in);
	*size = contents(out, got, sizeof(got));
	return ret;
}

/* It does not open, and of what follows the first @intact bytes nothing came out. */
static void refused(size_t of, size_t intact, enum att_code code)
{
	size_t size;

	err.code = ATT_OK;
	assert_int_equal(unseal(key, "model", of, &size), -1);
	assert_int_equal(err.code, code);
	assert_true(size <= intact);
	assert_memory_equal(got, plain, size);
}

static void any_size(void **state)
{
	static const size_t sizes[] = { 0, 1, PIECE - 1, PIECE, PIECE + 1, LARGEST };
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		seal(sizes[i], "model");
		assert_int_equal(unseal(key, "model", SEALED(sizes[i]), &size), 0);
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(got, plain, size);
	}
}

/* A disk is longer than what it holds. */
static void what_follows(void **state)
{
	size_t size;

	(void)state;
	seal(100, "model");
	assert_int_equal(unseal(key, "model", SEALED(100) + 412, &size), 0);
	assert_int_equal(size, 100);
}

static void other_key_or_context(void **state)
{
	size_t size;

	(void)state;
	seal(100, "model");
	assert_int_equal(unseal(other_key, "model", SEALED(100), &size), -1);
	assert_int_equal(err.code, ATT_E_CRYPTO);
	assert_int_equal(size, 0);
	assert_int_equal(unseal(key, "prompt", SEALED(100), &size), -1);
	assert_int_equal(size, 0);
	assert_int_equal(unseal(key, "mode", SEALED(100), &size), -1);
	assert_int_equal(size, 0);
	assert_int_equal(unseal(key, "", SEALED(100), &size), -1);
	assert_int_equal(err.code, ATT_E_REFUSED);
}

/* Each bit of the header and of a small file. */
static void altered(void **state)
{
	size_t bit, size;

	(void)state;
	seal(5, "model");
	for (bit = 0; bit < SEALED(5) * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(unseal(key, "model", SEALED(5), &size), -1);
		assert_int_equal(size, 0);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(unseal(key, "model", SEALED(5), &size), 0);
}

static void cut(void **state)
{
	(void)state;
	seal(2 * PIECE, "model");
	refused(0, 0, ATT_E_FORMAT);
	refused(ATT_SEAL_HEADER - 1, 0, ATT_E_FORMAT);
	refused(ATT_SEAL_HEADER, 0, ATT_E_FORMAT);
	refused(SEALED(2 * PIECE) - 1, PIECE, ATT_E_FORMAT);
	/* Where a piece ends, and with a header that says so. */
	refused(SEALED(PIECE), PIECE, ATT_E_FORMAT);
	sealed[18] = 1;
	refused(SEALED(PIECE), 0, ATT_E_CRYPTO);
}

static void pieces_exchanged(void **state)
{
	static uint8_t first[SEALED(LARGEST)];
	const size_t step = PIECE + ATT_SEAL_TAG;
	uint8_t *p = sealed + ATT_SEAL_HEADER;

	(void)state;
	seal(LARGEST, "model");
	memcpy(first, sealed, sizeof(first));
	memcpy(p, first + ATT_SEAL_HEADER + step, step);
	refused(SEALED(LARGEST), 0, ATT_E_CRYPTO);
	memcpy(p, first + ATT_SEAL_HEADER, step);
	memcpy(p + 2 * step, p + step, step);
	refused(SEALED(LARGEST), 2 * PIECE, ATT_E_CRYPTO);
	/* Another file of the same bytes, sealed with the same key. */
	seal(LARGEST, "model");
	memcpy(p + step, first + ATT_SEAL_HEADER + step, step);
	refused(SEALED(LARGEST), PIECE, ATT_E_CRYPTO);
}

static void impossible_size(void **state)
{
	(void)state;
	seal(5, "model");
	memset(sealed + 16, 0xff, 8);
	refused(SEALED(5), 0, ATT_E_FORMAT);
}

static void a_file_that_shrinks(void **state)
{
	int in = file_of(plain, 10), out = file_of("", 0);

	(void)state;
	assert_int_equal(att_seal(key, "model", in, 11, out, &err), -1);
	assert_int_equal(att_seal(key, "model", in, ATT_SEAL_MAX + 1, out, &err), -1);
	assert_int_equal(err.code, ATT_E_REFUSED);
	close(in);
	close(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_size),		cmocka_unit_test(what_follows),
		cmocka_unit_test(other_key_or_context), cmocka_unit_test(altered),
		cmocka_unit_test(cut),			cmocka_unit_test(pieces_exchanged),
		cmocka_unit_test(impossible_size),	cmocka_unit_test(a_file_that_shrinks),
	};
	size_t i;

	for (i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 7 + i / 251);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
