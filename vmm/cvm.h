/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launching a confidential VM: the SEV commands of the KVM ABI, as hypergpu.ko
 * answers them (docs/sev-interface.md).
 */
#ifndef HGVMM_CVM_H
#define HGVMM_CVM_H

#include <stdint.h>

#include "cvm-image.h"

struct vm;

#define CVM_DIGEST_SIZE	32

/* Open /dev/sev, before the sandbox. 0, or -ENODEV after a message. */
int cvm_open(struct vm *vm);
void cvm_close(struct vm *vm);
/* After KVM_CREATE_VM, before anything else. 0 or negative errno after a message. */
int cvm_create(struct vm *vm);
/*
 * Load, measure and start: the VM's vCPUs may run after it. The digest goes to
 * vm->launch_digest. The pieces in the VM's own memory are given back.
 */
int cvm_launch(struct vm *vm, const struct cvm_image *image);

#endif
