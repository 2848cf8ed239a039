/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Confidential VMs in the Linux half: the SEV commands by which a VMM launches
 * one (sev.c, sev_dev.c), the private memory behind it (cvm_mem.c), what its
 * vCPUs' exits need (cvm_exit.c), and which ioctls are left to the VMM
 * (cvm_ioctl.c).
 *
 * The core keeps the secrets; this half brings frames and speaks the ABI. What
 * it hides from user space in addition (registers that read as zero, events
 * that are dropped) spares a VMM errors; nothing rests on it.
 */
#ifndef HGL_CVM_H
#define HGL_CVM_H

#include "vm.h"
#include "../core/cvm.h"

/* Its registers are the guest's own: since LAUNCH_FINISH, until its end. Any context. */
static inline bool hgl_cvm_running(const struct hgl_vm *vm)
{
	return smp_load_acquire(&vm->cvm) == HG_CVM_RUNNING;
}

/* It is or will be confidential: since KVM_SEV_INIT, before its first vCPU. */
static inline bool hgl_cvm(const struct hgl_vm *vm)
{
	return READ_ONCE(vm->cvm) != HG_CVM_NONE;
}

/* What a confidential vCPU waits for from the VMM. */
enum hgl_cvm_wait {
	HGL_CVM_NOTHING,
	HGL_CVM_PORT,		/* the data of an IN, in vcpu->pio_data */
	HGL_CVM_MMIO,		/* run->mmio.data */
};

/* ---- sev.c: vm->lock is taken inside; may sleep ---- */
/* KVM_MEMORY_ENCRYPT_OP. 0 or -errno; the SEV error code goes to struct kvm_sev_cmd. */
long hgl_sev_op(struct hgl_vm *vm, void __user *user);
/* KVM_MEMORY_ENCRYPT_{REG,UNREG}_REGION. */
long hgl_sev_region(struct hgl_vm *vm, const struct kvm_enc_region *region, bool add);
/* Which bit of an address; of a VM that is confidential. */
u32 hgl_sev_c_bit(const struct hgl_vm *vm);
void hgl_sev_destroy(struct hgl_vm *vm);

/* ---- sev_dev.c: /dev/sev, from module init and exit ---- */
int hgl_sev_dev_init(void);
void hgl_sev_dev_exit(void);

/* ---- cvm_mem.c ---- */
/*
 * Private pages at [gfn, gfn + pages), where there are none yet. @flags:
 * HG_CVM_READONLY. 0, -ENOMEM, -EFAULT (the core refuses), -EINTR. May sleep.
 */
int hgl_cvm_populate(struct hgl_vm *vm, u64 gfn, u64 pages, u32 flags);
/* Copy @length bytes of the VMM's memory at @hva to the private page(s) at @gpa; HG_LOAD_*. */
int hgl_cvm_load(struct hgl_vm *vm, u64 gpa, unsigned long hva, u32 length, u32 type);
/* HG_EXIT_NPF with HG_NPF_PRIVATE: as hgl_mmu_fault(). */
int hgl_cvm_fault(struct hgl_vcpu *vcpu, u64 gpa);
/* Give back frames that the guest has made shared. May sleep. */
void hgl_cvm_reclaim(struct hgl_vm *vm);
/* 2 MiB in one piece, or NULL. Split: once the core's, each frame comes back alone. */
struct page *hgl_big_alloc(void);
void hgl_big_free(struct page *page);
/* Has the range of a slot private pages (then it must stay)? */
bool hgl_cvm_slot_pinned(struct hgl_vm *vm, const struct hgl_slot *slot);
/*
 * May a slot be deleted? Not one with private pages, but before the launch is finished,
 * to be cut anew. All three under @slots_lock.
 */
bool hgl_cvm_slot_may_go(struct hgl_vm *vm, const struct hgl_slot *slot);
/* It was deleted. */
void hgl_cvm_slot_gone(struct hgl_vm *vm, const struct hgl_slot *slot);
/* A slot was created or moved: maybe where private pages are already. */
void hgl_cvm_slot_came(struct hgl_vm *vm, const struct hgl_slot *slot);

/* ---- cvm_ioctl.c ---- */
/*
 * The locks of all vCPUs but @own, which may be NULL, for a change of the whole VM: false
 * if an ioctl of one is under way. The VM's lock is held.
 */
bool hgl_cvm_lock_vcpus(struct hgl_vm *vm, const struct hgl_vcpu *own);
void hgl_cvm_unlock_vcpus(struct hgl_vm *vm, const struct hgl_vcpu *own);
/* An ioctl of a running CVM's vCPU; -ENOTTY: it is harmless, go on as for any VM. */
long hgl_cvm_vcpu_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg);

/* ---- cvm_exit.c: as hgl_exit() and hgl_io_complete() of vcpu.h ---- */
#define HGL_NOT_MINE	2	/* nothing special about this one: see hgl_exit() */
int hgl_cvm_exit(struct hgl_vcpu *vcpu, enum hg_exit exit);
int hgl_cvm_io_complete(struct hgl_vcpu *vcpu);

#endif /* HGL_CVM_H */
