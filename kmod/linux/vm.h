/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux half's objects: a VM and its vCPUs, as the KVM ABI knows them.
 *
 * Prefix hgl_: HyperGPU, Linux half. The core has its own struct hg_vcpu and
 * struct hg_domain; this half knows those by handle only.
 *
 * Lock order (docs/locking.md):
 *	hgl_vcpu.mutex > hgl_vm.lock > hgl_vm.slots_lock > hgl_vm.irq_lock
 *	> hgl_vm.mmu_lock > the core's locks
 */
#ifndef HGL_VM_H
#define HGL_VM_H

#include <linux/types.h>
#include <linux/cpumask.h>
#include <linux/kvm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/hrtimer.h>
#include <linux/preempt.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "../core/call.h"
#include "../core/vcpu_page.h"
#include "../core/emulate.h"

#define HGL_MAX_SLOTS		509	/* what KVM_CAP_NR_MEMSLOTS answers */
#define HGL_MAX_SLOT_PAGES	((1ULL << 31) - 1)
#define HGL_MAX_VCPU_ID		255		/* exclusive bound: 255 is the xAPIC broadcast */

struct hgl_vcpu;
struct hgl_sev;
struct hgl_irqchip;
struct hgl_lapic;

/* A memory slot: guest frames backed by the VMM's address space. */
struct hgl_slot {
	u64 gfn;
	u64 pages;
	unsigned long hva;
	u32 flags;		/* KVM_MEM_* */
	u16 id;
	unsigned long *dirty;	/* one bit a page, or NULL; set atomically */
};

/* All slots of a VM, sorted by gfn: replaced as a whole (SRCU). */
struct hgl_slots {
	u32 count;
	u64 generation;
	struct hgl_slot slot[];
};

/* Counters; read without locks, so they may lag. */
#define HGL_VM_STATS(X)							\
	X(faults) X(mapped_4k) X(mapped_2m) X(mapped_1g)		\
	X(unmapped) X(invalidations) X(flushes) X(flush_kicks)		\
	X(cvm_messages_dropped)

#define HGL_VCPU_STATS(X)						\
	X(exits) X(exit_intr) X(exit_nmi) X(exit_npf) X(exit_mmio)	\
	X(exit_io) X(exit_msr) X(exit_hlt) X(exit_hypercall)		\
	X(exit_irq_window) X(exit_other) X(emulated) X(user_exits)	\
	X(irq_injected) X(nmi_injected) X(exception_injected)		\
	X(halt_waits) X(kicks) X(signals)

struct hgl_vm_stat {
#define X(name) u64 name;
	HGL_VM_STATS(X)
#undef X
};

struct hgl_vcpu_stat {
#define X(name) u64 name;
	HGL_VCPU_STATS(X)
#undef X
};

struct hgl_vm {
	struct mutex lock;		/* creation of vCPUs and irqchip */
	refcount_t refs;		/* VM fd, vCPU fds, irqfds */
	struct mm_struct *mm;		/* the creator's; grabbed */
	u64 domain;			/* the core's handle */
	u64 domain_pfn;			/* its control frame, the last to come back */
	u32 id;				/* for debugfs and traces */
	pid_t pid;
	bool dead;			/* no more runs: its owner's mm goes away, or the machine */
	struct list_head link;		/* in the list of all VMs */
	u8 cvm;				/* enum hg_cvm_state; @lock to write, release */
	struct hgl_sev *sev;		/* owned by sev.c; NULL in an ordinary VM */
	DECLARE_BITMAP(cvm_slots, HGL_MAX_SLOTS);	/* ids of slots with private pages */
	/* @slots_lock: where a slot with private pages was deleted, before the guest ran */
	u64 cvm_gone_gfn, cvm_gone_pages;
	u64 cvm_small;			/* big page's gfn that was found taken last; a hint */

	/* --- memory: slots.c, mmu.c --- */
	struct mutex slots_lock;	/* writers of @slots */
	struct srcu_struct srcu;	/* readers of @slots, buses and routes */
	struct hgl_slots __rcu *slots;
	/* @mmu_lock: gone from @slots, but still mapped; pages 0: none */
	struct hgl_slot leaving;
	u64 manual_dirty;		/* @slots_lock: KVM_DIRTY_LOG_MANUAL_CAPS that are on */
	struct mmu_notifier notifier;
	spinlock_t mmu_lock;		/* below; and every call that changes mappings */
	unsigned long invalidate_seq;
	long invalidating;		/* notifier ranges now open */
	unsigned long invalidate_start, invalidate_end;	/* hull of those (hva) */
	cpumask_var_t kick_mask;	/* @mmu_lock: scratch of hgl_vm_flush() */

	/* --- vCPUs --- */
	struct hgl_vcpu *vcpus[HG_MAX_VCPUS];	/* by index; published with release */
	u32 nr_vcpus;			/* @lock to write */
	u32 max_vcpu_id;		/* exclusive bound of vCPU ids; @lock to write */

	/* --- interrupts and devices: irqchip.c and friends --- */
	struct hgl_irqchip *irqchip;	/* NULL: irqchip off; set once, release */
	spinlock_t irq_lock;
	void *irq_routes;		/* owned by routing.c */
	void *irqfds;			/* owned by irqfd.c */
	void *buses;			/* owned by bus.c */
	unsigned long *claimed_ports;	/* ports that something in the kernel may take; see bus.c */
	void *coalesced;		/* owned by coalesced.c */

	u64 tss_addr, identity_addr;	/* accepted and remembered; unused on SVM */
	struct mutex tsc_lock;		/* below: the last TSC a VMM wrote */
	bool tsc_written;
	u64 tsc_value, tsc_at, tsc_offset;
	bool clock_line;		/* below: what the clock pages are computed from */
	u64 line_tsc, line_ns;
	u32 tsc_khz;
	u32 boot_cpu_id;		/* KVM_SET_BOOT_CPU_ID: this vCPU starts */
	s64 clock_offset;		/* guest clock - ktime_get_boottime(), ns */
	struct hgl_vm_stat stat;
	struct dentry *debugfs;
};

/* Requests to a vCPU, taken at its next entry (hgl_vcpu.requests). */
enum hgl_request {
	HGL_REQ_EVENT,		/* look for interrupts again */
	HGL_REQ_FLUSH,		/* leave the guest once: the core flushes at entry */
	HGL_REQ_DEAD,		/* the VM is at its end: hgl_vm_stop() */
	HGL_REQ_EOI_EXIT,	/* KVM_EXIT_IOAPIC_EOI is due */
	HGL_REQ_TRIPLE,		/* report a shutdown */
	HGL_REQ_CLOCK,		/* refresh the guest's clock page */
};

/* Where a vCPU is; written by its thread, read by kickers. */
enum hgl_mode {
	HGL_OUTSIDE,		/* not in HG_CALL_VCPU_RUN: requests wait */
	HGL_INSIDE,		/* in it, or about to be: needs the kick flag and an IPI */
};

struct hgl_vcpu {
	struct hgl_vm *vm;
	u32 id;				/* the VMM's: the APIC id */
	u32 index;			/* in vm->vcpus */
	u64 handle;			/* the core's */
	struct hg_vcpu_page *page;	/* shared with the core */
	void *core_frames;		/* donated; the core's until destroyed */
	struct kvm_run *run;		/* mapped by the VMM: run, pio, coalesced */
	void *pio_data;			/* second page of the mapping */

	struct mutex mutex;		/* one ioctl at a time */
	unsigned long requests;		/* enum hgl_request */
	int mode;			/* enum hgl_mode */
	int cpu;			/* last CPU, or -1 */
	struct preempt_notifier preempt;
	struct rcuwait wait;		/* halted in the kernel */
	struct pid __rcu *pid;		/* thread of the last KVM_RUN */

	struct fpu_guest fpu;
	u32 guest_pkru, host_pkru;
	u64 guest_xcr0;			/* the widest XCR0 this guest may have */
	sigset_t sigset;
	bool sigset_active;

	/* --- events: events.c --- */
	u32 mp_state;			/* KVM_MP_STATE_*; others write under events_lock */
	u32 exception;			/* HG_EVENT() to inject, or 0 */
	u32 exception_error;
	u64 exception_cr2;
	u32 interrupt;			/* HG_EVENT() taken from the controller or KVM_INTERRUPT */
	u32 event_length;		/* of a soft interrupt being redelivered */
	atomic_t nmi_pending;		/* 0..2 */
	u8 nmi_injected;
	s32 external_vector;		/* split: KVM_INTERRUPT, from the VMM's PIC; -1 none */
	u32 sipi_vector;

	/* --- interrupt controller --- */
	struct hgl_lapic *lapic;	/* NULL: irqchip off */
	u64 apic_base;

	/* --- MSRs and CPUID that the core does not keep: msr.c, cpuid.c --- */
	struct kvm_cpuid_entry2 *cpuid;
	u32 cpuid_count;
	u8 maxphyaddr;
	u64 mtrr_def_type, mtrr_fixed[11], mtrr_var[16];
	u64 mcg_cap, mcg_status, mcg_ctl, *mce_banks;
	u64 tsc_adjust, misc_enable, smbase, msr_platform_info, spec_ctrl;
	u64 tsc_lost;			/* of hgl_tsc_lost, what is made good already */
	u64 kvmclock_msr, wallclock_msr;
	u32 kvmclock_version;		/* even: of the page as last written */
	u64 msr_hwcr, msr_patch;
	u32 tsc_khz;

	/* --- confidential: cvm_exit.c, cvm_ioctl.c --- */
	u8 cvm_wait;			/* enum hgl_cvm_wait */
	u8 cvm_wait_size;		/* bytes of the answer */
	bool cvm_ran;			/* since launch or reset */

	/* --- emulation and pending user exits: mmio.c --- */
	struct hgl_io_state *io;	/* reads done, writes still to hand out */
	u32 guest_debug;		/* KVM_GUESTDBG_* */

	struct hgl_vcpu_stat stat;
	struct dentry *debugfs;
};

/* ---- vm.c ---- */
void hgl_vm_get(struct hgl_vm *vm);
void hgl_vm_put(struct hgl_vm *vm);	/* the last one tears the VM down */
void hgl_vm_stop(struct hgl_vm *vm);	/* its vCPUs leave the guest soon, and never enter again */
void hgl_vms_stop(void);		/* so do all VMs', for a reboot */
bool hgl_vms_gone(s64 status);
/* Did a call to the core fail? It cannot, so that is told, but for a reboot. */
static inline bool hgl_vm_failed(s64 status)
{
	WARN_ON_ONCE(status < 0 && !hgl_vms_gone(status));
	return status < 0;
}
static inline u32 hgl_vm_nr_vcpus(struct hgl_vm *vm)
{
	return smp_load_acquire(&vm->nr_vcpus);
}
static inline struct hgl_vcpu *hgl_vcpu_by_index(struct hgl_vm *vm, u32 index)
{
	return index < hgl_vm_nr_vcpus(vm) ? vm->vcpus[index] : NULL;
}
int hgl_vm_create_fd(unsigned long type);	/* KVM_CREATE_VM */

/* ---- slots.c, dirty.c, guestmem.c: VM and vCPU ioctls; vm->srcu must not be held ---- */
int hgl_slots_set(struct hgl_vm *vm, const struct kvm_userspace_memory_region *region);
int hgl_slots_dirty_log(struct hgl_vm *vm, const struct kvm_dirty_log *log);
int hgl_slots_clear_dirty(struct hgl_vm *vm, const struct kvm_clear_dirty_log *log);
/* Context: vm->srcu held for reading, from the lookup of vm->slots on. */
const struct hgl_slot *hgl_slot_find(const struct hgl_slots *slots, u64 gfn);
/*
 * Guest-physical memory through the VMM's mapping; may sleep; crosses slots.
 * They take vm->srcu themselves, which may nest.
 * 0, or -EFAULT when any byte has no memory (nothing is promised about what
 * was copied before it). Writes refuse read-only slots and mark dirty.
 */
int hgl_guest_read(struct hgl_vm *vm, u64 gpa, void *to, u32 len);
int hgl_guest_write(struct hgl_vm *vm, u64 gpa, const void *from, u32 len);
/*
 * Atomic compare-and-exchange of @len = 1, 2, 4, 8 or 16 bytes, naturally
 * aligned. 0, 1 (differed; *old updated), -EFAULT.
 */
int hgl_guest_cmpxchg(struct hgl_vm *vm, u64 gpa, void *old, const void *new, u32 len);

/* ---- mmu.c ---- */
enum hgl_fault {
	HGL_FAULT_DONE,		/* mapped: enter again */
	HGL_FAULT_MMIO,		/* no memory there, or read-only: emulate */
};
/*
 * Resolve a nested fault. enum hgl_fault, or -EFAULT, -ENOMEM, -EINTR. May
 * sleep. Context: vm->srcu held for reading.
 */
int hgl_mmu_fault(struct hgl_vcpu *vcpu, u64 gpa, u64 access);
int hgl_mmu_init(struct hgl_vm *vm);
void hgl_mmu_stop(struct hgl_vm *vm);
/* Make every running vCPU leave the guest once; after UNMAP and PROTECT. */
void hgl_vm_flush(struct hgl_vm *vm);

/* ---- irqchip.c, as vm.c uses it ---- */
int hgl_irqchip_vm_init(struct hgl_vm *vm);	/* at creation; no controller yet */
/* The VM's fd was closed: drop event fds that hold references to the VM. May sleep. */
void hgl_irqchip_vm_release(struct hgl_vm *vm);
void hgl_irqchip_vm_destroy(struct hgl_vm *vm);	/* from the VM's last put, vCPUs are gone */
/* VM ioctls about interrupts, event fds, coalesced MMIO and the PIT; else -ENOTTY. */
long hgl_irqchip_vm_ioctl(struct hgl_vm *vm, unsigned int cmd, unsigned long arg);
/* KVM_ENABLE_CAP, copied in, flags checked to be 0. KVM_CAP_SPLIT_IRQCHIP; else -EINVAL. */
long hgl_irqchip_enable_cap(struct hgl_vm *vm, const struct kvm_enable_cap *cap);

/* ---- vcpu.c ---- */
int hgl_vcpu_create_fd(struct hgl_vm *vm, u32 id);	/* KVM_CREATE_VCPU */
void hgl_vcpu_destroy(struct hgl_vcpu *vcpu);		/* from the VM's last put */
void hgl_vcpu_kick(struct hgl_vcpu *vcpu);	/* wake from HLT, leave the guest; any context */
static inline void hgl_vcpu_request(struct hgl_vcpu *vcpu, enum hgl_request req)
{
	set_bit(req, &vcpu->requests);
	smp_mb__after_atomic();
}

#endif /* HGL_VM_H */
