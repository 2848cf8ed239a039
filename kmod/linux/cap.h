/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM_CHECK_EXTENSION: what this module can do.
 */
#ifndef HGL_CAP_H
#define HGL_CAP_H

#include "vm.h"

/* Options of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. */
#define HGL_DIRTY_LOG_OPTIONS	(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)

/*
 * The value of capability @cap, 0 if there is none. @vm is NULL when the
 * device itself is asked; no answer depends on it today.
 */
long hgl_check_extension(struct hgl_vm *vm, unsigned long cap);

#endif /* HGL_CAP_H */
