/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters under /sys/kernel/debug/hypergpu, one decimal number a file.
 *
 * Nothing here fails: without debugfs there are no files.
 */
#ifndef HGL_DEBUGFS_H
#define HGL_DEBUGFS_H

#include "vm.h"

void hgl_debugfs_init(void);
void hgl_debugfs_exit(void);
/* vm-<pid>-<id>/; the VM must stay until it is removed. */
void hgl_debugfs_vm_add(struct hgl_vm *vm);
void hgl_debugfs_vm_remove(struct hgl_vm *vm);	/* its vCPUs' as well */
/* vm-<pid>-<id>/vcpu<id>/; gone at the latest with the VM's. */
void hgl_debugfs_vcpu_add(struct hgl_vcpu *vcpu);

#endif /* HGL_DEBUGFS_H */
