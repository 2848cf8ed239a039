// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's start and stop, naming RAM, and CPUs that come and go.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"

static void test_start_refusals(void **state)
{
	struct hg_boot boot = { .backend = &fake_backend_npt };
	const char *why = NULL;

	(void)state;
	assert_int_equal(hg_core_start(&boot, &why), HG_E_STATE);	/* started already */
	assert_non_null(why);
	world_stop();

	assert_int_equal(hg_core_stop(), HG_E_STATE);
	why = NULL;
	assert_int_equal(hg_core_start(&boot, &why), HG_E_ARG);
	assert_non_null(why);
	assert_null(hg_core.backend);
	world_start(WORLD_FRAMES, WORLD_NPT);
}

static void test_backend_refuses(void **state)
{
	static struct hg_frame table[64];
	static struct hg_cpu cpu;
	struct hg_boot boot = {
		.va_base = (u8 *)1, .frames = table, .frame_count = 64, .cpus = &cpu,
		.cpu_count = 1, .host_xcr0 = 1, .backend_pfn = WORLD_BACKEND,
		.backend = &fake_backend_npt,
	};
	const char *why = NULL;

	(void)state;
	world_stop();
	fake.start_status = HG_E_UNSUPPORTED;
	assert_int_equal(hg_core_start(&boot, &why), HG_E_UNSUPPORTED);
	assert_non_null(why);
	assert_null(hg_core.backend);
	fake.start_status = HG_OK;
	boot.backend_pfn = 60;		/* its frames do not fit the machine */
	assert_int_equal(hg_core_start(&boot, &why), HG_E_RANGE);
	assert_null(hg_core.backend);
	world_start(WORLD_FRAMES, WORLD_NPT);
}

static void test_ram(void **state)
{
	u64 last = world.frames - 1;

	(void)state;
	assert_int_equal(hg_core_ram(world.frames, 1), HG_E_RANGE);
	assert_int_equal(hg_core_ram(last, 2), HG_E_RANGE);
	assert_int_equal(hg_core_ram(1, ~0ULL), HG_E_RANGE);
	assert_int_equal(hg_core_ram(~0ULL, 1), HG_E_RANGE);
	assert_int_equal(record(last).state, HG_FRAME_DEVICE);
	assert_int_equal(hg_frames_count(HG_FRAME_DEVICE), 2 * WORLD_RAM);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST),
			 world.frames - 2 * WORLD_RAM - HG_BACKEND_FRAMES);
	assert_int_equal(hg_frames_count(HG_FRAME_CORE), HG_BACKEND_FRAMES);
}

/* Naming RAM again takes nothing from its owner. */
static void test_ram_again(void **state)
{
	u64 domain = make_domain(2);

	(void)state;
	assert_int_equal(hg_core_ram(WORLD_RAM, world.frames - 2 * WORLD_RAM), HG_OK);
	assert_int_equal(record(WORLD_FREE).state, HG_FRAME_CORE);
	assert_int_equal(record(WORLD_FREE).owner, domain);
	assert_int_equal(record(WORLD_BACKEND).state, HG_FRAME_CORE);
	hg_core_audit();
}

/* Frame 0 means "none" in the core's lists, so it can never be donated. */
static void test_frame_zero(void **state)
{
	u64 domain = make_domain(0);

	(void)state;
	assert_int_equal(hg_core_ram(0, WORLD_RAM), HG_OK);
	assert_int_equal(record(0).state, HG_FRAME_DEVICE);
	assert_int_equal(record(1).state, HG_FRAME_HOST);
	assert_refused(HG_E_RANGE, DOMAIN_DONATE, domain, 0);
	assert_refused(HG_E_RANGE, DOMAIN_CREATE, 0);
	/* As it was, for the teardown. */
	memset(&world.table[1], 0, sizeof(world.table[1]) * (WORLD_RAM - 1));
	for (int i = 1; i < WORLD_RAM; i++)
		world.table[i].state = HG_FRAME_DEVICE;
}

static void test_stop_busy(void **state)
{
	u64 domain = make_domain(0);

	(void)state;
	assert_int_equal(hg_core_stop(), HG_E_BUSY);
	assert_int_equal(call(DOMAIN_DESTROY, domain), HG_OK);
	assert_int_equal(hg_core_stop(), HG_E_BUSY);	/* its frames are not back */
	unmake_domain(domain);
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	assert_int_equal(hg_core_stop(), HG_E_BUSY);
	assert_int_equal(hg_core_cpu_off(0), HG_OK);
}

static void test_stop_scrubs(void **state)
{
	static u8 copy[HG_BACKEND_FRAMES << 12];
	u8 *arena;

	(void)state;
	plant(WORLD_BACKEND, HG_BACKEND_FRAMES);
	arena = world.arena;
	assert_int_equal(hg_core_stop(), HG_OK);
	assert_memory_equal(arena + (WORLD_BACKEND << 12), copy, sizeof(copy));
	munmap(arena, world.frames << 12);
	free(world.table);
	world_start(WORLD_FRAMES, WORLD_NPT);
}

static void test_cpus(void **state)
{
	u64 pfn = take1(), domain = make_domain(3);

	(void)state;
	assert_int_equal(hg_core_cpu_on(WORLD_CPUS, pfn), HG_E_ARG);
	assert_int_equal(hg_core_cpu_on(0, world.frames), HG_E_RANGE);
	assert_int_equal(hg_core_cpu_on(0, 3), HG_E_RANGE);		/* no RAM */
	assert_int_equal(hg_core_cpu_on(0, domain_of(domain)->control_pfn), HG_E_OWNER);
	assert_int_equal(hg_core_cpu_off(0), HG_E_ABSENT);
	assert_int_equal(hg_core_cpu_off(WORLD_CPUS), HG_E_ARG);
	assert_int_equal(fake.cpus_on, 0);

	plant(pfn, 1);
	assert_int_equal(hg_core_cpu_on(0, pfn), HG_OK);
	assert_int_equal(record(pfn).state, HG_FRAME_CORE);
	assert_int_equal(record(pfn).owner, 0);
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_E_EXISTS);
	assert_int_equal(fake.cpus_on, 1);
	/* What belongs to a CPU cannot be given away or mapped. */
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, domain, pfn);
	assert_refused(HG_E_OWNER, MAP, domain, 0, pfn, 1, HG_PROT_ALL);

	assert_int_equal(hg_core_cpu_off(0), HG_OK);
	assert_int_equal(fake.cpus_on, 0);
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	assert_true(all_zero(pfn, 1));
}

static void test_cpu_refused(void **state)
{
	u64 pfn = take1();

	(void)state;
	fake.cpu_on_status = HG_E_BUSY;
	assert_int_equal(hg_core_cpu_on(1, pfn), HG_E_BUSY);
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	assert_false(world.cpus[1].online);
	fake.cpu_on_status = HG_OK;
	assert_int_equal(hg_core_cpu_on(1, pfn), HG_OK);
}

static void test_control_fields(void **state)
{
	u32 count;

	(void)state;
	assert_non_null(hg_control_fields(&count));
	assert_int_equal(count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start_refusals), TEST(test_backend_refuses), TEST(test_ram),
		TEST(test_ram_again), TEST(test_frame_zero), TEST(test_stop_busy),
		TEST(test_stop_scrubs), TEST(test_cpus), TEST(test_cpu_refused),
		TEST(test_control_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
