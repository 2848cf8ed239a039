// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: handles, frames, what is fetched, CPUID tables and dumps.
 */
#include <string.h>

#include "world.h"

static struct hg_vcpu_page *page_of(u64 vcpu)
{
	return vcpu_of(vcpu)->page;
}

static void test_create(void **state)
{
	u64 domain = make_domain(0), page = take1(), pfn = take(HG_VCPU_FRAMES, 1), i;
	struct hg_vcpu *vcpu;
	s64 handle;

	(void)state;
	plant(pfn, HG_VCPU_FRAMES);
	handle = call(VCPU_CREATE, domain, page, pfn);
	assert_true(handle > 0);
	assert_int_equal(record(page).state, HG_FRAME_CONTROL);
	for (i = 0; i < HG_VCPU_FRAMES; i++) {
		assert_int_equal(record(pfn + i).state, HG_FRAME_CORE);
		assert_int_equal(record(pfn + i).owner, domain);
	}
	/* The reset state (APM vol. 2, table 14-1), and nothing of the frames' past. */
	vcpu = vcpu_of((u64)handle);
	assert_int_equal(vcpu->rip, 0xfff0);
	assert_int_equal(vcpu->rflags, 2);
	assert_int_equal(vcpu->xcr0, 1);
	assert_int_equal(vcpu->cpuid_count, 0);
	assert_true(all_zero(pfn + 2, 1));
	assert_int_equal(fake.inits, 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_VCPUS), 1);
}

static void test_create_refusals(void **state)
{
	u64 domain = make_domain(4), page = take1(), pfn = take(HG_VCPU_FRAMES, 1);
	u64 lent = take1(), top = world.frames - WORLD_RAM;
	s64 bare = call(DOMAIN_CREATE, take1());

	(void)state;
	assert_int_equal(call(MAP, domain, 0, lent, 1, HG_PROT_ALL), HG_OK);
	assert_refused(HG_E_HANDLE, VCPU_CREATE, domain + 1, page, pfn);
	assert_refused(HG_E_HANDLE, VCPU_CREATE, 0, page, pfn);
	assert_refused(HG_E_STATE, VCPU_CREATE, bare, page, pfn);	/* no top table */
	assert_refused(HG_E_RANGE, VCPU_CREATE, domain, 0, pfn);
	assert_refused(HG_E_RANGE, VCPU_CREATE, domain, ~0ULL, pfn);
	assert_refused(HG_E_RANGE, VCPU_CREATE, domain, page, world.frames - 1);
	assert_refused(HG_E_RANGE, VCPU_CREATE, domain, page, top - 1);	/* partly no RAM */
	assert_refused(HG_E_RANGE, VCPU_CREATE, domain, page, ~0ULL);
	assert_refused(HG_E_OWNER, VCPU_CREATE, domain, lent, pfn);
	assert_refused(HG_E_OWNER, VCPU_CREATE, domain, page, lent - 1);
	assert_refused(HG_E_OWNER, VCPU_CREATE, domain, pfn, pfn);	/* the page among them */
	assert_refused(HG_E_OWNER, VCPU_CREATE, domain, pfn + 3, pfn);
	assert_true(call(VCPU_CREATE, domain, page, pfn) > 0);
	assert_refused(HG_E_OWNER, VCPU_CREATE, domain, page, take(HG_VCPU_FRAMES, 1));
	assert_refused(HG_E_OWNER, VCPU_CREATE, domain, take1(), pfn);
}

static void test_limits(void **state)
{
	u64 domain = 0, i, pfn = take(HG_VCPU_FRAMES, 1);

	(void)state;
	for (i = 0; i < HG_MAX_VCPUS_TOTAL; i++) {
		if (i % HG_MAX_VCPUS == 0) {
			if (domain)
				assert_refused(HG_E_LIMIT, VCPU_CREATE, domain, take1(), pfn);
			domain = make_domain(0);
		}
		make_vcpu(domain, NULL);
	}
	domain = make_domain(0);
	assert_refused(HG_E_LIMIT, VCPU_CREATE, domain, take1(), pfn);
}

static void test_destroy(void **state)
{
	u64 domain = make_domain(0), page, vcpu = make_vcpu(domain, &page);
	u64 pfn = vcpu_of(vcpu)->frame[0], i;
	s64 next;

	(void)state;
	vcpu_of(vcpu)->gpr[HG_RBX] = 0x5ec2e7;		/* a guest's secret */
	memset(at(pfn + 1), 0x33, HG_PAGE_SIZE);
	assert_int_equal(call(VCPU_DESTROY, vcpu), HG_OK);
	assert_true(all_zero(pfn, HG_VCPU_FRAMES));
	for (i = 0; i < HG_VCPU_FRAMES; i++)
		assert_int_equal(record(pfn + i).state, HG_FRAME_HOST);
	assert_int_equal(record(page).state, HG_FRAME_HOST);
	assert_int_equal(record(page).owner, 0);
	assert_refused(HG_E_HANDLE, VCPU_DESTROY, vcpu);
	assert_refused(HG_E_HANDLE, VCPU_FETCH, vcpu, 0);

	/* The slot is used again under another name. */
	next = call(VCPU_CREATE, domain, page, pfn);
	assert_true(next > 0);
	assert_int_not_equal(next, vcpu);
	assert_int_equal(next & 0xffff, vcpu & 0xffff);
	assert_refused(HG_E_HANDLE, VCPU_DESTROY, vcpu);
}

/* Someone else works on it. */
static void test_busy(void **state)
{
	u64 domain = make_domain(0), vcpu = make_vcpu(domain, NULL), pfn = take1();
	struct hg_vcpu_slot *slot = &hg_core.vcpus[(vcpu & 0xffff) - 1];

	(void)state;
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	slot->claim = 1;
	assert_refused(HG_E_BUSY, VCPU_DESTROY, vcpu);
	assert_refused(HG_E_BUSY, VCPU_RUN, vcpu, 0);
	assert_refused(HG_E_BUSY, VCPU_FETCH, vcpu, HG_STATE_ALL);
	assert_refused(HG_E_BUSY, VCPU_DUMP, vcpu, pfn);
	assert_refused(HG_E_BUSY, VCPU_SET_CPUID, vcpu, pfn, 0);
	slot->claim = 0;
	assert_int_equal(call(VCPU_FETCH, vcpu, 0), HG_OK);
}

static void test_fetch(void **state)
{
	u64 vcpu = make_vcpu(make_domain(0), NULL);
	struct hg_vcpu_page *page = page_of(vcpu);

	(void)state;
	assert_refused(HG_E_FLAGS, VCPU_FETCH, vcpu, HG_STATE_ALL + 1);
	assert_refused(HG_E_FLAGS, VCPU_FETCH, vcpu, 1ULL << 63);
	vcpu_of(vcpu)->gpr[HG_R15] = 15;
	assert_int_equal(call(VCPU_FETCH, vcpu, HG_STATE_REGS), HG_OK);
	assert_int_equal(page->valid, HG_STATE_REGS);
	assert_int_equal(page->gpr[HG_R15], 15);
	assert_int_equal(page->rip, 0xfff0);
	vcpu_of(vcpu)->dr[3] = 33;
	assert_int_equal(call(VCPU_FETCH, vcpu, HG_STATE_ALL & ~HG_STATE_REGS), HG_OK);
	assert_int_equal(page->valid, HG_STATE_ALL);
	assert_int_equal(page->dr[3], 33);
	assert_int_equal(page->xcr0, 1);
	assert_int_equal(fake.get_groups, HG_STATE_ALL & ~(HG_STATE_REGS | HG_STATE_TIME |
						    HG_STATE_EVENTS));
}

static void test_dump(void **state)
{
	u64 domain = make_domain(0), page, vcpu = make_vcpu(domain, &page), pfn = take1();

	(void)state;
	assert_refused(HG_E_RANGE, VCPU_DUMP, vcpu, world.frames);
	assert_refused(HG_E_RANGE, VCPU_DUMP, vcpu, 1);
	assert_refused(HG_E_OWNER, VCPU_DUMP, vcpu, page);
	assert_refused(HG_E_OWNER, VCPU_DUMP, vcpu, vcpu_of(vcpu)->frame[0]);
	assert_refused(HG_E_OWNER, VCPU_DUMP, vcpu, domain_of(domain)->root);
	assert_int_equal(call(VCPU_DUMP, vcpu, pfn), 1024);
	assert_int_equal(*(u8 *)at(pfn), 0x11);
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	assert_int_equal(record(pfn).owner, 0);
}

/* --- CPUID --- */

static u64 cpuid_vcpu, cpuid_pfn;

static void give(const struct hg_cpuid *table, u32 count)
{
	memcpy(at(cpuid_pfn), table, count * sizeof(*table));
	assert_int_equal(call(VCPU_SET_CPUID, cpuid_vcpu, cpuid_pfn, count), HG_OK);
}

static void ask(u32 function, u32 index, u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	struct hg_vcpu *vcpu = vcpu_of(cpuid_vcpu);

	vcpu->gpr[HG_RAX] = 0xffffffff00000000ULL | function;
	vcpu->gpr[HG_RCX] = 0xffffffff00000000ULL | index;
	assert_int_equal(hg_trap_cpuid(vcpu, 2, 0), -1);
	assert_int_equal(vcpu->gpr[HG_RAX], eax);	/* the upper halves are cleared */
	assert_int_equal(vcpu->gpr[HG_RBX], ebx);
	assert_int_equal(vcpu->gpr[HG_RCX], ecx);
	assert_int_equal(vcpu->gpr[HG_RDX], edx);
}

static void test_set_cpuid(void **state)
{
	static const struct hg_cpuid table[] = {
		{ .function = 0x80000000, .eax = 0x80000001 },
		{ .function = 4, .index = 1, .flags = HG_CPUID_INDEXED, .eax = 41 },
		{ .function = 0, .eax = 0xd, .ebx = 0x756e6547, .ecx = 3, .edx = 4 },
		{ .function = 4, .index = 0, .flags = HG_CPUID_INDEXED, .eax = 40 },
		{ .function = 0xd, .index = 0, .flags = HG_CPUID_INDEXED, .eax = 99 },
		{ .function = 1, .eax = 11, .ebx = 12, .ecx = 13, .edx = 14 },
	};
	u64 page;

	(void)state;
	cpuid_vcpu = make_vcpu(make_domain(0), &page);
	cpuid_pfn = take1();
	assert_refused(HG_E_LIMIT, VCPU_SET_CPUID, cpuid_vcpu, cpuid_pfn, HG_MAX_CPUID + 1);
	assert_refused(HG_E_LIMIT, VCPU_SET_CPUID, cpuid_vcpu, cpuid_pfn, ~0ULL);
	assert_refused(HG_E_RANGE, VCPU_SET_CPUID, cpuid_vcpu, world.frames, 1);
	assert_refused(HG_E_OWNER, VCPU_SET_CPUID, cpuid_vcpu, page, 1);
	assert_refused(HG_E_OWNER, VCPU_SET_CPUID, cpuid_vcpu, vcpu_of(cpuid_vcpu)->frame[0], 1);

	ask(0, 0, 0, 0, 0, 0);				/* no table, no answer */
	give(table, HG_ARRAY_SIZE(table));
	assert_int_equal(record(cpuid_pfn).state, HG_FRAME_HOST);
	memset(at(cpuid_pfn), 0xff, HG_PAGE_SIZE);	/* it has its own copy */
	ask(0, 7, 0xd, 0x756e6547, 3, 4);
	ask(1, 0, 11, 12, 13 & ~HG_BIT32(27), 14);
	ask(4, 0, 40, 0, 0, 0);
	ask(4, 1, 41, 0, 0, 0);
	ask(4, 2, 0, 0, 0, 0);
	ask(2, 0, 0, 0, 0, 0);				/* a hole */
	ask(0x80000000, 3, 0x80000001, 0, 0, 0);
	give(table, 0);
	ask(0, 0, 0, 0, 0, 0);
}

static void test_cpuid_full(void **state)
{
	struct hg_cpuid table[HG_MAX_CPUID];
	u32 i;

	(void)state;
	cpuid_vcpu = make_vcpu(make_domain(0), NULL);
	cpuid_pfn = take1();
	memset(table, 0, sizeof(table));
	for (i = 0; i < HG_MAX_CPUID; i++) {
		table[i].function = 0x4000 + (i * 37) % HG_MAX_CPUID;	/* a shuffle */
		table[i].eax = table[i].function * 3;
	}
	give(table, HG_MAX_CPUID);
	for (i = 0; i < HG_MAX_CPUID; i++)
		ask(0x4000 + i, 0, (0x4000 + i) * 3, 0, 0, 0);
	ask(0x3fff, 0, 0, 0, 0, 0);
	ask(0x4000 + HG_MAX_CPUID, 0, 0, 0, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create), TEST(test_create_refusals), TEST(test_limits),
		TEST(test_destroy), TEST(test_busy), TEST(test_fetch), TEST(test_dump),
		TEST(test_set_cpuid), TEST(test_cpuid_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
