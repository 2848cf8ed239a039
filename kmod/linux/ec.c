// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ec.h. Points are projective, x = X / Z, y = Y / Z, with all numbers in Montgomery's
 * form. They are added by the complete formulas of Renes, Costello and Batina ("Complete addition
 * formulas for prime order elliptic curves", 2016, algorithm 4): there is no case apart,
 * neither for doubling nor for zero, so there is nothing to branch on.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#endif
#include "ec.h"

struct point {
	struct hgl_scalar x, y, z;
};

/* The field, in short: the formulas are long. */
#define MUL(r, a, b)	hgl_scalar_montgomery(&c->p, &(r), &(a), &(b))
#define ADD(r, a, b)	hgl_scalar_add(&c->p, &(r), &(a), &(b))
#define SUB(r, a, b)	hgl_scalar_sub(&c->p, &(r), &(a), &(b))

/* (a1 + a2) * (b1 + b2) - p1 - p2, where p1 = a1 * b1 and p2 = a2 * b2: the mixed products. */
static void cross(const struct hgl_curve *c, struct hgl_scalar *r,
		  const struct hgl_scalar *const a[2], const struct hgl_scalar *const b[2],
		  const struct hgl_scalar *p1, const struct hgl_scalar *p2)
{
	struct hgl_scalar s, t;

	ADD(s, *a[0], *a[1]);
	ADD(t, *b[0], *b[1]);
	MUL(s, s, t);
	ADD(t, *p1, *p2);
	SUB(*r, s, t);
}

static void triple(const struct hgl_curve *c, struct hgl_scalar *a)
{
	struct hgl_scalar twice;

	ADD(twice, *a, *a);
	ADD(*a, twice, *a);
}

/* @r = @p + @q; @b is the curve's, in Montgomery's form. */
static void add(const struct hgl_curve *c, const struct hgl_scalar *b, struct point *r,
		const struct point *p, const struct point *q)
{
	struct hgl_scalar xx, yy, zz, xy, yz, xz, t;

	MUL(xx, p->x, q->x);
	MUL(yy, p->y, q->y);
	MUL(zz, p->z, q->z);
	cross(c, &xy, (const struct hgl_scalar *[]){ &p->x, &p->y },
	      (const struct hgl_scalar *[]){ &q->x, &q->y }, &xx, &yy);
	cross(c, &yz, (const struct hgl_scalar *[]){ &p->y, &p->z },
	      (const struct hgl_scalar *[]){ &q->y, &q->z }, &yy, &zz);
	cross(c, &xz, (const struct hgl_scalar *[]){ &p->x, &p->z },
	      (const struct hgl_scalar *[]){ &q->x, &q->z }, &xx, &zz);

	/* t = 3 (xz - b zz); then Z = yy - t, X = yy + t */
	MUL(t, *b, zz);
	SUB(t, xz, t);
	triple(c, &t);
	/* xz = 3 (b xz - 3 zz - xx) */
	MUL(xz, *b, xz);
	triple(c, &zz);
	SUB(xz, xz, zz);
	SUB(xz, xz, xx);
	triple(c, &xz);
	/* xx = 3 xx - 3 zz */
	triple(c, &xx);
	SUB(xx, xx, zz);
	SUB(zz, yy, t);
	ADD(t, yy, t);

	MUL(r->y, t, zz);
	MUL(yy, xx, xz);
	ADD(r->y, r->y, yy);
	MUL(r->x, xy, t);
	MUL(t, yz, xz);
	SUB(r->x, r->x, t);
	MUL(r->z, yz, zz);
	MUL(t, xy, xx);
	ADD(r->z, r->z, t);
}

/* Into Montgomery's form. */
static void enter(const struct hgl_modulus *m, struct hgl_scalar *r, const struct hgl_scalar *a)
{
	hgl_scalar_montgomery(m, r, a, &m->square);
}

static void set(const struct hgl_curve *c, struct point *p, const struct hgl_scalar *x,
		const struct hgl_scalar *y)
{
	static const struct hgl_scalar one = { { 1 } };

	enter(&c->p, &p->x, x);
	enter(&c->p, &p->y, y);
	enter(&c->p, &p->z, &one);
}

#define MULTIPLES	4	/* what two bits can name */

/* Zero, @p, and so on. */
static void list_multiples(const struct hgl_curve *c, const struct hgl_scalar *b,
			   const struct point *p, struct point *list)
{
	static const struct hgl_scalar one = { { 1 } };
	static const struct point zero;
	u32 i;

	list[0] = zero;
	enter(&c->p, &list[0].y, &one);	/* (0 : 1 : 0) */
	for (i = 1; i < MULTIPLES; i++)
		add(c, b, &list[i], &list[i - 1], p);
}

/* All are read, whichever it is. */
static void pick(struct point *p, const struct point *list, u64 which)
{
	u32 i;

	for (i = 0; i < MULTIPLES; i++) {
		/* All ones where i == which: both are small. */
		u64 mask = 0 - (((i ^ which) - 1) >> 63);

		hgl_scalar_select(&p->x, &list[i].x, mask);
		hgl_scalar_select(&p->y, &list[i].y, mask);
		hgl_scalar_select(&p->z, &list[i].z, mask);
	}
}

/* @p = @k times @p: two bits of @k cost three additions, whatever they are. */
static void multiply(const struct hgl_curve *c, struct point *p, const struct hgl_scalar *k)
{
	struct point list[MULTIPLES], sum, next = { 0 };
	struct hgl_scalar b;
	u32 i;

	enter(&c->p, &b, &c->b);
	list_multiples(c, &b, p, list);
	sum = list[0];
	for (i = 64 * c->n.limbs; i; ) {
		i -= 2;
		add(c, &b, &sum, &sum, &sum);
		add(c, &b, &sum, &sum, &sum);
		pick(&next, list, k->limb[i / 64] >> i % 64 & 3);
		add(c, &b, &sum, &sum, &next);
	}
	*p = sum;
	hgl_wipe(&sum, sizeof(sum));
	hgl_wipe(&next, sizeof(next));
}

/* The point's coordinates; false for zero, which has none. */
static bool settle(const struct hgl_curve *c, const struct point *p, struct hgl_scalar *x,
		   struct hgl_scalar *y)
{
	static const struct hgl_scalar one = { { 1 } };
	struct hgl_scalar z;

	MUL(z, p->z, one);
	if (hgl_scalar_is_zero(&z))
		return false;
	/* One factor in Montgomery's form, one not: the product is not. */
	hgl_scalar_invert(&c->p, &z, &z);
	MUL(*x, p->x, z);
	MUL(*y, p->y, z);
	hgl_wipe(&z, sizeof(z));
	return true;
}

static bool is_on_curve(const struct hgl_curve *c, const struct hgl_scalar *x,
			const struct hgl_scalar *y)
{
	struct hgl_scalar right, left, t = *x;

	/* x^3 - 3 x + b */
	hgl_scalar_mul(&c->p, &right, x, x);
	hgl_scalar_mul(&c->p, &right, &right, x);
	triple(c, &t);
	SUB(right, right, t);
	ADD(right, right, c->b);
	hgl_scalar_mul(&c->p, &left, y, y);
	return hgl_scalar_equal(&left, &right);
}

bool hgl_ec_multiply(const struct hgl_curve *c, const struct hgl_scalar *k, struct hgl_scalar *x,
		     struct hgl_scalar *y)
{
	struct point p;
	bool good;

	set(c, &p, &c->x, &c->y);
	multiply(c, &p, k);
	good = settle(c, &p, x, y) && is_on_curve(c, x, y);
	hgl_wipe(&p, sizeof(p));
	return good;
}

/* ---- signatures ---- */

/* A coordinate as a number modulo the order, which is not much smaller. */
static void to_order(const struct hgl_curve *c, struct hgl_scalar *r, const struct hgl_scalar *x)
{
	u8 bytes[HGL_SCALAR_SIZE];

	hgl_scalar_put(&c->p, x, bytes);
	hgl_scalar_reduce(&c->n, r, bytes);
	hgl_wipe(bytes, sizeof(bytes));
}

/* @x of the nonce's point, computed twice. */
static bool nonce_point(const struct hgl_curve *c, const struct hgl_scalar *k, struct hgl_scalar *x)
{
	struct hgl_scalar y, again, y_again;

	return hgl_ec_multiply(c, k, x, &y) && hgl_ec_multiply(c, k, &again, &y_again) &&
	       hgl_scalar_equal(x, &again) && hgl_scalar_equal(&y, &y_again);
}

/*
 * ECDSA: s = (e + r d) / k.	SM2: s = (k - r d) / (1 + d).
 * So each is @over / @under, with one of these.
 */
static void equation(const struct hgl_curve *c, const struct hgl_scalar *d,
		     const struct hgl_scalar *e, const struct hgl_scalar *k,
		     const struct hgl_scalar *r, struct hgl_scalar *over, struct hgl_scalar *under)
{
	static const struct hgl_scalar one = { { 1 } };

	hgl_scalar_mul(&c->n, over, r, d);
	if (c->sm2) {
		hgl_scalar_sub(&c->n, over, k, over);
		hgl_scalar_add(&c->n, under, d, &one);
	} else {
		hgl_scalar_add(&c->n, over, over, e);
		*under = *k;
	}
}

enum hgl_ec_status hgl_ec_sign(const struct hgl_curve *c, const struct hgl_scalar *d,
			       const struct hgl_scalar *e, const struct hgl_scalar *k,
			       u8 *signature)
{
	struct hgl_scalar r, s, over, under, back, sum;
	enum hgl_ec_status status = HGL_EC_OK;

	if (!nonce_point(c, k, &r))
		return HGL_EC_FAULT;
	to_order(c, &r, &r);
	if (c->sm2)
		hgl_scalar_add(&c->n, &r, &r, e);
	equation(c, d, e, k, &r, &over, &under);
	hgl_scalar_invert(&c->n, &s, &under);
	hgl_scalar_mul(&c->n, &s, &s, &over);
	hgl_scalar_mul(&c->n, &back, &s, &under);
	hgl_scalar_add(&c->n, &sum, &r, k);
	if (hgl_scalar_is_zero(&r) || hgl_scalar_is_zero(&s) ||
	    (c->sm2 && hgl_scalar_is_zero(&sum)))
		status = HGL_EC_AGAIN;
	else if (!hgl_scalar_equal(&back, &over))
		status = HGL_EC_FAULT;
	if (!status) {
		hgl_scalar_put(&c->n, &r, signature);
		hgl_scalar_put(&c->n, &s, signature + hgl_modulus_size(&c->n));
	}
	hgl_wipe(&s, sizeof(s));
	hgl_wipe(&over, sizeof(over));
	hgl_wipe(&under, sizeof(under));
	hgl_wipe(&back, sizeof(back));
	hgl_wipe(&sum, sizeof(sum));
	return status;
}

/* ECDSA: e / s and r / s.	SM2: s and r + s. @g of the base point, @q of the key. */
static void factors(const struct hgl_curve *c, const struct hgl_scalar *e,
		    const struct hgl_scalar *r, const struct hgl_scalar *s, struct hgl_scalar *g,
		    struct hgl_scalar *q)
{
	if (c->sm2) {
		*g = *s;
		hgl_scalar_add(&c->n, q, r, s);
		return;
	}
	hgl_scalar_invert(&c->n, g, s);
	hgl_scalar_mul(&c->n, q, g, r);
	hgl_scalar_mul(&c->n, g, g, e);
}

bool hgl_ec_verify(const struct hgl_curve *c, const u8 *public, const struct hgl_scalar *e,
		   const u8 *signature)
{
	struct hgl_scalar x, y, b, r, s, g, q;
	struct point base, key;
	u32 half = hgl_modulus_size(&c->p);

	if (!hgl_scalar_get(&c->n, &r, signature) || !hgl_scalar_get(&c->n, &s, signature + half))
		return false;
	/* A coordinate may be 0, but none of a key of anybody's is. */
	if (!hgl_scalar_get(&c->p, &x, public) || !hgl_scalar_get(&c->p, &y, public + half) ||
	    !is_on_curve(c, &x, &y))
		return false;
	set(c, &base, &c->x, &c->y);
	set(c, &key, &x, &y);
	factors(c, e, &r, &s, &g, &q);
	if (c->sm2 && hgl_scalar_is_zero(&q))
		return false;
	multiply(c, &base, &g);
	multiply(c, &key, &q);
	enter(&c->p, &b, &c->b);
	add(c, &b, &base, &base, &key);
	if (!settle(c, &base, &x, &y))
		return false;
	to_order(c, &x, &x);
	if (c->sm2)
		hgl_scalar_add(&c->n, &x, &x, e);
	return hgl_scalar_equal(&x, &r);
}

bool hgl_ec_is_private(const struct hgl_curve *c, const struct hgl_scalar *d)
{
	static const struct hgl_scalar one = { { 1 } };
	struct hgl_scalar more;
	bool good;

	/* 1 + d is divided by, and n - 1 is a private key of ECDSA's. */
	hgl_scalar_add(&c->n, &more, d, &one);
	good = !hgl_scalar_is_zero(d) && (!c->sm2 || !hgl_scalar_is_zero(&more));
	hgl_wipe(&more, sizeof(more));
	return good;
}

bool hgl_ec_works(const struct hgl_curve *c, const struct hgl_scalar *e)
{
	const struct hgl_ec_example *example = hgl_ec_example(c);
	u8 signature[2 * HGL_SCALAR_SIZE], public[2 * HGL_SCALAR_SIZE];
	u32 half = hgl_modulus_size(&c->p);
	struct hgl_scalar d, k, x, y, want;

	if (!hgl_scalar_get(&c->n, &d, example->d) || !hgl_scalar_get(&c->n, &k, example->k) ||
	    !hgl_ec_multiply(c, &d, &x, &y) || hgl_ec_sign(c, &d, e, &k, signature))
		return false;
	hgl_scalar_put(&c->p, &x, public);
	hgl_scalar_put(&c->p, &y, public + half);
	if (!hgl_scalar_get(&c->n, &want, example->r) || !hgl_scalar_get(&c->n, &x, signature) ||
	    !hgl_scalar_equal(&x, &want) || !hgl_scalar_get(&c->n, &want, example->s) ||
	    !hgl_scalar_get(&c->n, &x, signature + half) || !hgl_scalar_equal(&x, &want) ||
	    !hgl_ec_verify(c, public, e, signature))
		return false;
	signature[half] ^= 1;
	return !hgl_ec_verify(c, public, e, signature);
}
