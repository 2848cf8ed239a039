// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: moves between registers and memory.
 */
#include "emulate_priv.h"

static u64 swap_bytes(u64 v, u32 size)
{
	return __builtin_bswap64(v) >> (64 - 8 * size);
}

static enum hg_emu_result store_value(struct hg_run *r, u32 size, u64 v)
{
	struct hg_opnd o;
	enum hg_emu_result ret = hg_opnd_find(r, &o, size, HG_ACC_WRITE);

	if (ret)
		return ret;
	return hg_opnd_store(r, &o, v);
}

/* Load `from` bytes into a register of the operand size. */
static enum hg_emu_result load_extended(struct hg_run *r, u32 from,
					bool is_signed)
{
	const struct hg_insn *insn = r->insn;
	struct hg_opnd o;
	enum hg_emu_result ret;

	ret = hg_opnd_load(r, &o, from, HG_ACC_READ);
	if (ret)
		return ret;
	if (is_signed)
		o.value = hg_sign_extend(o.value, from);
	hg_run_set_reg(r, insn->reg, insn->opsize, o.value);
	return HG_EMU_DONE;
}

static enum hg_emu_result move_moffs(struct hg_run *r, bool store)
{
	u32 size = r->insn->opsize;
	struct hg_opnd o;
	enum hg_emu_result ret;

	if (store)
		return store_value(r, size, hg_run_reg(r, HG_RAX, size));
	ret = hg_opnd_load(r, &o, size, HG_ACC_READ);
	if (!ret)
		hg_run_set_reg(r, HG_RAX, size, o.value);
	return ret;
}

/* MOV r/m, sreg: 16 bits to memory, the operand size to a register. */
static enum hg_emu_result store_segment(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 size = insn->flags & HG_INSN_MEM ? 2 : insn->opsize;
	struct hg_segment s;

	if ((insn->reg & 7) > HG_SEG_GS)
		return hg_run_fault(r, HG_VEC_UD);
	r->emu->ops->seg(r->emu->ctx, insn->reg & 7, &s);
	return store_value(r, size, s.selector);
}

static enum hg_emu_result load_segment(struct hg_run *r)
{
	u8 seg = r->insn->reg & 7;
	struct hg_opnd o;
	enum hg_emu_result ret;

	if (seg > HG_SEG_GS || seg == HG_SEG_CS)
		return hg_run_fault(r, HG_VEC_UD);
	if (!r->emu->ops->load_seg)
		return hg_run_unsupported(r, HG_EMU_R_NO_CALLBACK);
	ret = hg_opnd_load(r, &o, 2, HG_ACC_READ);
	if (ret)
		return ret;
	r->seg_pending = true;
	r->seg_nr = seg;
	r->seg_selector = (u16)o.value;
	if (seg == HG_SEG_SS)
		r->out_flags |= HG_EMU_OUT_SHADOW;
	return HG_EMU_DONE;
}

static enum hg_emu_result load_address(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;

	hg_run_set_reg(r, insn->reg, insn->opsize,
		       hg_insn_offset(insn, r->emu->gpr, r->rip));
	return HG_EMU_DONE;
}

/* XLAT: AL = [rBX + AL] */
static enum hg_emu_result translate(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u64 offset = hg_run_gpr(r, HG_RBX) + hg_run_reg(r, HG_RAX, 1);
	enum hg_emu_result ret;
	u64 linear, v = 0;

	ret = hg_mem_linear(r, insn->seg, offset & hg_size_mask(insn->addrsize),
			    1, HG_ACC_READ, &linear);
	if (ret)
		return ret;
	ret = hg_mem_read(r, linear, &v, 1, HG_ACC_READ);
	if (!ret)
		hg_run_set_reg(r, HG_RAX, 1, v);
	return ret;
}

/* 0F 38 F0 and F1; with F2 they are CRC32, which we do not have. */
static enum hg_emu_result move_swapped(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 size = insn->opsize;
	struct hg_opnd o;
	enum hg_emu_result ret;

	if (insn->flags & HG_INSN_REPNE)
		return hg_run_unsupported(r, HG_EMU_R_OPCODE);
	if (!(insn->flags & HG_INSN_MEM) || (insn->flags & HG_INSN_REP))
		return hg_run_fault(r, HG_VEC_UD);
	if (insn->opcode == 0xf1)
		return store_value(r, size,
				   swap_bytes(hg_run_gpr(r, insn->reg), size));
	ret = hg_opnd_load(r, &o, size, HG_ACC_READ);
	if (!ret)
		hg_run_set_reg(r, insn->reg, size, swap_bytes(o.value, size));
	return ret;
}

static enum hg_emu_result move_0f(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 nr;

	switch (insn->opcode) {
	case 0xb6:
		return load_extended(r, 1, false);
	case 0xb7:
		return load_extended(r, 2, false);
	case 0xbe:
		return load_extended(r, 1, true);
	case 0xbf:
		return load_extended(r, 2, true);
	case 0xc3:
		/* MOVNTI is 4 or 8 bytes; 66, F2 and F3 are not for it. */
		if (insn->flags & (HG_INSN_P66 | HG_INSN_REP | HG_INSN_REPNE))
			return hg_run_fault(r, HG_VEC_UD);
		return store_value(r, insn->opsize,
				   hg_run_reg(r, insn->reg, insn->opsize));
	default:
		/* c8 to cf: BSWAP; of 16 bits the result is undefined. */
		nr = (insn->opcode & 7) | (insn->rex & 1) << 3;
		if (insn->opsize == 2)
			hg_run_set_reg(r, nr, 2, 0);
		else
			hg_run_set_reg(r, nr, insn->opsize,
				       swap_bytes(hg_run_gpr(r, nr),
						  insn->opsize));
		return HG_EMU_DONE;
	}
}

static enum hg_emu_result move_1b(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 size = insn->opsize, nr;

	switch (insn->opcode) {
	case 0x88:
	case 0x89:
		return store_value(r, size, hg_run_reg(r, insn->reg, size));
	case 0x8a:
	case 0x8b:
		return load_extended(r, size, false);
	case 0x63:
		/* ARPL outside 64-bit code. */
		if (insn->mode != HG_MODE_64)
			return hg_run_unsupported(r, HG_EMU_R_OPCODE);
		return load_extended(r, size == 2 ? 2 : 4, true);
	case 0x8c:
		return store_segment(r);
	case 0x8d:
		return load_address(r);
	case 0x8e:
		return load_segment(r);
	case 0xa0:
	case 0xa1:
		return move_moffs(r, false);
	case 0xa2:
	case 0xa3:
		return move_moffs(r, true);
	case 0xc6:
	case 0xc7:
		/* Register 7 is XABORT and XBEGIN. */
		if (insn->reg & 7)
			return hg_run_unsupported(r, HG_EMU_R_OPCODE);
		return store_value(r, size, insn->imm);
	case 0xd7:
		return translate(r);
	default:
		/* b0 to bf */
		nr = (insn->opcode & 7) | (insn->rex & 1) << 3;
		hg_run_set_reg(r, nr, size, insn->imm);
		return HG_EMU_DONE;
	}
}

enum hg_emu_result hg_exec_move(struct hg_run *r)
{
	switch (r->insn->map) {
	case HG_MAP_1B:
		return move_1b(r);
	case HG_MAP_0F:
		return move_0f(r);
	default:
		return move_swapped(r);
	}
}
