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
static volatile u64 caught_rsp;
extern u64 native_stack;
static u8 *code_page;
static u8 *memory;

/*
 * The same in 32-bit code: this process enters compatibility mode through the
 * code segment that Linux has for it. Everything that 32-bit code needs lies in
 * the second code page: registers and pointers at LOW, then the stubs.
 */
#define LOW		0x18001000
#define LOW_STUB	0x18001100
#define LOW_STACK	0x18001f00

struct low {
	u32 gpr[8];		/* 0 */
	u32 eflags;		/* 32 */
	u32 pad;
	u32 code;		/* 40: where the sample is */
	u32 exit;		/* 44: where it jumps when done */
	u32 gate;		/* 48: far pointer back to 64-bit code */
	u16 gate_cs;
	u16 pad2;
	u64 back;		/* 56: native32_back */
};

HG_STATIC_ASSERT(HG_OFFSETOF(struct low, eflags) == 32);
HG_STATIC_ASSERT(HG_OFFSETOF(struct low, back) == 56);

void native32_enter(struct native *n);
extern const char native32_blob[], native32_exit[], native32_gate[], native32_end[];
extern const char native32_back[];

__asm__(
"	.text\n"
"	.globl native32_enter, native32_back, native32_blob, native32_exit\n"
"	.globl native32_gate, native32_end\n"
"native32_enter:\n"
"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
"	mov %rdi, native_self(%rip)\n"
"	mov %rsp, native_stack(%rip)\n"
"	.irp r, 0,1,2,3,4,5,6,7\n"
"	vmovdqu 136+32*\\r(%rdi), %ymm\\r\n"
"	movq 648+8*\\r(%rdi), %mm\\r\n"
"	.endr\n"
"	mov %ss, %eax\n"
"	mov %eax, %ds\n"
"	mov %eax, %es\n"
"	mov $0x18001f00, %esp\n"
"	pushq $0x23\n"
"	pushq $0x18001100\n"
"	lretq\n"
"native32_back:\n"
"	mov native_stack(%rip), %rsp\n"
"	mov native_self(%rip), %rdi\n"
"	cld\n"
"	.irp r, 0,1,2,3,4,5,6,7\n"
"	vmovdqu %ymm\\r, 136+32*\\r(%rdi)\n"
"	movq %mm\\r, 648+8*\\r(%rdi)\n"
"	.endr\n"
"	emms\n"
"	vzeroupper\n"
"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
"	ret\n"
"	.code32\n"
"native32_blob:\n"
"	mov $0x18001020, %esp\n"
"	popf\n"
"	mov 0x18001000, %eax; mov 0x18001004, %ecx; mov 0x18001008, %edx\n"
"	mov 0x1800100c, %ebx; mov 0x18001010, %esp; mov 0x18001014, %ebp\n"
"	mov 0x18001018, %esi; mov 0x1800101c, %edi\n"
"	jmp *0x18001028\n"
"native32_exit:\n"
"	mov %eax, 0x18001000; mov %ecx, 0x18001004; mov %edx, 0x18001008\n"
"	mov %ebx, 0x1800100c; mov %esp, 0x18001010; mov %ebp, 0x18001014\n"
"	mov %esi, 0x18001018; mov %edi, 0x1800101c\n"
"	mov $0x18001f00, %esp\n"
"	pushf\n"
"	popl 0x18001020\n"
"	ljmp *0x18001030\n"
"	.code64\n"
"native32_gate:\n"
"	jmp *0x18001038\n"
"native32_end:\n"
);

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

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	bool in_32;

	(void)info;
	in_32 = ((u64)uc->uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == 0x23;
	caught = sig == SIGFPE ? 1 + HG_VEC_DE : sig == SIGILL ? 1 + HG_VEC_UD :
		 1 + (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	if (in_32) {
		greg_t *g = uc->uc_mcontext.gregs;
		struct low *low = (struct low *)LOW;
		const int order[8] = {
			REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		};
		u32 i;

		for (i = 0; i < 8; i++)
			low->gpr[i] = (u32)g[order[i]];
		low->eflags = (u32)g[REG_EFL];
		g[REG_CSGSFS] = (g[REG_CSGSFS] & ~0xffffll) | 0x33;
		g[REG_RIP] = (greg_t)(unsigned long)native32_back;
		return;
	}
	/* Some hypervisors do not return to a stack whose address is not canonical. */
	caught_rsp = (u64)uc->uc_mcontext.gregs[REG_RSP];
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)native_stack;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(unsigned long)native_exit;
}

bool native_has_32(void)
{
	u32 rights, selector = 0x23;
	bool there;

	__asm__ ("lar %2, %0\n\tsetz %1" : "=r"(rights), "=q"(there) : "r"(selector) : "cc");
	return there;
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
	if (caught)
		n->gpr[HG_RSP] = caught_rsp;
	return caught;
}

int native_run32(struct native *n, const u8 *code, u32 len)
{
	struct low *low = (struct low *)LOW;
	u32 stub = (u32)(native32_end - native32_blob), i, jump_at = LOW + 44;

	memset(low, 0, sizeof(*low));
	memcpy((void *)LOW_STUB, native32_blob, stub);
	for (i = 0; i < 8; i++)
		low->gpr[i] = (u32)n->gpr[i];
	low->eflags = (u32)n->rflags;
	low->code = NATIVE_CODE;
	low->exit = LOW_STUB + (u32)(native32_exit - native32_blob);
	low->gate = LOW_STUB + (u32)(native32_gate - native32_blob);
	low->gate_cs = 0x33;
	low->back = (u64)(unsigned long)native32_back;

	memcpy(code_page, code, len);
	code_page[len] = 0xff;		/* jmp *[low->exit] */
	code_page[len + 1] = 0x25;
	memcpy(code_page + len + 2, &jump_at, 4);
	caught = 0;
	native32_enter(n);
	for (i = 0; i < 8; i++)
		n->gpr[i] = low->gpr[i];
	n->rflags = low->eflags;
	return caught;
}
