// SPDX-License-Identifier: Apache-2.0
/* Interrupts as the guest sees them: LAPIC timer, IPIs, NMI, several vCPUs. */
#include <pthread.h>
#include <stdlib.h>

#include "hgt.h"

#define MSR_APIC_BASE	0x1b
#define X2APIC_ENABLED	0xfee00c00

#define MAX_VCPUS	16

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu[MAX_VCPUS];
	unsigned int n;
};

static unsigned int chips_offered(void)
{
	if (hgt_cap(KVM_CAP_IRQCHIP))
		return HGT_IRQCHIP_ON;
	if (hgt_cap(KVM_CAP_SPLIT_IRQCHIP))
		return HGT_IRQCHIP_SPLIT;
	return HGT_IRQCHIP_OFF;
}

static int setup_n(void **state, unsigned int n)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	if (!f)
		return -1;
	f->vm = hgt_vm_new(chips_offered());
	for (f->n = 0; f->n < n; f->n++) {
		f->vcpu[f->n] = hgt_vcpu_new(f->vm, f->n);
		/* No INIT and SIPI: they start where the host says. */
		if (f->vm->chips != HGT_IRQCHIP_OFF)
			hgt_ok(f->vcpu[f->n]->fd, KVM_SET_MP_STATE, &runnable);
	}
	*state = f;
	return 0;
}

static int setup_1(void **state)
{
	return setup_n(state, 1);
}

static int setup_2(void **state)
{
	return setup_n(state, 2);
}

static int setup_16(void **state)
{
	return setup_n(state, MAX_VCPUS);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < f->n; i++)
		hgt_vcpu_free(f->vcpu[i]);
	hgt_vm_free(f->vm);
	free(f);
	return 0;
}

#define need_lapic(f)						\
	do {							\
		if ((f)->vm->chips == HGT_IRQCHIP_OFF)		\
			skip();					\
	} while (0)

/* A CPUID feature bit of the first vCPU, as the guest has it. */
static bool cpuid_ecx1(unsigned int bit)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	bool set = false;
	uint32_t i;

	assert_non_null(c);
	c->nent = 256;
	hgt_ok(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 1)
			set = c->entries[i].ecx & 1u << bit;
	free(c);
	return set;
}

#define LAPIC_ON							\
	"mov $0xfee000f0, %edx\n" "movl $0x1ff, (%rdx)\n"		\
	"mov $0xfee00350, %edx\n" "movl $0x10000, (%rdx)\n"		\
	"movl $2, 0xd800\n"
#define COUNT55 "0xd400 + 4 * 0x55"
/* Halt until the counter of vector 0x55 is at least @n. */
#define WAIT55(n)							\
	"8: cli\n" "cmpl $" #n ", " COUNT55 "\n" "jae 9f\n"		\
	"sti\n" "hlt\n" "jmp 8b\n" "9: cli\n"

HGT_GUEST(oneshot, 64, LAPIC_ON
	"mov $0xfee003e0, %edx\n" "movl $0xb, (%rdx)\n"
	"mov $0xfee00320, %edx\n" "movl $0x55, (%rdx)\n"
	"mov $0xfee00380, %edx\n" "movl $300000, (%rdx)\n"
	WAIT55(1)
	"mov $0xfee00390, %edx\n" "mov (%rdx), %eax\n" GUEST_DONE
	"mov " COUNT55 ", %eax\n" GUEST_DONE);

static void timer_one_shot(void **state)
{
	struct fixture *f = *state;

	need_lapic(f);
	hgt_start_long(f->vcpu[0], oneshot);
	assert_int_equal(hgt_expect_done(f->vcpu[0]), 0);	/* expired */
	assert_int_equal(hgt_expect_done(f->vcpu[0]), 1);
}

HGT_GUEST(periodic, 64, LAPIC_ON
	"mov $0xfee003e0, %edx\n" "movl $0xb, (%rdx)\n"
	"mov $0xfee00320, %edx\n" "movl $0x20055, (%rdx)\n"
	"mov $0xfee00380, %edx\n" "movl $3000000, (%rdx)\n"
	WAIT55(4)
	"mov $0xfee00320, %edx\n" "movl $0x10055, (%rdx)\n"	/* mask */
	"mov " COUNT55 ", %eax\n" GUEST_DONE);

static void timer_periodic(void **state)
{
	struct fixture *f = *state;

	need_lapic(f);
	hgt_start_long(f->vcpu[0], periodic);
	assert_in_range(hgt_expect_done(f->vcpu[0]), 4, 1000);
}

HGT_GUEST(deadline, 64, LAPIC_ON
	"mov $0xfee00320, %edx\n" "movl $0x40055, (%rdx)\n"
	"mfence\n"
	"rdtsc\n" "shl $32, %rdx\n" "or %rdx, %rax\n" "add $300000, %rax\n"
	"mov %rax, %rsi\n"
	"mov %rax, %rdx\n" "shr $32, %rdx\n" "mov $0x6e0, %ecx\n" "wrmsr\n"
	WAIT55(1)
	"rdtsc\n" "shl $32, %rdx\n" "or %rdx, %rax\n"
	"cmp %rsi, %rax\n" "setae %dil\n"
	"mov $0x6e0, %ecx\n" "rdmsr\n" GUEST_DONE	/* zero once it fired */
	"movzbl %dil, %eax\n" GUEST_DONE);

static void timer_tsc_deadline(void **state)
{
	struct fixture *f = *state;
	struct kvm_cpuid2 *c;
	uint32_t i;

	need_lapic(f);
	hgt_need_cap(KVM_CAP_TSC_DEADLINE_TIMER);
	c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	assert_non_null(c);
	c->nent = 256;
	hgt_ok(hgt_sys(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 1)
			c->entries[i].ecx |= 1u << 24;
	hgt_ok(f->vcpu[0]->fd, KVM_SET_CPUID2, c);
	free(c);
	hgt_start_long(f->vcpu[0], deadline);
	assert_int_equal(hgt_expect_done(f->vcpu[0]), 0);
	assert_int_equal(hgt_expect_done(f->vcpu[0]), 1);
}

/* The higher priority first, and none below the task priority. */
HGT_GUEST(priorities, 64, LAPIC_ON
	"mov $0xfee00080, %edx\n" "movl $0x60, (%rdx)\n"	/* TPR */
	"mov $0xfee00310, %edx\n" "movl $0, (%rdx)\n"
	"mov $0xfee00300, %edx\n"
	"movl $0x4055, (%rdx)\n" "movl $0x4077, (%rdx)\n"
	"sti\n" "nop\n" "nop\n" "cli\n"
	"mov " COUNT55 ", %eax\n" GUEST_DONE
	"mov 0xd400 + 4 * 0x77, %eax\n" GUEST_DONE
	"xor %eax, %eax\n" "mov %rax, %cr8\n"
	"sti\n" "nop\n" "nop\n" "cli\n"
	"mov " COUNT55 ", %eax\n" GUEST_DONE);

static uint32_t done_past_tpr(struct hgt_vcpu *vcpu)
{
	do {
		assert_int_equal(hgt_run(vcpu), 0);
	} while (vcpu->run->exit_reason == KVM_EXIT_SET_TPR);
	assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(vcpu->run->io.port, HGT_PORT_DONE);
	return *(uint32_t *)hgt_pio_data(vcpu);
}

static void task_priority(void **state)
{
	struct fixture *f = *state;

	need_lapic(f);
	hgt_start_long(f->vcpu[0], priorities);
	assert_int_equal(done_past_tpr(f->vcpu[0]), 0);
	assert_int_equal(done_past_tpr(f->vcpu[0]), 1);
	assert_int_equal(done_past_tpr(f->vcpu[0]), 1);
}

/* STI keeps interrupts off for one more instruction (AMD APM 3, STI). */
HGT_GUEST(sti_shadow, 64, LAPIC_ON
	"mov $0xfee00310, %edx\n" "movl $0, (%rdx)\n"
	"mov $0xfee00300, %edx\n" "movl $0x4055, (%rdx)\n"
	"sti\n" "cli\n"
	"mov " COUNT55 ", %eax\n" GUEST_DONE
	"sti\n" "nop\n" "cli\n"
	"mov " COUNT55 ", %eax\n" GUEST_DONE);

static void interrupt_shadow(void **state)
{
	struct fixture *f = *state;

	need_lapic(f);
	hgt_start_long(f->vcpu[0], sti_shadow);
	assert_int_equal(hgt_expect_done(f->vcpu[0]), 0);
	assert_int_equal(hgt_expect_done(f->vcpu[0]), 1);
}

/*
 * An NMI in an NMI handler waits for IRET. The handler at 0x11000 asks for a
 * second NMI from the host (port 0xf6) and counts at 0x40000 after that.
 */
HGT_GUEST(nmi_main, 64,
	"mov $1, %eax\n" GUEST_DONE
	"nop\n"
	"mov 0x40000, %eax\n" GUEST_DONE
	"mov 0x40004, %eax\n" GUEST_DONE);
HGT_GUEST(nmi_handler, 64,
	"push %rax\n"
	"incl 0x40000\n"
	"mov 0x40000, %eax\n"
	"out %eax, $0xf6\n"
	"mov 0x40000, %eax\n" "mov %eax, 0x40004(,%rax,4)\n"
	"pop %rax\n" "iretq\n");

static void nmi_blocked_until_iret(void **state)
{
	struct fixture *f = *state;
	struct hgt_vcpu *v = f->vcpu[0];
	uint64_t *idt;

	hgt_load(f->vm, 0x11000, nmi_handler);
	hgt_start_long(v, nmi_main);
	idt = hgt_ptr(f->vm, HGT_IDT, 4096);
	idt[4] = 0x1000 | HGT_CS64 << 16 | 0x8e0000000000ull | 1ull << 48;
	assert_int_equal(hgt_expect_done(v), 1);
	if (ioctl(v->fd, KVM_NMI, 0)) {
		assert_int_equal(hgt_cap(KVM_CAP_USER_NMI), 0);
		skip();
	}
	hgt_expect(v, KVM_EXIT_IO);
	assert_int_equal(v->run->io.port, 0xf6);
	assert_int_equal(*(uint32_t *)hgt_pio_data(v), 1);
	/* Twice, while one is being handled: one is kept. */
	hgt_ok(v->fd, KVM_NMI, 0);
	hgt_ok(v->fd, KVM_NMI, 0);
	hgt_expect(v, KVM_EXIT_IO);
	assert_int_equal(v->run->io.port, 0xf6);
	assert_int_equal(*(uint32_t *)hgt_pio_data(v), 2);
	/* The first had ended when the second began: it wrote its 1. */
	assert_int_equal(hgt_u32(f->vm, 0x40008), 1);
	assert_int_equal(hgt_expect_done(v), 2);
}

/* ---- several vCPUs ---- */

/* Halts in x2APIC mode; each interrupt is told at 0x41000 + 4 * id. */
HGT_GUEST(ipi_receiver, 64,
	"mov $0x80f, %ecx\n" "mov $0x1ff, %eax\n" "xor %edx, %edx\n" "wrmsr\n"
	"mov $0x802, %ecx\n" "rdmsr\n" "mov %eax, %ebx\n"
	"movl $1, 0x42000(,%rbx,4)\n"		/* ready */
	"1: cli\n" "mov " COUNT55 ", %eax\n" "cmp $8, %eax\n" "jae 2f\n"
	"sti\n" "hlt\n" "jmp 1b\n"
	"2: cli\n" GUEST_DONE);
HGT_GUEST(ipi_sender, 64,
	"mov $0x80f, %ecx\n" "mov $0x1ff, %eax\n" "xor %edx, %edx\n" "wrmsr\n"
	"movl $4, 0xd800\n"			/* HGT_EOI_X2APIC */
	"1: cmpl $0, 0x42004\n" "pause\n" "je 1b\n"
	"xor %ebx, %ebx\n"
	"2: mov $0x830, %ecx\n" "mov $0x4055, %eax\n" "mov $1, %edx\n" "wrmsr\n"
	"inc %ebx\n"
	"3: pause\n" "cmp %ebx, " COUNT55 "\n" "jb 3b\n"
	"cmp $8, %ebx\n" "jb 2b\n"
	"mov %ebx, %eax\n" GUEST_DONE);

static void *run_to_done(void *arg)
{
	struct hgt_vcpu *v = arg;
	int r;

	do {
		r = hgt_run(v);
	} while (r == -EINTR || r == -EAGAIN);	/* EAGAIN: was not started yet */
	if (r || v->run->exit_reason != KVM_EXIT_IO ||
	    v->run->io.port != HGT_PORT_DONE)
		return (void *)(intptr_t)-1;
	return (void *)(intptr_t)*(uint32_t *)hgt_pio_data(v);
}

static void start_at(struct hgt_vcpu *v, uint64_t rip, uint64_t rdi)
{
	struct kvm_regs r;

	hgt_mode_long(v);
	hgt_get_regs(v, &r);
	r.rip = rip;
	r.rdi = rdi;
	hgt_set_regs(v, &r);
}

static void x2apic_ipi(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *result;
	unsigned int i;

	need_lapic(f);
	if (!cpuid_ecx1(21))
		skip();
	hgt_load(f->vm, HGT_CODE, ipi_sender);
	hgt_load(f->vm, 0x11000, ipi_receiver);
	start_at(f->vcpu[0], HGT_CODE, 0);
	start_at(f->vcpu[1], 0x11000, 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(hgt_set_msr(f->vcpu[i], MSR_APIC_BASE,
			X2APIC_ENABLED | (i ? 0 : 0x100)), 1);
	assert_int_equal(pthread_create(&thread, NULL, run_to_done,
					f->vcpu[1]), 0);
	assert_int_equal((intptr_t)run_to_done(f->vcpu[0]), 8);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 8);
}

/* A vCPU that waits for SIPI is started in real mode at the vector's page. */
HGT_GUEST(sipi_sender, 64, LAPIC_ON
	"mov $0xfee00310, %edx\n" "movl $0x01000000, (%rdx)\n"
	"mov $0xfee00300, %edx\n" "movl $0x4500, (%rdx)\n"
	"movl $0x4612, (%rdx)\n"
	"1: pause\n" "cmpl $0x51b1, 0x40000\n" "jne 1b\n"
	"mov $1, %eax\n" GUEST_DONE);
HGT_GUEST(sipi_target, 16,
	"mov $0x4000, %ax\n" "mov %ax, %ds\n"
	"movl $0x51b1, 0\n" "mov %cs, %ax\n" "movzwl %ax, %eax\n" GUEST_DONE);

static void init_sipi(void **state)
{
	struct fixture *f = *state;
	struct kvm_mp_state m = { KVM_MP_STATE_UNINITIALIZED };
	pthread_t thread;
	void *result;

	need_lapic(f);
	hgt_load(f->vm, 0x12000, sipi_target);
	hgt_start_long(f->vcpu[0], sipi_sender);
	hgt_ok(f->vcpu[1]->fd, KVM_SET_MP_STATE, &m);
	assert_int_equal(pthread_create(&thread, NULL, run_to_done,
					f->vcpu[1]), 0);
	assert_int_equal((intptr_t)run_to_done(f->vcpu[0]), 1);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 0x1200);
	hgt_ok(f->vcpu[1]->fd, KVM_GET_MP_STATE, &m);
	assert_int_equal(m.mp_state, KVM_MP_STATE_RUNNABLE);
}

/* Sixteen vCPUs count together, 500 each, by locked additions. */
HGT_GUEST(count_up, 64,
	"mov $500, %ecx\n" "1: lock incl 0x40000\n" "loop 1b\n"
	"mov %edi, %eax\n" GUEST_DONE);

static void sixteen_vcpus(void **state)
{
	struct fixture *f = *state;
	pthread_t thread[MAX_VCPUS];
	unsigned int i;
	void *result;

	hgt_load(f->vm, HGT_CODE, count_up);
	for (i = 0; i < f->n; i++)
		start_at(f->vcpu[i], HGT_CODE, i + 1);
	for (i = 0; i < f->n; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_to_done,
						f->vcpu[i]), 0);
	for (i = 0; i < f->n; i++) {
		pthread_join(thread[i], &result);
		assert_int_equal((intptr_t)result, i + 1);
	}
	assert_int_equal(hgt_u32(f->vm, HGT_DATA), 500 * f->n);
}

#define t1(fn) cmocka_unit_test_setup_teardown(fn, setup_1, teardown)
#define t2(fn) cmocka_unit_test_setup_teardown(fn, setup_2, teardown)
#define t16(fn) cmocka_unit_test_setup_teardown(fn, setup_16, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t1(timer_one_shot),
		t1(timer_periodic),
		t1(timer_tsc_deadline),
		t1(task_priority),
		t1(interrupt_shadow),
		t1(nmi_blocked_until_iret),
		t2(x2apic_ipi),
		t2(init_sipi),
		t16(sixteen_vcpus),
	};

	return hgt_main(tests);
}
