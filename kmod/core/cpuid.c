// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: the table a parent gave a vCPU, and the bits of it that follow the
 * vCPU's own state.
 */
#include "core.h"
#include "arch.h"

#define VENDOR_AMD_EBX		0x68747541	/* "Auth" */
#define VENDOR_HYGON_EBX	0x6f677948	/* "Hygo" */

static int compare(const struct hg_cpuid *e, u32 function, u32 index)
{
	if (e->function != function)
		return e->function < function ? -1 : 1;
	if (!(e->flags & HG_CPUID_INDEXED) || e->index == index)
		return 0;
	return e->index < index ? -1 : 1;
}

const struct hg_cpuid *hg_cpuid_find(const struct hg_vcpu *vcpu, u32 function, u32 index)
{
	u32 low = 0, high = vcpu->cpuid_count;

	while (low < high) {
		u32 middle = (low + high) / 2;
		int order = compare(&vcpu->cpuid[middle], function, index);

		if (!order)
			return &vcpu->cpuid[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static u64 cr4_bits(const struct hg_vcpu *vcpu)
{
	const struct hg_cpuid *one = hg_cpuid_find(vcpu, 1, 0), *seven = hg_cpuid_find(vcpu, 7, 0);
	u64 bits = 0;

	if (one) {
		bits |= one->ecx & HG_BIT32(17) ? HG_CR4_PCIDE : 0;
		bits |= one->ecx & HG_BIT32(26) ? HG_CR4_OSXSAVE : 0;
	}
	if (seven) {
		bits |= seven->ebx & HG_BIT32(0) ? HG_CR4_FSGSBASE : 0;
		bits |= seven->ebx & HG_BIT32(7) ? HG_CR4_SMEP : 0;
		bits |= seven->ebx & HG_BIT32(20) ? HG_CR4_SMAP : 0;
		bits |= seven->ecx & HG_BIT32(2) ? HG_CR4_UMIP : 0;
		bits |= seven->ecx & HG_BIT32(3) ? HG_CR4_PKE : 0;
		bits |= seven->ecx & HG_BIT32(16) ? HG_CR4_LA57 : 0;
	}
	return bits;
}

/*
 * Copies, then sorts the copy: @from may change while we look. HG_E_LIMIT: what a
 * confidential guest needs besides does not fit.
 */
s64 hg_cpuid_take(struct hg_vcpu *vcpu, const struct hg_cpuid *from, u32 count)
{
	struct hg_cpuid *table = vcpu->cpuid;
	u32 i, j;

	if (hg_confidential(vcpu) && count > HG_MAX_CPUID - HG_CVM_CPUID_NEEDED)
		return HG_E_LIMIT;
	memcpy(table, from, count * sizeof(*table));
	if (hg_confidential(vcpu))
		count = hg_cvm_cpuid(table, count, vcpu->domain->cvm.c_bit, hg_arch_cpuid(1).ecx);
	for (i = 1; i < count; i++) {
		struct hg_cpuid entry = table[i];

		for (j = i; j && (table[j - 1].function > entry.function ||
				  (table[j - 1].function == entry.function &&
				   table[j - 1].index > entry.index)); j--)
			table[j] = table[j - 1];
		table[j] = entry;
	}
	vcpu->cpuid_count = count;
	vcpu->cr4_allowed = cr4_bits(vcpu);
	return HG_OK;
}

#define XSAVE_LEGACY	(512 + 64)	/* x87, SSE and the header: always there */

/*
 * Bytes of the XSAVE area for the components now enabled: in the standard
 * format, each at its fixed place, or compacted, one after the other (SDM
 * vol. 1, 13.4.2, 13.4.3).
 */
static u32 xsave_size(const struct hg_vcpu *vcpu, bool compacted)
{
	u32 size = XSAVE_LEGACY, i;

	for (i = 2; i < 63; i++) {
		const struct hg_cpuid *e;

		if (!(vcpu->xcr0 & HG_BIT(i)))
			continue;
		e = hg_cpuid_find(vcpu, 0xd, i);
		if (!e || e->eax > 65536 || e->ebx > 65536)
			continue;
		if (compacted) {
			if (e->ecx & 2)
				size = (size + 63) & ~63u;
			size += e->eax;
		} else if (e->ebx + e->eax > size) {
			size = e->ebx + e->eax;
		}
	}
	return size;
}

/*
 * A leaf that is not in the table. Intel's CPUs answer one beyond the highest
 * with the highest basic leaf, AMD's and Hygon's with zeros.
 */
static const struct hg_cpuid *find_beyond(const struct hg_vcpu *vcpu, u32 function, u32 index)
{
	const struct hg_cpuid *basic = hg_cpuid_find(vcpu, 0, 0), *top;

	if (!basic || basic->ebx == VENDOR_AMD_EBX || basic->ebx == VENDOR_HYGON_EBX)
		return NULL;
	top = hg_cpuid_find(vcpu, function & 0xffff0000u, 0);
	if (top && function <= top->eax)
		return NULL;	/* inside its range: a hole, so zeros */
	return hg_cpuid_find(vcpu, basic->eax, index);
}

static void set_bit_to(u32 *word, u32 bit, bool on)
{
	*word = on ? *word | HG_BIT32(bit) : *word & ~HG_BIT32(bit);
}

/* The leaves by which a guest's kernel finds the core (nest.h). */
bool hg_nest_cpuid(const struct hg_vcpu *vcpu, u32 function, u32 *reg)
{
	static const char signature[] = HG_NEST_SIGNATURE;

	if (!(vcpu->domain->flags & HG_DOMAIN_NESTING) || hg_confidential(vcpu) ||
	    function - HG_NEST_LEAF > 1)
		return false;
	if (function == HG_NEST_LEAF) {
		reg[0] = HG_NEST_LEAF + 1;
		memcpy(&reg[1], signature, 12);
	} else {
		reg[0] = HG_CALL_ABI;
		reg[1] = HG_NEST_CVM;
		reg[2] = HG_CALL_COUNT;
		reg[3] = 0;
	}
	return true;
}

int hg_trap_cpuid(struct hg_vcpu *vcpu, u32 length, u64 cr4)
{
	u32 function = (u32)vcpu->gpr[HG_RAX], index = (u32)vcpu->gpr[HG_RCX];
	const struct hg_cpuid *e = hg_cpuid_find(vcpu, function, index);
	u32 ebx, ecx, own[4];

	vcpu->page->stat_cpuid++;
	if (function == 0xd)
		vcpu->xcr0 = hg_arch_xgetbv();	/* see run() in vcpu.c */
	if (hg_nest_cpuid(vcpu, function, own)) {
		vcpu->gpr[HG_RAX] = own[0];
		vcpu->gpr[HG_RBX] = own[1];
		vcpu->gpr[HG_RCX] = own[2];
		vcpu->gpr[HG_RDX] = own[3];
		goto skip;
	}
	if (!e)
		e = find_beyond(vcpu, function, index);
	if (!e) {
		vcpu->gpr[HG_RAX] = 0;
		vcpu->gpr[HG_RBX] = 0;
		vcpu->gpr[HG_RCX] = 0;
		vcpu->gpr[HG_RDX] = 0;
		goto skip;
	}
	ebx = e->ebx;
	ecx = e->ecx;
	if (e->function == 1)
		set_bit_to(&ecx, 27, cr4 & HG_CR4_OSXSAVE);
	else if (e->function == 7 && !index)
		set_bit_to(&ecx, 4, cr4 & HG_CR4_PKE);
	else if (e->function == 0xd && !index)
		ebx = xsave_size(vcpu, false);
	else if (e->function == 0xd && index == 1 && (e->eax & 10))
		ebx = xsave_size(vcpu, true);	/* XSAVEC or XSAVES */
	vcpu->gpr[HG_RAX] = e->eax;
	vcpu->gpr[HG_RBX] = ebx;
	vcpu->gpr[HG_RCX] = ecx;
	vcpu->gpr[HG_RDX] = e->edx;
skip:
	hg_core.backend->vcpu_skip(vcpu, length);
	return -1;
}
