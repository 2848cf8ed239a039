// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters in debugfs, and what a launch digest needs to know of a VMM.
 *
 *	hypergpu/vms, frames_*			the module and its frames
 *	hypergpu/vm-<pid>-<id>/			a VM, and its domain in the core
 *	hypergpu/vm-<pid>-<id>/vcpu<id>/	a vCPU, and its own in the core
 *
 * debugfs waits for open readers when a file is removed, so a file may point
 * at a VM or vCPU that is freed right after.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>

#include "../core/page.h"
#include "cvm.h"
#include "debugfs.h"
#include "memory.h"

static struct dentry *root;
static atomic_t nr_vms;

/* ---- the module ---- */

static int vms_get(void *data, u64 *value)
{
	*value = atomic_read(&nr_vms);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(vms_fops, vms_get, NULL, "%llu\n");

static int frames_get(void *data, u64 *value)
{
	s64 count = hgl_call(HG_CALL_FRAME_STAT, (unsigned long)data);

	if (count < 0)
		return -EIO;
	*value = count;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(frames_fops, frames_get, NULL, "%llu\n");

static const char *const frame_files[HG_FRAME_STATES] = {
	[HG_FRAME_HOST]		= "frames_host",
	[HG_FRAME_LENT]		= "frames_lent",
	[HG_FRAME_CONTROL]	= "frames_control",
	[HG_FRAME_CORE]		= "frames_core",
	[HG_FRAME_DEVICE]	= "frames_device",
	[HG_FRAME_PRIVATE]	= "frames_private",
};

void hgl_debugfs_init(void)
{
	unsigned long i;

	root = debugfs_create_dir("hypergpu", NULL);
	debugfs_create_file_unsafe("vms", 0444, root, NULL, &vms_fops);
	for (i = 0; i < HG_FRAME_STATES; i++)
		debugfs_create_file_unsafe(frame_files[i], 0444, root, (void *)i, &frames_fops);
}

void hgl_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}

/* ---- a VM ---- */

/* The domain's counters: one getter each, as a file has room for one pointer. */
#define DOMAIN_FILES(X)							\
	X(CACHE,	"domain_cache")					\
	X(TABLES,	"domain_tables")				\
	X(MAPPED_4K,	"domain_mapped_4k")				\
	X(MAPPED_2M,	"domain_mapped_2m")				\
	X(MAPPED_1G,	"domain_mapped_1g")				\
	X(PRIVATE_4K,	"domain_private_4k")				\
	X(PRIVATE_2M,	"domain_private_2m")				\
	X(CONVERTED,	"domain_converted")				\
	X(DENIED,	"domain_denied")

static int domain_get(const struct hgl_vm *vm, enum hg_domain_stat which, u64 *value)
{
	s64 count = hgl_call(HG_CALL_DOMAIN_STAT, vm->domain, which);

	if (count < 0)
		return -EIO;
	*value = count;
	return 0;
}

#define X(which, file)							\
static int domain_##which##_get(void *data, u64 *value)			\
{									\
	return domain_get(data, HG_DOMAIN_STAT_##which, value);		\
}									\
DEFINE_DEBUGFS_ATTRIBUTE(domain_##which##_fops, domain_##which##_get, NULL, "%llu\n");
DOMAIN_FILES(X)
#undef X

/*
 * The CPUID tables that the VMM has set, as `hgvmm --dump-cpuid` writes them: QEMU
 * cannot tell, and they are a part of the launch digest. Empty unless the VM is
 * confidential and sealed: from then on neither tables nor vCPUs change.
 */
static void show_table(struct seq_file *m, const struct hgl_vcpu *vcpu)
{
	u32 i;

	for (i = 0; i < vcpu->cpuid_count; i++) {
		const struct kvm_cpuid_entry2 *e = &vcpu->cpuid[i];

		seq_printf(m, "%s\n[%u,%u,%u,%u,%u,%u,%u]", i ? "," : "", e->function, e->index,
			   e->flags, e->eax, e->ebx, e->ecx, e->edx);
	}
}

static int cpuid_show(struct seq_file *m, void *unused)
{
	const struct hgl_vm *vm = m->private;
	u32 i;

	if (smp_load_acquire(&vm->cvm) < HG_CVM_SEALED)
		return 0;
	seq_printf(m, "{\"c_bit\":%u,\"vcpus\":[", hgl_sev_c_bit(vm));
	for (i = 0; i < vm->nr_vcpus; i++) {
		seq_puts(m, i ? ",\n[" : "[");
		show_table(m, vm->vcpus[i]);
		seq_puts(m, "]");
	}
	seq_puts(m, "]}\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cpuid);

void hgl_debugfs_vm_add(struct hgl_vm *vm)
{
	char name[32];

	atomic_inc(&nr_vms);
	snprintf(name, sizeof(name), "vm-%d-%u", vm->pid, vm->id);
	vm->debugfs = debugfs_create_dir(name, root);

#define X(counter) debugfs_create_u64(#counter, 0444, vm->debugfs, &vm->stat.counter);
	HGL_VM_STATS(X)
#undef X
#define X(which, file)							\
	debugfs_create_file_unsafe(file, 0444, vm->debugfs, vm, &domain_##which##_fops);
	DOMAIN_FILES(X)
#undef X
	debugfs_create_u32("vcpus", 0444, vm->debugfs, &vm->nr_vcpus);
	debugfs_create_file("cpuid", 0400, vm->debugfs, vm, &cpuid_fops);
}

void hgl_debugfs_vm_remove(struct hgl_vm *vm)
{
	debugfs_remove_recursive(vm->debugfs);
	vm->debugfs = NULL;
	atomic_dec(&nr_vms);
}

/* ---- a vCPU ---- */

#define CORE_COUNTERS(X)						\
	X(runs) X(cpuid) X(cr) X(msr) X(other)

void hgl_debugfs_vcpu_add(struct hgl_vcpu *vcpu)
{
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	vcpu->debugfs = debugfs_create_dir(name, vcpu->vm->debugfs);

#define X(counter) debugfs_create_u64(#counter, 0444, vcpu->debugfs, &vcpu->stat.counter);
	HGL_VCPU_STATS(X)
#undef X
#define X(counter)							\
	debugfs_create_u64("core_" #counter, 0444, vcpu->debugfs, &vcpu->page->stat_##counter);
	CORE_COUNTERS(X)
#undef X
}
