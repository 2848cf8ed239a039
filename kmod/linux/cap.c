// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capabilities, as an allow-list: what is not named here is not there.
 *
 * A capability is listed only if all of what the ABI attaches to it works. Two
 * kinds are left out on purpose although parts exist: those that a VMM must
 * then enable (exception payloads, triple fault events), and those that need
 * hardware this backend does not use (TSC scaling, nested virtualization).
 */
#include <linux/cpumask.h>
#include <linux/kernel.h>

#include "cap.h"
#include "clock.h"

/* As many as the MSR range 0x400.. of 32 banks holds. */
#define MCE_BANKS	32

/* Entries of KVM_SET_GSI_ROUTING, as on KVM. */
#define IRQ_ROUTES	4096

struct capability {
	u16 cap;
	u32 value;
};

static const struct capability capabilities[] = {
	/* Memory */
	{ KVM_CAP_USER_MEMORY, 1 },
	{ KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ KVM_CAP_SYNC_MMU, 1 },
	{ KVM_CAP_READONLY_MEM, 1 },
	{ KVM_CAP_NR_MEMSLOTS, HGL_MAX_SLOTS },
	{ KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, HGL_DIRTY_LOG_OPTIONS },

	/* VM */
	{ KVM_CAP_CHECK_EXTENSION_VM, 1 },
	{ KVM_CAP_ENABLE_CAP_VM, 1 },
	{ KVM_CAP_MAX_VCPUS, HG_MAX_VCPUS },
	{ KVM_CAP_MAX_VCPU_ID, HGL_MAX_VCPU_ID },
	{ KVM_CAP_SET_TSS_ADDR, 1 },
	{ KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
	{ KVM_CAP_SET_BOOT_CPU_ID, 1 },
	{ KVM_CAP_ADJUST_CLOCK, HGL_CLOCK_FLAGS },
	{ KVM_CAP_GET_TSC_KHZ, 1 },

	/* vCPU */
	{ KVM_CAP_HLT, 1 },
	{ KVM_CAP_IMMEDIATE_EXIT, 1 },
	{ KVM_CAP_EXT_CPUID, 1 },
	{ KVM_CAP_GET_MSR_FEATURES, 1 },
	{ KVM_CAP_MP_STATE, 1 },
	{ KVM_CAP_USER_NMI, 1 },
	{ KVM_CAP_VCPU_EVENTS, 1 },
	{ KVM_CAP_DEBUGREGS, 1 },
	{ KVM_CAP_XSAVE, 1 },
	{ KVM_CAP_MCE, MCE_BANKS },
	{ KVM_CAP_NOP_IO_DELAY, 1 },
	{ KVM_CAP_SET_GUEST_DEBUG, 1 },
	{ KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },

	/* Interrupts and events */
	{ KVM_CAP_IRQCHIP, 1 },
	{ KVM_CAP_SPLIT_IRQCHIP, 1 },
	{ KVM_CAP_X2APIC_API,
	  KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	{ KVM_CAP_IRQ_ROUTING, IRQ_ROUTES },
	{ KVM_CAP_IRQ_INJECT_STATUS, 1 },
	{ KVM_CAP_SIGNAL_MSI, 1 },
	{ KVM_CAP_IRQFD, 1 },
	{ KVM_CAP_IRQFD_RESAMPLE, 1 },
	{ KVM_CAP_IOEVENTFD, 1 },
	{ KVM_CAP_IOEVENTFD_NO_LENGTH, 1 },
	{ KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
	{ KVM_CAP_COALESCED_MMIO, KVM_COALESCED_MMIO_PAGE_OFFSET },
	{ KVM_CAP_COALESCED_PIO, 1 },
	{ KVM_CAP_PIT, 1 },
	{ KVM_CAP_PIT2, 1 },
	{ KVM_CAP_PIT_STATE2, 1 },
	{ KVM_CAP_REINJECT_CONTROL, 1 },
	{ KVM_CAP_TSC_DEADLINE_TIMER, 1 },
};

long hgl_check_extension(struct hgl_vm *vm, unsigned long cap)
{
	u32 i;

	/* What is wise, not what is possible: more vCPUs than CPUs only wait. */
	if (cap == KVM_CAP_NR_VCPUS)
		return min_t(u32, num_online_cpus(), HG_MAX_VCPUS);

	/* A guest's kernel, as which the module may run, can do without XSAVE. */
	if (cap == KVM_CAP_XCRS)
		return boot_cpu_has(X86_FEATURE_XSAVE);

	for (i = 0; i < ARRAY_SIZE(capabilities); i++)
		if (capabilities[i].cap == cap)
			return capabilities[i].value;
	return 0;
}
