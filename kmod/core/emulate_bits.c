// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: single bits, bit counts and conditions.
 */
#include "emulate_priv.h"

enum bit_op {
	BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT,
};

static u64 bit_apply(enum bit_op op, u64 v, u64 bit)
{
	switch (op) {
	case BIT_SET:
		return v | bit;
	case BIT_RESET:
		return v & ~bit;
	case BIT_COMPLEMENT:
		return v ^ bit;
	default:
		return v;
	}
}

/*
 * BT and its kin. A register bit number addresses memory as a string of bits:
 * its signed quotient by the operand size moves the operand.
 */
static enum hg_emu_result bit_rm(struct hg_run *r, enum bit_op op, u64 number,
				 bool moves)
{
	u32 access = op == BIT_TEST ? HG_ACC_READ : HG_ACC_RMW;
	struct hg_insn moved;
	const struct hg_insn *insn = r->insn;
	u32 size = insn->opsize, shift = size == 8 ? 6 : size == 4 ? 5 : 4;
	u64 bit = HG_BIT(number & (8 * size - 1));
	struct hg_opnd o;
	enum hg_emu_result ret;

	if (moves && (insn->flags & HG_INSN_MEM)) {
		s64 n = (s64)hg_sign_extend(number, size) >> shift;

		moved = *insn;
		moved.disp = (s64)((u64)moved.disp + (u64)n * size);
		r->insn = &moved;
	}
	ret = hg_opnd_load(r, &o, size, access);
	if (!ret && op != BIT_TEST)
		ret = hg_opnd_store(r, &o, bit_apply(op, o.value, bit));
	r->insn = insn;
	if (ret)
		return ret;
	r->rflags &= ~HG_FL_CF;
	if (o.value & bit)
		r->rflags |= HG_FL_CF;
	return HG_EMU_DONE;
}

static u32 lowest_bit(u64 v)
{
	return (u32)__builtin_ctzll(v);
}

static u32 highest_bit(u64 v)
{
	return 63 - (u32)__builtin_clzll(v);
}

static u32 count_bits(u64 v)
{
	u32 n;

	for (n = 0; v; n++)
		v &= v - 1;
	return n;
}

static void set_count_flags(struct hg_run *r, u64 mask, bool cf, bool zf)
{
	r->rflags &= ~mask;
	if (cf)
		r->rflags |= HG_FL_CF;
	if (zf)
		r->rflags |= HG_FL_ZF;
}

/* BSF and BSR, and with F3 TZCNT and LZCNT. */
static enum hg_emu_result bit_scan(struct hg_run *r, bool reverse)
{
	const struct hg_insn *insn = r->insn;
	u32 size = insn->opsize, v;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, size, HG_ACC_READ);
	if (ret)
		return ret;
	if (insn->flags & HG_INSN_REP) {
		v = 8 * size;
		if (o.value)
			v = reverse ? v - 1 - highest_bit(o.value)
				    : lowest_bit(o.value);
		hg_run_set_reg(r, insn->reg, size, v);
		set_count_flags(r, HG_FL_CF | HG_FL_ZF, !o.value, !v);
		return HG_EMU_DONE;
	}

	set_count_flags(r, HG_FL_ZF, false, !o.value);
	/* Zero leaves the destination alone, on all CPUs of both vendors. */
	if (o.value)
		hg_run_set_reg(r, insn->reg, size,
			       reverse ? highest_bit(o.value)
				       : lowest_bit(o.value));
	return HG_EMU_DONE;
}

static enum hg_emu_result population(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	hg_run_set_reg(r, insn->reg, insn->opsize, count_bits(o.value));
	set_count_flags(r, HG_FL_ARITH, false, !o.value);
	return HG_EMU_DONE;
}

static enum hg_emu_result set_condition(struct hg_run *r)
{
	struct hg_opnd o;
	enum hg_emu_result ret = hg_opnd_find(r, &o, 1, HG_ACC_WRITE);

	if (ret)
		return ret;
	return hg_opnd_store(r, &o,
			     hg_alu_condition(r->insn->opcode, r->rflags));
}

/* The source is read, and the register written, whatever the condition. */
static enum hg_emu_result move_condition(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	struct hg_opnd o;
	enum hg_emu_result ret;
	u64 v;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	v = hg_run_reg(r, insn->reg, insn->opsize);
	if (hg_alu_condition(insn->opcode, r->rflags))
		v = o.value;
	hg_run_set_reg(r, insn->reg, insn->opsize, v);
	return HG_EMU_DONE;
}

enum hg_emu_result hg_exec_bits(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u8 opcode = insn->opcode;
	u64 number;

	if ((opcode & 0xf0) == 0x90)
		return set_condition(r);
	if ((opcode & 0xf0) == 0x40)
		return move_condition(r);

	switch (opcode) {
	case 0xb8:
		return population(r);
	case 0xba:
		return bit_rm(r, insn->reg & 3, (u8)insn->imm, false);
	case 0xbc:
		return bit_scan(r, false);
	case 0xbd:
		return bit_scan(r, true);
	default:
		/* a3, ab, b3, bb */
		number = hg_run_reg(r, insn->reg, insn->opsize);
		return bit_rm(r, (opcode >> 3) & 3, number, true);
	}
}
