// SPDX-License-Identifier: GPL-2.0-only
/*
 * Confidential domains until they run: their life, the frames they are given,
 * what is loaded into them. The parent is the attacker: whatever the core
 * refuses must leave memory, records and digest as they were.
 */
#include "cvm_world.h"
#include "arch.h"

/* --- life --- */

#define IN(state)	HG_BIT32(HG_CVM_##state)
#define ANY_CVM		(IN(CREATED) | IN(LAUNCHING) | IN(SEALED) | IN(RUNNING))
#define FILLING		(IN(LAUNCHING) | IN(SEALED) | IN(RUNNING))
#define OPEN		(IN(NONE) | IN(CREATED) | IN(LAUNCHING))

static u64 domain, vcpu;	/* @vcpu: 0 before there can be one */

static int setup(void **state)
{
	world_setup(state);
	domain = launch_cvm(8);
	vcpu = make_vcpu(domain, NULL);
	return 0;
}

/* A domain in @state, all on the legal way. */
static void reach(u32 state)
{
	vcpu = 0;
	domain = make_domain(HG_CVM_FRAMES + 4);
	if (state >= HG_CVM_CREATED)
		assert_true(call(CVM_INIT, domain) > 0);
	if (state >= HG_CVM_LAUNCHING) {
		assert_int_equal(call(CVM_LAUNCH, domain, 7), HG_OK);
		assert_int_equal(call(CVM_RAM, domain, 0, 16), HG_OK);
		add_page(domain, 1, 0);
	}
	vcpu = make_vcpu(domain, NULL);
	if (state >= HG_CVM_SEALED)
		seal(domain);
	if (state >= HG_CVM_RUNNING)
		assert_int_equal(call(CVM_START, domain), HG_OK);
	assert_int_equal(domain_of(domain)->cvm.state, state);
}

/* The call is refused unless this state is one of @legal. */
#define refused_outside(legal, state, ...)				\
	do {								\
		if (!((legal) & HG_BIT32(state)))			\
			assert_refused(HG_E_STATE, __VA_ARGS__);	\
	} while (0)

static void attack_state(u32 s)
{
	u64 pfn = take1(), frames = take(HG_VCPU_FRAMES, 1);

	plant(pfn, 1);
	/* With a vCPU, no domain can become confidential. */
	assert_refused(HG_E_STATE, CVM_INIT, domain);
	refused_outside(IN(CREATED), s, CVM_LAUNCH, domain, 0);
	refused_outside(IN(LAUNCHING), s, CVM_RAM, domain, 16, 1);
	refused_outside(FILLING, s, CVM_ADD, domain, 2, pfn, 1, 0);
	refused_outside(IN(LAUNCHING), s, CVM_ADD, domain, 2, pfn, 1, HG_CVM_READONLY);
	refused_outside(IN(LAUNCHING), s, CVM_LOAD, domain, 0x1000, pfn, WHERE(0, 64),
			HG_LOAD_MEASURED);
	refused_outside(IN(SEALED), s, CVM_LOAD, domain, 0x1000, pfn, WHERE(0, 64),
			HG_LOAD_SECRET);
	refused_outside(IN(LAUNCHING), s, CVM_SEAL, domain);
	refused_outside(IN(SEALED), s, CVM_START, domain);
	refused_outside(IN(RUNNING), s, CVM_RESET, domain);
	refused_outside(ANY_CVM, s, CVM_REPORT, domain, pfn);
	refused_outside(IN(RUNNING), s, VCPU_STARTUP, vcpu, 0x10);
	refused_outside(OPEN, s, VCPU_CREATE, domain, pfn, frames);
	refused_outside(OPEN, s, VCPU_SET_CPUID, vcpu, pfn, 1);
	refused_outside(IN(NONE) | IN(RUNNING), s, VCPU_RUN, vcpu, 0);
}

static void test_states(void **state)
{
	u32 s;

	(void)state;
	assert_int_equal(hg_core_cpu_on(0, take1()), HG_OK);
	for (s = HG_CVM_NONE; s <= HG_CVM_RUNNING; s++) {
		reach(s);
		attack_state(s);
	}
}

static u32 reported_state(u64 pfn)
{
	const struct hg_cvm_report *report = at(pfn);

	assert_int_equal(call(CVM_REPORT, domain, pfn), sizeof(*report));
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	assert_int_equal(report->handle, domain);
	return report->state;
}

static void test_life(void **state)
{
	u64 pfn = take1();

	(void)state;
	domain = make_cvm(4);
	assert_int_equal(reported_state(pfn), HG_CVM_CREATED);
	assert_refused(HG_E_STATE, CVM_INIT, domain);
	assert_int_equal(call(CVM_LAUNCH, domain, 0xffffffff), HG_OK);
	assert_int_equal(reported_state(pfn), HG_CVM_LAUNCHING);
	assert_refused(HG_E_ABSENT, CVM_SEAL, domain);		/* nothing would run */
	vcpu = make_vcpu(domain, NULL);
	seal(domain);
	assert_int_equal(reported_state(pfn), HG_CVM_SEALED);
	assert_int_equal(call(CVM_START, domain), HG_OK);
	assert_int_equal(reported_state(pfn), HG_CVM_RUNNING);
	assert_int_equal(call(CVM_RESET, domain), HG_OK);
	assert_int_equal(reported_state(pfn), HG_CVM_RUNNING);
	assert_refused(HG_E_BUSY, DOMAIN_DESTROY, domain);
}

/* Someone works on a vCPU: neither start nor reset may pull it away. */
static void test_claimed(void **state)
{
	u32 slot;

	(void)state;
	make_vcpu(domain, NULL);
	slot = (make_vcpu(domain, NULL) & 0xffff) - 1;
	seal(domain);
	hg_core.vcpus[slot].claim = 1;
	assert_refused(HG_E_BUSY, CVM_START, domain);
	hg_core.vcpus[slot].claim = 0;
	assert_int_equal(call(CVM_START, domain), HG_OK);
	hg_core.vcpus[slot].claim = 1;
	assert_refused(HG_E_BUSY, CVM_RESET, domain);
	hg_core.vcpus[slot].claim = 0;
	assert_int_equal(call(CVM_RESET, domain), HG_OK);
}

/* What is there already would be in the half that the guest takes for shared. */
static void test_init_mapped(void **state)
{
	u64 pfn = take(512, 512);

	(void)state;
	domain = make_domain(HG_CVM_FRAMES + 3);
	assert_int_equal(call(MAP, domain, 5, pfn, 1, HG_PROT_ALL), HG_OK);
	assert_refused(HG_E_STATE, CVM_INIT, domain);
	assert_int_equal(call(UNMAP, domain, 5, 1), 1);
	assert_int_equal(call(MAP, domain, 512, pfn, 2, HG_PROT_READ), HG_OK);
	assert_refused(HG_E_STATE, CVM_INIT, domain);
	assert_int_equal(call(UNMAP, domain, 0, 1024), 1);
	vcpu = make_vcpu(domain, NULL);
	assert_refused(HG_E_STATE, CVM_INIT, domain);
	assert_int_equal(call(VCPU_DESTROY, vcpu), HG_OK);
	assert_true(call(CVM_INIT, domain) > 0);
}

/* A big page of 1 GiB, which the usual arena is too small for. */
static void test_init_mapped_1g(void **state)
{
	(void)state;
	world_start(3 << 18, WORLD_EPT);
	domain = make_domain(HG_CVM_FRAMES + 3);
	assert_int_equal(call(MAP, domain, 0, 1 << 18, 3, HG_PROT_ALL), HG_OK);
	assert_int_equal(call(CVM_INIT, domain), HG_E_STATE);
	assert_int_equal(domain_of(domain)->c_mask, 0);
	assert_int_equal(call(UNMAP, domain, 0, 1), 1);
	assert_true(call(CVM_INIT, domain) > 0);
	world_stop();
}

static void test_init(void **state)
{
	u32 width = hg_arch_physical_bits(), c_bit = width - 1 < 47 ? width - 1 : 47;

	(void)state;
	domain = (u64)call(DOMAIN_CREATE, take1());
	assert_refused(HG_E_NOMEM, CVM_INIT, domain);		/* no top table */
	call(DOMAIN_DONATE, domain, take1());
	donate(domain, HG_CVM_FRAMES - 1);
	assert_refused(HG_E_NOMEM, CVM_INIT, domain);
	donate(domain, 1);
	assert_int_equal(call(CVM_INIT, domain), c_bit);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_TABLES), 1 + HG_CVM_FRAMES);
	assert_int_equal(domain_of(domain)->c_mask, 1ULL << c_bit);
}

/* Every call, with handles that name no live domain. */
static void bad_handle(u64 handle)
{
	u64 pfn = take1();

	assert_refused(HG_E_HANDLE, CVM_INIT, handle);
	assert_refused(HG_E_HANDLE, CVM_LAUNCH, handle, 0);
	assert_refused(HG_E_HANDLE, CVM_RAM, handle, 0, 1);
	assert_refused(HG_E_HANDLE, CVM_ADD, handle, 0, pfn, 1, 0);
	assert_refused(HG_E_HANDLE, CVM_LOAD, handle, 0, pfn, WHERE(0, 1), HG_LOAD_MEASURED);
	assert_refused(HG_E_HANDLE, CVM_SEAL, handle);
	assert_refused(HG_E_HANDLE, CVM_START, handle);
	assert_refused(HG_E_HANDLE, CVM_RESET, handle);
}

static void test_handles(void **state)
{
	u64 dying = make_cvm(0);

	(void)state;
	bad_handle(0);
	bad_handle(~0ULL);
	bad_handle(domain ^ 0x100);		/* another generation */
	bad_handle(domain | 1ULL << 32);
	assert_refused(HG_E_HANDLE, CVM_REPORT, domain ^ 0x100, take1());
	assert_refused(HG_E_HANDLE, VCPU_STARTUP, domain, 0);
	assert_int_equal(call(DOMAIN_DESTROY, dying), HG_OK);
	bad_handle(dying);
}

static void test_surplus(void **state)
{
	(void)state;
	assert_refused(HG_E_ARG, CVM_INIT, domain, 1);
	assert_refused(HG_E_ARG, CVM_LAUNCH, domain, 0, 1);
	assert_refused(HG_E_ARG, CVM_RAM, domain, RAM_PAGES, 1, 1);
	assert_refused(HG_E_ARG, CVM_SEAL, domain, 1);
	assert_refused(HG_E_ARG, CVM_START, domain, 0, 0, 0, 1);
	assert_refused(HG_E_ARG, CVM_RESET, domain, 0, 1);
	assert_refused(HG_E_ARG, CVM_REPORT, domain, take1(), 1);
	assert_refused(HG_E_ARG, VCPU_STARTUP, vcpu, 0, 1);
}

static void test_policy(void **state)
{
	(void)state;
	domain = make_cvm(0);
	assert_refused(HG_E_ARG, CVM_LAUNCH, domain, 1ULL << 32);
	assert_refused(HG_E_ARG, CVM_LAUNCH, domain, ~0ULL);
	assert_int_equal(call(CVM_LAUNCH, domain, 0x80000001), HG_OK);
	assert_int_equal(domain_of(domain)->cvm.digest.policy, 0x80000001);
	assert_refused(HG_E_STATE, CVM_LAUNCH, domain, 0);	/* not again, with another */
}

static void test_ram(void **state)
{
	u64 limit, i;

	(void)state;
	limit = c_gfn_of(domain);
	assert_refused(HG_E_ARG, CVM_RAM, domain, RAM_PAGES, 0);
	assert_refused(HG_E_EXISTS, CVM_RAM, domain, RAM_PAGES - 1, 2);
	assert_refused(HG_E_EXISTS, CVM_RAM, domain, 0, 1);
	assert_refused(HG_E_RANGE, CVM_RAM, domain, limit, 1);
	assert_refused(HG_E_RANGE, CVM_RAM, domain, limit - 1, 2);
	assert_refused(HG_E_RANGE, CVM_RAM, domain, RAM_PAGES, ~0ULL);
	assert_refused(HG_E_RANGE, CVM_RAM, domain, ~0ULL, 2);
	for (i = 1; i < HG_CVM_RANGES; i++)
		assert_int_equal(call(CVM_RAM, domain, RAM_PAGES * (i + 1), 1), HG_OK);
	assert_refused(HG_E_LIMIT, CVM_RAM, domain, RAM_PAGES * (i + 1), 1);
}

/* --- frames --- */

/* The frame is the guest's: nobody may do anything with it. */
static void attack_frame(u64 pfn, u64 gfn)
{
	u64 plain = make_domain(4), second = launch_cvm(4), spare = take1();
	u64 cpu = make_vcpu(plain, NULL), big = pfn & ~511ULL;

	assert_refused(HG_E_OWNER, MAP, domain, 3, pfn, 1, HG_PROT_READ);
	assert_refused(HG_E_OWNER, MAP, plain, gfn, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_OWNER, MAP, plain, 512, big, 2, HG_PROT_READ);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, plain, pfn);
	assert_refused(HG_E_OWNER, DOMAIN_DONATE, domain, pfn);
	assert_refused(HG_E_OWNER, DOMAIN_CREATE, pfn);
	assert_refused(HG_E_OWNER, VCPU_CREATE, plain, pfn, take(HG_VCPU_FRAMES, 1));
	assert_refused(HG_E_OWNER, VCPU_CREATE, plain, spare, pfn);
	assert_refused(HG_E_OWNER, VCPU_DUMP, cpu, pfn);
	assert_refused(HG_E_OWNER, VCPU_SET_CPUID, cpu, pfn, 1);
	assert_refused(HG_E_OWNER, CVM_ADD, second, gfn, pfn, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, second, 512, big, 2, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 3, pfn, 1, 0);	/* twice */
	assert_refused(HG_E_OWNER, CVM_REPORT, second, pfn);
	add_page(second, 7, 0);
	assert_refused(HG_E_OWNER, CVM_LOAD, second, 7 << 12, pfn, WHERE(0, 1), HG_LOAD_MEASURED);
	assert_int_equal(hg_core_cpu_on(1, pfn), HG_E_OWNER);
	assert_int_equal(record(pfn).state, HG_FRAME_PRIVATE);
	assert_int_equal(record(pfn).owner, domain);
}

static void test_frame_is_taken(void **state)
{
	u64 host = hg_frames_count(HG_FRAME_HOST), pfn = take(512, 512) + 100;

	(void)state;
	assert_int_equal(call(CVM_ADD, domain, 5, pfn, 1, 0), HG_OK);
	assert_int_equal(hg_frames_count(HG_FRAME_PRIVATE), 1);
	assert_int_equal(hg_frames_count(HG_FRAME_HOST), host - 1);
	attack_frame(pfn, 5);
	/* It is as much the guest's once that runs. */
	start(domain);
	attack_frame(pfn, 5);
}

static void test_big_frame_is_taken(void **state)
{
	u64 pfn = add_big_page(domain, 512, 0);

	(void)state;
	assert_int_equal(hg_frames_count(HG_FRAME_PRIVATE), 512);
	attack_frame(pfn, 512);
	attack_frame(pfn + 511, 512 + 511);
	start(domain);
	attack_frame(pfn + 200, 512 + 200);
}

/* Frames that are somebody's already do not become the guest's. */
static void test_not_the_hosts(void **state)
{
	u64 other = make_domain(3), lent = take(512, 512), page, cpu = make_vcpu(other, &page);

	(void)state;
	assert_int_equal(call(MAP, other, 0, lent + 77, 1, HG_PROT_ALL), HG_OK);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, lent + 77, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, lent, 2, 0);	/* one of 512 */
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, page, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, vcpu_of(cpu)->frame[0], 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, domain_of(domain)->root, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, domain_of(other)->control_pfn, 1, 0);
	assert_refused(HG_E_OWNER, CVM_ADD, domain, 0, WORLD_BACKEND, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, 0, 0, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, 0, WORLD_FRAMES - 1, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, 0, WORLD_FRAMES, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, 0, ~0ULL, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, 0, ~511ULL, 2, 0);
}

static void test_add_arguments(void **state)
{
	u64 pfn = take(512, 512), c = c_gfn_of(domain);

	(void)state;
	assert_refused(HG_E_ARG, CVM_ADD, domain, 0, pfn, 0, 0);
	assert_refused(HG_E_ARG, CVM_ADD, domain, 0, pfn, 3, 0);
	assert_refused(HG_E_ARG, CVM_ADD, domain, 0, pfn, 1ULL << 32 | 1, 0);
	assert_refused(HG_E_FLAGS, CVM_ADD, domain, 0, pfn, 1, 2);
	assert_refused(HG_E_FLAGS, CVM_ADD, domain, 0, pfn, 1, 1ULL << 32);
	assert_refused(HG_E_ALIGN, CVM_ADD, domain, 1, pfn, 2, 0);
	assert_refused(HG_E_ALIGN, CVM_ADD, domain, 512, pfn + 1, 2, 0);
	assert_refused(HG_E_ALIGN, CVM_ADD, domain, 256, pfn, 2, 0);
	/* The C-bit is not the parent's to set. */
	assert_refused(HG_E_RANGE, CVM_ADD, domain, c, pfn, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, c - 1, pfn, 2, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, 2 * c, pfn, 1, 0);
	assert_refused(HG_E_RANGE, CVM_ADD, domain, ~0ULL, pfn, 1, 0);
	assert_int_equal(call(CVM_ADD, domain, c - 1, pfn, 1, 0), HG_OK);
}

static void test_exists(void **state)
{
	u64 pfn = take1(), big;

	(void)state;
	add_page(domain, 5, 0);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 5, pfn, 1, 0);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 5, pfn, 1, HG_CVM_READONLY);
	add_big_page(domain, 512, 0);
	big = take(512, 512);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 512, pfn, 1, 0);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 1023, pfn, 1, 0);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 512, big, 2, 0);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 0, big, 2, 0);	/* over the small one */
	start(domain);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 5, pfn, 1, 0);
	assert_refused(HG_E_EXISTS, CVM_ADD, domain, 700, pfn, 1, 0);
}

static void check_page(u64 gfn, u64 pfn, u32 level, bool write)
{
	struct walk w = walk_private(domain, gfn), unpaged = walk_unpaged(domain, gfn);

	assert_int_equal(w.level, level);
	assert_int_equal(w.pfn, pfn);
	assert_int_equal(w.write, write);
	assert_true(w.exec);
	assert_ptr_equal(unpaged.entry, w.entry);	/* the very same tables */
	assert_int_equal(walk(domain_of(domain)->root, gfn).level, 0);	/* not shared, too */
}

/* The guest sees nothing of what the frame held. */
static void test_zeroed(void **state)
{
	u64 pfn = add_page(domain, 5, 0), rom = add_page(domain, ROM_GFN, HG_CVM_READONLY), big;

	(void)state;
	assert_true(all_zero(pfn, 1));
	assert_true(all_zero(rom, 1));
	check_page(5, pfn, 1, true);
	check_page(ROM_GFN, rom, 1, false);
	big = add_big_page(domain, 512, 0);
	assert_true(all_zero(big, 512));
	check_page(512, big, 2, true);
	check_page(1023, big + 511, 2, true);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_4K), 2);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_2M), 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_MAPPED_4K), 0);
	load_bytes(domain, ROM_GFN << 12, 1, 1, HG_LOAD_MEASURED);
	start(domain);
	pfn = add_page(domain, 6, 0);
	assert_true(all_zero(pfn, 1));
	check_page(6, pfn, 1, true);
}

static void test_zeroed_ept(void **state)
{
	(void)state;
	world_start(WORLD_FRAMES, WORLD_EPT);
	domain = launch_cvm(8);
	vcpu = make_vcpu(domain, NULL);
	test_zeroed(state);
	world_stop();
}

/* After the digest is final, nothing appears where the guest expects no memory. */
static void sealed_frames(void)
{
	u64 pfn = take1(), big = take(512, 512);

	assert_refused(HG_E_DENIED, CVM_ADD, domain, RAM_PAGES, pfn, 1, 0);
	assert_refused(HG_E_DENIED, CVM_ADD, domain, ROM_GFN, pfn, 1, 0);
	assert_refused(HG_E_DENIED, CVM_ADD, domain, RAM_PAGES, big, 2, 0);
	assert_refused(HG_E_STATE, CVM_ADD, domain, 9, pfn, 1, HG_CVM_READONLY);
	assert_refused(HG_E_STATE, CVM_ADD, domain, ROM_GFN, pfn, 1, HG_CVM_READONLY);
}

#define HIGH_RAM	(2 * RAM_PAGES)

static void test_out_of_ram(void **state)
{
	u64 big;

	(void)state;
	/* The first 256 frames of a big page only, in two ranges that touch. */
	assert_int_equal(call(CVM_RAM, domain, HIGH_RAM, 128), HG_OK);
	assert_int_equal(call(CVM_RAM, domain, HIGH_RAM + 128, 128), HG_OK);
	seal(domain);
	sealed_frames();
	add_page(domain, RAM_PAGES - 1, 0);
	assert_int_equal(call(CVM_START, domain), HG_OK);
	sealed_frames();
	add_page(domain, 0, 0);
	big = take(512, 512);
	assert_refused(HG_E_DENIED, CVM_ADD, domain, HIGH_RAM, big, 2, 0);
	assert_refused(HG_E_DENIED, CVM_ADD, domain, HIGH_RAM - 1, big, 1, 0);
	assert_refused(HG_E_DENIED, CVM_ADD, domain, HIGH_RAM + 256, big, 1, 0);
	assert_int_equal(call(CVM_ADD, domain, HIGH_RAM, big, 1, 0), HG_OK);
	assert_int_equal(call(CVM_ADD, domain, HIGH_RAM + 128, big + 1, 1, 0), HG_OK);
	assert_int_equal(call(CVM_ADD, domain, HIGH_RAM + 255, big + 2, 1, 0), HG_OK);
}

static void test_add_without_tables(void **state)
{
	u64 pfn = take1();

	(void)state;
	domain = launch_cvm(0);
	assert_refused(HG_E_NOMEM, CVM_ADD, domain, 0, pfn, 1, 0);
	assert_int_equal(record(pfn).state, HG_FRAME_HOST);
	add_big_page(domain, 0, 0);		/* its table is in the window */
	donate(domain, 1);
	assert_int_equal(call(CVM_ADD, domain, 512, pfn, 1, 0), HG_OK);
}

/*
 * Read-only RAM without content would not show in the digest, and the guest's
 * writes to it would be lost without a word.
 */
static void test_unmeasured_readonly(void **state)
{
	u32 i;

	(void)state;
	add_page(domain, 5, HG_CVM_READONLY);
	add_page(domain, 6, HG_CVM_READONLY);
	assert_refused(HG_E_DENIED, CVM_SEAL, domain);
	load_bytes(domain, 0x5000, 1, 256, HG_LOAD_MEASURED);
	load_bytes(domain, 0x5100, 1, 256, HG_LOAD_MEASURED);	/* the same page */
	assert_refused(HG_E_DENIED, CVM_SEAL, domain);
	load_bytes(domain, 0x6fff, 1, 1, HG_LOAD_MEASURED);
	add_big_page(domain, 512, HG_CVM_READONLY);
	for (i = 0; i < 512; i++) {
		assert_refused(HG_E_DENIED, CVM_SEAL, domain);
		load_bytes(domain, (512 + i) << 12, 1, 1, HG_LOAD_MEASURED);
	}
	seal(domain);
}

/* --- content --- */

static void test_load_copies(void **state)
{
	u64 source = take1(), pfn = add_page(domain, 5, 0), i;
	u8 *to = at(pfn), *from = at(source);

	(void)state;
	for (i = 0; i < HG_PAGE_SIZE; i++)
		from[i] = (u8)(i * 7 + 1);
	assert_int_equal(call(CVM_LOAD, domain, 0x5000 + 100, source, WHERE(300, 500),
			      HG_LOAD_MEASURED), HG_OK);
	assert_memory_equal(to + 100, from + 300, 500);
	for (i = 0; i < HG_PAGE_SIZE; i++)
		assert_true(to[i] == 0 || (i >= 100 && i < 600));
	/* The source is the host's as before. */
	assert_int_equal(record(source).state, HG_FRAME_HOST);
	assert_int_equal(record(source).maps, 0);
	assert_int_equal(from[0], 1);
	/* The last byte of a page, and a whole one. */
	assert_int_equal(call(CVM_LOAD, domain, 0x5fff, source, WHERE(4095, 1), 0), HG_OK);
	assert_int_equal(to[4095], from[4095]);
	assert_int_equal(call(CVM_LOAD, domain, 0x5000, source, WHERE(0, 4096), 0), HG_OK);
	assert_memory_equal(to, from, HG_PAGE_SIZE);
}

static void test_load_from_lent(void **state)
{
	u64 other = make_domain(3), source = take1(), pfn = add_page(domain, 5, 0);

	(void)state;
	assert_int_equal(call(MAP, other, 0, source, 1, HG_PROT_ALL), HG_OK);
	plant(source, 1);
	assert_int_equal(call(CVM_LOAD, domain, 0x5000, source, WHERE(0, 8), 0), HG_OK);
	assert_int_equal(*(u8 *)at(pfn), 0x5a);
	assert_int_equal(record(source).state, HG_FRAME_LENT);
	assert_int_equal(record(source).maps, 1);
}

static void refuse_load(s64 status, u64 gpa, u64 source, u64 where, u64 type)
{
	assert_refused(status, CVM_LOAD, domain, gpa, source, where, type);
}

static void test_load_arguments(void **state)
{
	u64 source = take1(), pfn = add_page(domain, 5, 0), c = domain_of(domain)->c_mask;

	(void)state;
	add_page(domain, 6, 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(0, 0), 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(0, 4097), 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(1, 4096), 0);	/* out of the source */
	refuse_load(HG_E_ARG, 0x5001, source, WHERE(0, 4096), 0);	/* into the next page */
	refuse_load(HG_E_ARG, 0x5fff, source, WHERE(0, 2), 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(4096, 1), 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(0xffff, 1), 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(0, 0xffff), 0);
	refuse_load(HG_E_ARG, 0x5000, source, 1ULL << 32 | WHERE(0, 1), 0);
	refuse_load(HG_E_ARG, 0x5000, source, 1ULL << 48 | WHERE(0, 1), 0);
	refuse_load(HG_E_ARG, 0x5000, source, ~0ULL, 0);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(0, 1), 2);
	refuse_load(HG_E_ARG, 0x5000, source, WHERE(0, 1), 1ULL << 32);
	refuse_load(HG_E_RANGE, 0x5000 | c, source, WHERE(0, 1), 0);
	refuse_load(HG_E_RANGE, ~0xfffULL, source, WHERE(0, 1), 0);
	refuse_load(HG_E_ABSENT, 0x7000, source, WHERE(0, 1), 0);
	refuse_load(HG_E_OWNER, 0x5000, pfn, WHERE(0, 1), 0);
	refuse_load(HG_E_OWNER, 0x5000, domain_of(domain)->control_pfn, WHERE(0, 1), 0);
	refuse_load(HG_E_OWNER, 0x5000, vcpu_of(vcpu)->page_pfn, WHERE(0, 1), 0);
	refuse_load(HG_E_RANGE, 0x5000, 0, WHERE(0, 1), 0);
	refuse_load(HG_E_RANGE, 0x5000, ~0ULL, WHERE(0, 1), 0);
}

/* Shared memory is not the guest's: nothing in it is measured. */
static void test_load_into_shared(void **state)
{
	u64 shared = take1();

	(void)state;
	assert_int_equal(call(MAP, domain, 9, shared, 1, HG_PROT_ALL), HG_OK);
	refuse_load(HG_E_ABSENT, 0x9000, take1(), WHERE(0, 1), 0);
}

/* A secret comes late and unmeasured, so it must not touch what was measured. */
static void test_secret(void **state)
{
	u64 pfn = add_page(domain, 5, 0), source = take1(), rom;

	(void)state;
	rom = add_page(domain, ROM_GFN, HG_CVM_READONLY);
	load_bytes(domain, ROM_GFN << 12, 0x11, 4096, HG_LOAD_MEASURED);
	load_bytes(domain, 0x5000 + 256, 0x22, 257, HG_LOAD_MEASURED);	/* blocks 1 and 2 */
	refuse_load(HG_E_STATE, 0x5000, source, WHERE(0, 16), HG_LOAD_SECRET);
	seal(domain);
	plant(source, 1);
	refuse_load(HG_E_STATE, 0x5000, source, WHERE(0, 16), HG_LOAD_MEASURED);
	refuse_load(HG_E_DENIED, 0x5000, source, WHERE(0, 257), HG_LOAD_SECRET);
	refuse_load(HG_E_DENIED, 0x5100, source, WHERE(0, 1), HG_LOAD_SECRET);
	refuse_load(HG_E_DENIED, 0x5000 + 3 * 256 - 1, source, WHERE(0, 1), HG_LOAD_SECRET);
	refuse_load(HG_E_DENIED, 0x5000 + 3 * 256 - 1, source, WHERE(0, 9), HG_LOAD_SECRET);
	refuse_load(HG_E_DENIED, 0x5000, source, WHERE(0, 4096), HG_LOAD_SECRET);
	refuse_load(HG_E_DENIED, ROM_GFN << 12 | 4095, source, WHERE(0, 1), HG_LOAD_SECRET);
	load_bytes(domain, 0x5000, 0x33, 256, HG_LOAD_SECRET);
	load_bytes(domain, 0x5000 + 3 * 256, 0x33, 4096 - 3 * 256, HG_LOAD_SECRET);
	assert_int_equal(((u8 *)at(pfn))[255], 0x33);
	assert_int_equal(((u8 *)at(pfn))[256], 0x22);
	assert_int_equal(((u8 *)at(pfn))[768], 0x33);
	assert_int_equal(*(u8 *)at(rom), 0x11);
	assert_int_equal(call(CVM_START, domain), HG_OK);
	refuse_load(HG_E_STATE, 0x5000, source, WHERE(0, 16), HG_LOAD_SECRET);
}

/* --- shared addresses --- */

static void test_shared_half(void **state)
{
	u64 pfn = take(512, 512), c = c_gfn_of(domain);

	(void)state;
	add_page(domain, 5, 0);
	assert_refused(HG_E_RANGE, MAP, domain, c | 5, pfn, 1, HG_PROT_READ);
	assert_refused(HG_E_RANGE, MAP, domain, c, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, c | 512, pfn, 2, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, 2 * c - 1, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, MAP, domain, 2 * c, pfn, 1, HG_PROT_ALL);
	assert_refused(HG_E_RANGE, UNMAP, domain, c | 5, 1);
	assert_refused(HG_E_RANGE, UNMAP, domain, 0, c + 1);
	assert_refused(HG_E_RANGE, UNMAP, domain, 0, 2 * c);
	assert_refused(HG_E_RANGE, PROTECT, domain, c | 5, 1);
	assert_refused(HG_E_RANGE, PROTECT, domain, c - 1, 2);
	assert_refused(HG_E_RANGE, AGE, domain, c, c, 1);
	assert_refused(HG_E_RANGE, AGE, domain, c | 5, 1, 0);
}

/* The widest calls that are legal find shared pages only. */
static void test_shared_calls(void **state)
{
	u64 shared = take1(), c = c_gfn_of(domain), pfn;

	(void)state;
	donate(domain, 8);
	pfn = add_page(domain, 5, 0);
	add_big_page(domain, 512, 0);
	*walk_private(domain, 5).entry |= hg_core.backend->npt->accessed;
	assert_int_equal(call(MAP, domain, 5, shared, 1, HG_PROT_ALL), HG_OK);
	assert_int_equal(call(AGE, domain, 0, c, 1), 0);
	assert_true(walk_private(domain, 5).accessed);
	assert_int_equal(call(PROTECT, domain, 0, c), 1);
	assert_true(walk_private(domain, 5).write);
	assert_true(walk_private(domain, 512).write);
	assert_int_equal(call(UNMAP, domain, 0, c), 1);
	check_page(5, pfn, 1, true);
	assert_int_equal(walk_private(domain, 600).level, 2);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_4K), 1);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_PRIVATE_2M), 1);
}

#define ALONE(name) cmocka_unit_test(name)
#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_states), IN_WORLD(test_life), TEST(test_claimed),
		IN_WORLD(test_init_mapped), ALONE(test_init_mapped_1g), IN_WORLD(test_init),
		TEST(test_handles), TEST(test_surplus), IN_WORLD(test_policy), TEST(test_ram),
		TEST(test_frame_is_taken), TEST(test_big_frame_is_taken),
		TEST(test_not_the_hosts), TEST(test_add_arguments), TEST(test_exists),
		TEST(test_zeroed), ALONE(test_zeroed_ept), TEST(test_out_of_ram),
		TEST(test_add_without_tables), TEST(test_unmeasured_readonly),
		TEST(test_load_copies), TEST(test_load_from_lent),
		TEST(test_load_arguments), TEST(test_load_into_shared), TEST(test_secret),
		TEST(test_shared_half), TEST(test_shared_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
