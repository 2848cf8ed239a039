// SPDX-License-Identifier: GPL-2.0-only
/*
 * hypergpu.ko: load, unload, CPUs that come and go, and /dev/hypergpu.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cc_platform.h>
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/init.h>
#include <linux/ioport.h>
#include <linux/kvm.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/syscore_ops.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/tlbflush.h>

#include "cap.h"
#include "core_start.h"
#include "cvm.h"
#include "debugfs.h"
#include "measure.h"
#include "nest.h"
#include "vcpu.h"

#define HGL_NAME	"hypergpu"

/* ---- /dev/hypergpu, /dev/kvm ---- */

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return hgl_vm_create_fd(arg);
	case KVM_CHECK_EXTENSION:
		return hgl_check_extension(NULL, arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : 3 * PAGE_SIZE;	/* run, port data, coalesced ring */
	}
	ret = hgl_cpuid_system_ioctl(cmd, arg);
	if (ret == -ENOTTY)
		ret = hgl_msr_system_ioctl(cmd, arg);
	return ret;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice hypergpu_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = HGL_NAME,
	.fops = &device_fops,
};

static struct miscdevice kvm_device = {
	.minor = KVM_MINOR,
	.name = "kvm",
	.fops = &device_fops,
};
static bool have_kvm_device;

static int devices_init(void)
{
	int ret;

	ret = misc_register(&hypergpu_device);
	if (ret) {
		pr_err(HGL_NAME ": cannot register /dev/" HGL_NAME ": error %d\n", ret);
		return ret;
	}
	have_kvm_device = !misc_register(&kvm_device);
	if (!have_kvm_device)
		pr_info(HGL_NAME ": /dev/kvm is taken: only /dev/" HGL_NAME " is offered\n");
	return 0;
}

static void devices_exit(void)
{
	if (have_kvm_device)
		misc_deregister(&kvm_device);
	misc_deregister(&hypergpu_device);
}

/* ---- CPUs ---- */

static enum cpuhp_state cpuhp_state;
static struct page **cpu_frames;	/* one a CPU, donated while it is on */

static int cpu_on(unsigned int cpu)
{
	unsigned long flags;
	s64 status;

	local_irq_save(flags);
	status = hg_core_cpu_on(cpu, page_to_pfn(cpu_frames[cpu]));
	local_irq_restore(flags);
	if (status == HG_E_BUSY)
		pr_err(HGL_NAME ": CPU %u: SVM is in use by another hypervisor\n", cpu);
	else if (status)
		pr_err(HGL_NAME ": CPU %u: cannot be virtualized: status %lld\n", cpu, status);
	return status ? -EBUSY : 0;
}

static int cpu_off(unsigned int cpu)
{
	unsigned long flags;
	s64 status;

	local_irq_save(flags);
	status = hg_core_cpu_off(cpu);
	local_irq_restore(flags);
	WARN(status && status != HG_E_ABSENT, HGL_NAME ": CPU %u not off: status %lld\n", cpu,
	     status);
	return 0;
}

/* The boot CPU takes no hotplug path through suspend. Interrupts are off. */
/*
 * How far the host's TSC has fallen back over all suspends. vCPUs add what they
 * have not seen yet, so that no guest sees its time go backwards.
 */
u64 hgl_tsc_lost;
static u64 tsc_at_suspend;

static int suspend(void)
{
	tsc_at_suspend = rdtsc_ordered();
	hg_core_cpu_off(smp_processor_id());
	return 0;
}

static void resume(void)
{
	u64 now = rdtsc_ordered();

	if (now < tsc_at_suspend)
		WRITE_ONCE(hgl_tsc_lost, hgl_tsc_lost + tsc_at_suspend - now);
	WARN_ON(hg_core_cpu_on(smp_processor_id(),
			       page_to_pfn(cpu_frames[smp_processor_id()])));
}

static struct syscore_ops syscore = {
	.suspend = suspend,
	.resume = resume,
};

static void cpu_off_ipi(void *unused)
{
	hg_core_cpu_off(smp_processor_id());
}

/*
 * A kernel started by kexec must not find SVM on: its INIT would be lost. Nor must one
 * in a guest find pages missing that this one gave away.
 */
static int reboot(struct notifier_block *nb, unsigned long event, void *unused)
{
	hgl_vms_stop();
	if (static_branch_unlikely(&hgl_nested)) {
		hgl_nest_clean();
		return NOTIFY_DONE;
	}
	/* Nor the report key, in memory that kexec does not clear. */
	hgl_measure_reboot();
	on_each_cpu(cpu_off_ipi, NULL, 1);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = reboot,
};

static void free_cpu_frames(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_frames[cpu])
			__free_page(cpu_frames[cpu]);
	kfree(cpu_frames);
}

static int alloc_cpu_frames(void)
{
	unsigned int cpu;

	cpu_frames = kcalloc(nr_cpu_ids, sizeof(*cpu_frames), GFP_KERNEL);
	if (!cpu_frames)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		cpu_frames[cpu] = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!cpu_frames[cpu]) {
			free_cpu_frames();
			return -ENOMEM;
		}
	}
	return 0;
}

/* The processors of a guest are the core's already. What is left is the reboot. */
static int cpus_init(void)
{
	int ret;

	if (static_branch_unlikely(&hgl_nested)) {
		register_reboot_notifier(&reboot_notifier);
		return 0;
	}
	ret = alloc_cpu_frames();
	if (ret)
		return ret;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "virt/hypergpu:online", cpu_on, cpu_off);
	if (ret < 0) {
		free_cpu_frames();
		return ret;
	}
	cpuhp_state = ret;
	register_syscore_ops(&syscore);
	register_reboot_notifier(&reboot_notifier);
	return 0;
}

static void cpus_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	if (static_branch_unlikely(&hgl_nested))
		return;
	unregister_syscore_ops(&syscore);
	cpuhp_remove_state(cpuhp_state);
	free_cpu_frames();
}

/* ---- what we refuse to load on ---- */

/*
 * kvm.ko owns the same CPU state. It may be loaded without either of its
 * vendor modules, but then they can follow at any moment.
 */
static int refuse_kvm(void)
{
	if (!__symbol_get("kvm_get_kvm"))
		return 0;
	__symbol_put("kvm_get_kvm");
	pr_err(HGL_NAME ": kvm is loaded; unload it first: rmmod kvm_amd kvm_intel kvm\n");
	return -EBUSY;
}

/*
 * The core reaches every frame through one linear map and writes physical
 * addresses into tables as they are. Where the kernel does otherwise, nothing
 * here would be right.
 */
static int refuse_layout(void)
{
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		pr_err(HGL_NAME ": unknown kernel layout: memory encryption (SME, SEV or TDX) is on\n");
		return -EOPNOTSUPP;
	}
	if (virt_to_phys((void *)PAGE_OFFSET) != 0 || PAGE_SIZE != HG_PAGE_SIZE) {
		pr_err(HGL_NAME ": unknown kernel layout: no linear map of memory from address 0\n");
		return -EOPNOTSUPP;
	}
	if (__read_cr4() & X86_CR4_LA57) {
		pr_err(HGL_NAME ": unknown kernel layout: five-level paging is on; boot with no5lvl\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* What the core itself needs. */
static int refuse_cpu(void)
{
	if (boot_cpu_has(X86_FEATURE_XSAVE) && boot_cpu_has(X86_FEATURE_NX))
		return 0;
	pr_err(HGL_NAME ": the CPU lacks XSAVE or NX\n");
	return -EOPNOTSUPP;
}

/* ---- the module ---- */

static int __init hypergpu_init(void)
{
	int ret;

	ret = refuse_kvm();
	if (ret)
		return ret;
	ret = refuse_layout();
	if (ret)
		return ret;
	ret = hgl_nest_probe();
	if (ret < 0)
		return ret;
	if (ret)
		hgl_nest_clean();
	else if (refuse_cpu())
		return -EOPNOTSUPP;
	ret = hgl_core_start();
	if (ret)
		return ret;
	ret = cpus_init();
	if (ret)
		goto stop_core;
	hgl_debugfs_init();
	ret = devices_init();
	if (ret)
		goto exit_debugfs;
	ret = hgl_sev_dev_init();
	if (ret)
		goto exit_devices;
	/*
	 * Last, as it cannot be taken back: after a load that failed, no verifier would believe
	 * reports until the next boot. A CVM that asks before it is done gets no report.
	 */
	hgl_measure_init();
	pr_info(HGL_NAME ": ready on %u CPUs, %s\n", num_online_cpus(), hgl_core_describe());
	return 0;

exit_devices:
	devices_exit();
exit_debugfs:
	hgl_debugfs_exit();
	cpus_exit();
stop_core:
	hgl_core_stop();
	return ret;
}

/* No VM exists: each holds a reference to the module through its files. */
static void __exit hypergpu_exit(void)
{
	hgl_measure_exit();
	hgl_sev_dev_exit();
	devices_exit();
	hgl_debugfs_exit();
	cpus_exit();
	hgl_core_stop();
}

module_init(hypergpu_init);
module_exit(hypergpu_exit);

MODULE_DESCRIPTION("HyperGPU: confidential computing on ordinary CPUs and GPUs");
MODULE_LICENSE("GPL v2");
MODULE_VERSION("0.1.0");
