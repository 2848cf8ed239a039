// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder against an independent disassembler, capstone: for random bytes
 * in all three modes, the two must agree on whether it is an instruction, on
 * its length and on its memory operand. Where they do not, one of the rules
 * below must say why; a disagreement without a rule is an error.
 *
 * usage: decode_capstone [COUNT [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <capstone/capstone.h>
#include "insn.h"

struct pair {
	u8 bytes[16];
	enum hg_mode mode;
	struct hg_insn insn;
	int len;			/* ours */
	const cs_insn *cs;		/* NULL: capstone refuses */
};

enum kind {
	LENGTH,		/* both accept, lengths differ */
	REFUSED,	/* we refuse, capstone accepts */
	ACCEPTED,	/* we accept, capstone refuses */
	OPERAND,	/* memory operands differ */
};

static const char *const kind_name[] = { "length", "refused", "accepted", "operand" };

static bool opcode_is(const struct pair *p, u8 map, u8 from, u8 to)
{
	return p->insn.enc == HG_ENC_LEGACY && p->insn.map == map && p->insn.opcode >= from &&
	       p->insn.opcode <= to;
}

/*
 * Capstone 4.0 picks the wrong size for the immediate of PUSH, RET and near
 * branches in 64-bit code when 66 or 67 stands beside REX, F2 or F3, and for
 * CALL when 66 stands beside any other prefix.
 */
static bool size_mixed_up(const struct pair *p)
{
	if (opcode_is(p, 0, 0xe8, 0xe8) && (p->insn.flags & HG_INSN_P66) && p->len > 4)
		return true;
	return p->mode == HG_MODE_64 && (p->insn.flags & (HG_INSN_P66 | HG_INSN_P67)) &&
	       (p->insn.flags & (HG_INSN_REX | HG_INSN_REP | HG_INSN_REPNE)) &&
	       (opcode_is(p, 0, 0x68, 0x68) || opcode_is(p, 0, 0xc2, 0xc2) ||
		opcode_is(p, 0, 0xca, 0xca) || opcode_is(p, 0, 0xe8, 0xe9) ||
		opcode_is(p, 1, 0x80, 0x8f));
}

/*
 * EVEX.b on a register form is embedded rounding (SDM vol. 2, 2.7.8), which
 * has no byte of its own; capstone counts one, as if it were an immediate.
 */
static bool embedded_rounding(const struct pair *p)
{
	return p->insn.enc == HG_ENC_EVEX && p->insn.mod == 3 && !(p->insn.flags & HG_INSN_IMM) &&
	       (p->bytes[p->len - 3] & 0x10) && p->cs->size == p->len + 1;
}

/* UD0 and UD1 have a ModRM byte (SDM vol. 2, UD); capstone leaves it out. */
static bool undefined_with_modrm(const struct pair *p)
{
	return opcode_is(p, 1, 0xb9, 0xb9) || opcode_is(p, 1, 0xff, 0xff);
}

/*
 * 66 0F 78 is EXTRQ (AMD), which has two immediates and no memory form;
 * capstone takes it for VMREAD when another prefix is there, and VMREAD with 67
 * for EXTRQ.
 */
static bool extrq(const struct pair *p)
{
	return opcode_is(p, 1, 0x78, 0x78) &&
	       (p->insn.flags & (HG_INSN_P66 | HG_INSN_P67 | HG_INSN_REPNE));
}

/* EVEX.L'L = 3 is no vector length, and #UD unless it means rounding. */
static bool no_such_vector_length(const struct pair *p)
{
	const u8 *evex = memchr(p->bytes, 0x62, 8);

	return evex && (evex[3] & 0x70) == 0x60;
}

/* Only CR0, CR2, CR3, CR4 and CR8 exist, and DR0 to DR7. */
static bool no_such_control_register(const struct pair *p)
{
	return opcode_is(p, 1, 0x20, 0x23);
}

/* 66, F2, F3, LOCK and REX before VEX, EVEX or XOP are #UD. */
static bool prefix_before_vector(const struct pair *p)
{
	return (opcode_is(p, 0, 0xc4, 0xc5) || opcode_is(p, 0, 0x62, 0x62) ||
		opcode_is(p, 0, 0x8f, 0x8f) || p->insn.enc != HG_ENC_LEGACY) &&
	       ((p->insn.flags & (HG_INSN_P66 | HG_INSN_REP | HG_INSN_REPNE | HG_INSN_LOCK)) ||
		p->insn.rex);
}

/* Whether LOCK is allowed is the emulator's business, see lock_ok() there. */
static bool lock(const struct pair *p)
{
	return p->insn.flags & HG_INSN_LOCK;
}

/* Of the vector maps only lengths are decoded; opcodes are not looked up. */
static bool vector_map(const struct pair *p)
{
	return p->insn.enc != HG_ENC_LEGACY;
}

/*
 * MOV with segment register 6 or 7, MOV CS: for the emulator to refuse. REX.R
 * is ignored there (APM vol. 3, 1.2.7); capstone counts it.
 */
static bool segment_register(const struct pair *p)
{
	u8 reg = p->insn.reg & 7;

	if ((opcode_is(p, 0, 0x8c, 0x8c) || opcode_is(p, 0, 0x8e, 0x8e)) && (p->insn.reg & 8))
		return true;
	return (opcode_is(p, 0, 0x8c, 0x8c) && reg > 5) ||
	       (opcode_is(p, 0, 0x8e, 0x8e) && (reg > 5 || reg == 1));
}

/* Capstone does not know MOV moffs with F2, F3 and another prefix. */
static bool moffs_prefixes(const struct pair *p)
{
	return opcode_is(p, 0, 0xa0, 0xa3) && (p->insn.flags & (HG_INSN_REP | HG_INSN_REPNE));
}

/* Holes in the x87 map; none of it is emulated. */
static bool x87(const struct pair *p)
{
	return opcode_is(p, 0, 0xd8, 0xdf);
}

/*
 * In the maps behind 0F a missing or surplus mandatory prefix, an undefined
 * member of a group, or a register form where only memory is allowed, makes
 * many opcodes undefined. Our table holds no more than lengths for them, and
 * the emulator's own list of forms decides what it carries out.
 */
static bool undefined_0f_form(const struct pair *p)
{
	static const u8 two_byte[] = {
		0x00, 0x01, 0x0d, 0x0f, 0x18, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x50, 0x6c,
		0x6d, 0x71, 0x72, 0x73, 0x7c, 0x7d, 0xa6, 0xa7, 0xae, 0xb8, 0xb9, 0xba,
		0xc5, 0xc7, 0xd0, 0xd6, 0xd7, 0xe6, 0xf0, 0xf7, 0xff,
	};

	if (p->insn.enc != HG_ENC_LEGACY)
		return false;
	if (p->insn.map == HG_MAP_0F)
		return memchr(two_byte, p->insn.opcode, sizeof(two_byte));
	return p->insn.map == HG_MAP_0F38 || p->insn.map == HG_MAP_0F3A;
}

/* Byte 8 of disp is multiplied by a size that we do not look up. */
static bool scaled_disp8(const struct pair *p)
{
	return p->insn.flags & HG_INSN_EVEX_DISP8;
}

struct rule {
	const char *why;
	enum kind kind;
	bool (*applies)(const struct pair *p);
	unsigned long hits;
};

static struct rule rules[] = {
	{ "capstone mixes up sizes beside REX, F2, F3", LENGTH, size_mixed_up, 0 },
	{ "embedded rounding counted as a byte", LENGTH, embedded_rounding, 0 },
	{ "UD0 and UD1 have a ModRM byte", LENGTH, undefined_with_modrm, 0 },
	{ "EXTRQ taken for VMREAD", LENGTH, extrq, 0 },
	{ "EXTRQ taken for VMREAD", REFUSED, extrq, 0 },
	{ "control register that does not exist", REFUSED, no_such_control_register, 0 },
	{ "EVEX vector length that does not exist", REFUSED, no_such_vector_length, 0 },
	{ "prefix before VEX, EVEX, XOP", REFUSED, prefix_before_vector, 0 },
	{ "LOCK is left to the emulator", ACCEPTED, lock, 0 },
	{ "vector maps are decoded for length only", ACCEPTED, vector_map, 0 },
	{ "segment register is left to the emulator", ACCEPTED, segment_register, 0 },
	{ "MOV moffs with F2 or F3", ACCEPTED, moffs_prefixes, 0 },
	{ "x87 map has holes", ACCEPTED, x87, 0 },
	{ "undefined form behind 0F", ACCEPTED, undefined_0f_form, 0 },
	{ "EVEX disp8 is scaled", OPERAND, scaled_disp8, 0 },
};

static unsigned long agreed, operands, errors;

static void report(const struct pair *p, enum kind kind, const char *what)
{
	unsigned int i;

	for (i = 0; i < HG_ARRAY_SIZE(rules); i++) {
		if (rules[i].kind == kind && rules[i].applies(p)) {
			rules[i].hits++;
			return;
		}
	}
	if (errors++ > 40)
		return;
	printf("%s%s mode %d:", kind_name[kind], what, p->mode);
	for (i = 0; i < 15; i++)
		printf(" %02x", p->bytes[i]);
	printf("\n  ours %d map %u op %02x base %u index %u scale %u disp %llx seg %u\n", p->len,
	       p->insn.map, p->insn.opcode, p->insn.base, p->insn.index, p->insn.scale,
	       (u64)p->insn.disp, p->insn.seg);
	if (p->cs)
		printf("  capstone %d: %s %s\n", p->cs->size, p->cs->mnemonic, p->cs->op_str);
}

/* A capstone register as ours; -1 if it is none of them. */
static int our_register(unsigned int reg)
{
	static const struct {
		unsigned int r16, r32, r64;
	} map[16] = {
		{ X86_REG_AX, X86_REG_EAX, X86_REG_RAX }, { X86_REG_CX, X86_REG_ECX, X86_REG_RCX },
		{ X86_REG_DX, X86_REG_EDX, X86_REG_RDX }, { X86_REG_BX, X86_REG_EBX, X86_REG_RBX },
		{ X86_REG_SP, X86_REG_ESP, X86_REG_RSP }, { X86_REG_BP, X86_REG_EBP, X86_REG_RBP },
		{ X86_REG_SI, X86_REG_ESI, X86_REG_RSI }, { X86_REG_DI, X86_REG_EDI, X86_REG_RDI },
		{ X86_REG_R8W, X86_REG_R8D, X86_REG_R8 }, { X86_REG_R9W, X86_REG_R9D, X86_REG_R9 },
		{ X86_REG_R10W, X86_REG_R10D, X86_REG_R10 },
		{ X86_REG_R11W, X86_REG_R11D, X86_REG_R11 },
		{ X86_REG_R12W, X86_REG_R12D, X86_REG_R12 },
		{ X86_REG_R13W, X86_REG_R13D, X86_REG_R13 },
		{ X86_REG_R14W, X86_REG_R14D, X86_REG_R14 },
		{ X86_REG_R15W, X86_REG_R15D, X86_REG_R15 },
	};
	int i;

	if (reg == X86_REG_INVALID || reg == X86_REG_EIZ || reg == X86_REG_RIZ)
		return HG_REG_NONE;
	if (reg == X86_REG_RIP || reg == X86_REG_EIP || reg == X86_REG_IP)
		return HG_REG_RIP;
	for (i = 0; i < 16; i++)
		if (map[i].r16 == reg || map[i].r32 == reg || map[i].r64 == reg)
			return i;
	return -1;
}

static int our_segment(unsigned int reg)
{
	switch (reg) {
	case X86_REG_ES:
		return HG_SEG_ES;
	case X86_REG_CS:
		return HG_SEG_CS;
	case X86_REG_SS:
		return HG_SEG_SS;
	case X86_REG_DS:
		return HG_SEG_DS;
	case X86_REG_FS:
		return HG_SEG_FS;
	case X86_REG_GS:
		return HG_SEG_GS;
	default:
		return -1;
	}
}

static bool memory_equal(const struct pair *p, const x86_op_mem *mem)
{
	const struct hg_insn *insn = &p->insn;
	int base = our_register(mem->base), index = our_register(mem->index);
	u64 mask = insn->addrsize == 8 ? ~0ull : (1ull << (8 * insn->addrsize)) - 1;

	if (base != insn->base)
		return false;
	/* A vector register as index (gathers) is not ours to name. */
	if (index >= 0 && index != insn->index)
		return false;
	if (index >= 0 && index != HG_REG_NONE && mem->scale != 1 << insn->scale)
		return false;
	if (((u64)mem->disp ^ (u64)insn->disp) & mask)
		return false;
	if (mem->segment != X86_REG_INVALID &&
	    !(p->mode == HG_MODE_64 && our_segment(mem->segment) < HG_SEG_FS) &&
	    our_segment(mem->segment) != insn->seg)
		return false;
	return true;
}

/*
 * Compare the operand that ModRM or moffs names. Strings and the like have
 * memory operands without it, and capstone lists none for a few hints.
 */
static void compare_operand(const struct pair *p)
{
	const cs_x86 *x = &p->cs->detail->x86;
	bool found = false;
	int i;

	if (!(p->insn.flags & HG_INSN_MEM))
		return;
	for (i = 0; i < x->op_count; i++) {
		if (x->operands[i].type != X86_OP_MEM)
			continue;
		found = true;
		if (memory_equal(p, &x->operands[i].mem)) {
			operands++;
			return;
		}
	}
	if (found)
		report(p, OPERAND, "");
}

static csh handle[3];

static void compare(const u8 *bytes, enum hg_mode mode)
{
	struct pair p = { .mode = mode };
	cs_insn *cs = NULL;
	size_t n;

	memcpy(p.bytes, bytes, 15);
	p.len = hg_insn_decode(&p.insn, p.bytes, 15, mode);
	n = cs_disasm(handle[mode], p.bytes, 15, 0x100000, 1, &cs);
	p.cs = n ? cs : NULL;

	if (p.len < 0 && n)
		report(&p, REFUSED, "");
	else if (p.len > 0 && !n)
		report(&p, ACCEPTED, "");
	else if (p.len > 0 && p.len != cs->size)
		report(&p, LENGTH, "");
	else if (p.len > 0) {
		agreed++;
		compare_operand(&p);
	}
	if (n)
		cs_free(cs, n);
}

static u64 seed = 0x9e3779b97f4a7c15ull;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * 0x2545f4914f6cdd1dull) >> 24;
}

/* Random bytes, with prefixes and escapes more often than chance has them. */
static void generate(u8 *b, enum hg_mode mode)
{
	static const u8 prefix[] = {
		0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65,
	};
	static const u8 vector[] = { 0xc4, 0xc5, 0x62, 0x8f };
	int n = 0, i;

	for (i = 0; i < 16; i++)
		b[i] = (u8)rnd();
	for (i = (int)(rnd() % 8); i > 5; i--)
		b[n++] = prefix[rnd() % sizeof(prefix)];
	if (mode == HG_MODE_64 && rnd() % 3 == 0)
		b[n++] = 0x40 | (rnd() & 15);
	switch (rnd() % 8) {
	case 0:
	case 1:
		b[n++] = 0x0f;
		break;
	case 2:
		b[n++] = 0x0f;
		b[n++] = 0x38;
		break;
	case 3:
		b[n++] = 0x0f;
		b[n++] = 0x3a;
		break;
	case 4:
		b[n++] = vector[rnd() % sizeof(vector)];
		break;
	default:
		break;
	}
}

int main(int argc, char **argv)
{
	static const cs_mode modes[3] = { CS_MODE_16, CS_MODE_32, CS_MODE_64 };
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000, i;
	unsigned int m;

	if (argc > 2)
		seed ^= strtoull(argv[2], NULL, 0) * 0xd1342543de82ef95ull;
	for (m = 0; m < 3; m++)
		if (cs_open(CS_ARCH_X86, modes[m], &handle[m]) ||
		    cs_option(handle[m], CS_OPT_DETAIL, CS_OPT_ON))
			return 2;

	for (i = 0; i < count; i++) {
		u8 bytes[16];

		m = (unsigned int)(rnd() % 3);
		generate(bytes, m);
		compare(bytes, m);
	}

	for (m = 0; m < HG_ARRAY_SIZE(rules); m++)
		printf("%8lu %-9s %s\n", rules[m].hits, kind_name[rules[m].kind], rules[m].why);
	printf("%lu agreed, %lu memory operands among them, %lu disagreed without a rule\n",
	       agreed, operands, errors);
	for (m = 0; m < 3; m++)
		cs_close(&handle[m]);
	/* A comparison that compared nothing has not passed. */
	return errors || agreed < count / 4 || operands < count / 16;
}
