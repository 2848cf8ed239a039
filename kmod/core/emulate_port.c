// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: IN and OUT, and the permission to use a port.
 */
#include "emulate_priv.h"

#define TSS_IO_MAP_BASE	102	/* where the offset of the I/O map is */

#define TSS32_AVAILABLE	9
#define TSS32_BUSY	11

static enum hg_emu_result read_tss(struct hg_run *r, const struct hg_segment *tr,
				   u32 offset, u16 *v)
{
	u64 linear = tr->base + offset;

	if (offset > tr->limit || tr->limit - offset < 1)
		return hg_run_fault0(r, HG_VEC_GP);
	if (r->emu->mode != HG_MODE_64)
		linear = (u32)linear;
	return hg_mem_read(r, linear, v, 2, HG_ACC_READ | HG_ACC_IMPLICIT);
}

/* The I/O permission map (APM vol. 2, 12.2.4). */
static enum hg_emu_result check_map(struct hg_run *r, u16 port, u32 size)
{
	struct hg_emu *e = r->emu;
	u32 sole = r->sole, type;
	enum hg_emu_result ret;
	struct hg_segment tr;
	u16 base, bits;

	e->ops->seg(e->ctx, HG_SEG_TR, &tr);
	type = HG_SEG_TYPE(tr.attr);
	if (!(tr.attr & HG_SEG_P) ||
	    (type != TSS32_AVAILABLE && type != TSS32_BUSY))
		return hg_run_fault0(r, HG_VEC_GP);

	r->sole = 0;
	ret = read_tss(r, &tr, TSS_IO_MAP_BASE, &base);
	if (!ret)
		ret = read_tss(r, &tr, base + port / 8, &bits);
	r->sole = sole;
	if (ret)
		return ret;
	if ((bits >> (port & 7)) & ((1u << size) - 1))
		return hg_run_fault0(r, HG_VEC_GP);
	return HG_EMU_DONE;
}

enum hg_emu_result hg_port_check(struct hg_run *r, u16 port, u32 size)
{
	const struct hg_emu *e = r->emu;
	u32 iopl = (e->rflags & HG_FL_IOPL) >> 12;

	if ((e->in_flags & HG_EMU_IN_IO_CHECKED) || !(e->cr0 & HG_CR0_PE))
		return HG_EMU_DONE;
	if (!(e->rflags & HG_FL_VM) && e->cpl <= iopl)
		return HG_EMU_DONE;
	return check_map(r, port, size);
}

enum hg_emu_result hg_exec_port(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	u32 size = insn->opsize == 8 ? 4 : insn->opsize;
	struct hg_emu *e = r->emu;
	enum hg_emu_result ret;
	enum hg_emu_io io;
	u16 port;
	u64 v = 0;

	/* Bit 3: the port is in DX. Bit 1: OUT. */
	port = insn->opcode & 8 ? (u16)hg_run_gpr(r, HG_RDX) : (u8)insn->imm;
	ret = hg_port_check(r, port, size);
	if (ret)
		return ret;

	if (insn->opcode & 2) {
		v = hg_run_reg(r, HG_RAX, size);
		io = e->ops->pio_out(e->ctx, port, size, 1, &v);
		return hg_run_answer(r, io, true);
	}
	io = e->ops->pio_in(e->ctx, port, size, 1, &v);
	ret = hg_run_answer(r, io, false);
	if (!ret)
		hg_run_set_reg(r, HG_RAX, size, v);
	return ret;
}
