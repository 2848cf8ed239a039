// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: integer arithmetic, logic and shifts.
 */
#include "emulate_priv.h"

/* The flags change only when the result could be stored. */
static enum hg_emu_result store(struct hg_run *r, struct hg_opnd *o, u64 v,
				u64 fl)
{
	enum hg_emu_result ret = hg_opnd_store(r, o, v);

	if (!ret)
		r->rflags = fl;
	return ret;
}

/* op r/m, b for the eight basic operations. */
static enum hg_emu_result alu_rm(struct hg_run *r, enum hg_alu_op op, u64 b)
{
	u32 access = op == HG_ALU_CMP ? HG_ACC_READ : HG_ACC_RMW;
	u64 fl = r->rflags, v;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, r->insn->opsize, access);
	if (ret)
		return ret;
	v = hg_alu(op, o.value, b, o.size, &fl);
	if (op == HG_ALU_CMP) {
		r->rflags = fl;
		return HG_EMU_DONE;
	}
	return store(r, &o, v, fl);
}

/* op reg, r/m */
static enum hg_emu_result alu_reg(struct hg_run *r, enum hg_alu_op op)
{
	const struct hg_insn *insn = r->insn;
	struct hg_opnd o;
	enum hg_emu_result ret;
	u64 a, v;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	a = hg_run_reg(r, insn->reg, insn->opsize);
	v = hg_alu(op, a, o.value, insn->opsize, &r->rflags);
	if (op != HG_ALU_CMP)
		hg_run_set_reg(r, insn->reg, insn->opsize, v);
	return HG_EMU_DONE;
}

/* Opcodes 00 to 3f: three bits of operation, three of form. */
static enum hg_emu_result alu_basic(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	enum hg_alu_op op = (insn->opcode >> 3) & 7;
	u64 a, v;

	switch (insn->opcode & 7) {
	case 0:
	case 1:
		return alu_rm(r, op, hg_run_reg(r, insn->reg, insn->opsize));
	case 2:
	case 3:
		return alu_reg(r, op);
	default:
		a = hg_run_reg(r, HG_RAX, insn->opsize);
		v = hg_alu(op, a, insn->imm, insn->opsize, &r->rflags);
		if (op != HG_ALU_CMP)
			hg_run_set_reg(r, HG_RAX, insn->opsize, v);
		return HG_EMU_DONE;
	}
}

static enum hg_emu_result test_rm(struct hg_run *r, u64 b)
{
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_READ);
	if (!ret)
		hg_alu(HG_ALU_AND, o.value, b, o.size, &r->rflags);
	return ret;
}

/* INC, DEC, NOT and NEG. */
static enum hg_emu_result unary(struct hg_run *r, u8 what)
{
	u64 fl = r->rflags, v;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_RMW);
	if (ret)
		return ret;
	switch (what) {
	case '+':
		v = hg_alu_inc(o.value, o.size, &fl);
		break;
	case '-':
		v = hg_alu_dec(o.value, o.size, &fl);
		break;
	case 'n':
		v = hg_alu_neg(o.value, o.size, &fl);
		break;
	default:
		v = ~o.value;
		break;
	}
	return store(r, &o, v, fl);
}

/* A double-width value: rDX:rAX, or AX for bytes. */
static void set_wide(struct hg_run *r, u32 size, u64 lo, u64 hi)
{
	if (size == 1) {
		hg_run_set_reg(r, HG_RAX, 2, lo | hi << 8);
		return;
	}
	hg_run_set_reg(r, HG_RAX, size, lo);
	hg_run_set_reg(r, HG_RDX, size, hi);
}

static enum hg_emu_result mul_rm(struct hg_run *r, bool is_signed)
{
	u64 lo, hi;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	hg_alu_mul(is_signed, hg_run_reg(r, HG_RAX, o.size), o.value, o.size,
		   &lo, &hi, &r->rflags);
	set_wide(r, o.size, lo, hi);
	return HG_EMU_DONE;
}

static enum hg_emu_result div_rm(struct hg_run *r, bool is_signed)
{
	u64 hi, lo, quot, rem;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	lo = hg_run_reg(r, HG_RAX, o.size);
	if (o.size == 1)
		hi = hg_run_reg(r, HG_RAX, 2) >> 8;
	else
		hi = hg_run_reg(r, HG_RDX, o.size);
	if (!hg_alu_div(is_signed, hi, lo, o.value, o.size, &quot, &rem))
		return hg_run_fault(r, HG_VEC_DE);
	set_wide(r, o.size, quot, rem);
	return HG_EMU_DONE;
}

/* Opcodes f6 and f7. */
static enum hg_emu_result group3(struct hg_run *r)
{
	switch (r->insn->reg & 7) {
	case 0:
	case 1:
		return test_rm(r, r->insn->imm);
	case 2:
		return unary(r, '~');
	case 3:
		return unary(r, 'n');
	case 4:
		return mul_rm(r, false);
	case 5:
		return mul_rm(r, true);
	case 6:
		return div_rm(r, false);
	default:
		return div_rm(r, true);
	}
}

/* IMUL with two and with three operands. */
static enum hg_emu_result imul_reg(struct hg_run *r, bool immediate)
{
	const struct hg_insn *insn = r->insn;
	struct hg_opnd o;
	enum hg_emu_result ret;
	u64 a, lo, hi;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	a = immediate ? insn->imm & hg_size_mask(o.size)
		      : hg_run_reg(r, insn->reg, o.size);
	hg_alu_mul(true, a, o.value, o.size, &lo, &hi, &r->rflags);
	hg_run_set_reg(r, insn->reg, o.size, lo);
	return HG_EMU_DONE;
}

static enum hg_emu_result shift_rm(struct hg_run *r, u32 count)
{
	u64 fl = r->rflags, v;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_RMW);
	if (ret)
		return ret;
	v = hg_alu_shift(r->insn->reg & 7, o.value, count, o.size, &fl);
	return store(r, &o, v, fl);
}

static enum hg_emu_result shift_double(struct hg_run *r, bool left, u32 count)
{
	const struct hg_insn *insn = r->insn;
	u64 fl = r->rflags, b, v;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_RMW);
	if (ret)
		return ret;
	b = hg_run_reg(r, insn->reg, o.size);
	v = hg_alu_shift_double(left, o.value, b, count, o.size, &fl);
	return store(r, &o, v, fl);
}

/* CBW, CWDE, CDQE. */
static enum hg_emu_result widen(struct hg_run *r)
{
	u32 size = r->insn->opsize;
	u64 v = hg_sign_extend(hg_run_gpr(r, HG_RAX), size / 2);

	hg_run_set_reg(r, HG_RAX, size, v);
	return HG_EMU_DONE;
}

/* CWD, CDQ, CQO. */
static enum hg_emu_result widen_pair(struct hg_run *r)
{
	u32 size = r->insn->opsize;
	s64 v = (s64)hg_sign_extend(hg_run_gpr(r, HG_RAX), size);

	hg_run_set_reg(r, HG_RDX, size, v < 0 ? ~0ULL : 0);
	return HG_EMU_DONE;
}

static enum hg_emu_result arith_0f(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u8 cl = (u8)hg_run_gpr(r, HG_RCX);

	switch (insn->opcode) {
	case 0xa4:
		return shift_double(r, true, (u8)insn->imm);
	case 0xa5:
		return shift_double(r, true, cl);
	case 0xac:
		return shift_double(r, false, (u8)insn->imm);
	case 0xad:
		return shift_double(r, false, cl);
	default:
		return imul_reg(r, false);
	}
}

/* INC and DEC of a register, only outside 64-bit code. */
static enum hg_emu_result inc_dec_reg(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 nr = insn->opcode & 7;
	u64 v = hg_run_reg(r, nr, insn->opsize);

	v = insn->opcode & 8 ? hg_alu_dec(v, insn->opsize, &r->rflags)
			     : hg_alu_inc(v, insn->opsize, &r->rflags);
	hg_run_set_reg(r, nr, insn->opsize, v);
	return HG_EMU_DONE;
}

enum hg_emu_result hg_exec_arith(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;

	if (insn->map == HG_MAP_0F)
		return arith_0f(r);
	if (insn->opcode < 0x40)
		return alu_basic(r);

	switch (insn->opcode) {
	case 0x69:
	case 0x6b:
		return imul_reg(r, true);
	case 0x80:
	case 0x81:
	case 0x82:
	case 0x83:
		return alu_rm(r, insn->reg & 7, insn->imm);
	case 0x84:
	case 0x85:
		return test_rm(r, hg_run_reg(r, insn->reg, insn->opsize));
	case 0x98:
		return widen(r);
	case 0x99:
		return widen_pair(r);
	case 0xa8:
	case 0xa9:
		hg_alu(HG_ALU_AND, hg_run_reg(r, HG_RAX, insn->opsize),
		       insn->imm, insn->opsize, &r->rflags);
		return HG_EMU_DONE;
	case 0xc0:
	case 0xc1:
		return shift_rm(r, (u8)insn->imm);
	case 0xd0:
	case 0xd1:
		return shift_rm(r, 1);
	case 0xd2:
	case 0xd3:
		return shift_rm(r, (u8)hg_run_gpr(r, HG_RCX));
	case 0xf6:
	case 0xf7:
		return group3(r);
	case 0xfe:
	case 0xff:
		return unary(r, insn->reg & 7 ? '-' : '+');
	default:
		return inc_dec_reg(r);
	}
}
