// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU: its life, its file descriptor and its ioctls.
 */
#include "vcpu.h"

#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>

#include "irqchip.h"
#include "debugfs.h"
#include "memory.h"

/* The VMM's mapping (api.rst, KVM_GET_VCPU_MMAP_SIZE): run, port data, coalesced ring. */
#define MMAP_RUN	0
#define MMAP_PIO	KVM_PIO_PAGE_OFFSET
#define MMAP_COALESCED	KVM_COALESCED_MMIO_PAGE_OFFSET

/* --- kicking --- */

void hgl_vcpu_kick(struct hgl_vcpu *vcpu)
{
	int cpu, me;

	if (rcuwait_wake_up(&vcpu->wait))
		vcpu->stat.kicks++;
	me = get_cpu();
	/* Pairs with the store of HGL_INSIDE in run.c: the caller's request is visible. */
	smp_mb();
	cpu = READ_ONCE(vcpu->cpu);
	if (READ_ONCE(vcpu->mode) == HGL_INSIDE && cpu != me && cpu >= 0 && cpu_online(cpu))
		smp_send_reschedule(cpu);
	put_cpu();
}

/* --- life --- */

static int alloc_memory(struct hgl_vcpu *vcpu)
{
	struct page *page;

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return -ENOMEM;
	vcpu->run = page_address(page);
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		goto free_run;
	vcpu->pio_data = page_address(page);
	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		goto free_pio;
	vcpu->page = page_address(page);
	return 0;
free_pio:
	free_page((unsigned long)vcpu->pio_data);
free_run:
	free_page((unsigned long)vcpu->run);
	return -ENOMEM;
}

static void free_memory(struct hgl_vcpu *vcpu)
{
	free_page((unsigned long)vcpu->page);
	free_page((unsigned long)vcpu->pio_data);
	free_page((unsigned long)vcpu->run);
}

#define CORE_BYTES	(HG_VCPU_FRAMES * PAGE_SIZE)

/* The core's part: its frames come back scrubbed when the vCPU is destroyed. */
static int core_create(struct hgl_vcpu *vcpu)
{
	void *frames = alloc_pages_exact(CORE_BYTES, GFP_KERNEL_ACCOUNT);
	s64 handle;

	if (!frames)
		return -ENOMEM;
	handle = hgl_call(HG_CALL_VCPU_CREATE, vcpu->vm->domain,
			  page_to_pfn(virt_to_page(vcpu->page)),
			  page_to_pfn(virt_to_page(frames)));
	if (handle < 0) {
		free_pages_exact(frames, CORE_BYTES);
		return handle == HG_E_LIMIT ? -ENOSPC : -EIO;
	}
	vcpu->handle = handle;
	vcpu->core_frames = frames;
	return 0;
}

static void core_destroy(struct hgl_vcpu *vcpu)
{
	s64 status = hgl_call(HG_CALL_VCPU_DESTROY, vcpu->handle);

	if (hgl_vms_gone(status))
		return;
	/* Better a leak than frames that the core still uses. */
	if (WARN(status, "hypergpu: vcpu %u not destroyed: status %lld\n", vcpu->id, status))
		return;
	free_pages_exact(vcpu->core_frames, CORE_BYTES);
}

static void init_state(struct hgl_vcpu *vcpu)
{
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	vcpu->cpu = -1;
	vcpu->mode = HGL_OUTSIDE;
	vcpu->external_vector = -1;
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	vcpu->tsc_khz = vcpu->vm->tsc_khz;
	hgl_cpuid_init(vcpu);
	vcpu->apic_base = 0xfee00000 | BIT(11);
	if (vcpu->id == vcpu->vm->boot_cpu_id)
		vcpu->apic_base |= BIT(8);
}

/* Everything but publication. */
static struct hgl_vcpu *create(struct hgl_vm *vm, u32 id)
{
	struct hgl_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->index = vm->nr_vcpus;
	init_state(vcpu);
	if (!fpu_alloc_guest_fpstate(&vcpu->fpu))
		goto free;
	ret = alloc_memory(vcpu);
	if (ret)
		goto free_fpu;
	ret = core_create(vcpu);
	if (ret)
		goto free_memory;
	ret = hgl_io_init(vcpu);
	if (ret)
		goto destroy_core;
	ret = hgl_msr_init(vcpu);
	if (ret)
		goto destroy_io;
	ret = hgl_irqchip_vcpu_init(vcpu);
	if (ret)
		goto destroy_msr;
	hgl_vcpu_reset_state(vcpu, false);
	if (vcpu->lapic && id != vm->boot_cpu_id)
		vcpu->mp_state = KVM_MP_STATE_UNINITIALIZED;
	return vcpu;

destroy_msr:
	hgl_msr_destroy(vcpu);
destroy_io:
	hgl_io_destroy(vcpu);
destroy_core:
	core_destroy(vcpu);
free_memory:
	free_memory(vcpu);
free_fpu:
	fpu_free_guest_fpstate(&vcpu->fpu);
free:
	kfree(vcpu);
	return ERR_PTR(ret);
}

/* The mirror of create(). Nobody holds the fd any more, and the VM has no other user. */
void hgl_vcpu_destroy(struct hgl_vcpu *vcpu)
{
	hgl_irqchip_vcpu_destroy(vcpu);
	hgl_cpuid_destroy(vcpu);
	hgl_msr_destroy(vcpu);
	hgl_io_destroy(vcpu);
	core_destroy(vcpu);
	free_memory(vcpu);
	fpu_free_guest_fpstate(&vcpu->fpu);
	kfree(vcpu);
}

/* --- the file --- */

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct hgl_vcpu *vcpu = file->private_data;

	/* The vCPU itself lives until the VM goes: others may still point at it. */
	hgl_vm_put(vcpu->vm);
	return 0;
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct hgl_vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	switch (vmf->pgoff) {
	case MMAP_RUN:
		page = virt_to_page(vcpu->run);
		break;
	case MMAP_PIO:
		page = virt_to_page(vcpu->pio_data);
		break;
	case MMAP_COALESCED:
		page = hgl_coalesced_page(vcpu->vm);
		if (!page)
			return VM_FAULT_SIGBUS;
		break;
	default:
		return VM_FAULT_SIGBUS;
	}
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

/* KVM_SET_SIGNAL_MASK: -EINVAL for a wrong size. */
static int set_signal_mask(struct hgl_vcpu *vcpu, unsigned long arg)
{
	struct kvm_signal_mask __user *user = (void __user *)arg;
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!user) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (copy_from_user(&mask, user, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, user->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}

static int translate(struct hgl_vcpu *vcpu, unsigned long arg)
{
	struct kvm_translation tr;
	int ret;

	if (copy_from_user(&tr, (void __user *)arg, sizeof(tr)))
		return -EFAULT;
	ret = hgl_guest_translate(vcpu, &tr);
	if (ret)
		return ret;
	return copy_to_user((void __user *)arg, &tr, sizeof(tr)) ? -EFAULT : 0;
}

/* KVM_SET_GUEST_DEBUG: -EINVAL for flags that are not offered. */
static int set_guest_debug(struct hgl_vcpu *vcpu, unsigned long arg)
{
	const u32 known = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP;
	struct kvm_guest_debug debug;

	if (copy_from_user(&debug, (void __user *)arg, sizeof(debug)))
		return -EFAULT;
	if (debug.control & ~known)
		return -EINVAL;
	vcpu->guest_debug = debug.control & KVM_GUESTDBG_ENABLE ? debug.control : 0;
	return 0;
}

/* KVM_TPR_ACCESS_REPORTING: the answer says that it stays off, as KVM's does with AVIC. */
static int tpr_reporting(unsigned long arg)
{
	struct kvm_tpr_access_ctl ctl;

	if (copy_from_user(&ctl, (void __user *)arg, sizeof(ctl)))
		return -EFAULT;
	if (ctl.flags)
		return -EINVAL;
	ctl.enabled = 0;
	return copy_to_user((void __user *)arg, &ctl, sizeof(ctl)) ? -EFAULT : 0;
}

static int set_tsc_khz(struct hgl_vcpu *vcpu, unsigned long khz)
{
	/* No TSC scaling: the guest's rate is the host's. */
	if (khz && khz != tsc_khz)
		return -EINVAL;
	return 0;
}

static long own_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_SET_SIGNAL_MASK:
		return set_signal_mask(vcpu, arg);
	case KVM_TRANSLATE:
		return translate(vcpu, arg);
	case KVM_SET_GUEST_DEBUG:
		return set_guest_debug(vcpu, arg);
	case KVM_TPR_ACCESS_REPORTING:
		return tpr_reporting(arg);
	case KVM_SET_TSC_KHZ:
		return set_tsc_khz(vcpu, arg);
	case KVM_GET_TSC_KHZ:
		return vcpu->tsc_khz ?: tsc_khz;
	case KVM_SMI:
	case KVM_ENABLE_CAP:
		return -EINVAL;
	}
	return -ENOTTY;
}

/* Registers replaced under an access in flight: its answer has no place to go. */
static bool replaces_registers(unsigned int cmd)
{
	return cmd == KVM_SET_REGS || cmd == KVM_SET_SREGS || cmd == KVM_SET_SREGS2;
}

static long locked_ioctl(struct hgl_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	static long (*const handlers[])(struct hgl_vcpu *, unsigned int, unsigned long) = {
		own_ioctl, hgl_regs_ioctl, hgl_events_ioctl, hgl_msr_ioctl, hgl_cpuid_ioctl,
		hgl_irqchip_vcpu_ioctl,
	};
	long ret = -ENOTTY;
	int idx;
	size_t i;

	if (cmd == KVM_RUN)
		return arg ? -EINVAL : hgl_vcpu_run(vcpu);
	if (unlikely(hgl_cvm(vcpu->vm))) {
		ret = hgl_cvm_vcpu_ioctl(vcpu, cmd, arg);
		if (ret != -ENOTTY)
			return ret;
	}
	idx = srcu_read_lock(&vcpu->vm->srcu);
	for (i = 0; i < ARRAY_SIZE(handlers) && ret == -ENOTTY; i++)
		ret = handlers[i](vcpu, cmd, arg);
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	if (!ret && replaces_registers(cmd))
		hgl_io_cancel(vcpu);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct hgl_vcpu *vcpu = file->private_data;
	long ret;

	if (vcpu->vm->mm != current->mm || READ_ONCE(vcpu->vm->dead))
		return -EIO;
	if (_IOC_TYPE(cmd) != KVMIO)
		return -EINVAL;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	ret = locked_ioctl(vcpu, cmd, arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.release = vcpu_release,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.llseek = noop_llseek,
};

/*
 * KVM_CREATE_VCPU: a file descriptor; -EINVAL (id), -EEXIST, -ENOSPC (too
 * many), -ENOMEM.
 */
int hgl_vcpu_create_fd(struct hgl_vm *vm, u32 id)
{
	struct hgl_vcpu *vcpu;
	struct file *file;
	char name[16];
	u32 i;
	int fd;

	lockdep_assert_held(&vm->lock);
	if (id >= vm->max_vcpu_id)
		return -EINVAL;
	if (vm->nr_vcpus >= HG_MAX_VCPUS)
		return -EINVAL;
	for (i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i]->id == id)
			return -EEXIST;

	vcpu = create(vm, id);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	snprintf(name, sizeof(name), "kvm-vcpu:%u", id);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto destroy;
	file = anon_inode_getfile(name, &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file))
		goto put_fd;
	hgl_vm_get(vm);
	/* Flushes must know it before anyone can run it. Pairs with hgl_vm_nr_vcpus(). */
	vm->vcpus[vcpu->index] = vcpu;
	smp_store_release(&vm->nr_vcpus, vm->nr_vcpus + 1);
	hgl_debugfs_vcpu_add(vcpu);
	fd_install(fd, file);
	return fd;

put_fd:
	put_unused_fd(fd);
	fd = PTR_ERR(file);
destroy:
	hgl_vcpu_destroy(vcpu);
	return fd;
}
