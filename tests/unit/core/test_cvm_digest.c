// SPDX-License-Identifier: GPL-2.0-only
/*
 * The launch digest: computed again here from what is documented in cvm.h, with
 * bytes put one after the other by hand; and whatever the parent could change
 * about a launch must change it.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "cvm_world.h"

/* --- the documented formula --- */

struct bytes {
	u8 at[256];
	u32 count;
};

static void put(struct bytes *b, u64 value, u32 size)
{
	assert_true(b->count + size <= sizeof(b->at));
	for (; size; size--, value >>= 8)
		b->at[b->count++] = (u8)value;
}

static void put_digest(struct bytes *b, const u8 *digest)
{
	u32 i;

	for (i = 0; i < 32; i++)
		put(b, digest[i], 1);
}

static void sha(const void *data, size_t size, u8 *digest)
{
	assert_int_equal(EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL), 1);
}

static void end(const struct bytes *b, u8 *digest)
{
	sha(b->at, b->count, digest);
}

static void add_measured_page(u8 *pages, u64 gpa, const void *data, u32 length, u32 flags)
{
	struct bytes b = { .count = 0 };
	u8 content[32];

	sha(data, length, content);
	put_digest(&b, pages);
	put(&b, gpa, 8);
	put(&b, length, 4);
	put(&b, flags, 4);
	put_digest(&b, content);
	end(&b, pages);
}

static void add_measured_range(u8 *ranges, u64 gfn, u64 count)
{
	struct bytes b = { .count = 0 };

	put_digest(&b, ranges);
	put(&b, gfn, 8);
	put(&b, count, 8);
	end(&b, ranges);
}

static void add_measured_cpu(u8 *cpus, u32 index, const struct hg_vcpu *vcpu)
{
	u32 i, n = vcpu->cpuid_count;
	u8 *table = malloc(n * 32 + 1);
	struct bytes b = { .count = 0 };
	u8 digest[32];

	assert_non_null(table);
	for (i = 0; i < n; i++) {
		const struct hg_cpuid *e = &vcpu->cpuid[i];
		struct bytes row = { .count = 0 };

		put(&row, e->function, 4);
		put(&row, e->index, 4);
		put(&row, e->flags, 4);
		put(&row, e->eax, 4);
		put(&row, e->ebx, 4);
		put(&row, e->ecx, 4);
		put(&row, e->edx, 4);
		put(&row, 0, 4);
		memcpy(table + i * 32, row.at, 32);
	}
	sha(table, n * 32, digest);
	free(table);
	put_digest(&b, cpus);
	put(&b, index, 4);
	put(&b, n, 4);
	put_digest(&b, digest);
	end(&b, cpus);
}

/* --- a launch, and what may be different about it --- */

struct recipe {
	u8 content[2];		/* of the two loads */
	u64 gpa[2];
	u32 length[2];
	u32 readonly;		/* the second page */
	bool swap;		/* the second load first */
	bool halves;		/* the first load in two calls */
	bool again;		/* the first load twice */
	bool spare;		/* one page more, which nothing is loaded into */
	u32 policy, ram, ranges, vcpus, cpuid_eax, cpuid_count;
};

static const struct recipe plain = {
	.content = { 0x11, 0x22 }, .gpa = { 0x5000, 0x6000 }, .length = { 4096, 4096 },
	.policy = 3, .ram = 64, .ranges = 1, .vcpus = 1, .cpuid_eax = 5, .cpuid_count = 2,
};

struct result {
	u8 launch[32];
	struct hg_measured_launch parts;
};

static void load_one(u64 domain, const struct recipe *r, u32 i)
{
	u32 length = r->length[i], part = r->halves && !i ? length / 2 : length;

	load_bytes(domain, r->gpa[i], r->content[i], part, HG_LOAD_MEASURED);
	if (part < length)
		load_bytes(domain, r->gpa[i] + part, r->content[i], length - part,
			   HG_LOAD_MEASURED);
}

static void load_pages(u64 domain, const struct recipe *r)
{
	add_page(domain, r->gpa[0] >> 12, 0);
	add_page(domain, r->gpa[1] >> 12, r->readonly);
	if (r->spare)
		add_page(domain, 40, 0);
	load_one(domain, r, r->swap);
	load_one(domain, r, !r->swap);
	if (r->again)
		load_one(domain, r, 0);
}

static void make_cpu(u64 domain, const struct recipe *r)
{
	u64 vcpu = make_vcpu(domain, NULL), pfn = take1();
	struct hg_cpuid *table = at(pfn);

	memset(table, 0, HG_PAGE_SIZE);
	table[1].function = 0x40000000;		/* out of order on purpose */
	table[0].function = 0x80000002;
	table[0].eax = r->cpuid_eax;
	if (r->cpuid_count)
		assert_int_equal(call(VCPU_SET_CPUID, vcpu, pfn, r->cpuid_count), HG_OK);
}

static void read_report(u64 domain, u32 state, struct result *result)
{
	u64 pfn = take1();
	const struct hg_cvm_report *report = at(pfn);

	plant(pfn, 1);
	assert_int_equal(call(CVM_REPORT, domain, pfn), sizeof(*report));
	assert_int_equal(report->state, state);
	assert_int_equal(*((u8 *)at(pfn) + sizeof(*report)), 0x5a);	/* no byte more */
	memcpy(result->launch, report->launch, 32);
	result->parts = report->parts;
}

/* SEALED; the domain stays. */
static u64 launch(const struct recipe *r, struct result *result)
{
	u64 domain = make_cvm(6);
	u32 i;

	assert_int_equal(call(CVM_LAUNCH, domain, r->policy), HG_OK);
	for (i = 0; i < r->ranges; i++)
		assert_int_equal(call(CVM_RAM, domain, i << 12, r->ram), HG_OK);
	load_pages(domain, r);
	for (i = 0; i < r->vcpus; i++)
		make_cpu(domain, r);
	seal(domain);
	read_report(domain, HG_CVM_SEALED, result);
	return domain;
}

/* --- the same everywhere --- */

static bool same(const u8 *a, const u8 *b)
{
	return !memcmp(a, b, HG_DIGEST_SIZE);
}

static void check_parts(u64 domain, const struct recipe *r, const struct result *result)
{
	u8 pages[32] = { 0 }, ranges[32] = { 0 }, cpus[32] = { 0 }, all[32], page[4096];
	struct bytes b = { .count = 0 };
	u32 i;

	for (i = 0; i < 2; i++) {
		memset(page, r->content[i], sizeof(page));
		add_measured_page(pages, r->gpa[i], page, r->length[i], i ? r->readonly : 0);
	}
	for (i = 0; i < r->ranges; i++)
		add_measured_range(ranges, i << 12, r->ram);
	for (i = 0; i < r->vcpus; i++)
		add_measured_cpu(cpus, i, domain_of(domain)->vcpus[i]);
	put(&b, 0x31304d5643544748ULL, 8);
	put(&b, r->policy, 4);
	put(&b, domain_of(domain)->cvm.c_bit, 4);
	put(&b, r->vcpus, 4);
	put(&b, 0, 4);
	put_digest(&b, pages);
	put_digest(&b, ranges);
	put_digest(&b, cpus);
	end(&b, all);
	assert_memory_equal(result->parts.pages, pages, 32);
	assert_memory_equal(result->parts.ranges, ranges, 32);
	assert_memory_equal(result->parts.cpus, cpus, 32);
	assert_memory_equal(result->launch, all, 32);
}

static void test_formula(void **state)
{
	struct recipe r = plain;
	struct result result;

	(void)state;
	check_parts(launch(&r, &result), &r, &result);
	r = (struct recipe){
		.content = { 0, 0xff }, .gpa = { 0x7010, 0xfff001 }, .length = { 1, 4095 },
		.readonly = HG_CVM_READONLY, .policy = 0xffffffff, .ram = 1, .ranges = 32,
		.vcpus = 3,
	};
	check_parts(launch(&r, &result), &r, &result);
}

/* A table without entries has a digest, too: of nothing. */
static void test_known(void **state)
{
	static const u8 nothing[4] = { 0xe3, 0xb0, 0xc4, 0x42 };
	u8 digest[32];

	(void)state;
	sha("", 0, digest);
	assert_memory_equal(digest, nothing, 4);
	hg_port_sha256("", 0, NULL, 0, digest);
	assert_memory_equal(digest, nothing, 4);
}

static void test_repeatable(void **state)
{
	struct recipe r = plain;
	struct result first, second;

	(void)state;
	launch(&r, &first);
	launch(&r, &second);
	assert_memory_equal(&first, &second, sizeof(first));
	/* What is not loaded is zero, so it need not be measured. */
	r.spare = true;
	launch(&r, &second);
	assert_memory_equal(&first, &second, sizeof(first));
}

/* --- every difference shows --- */

/* FRAME: only the launch record itself. */
enum part { FRAME = 0, PAGES = 1, RANGES = 2, CPUS = 4 };

static void differs(const struct recipe *r, u32 parts)
{
	struct result was, is;

	launch(&plain, &was);
	launch(r, &is);
	assert_int_equal(same(was.parts.pages, is.parts.pages), !(parts & PAGES));
	assert_int_equal(same(was.parts.ranges, is.parts.ranges), !(parts & RANGES));
	assert_int_equal(same(was.parts.cpus, is.parts.cpus), !(parts & CPUS));
	assert_false(same(was.launch, is.launch));
}

#define DIFFERS(parts, change)						\
	do {								\
		struct recipe r = plain;				\
									\
		change;							\
		differs(&r, parts);					\
	} while (0)

static void test_pages_differ(void **state)
{
	(void)state;
	DIFFERS(PAGES, r.content[0] = 0x10);
	DIFFERS(PAGES, (r.content[0] = 0x22, r.content[1] = 0x11));	/* swapped */
	DIFFERS(PAGES, r.swap = true);
	DIFFERS(PAGES, r.gpa[1] = 0x7000);
	DIFFERS(PAGES, (r.gpa[0] = 0x6000, r.gpa[1] = 0x5000));
	DIFFERS(PAGES, r.readonly = HG_CVM_READONLY);
	DIFFERS(PAGES, r.length[1] = 4095);
	DIFFERS(PAGES, r.halves = true);
	DIFFERS(PAGES, r.again = true);
}

static void test_rest_differs(void **state)
{
	(void)state;
	DIFFERS(FRAME, r.policy = 2);
	DIFFERS(RANGES, r.ram = 65);
	DIFFERS(RANGES, r.ranges = 2);
	DIFFERS(CPUS, r.vcpus = 2);
	DIFFERS(CPUS, r.cpuid_eax = 6);
	DIFFERS(CPUS, r.cpuid_count = 1);
	DIFFERS(CPUS, r.cpuid_count = 0);
}

/* The parent's table is measured as the guest will see it. */
static void test_cpuid_is_what_the_guest_sees(void **state)
{
	struct recipe r = plain;
	const struct hg_cpuid *leaf;
	struct result result;
	struct hg_vcpu *vcpu;

	(void)state;
	vcpu = domain_of(launch(&r, &result))->vcpus[0];
	leaf = hg_cpuid_find(vcpu, 0x8000001f, 0);
	assert_non_null(leaf);
	assert_int_equal(leaf->eax, 2);
	assert_int_equal(leaf->ebx & 0x3f, vcpu->domain->cvm.c_bit);
	assert_int_equal(vcpu->cpuid[0].function, 0x40000000);
	assert_int_equal(vcpu->cpuid_count, r.cpuid_count + HG_CVM_CPUID_NEEDED);
}

/*
 * A parent's attacks: an index hides from the guest that it has a C-bit; another
 * hypervisor, or KVM at another place, offers features that rest on shared memory.
 */
static void test_cpuid_hides_nothing(void **state)
{
	static const struct hg_cpuid attack[] = {
		{ .function = 0x8000001f, .index = 1, .flags = HG_CPUID_INDEXED },
		{ .function = 0x80000000, .index = 2, .flags = HG_CPUID_INDEXED },
		{ .function = 0x80000008, .index = 3, .flags = HG_CPUID_INDEXED, .eax = 0xff },
		{ .function = 0x40000000, .index = 1, .flags = HG_CPUID_INDEXED, .eax = ~0u,
		  .ebx = 0x7263694d },		/* "Micr" */
		{ .function = 0x40000100, .eax = 0x40000101, .ebx = 0x4b4d564b },
		{ .function = 0x40000101, .eax = ~0u, .edx = ~0u },
		{ .function = 0x4ffffffe, .ebx = ~0u, .ecx = ~0u },
	};
	u64 handle = make_vcpu(launch_cvm(6), NULL), pfn = take1();
	const struct hg_vcpu *vcpu = vcpu_of(handle);
	const struct hg_cpuid *leaf;
	u32 c_bit = vcpu->domain->cvm.c_bit;

	(void)state;
	memset(at(pfn), 0, HG_PAGE_SIZE);
	memcpy(at(pfn), attack, sizeof(attack));
	assert_int_equal(call(VCPU_SET_CPUID, handle, pfn, HG_ARRAY_SIZE(attack)), HG_OK);
	leaf = hg_cpuid_find(vcpu, 0x8000001f, 0);
	assert_non_null(leaf);
	assert_int_equal(leaf->eax, 2);
	assert_int_equal(leaf->ebx & 0x3f, c_bit);
	leaf = hg_cpuid_find(vcpu, 0x80000000, 0);
	assert_non_null(leaf);
	assert_int_equal(leaf->eax, 0x8000001f);
	leaf = hg_cpuid_find(vcpu, 0x80000008, 0);
	assert_non_null(leaf);
	assert_int_equal(leaf->eax & 0xff, c_bit);
	leaf = hg_cpuid_find(vcpu, 0x40000000, 0);
	assert_non_null(leaf);
	assert_int_equal(leaf->eax, 0x40000001);
	assert_int_equal(leaf->ebx, 0x4b4d564b);
	for (leaf = vcpu->cpuid; leaf < vcpu->cpuid + vcpu->cpuid_count; leaf++)
		if (leaf->function > 0x40000001 && leaf->function < 0x50000000)
			assert_int_equal(leaf->eax | leaf->ebx | leaf->ecx | leaf->edx, 0);
}

/* Until SEAL there is no digest; after it none of the calls changes it. */
static void test_final(void **state)
{
	static const u8 none[32];
	u64 domain = launch_cvm(6);
	struct result early, before, after;

	(void)state;
	add_page(domain, 5, HG_CVM_READONLY);
	load_bytes(domain, 0x5000, 1, 4096, HG_LOAD_MEASURED);
	make_cpu(domain, &plain);
	read_report(domain, HG_CVM_LAUNCHING, &early);
	assert_memory_equal(early.launch, none, 32);
	assert_false(same(early.parts.pages, none));	/* so far */
	seal(domain);
	read_report(domain, HG_CVM_SEALED, &before);
	assert_true(same(early.parts.pages, before.parts.pages));
	add_page(domain, 6, 0);
	load_bytes(domain, 0x6000, 2, 64, HG_LOAD_SECRET);
	assert_int_equal(call(CVM_START, domain), HG_OK);
	add_page(domain, 7, 0);
	assert_int_equal(call(CVM_RESET, domain), HG_OK);
	read_report(domain, HG_CVM_RUNNING, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_report_frame(void **state)
{
	u64 domain = launch_cvm(6), page, lent = take1();

	(void)state;
	make_vcpu(domain, &page);
	assert_int_equal(call(MAP, domain, 0, lent, 1, HG_PROT_READ), HG_OK);
	assert_refused(HG_E_OWNER, CVM_REPORT, domain, lent);	/* guests would see it change */
	assert_refused(HG_E_OWNER, CVM_REPORT, domain, page);
	assert_refused(HG_E_OWNER, CVM_REPORT, domain, domain_of(domain)->root);
	assert_refused(HG_E_OWNER, CVM_REPORT, domain, domain_of(domain)->control_pfn);
	assert_refused(HG_E_RANGE, CVM_REPORT, domain, 0);
	assert_refused(HG_E_RANGE, CVM_REPORT, domain, WORLD_FRAMES);
	assert_refused(HG_E_RANGE, CVM_REPORT, domain, ~0ULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_formula), TEST(test_known), TEST(test_repeatable),
		TEST(test_pages_differ), TEST(test_rest_differs),
		TEST(test_cpuid_is_what_the_guest_sees), TEST(test_cpuid_hides_nothing),
		TEST(test_final), TEST(test_report_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
