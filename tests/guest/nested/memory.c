// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on memory that was given away. */
#include <linux/kernel.h>

#include "evil.h"

#define JUNK	0x4a4a4a4a4a4a4a4aull

static u64 *secret_page(const struct l2 *l2)
{
	return page_address(l2->ram[L2_SECRET_GFN]);
}

/* By L1's own mapping of all memory. */
int attack_read_private(struct l2 *l2)
{
	u64 value;
	u32 i;

	MUST(l2_has_secret(secret_page(l2), PAGE_SIZE) != l2->cvm);
	for (i = 0; i < L2_RAM_PAGES; i++)
		if (l2->ram[i])
			MUST(evil_read(page_address(l2->ram[i]), &value) != l2->cvm);
	/* Tables and control blocks are not there for an ordinary one's parent, either. */
	MUST(!evil_read(page_address(l2->frames), &value));
	/* The control page is; it has nothing of a confidential one's registers. */
	MUST(l2_has_secret(l2->page, PAGE_SIZE) != l2->cvm);
	return 0;
}

int attack_write_private(struct l2 *l2)
{
	u64 *page = secret_page(l2);
	u32 i;

	for (i = 0; i < PAGE_SIZE / 8; i++)
		MUST(evil_write(&page[i], JUNK) != l2->cvm);
	WANT(l2_whole(l2), l2->cvm);
	return 0;
}

/* ---- a TLB that still has the page as it was before ---- */

struct toucher {
	u64 *page;
	bool seen;
	unsigned long reads, faults;
};

/* Without a pause, so that the translation stays hot; rarely a write, or nothing is read. */
static void touch(void *data)
{
	struct toucher *t = data;
	u64 value;
	int i;

	for (i = 0; i < 1000; i++) {
		if (!evil_read(t->page, &value)) {
			t->faults++;
			continue;
		}
		t->reads++;
		if (value == l2_secret(0) || value == l2_secret(1))
			t->seen = true;
		if (!(i & 0xff))
			evil_write(t->page, JUNK);
	}
}

/* The page becomes RAM of the guest's in which it puts its secret. */
static int use_touched(struct l2 *l2)
{
	u64 value;
	u32 i;

	for (i = 0; i < 20; i++) {
		if (l2_poke(l2, GUEST_PAGE, l2_secret(0)) || l2_peek(l2, GUEST_PAGE, &value))
			return -1;
		if (value != l2_secret(0) && l2->cvm)
			return evil_why("the private page was written to");
	}
	return 0;
}

static int touch_one(bool cvm)
{
	struct toucher t = { };
	struct helper helper;
	int bad;

	if (l2_create(&evil_other, cvm))
		return -1;
	evil_other.ram[L2_FREE_GFN] = l2_page();
	MUST(evil_other.ram[L2_FREE_GFN]);
	t.page = page_address(evil_other.ram[L2_FREE_GFN]);
	if (helper_start(&helper, touch, &t))
		return -1;
	while (!READ_ONCE(t.reads))
		cond_resched();
	bad = use_touched(&evil_other);
	helper_stop(&helper);
	if (bad)
		return -1;
	if (t.seen == cvm || !t.faults == cvm)
		return evil_why("%s L2: %lu reads, %lu faults, the secret %sseen",
				cvm ? "confidential" : "ordinary", t.reads, t.faults,
				t.seen ? "" : "not ");
	if (cvm)
		WANT(l2_whole(&evil_other), 1);
	return l2_destroy(&evil_other);
}

int attack_stale_tlb(struct l2 *unused)
{
	int i;

	for (i = 0; i < 5; i++)
		if (touch_one(false) || touch_one(true))
			return -1;
	return 0;
}

/* ---- giving it to somebody else ---- */

/* Into another L2, which has it at the same address. */
int attack_lend_private(struct l2 *l2)
{
	struct page *page = l2->ram[L2_SECRET_GFN];
	u64 value;
	s64 status;

	if (l2_create(&evil_other, false))
		return -1;
	status = CALL(MAP, evil_other.domain, L2_FREE_GFN, pfn_of(page), 1, HG_PROT_ALL);
	if (l2->cvm) {
		WANT(status, HG_E_OWNER);
		/* Nor in its own shared half, nor as a part of something bigger. */
		WANT(CALL(MAP, l2->domain, L2_FREE_GFN, pfn_of(page), 1, HG_PROT_READ),
		     HG_E_OWNER);
		status = CALL(MAP, evil_other.domain, 0x200, pfn_of(page) & ~511ull, 2,
			      HG_PROT_ALL);
		MUST(status < 0);
		MUST(CALL(UNMAP, evil_other.domain, 0x200, 512) >= 0);
	} else {
		WANT(status, HG_OK);
		MUST(!l2_peek(&evil_other, GUEST_PAGE, &value) && value == l2_secret(0));
	}
	return l2_destroy(&evil_other);
}

/* @page in every place that takes a frame: refused in all. */
static int give_everywhere(struct page *page)
{
	static struct l2 cvm;
	struct page *fine = l2_page(), *six = alloc_pages(GFP_KERNEL, 3);
	u64 pfn = pfn_of(page);
	int bad;

	MUST(fine && six);
	if (l2_make(&cvm, true))
		return -1;
	WANT(CALL(DOMAIN_CREATE, pfn), HG_E_OWNER);
	WANT(CALL(DOMAIN_DONATE, cvm.domain, pfn), HG_E_OWNER);
	WANT(CALL(DOMAIN_DONATE, evil_other.domain, pfn), HG_E_OWNER);
	WANT(CALL(CVM_ADD, cvm.domain, 0, pfn, 1, 0), HG_E_OWNER);
	WANT(CALL(VCPU_CREATE, evil_other.domain, pfn, pfn_of(six)), HG_E_OWNER);
	WANT(CALL(VCPU_CREATE, evil_other.domain, pfn_of(fine), pfn), HG_E_OWNER);
	/* The control page as one of the six frames. */
	WANT(CALL(VCPU_CREATE, evil_other.domain, pfn_of(six) + 2, pfn_of(six)), HG_E_OWNER);
	bad = l2_destroy(&cvm);
	/* Whatever was tried is ours again. */
	memset(page_address(fine), 0x5a, PAGE_SIZE);
	memset(page_address(six), 0x5a, 8 * PAGE_SIZE);
	set_page_private(fine, 0);
	__free_page(fine);
	__free_pages(six, 3);
	return bad;
}

int attack_donate_twice(struct l2 *l2)
{
	struct page *page = l2->ram[L2_SECRET_GFN];

	if (l2_create(&evil_other, false))
		return -1;
	/* Lent ones, too: they would be the guest's and the core's. */
	if (give_everywhere(page) || give_everywhere(l2->frames) || give_everywhere(l2->control))
		return -1;
	if (l2->cvm) {
		WANT(CALL(CVM_REPORT, l2->domain, pfn_of(page)), HG_E_OWNER);
		WANT(CALL(CVM_ADD, l2->domain, L2_FREE_GFN, pfn_of(page), 1, 0), HG_E_OWNER);
	} else {
		/* Taken from its guest, it may be given. */
		MUST(CALL(UNMAP, l2->domain, L2_SECRET_GFN, 1) >= 0);
		MUST(CALL(DOMAIN_DONATE, evil_other.domain, pfn_of(page)) > 0);
		l2_own(&evil_other, page);
		l2->ram[L2_SECRET_GFN] = NULL;
	}
	return l2_destroy(&evil_other);
}

/* ---- lies about memory ---- */

/* Frames that L1 does not have: devices, the hole below 4 GiB, beyond its RAM, beyond all. */
static const u64 nowhere[] = {
	0xfee00, 0xfec00, 0xd0000, 0xfffff, 1ull << 24, 1ull << 35, (1ull << 36) - 1,
	1ull << 36, 1ull << 40, 1ull << 47, 1ull << 52, 1ull << 63, ~0ull,
};

static int frame_nowhere(struct l2 *l2, u64 pfn, struct page *fine)
{
	WANT(CALL(MAP, l2->domain, 0x100, pfn, 1, HG_PROT_ALL), HG_E_RANGE);
	MUST(CALL(MAP, l2->domain, 0x200, pfn & ~511ull, 2, HG_PROT_ALL) < 0);
	WANT(CALL(DOMAIN_CREATE, pfn), HG_E_RANGE);
	WANT(CALL(DOMAIN_DONATE, l2->domain, pfn), HG_E_RANGE);
	MUST(CALL(VCPU_CREATE, l2->domain, pfn, pfn_of(fine)) < 0);
	MUST(CALL(VCPU_CREATE, l2->domain, pfn_of(fine), pfn) < 0);
	MUST(CALL(VCPU_SET_CPUID, l2->vcpu, pfn, 1) < 0);
	MUST(CALL(CVM_ADD, l2->domain, 0x50, pfn, 1, 0) < 0);
	MUST(CALL(CVM_ADD, l2->domain, 0x200, pfn & ~511ull, 2, 0) < 0);
	if (l2->cvm)
		WANT(CALL(CVM_REPORT, l2->domain, pfn), HG_E_RANGE);
	return 0;
}

/* Ranges of RAM that cannot be, of a launch of its own. */
static int false_ranges(void)
{
	static const struct {
		u64 gfn, count;
		s64 want;
	} lie[] = {
		{ 0, 1, HG_E_EXISTS }, { L2_RAM_PAGES - 1, 2, HG_E_EXISTS },
		{ 1ull << 20, 0, HG_E_ARG }, { 1ull << 40, 1, HG_E_RANGE },
		{ 1ull << 20, ~0ull, HG_E_RANGE }, { ~0ull, 1, HG_E_RANGE },
		{ 1ull << 63, 1ull << 63, HG_E_RANGE }, { 1ull << 20, 1ull << 36, HG_E_RANGE },
	};
	u32 i;

	if (l2_make(&evil_other, true))
		return -1;
	for (i = 0; i < ARRAY_SIZE(lie); i++)
		MUST(CALL(CVM_RAM, evil_other.domain, lie[i].gfn, lie[i].count) == lie[i].want);
	return l2_destroy(&evil_other);
}

int attack_lie_memory(struct l2 *l2)
{
	struct page *six = alloc_pages(GFP_KERNEL, 3), *page = l2_page();
	u64 far = 0x100000;	/* where the guest has no RAM */
	u32 i;

	MUST(six && page);
	for (i = 0; i < ARRAY_SIZE(nowhere); i++)
		if (frame_nowhere(l2, nowhere[i], six))
			return evil_why("frame %#llx", nowhere[i]);
	__free_pages(six, 3);
	/* What an ordinary guest has as memory is L1's word; not what a confidential one has. */
	if (l2->cvm) {
		WANT(CALL(CVM_ADD, l2->domain, far, pfn_of(page), 1, 0), HG_E_DENIED);
		WANT(CALL(CVM_ADD, l2->domain, L2_RAM_PAGES, pfn_of(page), 1, 0), HG_E_DENIED);
		WANT(CALL(CVM_RAM, l2->domain, far, 1), HG_E_STATE);
	}
	WANT(CALL(MAP, l2->domain, far, pfn_of(page), 1, HG_PROT_ALL), HG_OK);
	MUST(CALL(UNMAP, l2->domain, far, 1) >= 0);
	set_page_private(page, 0);
	__free_page(page);
	return false_ranges();
}
