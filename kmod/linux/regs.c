// SPDX-License-Identifier: GPL-2.0-only
/*
 * Register ioctls: general, segment, control, FPU and debug registers.
 *
 * What is refused has changed nothing.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

#include "irqchip.h"
#include "state.h"
#include "vcpu.h"
#include "nest.h"

#define CR4_GUEST	(0x7fffULL | HG_MASK(18, 16) | HG_MASK(22, 20))
#define EFER_GUEST	(HG_EFER_SCE | HG_EFER_LME | HG_EFER_LMA | HG_EFER_NXE | \
			 HG_EFER_FFXSR | HG_EFER_TCE)

/* ---- general registers ---- */

static void get_regs(struct hgl_vcpu *vcpu, struct kvm_regs *regs)
{
	const struct hg_vcpu_page *page = vcpu->page;

	hgl_state_need(vcpu, HG_STATE_REGS);
	regs->rax = page->gpr[HG_RAX];
	regs->rbx = page->gpr[HG_RBX];
	regs->rcx = page->gpr[HG_RCX];
	regs->rdx = page->gpr[HG_RDX];
	regs->rsi = page->gpr[HG_RSI];
	regs->rdi = page->gpr[HG_RDI];
	regs->rsp = page->gpr[HG_RSP];
	regs->rbp = page->gpr[HG_RBP];
	regs->r8 = page->gpr[HG_R8];
	regs->r9 = page->gpr[HG_R9];
	regs->r10 = page->gpr[HG_R10];
	regs->r11 = page->gpr[HG_R11];
	regs->r12 = page->gpr[HG_R12];
	regs->r13 = page->gpr[HG_R13];
	regs->r14 = page->gpr[HG_R14];
	regs->r15 = page->gpr[HG_R15];
	regs->rip = page->rip;
	regs->rflags = page->rflags;
}

static void set_regs(struct hgl_vcpu *vcpu, const struct kvm_regs *regs)
{
	struct hg_vcpu_page *page = vcpu->page;

	hgl_state_need(vcpu, HG_STATE_REGS);
	page->gpr[HG_RAX] = regs->rax;
	page->gpr[HG_RBX] = regs->rbx;
	page->gpr[HG_RCX] = regs->rcx;
	page->gpr[HG_RDX] = regs->rdx;
	page->gpr[HG_RSI] = regs->rsi;
	page->gpr[HG_RDI] = regs->rdi;
	page->gpr[HG_RSP] = regs->rsp;
	page->gpr[HG_RBP] = regs->rbp;
	page->gpr[HG_R8] = regs->r8;
	page->gpr[HG_R9] = regs->r9;
	page->gpr[HG_R10] = regs->r10;
	page->gpr[HG_R11] = regs->r11;
	page->gpr[HG_R12] = regs->r12;
	page->gpr[HG_R13] = regs->r13;
	page->gpr[HG_R14] = regs->r14;
	page->gpr[HG_R15] = regs->r15;
	page->rip = regs->rip;
	page->rflags = regs->rflags | HG_RFLAGS_FIXED;
	vcpu->exception = 0;
	hgl_state_dirty(vcpu, HG_STATE_REGS);
}

/* ---- segments and control registers ---- */

static void get_segment(const struct hg_segment *from, struct kvm_segment *to)
{
	memset(to, 0, sizeof(*to));
	to->base = from->base;
	to->limit = from->limit;
	to->selector = from->selector;
	to->type = HG_SEG_TYPE(from->attr);
	to->s = !!(from->attr & HG_SEG_S);
	to->dpl = HG_SEG_DPL(from->attr);
	to->present = !!(from->attr & HG_SEG_P);
	to->avl = !!(from->attr & HG_SEG_AVL);
	to->l = !!(from->attr & HG_SEG_L);
	to->db = !!(from->attr & HG_SEG_DB);
	to->g = !!(from->attr & HG_SEG_G);
	to->unusable = !to->present;
}

static struct hg_segment set_segment(const struct kvm_segment *from)
{
	struct hg_segment to = {
		.base = from->base, .limit = from->limit, .selector = from->selector,
	};

	to.attr = (u16)((from->type & 15) | (from->s & 1) << 4 | (from->dpl & 3) << 5 |
			(from->present && !from->unusable) << 7 | (from->avl & 1) << 8 |
			(from->l & 1) << 9 | (from->db & 1) << 10 | (from->g & 1) << 11);
	return to;
}

static void get_table(const struct hg_segment *from, struct kvm_dtable *to)
{
	memset(to, 0, sizeof(*to));
	to->base = from->base;
	to->limit = (u16)from->limit;
}

static struct hg_segment set_table(const struct kvm_dtable *from)
{
	return (struct hg_segment){ .base = from->base, .limit = from->limit };
}

static u64 get_cr8(struct hgl_vcpu *vcpu)
{
	return vcpu->lapic ? hgl_irq_get_cr8(vcpu) : vcpu->page->cr8;
}

static void get_sregs(struct hgl_vcpu *vcpu, struct kvm_sregs *sregs)
{
	const struct hg_vcpu_page *page = vcpu->page;

	memset(sregs, 0, sizeof(*sregs));
	hgl_state_need(vcpu, HG_STATE_CONTROL | HG_STATE_SEGMENTS);
	get_segment(&page->seg[HG_SEG_CS], &sregs->cs);
	get_segment(&page->seg[HG_SEG_DS], &sregs->ds);
	get_segment(&page->seg[HG_SEG_ES], &sregs->es);
	get_segment(&page->seg[HG_SEG_FS], &sregs->fs);
	get_segment(&page->seg[HG_SEG_GS], &sregs->gs);
	get_segment(&page->seg[HG_SEG_SS], &sregs->ss);
	get_segment(&page->seg[HG_SEG_TR], &sregs->tr);
	get_segment(&page->seg[HG_SEG_LDTR], &sregs->ldt);
	get_table(&page->seg[HG_SEG_GDTR], &sregs->gdt);
	get_table(&page->seg[HG_SEG_IDTR], &sregs->idt);
	/* The VMCB keeps the CPL apart from SS; user space sees it in SS.DPL. */
	sregs->ss.dpl = page->cpl & 3;
	sregs->cr0 = page->cr0;
	sregs->cr2 = page->cr2;
	sregs->cr3 = page->cr3;
	sregs->cr4 = page->cr4;
	sregs->efer = page->efer;
	sregs->cr8 = get_cr8(vcpu);
	sregs->apic_base = vcpu->apic_base;
	if (vcpu->interrupt && HG_EVENT_TYPE(vcpu->interrupt) == HG_EVENT_IRQ)
		__set_bit(HG_EVENT_VECTOR(vcpu->interrupt),
			  (unsigned long *)sregs->interrupt_bitmap);
}

/* Combinations VMRUN would refuse anyway (APM vol. 2, 15.5.1), named early. */
static bool sregs_valid(struct hgl_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	u8 width = vcpu->maxphyaddr ?: 52;

	if (sregs->cr0 >> 32 || sregs->cr4 & ~CR4_GUEST || sregs->cr8 > 15)
		return false;
	if ((sregs->cr0 & HG_CR0_PG) && !(sregs->cr0 & HG_CR0_PE))
		return false;
	if ((sregs->cr0 & HG_CR0_NW) && !(sregs->cr0 & HG_CR0_CD))
		return false;
	if (sregs->efer & ~EFER_GUEST)
		return false;
	if ((sregs->efer & HG_EFER_LME) && (sregs->cr0 & HG_CR0_PG)) {
		if (!(sregs->cr4 & HG_CR4_PAE) || !(sregs->efer & HG_EFER_LMA))
			return false;
		if (sregs->cr3 & ~HG_MASK(width - 1, 0))
			return false;
	} else if ((sregs->efer & HG_EFER_LMA) || sregs->cs.l) {
		return false;
	}
	return true;
}

static void put_segments(struct hg_vcpu_page *page, const struct kvm_sregs *sregs)
{
	page->seg[HG_SEG_CS] = set_segment(&sregs->cs);
	page->seg[HG_SEG_DS] = set_segment(&sregs->ds);
	page->seg[HG_SEG_ES] = set_segment(&sregs->es);
	page->seg[HG_SEG_FS] = set_segment(&sregs->fs);
	page->seg[HG_SEG_GS] = set_segment(&sregs->gs);
	page->seg[HG_SEG_SS] = set_segment(&sregs->ss);
	page->seg[HG_SEG_TR] = set_segment(&sregs->tr);
	page->seg[HG_SEG_LDTR] = set_segment(&sregs->ldt);
	page->seg[HG_SEG_GDTR] = set_table(&sregs->gdt);
	page->seg[HG_SEG_IDTR] = set_table(&sregs->idt);
	page->cpl = sregs->ss.dpl & 3;
}

static int set_sregs(struct hgl_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	struct hg_vcpu_page *page = vcpu->page;
	unsigned long vector;
	int ret;

	if (!sregs_valid(vcpu, sregs))
		return -EINVAL;
	ret = hgl_irq_set_base(vcpu, sregs->apic_base);
	if (ret)
		return ret;
	hgl_state_need(vcpu, HG_STATE_CONTROL | HG_STATE_SEGMENTS);
	put_segments(page, sregs);
	page->cr0 = sregs->cr0;
	page->cr2 = sregs->cr2;
	page->cr3 = sregs->cr3;
	page->cr4 = sregs->cr4;
	page->efer = sregs->efer;
	hgl_state_dirty(vcpu, HG_STATE_CONTROL | HG_STATE_SEGMENTS);
	if (vcpu->lapic)
		hgl_irq_set_cr8(vcpu, sregs->cr8);
	else
		page->cr8 = (u32)sregs->cr8;

	vector = find_first_bit((const unsigned long *)sregs->interrupt_bitmap, 256);
	if (vector < 256) {
		vcpu->interrupt = HG_EVENT(HG_EVENT_IRQ, vector);
		vcpu->event_length = 0;
	}
	/* A reset: what the guest has started itself ends with it. */
	if (vcpu->id == vcpu->vm->boot_cpu_id && !(sregs->cr0 & HG_CR0_PG))
		hgl_nest_reset(vcpu->vm);
	/* The boot processor may be woken by SREGS alone, as on KVM. */
	if (vcpu->id == vcpu->vm->boot_cpu_id && sregs->cs.selector == 0xf000 &&
	    !(sregs->cr0 & HG_CR0_PE) && vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED)
		WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
	return 0;
}

/* ---- FPU ---- */

/* The legacy area of an XSAVE image (FXSAVE64). */
struct fxsave {
	u16 fcw, fsw;
	u8 ftw, reserved;
	u16 fop;
	u64 rip, rdp;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16];
	u8 xmm[16][16];
	u8 unused[96];
};
static_assert(sizeof(struct fxsave) == 512);

#define XSAVE_HEADER	512
#define XSAVE_SIZE	sizeof(struct kvm_xsave)

/* The guest's registers in the layout of XSAVE: what its CPUID admits, and always x87 and SSE. */
static void save_fpu(struct hgl_vcpu *vcpu, void *to, unsigned int size)
{
	fpu_copy_guest_fpstate_to_uabi(&vcpu->fpu, to, size,
				       vcpu->guest_xcr0 | XFEATURE_MASK_FPSSE, vcpu->guest_pkru);
}

static int get_fpu(struct hgl_vcpu *vcpu, void __user *user)
{
	struct kvm_fpu fpu = {};
	struct fxsave *fx;
	u8 *area = kzalloc(XSAVE_SIZE, GFP_KERNEL_ACCOUNT);

	if (!area)
		return -ENOMEM;
	save_fpu(vcpu, area, XSAVE_SIZE);
	fx = (struct fxsave *)area;
	memcpy(fpu.fpr, fx->st, sizeof(fpu.fpr));
	memcpy(fpu.xmm, fx->xmm, sizeof(fpu.xmm));
	fpu.fcw = fx->fcw;
	fpu.fsw = fx->fsw;
	fpu.ftwx = fx->ftw;
	fpu.last_opcode = fx->fop;
	fpu.last_ip = fx->rip;
	fpu.last_dp = fx->rdp;
	fpu.mxcsr = fx->mxcsr;
	kfree_sensitive(area);
	return copy_to_user(user, &fpu, sizeof(fpu)) ? -EFAULT : 0;
}

/* The image goes back whole, so that x87 and SSE alone change. */
static int set_fpu(struct hgl_vcpu *vcpu, const void __user *user)
{
	struct kvm_fpu fpu;
	struct fxsave *fx;
	u8 *area;
	int ret;

	if (copy_from_user(&fpu, user, sizeof(fpu)))
		return -EFAULT;
	area = kzalloc(XSAVE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!area)
		return -ENOMEM;
	save_fpu(vcpu, area, XSAVE_SIZE);
	fx = (struct fxsave *)area;
	memcpy(fx->st, fpu.fpr, sizeof(fx->st));
	memcpy(fx->xmm, fpu.xmm, sizeof(fx->xmm));
	fx->fcw = fpu.fcw;
	fx->fsw = fpu.fsw;
	fx->ftw = fpu.ftwx;
	fx->fop = fpu.last_opcode;
	fx->rip = fpu.last_ip;
	fx->rdp = fpu.last_dp;
	fx->mxcsr = fpu.mxcsr;
	*(u64 *)(area + XSAVE_HEADER) |= 3;
	ret = fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, area, vcpu->guest_xcr0,
					     &vcpu->guest_pkru);
	kfree_sensitive(area);
	return ret;
}

static int get_xsave(struct hgl_vcpu *vcpu, void __user *user)
{
	struct kvm_xsave *xsave = kzalloc(sizeof(*xsave), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!xsave)
		return -ENOMEM;
	save_fpu(vcpu, xsave, sizeof(*xsave));
	ret = copy_to_user(user, xsave, sizeof(*xsave)) ? -EFAULT : 0;
	kfree_sensitive(xsave);
	return ret;
}

/* -EINVAL: components the guest cannot have, a bad header or MXCSR. */
static int set_xsave(struct hgl_vcpu *vcpu, const void __user *user)
{
	struct kvm_xsave *xsave = memdup_user(user, sizeof(*xsave));
	int ret;

	if (IS_ERR(xsave))
		return PTR_ERR(xsave);
	ret = fpu_copy_uabi_to_guest_fpstate(&vcpu->fpu, xsave, vcpu->guest_xcr0,
					     &vcpu->guest_pkru);
	kfree_sensitive(xsave);
	return ret;
}

static int get_xcrs(struct hgl_vcpu *vcpu, void __user *user)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };

	hgl_state_need(vcpu, HG_STATE_CONTROL);
	xcrs.xcrs[0].value = vcpu->page->xcr0;
	return copy_to_user(user, &xcrs, sizeof(xcrs)) ? -EFAULT : 0;
}

/* The rules of XSETBV (SDM vol. 1, 13.3), which the core checks again. */
static bool xcr0_valid(const struct hgl_vcpu *vcpu, u64 xcr0)
{
	u64 avx512 = HG_MASK(7, 5);

	if (!(xcr0 & 1) || xcr0 & ~vcpu->guest_xcr0)
		return false;
	if ((xcr0 & HG_BIT(2)) && !(xcr0 & HG_BIT(1)))
		return false;
	return !(xcr0 & avx512) || ((xcr0 & avx512) == avx512 && (xcr0 & HG_BIT(2)));
}

static int set_xcrs(struct hgl_vcpu *vcpu, const void __user *user)
{
	u64 xcr0 = 0;
	struct kvm_xcrs xcrs;
	u32 i;

	if (copy_from_user(&xcrs, user, sizeof(xcrs)))
		return -EFAULT;
	if (xcrs.nr_xcrs > KVM_MAX_XCRS || xcrs.flags)
		return -EINVAL;
	for (i = 0; i < xcrs.nr_xcrs; i++)
		if (!xcrs.xcrs[i].xcr)
			xcr0 = xcrs.xcrs[i].value;
	if (!xcr0)
		return 0;	/* XCR0 is not among them */
	if (!xcr0_valid(vcpu, xcr0))
		return -EINVAL;
	hgl_state_need(vcpu, HG_STATE_CONTROL);
	vcpu->page->xcr0 = xcr0;
	hgl_state_dirty(vcpu, HG_STATE_CONTROL);
	return 0;
}

/* ---- debug registers ---- */

static int get_debugregs(struct hgl_vcpu *vcpu, void __user *user)
{
	struct kvm_debugregs regs = {};

	hgl_state_need(vcpu, HG_STATE_DEBUG);
	memcpy(regs.db, vcpu->page->dr, sizeof(regs.db));
	regs.dr6 = vcpu->page->dr6;
	regs.dr7 = vcpu->page->dr7;
	return copy_to_user(user, &regs, sizeof(regs)) ? -EFAULT : 0;
}

static int set_debugregs(struct hgl_vcpu *vcpu, const void __user *user)
{
	struct kvm_debugregs regs;

	if (copy_from_user(&regs, user, sizeof(regs)))
		return -EFAULT;
	if (regs.flags || regs.dr6 >> 32 || regs.dr7 >> 32)
		return -EINVAL;
	hgl_state_need(vcpu, HG_STATE_DEBUG);
	memcpy(vcpu->page->dr, regs.db, sizeof(regs.db));
	vcpu->page->dr6 = (regs.dr6 & 0xe00f) | 0xffff0ff0;
	vcpu->page->dr7 = (regs.dr7 & 0xffff23ff) | 0x400;
	hgl_state_dirty(vcpu, HG_STATE_DEBUG);
	return 0;
}

/* ---- dispatch ---- */

static long regs_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, void __user *user)
{
	struct kvm_regs regs;

	if (cmd == KVM_GET_REGS) {
		memset(&regs, 0, sizeof(regs));
		get_regs(vcpu, &regs);
		return copy_to_user(user, &regs, sizeof(regs)) ? -EFAULT : 0;
	}
	if (copy_from_user(&regs, user, sizeof(regs)))
		return -EFAULT;
	set_regs(vcpu, &regs);
	return 0;
}

static long sregs_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, void __user *user)
{
	struct kvm_sregs sregs;

	if (cmd == KVM_GET_SREGS) {
		get_sregs(vcpu, &sregs);
		return copy_to_user(user, &sregs, sizeof(sregs)) ? -EFAULT : 0;
	}
	if (copy_from_user(&sregs, user, sizeof(sregs)))
		return -EFAULT;
	return set_sregs(vcpu, &sregs);
}

/* -EFAULT, -ENOMEM, -EINVAL (a value the CPU cannot have); else see each function. */
long hgl_regs_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_REGS:
	case KVM_SET_REGS:
		return regs_ioctl(vcpu, cmd, user);
	case KVM_GET_SREGS:
	case KVM_SET_SREGS:
		return sregs_ioctl(vcpu, cmd, user);
	case KVM_GET_FPU:
		return get_fpu(vcpu, user);
	case KVM_SET_FPU:
		return set_fpu(vcpu, user);
	case KVM_GET_XSAVE:
		return get_xsave(vcpu, user);
	case KVM_SET_XSAVE:
		return set_xsave(vcpu, user);
	case KVM_GET_XCRS:
		return get_xcrs(vcpu, user);
	case KVM_SET_XCRS:
		return set_xcrs(vcpu, user);
	case KVM_GET_DEBUGREGS:
		return get_debugregs(vcpu, user);
	case KVM_SET_DEBUGREGS:
		return set_debugregs(vcpu, user);
	}
	return -ENOTTY;
}
