/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diffie-Hellman on P-256 (FIPS 186-5) and on SM2's curve (GM/T 0003.5), for
 * the device. Both are y^2 = x^3 - 3x + b, so one formula serves both: the
 * complete addition of Renes, Costello and Batina (Eurocrypt 2016, algorithm
 * 4), which needs no special case for doubling or for the neutral element, and
 * so no branch.
 *
 * Points outside are x || y, big-endian, 64 bytes.
 */
#ifndef HG_CURVE_H
#define HG_CURVE_H

#include "fe256.h"

#define CURVE_POINT  64
#define CURVE_SCALAR 32

struct curve {
	struct fe_prime p;
	u32 b[FE_WORDS]; /* Montgomery form, as the generator */
	u32 gx[FE_WORDS], gy[FE_WORDS];
	u32 n[FE_WORDS]; /* order of the generator; plain */
};

HG_CONST struct curve curve_p256 = {
	{
		{ 0xffffffff, 0xffffffff, 0xffffffff, 0x00000000, 0x00000000, 0x00000000,
		  0x00000001, 0xffffffff },
		{ 0x00000003, 0x00000000, 0xffffffff, 0xfffffffb, 0xfffffffe, 0xffffffff,
		  0xfffffffd, 0x00000004 },
		{ 0x00000001, 0x00000000, 0x00000000, 0xffffffff, 0xffffffff, 0xffffffff,
		  0xfffffffe, 0x00000000 },
		0x00000001,
	},
	{ 0x29c4bddf, 0xd89cdf62, 0x78843090, 0xacf005cd, 0xf7212ed6, 0xe5a220ab, 0x04874834,
	  0xdc30061d },
	{ 0x18a9143c, 0x79e730d4, 0x5fedb601, 0x75ba95fc, 0x77622510, 0x79fb732b, 0xa53755c6,
	  0x18905f76 },
	{ 0xce95560a, 0xddf25357, 0xba19e45c, 0x8b4ab8e4, 0xdd21f325, 0xd2e88688, 0x25885d85,
	  0x8571ff18 },
	{ 0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0x00000000,
	  0xffffffff },
};

HG_CONST struct curve curve_sm2 = {
	{
		{ 0xffffffff, 0xffffffff, 0x00000000, 0xffffffff, 0xffffffff, 0xffffffff,
		  0xffffffff, 0xfffffffe },
		{ 0x00000003, 0x00000002, 0xffffffff, 0x00000002, 0x00000001, 0x00000001,
		  0x00000002, 0x00000004 },
		{ 0x00000001, 0x00000000, 0xffffffff, 0x00000000, 0x00000000, 0x00000000,
		  0x00000000, 0x00000001 },
		0x00000001,
	},
	{ 0x2bc0dd42, 0x90d23063, 0xe9b537ab, 0x71cf379a, 0x5ea51c3c, 0x52798150, 0xba20e2c8,
	  0x240fe188 },
	{ 0xf418029e, 0x61328990, 0xdca6c050, 0x3e7981ed, 0xac24c3c3, 0xd6a1ed99, 0xe1c13b05,
	  0x91167a5e },
	{ 0x3c2d0ddd, 0xc1354e59, 0x8d3295fa, 0xc1f5e578, 0x6e2a48f8, 0x8d4cfb06, 0x81d735bd,
	  0x63cd65d4 },
	{ 0x39d54123, 0x53bbf409, 0x21c6052b, 0x7203df6b, 0xffffffff, 0xffffffff, 0xffffffff,
	  0xfffffffe },
};

/* Registers of the formulas: two points in, one out, temporaries, b. */
#define X1		0
#define Y1		1
#define Z1		2
#define X2		3
#define Y2		4
#define Z2		5
#define X3		6
#define Y3		7
#define Z3		8
#define T0		9
#define T1		10
#define T2		11
#define T3		12
#define T4		13
#define CB		14
#define CURVE_REGISTERS 15

HG_CONST struct fe_step curve_add[] = {
	{ FE_MUL, T0, X1, X2 }, { FE_MUL, T1, Y1, Y2 }, { FE_MUL, T2, Z1, Z2 },
	{ FE_ADD, T3, X1, Y1 }, { FE_ADD, T4, X2, Y2 }, { FE_MUL, T3, T3, T4 },
	{ FE_ADD, T4, T0, T1 }, { FE_SUB, T3, T3, T4 }, { FE_ADD, T4, Y1, Z1 },
	{ FE_ADD, X3, Y2, Z2 }, { FE_MUL, T4, T4, X3 }, { FE_ADD, X3, T1, T2 },
	{ FE_SUB, T4, T4, X3 }, { FE_ADD, X3, X1, Z1 }, { FE_ADD, Y3, X2, Z2 },
	{ FE_MUL, X3, X3, Y3 }, { FE_ADD, Y3, T0, T2 }, { FE_SUB, Y3, X3, Y3 },
	{ FE_MUL, Z3, CB, T2 }, { FE_SUB, X3, Y3, Z3 }, { FE_ADD, Z3, X3, X3 },
	{ FE_ADD, X3, X3, Z3 }, { FE_SUB, Z3, T1, X3 }, { FE_ADD, X3, T1, X3 },
	{ FE_MUL, Y3, CB, Y3 }, { FE_ADD, T1, T2, T2 }, { FE_ADD, T2, T1, T2 },
	{ FE_SUB, Y3, Y3, T2 }, { FE_SUB, Y3, Y3, T0 }, { FE_ADD, T1, Y3, Y3 },
	{ FE_ADD, Y3, T1, Y3 }, { FE_ADD, T1, T0, T0 }, { FE_ADD, T0, T1, T0 },
	{ FE_SUB, T0, T0, T2 }, { FE_MUL, T1, T4, Y3 }, { FE_MUL, T2, T0, Y3 },
	{ FE_MUL, Y3, X3, Z3 }, { FE_ADD, Y3, Y3, T2 }, { FE_MUL, X3, T3, X3 },
	{ FE_SUB, X3, X3, T1 }, { FE_MUL, Z3, T4, Z3 }, { FE_MUL, T1, T3, T0 },
	{ FE_ADD, Z3, Z3, T1 },
};

/* T0 = y^2 - (x^3 - 3x + b), of the point in X1 and Y1. */
HG_CONST struct fe_step curve_equation[] = {
	{ FE_MUL, T0, X1, X1 }, { FE_MUL, T1, T0, X1 }, { FE_ADD, T2, X1, X1 },
	{ FE_ADD, T2, T2, X1 }, { FE_SUB, T1, T1, T2 }, { FE_ADD, T1, T1, CB },
	{ FE_MUL, T0, Y1, Y1 }, { FE_SUB, T0, T0, T1 },
};

#define FE_STEPS(table) ((int)(sizeof(table) / sizeof((table)[0])))

HG_FN void fe_const(struct fe *out, HG_CPTR u32 *in)
{
	int i;

	for (i = 0; i < FE_WORDS; i++)
		out->v[i] = in[i];
}

/* r[X2..Z2] times @k -> r[X1..Z1]: doubling and adding for each bit, whatever it is. */
HG_FN void curve_ladder(struct fe *r, const u32 *k, HG_CPTR struct curve *c)
{
	struct fe base[3], acc[3];
	int i, j, pass;

	for (j = 0; j < 3; j++) {
		base[j] = r[X2 + j];
		for (i = 0; i < FE_WORDS; i++)
			acc[j].v[i] = j == 1 ? c->p.one[i] : 0;
	}
	for (i = 255; i >= 0; i--) {
		for (pass = 0; pass < 2; pass++) {
			u32 take = pass ? k[i >> 5] >> (i & 31) & 1 : 1;

			for (j = 0; j < 3; j++) {
				r[X1 + j] = acc[j];
				r[X2 + j] = pass ? base[j] : acc[j];
			}
			fe_run(r, curve_add, FE_STEPS(curve_add), &c->p);
			for (j = 0; j < 3; j++)
				words_choose(acc[j].v, r[X3 + j].v, take);
		}
	}
	for (j = 0; j < 3; j++)
		r[X1 + j] = acc[j];
}

/* 1 if @k, plain, may be a private key: 0 < k < n. */
HG_FN u32 curve_scalar_ok(const u32 *k, HG_CPTR struct curve *c)
{
	return words_less(k, c->n) & (1u - words_zero(k));
}

/*
 * @scalar (big-endian) times @point, or times the generator when @point is
 * null -> @out. -> 0, or -1: the scalar is 0 or too large, the point is not on
 * the curve. Then @out is zero.
 */
HG_FN int curve_multiply(u8 *out, const u8 *scalar, const u8 *point, HG_CPTR struct curve *c)
{
	struct fe r[CURVE_REGISTERS];
	u32 k[FE_WORDS], ok;
	int i;

	words_from_be(k, scalar);
	ok = curve_scalar_ok(k, c);
	fe_const(&r[CB], c->b);
	fe_const(&r[X1], c->gx);
	fe_const(&r[Y1], c->gy);
	if (point) {
		words_from_be(r[X1].v, point);
		words_from_be(r[Y1].v, point + 32);
		ok &= words_less(r[X1].v, c->p.p) & words_less(r[Y1].v, c->p.p);
		fe_enter(&r[X1], &c->p);
		fe_enter(&r[Y1], &c->p);
	}
	fe_run(r, curve_equation, FE_STEPS(curve_equation), &c->p);
	ok &= words_zero(r[T0].v);

	r[X2] = r[X1];
	r[Y2] = r[Y1];
	fe_const(&r[Z2], c->p.one);
	curve_ladder(r, k, c);
	fe_invert(&r[Z1], &r[Z1], &c->p);
	fe_mul(&r[X1], &r[X1], &r[Z1], &c->p);
	fe_mul(&r[Y1], &r[Y1], &r[Z1], &c->p);
	fe_leave(&r[X1], &c->p);
	fe_leave(&r[Y1], &c->p);
	words_to_be(out, r[X1].v);
	words_to_be(out + 32, r[Y1].v);
	for (i = 0; i < CURVE_POINT; i++)
		out[i] &= (u8)(0u - ok);
	for (i = 0; i < FE_WORDS; i++)
		k[i] = 0;
	return (int)ok - 1;
}

#undef X1
#undef Y1
#undef Z1
#undef X2
#undef Y2
#undef Z2
#undef X3
#undef Y3
#undef Z3
#undef T0
#undef T1
#undef T2
#undef T3
#undef T4
#undef CB

#endif
