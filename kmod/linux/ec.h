/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Three curves, their points, and signatures on them: ECDSA (FIPS 186-5) on P-256 and P-384
 * (SP 800-186), and SM2 (GM/T 0003). What the kernel offers is ECDH on two of them, of
 * another time for each secret. No branch and no address here depends on a secret. No Linux:
 * also tested in user space.
 */
#ifndef HGL_EC_H
#define HGL_EC_H

#include "scalar.h"

/* y^2 = x^3 - 3 x + b modulo p; the base point has the prime order n, and so has any but zero. */
struct hgl_curve {
	struct hgl_modulus p, n;
	struct hgl_scalar b, x, y;
	bool sm2;	/* its signatures are SM2's, else ECDSA's */
};

extern const struct hgl_curve hgl_p256, hgl_p384, hgl_sm2;

/* Of X || Y, and of r || s. */
static inline u32 hgl_curve_size(const struct hgl_curve *c)
{
	return 2 * hgl_modulus_size(&c->p);
}

/* @x, @y = @k times the base point; 0 < k < n. False: that is no point, which a fault can do. */
bool hgl_ec_multiply(const struct hgl_curve *c, const struct hgl_scalar *k, struct hgl_scalar *x,
		     struct hgl_scalar *y);

enum hgl_ec_status {
	HGL_EC_OK,
	HGL_EC_AGAIN,	/* this nonce gives no signature: take another */
	HGL_EC_FAULT,	/* the computer made a mistake: nothing is signed */
};

/*
 * @signature of the digest @e with the private key @d and the nonce @k, both in range. The nonce's
 * point is computed twice and s is multiplied back: a signature made with a wrong one,
 * by a fault, could tell the key.
 */
enum hgl_ec_status hgl_ec_sign(const struct hgl_curve *c, const struct hgl_scalar *d,
			       const struct hgl_scalar *e, const struct hgl_scalar *k,
			       u8 *signature);
/* Is @signature, of @e, by the key X || Y? Nothing here is secret. */
bool hgl_ec_verify(const struct hgl_curve *c, const u8 *public, const struct hgl_scalar *e,
		   const u8 *signature);
/* May @d be a private key? SM2 has one less than ECDSA. */
bool hgl_ec_is_private(const struct hgl_curve *c, const struct hgl_scalar *d);

/* The standards' own examples: "sample" of RFC 6979, A.2.5 and A.2.6; GM/T 0003.5, A.2. */
struct hgl_ec_example {
	const char *message;
	u8 d[HGL_SCALAR_SIZE], k[HGL_SCALAR_SIZE], r[HGL_SCALAR_SIZE], s[HGL_SCALAR_SIZE];
};
const struct hgl_ec_example *hgl_ec_example(const struct hgl_curve *c);
/* Signs and verifies as the example does; @e is the digest of its message. */
bool hgl_ec_works(const struct hgl_curve *c, const struct hgl_scalar *e);

#endif /* HGL_EC_H */
