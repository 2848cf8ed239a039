/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block (AMD APM vol. 2, appendix B).
 */
#ifndef HG_SVM_VMCB_H
#define HG_SVM_VMCB_H

#include "../core/types.h"
#include "../core/x86.h"

/* Intercepts, word 3 (offset 00Ch). */
#define SVM_INTERCEPT_INTR		HG_BIT32(0)
#define SVM_INTERCEPT_NMI		HG_BIT32(1)
#define SVM_INTERCEPT_INIT		HG_BIT32(3)
#define SVM_INTERCEPT_VINTR		HG_BIT32(4)
#define SVM_INTERCEPT_CR0_SEL		HG_BIT32(5)
#define SVM_INTERCEPT_RDPMC		HG_BIT32(15)
#define SVM_INTERCEPT_CPUID		HG_BIT32(18)
#define SVM_INTERCEPT_RSM		HG_BIT32(19)
#define SVM_INTERCEPT_IRET		HG_BIT32(20)
#define SVM_INTERCEPT_INVD		HG_BIT32(22)
#define SVM_INTERCEPT_PAUSE		HG_BIT32(23)
#define SVM_INTERCEPT_HLT		HG_BIT32(24)
#define SVM_INTERCEPT_INVLPGA		HG_BIT32(26)
#define SVM_INTERCEPT_IOIO		HG_BIT32(27)
#define SVM_INTERCEPT_MSR		HG_BIT32(28)
#define SVM_INTERCEPT_FERR_FREEZE	HG_BIT32(30)
#define SVM_INTERCEPT_SHUTDOWN		HG_BIT32(31)

/* Word 4 (offset 010h). */
#define SVM_INTERCEPT_VMRUN		HG_BIT32(0)
#define SVM_INTERCEPT_VMMCALL		HG_BIT32(1)
#define SVM_INTERCEPT_VMLOAD		HG_BIT32(2)
#define SVM_INTERCEPT_VMSAVE		HG_BIT32(3)
#define SVM_INTERCEPT_STGI		HG_BIT32(4)
#define SVM_INTERCEPT_CLGI		HG_BIT32(5)
#define SVM_INTERCEPT_SKINIT		HG_BIT32(6)
#define SVM_INTERCEPT_WBINVD		HG_BIT32(9)
#define SVM_INTERCEPT_MONITOR		HG_BIT32(10)
#define SVM_INTERCEPT_MWAIT		HG_BIT32(11)
#define SVM_INTERCEPT_MWAIT_ARMED	HG_BIT32(12)
#define SVM_INTERCEPT_XSETBV		HG_BIT32(13)
#define SVM_INTERCEPT_RDPRU		HG_BIT32(14)

#define SVM_CR3_READ			HG_BIT32(3)	/* of the CR word */
#define SVM_CR4_READ			HG_BIT32(4)
#define SVM_CR3_WRITE			HG_BIT32(19)
#define SVM_CR4_WRITE			HG_BIT32(20)
#define SVM_CR8_WRITE			HG_BIT32(24)

#define SVM_TLB_NOTHING			0
#define SVM_TLB_FLUSH_ALL		1
#define SVM_TLB_FLUSH_ASID		3

/* vintr */
#define SVM_VINTR_TPR			HG_MASK(7, 0)
#define SVM_VINTR_IRQ			HG_BIT(8)
#define SVM_VINTR_PRIO_SHIFT		16
#define SVM_VINTR_IGN_TPR		HG_BIT(20)
#define SVM_VINTR_MASKING		HG_BIT(24)

/* EVENTINJ and EXITINTINFO: bits 31:0 have the format of HG_EVENT(). */
#define SVM_EVENT_ERROR_SHIFT		32

/* Exit codes (APM vol. 2, appendix C). */
#define SVM_EXIT_READ_CR0		0x000
#define SVM_EXIT_READ_CR3		0x003
#define SVM_EXIT_READ_CR4		0x004
#define SVM_EXIT_WRITE_CR3		0x013
#define SVM_EXIT_WRITE_CR4		0x014
#define SVM_EXIT_WRITE_CR8		0x018
#define SVM_EXIT_READ_DR0		0x020
#define SVM_EXIT_READ_DR15		0x02f
#define SVM_EXIT_WRITE_DR0		0x030
#define SVM_EXIT_WRITE_DR15		0x03f
#define SVM_EXIT_EXCP(n)		(0x040 + (n))
#define SVM_EXIT_INTR			0x060
#define SVM_EXIT_NMI			0x061
#define SVM_EXIT_INIT			0x063
#define SVM_EXIT_VINTR			0x064
#define SVM_EXIT_CR0_SEL_WRITE		0x065
#define SVM_EXIT_RDPMC			0x06f
#define SVM_EXIT_CPUID			0x072
#define SVM_EXIT_RSM			0x073
#define SVM_EXIT_IRET			0x074
#define SVM_EXIT_INVD			0x076
#define SVM_EXIT_PAUSE			0x077
#define SVM_EXIT_HLT			0x078
#define SVM_EXIT_INVLPGA		0x07a
#define SVM_EXIT_IOIO			0x07b
#define SVM_EXIT_MSR			0x07c
#define SVM_EXIT_FERR_FREEZE		0x07e
#define SVM_EXIT_SHUTDOWN		0x07f
#define SVM_EXIT_VMRUN			0x080
#define SVM_EXIT_VMMCALL		0x081
#define SVM_EXIT_VMLOAD			0x082
#define SVM_EXIT_VMSAVE			0x083
#define SVM_EXIT_STGI			0x084
#define SVM_EXIT_CLGI			0x085
#define SVM_EXIT_SKINIT			0x086
#define SVM_EXIT_WBINVD			0x089
#define SVM_EXIT_MONITOR		0x08a
#define SVM_EXIT_MWAIT			0x08b
#define SVM_EXIT_MWAIT_ARMED		0x08c
#define SVM_EXIT_XSETBV			0x08d
#define SVM_EXIT_RDPRU			0x08e
#define SVM_EXIT_NPF			0x400
#define SVM_EXIT_INVALID		(~0ULL)

/* EXITINFO1 of an I/O intercept (APM vol. 2, 15.10.2). */
#define SVM_IOIO_IN			HG_BIT(0)
#define SVM_IOIO_STR			HG_BIT(2)
#define SVM_IOIO_REP			HG_BIT(3)
#define SVM_IOIO_SIZE(i)		(((i) >> 4) & 7)
#define SVM_IOIO_SEG(i)			(((i) >> 10) & 7)
#define SVM_IOIO_PORT(i)		((u16)((i) >> 16))

struct vmcb {
	/* control area */
	u32 intercept_cr;	/* reads 15:0, writes 31:16 */
	u32 intercept_dr;
	u32 intercept_exception;
	u32 intercept3;
	u32 intercept4;
	u32 intercept5;
	u8 reserved_018[0x03c - 0x018];
	u16 pause_threshold;
	u16 pause_count;
	u64 iopm_pa;
	u64 msrpm_pa;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u64 vintr;
	u64 interrupt_shadow;
	u64 exit_code;
	u64 exit_info1;
	u64 exit_info2;
	u64 exit_int_info;
	u64 nested_control;	/* bit 0: nested paging */
	u8 reserved_098[0x0a8 - 0x098];
	u64 event_inject;
	u64 nested_cr3;
	u64 virt_ext;
	u32 clean;
	u32 reserved_0c4;
	u64 next_rip;
	u8 insn_length;
	u8 insn_bytes[15];
	u8 reserved_0e0[0x400 - 0x0e0];

	/* state save area */
	struct hg_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_4a0[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved_4cc;
	u64 efer;
	u8 reserved_4d8[0x548 - 0x4d8];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved_580[0x5d8 - 0x580];
	u64 rsp;
	u8 reserved_5e0[0x5f8 - 0x5e0];
	u64 rax;
	u64 star;
	u64 lstar;
	u64 cstar;
	u64 sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	u64 cr2;
	u8 reserved_648[0x668 - 0x648];
	u64 pat;
	u64 debugctl;
	u64 br_from;
	u64 br_to;
	u64 last_excp_from;
	u64 last_excp_to;
	u8 reserved_698[0x1000 - 0x698];
};
#define VMCB_AT(member, offset)	HG_STATIC_ASSERT(HG_OFFSETOF(struct vmcb, member) == (offset))
VMCB_AT(pause_threshold, 0x03c);
VMCB_AT(iopm_pa, 0x040);
VMCB_AT(asid, 0x058);
VMCB_AT(vintr, 0x060);
VMCB_AT(exit_code, 0x070);
VMCB_AT(nested_control, 0x090);
VMCB_AT(event_inject, 0x0a8);
VMCB_AT(clean, 0x0c0);
VMCB_AT(next_rip, 0x0c8);
VMCB_AT(es, 0x400);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(rflags, 0x570);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(cr2, 0x640);
VMCB_AT(pat, 0x668);
HG_STATIC_ASSERT(sizeof(struct vmcb) == 0x1000);

#endif /* HG_SVM_VMCB_H */
