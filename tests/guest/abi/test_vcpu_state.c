// SPDX-License-Identifier: Apache-2.0
/* The state of a vCPU as user space sets and gets it, and what is refused. */
#include <stdlib.h>
#include <unistd.h>

#include "hgt.h"

#define MSR_TSC		0x10
#define MSR_APIC_BASE	0x1b
#define MSR_SYSENTER_CS	0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_PAT		0x277
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_CSTAR	0xc0000083
#define MSR_SFMASK	0xc0000084
#define MSR_FS_BASE	0xc0000100
#define MSR_GS_BASE	0xc0000101
#define MSR_KERNEL_GS	0xc0000102
#define MSR_NONE	0x12345678

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

/* ---- creation ---- */

static void vcpu_ids(void **state)
{
	struct fixture *f = *state;
	struct hgt_vcpu *other;

	hgt_refused(f->vm->fd, KVM_CREATE_VCPU, 0, EEXIST);
	hgt_refused(f->vm->fd, KVM_CREATE_VCPU, -1, EINVAL);
	hgt_refused(f->vm->fd, KVM_CREATE_VCPU, 0x40000000, EINVAL);
	other = hgt_vcpu_new(f->vm, 7);
	hgt_refused(f->vm->fd, KVM_CREATE_VCPU, 7, EEXIST);
	hgt_vcpu_free(other);
	/* A vCPU lives as long as its VM, even when its descriptor is closed. */
	hgt_refused(f->vm->fd, KVM_CREATE_VCPU, 7, EEXIST);
}

static void too_many_vcpus(void **state)
{
	struct fixture *f = *state;
	int max = hgt_cap(KVM_CAP_MAX_VCPUS), fd[64], i;

	if (max > 64)
		max = 64;
	for (i = 1; i < max; i++)
		fd[i] = hgt_ok(f->vm->fd, KVM_CREATE_VCPU, i);
	if (hgt_cap(KVM_CAP_MAX_VCPUS) == max) {
		assert_int_equal(ioctl(f->vm->fd, KVM_CREATE_VCPU, max), -1);
		assert_int_equal(errno, EINVAL);
	}
	for (i = 1; i < max; i++)
		assert_int_equal(close(fd[i]), 0);
}

/* ---- general registers ---- */

HGT_GUEST(shuffle, 64,
	"xchg %rax, %r8\n" "xchg %rbx, %r9\n" "xchg %rcx, %r10\n"
	"xchg %rdx, %r11\n" "xchg %rsi, %r12\n" "xchg %rdi, %r13\n"
	"xchg %rbp, %r14\n" "inc %r15\n" "hlt\n");

static void registers(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r, g;
	__u64 *p = (__u64 *)&r;
	int i;

	hgt_start_long(f->vcpu, shuffle);
	hgt_get_regs(f->vcpu, &r);
	for (i = 0; i < 16; i++)
		p[i] = 0x0101010101010101ull * (i + 1);
	r.rsp = HGT_STACKS + 0x1000;
	hgt_set_regs(f->vcpu, &r);
	hgt_get_regs(f->vcpu, &g);
	assert_memory_equal(&r, &g, sizeof(r));
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
	hgt_get_regs(f->vcpu, &g);
	assert_int_equal(g.rax, r.r8);
	assert_int_equal(g.r8, r.rax);
	assert_int_equal(g.rbx, r.r9);
	assert_int_equal(g.rcx, r.r10);
	assert_int_equal(g.rdx, r.r11);
	assert_int_equal(g.rsi, r.r12);
	assert_int_equal(g.rdi, r.r13);
	assert_int_equal(g.rbp, r.r14);
	assert_int_equal(g.r15, r.r15 + 1);
	assert_int_equal(g.rsp, r.rsp);
	hgt_refused(f->vcpu->fd, KVM_SET_REGS, 8, EFAULT);
	hgt_refused(f->vcpu->fd, KVM_GET_REGS, 8, EFAULT);
	hgt_get_regs(f->vcpu, &r);
	assert_memory_equal(&r, &g, sizeof(r));
}

/* Bit 1 of RFLAGS reads as one whatever is written (AMD APM 1, 3.1.4). */
static void rflags_fixed_bit(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	hgt_get_regs(f->vcpu, &r);
	r.rflags = 0x240;
	hgt_set_regs(f->vcpu, &r);
	hgt_get_regs(f->vcpu, &r);
	assert_int_equal(r.rflags, 0x242);
}

/* ---- special registers ---- */

static void reset_state(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;
	struct kvm_regs r;

	hgt_get_sregs(f->vcpu, &s);
	hgt_get_regs(f->vcpu, &r);
	assert_int_equal(r.rip, 0xfff0);
	assert_int_equal(r.rflags, 2);
	assert_int_equal(s.cs.base, 0xffff0000);
	assert_int_equal(s.cs.selector, 0xf000);
	assert_int_equal(s.cr0, 0x60000010);
	assert_int_equal(s.cr3, 0);
	assert_int_equal(s.cr4, 0);
	assert_int_equal(s.efer, 0);
	assert_int_equal(s.idt.limit, 0xffff);
	assert_int_equal(s.gdt.limit, 0xffff);
	assert_int_equal(s.apic_base & 0xfffff800, 0xfee00800);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_PAT), 0x0007040600070406);
}

static void sregs_round_trip(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s, g;

	hgt_mode_long(f->vcpu);
	hgt_get_sregs(f->vcpu, &s);
	s.fs.base = 0x7000123456780000 >> 8;
	s.gs.base = 0xffff888000001000ull;
	s.fs.selector = HGT_UDS;
	s.fs.dpl = 3;
	s.ldt.base = 0x5000;
	s.ldt.limit = 0x17;
	s.ldt.type = 2;
	s.ldt.present = 1;
	s.ldt.selector = 0x48;
	s.cr2 = 0x123456789abc;
	s.cr8 = 7;
	s.gdt.base = 0xffff800000001000ull;
	hgt_set_sregs(f->vcpu, &s);
	hgt_get_sregs(f->vcpu, &g);
	assert_int_equal(g.fs.base, s.fs.base);
	assert_int_equal(g.fs.selector, s.fs.selector);
	assert_int_equal(g.fs.dpl, 3);
	assert_int_equal(g.gs.base, s.gs.base);
	assert_int_equal(g.ldt.base, 0x5000);
	assert_int_equal(g.ldt.limit, 0x17);
	assert_int_equal(g.cr2, s.cr2);
	assert_int_equal(g.cr8, 7);
	assert_int_equal(g.gdt.base, s.gdt.base);
	assert_int_equal(g.cs.l, 1);
	assert_int_equal(g.cs.db, 0);
	assert_int_equal(g.tr.base, HGT_TSS);
	assert_int_equal(g.efer, s.efer);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_GS_BASE), s.gs.base);
}

#define CR0_PG	0x80000000ull
#define CR4_PAE	0x20ull
#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull

enum sreg { CR0_CLEAR, CR4_SET, CR4_CLEAR, EFER_CLEAR, CR3_SET, CS_L };

static void sregs_refused(void **state)
{
	static const struct {
		const char *what;
		enum sreg where;
		uint64_t bits;
	} bad[] = {
		{ "long mode without PAE", CR4_CLEAR, CR4_PAE },
		{ "long mode paging without LMA", EFER_CLEAR, EFER_LMA },
		{ "LMA without paging", CR0_CLEAR, CR0_PG },
		{ "64-bit CS outside long mode", EFER_CLEAR, EFER_LME | EFER_LMA },
		{ "reserved CR4 bit 31", CR4_SET, 1ull << 31 },
		{ "reserved CR4 bit 63", CR4_SET, 1ull << 63 },
		{ "CR3 beyond the physical addresses", CR3_SET, 1ull << 60 },
	};
	struct fixture *f = *state;
	struct kvm_sregs good, s;
	unsigned int i;

	hgt_start_long(f->vcpu, shuffle);
	hgt_get_sregs(f->vcpu, &good);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = good;
		switch (bad[i].where) {
		case CR0_CLEAR:
			s.cr0 &= ~bad[i].bits;
			break;
		case CR4_SET:
			s.cr4 |= bad[i].bits;
			break;
		case CR4_CLEAR:
			s.cr4 &= ~bad[i].bits;
			break;
		case EFER_CLEAR:
			s.efer &= ~bad[i].bits;
			break;
		case CR3_SET:
			s.cr3 |= bad[i].bits;
			break;
		case CS_L:
			s.cs.l = 1;
			break;
		}
		if (!ioctl(f->vcpu->fd, KVM_SET_SREGS, &s))
			fail_msg("accepted: %s", bad[i].what);
		if (errno != EINVAL)
			fail_msg("%s: %s", bad[i].what, strerror(errno));
		hgt_get_sregs(f->vcpu, &s);
		if (memcmp(&s, &good, sizeof(s)))
			fail_msg("refused, but changed: %s", bad[i].what);
	}
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/* ---- MSRs ---- */

union msrs {
	struct kvm_msrs m;
	uint8_t room[sizeof(struct kvm_msrs) + 8 * sizeof(struct kvm_msr_entry)];
};

static void msr_round_trip(void **state)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msr[] = {
		/* 32 bits, for what AMD processors keep of the SYSENTER ones. */
		{ MSR_SYSENTER_CS, 0x10 },
		{ MSR_SYSENTER_ESP, 0x12345678 },
		{ MSR_SYSENTER_EIP, 0x81000000 },
		{ MSR_STAR, 0x0023001000000000 },
		{ MSR_LSTAR, 0xffffffff81800000 },
		{ MSR_CSTAR, 0xffffffff81800010 },
		{ MSR_SFMASK, 0x257fd5 },
		{ MSR_FS_BASE, 0x7f0011223344 },
		{ MSR_GS_BASE, 0xffff888011111111 },
		{ MSR_KERNEL_GS, 0x7f0055555555 },
		{ MSR_PAT, 0x0407050600070106 },
	};
	struct fixture *f = *state;
	unsigned int i, n = sizeof(msr) / sizeof(msr[0]);

	for (i = 0; i < n; i++)
		assert_int_equal(hgt_set_msr(f->vcpu, msr[i].index,
					     msr[i].value), 1);
	for (i = 0; i < n; i++)
		assert_int_equal(hgt_get_msr(f->vcpu, msr[i].index),
				 msr[i].value);
}

/* KVM_SET_MSRS stops at the first it refuses and says how many it took. */
static void msr_partial(void **state)
{
	struct fixture *f = *state;
	union msrs u;
	int r;

	memset(&u, 0, sizeof(u));
	assert_int_equal(ioctl(f->vcpu->fd, KVM_SET_MSRS, &u), 0);
	assert_int_equal(ioctl(f->vcpu->fd, KVM_GET_MSRS, &u), 0);

	assert_int_equal(hgt_set_msr(f->vcpu, MSR_CSTAR, 0x1111), 1);
	u.m.nmsrs = 3;
	u.m.entries[0].index = MSR_LSTAR;
	u.m.entries[0].data = 0x2222;
	u.m.entries[1].index = MSR_NONE;
	u.m.entries[2].index = MSR_CSTAR;
	u.m.entries[2].data = 0x3333;
	r = ioctl(f->vcpu->fd, KVM_SET_MSRS, &u);
	assert_int_equal(r, 1);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_LSTAR), 0x2222);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_CSTAR), 0x1111);
	u.m.entries[0].data = 0;
	r = ioctl(f->vcpu->fd, KVM_GET_MSRS, &u);
	assert_int_equal(r, 1);
	assert_int_equal(u.m.entries[0].data, 0x2222);

	/* A non-canonical address, reserved memory types. */
	assert_int_equal(hgt_set_msr(f->vcpu, MSR_LSTAR, 1ull << 62), 0);
	assert_int_equal(hgt_set_msr(f->vcpu, MSR_PAT, 0x0202020202020202), 0);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_LSTAR), 0x2222);

	u.m.nmsrs = 1 << 20;
	hgt_refused(f->vcpu->fd, KVM_SET_MSRS, &u, E2BIG);
	hgt_refused(f->vcpu->fd, KVM_GET_MSRS, &u, E2BIG);
	u.m.nmsrs = ~0u;
	hgt_refused(f->vcpu->fd, KVM_SET_MSRS, &u, E2BIG);
	hgt_refused(f->vcpu->fd, KVM_SET_MSRS, 8, EFAULT);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_LSTAR), 0x2222);
}

static void efer_reserved(void **state)
{
	struct fixture *f = *state;
	uint64_t before = hgt_get_msr(f->vcpu, MSR_EFER);

	assert_int_equal(hgt_set_msr(f->vcpu, MSR_EFER, 1ull << 40), 0);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_EFER), before);
	assert_int_equal(hgt_set_msr(f->vcpu, MSR_EFER, 1), 1);
	assert_int_equal(hgt_get_msr(f->vcpu, MSR_EFER), 1);
}

static void tsc_follows(void **state)
{
	struct fixture *f = *state;
	uint64_t a, b;

	assert_int_equal(hgt_set_msr(f->vcpu, MSR_TSC, 1ull << 50), 1);
	a = hgt_get_msr(f->vcpu, MSR_TSC);
	usleep(2000);
	b = hgt_get_msr(f->vcpu, MSR_TSC);
	assert_true(a >= 1ull << 50);
	assert_true(b > a);
	assert_true(b < (1ull << 50) + (1ull << 42));
}

/* ---- CPUID ---- */

static struct kvm_cpuid2 *cpuid_room(uint32_t nent)
{
	struct kvm_cpuid2 *c;

	c = calloc(1, sizeof(*c) + nent * sizeof(c->entries[0]));
	assert_non_null(c);
	c->nent = nent;
	return c;
}

/* Loop: CPUID of %esi:%edi, results at HGT_DATA. */
HGT_GUEST(cpuid_loop, 64,
	"1: mov %esi, %eax\n" "mov %edi, %ecx\n" "cpuid\n"
	"mov %eax, 0x40000\n" "mov %ebx, 0x40004\n"
	"mov %ecx, 0x40008\n" "mov %edx, 0x4000c\n"
	GUEST_DONE "jmp 1b\n");

static void guest_cpuid(struct fixture *f, uint32_t leaf, uint32_t index)
{
	struct kvm_regs r;

	hgt_get_regs(f->vcpu, &r);
	r.rip = HGT_CODE;
	r.rsi = leaf;
	r.rdi = index;
	hgt_set_regs(f->vcpu, &r);
	hgt_expect_done(f->vcpu);
}

static void cpuid_is_what_was_set(void **state)
{
	struct fixture *f = *state;
	struct kvm_cpuid2 *c = cpuid_room(256);
	uint32_t i;

	hgt_ok(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 0) {
			memcpy(&c->entries[i].ebx, "Hype", 4);
			memcpy(&c->entries[i].edx, "rGPU", 4);
			memcpy(&c->entries[i].ecx, "Test", 4);
		}
	}
	i = c->nent++;
	c->entries[i] = (struct kvm_cpuid_entry2){ .function = 0x40000100,
		.eax = 1, .ebx = 2, .ecx = 3, .edx = 4 };
	hgt_ok(f->vcpu->fd, KVM_SET_CPUID2, c);
	hgt_start_long(f->vcpu, cpuid_loop);
	guest_cpuid(f, 0, 0);
	assert_memory_equal(hgt_ptr(f->vm, HGT_DATA + 4, 4), "Hype", 4);
	assert_memory_equal(hgt_ptr(f->vm, HGT_DATA + 8, 4), "Test", 4);
	assert_memory_equal(hgt_ptr(f->vm, HGT_DATA + 12, 4), "rGPU", 4);
	guest_cpuid(f, 0x40000100, 77);
	assert_int_equal(hgt_u32(f->vm, HGT_DATA), 1);
	assert_int_equal(hgt_u32(f->vm, HGT_DATA + 4), 2);
	assert_int_equal(hgt_u32(f->vm, HGT_DATA + 8), 3);
	assert_int_equal(hgt_u32(f->vm, HGT_DATA + 12), 4);
	free(c);
}

static void cpuid_refused(void **state)
{
	struct fixture *f = *state;
	struct kvm_cpuid2 *c = cpuid_room(256), *g = cpuid_room(256);

	hgt_ok(f->vcpu->fd, KVM_GET_CPUID2, c);
	assert_true(c->nent > 4);
	memcpy(g, c, sizeof(*c) + c->nent * sizeof(c->entries[0]));
	g->nent = 1 << 20;
	hgt_refused(f->vcpu->fd, KVM_SET_CPUID2, g, E2BIG);
	g->nent = ~0u;
	hgt_refused(f->vcpu->fd, KVM_SET_CPUID2, g, E2BIG);
	hgt_refused(f->vcpu->fd, KVM_SET_CPUID2, 8, EFAULT);
	g->nent = 1;
	hgt_refused(f->vcpu->fd, KVM_GET_CPUID2, g, E2BIG);
	g->nent = 256;
	hgt_ok(f->vcpu->fd, KVM_GET_CPUID2, g);
	assert_int_equal(g->nent, c->nent);
	assert_memory_equal(g->entries, c->entries,
			    c->nent * sizeof(c->entries[0]));
	free(c);
	free(g);
}

/* ---- FPU, XSAVE, XCR0 ---- */

static void fpu(void **state)
{
	struct fixture *f = *state;
	struct kvm_fpu a, b;

	hgt_ok(f->vcpu->fd, KVM_GET_FPU, &a);
	assert_int_equal(a.fcw, 0x37f);
	a.fcw = 0x27f;
	memset(a.xmm[5], 0x5a, 16);
	hgt_ok(f->vcpu->fd, KVM_SET_FPU, &a);
	hgt_ok(f->vcpu->fd, KVM_GET_FPU, &b);
	assert_int_equal(b.fcw, 0x27f);
	assert_memory_equal(b.xmm[5], a.xmm[5], 16);
	hgt_refused(f->vcpu->fd, KVM_SET_FPU, 8, EFAULT);
}

static void xsave(void **state)
{
	struct fixture *f = *state;
	struct kvm_xsave a, b;

	hgt_need_cap(KVM_CAP_XSAVE);
	hgt_ok(f->vcpu->fd, KVM_GET_XSAVE, &a);
	/* XMM0 at 160, XSTATE_BV at 512 (AMD APM 1, 16.5.9). */
	memset((uint8_t *)&a + 160, 0xc3, 16);
	*(uint64_t *)((uint8_t *)&a + 512) |= 3;
	hgt_ok(f->vcpu->fd, KVM_SET_XSAVE, &a);
	hgt_ok(f->vcpu->fd, KVM_GET_XSAVE, &b);
	assert_memory_equal((uint8_t *)&b + 160, (uint8_t *)&a + 160, 16);

	/* A component that does not exist, and a MXCSR with reserved bits. */
	a = b;
	*(uint64_t *)((uint8_t *)&a + 512) |= 1ull << 61;
	hgt_refused(f->vcpu->fd, KVM_SET_XSAVE, &a, EINVAL);
	a = b;
	*(uint32_t *)((uint8_t *)&a + 24) = 0xffff0000;
	hgt_refused(f->vcpu->fd, KVM_SET_XSAVE, &a, EINVAL);
	hgt_refused(f->vcpu->fd, KVM_SET_XSAVE, 8, EFAULT);
	hgt_ok(f->vcpu->fd, KVM_GET_XSAVE, &a);
	assert_memory_equal((uint8_t *)&b + 160, (uint8_t *)&a + 160, 16);
}

static void xcrs(void **state)
{
	struct fixture *f = *state;
	struct kvm_xcrs x, y;

	hgt_need_cap(KVM_CAP_XCRS);
	hgt_ok(f->vcpu->fd, KVM_GET_XCRS, &x);
	assert_int_equal(x.nr_xcrs, 1);
	assert_int_equal(x.xcrs[0].xcr, 0);
	assert_int_equal(x.xcrs[0].value, 1);
	x.xcrs[0].value = 3;
	hgt_ok(f->vcpu->fd, KVM_SET_XCRS, &x);
	x.xcrs[0].value = 2;		/* x87 may not be off */
	hgt_refused(f->vcpu->fd, KVM_SET_XCRS, &x, EINVAL);
	x.xcrs[0].value = 5;		/* AVX without SSE */
	hgt_refused(f->vcpu->fd, KVM_SET_XCRS, &x, EINVAL);
	x.xcrs[0].value = 3;
	x.flags = 1;
	hgt_refused(f->vcpu->fd, KVM_SET_XCRS, &x, EINVAL);
	x.flags = 0;
	x.nr_xcrs = 100;
	hgt_refused(f->vcpu->fd, KVM_SET_XCRS, &x, EINVAL);
	hgt_ok(f->vcpu->fd, KVM_GET_XCRS, &y);
	assert_int_equal(y.xcrs[0].value, 3);
}

/* ---- events, debug registers, MP state, LAPIC ---- */

static void events(void **state)
{
	struct fixture *f = *state;
	struct kvm_vcpu_events e, g;

	hgt_need_cap(KVM_CAP_VCPU_EVENTS);
	hgt_start_long(f->vcpu, shuffle);
	hgt_ok(f->vcpu->fd, KVM_GET_VCPU_EVENTS, &e);
	assert_int_equal(e.exception.injected, 0);
	assert_int_equal(e.nmi.pending, 0);
	hgt_ok(f->vcpu->fd, KVM_SET_VCPU_EVENTS, &e);
	g = e;
	g.flags = 0x80000000;
	hgt_refused(f->vcpu->fd, KVM_SET_VCPU_EVENTS, &g, EINVAL);
	g = e;
	g.exception.injected = 1;
	g.exception.nr = 32;
	hgt_refused(f->vcpu->fd, KVM_SET_VCPU_EVENTS, &g, EINVAL);
	g.exception.nr = 2;	/* an NMI is not an exception */
	hgt_refused(f->vcpu->fd, KVM_SET_VCPU_EVENTS, &g, EINVAL);
	hgt_refused(f->vcpu->fd, KVM_SET_VCPU_EVENTS, 8, EFAULT);
	hgt_ok(f->vcpu->fd, KVM_GET_VCPU_EVENTS, &g);
	assert_memory_equal(&e, &g, sizeof(e));
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/* An exception handed in by user space is delivered to the guest. */
static void injected_exception(void **state)
{
	struct fixture *f = *state;
	const struct hgt_fault *fault;
	struct kvm_vcpu_events e;

	hgt_need_cap(KVM_CAP_VCPU_EVENTS);
	hgt_start_long(f->vcpu, shuffle);
	hgt_ok(f->vcpu->fd, KVM_GET_VCPU_EVENTS, &e);
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x1230;
	hgt_ok(f->vcpu->fd, KVM_SET_VCPU_EVENTS, &e);
	fault = hgt_expect_fault(f->vcpu, 13);
	assert_int_equal(fault->error, 0x1230);
	assert_int_equal(fault->rip, HGT_CODE);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

static void debug_registers(void **state)
{
	struct fixture *f = *state;
	struct kvm_debugregs d, g;

	hgt_need_cap(KVM_CAP_DEBUGREGS);
	hgt_ok(f->vcpu->fd, KVM_GET_DEBUGREGS, &d);
	assert_int_equal(d.dr6, 0xffff0ff0);
	assert_int_equal(d.dr7, 0x400);
	d.db[0] = 0x1234;
	d.db[3] = 0xffff888000000000ull;
	d.dr7 = 0x401;
	hgt_ok(f->vcpu->fd, KVM_SET_DEBUGREGS, &d);
	hgt_ok(f->vcpu->fd, KVM_GET_DEBUGREGS, &g);
	assert_int_equal(g.db[0], 0x1234);
	assert_int_equal(g.db[3], 0xffff888000000000ull);
	assert_int_equal(g.dr7, 0x401);
	d.db[0] = 0x9999;
	d.flags = 1;
	hgt_refused(f->vcpu->fd, KVM_SET_DEBUGREGS, &d, EINVAL);
	d.flags = 0;
	d.dr7 = 1ull << 40;
	hgt_refused(f->vcpu->fd, KVM_SET_DEBUGREGS, &d, EINVAL);
	d.dr7 = 0x400;
	d.dr6 = 1ull << 40;
	hgt_refused(f->vcpu->fd, KVM_SET_DEBUGREGS, &d, EINVAL);
	hgt_ok(f->vcpu->fd, KVM_GET_DEBUGREGS, &g);
	assert_int_equal(g.db[0], 0x1234);
	assert_int_equal(g.dr7, 0x401);
}

static void mp_state_without_lapic(void **state)
{
	struct fixture *f = *state;
	struct kvm_mp_state m;

	hgt_ok(f->vcpu->fd, KVM_GET_MP_STATE, &m);
	assert_int_equal(m.mp_state, KVM_MP_STATE_RUNNABLE);
	hgt_ok(f->vcpu->fd, KVM_SET_MP_STATE, &m);
	m.mp_state = KVM_MP_STATE_UNINITIALIZED;
	hgt_refused(f->vcpu->fd, KVM_SET_MP_STATE, &m, EINVAL);
	m.mp_state = 77;
	hgt_refused(f->vcpu->fd, KVM_SET_MP_STATE, &m, EINVAL);
	hgt_ok(f->vcpu->fd, KVM_GET_MP_STATE, &m);
	assert_int_equal(m.mp_state, KVM_MP_STATE_RUNNABLE);
}

static void lapic_without_lapic(void **state)
{
	struct fixture *f = *state;
	struct kvm_lapic_state l;

	memset(&l, 0, sizeof(l));
	hgt_refused(f->vcpu->fd, KVM_GET_LAPIC, &l, EINVAL);
	hgt_refused(f->vcpu->fd, KVM_SET_LAPIC, &l, EINVAL);
}

static void tsc_khz(void **state)
{
	struct fixture *f = *state;
	int khz;

	hgt_need_cap(KVM_CAP_GET_TSC_KHZ);
	khz = hgt_ok(f->vcpu->fd, KVM_GET_TSC_KHZ, 0);
	assert_in_range(khz, 1000, 10000000);
	hgt_ok(f->vcpu->fd, KVM_SET_TSC_KHZ, khz);
	assert_int_equal(hgt_ok(f->vcpu->fd, KVM_GET_TSC_KHZ, 0), khz);
}

static void translate(void **state)
{
	struct fixture *f = *state;
	struct kvm_translation t = { .linear_address = 0x41234 };

	hgt_mode_long(f->vcpu);
	if (ioctl(f->vcpu->fd, KVM_TRANSLATE, &t)) {
		assert_true(errno == ENOTTY || errno == EINVAL);
		skip();
	}
	assert_true(t.valid);
	assert_int_equal(t.physical_address, 0x41234);
	t.linear_address = 0x7f0000000000;
	hgt_ok(f->vcpu->fd, KVM_TRANSLATE, &t);
	assert_false(t.valid);
}

#define t(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(vcpu_ids),
		t(too_many_vcpus),
		t(registers),
		t(rflags_fixed_bit),
		t(reset_state),
		t(sregs_round_trip),
		t(sregs_refused),
		t(msr_round_trip),
		t(msr_partial),
		t(efer_reserved),
		t(tsc_follows),
		t(cpuid_is_what_was_set),
		t(cpuid_refused),
		t(fpu),
		t(xsave),
		t(xcrs),
		t(events),
		t(injected_exception),
		t(debug_registers),
		t(mp_state_without_lapic),
		t(lapic_without_lapic),
		t(tsc_khz),
		t(translate),
	};

	return hgt_main(tests);
}
