// SPDX-License-Identifier: Apache-2.0
/* Interrupt controllers in the kernel: creation, routing, lines, MSI, irqfd. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hgt.h"

#define MSI_ADDR	0xfee00000	/* to APIC 0, physical */
#define LINE		5
#define VECTOR		0x55
/* KVM leaves LINT0 open to the PIC after reset: shut it. */
#define LINT0_OFF "mov $0xfee00350, %edx\n" "movl $0x10000, (%rdx)\n"

struct fixture {
	struct hgt_vm *vm;
	struct hgt_vcpu *vcpu;
};

static int setup_chips(void **state, unsigned int chips)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	if (chips == HGT_IRQCHIP_ON && !hgt_cap(KVM_CAP_IRQCHIP))
		chips = HGT_IRQCHIP_OFF;
	if (chips == HGT_IRQCHIP_SPLIT && !hgt_cap(KVM_CAP_SPLIT_IRQCHIP))
		chips = HGT_IRQCHIP_OFF;
	f->vm = hgt_vm_new(chips);
	f->vcpu = hgt_vcpu_new(f->vm, 0);
	*state = f;
	return 0;
}

static int setup_off(void **state)
{
	return setup_chips(state, HGT_IRQCHIP_OFF);
}

static int setup_on(void **state)
{
	return setup_chips(state, HGT_IRQCHIP_ON);
}

static int setup_split(void **state)
{
	return setup_chips(state, HGT_IRQCHIP_SPLIT);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	hgt_vcpu_free(f->vcpu);
	hgt_vm_free(f->vm);
	free(f);
	return 0;
}

/* Skip where the provider lacks the controllers that the test is about. */
#define need_chips(f)						\
	do {							\
		if ((f)->vm->chips == HGT_IRQCHIP_OFF)		\
			skip();					\
	} while (0)

/*
 * Enables the LAPIC, tells the host, halts until the counter of vector 0x55
 * moves, reports the counter, again and again. ebx: SVR value.
 */
HGT_GUEST(waiter, 64,
	"mov $0xfee000f0, %edx\n" "movl $0x1ff, (%rdx)\n"
	LINT0_OFF
	"movl $2, 0xd800\n"		/* HGT_EOI_XAPIC */
	"xor %eax, %eax\n" GUEST_DONE
	"1: cli\n"
	"2: mov 0xd400 + 4 * 0x55, %eax\n"
	"cmp %eax, %ebp\n" "jne 3f\n"
	"sti\n" "hlt\n" "cli\n" "jmp 2b\n"
	"3: mov %eax, %ebp\n" "sti\n" GUEST_DONE "jmp 1b\n");

static void start_waiter(struct fixture *f)
{
	hgt_start_long(f->vcpu, waiter);
	assert_int_equal(hgt_expect_done(f->vcpu), 0);
}

/* Another interrupt came, and the count is @n. */
static void expect_count(struct fixture *f, uint32_t n)
{
	assert_int_equal(hgt_expect_done(f->vcpu), n);
}

/* No interrupt comes: the guest goes on halting. */
static void expect_quiet(struct fixture *f)
{
	assert_int_equal(hgt_run_for(f->vcpu, 30), -EINTR);
}

union routes {
	struct kvm_irq_routing r;
	uint8_t room[sizeof(struct kvm_irq_routing) +
		     8 * sizeof(struct kvm_irq_routing_entry)];
};

static struct kvm_irq_routing_entry msi_route(uint32_t gsi, uint32_t data)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = MSI_ADDR, .data = data },
	};
}

static void route_line(struct fixture *f, uint32_t gsi, uint32_t vector)
{
	union routes u;

	memset(&u, 0, sizeof(u));
	u.r.nr = 1;
	u.r.entries[0] = msi_route(gsi, vector);
	hgt_ok(f->vm->fd, KVM_SET_GSI_ROUTING, &u);
}

static void set_line(struct fixture *f, uint32_t gsi, uint32_t level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	hgt_ok(f->vm->fd, KVM_IRQ_LINE, &l);
}

/* ---- refusals without controllers ---- */

static void nothing_without_chips(void **state)
{
	struct fixture *f = *state;
	struct kvm_irq_level l = { .irq = 3, .level = 1 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_msi msi = { .address_lo = MSI_ADDR, .data = VECTOR };
	struct kvm_lapic_state lapic;

	hgt_need_cap(KVM_CAP_IRQCHIP);
	hgt_refused(f->vm->fd, KVM_IRQ_LINE, &l, ENXIO);
	hgt_refused(f->vm->fd, KVM_GET_IRQCHIP, &chip, ENXIO);
	hgt_refused(f->vm->fd, KVM_SET_IRQCHIP, &chip, ENXIO);
	hgt_refused(f->vm->fd, KVM_SIGNAL_MSI, &msi, EINVAL);
	hgt_refused(f->vcpu->fd, KVM_GET_LAPIC, &lapic, EINVAL);
	/* Too late: there is a vCPU. */
	hgt_refused(f->vm->fd, KVM_CREATE_IRQCHIP, 0, EINVAL);
	hgt_refused(f->vm->fd, KVM_IRQ_LINE, &l, ENXIO);
}

static void split_refused(void **state)
{
	struct fixture *f = *state;
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP,
				      .args = { 24 } };
	int fd;

	hgt_need_cap(KVM_CAP_SPLIT_IRQCHIP);
	hgt_refused(f->vm->fd, KVM_ENABLE_CAP, &cap, EEXIST);
	fd = hgt_ok(hgt_sys(), KVM_CREATE_VM, 0);
	cap.args[0] = 1 << 20;
	hgt_refused(fd, KVM_ENABLE_CAP, &cap, EINVAL);
	cap.args[0] = 24;
	cap.flags = 1;
	hgt_refused(fd, KVM_ENABLE_CAP, &cap, EINVAL);
	cap.flags = 0;
	cap.cap = 0x7ffffff0;
	hgt_refused(fd, KVM_ENABLE_CAP, &cap, EINVAL);
	cap.cap = KVM_CAP_SPLIT_IRQCHIP;
	hgt_ok(fd, KVM_ENABLE_CAP, &cap);
	hgt_refused(fd, KVM_ENABLE_CAP, &cap, EEXIST);
	hgt_refused(fd, KVM_CREATE_IRQCHIP, 0, EEXIST);
	hgt_refused(fd, KVM_ENABLE_CAP, 8, EFAULT);
	assert_int_equal(close(fd), 0);
}

static void created_once(void **state)
{
	struct fixture *f = *state;
	struct kvm_pit_config pit = { .flags = 0 };
	int fd;

	need_chips(f);
	hgt_refused(f->vm->fd, KVM_CREATE_IRQCHIP, 0, EEXIST);
	if (hgt_cap(KVM_CAP_PIT2)) {
		fd = hgt_ok(hgt_sys(), KVM_CREATE_VM, 0);
		hgt_ok(fd, KVM_CREATE_IRQCHIP, 0);
		pit.flags = 0x80000000;
		if (ioctl(fd, KVM_CREATE_PIT2, &pit))
			assert_int_equal(errno, EINVAL);
		close(fd);
		pit.flags = 0;
		hgt_ok(f->vm->fd, KVM_CREATE_PIT2, &pit);
		hgt_refused(f->vm->fd, KVM_CREATE_PIT2, &pit, EEXIST);
	}
}

/* ---- reading the controllers ---- */

static void chip_state(void **state)
{
	struct fixture *f = *state;
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	need_chips(f);
	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	assert_int_equal(chip.chip.ioapic.base_address, 0xfec00000);
	assert_int_equal(chip.chip.ioapic.redirtbl[3].fields.mask, 1);
	chip.chip.ioapic.redirtbl[3].fields.vector = 0x77;
	hgt_ok(f->vm->fd, KVM_SET_IRQCHIP, &chip);
	memset(&chip.chip, 0, sizeof(chip.chip));
	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	assert_int_equal(chip.chip.ioapic.redirtbl[3].fields.vector, 0x77);

	chip.chip_id = KVM_IRQCHIP_PIC_MASTER;
	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.pic.irq_base = 0x30;
	chip.chip.pic.imr = 0xfe;
	hgt_ok(f->vm->fd, KVM_SET_IRQCHIP, &chip);
	chip.chip_id = KVM_IRQCHIP_PIC_SLAVE;
	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	assert_int_not_equal(chip.chip.pic.irq_base, 0x30);
	chip.chip_id = KVM_IRQCHIP_PIC_MASTER;
	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	assert_int_equal(chip.chip.pic.irq_base, 0x30);
	assert_int_equal(chip.chip.pic.imr, 0xfe);

	chip.chip_id = 17;
	hgt_refused(f->vm->fd, KVM_GET_IRQCHIP, &chip, EINVAL);
	hgt_refused(f->vm->fd, KVM_SET_IRQCHIP, &chip, EINVAL);
	hgt_refused(f->vm->fd, KVM_SET_IRQCHIP, 8, EFAULT);
}

static void pit_state(void **state)
{
	struct fixture *f = *state;
	struct kvm_pit_config pit = { .flags = 0 };
	struct kvm_pit_state2 s;

	need_chips(f);
	hgt_need_cap(KVM_CAP_PIT2);
	memset(&s, 0, sizeof(s));
	assert_int_equal(ioctl(f->vm->fd, KVM_GET_PIT2, &s), -1);
	hgt_ok(f->vm->fd, KVM_CREATE_PIT2, &pit);
	hgt_ok(f->vm->fd, KVM_GET_PIT2, &s);
	s.channels[2].mode = 3;
	s.channels[2].count = 0x1234;
	hgt_ok(f->vm->fd, KVM_SET_PIT2, &s);
	memset(&s, 0, sizeof(s));
	hgt_ok(f->vm->fd, KVM_GET_PIT2, &s);
	assert_int_equal(s.channels[2].mode, 3);
	assert_int_equal(s.channels[2].count, 0x1234);
}

static void lapic_state(void **state)
{
	struct fixture *f = *state;
	struct kvm_lapic_state l, g;

	need_chips(f);
	hgt_ok(f->vcpu->fd, KVM_GET_LAPIC, &l);
	/* Version at 0x30, the spurious vector register at 0xf0 after reset. */
	assert_in_range((uint8_t)l.regs[0x30], 0x10, 0x15);
	assert_int_equal(*(uint32_t *)&l.regs[0xf0], 0xff);
	*(uint32_t *)&l.regs[0xf0] = 0x1fe;
	*(uint32_t *)&l.regs[0x80] = 0x20;
	hgt_ok(f->vcpu->fd, KVM_SET_LAPIC, &l);
	hgt_ok(f->vcpu->fd, KVM_GET_LAPIC, &g);
	assert_int_equal(*(uint32_t *)&g.regs[0xf0], 0x1fe);
	assert_int_equal(*(uint32_t *)&g.regs[0x80], 0x20);
	hgt_refused(f->vcpu->fd, KVM_SET_LAPIC, 8, EFAULT);
	hgt_ok(f->vcpu->fd, KVM_GET_LAPIC, &l);
	assert_int_equal(*(uint32_t *)&l.regs[0xf0], 0x1fe);
}

/* ---- routing ---- */

static void routing_refused(void **state)
{
	struct fixture *f = *state;
	union routes u, bad;
	uint32_t max;

	need_chips(f);
	route_line(f, LINE, VECTOR);
	start_waiter(f);
	memset(&u, 0, sizeof(u));
	u.r.nr = 2;
	u.r.entries[0] = msi_route(LINE, VECTOR + 1);
	u.r.entries[1] = msi_route(6, VECTOR + 1);
	max = (uint32_t)hgt_cap(KVM_CAP_IRQ_ROUTING);

	bad = u;
	bad.r.flags = 1;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &bad, EINVAL);
	bad = u;
	bad.r.nr = max + 1;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &bad, EINVAL);
	bad = u;
	bad.r.nr = ~0u;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &bad, EINVAL);
	bad = u;
	bad.r.entries[1].type = 99;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &bad, EINVAL);
	bad = u;
	bad.r.entries[1].flags = 0x80;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &bad, EINVAL);
	bad = u;
	bad.r.entries[1].gsi = max;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &bad, EINVAL);
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, 8, EFAULT);
	/* The first table is still the one in force. */
	set_line(f, LINE, 1);
	expect_count(f, 1);
	set_line(f, LINE, 0);
}

static void bad_pin(void **state)
{
	struct fixture *f = *state;
	union routes u;

	need_chips(f);
	memset(&u, 0, sizeof(u));
	u.r.nr = 1;
	u.r.entries[0].gsi = 4;
	u.r.entries[0].type = KVM_IRQ_ROUTING_IRQCHIP;
	u.r.entries[0].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	u.r.entries[0].u.irqchip.pin = 100;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &u, EINVAL);
	u.r.entries[0].u.irqchip.pin = 4;
	u.r.entries[0].u.irqchip.irqchip = 9;
	hgt_refused(f->vm->fd, KVM_SET_GSI_ROUTING, &u, EINVAL);
	u.r.entries[0].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	hgt_ok(f->vm->fd, KVM_SET_GSI_ROUTING, &u);
}

/* ---- delivery ---- */

static void line_to_msi(void **state)
{
	struct fixture *f = *state;
	uint32_t i;

	need_chips(f);
	route_line(f, LINE, VECTOR);
	start_waiter(f);
	for (i = 1; i <= 5; i++) {
		set_line(f, LINE, 1);
		set_line(f, LINE, 0);
		expect_count(f, i);
	}
	expect_quiet(f);
}

static void signal_msi(void **state)
{
	struct fixture *f = *state;
	struct kvm_msi msi = { .address_lo = MSI_ADDR, .data = VECTOR };

	need_chips(f);
	hgt_need_cap(KVM_CAP_SIGNAL_MSI);
	start_waiter(f);
	msi.flags = 0x40;
	hgt_refused(f->vm->fd, KVM_SIGNAL_MSI, &msi, EINVAL);
	expect_quiet(f);
	msi.flags = 0;
	assert_true(ioctl(f->vm->fd, KVM_SIGNAL_MSI, &msi) > 0);
	expect_count(f, 1);
	/* To a LAPIC that is not there. */
	msi.address_lo = MSI_ADDR | 9 << 12;
	assert_true(ioctl(f->vm->fd, KVM_SIGNAL_MSI, &msi) <= 0);
	expect_quiet(f);
}

/* The IOAPIC: an edge pin, then a level pin with its EOI. */
static void ioapic_pin(struct fixture *f, unsigned int pin, bool level,
		       bool mask)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[pin].bits = VECTOR;
	chip.chip.ioapic.redirtbl[pin].fields.trig_mode = level;
	chip.chip.ioapic.redirtbl[pin].fields.mask = mask;
	hgt_ok(f->vm->fd, KVM_SET_IRQCHIP, &chip);
}

static void ioapic_edge(void **state)
{
	struct fixture *f = *state;

	need_chips(f);
	start_waiter(f);
	ioapic_pin(f, 10, false, false);
	set_line(f, 10, 1);
	expect_count(f, 1);
	expect_quiet(f);	/* high is no new edge */
	set_line(f, 10, 1);
	expect_quiet(f);
	set_line(f, 10, 0);
	set_line(f, 10, 1);
	expect_count(f, 2);
	set_line(f, 10, 0);
	ioapic_pin(f, 10, false, true);
	set_line(f, 10, 1);
	expect_quiet(f);	/* masked */
	set_line(f, 10, 0);
}

static void ioapic_level(void **state)
{
	struct fixture *f = *state;
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	uint32_t first, second, i;

	need_chips(f);
	start_waiter(f);
	ioapic_pin(f, 11, true, false);
	set_line(f, 11, 1);
	first = hgt_expect_done(f->vcpu);
	assert_true(first >= 1);
	/* Still high after the EOI: it comes again, until it is low. */
	second = hgt_expect_done(f->vcpu);
	assert_true(second > first);
	set_line(f, 11, 0);
	for (i = 0; i < 4 && !hgt_run_for(f->vcpu, 30); i++)
		;	/* at most what was on its way */
	assert_in_range(i, 0, 3);
	hgt_ok(f->vm->fd, KVM_GET_IRQCHIP, &chip);
	assert_int_equal(chip.chip.ioapic.redirtbl[11].fields.remote_irr, 0);
	assert_int_equal(chip.chip.ioapic.irr & 1 << 11, 0);
}

/* The 8259 pair, through the LAPIC's virtual wire. */
HGT_GUEST(pic_waiter, 64,
	"mov $0xfee000f0, %edx\n" "movl $0x1ff, (%rdx)\n"
	"mov $0xfee00350, %edx\n" "movl $0x700, (%rdx)\n"	/* LINT0: ExtINT */
	"movl $1, 0xd800\n"			/* HGT_EOI_PIC */
	"mov $0x11, %al\n" "outb %al, $0x20\n" "outb %al, $0xa0\n"
	"mov $0x50, %al\n" "outb %al, $0x21\n"
	"mov $0x58, %al\n" "outb %al, $0xa1\n"
	"mov $0x04, %al\n" "outb %al, $0x21\n"
	"mov $0x02, %al\n" "outb %al, $0xa1\n"
	"mov $0x01, %al\n" "outb %al, $0x21\n" "outb %al, $0xa1\n"
	"mov $0xdb, %al\n" "outb %al, $0x21\n"	/* 5 and 2 */
	"mov $0xfd, %al\n" "outb %al, $0xa1\n"	/* 9 */
	"xor %eax, %eax\n" GUEST_DONE
	"1: cli\n"
	"2: mov 0xd400 + 4 * 0x55, %eax\n" "mov 0xd400 + 4 * 0x59, %ecx\n"
	"shl $8, %ecx\n" "add %ecx, %eax\n"
	"cmp %eax, %ebp\n" "jne 3f\n"
	"sti\n" "hlt\n" "cli\n" "jmp 2b\n"
	"3: mov %eax, %ebp\n" "sti\n" GUEST_DONE "jmp 1b\n");

static void pic_lines(void **state)
{
	struct fixture *f = *state;

	need_chips(f);
	hgt_start_long(f->vcpu, pic_waiter);
	assert_int_equal(hgt_expect_done(f->vcpu), 0);
	set_line(f, 5, 1);
	set_line(f, 5, 0);
	assert_int_equal(hgt_expect_done(f->vcpu), 1);
	set_line(f, 9, 1);
	set_line(f, 9, 0);
	assert_int_equal(hgt_expect_done(f->vcpu), 0x101);
	set_line(f, 3, 1);	/* masked */
	expect_quiet(f);
	set_line(f, 3, 0);
}

/* The PIT's channel 0 on line 0, mode 2, a few hundred per second. */
HGT_GUEST(pit_waiter, 64,
	"mov $0xfee000f0, %edx\n" "movl $0x1ff, (%rdx)\n"
	LINT0_OFF
	"movl $2, 0xd800\n"
	"mov $0x34, %al\n" "outb %al, $0x43\n"
	"mov $0x00, %al\n" "outb %al, $0x40\n"
	"mov $0x40, %al\n" "outb %al, $0x40\n"
	"1: mov 0xd400 + 4 * 0x55, %eax\n" "cmp $5, %eax\n" "jae 2f\n"
	"sti\n" "hlt\n" "jmp 1b\n"
	"2: cli\n" GUEST_DONE);

static void pit_interrupts(void **state)
{
	struct fixture *f = *state;
	struct kvm_pit_config pit = { .flags = 0 };

	need_chips(f);
	hgt_need_cap(KVM_CAP_PIT2);
	hgt_ok(f->vm->fd, KVM_CREATE_PIT2, &pit);
	ioapic_pin(f, 0, false, false);
	hgt_start_long(f->vcpu, pit_waiter);
	assert_in_range(hgt_expect_done(f->vcpu), 5, 1000);
}

/* ---- irqfd ---- */

static void irqfd(void **state)
{
	struct fixture *f = *state;
	struct kvm_irqfd i = { .gsi = LINE };
	int fd = eventfd(0, EFD_NONBLOCK);

	need_chips(f);
	hgt_need_cap(KVM_CAP_IRQFD);
	assert_true(fd >= 0);
	route_line(f, LINE, VECTOR);
	start_waiter(f);
	i.fd = fd;
	hgt_ok(f->vm->fd, KVM_IRQFD, &i);
	assert_int_equal(eventfd_write(fd, 1), 0);
	expect_count(f, 1);
	assert_int_equal(eventfd_write(fd, 1), 0);
	expect_count(f, 2);
	hgt_refused(f->vm->fd, KVM_IRQFD, &i, EBUSY);

	i.flags = KVM_IRQFD_FLAG_DEASSIGN;
	hgt_ok(f->vm->fd, KVM_IRQFD, &i);
	assert_int_equal(eventfd_write(fd, 1), 0);
	expect_quiet(f);
	close(fd);
}

/* The eventfd closed under the irqfd: the assignment goes with it. */
static void irqfd_hangup(void **state)
{
	struct fixture *f = *state;
	struct kvm_irqfd i = { .gsi = LINE };
	int fd = eventfd(0, EFD_NONBLOCK);

	need_chips(f);
	hgt_need_cap(KVM_CAP_IRQFD);
	route_line(f, LINE, VECTOR);
	start_waiter(f);
	i.fd = fd;
	hgt_ok(f->vm->fd, KVM_IRQFD, &i);
	assert_int_equal(close(fd), 0);
	expect_quiet(f);
}

static void irqfd_refused(void **state)
{
	struct fixture *f = *state;
	struct kvm_irqfd i = { .gsi = LINE };
	int fd = eventfd(0, EFD_NONBLOCK), pipes[2];

	need_chips(f);
	hgt_need_cap(KVM_CAP_IRQFD);
	assert_int_equal(pipe(pipes), 0);
	i.fd = fd;
	i.flags = 0x100;
	hgt_refused(f->vm->fd, KVM_IRQFD, &i, EINVAL);
	i.flags = 0;
	i.fd = 9999;
	hgt_refused(f->vm->fd, KVM_IRQFD, &i, EBADF);
	i.fd = pipes[0];
	hgt_refused(f->vm->fd, KVM_IRQFD, &i, EINVAL);
	i.fd = fd;
	hgt_refused(f->vm->fd, KVM_IRQFD, 8, EFAULT);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- NMI ---- */

HGT_GUEST(nmi_waiter, 64,
	"xor %eax, %eax\n" GUEST_DONE
	"1: mov 0xd400 + 4 * 2, %eax\n" "cmp %eax, %ebp\n" "je 1b\n"
	"mov %eax, %ebp\n" GUEST_DONE "jmp 1b\n");

static void nmi(void **state)
{
	struct fixture *f = *state;
	uint32_t i;

	need_chips(f);
	hgt_start_long(f->vcpu, nmi_waiter);
	hgt_expect_done(f->vcpu);
	for (i = 1; i <= 3; i++) {
		hgt_ok(f->vcpu->fd, KVM_NMI, 0);
		assert_int_equal(hgt_expect_done(f->vcpu), i);
	}
}

/* With controllers in the kernel KVM_INTERRUPT is not user space's. */
static void interrupt_is_the_kernels(void **state)
{
	struct fixture *f = *state;
	struct kvm_interrupt irq = { .irq = VECTOR };

	need_chips(f);
	start_waiter(f);
	hgt_refused(f->vcpu->fd, KVM_INTERRUPT, &irq, ENXIO);
	expect_quiet(f);
}

#define off(fn) cmocka_unit_test_setup_teardown(fn, setup_off, teardown)
#define on(fn) cmocka_unit_test_setup_teardown(fn, setup_on, teardown)
#define split(fn) \
	{ "split_" #fn, fn, setup_split, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		off(nothing_without_chips),
		off(split_refused),
		on(created_once),
		on(chip_state),
		on(pit_state),
		on(lapic_state),
		on(routing_refused),
		on(bad_pin),
		on(line_to_msi),
		on(signal_msi),
		on(ioapic_edge),
		on(ioapic_level),
		on(pic_lines),
		on(pit_interrupts),
		on(irqfd),
		on(irqfd_hangup),
		on(irqfd_refused),
		on(nmi),
		on(interrupt_is_the_kernels),
		split(lapic_state),
		split(line_to_msi),
		split(signal_msi),
		split(irqfd),
		split(nmi),
	};

	return hgt_main(tests);
}
