/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HGL_MTRR_H
#define HGL_MTRR_H

#include "vcpu.h"

bool hgl_mtrr_owns(u32 index);
/* 0, or 1 for #GP(0). */
int hgl_mtrr_read(struct hgl_vcpu *vcpu, u32 index, u64 *value);
int hgl_mtrr_write(struct hgl_vcpu *vcpu, u32 index, u64 value);

#endif /* HGL_MTRR_H */
