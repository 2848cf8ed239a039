/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the emulator: one run of one instruction.
 *
 * A run reads registers from struct hg_emu and writes them to itself. Only
 * emulate.c copies them back, once the outcome is known.
 *
 * Steps return enum hg_emu_result; HG_EMU_DONE (zero) means "go on".
 */
#ifndef HG_CORE_EMULATE_PRIV_H
#define HG_CORE_EMULATE_PRIV_H

#include "emulate.h"

#define HG_CR0_PE	HG_BIT(0)
#define HG_CR0_EM	HG_BIT(2)
#define HG_CR0_TS	HG_BIT(3)
#define HG_CR4_OSFXSR	HG_BIT(9)
#define HG_CR4_LA57	HG_BIT(12)
#define HG_CR4_OSXSAVE	HG_BIT(18)
#define HG_XCR0_AVX	(HG_BIT(1) | HG_BIT(2))

#define HG_FL_CF	HG_BIT(0)
#define HG_FL_PF	HG_BIT(2)
#define HG_FL_AF	HG_BIT(4)
#define HG_FL_ZF	HG_BIT(6)
#define HG_FL_SF	HG_BIT(7)
#define HG_FL_TF	HG_BIT(8)
#define HG_FL_DF	HG_BIT(10)
#define HG_FL_OF	HG_BIT(11)
#define HG_FL_IOPL	HG_MASK(13, 12)
#define HG_FL_RF	HG_BIT(16)
#define HG_FL_VM	HG_BIT(17)
#define HG_FL_ARITH	(HG_FL_CF | HG_FL_PF | HG_FL_AF | HG_FL_ZF | \
			 HG_FL_SF | HG_FL_OF)

/* The longest operand: a 256-bit vector. */
#define HG_EMU_MAX_OPND	32

/* Bytes that one call of hg_emulate() may move. */
#define HG_EMU_BATCH	4096

struct hg_run {
	struct hg_emu *emu;
	const struct hg_insn *insn;
	u64 gpr[HG_NR_GPRS];	/* valid where dirty has a bit */
	u32 dirty;
	u32 sole;		/* HG_ACC_SOLE while it holds, else 0 */
	u32 out_flags;
	bool progress;		/* commit registers whatever the result */
	u64 rip;		/* of the next instruction */
	u64 rflags;

	/* Carried out after everything else succeeded. */
	bool seg_pending;
	u8 seg_nr;
	u16 seg_selector;
	bool vec_pending;
	bool vec_zero_upper;
	u8 vec_file;
	u8 vec_nr;
	u8 vec_len;
	u8 vec[HG_EMU_MAX_OPND];
};

/* The operand that ModRM.rm, or moffs, names. */
struct hg_opnd {
	u64 linear;		/* if mem */
	u64 value;		/* what was loaded, zero-extended */
	u8 size;
	bool mem;
	bool rmw;		/* loaded with HG_ACC_RMW */
};

static inline u64 hg_size_mask(u32 size)
{
	return size >= 8 ? ~0ULL : HG_BIT(8 * size) - 1;
}

static inline u64 hg_sign_extend(u64 v, u32 size)
{
	u32 unused = 64 - 8 * size;

	return (u64)((s64)(v << unused) >> unused);
}

static inline bool hg_run_protected(const struct hg_run *r)
{
	return (r->emu->cr0 & HG_CR0_PE) && !(r->emu->rflags & HG_FL_VM);
}

/* All 64 bits of a general register. */
static inline u64 hg_run_gpr(const struct hg_run *r, u32 nr)
{
	return r->dirty & (1u << nr) ? r->gpr[nr] : r->emu->gpr[nr];
}

static inline void hg_run_set_gpr(struct hg_run *r, u32 nr, u64 v)
{
	r->gpr[nr] = v;
	r->dirty |= 1u << nr;
}

/* Without REX, byte registers 4 to 7 are AH, CH, DH, BH. */
static inline bool hg_run_high_byte(const struct hg_run *r, u32 nr, u32 size)
{
	return size == 1 && (nr & 0xc) == 4 && !(r->insn->flags & HG_INSN_REX);
}

static inline u64 hg_run_reg(const struct hg_run *r, u32 nr, u32 size)
{
	if (hg_run_high_byte(r, nr, size))
		return (hg_run_gpr(r, nr - 4) >> 8) & 0xff;
	return hg_run_gpr(r, nr) & hg_size_mask(size);
}

/* A write of 4 bytes clears the upper half, one of 1 or 2 merges. */
static inline void hg_run_set_reg(struct hg_run *r, u32 nr, u32 size, u64 v)
{
	if (size == 8) {
		hg_run_set_gpr(r, nr, v);
	} else if (size == 4) {
		hg_run_set_gpr(r, nr, (u32)v);
	} else if (hg_run_high_byte(r, nr, size)) {
		u64 old = hg_run_gpr(r, nr - 4);

		hg_run_set_gpr(r, nr - 4, (old & ~0xff00ULL) | (v & 0xff) << 8);
	} else {
		u64 mask = hg_size_mask(size), old = hg_run_gpr(r, nr);

		hg_run_set_gpr(r, nr, (old & ~mask) | (v & mask));
	}
}

static inline enum hg_emu_result hg_run_unsupported(struct hg_run *r,
						    enum hg_emu_reason why)
{
	r->emu->reason = why;
	return HG_EMU_UNSUPPORTED;
}

/* emulate.c */

enum hg_emu_result hg_run_fault(struct hg_run *r, u8 vector);	/* no code */
enum hg_emu_result hg_run_fault0(struct hg_run *r, u8 vector);	/* code 0 */
/* What a callback's answer means; write says which answers are allowed. */
enum hg_emu_result hg_run_answer(struct hg_run *r, enum hg_emu_io io,
				 bool write);

/*
 * emulate_hot.c: carry out the instruction if it is a simple one; false if it
 * is not, and then nothing was done. With *io OK or POSTED it is committed,
 * with any other answer nothing is.
 */
bool hg_emu_hot(struct hg_emu *e, enum hg_emu_io *io);

/* emulate_mem.c */

/*
 * Segmentation: the linear address of len bytes at seg:offset. Faults unless
 * access is allowed there and, in 64-bit code, canonical.
 */
enum hg_emu_result hg_mem_linear(struct hg_run *r, u8 seg, u64 offset, u32 len,
				 u32 access, u64 *linear);
/* Any length up to HG_EMU_MAX_OPND, across a page boundary too. */
enum hg_emu_result hg_mem_read(struct hg_run *r, u64 linear, void *buf,
			       u32 len, u32 access);
/* checked: a read with HG_ACC_RMW of the same bytes came before. */
enum hg_emu_result hg_mem_write(struct hg_run *r, u64 linear, const void *buf,
				u32 len, u32 access, bool checked);
/* Is all of it accessible (else a fault), and is it RAM? */
enum hg_emu_result hg_mem_probe(struct hg_run *r, u64 linear, u32 len,
				u32 access, bool *ram);
/* Compare and exchange; HG_EMU_REPEAT if another CPU was faster. */
enum hg_emu_result hg_mem_cmpxchg(struct hg_run *r, u64 linear,
				  const void *old, const void *new, u32 len);

/* Find the r/m operand: no memory access, but all segment checks. */
enum hg_emu_result hg_opnd_find(struct hg_run *r, struct hg_opnd *o, u32 size,
				u32 access);
/* Find and load it; access is HG_ACC_READ or HG_ACC_RMW. */
enum hg_emu_result hg_opnd_load(struct hg_run *r, struct hg_opnd *o, u32 size,
				u32 access);
/* Store into an operand that was found or loaded; LOCK is observed. */
enum hg_emu_result hg_opnd_store(struct hg_run *r, struct hg_opnd *o, u64 v);

enum hg_emu_result hg_stack_push(struct hg_run *r, u64 v, u32 size);
enum hg_emu_result hg_stack_pop(struct hg_run *r, u64 *v, u32 size);

/* emulate_alu.c: arithmetic without side effects; *fl gets the flags. */

enum hg_alu_op {
	HG_ALU_ADD, HG_ALU_OR, HG_ALU_ADC, HG_ALU_SBB,
	HG_ALU_AND, HG_ALU_SUB, HG_ALU_XOR, HG_ALU_CMP,
};

enum hg_shift_op {
	HG_SH_ROL, HG_SH_ROR, HG_SH_RCL, HG_SH_RCR,
	HG_SH_SHL, HG_SH_SHR, HG_SH_SAL, HG_SH_SAR,
};

u64 hg_alu(enum hg_alu_op op, u64 a, u64 b, u32 size, u64 *fl);
u64 hg_alu_inc(u64 a, u32 size, u64 *fl);
u64 hg_alu_dec(u64 a, u32 size, u64 *fl);
u64 hg_alu_neg(u64 a, u32 size, u64 *fl);
u64 hg_alu_shift(enum hg_shift_op op, u64 a, u32 count, u32 size, u64 *fl);
/* SHLD (left) and SHRD of a, filled from b. */
u64 hg_alu_shift_double(bool left, u64 a, u64 b, u32 count, u32 size, u64 *fl);
/* size * size -> 2 * size; CF and OF say whether hi is significant. */
void hg_alu_mul(bool is_signed, u64 a, u64 b, u32 size, u64 *lo, u64 *hi,
		u64 *fl);
/* hi:lo / d; false for #DE. */
bool hg_alu_div(bool is_signed, u64 hi, u64 lo, u64 d, u32 size, u64 *quot,
		u64 *rem);
bool hg_alu_condition(u32 cc, u64 fl);

/* Groups of instructions, one file each. */

enum hg_emu_result hg_exec_arith(struct hg_run *r);
enum hg_emu_result hg_exec_bits(struct hg_run *r);
enum hg_emu_result hg_exec_move(struct hg_run *r);
enum hg_emu_result hg_exec_exchange(struct hg_run *r);
enum hg_emu_result hg_exec_stack(struct hg_run *r);
enum hg_emu_result hg_exec_string(struct hg_run *r);
enum hg_emu_result hg_exec_port(struct hg_run *r);
enum hg_emu_result hg_exec_vector(struct hg_run *r);
/* May CPL and IOPL, or else the I/O map, reach these ports? */
enum hg_emu_result hg_port_check(struct hg_run *r, u16 port, u32 size);

#endif /* HG_CORE_EMULATE_PRIV_H */
