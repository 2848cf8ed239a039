/* SPDX-License-Identifier: GPL-2.0-only */
/* Opcode attributes, private to the decoder. */
#ifndef HG_CORE_INSN_TABLE_H
#define HG_CORE_INSN_TABLE_H

#include "types.h"

/* The low four bits say which immediate follows. */
enum {
	IMM_NONE,
	IMM_B,		/* 1 byte */
	IMM_W,		/* 2 bytes, zero-extended */
	IMM_Z,		/* operand size, but 4 for 8 */
	IMM_V,		/* operand size */
	IMM_FAR,	/* IMM_Z offset and a selector */
	IMM_ENTER,	/* 2 bytes and 1 byte */
	IMM_MOFFS,	/* address size; the address of the operand */
	IMM_GRP3,	/* IMM_B or IMM_Z if ModRM.reg is 0 or 1 */
	IMM_REL,	/* IMM_Z, but by the rules of a near branch */
	IMM_EXTRQ,	/* two bytes if 66 or F2 came before */
};

#define ATTR_IMM(a)	((a) & 0xf)
#define ATTR_MODRM	0x010
#define ATTR_BYTE	0x020	/* operand is 1 byte */
#define ATTR_I64	0x040	/* invalid in 64-bit code */
#define ATTR_D64	0x080	/* operand is 8 bytes by default in 64-bit code */
#define ATTR_BAD	0x100	/* no such opcode */
#define ATTR_PREFIX	0x200	/* legacy prefix */
#define ATTR_RARE	0x400	/* decode_rare() must look at it */
#define ATTR_MEM	0x800	/* register form of ModRM is invalid */

extern const u16 hg_insn_map_1b[256];
extern const u16 hg_insn_map_0f[256];
/* One bit per opcode: is it defined? */
extern const u32 hg_insn_map_0f38[8];
extern const u32 hg_insn_map_0f3a[8];

#endif /* HG_CORE_INSN_TABLE_H */
