// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opcode maps: AMD APM vol. 3, appendix A; Intel SDM vol. 2, appendix A.
 * Eight opcodes to a line; the comment names the first.
 */
#include "insn_table.h"

#define ___	0
#define BAD	ATTR_BAD
#define PFX	ATTR_PREFIX
#define ESC	ATTR_RARE
#define I64	ATTR_I64
#define D64	ATTR_D64
#define Byt	ATTR_BYTE
#define M	ATTR_MODRM
#define Mb	(ATTR_MODRM | ATTR_BYTE)
#define Mm	(ATTR_MODRM | ATTR_MEM)
#define Ib	IMM_B
#define Iw	IMM_W
#define Iz	IMM_Z
#define Iv	IMM_V
#define Rel	(IMM_REL | ATTR_D64)
#define Jb	(IMM_B | ATTR_D64)
#define BIb	(ATTR_BYTE | IMM_B)
#define MIb	(ATTR_MODRM | IMM_B)
#define MbI	(ATTR_MODRM | ATTR_BYTE | IMM_B)
#define MIz	(ATTR_MODRM | IMM_Z)
#define Dz	(ATTR_D64 | IMM_Z)
#define Db	(ATTR_D64 | IMM_B)
#define Far	(ATTR_I64 | IMM_FAR)
#define Mof	IMM_MOFFS
#define MoB	(IMM_MOFFS | ATTR_BYTE)
#define G1A	(ATTR_MODRM | ATTR_D64 | ATTR_RARE)
#define VEX	(ATTR_MODRM | ATTR_RARE)
#define G3b	(ATTR_MODRM | ATTR_BYTE | IMM_GRP3)
#define G3z	(ATTR_MODRM | IMM_GRP3)
#define Grp	(ATTR_MODRM | ATTR_RARE)
#define GrB	(ATTR_MODRM | ATTR_BYTE | ATTR_RARE)
#define GIb	(ATTR_MODRM | ATTR_RARE | IMM_B)
#define GIz	(ATTR_MODRM | ATTR_RARE | IMM_Z)
#define GBI	(ATTR_MODRM | ATTR_RARE | ATTR_BYTE | IMM_B)
#define Ext	(ATTR_MODRM | ATTR_RARE | IMM_EXTRQ)

const u16 hg_insn_map_1b[256] = {
	/* 00 */ Mb,  M,   Mb,  M,   BIb, Iz,  I64, I64,
	/* 08 */ Mb,  M,   Mb,  M,   BIb, Iz,  I64, ESC,
	/* 10 */ Mb,  M,   Mb,  M,   BIb, Iz,  I64, I64,
	/* 18 */ Mb,  M,   Mb,  M,   BIb, Iz,  I64, I64,
	/* 20 */ Mb,  M,   Mb,  M,   BIb, Iz,  PFX, I64,
	/* 28 */ Mb,  M,   Mb,  M,   BIb, Iz,  PFX, I64,
	/* 30 */ Mb,  M,   Mb,  M,   BIb, Iz,  PFX, I64,
	/* 38 */ Mb,  M,   Mb,  M,   BIb, Iz,  PFX, I64,
	/* 40 */ ___, ___, ___, ___, ___, ___, ___, ___,
	/* 48 */ ___, ___, ___, ___, ___, ___, ___, ___,
	/* 50 */ D64, D64, D64, D64, D64, D64, D64, D64,
	/* 58 */ D64, D64, D64, D64, D64, D64, D64, D64,
	/* 60 */ I64, I64, VEX, M,   PFX, PFX, PFX, PFX,
	/* 68 */ Dz,  MIz, Db,  MIb, Byt, ___, Byt, ___,
	/* 70 */ Jb,  Jb,  Jb,  Jb,  Jb,  Jb,  Jb,  Jb,
	/* 78 */ Jb,  Jb,  Jb,  Jb,  Jb,  Jb,  Jb,  Jb,
	/* 80 */ MbI, MIz, I64 | MbI, MIb, Mb, M, Mb, M,
	/* 88 */ Mb,  M,   Mb,  M,   M,   Mm,  M,   G1A,
	/* 90 */ ___, ___, ___, ___, ___, ___, ___, ___,
	/* 98 */ ___, ___, Far, ___, D64, D64, ___, ___,
	/* a0 */ MoB, Mof, MoB, Mof, Byt, ___, Byt, ___,
	/* a8 */ BIb, Iz,  Byt, ___, Byt, ___, Byt, ___,
	/* b0 */ BIb, BIb, BIb, BIb, BIb, BIb, BIb, BIb,
	/* b8 */ Iv,  Iv,  Iv,  Iv,  Iv,  Iv,  Iv,  Iv,
	/* c0 */ MbI, MIb, D64 | Iw, D64, VEX, VEX, GBI, GIz,
	/* c8 */ D64 | IMM_ENTER, D64, Iw, ___, ___, Ib, I64, ___,
	/* d0 */ Mb,  M,   Mb,  M,   I64 | Ib, I64 | Ib, I64, ___,
	/* d8 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* e0 */ Jb,  Jb,  Jb,  Jb,  BIb, Ib,  BIb, Ib,
	/* e8 */ Rel, Rel, Far, Jb,  Byt, ___, Byt, ___,
	/* f0 */ PFX, ___, PFX, PFX, ___, ___, G3b, G3z,
	/* f8 */ ___, ___, ___, ___, ___, ___, GrB, Grp,
};

const u16 hg_insn_map_0f[256] = {
	/* 00 */ Grp, Grp, M,   M,   BAD, ___, ___, ___,
	/* 08 */ ___, ___, BAD, ___, BAD, M,   ___, MIb,
	/* 10 */ M,   M,   M,   Mm,  M,   M,   M,   Mm,
	/* 18 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 20 */ Grp, Grp, Grp, Grp, BAD, BAD, BAD, BAD,
	/* 28 */ M,   M,   M,   Mm,  M,   M,   M,   M,
	/* 30 */ ___, ___, ___, ___, ___, ___, BAD, ___,
	/* 38 */ ESC, BAD, ESC, BAD, BAD, BAD, BAD, BAD,
	/* 40 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 48 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 50 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 58 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 60 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 68 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* 70 */ MIb, MIb, MIb, MIb, M,   M,   M,   ___,
	/* 78 */ Ext, M,   BAD, BAD, M,   M,   M,   M,
	/* 80 */ Rel, Rel, Rel, Rel, Rel, Rel, Rel, Rel,
	/* 88 */ Rel, Rel, Rel, Rel, Rel, Rel, Rel, Rel,
	/* 90 */ Mb,  Mb,  Mb,  Mb,  Mb,  Mb,  Mb,  Mb,
	/* 98 */ Mb,  Mb,  Mb,  Mb,  Mb,  Mb,  Mb,  Mb,
	/* a0 */ D64, D64, ___, M,   MIb, M,   M,   M,
	/* a8 */ D64, D64, ___, M,   MIb, M,   M,   M,
	/* b0 */ Mb,  M,   Mm,  M,   Mm,  Mm,  M,   M,
	/* b8 */ Grp, M,   GIb, M,   M,   M,   M,   M,
	/* c0 */ Mb,  M,   MIb, Mm,  MIb, MIb, MIb, Grp,
	/* c8 */ ___, ___, ___, ___, ___, ___, ___, ___,
	/* d0 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* d8 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* e0 */ M,   M,   M,   M,   M,   M,   M,   Mm,
	/* e8 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* f0 */ M,   M,   M,   M,   M,   M,   M,   M,
	/* f8 */ M,   M,   M,   M,   M,   M,   M,   M,
};

/* Every opcode of these two maps has a ModRM byte; 0F 3A has an imm8 too. */
const u32 hg_insn_map_0f38[8] = {
	0x70b10fff,	/* 00-0b, 10, 14, 15, 17, 1c-1e */
	0xffbf0f3f,	/* 20-25, 28-2b, 30-35, 37-3f */
	0x00000003,	/* 40, 41 */
	0,
	0x00000007,	/* 80-82 */
	0,
	0xf800bf00,	/* c8-cd, cf, db-df */
	0x03630000,	/* f0, f1, f5, f6, f8, f9 */
};

const u32 hg_insn_map_0f3a[8] = {
	0x00f0ff00,	/* 08-0f, 14-17 */
	0x00000007,	/* 20-22 */
	0x00000017,	/* 40-42, 44 */
	0x0000000f,	/* 60-63 */
	0,
	0,
	0x8000d000,	/* cc, ce, cf, df */
	0x00010000,	/* f0 */
};
