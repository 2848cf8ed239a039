// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hot paths cost, in instructions: a parent single-steps this program
 * from one breakpoint to the next. Built like the module, without sanitizers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define MARK() __asm__ volatile("int3" : : : "memory")

/* Instructions between the child's two marks around @op; -1: no ptrace here. */
static long measure(void (*op)(void))
{
	siginfo_t info;
	pid_t child = fork();
	long steps = -1;
	int status;

	assert_true(child >= 0);
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(77);
		raise(SIGSTOP);
		op();		/* once to resolve symbols */
		op();
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (!WIFSTOPPED(status))
		return -1;
	/* The third mark begins the second round. */
	for (int mark = 0; mark < 3; mark++) {
		ptrace(PTRACE_CONT, child, NULL, NULL);
		waitpid(child, &status, 0);
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	}
	for (steps = 0;; steps++) {
		ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
		waitpid(child, &status, 0);
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
		ptrace(PTRACE_GETSIGINFO, child, NULL, &info);
		if (info.si_code == SI_KERNEL)	/* the mark, not a step */
			break;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return steps;
}

static u64 domain, pfn, gfn;
static volatile u64 sink;

static void op_version(void)
{
	MARK();
	sink = (u64)hg_call(HG_CALL_VERSION, 0, 0, 0, 0, 0);
	MARK();
}

static void op_map(void)
{
	gfn++;
	pfn++;
	MARK();
	sink = (u64)hg_call(HG_CALL_MAP, domain, gfn, pfn, 1, HG_PROT_ALL);
	MARK();
	if (sink)
		abort();
}

static void op_lookup(void)
{
	const struct hg_domain *d = hg_core.domains[(domain & 0xff) - 1].domain;
	u64 left;

	MARK();
	sink = (u64)(uintptr_t)hg_npt_lookup(d, 0x1008, &left);
	MARK();
	if (!sink)
		abort();
}

static void op_unmap(void)
{
	gfn++;
	MARK();
	sink = (u64)hg_call(HG_CALL_UNMAP, domain, gfn, 1, 0, 0);
	MARK();
	if (sink != 1)
		abort();
}

/* All of guest-physical space, of which one page is mapped. */
static void op_unmap_all(void)
{
	hg_call(HG_CALL_MAP, domain, 1ULL << 30, pfn, 1, HG_PROT_ALL);
	MARK();
	sink = (u64)hg_call(HG_CALL_UNMAP, domain, 0, 1ULL << 36, 0, 0);
	MARK();
	if (sink != 1)
		abort();
}

static bool within = true;

static void check(const char *what, void (*op)(void), long limit)
{
	long steps = measure(op);

	if (steps < 0) {
		print_message("budget: ptrace is not allowed here\n");
		skip();
	}
	print_message("budget: %-28s %6ld instructions (limit %ld)\n", what, steps, limit);
	within = within && steps < limit;
}

static void test_budgets(void **state)
{
	u64 g;

	(void)state;
	domain = make_domain(8);
	pfn = take(16, 1);
	for (g = 0; g < 8; g++)
		assert_int_equal(call(MAP, domain, g, pfn + g, 1, HG_PROT_ALL), HG_OK);
	check("VERSION, all in all", op_version, 45);
	check("lookup of a 4 KiB page", op_lookup, 80);
	gfn = 0;
	check("unmap of a 4 KiB page", op_unmap, 620);
	gfn = 7;
	pfn += 7;
	check("map of a 4 KiB page", op_map, 360);
	call(UNMAP, domain, 0, 1ULL << 36);
	check("unmap of 256 TiB, one page", op_unmap_all, 23000);
	assert_true(within);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_budgets, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
