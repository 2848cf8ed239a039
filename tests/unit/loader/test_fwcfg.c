// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

static uint8_t directory[4 + 64 * 200];

static const char *read_directory(uint32_t count)
{
	uint32_t big = __builtin_bswap32(count);

	memcpy(directory, &big, 4);
	fake_item[FWCFG_DIRECTORY] = (struct fake_item){ directory, sizeof(directory) };
	return fwcfg_read_directory();
}

static void name(unsigned int i, const char *text, uint32_t size, uint16_t key)
{
	uint8_t *entry = directory + 4 + 64 * i;

	size = __builtin_bswap32(size);
	key = __builtin_bswap16(key);
	memcpy(entry, &size, 4);
	memcpy(entry + 4, &key, 2);
	memset(entry + 8, 0, FWCFG_NAME_SIZE);
	memcpy(entry + 8, text, strlen(text));
}

static void find(void **state)
{
	struct fwcfg_file file;

	(void)state;
	fake_reset();
	name(0, "etc/one", 5, 0x21);
	name(1, "etc/two", 0x12345678, 0xfedc);
	name(2, "etc/three", 1, 0x22);
	assert_right(read_directory(2));
	assert_true(fwcfg_find("etc/two", &file));
	assert_int_equal(file.size, 0x12345678);
	assert_int_equal(file.key, 0xfedc);
	assert_false(fwcfg_find("etc/three", &file));
	assert_false(fwcfg_find("etc/tw", &file));
	assert_false(fwcfg_find("etc/two2", &file));
	assert_false(fwcfg_find("", &file));
}

/* A name that fills its field has no end. */
static void endless(void **state)
{
	char text[FWCFG_NAME_SIZE + 1], longest[FWCFG_NAME_SIZE] = { 0 };
	struct fwcfg_file file;

	(void)state;
	fake_reset();
	memset(text, 'x', FWCFG_NAME_SIZE);
	text[FWCFG_NAME_SIZE] = 0;
	memset(longest, 'x', FWCFG_NAME_SIZE - 1);
	name(0, text, 1, 1);
	assert_right(read_directory(1));
	assert_false(fwcfg_find(longest, &file));
	name(0, longest, 1, 1);
	assert_right(read_directory(1));
	assert_true(fwcfg_find(longest, &file));
}

static void counts(void **state)
{
	static const uint32_t bad[] = { 129, 200, 0x4000000, 0x4000001, 0x80000000, ~0u };
	struct fwcfg_file file;
	unsigned int i;

	(void)state;
	fake_reset();
	for (i = 0; i < 200; i++)
		name(i, "same", i, (uint16_t)i);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_right(read_directory(1));
		assert_wrong(read_directory(bad[i]), "too many");
		assert_false(fwcfg_find("same", &file));
	}
	assert_right(read_directory(128));
	assert_true(fwcfg_find("same", &file));
	assert_int_equal(file.size, 0);
	assert_right(read_directory(0));
	assert_false(fwcfg_find("same", &file));
	fake_broken = true;
	assert_wrong(read_directory(1), "cannot");
	assert_int_equal(fwcfg_number(FWCFG_KERNEL_SIZE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),
		cmocka_unit_test(endless),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
