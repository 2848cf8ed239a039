/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SM3 (GM/T 0004, ISO/IEC 10118-3), which distributions leave out of their kernels. No Linux: also
 * tested in user space.
 */
#ifndef HGL_SM3_H
#define HGL_SM3_H

#include "../core/types.h"

#define HGL_SM3_SIZE	32

struct hgl_sm3 {
	u32 state[8];
	u64 length;	/* bytes so far */
	u8 block[64];
};

void hgl_sm3_begin(struct hgl_sm3 *h);
void hgl_sm3_add(struct hgl_sm3 *h, const void *data, __SIZE_TYPE__ size);
void hgl_sm3_end(struct hgl_sm3 *h, u8 *digest);

#endif /* HGL_SM3_H */
