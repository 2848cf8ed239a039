// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: PUSH and POP, and near CALL and JMP through r/m.
 */
#include "emulate_priv.h"

static enum hg_emu_result push_rm(struct hg_run *r)
{
	struct hg_opnd o;
	enum hg_emu_result ret;

	r->sole = 0;
	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	return hg_stack_push(r, o.value, o.size);
}

/* The address of the destination is formed with rSP already incremented. */
static enum hg_emu_result pop_rm(struct hg_run *r)
{
	u32 size = r->insn->opsize;
	struct hg_opnd o;
	enum hg_emu_result ret;
	u64 v;

	ret = hg_stack_pop(r, &v, size);
	if (ret)
		return ret;
	ret = hg_opnd_find(r, &o, size, HG_ACC_WRITE);
	if (ret)
		return ret;
	return hg_opnd_store(r, &o, v);
}

/* A near branch: the target must be inside the code segment. */
static enum hg_emu_result branch_to(struct hg_run *r, u64 target)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_result ret;
	struct hg_segment s;
	u64 linear;

	if (e->mode == HG_MODE_64) {
		ret = hg_mem_linear(r, HG_SEG_CS, target, 1, HG_ACC_FETCH,
				    &linear);
		if (ret)
			return ret;
	} else {
		e->ops->seg(e->ctx, HG_SEG_CS, &s);
		if (target > s.limit)
			return hg_run_fault0(r, HG_VEC_GP);
	}
	r->rip = target;
	return HG_EMU_DONE;
}

static enum hg_emu_result branch_rm(struct hg_run *r, bool call)
{
	u64 back = r->rip;
	struct hg_opnd o;
	enum hg_emu_result ret;

	if (call)
		r->sole = 0;
	ret = hg_opnd_load(r, &o, r->insn->opsize, HG_ACC_READ);
	if (ret)
		return ret;
	ret = branch_to(r, o.value);
	if (ret || !call)
		return ret;
	return hg_stack_push(r, back, o.size);
}

static enum hg_emu_result pop_reg(struct hg_run *r, u32 nr)
{
	enum hg_emu_result ret;
	u64 v;

	ret = hg_stack_pop(r, &v, r->insn->opsize);
	if (!ret)
		hg_run_set_reg(r, nr, r->insn->opsize, v);
	return ret;
}

/* POP ES, SS, DS, FS, GS: 16 bits are loaded, the operand size is popped. */
static enum hg_emu_result pop_segment(struct hg_run *r, u8 seg)
{
	enum hg_emu_result ret;
	u64 v;

	if (!r->emu->ops->load_seg)
		return hg_run_unsupported(r, HG_EMU_R_NO_CALLBACK);
	ret = hg_stack_pop(r, &v, r->insn->opsize);
	if (ret)
		return ret;
	r->seg_pending = true;
	r->seg_nr = seg;
	r->seg_selector = (u16)v;
	if (seg == HG_SEG_SS)
		r->out_flags |= HG_EMU_OUT_SHADOW;
	return HG_EMU_DONE;
}

static enum hg_emu_result push_segment(struct hg_run *r, u8 seg)
{
	struct hg_segment s;

	r->emu->ops->seg(r->emu->ctx, seg, &s);
	return hg_stack_push(r, s.selector, r->insn->opsize);
}

static enum hg_emu_result segment_0f(struct hg_run *r)
{
	u8 seg = r->insn->opcode & 8 ? HG_SEG_GS : HG_SEG_FS;

	return r->insn->opcode & 1 ? pop_segment(r, seg)
				   : push_segment(r, seg);
}

enum hg_emu_result hg_exec_stack(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 nr = (insn->opcode & 7) | (insn->rex & 1) << 3;

	if (insn->map == HG_MAP_0F)
		return segment_0f(r);

	switch (insn->opcode) {
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
		return push_segment(r, insn->opcode >> 3);
	case 0x07:
	case 0x17:
	case 0x1f:
		return pop_segment(r, insn->opcode >> 3);
	case 0x68:
	case 0x6a:
		return hg_stack_push(r, insn->imm, insn->opsize);
	case 0x8f:
		return pop_rm(r);
	case 0xff:
		switch (insn->reg & 7) {
		case 2:
			return branch_rm(r, true);
		case 4:
			return branch_rm(r, false);
		case 6:
			return push_rm(r);
		default:
			return hg_run_unsupported(r, HG_EMU_R_OPCODE);
		}
	default:
		if (insn->opcode >= 0x58)
			return pop_reg(r, nr);
		return hg_stack_push(r, hg_run_reg(r, nr, insn->opsize),
				     insn->opsize);
	}
}
