// SPDX-License-Identifier: Apache-2.0
#include "ram.h"

#include <string.h>

#include "util.h"

static void inside_and_outside(void **state)
{
	struct guest_mem m;

	(void)state;
	ram_init(&m, 0x10000, 0x8000);
	assert_ptr_equal(guest_ptr(&m, 0, 1), m.region[0].host);
	assert_ptr_equal(guest_ptr(&m, 0xffff, 1), m.region[0].host + 0xffff);
	assert_ptr_equal(guest_ptr(&m, 0, 0x10000), m.region[0].host);
	assert_ptr_equal(guest_ptr(&m, MEM_HIGH_BASE + 8, 16), m.region[1].host + 8);

	assert_null(guest_ptr(&m, 0, 0));
	assert_null(guest_ptr(&m, 0, 0x10001));
	assert_null(guest_ptr(&m, 0xffff, 2));
	assert_null(guest_ptr(&m, 0x10000, 1));
	assert_null(guest_ptr(&m, MEM_HIGH_BASE - 1, 1));
	assert_null(guest_ptr(&m, MEM_HIGH_BASE - 1, 2));
	assert_null(guest_ptr(&m, MEM_HIGH_BASE + 0x8000, 1));
	ram_free(&m);
}

/* Sums that would wrap must not reach memory. */
static void wrap_around(void **state)
{
	struct guest_mem m;

	(void)state;
	ram_init(&m, 0x10000, 0x8000);
	assert_null(guest_ptr(&m, UINT64_MAX, 1));
	assert_null(guest_ptr(&m, 8, UINT64_MAX));
	assert_null(guest_ptr(&m, 8, UINT64_MAX - 7));
	assert_null(guest_ptr(&m, UINT64_MAX - 3, 8));
	assert_null(guest_ptr(&m, MEM_HIGH_BASE, UINT64_MAX - MEM_HIGH_BASE + 1));
	ram_free(&m);
}

static void create_and_clear(void **state)
{
	struct guest_mem m;
	uint8_t *p;

	(void)state;
	assert_int_equal(guest_mem_create(&m, 0, false), -22);
	assert_int_equal(guest_mem_create(&m, 4 * MiB + 4096, false), -22);
	assert_int_equal(guest_mem_create(&m, 4 * MiB, false), 0);
	assert_int_equal(m.nr, 1);
	assert_int_equal(guest_mem_low_size(&m), 4 * MiB);
	p = guest_ptr(&m, 4 * MiB - 1, 1);
	assert_non_null(p);
	assert_int_equal((uintptr_t)m.region[0].host % (2 * MiB), 0);
	*p = 0xaa;
	assert_int_equal(guest_mem_clear(&m), 0);
	assert_int_equal(*p, 0);
	guest_mem_destroy(&m);
	assert_null(guest_ptr(&m, 0, 1));
}

/* More than fits below the PCI window continues at 4 GiB. */
static void split(void **state)
{
	struct guest_mem m;

	(void)state;
	assert_int_equal(guest_mem_create(&m, 4 * GiB, false), 0);
	assert_int_equal(m.nr, 2);
	assert_non_null(guest_ptr(&m, MEM_LOW_LIMIT - 1, 1));
	assert_null(guest_ptr(&m, MEM_LOW_LIMIT, 1));
	assert_null(guest_ptr(&m, MEM_LOW_LIMIT - 1, 2));
	assert_non_null(guest_ptr(&m, MEM_HIGH_BASE + GiB - 1, 1));
	assert_null(guest_ptr(&m, MEM_HIGH_BASE + GiB, 1));
	guest_mem_destroy(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inside_and_outside),
		cmocka_unit_test(wrap_around),
		cmocka_unit_test(create_and_clear),
		cmocka_unit_test(split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
