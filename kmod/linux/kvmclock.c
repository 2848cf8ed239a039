// SPDX-License-Identifier: GPL-2.0-only
/*
 * kvmclock: a page in the guest from which it reads time without an exit
 * (Documentation/virt/kvm/x86/msr.rst, MSR_KVM_SYSTEM_TIME_NEW).
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/kvm_para.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "clock.h"
#include "kvmclock.h"
#include "state.h"

#define ENABLED		BIT_ULL(0)

/*
 * The scale from TSC ticks to nanoseconds as pvclock wants it:
 * ns = ((ticks << shift) * mul) >> 32, with mul in the upper half of its range.
 */
static void scale(u32 khz, u32 *mul, s8 *shift)
{
	u64 hz = (u64)khz * 1000, target = NSEC_PER_SEC;

	*shift = 0;
	while (hz > target * 2 || target >> 32) {
		hz >>= 1;
		(*shift)--;
	}
	while ((u32)hz <= (u32)target && hz < U32_MAX / 2) {
		hz <<= 1;
		(*shift)++;
	}
	*mul = (u32)div64_u64(target << 32, hz);
}

/*
 * The line through time that every clock page of the VM is on: one pair of
 * readings, whoever comes first. vCPUs differ by their TSC offset only, so pages
 * written hours apart still agree to the nanosecond, which is what
 * PVCLOCK_TSC_STABLE_BIT promises.
 */
static void read_line(struct hgl_vm *vm, u64 *host_tsc, u64 *ns)
{
	unsigned long flags;

	mutex_lock(&vm->tsc_lock);
	if (!vm->clock_line) {
		local_irq_save(flags);
		vm->line_tsc = rdtsc_ordered();
		vm->line_ns = hgl_clock_read(vm);
		local_irq_restore(flags);
		vm->clock_line = true;
	}
	*host_tsc = vm->line_tsc;
	*ns = vm->line_ns;
	mutex_unlock(&vm->tsc_lock);
}

void hgl_kvmclock_update(struct hgl_vcpu *vcpu)
{
	struct pvclock_vcpu_time_info info = {};
	u64 gpa = vcpu->kvmclock_msr & ~3ULL, host_tsc;

	if (!(vcpu->kvmclock_msr & ENABLED))
		return;
	hgl_state_need(vcpu, HG_STATE_TIME);
	read_line(vcpu->vm, &host_tsc, &info.system_time);
	info.tsc_timestamp = host_tsc + vcpu->page->tsc_offset;
	scale(tsc_khz, &info.tsc_to_system_mul, &info.tsc_shift);
	info.flags = check_tsc_unstable() ? 0 : PVCLOCK_TSC_STABLE_BIT;

	/* An odd version tells a reader that the rest is being written. */
	vcpu->kvmclock_version += 2;
	info.version = vcpu->kvmclock_version | 1;
	if (hgl_guest_write(vcpu->vm, gpa, &info.version, sizeof(info.version)))
		return;
	smp_wmb();
	if (hgl_guest_write(vcpu->vm, gpa, &info, sizeof(info)))
		return;
	smp_wmb();
	info.version = vcpu->kvmclock_version;
	hgl_guest_write(vcpu->vm, gpa, &info.version, sizeof(info.version));
}

/* 0, or 1 for #GP: reserved bits. */
int hgl_kvmclock_set(struct hgl_vcpu *vcpu, u64 value)
{
	if (value & 2)
		return 1;
	vcpu->kvmclock_msr = value;
	if (value & ENABLED)
		hgl_vcpu_request(vcpu, HGL_REQ_CLOCK);
	return 0;
}

/* The wall clock at the guest's clock zero. Written once, when asked. */
int hgl_kvmclock_wall(struct hgl_vcpu *vcpu, u64 gpa)
{
	struct pvclock_wall_clock wall = {};
	struct timespec64 now;
	u64 boot;

	vcpu->wallclock_msr = gpa;
	if (!gpa)
		return 0;
	boot = ktime_get_real_ns() - hgl_clock_read(vcpu->vm);
	now = ns_to_timespec64(boot);
	wall.sec = (u32)now.tv_sec;
	wall.nsec = (u32)now.tv_nsec;
	wall.version = 1;
	if (hgl_guest_write(vcpu->vm, gpa, &wall, sizeof(wall)))
		return 0;
	smp_wmb();
	wall.version = 2;
	hgl_guest_write(vcpu->vm, gpa, &wall.version, sizeof(wall.version));
	return 0;
}
