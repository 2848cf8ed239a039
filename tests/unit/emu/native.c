// SPDX-License-Identifier: GPL-2.0-only
/* Runs one instruction on this CPU, see native.h. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "native.h"

HG_STATIC_ASSERT(HG_OFFSETOF(struct native, rflags) == 128);
HG_STATIC_ASSERT(HG_OFFSETOF(struct native, vec) == 136);

void native_enter(struct native *n, const void *code);
extern const char native_exit[];

/*
 * native_enter loads every register from *n and jumps to the code, which ends
 * in a jump to native_exit. That finds its way back through static variables,
 * since no register can be spared.
 */
__asm__(
"	.bss\n"
"	.balign 8\n"
"native_self: .skip 8\n"
"native_target: .skip 8\n"
"native_stack: .skip 8\n"
"native_rdi: .skip 8\n"
"	.text\n"
"	.globl native_enter\n"
"	.globl native_exit\n"
"native_enter:\n"
"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
"	mov %rdi, native_self(%rip)\n"
"	mov %rsi, native_target(%rip)\n"
"	mov %rsp, native_stack(%rip)\n"
"	.irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
"	vmovdqu 136+32*\\r(%rdi), %ymm\\r\n"
"	.endr\n"
"	.irp r, 0,1,2,3,4,5,6,7\n"
"	movq 648+8*\\r(%rdi), %mm\\r\n"
"	.endr\n"
"	pushq 128(%rdi)\n"
"	popfq\n"
"	mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx\n"
"	mov 24(%rdi), %rbx; mov 32(%rdi), %rsp; mov 40(%rdi), %rbp\n"
"	mov 48(%rdi), %rsi\n"
"	.irp r, 8,9,10,11,12,13,14,15\n"
"	mov 8*\\r(%rdi), %r\\r\n"
"	.endr\n"
"	mov 56(%rdi), %rdi\n"
"	jmp *native_target(%rip)\n"
"native_exit:\n"
"	mov %rdi, native_rdi(%rip)\n"
"	mov native_self(%rip), %rdi\n"
"	mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi)\n"
"	mov %rbx, 24(%rdi); mov %rsp, 32(%rdi); mov %rbp, 40(%rdi)\n"
"	mov %rsi, 48(%rdi)\n"
"	.irp r, 8,9,10,11,12,13,14,15\n"
"	mov %r\\r, 8*\\r(%rdi)\n"
"	.endr\n"
"	mov native_rdi(%rip), %rax\n"
"	mov %rax, 56(%rdi)\n"
"	mov native_stack(%rip), %rsp\n"
"	pushfq\n"
"	popq 128(%rdi)\n"
"	cld\n"
"	.irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
"	vmovdqu %ymm\\r, 136+32*\\r(%rdi)\n"
"	.endr\n"
"	.irp r, 0,1,2,3,4,5,6,7\n"
"	movq %mm\\r, 648+8*\\r(%rdi)\n"
"	.endr\n"
"	emms\n"
"	vzeroupper\n"
"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
"	ret\n"
);

static volatile int caught;
static u8 *code_page;
static u8 *memory;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	caught = sig == SIGFPE ? 1 + HG_VEC_DE : sig == SIGILL ? 1 + HG_VEC_UD :
		 1 + (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(unsigned long)native_exit;
}

bool native_init(void)
{
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi"))
		return false;
	memory = mmap((void *)MACHINE_BASE, MACHINE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	code_page = mmap((void *)NATIVE_CODE, MACHINE_CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (memory != (void *)MACHINE_BASE || code_page != (void *)NATIVE_CODE)
		return false;
	return true;
}

bool native_catch(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	static char altstack[65536];
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction sa;
	u32 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_signal;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	if (sigaltstack(&ss, NULL))
		return false;
	for (i = 0; i < HG_ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &sa, NULL))
			return false;
	return true;
}

u8 *native_memory(void)
{
	return memory;
}

int native_run(struct native *n, const u8 *code, u32 len)
{
	static const u8 jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	const void *back = native_exit;

	memcpy(code_page, code, len);
	memcpy(code_page + len, jump, sizeof(jump));
	memcpy(code_page + len + sizeof(jump), &back, sizeof(back));
	caught = 0;
	native_enter(n, code_page);
	return caught;
}
