// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a confidential guest is told of its CPU.
 *
 * The parent's table is measured, so a guest's owner knows what it says. Here
 * is what must be so whatever it says: because the guest relies on it for its
 * secrets, or because the core does not do what the bit promises.
 */
#include "core.h"

#define ECX1_VMX		HG_BIT32(5)
#define ECX1_RDRAND		HG_BIT32(30)
#define ECX1_HYPERVISOR		HG_BIT32(31)
#define ECX7_LA57		HG_BIT32(16)
#define ECX8_1_SVM		HG_BIT32(2)
#define EDX8_7_INVARIANT_TSC	HG_BIT32(8)
#define EAX8_1F_SEV		HG_BIT32(1)

/* CPUID 4000_0001h EAX: what of KVM's interface needs no access to the guest's memory. */
#define KVM_LEAVES		0x40000000u
#define KVM_NOP_IO_DELAY	HG_BIT32(1)
#define KVM_MSI_EXT_DEST_ID	HG_BIT32(15)
#define KVM_HC_MAP_GPA_RANGE	HG_BIT32(16)
#define KVM_MIGRATION_CONTROL	HG_BIT32(17)

/* Bits 11:6 of 8000_001Fh EBX: by how much the C-bit narrows addresses. */
#define REDUCED_BITS		(1u << 6)

/* Where Linux looks for a hypervisor, and KVM's signature, as CPUID gives it. */
#define HYPERVISOR_LEAVES_END	0x50000000u
#define KVM_SIGNATURE_EBX	0x4b4d564bu	/* "KVMK" */
#define KVM_SIGNATURE_ECX	0x564b4d56u	/* "VMKV" */
#define KVM_SIGNATURE_EDX	0x0000004du	/* "M" */

static void clear(struct hg_cpuid *e)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

static bool is_hypervisors(u32 function)
{
	return function >= KVM_LEAVES && function < HYPERVISOR_LEAVES_END;
}

/* Leaves with a rule that have no sub-leaves: an index would hide them from the guest. */
static bool has_one_leaf(u32 function)
{
	switch (function) {
	case 1:
	case 0x80000000:
	case 0x80000001:
	case 0x80000007:
	case 0x80000008:
	case 0x8000000a:
	case 0x8000001f:
		return true;
	}
	return is_hypervisors(function);
}

/*
 * What the parent offers besides is of no use but to make the guest believe memory that it
 * shares, at another of the places where hypervisors are looked for or as another one.
 */
static void sanitise_hypervisor(struct hg_cpuid *e)
{
	switch (e->function) {
	case KVM_LEAVES:
		if (e->eax > KVM_LEAVES + 1)
			e->eax = KVM_LEAVES + 1;
		e->ebx = KVM_SIGNATURE_EBX;
		e->ecx = KVM_SIGNATURE_ECX;
		e->edx = KVM_SIGNATURE_EDX;
		break;
	case KVM_LEAVES + 1:
		e->eax &= KVM_NOP_IO_DELAY | KVM_MSI_EXT_DEST_ID;
		e->eax |= KVM_HC_MAP_GPA_RANGE | KVM_MIGRATION_CONTROL;
		e->ebx = 0;
		e->ecx = 0;
		e->edx = 0;
		break;
	default:
		clear(e);
	}
}

static void sanitise(struct hg_cpuid *e, u32 c_bit, u32 native_ecx1)
{
	switch (e->function) {
	case 1:
		e->ecx &= ~(ECX1_VMX | ECX1_RDRAND);
		e->ecx |= ECX1_HYPERVISOR | (native_ecx1 & ECX1_RDRAND);
		break;
	case 7:
		/* Linux hands its raw CR3 to a five-level table's entry when it switches. */
		if (!e->index)
			e->ecx &= ~ECX7_LA57;
		break;
	case 0x80000000:
		if (e->eax < 0x8000001f)
			e->eax = 0x8000001f;
		break;
	case 0x80000001:
		e->ecx &= ~ECX8_1_SVM;
		break;
	case 0x80000007:
		e->edx |= EDX8_7_INVARIANT_TSC;
		break;
	case 0x80000008:
		/* Linear bits 15:8 as they are; no guest-physical width of its own. */
		e->eax = (e->eax & 0xff00) | ((e->eax & 0xff) < c_bit ? e->eax & 0xff : c_bit);
		break;
	case 0x8000000a:
		clear(e);
		break;
	case 0x8000001f:
		e->eax = EAX8_1F_SEV;
		e->ebx = c_bit | REDUCED_BITS;
		e->ecx = 0;
		e->edx = 0;
		break;
	default:
		if (is_hypervisors(e->function))
			sanitise_hypervisor(e);
	}
}

/* Leaves without which a guest would not know that it has a C-bit. */
static const struct hg_cpuid needed[HG_CVM_CPUID_NEEDED] = {
	{ .function = 0x80000000 },
	{ .function = 0x80000008, .eax = 48 << 8 | 0xff },
	{ .function = 0x8000001f },
};

static bool has(const struct hg_cpuid *table, u32 count, u32 function)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (table[i].function == function)
			return true;
	return false;
}

u32 hg_cvm_cpuid(struct hg_cpuid *table, u32 count, u32 c_bit, u32 native_ecx1)
{
	u32 i;

	for (i = 0; i < HG_CVM_CPUID_NEEDED; i++)
		if (!has(table, count, needed[i].function))
			table[count++] = needed[i];
	for (i = 0; i < count; i++) {
		table[i].reserved = 0;
		table[i].flags &= HG_CPUID_INDEXED;
		if (has_one_leaf(table[i].function))
			table[i].flags = 0;
		if (!(table[i].flags & HG_CPUID_INDEXED))
			table[i].index = 0;
		sanitise(&table[i], c_bit, native_ecx1);
	}
	return count;
}
