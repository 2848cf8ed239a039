// SPDX-License-Identifier: Apache-2.0
/* hgctl measure: its CPUID rules against the core's, its formula, its input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "measure.h"

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef CORE_CPUID
#error "CORE_CPUID is the program made of core-cpuid.c"
#endif

/* ---- CPUID: what the core does, and what hgctl thinks it does ---- */

#define TABLES	400

struct sample {
	uint32_t c_bit;
	struct cpuid_table table;
};

static uint32_t random_u32(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	/* xorshift64*: the same numbers in every run */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

/* Every leaf that has a rule, and some that have none. */
static uint32_t random_function(void)
{
	static const uint32_t some[] = {
		0, 1, 2, 4, 7, 0xb, 0xd, 0x40000000, 0x40000001, 0x40000010, 0x80000000,
		0x80000001, 0x80000002, 0x80000006, 0x80000007, 0x80000008, 0x8000000a,
		0x8000001d, 0x8000001e, 0x8000001f, 0x80000021,
	};
	uint32_t r = random_u32();

	return r % 8 ? some[r / 8 % (sizeof(some) / sizeof(some[0]))] : random_u32();
}

static uint32_t random_register(void)
{
	uint32_t r = random_u32();

	switch (r & 3) {
	case 0:
		return 0;
	case 1:
		return UINT32_MAX;
	case 2:
		return r >> 20;		/* near the limits of 8000_0008h */
	}
	return random_u32();
}

/* hypergpu.ko tells the VMM of this CPU's RDRAND, and the core insists on it. */
static uint32_t with_own_rdrand(uint32_t ecx)
{
	unsigned int eax, ebx, own, edx;

	__cpuid(1, eax, ebx, own, edx);
	return (ecx & ~(UINT32_C(1) << 30)) | (own & (UINT32_C(1) << 30));
}

static struct cpuid_entry random_entry(void)
{
	struct cpuid_entry e = {
		.function = random_function(), .index = random_u32() % 4,
		.flags = random_u32() % 8, .eax = random_register(), .ebx = random_register(),
		.ecx = random_register(), .edx = random_register(),
	};

	if (e.function == 1)
		e.ecx = with_own_rdrand(e.ecx);
	return e;
}

static void write_samples(const char *path, struct sample *sample)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (unsigned int i = 0; i < TABLES; i++) {
		struct cpuid_table *t = &sample[i].table;
		uint32_t head[2];

		sample[i].c_bit = 33 + random_u32() % 15;
		t->count = i ? random_u32() % (CPUID_MAX - CPUID_ADDED + 1) : 0;
		for (uint32_t k = 0; k < t->count; k++)
			t->entry[k] = random_entry();
		head[0] = sample[i].c_bit;
		head[1] = t->count;
		assert_int_equal(fwrite(head, sizeof(head), 1, f), 1);
		assert_int_equal(fwrite(t->entry, sizeof(t->entry[0]), t->count, f), t->count);
	}
	assert_int_equal(fclose(f), 0);
}

static void compare(FILE *core, struct sample *sample, unsigned int which)
{
	struct cpuid_table *t = &sample->table, want;

	assert_int_equal(fread(&want.count, sizeof(want.count), 1, core), 1);
	assert_in_range(want.count, 1, CPUID_MAX);
	assert_int_equal(fread(want.entry, sizeof(want.entry[0]), want.count, core), want.count);
	cpuid_table_sanitise(t, sample->c_bit);
	assert_int_equal(t->count, want.count);
	for (uint32_t k = 0; k < t->count; k++)
		if (memcmp(&t->entry[k], &want.entry[k], sizeof(want.entry[k])))
			fail_msg("table %u, leaf %x.%u: eax %x ebx %x ecx %x edx %x, the core has "
				 "%x.%u: %x %x %x %x", which, t->entry[k].function,
				 t->entry[k].index, t->entry[k].eax, t->entry[k].ebx,
				 t->entry[k].ecx, t->entry[k].edx, want.entry[k].function,
				 want.entry[k].index, want.entry[k].eax, want.entry[k].ebx,
				 want.entry[k].ecx, want.entry[k].edx);
}

static void test_same_as_core(void **state)
{
	static struct sample sample[TABLES];
	char path[] = "/tmp/test-measure.XXXXXX", command[128];
	int fd = mkstemp(path);
	FILE *core;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_samples(path, sample);
	snprintf(command, sizeof(command), CORE_CPUID " <%s", path);
	core = popen(command, "r");
	assert_non_null(core);
	for (unsigned int i = 0; i < TABLES; i++)
		compare(core, &sample[i], i);
	assert_int_equal(fgetc(core), EOF);
	assert_int_equal(pclose(core), 0);
	unlink(path);
}

/* ---- the formula, against numbers that another program computed ---- */

static void expect_hex(const uint8_t *digest, const char *want)
{
	char text[2 * DIGEST_SIZE + 1];

	assert_string_equal(digest_hex(digest, text), want);
}

static void test_formula(void **state)
{
	static const struct cpuid_entry table[2] = {
		{ .function = 1, .eax = 2, .ebx = 3, .ecx = 4, .edx = 5 },
		{ .function = 7, .index = 1, .flags = 1, .edx = 0x80000000 },
	};
	struct digest d = { .policy = 1, .c_bit = 47 };
	uint8_t page[DIGEST_PAGE] = "page", launch[DIGEST_SIZE];

	(void)state;
	digest_page(&d, 0xfffff000, page, sizeof(page), true);
	digest_page(&d, 0x7000, page, sizeof(page), false);
	digest_range(&d, 0, UINT64_C(3) << 30);
	digest_range(&d, UINT64_C(1) << 32, UINT64_C(2) << 30);
	digest_cpu(&d, 0, table, 2);
	digest_cpu(&d, 1, table, 1);
	assert_int_equal(d.vcpus, 2);
	digest_launch(&d, launch);
	expect_hex(d.pages, "bdf16ca75793ddae781e79e383c8246d9eee37abd97e563430a152449b2d9de5");
	expect_hex(d.ranges, "d6b179d337717a58455a1f651d331c0cfd764e3507e34801e04886a55d6d3c29");
	expect_hex(d.cpus, "1a734fa5705ca1c37a5c20fad01388a3c0784ad4520478f0ab418f0bfab73c58");
	expect_hex(launch, "be67a2716c6d43b47260d57ac42d315b6bc4d723e1079563edc865517fb12eb5");
}

/* ---- reading ---- */

static int parse(const char *text, struct cpuid_tables *t)
{
	return cpuid_tables_parse(t, "test", text, strlen(text));
}

static void test_tables(void **state)
{
	struct cpuid_tables t;

	(void)state;
	assert_int_equal(parse("{\"c_bit\":47,\"vcpus\":[[[1,2,3,4,5,6,4294967295]],[]]}", &t), 0);
	assert_int_equal(t.c_bit, 47);
	assert_int_equal(t.vcpus, 2);
	assert_int_equal(t.vcpu[0].count, 1);
	assert_int_equal(t.vcpu[0].entry[0].function, 1);
	assert_int_equal(t.vcpu[0].entry[0].flags, 3);
	assert_int_equal(t.vcpu[0].entry[0].edx, UINT32_MAX);
	assert_int_equal(t.vcpu[1].count, 0);
	cpuid_tables_free(&t);
}

static void test_bad_tables(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "1", "{}", "{\"c_bit\":47}", "{\"c_bit\":47,\"vcpus\":[]}",
		"{\"c_bit\":32,\"vcpus\":[[]]}", "{\"c_bit\":48,\"vcpus\":[[]]}",
		"{\"c_bit\":\"47\",\"vcpus\":[[]]}", "{\"c_bit\":47,\"vcpus\":{}}",
		"{\"c_bit\":47,\"vcpus\":[1]}", "{\"c_bit\":47,\"vcpus\":[[1]]}",
		"{\"c_bit\":47,\"vcpus\":[[[1,2,3,4,5,6]]]}",
		"{\"c_bit\":47,\"vcpus\":[[[1,2,3,4,5,6,7,8]]]}",
		"{\"c_bit\":47,\"vcpus\":[[[1,2,3,4,5,6,4294967296]]]}",
		"{\"c_bit\":47,\"vcpus\":[[[1,2,3,4,5,6,-1]]]}",
		"{\"c_bit\":47,\"vcpus\":[[[1,2,3,4,5,6,7.0]]]}",
		"{\"c_bit\":47,\"c_bit\":46,\"vcpus\":[[]]}",
	};
	struct cpuid_tables t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!parse(bad[i], &t))
			fail_msg("taken: %s", bad[i]);
}

/* 97 entries may be, as three more are the core's. */
static void test_many_entries(void **state)
{
	struct cpuid_tables t;
	char text[8192];

	(void)state;
	for (unsigned int n = 97; n <= 98; n++) {
		int at = snprintf(text, sizeof(text), "{\"c_bit\":40,\"vcpus\":[[");

		for (unsigned int i = 0; i < n; i++)
			at += snprintf(text + at, sizeof(text) - (size_t)at, "%s[%u,0,0,0,0,0,0]",
				       i ? "," : "", 1000 + i);
		snprintf(text + at, sizeof(text) - (size_t)at, "]]}");
		assert_int_equal(!parse(text, &t), n == 97);
		if (n > 97)
			continue;
		cpuid_table_sanitise(&t.vcpu[0], t.c_bit);
		assert_int_equal(t.vcpu[0].count, 100);
		cpuid_tables_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_core), cmocka_unit_test(test_formula),
		cmocka_unit_test(test_tables), cmocka_unit_test(test_bad_tables),
		cmocka_unit_test(test_many_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
