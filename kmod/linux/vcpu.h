/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that run a vCPU share: vcpu.c (life and ioctls), run.c (the
 * loop), exit.c (why it came back), events.c (what goes in), mmio.c (the
 * emulator and exits to the VMM). And what they expect of their neighbours.
 */
#ifndef HGL_VCPU_H
#define HGL_VCPU_H

#include "vm.h"
#include "state.h"

/*
 * Handlers of an exit return HGL_AGAIN to enter the guest again, HGL_TO_USER
 * with vcpu->run filled in, or a negative errno for the ioctl.
 */
#define HGL_TO_USER	0
#define HGL_AGAIN	1

/* ---- run.c ---- */
int hgl_vcpu_run(struct hgl_vcpu *vcpu);	/* KVM_RUN; vcpu->mutex held */
/* Would this vCPU, halted, have something to do? Any context. */
bool hgl_vcpu_runnable(struct hgl_vcpu *vcpu);

/* ---- exit.c ---- */
int hgl_exit(struct hgl_vcpu *vcpu, enum hg_exit exit);
int hgl_internal_error(struct hgl_vcpu *vcpu, u32 suberror);

/* ---- events.c ---- */
/* Raise an exception at the next entry; two in a row make a double fault. */
void hgl_queue_exception(struct hgl_vcpu *vcpu, u32 vector, bool has_error, u32 error);
void hgl_queue_page_fault(struct hgl_vcpu *vcpu, u64 cr2, u32 error);
/* Decide what the next entry injects and which windows it asks for. */
int hgl_events_prepare(struct hgl_vcpu *vcpu);
/* After a run: what was injected is gone, what was cut short is back. */
void hgl_events_collect(struct hgl_vcpu *vcpu);
bool hgl_interrupt_allowed(struct hgl_vcpu *vcpu);
/* Handle INIT and SIPI that wait in the local APIC. */
void hgl_events_init_sipi(struct hgl_vcpu *vcpu);
void hgl_vcpu_reset_state(struct hgl_vcpu *vcpu, bool init);
long hgl_events_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg);

/* ---- mmio.c ---- */
int hgl_io_init(struct hgl_vcpu *vcpu);
void hgl_io_destroy(struct hgl_vcpu *vcpu);
/* Emulate the instruction at RIP. @gpa: the address of the exit, ~0 if none. */
int hgl_emulate(struct hgl_vcpu *vcpu, u64 gpa);
/* A port access that is no string instruction: @rip is past it. */
int hgl_port_io(struct hgl_vcpu *vcpu, u16 port, u32 size, bool in, u64 rip);
/* The VMM has answered: go on where we left. HGL_AGAIN, HGL_TO_USER (more), -errno. */
int hgl_io_complete(struct hgl_vcpu *vcpu);
bool hgl_io_pending(const struct hgl_vcpu *vcpu);
/* Forget an access in flight: registers were replaced. */
void hgl_io_cancel(struct hgl_vcpu *vcpu);
/* RIP past an instruction of @length bytes, with what completing it entails. */
void hgl_skip(struct hgl_vcpu *vcpu, u32 length);
int hgl_guest_translate(struct hgl_vcpu *vcpu, struct kvm_translation *tr);

/*
 * ---- ioctls by subject: -ENOTTY when the command is not theirs ----
 * regs.c, msr.c, cpuid.c: a vCPU's; the _system_ ones: of /dev/hypergpu.
 */
long hgl_regs_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg);
long hgl_msr_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg);
long hgl_cpuid_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg);
long hgl_msr_system_ioctl(unsigned int cmd, unsigned long arg);
long hgl_cpuid_system_ioctl(unsigned int cmd, unsigned long arg);

/* Guest RDMSR, WRMSR: 0, or 1 for #GP(0). */
int hgl_msr_read(struct hgl_vcpu *vcpu, u32 index, u64 *value, bool host);
int hgl_msr_write(struct hgl_vcpu *vcpu, u32 index, u64 value, bool host);
/* main.c: ticks that the host's TSC lost in suspends; msr.c: make them good. */
extern u64 hgl_tsc_lost;
void hgl_msr_tsc_lost(struct hgl_vcpu *vcpu, u64 lost);
/* At creation: reset values; and the mirror. */
int hgl_msr_init(struct hgl_vcpu *vcpu);
void hgl_msr_reset(struct hgl_vcpu *vcpu);
void hgl_msr_destroy(struct hgl_vcpu *vcpu);
void hgl_cpuid_init(struct hgl_vcpu *vcpu);
void hgl_cpuid_destroy(struct hgl_vcpu *vcpu);
/* HGL_REQ_CLOCK: write the guest's clock page (KVM_MSR_SYSTEM_TIME_NEW), if it has one. */
void hgl_kvmclock_update(struct hgl_vcpu *vcpu);

/*
 * ---- interrupt controllers, irqchip.c ----
 * All do nothing, or say "none", when vcpu->lapic is NULL.
 */
int hgl_irqchip_vcpu_init(struct hgl_vcpu *vcpu);	/* makes vcpu->lapic if vm->irqchip */
void hgl_irqchip_vcpu_destroy(struct hgl_vcpu *vcpu);
long hgl_irqchip_vcpu_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg);
/* Highest vector deliverable now, from the local APIC or the in-kernel PIC; -1. Cheap. */
int hgl_irq_pending(struct hgl_vcpu *vcpu);
/* May hgl_irq_pending() or hgl_irq_wants_cr8() have anything to say? A few loads. */
bool hgl_irq_busy(struct hgl_vcpu *vcpu);
/* Take it: the caller injects. -1 if it is gone. */
int hgl_irq_ack(struct hgl_vcpu *vcpu);
/* Something is pending that only CR8 holds back. */
bool hgl_irq_wants_cr8(struct hgl_vcpu *vcpu);
u64 hgl_irq_get_cr8(struct hgl_vcpu *vcpu);
void hgl_irq_set_cr8(struct hgl_vcpu *vcpu, u64 cr8);
/* enum hg_lapic_event bits that wait; take clears and returns those in @mask. */
u32 hgl_irq_peek_events(struct hgl_vcpu *vcpu);
u32 hgl_irq_take_events(struct hgl_vcpu *vcpu, u32 mask);
u8 hgl_irq_sipi_vector(struct hgl_vcpu *vcpu);
bool hgl_irq_accepts_pic(struct hgl_vcpu *vcpu);
/* INIT: the local APIC's part. */
void hgl_irq_reset(struct hgl_vcpu *vcpu, bool init);
bool hgl_irqchip_has_pic(struct hgl_vm *vm);	/* "on", not "split" */

enum hgl_bus { HGL_BUS_MMIO, HGL_BUS_PIO };
/*
 * In-kernel devices, ioeventfds, coalesced zones, and the local APIC's page.
 * 0 if one took the access, -EOPNOTSUPP if the VMM must. May sleep.
 */
int hgl_bus_read(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, void *data);
int hgl_bus_write(struct hgl_vcpu *vcpu, enum hgl_bus bus, u64 addr, u32 len, const void *data);
/* KVM_EXIT_IOAPIC_EOI is due for this vector (split); -1 none. */
int hgl_irq_take_eoi_exit(struct hgl_vcpu *vcpu);

#endif /* HGL_VCPU_H */
