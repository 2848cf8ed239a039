/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the SVM backend share.
 */
#ifndef HG_SVM_SVM_H
#define HG_SVM_SVM_H

#include "../core/core.h"
#include "../core/control.h"
#include "vmcb.h"

/* CPUID 8000_000Ah EDX. */
#define SVM_FEATURE_NPT			HG_BIT32(0)
#define SVM_FEATURE_NRIPS		HG_BIT32(3)
#define SVM_FEATURE_FLUSH_BY_ASID	HG_BIT32(6)
#define SVM_FEATURE_DECODE_ASSISTS	HG_BIT32(7)
#define SVM_FEATURE_PAUSE_FILTER	HG_BIT32(10)
#define SVM_FEATURE_PAUSE_THRESHOLD	HG_BIT32(12)

struct svm_machine {
	u32 features;
	u32 asids;		/* tags 1 .. asids - 1 are usable */
	bool tsc_aux;		/* RDTSCP or RDPID exists */
	u64 msrpm_pa, iopm_pa;
};
extern struct svm_machine svm_machine;

/* struct hg_vcpu.backend, by index. */
enum {
	SVM_HOST_TSC_AUX,
	SVM_DR_LIVE,		/* the guest's DR0..DR3 are in the CPU */
	SVM_SOFT_LENGTH,	/* of the soft interrupt injected at this entry */
	SVM_GUEST_MCE,		/* CR4.MCE as the guest has it */
	SVM_GUEST_TF,		/* RFLAGS.TF was the guest's own before this entry */
	SVM_SKIPPED,		/* the core completed an instruction since this entry */
	SVM_MISDECODED,		/* exits in a row whose instruction was another when read */
};

/* struct hg_vcpu.step: why RFLAGS.TF is set by us. */
#define SVM_STEP_NMI	1
#define SVM_STEP_DEBUG	2

static inline struct vmcb *svm_vmcb(const struct hg_vcpu *vcpu)
{
	return vcpu->control;
}

/* The intercepts by which the core keeps a confidential guest's tables private. */
static inline u32 svm_watch_cr3(const struct hg_vcpu *vcpu)
{
	return hg_confidential(vcpu) ? SVM_CR3_READ | SVM_CR3_WRITE : 0;
}

/* svm_fields.c */
extern const struct hg_control_field svm_fields[];
extern const u32 svm_field_count;

/* enter.S */
void hg_svm_enter(struct hg_vcpu *vcpu);

/* svm_state.c */
void svm_vcpu_init(struct hg_vcpu *vcpu);
u64 svm_guest_cr4(const struct hg_vcpu *vcpu);
s64 svm_vcpu_put(struct hg_vcpu *vcpu, u64 groups);
void svm_vcpu_get(struct hg_vcpu *vcpu, u64 groups);
void svm_vcpu_debug(struct hg_vcpu *vcpu, u64 *dr6, u64 *dr7, bool write);
void svm_vcpu_set_cr4(struct hg_vcpu *vcpu, u64 cr4);
void svm_vcpu_set_cr0(struct hg_vcpu *vcpu, u64 cr0, u64 efer);
void svm_vcpu_set_efer(struct hg_vcpu *vcpu, u64 efer);
void svm_vcpu_set_cr2(struct hg_vcpu *vcpu, u64 cr2);
void svm_vcpu_set_cr3(struct hg_vcpu *vcpu, u64 cr3, bool flush);
u64 svm_vcpu_get_pat(struct hg_vcpu *vcpu);
void svm_vcpu_set_pat(struct hg_vcpu *vcpu, u64 pat);
void svm_vcpu_set_tsc(struct hg_vcpu *vcpu, u64 offset);
void svm_vcpu_startup(struct hg_vcpu *vcpu, u8 vector);
void svm_vcpu_segment(struct hg_vcpu *vcpu, enum hg_seg seg, struct hg_segment *out);

/* svm_exit.c */
void svm_vcpu_code(struct hg_vcpu *vcpu, struct hg_fetch *fetch);
void svm_vcpu_skip(struct hg_vcpu *vcpu, u32 length);
int svm_exit(struct hg_vcpu *vcpu, struct vmcb *vmcb);
int svm_stepped(struct hg_vcpu *vcpu, struct vmcb *vmcb);

/* svm_run.c */
s64 svm_vcpu_load(struct hg_vcpu *vcpu, struct hg_cpu *cpu);
int svm_vcpu_enter(struct hg_vcpu *vcpu, struct hg_cpu *cpu);
void svm_vcpu_unload(struct hg_vcpu *vcpu);

static inline u64 svm_rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (msr));
	return (u64)high << 32 | low;
}

static inline void svm_wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c" (msr), "a" ((u32)value), "d" ((u32)(value >> 32))
			 : "memory");
}

#define MSR_EFER		0xc0000080
#define MSR_TSC_AUX		0xc0000103
#define MSR_VM_CR		0xc0010114
#define MSR_VM_HSAVE_PA		0xc0010117

#endif /* HG_SVM_SVM_H */
