// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include "layout.h"
#include "memmap.h"

#define MiB	0x100000ULL
#define GiB	0x40000000ULL

struct entry {
	uint64_t base, size;
	uint32_t type;
} __attribute__((packed));

static struct {
	unsigned int count;
	struct { uint64_t base, size; } range[MEMMAP_MAX];
	uint64_t denied;	/* a range with this address is not RAM */
} asked;

static bool confirm(uint64_t base, uint64_t size)
{
	assert_true(asked.count < MEMMAP_MAX);
	asked.range[asked.count].base = base;
	asked.range[asked.count++].size = size;
	return !(asked.denied >= base && asked.denied < base + size);
}

/* In memory that ends with it. */
static const char *build(struct memmap *map, const struct entry *list, unsigned int count)
{
	uint32_t size = count * MEMMAP_ENTRY;
	uint8_t *raw = malloc(size ? size : 1);
	const char *wrong;

	assert_int_equal(sizeof(*list), MEMMAP_ENTRY);
	if (size)
		memcpy(raw, list, size);
	asked.count = 0;
	wrong = memmap_build(map, raw, size, confirm);
	free(raw);
	return wrong;
}
#define BUILD(map, ...) \
	build(map, (const struct entry[]){ __VA_ARGS__ }, \
	      sizeof((const struct entry[]){ __VA_ARGS__ }) / MEMMAP_ENTRY)

static void is(const struct memmap *map, unsigned int i, uint64_t base, uint64_t end, uint32_t type)
{
	assert_true(i < map->count);
	assert_int_equal(map->range[i].base, base);
	assert_int_equal(map->range[i].size, end - base);
	assert_int_equal(map->range[i].type, type);
}

static void good(void **state)
{
	struct memmap map;

	(void)state;
	asked.denied = ~0ULL;
	assert_right(BUILD(&map, { 0xfeffc000, 0x4000, 2 }, { 0, 2 * GiB, 1 },
			   { 4 * GiB, 3 * GiB, 1 }, { 0xfd00000000, 0x300000000, 99 }));
	assert_int_equal(map.count, 7);
	assert_int_equal(map.low_end, 2 * GiB);
	is(&map, 0, 0xfeffc000, 0xff000000, MEMMAP_RESERVED);
	is(&map, 1, 0, LOW_RAM_END, MEMMAP_RAM);
	is(&map, 2, ACPI_BASE, ACPI_BASE + ACPI_SIZE, MEMMAP_ACPI);
	is(&map, 3, ACPI_BASE + ACPI_SIZE, 2 * GiB, MEMMAP_RAM);
	is(&map, 4, DEVICES_BASE, DEVICES_BASE + MMCONFIG_SIZE, MEMMAP_RESERVED);
	is(&map, 5, 4 * GiB, 7 * GiB, MEMMAP_RAM);
	is(&map, 6, 0xfd00000000, 0x10000000000, MEMMAP_RESERVED);
	/* All that Linux will take for RAM was confirmed. */
	assert_int_equal(asked.count, 3);
	assert_int_equal(asked.range[0].base, 0);
	assert_int_equal(asked.range[0].size, 0xa0000);
	assert_int_equal(asked.range[1].base, MiB);
	assert_int_equal(asked.range[1].size, 2 * GiB - MiB);
	assert_int_equal(asked.range[2].base, 4 * GiB);
	assert_int_equal(asked.range[2].size, 3 * GiB);
}

/* A host that invents RAM would be told what the guest puts there. */
static void invented(void **state)
{
	static const uint64_t at[] = { 0, 0x9f000, MiB, 200 * MiB, 5 * GiB, 7 * GiB - 1 };
	struct memmap map;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		asked.denied = at[i];
		assert_wrong(BUILD(&map, { 0, 2 * GiB, 1 }, { 4 * GiB, 3 * GiB, 1 }),
			     "does not have");
	}
	asked.denied = 0xc0000;		/* nobody uses that as RAM */
	assert_right(BUILD(&map, { 0, 2 * GiB, 1 }));
	asked.denied = ~0ULL;
}

static void ranges(void **state)
{
	struct memmap map;

	(void)state;
	assert_wrong(BUILD(&map, { 0, 0, 1 }), "empty");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { ~0ULL, 1, 2 }), "too high");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 4 * GiB, ~0ULL, 1 }), "too high");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 4 * GiB, 0ULL - 4 * GiB, 1 }), "too high");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 1ULL << 52, 0x1000, 1 }), "too high");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 4 * GiB, 0, 2 }), "empty");
	assert_wrong(BUILD(&map, { 0, GiB + 1, 1 }), "pages");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 4 * GiB + 1, 0x1000, 1 }), "pages");
	assert_wrong(BUILD(&map, { 0, DEVICES_BASE + 0x1000ULL, 1 }), "devices");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 0xfee00000, 0x1000, 1 }), "devices");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 0xfffff000, 0x2000, 1 }), "devices");
	assert_wrong(BUILD(&map, { 0, 8 * GiB, 1 }), "devices");
	assert_right(BUILD(&map, { 0, DEVICES_BASE, 1 }));
}

static void overlaps(void **state)
{
	struct memmap map;

	(void)state;
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 0, GiB, 1 }), "overlap");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { GiB - 0x1000, GiB, 1 }), "overlap");
	assert_wrong(BUILD(&map, { 0, GiB, 1 }, { 0x1000, 1, 2 }), "overlap");
	assert_wrong(BUILD(&map, { 0x1000, 1, 2 }, { 0, GiB, 1 }), "overlap");
	assert_right(BUILD(&map, { 0, GiB, 1 }, { GiB, 1, 2 }));
}

static void sizes(void **state)
{
	struct entry list[MEMMAP_LIST_MAX + 1];
	uint8_t raw[2 * MEMMAP_ENTRY];
	struct memmap map;
	unsigned int i;

	(void)state;
	assert_wrong(build(&map, NULL, 0), "too little");
	assert_wrong(BUILD(&map, { 0, 2 * MiB, 1 }), "too little");
	assert_wrong(BUILD(&map, { 4 * GiB, GiB, 1 }), "too little");
	assert_wrong(BUILD(&map, { 0, GiB, 2 }), "too little");
	assert_non_null(BUILD(&map, { 0, 0x1000, 1 }));
	assert_non_null(BUILD(&map, { 0, MiB, 1 }));
	memcpy(raw, &(struct entry){ 0, GiB, 1 }, MEMMAP_ENTRY);
	for (i = 1; i < sizeof(raw); i++)
		if (i % MEMMAP_ENTRY)
			assert_wrong(memmap_build(&map, raw, i, confirm), "wrong length");
	for (i = 0; i <= MEMMAP_LIST_MAX; i++)
		list[i] = (struct entry){ (4 + i) * GiB, 0x1000, 1 };
	list[7] = (struct entry){ 0, GiB, 1 };
	assert_right(build(&map, list, MEMMAP_LIST_MAX));
	assert_int_equal(map.count, MEMMAP_LIST_MAX + 3);
	assert_true(map.count <= MEMMAP_MAX);
	assert_wrong(build(&map, list, MEMMAP_LIST_MAX + 1), "wrong length");
}

/* Whatever comes: no overrun, and what is accepted is sound. */
static void noise(void **state)
{
	static const uint64_t interesting[] = {
		0, 1, 0x1000, 0x9f000, MiB, 2 * MiB, GiB, DEVICES_BASE, 4 * GiB, 5 * GiB, ~0ULL,
		~0xfffULL, 1ULL << 52, 1ULL << 63,
	};
	const unsigned int nr = sizeof(interesting) / sizeof(interesting[0]);
	struct entry list[4];
	struct memmap map;
	unsigned int i, j, n;

	(void)state;
	for (i = 0; i < 200000; i++) {
		n = (unsigned int)rand() % 5;
		for (j = 0; j < n; j++)
			list[j] = (struct entry){ interesting[(unsigned int)rand() % nr],
						  interesting[(unsigned int)rand() % nr],
						  (uint32_t)rand() % 3 };
		if (build(&map, list, n))
			continue;
		assert_in_range(map.low_end, HIGH_BASE, DEVICES_BASE);
		for (j = 0; j < map.count; j++)
			assert_true(map.range[j].size &&
				    map.range[j].base + map.range[j].size > map.range[j].base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(invented),
		cmocka_unit_test(ranges),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(sizes),
		cmocka_unit_test(noise),
	};

	srand(1);
	asked.denied = ~0ULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
