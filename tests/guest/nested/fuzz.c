// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls by two CPUs. Frames are of a pool of ours or no RAM at all: a call that
 * gave away a page which L1 uses would be L1's own end, and nobody else's.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <asm/fpu/api.h>

#include "evil.h"

#define POOL_ORDER	9		/* 2 MiB, so that a big page fits */
#define POOL_PAGES	(1u << POOL_ORDER)
#define HANDLES		16u
#define ROUNDS		20000u

static struct page *pool;
static u64 domains[HANDLES], vcpus[HANDLES];	/* that there were once */

struct fuzzer {
	struct rnd_state random;
	unsigned long calls, fine;
};

/*
 * What an argument is: d domain, v vCPU, p frame, g frame of the L2, n small number, z mostly
 * zero, x anything, - nothing.
 */
static const char *const arguments[HG_CALL_COUNT] = {
	[HG_CALL_VERSION] = "-----", [HG_CALL_DOMAIN_CREATE] = "pz---",
	[HG_CALL_DOMAIN_DESTROY] = "d----", [HG_CALL_DOMAIN_DONATE] = "dpz--",
	[HG_CALL_DOMAIN_RECLAIM] = "d----", [HG_CALL_DOMAIN_STAT] = "dn---",
	[HG_CALL_MAP] = "dgpnn", [HG_CALL_UNMAP] = "dgx--", [HG_CALL_PROTECT] = "dgx--",
	[HG_CALL_AGE] = "dgxz-", [HG_CALL_VCPU_CREATE] = "dpp--", [HG_CALL_VCPU_DESTROY] = "v----",
	[HG_CALL_VCPU_RUN] = "vz---", [HG_CALL_VCPU_FETCH] = "vn---",
	[HG_CALL_VCPU_SET_CPUID] = "vpn--", [HG_CALL_VCPU_DUMP] = "vp---",
	[HG_CALL_FRAME_STAT] = "n----", [HG_CALL_VCPU_INSN] = "vn---", [HG_CALL_CVM_INIT] = "d----",
	[HG_CALL_CVM_LAUNCH] = "dn---", [HG_CALL_CVM_RAM] = "dgn--", [HG_CALL_CVM_ADD] = "dgpnz",
	[HG_CALL_CVM_LOAD] = "dxpxz", [HG_CALL_CVM_SEAL] = "d----", [HG_CALL_CVM_START] = "d----",
	[HG_CALL_CVM_REPORT] = "dp---", [HG_CALL_CVM_RESET] = "d----",
	[HG_CALL_VCPU_STARTUP] = "vn---", [HG_CALL_DOMAIN_PURGE] = "zn---",
};

static u64 any(struct fuzzer *f)
{
	u64 value = (u64)prandom_u32_state(&f->random) << 32 | prandom_u32_state(&f->random);

	return value >> (prandom_u32_state(&f->random) & 63);
}

/* Six frames from here on are the pool's, too; or there is no RAM in any machine. */
static u64 frame(struct fuzzer *f)
{
	u32 random = prandom_u32_state(&f->random);

	if (!(random & 15))
		return any(f) | 1ull << 34;
	if (!(random & 0x30))
		return pfn_of(pool);
	return pfn_of(pool) + (random >> 8) % (POOL_PAGES - HG_VCPU_FRAMES);
}

static u64 argument(struct fuzzer *f, char kind)
{
	u32 random = prandom_u32_state(&f->random);

	/* At times none of what it should be, where that cannot be a frame of L1's. */
	if (kind != 'p' && kind != '-' && !(random & 31))
		return any(f);
	random >>= 8;
	switch (kind) {
	case 'd':
		return READ_ONCE(domains[random % HANDLES]);
	case 'v':
		return READ_ONCE(vcpus[random % HANDLES]);
	case 'p':
		return frame(f);
	case 'g':
		return random & 1 ? random >> 1 & 0x3ff : L2_ROM_GFN + (random & 0xf);
	case 'n':
		return random & 7;
	case 'z':
		return !(random & 7);
	case 'x':
		return any(f);
	}
	return random & 0x3f ? 0 : 1;
}

static void one_call(struct fuzzer *f)
{
	u64 nr = prandom_u32_state(&f->random) % (HG_CALL_COUNT + 1), arg[5];
	const char *kinds = nr < HG_CALL_COUNT ? arguments[nr] : "xxxxx";
	unsigned long flags;
	s64 status;
	int i;

	/* Children are to live for a while. */
	if ((nr == HG_CALL_DOMAIN_PURGE || nr == HG_CALL_DOMAIN_DESTROY) &&
	    prandom_u32_state(&f->random) & 0x1f)
		return;
	for (i = 0; i < 5; i++)
		arg[i] = argument(f, kinds[i]);
	/* What runs has the vector registers of whoever runs here. */
	kernel_fpu_begin();
	local_irq_save(flags);
	status = evil_call(nr, arg[0], arg[1], arg[2], arg[3], arg[4]);
	local_irq_restore(flags);
	kernel_fpu_end();
	f->calls++;
	f->fine += status >= 0;
	if (status > 0 && nr == HG_CALL_DOMAIN_CREATE)
		WRITE_ONCE(domains[prandom_u32_state(&f->random) % HANDLES], status);
	if (status > 0 && nr == HG_CALL_VCPU_CREATE)
		WRITE_ONCE(vcpus[prandom_u32_state(&f->random) % HANDLES], status);
}

/* Any number, any arguments of which none can be a frame of L1's. */
static void wild_call(struct fuzzer *f)
{
	u64 far = 1ull << 40;

	evil_call(prandom_u32_state(&f->random) & 0xffff, any(f) | far, any(f) | far, any(f) | far,
		  any(f), any(f));
	f->calls++;
}

static void fuzz(void *data)
{
	struct fuzzer *f = data;
	int i;

	for (i = 0; i < 64; i++)
		if (i & 15)
			one_call(f);
		else
			wild_call(f);
}

/* All that was given away is L1's memory again. */
static int recover(void)
{
	u64 value, *at;
	s64 left;
	u32 i;

	do {
		left = CALL(DOMAIN_PURGE, 0, 64);
		cond_resched();
	} while (left > 0);
	WANT(left, 0);
	for (i = 0; i < POOL_PAGES; i++) {
		at = page_address(pool + i);
		MUST(evil_write(at, i) && evil_read(at, &value) && value == i);
	}
	return 0;
}

int attack_fuzz(struct l2 *unused)
{
	static struct fuzzer here, beside;
	struct helper helper;

	memset(&here, 0, sizeof(here));
	memset(&beside, 0, sizeof(beside));
	prandom_seed_state(&here.random, 1);
	prandom_seed_state(&beside.random, 2);
	pool = alloc_pages(GFP_KERNEL | __GFP_ZERO, POOL_ORDER);
	MUST(pool);
	if (helper_start(&helper, fuzz, &beside))
		return -1;
	while (here.calls < ROUNDS) {
		fuzz(&here);
		cond_resched();
	}
	helper_stop(&helper);
	MUST(here.fine > ROUNDS / 100 && beside.calls);
	if (recover())
		return -1;
	__free_pages(pool, POOL_ORDER);
	/* And it works as before. */
	if (l2_create(&evil_other, true))
		return -1;
	WANT(l2_whole(&evil_other), 1);
	return l2_destroy(&evil_other);
}
