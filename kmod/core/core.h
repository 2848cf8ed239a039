/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's own objects. Nothing here is visible outside core/ and the
 * backends.
 */
#ifndef HG_CORE_CORE_H
#define HG_CORE_CORE_H

#include "types.h"
#include "status.h"
#include "call.h"
#include "control.h"
#include "lock.h"
#include "nest.h"
#include "cvm.h"
#include "cvm_io.h"
#include "page.h"
#include "port.h"
#include "report.h"
#include "vcpu_page.h"

struct hg_vcpu;
struct hg_domain;
struct hg_fetch;
struct hg_mode_state;

/*
 * How the CPU lays out a nested page-table entry (APM vol. 2, 15.25; SDM
 * vol. 3, 29.3). Both formats keep the frame in bits 51:12 and 512 entries
 * per table, so a record of bits is enough.
 */
struct hg_npt_format {
	u64 present;		/* any of these set: the entry is present */
	u64 table;		/* bits of an entry that points to a table */
	u64 leaf;		/* bits of every leaf: memory type and so on */
	u64 large;		/* added to a leaf above level 1 */
	u64 read, write;	/* permission bits set when allowed */
	u64 exec;		/* set when execution is allowed (EPT) */
	u64 noexec;		/* set when it is not (NPT) */
	u64 accessed, dirty;	/* 0 if the CPU does not keep them */
};
#define HG_NPT_FRAME		HG_MASK(51, 12)

/*
 * Bits of our own, which no CPU looks at: in the entries of a guest that has guests
 * itself (nest.c). ONWARD: the page, or a part of it, may be lent on to a child.
 * FIXED: a frame of the core's that the guest shares with it; stays whatever the host
 * does. An entry with AWAY is not present: the guest has given the page away.
 */
#define HG_NPT_ONWARD		HG_BIT(52)
#define HG_NPT_FIXED		HG_BIT(53)
#define HG_NPT_AWAY		HG_BIT(3)

/* A physical CPU, as the core knows it. The backend keeps its own behind it. */
struct hg_cpu {
	bool online;
	u32 index;
	u64 asid_next;		/* next free address-space tag */
	u64 pfn;		/* given at hg_core_cpu_on() */
	u64 asid_epoch;		/* changes when the tags start over */
	u64 backend[5];
};

/*
 * What a backend provides. One list, chosen once at start: shared code never
 * asks which vendor it runs on.
 *
 * probe	HG_OK, or the reason in *@why (a constant string)
 * cpu_on/off	turn virtualization on or off on this CPU; @pfn is one frame of
 *		the core's for the hardware's own use
 * start	@pfn: HG_BACKEND_FRAMES consecutive frames, the core's, for
 *		permission maps and the like
 * vcpu_init	fill the hardware control block: reset state, intercepts
 * put, get	move state groups between control page and hardware
 * run		one world switch: enter, leave, describe the exit in vcpu->page
 *		and return enum hg_exit, or -1 after an exit that the backend
 *		itself has finished: go on
 * code		where the next instruction comes from
 * skip		move RIP past an instruction of @length bytes, with all that follows
 *		from its completion: shadow, RF, single step
 * debug	read or write DR6 and DR7
 * set_cr4, set_cr3, set_cr0, set_efer	as the instruction does, with the flush it
 *		entails; set_cr0 and set_efer also choose the nested root (cvm.c)
 * set_cr2, set_pat, set_tsc	write one register; @offset is added to the host's counter
 * get_pat	read it
 * startup	as a start-up IPI: CS:IP to @vector << 12, in a vCPU just reset
 * segment	read one segment register
 * dump		copy the hardware's view, return its size
 */
#define HG_BACKEND_OPS(X)						\
	X(s64, probe, (const char **why))				\
	X(s64, start, (u64 pfn))						\
	X(void, stop, (void))						\
	X(s64, cpu_on, (struct hg_cpu *cpu, u64 pfn))			\
	X(void, cpu_off, (struct hg_cpu *cpu))				\
	X(void, vcpu_init, (struct hg_vcpu *vcpu))			\
	X(s64, vcpu_put, (struct hg_vcpu *vcpu, u64 groups))		\
	X(void, vcpu_get, (struct hg_vcpu *vcpu, u64 groups))		\
	X(s64, vcpu_load, (struct hg_vcpu *vcpu, struct hg_cpu *cpu))	\
	X(int, vcpu_enter, (struct hg_vcpu *vcpu, struct hg_cpu *cpu))	\
	X(void, vcpu_unload, (struct hg_vcpu *vcpu))			\
	X(void, vcpu_code, (struct hg_vcpu *vcpu, struct hg_fetch *fetch))	\
	X(void, vcpu_skip, (struct hg_vcpu *vcpu, u32 length))		\
	X(void, vcpu_set_cr4, (struct hg_vcpu *vcpu, u64 cr4))			\
	X(void, vcpu_set_cr0, (struct hg_vcpu *vcpu, u64 cr0, u64 efer))	\
	X(void, vcpu_set_cr2, (struct hg_vcpu *vcpu, u64 cr2))			\
	X(void, vcpu_set_cr3, (struct hg_vcpu *vcpu, u64 cr3, bool flush))	\
	X(void, vcpu_set_efer, (struct hg_vcpu *vcpu, u64 efer))		\
	X(u64, vcpu_get_pat, (struct hg_vcpu *vcpu))				\
	X(void, vcpu_set_pat, (struct hg_vcpu *vcpu, u64 pat))			\
	X(void, vcpu_set_tsc, (struct hg_vcpu *vcpu, u64 offset))		\
	X(void, vcpu_startup, (struct hg_vcpu *vcpu, u8 vector))		\
	X(void, vcpu_segment, (struct hg_vcpu *vcpu, enum hg_seg seg, struct hg_segment *out)) \
	X(void, vcpu_debug, (struct hg_vcpu *vcpu, u64 *dr6, u64 *dr7, bool write)) \
	X(u64, vcpu_dump, (struct hg_vcpu *vcpu, void *to))

struct hg_backend {
	const char *name;
	const struct hg_npt_format *npt;
	u32 npt_levels_max;	/* biggest leaf the CPU supports: 1..3 */
	const struct hg_control_field *fields;
	const u32 *field_count;
#define X(ret, name, args) ret (*name) args;
	HG_BACKEND_OPS(X)
#undef X
};
extern const struct hg_backend hg_svm;

/*
 * Frames that a CPU may still reach, until all vCPUs have seen @gen: tables it
 * may walk, and a CVM's pages it may write.
 */
struct hg_limbo {
	u64 first;		/* tables: pfn, linked like the cache */
	u64 data;		/* pages: pfn, linked by their records, for the guest may
				 * still write what is in them */
	u64 gen;
};

/* What makes a domain confidential; its lock protects all of it. */
struct hg_cvm {
	u32 state;		/* enum hg_cvm_state; also read without the lock */
	u32 policy;
	u32 c_bit;
	u32 ranges;
	struct hg_measured_range range[HG_CVM_RANGES];	/* RAM, ascending */
	u64 unpaged[2];		/* pfns: top and level-3 table for code that does not page */
	u64 window[4];		/* pfns: level-2 tables of the lowest 4 GiB, in both roots */
	u64 changeable;		/* measured pages that the guest could write */
	u32 unmeasured;		/* read-only frames without a measured byte */
	struct hg_measured_launch digest;
	u8 launch[HG_DIGEST_SIZE];
	u64 id;			/* of this life: no other has had it (report.c) */
	u64 report_due;		/* by the TSC: see take_turn() there */
};

/*
 * A guest that has guests itself, its children (nest.c). Its lock protects all of it,
 * and each child's @away.
 */
struct hg_nest {
	u32 domains, vcpus;	/* of its children */
	u64 away;		/* its pages that are given away now */
	u64 big;		/* pfn: 512 frames in a row for its next big page; 0: none */
	u32 purges;		/* DOMAIN_PURGE calls under way: it must stay */
	bool lost;		/* a page lent on has lost rights: see hg_nest_lost() */
	bool given;		/* pages left it, and its vCPUs were not made to leave since */
};

/*
 * A guest: its nested page tables and its vCPUs. Lives in its control frame;
 * its slot's lock protects all of it, unless said otherwise.
 */
struct hg_domain {
	u32 handle;
	u32 state;		/* enum hg_domain_state */
	u64 root;		/* pfn of the top table */
	u64 tlb_gen;		/* read without the lock: bumped after an entry lost rights */
	u64 stat[HG_DOMAIN_STAT_COUNT];
	u64 cache;		/* first free frame (pfn, 0: none), linked through them */
	struct hg_limbo limbo, fresh; /* fresh: freed while limbo was waiting */
	u64 dirty;		/* free, but not scrubbed yet: pfn, linked by their records */
	u64 control_pfn;
	u32 parent;		/* handle of the guest whose child it is; 0: the host's. Fixed */
	u32 flags;		/* HG_DOMAIN_*; fixed */
	u64 away;		/* a child: the page (gfn + 1) its parent gave it last; a list */
	struct hg_nest nest;
	u64 c_mask;		/* the C-bit of an address; 0: an ordinary domain */
	struct hg_cvm cvm;
	struct hg_vcpu *vcpus[HG_MAX_VCPUS];
};
HG_STATIC_ASSERT(sizeof(struct hg_domain) <= HG_PAGE_SIZE);

enum hg_domain_state {
	HG_DOMAIN_LIVE,
	HG_DOMAIN_DYING,	/* destroyed; frames wait to be reclaimed */
};

/*
 * Which interrupts a CVM has asked for itself: only those may come from the
 * parent above HG_IRQ_SYSTEM (cvm_irq.c). Other vCPUs write here, atomically.
 */
struct hg_cvm_irq {
	u16 sent[256 - HG_IRQ_SYSTEM];	/* IPIs on their way here, by vector */
	u32 startup;		/* HG_IRQ_INIT, HG_IRQ_SIPI | vector 7:0 */
	u32 timer;		/* LVT timer register */
	u32 icr_high;		/* xAPIC: written before the low half */
	u64 last_nmi;		/* TSC */
};

/* A vCPU. Lives in the first of its HG_VCPU_FRAMES frames. */
struct hg_vcpu {
	/* --- touched by the world switch: offsets are used in assembly --- */
	u64 gpr[HG_NR_GPRS];	/* RAX, RSP, rip and rflags: copied by the backend */
	u64 control_pa;		/* hardware control block */
	u64 host_pa;		/* the CPU's host save block */
	u64 rip;
	u64 rflags;

	u32 handle;
	u32 index;		/* in its domain */
	struct hg_domain *domain;
	struct hg_vcpu_page *page; /* untrusted: fetch once */
	void *control;		/* control block, by the direct map */
	struct hg_cpuid *cpuid;	/* HG_MAX_CPUID entries, sorted */
	u32 cpuid_count;
	u32 running;		/* 1 while some CPU runs it; atomic */
	u64 page_pfn;

	/* address-space tag; see the backend */
	struct hg_cpu *last_cpu;
	u64 asid;
	u64 asid_epoch;
	u64 tlb_seen;		/* domain->tlb_gen at the last entry; atomic */

	/* guest state that the hardware does not hold for us */
	u64 efer;		/* as the guest sees it */
	u64 xcr0;
	u64 cr4_allowed;	/* what its CPUID admits */
	u64 dr[4];
	u64 tsc_aux;
	u64 tsc_offset;		/* to its parent's counter; a confidential VM's: to the CPU's */
	u32 run_flags;		/* the checked copy for this run */
	u32 event;		/* being delivered at this entry */
	u32 event_error;
	u32 event_length;
	u8 nmi_masked;
	u8 nmi_iret;		/* IRET is under way */
	u8 step;		/* RFLAGS.TF is ours */
	u8 irq_shadow;		/* STI or MOV SS just before */
	u64 nmi_iret_rip;
	u64 backend[16];

	/*
	 * The last guest page an instruction was fetched from: spares the walk
	 * for CPUs without next-RIP. Valid for this CR3, paging mode and tlb_gen only, and
	 * nothing but instruction bytes ever comes from it.
	 */
	u64 fetch_linear, fetch_space, fetch_gen;
	const u8 *fetch_page;

	u64 frame[HG_VCPU_FRAMES];	/* pfns; this structure is in the first */

	/* --- nesting --- */
	struct hg_cpu *cpu;	/* where it is loaded */
	u64 asked;		/* a parent's: gfn + 1 that its call waits for */
	u64 signs;		/* a parent's: the child's vCPU that wants a report signed, or 0 */
	u8 resuming;		/* a child's: L0 had to stop it, its parent has not heard of it */
	u64 page_gfn;		/* a child's: where in its parent the control page is */
	u64 away[HG_VCPU_FRAMES];	/* and the gfns that its parent gave for @frame */
	u64 xcr0_max;		/* what its parent, or the host, switches */
	u8 *fpu, *parent_fpu;	/* a confidential child's: vector registers while the other runs */

	/* --- a confidential VM's --- */
	u64 cr3;		/* as the guest wrote it: perhaps without the C-bit */
	u8 parked;		/* waits for its start-up IPI, or was shut down */
	u64 tsc_adjust;
	struct hg_cvm_irq irq;
	struct {		/* a conversion that takes more than one entry */
		u64 gfn, count, done;
	} convert;
	struct hg_cvm_io io;
	struct hg_report_buffer report;
};
HG_STATIC_ASSERT(sizeof(struct hg_vcpu) <= HG_PAGE_SIZE);

/* Its state is nobody else's business. */
static inline bool hg_confidential(const struct hg_vcpu *vcpu)
{
	return vcpu->domain->c_mask;
}

/*
 * A domain handle. The lock is here and not in the domain, whose frame goes
 * away: who holds it knows that @domain stays.
 */
struct hg_domain_slot {
	struct hg_domain *domain;
	u32 parent;		/* the domain's; read without the lock, then again with it */
	struct hg_lock lock;	/* HG_LOCK_DOMAIN */
};

/*
 * A vCPU handle. @claim is taken by whoever works on the vCPU, so that it
 * cannot vanish or run twice; it lives here and not in the vCPU, whose frame
 * goes away.
 */
struct hg_vcpu_slot {
	struct hg_vcpu *vcpu;
	u32 claim;		/* 1: claimed; atomic */
	u32 generation;
	u32 parent;		/* of its domain; read without the claim, then again with it */
};

struct hg_core {
	const struct hg_backend *backend;
	u8 *va_base;		/* address of physical address 0 in the direct map */
	struct hg_frame *frames;
	u64 frame_count;
	struct hg_cpu *cpus;
	u32 cpu_count;
	struct hg_lock handles;	/* HG_LOCK_HANDLES: which slots are free */
	struct hg_domain_slot domains[HG_MAX_DOMAINS];
	struct hg_vcpu_slot vcpus[HG_MAX_VCPUS_TOTAL];
	u64 host_xcr0;		/* the value outside guests */
	u64 guest_xcr0;		/* the widest a guest may have */
	u64 backend_pfn;
	u32 features;		/* HG_CPU_* */
	struct hg_report_key report_key;
	u64 cvm_ids;		/* the last that was given; atomic */
};
extern struct hg_core hg_core;

static inline void *hg_va(u64 pa)
{
	return hg_core.va_base + pa;
}

static inline void *hg_frame_va(u64 pfn)
{
	return hg_va(pfn << HG_PAGE_SHIFT);
}

/*
 * What the core is given at start: memory that stays its own until
 * hg_core_stop(), and facts about the machine.
 */
#define HG_BACKEND_FRAMES	5
struct hg_boot {
	u8 *va_base;
	struct hg_frame *frames;	/* frame_count records, zeroed */
	u64 frame_count;
	struct hg_cpu *cpus;		/* cpu_count records, zeroed */
	u32 cpu_count;
	u64 host_xcr0, guest_xcr0;
	u64 backend_pfn;		/* HG_BACKEND_FRAMES of RAM in a row, owned by nobody */
	const struct hg_backend *backend;
};

/*
 * hg_core_start - take over; must be the first call.
 * Every frame starts HG_FRAME_DEVICE until hg_core_ram() names it.
 * Returns HG_OK, HG_E_UNSUPPORTED with *@why, HG_E_STATE (already started).
 */
s64 hg_core_start(const struct hg_boot *boot, const char **why);
/* hg_core_ram - frames [pfn, pfn+count) are RAM of the host's. HG_E_RANGE. */
s64 hg_core_ram(u64 pfn, u64 count);
/* hg_core_stop - HG_E_BUSY while a domain exists or a CPU is online. */
s64 hg_core_stop(void);
/*
 * hg_core_cpu_on - this CPU may run vCPUs from now on; @pfn is donated for the
 * hardware's use until hg_core_cpu_off(). Interrupts off.
 * HG_E_ARG, HG_E_EXISTS, HG_E_OWNER, HG_E_UNSUPPORTED, HG_E_BUSY (someone else
 * has virtualization on).
 */
s64 hg_core_cpu_on(u32 index, u64 pfn);
s64 hg_core_cpu_off(u32 index);
/*
 * hg_core_report_key - the port can sign reports, with @key from now on; NULL: no longer.
 * Domains may exist when it comes, but not when it goes. HG_E_STATE (not started), HG_E_EXISTS
 * (a key is there), HG_E_ARG (algorithm), HG_E_FLAGS.
 */
s64 hg_core_report_key(const struct hg_report_key *key);
/*
 * hg_core_sign - after HG_EXIT_REPORT: have the port sign the report that @vcpu, the host's,
 * waits for, or the guest that it runs. May sleep, unlike every call of the table, and holds
 * no lock meanwhile, but nobody else can run or destroy that vCPU.
 * HG_OK, also if nothing waits any more; HG_E_HANDLE, HG_E_BUSY.
 */
s64 hg_core_sign(u64 vcpu);

/*
 * call.c: does *@nr exist, and are the arguments it does not take zero? HG_E_CALL, HG_E_ARG.
 * After it *@nr is in bounds even where the CPU runs ahead.
 */
s64 hg_call_check(u64 *nr, const u64 arg[5]);
/* The call as it is made by @who, of a number and arguments that are checked. */
s64 hg_call_as(u32 who, u64 nr, const u64 arg[5]);

/* page.c */
void hg_frames_init(void);

/* audit.c: does every record agree with every table? Stops the machine if not. */
void hg_core_audit(void);
void hg_core_audit_some(void);	/* after each call in builds with HG_DEBUG */

/* npt.c: nested page tables; the domain is locked. */
s64 hg_npt_init(struct hg_domain *domain);
void hg_npt_destroy(struct hg_domain *domain);
void hg_npt_cache_add(struct hg_domain *domain, u64 pfn);
u64 hg_npt_cache_take(struct hg_domain *domain);	/* clean; 0: none */
bool hg_npt_cache_has(struct hg_domain *domain, u32 frames);	/* tries limbo, too */
void hg_npt_drain_limbo(struct hg_domain *domain);
s64 hg_npt_map(struct hg_domain *domain, u64 gfn, u64 pfn, u32 level, u64 prot);
s64 hg_npt_unmap(struct hg_domain *domain, u64 gfn, u64 count);
void hg_npt_unmap_all(struct hg_domain *domain);	/* that is lent */
s64 hg_npt_protect(struct hg_domain *domain, u64 gfn, u64 count);
s64 hg_npt_age(struct hg_domain *domain, u64 gfn, u64 count, bool clear);
/*
 * hg_npt_lookup - the address in the direct map of @gpa, for reading.
 * Lock-free: safe against concurrent changes because tables are never freed
 * while a vCPU of the domain is inside HG_CALL_VCPU_RUN (limbo).
 * *@left: bytes to the end of the leaf. NULL if nothing readable is there.
 */
const void *hg_npt_lookup(const struct hg_domain *domain, u64 gpa, u64 *left);
/* The same for the emulator; with @write only what the guest may write. */
void *hg_npt_reach(const struct hg_domain *domain, u64 gpa, bool write, u64 *left);

/*
 * npt.c, for confidential domains: tables for private pages, at gfns with the
 * C-bit; the domain is locked.
 */
s64 hg_npt_init_private(struct hg_domain *domain);	/* HG_E_NOMEM */
s64 hg_npt_map_private(struct hg_domain *domain, u64 gfn, u64 pfn, u32 level, bool writable);
/*
 * Take private pages that are writable from the guest: -> frames; HG_E_NOMEM (a
 * big page would have to be split). They go to limbo, and from there to the cache.
 */
s64 hg_npt_withdraw(struct hg_domain *domain, u64 gfn, u64 count);

/*
 * npt.c, for guests that have guests; the domain is locked.
 *
 * own		the frame of RAM at @gfn, lent to the guest: *@pfn; and the leaf's *@level.
 *		HG_E_ABSENT (nothing there, or not writable though @write), HG_E_OWNER (given
 *		away, or the core's)
 * onward	mark that @gfn is lent on
 * give		@gfn leaves the guest. HG_E_ABSENT, HG_E_OWNER (also: lent to others), HG_E_NOMEM
 *		(tables). @next is kept for hg_npt_back()
 * fix		@pfn, a frame of the core's, is where @gfn was given away
 * back		takes give or fix back, and returns @next
 * is_away	was it given away?
 */
s64 hg_npt_own(struct hg_domain *domain, u64 gfn, bool write, u64 *pfn, u32 *level);
void hg_npt_onward(struct hg_domain *domain, u64 gfn);
s64 hg_npt_give(struct hg_domain *domain, u64 gfn, u64 next);
void hg_npt_fix(struct hg_domain *domain, u64 gfn, u64 pfn);
u64 hg_npt_back(struct hg_domain *domain, u64 gfn);
bool hg_npt_is_away(const struct hg_domain *domain, u64 gfn);
/* A frame that was the core's goes to the cache once no CPU reaches it any more. */
void hg_npt_retire(struct hg_domain *domain, u64 pfn);

/*
 * nest.c: calls of a guest's.
 *
 * is_call	does the VMMCALL that stopped it address the core?
 * call		carry it out: -1 or an enum hg_exit, as trap.c's
 * fault	a nested fault: an enum hg_exit, -1 (go on: the guest touched what it gave
 *		away) or HG_NEST_NOT_MINE
 * lost		pages lent on have lost rights: no child keeps any. The domain is locked
 */
bool hg_nest_is_call(const struct hg_vcpu *vcpu);
int hg_nest_call(struct hg_vcpu *vcpu, u32 length);
#define HG_NEST_NOT_MINE	(-2)
int hg_nest_fault(struct hg_vcpu *vcpu, u64 gpa);
void hg_nest_lost(struct hg_domain *domain);

/* cpuid.c */
s64 hg_cpuid_take(struct hg_vcpu *vcpu, const struct hg_cpuid *from, u32 count);
const struct hg_cpuid *hg_cpuid_find(const struct hg_vcpu *vcpu, u32 function, u32 index);
/* The leaves by which a guest finds the core, into @reg[4]; false if @function is none. */
bool hg_nest_cpuid(const struct hg_vcpu *vcpu, u32 function, u32 *reg);

/*
 * cvm_cpuid.c: what a confidential guest may be told; in place. Adds at most
 * HG_CVM_CPUID_NEEDED entries; returns how many there are then. @native_ecx1: ECX
 * of leaf 1 of this CPU.
 */
#define HG_CVM_CPUID_NEEDED	3
u32 hg_cvm_cpuid(struct hg_cpuid *table, u32 count, u32 c_bit, u32 native_ecx1);

/* cvm.c */
bool hg_cvm_is_ram(const struct hg_domain *domain, u64 gfn, u64 count);
/* Paging with the C-bit in use? Else every access is private. */
static inline bool hg_cvm_selects(u64 efer)
{
	return efer & HG_EFER_LMA;
}
/* The top table for the mode that @efer tells. */
static inline u64 hg_domain_root(const struct hg_domain *domain, u64 efer)
{
	return !domain->c_mask || hg_cvm_selects(efer) ? domain->root : domain->cvm.unpaged[0];
}

/*
 * cvm_trap.c: what the core answers itself for a confidential guest. -1 or an
 * enum hg_exit, as those of trap.c.
 */
int hg_cvm_cr3(struct hg_vcpu *vcpu, u32 length, bool write, u32 gpr,
	       const struct hg_mode_state *now);
int hg_cvm_msr(struct hg_vcpu *vcpu, u32 length, bool write, const struct hg_mode_state *now);
int hg_cvm_hypercall(struct hg_vcpu *vcpu, u32 length);
/* The state after power-on or INIT. */
void hg_cvm_reset_vcpu(struct hg_vcpu *vcpu);

/* cvm_irq.c */
enum hg_cvm_event { HG_EVENT_TAKE, HG_EVENT_LATER, HG_EVENT_DROP };
enum hg_cvm_event hg_cvm_event(struct hg_vcpu *vcpu, u32 event);
void hg_cvm_irq_mmio(struct hg_vcpu *vcpu, u64 gpa, u32 size, u64 value);
void hg_cvm_irq_msr(struct hg_vcpu *vcpu, u32 index, u64 value);
/* May this vCPU be started at @vector? Takes the permission. */
bool hg_cvm_irq_startup(struct hg_vcpu *vcpu, u32 vector);

/* vcpu.c */
bool hg_xcr0_valid(const struct hg_vcpu *vcpu, u64 xcr0);
void hg_vcpu_reset(struct hg_vcpu *vcpu);	/* the state after power-on */
/* All vCPUs of a locked domain, or none: false if one is claimed. */
bool hg_vcpus_claim(struct hg_domain *domain);
void hg_vcpus_release(struct hg_domain *domain);
void hg_vcpu_raise(struct hg_vcpu *vcpu, u32 vector, bool has_error, u32 error);

/*
 * A vCPU's frames. What VCPU_CREATE makes of consecutive frames, for any; and what is
 * left by VCPU_DESTROY: host frames, scrubbed.
 */
struct hg_vcpu_frames {
	u64 page;		/* pfn */
	u64 frame[HG_VCPU_FRAMES];
	u64 page_gfn;		/* as in struct hg_vcpu */
	u64 away[HG_VCPU_FRAMES];
};
/* The handles' lock is held. */
s64 hg_vcpu_create(u32 who, u64 handle, const struct hg_vcpu_frames *frames);
/* Of a child the control page stays a CONTROL frame: it is still mapped in its parent. */
s64 hg_vcpu_destroy(u32 who, u64 handle, struct hg_vcpu_frames *frames);
/* Run a child's vCPU within its parent's: enum hg_exit or hg_status. *@stop: for L0. */
s64 hg_vcpu_run_child(struct hg_vcpu *parent, u64 handle, int *stop);

/* What decides how the guest translates addresses, now. */
struct hg_mode_state {
	u64 cr0, cr3, cr4, efer;
	bool cs_long;
};

/*
 * trap.c: instructions that the core finishes itself. Called by a backend after
 * the exit, with the registers in struct hg_vcpu. @length: of the instruction.
 * They return -1 (go on in the guest) or an enum hg_exit.
 */
int hg_trap_cpuid(struct hg_vcpu *vcpu, u32 length, u64 cr4);
int hg_trap_xsetbv(struct hg_vcpu *vcpu, u32 length);
int hg_trap_dr(struct hg_vcpu *vcpu, u32 length, bool write, u32 nr, u32 gpr, bool wide, u64 cr4);
int hg_trap_cr4(struct hg_vcpu *vcpu, u32 length, u64 value, const struct hg_mode_state *now);
int hg_trap_cr0(struct hg_vcpu *vcpu, u32 length, u64 value, const struct hg_mode_state *now);

/*
 * fetch.c: the bytes of the instruction at @linear, by the guest's tables.
 * Returns how many of @want were read into @bytes; 0 and *@gpa when the page
 * there is not mapped (the parent must fault it in), or ~0 in *@gpa when the
 * guest's own tables do not map it.
 */
struct hg_fetch {
	u64 linear;
	u64 cr0, cr3, cr4, efer, rflags;
	u32 cpl;
};
u32 hg_fetch_insn(struct hg_vcpu *vcpu, const struct hg_fetch *fetch, u8 *bytes, u32 want,
		  u64 *gpa);

/*
 * domain.c: the domain behind @handle, locked, until hg_domain_leave(); NULL for
 * a bad handle, or when it is not @who's. hg_domain_lock() is for who knows that the domain
 * stays: it has a vCPU that is claimed.
 */
struct hg_domain *hg_domain_enter(u32 who, u64 handle);
void hg_domain_leave(struct hg_domain *domain);
void hg_domain_lock(struct hg_domain *domain);
/* Every domain whose parent is @who, one after the other: locked; to be left by the caller. */
struct hg_domain *hg_domain_child(u32 who, u32 *slot);
/* DOMAIN_CREATE; @away: gfn + 1 that a guest gave for @pfn, or 0. */
s64 hg_domain_create(u32 who, u64 pfn, u32 flags, u64 away);

/*
 * The calls, one function each. @who calls: a domain's handle, or 0 for the host. Handles
 * mean only what is the caller's own, and frame numbers are the machine's: nest.c translates.
 */
#define X(upper, lower) s64 hg_do_##lower(u32 who, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
HG_CALL_LIST(X)
#undef X

#endif /* HG_CORE_CORE_H */
