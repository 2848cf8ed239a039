// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: exchanges, the ones made for LOCK.
 */
#include "emulate_priv.h"

static enum hg_emu_result exchange(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_RMW);
	if (ret)
		return ret;
	ret = hg_opnd_store(r, &o, hg_run_reg(r, insn->reg, o.size));
	if (!ret)
		hg_run_set_reg(r, insn->reg, o.size, o.value);
	return ret;
}

/* 90 to 97: with rAX. 90 without REX.B is NOP. */
static enum hg_emu_result exchange_rax(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 nr = (insn->opcode & 7) | (insn->rex & 1) << 3;
	u32 size = insn->opsize;
	u64 v;

	if (nr == HG_RAX)
		return HG_EMU_DONE;
	v = hg_run_reg(r, nr, size);
	hg_run_set_reg(r, nr, size, hg_run_reg(r, HG_RAX, size));
	hg_run_set_reg(r, HG_RAX, size, v);
	return HG_EMU_DONE;
}

static enum hg_emu_result exchange_add(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u64 fl = r->rflags, sum;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_RMW);
	if (ret)
		return ret;
	sum = hg_alu(HG_ALU_ADD, o.value, hg_run_reg(r, insn->reg, o.size),
		     o.size, &fl);
	/* With one register as both, the sum is what remains. */
	if (!o.mem)
		hg_run_set_reg(r, insn->reg, o.size, o.value);
	ret = hg_opnd_store(r, &o, sum);
	if (ret)
		return ret;
	if (o.mem)
		hg_run_set_reg(r, insn->reg, o.size, o.value);
	r->rflags = fl;
	return HG_EMU_DONE;
}

/* On a mismatch memory is written too, with what it held. */
static enum hg_emu_result compare_exchange(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u64 fl = r->rflags, a;
	struct hg_opnd o;
	enum hg_emu_result ret;
	bool equal;

	ret = hg_opnd_load(r, &o, insn->opsize, HG_ACC_RMW);
	if (ret)
		return ret;
	a = hg_run_reg(r, HG_RAX, o.size);
	hg_alu(HG_ALU_CMP, a, o.value, o.size, &fl);
	equal = a == o.value;
	if (o.mem || equal) {
		ret = hg_opnd_store(r, &o, equal ? hg_run_reg(r, insn->reg,
							      o.size)
						 : o.value);
		if (ret)
			return ret;
	}
	if (!equal)
		hg_run_set_reg(r, HG_RAX, o.size, o.value);
	r->rflags = fl;
	return HG_EMU_DONE;
}

/* CMPXCHG8B and CMPXCHG16B: half is the size of a register in it. */
static enum hg_emu_result compare_exchange_pair(struct hg_run *r)
{
	u32 half = r->insn->flags & HG_INSN_W ? 8 : 4;
	u8 old[16] = { 0 }, new[16] = { 0 };
	u64 lo = 0, hi = 0;
	struct hg_opnd o;
	enum hg_emu_result ret;
	bool equal;

	ret = hg_opnd_find(r, &o, 2 * half, HG_ACC_RMW);
	if (ret)
		return ret;
	if (half == 8 && (o.linear & 15))
		return hg_run_fault0(r, HG_VEC_GP);
	ret = hg_mem_read(r, o.linear, old, 2 * half, HG_ACC_RMW);
	if (ret)
		return ret;
	__builtin_memcpy(&lo, old, 8);
	__builtin_memcpy(&hi, old + 8, 8);
	if (half == 4) {
		hi = lo >> 32;
		lo = (u32)lo;
	}

	equal = lo == hg_run_reg(r, HG_RAX, half) &&
		hi == hg_run_reg(r, HG_RDX, half);
	__builtin_memcpy(new, old, sizeof(new));
	if (equal) {
		u64 b = hg_run_gpr(r, HG_RBX), c = hg_run_gpr(r, HG_RCX);

		__builtin_memcpy(new, &b, 8);
		__builtin_memcpy(new + half, &c, 8);
	}
	if (r->insn->flags & HG_INSN_LOCK)
		ret = hg_mem_cmpxchg(r, o.linear, old, new, 2 * half);
	else
		ret = hg_mem_write(r, o.linear, new, 2 * half, 0, true);
	if (ret)
		return ret;

	r->rflags &= ~HG_FL_ZF;
	if (equal) {
		r->rflags |= HG_FL_ZF;
	} else {
		hg_run_set_reg(r, HG_RAX, half, lo);
		hg_run_set_reg(r, HG_RDX, half, hi);
	}
	return HG_EMU_DONE;
}

enum hg_emu_result hg_exec_exchange(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;

	if (insn->map == HG_MAP_1B)
		return insn->opcode >= 0x90 ? exchange_rax(r) : exchange(r);

	switch (insn->opcode) {
	case 0xb0:
	case 0xb1:
		return compare_exchange(r);
	case 0xc0:
	case 0xc1:
		return exchange_add(r);
	default:
		/* 0F C7: the others are RDRAND, RDSEED, XSAVEC, ... */
		if ((insn->reg & 7) != 1 || !(insn->flags & HG_INSN_MEM))
			return hg_run_unsupported(r, HG_EMU_R_OPCODE);
		return compare_exchange_pair(r);
	}
}
