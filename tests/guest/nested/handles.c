// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by handles that are not L1's, and by callers that are not its kernel. */
#include <linux/kernel.h>
#include <linux/sched.h>

#include "evil.h"

#define DOMAIN_HANDLES	0x10000u	/* all that there can be */
#define VCPU_SLOTS	512u
#define VCPU_ROUNDS	16u		/* generations of them */

/* The host's domains, L1's own, and those of nobody: all the same. */
static int sweep_domains(const struct l2 *l2)
{
	u64 handle;
	s64 status;

	for (handle = 0; handle < DOMAIN_HANDLES; handle++) {
		if (handle == l2->domain)
			continue;
		status = CALL(DOMAIN_STAT, handle, HG_DOMAIN_STAT_VCPUS);
		if (status != HG_E_HANDLE)
			return evil_why("DOMAIN_STAT of %#llx: %lld", handle, status);
		if (!(handle & 0xff))
			cond_resched();
	}
	return 0;
}

/* A call on a foreign vCPU must not even hold it up: its owner would find it busy. */
static int sweep_vcpus(s64 mine)
{
	u64 round, slot, handle;
	s64 status;

	for (round = 0; round < VCPU_ROUNDS; round++)
		for (slot = 0; slot <= VCPU_SLOTS; slot++) {
			handle = round << 16 | slot;
			if (handle == mine)
				continue;
			status = CALL(VCPU_FETCH, handle, 0);
			if (status != HG_E_HANDLE)
				return evil_why("VCPU_FETCH of %#llx: %lld", handle, status);
		}
	return 0;
}

static void sweep_beside(void *data)
{
	sweep_vcpus(*(s64 *)data);
}

/* Everything that takes a handle. */
static int each_call(u64 bad, struct page *page)
{
	u64 pfn = pfn_of(page);

	WANT(CALL(DOMAIN_DESTROY, bad), HG_E_HANDLE);
	WANT(CALL(DOMAIN_DONATE, bad, pfn), HG_E_HANDLE);
	WANT(CALL(DOMAIN_RECLAIM, bad), HG_E_HANDLE);
	WANT(CALL(MAP, bad, 0, pfn, 1, HG_PROT_ALL), HG_E_HANDLE);
	WANT(CALL(UNMAP, bad, 0, 1), HG_E_HANDLE);
	WANT(CALL(PROTECT, bad, 0, 1), HG_E_HANDLE);
	WANT(CALL(AGE, bad, 0, 1), HG_E_HANDLE);
	WANT(CALL(VCPU_CREATE, bad, pfn + 7, pfn), HG_E_HANDLE);
	WANT(CALL(VCPU_DESTROY, bad), HG_E_HANDLE);
	WANT(CALL(VCPU_RUN, bad), HG_E_HANDLE);
	WANT(CALL(VCPU_SET_CPUID, bad, pfn, 1), HG_E_HANDLE);
	WANT(CALL(VCPU_INSN, bad), HG_E_HANDLE);
	WANT(CALL(VCPU_STARTUP, bad), HG_E_HANDLE);
	WANT(CALL(CVM_INIT, bad), HG_E_HANDLE);
	WANT(CALL(CVM_LAUNCH, bad), HG_E_HANDLE);
	WANT(CALL(CVM_RAM, bad, 0, 1), HG_E_HANDLE);
	WANT(CALL(CVM_ADD, bad, 0, pfn, 1), HG_E_HANDLE);
	WANT(CALL(CVM_LOAD, bad, 0, pfn, 16 << 16), HG_E_HANDLE);
	WANT(CALL(CVM_SEAL, bad), HG_E_HANDLE);
	WANT(CALL(CVM_START, bad), HG_E_HANDLE);
	WANT(CALL(CVM_REPORT, bad, pfn), HG_E_HANDLE);
	WANT(CALL(CVM_RESET, bad), HG_E_HANDLE);
	WANT(CALL(DOMAIN_PURGE, bad | 1, 1), HG_E_HANDLE);
	return 0;
}

int attack_foreign_handle(struct l2 *l2)
{
	/* The host's first domains and vCPUs, which L1's own are among; and none. */
	const u64 bad[] = {
		0, 0x101, 0x10001, 1ull << 32 | l2->domain, 1ull << 63 | l2->vcpu, ~0ull,
	};
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	struct helper helper;
	int failed;
	u32 i;

	MUST(page);
	MUST(CALL(DOMAIN_STAT, l2->domain, HG_DOMAIN_STAT_VCPUS) == 1);
	WANT(CALL(VCPU_FETCH, l2->vcpu, 0), l2->cvm ? HG_E_DENIED : HG_OK);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (each_call(bad[i], page))
			return evil_why("handle %#llx", bad[i]);
	memset(page_address(page), 0x5a, 8 * PAGE_SIZE);
	__free_pages(page, 3);
	if (sweep_domains(l2))
		return -1;
	if (helper_start(&helper, sweep_beside, &l2->vcpu))
		return -1;
	failed = sweep_vcpus(l2->vcpu);
	helper_stop(&helper);
	return failed;
}

/* In the kernel it is allowed; the program tries in ring 3 what this does here. */
int attack_user_mode(struct l2 *unused)
{
	WANT(CALL(VERSION), HG_CALL_ABI);
	return 0;
}
