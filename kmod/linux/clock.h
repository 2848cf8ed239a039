/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM's clock: nanoseconds since the VM began, unless the VMM set it.
 */
#ifndef HGL_CLOCK_H
#define HGL_CLOCK_H

#include "vm.h"

/* What KVM_CAP_ADJUST_CLOCK answers: the extra fields that GET and SET know. */
#define HGL_CLOCK_FLAGS		(KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

void hgl_clock_init(struct hgl_vm *vm);
/* The guest's clock in ns. Any context. */
u64 hgl_clock_read(struct hgl_vm *vm);
/* KVM_GET_CLOCK: 0, -EFAULT. */
int hgl_clock_get(struct hgl_vm *vm, void __user *arg);
/* KVM_SET_CLOCK: 0, -EFAULT, -EINVAL (unknown flags). */
int hgl_clock_set(struct hgl_vm *vm, const void __user *arg);

#endif /* HGL_CLOCK_H */
