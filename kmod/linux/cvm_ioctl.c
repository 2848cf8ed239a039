// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM may still do with the vCPUs of a running confidential VM.
 *
 * VMMs read all state at every stop and write it back, and take a refusal for
 * a bug. So reading gives zeros, writing is accepted and dropped. What has no
 * harmless meaning is refused. The list is one of what is allowed.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/uaccess.h>

#include "cvm.h"
#include "memory.h"
#include "vcpu.h"

/* As the ioctl's number says how long its structure is. */
static int read_zeros(unsigned int cmd, unsigned long arg)
{
	return clear_user((void __user *)arg, _IOC_SIZE(cmd)) ? -EFAULT : 0;
}

static int write_nothing(unsigned int cmd, unsigned long arg)
{
	u8 byte;

	/* A pointer that is no pointer is still an error. */
	return copy_from_user(&byte, (void __user *)arg, 1) ? -EFAULT : 0;
}

#define MSRS_MAX	4096

/* KVM_GET_MSRS and KVM_SET_MSRS answer how many entries they took. */
static int msrs(unsigned long arg, bool write)
{
	struct kvm_msrs __user *user = (void __user *)arg;
	u32 count, i;

	if (get_user(count, &user->nmsrs))
		return -EFAULT;
	if (count > MSRS_MAX)
		return -E2BIG;
	for (i = 0; i < count && !write; i++)
		if (put_user(0ULL, &user->entries[i].data))
			return -EFAULT;
	return (int)count;
}

/* ---- reset ---- */

/* What this half keeps of a vCPU, as after power-on. */
static void reset_vcpu(struct hgl_vcpu *vcpu)
{
	hgl_vcpu_reset_state(vcpu, false);
	hgl_irq_reset(vcpu, false);
	hgl_msr_reset(vcpu);
	vcpu->cvm_wait = HGL_CVM_NOTHING;
	vcpu->page->reply = HG_REPLY_NONE;
	vcpu->page->inject = 0;
	vcpu->cvm_ran = false;
	WRITE_ONCE(vcpu->mp_state, vcpu->id == vcpu->vm->boot_cpu_id ?
		   KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED);
}

static void unlock_first(struct hgl_vm *vm, u32 count, const struct hgl_vcpu *own)
{
	while (count--)
		if (vm->vcpus[count] != own)
			mutex_unlock(&vm->vcpus[count]->mutex);
}

void hgl_cvm_unlock_vcpus(struct hgl_vm *vm, const struct hgl_vcpu *own)
{
	unlock_first(vm, vm->nr_vcpus, own);
}

/* Only tried: a vCPU's lock comes before the VM's, and a stopped one is free. */
bool hgl_cvm_lock_vcpus(struct hgl_vm *vm, const struct hgl_vcpu *own)
{
	u32 i;

	lockdep_assert_held(&vm->lock);

	for (i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] == own || mutex_trylock(&vm->vcpus[i]->mutex))
			continue;
		unlock_first(vm, i, own);
		return false;
	}
	return true;
}

static bool has_run(const struct hgl_vm *vm)
{
	u32 i;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i]->cvm_ran)
			return true;
	return false;
}

/* All vCPUs are locked. */
static s64 reset_locked(struct hgl_vm *vm)
{
	s64 status;
	u32 i;

	if (!has_run(vm))
		return HG_OK;	/* the others of the same reset */
	status = hgl_call(HG_CALL_CVM_RESET, vm->domain);
	if (status != HG_OK)
		return status;
	for (i = 0; i < vm->nr_vcpus; i++)
		reset_vcpu(vm->vcpus[i]);
	hgl_cvm_reclaim(vm);
	return HG_OK;
}

static int reset(struct hgl_vm *vm, const struct hgl_vcpu *own)
{
	s64 status = HG_E_BUSY;

	mutex_lock(&vm->lock);
	if (hgl_cvm_lock_vcpus(vm, own)) {
		status = reset_locked(vm);
		hgl_cvm_unlock_vcpus(vm, own);
	}
	mutex_unlock(&vm->lock);
	if (status == HG_OK)
		return 0;
	if (status == HG_E_BUSY)
		return -EBUSY;
	pr_warn("vm %u: a confidential VM whose measured memory is writable cannot be reset; start it anew\n",
		vm->id);
	WRITE_ONCE(vm->dead, true);
	return -EPERM;
}

/* ---- the ioctls ---- */

static int get_mp_state(struct hgl_vcpu *vcpu, unsigned long arg)
{
	struct kvm_mp_state state = { .mp_state = vcpu->mp_state };

	return copy_to_user((void __user *)arg, &state, sizeof(state)) ? -EFAULT : 0;
}

/*
 * A VMM writes this when it resets its machine, and only then. All vCPUs are
 * stopped, each is written to, and none has run since the first of them.
 */
static int set_mp_state(struct hgl_vcpu *vcpu, unsigned long arg)
{
	struct kvm_mp_state state;

	if (copy_from_user(&state, (void __user *)arg, sizeof(state)))
		return -EFAULT;
	if (state.mp_state > KVM_MP_STATE_SIPI_RECEIVED)
		return -EINVAL;
	return reset(vcpu->vm, vcpu);
}

long hgl_cvm_vcpu_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	/* Until it runs its state is the VMM's to set, but for what the core does not reset. */
	if (!hgl_cvm_running(vcpu->vm)) {
		if (cmd == KVM_SET_FPU || cmd == KVM_SET_XSAVE || cmd == KVM_SET_XCRS)
			return write_nothing(cmd, arg);
		return -ENOTTY;
	}
	switch (cmd) {
	case KVM_GET_REGS:
	case KVM_GET_SREGS:
	case KVM_GET_SREGS2:
	case KVM_GET_FPU:
	case KVM_GET_XSAVE:
	case KVM_GET_XSAVE2:
	case KVM_GET_XCRS:
	case KVM_GET_DEBUGREGS:
	case KVM_GET_VCPU_EVENTS:
	case KVM_GET_LAPIC:
		return read_zeros(cmd, arg);
	case KVM_SET_REGS:
	case KVM_SET_SREGS:
	case KVM_SET_SREGS2:
	case KVM_SET_FPU:
	case KVM_SET_XSAVE:
	case KVM_SET_XCRS:
	case KVM_SET_DEBUGREGS:
	case KVM_SET_VCPU_EVENTS:
	case KVM_SET_LAPIC:
	case KVM_SET_VAPIC_ADDR:
	case KVM_X86_SETUP_MCE:
	case KVM_X86_SET_MCE:
		return write_nothing(cmd, arg);
	case KVM_GET_MSRS:
		return msrs(arg, false);
	case KVM_SET_MSRS:
		return msrs(arg, true);
	case KVM_GET_MP_STATE:
		return get_mp_state(vcpu, arg);
	case KVM_SET_MP_STATE:
		return set_mp_state(vcpu, arg);
	case KVM_NMI:
	case KVM_SET_SIGNAL_MASK:
	case KVM_TPR_ACCESS_REPORTING:
	case KVM_SET_TSC_KHZ:
	case KVM_GET_TSC_KHZ:
	case KVM_GET_CPUID2:
		return -ENOTTY;		/* as for any VM */
	}
	return -EPERM;
}
