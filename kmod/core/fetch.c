// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction bytes of a guest, for CPUs that report neither the next RIP nor
 * the bytes of an intercepted instruction.
 */
#include "core.h"
#include "gwalk.h"

/* Where a confidential guest cannot or need not set the C-bit, it is set. */
static u64 with_c(const struct hg_vcpu *vcpu, const struct hg_fetch *fetch, u64 gpa)
{
	return hg_cvm_selects(fetch->efer) ? gpa : gpa | vcpu->domain->c_mask;
}

static int read_entry(void *ctx, u64 gpa, u32 size, u64 *value)
{
	const struct hg_vcpu *vcpu = ctx;
	const void *at;
	u64 left;

	at = hg_npt_lookup(vcpu->domain, gpa, &left);
	if (!at || left < size)
		return -1;
	*value = size == 8 ? *(const volatile u64 *)at : *(const volatile u32 *)at;
	return 0;
}

static const struct hg_gwalk_ops walk_ops = { .read = read_entry };

/* The page of the direct map that holds guest-linear @linear, or NULL and *@gpa. */
static const u8 *walk(struct hg_vcpu *vcpu, const struct hg_fetch *fetch, u64 linear, u64 *gpa)
{
	struct hg_gwalk_result result;
	struct hg_gwalk gwalk = {
		.cr0 = fetch->cr0, .cr3 = fetch->cr3, .cr4 = fetch->cr4,
		.efer = fetch->efer, .rflags = fetch->rflags, .enc_mask = vcpu->domain->c_mask,
		.maxphyaddr = 52, .features = HG_GWALK_GBPAGES | HG_GWALK_NO_AD,
		.ops = &walk_ops, .ctx = vcpu,
	};
	u32 access = HG_ACC_FETCH | (fetch->cpl == 3 ? HG_ACC_USER : 0);
	const u8 *page;
	u64 left;

	switch (hg_gwalk(&gwalk, linear, access, &result)) {
	case HG_GWALK_OK:
		break;
	case HG_GWALK_UNREADABLE:
		*gpa = result.table_gpa;
		return NULL;
	default:
		*gpa = ~0ULL;
		return NULL;
	}
	result.gpa = with_c(vcpu, fetch, result.gpa);
	page = hg_npt_lookup(vcpu->domain, result.gpa & HG_PAGE_MASK, &left);
	if (!page)
		*gpa = result.gpa;
	return page;
}

static const u8 *lookup(struct hg_vcpu *vcpu, const struct hg_fetch *fetch, u64 linear, u64 *gpa)
{
	u64 gen = __atomic_load_n(&vcpu->domain->tlb_gen, __ATOMIC_ACQUIRE);
	u64 space = fetch->cr3 | (fetch->cr0 & HG_CR0_PG) << 32;
	const u8 *page;

	linear &= HG_PAGE_MASK;
	if (vcpu->fetch_page && vcpu->fetch_linear == linear &&
	    vcpu->fetch_space == space && vcpu->fetch_gen == gen)
		return vcpu->fetch_page;
	page = walk(vcpu, fetch, linear, gpa);
	vcpu->fetch_page = page;
	vcpu->fetch_linear = linear;
	vcpu->fetch_space = space;
	vcpu->fetch_gen = gen;
	return page;
}

u32 hg_fetch_insn(struct hg_vcpu *vcpu, const struct hg_fetch *fetch, u8 *bytes, u32 want, u64 *gpa)
{
	u32 offset = fetch->linear & (HG_PAGE_SIZE - 1), here;
	const u8 *page = lookup(vcpu, fetch, fetch->linear, gpa);

	if (!page)
		return 0;
	here = want < HG_PAGE_SIZE - offset ? want : (u32)HG_PAGE_SIZE - offset;
	memcpy(bytes, page + offset, here);
	if (here == want)
		return want;
	/* The rest lies on the next page; the caller decides whether it needs it. */
	page = lookup(vcpu, fetch, fetch->linear + here, gpa);
	if (!page)
		return here;
	memcpy(bytes + here, page, want - here);
	return want;
}
