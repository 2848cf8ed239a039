/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Confidential domains for tests: made step by step, so that a test may stop in
 * any state of their life.
 */
#ifndef TEST_CVM_WORLD_H
#define TEST_CVM_WORLD_H

#include <string.h>

#include "world.h"

#define RAM_PAGES	8192ULL		/* declared, from gfn 0 */
#define ROM_GFN		0xff000ULL	/* outside of RAM, below 4 GiB */

static inline u64 c_gfn_of(u64 domain)
{
	return domain_of(domain)->c_mask >> HG_PAGE_SHIFT;
}

/* The page as code that pages finds it; level 0 if there is none. */
static inline struct walk walk_private(u64 domain, u64 gfn)
{
	return walk(domain_of(domain)->root, gfn | c_gfn_of(domain));
}

/* The same for code that does not page. */
static inline struct walk walk_unpaged(u64 domain, u64 gfn)
{
	return walk(domain_of(domain)->cvm.unpaged[0], gfn);
}

static inline void donate(u64 domain, u32 count)
{
	while (count--)
		assert_true(call(DOMAIN_DONATE, domain, take1()) > 0);
}

/* CREATED, with @cache frames left in its cache. */
static inline u64 make_cvm(u32 cache)
{
	u64 domain = make_domain(HG_CVM_FRAMES + cache);

	assert_true(call(CVM_INIT, domain) > 0);
	assert_int_equal(stat_of(domain, HG_DOMAIN_STAT_CACHE), cache);
	return domain;
}

/* LAUNCHING, with RAM declared. */
static inline u64 launch_cvm(u32 cache)
{
	u64 domain = make_cvm(cache);

	assert_int_equal(call(CVM_LAUNCH, domain, 0x1234), HG_OK);
	assert_int_equal(call(CVM_RAM, domain, 0, RAM_PAGES), HG_OK);
	return domain;
}

/* A fresh frame that holds what was the host's; it becomes the guest's. */
static inline u64 add_page(u64 domain, u64 gfn, u64 flags)
{
	u64 pfn = take1();

	plant(pfn, 1);
	assert_int_equal(call(CVM_ADD, domain, gfn, pfn, 1, flags), HG_OK);
	return pfn;
}

static inline u64 add_big_page(u64 domain, u64 gfn, u64 flags)
{
	u64 pfn = take(512, 512);

	plant(pfn, 512);
	assert_int_equal(call(CVM_ADD, domain, gfn, pfn, 2, flags), HG_OK);
	return pfn;
}

#define WHERE(offset, length)	((u64)(offset) | (u64)(length) << 16)

/* @length bytes of @value, from a host frame of their own. */
static inline void load_bytes(u64 domain, u64 gpa, u8 value, u32 length, u64 type)
{
	u64 pfn = take1();

	memset(at(pfn), value, HG_PAGE_SIZE);
	assert_int_equal(call(CVM_LOAD, domain, gpa, pfn, WHERE(0, length), type), HG_OK);
}

static inline void seal(u64 domain)
{
	assert_int_equal(call(CVM_SEAL, domain), HG_OK);
}

static inline void start(u64 domain)
{
	seal(domain);
	assert_int_equal(call(CVM_START, domain), HG_OK);
}

#endif /* TEST_CVM_WORLD_H */
