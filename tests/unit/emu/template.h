/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Templates of every instruction that is emulated, and a generator that turns
 * one into bytes with registers that make it touch the machine's memory.
 */
#ifndef EMU_TEST_TEMPLATE_H
#define EMU_TEST_TEMPLATE_H

#include "machine.h"

/* Bits of template.flags. */
#define T_BYTE		0x0001	/* byte operand */
#define T_LOCK		0x0002	/* may take LOCK in its memory form */
#define T_MEM		0x0004	/* memory form only */
#define T_REG		0x0008	/* register form only */
#define T_BITS		0x0010	/* register bit number moves the operand */
#define T_STACK		0x0020	/* uses rSP */
#define T_STRING	0x0040	/* rSI, rDI, REP */
#define T_NO66		0x0080	/* 66 would make it something else */
#define T_ALIGN		0x0100	/* faults when not aligned */
#define T_VEX		0x0200	/* has a VEX form, too */
#define T_NOMODRM	0x0400
#define T_SHIFT		0x0800	/* flags depend on the count */
#define T_XMM		0x1000	/* vector operand */
#define T_COMPARE	0x2000	/* CMPS, SCAS: F2 and F3 differ */
#define T_DIV		0x4000
#define T_MOFFS		0x8000
#define T_VVVV		0x10000	/* VEX form has a second source */
#define T_256		0x20000	/* VEX form may be 256 bits */
#define T_OPREG		0x40000	/* register in the opcode */
#define T_ONLY32	0x80000	/* not in 64-bit code */
#define T_ONLY64	0x100000

struct template {
	const char *name;
	u8 map;			/* enum hg_insn_map */
	u8 opcode;
	u8 prefix;		/* mandatory 66, F2, F3, or 0 */
	signed char group;	/* ModRM.reg, or -1 */
	char imm;		/* 0, 'b', 'z', 'v' */
	u32 undefined;		/* flags that no manual promises */
	u32 flags;
	u8 size;		/* vector: bytes of the memory operand */
};

extern const struct template templates[];
extern const u32 nr_templates;

/* What the generator made. */
struct sample {
	const struct template *t;
	u8 code[HG_INSN_MAX_LEN];
	u32 len;
	u32 undefined;		/* flags not to compare */
	bool memory;		/* has a memory operand */
	u64 target;		/* its address */
	bool skip;		/* result undefined: do not compare */
	u32 fixed;		/* registers that form the address */
};

/*
 * Make a sample of t at code address rip in 32- or 64-bit code and set the
 * registers. Uses and advances *seed.
 */
void template_generate(const struct template *t, enum hg_mode mode, struct sample *s, u64 *gpr,
		       u64 *rflags, u64 rip, u64 *seed);
/* Is t an instruction in this mode? */
static inline bool template_in(const struct template *t, enum hg_mode mode)
{
	return !(t->flags & (mode == HG_MODE_64 ? T_ONLY32 : T_ONLY64));
}

#endif /* EMU_TEST_TEMPLATE_H */
