// SPDX-License-Identifier: GPL-2.0-only
/*
 * Confidential VMs: their life, and the measurement of how they begin
 * (docs/launch-digest.md). The rules are those of cvm.h.
 */
#include "core.h"
#include "arch.h"

#define UNUSED2(a, b)		((void)(a), (void)(b))
#define UNUSED3(a, b, c)	((void)(a), (void)(b), (void)(c))
#define UNUSED4(a, b, c, d)	((void)(a), (void)(b), (void)(c), (void)(d))

/* The C-bit is the highest that a nested walk of four levels and the CPU both have. */
#define C_BIT_MAX	47
#define C_BIT_MIN	33	/* 4 GiB must be below it, and Linux asks for 32 or more */

static s64 leave(struct hg_domain *domain, s64 status)
{
	hg_domain_leave(domain);
	return status;
}

/* The live domain behind @handle, locked, if it is in @state; else NULL and *@status. */
static struct hg_domain *enter(u32 who, u64 handle, u32 state, s64 *status)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);

	*status = HG_E_HANDLE;
	if (!domain)
		return NULL;
	if (domain->state == HG_DOMAIN_LIVE && domain->cvm.state == state)
		return domain;
	if (domain->state == HG_DOMAIN_LIVE)
		*status = HG_E_STATE;
	hg_domain_leave(domain);
	return NULL;
}

/* Read without the lock by who is about to run a vCPU. */
static void set_state(struct hg_domain *domain, u32 state)
{
	__atomic_store_n(&domain->cvm.state, state, __ATOMIC_RELEASE);
}

static u64 c_gfn(const struct hg_domain *domain)
{
	return domain->c_mask >> HG_PAGE_SHIFT;
}

/* --- the digest --- */

static void extend(u8 *digest, const void *record, u64 length)
{
	u8 next[HG_DIGEST_SIZE];

	hg_port_sha256(digest, HG_DIGEST_SIZE, record, length, next);
	memcpy(digest, next, HG_DIGEST_SIZE);
}

static void measure_page(struct hg_domain *domain, u64 gpa, const void *bytes, u32 length,
			 bool writable)
{
	struct hg_measured_page record = {
		.gpa = gpa, .length = length, .flags = writable ? 0 : HG_CVM_READONLY,
	};

	hg_port_sha256(bytes, length, NULL, 0, record.content);
	extend(domain->cvm.digest.pages, &record, sizeof(record));
}

static void measure_cpus(struct hg_domain *domain)
{
	struct hg_measured_launch *digest = &domain->cvm.digest;
	u32 i;

	digest->vcpus = (u32)domain->stat[HG_DOMAIN_STAT_VCPUS];
	for (i = 0; i < HG_MAX_VCPUS; i++) {
		const struct hg_vcpu *vcpu = domain->vcpus[i];
		struct hg_measured_cpu record = { .index = i };

		if (!vcpu)
			continue;
		record.entries = vcpu->cpuid_count;
		hg_port_sha256(vcpu->cpuid, vcpu->cpuid_count * sizeof(*vcpu->cpuid), NULL, 0,
			       record.cpuid);
		extend(digest->cpus, &record, sizeof(record));
	}
}

/* --- launch --- */

static s64 init(struct hg_domain *domain)
{
	u32 width = hg_arch_physical_bits(), i;
	s64 status;

	if (domain->state != HG_DOMAIN_LIVE)
		return HG_E_HANDLE;
	if (domain->cvm.state != HG_CVM_NONE || domain->stat[HG_DOMAIN_STAT_VCPUS])
		return HG_E_STATE;
	for (i = HG_DOMAIN_STAT_MAPPED_4K; i <= HG_DOMAIN_STAT_MAPPED_1G; i++)
		if (domain->stat[i])
			return HG_E_STATE;
	if (width <= C_BIT_MIN)
		return HG_E_UNSUPPORTED;
	domain->cvm.c_bit = width - 1 < C_BIT_MAX ? width - 1 : C_BIT_MAX;
	domain->c_mask = HG_BIT(domain->cvm.c_bit);
	status = hg_npt_init_private(domain);
	if (status) {
		domain->c_mask = 0;
		domain->cvm.c_bit = 0;
		return status;
	}
	domain->cvm.digest.magic = HG_MEASURED_MAGIC;
	domain->cvm.digest.c_bit = domain->cvm.c_bit;
	set_state(domain, HG_CVM_CREATED);
	return domain->cvm.c_bit;
}

s64 hg_do_cvm_init(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);

	UNUSED4(a1, a2, a3, a4);
	return domain ? leave(domain, init(domain)) : HG_E_HANDLE;
}

s64 hg_do_cvm_launch(u32 who, u64 handle, u64 policy, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	UNUSED3(a2, a3, a4);
	if (policy >> 32)
		return HG_E_ARG;
	domain = enter(who, handle, HG_CVM_CREATED, &status);
	if (!domain)
		return status;
	domain->cvm.policy = (u32)policy;
	domain->cvm.digest.policy = (u32)policy;
	set_state(domain, HG_CVM_LAUNCHING);
	return leave(domain, HG_OK);
}

static s64 declare_ram(struct hg_domain *domain, u64 gfn, u64 count)
{
	struct hg_cvm *cvm = &domain->cvm;
	const struct hg_measured_range *last;

	if (gfn >= c_gfn(domain) || count > c_gfn(domain) - gfn)
		return HG_E_RANGE;
	if (cvm->ranges == HG_CVM_RANGES)
		return HG_E_LIMIT;
	last = cvm->ranges ? &cvm->range[cvm->ranges - 1] : NULL;
	if (last && gfn < last->gfn + last->count)
		return HG_E_EXISTS;
	cvm->range[cvm->ranges] = (struct hg_measured_range){ gfn, count };
	extend(cvm->digest.ranges, &cvm->range[cvm->ranges], sizeof(*last));
	cvm->ranges++;
	return HG_OK;
}

s64 hg_do_cvm_ram(u32 who, u64 handle, u64 gfn, u64 count, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	UNUSED2(a3, a4);
	if (!count)
		return HG_E_ARG;
	domain = enter(who, handle, HG_CVM_LAUNCHING, &status);
	return domain ? leave(domain, declare_ram(domain, gfn, count)) : status;
}

/* All of [gfn, gfn + count) in one range? The ranges never change once a vCPU runs. */
bool hg_cvm_is_ram(const struct hg_domain *domain, u64 gfn, u64 count)
{
	const struct hg_cvm *cvm = &domain->cvm;
	u32 low = 0, high = cvm->ranges;

	while (low < high) {
		u32 middle = (low + high) / 2;
		const struct hg_measured_range *range = &cvm->range[middle];

		if (gfn < range->gfn)
			high = middle;
		else if (gfn - range->gfn >= range->count)
			low = middle + 1;
		else
			return count <= range->count - (gfn - range->gfn);
	}
	return false;
}

static s64 add(struct hg_domain *domain, u64 gfn, u64 pfn, u32 level, bool readonly)
{
	u64 frames = 1ULL << (9 * (level - 1));
	u32 state = domain->cvm.state;
	s64 status;

	if (domain->state != HG_DOMAIN_LIVE)
		return HG_E_HANDLE;
	if (state < HG_CVM_LAUNCHING || (readonly && state != HG_CVM_LAUNCHING))
		return HG_E_STATE;
	if (gfn >= c_gfn(domain) || frames > c_gfn(domain) - gfn)
		return HG_E_RANGE;
	/* What was not measured must be what the guest knows as RAM. */
	if (state != HG_CVM_LAUNCHING && !hg_cvm_is_ram(domain, gfn, frames))
		return HG_E_DENIED;
	status = hg_npt_map_private(domain, gfn | c_gfn(domain), pfn, level, !readonly);
	if (!status && readonly)
		domain->cvm.unmeasured += (u32)frames;
	return status;
}

s64 hg_do_cvm_add(u32 who, u64 handle, u64 gfn, u64 pfn, u64 level, u64 flags)
{
	struct hg_domain *domain;

	if (level < 1 || level > 2 || level > hg_core.backend->npt_levels_max)
		return HG_E_ARG;
	if (flags & ~(u64)HG_CVM_READONLY)
		return HG_E_FLAGS;
	domain = hg_domain_enter(who, handle);
	if (!domain)
		return HG_E_HANDLE;
	return leave(domain, add(domain, gfn, pfn, (u32)level, flags & HG_CVM_READONLY));
}

/* --- content --- */

struct load {
	u64 gpa, src_pfn;
	u32 src_offset, length, type;
};

/* The blocks of HG_MEASURED_BLOCK bytes that the copy touches, one bit each. */
static u32 blocks_of(const struct load *load)
{
	u32 first = (u32)(load->gpa % HG_PAGE_SIZE) / HG_MEASURED_BLOCK;
	u32 last = (u32)((load->gpa + load->length - 1) % HG_PAGE_SIZE) / HG_MEASURED_BLOCK;

	return (u32)HG_MASK(last, first);
}

static s64 load(struct hg_domain *domain, const struct load *load)
{
	u64 private_gpa = load->gpa | domain->c_mask, left;
	struct hg_frame *frame;
	bool writable;
	u8 *to;
	s64 status;

	if (load->gpa >= domain->c_mask)
		return HG_E_RANGE;
	to = hg_npt_reach(domain, private_gpa, false, &left);
	if (!to)
		return HG_E_ABSENT;
	frame = &hg_core.frames[(u64)(to - hg_core.va_base) >> HG_PAGE_SHIFT];
	if (load->type == HG_LOAD_SECRET && (frame->maps & blocks_of(load)))
		return HG_E_DENIED;
	/* Lent for as long as it is read, so that it cannot become anyone's. */
	status = hg_frames_move(load->src_pfn, 1, HG_MOVE_LEND, 0);
	if (status)
		return status;
	memcpy(to, (const u8 *)hg_frame_va(load->src_pfn) + load->src_offset, load->length);
	HG_BUG_ON(hg_frames_move(load->src_pfn, 1, HG_MOVE_UNLEND, 0));

	if (load->type == HG_LOAD_SECRET)
		return HG_OK;
	/* The copy is what is measured: the source may be changing. */
	writable = hg_npt_reach(domain, private_gpa, true, &left);
	measure_page(domain, load->gpa, to, load->length, writable);
	if (!writable && !frame->maps)
		domain->cvm.unmeasured--;
	frame->maps |= blocks_of(load);
	domain->cvm.changeable += writable;
	return HG_OK;
}

s64 hg_do_cvm_load(u32 who, u64 handle, u64 gpa, u64 src_pfn, u64 where, u64 type)
{
	const struct load l = {
		.gpa = gpa, .src_pfn = src_pfn, .src_offset = where & 0xffff,
		.length = (u32)(where >> 16), .type = (u32)type,
	};
	struct hg_domain *domain;
	s64 status;

	if (where >> 32 || type > HG_LOAD_SECRET || l.src_offset >= HG_PAGE_SIZE || !l.length ||
	    l.length > HG_PAGE_SIZE - l.src_offset || l.length > HG_PAGE_SIZE - gpa % HG_PAGE_SIZE)
		return HG_E_ARG;
	domain = enter(who, handle, type == HG_LOAD_SECRET ? HG_CVM_SEALED : HG_CVM_LAUNCHING,
		       &status);
	return domain ? leave(domain, load(domain, &l)) : status;
}

/* --- sealed, running --- */

s64 hg_do_cvm_seal(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	struct hg_cvm *cvm;
	s64 status;

	UNUSED4(a1, a2, a3, a4);
	domain = enter(who, handle, HG_CVM_LAUNCHING, &status);
	if (!domain)
		return status;
	/* vCPU 0 is the one that starts. */
	if (!domain->vcpus[0])
		return leave(domain, HG_E_ABSENT);
	cvm = &domain->cvm;
	/* Memory that forgets what is written to it: the digest must tell where. */
	if (cvm->unmeasured)
		return leave(domain, HG_E_DENIED);
	measure_cpus(domain);
	hg_port_sha256(&cvm->digest, sizeof(cvm->digest), NULL, 0, cvm->launch);
	set_state(domain, HG_CVM_SEALED);
	return leave(domain, HG_OK);
}

/* Every vCPU as after power-on: the first runs, the others wait. They are claimed. */
static void reset_vcpus(struct hg_domain *domain, u64 tsc_offset)
{
	u32 i;

	for (i = 0; i < HG_MAX_VCPUS; i++) {
		struct hg_vcpu *vcpu = domain->vcpus[i];

		if (!vcpu)
			continue;
		vcpu->tsc_offset = tsc_offset;
		vcpu->tsc_adjust = 0;
		memset(&vcpu->irq, 0, sizeof(vcpu->irq));
		hg_cvm_reset_vcpu(vcpu);
		vcpu->parked = i != 0;
	}
}

s64 hg_do_cvm_start(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	UNUSED4(a1, a2, a3, a4);
	domain = enter(who, handle, HG_CVM_SEALED, &status);
	if (!domain)
		return status;
	if (!hg_vcpus_claim(domain))
		return leave(domain, HG_E_BUSY);
	/* The guest's time begins now, on all its vCPUs alike. */
	reset_vcpus(domain, -hg_arch_rdtsc());
	hg_report_new_life(domain);
	set_state(domain, HG_CVM_RUNNING);
	hg_vcpus_release(domain);
	return leave(domain, HG_OK);
}

static s64 reset(struct hg_domain *domain)
{
	if (domain->cvm.changeable)
		return HG_E_DENIED;
	/* Aligned to big pages, so there is nothing to split. */
	HG_BUG_ON(hg_npt_withdraw(domain, c_gfn(domain), c_gfn(domain)) < 0);
	reset_vcpus(domain, -hg_arch_rdtsc());
	hg_report_new_life(domain);
	return HG_OK;
}

s64 hg_do_cvm_reset(u32 who, u64 handle, u64 a1, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain;
	s64 status;

	UNUSED4(a1, a2, a3, a4);
	domain = enter(who, handle, HG_CVM_RUNNING, &status);
	if (!domain)
		return status;
	if (!hg_vcpus_claim(domain))
		return leave(domain, HG_E_BUSY);
	status = reset(domain);
	hg_vcpus_release(domain);
	return leave(domain, status);
}

/* --- what may be known --- */

s64 hg_do_cvm_report(u32 who, u64 handle, u64 pfn, u64 a2, u64 a3, u64 a4)
{
	struct hg_domain *domain = hg_domain_enter(who, handle);
	struct hg_cvm_report *report;
	s64 status;

	UNUSED3(a2, a3, a4);
	if (!domain)
		return HG_E_HANDLE;
	if (domain->cvm.state == HG_CVM_NONE)
		return leave(domain, HG_E_STATE);
	status = hg_frames_move(pfn, 1, HG_MOVE_CONTROL, domain->handle);
	if (status)
		return leave(domain, status);
	report = hg_frame_va(pfn);
	report->state = domain->cvm.state;
	report->handle = domain->handle;
	report->parts = domain->cvm.digest;
	memcpy(report->launch, domain->cvm.launch, sizeof(report->launch));
	hg_frames_move(pfn, 1, HG_MOVE_UNCONTROL, domain->handle);
	return leave(domain, sizeof(*report));
}
