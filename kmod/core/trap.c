// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that the core carries out for the guest without asking anyone.
 */
#include "core.h"
#include "arch.h"

#define VEC_DB	1
#define VEC_UD	6
#define VEC_GP	13

#define DR7_GD		HG_BIT(13)
#define DR6_BD		HG_BIT(13)
#define DR6_FIXED	0xffff0ff0ULL
#define DR7_FIXED	HG_BIT(10)

/* Deliver an exception at the next entry. RIP stays on the instruction. */
void hg_vcpu_raise(struct hg_vcpu *vcpu, u32 vector, bool has_error, u32 error)
{
	vcpu->event = HG_EVENT(HG_EVENT_FAULT, vector);
	if (has_error)
		vcpu->event |= (u32)HG_EVENT_HAS_ERROR;
	vcpu->event_error = error;
	vcpu->event_length = 0;
}

int hg_trap_xsetbv(struct hg_vcpu *vcpu, u32 length)
{
	u64 value = (u32)vcpu->gpr[HG_RAX] | vcpu->gpr[HG_RDX] << 32;

	vcpu->page->stat_cr++;
	if (vcpu->gpr[HG_RCX] & 0xffffffffu || !hg_xcr0_valid(vcpu, value)) {
		hg_vcpu_raise(vcpu, VEC_GP, true, 0);
		return -1;
	}
	vcpu->xcr0 = value;
	hg_arch_xsetbv(value);	/* the guest's is live inside the run loop */
	hg_core.backend->vcpu_skip(vcpu, length);
	return -1;
}

/*
 * MOV to and from a debug register (APM vol. 2, 13.1.1). The CPU has checked
 * CPL. DR4 and DR5 are DR6 and DR7 unless CR4.DE makes them undefined.
 */
int hg_trap_dr(struct hg_vcpu *vcpu, u32 length, bool write, u32 nr, u32 gpr, bool wide, u64 cr4)
{
	const struct hg_backend *backend = hg_core.backend;
	u64 value, dr6, dr7;

	vcpu->page->stat_cr++;
	if (nr > 7 || gpr >= HG_NR_GPRS || ((nr == 4 || nr == 5) && (cr4 & HG_CR4_DE))) {
		hg_vcpu_raise(vcpu, VEC_UD, false, 0);
		return -1;
	}
	if (nr == 4 || nr == 5)
		nr += 2;
	backend->vcpu_debug(vcpu, &dr6, &dr7, false);
	if (dr7 & DR7_GD) {
		dr6 |= DR6_BD;
		dr7 &= ~DR7_GD;
		backend->vcpu_debug(vcpu, &dr6, &dr7, true);
		hg_vcpu_raise(vcpu, VEC_DB, false, 0);
		return -1;
	}

	if (!write) {
		vcpu->gpr[gpr] = nr < 4 ? vcpu->dr[nr] : nr == 6 ? dr6 : dr7;
		goto skip;
	}
	value = vcpu->gpr[gpr];
	if (!wide)
		value = (u32)value;
	if (nr < 4) {
		vcpu->dr[nr] = value;
	} else if (value >> 32) {
		hg_vcpu_raise(vcpu, VEC_GP, true, 0);
		return -1;
	} else if (nr == 6) {
		dr6 = (value & 0xe00f) | DR6_FIXED;
		backend->vcpu_debug(vcpu, &dr6, &dr7, true);
	} else {
		dr7 = (value & 0xffff23ff) | DR7_FIXED;
		backend->vcpu_debug(vcpu, &dr6, &dr7, true);
	}
skip:
	backend->vcpu_skip(vcpu, length);
	return -1;
}

/* CR4 bits that are there without being announced by CPUID. */
#define CR4_ALWAYS	HG_MASK(10, 0)

/*
 * MOV to CR4 (APM vol. 2, 3.1.3). A bit whose feature the guest's CPUID lacks
 * is reserved, whatever the CPU itself can do.
 */
int hg_trap_cr4(struct hg_vcpu *vcpu, u32 length, u64 value, const struct hg_mode_state *now)
{
	bool long_mode = now->efer & HG_EFER_LMA;
	u64 changed = value ^ now->cr4;

	vcpu->page->stat_cr++;
	if ((value & ~(CR4_ALWAYS | vcpu->cr4_allowed)) ||
	    (long_mode && (!(value & HG_CR4_PAE) || (changed & HG_CR4_LA57))) ||
	    ((changed & value & HG_CR4_PCIDE) && (!long_mode || (now->cr3 & 0xfff)))) {
		hg_vcpu_raise(vcpu, VEC_GP, true, 0);
		return -1;
	}
	hg_core.backend->vcpu_set_cr4(vcpu, value);
	hg_core.backend->vcpu_skip(vcpu, length);
	return -1;
}

static bool cr0_legal(u64 value, const struct hg_mode_state *now)
{
	bool paging = value & HG_CR0_PG, was_paging = now->cr0 & HG_CR0_PG;

	if (value >> 32 || (paging && !(value & HG_CR0_PE)))
		return false;
	if ((value & HG_CR0_NW) && !(value & HG_CR0_CD))
		return false;
	/* 64-bit code cannot leave paging: compatibility mode comes first. */
	if (!paging && was_paging && now->cs_long)
		return false;
	if (!paging && (now->cr4 & HG_CR4_PCIDE))
		return false;
	/* Entering long mode (14.6.2). */
	if (paging && !was_paging && (now->efer & HG_EFER_LME))
		return (now->cr4 & HG_CR4_PAE) && !now->cs_long;
	return true;
}

/*
 * MOV to CR0, or LMSW (APM vol. 2, 3.1.1), where more than TS and MP changes.
 * EFER.LMA follows PG.
 */
int hg_trap_cr0(struct hg_vcpu *vcpu, u32 length, u64 value, const struct hg_mode_state *now)
{
	u64 efer = now->efer;

	vcpu->page->stat_cr++;
	if (!cr0_legal(value, now)) {
		hg_vcpu_raise(vcpu, VEC_GP, true, 0);
		return -1;
	}
	if (!(value & HG_CR0_PG))
		efer &= ~HG_EFER_LMA;
	else if (efer & HG_EFER_LME)
		efer |= HG_EFER_LMA;
	/* Reserved bits below 32 are ignored; ET reads as one. */
	value &= HG_MASK(5, 0) | HG_CR0_WP | HG_CR0_AM | HG_CR0_NW | HG_CR0_CD | HG_CR0_PG;
	hg_core.backend->vcpu_set_cr0(vcpu, value | HG_CR0_ET, efer);
	hg_core.backend->vcpu_skip(vcpu, length);
	return -1;
}
