/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HGL_KVMCLOCK_H
#define HGL_KVMCLOCK_H

#include "vcpu.h"

/* Guest writes to MSR_KVM_SYSTEM_TIME(_NEW) and MSR_KVM_WALL_CLOCK(_NEW): 0, 1 for #GP. */
int hgl_kvmclock_set(struct hgl_vcpu *vcpu, u64 value);
int hgl_kvmclock_wall(struct hgl_vcpu *vcpu, u64 gpa);

#endif /* HGL_KVMCLOCK_H */
