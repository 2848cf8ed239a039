// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD SVM: what the CPU can, turning it on and off, and the permission maps
 * (AMD APM vol. 2, chapter 15).
 */
#include "svm.h"

#define VM_CR_SVMDIS		HG_BIT(4)

HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_vcpu, gpr) == 0);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_vcpu, control_pa) == 128);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_vcpu, host_pa) == 136);
HG_STATIC_ASSERT(HG_OFFSETOF(struct hg_vcpu, irq_shadow) == 339);
HG_STATIC_ASSERT(sizeof(struct hg_vcpu) <= HG_PAGE_SIZE);

struct svm_machine svm_machine;

static void cpuid(u32 leaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	__asm__ volatile("cpuid" : "=a" (*eax), "=b" (*ebx), "=c" (*ecx), "=d" (*edx)
			 : "a" (leaf), "c" (0));
}

static s64 svm_probe(const char **why)
{
	u32 eax, ebx, ecx, edx, top;

	cpuid(0x80000000, &top, &ebx, &ecx, &edx);
	if (top < 0x8000000a) {
		*why = "the CPU has no SVM";
		return HG_E_UNSUPPORTED;
	}
	cpuid(0x80000001, &eax, &ebx, &ecx, &edx);
	if (!(ecx & HG_BIT32(2))) {
		*why = "the CPU has no SVM";
		return HG_E_UNSUPPORTED;
	}
	svm_machine.tsc_aux = edx & HG_BIT32(27);
	if (svm_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
		*why = "SVM is switched off in the firmware's setup";
		return HG_E_UNSUPPORTED;
	}
	cpuid(0x8000000a, &eax, &ebx, &ecx, &edx);
	svm_machine.features = edx;
	svm_machine.asids = ebx;
	if (!(edx & SVM_FEATURE_NPT)) {
		*why = "the CPU has no nested paging (NPT)";
		return HG_E_UNSUPPORTED;
	}
	if (ebx < 2) {
		*why = "the CPU has no address-space tags (ASIDs)";
		return HG_E_UNSUPPORTED;
	}
	return HG_OK;
}

/*
 * MSRs a guest may touch without an exit: those that VMLOAD, VMSAVE and the
 * control block switch. Everything else exits (15.11).
 */
static const u32 free_msrs[] = {
	0x174, 0x175, 0x176,			/* SYSENTER */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* SYSCALL */
	0xc0000100, 0xc0000101, 0xc0000102,	/* FS, GS, KERNEL_GS base */
};

static void msrpm_allow(u8 *map, u32 msr)
{
	u32 bit = (msr & 0x1fff) * 2;
	u8 *vector = map + (msr >> 24 == 0xc0 ? 0x800 : 0);

	vector[bit / 8] &= (u8)~(3u << (bit % 8));
}

static s64 svm_start(u64 pfn)
{
	u8 *msrpm = hg_frame_va(pfn), *iopm = hg_frame_va(pfn + 2);
	u32 i;

	memset(msrpm, 0xff, 2 * HG_PAGE_SIZE);
	for (i = 0; i < HG_ARRAY_SIZE(free_msrs); i++)
		msrpm_allow(msrpm, free_msrs[i]);
	memset(iopm, 0xff, 3 * HG_PAGE_SIZE);
	svm_machine.msrpm_pa = pfn << HG_PAGE_SHIFT;
	svm_machine.iopm_pa = (pfn + 2) << HG_PAGE_SHIFT;
	return HG_OK;
}

static void svm_stop(void)
{
	memset(&svm_machine, 0, sizeof(svm_machine));
}

static s64 svm_cpu_on(struct hg_cpu *cpu, u64 pfn)
{
	u64 efer = svm_rdmsr(MSR_EFER);
	u64 cr4;

	/* A nested walk has as many levels as the host's paging (15.25.5); ours has four. */
	__asm__ volatile("mov %%cr4, %0" : "=r" (cr4));
	if (cr4 & HG_CR4_LA57)
		return HG_E_UNSUPPORTED;
	if (efer & HG_EFER_SVME)
		return HG_E_BUSY;
	svm_wrmsr(MSR_EFER, efer | HG_EFER_SVME);
	svm_wrmsr(MSR_VM_HSAVE_PA, pfn << HG_PAGE_SHIFT);
	/* A new epoch: the first vCPU here starts by flushing every tag. */
	cpu->asid_epoch++;
	cpu->asid_next = svm_machine.asids;
	return HG_OK;
}

static void svm_cpu_off(struct hg_cpu *cpu)
{
	(void)cpu;
	svm_wrmsr(MSR_VM_HSAVE_PA, 0);
	svm_wrmsr(MSR_EFER, svm_rdmsr(MSR_EFER) & ~HG_EFER_SVME);
}

static u64 svm_vcpu_dump(struct hg_vcpu *vcpu, void *to)
{
	memcpy(to, svm_vmcb(vcpu), sizeof(struct vmcb));
	return sizeof(struct vmcb);
}

/* A nested walk is made as a user access (15.25.5), so every level has U. */
static const struct hg_npt_format svm_npt = {
	.present = HG_BIT(0),
	.table = HG_BIT(0) | HG_BIT(1) | HG_BIT(2),
	.leaf = HG_BIT(0) | HG_BIT(2),
	.large = HG_BIT(7),
	.write = HG_BIT(1),
	.noexec = HG_BIT(63),
	.accessed = HG_BIT(5),
	.dirty = HG_BIT(6),
};

const struct hg_backend hg_svm = {
	.name = "svm",
	.npt = &svm_npt,
	.npt_levels_max = 3,
	.fields = svm_fields,
	.field_count = &svm_field_count,
	.probe = svm_probe,
	.start = svm_start,
	.stop = svm_stop,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.vcpu_init = svm_vcpu_init,
	.vcpu_put = svm_vcpu_put,
	.vcpu_get = svm_vcpu_get,
	.vcpu_load = svm_vcpu_load,
	.vcpu_enter = svm_vcpu_enter,
	.vcpu_unload = svm_vcpu_unload,
	.vcpu_code = svm_vcpu_code,
	.vcpu_skip = svm_vcpu_skip,
	.vcpu_debug = svm_vcpu_debug,
	.vcpu_set_cr4 = svm_vcpu_set_cr4,
	.vcpu_set_cr0 = svm_vcpu_set_cr0,
	.vcpu_set_cr2 = svm_vcpu_set_cr2,
	.vcpu_set_cr3 = svm_vcpu_set_cr3,
	.vcpu_set_efer = svm_vcpu_set_efer,
	.vcpu_get_pat = svm_vcpu_get_pat,
	.vcpu_set_pat = svm_vcpu_set_pat,
	.vcpu_set_tsc = svm_vcpu_set_tsc,
	.vcpu_startup = svm_vcpu_startup,
	.vcpu_segment = svm_vcpu_segment,
	.vcpu_dump = svm_vcpu_dump,
};
