/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a confidential vCPU asks of devices and of its parent, and what it
 * waits for meanwhile. The core carries out the instruction; the parent sees
 * address, size, direction and value, and nothing else.
 */
#ifndef HG_CORE_CVM_IO_H
#define HG_CORE_CVM_IO_H

#include "types.h"
#include "emulate.h"

struct hg_vcpu;

/* What the last exit asked, so that an answer to it makes sense. */
enum hg_cvm_wait {
	HG_WAIT_NOTHING,
	HG_WAIT_PORT,		/* IN: the value */
	HG_WAIT_PORT_EMU,	/* one item of INS, asked by the emulator */
	HG_WAIT_MMIO,		/* a read, asked by the emulator */
	HG_WAIT_MSR_READ,
	HG_WAIT_MSR_WRITE,
	HG_WAIT_SHARED,		/* memory at a shared address, or word that there is none */
	HG_WAIT_RAM,		/* a private page */
};

/* A write that the emulator made and the parent has still to be told. */
struct hg_cvm_write {
	u64 addr;		/* or port, with HG_CVM_PORT */
	u64 value;
	u8 size;
};
#define HG_CVM_PORT		HG_BIT(63)
#define HG_CVM_WRITES		16

struct hg_cvm_io {
	u32 wait;		/* enum hg_cvm_wait */
	u32 length;		/* of the instruction: PORT, MSR_* */
	u32 size;		/* bytes: PORT, PORT_EMU, MMIO */
	u64 gpa;		/* what was asked for: MMIO, PORT_EMU, SHARED, RAM */

	/* --- the instruction that is being emulated --- */
	u8 emulating;		/* it is not finished: go on with it, not with the guest */
	u64 exit_gpa, exit_access;	/* where the CPU stopped; ~0: no fault */
	u64 cr3;
	u64 device[2];		/* shared pages that the parent calls a device's; ~0 none */
	u64 missing, missing_access;	/* the absent page that stopped it; ~0 none */
	u32 answers;		/* entries of @replay at that point */
	u32 writes, sent;
	struct hg_cvm_write write[HG_CVM_WRITES];
	struct hg_emu emu;
	struct hg_replay replay;
};

/*
 * Exits. Each returns -1 (go on in the guest) or an enum hg_exit with the control
 * page filled in.
 *
 * port		a port access that exited; @length of the instruction
 * msr		an MSR that is the parent's to answer; number and value in registers
 * fault	a nested fault at @gpa (C-bit included), HG_NPF_*
 * reply	at entry: finish what waited with @reply; a reply that nothing waits
 *		for is ignored
 * reset	forget what was under way
 */
int hg_cvm_io_port(struct hg_vcpu *vcpu, u16 port, u32 size, bool in, bool string, u32 length);
int hg_cvm_io_msr(struct hg_vcpu *vcpu, bool write, u32 length);
int hg_cvm_io_fault(struct hg_vcpu *vcpu, u64 gpa, u64 access);
int hg_cvm_io_reply(struct hg_vcpu *vcpu, u32 reply, u64 value);
void hg_cvm_io_reset(struct hg_vcpu *vcpu);

#endif /* HG_CORE_CVM_IO_H */
