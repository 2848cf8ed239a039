// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM's clock. It runs while the host sleeps, so it is counted from the
 * host's boot time.
 */
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <asm/msr.h>

#include "clock.h"

void hgl_clock_init(struct hgl_vm *vm)
{
	WRITE_ONCE(vm->clock_offset, -(s64)ktime_get_boottime_ns());
}

u64 hgl_clock_read(struct hgl_vm *vm)
{
	return ktime_get_boottime_ns() + READ_ONCE(vm->clock_offset);
}

int hgl_clock_get(struct hgl_vm *vm, void __user *arg)
{
	struct kvm_clock_data data = { .flags = HGL_CLOCK_FLAGS };
	unsigned long irqs;

	/* Without a pause in between: the three shall name one moment. */
	local_irq_save(irqs);
	data.host_tsc = rdtsc_ordered();
	data.clock = hgl_clock_read(vm);
	data.realtime = ktime_get_real_ns();
	local_irq_restore(irqs);

	return copy_to_user(arg, &data, sizeof(data)) ? -EFAULT : 0;
}

int hgl_clock_set(struct hgl_vm *vm, const void __user *arg)
{
	struct kvm_clock_data data;
	u64 clock;
	u32 i;

	if (copy_from_user(&data, arg, sizeof(data)))
		return -EFAULT;
	/* TSC_STABLE and HOST_TSC say how the data was got and change nothing. */
	if (data.flags & ~(u32)(HGL_CLOCK_FLAGS | KVM_CLOCK_TSC_STABLE))
		return -EINVAL;

	clock = data.clock;
	if (data.flags & KVM_CLOCK_REALTIME) {
		u64 now = ktime_get_real_ns();

		/* The time between the two hosts counts; never backwards. */
		if (now > data.realtime)
			clock += now - data.realtime;
	}
	mutex_lock(&vm->tsc_lock);
	WRITE_ONCE(vm->clock_offset, clock - ktime_get_boottime_ns());
	vm->clock_line = false;
	mutex_unlock(&vm->tsc_lock);

	/* vCPUs that keep a clock page in guest memory write it anew. */
	for (i = 0; i < hgl_vm_nr_vcpus(vm); i++) {
		hgl_vcpu_request(vm->vcpus[i], HGL_REQ_CLOCK);
		hgl_vcpu_kick(vm->vcpus[i]);
	}
	return 0;
}
