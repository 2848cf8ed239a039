// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include "tables.h"

#define ROOM	0x3000u
#define BASE	0x100000u
#define MANY	24

static uint8_t script[MANY * TABLES_COMMAND];
static unsigned int commands;
static struct tables t;
static uint8_t first[0x200], second[0x100];

static uint8_t *command(uint32_t kind, const char *a)
{
	uint8_t *at = script + TABLES_COMMAND * commands++;

	assert_true(commands <= MANY);
	memset(at, 0, TABLES_COMMAND);
	memcpy(at, &kind, 4);
	snprintf((char *)at + 4, FWCFG_NAME_SIZE, "%s", a);
	return at + 4 + FWCFG_NAME_SIZE;
}

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
}

static void allocate(const char *name, uint32_t align)
{
	uint8_t *at = command(1, name);

	put32(at, align);
	at[4] = 1;
}

static uint8_t *pointee(uint8_t *at, const char *name)
{
	snprintf((char *)at, FWCFG_NAME_SIZE, "%s", name);
	return at + FWCFG_NAME_SIZE;
}

static void pointer(const char *file, const char *to, uint32_t offset, uint8_t size)
{
	uint8_t *at = pointee(command(2, file), to);

	put32(at, offset);
	at[4] = size;
}

static void checksum(const char *file, uint32_t offset, uint32_t start, uint32_t length)
{
	uint8_t *at = command(3, file);

	put32(at, offset);
	put32(at + 4, start);
	put32(at + 8, length);
}

static void report(const char *file, const char *to, uint32_t offset, uint32_t inner, uint8_t size)
{
	uint8_t *at = pointee(command(4, file), to);

	put32(at, offset);
	put32(at + 4, inner);
	at[8] = size;
}

static void begin(void)
{
	commands = 0;
	memset(first, 0, sizeof(first));
	memset(second, 0, sizeof(second));
	fake_reset();
	fake_file("a", first, sizeof(first), sizeof(first));
	fake_file("b", second, sizeof(second), sizeof(second));
	fake_file("out", NULL, 0, 8);
	fake_file("empty", NULL, 0, 0);
}

/* begin(), and both files allocated: "a" at 0, "b" at 0x200. */
static void begin_with_files(void)
{
	begin();
	allocate("a", 64);
	allocate("b", 64);
}

/* Room and script end where memory does. */
static const char *run_room(uint32_t room)
{
	uint32_t size = commands * TABLES_COMMAND;
	uint8_t *copy = malloc(size + 1);
	const char *wrong;

	free(t.base);
	memset(&t, 0, sizeof(t));
	t.base = malloc(room + 1);
	t.address = BASE;
	t.size = room;
	memcpy(copy + 1, script, size);
	wrong = tables_run(&t, copy + 1, size);
	free(copy);
	return wrong;
}

static const char *run(void)
{
	return run_room(ROOM);
}

static void good(void **state)
{
	unsigned int i;
	uint64_t value;
	uint8_t sum = 0;

	(void)state;
	begin_with_files();
	first[8] = 0x10;			/* within "b" */
	first[0x1f8] = 0xff;
	memset(second, 7, sizeof(second));
	command(0, "");
	pointer("a", "b", 8, 4);
	pointer("a", "b", 0x1f8, 8);
	second[3] = 0;
	checksum("b", 3, 0, sizeof(second));
	report("out", "b", 0, 0x20, 8);
	assert_right(run());
	assert_int_equal(tables_address(&t, "a"), BASE);
	assert_int_equal(tables_address(&t, "b"), BASE + 0x200);
	assert_int_equal(tables_address(&t, "c"), 0);
	memcpy(&value, t.base + 8, 8);
	assert_int_equal(value, BASE + 0x210);
	memcpy(&value, t.base + 0x1f8, 8);
	assert_int_equal(value, BASE + 0x2ff);
	for (i = 0; i < sizeof(second); i++)
		sum = (uint8_t)(sum + t.base[0x200 + i]);
	assert_int_equal(sum, 0);
	assert_int_equal(fake_written.count, 1);
	assert_int_equal(fake_written.offset, 0);
	assert_int_equal(fake_written.size, 8);
	assert_int_equal(fake_written.value, BASE + 0x220);
}

static void allocations(void **state)
{
	static const uint32_t aligns[] = { 0, 3, 96, 8192, 0x80000000, ~0u };
	static uint8_t script_of_many[] = { 1 };
	unsigned int i;
	char name[8];

	(void)state;
	for (i = 0; i < sizeof(aligns) / sizeof(aligns[0]); i++) {
		begin();
		allocate("a", aligns[i]);
		assert_wrong(run(), "alignment");
	}
	begin();
	allocate("a", 1);
	allocate("a", 1);
	assert_wrong(run(), "twice");
	begin();
	allocate("nobody", 1);
	assert_wrong(run(), "missing");
	begin();
	allocate("", 1);
	assert_wrong(run(), "no name");
	begin();
	allocate("empty", 1);
	assert_wrong(run(), "too long");
	begin();
	memset(script + TABLES_COMMAND * commands + 4, 'x', FWCFG_NAME_SIZE);
	commands++;
	put32(script, 1);
	assert_wrong(run(), "no name");

	begin();
	for (i = 0; i <= TABLES_FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		fake_file(name, script_of_many, 1, 1);
		allocate(name, 1);
	}
	assert_wrong(run(), "too many files");
	commands--;
	assert_right(run());
}

/* The directory's sizes are the host's, too. */
static void room(void **state)
{
	static const uint32_t sizes[] = {
		ROOM + 1, ROOM - 0x1ff, 0x7fffffff, 0x80000000, 0xfffff000, ~0u,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		begin();
		allocate("a", 1);
		fake_file("long", first, sizeof(first), sizes[i]);
		allocate("long", 1);
		assert_wrong(run(), "too long");
	}
	begin_with_files();
	assert_right(run_room(0x300));
	assert_wrong(run_room(0x2ff), "too long");
	begin();
	allocate("b", 1);
	allocate("a", 4096);		/* begins where the room ends */
	assert_wrong(run_room(0x1000), "too long");
	assert_wrong(run_room(0x101), "too long");
}

static void pointers(void **state)
{
	static const struct { uint32_t offset; uint8_t size; } bad[] = {
		{ 0x1fd, 4 }, { 0x1f9, 8 }, { 0x200, 1 }, { ~0u, 1 }, { 0xfffffffc, 4 },
		{ 0xfffffff8, 8 }, { 0, 0 }, { 0, 3 }, { 0, 16 }, { 0, 255 }, { 0x7fffffff, 8 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_with_files();
		pointer("a", "b", bad[i].offset, bad[i].size);
		assert_wrong(run(), "outside its file");
	}
	begin_with_files();
	pointer("nobody", "b", 0, 4);
	assert_wrong(run(), "outside its file");
	begin_with_files();
	pointer("a", "nobody", 0, 4);
	assert_wrong(run(), "outside its file");
	begin();
	pointer("a", "a", 0, 4);		/* not allocated */
	assert_wrong(run(), "outside its file");

	begin_with_files();
	first[1] = 1;				/* 0x100: where "b" ends */
	pointer("a", "b", 0, 4);
	assert_wrong(run(), "leads outside");
	begin_with_files();
	memset(first, 0xff, 8);
	pointer("a", "b", 0, 8);
	assert_wrong(run(), "leads outside");
	begin_with_files();
	pointer("a", "b", 0, 2);		/* the address has more than 16 bits */
	assert_wrong(run(), "leads outside");
}

static void checksums(void **state)
{
	static const uint32_t bad[][3] = {
		{ 0x200, 0, 1 }, { ~0u, 0, 1 }, { 0, 0, 0x201 }, { 0, 0x200, 1 }, { 0, 0x1ff, 2 },
		{ 0, ~0u, 2 }, { 0, 2, ~0u }, { 0, 1, ~0u }, { 0, 0x80000000, 0x80000000 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_with_files();
		checksum("a", bad[i][0], bad[i][1], bad[i][2]);
		assert_wrong(run(), "checksum");
	}
	begin_with_files();
	checksum("nobody", 0, 0, 1);
	assert_wrong(run(), "checksum");
	begin_with_files();
	checksum("a", 0x1ff, 0x200, 0);
	assert_right(run());
}

static void reports(void **state)
{
	static const struct { uint32_t offset, inner; uint8_t size; } bad[] = {
		{ 1, 0, 8 }, { 5, 0, 4 }, { 8, 0, 1 }, { ~0u, 0, 1 }, { 0, 0x100, 8 },
		{ 0, ~0u, 8 }, { 0, 0, 0 }, { 0, 0, 5 }, { 0, 0, 255 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_with_files();
		report("out", "b", bad[i].offset, bad[i].inner, bad[i].size);
		assert_wrong(run(), "outside its file");
		assert_int_equal(fake_written.count, 0);
	}
	begin_with_files();
	report("nobody", "b", 0, 0, 8);
	assert_wrong(run(), "outside its file");
	begin_with_files();
	report("out", "nobody", 0, 0, 8);
	assert_wrong(run(), "outside its file");
	begin_with_files();
	report("out", "b", 0, 0, 2);
	assert_wrong(run(), "cannot be written");
}

static void scripts(void **state)
{
	uint32_t size;

	(void)state;
	begin_with_files();
	for (size = 1; size < TABLES_COMMAND; size++)
		assert_wrong(tables_run(&t, script, size), "wrong length");
	command(5, "a");
	assert_wrong(run(), "unknown");
	begin();
	command(~0u, "a");
	assert_wrong(run(), "unknown");
	begin_with_files();
	fake_broken = true;
	assert_wrong(run(), "cannot be read");
}

/* Whatever comes, the sanitizers have nothing to say. */
static void noise(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 2, 4, 8, 0x100, 0x1ff, 0x200, 0x7fffffff, ~0u };
	static const char *const names[] = { "a", "b", "out", "empty", "nobody", "" };
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 100000; i++) {
		begin_with_files();
		for (j = 0; j < 6; j++) {
			uint8_t *at = command((uint32_t)rand() % 5, names[rand() % 6]);

			if (rand() % 4)
				at = pointee(at, names[rand() % 6]);
			put32(at, numbers[rand() % 10]);
			put32(at + 4, numbers[rand() % 10]);
			put32(at + 8, numbers[rand() % 10]);
		}
		run();
		assert_true(t.used <= ROOM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(allocations),
		cmocka_unit_test(room),
		cmocka_unit_test(pointers),
		cmocka_unit_test(checksums),
		cmocka_unit_test(reports),
		cmocka_unit_test(scripts),
		cmocka_unit_test(noise),
	};
	int failed;

	srand(1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(t.base);
	return failed;
}
