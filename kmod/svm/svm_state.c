// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: guest state in and out of the control block.
 */
#include "svm.h"

#define INTERCEPT3								\
	(SVM_INTERCEPT_INTR | SVM_INTERCEPT_NMI | SVM_INTERCEPT_INIT | SVM_INTERCEPT_CR0_SEL | \
	 SVM_INTERCEPT_RDPMC | SVM_INTERCEPT_CPUID | SVM_INTERCEPT_RSM |	\
	 SVM_INTERCEPT_INVD | SVM_INTERCEPT_HLT | SVM_INTERCEPT_INVLPGA |	\
	 SVM_INTERCEPT_IOIO | SVM_INTERCEPT_MSR | SVM_INTERCEPT_FERR_FREEZE |	\
	 SVM_INTERCEPT_SHUTDOWN)

#define INTERCEPT4								\
	(SVM_INTERCEPT_VMRUN | SVM_INTERCEPT_VMMCALL | SVM_INTERCEPT_VMLOAD |	\
	 SVM_INTERCEPT_VMSAVE | SVM_INTERCEPT_STGI | SVM_INTERCEPT_CLGI |	\
	 SVM_INTERCEPT_SKINIT | SVM_INTERCEPT_WBINVD | SVM_INTERCEPT_MONITOR |	\
	 SVM_INTERCEPT_MWAIT | SVM_INTERCEPT_MWAIT_ARMED |			\
	 SVM_INTERCEPT_XSETBV | SVM_INTERCEPT_RDPRU)

/*
 * #MC belongs to the host. #DB and #AC are caught because a guest can make
 * them recur inside their own delivery for ever, with no other way out.
 */
#define EXCEPTIONS	(HG_BIT32(1) | HG_BIT32(17) | HG_BIT32(18))

/* EFER bits a guest may have; SVME is ours and never seen by it. */
#define EFER_GUEST								\
	(HG_EFER_SCE | HG_EFER_LME | HG_EFER_LMA | HG_EFER_NXE | HG_EFER_FFXSR | HG_EFER_TCE)

#define PAUSE_COUNT		3000
#define PAUSE_THRESHOLD		128

/* The state after RESET (APM vol. 2, table 14-1). */
static void reset_save_area(struct vmcb *vmcb)
{
	const struct hg_segment data = { .attr = 0x093, .limit = 0xffff };
	const struct hg_segment table = { .limit = 0xffff };

	vmcb->cs = (struct hg_segment){ 0xf000, 0x09b, 0xffff, 0xffff0000 };
	vmcb->ds = data;
	vmcb->es = data;
	vmcb->fs = data;
	vmcb->gs = data;
	vmcb->ss = data;
	vmcb->gdtr = table;
	vmcb->idtr = table;
	vmcb->ldtr = (struct hg_segment){ 0, 0x082, 0xffff, 0 };
	vmcb->tr = (struct hg_segment){ 0, 0x08b, 0xffff, 0 };
	vmcb->cr0 = HG_CR0_ET | HG_CR0_NW | HG_CR0_CD;
	vmcb->efer = HG_EFER_SVME;
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->pat = 0x0007040600070406;
}

/*
 * CR4.MCE is always on beneath the guest: without it a machine check of the
 * host's, in the guest's time, would be a shutdown (15.14.3, SDM vol. 3, 15). While
 * the guest's own bit is off, its reads of CR4 are intercepted.
 */
u64 svm_guest_cr4(const struct hg_vcpu *vcpu)
{
	return (svm_vmcb(vcpu)->cr4 & ~HG_CR4_MCE) | vcpu->backend[SVM_GUEST_MCE];
}

static void put_cr4(struct hg_vcpu *vcpu, u64 cr4)
{
	svm_vmcb(vcpu)->cr4 = cr4 | HG_CR4_MCE;
	vcpu->backend[SVM_GUEST_MCE] = cr4 & HG_CR4_MCE;
}

static void choose_root(struct hg_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	vmcb->nested_cr3 = hg_domain_root(vcpu->domain, vmcb->efer) << HG_PAGE_SHIFT;
}

void svm_vcpu_init(struct hg_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	memset(vmcb, 0, sizeof(*vmcb));
	vmcb->intercept_dr = 0xffffffff;
	vmcb->intercept_exception = EXCEPTIONS;
	vmcb->intercept3 = INTERCEPT3;
	vmcb->intercept4 = INTERCEPT4;
	/* Without the filter every PAUSE would exit; a spinning guest is then better left alone. */
	if (svm_machine.features & SVM_FEATURE_PAUSE_FILTER) {
		vmcb->intercept3 |= SVM_INTERCEPT_PAUSE;
		vmcb->pause_count = PAUSE_COUNT;
		if (svm_machine.features & SVM_FEATURE_PAUSE_THRESHOLD)
			vmcb->pause_threshold = PAUSE_THRESHOLD;
	}
	vmcb->msrpm_pa = svm_machine.msrpm_pa;
	vmcb->iopm_pa = svm_machine.iopm_pa;
	vmcb->vintr = SVM_VINTR_MASKING;
	vmcb->nested_control = 1;
	reset_save_area(vmcb);
	/* A CVM's tables are private from the first. */
	vmcb->cr3 = vcpu->domain->c_mask;
	choose_root(vcpu);
	put_cr4(vcpu, 0);
	vcpu->last_cpu = NULL;
}

/* Where the control block keeps each of enum hg_seg. */
static struct hg_segment *segment(struct vmcb *vmcb, int seg)
{
	static const u16 offset[HG_NR_SEGS] = {
		[HG_SEG_ES] = HG_OFFSETOF(struct vmcb, es),
		[HG_SEG_CS] = HG_OFFSETOF(struct vmcb, cs),
		[HG_SEG_SS] = HG_OFFSETOF(struct vmcb, ss),
		[HG_SEG_DS] = HG_OFFSETOF(struct vmcb, ds),
		[HG_SEG_FS] = HG_OFFSETOF(struct vmcb, fs),
		[HG_SEG_GS] = HG_OFFSETOF(struct vmcb, gs),
		[HG_SEG_TR] = HG_OFFSETOF(struct vmcb, tr),
		[HG_SEG_LDTR] = HG_OFFSETOF(struct vmcb, ldtr),
		[HG_SEG_GDTR] = HG_OFFSETOF(struct vmcb, gdtr),
		[HG_SEG_IDTR] = HG_OFFSETOF(struct vmcb, idtr),
	};

	return (void *)((u8 *)vmcb + offset[seg]);
}

static s64 put_control(struct hg_vcpu *vcpu, const struct hg_vcpu_page *page)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 efer = HG_READ_ONCE(page->efer), cr0, cr3, cr4;

	if (efer & ~EFER_GUEST)
		return HG_E_ARG;
	/* What else is illegal, VMRUN itself refuses (15.5.1). */
	cr0 = HG_READ_ONCE(page->cr0);
	cr3 = HG_READ_ONCE(page->cr3);
	cr4 = HG_READ_ONCE(page->cr4);
	/* VMRUN flushes nothing by itself, as loading them one by one would. */
	if (cr0 != vmcb->cr0 || cr3 != vmcb->cr3 || cr4 != svm_guest_cr4(vcpu) ||
	    (efer | HG_EFER_SVME) != vmcb->efer)
		vcpu->last_cpu = NULL;
	vcpu->efer = efer;
	vmcb->efer = efer | HG_EFER_SVME;
	vmcb->cr0 = cr0;
	vmcb->cr2 = HG_READ_ONCE(page->cr2);
	vmcb->cr3 = cr3;
	put_cr4(vcpu, cr4);
	return HG_OK;
}

static void put_segments(struct vmcb *vmcb, const struct hg_vcpu_page *page)
{
	int i;

	for (i = 0; i < HG_NR_SEGS; i++) {
		struct hg_segment *seg = segment(vmcb, i);

		seg->selector = HG_READ_ONCE(page->seg[i].selector);
		seg->attr = HG_READ_ONCE(page->seg[i].attr) & 0xfff;
		seg->limit = HG_READ_ONCE(page->seg[i].limit);
		seg->base = HG_READ_ONCE(page->seg[i].base);
	}
	vmcb->cpl = HG_READ_ONCE(page->cpl) & 3;
}

static void put_msrs(struct vmcb *vmcb, const struct hg_vcpu_page *page)
{
	vmcb->star = HG_READ_ONCE(page->star);
	vmcb->lstar = HG_READ_ONCE(page->lstar);
	vmcb->cstar = HG_READ_ONCE(page->cstar);
	vmcb->sfmask = HG_READ_ONCE(page->sfmask);
	vmcb->kernel_gs_base = HG_READ_ONCE(page->kernel_gs_base);
	vmcb->sysenter_cs = HG_READ_ONCE(page->sysenter_cs);
	vmcb->sysenter_esp = HG_READ_ONCE(page->sysenter_esp);
	vmcb->sysenter_eip = HG_READ_ONCE(page->sysenter_eip);
	vmcb->pat = HG_READ_ONCE(page->pat);
}

/* HG_E_ARG only for HG_STATE_CONTROL, which the core puts by itself. */
s64 svm_vcpu_put(struct hg_vcpu *vcpu, u64 groups)
{
	const struct hg_vcpu_page *page = vcpu->page;
	struct vmcb *vmcb = svm_vmcb(vcpu);

	if (groups & HG_STATE_CONTROL)
		return put_control(vcpu, page);
	if (groups & HG_STATE_SEGMENTS)
		put_segments(vmcb, page);
	if (groups & HG_STATE_MSRS)
		put_msrs(vmcb, page);
	if (groups & HG_STATE_DEBUG) {
		vmcb->dr6 = HG_READ_ONCE(page->dr6);
		vmcb->dr7 = HG_READ_ONCE(page->dr7);
	}
	return HG_OK;
}

static void get_msrs(const struct vmcb *vmcb, struct hg_vcpu_page *page)
{
	page->star = vmcb->star;
	page->lstar = vmcb->lstar;
	page->cstar = vmcb->cstar;
	page->sfmask = vmcb->sfmask;
	page->kernel_gs_base = vmcb->kernel_gs_base;
	page->sysenter_cs = vmcb->sysenter_cs;
	page->sysenter_esp = vmcb->sysenter_esp;
	page->sysenter_eip = vmcb->sysenter_eip;
	page->pat = vmcb->pat;
	page->debugctl = vmcb->debugctl;
}

void svm_vcpu_get(struct hg_vcpu *vcpu, u64 groups)
{
	struct hg_vcpu_page *page = vcpu->page;
	struct vmcb *vmcb = svm_vmcb(vcpu);
	int i;

	if (groups & HG_STATE_CONTROL) {
		page->cr0 = vmcb->cr0;
		page->cr2 = vmcb->cr2;
		page->cr3 = vmcb->cr3;
		page->cr4 = svm_guest_cr4(vcpu);
		page->efer = vmcb->efer & ~HG_EFER_SVME;
	}
	if (groups & HG_STATE_SEGMENTS) {
		for (i = 0; i < HG_NR_SEGS; i++)
			page->seg[i] = *segment(vmcb, i);
		page->cpl = vmcb->cpl;
	}
	if (groups & HG_STATE_MSRS)
		get_msrs(vmcb, page);
	if (groups & HG_STATE_DEBUG) {
		page->dr6 = vmcb->dr6;
		page->dr7 = vmcb->dr7;
	}
}

void svm_vcpu_debug(struct hg_vcpu *vcpu, u64 *dr6, u64 *dr7, bool write)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	if (write) {
		vmcb->dr6 = *dr6;
		vmcb->dr7 = *dr7;
	} else {
		*dr6 = vmcb->dr6;
		*dr7 = vmcb->dr7;
	}
}

/* A change of how addresses are translated forgets translations: by a new tag. */
void svm_vcpu_set_cr4(struct hg_vcpu *vcpu, u64 cr4)
{
	put_cr4(vcpu, cr4);
	vcpu->last_cpu = NULL;
}

void svm_vcpu_set_cr0(struct hg_vcpu *vcpu, u64 cr0, u64 efer)
{
	svm_vmcb(vcpu)->cr0 = cr0;
	svm_vcpu_set_efer(vcpu, efer);
}

void svm_vcpu_set_efer(struct hg_vcpu *vcpu, u64 efer)
{
	vcpu->efer = efer & ~HG_EFER_SVME;
	svm_vmcb(vcpu)->efer = efer | HG_EFER_SVME;
	choose_root(vcpu);
	vcpu->last_cpu = NULL;
}

void svm_vcpu_set_cr2(struct hg_vcpu *vcpu, u64 cr2)
{
	svm_vmcb(vcpu)->cr2 = cr2;
}

void svm_vcpu_set_cr3(struct hg_vcpu *vcpu, u64 cr3, bool flush)
{
	svm_vmcb(vcpu)->cr3 = cr3;
	if (flush)
		vcpu->last_cpu = NULL;
}

u64 svm_vcpu_get_pat(struct hg_vcpu *vcpu)
{
	return svm_vmcb(vcpu)->pat;
}

void svm_vcpu_set_pat(struct hg_vcpu *vcpu, u64 pat)
{
	svm_vmcb(vcpu)->pat = pat;
}

void svm_vcpu_set_tsc(struct hg_vcpu *vcpu, u64 offset)
{
	svm_vmcb(vcpu)->tsc_offset = offset;
}

void svm_vcpu_startup(struct hg_vcpu *vcpu, u8 vector)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	vmcb->cs.selector = (u16)(vector << 8);
	vmcb->cs.base = (u64)vector << 12;
}

void svm_vcpu_segment(struct hg_vcpu *vcpu, enum hg_seg seg, struct hg_segment *out)
{
	*out = *segment(svm_vmcb(vcpu), seg);
}
