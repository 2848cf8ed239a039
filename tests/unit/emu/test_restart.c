// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restarting: an instruction whose reads have to wait, at random, ends in the
 * same state as one whose reads do not; and one that faults or gives up has
 * changed nothing, or, if repeated, exactly whole iterations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "template.h"

static struct machine start, plain, waiting;
static u64 seed = 0x5851f42d4c957f2dull;
static u32 rounds = 60;

static void copy(struct machine *to, const struct machine *from)
{
	*to = *from;
	to->emu.gpr = to->gpr;
	to->emu.ctx = to;
	to->emu.replay = &to->replay;
	to->emu.bulk = to->bulk;
}

static void fill(u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < len; i += 8) {
		u64 v = test_random(&seed);

		if (v & 0x300)
			v = (v & 1) ? 0 : 0x4141414141414141ull;
		memcpy(p + i, &v, 8);
	}
}

/* A sample of t, ready to run in start. */
static void prepare(const struct template *t, enum hg_mode mode, struct sample *s)
{
	machine_init(&start, mode);
	template_generate(t, mode, s, start.gpr, &start.emu.rflags, MACHINE_CODE, &seed);
	fill(start.mem, sizeof(start.mem));
	fill((u8 *)&start.vec, sizeof(start.vec));
	machine_code(&start, 0, s->code, s->len);
}

static void same_registers(const struct machine *a, const struct machine *b)
{
	assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
	assert_int_equal(a->emu.rip, b->emu.rip);
	assert_int_equal(a->emu.rflags, b->emu.rflags);
	assert_memory_equal(&a->vec, &b->vec, sizeof(a->vec));
	assert_memory_equal(a->seg, b->seg, sizeof(a->seg));
}

static void same_outcome(const struct machine *a, const struct machine *b)
{
	same_registers(a, b);
	assert_memory_equal(a->mem, b->mem, sizeof(a->mem));
	assert_memory_equal(a->out_log, b->out_log, sizeof(a->out_log));
	assert_int_equal(a->out_len, b->out_len);
	assert_int_equal(a->in_next, b->in_next);
}

/* Run to the end; at every wait, nothing but whole iterations is done. */
static enum hg_emu_result run_waiting(struct machine *m, u32 *waits)
{
	static struct machine before;
	enum hg_emu_result ret;

	for (;;) {
		copy(&before, m);
		ret = hg_emulate(&m->emu);
		if (ret == HG_EMU_IO) {
			(*waits)++;
			if (!(m->emu.out_flags & HG_EMU_OUT_PROGRESS)) {
				same_registers(m, &before);
				assert_memory_equal(m->mem, before.mem, sizeof(m->mem));
			}
			machine_answer(m);
		} else if (ret == HG_EMU_REPEAT) {
			m->emu.nr_bytes = 0;
		} else {
			return ret;
		}
	}
}

static enum hg_mode mode_of(const struct template *t, u32 round)
{
	enum hg_mode mode = round & 2 ? HG_MODE_32 : HG_MODE_64;

	return template_in(t, mode) ? mode : HG_MODE_64 + HG_MODE_32 - mode;
}

static void test_waiting_changes_nothing(void **state)
{
	u32 i, round, waits = 0;
	struct sample s;

	(void)state;
	for (i = 0; i < nr_templates; i++) {
		for (round = 0; round < rounds; round++) {
			prepare(&templates[i], mode_of(&templates[i], round), &s);
			copy(&plain, &start);
			copy(&waiting, &start);
			waiting.pend = 128;
			waiting.pend_seed = test_random(&seed) | 1;
			assert_int_equal(machine_run(&plain), run_waiting(&waiting, &waits));
			same_outcome(&plain, &waiting);
			assert_int_equal(waiting.replay.count, 0);
		}
	}
	assert_true(waits > rounds * 50);
}

/* What a repeated string instruction has left is one whole iteration or more. */
static bool is_string(const struct sample *s)
{
	return s->t->flags & T_STRING;
}

static void test_faults_change_nothing(void **state)
{
	u32 i, round, page, faults = 0;
	struct sample s;

	(void)state;
	for (i = 0; i < nr_templates; i++) {
		for (round = 0; round < rounds; round++) {
			enum hg_emu_result ret;

			prepare(&templates[i], mode_of(&templates[i], round), &s);
			for (page = 0; page < MACHINE_PAGES; page++)
				start.page[page] = test_random(&seed) >> 33 & 1 ? PAGE_RAM :
						   1 + (test_random(&seed) >> 33) % 4;
			copy(&plain, &start);
			plain.pend = round & 1 ? 64 : 0;
			do {
				ret = hg_emulate(&plain.emu);
				if (ret == HG_EMU_IO)
					machine_answer(&plain);
			} while (ret == HG_EMU_IO);
			assert_int_equal(plain.replay.count, 0);
			if (ret == HG_EMU_DONE || ret == HG_EMU_REPEAT)
				continue;
			faults++;
			if (ret == HG_EMU_UNSUPPORTED)
				assert_int_equal(plain.emu.reason, HG_EMU_R_CALLBACK);
			assert_int_equal(plain.emu.rip, start.emu.rip);
			if (is_string(&s))
				continue;
			assert_false(plain.emu.out_flags & HG_EMU_OUT_PROGRESS);
			same_registers(&plain, &start);
			/* A POP may have its stack read, but nothing written. */
			assert_memory_equal(plain.mem, start.mem, sizeof(plain.mem));
		}
	}
	assert_true(faults > rounds * 20);
}

/*
 * A repeated instruction that meets a bad page: what is done is what the same
 * instruction with the count that was done does.
 */
/* Put both operands on good pages, some elements before a bad one. */
static void approach(struct machine *m)
{
	u64 near = 8 + (test_random(&seed) >> 40) % 200;
	u64 off = m->emu.rflags & 0x400 ? near : 4096 - near;
	u64 high = ~0xffffffffull;

	m->gpr[HG_RSI] = (m->gpr[HG_RSI] & high) | (MACHINE_BASE + 0x1000 + off);
	m->gpr[HG_RDI] = (m->gpr[HG_RDI] & high) | (MACHINE_BASE + 0x3000 + off - (near & 7));
}

static void test_partial_strings(void **state)
{
	u32 i, round, page, partial = 0;
	struct sample s;

	(void)state;
	for (i = 0; i < nr_templates; i++) {
		if (!(templates[i].flags & T_STRING))
			continue;
		for (round = 0; round < rounds * 8; round++) {
			enum hg_emu_result ret;
			u64 mask, done;

			prepare(&templates[i], HG_MODE_64, &s);
			mask = memchr(s.code, 0x67, s.len) ? 0xffffffff : ~0ull;
			if (!memchr(s.code, 0xf3, s.len) && !memchr(s.code, 0xf2, s.len))
				continue;
			approach(&start);
			copy(&waiting, &start);
			for (page = 0; page < MACHINE_PAGES; page++)
				waiting.page[page] = page & 1 ? PAGE_RAM : PAGE_NONE;
			ret = machine_run(&waiting);
			if (ret != HG_EMU_FAULT)
				continue;
			assert_int_equal(waiting.emu.fault.vector, HG_VEC_PF);
			done = (start.gpr[HG_RCX] - waiting.gpr[HG_RCX]) & mask;
			if (!done) {
				same_outcome(&waiting, &start);
				continue;
			}
			partial++;
			copy(&plain, &start);
			plain.gpr[HG_RCX] = done;
			assert_int_equal(machine_run(&plain), HG_EMU_DONE);
			assert_memory_equal(plain.mem, waiting.mem, sizeof(plain.mem));
			assert_int_equal(plain.gpr[HG_RSI], waiting.gpr[HG_RSI]);
			assert_int_equal(plain.gpr[HG_RDI], waiting.gpr[HG_RDI]);
			assert_int_equal(plain.gpr[HG_RAX], waiting.gpr[HG_RAX]);
			assert_int_equal(plain.emu.rflags, waiting.emu.rflags);
		}
	}
	assert_true(partial > rounds / 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_changes_nothing),
		cmocka_unit_test(test_faults_change_nothing),
		cmocka_unit_test(test_partial_strings),
	};

	if (argc > 1)
		rounds = (u32)strtoul(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
