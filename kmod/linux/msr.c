// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: what RDMSR and WRMSR of a guest mean, and the
 * ioctls by which a VMM saves and restores them. An allow-list: what is not
 * named here is #GP for the guest and not counted for the VMM.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>
#include <asm/tsc.h>

#include "irqchip.h"
#include "kvmclock.h"
#include "mtrr.h"
#include "state.h"
#include "vcpu.h"

#define MCE_BANKS	32
#define MCG_CTL_P	BIT_ULL(8)
#define MCG_SER_P	BIT_ULL(24)
#define MCE_CAP		(MCG_CTL_P | MCG_SER_P)
#define MC_REGS		(4 * MCE_BANKS)

#define MAX_MSRS	256	/* of one ioctl */

#define EFER_WRITABLE	(HG_EFER_SCE | HG_EFER_LME | HG_EFER_NXE | HG_EFER_FFXSR | HG_EFER_TCE)

/* ---- kinds of MSR ---- */

/* Those of the control page. @canonical: must hold an address. */
struct page_msr {
	u32 index;
	u32 group;
	u16 offset;
	bool canonical;
};
#define PAGE_MSR(msr, group, field, canonical)					\
	{ msr, group, offsetof(struct hg_vcpu_page, field), canonical }
static const struct page_msr page_msrs[] = {
	PAGE_MSR(MSR_STAR, HG_STATE_MSRS, star, false),
	PAGE_MSR(MSR_LSTAR, HG_STATE_MSRS, lstar, true),
	PAGE_MSR(MSR_CSTAR, HG_STATE_MSRS, cstar, true),
	PAGE_MSR(MSR_SYSCALL_MASK, HG_STATE_MSRS, sfmask, false),
	PAGE_MSR(MSR_KERNEL_GS_BASE, HG_STATE_MSRS, kernel_gs_base, true),
	PAGE_MSR(MSR_IA32_SYSENTER_CS, HG_STATE_MSRS, sysenter_cs, false),
	PAGE_MSR(MSR_IA32_SYSENTER_ESP, HG_STATE_MSRS, sysenter_esp, true),
	PAGE_MSR(MSR_IA32_SYSENTER_EIP, HG_STATE_MSRS, sysenter_eip, true),
	PAGE_MSR(MSR_FS_BASE, HG_STATE_SEGMENTS, seg[HG_SEG_FS].base, true),
	PAGE_MSR(MSR_GS_BASE, HG_STATE_SEGMENTS, seg[HG_SEG_GS].base, true),
	PAGE_MSR(MSR_TSC_AUX, HG_STATE_TIME, tsc_aux, false),
};

/* Those we only remember. @mask: bits that may be written. */
struct kept_msr {
	u32 index;
	u16 offset;
	u64 mask;
};
#define KEPT_MSR(msr, field, mask) { msr, offsetof(struct hgl_vcpu, field), mask }
static const struct kept_msr kept_msrs[] = {
	KEPT_MSR(MSR_IA32_MISC_ENABLE, misc_enable, ~0ULL),
	KEPT_MSR(MSR_IA32_SMBASE, smbase, ~0ULL),
	KEPT_MSR(MSR_IA32_UCODE_REV, msr_patch, ~0ULL),
	KEPT_MSR(MSR_K7_HWCR, msr_hwcr, BIT_ULL(18) | BIT_ULL(24) | 0x48),
	KEPT_MSR(MSR_PLATFORM_INFO, msr_platform_info, ~0ULL),
	KEPT_MSR(MSR_IA32_MCG_STATUS, mcg_status, ~0ULL),
};

/*
 * Read as a constant, written without effect: what kernels touch at boot on
 * CPUs of this vendor and expect to be there.
 */
static const struct { u32 index; u64 value; } constant_msrs[] = {
	{ MSR_AMD64_SYSCFG, 0 },
	{ MSR_AMD64_NB_CFG, 0 },
	{ MSR_AMD64_PATCH_LOADER, 0 },
	{ MSR_AMD64_DE_CFG, BIT_ULL(1) },	/* LFENCE serializes */
	{ MSR_AMD64_BU_CFG2, 0 },
	{ MSR_AMD64_IBSCTL, 0 },
	{ MSR_AMD64_TSC_RATIO, 0x100000000ULL },
	{ MSR_K8_TSEG_ADDR, 0 },
	{ MSR_K8_TSEG_MASK, 0 },
	{ MSR_VM_HSAVE_PA, 0 },
	{ MSR_FAM10H_MMIO_CONF_BASE, 0 },
	{ MSR_F15H_EX_CFG, 0 },
	{ MSR_IA32_DEBUGCTLMSR, 0 },
	{ MSR_IA32_LASTBRANCHFROMIP, 0 },
	{ MSR_IA32_LASTBRANCHTOIP, 0 },
	{ MSR_IA32_LASTINTFROMIP, 0 },
	{ MSR_IA32_LASTINTTOIP, 0 },
	{ MSR_IA32_PLATFORM_ID, 0 },		/* firmware reads it where the vendor is Intel */
	{ MSR_IA32_P5_MC_ADDR, 0 },
	{ MSR_IA32_P5_MC_TYPE, 0 },
	{ MSR_IA32_EBL_CR_POWERON, 0 },
	{ MSR_K7_CLK_CTL, 0x20000000 },
	{ MSR_IA32_PERF_CTL, 0 },
	{ MSR_PPERF, 0 },
};

static const struct page_msr *find_page_msr(u32 index)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(page_msrs); i++)
		if (page_msrs[i].index == index)
			return &page_msrs[i];
	return NULL;
}

static const struct kept_msr *find_kept_msr(u32 index)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(kept_msrs); i++)
		if (kept_msrs[i].index == index)
			return &kept_msrs[i];
	return NULL;
}

static bool find_constant(u32 index, u64 *value)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(constant_msrs); i++)
		if (constant_msrs[i].index == index) {
			*value = constant_msrs[i].value;
			return true;
		}
	return false;
}

static u64 *field_of(void *object, u16 offset)
{
	return object + offset;
}

/* Sign-extended from 48 bits, or 57 under LA57. */
static bool canonical(struct hgl_vcpu *vcpu, u64 address)
{
	u32 width = 48;

	hgl_state_need(vcpu, HG_STATE_CONTROL);
	if (vcpu->page->cr4 & HG_CR4_LA57)
		width = 57;
	return (u64)((s64)(address << (64 - width)) >> (64 - width)) == address;
}

/* ---- time ---- */

static u64 guest_tsc(struct hgl_vcpu *vcpu)
{
	hgl_state_need(vcpu, HG_STATE_TIME);
	return rdtsc() + vcpu->page->tsc_offset;
}

static void move_tsc(struct hgl_vcpu *vcpu, u64 by)
{
	hgl_state_need(vcpu, HG_STATE_TIME);
	vcpu->page->tsc_offset += by;
	hgl_state_dirty(vcpu, HG_STATE_TIME);
	hgl_irq_tsc_moved(vcpu);
	if (vcpu->kvmclock_msr & 1)
		hgl_vcpu_request(vcpu, HGL_REQ_CLOCK);
}

/* The host slept and its counter began anew: the guest's goes on where it was. */
void hgl_msr_tsc_lost(struct hgl_vcpu *vcpu, u64 lost)
{
	struct hgl_vm *vm = vcpu->vm;

	mutex_lock(&vm->tsc_lock);
	vm->clock_line = false;
	vm->tsc_written = false;
	mutex_unlock(&vm->tsc_lock);
	move_tsc(vcpu, lost - vcpu->tsc_lost);
	vcpu->tsc_lost = lost;
}

static bool same_instant(const struct hgl_vm *vm, u64 value, u64 now)
{
	u64 second = tsc_khz * 1000ULL;

	return now - vm->tsc_at < second && value - vm->tsc_value + second < 2 * second;
}

/*
 * A VMM writes the same to every vCPU when it resets or restores them, a moment
 * apart, and means one instant: they share one offset, as they would share one
 * crystal. Zero always means "with the others", as on KVM.
 */
static void host_set_tsc(struct hgl_vcpu *vcpu, u64 value)
{
	struct hgl_vm *vm = vcpu->vm;
	u64 now, offset;

	mutex_lock(&vm->tsc_lock);
	now = rdtsc();
	offset = value - now;
	if (vm->tsc_written && (!value || same_instant(vm, value, now)))
		offset = vm->tsc_offset;
	vm->tsc_written = true;
	vm->tsc_value = value;
	vm->tsc_at = now;
	vm->tsc_offset = offset;
	mutex_unlock(&vm->tsc_lock);
	hgl_state_need(vcpu, HG_STATE_TIME);
	move_tsc(vcpu, offset - vcpu->page->tsc_offset);
}

/* A guest's write moves TSC_ADJUST with it (SDM vol. 3, 17.17.3). */
static void guest_set_tsc(struct hgl_vcpu *vcpu, u64 value)
{
	u64 by = value - guest_tsc(vcpu);

	vcpu->tsc_adjust += by;
	move_tsc(vcpu, by);
}

/* ---- control ---- */

static int write_efer(struct hgl_vcpu *vcpu, u64 value, bool host)
{
	struct hg_vcpu_page *page = vcpu->page;

	hgl_state_need(vcpu, HG_STATE_CONTROL);
	if (value & ~(EFER_WRITABLE | HG_EFER_LMA))
		return 1;
	if (!host && (page->cr0 & HG_CR0_PG) && ((page->efer ^ value) & HG_EFER_LME))
		return 1;
	if (!host)	/* LMA follows CR0.PG; a write cannot change it */
		value = (value & ~HG_EFER_LMA) | (page->efer & HG_EFER_LMA);
	page->efer = value;
	hgl_state_dirty(vcpu, HG_STATE_CONTROL);
	return 0;
}

static int write_pat(struct hgl_vcpu *vcpu, u64 value)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = (value >> i) & 0xff;

		if (type == 2 || type == 3 || type > 7)
			return 1;
	}
	hgl_state_need(vcpu, HG_STATE_MSRS);
	vcpu->page->pat = value;
	hgl_state_dirty(vcpu, HG_STATE_MSRS);
	return 0;
}

static int write_page_msr(struct hgl_vcpu *vcpu, const struct page_msr *msr, u64 value)
{
	if (msr->canonical && !canonical(vcpu, value))
		return 1;
	if (msr->index == MSR_TSC_AUX && value >> 32)
		return 1;
	hgl_state_need(vcpu, msr->group);
	*field_of(vcpu->page, msr->offset) = value;
	hgl_state_dirty(vcpu, msr->group);
	return 0;
}

/* ---- machine checks ---- */

static bool mce_bank(const struct hgl_vcpu *vcpu, u32 index)
{
	return index >= MSR_IA32_MC0_CTL &&
	       index - MSR_IA32_MC0_CTL < 4 * (vcpu->mcg_cap & 0xff);
}

/* A guest may only clear status and all-set or clear a control. */
static int write_mce_bank(struct hgl_vcpu *vcpu, u32 index, u64 value, bool host)
{
	u32 offset = index - MSR_IA32_MC0_CTL;

	if (!host && (offset & 3) == 0 && value && (value | 1ULL << 10) != ~0ULL)
		return 1;
	if (!host && (offset & 3) == 1 && value)
		return 1;
	vcpu->mce_banks[offset] = value;
	return 0;
}

/* ---- read and write ---- */

int hgl_msr_read(struct hgl_vcpu *vcpu, u32 index, u64 *value, bool host)
{
	const struct page_msr *in_page = find_page_msr(index);
	const struct kept_msr *kept;

	if (in_page) {
		hgl_state_need(vcpu, in_page->group);
		*value = *field_of(vcpu->page, in_page->offset);
		return 0;
	}
	if (host && !vcpu->lapic && index == MSR_IA32_TSC_DEADLINE) {
		*value = 0;	/* listed for every vCPU; without a local APIC it holds nothing */
		return 0;
	}
	if (hgl_irq_owns_msr(index))
		return hgl_irq_msr_read(vcpu, index, value, host);
	if (hgl_mtrr_owns(index))
		return hgl_mtrr_read(vcpu, index, value);
	if (mce_bank(vcpu, index)) {
		*value = vcpu->mce_banks[index - MSR_IA32_MC0_CTL];
		return 0;
	}
	switch (index) {
	case MSR_IA32_TSC:
		*value = guest_tsc(vcpu);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*value = vcpu->tsc_adjust;
		return 0;
	case MSR_EFER:
		hgl_state_need(vcpu, HG_STATE_CONTROL);
		*value = vcpu->page->efer;
		return 0;
	case MSR_IA32_CR_PAT:
		hgl_state_need(vcpu, HG_STATE_MSRS);
		*value = vcpu->page->pat;
		return 0;
	case MSR_IA32_MCG_CAP:
		*value = vcpu->mcg_cap;
		return 0;
	case MSR_IA32_MCG_CTL:
		*value = vcpu->mcg_ctl;
		return !host && !(vcpu->mcg_cap & MCG_CTL_P);
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		*value = vcpu->kvmclock_msr;
		return 0;
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*value = vcpu->wallclock_msr;
		return 0;
	}
	kept = find_kept_msr(index);
	if (kept) {
		*value = *field_of(vcpu, kept->offset);
		return 0;
	}
	return !find_constant(index, value);
}

int hgl_msr_write(struct hgl_vcpu *vcpu, u32 index, u64 value, bool host)
{
	const struct page_msr *in_page = find_page_msr(index);
	const struct kept_msr *kept;
	u64 constant;

	if (in_page)
		return write_page_msr(vcpu, in_page, value);
	if (host && !vcpu->lapic && index == MSR_IA32_TSC_DEADLINE)
		return 0;
	if (hgl_irq_owns_msr(index))
		return hgl_irq_msr_write(vcpu, index, value, host);
	if (hgl_mtrr_owns(index))
		return hgl_mtrr_write(vcpu, index, value);
	if (mce_bank(vcpu, index))
		return write_mce_bank(vcpu, index, value, host);
	switch (index) {
	case MSR_IA32_TSC:
		if (host)
			host_set_tsc(vcpu, value);
		else
			guest_set_tsc(vcpu, value);
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!host)	/* a restored TSC has it in already */
			move_tsc(vcpu, value - vcpu->tsc_adjust);
		vcpu->tsc_adjust = value;
		return 0;
	case MSR_EFER:
		return write_efer(vcpu, value, host);
	case MSR_IA32_CR_PAT:
		return write_pat(vcpu, value);
	case MSR_IA32_MCG_CTL:
		if ((!host && !(vcpu->mcg_cap & MCG_CTL_P)) || (value && value != ~0ULL))
			return 1;
		vcpu->mcg_ctl = value;
		return 0;
	case MSR_KVM_SYSTEM_TIME:
	case MSR_KVM_SYSTEM_TIME_NEW:
		return hgl_kvmclock_set(vcpu, value);
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		return hgl_kvmclock_wall(vcpu, value);
	}
	kept = find_kept_msr(index);
	if (kept) {
		if (!host && (value & ~kept->mask))
			return 1;
		*field_of(vcpu, kept->offset) = value;
		return 0;
	}
	return !find_constant(index, &constant);
}

/* ---- life ---- */

void hgl_msr_reset(struct hgl_vcpu *vcpu)
{
	memset(vcpu->mtrr_fixed, 0, sizeof(vcpu->mtrr_fixed));
	memset(vcpu->mtrr_var, 0, sizeof(vcpu->mtrr_var));
	vcpu->misc_enable = MSR_IA32_MISC_ENABLE_FAST_STRING;
	vcpu->smbase = 0x30000;
	vcpu->msr_patch = 0x01000065;
	vcpu->mtrr_def_type = 0;
}

int hgl_msr_init(struct hgl_vcpu *vcpu)
{
	vcpu->mce_banks = kcalloc(MC_REGS, sizeof(u64), GFP_KERNEL_ACCOUNT);
	if (!vcpu->mce_banks)
		return -ENOMEM;
	vcpu->tsc_lost = READ_ONCE(hgl_tsc_lost);
	hgl_msr_reset(vcpu);
	return 0;
}

void hgl_msr_destroy(struct hgl_vcpu *vcpu)
{
	kfree(vcpu->mce_banks);
}

/* ---- ioctls ---- */

/* KVM_X86_SETUP_MCE: -EINVAL for banks or capabilities that are not offered. */
static int setup_mce(struct hgl_vcpu *vcpu, const u64 __user *user)
{
	u64 cap;
	u32 i;

	if (copy_from_user(&cap, user, sizeof(cap)))
		return -EFAULT;
	if (!(cap & 0xff) || (cap & 0xff) > MCE_BANKS || (cap & ~(MCE_CAP | 0xff | 0xff0000)))
		return -EINVAL;
	vcpu->mcg_cap = cap;
	if (cap & MCG_CTL_P)
		vcpu->mcg_ctl = ~0ULL;
	for (i = 0; i < (cap & 0xff); i++)
		vcpu->mce_banks[4 * i] = ~0ULL;
	return 0;
}

typedef int (*msr_fn)(struct hgl_vcpu *vcpu, struct kvm_msr_entry *entry);

static int get_one(struct hgl_vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return hgl_msr_read(vcpu, entry->index, &entry->data, true);
}

static int set_one(struct hgl_vcpu *vcpu, struct kvm_msr_entry *entry)
{
	return hgl_msr_write(vcpu, entry->index, entry->data, true);
}

/* How many were done before the first that could not be; -EFAULT, -E2BIG, -ENOMEM. */
static long each_msr(struct hgl_vcpu *vcpu, struct kvm_msrs __user *user, msr_fn fn, bool back)
{
	struct kvm_msr_entry *entry;
	struct kvm_msrs head;
	size_t size;
	long done;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nmsrs >= MAX_MSRS)
		return -E2BIG;
	if (!head.nmsrs)
		return 0;
	size = head.nmsrs * sizeof(*entry);
	entry = memdup_user(user->entries, size);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	for (done = 0; done < head.nmsrs; done++)
		if (fn(vcpu, &entry[done]))
			break;
	if (back && copy_to_user(user->entries, entry, size))
		done = -EFAULT;
	kfree(entry);
	return done;
}

long hgl_msr_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_MSRS:
		return each_msr(vcpu, user, get_one, true);
	case KVM_SET_MSRS:
		return each_msr(vcpu, user, set_one, false);
	case KVM_X86_SETUP_MCE:
		return setup_mce(vcpu, user);
	}
	return -ENOTTY;
}

/* What a VMM must save to move a guest; MTRRs and banks it knows by itself. */
static const u32 saved_msrs[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP, MSR_STAR,
	MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_SYSCALL_MASK, MSR_LSTAR, MSR_IA32_TSC,
	MSR_IA32_CR_PAT, MSR_TSC_AUX, MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE,
	MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL, MSR_IA32_SMBASE,
	MSR_IA32_UCODE_REV, MSR_K7_HWCR,
	MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME_NEW,
	MSR_KVM_WALL_CLOCK_NEW,
};

/* Features the VMM may ask the device itself for. */
static const u32 feature_msrs[] = { MSR_AMD64_DE_CFG, MSR_IA32_UCODE_REV };

static long list(struct kvm_msr_list __user *user, const u32 *indices, u32 count)
{
	struct kvm_msr_list head;
	bool fits;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	fits = head.nmsrs >= count;
	head.nmsrs = count;
	if (copy_to_user(user, &head, sizeof(head)))
		return -EFAULT;
	if (!fits)
		return -E2BIG;
	return copy_to_user(user->indices, indices, count * sizeof(u32)) ? -EFAULT : 0;
}

static int get_feature(struct hgl_vcpu *unused, struct kvm_msr_entry *entry)
{
	switch (entry->index) {
	case MSR_AMD64_DE_CFG:
		return !find_constant(entry->index, &entry->data);
	case MSR_IA32_UCODE_REV:
		entry->data = 0x01000065;
		return 0;
	}
	return 1;
}

long hgl_msr_system_ioctl(unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	u64 cap = MCE_CAP | MCE_BANKS;

	switch (cmd) {
	case KVM_GET_MSR_INDEX_LIST:
		return list(user, saved_msrs, ARRAY_SIZE(saved_msrs));
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return list(user, feature_msrs, ARRAY_SIZE(feature_msrs));
	case KVM_GET_MSRS:
		return each_msr(NULL, user, get_feature, true);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return copy_to_user(user, &cap, sizeof(cap)) ? -EFAULT : 0;
	}
	return -ENOTTY;
}
