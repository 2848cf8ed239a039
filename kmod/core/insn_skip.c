// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recognise the instructions that are intercepted, see hg_insn_skip().
 *
 * CPUID, RDMSR, WRMSR, HLT and MOV CR without a prefix are nearly all that is
 * seen, so they are looked up in the raw bytes; the rest takes the decoder.
 */
#include "insn.h"

/* Two-byte opcodes without ModRM, as they stand. */
static u8 plain_0f(u8 opcode)
{
	switch (opcode) {
	case 0xa2:
		return HG_SKIP_CPUID;
	case 0x32:
		return HG_SKIP_RDMSR;
	case 0x30:
		return HG_SKIP_WRMSR;
	case 0x31:
		return HG_SKIP_RDTSC;
	case 0x33:
		return HG_SKIP_RDPMC;
	case 0x06:
		return HG_SKIP_CLTS;
	case 0x08:
		return HG_SKIP_INVD;
	case 0x09:
		return HG_SKIP_WBINVD;
	case 0xaa:
		return HG_SKIP_RSM;
	default:
		return HG_SKIP_OTHER;
	}
}

/* 0F 01 with a register form of ModRM. */
static u8 group7_register(u8 modrm)
{
	switch (modrm) {
	case 0xc1:
		return HG_SKIP_VMCALL;
	case 0xc8:
	case 0xfa:
		return HG_SKIP_MONITOR;
	case 0xc9:
	case 0xfb:
		return HG_SKIP_MWAIT;
	case 0xd0:
		return HG_SKIP_XGETBV;
	case 0xd1:
		return HG_SKIP_XSETBV;
	case 0xd9:
		return HG_SKIP_VMMCALL;
	case 0xd8:
	case 0xda:
	case 0xdb:
	case 0xdc:
	case 0xdd:
	case 0xde:
		return HG_SKIP_SVM;
	case 0xdf:
		return HG_SKIP_INVLPGA;
	case 0xf9:
		return HG_SKIP_RDTSCP;
	default:
		break;
	}
	if ((modrm & 0xf8) == 0xe0)
		return HG_SKIP_SMSW;
	if ((modrm & 0xf8) == 0xf0)
		return HG_SKIP_LMSW;
	return HG_SKIP_OTHER;
}

static u8 group7(const struct hg_insn *insn)
{
	static const u8 memory[8] = {
		HG_SKIP_SGDT, HG_SKIP_SIDT, HG_SKIP_LGDT, HG_SKIP_LIDT,
		HG_SKIP_SMSW, HG_SKIP_OTHER, HG_SKIP_LMSW, HG_SKIP_INVLPG,
	};

	if (insn->mod == 3)
		return group7_register(insn->modrm);
	return memory[insn->reg & 7];
}

static u8 group6(const struct hg_insn *insn)
{
	static const u8 kind[8] = {
		HG_SKIP_SLDT, HG_SKIP_STR, HG_SKIP_LLDT, HG_SKIP_LTR,
	};

	return kind[insn->reg & 7];
}

static u8 kind_0f(struct hg_skip *skip, const struct hg_insn *insn)
{
	switch (insn->opcode) {
	case 0x00:
		return group6(insn);
	case 0x01:
		return group7(insn);
	case 0x20:
	case 0x21:
	case 0x22:
	case 0x23:
		skip->number = insn->reg;
		skip->gpr = insn->rm;
		skip->opsize = insn->opsize;
		return HG_SKIP_READ_CR + (insn->opcode & 1) * 2 +
		       ((insn->opcode >> 1) & 1);
	default:
		return plain_0f(insn->opcode);
	}
}

HG_STATIC_ASSERT(HG_SKIP_WRITE_CR == HG_SKIP_READ_CR + 1);
HG_STATIC_ASSERT(HG_SKIP_READ_DR == HG_SKIP_READ_CR + 2);
HG_STATIC_ASSERT(HG_SKIP_WRITE_DR == HG_SKIP_READ_CR + 3);

static u8 port_kind(struct hg_skip *skip, const struct hg_insn *insn, u8 kind)
{
	/* There is no 64-bit port access; REX.W does not make one. */
	skip->opsize = insn->opsize == 8 ? 4 : insn->opsize;
	skip->number = (u8)insn->imm;
	return kind;
}

static u8 kind_1b(struct hg_skip *skip, const struct hg_insn *insn)
{
	switch (insn->opcode) {
	case 0x6c:
	case 0x6d:
		return port_kind(skip, insn, HG_SKIP_INS);
	case 0x6e:
	case 0x6f:
		return port_kind(skip, insn, HG_SKIP_OUTS);
	case 0x90:
		return insn->flags & HG_INSN_REP ? HG_SKIP_PAUSE
						 : HG_SKIP_OTHER;
	case 0x9c:
		return HG_SKIP_PUSHF;
	case 0x9d:
		return HG_SKIP_POPF;
	case 0xcc:
		return HG_SKIP_INT3;
	case 0xcd:
		skip->number = (u8)insn->imm;
		return HG_SKIP_INT;
	case 0xce:
		return HG_SKIP_INTO;
	case 0xcf:
		return HG_SKIP_IRET;
	case 0xe4:
	case 0xe5:
	case 0xec:
	case 0xed:
		return port_kind(skip, insn, HG_SKIP_IN);
	case 0xe6:
	case 0xe7:
	case 0xee:
	case 0xef:
		return port_kind(skip, insn, HG_SKIP_OUT);
	case 0xf1:
		return HG_SKIP_ICEBP;
	case 0xf4:
		return HG_SKIP_HLT;
	default:
		return HG_SKIP_OTHER;
	}
}

static int skip_decoded(struct hg_skip *skip, const u8 *bytes, u32 avail,
			enum hg_mode mode)
{
	struct hg_insn *insn = &skip->insn;
	int len = hg_insn_decode(insn, bytes, avail, mode);

	if (len < 0)
		return len;

	skip->len = len;
	skip->number = 0;
	skip->gpr = 0;
	skip->opsize = insn->opsize;
	skip->has_insn = true;
	skip->kind = HG_SKIP_OTHER;
	if (insn->enc != HG_ENC_LEGACY)
		return len;
	if (insn->map == HG_MAP_1B)
		skip->kind = kind_1b(skip, insn);
	else if (insn->map == HG_MAP_0F)
		skip->kind = kind_0f(skip, insn);
	else if (insn->map == HG_MAP_0F38 && insn->opcode == 0x82 &&
		 (insn->flags & HG_INSN_P66) && (insn->flags & HG_INSN_MEM))
		skip->kind = HG_SKIP_INVPCID;

	/* LOCK is #UD with all of them but AMD's LOCK MOV CR8. */
	if ((insn->flags & HG_INSN_LOCK) && skip->kind != HG_SKIP_OTHER &&
	    skip->kind != HG_SKIP_READ_CR && skip->kind != HG_SKIP_WRITE_CR)
		return HG_INSN_BAD;
	return len;
}

static int skip_plain(struct hg_skip *skip, u32 len, u8 kind)
{
	skip->len = len;
	skip->kind = kind;
	skip->number = 0;
	skip->gpr = 0;
	skip->opsize = 0;
	skip->has_insn = false;
	return len;
}

/*
 * MOV from and to CR0, CR2 to CR4, CR8 without a legacy prefix; 0 if it is
 * anything else.
 */
static int skip_cr(struct hg_skip *skip, const u8 *bytes, u32 avail,
		   enum hg_mode mode)
{
	const u8 *p = bytes;
	u8 rex = 0, modrm, cr;

	if (avail < 4)
		return 0;
	if (mode == HG_MODE_64 && (*p & 0xf0) == 0x40)
		rex = *p++;
	if (p[0] != 0x0f || (p[1] & 0xfd) != 0x20)
		return 0;
	modrm = p[2];
	cr = ((modrm >> 3) & 7) | (rex & 4) << 1;
	if (cr > 8 || !((1u << cr) & 0x11d))
		return 0;

	skip->len = (p - bytes) + 3;
	skip->kind = p[1] & 2 ? HG_SKIP_WRITE_CR : HG_SKIP_READ_CR;
	skip->number = cr;
	skip->gpr = (modrm & 7) | (rex & 1) << 3;
	skip->opsize = mode == HG_MODE_64 ? 8 : 4;
	skip->has_insn = false;
	return skip->len;
}

int hg_insn_skip(struct hg_skip *skip, const u8 *bytes, u32 avail,
		 enum hg_mode mode)
{
	int len;

	if (avail >= 2 && bytes[0] == 0x0f) {
		u8 kind = plain_0f(bytes[1]);

		if (kind != HG_SKIP_OTHER)
			return skip_plain(skip, 2, kind);
	} else if (avail >= 1 && bytes[0] == 0xf4) {
		return skip_plain(skip, 1, HG_SKIP_HLT);
	}
	len = skip_cr(skip, bytes, avail, mode);
	if (len)
		return len;
	return skip_decoded(skip, bytes, avail, mode);
}

int hg_insn_skip_length(const u8 *bytes, u32 avail, enum hg_mode mode)
{
	struct hg_skip skip;

	return hg_insn_skip(&skip, bytes, avail, mode);
}
