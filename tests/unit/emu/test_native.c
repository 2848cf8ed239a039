// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU as the oracle: every template is generated many times, run both by
 * the emulator and on this CPU from the same state, and everything compared:
 * registers, flags, memory, vector registers, the exception.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "native.h"
#include "template.h"

#define FLAGS_COMPARED	0xcd5u

static struct machine m;
static u64 seed = 0x9e3779b97f4a7c15ull;
static u32 rounds = 150;

static void fill(u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < len; i += 8) {
		u64 v = test_random(&seed);

		/* Runs of equal bytes, so that string compares go on. */
		if (v & 0x300)
			v = (v & 1) ? 0 : 0x4141414141414141ull;
		memcpy(p + i, &v, 8);
	}
}

static void complain(const struct sample *s, const struct native *before, const struct native *n,
		     const char *what)
{
	u32 i;

	fprintf(stderr, "%s: %s:", s->t->name, what);
	for (i = 0; i < s->len; i++)
		fprintf(stderr, " %02x", s->code[i]);
	fprintf(stderr, "\n  memory %d at %llx\n", s->memory, s->target);
	for (i = 0; i < 16; i++)
		fprintf(stderr, "  r%-2u before %016llx cpu %016llx emu %016llx%s\n", i,
			before->gpr[i], n->gpr[i], m.gpr[i], n->gpr[i] == m.gpr[i] ? "" : " <--");
	fprintf(stderr, "  flags before %llx cpu %llx emu %llx\n", before->rflags, n->rflags,
		m.emu.rflags);
	fail();
}

static bool memory_equal(void)
{
	return !memcmp(native_memory(), m.mem, MACHINE_SIZE);
}

static void one(const struct template *t, enum hg_mode mode)
{
	static struct native n, before;
	enum hg_emu_result ret;
	struct sample s;
	int vector;

	machine_init(&m, mode);
	template_generate(t, mode, &s, m.gpr, &m.emu.rflags, NATIVE_CODE, &seed);
	assert_true(s.len <= HG_INSN_MAX_LEN);
	m.emu.cpl = 3;
	fill((u8 *)&m.vec, sizeof(m.vec));
	fill(m.mem, sizeof(m.mem));
	/* A compare that succeeds now and then. */
	if (t->map == HG_MAP_0F && (t->opcode == 0xb1 || t->opcode == 0xc7) && s.memory &&
	    !(s.fixed & 5) && (test_random(&seed) & 1)) {
		u64 off = s.target - MACHINE_BASE;

		memcpy(&m.gpr[HG_RAX], m.mem + off, 8);
		if (t->opcode == 0xc7)
			memcpy(&m.gpr[HG_RDX], m.mem + off + 4, 8);
		if (mode == HG_MODE_32) {
			m.gpr[HG_RAX] = (u32)m.gpr[HG_RAX];
			m.gpr[HG_RDX] = (u32)m.gpr[HG_RDX];
		}
	}
	memcpy(native_memory(), m.mem, MACHINE_SIZE);
	memcpy(n.gpr, m.gpr, sizeof(n.gpr));
	n.rflags = m.emu.rflags;
	n.vec = m.vec;
	before = n;
	if (s.skip)
		return;

	machine_code(&m, 0, s.code, s.len);
	ret = machine_run(&m);
	vector = mode == HG_MODE_64 ? native_run(&n, s.code, s.len)
				    : native_run32(&n, s.code, s.len);

	if (ret == HG_EMU_FAULT) {
		if (vector != m.emu.fault.vector + 1)
			complain(&s, &before, &n, "emulator faults, CPU does not or otherwise");
		/* At the start, nothing may have changed. */
		assert_int_equal(m.emu.rip, NATIVE_CODE);
	} else if (ret != HG_EMU_DONE) {
		complain(&s, &before, &n, "emulator gives up");
	} else if (vector) {
		complain(&s, &before, &n, "CPU faults, emulator does not");
	} else {
		assert_int_equal(m.emu.rip, NATIVE_CODE + s.len);
		if ((n.rflags ^ m.emu.rflags) & FLAGS_COMPARED & ~s.undefined)
			complain(&s, &before, &n, "flags differ");
	}
	if (memcmp(n.gpr, m.gpr, sizeof(n.gpr)))
		complain(&s, &before, &n, "registers differ");
	if (memcmp(&n.vec, &m.vec, sizeof(n.vec)))
		complain(&s, &before, &n, "vector registers differ");
	if (!memory_equal())
		complain(&s, &before, &n, "memory differs");
}

static void test_mode(enum hg_mode mode)
{
	u32 i, round;

	assert_true(native_catch());
	for (i = 0; i < nr_templates; i++)
		for (round = 0; template_in(&templates[i], mode) && round < rounds; round++)
			one(&templates[i], mode);
}

static void test_64_bit(void **state)
{
	(void)state;
	test_mode(HG_MODE_64);
}

static void test_32_bit(void **state)
{
	(void)state;
	if (!native_has_32()) {
		fprintf(stderr, "this system runs no 32-bit code: test_32_bit is left out\n");
		skip();
	}
	test_mode(HG_MODE_32);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_64_bit),
		cmocka_unit_test(test_32_bit),
	};

	if (argc > 1)
		rounds = (u32)strtoul(argv[1], NULL, 0);
	if (!native_init()) {
		fprintf(stderr, "this CPU or system cannot run the samples (needs AVX2, BMI)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
