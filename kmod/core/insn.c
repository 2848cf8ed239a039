// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86 instruction decoder. Encoding: AMD APM vol. 3, 1; Intel SDM vol. 2, 2.
 */
#include "insn.h"
#include "insn_table.h"

/* Where we are in the bytes. end is at most 15 bytes from the start. */
struct cursor {
	const u8 *pos;
	const u8 *end;
};

/* REX bits, also used for the inverted bits of VEX, EVEX and XOP. */
#define REX_B	1
#define REX_X	2
#define REX_R	4
#define REX_W	8

/*
 * 16-bit addressing: base and index by ModRM.rm (APM vol. 3, table 1-6).
 */
static const u8 base16[8] = {
	HG_RBX, HG_RBX, HG_RBP, HG_RBP, HG_RSI, HG_RDI, HG_RBP, HG_RBX,
};

static const u8 index16[8] = {
	HG_RSI, HG_RDI, HG_RSI, HG_RDI,
	HG_REG_NONE, HG_REG_NONE, HG_REG_NONE, HG_REG_NONE,
};

static inline bool take_u8(struct cursor *c, u8 *v)
{
	if (HG_UNLIKELY(c->pos == c->end))
		return false;
	*v = *c->pos++;
	return true;
}

static inline u32 left(const struct cursor *c)
{
	return (u32)(c->end - c->pos);
}

/* Take size (1, 2, 4 or 8) bytes and sign-extend them. */
static bool take_signed(struct cursor *c, u32 size, s64 *v)
{
	const u8 *p = c->pos;

	if (HG_UNLIKELY(left(c) < size))
		return false;
	c->pos += size;
	switch (size) {
	case 1:
		*v = (s8)p[0];
		return true;
	case 2: {
		s16 x;

		__builtin_memcpy(&x, p, sizeof(x));
		*v = x;
		return true;
	}
	case 4: {
		s32 x;

		__builtin_memcpy(&x, p, sizeof(x));
		*v = x;
		return true;
	}
	default:
		__builtin_memcpy(v, p, sizeof(*v));
		return true;
	}
}

static bool take_unsigned(struct cursor *c, u32 size, u64 *v)
{
	s64 x;

	if (!take_signed(c, size, &x))
		return false;
	*v = size == 8 ? (u64)x : (u64)x & (HG_BIT(8 * size) - 1);
	return true;
}

/* A legacy prefix (APM vol. 3, 1.2). */
static inline void apply_prefix(struct hg_insn *insn, u8 byte, u8 *seg)
{
	switch (byte) {
	case 0x66:
		insn->flags |= HG_INSN_P66;
		return;
	case 0x67:
		insn->flags |= HG_INSN_P67;
		return;
	case 0xf0:
		insn->flags |= HG_INSN_LOCK;
		return;
	case 0xf2:
		insn->flags &= ~HG_INSN_REP;
		insn->flags |= HG_INSN_REPNE;
		return;
	case 0xf3:
		insn->flags &= ~HG_INSN_REPNE;
		insn->flags |= HG_INSN_REP;
		return;
	case 0x64:
	case 0x65:
		*seg = byte == 0x64 ? HG_SEG_FS : HG_SEG_GS;
		break;
	default:
		/* 26, 2e, 36, 3e do nothing in 64-bit code. */
		if (insn->mode == HG_MODE_64)
			return;
		*seg = (byte >> 3) & 3;
		break;
	}
	insn->flags |= HG_INSN_SEG_OVR;
}

static inline void set_addrsize(struct hg_insn *insn)
{
	bool p67 = insn->flags & HG_INSN_P67;

	if (insn->mode == HG_MODE_64)
		insn->addrsize = p67 ? 4 : 8;
	else
		insn->addrsize = p67 == (insn->mode == HG_MODE_16) ? 4 : 2;
}

static inline void set_opsize(struct hg_insn *insn, u32 attr)
{
	bool p66 = insn->flags & HG_INSN_P66;

	if (attr & ATTR_BYTE) {
		insn->opsize = 1;
		insn->flags |= HG_INSN_BYTE;
	} else if (insn->mode == HG_MODE_64) {
		if (insn->rex & REX_W)
			insn->opsize = 8;
		else if (p66)
			insn->opsize = 2;
		else
			insn->opsize = attr & ATTR_D64 ? 8 : 4;
	} else {
		insn->opsize = p66 == (insn->mode == HG_MODE_16) ? 4 : 2;
	}
}

static bool decode_mem16(struct hg_insn *insn, struct cursor *c)
{
	u8 rm = insn->modrm & 7;

	insn->base = base16[rm];
	insn->index = index16[rm];
	if (insn->mod == 0 && rm == 6) {
		insn->base = HG_REG_NONE;
		return take_signed(c, 2, &insn->disp);
	}
	if (insn->mod == 0)
		return true;
	return take_signed(c, insn->mod, &insn->disp);
}

static inline bool decode_mem(struct hg_insn *insn, struct cursor *c)
{
	u8 rm = insn->modrm & 7;

	insn->base = rm | (insn->rex & REX_B) << 3;
	if (rm == HG_RSP) {
		u8 sib;

		if (!take_u8(c, &sib))
			return false;
		insn->scale = sib >> 6;
		insn->index = ((sib >> 3) & 7) | (insn->rex & REX_X) << 2;
		if (insn->index == HG_RSP)
			insn->index = HG_REG_NONE;
		rm = sib & 7;
		insn->base = rm | (insn->rex & REX_B) << 3;
		if (insn->mod == 0 && rm == HG_RBP) {
			insn->base = HG_REG_NONE;
			return take_signed(c, 4, &insn->disp);
		}
	} else if (insn->mod == 0 && rm == HG_RBP) {
		insn->base = insn->mode == HG_MODE_64 ? HG_REG_RIP
						      : HG_REG_NONE;
		return take_signed(c, 4, &insn->disp);
	}
	if (insn->mod == 0)
		return true;
	return take_signed(c, insn->mod == 1 ? 1 : 4, &insn->disp);
}

/* ModRM, SIB and displacement. */
static inline bool decode_modrm(struct hg_insn *insn, struct cursor *c,
				bool registers_only)
{
	u8 modrm;

	if (!take_u8(c, &modrm))
		return false;
	insn->modrm = modrm;
	insn->flags |= HG_INSN_MODRM;
	insn->mod = modrm >> 6;
	insn->reg = ((modrm >> 3) & 7) | (insn->rex & REX_R) << 1;
	insn->rm = (modrm & 7) | (insn->rex & REX_B) << 3;
	if (insn->mod == 3 || registers_only)
		return true;

	insn->flags |= HG_INSN_MEM;
	if (insn->addrsize == 2 ? !decode_mem16(insn, c)
				: !decode_mem(insn, c))
		return false;
	/* rBP and rSP as base select the stack segment; r12, r13 do not. */
	if ((insn->base == HG_RBP || insn->base == HG_RSP) &&
	    !(insn->flags & HG_INSN_SEG_OVR))
		insn->seg = HG_SEG_SS;
	return true;
}

static bool decode_imm(struct hg_insn *insn, struct cursor *c, u32 kind)
{
	u32 size = insn->opsize, z = size == 8 ? 4 : size;
	u8 byte;
	u64 v;

	switch (kind) {
	case IMM_GRP3:
		if ((insn->modrm >> 3) & 6)
			return true;
		break;
	case IMM_EXTRQ:
		if (!(insn->flags & (HG_INSN_P66 | HG_INSN_REPNE)))
			return true;
		if (!take_u8(c, &byte))
			return false;
		insn->imm2 = byte;
		z = 1;
		break;
	case IMM_MOFFS:
		insn->flags |= HG_INSN_MEM | HG_INSN_MOFFS;
		if (!take_unsigned(c, insn->addrsize, &v))
			return false;
		insn->disp = (s64)v;
		return true;
	case IMM_B:
		z = 1;
		break;
	case IMM_V:
		z = size;
		break;
	case IMM_W:
	case IMM_ENTER:
		insn->flags |= HG_INSN_IMM;
		if (!take_unsigned(c, 2, &insn->imm))
			return false;
		if (kind == IMM_W)
			return true;
		if (!take_u8(c, &byte))
			return false;
		insn->imm2 = byte;
		return true;
	default:
		break;
	}

	insn->flags |= HG_INSN_IMM;
	if (!take_signed(c, z, (s64 *)&insn->imm))
		return false;
	if (kind == IMM_FAR) {
		if (!take_unsigned(c, 2, &v))
			return false;
		insn->imm2 = (u16)v;
	}
	return true;
}

/* Register forms of 0F 01 that exist: one bit for each ModRM from c0. */
#define GRP7_REGS	0xfffff5fffff38f3fULL

static bool grp7_ok(const struct hg_insn *insn)
{
	if (insn->mod == 3)
		return (GRP7_REGS >> (insn->modrm & 0x3f)) & 1;
	return (insn->reg & 7) != 5 || (insn->flags & HG_INSN_REP);
}

static bool grp9_ok(const struct hg_insn *insn)
{
	u8 reg = insn->reg & 7;

	if (insn->mod == 3)
		return reg >= 6;
	return reg != 0 && reg != 2;
}

/* Opcodes whose validity or operand size depends on ModRM. */
static bool group_ok(struct hg_insn *insn)
{
	u8 reg = insn->reg & 7;

	if (insn->map == HG_MAP_1B) {
		switch (insn->opcode) {
		case 0x8f:
			return reg == 0;
		case 0xc6:
		case 0xc7:
			/* f8: XABORT, XBEGIN */
			return reg == 0 || insn->modrm == 0xf8;
		case 0xfe:
			return reg < 2;
		case 0xff:
			/* Near CALL, JMP and PUSH. */
			if (reg == 2 || reg == 4 || reg == 6)
				set_opsize(insn, ATTR_D64);
			if (reg == 3 || reg == 5)
				return insn->mod != 3;
			return reg != 7;
		case 0x62:
		case 0xc4:
		case 0xc5:
			/* Not VEX, so BOUND, LES, LDS, all of memory. */
			return insn->mode != HG_MODE_64 && insn->mod != 3;
		default:
			return true;
		}
	}

	switch (insn->opcode) {
	case 0x00:
		return reg < 6;
	case 0x01:
		return grp7_ok(insn);
	case 0x20:
	case 0x22:
		/* LOCK MOV CR0 is AMD's way to CR8 outside 64-bit code. */
		if (insn->flags & HG_INSN_LOCK)
			insn->reg |= 8;
		insn->opsize = insn->mode == HG_MODE_64 ? 8 : 4;
		return insn->reg == 0 || (insn->reg >= 2 && insn->reg <= 4) ||
		       insn->reg == 8;
	case 0x21:
	case 0x23:
		insn->opsize = insn->mode == HG_MODE_64 ? 8 : 4;
		return insn->reg < 8;
	case 0x78:
		/* EXTRQ and INSERTQ have no memory form. */
		return !(insn->flags & (HG_INSN_P66 | HG_INSN_REPNE)) ||
		       insn->mod == 3;
	case 0xb8:
		return insn->flags & HG_INSN_REP;
	case 0xba:
		return reg >= 4;
	case 0xc7:
		return grp9_ok(insn);
	default:
		return true;
	}
}

static int bad_end(const struct cursor *c, const u8 *bytes)
{
	return c->end - bytes >= HG_INSN_MAX_LEN ? HG_INSN_LONG
						  : HG_INSN_MORE;
}

/* Immediates of the vector maps. */
static u32 vector_imm(u32 map, u8 opcode)
{
	switch (map) {
	case HG_MAP_0F:
		if ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
		    (opcode >= 0xc4 && opcode <= 0xc6))
			return IMM_B;
		return IMM_NONE;
	case HG_MAP_0F3A:
	case 8:
		return IMM_B;
	case 10:
		return IMM_Z;
	default:
		return IMM_NONE;
	}
}

static void set_pp(struct hg_insn *insn, u8 pp)
{
	static const u32 flag[4] = {
		0, HG_INSN_P66, HG_INSN_REP, HG_INSN_REPNE,
	};

	insn->flags |= flag[pp];
}

/*
 * Split the payload of VEX (SDM vol. 2, 2.3.5), XOP (APM vol. 3, 1.8) or
 * EVEX (SDM vol. 2, 2.7.1); n payload bytes are at p. *hi is the fifth bit
 * of reg, and of rm in its register form (EVEX only).
 */
static bool split_vector(struct hg_insn *insn, const u8 *p, u8 *hi_reg,
			 u8 *hi_rm)
{
	bool long_mode = insn->mode == HG_MODE_64;
	u8 rxb, wvp = p[1];

	if (insn->enc == HG_ENC_VEX && insn->opcode == 0xc5) {
		wvp = p[0] & 0x7f;
		insn->map = HG_MAP_0F;
		rxb = ~p[0] & 0x80;
	} else {
		insn->map = p[0] & (insn->enc == HG_ENC_EVEX ? 0x0f : 0x1f);
		rxb = ~p[0] & 0xe0;
	}
	if (long_mode) {
		insn->rex = rxb >> 5;
		if (wvp & 0x80)
			insn->rex |= REX_W;
	}
	if (wvp & 0x80)
		insn->flags |= HG_INSN_W;
	insn->vvvv = (~wvp >> 3) & 0xf;
	set_pp(insn, wvp & 3);

	switch (insn->enc) {
	case HG_ENC_VEX:
		insn->veclen = wvp & 4 ? 32 : 16;
		return insn->map >= 1 && insn->map <= 3;
	case HG_ENC_XOP:
		insn->veclen = wvp & 4 ? 32 : 16;
		return insn->map >= 8 && insn->map <= 10;
	default:
		break;
	}

	/* EVEX: bit 10 is one; 3 is not a length unless it means rounding. */
	if (!(wvp & 4) || (p[0] & 8))
		return false;
	if ((p[2] & 0x60) == 0x60 && !(p[2] & 0x10))
		return false;
	insn->veclen = (p[2] & 0x60) == 0x60 ? 64 : 16 << ((p[2] >> 5) & 3);
	if (long_mode) {
		*hi_reg = p[0] & 0x10 ? 0 : 16;
		*hi_rm = p[0] & 0x40 ? 0 : 16;
		insn->vvvv |= p[2] & 8 ? 0 : 16;
	}
	return (insn->map >= 1 && insn->map <= 3) || insn->map == 5 ||
	       insn->map == 6;
}

/* insn->opcode is the escape byte, the cursor is behind it. */
static int decode_vector(struct hg_insn *insn, struct cursor *c,
			 const u8 *bytes, enum hg_insn_enc enc)
{
	u8 payload[3], hi_reg = 0, hi_rm = 0, opcode;
	u32 n, i, kind;

	/* These prefixes make it #UD (SDM vol. 2, 2.3.2). */
	if ((insn->flags & (HG_INSN_P66 | HG_INSN_REP | HG_INSN_REPNE |
			    HG_INSN_LOCK)) || insn->rex)
		return HG_INSN_BAD;

	insn->enc = enc;
	n = enc == HG_ENC_EVEX ? 3 : insn->opcode == 0xc5 ? 1 : 2;
	for (i = 0; i < n; i++)
		if (!take_u8(c, &payload[i]))
			return bad_end(c, bytes);
	if (!split_vector(insn, payload, &hi_reg, &hi_rm))
		return HG_INSN_BAD;
	if (!take_u8(c, &opcode))
		return bad_end(c, bytes);
	insn->opcode = opcode;
	insn->opsize = insn->rex & REX_W ? 8 : 4;

	/* VZEROUPPER and VZEROALL stand alone. */
	if (enc == HG_ENC_VEX && insn->map == HG_MAP_0F && opcode == 0x77)
		goto out;
	if (!decode_modrm(insn, c, false))
		return bad_end(c, bytes);
	insn->reg |= hi_reg;
	insn->rm |= hi_rm;
	if (enc == HG_ENC_EVEX && insn->mod == 1)
		insn->flags |= HG_INSN_EVEX_DISP8;
	kind = vector_imm(insn->map, opcode);
	if (kind == IMM_Z) {
		/* LWP's immediate is 4 bytes whatever the operand size. */
		if (!take_signed(c, 4, (s64 *)&insn->imm))
			return bad_end(c, bytes);
		insn->flags |= HG_INSN_IMM;
	} else if (kind != IMM_NONE && !decode_imm(insn, c, kind)) {
		return bad_end(c, bytes);
	}
out:
	insn->len = c->pos - bytes;
	return insn->len;
}

/* Is this escape byte, whose next byte is modrm, a vector encoding? */
static bool is_vector(const struct hg_insn *insn, u8 opcode, u8 modrm,
		      enum hg_insn_enc *enc)
{
	switch (opcode) {
	case 0xc4:
	case 0xc5:
		*enc = HG_ENC_VEX;
		return insn->mode == HG_MODE_64 || modrm >= 0xc0;
	case 0x62:
		*enc = HG_ENC_EVEX;
		return insn->mode == HG_MODE_64 || modrm >= 0xc0;
	case 0x8f:
		/* POP has 0 in ModRM.reg; XOP maps begin at 8. */
		*enc = HG_ENC_XOP;
		return (modrm & 0x1f) >= 8;
	default:
		return false;
	}
}

static bool bit_of(const u32 *map, u8 n)
{
	return (map[n >> 5] >> (n & 31)) & 1;
}

/* The opcode behind 0F: sets map and opcode, returns false at the end. */
static bool decode_escape(struct hg_insn *insn, struct cursor *c, u32 *attr)
{
	u8 byte;

	if (!take_u8(c, &byte))
		return false;
	insn->map = HG_MAP_0F;
	*attr = hg_insn_map_0f[byte];
	if (byte == 0x38 || byte == 0x3a) {
		bool x3a = byte == 0x3a;

		if (!take_u8(c, &byte))
			return false;
		insn->map = x3a ? HG_MAP_0F3A : HG_MAP_0F38;
		if (!bit_of(x3a ? hg_insn_map_0f3a : hg_insn_map_0f38, byte))
			*attr = ATTR_BAD;
		else
			*attr = x3a ? ATTR_MODRM | IMM_B : ATTR_MODRM;
	}
	insn->opcode = byte;
	return true;
}

/*
 * The instructions that device access is made of: 64-bit code, at most 66 and
 * REX before an opcode with ModRM and no immediate. A full 15 bytes are
 * there, so that none of this can run out of them. Returns 0 for what it does
 * not know; hg_insn_decode() then starts over.
 */
static inline __attribute__((always_inline)) int
decode_hot(struct hg_insn *insn, const u8 *bytes)
{
	u32 flags = HG_INSN_MODRM, opsize = 4, attr;
	u8 rex = 0, map = HG_MAP_1B, modrm, mod, rm, base, index, seg;
	const u8 *p = bytes;
	s64 disp = 0;

	if (*p == 0x66) {
		flags |= HG_INSN_P66;
		opsize = 2;
		p++;
	}
	if ((*p & 0xf0) == 0x40) {
		rex = *p++;
		flags |= HG_INSN_REX;
		if (rex & REX_W) {
			flags |= HG_INSN_W;
			opsize = 8;
		}
	}
	attr = hg_insn_map_1b[*p];
	if (*p == 0x0f) {
		p++;
		attr = hg_insn_map_0f[*p];
		map = HG_MAP_0F;
	}
	if ((attr & ~(u32)ATTR_BYTE) != ATTR_MODRM)
		return 0;
	insn->opcode = *p++;
	if (attr & ATTR_BYTE) {
		flags |= HG_INSN_BYTE;
		opsize = 1;
	}

	modrm = *p++;
	mod = modrm >> 6;
	rm = modrm & 7;
	base = rm | (rex & REX_B) << 3;
	index = HG_REG_NONE;
	seg = HG_SEG_DS;
	insn->rm = base;
	insn->scale = 0;
	if (mod == 3) {
		base = HG_REG_NONE;
	} else {
		flags |= HG_INSN_MEM;
		if (rm == HG_RSP) {
			u8 sib = *p++;

			rm = sib & 7;
			base = rm | (rex & REX_B) << 3;
			index = ((sib >> 3) & 7) | (rex & REX_X) << 2;
			if (index == HG_RSP)
				index = HG_REG_NONE;
			insn->scale = sib >> 6;
			if (mod == 0 && rm == HG_RBP) {
				base = HG_REG_NONE;
				mod = 2;
			}
		} else if (mod == 0 && rm == HG_RBP) {
			base = HG_REG_RIP;
			mod = 2;
		}
		if (mod == 1) {
			disp = (s8)*p++;
		} else if (mod == 2) {
			s32 disp32;

			__builtin_memcpy(&disp32, p, sizeof(disp32));
			disp = disp32;
			p += sizeof(disp32);
		}
		if (base == HG_RBP || base == HG_RSP)
			seg = HG_SEG_SS;
	}

	insn->len = p - bytes;
	insn->map = map;
	insn->enc = HG_ENC_LEGACY;
	insn->mode = HG_MODE_64;
	insn->opsize = opsize;
	insn->addrsize = 8;
	insn->modrm = modrm;
	insn->mod = modrm >> 6;
	insn->reg = ((modrm >> 3) & 7) | (rex & REX_R) << 1;
	insn->base = base;
	insn->index = index;
	insn->seg = seg;
	insn->rex = rex;
	insn->vvvv = 0;
	insn->veclen = 0;
	insn->imm2 = 0;
	insn->flags = flags;
	insn->disp = disp;
	insn->imm = 0;
	return insn->len;
}

static __attribute__((__noinline__)) int
decode_any(struct hg_insn *insn, const u8 *bytes, u32 avail, enum hg_mode mode)

{
	struct cursor c = { bytes, bytes + (avail < HG_INSN_MAX_LEN ?
					    avail : HG_INSN_MAX_LEN) };
	u8 byte, rex = 0, seg = HG_SEG_DS;
	bool registers_only = false;
	enum hg_insn_enc enc;
	u32 attr;

	insn->map = HG_MAP_1B;
	insn->enc = HG_ENC_LEGACY;
	insn->mode = mode;
	insn->modrm = 0;
	insn->mod = 0;
	insn->reg = 0;
	insn->rm = 0;
	insn->base = HG_REG_NONE;
	insn->index = HG_REG_NONE;
	insn->scale = 0;
	insn->vvvv = 0;
	insn->veclen = 0;
	insn->imm2 = 0;
	insn->flags = 0;
	insn->disp = 0;
	insn->imm = 0;

	for (;;) {
		if (!take_u8(&c, &byte))
			return bad_end(&c, bytes);
		if ((byte & 0xf0) == 0x40 && mode == HG_MODE_64) {
			rex = byte;
			continue;
		}
		attr = hg_insn_map_1b[byte];
		if (!(attr & ATTR_PREFIX))
			break;
		/* A REX prefix counts only right before the opcode. */
		rex = 0;
		apply_prefix(insn, byte, &seg);
	}
	insn->opcode = byte;
	insn->rex = rex;
	insn->seg = seg;
	if (rex)
		insn->flags |= HG_INSN_REX | (rex & REX_W ? HG_INSN_W : 0);
	set_addrsize(insn);

	if (byte == 0x0f && !decode_escape(insn, &c, &attr))
		return bad_end(&c, bytes);

	if (HG_UNLIKELY(attr & (ATTR_BAD | ATTR_I64 | ATTR_RARE))) {
		if (attr & ATTR_BAD)
			return HG_INSN_BAD;
		if ((attr & ATTR_I64) && mode == HG_MODE_64)
			return HG_INSN_BAD;
		if ((attr & ATTR_RARE) && insn->map == HG_MAP_1B) {
			if (!left(&c))
				return bad_end(&c, bytes);
			if (is_vector(insn, byte, *c.pos, &enc))
				return decode_vector(insn, &c, bytes, enc);
		}
		/* MOV CR and DR ignore ModRM.mod (APM vol. 3, MOV CRn). */
		registers_only = insn->map == HG_MAP_0F &&
				 (insn->opcode & 0xfc) == 0x20;
	}

	set_opsize(insn, attr);
	if (attr & ATTR_MODRM) {
		if (!decode_modrm(insn, &c, registers_only))
			return bad_end(&c, bytes);
		if ((attr & ATTR_MEM) && insn->mod == 3)
			return HG_INSN_BAD;
		if ((attr & ATTR_RARE) && !group_ok(insn))
			return HG_INSN_BAD;
	}
	if (ATTR_IMM(attr) && !decode_imm(insn, &c, ATTR_IMM(attr)))
		return bad_end(&c, bytes);

	insn->len = c.pos - bytes;
	return insn->len;
}

int hg_insn_decode(struct hg_insn *insn, const u8 *bytes, u32 avail,
		   enum hg_mode mode)
{
	if (HG_LIKELY(mode == HG_MODE_64 && avail >= HG_INSN_MAX_LEN)) {
		int len = decode_hot(insn, bytes);

		if (HG_LIKELY(len))
			return len;
	}
	return decode_any(insn, bytes, avail, mode);
}

u64 hg_insn_offset(const struct hg_insn *insn, const u64 *gpr, u64 next_rip)
{
	u64 offset = (u64)insn->disp;

	if (insn->base < HG_NR_GPRS)
		offset += gpr[insn->base];
	else if (insn->base == HG_REG_RIP)
		offset += next_rip;
	if (insn->index < HG_NR_GPRS)
		offset += gpr[insn->index] << insn->scale;

	if (insn->addrsize == 8)
		return offset;
	return insn->addrsize == 4 ? (u32)offset : (u16)offset;
}
