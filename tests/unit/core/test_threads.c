// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two CPUs in the core at once: mappings that change under lookups, frames that
 * two domains want, a domain that is destroyed while it gets vCPUs, children that end
 * while they are made. Under TSan.
 */
#include <pthread.h>
#include <stdlib.h>

#include "world.h"

#define ROUNDS	20000

static u64 one, two, memory, handle;
static int stop;

static void *mapper(void *arg)
{
	u64 domain = *(u64 *)arg, i;

	for (i = 0; i < ROUNDS; i++) {
		u64 gfn = i % 64, pfn = memory + i % 7;

		call(MAP, domain, gfn, pfn, 1, HG_PROT_ALL);
		if (i % 3 == 0)
			call(UNMAP, domain, gfn & ~7ULL, 8);
		if (i % 16 == 0)
			call(PROTECT, domain, 0, 64);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* A vCPU that decodes: it may see a page or none, but nothing else. */
static void *looker(void *arg)
{
	struct hg_vcpu *vcpu = vcpu_of(handle);
	u64 left, n = 0;

	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		const u8 *at_;

		__atomic_store_n(&vcpu->running, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&vcpu->tlb_seen,
				 __atomic_load_n(&vcpu->domain->tlb_gen, __ATOMIC_SEQ_CST),
				 __ATOMIC_RELEASE);
		at_ = hg_npt_lookup(vcpu->domain, (n++ % 64) << 12, &left);
		if (at_) {
			u64 pfn = (u64)(at_ - world.arena) >> 12;

			if (pfn - memory >= 7 || left != 4096)
				abort();
		}
		__atomic_store_n(&vcpu->running, 0, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void test_map_and_lookup(void **state)
{
	pthread_t a, b;

	(void)state;
	one = make_domain(12);
	handle = make_vcpu(one, NULL);
	memory = take(8, 1);
	stop = 0;
	pthread_create(&a, NULL, mapper, &one);
	pthread_create(&b, NULL, looker, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

/* Both lend the same frames; each mapping is counted once. */
static void test_two_domains(void **state)
{
	pthread_t a, b;
	u64 i, maps = 0;

	(void)state;
	one = make_domain(12);
	two = make_domain(12);
	memory = take(8, 1);
	pthread_create(&a, NULL, mapper, &one);
	pthread_create(&b, NULL, mapper, &two);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	for (i = 0; i < 8; i++)
		maps += record(memory + i).maps;
	assert_int_equal(maps, stat_of(one, HG_DOMAIN_STAT_MAPPED_4K) +
			 stat_of(two, HG_DOMAIN_STAT_MAPPED_4K));
}

/* One frame, two who want it: exactly one gets it. */
static u64 wanted, won[2];

static void *grabber(void *arg)
{
	u64 *mine = arg, domain = mine == &won[0] ? one : two, i;

	for (i = 0; i < 2000; i++)
		if (call(DOMAIN_DONATE, domain, wanted + i) > 0)
			++*mine;
	return NULL;
}

static void test_one_owner(void **state)
{
	pthread_t a, b;

	(void)state;
	one = make_domain(0);
	two = make_domain(0);
	wanted = take(2000, 1);
	won[0] = won[1] = 0;
	pthread_create(&a, NULL, grabber, &won[0]);
	pthread_create(&b, NULL, grabber, &won[1]);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	assert_int_equal(won[0] + won[1], 2000);
	assert_int_equal(stat_of(one, HG_DOMAIN_STAT_CACHE), won[0]);
	assert_int_equal(stat_of(two, HG_DOMAIN_STAT_CACHE), won[1]);
}

/* A vCPU and the end of its domain: never both. */
static u64 page_pfn, vcpu_pfn;
static s64 created, destroyed;

static void *creator(void *arg)
{
	(void)arg;
	created = call(VCPU_CREATE, one, page_pfn, vcpu_pfn);
	return NULL;
}

static void *destroyer(void *arg)
{
	(void)arg;
	destroyed = call(DOMAIN_DESTROY, one);
	return NULL;
}

static void test_create_destroy(void **state)
{
	u64 control = take1(), root = take1(), i;

	(void)state;
	page_pfn = take1();
	vcpu_pfn = take(HG_VCPU_FRAMES, 1);
	for (i = 0; i < 300; i++) {
		pthread_t a, b;

		one = (u64)call(DOMAIN_CREATE, control);
		assert_int_equal(call(DOMAIN_DONATE, one, root), 0);
		pthread_create(&a, NULL, creator, NULL);
		pthread_create(&b, NULL, destroyer, NULL);
		pthread_join(a, NULL);
		pthread_join(b, NULL);
		if (created > 0) {
			assert_int_equal(destroyed, HG_E_BUSY);
			assert_int_equal(call(VCPU_DESTROY, created), HG_OK);
		} else {
			assert_int_equal(created, HG_E_STATE);
			assert_int_equal(destroyed, HG_OK);
		}
		unmake_domain(one);
	}
}

/*
 * Two vCPUs of a guest that has guests: one makes a child's vCPU, the other ends all
 * children, without asking whether they are ready. And the host does so at once.
 */
static u64 parents[3];

static s64 nested_call(u64 vcpu, u64 nr, u64 a, u64 b, u64 c)
{
	struct hg_vcpu *v = vcpu_of(vcpu);

	v->gpr[HG_RAX] = HG_NEST_CALL | nr;
	v->gpr[HG_RBX] = a;
	v->gpr[HG_RCX] = b;
	v->gpr[HG_RDX] = c;
	v->gpr[HG_RSI] = 0;
	v->gpr[HG_RDI] = 0;
	if (hg_nest_call(v, 3) != -1 && v->gpr[HG_RAX] == (HG_NEST_CALL | nr))
		return HG_E_ABSENT;		/* L0 would be asked */
	return (s64)v->gpr[HG_RAX];
}

static void *nested_creator(void *arg)
{
	u64 gfn, i;
	s64 child;

	(void)arg;
	for (i = 0; i < ROUNDS / 20; i++) {
		for (gfn = 0; gfn < 9; gfn++)
			call(MAP, one, gfn, memory + gfn, 1, HG_PROT_ALL);
		child = nested_call(parents[0], HG_CALL_DOMAIN_CREATE, 0, 0, 0);
		if (child <= 0)
			continue;
		nested_call(parents[0], HG_CALL_DOMAIN_DONATE, (u64)child, 1, 0);
		nested_call(parents[0], HG_CALL_VCPU_CREATE, (u64)child, 2, 3);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *nested_purger(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		nested_call(parents[1], HG_CALL_DOMAIN_PURGE, 0, 100, 0);
	return NULL;
}

static void *host_purger(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		call(DOMAIN_PURGE, one, 3);
	return NULL;
}

static void make_parents(void)
{
	u32 i;

	one = (u64)call(DOMAIN_CREATE, take1(), HG_DOMAIN_NESTING);
	for (i = 0; i < 64; i++)
		assert_true(call(DOMAIN_DONATE, one, take1()) >= 0);
	for (i = 0; i < 3; i++)
		parents[i] = make_vcpu(one, NULL);
	memory = take(16, 1);
	fake.guest.efer = HG_EFER_LMA;
	fake.segment[HG_SEG_CS].attr = HG_SEG_L;
	stop = 0;
}

static void create_and_purge(void *(*purger)(void *))
{
	pthread_t a, b;

	make_parents();
	pthread_create(&a, NULL, nested_creator, NULL);
	pthread_create(&b, NULL, purger, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	while (call(DOMAIN_PURGE, one, 100) > 0)
		;
	assert_int_equal(domain_of(one)->nest.away, 0);
	assert_int_equal(domain_of(one)->nest.vcpus, 0);
	assert_int_equal(domain_of(one)->nest.domains, 0);
}

static void test_nested_create_purge(void **state)
{
	(void)state;
	create_and_purge(nested_purger);
}

static void test_nested_host_purge(void **state)
{
	(void)state;
	create_and_purge(host_purger);
}

/* A guest tries every handle: no vCPU of anyone else's is ever busy for that. */
static void *prober(void *arg)
{
	u64 i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++)
		if (nested_call(parents[0], HG_CALL_VCPU_FETCH, handle, 1, 0) != HG_E_HANDLE)
			abort();
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void test_nested_prober(void **state)
{
	pthread_t a;

	(void)state;
	make_parents();
	handle = make_vcpu(make_domain(0), NULL);
	pthread_create(&a, NULL, prober, NULL);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		assert_int_equal(call(VCPU_FETCH, handle, HG_STATE_REGS), HG_OK);
	pthread_join(a, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_map_and_lookup), TEST(test_two_domains), TEST(test_one_owner),
		TEST(test_create_destroy), TEST(test_nested_create_purge),
		TEST(test_nested_host_purge), TEST(test_nested_prober),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
