// SPDX-License-Identifier: Apache-2.0
/*
 * The CPUID table a guest sees: what the device supports, with the topology
 * replaced. All vCPUs are cores of one package, one thread each, and the APIC
 * id is the vCPU's index.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "util.h"
#include "vcpu.h"
#include "vm.h"

#define CPUID_MAX 256

#define LEAF1_ECX_DEADLINE	(1u << 24)
#define LEAF1_ECX_HYPERVISOR	(1u << 31)
#define LEAF1_EDX_HTT		(1u << 28)
#define EXT1_ECX_CMP_LEGACY	(1u << 1)

static void fix_leaf1(const struct vm *vm, struct kvm_cpuid_entry2 *e, unsigned int index)
{
	unsigned int cpus = 1u << log2_ceil(vm->cfg->vcpus);

	e->ebx = (e->ebx & 0xff00) | index << 24 | cpus << 16 | 8u << 8;
	e->ecx |= LEAF1_ECX_HYPERVISOR;
	if (vm->has_deadline)
		e->ecx |= LEAF1_ECX_DEADLINE;
	if (vm->cfg->vcpus > 1)
		e->edx |= LEAF1_EDX_HTT;
	else
		e->edx &= ~LEAF1_EDX_HTT;
}

/* Intel SDM vol. 2, CPUID leaf 4: first and second level private, third shared. */
static void fix_leaf4(const struct vm *vm, struct kvm_cpuid_entry2 *e)
{
	unsigned int level = e->eax >> 5 & 7, share = 0;

	if (!(e->eax & 0x1f))
		return;
	if (level >= 3)
		share = (1u << log2_ceil(vm->cfg->vcpus)) - 1;
	e->eax = (e->eax & 0x3fff) | share << 14 |
		 ((1u << log2_ceil(vm->cfg->vcpus)) - 1) << 26;
}

/* AMD APM vol. 3, E.4.15: the same for Fn8000_001D. */
static void fix_leaf1d(const struct vm *vm, struct kvm_cpuid_entry2 *e)
{
	if (e->eax & 0x1f)
		e->eax = (e->eax & 0x3fff) |
			 ((e->eax >> 5 & 7) >= 3 ? (vm->cfg->vcpus - 1) << 14 : 0);
}

/* Returns false when the entry must go (it is rebuilt or describes the host). */
static bool fix_entry(const struct vm *vm, struct kvm_cpuid_entry2 *e, unsigned int index)
{
	unsigned int cpus = vm->cfg->vcpus;

	switch (e->function) {
	case 1:
		fix_leaf1(vm, e, index);
		break;
	case 4:
		fix_leaf4(vm, e);
		break;
	case 0xb:
	case 0x1f:
		return false;
	case 0x80000001:
		if (cpus > 1)
			e->ecx |= EXT1_ECX_CMP_LEGACY;
		else
			e->ecx &= ~EXT1_ECX_CMP_LEGACY;
		break;
	case 0x80000008:
		/* ApicIdCoreIdSize in 15:12, cores - 1 in 7:0 (APM vol. 3, E.4.7). */
		e->ecx = (e->ecx & ~0xf0ffu) | log2_ceil(cpus) << 12 | (cpus - 1);
		break;
	case 0x8000001d:
		fix_leaf1d(vm, e);
		break;
	case 0x8000001e:
		e->eax = index;
		e->ebx = index;
		e->ecx = 0;
		e->edx = 0;
		break;
	}
	return true;
}

/* Extended topology (SDM leaf 0xB): thread level of width 0, then cores. */
static unsigned int add_topology(const struct vm *vm, struct kvm_cpuid_entry2 *e,
				 unsigned int index)
{
	unsigned int cpus = vm->cfg->vcpus;

	e[0] = (struct kvm_cpuid_entry2){
		.function = 0xb, .index = 0, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = 0, .ebx = 1, .ecx = 0 | 1u << 8, .edx = index };
	e[1] = (struct kvm_cpuid_entry2){
		.function = 0xb, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = log2_ceil(cpus), .ebx = cpus, .ecx = 1 | 2u << 8, .edx = index };
	e[2] = (struct kvm_cpuid_entry2){
		.function = 0xb, .index = 2, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.ecx = 2, .edx = index };
	return 3;
}

struct kvm_cpuid2 *cpuid_build(const struct vm *vm, unsigned int index)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + (CPUID_MAX + 3) * sizeof(c->entries[0]));
	unsigned int i, n = 0;

	if (!c)
		return NULL;
	c->nent = CPUID_MAX;
	if (ioctl(vm->dev_fd, KVM_GET_SUPPORTED_CPUID, c) < 0) {
		hg_err("KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
		free(c);
		return NULL;
	}
	for (i = 0; i < c->nent; i++)
		if (fix_entry(vm, &c->entries[i], index))
			c->entries[n++] = c->entries[i];
	for (i = 0; i < n; i++) {
		if (c->entries[i].function == 0 && c->entries[i].eax >= 0xb) {
			n += add_topology(vm, &c->entries[n], index);
			break;
		}
	}
	c->nent = n;
	return c;
}

bool cpuid_has_kvmclock(const struct kvm_cpuid2 *cpuid)
{
	unsigned int i;

	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x40000001)
			return cpuid->entries[i].eax & (1u << 0 | 1u << 3);
	return false;
}
