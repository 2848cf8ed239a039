// SPDX-License-Identifier: Apache-2.0
/*
 * MMIO by many forms of instructions. The host plays a device with one page
 * of registers at HGT_MMIO; after each guest program, registers, flags and
 * the device's memory must be what the architecture says.
 */
#include <stdlib.h>

#include "hgt.h"

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	uint8_t dev[8192];
	unsigned int reads, writes;
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

/* Run the guest to GUEST_DONE, serving the device; its result. */
static uint32_t serve(struct fixture *f)
{
	struct kvm_run *run = f->vcpu->run;
	uint64_t off;

	for (;;) {
		assert_int_equal(hgt_run(f->vcpu), 0);
		if (run->exit_reason != KVM_EXIT_MMIO)
			break;
		off = run->mmio.phys_addr - HGT_MMIO;
		assert_in_range(run->mmio.len, 1, 8);
		assert_in_range(off, 0, sizeof(f->dev) - run->mmio.len);
		if (run->mmio.is_write) {
			memcpy(f->dev + off, run->mmio.data, run->mmio.len);
			f->writes++;
		} else {
			memcpy(run->mmio.data, f->dev + off, run->mmio.len);
			f->reads++;
		}
	}
	if (run->exit_reason == KVM_EXIT_IO && run->io.port == HGT_PORT_DONE)
		return *(uint32_t *)hgt_pio_data(f->vcpu);
	/* Let the library say what came instead. */
	print_error("after %u reads and %u writes: exit %s\n", f->reads,
		    f->writes, hgt_exit_name(run->exit_reason));
	if (run->exit_reason == KVM_EXIT_IO && run->io.port == HGT_PORT_FAULT)
		print_error("guest exception %u at %#lx\n",
			    *(uint32_t *)hgt_pio_data(f->vcpu),
			    (unsigned long)hgt_u64(f->vm, HGT_FAULT + 16));
	fail();
	return 0;
}

#define run_guest(f, code)						\
	do {								\
		hgt_start_long((f)->vcpu, code);			\
		(f)->reads = (f)->writes = 0;				\
		serve(f);						\
	} while (0)

static struct kvm_regs regs(struct fixture *f)
{
	struct kvm_regs r;

	hgt_get_regs(f->vcpu, &r);
	return r;
}

static uint64_t dev64(struct fixture *f, unsigned int off)
{
	uint64_t v;

	memcpy(&v, f->dev + off, 8);
	return v;
}

static void set64(struct fixture *f, unsigned int off, uint64_t v)
{
	memcpy(f->dev + off, &v, 8);
}

#define BASE "mov $0xd0000000, %ebx\n"

HGT_GUEST(addressing, 64, BASE
	"mov $2, %ecx\n" "mov $-1, %rdx\n" "mov %rbx, %r13\n"
	"movl $0x11, (%rbx)\n"
	"movl $0x12, 4(%rbx)\n"
	"movl $0x13, (%rbx,%rcx,4)\n"
	"movl $0x14, 0x10(%rbx,%rdx,4)\n"	/* index -1 */
	"movl $0x15, (%r13)\n"
	"movl $0x16, 0x100(%r13,%rcx,8)\n"
	"addr32 movl $0x17, 0x20(%ebx)\n"
	"mov $0xd0000028, %rax\n"
	"movabs %eax, 0xd0000030\n"
	"movabs 0xd0000030, %al\n"
	GUEST_DONE);

static void addressing_forms(void **state)
{
	struct fixture *f = *state;

	run_guest(f, addressing);
	assert_int_equal((uint32_t)dev64(f, 0), 0x15);
	assert_int_equal(dev64(f, 0) >> 32, 0x12);
	assert_int_equal((uint32_t)dev64(f, 8), 0x13);
	assert_int_equal(dev64(f, 8) >> 32, 0x14);
	assert_int_equal((uint32_t)dev64(f, 0x110), 0x16);
	assert_int_equal((uint32_t)dev64(f, 0x20), 0x17);
	assert_int_equal((uint32_t)dev64(f, 0x30), 0xd0000028);
	assert_int_equal(regs(f).rax & 0xff, 0x28);
}

HGT_GUEST(moves, 64, BASE
	"movb $0x5a, 0x00(%rbx)\n"
	"movw $0x1234, 0x02(%rbx)\n"
	"movl $0x89abcdef, 0x04(%rbx)\n"
	"movq $-2, 0x08(%rbx)\n"
	"mov $0x7766, %eax\n" "movb %ah, 0x10(%rbx)\n"
	"movzbl 0x04(%rbx), %ecx\n"
	"movzwl 0x04(%rbx), %edx\n"
	"movsbl 0x04(%rbx), %esi\n"
	"movswq 0x04(%rbx), %rdi\n"
	"movslq 0x04(%rbx), %rbp\n"
	"movb 0x05(%rbx), %ah\n"
	"mov %rax, %r8\n"
	"mov $-1, %r9\n" "movl 0x02(%rbx), %r9d\n"
	"movbe 0x04(%rbx), %r10d\n"
	GUEST_DONE);

static void move_forms(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	run_guest(f, moves);
	r = regs(f);
	assert_int_equal(f->dev[0], 0x5a);
	assert_int_equal(dev64(f, 8), ~1ull);
	assert_int_equal(f->dev[0x10], 0x77);
	assert_int_equal(r.rcx, 0xef);
	assert_int_equal(r.rdx, 0xcdef);
	assert_int_equal(r.rsi, 0xffffffef);
	assert_int_equal(r.rdi, 0xffffffffffffcdef);
	assert_int_equal(r.rbp, 0xffffffff89abcdef);
	assert_int_equal(r.r8, 0xcd66);
	assert_int_equal(r.r9, 0xcdef1234);
	assert_int_equal(r.r10, 0xefcdab89);
}

HGT_GUEST(arithmetic, 64, BASE
	"mov $0x0f, %eax\n"
	"orl %eax, 0x00(%rbx)\n"
	"andl $0x3c, 0x00(%rbx)\n"
	"xorw $0xff, 0x08(%rbx)\n"
	"addq $-1, 0x10(%rbx)\n" "pushfq\n" "pop %r8\n"
	"subb $1, 0x18(%rbx)\n" "pushfq\n" "pop %r9\n"
	"incl 0x20(%rbx)\n" "decw 0x28(%rbx)\n"
	"notl 0x30(%rbx)\n" "negl 0x38(%rbx)\n"
	"add 0x00(%rbx), %eax\n"
	"stc\n" "adcl $1, 0x40(%rbx)\n"
	"stc\n" "sbbl $1, 0x48(%rbx)\n"
	GUEST_DONE);

static void read_modify_write(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	memset(f->dev, 0, sizeof(f->dev));
	set64(f, 0x00, 0xf0);
	set64(f, 0x08, 0xffff00f0);
	set64(f, 0x20, 0xffffffff);
	set64(f, 0x30, 0x0f0f0f0f);
	set64(f, 0x38, 5);
	set64(f, 0x40, 7);
	set64(f, 0x48, 7);
	run_guest(f, arithmetic);
	r = regs(f);
	assert_int_equal(dev64(f, 0x00), 0x3c);
	assert_int_equal(dev64(f, 0x08), 0xffff000f);
	assert_int_equal(dev64(f, 0x10), ~0ull);
	assert_int_equal(r.r8 & 0xc1, 0x80);	/* SF; no CF, no ZF */
	assert_int_equal(f->dev[0x18], 0xff);
	assert_int_equal(r.r9 & 0xc1, 0x81);	/* SF and CF */
	assert_int_equal(dev64(f, 0x20), 0);
	assert_int_equal(dev64(f, 0x28), 0xffff);
	assert_int_equal(dev64(f, 0x30), 0xf0f0f0f0);
	assert_int_equal(dev64(f, 0x38), 0xfffffffb);
	assert_int_equal(r.rax, 0x0f + 0x3c);
	assert_int_equal(dev64(f, 0x40), 9);
	assert_int_equal(dev64(f, 0x48), 5);
}

HGT_GUEST(tests_, 64, BASE
	"cmpl $5, 0x00(%rbx)\n" "sete %cl\n" "setb %ch\n"
	"mov $9, %eax\n" "cmpl %eax, 0x00(%rbx)\n" "setb %dl\n"
	"testb $4, 0x00(%rbx)\n" "setnz %dh\n"
	"cmpb $0, 0x08(%rbx)\n" "setz %al\n"
	"btl $2, 0x00(%rbx)\n" "setc %ah\n"
	"mov %rax, %r8\n"
	GUEST_DONE);

static void compares(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	memset(f->dev, 0, sizeof(f->dev));
	set64(f, 0, 5);
	run_guest(f, tests_);
	r = regs(f);
	assert_int_equal(r.rcx & 0xffff, 0x0001);
	assert_int_equal(r.rdx & 0xffff, 0x0101);
	assert_int_equal(r.r8 & 0xffff, 0x0101);
	assert_int_equal(f->writes, 0);
}

HGT_GUEST(exchanges, 64, BASE
	"mov $0x1111, %eax\n" "xchg %eax, 0x00(%rbx)\n" "mov %eax, %r8d\n"
	"mov $5, %eax\n" "mov $0x77, %ecx\n"
	"lock cmpxchgl %ecx, 0x08(%rbx)\n" "setz %dl\n"
	"mov $6, %eax\n"
	"lock cmpxchgl %ecx, 0x10(%rbx)\n" "setz %dh\n" "mov %eax, %r9d\n"
	"mov $3, %esi\n" "lock xaddl %esi, 0x18(%rbx)\n"
	"lock btsl $7, 0x20(%rbx)\n" "setc %cl\n"
	"lock orl $0x100, 0x20(%rbx)\n"
	GUEST_DONE);

static void atomic_forms(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	memset(f->dev, 0, sizeof(f->dev));
	set64(f, 0x00, 0x2222);
	set64(f, 0x08, 5);
	set64(f, 0x10, 0x99);
	set64(f, 0x18, 40);
	run_guest(f, exchanges);
	r = regs(f);
	assert_int_equal(dev64(f, 0x00), 0x1111);
	assert_int_equal(r.r8, 0x2222);
	assert_int_equal(dev64(f, 0x08), 0x77);
	assert_int_equal(r.rdx & 0xffff, 0x0001);
	assert_int_equal(dev64(f, 0x10), 0x99);
	assert_int_equal(r.r9, 0x99);
	assert_int_equal(dev64(f, 0x18), 43);
	assert_int_equal(r.rsi, 40);
	assert_int_equal(dev64(f, 0x20), 0x180);
	assert_int_equal(r.rcx & 0xff, 0);
}

HGT_GUEST(strings, 64, BASE
	"cld\n"
	"mov $0x40ffc, %esi\n" "mov %ebx, %edi\n" "mov $4, %ecx\n"
	"rep movsl\n"				/* out of memory, over a page */
	"mov %rsi, %r8\n" "mov %rdi, %r9\n"
	"mov %ebx, %esi\n" "mov $0x42000, %edi\n" "mov $2, %ecx\n"
	"rep movsq\n"				/* into memory */
	"lea 0x40(%rbx), %edi\n" "mov $0xab, %eax\n" "mov $5, %ecx\n"
	"rep stosb\n"
	"std\n" "lea 0x6e(%rbx), %edi\n" "mov $0x1234, %eax\n" "mov $2, %ecx\n"
	"rep stosw\n" "cld\n"
	"lea 0x40(%rbx), %esi\n" "lodsw\n" "mov %eax, %r10d\n"
	"mov %ebx, %esi\n" "lea 0x80(%rbx), %edi\n" "movsl\n"	/* both */
	"mov %rcx, %r11\n"
	GUEST_DONE);

static void string_forms(void **state)
{
	static const char text[] = "the quick brown f";
	struct fixture *f = *state;
	struct kvm_regs r;

	memset(f->dev, 0, sizeof(f->dev));
	hgt_copy_in(f->vm, 0x40ffc, text, 16);
	run_guest(f, strings);
	r = regs(f);
	assert_memory_equal(f->dev, text, 16);
	assert_int_equal(r.r8, 0x4100c);
	assert_int_equal(r.r9, HGT_MMIO + 16);
	assert_memory_equal(hgt_ptr(f->vm, 0x42000, 16), text, 16);
	assert_memory_equal(f->dev + 0x40, "\xab\xab\xab\xab\xab\0", 6);
	assert_memory_equal(f->dev + 0x6c, "\x34\x12\x34\x12\0", 5);
	assert_int_equal(r.r10 & 0xffff, 0xabab);
	assert_memory_equal(f->dev + 0x80, text, 4);
	assert_int_equal(r.r11, 0);
}

HGT_GUEST(vectors, 64, BASE
	"movups 0x40000, %xmm0\n"
	"movups %xmm0, 0x00(%rbx)\n"
	"movdqa 0x10(%rbx), %xmm1\n"
	"movups %xmm1, 0x40010\n"
	GUEST_DONE);

/* Sixteen-byte accesses, as some drivers use them. */
static void sse_forms(void **state)
{
	static const char text[] = "0123456789abcdefFEDCBA9876543210";
	struct fixture *f = *state;

	memset(f->dev, 0, sizeof(f->dev));
	hgt_copy_in(f->vm, HGT_DATA, text, 16);
	memcpy(f->dev + 0x10, text + 16, 16);
	run_guest(f, vectors);
	assert_memory_equal(f->dev, text, 16);
	assert_memory_equal(hgt_ptr(f->vm, HGT_DATA + 0x10, 16), text + 16, 16);
}

HGT_GUEST(stack_forms, 64, BASE
	"pushq 0x00(%rbx)\n" "popq %r8\n"
	"mov $0x4242, %eax\n" "push %rax\n" "popq 0x08(%rbx)\n"
	"lea 1f(%rip), %rax\n" "mov %rax, 0x10(%rbx)\n"
	"jmp *0x10(%rbx)\n" "ud2\n"
	"1: mov $7, %eax\n" "imul 0x18(%rbx), %eax\n" "mov %eax, %r9d\n"
	"mov $3, %ecx\n" "shll %cl, 0x20(%rbx)\n" "sarl 0x28(%rbx)\n"
	"mov $1, %eax\n" "cmp $1, %eax\n" "cmove 0x30(%rbx), %rdx\n"
	"sete 0x38(%rbx)\n"
	GUEST_DONE);

static void other_forms(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	memset(f->dev, 0, sizeof(f->dev));
	set64(f, 0x00, 0x1122334455667788);
	set64(f, 0x18, 6);
	set64(f, 0x20, 3);
	set64(f, 0x28, 0x80000000);
	set64(f, 0x30, 0xfeedface12345678);
	run_guest(f, stack_forms);
	r = regs(f);
	assert_int_equal(r.r8, 0x1122334455667788);
	assert_int_equal(dev64(f, 0x08), 0x4242);
	assert_int_equal(r.r9, 42);
	assert_int_equal(dev64(f, 0x20), 24);
	assert_int_equal(dev64(f, 0x28), 0xc0000000);
	assert_int_equal(r.rdx, 0xfeedface12345678);
	assert_int_equal(f->dev[0x38], 1);
}

/* An access that straddles memory and device, and one that straddles pages. */
HGT_GUEST(straddle, 64, BASE
	"mov $0x1122334455667788, %rax\n"
	"movq %rax, 0xffc(%rbx)\n"
	"movq 0xffe(%rbx), %rcx\n"
	"mov $0x3ffffc, %edx\n" "movq %rax, (%rdx)\n" "movq (%rdx), %r8\n"
	GUEST_DONE);

static void page_straddle(void **state)
{
	struct fixture *f = *state;
	struct kvm_run *run = f->vcpu->run;
	uint32_t beyond = 0;

	memset(f->dev, 0, sizeof(f->dev));
	hgt_start_long(f->vcpu, straddle);
	for (;;) {
		assert_int_equal(hgt_run(f->vcpu), 0);
		if (run->exit_reason != KVM_EXIT_MMIO)
			break;
		if (run->mmio.phys_addr >= HGT_MMIO) {
			uint8_t *at = f->dev + (run->mmio.phys_addr - HGT_MMIO);

			if (run->mmio.is_write)
				memcpy(at, run->mmio.data, run->mmio.len);
			else
				memcpy(run->mmio.data, at, run->mmio.len);
			continue;
		}
		/* Behind the last byte of memory. */
		assert_int_equal(run->mmio.phys_addr, HGT_RAM);
		assert_int_equal(run->mmio.len, 4);
		if (run->mmio.is_write)
			memcpy(&beyond, run->mmio.data, 4);
		else
			memcpy(run->mmio.data, &beyond, 4);
	}
	assert_int_equal(run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(dev64(f, 0xffc), 0x1122334455667788);
	assert_int_equal(regs(f).rcx, 0x112233445566);
	assert_int_equal(hgt_u32(f->vm, HGT_RAM - 4), 0x55667788);
	assert_int_equal(beyond, 0x11223344);
	assert_int_equal(regs(f).r8, 0x1122334455667788);
}

/* 16-bit code reaches the device through a 4 GiB segment, as firmware does. */
HGT_GUEST(unreal, 16,
	"mov $0xd0000000, %ebx\n"
	"movl $0x1234, (%ebx)\n" "movw 2(%ebx), %ax\n" "movb $9, 4(%ebx)\n"
	"incw 4(%ebx)\n" "mov (%ebx), %eax\n" GUEST_DONE);

static void big_real_mode(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	memset(f->dev, 0, sizeof(f->dev));
	hgt_start_real(f->vcpu, unreal);
	hgt_get_sregs(f->vcpu, &s);
	s.ds.limit = 0xffffffff;
	s.ds.g = 1;
	hgt_set_sregs(f->vcpu, &s);
	assert_int_equal(serve(f), 0x1234);
	assert_int_equal(f->dev[4], 10);
}

/* MMIO is no page fault of the guest: CR2 stays as it was. */
static void no_page_fault(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	memset(f->dev, 0x5a, sizeof(f->dev));
	run_guest(f, moves);
	hgt_get_sregs(f->vcpu, &s);
	assert_int_equal(s.cr2, 0);	/* no #PF reached the guest */
}

#define t(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(addressing_forms),
		t(move_forms),
		t(read_modify_write),
		t(compares),
		t(atomic_forms),
		t(string_forms),
		t(sse_forms),
		t(other_forms),
		t(page_straddle),
		t(big_real_mode),
		t(no_page_fault),
	};

	return hgt_main(tests);
}
