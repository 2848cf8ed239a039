// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include "hashes.h"

#define HEAD	18u
#define ENTRY	(HEAD + SHA256_SIZE)
#define TABLE	(HEAD + 3 * ENTRY)

/* As QEMU 7.2 has them: text, and the first three fields turned around. */
static const char *const guids[] = {
	"9438d606-4f22-4cc9-b479-a793d411fd21",
	"97d02dd8-bd20-4c94-aa78-e7714d36ab2a",	/* command line */
	"44baf731-3a2f-4bd7-9af1-41e29169781d",	/* initrd */
	"4de79437-abd2-427f-b835-d5b172d2045b",	/* kernel */
};

static void put_guid(uint8_t *to, const char *text)
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	unsigned int i, byte;

	for (i = 0; i < 16; i++) {
		text += *text == '-';
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		to[order[i]] = (uint8_t)byte;
		text += 2;
	}
}

static void put_length(uint8_t *at, unsigned int length)
{
	at[16] = (uint8_t)length;
	at[17] = (uint8_t)(length >> 8);
}

static uint8_t *make(uint8_t *table)
{
	unsigned int i;

	memset(table, 0, TABLE);
	put_guid(table, guids[0]);
	put_length(table, TABLE);
	for (i = 0; i < 3; i++) {
		uint8_t *entry = table + HEAD + i * ENTRY;

		put_guid(entry, guids[1 + i]);
		put_length(entry, ENTRY);
		memset(entry + HEAD, (int)i + 1, SHA256_SIZE);
	}
	return table;
}

/* Parse a copy that ends where memory ends. */
static const char *parse(struct hashes *h, const uint8_t *table, size_t room)
{
	uint8_t *copy = malloc(room ? room : 1);
	const char *wrong;

	memcpy(copy, table, room);
	wrong = hashes_parse(h, copy, room);
	free(copy);
	return wrong;
}

static void good(void **state)
{
	uint8_t table[TABLE + 16], want[SHA256_SIZE];
	struct hashes h;
	size_t room;

	(void)state;
	memset(table, 0xee, sizeof(table));
	make(table);
	for (room = TABLE; room <= sizeof(table); room++) {
		assert_right(parse(&h, table, room));
		assert_true(h.present);
		memset(want, 1, sizeof(want));
		assert_memory_equal(h.cmdline, want, sizeof(want));
		memset(want, 2, sizeof(want));
		assert_memory_equal(h.initrd, want, sizeof(want));
		memset(want, 3, sizeof(want));
		assert_memory_equal(h.kernel, want, sizeof(want));
	}
}

static void absent(void **state)
{
	uint8_t table[TABLE];
	struct hashes h;
	unsigned int i;

	(void)state;
	memset(table, 0, sizeof(table));
	assert_right(parse(&h, table, sizeof(table)));
	assert_false(h.present);
	for (i = 0; i < 16; i++) {
		make(table)[i] ^= 1;
		assert_right(parse(&h, table, sizeof(table)));
		assert_false(h.present);
	}
	assert_right(parse(&h, make(table), 17));
	assert_false(h.present);
	assert_right(parse(&h, table, 0));
	assert_false(h.present);
}

static void refused(struct hashes *h, const uint8_t *table, const char *part)
{
	assert_wrong(parse(h, table, TABLE), part);
	assert_false(h->present);
}

static void lengths(void **state)
{
	uint8_t table[TABLE];
	struct hashes h;
	unsigned int i, length;

	(void)state;
	for (length = 0; length < 0x10000; length++) {
		if (length == TABLE)
			continue;
		put_length(make(table), length);
		assert_non_null(parse(&h, table, TABLE));
		assert_false(h.present);
	}
	for (i = 0; i < 3; i++) {
		for (length = 0; length < 0x10000; length++) {
			if (length == ENTRY)
				continue;
			put_length(make(table) + HEAD + i * ENTRY, length);
			assert_non_null(parse(&h, table, TABLE));
			assert_false(h.present);
		}
	}
	for (i = HEAD; i < TABLE; i++)
		assert_wrong(parse(&h, make(table), i), "wrong length");
}

static void entries(void **state)
{
	uint8_t table[TABLE];
	struct hashes h;
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 16; j++) {
			make(table)[HEAD + i * ENTRY + j] ^= 0x80;
			refused(&h, table, "unknown kind");
		}
		put_guid(make(table) + HEAD + i * ENTRY, guids[1 + (i + 1) % 3]);
		refused(&h, table, "twice");
		make(table);
		memmove(table + HEAD + i * ENTRY, table + HEAD + (i + 1) * ENTRY, (2 - i) * ENTRY);
		put_length(table, TABLE - ENTRY);
		refused(&h, table, "lacks");
	}
	put_length(make(table), HEAD);
	refused(&h, table, "lacks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(absent),
		cmocka_unit_test(lengths),
		cmocka_unit_test(entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
