/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vCPU control page: what a parent says to the core about a vCPU, and what
 * the core tells it.
 *
 * One 4 KiB page per vCPU, written by both sides. The core never trusts it:
 * it reads each field once, checks the copy, and uses the copy. State travels
 * in groups: the parent marks those it changed in @dirty, the core those it
 * filled in @valid. After a run only HG_STATE_REGS is valid; the rest is
 * fetched on demand (HG_CALL_VCPU_FETCH).
 */
#ifndef HG_CORE_VCPU_PAGE_H
#define HG_CORE_VCPU_PAGE_H

#include "types.h"
#include "x86.h"

/* State groups of @dirty and @valid. */
#define HG_STATE_REGS		HG_BIT(0)	/* gpr, rip, rflags, shadow */
#define HG_STATE_CONTROL	HG_BIT(1)	/* cr0..cr4, efer, xcr0 */
#define HG_STATE_SEGMENTS	HG_BIT(2)	/* seg[], cpl */
#define HG_STATE_MSRS		HG_BIT(3)	/* syscall and sysenter MSRs, pat */
#define HG_STATE_DEBUG		HG_BIT(4)	/* dr0..dr3, dr6, dr7 */
#define HG_STATE_TIME		HG_BIT(5)	/* tsc_offset, tsc_aux */
#define HG_STATE_EVENTS		HG_BIT(6)	/* nmi_masked */
#define HG_STATE_ALL		HG_MASK(6, 0)
/*
 * In @dirty only: rip, rflags and irq_shadow have changed, the rest of REGS has
 * not. What most exits end with.
 */
#define HG_STATE_RIP		HG_BIT(7)

/* What the parent asks for in @run_flags. */
#define HG_RUN_IRQ_WINDOW	HG_BIT(0)	/* exit once an interrupt can be taken */
#define HG_RUN_NMI_WINDOW	HG_BIT(1)	/* exit once an NMI can be taken */
#define HG_RUN_CR8_EXIT		HG_BIT(2)	/* exit on a write to CR8 */
#define HG_RUN_STEP		HG_BIT(3)	/* exit after one instruction */
#define HG_RUN_TRAP_DB		HG_BIT(4)	/* debug exceptions leave the guest */
#define HG_RUN_TRAP_BP		HG_BIT(5)	/* breakpoints leave the guest */
#define HG_RUN_FLAGS		HG_MASK(5, 0)

/*
 * An event to deliver at entry, or one whose delivery an exit cut short.
 * The format is the architecture's (APM vol. 2, 15.20; SDM vol. 3, 25.8.3):
 * vector 7:0, type 10:8, error code valid 11, valid 31.
 */
#define HG_EVENT_VECTOR(e)	((e) & 0xff)
#define HG_EVENT_TYPE(e)	(((e) >> 8) & 7)
#define HG_EVENT_HAS_ERROR	HG_BIT(11)
#define HG_EVENT_VALID		HG_BIT(31)
enum hg_event_type {
	HG_EVENT_IRQ	= 0,
	HG_EVENT_NMI	= 2,
	HG_EVENT_FAULT	= 3,	/* hardware exception */
	HG_EVENT_SOFT	= 4,	/* INT n, INT3, INTO */
};
#define HG_EVENT(type, vector)	((u32)HG_EVENT_VALID | ((u32)(type) << 8) | (u32)(vector))

/* Why HG_CALL_VCPU_RUN came back. */
#define HG_EXIT_LIST(X)							\
	X(KICK)		/* @kick was set, the guest may not have run */	\
	X(INTR)		/* a host interrupt is pending */		\
	X(NMI)		/* a host NMI was taken */			\
	X(MACHINE_CHECK) /* a machine check in the guest's time */	\
	X(NPF)		/* @npf: no mapping allows the access */	\
	X(IO)		/* @io: port access */				\
	X(MSR_READ)	/* @msr: the parent supplies the value */	\
	X(MSR_WRITE)	/* @msr */					\
	X(HLT)		/* the guest halts; RIP is past the HLT */	\
	X(PAUSE)	/* it spins */					\
	X(HYPERCALL)	/* VMMCALL or VMCALL; RIP is past it */		\
	X(SHUTDOWN)	/* triple fault; the state is gone */		\
	X(IRQ_WINDOW)							\
	X(NMI_WINDOW)							\
	X(CR8)		/* CR8 was written, the new value is in place */\
	X(DEBUG)	/* @debug: single step or breakpoint */		\
	X(UNDECODED)	/* an intercepted instruction was not understood: @fail */ \
	X(INVALID)	/* the CPU refused the state: @fail.code */	\
	X(MMIO)		/* CVM: @mmio: a device's register */		\
	X(CONVERTED)	/* CVM: @convert: the guest made pages shared or private */ \
	X(FRAMES)	/* @frames are needed: donate, run again */	\
	X(RELEASED)	/* nesting: make all vCPUs leave the guest; frames may have come free */ \
	X(REPORT)	/* a CVM's, or a guest's: hg_core_sign(), run again */

enum hg_exit {
#define X(name) HG_EXIT_##name,
	HG_EXIT_LIST(X)
#undef X
	HG_EXIT_COUNT
};

/* hg_vcpu_page.npf.access, the parts of the error code that matter. */
#define HG_NPF_PRESENT		HG_BIT(0)	/* a mapping is there, it forbids */
#define HG_NPF_WRITE		HG_BIT(1)
#define HG_NPF_USER		HG_BIT(2)
#define HG_NPF_FETCH		HG_BIT(4)
#define HG_NPF_FINAL		HG_BIT(32)	/* the final address, not a table walk */
#define HG_NPF_TABLE		HG_BIT(33)	/* while reading the guest's tables */
#define HG_NPF_PRIVATE		HG_BIT(34)	/* a CVM's page is missing; gpa without C-bit */
#define HG_NPF_CALL		HG_BIT(35)	/* a call needs it: nothing to emulate */

/*
 * A confidential VM's control page is poorer. The core finishes every
 * instruction itself and tells only what an exit must disclose: the address,
 * size and value of a device access, port or MSR; a fault's address. @rflags holds
 * nothing but IF, @tsc_offset is told; the other state groups are not touched;
 * @dirty is discarded; what an exit cut short is kept by the core and delivered again.
 * @inject takes interrupts and NMIs only; one that cannot be taken now is left
 * in @inject, one that is forbidden is dropped and counted.
 *
 * Reads wait for the parent: after IO (in), MMIO (read), MSR_READ and MSR_WRITE
 * it calls again with a @reply. With HG_REPLY_NONE the instruction begins
 * anew.
 */
enum hg_reply {
	HG_REPLY_NONE,
	HG_REPLY_VALUE,		/* @reply_value, or "written" for MSR_WRITE */
	HG_REPLY_FAULT,		/* MSR_*: #GP(0); FRAMES for a call: there are none */
	HG_REPLY_MMIO,		/* NPF of a shared address, or for a call: no memory there */
};

#define HG_IO_IN		HG_BIT(0)
#define HG_IO_STRING		HG_BIT(1)	/* INS/OUTS: must be emulated */
#define HG_IO_REP		HG_BIT(2)

struct hg_vcpu_page {
	/* --- from the parent --- */
	u32 kick;		/* != 0: come back; set by anyone, cleared by the parent */
	u32 run_flags;		/* HG_RUN_* */
	u32 dirty;		/* HG_STATE_*: taken in and cleared by the core */
	u32 inject;		/* HG_EVENT(), cleared once delivered */
	u32 inject_error;	/* error code, for HG_EVENT_HAS_ERROR */
	u32 inject_length;	/* instruction length, for HG_EVENT_SOFT */
	u32 cr8;		/* task priority 3:0; both directions */
	u32 reply;		/* CVM: enum hg_reply, taken and cleared at entry */
	u64 reply_value;

	/* --- from the core --- */
	u32 exit;		/* enum hg_exit */
	u32 valid;		/* HG_STATE_*: groups below that are current */
	u32 event;		/* an event cut short by this exit, HG_EVENT() */
	u32 event_error;
	u32 event_length;
	u32 insn_length;	/* of the instruction that exited, 0: unknown */
	u32 irq_shadow;		/* != 0: STI or MOV SS just before */
	u32 nmi_masked;		/* NMIs blocked until IRET; group EVENTS to write */
	union {
		struct {
			u64 gpa;
			u64 access;	/* HG_NPF_* */
		} npf;
		struct {
			u16 port;
			u8 size;	/* 1, 2 or 4 */
			u8 flags;	/* HG_IO_* */
			u8 seg;		/* enum hg_seg_index, if the CPU tells */
			u8 reserved[3];
			u64 next_rip;	/* ordinary VM */
			u64 value;	/* CVM: written */
		} io;
		struct {
			u64 gpa;	/* without C-bit */
			u64 value;	/* written */
			u8 size;	/* 1 to 8 */
			u8 write;
			u8 reserved[6];
		} mmio;
		struct {
			u64 gfn;
			u64 count;
			u32 shared;	/* 1: private pages there are gone; 0: now private */
			u32 reserved;
		} convert;
		struct {
			u32 index;
			u32 reserved;
			u64 value;	/* EDX:EAX of a write */
		} msr;
		struct {
			u32 vector;	/* 1: debug exception, 3: breakpoint */
			u32 reserved;
			u64 dr6;
			u64 dr7;
		} debug;
		struct {
			u64 code;	/* the vendor's raw exit code */
			u64 info1;
			u64 info2;
			u32 bytes;	/* of insn[] */
			u8 insn[15];
			u8 reserved;
		} fail;
		struct {
			u32 count;	/* how many, at least; 0: some for tables */
			u32 big;	/* 1: 512 in a row */
		} frames;
		u64 space[12];
	};

	/* --- state groups --- */
	u64 gpr[HG_NR_GPRS];
	u64 rip;
	u64 rflags;

	u64 cr0, cr2, cr3, cr4;
	u64 efer;		/* as the guest sees it */
	u64 xcr0;

	struct hg_segment seg[HG_NR_SEGS];
	u64 cpl;

	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 pat;
	u64 debugctl;

	u64 dr[4];
	u64 dr6, dr7;

	u64 tsc_offset;		/* added to the host's counter */
	u64 tsc_aux;

	u8 insn[16];		/* HG_CALL_VCPU_INSN */

	/* --- counters of what the core finished itself --- */
	u64 stat_runs;		/* world switches into the guest */
	u64 stat_cpuid;
	u64 stat_cr;		/* control and debug register accesses */
	u64 stat_msr;
	u64 stat_other;
};
HG_STATIC_ASSERT(sizeof(struct hg_vcpu_page) <= HG_PAGE_SIZE);

/* One CPUID leaf as a parent hands it in. */
struct hg_cpuid {
	u32 function;
	u32 index;
	u32 flags;		/* HG_CPUID_INDEXED */
	u32 eax, ebx, ecx, edx;
	u32 reserved;
};
#define HG_CPUID_INDEXED	1U	/* ECX selects: @index matters */
HG_STATIC_ASSERT(sizeof(struct hg_cpuid) == 32);

#endif /* HG_CORE_VCPU_PAGE_H */
