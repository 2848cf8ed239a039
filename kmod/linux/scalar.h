/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers modulo the order of the group of P-256 (SEC 2, 2.4.2), which is what ECDSA needs besides
 * the multiplication of points. No branch and no address depends on a value, so
 * that the time it takes tells nothing of a key or a nonce. No Linux: also tested
 * in user space.
 */
#ifndef HGL_SCALAR_H
#define HGL_SCALAR_H

#include "../core/types.h"

#define HGL_SCALAR_SIZE	32

/* Below the order; the lowest 64 bits first. */
struct hgl_scalar {
	u64 limb[4];
};

/* From 32 bytes, big-endian, as they are: false if that is 0, or not below the order. */
bool hgl_scalar_get(struct hgl_scalar *a, const u8 *bytes);
/* From 32 bytes, big-endian, modulo the order. */
void hgl_scalar_reduce(struct hgl_scalar *a, const u8 *bytes);
void hgl_scalar_put(const struct hgl_scalar *a, u8 *bytes);
bool hgl_scalar_is_zero(const struct hgl_scalar *a);
/* *@r may be the same as an argument. */
void hgl_scalar_add(struct hgl_scalar *r, const struct hgl_scalar *a, const struct hgl_scalar *b);
void hgl_scalar_mul(struct hgl_scalar *r, const struct hgl_scalar *a, const struct hgl_scalar *b);
/* 0 for 0. */
void hgl_scalar_invert(struct hgl_scalar *r, const struct hgl_scalar *a);

#endif /* HGL_SCALAR_H */
