// SPDX-License-Identifier: GPL-2.0-only
/*
 * The short way through the emulator: MOV between a register and memory in
 * 64-bit code, which is nearly every access to a device. It does what
 * hg_exec_move() would do, with a third of the instructions.
 */
#include "emulate_priv.h"

static bool is_hot(const struct hg_emu *e)
{
	const struct hg_insn *insn = &e->insn;

	return (insn->opcode & 0xfc) == 0x88 && insn->map == HG_MAP_1B &&
	       insn->enc == HG_ENC_LEGACY && insn->mode == HG_MODE_64 &&
	       (insn->flags & (HG_INSN_MEM | HG_INSN_LOCK | HG_INSN_SEG_OVR)) ==
			HG_INSN_MEM &&
	       !(e->rflags & HG_FL_TF);
}

static void store_reg(u64 *gpr, const struct hg_insn *insn, u64 v)
{
	u64 *reg = &gpr[insn->reg];

	switch (insn->opsize) {
	case 8:
		*reg = v;
		return;
	case 4:
		*reg = (u32)v;
		return;
	case 2:
		*reg = (*reg & ~0xffffULL) | (u16)v;
		return;
	default:
		break;
	}
	if ((insn->reg & 0xc) == 4 && !(insn->flags & HG_INSN_REX)) {
		reg -= 4;
		*reg = (*reg & ~0xff00ULL) | (v & 0xff) << 8;
		return;
	}
	*reg = (*reg & ~0xffULL) | (u8)v;
}

bool hg_emu_hot(struct hg_emu *e, enum hg_emu_io *io)
{
	const struct hg_insn *insn = &e->insn;
	u32 access = e->cpl == 3 ? HG_ACC_SOLE | HG_ACC_USER : HG_ACC_SOLE;
	u32 unused = e->cr4 & HG_CR4_LA57 ? 64 - 57 : 64 - 48;
	u64 linear, next, value;

	if (!is_hot(e))
		return false;
	next = e->rip + insn->len;
	linear = hg_insn_offset(insn, e->gpr, next);
	/* Faults and page boundaries are not for here. */
	if ((u64)((s64)(linear << unused) >> unused) != linear ||
	    (linear & ~HG_PAGE_MASK) > HG_PAGE_SIZE - insn->opsize)
		return false;

	if (insn->opcode & 2) {
		value = 0;
		*io = e->ops->read(e->ctx, linear, &value, insn->opsize, access,
				   &e->fault);
		if (*io != HG_EMU_IO_OK)
			return true;
		store_reg(e->gpr, insn, value);
	} else {
		value = e->gpr[insn->reg];
		if (insn->opsize == 1 && (insn->reg & 0xc) == 4 &&
		    !(insn->flags & HG_INSN_REX))
			value = e->gpr[insn->reg - 4] >> 8;
		*io = e->ops->write(e->ctx, linear, &value, insn->opsize,
				    access | HG_ACC_WRITE, &e->fault);
		if (*io > HG_EMU_IO_POSTED)
			return true;
	}
	e->rip = next;
	e->rflags &= ~HG_FL_RF;
	return true;
}
