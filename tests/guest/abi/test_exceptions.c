// SPDX-License-Identifier: Apache-2.0
/* Exceptions and system instructions inside the guest. */
#include <stdlib.h>

#include "hgt.h"

#define VEC_DE	0
#define VEC_DB	1
#define VEC_BP	3
#define VEC_UD	6
#define VEC_NM	7
#define VEC_GP	13
#define VEC_PF	14

#define PF_P	1
#define PF_W	2
#define PF_U	4
#define PF_I	16

#define PTE_P	1ull
#define PTE_W	2ull
#define PTE_U	4ull

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hgt_vcpu_free(f->vcpu);
	hgt_vm_free(f->vm);
	free(f);
	return 0;
}

HGT_GUEST(ud, 64, "nop\n" "ud2\n");
HGT_GUEST(de, 64, "xor %edx, %edx\n" "xor %ecx, %ecx\n" "div %ecx\n");
HGT_GUEST(bp, 64, "int3\n" "mov $9, %eax\n" GUEST_DONE);
HGT_GUEST(gp_noncanonical, 64,
	"mov $0x8000000000000000, %rax\n" "mov (%rax), %ebx\n");
HGT_GUEST(gp_selector, 64, "mov $0x48 + 0x100, %eax\n" "mov %eax, %ds\n");
HGT_GUEST(gp_msr, 64, "mov $0x12345678, %ecx\n" "rdmsr\n");
HGT_GUEST(gp_wrmsr, 64,
	"mov $0xc0000080, %ecx\n" "mov $0x40000000, %edx\n" "wrmsr\n");
HGT_GUEST(gp_cr4, 64,
	"mov %cr4, %rax\n" "bts $31, %rax\n" "mov %rax, %cr4\n");
HGT_GUEST(gp_cr0, 64,	/* paging off in 64-bit mode */
	"mov %cr0, %rax\n" "btr $31, %rax\n" "mov %rax, %cr0\n");
HGT_GUEST(nm, 64,
	"mov %cr0, %rax\n" "or $8, %rax\n" "mov %rax, %cr0\n"
	"movaps %xmm0, %xmm1\n");

#define expect_at(f, code, vector, err, off)				\
	do {								\
		const struct hgt_fault *fault_;				\
									\
		hgt_start_long((f)->vcpu, code);			\
		fault_ = hgt_expect_fault((f)->vcpu, vector);		\
		assert_int_equal(fault_->error, err);			\
		assert_int_equal(fault_->rip, HGT_CODE + (off));	\
		assert_int_equal(fault_->cs, HGT_CS64);			\
	} while (0)

static void simple_faults(void **state)
{
	struct fixture *f = *state;

	expect_at(f, ud, VEC_UD, 0, 1);
	expect_at(f, de, VEC_DE, 0, 4);
	expect_at(f, gp_noncanonical, VEC_GP, 0, 10);
	expect_at(f, gp_selector, VEC_GP, 0x148, 5);
	expect_at(f, nm, VEC_NM, 0, 10);
}

static void privileged_faults(void **state)
{
	struct fixture *f = *state;

	expect_at(f, gp_msr, VEC_GP, 0, 5);
	expect_at(f, gp_wrmsr, VEC_GP, 0, 10);
	expect_at(f, gp_cr4, VEC_GP, 0, 8);
	expect_at(f, gp_cr0, VEC_GP, 0, 8);
}

static void trap_and_return(void **state)
{
	struct fixture *f = *state;

	expect_at(f, bp, VEC_BP, 0, 1);
	assert_int_equal(hgt_expect_done(f->vcpu), 9);
}

/* ---- page faults ---- */

HGT_GUEST(access, 64,
	"cmp $1, %ecx\n" "je 2f\n" "cmp $2, %ecx\n" "je 3f\n"
	"mov (%rbx), %eax\n" "jmp 4f\n"
	"2: mov %eax, (%rbx)\n" "jmp 4f\n"
	"3: jmp *%rbx\n"
	"4: mov $1, %eax\n" GUEST_DONE);

static void expect_pf(struct fixture *f, uint64_t gva, unsigned int how,
		      uint64_t error)
{
	const struct hgt_fault *fault;
	struct kvm_regs r;

	hgt_get_regs(f->vcpu, &r);
	r.rip = HGT_CODE;
	r.rsp = HGT_STACKS + 0x1000;
	r.rbx = gva;
	r.rcx = how;
	hgt_set_regs(f->vcpu, &r);
	fault = hgt_expect_fault(f->vcpu, VEC_PF);
	assert_int_equal(fault->error, error);
	assert_int_equal(fault->cr2, gva);
	if (how == 2)
		assert_int_equal(fault->rip, gva);
}

static void page_faults(void **state)
{
	struct fixture *f = *state;
	uint64_t *pt = hgt_ptr(f->vm, HGT_PT, 4096);
	struct kvm_sregs s;

	hgt_start_long(f->vcpu, access);
	hgt_get_sregs(f->vcpu, &s);
	s.cr0 |= 1 << 16;	/* WP */
	s.efer |= 1 << 11;	/* NXE */
	hgt_set_sregs(f->vcpu, &s);

	pt[0x60] = 0;
	pt[0x61] &= ~PTE_W;
	pt[0x62] |= 1ull << 63;
	expect_pf(f, 0x60ff0, 0, 0);
	expect_pf(f, 0x60123, 1, PF_W);
	expect_pf(f, 0x60000, 2, PF_I);
	expect_pf(f, 0x61008, 1, PF_P | PF_W);
	expect_pf(f, 0x62000, 2, PF_P | PF_I);
	/* An address that no table covers. */
	expect_pf(f, 0x7f0000001234, 0, 0);
	expect_pf(f, 0xffff800000000000, 1, PF_W);
}

/* Ring 3 through IRETQ; faults there come with the user bit. */
HGT_GUEST(to_user, 64,
	"mov $0x3b, %eax\n" "mov %eax, %ds\n"
	"pushq $0x3b\n" "pushq $0x50000\n" "pushq $2\n" "pushq $0x43\n"
	"pushq $0x11000\n" "iretq\n");
HGT_GUEST(user_reads, 64, "mov 0x60000, %eax\n" "ud2\n");
HGT_GUEST(user_cli, 64, "cli\n");
HGT_GUEST(user_out, 64, "out %al, $0x80\n");
HGT_GUEST(user_hlt, 64, "hlt\n");

static void enter_user(struct fixture *f, const uint8_t *code, size_t len)
{
	hgt_copy_in(f->vm, 0x11000, code, len);
	hgt_start_long(f->vcpu, to_user);
}

static void user_mode(void **state)
{
	struct fixture *f = *state;
	const struct hgt_fault *fault;
	uint64_t *pt;

	hgt_mode_long(f->vcpu);
	enter_user(f, user_reads, user_reads_end - user_reads);
	pt = hgt_ptr(f->vm, HGT_PT, 4096);
	pt[0x60] &= ~PTE_U;
	fault = hgt_expect_fault(f->vcpu, VEC_PF);
	assert_int_equal(fault->error, PF_P | PF_U);
	assert_int_equal(fault->cr2, 0x60000);
	assert_int_equal(fault->cs, HGT_UCS64 | 3);
	pt[0x60] |= PTE_U;
	/* The stub returns; the load is tried again and now succeeds. */
	fault = hgt_expect_fault(f->vcpu, VEC_UD);
	assert_int_equal(fault->rip, 0x11007);

	enter_user(f, user_cli, user_cli_end - user_cli);
	fault = hgt_expect_fault(f->vcpu, VEC_GP);
	assert_int_equal(fault->rip, 0x11000);
	enter_user(f, user_out, user_out_end - user_out);
	fault = hgt_expect_fault(f->vcpu, VEC_GP);
	assert_int_equal(fault->rip, 0x11000);
	enter_user(f, user_hlt, user_hlt_end - user_hlt);
	hgt_expect_fault(f->vcpu, VEC_GP);
}

/* SYSCALL and SYSRET with the MSRs that the guest wrote. */
HGT_GUEST(syscall, 64,
	"mov $0xc0000081, %ecx\n" "xor %eax, %eax\n"
	"mov $0x00300008, %edx\n" "wrmsr\n"
	"mov $0xc0000082, %ecx\n" "mov $0x12000, %eax\n" "xor %edx, %edx\n"
	"wrmsr\n"
	"mov $0xc0000084, %ecx\n" "mov $0x400, %eax\n" "wrmsr\n"
	"mov $0x11000, %ecx\n" "mov $0x2, %r11\n" "sysretq\n");
HGT_GUEST(syscall_user, 64,
	"mov $0x123, %edi\n" "std\n" "syscall\n" "ud2\n");
HGT_GUEST(syscall_entry, 64,
	"pushfq\n" "pop %rsi\n"
	"mov %edi, %eax\n" GUEST_DONE
	"mov %esi, %eax\n" GUEST_DONE
	"cld\n" "sysretq\n");

static void syscall_sysret(void **state)
{
	struct fixture *f = *state;
	const struct hgt_fault *fault;
	struct kvm_regs r;

	hgt_load(f->vm, 0x11000, syscall_user);
	hgt_load(f->vm, 0x12000, syscall_entry);
	hgt_start_long(f->vcpu, syscall);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x123);
	hgt_get_regs(f->vcpu, &r);
	assert_int_equal(r.rcx, 0x11008);
	assert_true(r.r11 & 0x400);
	/* SFMASK cleared DF. */
	assert_false(hgt_expect_done(f->vcpu) & 0x400);
	fault = hgt_expect_fault(f->vcpu, VEC_UD);
	assert_int_equal(fault->rip, 0x11008);
	assert_int_equal(fault->cs, HGT_UCS64 | 3);
	assert_true(fault->rflags & 0x400);
}

/* ---- MSRs, control registers, time ---- */

HGT_GUEST(msr_swap, 64,	/* rdmsr, then wrmsr of ~value */
	"1: rdmsr\n" "mov %eax, 0x40000\n" "mov %edx, 0x40004\n"
	"mov %ebx, %eax\n" "xor %edx, %edx\n" "wrmsr\n" GUEST_DONE "jmp 1b\n");

static void msr_round_trip(void **state)
{
	static const uint32_t index[] = { 0x174, 0x175, 0x176, 0xc0000081,
		0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102, 0xc0000103 };
	struct fixture *f = *state;
	struct kvm_regs r;
	unsigned int i;

	for (i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
		if (index[i] == 0xc0000103)	/* TSC_AUX, if it is there */
			if (hgt_set_msr(f->vcpu, index[i], 0) != 1)
				continue;
		assert_int_equal(hgt_set_msr(f->vcpu, index[i], 0x7700 + i), 1);
		hgt_start_long(f->vcpu, msr_swap);
		hgt_get_regs(f->vcpu, &r);
		r.rcx = index[i];
		r.rbx = 0x5500 + i;
		hgt_set_regs(f->vcpu, &r);
		hgt_expect_done(f->vcpu);
		assert_int_equal(hgt_u64(f->vm, HGT_DATA), 0x7700 + i);
		assert_int_equal(hgt_get_msr(f->vcpu, index[i]), 0x5500 + i);
	}
}

HGT_GUEST(cr_moves, 64,
	"mov %cr0, %rax\n" "xor $0x40000, %rax\n" "mov %rax, %cr0\n"
	"mov %cr0, %rbx\n"
	"mov %cr4, %rax\n" "or $0x80, %rax\n" "mov %rax, %cr4\n"
	"mov %cr4, %rcx\n"
	"mov $0x9990, %eax\n" "mov %rax, %cr2\n" "mov %cr2, %rdx\n"
	"mov %cr3, %rsi\n" "mov %rsi, %cr3\n"
	"smsw %edi\n" "clts\n"
	"mov $6, %eax\n" "mov %rax, %cr8\n" "xor %eax, %eax\n"
	"mov %cr8, %rax\n"
	GUEST_DONE);

static void control_registers(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs before, after;
	struct kvm_regs r;

	hgt_start_long(f->vcpu, cr_moves);
	hgt_get_sregs(f->vcpu, &before);
	do {
		assert_int_equal(hgt_run(f->vcpu), 0);
	} while (f->vcpu->run->exit_reason == KVM_EXIT_SET_TPR);
	assert_int_equal(f->vcpu->run->exit_reason, KVM_EXIT_IO);
	hgt_get_regs(f->vcpu, &r);
	hgt_get_sregs(f->vcpu, &after);
	assert_int_equal(r.rbx, before.cr0 ^ 0x40000);
	assert_int_equal(after.cr0, before.cr0 ^ 0x40000);
	assert_int_equal(r.rcx, before.cr4 | 0x80);
	assert_int_equal(after.cr4, before.cr4 | 0x80);
	assert_int_equal(r.rdx, 0x9990);
	assert_int_equal(after.cr2, 0x9990);
	assert_int_equal(r.rsi, HGT_PML4);
	assert_int_equal(r.rdi & 0xffff, (before.cr0 ^ 0x40000) & 0xffff);
	assert_int_equal(r.rax, 6);
	assert_int_equal(after.cr8, 6);
}

HGT_GUEST(tsc_monotone, 64,
	"rdtsc\n" "shl $32, %rdx\n" "or %rdx, %rax\n" "mov %rax, %rbx\n"
	"xor %eax, %eax\n" "cpuid\n"
	"rdtsc\n" "shl $32, %rdx\n" "or %rdx, %rax\n"
	"sub %rbx, %rax\n" "seta %al\n" "movzbl %al, %eax\n" GUEST_DONE);

static void time_stamp(void **state)
{
	struct fixture *f = *state;
	uint64_t host_before, host_after;
	struct kvm_regs r;

	hgt_start_long(f->vcpu, tsc_monotone);
	host_before = hgt_get_msr(f->vcpu, 0x10);
	hgt_expect_done(f->vcpu);
	host_after = hgt_get_msr(f->vcpu, 0x10);
	hgt_get_regs(f->vcpu, &r);
	assert_true(host_after > host_before);
}

/* ---- modes ---- */

/* From real mode through protected mode into 64-bit mode, as a boot does. */
HGT_GUEST(climb, 16,
	"cli\n"
	"lgdtl %cs:0x100\n"
	"mov %cr0, %eax\n" "or $1, %al\n" "mov %eax, %cr0\n"
	".byte 0x66, 0xea\n" ".long 0x10040\n" ".word 0x18\n"
	".org climb + 0x40\n"
	".code32\n"
	"mov $0x10, %eax\n" "mov %eax, %ds\n" "mov %eax, %ss\n"
	"mov %cr4, %eax\n" "or $0x20, %eax\n" "mov %eax, %cr4\n"
	"mov $0x3000, %eax\n" "mov %eax, %cr3\n"
	"mov $0xc0000080, %ecx\n" "rdmsr\n" "or $0x100, %eax\n" "wrmsr\n"
	"mov %cr0, %eax\n" "or $0x80000000, %eax\n" "mov %eax, %cr0\n"
	".byte 0xea\n" ".long 0x10090\n" ".word 0x08\n"
	".org climb + 0x90\n"
	".code64\n"
	"mov $0x0123456789abcdef, %rax\n" "shr $32, %rax\n" GUEST_DONE
	".org climb + 0x100\n"
	".word 0x4f\n" ".long 0x1000\n");

static void climb_to_long_mode(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	hgt_mode_long(f->vcpu);		/* for the tables */
	hgt_start_real(f->vcpu, climb);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x01234567);
	hgt_get_sregs(f->vcpu, &s);
	assert_int_equal(s.efer & 0x500, 0x500);
	assert_int_equal(s.cs.l, 1);
	assert_int_equal(s.cs.selector, HGT_CS64);
}

/* A real-mode interrupt through the vector table. */
HGT_GUEST(int_real, 16,
	"mov $5, %eax\n" "int $0x21\n" GUEST_DONE
	".org int_real + 0x40\n" "add $0x100, %eax\n" "iret\n");

static void real_mode_int(void **state)
{
	struct fixture *f = *state;

	hgt_u32(f->vm, 0x21 * 4) = 0x10000040;	/* 1000:0040 */
	hgt_start_real(f->vcpu, int_real);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x105);
}

/* ---- code and page tables that change ---- */

HGT_GUEST(self_modify, 64,
	"mov $1000, %ecx\n" "xor %ebx, %ebx\n" "lea 2f(%rip), %rsi\n"
	"1: mov %ecx, 1(%rsi)\n"	/* the immediate of the mov below */
	"jmp 2f\n"
	"2: mov $0, %eax\n"
	"add %eax, %ebx\n" "dec %ecx\n" "jnz 1b\n"
	"mov %ebx, %eax\n" GUEST_DONE);

static void self_modifying(void **state)
{
	struct fixture *f = *state;

	hgt_start_long(f->vcpu, self_modify);
	assert_int_equal(hgt_expect_done(f->vcpu), 500500);
}

HGT_GUEST(invlpg_loop, 64,	/* map page 0x70000 onto 0x80000, 0x81000 */
	"mov 0x70000, %r8d\n"
	"movq $0x81007, 0x9000 + 0x70 * 8\n" "invlpg 0x70000\n"
	"mov 0x70000, %r9d\n"
	"movq $0x80007, 0x9000 + 0x70 * 8\n"
	"mov %cr3, %rax\n" "mov %rax, %cr3\n"
	"mov 0x70000, %r10d\n"
	"mov %r8d, %eax\n" GUEST_DONE
	"mov %r9d, %eax\n" GUEST_DONE
	"mov %r10d, %eax\n" GUEST_DONE);

static void guest_tlb(void **state)
{
	struct fixture *f = *state;
	uint64_t *pt = hgt_ptr(f->vm, HGT_PT, 4096);

	hgt_start_long(f->vcpu, invlpg_loop);
	pt[0x70] = 0x80000 | PTE_P | PTE_W | PTE_U;
	hgt_u32(f->vm, 0x80000) = 80;
	hgt_u32(f->vm, 0x81000) = 81;
	assert_int_equal(hgt_expect_done(f->vcpu), 80);
	assert_int_equal(hgt_expect_done(f->vcpu), 81);
	assert_int_equal(hgt_expect_done(f->vcpu), 80);
}

/* Page sizes: 4 KiB, 2 MiB, 1 GiB guest pages over the same memory. */
HGT_GUEST(page_sizes, 64,
	"mov 0x200040, %r8d\n"
	"mov $0x8000200040, %rax\n" "mov (%rax), %r9d\n"
	"movl $0x99, (%rax)\n"
	"mov 0x200040, %r10d\n"
	"mov %r8d, %eax\n" GUEST_DONE "mov %r9d, %eax\n" GUEST_DONE
	"mov %r10d, %eax\n" GUEST_DONE);

static void guest_page_sizes(void **state)
{
	struct fixture *f = *state;
	uint64_t *pml4, *pdpt;

	hgt_start_long(f->vcpu, page_sizes);
	pml4 = hgt_ptr(f->vm, HGT_PML4, 4096);
	pdpt = hgt_ptr(f->vm, 0x90000, 4096);
	pml4[1] = 0x90000 | PTE_P | PTE_W;
	pdpt[0] = 0 | 0x80 | PTE_P | PTE_W;	/* 1 GiB */
	hgt_u32(f->vm, 0x200040) = 0x42;
	assert_int_equal(hgt_expect_done(f->vcpu), 0x42);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x42);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x99);
}

/* A store to a page that was only read so far, through another mapping. */
HGT_GUEST(touch_all, 64,
	"mov $0x100000, %ebx\n" "xor %ecx, %ecx\n"
	"1: add (%rbx), %ecx\n" "mov %ebx, (%rbx)\n" "add (%rbx), %ecx\n"
	"sub %ebx, %ecx\n" "add $0x1000, %ebx\n"
	"cmp $0x400000, %ebx\n" "jb 1b\n" "mov %ecx, %eax\n" GUEST_DONE);

static void first_touches(void **state)
{
	struct fixture *f = *state;
	uint32_t gpa;

	hgt_u32(f->vm, 0x300000) = 0x1234;
	hgt_start_long(f->vcpu, touch_all);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x1234);
	for (gpa = 0x100000; gpa < 0x400000; gpa += 0x1000)
		assert_int_equal(hgt_u32(f->vm, gpa), gpa);
}

/* Instructions that a guest without the feature must not get to use. */
HGT_GUEST(vmrun, 64, "mov $0x40000, %eax\n" "vmrun\n");
HGT_GUEST(skinit_, 64, "mov $0x40000, %eax\n" "skinit\n");
HGT_GUEST(monitor_, 64, "mov $0x40000, %eax\n" "xor %ecx, %ecx\n"
	"xor %edx, %edx\n" "monitor\n" "xor %eax, %eax\n" GUEST_DONE);

static void not_for_guests(void **state)
{
	struct fixture *f = *state;
	const struct hgt_fault *fault;

	hgt_start_long(f->vcpu, vmrun);		/* EFER.SVME is clear */
	fault = hgt_expect_fault(f->vcpu, VEC_UD);
	assert_int_equal(fault->rip, HGT_CODE + 5);
	hgt_start_long(f->vcpu, skinit_);
	hgt_expect_fault(f->vcpu, VEC_UD);
	/* MONITOR: #UD or nothing at all, but the guest goes on. */
	hgt_start_long(f->vcpu, monitor_);
	hgt_expect(f->vcpu, KVM_EXIT_IO);
}

#define t(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(simple_faults),
		t(privileged_faults),
		t(trap_and_return),
		t(page_faults),
		t(user_mode),
		t(syscall_sysret),
		t(msr_round_trip),
		t(control_registers),
		t(time_stamp),
		t(climb_to_long_mode),
		t(real_mode_int),
		t(self_modifying),
		t(guest_tlb),
		t(guest_page_sizes),
		t(first_touches),
		t(not_for_guests),
	};

	return hgt_main(tests);
}
