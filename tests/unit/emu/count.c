// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the instructions that the hot paths execute, by single-stepping
 * them, and fails when one outgrows its budget. Callbacks are counted apart.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include "emulate.h"

static volatile u64 steps, callback_steps;
static volatile int in_callback;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	if (in_callback)
		callback_steps++;
	else
		steps++;
}

static inline void trace(int on)
{
	u64 mask = 1u << 8;

	if (on)
		__asm__ volatile("pushfq; orq %0, (%%rsp); popfq" : : "r"(mask) : "memory", "cc");
	else
		__asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "r"(~mask) : "memory", "cc");
}

#define COUNT(call) \
	({ steps = 0; callback_steps = 0; trace(1); call; trace(0); steps - 3; })

static u64 gpr[16];
static u64 tables[4][512];

static enum hg_emu_io read_op(void *ctx, u64 linear, void *buf, u32 len, u32 access,
			      struct hg_emu_fault *f)
{
	(void)ctx; (void)linear; (void)access; (void)f;
	in_callback = 1;
	memset(buf, 0x5a, len);
	in_callback = 0;
	return HG_EMU_IO_OK;
}

static enum hg_emu_io write_op(void *ctx, u64 linear, const void *buf, u32 len, u32 access,
			       struct hg_emu_fault *f)
{
	(void)ctx; (void)linear; (void)buf; (void)len; (void)access; (void)f;
	return HG_EMU_IO_OK;
}

static int read_entry(void *ctx, u64 gpa, u32 size, u64 *value)
{
	(void)ctx; (void)size;
	*value = tables[gpa >> 12][(gpa >> 3) & 511];
	return 0;
}

static const struct hg_emu_ops ops = { .read = read_op, .write = write_op };
static const struct hg_gwalk_ops walk_ops = { .read = read_entry };

static int bad;

static void report(const char *what, u64 n, u64 budget)
{
	printf("%-44s %5llu  (budget %llu)%s\n", what, n, budget, n > budget ? "  TOO MANY" : "");
	if (n > budget)
		bad = 1;
}

int main(void)
{
	static const u8 load[15] = { 0x8b, 0x83, 0x80, 0, 0, 0, 0x90, 0x90 };
	static const u8 store[15] = { 0x89, 0x43, 0x10, 0x90, 0x90 };
	static const u8 cpuid[15] = { 0x0f, 0xa2 };
	static const u8 wrcr[15] = { 0x0f, 0x22, 0xc0 };
	struct hg_emu emu = {
		.gpr = gpr, .cr0 = 0x80000033, .cr4 = 0x6f0, .efer = 0xd01,
		.mode = HG_MODE_64, .ops = &ops,
	};
	struct hg_gwalk walk = {
		.cr0 = 0x80000033, .cr4 = 0x6f0, .efer = 0xd01, .maxphyaddr = 48,
		.ops = &walk_ops,
	};
	struct hg_gwalk_result res;
	struct sigaction sa;
	struct hg_insn insn;
	struct hg_skip skip;
	u64 decode, walked;
	u32 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_trap;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGTRAP, &sa, NULL);

	for (i = 0; i < 4; i++)
		tables[i][0] = (u64)(i + 1) << 12 | 0x63;

	decode = COUNT(hg_insn_decode(&insn, load, 15, HG_MODE_64));
	report("decode mov eax, [rbx+0x80]", decode, 150);
	walked = COUNT(hg_gwalk(&walk, 0x123, HG_ACC_READ, &res));
	report("4-level walk, its callback included", walked, 280);
	if (res.gpa != 0x4123)
		bad = 1;
	report("both", decode + walked, 400);
	memcpy(emu.bytes, load, 15);
	emu.nr_bytes = 15;
	report("emulate mov eax, [rbx+0x80]", COUNT(hg_emulate(&emu)), 320);
	memcpy(emu.bytes, store, 15);
	emu.nr_bytes = 15;
	report("emulate mov [rbx+0x10], eax", COUNT(hg_emulate(&emu)), 320);
	report("skip cpuid", COUNT(hg_insn_skip(&skip, cpuid, 15, HG_MODE_64)), 40);
	report("skip mov cr0, rax", COUNT(hg_insn_skip(&skip, wrcr, 15, HG_MODE_64)), 100);
	return bad;
}
