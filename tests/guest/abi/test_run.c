// SPDX-License-Identifier: Apache-2.0
/* KVM_RUN and the run page: port I/O, MMIO, HLT, interruption, bad states. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hgt.h"

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
	struct kvm_run *run;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->vm = hgt_vm_new(HGT_IRQCHIP_OFF);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	f->run = f->vcpu->run;
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

static void expect_io(struct fixture *f, unsigned int dir, uint16_t port,
		      unsigned int size, unsigned int count)
{
	hgt_expect(f->vcpu, KVM_EXIT_IO);
	assert_int_equal(f->run->io.direction, dir);
	assert_int_equal(f->run->io.port, port);
	assert_int_equal(f->run->io.size, size);
	assert_int_equal(f->run->io.count, count);
}

/* ---- port I/O ---- */

HGT_GUEST(port_sizes, 16,
	"mov $0x11223344, %eax\n"
	"mov $0x5678, %dx\n"
	"outb %al, $0x10\n"
	"outw %ax, $0x12\n"
	"outl %eax, $0x14\n"
	"outb %al, %dx\n"
	"outw %ax, %dx\n"
	"outl %eax, %dx\n"
	"mov $0xaaaaaaaa, %eax\n"
	"inb $0x20, %al\n" GUEST_DONE
	"mov $0xaaaaaaaa, %eax\n"
	"inw $0x22, %ax\n" GUEST_DONE
	"mov $0xaaaaaaaa, %eax\n"
	"inl %dx, %eax\n" GUEST_DONE);

static void port_io(void **state)
{
	static const unsigned int size[] = { 1, 2, 4, 1, 2, 4 };
	static const uint16_t port[] = { 0x10, 0x12, 0x14, 0x5678, 0x5678, 0x5678 };
	static const uint32_t value[] = { 0x44, 0x3344, 0x11223344 };
	static const uint32_t after[] = { 0xaaaaaa5c, 0xaaaa5b5c, 0x595a5b5c };
	static const uint16_t in_port[] = { 0x20, 0x22, 0x5678 };
	struct fixture *f = *state;
	const uint32_t answer = 0x595a5b5c;
	uint32_t got;
	int i;

	hgt_start_real(f->vcpu, port_sizes);
	for (i = 0; i < 6; i++) {
		expect_io(f, KVM_EXIT_IO_OUT, port[i], size[i], 1);
		got = 0;
		memcpy(&got, hgt_pio_data(f->vcpu), size[i]);
		assert_int_equal(got, value[i % 3]);
	}
	for (i = 0; i < 3; i++) {
		expect_io(f, KVM_EXIT_IO_IN, in_port[i], size[i], 1);
		memcpy(hgt_pio_data(f->vcpu), &answer, size[i]);
		assert_int_equal(hgt_expect_done(f->vcpu), after[i]);
	}
}

/* Completion of an IN happens on the next KVM_RUN, not before. */
static void port_in_completes_on_entry(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	hgt_start_real(f->vcpu, port_sizes);
	do {
		hgt_expect(f->vcpu, KVM_EXIT_IO);
	} while (f->run->io.direction == KVM_EXIT_IO_OUT);
	*(uint8_t *)hgt_pio_data(f->vcpu) = 0x77;
	f->run->immediate_exit = 1;
	assert_int_equal(hgt_run(f->vcpu), -EINTR);
	f->run->immediate_exit = 0;
	hgt_get_regs(f->vcpu, &r);
	assert_int_equal(r.rax, 0xaaaaaa77);
	*(uint8_t *)hgt_pio_data(f->vcpu) = 0x99;
	assert_int_equal(hgt_expect_done(f->vcpu), 0xaaaaaa77);
}

/*
 * String output and input, 64-bit: the host may get it in pieces of any
 * count, and the data must be whole, also across a page boundary and
 * backwards.
 */
HGT_GUEST(string_io, 64,
	"cld\n"
	"mov $0x41ff3, %esi\n"
	"mov $0x77, %edx\n"
	"mov $26, %ecx\n"
	"rep outsb\n"
	"mov $0x41ff4, %edi\n"
	"mov $13, %ecx\n"
	"rep insw\n"
	"mov $0x41ff8, %esi\n"
	"mov $4, %ecx\n"
	"rep outsl\n"
	"std\n"
	"mov $0x43001, %esi\n"
	"mov $4, %ecx\n"
	"rep outsb\n"
	"cld\n"
	"mov $0, %ecx\n"
	"rep outsb\n"
	"mov %esi, %eax\n"
	GUEST_DONE
	"mov %edi, %eax\n"
	GUEST_DONE);

static void string_out(struct fixture *f, unsigned int size, uint8_t *buf,
		       unsigned int n)
{
	unsigned int done = 0;

	while (done < n) {
		hgt_expect(f->vcpu, KVM_EXIT_IO);
		assert_int_equal(f->run->io.direction, KVM_EXIT_IO_OUT);
		assert_int_equal(f->run->io.port, 0x77);
		assert_int_equal(f->run->io.size, size);
		assert_in_range(f->run->io.count, 1, n - done);
		memcpy(buf + done * size, hgt_pio_data(f->vcpu),
		       (size_t)size * f->run->io.count);
		done += f->run->io.count;
	}
}

static void string_in(struct fixture *f, unsigned int size, const uint8_t *buf,
		      unsigned int n)
{
	unsigned int done = 0;

	while (done < n) {
		hgt_expect(f->vcpu, KVM_EXIT_IO);
		assert_int_equal(f->run->io.direction, KVM_EXIT_IO_IN);
		assert_int_equal(f->run->io.size, size);
		assert_in_range(f->run->io.count, 1, n - done);
		memcpy(hgt_pio_data(f->vcpu), buf + done * size,
		       (size_t)size * f->run->io.count);
		done += f->run->io.count;
	}
}

static void port_strings(void **state)
{
	struct fixture *f = *state;
	const char *letters = "abcdefghijklmnopqrstuvwxyz";
	uint8_t buf[32];

	hgt_copy_in(f->vm, 0x41ff3, letters, 26);
	hgt_copy_in(f->vm, 0x42ffe, "wxyz", 4);
	hgt_start_long(f->vcpu, string_io);
	string_out(f, 1, buf, 26);
	assert_memory_equal(buf, letters, 26);
	string_in(f, 2, (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 13);
	string_out(f, 4, buf, 4);
	assert_memory_equal(buf, "EFGHIJKLMNOPQRST", 16);
	string_out(f, 1, buf, 4);
	assert_memory_equal(buf, "zyxw", 4);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x42ffd);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x41ff4 + 26);
	assert_memory_equal(hgt_ptr(f->vm, 0x41ff4, 26),
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26);
}

/* ---- MMIO ---- */

HGT_GUEST(mmio_sizes, 64,
	"mov $0xd0000000, %ebx\n"
	"mov $0x1122334455667788, %rax\n"
	"movb %al, (%rbx)\n"
	"movw %ax, 2(%rbx)\n"
	"movl %eax, 4(%rbx)\n"
	"movq %rax, 8(%rbx)\n"
	"mov $-1, %rax\n"
	"movb (%rbx), %al\n" "mov %rax, 0x40000\n"
	"mov $-1, %rax\n"
	"movw 2(%rbx), %ax\n" "mov %rax, 0x40008\n"
	"mov $-1, %rax\n"
	"movl 4(%rbx), %eax\n" "mov %rax, 0x40010\n"
	"movq 8(%rbx), %rax\n" "mov %rax, 0x40018\n"
	GUEST_DONE);

static void mmio(void **state)
{
	static const uint64_t stored[] = { 0x88, 0x7788, 0x55667788,
					   0x1122334455667788 };
	static const uint64_t loaded[] = { 0xffffffffffffffa8,
		0xffffffffffffa7a8, 0xa5a6a7a8, 0xa1a2a3a4a5a6a7a8 };
	const uint64_t answer = 0xa1a2a3a4a5a6a7a8;
	struct fixture *f = *state;
	uint64_t got;
	int i;

	hgt_start_long(f->vcpu, mmio_sizes);
	for (i = 0; i < 4; i++) {
		hgt_expect(f->vcpu, KVM_EXIT_MMIO);
		assert_true(f->run->mmio.is_write);
		assert_int_equal(f->run->mmio.len, 1 << i);
		assert_int_equal(f->run->mmio.phys_addr,
				 HGT_MMIO + (i ? 1u << i : 0));
		got = 0;
		memcpy(&got, f->run->mmio.data, 1 << i);
		assert_int_equal(got, stored[i]);
	}
	for (i = 0; i < 4; i++) {
		hgt_expect(f->vcpu, KVM_EXIT_MMIO);
		assert_false(f->run->mmio.is_write);
		assert_int_equal(f->run->mmio.len, 1 << i);
		memcpy(f->run->mmio.data, &answer, 8);
	}
	hgt_expect_done(f->vcpu);
	for (i = 0; i < 4; i++)
		assert_int_equal(hgt_u64(f->vm, HGT_DATA + 8 * i), loaded[i]);
}

/* ---- HLT, SHUTDOWN ---- */

HGT_GUEST(halts, 16, "hlt\n" "mov $3, %eax\n" GUEST_DONE "hlt\n");

/* Without an interrupt controller in the kernel, HLT is user space's. */
static void hlt_exits(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;

	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
	hgt_get_regs(f->vcpu, &r);
	assert_int_equal(r.rip, 1);
	assert_int_equal(hgt_expect_done(f->vcpu), 3);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

HGT_GUEST(undefined, 64, "ud2\n");

static void triple_fault(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	hgt_start_long(f->vcpu, undefined);
	hgt_get_sregs(f->vcpu, &s);
	s.idt.limit = 0;
	hgt_set_sregs(f->vcpu, &s);
	hgt_expect(f->vcpu, KVM_EXIT_SHUTDOWN);
	/* It is not over for good: user space may reset the vCPU. */
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/* ---- interruption ---- */

HGT_GUEST(spin, 64, "1: incl 0x40000\n jmp 1b\n");

static void immediate_exit(void **state)
{
	struct fixture *f = *state;

	hgt_start_long(f->vcpu, spin);
	f->run->immediate_exit = 1;
	assert_int_equal(hgt_run(f->vcpu), -EINTR);
	assert_int_equal(hgt_run(f->vcpu), -EINTR);
	assert_int_equal(hgt_u32(f->vm, HGT_DATA), 0);
	f->run->immediate_exit = 0;
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void catch_usr1(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	signals = 0;
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
}

struct kicker {
	struct hgt_vm *vm;
	pthread_t target;
	uint32_t seen; /* what the guest's counter was before */
};

/*
 * Signal the target once the guest is seen to run. A signal that comes before KVM_RUN does is
 * taken in user space, and nothing would end the run.
 */
static void *kick(void *arg)
{
	struct kicker *k = arg;
	volatile uint32_t *count = (volatile uint32_t *)(k->vm->ram + HGT_DATA);

	while (*count == k->seen)
		usleep(1000);
	pthread_kill(k->target, SIGUSR1);
	return NULL;
}

static void signal_interrupts(void **state)
{
	struct fixture *f = *state;
	struct kicker k = { f->vm, pthread_self(), 0 };
	pthread_t thread;
	uint32_t before;

	catch_usr1();
	hgt_start_long(f->vcpu, spin);
	assert_int_equal(pthread_create(&thread, NULL, kick, &k), 0);
	assert_int_equal(hgt_run(f->vcpu), -EINTR);
	assert_int_equal(f->run->exit_reason, KVM_EXIT_INTR);
	pthread_join(thread, NULL);
	assert_int_equal(signals, 1);
	before = hgt_u32(f->vm, HGT_DATA);
	assert_true(before > 0);
	/* It goes on where it was. */
	k.seen = before;
	assert_int_equal(pthread_create(&thread, NULL, kick, &k), 0);
	assert_int_equal(hgt_run(f->vcpu), -EINTR);
	pthread_join(thread, NULL);
	assert_true(hgt_u32(f->vm, HGT_DATA) > before);
}

union sigmask {
	struct kvm_signal_mask m;
	uint8_t room[sizeof(struct kvm_signal_mask) + 8];
};

/* A signal blocked outside and unblocked by KVM_SET_SIGNAL_MASK. */
static void signal_mask(void **state)
{
	struct fixture *f = *state;
	union sigmask u;
	sigset_t usr1, old;

	catch_usr1();
	memset(&u, 0, sizeof(u));
	u.m.len = 4;
	hgt_refused(f->vcpu->fd, KVM_SET_SIGNAL_MASK, &u, EINVAL);
	u.m.len = 16;
	hgt_refused(f->vcpu->fd, KVM_SET_SIGNAL_MASK, &u, EINVAL);
	hgt_refused(f->vcpu->fd, KVM_SET_SIGNAL_MASK, 8, EFAULT);

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &usr1, &old), 0);
	u.m.len = 8;		/* an empty mask: everything may come */
	hgt_ok(f->vcpu->fd, KVM_SET_SIGNAL_MASK, &u);
	hgt_start_long(f->vcpu, spin);
	raise(SIGUSR1);
	assert_int_equal(signals, 0);
	assert_int_equal(hgt_run(f->vcpu), -EINTR);
	/* Still pending here: the mask is the thread's own again. */
	sigpending(&usr1);
	assert_true(sigismember(&usr1, SIGUSR1) || signals == 1);
	hgt_ok(f->vcpu->fd, KVM_SET_SIGNAL_MASK, NULL);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	assert_int_equal(signals, 1);
}

/* ---- interrupts from user space ---- */

HGT_GUEST(interruptible, 64,
	"mov $1, %eax\n" GUEST_DONE
	"sti\n"
	"nop\n"
	"mov $2, %eax\n" GUEST_DONE
	"cli\n"
	"mov 0xd400 + 4 * 0x45, %eax\n" GUEST_DONE);

static void inject_interrupt(void **state)
{
	struct fixture *f = *state;
	struct kvm_interrupt irq = { .irq = 0x45 };

	hgt_start_long(f->vcpu, interruptible);
	assert_int_equal(hgt_expect_done(f->vcpu), 1);
	assert_int_equal(f->run->if_flag, 0);
	assert_int_equal(f->run->ready_for_interrupt_injection, 0);
	f->run->request_interrupt_window = 1;
	hgt_expect(f->vcpu, KVM_EXIT_IRQ_WINDOW_OPEN);
	assert_int_equal(f->run->if_flag, 1);
	assert_int_equal(f->run->ready_for_interrupt_injection, 1);
	f->run->request_interrupt_window = 0;
	hgt_ok(f->vcpu->fd, KVM_INTERRUPT, &irq);
	assert_int_equal(hgt_expect_done(f->vcpu), 2);
	assert_int_equal(hgt_expect_done(f->vcpu), 1);
}

static void bad_interrupt(void **state)
{
	struct fixture *f = *state;
	struct kvm_interrupt irq = { .irq = 256 };
	struct kvm_vcpu_events before, after;

	hgt_ok(f->vcpu->fd, KVM_GET_VCPU_EVENTS, &before);
	hgt_refused(f->vcpu->fd, KVM_INTERRUPT, &irq, EINVAL);
	irq.irq = ~0u;
	hgt_refused(f->vcpu->fd, KVM_INTERRUPT, &irq, EINVAL);
	hgt_refused(f->vcpu->fd, KVM_INTERRUPT, 8, EFAULT);
	hgt_ok(f->vcpu->fd, KVM_GET_VCPU_EVENTS, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* Every exit tells cr8, apic_base and the interrupt flag. */
HGT_GUEST(set_cr8, 64,
	"mov $5, %eax\n"
	"mov %rax, %cr8\n"
	"sti\n"
	"nop\n" GUEST_DONE
	"mov %cr8, %rax\n"
	"cli\n" GUEST_DONE);

static void run_page_fields(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	hgt_start_long(f->vcpu, set_cr8);
	hgt_get_sregs(f->vcpu, &s);
	f->run->cr8 = 0;
	do {		/* some providers tell of each CR8 write */
		hgt_run(f->vcpu);
	} while (f->run->exit_reason == KVM_EXIT_SET_TPR);
	assert_int_equal(f->run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(f->run->cr8, 5);
	assert_int_equal(f->run->if_flag, 1);
	assert_int_equal(f->run->apic_base, s.apic_base);
	f->run->cr8 = 9;
	assert_int_equal(hgt_expect_done(f->vcpu), 9);
	assert_int_equal(f->run->if_flag, 0);
	assert_int_equal(f->run->cr8, 9);
}

/* ---- bad states and garbage ---- */

/* Executing where there is no memory is an error that user space sees. */
static void code_outside_memory(void **state)
{
	struct fixture *f = *state;
	struct kvm_regs r;
	int rc;

	hgt_start_long(f->vcpu, spin);
	hgt_get_regs(f->vcpu, &r);
	r.rip = HGT_MMIO;
	hgt_set_regs(f->vcpu, &r);
	rc = hgt_run(f->vcpu);
	if (!rc)
		assert_int_equal(f->run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/* An IDT where there is no memory: shutdown or an error, but an end. */
static void idt_outside_memory(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	hgt_start_long(f->vcpu, undefined);
	hgt_get_sregs(f->vcpu, &s);
	s.idt.base = HGT_MMIO;
	hgt_set_sregs(f->vcpu, &s);
	if (!hgt_run(f->vcpu))
		assert_true(f->run->exit_reason == KVM_EXIT_SHUTDOWN ||
			    f->run->exit_reason == KVM_EXIT_INTERNAL_ERROR);
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/*
 * Page tables where there is no memory. The guest cannot go on; whether it
 * loops on the fault or is ended, user space can stop it.
 */
static void page_tables_outside_memory(void **state)
{
	struct fixture *f = *state;
	struct kvm_sregs s;

	hgt_start_long(f->vcpu, spin);
	hgt_get_sregs(f->vcpu, &s);
	s.cr3 = HGT_MMIO;
	hgt_set_sregs(f->vcpu, &s);
	if (!hgt_run_for(f->vcpu, 200))
		assert_true(f->run->exit_reason == KVM_EXIT_SHUTDOWN ||
			    f->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
			    f->run->exit_reason == KVM_EXIT_MMIO);
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/* Random bytes run as code, from random registers; the host stays whole. */
static void garbage(void **state)
{
	struct fixture *f = *state;
	unsigned int seed = 1, round, i;
	uint32_t *code = hgt_ptr(f->vm, HGT_CODE, 0x1000);
	struct kvm_regs r;

	for (round = 0; round < 200; round++) {
		if (round & 1)
			hgt_mode_long(f->vcpu);
		else
			hgt_mode_real(f->vcpu);
		for (i = 0; i < 1024; i++)
			code[i] = (uint32_t)rand_r(&seed) << 8 ^
				  (uint32_t)rand_r(&seed);
		hgt_get_regs(f->vcpu, &r);
		r.rbx = HGT_MMIO;
		r.rsi = (uint32_t)rand_r(&seed);
		r.rdi = HGT_DATA;
		hgt_set_regs(f->vcpu, &r);
		f->run->immediate_exit = 0;
		for (i = 0; i < 4; i++) {
			if (hgt_run_for(f->vcpu, 20))
				break;
			if (f->run->exit_reason == KVM_EXIT_SHUTDOWN ||
			    f->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
			    f->run->exit_reason == KVM_EXIT_FAIL_ENTRY)
				break;
		}
	}
	memset(code, 0, 0x1000);
	teardown(state);
	assert_int_equal(setup(state), 0);
	f = *state;
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
}

/* ---- the mapping of the run page ---- */

static void run_page_mapping(void **state)
{
	struct fixture *f = *state;
	size_t size = f->vcpu->run_size;
	void *p, *q;

	/* Mapped twice it is the same page. */
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->vcpu->fd, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	f->run->request_interrupt_window = 0x5a;
	assert_int_equal(((struct kvm_run *)p)->request_interrupt_window, 0x5a);
	f->run->request_interrupt_window = 0;

	/* Past its end there is nothing. */
	q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, f->vcpu->fd, 1 << 20);
	if (q != MAP_FAILED) {
		int pipe_fd[2];

		/* Mapping may succeed; touching it must not (EFAULT). */
		assert_int_equal(pipe(pipe_fd), 0);
		assert_int_equal(write(pipe_fd[1], q, 1), -1);
		assert_int_equal(errno, EFAULT);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
		munmap(q, 4096);
	}

	/* And the vCPU still runs. */
	hgt_start_real(f->vcpu, halts);
	hgt_expect(f->vcpu, KVM_EXIT_HLT);
	munmap(p, size);
}

/* Fields of the run page that user space may scribble over at any time. */
static void hostile_run_page(void **state)
{
	struct fixture *f = *state;
	unsigned int i;

	hgt_start_real(f->vcpu, port_sizes);
	for (i = 0; i < 9; i++) {
		hgt_expect(f->vcpu, KVM_EXIT_IO);
		f->run->io.size = 0xff;
		f->run->io.count = 0xffffffff;
		f->run->io.data_offset = 0xfffffffffffff000ull;
		f->run->io.port = 0xffff;
		f->run->exit_reason = 0xdeadbeef;
		f->run->io.direction ^= 1;
	}
	hgt_start_long(f->vcpu, mmio_sizes);
	for (i = 0; i < 8; i++) {
		hgt_expect(f->vcpu, KVM_EXIT_MMIO);
		f->run->mmio.len = 0xffffffff;
		f->run->mmio.phys_addr = ~0ull;
		f->run->mmio.is_write ^= 1;
	}
	hgt_expect_done(f->vcpu);
}

/* A vCPU may be run from one thread after another. */
static void *run_once(void *arg)
{
	return (void *)(intptr_t)hgt_run(arg);
}

static void other_thread(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *result;

	hgt_start_real(f->vcpu, halts);
	assert_int_equal(pthread_create(&thread, NULL, run_once, f->vcpu), 0);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 0);
	assert_int_equal(f->run->exit_reason, KVM_EXIT_HLT);
	assert_int_equal(hgt_expect_done(f->vcpu), 3);
}

#define t(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(port_io),
		t(port_in_completes_on_entry),
		t(port_strings),
		t(mmio),
		t(hlt_exits),
		t(triple_fault),
		t(immediate_exit),
		t(signal_interrupts),
		t(signal_mask),
		t(inject_interrupt),
		t(bad_interrupt),
		t(run_page_fields),
		t(code_outside_memory),
		t(idt_outside_memory),
		t(page_tables_outside_memory),
		t(garbage),
		t(run_page_mapping),
		t(hostile_run_page),
		t(other_thread),
	};

	return hgt_main(tests);
}
