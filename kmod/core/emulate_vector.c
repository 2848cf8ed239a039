// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated instructions: moves of MMX, XMM and YMM registers (APM vol. 4).
 *
 * Arithmetic is not here: no driver computes on device memory, but memcpy()
 * and compilers do move it through vector registers.
 */
#include "emulate_priv.h"

/* Mandatory prefix. */
enum { NP, P66, PF3, PF2 };

#define V_STORE		0x01	/* from the register to r/m */
#define V_ALIGN		0x02	/* memory must be aligned */
#define V_MEM		0x04	/* no register form */
#define V_MMX		0x08	/* the register is MMX */
#define V_GPR		0x10	/* r/m is general: 4 or 8 bytes */
#define V_HIGH		0x20	/* bytes 8 to 15 of the register */
#define V_MERGE		0x40	/* a load from a register keeps the rest */
#define V_HALF		0x80	/* a load from memory keeps the rest, too */

#define V_FULL		0	/* size: all of the vector */

struct form {
	u8 map;
	u8 opcode;
	u8 prefix;
	u8 size;		/* bytes, or V_FULL */
	u8 flags;
};

static const struct form forms[] = {
	{ HG_MAP_0F, 0x10, NP,  V_FULL, 0 },			/* MOVUPS */
	{ HG_MAP_0F, 0x10, P66, V_FULL, 0 },			/* MOVUPD */
	{ HG_MAP_0F, 0x10, PF3, 4, V_MERGE },			/* MOVSS */
	{ HG_MAP_0F, 0x10, PF2, 8, V_MERGE },			/* MOVSD */
	{ HG_MAP_0F, 0x11, NP,  V_FULL, V_STORE },
	{ HG_MAP_0F, 0x11, P66, V_FULL, V_STORE },
	{ HG_MAP_0F, 0x11, PF3, 4, V_STORE | V_MERGE },
	{ HG_MAP_0F, 0x11, PF2, 8, V_STORE | V_MERGE },
	{ HG_MAP_0F, 0x12, NP,  8, V_MEM | V_HALF },		/* MOVLPS */
	{ HG_MAP_0F, 0x12, P66, 8, V_MEM | V_HALF },		/* MOVLPD */
	{ HG_MAP_0F, 0x13, NP,  8, V_MEM | V_STORE },
	{ HG_MAP_0F, 0x13, P66, 8, V_MEM | V_STORE },
	{ HG_MAP_0F, 0x16, NP,  8, V_MEM | V_HALF | V_HIGH },	/* MOVHPS */
	{ HG_MAP_0F, 0x16, P66, 8, V_MEM | V_HALF | V_HIGH },	/* MOVHPD */
	{ HG_MAP_0F, 0x17, NP,  8, V_MEM | V_STORE | V_HIGH },
	{ HG_MAP_0F, 0x17, P66, 8, V_MEM | V_STORE | V_HIGH },
	{ HG_MAP_0F, 0x28, NP,  V_FULL, V_ALIGN },		/* MOVAPS */
	{ HG_MAP_0F, 0x28, P66, V_FULL, V_ALIGN },		/* MOVAPD */
	{ HG_MAP_0F, 0x29, NP,  V_FULL, V_ALIGN | V_STORE },
	{ HG_MAP_0F, 0x29, P66, V_FULL, V_ALIGN | V_STORE },
	{ HG_MAP_0F, 0x2b, NP,  V_FULL, V_ALIGN | V_STORE | V_MEM },
	{ HG_MAP_0F, 0x2b, P66, V_FULL, V_ALIGN | V_STORE | V_MEM },
	{ HG_MAP_0F, 0x6e, NP,  0, V_GPR | V_MMX },		/* MOVD */
	{ HG_MAP_0F, 0x6e, P66, 0, V_GPR },
	{ HG_MAP_0F, 0x6f, NP,  8, V_MMX },			/* MOVQ */
	{ HG_MAP_0F, 0x6f, P66, V_FULL, V_ALIGN },		/* MOVDQA */
	{ HG_MAP_0F, 0x6f, PF3, V_FULL, 0 },			/* MOVDQU */
	{ HG_MAP_0F, 0x7e, NP,  0, V_GPR | V_MMX | V_STORE },
	{ HG_MAP_0F, 0x7e, P66, 0, V_GPR | V_STORE },
	{ HG_MAP_0F, 0x7e, PF3, 8, 0 },				/* MOVQ */
	{ HG_MAP_0F, 0x7f, NP,  8, V_MMX | V_STORE },
	{ HG_MAP_0F, 0x7f, P66, V_FULL, V_ALIGN | V_STORE },
	{ HG_MAP_0F, 0x7f, PF3, V_FULL, V_STORE },
	{ HG_MAP_0F, 0xd6, P66, 8, V_STORE },
	{ HG_MAP_0F, 0xe7, NP,  8, V_MMX | V_STORE | V_MEM },	/* MOVNTQ */
	{ HG_MAP_0F, 0xe7, P66, V_FULL, V_ALIGN | V_STORE | V_MEM },
	{ HG_MAP_0F, 0xf0, PF2, V_FULL, V_MEM },		/* LDDQU */
	{ HG_MAP_0F38, 0x2a, P66, V_FULL, V_ALIGN | V_MEM },	/* MOVNTDQA */
};

/* One move: the form with what the instruction makes of it. */
struct move {
	const struct form *f;
	u32 size;
	u32 file;		/* enum hg_vec_file */
	bool vex;
	struct hg_opnd rm;
};

static u8 prefix_of(const struct hg_insn *insn)
{
	if (insn->flags & HG_INSN_REP)
		return PF3;
	if (insn->flags & HG_INSN_REPNE)
		return PF2;
	return insn->flags & HG_INSN_P66 ? P66 : NP;
}

static const struct form *form_of(const struct hg_insn *insn)
{
	u8 prefix = prefix_of(insn);
	u32 i;

	for (i = 0; i < HG_ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];

		if (f->opcode == insn->opcode && f->prefix == prefix &&
		    f->map == insn->map)
			return f;
	}
	return NULL;
}

/* May the guest use this register file now? */
static enum hg_emu_result check_enabled(struct hg_run *r, const struct move *m)
{
	const struct hg_emu *e = r->emu;
	bool ok;

	if (m->vex)
		ok = hg_run_protected(r) && (e->cr4 & HG_CR4_OSXSAVE) &&
		     (e->xcr0 & HG_XCR0_AVX) == HG_XCR0_AVX;
	else if (m->f->flags & V_MMX)
		ok = !(e->cr0 & HG_CR0_EM);
	else
		ok = !(e->cr0 & HG_CR0_EM) && (e->cr4 & HG_CR4_OSFXSR);
	if (!ok)
		return hg_run_fault(r, HG_VEC_UD);
	if (e->cr0 & HG_CR0_TS)
		return hg_run_fault(r, HG_VEC_NM);
	return HG_EMU_DONE;
}

/* Does a VEX encoding of this form use vvvv as a source? */
static bool uses_vvvv(const struct hg_insn *insn, const struct form *f)
{
	return (f->flags & V_HALF) ||
	       ((f->flags & V_MERGE) && !(insn->flags & HG_INSN_MEM));
}

static bool encoding_ok(const struct hg_insn *insn, const struct move *m)
{
	const struct form *f = m->f;

	if ((f->flags & V_MEM) && !(insn->flags & HG_INSN_MEM))
		return false;
	if (!m->vex)
		return true;
	if (f->flags & V_MMX)
		return false;
	if (insn->vvvv && !uses_vvvv(insn, f))
		return false;
	/* Only MOVSS and MOVSD ignore VEX.L. */
	return insn->veclen == 16 || m->size == 32 || (f->flags & V_MERGE);
}

static u32 size_of(const struct hg_insn *insn, const struct form *f)
{
	if (f->flags & V_GPR)
		return insn->mode == HG_MODE_64 && (insn->flags & HG_INSN_W)
			? 8 : 4;
	if (f->size != V_FULL)
		return f->size;
	return insn->veclen ? insn->veclen : 16;
}

static enum hg_emu_result get_reg(struct hg_run *r, const struct move *m,
				  u32 nr, u8 *buf, u32 len)
{
	struct hg_emu *e = r->emu;
	enum hg_emu_io io;

	if (m->file == HG_VEC_FILE_MMX)
		nr &= 7;
	io = e->ops->get_vec(e->ctx, m->file, nr, buf, len);
	return hg_run_answer(r, io, false);
}

static void put_reg(struct hg_run *r, const struct move *m, u32 nr,
		    const u8 *buf, u32 len)
{
	r->vec_pending = true;
	r->vec_file = m->file;
	r->vec_nr = m->file == HG_VEC_FILE_MMX ? nr & 7 : nr;
	r->vec_len = len;
	r->vec_zero_upper = m->vex;
	memcpy(r->vec, buf, len);
}

/* Length of the register as a destination. */
static u32 reg_len(const struct move *m)
{
	if (m->file == HG_VEC_FILE_MMX)
		return 8;
	return m->size == 32 ? 32 : 16;
}

/* data has m->size bytes for register nr; from_mem tells the source. */
static enum hg_emu_result load_reg(struct hg_run *r, const struct move *m,
				   u32 nr, const u8 *data, bool from_mem)
{
	u32 at = m->f->flags & V_HIGH ? 8 : 0;
	u8 v[HG_EMU_MAX_OPND];
	enum hg_emu_result ret;

	memset(v, 0, sizeof(v));
	if ((m->f->flags & V_HALF) ||
	    ((m->f->flags & V_MERGE) && !from_mem)) {
		ret = get_reg(r, m, m->vex ? r->insn->vvvv : nr, v, 16);
		if (ret)
			return ret;
	}
	memcpy(v + at, data, m->size);
	put_reg(r, m, nr, v, reg_len(m));
	return HG_EMU_DONE;
}

static enum hg_emu_result load(struct hg_run *r, struct move *m)
{
	const struct hg_insn *insn = r->insn;
	u8 data[HG_EMU_MAX_OPND];
	enum hg_emu_result ret;
	u64 v;

	if (m->rm.mem) {
		ret = hg_mem_read(r, m->rm.linear, data, m->size, HG_ACC_READ);
	} else if (m->f->flags & V_GPR) {
		v = hg_run_reg(r, insn->rm, m->size);
		__builtin_memcpy(data, &v, 8);
		ret = HG_EMU_DONE;
	} else {
		ret = get_reg(r, m, insn->rm, data, reg_len(m));
	}
	if (ret)
		return ret;
	return load_reg(r, m, insn->reg, data, m->rm.mem);
}

static enum hg_emu_result store(struct hg_run *r, struct move *m)
{
	const struct hg_insn *insn = r->insn;
	u32 at = m->f->flags & V_HIGH ? 8 : 0;
	u8 data[HG_EMU_MAX_OPND];
	enum hg_emu_result ret;
	u64 v = 0;

	ret = get_reg(r, m, insn->reg, data, reg_len(m));
	if (ret)
		return ret;
	if (m->rm.mem)
		return hg_mem_write(r, m->rm.linear, data + at, m->size, 0,
				    false);
	if (m->f->flags & V_GPR) {
		memcpy(&v, data, m->size);
		hg_run_set_reg(r, insn->rm, m->size, v);
		return HG_EMU_DONE;
	}
	return load_reg(r, m, insn->rm, data, false);
}

enum hg_emu_result hg_exec_vector(struct hg_run *r)
{
	const struct hg_insn *insn = r->insn;
	struct move m;
	enum hg_emu_result ret;

	m.f = form_of(insn);
	if (!m.f)
		return hg_run_unsupported(r, HG_EMU_R_OPCODE);
	if (!r->emu->ops->get_vec || !r->emu->ops->set_vec)
		return hg_run_unsupported(r, HG_EMU_R_NO_CALLBACK);

	m.vex = insn->enc == HG_ENC_VEX;
	m.file = m.f->flags & V_MMX ? HG_VEC_FILE_MMX : HG_VEC_FILE_XMM;
	m.size = size_of(insn, m.f);
	if (!encoding_ok(insn, &m))
		return hg_run_fault(r, HG_VEC_UD);
	ret = check_enabled(r, &m);
	if (ret)
		return ret;

	ret = hg_opnd_find(r, &m.rm, m.size, m.f->flags & V_STORE ?
			   HG_ACC_WRITE : HG_ACC_READ);
	if (ret)
		return ret;
	if (m.rm.mem && (m.f->flags & V_ALIGN) &&
	    (m.rm.linear & (m.size - 1)))
		return hg_run_fault0(r, HG_VEC_GP);
	return m.f->flags & V_STORE ? store(r, &m) : load(r, &m);
}
