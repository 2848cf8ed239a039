/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers modulo a prime of 256 or 384 bits whose highest bit is set: the order of a curve, or the
 * field that it is over (ec.h). No branch and no address depends on a value, so that
 * the time it takes tells nothing of a key or a nonce. No Linux: also tested in
 * user space.
 */
#ifndef HGL_SCALAR_H
#define HGL_SCALAR_H

#include "../core/types.h"

#define HGL_SCALAR_LIMBS	6
#define HGL_SCALAR_SIZE		48	/* bytes, at most */

/* Below the modulus; the lowest 64 bits first, and zeros above the modulus' limbs. */
struct hgl_scalar {
	u64 limb[HGL_SCALAR_LIMBS];
};

struct hgl_modulus {
	struct hgl_scalar value;
	struct hgl_scalar square;	/* 2^(128 * limbs) modulo it: into Montgomery's form */
	u64 inverse;			/* -1 / it modulo 2^64 */
	u32 limbs;			/* 4 or 6 */
};

/* Numbers are written as this many bytes, big-endian. */
static inline u32 hgl_modulus_size(const struct hgl_modulus *m)
{
	return 8 * m->limbs;
}

/* As they are: false if that is 0, or not below the modulus. */
bool hgl_scalar_get(const struct hgl_modulus *m, struct hgl_scalar *a, const u8 *bytes);
/* Modulo it. */
void hgl_scalar_reduce(const struct hgl_modulus *m, struct hgl_scalar *a, const u8 *bytes);
void hgl_scalar_put(const struct hgl_modulus *m, const struct hgl_scalar *a, u8 *bytes);
bool hgl_scalar_is_zero(const struct hgl_scalar *a);
bool hgl_scalar_equal(const struct hgl_scalar *a, const struct hgl_scalar *b);
/* *@r may be the same as an argument, in all of these. */
void hgl_scalar_add(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		    const struct hgl_scalar *b);
void hgl_scalar_sub(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		    const struct hgl_scalar *b);
void hgl_scalar_mul(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a,
		    const struct hgl_scalar *b);
/* 0 for 0. */
void hgl_scalar_invert(const struct hgl_modulus *m, struct hgl_scalar *r,
		       const struct hgl_scalar *a);
/* a * b / 2^(64 * limbs): the product of two numbers in Montgomery's form. */
void hgl_scalar_montgomery(const struct hgl_modulus *m, struct hgl_scalar *r,
			   const struct hgl_scalar *a, const struct hgl_scalar *b);
/* @r = @a if @mask is all ones; as it is, if it is 0. */
void hgl_scalar_select(struct hgl_scalar *r, const struct hgl_scalar *a, u64 mask);

/* What no compiler leaves out. */
static inline void hgl_wipe(void *memory, __SIZE_TYPE__ size)
{
	volatile u8 *byte = memory;

	while (size--)
		*byte++ = 0;
}

#endif /* HGL_SCALAR_H */
