// SPDX-License-Identifier: GPL-2.0-only
/*
 * Integer arithmetic and its flags (APM vol. 1, 3.1.4), without side effects.
 *
 * Flags that the manuals leave undefined are set as current CPUs of both
 * vendors do where they agree, and are otherwise left alone.
 */
#include "emulate_priv.h"

static u64 msb_of(u32 size)
{
	return HG_BIT(8 * size - 1);
}

/* SF, ZF and PF of a result. */
static u64 result_flags(u64 v, u32 size)
{
	u64 fl = 0;

	v &= hg_size_mask(size);
	if (!v)
		fl |= HG_FL_ZF;
	if (v & msb_of(size))
		fl |= HG_FL_SF;
	/* 0x6996: the parity of each nibble. */
	if (!((0x6996 >> ((v ^ v >> 4) & 0xf)) & 1))
		fl |= HG_FL_PF;
	return fl;
}

static void set_flags(u64 *fl, u64 mask, u64 v)
{
	*fl = (*fl & ~mask) | (v & mask);
}

/*
 * Carries of a + b (+ carry in) = v, one per bit; for v = a - b the borrows
 * follow by exchanging a and v.
 */
static u64 carries(u64 a, u64 b, u64 v)
{
	return (a & b) | ((a | b) & ~v);
}

static u64 add_flags(u64 a, u64 b, u64 v, u32 size)
{
	u64 c = carries(a, b, v), fl = result_flags(v, size);

	if (c & msb_of(size))
		fl |= HG_FL_CF;
	if (c & 8)
		fl |= HG_FL_AF;
	if ((a ^ v) & (b ^ v) & msb_of(size))
		fl |= HG_FL_OF;
	return fl;
}

static u64 sub_flags(u64 a, u64 b, u64 v, u32 size)
{
	u64 c = carries(v, b, a), fl = result_flags(v, size);

	if (c & msb_of(size))
		fl |= HG_FL_CF;
	if (c & 8)
		fl |= HG_FL_AF;
	if ((a ^ b) & (a ^ v) & msb_of(size))
		fl |= HG_FL_OF;
	return fl;
}

u64 hg_alu(enum hg_alu_op op, u64 a, u64 b, u32 size, u64 *fl)
{
	u64 carry = *fl & HG_FL_CF ? 1 : 0, v, new;

	switch (op) {
	case HG_ALU_ADD:
	case HG_ALU_ADC:
		v = a + b + (op == HG_ALU_ADC ? carry : 0);
		new = add_flags(a, b, v, size);
		break;
	case HG_ALU_SUB:
	case HG_ALU_CMP:
	case HG_ALU_SBB:
		v = a - b - (op == HG_ALU_SBB ? carry : 0);
		new = sub_flags(a, b, v, size);
		break;
	case HG_ALU_OR:
		v = a | b;
		new = result_flags(v, size);
		break;
	case HG_ALU_AND:
		v = a & b;
		new = result_flags(v, size);
		break;
	default:
		v = a ^ b;
		new = result_flags(v, size);
		break;
	}
	set_flags(fl, HG_FL_ARITH, new);
	return v & hg_size_mask(size);
}

u64 hg_alu_inc(u64 a, u32 size, u64 *fl)
{
	u64 v = a + 1;

	set_flags(fl, HG_FL_ARITH & ~HG_FL_CF, add_flags(a, 1, v, size));
	return v & hg_size_mask(size);
}

u64 hg_alu_dec(u64 a, u32 size, u64 *fl)
{
	u64 v = a - 1;

	set_flags(fl, HG_FL_ARITH & ~HG_FL_CF, sub_flags(a, 1, v, size));
	return v & hg_size_mask(size);
}

u64 hg_alu_neg(u64 a, u32 size, u64 *fl)
{
	u64 v = 0 - a;

	set_flags(fl, HG_FL_ARITH, sub_flags(0, a, v, size));
	return v & hg_size_mask(size);
}

static u64 bool_flag(bool set, u64 flag)
{
	return set ? flag : 0;
}

/* ROL and ROR; n is the masked count, not zero. */
static u64 rotate(bool left, u64 a, u32 n, u32 size, u64 *fl)
{
	u32 bits = 8 * size, by = n % bits;
	u64 v = a, top;

	if (by) {
		u32 l = left ? by : bits - by;

		v = (a << l | a >> (bits - l)) & hg_size_mask(size);
	}
	top = v >> (bits - 1);
	if (left)
		set_flags(fl, HG_FL_CF | HG_FL_OF,
			  bool_flag(v & 1, HG_FL_CF) |
			  bool_flag((v & 1) != top, HG_FL_OF));
	else
		set_flags(fl, HG_FL_CF | HG_FL_OF,
			  bool_flag(top, HG_FL_CF) |
			  bool_flag(top != ((v >> (bits - 2)) & 1), HG_FL_OF));
	return v;
}

/* RCL and RCR turn through CF: a bit at a time, at most 63 of them. */
static u64 rotate_carry(bool left, u64 a, u32 n, u32 size, u64 *fl)
{
	u32 bits = 8 * size;
	u64 cf = *fl & HG_FL_CF ? 1 : 0, v = a, top;
	bool of;

	for (n %= bits + 1; n; n--) {
		u64 out;

		if (left) {
			out = v >> (bits - 1);
			v = (v << 1 | cf) & hg_size_mask(size);
		} else {
			out = v & 1;
			v = v >> 1 | cf << (bits - 1);
		}
		cf = out;
	}
	top = v >> (bits - 1);
	of = left ? top != cf : top != ((v >> (bits - 2)) & 1);
	set_flags(fl, HG_FL_CF | HG_FL_OF,
		  bool_flag(cf, HG_FL_CF) | bool_flag(of, HG_FL_OF));
	return v;
}

static u64 shift_left(u64 a, u32 n, u32 size, u64 *fl)
{
	u32 bits = 8 * size;
	u64 v = n < 64 ? a << n : 0;
	u64 cf = n <= bits ? (a >> (bits - n)) & 1 : 0;

	v &= hg_size_mask(size);
	set_flags(fl, HG_FL_ARITH & ~HG_FL_AF,
		  result_flags(v, size) | bool_flag(cf, HG_FL_CF) |
		  bool_flag((v >> (bits - 1)) != cf, HG_FL_OF));
	return v;
}

static u64 shift_right(bool arith, u64 a, u32 n, u32 size, u64 *fl)
{
	s64 s = (s64)hg_sign_extend(a, size);
	u64 v, cf;

	if (arith) {
		v = (u64)(s >> n);
		cf = (u64)(s >> (n - 1)) & 1;
	} else {
		v = a >> n;
		cf = (a >> (n - 1)) & 1;
	}
	v &= hg_size_mask(size);
	set_flags(fl, HG_FL_ARITH & ~HG_FL_AF,
		  result_flags(v, size) | bool_flag(cf, HG_FL_CF) |
		  bool_flag(!arith && (a & msb_of(size)), HG_FL_OF));
	return v;
}

u64 hg_alu_shift(enum hg_shift_op op, u64 a, u32 count, u32 size, u64 *fl)
{
	u32 n = count & (size == 8 ? 63 : 31);

	if (!n)
		return a;
	switch (op) {
	case HG_SH_ROL:
	case HG_SH_ROR:
		return rotate(op == HG_SH_ROL, a, n, size, fl);
	case HG_SH_RCL:
	case HG_SH_RCR:
		return rotate_carry(op == HG_SH_RCL, a, n, size, fl);
	case HG_SH_SHR:
	case HG_SH_SAR:
		return shift_right(op == HG_SH_SAR, a, n, size, fl);
	default:
		return shift_left(a, n, size, fl);
	}
}

u64 hg_alu_shift_double(bool left, u64 a, u64 b, u32 count, u32 size, u64 *fl)
{
	u32 bits = 8 * size, n = count & (size == 8 ? 63 : 31);
	u64 mask = hg_size_mask(size), v, cf, x = a, y = b;

	if (!n)
		return a;
	/* 16 bits by more than 16 is undefined; go on with the filler. */
	if (n > bits) {
		n -= bits;
		x = b;
		y = a;
	}
	if (left) {
		v = (n == bits ? y : x << n | y >> (bits - n)) & mask;
		cf = (x >> (bits - n)) & 1;
	} else {
		v = (n == bits ? y : x >> n | y << (bits - n)) & mask;
		cf = (x >> (n - 1)) & 1;
	}
	set_flags(fl, HG_FL_ARITH & ~HG_FL_AF,
		  result_flags(v, size) | bool_flag(cf, HG_FL_CF) |
		  bool_flag((a ^ v) & msb_of(size), HG_FL_OF));
	return v;
}

/* 64 by 64 bits to 128, by halves. */
static void mul64(u64 a, u64 b, u64 *lo, u64 *hi)
{
	u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
	u64 ll = al * bl, lh = al * bh, hl = ah * bl;
	u64 mid = (ll >> 32) + (u32)lh + (u32)hl;

	*lo = (u32)ll | mid << 32;
	*hi = ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32);
}

void hg_alu_mul(bool is_signed, u64 a, u64 b, u32 size, u64 *lo, u64 *hi,
		u64 *fl)
{
	u64 mask = hg_size_mask(size), l, h, over;

	if (is_signed) {
		a = hg_sign_extend(a, size);
		b = hg_sign_extend(b, size);
	}
	mul64(a, b, &l, &h);
	if (is_signed)
		h -= ((s64)a < 0 ? b : 0) + ((s64)b < 0 ? a : 0);
	if (size < 8)
		h = l >> (8 * size);
	*lo = l & mask;
	*hi = h & mask;

	over = is_signed && (*lo & msb_of(size)) ? mask : 0;
	set_flags(fl, HG_FL_CF | HG_FL_OF,
		  bool_flag(*hi != over, HG_FL_CF | HG_FL_OF));
}

/* Schoolbook division; hi < d, so that the quotient fits. */
static void div128(u64 hi, u64 lo, u64 d, u64 *quot, u64 *rem)
{
	u64 q = 0;
	u32 i;

	for (i = 0; i < 64; i++) {
		u64 carry = hi >> 63;

		hi = hi << 1 | lo >> 63;
		lo <<= 1;
		q <<= 1;
		if (carry || hi >= d) {
			hi -= d;
			q |= 1;
		}
	}
	*quot = q;
	*rem = hi;
}

static bool div_unsigned(u64 hi, u64 lo, u64 d, u32 size, u64 *quot, u64 *rem)
{
	if (hi >= d)	/* includes d == 0 */
		return false;
	if (size == 8) {
		div128(hi, lo, d, quot, rem);
	} else {
		u64 n = hi << (8 * size) | lo;

		*quot = n / d;
		*rem = n % d;
	}
	return true;
}

bool hg_alu_div(bool is_signed, u64 hi, u64 lo, u64 d, u32 size, u64 *quot,
		u64 *rem)
{
	u64 mask = hg_size_mask(size), msb = msb_of(size);
	bool neg_n = is_signed && (hi & msb), neg_d = is_signed && (d & msb);

	if (neg_n) {
		lo = (0 - lo) & mask;
		hi = (~hi + !lo) & mask;
	}
	if (neg_d)
		d = (0 - d) & mask;
	if (!div_unsigned(hi, lo, d, size, quot, rem))
		return false;
	if (is_signed) {
		/* -2^(n-1) is the one magnitude with the top bit set. */
		if (neg_n != neg_d ? *quot > msb : *quot >= msb)
			return false;
		if (neg_n != neg_d)
			*quot = (0 - *quot) & mask;
		if (neg_n)
			*rem = (0 - *rem) & mask;
	}
	return true;
}

/* The low four bits of Jcc, SETcc and CMOVcc. */
bool hg_alu_condition(u32 cc, u64 fl)
{
	bool cf = fl & HG_FL_CF, zf = fl & HG_FL_ZF, sf = fl & HG_FL_SF;
	bool of = fl & HG_FL_OF, pf = fl & HG_FL_PF, ret;

	switch ((cc >> 1) & 7) {
	case 0:
		ret = of;
		break;
	case 1:
		ret = cf;
		break;
	case 2:
		ret = zf;
		break;
	case 3:
		ret = cf || zf;
		break;
	case 4:
		ret = sf;
		break;
	case 5:
		ret = pf;
		break;
	case 6:
		ret = sf != of;
		break;
	default:
		ret = zf || sf != of;
		break;
	}
	return ret != (cc & 1);
}
