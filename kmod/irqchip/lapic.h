/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local APIC of one vCPU (Intel SDM volume 3, chapter 11; AMD APM volume 2,
 * chapter 16): xAPIC and x2APIC, timer included.
 *
 * Who may call what
 * -----------------
 * A local APIC belongs to the thread that runs its vCPU. Every function may
 * be called by that thread only, except those marked "any CPU" below: they
 * touch the IRR, the TMR, the error and the event words with atomic
 * operations and read the rest a word at a time. There is no lock. The host
 * must also keep the owner out while it restores state (a vCPU is not run
 * while an ioctl holds it).
 *
 * The timer callback, hg_lapic_timer_expired(), is "any CPU" too, and
 * ops->timer_cancel() must not return while that callback runs. That is what
 * lets the owner change timer state without a lock: cancel, change, arm.
 */
#ifndef HG_IRQCHIP_LAPIC_H
#define HG_IRQCHIP_LAPIC_H

#include "irq.h"

#define HG_APIC_REGS_SIZE	0x400	/* what KVM_GET_LAPIC carries */
#define HG_APIC_MMIO_SIZE	0x1000
#define HG_APIC_DEFAULT_BASE	0xfee00000ULL

/* Register offsets of the memory-mapped page. */
enum hg_apic_reg {
	HG_APIC_ID	= 0x020,
	HG_APIC_VERSION	= 0x030,
	HG_APIC_TPR	= 0x080,
	HG_APIC_APR	= 0x090,
	HG_APIC_PPR	= 0x0a0,
	HG_APIC_EOI	= 0x0b0,
	HG_APIC_RRD	= 0x0c0,
	HG_APIC_LDR	= 0x0d0,
	HG_APIC_DFR	= 0x0e0,
	HG_APIC_SVR	= 0x0f0,
	HG_APIC_ISR	= 0x100,	/* eight registers each */
	HG_APIC_TMR	= 0x180,
	HG_APIC_IRR	= 0x200,
	HG_APIC_ESR	= 0x280,
	HG_APIC_ICR	= 0x300,
	HG_APIC_ICR2	= 0x310,
	HG_APIC_LVTT	= 0x320,
	HG_APIC_LVTTHMR	= 0x330,
	HG_APIC_LVTPC	= 0x340,
	HG_APIC_LVT0	= 0x350,
	HG_APIC_LVT1	= 0x360,
	HG_APIC_LVTERR	= 0x370,
	HG_APIC_TMICT	= 0x380,
	HG_APIC_TMCCT	= 0x390,
	HG_APIC_TDCR	= 0x3e0,
	HG_APIC_SELF	= 0x3f0,	/* x2APIC only */
};

#define HG_APIC_SVR_ENABLED	0x100U
#define HG_APIC_SVR_NO_EOI_BC	0x1000U	/* suppress EOI broadcast */
#define HG_APIC_LVT_MASKED	0x10000U
#define HG_APIC_DFR_FLAT	0xffffffffU

#define HG_APIC_BASE_BSP	(1ULL << 8)
#define HG_APIC_BASE_X2APIC	(1ULL << 10)
#define HG_APIC_BASE_ENABLED	(1ULL << 11)

#define HG_X2APIC_MSR_FIRST	0x800U
#define HG_X2APIC_MSR_LAST	0x8ffU

/* Bits of hg_lapic::events, taken by the vCPU with hg_lapic_take_events(). */
enum hg_lapic_event {
	HG_LAPIC_EV_INIT	= 1U << 0,
	HG_LAPIC_EV_SIPI	= 1U << 1,	/* vector: hg_lapic_sipi_vector() */
	HG_LAPIC_EV_NMI		= 1U << 2,
	HG_LAPIC_EV_SMI		= 1U << 3,
};

struct hg_lapic;

/*
 * What the model needs from its host. `host` is hg_lapic::host. All of them
 * are required. None may call back into the same local APIC, except that
 * send_ipi may hg_lapic_deliver() to it.
 */
struct hg_lapic_ops {
	/* Monotonic clock, nanoseconds. Any CPU. */
	u64 (*now_ns)(void *host);
	/* The guest's time-stamp counter, now. Owner only. */
	u64 (*guest_tsc)(void *host);
	/* Call hg_lapic_timer_expired() when now_ns() reaches deadline_ns. */
	void (*timer_arm)(void *host, u64 deadline_ns);
	/* Disarm; on return the callback neither runs nor will run. */
	void (*timer_cancel)(void *host);
	/* Route an IPI to every local APIC it names, the sender's included. */
	void (*send_ipi)(void *host, const struct hg_irq *irq);
	/* End of an interrupt an I/O APIC may wait for. */
	void (*eoi)(void *host, u8 vector, bool level);
	/* Something became pending: make the vCPU look. Any CPU. */
	void (*kick)(void *host);
	/* ID, LDR, DFR, mode or enable changed: destination maps are stale. */
	void (*map_changed)(void *host);
};

/* Fixed for the life of the local APIC, or set by the host while it is idle. */
struct hg_lapic_config {
	u32 id;			/* physical ID; the vCPU's number */
	u32 tsc_khz;		/* guest TSC frequency, 0: no deadline mode */
	u8 maxphyaddr;		/* for the reserved bits of the base MSR */
	bool bsp;
	bool x2apic;		/* CPUID offers x2APIC */
	bool tsc_deadline;	/* CPUID offers deadline mode */
	bool directed_eoi;	/* offer EOI broadcast suppression */
	bool no_bcast_quirk;	/* dest 0xff from MSI does not reach x2APIC */
	u64 min_period_ns;	/* floor of periodic timers; 0: none */
};

struct hg_lapic {
	/* First cache line: all that a run loop with nothing to do reads. */
	u32 irr_pending;	/* hint: 0 means the IRR is empty (atomic) */
	u32 events;		/* enum hg_lapic_event (atomic) */
	u64 base;		/* IA32_APIC_BASE */

	const struct hg_lapic_ops *ops;
	void *host;
	struct hg_lapic_config cfg;

	int isr_top;		/* highest vector in service, -1: none */
	u32 sipi_vector;	/* of the last SIPI (atomic) */
	u32 esr_pending;	/* errors since the last ESR write (atomic) */

	/*
	 * Vectors (one bit each) whose EOI goes to ops->eoi even when edge
	 * triggered. Written by the host from any CPU, a word at a time.
	 * Level-triggered ones always go.
	 */
	u32 eoi_vectors[8];

	/* Timer. Written by the owner while disarmed, or by the callback. */
	u64 timer_deadline_ns;	/* of the armed timer; 0: not armed */
	u64 timer_period_ns;	/* 0 unless periodic */
	u64 tsc_deadline;	/* IA32_TSC_DEADLINE; 0: disarmed */

	/* Register n lies at regs[n / 4]; the layout of kvm_lapic_state. */
	u32 regs[HG_APIC_REGS_SIZE / 4] __attribute__((aligned(64)));
};

/*
 * Set up a local APIC in its power-up state: enabled in xAPIC mode, software
 * disabled. Copies cfg; keeps ops and host by reference.
 */
void hg_lapic_init(struct hg_lapic *lapic, const struct hg_lapic_config *cfg,
		   const struct hg_lapic_ops *ops, void *host);

/*
 * Back to the reset state. init_event: by an INIT, which keeps the base MSR
 * (and so the mode) and the ID, as SDM 11.4.7.3 says.
 */
void hg_lapic_reset(struct hg_lapic *lapic, bool init_event);

/* Stop the timer for good, before the host frees its timer. */
void hg_lapic_stop(struct hg_lapic *lapic);

/* Replace the CPUID-derived part of the configuration (the ID stays). */
void hg_lapic_set_config(struct hg_lapic *lapic, const struct hg_lapic_config *cfg);

static inline u32 hg_lapic_reg(const struct hg_lapic *lapic, u32 off)
{
	return __atomic_load_n(&lapic->regs[off / 4], __ATOMIC_RELAXED);
}

/* Any CPU. */
static inline bool hg_lapic_hw_enabled(const struct hg_lapic *lapic)
{
	return __atomic_load_n(&lapic->base, __ATOMIC_RELAXED) & HG_APIC_BASE_ENABLED;
}

/* Any CPU. */
static inline bool hg_lapic_x2apic(const struct hg_lapic *lapic)
{
	u64 both = HG_APIC_BASE_ENABLED | HG_APIC_BASE_X2APIC;

	return (__atomic_load_n(&lapic->base, __ATOMIC_RELAXED) & both) == both;
}

/* Any CPU. Enabled by the base MSR and by the SVR: accepts interrupts. */
static inline bool hg_lapic_enabled(const struct hg_lapic *lapic)
{
	return hg_lapic_hw_enabled(lapic) &&
	       (hg_lapic_reg(lapic, HG_APIC_SVR) & HG_APIC_SVR_ENABLED);
}

/* ---- registers -------------------------------------------------------- */

/*
 * Memory-mapped access at `off` into the page, `size` bytes. A read fills the
 * low `size` bytes of *val. Returns false if the access is not the local
 * APIC's (disabled, in x2APIC mode, or out of the page): let the bus go on.
 * Malformed accesses are taken and have no effect (SDM 11.4.1.2 leaves them
 * undefined).
 */
bool hg_lapic_mmio_read(struct hg_lapic *lapic, u32 off, u32 size, u64 *val);
bool hg_lapic_mmio_write(struct hg_lapic *lapic, u32 off, u32 size, u64 val);

/* Guest-physical address of the page, if memory mapped accesses are on. */
static inline bool hg_lapic_mmio_base(const struct hg_lapic *lapic, u64 *base)
{
	*base = lapic->base & ~0xfffULL;
	return hg_lapic_hw_enabled(lapic) && !hg_lapic_x2apic(lapic);
}

/* x2APIC MSRs 0x800 to 0x8ff. False: raise #GP(0). */
bool hg_lapic_msr_read(struct hg_lapic *lapic, u32 msr, u64 *val);
bool hg_lapic_msr_write(struct hg_lapic *lapic, u32 msr, u64 val);

/*
 * IA32_APIC_BASE. False: raise #GP(0) (or EINVAL for a host write). A guest
 * must follow the mode transitions of SDM figure 11-27; the host may restore
 * any valid state.
 */
bool hg_lapic_set_base(struct hg_lapic *lapic, u64 value, bool host);

/* IA32_TSC_DEADLINE. Reads as 0 and ignores writes unless LVTT selects it. */
u64 hg_lapic_get_tsc_deadline(const struct hg_lapic *lapic);
void hg_lapic_set_tsc_deadline(struct hg_lapic *lapic, u64 deadline);

/* The guest's TSC jumped or changed frequency: aim an armed deadline anew. */
void hg_lapic_tsc_changed(struct hg_lapic *lapic, u32 tsc_khz);

/* CR8 is bits 7:4 of the TPR. */
static inline u64 hg_lapic_get_cr8(const struct hg_lapic *lapic)
{
	return (hg_lapic_reg(lapic, HG_APIC_TPR) >> 4) & 0xf;
}

/* cr8: 0 to 15; the caller raises #GP for more. Cheap when unchanged. */
void hg_lapic_set_cr8(struct hg_lapic *lapic, u64 cr8);

/* ---- interrupts towards the vCPU -------------------------------------- */

int hg_lapic_scan(const struct hg_lapic *lapic);

/*
 * Highest vector the vCPU may take now: pending and above the processor
 * priority. -1 if none. A load and a branch when nothing is pending.
 */
static inline int hg_lapic_pending(const struct hg_lapic *lapic)
{
	if (HG_LIKELY(!__atomic_load_n(&lapic->irr_pending, __ATOMIC_ACQUIRE)))
		return -1;
	return hg_lapic_scan(lapic);
}

/*
 * Take that vector: IRR to ISR, PPR raised. -1 if nothing is deliverable any
 * more. The caller now owns the injection.
 */
int hg_lapic_ack(struct hg_lapic *lapic);

/*
 * Highest pending vector whatever its priority, -1 if none: with TPR
 * shadowing, the CR8 threshold below which an exit is wanted is its class.
 */
int hg_lapic_highest_irr(const struct hg_lapic *lapic);

/*
 * Events that are not vectors. Returns and clears the bits in `mask`; INIT
 * must be handled before SIPI.
 */
u32 hg_lapic_take_events(struct hg_lapic *lapic, u32 mask);

static inline u32 hg_lapic_peek_events(const struct hg_lapic *lapic)
{
	return __atomic_load_n(&lapic->events, __ATOMIC_ACQUIRE);
}

/* Start page of the last SIPI: the AP starts at vector << 12. Any CPU. */
static inline u8 hg_lapic_sipi_vector(const struct hg_lapic *lapic)
{
	return (u8)__atomic_load_n(&lapic->sipi_vector, __ATOMIC_RELAXED);
}

/* Would the vCPU take the PIC's INT line (LVT0 as ExtINT, or APIC off)? Any CPU. */
bool hg_lapic_accepts_pic(const struct hg_lapic *lapic);

/* EOI register write (also through the MMIO and MSR paths). */
void hg_lapic_eoi(struct hg_lapic *lapic);

/* ---- interrupts from outside ------------------------------------------ */

/*
 * Any CPU. Make a vector pending and kick the vCPU. Returns enum
 * hg_irq_result: MASKED when disabled, COALESCED when pending already.
 */
int hg_lapic_post(struct hg_lapic *lapic, u8 vector, bool level);

/* Any CPU. Deliver a message already known to be for this local APIC. */
int hg_lapic_deliver(struct hg_lapic *lapic, const struct hg_irq *irq);

/*
 * Any CPU. Raise a local source: one of the LVT offsets. For KVM_NMI and the
 * PIT's NMI watchdog wiring (LVT1, LVT0), the performance counter (LVTPC).
 */
int hg_lapic_local(struct hg_lapic *lapic, u32 lvt);

/* Any CPU. The timer armed by ops->timer_arm is due. */
void hg_lapic_timer_expired(struct hg_lapic *lapic);

/*
 * Any CPU. Does the message's destination name this local APIC? `sender` is
 * the ICR's owner for shorthands, NULL for a message from a device.
 */
bool hg_irq_match(const struct hg_lapic *lapic, const struct hg_irq *irq,
		  const struct hg_lapic *sender);

/* ---- state ------------------------------------------------------------ */

/*
 * Save to and restore from the layout of struct kvm_lapic_state,
 * HG_APIC_REGS_SIZE bytes. id32: in x2APIC mode the ID register holds the
 * 32-bit ID (KVM_X2APIC_API_USE_32BIT_IDS), otherwise always ID << 24.
 * set returns false, changing nothing, if an x2APIC state names another ID.
 */
void hg_lapic_get_state(struct hg_lapic *lapic, u8 *buf, bool id32);
bool hg_lapic_set_state(struct hg_lapic *lapic, const u8 *buf, bool id32);

#endif /* HG_IRQCHIP_LAPIC_H */
