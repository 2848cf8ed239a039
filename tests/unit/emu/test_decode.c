// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder: lengths and fields of chosen instructions, what is refused,
 * how it asks for more bytes, and what hg_insn_skip() recognises. The mass of
 * encodings is compared with a disassembler in tests/fuzz/emu.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "machine.h"

#define BAD	HG_INSN_BAD
#define LONG	HG_INSN_LONG

struct length {
	const char *hex;
	int len16, len32, len64;
};

static u32 unhex(const char *hex, u8 *out)
{
	u32 n = 0, byte;
	int used;

	while (n < 32 && sscanf(hex, " %2x%n", &byte, &used) == 1) {
		out[n++] = (u8)byte;
		hex += used;
	}
	return n;
}

/* Padding with a byte that would be part of a longer instruction. */
static const struct length lengths[] = {
	{ "90",				1, 1, 1 },
	{ "88 07",			2, 2, 2 },
	{ "88 47 11",			3, 3, 3 },
	{ "88 87 11 22 33 44",		4, 6, 6 },
	{ "88 06 11 22 33 44",		4, 2, 2 },
	{ "88 05 11 22 33 44",		2, 6, 6 },
	{ "88 04 25 11 22 33 44",	2, 7, 7 },
	{ "88 44 24 11",		3, 4, 4 },
	{ "67 88 47 11",		4, 4, 4 },
	{ "67 88 04 25 11 22 33 44",	8, 3, 8 },
	{ "48 89 d8",			1, 1, 3 },
	{ "b8 11 22 33 44",		3, 5, 5 },
	{ "66 b8 11 22 33 44",		6, 4, 4 },
	{ "48 b8 1 2 3 4 5 6 7 8",	1, 1, 10 },
	{ "a1 1 2 3 4 5 6 7 8",		3, 5, 9 },
	{ "67 a1 1 2 3 4 5 6 7 8",	6, 4, 6 },
	{ "c7 07 11 22 33 44",		4, 6, 6 },
	{ "66 c7 07 11 22 33 44",	7, 5, 5 },
	{ "48 c7 07 11 22 33 44",	1, 1, 7 },
	{ "f6 07 11",			3, 3, 3 },
	{ "f6 17 11",			2, 2, 2 },
	{ "f7 07 11 22 33 44",		4, 6, 6 },
	{ "f7 17 11 22",		2, 2, 2 },
	{ "9a 11 22 33 44 55 66",	5, 7, BAD },
	{ "ea 11 22 33 44 55 66",	5, 7, BAD },
	{ "e8 11 22 33 44",		3, 5, 5 },
	{ "66 e8 11 22 33 44",		6, 4, 4 },
	{ "0f 84 11 22 33 44",		4, 6, 6 },
	{ "c8 11 22 33",		4, 4, 4 },
	{ "c2 11 22",			3, 3, 3 },
	{ "06",				1, 1, BAD },
	{ "27",				1, 1, BAD },
	{ "60",				1, 1, BAD },
	{ "d4 0a",			2, 2, BAD },
	{ "62 07",			2, 2, BAD },
	{ "c4 07",			2, 2, BAD },
	{ "c5 f8 77",			3, 3, 3 },
	{ "c5 fe 6f 07",		4, 4, 4 },
	{ "c4 e2 79 2a 07",		5, 5, 5 },
	{ "c4 e3 79 0f 07 11",		6, 6, 6 },
	{ "c4 e0 79 0f 07 11",		BAD, BAD, BAD },
	{ "c5 f9 70 c1 11",		5, 5, 5 },
	{ "66 c5 f8 77",		BAD, BAD, BAD },
	{ "48 c5 f8 77",		1, 1, BAD },
	{ "f3 c5 f8 77",		BAD, BAD, BAD },
	{ "f0 c5 f8 77",		BAD, BAD, BAD },
	{ "62 f1 7c 48 10 07",		6, 6, 6 },
	{ "62 f1 7c 48 10 47 11",	7, 7, 7 },
	{ "62 f3 7d 48 25 c1 11",	7, 7, 7 },
	{ "62 f1 78 48 10 07",		BAD, BAD, BAD },
	{ "8f e8 78 c0 c1 11",		6, 6, 6 },
	{ "8f e9 78 01 c9",		5, 5, 5 },
	{ "8f ea 78 10 c9 1 2 3 4",	9, 9, 9 },
	{ "8f 07",			2, 2, 2 },
	{ "8f cf",			BAD, BAD, BAD },
	{ "0f 0b",			2, 2, 2 },
	{ "0f 04",			BAD, BAD, BAD },
	{ "0f 38 f0 07",		4, 4, 4 },
	{ "0f 38 ff 07",		BAD, BAD, BAD },
	{ "0f 3a 0f c1 11",		5, 5, 5 },
	{ "0f 3a ff c1 11",		BAD, BAD, BAD },
	{ "0f 0f c1 9e",		4, 4, 4 },
	{ "0f 20 c0",			3, 3, 3 },
	{ "0f 20 00",			3, 3, 3 },
	{ "0f 20 04",			3, 3, 3 },
	{ "0f 20 c8",			BAD, BAD, BAD },
	{ "0f 20 e8",			BAD, BAD, BAD },
	{ "0f 21 c0",			3, 3, 3 },
	{ "0f b8 c1",			BAD, BAD, BAD },
	{ "f3 0f b8 c1",		4, 4, 4 },
	{ "fe d0",			BAD, BAD, BAD },
	{ "ff f8",			BAD, BAD, BAD },
	{ "ff d8",			BAD, BAD, BAD },
	{ "ff 1f",			2, 2, 2 },
	{ "8d c0",			BAD, BAD, BAD },
	{ "c6 08 11",			BAD, BAD, BAD },
	{ "c7 f8 11 22 33 44",		4, 6, 6 },
	{ "0f c7 0f",			3, 3, 3 },
	{ "0f c7 c8",			BAD, BAD, BAD },
	{ "0f c7 f0",			3, 3, 3 },
	{ "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", 15, 15, 15 },
	{ "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", LONG, LONG, LONG },
	{ "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 81 07 11 22 33 44", 14, LONG, LONG },
	{ "66 0f 78 c0 11 22",		6, 6, 6 },
	{ "0f 78 c0",			3, 3, 3 },
};

static void test_lengths(void **state)
{
	u32 i;
	int mode;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(lengths); i++) {
		const struct length *l = &lengths[i];
		const int want[3] = { l->len16, l->len32, l->len64 };

		for (mode = 0; mode < 3; mode++) {
			struct hg_insn insn;
			u8 bytes[32];
			int len;

			memset(bytes, 0x90, sizeof(bytes));
			unhex(l->hex, bytes);
			len = hg_insn_decode(&insn, bytes, sizeof(bytes), mode);
			if (len != want[mode])
				print_error("%s, mode %d\n", l->hex, mode);
			assert_int_equal(len, want[mode]);
			assert_int_equal(hg_insn_skip_length(bytes, 32, mode),
					 want[mode]);
		}
	}
}

/*
 * Any bytes: fewer than the length ask for more; as many, or more, give the
 * same instruction, whichever way through the decoder that takes.
 */
static void test_prefixes_of_anything(void **state)
{
	u64 seed = 0x2545f4914f6cdd1dull;
	u32 i, j;

	(void)state;
	for (i = 0; i < 300000; i++) {
		struct hg_insn a, b;
		u8 bytes[16];
		u32 mode = i % 3, n;
		int len;

		for (j = 0; j < 16; j++)
			bytes[j] = (u8)(test_random(&seed) >> 32);
		if (i & 8)
			bytes[0] = 0x66;
		if (i & 16)
			bytes[1] = 0x0f;
		if (i & 32)
			bytes[0] = 0x40 | (bytes[0] & 15);
		/* No stale field may survive. */
		memset(&a, 0xaa, sizeof(a));
		memset(&b, 0x55, sizeof(b));
		len = hg_insn_decode(&a, bytes, 15, mode);
		if (len <= 0) {
			assert_true(len == BAD || len == LONG);
			continue;
		}
		assert_int_equal(len, a.len);
		n = (u32)len;
		assert_int_equal(hg_insn_decode(&b, bytes, n, mode), len);
		assert_memory_equal(&a, &b, sizeof(a));
		for (j = 0; j < n; j++) {
			int ret = hg_insn_decode(&b, bytes, j, mode);

			assert_int_equal(ret, HG_INSN_MORE);
		}
	}
}

static struct hg_insn decode(const char *hex, enum hg_mode mode)
{
	struct hg_insn insn;
	u8 bytes[32] = { 0 };
	u32 n = unhex(hex, bytes);

	assert_int_equal(hg_insn_decode(&insn, bytes, n, mode), n);
	return insn;
}

static void test_fields(void **state)
{
	struct hg_insn i;
	u64 gpr[16];
	u32 n;

	(void)state;
	for (n = 0; n < 16; n++)
		gpr[n] = 0x1111111111ull * n;

	i = decode("43 8b 84 91 78 56 34 12", HG_MODE_64); /* mov eax, [r9+r10*4+disp] */
	assert_int_equal(i.base, HG_R9);
	assert_int_equal(i.index, HG_R10);
	assert_int_equal(i.scale, 2);
	assert_int_equal(i.disp, 0x12345678);
	assert_int_equal(i.opsize, 4);
	assert_int_equal(i.addrsize, 8);
	assert_int_equal(i.seg, HG_SEG_DS);
	assert_int_equal(hg_insn_offset(&i, gpr, 0),
			 gpr[9] + gpr[10] * 4 + 0x12345678);

	i = decode("67 8b 44 24 f0", HG_MODE_64);	/* mov eax, [esp-16] */
	assert_int_equal(i.base, HG_RSP);
	assert_int_equal(i.index, HG_REG_NONE);
	assert_int_equal(i.seg, HG_SEG_SS);
	assert_int_equal(hg_insn_offset(&i, gpr, 0), (u32)(gpr[4] - 16));

	i = decode("8b 05 f0 ff ff ff", HG_MODE_64);	/* mov eax, [rip-16] */
	assert_int_equal(i.base, HG_REG_RIP);
	assert_int_equal(hg_insn_offset(&i, gpr, 0x1000), 0xff0);

	i = decode("8b 42 10", HG_MODE_16);		/* mov ax, [bp+si+16] */
	assert_int_equal(i.base, HG_RBP);
	assert_int_equal(i.index, HG_RSI);
	assert_int_equal(i.seg, HG_SEG_SS);
	assert_int_equal(i.opsize, 2);
	assert_int_equal(i.addrsize, 2);
	assert_int_equal(hg_insn_offset(&i, gpr, 0), (u16)(gpr[5] + gpr[6] + 16));

	i = decode("26 8b 45 fc", HG_MODE_32);		/* mov eax, es:[ebp-4] */
	assert_int_equal(i.seg, HG_SEG_ES);
	i = decode("26 8b 45 fc", HG_MODE_64);		/* ES means nothing */
	assert_int_equal(i.seg, HG_SEG_SS);
	assert_false(i.flags & HG_INSN_SEG_OVR);
	i = decode("65 48 8b 04 25 28 00 00 00", HG_MODE_64);
	assert_int_equal(i.seg, HG_SEG_GS);
	assert_int_equal(i.base, HG_REG_NONE);
	assert_int_equal(i.opsize, 8);

	i = decode("a1 f8 ff ff ff", HG_MODE_32);	/* moffs: zero-extended */
	assert_true(i.flags & HG_INSN_MOFFS);
	assert_int_equal(hg_insn_offset(&i, gpr, 0), 0xfffffff8);
	i = decode("83 c0 ff", HG_MODE_64);
	assert_int_equal(i.imm, ~0ull);
	i = decode("48 66 89 c0", HG_MODE_64);		/* REX before 66 is void */
	assert_int_equal(i.opsize, 2);
	assert_false(i.flags & HG_INSN_REX);
	i = decode("f2 f3 a4", HG_MODE_64);		/* the last one counts */
	assert_true(i.flags & HG_INSN_REP);
	assert_false(i.flags & HG_INSN_REPNE);
	i = decode("ff d0", HG_MODE_64);
	assert_int_equal(i.opsize, 8);
	i = decode("ff c0", HG_MODE_64);
	assert_int_equal(i.opsize, 4);
	i = decode("c8 10 00 02", HG_MODE_64);
	assert_int_equal(i.imm, 0x10);
	assert_int_equal(i.imm2, 2);
	i = decode("9a 11 22 33 44 55 66", HG_MODE_32);
	assert_int_equal(i.imm, 0x44332211);
	assert_int_equal(i.imm2, 0x6655);
	i = decode("c4 41 7e 6f 3c 24", HG_MODE_64);	/* vmovdqu ymm15, [r12] */
	assert_int_equal(i.enc, HG_ENC_VEX);
	assert_int_equal(i.veclen, 32);
	assert_int_equal(i.reg, 15);
	assert_int_equal(i.base, HG_R12);
	assert_int_equal(i.vvvv, 0);
	assert_int_equal(i.opcode, 0x6f);
}

struct skip_case {
	const char *hex;
	enum hg_mode mode;
	enum hg_skip_kind kind;
	u8 number, gpr, opsize;
};

static const struct skip_case skips[] = {
	{ "0f a2", HG_MODE_64, HG_SKIP_CPUID, 0, 0, 0 },
	{ "48 0f a2", HG_MODE_64, HG_SKIP_CPUID, 0, 0, 0 },
	{ "66 0f a2", HG_MODE_16, HG_SKIP_CPUID, 0, 0, 0 },
	{ "0f 32", HG_MODE_32, HG_SKIP_RDMSR, 0, 0, 0 },
	{ "0f 30", HG_MODE_64, HG_SKIP_WRMSR, 0, 0, 0 },
	{ "f4", HG_MODE_64, HG_SKIP_HLT, 0, 0, 0 },
	{ "2e f4", HG_MODE_32, HG_SKIP_HLT, 0, 0, 0 },
	{ "0f 31", HG_MODE_64, HG_SKIP_RDTSC, 0, 0, 0 },
	{ "0f 01 f9", HG_MODE_64, HG_SKIP_RDTSCP, 0, 0, 0 },
	{ "0f 33", HG_MODE_64, HG_SKIP_RDPMC, 0, 0, 0 },
	{ "0f 01 d9", HG_MODE_64, HG_SKIP_VMMCALL, 0, 0, 0 },
	{ "0f 01 c1", HG_MODE_64, HG_SKIP_VMCALL, 0, 0, 0 },
	{ "0f 01 d1", HG_MODE_64, HG_SKIP_XSETBV, 0, 0, 0 },
	{ "0f 01 d0", HG_MODE_64, HG_SKIP_XGETBV, 0, 0, 0 },
	{ "0f 01 38", HG_MODE_64, HG_SKIP_INVLPG, 0, 0, 0 },
	{ "0f 01 df", HG_MODE_64, HG_SKIP_INVLPGA, 0, 0, 0 },
	{ "66 0f 38 82 08", HG_MODE_64, HG_SKIP_INVPCID, 0, 0, 0 },
	{ "0f 20 d8", HG_MODE_64, HG_SKIP_READ_CR, 3, 0, 8 },
	{ "0f 22 d9", HG_MODE_64, HG_SKIP_WRITE_CR, 3, 1, 8 },
	{ "41 0f 22 c7", HG_MODE_64, HG_SKIP_WRITE_CR, 0, 15, 8 },
	{ "44 0f 20 c0", HG_MODE_64, HG_SKIP_READ_CR, 8, 0, 8 },
	{ "45 0f 22 c1", HG_MODE_64, HG_SKIP_WRITE_CR, 8, 9, 8 },
	{ "0f 22 e0", HG_MODE_32, HG_SKIP_WRITE_CR, 4, 0, 4 },
	{ "66 0f 22 c0", HG_MODE_16, HG_SKIP_WRITE_CR, 0, 0, 4 },
	{ "f0 0f 20 c0", HG_MODE_32, HG_SKIP_READ_CR, 8, 0, 4 },
	{ "0f 21 f8", HG_MODE_64, HG_SKIP_READ_DR, 7, 0, 8 },
	{ "0f 23 f9", HG_MODE_32, HG_SKIP_WRITE_DR, 7, 1, 4 },
	{ "0f 06", HG_MODE_64, HG_SKIP_CLTS, 0, 0, 0 },
	{ "0f 01 f0", HG_MODE_64, HG_SKIP_LMSW, 0, 0, 0 },
	{ "0f 01 30", HG_MODE_16, HG_SKIP_LMSW, 0, 0, 0 },
	{ "0f 01 e0", HG_MODE_64, HG_SKIP_SMSW, 0, 0, 0 },
	{ "0f 01 10", HG_MODE_64, HG_SKIP_LGDT, 0, 0, 0 },
	{ "0f 01 18", HG_MODE_64, HG_SKIP_LIDT, 0, 0, 0 },
	{ "0f 01 00", HG_MODE_64, HG_SKIP_SGDT, 0, 0, 0 },
	{ "0f 01 08", HG_MODE_64, HG_SKIP_SIDT, 0, 0, 0 },
	{ "0f 00 d0", HG_MODE_64, HG_SKIP_LLDT, 0, 0, 0 },
	{ "0f 00 d8", HG_MODE_64, HG_SKIP_LTR, 0, 0, 0 },
	{ "0f 00 c0", HG_MODE_64, HG_SKIP_SLDT, 0, 0, 0 },
	{ "0f 00 c8", HG_MODE_64, HG_SKIP_STR, 0, 0, 0 },
	{ "0f 09", HG_MODE_64, HG_SKIP_WBINVD, 0, 0, 0 },
	{ "f3 0f 09", HG_MODE_64, HG_SKIP_WBINVD, 0, 0, 0 },
	{ "0f 08", HG_MODE_64, HG_SKIP_INVD, 0, 0, 0 },
	{ "0f 01 c8", HG_MODE_64, HG_SKIP_MONITOR, 0, 0, 0 },
	{ "0f 01 c9", HG_MODE_64, HG_SKIP_MWAIT, 0, 0, 0 },
	{ "f3 90", HG_MODE_64, HG_SKIP_PAUSE, 0, 0, 0 },
	{ "90", HG_MODE_64, HG_SKIP_OTHER, 0, 0, 0 },
	{ "48 cf", HG_MODE_64, HG_SKIP_IRET, 0, 0, 0 },
	{ "9c", HG_MODE_64, HG_SKIP_PUSHF, 0, 0, 0 },
	{ "9d", HG_MODE_64, HG_SKIP_POPF, 0, 0, 0 },
	{ "0f aa", HG_MODE_64, HG_SKIP_RSM, 0, 0, 0 },
	{ "cd 80", HG_MODE_64, HG_SKIP_INT, 0x80, 0, 0 },
	{ "cc", HG_MODE_64, HG_SKIP_INT3, 0, 0, 0 },
	{ "ce", HG_MODE_32, HG_SKIP_INTO, 0, 0, 0 },
	{ "f1", HG_MODE_64, HG_SKIP_ICEBP, 0, 0, 0 },
	{ "e4 70", HG_MODE_64, HG_SKIP_IN, 0x70, 0, 1 },
	{ "e7 80", HG_MODE_64, HG_SKIP_OUT, 0x80, 0, 4 },
	{ "66 ed", HG_MODE_64, HG_SKIP_IN, 0, 0, 2 },
	{ "48 ef", HG_MODE_64, HG_SKIP_OUT, 0, 0, 4 },
	{ "f3 6c", HG_MODE_64, HG_SKIP_INS, 0, 0, 1 },
	{ "f3 48 6f", HG_MODE_64, HG_SKIP_OUTS, 0, 0, 4 },
	{ "0f 01 d8", HG_MODE_64, HG_SKIP_SVM, 0, 0, 0 },
	{ "c5 f8 77", HG_MODE_64, HG_SKIP_OTHER, 0, 0, 0 },
};

static void test_skip(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(skips); i++) {
		const struct skip_case *c = &skips[i];
		struct hg_skip skip;
		u8 bytes[32] = { 0 };
		u32 n = unhex(c->hex, bytes), avail;

		/* With and without bytes behind it. */
		for (avail = n; avail <= 15; avail += 15 - n) {
			memset(&skip, 0x77, sizeof(skip));
			assert_int_equal(hg_insn_skip(&skip, bytes, avail, c->mode), n);
			if (skip.kind != c->kind)
				print_error("%s\n", c->hex);
			assert_int_equal(skip.len, n);
			assert_int_equal(skip.kind, c->kind);
			assert_int_equal(skip.number, c->number);
			assert_int_equal(skip.gpr, c->gpr);
			if (c->opsize)
				assert_int_equal(skip.opsize, c->opsize);
			if (skip.has_insn)
				assert_int_equal(skip.insn.len, n);
		}
	}
}

/* What must be there for an operand in memory. */
static void test_skip_operand(void **state)
{
	static const u8 invlpg[] = { 0x41, 0x0f, 0x01, 0x7c, 0x24, 0x08 };
	struct hg_skip skip;
	u64 gpr[16] = { [HG_R12] = 0x1000 };

	(void)state;
	assert_int_equal(hg_insn_skip(&skip, invlpg, 6, HG_MODE_64), 6);
	assert_true(skip.has_insn);
	assert_int_equal(hg_insn_offset(&skip.insn, gpr, 0), 0x1008);
}

static void test_skip_refuses(void **state)
{
	static const char *const lock[] = {
		"f0 0f a2", "f0 f4", "f0 0f 01 d9", "f0 0f 01 38", "f0 e6 80",
	};
	struct hg_skip skip;
	u8 bytes[32] = { 0x0f };
	u32 i;

	(void)state;
	for (i = 0; i < HG_ARRAY_SIZE(lock); i++) {
		u32 n = unhex(lock[i], bytes);

		assert_int_equal(hg_insn_skip(&skip, bytes, n, HG_MODE_64), BAD);
	}
	bytes[0] = 0x0f;
	assert_int_equal(hg_insn_skip(&skip, bytes, 0, HG_MODE_64), HG_INSN_MORE);
	assert_int_equal(hg_insn_skip(&skip, bytes, 1, HG_MODE_64), HG_INSN_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_prefixes_of_anything),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_skip_operand),
		cmocka_unit_test(test_skip_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
