/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86 instruction decoder.
 *
 * Two entry points. hg_insn_decode() splits any instruction into its fields;
 * the emulator is built on it. hg_insn_skip() recognises the instructions
 * that a world switch intercepts and answers with their length, because an
 * SVM implementation need not report the next RIP (AMD APM vol. 2, 15.7.1).
 *
 * Neither touches guest state. The bytes are guest controlled: pass a private
 * copy, never memory that a guest can still write.
 *
 * Where vendors differ the AMD rule is used: in 64-bit code an operand-size
 * prefix makes a near branch 16 bits wide (APM vol. 3, 1.2.7), while the
 * Intel SDM has it ignored. No branch with an immediate is emulated, so this
 * can only be seen in a reported length.
 */
#ifndef HG_CORE_INSN_H
#define HG_CORE_INSN_H

#include "types.h"
#include "x86.h"

#define HG_INSN_MAX_LEN		15

/* Default size of operands and addresses in the code segment that runs. */
enum hg_mode {
	HG_MODE_16	= 0,	/* real mode, virtual-8086, CS.D = 0 */
	HG_MODE_32	= 1,	/* CS.D = 1 */
	HG_MODE_64	= 2,	/* EFER.LMA = 1 and CS.L = 1 */
};

/* Values of insn.base and insn.index besides a general register. */
#define HG_REG_RIP		16	/* base only: the next instruction */
#define HG_REG_NONE		0xff

enum hg_insn_map {
	HG_MAP_1B	= 0,	/* one-byte opcodes */
	HG_MAP_0F	= 1,
	HG_MAP_0F38	= 2,
	HG_MAP_0F3A	= 3,
	/* EVEX maps 5 and 6, XOP maps 8, 9 and 10 keep their number. */
};

enum hg_insn_enc {
	HG_ENC_LEGACY, HG_ENC_VEX, HG_ENC_EVEX, HG_ENC_XOP,
};

/* Bits of hg_insn.flags. */
#define HG_INSN_MODRM		HG_BIT32(0)	/* has a ModRM byte */
#define HG_INSN_MEM		HG_BIT32(1)	/* ModRM or moffs names memory */
#define HG_INSN_MOFFS		HG_BIT32(2)	/* the address is in disp */
#define HG_INSN_IMM		HG_BIT32(3)	/* has an immediate (or a target) */
#define HG_INSN_BYTE		HG_BIT32(4)	/* byte form of the opcode */
#define HG_INSN_LOCK		HG_BIT32(5)	/* F0 */
#define HG_INSN_REP		HG_BIT32(6)	/* F3, and it came after any F2 */
#define HG_INSN_REPNE		HG_BIT32(7)	/* F2, and it came after any F3 */
#define HG_INSN_P66		HG_BIT32(8)	/* 66, or VEX.pp = 1 */
#define HG_INSN_P67		HG_BIT32(9)
#define HG_INSN_SEG_OVR		HG_BIT32(10)	/* an effective segment override */
#define HG_INSN_REX		HG_BIT32(11)	/* spl..dil, not ah..bh */
#define HG_INSN_W		HG_BIT32(12)	/* REX.W, VEX.W, EVEX.W, XOP.W */
#define HG_INSN_EVEX_DISP8	HG_BIT32(13)	/* disp8 is not scaled by N yet */
#define HG_INSN_STACK		HG_BIT32(14)	/* pushes, pops or a near branch */

/*
 * A decoded instruction. reg, rm, base and index include the REX or VEX
 * extension bits. rm is meaningful when the operand is a register.
 */
struct hg_insn {
	u8 len;		/* bytes, 1 to HG_INSN_MAX_LEN */
	u8 map;		/* enum hg_insn_map */
	u8 opcode;	/* last opcode byte */
	u8 enc;		/* enum hg_insn_enc */
	u8 mode;	/* enum hg_mode it was decoded for */
	u8 opsize;	/* operand size: 1, 2, 4 or 8 bytes */
	u8 addrsize;	/* address size: 2, 4 or 8 bytes */
	u8 modrm;	/* the raw byte */
	u8 mod;
	u8 reg;
	u8 rm;
	u8 base;	/* enum hg_gpr, HG_REG_RIP or HG_REG_NONE */
	u8 index;	/* enum hg_gpr or HG_REG_NONE */
	u8 scale;	/* shift, 0 to 3 */
	u8 seg;		/* enum hg_seg for the memory operand, overrides applied */
	u8 rex;		/* the REX byte, or 0 */
	u8 vvvv;	/* second source register of VEX, EVEX, XOP */
	u8 veclen;	/* 16, 32 or 64 bytes for VEX, EVEX, XOP; else 0 */
	u16 imm2;	/* ENTER's level, a far pointer's selector, EXTRQ's 2nd */
	u32 flags;
	s64 disp;	/* sign-extended; a zero-extended address for moffs */
	u64 imm;	/* sign-extended to 64 bits where the CPU does */
};

/* Errors of the decoder; a good decode is positive. */
#define HG_INSN_MORE		(-1)	/* more than avail bytes are needed */
#define HG_INSN_BAD		(-2)	/* no such instruction: #UD */
#define HG_INSN_LONG		(-3)	/* longer than 15 bytes: #GP(0) */

/*
 * Decode the instruction that begins at bytes[0]; at most avail bytes are
 * looked at, and never more than 15. Returns its length and fills *insn, or
 * returns HG_INSN_MORE, HG_INSN_BAD or HG_INSN_LONG, and then *insn is
 * undefined.
 */
int hg_insn_decode(struct hg_insn *insn, const u8 *bytes, u32 avail,
		   enum hg_mode mode);

/*
 * The offset of the memory operand inside its segment, cut to the address
 * size. gpr holds the 16 registers, next_rip the offset of the following
 * instruction. Only for an instruction with HG_INSN_MEM. An EVEX disp8 is
 * taken unscaled; check HG_INSN_EVEX_DISP8 first.
 */
u64 hg_insn_offset(const struct hg_insn *insn, const u64 *gpr, u64 next_rip);

/* What hg_insn_skip() recognised. */
enum hg_skip_kind {
	HG_SKIP_OTHER,		/* decoded, but none of the below */
	HG_SKIP_CPUID,
	HG_SKIP_RDMSR,
	HG_SKIP_WRMSR,
	HG_SKIP_HLT,
	HG_SKIP_RDTSC,
	HG_SKIP_RDTSCP,
	HG_SKIP_RDPMC,
	HG_SKIP_VMMCALL,
	HG_SKIP_VMCALL,
	HG_SKIP_XSETBV,
	HG_SKIP_XGETBV,
	HG_SKIP_INVLPG,		/* insn is valid: memory operand */
	HG_SKIP_INVLPGA,
	HG_SKIP_INVPCID,	/* insn is valid: memory operand, reg = type */
	HG_SKIP_READ_CR,	/* MOV gpr, CRn */
	HG_SKIP_WRITE_CR,	/* MOV CRn, gpr */
	HG_SKIP_READ_DR,
	HG_SKIP_WRITE_DR,
	HG_SKIP_CLTS,
	HG_SKIP_LMSW,		/* insn is valid: register or memory */
	HG_SKIP_SMSW,		/* insn is valid: register or memory */
	HG_SKIP_LGDT,		/* LGDT to STR: insn is valid */
	HG_SKIP_LIDT,
	HG_SKIP_SGDT,
	HG_SKIP_SIDT,
	HG_SKIP_LLDT,
	HG_SKIP_LTR,
	HG_SKIP_SLDT,
	HG_SKIP_STR,
	HG_SKIP_WBINVD,		/* and WBNOINVD */
	HG_SKIP_INVD,
	HG_SKIP_MONITOR,	/* and MONITORX */
	HG_SKIP_MWAIT,		/* and MWAITX */
	HG_SKIP_PAUSE,
	HG_SKIP_IRET,
	HG_SKIP_PUSHF,
	HG_SKIP_POPF,
	HG_SKIP_RSM,
	HG_SKIP_INT,		/* INT n: n in number */
	HG_SKIP_INT3,
	HG_SKIP_INTO,
	HG_SKIP_ICEBP,
	HG_SKIP_IN,		/* port in number if immediate, else 0 */
	HG_SKIP_OUT,
	HG_SKIP_INS,		/* insn is valid */
	HG_SKIP_OUTS,		/* insn is valid */
	HG_SKIP_SVM,		/* VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT */
};

struct hg_skip {
	u8 len;		/* bytes to add to RIP */
	u8 kind;	/* enum hg_skip_kind */
	u8 number;	/* CR or DR number, interrupt vector, immediate port */
	u8 gpr;		/* the general register of a CR or DR move */
	u8 opsize;	/* IN, OUT, INS, OUTS: 1, 2 or 4; CR/DR: 4 or 8 */
	bool has_insn;	/* insn below is filled */
	struct hg_insn insn;
};

/*
 * Recognise an intercepted instruction. Same arguments and result as
 * hg_insn_decode(). The caller compares kind with what the CPU said it
 * intercepted: another vCPU may have changed the code since.
 */
int hg_insn_skip(struct hg_skip *skip, const u8 *bytes, u32 avail,
		 enum hg_mode mode);

/* As hg_insn_skip(), for a caller that only wants the length. */
int hg_insn_skip_length(const u8 *bytes, u32 avail, enum hg_mode mode);

#endif /* HG_CORE_INSN_H */
