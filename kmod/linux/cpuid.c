// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: what a guest may be shown (KVM_GET_SUPPORTED_CPUID) and what it is
 * shown (KVM_SET_CPUID2, handed to the core, which answers the guest).
 *
 * An allow-list: a bit the host has reaches a guest only if it is named here,
 * because something must switch or emulate what it stands for.
 */
#include <linux/kvm_para.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>

#include "irqchip.h"
#include "vcpu.h"

#define B(n)		BIT(n)

/* More than the tables below can ever make. */
#define MAX_SUPPORTED	256

/* Leaf 1 ECX: no MONITOR (3), VMX, SMX, EST, TM2, PDCM, DCA; OSXSAVE is the core's. */
#define ALLOW_1_ECX								\
	(B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | B(19) | B(20) | B(22) |	\
	 B(23) | B(25) | B(26) | B(28) | B(29) | B(30))
/*
 * Always there, whatever the host has: x2APIC, hypervisor. The TSC deadline
 * timer (24) is the VMM's to add when the local APIC is in the kernel
 * (KVM_CAP_TSC_DEADLINE_TIMER).
 */
#define FORCE_1_ECX	(B(21) | B(31))
/* No DS, ACPI, SS, TM, PBE. HTT is user space's to set. */
#define ALLOW_1_EDX								\
	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) |	\
	 B(11) | B(12) | B(13) | B(14) | B(15) | B(16) | B(17) | B(19) | B(23) | \
	 B(24) | B(25) | B(26) | B(28))

/*
 * FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, AVX512*, RDSEED, ADX, SMAP,
 * CLFLUSHOPT, CLWB, SHA
 */
#define ALLOW_7_EBX								\
	(B(0) | B(3) | B(5) | B(7) | B(8) | B(9) | B(10) | B(16) | B(17) |	\
	 B(18) | B(19) | B(20) | B(21) | B(23) | B(24) | B(28) | B(29) | B(30) | B(31))
/* AVX512_VBMI, UMIP, PKU, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ, LA57, RDPID */
#define ALLOW_7_ECX								\
	(B(1) | B(2) | B(3) | B(6) | B(8) | B(9) | B(10) | B(11) | B(12) | B(14) | B(16) | B(22))
/* 4VNNIW, 4FMAPS, FSRM, VP2INTERSECT, AVX512_FP16 */
#define ALLOW_7_EDX	(B(2) | B(3) | B(4) | B(8) | B(23))

/* LAHF, CMP_LEGACY, LZCNT (ABM), SSE4A, MISALIGNSSE, 3DNOWPREFETCH, XOP, FMA4, TBM. No SVM. */
#define ALLOW_81_ECX	(B(0) | B(1) | B(5) | B(6) | B(7) | B(8) | B(11) | B(16) | B(21))
/* SYSCALL, NX, MMXEXT, FXSR_OPT, 1 GiB pages, RDTSCP, LM, 3DNOW, and the copies of leaf 1 */
#define ALLOW_81_EDX								\
	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) |	\
	 B(11) | B(12) | B(13) | B(14) | B(15) | B(16) | B(17) | B(20) | B(22) | \
	 B(23) | B(24) | B(25) | B(26) | B(27) | B(29) | B(30) | B(31))
/* CLZERO, XSAVEERPTR */
#define ALLOW_88_EBX	(B(0) | B(2) | B(9))

/* x87, SSE, AVX, AVX-512, PKRU: what is switched with the FPU, or by run.c. */
#define ALLOW_XCR0	(BIT_ULL(0) | BIT_ULL(1) | BIT_ULL(2) | GENMASK_ULL(7, 5) | BIT_ULL(9))
/* XSAVEOPT, XSAVEC, XGETBV(1). No XSAVES: nothing switches IA32_XSS. */
#define ALLOW_D1_EAX	(B(0) | B(1) | B(2))

/* The stateful flags are of old: KVM takes and ignores them, and QEMU sets them. */
#define KNOWN_FLAGS								\
	(KVM_CPUID_FLAG_SIGNIFCANT_INDEX | KVM_CPUID_FLAG_STATEFUL_FUNC |	\
	 KVM_CPUID_FLAG_STATE_READ_NEXT)

#define KVM_FEATURES								\
	(B(KVM_FEATURE_CLOCKSOURCE) | B(KVM_FEATURE_NOP_IO_DELAY) |		\
	 B(KVM_FEATURE_CLOCKSOURCE2) | B(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT))

/* ---- what is supported ---- */

struct table {
	struct kvm_cpuid_entry2 *entry;
	u32 count, room;
	bool full;		/* more entries than room */
};

static struct kvm_cpuid_entry2 *add(struct table *table, u32 function, u32 index, bool indexed)
{
	struct kvm_cpuid_entry2 *e;

	if (table->count >= table->room) {
		table->full = true;
		return NULL;
	}
	e = &table->entry[table->count++];
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->index = index;
	e->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

static u64 host_xcr0(void)
{
	return boot_cpu_has(X86_FEATURE_XSAVE) ? xgetbv(XCR_XFEATURE_ENABLED_MASK) & ALLOW_XCR0 : 0;
}

static void add_1(struct table *table)
{
	struct kvm_cpuid_entry2 *e = add(table, 1, 0, false);

	if (!e)
		return;
	/* The APIC id and the count of logical CPUs are the VMM's. */
	e->ebx &= 0x0000ffff;
	e->ecx = (e->ecx & ALLOW_1_ECX) | FORCE_1_ECX;
	e->edx &= ALLOW_1_EDX;
}

static void add_7(struct table *table)
{
	struct kvm_cpuid_entry2 *e = add(table, 7, 0, true);

	if (!e)
		return;
	e->eax = 0;
	e->ebx &= ALLOW_7_EBX;
	e->ecx &= ALLOW_7_ECX;
	e->edx &= ALLOW_7_EDX;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		e->ecx &= ~B(3);
}

static void add_d(struct table *table)
{
	struct kvm_cpuid_entry2 *e = add(table, 0xd, 0, true);
	u64 xcr0 = host_xcr0();
	u32 i;

	if (!e)
		return;
	e->eax = (u32)xcr0;
	e->edx = (u32)(xcr0 >> 32);
	e->ebx = e->ecx = 512 + 64;
	for (i = 2; i < 63; i++) {
		u32 size, offset, ecx, edx;

		if (!(xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &size, &offset, &ecx, &edx);
		e->ecx = max(e->ecx, offset + size);
	}
	e->ebx = e->ecx;
	e = add(table, 0xd, 1, true);
	if (!e)
		return;
	e->eax &= ALLOW_D1_EAX;
	e->ebx = e->ecx = e->edx = 0;
	for (i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		e = add(table, 0xd, i, true);
		if (!e)
			return;
		e->ecx &= ~1U;	/* a user component: in XCR0, not in IA32_XSS */
		e->edx = 0;
	}
}

/* Cache parameters are the host's, shared by nobody: topology is the VMM's. */
static void add_caches(struct table *table, u32 function)
{
	struct kvm_cpuid_entry2 *e;
	u32 i;

	for (i = 0; i < 8; i++) {
		e = add(table, function, i, true);
		if (!e)
			return;
		if (!(e->eax & 0x1f))
			return;
	}
}

static void add_zero(struct table *table, u32 function)
{
	struct kvm_cpuid_entry2 *e = add(table, function, 0, false);

	if (e)
		e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void add_basic(struct table *table)
{
	struct kvm_cpuid_entry2 *e = add(table, 0, 0, false);
	u32 top;

	if (!e)
		return;
	e->eax = min_t(u32, e->eax, 0xd);
	top = e->eax;
	if (top >= 1)
		add_1(table);
	if (top >= 2)
		add(table, 2, 0, false);
	if (top >= 4)
		add_caches(table, 4);
	if (top >= 5)
		add_zero(table, 5);	/* MONITOR, MWAIT */
	if (top >= 6) {
		e = add(table, 6, 0, false);
		if (e) {
			e->eax = B(2);	/* the APIC timer never stops */
			e->ebx = e->ecx = e->edx = 0;
		}
	}
	if (top >= 7)
		add_7(table);
	if (top >= 0xa)
		add_zero(table, 0xa);	/* performance counters */
	if (top >= 0xd && boot_cpu_has(X86_FEATURE_XSAVE))
		add_d(table);
}

static void add_kvm(struct table *table)
{
	static const char signature[12] = "KVMKVMKVM";
	struct kvm_cpuid_entry2 *e = add(table, KVM_CPUID_SIGNATURE, 0, false);

	if (!e)
		return;
	e->eax = KVM_CPUID_FEATURES;
	memcpy(&e->ebx, signature, 4);
	memcpy(&e->ecx, signature + 4, 4);
	memcpy(&e->edx, signature + 8, 4);
	e = add(table, KVM_CPUID_FEATURES, 0, false);
	if (!e)
		return;
	e->eax = KVM_FEATURES;
	e->ebx = e->ecx = e->edx = 0;
}

static void add_extended_8(struct table *table)
{
	struct kvm_cpuid_entry2 *e = add(table, 0x80000008, 0, false);

	if (!e)
		return;
	e->eax &= 0xffff;	/* physical and linear width */
	e->ebx &= ALLOW_88_EBX;
	e->ecx = e->edx = 0;
}

static void add_extended(struct table *table)
{
	struct kvm_cpuid_entry2 *e = add(table, 0x80000000, 0, false);
	u32 top, i;

	if (!e)
		return;
	e->eax = clamp_t(u32, e->eax, 0x80000000, 0x80000008);
	top = e->eax;
	if (top >= 0x80000001) {
		e = add(table, 0x80000001, 0, false);
		if (e) {
			e->ecx &= ALLOW_81_ECX;
			e->edx &= ALLOW_81_EDX;
		}
	}
	for (i = 0x80000002; i <= 0x80000006 && i <= top; i++)
		add(table, i, 0, false);
	if (top >= 0x80000007) {
		e = add(table, 0x80000007, 0, false);
		if (e) {
			e->eax = e->ebx = e->ecx = 0;
			e->edx &= B(8);	/* invariant TSC */
		}
	}
	if (top >= 0x80000008)
		add_extended_8(table);
}

/* KVM_GET_SUPPORTED_CPUID: -E2BIG when @nent is too small. */
static int get_supported(struct kvm_cpuid2 __user *user)
{
	struct table table = {};
	struct kvm_cpuid2 head;
	int ret = 0;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent < 1)
		return -E2BIG;
	table.room = min_t(u32, head.nent, MAX_SUPPORTED);
	table.entry = kvcalloc(table.room, sizeof(*table.entry), GFP_KERNEL_ACCOUNT);
	if (!table.entry)
		return -ENOMEM;
	add_basic(&table);
	add_kvm(&table);
	add_extended(&table);
	head.nent = table.count;
	if (table.full)
		ret = -E2BIG;
	else if (copy_to_user(user, &head, sizeof(head)) ||
		 copy_to_user(user->entries, table.entry, table.count * sizeof(*table.entry)))
		ret = -EFAULT;
	kvfree(table.entry);
	return ret;
}

long hgl_cpuid_system_ioctl(unsigned int cmd, unsigned long arg)
{
	if (cmd == KVM_GET_SUPPORTED_CPUID)
		return get_supported((void __user *)arg);
	return -ENOTTY;
}

/* ---- what a guest is shown ---- */

static const struct kvm_cpuid_entry2 *find(const struct hgl_vcpu *vcpu, u32 function, u32 index)
{
	u32 i;

	for (i = 0; i < vcpu->cpuid_count; i++)
		if (vcpu->cpuid[i].function == function &&
		    (!(vcpu->cpuid[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
		     vcpu->cpuid[i].index == index))
			return &vcpu->cpuid[i];
	return NULL;
}

/* What the rest of the module reads out of the table. */
static void derive(struct hgl_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e;

	e = find(vcpu, 0x80000008, 0);
	vcpu->maxphyaddr = e && (e->eax & 0xff) >= 32 && (e->eax & 0xff) <= 52 ? e->eax & 0xff : 36;
	e = find(vcpu, 0xd, 0);
	vcpu->guest_xcr0 = host_xcr0() & (e ? e->eax | (u64)e->edx << 32 : BIT_ULL(0) | BIT_ULL(1));
	hgl_irq_config_changed(vcpu);
}

/* The core's copy: it answers the guest from it. */
static int hand_over(struct hgl_vcpu *vcpu, const struct kvm_cpuid_entry2 *from, u32 count)
{
	struct hg_cpuid *to = (struct hg_cpuid *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	s64 status;
	u32 i;

	if (!to)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		to[i] = (struct hg_cpuid){
			.function = from[i].function, .index = from[i].index,
			.flags = from[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ?
				 HG_CPUID_INDEXED : 0,
			.eax = from[i].eax, .ebx = from[i].ebx,
			.ecx = from[i].ecx, .edx = from[i].edx,
		};
	status = hgl_call(HG_CALL_VCPU_SET_CPUID, vcpu->handle, virt_to_phys(to) >> PAGE_SHIFT,
			  count);
	free_page((unsigned long)to);
	return status == HG_E_LIMIT ? -E2BIG : status ? -EIO : 0;
}

/* Takes @entry over when it succeeds. */
static int set_table(struct hgl_vcpu *vcpu, struct kvm_cpuid_entry2 *entry, u32 count)
{
	int ret = hand_over(vcpu, entry, count);

	if (ret)
		return ret;
	kvfree(vcpu->cpuid);
	vcpu->cpuid = entry;
	vcpu->cpuid_count = count;
	derive(vcpu);
	return 0;
}

/* KVM_SET_CPUID2: -E2BIG (more than HG_MAX_CPUID), -EINVAL (flags). */
static int set_cpuid2(struct hgl_vcpu *vcpu, const struct kvm_cpuid2 __user *user)
{
	struct kvm_cpuid_entry2 *entry;
	struct kvm_cpuid2 head;
	u32 i;
	int ret;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > HG_MAX_CPUID)
		return -E2BIG;
	if (!head.nent)
		return set_table(vcpu, NULL, 0);
	entry = vmemdup_user(user->entries, head.nent * sizeof(*entry));
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	for (i = 0; i < head.nent; i++)
		if (entry[i].flags & ~KNOWN_FLAGS) {
			kvfree(entry);
			return -EINVAL;
		}
	ret = set_table(vcpu, entry, head.nent);
	if (ret)
		kvfree(entry);
	return ret;
}

/* KVM_SET_CPUID, the old form without indices. */
static int set_cpuid1(struct hgl_vcpu *vcpu, const struct kvm_cpuid __user *user)
{
	struct kvm_cpuid_entry2 *entry;
	struct kvm_cpuid_entry *old;
	struct kvm_cpuid head;
	u32 i;
	int ret;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	if (head.nent > HG_MAX_CPUID)
		return -E2BIG;
	if (!head.nent)
		return set_table(vcpu, NULL, 0);
	old = vmemdup_user(user->entries, head.nent * sizeof(*old));
	if (IS_ERR(old))
		return PTR_ERR(old);
	entry = kvcalloc(head.nent, sizeof(*entry), GFP_KERNEL_ACCOUNT);
	ret = entry ? 0 : -ENOMEM;
	for (i = 0; entry && i < head.nent; i++)
		entry[i] = (struct kvm_cpuid_entry2){
			.function = old[i].function, .eax = old[i].eax, .ebx = old[i].ebx,
			.ecx = old[i].ecx, .edx = old[i].edx,
		};
	kvfree(old);
	if (!ret)
		ret = set_table(vcpu, entry, head.nent);
	if (ret)
		kvfree(entry);
	return ret;
}

/* KVM_GET_CPUID2: -E2BIG, with nent telling how many there are. */
static int get_cpuid2(struct hgl_vcpu *vcpu, struct kvm_cpuid2 __user *user)
{
	struct kvm_cpuid2 head;
	bool fits;

	if (copy_from_user(&head, user, sizeof(head)))
		return -EFAULT;
	fits = head.nent >= vcpu->cpuid_count;
	head.nent = vcpu->cpuid_count;
	if (fits && copy_to_user(user->entries, vcpu->cpuid,
				 vcpu->cpuid_count * sizeof(*vcpu->cpuid)))
		return -EFAULT;
	if (copy_to_user(user, &head, sizeof(head)))
		return -EFAULT;
	return fits ? 0 : -E2BIG;
}

long hgl_cpuid_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_SET_CPUID2:
		return set_cpuid2(vcpu, (void __user *)arg);
	case KVM_SET_CPUID:
		return set_cpuid1(vcpu, (void __user *)arg);
	case KVM_GET_CPUID2:
		return get_cpuid2(vcpu, (void __user *)arg);
	}
	return -ENOTTY;
}

void hgl_cpuid_destroy(struct hgl_vcpu *vcpu)
{
	kvfree(vcpu->cpuid);
}

/* Before the VMM names any feature: what the host has. */
void hgl_cpuid_init(struct hgl_vcpu *vcpu)
{
	vcpu->guest_xcr0 = host_xcr0();
	vcpu->maxphyaddr = 36;
}
