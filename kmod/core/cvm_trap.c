// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the core answers itself for a confidential guest, because the answer
 * decides over its secrets: where its page tables are, the MSRs that make up its
 * state, its time, and its hypercalls.
 */
#include "core.h"
#include "arch.h"

#define VEC_GP	13

static int raise_gp(struct hg_vcpu *vcpu)
{
	hg_vcpu_raise(vcpu, VEC_GP, true, 0);
	return -1;
}

static int skip(struct hg_vcpu *vcpu, u32 length)
{
	hg_core.backend->vcpu_skip(vcpu, length);
	return -1;
}

/*
 * --- CR3: the top of the page tables is private, whether the guest says so or not ---
 *
 * Always: firmware never sets the C-bit in CR3, and Linux does not when it starts
 * another kernel (kexec). A top table at a shared address would be the parent's.
 */

#define CR3_NO_FLUSH	HG_BIT(63)
#define CR3_RESERVED	HG_MASK(62, 52)

static int write_cr3(struct hg_vcpu *vcpu, u32 length, u64 value, const struct hg_mode_state *now)
{
	bool keep = value & CR3_NO_FLUSH;

	if ((now->efer & HG_EFER_LMA) &&
	    ((value & CR3_RESERVED) || (keep && !(now->cr4 & HG_CR4_PCIDE))))
		return raise_gp(vcpu);
	value &= ~CR3_NO_FLUSH;
	vcpu->cr3 = value;
	hg_core.backend->vcpu_set_cr3(vcpu, value | vcpu->domain->c_mask, !keep);
	return skip(vcpu, length);
}

int hg_cvm_cr3(struct hg_vcpu *vcpu, u32 length, bool write, u32 gpr,
	       const struct hg_mode_state *now)
{
	u64 value = vcpu->gpr[gpr & 15];

	vcpu->page->stat_cr++;
	if (write)
		return write_cr3(vcpu, length, now->cs_long ? value : (u32)value, now);
	vcpu->gpr[gpr & 15] = now->cs_long ? vcpu->cr3 : (u32)vcpu->cr3;
	return skip(vcpu, length);
}

/* --- MSRs --- */

#define MSR_TSC			0x10
#define MSR_TSC_ADJUST		0x3b
#define MSR_PAT			0x277
#define MSR_KVM_FIRST		0x4b564d00
#define MSR_KVM_LAST		0x4b564dff
#define MSR_KVM_MIGRATION	0x4b564d08
#define MSR_KVM_WALL_CLOCK_OLD	0x11
#define MSR_KVM_SYSTEM_TIME_OLD	0x12
#define MSR_EFER		0xc0000080
#define MSR_TSC_AUX		0xc0000103
#define MSR_SYSCFG		0xc0010010
#define MSR_GHCB		0xc0010130
#define MSR_SEV_STATUS		0xc0010131

#define SEV_STATUS_ENABLED	1ULL

#define EFER_WRITABLE	(HG_EFER_SCE | HG_EFER_LME | HG_EFER_NXE | HG_EFER_FFXSR | HG_EFER_TCE)

/* What has an answer here; @value in and out. */
enum answer { ANSWERED, FAULTS, THE_PARENTS };

static enum answer write_efer(struct hg_vcpu *vcpu, u64 value, const struct hg_mode_state *now)
{
	value &= ~HG_EFER_LMA;	/* read-only: it follows CR0.PG */
	if (value & ~EFER_WRITABLE)
		return FAULTS;
	if ((now->cr0 & HG_CR0_PG) && ((value ^ now->efer) & HG_EFER_LME))
		return FAULTS;
	hg_core.backend->vcpu_set_efer(vcpu, value | (now->efer & HG_EFER_LMA));
	return ANSWERED;
}

/* Types 0, 1, 4 to 7 exist (APM vol. 2, 7.8.1). */
static bool pat_legal(u64 value)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = (u8)(value >> i);

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static void move_tsc(struct hg_vcpu *vcpu, u64 by)
{
	vcpu->tsc_offset += by;
	vcpu->tsc_adjust += by;
	hg_core.backend->vcpu_set_tsc(vcpu, vcpu->tsc_offset);
}

static enum answer write_msr(struct hg_vcpu *vcpu, u32 index, u64 value,
			     const struct hg_mode_state *now)
{
	switch (index) {
	case MSR_TSC:
		move_tsc(vcpu, value - (hg_arch_rdtsc() + vcpu->tsc_offset));
		return ANSWERED;
	case MSR_TSC_ADJUST:
		move_tsc(vcpu, value - vcpu->tsc_adjust);
		return ANSWERED;
	case MSR_PAT:
		if (!pat_legal(value))
			return FAULTS;
		hg_core.backend->vcpu_set_pat(vcpu, value);
		return ANSWERED;
	case MSR_EFER:
		return write_efer(vcpu, value, now);
	case MSR_TSC_AUX:
		if (value >> 32)
			return FAULTS;
		vcpu->tsc_aux = value;
		return ANSWERED;
	case MSR_KVM_MIGRATION:
		/* "I tell what I share": it does, with or without this. */
		return value > 1 ? FAULTS : ANSWERED;
	case MSR_SYSCFG:
		return ANSWERED;
	case MSR_GHCB:
	case MSR_SEV_STATUS:
	case MSR_KVM_WALL_CLOCK_OLD:
	case MSR_KVM_SYSTEM_TIME_OLD:
		return FAULTS;
	}
	return index >= MSR_KVM_FIRST && index <= MSR_KVM_LAST ? FAULTS : THE_PARENTS;
}

static enum answer read_msr(struct hg_vcpu *vcpu, u32 index, u64 *value,
			    const struct hg_mode_state *now)
{
	*value = 0;
	switch (index) {
	case MSR_TSC:
		*value = hg_arch_rdtsc() + vcpu->tsc_offset;
		return ANSWERED;
	case MSR_TSC_ADJUST:
		*value = vcpu->tsc_adjust;
		return ANSWERED;
	case MSR_PAT:
		*value = hg_core.backend->vcpu_get_pat(vcpu);
		return ANSWERED;
	case MSR_EFER:
		*value = now->efer & ~HG_EFER_SVME;
		return ANSWERED;
	case MSR_TSC_AUX:
		*value = vcpu->tsc_aux;
		return ANSWERED;
	case MSR_SEV_STATUS:
		*value = SEV_STATUS_ENABLED;
		return ANSWERED;
	case MSR_KVM_MIGRATION:
	case MSR_SYSCFG:
		return ANSWERED;
	case MSR_GHCB:
	case MSR_KVM_WALL_CLOCK_OLD:
	case MSR_KVM_SYSTEM_TIME_OLD:
		return FAULTS;
	}
	return index >= MSR_KVM_FIRST && index <= MSR_KVM_LAST ? FAULTS : THE_PARENTS;
}

int hg_cvm_msr(struct hg_vcpu *vcpu, u32 length, bool write, const struct hg_mode_state *now)
{
	u32 index = (u32)vcpu->gpr[HG_RCX];
	u64 value = (u32)vcpu->gpr[HG_RAX] | vcpu->gpr[HG_RDX] << 32;
	enum answer answer;

	answer = write ? write_msr(vcpu, index, value, now) : read_msr(vcpu, index, &value, now);
	if (answer == THE_PARENTS)
		return hg_cvm_io_msr(vcpu, write, length);
	vcpu->page->stat_msr++;
	if (answer == FAULTS)
		return raise_gp(vcpu);
	if (!write) {
		vcpu->gpr[HG_RAX] = (u32)value;
		vcpu->gpr[HG_RDX] = value >> 32;
	}
	return skip(vcpu, length);
}

/* --- hypercalls, by KVM's convention: number in RAX, arguments in RBX, RCX, RDX --- */

#define KVM_HC_MAP_GPA_RANGE	12
#define KVM_MAP_GPA_ENCRYPTED	HG_BIT(4)
#define KVM_MAP_GPA_ATTRIBUTES	HG_MASK(4, 0)	/* page size 3:0, only a hint */

#define KVM_EPERM	1
#define KVM_EINVAL	22
#define KVM_ENOSYS	1000

/* Frames of one step: the domain is locked and interrupts are off meanwhile. */
#define CONVERT_STEP	2048ULL
#define BIG_PAGE	512

static int answer_call(struct hg_vcpu *vcpu, u32 length, s64 value)
{
	vcpu->gpr[HG_RAX] = (u64)value;
	memset(&vcpu->convert, 0, sizeof(vcpu->convert));
	return skip(vcpu, length);
}

static int converted(struct hg_vcpu *vcpu, u64 gfn, u64 count)
{
	vcpu->page->convert.gfn = gfn;
	vcpu->page->convert.count = count;
	vcpu->page->convert.shared = 1;
	vcpu->page->convert.reserved = 0;
	return HG_EXIT_CONVERTED;
}

/*
 * Private pages that the guest makes shared are its no longer: they are scrubbed
 * before anyone gets them. A long range takes several steps, with RIP on the
 * hypercall until the last; those that the guest makes private come when it
 * touches them.
 */
static int share(struct hg_vcpu *vcpu, u32 length, u64 gfn, u64 count)
{
	struct hg_domain *domain = vcpu->domain;
	u64 c_gfn = domain->c_mask >> HG_PAGE_SHIFT, step;
	s64 frames;

	if (vcpu->convert.gfn != gfn || vcpu->convert.count != count) {
		vcpu->convert.gfn = gfn;
		vcpu->convert.count = count;
		vcpu->convert.done = 0;
	}
	/* To where a big page ends, so that none is split between two steps. */
	step = CONVERT_STEP - (gfn + vcpu->convert.done) % BIG_PAGE;
	if (step > count - vcpu->convert.done)
		step = count - vcpu->convert.done;
	hg_domain_lock(domain);
	frames = hg_npt_withdraw(domain, (gfn + vcpu->convert.done) | c_gfn, step);
	hg_domain_leave(domain);
	if (frames < 0)
		return HG_EXIT_FRAMES;
	vcpu->convert.done += step;
	if (vcpu->convert.done < count)
		return frames ? converted(vcpu, gfn, vcpu->convert.done) : -1;
	answer_call(vcpu, length, 0);
	return frames ? converted(vcpu, gfn, count) : -1;
}

static int map_gpa_range(struct hg_vcpu *vcpu, u32 length)
{
	u64 gpa = vcpu->gpr[HG_RBX], count = vcpu->gpr[HG_RCX], attributes = vcpu->gpr[HG_RDX];
	u64 gfn = gpa >> HG_PAGE_SHIFT, c_gfn = vcpu->domain->c_mask >> HG_PAGE_SHIFT;

	if ((gpa & ~HG_PAGE_MASK) || (attributes & ~KVM_MAP_GPA_ATTRIBUTES) || !count ||
	    gfn >= c_gfn || count > c_gfn - gfn)
		return answer_call(vcpu, length, -KVM_EINVAL);
	/*
	 * Nothing to do, but an answer that is worth something: only RAM can be private.
	 * A guest that has its memory map from the host learns here whether to believe it.
	 */
	if (attributes & KVM_MAP_GPA_ENCRYPTED)
		return answer_call(vcpu, length,
				   hg_cvm_is_ram(vcpu->domain, gfn, count) ? 0 : -KVM_EINVAL);
	return share(vcpu, length, gfn, count);
}

int hg_cvm_hypercall(struct hg_vcpu *vcpu, u32 length)
{
	struct hg_fetch fetch;

	vcpu->page->stat_other++;
	if (hg_report_is_call(vcpu))
		return hg_report_call(vcpu, length);
	hg_core.backend->vcpu_code(vcpu, &fetch);
	if (fetch.cpl)
		return answer_call(vcpu, length, -KVM_EPERM);
	/* Outside long mode the arguments cannot name all of memory: not offered there. */
	if (!hg_cvm_selects(fetch.efer) || vcpu->gpr[HG_RAX] != KVM_HC_MAP_GPA_RANGE)
		return answer_call(vcpu, length, -KVM_ENOSYS);
	return map_gpa_range(vcpu, length);
}

/* --- the first state --- */

/* SDM vol. 1, table 13-1 and 10.2.3. */
#define XSAVE_MXCSR	24
#define MXCSR_RESET	0x1f80

void hg_cvm_reset_vcpu(struct hg_vcpu *vcpu)
{
	hg_vcpu_reset(vcpu);
	/* Family 6, as a PC's firmware expects (SDM vol. 3, 10.1.1). */
	vcpu->gpr[HG_RDX] = 0x600;
	vcpu->tsc_aux = 0;
	vcpu->cr3 = 0;
	/* All components in their first state, but for MXCSR: it is always loaded. */
	memset(vcpu->fpu, 0, HG_PAGE_SIZE);
	*(u32 *)(vcpu->fpu + XSAVE_MXCSR) = MXCSR_RESET;
	memset(&vcpu->convert, 0, sizeof(vcpu->convert));
	memset(&vcpu->report, 0, sizeof(vcpu->report));
	hg_cvm_io_reset(vcpu);
	hg_core.backend->vcpu_set_tsc(vcpu, vcpu->tsc_offset);
}
