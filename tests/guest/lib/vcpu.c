// SPDX-License-Identifier: Apache-2.0
/* Registers of a virtual CPU, and running it. */
#include <signal.h>
#include <time.h>

#include "hgt.h"

void hgt_get_regs(struct hgt_vcpu *vcpu, struct kvm_regs *regs)
{
	hgt_ok(vcpu->fd, KVM_GET_REGS, regs);
}

void hgt_set_regs(struct hgt_vcpu *vcpu, const struct kvm_regs *regs)
{
	hgt_ok(vcpu->fd, KVM_SET_REGS, regs);
}

void hgt_get_sregs(struct hgt_vcpu *vcpu, struct kvm_sregs *sregs)
{
	hgt_ok(vcpu->fd, KVM_GET_SREGS, sregs);
}

void hgt_set_sregs(struct hgt_vcpu *vcpu, const struct kvm_sregs *sregs)
{
	hgt_ok(vcpu->fd, KVM_SET_SREGS, sregs);
}

/* struct kvm_msrs with room for one entry. */
union one_msr {
	struct kvm_msrs m;
	uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

int hgt_try_get_msr(struct hgt_vcpu *vcpu, uint32_t index, uint64_t *value)
{
	union one_msr u = { .m.nmsrs = 1 };
	int r;

	u.m.entries[0].index = index;
	r = ioctl(vcpu->fd, KVM_GET_MSRS, &u);
	if (r == 1)
		*value = u.m.entries[0].data;
	return r < 0 ? -errno : r;
}

uint64_t hgt_get_msr(struct hgt_vcpu *vcpu, uint32_t index)
{
	uint64_t value = 0;
	int r = hgt_try_get_msr(vcpu, index, &value);

	if (r != 1)
		fail_msg("KVM_GET_MSRS of %#x: %d", index, r);
	return value;
}

int hgt_set_msr(struct hgt_vcpu *vcpu, uint32_t index, uint64_t value)
{
	union one_msr u = { .m.nmsrs = 1 };
	int r;

	u.m.entries[0].index = index;
	u.m.entries[0].data = value;
	r = ioctl(vcpu->fd, KVM_SET_MSRS, &u);
	return r < 0 ? -errno : r;
}

int hgt_run(struct hgt_vcpu *vcpu)
{
	return ioctl(vcpu->fd, KVM_RUN, 0) ? -errno : 0;
}

static void on_stop(int sig)
{
	(void)sig;
}

int hgt_run_for(struct hgt_vcpu *vcpu, unsigned int ms)
{
	struct sigaction sa = { .sa_handler = on_stop };
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR2,
	};
	/* Again and again, lest the first come before KVM_RUN does. */
	struct itimerspec when = {
		.it_value = { ms / 1000, (long)(ms % 1000) * 1000000 },
		.it_interval = { 0, 100000000 },
	};
	timer_t timer;
	int r;

	assert_int_equal(sigaction(SIGUSR2, &sa, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &ev, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &when, NULL), 0);
	r = hgt_run(vcpu);
	assert_int_equal(timer_delete(timer), 0);
	return r;
}

const char *hgt_exit_name(uint32_t reason)
{
	static const char *const names[] = {
		"UNKNOWN", "EXCEPTION", "IO", "HYPERCALL", "DEBUG", "HLT",
		"MMIO", "IRQ_WINDOW_OPEN", "SHUTDOWN", "FAIL_ENTRY", "INTR",
		"SET_TPR", "TPR_ACCESS", "13", "14", "15", "NMI",
		"INTERNAL_ERROR",
	};

	if (reason < sizeof(names) / sizeof(names[0]))
		return names[reason];
	return reason == KVM_EXIT_SYSTEM_EVENT ? "SYSTEM_EVENT" : "other";
}

static void describe_exit(struct hgt_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	const struct hgt_fault *f = hgt_ptr(vcpu->vm, HGT_FAULT, sizeof(*f));
	struct kvm_regs r;

	print_error("  got exit %u (%s)", run->exit_reason,
		    hgt_exit_name(run->exit_reason));
	if (run->exit_reason == KVM_EXIT_IO)
		print_error(" port %#x size %u count %u dir %u", run->io.port,
			    run->io.size, run->io.count, run->io.direction);
	if (run->exit_reason == KVM_EXIT_IO && run->io.port == HGT_PORT_FAULT)
		print_error(" = guest exception %lu error %#lx rip %#lx cr2 %#lx",
			    (unsigned long)f->vector, (unsigned long)f->error,
			    (unsigned long)f->rip, (unsigned long)f->cr2);
	if (run->exit_reason == KVM_EXIT_MMIO)
		print_error(" address %#llx len %u write %u",
			    run->mmio.phys_addr, run->mmio.len,
			    run->mmio.is_write);
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		print_error(" suberror %u", run->internal.suberror);
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		print_error(" reason %#llx",
			    run->fail_entry.hardware_entry_failure_reason);
	if (!ioctl(vcpu->fd, KVM_GET_REGS, &r))
		print_error(", rip %#llx rax %#llx rcx %#llx", r.rip, r.rax,
			    r.rcx);
	print_error("\n");
}

void hgt_expect_named(struct hgt_vcpu *vcpu, uint32_t reason,
		      const char *name, const char *file, int line)
{
	int r;

	do {
		r = hgt_run(vcpu);
	} while (r == -EINTR && !vcpu->run->immediate_exit);
	if (r) {
		print_error("%s:%d: KVM_RUN: %s, expected %s\n", file, line,
			    strerror(-r), name);
		_fail(file, line);
	}
	if (vcpu->run->exit_reason != reason) {
		print_error("%s:%d: expected %s\n", file, line, name);
		describe_exit(vcpu);
		_fail(file, line);
	}
}

void *hgt_pio_data(struct hgt_vcpu *vcpu)
{
	return (uint8_t *)vcpu->run + vcpu->run->io.data_offset;
}

static uint32_t expect_port(struct hgt_vcpu *vcpu, uint16_t port,
			    const char *file, int line)
{
	struct kvm_run *run = vcpu->run;
	uint32_t value;

	hgt_expect_named(vcpu, KVM_EXIT_IO, "a port write", file, line);
	if (run->io.port != port || run->io.size != 4 || run->io.count != 1 ||
	    run->io.direction != KVM_EXIT_IO_OUT) {
		print_error("%s:%d: expected a write to port %#x\n", file,
			    line, port);
		describe_exit(vcpu);
		_fail(file, line);
	}
	memcpy(&value, hgt_pio_data(vcpu), sizeof(value));
	return value;
}

uint32_t hgt_expect_done_at(struct hgt_vcpu *vcpu, const char *file, int line)
{
	return expect_port(vcpu, HGT_PORT_DONE, file, line);
}

const struct hgt_fault *hgt_expect_fault_at(struct hgt_vcpu *vcpu,
					    unsigned int vector,
					    const char *file, int line)
{
	const struct hgt_fault *f = hgt_ptr(vcpu->vm, HGT_FAULT, sizeof(*f));
	uint32_t got = expect_port(vcpu, HGT_PORT_FAULT, file, line);

	if (got != vector) {
		print_error("%s:%d: expected guest exception %u\n", file, line,
			    vector);
		describe_exit(vcpu);
		_fail(file, line);
	}
	return f;
}
