// SPDX-License-Identifier: Apache-2.0
#include "vcpu.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioapic.h"
#include "util.h"
#include "vm.h"

#define KICK_SIGNAL	SIGUSR1

#define CR0_PE	0x00000001u
#define CR0_ET	0x00000010u
#define CR0_NE	0x00000020u
#define CR0_PG	0x80000000u
#define CR4_PAE	0x00000020u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u

#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MTRR_ENABLE	(1u << 11)
#define MTRR_WB		6u

const char *const vcpu_count_name[CNT_MAX] = {
	[CNT_EXITS] = "exits", [CNT_PIO] = "pio", [CNT_MMIO] = "mmio", [CNT_HLT] = "hlt",
	[CNT_INTR] = "interrupted", [CNT_IRQWIN] = "irq_window", [CNT_OTHER] = "other",
};

static void on_kick(int sig)
{
	(void)sig;	/* its only purpose is to interrupt KVM_RUN */
}

int vcpu_signal_setup(void)
{
	struct sigaction sa = { .sa_handler = on_kick };

	return sigaction(KICK_SIGNAL, &sa, NULL) < 0 ? -errno : 0;
}

/*
 * Firmware would leave the MTRRs enabled with write-back memory; without that
 * Linux turns off its page attribute table. Not fatal: some modules ignore it.
 */
static void set_mtrr(struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[1];
	} msrs = {
		.head.nmsrs = 1,
		.entry[0] = { .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ENABLE | MTRR_WB },
	};

	if (ioctl(vcpu->fd, KVM_SET_MSRS, &msrs) != 1 && vcpu->index == 0)
		hg_warn("the MTRR default type cannot be set; the guest may run without PAT");
}

int vcpu_create(struct vm *vm, struct vcpu *vcpu, unsigned int index)
{
	struct kvm_cpuid2 *cpuid;
	int ret;

	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->run = NULL;
	vcpu->has_thread = false;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0) {
		hg_err("KVM_CREATE_VCPU(%u): %s", index, strerror(errno));
		return -errno;
	}
	vcpu->run = mmap(NULL, (size_t)vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		hg_err("cannot map the run page of vCPU %u: %s", index, strerror(errno));
		return -errno;
	}
	cpuid = cpuid_build(vm, index);
	if (!cpuid)
		return -ENOTSUP;
	ret = ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0 ? -errno : 0;
	free(cpuid);
	if (ret) {
		hg_err("KVM_SET_CPUID2(%u): %s", index, strerror(-ret));
		return ret;
	}
	set_mtrr(vcpu);
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->has_thread)
		pthread_join(vcpu->thread, NULL);
	vcpu->has_thread = false;
	if (vcpu->run)
		munmap(vcpu->run, (size_t)vcpu->vm->run_size);
	vcpu->run = NULL;
	if (vcpu->vm && vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->fd = -1;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool long_mode)
{
	return (struct kvm_segment){
		.base = 0, .limit = 0xffffffff, .selector = selector, .type = type,
		.present = 1, .dpl = 0, .s = 1, .g = 1,
		.l = long_mode, .db = !long_mode,
	};
}

static void set_sregs(struct kvm_sregs *s, const struct boot_entry *e)
{
	bool lm = e->mode == BOOT_LINUX64;
	/* Selectors as the Linux boot protocol wants them: __BOOT_CS, __BOOT_DS. */
	struct kvm_segment data = flat_segment(0x18, 3, false);

	s->cs = flat_segment(0x10, 11, lm);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){ .selector = 0x20, .type = 11, .present = 1, .limit = 0x67 };
	s->ldt = (struct kvm_segment){ .unusable = 1 };
	s->gdt.base = e->gdt;
	s->gdt.limit = 5 * 8 - 1;
	s->idt.base = 0;
	s->idt.limit = 0;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE;
	s->cr4 = 0;
	s->efer = 0;
	if (lm) {
		s->cr0 |= CR0_PG;
		s->cr3 = e->cr3;
		s->cr4 = CR4_PAE;
		s->efer = EFER_LME | EFER_LMA;
	}
}

int vcpu_set_entry(struct vcpu *vcpu, const struct boot_entry *entry)
{
	struct kvm_regs regs = { .rflags = 2, .rip = entry->rip };
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0) {
		hg_err("KVM_GET_SREGS: %s", strerror(errno));
		return -errno;
	}
	set_sregs(&sregs, entry);
	if (entry->mode == BOOT_LINUX64)
		regs.rsi = entry->arg;
	else
		regs.rbx = entry->arg;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0) {
		hg_err("cannot set the boot registers: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static void count(struct vcpu *vcpu, enum vcpu_count c)
{
	atomic_fetch_add_explicit(&vcpu->count[c], 1, memory_order_relaxed);
}

static void handle_pio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	unsigned int size = run->io.size, i;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	count(vcpu, CNT_PIO);
	for (i = 0; i < run->io.count; i++, data += size) {
		uint64_t v = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&v, data, size);
			bus_write(&vcpu->vm->pio, run->io.port, v, size);
		} else {
			v = bus_read(&vcpu->vm->pio, run->io.port, size);
			memcpy(data, &v, size);
		}
	}
}

static void handle_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t v = 0;

	count(vcpu, CNT_MMIO);
	if (run->mmio.len > 8)
		return;
	if (run->mmio.is_write) {
		memcpy(&v, run->mmio.data, run->mmio.len);
		bus_write(&vcpu->vm->mmio, run->mmio.phys_addr, v, run->mmio.len);
	} else {
		v = bus_read(&vcpu->vm->mmio, run->mmio.phys_addr, run->mmio.len);
		memcpy(run->mmio.data, &v, run->mmio.len);
	}
}

static void dump_state(struct vcpu *vcpu)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &r) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0)
		return;
	hg_err("vCPU %u: rip %llx rsp %llx rflags %llx rax %llx rbx %llx rcx %llx rdx %llx "
	       "rsi %llx rdi %llx cs %x cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx",
	       vcpu->index, r.rip, r.rsp, r.rflags, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi,
	       s.cs.selector, s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
}

static void crash(struct vcpu *vcpu)
{
	dump_state(vcpu);
	vm_ask(vcpu->vm, REQ_CRASH);
}

static void handle_shutdown(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	/*
	 * Linux reboots by a triple fault when told to, so this is a reset; but
	 * who asked for --reboot exit wants to hear of a crash.
	 */
	if (vm->cfg->reboot_exit) {
		hg_err("vCPU %u: triple fault", vcpu->index);
		crash(vcpu);
	} else {
		hg_guest_err("vCPU %u: triple fault, resetting", vcpu->index);
		vm_ask(vm, REQ_RESET);
	}
}

static void handle_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_ask(vcpu->vm, REQ_POWEROFF);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_ask(vcpu->vm, REQ_RESET);
		break;
	default:
		hg_err("vCPU %u: system event %u", vcpu->index, vcpu->run->system_event.type);
		crash(vcpu);
	}
}

static void handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	count(vcpu, CNT_EXITS);
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		handle_pio(vcpu);
		return;
	case KVM_EXIT_MMIO:
		handle_mmio(vcpu);
		return;
	case KVM_EXIT_INTR:
		count(vcpu, CNT_INTR);
		return;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		count(vcpu, CNT_IRQWIN);
		return;
	case KVM_EXIT_HLT:
		/* Only without an in-kernel LAPIC; we never configure that. */
		count(vcpu, CNT_HLT);
		return;
	}
	count(vcpu, CNT_OTHER);
	switch (run->exit_reason) {
	case KVM_EXIT_IOAPIC_EOI:
		if (vcpu->vm->ioapic)
			ioapic_eoi(vcpu->vm->ioapic, run->eoi.vector);
		return;
	case KVM_EXIT_SHUTDOWN:
		handle_shutdown(vcpu);
		return;
	case KVM_EXIT_SYSTEM_EVENT:
		handle_system_event(vcpu);
		return;
	case KVM_EXIT_FAIL_ENTRY:
		hg_err("vCPU %u: the CPU refused the guest state, hardware reason 0x%llx",
		       vcpu->index,
		       (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		hg_err("vCPU %u: the kernel gave up (suberror %u)", vcpu->index,
		       run->internal.suberror);
		break;
	default:
		hg_err("vCPU %u: unexpected exit reason %u", vcpu->index, run->exit_reason);
	}
	crash(vcpu);
}

/*
 * Wait while the machine is paused or a request is pending. False: leave.
 * vcpu_kick() comes after the change of state, and immediate_exit is cleared
 * before the state is read here, so no change can be missed.
 */
static bool may_run(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	bool ret;

	vcpu->run->immediate_exit = 0;
	pthread_mutex_lock(&vm->lock);
	if (vm->state == VM_PAUSED || atomic_load(&vm->request) != REQ_NONE) {
		vm->parked++;
		pthread_cond_broadcast(&vm->changed);
		while (vm->state == VM_PAUSED ||
		       (vm->state == VM_RUNNING && atomic_load(&vm->request) != REQ_NONE))
			pthread_cond_wait(&vm->changed, &vm->lock);
		vm->parked--;
	}
	ret = vm->state == VM_RUNNING;
	pthread_mutex_unlock(&vm->lock);
	return ret;
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;
	char name[16];
	bool check = true;

	snprintf(name, sizeof(name), "vcpu-%u", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	for (;;) {
		if (check && !may_run(vcpu))
			return NULL;
		check = false;
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN) {
				check = true;
				continue;
			}
			hg_err("vCPU %u: KVM_RUN: %s", vcpu->index, strerror(errno));
			vm_ask(vcpu->vm, REQ_HOST);
			check = true;
			continue;
		}
		handle_exit(vcpu);
		if (atomic_load_explicit(&vcpu->vm->request, memory_order_relaxed) != REQ_NONE)
			check = true;
	}
}

int vcpu_start(struct vcpu *vcpu)
{
	int ret = pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu);

	if (ret) {
		hg_err("cannot start the thread of vCPU %u: %s", vcpu->index, strerror(ret));
		return -ret;
	}
	vcpu->has_thread = true;
	return 0;
}

void vcpu_kick(struct vcpu *vcpu)
{
	if (!vcpu->run)
		return;
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (vcpu->has_thread)
		pthread_kill(vcpu->thread, KICK_SIGNAL);
}
