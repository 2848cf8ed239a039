// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM: its life, and the ioctls of its file descriptor.
 */
#define pr_fmt(fmt) "hypergpu: " fmt

#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "cap.h"
#include "clock.h"
#include "cvm.h"
#include "debugfs.h"
#include "memory.h"

static DEFINE_IDA(vm_ids);
static DEFINE_SPINLOCK(vms_lock);
static LIST_HEAD(vms);
static bool stopped;	/* by hgl_vms_stop(): VMs that come later are dead from the start */

/* ---- life ---- */

/*
 * A domain of its own control frame. -ENOMEM, -ENOSPC (too many VMs), -EIO.
 */
static int domain_create(struct hgl_vm *vm)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	s64 status;

	if (!page)
		return -ENOMEM;
	status = hgl_call(HG_CALL_DOMAIN_CREATE, page_to_pfn(page), hgl_nest_flags());
	if (status < 0) {
		__free_page(page);
		if (status == HG_E_LIMIT)
			return -ENOSPC;
		pr_warn_ratelimited("the core made no domain: status %lld\n", status);
		return -EIO;
	}
	vm->domain = status;
	vm->domain_pfn = page_to_pfn(page);
	return 0;
}

/*
 * Take back every frame. The control frame comes last, and with it the handle
 * is free for another VM: it must not be used once more to learn that nothing
 * is left.
 */
static void domain_destroy(struct hgl_vm *vm)
{
	s64 status;

	hgl_nest_purge(vm);
	status = hgl_call(HG_CALL_DOMAIN_DESTROY, vm->domain);
	if (hgl_vms_gone(status))
		return;
	if (WARN(status != HG_OK, "hypergpu: domain %llu leaks: %lld\n", vm->domain, status))
		return;

	do {
		status = hgl_call(HG_CALL_DOMAIN_RECLAIM, vm->domain);
		if (WARN(status < 0, "hypergpu: domain %llu leaks: %lld\n", vm->domain,
			 status))
			return;
		__free_page(pfn_to_page(status));
		cond_resched();
	} while (status != vm->domain_pfn);
}

static int slots_init(struct hgl_vm *vm)
{
	struct hgl_slots *slots;
	int ret;

	mutex_init(&vm->slots_lock);
	slots = hgl_slots_alloc(0);
	if (!slots)
		return -ENOMEM;
	ret = init_srcu_struct(&vm->srcu);
	if (ret) {
		kvfree(slots);
		return ret;
	}
	RCU_INIT_POINTER(vm->slots, slots);
	return 0;
}

static void slots_exit(struct hgl_vm *vm)
{
	hgl_slots_destroy(vm);
	cleanup_srcu_struct(&vm->srcu);
}

/* A VM with one reference. ERR_PTR: -ENOMEM, -ENOSPC, -EINTR, -EIO. */
static struct hgl_vm *vm_create(void)
{
	struct hgl_vm *vm;
	int ret;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	mutex_init(&vm->lock);
	mutex_init(&vm->tsc_lock);
	spin_lock_init(&vm->irq_lock);
	refcount_set(&vm->refs, 1);
	vm->max_vcpu_id = HGL_MAX_VCPU_ID;
	vm->tsc_khz = tsc_khz;
	vm->pid = task_tgid_nr(current);
	vm->mm = current->mm;
	hgl_clock_init(vm);

	ret = ida_alloc_min(&vm_ids, 1, GFP_KERNEL);
	if (ret < 0)
		goto free_vm;
	vm->id = ret;

	ret = domain_create(vm);
	if (ret)
		goto free_id;
	/* With a top table even before the first fault: vCPUs need one to run. */
	ret = hgl_mmu_donate(vm);
	if (ret)
		goto destroy_domain;
	ret = slots_init(vm);
	if (ret)
		goto destroy_domain;
	ret = hgl_irqchip_vm_init(vm);
	if (ret)
		goto exit_slots;
	/* Last: from here on the notifier finds a whole VM. */
	mmgrab(vm->mm);
	ret = hgl_mmu_init(vm);
	if (ret)
		goto drop_mm;

	hgl_debugfs_vm_add(vm);
	spin_lock(&vms_lock);
	list_add(&vm->link, &vms);
	vm->dead = stopped;
	spin_unlock(&vms_lock);
	return vm;

drop_mm:
	mmdrop(vm->mm);
	hgl_irqchip_vm_destroy(vm);
exit_slots:
	slots_exit(vm);
destroy_domain:
	domain_destroy(vm);
free_id:
	ida_free(&vm_ids, vm->id);
free_vm:
	kvfree(vm);
	return ERR_PTR(ret);
}

/*
 * The mirror of vm_create(). Every user of the VM holds a reference, so no
 * ioctl and no vCPU runs here; the notifier is the last that can come from
 * outside and goes first, as it looks at vCPUs and slots.
 */
static void vm_destroy(struct hgl_vm *vm)
{
	u32 nr = vm->nr_vcpus;
	u32 i;

	spin_lock(&vms_lock);
	list_del(&vm->link);
	spin_unlock(&vms_lock);
	hgl_mmu_stop(vm);
	hgl_debugfs_vm_remove(vm);

	WRITE_ONCE(vm->nr_vcpus, 0);
	for (i = 0; i < nr; i++)
		hgl_vcpu_destroy(vm->vcpus[i]);

	hgl_irqchip_vm_destroy(vm);
	slots_exit(vm);
	hgl_sev_destroy(vm);
	domain_destroy(vm);
	mmdrop(vm->mm);
	ida_free(&vm_ids, vm->id);
	kvfree(vm);
}

void hgl_vm_get(struct hgl_vm *vm)
{
	refcount_inc(&vm->refs);
}

void hgl_vm_put(struct hgl_vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		vm_destroy(vm);
}

/* A vCPU that is made later finds the VM dead at its first run. */
void hgl_vm_stop(struct hgl_vm *vm)
{
	u32 i;

	WRITE_ONCE(vm->dead, true);
	for (i = 0; i < hgl_vm_nr_vcpus(vm); i++) {
		hgl_vcpu_request(vm->vcpus[i], HGL_REQ_DEAD);
		hgl_vcpu_kick(vm->vcpus[i]);
	}
}

/* Is it no wonder that the core says @status: was everything destroyed for a reboot? */
bool hgl_vms_gone(s64 status)
{
	return status == HG_E_HANDLE && READ_ONCE(stopped);
}

void hgl_vms_stop(void)
{
	struct hgl_vm *vm;

	spin_lock(&vms_lock);
	stopped = true;
	list_for_each_entry(vm, &vms, link)
		hgl_vm_stop(vm);
	spin_unlock(&vms_lock);
}

/* ---- ioctls ---- */

static int copy_in(void *to, unsigned long arg, size_t size)
{
	return copy_from_user(to, (const void __user *)arg, size) ? -EFAULT : 0;
}

static int vm_set_memory(struct hgl_vm *vm, unsigned long arg)
{
	struct kvm_userspace_memory_region region;

	return copy_in(&region, arg, sizeof(region)) ?: hgl_slots_set(vm, &region);
}

static int vm_get_dirty_log(struct hgl_vm *vm, unsigned long arg)
{
	struct kvm_dirty_log log;

	return copy_in(&log, arg, sizeof(log)) ?: hgl_slots_dirty_log(vm, &log);
}

static int vm_clear_dirty_log(struct hgl_vm *vm, unsigned long arg)
{
	struct kvm_clear_dirty_log log;

	return copy_in(&log, arg, sizeof(log)) ?: hgl_slots_clear_dirty(vm, &log);
}

static int vm_create_vcpu(struct hgl_vm *vm, unsigned long id)
{
	int ret;

	/* Before the id is cut to 32 bits. */
	if (id >= HGL_MAX_VCPU_ID)
		return -EINVAL;
	mutex_lock(&vm->lock);
	ret = hgl_vcpu_create_fd(vm, id);
	mutex_unlock(&vm->lock);
	return ret;
}

/*
 * Where a CPU without unrestricted real mode may keep three pages and a page
 * table of its own. No CPU with SVM needs them; the VMM sets them anyhow.
 */
static int vm_set_tss(struct hgl_vm *vm, unsigned long addr)
{
	if (addr > (u32)-(3 * PAGE_SIZE))
		return -EINVAL;
	vm->tss_addr = addr;
	return 0;
}

static int vm_set_identity_map(struct hgl_vm *vm, unsigned long arg)
{
	u64 addr;
	int ret;

	ret = copy_in(&addr, arg, sizeof(addr));
	if (ret)
		return ret;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		ret = -EINVAL;
	else
		vm->identity_addr = addr;
	mutex_unlock(&vm->lock);
	return ret;
}

static int vm_set_boot_cpu(struct hgl_vm *vm, unsigned long id)
{
	int ret = 0;

	mutex_lock(&vm->lock);
	if (vm->nr_vcpus)
		ret = -EBUSY;
	else if (id >= vm->max_vcpu_id)
		ret = -EINVAL;
	else
		vm->boot_cpu_id = id;
	mutex_unlock(&vm->lock);
	return ret;
}

/* The guest counts the host's ticks: no other rate can be had (KVM_CAP_TSC_CONTROL). */
static int vm_set_tsc_khz(struct hgl_vm *vm, unsigned long khz)
{
	return khz && khz != vm->tsc_khz ? -EINVAL : 0;
}

static int enable_max_vcpu_id(struct hgl_vm *vm, u64 limit)
{
	int ret = 0;

	if (!limit || limit > HGL_MAX_VCPU_ID)
		return -EINVAL;

	mutex_lock(&vm->lock);
	if (limit != vm->max_vcpu_id) {
		/* Once, and before anyone has an id. */
		if (vm->nr_vcpus || vm->max_vcpu_id != HGL_MAX_VCPU_ID)
			ret = -EINVAL;
		else
			WRITE_ONCE(vm->max_vcpu_id, limit);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static int enable_manual_dirty(struct hgl_vm *vm, u64 options)
{
	/* Starting with everything dirty makes no sense if GET still clears. */
	if ((options & ~(u64)HGL_DIRTY_LOG_OPTIONS) ||
	    options == KVM_DIRTY_LOG_INITIALLY_SET)
		return -EINVAL;

	mutex_lock(&vm->slots_lock);
	vm->manual_dirty = options;
	mutex_unlock(&vm->slots_lock);
	return 0;
}

static int vm_enable_cap(struct hgl_vm *vm, unsigned long arg)
{
	struct kvm_enable_cap cap;
	int ret;

	ret = copy_in(&cap, arg, sizeof(cap));
	if (ret)
		return ret;
	if (cap.flags)
		return -EINVAL;

	switch (cap.cap) {
	case KVM_CAP_MAX_VCPU_ID:
		return enable_max_vcpu_id(vm, cap.args[0]);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return enable_manual_dirty(vm, cap.args[0]);
	default:
		return hgl_irqchip_enable_cap(vm, &cap);
	}
}

static long vm_encrypt_region(struct hgl_vm *vm, unsigned long arg, bool add)
{
	struct kvm_enc_region region;

	return copy_in(&region, arg, sizeof(region)) ?: hgl_sev_region(vm, &region, add);
}

/*
 * One VM ioctl, from the VM's own process. What is not a matter of VM, memory
 * or time belongs to the interrupt controllers; -ENOTTY if it is nobody's.
 */
static long vm_dispatch(struct hgl_vm *vm, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case KVM_CREATE_VCPU:
		return vm_create_vcpu(vm, arg);
	case KVM_CHECK_EXTENSION:
		return hgl_check_extension(vm, arg);
	case KVM_ENABLE_CAP:
		return vm_enable_cap(vm, arg);
	case KVM_SET_USER_MEMORY_REGION:
		return vm_set_memory(vm, arg);
	case KVM_GET_DIRTY_LOG:
		return vm_get_dirty_log(vm, arg);
	case KVM_CLEAR_DIRTY_LOG:
		return vm_clear_dirty_log(vm, arg);
	case KVM_SET_TSS_ADDR:
		return vm_set_tss(vm, arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return vm_set_identity_map(vm, arg);
	case KVM_SET_BOOT_CPU_ID:
		return vm_set_boot_cpu(vm, arg);
	case KVM_SET_TSC_KHZ:
		return vm_set_tsc_khz(vm, arg);
	case KVM_GET_TSC_KHZ:
		return vm->tsc_khz;
	case KVM_GET_CLOCK:
		return hgl_clock_get(vm, (void __user *)arg);
	case KVM_SET_CLOCK:
		return hgl_clock_set(vm, (const void __user *)arg);
	case KVM_MEMORY_ENCRYPT_OP:
		return hgl_sev_op(vm, (void __user *)arg);
	case KVM_MEMORY_ENCRYPT_REG_REGION:
		return vm_encrypt_region(vm, arg, true);
	case KVM_MEMORY_ENCRYPT_UNREG_REGION:
		return vm_encrypt_region(vm, arg, false);
	default:
		return hgl_irqchip_vm_ioctl(vm, cmd, arg);
	}
}

/* -EIO from a process that has not created the VM, or when it is dying. */
static int check_owner(const struct hgl_vm *vm)
{
	return current->mm == vm->mm && !READ_ONCE(vm->dead) ? 0 : -EIO;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct hgl_vm *vm = file->private_data;

	return check_owner(vm) ?: vm_dispatch(vm, cmd, arg);
}

#ifdef CONFIG_COMPAT
/*
 * 32-bit callers: only the pointers inside the two log structures differ, as
 * what shares their union with them may be garbage above 32 bits.
 */
static long vm_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct hgl_vm *vm = file->private_data;
	struct kvm_clear_dirty_log clear;
	struct kvm_dirty_log log;
	int ret;

	ret = check_owner(vm);
	if (ret)
		return ret;

	switch (cmd) {
	case KVM_GET_DIRTY_LOG:
		ret = copy_in(&log, (unsigned long)compat_ptr(arg), sizeof(log));
		if (ret)
			return ret;
		log.dirty_bitmap = compat_ptr((u32)log.padding2);
		return hgl_slots_dirty_log(vm, &log);
	case KVM_CLEAR_DIRTY_LOG:
		ret = copy_in(&clear, (unsigned long)compat_ptr(arg), sizeof(clear));
		if (ret)
			return ret;
		clear.dirty_bitmap = compat_ptr((u32)clear.padding2);
		return hgl_slots_clear_dirty(vm, &clear);
	default:
		return vm_dispatch(vm, cmd, (unsigned long)compat_ptr(arg));
	}
}
#endif

static int vm_release(struct inode *inode, struct file *file)
{
	struct hgl_vm *vm = file->private_data;

	/* Event fds hold references of their own and would keep the VM for ever. */
	hgl_irqchip_vm_release(vm);
	hgl_vm_put(vm);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner		= THIS_MODULE,
	.release	= vm_release,
	.unlocked_ioctl	= vm_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= vm_compat_ioctl,
#endif
	.llseek		= noop_llseek,
};

/*
 * KVM_CREATE_VM. @type selects kinds of VMs that x86 has not: 0 only.
 * A file descriptor, -EINVAL (type), -ENOMEM, -ENOSPC (HG_MAX_DOMAINS), -EMFILE,
 * -ENFILE, -EINTR, -EIO.
 */
int hgl_vm_create_fd(unsigned long type)
{
	struct hgl_vm *vm;
	int fd;

	if (type)
		return -EINVAL;

	vm = vm_create();
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	fd = anon_inode_getfd("hypergpu-vm", &vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		hgl_irqchip_vm_release(vm);
		hgl_vm_put(vm);
	}
	return fd;
}
