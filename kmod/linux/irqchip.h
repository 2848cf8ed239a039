/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt controllers, event fds and in-kernel buses: what the files that
 * make them up share. The run loop's view is in vcpu.h, the VM's in vm.h; the
 * MSR file's is the first section below.
 *
 * The models (kmod/irqchip/) know nothing of Linux; these files give them
 * locks, timers and user space:
 *	apic.c		local APIC of a vCPU, its hrtimer, IPIs, EOIs
 *	irqchip.c	PIC and I/O APIC of a VM, the ioctls
 *	pit.c		PIT of a VM
 *	routing.c	GSIs to pins and MSIs
 *	irqfd.c		event fd to GSI, resampling
 *	ioeventfd.c	guest write to event fd
 *	coalesced.c	guest writes that are queued for the VMM
 *	bus.c		who takes an access
 *
 * Locks, outermost first:
 *	hgl_vm.lock		creation of controllers and PIT
 *	hgl_irqchip.update	routes, destination map: writers
 *	hgl_irqfds.lock, hgl_ioeventfds.lock, hgl_coalesced.lock: writers
 *	an eventfd's wait queue	(irqfds are called with it held)
 *	hgl_pit.lock		the PIT; taken in softirq
 *	hgl_vm.irq_lock		PIC and I/O APIC; taken with interrupts off
 * Event fds are signalled, and acknowledgements told, with none of the last
 * two held: a resampling device may raise its line again from there.
 * Readers of routes and of the destination map are under RCU; readers of
 * ioeventfds and zones are under hgl_vm.srcu.
 */
#ifndef HGL_IRQCHIP_H
#define HGL_IRQCHIP_H

#include <linux/kvm.h>
#include <linux/workqueue.h>

#include "vcpu.h"
#include "../irqchip/apicmap.h"
#include "../irqchip/ioapic.h"
#include "../irqchip/pic.h"

/* ---- for msr.c, regs.c and cpuid.c ------------------------------------- */

/* Is it one of the local APIC's MSRs: 1b, 6e0, 800 to 8ff? */
static inline bool hgl_irq_owns_msr(u32 index)
{
	return index == 0x1b || index == 0x6e0 || (index >= 0x800 && index <= 0x8ff);
}

/*
 * Such an MSR. 0, or 1 for #GP(0); as hgl_msr_read() and hgl_msr_write().
 * Without a local APIC in the kernel only 1b is there. Owner thread.
 */
int hgl_irq_msr_read(struct hgl_vcpu *vcpu, u32 index, u64 *value, bool host);
int hgl_irq_msr_write(struct hgl_vcpu *vcpu, u32 index, u64 value, bool host);

/* IA32_APIC_BASE for KVM_SET_SREGS: 0, -EINVAL. vcpu->apic_base follows. */
int hgl_irq_set_base(struct hgl_vcpu *vcpu, u64 base);

/* CPUID, the guest's address width or the TSC frequency changed. */
void hgl_irq_config_changed(struct hgl_vcpu *vcpu);

/* The guest's TSC was moved (IA32_TSC, TSC_ADJUST): deadlines are aimed anew. */
void hgl_irq_tsc_moved(struct hgl_vcpu *vcpu);

/* ---- shared by the files above ----------------------------------------- */

/* Who asserts a line. Each is a bit of the models' line words. */
enum hgl_irq_source {
	HGL_IRQ_USER,		/* KVM_IRQ_LINE; restored states too */
	HGL_IRQ_EVENTFD,	/* the pulse of an irqfd */
	HGL_IRQ_RESAMPLE,	/* irqfds with resampling: held until the EOI */
	HGL_IRQ_PIT,
};

struct hgl_pit;

/*
 * A destination map, with what RCU needs to free it. It has its own list of
 * local APICs: one that goes away stays valid until the map's readers are gone.
 */
struct hgl_map {
	struct rcu_head rcu;
	struct hg_lapic *lapics[HG_MAX_VCPUS];
	struct hg_apicmap map;	/* ends in an array */
};

struct hgl_irqchip {
	struct hgl_vm *vm;
	bool split;			/* local APICs only */
	bool x2apic_32bit;		/* KVM_X2APIC_API_USE_32BIT_IDS */
	bool no_bcast_quirk;		/* KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK */
	u32 user_pins;			/* split: pins of the VMM's I/O APIC */

	struct mutex update;
	struct hgl_map __rcu *map;	/* NULL: none could be allocated, ask everyone */
	struct hg_lapic *lapics[HG_MAX_VCPUS];	/* by index; @update to write */
	u32 nr_lapics;
	u32 turn;			/* of lowest-priority messages */

	/* hgl_vm.irq_lock: */
	struct hg_pic pic;
	struct hg_ioapic ioapic;
	u32 masked;			/* pins seen masked, to notice unmasking */
	bool pit_unmasked;		/* a pin was unmasked: tell the PIT */
	u32 deferred;			/* pins to retry from @retry */
	struct delayed_work retry;

	struct hgl_pit *pit;		/* set once under hgl_vm.lock, release */
};

static inline struct hgl_irqchip *hgl_irqchip(struct hgl_vm *vm)
{
	return smp_load_acquire(&vm->irqchip);
}

/* A message to the local APICs. Any context. enum hg_irq_result or a count. */
int hgl_irq_deliver(struct hgl_irqchip *chip, const struct hg_irq *irq,
		    const struct hg_lapic *sender);

/* An EOI that may concern a pin. Owner thread, no locks. */
void hgl_irqchip_eoi(struct hgl_irqchip *chip, u8 vector, bool level);
/* The PIC's acknowledge cycle; -1 if its line is not asserted. Owner thread. */
int hgl_irqchip_ack_pic(struct hgl_irqchip *chip);
/* Drive one pin. Any context. */
int hgl_irqchip_set_pin(struct hgl_irqchip *chip, u32 which, u32 pin,
			enum hgl_irq_source source, bool level);
/* Accesses that belong to PIC, I/O APIC or PIT: 0 or -EOPNOTSUPP. */
int hgl_irqchip_pio(struct hgl_irqchip *chip, u16 port, u32 len, void *data, bool write);
int hgl_irqchip_mmio(struct hgl_irqchip *chip, u64 addr, u32 len, void *data, bool write);

/* ---- apic.c ---- */
/* Build the destination map again. May sleep. */
void hgl_irqchip_update_map(struct hgl_irqchip *chip);
/* The local APIC's page: true if it took the access. */
bool hgl_apic_read(struct hgl_vcpu *vcpu, u64 addr, u32 len, void *data);
bool hgl_apic_write(struct hgl_vcpu *vcpu, u64 addr, u32 len, const void *data);
struct hg_lapic *hgl_apic_model(struct hgl_vcpu *vcpu);
/* The PIC's INT line rose: wake whoever takes it. Any context. */
void hgl_apic_pic_raised(struct hgl_irqchip *chip);
/* Which edge-triggered vectors report their EOI. Any context. */
void hgl_apic_set_eoi_vectors(struct hgl_irqchip *chip, const u32 vectors[8]);
/* One tick of the NMI watchdog that is wired through LINT0. Any context. */
void hgl_apic_watchdog(struct hgl_irqchip *chip);

/* ---- pit.c ---- */
int hgl_pit_create(struct hgl_irqchip *chip, u32 flags);
void hgl_pit_destroy(struct hgl_irqchip *chip);
/* PIT ioctls; -ENXIO without one, -ENOTTY for other commands. */
long hgl_pit_ioctl(struct hgl_irqchip *chip, unsigned int cmd, unsigned long arg);
bool hgl_pit_owns_port(struct hgl_pit *pit, u16 port);
u8 hgl_pit_port_read(struct hgl_pit *pit, u16 port);
void hgl_pit_port_write(struct hgl_pit *pit, u16 port, u8 val);
void hgl_pit_line_acked(struct hgl_pit *pit);
void hgl_pit_line_unmasked(struct hgl_pit *pit);

/* ---- routing.c ---- */
#define HGL_MAX_GSIS	4096U	/* what KVM_CAP_IRQ_ROUTING answers */

int hgl_routes_init(struct hgl_vm *vm);
void hgl_routes_destroy(struct hgl_vm *vm);
/* The routes of a PC: what there is before KVM_SET_GSI_ROUTING. */
int hgl_routes_set_default(struct hgl_vm *vm);
/* KVM_SET_GSI_ROUTING: 0, -EFAULT, -EINVAL, -ENOMEM. */
int hgl_routes_set(struct hgl_vm *vm, const struct kvm_irq_routing __user *user);
/*
 * Change the line of a GSI. Any context. enum hg_irq_result or a count;
 * MASKED if no route leads anywhere.
 */
int hgl_gsi_set(struct hgl_vm *vm, u32 gsi, enum hgl_irq_source source, bool level);
/* A pulse of an event: one message for an MSI, up and down for a pin. */
void hgl_gsi_pulse(struct hgl_vm *vm, u32 gsi);
/* Which GSI drives a pin of KVM_IRQCHIP_x; -1 none. Any context. */
int hgl_gsi_of_pin(struct hgl_vm *vm, u32 which, u32 pin);
/* Split: does a route of the VMM's I/O APIC send this level vector? */
bool hgl_routes_want_eoi(struct hgl_vm *vm, u8 vector);
/* KVM_SIGNAL_MSI: how many took it, 0 if blocked or pending already; -EINVAL. */
int hgl_msi_send(struct hgl_vm *vm, const struct kvm_msi *msi);

/* ---- irqfd.c ---- */
int hgl_irqfds_init(struct hgl_vm *vm);
/* Detach every event fd; none is attached afterwards. May sleep. */
void hgl_irqfds_release(struct hgl_vm *vm);
void hgl_irqfds_destroy(struct hgl_vm *vm);
/* KVM_IRQFD: 0, -EINVAL, -EBADF, -EBUSY, -ENOMEM. */
int hgl_irqfd(struct hgl_vm *vm, const struct kvm_irqfd *args);
/* A GSI ended: lower it and signal those that resample it. No locks held. */
void hgl_irqfds_acked(struct hgl_vm *vm, u32 gsi);

/* ---- ioeventfd.c ---- */
struct hgl_ioeventfds;
int hgl_ioeventfds_init(struct hgl_vm *vm, struct hgl_ioeventfds **out);
void hgl_ioeventfds_release(struct hgl_vm *vm, struct hgl_ioeventfds *events);
void hgl_ioeventfds_destroy(struct hgl_ioeventfds *events);
/* KVM_IOEVENTFD: 0, -EINVAL, -EBADF, -EEXIST, -ENOENT, -ENOMEM, -ENOSPC. */
int hgl_ioeventfd(struct hgl_vm *vm, struct hgl_ioeventfds *events,
		  const struct kvm_ioeventfd *args);
/* Context: hgl_vm.srcu. True if an event fd took the write. */
bool hgl_ioeventfds_write(struct hgl_vm *vm, struct hgl_ioeventfds *events, enum hgl_bus bus,
			  u64 addr, u32 len, const void *data);

/* ---- coalesced.c ---- */
int hgl_coalesced_init(struct hgl_vm *vm);
void hgl_coalesced_destroy(struct hgl_vm *vm);
/* KVM_(UN)REGISTER_COALESCED_MMIO: 0, -EINVAL, -ENOMEM, -ENOSPC. */
int hgl_coalesced_register(struct hgl_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
int hgl_coalesced_unregister(struct hgl_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
/* Context: hgl_vm.srcu. True if the write was queued. */
bool hgl_coalesced_write(struct hgl_vm *vm, enum hgl_bus bus, u64 addr, u32 len,
			 const void *data);
/* The ring, for the third page of a vCPU's mapping. */
struct page *hgl_coalesced_page(struct hgl_vm *vm);

/* ---- bus.c ---- */
int hgl_buses_init(struct hgl_vm *vm);
/* Say, before it is there, that something takes accesses that begin at these ports. */
void hgl_bus_claim_ports(struct hgl_vm *vm, u64 first, u64 count);
void hgl_bus_claim_owned(struct hgl_vm *vm, bool (*owns)(u16 port));
void hgl_buses_release(struct hgl_vm *vm);
void hgl_buses_destroy(struct hgl_vm *vm);
int hgl_bus_ioeventfd(struct hgl_vm *vm, const struct kvm_ioeventfd *args);

#endif /* HGL_IRQCHIP_H */
