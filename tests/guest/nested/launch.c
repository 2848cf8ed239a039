// SPDX-License-Identifier: GPL-2.0-only
/* Attacks on what is measured, before and after the launch. */
#include <linux/kernel.h>

#include "evil.h"

#define HLT	0xf4

static int report(const struct l2 *l2, struct hg_cvm_report *to)
{
	struct page *page = l2_page();
	s64 size;

	MUST(page);
	size = CALL(CVM_REPORT, l2->domain, pfn_of(page));
	memcpy(to, page_address(page), sizeof(*to));
	set_page_private(page, 0);
	__free_page(page);
	WANT(size, sizeof(*to));
	return 0;
}

static s64 load(const struct l2 *l2, u64 gfn, struct page *from, u64 type)
{
	return CALL(CVM_LOAD, l2->domain, gfn << PAGE_SHIFT, pfn_of(from), PAGE_SIZE << 16, type);
}

/* Other code over what was measured, while that may still be done: the digest tells. */
static int before_seal(const struct hg_cvm_report *clean, struct page *code)
{
	struct hg_cvm_report first, second;
	struct l2 *l2 = &evil_other;

	if (l2_make(l2, true) || l2_load(l2) || report(l2, &first))
		return -1;
	MUST(!memcmp(first.parts.pages, clean->parts.pages, HG_DIGEST_SIZE));
	WANT(CALL(CVM_ADD, l2->domain, L2_ROM_GFN, pfn_of(code), 1, HG_CVM_READONLY),
	     HG_E_EXISTS);
	MUST(CALL(UNMAP, l2->domain, L2_ROM_GFN, L2_ROM_PAGES) <= 1);
	WANT(load(l2, L2_ROM_GFN, code, HG_LOAD_SECRET), HG_E_DENIED);
	WANT(load(l2, L2_ROM_GFN + L2_ROM_PAGES - 1, code, HG_LOAD_MEASURED), HG_OK);
	if (l2_start(l2) || report(l2, &second))
		return -1;
	MUST(memcmp(second.parts.pages, clean->parts.pages, HG_DIGEST_SIZE));
	MUST(memcmp(second.launch, clean->launch, HG_DIGEST_SIZE));
	/* It is what runs, too. */
	WANT(l2_run(l2), HG_EXIT_HLT);
	return l2_destroy(l2);
}

/* A page more, or one fewer vCPU's CPUID: another digest. */
static int added(const struct hg_cvm_report *clean)
{
	struct l2 *l2 = &evil_other;
	struct hg_cvm_report other;
	struct page *page = l2_page();

	MUST(page);
	if (l2_make(l2, true) || l2_load(l2))
		return -1;
	WANT(CALL(CVM_ADD, l2->domain, L2_RAM_PAGES, pfn_of(page), 1, HG_CVM_READONLY), HG_OK);
	l2_own(l2, page);
	/* Nothing is measured there, so what the guest would find is nobody's promise. */
	WANT(CALL(CVM_SEAL, l2->domain), HG_E_DENIED);
	WANT(load(l2, L2_RAM_PAGES, l2->control, HG_LOAD_MEASURED), HG_E_OWNER);
	page = l2_page();
	MUST(page);
	WANT(load(l2, L2_RAM_PAGES, page, HG_LOAD_MEASURED), HG_OK);
	set_page_private(page, 0);
	__free_page(page);
	if (l2_start(l2) || report(l2, &other))
		return -1;
	MUST(memcmp(other.launch, clean->launch, HG_DIGEST_SIZE));
	return l2_destroy(l2);
}

/* After the launch nothing moves. */
static int after_launch(struct l2 *l2, struct page *code)
{
	struct hg_cvm_report before, after;
	u32 i;

	if (report(l2, &before))
		return -1;
	/* It may answer one more than what it has changed (call.h). */
	MUST(CALL(UNMAP, l2->domain, L2_ROM_GFN, L2_ROM_PAGES) <= 1);
	MUST(CALL(PROTECT, l2->domain, 0, 1ull << 20) <= 1);
	MUST(CALL(UNMAP, l2->domain, 1ull << 35, 1) < 0);
	for (i = 0; i < L2_ROM_PAGES; i++) {
		WANT(CALL(CVM_ADD, l2->domain, L2_ROM_GFN + i, pfn_of(code), 1, HG_CVM_READONLY),
		     HG_E_STATE);
		MUST(CALL(CVM_ADD, l2->domain, L2_ROM_GFN + i, pfn_of(code), 1, 0) < 0);
		WANT(load(l2, L2_ROM_GFN + i, code, HG_LOAD_MEASURED), HG_E_STATE);
		WANT(load(l2, L2_ROM_GFN + i, code, HG_LOAD_SECRET), HG_E_DENIED);
	}
	WANT(CALL(CVM_ADD, l2->domain, L2_SECRET_GFN, pfn_of(code), 1, 0), HG_E_EXISTS);
	/* At the shared address, where the guest does not look for its code. */
	for (i = 0; i < L2_ROM_PAGES; i++)
		WANT(CALL(MAP, l2->domain, L2_ROM_GFN + i, pfn_of(code), 1, HG_PROT_ALL), HG_OK);
	WANT(CALL(CVM_INIT, l2->domain), HG_E_STATE);
	WANT(CALL(CVM_LAUNCH, l2->domain, 0), HG_E_STATE);
	WANT(CALL(CVM_SEAL, l2->domain), HG_E_STATE);
	WANT(CALL(CVM_START, l2->domain), HG_E_STATE);
	WANT(l2_whole(l2), 1);
	MUST(CALL(UNMAP, l2->domain, L2_ROM_GFN, L2_ROM_PAGES) >= 0);
	if (report(l2, &after))
		return -1;
	MUST(!memcmp(&before, &after, sizeof(before)));
	return before_seal(&before, code) || added(&before) ? -1 : 0;
}

int attack_remap_measured(struct l2 *l2)
{
	struct page *code = l2_page();
	int bad = 0;
	u32 i;

	MUST(code);
	memset(page_address(code), HLT, PAGE_SIZE);
	if (l2->cvm) {
		bad = after_launch(l2, code);
	} else {
		MUST(CALL(UNMAP, l2->domain, L2_ROM_GFN, L2_ROM_PAGES) >= 0);
		for (i = 0; i < L2_ROM_PAGES; i++)
			WANT(CALL(MAP, l2->domain, L2_ROM_GFN + i, pfn_of(code), 1, HG_PROT_ALL),
			     HG_OK);
		WANT(l2_run(l2), HG_EXIT_HLT);
		MUST(CALL(UNMAP, l2->domain, L2_ROM_GFN, L2_ROM_PAGES) >= 0);
	}
	set_page_private(code, 0);
	__free_page(code);
	return bad;
}
