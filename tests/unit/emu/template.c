// SPDX-License-Identifier: GPL-2.0-only
/* Instruction templates and the generator, see template.h. */
#include <string.h>
#include "template.h"

#define CF	0x001u
#define PF	0x004u
#define AF	0x010u
#define ZF	0x040u
#define SF	0x080u
#define OF	0x800u
#define DF	0x400u

#define M0	HG_MAP_1B
#define M1	HG_MAP_0F
#define M2	HG_MAP_0F38

#define ALU(name, base, undef, lock) \
	{ name, M0, (base) + 0, 0, -1, 0, undef, T_BYTE | (lock), 0 }, \
	{ name, M0, (base) + 1, 0, -1, 0, undef, lock, 0 }, \
	{ name, M0, (base) + 2, 0, -1, 0, undef, T_BYTE, 0 }, \
	{ name, M0, (base) + 3, 0, -1, 0, undef, 0, 0 }, \
	{ name, M0, (base) + 4, 0, -1, 'b', undef, T_BYTE | T_NOMODRM, 0 }, \
	{ name, M0, (base) + 5, 0, -1, 'z', undef, T_NOMODRM, 0 }, \
	{ name, M0, 0x80, 0, (base) / 8, 'b', undef, T_BYTE | (lock), 0 }, \
	{ name, M0, 0x81, 0, (base) / 8, 'z', undef, lock, 0 }, \
	{ name, M0, 0x83, 0, (base) / 8, 'b', undef, lock, 0 }

#define SHIFT(name, group) \
	{ name, M0, 0xc0, 0, group, 'b', AF, T_BYTE | T_SHIFT, 0 }, \
	{ name, M0, 0xc1, 0, group, 'b', AF, T_SHIFT, 0 }, \
	{ name, M0, 0xd0, 0, group, 0, AF, T_BYTE | T_SHIFT, 0 }, \
	{ name, M0, 0xd1, 0, group, 0, AF, T_SHIFT, 0 }, \
	{ name, M0, 0xd2, 0, group, 0, AF, T_BYTE | T_SHIFT, 0 }, \
	{ name, M0, 0xd3, 0, group, 0, AF, T_SHIFT, 0 }

#define BITOP(name, op, group, lock) \
	{ name, M1, op, 0, -1, 0, OF | SF | AF | PF, T_BITS | (lock), 0 }, \
	{ name, M1, 0xba, 0, group, 'b', OF | SF | AF | PF, lock, 0 }

#define GRP3(name, group, undef, more) \
	{ name, M0, 0xf6, 0, group, 0, undef, T_BYTE | (more), 0 }, \
	{ name, M0, 0xf7, 0, group, 0, undef, more, 0 }

#define CC1(n) \
	{ "setcc", M1, 0x90 + (n), 0, 0, 0, 0, T_BYTE, 0 }, \
	{ "cmovcc", M1, 0x40 + (n), 0, -1, 0, 0, 0, 0 }
#define CC4(n)	CC1(n), CC1((n) + 1), CC1((n) + 2), CC1((n) + 3)

#define VEC(name, map, op, pfx, size, more) \
	{ name, map, op, pfx, -1, 0, 0, T_XMM | T_NO66 | T_VEX | (more), size }
#define MMX(name, op, size, more) \
	{ name, M1, op, 0, -1, 0, 0, T_XMM | T_NO66 | (more), size }

const struct template templates[] = {
	ALU("add", 0x00, 0, T_LOCK),
	ALU("or",  0x08, AF, T_LOCK),
	ALU("adc", 0x10, 0, T_LOCK),
	ALU("sbb", 0x18, 0, T_LOCK),
	ALU("and", 0x20, AF, T_LOCK),
	ALU("sub", 0x28, 0, T_LOCK),
	ALU("xor", 0x30, AF, T_LOCK),
	ALU("cmp", 0x38, 0, 0),
	{ "test", M0, 0x84, 0, -1, 0, AF, T_BYTE, 0 },
	{ "test", M0, 0x85, 0, -1, 0, AF, 0, 0 },
	{ "test", M0, 0xa8, 0, -1, 'b', AF, T_BYTE | T_NOMODRM, 0 },
	{ "test", M0, 0xa9, 0, -1, 'z', AF, T_NOMODRM, 0 },
	{ "test", M0, 0xf6, 0, 0, 'b', AF, T_BYTE, 0 },
	{ "test", M0, 0xf7, 0, 0, 'z', AF, 0, 0 },
	{ "test", M0, 0xf7, 0, 1, 'z', AF, 0, 0 },
	GRP3("not", 2, 0, T_LOCK),
	GRP3("neg", 3, 0, T_LOCK),
	GRP3("mul", 4, SF | ZF | AF | PF, 0),
	GRP3("imul", 5, SF | ZF | AF | PF, 0),
	GRP3("div", 6, CF | PF | AF | ZF | SF | OF, T_DIV),
	GRP3("idiv", 7, CF | PF | AF | ZF | SF | OF, T_DIV),
	{ "inc", M0, 0xfe, 0, 0, 0, 0, T_BYTE | T_LOCK, 0 },
	{ "inc", M0, 0xff, 0, 0, 0, 0, T_LOCK, 0 },
	{ "dec", M0, 0xfe, 0, 1, 0, 0, T_BYTE | T_LOCK, 0 },
	{ "dec", M0, 0xff, 0, 1, 0, 0, T_LOCK, 0 },
	{ "imul", M1, 0xaf, 0, -1, 0, SF | ZF | AF | PF, 0, 0 },
	{ "imul", M0, 0x69, 0, -1, 'z', SF | ZF | AF | PF, 0, 0 },
	{ "imul", M0, 0x6b, 0, -1, 'b', SF | ZF | AF | PF, 0, 0 },
	{ "cbw", M0, 0x98, 0, -1, 0, 0, T_NOMODRM, 0 },
	{ "cwd", M0, 0x99, 0, -1, 0, 0, T_NOMODRM, 0 },
	SHIFT("rol", 0), SHIFT("ror", 1), SHIFT("rcl", 2), SHIFT("rcr", 3),
	SHIFT("shl", 4), SHIFT("shr", 5), SHIFT("sal", 6), SHIFT("sar", 7),
	{ "shld", M1, 0xa4, 0, -1, 'b', AF, T_SHIFT, 0 },
	{ "shld", M1, 0xa5, 0, -1, 0, AF, T_SHIFT, 0 },
	{ "shrd", M1, 0xac, 0, -1, 'b', AF, T_SHIFT, 0 },
	{ "shrd", M1, 0xad, 0, -1, 0, AF, T_SHIFT, 0 },
	BITOP("bt", 0xa3, 4, 0), BITOP("bts", 0xab, 5, T_LOCK),
	BITOP("btr", 0xb3, 6, T_LOCK), BITOP("btc", 0xbb, 7, T_LOCK),
	{ "bsf", M1, 0xbc, 0, -1, 0, OF | SF | AF | PF | CF, 0, 0 },
	{ "bsr", M1, 0xbd, 0, -1, 0, OF | SF | AF | PF | CF, 0, 0 },
	{ "tzcnt", M1, 0xbc, 0xf3, -1, 0, OF | SF | AF | PF, 0, 0 },
	{ "lzcnt", M1, 0xbd, 0xf3, -1, 0, OF | SF | AF | PF, 0, 0 },
	{ "popcnt", M1, 0xb8, 0xf3, -1, 0, 0, 0, 0 },
	{ "inc", M0, 0x40, 0, -1, 0, 0, T_NOMODRM | T_OPREG | T_ONLY32, 0 },
	{ "dec", M0, 0x48, 0, -1, 0, 0, T_NOMODRM | T_OPREG | T_ONLY32, 0 },
	CC4(0), CC4(4), CC4(8), CC4(12),
	{ "mov", M0, 0x88, 0, -1, 0, 0, T_BYTE, 0 },
	{ "mov", M0, 0x89, 0, -1, 0, 0, 0, 0 },
	{ "mov", M0, 0x8a, 0, -1, 0, 0, T_BYTE, 0 },
	{ "mov", M0, 0x8b, 0, -1, 0, 0, 0, 0 },
	{ "mov", M0, 0xc6, 0, 0, 'b', 0, T_BYTE, 0 },
	{ "mov", M0, 0xc7, 0, 0, 'z', 0, 0, 0 },
	{ "mov", M0, 0xb0, 0, -1, 'b', 0, T_BYTE | T_NOMODRM | T_OPREG, 0 },
	{ "mov", M0, 0xb8, 0, -1, 'v', 0, T_NOMODRM | T_OPREG, 0 },
	{ "mov", M0, 0xa0, 0, -1, 0, 0, T_BYTE | T_NOMODRM | T_MOFFS, 0 },
	{ "mov", M0, 0xa1, 0, -1, 0, 0, T_NOMODRM | T_MOFFS, 0 },
	{ "mov", M0, 0xa2, 0, -1, 0, 0, T_BYTE | T_NOMODRM | T_MOFFS, 0 },
	{ "mov", M0, 0xa3, 0, -1, 0, 0, T_NOMODRM | T_MOFFS, 0 },
	{ "movzx", M1, 0xb6, 0, -1, 0, 0, 0, 0 },
	{ "movzx", M1, 0xb7, 0, -1, 0, 0, 0, 0 },
	{ "movsx", M1, 0xbe, 0, -1, 0, 0, 0, 0 },
	{ "movsx", M1, 0xbf, 0, -1, 0, 0, 0, 0 },
	{ "movsxd", M0, 0x63, 0, -1, 0, 0, T_ONLY64, 0 },
	{ "movnti", M1, 0xc3, 0, -1, 0, 0, T_MEM | T_NO66, 0 },
	{ "movbe", M2, 0xf0, 0, -1, 0, 0, T_MEM, 0 },
	{ "movbe", M2, 0xf1, 0, -1, 0, 0, T_MEM, 0 },
	{ "bswap", M1, 0xc8, 0, -1, 0, 0, T_NOMODRM | T_OPREG | T_NO66, 0 },
	{ "lea", M0, 0x8d, 0, -1, 0, 0, T_MEM, 0 },
	{ "xchg", M0, 0x86, 0, -1, 0, 0, T_BYTE | T_LOCK, 0 },
	{ "xchg", M0, 0x87, 0, -1, 0, 0, T_LOCK, 0 },
	{ "xchg", M0, 0x90, 0, -1, 0, 0, T_NOMODRM | T_OPREG, 0 },
	{ "cmpxchg", M1, 0xb0, 0, -1, 0, 0, T_BYTE | T_LOCK, 0 },
	{ "cmpxchg", M1, 0xb1, 0, -1, 0, 0, T_LOCK, 0 },
	{ "xadd", M1, 0xc0, 0, -1, 0, 0, T_BYTE | T_LOCK, 0 },
	{ "xadd", M1, 0xc1, 0, -1, 0, 0, T_LOCK, 0 },
	{ "cmpxchg8b", M1, 0xc7, 0, 1, 0, 0, T_MEM | T_LOCK | T_NO66, 0 },
	{ "push", M0, 0x50, 0, -1, 0, 0, T_NOMODRM | T_OPREG | T_STACK, 0 },
	{ "pop", M0, 0x58, 0, -1, 0, 0, T_NOMODRM | T_OPREG | T_STACK, 0 },
	{ "push", M0, 0x68, 0, -1, 'z', 0, T_NOMODRM | T_STACK, 0 },
	{ "push", M0, 0x6a, 0, -1, 'b', 0, T_NOMODRM | T_STACK, 0 },
	{ "push", M0, 0xff, 0, 6, 0, 0, T_STACK, 0 },
	{ "pop", M0, 0x8f, 0, 0, 0, 0, T_STACK, 0 },
	{ "movs", M0, 0xa4, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_BYTE, 0 },
	{ "movs", M0, 0xa5, 0, -1, 0, 0, T_NOMODRM | T_STRING, 0 },
	{ "cmps", M0, 0xa6, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_BYTE | T_COMPARE, 0 },
	{ "cmps", M0, 0xa7, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_COMPARE, 0 },
	{ "stos", M0, 0xaa, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_BYTE, 0 },
	{ "stos", M0, 0xab, 0, -1, 0, 0, T_NOMODRM | T_STRING, 0 },
	{ "lods", M0, 0xac, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_BYTE, 0 },
	{ "lods", M0, 0xad, 0, -1, 0, 0, T_NOMODRM | T_STRING, 0 },
	{ "scas", M0, 0xae, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_BYTE | T_COMPARE, 0 },
	{ "scas", M0, 0xaf, 0, -1, 0, 0, T_NOMODRM | T_STRING | T_COMPARE, 0 },
	VEC("movups", M1, 0x10, 0, 16, T_256), VEC("movups", M1, 0x11, 0, 16, T_256),
	VEC("movupd", M1, 0x10, 0x66, 16, T_256), VEC("movupd", M1, 0x11, 0x66, 16, T_256),
	VEC("movss", M1, 0x10, 0xf3, 4, T_VVVV), VEC("movss", M1, 0x11, 0xf3, 4, T_VVVV),
	VEC("movsd", M1, 0x10, 0xf2, 8, T_VVVV), VEC("movsd", M1, 0x11, 0xf2, 8, T_VVVV),
	VEC("movlps", M1, 0x12, 0, 8, T_MEM | T_VVVV), VEC("movlps", M1, 0x13, 0, 8, T_MEM),
	VEC("movlpd", M1, 0x12, 0x66, 8, T_MEM | T_VVVV), VEC("movlpd", M1, 0x13, 0x66, 8, T_MEM),
	VEC("movhps", M1, 0x16, 0, 8, T_MEM | T_VVVV), VEC("movhps", M1, 0x17, 0, 8, T_MEM),
	VEC("movhpd", M1, 0x16, 0x66, 8, T_MEM | T_VVVV), VEC("movhpd", M1, 0x17, 0x66, 8, T_MEM),
	VEC("movaps", M1, 0x28, 0, 16, T_ALIGN | T_256),
	VEC("movaps", M1, 0x29, 0, 16, T_ALIGN | T_256),
	VEC("movapd", M1, 0x28, 0x66, 16, T_ALIGN | T_256),
	VEC("movapd", M1, 0x29, 0x66, 16, T_ALIGN | T_256),
	VEC("movntps", M1, 0x2b, 0, 16, T_ALIGN | T_MEM | T_256),
	VEC("movntpd", M1, 0x2b, 0x66, 16, T_ALIGN | T_MEM | T_256),
	VEC("movd", M1, 0x6e, 0x66, 8, 0), VEC("movd", M1, 0x7e, 0x66, 8, 0),
	VEC("movdqa", M1, 0x6f, 0x66, 16, T_ALIGN | T_256),
	VEC("movdqa", M1, 0x7f, 0x66, 16, T_ALIGN | T_256),
	VEC("movdqu", M1, 0x6f, 0xf3, 16, T_256), VEC("movdqu", M1, 0x7f, 0xf3, 16, T_256),
	VEC("movq", M1, 0x7e, 0xf3, 8, 0), VEC("movq", M1, 0xd6, 0x66, 8, 0),
	VEC("movntdq", M1, 0xe7, 0x66, 16, T_ALIGN | T_MEM | T_256),
	VEC("lddqu", M1, 0xf0, 0xf2, 16, T_MEM | T_256),
	VEC("movntdqa", M2, 0x2a, 0x66, 16, T_ALIGN | T_MEM | T_256),
	MMX("movd", 0x6e, 8, 0), MMX("movd", 0x7e, 8, 0),
	MMX("movq", 0x6f, 8, 0), MMX("movq", 0x7f, 8, 0), MMX("movntq", 0xe7, 8, T_MEM),
};

const u32 nr_templates = HG_ARRAY_SIZE(templates);

/* Numbers at which carries, signs and overflows happen. */
static u64 interesting(u64 *seed)
{
	static const u64 v[] = {
		0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
		0xffffffffffffffff, 0xfffffffffffffffe, 0xffffffff80000000,
	};
	u64 r = test_random(seed);

	if (r & 3)
		return test_random(seed);
	return v[(r >> 8) % HG_ARRAY_SIZE(v)];
}

struct gen {
	const struct template *t;
	struct sample *s;
	u64 *gpr;
	u64 *seed;
	u32 regs;		/* 16, or 8 in 32-bit code */
	u32 opsize;
	bool p66, p67, lock, vex, vex256;
	u8 rex;			/* with 0x40 if present */
	u8 reg;			/* with extension */
	u8 modrm, sib;
	bool has_sib;
	u32 disp_len;
	s64 disp;
	bool rip_relative;
	u32 disp_at;		/* position of disp in the code */
	u32 fixed;		/* registers that hold addresses */
};

static u32 pick(struct gen *g, u32 n)
{
	return (u32)((test_random(g->seed) >> 33) % n);
}

static void put(struct gen *g, u64 v, u32 size)
{
	while (size--) {
		g->s->code[g->s->len++] = (u8)v;
		v >>= 8;
	}
}

static u64 choose_target(struct gen *g)
{
	u64 t = MACHINE_BASE + 256 + pick(g, MACHINE_SIZE - 512);

	/* Often at a page boundary. */
	if (!pick(g, 4))
		t = MACHINE_BASE + 4096 * (1 + pick(g, MACHINE_PAGES - 1)) - pick(g, 16);
	if (g->t->flags & T_XMM && pick(g, 4))
		t &= ~31ull;
	if (g->t->map == M1 && g->t->opcode == 0xc7 && pick(g, 8))
		t &= ~15ull;
	return t;
}

/* Keep only what fits: half of a general register pair must stay together. */
static void hide_high_half(struct gen *g, u32 nr)
{
	if (g->p67)
		g->gpr[nr] = (u32)g->gpr[nr] | test_random(g->seed) << 32;
}

static u32 pick_base(struct gen *g)
{
	u32 nr;

	do {
		nr = pick(g, g->regs);
	} while (((g->t->flags & T_STACK) && nr == HG_RSP) || (g->fixed & (1u << nr)) ||
		 ((g->t->flags & T_BITS) && nr == g->reg));
	return nr;
}

static void set_address(struct gen *g, u32 nr, u64 v)
{
	g->gpr[nr] = v;
	g->fixed |= 1u << nr;
	hide_high_half(g, nr);
}

/* A memory operand at target, in one of the ways to say so. */
static void make_memory(struct gen *g, u64 target)
{
	u32 base, index, scale, way = pick(g, 5);
	s64 idx;

	g->s->memory = true;
	g->s->target = target;
	g->disp_len = 0;
	g->disp = 0;
	if (way == 0) {
		g->modrm = 5;
		g->rip_relative = g->regs == 16;
		g->disp_len = 4;
		g->disp = (s64)target;
		return;
	}
	if (way == 1) {
		g->modrm = 4;
		g->has_sib = true;
		g->sib = 0x25;
		g->disp_len = 4;
		g->disp = (s64)target;
		return;
	}

	base = pick_base(g);
	if (pick(g, 3) == 0 && (base & 7) != HG_RBP) {
		g->modrm = 0;
	} else if (pick(g, 2)) {
		g->modrm = 0x40;
		g->disp_len = 1;
		g->disp = (s8)test_random(g->seed);
	} else {
		g->modrm = 0x80;
		g->disp_len = 4;
		g->disp = (s32)(test_random(g->seed) & 0xffffff) - 0x800000;
	}
	g->modrm |= base & 7;
	if (base & 8)
		g->rex |= 0x41;
	if (way != 2 && (base & 7) != HG_RSP) {
		set_address(g, base, target - (u64)g->disp);
		return;
	}

	g->modrm = (g->modrm & 0xc0) | 4;
	g->has_sib = true;
	scale = pick(g, 4);
	g->fixed |= 1u << base;
	do {
		index = pick_base(g);
	} while (index == HG_RSP);
	idx = (s32)(test_random(g->seed) & 0xffff) - 0x8000;
	if (way != 2 || !pick(g, 4)) {
		g->sib = 0x20 | (base & 7);
		idx = 0;
	} else {
		g->sib = (u8)(scale << 6 | (index & 7) << 3 | (base & 7));
		if (index & 8)
			g->rex |= 0x42;
		set_address(g, index, (u64)idx);
	}
	set_address(g, base, target - (u64)g->disp - ((u64)idx << scale));
}

/* Counts beyond the width leave some results and flags undefined. */
static void note_shift(struct gen *g, u32 count)
{
	u32 n = count & (g->opsize == 8 ? 63 : 31), bits = 8 * g->opsize;
	bool wide = g->t->map == M1;

	if (n != 1)
		g->s->undefined |= OF;
	if (!n)
		g->s->undefined = g->t->undefined & ~AF;
	if (n > bits && wide)
		g->s->skip = true;
	if (n >= bits && !wide && g->t->group >= 4 && g->t->group != 7)
		g->s->undefined |= CF;
}

static void put_opcode(struct gen *g)
{
	const struct template *t = g->t;
	u8 pp = t->prefix == 0x66 ? 1 : t->prefix == 0xf3 ? 2 : t->prefix == 0xf2 ? 3 : 0;

	if (g->vex) {
		bool second = (t->flags & T_VVVV) && (!g->s->memory || (t->flags & T_MEM));
		u8 vvvv = second ? (u8)pick(g, g->regs) : 0;
		u8 tail = (u8)((~vvvv & 15) << 3 | (g->vex256 ? 4 : 0) | pp);

		if (t->map == M1 && !(g->rex & 0xb) && pick(g, 2)) {
			put(g, 0xc5, 1);
			put(g, (g->rex & 4 ? 0 : 0x80) | tail, 1);
		} else {
			put(g, 0xc4, 1);
			put(g, (u64)((~g->rex & 7) << 5 | t->map), 1);
			put(g, (g->rex & 8 ? 0x80 : 0) | tail, 1);
		}
		put(g, t->opcode, 1);
		return;
	}
	if (t->prefix)
		put(g, t->prefix, 1);
	if (g->rex)
		put(g, 0x40 | g->rex, 1);
	if (t->map)
		put(g, 0x0f, 1);
	if (t->map == M2)
		put(g, 0x38, 1);
	put(g, t->opcode + (t->flags & T_OPREG ? g->reg & 7 : 0), 1);
}

static void make_string(struct gen *g)
{
	u64 count = pick(g, 40);

	g->gpr[HG_RSI] = MACHINE_BASE + 2048 + pick(g, MACHINE_SIZE - 4096);
	g->gpr[HG_RDI] = MACHINE_BASE + 2048 + pick(g, MACHINE_SIZE - 4096);
	/* Often overlapping, often equal so that comparisons go on. */
	if (!pick(g, 3))
		g->gpr[HG_RDI] = g->gpr[HG_RSI] + pick(g, 16) - 8;
	g->gpr[HG_RCX] = count;
	g->fixed |= 1u << HG_RSI | 1u << HG_RDI | 1u << HG_RCX;
	if (g->p67 && count) {
		hide_high_half(g, HG_RSI);
		hide_high_half(g, HG_RDI);
		hide_high_half(g, HG_RCX);
	}
	switch (pick(g, 3)) {
	case 0:
		put(g, 0xf3, 1);
		break;
	case 1:
		if (g->t->flags & T_COMPARE)
			put(g, 0xf2, 1);
		break;
	default:
		break;
	}
}

static void make_operands(struct gen *g)
{
	const struct template *t = g->t;
	bool reg_form = !(t->flags & T_MEM) && pick(g, 4) == 0;

	g->reg = pick(g, g->regs);
	if (t->flags & T_XMM && !t->prefix && t->map == M1 &&
	    (t->opcode == 0x6e || t->opcode == 0x7e || t->opcode == 0x6f || t->opcode == 0x7f ||
	     t->opcode == 0xe7) && !(t->flags & T_VEX))
		g->reg &= 7;
	if (t->flags & T_OPREG) {
		if (g->reg & 8)
			g->rex |= 0x41;
		return;
	}
	if (t->flags & T_NOMODRM)
		return;
	if (t->group < 0 && (g->reg & 8))
		g->rex |= 0x44;
	if (reg_form) {
		u32 rm = pick(g, g->regs);

		if (t->flags & T_STACK && rm == HG_RSP)
			rm = HG_RAX;
		g->modrm = 0xc0 | (rm & 7);
		if (rm & 8)
			g->rex |= 0x41;
	} else {
		make_memory(g, choose_target(g));
	}
	g->modrm |= (t->group >= 0 ? t->group : g->reg & 7) << 3;
}

static void put_modrm(struct gen *g)
{
	put(g, g->modrm, 1);
	if (g->has_sib)
		put(g, g->sib, 1);
	g->disp_at = g->s->len;
	put(g, (u64)g->disp, g->disp_len);
}

/* Make the quotient fit sometimes: it seldom does by chance. */
static void tame_division(struct gen *g)
{
	if (!pick(g, 3))
		return;
	if (g->opsize == 1)
		g->gpr[HG_RAX] &= ~0xff00ull;
	else if (!(g->fixed & (1u << HG_RDX)))
		g->gpr[HG_RDX] = pick(g, 4) ? 0 : ~0ull;
}

static void tame_bits(struct gen *g)
{
	u64 n = pick(g, 1024) - 512;

	/* The low bits count; what is above must not matter. */
	g->gpr[g->reg] = g->opsize == 2 ? (g->gpr[g->reg] & ~0xffffull) | (n & 0xffff) :
			 g->opsize == 4 ? (g->gpr[g->reg] & ~0xffffffffull) | (u32)n :
			 (u64)(s64)(s32)n;
}

static u32 put_imm(struct gen *g)
{
	u64 v = interesting(g->seed);

	switch (g->t->imm) {
	case 'b':
		put(g, v, 1);
		break;
	case 'z':
		put(g, v, g->opsize == 8 ? 4 : g->opsize);
		break;
	case 'v':
		put(g, v, g->opsize);
		break;
	default:
		break;
	}
	return (u8)v;
}

void template_generate(const struct template *t, enum hg_mode mode, struct sample *s, u64 *gpr,
		       u64 *rflags, u64 rip, u64 *seed)
{
	struct gen g = { .t = t, .s = s, .gpr = gpr, .seed = seed };
	u32 i, count;

	memset(s, 0, sizeof(*s));
	s->t = t;
	s->undefined = t->undefined;
	for (i = 0; i < HG_NR_GPRS; i++)
		gpr[i] = interesting(seed);
	*rflags = 2 | (test_random(seed) & (CF | PF | AF | ZF | SF | OF));
	if (t->flags & T_STRING)
		*rflags |= test_random(seed) & DF;

	g.p66 = !(t->flags & (T_NO66 | T_BYTE)) && pick(&g, 4) == 0;
	g.regs = mode == HG_MODE_64 ? 16 : 8;
	g.p67 = mode == HG_MODE_64 && pick(&g, 8) == 0;
	g.vex = (t->flags & T_VEX) && pick(&g, 2);
	g.vex256 = g.vex && (t->flags & T_256) && pick(&g, 2);
	if (mode == HG_MODE_64 && !g.vex && pick(&g, 3) == 0)
		g.rex = 0x40;
	if (mode == HG_MODE_64 && pick(&g, 3) == 0)
		g.rex |= 0x48;
	g.opsize = t->flags & T_BYTE ? 1 : g.rex & 8 ? 8 : g.p66 ? 2 : 4;
	if (t->flags & T_STACK)
		g.opsize = g.p66 && !(g.rex & 8) ? 2 : g.regs / 2;

	make_operands(&g);
	if (t->flags & T_STACK)
		gpr[HG_RSP] = choose_target(&g);
	if (g.p66)
		put(&g, 0x66, 1);
	if (g.p67)
		put(&g, 0x67, 1);
	if (t->flags & T_STRING)
		make_string(&g);
	if ((t->flags & T_LOCK) && s->memory && pick(&g, 3) == 0)
		put(&g, 0xf0, 1);
	put_opcode(&g);
	if (!(t->flags & T_NOMODRM))
		put_modrm(&g);
	if (t->flags & T_MOFFS) {
		s->memory = true;
		s->target = choose_target(&g);
		put(&g, s->target, g.p67 || mode == HG_MODE_32 ? 4 : 8);
	}
	count = put_imm(&g);
	if (g.rip_relative) {
		u32 end = s->len, disp = (u32)(s->target - (rip + end));

		memcpy(s->code + g.disp_at, &disp, 4);
	}

	if (t->flags & T_DIV)
		tame_division(&g);
	if ((t->flags & T_BITS) && s->memory && !(g.fixed & (1u << g.reg)))
		tame_bits(&g);
	if (t->flags & T_SHIFT) {
		if (t->imm != 'b')
			count = (t->opcode & 0xfe) == 0xd0 ? 1 : (u8)gpr[HG_RCX];
		note_shift(&g, count);
	}
	s->fixed = g.fixed;
	if (mode == HG_MODE_32)
		for (i = 0; i < HG_NR_GPRS; i++)
			gpr[i] = i < 8 ? (u32)gpr[i] : 0;
}
